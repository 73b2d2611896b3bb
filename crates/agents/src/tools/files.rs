//! Reading, writing, editing, moving and removing files; listing and searching them.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::path::Path;

use nix::fcntl::{AtFlags, OFlag, RenameFlags, renameat2};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::OUTPUT_BYTES_MAX;
use super::place::{Folder, Place, told};

/// A file that a model wants to read or edit whole is no longer than this.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Entries of one listing.
const ENTRIES_MAX: usize = 1000;
/// Levels of folders in one listing or search.
const DEPTH_MAX: usize = 32;
/// Files that one search looks into; past it the shell's tools are better.
const SEARCHED_MAX: usize = 20_000;
/// Lines that one search shows.
const FOUND_MAX: usize = 200;
/// Of a line that was found.
const FOUND_BYTES_MAX: usize = 300;

pub(super) fn read(
    place: &Place,
    path: &str,
    first_line: usize,
    lines: Option<usize>,
) -> Result<String, String> {
    let text = text(place.read(path)?)?;
    let first = first_line.max(1);
    let total = text.lines().count();
    let mut shown = String::new();
    let mut next = first;
    for (number, line) in (1..)
        .zip(text.lines())
        .skip(first - 1)
        .take(lines.unwrap_or(usize::MAX))
    {
        if shown.len() + line.len() > OUTPUT_BYTES_MAX {
            break;
        }
        // Writing to a string cannot fail.
        let _ = writeln!(shown, "{number}\t{line}");
        next = number + 1;
    }
    if next <= total && shown.is_empty() {
        return Err(format!(
            "line {next} is too long to be shown; use the shell, such as `cut -c`"
        ));
    }
    if next <= total {
        let _ = write!(
            shown,
            "[{total} lines in all; go on with first_line {next}]"
        );
    }
    if total == 0 {
        shown.push_str("[the file is empty]");
    }
    Ok(shown)
}

pub(super) fn write(place: &Place, path: &str, content: &str) -> Result<String, String> {
    replace(&mut place.create(path)?, content).map_err(|error| format!("`{path}`: {error}"))?;
    Ok(format!("wrote {} bytes", content.len()))
}

pub(super) fn edit(place: &Place, path: &str, old: &str, new: &str) -> Result<String, String> {
    let mut file = place.change(path)?;
    let text = text(&file)?;
    if old.is_empty() {
        return Err("`old` is empty; use write_file for a new file".into());
    }
    match text.matches(old).count() {
        1 => {}
        0 => return Err("`old` does not occur in the file; read it and copy the piece exactly, without line numbers".into()),
        many => return Err(format!("`old` occurs {many} times; give more of the lines around it")),
    }
    replace(&mut file, &text.replacen(old, new, 1))
        .map_err(|error| format!("`{path}`: {error}"))?;
    Ok("replaced".into())
}

fn replace(file: &mut File, content: &str) -> std::io::Result<()> {
    file.rewind()?;
    file.set_len(0)?;
    file.write_all(content.as_bytes())
}

/// Moves a file or folder; never onto something that is there.
pub(super) fn rename(place: &Place, from: &str, to: &str) -> Result<String, String> {
    let (old_folder, old) = place.entry(from)?;
    if let Some(parent) = Path::new(to).parent().filter(|_| !to.starts_with('/')) {
        place.folders(to, parent)?;
    }
    let (new_folder, new) = place.entry(to)?;
    renameat2(
        &old_folder,
        old.as_os_str(),
        &new_folder,
        new.as_os_str(),
        RenameFlags::RENAME_NOREPLACE,
    )
    .map_err(|errno| match errno {
        nix::errno::Errno::EEXIST => format!("`{to}` is there already; remove it first"),
        errno => told(from, errno),
    })?;
    Ok(format!("moved to {to}"))
}

/// Removes a file, a link or an empty folder.
pub(super) fn remove(place: &Place, path: &str) -> Result<String, String> {
    let (folder, name) = place.entry(path)?;
    let meta = nix::sys::stat::fstatat(&folder, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW)
        .map_err(|errno| told(path, errno))?;
    let flag = if meta.st_mode & nix::libc::S_IFMT == nix::libc::S_IFDIR {
        UnlinkatFlags::RemoveDir
    } else {
        UnlinkatFlags::NoRemoveDir
    };
    unlinkat(&folder, name.as_os_str(), flag).map_err(|errno| match errno {
        nix::errno::Errno::ENOTEMPTY => {
            format!("`{path}` is a folder with something in it; use the shell, such as `rm -r`")
        }
        errno => told(path, errno),
    })?;
    Ok("removed".into())
}

pub(super) fn list(place: &Place, path: &str) -> Result<String, String> {
    let mut found = Vec::new();
    let whole = walk(&place.folder(path)?, "", 0, &mut |name, _| {
        found.push(name.to_owned());
        found.len() < ENTRIES_MAX
    });
    let mut text = found.join("\n");
    if found.is_empty() {
        text.push_str("[no files]");
    }
    if !whole {
        let _ = write!(
            text,
            "\n[more than {ENTRIES_MAX} entries; list a folder of it]"
        );
    }
    Ok(text)
}

/// Shows the lines that hold `wanted`, which is taken as it is.
pub(super) fn search(place: &Place, path: &str, wanted: &str) -> Result<String, String> {
    if wanted.is_empty() || wanted.contains('\n') {
        return Err("`text` must be a piece of one line".into());
    }
    let (mut shown, mut lines, mut files) = (String::new(), 0, 0);
    let whole = walk(&place.folder(path)?, "", 0, &mut |name, file| {
        files += 1;
        let Some(text) = file.and_then(|file| text(file).ok()) else {
            return files < SEARCHED_MAX;
        };
        for (number, line) in (1..)
            .zip(text.lines())
            .filter(|(_, line)| line.contains(wanted))
        {
            if lines == FOUND_MAX || shown.len() > OUTPUT_BYTES_MAX {
                return false;
            }
            lines += 1;
            let line = crate::event::bounded(line.trim(), FOUND_BYTES_MAX);
            let _ = writeln!(shown, "{name}:{number}: {line}");
        }
        files < SEARCHED_MAX
    });
    if lines == 0 {
        shown.push_str("[nothing found]");
    }
    if !whole {
        let _ = write!(
            shown,
            "\n[not everything was looked at: {lines} lines in {files} files; search a folder of it]"
        );
    }
    Ok(shown)
}

/// Tells of each file below `dir`, folders in order of their names, without `.git`; stops when
/// `tell` says so. Says whether that was all. Links are told of and not followed.
fn walk(
    dir: &Folder,
    prefix: &str,
    depth: usize,
    tell: &mut dyn FnMut(&str, Option<File>) -> bool,
) -> bool {
    // A folder that cannot be read is left out; what can be read is still worth a listing.
    let Ok(entries) = fs::read_dir(dir.path()) else {
        return true;
    };
    let mut entries: Vec<_> = entries.flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (kind, file_name) = (entry.file_type(), entry.file_name());
        let name = format!("{prefix}{}", file_name.to_string_lossy());
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK;
        if !kind.as_ref().is_ok_and(fs::FileType::is_dir) {
            let regular = kind.is_ok_and(|kind| kind.is_file());
            let file = regular
                .then(|| dir.open(&file_name, flags).ok().map(File::from))
                .flatten();
            if !tell(&name, file) {
                return false;
            }
        } else if depth >= DEPTH_MAX {
            if !tell(&format!("{name}/…"), None) {
                return false;
            }
        } else if file_name != ".git" {
            let below = dir.open(&file_name, flags | OFlag::O_DIRECTORY);
            if let Ok(below) = below
                && !walk(&below.into(), &format!("{name}/"), depth + 1, tell)
            {
                return false;
            }
        }
    }
    true
}

fn text(file: impl Read) -> Result<String, String> {
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err("the file is longer than 8 MiB; use the shell to look at parts of it".into());
    }
    String::from_utf8(bytes).map_err(|_| "the file is no UTF-8 text; use the shell".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> (tempfile::TempDir, Place) {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::new(dir.path()).unwrap();
        (dir, place)
    }

    #[test]
    fn an_edit_hits_exactly_one_place_or_nothing() {
        let (dir, place) = place();
        let path = dir.path().join("a");
        fs::write(&path, "one\ntwo\none\n").unwrap();
        for (old, why) in [
            ("one", "2 times"),
            ("three", "does not occur"),
            ("", "empty"),
        ] {
            assert!(edit(&place, "a", old, "x").unwrap_err().contains(why));
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\none\n");
        edit(&place, "a", "two\none", "2\n1").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\n2\n1\n");
    }

    #[test]
    fn a_long_file_is_read_in_pieces() {
        let (dir, place) = place();
        let text: String = (1..=20_000).map(|n| format!("line {n}\n")).collect();
        fs::write(dir.path().join("a"), text).unwrap();
        let first = read(&place, "a", 0, None).unwrap();
        assert!(first.len() < 2 * OUTPUT_BYTES_MAX && first.starts_with("1\tline 1\n"));
        assert!(first.contains("[20000 lines in all; go on with first_line "));
        let last = read(&place, "a", 20_000, None).unwrap();
        assert_eq!(last, "20000\tline 20000\n");
        let one = read(&place, "a", 5, Some(1)).unwrap();
        assert_eq!(one.lines().next(), Some("5\tline 5"));
    }

    #[test]
    fn a_listing_leaves_git_out_and_is_bounded() {
        let (dir, place) = place();
        fs::create_dir_all(dir.path().join(".git/objects")).unwrap();
        fs::create_dir_all(dir.path().join("src")).unwrap();
        fs::write(dir.path().join("src/a.rs"), "").unwrap();
        fs::write(dir.path().join("README.md"), "").unwrap();
        assert_eq!(list(&place, "").unwrap(), "README.md\nsrc/a.rs");
        for n in 0..ENTRIES_MAX {
            fs::write(dir.path().join(format!("src/f{n}")), "").unwrap();
        }
        assert!(list(&place, "").unwrap().lines().count() <= ENTRIES_MAX + 1);
    }

    #[test]
    fn a_search_tells_file_and_line_and_does_not_follow_links() {
        let (dir, place) = place();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("b"), "needle outside").unwrap();
        std::os::unix::fs::symlink(outside.path(), dir.path().join("out")).unwrap();
        fs::create_dir(dir.path().join("src")).unwrap();
        fs::write(dir.path().join("src/a"), "hay\n  a needle\n").unwrap();
        fs::write(dir.path().join("c"), [0xff, b'n']).unwrap();
        assert_eq!(search(&place, "", "needle").unwrap(), "src/a:2: a needle\n");
        assert_eq!(search(&place, "", "n.edle").unwrap(), "[nothing found]");
        fs::write(dir.path().join("many"), "needle\n".repeat(10_000)).unwrap();
        let many = search(&place, "", "needle").unwrap();
        assert!(many.lines().count() < FOUND_MAX + 5 && many.contains("not everything"));
    }

    #[test]
    fn moving_and_removing_lose_nothing() {
        let (dir, place) = place();
        fs::write(dir.path().join("a"), "a").unwrap();
        fs::write(dir.path().join("b"), "b").unwrap();
        assert!(
            rename(&place, "a", "b")
                .unwrap_err()
                .contains("there already")
        );
        rename(&place, "a", "new/folder/a").unwrap();
        let moved = fs::read_to_string(dir.path().join("new/folder/a")).unwrap();
        assert_eq!(moved, "a");
        assert!(rename(&place, "b", "../b").is_err());
        assert!(
            remove(&place, "new")
                .unwrap_err()
                .contains("something in it")
        );
        assert!(remove(&place, "..").is_err() && remove(&place, ".").is_err());
        remove(&place, "b").unwrap();
        assert!(!dir.path().join("b").exists());
    }

    #[test]
    fn what_is_no_text_is_not_shown() {
        let (dir, place) = place();
        fs::write(dir.path().join("a"), [0xff, 0xfe, 0]).unwrap();
        assert!(read(&place, "a", 0, None).unwrap_err().contains("no UTF-8"));
        assert!(
            read(&place, "", 0, None)
                .unwrap_err()
                .contains("no regular file")
        );
    }
}
