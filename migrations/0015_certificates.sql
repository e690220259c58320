-- Host names that accounts have proved, and the certificates that the registry shows for them.

-- Host names that an account says are its own and has not proved yet. They lead nowhere, and any number of accounts may claim
-- one name.
CREATE TABLE address_claims (
    account_id    TEXT NOT NULL REFERENCES accounts (id),
    host          TEXT NOT NULL COLLATE "C",
    -- What the proof has to hold is made from this.
    token         TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    PRIMARY KEY (account_id, host)
);

CREATE INDEX address_claims_expiry ON address_claims (expires_at_ms);

-- A certificate is of the account that its name is of, and goes with the name.
CREATE UNIQUE INDEX account_addresses_owner ON account_addresses (host, account_id);

CREATE TABLE address_certificates (
    host          TEXT NOT NULL PRIMARY KEY,
    account_id    TEXT NOT NULL REFERENCES accounts (id),
    -- PEM, the server's own first.
    chain         TEXT NOT NULL,
    -- PEM, sealed for the account and the name.
    sealed_key    TEXT NOT NULL,
    subject       TEXT NOT NULL,
    issuer        TEXT NOT NULL,
    -- JSON: the DNS names that it is for.
    names         TEXT NOT NULL,
    -- SHA-256 of the server's own, in hexadecimal digits.
    fingerprint   TEXT NOT NULL,
    begins_at_ms  BIGINT NOT NULL,
    ends_at_ms    BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    -- The fewest days before its end of which the account was told.
    told_days     BIGINT,
    FOREIGN KEY (host, account_id) REFERENCES account_addresses (host, account_id) ON DELETE CASCADE
);

CREATE INDEX address_certificates_account ON address_certificates (account_id);
CREATE INDEX address_certificates_end ON address_certificates (ends_at_ms, host);
