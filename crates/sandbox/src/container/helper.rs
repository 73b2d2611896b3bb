//! The helper in an image: it brings its own loader and libraries, for an image has others or none.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::time::timeout;

use crate::error::SandboxError;
use crate::floor::{INIT, OURS};

/// The loader lists the libraries without running the program.
const LIST_WITHIN: Duration = Duration::from_secs(30);
/// A program with more than this is not our helper.
const MAX_LIBRARIES: usize = 64;
/// The path of a loader.
const MAX_INTERPRETER: u64 = 4096;

/// How to run the helper inside, and what must be there for it. Empty for one that finds its
/// libraries itself: a static one, or one in a root that shows the host's.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Helper {
    /// Files of the host and their paths inside.
    pub(crate) files: Vec<(PathBuf, PathBuf)>,
    /// Before the arguments of the helper.
    pub(crate) command: Vec<String>,
}

/// The libraries of `program` for a root that may lack them.
pub(crate) async fn libraries(program: &Path, in_image: bool) -> Result<Helper, SandboxError> {
    let plain = Helper {
        files: Vec::new(),
        command: vec![INIT.into()],
    };
    if !in_image {
        return Ok(plain);
    }
    let step = "find the libraries of the helper";
    let Some(loader) = interpreter(program).map_err(SandboxError::io(step))? else {
        return Ok(plain);
    };
    let asked = tokio::process::Command::new(&loader)
        .arg("--list")
        .arg(program)
        .env_clear()
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(LIST_WITHIN, asked)
        .await
        .map_err(|_| SandboxError::Timeout {
            step,
            seconds: LIST_WITHIN.as_secs(),
        })?
        .map_err(SandboxError::io(step))?;
    let listed = listed(&String::from_utf8_lossy(&output.stdout));
    if !output.status.success() || listed.is_empty() || listed.len() > MAX_LIBRARIES {
        return Err(SandboxError::Setup {
            step,
            detail: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            mend: "link the helper statically",
        });
    }
    let folder = Path::new(OURS).join("lib");
    let own_loader = folder.join("loader");
    let mut files = vec![(loader, own_loader.clone())];
    files.extend(
        listed
            .into_iter()
            .map(|(name, path)| (path, folder.join(name))),
    );
    let text = |path: &Path| path.to_string_lossy().into_owned();
    Ok(Helper {
        files,
        command: vec![
            text(&own_loader),
            "--library-path".into(),
            text(&folder),
            INIT.into(),
        ],
    })
}

/// Name and path of each library in the output of a loader's `--list`.
fn listed(said: &str) -> Vec<(String, PathBuf)> {
    said.lines()
        .filter_map(|line| {
            let (name, rest) = line.trim().split_once(" => ")?;
            let path = rest.split_once(" (").map_or(rest, |(path, _)| path).trim();
            let plain = !name.contains('/') && path.starts_with('/');
            plain.then(|| (name.to_owned(), path.into()))
        })
        .collect()
}

/// The loader that a program names, from its ELF header (64 bits, little-endian, as the
/// architectures of the system-call filter are); `None` for a static program.
fn interpreter(program: &Path) -> io::Result<Option<PathBuf>> {
    const PROGRAM_HEADER: usize = 56;
    const INTERPRETER: u32 = 3; // PT_INTERP
    let mut file = File::open(program)?;
    let mut header = [0; 64];
    file.read_exact(&mut header)?;
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    if header[..6] != *b"\x7fELF\x02\x01" {
        return Err(invalid());
    }
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .rev()
            .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte))
    };
    if number(&header[54..56]) != PROGRAM_HEADER as u64 {
        return Err(invalid());
    }
    file.seek(SeekFrom::Start(number(&header[32..40])))?;
    for _ in 0..number(&header[56..58]) {
        let mut entry = [0; PROGRAM_HEADER];
        file.read_exact(&mut entry)?;
        if number(&entry[..4]) != u64::from(INTERPRETER) {
            continue;
        }
        let size = number(&entry[32..40]);
        if size > MAX_INTERPRETER {
            return Err(invalid());
        }
        file.seek(SeekFrom::Start(number(&entry[8..16])))?;
        let mut name = Vec::new();
        file.take(size).read_to_end(&mut name)?;
        name.retain(|byte| *byte != 0);
        return Ok(Some(OsString::from_vec(name).into()));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loader_is_read_and_static_programs_have_none() {
        let named = interpreter(Path::new("/bin/sh")).unwrap().unwrap();
        assert!(named.is_file(), "{}", named.display());
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "#!/bin/sh\n".repeat(20)).unwrap();
        assert!(interpreter(file.path()).is_err(), "a script is no program");
        let mut header = [0; 64];
        header[..6].copy_from_slice(b"\x7fELF\x02\x01");
        header[54] = 56;
        std::fs::write(file.path(), header).unwrap();
        assert_eq!(interpreter(file.path()).unwrap(), None);
    }

    #[test]
    fn only_files_are_listed() {
        let said = "\tlinux-vdso.so.1 (0x00007)\n\tlibc.so.6 => /lib/x/libc.so.6 (0x00007)\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x7)\n\tlibm.so.6 => not found\n";
        assert_eq!(
            listed(said),
            [("libc.so.6".to_owned(), PathBuf::from("/lib/x/libc.so.6"))]
        );
    }
}
