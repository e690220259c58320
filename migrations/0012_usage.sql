-- Limits of namespaces and what was used, month by month.

-- A namespace with a limit of its own, and the sum of its namespace_blobs. Without a row nothing of it is counted at a push.
CREATE TABLE namespace_limits (
    namespace_id  TEXT NOT NULL PRIMARY KEY REFERENCES namespaces (id) ON DELETE CASCADE,
    account_id    TEXT NOT NULL REFERENCES accounts (id),
    limit_bytes   BIGINT NOT NULL CHECK (limit_bytes >= 0),
    used_bytes    BIGINT NOT NULL CHECK (used_bytes >= 0),
    updated_at_ms BIGINT NOT NULL
);
CREATE INDEX namespace_limits_account ON namespace_limits (account_id);

-- Each digest that the manifests of such a namespace reference, once. `reference_count` counts manifests.
CREATE TABLE namespace_blobs (
    namespace_id    TEXT NOT NULL REFERENCES namespace_limits (namespace_id) ON DELETE CASCADE,
    digest          TEXT NOT NULL,
    size_bytes      BIGINT NOT NULL,
    reference_count BIGINT NOT NULL CHECK (reference_count > 0),
    PRIMARY KEY (namespace_id, digest)
);

-- What was pulled from and pushed to a namespace in a calendar month (UTC, '2026-11'). In batches. By name: it outlives the
-- namespace, and one made anew under the name goes on with it.
CREATE TABLE namespace_traffic (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    month      TEXT COLLATE "C" NOT NULL,
    namespace  TEXT COLLATE "C" NOT NULL,
    pull_bytes BIGINT NOT NULL,
    pulls      BIGINT NOT NULL,
    pushes     BIGINT NOT NULL,
    PRIMARY KEY (account_id, month, namespace)
);

-- What an account stored in a month, by looks at its running total on the hour: the sum of what they saw, how many they
-- were, the most that they saw, and the plan at the last of them.
CREATE TABLE account_storage (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    month      TEXT COLLATE "C" NOT NULL,
    byte_hours BIGINT NOT NULL,
    hours      BIGINT NOT NULL,
    peak_bytes BIGINT NOT NULL,
    plan       TEXT,
    PRIMARY KEY (account_id, month)
);
CREATE INDEX account_storage_month ON account_storage (month, account_id);

-- Months whose figures will not change any more.
CREATE TABLE closed_months (
    month        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    closed_at_ms BIGINT NOT NULL
);

-- Operators look accounts up by what their names begin with.
CREATE INDEX accounts_name ON accounts (name COLLATE "C");

-- What goes with the end of an account.
CREATE INDEX account_addresses_account ON account_addresses (account_id, host);
CREATE INDEX identity_sources_account ON identity_sources (account_id) WHERE account_id IS NOT NULL;

-- The programs that serve the deployment: each writes its row when it begins, looks in again and again, and takes the row away
-- when it ends.
CREATE TABLE replicas (
    id            TEXT NOT NULL PRIMARY KEY,
    host          TEXT NOT NULL,
    addresses     TEXT NOT NULL,
    version       TEXT NOT NULL,
    started_at_ms BIGINT NOT NULL,
    seen_at_ms    BIGINT NOT NULL
);
