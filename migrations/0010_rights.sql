-- Roles of an account's own, grants on repository patterns, operators' roles, requests to see an account's content, and for how
-- long audit logs are kept. Older programs know none of this: what is granted here they do not see, and so do not allow.

-- Named sets of actions. `actions` is JSON: ["repository:pull", …].
CREATE TABLE roles (
    id            TEXT NOT NULL PRIMARY KEY,
    account_id    TEXT NOT NULL REFERENCES accounts (id),
    name          TEXT COLLATE "C" NOT NULL,
    description   TEXT NOT NULL,
    actions       TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    UNIQUE (account_id, name)
);

-- What `grants` has no place for: roles of an account's own, repository patterns, robot accounts. One of user, group and robot;
-- one of a role that every account has and one of its own; no namespace for the whole account, no pattern for all of one.
CREATE TABLE role_grants (
    id            TEXT NOT NULL PRIMARY KEY,
    account_id    TEXT NOT NULL REFERENCES accounts (id),
    user_id       TEXT REFERENCES users (id) ON DELETE CASCADE,
    group_id      TEXT REFERENCES user_groups (id) ON DELETE CASCADE,
    robot_id      TEXT REFERENCES robots (id) ON DELETE CASCADE,
    role          TEXT,
    role_id       TEXT REFERENCES roles (id),
    namespace_id  TEXT REFERENCES namespaces (id) ON DELETE CASCADE,
    pattern       TEXT COLLATE "C",
    created_at_ms BIGINT NOT NULL,
    CHECK ((role IS NULL) <> (role_id IS NULL)),
    CHECK (pattern IS NULL OR namespace_id IS NOT NULL),
    CHECK (CASE WHEN user_id IS NULL THEN 0 ELSE 1 END + CASE WHEN group_id IS NULL THEN 0 ELSE 1 END
           + CASE WHEN robot_id IS NULL THEN 0 ELSE 1 END = 1)
);
CREATE UNIQUE INDEX role_grants_once ON role_grants (account_id, COALESCE(user_id, group_id, robot_id),
    COALESCE(role, role_id), COALESCE(namespace_id, ''), COALESCE(pattern, ''));
CREATE INDEX role_grants_user ON role_grants (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX role_grants_group ON role_grants (group_id) WHERE group_id IS NOT NULL;
CREATE INDEX role_grants_robot ON role_grants (robot_id) WHERE robot_id IS NOT NULL;
CREATE INDEX role_grants_role ON role_grants (role_id) WHERE role_id IS NOT NULL;
CREATE INDEX role_grants_namespace ON role_grants (namespace_id) WHERE namespace_id IS NOT NULL;

-- What of the deployment an operator may do. Whoever was one before may do everything.
CREATE TABLE operator_roles (
    user_id       TEXT NOT NULL REFERENCES operators (user_id) ON DELETE CASCADE,
    role          TEXT NOT NULL CHECK (role IN ('administrator', 'support', 'billing', 'auditor')),
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (user_id, role)
);
INSERT INTO operator_roles (user_id, role, created_at_ms) SELECT user_id, 'administrator', created_at_ms FROM operators;

-- An operator asks to see what is in an account; the account's administrators decide. `namespace_name` is what was asked for, null
-- for all; which namespace that is, and whether it is there, is found out when it is granted, and told to nobody before.
CREATE TABLE content_requests (
    id            TEXT NOT NULL PRIMARY KEY,
    account_id    TEXT NOT NULL REFERENCES accounts (id),
    user_id       TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    namespace_name TEXT COLLATE "C",
    namespace_id  TEXT REFERENCES namespaces (id) ON DELETE CASCADE,
    reason        TEXT NOT NULL,
    hours         BIGINT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('asked', 'granted', 'declined', 'revoked', 'withdrawn')),
    asked_at_ms   BIGINT NOT NULL,
    decided_by    TEXT,
    decided_at_ms BIGINT,
    expires_at_ms BIGINT,
    CHECK (state <> 'granted' OR expires_at_ms IS NOT NULL),
    CHECK (state <> 'granted' OR (namespace_name IS NULL) = (namespace_id IS NULL))
);
CREATE INDEX content_requests_account ON content_requests (account_id, id);
CREATE INDEX content_requests_user ON content_requests (user_id, id);
CREATE INDEX content_requests_namespace ON content_requests (namespace_id) WHERE namespace_id IS NOT NULL;

-- For how many days an account keeps its audit log. No row: for ever.
CREATE TABLE audit_retention (
    account_id    TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id),
    keep_days     BIGINT NOT NULL CHECK (keep_days > 0),
    updated_at_ms BIGINT NOT NULL
);
