-- What happened in runs lies in a table per month: a month that nobody keeps any longer goes as a whole,
-- at no cost but a lock for an instant. A run's id says when it began (UUIDv7, RFC 9562), so all events of
-- a run lie in one month's table, whenever they come.
--
-- First what is there is made ready: the second step (0012) hangs it below the new table without reading
-- it under a lock.

-- The first bits of a UUIDv7 are its time: ids from then on are not below this one.
CREATE FUNCTION uuid_from(at timestamptz) RETURNS uuid LANGUAGE sql STABLE STRICT AS
$$ SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid $$;

-- The months that there are tables for. The first holds all that was before.
CREATE TABLE event_months (
    name       text PRIMARY KEY,     -- the end of the tables' names
    from_at    timestamptz NOT NULL,
    until_at   timestamptz NOT NULL,
    dropped_at timestamptz
);
GRANT SELECT ON event_months TO freehold_app;
-- Two months ahead, so that nothing is written beyond it before the next step. A test begins earlier.
INSERT INTO event_months SELECT 'first', '-infinity', date_trunc('month', coalesce(
    nullif(current_setting('app.months_from', true), '')::timestamptz, now() + interval '2 months'), 'UTC');

-- Keys are good for a day; those that are older are found by their age.
CREATE INDEX idempotency_by_age ON idempotency (tenant_id, created_at);

-- What lies beyond is of a clock that ran ahead: it goes to the table for what has no month.
DO $$
DECLARE
    t text;
    edge uuid := (SELECT uuid_from(until_at) FROM event_months);
BEGIN
    PERFORM set_config('app.backup', 'on', true); -- may read
    FOREACH t IN ARRAY ARRAY['run_events', 'run_steps']
    LOOP
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS)', t || '_rest', t);
        EXECUTE format('INSERT INTO %I SELECT * FROM %I WHERE run_id >= %L', t || '_rest', t, edge);
    END LOOP;
    -- All has been read: what follows holds the tables for an instant.
    FOREACH t IN ARRAY ARRAY['run_events', 'run_steps']
    LOOP
        EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('DELETE FROM %I t USING %I r WHERE t.tenant_id = r.tenant_id AND t.run_id = r.run_id', t, t || '_rest');
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I ADD CONSTRAINT of_the_first CHECK (run_id < %L) NOT VALID', t, edge);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t || '_rest');
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t || '_rest');
        EXECUTE format(
            'CREATE POLICY backup ON %I FOR SELECT TO CURRENT_USER '
            'USING (current_setting(''app.backup'', true) = ''on'')', t || '_rest');
    END LOOP;
    PERFORM set_config('app.backup', 'off', true);
END $$;
