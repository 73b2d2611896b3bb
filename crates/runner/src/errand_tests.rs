//! Whatever way a program is started, the walls around it are the same.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use freehold_environment::toolchain::Toolchains;
use freehold_sandbox::{Init, Mount, Spec, Tier};
use freehold_wire::order::Egress;
use tokio_util::sync::CancellationToken;

use super::Errand;
use crate::execute::agent;
use crate::fakes::Counting;
use crate::options::RunnerEnv;
use crate::places::Places;
use crate::surroundings::{self, Folder, Git, Learned, Site};

/// What may differ between entry points, and what is left when that is taken away.
#[derive(Debug, PartialEq)]
struct Walls(String);

/// Names every field, so that a new one is judged here before this compiles again.
fn walls(spec: &Spec, own_env: &[&str], own_mounts: &[&str]) -> Walls {
    let Spec {
        tier,
        program: _,
        args: _,
        env,
        cwd,
        mounts,
        ports,
        limits,
        stdin: _,
        terminal,
        image,
        hypervisor,
        runtime,
        user,
        init,
    } = spec;
    let env: Vec<_> = env
        .iter()
        .filter(|(name, _)| !own_env.iter().any(|own| *name == own))
        .collect();
    // The git directory is each entry point's own choice of folder, and read-only before an agent.
    let mounts: Vec<&Mount> = mounts
        .iter()
        .filter(|mount| mount.target() != Path::new("/workspace/.git"))
        .filter(|mount| {
            !own_mounts
                .iter()
                .any(|own| mount.target() == Path::new(own))
        })
        .collect();
    Walls(format!(
        "{tier:?}\n{env:#?}\n{cwd:?}\n{mounts:#?}\n{ports:?}\n{limits:?}\n{terminal:?}\n{image:?}\n{hypervisor:?}\n{runtime:?}\n{user:?}\n{init:?}"
    ))
}

fn init() -> Init {
    Init {
        program: "/bin/true".into(),
        args: vec!["init".into()],
    }
}

fn launch() -> freehold_agents::Launch {
    let inside = freehold_agents::Inside {
        workspace: "/workspace".into(),
        start: "/workspace".into(),
        home: freehold_sandbox::HOME.into(),
        card_file: "/freehold/card.json".into(),
        path: "/usr/bin".into(),
        helper: freehold_agents::Helper {
            program: "/freehold/agent".into(),
            args: vec![],
            mcp_args: vec![],
        },
    };
    let config = freehold_agents::AgentConfig {
        driver: "command".parse().unwrap(),
        preset: None,
        command: vec!["./fix".into()],
        model: None,
        provider_kind: None,
        tools: false,
    };
    freehold_agents::plan(&config, &inside, None, None).unwrap()
}

#[tokio::test]
async fn all_entry_points_stand_behind_the_same_walls() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::below(dir.path());
    for folder in [&folder.work, &folder.scratch, &folder.home] {
        std::fs::create_dir(folder).unwrap();
    }
    let (environment, registries, entropy) = (
        [("PATH", "/usr/bin")].into_iter().collect::<RunnerEnv>(),
        Learned::default(),
        Counting::default(),
    );
    let init = init();
    let site = Site {
        data: dir.path(),
        environment: &environment,
        init: &init,
        registries: &registries,
        entropy: &entropy,
    };
    let objects = dir.path().join("objects");
    let places = Places::inside();
    let tools: Toolchains = surroundings::tools(site, &places, &[]).await.unwrap();

    let chore =
        |git| surroundings::chore(site, &tools, &folder, &objects, &places, git, None).unwrap();
    let (setup, check) = (chore(Git::Read), chore(Git::Write));
    let mut agent = surroundings::spec(site, &tools, &folder, &objects, &places, Git::Write);
    let launch = launch();
    agent::start_as(&mut agent, &launch);
    agent::furnish(&mut agent, &places, vec![], Path::new("/bin/true"));
    let errand = Errand {
        environment: environment.clone(),
        init: init.clone(),
        entropy: Arc::new(Counting::default()),
        scratch: dir.path().to_owned(),
        work: folder.work.clone(),
        home: folder.home.clone(),
        tier: Tier::Sandbox,
        egress: Egress::None,
        paths: vec![],
    };
    let command = errand.prepare(&CancellationToken::new()).await.unwrap();

    let theirs: BTreeSet<OsString> = launch.env.keys().map(OsString::from).collect();
    let mut own_env: Vec<&str> = theirs.iter().filter_map(|name| name.to_str()).collect();
    own_env.push("CI");
    let of = |spec: &Spec| walls(spec, &own_env, &["/freehold/card.json", "/freehold/agent"]);
    let wanted = of(&setup);
    assert_eq!(of(&check), wanted);
    assert_eq!(of(&agent), wanted);
    assert_eq!(of(&command.spec), wanted);
    // The comparison is not of nothing.
    assert!(
        wanted.0.contains("/workspace") && wanted.0.contains("PATH"),
        "{wanted:?}"
    );
    assert!(setup.tier == Tier::Sandbox && setup.ports.is_empty());
}

#[tokio::test]
async fn a_work_tree_of_git_is_shown_with_a_git_directory_that_can_only_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let work = dir.path().join("work");
    std::fs::create_dir_all(work.join(".git")).unwrap();
    let errand = Errand {
        environment: RunnerEnv::default(),
        init: init(),
        entropy: Arc::new(Counting::default()),
        scratch: dir.path().join("private"),
        work: work.clone(),
        home: dir.path().join("home"),
        tier: Tier::Sandbox,
        egress: Egress::None,
        paths: vec![],
    };
    let cancel = CancellationToken::new();
    let git = |spec: &Spec| {
        let at = |mount: &&Mount| mount.target() == Path::new("/workspace/.git");
        spec.mounts.iter().find(at).cloned().unwrap()
    };
    let theirs = errand.prepare(&cancel).await.unwrap();
    assert!(
        matches!(git(&theirs.spec), Mount::ReadOnly { source, .. } if source == work.join(".git"))
    );
    drop(theirs);
    assert!(work.join(".git").is_dir());
    std::fs::remove_dir(work.join(".git")).unwrap();
    let own = errand.prepare(&cancel).await.unwrap();
    assert!(
        matches!(git(&own.spec), Mount::ReadWrite { source, .. } if source.starts_with(&errand.scratch))
    );
    // As the sandbox does, to mount upon.
    std::fs::create_dir(work.join(".git")).unwrap();
    drop(own);
    assert!(!work.join(".git").exists());
}

#[test]
fn lock_files_are_the_projects_own_and_links_are_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let work = dir.path().join("work");
    for folder in ["web/node_modules/x", "deep/er"] {
        std::fs::create_dir_all(work.join(folder)).unwrap();
    }
    std::fs::write(dir.path().join("secret"), "secret").unwrap();
    for file in [
        "Cargo.lock",
        "deep/er/package-lock.json",
        "web/node_modules/x/yarn.lock",
        "other",
    ] {
        std::fs::write(work.join(file), file).unwrap();
    }
    std::os::unix::fs::symlink("../secret", work.join("uv.lock")).unwrap();
    std::os::unix::fs::symlink("..", work.join("round")).unwrap();
    let found = super::lock_files(&work);
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(names, ["Cargo.lock", "deep/er/package-lock.json"]);
}
