//! Hostile bundles: refused, and nothing of them is kept.

use std::path::{Path, PathBuf};

use freehold_git::{GitError, ImportLimits, Imported, Oid, Store};

use crate::world::{RUN, World, main_branch};

async fn staged() -> (World, Store, Oid, PathBuf) {
    let world = World::new().await;
    let store = world.store().await;
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    let work = world.workspace(&store, "work", Some(&base)).await;
    (world, store, base, work)
}

async fn import(
    store: &Store,
    bundle: &Path,
    base: Option<&Oid>,
    limits: ImportLimits,
) -> Result<Imported, GitError> {
    store.import(bundle, RUN, 1, base, &limits).await
}

/// Every object and ref of the store, to see that a refusal leaves no trace.
fn contents(world: &World) -> String {
    let repo = world.path("store/repo");
    let objects = world.text(&repo, &["cat-file", "--batch-all-objects", "--batch-check"]);
    objects + &world.text(&repo, &["for-each-ref"])
}

/// A bundle made by hand of a commit with a tree that git itself would neither make nor bundle.
fn bundle_of_tree(world: &World, work: &Path, tree: &[u8], base: &Oid) -> PathBuf {
    let raw = world.path("raw-tree");
    std::fs::write(&raw, tree).unwrap();
    let path = raw.to_str().unwrap();
    let tree = world.text(
        work,
        &["hash-object", "-t", "tree", "-w", "--literally", path],
    );
    let tree = tree.trim();
    let commit = world.text(
        work,
        &["commit-tree", tree, "-p", base.as_str(), "-m", "evil"],
    );
    let commit = commit.trim();
    let objects = format!("{commit}\n{tree}\n");
    let pack = world.raw_with_input(
        work,
        &["pack-objects", "--stdout", "-q"],
        objects.as_bytes(),
    );
    let mut bundle = format!("# v2 git bundle\n-{base} base\n{commit} HEAD\n\n").into_bytes();
    bundle.extend(pack);
    let path = world.path("evil.bundle");
    std::fs::write(&path, bundle).unwrap();
    path
}

fn entry(mode: &str, name: &[u8], oid: &str) -> Vec<u8> {
    let mut raw = format!("{mode} ").into_bytes();
    raw.extend_from_slice(name);
    raw.push(0);
    raw.extend((0..20).map(|i| u8::from_str_radix(&oid[2 * i..2 * i + 2], 16).unwrap()));
    raw
}

#[tokio::test]
async fn a_good_bundle_is_imported_twice_with_the_same_result() {
    let (world, store, base, work) = staged().await;
    std::fs::write(work.join("a"), "a\n").unwrap();
    world.commit_all(&work, "one");
    std::fs::write(work.join("b"), "b\n").unwrap();
    let head = world.commit_all(&work, "two");
    let bundle = world.bundle(&work, Some(&base));
    for _ in 0..2 {
        let imported = import(&store, &bundle, Some(&base), ImportLimits::default())
            .await
            .unwrap();
        assert_eq!(
            imported,
            Imported {
                head: head.clone(),
                commits: 2
            }
        );
    }
    store.verify().await.unwrap();
    assert_eq!(
        world.oid(&world.path("store/repo"), "refs/imported/run_01/1"),
        head
    );
    assert_eq!(
        std::fs::read_dir(world.path("store/tmp")).unwrap().count(),
        0,
        "no quarantine is left"
    );
}

#[tokio::test]
async fn trees_that_would_attack_a_checkout_are_refused() {
    let (world, store, base, work) = staged().await;
    let blob = world.text(&work, &["rev-parse", "HEAD:hello.txt"]);
    let tree = world.text(&work, &["rev-parse", "HEAD^{tree}"]);
    let before = contents(&world);
    let twice = [
        entry("100644", b"same", blob.trim()),
        entry("100644", b"same", blob.trim()),
    ]
    .concat();
    let gitmodules = entry("120000", b".gitmodules", blob.trim());
    let trees: [(&str, Vec<u8>); 8] = [
        (".git", entry("40000", b".git", tree.trim())),
        (".GIT", entry("40000", b".GIT", tree.trim())),
        ("git~1", entry("40000", b"git~1", tree.trim())),
        ("..", entry("40000", b"..", tree.trim())),
        ("slash", entry("100644", b"a/b", blob.trim())),
        ("duplicate", twice),
        ("modules link", gitmodules),
        ("missing blob", entry("100644", b"x", &"12".repeat(20))),
    ];
    for (name, raw) in trees {
        let bundle = bundle_of_tree(&world, &work, &raw, &base);
        let error = import(&store, &bundle, Some(&base), ImportLimits::default())
            .await
            .unwrap_err();
        assert!(
            matches!(error, GitError::BadBundle { .. }),
            "{name}: {error}"
        );
    }
    // The same way with a good tree works.
    let good = entry("100644", b"good", blob.trim());
    let bundle = bundle_of_tree(&world, &work, &good, &base);
    assert_eq!(contents(&world), before);
    import(&store, &bundle, Some(&base), ImportLimits::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn damaged_and_strange_files_are_refused() {
    let (world, store, base, work) = staged().await;
    std::fs::write(work.join("a"), "some content\n".repeat(100)).unwrap();
    world.commit_all(&work, "one");
    let bundle = world.bundle(&work, Some(&base));
    let good = std::fs::read(&bundle).unwrap();
    let before = contents(&world);
    let mut flipped = good.clone();
    let middle = flipped.len() - 60;
    flipped[middle] ^= 0xff;
    for (name, bytes) in [
        ("empty", Vec::new()),
        ("not a bundle", b"hello\n".to_vec()),
        ("a head alone", good[..60].to_vec()),
        ("half", good[..good.len() / 2].to_vec()),
        ("all but one byte", good[..good.len() - 1].to_vec()),
        ("a flipped byte", flipped),
    ] {
        let path = world.path("bad.bundle");
        std::fs::write(&path, bytes).unwrap();
        let error = import(&store, &path, Some(&base), ImportLimits::default())
            .await
            .unwrap_err();
        assert!(
            matches!(error, GitError::BadBundle { .. }),
            "{name}: {error}"
        );
    }
    let link = world.path("link.bundle");
    std::os::unix::fs::symlink(&bundle, &link).unwrap();
    assert!(
        import(&store, &link, Some(&base), ImportLimits::default())
            .await
            .is_err()
    );
    let pipe = world.path("pipe.bundle");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(matches!(
        import(&store, &pipe, Some(&base), ImportLimits::default()).await,
        Err(GitError::BadBundle { .. })
    ));
    assert_eq!(contents(&world), before);
}

#[tokio::test]
async fn what_is_too_big_is_refused() {
    let (world, store, base, work) = staged().await;
    // 8 MiB of zeros are 8 KiB in a pack: the bundle itself is small.
    std::fs::write(work.join("zeros"), vec![0u8; 8 << 20]).unwrap();
    world.commit_all(&work, "one");
    std::fs::write(work.join("more"), "more").unwrap();
    world.commit_all(&work, "two");
    let bundle = world.bundle(&work, Some(&base));
    let before = contents(&world);
    let all = ImportLimits::default();
    for (name, limits) in [
        ("bytes", ImportLimits { bytes: 1000, ..all }),
        ("objects", ImportLimits { objects: 3, ..all }),
        (
            "object bytes",
            ImportLimits {
                object_bytes: 4 << 20,
                ..all
            },
        ),
        ("commits", ImportLimits { commits: 1, ..all }),
        ("paths", ImportLimits { paths: 1, ..all }),
    ] {
        let error = import(&store, &bundle, Some(&base), limits)
            .await
            .unwrap_err();
        assert!(
            matches!(
                error,
                GitError::TooLarge { .. } | GitError::BadBundle { .. }
            ),
            "{name}: {error}"
        );
    }
    assert_eq!(contents(&world), before);
    import(&store, &bundle, Some(&base), all).await.unwrap();
}

#[tokio::test]
async fn a_history_that_does_not_descend_from_the_base_is_refused() {
    let (world, store, base, _work) = staged().await;
    let other = world.workspace(&store, "other", None).await;
    std::fs::write(other.join("root"), "root\n").unwrap();
    world.commit_all(&other, "root");
    let bundle = world.bundle(&other, None);
    let before = contents(&world);
    let error = import(&store, &bundle, Some(&base), ImportLimits::default())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("does not descend"), "{error}");
    assert_eq!(contents(&world), before);
    import(&store, &bundle, None, ImportLimits::default())
        .await
        .expect("a root history without a base is fine");
}

#[tokio::test]
async fn a_tree_that_unfolds_without_end_is_cut_off() {
    let (world, store, base, work) = staged().await;
    let blob = world.text(&work, &["rev-parse", "HEAD:hello.txt"]);
    // Ten entries a level, eight levels: 10^8 paths out of nine objects.
    let mut below = blob.trim().to_owned();
    for level in 0..8 {
        let mode = if level == 0 {
            "100644 blob"
        } else {
            "040000 tree"
        };
        let lines: String = (0..10).map(|i| format!("{mode} {below}\tf{i}\n")).collect();
        below = String::from_utf8(world.raw_with_input(&work, &["mktree"], lines.as_bytes()))
            .unwrap()
            .trim()
            .to_owned();
    }
    let commit = world.text(
        &work,
        &["commit-tree", &below, "-p", base.as_str(), "-m", "bomb"],
    );
    world.raw(&work, &["update-ref", "HEAD", commit.trim()]);
    let bundle = world.bundle(&work, Some(&base));
    let limits = ImportLimits {
        paths: 1000,
        ..ImportLimits::default()
    };
    let error = import(&store, &bundle, Some(&base), limits)
        .await
        .unwrap_err();
    assert!(matches!(error, GitError::TooLarge { .. }), "{error}");
}
