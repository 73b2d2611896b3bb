//! Workspaces that hold a part of a commit: some folders, or all but what a rule names.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use freehold_git::{LeftOut, Shape};

use crate::workspace::Ground;
use crate::world::main_branch;

#[tokio::test]
async fn a_sparse_workspace_holds_its_folders_and_commits_the_rest_unchanged() {
    let files = [
        ("services/api/a", "a\n"),
        ("services/web/w", "w\n"),
        ("libs/l", "l\n"),
        ("docs/d", "d\n"),
    ];
    let ground = Ground::new(&files).await;
    let shape = Shape::of(["services/api", "libs"]).unwrap();
    let (work, _) = ground.lay("sparse", &ground.base, &shape).await.unwrap();
    ground.join(&work);
    let has = |path: &str| work.join(path).exists();
    assert!(has("services/api/a") && has("libs/l") && has("hello.txt"));
    assert!(!has("services/web") && !has("docs"));
    assert_eq!(ground.world.text(&work, &["status", "--porcelain"]), "");
    // What is written outside of the folders is seen, and added when that is said.
    std::fs::create_dir_all(work.join("docs")).unwrap();
    std::fs::write(work.join("docs/d"), "changed\n").unwrap();
    std::fs::write(work.join("docs/new"), "new\n").unwrap();
    ground.world.raw(&work, &["add", "-A", "--sparse"]);
    let added = ground
        .world
        .text(&work, &["diff", "--cached", "--name-status"]);
    assert_eq!(added, "M\tdocs/d\nA\tdocs/new\n");
    ground.world.raw(&work, &["reset", "-q", "--hard"]);
    std::fs::create_dir_all(work.join("libs")).unwrap();
    std::fs::write(work.join("libs/new"), "new\n").unwrap();
    ground.world.commit_all(&work, "in a part");
    let head = ground
        .world
        .import(&ground.store, &work, 1, Some(&ground.base))
        .await
        .head;
    let changed = ground
        .store
        .changed_files(Some(&ground.base), &head, 10)
        .await
        .unwrap();
    let paths: Vec<_> = changed.iter().map(|file| file.path.as_slice()).collect();
    assert_eq!(paths, [b"libs/new".as_slice()]);
    assert_eq!(ground.store.verify_bases().await.unwrap(), 0);
    assert!(work.as_os_str().as_bytes().ends_with(b"sparse"));
}

/// Files that a rule leaves out are not there, in no base and no delta of one, and are committed as they were.
#[tokio::test]
async fn what_is_left_out_is_not_there_and_stays_in_the_commits() {
    let files = [
        (".settings/hook.sh", "evil\n"),
        ("deep/.settings/x/y", "evil\n"),
        ("deep/kept", "k\n"),
        ("agent.json", "evil\n"),
    ];
    let ground = Ground::new(&files).await;
    let shape = Shape::whole().without(LeftOut {
        name: "settings",
        rule: |path| {
            path.split('/')
                .any(|part| part == ".settings" || part == "agent.json")
        },
    });
    let gone = |work: &Path| {
        [".settings", "deep/.settings", "agent.json"]
            .into_iter()
            .all(|path| !work.join(path).exists())
    };
    let (work, _) = ground.lay("first", &ground.base, &shape).await.unwrap();
    ground.join(&work);
    assert!(gone(&work) && work.join("deep/kept").exists());
    assert_eq!(ground.world.text(&work, &["status", "--porcelain"]), "");
    std::fs::write(work.join("deep/new"), "new\n").unwrap();
    ground.world.commit_all(&work, "beside them");
    let imported = ground
        .world
        .import(&ground.store, &work, 1, Some(&ground.base))
        .await;
    let changed = ground
        .store
        .changed_files(Some(&ground.base), &imported.head, 10)
        .await;
    let changed = changed.unwrap();
    let paths: Vec<_> = changed.iter().map(|file| file.path.as_slice()).collect();
    assert_eq!(paths, [b"deep/new".as_slice()]);

    let clone = ground.world.clone_of("person");
    std::fs::write(clone.join("agent.json"), "worse\n").unwrap();
    std::fs::write(clone.join("deep/.settings/x/y"), "worse\n").unwrap();
    std::fs::create_dir(clone.join("deep/.settings/z")).unwrap();
    std::fs::write(clone.join("deep/.settings/z/new"), "worse\n").unwrap();
    let next = ground.world.commit_all(&clone, "next");
    let push = ["push", "-q", "origin", "HEAD:refs/heads/main"];
    ground.world.raw(&clone, &push);
    ground.store.fetch(&main_branch()).await.unwrap();
    let (work, _) = ground.lay("next", &next, &shape).await.unwrap();
    ground.join(&work);
    assert!(gone(&work));
    assert_eq!(ground.world.text(&work, &["status", "--porcelain"]), "");
    assert_eq!(ground.store.verify_bases().await.unwrap(), 0);
    let (whole, _) = ground.lay("whole", &next, &Shape::whole()).await.unwrap();
    let there = std::fs::read_to_string(whole.join("agent.json")).unwrap();
    assert_eq!(there, "worse\n", "another shape has another base");
}
