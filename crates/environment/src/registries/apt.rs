//! apt, for tiers in which something can be installed: asked which addresses an update would read.
//!
//! What `apt-get update --print-uris` prints comes from `sources.list`, its folder and deb822 files
//! alike, so none of them is read here. apt in a container has the container's own sources: what the
//! host's apt uses is what may be reached, as for the other clients.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use freehold_sandbox::Mount;
use tokio_util::sync::CancellationToken;

use super::{Registries, RegistriesError};
use crate::ask::{AskError, Asker};
use crate::toolchain;

const CLIENT: &str = "apt";
/// Where apt reads settings besides its own files, by `APT_CONFIG` (apt.conf(5)).
const CONFIG: &str = "/freehold/apt.conf";

impl Registries {
    /// Asks the host's apt, for a tier in which packages of the system can be installed. Kept apart
    /// from [`Registries::learn`], so that other tiers do not reach what they cannot use; put them
    /// together with [`Registries::and`]. The rest is as there.
    ///
    /// # Errors
    /// No folder can be made in `scratch`.
    pub async fn learn_apt(
        host: &toolchain::Host,
        scratch: &Path,
        cancel: &CancellationToken,
    ) -> Result<Self, RegistriesError> {
        let failed = |source: io::Error| RegistriesError::Scratch {
            path: scratch.to_path_buf(),
            source,
        };
        let asker = Asker::new(host, scratch, cancel).map_err(failed)?;
        let mut found = Self::default();
        let addresses = asker.ask("apt-get", &["update", "--print-uris"], &[]).await;
        match (addresses, asker.ask("apt-config", &["dump"], &[]).await) {
            (Ok(addresses), Ok(settings)) => {
                repositories(&addresses, &mut found);
                configuration(&settings, &host.home, &mut found);
            }
            (Err(AskError::Absent), _) => {}
            (Err(problem), _) | (_, Err(problem)) => found.warnings.push(format!(
                "apt's repositories are not known: {problem}. Try `apt-get update --print-uris`"
            )),
        }
        Ok(found)
    }
}

/// Lines of `'ADDRESS' FILE SIZE`.
fn repositories(lines: &str, found: &mut Registries) {
    let addresses = lines
        .lines()
        .filter_map(|line| line.strip_prefix('\'')?.split_once('\''));
    let mut odd = BTreeSet::new();
    for (address, _) in addresses {
        // Two names of one host would be two entries: the host is parsed before it is compared.
        match address.split_once("://") {
            Some(("http" | "https", _)) => drop(found.configured(address, CLIENT)),
            _ => {
                let method = address.split(':').next().unwrap_or_default();
                odd.insert(method.chars().take(20).collect::<String>());
            }
        }
    }
    for method in odd {
        found.warnings.push(format!(
            "apt is configured for an address of the kind {method:?}, which is not reached from inside; http and https are"
        ));
    }
    found.log_ins.dedup();
    found.warnings.sort();
    found.warnings.dedup();
}

/// Lines of `NAME "VALUE";`, as `apt-config dump` prints them.
fn configuration(lines: &str, home: &Path, found: &mut Registries) {
    let mut kept = String::new();
    for (name, value) in lines.lines().filter_map(setting) {
        let lower = name.to_ascii_lowercase();
        let method = lower.starts_with("acquire::http::") || lower.starts_with("acquire::https::");
        if !method || value.is_empty() {
            continue;
        }
        let own = lower.rsplit("::").next().unwrap_or_default();
        let file = Path::new(value);
        match own {
            "cainfo" if file.is_absolute() && found.show(home, file, CLIENT) => {
                kept.push_str(&format!("{name} \"{value}\";\n"));
            }
            "sslcert" | "sslkey" => {
                found.stripped(CLIENT, &"its repositories (a client certificate)")
            }
            _ if lower.contains("::proxy") && !value.eq_ignore_ascii_case("direct") => {
                found.warnings.push(
                    "apt is configured for a proxy; from inside, its repositories are reached without it".into(),
                );
            }
            _ => {}
        }
    }
    found.warnings.dedup();
    if !kept.is_empty() {
        found.mounts.push(Mount::File {
            contents: kept.into_bytes(),
            target: PathBuf::from(CONFIG),
        });
        found.env.insert("APT_CONFIG".into(), CONFIG.into());
    }
}

/// A setting whose value has nothing that would have to be escaped.
fn setting(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.split_once(" \"")?;
    let value = rest.strip_suffix("\";")?;
    let plain = !value.contains(['"', '\\']) && !value.bytes().any(|byte| byte.is_ascii_control());
    plain.then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(found: &Registries) -> Vec<String> {
        let all = found.allow.iter();
        all.map(|entry| format!("{} {:?}", entry.at, entry.private))
            .collect()
    }

    #[test]
    fn repositories_are_what_an_update_would_read() {
        let lines = "'http://deb.example/debian/dists/x/InRelease' deb.example_debian_dists_x_InRelease 0 \n\
             'http://DEB.example:80/debian/dists/y/InRelease' b 0 \n\
             'https://me:hunter@private.example:8443/apt/dists/x/InRelease' c 0 \n\
             'mirror+file:/etc/apt/mirrors/a.list/dists/x/InRelease' d 0 \n\
             'cdrom://x/' e 0\nReading package lists...\n'broken\n";
        let mut found = Registries::default();
        repositories(lines, &mut found);
        assert_eq!(
            hosts(&found),
            ["deb.example:80 Yes", "private.example:8443 Yes"]
        );
        assert_eq!(found.warnings.len(), 2, "{:?}", found.warnings);
        assert_eq!(found.log_ins.len(), 1);
        assert!(!format!("{found:?}").contains("hunter"));
    }

    #[test]
    fn settings_keep_certificates_and_lose_proxies_and_keys() {
        let lines = "Acquire::http::Proxy \"http://me:hunter@cache.example:3142\";\n\
             Acquire::http::Proxy::deb.example \"DIRECT\";\n\
             Acquire::https::CAInfo \"/etc/ssl/certs/ca-certificates.crt\";\n\
             Acquire::https::SslKey \"/root/hunter.key\";\nAcquire::http::Timeout \"5\";\nAPT \"\";\n";
        let mut found = Registries::default();
        configuration(lines, Path::new("/nowhere"), &mut found);
        assert_eq!(found.warnings.len(), 2, "{:?}", found.warnings);
        assert!(!format!("{found:?}").contains("hunter"));
        let Some(Mount::File { contents, .. }) = found.mounts.first() else {
            panic!("{found:?}")
        };
        let text = String::from_utf8(contents.clone()).unwrap();
        assert_eq!(
            text,
            "Acquire::https::CAInfo \"/etc/ssl/certs/ca-certificates.crt\";\n"
        );
    }
}
