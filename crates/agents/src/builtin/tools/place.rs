//! Which path a model means, and whether it is below the workspace.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// The workspace, by its real path.
pub(super) struct Place(PathBuf);

impl Place {
    pub(super) fn new(workspace: &Path) -> io::Result<Self> {
        fs::canonicalize(workspace).map(Self)
    }

    pub(super) fn root(&self) -> &Path {
        &self.0
    }

    /// The real path of `path`, which need not exist. Links are followed, and must stay inside.
    pub(super) fn find(&self, path: &str) -> Result<PathBuf, String> {
        let outside = || format!("`{path}` is outside the workspace");
        let mut real = self.0.clone();
        let mut rest = Vec::new();
        let wanted = self.0.join(path);
        for part in wanted.components() {
            match part {
                Component::ParentDir if rest.is_empty() => {
                    real = real.parent().ok_or_else(outside)?.to_path_buf()
                }
                Component::ParentDir => {
                    rest.pop();
                }
                Component::Normal(name) if rest.is_empty() => {
                    match fs::symlink_metadata(real.join(name)) {
                        Ok(_) => {
                            real = fs::canonicalize(real.join(name))
                                .map_err(|error| format!("`{path}`: {error}"))?;
                        }
                        Err(_) => rest.push(name.to_owned()),
                    }
                }
                Component::Normal(name) => rest.push(name.to_owned()),
                Component::RootDir => real = PathBuf::from("/"),
                Component::CurDir | Component::Prefix(_) => {}
            }
        }
        real.extend(rest);
        if real.starts_with(&self.0) {
            Ok(real)
        } else {
            Err(outside())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn stays_inside_whatever_the_path_says() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("workspace");
        fs::create_dir_all(root.join("src")).unwrap();
        fs::write(root.join("src/a"), "").unwrap();
        fs::write(dir.path().join("secret"), "").unwrap();
        symlink(dir.path(), root.join("out")).unwrap();
        symlink("../../secret", root.join("src/link")).unwrap();
        symlink("src", root.join("in")).unwrap();
        symlink("/nowhere", root.join("dangling")).unwrap();
        let place = Place::new(&root).unwrap();
        let root = place.root().to_path_buf();
        for (path, real) in [
            ("", ""),
            (".", ""),
            ("src/a", "src/a"),
            ("./src/../src/a", "src/a"),
            ("in/a", "src/a"),
            ("new/dir/file", "new/dir/file"),
            ("new/../src/a", "src/a"),
        ] {
            assert_eq!(place.find(path), Ok(root.join(real)), "{path}");
        }
        assert_eq!(
            place.find(root.join("src/a").to_str().unwrap()),
            Ok(root.join("src/a"))
        );
        for path in [
            "..",
            "../secret",
            "/etc/passwd",
            "out/secret",
            "src/link",
            "in/../../secret",
            "new/../../secret",
            "dangling",
        ] {
            assert!(place.find(path).is_err(), "{path}");
        }
    }
}
