//! npm, and with it pnpm and yarn, which read the same configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use freehold_sandbox::Mount;
use serde_json::{Map, Value};

use super::Registries;
use crate::ask::{AskError, Asker};
use crate::egress::LogIn;
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
    let mut registries = scopes(&config, &mut found);
    certificates(asker, &config, &mut found);
    if let Some(registry) = text("registry").and_then(|url| found.configured(url, CLIENT)) {
        registries.push(registry.clone());
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
            let global = key == "globalconfig";
            log_ins(asker, Path::new(path), global, &registries, &mut found);
        }
    }
    found
}

/// `@scope:registry`, which has no variable: it goes into `~/.npmrc`.
fn scopes(config: &Map<String, Value>, found: &mut Registries) -> Vec<Url> {
    let mut npmrc = String::new();
    let mut registries = Vec::new();
    for (key, value) in config {
        let scope = key
            .strip_suffix(":registry")
            .filter(|scope| scope.starts_with('@') && !scope.contains(['\n', '=']));
        if let (Some(scope), Some(url)) = (scope, value.as_str())
            && let Some(registry) = found.configured(url, CLIENT)
        {
            npmrc.push_str(&format!("{scope}:registry={registry}\n"));
            registries.push(registry);
        }
    }
    if !npmrc.is_empty() {
        found.home_files.insert(PathBuf::from(".npmrc"), npmrc);
    }
    registries
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

/// Takes the log-ins of a configuration file for the registries that are configured, and warns of
/// others. The global file lies beside npm's programs, which the sandbox shows: a file without log-ins
/// is put in its place.
fn log_ins(asker: &Asker, path: &Path, global: bool, registries: &[Url], found: &mut Registries) {
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
    let used = understood(&secret, registries, &|name| asker.var(name), found);
    if !used {
        let shown = path
            .strip_prefix(asker.home())
            .map(|rest| Path::new("~").join(rest))
            .unwrap_or_else(|_| path.to_path_buf());
        found.stripped(CLIENT, &shown.display());
    }
    if global {
        let contents = (plain.join("\n") + "\n").into_bytes();
        found.mounts.push(Mount::File {
            contents,
            target: path.to_path_buf(),
        });
    }
}

/// Takes the log-ins that are for a configured registry: `//host/path/:_authToken`, `:_auth`, or
/// `:username` with `:_password`. Gives whether all lines were of that kind.
fn understood<'a>(
    lines: &[&str],
    registries: &[Url],
    var: &dyn Fn(&str) -> Option<&'a str>,
    found: &mut Registries,
) -> bool {
    let mut parts: BTreeMap<&str, BTreeMap<&str, String>> = BTreeMap::new();
    let mut all = true;
    for line in lines {
        let pair = line.split_once('=').and_then(|(key, value)| {
            let (place, name) = key.trim().rsplit_once(':')?;
            Some((place, name, expanded(value, var)?))
        });
        match pair {
            Some((place, name, value)) if place.starts_with("//") => {
                parts.entry(place).or_default().insert(name, value);
            }
            _ => all = false,
        }
    }
    for (place, values) in parts {
        // npm leaves the scheme out: it is that of the registry on the same host.
        let mut urls = registries.iter().filter_map(|registry| {
            let scheme = if registry.https { "https" } else { "http" };
            let url = Url::parse(&format!("{scheme}:{place}")).ok()?;
            (url.at == registry.at).then_some(url)
        });
        let Some(url) = urls.next() else {
            all = false;
            continue;
        };
        let log_in = match (values.get("_authToken"), values.get("_auth")) {
            (Some(token), _) => LogIn::bearer(&url, token),
            (None, Some(encoded)) => LogIn::basic(&url, encoded),
            (None, None) => values
                .get("username")
                .zip(values.get("_password"))
                .and_then(|(user, password)| {
                    let password = STANDARD.decode(password).ok()?;
                    LogIn::password(&url, user, std::str::from_utf8(&password).ok()?)
                }),
        };
        let certificate = values.keys().any(|key| key.ends_with("file"));
        all &= log_in.is_some() && !certificate;
        found.log_ins.extend(log_in);
    }
    all
}

/// A value with the owner's variables in the place of `${NAME}`; none where one is not set.
fn expanded<'a>(value: &str, var: &dyn Fn(&str) -> Option<&'a str>) -> Option<String> {
    let mut text = String::new();
    let mut rest = value.trim().trim_matches(['"', '\'']);
    while let Some((before, after)) = rest.split_once("${") {
        let (name, more) = after.split_once('}')?;
        text.push_str(before);
        text.push_str(var(name)?);
        rest = more;
    }
    text.push_str(rest);
    Some(text)
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

    fn taken(lines: &[&str]) -> (bool, String) {
        let registries = ["https://r.example/npm/", "http://127.0.0.1:4873/"];
        let registries = registries.map(|text| Url::parse(text).unwrap());
        let var = |name: &str| (name == "NPM_TOKEN").then_some("hunter1");
        let mut found = Registries::default();
        let all = understood(lines, &registries, &var, &mut found);
        (all, format!("{:?}", found.log_ins))
    }

    #[test]
    fn log_ins_are_taken_for_configured_registries_alone() {
        for (lines, expected) in [
            (
                &["//r.example/npm/:_authToken=${NPM_TOKEN}"][..],
                (true, "[LogIn(r.example:443/npm/)]"),
            ),
            (
                &["//r.example/:_auth = \"bWU6aHVudGVy\""],
                (true, "[LogIn(r.example:443/)]"),
            ),
            (
                &[
                    "//127.0.0.1:4873/:username=me",
                    "//127.0.0.1:4873/:_password=aHVudGVy",
                ],
                (true, "[LogIn(127.0.0.1:4873/)]"),
            ),
            (&["//127.0.0.1:4873/:username=me"], (false, "[]")),
            (&["//r.example/:_authToken=${OTHER}"], (false, "[]")),
            (&["//other.example/:_authToken=x"], (false, "[]")),
            (&["//r.example:8443/:_authToken=x"], (false, "[]")),
            (&["_auth=bWU6aHVudGVy"], (false, "[]")),
        ] {
            let (all, log_ins) = taken(lines);
            assert_eq!((all, log_ins.as_str()), expected, "{lines:?}");
        }
    }

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
