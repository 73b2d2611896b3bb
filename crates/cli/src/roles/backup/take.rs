//! Taking a backup.

use std::path::{Path, PathBuf};
use std::time::Duration;

use freehold_model::Clock as _;
use freehold_postgres::{APP_ROLE, OWNER_ROLE, Postgres, PostgresError, Tools, is_own};
use freehold_store::{Blobs, Snapshot, SnapshotBlob, StoreError};
use freehold_wire::seal::SealKey;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::archive::{DATABASE, FORMAT, Manifest, Writer, blob_path, sha256};
use super::{CONNECT_WITHIN, SEES_ALL, absolute, require_complete, trouble, unless};
use crate::failure::{Exit, Failure};
use crate::print::Printer;
use crate::roles::content;
use crate::roles::data::{Data, Database, SEAL_KEY};
use crate::words::ContentWords;
use crate::world::SystemClock;

/// A content store that does not give a blob by then does not work.
const BLOB_WITHIN: Duration = Duration::from_secs(120);
/// Between two lines about how far it is.
const TELL_EVERY: Duration = Duration::from_secs(2);

/// What to do about a database that is not there.
const NOT_THERE: &str = "see that the database which database.json names can be reached; where it is the one in this data directory, and that was moved or copied, start `freehold up` once, which writes the file anew";

/// What to take, and to where.
pub(super) struct Backup<'a> {
    pub(super) data: &'a Path,
    pub(super) to: PathBuf,
    pub(super) content: ContentWords,
    pub(super) has_keys: bool,
    pub(super) allow_missing: bool,
    pub(super) postgres: freehold_postgres::Options,
    pub(super) printer: Printer,
}

/// The database, and the server of it where we had to start one.
struct Opened {
    snapshot: Snapshot,
    owner: String,
    started: Option<Postgres>,
}

/// The content that belongs to the rows.
async fn content_here(
    words: &ContentWords,
    data: &Data,
    snapshot: &mut Snapshot,
) -> anyhow::Result<Blobs> {
    let wanted = snapshot.content().await?;
    let blobs = content::reading(words, data)?;
    let found = blobs.named().await.map_err(content::trouble)?;
    match wanted {
        Some(wanted) if found != Some(wanted) => {
            let found = found.map_or("nothing".to_owned(), |found| found.to_string());
            let message = format!("the database's content is {wanted}, and {found} is there");
            Err(content::elsewhere(message).into())
        }
        _ => Ok(blobs),
    }
}

/// A dump names the roles of the database, and a restored one has two.
fn require_roles(roles: &[String]) -> Result<(), Failure> {
    let ours = [OWNER_ROLE, APP_ROLE];
    let Some(other) = roles.iter().find(|role| !ours.contains(&role.as_str())) else {
        return Ok(());
    };
    Err(Failure::new(
        Exit::Failed,
        "backup_role",
        format!(
            "the database names the role `{other}` as an owner or in a grant or policy, and where a backup is restored there are only `{OWNER_ROLE}` and `{APP_ROLE}`"
        ),
        format!(
            "where it is the schema's owner: `ALTER ROLE \"{other}\" RENAME TO {OWNER_ROLE}`, give it its password again, and change database.json; else take back what was granted to it: `DROP OWNED BY \"{other}\"`, once you have seen that it owns nothing"
        ),
    ))
}

impl Backup<'_> {
    /// Takes it. Gives the file and what is in it.
    pub(super) async fn take(
        self,
        cancel: CancellationToken,
    ) -> anyhow::Result<(PathBuf, Manifest)> {
        if !self.data.is_dir() {
            return Err(no_installation(self.data).into());
        }
        let data = Data::open(self.data)?;
        let target = self.target()?;
        let mut writer = Writer::begin(&target)?;
        let seed = data.existing_seal_seed()?;
        let mut opened = self.open(&data, &cancel).await?;
        let taken = self
            .fill(&data, &seed, &mut opened, &mut writer, &cancel)
            .await;
        drop(opened.snapshot);
        if let Some(postgres) = opened.started {
            postgres.stop().await;
        }
        Ok((target, writer.finish(taken?)?))
    }

    /// The file: the one that was named, or a new one in the folder.
    fn target(&self) -> Result<PathBuf, Failure> {
        let to = absolute(&self.to)?;
        if !to.is_dir() {
            return Ok(to);
        }
        let now = SystemClock.now().format("%Y%m%dT%H%M%SZ");
        Ok(to.join(format!("freehold-{now}.backup")))
    }

    async fn fill(
        &self,
        data: &Data,
        seed: &[u8; 32],
        opened: &mut Opened,
        writer: &mut Writer,
        cancel: &CancellationToken,
    ) -> anyhow::Result<Manifest> {
        let snapshot = &mut opened.snapshot;
        let major = snapshot.major().await?;
        require_roles(&snapshot.roles().await?)?;
        let tools = Tools::find(&self.postgres, major).map_err(|error| trouble(&error))?;
        let lineage = snapshot.lineage().await?;
        let mut manifest = Manifest {
            format: FORMAT,
            freehold: env!("CARGO_PKG_VERSION").into(),
            made_at: SystemClock.now(),
            postgres: major,
            schema: snapshot.schema().await?,
            lineage: lineage.at.line,
            seq: lineage.at.seq,
            rows: unless(cancel, snapshot.counts()).await??,
            seal_key: fingerprint(seed),
            has_keys: self.has_keys,
            missing_blobs: Vec::new(),
            files: Vec::new(),
        };
        let blobs = unless(cancel, snapshot.blobs()).await??;
        let content = content_here(&self.content, data, snapshot);
        let content = unless(cancel, content).await??;
        self.printer.progress("The database …");
        let aside = writer.aside();
        let name = snapshot.name();
        freehold_postgres::dump(&tools, &opened.owner, name, SEES_ALL, &aside, cancel)
            .await
            .map_err(|error| dump_failed(&error))?;
        writer.add_file(DATABASE, &aside)?;
        // Its room may be needed.
        let _ = std::fs::remove_file(&aside);
        manifest.missing_blobs = self.content(&content, &blobs, writer, cancel).await?;
        require_complete(&manifest.missing_blobs, &manifest.rows, self.allow_missing)?;
        if self.has_keys {
            writer.add(SEAL_KEY, seed)?;
        }
        Ok(manifest)
    }

    /// Adds the blobs; gives those that are not there.
    async fn content(
        &self,
        blobs: &Blobs,
        wanted: &[SnapshotBlob],
        writer: &mut Writer,
        cancel: &CancellationToken,
    ) -> anyhow::Result<Vec<freehold_model::BlobId>> {
        let mut missing = Vec::new();
        let mut told = Instant::now();
        for (done, row) in wanted.iter().enumerate() {
            if told.elapsed() > TELL_EVERY {
                let line = format!("Content: {done} of {} blobs …", wanted.len());
                self.printer.progress(&line);
                told = Instant::now();
            }
            let got = unless(cancel, timeout(BLOB_WITHIN, blobs.get(row.id))).await?;
            let got = got.map_err(|_| {
                let message = format!("{} did not come within {} s", row.id, BLOB_WITHIN.as_secs());
                Failure::new(
                    Exit::Failed,
                    "content",
                    message,
                    "look at the disk or the bucket, and try again",
                )
            })?;
            match got.map_err(content::trouble)? {
                Some(bytes) => writer.add(&blob_path(row.id), &bytes)?,
                None => missing.push(row.id),
            }
        }
        Ok(missing)
    }

    /// The running database; where it is the installation's own and does not run, it is started for
    /// as long as this takes.
    async fn open(&self, data: &Data, cancel: &CancellationToken) -> anyhow::Result<Opened> {
        if let Some(known) = data.database()? {
            match unless(cancel, open(&known)).await? {
                Ok(snapshot) => {
                    return Ok(Opened {
                        snapshot,
                        owner: known.owner,
                        started: None,
                    });
                }
                // What lies in the data directory may be an older database, from before that one.
                Err(mut failure) if !is_own(&data.postgres(), &known.owner) => {
                    failure.next = NOT_THERE.to_owned();
                    return Err(failure.into());
                }
                Err(_) => {}
            }
        }
        if !data.postgres().is_dir() {
            return Err(no_installation(self.data).into());
        }
        let postgres = freehold_postgres::start(self.postgres.clone(), cancel.clone())
            .await
            .map_err(|error| trouble(&error))?;
        let database = Database {
            owner: postgres.owner_url(),
            app: postgres.app_url(),
        };
        match unless(cancel, open(&database)).await.flatten() {
            Ok(snapshot) => Ok(Opened {
                snapshot,
                owner: database.owner,
                started: Some(postgres),
            }),
            Err(failure) => {
                postgres.stop().await;
                Err(failure.into())
            }
        }
    }
}

async fn open(database: &Database) -> Result<Snapshot, Failure> {
    let opened = timeout(CONNECT_WITHIN, Snapshot::open(&database.owner)).await;
    match opened {
        Ok(Ok(snapshot)) => Ok(snapshot),
        Ok(Err(error)) => Err(store_trouble(&error)),
        Err(_) => Err(Failure::unreachable(
            format!(
                "the database did not answer within {} s",
                CONNECT_WITHIN.as_secs()
            ),
            "see `freehold doctor`",
        )),
    }
}

pub(super) fn store_trouble(error: &StoreError) -> Failure {
    trouble(error)
}

/// What tells the right key from another.
pub(super) fn fingerprint(seed: &[u8; 32]) -> String {
    sha256(&SealKey::from_seed(*seed).public().0)
}

/// A full disk is what `pg_dump` fails of most.
fn dump_failed(error: &PostgresError) -> Failure {
    let failure = trouble(error);
    match failure.message.contains("No space left on device") {
        true => Failure::new(
            Exit::Failed,
            "disk_full",
            failure.message,
            "free some space there, or name another place; nothing was left behind",
        ),
        false => failure,
    }
}

fn no_installation(data: &Path) -> Failure {
    Failure::new(
        Exit::Failed,
        "no_database",
        format!("{} holds no installation", data.display()),
        "name its data directory: `--data DIR`",
    )
}
