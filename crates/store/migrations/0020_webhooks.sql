-- Webhooks: where an organization is told of what happens, and what became of telling it.
--
-- What is told is free of content by design: ids, types, times, numbers, words of ours. The address and
-- the secrets are sealed to the server's key, what a receiver answered to the tenant's.
CREATE TABLE webhooks (
    tenant_id     uuid NOT NULL REFERENCES tenants (id),
    id            uuid NOT NULL,
    sealed        bytea NOT NULL,      -- the address and the secrets; empty once it is removed
    events        text[] NOT NULL,     -- what it is told of (`model::webhook::Event`)
    paused        text CHECK (paused IN ('person', 'gone', 'failing')),
    paused_at     timestamptz,
    failing_since timestamptz,         -- nothing arrived from then on
    last_seq      bigint NOT NULL DEFAULT 0,
    waiting       integer NOT NULL DEFAULT 0,
    by_user       uuid NOT NULL,
    created_at    timestamptz NOT NULL,
    removed_at    timestamptz,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE webhook_deliveries (
    tenant_id   uuid NOT NULL,
    id          uuid NOT NULL,         -- one for each event and webhook, however often it is sent
    webhook_id  uuid NOT NULL,
    event       text NOT NULL,
    seq         bigint NOT NULL,       -- of the webhook's; what could not be kept leaves a gap
    at          timestamptz NOT NULL,
    facts       jsonb NOT NULL,        -- ids, numbers, words of ours
    state       text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'failed')),
    tries       integer NOT NULL DEFAULT 0,
    tried_before integer NOT NULL DEFAULT 0, -- tries before it was asked for once more
    done_at     timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhooks (tenant_id, id)
);
CREATE UNIQUE INDEX webhook_deliveries_line ON webhook_deliveries (tenant_id, webhook_id, seq DESC);
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (tenant_id, at);

-- Each try whose end was seen.
CREATE TABLE webhook_attempts (
    tenant_id   uuid NOT NULL,
    delivery_id uuid NOT NULL,
    n           integer NOT NULL,
    at          timestamptz NOT NULL,
    took_ms     integer NOT NULL,
    outcome     text NOT NULL,
    status      integer,
    answer      bytea,                 -- the beginning of it, sealed
    PRIMARY KEY (tenant_id, delivery_id, n),
    FOREIGN KEY (tenant_id, delivery_id) REFERENCES webhook_deliveries (tenant_id, id) ON DELETE CASCADE
);

-- What is to be sent. Whoever takes a delivery moves `due_at` behind the longest that a try may take: one
-- whose sender was lost is due again by itself. `infinity` where its webhook is paused.
CREATE TABLE queue_webhooks (
    tenant_id   uuid NOT NULL,
    webhook_id  uuid NOT NULL,
    delivery_id uuid NOT NULL,
    due_at      timestamptz NOT NULL,
    taken       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant_id, delivery_id)
);
CREATE INDEX queue_webhooks_due ON queue_webhooks (tenant_id, due_at);
CREATE INDEX queue_webhooks_of_webhook ON queue_webhooks (tenant_id, webhook_id, due_at);

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['webhooks', 'webhook_deliveries', 'webhook_attempts', 'queue_webhooks']
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
CREATE POLICY scheduler ON queue_webhooks FOR SELECT TO CURRENT_USER USING (true);

-- Tenants behind `after` with something to send at `at`, at most `most`, in order. Hops from tenant to
-- tenant, so that one tenant's thousands cost no more than one.
CREATE FUNCTION queue_webhook_tenants(after uuid, most integer, at timestamptz) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$
WITH RECURSIVE hop (t) AS (
    SELECT (SELECT q.tenant_id FROM queue_webhooks q WHERE q.tenant_id > after ORDER BY q.tenant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT q.tenant_id FROM queue_webhooks q WHERE q.tenant_id > hop.t ORDER BY q.tenant_id LIMIT 1)
    FROM hop WHERE hop.t IS NOT NULL)
SELECT t FROM hop
WHERE t IS NOT NULL AND EXISTS (
    SELECT 1 FROM queue_webhooks q
    WHERE q.tenant_id = t AND q.due_at <= (SELECT coalesce(at, clock_timestamp())))
LIMIT most
$$;
REVOKE ALL ON FUNCTION queue_webhook_tenants(uuid, integer, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION queue_webhook_tenants(uuid, integer, timestamptz) TO freehold_app;
