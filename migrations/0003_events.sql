-- Facts, written in the transaction that made them true. `account_id` is null for the deployment's own.
-- `number` is given after commit, in order, by the sealer; readers follow numbers, never ids.
CREATE TABLE events (
    id         TEXT NOT NULL PRIMARY KEY,
    account_id TEXT REFERENCES accounts (id),
    number     BIGINT,
    kind       TEXT NOT NULL,
    caller     TEXT NOT NULL,
    credential TEXT NOT NULL,
    address    TEXT,
    payload    TEXT NOT NULL,
    at_ms      BIGINT NOT NULL
);
CREATE UNIQUE INDEX events_number ON events (account_id, number) WHERE number IS NOT NULL;
CREATE INDEX events_account ON events (account_id, id);
CREATE INDEX events_unnumbered ON events (id) WHERE number IS NULL;
