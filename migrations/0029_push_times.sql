-- When a manifest in the trash was pushed; nothing for what older programs put there. What is restored has that time again, and is
-- left alone as long as what was just pushed.
ALTER TABLE trash_items ADD COLUMN pushed_at_ms BIGINT;
ALTER TABLE manifests ADD COLUMN restored_at_ms BIGINT;
