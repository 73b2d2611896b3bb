-- Runners that were not revoked.
CREATE INDEX runners_here ON runners (tenant_id, id) WHERE revoked_at IS NULL;
