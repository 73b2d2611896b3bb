//! Container engines of the host: whoever reaches an engine's socket is root on the host, so none is
//! ever let in, in any tier.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

use crate::error::SandboxError;

/// Where engines listen, below `/run` and `/var/run`.
const SOCKETS: [&str; 9] = [
    "docker.sock",
    "podman/podman.sock",
    "containerd/containerd.sock",
    "docker/containerd/containerd.sock",
    "crio/crio.sock",
    "buildkit/buildkitd.sock",
    "k3s/containerd/containerd.sock",
    "lxd.socket",
    "incus/unix.socket",
];
/// What their sockets are called, wherever they are.
const NAMES: [&str; 6] = [
    "docker.sock",
    "podman.sock",
    "containerd.sock",
    "crio.sock",
    "buildkitd.sock",
    "docker-raw.sock",
];

/// Refuses an engine's socket, under whichever name, and a folder that holds one.
pub(crate) fn no_sockets<'a>(sources: impl Iterator<Item = &'a Path>) -> Result<(), SandboxError> {
    let user = geteuid();
    let run = format!("/run/user/{user}");
    let known = listening(&["/run", "/var/run", &run].map(Path::new));
    for source in sources {
        if let Some(socket) = reaches(source, &known) {
            return Err(SandboxError::Invalid {
                what: format!(
                    "{} gives the container engine's socket {} away, and with it this machine; remove it, or mount what is needed of the folder",
                    source.display(),
                    socket.display()
                ),
            });
        }
    }
    Ok(())
}

/// An engine's socket: where it really is, and which file that is.
type Known = (PathBuf, (u64, u64));

/// Those that are there, of those that engines make in these folders.
fn listening(runs: &[&Path]) -> Vec<Known> {
    let all = runs
        .iter()
        .flat_map(|run| SOCKETS.map(|socket| run.join(socket)));
    all.filter_map(|socket| {
        let found = fs::metadata(&socket).ok()?;
        let file = (found.dev(), found.ino());
        found.file_type().is_socket().then_some(())?;
        Some((socket.canonicalize().ok()?, file))
    })
    .collect()
}

/// The engine's socket that `source` is or holds.
fn reaches(source: &Path, known: &[Known]) -> Option<PathBuf> {
    // What is not there, or cannot be looked at, is refused or useless for another reason.
    let real = source.canonicalize().ok()?;
    let found = fs::metadata(&real).ok()?;
    let name = real.file_name().unwrap_or_default();
    if found.file_type().is_socket() && NAMES.iter().any(|engine| name == *engine) {
        return Some(real);
    }
    let here = (found.dev(), found.ino());
    let reached = known
        .iter()
        .find(|(socket, file)| *file == here || socket.starts_with(&real));
    reached.map(|(socket, _)| socket.clone())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn an_engines_socket_is_known_under_any_name() {
        let base = tempfile::tempdir().unwrap();
        let run = base.path().join("run");
        fs::create_dir_all(run.join("podman")).unwrap();
        let at = |below: &str| base.path().join(below);
        let reached = |path: &Path| reaches(path, &listening(&[run.as_path()])).is_some();
        let engine = run.join("podman/podman.sock");
        let _engine = UnixListener::bind(&engine).unwrap();
        let _own = UnixListener::bind(at("own.sock")).unwrap();
        let _named = UnixListener::bind(at("docker.sock")).unwrap();
        fs::hard_link(&engine, at("hard")).unwrap();
        symlink(&engine, at("soft")).unwrap();
        symlink("run", at("var")).unwrap();
        for bad in [
            "run/podman/podman.sock",
            "docker.sock",
            "hard",
            "soft",
            "var",
            "run",
            "run/podman",
            "",
        ] {
            assert!(reached(&at(bad)), "{bad}");
        }
        assert!(reached(Path::new("/")), "the root holds it");
        // The controls: another socket, a file of that name, a folder beside it.
        fs::create_dir(at("beside")).unwrap();
        fs::write(at("beside/docker.sock"), "").unwrap();
        for good in ["own.sock", "beside", "beside/docker.sock", "absent"] {
            assert!(!reached(&at(good)), "{good}");
        }
    }
}
