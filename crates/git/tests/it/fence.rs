//! Claims, checkpoints and landings, with the remote as the arbiter.

use freehold_git::{Claim, GitError, Land, Oid, RunRef, Store};

use crate::world::{RUN, World, main_branch};

fn epoch(number: u32) -> RunRef {
    RunRef::new(RUN, number).unwrap()
}

async fn held(store: &Store, number: u32, at: Option<&Oid>, keep: &[u32]) -> Oid {
    match store.claim(RUN, number, at, keep).await.unwrap() {
        Claim::Held(oid) => oid,
        taken => panic!("{taken:?}"),
    }
}

#[tokio::test]
async fn a_claim_creates_the_ref_and_a_second_one_is_taken() {
    let world = World::new().await;
    let store = world.store().await;
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    assert_eq!(held(&store, 1, Some(&base), &[]).await, base);
    assert_eq!(
        world.remote_oid("refs/freehold/run_01/1"),
        Some(base.clone())
    );
    assert_eq!(
        store.claim(RUN, 1, Some(&base), &[]).await.unwrap(),
        Claim::Taken { epoch: 1 }
    );
    held(&store, 3, Some(&base), &[1]).await;
    assert_eq!(
        world.remote_oid("refs/freehold/run_01/1"),
        Some(base.clone()),
        "kept"
    );
    assert_eq!(
        store.claim(RUN, 2, Some(&base), &[]).await.unwrap(),
        Claim::Taken { epoch: 3 }
    );
    held(&store, 4, Some(&base), &[]).await;
    assert_eq!(world.remote_oid("refs/freehold/run_01/1"), None);
    assert_eq!(world.remote_oid("refs/freehold/run_01/3"), None);
    // Another run of the same project is not touched.
    assert!(matches!(
        store.claim("run_02", 1, Some(&base), &[]).await.unwrap(),
        Claim::Held(_)
    ));
    assert_eq!(world.remote_oid("refs/freehold/run_01/4"), Some(base));
}

#[tokio::test]
async fn an_empty_remote_is_claimed_with_the_same_marker_by_all() {
    let world = World::empty().await;
    let (a, b) = (world.store_named("a").await, world.store_named("b").await);
    let marker = held(&a, 1, None, &[]).await;
    assert_eq!(held(&b, 2, None, &[1]).await, marker);
    assert!(
        world.git.probe(&world.remote(), None).await.unwrap().empty,
        "refs of runs are no branches"
    );
    assert_eq!(a.fetch(&main_branch()).await.unwrap(), None);
    assert_eq!(a.fetch_run(&epoch(1)).await.unwrap(), Some(marker));
    assert_eq!(a.fetch_run(&epoch(7)).await.unwrap(), None);
}

#[tokio::test]
async fn of_racing_claims_exactly_one_is_held() {
    let world = World::new().await;
    let mut stores = Vec::new();
    for name in ["a", "b", "c"] {
        let store = world.store_named(name).await;
        store.fetch(&main_branch()).await.unwrap();
        stores.push(store);
    }
    let base = world.remote_oid("refs/heads/main").unwrap();
    for round in 1..=5 {
        let run = format!("race_{round}");
        let claims = stores.iter().map(|s| {
            let (s, run, base) = (s.clone(), run.clone(), base.clone());
            tokio::spawn(async move { s.claim(&run, 7, Some(&base), &[]).await.unwrap() })
        });
        let mut won = 0;
        for claim in claims.collect::<Vec<_>>() {
            match claim.await.unwrap() {
                Claim::Held(_) => won += 1,
                Claim::Taken { epoch } => assert_eq!(epoch, 7),
            }
        }
        assert_eq!(won, 1, "round {round}");
    }
}

#[tokio::test]
async fn of_racing_epochs_the_newest_is_held_and_no_older_one_is_left() {
    let world = World::new().await;
    let mut stores = Vec::new();
    for name in ["a", "b", "c"] {
        let store = world.store_named(name).await;
        store.fetch(&main_branch()).await.unwrap();
        stores.push(store);
    }
    let base = world.remote_oid("refs/heads/main").unwrap();
    for round in 1..=5 {
        let run = format!("race_{round}");
        let claims = stores.iter().zip(1u32..).map(|(s, epoch)| {
            let (s, run, base) = (s.clone(), run.clone(), base.clone());
            tokio::spawn(async move { s.claim(&run, epoch, Some(&base), &[]).await })
        });
        let mut ends = Vec::new();
        for claim in claims.collect::<Vec<_>>() {
            ends.push(claim.await.unwrap());
        }
        assert!(matches!(ends[2], Ok(Claim::Held(_))), "{ends:?}");
        let left = world.text(
            &world.bare(),
            &[
                "for-each-ref",
                "--format=%(refname)",
                &format!("refs/freehold/{run}"),
            ],
        );
        assert_eq!(left.trim(), format!("refs/freehold/{run}/3"), "{ends:?}");
    }
}

#[tokio::test]
async fn a_checkpoint_moves_only_what_is_ours() {
    let world = World::new().await;
    let store = world.store().await;
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    held(&store, 1, Some(&base), &[]).await;
    let head = world
        .agent_writes(&store, 1, Some(&base), "new", "new\n")
        .await;
    store.checkpoint(RUN, 1, &base, &head).await.unwrap();
    store
        .checkpoint(RUN, 1, &base, &head)
        .await
        .expect("done already is done");
    assert_eq!(
        world.remote_oid("refs/freehold/run_01/1"),
        Some(head.clone())
    );
    let other = world.store_named("elsewhere").await;
    assert_eq!(
        other.fetch_run(&epoch(1)).await.unwrap(),
        Some(head.clone())
    );
    held(&other, 2, Some(&head), &[1]).await;
    // The zombie's ref is kept, and yet it may not move it.
    let late = world
        .agent_writes(&store, 1, Some(&base), "late", "late\n")
        .await;
    assert!(matches!(
        store.checkpoint(RUN, 1, &head, &late).await,
        Err(GitError::Fenced { .. })
    ));
    held(&other, 3, Some(&head), &[]).await;
    assert!(matches!(
        store.checkpoint(RUN, 1, &head, &late).await,
        Err(GitError::Fenced { .. })
    ));
}

#[tokio::test]
async fn a_landing_moves_branch_and_epoch_together_and_is_found_again() {
    let world = World::new().await;
    let store = world.store().await;
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    held(&store, 1, Some(&base), &[]).await;
    let head = world
        .agent_writes(&store, 1, Some(&base), "new", "new\n")
        .await;
    for _ in 0..2 {
        let end = store
            .land(RUN, 1, &base, &main_branch(), Some(&base), &head)
            .await
            .unwrap();
        assert_eq!(end, Land::Done);
    }
    assert_eq!(world.remote_oid("refs/heads/main"), Some(head.clone()));
    assert_eq!(
        world.remote_oid("refs/freehold/run_01/1"),
        Some(head.clone())
    );
    world.someone_pushes("later", "later");
    let end = store
        .land(RUN, 1, &base, &main_branch(), Some(&base), &head)
        .await
        .unwrap();
    assert_eq!(end, Land::Done, "contained is landed");
}

#[tokio::test]
async fn the_first_commit_lands_on_an_empty_remote() {
    let world = World::empty().await;
    let store = world.store().await;
    let marker = held(&store, 1, None, &[]).await;
    let head = world
        .agent_writes(&store, 1, None, "first", "first\n")
        .await;
    assert_eq!(
        store
            .land(RUN, 1, &marker, &main_branch(), None, &head)
            .await
            .unwrap(),
        Land::Done
    );
    assert_eq!(world.remote_oid("refs/heads/main"), Some(head));
}

#[tokio::test]
async fn a_branch_that_appeared_is_not_overwritten() {
    let world = World::empty().await;
    let store = world.store().await;
    let marker = held(&store, 1, None, &[]).await;
    let head = world
        .agent_writes(&store, 1, None, "first", "first\n")
        .await;
    let theirs = world.someone_pushes("theirs", "theirs\n");
    let end = store
        .land(RUN, 1, &marker, &main_branch(), None, &head)
        .await
        .unwrap();
    assert_eq!(
        end,
        Land::Moved {
            now: Some(theirs.clone())
        }
    );
    assert_eq!(world.remote_oid("refs/heads/main"), Some(theirs));
}

#[tokio::test]
async fn a_zombie_cannot_land_even_where_its_ref_already_is_at_the_head() {
    let world = World::new().await;
    let store = world.store().await;
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    held(&store, 1, Some(&base), &[]).await;
    let head = world
        .agent_writes(&store, 1, Some(&base), "new", "new\n")
        .await;
    store.checkpoint(RUN, 1, &base, &head).await.unwrap();
    let other = world.store_named("elsewhere").await;
    other.fetch_run(&epoch(1)).await.unwrap();
    for keep in [&[1][..], &[]] {
        held(&other, 2 + u32::from(keep.is_empty()), Some(&head), keep).await;
        let end = store
            .land(RUN, 1, &head, &main_branch(), Some(&base), &head)
            .await
            .unwrap();
        assert_eq!(end, Land::Fenced);
        assert_eq!(world.remote_oid("refs/heads/main"), Some(base.clone()));
    }
}

/// The claim comes between the zombie's look and its push: only the transaction itself can stop it.
#[tokio::test]
async fn a_zombie_that_looked_too_early_is_stopped_by_the_remote() {
    let world = World::new().await;
    let store = world.store().await;
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    held(&store, 1, Some(&base), &[]).await;
    let head = world
        .agent_writes(&store, 1, Some(&base), "new", "new\n")
        .await;
    store.checkpoint(RUN, 1, &base, &head).await.unwrap();
    // The remote itself plays the newer claim: it deletes the epoch's ref while the push is under way.
    world.hook("pre-receive", "unset GIT_QUARANTINE_PATH; git update-ref -d refs/freehold/run_01/1 && git update-ref refs/freehold/run_01/2 refs/heads/main");
    let end = store
        .land(RUN, 1, &head, &main_branch(), Some(&base), &head)
        .await
        .unwrap();
    assert_eq!(end, Land::Fenced);
    assert_eq!(world.remote_oid("refs/heads/main"), Some(base));
}

#[tokio::test]
async fn a_landing_at_the_checkpoint_is_done() {
    let world = World::new().await;
    let store = world.store().await;
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    held(&store, 1, Some(&base), &[]).await;
    let head = world
        .agent_writes(&store, 1, Some(&base), "new", "new\n")
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
async fn never_a_force() {
    let world = World::new().await;
    let store = world.store().await;
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    held(&store, 1, Some(&base), &[]).await;
    let head = world
        .agent_writes(&store, 1, Some(&base), "new", "new\n")
        .await;
    let theirs = world.someone_pushes("theirs", "theirs\n");
    let end = store
        .land(RUN, 1, &base, &main_branch(), Some(&base), &head)
        .await
        .unwrap();
    assert_eq!(
        end,
        Land::Moved {
            now: Some(theirs.clone())
        }
    );
    store.fetch(&main_branch()).await.unwrap();
    let error = store
        .land(RUN, 1, &base, &main_branch(), Some(&theirs), &head)
        .await
        .unwrap_err();
    assert!(matches!(error, GitError::NotFastForward { .. }), "{error}");
    assert_eq!(world.remote_oid("refs/heads/main"), Some(theirs));
}

#[tokio::test]
async fn a_hooks_words_reach_the_reader() {
    let world = World::new().await;
    let store = world.store().await;
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    held(&store, 1, Some(&base), &[]).await;
    let head = world
        .agent_writes(&store, 1, Some(&base), "new", "new\n")
        .await;
    world.hook(
        "update",
        "case $1 in refs/heads/*) printf '\\033[31mTicket number missing\\n' >&2; exit 1;; esac",
    );
    let end = store
        .land(RUN, 1, &base, &main_branch(), Some(&base), &head)
        .await
        .unwrap();
    let Land::Refused { text } = end else {
        panic!("{end:?}")
    };
    assert!(
        text.contains("Ticket number missing") && !text.contains('\u{1b}'),
        "{text}"
    );
    assert_eq!(world.remote_oid("refs/heads/main"), Some(base.clone()));
    assert_eq!(
        world.remote_oid("refs/freehold/run_01/1"),
        Some(base.clone()),
        "nothing of it took effect"
    );
    world.hook("pre-receive", "echo 'refs/freehold is closed' >&2; exit 1");
    let error = store
        .claim("run_02", 1, Some(&base), &[])
        .await
        .unwrap_err();
    assert!(
        matches!(&error, GitError::Refused { said, .. } if said.contains("is closed")),
        "{error}"
    );
}

#[tokio::test]
async fn a_remote_without_atomic_pushes_is_named() {
    let world = World::new().await;
    let store = world.store().await;
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    world.raw(
        world.bare(),
        &["config", "receive.advertiseAtomic", "false"],
    );
    let error = store.claim(RUN, 1, Some(&base), &[]).await.unwrap_err();
    assert!(matches!(error, GitError::NoAtomic { .. }), "{error}");
    assert!(error.next().contains("atomic"));
}

#[tokio::test]
async fn refs_of_runs_are_deleted_once_or_twice() {
    let world = World::new().await;
    let store = world.store().await;
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    held(&store, 1, Some(&base), &[]).await;
    for _ in 0..2 {
        store.delete_runs(&[epoch(1), epoch(2)]).await.unwrap();
        assert_eq!(world.remote_oid("refs/freehold"), None);
    }
    held(&store, 2, Some(&base), &[]).await;
    world.hook("update", "echo no deletions here >&2; exit 1");
    let error = store.delete_runs(&[epoch(2)]).await.unwrap_err();
    assert!(matches!(error, GitError::Refused { .. }), "{error}");
}
