//! Tenants and their keys.

use chrono::{DateTime, Utc};
use freehold_model::{TenantId, UserId};

use crate::{Result, Store, Tx};

/// A content key, wrapped to one recipient.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct KeyRow {
    /// Its number.
    pub key_id: i32,
    /// HPKE.
    pub wrapped: Vec<u8>,
}

/// The key that signs orders.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct OrderKeyRow {
    /// Ed25519 public key.
    pub public: Vec<u8>,
    /// The private key, wrapped to the server.
    pub wrapped: Vec<u8>,
}

impl Store {
    /// Every tenant, for reconcilers. Ids only.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn tenants(&self) -> Result<Vec<TenantId>> {
        let ids: Vec<uuid::Uuid> = sqlx::query_scalar("SELECT list_tenants()")
            .fetch_all(&self.pool)
            .await?;
        Ok(ids.into_iter().map(TenantId::from_uuid).collect())
    }
}

impl Tx {
    /// Adds the tenant that this transaction is bound to.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn tenant_insert(&mut self, name: &str, at: DateTime<Utc>) -> Result<()> {
        sqlx::query("INSERT INTO tenants (id, name, created_at) VALUES ($1, $2, $3)")
            .bind(self.tenant.uuid())
            .bind(name)
            .bind(at)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// The name of the tenant that this transaction is bound to.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn tenant_name(&mut self) -> Result<String> {
        Ok(sqlx::query_scalar("SELECT name FROM tenants WHERE id = $1")
            .bind(self.tenant.uuid())
            .fetch_one(&mut *self.inner)
            .await?)
    }

    /// Adds a member.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn member_insert(
        &mut self,
        user: UserId,
        name: &str,
        role: &str,
        at: DateTime<Utc>,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO members (tenant_id, user_id, name, role, created_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(self.tenant.uuid())
        .bind(user.uuid())
        .bind(name)
        .bind(role)
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// The member who has been an owner the longest.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn member_local_owner(&mut self) -> Result<Option<(UserId, String)>> {
        let found: Option<(uuid::Uuid, String)> = sqlx::query_as(
            "SELECT user_id, name FROM members WHERE tenant_id = $1 AND role = 'owner' AND email IS NULL
             ORDER BY created_at, user_id LIMIT 1",
        )
        .bind(self.tenant.uuid())
        .fetch_optional(&mut *self.inner)
        .await?;
        Ok(found.map(|(id, name)| (UserId::from_uuid(id), name)))
    }

    /// The names of members, of those who were, and of service tokens that did something.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn member_names(&mut self, users: &[UserId]) -> Result<Vec<(UserId, String)>> {
        let users: Vec<uuid::Uuid> = users.iter().map(|user| user.uuid()).collect();
        let rows: Vec<(uuid::Uuid, String)> = sqlx::query_as(
            "SELECT user_id, name FROM members WHERE tenant_id = $1 AND user_id = ANY($2)
             UNION ALL
             SELECT user_id, name FROM former_members WHERE tenant_id = $1 AND user_id = ANY($2)
             UNION ALL
             SELECT user_id, name FROM tokens
             WHERE tenant_id = $1 AND user_id = ANY($2) AND kind = 'service'",
        )
        .bind(self.tenant.uuid())
        .bind(users)
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows
            .into_iter()
            .map(|(user, name)| (UserId::from_uuid(user), name))
            .collect())
    }

    /// A member's name, or a service token's, for words that people read.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn member_name(&mut self, user: UserId) -> Result<Option<String>> {
        Ok(self
            .member_names(&[user])
            .await?
            .pop()
            .map(|(_, name)| name))
    }

    /// Stores a content key wrapped to `recipient`; a repetition replaces the wrapping.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn content_key_put(
        &mut self,
        key_id: i32,
        recipient: &str,
        wrapped: &[u8],
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO content_keys (tenant_id, key_id, recipient, wrapped) VALUES ($1, $2, $3, $4)
             ON CONFLICT (tenant_id, key_id, recipient) DO UPDATE SET wrapped = excluded.wrapped",
        )
        .bind(self.tenant.uuid())
        .bind(key_id)
        .bind(recipient)
        .bind(wrapped)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// The content keys wrapped to `recipient`, oldest first.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn content_keys(&mut self, recipient: &str) -> Result<Vec<KeyRow>> {
        Ok(sqlx::query_as(
            "SELECT key_id, wrapped FROM content_keys
             WHERE tenant_id = $1 AND recipient = $2 ORDER BY key_id",
        )
        .bind(self.tenant.uuid())
        .bind(recipient)
        .fetch_all(&mut *self.inner)
        .await?)
    }

    /// Stores the key that signs the tenant's orders. There is one.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn order_key_insert(&mut self, public: &[u8], wrapped: &[u8]) -> Result<()> {
        sqlx::query("INSERT INTO order_keys (tenant_id, public, wrapped) VALUES ($1, $2, $3)")
            .bind(self.tenant.uuid())
            .bind(public)
            .bind(wrapped)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// The key that signs the tenant's orders.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn order_key(&mut self) -> Result<Option<OrderKeyRow>> {
        Ok(
            sqlx::query_as("SELECT public, wrapped FROM order_keys WHERE tenant_id = $1")
                .bind(self.tenant.uuid())
                .fetch_optional(&mut *self.inner)
                .await?,
        )
    }
}
