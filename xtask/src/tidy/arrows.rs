//! Which crate may depend on which: ARCHITECTURE.md's arrows, and who may speak SQL and HTTP.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

/// What each of our crates may depend on, of ours. A crate that is not here fails: say in ARCHITECTURE.md what it is for.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("wire", &["model"]),
    ("store", &["model"]),
    ("engine", &["store", "wire", "model"]),
    ("server", &["engine", "studio", "wire", "model"]),
    ("agents", &["sandbox"]),
    ("environment", &["sandbox"]),
    (
        "runner",
        &[
            "wire",
            "model",
            "sandbox",
            "environment",
            "gateway",
            "git",
            "agents",
        ],
    ),
    ("gateway", &[]),
    ("git", &[]),
    ("postgres", &[]),
    ("sandbox", &[]),
    ("scripted", &[]),
    ("studio", &[]),
    (
        "cli",
        &[
            "server",
            "engine",
            "store",
            "runner",
            "model",
            "wire",
            "postgres",
            "scripted",
            "sandbox",
            "agents",
            "environment",
            "git",
        ],
    ),
    (
        "testkit",
        &[
            "agents",
            "cli",
            "engine",
            "environment",
            "gateway",
            "git",
            "model",
            "postgres",
            "runner",
            "sandbox",
            "scripted",
            "server",
            "store",
            "wire",
        ],
    ),
    ("xtask", &[]),
];

/// What tests may use besides: helpers, and a real database or a scripted model to play against.
const FOR_TESTS: &[&str] = &["testkit", "postgres", "scripted"];

/// A crate of others', who may depend on it, who may for its tests, and why no one else.
const KEPT: &[(&str, &[&str], &[&str], &str)] = &[
    (
        "sqlx",
        &["store", "runner", "testkit"],
        &[],
        "the only SQL is in store, and in the runner's journal",
    ),
    (
        "axum",
        &["server", "gateway", "scripted", "testkit"],
        &["runner", "agents", "cli"],
        "HTTP is served by server and gateway; scripted and testkit play other people's servers",
    ),
    (
        "anyhow",
        &["cli", "xtask"],
        &["testkit"],
        "a library's errors are enums that a caller can match",
    ),
    ("clap", &["cli"], &[], "only the command line parses words"),
    (
        "tokio-tungstenite",
        &["runner", "testkit"],
        &["server"],
        "the runner's link is the only socket that is dialled",
    ),
    ("object_store", &["store"], &[], "blobs are store's"),
];

/// Rooms that may not even be able to do IO.
const PURE: &[(&str, &[&str])] = &[
    (
        "model",
        &[
            "tokio",
            "tokio-util",
            "reqwest",
            "nix",
            "ring",
            "serde_json",
            "futures-util",
        ],
    ),
    ("wire", &["tokio", "tokio-util", "reqwest", "nix"]),
];

#[derive(Debug)]
pub(crate) struct Package {
    name: String,
    /// Name and whether it is for tests only.
    dependencies: Vec<(String, bool)>,
}

pub(crate) fn read(metadata: &[u8]) -> Result<Vec<Package>> {
    let metadata: Value = serde_json::from_slice(metadata).context("cargo metadata")?;
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata: packages")?;
    Ok(packages.iter().map(package).collect())
}

fn package(package: &Value) -> Package {
    let text = |value: &Value| room(value.as_str().unwrap_or_default()).to_owned();
    let dependencies = package["dependencies"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let dependencies = dependencies
        .iter()
        .map(|d| (text(&d["name"]), d["kind"] == "dev"))
        .collect();
    Package {
        name: text(&package["name"]),
        dependencies,
    }
}

fn room(name: &str) -> &str {
    name.strip_prefix("freehold-").unwrap_or(name)
}

pub(crate) fn check(packages: &[Package]) -> Vec<String> {
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut findings = Vec::new();
    for package in packages {
        let name = package.name.as_str();
        // The program's own package may be named like the product.
        let name = if name == "freehold" { "cli" } else { name };
        let Some(allowed) = arrows.get(name) else {
            findings.push(format!("crate {name}: no arrows for it in xtask/src/tidy/arrows.rs; add them there and to ARCHITECTURE.md"));
            continue;
        };
        for (dependency, tests) in &package.dependencies {
            let dependency = dependency.as_str();
            findings.extend(arrow(name, dependency, *tests, allowed, &arrows));
            findings.extend(kept(name, dependency, *tests));
            findings.extend(pure(name, dependency, *tests));
        }
    }
    findings
}

fn arrow(
    name: &str,
    dependency: &str,
    tests: bool,
    allowed: &[&str],
    ours: &BTreeMap<&str, &[&str]>,
) -> Option<String> {
    let fine = !ours.contains_key(dependency)
        || allowed.contains(&dependency)
        || (tests && FOR_TESTS.contains(&dependency));
    (!fine).then(|| {
        let may = if allowed.is_empty() {
            "nothing of ours".to_owned()
        } else {
            allowed.join(", ")
        };
        format!("crate {name} depends on {dependency}; it may depend on {may} (ARCHITECTURE.md)")
    })
}

fn kept(name: &str, dependency: &str, tests: bool) -> Option<String> {
    let (_, always, for_tests, why) = KEPT.iter().find(|(kept, ..)| *kept == dependency)?;
    let fine = always.contains(&name) || (tests && for_tests.contains(&name));
    (!fine).then(|| {
        format!(
            "crate {name} depends on {dependency}, which is for {}: {why}",
            always.join(", ")
        )
    })
}

fn pure(name: &str, dependency: &str, tests: bool) -> Option<String> {
    let (_, refused) = PURE.iter().find(|(room, _)| *room == name)?;
    (!tests && refused.contains(&dependency))
        .then(|| format!("crate {name} depends on {dependency}, and does no IO"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, dependency: &str, kind: Option<&str>) -> Vec<String> {
        let metadata = serde_json::json!({ "packages": [{ "name": name, "dependencies": [{ "name": dependency, "kind": kind }] }] });
        check(&read(metadata.to_string().as_bytes()).unwrap())
    }

    #[test]
    fn an_arrow_that_architecture_has_is_fine_and_another_is_not() {
        assert_eq!(found("freehold-engine", "freehold-store", None), [""; 0]);
        assert_eq!(
            found("freehold-store", "freehold-wire", None),
            ["crate store depends on wire; it may depend on model (ARCHITECTURE.md)"]
        );
        assert_eq!(
            found("freehold-git", "freehold-model", Some("build")).len(),
            1
        );
        assert_eq!(
            found("freehold-store", "freehold-postgres", Some("dev")),
            [""; 0]
        );
        assert_eq!(
            found("freehold-runner", "freehold-store", Some("dev")).len(),
            1
        );
        assert_eq!(found("freehold-new", "serde", None).len(), 1);
    }

    #[test]
    fn sql_http_and_io_stay_in_their_rooms() {
        assert_eq!(found("freehold-store", "sqlx", None), [""; 0]);
        assert!(found("freehold-engine", "sqlx", None)[0].contains("the only SQL is in store"));
        assert!(found("freehold-runner", "axum", None)[0].contains("HTTP is served by server"));
        assert_eq!(found("freehold-runner", "axum", Some("dev")), [""; 0]);
        assert!(found("freehold-model", "tokio", None)[0].contains("does no IO"));
    }
}
