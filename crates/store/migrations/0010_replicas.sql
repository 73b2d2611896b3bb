-- What several servers over one database share.

-- Which content this database's blobs lie in: the directory or the bucket says the same. One row.
CREATE TABLE content_store (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    id  uuid NOT NULL
);
GRANT SELECT, INSERT ON content_store TO freehold_app;

-- The bearer of each runner's present connection, good at any server; a hash.
CREATE TABLE runner_sessions (
    tenant_id uuid NOT NULL,
    runner_id uuid NOT NULL,
    hash      bytea NOT NULL UNIQUE,
    began     timestamptz NOT NULL, -- when the connection said hello: a later one's stands
    PRIMARY KEY (tenant_id, runner_id),
    FOREIGN KEY (tenant_id, runner_id) REFERENCES runners (tenant_id, id)
);

-- What one server asks of a runner that another one has the link of. Rows live for seconds.
CREATE TABLE questions (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    id        uuid NOT NULL,
    probe     jsonb NOT NULL,
    asked_at  timestamptz NOT NULL,
    taken_at  timestamptz,
    answer    jsonb,
    PRIMARY KEY (tenant_id, id)
);

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['runner_sessions', 'questions']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO freehold_app '
            'USING (tenant_id = NULLIF(current_setting(''app.tenant'', true), '''')::uuid) '
            'WITH CHECK (tenant_id = NULLIF(current_setting(''app.tenant'', true), '''')::uuid)', t);
        EXECUTE format(
            'CREATE POLICY backup ON %I FOR SELECT TO CURRENT_USER '
            'USING (current_setting(''app.backup'', true) = ''on'')', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO freehold_app', t);
    END LOOP;
END $$;

-- Whose session it is, before a tenant is known. A revoked runner has none.
CREATE POLICY lookup ON runner_sessions FOR SELECT TO CURRENT_USER USING (true);
CREATE FUNCTION lookup_session(session_hash bytea)
RETURNS TABLE (tenant_id uuid, runner_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT s.tenant_id, s.runner_id
   FROM runner_sessions s JOIN runners r ON r.tenant_id = s.tenant_id AND r.id = s.runner_id
   WHERE s.hash = session_hash AND r.revoked_at IS NULL $$;
REVOKE ALL ON FUNCTION lookup_session(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lookup_session(bytea) TO freehold_app;
