-- Purges of audit logs that accounts asked for are listed by account, the newest first. Jobs of other kinds pay nothing.
CREATE INDEX jobs_audit_purges ON jobs (account_id, id) WHERE kind = 'purge_audit_log';

-- Queues that an account holds: its jobs of a kind do not begin while there is a row. Who claims a job passes them by, and
-- lets them wait, so that the next claim does not meet them again.
CREATE TABLE paused_queues (
    account_id   TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    kind         TEXT NOT NULL,
    paused_at_ms BIGINT NOT NULL,
    PRIMARY KEY (account_id, kind)
);

-- What an account's queue holds, the oldest first, and running jobs whose process has yet to hear that they are to stop.
CREATE INDEX jobs_queued ON jobs (account_id, kind, created_at_ms) WHERE state = 'queued';
CREATE INDEX jobs_called_off ON jobs (lease_owner) WHERE state = 'running' AND is_cancelled = 1;
