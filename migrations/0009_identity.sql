-- Identity from outside: workloads that are trusted by rules, and people for whom an issuer vouches.

-- A workload that shows a token of `issuer` for `audience` whose claims are like `claims` may do what `permissions` say.
-- `claims` is JSON: {"sub": ["repo:acme/*:ref:refs/heads/main"]}; `permissions` as of robot accounts.
CREATE TABLE trust_rules (
    id                  TEXT NOT NULL PRIMARY KEY,
    account_id          TEXT NOT NULL REFERENCES accounts (id),
    name                TEXT COLLATE "C" NOT NULL,
    description         TEXT NOT NULL,
    issuer              TEXT COLLATE "C" NOT NULL,
    audience            TEXT COLLATE "C" NOT NULL,
    claims              TEXT NOT NULL,
    permissions         TEXT NOT NULL,
    token_lifetime_secs BIGINT NOT NULL,
    is_disabled         SMALLINT NOT NULL CHECK (is_disabled IN (0, 1)),
    created_at_ms       BIGINT NOT NULL,
    updated_at_ms       BIGINT NOT NULL,
    last_used_at_ms     BIGINT,
    UNIQUE (account_id, name)
);
CREATE INDEX trust_rules_issuer ON trust_rules (account_id, issuer);

-- What is known of an identity source that speaks OpenID Connect. `identity_sources.account_id` says who owns it, and its
-- `name` is its id. Whoever it brings belongs first to `home_account_id`. The client's secret is sealed.
CREATE TABLE oidc_sources (
    source_id            TEXT NOT NULL PRIMARY KEY REFERENCES identity_sources (id) ON DELETE CASCADE,
    home_account_id      TEXT NOT NULL REFERENCES accounts (id),
    name                 TEXT COLLATE "C" NOT NULL,
    issuer               TEXT COLLATE "C" NOT NULL,
    client_id            TEXT NOT NULL,
    sealed_client_secret TEXT,
    scopes               TEXT NOT NULL,
    name_claim           TEXT NOT NULL,
    groups_claim         TEXT NOT NULL,
    admin_group          TEXT NOT NULL,
    button_text          TEXT NOT NULL,
    onboards             SMALLINT NOT NULL CHECK (onboards IN (0, 1)),
    is_disabled          SMALLINT NOT NULL CHECK (is_disabled IN (0, 1)),
    created_at_ms        BIGINT NOT NULL,
    updated_at_ms        BIGINT NOT NULL,
    UNIQUE (home_account_id, name)
);

-- Who a user is at its source: never its address for mail, which anyone may claim.
CREATE TABLE external_users (
    user_id          TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    source_id        TEXT NOT NULL REFERENCES identity_sources (id) ON DELETE CASCADE,
    subject          TEXT COLLATE "C" NOT NULL,
    last_login_at_ms BIGINT NOT NULL,
    UNIQUE (source_id, subject)
);
-- A name is one user's, whichever source it is from.
CREATE UNIQUE INDEX users_name ON users (name);

-- Which source says who is in a group.
CREATE TABLE source_groups (
    group_id      TEXT NOT NULL PRIMARY KEY REFERENCES user_groups (id) ON DELETE CASCADE,
    source_id     TEXT NOT NULL REFERENCES identity_sources (id) ON DELETE CASCADE,
    external_name TEXT COLLATE "C" NOT NULL,
    UNIQUE (source_id, external_name)
);

-- Logins that came back from their issuer: none comes back twice.
CREATE TABLE spent_logins (
    state_hash    TEXT NOT NULL PRIMARY KEY,
    expires_at_ms BIGINT NOT NULL
);
CREATE INDEX spent_logins_expiry ON spent_logins (expires_at_ms);
