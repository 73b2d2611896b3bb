-- Tokens that are good for less than a person is, and the right to review.

-- Decides on finished work, whatever the role.
ALTER TABLE members ADD COLUMN review boolean NOT NULL DEFAULT false;

-- `user` and `session`: all that the member may do. `personal`: `scopes` of it, with `role` at most.
-- `service`: the organization's own, with `role` and `scopes`; its `user_id` is nobody's but its own, so
-- that what it did has an author who outlives whoever made it. A server of the release before knows none
-- of the new kinds, and lets none of them in.
ALTER TABLE tokens DROP CONSTRAINT tokens_kind_check;
ALTER TABLE tokens ADD CONSTRAINT tokens_kind_check
    CHECK (kind IN ('user', 'enrolment', 'sign_in', 'session', 'personal', 'service'));
ALTER TABLE tokens ADD COLUMN name text;
ALTER TABLE tokens ADD COLUMN scopes text[];
ALTER TABLE tokens ADD COLUMN role text CHECK (role IN ('owner', 'admin', 'developer', 'viewer'));
ALTER TABLE tokens ADD COLUMN made_by uuid;
ALTER TABLE tokens ADD COLUMN last_used_at timestamptz; -- to the minute, about
-- Without `scopes` a token would be good for everything.
ALTER TABLE tokens ADD CONSTRAINT tokens_limited
    CHECK (kind NOT IN ('personal', 'service')
           OR (name IS NOT NULL AND scopes IS NOT NULL AND made_by IS NOT NULL AND expires_at IS NOT NULL));
ALTER TABLE tokens ADD CONSTRAINT tokens_of_service CHECK (kind <> 'service' OR role IS NOT NULL);
CREATE INDEX tokens_of_member ON tokens (tenant_id, user_id, id);
CREATE INDEX tokens_service ON tokens (tenant_id, id) WHERE kind = 'service';

-- Takes the place of `lookup_token`, which servers of the release before still ask.
CREATE FUNCTION lookup_access(token_hash bytea)
RETURNS TABLE (tenant_id uuid, id uuid, user_id uuid, user_name text, role text, review boolean, kind text,
               scopes text[], role_most text, expires_at timestamptz, used_at timestamptz,
               revoked_at timestamptz, last_used_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT t.tenant_id, t.id, t.user_id, coalesce(m.name, t.name), coalesce(m.role, t.role),
          coalesce(m.review, false), t.kind, t.scopes, t.role, t.expires_at, t.used_at, t.revoked_at,
          t.last_used_at
   FROM tokens t LEFT JOIN members m ON m.tenant_id = t.tenant_id AND m.user_id = t.user_id
   WHERE t.hash = token_hash AND (m.user_id IS NOT NULL OR t.kind = 'service') $$;
REVOKE ALL ON FUNCTION lookup_access(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lookup_access(bytea) TO freehold_app;
