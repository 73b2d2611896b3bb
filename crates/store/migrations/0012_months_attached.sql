-- What happened in runs lies in a table per month: the second half of 0011.

DO $$
DECLARE
    t text;
    edge uuid := (SELECT uuid_from(until_at) FROM event_months WHERE name = 'first');
    columns text;
BEGIN
    FOREACH t IN ARRAY ARRAY['run_events', 'run_steps']
    LOOP
        -- Reads every row, and lets others read and write meanwhile; what follows reads none.
        EXECUTE format('ALTER TABLE %I VALIDATE CONSTRAINT of_the_first', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['run_events', 'run_steps']
    LOOP
        SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.n) INTO columns
        FROM pg_constraint c, unnest(c.conkey) WITH ORDINALITY AS k (attnum, n), pg_attribute a
        WHERE c.conrelid = t::regclass AND c.contype = 'p' AND a.attrelid = c.conrelid AND a.attnum = k.attnum;
        EXECUTE format('ALTER TABLE %I RENAME TO %I', t, t || '_first');
        EXECUTE format('ALTER INDEX %I RENAME TO %I', t || '_pkey', t || '_first_pkey');
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS, PRIMARY KEY (%s)) PARTITION BY RANGE (run_id)',
                       t, t || '_first', columns);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%L)', t, t || '_first', edge);
        EXECUTE format('ALTER TABLE %I DROP CONSTRAINT of_the_first', t || '_first');
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I DEFAULT', t, t || '_rest');
        -- Whoever reads or writes does so through the whole; nobody has a right to a part.
        EXECUTE format('DROP POLICY tenant ON %I', t || '_first');
        EXECUTE format('REVOKE ALL ON %I FROM freehold_app', t || '_first');
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO freehold_app '
            'USING (tenant_id = NULLIF(current_setting(''app.tenant'', true), '''')::uuid) '
            'WITH CHECK (tenant_id = NULLIF(current_setting(''app.tenant'', true), '''')::uuid)', t);
        EXECUTE format(
            'CREATE POLICY backup ON %I FOR SELECT TO CURRENT_USER '
            'USING (current_setting(''app.backup'', true) = ''on'')', t);
    END LOOP;
END $$;
-- Events are added and never changed; a step's end is written where its beginning is.
GRANT SELECT, INSERT ON run_events TO freehold_app;
GRANT SELECT, INSERT, UPDATE ON run_steps TO freehold_app;

-- Makes the tables of the months up to the one after next. What lay without a month (a clock ran ahead)
-- moves into its own. Gives how many months were made. Counted in the database's own time.
CREATE FUNCTION months_make() RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
SET lock_timeout = '1s' SET timezone = 'UTC' AS
$$
DECLARE
    t text;
    part text;
    month timestamptz;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('freehold months'));
    LOOP
        month := (SELECT max(until_at) FROM event_months);
        EXIT WHEN month > clock_timestamp() + interval '2 months';
        FOREACH t IN ARRAY ARRAY['run_events', 'run_steps']
        LOOP
            part := t || to_char(month, '_YYYYMM');
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS)', part, t);
            EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', t || '_rest');
            EXECUTE format(
                'WITH moved AS (DELETE FROM %I WHERE run_id >= %L AND run_id < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
                t || '_rest', uuid_from(month), uuid_from(month + interval '1 month'), part);
            EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t || '_rest');
            EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', part);
            EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', part);
            EXECUTE format(
                'CREATE POLICY backup ON %I FOR SELECT TO CURRENT_USER '
                'USING (current_setting(''app.backup'', true) = ''on'')', part);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                           t, part, uuid_from(month), uuid_from(month + interval '1 month'));
        END LOOP;
        INSERT INTO event_months VALUES
            (to_char(month, 'YYYYMM'), month, month + interval '1 month');
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;

-- Drops the months that end by `before`, but those in which one of `live` lies; what is younger than a
-- week stays, whatever is asked. Gives the dropped ones.
-- Whoever comes behind it waits as long as it does, so it gives up soon where somebody reads for long.
CREATE FUNCTION months_drop(before timestamptz, live timestamptz[]) RETURNS SETOF text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
SET lock_timeout = '100ms' SET timezone = 'UTC' AS
$$
DECLARE
    month event_months;
    t text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('freehold months'));
    FOR month IN
        SELECT * FROM event_months m
        WHERE dropped_at IS NULL AND until_at <= least(before, clock_timestamp() - interval '7 days')
          AND NOT EXISTS (SELECT 1 FROM unnest(live) AS l (at) WHERE l.at >= m.from_at AND l.at < m.until_at)
        ORDER BY from_at
    LOOP
        FOREACH t IN ARRAY ARRAY['run_events_', 'run_steps_']
        LOOP
            EXECUTE format('DROP TABLE %I', t || month.name);
        END LOOP;
        UPDATE event_months SET dropped_at = clock_timestamp() WHERE name = month.name;
        RETURN NEXT month.name;
    END LOOP;
END
$$;

REVOKE ALL ON FUNCTION months_make(), months_drop(timestamptz, timestamptz[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION months_make(), months_drop(timestamptz, timestamptz[]) TO freehold_app;
