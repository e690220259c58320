-- Repositories, manifests, tags, and what is known of blobs. Bytes of blobs are elsewhere; bytes of manifests are here.

-- `is_listed` becomes 1 with the first manifest: a repository that only ever saw an upload is not in the catalogue.
CREATE TABLE repositories (
    id            TEXT NOT NULL PRIMARY KEY,
    account_id    TEXT NOT NULL REFERENCES accounts (id),
    namespace_id  TEXT NOT NULL REFERENCES namespaces (id),
    name          TEXT COLLATE "C" NOT NULL,
    is_listed     SMALLINT NOT NULL CHECK (is_listed IN (0, 1)),
    created_at_ms BIGINT NOT NULL,
    UNIQUE (account_id, name)
);
CREATE INDEX repositories_namespace ON repositories (namespace_id);
CREATE INDEX repositories_catalog ON repositories (account_id, name) WHERE is_listed = 1;

-- The bytes. `storage` is 'shared', or the id of an account whose content is stored for it alone.
-- `location` is the key of an object in the blob store: the id of the upload that brought it, never reused.
CREATE TABLE blobs (
    storage       TEXT NOT NULL,
    digest        TEXT NOT NULL,
    size_bytes    BIGINT NOT NULL CHECK (size_bytes >= 0),
    location      TEXT NOT NULL UNIQUE,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (storage, digest)
);

-- This repository may serve this blob: a lease, renewed by upload, mount and HEAD, that a manifest makes lasting.
CREATE TABLE repository_blobs (
    repository_id TEXT NOT NULL REFERENCES repositories (id),
    digest        TEXT NOT NULL,
    account_id    TEXT NOT NULL REFERENCES accounts (id),
    storage       TEXT NOT NULL,
    renewed_at_ms BIGINT NOT NULL,
    PRIMARY KEY (repository_id, digest),
    FOREIGN KEY (storage, digest) REFERENCES blobs (storage, digest)
);
CREATE INDEX repository_blobs_digest ON repository_blobs (digest, account_id);
CREATE INDEX repository_blobs_blob ON repository_blobs (storage, digest);

-- `content` is the exact text that was pushed. `artifact_type` and `annotations` are what a referrers list shows.
CREATE TABLE manifests (
    id             TEXT NOT NULL PRIMARY KEY,
    account_id     TEXT NOT NULL REFERENCES accounts (id),
    repository_id  TEXT NOT NULL REFERENCES repositories (id),
    digest         TEXT COLLATE "C" NOT NULL,
    media_type     TEXT NOT NULL,
    artifact_type  TEXT,
    subject_digest TEXT COLLATE "C",
    annotations    TEXT,
    size_bytes     BIGINT NOT NULL,
    content        TEXT NOT NULL,
    created_at_ms  BIGINT NOT NULL,
    UNIQUE (repository_id, digest)
);
CREATE INDEX manifests_subject ON manifests (repository_id, subject_digest, digest) WHERE subject_digest IS NOT NULL;

-- The blobs that a manifest needs. The foreign key is what keeps them: deleting a referenced blob fails.
CREATE TABLE manifest_blobs (
    manifest_id   TEXT NOT NULL REFERENCES manifests (id),
    digest        TEXT NOT NULL,
    storage       TEXT NOT NULL,
    repository_id TEXT NOT NULL,
    PRIMARY KEY (manifest_id, digest),
    FOREIGN KEY (storage, digest) REFERENCES blobs (storage, digest)
);
CREATE INDEX manifest_blobs_blob ON manifest_blobs (storage, digest);
CREATE INDEX manifest_blobs_repository ON manifest_blobs (repository_id, digest);

-- The manifests that an index names.
CREATE TABLE manifest_children (
    manifest_id   TEXT NOT NULL REFERENCES manifests (id),
    digest        TEXT COLLATE "C" NOT NULL,
    repository_id TEXT NOT NULL,
    PRIMARY KEY (manifest_id, digest)
);
CREATE INDEX manifest_children_child ON manifest_children (repository_id, digest);

CREATE TABLE tags (
    repository_id TEXT NOT NULL REFERENCES repositories (id),
    name          TEXT COLLATE "C" NOT NULL,
    manifest_id   TEXT NOT NULL REFERENCES manifests (id),
    account_id    TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (repository_id, name)
);
CREATE INDEX tags_manifest ON tags (manifest_id);

-- Usage: each digest that an account's manifests reference, once. `reference_count` counts manifests.
CREATE TABLE account_blobs (
    account_id      TEXT NOT NULL REFERENCES accounts (id),
    digest          TEXT NOT NULL,
    size_bytes      BIGINT NOT NULL,
    reference_count BIGINT NOT NULL CHECK (reference_count > 0),
    PRIMARY KEY (account_id, digest)
);

-- The running total of account_blobs. Null means no limit.
CREATE TABLE account_usage (
    account_id  TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id),
    used_bytes  BIGINT NOT NULL CHECK (used_bytes >= 0),
    limit_bytes BIGINT
);

-- An upload in progress, and for a while after. Its id is the key of its object in the blob store.
-- The lease says who is writing; `fence` grows with each claim, so that a writer that lost its lease changes nothing.
CREATE TABLE uploads (
    id              TEXT NOT NULL PRIMARY KEY,
    account_id      TEXT NOT NULL REFERENCES accounts (id),
    repository_id   TEXT NOT NULL REFERENCES repositories (id),
    caller          TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('open', 'done')),
    algorithm       TEXT NOT NULL,
    offset_bytes    BIGINT NOT NULL,
    hash_state      TEXT NOT NULL,
    parts           TEXT NOT NULL,
    digest          TEXT,
    lease_owner     TEXT,
    lease_until_ms  BIGINT NOT NULL,
    fence           BIGINT NOT NULL,
    created_at_ms   BIGINT NOT NULL,
    expires_at_ms   BIGINT NOT NULL
);
CREATE INDEX uploads_expiry ON uploads (expires_at_ms);
CREATE INDEX uploads_open ON uploads (account_id) WHERE state = 'open';
CREATE INDEX uploads_repository ON uploads (repository_id);

-- What may have become unreferenced, to be looked at when due.
CREATE TABLE review_queue (
    storage   TEXT NOT NULL,
    digest    TEXT NOT NULL,
    due_at_ms BIGINT NOT NULL,
    PRIMARY KEY (storage, digest)
);
CREATE INDEX review_queue_due ON review_queue (due_at_ms);

-- Objects that no row names any more: to be deleted from the blob store, as often as needed.
CREATE TABLE condemned_objects (
    location        TEXT NOT NULL PRIMARY KEY,
    condemned_at_ms BIGINT NOT NULL
);
CREATE INDEX condemned_objects_age ON condemned_objects (condemned_at_ms);

-- Deleted manifests that can still be restored. Their blobs stay referenced; nothing here is served.
CREATE TABLE trash (
    id              TEXT NOT NULL PRIMARY KEY,
    account_id      TEXT NOT NULL REFERENCES accounts (id),
    repository_id   TEXT NOT NULL REFERENCES repositories (id),
    digest          TEXT NOT NULL,
    media_type      TEXT NOT NULL,
    content         TEXT NOT NULL,
    tags            TEXT NOT NULL,
    deleted_by      TEXT NOT NULL,
    deleted_at_ms   BIGINT NOT NULL,
    purge_at_ms     BIGINT NOT NULL
);
CREATE INDEX trash_purge ON trash (purge_at_ms);
CREATE INDEX trash_repository ON trash (repository_id);

CREATE TABLE trash_blobs (
    trash_id TEXT NOT NULL REFERENCES trash (id),
    digest   TEXT NOT NULL,
    storage  TEXT NOT NULL,
    PRIMARY KEY (trash_id, digest),
    FOREIGN KEY (storage, digest) REFERENCES blobs (storage, digest)
);
CREATE INDEX trash_blobs_blob ON trash_blobs (storage, digest);
