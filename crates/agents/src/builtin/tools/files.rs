//! Reading, writing, editing and listing.

use std::fmt::Write;
use std::fs;
use std::io::Read;
use std::path::Path;

use super::OUTPUT_BYTES_MAX;

/// A file that a model wants to read or edit whole is no longer than this.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Entries of one listing.
const ENTRIES_MAX: usize = 1000;
/// Levels of folders in one listing.
const DEPTH_MAX: usize = 32;

pub(super) fn read(path: &Path, first_line: usize, lines: Option<usize>) -> Result<String, String> {
    let text = text(path)?;
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

pub(super) fn write(path: &Path, content: &str) -> Result<String, String> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| told(path, &error))?;
    }
    fs::write(path, content).map_err(|error| told(path, &error))?;
    Ok(format!("wrote {} bytes", content.len()))
}

pub(super) fn edit(path: &Path, old: &str, new: &str) -> Result<String, String> {
    let text = text(path)?;
    if old.is_empty() {
        return Err("`old` is empty; use write_file for a new file".into());
    }
    match text.matches(old).count() {
        1 => {}
        0 => return Err("`old` does not occur in the file; read it and copy the piece exactly, without line numbers".into()),
        many => return Err(format!("`old` occurs {many} times; give more of the lines around it")),
    }
    fs::write(path, text.replacen(old, new, 1)).map_err(|error| told(path, &error))?;
    Ok("replaced".into())
}

pub(super) fn list(path: &Path) -> Result<String, String> {
    let mut found = Vec::new();
    let whole = walk(path, "", 0, &mut found).map_err(|error| told(path, &error))?;
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

/// Says whether that was all.
fn walk(dir: &Path, prefix: &str, depth: usize, found: &mut Vec<String>) -> std::io::Result<bool> {
    let mut entries: Vec<_> = fs::read_dir(dir)?.flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        if found.len() >= ENTRIES_MAX {
            return Ok(false);
        }
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.push(name);
        } else if depth >= DEPTH_MAX {
            found.push(format!("{name}/…"));
        // A folder that cannot be read is left out; what can be read is still worth a listing.
        } else if entry.file_name() != ".git"
            && !walk(&entry.path(), &format!("{name}/"), depth + 1, found).unwrap_or(true)
        {
            return Ok(false);
        }
    }
    Ok(true)
}

fn text(path: &Path) -> Result<String, String> {
    let file = fs::File::open(path).map_err(|error| told(path, &error))?;
    let meta = file.metadata().map_err(|error| told(path, &error))?;
    if !meta.is_file() {
        return Err("that is no regular file".into());
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| told(path, &error))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err("the file is longer than 8 MiB; use the shell to look at parts of it".into());
    }
    String::from_utf8(bytes).map_err(|_| "the file is no UTF-8 text; use the shell".into())
}

fn told(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_hits_exactly_one_place_or_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "one\ntwo\none\n").unwrap();
        assert!(edit(&path, "one", "x").unwrap_err().contains("2 times"));
        assert!(
            edit(&path, "three", "x")
                .unwrap_err()
                .contains("does not occur")
        );
        assert!(edit(&path, "", "x").unwrap_err().contains("empty"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\none\n");
        edit(&path, "two\none", "2\n1").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\n2\n1\n");
    }

    #[test]
    fn a_long_file_is_read_in_pieces() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let text: String = (1..=20_000).map(|n| format!("line {n}\n")).collect();
        fs::write(&path, text).unwrap();
        let first = read(&path, 0, None).unwrap();
        assert!(first.len() < 2 * OUTPUT_BYTES_MAX && first.starts_with("1\tline 1\n"));
        assert!(first.contains("[20000 lines in all; go on with first_line "));
        assert_eq!(read(&path, 20_000, None).unwrap(), "20000\tline 20000\n");
        assert_eq!(
            read(&path, 5, Some(1)).unwrap().lines().next(),
            Some("5\tline 5")
        );
    }

    #[test]
    fn a_listing_leaves_git_out_and_is_bounded() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join(".git/objects")).unwrap();
        fs::create_dir_all(dir.path().join("src")).unwrap();
        fs::write(dir.path().join("src/a.rs"), "").unwrap();
        fs::write(dir.path().join("README.md"), "").unwrap();
        assert_eq!(list(dir.path()).unwrap(), "README.md\nsrc/a.rs");
        for n in 0..ENTRIES_MAX {
            fs::write(dir.path().join(format!("src/f{n}")), "").unwrap();
        }
        assert!(list(dir.path()).unwrap().lines().count() <= ENTRIES_MAX + 1);
    }

    #[test]
    fn what_is_no_text_is_not_shown() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a"), [0xff, 0xfe, 0]).unwrap();
        assert!(
            read(&dir.path().join("a"), 0, None)
                .unwrap_err()
                .contains("no UTF-8")
        );
        assert!(
            read(dir.path(), 0, None)
                .unwrap_err()
                .contains("no regular file")
        );
    }
}
