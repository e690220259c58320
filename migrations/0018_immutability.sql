-- What may not change: rules of a namespace, locks of one tag or manifest, and tags that end by themselves.

-- 1 while the namespace has a rule or a lock: without, a push asks no further. Whoever changes rules or locks takes the row;
-- whoever moves or deletes a tag or a manifest keeps it, so that either sees the other.
ALTER TABLE namespaces ADD COLUMN protection SMALLINT NOT NULL DEFAULT 0;

-- `rule` is JSON: selectors of repositories and of tags, all of which have to match.
CREATE TABLE immutability_rules (
    id            TEXT NOT NULL PRIMARY KEY,
    account_id    TEXT NOT NULL REFERENCES accounts (id),
    namespace_id  TEXT NOT NULL REFERENCES namespaces (id) ON DELETE CASCADE,
    is_enabled    SMALLINT NOT NULL CHECK (is_enabled IN (0, 1)),
    rule          TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    UNIQUE (namespace_id, rule)
);
CREATE INDEX immutability_rules_account ON immutability_rules (account_id, id);

-- `name` is a tag, or a manifest's digest.
CREATE TABLE protection_locks (
    id            TEXT NOT NULL PRIMARY KEY,
    account_id    TEXT NOT NULL REFERENCES accounts (id),
    namespace_id  TEXT NOT NULL REFERENCES namespaces (id) ON DELETE CASCADE,
    repository_id TEXT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    kind          TEXT NOT NULL CHECK (kind IN ('tag', 'manifest')),
    name          TEXT COLLATE "C" NOT NULL,
    locked_by     TEXT NOT NULL,
    locked_at_ms  BIGINT NOT NULL,
    UNIQUE (repository_id, kind, name)
);
CREATE INDEX protection_locks_account ON protection_locks (account_id, id);
CREATE INDEX protection_locks_namespace ON protection_locks (namespace_id);

-- When a tag ends; of the tag as it was put at `end_of_ms`: once it has moved, even there and back, by a program that
-- knows nothing of ends, that is another time, and the end is none. `end_look_at_ms` is when to look at it next.
ALTER TABLE tags ADD COLUMN ends_at_ms BIGINT;
ALTER TABLE tags ADD COLUMN end_of_ms BIGINT;
ALTER TABLE tags ADD COLUMN end_look_at_ms BIGINT;
CREATE INDEX tags_end ON tags (end_look_at_ms) WHERE end_look_at_ms IS NOT NULL;
