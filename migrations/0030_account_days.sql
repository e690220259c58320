-- What an account pulled and pushed on a day (UTC, '2026-11-23'), in batches, and what it stored at the last look of that day. Days are
-- forgotten after a quarter of a year; bills are made from account_traffic and account_storage.
CREATE TABLE account_days (
    account_id   TEXT NOT NULL REFERENCES accounts (id),
    day          TEXT COLLATE "C" NOT NULL,
    pull_bytes   BIGINT NOT NULL,
    pulls        BIGINT NOT NULL,
    pushes       BIGINT NOT NULL,
    stored_bytes BIGINT,
    PRIMARY KEY (account_id, day)
);
CREATE INDEX account_days_day ON account_days (day);

-- What an overview asks about: robot accounts that expire soon, jobs that failed lately.
CREATE INDEX robots_account_expiry ON robots (account_id, expires_at_ms) WHERE expires_at_ms IS NOT NULL;
CREATE INDEX jobs_account_failed ON jobs (account_id, ended_at_ms) WHERE state = 'failed';
