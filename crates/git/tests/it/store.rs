//! The clean store: made, reopened, mended.

use std::path::{Path, PathBuf};

use freehold_git::{GitError, RunRef};

use crate::world::{RUN, World, main_branch};

#[tokio::test]
async fn a_fetch_pins_the_tip_and_a_store_is_reopened() {
    let world = World::new().await;
    let tip = world
        .store()
        .await
        .fetch(&main_branch())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(Some(&tip), world.remote_oid("refs/heads/main").as_ref());
    let store = world.store().await;
    assert_eq!(
        store
            .read_file(&tip, "hello.txt", 100)
            .await
            .unwrap()
            .unwrap(),
        b"hello\nworld\n"
    );
    assert_eq!(
        world.oid(&world.path("store/repo"), &format!("refs/pin/{tip}")),
        tip
    );
}

#[tokio::test]
async fn locks_of_the_dead_are_removed_and_those_of_the_living_are_not() {
    let world = World::new().await;
    let store = world.store().await;
    store.fetch(&main_branch()).await.unwrap();
    let stale = world.path("store/repo/refs/target/main.lock");
    std::fs::write(&stale, "").unwrap();
    // A living process of another runner holds the store.
    let held = std::fs::File::open(world.path("store/lock")).unwrap();
    held.lock_shared().unwrap();
    let store = world.store().await;
    assert!(stale.exists(), "somebody may be using it");
    held.unlock().unwrap();
    drop(store);
    let store = world.store().await;
    assert!(!stale.exists());
    world.someone_pushes("a", "a");
    assert_eq!(
        store.fetch(&main_branch()).await.unwrap(),
        world.remote_oid("refs/heads/main")
    );
}

#[tokio::test]
async fn a_fetch_gets_past_a_stale_lock_by_itself() {
    let world = World::new().await;
    let store = world.store().await;
    store.fetch(&main_branch()).await.unwrap();
    world.someone_pushes("a", "a");
    std::fs::write(world.path("store/repo/refs/target/main.lock"), "").unwrap();
    assert_eq!(
        store.fetch(&main_branch()).await.unwrap(),
        world.remote_oid("refs/heads/main")
    );
}

fn packs_and_objects(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(packs_and_objects(&path));
        } else if path.extension().is_none_or(|e| e == "pack") {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn flipped_bytes_are_noticed_and_the_store_is_made_anew() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new().await;
    let store = world.store().await;
    let tip = store.fetch(&main_branch()).await.unwrap().unwrap();
    for path in packs_and_objects(&store.objects()) {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..].iter_mut().for_each(|b| *b ^= 0xff);
        std::fs::write(&path, bytes).unwrap();
    }
    let error = store.diff(None, &tip, 1 << 20).await.unwrap_err();
    assert!(matches!(error, GitError::Corrupt { .. }), "{error}");
    let error = store.claim(RUN, 1, Some(&tip), &[]).await.unwrap_err();
    assert!(matches!(error, GitError::Corrupt { .. }), "{error}");
    assert_eq!(
        world.remote_oid("refs/freehold"),
        None,
        "never pushed broken"
    );
    let store = world.store().await;
    assert_eq!(
        store.fetch(&main_branch()).await.unwrap(),
        Some(tip.clone())
    );
    store.verify().await.unwrap();
    assert!(!store.diff(None, &tip, 1 << 20).await.unwrap().is_empty());
}

#[tokio::test]
async fn deleted_objects_and_refs_are_noticed() {
    let world = World::new().await;
    let store = world.store().await;
    let tip = store.fetch(&main_branch()).await.unwrap().unwrap();
    for path in packs_and_objects(&store.objects()) {
        std::fs::remove_file(path).unwrap();
    }
    // Reopening alone finds it: a private ref leads nowhere.
    let store = world.store().await;
    assert_eq!(store.fetch(&main_branch()).await.unwrap(), Some(tip));
    store.verify().await.unwrap();
    assert!(world.path("store/set-aside").exists());
}

#[tokio::test]
async fn a_store_of_another_remote_is_not_used() {
    let world = World::new().await;
    world.store().await.fetch(&main_branch()).await.unwrap();
    let other = World::empty().await;
    let store = world
        .git
        .store(&world.path("store"), &other.remote())
        .await
        .unwrap();
    assert_eq!(store.fetch(&main_branch()).await.unwrap(), None);
}

#[tokio::test]
async fn a_truncated_pack_on_the_remote_is_the_remotes_fault() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new().await;
    world.raw(world.bare(), &["repack", "-adq"]);
    for path in packs_and_objects(&world.bare().join("objects/pack")) {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    }
    let store = world.store().await;
    let error = store.fetch(&main_branch()).await.unwrap_err();
    assert!(matches!(error, GitError::RemoteCorrupt { .. }), "{error}");
    assert!(!world.path("store/damaged").exists());
}

#[tokio::test]
async fn a_sha256_remote_works() {
    let world = World::empty().await;
    std::fs::remove_dir_all(world.bare()).unwrap();
    world.raw(
        world.path(""),
        &[
            "init",
            "-q",
            "--bare",
            "-b",
            "main",
            "--object-format=sha256",
            "remote.git",
        ],
    );
    let clone = world.clone_of("seed");
    std::fs::write(clone.join("a"), "a\n").unwrap();
    world.commit_all(&clone, "first");
    world.raw(&clone, &["push", "-q", "origin", "HEAD:refs/heads/main"]);
    let store = world.store().await;
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    assert_eq!(base.as_str().len(), 64);
    let head = world.agent_writes(&store, 1, Some(&base), "b", "b\n").await;
    assert!(!store.diff(None, &head, 1 << 20).await.unwrap().is_empty());
    assert!(matches!(
        store.claim(RUN, 1, Some(&head), &[]).await.unwrap(),
        freehold_git::Claim::Held(_)
    ));
    assert_eq!(
        store
            .fetch_run(&RunRef::new(RUN, 1).unwrap())
            .await
            .unwrap(),
        Some(head)
    );
}

#[tokio::test]
async fn what_is_not_there_is_absent_and_no_damage() {
    let world = World::new().await;
    let store = world.store().await;
    let tip = store.fetch(&main_branch()).await.unwrap().unwrap();
    let never = freehold_git::Oid::parse(&"12".repeat(20)).unwrap();
    let absent = |error: GitError| assert!(matches!(error, GitError::Absent { .. }), "{error}");
    absent(store.diff(Some(&tip), &never, 100).await.unwrap_err());
    absent(store.claim(RUN, 1, Some(&never), &[]).await.unwrap_err());
    absent(store.export(&never, &world.path("out")).await.unwrap_err());
    assert!(!world.path("store/damaged").exists());
    assert_eq!(world.remote_oid("refs/freehold"), None);
}

#[tokio::test]
async fn an_old_sloppy_history_is_accepted() {
    let world = World::new().await;
    let tree = world.text(&world.bare(), &["rev-parse", "main^{tree}"]);
    let commit = format!(
        "tree {}\nauthor Ann ann@example.org> 1 +0000\ncommitter Ann <ann@example.org> 0123456789 +051800\n\nold\n",
        tree.trim()
    );
    let args = [
        "hash-object",
        "-t",
        "commit",
        "-w",
        "--literally",
        "--stdin",
    ];
    let oid =
        String::from_utf8(world.raw_with_input(&world.bare(), &args, commit.as_bytes())).unwrap();
    world.raw(world.bare(), &["update-ref", "refs/heads/main", oid.trim()]);
    let store = world.store().await;
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    store.verify().await.unwrap();
    world
        .agent_writes(&store, 1, Some(&base), "new", "new\n")
        .await;
}

#[tokio::test]
async fn maintenance_joins_packs_and_loses_nothing() {
    let world = World::new().await;
    let store = world.store().await;
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    let mut heads = Vec::new();
    for epoch in 1..=6 {
        heads.push(
            world
                .agent_writes(&store, epoch, Some(&base), &format!("f{epoch}"), "x\n")
                .await,
        );
    }
    let packs = || packs_and_objects(&store.objects().join("pack")).len();
    let before = packs();
    store.maintain().await.unwrap();
    assert!(packs() < before, "{before} packs became {}", packs());
    for head in heads {
        assert!(
            !store
                .diff(Some(&base), &head, 1 << 20)
                .await
                .unwrap()
                .is_empty()
        );
    }
    store.verify().await.unwrap();
}
