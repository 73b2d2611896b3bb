//! What a workspace's own git is to pass over: files that were made or laid there and are nobody's work.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use nix::libc;

use crate::surroundings::Folder;

/// Adds `paths` to what the git directory of `folder` excludes, below a line that says what they are.
/// No path is no change.
///
/// # Errors
/// The disk's; [`io::ErrorKind::InvalidData`] or the system's own where no plain file is there: without
/// a sandbox, a program of the project may have put anything in its place, and nobody waits for the
/// other end of a pipe or follows a link.
pub(super) fn pass_over(folder: &Folder, what: &str, paths: &[PathBuf]) -> io::Result<()> {
    if paths.is_empty() {
        return Ok(());
    }
    let mut lines = format!("# {what}\n");
    lines.extend(paths.iter().filter_map(|path| pattern(path.to_str()?)));
    let mut file = fs::File::options()
        .create(true)
        .append(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(folder.scratch.join("info/exclude"))?;
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    file.write_all(lines.as_bytes())
}

/// A line of gitignore(5) that means exactly this path; none for a path that no line can name.
fn pattern(path: &str) -> Option<String> {
    if path.contains(['\n', '\r']) {
        return None;
    }
    let mut line = String::from("/");
    for c in path.chars() {
        if matches!(c, '\\' | '*' | '?' | '[' | ']' | ' ' | '!' | '#') {
            line.push('\\');
        }
        line.push(c);
    }
    line.push('\n');
    Some(line)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::sync::mpsc;
    use std::time::Duration;

    use nix::sys::stat::Mode;

    use super::*;

    #[test]
    fn a_pattern_means_one_path() {
        assert_eq!(pattern("node_modules").unwrap(), "/node_modules\n");
        assert_eq!(
            pattern("a b/*[x]?#!\\").unwrap(),
            "/a\\ b/\\*\\[x\\]\\?\\#\\!\\\\\n"
        );
        assert_eq!(pattern("a\nb"), None);
    }

    #[test]
    fn what_is_no_plain_file_is_neither_written_nor_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::below(dir.path());
        let exclude = folder.scratch.join("info/exclude");
        fs::create_dir_all(exclude.parent().unwrap()).unwrap();
        let attempt = || {
            let (folder, (done, end)) = (folder.clone(), mpsc::channel());
            std::thread::spawn(move || done.send(pass_over(&folder, "Made.", &["made".into()])));
            end.recv_timeout(Duration::from_secs(20))
                .expect("it waits for a reader")
        };
        attempt().unwrap();
        assert_eq!(fs::read_to_string(&exclude).unwrap(), "# Made.\n/made\n");
        let other = dir.path().join("other");
        fs::rename(&exclude, &other).unwrap();
        symlink(&other, &exclude).unwrap();
        attempt().unwrap_err();
        assert_eq!(fs::read_to_string(&other).unwrap(), "# Made.\n/made\n");
        fs::remove_file(&exclude).unwrap();
        nix::unistd::mkfifo(&exclude, Mode::S_IRWXU).unwrap();
        attempt().unwrap_err();
        // With a reader, it would take the words.
        let _reader = fs::File::options()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(&exclude)
            .unwrap();
        attempt().unwrap_err();
    }
}
