-- A repository's manifests, the newest first: a page of them costs what it shows, however many there are.
CREATE INDEX manifests_newest ON manifests (repository_id, created_at_ms, id);
