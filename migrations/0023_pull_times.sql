-- Since when it is known when things were pulled, and what the programs that are running know.

-- `pull_times_since_ms` is since when an account keeps the times of pulls without a hole: null when it always did. What an
-- older program wrote has another `noted_at_ms` than `updated_at_ms`: then it may have been switched off and on, at the
-- latest at that time.
ALTER TABLE account_terms ADD COLUMN pull_times_since_ms BIGINT;
ALTER TABLE account_terms ADD COLUMN noted_at_ms BIGINT;

-- The same for a namespace that has a switch of its own; older programs know none.
ALTER TABLE namespace_settings ADD COLUMN pull_times_since_ms BIGINT;

-- The schema that a running program was made for; null for a program that is older than this column.
ALTER TABLE replicas ADD COLUMN schema_version BIGINT;
