-- People, robots and settings: what an account's administrators manage. Everything here is beside what older programs know, and
-- goes by itself with the row that it is about, so that they may delete that row without knowing of this.

-- The numbers by which Harbor's API names what has an id here. They count per account and kind, from 1, and are never used
-- again. Given when first needed, so that no push waits for another's number. `id` has no foreign key: kinds differ.
CREATE TABLE numbers (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    kind       TEXT NOT NULL,
    number     BIGINT NOT NULL,
    id         TEXT NOT NULL,
    PRIMARY KEY (account_id, kind, number)
);
CREATE UNIQUE INDEX numbers_id ON numbers (account_id, kind, id);

-- The highest number given. The row is what two that give numbers at the same time wait for.
CREATE TABLE number_counters (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    kind       TEXT NOT NULL,
    highest    BIGINT NOT NULL,
    PRIMARY KEY (account_id, kind)
);

-- What a person says of itself, or an administrator of it.
CREATE TABLE user_profiles (
    user_id       TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    email         TEXT NOT NULL,
    real_name     TEXT NOT NULL,
    comment       TEXT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);

-- Logins by form. Only a keyed hash of the cookie is kept.
CREATE TABLE sessions (
    secret_hash      TEXT NOT NULL PRIMARY KEY,
    user_id          TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    credential_epoch BIGINT NOT NULL,
    created_at_ms    BIGINT NOT NULL,
    expires_at_ms    BIGINT NOT NULL
);
CREATE INDEX sessions_expiry ON sessions (expires_at_ms);
CREATE INDEX sessions_user ON sessions (user_id);

-- Groups get roles like users. `external_name` is what an identity source calls the group; null for one of the account's own.
CREATE TABLE user_groups (
    id            TEXT NOT NULL PRIMARY KEY,
    account_id    TEXT NOT NULL REFERENCES accounts (id),
    kind          TEXT NOT NULL CHECK (kind IN ('local', 'ldap', 'oidc')),
    name          TEXT COLLATE "C" NOT NULL,
    external_name TEXT COLLATE "C",
    created_at_ms BIGINT NOT NULL,
    UNIQUE (account_id, name)
);

CREATE TABLE user_group_members (
    group_id      TEXT NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,
    user_id       TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX user_group_members_user ON user_group_members (user_id);

-- Robot accounts: of an account, or of one namespace. `name` is the whole name with which they log in. Only keyed hashes of
-- their secrets are kept; while a secret is being replaced the one before is good until `previous_until_ms`.
-- `permissions` is JSON: [{"scope": …, "actions": […]}].
CREATE TABLE robots (
    id                   TEXT NOT NULL PRIMARY KEY,
    account_id           TEXT NOT NULL REFERENCES accounts (id),
    namespace_id         TEXT REFERENCES namespaces (id) ON DELETE CASCADE,
    name                 TEXT COLLATE "C" NOT NULL,
    short_name           TEXT COLLATE "C" NOT NULL,
    description          TEXT NOT NULL,
    permissions          TEXT NOT NULL,
    secret_hash          TEXT NOT NULL UNIQUE,
    previous_secret_hash TEXT UNIQUE,
    previous_until_ms    BIGINT,
    is_disabled          SMALLINT NOT NULL CHECK (is_disabled IN (0, 1)),
    duration_days        BIGINT NOT NULL,
    expires_at_ms        BIGINT,
    creator_kind         TEXT NOT NULL CHECK (creator_kind IN ('user', 'robot', 'operator')),
    creator_id           TEXT NOT NULL,
    created_at_ms        BIGINT NOT NULL,
    updated_at_ms        BIGINT NOT NULL,
    last_used_at_ms      BIGINT,
    UNIQUE (account_id, name)
);
CREATE INDEX robots_namespace ON robots (namespace_id) WHERE namespace_id IS NOT NULL;
CREATE INDEX robots_expiry ON robots (expires_at_ms) WHERE expires_at_ms IS NOT NULL;

-- What Harbor calls a project's metadata, as JSON of texts, and who made the namespace.
CREATE TABLE namespace_settings (
    namespace_id  TEXT NOT NULL PRIMARY KEY REFERENCES namespaces (id) ON DELETE CASCADE,
    settings      TEXT NOT NULL,
    owner_name    TEXT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);

-- How many repositories a namespace holds is counted from here.
CREATE INDEX repositories_listed ON repositories (namespace_id) WHERE is_listed = 1;

-- What people say of a repository, and how often it was pulled. Pulls come in batches.
CREATE TABLE repository_details (
    repository_id     TEXT NOT NULL PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
    description       TEXT NOT NULL,
    pull_count        BIGINT NOT NULL,
    last_pulled_at_ms BIGINT,
    updated_at_ms     BIGINT NOT NULL
);

-- When a manifest was last pulled. In batches, too.
CREATE TABLE manifest_pulls (
    manifest_id       TEXT NOT NULL PRIMARY KEY REFERENCES manifests (id) ON DELETE CASCADE,
    pull_count        BIGINT NOT NULL,
    last_pulled_at_ms BIGINT NOT NULL
);

-- Labels of an account, or of one namespace, and the manifests that carry them.
CREATE TABLE labels (
    id            TEXT NOT NULL PRIMARY KEY,
    account_id    TEXT NOT NULL REFERENCES accounts (id),
    namespace_id  TEXT REFERENCES namespaces (id) ON DELETE CASCADE,
    name          TEXT COLLATE "C" NOT NULL,
    description   TEXT NOT NULL,
    color         TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX labels_account ON labels (account_id, name) WHERE namespace_id IS NULL;
CREATE UNIQUE INDEX labels_namespace ON labels (namespace_id, name) WHERE namespace_id IS NOT NULL;

CREATE TABLE manifest_labels (
    manifest_id   TEXT NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
    label_id      TEXT NOT NULL REFERENCES labels (id) ON DELETE CASCADE,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (manifest_id, label_id)
);
CREATE INDEX manifest_labels_label ON manifest_labels (label_id);

-- Named limits. Null means no limit. Accounts choose offered ones themselves.
CREATE TABLE plans (
    id                   TEXT NOT NULL PRIMARY KEY,
    name                 TEXT COLLATE "C" NOT NULL UNIQUE,
    description          TEXT NOT NULL,
    storage_bytes        BIGINT,
    pull_bytes_per_month BIGINT,
    requests_at_once     BIGINT,
    namespaces           BIGINT,
    is_offered           SMALLINT NOT NULL CHECK (is_offered IN (0, 1)),
    created_at_ms        BIGINT NOT NULL
);

-- What an account has agreed to, beside what older programs know. No row: no plan, no limits. `accounts.state` says what may be
-- done at present; `state_reason` why, in words for its administrators. An account that is closing goes for good after
-- `destroy_at_ms`; what then remains is `destroyed_at_ms` and the receipt.
CREATE TABLE account_terms (
    account_id      TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id),
    plan_id         TEXT REFERENCES plans (id),
    settings        TEXT NOT NULL,
    state_reason    TEXT,
    destroy_at_ms   BIGINT,
    destroyed_at_ms BIGINT,
    receipt         TEXT,
    updated_at_ms   BIGINT NOT NULL
);
CREATE INDEX account_terms_destroy ON account_terms (destroy_at_ms)
    WHERE destroy_at_ms IS NOT NULL AND destroyed_at_ms IS NULL;
CREATE INDEX account_terms_plan ON account_terms (plan_id);

-- What was pulled and pushed per calendar month (UTC, '2026-11'). In batches.
CREATE TABLE account_traffic (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    month      TEXT COLLATE "C" NOT NULL,
    pull_bytes BIGINT NOT NULL,
    pulls      BIGINT NOT NULL,
    pushes     BIGINT NOT NULL,
    PRIMARY KEY (account_id, month)
);

-- The client's program; what it was about, and in which namespace (by its id, and without a foreign key: an event outlives
-- what it is about); and the link of the chain that the sealer made: SHA-256 over the link before and this event.
ALTER TABLE events ADD COLUMN agent TEXT;
ALTER TABLE events ADD COLUMN resource TEXT;
ALTER TABLE events ADD COLUMN namespace_id TEXT;
ALTER TABLE events ADD COLUMN hash TEXT;
CREATE INDEX events_namespace ON events (namespace_id, number) WHERE namespace_id IS NOT NULL;
CREATE INDEX events_kind ON events (account_id, kind, number);
CREATE INDEX events_deployment ON events (number) WHERE account_id IS NULL;

-- Where an account's chain stands: the number and link of its newest event, and of the newest that was purged. The
-- deployment's own chain has the empty text for an account.
CREATE TABLE event_chains (
    account_id     TEXT NOT NULL PRIMARY KEY,
    sealed_number  BIGINT NOT NULL,
    sealed_hash    TEXT NOT NULL,
    purged_number  BIGINT NOT NULL,
    purged_hash    TEXT NOT NULL,
    purged_at_ms   BIGINT
);

-- Deleting a user asks every table that may name it.
CREATE INDEX memberships_user ON memberships (user_id);
CREATE INDEX refresh_tokens_user ON refresh_tokens (user_id);
