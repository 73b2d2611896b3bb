//! What the user names with `--path`: shown at its own place, without the secrets that lie in it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::View;

/// How many pieces a folder with secrets in it may fall into.
const MAX_PIECES: usize = 2_000;
/// Secrets lie near the top of a home; deeper than this is a mistake.
const MAX_DEPTH: usize = 6;

/// Why a named path cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum NamedError {
    /// Not absolute, or with `..`.
    #[error("--path {}: write the full path, without ..", path.display())]
    NotPlain {
        /// As it was given.
        path: PathBuf,
    },
    /// Not there.
    #[error("--path {}: it cannot be read; check the spelling and who may read it", path.display())]
    Missing {
        /// As it was given.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The whole home, or the whole disk.
    #[error("--path {}: it holds the whole home and with it all log-ins; name the folder that is needed", path.display())]
    TooWide {
        /// As it was given.
        path: PathBuf,
    },
    /// A place of log-ins.
    #[error("--path {}: it is a place of log-ins, which no agent may see; copy what is needed elsewhere", path.display())]
    Secret {
        /// As it was given.
        path: PathBuf,
    },
    /// Too many pieces around secrets.
    #[error("--path {}: it holds log-ins and too much else to show the rest piece by piece; name a folder inside it", path.display())]
    TooMany {
        /// As it was given.
        path: PathBuf,
    },
}

pub(super) fn show(path: &Path, view: &mut View) -> Result<(), NamedError> {
    let given = || path.to_path_buf();
    let plain = path.is_absolute() && path.components().all(|part| part.as_os_str() != "..");
    if !plain {
        return Err(NamedError::NotPlain { path: given() });
    }
    let real = path.canonicalize().map_err(|source| NamedError::Missing {
        path: given(),
        source,
    })?;
    if super::is_system(&real) && real == path {
        return Ok(());
    }
    if real.parent().is_none() || view.home_real().starts_with(&real) {
        return Err(NamedError::TooWide { path: given() });
    }
    if view.secrets.hides(&real) {
        return Err(NamedError::Secret { path: given() });
    }
    let mut pieces = Vec::new();
    collect(&real, view, &mut pieces, 0).map_err(|Full| NamedError::TooMany { path: given() })?;
    for piece in pieces {
        view.add(&piece, &piece);
        if let Ok(rest) = piece.strip_prefix(&real)
            && real != path
        {
            let target = if rest.as_os_str().is_empty() {
                path.to_path_buf()
            } else {
                path.join(rest)
            };
            view.add(&piece, &target);
        }
    }
    Ok(())
}

/// The mounts of one path that a client's configuration of the user names, by the rules of `--path`.
pub(crate) fn mounts(home: &Path, path: &Path) -> Result<Vec<freehold_sandbox::Mount>, NamedError> {
    let mut view = View::new(home);
    show(path, &mut view)?;
    Ok(view.mounts)
}

struct Full;

/// The largest pieces of a folder that hold no secret.
fn collect(real: &Path, view: &View, pieces: &mut Vec<PathBuf>, depth: usize) -> Result<(), Full> {
    if view.secrets.hides(real) {
        return Ok(());
    }
    let entries = || {
        fs::read_dir(real)
            .into_iter()
            .flatten()
            .flatten()
            .take(MAX_PIECES + 1)
    };
    let holds =
        view.secrets.below(real) || entries().any(|entry| view.secrets.hides(&entry.path()));
    if !holds || depth >= MAX_DEPTH {
        pieces.push(real.to_path_buf());
        return if pieces.len() > MAX_PIECES {
            Err(Full)
        } else {
            Ok(())
        };
    }
    for entry in entries() {
        // A link among the pieces is shown as what it leads to; where that is a secret, not at all.
        let path = entry.path();
        if path
            .canonicalize()
            .is_ok_and(|to| !view.secrets.touches(&to) || to == path)
        {
            collect(&path, view, pieces, depth + 1)?;
        }
    }
    Ok(())
}
