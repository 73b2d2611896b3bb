//! Clocks of agents, people and remotes that are off (F24): what commits say of their time decides nothing.

use freehold_git::{Claim, Land, Merge, Oid, Store};

use crate::world::{RUN, World, freehold, main_branch};

const DAY: i64 = 86_400;
const NOW: i64 = 1_700_000_000;
/// More than the few commits that git looks behind one of an odd date.
const MANY: i64 = 30;

/// A history in which each commit is a day older than the one that it follows.
async fn backwards() -> (World, Store, Oid) {
    let world = World::empty().await;
    let clone = world.clone_of("seed");
    for n in 0..MANY {
        world.dated(NOW - n * DAY);
        std::fs::write(clone.join("count"), n.to_string()).unwrap();
        world.commit_all(&clone, "and one more");
    }
    world.raw(&clone, &["push", "-q", "origin", "HEAD:refs/heads/main"]);
    let store = world.store().await;
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    (world, store, base)
}

#[tokio::test]
async fn work_lands_and_is_found_whatever_its_commits_say_of_their_time() {
    for off in [-DAY, 1000 * DAY] {
        let (world, store, base) = backwards().await;
        let held = store.claim(RUN, 1, Some(&base), &[]).await.unwrap();
        assert_eq!(held, Claim::Held(base.clone()));
        world.dated(NOW + off);
        let head = world
            .agent_writes(&store, 1, Some(&base), "new", "new\n")
            .await;
        store.checkpoint(RUN, 1, &base, &head).await.unwrap();
        // The target moves, by people whose clocks are off the other way.
        for n in 0..2 {
            world.dated(NOW - off - n * DAY);
            world.someone_pushes(&format!("person-{n}"), "theirs\n");
        }
        let tip = store.fetch(&main_branch()).await.unwrap().unwrap();
        assert_eq!(store.find_landing(&tip, &head).await.unwrap(), None);
        let merged = store.merge(Some(&tip), &head, "land", &freehold()).await;
        let Merge::Commit(merged) = merged.unwrap() else {
            panic!("both sides have commits of their own")
        };
        let main = main_branch();
        let landed = store.land(RUN, 1, &head, &main, Some(&tip), &merged);
        assert_eq!(landed.await.unwrap(), Land::Done);
        for n in 2..9 {
            world.dated(NOW + off - n * DAY);
            world.someone_pushes(&format!("person-{n}"), "theirs\n");
        }
        let tip = store.fetch(&main_branch()).await.unwrap().unwrap();
        let found = store.find_landing(&tip, &head).await.unwrap();
        assert_eq!(found, Some(merged.clone()), "{off}");
        let again = store.merge(Some(&tip), &head, "land", &freehold()).await;
        let landed = merged;
        assert_eq!(again.unwrap(), Merge::AlreadyContained { landed });
        assert_eq!(store.list_files(&tip, 100).await.unwrap().len(), 11);
    }
}
