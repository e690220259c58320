-- Sinks: where an account's log goes.

-- A place outside to which all of an account's events are sent, in order; its follower has its id. `sealed_url` and
-- `sealed_secret` are sealed, `origin` is what people may see of the URL. `settings` are as its kind has them, in JSON, without
-- secrets. `sent_events` counts events that its receiver took. `told_hour` is the last hour, since 1970, of which a usage line
-- was written into the account's log; `version` grows with each change.
CREATE TABLE sinks (
    id                   TEXT NOT NULL PRIMARY KEY,
    account_id           TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name                 TEXT NOT NULL,
    kind                 TEXT NOT NULL CHECK (kind IN ('syslog', 'https', 's3', 'otlp')),
    sealed_url           TEXT NOT NULL,
    origin               TEXT NOT NULL,
    sealed_secret        TEXT,
    settings             TEXT NOT NULL,
    verifies_certificate SMALLINT NOT NULL CHECK (verifies_certificate IN (0, 1)),
    is_enabled           SMALLINT NOT NULL CHECK (is_enabled IN (0, 1)),
    sent_events          BIGINT NOT NULL,
    sent_at_ms           BIGINT,
    told_hour            BIGINT NOT NULL,
    creator              TEXT NOT NULL,
    version              BIGINT NOT NULL,
    created_at_ms        BIGINT NOT NULL,
    updated_at_ms        BIGINT NOT NULL,
    UNIQUE (account_id, name)
);
CREATE INDEX sinks_told ON sinks (told_hour, account_id);
