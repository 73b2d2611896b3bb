//! The parts of the host that programs need and that tell nothing of its user.

use std::fs;
use std::path::{Path, PathBuf};

use crate::spec::Mount;

/// The name of the user inside.
pub const USER: &str = "freehold";
/// The home of that user in the generated `/etc/passwd`. Mount something there and set `HOME`.
pub const HOME: &str = "/home/freehold";

const SYSTEM: [&str; 7] = [
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
];

/// Shown when present. Not here, because they may hold secrets: `ssl/private`, `gitconfig`, `npmrc`,
/// `pip.conf`, `environment`, `ssh`, `shadow`; not here, because they are made: see [`generated`].
const ETC: [&str; 35] = [
    "alternatives",
    "bash.bashrc",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "debian_version",
    "ethertypes",
    "fonts",
    "gai.conf",
    "inputrc",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "locale.conf",
    "locale.gen",
    "localtime",
    "lsb-release",
    "magic",
    "magic.mime",
    "mime.types",
    "os-release",
    "perl",
    "pki/ca-trust",
    "pki/tls/certs",
    "profile",
    "profile.d",
    "protocols",
    "rpc",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
    "xml",
];

/// Configuration that Debian keeps per version: `java-17-openjdk`, `python3.11`.
const ETC_FAMILIES: [&str; 2] = ["java-", "python3"];

/// The system directories, read-only: `/usr`, `/bin`, `/sbin`, `/lib*` (symbolic links as such) and
/// the parts of `/etc` that programs need, with a generated `passwd`, `group`, `hosts` and
/// `nsswitch.conf`. Never `/root`, `/home`, `/var`, `/run`, passwords or keys.
#[must_use]
pub fn host_root() -> Vec<Mount> {
    let mut mounts: Vec<Mount> = SYSTEM
        .iter()
        .filter_map(|path| shown(Path::new(path)))
        .collect();
    let etc = Path::new("/etc");
    mounts.extend(ETC.iter().filter_map(|name| shown(&etc.join(name))));
    mounts.extend(families(etc).iter().filter_map(|path| shown(path)));
    mounts.extend(generated());
    mounts
}

/// A path of the host as it is: a link stays a link, what is absent stays absent.
fn shown(path: &Path) -> Option<Mount> {
    let target = path.to_path_buf();
    if let Ok(points_to) = fs::read_link(path) {
        return Some(Mount::Symlink { points_to, target });
    }
    path.exists().then(|| Mount::ReadOnly {
        source: path.to_path_buf(),
        target,
    })
}

fn families(etc: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(etc)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            ETC_FAMILIES
                .iter()
                .any(|family| name.as_encoded_bytes().starts_with(family.as_bytes()))
        })
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

/// No names of the host's users, machines or resolvers.
fn generated() -> [Mount; 4] {
    let file = |target: &str, contents: String| Mount::File {
        contents: contents.into(),
        target: target.into(),
    };
    let nobody = "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
    let user = crate::floor::UID;
    [
        file(
            "/etc/passwd",
            format!(
                "root:x:0:0:root:/root:/usr/sbin/nologin\n{USER}:x:{user}:{user}:Freehold:{HOME}:/bin/sh\n{nobody}"
            ),
        ),
        file("/etc/group", format!("root:x:0:\n{USER}:x:{user}:\nnogroup:x:65534:\n")),
        file(
            "/etc/hosts",
            format!("127.0.0.1 localhost {host}\n::1 localhost\n", host = crate::floor::HOSTNAME),
        ),
        file(
            "/etc/nsswitch.conf",
            "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\nprotocols: files\n".into(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_programs_and_no_secrets() {
        let mounts = host_root();
        let seen = |path: &str| mounts.iter().any(|mount| mount.target() == Path::new(path));
        for wanted in [
            "/usr",
            "/bin",
            "/etc/passwd",
            "/etc/hosts",
            "/etc/ld.so.cache",
        ] {
            assert!(seen(wanted), "{wanted} is missing");
        }
        let secret = [
            "/root",
            "/home",
            "/var",
            "/run",
            "/etc/shadow",
            "/etc/ssh",
            "/etc/ssl/private",
            "/etc/sudoers",
        ];
        for mount in &mounts {
            let paths = [Some(mount.target()), mount.source()];
            for path in paths.into_iter().flatten() {
                assert!(
                    path != Path::new("/")
                        && path != Path::new("/etc")
                        && path != Path::new("/etc/ssl")
                );
                assert!(
                    !secret.iter().any(|bad| path.starts_with(bad)),
                    "{} is shown",
                    path.display()
                );
            }
        }
    }

    #[test]
    fn a_link_stays_a_link() {
        let merged = fs::read_link("/bin").ok();
        let bin = host_root()
            .into_iter()
            .find(|mount| mount.target() == Path::new("/bin"))
            .unwrap();
        match merged {
            Some(points_to) => assert_eq!(
                bin,
                Mount::Symlink {
                    points_to,
                    target: "/bin".into()
                }
            ),
            None => assert_eq!(
                bin,
                Mount::ReadOnly {
                    source: "/bin".into(),
                    target: "/bin".into()
                }
            ),
        }
    }
}
