//! A sealed home, a bare remote and a clone whose author is somebody else.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicI64, Ordering};

use freehold_git::{
    BranchName, Git, ImportLimits, Imported, Oid, Options, Remote, Signature, Store,
};

pub(crate) const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
pub(crate) const RUN: &str = "run_01";

pub(crate) struct World {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) git: Git,
    /// What commits of people and agents say of their time, in seconds since 1970.
    date: AtomicI64,
}

impl Drop for World {
    /// A workspace that a failed test left mounted would stay in the machine's table.
    fn drop(&mut self) {
        let _unmounted = freehold_git::release(self.dir.path());
    }
}

impl World {
    /// An empty bare remote at `remote.git`, nothing else.
    pub(crate) async fn empty() -> Self {
        Self::empty_in(tempfile::tempdir().unwrap()).await
    }

    /// The same in a folder that goes with it.
    pub(crate) async fn empty_in(dir: tempfile::TempDir) -> Self {
        let git = Git::find(options(dir.path())).await.unwrap();
        let date = AtomicI64::new(1_700_000_000);
        let world = Self { dir, git, date };
        world.raw(
            world.path(""),
            &["init", "-q", "--bare", "-b", "main", "remote.git"],
        );
        world
    }

    /// A remote whose `main` has one commit with a file and a program.
    pub(crate) async fn new() -> Self {
        Self::empty().await.seeded()
    }

    /// With that commit.
    pub(crate) fn seeded(self) -> Self {
        let world = self;
        let clone = world.clone_of("seed");
        std::fs::write(clone.join("hello.txt"), "hello\nworld\n").unwrap();
        std::fs::write(clone.join("run.sh"), "#!/bin/sh\n").unwrap();
        world.commit_all(&clone, "first");
        world.raw(&clone, &["push", "-q", "origin", "HEAD:refs/heads/main"]);
        world
    }

    /// From now on commits are of this time, whatever went before.
    pub(crate) fn dated(&self, seconds: i64) {
        self.date.store(seconds, Ordering::Relaxed);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn bare(&self) -> PathBuf {
        self.path("remote.git")
    }

    pub(crate) fn remote(&self) -> Remote {
        Remote::parse(&format!("file://{}", self.bare().display())).unwrap()
    }

    pub(crate) async fn store(&self) -> Store {
        self.store_named("store").await
    }

    pub(crate) async fn store_named(&self, name: &str) -> Store {
        self.git
            .store(&self.path(name), &self.remote())
            .await
            .unwrap()
    }

    /// A clone of the remote that a person works in.
    pub(crate) fn clone_of(&self, name: &str) -> PathBuf {
        let to = self.path(name);
        self.raw(
            self.path(""),
            &["clone", "-q", self.bare().to_str().unwrap(), name],
        );
        to
    }

    pub(crate) fn commit_all(&self, work: &Path, message: &str) -> Oid {
        self.raw(work, &["add", "-A"]);
        self.raw(work, &["commit", "-q", "--allow-empty", "-m", message]);
        self.oid(work, "HEAD")
    }

    pub(crate) fn oid(&self, dir: &Path, name: &str) -> Oid {
        Oid::parse(self.text(dir, &["rev-parse", "--verify", name]).trim()).unwrap()
    }

    pub(crate) fn remote_oid(&self, name: &str) -> Option<Oid> {
        let text = self.text(
            &self.bare(),
            &["for-each-ref", "--format=%(objectname)", name],
        );
        text.lines().next().map(|line| Oid::parse(line).unwrap())
    }

    /// A person pushes one more commit to `main`.
    pub(crate) fn someone_pushes(&self, file: &str, content: &str) -> Oid {
        let name = format!("person-{}", file.replace('/', "-"));
        let clone = self.clone_of(&name);
        std::fs::write(clone.join(file), content).unwrap();
        let oid = self.commit_all(&clone, "someone else's work");
        self.raw(&clone, &["push", "-q", "origin", "HEAD:refs/heads/main"]);
        oid
    }

    pub(crate) fn hook(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.bare().join("hooks").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs git as a person would: sealed, but with nothing switched off.
    pub(crate) fn try_raw<A: AsRef<OsStr>>(&self, dir: impl AsRef<Path>, args: &[A]) -> Output {
        self.command(dir, args).output().unwrap()
    }

    fn command<A: AsRef<OsStr>>(&self, dir: impl AsRef<Path>, args: &[A]) -> Command {
        let mut command = Command::new("git");
        command
            .args(args)
            .current_dir(dir)
            .env_clear()
            .env("PATH", PATH)
            .env("HOME", self.path("home"));
        command
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("LC_ALL", "C");
        for who in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{who}_NAME"), "Ann")
                .env(format!("GIT_{who}_EMAIL"), "ann@example.org");
            let date = self.date.load(Ordering::Relaxed);
            command.env(format!("GIT_{who}_DATE"), format!("@{date} +0000"));
        }
        command
    }

    pub(crate) fn raw<A: AsRef<OsStr>>(&self, dir: impl AsRef<Path>, args: &[A]) -> Vec<u8> {
        let output = self.try_raw(dir, args);
        let shown: Vec<OsString> = args.iter().map(|a| a.as_ref().to_owned()).collect();
        assert!(
            output.status.success(),
            "git {shown:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    pub(crate) fn raw_with_input(&self, dir: &Path, args: &[&str], input: &[u8]) -> Vec<u8> {
        use std::io::Write;
        use std::process::Stdio;
        let mut child = self
            .command(dir, args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "git {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    pub(crate) fn text(&self, dir: &Path, args: &[&str]) -> String {
        String::from_utf8(self.raw(dir, args)).unwrap()
    }

    /// Stages a workspace as the sandbox would show it: scratch becomes `work/.git`. Returns `work`.
    pub(crate) async fn workspace(&self, store: &Store, name: &str, base: Option<&Oid>) -> PathBuf {
        let (work, scratch) = (self.path(name), self.path(&format!("{name}-scratch")));
        store
            .stage(base, &work, &scratch, &store.objects())
            .await
            .unwrap();
        std::fs::remove_dir(work.join(".git")).unwrap();
        std::fs::rename(&scratch, work.join(".git")).unwrap();
        work
    }

    /// What the sandbox does at the end of a run.
    pub(crate) fn bundle(&self, work: &Path, base: Option<&Oid>) -> PathBuf {
        let path = work.with_extension("bundle");
        let range = base.map_or("HEAD".to_owned(), |base| format!("{base}..HEAD"));
        self.raw(
            work,
            &["bundle", "create", "-q", path.to_str().unwrap(), &range],
        );
        path
    }

    /// An agent writes one file on top of `base`, commits, and the commit is imported.
    pub(crate) async fn agent_writes(
        &self,
        store: &Store,
        epoch: u32,
        base: Option<&Oid>,
        file: &str,
        content: &str,
    ) -> Oid {
        let work = self
            .workspace(
                store,
                &format!("work-{epoch}-{}", file.replace('/', "-")),
                base,
            )
            .await;
        std::fs::write(work.join(file), content).unwrap();
        self.commit_all(&work, "the agent's work");
        self.import(store, &work, epoch, base).await.head
    }

    pub(crate) async fn import(
        &self,
        store: &Store,
        work: &Path,
        epoch: u32,
        base: Option<&Oid>,
    ) -> Imported {
        let bundle = self.bundle(work, base);
        store
            .import(&bundle, RUN, epoch, base, &ImportLimits::default())
            .await
            .unwrap()
    }
}

pub(crate) fn options(dir: &Path) -> Options {
    Options::new(dir.join("home"), PATH)
}

pub(crate) fn main_branch() -> BranchName {
    BranchName::parse("main").unwrap()
}

pub(crate) fn freehold() -> Signature {
    Signature {
        name: "Freehold".into(),
        email: "freehold@example.org".into(),
        seconds: 1_700_000_000,
    }
}
