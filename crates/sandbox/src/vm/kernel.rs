//! The kernel of the guest: where it is, and the modules that it needs to reach us.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::hypervisor::Device;
use crate::error::SandboxError;

/// Channels and shared folders. Debian's kernels have them as modules; its `cloud` flavour has no
/// 9p at all.
const SERIAL: [&str; 4] = ["virtio_pci", "virtio_console", "9pnet_virtio", "9p"];
const VSOCK: [&str; 4] = [
    "virtio_mmio",
    "vmw_vsock_virtio_transport",
    "9pnet_fd",
    "9p",
];
/// Only for a machine with a disk: the disk's driver, its file system and that one's checksums.
const FOR_DISK: [&str; 3] = ["virtio_blk", "crc32c_generic", "ext4"];
/// Folders below `lib/modules/VERSION`; the kernel's own tree is some five deep.
const MAX_DEPTH: usize = 12;
/// The largest module of Debian's kernel has some 10 MB.
const MAX_MODULE: u64 = 64 << 20;

/// A kernel, and the modules to load, in that order.
#[derive(Debug, Clone)]
pub(crate) struct Kernel {
    pub(crate) image: PathBuf,
    pub(crate) modules: Vec<(String, Vec<u8>)>,
}

/// Finds the newest kernel below `root`, as Debian's package lays it out: `boot/vmlinuz-VERSION`
/// and `lib/modules/VERSION`, with what it needs for `device`. Blocks on the disk.
pub(crate) fn find(root: &Path, device: Device) -> Result<Kernel, SandboxError> {
    let entries = fs::read_dir(root.join("boot")).into_iter().flatten();
    let mut versions: Vec<(Vec<u64>, String)> = entries
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            let version = name.strip_prefix("vmlinuz-")?.to_owned();
            root.join("lib/modules")
                .join(&version)
                .is_dir()
                .then(|| (numbers(&version), version))
        })
        .collect();
    versions.sort();
    let mut lacking = None;
    for (_, version) in versions.iter().rev() {
        let image = root.join("boot").join(format!("vmlinuz-{version}"));
        match load(&root.join("lib/modules").join(version), device) {
            Ok(modules) => return Ok(Kernel { image, modules }),
            Err(error) => lacking = Some(error),
        }
    }
    Err(lacking.unwrap_or_else(|| SandboxError::Kernel {
        what: format!(
            "no boot/vmlinuz-VERSION with lib/modules/VERSION in {}",
            root.display()
        ),
    }))
}

/// A kernel image by its path. Its modules are looked for where Debian's package puts them
/// relative to it; one without such a folder must have built in what is needed.
pub(crate) fn at(image: &Path, device: Device) -> Result<Kernel, SandboxError> {
    if !image.is_file() {
        let what = format!("{} is not a file", image.display());
        return Err(SandboxError::Kernel { what });
    }
    let name = image.file_name().and_then(|name| name.to_str());
    let version = name.and_then(|name| name.strip_prefix("vmlinuz-"));
    let root = image.parent().and_then(Path::parent);
    let folder = root
        .zip(version)
        .map(|(root, version)| root.join("lib/modules").join(version))
        .filter(|folder| folder.is_dir());
    Ok(Kernel {
        image: image.to_path_buf(),
        modules: folder.map_or(Ok(Vec::new()), |folder| load(&folder, device))?,
    })
}

/// `6.1.0-56-amd64` in the order of versions.
fn numbers(version: &str) -> Vec<u64> {
    let parts = version.split(|c: char| !c.is_ascii_digit());
    parts.filter_map(|part| part.parse().ok()).collect()
}

fn load(folder: &Path, device: Device) -> Result<Vec<(String, Vec<u8>)>, SandboxError> {
    let mut files = BTreeMap::new();
    collect(folder, MAX_DEPTH, &mut files);
    let built_in = fs::read_to_string(folder.join("modules.builtin")).unwrap_or_default();
    let built_in: Vec<String> = built_in
        .lines()
        .map(|line| name_of(Path::new(line)))
        .collect();
    let mut loaded = Vec::new();
    let needed = match device {
        Device::Serial => SERIAL,
        Device::Vsock => VSOCK,
    };
    for (name, is_needed) in needed
        .map(|name| (name, true))
        .into_iter()
        .chain(FOR_DISK.map(|name| (name, false)))
    {
        let done = add(name, &files, &mut loaded)?;
        if !done && is_needed && !built_in.iter().any(|there| there == name) {
            let what = format!("the kernel of {} has no module `{name}`", folder.display());
            return Err(SandboxError::Kernel { what });
        }
    }
    Ok(loaded)
}

/// Adds a module after those that it depends on; false when there is no such file.
fn add(
    name: &str,
    files: &BTreeMap<String, PathBuf>,
    loaded: &mut Vec<(String, Vec<u8>)>,
) -> Result<bool, SandboxError> {
    if loaded.iter().any(|(there, _)| there == name) {
        return Ok(true);
    }
    let Some(file) = files.get(name) else {
        return Ok(false);
    };
    let module = read(file)?;
    for needed in depends(&module) {
        add(&needed, files, loaded)?;
    }
    loaded.push((name.to_owned(), module));
    Ok(true)
}

fn collect(folder: &Path, depth: usize, files: &mut BTreeMap<String, PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && depth > 0 {
            collect(&path, depth - 1, files);
        } else if path.to_string_lossy().contains(".ko") {
            files.insert(name_of(&path), path);
        }
    }
}

/// `…/9p.ko.xz` is the module `9p`; dashes and underscores are one.
fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split('.').next().unwrap_or_default().replace('-', "_")
}

fn read(file: &Path) -> Result<Vec<u8>, SandboxError> {
    let extension = file.extension().unwrap_or_default();
    if extension == "ko" {
        return fs::read(file).map_err(SandboxError::io("read a module of the guest's kernel"));
    }
    let tool = if extension == "zst" { "zstd" } else { "xz" };
    let step = "unpack a module of the guest's kernel";
    let mut child = Command::new(tool)
        .args(["-d", "-c", "-q", "--"])
        .arg(file)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(SandboxError::io(step))?;
    let mut module = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let read = stdout.take(MAX_MODULE).read_to_end(&mut module);
        read.map_err(SandboxError::io(step))?;
    }
    let ended = child.wait().map_err(SandboxError::io(step))?;
    if !ended.success() {
        let what = format!("{} cannot be unpacked with {tool}", file.display());
        return Err(SandboxError::Kernel { what });
    }
    Ok(module)
}

/// What a module says it depends on: `depends=a,b` among its NUL-terminated strings.
fn depends(module: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(at) = module.windows(KEY.len()).position(|window| window == KEY) else {
        return Vec::new();
    };
    let rest = &module[at + KEY.len()..];
    let end = rest.iter().position(|byte| *byte == 0).unwrap_or(0);
    let names = String::from_utf8_lossy(&rest[..end]);
    let names = names.split(',').filter(|name| !name.is_empty());
    names.map(|name| name.replace('-', "_")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_comes_after_those_that_it_needs() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, depends: &str| {
            let text = format!("\x7fELF\0depends={depends}\0license=GPL\0");
            fs::write(folder.path().join(name), text).unwrap();
        };
        put("9p.ko", "9pnet,netfs");
        put("9pnet.ko", "");
        put("netfs.ko", "");
        put("9pnet_virtio.ko", "virtio,9pnet");
        put("virtio.ko", "virtio_ring");
        put("virtio_ring.ko", "");
        put("virtio_pci.ko", "virtio");
        fs::write(
            folder.path().join("modules.builtin"),
            "kernel/drivers/char/virtio_console.ko\n",
        )
        .unwrap();
        let loaded = load(folder.path(), Device::Serial).unwrap();
        let names: Vec<&str> = loaded.iter().map(|(name, _)| name.as_str()).collect();
        let wanted = [
            "virtio_ring",
            "virtio",
            "virtio_pci",
            "9pnet",
            "9pnet_virtio",
            "netfs",
            "9p",
        ];
        assert_eq!(names, wanted);
        fs::remove_file(folder.path().join("9p.ko")).unwrap();
        let refused = load(folder.path(), Device::Serial).unwrap_err().to_string();
        assert!(
            refused.contains("`9p`") && refused.contains("linux-image-amd64"),
            "{refused}"
        );
        let refused = load(folder.path(), Device::Vsock).unwrap_err().to_string();
        assert!(refused.contains("`virtio_mmio`"), "{refused}");
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(numbers("6.1.0-9-amd64") < numbers("6.1.0-56-amd64"));
    }
}
