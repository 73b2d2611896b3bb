//! Accounts that were asked for and not confirmed.

use chrono::{DateTime, Utc};
use freehold_model::Email;

use crate::{PersonTx, Result, Store};

/// An account that somebody asked for.
#[derive(Debug, Clone)]
pub struct RegistrationRow {
    /// The address that it was asked for.
    pub email: Email,
    /// What they are called.
    pub name: String,
    /// What their password hashes to.
    pub password: String,
    /// What the organization is to be called that is made with it.
    pub organization: Option<String>,
}

impl Store {
    /// What a token confirms; before a person is known.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn registration_by_hash(
        &self,
        hash: &[u8],
        at: DateTime<Utc>,
    ) -> Result<Option<RegistrationRow>> {
        let raw: Option<(String, String, String, Option<String>)> = sqlx::query_as(
            "SELECT email, name, password, organization FROM lookup_registration($1, $2)",
        )
        .bind(hash)
        .bind(at)
        .fetch_optional(&self.pool)
        .await?;
        raw.map(|(email, name, password, organization)| {
            Ok(RegistrationRow {
                email: crate::stored("registrations", &email)?,
                name,
                password,
                organization,
            })
        })
        .transpose()
    }

    /// Notes that somebody asks for an account, with the mail that goes out about it.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn registration_insert(
        &self,
        hash: &[u8],
        row: &RegistrationRow,
        at: DateTime<Utc>,
        until: DateTime<Utc>,
        mail: &crate::NewMail,
    ) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        sqlx::query(
            "INSERT INTO registrations (hash, email, name, password, organization, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(hash)
        .bind(row.email.as_str())
        .bind(&row.name)
        .bind(&row.password)
        .bind(&row.organization)
        .bind(at)
        .bind(until)
        .execute(&mut *tx)
        .await?;
        mail.write(&mut tx).await?;
        Ok(tx.commit().await?)
    }
}

impl PersonTx {
    /// Uses a confirmation up: looked at and consumed in one write, and with it all others of the
    /// address.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn registration_use(&mut self, hash: &[u8], at: DateTime<Utc>) -> Result<bool> {
        Ok(sqlx::query_scalar("SELECT registration_use($1, $2)")
            .bind(hash)
            .bind(at)
            .fetch_one(&mut *self.inner)
            .await?)
    }
}
