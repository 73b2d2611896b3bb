//! What the real clients of this machine answer, with configurations of the test's own.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use freehold_environment::egress::{Allowed, Private};
use freehold_environment::registries::Registries;
use freehold_environment::toolchain::{self, Host};

use freehold_sandbox::Mount;
use tokio_util::sync::CancellationToken;

use crate::kit::{Bench, has, host};

/// The real programs with a home of the test's own. Managers that lie in the real home keep their roots.
fn sealed(bench: &Bench, files: &[(&str, &str)]) -> Host {
    let real = host();
    let home = bench.home();
    for (path, text) in files {
        let path = home.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let env: BTreeMap<String, String> = [("RUSTUP_HOME", ".rustup"), ("PYENV_ROOT", ".pyenv")]
        .map(|(name, folder)| {
            (
                name.to_owned(),
                real.home.join(folder).to_string_lossy().into_owned(),
            )
        })
        .into();
    Host {
        path: real.path,
        home,
        env,
    }
}

fn find<'a>(registries: &'a Registries, at: &str) -> &'a Allowed {
    let found = registries
        .allow
        .iter()
        .find(|entry| entry.at.to_string() == at);
    found.unwrap_or_else(|| panic!("{at} is not allowed: {registries:#?}"))
}

#[tokio::test]
async fn the_clients_of_this_machine_are_understood() {
    let bench = Bench::new();
    let registries = bench.learn(&host()).await;
    for (client, variable) in [
        ("npm", "npm_config_registry"),
        ("python3", "PIP_INDEX_URL"),
        ("cargo", "CARGO_NET_OFFLINE"),
    ] {
        assert!(
            !has(client) || registries.env.contains_key(variable),
            "{client}: {registries:#?}"
        );
    }
    assert!(!registries.allow.is_empty());
    assert!(registries.allow.len() < 20, "{registries:#?}");
    let scratch: Vec<_> = fs::read_dir(bench.work().parent().unwrap().join("scratch"))
        .unwrap()
        .collect();
    assert!(scratch.is_empty(), "the neutral folder is still there");
}

#[tokio::test]
async fn configured_registries_are_used_without_their_log_ins() {
    let bench = Bench::new();
    let links = bench.home().join("wheels");
    fs::create_dir(&links).unwrap();
    let pip = format!(
        "[global]\nindex-url = http://me:hunter1@127.0.0.1:9/simple\nextra-index-url = https://127.0.0.1:7/extra\nfind-links = {}\n",
        links.display()
    );
    let host = sealed(
        &bench,
        &[
            (
                ".npmrc",
                "registry=http://127.0.0.1:9/npm/\n@mine:registry=https://127.0.0.1:8/\n//127.0.0.1:9/npm/:_authToken=hunter2\n",
            ),
            (".config/pip/pip.conf", &pip),
            (
                ".cargo/config.toml",
                "[source.crates-io]\nreplace-with = \"m\"\n[source.m]\nregistry = \"sparse+http://127.0.0.1:6/index/\"\n[http]\nproxy = \"http://hunter3@127.0.0.1:5\"\n",
            ),
            (
                ".cargo/credentials.toml",
                "[registry]\ntoken = \"hunter4\"\n",
            ),
        ],
    );
    let global = bench.home().join("etc/npmrc");
    fs::create_dir(global.parent().unwrap()).unwrap();
    fs::write(&global, "fund=false\n//127.0.0.1:9/:_authToken=hunter6\n").unwrap();
    let mut host = host;
    let path = global.to_str().unwrap().to_owned();
    host.env.insert("NPM_CONFIG_GLOBALCONFIG".into(), path);
    let found = bench.learn(&host).await;
    if has("npm") {
        let plain = Mount::File {
            contents: b"fund=false\n".to_vec(),
            target: global,
        };
        assert!(found.mounts.contains(&plain), "{found:#?}");
        assert_eq!(find(&found, "127.0.0.1:9").private, Private::Yes);
        assert_eq!(find(&found, "127.0.0.1:8").private, Private::Yes);
        assert_eq!(found.env["npm_config_registry"], "http://127.0.0.1:9/npm/");
        assert_eq!(
            found.home_files[&PathBuf::from(".npmrc")],
            "@mine:registry=https://127.0.0.1:8/\n"
        );
        let kept = found
            .log_ins
            .iter()
            .filter(|own| own.at().port == 9)
            .count();
        assert!(
            kept >= 2,
            "the user's, the global one and pip's: {found:#?}"
        );
    }
    if has("python3") {
        assert_eq!(find(&found, "127.0.0.1:7").private, Private::Yes);
        assert_eq!(found.env["PIP_INDEX_URL"], "http://127.0.0.1:9/simple");
        assert_eq!(
            found.env["PIP_EXTRA_INDEX_URL"],
            "https://127.0.0.1:7/extra"
        );
        assert_eq!(found.env["PIP_FIND_LINKS"], links.to_str().unwrap());
        assert!(
            found
                .mounts
                .iter()
                .any(|mount| mount.source() == Some(&links.canonicalize().unwrap()))
        );
    }
    if has("cargo") {
        assert_eq!(find(&found, "127.0.0.1:6").private, Private::Yes);
        let config = &found.home_files[&PathBuf::from(".cargo/config.toml")];
        assert!(
            config.contains("sparse+http://127.0.0.1:6/index/") && !config.contains("proxy"),
            "{config}"
        );
    }
    assert!(
        found
            .allow
            .iter()
            .all(|entry| entry.at.to_string().starts_with("127.0.0.1:")),
        "{found:#?}"
    );
    let all = format!("{found:?}");
    assert!(!all.contains("hunter"), "{all}");
}

#[tokio::test]
async fn apts_repositories_are_those_of_its_own_sources() {
    if !has("apt-get") {
        return;
    }
    let bench = Bench::new();
    let cancel = CancellationToken::new();
    let found = Registries::learn_apt(&host(), &bench.home(), &cancel)
        .await
        .unwrap();
    let printed = std::process::Command::new("apt-get")
        .args(["update", "--print-uris"])
        .output()
        .unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    for entry in &found.allow {
        let host = entry.at.host.to_string();
        assert!(printed.contains(&format!("//{host}")), "{host}: {printed}");
        assert!(entry.private == Private::Yes && entry.origin == "apt's configuration");
    }
    assert_eq!(
        found.allow.is_empty(),
        !printed.contains("'http"),
        "{found:#?}"
    );
    // Who cannot use them does not reach them.
    let others = bench.learn(&host()).await;
    assert!(
        others
            .allow
            .iter()
            .all(|entry| entry.origin != "apt's configuration")
    );
    let both = others.and(&found);
    assert!(
        found
            .allow
            .iter()
            .all(|entry| both.allow.iter().any(|own| own.at == entry.at))
    );
    assert_eq!(both.env["npm_config_fund"], "false");
}

#[tokio::test]
async fn a_repository_configures_no_client() {
    let bench = Bench::new();
    for (path, text) in [
        (".npmrc", "registry=https://evil.example/\n"),
        ("pip.conf", "[global]\nindex-url = https://evil.example/\n"),
        (
            ".cargo/config.toml",
            "[registries.evil]\nindex = \"sparse+https://evil.example/\"\n",
        ),
    ] {
        bench.file(path, text);
    }
    let found = bench.learn(&host()).await;
    let lock = r#"{"packages":{"a":{"resolved":"https://files.example/a.tgz"}}}"#;
    let with_lock = found.with_lock_files([("package-lock.json", lock.as_bytes())]);
    assert!(!format!("{found:?}").contains("evil"));
    assert_eq!(
        find(&with_lock, "files.example:443").origin,
        "package-lock.json"
    );
    assert_eq!(find(&with_lock, "files.example:443").private, Private::No);
}

#[tokio::test]
async fn the_tools_of_this_machine_say_their_versions() {
    let bench = Bench::new();
    let scratch = bench.home();
    let found = toolchain::versions(&host(), &scratch, &CancellationToken::new())
        .await
        .unwrap();
    for tool in ["cargo", "node", "python3"] {
        let version = found.get(tool).map_or("", String::as_str);
        assert_eq!(has(tool), version.contains('.'), "{tool}: {found:?}");
    }
}
