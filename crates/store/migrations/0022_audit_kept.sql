-- How long the audit log is kept (`wire::audit::kept`): words of entries that tell who looked at what go first,
-- later the beginning of the chain goes as a whole, under a signed cut. The server's own role still deletes
-- nothing: two functions do, and hold what may go.

-- Goes with an entry's words, so that nobody can guess them from what stays. Entries of before have none.
ALTER TABLE audit_entries ADD COLUMN salt uuid;
ALTER TABLE audit_entries ALTER COLUMN salt SET DEFAULT gen_random_uuid();
-- For a search by action, or by how an action's name begins.
CREATE INDEX audit_entries_of_action ON audit_entries (tenant_id, action COLLATE "C", seq DESC);

-- What stays of an entry without its words; nothing for those that a version before gave their places.
ALTER TABLE audit_chain ADD COLUMN class text;
ALTER TABLE audit_chain ADD COLUMN digest bytea;
ALTER TABLE audit_chain ADD COLUMN at timestamptz;
ALTER TABLE audit_chain ADD COLUMN placed_at timestamptz; -- by the database's clock: what is kept is counted in it too
ALTER TABLE audit_chain ADD COLUMN gone_at timestamptz;   -- when its words went
CREATE INDEX audit_chain_reading ON audit_chain (tenant_id, placed_at) WHERE class = 'reading' AND gone_at IS NULL;

-- Where a log begins whose beginning was let go: one row at most.
CREATE TABLE audit_cuts (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    n         bigint NOT NULL,   -- the last entry that went
    hash      bytea NOT NULL,
    at        timestamptz NOT NULL,
    envelope  jsonb NOT NULL,    -- signed
    PRIMARY KEY (tenant_id, n)
);

-- Tenants whose chain goes on behind its last checkpoint, and when that is to be signed at the latest.
CREATE TABLE queue_unsigned (
    tenant_id uuid PRIMARY KEY,
    due       timestamptz NOT NULL
);
CREATE INDEX queue_unsigned_due ON queue_unsigned (due);

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['audit_cuts', 'queue_unsigned']
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
GRANT UPDATE, DELETE ON queue_unsigned TO freehold_app;
-- What is unsigned already is looked at once; where nothing is, the row goes.
ALTER TABLE audit_chain NO FORCE ROW LEVEL SECURITY;
INSERT INTO queue_unsigned SELECT DISTINCT tenant_id, now() FROM audit_chain;
ALTER TABLE audit_chain FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_cuts FORCE ROW LEVEL SECURITY;
ALTER TABLE queue_unsigned FORCE ROW LEVEL SECURITY;
CREATE POLICY scheduler ON queue_unsigned FOR SELECT TO CURRENT_USER USING (true);

-- What the functions below see and take: the rows of the tenant that the transaction is bound to.
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['audit_entries', 'audit_chain', 'audit_checkpoints', 'audit_cuts']
    LOOP
        EXECUTE format(
            'CREATE POLICY let_go ON %I TO CURRENT_USER '
            'USING (tenant_id = NULLIF(current_setting(''app.tenant'', true), '''')::uuid)', t);
    END LOOP;
END $$;

-- Tenants with something to sign, whose time has come, at most `most`.
CREATE FUNCTION queue_unsigned(most integer) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT q.tenant_id FROM queue_unsigned q WHERE q.due <= clock_timestamp() ORDER BY q.due LIMIT most $$;

-- Lets go of the tenant's chain up to the entry `upto`, with its words and checkpoints. There must be a cut
-- of that place; none of what goes may be younger than ninety days, whatever is asked; and the last entry
-- stays. Gives how many went.
CREATE FUNCTION audit_cut(upto bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS
$$
DECLARE
    t uuid := NULLIF(current_setting('app.tenant', true), '')::uuid;
    went bigint;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM audit_cuts c JOIN audit_chain p USING (tenant_id, n, hash)
                   WHERE c.tenant_id = t AND c.n = upto) THEN
        RAISE EXCEPTION 'the audit log is not cut where no cut was written' USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM audit_chain p WHERE p.tenant_id = t AND p.n > upto) THEN
        RAISE EXCEPTION 'the last entry of the audit log stays' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT 1 FROM audit_chain p LEFT JOIN audit_entries e USING (tenant_id, seq)
               WHERE p.tenant_id = t AND p.n <= upto
                 AND greatest(p.at, p.placed_at, e.at) > clock_timestamp() - interval '90 days') THEN
        RAISE EXCEPTION 'an entry of the audit log is too young to go' USING ERRCODE = 'check_violation';
    END IF;
    DELETE FROM audit_entries e USING audit_chain p
    WHERE p.tenant_id = t AND p.n <= upto AND e.tenant_id = t AND e.seq = p.seq;
    DELETE FROM audit_chain p WHERE p.tenant_id = t AND p.n <= upto;
    GET DIAGNOSTICS went = ROW_COUNT;
    DELETE FROM audit_checkpoints c WHERE c.tenant_id = t AND c.n <= upto;
    DELETE FROM audit_cuts c WHERE c.tenant_id = t AND c.n < upto;
    RETURN went;
END
$$;

-- Lets go of the words of the tenant's entries of the class `reading` that are older than `before`, and than
-- seven days whatever is asked, and that a checkpoint covers; `most` at most. Gives how many went.
CREATE FUNCTION audit_fade(before timestamptz, most integer) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS
$$
DECLARE
    t uuid := NULLIF(current_setting('app.tenant', true), '')::uuid;
    old timestamptz := least(before, clock_timestamp() - interval '7 days');
    went bigint;
BEGIN
    WITH due AS (
        SELECT p.n, p.seq FROM audit_chain p
        WHERE p.tenant_id = t AND p.class = 'reading' AND p.gone_at IS NULL AND p.digest IS NOT NULL
          AND p.placed_at < old AND p.at < old
          AND p.n <= (SELECT max(c.n) FROM audit_checkpoints c WHERE c.tenant_id = t)
        ORDER BY p.placed_at LIMIT most),
    words AS (DELETE FROM audit_entries e USING due WHERE e.tenant_id = t AND e.seq = due.seq)
    UPDATE audit_chain p SET gone_at = clock_timestamp() FROM due WHERE p.tenant_id = t AND p.n = due.n;
    GET DIAGNOSTICS went = ROW_COUNT;
    RETURN went;
END
$$;

REVOKE ALL ON FUNCTION queue_unsigned(integer), audit_cut(bigint), audit_fade(timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION queue_unsigned(integer), audit_cut(bigint), audit_fade(timestamptz, integer) TO freehold_app;

-- Whoever sets a password by a mailed token may have lost control of what there was: their own tokens for
-- programs end as well as their sessions.
CREATE INDEX tokens_of_person ON tokens (user_id) WHERE kind = 'personal' AND revoked_at IS NULL;
CREATE POLICY reset ON tokens FOR UPDATE TO CURRENT_USER
    USING (kind = 'personal' AND user_id = NULLIF(current_setting('app.user', true), '')::uuid)
    WITH CHECK (kind = 'personal' AND user_id = NULLIF(current_setting('app.user', true), '')::uuid);
CREATE FUNCTION person_tokens_end(at timestamptz) RETURNS SETOF uuid
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ UPDATE tokens SET revoked_at = at
   WHERE user_id = NULLIF(current_setting('app.user', true), '')::uuid AND kind = 'personal' AND revoked_at IS NULL
   RETURNING tenant_id $$;

-- A token that enrols a runner and was made by a service token, which must still be good: whose it is, before a
-- tenant is known.
CREATE FUNCTION lookup_enrolment(token_hash bytea, at timestamptz)
RETURNS TABLE (tenant_id uuid, user_id uuid, user_name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT t.tenant_id, t.user_id, s.name
   FROM tokens t JOIN tokens s ON s.tenant_id = t.tenant_id AND s.user_id = t.user_id AND s.kind = 'service'
   WHERE t.hash = token_hash AND t.kind = 'enrolment' AND s.revoked_at IS NULL AND s.expires_at > at $$;

REVOKE ALL ON FUNCTION person_tokens_end(timestamptz), lookup_enrolment(bytea, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION person_tokens_end(timestamptz), lookup_enrolment(bytea, timestamptz) TO freehold_app;
