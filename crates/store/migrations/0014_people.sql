-- People: who may sign in, where they belong, whom they invited, and what is to be mailed to them.
--
-- A person exists once on an installation, whatever organizations they are in: these tables have no
-- tenant. They are under forced row-level security all the same: a transaction sees the one person
-- that it is bound to (`app.user`), and none where it is bound to nobody. What must be looked up before
-- a person is known goes through the named functions at the end, which give an id and nothing else
-- where an id will do.

CREATE TABLE users (
    id          uuid PRIMARY KEY,
    email       text NOT NULL UNIQUE,   -- normalised: `model::Email`
    name        text NOT NULL,
    password    text,                   -- a PHC string of argon2id; none where they sign in elsewhere
    last_tenant uuid,                   -- where they were last: a sign-in that names none leads there
    created_at  timestamptz NOT NULL
);

-- Who somebody is to a provider of identities.
CREATE TABLE user_identities (
    user_id    uuid NOT NULL REFERENCES users (id),
    issuer     text NOT NULL,
    subject    text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX user_identities_of_user ON user_identities (user_id);

-- Tokens that set a new password, once.
CREATE TABLE user_resets (
    user_id    uuid NOT NULL REFERENCES users (id),
    hash       bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    PRIMARY KEY (user_id, hash)
);

DO $$
DECLARE
    t text;
    who text;
BEGIN
    FOREACH t IN ARRAY ARRAY['users', 'user_identities', 'user_resets']
    LOOP
        who := CASE t WHEN 'users' THEN 'id' ELSE 'user_id' END;
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format(
            'CREATE POLICY person ON %I TO freehold_app '
            'USING (%I = NULLIF(current_setting(''app.user'', true), '''')::uuid) '
            'WITH CHECK (%I = NULLIF(current_setting(''app.user'', true), '''')::uuid)', t, who, who);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO freehold_app', t);
        EXECUTE format('CREATE POLICY lookup ON %I FOR SELECT TO CURRENT_USER USING (true)', t);
    END LOOP;
END $$;

-- Who asked for an account and has not said yet that the address is theirs. There may be several of one
-- address: each is good with the password that was chosen with it, and the first to be confirmed stands.
CREATE TABLE registrations (
    hash         bytea PRIMARY KEY,
    email        text NOT NULL,
    name         text NOT NULL,
    password     text NOT NULL,
    organization text,                  -- to be made with the account
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX registrations_until ON registrations (expires_at);

-- What is to be mailed. Written with the change that it tells of, taken after its commit, once. To whom
-- and what is sealed to the server's key, and gone once it is sent or given up.
CREATE TABLE mails (
    id         uuid PRIMARY KEY,
    sealed     bytea,
    state      text NOT NULL DEFAULT 'waiting'
               CHECK (state IN ('waiting', 'taken', 'sent', 'failed', 'unknown')),
    tries      integer NOT NULL DEFAULT 0,
    next_at    timestamptz NOT NULL,
    taken_at   timestamptz,
    created_at timestamptz NOT NULL
);
CREATE INDEX mails_waiting ON mails (next_at) WHERE state = 'waiting';
CREATE INDEX mails_taken ON mails (taken_at) WHERE state = 'taken';
CREATE INDEX mails_by_age ON mails (created_at);

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['registrations', 'mails']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        -- The server adds rows and reads none: that is what the functions below are for.
        EXECUTE format('CREATE POLICY add ON %I FOR INSERT TO freehold_app WITH CHECK (true)', t);
        EXECUTE format('GRANT INSERT ON %I TO freehold_app', t);
        EXECUTE format('CREATE POLICY lookup ON %I TO CURRENT_USER USING (true) WITH CHECK (true)', t);
    END LOOP;
END $$;

-- Members: where to write to them. Who left is remembered by name, for what they did.
ALTER TABLE members ADD COLUMN email text;
CREATE INDEX members_of_user ON members (user_id);
ALTER TABLE tenants ADD COLUMN seats integer CHECK (seats > 0);
GRANT UPDATE (name, seats) ON tenants TO freehold_app;

CREATE TABLE former_members (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    user_id   uuid NOT NULL,
    name      text NOT NULL,
    left_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, user_id)
);

CREATE TABLE invitations (
    tenant_id   uuid NOT NULL REFERENCES tenants (id),
    id          uuid NOT NULL,
    email       text NOT NULL,
    role        text NOT NULL CHECK (role IN ('owner', 'admin', 'developer', 'viewer')),
    review  boolean NOT NULL,
    by_user     uuid NOT NULL,
    hash        bytea NOT NULL UNIQUE,  -- of the token that was mailed last
    created_at  timestamptz NOT NULL,
    sent_at     timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    accepted_at timestamptz,
    accepted_by uuid,
    revoked_at  timestamptz,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX invitations_open ON invitations (tenant_id, email)
    WHERE accepted_at IS NULL AND revoked_at IS NULL;

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['former_members', 'invitations']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO freehold_app '
            'USING (tenant_id = NULLIF(current_setting(''app.tenant'', true), '''')::uuid) '
            'WITH CHECK (tenant_id = NULLIF(current_setting(''app.tenant'', true), '''')::uuid)', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO freehold_app', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['users', 'user_identities', 'user_resets', 'registrations', 'mails',
        'former_members', 'invitations']
    LOOP
        EXECUTE format(
            'CREATE POLICY backup ON %I FOR SELECT TO CURRENT_USER '
            'USING (current_setting(''app.backup'', true) = ''on'')', t);
    END LOOP;
END $$;
CREATE POLICY lookup ON invitations FOR SELECT TO CURRENT_USER USING (true);

-- What is kept of a browser's session besides what every token has.
ALTER TABLE tokens ADD COLUMN browser text;         -- what it said that it is
ALTER TABLE tokens ADD COLUMN address text;         -- where it signed in from
ALTER TABLE tokens ADD COLUMN began_at timestamptz; -- when its person signed in, however often it was renewed
ALTER TABLE tokens ADD COLUMN replaced_by uuid;     -- the one that it was renewed with
CREATE INDEX tokens_of_user ON tokens (user_id) WHERE kind = 'session' AND revoked_at IS NULL;
-- All of a person's sessions end with one word, wherever they are.
-- With them links that sign a browser in.
CREATE POLICY sign_out ON tokens FOR UPDATE TO CURRENT_USER
    USING (kind IN ('session', 'sign_in') AND user_id = NULLIF(current_setting('app.user', true), '')::uuid)
    WITH CHECK (kind IN ('session', 'sign_in') AND user_id = NULLIF(current_setting('app.user', true), '')::uuid);

-- Before a person is known: whose address, token or identity it is.
CREATE FUNCTION lookup_user(address text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT id FROM users WHERE email = address $$;

CREATE FUNCTION lookup_reset(token_hash bytea) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT user_id FROM user_resets WHERE hash = token_hash $$;

CREATE FUNCTION lookup_identity(at_issuer text, of_subject text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT user_id FROM user_identities WHERE issuer = at_issuer AND subject = of_subject $$;

CREATE FUNCTION lookup_invitation(token_hash bytea)
RETURNS TABLE (tenant_id uuid, id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT i.tenant_id, i.id FROM invitations i WHERE i.hash = token_hash $$;

CREATE FUNCTION lookup_registration(token_hash bytea, at timestamptz)
RETURNS TABLE (email text, name text, password text, organization text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT r.email, r.name, r.password, r.organization FROM registrations r
   WHERE r.hash = token_hash AND r.expires_at > at $$;

-- Looked at and used up in one write; with it all others of the address.
CREATE FUNCTION registration_use(token_hash bytea, at timestamptz) RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ WITH used AS (DELETE FROM registrations WHERE hash = token_hash AND expires_at > at RETURNING email),
        others AS (DELETE FROM registrations r USING used
                   WHERE r.email = used.email AND r.hash <> token_hash)
   SELECT EXISTS (SELECT 1 FROM used) $$;

-- Of the person that the transaction is bound to: where they belong, and where they are signed in.
CREATE FUNCTION person_organizations()
RETURNS TABLE (tenant_id uuid, name text, role text, since timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT t.id, t.name, m.role, m.created_at
   FROM members m JOIN tenants t ON t.id = m.tenant_id
   WHERE m.user_id = NULLIF(current_setting('app.user', true), '')::uuid ORDER BY m.created_at, t.id $$;

CREATE FUNCTION person_sessions(at timestamptz)
RETURNS TABLE (tenant_id uuid, tenant_name text, id uuid, browser text, address text,
               began_at timestamptz, created_at timestamptz, expires_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT t.tenant_id, n.name, t.id, t.browser, t.address, t.began_at, t.created_at, t.expires_at
   FROM tokens t JOIN tenants n ON n.id = t.tenant_id
   WHERE t.user_id = NULLIF(current_setting('app.user', true), '')::uuid AND t.kind = 'session'
     AND t.revoked_at IS NULL AND t.replaced_by IS NULL AND t.expires_at > at
   ORDER BY t.id DESC $$;

CREATE FUNCTION person_sign_out(but uuid, only_this uuid, at timestamptz) RETURNS SETOF uuid
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ UPDATE tokens SET revoked_at = at
   WHERE user_id = NULLIF(current_setting('app.user', true), '')::uuid
     AND (kind = 'session' OR (kind = 'sign_in' AND only_this IS NULL))
     AND revoked_at IS NULL
     AND (but IS NULL OR (id <> but AND replaced_by IS DISTINCT FROM but))
     AND (only_this IS NULL OR id = only_this OR replaced_by = only_this)
   RETURNING tenant_id $$;

-- The post: takes what is due, once; says what became of it; forgets what is old.
CREATE FUNCTION mail_take(wanted integer, at timestamptz)
RETURNS TABLE (id uuid, sealed bytea, tries integer)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ UPDATE mails m SET state = 'taken', taken_at = at, tries = m.tries + 1
   FROM (SELECT w.id FROM mails w WHERE w.state = 'waiting' AND w.next_at <= at
         ORDER BY w.next_at LIMIT wanted FOR UPDATE SKIP LOCKED) due
   WHERE m.id = due.id RETURNING m.id, m.sealed, m.tries $$;

CREATE FUNCTION mail_put(mail uuid, became text, again_at timestamptz) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ UPDATE mails SET state = became, next_at = coalesce(again_at, next_at), taken_at = NULL,
                    sealed = CASE became WHEN 'waiting' THEN sealed END
   WHERE id = mail AND state = 'taken' $$;

CREATE FUNCTION post_tidy(at timestamptz, lost interval, kept interval) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ UPDATE mails SET state = 'unknown', sealed = NULL, taken_at = NULL
   WHERE state = 'taken' AND taken_at < at - lost;
   DELETE FROM mails WHERE created_at < at - kept AND state NOT IN ('waiting', 'taken');
   DELETE FROM registrations WHERE expires_at < at $$;

DO $$
DECLARE
    f regprocedure;
BEGIN
    FOREACH f IN ARRAY ARRAY['lookup_user(text)', 'lookup_reset(bytea)', 'lookup_identity(text, text)',
        'lookup_invitation(bytea)', 'lookup_registration(bytea, timestamptz)',
        'registration_use(bytea, timestamptz)', 'person_organizations()', 'person_sessions(timestamptz)',
        'person_sign_out(uuid, uuid, timestamptz)', 'mail_take(integer, timestamptz)',
        'mail_put(uuid, text, timestamptz)', 'post_tidy(timestamptz, interval, interval)']::regprocedure[]
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO freehold_app', f);
    END LOOP;
END $$;
