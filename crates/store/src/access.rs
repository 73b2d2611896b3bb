//! Access tokens.

use chrono::{DateTime, TimeDelta, Utc};
use freehold_model::{Role, Scope, Scopes, TenantId, TokenId, UserId};

use crate::{Hint, Noun, Result, Store, Tx, stored};

/// What a stored token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A person's, good for all that they may do.
    User,
    /// Enrols one runner.
    Enrolment,
    /// Signs one browser in.
    SignIn,
    /// A browser's session: good for all that its person may do.
    Session,
    /// A person's, good for its scopes.
    Personal,
    /// The organization's, good for its scopes.
    Service,
}

impl TokenKind {
    const ALL: [Self; 6] = [
        Self::User,
        Self::Enrolment,
        Self::SignIn,
        Self::Session,
        Self::Personal,
        Self::Service,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Enrolment => "enrolment",
            Self::SignIn => "sign_in",
            Self::Session => "session",
            Self::Personal => "personal",
            Self::Service => "service",
        }
    }
}

impl std::str::FromStr for TokenKind {
    type Err = ();

    fn from_str(word: &str) -> std::result::Result<Self, ()> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.word() == word).ok_or(())
    }
}

/// A token and whose it is.
#[derive(Debug, Clone)]
pub struct TokenRow {
    /// The tenant it acts in.
    pub tenant: TenantId,
    /// Its id.
    pub id: TokenId,
    /// The member it belongs to; of a service token nobody else's.
    pub user: UserId,
    /// That member's name, or the service token's.
    pub user_name: String,
    /// That member's role, or the service token's.
    pub role: Role,
    /// Whether that member has the right to review.
    pub review: bool,
    /// What it is for.
    pub kind: TokenKind,
    /// The scopes it is limited to; none where it is limited to none.
    pub scopes: Option<Scopes>,
    /// The most that it acts as.
    pub role_most: Option<Role>,
    /// From then on it is refused.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was used up, if it is for one use.
    pub used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, as far as that was written down.
    pub last_used_at: Option<DateTime<Utc>>,
    /// A device was signed in with it: its person sits behind it, as behind a session.
    pub device: bool,
}

#[derive(sqlx::FromRow)]
struct Raw {
    tenant_id: uuid::Uuid,
    id: uuid::Uuid,
    user_id: uuid::Uuid,
    user_name: String,
    role: String,
    review: bool,
    kind: String,
    scopes: Option<Vec<String>>,
    role_most: Option<String>,
    expires_at: Option<DateTime<Utc>>,
    used_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
    device: bool,
}

fn known(words: &[String]) -> Scopes {
    Scopes::known(words.iter().map(String::as_str))
}

/// A token with limits, to be stored.
#[derive(Debug, Clone, Copy)]
pub struct NewLimitedToken<'a> {
    /// Its id.
    pub id: TokenId,
    /// Whose it is: the member, or for a service token an id of its own.
    pub user: UserId,
    /// [`TokenKind::Personal`] or [`TokenKind::Service`].
    pub kind: TokenKind,
    /// What people call it.
    pub name: &'a str,
    /// What it is for.
    pub scopes: Scopes,
    /// The most that it acts as.
    pub role: Option<Role>,
    /// What is kept of it.
    pub hash: &'a [u8],
    /// Who made it.
    pub made_by: UserId,
    /// When.
    pub at: DateTime<Utc>,
    /// From then on it is refused.
    pub expires_at: DateTime<Utc>,
    /// It signs a device in.
    pub device: bool,
}

/// A token with limits, as people see it.
#[derive(Debug, Clone)]
pub struct LimitedTokenRow {
    /// Its id.
    pub id: TokenId,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub scopes: Scopes,
    /// The most that it acts as.
    pub role: Option<Role>,
    /// Who made it, by the name that they have or had here; nobody who is still known.
    pub made_by: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From then on it is refused.
    pub expires_at: DateTime<Utc>,
    /// When it was last used, to about a minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
struct LimitedRaw {
    id: uuid::Uuid,
    name: String,
    scopes: Vec<String>,
    role: Option<String>,
    made_by: Option<String>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    last_used_at: Option<DateTime<Utc>>,
}

/// Whose limited tokens are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Those of a member.
    Member(UserId),
    /// The organization's own.
    Service,
}

impl Whose {
    /// The kind, and the member where it is one's.
    fn parts(self) -> (&'static str, Option<uuid::Uuid>) {
        match self {
            Self::Member(user) => (TokenKind::Personal.word(), Some(user.uuid())),
            Self::Service => (TokenKind::Service.word(), None),
        }
    }
}

impl Store {
    /// The token with this hash, whoever's it is; before a tenant is known. Not that of somebody who is
    /// no member any more.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn token_by_hash(&self, hash: &[u8]) -> Result<Option<TokenRow>> {
        let raw: Option<Raw> = sqlx::query_as("SELECT * FROM lookup_credential($1)")
            .bind(hash)
            .fetch_optional(&self.pool)
            .await?;
        raw.map(|raw| {
            Ok(TokenRow {
                tenant: TenantId::from_uuid(raw.tenant_id),
                id: TokenId::from_uuid(raw.id),
                user: UserId::from_uuid(raw.user_id),
                user_name: raw.user_name,
                role: stored("members", &raw.role)?,
                review: raw.review,
                kind: stored("tokens", &raw.kind)?,
                scopes: raw.scopes.as_deref().map(known),
                role_most: role(raw.role_most.as_deref())?,
                expires_at: raw.expires_at,
                used_at: raw.used_at,
                revoked_at: raw.revoked_at,
                last_used_at: raw.last_used_at,
                device: raw.device,
            })
        })
        .transpose()
    }

    /// Who made this token, which enrols a runner, through a service token that is good at this time: its
    /// tenant, its id and its name. Before a tenant is known.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn enrolment_by_hash(
        &self,
        hash: &[u8],
        at: DateTime<Utc>,
    ) -> Result<Option<(TenantId, UserId, String)>> {
        let found: Option<(uuid::Uuid, uuid::Uuid, String)> =
            sqlx::query_as("SELECT tenant_id, user_id, user_name FROM lookup_enrolment($1, $2)")
                .bind(hash)
                .bind(at)
                .fetch_optional(&self.pool)
                .await?;
        Ok(found.map(|(tenant, user, name)| {
            (TenantId::from_uuid(tenant), UserId::from_uuid(user), name)
        }))
    }
}

fn role(word: Option<&str>) -> Result<Option<Role>> {
    word.map(|word| stored("tokens", word)).transpose()
}

impl Tx {
    /// Adds a token by its hash.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn token_insert(
        &mut self,
        id: TokenId,
        user: UserId,
        kind: TokenKind,
        hash: &[u8],
        at: DateTime<Utc>,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO tokens (tenant_id, id, user_id, kind, hash, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(user.uuid())
        .bind(kind.word())
        .bind(hash)
        .bind(at)
        .bind(expires_at)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Adds a token with limits, unless there are `most` of the kind already: of that member, or of the
    /// organization. False then.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn token_limited_insert(
        &mut self,
        new: &NewLimitedToken<'_>,
        whose: Whose,
        most: i64,
    ) -> Result<bool> {
        // Whoever asks at the same time waits here, and counts this one too.
        sqlx::query(
            "SELECT pg_advisory_xact_lock(hashtextextended('tokens ' || $1::uuid::text, 0))",
        )
        .bind(self.tenant.uuid())
        .execute(&mut *self.inner)
        .await?;
        let (kind, user) = whose.parts();
        let scopes: Vec<&str> = new.scopes.iter().map(Scope::name).collect();
        let done = sqlx::query(
            "INSERT INTO tokens (tenant_id, id, user_id, kind, hash, created_at, expires_at, name, scopes,
                                 role, made_by, device)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $14
             WHERE (SELECT count(*) FROM tokens
                    WHERE tenant_id = $1 AND kind = $4 AND ($12::uuid IS NULL OR user_id = $12)
                      AND revoked_at IS NULL AND expires_at > $6) < $13",
        )
        .bind(self.tenant.uuid())
        .bind(new.id.uuid())
        .bind(new.user.uuid())
        .bind(kind)
        .bind(new.hash)
        .bind(new.at)
        .bind(new.expires_at)
        .bind(new.name)
        .bind(scopes)
        .bind(new.role.map(Role::name))
        .bind(new.made_by.uuid())
        .bind(user)
        .bind(most)
        .bind(new.device)
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Tokens with limits that are neither revoked nor expired at `at`, oldest first.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn token_limited_list(
        &mut self,
        whose: Whose,
        at: DateTime<Utc>,
        after: Option<TokenId>,
        limit: i64,
    ) -> Result<Vec<LimitedTokenRow>> {
        let (kind, user) = whose.parts();
        let rows: Vec<LimitedRaw> = sqlx::query_as(
            "SELECT t.id, t.name, t.scopes, t.role, m.name AS made_by, t.created_at, t.expires_at,
                    t.last_used_at
             FROM tokens t LEFT JOIN members m ON m.tenant_id = t.tenant_id AND m.user_id = t.made_by
             WHERE t.tenant_id = $1 AND t.kind = $2 AND ($3::uuid IS NULL OR t.user_id = $3)
               AND t.revoked_at IS NULL AND t.expires_at > $4 AND t.id > $5
             ORDER BY t.id LIMIT $6",
        )
        .bind(self.tenant.uuid())
        .bind(kind)
        .bind(user)
        .bind(at)
        .bind(after.map_or(uuid::Uuid::nil(), TokenId::uuid))
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        rows.into_iter()
            .map(|raw| {
                Ok(LimitedTokenRow {
                    id: TokenId::from_uuid(raw.id),
                    name: raw.name,
                    scopes: known(&raw.scopes),
                    role: role(raw.role.as_deref())?,
                    made_by: raw.made_by,
                    created_at: raw.created_at,
                    expires_at: raw.expires_at,
                    last_used_at: raw.last_used_at,
                })
            })
            .collect()
    }

    /// Revokes a token with limits, if it is theirs. False when there is no such live one.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn token_limited_revoke(
        &mut self,
        whose: Whose,
        id: TokenId,
        at: DateTime<Utc>,
    ) -> Result<bool> {
        let (kind, user) = whose.parts();
        let done = sqlx::query(
            "UPDATE tokens SET revoked_at = $5
             WHERE tenant_id = $1 AND id = $2 AND kind = $3 AND ($4::uuid IS NULL OR user_id = $4)
               AND revoked_at IS NULL",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(kind)
        .bind(user)
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Settings(Noun::Token));
        Ok(done.rows_affected() == 1)
    }

    /// Revokes all of a member's tokens, of whatever kind, but `except`. Streams that they opened end.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn tokens_revoke(
        &mut self,
        user: UserId,
        except: Option<TokenId>,
        at: DateTime<Utc>,
    ) -> Result<u64> {
        let done = sqlx::query(
            "UPDATE tokens SET revoked_at = $4
             WHERE tenant_id = $1 AND user_id = $2 AND id IS DISTINCT FROM $3 AND revoked_at IS NULL",
        )
        .bind(self.tenant.uuid())
        .bind(user.uuid())
        .bind(except.map(TokenId::uuid))
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Settings(Noun::Token));
        Ok(done.rows_affected())
    }

    /// Writes down that a token was used, unless that was written within `within`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn token_used(
        &mut self,
        id: TokenId,
        at: DateTime<Utc>,
        within: TimeDelta,
    ) -> Result<()> {
        sqlx::query(
            "UPDATE tokens SET last_used_at = $3
             WHERE tenant_id = $1 AND id = $2 AND (last_used_at IS NULL OR last_used_at <= $4)",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(at)
        .bind(at - within)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Uses a one-time token up: validated and consumed in one write. False when it was used,
    /// revoked or has expired, or is of another kind.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn token_use(
        &mut self,
        hash: &[u8],
        kind: TokenKind,
        at: DateTime<Utc>,
    ) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE tokens SET used_at = $4
             WHERE tenant_id = $1 AND hash = $2 AND kind = $3
               AND used_at IS NULL AND revoked_at IS NULL
               AND (expires_at IS NULL OR expires_at > $4)",
        )
        .bind(self.tenant.uuid())
        .bind(hash)
        .bind(kind.word())
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Revokes a token. False when it was revoked already.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn token_revoke(&mut self, id: TokenId, at: DateTime<Utc>) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE tokens SET revoked_at = $3
             WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Settings(Noun::Token));
        Ok(done.rows_affected() == 1)
    }
}
