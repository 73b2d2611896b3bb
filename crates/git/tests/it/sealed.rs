//! What a git process can see: a stand-in for git writes down its environment.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use freehold_git::{Credentials, Git, Remote};

use crate::world::options;

/// Answers `git version`, appends everything else's environment to a file.
async fn seen(credentials: Credentials) -> BTreeMap<String, String> {
    let dir = tempfile::tempdir().unwrap();
    let (program, dump) = (dir.path().join("git"), dir.path().join("dump"));
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = version ]; then echo git version 2.47.3; else env > {}; fi\n",
        dump.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut wanted = options(dir.path());
    wanted.program = Some(program);
    wanted.credentials = credentials;
    wanted.network_env = vec![
        ("HTTPS_PROXY".into(), "http://proxy:1".into()),
        ("LD_PRELOAD".into(), "/evil.so".into()),
    ];
    let git = Git::find(wanted).await.unwrap();
    let remote = Remote::parse("https://example.org/a.git").unwrap();
    git.probe(&remote, None).await.unwrap();
    let text = std::fs::read_to_string(dump).unwrap();
    let pair = |line: &str| {
        line.split_once('=')
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
    };
    text.lines().filter_map(pair).collect()
}

fn config(env: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let count: usize = env["GIT_CONFIG_COUNT"].parse().unwrap();
    let one = |n| {
        (
            env[&format!("GIT_CONFIG_KEY_{n}")].clone(),
            env[&format!("GIT_CONFIG_VALUE_{n}")].clone(),
        )
    };
    (0..count).map(one).collect()
}

#[tokio::test]
async fn nothing_of_ours_is_seen_and_everything_risky_is_off() {
    let env = seen(Credentials::default()).await;
    for name in env.keys() {
        let known = [
            "PATH",
            "HOME",
            "LC_ALL",
            "PWD",
            "OLDPWD",
            "SHLVL",
            "_",
            "HTTPS_PROXY",
        ];
        let own = name.starts_with("GIT_") || name.starts_with("SSH_ASKPASS");
        assert!(own || known.contains(&name.as_str()), "{name} came through");
    }
    assert!(env["HOME"].ends_with("/home"));
    assert_eq!(env["GIT_CONFIG_NOSYSTEM"], "1");
    assert_eq!(env["GIT_CONFIG_GLOBAL"], "/dev/null");
    assert_eq!(env["GIT_TERMINAL_PROMPT"], "0");
    assert!(env["GIT_SSH_COMMAND"].contains("IdentityAgent=none"));
    let config = config(&env);
    for (key, value) in [
        ("core.hooksPath", "/dev/null"),
        ("core.fsmonitor", "false"),
        ("protocol.allow", "never"),
        ("safe.bareRepository", "explicit"),
        ("http.followRedirects", "false"),
        ("fetch.fsckObjects", "true"),
        ("submodule.recurse", "false"),
        ("gc.auto", "0"),
    ] {
        assert!(config.contains(&(key.into(), value.into())), "{key}");
    }
    let helpers: Vec<_> = config
        .iter()
        .filter(|(k, _)| k == "credential.helper")
        .collect();
    assert_eq!(helpers, [&("credential.helper".to_owned(), String::new())]);
}

#[tokio::test]
async fn what_is_granted_is_seen_by_network_commands() {
    let granted = Credentials {
        helper: Some("!secret-helper".into()),
        ssh_agent: Some("/run/agent".into()),
        ssh_command: None,
        home: Some("/home/ann".into()),
    };
    assert!(!format!("{granted:?}").contains("secret"));
    let env = seen(granted).await;
    assert_eq!(env["SSH_AUTH_SOCK"], "/run/agent");
    assert_eq!(env["HOME"], "/home/ann");
    assert_eq!(config(&env).last().unwrap().1, "!secret-helper");
}
