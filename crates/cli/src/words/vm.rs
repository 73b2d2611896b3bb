//! Words of a job in a virtual machine.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::duration;

/// `vm …`
#[derive(Debug, Subcommand)]
pub(crate) enum VmWords {
    /// Run a command in a machine of its own, on this machine: files in, files out, and gone
    Run(VmRun),
}

/// `vm run`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  freehold vm run --input notes.txt --output words -- sh -c 'wc -w /inputs/notes.txt > words'
  freehold vm run --memory 1G --disk 4G --time 10m --input src --output out -- make -C /inputs/src O=/work/out
  freehold vm run --kernel vmlinuz-6.1 --initramfs rootfs.cpio.gz -- /bin/selftest

The command starts in /work, an empty disk of its own that ends with the machine. Inputs are in /inputs and
can only be read; outputs are named as they are in /work, and arrive in --to with their SHA-256. There is no
network. Without --initramfs the command sees this machine's /usr, /bin and /lib, read-only.

It needs QEMU, or a Firecracker of yours, a kernel and busybox-static. The kernel is the newest of this machine's /boot. Elsewhere, and
without installing one (the packages depended on have the version in their name):
  apt-get install qemu-system-x86 busybox-static
  apt-get download linux-image-6.1.0-56-amd64 && dpkg -x linux-image-*.deb kernel
  freehold vm run --kernel kernel -- uname -a

Exit codes: the command's own, 128 + the signal that ended it; 124 when it was ended at --time; 125 when no
machine came up or an output did not arrive.")]
pub(crate) struct VmRun {
    /// A kernel image, or the folder of an unpacked Debian kernel package
    #[arg(long, value_name = "FILE")]
    pub(crate) kernel: Option<PathBuf>,
    /// A root for the command, as the kernel unpacks it: a cpio archive, compressed or not
    #[arg(long, value_name = "FILE", requires = "kernel")]
    pub(crate) initramfs: Option<PathBuf>,
    /// Run the machine by this Firecracker and not by QEMU; it needs /dev/kvm
    #[arg(long, value_name = "FILE")]
    pub(crate) firecracker: Option<PathBuf>,
    /// A file or folder to show as /inputs/NAME; may be repeated
    #[arg(long = "input", value_name = "PATH")]
    pub(crate) inputs: Vec<PathBuf>,
    /// A file or folder below /work to bring back; may be repeated
    #[arg(long = "output", value_name = "NAME")]
    pub(crate) outputs: Vec<String>,
    /// Where outputs go; none of them may be there already
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) to: PathBuf,
    /// Processors
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) cpus: u32,
    /// Memory of the machine, its kernel's share included
    #[arg(long, value_name = "SIZE", default_value = "512M", value_parser = size)]
    pub(crate) memory: u64,
    /// The size of /work, and the most that outputs may have
    #[arg(long, value_name = "SIZE", default_value = "1G", value_parser = size)]
    pub(crate) disk: u64,
    /// How long the command may run; booting is not counted
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::seconds)]
    pub(crate) time: u64,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// Bytes, as `256M` or `4G`.
fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a size; write it like 256M or 4G");
    let (number, unit) = match text.chars().last() {
        Some('K') => (&text[..text.len() - 1], 1 << 10),
        Some('M') => (&text[..text.len() - 1], 1 << 20),
        Some('G') => (&text[..text.len() - 1], 1 << 30),
        _ => return Err(wrong()),
    };
    let is_number = number.chars().all(|c| c.is_ascii_digit());
    let number = number.parse::<u64>().ok().filter(|_| is_number);
    number
        .and_then(|number| number.checked_mul(unit))
        .filter(|bytes| *bytes > 0)
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_a_unit() {
        assert_eq!(size("256M"), Ok(256 << 20));
        assert_eq!(size("1K"), Ok(1024));
        for bad in [
            "",
            "256",
            "M",
            "+1G",
            "0G",
            "1.5G",
            "1T",
            "99999999999999G",
            "é",
        ] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
