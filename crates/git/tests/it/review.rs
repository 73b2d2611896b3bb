//! The diff, its digest, the list of files, merging.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use freehold_git::{Claim, EMPTY_DIFF_DIGEST, Git, GitError, Land, Merge, Oid, Store};

use crate::world::{World, freehold, main_branch, options};

const MUCH: usize = 64 << 20;

async fn seeded() -> (World, Store, Oid) {
    let world = World::empty().await;
    let clone = world.clone_of("seed");
    std::fs::write(clone.join("old name.txt"), "a line\n".repeat(50)).unwrap();
    std::fs::write(clone.join("binary"), [0u8, 1, 2, 255, 254].repeat(300)).unwrap();
    std::fs::write(clone.join("mode"), "#!/bin/sh\necho\n").unwrap();
    std::fs::write(clone.join("gone"), "gone\n").unwrap();
    std::fs::write(clone.join("tail"), "no newline").unwrap();
    std::fs::write(clone.join("indent.py"), "if a:\n    b()\n    c()\n").unwrap();
    std::fs::create_dir(clone.join("dir")).unwrap();
    std::fs::write(clone.join("dir/deep"), "deep\n").unwrap();
    world.commit_all(&clone, "first");
    world.raw(&clone, &["push", "-q", "origin", "HEAD:refs/heads/main"]);
    let store = world.store().await;
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    (world, store, base)
}

fn change_everything(work: &Path) {
    std::fs::rename(work.join("old name.txt"), work.join("new name.txt")).unwrap();
    std::fs::write(work.join("binary"), [9u8, 0, 7].repeat(500)).unwrap();
    std::fs::set_permissions(work.join("mode"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::remove_file(work.join("gone")).unwrap();
    std::fs::write(work.join("tail"), "still no newline").unwrap();
    std::fs::write(work.join(OsStr::from_bytes(b"odd\n\xff\"name\t")), "odd\n").unwrap();
    std::fs::write(work.join("empty"), "").unwrap();
    std::os::unix::fs::symlink("dir/deep", work.join("link")).unwrap();
    std::fs::write(work.join("new binary"), [0u8; 100]).unwrap();
}

#[tokio::test]
async fn git_apply_makes_the_heads_tree_out_of_the_diff() {
    let (world, store, base) = seeded().await;
    let work = world.workspace(&store, "work", Some(&base)).await;
    change_everything(&work);
    world.commit_all(&work, "everything");
    let head = world.import(&store, &work, 1, Some(&base)).await.head;
    for (name, from) in [("by-base", Some(&base)), ("by-nothing", None)] {
        let diff = store.diff(from, &head, MUCH).await.unwrap();
        std::fs::write(world.path("diff"), &diff).unwrap();
        let target = world.workspace(&store, name, from).await;
        world.raw(
            &target,
            &["apply", "--index", world.path("diff").to_str().unwrap()],
        );
        let tree = world.text(&target, &["write-tree"]);
        assert_eq!(
            tree.trim(),
            world.text(&work, &["rev-parse", "HEAD^{tree}"]).trim(),
            "{name}"
        );
    }
    assert!(matches!(
        store.diff(Some(&base), &head, 100).await,
        Err(GitError::TooLarge { .. })
    ));
    let files = store.changed_files(Some(&base), &head, 100).await.unwrap();
    let of = |path: &[u8]| {
        files
            .iter()
            .find(|f| f.path == path)
            .unwrap_or_else(|| panic!("{path:?}"))
    };
    assert_eq!(
        of(b"new name.txt").from.as_deref(),
        Some(&b"old name.txt"[..])
    );
    assert_eq!((of(b"gone").status, of(b"gone").lines), ('D', Some((0, 1))));
    assert_eq!(of(b"binary").lines, None);
    assert_eq!(of(b"odd\n\xff\"name\t").status, 'A');
    assert_eq!(files.len(), 9);
    assert!(matches!(
        store.changed_files(Some(&base), &head, 3).await,
        Err(GitError::TooLarge { .. })
    ));
}

#[tokio::test]
async fn no_program_of_attributes_or_configuration_is_run() {
    let (world, store, base) = seeded().await;
    let work = world.workspace(&store, "work", Some(&base)).await;
    let proof = world.path("ran");
    std::fs::write(
        work.join(".gitattributes"),
        "* diff=evil merge=evil filter=evil\n",
    )
    .unwrap();
    for key in [
        "diff.evil.command",
        "diff.evil.textconv",
        "filter.evil.smudge",
        "core.fsmonitor",
    ] {
        world.raw(
            &work,
            &["config", key, &format!("touch {}", proof.display())],
        );
    }
    std::fs::write(work.join("tail"), "changed").unwrap();
    world.commit_all(&work, "attributes");
    let _cleared = std::fs::remove_file(&proof);
    let head = world.import(&store, &work, 1, Some(&base)).await.head;
    store.diff(Some(&base), &head, MUCH).await.unwrap();
    store.export(&head, &world.path("out")).await.unwrap();
    assert!(!proof.exists());
}

#[tokio::test]
async fn a_digest_knows_every_change_and_no_line_numbers() {
    let (world, store, base) = seeded().await;
    let mut seen = vec![store.diff_digest(Some(&base), &base).await.unwrap()];
    assert_eq!(seen[0], EMPTY_DIFF_DIGEST);
    type Change<'a> = (&'a str, &'a dyn Fn(&Path));
    let changes: [Change<'_>; 7] = [
        ("white space", &|w| {
            std::fs::write(w.join("indent.py"), "if a:\n    b()\nc()\n").unwrap()
        }),
        ("white space again", &|w| {
            std::fs::write(w.join("indent.py"), "if a:\nb()\nc()\n").unwrap()
        }),
        ("binary", &|w| {
            std::fs::write(w.join("binary"), [9u8, 0, 7].repeat(500)).unwrap()
        }),
        ("another binary", &|w| {
            std::fs::write(w.join("binary"), [9u8, 0, 8].repeat(500)).unwrap()
        }),
        ("mode", &|w| {
            std::fs::set_permissions(w.join("mode"), std::fs::Permissions::from_mode(0o755))
                .unwrap()
        }),
        ("rename", &|w| {
            std::fs::rename(w.join("gone"), w.join("went")).unwrap()
        }),
        ("all", &change_everything),
    ];
    for (epoch, (name, change)) in (1..).zip(changes) {
        let work = world
            .workspace(&store, &format!("digest-{epoch}"), Some(&base))
            .await;
        change(&work);
        world.commit_all(&work, name);
        let head = world.import(&store, &work, epoch, Some(&base)).await.head;
        let digest = store.diff_digest(Some(&base), &head).await.unwrap();
        assert_eq!(digest.len(), 40);
        assert!(!seen.contains(&digest), "{name} looks like another change");
        seen.push(digest);
    }
    let empty_to_head = store.diff_digest(None, &base).await.unwrap();
    assert!(!seen.contains(&empty_to_head));
}

#[tokio::test]
async fn a_clean_merge_keeps_the_digest_and_both_parents() {
    let (world, store, base) = seeded().await;
    let head = world
        .agent_writes(&store, 1, Some(&base), "new", "new\n")
        .await;
    let before = store.diff_digest(Some(&base), &head).await.unwrap();
    assert_eq!(
        store
            .merge(Some(&base), &head, "m", &freehold())
            .await
            .unwrap(),
        Merge::FastForward(head.clone())
    );
    assert_eq!(
        store.merge(None, &head, "m", &freehold()).await.unwrap(),
        Merge::FastForward(head.clone())
    );
    world.someone_pushes("theirs", "theirs\n");
    let theirs = store.fetch(&main_branch()).await.unwrap().unwrap();
    let merged = store
        .merge(
            Some(&theirs),
            &head,
            "Land it\n\nFreehold-Run: x\n",
            &freehold(),
        )
        .await
        .unwrap();
    let Merge::Commit(commit) = merged.clone() else {
        panic!("{merged:?}")
    };
    assert_eq!(
        store
            .merge(
                Some(&theirs),
                &head,
                "Land it\n\nFreehold-Run: x\n",
                &freehold()
            )
            .await
            .unwrap(),
        merged,
        "the same again"
    );
    assert_eq!(
        store.diff_digest(Some(&theirs), &commit).await.unwrap(),
        before
    );
    let shown = world.text(
        &world.path("store/repo"),
        &["show", "-s", "--format=%P %an %at %s", commit.as_str()],
    );
    assert_eq!(
        shown.trim(),
        format!("{theirs} {head} Freehold 1700000000 Land it")
    );
    assert_eq!(
        store.find_landing(&commit, &head).await.unwrap(),
        Some(commit.clone())
    );
    assert_eq!(store.find_landing(&theirs, &head).await.unwrap(), None);
}

#[tokio::test]
async fn a_conflict_names_its_paths() {
    let (world, store, base) = seeded().await;
    let head = world
        .agent_writes(&store, 1, Some(&base), "tail", "ours\n")
        .await;
    world.someone_pushes("tail", "theirs\n");
    let theirs = store.fetch(&main_branch()).await.unwrap().unwrap();
    let merged = store
        .merge(Some(&theirs), &head, "m", &freehold())
        .await
        .unwrap();
    assert_eq!(
        merged,
        Merge::Conflict {
            paths: vec![b"tail".to_vec()]
        }
    );
}

#[tokio::test]
async fn a_head_that_landed_is_found_whichever_way_it_came_in() {
    let (world, store, base) = seeded().await;
    let head = world
        .agent_writes(&store, 1, Some(&base), "new", "new\n")
        .await;
    world.raw(
        world.bare(),
        &[
            "fetch",
            "-q",
            world.path("store/repo").to_str().unwrap(),
            &format!("{head}:refs/heads/work"),
        ],
    );
    // By a merge commit, with other work before and after it on the branch.
    world.someone_pushes("before", "before\n");
    let clone = world.clone_of("merger");
    world.raw(
        &clone,
        &["merge", "-q", "--no-ff", "-m", "by hand", "origin/work"],
    );
    let merge = world.oid(&clone, "HEAD");
    world.raw(&clone, &["push", "-q", "origin", "HEAD:main"]);
    world.someone_pushes("after", "after\n");
    let tip = store.fetch(&main_branch()).await.unwrap().unwrap();
    assert_eq!(
        store.find_landing(&tip, &head).await.unwrap(),
        Some(merge.clone())
    );
    assert_eq!(
        store
            .merge(Some(&tip), &head, "m", &freehold())
            .await
            .unwrap(),
        Merge::AlreadyContained { landed: merge }
    );
    // By a fast-forward: the base itself is on the branch's own line.
    assert_eq!(store.find_landing(&tip, &base).await.unwrap(), Some(base));
}

#[tokio::test]
async fn histories_without_a_common_commit_are_not_merged() {
    let (world, store, base) = seeded().await;
    let other = world.agent_writes(&store, 1, None, "root", "root\n").await;
    assert!(matches!(
        store.merge(Some(&base), &other, "m", &freehold()).await,
        Err(GitError::Unrelated { .. })
    ));
    let mut nobody = freehold();
    nobody.name = "a\nb".into();
    world.someone_pushes("theirs", "theirs\n");
    let theirs = store.fetch(&main_branch()).await.unwrap().unwrap();
    let head = world.agent_writes(&store, 2, Some(&base), "x", "x\n").await;
    assert!(matches!(
        store.merge(Some(&theirs), &head, "m", &nobody).await,
        Err(GitError::Invalid { .. })
    ));
}

#[tokio::test]
async fn files_are_read_by_exact_path() {
    let (_world, store, base) = seeded().await;
    let read = async |path: &str, limit| store.read_file(&base, path, limit).await;
    assert_eq!(read("dir/deep", 10).await.unwrap().unwrap(), b"deep\n");
    for none in [
        "dir",
        "dir/",
        "nope",
        "/dir/deep",
        "*",
        ":(glob)*",
        "../x",
        "",
    ] {
        assert_eq!(read(none, 10).await.unwrap_or(None), None, "{none}");
    }
    assert!(matches!(
        read("binary", 10).await,
        Err(GitError::TooLarge { .. })
    ));
    assert_eq!(store.list_files(&base, 10).await.unwrap().len(), 7);
    assert!(matches!(
        store.list_files(&base, 6).await,
        Err(GitError::TooLarge { .. })
    ));
}

/// One run from claim to landing, as a runner does it; merges as often as the branch moves.
async fn whole_run(world: &World, git: &Git, number: u32) -> Oid {
    let run = format!("both_{number}");
    let store = git
        .store(&world.path("store"), &world.remote())
        .await
        .unwrap();
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    assert_eq!(
        store.claim(&run, 1, Some(&base), &[]).await.unwrap(),
        Claim::Held(base.clone())
    );
    let work = world.workspace(&store, &run, Some(&base)).await;
    std::fs::write(work.join(&run), "work\n").unwrap();
    world.commit_all(&work, &run);
    let limits = freehold_git::ImportLimits::default();
    let head = store
        .import(
            &world.bundle(&work, Some(&base)),
            &run,
            1,
            Some(&base),
            &limits,
        )
        .await
        .unwrap()
        .head;
    for _ in 0..10 {
        let tip = store.fetch(&main_branch()).await.unwrap().unwrap();
        let commit = match store
            .merge(Some(&tip), &head, "land", &freehold())
            .await
            .unwrap()
        {
            Merge::FastForward(oid) | Merge::Commit(oid) => oid,
            other => panic!("{other:?}"),
        };
        match store
            .land(&run, 1, &base, &main_branch(), Some(&tip), &commit)
            .await
            .unwrap()
        {
            Land::Done => return head,
            Land::Moved { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    panic!("{run} never landed");
}

#[tokio::test]
async fn runs_on_one_project_all_land() {
    let (world, store, _base) = seeded().await;
    // Each with a git of its own, as two processes on one store would have.
    let mut gits = Vec::new();
    for _ in 0..3 {
        gits.push(Git::find(options(world.dir.path())).await.unwrap());
    }
    let (a, b, c) = tokio::join!(
        whole_run(&world, &gits[0], 1),
        whole_run(&world, &gits[1], 2),
        whole_run(&world, &gits[2], 3)
    );
    let tip = store.fetch(&main_branch()).await.unwrap().unwrap();
    for head in [a, b, c] {
        assert!(store.find_landing(&tip, &head).await.unwrap().is_some());
    }
    assert_eq!(store.list_files(&tip, 100).await.unwrap().len(), 10);
}
