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
