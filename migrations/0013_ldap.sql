-- Directories: people for whom an LDAP server vouches.

-- What is known of an identity source that is a directory. `identity_sources.account_id` says who owns it, and its `name` is
-- its id. Whoever it brings belongs first to `home_account_id`. `settings` is JSON: where the directory is, and how people and
-- groups are found in it. The password with which the registry itself logs in there is sealed, and beside it.
CREATE TABLE ldap_sources (
    source_id            TEXT NOT NULL PRIMARY KEY REFERENCES identity_sources (id) ON DELETE CASCADE,
    home_account_id      TEXT NOT NULL REFERENCES accounts (id),
    name                 TEXT COLLATE "C" NOT NULL,
    settings             TEXT NOT NULL,
    sealed_bind_password TEXT,
    onboards             SMALLINT NOT NULL CHECK (onboards IN (0, 1)),
    is_disabled          SMALLINT NOT NULL CHECK (is_disabled IN (0, 1)),
    created_at_ms        BIGINT NOT NULL,
    updated_at_ms        BIGINT NOT NULL,
    UNIQUE (home_account_id, name)
);
