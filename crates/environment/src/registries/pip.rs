//! pip, asked through its own modules: its settings, its built-in default, and where its indexes keep files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Registries;
use crate::ask::{AskError, Asker};
use crate::endpoint::Url;

const CLIENT: &str = "pip";
const QUESTION: &str = include_str!("pip.py");

#[derive(Debug, Deserialize)]
struct Report {
    settings: BTreeMap<String, String>,
    default: String,
    /// Per index one file URL of each host; `None` where the index did not answer.
    files: BTreeMap<String, Option<Vec<String>>>,
}

pub(super) async fn learn(asker: &Asker) -> Registries {
    let mut found = Registries::default();
    let report = match asker.ask("python3", &["-c", QUESTION], &[]).await {
        Ok(text) => serde_json::from_str::<Report>(&text).ok(),
        Err(AskError::Absent) => return found,
        Err(_) => None,
    };
    let Some(report) = report else {
        found.warnings.push(
            "pip's indexes are not known: Python has no pip that can be asked. Install python3-pip or python3-venv, and \
             try `python3 -m pip config list`"
                .into(),
        );
        return found;
    };
    let setting = |key: &str| {
        report
            .settings
            .get(key)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    };
    found
        .env
        .insert("PIP_DISABLE_PIP_VERSION_CHECK".into(), "1".into());
    found.env.insert("PIP_NO_INPUT".into(), "1".into());
    let no_index = setting("no-index")
        .is_some_and(|value| ["1", "true", "yes", "on"].contains(&value.to_lowercase().as_str()));
    if no_index {
        found.env.insert("PIP_NO_INDEX".into(), "1".into());
    } else {
        indexes(
            &report,
            setting("index-url"),
            setting("extra-index-url"),
            &mut found,
        );
    }
    find_links(
        asker.home(),
        setting("find-links").unwrap_or_default(),
        &mut found,
    );
    if let Some(cert) = setting("cert")
        .map(Path::new)
        .filter(|cert| cert.is_absolute())
        && found.show(asker.home(), cert, CLIENT)
    {
        found
            .env
            .insert("PIP_CERT".into(), cert.to_string_lossy().into_owned());
    }
    if let Some(trusted) = setting("trusted-host") {
        found.env.insert(
            "PIP_TRUSTED_HOST".into(),
            trusted.split_whitespace().collect::<Vec<_>>().join(" "),
        );
    }
    if setting("client-cert").is_some() {
        found.stripped(CLIENT, &"its indexes (a client certificate)");
    }
    found
}

fn indexes(report: &Report, index: Option<&str>, extra: Option<&str>, found: &mut Registries) {
    let mut take = |url: &str| -> Option<Url> {
        let parsed = found.configured(url, CLIENT)?;
        match report.files.get(url) {
            Some(Some(files)) => files.iter().for_each(|file| found.delegated(&parsed.at.host, file, CLIENT)),
            _ => found.warnings.push(format!(
                "the index {} did not say where it keeps its files; only its own host is allowed. Check that this machine \
                 reaches it: `python3 -m pip download pip`",
                parsed.at
            )),
        }
        Some(parsed)
    };
    let main = take(index.unwrap_or(&report.default));
    let extra: Vec<String> = extra
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(&mut take)
        .map(|url| url.to_string())
        .collect();
    found
        .env
        .extend(main.map(|url| ("PIP_INDEX_URL".to_owned(), url.to_string())));
    if !extra.is_empty() {
        found
            .env
            .insert("PIP_EXTRA_INDEX_URL".into(), extra.join(" "));
    }
}

/// Pages and local folders with packages.
fn find_links(home: &Path, links: &str, found: &mut Registries) {
    let mut kept = Vec::new();
    for link in links.split_whitespace() {
        if link.contains("://") && !link.starts_with("file://") {
            kept.extend(found.configured(link, CLIENT).map(|url| url.to_string()));
            continue;
        }
        let path = PathBuf::from(link.strip_prefix("file://").unwrap_or(link));
        if path.is_absolute() && found.show(home, &path, CLIENT) {
            kept.push(path.to_string_lossy().into_owned());
        }
    }
    if !kept.is_empty() {
        found.env.insert("PIP_FIND_LINKS".into(), kept.join(" "));
    }
}
