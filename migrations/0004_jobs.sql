-- Work for later, who does it, and the schedules that ask for it again and again.

-- `account_id` is null for the deployment's own. `lane` says whose turn a job takes: the account's id, or 'deployment'.
-- `dedup_key` is there while the job is queued or running, so that nobody asks for the same work twice. A queued job
-- either waits for its time (`waits_until_ms`) or for its turn: then `turn` is its lane. `attempts` counts runs that have begun. `fence` grows with each claim: what is written
-- with an older one changes nothing. `log_lines` and `log_bytes` count what the present run had to say, kept or not.
CREATE TABLE jobs (
    id             TEXT NOT NULL PRIMARY KEY,
    account_id     TEXT REFERENCES accounts (id),
    lane           TEXT COLLATE "C" NOT NULL,
    kind           TEXT NOT NULL,
    payload        TEXT NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    dedup_key      TEXT,
    turn           TEXT COLLATE "C",
    waits_until_ms BIGINT,
    run_at_ms      BIGINT NOT NULL,
    attempts       BIGINT NOT NULL,
    max_attempts   BIGINT NOT NULL,
    lease_owner    TEXT,
    lease_until_ms BIGINT,
    fence          BIGINT NOT NULL,
    is_cancelled   SMALLINT NOT NULL CHECK (is_cancelled IN (0, 1)),
    log_lines      BIGINT NOT NULL,
    log_bytes      BIGINT NOT NULL,
    last_error     TEXT,
    created_at_ms  BIGINT NOT NULL,
    started_at_ms  BIGINT,
    ended_at_ms    BIGINT,
    forget_at_ms   BIGINT,
    UNIQUE (lane, dedup_key),
    CHECK (state = 'queued' OR (turn IS NULL AND waits_until_ms IS NULL)),
    CHECK ((state = 'running') = (lease_until_ms IS NOT NULL))
);
-- The next lane whose turn it is, and the first job in it: found by one look each, however many wait.
CREATE INDEX jobs_turns ON jobs (turn, run_at_ms, id) WHERE turn IS NOT NULL;
CREATE INDEX jobs_due ON jobs (run_at_ms) WHERE turn IS NOT NULL;
CREATE INDEX jobs_waiting ON jobs (waits_until_ms) WHERE waits_until_ms IS NOT NULL;
CREATE INDEX jobs_running ON jobs (lane) WHERE state = 'running';
CREATE INDEX jobs_leases ON jobs (lease_until_ms) WHERE lease_until_ms IS NOT NULL;
CREATE INDEX jobs_state ON jobs (state, id);
CREATE INDEX jobs_account ON jobs (account_id, id);
CREATE INDEX jobs_forget ON jobs (forget_at_ms) WHERE forget_at_ms IS NOT NULL;

-- Whoever claims a job locks its lane, so that no lane runs more at once than it may.
CREATE TABLE job_lanes (
    lane   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    claims BIGINT NOT NULL
);

-- What a run has to say. `attempt` is the run's number; lines count from 1 in each.
CREATE TABLE job_logs (
    job_id  TEXT NOT NULL REFERENCES jobs (id),
    attempt BIGINT NOT NULL,
    number  BIGINT NOT NULL,
    at_ms   BIGINT NOT NULL,
    level   TEXT NOT NULL CHECK (level IN ('info', 'warning', 'error')),
    line    TEXT NOT NULL,
    PRIMARY KEY (job_id, attempt, number)
);

-- Work that comes again: every so many milliseconds, or by a cron text in UTC. Whichever process moves
-- `next_run_at_ms` on asks for the job, in the same transaction.
CREATE TABLE schedules (
    id             TEXT NOT NULL PRIMARY KEY,
    account_id     TEXT REFERENCES accounts (id),
    lane           TEXT COLLATE "C" NOT NULL,
    name           TEXT COLLATE "C" NOT NULL,
    kind           TEXT NOT NULL,
    payload        TEXT NOT NULL,
    max_attempts   BIGINT NOT NULL,
    every_ms       BIGINT CHECK (every_ms > 0),
    cron           TEXT,
    next_run_at_ms BIGINT NOT NULL,
    is_enabled     SMALLINT NOT NULL CHECK (is_enabled IN (0, 1)),
    last_job_id    TEXT,
    created_at_ms  BIGINT NOT NULL,
    UNIQUE (lane, name),
    CHECK ((every_ms IS NULL) <> (cron IS NULL))
);
CREATE INDEX schedules_due ON schedules (next_run_at_ms) WHERE is_enabled = 1;
CREATE INDEX schedules_account ON schedules (account_id);
