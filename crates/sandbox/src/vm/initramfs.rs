//! The guest's first root: busybox, the kernel's modules, and a script that mounts what is shared
//! and makes our helper the first process. It becomes that only once the real root is there, so
//! that the helper may be a large program and needs no library in memory.
//!
//! Where what is shared comes over a socket, [`opener`] opens it first.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::archive::{self, CHARACTER_DEVICE, Entry, FILE, FOLDER};
use super::hypervisor::Device;
use super::kernel::Kernel;
use super::{files, guest, opener, wire};
use crate::error::SandboxError;

/// What the kernel starts first.
pub(crate) const INIT: &str = "/.boot/init";
/// In what is shared, where the root is the operator's: the loader and libraries of the helper.
pub(crate) const SYSTEM: &str = "/.freehold/system";
/// Names of the two shares. The first is cached as if nobody changed it meanwhile, the other is not.
pub(crate) const ROOT_TAG: &str = "root";
pub(crate) const LIVE_TAG: &str = "live";
/// How 9p is mounted: the largest messages that virtio can carry, or our own server; one user as the
/// host sees it. With [`Device::Vsock`] `open` is the descriptor of the connection.
pub(crate) fn nine_p(device: Device, open: i32) -> String {
    let way = match device {
        Device::Serial => "trans=virtio,msize=512000".to_owned(),
        Device::Vsock => {
            let largest = files::MAX_MESSAGE;
            format!("trans=fd,rfdno={open},wfdno={open},msize={largest}")
        }
    };
    format!("{way},version=9p2000.L,access=any")
}

/// What [`opener`] opens.
const OPENED: i32 = 3;

const PLACES: [&str; 2] = ["/bin/busybox", "/usr/bin/busybox"];

/// The bytes of it. A `given` one of the operator comes first and is the root of the program; the
/// kernel unpacks one after the other. Blocks on the disk.
pub(crate) fn build(
    kernel: &Kernel,
    given: Option<&Path>,
    init_args: &[String],
    device: Device,
) -> Result<Vec<u8>, SandboxError> {
    let mut bytes = match given {
        Some(path) => fs::read(path).map_err(|cause| SandboxError::Kernel {
            what: format!("the initramfs {} cannot be read: {cause}", path.display()),
        })?,
        None => Vec::new(),
    };
    // The next archive begins at a multiple of four.
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    let busybox = busybox()?;
    let script = script(given.is_some(), init_args, device);
    write(&mut bytes, kernel, &busybox, &script, given.is_none())
        .map_err(SandboxError::io("make the first root of the guest"))?;
    Ok(bytes)
}

fn write(
    to: &mut Vec<u8>,
    kernel: &Kernel,
    busybox: &[u8],
    script: &str,
    is_left: bool,
) -> io::Result<()> {
    if is_left {
        // Without it busybox takes this root for one that must not be left.
        archive::put(&mut *to, "init", FILE | 0o755, b"")?;
    }
    for folder in ["dev", "proc", "sys", ".host", ".boot", ".boot/modules"] {
        archive::put(&mut *to, folder, FOLDER | 0o755, b"")?;
    }
    let console = Entry {
        name: "dev/console".to_owned(),
        mode: CHARACTER_DEVICE | 0o600,
        size: 0,
    };
    archive::head(&mut *to, &console, (5, 1))?;
    archive::put(&mut *to, ".boot/busybox", FILE | 0o755, busybox)?;
    archive::put(&mut *to, ".boot/opener", FILE | 0o755, &opener::program())?;
    archive::put(&mut *to, ".boot/init", FILE | 0o755, script.as_bytes())?;
    for (number, (name, module)) in kernel.modules.iter().enumerate() {
        let name = format!(".boot/modules/{number:02}-{name}");
        archive::put(&mut *to, &name, FILE | 0o644, module)?;
    }
    archive::end(to)
}

/// Without `own_root` the host's share becomes the root; with it, the share lies in `/.host` and
/// the helper runs from there, with the libraries that are there.
fn script(own_root: bool, init_args: &[String], device: Device) -> String {
    let args: Vec<String> = init_args.iter().map(|arg| quoted(arg)).collect();
    let args = args.join(" ");
    let word = format!("{} {}", guest::WORD, guest::word(device));
    let options = nine_p(device, OPENED);
    // A machine of the one ends when it is switched off, of the other when it would begin anew.
    let (mount, end) = match device {
        Device::Serial => ("b".to_owned(), "poweroff"),
        Device::Vsock => {
            let port = wire::ROOT_PORT;
            (format!("/.boot/opener {port} /.boot/busybox"), "reboot")
        }
    };
    let go = if own_root {
        format!(
            "s=/.host{SYSTEM}\n\
             loader=$(b find $s/usr/lib/ $s/lib/ -maxdepth 2 -name 'ld-linux*.so.*' -type f 2>/dev/null | b head -n 1)\n\
             libraries=$(b find $s/lib/ $s/usr/lib/ -maxdepth 1 -name '*-linux-gnu' | b tr '\\n' ':')$s/usr/lib64\n\
             exec /.boot/busybox env -i \"$loader\" --library-path \"$libraries\" /.host/.freehold/init {args} {word} own-root \"$loader\" \"$libraries\"\n"
        )
    } else {
        format!(
            "for there in proc sys dev; do b mount --move /$there /.host/$there || stop 'move the mounts'; done\n\
             exec /.boot/busybox env -i /.boot/busybox switch_root /.host /.freehold/init {args} {word}\n"
        )
    };
    format!(
        "#!/.boot/busybox sh\n\
         b() {{ /.boot/busybox \"$@\"; }}\n\
         stop() {{ echo \"freehold: could not $1\"; b {end} -f; }}\n\
         b mount -t proc proc /proc\n\
         b mount -t sysfs sys /sys\n\
         b mount -t devtmpfs dev /dev\n\
         for module in /.boot/modules/*; do [ ! -e \"$module\" ] || b insmod \"$module\"; done\n\
         b ip link set lo up || stop 'bring up the loopback device'\n\
         {mount} mount -t 9p -o {options},cache=loose,ro {ROOT_TAG} /.host || stop 'mount what the host shares'\n\
         {go}\
         stop 'start the first process'\n"
    )
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn busybox() -> Result<Vec<u8>, SandboxError> {
    let found = PLACES.iter().map(PathBuf::from).find(|path| path.is_file());
    let bytes = found.and_then(|path| fs::read(path).ok());
    bytes
        .filter(|bytes| is_static(bytes))
        .ok_or_else(|| SandboxError::HypervisorMissing {
            what: "a statically linked busybox, the guest's first program,".to_owned(),
            tried: PLACES.join(", "),
            package: "busybox-static",
        })
}

/// Whether an ELF program for 64 bits names no interpreter (`PT_INTERP`).
fn is_static(elf: &[u8]) -> bool {
    let number = |at: usize, size: usize| -> Option<usize> {
        let bytes = elf.get(at..at.checked_add(size)?)?;
        let value = bytes
            .iter()
            .rev()
            .fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        usize::try_from(value).ok()
    };
    let interpreter = || -> Option<bool> {
        let (at, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
        let kinds = (0..count).map(|index| number(at.checked_add(index * size)?, 4));
        kinds
            .collect::<Option<Vec<_>>>()
            .map(|kinds| kinds.contains(&3))
    };
    elf.starts_with(b"\x7fELF\x02") && interpreter() == Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_the_helper_stays_one_word() {
        assert_eq!(quoted("a b'c"), "'a b'\\''c'");
        for (device, word) in [(Device::Serial, "serial"), (Device::Vsock, "vsock")] {
            let script = script(false, &["x; reboot".into()], device);
            let wanted = format!("/.freehold/init 'x; reboot' vm-guest {word}\n");
            assert!(script.contains(&wanted), "{script}");
        }
    }

    #[test]
    fn a_dynamic_program_is_told_from_a_static_one() {
        let own = fs::read("/proc/self/exe").unwrap();
        assert!(!is_static(&own), "tests are linked dynamically");
        assert!(!is_static(b"#!/bin/sh"));
    }
}
