-- Runs in a state, newest first.
CREATE INDEX runs_in_state ON runs (tenant_id, state, id);
