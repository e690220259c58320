-- What stays in a namespace and what goes by rule, and the runs in which it goes.

-- One policy of a namespace. `rules` is a JSON list; `cron` has six fields in UTC, and is null for runs by hand alone.
CREATE TABLE retention_policies (
    id            TEXT NOT NULL PRIMARY KEY,
    account_id    TEXT NOT NULL REFERENCES accounts (id),
    namespace_id  TEXT NOT NULL UNIQUE REFERENCES namespaces (id) ON DELETE CASCADE,
    rules         TEXT NOT NULL,
    cron          TEXT,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);
CREATE INDEX retention_policies_account ON retention_policies (account_id, id);

-- The policy that new namespaces of an account begin with.
CREATE TABLE retention_defaults (
    account_id    TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id),
    rules         TEXT NOT NULL,
    cron          TEXT,
    updated_at_ms BIGINT NOT NULL
);

-- One run of a policy, with the rules as they were when it was asked for. It works through the repositories by name;
-- `done_until` is the last that is done. A run whose policy is gone, or that is too old to be shown, has no `policy_id` and
-- is forgotten bit by bit.
CREATE TABLE retention_runs (
    id             TEXT NOT NULL PRIMARY KEY,
    account_id     TEXT NOT NULL REFERENCES accounts (id),
    policy_id      TEXT REFERENCES retention_policies (id) ON DELETE SET NULL,
    namespace_id   TEXT NOT NULL,
    namespace      TEXT NOT NULL,
    rules          TEXT NOT NULL,
    is_dry_run     SMALLINT NOT NULL CHECK (is_dry_run IN (0, 1)),
    occasion       TEXT NOT NULL CHECK (occasion IN ('manual', 'schedule')),
    state          TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'stopped', 'failed')),
    job_id         TEXT NOT NULL,
    done_until     TEXT COLLATE "C" NOT NULL,
    total          BIGINT NOT NULL,
    retained       BIGINT NOT NULL,
    removed        BIGINT NOT NULL,
    why            TEXT,
    created_at_ms  BIGINT NOT NULL,
    started_at_ms  BIGINT,
    ended_at_ms    BIGINT
);
CREATE UNIQUE INDEX retention_runs_going ON retention_runs (policy_id) WHERE ended_at_ms IS NULL;
CREATE INDEX retention_runs_policy ON retention_runs (policy_id, id);
CREATE INDEX retention_runs_left ON retention_runs (id) WHERE policy_id IS NULL;
CREATE INDEX retention_runs_job ON retention_runs (job_id);
CREATE INDEX retention_runs_account ON retention_runs (account_id, id);

-- What a run did in one repository. `total` and `retained` are of its plan, `removed` is what has really gone (or would have).
CREATE TABLE retention_tasks (
    id            TEXT NOT NULL PRIMARY KEY,
    account_id    TEXT NOT NULL REFERENCES accounts (id),
    run_id        TEXT NOT NULL REFERENCES retention_runs (id),
    repository    TEXT COLLATE "C" NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('running', 'done', 'refused')),
    total         BIGINT NOT NULL,
    retained      BIGINT NOT NULL,
    removed       BIGINT NOT NULL,
    lines         BIGINT NOT NULL,
    started_at_ms BIGINT NOT NULL,
    ended_at_ms   BIGINT,
    UNIQUE (run_id, repository)
);
CREATE INDEX retention_tasks_account ON retention_tasks (account_id, id);

-- What is said of the artifacts of a repository, some lines in one row.
CREATE TABLE retention_lines (
    id         TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    task_id    TEXT NOT NULL REFERENCES retention_tasks (id),
    number     BIGINT NOT NULL,
    text       TEXT NOT NULL,
    UNIQUE (task_id, number)
);
CREATE INDEX retention_lines_account ON retention_lines (account_id, id);
