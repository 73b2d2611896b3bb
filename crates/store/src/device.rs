//! Devices that ask to be signed in. They belong to no tenant before somebody approves them: all of
//! this goes through named functions.

use chrono::{DateTime, TimeDelta, Utc};
use freehold_model::{TenantId, UserId};

use crate::{Result, Store, Tx};

/// A device that asks, to be remembered.
#[derive(Debug, Clone)]
pub struct NewDevice<'a> {
    /// Of the code that it asks with.
    pub hash: &'a [u8],
    /// The code that a person types.
    pub user_code: &'a str,
    /// What it calls itself.
    pub name: &'a str,
    /// Where it asked from.
    pub address: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// From then on it is forgotten.
    pub until: DateTime<Utc>,
}

/// A device that asks, as a person sees it before they decide.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct DeviceRow {
    /// What it calls itself.
    pub name: String,
    /// Where it asked from.
    pub address: Option<String>,
    /// When.
    pub asked_at: DateTime<Utc>,
    /// From then on it is forgotten.
    pub expires_at: DateTime<Utc>,
}

/// What a device hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevicePolled {
    /// What it calls itself.
    pub name: String,
    /// Somebody said no.
    pub denied: bool,
    /// It asks too often.
    pub hasty: bool,
    /// Where, and as whom, it may act.
    pub approved: Option<(TenantId, UserId)>,
}

impl Store {
    /// Remembers a device, unless there are `most`, or its typed code is another's. False then.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn device_ask(&self, new: &NewDevice<'_>, most: i32) -> Result<bool> {
        Ok(
            sqlx::query_scalar("SELECT device_ask($1, $2, $3, $4, $5, $6, $7)")
                .bind(new.hash)
                .bind(new.user_code)
                .bind(new.name)
                .bind(&new.address)
                .bind(new.at)
                .bind(new.until)
                .bind(most)
                .fetch_one(&self.pool)
                .await?,
        )
    }

    /// The device whose code somebody typed, while it waits for a decision.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn device_look(&self, typed: &str, at: DateTime<Utc>) -> Result<Option<DeviceRow>> {
        Ok(sqlx::query_as("SELECT * FROM device_look($1, $2)")
            .bind(typed)
            .bind(at)
            .fetch_optional(&self.pool)
            .await?)
    }

    /// What a device hears, which should ask no oftener than `apart`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn device_poll(
        &self,
        hash: &[u8],
        at: DateTime<Utc>,
        apart: TimeDelta,
    ) -> Result<Option<DevicePolled>> {
        type Row = (String, bool, bool, Option<uuid::Uuid>, Option<uuid::Uuid>);
        let found: Option<Row> = sqlx::query_as("SELECT * FROM device_poll($1, $2, $3)")
            .bind(hash)
            .bind(at)
            .bind(apart)
            .fetch_optional(&self.pool)
            .await?;
        Ok(
            found.map(|(name, denied, hasty, tenant, user)| DevicePolled {
                name,
                denied,
                hasty,
                approved: tenant
                    .zip(user)
                    .map(|(tenant, user)| (TenantId::from_uuid(tenant), UserId::from_uuid(user))),
            }),
        )
    }
}

impl Tx {
    /// Decides on the device whose code somebody typed. False when there is none that waits for it.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn device_decide(
        &mut self,
        typed: &str,
        who: UserId,
        yes: bool,
        at: DateTime<Utc>,
    ) -> Result<bool> {
        Ok(sqlx::query_scalar("SELECT device_decide($1, $2, $3, $4)")
            .bind(typed)
            .bind(who.uuid())
            .bind(yes)
            .bind(at)
            .fetch_one(&mut *self.inner)
            .await?)
    }

    /// Uses an approved code up; gives whom it was approved by. None when another was first.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn device_use(&mut self, hash: &[u8], at: DateTime<Utc>) -> Result<Option<UserId>> {
        let used: Option<uuid::Uuid> = sqlx::query_scalar("SELECT device_use($1, $2)")
            .bind(hash)
            .bind(at)
            .fetch_one(&mut *self.inner)
            .await?;
        Ok(used.map(UserId::from_uuid))
    }
}
