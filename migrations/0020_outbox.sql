-- Who is told of what happens: followers of accounts' events, webhooks, and what was sent to them.

-- A webhook to which an account's namespace sends some of its events. It goes with its namespace: who gets the name later has
-- nothing of it. `sealed_url`, `sealed_auth` and `sealed_secret` are sealed, `shown_url` is what people may see of the URL.
-- `event_types` are words with blanks between; `repositories` and `tags` are patterns, empty for all. `version` grows with each
-- change, `last_delivery` with each delivery.
CREATE TABLE webhooks (
    id                   TEXT NOT NULL PRIMARY KEY,
    account_id           TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    namespace_id         TEXT NOT NULL REFERENCES namespaces (id) ON DELETE CASCADE,
    name                 TEXT NOT NULL,
    description          TEXT NOT NULL,
    kind                 TEXT NOT NULL CHECK (kind IN ('http', 'slack')),
    format               TEXT NOT NULL CHECK (format IN ('default', 'cloudevents', 'slack')),
    sealed_url           TEXT NOT NULL,
    shown_url            TEXT NOT NULL,
    origin               TEXT NOT NULL,
    sealed_auth          TEXT,
    sealed_secret        TEXT,
    verifies_certificate SMALLINT NOT NULL CHECK (verifies_certificate IN (0, 1)),
    event_types          TEXT NOT NULL,
    repositories         TEXT NOT NULL,
    tags                 TEXT NOT NULL,
    is_enabled           SMALLINT NOT NULL CHECK (is_enabled IN (0, 1)),
    creator              TEXT NOT NULL,
    version              BIGINT NOT NULL,
    last_delivery        BIGINT NOT NULL,
    created_at_ms        BIGINT NOT NULL,
    updated_at_ms        BIGINT NOT NULL,
    UNIQUE (namespace_id, name)
);
CREATE INDEX webhooks_account ON webhooks (account_id);

-- Whoever reads an account's sealed events one after the other: a webhook, or a sink, whose id it has. `read_number` is the
-- number of the newest event that it is done with. `failing_since_ms` is there while nothing else but failures came.
CREATE TABLE event_followers (
    id               TEXT NOT NULL PRIMARY KEY,
    account_id       TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    kind             TEXT NOT NULL,
    webhook_id       TEXT REFERENCES webhooks (id) ON DELETE CASCADE,
    read_number      BIGINT NOT NULL,
    state            TEXT NOT NULL CHECK (state IN ('active', 'paused')),
    failures         BIGINT NOT NULL,
    failing_since_ms BIGINT,
    retry_at_ms      BIGINT,
    missed           BIGINT NOT NULL,
    last_error       TEXT,
    created_at_ms    BIGINT NOT NULL
);
CREATE INDEX event_followers_account ON event_followers (account_id, id);
CREATE INDEX event_followers_webhook ON event_followers (webhook_id) WHERE webhook_id IS NOT NULL;

-- What was sent to a webhook, or waits for it. `number` counts in the webhook. `origin` says why: an event happened, it is a
-- trial, or a delivery (`of_number`) is sent again. `payload` is what is sent, `response` some of the answer.
CREATE TABLE webhook_deliveries (
    webhook_id      TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    number          BIGINT NOT NULL,
    account_id      TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    event_id        TEXT NOT NULL,
    event_type      TEXT NOT NULL,
    cause           TEXT NOT NULL CHECK (cause IN ('event', 'trial', 'again')),
    of_number       BIGINT,
    state           TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed', 'cancelled')),
    content_type    TEXT NOT NULL,
    payload         TEXT NOT NULL,
    attempts        BIGINT NOT NULL,
    response_status BIGINT,
    response        TEXT,
    error           TEXT,
    duration_ms     BIGINT,
    created_at_ms   BIGINT NOT NULL,
    sent_at_ms      BIGINT,
    ended_at_ms     BIGINT,
    PRIMARY KEY (webhook_id, number)
);
CREATE UNIQUE INDEX webhook_deliveries_event ON webhook_deliveries (webhook_id, event_id) WHERE cause = 'event';
CREATE UNIQUE INDEX webhook_deliveries_again ON webhook_deliveries (webhook_id, of_number)
    WHERE of_number IS NOT NULL AND state = 'waiting';
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (webhook_id, number) WHERE state = 'waiting' AND cause = 'event';
CREATE INDEX webhook_deliveries_by_hand ON webhook_deliveries (account_id) WHERE state = 'waiting' AND cause <> 'event';
CREATE INDEX webhook_deliveries_stuck ON webhook_deliveries (created_at_ms)
    WHERE state = 'waiting' AND cause <> 'event' AND ended_at_ms IS NULL;
CREATE INDEX webhook_deliveries_types ON webhook_deliveries (webhook_id, event_type, created_at_ms);
CREATE INDEX webhook_deliveries_account ON webhook_deliveries (account_id);
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (ended_at_ms) WHERE ended_at_ms IS NOT NULL;

-- When an event last said that a namespace's push was refused for want of room.
CREATE TABLE quota_refusals (
    namespace_id TEXT NOT NULL PRIMARY KEY REFERENCES namespaces (id) ON DELETE CASCADE,
    account_id   TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    told_at_ms   BIGINT NOT NULL
);
CREATE INDEX quota_refusals_account ON quota_refusals (account_id);
