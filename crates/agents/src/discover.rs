//! Finds the agents that are installed on this machine.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::config::Driver;
use crate::preset::Preset;

/// An agent that was found, ready for `AgentConfig::command` and the sandbox's mounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// Which agent.
    pub preset: Preset,
    /// The driver that its programs allow: the preset's own, or `command` where only the headless
    /// program is there.
    pub driver: Driver,
    /// Program and leading arguments with absolute paths.
    pub command: Vec<String>,
    /// Directories to show inside, read-only, at the same path. What lies below `/usr` is shown anyway.
    pub paths: Vec<PathBuf>,
}

/// Looks for the programs of `preset` in `search`, a `PATH`. Reads files, starts nothing.
///
/// A path that is not UTF-8 is not found.
#[must_use]
pub fn discover(preset: Preset, search: &OsStr) -> Option<Installation> {
    let other = [preset.driver(), Driver::Acp, Driver::Command];
    other
        .into_iter()
        .find_map(|driver| discover_for(preset, driver, search))
}

/// Like [`discover`], but only the program that `driver` starts.
#[must_use]
pub fn discover_for(preset: Preset, driver: Driver, search: &OsStr) -> Option<Installation> {
    let program = preset.program(driver)?;
    let mut found = resolve(preset, &look_up(program, search)?, search)?;
    if preset == Preset::Codex && driver == Driver::Acp {
        prefer_own_codex(&mut found, search);
    }
    found.paths.sort();
    found.paths.dedup();
    Some(Installation {
        preset,
        driver,
        command: found.command,
        paths: found.paths,
    })
}

struct Found {
    command: Vec<String>,
    paths: Vec<PathBuf>,
}

/// The adapter brings a Codex of its own; the one that the person installed comes first.
fn prefer_own_codex(found: &mut Found, search: &OsStr) {
    let Some(own) = look_up("codex", search) else {
        return;
    };
    let (Some(text), Some(resolved)) = (own.to_str(), resolve(Preset::Codex, &own, search)) else {
        return;
    };
    let mut command = vec!["env".to_owned(), format!("CODEX_PATH={text}")];
    command.append(&mut found.command);
    found.command = command;
    found.paths.extend(resolved.paths);
    found.paths.extend(
        own.parent()
            .filter(|parent| !shown_anyway(parent))
            .map(Path::to_path_buf),
    );
}

fn look_up(program: &str, search: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(search)
        .filter(|dir| dir.is_absolute())
        .map(|dir| dir.join(program))
        .find(|path| {
            fs::metadata(path)
                .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
        })
}

/// Follows links and wrappers to what runs, and says what it needs to see.
fn resolve(preset: Preset, path: &Path, search: &OsStr) -> Option<Found> {
    let real = fs::canonicalize(path).ok()?;
    let real = if runs(&real) {
        real
    } else {
        native(preset, &real)?
    };
    let mut paths: Vec<PathBuf> = package_root(&real).into_iter().collect();
    let mut command = Vec::new();
    if starts_with(&real, b"#!/usr/bin/env node") {
        let node = fs::canonicalize(look_up("node", search)?).ok()?;
        paths.extend(node.parent().and_then(Path::parent).map(Path::to_path_buf));
        command.push(node.to_str()?.to_owned());
    }
    command.push(real.to_str()?.to_owned());
    paths.retain(|dir| !shown_anyway(dir));
    Some(Found { command, paths })
}

fn runs(path: &Path) -> bool {
    starts_with(path, b"#!") || starts_with(path, b"\x7fELF")
}

/// Where install scripts were not run, a package leaves a stub in the place of the program, and the
/// program itself is in the package of this machine's kind.
fn native(preset: Preset, stub: &Path) -> Option<PathBuf> {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        _ => return None,
    };
    let program = preset.recipe().native?.replace("{arch}", arch);
    let roots = stub
        .ancestors()
        .filter(|dir| dir.file_name() == Some(OsStr::new("node_modules")));
    roots
        .map(|root| root.join(&program))
        .find(|path| runs(path))
}

/// The outermost `node_modules`, which holds a package and all that it depends on; else the directory.
fn package_root(real: &Path) -> Option<PathBuf> {
    let outermost = real
        .ancestors()
        .filter(|dir| dir.file_name() == Some(OsStr::new("node_modules")))
        .last();
    outermost.or_else(|| real.parent()).map(Path::to_path_buf)
}

fn shown_anyway(dir: &Path) -> bool {
    ["/usr", "/bin", "/lib", "/lib64", "/sbin"]
        .iter()
        .any(|system| dir.starts_with(system))
}

fn starts_with(path: &Path, wanted: &[u8]) -> bool {
    let mut head = vec![0; wanted.len()];
    fs::File::open(path)
        .and_then(|mut file| file.read_exact(&mut head))
        .is_ok()
        && head == wanted
}
