//! A time of its own for each process, which can jump while it runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::PARTS;

/// PostgreSQL's, beside those of [`PARTS`].
pub(super) const DATABASE: &str = "database";

/// The files that say how far off a process's clock is; none where the shim could not be made.
#[derive(Debug)]
pub(super) struct Clocks(Option<PathBuf>);

impl Clocks {
    pub(super) fn make(root: &Path) -> Self {
        let source = root.join("clock.c");
        let made = root.join("clock.so");
        std::fs::write(&source, include_str!("clock.c")).unwrap();
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&made)
            .arg(&source)
            .arg("-ldl")
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .status();
        let is_built = built.is_ok_and(|status| status.success());
        for part in PARTS.into_iter().chain([DATABASE]) {
            std::fs::write(root.join(format!("clock-{part}")), 0i64.to_ne_bytes()).unwrap();
        }
        Self(is_built.then(|| root.to_owned()))
    }

    pub(super) const fn can_jump(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn environment(&self, part: &str) -> Vec<(String, String)> {
        let Some(root) = &self.0 else {
            return Vec::new();
        };
        let word = |path: PathBuf| path.to_string_lossy().into_owned();
        vec![
            ("LD_PRELOAD".to_owned(), word(root.join("clock.so"))),
            (
                "FREEHOLD_FAULT_CLOCK".to_owned(),
                word(root.join(format!("clock-{part}"))),
            ),
        ]
    }

    /// From now on that process's clock is so many seconds off.
    pub(super) fn set(&self, part: &str, seconds: i64) {
        use std::os::unix::fs::FileExt as _;
        if let Some(root) = &self.0 {
            let file = root.join(format!("clock-{part}"));
            let file = std::fs::File::options().write(true).open(file).unwrap();
            file.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
        }
    }

    /// Programs of PostgreSQL's whose time is the shim's. None where there is no shim, or no PostgreSQL where
    /// Debian has it.
    pub(super) fn postgres(&self, root: &Path) -> Option<PathBuf> {
        use std::os::unix::fs::PermissionsExt as _;
        let found = freehold_postgres::find_binaries(&freehold_postgres::Search::default()).ok()?;
        let environment = self.environment(DATABASE);
        if environment.is_empty() {
            return None;
        }
        // PostgreSQL runs as a user of its own, and has to come by.
        std::fs::set_permissions(root, std::fs::Permissions::from_mode(0o711)).unwrap();
        let here = root.join("postgres");
        std::fs::create_dir_all(&here).unwrap();
        let set: Vec<String> = (environment.iter())
            .map(|(name, value)| format!("{name}='{value}'"))
            .collect();
        for name in ["postgres", "initdb"] {
            let real = found.dir.join(name);
            let script = format!(
                "#!/bin/sh\nexec env {} '{}' \"$@\"\n",
                set.join(" "),
                real.display()
            );
            super::part::executable(&here.join(name), &script);
        }
        Some(here)
    }
}
