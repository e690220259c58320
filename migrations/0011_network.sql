-- From where an account may be reached, and under which names.

-- An account's rules. No row: from everywhere. The lists are JSON: [{"range": "10.0.0.0/8", "description": …}]; an empty one
-- allows every address. `version` grows with every change, those of the account's namespaces included.
CREATE TABLE network_rules (
    account_id      TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    is_private_only SMALLINT NOT NULL CHECK (is_private_only IN (0, 1)),
    management      TEXT NOT NULL,
    registry        TEXT NOT NULL,
    version         BIGINT NOT NULL,
    updated_at_ms   BIGINT NOT NULL
);

-- Lists of single namespaces, for registry traffic. They go with their namespace.
CREATE TABLE namespace_network_rules (
    namespace_id TEXT NOT NULL PRIMARY KEY REFERENCES namespaces (id) ON DELETE CASCADE,
    account_id   TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    registry     TEXT NOT NULL
);
CREATE INDEX namespace_network_rules_account ON namespace_network_rules (account_id);
