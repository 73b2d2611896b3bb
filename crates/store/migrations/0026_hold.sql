-- What stands against whoever had somebody's session for a while, and against programs that do more than they
-- were given scopes for.

-- Whoever sets a password by a mailed token ends their own tokens for programs, and with them devices that
-- were approved and have not come for theirs: they would come after it.
CREATE INDEX device_codes_of_user ON device_codes (user_id) WHERE user_id IS NOT NULL;
CREATE OR REPLACE FUNCTION person_tokens_end(at timestamptz) RETURNS SETOF uuid
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ DELETE FROM device_codes WHERE user_id = NULLIF(current_setting('app.user', true), '')::uuid;
   UPDATE tokens SET revoked_at = at
   WHERE user_id = NULLIF(current_setting('app.user', true), '')::uuid AND kind = 'personal' AND revoked_at IS NULL
   RETURNING tenant_id $$;

-- A device was signed in with it: a person sits behind it, and is asked before what cannot be taken back. Of
-- those of before it is not known; they count as programs' until they are signed in again.
ALTER TABLE tokens ADD COLUMN device boolean NOT NULL DEFAULT false;

-- Takes the place of `lookup_access`, which servers of the release before still ask.
CREATE FUNCTION lookup_credential(token_hash bytea)
RETURNS TABLE (tenant_id uuid, id uuid, user_id uuid, user_name text, role text, review boolean, kind text,
               scopes text[], role_most text, expires_at timestamptz, used_at timestamptz,
               revoked_at timestamptz, last_used_at timestamptz, device boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT t.tenant_id, t.id, t.user_id, coalesce(m.name, t.name), coalesce(m.role, t.role),
          coalesce(m.review, false), t.kind, t.scopes, t.role, t.expires_at, t.used_at, t.revoked_at,
          t.last_used_at, t.device
   FROM tokens t LEFT JOIN members m ON m.tenant_id = t.tenant_id AND m.user_id = t.user_id
   WHERE t.hash = token_hash AND (m.user_id IS NOT NULL OR t.kind = 'service') $$;
REVOKE ALL ON FUNCTION lookup_credential(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lookup_credential(bytea) TO freehold_app;

-- Where somebody set out from to a provider of identities, as a network: who has a few dozen addresses takes a
-- share and not all that there is.
ALTER TABLE oidc_begun ADD COLUMN network text;
CREATE INDEX oidc_begun_of_network ON oidc_begun (network);

-- Takes the place of `oidc_begin`, which servers of the release before still ask: remembers one, unless there
-- are `most` already, or `most_there` of its network; forgets those whose time is over. Gives `begun`, or who is
-- full: `all` or `network`.
CREATE FUNCTION oidc_set_out(secret_hash bytea, at_provider text, for_user uuid, of_invitation bytea,
                             at timestamptz, until timestamptz, most integer, from_network text,
                             most_there integer) RETURNS text
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ DELETE FROM oidc_begun WHERE expires_at <= at;
   WITH room AS (
       -- The network's first: it costs little while one of them floods.
       SELECT CASE WHEN (SELECT count(*) FROM oidc_begun b WHERE b.network = from_network) >= most_there
                   THEN 'network'
                   WHEN (SELECT count(*) FROM oidc_begun) >= most THEN 'all'
                   ELSE 'begun' END AS became),
   added AS (
       INSERT INTO oidc_begun (hash, provider, user_id, invitation, expires_at, network)
       SELECT secret_hash, at_provider, for_user, of_invitation, until, from_network
       FROM room WHERE became = 'begun')
   SELECT became FROM room $$;
REVOKE ALL ON FUNCTION oidc_set_out(bytea, text, uuid, bytea, timestamptz, timestamptz, integer, text, integer)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION oidc_set_out(bytea, text, uuid, bytea, timestamptz, timestamptz, integer, text, integer)
    TO freehold_app;

-- As before, and those with something that lies further ahead than anything is put off: the clock has stepped
-- back since.
CREATE OR REPLACE FUNCTION queue_webhook_tenants(after uuid, most integer, at timestamptz) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$
WITH RECURSIVE hop (t) AS (
    SELECT (SELECT q.tenant_id FROM queue_webhooks q WHERE q.tenant_id > after ORDER BY q.tenant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT q.tenant_id FROM queue_webhooks q WHERE q.tenant_id > hop.t ORDER BY q.tenant_id LIMIT 1)
    FROM hop WHERE hop.t IS NOT NULL),
now AS (SELECT coalesce(at, clock_timestamp()) AS it)
SELECT t FROM hop, now
WHERE t IS NOT NULL AND EXISTS (
    SELECT 1 FROM queue_webhooks q
    WHERE q.tenant_id = t
      AND (q.due_at <= now.it
           OR (q.due_at < 'infinity' AND q.taken AND q.due_at > now.it + interval '10 minutes')
           OR (q.due_at < 'infinity' AND q.due_at > now.it + interval '27 hours')))
LIMIT most
$$;
