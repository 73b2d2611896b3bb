//! Putting a backup into a new data directory: built beside it, and moved there when it is whole.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use freehold_model::{BlobId, LineageId};
use freehold_postgres::{Postgres, Tools};
use freehold_store::{Blobs, Sharing, Snapshot, Store, schema_version};
use nix::unistd::syncfs;
use tokio_util::sync::CancellationToken;

use super::archive::{self, DATABASE, Manifest, blob_of, damaged, failed, newer};
use super::take::fingerprint;
use super::{absolute, trouble, unless};
use crate::environment::Environment;
use crate::failure::{Exit, Failure};
use crate::print::Printer;
use crate::roles::data::{Data, SEAL_KEY, read_small, sync_parent};
use crate::world::{SystemClock, SystemEntropy};

/// What to put where.
pub(super) struct Restore<'a> {
    pub(super) from: &'a Path,
    pub(super) seal_key: Option<&'a Path>,
    pub(super) data: &'a Path,
    pub(super) environment: &'a Environment,
    pub(super) printer: Printer,
}

/// The directory that is being built. Dropped before it is whole, it is removed.
struct Building {
    path: PathBuf,
    is_done: bool,
}

impl Drop for Building {
    fn drop(&mut self) {
        if !self.is_done {
            drop(fs::remove_dir_all(&self.path));
        }
    }
}

impl Restore<'_> {
    /// Does it.
    pub(super) async fn restore(&self, cancel: CancellationToken) -> anyhow::Result<Manifest> {
        let target = absolute(self.data)?;
        require_empty(&target)?;
        self.printer.progress("Looking through the backup …");
        let mut seed = None;
        let manifest = archive::read(self.from, |name, from| {
            if name == SEAL_KEY {
                seed = Some(self.seed_from(from)?);
            }
            Ok(())
        })?;
        let known = schema_version();
        if manifest.schema > known {
            return Err(newer(format!(
                "{} has schema {}, and this program knows schemas up to {known}",
                self.from.display(),
                manifest.schema
            ))
            .into());
        }
        let seed = self.right_key(&manifest, seed)?;
        let mut building = begin(&target)?;
        let data = Data::open(&building.path)?;
        data.set_seal_seed(&seed)?;
        self.printer.progress("The content …");
        let dump = building.path.join(DATABASE);
        self.unpack(&data, &dump)?;
        self.printer.progress("The database …");
        self.fill(&data, &dump, &manifest, &cancel).await?;
        let finish = || {
            fs::remove_file(&dump)?;
            syncfs(&File::open(&building.path)?)?;
            // An empty directory gives way; one that was filled meanwhile does not.
            fs::rename(&building.path, &target)?;
            sync_parent(&target)
        };
        finish().map_err(|error| failed("written", &target, &error))?;
        building.is_done = true;
        Ok(manifest)
    }

    fn seed_from(&self, from: &mut dyn Read) -> Result<[u8; 32], Failure> {
        let mut seed = [0; 32];
        from.read_exact(&mut seed)
            .map_err(|_| damaged(self.from, "the server's key is too short"))?;
        Ok(seed)
    }

    /// The key under which the content is sealed, from the backup or from a file.
    fn right_key(&self, manifest: &Manifest, found: Option<[u8; 32]>) -> Result<[u8; 32], Failure> {
        let given = match self.seal_key {
            Some(path) => {
                let bytes = read_small(path).map_err(|error| failed("read", path, &error))?;
                <[u8; 32]>::try_from(&*bytes).ok()
            }
            None => found,
        };
        let refused = |message: &str| {
            Failure::new(
                Exit::Failed,
                "backup_key",
                message,
                "give the file keys/seal.key of the installation that the backup was taken of: `--seal-key FILE`",
            )
        };
        match given {
            Some(seed) if fingerprint(&seed) == manifest.seal_key => Ok(seed),
            Some(_) => Err(refused(
                "this is not the key that the backup is sealed with",
            )),
            None if self.seal_key.is_some() => {
                Err(refused("this is no key: it is not 32 bytes long"))
            }
            None => Err(refused(
                "the backup was taken without the server's key, and nothing in it can be read without that",
            )),
        }
    }

    /// Writes the blobs and the dump. All of it is looked at again: the file may have changed since.
    fn unpack(&self, data: &Data, dump: &Path) -> Result<(), Failure> {
        archive::read(self.from, |name, from| match blob_of(name) {
            Some(id) => write_file(&data.blobs().join(Blobs::path(id)), from),
            None if name == DATABASE => write_file(dump, from),
            None => Ok(()),
        })?;
        Ok(())
    }

    /// Restores the database, and looks whether everything is there.
    async fn fill(
        &self,
        data: &Data,
        dump: &Path,
        manifest: &Manifest,
        cancel: &CancellationToken,
    ) -> anyhow::Result<()> {
        let options = super::postgres(self.environment, data.root());
        let tools = Tools::find(&options, manifest.postgres).map_err(|error| trouble(&error))?;
        let postgres = freehold_postgres::start(options, cancel.clone())
            .await
            .map_err(|error| trouble(&error))?;
        let filled = async {
            freehold_postgres::restore(&tools, &postgres.owner_url(), dump, cancel)
                .await
                .map_err(|error| trouble(&error))?;
            unless(cancel, self.compare(data, &postgres, manifest)).await??;
            let store = Store::connect(&postgres.app_url(), 1).await?;
            // Whoever remembers the old line shall see that this is not it.
            let line = LineageId::new(&SystemClock, &SystemEntropy);
            let begun = store.lineage_begin(line).await;
            let blobs = Blobs::directory(&data.blobs(), Sharing::One)?;
            let adopted = store.content_adopt(&blobs).await;
            store.close().await;
            adopted?;
            anyhow::Ok(begun?)
        };
        let filled = filled.await;
        postgres.stop().await;
        filled
    }

    async fn compare(
        &self,
        data: &Data,
        postgres: &Postgres,
        manifest: &Manifest,
    ) -> anyhow::Result<()> {
        let mut snapshot = Snapshot::open(&postgres.owner_url()).await?;
        let counts = snapshot.counts().await?;
        let rows = snapshot.blobs().await?;
        snapshot.close().await?;
        if counts != manifest.rows {
            let differs = |(table, count): (&String, &u64)| {
                (counts.get(table) != Some(count)).then(|| table.clone())
            };
            let tables: Vec<String> = manifest.rows.iter().filter_map(differs).collect();
            let what = format!(
                "restored, these tables have other rows: {}",
                tables.join(", ")
            );
            return Err(damaged(self.from, &what).into());
        }
        let missing: BTreeSet<BlobId> = manifest.missing_blobs.iter().copied().collect();
        for row in rows.iter().filter(|row| !missing.contains(&row.id)) {
            let path = data.blobs().join(Blobs::path(row.id));
            if !path.is_file() {
                let what = format!("a row names {}, which is not in it", row.id);
                return Err(damaged(self.from, &what).into());
            }
        }
        Ok(())
    }
}

fn require_empty(target: &Path) -> Result<(), Failure> {
    let refused = |what: &str| {
        Failure::new(
            Exit::Failed,
            "not_empty",
            format!("{} {what}", target.display()),
            "name a new folder: `--data DIR`; what is there is left alone",
        )
    };
    // What is built beside it could not be moved over either of these.
    if let Ok(found) = fs::symlink_metadata(target) {
        if found.is_symlink() {
            return Err(refused("is a symbolic link"));
        }
        let above = target.parent().and_then(|above| fs::metadata(above).ok());
        if above.is_some_and(|above| above.dev() != found.dev()) {
            return Err(refused("is a mount point: a folder in it will do"));
        }
    }
    match fs::read_dir(target) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(refused("is not empty")),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotADirectory => Err(refused("is no folder")),
        Err(error) => Err(failed("read", target, &error)),
    }
}

/// Makes the folder beside the target, so that a rename is all that is left to do.
fn begin(target: &Path) -> Result<Building, Failure> {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.restoring", std::process::id()));
    let path = target.with_file_name(name);
    let make = || {
        if let Some(parent) = target.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(parent)?;
        }
        DirBuilder::new().mode(0o700).create(&path)
    };
    make().map_err(|error: io::Error| failed("made", &path, &error))?;
    Ok(Building {
        path,
        is_done: false,
    })
}

fn write_file(path: &Path, from: &mut dyn Read) -> Result<(), Failure> {
    let write = || {
        if let Some(parent) = path.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(parent)?;
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        io::copy(from, &mut file).map(drop)
    };
    let mut write = write;
    write().map_err(|error| failed("written", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_moved_over_is_refused_first() {
        let home = tempfile::tempdir().unwrap();
        let (folder, link) = (home.path().join("folder"), home.path().join("link"));
        require_empty(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        require_empty(&folder).unwrap();
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        let said = |target: &Path| require_empty(target).unwrap_err().message;
        assert!(said(&link).contains("symbolic link"));
        assert!(said(Path::new("/proc")).contains("mount point"));
        fs::write(folder.join("x"), "x").unwrap();
        assert!(said(&folder).contains("not empty"));
    }
}
