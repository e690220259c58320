-- Invitations: how a user of one account becomes a member of another. A row is there as long as the invitation is open: whoever
-- accepts, declines or revokes it takes it away, and the audit log tells the rest. `user_name` is what was written; `user_id`
-- is who had that name then, and null for nobody, so that whoever gets the name later has nothing to accept. The account is
-- not told which. A role is one that every account has, or one of its own; without a namespace it is for the whole account.
CREATE TABLE invitations (
    id            TEXT NOT NULL PRIMARY KEY,
    account_id    TEXT NOT NULL REFERENCES accounts (id),
    user_name     TEXT COLLATE "C" NOT NULL,
    user_id       TEXT REFERENCES users (id) ON DELETE SET NULL,
    role          TEXT,
    role_id       TEXT REFERENCES roles (id) ON DELETE CASCADE,
    namespace_id  TEXT REFERENCES namespaces (id) ON DELETE CASCADE,
    invited_by    TEXT NOT NULL,
    inviter_id    TEXT,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    UNIQUE (account_id, user_name),
    CHECK ((role IS NULL) <> (role_id IS NULL))
);
CREATE INDEX invitations_user ON invitations (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX invitations_role ON invitations (role_id) WHERE role_id IS NOT NULL;
CREATE INDEX invitations_namespace ON invitations (namespace_id) WHERE namespace_id IS NOT NULL;

-- Which of its user's accounts a login is about; null for the one that the user belongs to first.
ALTER TABLE sessions ADD COLUMN account_id TEXT REFERENCES accounts (id);
ALTER TABLE refresh_tokens ADD COLUMN account_id TEXT REFERENCES accounts (id);
CREATE INDEX sessions_account ON sessions (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX refresh_tokens_account ON refresh_tokens (account_id) WHERE account_id IS NOT NULL;
