//! Lock files of the repository, read as data. They can name public `https` hosts and nothing else.

use serde_json::Value as Json;

use super::Registries;
use crate::egress::Private;
use crate::endpoint::{Host, Url};

/// The files that are read, in the root of the repository.
pub const LOCK_FILES: [&str; 11] = [
    "Cargo.lock",
    "Pipfile.lock",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "pdm.lock",
    "pnpm-lock.yaml",
    "poetry.lock",
    "pylock.toml",
    "requirements.txt",
    "uv.lock",
    "yarn.lock",
];

/// The lock file of a very large project has some 10 MB.
const MAX_LOCK: usize = 32 * 1024 * 1024;
/// How deep a lock file nests: npm's first format nests packages.
const MAX_DEPTH: usize = 64;
/// The keys of lock files whose values are where a package is fetched from.
const KEYS: [&str; 6] = ["resolved", "url", "source", "registry", "index", "tarball"];

/// Adds the hosts that one lock file names. What cannot be read adds a warning.
pub(super) fn read(path: &str, contents: &[u8], found: &mut Registries) {
    let name = path.rsplit('/').next().unwrap_or(path);
    if contents.len() > MAX_LOCK {
        return found.warnings.push(format!(
            "{path} is not read: it has more than {MAX_LOCK} bytes"
        ));
    }
    let text = String::from_utf8_lossy(contents);
    let mut urls = Vec::new();
    let readable = match name {
        "package-lock.json" | "npm-shrinkwrap.json" | "Pipfile.lock" => serde_json::from_str(&text)
            .map(|value: Json| walk(&value, "", &mut urls, 0))
            .is_ok(),
        "Cargo.lock" | "uv.lock" | "poetry.lock" | "pdm.lock" | "pylock.toml" => {
            toml::from_str(&text)
                .map(|value: Json| walk(&value, "", &mut urls, 0))
                .is_ok()
        }
        "yarn.lock" | "pnpm-lock.yaml" => {
            urls.extend(text.lines().flat_map(line_urls));
            true
        }
        "requirements.txt" => {
            urls.extend(text.lines().flat_map(requirement_urls));
            true
        }
        _ => return,
    };
    if !readable {
        found.warnings.push(format!(
            "{path} is not read: it is not what its name says. Make it anew with its client"
        ));
    }
    urls.sort();
    urls.dedup();
    for url in urls {
        // The default registry is known under a name that is not where cargo goes today.
        if found.cargo_default.as_deref() != Some(url.as_str()) {
            add(path, &url, found);
        }
    }
}

fn add(path: &str, url: &str, found: &mut Registries) {
    let plain = ["registry+", "sparse+", "git+", "url+"]
        .iter()
        .find_map(|kind| url.strip_prefix(kind))
        .unwrap_or(url);
    let Ok(parsed) = Url::parse(plain) else {
        return;
    };
    if found.allow.iter().any(|entry| entry.at == parsed.at) {
        return;
    }
    if !parsed.https || !matches!(parsed.at.host, Host::Name(_)) {
        found.warnings.push(format!(
            "{path} names {}, which is not allowed: only https and a host's name are",
            parsed.at
        ));
        return;
    }
    found.allow(parsed.at, path.to_owned(), Private::No);
}

fn walk(value: &Json, key: &str, urls: &mut Vec<String>, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    match value {
        Json::String(text) if KEYS.contains(&key) && text.contains("://") => {
            urls.push(text.clone())
        }
        Json::Array(items) => items
            .iter()
            .for_each(|item| walk(item, key, urls, depth + 1)),
        Json::Object(map) => map
            .iter()
            .for_each(|(key, item)| walk(item, key, urls, depth + 1)),
        _ => {}
    }
}

/// `resolved "https://…"` of yarn and `tarball: https://…` of pnpm.
fn line_urls(line: &str) -> Option<String> {
    let line = line.trim_start_matches([' ', '-', '{']);
    let rest = line
        .strip_prefix("resolved ")
        .or_else(|| line.split_once("tarball: ").map(|(_, rest)| rest))?;
    let url = rest
        .trim_matches(['"', '\'', ' '])
        .split(['"', '\'', ',', ' ', '}', '#'])
        .next()?;
    url.contains("://").then(|| url.to_owned())
}

/// `name @ https://…`, `--index-url https://…`, `-f https://…` and plain links of pip.
fn requirement_urls(line: &str) -> Vec<String> {
    let code = line.split(" #").next().unwrap_or_default();
    if code.trim_start().starts_with('#') {
        return Vec::new();
    }
    let words = code
        .split([' ', '\t', '='])
        .filter(|word| word.contains("://"));
    words
        .map(|word| word.split(';').next().unwrap_or(word).to_owned())
        .collect()
}
