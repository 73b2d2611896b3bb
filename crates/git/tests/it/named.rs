//! Which commits touch a file, for those that no commit may hold.

use std::path::{Path, PathBuf};

use freehold_git::{BranchName, Oid, Store};

use crate::world::World;

/// Makes what a clone is at known to the store.
async fn fetched(world: &World, store: &Store, clone: &Path, branch: &str) -> Oid {
    let to = format!("HEAD:refs/heads/{branch}");
    world.raw(clone, &["push", "-q", "origin", &to]);
    let branch = BranchName::parse(branch).unwrap();
    store.fetch(&branch).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_merge_is_answerable_for_what_none_of_its_parents_has() {
    let world = World::new().await;
    let store = world.store().await;
    let paths = [".env", "b.env"].map(PathBuf::from);
    let clone = world.clone_of("agent");
    let write = |name: &str, text: &str| std::fs::write(clone.join(name), text).unwrap();
    let base = world.oid(&clone, "HEAD");
    let target = world.someone_pushes(".env", "the repository's own\n");
    let main = BranchName::parse("main").unwrap();
    assert_eq!(store.fetch(&main).await.unwrap().unwrap(), target);
    world.raw(&clone, &["fetch", "-q"]);
    let merge = || world.raw(&clone, &["merge", "-q", "-m", "merged", "origin/main"]);
    let first = async |known: &[&Oid], head: &Oid| {
        let first = store.first_of(known, head, &paths).await.unwrap();
        first.map(|path| path.to_str().unwrap().to_owned())
    };

    write("hello.txt", "work\n");
    world.commit_all(&clone, "work");
    merge();
    let head = fetched(&world, &store, &clone, "merged").await;
    assert_eq!(first(&[&base], &head).await.as_deref(), Some(".env"));
    assert_eq!(first(&[&base, &target], &head).await, None);

    // The merge itself brings another one.
    write(".env", "another's\n");
    world.raw(&clone, &["commit", "-qa", "--amend", "--no-edit"]);
    let head = fetched(&world, &store, &clone, "evil").await;
    assert_eq!(
        first(&[&base, &target], &head).await.as_deref(),
        Some(".env")
    );
    // Taking it out again does not take it out of what is pushed.
    write(".env", "the repository's own\n");
    world.commit_all(&clone, "back");
    let head = fetched(&world, &store, &clone, "back").await;
    assert_eq!(
        first(&[&base, &target], &head).await.as_deref(),
        Some(".env")
    );

    // A commit below a merge that differs from each of its parents, and from none in the same file.
    world.raw(&clone, &["reset", "-q", "--hard", base.as_str()]);
    write("b.env", "secret\n");
    world.commit_all(&clone, "below");
    merge();
    let head = fetched(&world, &store, &clone, "below").await;
    assert_eq!(
        first(&[&base, &target], &head).await.as_deref(),
        Some("b.env")
    );
    // On a side of which the result has nothing.
    world.raw(&clone, &["reset", "-q", "--hard", "origin/main"]);
    let ours = ["merge", "-q", "-s", "ours", "-m", "ours", "origin/below"];
    world.raw(&clone, &ours);
    let head = fetched(&world, &store, &clone, "side").await;
    assert_eq!(
        first(&[&base, &target], &head).await.as_deref(),
        Some("b.env")
    );
}
