//! What the tools of a host call themselves: a part of the key of the setup cache.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::Host;
use crate::ask::Asker;

/// The tools whose version changes what setup makes, and how each is asked.
const ASKED: [(&str, &str); 8] = [
    ("cargo", "--version"),
    ("go", "version"),
    ("node", "--version"),
    ("npm", "--version"),
    ("pnpm", "--version"),
    ("python3", "--version"),
    ("rustc", "-vV"),
    ("yarn", "--version"),
];

/// Asks the host's tools for their versions, at most some 10 s; one that is absent or fails is left
/// out. `scratch` is as in [`Registries::learn`](crate::registries::Registries::learn). The answer is
/// good until the owner installs something: keep it for some minutes.
///
/// # Errors
/// No folder can be made in `scratch`.
pub async fn versions(
    host: &Host,
    scratch: &Path,
    cancel: &CancellationToken,
) -> io::Result<BTreeMap<String, String>> {
    let asker = Asker::new(host, scratch, cancel)?;
    let asked = ASKED.map(|(tool, how)| {
        let asker = &asker;
        Box::pin(async move { (tool, asker.ask(tool, &[how], &[]).await) })
    });
    let mut found = BTreeMap::new();
    for (tool, answer) in all_of(asked).await {
        if let Ok(version) = answer {
            found.insert(tool.to_owned(), version.trim().to_owned());
        }
    }
    Ok(found)
}

/// All at once: each is a process that mostly waits for the disk.
async fn all_of<T>(all: [impl Future<Output = T>; 8]) -> [T; 8] {
    let [a, b, c, d, e, f, g, h] = all;
    tokio::join!(a, b, c, d, e, f, g, h).into()
}
