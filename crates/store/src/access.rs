//! Access tokens.

use chrono::{DateTime, Utc};
use freehold_model::{TenantId, TokenId, UserId};

use crate::{Hint, Noun, Result, Store, Tx, stored};

/// What a stored token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A person's.
    User,
    /// Enrols one runner.
    Enrolment,
    /// Signs one browser in.
    SignIn,
}

impl TokenKind {
    const fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Enrolment => "enrolment",
            Self::SignIn => "sign_in",
        }
    }
}

impl std::str::FromStr for TokenKind {
    type Err = ();

    fn from_str(word: &str) -> std::result::Result<Self, ()> {
        [Self::User, Self::Enrolment, Self::SignIn]
            .into_iter()
            .find(|kind| kind.word() == word)
            .ok_or(())
    }
}

/// A token and whose it is.
#[derive(Debug, Clone)]
pub struct TokenRow {
    /// The tenant it acts in.
    pub tenant: TenantId,
    /// Its id.
    pub id: TokenId,
    /// The member it belongs to.
    pub user: UserId,
    /// That member's name.
    pub user_name: String,
    /// That member's role.
    pub role: String,
    /// What it is for.
    pub kind: TokenKind,
    /// From then on it is refused.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was used up, if it is for one use.
    pub used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
struct Raw {
    tenant_id: uuid::Uuid,
    id: uuid::Uuid,
    user_id: uuid::Uuid,
    user_name: String,
    role: String,
    kind: String,
    expires_at: Option<DateTime<Utc>>,
    used_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
}

impl Store {
    /// The token with this hash, whoever's it is; before a tenant is known.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn token_by_hash(&self, hash: &[u8]) -> Result<Option<TokenRow>> {
        let raw: Option<Raw> = sqlx::query_as("SELECT * FROM lookup_token($1)")
            .bind(hash)
            .fetch_optional(&self.pool)
            .await?;
        raw.map(|raw| {
            Ok(TokenRow {
                tenant: TenantId::from_uuid(raw.tenant_id),
                id: TokenId::from_uuid(raw.id),
                user: UserId::from_uuid(raw.user_id),
                user_name: raw.user_name,
                role: raw.role,
                kind: stored("tokens", &raw.kind)?,
                expires_at: raw.expires_at,
                used_at: raw.used_at,
                revoked_at: raw.revoked_at,
            })
        })
        .transpose()
    }
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
