//! What can be wrong with the place of the content, and whether it is this database's.

use object_store::Error;

use crate::blob::Blobs;
use crate::{Result, Store};

/// The file or object that says which content this is.
const NAME: &str = "content-id";
/// One server at a time looks and writes, however many start at once. Any number that nothing else uses.
const LOCK: i64 = 0x0066_685f_636f_6e74;
/// How deep the causes of an error are looked through for the words of the store behind it.
const CAUSES: usize = 8;

/// Content that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// It cannot be read or written now.
    #[error("the content cannot be used: {0}")]
    Trouble(Trouble, #[source] Option<Error>),
    /// A directory that another server holds.
    #[error("another server uses the directory {path}")]
    InUse {
        /// Which.
        path: String,
    },
    /// The database's content is another one than the one that was opened.
    #[error("the content of this database lies elsewhere: it is {wanted}, and here is {}", found.map_or_else(|| "none".to_owned(), |id| id.to_string()))]
    Elsewhere {
        /// What the database says.
        wanted: uuid::Uuid,
        /// What was found.
        found: Option<uuid::Uuid>,
    },
    /// A setting that cannot be.
    #[error("{0}")]
    Setting(String),
}

/// Why content cannot be used, as far as it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// There is no such thing. Only where it was to be there.
    Absent,
    /// There is no such bucket.
    NoBucket,
    /// The credentials are missing, wrong, or not allowed to do this.
    Denied,
    /// This machine's clock and the store's differ too much for a signature to count.
    ClockSkew,
    /// It cannot be reached, or did not answer in time.
    Silent,
    /// What was written is not what is read.
    Forgets,
    /// Anything else: the source says what.
    Failed,
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Absent => "something is not there that was",
            Self::NoBucket => "there is no such bucket",
            Self::Denied => "the credentials are missing, wrong, or not allowed to do this",
            Self::ClockSkew => "the clocks of this machine and of the store differ too much",
            Self::Silent => "it does not answer",
            Self::Forgets => "it does not give back what was written",
            Self::Failed => "it failed",
        })
    }
}

impl Trouble {
    /// Read from the error's kind and, where stores answer with words of S3, from these.
    pub(crate) fn of(error: &Error) -> Self {
        let words = words(error);
        let says = |code: &str| words.contains(code);
        if says("NoSuchBucket") {
            return Self::NoBucket;
        }
        if says("RequestTimeTooSkewed") {
            return Self::ClockSkew;
        }
        match error {
            Error::NotFound { .. } => Self::Absent,
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => Self::Denied,
            _ if says("AccessDenied")
                || says("SignatureDoesNotMatch")
                || says("InvalidAccessKeyId")
                // No credentials of a file, the environment or the machine.
                || says("169.254.169.254") =>
            {
                Self::Denied
            }
            _ if says("HTTP error") || says("503") || says("500") => Self::Silent,
            _ => Self::Failed,
        }
    }
}

/// The error and its causes, as text. Stores behind S3 say their code in the body of the answer.
fn words(error: &Error) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    for _ in 0..CAUSES {
        let Some(next) = cause else { break };
        words.push('\n');
        words.push_str(&next.to_string());
        cause = next.source();
    }
    words
}

impl From<Error> for ContentError {
    fn from(error: Error) -> Self {
        Self::Trouble(Trouble::of(&error), Some(error))
    }
}

impl Blobs {
    /// Which content this is; none where nobody has said so yet.
    ///
    /// # Errors
    /// [`ContentError`].
    pub async fn named(&self) -> Result<Option<uuid::Uuid>> {
        let Some(text) = self.read(NAME).await? else {
            return Ok(None);
        };
        let id = String::from_utf8(text)
            .ok()
            .and_then(|text| text.trim().parse::<uuid::Uuid>().ok());
        let damaged = || ContentError::Setting(format!("the content's `{NAME}` is damaged"));
        Ok(Some(id.ok_or_else(damaged)?))
    }
}

impl Store {
    /// This content was restored with the database, and is the database's from now on.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn content_adopt(&self, blobs: &Blobs) -> Result<()> {
        let id: Option<uuid::Uuid> = sqlx::query_scalar("SELECT id FROM content_store")
            .fetch_optional(&self.pool)
            .await?;
        match id {
            Some(id) => blobs.write(NAME, id.to_string().into_bytes()).await,
            None => Ok(()),
        }
    }

    /// Makes sure that this content is the database's: each says the other's name. The first server over
    /// a new database names both (`fresh`); any number may start at once.
    ///
    /// # Errors
    /// [`ContentError::Elsewhere`].
    pub async fn content_claim(&self, blobs: &Blobs, fresh: uuid::Uuid) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(LOCK)
            .execute(&mut *tx)
            .await?;
        let wanted: Option<uuid::Uuid> = sqlx::query_scalar("SELECT id FROM content_store")
            .fetch_optional(&mut *tx)
            .await?;
        let found = blobs.named().await?;
        match (wanted, found) {
            (Some(wanted), Some(found)) if wanted == found => return Ok(()),
            (Some(wanted), found) => return Err(ContentError::Elsewhere { wanted, found }.into()),
            (None, _) => {}
        }
        // The content first: a crash between leaves a name that the next server takes up.
        let id = found.unwrap_or(fresh);
        if found.is_none() {
            blobs.write(NAME, format!("{id}\n").into_bytes()).await?;
        }
        sqlx::query("INSERT INTO content_store (id) VALUES ($1)")
            .bind(id)
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(words: &str) -> Error {
        Error::Generic {
            store: "S3",
            source: words.to_owned().into(),
        }
    }

    #[test]
    fn what_is_wrong_is_told_from_what_the_store_answers() {
        let skewed = "Server returned non-2xx status code: 403 Forbidden: <Error><Code>RequestTimeTooSkewed</Code></Error>";
        let denied = |words: &str| Error::PermissionDenied {
            path: "a".into(),
            source: words.to_owned().into(),
        };
        let absent = |words: &str| Error::NotFound {
            path: "a".into(),
            source: words.to_owned().into(),
        };
        for (error, trouble) in [
            (denied(skewed), Trouble::ClockSkew),
            (denied("AccessDenied"), Trouble::Denied),
            (absent("NoSuchKey"), Trouble::Absent),
            (absent("<Code>NoSuchBucket</Code>"), Trouble::NoBucket),
            (generic("InvalidAccessKeyId"), Trouble::Denied),
            (generic("HTTP error: connection refused"), Trouble::Silent),
            (generic("No space left on device"), Trouble::Failed),
        ] {
            assert_eq!(Trouble::of(&error), trouble, "{error}");
        }
    }
}
