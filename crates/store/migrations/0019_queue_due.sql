-- A tenant all of whose waiting runs are put aside until later, or wait for a remote that is away, has
-- nothing to do now: the look at all tenants passes it by. Hops as before, from tenant to tenant, and
-- reads of each the run that is looked at first.
-- What lies further ahead than anybody puts it (ten minutes: leases last 42 s, pauses five minutes) was
-- written before the database's clock stepped back: such a run is looked at, such a lease counts as
-- expired here, and whoever looks shortens it.
CREATE INDEX queue_ready_due ON queue_ready (tenant_id, look_at);

CREATE OR REPLACE FUNCTION queue_tenants(after uuid, most integer, at timestamptz)
RETURNS TABLE (tenant_id uuid, ready boolean, expired boolean, places boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$
WITH RECURSIVE
    hop (t, look) AS (
        (SELECT q.tenant_id, q.look_at FROM queue_ready q WHERE q.tenant_id > after
         ORDER BY q.tenant_id, q.look_at LIMIT 1)
        UNION ALL
        SELECT n.tenant_id, n.look_at FROM hop CROSS JOIN LATERAL (
            SELECT q.tenant_id, q.look_at FROM queue_ready q WHERE q.tenant_id > hop.t
            ORDER BY q.tenant_id, q.look_at LIMIT 1) n),
    step (t) AS (
        SELECT (SELECT q.tenant_id FROM queue_places q WHERE q.tenant_id > after ORDER BY q.tenant_id LIMIT 1)
        UNION ALL
        SELECT (SELECT q.tenant_id FROM queue_places q WHERE q.tenant_id > step.t ORDER BY q.tenant_id LIMIT 1)
        FROM step WHERE step.t IS NOT NULL),
    due (t, what) AS (
        (SELECT t, 1 FROM hop
         WHERE look <= clock_timestamp() OR look > clock_timestamp() + interval '10 minutes' LIMIT most)
        UNION ALL
        (SELECT t, 3 FROM step WHERE t IS NOT NULL LIMIT most)
        UNION ALL
        (SELECT DISTINCT l.tenant_id, 2 FROM queue_leases l
         WHERE (l.until <= (SELECT coalesce(at, clock_timestamp()))
                OR l.until > (SELECT coalesce(at, clock_timestamp()) + interval '10 minutes'))
           AND l.tenant_id > after
         ORDER BY 1 LIMIT most))
SELECT t, bool_or(what = 1), bool_or(what = 2), bool_or(what = 3) FROM due GROUP BY t ORDER BY t LIMIT most
$$;
