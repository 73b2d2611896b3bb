//! The data directory: what lies where, and how secrets are written into it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use freehold_model::world::random;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::client::target::CLIENT_FILE;
use crate::failure::{Exit, Failure};
use crate::world::SystemEntropy;

/// Every file read here is a few short values.
const SMALL: u64 = 64 * 1024;
/// What tells our directory from somebody else's.
const MARKS: [&str; 4] = [LOCK, DATABASE, CLIENT_FILE, "postgres.lock"];
const LOCK: &str = "up.lock";
const DATABASE: &str = "database.json";
/// The server's key, below the data directory.
pub(crate) const SEAL_KEY: &str = "keys/seal.key";

/// A data directory that is there and closed to others.
#[derive(Debug, Clone)]
pub(crate) struct Data {
    root: PathBuf,
}

/// `database.json`: `up` writes it for its own PostgreSQL, an operator by hand for another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Database {
    /// Connects as the owner of the schema, for migrations.
    pub(crate) owner: String,
    /// Connects as the role that owns nothing.
    pub(crate) app: String,
}

/// `client.json`: what the commands on this machine find the server by.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ClientFile {
    /// The server's address.
    pub(crate) url: String,
    /// The owner's token.
    pub(crate) token: String,
}

impl Data {
    /// Opens the directory, or makes it for its owner alone.
    ///
    /// # Errors
    /// When it cannot be made, or holds something of somebody else.
    pub(crate) fn open(root: &Path) -> Result<Self, Failure> {
        let failed = |error: io::Error| failed("used as a data directory", root, &error);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(root)
            .map_err(failed)?;
        let root = fs::canonicalize(root).map_err(failed)?;
        let ours = MARKS.iter().any(|mark| root.join(mark).exists());
        if !ours && fs::read_dir(&root).map_err(failed)?.next().is_some() {
            return Err(Failure::new(
                Exit::Failed,
                "data_directory",
                format!(
                    "{} is not empty, and not a data directory of Freehold",
                    root.display()
                ),
                "name another with `--data DIR`; it is made when it does not exist",
            ));
        }
        let mode = fs::metadata(&root).map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            fs::set_permissions(&root, fs::Permissions::from_mode(0o700)).map_err(failed)?;
        }
        Ok(Self { root })
    }

    /// The directory, whether it is there or not: for looking only.
    pub(crate) fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// Itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// PostgreSQL's own.
    pub(crate) fn postgres(&self) -> PathBuf {
        self.root.join("postgres")
    }

    /// Sealed bulk content.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// The local runner's own.
    pub(crate) fn runner(&self) -> PathBuf {
        self.root.join("runner")
    }

    /// Whom it belongs to now.
    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join(LOCK)
    }

    /// What its owner allowed.
    pub(crate) fn consent(&self) -> PathBuf {
        self.root.join("consent.json")
    }

    /// What a child writes about itself.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.root.join("log").join(format!("{name}.log"))
    }

    /// The addresses of the database, if somebody wrote them down.
    pub(crate) fn database(&self) -> Result<Option<Database>, Failure> {
        read_json(&self.root.join(DATABASE))
    }

    /// Writes them down.
    pub(crate) fn set_database(&self, database: &Database) -> Result<(), Failure> {
        write_json(&self.root.join(DATABASE), database)
    }

    /// The server's address and the owner's token, if there was one already.
    pub(crate) fn client(&self) -> Result<Option<ClientFile>, Failure> {
        read_json(&self.root.join(CLIENT_FILE))
    }

    /// Writes them down.
    pub(crate) fn set_client(&self, client: &ClientFile) -> Result<(), Failure> {
        write_json(&self.root.join(CLIENT_FILE), client)
    }

    /// Puts the 32 bytes of a backup into a directory that has none.
    pub(crate) fn set_seal_seed(&self, seed: &[u8; 32]) -> Result<(), Failure> {
        let path = self.root.join(SEAL_KEY);
        let folder = path.parent().unwrap_or(&self.root);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .and_then(|()| create(&path, seed))
            .map_err(|error| failed("written", &path, &error))
    }

    /// The 32 bytes under which everything is sealed, where they were made already.
    pub(crate) fn existing_seal_seed(&self) -> Result<[u8; 32], Failure> {
        let path = self.root.join(SEAL_KEY);
        match path.exists() {
            true => self.seal_seed(),
            false => Err(failed("read", &path, &ErrorKind::NotFound.into())),
        }
    }

    /// What the server remembers of its database.
    pub(crate) fn lineage(&self) -> PathBuf {
        self.root.join("lineage.json")
    }

    /// The 32 bytes under which everything is sealed; made the first time, never twice.
    pub(crate) fn seal_seed(&self) -> Result<[u8; 32], Failure> {
        let path = self.root.join(SEAL_KEY);
        let folder = path.parent().unwrap_or(&self.root);
        let cannot = |error: io::Error| failed("read", &path, &error);
        if !path.exists() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .and_then(|()| create(&path, &random::<32>(&SystemEntropy)))
                .map_err(|error| failed("written", &path, &error))?;
        }
        let bytes = read_small(&path).map_err(cannot)?;
        <[u8; 32]>::try_from(&*bytes).map_err(|_| {
            Failure::new(
                Exit::Failed,
                "seal_key",
                format!("{} is damaged: it is not 32 bytes long", path.display()),
                "put the file back from your backup: without it nothing that is stored can be read",
            )
        })
    }
}

/// What did not work with a file.
pub(crate) fn failed(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Exit::Failed,
        "data_directory",
        format!("{} cannot be {what}: {error}", path.display()),
        "mend that, or name another data directory with `--data DIR`",
    )
}

/// Reads a small document; `None` where there is no file.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Failure> {
    let bytes = match read_small(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path, &error)),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        Failure::new(
            Exit::Failed,
            "data_directory",
            // Without what stands there: it may be a secret.
            format!("{} is damaged (line {})", path.display(), error.line()),
            "put it back from your backup, or remove it",
        )
    })
}

/// Writes a document for its owner's eyes only, whole or not at all.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Failure> {
    let write = || {
        let bytes = serde_json::to_vec(value)?;
        let fresh = fresh(path);
        write_new(&fresh, &bytes)?;
        fs::rename(&fresh, path)?;
        sync_parent(path)
    };
    write().map_err(|error| failed("written", path, &error))
}

/// Like [`write_json`], but the first one who does it wins.
fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = fresh(path);
    write_new(&fresh, bytes)?;
    let linked = fs::hard_link(&fresh, path);
    fs::remove_file(&fresh)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => sync_parent(path),
    }
}

/// A name beside it that no other process uses.
fn fresh(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Left by a process that was killed and had the same number.
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A name is durable once its directory is.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

pub(crate) fn read_small(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(SMALL).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_in_it_is_its_owners_and_the_key_stays_the_same() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("a/data");
        let data = Data::open(&root).unwrap();
        let seed = data.seal_seed().unwrap();
        assert_eq!(data.seal_seed().unwrap(), seed);
        let client = ClientFile {
            url: "http://localhost:1".into(),
            token: "t".into(),
        };
        data.set_client(&client).unwrap();
        data.set_client(&client).unwrap();
        assert_eq!(mode(&root), 0o700);
        assert_eq!(mode(&root.join("keys/seal.key")), 0o600);
        assert_eq!(mode(&root.join(CLIENT_FILE)), 0o600);
        assert_eq!(fs::read_dir(&root).unwrap().count(), 2);
        fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
        Data::open(&root).unwrap();
        assert_eq!(mode(&root), 0o700);
    }

    #[test]
    fn somebody_elses_directory_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("thesis.tex"), "x").unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let failure = Data::open(home.path()).unwrap_err();
        assert_eq!(failure.code, "data_directory");
        assert_eq!(mode(home.path()), 0o755);
    }

    #[test]
    fn a_damaged_file_is_said_to_be_damaged_and_not_shown() {
        let home = tempfile::tempdir().unwrap();
        let data = Data::open(home.path()).unwrap();
        fs::write(home.path().join(CLIENT_FILE), "{\"token\": \"secret\"").unwrap();
        let failure = data.client().err().unwrap();
        assert!(failure.message.contains("damaged"), "{failure}");
        assert!(!format!("{failure:?}").contains("secret"));
        fs::create_dir(home.path().join("keys")).unwrap();
        fs::write(home.path().join("keys/seal.key"), "short").unwrap();
        assert_eq!(data.seal_seed().unwrap_err().code, "seal_key");
    }
}
