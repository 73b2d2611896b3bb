//! Files in Git LFS: fetched outside of every sandbox, checked, and put where their pointers were.
//!
//! git-lfs never sees a file of the repository: it fetches for a tree of pointers that is made here, in
//! a git directory without a commit, so that no `.lfsconfig` is read. The objects stay beside the
//! store's repository, in `lfs/`, by their sha256.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ring::digest;

use crate::lock::Hold;
use crate::process::{Call, Input};
use crate::read::{MAX_LIST, fields};
use crate::workspace::{Look, Shape, bytes_of, remove_tree};
use crate::{GitError, Oid, Remote, Result, Store};

/// The first line of a pointer (Git LFS, docs/spec.md).
const VERSION: &str = "version https://git-lfs.github.com/spec/v1";
/// A pointer is shorter (the same).
const POINTER_MAX: u64 = 1024;
/// How many files that may be pointers are read at once.
const READ_AT_ONCE: usize = 100_000;
/// What a download may write beyond the objects' own bytes: names, half an answer.
const SLACK: u64 = 16 << 20;
/// How often what a download has written is measured.
const MEASURE_EVERY: Duration = Duration::from_millis(200);
/// Progress of an hour.
const SAID_MAX: usize = 64 << 20;

/// Whether and how files in Git LFS are fetched.
#[derive(Clone, Copy, Debug)]
pub struct Lfs<'a> {
    /// Where the objects are; `None`: where git-lfs looks for them by the remote's address alone.
    pub url: Option<&'a Remote>,
    /// Most bytes of one commit's files, and of what is kept for later ones.
    pub bytes: u64,
}

/// Which filters a git directory of ours has for files in Git LFS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filters {
    /// The host's: pointers become files by [`OBJECTS_VARIABLE`], or the command fails.
    Host,
    /// An agent's: a file is taken for its pointer, and pointers stay.
    Agent,
}

/// Names the folder of the objects to the filter.
pub(crate) const OBJECTS_VARIABLE: &str = "FREEHOLD_LFS";

/// Standard input is the pointer, or a file that was never made one. What is no object here stays.
const SMUDGE: &str = r#"[ -n "$FREEHOLD_LFS" ] || exec cat; t=$(mktemp -p "$FREEHOLD_LFS" read.XXXXXX) || exit 1; trap 'rm -f "$t"' EXIT; cat >"$t" || exit 1; o=; [ "$(wc -c <"$t")" -ge 1024 ] || o=$(sed -n 's/^oid sha256:\([0-9a-f]\{64\}\)$/\1/p' "$t" | head -n 1); if [ -n "$o" ] && [ -f "$FREEHOLD_LFS/$o" ]; then cat "$FREEHOLD_LFS/$o"; else cat "$t"; fi"#;

/// The pointer of standard input; a pointer and nothing are their own, and so is a file that was
/// committed as it is, under whatever attributes.
const CLEAN: &str = r#"p=PATH_OF_IT; t=$(mktemp) || exit 1; trap 'rm -f "$t"' EXIT; cat >"$t" || exit 1; n=$(wc -c <"$t" | tr -d ' '); if [ "$n" = 0 ]; then exit 0; fi; if [ "$n" -lt 1024 ] && grep -qx 'version https://git-lfs.github.com/spec/v1' "$t"; then cat "$t"; exit; fi; o=$(git rev-parse -q --verify ":0:$p") && [ "$o" = "$(git hash-object --no-filters --stdin <"$t")" ] && { cat "$t"; exit; }; h=$(sha256sum <"$t") || exit 1; printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %s\n' "${h%% *}" "$n""#;

impl Filters {
    /// A section of a git directory's configuration.
    pub(crate) fn config(self) -> String {
        let required = self == Self::Host;
        // `%%` is git's own word for a percent sign in a filter.
        let quoted = |script: &str| {
            let script = script.replace('%', "%%").replace("PATH_OF_IT", "%f");
            crate::stage::quoted(&script)
        };
        format!(
            "[filter \"lfs\"]\n\tsmudge = {}\n\tclean = {}\n\trequired = {required}\n",
            quoted(SMUDGE),
            quoted(CLEAN)
        )
    }
}

/// The objects of one commit in a folder that is gone when dropped.
pub(crate) struct Objects {
    pub(crate) dir: PathBuf,
}

impl Drop for Objects {
    fn drop(&mut self) {
        if let Err(error) = remove_tree(&self.dir) {
            tracing::debug!(%error, "a folder of objects goes with the next opening of the store");
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pointer {
    oid: String,
    size: u64,
}

impl Pointer {
    fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() as u64 >= POINTER_MAX {
            return None;
        }
        let mut lines = std::str::from_utf8(bytes).ok()?.lines();
        if lines.next()? != VERSION {
            return None;
        }
        let (mut oid, mut size) = (None, None);
        for line in lines {
            match line.split_once(' ')? {
                ("oid", value) if oid.is_none() => oid = Some(value.strip_prefix("sha256:")?),
                ("size", value) if size.is_none() => size = Some(value.parse().ok()?),
                ("oid" | "size", _) => return None,
                _ => {}
            }
        }
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let oid = oid.filter(|oid| oid.len() == 64 && oid.bytes().all(is_hex))?;
        Some(Self {
            oid: oid.to_owned(),
            size: size?,
        })
    }
}

/// A plain file of a commit.
struct Entry {
    blob: Oid,
    size: u64,
    path: Vec<u8>,
}

/// Reads `<mode> blob <oid> <size>\t<path>`.
fn entry(line: &[u8]) -> Option<Entry> {
    let tab = line.iter().position(|byte| *byte == b'\t')?;
    let mut words = std::str::from_utf8(line.get(..tab)?)
        .ok()?
        .split_ascii_whitespace();
    if !words.next()?.starts_with("100") || words.next()? != "blob" {
        return None;
    }
    Some(Entry {
        blob: Oid::parse(words.next()?).ok()?,
        size: words.next()?.parse().ok()?,
        path: line.get(tab + 1..)?.to_vec(),
    })
}

fn failed(why: impl Into<String>) -> GitError {
    GitError::Lfs { why: why.into() }
}

impl Store {
    async fn entries(&self, hold: &Hold, at: &Oid) -> Result<Vec<Entry>> {
        let args = ["ls-tree", "-r", "-l", "-z", "--full-tree", at.as_str()];
        let doing = "looking for files in Git LFS";
        let list = self.listed(hold, doing, &args, MAX_LIST).await?;
        Ok(fields(&list).filter_map(entry).collect())
    }

    /// Which of these small files are pointers.
    async fn pointers(&self, hold: &Hold, small: Vec<Oid>) -> Result<BTreeMap<Oid, Pointer>> {
        let mut found = BTreeMap::new();
        for some in small.chunks(READ_AT_ONCE) {
            let names: String = some.iter().map(|oid| format!("{oid}\n")).collect();
            let doing = "looking for files in Git LFS";
            let call = self.call(hold, doing, ["cat-file", "--batch"])?;
            let call = call.input(Input::Bytes(names.into_bytes())).limit(MAX_LIST);
            let all = self.done(call).await?.stdout;
            let mut rest = all.as_slice();
            for oid in some {
                let Some((content, after)) = content(rest) else {
                    return Err(failed("git's list of them cannot be read"));
                };
                rest = after;
                if let Some(pointer) = Pointer::parse(content) {
                    found.insert(oid.clone(), pointer);
                }
            }
        }
        Ok(found)
    }

    async fn pointers_among(
        &self,
        hold: &Hold,
        entries: &[Entry],
    ) -> Result<BTreeMap<Oid, Pointer>> {
        let small: BTreeSet<Oid> = entries
            .iter()
            .filter(|entry| entry.size < POINTER_MAX)
            .map(|entry| entry.blob.clone())
            .collect();
        self.pointers(hold, small.into_iter().collect()).await
    }

    /// What the files of a commit in Git LFS really are, fetched where it is not here.
    pub(crate) async fn lfs_objects(
        &self,
        hold: &Hold,
        at: &Oid,
        shape: &Shape,
        lfs: &Lfs<'_>,
    ) -> Result<Objects> {
        let mut entries = self.entries(hold, at).await?;
        entries.retain(|entry| shape.holds(&entry.path));
        let wanted: BTreeMap<String, (u64, Oid)> = self
            .pointers_among(hold, &entries)
            .await?
            .into_iter()
            .map(|(blob, pointer)| (pointer.oid, (pointer.size, blob)))
            .collect();
        let size = |all: &BTreeMap<String, (u64, Oid)>| {
            all.values()
                .fold(0_u64, |sum, (size, _)| sum.saturating_add(*size))
        };
        if size(&wanted) > lfs.bytes {
            return Err(failed(format!(
                "those of commit {at} have {} bytes, and this machine's owner allows {}",
                size(&wanted),
                lfs.bytes
            )));
        }
        let io = || GitError::io("keeping files in Git LFS");
        let kept = self.dir().join("lfs");
        fs::create_dir_all(&kept).map_err(io())?;
        let is_here = |oid: &String, size: u64| {
            fs::symlink_metadata(kept.join(oid))
                .is_ok_and(|meta| meta.is_file() && meta.len() == size)
        };
        let mut missing = wanted.clone();
        missing.retain(|oid, (size, _)| !is_here(oid, *size));
        if !missing.is_empty() {
            self.lfs_fetch(hold, &missing, size(&missing), lfs, &kept)
                .await?;
        }
        let objects = Objects {
            dir: self.temporary(hold)?,
        };
        fs::create_dir(&objects.dir).map_err(io())?;
        for oid in wanted.keys() {
            fs::hard_link(kept.join(oid), objects.dir.join(oid)).map_err(io())?;
        }
        trim(&kept, lfs.bytes, &wanted).map_err(io())?;
        Ok(objects)
    }

    async fn lfs_fetch(
        &self,
        hold: &Hold,
        missing: &BTreeMap<String, (u64, Oid)>,
        bytes: u64,
        lfs: &Lfs<'_>,
        kept: &Path,
    ) -> Result<()> {
        let paths = std::env::split_paths(&self.git.options().path_env);
        if !paths
            .filter(|dir| dir.is_absolute())
            .any(|dir| dir.join("git-lfs").is_file())
        {
            return Err(failed(
                "git-lfs is not installed on the runner's machine (Debian, Ubuntu: apt-get install git-lfs)",
            ));
        }
        let io = || GitError::io("fetching files in Git LFS");
        let work = Objects {
            dir: self.temporary(hold)?,
        };
        // In its own place: as a setting it would count for a remote on the disk as well.
        let git_dir = work.dir.join("git");
        let storage = git_dir.join("lfs");
        fs::create_dir_all(&storage).map_err(io())?;
        let look = Look {
            shape: &Shape::whole(),
            remote: None,
            lfs: None,
        };
        self.lay_out(&git_dir, None, &look)?;
        self.borrow(&git_dir, &self.objects())?;
        let tree: String = missing
            .iter()
            .map(|(oid, (_, blob))| format!("100644 blob {blob}\t{oid}\n"))
            .collect();
        let call = self
            .call(hold, "listing files in Git LFS", ["mktree"])?
            .env("GIT_DIR", &git_dir)
            .input(Input::Bytes(tree.into_bytes()));
        let tree = Oid::from_output(&self.done(call).await?.stdout)?;
        let call = lfs_call(self.remote(), lfs.url, &tree).env("GIT_DIR", &git_dir);
        tokio::select! {
            done = self.git.run(call) => {
                let output = done?;
                if output.code != Some(0) {
                    return Err(failed(crate::said::text(&output.stderr)));
                }
            }
            () = grown(&storage, bytes.saturating_add(SLACK)) => {
                return Err(failed(format!("more came than the {bytes} bytes that the pointers name")));
            }
        }
        let found: Vec<(String, u64)> = missing
            .iter()
            .map(|(oid, (size, _))| (oid.clone(), *size))
            .collect();
        let kept = kept.to_owned();
        let keeping = tokio::task::spawn_blocking(move || {
            // Until here: it holds what is moved.
            let work = work;
            found
                .iter()
                .try_for_each(|(oid, size)| keep(&work.dir.join("git/lfs"), oid, *size, &kept))
        });
        keeping
            .await
            .map_err(io::Error::other)
            .map_err(GitError::io("keeping files in Git LFS"))?
    }

    /// The first file of commits in `base..head` that changes what is in Git LFS, whose objects nobody
    /// would push: a new pointer, or other bytes in the place of one. What was fetched of the remote's
    /// branches counts as theirs. `None` where there is none.
    ///
    /// # Errors
    /// [`GitError::Corrupt`], [`GitError::TooLarge`], [`GitError::Io`].
    pub async fn lfs_changed(&self, base: Option<&Oid>, head: &Oid) -> Result<Option<PathBuf>> {
        let hold = self.hold().await?;
        let path = |bytes: &[u8]| Some(std::ffi::OsString::from_vec(bytes.to_vec()).into());
        let mut theirs = BTreeSet::new();
        let mut paths = BTreeSet::new();
        if let Some(base) = base {
            let entries = self.entries(&hold, base).await?;
            let pointers = self.pointers_among(&hold, &entries).await?;
            let of_pointers = entries
                .into_iter()
                .filter(|entry| pointers.contains_key(&entry.blob));
            paths.extend(of_pointers.map(|entry| entry.path));
            theirs.extend(pointers.into_values().map(|pointer| pointer.oid));
        }
        let entries = self.entries(&hold, head).await?;
        let pointers = self.pointers_among(&hold, &entries).await?;
        for entry in &entries {
            let is_pointer = pointers.contains_key(&entry.blob);
            if paths.contains(&entry.path) && !is_pointer {
                return Ok(path(&entry.path));
            }
        }
        // Of every commit, not the last alone: each is pushed.
        let doing = "looking through the commits";
        let args = [
            "rev-list",
            "--objects",
            head.as_str(),
            "--not",
            "--glob=refs/target/*",
        ];
        let mut call = self.call(&hold, doing, args)?.limit(MAX_LIST);
        if let Some(base) = base {
            call = call.arg(base.as_str());
        }
        let list = self.done(call).await?.stdout;
        let mut new: BTreeMap<Oid, Vec<u8>> = BTreeMap::new();
        for line in list.split(|byte| *byte == b'\n') {
            let space = line.iter().position(|byte| *byte == b' ');
            if let Some((name, rest)) = space.and_then(|at| line.split_at_checked(at))
                && let Ok(oid) = Oid::from_output(name)
            {
                new.insert(oid, rest.get(1..).unwrap_or_default().to_vec());
            }
        }
        let names: String = new.keys().map(|oid| format!("{oid}\n")).collect();
        let check = "--batch-check=%(objecttype) %(objectsize) %(objectname)";
        let call = self.call(&hold, doing, ["cat-file", check])?;
        let call = call.input(Input::Bytes(names.into_bytes())).limit(MAX_LIST);
        let sizes = self.done(call).await?.stdout;
        let small: Vec<Oid> = String::from_utf8_lossy(&sizes)
            .lines()
            .filter_map(|line| {
                let (size, oid) = line.strip_prefix("blob ")?.split_once(' ')?;
                let is_small = size.parse::<u64>().ok()? < POINTER_MAX;
                Oid::parse(oid).ok().filter(|_| is_small)
            })
            .collect();
        let pointers = self.pointers(&hold, small).await?;
        let first = pointers
            .iter()
            .find(|(_, pointer)| !theirs.contains(&pointer.oid));
        Ok(first.and_then(|(blob, _)| new.get(blob).and_then(|name| path(name))))
    }
}

/// Reads `<oid> blob <size>\n<content>\n`.
fn content(from: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = from.iter().position(|byte| *byte == b'\n')?;
    let head = std::str::from_utf8(from.get(..line)?).ok()?;
    let size: usize = head.rsplit_once(' ')?.1.parse().ok()?;
    let from = from.get(line + 1..)?;
    Some((from.get(..size)?, from.get(size + 1..)?))
}

/// Nothing is left to what a repository or a machine says: where, and by which means.
fn lfs_call(remote: &Remote, url: Option<&Remote>, tree: &Oid) -> Call {
    let mut args: Vec<std::ffi::OsString> = vec![];
    let local = |text: &str| match text.starts_with('/') {
        true => format!("file://{text}"),
        false => text.to_owned(),
    };
    let mut settings = vec![format!("remote.origin.url={}", local(remote.as_str()))];
    settings.extend(url.map(|url| format!("lfs.url={}", local(url.as_str()))));
    settings.extend(
        [
            "lfs.basictransfersonly=true",
            "lfs.concurrenttransfers=4",
            "lfs.dialtimeout=20",
            "lfs.transfer.maxretries=3",
            "lfs.ssh.automultiplex=false",
            "lfs.skipdownloaderrors=false",
            "lfs.fetchinclude=",
            "lfs.fetchexclude=",
            "lfs.fetchrecentalways=false",
        ]
        .map(str::to_owned),
    );
    for setting in settings {
        args.extend(["-c".into(), setting.into()]);
    }
    args.extend(["lfs", "fetch", "origin", tree.as_str()].map(Into::into));
    Call::new("fetching files in Git LFS", args)
        .env("GIT_LFS_FORCE_PROGRESS", "1")
        .network(remote)
        .limit(SAID_MAX)
}

/// Ends when a folder holds more.
async fn grown(dir: &Path, most: u64) {
    loop {
        tokio::time::sleep(MEASURE_EVERY).await;
        let dir = dir.to_owned();
        let now = tokio::task::spawn_blocking(move || bytes_of(&dir)).await;
        if now.is_ok_and(|now| now > most) {
            return;
        }
    }
}

/// Checks an object and moves it to those that are kept. Blocks.
fn keep(storage: &Path, oid: &str, size: u64, kept: &Path) -> Result<()> {
    let io = || GitError::io("keeping files in Git LFS");
    let (first, second) = (oid.get(..2), oid.get(2..4));
    let from = storage
        .join("objects")
        .join(first.unwrap_or_default())
        .join(second.unwrap_or_default())
        .join(oid);
    let mut file = match File::open(&from) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(failed(format!("the remote does not have {oid}")));
        }
        Err(error) => return Err(io()(error)),
    };
    let mut hash = digest::Context::new(&digest::SHA256);
    let mut buffer = vec![0; 256 << 10];
    let mut length = 0;
    loop {
        let n = file.read(&mut buffer).map_err(io())?;
        if n == 0 {
            break;
        }
        length += n as u64;
        hash.update(buffer.get(..n).unwrap_or_default());
    }
    let found: String = hash
        .finish()
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if found != oid || length != size {
        return Err(failed(format!(
            "what came for {oid} is not what the pointer names"
        )));
    }
    fs::rename(&from, kept.join(oid)).map_err(io())
}

/// Removes the oldest that are not wanted while there are more bytes than `most`.
fn trim(kept: &Path, most: u64, wanted: &BTreeMap<String, (u64, Oid)>) -> io::Result<()> {
    let mut all = Vec::new();
    let mut total = 0_u64;
    for entry in fs::read_dir(kept)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        total = total.saturating_add(meta.len());
        let is_wanted = entry
            .file_name()
            .to_str()
            .is_some_and(|name| wanted.contains_key(name));
        if !is_wanted {
            all.push((meta.modified()?, meta.len(), entry.path()));
        }
    }
    all.sort();
    for (_, size, path) in all {
        if total <= most {
            break;
        }
        fs::remove_file(path)?;
        total = total.saturating_sub(size);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_and_what_is_none() {
        let oid = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";
        let text = format!("{VERSION}\noid sha256:{oid}\nsize 12345\n");
        let size = 12345;
        let oid_is = oid.to_owned();
        let pointer = Pointer { oid: oid_is, size };
        assert_eq!(Pointer::parse(text.as_bytes()), Some(pointer.clone()));
        let extended = text.replace("\noid", "\next-0-foo sha256:aa\noid");
        assert_eq!(Pointer::parse(extended.as_bytes()), Some(pointer));
        for bad in [
            String::new(),
            text.replace("v1", "v2"),
            text.replace("size 12345\n", ""),
            text.replace("size 12345", "size -1"),
            text.replace("sha256", "sha1"),
            text.replace("4d7a", "../a"),
            text.replace("4d7a", "4D7A"),
            format!("{text}size 1\n"),
            format!("{text}{}", "x y\n".repeat(400)),
        ] {
            assert_eq!(Pointer::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn only_what_the_pointer_names_is_kept_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let (storage, kept) = (dir.path().join("s"), dir.path().join("kept"));
        fs::create_dir(&kept).unwrap();
        // Of `abc` (FIPS 180-2, B.1).
        let oid = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let place = storage.join("objects/ba/78");
        fs::create_dir_all(&place).unwrap();
        assert!(keep(&storage, oid, 3, &kept).is_err());
        for (bytes, size) in [("abd", 3), ("abc", 4), ("abcd", 3)] {
            fs::write(place.join(oid), bytes).unwrap();
            assert!(keep(&storage, oid, size, &kept).is_err(), "{bytes}");
            assert!(!kept.join(oid).exists());
        }
        fs::write(place.join(oid), "abc").unwrap();
        keep(&storage, oid, 3, &kept).unwrap();
        fs::write(kept.join("another"), "xyz").unwrap();
        let blob = Oid::parse(&"a".repeat(40)).unwrap();
        let wanted = BTreeMap::from([("another".to_owned(), (3, blob))]);
        trim(&kept, 6, &wanted).unwrap();
        assert!(kept.join(oid).exists());
        trim(&kept, 5, &wanted).unwrap();
        assert!(!kept.join(oid).exists() && kept.join("another").exists());
    }
}
