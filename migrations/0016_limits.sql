-- Limits that an account sets for itself, and what else it has settled for its namespaces.

-- What an account may use by its own will; null for as much as its plan allows. Never more than the plan: the smaller of the
-- two holds, and that of storage stands in account_usage.limit_bytes, which pushes are held against.
CREATE TABLE account_limits (
    account_id           TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id),
    storage_bytes        BIGINT CHECK (storage_bytes > 0),
    pull_bytes_per_month BIGINT CHECK (pull_bytes_per_month > 0),
    updated_at_ms        BIGINT NOT NULL
);

-- Digests that an account's repositories were given and that no manifest of the account references yet, each once. What is
-- here has a limit of its own. A push takes what it references out, the collector what nobody came for.
CREATE TABLE unreferenced_blobs (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    digest     TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    PRIMARY KEY (account_id, digest)
);
CREATE INDEX unreferenced_blobs_sizes ON unreferenced_blobs (account_id, size_bytes);
INSERT INTO unreferenced_blobs (account_id, digest, size_bytes)
    SELECT k.account_id, k.digest, MAX(b.size_bytes) FROM repository_blob_reviews v
    JOIN repository_blobs k ON k.repository_id = v.repository_id AND k.digest = v.digest
    JOIN blobs b ON b.storage = k.storage AND b.digest = k.digest
    WHERE NOT EXISTS (SELECT 1 FROM account_blobs a WHERE a.account_id = k.account_id AND a.digest = k.digest)
    GROUP BY k.account_id, k.digest;

-- Vulnerabilities that an account, or one namespace of it, accepts: a JSON list of names such as CVE-2026-1. The list counts
-- for nothing after `expires_at_ms`, and stays.
CREATE TABLE cve_allowlists (
    id            TEXT NOT NULL PRIMARY KEY,
    account_id    TEXT NOT NULL REFERENCES accounts (id),
    namespace_id  TEXT REFERENCES namespaces (id) ON DELETE CASCADE,
    items         TEXT NOT NULL,
    expires_at_ms BIGINT,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX cve_allowlists_account ON cve_allowlists (account_id) WHERE namespace_id IS NULL;
CREATE UNIQUE INDEX cve_allowlists_namespace ON cve_allowlists (namespace_id) WHERE namespace_id IS NOT NULL;
