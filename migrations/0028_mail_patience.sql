-- Since when the mail server takes nothing for an address though it takes mail for others, and when that is tried again.
ALTER TABLE mail_addresses ADD COLUMN failing_since_ms BIGINT;
ALTER TABLE mail_addresses ADD COLUMN retry_at_ms BIGINT;
