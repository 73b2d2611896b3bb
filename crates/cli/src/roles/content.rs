//! Where a server's content lies: a directory, or a bucket that speaks S3.

use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use freehold_store::{Access, Blobs, Bucket, ContentError, Patience, Sharing, StoreError};
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::data::Data;
use crate::environment::Environment;
use crate::failure::{Exit, Failure};
use crate::words::ContentWords;

/// What tells a bucket from a directory.
const S3: &str = "s3://";
/// A few short values.
const CREDENTIALS_MAX: u64 = 64 * 1024;
/// A server that was just killed gives its directory back within this.
const HELD_WITHIN: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The file of `--content-credentials`. No `Debug`: it is secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

/// Opens the place, and shows that it can be written and read. `name` is anything that no other server
/// has.
///
/// # Errors
/// When it cannot, with what to do about it.
pub(crate) async fn open(
    words: &ContentWords,
    data: &Data,
    name: &str,
) -> Result<Blobs, anyhow::Error> {
    let blobs = match place(words, data)? {
        Place::Bucket(bucket) => Blobs::bucket(&bucket).map_err(trouble)?,
        Place::Directory(path) => {
            let sharing = match words.content_shared {
                true => Sharing::Several,
                false => Sharing::One,
            };
            directory(&path, sharing).await?
        }
    };
    blobs.prove(name).await.map_err(trouble)?;
    Ok(blobs)
}

/// Opens the place to read what is there, beside the servers that use it.
///
/// # Errors
/// When it is not there, with what to do about it.
pub(crate) fn reading(words: &ContentWords, data: &Data) -> Result<Blobs, anyhow::Error> {
    match place(words, data)? {
        Place::Bucket(bucket) => Blobs::bucket(&bucket).map_err(trouble),
        Place::Directory(path) if !path.is_dir() => {
            Err(elsewhere(format!("there is no content in {}", path.display())).into())
        }
        Place::Directory(path) => Blobs::reading(&path).map_err(trouble),
    }
}

/// The content is not in the place that was named.
pub(crate) fn elsewhere(message: String) -> Failure {
    Failure::new(
        Exit::Failed,
        "content_elsewhere",
        message,
        "name the place where this database's content is, as to `freehold server`: `--content PLACE`",
    )
}

/// What the words name.
#[derive(Debug)]
enum Place {
    Bucket(Bucket),
    /// By its absolute path.
    Directory(PathBuf),
}

fn place(words: &ContentWords, data: &Data) -> Result<Place, Failure> {
    let said = words.content.as_deref();
    if let Some(address) = said.filter(|said| said.starts_with(S3)) {
        if words.content_shared {
            return Err(Failure::usage(
                "`--content-shared` is said of a directory",
                "leave it out: several servers may use one bucket in any case",
            ));
        }
        return Ok(Place::Bucket(bucket(words, address)?));
    }
    let of_bucket = words.content_endpoint.is_some()
        || words.content_region.is_some()
        || words.content_credentials.is_some()
        || words.content_virtual_host
        || words.content_allow_http;
    if of_bucket {
        return Err(Failure::usage(
            "options of a bucket, and no bucket",
            "write `--content s3://BUCKET/PREFIX`",
        ));
    }
    match said {
        None => Ok(Place::Directory(data.blobs())),
        // A variable that is not set, or another kind of address: a folder of that name would be made.
        Some(said) if said.is_empty() || said.contains("://") => Err(Failure::usage(
            format!("`--content {said}` names no place"),
            "write `--content s3://BUCKET/PREFIX` or a directory's path",
        )),
        Some(said) => std::path::absolute(said)
            .map(Place::Directory)
            .map_err(|error| Failure::usage(format!("{said}: {error}"), "name a path")),
    }
}

async fn directory(path: &Path, sharing: Sharing) -> Result<Blobs, anyhow::Error> {
    let since = Instant::now();
    loop {
        match Blobs::directory(path, sharing) {
            Err(StoreError::Content(ContentError::InUse { .. }))
                if since.elapsed() < HELD_WITHIN =>
            {
                sleep(LOOK_AGAIN).await;
            }
            other => return other.map_err(trouble),
        }
    }
}

fn bucket(words: &ContentWords, address: &str) -> Result<Bucket, Failure> {
    let access = match &words.content_credentials {
        Some(path) => credentials(path)?,
        None => Access::Ambient(Environment::aws()),
    };
    Ok(Bucket {
        address: address.to_owned(),
        endpoint: words.content_endpoint.clone(),
        region: words.content_region.clone(),
        in_host: words.content_virtual_host,
        allow_http: words.content_allow_http,
        access,
        patience: Patience::default(),
    })
}

/// Reads a key that nobody else could have read.
fn credentials(path: &Path) -> Result<Access, Failure> {
    let bad = |what: String| {
        Failure::new(
            Exit::Failed,
            "content",
            format!("{}: {what}", path.display()),
            r#"write {"access_key_id":"…","secret_access_key":"…"} there, mode 0600"#,
        )
    };
    let cannot = |error: std::io::Error| bad(format!("cannot be read: {error}"));
    let file = std::fs::File::open(path).map_err(cannot)?;
    let meta = file.metadata().map_err(cannot)?;
    let me = nix::unistd::geteuid().as_raw();
    if meta.permissions().mode() & 0o077 != 0 || ![me, 0].contains(&meta.uid()) {
        return Err(bad("others than its owner can read it".into()));
    }
    let mut bytes = Vec::new();
    file.take(CREDENTIALS_MAX)
        .read_to_end(&mut bytes)
        .map_err(cannot)?;
    // Without what stands there: it is a secret.
    let read: Credentials = serde_json::from_slice(&bytes)
        .map_err(|error| bad(format!("is not as it should be (line {})", error.line())))?;
    Ok(Access::Keys {
        id: read.access_key_id,
        secret: read.secret_access_key,
        session: read.session_token,
    })
}

/// What a person is told.
pub(crate) fn trouble(error: StoreError) -> anyhow::Error {
    let StoreError::Content(error) = error else {
        return anyhow::Error::new(error).context("the content cannot be used");
    };
    let (code, next) = match &error {
        ContentError::Trouble(..) => (
            "content",
            "see docs/errors/content_unavailable.md for what it can be, mend it, and start again".to_owned(),
        ),
        ContentError::InUse { .. } => (
            "content_in_use",
            "stop that server; or give all servers one bucket (`--content s3://BUCKET/PREFIX`); or, where the directory is one file system for all of them, start each with `--content-shared`".to_owned(),
        ),
        ContentError::Elsewhere { wanted, .. } => (
            "content_elsewhere",
            format!("name the place where this database's content is (`--content`), the same for all servers; if it is this one, restored without its `content-id`, write {wanted} into a file of that name there"),
        ),
        ContentError::Setting(_) => ("content", "mend that option, and start again".to_owned()),
    };
    let mut message = error.to_string();
    if let Some(source) = std::error::Error::source(&error) {
        // A bucket's words may be pages long.
        let said: String = source.to_string().chars().take(600).collect();
        message.push_str(": ");
        message.push_str(&said);
    }
    Failure::new(Exit::Failed, code, message, next).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(content: Option<&str>) -> Result<Place, Failure> {
        let words = ContentWords {
            content: content.map(str::to_owned),
            content_endpoint: None,
            content_region: None,
            content_credentials: None,
            content_virtual_host: false,
            content_allow_http: false,
            content_shared: false,
        };
        place(&words, &Data::at(Path::new("/data")))
    }

    #[test]
    fn a_place_is_a_bucket_or_an_absolute_path_and_nothing_else() {
        for (content, wanted) in [
            (None, PathBuf::from("/data/blobs")),
            (Some("/c"), PathBuf::from("/c")),
            (Some("c"), std::env::current_dir().unwrap().join("c")),
        ] {
            let found = said(content).unwrap();
            assert!(
                matches!(&found, Place::Directory(path) if *path == wanted),
                "{content:?}: {found:?}"
            );
        }
        assert!(matches!(said(Some("s3://b/p")).unwrap(), Place::Bucket(_)));
        for wrong in ["", "gs://bucket/x", "file:///c", "S3://bucket", "://"] {
            assert_eq!(said(Some(wrong)).unwrap_err().code, "usage", "{wrong}");
        }
    }

    #[test]
    fn a_key_that_others_could_read_is_not_read() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("key.json");
        std::fs::write(
            &path,
            r#"{"access_key_id":"a","secret_access_key":"very-secret"}"#,
        )
        .unwrap();
        let mode = |mode| {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&path, mode).unwrap();
        };
        mode(0o640);
        let refused = credentials(&path).unwrap_err();
        assert!(refused.message.contains("others"), "{refused}");
        mode(0o600);
        assert!(matches!(credentials(&path).unwrap(), Access::Keys { id, .. } if id == "a"));
        std::fs::write(&path, r#"{"secret_access_key":"very-secret"}"#).unwrap();
        let refused = credentials(&path).unwrap_err();
        assert!(!format!("{refused:?}").contains("very-secret"));
    }
}
