//! Sessions of browsers: tokens of a kind of their own, which are renewed and listed.

use chrono::{DateTime, Utc};
use freehold_model::{TenantId, TokenId, UserId};

use crate::{PersonTx, Result, Tx};

/// A session as it begins.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Its id.
    pub id: TokenId,
    /// Whose it is.
    pub user: UserId,
    /// Its token's.
    pub hash: Vec<u8>,
    /// What the browser said that it is.
    pub browser: Option<String>,
    /// Where it was begun from.
    pub address: Option<String>,
    /// When its person signed in.
    pub began_at: DateTime<Utc>,
    /// When it was made, or renewed.
    pub at: DateTime<Utc>,
    /// From then on it is refused.
    pub expires_at: DateTime<Utc>,
}

/// A session that stands.
#[derive(Debug, Clone, sqlx::FromRow)]
struct Raw {
    tenant_id: uuid::Uuid,
    tenant_name: String,
    id: uuid::Uuid,
    browser: Option<String>,
    address: Option<String>,
    began_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
}

/// A session that stands, as its person sees it.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// The organization that it acts in.
    pub tenant: TenantId,
    /// Its name.
    pub tenant_name: String,
    /// Its id.
    pub id: TokenId,
    /// What the browser said that it is.
    pub browser: Option<String>,
    /// Where it was begun from.
    pub address: Option<String>,
    /// When its person signed in.
    pub began_at: DateTime<Utc>,
    /// When it was last renewed, which a page in use does each day.
    pub renewed_at: DateTime<Utc>,
    /// From then on it is refused.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What is kept of a session besides what every token has.
#[derive(Debug, Clone)]
pub struct SessionFacts {
    /// What the browser said that it is.
    pub browser: Option<String>,
    /// Where it was begun from.
    pub address: Option<String>,
    /// When its person signed in.
    pub began_at: DateTime<Utc>,
}

impl Tx {
    /// Adds a session.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn session_insert(&mut self, new: &NewSession) -> Result<()> {
        sqlx::query(
            "INSERT INTO tokens (tenant_id, id, user_id, kind, hash, created_at, expires_at,
                                 browser, address, began_at)
             VALUES ($1, $2, $3, 'session', $4, $5, $6, $7, $8, $9)",
        )
        .bind(self.tenant.uuid())
        .bind(new.id.uuid())
        .bind(new.user.uuid())
        .bind(&new.hash)
        .bind(new.at)
        .bind(new.expires_at)
        .bind(&new.browser)
        .bind(&new.address)
        .bind(new.began_at)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// What is kept of a session; none where the token is no session that stands.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn session_get(&mut self, id: TokenId) -> Result<Option<SessionFacts>> {
        let found: Option<(Option<String>, Option<String>, DateTime<Utc>)> = sqlx::query_as(
            "SELECT browser, address, coalesce(began_at, created_at) FROM tokens
             WHERE tenant_id = $1 AND id = $2 AND kind = 'session' AND revoked_at IS NULL",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .fetch_optional(&mut *self.inner)
        .await?;
        Ok(found.map(|(browser, address, began_at)| SessionFacts {
            browser,
            address,
            began_at,
        }))
    }

    /// Puts `by` in the place of a session, which goes on until `until` for what is under way. False
    /// where that was done already: one session follows another, however many ask.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn session_replace(
        &mut self,
        id: TokenId,
        by: TokenId,
        until: DateTime<Utc>,
    ) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE tokens SET replaced_by = $3, expires_at = least(expires_at, $4)
             WHERE tenant_id = $1 AND id = $2 AND kind = 'session' AND replaced_by IS NULL
               AND revoked_at IS NULL",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(by.uuid())
        .bind(until)
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Puts `by` in the place of the session that followed this one, which nobody has used: it is void, and
    /// so is this one. Only one whose grace goes on until `until` at most. False where that is not so.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn session_replace_again(
        &mut self,
        id: TokenId,
        by: TokenId,
        at: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<bool> {
        let done = sqlx::query(
            "WITH old AS (
                 UPDATE tokens SET expires_at = $4
                 WHERE tenant_id = $1 AND id = $2 AND kind = 'session' AND revoked_at IS NULL
                   AND replaced_by IS NOT NULL AND expires_at > $4 AND expires_at <= $5
                   AND EXISTS (SELECT 1 FROM tokens n
                               WHERE n.tenant_id = $1 AND n.id = tokens.replaced_by AND n.revoked_at IS NULL
                                 AND n.last_used_at IS NULL AND n.replaced_by IS NULL)
                 RETURNING replaced_by)
             UPDATE tokens SET revoked_at = $4, replaced_by = $3
             FROM old WHERE tokens.tenant_id = $1 AND tokens.id = old.replaced_by AND tokens.last_used_at IS NULL",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(by.uuid())
        .bind(at)
        .bind(until)
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}

impl PersonTx {
    /// The person's sessions in all organizations, the newest first.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn session_list(&mut self, at: DateTime<Utc>) -> Result<Vec<SessionRow>> {
        let rows: Vec<Raw> = sqlx::query_as("SELECT * FROM person_sessions($1)")
            .bind(at)
            .fetch_all(&mut *self.inner)
            .await?;
        Ok(rows
            .into_iter()
            .map(|raw| SessionRow {
                tenant: TenantId::from_uuid(raw.tenant_id),
                tenant_name: raw.tenant_name,
                id: TokenId::from_uuid(raw.id),
                browser: raw.browser,
                address: raw.address,
                began_at: raw.began_at.unwrap_or(raw.created_at),
                renewed_at: raw.created_at,
                expires_at: raw.expires_at,
            })
            .collect())
    }
}
