-- The audit log as a chain. Entries stay as they are written, in the transaction of the act; a moment later
-- each gets its place behind the one before, with a hash over both (`wire::audit`). Both tables are only
-- added to.

-- What came of it, the request's word in the server's log, and where the request came from.
ALTER TABLE audit_entries ADD COLUMN outcome text NOT NULL DEFAULT 'done';
ALTER TABLE audit_entries ADD COLUMN correlation text NOT NULL DEFAULT '';
ALTER TABLE audit_entries ADD COLUMN address text NOT NULL DEFAULT '';
CREATE INDEX audit_entries_of_resource ON audit_entries (tenant_id, resource, seq DESC);
CREATE INDEX audit_entries_of_actor ON audit_entries (tenant_id, actor, seq DESC);

CREATE TABLE audit_chain (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    n         bigint NOT NULL,   -- from 1, without gaps
    seq       bigint NOT NULL,   -- the entry
    hash      bytea NOT NULL,
    PRIMARY KEY (tenant_id, n),
    UNIQUE (tenant_id, seq)
);

CREATE TABLE audit_checkpoints (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    n         bigint NOT NULL,   -- how far the chain had come
    at        timestamptz NOT NULL,
    envelope  jsonb NOT NULL,    -- signed
    PRIMARY KEY (tenant_id, n)
);

-- Entries that have no place yet. Ids and numbers.
CREATE TABLE queue_audit (
    tenant_id uuid NOT NULL,
    seq       bigint NOT NULL,
    PRIMARY KEY (tenant_id, seq)
);

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['audit_chain', 'audit_checkpoints', 'queue_audit']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO freehold_app '
            'USING (tenant_id = NULLIF(current_setting(''app.tenant'', true), '''')::uuid) '
            'WITH CHECK (tenant_id = NULLIF(current_setting(''app.tenant'', true), '''')::uuid)', t);
        EXECUTE format(
            'CREATE POLICY backup ON %I FOR SELECT TO CURRENT_USER '
            'USING (current_setting(''app.backup'', true) = ''on'')', t);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO freehold_app', t);
    END LOOP;
END $$;
GRANT DELETE ON queue_audit TO freehold_app;
-- What is there already waits for its place like what comes.
ALTER TABLE audit_entries NO FORCE ROW LEVEL SECURITY;
INSERT INTO queue_audit SELECT tenant_id, seq FROM audit_entries;
ALTER TABLE audit_entries FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_chain FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_checkpoints FORCE ROW LEVEL SECURITY;
ALTER TABLE queue_audit FORCE ROW LEVEL SECURITY;
CREATE POLICY scheduler ON queue_audit FOR SELECT TO CURRENT_USER USING (true);

-- Tenants behind `after` with entries that have no place yet, at most `most`, in order.
CREATE FUNCTION queue_audits(after uuid, most integer) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$
WITH RECURSIVE hop (t) AS (
    SELECT (SELECT q.tenant_id FROM queue_audit q WHERE q.tenant_id > after ORDER BY q.tenant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT q.tenant_id FROM queue_audit q WHERE q.tenant_id > hop.t ORDER BY q.tenant_id LIMIT 1)
    FROM hop WHERE hop.t IS NOT NULL)
SELECT t FROM hop WHERE t IS NOT NULL LIMIT most
$$;
REVOKE ALL ON FUNCTION queue_audits(uuid, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION queue_audits(uuid, integer) TO freehold_app;
