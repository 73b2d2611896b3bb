-- Environments: a project's place on a runner while it is active, and how long it was.

-- What a tenant may have. The plan is the operator's word; the two numbers are the tenant's own, and
-- where they are silent the plan's apply (`engine::environment`).
ALTER TABLE tenants ADD COLUMN plan text NOT NULL DEFAULT 'local';
ALTER TABLE tenants ADD COLUMN environments_max integer CHECK (environments_max > 0);
ALTER TABLE tenants ADD COLUMN environment_idle_minutes integer CHECK (environment_idle_minutes > 0);
GRANT UPDATE (environments_max, environment_idle_minutes) ON tenants TO freehold_app;

CREATE TABLE environments (
    tenant_id      uuid NOT NULL,
    id             uuid NOT NULL,
    project_id     uuid NOT NULL,
    by_user        uuid,            -- nobody where a run began it
    -- The life: written by `model::environment::apply` alone.
    state          text NOT NULL,
    why            text,
    runner_id      uuid,
    jobs           integer NOT NULL,
    requested_at   timestamptz NOT NULL,
    started_at     timestamptz,
    stopped_at     timestamptz,
    last_active_at timestamptz NOT NULL,
    stopping_at    timestamptz,
    -- What is known besides.
    envelope       bytea,           -- content: the signed order to make it ready
    wait_reason    text,
    wait_note      text,            -- why it is only requested: ids and numbers only
    detail         bytea,           -- content
    kept           uuid[] NOT NULL DEFAULT '{}',
    seen_at        timestamptz,     -- when its runner was last heard of
    counted_until  timestamptz,     -- until when its seconds were counted
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, project_id) REFERENCES projects (tenant_id, id),
    CHECK ((state IN ('stopped', 'failed')) = (stopped_at IS NOT NULL))
);
-- One active environment of a project on a runner, and one wish for one.
CREATE UNIQUE INDEX environments_placed ON environments (tenant_id, project_id, runner_id)
    WHERE runner_id IS NOT NULL AND stopped_at IS NULL;
CREATE UNIQUE INDEX environments_requested ON environments (tenant_id, project_id)
    WHERE state = 'requested';
CREATE INDEX environments_live ON environments (tenant_id, id) WHERE stopped_at IS NULL;
CREATE INDEX environments_of_project ON environments (tenant_id, project_id, id DESC);
-- What jobs are counted by.
CREATE INDEX runs_held ON runs (tenant_id, lease_runner, project_id) WHERE lease_job IS NOT NULL;

CREATE TABLE environment_days (
    tenant_id      uuid NOT NULL,
    environment_id uuid NOT NULL,
    day            date NOT NULL,   -- in UTC
    project_id     uuid NOT NULL,
    seconds        bigint NOT NULL CHECK (seconds BETWEEN 0 AND 86400),
    PRIMARY KEY (tenant_id, environment_id, day),
    FOREIGN KEY (tenant_id, environment_id) REFERENCES environments (tenant_id, id)
);
CREATE INDEX environment_days_of_tenant ON environment_days (tenant_id, day, project_id);

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['environments', 'environment_days']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO freehold_app '
            'USING (tenant_id = NULLIF(current_setting(''app.tenant'', true), '''')::uuid) '
            'WITH CHECK (tenant_id = NULLIF(current_setting(''app.tenant'', true), '''')::uuid)', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO freehold_app', t);
    END LOOP;
END $$;
