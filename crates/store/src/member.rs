//! Members of an organization: who they are there, and who they were.

use chrono::{DateTime, Utc};
use freehold_model::{Email, Role, RunId, TokenId, UserId};

use crate::{Hint, Noun, Result, Tx, stored};

/// A member.
#[derive(Debug, Clone)]
pub struct MemberRow {
    /// The person.
    pub user: UserId,
    /// Their name.
    pub name: String,
    /// Where to write to them; the owner of a local installation has none.
    pub email: Option<Email>,
    /// What they are.
    pub role: Role,
    /// Decides on finished work, whatever the role.
    pub review: bool,
    /// Since when.
    pub since: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct Raw {
    user_id: uuid::Uuid,
    name: String,
    email: Option<String>,
    role: String,
    review: bool,
    created_at: DateTime<Utc>,
}

impl Raw {
    fn row(self) -> Result<MemberRow> {
        Ok(MemberRow {
            user: UserId::from_uuid(self.user_id),
            name: self.name,
            email: self
                .email
                .map(|email| stored("members", &email))
                .transpose()?,
            role: stored("members", &self.role)?,
            review: self.review,
            since: self.created_at,
        })
    }
}

impl Tx {
    /// Adds a member, or gives somebody who is one already what they are to be from now on.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn member_put(&mut self, row: &MemberRow) -> Result<()> {
        sqlx::query(
            "INSERT INTO members (tenant_id, user_id, name, email, role, review, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (tenant_id, user_id)
             DO UPDATE SET role = excluded.role, review = excluded.review",
        )
        .bind(self.tenant.uuid())
        .bind(row.user.uuid())
        .bind(&row.name)
        .bind(row.email.as_ref().map(Email::as_str))
        .bind(row.role.name())
        .bind(row.review)
        .bind(row.since)
        .execute(&mut *self.inner)
        .await?;
        sqlx::query("DELETE FROM former_members WHERE tenant_id = $1 AND user_id = $2")
            .bind(self.tenant.uuid())
            .bind(row.user.uuid())
            .execute(&mut *self.inner)
            .await?;
        self.hint(Hint::Settings(Noun::Member));
        Ok(())
    }

    /// A member, held until the transaction ends: whoever removes them waits, and whoever asks behind
    /// that finds nobody.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn member_hold(&mut self, user: UserId) -> Result<Option<MemberRow>> {
        let raw: Option<Raw> = sqlx::query_as(
            "SELECT user_id, name, email, role, review, created_at FROM members
             WHERE tenant_id = $1 AND user_id = $2 FOR SHARE",
        )
        .bind(self.tenant.uuid())
        .bind(user.uuid())
        .fetch_optional(&mut *self.inner)
        .await?;
        raw.map(Raw::row).transpose()
    }

    /// Waits for its turn at who is a member and who is an owner: one change after the other, so that
    /// two who count see what the other did. Ends with the transaction.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn members_lock(&mut self) -> Result<()> {
        sqlx::query("SELECT id FROM tenants WHERE id = $1 FOR NO KEY UPDATE")
            .bind(self.tenant.uuid())
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// A member.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn member_get(&mut self, user: UserId) -> Result<Option<MemberRow>> {
        let raw: Option<Raw> = sqlx::query_as(
            "SELECT user_id, name, email, role, review, created_at FROM members
             WHERE tenant_id = $1 AND user_id = $2",
        )
        .bind(self.tenant.uuid())
        .bind(user.uuid())
        .fetch_optional(&mut *self.inner)
        .await?;
        raw.map(Raw::row).transpose()
    }

    /// Members behind `after`, in the order of their ids; only those in whose name or address `search`
    /// stands, whatever its letters' case.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn member_list(
        &mut self,
        search: Option<&str>,
        after: Option<UserId>,
        limit: i64,
    ) -> Result<Vec<MemberRow>> {
        let rows: Vec<Raw> = sqlx::query_as(
            "SELECT user_id, name, email, role, review, created_at FROM members
             WHERE tenant_id = $1 AND user_id > $2
               AND ($4::text IS NULL OR strpos(lower(name), lower($4)) > 0
                    OR strpos(lower(coalesce(email, '')), lower($4)) > 0)
             ORDER BY user_id LIMIT $3",
        )
        .bind(self.tenant.uuid())
        .bind(after.map_or(uuid::Uuid::nil(), UserId::uuid))
        .bind(limit)
        .bind(search)
        .fetch_all(&mut *self.inner)
        .await?;
        rows.into_iter().map(Raw::row).collect()
    }

    /// The member with this address.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn member_by_email(&mut self, email: &Email) -> Result<Option<MemberRow>> {
        let raw: Option<Raw> = sqlx::query_as(
            "SELECT user_id, name, email, role, review, created_at FROM members
             WHERE tenant_id = $1 AND email = $2",
        )
        .bind(self.tenant.uuid())
        .bind(email.as_str())
        .fetch_optional(&mut *self.inner)
        .await?;
        raw.map(Raw::row).transpose()
    }

    /// How many members there are, and how many of them are owners.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn member_counts(&mut self) -> Result<(i64, i64)> {
        Ok(sqlx::query_as(
            "SELECT count(*), count(*) FILTER (WHERE role = 'owner') FROM members WHERE tenant_id = $1",
        )
        .bind(self.tenant.uuid())
        .fetch_one(&mut *self.inner)
        .await?)
    }

    /// How many members there may be; as many as like where nobody said.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn seats(&mut self) -> Result<Option<i32>> {
        Ok(
            sqlx::query_scalar("SELECT seats FROM tenants WHERE id = $1")
                .bind(self.tenant.uuid())
                .fetch_one(&mut *self.inner)
                .await?,
        )
    }

    /// Says how many members there may be.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn seats_set(&mut self, seats: Option<i32>) -> Result<()> {
        sqlx::query("UPDATE tenants SET seats = $2 WHERE id = $1")
            .bind(self.tenant.uuid())
            .bind(seats)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Removes a member: remembered by name, and with every token of theirs revoked. False where they
    /// were none.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn member_remove(&mut self, user: UserId, at: DateTime<Utc>) -> Result<bool> {
        let done = sqlx::query(
            "WITH gone AS (DELETE FROM members WHERE tenant_id = $1 AND user_id = $2 RETURNING name)
             INSERT INTO former_members (tenant_id, user_id, name, left_at)
             SELECT $1, $2, name, $3 FROM gone
             ON CONFLICT (tenant_id, user_id) DO UPDATE SET name = excluded.name, left_at = excluded.left_at",
        )
        .bind(self.tenant.uuid())
        .bind(user.uuid())
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query(
            "UPDATE tokens SET revoked_at = $3 WHERE tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL",
        )
        .bind(self.tenant.uuid())
        .bind(user.uuid())
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        self.invitations_void(user, at).await?;
        self.hint(Hint::Settings(Noun::Token));
        self.hint(Hint::Settings(Noun::Member));
        Ok(true)
    }

    /// Takes back what somebody invited to, and nobody has accepted yet: who is no longer what they were
    /// must not come back as it, nor bring others.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn invitations_void(&mut self, by: UserId, at: DateTime<Utc>) -> Result<()> {
        sqlx::query(
            "UPDATE invitations SET revoked_at = $3
             WHERE tenant_id = $1 AND by_user = $2 AND accepted_at IS NULL AND revoked_at IS NULL",
        )
        .bind(self.tenant.uuid())
        .bind(by.uuid())
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Whether a token is not revoked; it is held until the transaction ends, so that whoever revokes it
    /// waits.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn token_hold(&mut self, id: TokenId) -> Result<bool> {
        let found: Option<bool> = sqlx::query_scalar(
            "SELECT true FROM tokens WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL FOR SHARE",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .fetch_optional(&mut *self.inner)
        .await?;
        Ok(found.is_some())
    }

    /// Runs that a person started and that have not ended.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn run_live_of_user(&mut self, user: UserId, limit: i64) -> Result<Vec<RunId>> {
        let ids: Vec<uuid::Uuid> = sqlx::query_scalar(
            "SELECT id FROM runs
             WHERE tenant_id = $1 AND by_user = $2
               AND state NOT IN ('succeeded', 'failed', 'cancelled', 'rejected')
             ORDER BY id LIMIT $3",
        )
        .bind(self.tenant.uuid())
        .bind(user.uuid())
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(ids.into_iter().map(RunId::from_uuid).collect())
    }

    /// Runs that have not ended and whose people are members no more.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn run_live_of_former(&mut self, limit: i64) -> Result<Vec<RunId>> {
        let ids: Vec<uuid::Uuid> = sqlx::query_scalar(
            "SELECT r.id FROM runs r JOIN former_members f ON f.tenant_id = r.tenant_id AND f.user_id = r.by_user
             WHERE r.tenant_id = $1 AND r.state NOT IN ('succeeded', 'failed', 'cancelled', 'rejected')
               AND NOT EXISTS (SELECT 1 FROM members m
                               WHERE m.tenant_id = r.tenant_id AND m.user_id = r.by_user)
             ORDER BY r.id LIMIT $2",
        )
        .bind(self.tenant.uuid())
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(ids.into_iter().map(RunId::from_uuid).collect())
    }
}
