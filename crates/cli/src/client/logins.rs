//! Servers that `freehold login` signed this machine in to: a file of the person's own, apart from any
//! installation's.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use reqwest::Url;

use super::target::{Unread, read, refused};
use crate::environment::Secret;
use crate::failure::{Exit, Failure};
use crate::roles::data::write_json;

/// Servers' addresses, and a token for each.
type Logins = BTreeMap<String, String>;

fn known(file: &Path) -> Result<Logins, Failure> {
    match read(file) {
        Ok(text) => serde_json::from_str(&text).map_err(|_| refused(file, "the file is damaged")),
        Err(Unread::Missing) => Ok(Logins::new()),
        Err(Unread::Refused(why)) => Err(refused(file, &why)),
    }
}

fn name(server: &Url) -> String {
    server.as_str().trim_end_matches('/').to_owned()
}

/// The token for a server.
///
/// # Errors
/// When the file is not the person's alone, or damaged.
pub(crate) fn find(file: &Path, server: &Url) -> Result<Option<Secret>, Failure> {
    Ok(known(file)?.remove(&name(server)).map(Secret))
}

/// The only server that there is a login for.
///
/// # Errors
/// As [`find`].
pub(crate) fn only(file: &Path) -> Result<Option<(String, Secret)>, Failure> {
    let mut known = known(file)?;
    match known.len() {
        1 => Ok(known
            .pop_first()
            .map(|(server, token)| (server, Secret(token)))),
        _ => Ok(None),
    }
}

/// Keeps the token for a server, in place of one that was there.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn put(file: &Path, server: &Url, token: &str) -> Result<(), Failure> {
    let folder = file.parent().unwrap_or(file);
    let mut builder = DirBuilder::new();
    let cannot = |what: &Path, error: &io::Error| {
        Failure::new(
            Exit::Failed,
            "login_file",
            format!("{} cannot be made: {error}", what.display()),
            "make room for it, and sign in again",
        )
    };
    builder
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| cannot(folder, &error))?;
    // Two that sign in at once write one after the other: each reads what the other wrote. The file itself is
    // replaced, so the lock is on another, which goes with the process.
    let place = file.with_extension("lock");
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&place)
        .and_then(|lock| lock.lock().map(|()| lock))
        .map_err(|error| cannot(&place, &error))?;
    let mut known = known(file)?;
    known.insert(name(server), token.to_owned());
    let written = write_json(file, &known);
    drop(lock);
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sign_in_at_once_are_all_signed_in() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("freehold/logins.json");
        let server = |n: usize| -> Url { format!("https://{n}.example").parse().unwrap() };
        std::thread::scope(|all| {
            for n in 0..16 {
                let file = &file;
                all.spawn(move || put(file, &server(n), "token").unwrap());
            }
        });
        for n in 0..16 {
            assert!(find(&file, &server(n)).unwrap().is_some(), "{n}");
        }
        assert!(only(&file).unwrap().is_none());
    }
}
