-- Whether this database is the one that it was, and how far it has come.

-- One row. A restored or failed-over database has an older `seq` than the servers remember, or
-- another `id` where somebody put it back on purpose (`docs/decisions/0009`).
CREATE TABLE lineage (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    id       uuid NOT NULL,
    before   uuid,              -- the line that this one goes on from
    seq      bigint NOT NULL,
    at_xid   bigint NOT NULL,   -- the transaction that raised `seq` last
    put_back boolean NOT NULL DEFAULT false -- live runs have still to be marked
);
INSERT INTO lineage (id, seq, at_xid) VALUES (gen_random_uuid(), 0, 0);
GRANT SELECT, UPDATE ON lineage TO freehold_app;

-- The last epoch that was known when the database was put back: later ones, below the one that the
-- run was raised to, are of a time that nobody here remembers.
ALTER TABLE runs ADD COLUMN known_epoch integer;

-- The owner is under row-level security like everyone, and sees no row of a tenant's. A backup must
-- see them all: a session that says so may read, and write nothing.
DO $$
DECLARE
    t text;
BEGIN
    FOR t IN SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = 'public' AND c.relforcerowsecurity ORDER BY 1
    LOOP
        EXECUTE format(
            'CREATE POLICY backup ON %I FOR SELECT TO CURRENT_USER '
            'USING (current_setting(''app.backup'', true) = ''on'')', t);
    END LOOP;
END $$;
