-- What the collector, the scrub and the proof of usage need.

-- A repository's lease on a blob may have run out, or its last manifest that needed it may have gone: to be looked at when
-- due. One repository's lease each, so that a look costs the same however many repositories share the blob.
-- `review_queue` holds what comes after: blobs that may have lost their last reference.
CREATE TABLE repository_blob_reviews (
    repository_id TEXT NOT NULL,
    digest        TEXT NOT NULL,
    storage       TEXT NOT NULL,
    due_at_ms     BIGINT NOT NULL,
    PRIMARY KEY (repository_id, digest)
);
CREATE INDEX repository_blob_reviews_due ON repository_blob_reviews (due_at_ms, repository_id, digest);
INSERT INTO repository_blob_reviews (repository_id, digest, storage, due_at_ms)
    SELECT k.repository_id, k.digest, k.storage, k.renewed_at_ms FROM repository_blobs k
    WHERE NOT EXISTS (SELECT 1 FROM manifest_blobs m WHERE m.repository_id = k.repository_id AND m.digest = k.digest);

DROP INDEX review_queue_due;
CREATE INDEX review_queue_due ON review_queue (due_at_ms, storage, digest);

-- Bytes of a collected blob outlive its row by the recovery window; whatever never was a blob goes at once.
ALTER TABLE condemned_objects ADD COLUMN size_bytes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE condemned_objects ADD COLUMN delete_at_ms BIGINT NOT NULL DEFAULT 0;
DROP INDEX condemned_objects_age;
CREATE INDEX condemned_objects_due ON condemned_objects (delete_at_ms);

-- A blob whose bytes are not what they should be is not served until they are pushed again. `damage` says what was found.
ALTER TABLE blobs ADD COLUMN quarantined_at_ms BIGINT;
ALTER TABLE blobs ADD COLUMN damage TEXT CHECK (damage IN ('missing', 'length', 'content'));
CREATE INDEX blobs_quarantined ON blobs (storage, digest) WHERE quarantined_at_ms IS NOT NULL;

-- Runs of the collector that found something to do. `ended_at_ms` is null while one goes on, and for ever if it was cut off.
CREATE TABLE collections (
    id              TEXT NOT NULL PRIMARY KEY,
    requested_by    TEXT NOT NULL,
    started_at_ms   BIGINT NOT NULL,
    ended_at_ms     BIGINT,
    reviewed        BIGINT NOT NULL,
    put_off         BIGINT NOT NULL,
    released        BIGINT NOT NULL,
    collected       BIGINT NOT NULL,
    collected_bytes BIGINT NOT NULL
);
CREATE INDEX collections_age ON collections (started_at_ms, id);

-- Where something that goes through everything a little at a time has come to: the scrub, the proof of usage.
CREATE TABLE passes (
    name           TEXT NOT NULL PRIMARY KEY,
    position       TEXT NOT NULL,
    started_at_ms  BIGINT NOT NULL,
    finished_at_ms BIGINT,
    checked        BIGINT NOT NULL,
    checked_bytes  BIGINT NOT NULL,
    problems       BIGINT NOT NULL
);
