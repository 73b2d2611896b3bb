//! A backup as a file: a tar archive whose last entry says what the others are. Cut short anywhere it
//! lacks that entry, and is no backup.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use freehold_model::{BlobId, LineageId};
use freehold_store::{BLOB_MAX, Blobs, Counts};
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use super::super::data::{SEAL_KEY, sync_parent};
use crate::failure::{Exit, Failure};

/// What a later layout of the file changes.
pub(super) const FORMAT: u32 = 1;
/// The dump of the database.
pub(super) const DATABASE: &str = "database.dump";
/// The folder of blobs.
const BLOBS: &str = "blobs/";
/// The last entry.
const MANIFEST: &str = "manifest.json";
/// Largest manifest that is read: two million blobs.
const MANIFEST_MAX: u64 = 256 << 20;
/// Bytes that are read and written at a time.
const CHUNK: usize = 1 << 18;

/// What a backup is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// The file's layout.
    pub(crate) format: u32,
    /// The program that made it.
    pub(crate) freehold: String,
    /// When.
    pub(crate) made_at: DateTime<Utc>,
    /// The database's major version.
    pub(crate) postgres: u32,
    /// The version of the schema.
    pub(crate) schema: i64,
    /// The database's line of history.
    pub(crate) lineage: LineageId,
    /// How far it had come.
    pub(crate) seq: u64,
    /// Rows of each table.
    pub(crate) rows: Counts,
    /// SHA-256 of the public part of the server's key, so that the right one is known.
    pub(crate) seal_key: String,
    /// Whether that key is in the file.
    pub(crate) has_keys: bool,
    /// Blobs that rows name and that were not there: damage from before the backup.
    pub(crate) missing_blobs: Vec<BlobId>,
    /// All other entries, in their order.
    pub(crate) files: Vec<Entry>,
}

/// An entry of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Its name.
    pub(crate) path: String,
    /// In bytes.
    pub(crate) size: u64,
    /// In hexadecimal digits.
    pub(crate) sha256: String,
}

/// The name of a blob's entry.
pub(super) fn blob_path(id: BlobId) -> String {
    format!("{BLOBS}{}", Blobs::path(id))
}

/// The blob of an entry's name.
pub(super) fn blob_of(path: &str) -> Option<BlobId> {
    let id = path.strip_prefix(BLOBS)?.rsplit('/').next()?.parse().ok()?;
    (blob_path(id) == path).then_some(id)
}

/// SHA-256 in hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(ring::digest::digest(&SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A read or a write of a file did not work.
pub(super) fn failed(what: &str, path: &Path, error: &io::Error) -> Failure {
    let message = format!("{} cannot be {what}: {error}", path.display());
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Failure::new(
            Exit::Failed,
            "disk_full",
            message,
            "free some space there, or name another place; nothing was left behind",
        ),
        _ => Failure::new(
            Exit::Failed,
            "backup_file",
            message,
            "mend that, or name another place",
        ),
    }
}

/// The file is no backup, or is not what it was.
pub(super) fn damaged(path: &Path, what: &str) -> Failure {
    Failure::new(
        Exit::Failed,
        "backup_damaged",
        format!("{} is not a whole backup: {what}", path.display()),
        "use another one",
    )
}

/// Counts and hashes what goes through it.
struct Hashed<I> {
    inner: I,
    context: Context,
    size: u64,
}

impl<I> Hashed<I> {
    fn new(inner: I) -> Self {
        Self {
            inner,
            context: Context::new(&SHA256),
            size: 0,
        }
    }

    fn entry(self, path: &str) -> Entry {
        Entry {
            path: path.to_owned(),
            size: self.size,
            sha256: hex(self.context.finish().as_ref()),
        }
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.context.update(buffer.get(..read).unwrap_or_default());
        self.size += read as u64;
        Ok(read)
    }
}

/// A backup that is being written, under another name than the one it will have. Dropped before
/// [`Writer::finish`], it leaves nothing.
pub(super) struct Writer {
    target: PathBuf,
    partial: PathBuf,
    tar: tar::Builder<BufWriter<File>>,
    entries: Vec<Entry>,
    is_done: bool,
}

impl Writer {
    /// Begins; `target` must not exist.
    pub(super) fn begin(target: &Path) -> Result<Self, Failure> {
        let exists = || {
            Failure::new(
                Exit::Failed,
                "backup_exists",
                format!("{} exists already", target.display()),
                "name a new file, or a folder",
            )
        };
        if fs::symlink_metadata(target).is_ok() {
            return Err(exists());
        }
        let partial = partial(target, "partial");
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&partial)
            .map_err(|error| failed("written", &partial, &error))?;
        Ok(Self {
            target: target.to_owned(),
            partial,
            tar: tar::Builder::new(BufWriter::with_capacity(CHUNK, file)),
            entries: Vec::new(),
            is_done: false,
        })
    }

    /// Where a large part may lie until it is added.
    pub(super) fn aside(&self) -> PathBuf {
        partial(&self.target, "dump.partial")
    }

    /// Adds an entry.
    pub(super) fn add(&mut self, path: &str, bytes: &[u8]) -> Result<(), Failure> {
        self.add_from(path, bytes, bytes.len() as u64)
    }

    /// Adds a file's content as an entry.
    pub(super) fn add_file(&mut self, path: &str, from: &Path) -> Result<(), Failure> {
        let open = || {
            let file = File::open(from)?;
            let size = file.metadata()?.len();
            Ok((file, size))
        };
        let (file, size) = open().map_err(|error| failed("read", from, &error))?;
        self.add_from(path, BufReader::with_capacity(CHUNK, file), size)
    }

    fn add_from(&mut self, path: &str, from: impl Read, size: u64) -> Result<(), Failure> {
        let mut from = Hashed::new(from);
        self.append(path, &mut from, size)?;
        self.entries.push(from.entry(path));
        Ok(())
    }

    fn append(&mut self, path: &str, from: impl Read, size: u64) -> Result<(), Failure> {
        let mut header = tar::Header::new_ustar();
        header.set_size(size);
        header.set_mode(0o600);
        header.set_mtime(0);
        self.tar
            .append_data(&mut header, path, from)
            .map_err(|error| failed("written", &self.partial, &error))
    }

    /// Writes the manifest, has the disk keep everything, and gives the file its name.
    pub(super) fn finish(self, manifest: Manifest) -> Result<Manifest, Failure> {
        self.finish_within(manifest, MANIFEST_MAX)
    }

    fn finish_within(mut self, mut manifest: Manifest, max: u64) -> Result<Manifest, Failure> {
        manifest.files = std::mem::take(&mut self.entries);
        let text = serde_json::to_vec(&manifest)
            .map_err(|error| failed("written", &self.partial, &error.into()))?;
        // Whoever makes it is told, and not whoever needs it.
        if text.len() as u64 > max {
            return Err(Failure::new(
                Exit::Failed,
                "backup_file",
                format!(
                    "{} blobs are more than one file can list: the list would have {} bytes, and may have {max}",
                    manifest.files.len(),
                    text.len()
                ),
                "back up the database with pg_dump, and after that the content with its own means",
            ));
        }
        self.append(MANIFEST, &*text, text.len() as u64)?;
        let write = || {
            self.tar.finish()?;
            let writer = self.tar.get_mut();
            writer.flush()?;
            writer.get_ref().sync_all()?;
            // Fails where somebody has made the name meanwhile.
            fs::hard_link(&self.partial, &self.target)?;
            fs::remove_file(&self.partial)?;
            sync_parent(&std::path::absolute(&self.target)?)
        };
        let mut write = write;
        write().map_err(|error| failed("written", &self.target, &error))?;
        self.is_done = true;
        Ok(manifest)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(fs::remove_file(self.aside()));
        if !self.is_done {
            drop(fs::remove_file(&self.partial));
        }
    }
}

/// A name beside it that no other process uses.
fn partial(target: &Path, suffix: &str) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.{suffix}", std::process::id()));
    target.with_file_name(name)
}

/// Reads all of a backup, hands each entry to `take`, which may read it, and gives the manifest once
/// everything was found to be as it says.
pub(super) fn read(
    path: &Path,
    mut take: impl FnMut(&str, &mut dyn Read) -> Result<(), Failure>,
) -> Result<Manifest, Failure> {
    let file = File::open(path).map_err(|error| failed("read", path, &error))?;
    let mut tar = tar::Archive::new(BufReader::with_capacity(CHUNK, file));
    let torn = |_| damaged(path, "it ends too soon, or is no backup at all");
    let mut found = Vec::new();
    let mut manifest = None;
    for entry in tar.entries().map_err(torn)? {
        let mut entry = entry.map_err(torn)?;
        if manifest.is_some() {
            return Err(damaged(path, "something stands behind its end"));
        }
        let name = String::from_utf8(entry.path_bytes().into_owned())
            .map_err(|_| damaged(path, "an entry's name is not text"))?;
        if !entry.header().entry_type().is_file() {
            return Err(damaged(path, "it holds something else than files"));
        }
        if name == MANIFEST {
            manifest = Some(manifest_of(path, &mut entry)?);
            continue;
        }
        if !is_ours(&name) || (blob_of(&name).is_some() && entry.size() > 2 * BLOB_MAX as u64) {
            return Err(damaged(path, "it holds an entry that no backup has"));
        }
        let mut hashed = Hashed::new(entry);
        take(&name, &mut hashed)?;
        // What was not wanted is looked through all the same.
        io::copy(&mut hashed, &mut io::sink()).map_err(torn)?;
        found.push(hashed.entry(&name));
    }
    let manifest: Manifest =
        manifest.ok_or_else(|| damaged(path, "its end is missing: it was cut short"))?;
    check(path, &manifest, &found)?;
    Ok(manifest)
}

/// Names are made by us alone, so that nothing can be unpacked to elsewhere.
fn is_ours(name: &str) -> bool {
    name == DATABASE || name == SEAL_KEY || blob_of(name).is_some()
}

fn manifest_of(path: &Path, entry: &mut impl Read) -> Result<Manifest, Failure> {
    #[derive(Deserialize)]
    struct Head {
        format: u32,
    }
    let mut text = Vec::new();
    let read = entry.take(MANIFEST_MAX).read_to_end(&mut text);
    read.map_err(|_| damaged(path, "its end is missing: it was cut short"))?;
    let unreadable = |_| damaged(path, "its manifest cannot be read");
    let head: Head = serde_json::from_slice(&text).map_err(unreadable)?;
    if head.format > FORMAT {
        return Err(newer(format!(
            "{} has layout {}, and this program knows layouts up to {FORMAT}",
            path.display(),
            head.format
        )));
    }
    serde_json::from_slice(&text).map_err(unreadable)
}

/// Made by a later program.
pub(super) fn newer(message: String) -> Failure {
    let next = "use the program that made it, or a later one";
    Failure::new(Exit::Failed, "backup_newer", message, next)
}

/// Whether what was found is what the manifest says, and what a backup must have.
fn check(path: &Path, manifest: &Manifest, found: &[Entry]) -> Result<(), Failure> {
    let said: BTreeMap<&str, &Entry> = manifest.files.iter().map(|e| (&*e.path, e)).collect();
    for entry in found {
        if said.get(&*entry.path) != Some(&entry) {
            let what = format!("{} is not what it was", entry.path);
            return Err(damaged(path, &what));
        }
    }
    let names: BTreeSet<&str> = found.iter().map(|entry| &*entry.path).collect();
    let lacks = |name: &str| !names.contains(name);
    if names.len() != found.len() || said.len() != found.len() || lacks(DATABASE) {
        return Err(damaged(path, "an entry is missing, or there twice"));
    }
    if manifest.has_keys == lacks(SEAL_KEY) {
        return Err(damaged(path, "the server's key is not there as it says"));
    }
    let blobs = names.iter().filter(|name| blob_of(name).is_some()).count();
    let rows = manifest.rows.get("blobs").copied().unwrap_or(0);
    if (blobs + manifest.missing_blobs.len()) as u64 != rows {
        let what = format!("it has {blobs} blobs, and {rows} rows that name one each");
        return Err(damaged(path, &what));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(n: u8) -> BlobId {
        BlobId::at(DateTime::UNIX_EPOCH, [n; 10])
    }

    fn manifest(blobs: u64) -> Manifest {
        Manifest {
            format: FORMAT,
            freehold: "0".into(),
            made_at: DateTime::UNIX_EPOCH,
            postgres: 15,
            schema: 9,
            lineage: LineageId::at(DateTime::UNIX_EPOCH, [1; 10]),
            seq: 7,
            rows: [("blobs".to_owned(), blobs)].into(),
            seal_key: sha256(b"key"),
            has_keys: true,
            missing_blobs: vec![],
            files: vec![],
        }
    }

    fn made(path: &Path, rows: u64) {
        let mut writer = Writer::begin(path).unwrap();
        fs::write(writer.aside(), "rows").unwrap();
        writer.add_file(DATABASE, &writer.aside()).unwrap();
        writer.add(&blob_path(blob(1)), &[1; 5000]).unwrap();
        writer.add(&blob_path(blob(2)), b"").unwrap();
        writer.add(SEAL_KEY, &[9; 32]).unwrap();
        writer.finish(manifest(rows)).unwrap();
    }

    fn look(path: &Path) -> Result<Manifest, String> {
        read(path, |_, _| Ok(())).map_err(|failure| failure.code)
    }

    #[test]
    fn what_was_written_is_read_back_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b");
        made(&path, 2);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        let mut seen = vec![];
        let manifest = read(&path, |name, from| {
            let mut bytes = vec![];
            from.read_to_end(&mut bytes).unwrap();
            seen.push((name.to_owned(), bytes.len()));
            Ok(())
        })
        .unwrap();
        let files: Vec<_> = manifest
            .files
            .iter()
            .map(|e| (e.path.clone(), e.size as usize))
            .collect();
        assert_eq!((seen.len(), &seen), (4, &files));
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "it holds a key");
    }

    #[test]
    fn a_backup_that_is_cut_or_changed_anywhere_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b");
        made(&path, 2);
        let whole = fs::read(&path).unwrap();
        look(&path).unwrap();
        let end = whole.iter().rposition(|byte| *byte != 0).unwrap();
        for cut in (0..=end).step_by(97) {
            fs::write(&path, &whole[..cut]).unwrap();
            assert_eq!(look(&path).unwrap_err(), "backup_damaged", "cut at {cut}");
        }
        // Padding between entries is all that may change unseen.
        let mut unseen = 0;
        for at in (0..=end).step_by(31) {
            let mut changed = whole.clone();
            changed[at] ^= 0x20;
            fs::write(&path, &changed).unwrap();
            unseen += usize::from(look(&path).is_ok());
        }
        assert!(
            unseen * 31 < 6 * 512,
            "{unseen} changes of {end} bytes went unseen"
        );
        let mut content = whole.clone();
        let at = content
            .windows(16)
            .position(|window| window == [1; 16])
            .unwrap();
        content[at] = 2;
        fs::write(&path, &content).unwrap();
        assert_eq!(look(&path).unwrap_err(), "backup_damaged");
    }

    #[test]
    fn a_row_without_its_blob_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        made(&dir.path().join("b"), 3);
        assert_eq!(look(&dir.path().join("b")).unwrap_err(), "backup_damaged");
    }

    #[test]
    fn what_fails_or_exists_leaves_all_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b");
        let mut writer = Writer::begin(&path).unwrap();
        fs::write(writer.aside(), "rows").unwrap();
        writer.add(DATABASE, b"rows").unwrap();
        drop(writer);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        fs::write(&path, "mine").unwrap();
        assert_eq!(Writer::begin(&path).err().unwrap().code, "backup_exists");
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }

    #[test]
    fn a_list_that_could_not_be_read_again_is_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b");
        let finished = |max| {
            let mut writer = Writer::begin(&path).unwrap();
            writer.add(DATABASE, b"rows").unwrap();
            writer.add(SEAL_KEY, &[9; 32]).unwrap();
            writer.finish_within(manifest(0), max)
        };
        let mut whole = manifest(0);
        whole.files = finished(MANIFEST_MAX).unwrap().files;
        let size = serde_json::to_vec(&whole).unwrap().len() as u64;
        fs::remove_file(&path).unwrap();
        assert_eq!(finished(size - 1).unwrap_err().code, "backup_file");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        finished(size).unwrap();
        look(&path).unwrap();
    }

    #[test]
    fn a_full_disk_is_called_that() {
        // Every write to it says so.
        let file = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut tar = tar::Builder::new(BufWriter::with_capacity(0, file));
        let error = tar
            .append_data(&mut tar::Header::new_ustar(), "x", &b""[..])
            .unwrap_err();
        assert_eq!(failed("written", Path::new("x"), &error).code, "disk_full");
    }

    #[test]
    fn names_that_lead_elsewhere_are_no_names() {
        assert_eq!(blob_of(&blob_path(blob(3))), Some(blob(3)));
        for name in [
            "blobs/../../x",
            "/etc/passwd",
            "blobs/zz/blob_00000000000000000000000000",
            "keys/other.key",
        ] {
            assert!(!is_ours(name), "{name}");
        }
    }
}
