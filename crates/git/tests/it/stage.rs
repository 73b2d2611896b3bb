//! Workspaces: any repository, any name, clean at once.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::Instant;

use freehold_git::{GitError, Oid};

use crate::world::{World, main_branch};

/// Makes a commit on the remote's `main` out of lines for `git fast-import`.
fn fast_import(world: &World, files: &[u8]) -> Oid {
    let mut stream =
        b"commit refs/heads/main\ncommitter Ann <ann@example.org> 1700000000 +0000\ndata 1\nx\n"
            .to_vec();
    stream.extend_from_slice(files);
    world.raw_with_input(&world.bare(), &["fast-import", "--quiet"], &stream);
    world.remote_oid("refs/heads/main").unwrap()
}

fn inline(mode: &str, path: &str, content: &str) -> Vec<u8> {
    format!(
        "M {mode} inline {path}\ndata {}\n{content}\n",
        content.len()
    )
    .into_bytes()
}

#[tokio::test]
async fn a_workspace_is_clean_on_its_own_branch_and_borrows_objects() {
    let world = World::new().await;
    let store = world.store().await;
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    let (work, scratch) = (world.path("w"), world.path("s"));
    store
        .stage(Some(&base), &work, &scratch, "/shown/objects".as_ref())
        .await
        .unwrap();
    assert_eq!(
        std::fs::read_to_string(scratch.join("objects/info/alternates")).unwrap(),
        "/shown/objects\n"
    );
    assert!(work.join(".git").is_dir(), "the mount point");
    let again = store
        .stage(
            Some(&base),
            &work,
            &world.path("s2"),
            "/shown/objects".as_ref(),
        )
        .await;
    assert!(matches!(again, Err(GitError::NotEmpty { .. })));

    let work = world.workspace(&store, "work", Some(&base)).await;
    assert_eq!(
        world.text(&work, &["status", "--porcelain=v2", "--branch"]),
        format!("# branch.oid {base}\n# branch.head freehold/run\n")
    );
    assert_eq!(
        world.text(&work, &["config", "user.email"]).trim(),
        "agent@freehold.invalid"
    );
    assert_eq!(world.text(&work, &["log", "--oneline"]).lines().count(), 1);
    world.raw(&work, &["fsck", "--full"]);
    // What agents do: branches, rebases, stashes.
    std::fs::write(work.join("new"), "new\n").unwrap();
    world.raw(&work, &["stash", "-u", "-q"]);
    world.raw(&work, &["stash", "pop", "-q"]);
    world.commit_all(&work, "one");
    world.raw(&work, &["commit", "-q", "--amend", "-m", "two"]);
    world.raw(&work, &["rebase", "-q", base.as_str()]);
    assert_eq!(world.import(&store, &work, 1, Some(&base)).await.commits, 1);
}

#[tokio::test]
async fn an_empty_remote_gives_an_unborn_branch() {
    let world = World::empty().await;
    let store = world.store().await;
    assert_eq!(store.fetch(&main_branch()).await.unwrap(), None);
    let work = world.workspace(&store, "work", None).await;
    assert_eq!(
        world.text(&work, &["status", "--porcelain=v2", "--branch"]),
        "# branch.oid (initial)\n# branch.head freehold/run\n"
    );
    std::fs::write(work.join("first"), "first\n").unwrap();
    let head = world.commit_all(&work, "first");
    let imported = world.import(&store, &work, 1, None).await;
    assert_eq!((imported.head, imported.commits), (head, 1));
}

#[tokio::test]
async fn odd_names_links_submodules_and_lfs_pointers() {
    let world = World::empty().await;
    let long = "n".repeat(255);
    let gitlink = "1".repeat(40);
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    let mut files = Vec::new();
    for (mode, path, content) in [
        ("100644", "\"new\\nline\"", "a"),
        ("100644", "\"latin\\377\"", "b"),
        ("100644", long.as_str(), "c"),
        ("100644", "\" space \\\"quote\\\" \\\\back\"", "d"),
        ("100644", "-dash", "e"),
        ("120000", "link", "/etc/passwd"),
        ("120000", "dangling", "../../nowhere"),
        ("100755", "prog", "#!/bin/sh\n"),
        (
            "100644",
            ".gitattributes",
            "*.bin filter=lfs diff=lfs merge=lfs -text\ncrlf.txt eol=crlf\n",
        ),
        ("100644", "big.bin", pointer),
        ("100644", "crlf.txt", "one\ntwo\n"),
        (
            "100644",
            ".gitmodules",
            "[submodule \"sub\"]\n\tpath = sub\n\turl = https://example.org/sub.git\n",
        ),
    ] {
        files.extend(inline(mode, path, content));
    }
    files.extend(format!("M 160000 {gitlink} sub\n").into_bytes());
    let base = fast_import(&world, &files);
    let store = world.store().await;
    assert_eq!(
        store.fetch(&main_branch()).await.unwrap(),
        Some(base.clone())
    );
    let work = world.workspace(&store, "work", Some(&base)).await;
    assert_eq!(world.text(&work, &["status", "--porcelain"]), "");
    assert_eq!(
        std::fs::read_to_string(work.join("big.bin")).unwrap(),
        pointer
    );
    assert_eq!(
        std::fs::read_to_string(work.join("crlf.txt")).unwrap(),
        "one\r\ntwo\r\n"
    );
    assert!(
        work.join("new\nline").exists()
            && work.join(OsStr::from_bytes(b"latin\xff")).exists()
            && work.join(&long).exists()
    );
    assert_eq!(
        std::fs::read_link(work.join("link")).unwrap().to_str(),
        Some("/etc/passwd")
    );
    assert_eq!(std::fs::read_dir(work.join("sub")).unwrap().count(), 0);
    assert_eq!(store.list_files(&base, 100).await.unwrap().len(), 13);

    let out = world.path("out");
    store.export(&base, &out).await.unwrap();
    assert!(
        !out.join(".git").exists() && out.join("prog").exists() && out.join("new\nline").exists()
    );
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 13);

    // And back: an agent renames the oddest of them.
    std::fs::rename(
        work.join("new\nline"),
        work.join(OsStr::from_bytes(b"\x01\xfe")),
    )
    .unwrap();
    world.commit_all(&work, "odd");
    let head = world.import(&store, &work, 1, Some(&base)).await.head;
    let files = store.changed_files(Some(&base), &head, 10).await.unwrap();
    assert_eq!(files[0].path, b"\x01\xfe");
}

#[tokio::test]
async fn a_hundred_thousand_files_are_staged() {
    let world = World::empty().await;
    let mut files = Vec::new();
    for n in 0..100_000 {
        files.extend(inline(
            "100644",
            &format!("d{}/e{}/f{n}", n % 40, n % 1000),
            &format!("content {}", n % 5000),
        ));
    }
    let base = fast_import(&world, &files);
    let store = world.store().await;
    store.fetch(&main_branch()).await.unwrap();
    let begun = Instant::now();
    let work = world.workspace(&store, "work", Some(&base)).await;
    let staged = begun.elapsed();
    let begun = Instant::now();
    assert_eq!(world.text(&work, &["status", "--porcelain"]), "");
    let first = begun.elapsed();
    let begun = Instant::now();
    assert_eq!(world.text(&work, &["status", "--porcelain"]), "");
    println!(
        "100,000 files: staged in {staged:?}, first status {first:?}, second {:?}",
        begun.elapsed()
    );
    // The bound is the store's own: beyond `Deadlines::local` staging fails.
    std::fs::write(work.join("d0/e0/new"), "new").unwrap();
    world.commit_all(&work, "one more");
    assert_eq!(world.import(&store, &work, 1, Some(&base)).await.commits, 1);
}
