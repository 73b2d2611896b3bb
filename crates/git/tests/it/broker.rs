//! The store as an agent's own git sees it: what is shown can be fetched, a push is read word by
//! word and imported strictly, and nothing else gets through.

use std::io::Write as _;
use std::path::PathBuf;

use freehold_git::{GitError, ImportLimits, Oid, PushRequest, RunRef, Shown, Store};

use crate::world::{RUN, World, main_branch};

async fn shown() -> (World, Store, Oid, Shown) {
    let world = World::new().await;
    let store = world.store().await;
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    let refs = [("refs/heads/main".to_owned(), base.clone())].into();
    (world, store, base, Shown { refs })
}

fn line(text: &str) -> Vec<u8> {
    format!("{:04x}{text}", text.len() + 4).into_bytes()
}

#[tokio::test]
async fn what_is_shown_can_be_fetched_and_nothing_else() {
    let (world, store, base, shown) = shown().await;
    let secret = world
        .agent_writes(&store, 1, Some(&base), "secret", "of another run\n")
        .await;
    let refs = String::from_utf8(store.fetch_refs(&shown).await.unwrap()).unwrap();
    assert!(refs.contains(&format!("{base} refs/heads/main")), "{refs}");
    assert!(
        !refs.contains(secret.as_str()) && !refs.contains("refs/imported"),
        "{refs}"
    );
    let answer = world.path("answer");
    let ask = |oid: &Oid| {
        let mut request = line(&format!("want {oid} ofs-delta\n"));
        request.extend_from_slice(b"0000");
        request.extend(line("done\n"));
        request
    };
    store
        .fetch_pack(&shown, &ask(&base), &answer)
        .await
        .unwrap();
    let bytes = std::fs::read(&answer).unwrap();
    assert!(bytes.windows(4).any(|part| part == b"PACK"), "no pack came");
    let refused = store.fetch_pack(&shown, &ask(&secret), &answer).await;
    assert!(
        matches!(refused, Err(GitError::Failed { .. })),
        "{refused:?}"
    );
    let odd = store
        .fetch_pack(&shown, b"0014command=ls-refs\n0000", &answer)
        .await;
    assert!(matches!(odd, Err(GitError::BadRequest { .. })), "{odd:?}");
    let left = std::fs::read_dir(world.path("store/tmp")).unwrap().count();
    assert_eq!(left, 0, "no view is left");
}

/// The body of a push, as git sends it.
fn push(world: &World, work: &std::path::Path, new: &Oid, base: &Oid) -> PathBuf {
    let input = format!("{new}\n^{base}\n");
    let args = ["pack-objects", "--revs", "--stdout", "-q", "--thin"];
    let pack = world.raw_with_input(work, &args, input.as_bytes());
    let zero = "0".repeat(40);
    let mut body = line(&format!(
        "{zero} {new} refs/heads/freehold/run\0 report-status\n"
    ));
    body.extend_from_slice(b"0000");
    body.extend(pack);
    let path = world.path("body");
    std::fs::write(&path, body).unwrap();
    path
}

#[tokio::test]
async fn a_push_is_imported_strictly() {
    let (world, store, base, _) = shown().await;
    let work = world.workspace(&store, "work", Some(&base)).await;
    std::fs::write(work.join("new"), "new\n").unwrap();
    let head = world.commit_all(&work, "pushed");
    let body = push(&world, &work, &head, &base);
    let request = PushRequest::read(&body, store.uses_sha256()).unwrap();
    let name = RunRef::new(RUN, 3).unwrap();
    let limits = ImportLimits::default();
    let import = async |body: &PathBuf, limits: &ImportLimits| {
        store
            .import_push(body, &request, &head, &name, Some(&base), limits)
            .await
    };
    let small = ImportLimits {
        bytes: 10,
        ..limits
    };
    assert!(matches!(
        import(&body, &small).await,
        Err(GitError::TooLarge { .. })
    ));
    let mut torn = std::fs::read(&body).unwrap();
    let middle = torn.len() - 30;
    torn[middle] ^= 0xff;
    let bad = world.path("bad");
    std::fs::File::create(&bad)
        .unwrap()
        .write_all(&torn)
        .unwrap();
    assert!(matches!(
        import(&bad, &limits).await,
        Err(GitError::BadBundle { .. })
    ));
    let imported = import(&body, &limits).await.unwrap();
    assert_eq!((imported.head, imported.commits), (head.clone(), 1));
    assert_eq!(
        world.oid(&world.path("store/repo"), &format!("refs/imported/{RUN}/3")),
        head
    );
}
