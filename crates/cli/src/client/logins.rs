//! Servers that `freehold login` signed this machine in to: a file of the person's own, apart from any
//! installation's.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
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
    let mut known = known(file)?;
    known.insert(name(server), token.to_owned());
    let folder = file.parent().unwrap_or(file);
    let mut builder = DirBuilder::new();
    builder
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| {
            Failure::new(
                Exit::Failed,
                "login_file",
                format!("{} cannot be made: {error}", folder.display()),
                "make room for it, and sign in again",
            )
        })?;
    write_json(file, &known)
}
