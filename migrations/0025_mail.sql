-- Who is told by mail of what happens in an account.

-- What an account has told. Its follower has the id `mail:` and the account's, and is there while something is to be told to
-- somebody. `event_types` are words with blanks between. `busy_until_ms` moves on with each mail: what is too far ahead of
-- now has to wait, so that no more go in an hour than may.
CREATE TABLE mail_policies (
    account_id    TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    event_types   TEXT NOT NULL,
    busy_until_ms BIGINT NOT NULL,
    sent_mails    BIGINT NOT NULL,
    sent_at_ms    BIGINT,
    updated_at_ms BIGINT NOT NULL
);

-- An address, and whether whoever reads its mail has agreed. `folded` is what it is compared by. `code_hash` is the keyed
-- hash of the code that was sent there last, good until `code_until_ms`. An address that the mail server refuses gets nothing
-- until it is confirmed again; `error` says why, or why the code did not go out. `told_number` is the number of the newest
-- event that it was told of, or need not be.
CREATE TABLE mail_addresses (
    id              TEXT NOT NULL PRIMARY KEY,
    account_id      TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    address         TEXT NOT NULL,
    folded          TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('unconfirmed', 'confirmed', 'refused')),
    code_hash       TEXT,
    code_until_ms   BIGINT,
    error           TEXT,
    told_number     BIGINT NOT NULL,
    creator         TEXT NOT NULL,
    created_at_ms   BIGINT NOT NULL,
    confirmed_at_ms BIGINT,
    UNIQUE (account_id, folded)
);
CREATE UNIQUE INDEX mail_addresses_code ON mail_addresses (code_hash) WHERE code_hash IS NOT NULL;

-- Codes that were asked for lately, by account and by address of whatever account: so few of them that nobody is bothered.
-- They outlive the address that they were for. `address_hash` is a keyed hash.
CREATE TABLE mail_confirmations (
    id           TEXT NOT NULL PRIMARY KEY,
    account_id   TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    address_hash TEXT NOT NULL,
    asked_at_ms  BIGINT NOT NULL
);
CREATE INDEX mail_confirmations_account ON mail_confirmations (account_id, asked_at_ms);
CREATE INDEX mail_confirmations_address ON mail_confirmations (address_hash, asked_at_ms);
CREATE INDEX mail_confirmations_asked ON mail_confirmations (asked_at_ms);
