-- Backups that were begun, and thinnings of the place where they are kept. While one of them goes on, it pins everything that
-- its snapshot may name: nothing condemned is deleted from the store. It says again and again until when (`pinned_until_ms`),
-- so that one that died ends by itself. `ended_at_ms` stays null for one that died.
CREATE TABLE backups (
    id              TEXT NOT NULL PRIMARY KEY,
    purpose         TEXT NOT NULL CHECK (purpose IN ('backup', 'prune')),
    place           TEXT NOT NULL,
    begun_at_ms     BIGINT NOT NULL,
    pinned_until_ms BIGINT NOT NULL,
    ended_at_ms     BIGINT,
    outcome         TEXT CHECK (outcome IN ('whole', 'incomplete', 'failed')),
    CHECK ((ended_at_ms IS NULL) = (outcome IS NULL))
);
CREATE INDEX backups_pins ON backups (pinned_until_ms) WHERE ended_at_ms IS NULL;
CREATE INDEX backups_age ON backups (begun_at_ms, id);
