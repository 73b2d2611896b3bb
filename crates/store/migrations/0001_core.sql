-- The core: who there is, what they want done, and what came of it.
--
-- Every tenant-scoped table has `tenant_id` first in its key and forced row-level security. The
-- server connects as `freehold_app`, which owns nothing; a transaction that binds no tenant sees
-- no row. What must be looked up before a tenant is known goes through the named functions at
-- the end, and through nothing else.
--
-- `bytea` columns named in comments as content hold sealed envelopes: the database can open none.

CREATE TABLE tenants (
    id         uuid PRIMARY KEY,
    name       text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE members (
    tenant_id  uuid NOT NULL REFERENCES tenants (id),
    user_id    uuid NOT NULL,
    name       text NOT NULL,
    role       text NOT NULL CHECK (role IN ('owner', 'admin', 'developer', 'viewer')),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, user_id)
);

CREATE TABLE tokens (
    tenant_id  uuid NOT NULL REFERENCES tenants (id),
    id         uuid NOT NULL,
    user_id    uuid NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('user', 'enrolment', 'sign_in')),
    hash       bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    used_at    timestamptz,
    revoked_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);

-- The tenant's content keys, wrapped (HPKE) to one recipient each: 'server' or a runner's id.
CREATE TABLE content_keys (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    key_id    integer NOT NULL,
    recipient text NOT NULL,
    wrapped   bytea NOT NULL,
    PRIMARY KEY (tenant_id, key_id, recipient)
);

-- The key that signs orders. In a managed tenant the server keeps it, wrapped to itself.
CREATE TABLE order_keys (
    tenant_id uuid PRIMARY KEY REFERENCES tenants (id),
    public    bytea NOT NULL,
    wrapped   bytea NOT NULL
);

CREATE TABLE projects (
    tenant_id     uuid NOT NULL REFERENCES tenants (id),
    id            uuid NOT NULL,
    name          text NOT NULL,
    egress        text NOT NULL CHECK (egress IN ('none', 'registries', 'open')),
    record_remote text NOT NULL,
    record_ref    text NOT NULL,
    record_path   text NOT NULL,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
);

CREATE TABLE repositories (
    tenant_id  uuid NOT NULL,
    id         uuid NOT NULL,
    project_id uuid NOT NULL,
    position   integer NOT NULL,
    remote     text NOT NULL,
    target     text NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, project_id, position),
    FOREIGN KEY (tenant_id, project_id) REFERENCES projects (tenant_id, id)
);

CREATE TABLE providers (
    tenant_id  uuid NOT NULL REFERENCES tenants (id),
    id         uuid NOT NULL,
    name       text NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('openai', 'anthropic', 'ollama')),
    base_url   text NOT NULL,
    key_ref    jsonb NOT NULL,
    model      text,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
);

CREATE TABLE agents (
    tenant_id   uuid NOT NULL REFERENCES tenants (id),
    id          uuid NOT NULL,
    name        text NOT NULL,
    driver      text NOT NULL CHECK (driver IN ('command', 'acp', 'builtin')),
    preset      text,
    provider_id uuid,
    labels      jsonb NOT NULL,
    timeout_s   bigint NOT NULL CHECK (timeout_s > 0),
    stall_s     bigint NOT NULL CHECK (stall_s > 0),
    start       bytea NOT NULL, -- content: command and paths
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name),
    FOREIGN KEY (tenant_id, provider_id) REFERENCES providers (tenant_id, id)
);

CREATE TABLE cards (
    tenant_id  uuid NOT NULL,
    id         uuid NOT NULL,
    project_id uuid NOT NULL,
    lane       text NOT NULL,
    title      bytea NOT NULL, -- content
    body       bytea NOT NULL, -- content
    version    bigint NOT NULL,
    landed     boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, project_id) REFERENCES projects (tenant_id, id)
);
CREATE INDEX cards_of_project ON cards (tenant_id, project_id, id);

CREATE TABLE card_dependencies (
    tenant_id  uuid NOT NULL,
    card_id    uuid NOT NULL,
    depends_on uuid NOT NULL,
    PRIMARY KEY (tenant_id, card_id, depends_on),
    FOREIGN KEY (tenant_id, card_id) REFERENCES cards (tenant_id, id),
    FOREIGN KEY (tenant_id, depends_on) REFERENCES cards (tenant_id, id)
);

-- What people changed on the board and the record does not hold yet. Written with the change.
CREATE TABLE intents (
    tenant_id  uuid NOT NULL REFERENCES tenants (id),
    id         uuid NOT NULL,
    project_id uuid NOT NULL,
    entity     text NOT NULL,
    kind       text NOT NULL,
    by_user    uuid NOT NULL,
    change     bytea NOT NULL, -- content
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE runners (
    tenant_id   uuid NOT NULL REFERENCES tenants (id),
    id          uuid NOT NULL,
    name        text NOT NULL,
    signing_key bytea NOT NULL,
    seal_key    bytea NOT NULL,
    labels      jsonb NOT NULL,
    capacity    integer NOT NULL,
    version     text NOT NULL,
    last_seq    bigint NOT NULL DEFAULT 0,
    last_seen   timestamptz,
    revoked_at  timestamptz,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE blobs (
    tenant_id  uuid NOT NULL REFERENCES tenants (id),
    id         uuid NOT NULL,
    run_id     uuid NOT NULL,
    path       text NOT NULL,
    size       bigint NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE runs (
    tenant_id        uuid NOT NULL,
    id               uuid NOT NULL,
    project_id       uuid NOT NULL,
    card_id          uuid NOT NULL,
    agent_id         uuid NOT NULL,
    agent_name       text NOT NULL,
    by_user          uuid NOT NULL,
    parent_id        uuid,
    -- The life cycle: written by `model::run::apply` alone.
    state            text NOT NULL,
    reason           text,
    epoch            integer NOT NULL,
    attempt          integer NOT NULL,
    attempts_max     integer NOT NULL,
    land_attempt     integer NOT NULL,
    turn             integer NOT NULL,
    cancel_requested boolean NOT NULL,
    lease_job        uuid,
    lease_kind       text,
    lease_runner     uuid,
    lease_accepted   boolean,
    lease_until      timestamptz,
    work             jsonb,
    approval         jsonb,
    landed           text,
    -- What it needs and what is known of it.
    target           text NOT NULL,
    egress           text NOT NULL,
    isolation        text NOT NULL,
    labels           jsonb NOT NULL,
    last_runner      uuid,
    wait_note        text,          -- why it is queued: ids and labels only
    detail           bytea,         -- content
    detail_version   bigint,
    checks           jsonb NOT NULL DEFAULT '[]',
    diff_blob        uuid,
    diff_version     bigint,
    transcript_blob  uuid,
    agent_version    text,
    last_seq         bigint NOT NULL DEFAULT 0,
    created_at       timestamptz NOT NULL,
    finished_at      timestamptz,
    refs_swept_at    timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, card_id) REFERENCES cards (tenant_id, id),
    FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id),
    CHECK ((lease_job IS NULL) = (lease_runner IS NULL)),
    CHECK (state NOT IN ('succeeded', 'failed', 'cancelled', 'rejected') OR lease_job IS NULL)
);
CREATE INDEX runs_of_card ON runs (tenant_id, card_id, id);
CREATE INDEX runs_wanting ON runs (tenant_id, id) WHERE state IN ('queued', 'landing');
CREATE INDEX runs_leased ON runs (tenant_id, lease_until) WHERE lease_job IS NOT NULL;
CREATE INDEX runs_to_sweep ON runs (tenant_id, finished_at)
    WHERE finished_at IS NOT NULL AND refs_swept_at IS NULL;
-- One live run per card, whoever asks how often.
CREATE UNIQUE INDEX runs_live ON runs (tenant_id, card_id)
    WHERE state NOT IN ('succeeded', 'failed', 'cancelled', 'rejected');

CREATE TABLE orders (
    tenant_id  uuid NOT NULL,
    id         uuid NOT NULL,
    run_id     uuid NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('execute', 'land')),
    turn       integer NOT NULL,
    envelope   bytea NOT NULL, -- content: a signed DSSE envelope
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, id)
);
CREATE INDEX orders_of_run ON orders (tenant_id, run_id, kind, id);

CREATE TABLE run_events (
    tenant_id uuid NOT NULL,
    run_id    uuid NOT NULL,
    seq       bigint NOT NULL,
    ts        timestamptz NOT NULL,
    kind      text NOT NULL,
    meta      jsonb NOT NULL,
    content   bytea,            -- content, placed by (epoch, n)
    epoch     integer NOT NULL,
    n         bigint NOT NULL,
    PRIMARY KEY (tenant_id, run_id, seq)
);

-- The journal: each step of each epoch, with its result.
CREATE TABLE run_steps (
    tenant_id   uuid NOT NULL,
    run_id      uuid NOT NULL,
    epoch       integer NOT NULL,
    name        text NOT NULL,
    state       text NOT NULL,
    exit_code   integer,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (tenant_id, run_id, epoch, name)
);

CREATE TABLE idempotency (
    tenant_id  uuid NOT NULL REFERENCES tenants (id),
    key        text NOT NULL,
    request    bytea NOT NULL, -- SHA-256 of what was asked
    run_id     uuid NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, key)
);

CREATE TABLE audit_entries (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    seq       bigint GENERATED ALWAYS AS IDENTITY,
    at        timestamptz NOT NULL,
    actor     text NOT NULL,
    action    text NOT NULL,
    resource  text NOT NULL,
    purpose   text NOT NULL,
    PRIMARY KEY (tenant_id, seq)
);

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['members', 'tokens', 'content_keys', 'order_keys', 'projects',
        'repositories', 'providers', 'agents', 'cards', 'card_dependencies', 'intents', 'runners',
        'blobs', 'runs', 'orders', 'run_events', 'run_steps', 'idempotency', 'audit_entries']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO freehold_app '
            'USING (tenant_id = NULLIF(current_setting(''app.tenant'', true), '''')::uuid) '
            'WITH CHECK (tenant_id = NULLIF(current_setting(''app.tenant'', true), '''')::uuid)', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO freehold_app', t);
    END LOOP;
END $$;

ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON tenants TO freehold_app
    USING (id = NULLIF(current_setting('app.tenant', true), '')::uuid)
    WITH CHECK (id = NULLIF(current_setting('app.tenant', true), '')::uuid);
GRANT SELECT, INSERT ON tenants TO freehold_app;
REVOKE UPDATE, DELETE ON audit_entries, run_events FROM freehold_app;

-- What is looked up before a tenant is known. The owner may read these three tables, and only
-- through these functions does anyone act as the owner.
CREATE POLICY lookup ON tenants FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY lookup ON tokens FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY lookup ON members FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY lookup ON runners FOR SELECT TO CURRENT_USER USING (true);

CREATE FUNCTION lookup_token(token_hash bytea)
RETURNS TABLE (tenant_id uuid, id uuid, user_id uuid, user_name text, role text, kind text,
               expires_at timestamptz, used_at timestamptz, revoked_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT t.tenant_id, t.id, t.user_id, m.name, m.role, t.kind, t.expires_at, t.used_at, t.revoked_at
   FROM tokens t JOIN members m ON m.tenant_id = t.tenant_id AND m.user_id = t.user_id
   WHERE t.hash = token_hash $$;

CREATE FUNCTION lookup_runner(runner_id uuid)
RETURNS TABLE (tenant_id uuid, signing_key bytea, revoked_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT r.tenant_id, r.signing_key, r.revoked_at FROM runners r WHERE r.id = runner_id $$;

CREATE FUNCTION list_tenants() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT id FROM tenants ORDER BY id $$;

REVOKE ALL ON FUNCTION lookup_token(bytea), lookup_runner(uuid), list_tenants() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lookup_token(bytea), lookup_runner(uuid), list_tenants() TO freehold_app;
