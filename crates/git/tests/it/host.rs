//! A shared tree of the host: whoever worked in it before, the next finds the files of its base.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use freehold_git::{HostTree, Oid, Shape, Store};

use crate::world::{World, main_branch};

struct Tree {
    world: World,
    store: Store,
    base: Oid,
}

impl Tree {
    async fn new() -> Self {
        let world = World::new().await;
        let store = world.store().await;
        let base = store.fetch(&main_branch()).await.unwrap().unwrap();
        std::fs::create_dir(world.path("tree")).unwrap();
        Self { world, store, base }
    }

    fn work(&self) -> PathBuf {
        self.world.path("tree/work")
    }

    /// The next run's turn, with a git directory of its own.
    async fn lay(&self, git_dir: &str) -> PathBuf {
        let git_dir = self.world.path(git_dir);
        let wanted = HostTree {
            base: Some(&self.base),
            work: &self.work(),
            git_dir: &git_dir,
            shape: &Shape::whole(),
            remote: None,
            shared: Some(&self.world.path("tree")),
        };
        self.store.host_tree(&wanted).await.unwrap();
        git_dir
    }
}

fn text(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn a_change_that_keeps_size_and_time_does_not_stay() {
    let tree = Tree::new().await;
    tree.lay("one").await;
    // What is known of the files is older than a second, as it is when a run has ended.
    let known = std::fs::read_dir(tree.world.path("tree"))
        .unwrap()
        .flatten();
    let known: Vec<PathBuf> = known
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    let [known] = &known[..] else {
        panic!("{known:?}")
    };
    let file = tree.work().join("hello.txt");
    let before = file.metadata().unwrap();
    let later = before.modified().unwrap() + Duration::from_secs(5);
    File::open(known).unwrap().set_modified(later).unwrap();
    let began = Instant::now();
    while file.metadata().unwrap().ctime() == before.ctime() {
        assert!(began.elapsed() < Duration::from_secs(20), "no time passes");
        let mut changed = File::options().write(true).open(&file).unwrap();
        changed.write_all(b"hullo\nworld\n").unwrap();
        changed.set_modified(before.modified().unwrap()).unwrap();
    }
    let after = file.metadata().unwrap();
    assert_eq!(
        (before.len(), before.mtime(), before.ino()),
        (after.len(), after.mtime(), after.ino())
    );
    tree.lay("two").await;
    assert_eq!(text(&file), "hello\nworld\n");
}

#[tokio::test]
async fn marks_in_the_index_of_the_run_before_hide_nothing() {
    let tree = Tree::new().await;
    let git_dir = tree.lay("one").await;
    for (mark, name) in [
        ("--skip-worktree", "hello.txt"),
        ("--assume-unchanged", "run.sh"),
    ] {
        tree.world.raw(tree.work(), &["update-index", mark, name]);
        std::fs::write(tree.work().join(name), "changed\n").unwrap();
    }
    assert!(git_dir.join("index").is_file());
    tree.lay("two").await;
    assert_eq!(text(tree.work().join("hello.txt")), "hello\nworld\n");
    assert_eq!(text(tree.work().join("run.sh")), "#!/bin/sh\n");
}

#[tokio::test]
async fn a_link_in_the_place_of_the_tree_leads_nowhere() {
    let tree = Tree::new().await;
    tree.lay("one").await;
    let other = tree.world.path("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("mine"), "mine\n").unwrap();
    std::fs::remove_dir_all(tree.work()).unwrap();
    std::os::unix::fs::symlink(&other, tree.work()).unwrap();
    tree.lay("two").await;
    assert!(tree.work().symlink_metadata().unwrap().is_dir());
    assert_eq!(text(tree.work().join("hello.txt")), "hello\nworld\n");
    let names = std::fs::read_dir(&other).unwrap().flatten();
    let names: Vec<_> = names.map(|entry| entry.file_name()).collect();
    assert_eq!(names, ["mine"]);
}
