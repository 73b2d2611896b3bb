-- The queue: who wants a runner, which leases are out, which environments are looked after, and when
-- runners were last heard of. Ids, times and numbers, no content.
--
-- Whoever serves all tenants at once (a scheduler, a heartbeat) sees these four tables and no other,
-- through the functions at the end: they act as the owner, for whom row-level security is in force
-- on every table, and who has a policy here and nowhere that content is.

-- Runs that want a runner. `rank` is their place in line: when they were asked for, earlier by what
-- their priority is worth (`model::schedule::rank`), so that nobody waits for ever. What no runner
-- could take as things are (a card that has not landed, a label that nobody has) is looked at again
-- at `look_at`, so that it does not stand in the way of those behind it.
CREATE TABLE queue_ready (
    tenant_id  uuid NOT NULL,
    run_id     uuid NOT NULL,
    project_id uuid NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('execute', 'land')),
    rank       timestamptz NOT NULL,
    look_at    timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (tenant_id, run_id)
);
CREATE INDEX queue_ready_line ON queue_ready (tenant_id, project_id, rank, run_id) INCLUDE (look_at);

-- Leases that are out. `until` is the promise as it stands; whoever renews it touches this row and no
-- other. What was promised when it was given is in the run (`lease_until`).
CREATE TABLE queue_leases (
    tenant_id uuid NOT NULL,
    run_id    uuid NOT NULL,
    runner_id uuid NOT NULL,
    epoch     integer NOT NULL,
    until     timestamptz NOT NULL,
    untold    boolean NOT NULL,      -- there is something to repeat to the runner
    PRIMARY KEY (tenant_id, run_id)
);
CREATE INDEX queue_leases_until ON queue_leases (until);

-- Environments that have not ended.
CREATE TABLE queue_places (
    tenant_id      uuid NOT NULL,
    environment_id uuid NOT NULL,
    runner_id      uuid,
    PRIMARY KEY (tenant_id, environment_id)
);
CREATE INDEX queue_places_of_runner ON queue_places (tenant_id, runner_id);

-- Written by every heartbeat: room in each page, so that it stays one row in one place.
CREATE TABLE runner_presence (
    tenant_id uuid NOT NULL,
    runner_id uuid NOT NULL,
    seen_at   timestamptz NOT NULL,
    gone      boolean NOT NULL,      -- its connection ended
    PRIMARY KEY (tenant_id, runner_id)
) WITH (fillfactor = 50);

-- The owner sees rows of no tenant while row-level security is forced; what is there moves in one go.
ALTER TABLE runs NO FORCE ROW LEVEL SECURITY;
ALTER TABLE environments NO FORCE ROW LEVEL SECURITY;
ALTER TABLE runners NO FORCE ROW LEVEL SECURITY;
INSERT INTO queue_ready
    SELECT tenant_id, id, project_id, CASE state WHEN 'landing' THEN 'land' ELSE 'execute' END, created_at
    FROM runs WHERE state = 'queued' OR (state = 'landing' AND lease_job IS NULL);
INSERT INTO queue_leases
    SELECT tenant_id, id, lease_runner, epoch, lease_until, true FROM runs WHERE lease_job IS NOT NULL;
INSERT INTO queue_places
    SELECT tenant_id, id, runner_id FROM environments WHERE stopped_at IS NULL;
INSERT INTO runner_presence
    SELECT tenant_id, id, last_seen, true FROM runners WHERE last_seen IS NOT NULL AND revoked_at IS NULL;
ALTER TABLE runs FORCE ROW LEVEL SECURITY;
ALTER TABLE environments FORCE ROW LEVEL SECURITY;
ALTER TABLE runners FORCE ROW LEVEL SECURITY;

DROP INDEX runs_leased;
DROP INDEX runs_wanting;
ALTER TABLE runners DROP COLUMN last_seen;

ALTER TABLE runs ADD COLUMN priority smallint NOT NULL DEFAULT 0 CHECK (priority BETWEEN -1 AND 2);
ALTER TABLE projects ADD COLUMN share smallint NOT NULL DEFAULT 1 CHECK (share BETWEEN 1 AND 100);

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['queue_ready', 'queue_leases', 'queue_places', 'runner_presence']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO freehold_app '
            'USING (tenant_id = NULLIF(current_setting(''app.tenant'', true), '''')::uuid) '
            'WITH CHECK (tenant_id = NULLIF(current_setting(''app.tenant'', true), '''')::uuid)', t);
        EXECUTE format('CREATE POLICY scheduler ON %I TO CURRENT_USER USING (true) WITH CHECK (true)', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO freehold_app', t);
    END LOOP;
END $$;

-- Tenants behind `after` that a scheduler may have to look at, with what for: at most `most`, in
-- order. Hops from tenant to tenant, so that it costs as much with a million waiting runs as with one.
CREATE FUNCTION queue_tenants(after uuid, most integer, at timestamptz)
RETURNS TABLE (tenant_id uuid, ready boolean, expired boolean, places boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$
WITH RECURSIVE
    hop (t) AS (
        SELECT (SELECT q.tenant_id FROM queue_ready q WHERE q.tenant_id > after ORDER BY q.tenant_id LIMIT 1)
        UNION ALL
        SELECT (SELECT q.tenant_id FROM queue_ready q WHERE q.tenant_id > hop.t ORDER BY q.tenant_id LIMIT 1)
        FROM hop WHERE hop.t IS NOT NULL),
    step (t) AS (
        SELECT (SELECT q.tenant_id FROM queue_places q WHERE q.tenant_id > after ORDER BY q.tenant_id LIMIT 1)
        UNION ALL
        SELECT (SELECT q.tenant_id FROM queue_places q WHERE q.tenant_id > step.t ORDER BY q.tenant_id LIMIT 1)
        FROM step WHERE step.t IS NOT NULL),
    due (t, what) AS (
        (SELECT t, 1 FROM hop WHERE t IS NOT NULL LIMIT most)
        UNION ALL
        (SELECT t, 3 FROM step WHERE t IS NOT NULL LIMIT most)
        UNION ALL
        (SELECT DISTINCT l.tenant_id, 2 FROM queue_leases l
         WHERE l.until <= (SELECT coalesce(at, clock_timestamp())) AND l.tenant_id > after
         ORDER BY 1 LIMIT most))
SELECT t, bool_or(what = 1), bool_or(what = 2), bool_or(what = 3) FROM due GROUP BY t ORDER BY t LIMIT most
$$;

-- Heartbeats of many runners at once: `runners` were heard of, and are still on the jobs that
-- `jobs` names (a runner's own place in `runners`, the run and the epoch). Leases that are theirs go
-- on for `lease`. Gives, for each runner's place that has one, what is to be told: a job that is not
-- its own (`lost`), something to repeat, or that it was revoked, which takes its presence away and
-- renews nothing (`untold`), environments to speak of (`placed`).
-- A row that another transaction is just changing is left alone: the next heartbeat is near.
CREATE FUNCTION queue_heard(tenants uuid[], runners uuid[], job_of integer[], job_run uuid[],
                            job_epoch integer[], lease interval, at timestamptz)
RETURNS TABLE (place integer, what text, run_id uuid, epoch integer)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS
$$
WITH heard AS (
        SELECT h.tenant, h.runner, h.n::integer AS place, coalesce(at, clock_timestamp()) AS now
        FROM unnest(tenants, runners) WITH ORDINALITY AS h (tenant, runner, n)),
    there AS (
        SELECT p.tenant_id, p.runner_id, h.now FROM runner_presence p
        JOIN heard h ON p.tenant_id = h.tenant AND p.runner_id = h.runner
        FOR UPDATE OF p SKIP LOCKED),
    seen AS (
        UPDATE runner_presence p SET seen_at = greatest(p.seen_at, t.now), gone = false FROM there t
        WHERE p.tenant_id = t.tenant_id AND p.runner_id = t.runner_id),
    jobs AS (
        SELECT h.tenant, h.runner, h.place, h.now, j.run, j.epoch
        FROM unnest(job_of, job_run, job_epoch) AS j (place, run, epoch)
        JOIN heard h ON h.place = j.place),
    mine AS (
        SELECT l.tenant_id, l.run_id, j.now FROM queue_leases l
        JOIN jobs j ON l.tenant_id = j.tenant AND l.run_id = j.run AND l.runner_id = j.runner AND l.epoch = j.epoch
        JOIN runner_presence p ON p.tenant_id = j.tenant AND p.runner_id = j.runner
        FOR UPDATE OF l SKIP LOCKED),
    renewed AS (
        UPDATE queue_leases l SET until = greatest(l.until, m.now + lease) FROM mine m
        WHERE l.tenant_id = m.tenant_id AND l.run_id = m.run_id)
SELECT j.place, 'lost', j.run, j.epoch FROM jobs j
WHERE NOT EXISTS (SELECT 1 FROM queue_leases l
                  WHERE l.tenant_id = j.tenant AND l.run_id = j.run AND l.runner_id = j.runner AND l.epoch = j.epoch)
UNION ALL
SELECT h.place, 'untold', NULL, NULL FROM heard h
WHERE EXISTS (SELECT 1 FROM queue_leases l WHERE l.tenant_id = h.tenant AND l.runner_id = h.runner AND l.untold)
   OR NOT EXISTS (SELECT 1 FROM runner_presence p WHERE p.tenant_id = h.tenant AND p.runner_id = h.runner)
UNION ALL
SELECT h.place, 'placed', NULL, NULL FROM heard h
WHERE EXISTS (SELECT 1 FROM queue_places q WHERE q.tenant_id = h.tenant AND q.runner_id = h.runner)
$$;
CREATE INDEX queue_leases_untold ON queue_leases (tenant_id, runner_id) WHERE untold;

REVOKE ALL ON FUNCTION queue_tenants(uuid, integer, timestamptz),
    queue_heard(uuid[], uuid[], integer[], uuid[], integer[], interval, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION queue_tenants(uuid, integer, timestamptz),
    queue_heard(uuid[], uuid[], integer[], uuid[], integer[], interval, timestamptz) TO freehold_app;
