//! Pushes whose answer never comes: the remote's refs say what became of them.

use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use freehold_git::{Claim, Git, GitError, Land, Store};

use crate::serve::Server;
use crate::world::{RUN, World, main_branch, options};

async fn served() -> (World, Server, Store) {
    let world = World::new().await;
    let server = Server::of(&world).await;
    let store = world
        .git
        .store(&world.path("store"), &server.remote)
        .await
        .unwrap();
    (world, server, store)
}

#[tokio::test]
async fn what_took_effect_is_found() {
    let (world, server, store) = served().await;
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    server.faults.lose_answers.store(1, SeqCst);
    assert_eq!(
        store.claim(RUN, 1, Some(&base), &[]).await.unwrap(),
        Claim::Held(base.clone())
    );
    let head = world
        .agent_writes(&store, 1, Some(&base), "new", "new\n")
        .await;
    server.faults.lose_answers.store(1, SeqCst);
    store.checkpoint(RUN, 1, &base, &head).await.unwrap();
    server.faults.lose_answers.store(1, SeqCst);
    assert_eq!(
        store
            .land(RUN, 1, &head, &main_branch(), Some(&base), &head)
            .await
            .unwrap(),
        Land::Done
    );
    assert_eq!(world.remote_oid("refs/heads/main"), Some(head));
    assert_eq!(server.faults.lose_answers.load(SeqCst), 0);
}

#[tokio::test]
async fn what_did_not_take_effect_is_unknown_and_safe_to_repeat() {
    let (world, server, store) = served().await;
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    server.faults.lose_requests.store(1, SeqCst);
    let error = store.claim(RUN, 1, Some(&base), &[]).await.unwrap_err();
    assert!(
        matches!(error, GitError::Unknown { .. }) && error.is_transient(),
        "{error}"
    );
    assert!(matches!(
        store.claim(RUN, 1, Some(&base), &[]).await.unwrap(),
        Claim::Held(_)
    ));
    let head = world
        .agent_writes(&store, 1, Some(&base), "new", "new\n")
        .await;
    server.faults.lose_requests.store(1, SeqCst);
    let land = async || {
        store
            .land(RUN, 1, &base, &main_branch(), Some(&base), &head)
            .await
    };
    assert!(matches!(land().await, Err(GitError::Unknown { .. })));
    assert_eq!(world.remote_oid("refs/heads/main"), Some(base.clone()));
    assert_eq!(land().await.unwrap(), Land::Done);
}

#[tokio::test]
async fn a_lost_answer_with_a_moved_target_is_not_done() {
    let (world, server, store) = served().await;
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    store.claim(RUN, 1, Some(&base), &[]).await.unwrap();
    let head = world
        .agent_writes(&store, 1, Some(&base), "new", "new\n")
        .await;
    let theirs = world.someone_pushes("theirs", "theirs\n");
    server.faults.lose_answers.store(1, SeqCst);
    let end = store
        .land(RUN, 1, &base, &main_branch(), Some(&base), &head)
        .await
        .unwrap();
    assert_eq!(end, Land::Moved { now: Some(theirs) });
}

async fn impatient(world: &World) -> Git {
    let mut wanted = options(world.dir.path());
    wanted.deadlines.idle = Duration::from_secs(2);
    Git::find(wanted).await.unwrap()
}

#[tokio::test]
async fn a_remote_that_hangs_is_given_up_at_the_deadline() {
    let (world, server, store) = served().await;
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    let git = impatient(&world).await;
    let store = git
        .store(&world.path("store"), &server.remote)
        .await
        .unwrap();
    server.faults.hang.store(true, SeqCst);
    let begun = Instant::now();
    let error = store.claim(RUN, 1, Some(&base), &[]).await.unwrap_err();
    assert!(matches!(error, GitError::Unknown { .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn a_hook_that_hangs_is_ended_with_the_push() {
    let world = World::new().await;
    let git = impatient(&world).await;
    let store = git
        .store(&world.path("store"), &world.remote())
        .await
        .unwrap();
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    store.claim(RUN, 1, Some(&base), &[]).await.unwrap();
    let head = world
        .agent_writes(&store, 1, Some(&base), "new", "new\n")
        .await;
    world.hook("pre-receive", "exec sleep 98765.4321");
    let error = store
        .land(RUN, 1, &base, &main_branch(), Some(&base), &head)
        .await
        .unwrap_err();
    assert!(matches!(error, GitError::Unknown { .. }), "{error}");
    let sleeps = || {
        let line =
            |e: std::fs::DirEntry| std::fs::read(e.path().join("cmdline")).unwrap_or_default();
        let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        processes.map(line).any(|l| l.ends_with(b"98765.4321\0"))
    };
    let until = Instant::now() + Duration::from_secs(20);
    while sleeps() {
        assert!(Instant::now() < until, "the hook outlived the push");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    world.hook("pre-receive", "exit 0");
    assert_eq!(
        store
            .land(RUN, 1, &base, &main_branch(), Some(&base), &head)
            .await
            .unwrap(),
        Land::Done
    );
}

#[tokio::test]
async fn a_remote_that_went_away_is_unreachable() {
    let (world, server, store) = served().await;
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    drop(server);
    drop(world.path(""));
    let error = loop {
        // The listener closes when its task has ended.
        match store.claim(RUN, 1, Some(&base), &[]).await {
            Err(error) => break error,
            Ok(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    assert!(matches!(error, GitError::Unreachable { .. }), "{error}");
}
