//! Invitations to an organization.

use chrono::{DateTime, Utc};
use freehold_model::invitation::Facts;
use freehold_model::{Email, InvitationId, Role, TenantId, UserId};

use crate::{Hint, Noun, Result, Store, Tx, stored};

/// An invitation.
#[derive(Debug, Clone)]
pub struct InvitationRow {
    /// Its id.
    pub id: InvitationId,
    /// Who is invited.
    pub email: Email,
    /// What they are to be.
    pub role: Role,
    /// Whether they are to decide on finished work, whatever the role.
    pub review: bool,
    /// Who invites.
    pub by: UserId,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was mailed last.
    pub sent_at: DateTime<Utc>,
    /// What became of it.
    pub facts: Facts,
}

#[derive(sqlx::FromRow)]
struct Raw {
    id: uuid::Uuid,
    email: String,
    role: String,
    review: bool,
    by_user: uuid::Uuid,
    created_at: DateTime<Utc>,
    sent_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    accepted_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
}

impl Raw {
    fn row(self) -> Result<InvitationRow> {
        Ok(InvitationRow {
            id: InvitationId::from_uuid(self.id),
            email: stored("invitations", &self.email)?,
            role: stored("invitations", &self.role)?,
            review: self.review,
            by: UserId::from_uuid(self.by_user),
            created_at: self.created_at,
            sent_at: self.sent_at,
            facts: Facts {
                expires_at: self.expires_at,
                accepted_at: self.accepted_at,
                revoked_at: self.revoked_at,
            },
        })
    }
}

impl Store {
    /// Which invitation a token is of, and where to; before a tenant is known.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn invitation_by_hash(
        &self,
        hash: &[u8],
    ) -> Result<Option<(TenantId, InvitationId)>> {
        let found: Option<(uuid::Uuid, uuid::Uuid)> =
            sqlx::query_as("SELECT tenant_id, id FROM lookup_invitation($1)")
                .bind(hash)
                .fetch_optional(&self.pool)
                .await?;
        Ok(found.map(|(tenant, id)| (TenantId::from_uuid(tenant), InvitationId::from_uuid(id))))
    }
}

impl Tx {
    /// Adds an invitation. One that is open for the same address is taken back.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn invitation_insert(&mut self, row: &InvitationRow, hash: &[u8]) -> Result<()> {
        sqlx::query(
            "UPDATE invitations SET revoked_at = $3
             WHERE tenant_id = $1 AND email = $2 AND accepted_at IS NULL AND revoked_at IS NULL",
        )
        .bind(self.tenant.uuid())
        .bind(row.email.as_str())
        .bind(row.created_at)
        .execute(&mut *self.inner)
        .await?;
        sqlx::query(
            "INSERT INTO invitations
                 (tenant_id, id, email, role, review, by_user, hash, created_at, sent_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(self.tenant.uuid())
        .bind(row.id.uuid())
        .bind(row.email.as_str())
        .bind(row.role.name())
        .bind(row.review)
        .bind(row.by.uuid())
        .bind(hash)
        .bind(row.created_at)
        .bind(row.sent_at)
        .bind(row.facts.expires_at)
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Settings(Noun::Invitation));
        Ok(())
    }

    /// An invitation.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn invitation_get(&mut self, id: InvitationId) -> Result<Option<InvitationRow>> {
        let raw: Option<Raw> = sqlx::query_as(
            "SELECT id, email, role, review, by_user, created_at, sent_at, expires_at, accepted_at,
                    revoked_at
             FROM invitations WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .fetch_optional(&mut *self.inner)
        .await?;
        raw.map(Raw::row).transpose()
    }

    /// The invitation of an address that was neither accepted nor revoked.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn invitation_open(&mut self, email: &Email) -> Result<Option<InvitationRow>> {
        let raw: Option<Raw> = sqlx::query_as(
            "SELECT id, email, role, review, by_user, created_at, sent_at, expires_at, accepted_at,
                    revoked_at
             FROM invitations
             WHERE tenant_id = $1 AND email = $2 AND accepted_at IS NULL AND revoked_at IS NULL",
        )
        .bind(self.tenant.uuid())
        .bind(email.as_str())
        .fetch_optional(&mut *self.inner)
        .await?;
        raw.map(Raw::row).transpose()
    }

    /// Invitations older than `before`, the newest first; those that became nothing are left out after
    /// `since`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn invitation_list(
        &mut self,
        before: Option<InvitationId>,
        since: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<InvitationRow>> {
        let rows: Vec<Raw> = sqlx::query_as(
            "SELECT id, email, role, review, by_user, created_at, sent_at, expires_at, accepted_at,
                    revoked_at
             FROM invitations
             WHERE tenant_id = $1 AND id < $2
               AND ((accepted_at IS NULL AND revoked_at IS NULL) OR created_at > $3)
             ORDER BY id DESC LIMIT $4",
        )
        .bind(self.tenant.uuid())
        .bind(before.map_or(uuid::Uuid::max(), InvitationId::uuid))
        .bind(since)
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        rows.into_iter().map(Raw::row).collect()
    }

    /// How many invitations of the tenant were mailed since.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn invitation_count_since(&mut self, since: DateTime<Utc>) -> Result<i64> {
        Ok(sqlx::query_scalar(
            "SELECT count(*) FROM invitations WHERE tenant_id = $1 AND sent_at > $2",
        )
        .bind(self.tenant.uuid())
        .bind(since)
        .fetch_one(&mut *self.inner)
        .await?)
    }

    /// Gives an open invitation another token and another term; the token before is good for nothing.
    /// False where it is not open.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn invitation_resend(
        &mut self,
        id: InvitationId,
        hash: &[u8],
        at: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE invitations SET hash = $3, sent_at = $4, expires_at = $5
             WHERE tenant_id = $1 AND id = $2 AND accepted_at IS NULL AND revoked_at IS NULL",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(hash)
        .bind(at)
        .bind(until)
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Takes an open invitation back. False where it is not open.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn invitation_revoke(&mut self, id: InvitationId, at: DateTime<Utc>) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE invitations SET revoked_at = $3
             WHERE tenant_id = $1 AND id = $2 AND accepted_at IS NULL AND revoked_at IS NULL",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Settings(Noun::Invitation));
        Ok(done.rows_affected() == 1)
    }

    /// Accepts an invitation by its token: looked at and used up in one write. False where it is not
    /// open, or the token is not its last.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn invitation_use(
        &mut self,
        id: InvitationId,
        hash: &[u8],
        by: UserId,
        at: DateTime<Utc>,
    ) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE invitations SET accepted_at = $5, accepted_by = $4
             WHERE tenant_id = $1 AND id = $2 AND hash = $3 AND accepted_at IS NULL AND revoked_at IS NULL
               AND expires_at > $5",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(hash)
        .bind(by.uuid())
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Settings(Noun::Invitation));
        Ok(done.rows_affected() == 1)
    }
}
