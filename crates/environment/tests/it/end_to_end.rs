//! The real clients in a real sandbox with an empty network: they work through the proxy, and only so.

use std::collections::BTreeMap;
use std::path::Path;

use freehold_environment::cache::{
    Cache, HOME_SKIPPED, Key, KeyParts, Limits, Listing, Places, Restored,
};
use freehold_environment::egress::{Policy, Refusal};
use freehold_environment::project::{FileFacts, parse, propose};
use freehold_sandbox::HOME;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::kit::{Bench, Done, has, host};

fn good(done: &Done) {
    assert_eq!(done.code, 0, "{done:#?}");
    assert_eq!(done.log.refused().count(), 0, "{done:#?}");
    assert!(
        done.log.entries.iter().any(|entry| entry.down > 0),
        "nothing went through the proxy: {done:#?}"
    );
}

/// It failed because of the policy, and the person who reads the log of the run learns what to do.
fn refused(done: &Done) {
    assert_ne!(done.code, 0, "{done:#?}");
    let advice = done.log.advice();
    assert!(
        advice
            .iter()
            .any(|text| text.contains("set the project's egress to registries")),
        "{advice:?}"
    );
    let (entry, why) = done
        .log
        .refused()
        .next()
        .unwrap_or_else(|| panic!("nothing was refused: {done:#?}"));
    assert_eq!(why, Refusal::NoEgress);
    assert!(!entry.host.is_empty());
    assert!(
        done.log.entries.iter().all(|entry| entry.down == 0),
        "{done:#?}"
    );
}

#[tokio::test]
async fn npm_ci() {
    if !has("npm") {
        return;
    }
    let bench = Bench::new();
    let registries = bench.learn(&host()).await;
    let package = r#"{"name":"x","version":"1.0.0","dependencies":{"is-number":"7.0.0"}}"#;
    bench.file("package.json", package);
    refused(
        &bench
            .sh(&registries, Policy::None, "npm install --fetch-retries=0")
            .await,
    );
    good(
        &bench
            .sh(
                &registries,
                registries.policy(),
                "npm install --package-lock-only --no-audit --no-fund",
            )
            .await,
    );
    let lock = std::fs::read(bench.work().join("package-lock.json")).unwrap();
    let registries = registries.with_lock_files([("package-lock.json", lock.as_slice())]);
    let line =
        "rm -rf ~/.npm && npm ci && node -e 'process.exit(require(\"is-number\")(5) ? 0 : 1)'";
    good(&bench.sh(&registries, registries.policy(), line).await);
    let line = "rm -rf ~/.npm node_modules && npm ci --fetch-retries=0";
    refused(&bench.sh(&registries, Policy::None, line).await);
}

#[tokio::test]
async fn pip_install_into_a_virtual_environment() {
    if !has("python3") {
        return;
    }
    let bench = Bench::new();
    let registries = bench.learn(&host()).await;
    let none = "python3 -m venv .venv && .venv/bin/python -m pip install --retries 0 six";
    refused(&bench.sh(&registries, Policy::None, none).await);
    let line = "python3 -m venv .venv && .venv/bin/python -m pip install six && .venv/bin/python -c 'import six'";
    good(&bench.sh(&registries, registries.policy(), line).await);
}

#[tokio::test]
async fn cargo_fetch_and_an_offline_build() {
    if !has("cargo") {
        return;
    }
    let bench = Bench::new();
    let registries = bench.learn(&host()).await;
    let manifest = "[package]\nname = \"x\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\ncfg-if = \"1\"\n";
    bench.file("Cargo.toml", manifest);
    bench.file("src/lib.rs", "#[test]\nfn one() { assert_eq!(1, 1); }\n");
    refused(
        &bench
            .sh(
                &registries,
                Policy::None,
                "cargo fetch --config net.retry=0",
            )
            .await,
    );
    let done = bench
        .sh(
            &registries,
            registries.policy(),
            "cargo fetch && cargo test --offline",
        )
        .await;
    good(&done);
    let lock = std::fs::read(bench.work().join("Cargo.lock")).unwrap();
    let with_lock = registries.with_lock_files([("Cargo.lock", lock.as_slice())]);
    assert_eq!(
        with_lock.allow, registries.allow,
        "cargo's default registry is known already"
    );
}

#[tokio::test]
async fn there_is_no_way_round_the_proxy() {
    let bench = Bench::new();
    let registries = bench.learn(&host()).await;
    let line = "unset HTTPS_PROXY https_proxy HTTP_PROXY http_proxy; \
                python3 -c 'import socket; socket.create_connection((\"192.0.2.1\", 443), 5)' 2>&1; \
                cat /proc/net/route | wc -l";
    let done = bench.sh(&registries, registries.policy(), line).await;
    assert!(done.text.contains("unreachable"), "{done:#?}");
    assert_eq!(done.log.entries, [], "{done:#?}");
}

#[tokio::test]
async fn what_the_host_keeps_secret_is_not_inside() {
    let bench = Bench::new();
    let registries = bench.learn(&host()).await;
    let home = host().home;
    let home = home.display();
    let line = format!(
        "for f in .npmrc .pypirc .netrc .ssh .aws .gitconfig .cargo/credentials.toml .cargo/registry .config; do \
         test ! -e {home}/$f || echo shown: $f; done; ls -a {home} 2>/dev/null; true"
    );
    let done = bench.sh(&registries, Policy::None, &line).await;
    assert_eq!(done.code, 0);
    assert!(!done.text.contains("shown:"), "{}", done.text);
}

#[tokio::test]
async fn a_registry_on_the_owners_loopback_is_reached_through_the_proxy() {
    if !has("python3") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            assert!(stream.read(&mut head).await.unwrap() > 0);
            let page = "<a href='x-1.0.tar.gz'>an index of its own</a>";
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
                page.len()
            );
            stream.write_all(answer.as_bytes()).await.ok();
        }
    });
    let bench = Bench::new();
    let url = format!("http://127.0.0.1:{port}/simple");
    let mut owner = host();
    owner.env.insert("PIP_INDEX_URL".into(), url.clone());
    let registries = bench.learn(&owner).await;
    assert_eq!(registries.env["PIP_INDEX_URL"], url);
    let read = format!("import urllib.request as u; print(u.urlopen('{url}/x/').read().decode())");
    // Another server of the host is as far away as ever.
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let secret = format!("http://127.0.0.1:{}/", other.local_addr().unwrap().port());
    let line = format!(
        "python3 -c \"{read}\"; python3 -c \"import urllib.request as u; u.urlopen('{secret}')\" 2>&1"
    );
    let done = bench.sh(&registries, registries.policy(), &line).await;
    server.abort();
    assert!(done.text.contains("an index of its own"), "{done:#?}");
    assert!(
        done.text.contains("HTTP Error 403: Freehold refused"),
        "{done:#?}"
    );
    assert!(done.log.refused().any(|(_, why)| why == Refusal::Address));
}

/// Proposes, sets up, keeps, and checks a second checkout that got the cache instead of a setup.
async fn proposed_project_works_from_the_cache(files: &[(&str, &str)]) {
    let (first, second) = (Bench::new(), Bench::new());
    let mut facts = FileFacts::default();
    for (path, text) in files {
        first.file(path, text);
        second.file(path, text);
        facts.add_file(path, text.as_bytes());
    }
    let proposal = propose(&facts);
    assert_eq!(parse(proposal.text.as_bytes()).unwrap().file, proposal.file);
    let (setup, check) = (
        proposal.file.setup.unwrap().command,
        &proposal.file.checks[0].command,
    );
    let registries = first.learn(&host()).await;
    let (work, home) = (
        Listing::of(&first.work()).unwrap(),
        Listing::of(&first.home()).unwrap(),
    );
    good(&first.sh(&registries, registries.policy(), &setup).await);
    let added = (
        work.added(&first.work(), &[]).unwrap(),
        home.added(&first.home(), &HOME_SKIPPED).unwrap(),
    );
    let none = (BTreeMap::new(), BTreeMap::new());
    let parts = KeyParts {
        within: &[],
        directory: "",
        setup: &setup,
        files: &none.0,
        tools: &none.1,
        work: Path::new("/workspace"),
        home: Path::new(HOME),
    };
    let (key, cancel) = (Key::of(&parts), CancellationToken::new());
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::open(dir.path(), Limits::default()).await.unwrap();
    let places = |bench: &Bench| Places {
        work: bench.work(),
        home: bench.home(),
    };
    cache
        .save(&key, &places(&first), added.0, added.1, &cancel)
        .await
        .unwrap();
    let restored = cache
        .restore(&key, &places(&second), &cancel)
        .await
        .unwrap();
    assert!(matches!(restored, Restored::Yes { .. }), "{restored:?}");
    let done = second.sh(&registries, Policy::None, check).await;
    assert_eq!(done.code, 0, "{check}: {done:#?}");
}

#[tokio::test]
async fn a_python_package_from_proposal_to_check() {
    let test =
        "import six, thing\n\ndef test_it():\n    assert thing.ONE == six.moves.range(1, 2)[0]\n";
    proposed_project_works_from_the_cache(&[
        ("pyproject.toml", "[project]\nname = \"thing\"\nversion = \"1\"\ndependencies = [\"six\"]\n[tool.setuptools]\npy-modules = [\"thing\"]\n"),
        ("thing.py", "ONE = 1\n"),
        ("tests/test_thing.py", test),
    ])
    .await;
}

#[tokio::test]
async fn an_npm_package_from_proposal_to_check() {
    proposed_project_works_from_the_cache(&[
        (
            "package.json",
            r#"{"name":"x","version":"1.0.0","scripts":{"test":"node test.js"},"dependencies":{"is-number":"7.0.0"}}"#,
        ),
        ("test.js", "require('assert')(require('is-number')(5))\n"),
    ])
    .await;
}

#[tokio::test]
async fn a_rust_crate_from_proposal_to_check() {
    proposed_project_works_from_the_cache(&[
        ("Cargo.toml", "[package]\nname = \"x\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\ncfg-if = \"1\"\n"),
        ("src/lib.rs", "#[test]\nfn one() { cfg_if::cfg_if! { if #[cfg(unix)] { assert_eq!(1, 1) } } }\n"),
    ])
    .await;
}
