-- Sinks to which an account's metrics are pushed, beside its log.

-- `metrics_due_ms` is there while they are: when they are pushed next. The others say how that went last.
ALTER TABLE sinks ADD COLUMN metrics_due_ms BIGINT;
ALTER TABLE sinks ADD COLUMN metrics_failures BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sinks ADD COLUMN metrics_error TEXT;
ALTER TABLE sinks ADD COLUMN metrics_sent_at_ms BIGINT;
CREATE INDEX sinks_metrics_due ON sinks (metrics_due_ms, id) WHERE metrics_due_ms IS NOT NULL;
