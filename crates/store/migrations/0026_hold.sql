-- What stands against whoever had somebody's session for a while.

-- Whoever sets a password by a mailed token ends their own tokens for programs, and with them devices that
-- were approved and have not come for theirs: they would come after it.
CREATE INDEX device_codes_of_user ON device_codes (user_id) WHERE user_id IS NOT NULL;
CREATE OR REPLACE FUNCTION person_tokens_end(at timestamptz) RETURNS SETOF uuid
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ DELETE FROM device_codes WHERE user_id = NULLIF(current_setting('app.user', true), '')::uuid;
   UPDATE tokens SET revoked_at = at
   WHERE user_id = NULLIF(current_setting('app.user', true), '')::uuid AND kind = 'personal' AND revoked_at IS NULL
   RETURNING tenant_id $$;

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
