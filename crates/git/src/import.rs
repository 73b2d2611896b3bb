//! Taking an agent's commits into the clean store. Everything about them is hostile until checked.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::bundle::{Bundle, bad};
use crate::lock::Hold;
use crate::process::{Call, Input};
use crate::read::{MAX_LIST, fields};
use crate::{GitError, Oid, Result, RunRef, Store};

/// Longest path (PATH_MAX) and longest part of one (NAME_MAX): nothing longer can be checked out.
const MAX_PATH: usize = 4095;
const MAX_NAME: usize = 255;

/// Bounds on what one run may hand in.
#[derive(Clone, Copy, Debug)]
pub struct ImportLimits {
    /// Of the bundle file.
    pub bytes: u64,
    /// In its pack.
    pub objects: u64,
    /// Of one object, unpacked; also bounds git's memory per allocation.
    pub object_bytes: u64,
    /// New commits.
    pub commits: usize,
    /// Paths in the last commit, old and new.
    pub paths: usize,
    /// Parts of one path.
    pub depth: usize,
}

impl Default for ImportLimits {
    /// 2 GiB, a million objects, 512 MiB each, 10,000 commits, a million paths of 512 parts: beyond any honest run.
    fn default() -> Self {
        Self {
            bytes: 2 << 30,
            objects: 1_000_000,
            object_bytes: 512 << 20,
            commits: 10_000,
            paths: 1_000_000,
            depth: 512,
        }
    }
}

/// What was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The last commit.
    pub head: Oid,
    /// How many commits it has beyond the base.
    pub commits: usize,
}

/// An object directory of its own, removed unless its packs were moved out.
struct Quarantine {
    dir: PathBuf,
}

impl Drop for Quarantine {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.dir) {
            tracing::warn!(%error, "a quarantine was left behind; the next opening of the store removes it");
        }
    }
}

impl Store {
    /// Imports a bundle that an agent made: unpacked into a quarantine with every object checked
    /// (`index-pack --strict`), every link, path, size and the descent from `base`; only then moved
    /// into the store, and a private ref set last. The directory that holds `bundle` must be the host's.
    ///
    /// # Errors
    /// [`GitError::BadBundle`] or [`GitError::TooLarge`], and nothing of it is kept;
    /// [`GitError::DiskFull`], [`GitError::Corrupt`] when the fault is ours.
    pub async fn import(
        &self,
        bundle: &Path,
        run: &str,
        epoch: u32,
        base: Option<&Oid>,
        limits: &ImportLimits,
    ) -> Result<Imported> {
        let name = RunRef::new(run, epoch)?;
        let bundle = Bundle::open(bundle, limits, self.is_sha256())?;
        self.import_bundle(bundle, &name, base, limits).await
    }

    pub(crate) async fn import_bundle(
        &self,
        bundle: Bundle,
        name: &RunRef,
        base: Option<&Oid>,
        limits: &ImportLimits,
    ) -> Result<Imported> {
        match self.import_checked(bundle, name, base, limits).await {
            // What the bundle builds on is ours: is that the damaged part?
            Err(GitError::BadBundle { why })
                if crate::said::store_failure(self.dir(), why.as_bytes()).is_some() =>
            {
                self.verify().await?;
                Err(GitError::BadBundle { why })
            }
            end => end,
        }
    }

    async fn import_checked(
        &self,
        bundle: Bundle,
        name: &RunRef,
        base: Option<&Oid>,
        limits: &ImportLimits,
    ) -> Result<Imported> {
        let hold = self.hold().await?;
        let quarantine = self.quarantine(&hold)?;
        let inside = Inside {
            store: self,
            hold: &hold,
            dir: &quarantine.dir,
        };
        inside.unpack(bundle.pack, limits).await?;
        inside.check_sizes(limits).await?;
        let head = bundle.head;
        inside.check_head(&head, base).await?;
        let commits = inside.count_commits(&head, base, limits).await?;
        inside.check_paths(&head, limits).await?;
        migrate(&quarantine.dir.join("pack"), &self.objects().join("pack"))?;
        self.set_ref(&hold, &name.imported(), &head).await?;
        Ok(Imported { head, commits })
    }

    fn quarantine(&self, hold: &Hold) -> Result<Quarantine> {
        let dir = self.temporary(hold)?;
        let io = || GitError::io("making a quarantine");
        std::fs::create_dir_all(dir.join("pack")).map_err(io())?;
        let quarantine = Quarantine { dir };
        std::fs::create_dir_all(quarantine.dir.join("info")).map_err(io())?;
        let objects = self.objects();
        let mut line = objects.as_os_str().as_encoded_bytes().to_vec();
        line.push(b'\n');
        std::fs::write(quarantine.dir.join("info/alternates"), line).map_err(io())?;
        Ok(quarantine)
    }
}

/// git with the quarantine as its object directory.
struct Inside<'a> {
    store: &'a Store,
    hold: &'a Hold,
    dir: &'a Path,
}

impl Inside<'_> {
    fn call<A: Into<std::ffi::OsString>>(
        &self,
        doing: &'static str,
        args: impl IntoIterator<Item = A>,
    ) -> Result<Call> {
        let call = self.store.call(self.hold, doing, args)?;
        // Not a store call in errors: what is wrong in here is the bundle's fault, not the store's.
        Ok(call
            .env("GIT_OBJECT_DIRECTORY", self.dir)
            .env("GIT_QUARANTINE_PATH", self.dir)
            .no_store())
    }

    async fn unpack(&self, pack: std::fs::File, limits: &ImportLimits) -> Result<()> {
        let max = format!("--max-input-size={}", limits.bytes);
        let call = self.call(
            "unpacking the bundle",
            ["index-pack", "--stdin", "--fix-thin", "--strict", &max],
        )?;
        let call = call
            .env("GIT_ALLOC_LIMIT", limits.object_bytes.to_string())
            .input(Input::File(pack));
        let output = self.store.git.run(call).await?;
        if output.code == Some(0) {
            return Ok(());
        }
        let said = crate::said::text(&output.stderr);
        if said.to_lowercase().contains("no space left on device") {
            return Err(GitError::DiskFull { said });
        }
        Err(bad(said))
    }

    async fn check_sizes(&self, limits: &ImportLimits) -> Result<()> {
        for index in packs(&self.dir.join("pack"), "idx")? {
            let file = std::fs::File::open(&index).map_err(GitError::io("measuring the bundle"))?;
            let call = self
                .call("measuring the bundle", ["show-index"])?
                .input(Input::File(file));
            let listing = self
                .store
                .git
                .run(call.limit(MAX_LIST))
                .await?
                .success()?
                .stdout;
            // `<offset> <oid> (<crc>)`; sizes then come from the objects' headers, nothing is unpacked.
            let oids: String = String::from_utf8_lossy(&listing)
                .lines()
                .filter_map(|l| l.split(' ').nth(1))
                .map(|oid| format!("{oid}\n"))
                .collect();
            let call = self.call(
                "measuring the bundle",
                ["cat-file", "--batch-check=%(objectsize)"],
            )?;
            let call = call.input(Input::Bytes(oids.into_bytes())).limit(MAX_LIST);
            let sizes = self.store.git.run(call).await?.success()?.stdout;
            let mut sizes = sizes
                .split(|b| *b == b'\n')
                .filter_map(|l| std::str::from_utf8(l).ok()?.parse::<u64>().ok());
            if let Some(size) = sizes.find(|size| *size > limits.object_bytes) {
                return Err(GitError::TooLarge {
                    what: "an object",
                    limit: limits.object_bytes,
                    found: Some(size),
                });
            }
        }
        Ok(())
    }

    async fn check_head(&self, head: &Oid, base: Option<&Oid>) -> Result<()> {
        let call = self.call("looking at the head", ["cat-file", "-t", head.as_str()])?;
        let kind = self.store.git.run(call).await?;
        if kind.code != Some(0) || kind.stdout != b"commit\n" {
            return Err(bad("its head is not a commit"));
        }
        if let Some(base) = base {
            let call = self.call(
                "comparing histories",
                ["merge-base", "--is-ancestor", base.as_str(), head.as_str()],
            )?;
            match self.store.git.run(call).await?.code {
                Some(0) => {}
                Some(1) => return Err(bad(format!("its head does not descend from {base}"))),
                _ => return Err(bad("its history is broken")),
            }
        }
        // Every object that the head needs is here or, with its links, in the store.
        let call = self.call(
            "checking links",
            [
                "rev-list",
                "--objects",
                "--quiet",
                head.as_str(),
                "--not",
                "--all",
            ],
        )?;
        let links = self.store.git.run(call.limit(MAX_LIST)).await?;
        if links.code == Some(0) {
            Ok(())
        } else {
            Err(bad(crate::said::text(&links.stderr)))
        }
    }

    async fn count_commits(
        &self,
        head: &Oid,
        base: Option<&Oid>,
        limits: &ImportLimits,
    ) -> Result<usize> {
        let bound = format!("--max-count={}", limits.commits.saturating_add(1));
        let mut call = self.call(
            "counting commits",
            ["rev-list", "--count", bound.as_str(), head.as_str()],
        )?;
        if let Some(base) = base {
            call = call.arg("--not").arg(base.as_str());
        }
        let output = self.store.git.run(call).await?.success()?;
        let count: usize = String::from_utf8_lossy(&output.stdout)
            .trim()
            .parse()
            .map_err(|_| bad("its commits could not be counted"))?;
        if count > limits.commits {
            return Err(GitError::TooLarge {
                what: "the number of commits",
                limit: limits.commits as u64,
                // Counted no further than past the bound.
                found: None,
            });
        }
        Ok(count)
    }

    /// `ls-tree` writes as it walks, so a tree that unfolds without end is cut off by the bound on
    /// output; `diff-tree` would collect it in memory first.
    async fn check_paths(&self, head: &Oid, limits: &ImportLimits) -> Result<()> {
        let args = [
            "ls-tree",
            "-r",
            "-z",
            "--full-tree",
            "--name-only",
            head.as_str(),
        ];
        let bound = limits.paths.saturating_mul(MAX_PATH).min(MAX_LIST);
        let call = self.call("the list of paths", args)?.limit(bound);
        let list = self.store.git.run(call).await?.success()?;
        let (mut count, mut deepest) = (0, 0);
        for path in fields(&list.stdout) {
            count += 1;
            deepest = deepest.max(path.split(|b| *b == b'/').count());
            if path.len() > MAX_PATH || path.split(|b| *b == b'/').any(|part| part.len() > MAX_NAME)
            {
                return Err(bad(format!(
                    "a path of {} bytes, or a part of it, is too long (at most {MAX_PATH} and {MAX_NAME}): {}…",
                    path.len(),
                    String::from_utf8_lossy(&path[..path.len().min(80)])
                )));
            }
        }
        if deepest > limits.depth {
            return Err(GitError::TooLarge {
                what: "the depth of a path",
                limit: limits.depth as u64,
                found: Some(deepest as u64),
            });
        }
        if count > limits.paths {
            return Err(GitError::TooLarge {
                what: "the number of paths",
                limit: limits.paths as u64,
                found: Some(count as u64),
            });
        }
        Ok(())
    }
}

fn packs(dir: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let io = || GitError::io("reading the quarantine");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(io())? {
        let path = entry.map_err(io())?.path();
        if path.extension() == Some(OsStr::new(extension)) {
            found.push(path);
        }
    }
    Ok(found)
}

/// Moves finished packs into the store; the index last, because git looks for packs by their index.
fn migrate(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).map_err(GitError::io("keeping the import"))?;
    for extension in ["pack", "rev", "idx"] {
        for path in packs(from, extension)? {
            let name = path.file_name().unwrap_or_default();
            std::fs::rename(&path, to.join(name)).map_err(GitError::io("keeping the import"))?;
        }
    }
    std::fs::File::open(to)
        .and_then(|dir| dir.sync_all())
        .map_err(GitError::io("keeping the import"))
}
