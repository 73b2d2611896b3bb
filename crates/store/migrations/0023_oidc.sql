-- Signing in at a provider of identities (OpenID Connect): what was begun and has not come back, and what
-- the groups that a provider tells of are in an organization.

-- Who went to a provider, for minutes: the one browser that holds the secret brings an answer back, once.
-- Nobody is known yet: the server reads and writes it through the functions below alone. What goes over the
-- network (state, nonce, code verifier) is made of the secret, and is nowhere here.
CREATE TABLE oidc_begun (
    hash       bytea PRIMARY KEY,     -- of the secret
    provider   text NOT NULL,
    user_id    uuid,                  -- who links who they are there; none: somebody signs in
    invitation bytea,                 -- the hash of an invitation's token that is to be accepted with it
    expires_at timestamptz NOT NULL
);
CREATE INDEX oidc_begun_until ON oidc_begun (expires_at);
ALTER TABLE oidc_begun ENABLE ROW LEVEL SECURITY;
ALTER TABLE oidc_begun FORCE ROW LEVEL SECURITY;
CREATE POLICY begun ON oidc_begun TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY backup ON oidc_begun FOR SELECT TO CURRENT_USER
    USING (current_setting('app.backup', true) = 'on');

-- Remembers one, unless there are `most` already; forgets those whose time is over.
CREATE FUNCTION oidc_begin(secret_hash bytea, at_provider text, for_user uuid, of_invitation bytea,
                           at timestamptz, until timestamptz, most integer) RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ DELETE FROM oidc_begun WHERE expires_at <= at;
   WITH added AS (
       INSERT INTO oidc_begun (hash, provider, user_id, invitation, expires_at)
       SELECT secret_hash, at_provider, for_user, of_invitation, until
       WHERE (SELECT count(*) FROM oidc_begun) < most RETURNING 1)
   SELECT EXISTS (SELECT 1 FROM added) $$;

-- Looked at and used up in one write.
CREATE FUNCTION oidc_use(secret_hash bytea, at timestamptz)
RETURNS TABLE (provider text, user_id uuid, invitation bytea)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ DELETE FROM oidc_begun b WHERE b.hash = secret_hash AND b.expires_at > at
   RETURNING b.provider, b.user_id, b.invitation $$;

DO $$
DECLARE
    f regprocedure;
BEGIN
    FOREACH f IN ARRAY ARRAY[
        'oidc_begin(bytea, text, uuid, bytea, timestamptz, timestamptz, integer)',
        'oidc_use(bytea, timestamptz)']::regprocedure[]
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO freehold_app', f);
    END LOOP;
END $$;

-- An identity as its person names it. Few rows: the default is filled in at once.
ALTER TABLE user_identities ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid();

-- What a group is in an organization: whoever signs in as one of it is a member with that role.
CREATE TABLE group_roles (
    tenant_id  uuid NOT NULL REFERENCES tenants (id),
    id         uuid NOT NULL DEFAULT gen_random_uuid(),
    provider   text NOT NULL,
    group_name text NOT NULL,
    role       text NOT NULL CHECK (role IN ('owner', 'admin', 'developer', 'viewer')),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, provider, group_name)
);
CREATE UNIQUE INDEX group_roles_id ON group_roles (tenant_id, id);
ALTER TABLE group_roles ENABLE ROW LEVEL SECURITY;
ALTER TABLE group_roles FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON group_roles TO freehold_app
    USING (tenant_id = NULLIF(current_setting('app.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('app.tenant', true), '')::uuid);
CREATE POLICY backup ON group_roles FOR SELECT TO CURRENT_USER
    USING (current_setting('app.backup', true) = 'on');
GRANT SELECT, INSERT, UPDATE, DELETE ON group_roles TO freehold_app;

-- The provider whose groups made somebody a member, and when they last said so; nothing for whoever was
-- invited. Not part of it: who a person made a member stays what people say.
ALTER TABLE members ADD COLUMN by_provider text;
ALTER TABLE members ADD COLUMN confirmed_at timestamptz;
