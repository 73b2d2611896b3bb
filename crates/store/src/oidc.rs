//! Signing in at providers of identities: what was begun, who somebody is there, and what groups are in
//! an organization. What is begun belongs to nobody yet, and goes through named functions.

use chrono::{DateTime, Utc};
use freehold_model::{Role, UserId};

use crate::{Hint, Noun, PersonTx, Result, Store, Tx, stored};

/// A way to a provider that somebody set out on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BegunRow {
    /// The provider's name.
    pub provider: String,
    /// Who links who they are there; none where somebody signs in.
    pub user: Option<UserId>,
    /// The hash of an invitation's token that is to be accepted with it.
    pub invitation: Option<Vec<u8>>,
}

/// How many ways that were set out on there may be.
#[derive(Debug, Clone)]
pub struct Room {
    /// In all.
    pub most: i32,
    /// Where this one is from, if that is known.
    pub network: Option<String>,
    /// From there.
    pub most_there: i32,
}

/// What became of setting out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetOut {
    /// It is remembered.
    Begun,
    /// Too many are on their way from the same network.
    NetworkFull,
    /// Too many are on their way.
    Full,
}

/// Who a person is at a provider.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct IdentityRow {
    /// Its id here.
    pub id: uuid::Uuid,
    /// The provider.
    pub issuer: String,
    /// Their name there, which is never given to another.
    pub subject: String,
    /// When it was linked.
    pub created_at: DateTime<Utc>,
}

/// What a group is in an organization.
#[derive(Debug, Clone)]
pub struct GroupRoleRow {
    /// Its id.
    pub id: uuid::Uuid,
    /// The provider that tells of it.
    pub provider: String,
    /// The group.
    pub group: String,
    /// What its people are.
    pub role: Role,
}

#[derive(sqlx::FromRow)]
struct RawGroup {
    id: uuid::Uuid,
    provider: String,
    group_name: String,
    role: String,
}

impl RawGroup {
    fn row(self) -> Result<GroupRoleRow> {
        Ok(GroupRoleRow {
            id: self.id,
            provider: self.provider,
            group: self.group_name,
            role: stored("group_roles", &self.role)?,
        })
    }
}

impl Store {
    /// Remembers that somebody set out, by the hash of their secret, if there is room.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn oidc_begin(
        &self,
        hash: &[u8],
        begun: &BegunRow,
        at: DateTime<Utc>,
        until: DateTime<Utc>,
        room: &Room,
    ) -> Result<SetOut> {
        let became: String =
            sqlx::query_scalar("SELECT oidc_set_out($1, $2, $3, $4, $5, $6, $7, $8, $9)")
                .bind(hash)
                .bind(&begun.provider)
                .bind(begun.user.map(UserId::uuid))
                .bind(&begun.invitation)
                .bind(at)
                .bind(until)
                .bind(room.most)
                .bind(&room.network)
                .bind(room.most_there)
                .fetch_one(&self.pool)
                .await?;
        Ok(match became.as_str() {
            "begun" => SetOut::Begun,
            "network" => SetOut::NetworkFull,
            _ => SetOut::Full,
        })
    }

    /// Uses it up: looked at and consumed in one write, for one of any number who ask.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn oidc_use(&self, hash: &[u8], at: DateTime<Utc>) -> Result<Option<BegunRow>> {
        let found: Option<(String, Option<uuid::Uuid>, Option<Vec<u8>>)> =
            sqlx::query_as("SELECT provider, user_id, invitation FROM oidc_use($1, $2)")
                .bind(hash)
                .bind(at)
                .fetch_optional(&self.pool)
                .await?;
        Ok(found.map(|(provider, user, invitation)| BegunRow {
            provider,
            user: user.map(UserId::from_uuid),
            invitation,
        }))
    }
}

impl PersonTx {
    /// Who the person is at providers, the oldest first.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn identity_list(&mut self) -> Result<Vec<IdentityRow>> {
        Ok(sqlx::query_as(
            "SELECT id, issuer, subject, created_at FROM user_identities
             WHERE user_id = $1 ORDER BY created_at, id",
        )
        .bind(self.user().uuid())
        .fetch_all(&mut *self.inner)
        .await?)
    }

    /// Unlinks one. False where the person has no such.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn identity_remove(&mut self, id: uuid::Uuid) -> Result<bool> {
        let done = sqlx::query("DELETE FROM user_identities WHERE user_id = $1 AND id = $2")
            .bind(self.user().uuid())
            .bind(id)
            .execute(&mut *self.inner)
            .await?;
        Ok(done.rows_affected() == 1)
    }
}

impl Tx {
    /// What groups are here, by provider and name.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn group_role_list(&mut self) -> Result<Vec<GroupRoleRow>> {
        let rows: Vec<RawGroup> = sqlx::query_as(
            "SELECT id, provider, group_name, role FROM group_roles
             WHERE tenant_id = $1 ORDER BY provider, group_name",
        )
        .bind(self.tenant.uuid())
        .fetch_all(&mut *self.inner)
        .await?;
        rows.into_iter().map(RawGroup::row).collect()
    }

    /// Says what a group is from now on.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn group_role_put(
        &mut self,
        provider: &str,
        group: &str,
        role: Role,
        at: DateTime<Utc>,
    ) -> Result<GroupRoleRow> {
        let raw: RawGroup = sqlx::query_as(
            "INSERT INTO group_roles (tenant_id, provider, group_name, role, created_at)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (tenant_id, provider, group_name) DO UPDATE SET role = excluded.role
             RETURNING id, provider, group_name, role",
        )
        .bind(self.tenant.uuid())
        .bind(provider)
        .bind(group)
        .bind(role.name())
        .bind(at)
        .fetch_one(&mut *self.inner)
        .await?;
        raw.row()
    }

    /// A group is nothing here any more. Gives what it was.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn group_role_remove(&mut self, id: uuid::Uuid) -> Result<Option<GroupRoleRow>> {
        let raw: Option<RawGroup> = sqlx::query_as(
            "DELETE FROM group_roles WHERE tenant_id = $1 AND id = $2
             RETURNING id, provider, group_name, role",
        )
        .bind(self.tenant.uuid())
        .bind(id)
        .fetch_optional(&mut *self.inner)
        .await?;
        raw.map(RawGroup::row).transpose()
    }

    /// The most that these groups are here, if they are anything.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn group_role_of(
        &mut self,
        provider: &str,
        groups: &[String],
    ) -> Result<Option<Role>> {
        let roles: Vec<String> = sqlx::query_scalar(
            "SELECT DISTINCT role FROM group_roles
             WHERE tenant_id = $1 AND provider = $2 AND group_name = ANY($3)",
        )
        .bind(self.tenant.uuid())
        .bind(provider)
        .bind(groups)
        .fetch_all(&mut *self.inner)
        .await?;
        let roles: Result<Vec<Role>> = roles
            .iter()
            .map(|role| stored("group_roles", role))
            .collect();
        Ok(roles?.into_iter().max())
    }

    /// The provider whose groups made somebody a member, and when they last said so; none for whoever
    /// people made one.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn member_by_group(
        &mut self,
        user: UserId,
    ) -> Result<Option<(String, DateTime<Utc>)>> {
        Ok(sqlx::query_as(
            "SELECT by_provider, confirmed_at FROM members
             WHERE tenant_id = $1 AND user_id = $2 AND by_provider IS NOT NULL",
        )
        .bind(self.tenant.uuid())
        .bind(user.uuid())
        .fetch_optional(&mut *self.inner)
        .await?)
    }

    /// A provider's groups say that somebody is a member; or, where silent, people say so from now on.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn member_confirm(
        &mut self,
        user: UserId,
        provider: Option<&str>,
        at: DateTime<Utc>,
    ) -> Result<()> {
        sqlx::query(
            "UPDATE members SET by_provider = $3, confirmed_at = CASE WHEN $3 IS NULL THEN NULL ELSE $4 END
             WHERE tenant_id = $1 AND user_id = $2",
        )
        .bind(self.tenant.uuid())
        .bind(user.uuid())
        .bind(provider)
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Settings(Noun::Member));
        Ok(())
    }
}
