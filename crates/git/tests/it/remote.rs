//! Finding git and asking remotes.

use std::time::Duration;

use freehold_git::{BranchName, Git, GitError, Remote};

use crate::world::{World, main_branch, options};

#[tokio::test]
async fn a_missing_and_an_old_git_are_named() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let mut wanted = options(dir.path());
    wanted.path_env = dir.path().into();
    assert!(matches!(
        Git::find(wanted.clone()).await,
        Err(GitError::Missing { .. })
    ));
    wanted.program = Some(dir.path().join("nowhere"));
    assert!(matches!(
        Git::find(wanted.clone()).await,
        Err(GitError::Missing { .. })
    ));
    let old = dir.path().join("git");
    std::fs::write(&old, "#!/bin/sh\necho git version 2.34.1\n").unwrap();
    std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o755)).unwrap();
    wanted.program = Some(old);
    let error = Git::find(wanted).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "git 2.34 is too old: 2.39 or newer is needed"
    );
    assert!(error.next().contains("newer"));
}

#[tokio::test]
async fn a_probe_shows_head_target_and_emptiness() {
    let world = World::new().await;
    let info = world
        .git
        .probe(&world.remote(), Some(&main_branch()))
        .await
        .unwrap();
    assert_eq!(info.head, Some(main_branch()));
    assert_eq!(info.target, world.remote_oid("refs/heads/main"));
    assert!(!info.empty);
    let other = BranchName::parse("nope").unwrap();
    assert_eq!(
        world
            .git
            .probe(&world.remote(), Some(&other))
            .await
            .unwrap()
            .target,
        None
    );

    let empty = World::empty().await;
    let info = empty
        .git
        .probe(&empty.remote(), Some(&main_branch()))
        .await
        .unwrap();
    assert!(info.empty && info.head.is_none() && info.target.is_none());
}

#[tokio::test]
async fn a_plain_path_is_a_remote_too() {
    let world = World::new().await;
    let remote = Remote::parse(world.bare().to_str().unwrap()).unwrap();
    assert!(world.git.probe(&remote, None).await.unwrap().head.is_some());
}

#[tokio::test]
async fn missing_and_unreachable_remotes_are_told_apart() {
    let world = World::new().await;
    let of = |text: &str| Remote::parse(text).unwrap();
    let missing = of(&format!("file://{}/none.git", world.dir.path().display()));
    let error = world.git.probe(&missing, None).await.unwrap_err();
    assert!(matches!(error, GitError::NotFound { .. }), "{error}");
    // A port that was just free: nobody listens.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let error = world
        .git
        .probe(&of(&format!("http://127.0.0.1:{port}/a.git")), None)
        .await
        .unwrap_err();
    assert!(matches!(error, GitError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_remote_that_accepts_and_says_nothing_is_given_up() {
    let world = World::new().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut wanted = options(world.dir.path());
    wanted.deadlines.idle = Duration::from_millis(300);
    let git = Git::find(wanted).await.unwrap();
    let error = git
        .probe(
            &Remote::parse(&format!("http://127.0.0.1:{port}/a.git")).unwrap(),
            None,
        )
        .await
        .unwrap_err();
    assert!(matches!(error, GitError::Timeout { .. }), "{error}");
    drop(listener);
}

#[tokio::test]
async fn dropping_a_call_ends_its_processes() {
    let world = World::new().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let remote = Remote::parse(&format!(
        "http://127.0.0.1:{}/dropped.git",
        listener.local_addr().unwrap().port()
    ))
    .unwrap();
    let running = || {
        let mine = |entry: std::fs::DirEntry| {
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(remote.as_str())
        };
        std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(Result::ok)
            .filter(|e| e.file_name().to_string_lossy().parse::<u32>().is_ok())
            .any(mine)
    };
    let until = |wanted: bool| async move {
        for _ in 0..500 {
            if running() == wanted {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    };
    let (git, to) = (world.git.clone(), remote.clone());
    let task = tokio::spawn(async move { git.probe(&to, None).await });
    assert!(until(true).await, "it never started");
    task.abort();
    assert!(
        until(false).await,
        "git, or its transport, outlived its caller"
    );
}

#[tokio::test]
async fn a_branch_that_is_missing_is_not_an_empty_remote() {
    let world = World::new().await;
    let store = world.store().await;
    let error = store
        .fetch(&BranchName::parse("develop").unwrap())
        .await
        .unwrap_err();
    assert!(matches!(error, GitError::TargetMissing { .. }), "{error}");

    let empty = World::empty().await;
    assert_eq!(
        empty.store().await.fetch(&main_branch()).await.unwrap(),
        None
    );
}
