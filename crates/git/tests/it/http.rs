//! Smart HTTP with credentials, redirects and failures.

use std::sync::atomic::Ordering::SeqCst;

use freehold_git::{Claim, Git, GitError, Land, Remote};

use crate::serve::Server;
use crate::world::{RUN, World, main_branch, options};

const HELPER: &str = "!f() { test \"$1\" = get && echo username=ann && echo password=secret; }; f";

async fn with_helper(world: &World, helper: &str) -> Git {
    let mut wanted = options(world.dir.path());
    wanted.credentials.helper = Some(helper.into());
    Git::find(wanted).await.unwrap()
}

#[tokio::test]
async fn a_run_over_http_lands() {
    let world = World::new().await;
    let server = Server::of(&world).await;
    let store = world
        .git
        .store(&world.path("store"), &server.remote)
        .await
        .unwrap();
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    assert_eq!(
        store.claim(RUN, 1, Some(&base), &[]).await.unwrap(),
        Claim::Held(base.clone())
    );
    let big: String = (0..400_000u32)
        .map(|n| format!("{:x}\n", n.wrapping_mul(2_654_435_761)))
        .collect();
    let head = world
        .agent_writes(&store, 1, Some(&base), "big", &big)
        .await;
    store.checkpoint(RUN, 1, &base, &head).await.unwrap();
    assert_eq!(
        store
            .land(RUN, 1, &head, &main_branch(), Some(&base), &head)
            .await
            .unwrap(),
        Land::Done
    );
    assert_eq!(world.remote_oid("refs/heads/main"), Some(head));
}

#[tokio::test]
async fn credentials_are_refused_or_accepted() {
    let world = World::new().await;
    let server = Server::of(&world).await;
    server.faults.locked.store(true, SeqCst);
    for git in [
        world.git.clone(),
        with_helper(
            &world,
            "!f() { echo username=ann; echo password=wrong; }; f",
        )
        .await,
    ] {
        let error = git.probe(&server.remote, None).await.unwrap_err();
        assert!(matches!(error, GitError::AuthRefused { .. }), "{error}");
        assert!(error.next().contains("credential helper"));
        assert!(!format!("{error:?}").contains("wrong"), "{error:?}");
    }
    let git = with_helper(&world, HELPER).await;
    assert!(
        git.probe(&server.remote, None)
            .await
            .unwrap()
            .head
            .is_some()
    );
    let store = git
        .store(&world.path("store"), &server.remote)
        .await
        .unwrap();
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    assert!(matches!(
        store.claim(RUN, 1, Some(&base), &[]).await.unwrap(),
        Claim::Held(_)
    ));
}

#[tokio::test]
async fn redirects_are_refused_and_failures_named() {
    let world = World::new().await;
    let server = Server::of(&world).await;
    let missing = Remote::parse(&server.remote.as_str().replace("remote.git", "none.git")).unwrap();
    let error = world.git.probe(&missing, None).await.unwrap_err();
    assert!(matches!(error, GitError::NotFound { .. }), "{error}");
    server.faults.broken.store(true, SeqCst);
    let error = world.git.probe(&server.remote, None).await.unwrap_err();
    assert!(matches!(error, GitError::Unreachable { .. }), "{error}");
    server.faults.broken.store(false, SeqCst);
    server.faults.redirect.store(true, SeqCst);
    let error = world.git.probe(&server.remote, None).await.unwrap_err();
    assert!(matches!(error, GitError::Redirected { .. }), "{error}");
}
