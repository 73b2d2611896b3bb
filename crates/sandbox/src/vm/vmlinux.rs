//! The kernel as an ELF program, as Firecracker starts one: Debian's image is a loader for other
//! machines around it, packed.
//!
//! The loader's head: `Documentation/arch/x86/boot.rst` of Linux. `payload_offset` counts from the
//! end of the loader's real-mode part, which has `setup_sects` + 1 sectors.

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::SandboxError;

const ELF: &[u8] = b"\x7fELF";
/// Of the head: enough for all its fields.
const HEAD: usize = 0x260;
const SECTOR: usize = 512;
/// The first protocol that says where the kernel lies in its loader.
const FIRST_VERSION: u16 = 0x0208;
/// Debian's kernel has some 8 MB packed, and 60 MB unpacked.
const MAX_IMAGE: u64 = 64 << 20;
const MAX_KERNEL: u64 = 512 << 20;
/// After a packed kernel comes its size, which is none of the packer's.
const SIZE: usize = 4;

/// The bytes of the kernel in the image at `path`; `None` where it is an ELF program already. Blocks
/// on the disk, and runs the packer.
pub(crate) fn of(path: &Path) -> Result<Option<Vec<u8>>, SandboxError> {
    let lacking = |what: &str| SandboxError::Kernel {
        what: format!("{}: {what}", path.display()),
    };
    let io = || SandboxError::io("read the guest's kernel");
    let mut file = fs::File::open(path).map_err(io())?;
    let mut magic = [0; 4];
    file.read_exact(&mut magic).map_err(io())?;
    if magic == ELF {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(0)).map_err(io())?;
    let mut image = Vec::new();
    file.take(MAX_IMAGE).read_to_end(&mut image).map_err(io())?;
    let packed = payload(&image).ok_or_else(|| {
        lacking("neither an ELF program nor a loader that says where one lies in it")
    })?;
    let kernel = unpack(packed)?;
    match kernel {
        Some(kernel) if kernel.starts_with(ELF) => Ok(Some(kernel)),
        _ => Err(lacking(
            "it is packed in a way that is not known here (gzip, xz and zstd are); name an unpacked `vmlinux`",
        )),
    }
}

/// The packed kernel in a loader's image.
fn payload(image: &[u8]) -> Option<&[u8]> {
    let head = image.first_chunk::<HEAD>()?;
    let number = |at: usize, size: usize| {
        let bytes = &head[at..at + size];
        bytes
            .iter()
            .rev()
            .fold(0_usize, |value, byte| value << 8 | usize::from(*byte))
    };
    let version = number(0x206, 2);
    if &head[0x202..0x206] != b"HdrS" || version < usize::from(FIRST_VERSION) {
        return None;
    }
    let sectors = match number(0x1f1, 1) {
        0 => 4,
        some => some,
    };
    let from = (sectors + 1) * SECTOR + number(0x248, 4);
    image.get(from..from.checked_add(number(0x24c, 4))?)
}

/// `None` where the packer is not known.
fn unpack(packed: &[u8]) -> Result<Option<Vec<u8>>, SandboxError> {
    let step = "unpack the guest's kernel";
    let cut = &packed[..packed.len().saturating_sub(SIZE)];
    let mut kernel = Vec::new();
    match packed {
        [0x1f, 0x8b, ..] => {
            let read = flate2::read::GzDecoder::new(packed).take(MAX_KERNEL);
            let mut read = read;
            read.read_to_end(&mut kernel)
                .map_err(SandboxError::io(step))?;
        }
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => kernel = by("xz", cut)?,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => kernel = by("zstd", cut)?,
        _ => return Ok(None),
    }
    Ok(Some(kernel))
}

fn by(tool: &'static str, packed: &[u8]) -> Result<Vec<u8>, SandboxError> {
    let step = "unpack the guest's kernel";
    let mut child = Command::new(tool)
        .args(["-d", "-c", "-q"])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(SandboxError::io(step))?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let mut kernel = Vec::new();
    std::thread::scope(|scope| {
        // Its end closes the pipe; that it was not taken shows in how the packer ends.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(packed)));
        stdout.map_or(Ok(0), |out| out.take(MAX_KERNEL).read_to_end(&mut kernel))
    })
    .map_err(SandboxError::io(step))?;
    match child.wait().map_err(SandboxError::io(step))?.success() {
        true => Ok(kernel),
        false => Err(SandboxError::Kernel {
            what: format!("{tool} could not unpack it"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A loader around `packed`, as the kernel's build lays one out.
    fn loader(packed: &[u8]) -> Vec<u8> {
        let mut image = vec![0; 3 * SECTOR + 16];
        image[0x1f1] = 2;
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x206..0x208].copy_from_slice(&0x020f_u16.to_le_bytes());
        image[0x248..0x24c].copy_from_slice(&16_u32.to_le_bytes());
        let size = u32::try_from(packed.len()).unwrap();
        image[0x24c..0x250].copy_from_slice(&size.to_le_bytes());
        image.extend(packed);
        image.extend(b"something else");
        image
    }

    /// `None` where the packer is not on this machine.
    fn packed(tool: &str, kernel: &[u8]) -> Option<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kernel");
        fs::write(&path, kernel).unwrap();
        let out = Command::new(tool).args(["-c", "-q"]).arg(&path).output();
        let mut packed = out.ok()?.stdout;
        if tool != "gzip" {
            packed.extend(u32::try_from(kernel.len()).unwrap().to_le_bytes());
        }
        Some(packed)
    }

    #[test]
    fn a_kernel_is_found_in_its_loader_however_it_is_packed() {
        let kernel = [ELF, &[7; 5000]].concat();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vmlinuz");
        let mut tried = Vec::new();
        for tool in ["gzip", "xz", "zstd"] {
            let Some(packed) = packed(tool, &kernel) else {
                continue;
            };
            fs::write(&path, loader(&packed)).unwrap();
            assert_eq!(of(&path).unwrap().as_ref(), Some(&kernel), "{tool}");
            tried.push(tool);
        }
        // Debian's own, and what every machine has.
        assert!(tried.starts_with(&["gzip", "xz"]), "{tried:?}");
        fs::write(&path, &kernel).unwrap();
        assert_eq!(of(&path).unwrap(), None, "it is one already");
    }

    #[test]
    fn what_holds_no_kernel_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vmlinuz");
        let whole = loader(&packed("xz", ELF).unwrap());
        let mut long = whole.clone();
        long[0x24c..0x250].copy_from_slice(&u32::MAX.to_le_bytes());
        let mut old = whole.clone();
        old[0x206] = 7;
        let other = loader(&packed("xz", b"no program").unwrap());
        let unknown = loader(b"BZh9 and so on");
        for bad in [&whole[..600], &long, &old, &other, &unknown] {
            fs::write(&path, bad).unwrap();
            let refused = of(&path).unwrap_err();
            assert!(matches!(refused, SandboxError::Kernel { .. }), "{refused}");
        }
    }
}
