-- What the collections of garbage that accounts ask for came to: one row for each that has begun. It goes with its job.
-- `done_until` is the repository that a collection has done last: what is begun again goes on after it.
CREATE TABLE account_collections (
    job_id      TEXT NOT NULL PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    account_id  TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    done_until  TEXT NOT NULL,
    manifests   BIGINT NOT NULL,
    blobs       BIGINT NOT NULL,
    uploads     BIGINT NOT NULL,
    freed_bytes BIGINT NOT NULL,
    ended_at_ms BIGINT
);
CREATE INDEX account_collections_account ON account_collections (account_id, job_id);

-- They are listed by account, the newest first. Jobs of other kinds pay nothing.
CREATE INDEX jobs_account_collections ON jobs (account_id, id) WHERE kind = 'collect_account';
