//! What a specification must be before anything is done for it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Component, Path};

use crate::engine;
use crate::error::SandboxError;
use crate::floor::{KVM, OURS};
use crate::spec::{Limits, Mount, Spec, Tier};

/// Each is a system call and a descriptor at most; a run has some dozens.
const MAX_MOUNTS: usize = 1024;

/// The launcher and the helper have six to eight processes and threads, and some megabytes; the
/// kernel keeps no account of less than a hundredth of a processor.
const MIN_TASKS: u64 = 16;
const MIN_MEMORY_BYTES: u64 = 16 << 20;
const MIN_CPU_MILLI: u64 = 10;

/// Refuses what cannot be started as it is written; nothing has been touched by then.
pub(crate) fn spec(spec: &Spec) -> Result<(), SandboxError> {
    if spec.program.is_empty() {
        return invalid("the name of the program is empty".into());
    }
    if spec.cwd.is_relative() {
        return invalid("the working directory must be an absolute path".into());
    }
    if spec.init.program.is_relative() {
        return invalid("the path of the helper (init.program) must be absolute".into());
    }
    if spec.image.is_some() && spec.tier < Tier::Container {
        return invalid(format!(
            "an image is for the tiers `container` and `vm`, not for `{}`",
            spec.tier.name()
        ));
    }
    let shown = spec.mounts.iter().filter_map(Mount::source);
    engine::no_sockets(shown.chain(spec.ports.iter().map(|port| port.socket.as_path())))?;
    no_nul("the program", &spec.program)?;
    no_nul("the working directory", spec.cwd.as_os_str())?;
    spec.args
        .iter()
        .try_for_each(|arg| no_nul("an argument", arg))?;
    for (name, value) in &spec.env {
        no_nul("the environment", name)?;
        no_nul("the environment", value)?;
        if name.is_empty() || name.as_encoded_bytes().contains(&b'=') {
            return invalid("a name in the environment is empty or holds `=`".into());
        }
    }
    for port in &spec.ports {
        let is_socket = port
            .socket
            .metadata()
            .is_ok_and(|found| found.file_type().is_socket());
        if !is_socket || port.socket.is_relative() {
            return Err(SandboxError::PortSocket {
                port: port.port,
                socket: port.socket.clone(),
            });
        }
    }
    together(&spec.limits)?;
    if spec.tier.is_sandboxed() {
        mounts(spec)
    } else {
        Ok(())
    }
}

/// Limits that the launcher and the helper alone would reach.
fn together(limits: &Limits) -> Result<(), SandboxError> {
    let least = [
        (
            "total_memory_bytes",
            limits.total_memory_bytes,
            MIN_MEMORY_BYTES,
        ),
        ("total_tasks", limits.total_tasks, MIN_TASKS),
        ("cpu_milli", limits.cpu_milli, MIN_CPU_MILLI),
    ];
    let too_low = |(_, wanted, least): &(&str, Option<u64>, u64)| {
        wanted.is_some_and(|wanted| wanted < *least)
    };
    match least.into_iter().find(too_low) {
        Some((name, wanted, least)) => invalid(format!(
            "limits.{name}: {} is less than the sandbox itself needs; at least {least}",
            wanted.unwrap_or_default()
        )),
        None => Ok(()),
    }
}

/// What no launcher could make sense of, or what would weaken the floor.
fn mounts(spec: &Spec) -> Result<(), SandboxError> {
    if spec.mounts.len() > MAX_MOUNTS {
        return invalid(format!(
            "{} mounts; at most {MAX_MOUNTS}",
            spec.mounts.len()
        ));
    }
    spec.mounts
        .iter()
        .filter(|mount| !is_hypervisors(spec, mount))
        .try_for_each(target)?;
    spec.mounts
        .iter()
        .try_for_each(|mount| source(mount, &spec.mounts))?;
    if spec.limits.tmp_bytes == Some(0) {
        return invalid("limits.tmp_bytes: 0 would be without bound".into());
    }
    Ok(())
}

/// The one device that can be shown: to a hypervisor, which is a program of the sandbox tier.
fn is_hypervisors(spec: &Spec, mount: &Mount) -> bool {
    let is_written = matches!(mount, Mount::ReadWrite { .. });
    spec.tier == Tier::Sandbox && is_written && mount.target() == Path::new(KVM)
}

fn target(mount: &Mount) -> Result<(), SandboxError> {
    let target = mount.target();
    no_nul("a mount", target.as_os_str())?;
    if !is_plain(target) {
        return invalid(format!(
            "mount target {}: must be absolute, without `..`",
            target.display()
        ));
    }
    let reserved = ["/proc", "/dev", OURS];
    if target == Path::new("/") || reserved.iter().any(|own| target.starts_with(own)) {
        return invalid(format!(
            "mount target {}: the sandbox makes this one itself",
            target.display()
        ));
    }
    match mount {
        Mount::Tmpfs { size_bytes: 0, .. } => invalid(format!(
            "tmpfs {}: a size of 0 would be without bound",
            target.display()
        )),
        Mount::Symlink { points_to, .. } => no_nul("the target of a link", points_to.as_os_str()),
        _ => Ok(()),
    }
}

/// An earlier run may have put a link into a folder that it could write. A mount of something in
/// that folder must not follow it out: `.git` could have become a link to `/root`.
fn source(mount: &Mount, all: &[Mount]) -> Result<(), SandboxError> {
    let Some(source) = mount.source() else {
        return Ok(());
    };
    no_nul("a mount", source.as_os_str())?;
    if !is_plain(source) {
        return invalid(format!(
            "mount source {}: must be absolute, without `..`",
            source.display()
        ));
    }
    for written in all {
        let Mount::ReadWrite { source: folder, .. } = written else {
            continue;
        };
        let Ok(below) = source.strip_prefix(folder) else {
            continue;
        };
        // What is not there is an error of its own, with a better message, later.
        let (Ok(real), Ok(real_folder)) = (source.canonicalize(), folder.canonicalize()) else {
            continue;
        };
        if !below.as_os_str().is_empty() && real != real_folder.join(below) {
            let (source, folder) = (source.display(), folder.display());
            return invalid(format!(
                "mount source {source}: a link in {folder}, which a run can write, leads elsewhere"
            ));
        }
    }
    Ok(())
}

fn invalid(what: String) -> Result<(), SandboxError> {
    Err(SandboxError::Invalid { what })
}

/// A NUL would end an argument early and make the rest of it another one.
fn no_nul(what: &str, word: &OsStr) -> Result<(), SandboxError> {
    if word.as_bytes().contains(&0) {
        return Err(SandboxError::Invalid {
            what: format!("{what} holds a NUL byte"),
        });
    }
    Ok(())
}

fn is_plain(path: &Path) -> bool {
    path.is_absolute()
        && path
            .components()
            .all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_compared_by_its_parts() {
        assert!(is_plain(Path::new("/workspace/a")));
        for bad in ["workspace", "/a/../b", "../b", ""] {
            assert!(!is_plain(Path::new(bad)), "{bad}");
        }
        assert!(!Path::new("/process").starts_with("/proc"));
    }
}
