-- What the API promises: a request that is repeated under its key is one request.
--
-- A row says that somebody claimed a key. The change that the request makes marks the row in its own
-- transaction (`done`), so that who finds a claim without an answer knows whether anything happened.

CREATE TABLE requests (
    tenant_id  uuid NOT NULL REFERENCES tenants (id),
    hash       bytea NOT NULL,          -- of the person, the route and the key: none of them is here
    asked      bytea NOT NULL,          -- digest of what was asked
    attempt    uuid NOT NULL,           -- who is at it
    until      timestamptz NOT NULL,    -- past that, whoever was at it is gone
    done       boolean NOT NULL DEFAULT false,
    answer     bytea,                   -- sealed; nobody opens it without the key that the client chose
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, hash)
);
CREATE INDEX requests_by_age ON requests (tenant_id, created_at);

-- Confirmations of destructive acts: each is good once, for one act of one session on one state of a thing,
-- all of which is in the digest.
CREATE TABLE confirmations (
    tenant_id  uuid NOT NULL REFERENCES tenants (id),
    hash       bytea NOT NULL,          -- of the token
    session    uuid NOT NULL,
    act        bytea NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, hash)
);
CREATE INDEX confirmations_of_session ON confirmations (tenant_id, session, created_at);

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['requests', 'confirmations']
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
