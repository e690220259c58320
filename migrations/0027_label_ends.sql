-- 1 where a label of an image says when the tags that it is pushed with end: a push learns it from the row that it keeps anyway.
ALTER TABLE namespaces ADD COLUMN reads_labels SMALLINT NOT NULL DEFAULT 0;
