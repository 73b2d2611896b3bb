//! People, whatever organizations they are in. Their rows are seen by a transaction that is bound to
//! them: [`PersonTx`].

use chrono::{DateTime, SubsecRound as _, Utc};
use freehold_model::{Email, TenantId, TokenId, UserId};

use crate::bound::{Bound, To};
use crate::{Result, Store, Tx, later, request};

/// A transaction that sees one person. Rolls back when dropped.
#[derive(Debug)]
pub struct PersonTx {
    pub(crate) inner: Bound,
    time: DateTime<Utc>,
    user: UserId,
}

/// A person.
#[derive(Debug, Clone)]
pub struct UserRow {
    /// Their id.
    pub id: UserId,
    /// Where to write to them; nobody else has it.
    pub email: Email,
    /// Their name.
    pub name: String,
    /// What their password hashes to, where they have one.
    pub password: Option<String>,
    /// Where they were last.
    pub last_tenant: Option<TenantId>,
}

#[derive(sqlx::FromRow)]
struct Raw {
    id: uuid::Uuid,
    email: String,
    name: String,
    password: Option<String>,
    last_tenant: Option<uuid::Uuid>,
}

/// An organization that a person is in.
#[derive(Debug, Clone)]
pub struct Belongs {
    /// The organization.
    pub tenant: TenantId,
    /// Its name.
    pub name: String,
    /// What they are there.
    pub role: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// How a row is held until the transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Nobody else changes it.
    Still,
    /// It is going to be changed.
    ToChange,
}

impl Store {
    /// A transaction that sees this person and no tenant.
    ///
    /// # Errors
    /// [`crate::StoreError::Unavailable`].
    pub async fn begin_person(&self, user: UserId) -> Result<PersonTx> {
        let (inner, time, _) = Bound::begin(&self.pool, To::Person(user), None).await?;
        Ok(PersonTx {
            inner,
            time: self.turned().unwrap_or(time).trunc_subsecs(6),
            user,
        })
    }

    /// Whose address it is; before a person is known.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn user_by_email(&self, email: &Email) -> Result<Option<UserId>> {
        let id: Option<uuid::Uuid> = sqlx::query_scalar("SELECT lookup_user($1)")
            .bind(email.as_str())
            .fetch_one(&self.pool)
            .await?;
        Ok(id.map(UserId::from_uuid))
    }

    /// Who it is at a provider of identities; before a person is known.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn user_by_identity(&self, issuer: &str, subject: &str) -> Result<Option<UserId>> {
        let id: Option<uuid::Uuid> = sqlx::query_scalar("SELECT lookup_identity($1, $2)")
            .bind(issuer)
            .bind(subject)
            .fetch_one(&self.pool)
            .await?;
        Ok(id.map(UserId::from_uuid))
    }

    /// Whose new password this token sets, if it ever did; before a person is known.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn user_by_reset(&self, hash: &[u8]) -> Result<Option<UserId>> {
        let id: Option<uuid::Uuid> = sqlx::query_scalar("SELECT lookup_reset($1)")
            .bind(hash)
            .fetch_one(&self.pool)
            .await?;
        Ok(id.map(UserId::from_uuid))
    }
}

impl PersonTx {
    /// Whose transaction it is.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// When it began, by the database's clock.
    #[must_use]
    pub const fn time(&self) -> DateTime<Utc> {
        self.time
    }

    /// Commits. What was written is durable when this returns.
    ///
    /// # Errors
    /// [`crate::StoreError`]; the outcome is then unknown to the caller.
    pub async fn commit(mut self) -> Result<()> {
        request::mark(&mut self.inner, None).await?;
        self.inner.commit().await
    }

    /// The same transaction, bound to a tenant as well from here on.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn in_tenant(mut self, tenant: TenantId) -> Result<Tx> {
        sqlx::query("SELECT set_config('app.tenant', $1, true)")
            .bind(tenant.uuid().to_string())
            .execute(&mut *self.inner)
            .await?;
        Ok(Tx {
            inner: self.inner,
            time: self.time,
            tenant,
            later: later::Later::default(),
        })
    }

    /// Adds the person. Nobody may have the address already.
    ///
    /// # Errors
    /// [`crate::StoreError::Taken`].
    pub async fn user_insert(&mut self, row: &UserRow, at: DateTime<Utc>) -> Result<()> {
        sqlx::query(
            "INSERT INTO users (id, email, name, password, created_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(self.user.uuid())
        .bind(row.email.as_str())
        .bind(&row.name)
        .bind(&row.password)
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// The person. `None` where they have no account of their own, like the owner of a local
    /// installation.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn user_get(&mut self) -> Result<Option<UserRow>> {
        let raw: Option<Raw> = sqlx::query_as(
            "SELECT id, email, name, password, last_tenant FROM users WHERE id = $1",
        )
        .bind(self.user.uuid())
        .fetch_optional(&mut *self.inner)
        .await?;
        raw.map(Raw::row).transpose()
    }

    /// The person, held as they are until the transaction ends.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn user_hold(&mut self, hold: Hold) -> Result<Option<UserRow>> {
        let statement = match hold {
            Hold::Still => {
                "SELECT id, email, name, password, last_tenant FROM users WHERE id = $1 FOR SHARE"
            }
            Hold::ToChange => {
                "SELECT id, email, name, password, last_tenant FROM users WHERE id = $1 FOR UPDATE"
            }
        };
        let raw: Option<Raw> = sqlx::query_as(statement)
            .bind(self.user.uuid())
            .fetch_optional(&mut *self.inner)
            .await?;
        raw.map(Raw::row).transpose()
    }

    /// Gives the person another password.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn user_set_password(&mut self, password: &str) -> Result<()> {
        sqlx::query("UPDATE users SET password = $2 WHERE id = $1")
            .bind(self.user.uuid())
            .bind(password)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Links the person to who they are at a provider of identities. False where somebody is already.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn identity_insert(
        &mut self,
        issuer: &str,
        subject: &str,
        at: DateTime<Utc>,
    ) -> Result<bool> {
        let done = sqlx::query(
            "INSERT INTO user_identities (user_id, issuer, subject, created_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (issuer, subject) DO NOTHING",
        )
        .bind(self.user.uuid())
        .bind(issuer)
        .bind(subject)
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Unlinks the person from whoever they are at providers of identities. Gives how many it were.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn identities_forget(&mut self) -> Result<u64> {
        let done = sqlx::query("DELETE FROM user_identities WHERE user_id = $1")
            .bind(self.user.uuid())
            .execute(&mut *self.inner)
            .await?;
        Ok(done.rows_affected())
    }

    /// Adds a token that sets a new password; those before it are good for nothing any more.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn reset_insert(
        &mut self,
        hash: &[u8],
        at: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<()> {
        sqlx::query("DELETE FROM user_resets WHERE user_id = $1")
            .bind(self.user.uuid())
            .execute(&mut *self.inner)
            .await?;
        sqlx::query(
            "INSERT INTO user_resets (user_id, hash, created_at, expires_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(self.user.uuid())
        .bind(hash)
        .bind(at)
        .bind(until)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Whether a token could still set a new password, without using it up.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn reset_is_good(&mut self, hash: &[u8], at: DateTime<Utc>) -> Result<bool> {
        Ok(sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM user_resets
             WHERE user_id = $1 AND hash = $2 AND used_at IS NULL AND expires_at > $3)",
        )
        .bind(self.user.uuid())
        .bind(hash)
        .bind(at)
        .fetch_one(&mut *self.inner)
        .await?)
    }

    /// Uses such a token up: looked at and consumed in one write.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn reset_use(&mut self, hash: &[u8], at: DateTime<Utc>) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE user_resets SET used_at = $3
             WHERE user_id = $1 AND hash = $2 AND used_at IS NULL AND expires_at > $3",
        )
        .bind(self.user.uuid())
        .bind(hash)
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Forgets the tokens that could set a new password.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn reset_forget(&mut self) -> Result<()> {
        sqlx::query("DELETE FROM user_resets WHERE user_id = $1")
            .bind(self.user.uuid())
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// The organizations that the person is in, the oldest membership first.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn organizations(&mut self) -> Result<Vec<Belongs>> {
        let rows: Vec<(uuid::Uuid, String, String, DateTime<Utc>)> =
            sqlx::query_as("SELECT tenant_id, name, role, since FROM person_organizations()")
                .fetch_all(&mut *self.inner)
                .await?;
        Ok(rows
            .into_iter()
            .map(|(tenant, name, role, since)| Belongs {
                tenant: TenantId::from_uuid(tenant),
                name,
                role,
                since,
            })
            .collect())
    }

    /// Ends the person's sessions in all organizations: all but one, or only one, with what it was
    /// renewed from. Gives the tenants in which any ended, to be told.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn sign_out_all(
        &mut self,
        but: Option<TokenId>,
        only: Option<TokenId>,
        at: DateTime<Utc>,
    ) -> Result<Vec<TenantId>> {
        let mut tenants: Vec<uuid::Uuid> = sqlx::query_scalar("SELECT person_sign_out($1, $2, $3)")
            .bind(but.map(TokenId::uuid))
            .bind(only.map(TokenId::uuid))
            .bind(at)
            .fetch_all(&mut *self.inner)
            .await?;
        tenants.sort_unstable();
        tenants.dedup();
        Ok(tenants.into_iter().map(TenantId::from_uuid).collect())
    }

    /// Ends all of the person's own tokens for programs. Gives the tenants that they acted in.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn tokens_end(&mut self, at: DateTime<Utc>) -> Result<Vec<TenantId>> {
        let tenants: Vec<uuid::Uuid> = sqlx::query_scalar("SELECT person_tokens_end($1)")
            .bind(at)
            .fetch_all(&mut *self.inner)
            .await?;
        Ok(tenants.into_iter().map(TenantId::from_uuid).collect())
    }

    /// Tells the watchers of a tenant when this commits that somebody may have been signed out.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn hint_tokens(&mut self, tenants: &[TenantId]) -> Result<()> {
        let said: Vec<String> = tenants
            .iter()
            .map(|tenant| format!("{tenant} settings {}", crate::Noun::Token.word()))
            .collect();
        sqlx::query("SELECT pg_notify($1, said) FROM unnest($2::text[]) AS said")
            .bind(crate::hint::CHANNEL)
            .bind(said)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }
}

impl Tx {
    /// The same transaction as its person's again, which it began as; what was to be written is.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn of_person(mut self, user: UserId) -> Result<PersonTx> {
        self.write_gathered().await?;
        Ok(PersonTx {
            inner: self.inner,
            time: self.time,
            user,
        })
    }

    /// Remembers where a person was last. The transaction began as theirs ([`PersonTx::in_tenant`]).
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn user_was_here(&mut self, user: UserId) -> Result<()> {
        sqlx::query(
            "UPDATE users SET last_tenant = $2 WHERE id = $1 AND last_tenant IS DISTINCT FROM $2",
        )
        .bind(user.uuid())
        .bind(self.tenant.uuid())
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }
}

impl Raw {
    fn row(self) -> Result<UserRow> {
        Ok(UserRow {
            id: UserId::from_uuid(self.id),
            email: crate::stored("users", &self.email)?,
            name: self.name,
            password: self.password,
            last_tenant: self.last_tenant.map(TenantId::from_uuid),
        })
    }
}
