//! Images by name: a container engine of this machine pulls and exports them, and nothing more. They
//! are unpacked into a folder and run behind our own walls, never behind an engine's defaults.

pub(crate) mod archive;
mod layers;
mod metered;
pub(crate) mod unpack;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::error::SandboxError;

/// In this order; not `PATH`: what decides what runs is not up to a variable.
const ENGINES: [&str; 2] = ["docker", "podman"];
const PLACES: [&str; 2] = ["/usr/bin", "/usr/local/bin"];
/// An engine answers at once, or its daemon is stuck.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// Some gigabytes over a slow line.
const PULL_WITHIN: Duration = Duration::from_secs(60 * 60);
/// Some gigabytes from disk to disk.
const EXPORT_WITHIN: Duration = Duration::from_secs(30 * 60);
/// Registry, path, tag and digest together.
const MAX_NAME: usize = 512;
/// What is shown of an engine's complaint.
const MAX_SAID: usize = 2000;
/// A command for a container that is made and never started; images without one need it.
const NEVER_RUN: &str = "/never-run";

/// An image that is a folder now, for [`Image::Directory`](crate::Image::Directory).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnpackedImage {
    /// Its root file system. Others may be using it: do not write there.
    pub directory: PathBuf,
    /// The digest of its configuration, `sha256:…`: the same image has the same.
    pub digest: String,
    /// The engine, or the archive, that it came from.
    pub engine: PathBuf,
}

/// Makes the image `name` a folder in `cache`, which holds one folder per digest: one that is there
/// is used again. The engine pulls what it does not have, with the credentials in `home`. One that
/// has more than `room` bytes is refused; what the engine itself keeps does not count.
///
/// Safe to cancel: what was half unpacked is removed, and the engine's container too, soon after.
///
/// # Errors
/// [`SandboxError::Invalid`] for what is no name; [`SandboxError::Setup`] says which engine was
/// asked what, what it said, and what mends it.
pub async fn unpack_image(
    name: &str,
    cache: &Path,
    home: &Path,
    room: u64,
) -> Result<UnpackedImage, SandboxError> {
    from_engines(name, cache, home, room, &PLACES.map(Path::new)).await
}

async fn from_engines(
    name: &str,
    cache: &Path,
    home: &Path,
    room: u64,
    places: &[&Path],
) -> Result<UnpackedImage, SandboxError> {
    if !is_name(name) {
        return Err(SandboxError::Invalid {
            what: format!("`{}` is no name of an image", name.escape_debug()),
        });
    }
    let engine = Engine::find(places, home).await?;
    let digest = match engine.digest(name).await {
        Ok(digest) => digest,
        Err(_) => {
            engine.ask(&["pull", "--quiet", name], PULL_WITHIN).await?;
            engine.digest(name).await?
        }
    };
    let directory = cache.join(digest.replace(':', "-"));
    if !directory.is_dir() {
        engine.export(&digest, cache, &directory, room).await?;
    }
    Ok(UnpackedImage {
        directory,
        digest,
        engine: engine.path,
    })
}

/// Whether an image at this path has to be unpacked first: an archive, or a folder in the OCI image
/// layout, and no root file system.
#[must_use]
pub fn is_packed(path: &Path) -> bool {
    archive::is_packed(path)
}

/// Makes the image at `path`, for which [`is_packed`] holds, a folder in `cache`, as
/// [`unpack_image`] does. It names its digests, and each is looked at. One that has more than `room`
/// bytes is refused.
///
/// # Errors
/// [`SandboxError::Setup`] says what is wrong with it.
pub async fn unpack_archive(
    path: &Path,
    cache: &Path,
    room: u64,
) -> Result<UnpackedImage, SandboxError> {
    let (from, into) = (path.to_owned(), cache.to_owned());
    let unpacked = tokio::task::spawn_blocking(move || from_archive(&from, &into, room));
    let unpacked = unpacked
        .await
        .map_err(SandboxError::io("unpack the image"))?;
    unpacked.map_err(|error| SandboxError::Setup {
        step: "unpack the image",
        detail: format!("{}: {error}", path.display()),
        mend: "write it anew (`docker save`, or `skopeo copy … oci-archive:…`); one that is too large needs more free space",
    })
}

fn from_archive(path: &Path, cache: &Path, room: u64) -> std::io::Result<UnpackedImage> {
    std::fs::create_dir_all(cache)?;
    let store = archive::Store::open(path)?;
    let plan = store.plan()?;
    let directory = cache.join(format!("sha256-{}", plan.digest));
    if !directory.is_dir() {
        let partial = partial(cache)?;
        let (entries, bytes) = (unpack::MAX_ENTRIES, room.min(unpack::MAX_BYTES));
        store.unpack(&plan, partial.path(), entries, bytes)?;
        settle(partial, &directory)?;
    }
    Ok(UnpackedImage {
        directory,
        digest: format!("sha256:{}", plan.digest),
        engine: path.to_owned(),
    })
}

/// What the name of a folder begins with that is not whole.
const PARTIAL: &str = ".partial-";

/// A folder that goes unless it is settled.
fn partial(cache: &Path) -> std::io::Result<tempfile::TempDir> {
    let mut named = tempfile::Builder::new();
    named.prefix(PARTIAL).tempdir_in(cache)
}

/// The folders in `cache` that a program left which was killed while it unpacked; those that are
/// being unpacked now, too. None where there is no such folder.
///
/// # Errors
/// It cannot be read.
pub fn partly_unpacked(cache: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(cache) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(PARTIAL.as_bytes())
        {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// Moves a whole folder to its place.
fn settle(partial: tempfile::TempDir, directory: &Path) -> std::io::Result<()> {
    let partial = partial.keep();
    let moved = std::fs::rename(&partial, directory);
    if moved.is_err() {
        let _ = std::fs::remove_dir_all(&partial);
    }
    match moved {
        // Somebody else was quicker.
        Err(_) if directory.is_dir() => Ok(()),
        moved => moved,
    }
}

/// An engine that answers.
#[derive(Clone)]
struct Engine {
    path: PathBuf,
    home: PathBuf,
}

impl Engine {
    async fn find(places: &[&Path], home: &Path) -> Result<Self, SandboxError> {
        let mut why = Vec::new();
        for name in ENGINES {
            let found = places.iter().map(|place| place.join(name));
            let Some(path) = found.into_iter().find(|path| path.is_file()) else {
                why.push(format!("{name} is not installed"));
                continue;
            };
            let engine = Self {
                path,
                home: home.to_owned(),
            };
            // It asks the daemon, where there is one.
            match engine.ask(&["info"], ANSWER_WITHIN).await {
                Ok(_) => return Ok(engine),
                Err(error) => why.push(error.to_string()),
            }
        }
        Err(SandboxError::Setup {
            step: "find a container engine for the image",
            detail: why.join("; "),
            mend: "start docker's daemon (systemctl start docker), install podman, or give the image as an unpacked folder",
        })
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command.args(words).env_clear().current_dir("/");
        // For its settings and credentials, and for the helpers that it runs.
        command.env("HOME", &self.home);
        command.env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        );
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// What it prints, when it ends well.
    async fn ask(&self, words: &[&str], within: Duration) -> Result<String, SandboxError> {
        let step = "ask the container engine";
        let asked = timeout(within, self.command(words).output()).await;
        let output = asked
            .map_err(|_| SandboxError::Timeout {
                step,
                seconds: within.as_secs(),
            })?
            .map_err(SandboxError::io(step))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        Err(self.complaint(words, &output.stderr))
    }

    fn complaint(&self, words: &[&str], said: &[u8]) -> SandboxError {
        let said = String::from_utf8_lossy(said);
        let said: String = said.trim().chars().take(MAX_SAID).collect();
        SandboxError::Setup {
            step: "the container engine",
            detail: format!("`{} {}`: {said}", self.path.display(), words.join(" ")),
            mend: "check that its daemon runs, that this user may use it, and the image's name",
        }
    }

    async fn digest(&self, name: &str) -> Result<String, SandboxError> {
        let words = ["image", "inspect", "--format", "{{.Id}}", name];
        let said = self.ask(&words, ANSWER_WITHIN).await?;
        // Podman leaves the algorithm out.
        let hex = said.strip_prefix("sha256:").unwrap_or(&said);
        let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if hex.len() == 64 && hex.bytes().all(lower) {
            return Ok(format!("sha256:{hex}"));
        }
        Err(self.complaint(&words, b"it answered no digest"))
    }

    /// Unpacks beside `directory` and moves there, so that it is whole when it is there.
    ///
    /// In a task of its own: whoever asked may be gone while the engine makes a container, of which
    /// only that answer tells the name.
    async fn export(
        &self,
        digest: &str,
        cache: &Path,
        directory: &Path,
        room: u64,
    ) -> Result<(), SandboxError> {
        let (engine, digest) = (self.clone(), digest.to_owned());
        let (cache, directory) = (cache.to_owned(), directory.to_owned());
        let (asker, gone) = oneshot::channel();
        let exporting = tokio::spawn(async move {
            let into = (&*cache, &*directory, room);
            engine.export_unless(gone, &digest, into).await
        });
        let exported = exporting.await;
        drop::<oneshot::Sender<()>>(asker);
        exported.map_err(SandboxError::io("unpack the image"))?
    }

    /// Leaves no container, however it ends.
    async fn export_unless(
        &self,
        gone: oneshot::Receiver<()>,
        digest: &str,
        (cache, directory, room): (&Path, &Path, u64),
    ) -> Result<(), SandboxError> {
        let step = "unpack the image";
        let words = ["create", digest, NEVER_RUN];
        let made = self.ask(&words, ANSWER_WITHIN).await?;
        // Pulling may print before it; the last line is the container.
        let container = made.lines().last().unwrap_or_default().to_owned();
        let unpacking = timeout(
            EXPORT_WITHIN,
            self.unpack(&container, cache, directory, room),
        );
        let exported = tokio::select! {
            biased;
            // Nobody reads what comes of it.
            _ = gone => Ok(Ok(())),
            exported = unpacking => exported.map_err(|_| SandboxError::Timeout {
                step,
                seconds: EXPORT_WITHIN.as_secs(),
            }),
        };
        let words = ["rm", "--force", &container];
        let removed = self.ask(&words, ANSWER_WITHIN).await;
        exported??;
        removed.map(drop)
    }

    async fn unpack(
        &self,
        container: &str,
        cache: &Path,
        directory: &Path,
        room: u64,
    ) -> Result<(), SandboxError> {
        let step = "unpack the image";
        let words = ["export", container];
        let mut command = self.command(&words);
        let (stream, theirs) = std::io::pipe().map_err(SandboxError::io(step))?;
        let spawned = command.stdout(theirs).stderr(Stdio::piped()).spawn();
        // It holds their end of the pipe.
        drop(command);
        let engine = spawned.map_err(SandboxError::io(step))?;
        let partial = partial(cache).map_err(SandboxError::io(step))?;
        let stream = File::from(std::os::fd::OwnedFd::from(stream));
        let unpacking = tokio::task::spawn_blocking(move || {
            let stream = std::io::BufReader::new(stream);
            let bytes = room.min(unpack::MAX_BYTES);
            unpack::within(stream, partial.path(), unpack::MAX_ENTRIES, bytes).map(|()| partial)
        });
        let (unpacked, ended) = tokio::join!(unpacking, engine.wait_with_output());
        let ended = ended.map_err(SandboxError::io(step))?;
        let unpacked = unpacked.map_err(SandboxError::io(step))?;
        let complaint = match ended.status.success() {
            true => None,
            false => Some(self.complaint(&words, &ended.stderr)),
        };
        let partial = match (unpacked, complaint) {
            (Ok(partial), None) => partial,
            (Ok(_), Some(complaint)) => return Err(complaint),
            (Err(error), complaint) => {
                // Which was first cannot be told: an engine that is not read to its end fails too.
                let said = complaint
                    .map(|said| format!("; {said}"))
                    .unwrap_or_default();
                return Err(SandboxError::Setup {
                    step,
                    detail: format!("{error}{said}"),
                    mend: "free some space if it is too large; else look at what the engine exports",
                });
            }
        };
        settle(partial, directory).map_err(SandboxError::io(step))
    }
}

/// A name that an engine cannot take for an option, a path or a template.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    name.len() <= MAX_NAME
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(plain)
        && !name.contains("..")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// An engine that knows one image, made of a folder, and writes down what it is asked.
    fn engine(folder: &Path, name: &str, lines: &str) {
        let path = folder.join(name);
        fs::write(
            &path,
            format!(
                "#!/bin/sh\necho \"$*\" >> {0}/asked\n{lines}\n",
                folder.display()
            ),
        )
        .unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[tokio::test]
    async fn an_image_comes_from_the_engine_that_works_once() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        for below in ["image/etc", "cache", "home"] {
            fs::create_dir_all(at.join(below)).unwrap();
        }
        fs::write(at.join("image/etc/name"), "image").unwrap();
        engine(
            at,
            "docker",
            "echo 'Cannot connect to the daemon' >&2; exit 1",
        );
        let lines = format!(
            "case $1 in info) ;; image) test -e {0}/pulled || exit 1; echo {DIGEST} ;;
             pull) touch {0}/pulled ;; create) echo warning; echo abc123 ;;
             export) tar -C {0}/image -c . ;; rm) test \"$3\" = abc123 ;; *) exit 9 ;; esac",
            at.display()
        );
        engine(at, "podman", &lines);
        let unpack = async || {
            from_engines(
                "registry.example/a:1",
                &at.join("cache"),
                &at.join("home"),
                u64::MAX,
                &[at],
            )
            .await
        };
        let found = unpack().await.unwrap();
        assert_eq!(found.digest, format!("sha256:{DIGEST}"));
        assert_eq!(found.engine, at.join("podman"));
        let text = fs::read_to_string(found.directory.join("etc/name")).unwrap();
        assert_eq!(text, "image");
        let asked = fs::read_to_string(at.join("asked")).unwrap();
        assert!(asked.contains("rm --force abc123"), "{asked}");
        assert_eq!(unpack().await.unwrap(), found);
        let again = fs::read_to_string(at.join("asked")).unwrap();
        assert_eq!(again.matches("export").count(), 1, "{again}");
        assert_eq!(fs::read_dir(at.join("cache")).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn without_an_engine_the_reason_is_told_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        fs::create_dir(at.join("cache")).unwrap();
        let unpack = async |name| {
            let unpacked = from_engines(name, &at.join("cache"), at, 100, &[at]).await;
            unpacked.unwrap_err().to_string()
        };
        assert!(unpack("a").await.contains("docker is not installed"));
        engine(
            at,
            "docker",
            "echo 'Cannot connect to the Docker daemon' >&2; exit 1",
        );
        let said = unpack("a").await;
        assert!(
            said.contains("Cannot connect") && said.contains("systemctl start docker"),
            "{said}"
        );
        for bad in ["", "--privileged", "-v", "a b", "a\nb", "../x", "a{{.}}"] {
            assert!(unpack(bad).await.contains("no name of an image"), "{bad}");
        }
        fs::create_dir(at.join("image")).unwrap();
        fs::write(at.join("image/large"), "x".repeat(101)).unwrap();
        let large = format!(
            "case $1 in image) echo {DIGEST} ;; create) echo id ;; export) tar -C {}/image -c . ;; esac",
            at.display()
        );
        engine(at, "docker", &large);
        let said = unpack("a").await;
        assert!(said.contains("too large"), "{said}");
        let broken = format!(
            "case $1 in image) echo {DIGEST} ;; create) echo id ;; export) echo no tar ;; esac"
        );
        engine(at, "docker", &broken);
        assert!(unpack("a").await.contains("unpack the image"));
        assert_eq!(fs::read_dir(at.join("cache")).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn who_stops_waiting_leaves_no_container_and_no_folder() {
        for stopped_at in ["create", "export"] {
            let folder = tempfile::tempdir().unwrap();
            let at = folder.path();
            fs::create_dir(at.join("cache")).unwrap();
            nix::unistd::mkfifo(&at.join("goes-on"), nix::sys::stat::Mode::S_IRWXU).unwrap();
            // The step that is stopped waits: a container is made all the same, an export never ends.
            let lines = format!(
                "if test $1 = {stopped_at}; then touch {0}/waits; read x < {0}/goes-on; fi
                 case $1 in image) echo {DIGEST} ;; create) touch {0}/container; echo abc ;;
                 rm) test \"$3\" = abc && rm {0}/container ;; esac",
                at.display()
            );
            engine(at, "docker", &lines);
            let until = async |reached: &dyn Fn() -> bool| {
                let waiting = async {
                    while !reached() {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                };
                timeout(Duration::from_secs(20), waiting).await.is_ok()
            };
            let cache = at.join("cache");
            let (places, begun) = ([at], || at.join("waits").exists());
            tokio::select! {
                ended = from_engines("a", &cache, at, u64::MAX, &places) => panic!("{ended:?}"),
                waits = until(&begun) => assert!(waits),
            }
            if stopped_at == "create" {
                // Opened for reading too: it must not wait for one who may be gone.
                let mut both = fs::File::options();
                let mut both = both
                    .read(true)
                    .write(true)
                    .open(at.join("goes-on"))
                    .unwrap();
                std::io::Write::write_all(&mut both, b"x\n").unwrap();
                let removed = || {
                    let asked = fs::read_to_string(at.join("asked")).unwrap();
                    asked.contains("rm --force abc")
                };
                assert!(until(&removed).await, "the container stays");
            }
            let gone = || !at.join("container").exists();
            assert!(until(&gone).await, "the container stays");
            let empty = || partly_unpacked(&cache).unwrap().is_empty();
            assert!(until(&empty).await, "a folder stays");
        }
    }
}
