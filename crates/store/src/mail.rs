//! Mails that are to be sent. A row is written with the change that it tells of; whoever sends takes it
//! after that is committed, and no row is taken again unless it is known that nothing went out.

use chrono::{DateTime, TimeDelta, Utc};
use freehold_model::MailId;
use sqlx::PgConnection;

use crate::{PersonTx, Result, Store, Tx};

/// A mail as it is written.
#[derive(Debug, Clone)]
pub struct NewMail {
    /// Its id.
    pub id: MailId,
    /// To whom and what, sealed to the server.
    pub sealed: Vec<u8>,
    /// When it was written.
    pub at: DateTime<Utc>,
}

/// A mail that was taken, to be sent now.
#[derive(Debug, Clone)]
pub struct TakenMail {
    /// Its id.
    pub id: MailId,
    /// To whom and what, sealed to the server.
    pub sealed: Vec<u8>,
    /// Which try this is, from 1.
    pub tries: u32,
}

/// What became of a mail that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// The other side has it, or nobody is to have it.
    Sent,
    /// Nothing went out; it is tried again then.
    Waiting(DateTime<Utc>),
    /// It is given up.
    Failed,
    /// It went out or not; it is not sent a second time.
    Unknown,
}

impl NewMail {
    pub(crate) async fn write(&self, connection: &mut PgConnection) -> Result<()> {
        sqlx::query("INSERT INTO mails (id, sealed, next_at, created_at) VALUES ($1, $2, $3, $3)")
            .bind(self.id.uuid())
            .bind(&self.sealed)
            .bind(self.at)
            .execute(connection)
            .await?;
        Ok(())
    }
}

impl Tx {
    /// Adds a mail, which goes out after the commit.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn mail_insert(&mut self, mail: &NewMail) -> Result<()> {
        mail.write(&mut self.inner).await
    }
}

impl PersonTx {
    /// Adds a mail, which goes out after the commit.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn mail_insert(&mut self, mail: &NewMail) -> Result<()> {
        mail.write(&mut self.inner).await
    }
}

impl Store {
    /// Adds a mail that nothing else is written with.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn mail_insert(&self, mail: &NewMail) -> Result<()> {
        let mut connection = self.pool.acquire().await?;
        mail.write(&mut connection).await
    }

    /// Takes mails that are due, each for one sender alone.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn mail_take(&self, most: i32, at: DateTime<Utc>) -> Result<Vec<TakenMail>> {
        let rows: Vec<(uuid::Uuid, Option<Vec<u8>>, i32)> =
            sqlx::query_as("SELECT id, sealed, tries FROM mail_take($1, $2)")
                .bind(most)
                .bind(at)
                .fetch_all(&self.pool)
                .await?;
        Ok(rows
            .into_iter()
            .map(|(id, sealed, tries)| TakenMail {
                id: MailId::from_uuid(id),
                sealed: sealed.unwrap_or_default(),
                tries: u32::try_from(tries).unwrap_or(u32::MAX),
            })
            .collect())
    }

    /// Notes what became of a mail that was taken.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn mail_put(&self, id: MailId, became: Became) -> Result<()> {
        let (word, again) = match became {
            Became::Sent => ("sent", None),
            Became::Waiting(at) => ("waiting", Some(at)),
            Became::Failed => ("failed", None),
            Became::Unknown => ("unknown", None),
        };
        sqlx::query("SELECT mail_put($1, $2, $3)")
            .bind(id.uuid())
            .bind(word)
            .bind(again)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Gives up mails whose sender never said what became of them for `lost`, forgets those that are
    /// older than `kept`, and accounts that nobody confirmed in time.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn post_tidy(
        &self,
        at: DateTime<Utc>,
        lost: TimeDelta,
        kept: TimeDelta,
    ) -> Result<()> {
        sqlx::query("SELECT post_tidy($1, make_interval(secs => $2), make_interval(secs => $3))")
            .bind(at)
            .bind(lost.as_seconds_f64())
            .bind(kept.as_seconds_f64())
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
