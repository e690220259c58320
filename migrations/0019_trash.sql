-- The trash, wherever what is in it was; and where each tag pointed, and when.

-- What was deleted and can be restored. `id` is the identifier that the thing had, so that it gets it back and a deletion that
-- was broken off goes on where it stood; a tag gets one of its own. `parent_id` is the larger thing that it was deleted with: a
-- tag's manifest, a manifest's repository, a repository's namespace. The parent may not be here yet, or no more.
-- Nothing here refers to repositories and namespaces: they may be gone, and programs that do not know this table may delete them.
CREATE TABLE trash_items (
    id             TEXT NOT NULL PRIMARY KEY,
    account_id     TEXT NOT NULL REFERENCES accounts (id),
    kind           TEXT NOT NULL CHECK (kind IN ('manifest', 'tag', 'repository', 'namespace')),
    parent_id      TEXT,
    namespace_id   TEXT NOT NULL,
    namespace      TEXT COLLATE "C" NOT NULL,
    repository     TEXT COLLATE "C" NOT NULL,
    digest         TEXT COLLATE "C" NOT NULL,
    tag            TEXT COLLATE "C" NOT NULL,
    subject_digest TEXT COLLATE "C",
    media_type     TEXT NOT NULL,
    content        TEXT NOT NULL,
    deleted_by     TEXT NOT NULL,
    deleted_at_ms  BIGINT NOT NULL,
    period_ms      BIGINT NOT NULL,
    purge_at_ms    BIGINT NOT NULL
);
CREATE INDEX trash_items_purge ON trash_items (purge_at_ms, id);
CREATE INDEX trash_items_account ON trash_items (account_id, deleted_at_ms, id);
CREATE INDEX trash_items_period ON trash_items (account_id, period_ms);
CREATE INDEX trash_items_parent ON trash_items (parent_id, id) WHERE parent_id IS NOT NULL;
CREATE INDEX trash_items_digest ON trash_items (account_id, repository, digest, kind, deleted_at_ms);
CREATE INDEX trash_items_subject ON trash_items (account_id, repository, subject_digest) WHERE subject_digest IS NOT NULL;
CREATE INDEX trash_items_tag ON trash_items (account_id, repository, tag, deleted_at_ms) WHERE tag <> '';

-- The blobs that a manifest in the trash needs. The foreign key keeps them.
CREATE TABLE trash_item_blobs (
    item_id       TEXT NOT NULL REFERENCES trash_items (id),
    digest        TEXT NOT NULL,
    storage       TEXT NOT NULL,
    account_id    TEXT NOT NULL REFERENCES accounts (id),
    size_bytes    BIGINT NOT NULL,
    deleted_at_ms BIGINT NOT NULL,
    PRIMARY KEY (item_id, digest),
    FOREIGN KEY (storage, digest) REFERENCES blobs (storage, digest)
);
CREATE INDEX trash_item_blobs_blob ON trash_item_blobs (storage, digest);
CREATE INDEX trash_item_blobs_account ON trash_item_blobs (account_id, digest, deleted_at_ms, item_id);

-- Accounts whose trash grew, or may keep less since: to be looked at. The row stays, and `version` grows with every change, so that
-- one that comes while the trash is looked at is not lost.
CREATE TABLE trash_recounts (
    account_id TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id),
    version    BIGINT NOT NULL,
    is_due     SMALLINT NOT NULL CHECK (is_due IN (0, 1))
);
CREATE INDEX trash_recounts_due ON trash_recounts (account_id) WHERE is_due = 1;

-- Every move of a tag, by the number of the event that tells of it; without a digest the tag was deleted.
CREATE TABLE tag_moves (
    account_id   TEXT NOT NULL REFERENCES accounts (id),
    repository   TEXT COLLATE "C" NOT NULL,
    tag          TEXT COLLATE "C" NOT NULL,
    number       BIGINT NOT NULL,
    namespace_id TEXT NOT NULL,
    digest       TEXT COLLATE "C",
    caller       TEXT NOT NULL,
    at_ms        BIGINT NOT NULL,
    PRIMARY KEY (account_id, repository, tag, number)
);
CREATE INDEX tag_moves_age ON tag_moves (at_ms);
