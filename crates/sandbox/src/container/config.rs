//! The configuration of a bundle: the OCI runtime specification 1.0.2, section "config".

use std::path::{Path, PathBuf};

use nix::unistd::{getegid, geteuid};
use serde::Serialize;
use serde_json::{Value, json};

use crate::container::helper::Helper;
use crate::container::points::{Layout, Point};
use crate::container::runtime::Runtime;
use crate::error::SandboxError;
use crate::floor::{HOSTNAME, MASKED_FILES, MASKED_FOLDERS, UID};
use crate::init::{CONTAINER, CONTAINER_ROOTLESS, CONTAINER_STDIN};
use crate::spec::Spec;
use crate::user::{BUILDER, HostUser, Stage};

/// Device files and folders; nothing is ever written there.
const DEV_BYTES: u64 = 64 * 1024;

/// One of the runtime's mounts, in its own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct OciMount {
    destination: String,
    #[serde(rename = "type")]
    kind: &'static str,
    source: String,
    options: Vec<String>,
}

impl OciMount {
    fn new(destination: &str, kind: &'static str, source: &str, options: &str) -> Self {
        Self {
            destination: destination.to_owned(),
            kind,
            source: source.to_owned(),
            options: options.split(' ').map(str::to_owned).collect(),
        }
    }

    /// The root of an image: layers only, so that there is nowhere to write.
    pub(crate) fn overlay(layers: String) -> Self {
        Self {
            options: vec![layers],
            ..Self::new("/", "overlay", "overlay", "")
        }
    }

    /// Kernel and device files. `/proc` is read-only: where there is no other user to give, the one inside
    /// is to the kernel the one who runs this, and were that root, its files would be open for writing.
    pub(crate) fn floor(shm_bytes: u64) -> [Self; 4] {
        let dev = format!("nosuid noexec ro mode=0755 size={DEV_BYTES}");
        let shm = format!("nosuid nodev mode=1777 size={shm_bytes}");
        let pts = "nosuid noexec newinstance ptmxmode=0666 mode=0620";
        [
            Self::new("/proc", "proc", "proc", "nosuid nodev noexec ro"),
            Self::new("/dev", "tmpfs", "tmpfs", &dev),
            Self::new("/dev/pts", "devpts", "devpts", pts),
            Self::new("/dev/shm", "tmpfs", "shm", &shm),
        ]
    }

    /// An empty folder in memory; `owner` are further options, by commas.
    pub(crate) fn memory(
        target: &Path,
        size_bytes: u64,
        owner: &str,
    ) -> Result<Self, SandboxError> {
        let options = format!("nosuid nodev size={size_bytes} {}", owner.replace(',', " "));
        Ok(Self::new(text(target)?, "tmpfs", "tmpfs", &options))
    }

    /// An empty folder where the runtime would show one of its kernel's.
    pub(crate) fn nothing(target: &str) -> Self {
        let options = format!("nosuid nodev noexec ro mode=0555 size={DEV_BYTES}");
        Self::new(target, "tmpfs", "tmpfs", &options)
    }

    /// In the words of a runtime that knows fewer: to its kernel all that lies below a mount is that
    /// one mount, and places in memory are made as they are mounted on.
    pub(crate) fn for_own_kernel(&mut self) {
        // Nor are devices opened for writing where the mount is not to be written; who may make
        // files there is the folder's to say.
        let is_dev = self.destination == "/dev";
        (self.options).retain(|word| word != "tmpcopyup" && !(is_dev && word == "ro"));
        for word in &mut self.options {
            if let Some(plain) = ["ro", "nosuid", "nodev"]
                .into_iter()
                .find(|plain| word.strip_prefix('r') == Some(plain))
            {
                *word = plain.to_owned();
            }
        }
    }

    /// Its contents at the start are what was made for it in the root below it.
    pub(crate) fn starts_with_what_is_below(&mut self) {
        let word = "tmpcopyup".to_owned();
        if !self.options.contains(&word) {
            self.options.push(word);
        }
    }

    /// A folder of the host, with all that is mounted in it, or a file.
    pub(crate) fn bind(
        source: &Path,
        target: &Path,
        point: Point<'_>,
        read: bool,
    ) -> Result<Self, SandboxError> {
        // `rro` and not `ro`, which would leave what is mounted below it writable. Below a file is
        // nothing, and crun takes whatever has such a word for a folder (until 1.14.4).
        let options = match (point, read) {
            (Point::Folder, true) => "rbind rro rnosuid rnodev",
            (Point::Folder, false) => "rbind rnosuid rnodev",
            (_, true) => "bind ro nosuid nodev",
            (_, false) => "bind nosuid nodev",
        };
        Ok(Self::new(text(target)?, "bind", text(source)?, options))
    }
}

/// The whole configuration as JSON. It asks for no limits: the runtime makes its groups within the
/// one that this start has, which holds the limits for all processes together.
pub(crate) fn config(
    spec: &Spec,
    layout: &Layout,
    helper: &Helper,
    cast: Option<&(HostUser, Stage)>,
    runtime: Runtime,
    group: Option<PathBuf>,
) -> Result<Vec<u8>, SandboxError> {
    let rootless = !geteuid().is_root();
    let (uid, gid) = match cast {
        Some((user, _)) => (user.uid(), user.uid()),
        None => (geteuid().as_raw(), getegid().as_raw()),
    };
    let mut args = helper.command.clone();
    for arg in &spec.init.args {
        args.push(text(Path::new(arg))?.to_owned());
    }
    let word = match (runtime.has_own_kernel(), rootless) {
        (true, _) => CONTAINER_STDIN,
        (false, true) => CONTAINER_ROOTLESS,
        (false, false) => CONTAINER,
    };
    args.push(word.into());
    // For whoever looks into it: the mounts name places of the stage.
    let places = cast.into_iter().flat_map(|(_, stage)| stage.places());
    let places: serde_json::Map<_, _> = places
        .map(|(source, place)| {
            (
                place.to_string_lossy().into(),
                source.to_string_lossy().into(),
            )
        })
        .collect();
    let masked = MASKED_FILES.iter().chain(&MASKED_FOLDERS);
    let masked: Vec<_> = masked.map(|name| format!("/proc/{name}")).collect();
    let namespaces = ["user", "pid", "ipc", "uts", "mount", "cgroup", "network"]
        .map(|kind| json!({"type": kind}));
    let user = if rootless { 0 } else { UID };
    // An overlay that is there already has nowhere to write to, and what it was mounted without
    // cannot be taken back, as a runtime would that makes it read-only once more.
    let readonly = layout.overlay.is_none();
    let mut config = json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": user, "gid": user},
            "args": args,
            "env": [],
            "cwd": "/",
            "capabilities": {},
            "noNewPrivileges": true,
        },
        "root": {"path": layout.root, "readonly": readonly},
        "annotations": places,
        "hostname": HOSTNAME,
        "mounts": layout.mounts,
        "linux": {
            "namespaces": namespaces,
            "uidMappings": mappings(uid, rootless),
            "gidMappings": mappings(gid, rootless),
            "rootfsPropagation": "rprivate",
            "maskedPaths": masked,
        },
    });
    if let Some(group) = group {
        // Without a word of it a runtime makes one beside the group that it is in, out of its limits.
        config["linux"]["cgroupsPath"] = json!(group);
    }
    if rootless {
        // Without it the kernel refuses to map user 0 to another (user_namespaces(7)); init uses it
        // for that, and then gives all up.
        let kept = json!(["CAP_SETFCAP"]);
        config["process"]["capabilities"] =
            json!({"bounding": kept, "permitted": kept, "effective": kept});
        // Where init has to write its own mapping; the user has no file of the kernel's to write.
        config["linux"]["readonlyPaths"] =
            json!(["/proc/sys", "/proc/bus", "/proc/fs", "/proc/irq"]);
        if let Some(options) = config["mounts"].as_array_mut().and_then(|mounts| {
            let proc = mounts.iter_mut().find(|mount| mount["type"] == "proc")?;
            proc["options"].as_array_mut()
        }) {
            options.retain(|word| word != "ro");
        }
    }
    serde_json::to_vec(&config).map_err(SandboxError::io("encode the container's configuration"))
}

/// The user inside is one of the host's own for this start, or the caller: whoever the workspace belongs
/// to. An ordinary user has but one to give, and the runtime wants to be 0.
fn mappings(own: u32, rootless: bool) -> Value {
    let one = |inside: u32, host: u32| json!({"containerID": inside, "hostID": host, "size": 1});
    if rootless {
        json!([one(0, own)])
    } else {
        json!([one(0, BUILDER), one(UID, own)])
    }
}

fn text(path: &Path) -> Result<&str, SandboxError> {
    path.to_str().ok_or_else(|| SandboxError::Invalid {
        what: format!(
            "{}: a container's configuration is JSON, and this is not UTF-8",
            path.display()
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(point: Point<'_>, read: bool, own_kernel: bool) -> String {
        let mut mount = OciMount::bind(Path::new("/a"), Path::new("/b"), point, read).unwrap();
        if own_kernel {
            mount.for_own_kernel();
        }
        mount.options.join(" ")
    }

    #[test]
    fn each_runtime_is_told_in_words_that_it_knows() {
        let folder = Point::Folder;
        assert_eq!(words(folder, true, false), "rbind rro rnosuid rnodev");
        assert_eq!(words(folder, false, false), "rbind rnosuid rnodev");
        // A word for what is below makes a folder of a file.
        assert_eq!(words(Point::File, true, false), "bind ro nosuid nodev");
        assert_eq!(words(folder, true, true), "rbind ro nosuid nodev");
        let mut dev = OciMount::floor(1)[1].clone();
        assert!(dev.destination == "/dev" && dev.options.contains(&"ro".to_owned()));
        dev.for_own_kernel();
        assert!(!dev.options.contains(&"ro".to_owned()), "{dev:?}");
    }
}
