-- When a delivery was last begun: made, or asked for again. What waits is as old as that.
ALTER TABLE webhook_delivery ADD COLUMN queued_at INTEGER NOT NULL DEFAULT 0;
UPDATE webhook_delivery SET queued_at = created_at;
DROP INDEX webhook_delivery_oldest;
CREATE INDEX webhook_delivery_oldest ON webhook_delivery (queued_at) WHERE state IN ('pending', 'retrying');
