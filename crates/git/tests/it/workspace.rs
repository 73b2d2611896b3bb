//! Workspaces over a shared base: what is written in one is seen in it alone, and nothing is left.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use freehold_git::{FILES_MAX, GitError, Laid, Oid, Shape, Store, Workspace, release, reopen};

use crate::world::{World, main_branch};

/// Unmounts what a test mounted, also when it fails.
pub(crate) struct Ground {
    pub(crate) world: World,
    pub(crate) store: Store,
    pub(crate) base: Oid,
}

impl Drop for Ground {
    fn drop(&mut self) {
        release(self.world.dir.path()).unwrap();
        assert_eq!(mounts_below(self.world.dir.path()), 0, "a mount is left");
    }
}

fn mounts_below(dir: &Path) -> usize {
    let dir = dir.to_str().unwrap();
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    table.lines().filter(|line| line.contains(dir)).count()
}

impl Ground {
    pub(crate) async fn new(files: &[(&str, &str)]) -> Self {
        Self::of(World::new().await, files).await
    }

    pub(crate) async fn of(world: World, files: &[(&str, &str)]) -> Self {
        let clone = world.clone_of("seed-2");
        for (path, text) in files {
            let path = clone.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        std::os::unix::fs::symlink("hello.txt", clone.join("link")).unwrap();
        world.commit_all(&clone, "more");
        world.raw(&clone, &["push", "-q", "origin", "HEAD:refs/heads/main"]);
        let store = world.store().await;
        let base = store.fetch(&main_branch()).await.unwrap().unwrap();
        Self { world, store, base }
    }

    pub(crate) async fn lay(
        &self,
        name: &str,
        at: &Oid,
        shape: &Shape,
    ) -> Result<(PathBuf, Laid), GitError> {
        let work = self.world.path(name);
        let laid = self
            .store
            .workspace(&Workspace {
                base: Some(at),
                work: &work,
                scratch: &self.world.path(&format!("{name}-scratch")),
                objects_inside: &self.store.objects(),
                place: &self.world.path("shown"),
                shape,
                remote: None,
                lfs: None,
                owner: None,
            })
            .await?;
        Ok((work, laid))
    }

    /// A workspace with its git directory where a sandbox shows it.
    async fn work(&self, name: &str, at: &Oid) -> PathBuf {
        let (work, _) = self.lay(name, at, &Shape::whole()).await.unwrap();
        self.join(&work);
        work
    }

    pub(crate) fn join(&self, work: &Path) {
        let name = work.file_name().unwrap().to_str().unwrap();
        let scratch = self.world.path(&format!("{name}-scratch"));
        std::fs::remove_dir(work.join(".git")).unwrap();
        let pointer = format!("gitdir: {}\n", scratch.display());
        std::fs::write(work.join(".git"), pointer).unwrap();
        let place = work.to_str().unwrap();
        self.world.raw(work, &["config", "core.worktree", place]);
    }

    fn bases(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.world.path("store/bases")).unwrap();
        let mut all: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        all.sort();
        all
    }
}

/// Everything of a tree that a program could notice: kinds, modes, times, contents, links, attributes.
fn picture(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut seen = BTreeMap::from([(PathBuf::new(), attributes(root))]);
    let mut open = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap() == ".git" {
                continue;
            }
            let meta = std::fs::symlink_metadata(&path).unwrap();
            let mut told = format!("{:o} {} {} ", meta.mode(), meta.uid(), meta.nlink());
            if meta.is_dir() {
                open.push(path.clone());
            } else if meta.is_symlink() {
                let to = std::fs::read_link(&path).unwrap();
                told += &format!("-> {} {}", to.display(), meta.mtime());
            } else if meta.is_file() {
                let bytes = std::fs::read(&path).unwrap();
                told += &format!("{} {} {bytes:?}", meta.mtime(), meta.mtime_nsec());
            }
            seen.insert(path.strip_prefix(root).unwrap().to_owned(), told);
        }
    }
    seen
}

fn attributes(root: &Path) -> String {
    let output = std::process::Command::new("getfattr")
        .args(["-R", "-P", "-h", "-d", "-m", "user", "."])
        .current_dir(root)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_first_is_cold_and_later_ones_are_warm_and_clean() {
    let ground = Ground::new(&[("a/b/c.txt", "c\n"), ("a/d.txt", "d\n")]).await;
    let (one, laid) = ground
        .lay("one", &ground.base, &Shape::whole())
        .await
        .unwrap();
    if laid == Laid::Checkout {
        panic!("no overlay can be mounted here: run the tests as root");
    }
    assert_eq!(laid, Laid::Cold);
    ground.join(&one);
    let (two, laid) = ground
        .lay("two", &ground.base, &Shape::whole())
        .await
        .unwrap();
    assert_eq!(laid, Laid::Warm);
    ground.join(&two);
    for work in [&one, &two] {
        let said = ground.world.try_raw(work, &["status", "--porcelain", "-b"]);
        assert_eq!(String::from_utf8_lossy(&said.stdout), "## freehold/run\n");
    }
    // Everything a person does with git works: a commit, a rename of a folder, a rebase.
    std::fs::rename(one.join("a"), one.join("z")).unwrap();
    std::fs::write(one.join("new"), "new\n").unwrap();
    ground.world.commit_all(&one, "moved");
    ground
        .world
        .raw(&one, &["rebase", "-q", "--force-rebase", "HEAD~1"]);
    assert_eq!(ground.world.text(&one, &["status", "--porcelain"]), "");
    assert!(one.join("z/b/c.txt").exists() && !one.join("a").exists());
    assert!(two.join("a/b/c.txt").exists() && !two.join("new").exists());
    let imported = ground
        .world
        .import(&ground.store, &one, 1, Some(&ground.base))
        .await;
    assert_eq!(imported.commits, 1);
}

#[tokio::test]
async fn a_near_commit_costs_what_differs_and_is_that_commit() {
    let ground = Ground::new(&[("a/b/c.txt", "c\n"), ("gone/x", "x\n"), ("file", "f\n")]).await;
    ground.work("one", &ground.base).await;
    let clone = ground.world.clone_of("person");
    std::fs::remove_dir_all(clone.join("gone")).unwrap();
    std::fs::remove_file(clone.join("file")).unwrap();
    std::fs::create_dir(clone.join("file")).unwrap();
    std::fs::write(clone.join("file/inner"), "a folder now\n").unwrap();
    std::fs::write(clone.join("gone"), "a file now\n").unwrap();
    std::fs::write(clone.join("a/b/c.txt"), "changed\n").unwrap();
    let next = ground.world.commit_all(&clone, "next");
    ground
        .world
        .raw(&clone, &["push", "-q", "origin", "HEAD:refs/heads/main"]);
    ground.store.fetch(&main_branch()).await.unwrap();
    let (work, laid) = ground.lay("next", &next, &Shape::whole()).await.unwrap();
    assert_eq!(laid, Laid::Cold);
    ground.join(&work);
    assert_eq!(ground.world.text(&work, &["status", "--porcelain"]), "");
    let plain = ground.world.path("plain");
    ground.store.export(&next, &plain).await.unwrap();
    let names = |root: &Path| {
        let all = picture(root).into_keys();
        all.filter(|path| root.join(path).is_file())
            .map(|path| {
                let bytes = std::fs::read(root.join(&path)).unwrap();
                (path, bytes)
            })
            .collect::<BTreeMap<_, _>>()
    };
    assert_eq!(names(&work), names(&plain));
    // It holds the difference alone.
    let bases = ground.bases();
    let delta = bases
        .iter()
        .find(|dir| dir.to_str().unwrap().contains(next.as_str()))
        .unwrap();
    assert!(!delta.join("files/hello.txt").exists() && delta.join("files/a/b/c.txt").exists());
}

/// Random numbers that are the same in each run (xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % sides
    }

    fn path(&mut self, root: &Path) -> PathBuf {
        let mut at = root.to_owned();
        for _ in 0..=self.roll(3) {
            at.push(["a", "b", "c", "x", "hello.txt", "d.txt", "link"][self.roll(7)]);
        }
        at
    }
}

/// One thing that a program may do to a tree; whether it can be done there does not matter.
fn scribble(dice: &mut Dice, root: &Path) {
    let (one, other) = (dice.path(root), dice.path(root));
    let outside = |path: &Path| path.components().any(|part| part.as_os_str() == ".git");
    if outside(&one) || outside(&other) {
        return;
    }
    let kind = dice.roll(14);
    let _whatever: Result<(), std::io::Error> = match kind {
        0 => std::fs::write(&one, format!("{}", dice.roll(1_000_000))),
        1 => std::fs::OpenOptions::new()
            .append(true)
            .open(&one)
            .and_then(|mut file| std::io::Write::write_all(&mut file, b"appended")),
        2 => std::fs::remove_file(&one),
        3 => std::fs::remove_dir_all(&one),
        4 => std::fs::rename(&one, &other),
        5 => std::fs::hard_link(&one, &other),
        6 => std::fs::create_dir_all(&one),
        7 => std::os::unix::fs::symlink("../../../../hello.txt", &one),
        8 => std::fs::set_permissions(
            &one,
            std::fs::Permissions::from_mode([0o755, 0o600, 0o777][dice.roll(3)]),
        ),
        9 => std::fs::OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(&one)
            .map(drop),
        // A folder that is replaced by one of the same name is opaque.
        10 => std::fs::remove_dir_all(&one).and_then(|()| std::fs::create_dir(&one)),
        11 => nix::unistd::mkfifo(&one, nix::sys::stat::Mode::S_IRWXU).map_err(Into::into),
        12 => std::fs::File::options()
            .write(true)
            .open(&one)
            .and_then(|file| file.set_modified(std::time::SystemTime::UNIX_EPOCH)),
        _ => std::process::Command::new("setfattr")
            .args(["-h", "-n", "user.note", "-v", &dice.roll(100).to_string()])
            .arg(&one)
            .output()
            .map(drop),
    };
}

#[tokio::test]
async fn nothing_that_is_written_is_seen_in_the_base_or_a_sibling() {
    let mut files = vec![("d.txt".to_owned(), "d".to_owned())];
    for outer in ["a", "b", "c"] {
        for inner in ["a", "b", "d.txt", "hello.txt"] {
            let name = if inner.contains('.') {
                inner.to_owned()
            } else {
                format!("{inner}/c/d.txt")
            };
            files.push((format!("{outer}/{name}"), format!("{outer} {inner}\n")));
        }
    }
    let borrowed: Vec<(&str, &str)> = files
        .iter()
        .map(|(p, t)| (p.as_str(), t.as_str()))
        .collect();
    let ground = Ground::new(&borrowed).await;
    const WORKSPACES: usize = 4;
    let mut works = Vec::new();
    for n in 0..WORKSPACES {
        works.push(ground.work(&format!("w{n}"), &ground.base).await);
    }
    let untouched = ground.work("untouched", &ground.base).await;
    let bases = ground.bases();
    assert_eq!(bases.len(), 1);
    let base_before = picture(&bases[0]);
    let untouched_before = picture(&untouched);
    let seed = 0x5eed_0004;
    let mut dice = Dice(seed);
    let mut changed = 0;
    for round in 0..40 {
        let at = dice.roll(WORKSPACES);
        let before: Vec<_> = works.iter().map(|work| picture(work)).collect();
        for _ in 0..8 {
            scribble(&mut dice, &works[at]);
        }
        for (n, work) in works.iter().enumerate() {
            let same = picture(work) == before[n];
            assert!(
                same || n == at,
                "seed {seed:#x}, round {round}: {at} wrote and {n} changed"
            );
            changed += usize::from(!same);
        }
    }
    assert!(changed > 25, "the dice wrote next to nothing: {changed}");
    assert_eq!(
        picture(&bases[0]),
        base_before,
        "seed {seed:#x}: the base changed"
    );
    assert_eq!(picture(&untouched), untouched_before);
    assert_eq!(ground.store.verify_bases().await.unwrap(), 0);
    assert_eq!(ground.bases(), bases, "an intact base is kept");
}

#[tokio::test]
async fn removing_a_workspace_leaves_nothing_and_a_later_life_finds_its_mounts() {
    let ground = Ground::new(&[("a/b", "b\n")]).await;
    let dir = ground.world.path("runs/one");
    std::fs::create_dir_all(&dir).unwrap();
    let (work, _) = ground
        .lay("runs/one/work", &ground.base, &Shape::whole())
        .await
        .unwrap();
    std::fs::write(work.join("a/b"), "mine\n").unwrap();
    // Somebody stands in it, as a process of a killed runner may.
    let open = std::fs::File::open(work.join("a/b")).unwrap();
    assert!(mounts_below(&dir) > 0);
    assert_eq!(release(&dir).unwrap(), 1);
    assert_eq!(mounts_below(&dir), 0);
    drop(open);
    std::fs::remove_dir_all(&dir).unwrap();
    assert_eq!(
        release(&dir).unwrap(),
        0,
        "a folder that is gone has no mounts"
    );
    std::fs::remove_dir_all(ground.world.path("runs")).unwrap();
    let (again, laid) = ground
        .lay("again", &ground.base, &Shape::whole())
        .await
        .unwrap();
    assert_eq!(laid, Laid::Warm);
    assert_eq!(std::fs::read_to_string(again.join("a/b")).unwrap(), "b\n");
}

#[tokio::test]
async fn a_workspace_is_gone_on_with_after_it_was_unmounted() {
    let ground = Ground::new(&[("a/b", "b\n"), ("a/gone", "x\n")]).await;
    let (work, _) = ground
        .lay("work", &ground.base, &Shape::whole())
        .await
        .unwrap();
    std::fs::write(work.join("a/b"), "mine\n").unwrap();
    std::fs::remove_file(work.join("a/gone")).unwrap();
    assert!(reopen(&work, None).unwrap(), "it is mounted already");
    release(&work).unwrap();
    assert!(!work.join("a").exists());
    assert!(reopen(&work, None).unwrap());
    assert_eq!(std::fs::read_to_string(work.join("a/b")).unwrap(), "mine\n");
    assert!(!work.join("a/gone").exists());
    // Of another boot, what was written last may be missing: it is not gone on with.
    release(&work).unwrap();
    let note = ground.world.path("work.layers/over");
    let text = std::fs::read_to_string(&note).unwrap();
    let (_, lowers) = text.split_once('\n').unwrap();
    std::fs::write(&note, format!("another-boot\n{lowers}")).unwrap();
    assert!(!reopen(&work, None).unwrap());
    // Nor over a base that was evicted.
    std::fs::write(&note, &text).unwrap();
    std::fs::remove_dir_all(&ground.bases()[0]).unwrap();
    assert!(!reopen(&work, None).unwrap());
}

#[tokio::test]
async fn half_made_and_damaged_bases_are_made_anew() {
    let ground = Ground::new(&[("a/b", "b\n")]).await;
    ground.work("one", &ground.base).await;
    release(ground.world.dir.path()).unwrap();
    let lay = async |name: &str| {
        ground
            .lay(name, &ground.base, &Shape::whole())
            .await
            .unwrap()
    };
    let only = || ground.bases().remove(0);
    std::fs::remove_file(only().join("done")).unwrap();
    let (work, laid) = lay("two").await;
    assert_eq!(laid, Laid::Cold, "without its mark a base is half made");
    release(&work).unwrap();
    let index = only().join("git/index");
    std::fs::write(&index, &std::fs::read(&index).unwrap()[..50]).unwrap();
    let (work, laid) = lay("three").await;
    assert_eq!(laid, Laid::Cold, "an index that is cut off");
    release(&work).unwrap();
    // A flipped byte with the size and the time as they were: seen by a check of every file.
    let file = only().join("files/a/b");
    let time = std::fs::metadata(&file).unwrap().modified().unwrap();
    std::fs::write(&file, "c\n").unwrap();
    let opened = std::fs::File::options().write(true).open(&file).unwrap();
    opened.set_modified(time).unwrap();
    assert_eq!(ground.store.verify_bases().await.unwrap(), 1);
    let (work, laid) = lay("four").await;
    assert_eq!(laid, Laid::Cold);
    assert_eq!(std::fs::read_to_string(work.join("a/b")).unwrap(), "b\n");
}

#[tokio::test]
async fn bases_are_few_and_those_in_use_stay() {
    let ground = Ground::new(&[("a/b", "b\n")]).await;
    let (first, _) = ground
        .lay("first", &ground.base, &Shape::whole())
        .await
        .unwrap();
    for n in 0..12 {
        let place = ground.world.path(&format!("place-{n}"));
        let wanted = Workspace {
            base: Some(&ground.base),
            work: &ground.world.path(&format!("w{n}")),
            scratch: &ground.world.path(&format!("s{n}")),
            objects_inside: &ground.store.objects(),
            place: &place,
            shape: &Shape::whole(),
            remote: None,
            lfs: None,
            owner: None,
        };
        assert_eq!(ground.store.workspace(&wanted).await.unwrap(), Laid::Cold);
        release(wanted.work).unwrap();
    }
    assert_eq!(ground.bases().len(), 8);
    assert_eq!(std::fs::read_to_string(first.join("a/b")).unwrap(), "b\n");
    release(&first).unwrap();
    assert!(
        reopen(&first, None).unwrap(),
        "the base of a mounted workspace was evicted"
    );
}

/// `strace -c` of one warm start in a process of its own.
#[tokio::test]
async fn the_cost_of_a_warm_start_does_not_grow_with_the_files() {
    let counts = [50, 1_000].map(|files| {
        let exe = std::env::current_exe().unwrap();
        let out = tempfile::NamedTempFile::new().unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("files"), files.to_string()).unwrap();
        let run = std::process::Command::new("strace")
            .args(["-f", "-qq", "-o"])
            .arg(out.path())
            .arg(exe)
            .args([
                "--exact",
                "workspace::one_warm_start",
                "--ignored",
                "--nocapture",
            ])
            .current_dir(dir.path())
            .output()
            .expect("strace is there (scripts/install test)");
        assert!(
            run.status.success(),
            "{}",
            String::from_utf8_lossy(&run.stderr)
        );
        let trace = std::fs::read_to_string(out.path()).unwrap();
        let begin = trace.find("freehold-warm-start-begins").unwrap();
        let end = trace.find("freehold-warm-start-ends").unwrap();
        trace[begin..end].lines().count()
    });
    let [few, many] = counts;
    assert!(few > 20, "nothing was traced");
    // Threads that wait add a call now and then; a call for each file would add thousands.
    assert!(
        many < few + 100,
        "{few} system calls for 50 files, {many} for 1,000"
    );
}

#[tokio::test]
#[ignore = "run by the test above, under strace"]
async fn one_warm_start() {
    let said = std::fs::read_to_string("files").unwrap_or_default();
    let files: usize = said.parse().unwrap_or(10);
    let names: Vec<String> = (0..files).map(|n| format!("d{}/f{n}", n % 50)).collect();
    let all: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x\n")).collect();
    let ground = Ground::new(&all).await;
    ground
        .lay("one", &ground.base, &Shape::whole())
        .await
        .unwrap();
    let place = ground.world.path("shown");
    let wanted = Workspace {
        base: Some(&ground.base),
        work: &ground.world.path("two"),
        scratch: &ground.world.path("two-scratch"),
        objects_inside: &ground.store.objects(),
        place: &place,
        shape: &Shape::whole(),
        remote: None,
        lfs: None,
        owner: None,
    };
    let _mark = std::fs::read("/freehold-warm-start-begins");
    let laid = ground.store.workspace(&wanted).await.unwrap();
    let _mark = std::fs::read("/freehold-warm-start-ends");
    assert_eq!(laid, Laid::Warm);
}

#[tokio::test]
async fn a_repository_with_too_many_files_is_refused_with_the_bound() {
    let ground = Ground::new(&[]).await;
    // A thousand trees of a thousand names for one blob: a million files of two objects.
    let blob = ground
        .world
        .text(&ground.world.bare(), &["rev-parse", "main:hello.txt"]);
    let bare = ground.world.bare();
    let mktree = |mode: &str, oid: &str| {
        let lines: String = (0..1_000)
            .map(|n| format!("{mode} {}\tf{n}\n", oid.trim()))
            .collect();
        String::from_utf8(
            ground
                .world
                .raw_with_input(&bare, &["mktree"], lines.as_bytes()),
        )
        .unwrap()
    };
    let tree = mktree("040000 tree", &mktree("100644 blob", &blob));
    let commit = ground
        .world
        .text(&bare, &["commit-tree", tree.trim(), "-m", "many"]);
    ground
        .world
        .raw(&bare, &["update-ref", "refs/heads/main", commit.trim()]);
    let at = ground.store.fetch(&main_branch()).await.unwrap().unwrap();
    let error = ground.lay("many", &at, &Shape::whole()).await.unwrap_err();
    let GitError::TooManyFiles { found, limit } = &error else {
        panic!("{error}")
    };
    assert_eq!((*found, *limit), (1_000_000, FILES_MAX));
    assert!(error.next().contains("sparse"));
}
