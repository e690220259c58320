-- Accounts, people, and what they may do.
-- One text for both databases: ids are UUIDv7 text, times BIGINT milliseconds (…_at_ms), booleans SMALLINT 0 or 1,
-- JSON is TEXT. Names that are compared in byte order carry COLLATE "C".

CREATE TABLE deployment (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE accounts (
    id                         TEXT NOT NULL PRIMARY KEY,
    name                       TEXT NOT NULL UNIQUE,
    state                      TEXT NOT NULL CHECK (state IN ('active', 'suspended', 'closing')),
    creates_namespaces_on_push SMALLINT NOT NULL CHECK (creates_namespaces_on_push IN (0, 1)),
    created_at_ms              BIGINT NOT NULL
);

-- The host names under which exactly one account's namespaces exist.
CREATE TABLE account_addresses (
    host       TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id)
);

-- Who vouches for users: local passwords now. `account_id` is null for a source of the whole deployment.
CREATE TABLE identity_sources (
    id         TEXT NOT NULL PRIMARY KEY,
    account_id TEXT REFERENCES accounts (id),
    kind       TEXT NOT NULL CHECK (kind IN ('password')),
    name       TEXT NOT NULL UNIQUE
);

-- `credential_epoch` grows whenever something that was proven before must be proven again.
CREATE TABLE users (
    id               TEXT NOT NULL PRIMARY KEY,
    source_id        TEXT NOT NULL REFERENCES identity_sources (id),
    home_account_id  TEXT NOT NULL REFERENCES accounts (id),
    name             TEXT COLLATE "C" NOT NULL,
    password_hash    TEXT,
    is_disabled      SMALLINT NOT NULL CHECK (is_disabled IN (0, 1)),
    credential_epoch BIGINT NOT NULL,
    created_at_ms    BIGINT NOT NULL,
    UNIQUE (source_id, name)
);

CREATE TABLE memberships (
    account_id    TEXT NOT NULL REFERENCES accounts (id),
    user_id       TEXT NOT NULL REFERENCES users (id),
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (account_id, user_id)
);

-- Personal access tokens. Only a keyed hash of the secret is kept. `actions` is what they may do of all that their user
-- may: 'pull', 'push' and 'delete', separated by commas.
CREATE TABLE access_tokens (
    id              TEXT NOT NULL PRIMARY KEY,
    user_id         TEXT NOT NULL REFERENCES users (id),
    name            TEXT COLLATE "C" NOT NULL,
    secret_hash     TEXT NOT NULL UNIQUE,
    actions         TEXT NOT NULL,
    created_at_ms   BIGINT NOT NULL,
    expires_at_ms   BIGINT,
    last_used_at_ms BIGINT,
    UNIQUE (user_id, name)
);

-- What `docker login` keeps. It never outlives the credential it was made with.
CREATE TABLE refresh_tokens (
    secret_hash      TEXT NOT NULL PRIMARY KEY,
    user_id          TEXT NOT NULL REFERENCES users (id),
    access_token_id  TEXT REFERENCES access_tokens (id) ON DELETE CASCADE,
    service          TEXT NOT NULL,
    credential_epoch BIGINT NOT NULL,
    expires_at_ms    BIGINT NOT NULL
);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at_ms);
CREATE INDEX refresh_tokens_access_token ON refresh_tokens (access_token_id);

-- Keys that sign access tokens, newest used. The private half is sealed with the deployment's key.
CREATE TABLE signing_keys (
    id             TEXT NOT NULL PRIMARY KEY,
    sealed_private TEXT NOT NULL,
    created_at_ms  BIGINT NOT NULL
);

CREATE TABLE namespaces (
    id            TEXT NOT NULL PRIMARY KEY,
    account_id    TEXT NOT NULL REFERENCES accounts (id),
    name          TEXT COLLATE "C" NOT NULL,
    is_public     SMALLINT NOT NULL CHECK (is_public IN (0, 1)),
    created_at_ms BIGINT NOT NULL,
    UNIQUE (account_id, name)
);

-- Under which account's namespace a name is known on the deployment's shared address.
CREATE TABLE namespace_claims (
    name         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_id   TEXT NOT NULL REFERENCES accounts (id),
    namespace_id TEXT NOT NULL UNIQUE REFERENCES namespaces (id)
);

-- A subject has a role in a scope. `namespace_id` is null for the whole account.
CREATE TABLE grants (
    id            TEXT NOT NULL PRIMARY KEY,
    account_id    TEXT NOT NULL REFERENCES accounts (id),
    subject_kind  TEXT NOT NULL CHECK (subject_kind IN ('user')),
    subject_id    TEXT NOT NULL,
    role          TEXT NOT NULL,
    scope_kind    TEXT NOT NULL CHECK (scope_kind IN ('account', 'namespace')),
    namespace_id  TEXT REFERENCES namespaces (id),
    created_at_ms BIGINT NOT NULL,
    CHECK ((scope_kind = 'account') = (namespace_id IS NULL))
);
CREATE INDEX grants_subject ON grants (subject_id, account_id);
CREATE UNIQUE INDEX grants_account ON grants (account_id, subject_id, role) WHERE namespace_id IS NULL;
CREATE UNIQUE INDEX grants_namespace ON grants (namespace_id, subject_id) WHERE namespace_id IS NOT NULL;

-- Who runs the deployment. Membership of an account does not follow from it.
CREATE TABLE operators (
    user_id       TEXT NOT NULL PRIMARY KEY REFERENCES users (id),
    created_at_ms BIGINT NOT NULL
);
