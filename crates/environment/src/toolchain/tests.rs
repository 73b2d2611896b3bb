use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

const CANARY: &str = "canary-9f3a";

struct Home {
    _dir: tempfile::TempDir,
    home: PathBuf,
}

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().canonicalize().unwrap().join("home");
        fs::create_dir(&home).unwrap();
        Self { _dir: dir, home }
    }

    fn file(&self, path: &str, text: &str) -> PathBuf {
        let path = self.home.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn link(&self, to: &Path, path: &str) {
        let path = self.home.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(to, path).unwrap();
    }

    fn find(&self, path: &str, named: &[PathBuf]) -> Toolchains {
        let host = Host {
            path: path.replace('~', self.home.to_str().unwrap()),
            home: self.home.clone(),
            env: BTreeMap::new(),
        };
        find(&host, Path::new("/home/inside"), named).unwrap()
    }
}

/// Everything that a reader inside could read through the mounts.
fn readable(toolchains: &Toolchains) -> String {
    fn walk(path: &Path, text: &mut String) {
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => {
                for entry in fs::read_dir(path).unwrap().flatten() {
                    walk(&entry.path(), text);
                }
            }
            _ => text.push_str(&fs::read_to_string(path).unwrap_or_default()),
        }
    }
    let mut text = String::new();
    for mount in &toolchains.mounts {
        walk(mount.source().unwrap(), &mut text);
    }
    text
}

fn secrets(home: &Home) {
    for path in [
        ".cargo/credentials",
        ".cargo/credentials.toml",
        ".npmrc",
        ".pypirc",
        ".netrc",
        ".ssh/id_ed25519",
        ".aws/credentials",
        ".config/gh/hosts.yml",
        ".config/gcloud/x.json",
        ".docker/config.json",
        ".gnupg/key",
        ".kube/config",
        ".git-credentials",
        ".config/pip/pip.conf",
        ".m2/settings.xml",
        "notes.txt",
        "work/app/.env",
    ] {
        home.file(path, CANARY);
    }
}

#[test]
fn tools_are_shown_and_secrets_are_not() {
    let home = Home::new();
    secrets(&home);
    home.file(".cargo/bin/cargo", "tool cargo");
    home.file(".rustup/toolchains/stable/bin/rustc", "tool rustc");
    home.file(".pyenv/shims/python3", "tool python");
    home.file(".nvm/versions/node/v20/bin/node", "tool node");
    home.file(".local/bin/hello", "tool hello");
    let found = home.find(
        "~/.cargo/bin:~/.pyenv/shims:~/.nvm/versions/node/v20/bin:~/work:/usr/bin:.:relative",
        &[],
    );
    let text = readable(&found);
    for tool in ["cargo", "rustc", "python", "node", "hello"] {
        assert!(text.contains(&format!("tool {tool}")), "{tool} is missing");
    }
    assert!(!text.contains(CANARY));
    assert!(found.path_value().starts_with(&format!(
        "{0}/.cargo/bin:{0}/.pyenv/shims:",
        home.home.display()
    )));
    assert!(
        !found
            .path
            .iter()
            .any(|path| path.ends_with("work") || path.is_relative())
    );
    assert!(
        found
            .notes
            .iter()
            .any(|note| note.contains("/work is on PATH"))
    );
    assert_eq!(found.env["CARGO_HOME"], "/home/inside/.cargo");
    assert_eq!(
        found.env["RUSTUP_HOME"],
        home.home.join(".rustup").to_str().unwrap()
    );
    assert!(!found.env.contains_key("VOLTA_HOME"));
}

#[test]
fn a_link_is_resolved_and_shows_no_secret() {
    let home = Home::new();
    secrets(&home);
    let elsewhere = home.file("store/tools/real-tool", "tool real");
    home.file("store/tools/other", CANARY);
    home.file(".local/bin/plain", "tool plain");
    home.link(&elsewhere, ".local/bin/linked");
    home.link(&home.home.join(".ssh/id_ed25519"), ".local/bin/key");
    home.link(&home.home.join(".ssh"), ".bun/bin");
    home.link(&home.home, ".deno/bin");
    let found = home.find("", &[]);
    let text: Vec<PathBuf> = found
        .mounts
        .iter()
        .map(|mount| mount.source().unwrap().to_path_buf())
        .collect();
    assert!(text.contains(&elsewhere));
    assert!(
        !text
            .iter()
            .any(|path| path.starts_with(home.home.join(".ssh")) || *path == home.home),
        "{text:?}"
    );
    assert!(!text.contains(&home.home.join("store/tools")));
    assert!(
        found
            .notes
            .iter()
            .any(|note| note.contains(".bun/bin is not shown"))
    );
}

#[test]
fn a_moved_tool_is_seen_at_both_places() {
    let home = Home::new();
    let real = home.file("disk/cargo-bin/cargo", "tool cargo");
    home.link(real.parent().unwrap(), ".cargo/bin");
    let found = home.find("~/.cargo/bin", &[]);
    let targets: Vec<&Path> = found.mounts.iter().map(Mount::target).collect();
    assert!(targets.contains(&home.home.join(".cargo/bin").as_path()));
    assert!(targets.contains(&real.parent().unwrap()));
    assert_eq!(found.path[0], home.home.join(".cargo/bin"));
}

#[test]
fn a_named_path_is_shown_without_its_secrets() {
    let home = Home::new();
    secrets(&home);
    home.file(".cargo/config.toml", "kept config");
    home.file("work/app/main.py", "kept main");
    home.file(".config/tool/settings", "kept settings");
    let named = [".cargo", "work/app", ".config"].map(|path| home.home.join(path));
    let found = home.find("", &named);
    let text = readable(&found);
    for kept in ["kept config", "kept main", "kept settings"] {
        assert!(text.contains(kept), "{kept} is missing");
    }
    assert!(!text.contains(CANARY), "{:?}", found.mounts);
}

#[test]
fn a_named_path_that_is_too_much_is_refused() {
    let home = Home::new();
    secrets(&home);
    home.link(&home.home.join(".aws"), "innocent");
    let host = Host {
        home: home.home.clone(),
        ..Host::default()
    };
    let error = |path: PathBuf| find(&host, Path::new("/home/inside"), &[path]).unwrap_err();
    assert!(matches!(error("/".into()), NamedError::TooWide { .. }));
    assert!(matches!(
        error(home.home.clone()),
        NamedError::TooWide { .. }
    ));
    assert!(matches!(
        error(home.home.parent().unwrap().into()),
        NamedError::TooWide { .. }
    ));
    assert!(matches!(
        error(home.home.join(".ssh")),
        NamedError::Secret { .. }
    ));
    assert!(matches!(
        error(home.home.join(".ssh/id_ed25519")),
        NamedError::Secret { .. }
    ));
    assert!(matches!(
        error(home.home.join("innocent")),
        NamedError::Secret { .. }
    ));
    assert!(matches!(
        error(home.home.join("absent")),
        NamedError::Missing { .. }
    ));
    assert!(matches!(
        error(home.home.join("work/../.ssh")),
        NamedError::NotPlain { .. }
    ));
    assert!(matches!(error("work".into()), NamedError::NotPlain { .. }));
}
