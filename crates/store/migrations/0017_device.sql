-- Devices that ask to be signed in (RFC 8628), for minutes: whoever approves one says in which
-- organization, and as whom, it will act. It has no tenant before that, and the server reads and writes
-- it through the functions below alone.
CREATE TABLE device_codes (
    hash       bytea PRIMARY KEY,     -- of the code that the device asks with
    user_code  text NOT NULL UNIQUE,  -- the one that a person types
    name       text NOT NULL,
    address    text,
    asked_at   timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    polled_at  timestamptz,
    denied     boolean NOT NULL DEFAULT false,
    tenant_id  uuid,
    user_id    uuid,
    CHECK ((tenant_id IS NULL) = (user_id IS NULL))
);
CREATE INDEX device_codes_until ON device_codes (expires_at);
ALTER TABLE device_codes ENABLE ROW LEVEL SECURITY;
ALTER TABLE device_codes FORCE ROW LEVEL SECURITY;
CREATE POLICY device ON device_codes TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY backup ON device_codes FOR SELECT TO CURRENT_USER
    USING (current_setting('app.backup', true) = 'on');

-- Remembers a device, unless there are `most` already; forgets those whose time is over.
CREATE FUNCTION device_ask(code_hash bytea, typed text, called text, from_address text, at timestamptz,
                           until timestamptz, most integer) RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ DELETE FROM device_codes WHERE expires_at <= at;
   WITH added AS (
       INSERT INTO device_codes (hash, user_code, name, address, asked_at, expires_at)
       SELECT code_hash, typed, called, from_address, at, until
       WHERE (SELECT count(*) FROM device_codes) < most
       ON CONFLICT (user_code) DO NOTHING RETURNING 1)
   SELECT EXISTS (SELECT 1 FROM added) $$;

-- What a person sees before they decide.
CREATE FUNCTION device_look(typed text, at timestamptz)
RETURNS TABLE (name text, address text, asked_at timestamptz, expires_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT d.name, d.address, d.asked_at, d.expires_at FROM device_codes d
   WHERE d.user_code = typed AND d.expires_at > at AND d.tenant_id IS NULL AND NOT d.denied $$;

-- Decides, once, for the organization that the transaction is bound to.
CREATE FUNCTION device_decide(typed text, who uuid, yes boolean, at timestamptz) RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ WITH decided AS (
       UPDATE device_codes d SET denied = NOT yes,
           tenant_id = CASE WHEN yes THEN NULLIF(current_setting('app.tenant', true), '')::uuid END,
           user_id = CASE WHEN yes THEN who END
       WHERE d.user_code = typed AND d.expires_at > at AND d.tenant_id IS NULL AND NOT d.denied
         AND NULLIF(current_setting('app.tenant', true), '') IS NOT NULL
       RETURNING 1)
   SELECT EXISTS (SELECT 1 FROM decided) $$;

-- What the device hears; `hasty` where it asked less than `apart` ago.
CREATE FUNCTION device_poll(code_hash bytea, at timestamptz, apart interval)
RETURNS TABLE (name text, denied boolean, hasty boolean, tenant_id uuid, user_id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ WITH before AS (SELECT d.hash, d.polled_at FROM device_codes d
                   WHERE d.hash = code_hash AND d.expires_at > at FOR UPDATE)
   UPDATE device_codes d SET polled_at = at FROM before b WHERE d.hash = b.hash
   RETURNING d.name, d.denied, coalesce(b.polled_at > at - apart, false), d.tenant_id, d.user_id $$;

-- Uses an approved code up, in the organization that it was approved for.
CREATE FUNCTION device_use(code_hash bytea, at timestamptz) RETURNS uuid
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ DELETE FROM device_codes d
   WHERE d.hash = code_hash AND d.expires_at > at
     AND d.tenant_id = NULLIF(current_setting('app.tenant', true), '')::uuid
   RETURNING d.user_id $$;

REVOKE ALL ON FUNCTION device_ask(bytea, text, text, text, timestamptz, timestamptz, integer),
    device_look(text, timestamptz), device_decide(text, uuid, boolean, timestamptz),
    device_poll(bytea, timestamptz, interval), device_use(bytea, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION device_ask(bytea, text, text, text, timestamptz, timestamptz, integer),
    device_look(text, timestamptz), device_decide(text, uuid, boolean, timestamptz),
    device_poll(bytea, timestamptz, interval), device_use(bytea, timestamptz) TO freehold_app;
