//! npm, and with it pnpm and yarn, which read the same configuration.

use std::path::{Path, PathBuf};

use freehold_sandbox::Mount;
use serde_json::{Map, Value};

use super::Registries;
use crate::ask::{AskError, Asker};
use crate::endpoint::Url;

const CLIENT: &str = "npm";
/// A configuration file of npm has a dozen lines.
const MAX_CONFIG: u64 = 256 * 1024;

pub(super) async fn learn(asker: &Asker) -> Registries {
    let mut found = Registries::default();
    let config = match asker.ask(CLIENT, &["config", "list", "--json"], &[]).await {
        Ok(text) => serde_json::from_str::<Map<String, Value>>(&text).unwrap_or_default(),
        Err(AskError::Absent) => return found,
        Err(problem) => {
            found.warnings.push(format!(
                "npm's registries are not known: {problem}. Try `npm config list`"
            ));
            return found;
        }
    };
    let text = |key: &str| {
        config
            .get(key)
            .and_then(Value::as_str)
            .filter(|value| !value.is_empty())
    };
    scopes(&config, &mut found);
    certificates(asker, &config, &mut found);
    if let Some(registry) = text("registry").and_then(|url| found.configured(url, CLIENT)) {
        found
            .env
            .insert("npm_config_registry".into(), registry.to_string());
        files(asker, &registry, &mut found).await;
    }
    for (key, off) in [
        ("offline", "false"),
        ("prefer_offline", "false"),
        ("update_notifier", "false"),
        ("fund", "false"),
    ] {
        found.env.insert(format!("npm_config_{key}"), off.into());
    }
    for key in ["userconfig", "globalconfig"] {
        if let Some(path) = text(key) {
            log_ins(
                asker.home(),
                Path::new(path),
                key == "globalconfig",
                &mut found,
            );
        }
    }
    found
}

/// `@scope:registry`, which has no variable: it goes into `~/.npmrc`.
fn scopes(config: &Map<String, Value>, found: &mut Registries) {
    let mut npmrc = String::new();
    for (key, value) in config {
        let scope = key
            .strip_suffix(":registry")
            .filter(|scope| scope.starts_with('@') && !scope.contains(['\n', '=']));
        if let (Some(scope), Some(url)) = (scope, value.as_str())
            && let Some(registry) = found.configured(url, CLIENT)
        {
            npmrc.push_str(&format!("{scope}:registry={registry}\n"));
        }
    }
    if !npmrc.is_empty() {
        found.home_files.insert(PathBuf::from(".npmrc"), npmrc);
    }
}

fn certificates(asker: &Asker, config: &Map<String, Value>, found: &mut Registries) {
    if let Some(path) = config.get("cafile").and_then(Value::as_str).map(Path::new)
        && path.is_absolute()
        && found.show(asker.home(), path, CLIENT)
    {
        found.env.insert(
            "npm_config_cafile".into(),
            path.to_string_lossy().into_owned(),
        );
    }
    if config.get("strict-ssl") == Some(&Value::Bool(false)) {
        found
            .env
            .insert("npm_config_strict_ssl".into(), "false".into());
    }
}

/// Asks the registry where it keeps the files of the client itself: often another host.
async fn files(asker: &Asker, registry: &Url, found: &mut Registries) {
    match asker
        .ask(CLIENT, &["view", "npm", "dist.tarball", "--json"], &[])
        .await
    {
        Ok(answer) => {
            if let Ok(Value::String(file)) = serde_json::from_str(&answer) {
                found.delegated(&registry.at.host, &file, CLIENT);
            }
        }
        // A registry of one's own packages does not know it; its files are then on its own host.
        Err(problem) => tracing::debug!(%problem, "npm's registry did not say where its files are"),
    }
}

/// Warns of log-ins in a configuration file. The global one lies beside npm's programs, which the
/// sandbox shows: a file without them is put in its place.
fn log_ins(home: &Path, path: &Path, global: bool, found: &mut Registries) {
    let Ok(meta) = path.metadata() else { return };
    if meta.len() > MAX_CONFIG {
        return;
    }
    let Ok(text) = std::fs::read_to_string(path) else {
        return;
    };
    let (secret, plain): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| is_log_in(line));
    if secret.is_empty() {
        return;
    }
    let shown = path
        .strip_prefix(home)
        .map(|rest| Path::new("~").join(rest))
        .unwrap_or_else(|_| path.to_path_buf());
    found.stripped(CLIENT, &shown.display());
    if global {
        let contents = (plain.join("\n") + "\n").into_bytes();
        found.mounts.push(Mount::File {
            contents,
            target: path.to_path_buf(),
        });
    }
}

fn is_log_in(line: &str) -> bool {
    let key = line.split('=').next().unwrap_or_default().trim();
    let name = key.rsplit(':').next().unwrap_or_default();
    ["_authToken", "_auth", "_password", "username", "certfile", "keyfile", "key", "cert", "otp"].contains(&name)
        // Variables in the file are somebody's environment; a URL may hold a password.
        || line.contains("://") && line.contains('@') && Url::parse(line.split_once('=').map_or("", |(_, url)| url.trim())).is_ok_and(|url| url.had_credentials)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_ins_are_told_from_settings() {
        for line in [
            "//registry.example/:_authToken=abc",
            "_auth = abc",
            "//registry.example/:_password=abc",
            "//r.example/:username=me",
            "registry=https://me:abc@registry.example/",
        ] {
            assert!(is_log_in(line), "{line}");
        }
        for line in [
            "registry=https://registry.example/",
            "@mine:registry=https://r.example/",
            "cafile=/etc/ca.pem",
            "; _auth",
            "",
        ] {
            assert!(!is_log_in(line), "{line}");
        }
    }
}
