//! A repository with every kind of file that makes some git execute something: nothing of it runs on
//! the host while it is fetched, laid out, compared, verified and served.

use std::path::Path;

use freehold_git::{GitError, ImportLimits, Oid, Shape, Shown, Workspace, release};

use crate::world::{RUN, World, main_branch};

/// Writes the mark when anything starts it.
fn trap(mark: &Path) -> String {
    format!("#!/bin/sh\necho \"$0 $*\" >> {}\ncat\n", mark.display())
}

fn traps(mark: &Path) -> Vec<(&'static str, String, String)> {
    let script = trap(mark);
    let start = format!("touch {}", mark.display());
    let config = format!(
        "[core]\n\tbare = true\n\tfsmonitor = \"{start}\"\n\thooksPath = hooks\n\tsshCommand = \"{start}\"\n\tpager = \"{start}\"\n[filter \"evil\"]\n\tsmudge = \"{start}\"\n\tclean = \"{start}\"\n\tprocess = \"{start}\"\n[diff \"evil\"]\n\ttextconv = \"{start}\"\n\tcommand = \"{start}\"\n[include]\n\tpath = evil.inc\n"
    );
    let attributes = "* filter=evil diff=evil merge=evil ident text=auto\n*.utf16 working-tree-encoding=UTF-16\n";
    let file = |path, text: &str| (path, "100644".to_owned(), text.to_owned());
    let program = |path| (path, "100755".to_owned(), script.clone());
    vec![
        file(".gitattributes", attributes),
        file("deep/.gitattributes", attributes),
        file(".gitconfig", &config),
        file("config", &config),
        file("HEAD", "ref: refs/heads/main\n"),
        file("objects/info/alternates", "/etc\n"),
        file("refs/heads/main", "x"),
        file("config.worktree", &config),
        file("commondir", "bare\n"),
        file("bare/HEAD", "ref: refs/heads/main\n"),
        file("bare/config", &config),
        file("bare/objects/info/alternates", "/etc\n"),
        file("bare/refs/heads/main", "x"),
        program("hooks/post-checkout"),
        program("hooks/post-index-change"),
        program("hooks/reference-transaction"),
        program("hooks/fsmonitor-watchman"),
        program(".husky/post-checkout"),
        program(".githooks/post-checkout"),
        file(".lfsconfig", "[lfs]\n\turl = http://127.0.0.1:1/evil\n"),
        file(".envrc", &script),
        file("Case", "upper"),
        file("case", "lower"),
        file("\"line\\nbreak\\033[31m\"", "x"),
        file("model.evil", "content\n"),
        ("link", "120000".into(), "/etc/passwd".into()),
        ("links", "120000".into(), "../../../..".into()),
    ]
}

fn commit_of(world: &World, files: &[(&str, String, String)]) -> Oid {
    let mut stream = b"commit refs/heads/main\ncommitter Ann <a@example.org> 1700000000 +0000\ndata 1\nx\nfrom refs/heads/main^0\n".to_vec();
    for (path, mode, text) in files {
        stream.extend(format!("M {mode} inline {path}\ndata {}\n{text}\n", text.len()).bytes());
    }
    world.raw_with_input(&world.bare(), &["fast-import", "--quiet"], &stream);
    world.remote_oid("refs/heads/main").unwrap()
}

#[tokio::test]
async fn nothing_of_a_repository_runs_on_the_host() {
    let world = World::new().await;
    let mark = world.path("mark");
    let tip = commit_of(&world, &traps(&mark));
    let store = world.store().await;
    assert_eq!(
        store.fetch(&main_branch()).await.unwrap(),
        Some(tip.clone())
    );
    let shape = Shape::whole();
    let work = world.path("work");
    let wanted = Workspace {
        base: Some(&tip),
        work: &work,
        scratch: &world.path("scratch"),
        objects_inside: &store.objects(),
        place: "/workspace".as_ref(),
        shape: &shape,
        remote: Some("http://127.0.0.1:1/repo"),
        lfs: None,
        owner: None,
    };
    store.workspace(&wanted).await.unwrap();
    let near = commit_of(&world, &[("more", "100644".into(), "more\n".into())]);
    store.fetch(&main_branch()).await.unwrap();
    let near_work = world.path("near");
    let of_near = Workspace {
        base: Some(&near),
        work: &near_work,
        scratch: &world.path("near-scratch"),
        ..wanted
    };
    store.workspace(&of_near).await.unwrap();
    store.verify_bases().await.unwrap();
    store.export(&near, &world.path("plain")).await.unwrap();
    store.diff(None, &near, 1 << 20).await.unwrap();
    store.changed_files(Some(&tip), &near, 100).await.unwrap();
    store.verify().await.unwrap();
    let refs = [("refs/heads/main".to_owned(), near)].into();
    store.fetch_refs(&Shown { refs }).await.unwrap();
    assert!(
        !mark.exists(),
        "{}",
        std::fs::read_to_string(&mark).unwrap()
    );
    // Bytes as they are in the commit: no filter, whatever the attributes say.
    assert_eq!(
        std::fs::read(work.join("bare/HEAD")).unwrap(),
        std::fs::read(near_work.join("bare/HEAD")).unwrap()
    );
    assert_eq!(
        std::fs::read_link(work.join("link")).unwrap(),
        Path::new("/etc/passwd")
    );
    let config = std::fs::read_to_string(world.path("scratch/config")).unwrap();
    assert!(
        !config.contains("evil") && !config.contains("extraheader"),
        "{config}"
    );
    // The control: a git that takes the folder for what it says does run it.
    let bare = world.path("control");
    std::fs::create_dir_all(bare.join("objects")).unwrap();
    std::fs::create_dir_all(bare.join("refs")).unwrap();
    std::fs::write(bare.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    std::fs::copy(work.join("bare/config"), bare.join("config")).unwrap();
    let tree = world.path("plain");
    let (dir, at) = (bare.to_str().unwrap(), tree.to_str().unwrap());
    world.try_raw(
        &tree,
        &["--git-dir", dir, "--work-tree", at, "add", "model.evil"],
    );
    assert!(
        mark.exists(),
        "the trap is no trap: the test proves nothing"
    );
    release(world.dir.path()).unwrap();
}

#[tokio::test]
async fn a_path_that_is_too_deep_is_refused_with_its_depth() {
    let world = World::new().await;
    let store = world.store().await;
    let base = store.fetch(&main_branch()).await.unwrap().unwrap();
    let work = world.workspace(&store, "work", Some(&base)).await;
    let deep = "d/".repeat(600);
    let stream = format!(
        "commit refs/heads/freehold/run\ncommitter Ann <a@example.org> 1700000000 +0000\ndata 1\nx\nfrom {base}\nM 100644 inline {deep}f\ndata 1\nx\n"
    );
    world.raw_with_input(
        &work,
        &["fast-import", "--quiet", "--force"],
        stream.as_bytes(),
    );
    let bundle = world.bundle(&work, Some(&base));
    let limits = ImportLimits::default();
    let error = store
        .import(&bundle, RUN, 1, Some(&base), &limits)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            GitError::TooLarge {
                limit: 512,
                found: Some(601),
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(
        error.to_string(),
        "the depth of a path is larger than 512: it is 601"
    );
}
