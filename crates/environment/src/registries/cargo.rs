//! cargo: its configuration file as data, and its default registry as cargo itself finds it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use toml::{Table, Value};

use super::Registries;
use crate::ask::{AskError, Asker};
use crate::egress::Private;
use crate::endpoint::{Host, HostPort};

const CLIENT: &str = "cargo";
/// A small package that every full registry has, to see where cargo looks for it.
const PROBE: &str = "[package]\nname = \"probe\"\nversion = \"0.0.0\"\nedition = \"2018\"\n[dependencies]\ncfg-if = \"1\"\n[workspace]\n";

pub(super) async fn learn(asker: &Asker) -> Registries {
    let mut found = Registries::default();
    let home = asker
        .var("CARGO_HOME")
        .map_or_else(|| asker.home().join(".cargo"), PathBuf::from);
    let config = ["config.toml", "config"]
        .iter()
        .find_map(|name| fs::read_to_string(home.join(name)).ok());
    let config: Table = config
        .and_then(|text| text.parse().ok())
        .unwrap_or_default();
    let kept = sanitised(asker.home(), &home, &config, &mut found);
    let text = toml::to_string(&kept).unwrap_or_default();
    match probe(asker, &text).await {
        Ok(probed) => default_registry(&probed, &home, &mut found),
        Err(AskError::Absent) => return Registries::default(),
        Err(problem) => found.warnings.push(format!(
            "cargo's registry is not known: {problem}. Try `cargo fetch`"
        )),
    }
    if ["credentials.toml", "credentials"]
        .iter()
        .any(|name| home.join(name).exists())
    {
        found.stripped(CLIENT, &"its registries");
    }
    if !text.is_empty() {
        found
            .home_files
            .insert(PathBuf::from(".cargo/config.toml"), text);
    }
    found.env.insert("CARGO_NET_OFFLINE".into(), "false".into());
    found
}

/// What of the configuration concerns registries, without tokens, proxies and offline flags.
fn sanitised(home: &Path, cargo_home: &Path, config: &Table, found: &mut Registries) -> Table {
    let mut kept: BTreeMap<&str, Table> = BTreeMap::new();
    for (section, keys) in [
        ("source", SOURCE),
        ("registries", &["index", "protocol"][..]),
    ] {
        let tables = config
            .get(section)
            .and_then(Value::as_table)
            .into_iter()
            .flatten();
        for (name, table) in tables.filter_map(|(name, value)| Some((name, value.as_table()?))) {
            let mut new = Table::new();
            for (key, value) in table.iter().filter(|(key, _)| keys.contains(&key.as_str())) {
                let text = value.as_str().unwrap_or_default();
                if let Some(value) = setting(home, cargo_home, key, text, found) {
                    new.insert(key.clone(), Value::String(value));
                }
            }
            if table.contains_key("token") {
                found.stripped(CLIENT, &format_args!("its registry {name}"));
            }
            kept.entry(section)
                .or_default()
                .insert(name.clone(), Value::Table(new));
        }
    }
    for (section, keys) in [
        ("registry", &["default"][..]),
        ("http", HTTP),
        ("net", &["git-fetch-with-cli", "retry"][..]),
    ] {
        let table = config
            .get(section)
            .and_then(Value::as_table)
            .into_iter()
            .flatten();
        for (key, value) in table.filter(|(key, _)| keys.contains(&key.as_str())) {
            let ca = (key == "cainfo")
                .then(|| value.as_str().map(Path::new))
                .flatten();
            if ca.is_none_or(|path| path.is_absolute() && found.show(home, path, CLIENT)) {
                kept.entry(section)
                    .or_default()
                    .insert(key.clone(), value.clone());
            }
        }
    }
    kept.into_iter()
        .map(|(section, table)| (section.to_owned(), Value::Table(table)))
        .collect()
}

const SOURCE: &[&str] = &[
    "branch",
    "directory",
    "git",
    "local-registry",
    "registry",
    "replace-with",
    "rev",
    "tag",
];
const HTTP: &[&str] = &[
    "cainfo",
    "check-revoke",
    "multiplexing",
    "ssl-version",
    "timeout",
];

/// A key of a source or registry as it may be seen inside.
fn setting(
    home: &Path,
    cargo_home: &Path,
    key: &str,
    text: &str,
    found: &mut Registries,
) -> Option<String> {
    match key {
        "registry" | "index" | "git" => {
            let sparse = text.starts_with("sparse+");
            let url = found.configured(text.strip_prefix("sparse+").unwrap_or(text), CLIENT)?;
            Some(if sparse {
                format!("sparse+{url}")
            } else {
                url.to_string()
            })
        }
        "directory" | "local-registry" => {
            // Relative to the folder that holds `.cargo`, as in cargo's reference.
            let base = cargo_home.parent().unwrap_or(cargo_home);
            let path = base.join(text);
            found
                .show(home, &path, CLIENT)
                .then(|| path.to_string_lossy().into_owned())
        }
        _ => Some(text.to_owned()),
    }
}

/// What cargo did in a home of its own when it looked for one small package.
struct Probed {
    /// Folders of `registry/index` and their `config.json`, if any.
    indexes: Vec<(String, Option<Json>)>,
    /// What a lock file calls the default registry.
    default: Option<String>,
}

async fn probe(asker: &Asker, config: &str) -> Result<Probed, AskError> {
    let (project, home) = (
        asker.folder().join("cargo/project"),
        asker.folder().join("cargo/home"),
    );
    let prepared = fs::create_dir_all(project.join("src"))
        .and_then(|()| fs::create_dir_all(&home))
        .and_then(|()| fs::write(project.join("Cargo.toml"), PROBE))
        .and_then(|()| fs::write(project.join("src/lib.rs"), ""))
        .and_then(|()| fs::write(home.join("config.toml"), config));
    prepared.map_err(|_| AskError::NotStarted)?;
    let env = [
        ("CARGO_HOME", &*home.to_string_lossy()),
        ("CARGO_NET_OFFLINE", "false"),
    ]
    .map(|(k, v)| (k, v.to_owned()));
    let env: Vec<(&str, &str)> = env.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let about = asker
        .ask_in(
            &project,
            CLIENT,
            &["metadata", "--no-deps", "--offline", "--format-version=1"],
            &env,
        )
        .await?;
    let about: Json = serde_json::from_str(&about).unwrap_or_default();
    let default = about
        .pointer("/packages/0/dependencies/0/source")
        .and_then(Json::as_str)
        .map(str::to_owned);
    // Only the index is read, no package is fetched. Where it fails the owner's cache tells.
    asker
        .ask_in(&project, CLIENT, &["generate-lockfile"], &env)
        .await
        .ok();
    Ok(Probed {
        indexes: indexes(&home),
        default,
    })
}

/// The registries that a cargo home has looked into.
fn indexes(home: &Path) -> Vec<(String, Option<Json>)> {
    let entries = fs::read_dir(home.join("registry/index"))
        .into_iter()
        .flatten()
        .flatten();
    entries
        .filter_map(|entry| {
            let config = fs::read_to_string(entry.path().join("config.json")).ok();
            Some((
                entry.file_name().into_string().ok()?,
                config.and_then(|text| serde_json::from_str(&text).ok()),
            ))
        })
        .collect()
}

fn default_registry(probed: &Probed, cargo_home: &Path, found: &mut Registries) {
    found.cargo_default.clone_from(&probed.default);
    let own;
    let indexes = if probed.indexes.is_empty() {
        own = indexes(cargo_home);
        found.warnings.push(
            "cargo could not look into its registry; what it has seen before is allowed. Check that this machine reaches \
             it: `cargo search x`"
                .into(),
        );
        &own
    } else {
        &probed.indexes
    };
    for (folder, config) in indexes {
        // The folder is named host-hash (cargo, `SourceId` short name).
        let Some(host) = folder
            .rsplit_once('-')
            .and_then(|(host, _)| Host::parse(host).ok())
        else {
            continue;
        };
        let known = found.allow.iter().any(|entry| entry.at.host == host);
        if !known {
            found.allow(
                HostPort {
                    host: host.clone(),
                    port: 443,
                },
                "cargo's default registry".into(),
                Private::Yes,
            );
        }
        match config.as_ref().and_then(|config| config.get("dl")).and_then(Json::as_str) {
            Some(files) => found.delegated(&host, files, CLIENT),
            None => found.warnings.push(format!(
                "cargo's registry {host} did not say where it keeps its files; a cargo before 1.68 cannot tell. Update it"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_keeps_registries_and_loses_log_ins() {
        let config: Table = r#"
            [source.crates-io]
            replace-with = "mirror"
            [source.mirror]
            registry = "sparse+https://me:hunter2@mirror.example:8443/index/"
            [registries.mine]
            index = "sparse+http://127.0.0.1:7000/"
            token = "hunter3"
            [http]
            proxy = "http://hunter4@proxy.example"
            multiplexing = false
            [net]
            offline = true
            [build]
            rustc-wrapper = "hunter5"
        "#
        .parse()
        .unwrap();
        let mut found = Registries::default();
        let kept = sanitised(
            Path::new("/nowhere"),
            Path::new("/nowhere/.cargo"),
            &config,
            &mut found,
        );
        let text = toml::to_string(&kept).unwrap();
        assert!(
            !text.contains("hunter") && !text.contains("offline"),
            "{text}"
        );
        assert!(text.contains("sparse+https://mirror.example:8443/index/"));
        assert!(
            text.contains("multiplexing = false") && text.contains("replace-with = \"mirror\"")
        );
        let allowed: Vec<String> = found
            .allow
            .iter()
            .map(|entry| format!("{} {:?}", entry.at, entry.private))
            .collect();
        assert_eq!(allowed, ["mirror.example:8443 Yes", "127.0.0.1:7000 Yes"]);
        // The one in an address is the proxy's to use; a token of cargo's is not.
        assert_eq!(found.warnings.len(), 1, "{:?}", found.warnings);
        assert_eq!(
            format!("{:?}", found.log_ins),
            "[LogIn(mirror.example:8443/)]"
        );
        assert!(!found.warnings.concat().contains("hunter"));
    }
}
