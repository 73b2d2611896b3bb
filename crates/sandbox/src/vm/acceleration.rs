//! Whether the processor may carry out a guest's instructions: only where that was seen to work.
//!
//! `/dev/kvm` that opens proves nothing: in nested machines guests are known that never print a
//! byte. So the verdict comes from a machine that boots, within a deadline; it is kept per boot of
//! the host, in a file beside the machines' folders.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::libc;
use nix::sys::stat::{Mode, SFlag, mknod};
use nix::unistd::geteuid;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::boot::{Plan, boot};
use super::folder;
use super::hypervisor::{Acceleration, Device, Hypervisor};
use super::kernel::Kernel;
use super::{probe, qemu};
use crate::error::SandboxError;
use crate::floor::KVM;
use crate::spec::Init;

/// With a processor's help a machine is up in a second or two, on a busy host in five.
const BOOT_WITHIN: Duration = Duration::from_secs(20);
/// Below it Debian's kernel does not come up.
const MEMORY_BYTES: u64 = 256 << 20;
/// In [`folder::run`].
const FILE: &str = "freehold-kvm";
/// A line with a sentence.
const MAX_REMEMBERED: u64 = 4096;
/// What is kept of a reason.
const MAX_WHY: usize = 500;

/// What to boot with, and why not by the processor itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) acceleration: Acceleration,
    /// `None` with KVM.
    pub(crate) why: Option<String>,
}

static VERDICT: OnceCell<Verdict> = OnceCell::const_new();

/// What a hypervisor boots with. Firecracker has nothing but KVM: its machines come up with it or
/// not at all.
pub(crate) async fn of(hypervisor: &dyn Hypervisor, init: &Init, kernel: &Kernel) -> Verdict {
    match hypervisor.device() {
        Device::Serial => verdict(init, kernel).await.clone(),
        Device::Vsock => Verdict {
            acceleration: Acceleration::Kvm,
            why: None,
        },
    }
}

/// What QEMU boots with. The first call of a boot of the host may try a machine.
async fn verdict(init: &Init, kernel: &Kernel) -> &'static Verdict {
    VERDICT
        .get_or_init(async || {
            let boot = boot_id();
            if let Some(known) = boot.as_deref().and_then(remembered) {
                return known;
            }
            let found = ask(init, kernel).await;
            tracing::info!(acceleration = found.acceleration.name(), why = ?found.why, "machines");
            if let Some(boot) = boot
                && let Err(error) = remember(&boot, &found)
            {
                tracing::debug!(%error, "the verdict on KVM is not kept");
            }
            found
        })
        .await
}

async fn ask(init: &Init, kernel: &Kernel) -> Verdict {
    let tried = match openable() {
        Ok(()) => within(BOOT_WITHIN, Box::pin(try_one(init, kernel))).await,
        Err(error) => Err(format!("{KVM} cannot be used: {error}")),
    };
    match tried {
        Ok(()) => Verdict {
            acceleration: Acceleration::Kvm,
            why: None,
        },
        Err(why) => Verdict {
            acceleration: Acceleration::Tcg,
            why: Some(one_line(&why)),
        },
    }
}

/// A device that opens and answers.
fn openable() -> io::Result<()> {
    let device = OpenOptions::new().read(true).write(true).open(KVM)?;
    match device.metadata()?.file_type().is_char_device() {
        true => Ok(()),
        false => Err(io::Error::other("it is no device")),
    }
}

async fn within(
    time: Duration,
    tried: impl Future<Output = Result<(), SandboxError>>,
) -> Result<(), String> {
    match timeout(time, tried).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(format!("a machine with it did not come up: {error}")),
        Err(_) => Err(format!(
            "a machine with it did not come up within {} s",
            time.as_secs()
        )),
    }
}

async fn try_one(init: &Init, kernel: &Kernel) -> Result<(), SandboxError> {
    let spec = probe::spec(init, None, None);
    let plan = Plan {
        hypervisor: Arc::new(qemu::find().await?.clone()),
        kernel: kernel.clone(),
        initramfs: None,
        acceleration: Acceleration::Kvm,
        cpus: 1,
        memory_bytes: MEMORY_BYTES,
        disk: None,
        outputs_in: "/".to_owned(),
        outputs: Vec::new(),
    };
    let mut child = boot(&spec, plan).await?.child;
    drop((child.stdout.take(), child.stderr.take()));
    child.wait().await.map(drop)
}

/// The device as the hypervisor's own user may open it: where that user is another one than the
/// caller and the device is not open to all, a node of the machine's own in its folder. On a mount
/// without devices that one opens nothing, and the machine that was tried does not come up.
pub(crate) fn device(folder: &Path) -> io::Result<PathBuf> {
    let found = Path::new(KVM).metadata()?;
    if !geteuid().is_root() || found.mode() & 0o006 == 0o006 {
        return Ok(KVM.into());
    }
    let node = folder.join("kvm");
    let mode = Mode::S_IRUSR | Mode::S_IWUSR;
    mknod(&node, SFlag::S_IFCHR, mode, found.rdev())?;
    Ok(node)
}

/// The kernel makes another one at every boot.
fn boot_id() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}

fn remembered(boot: &str) -> Option<Verdict> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(folder::run()?.join(FILE))
        .ok()?;
    let found = file.metadata().ok()?;
    let is_ours = found.uid() == geteuid().as_raw() && found.mode() & 0o022 == 0;
    (is_ours && found.is_file()).then_some(())?;
    let mut text = String::new();
    file.take(MAX_REMEMBERED).read_to_string(&mut text).ok()?;
    parse(&text, boot)
}

/// `<boot> kvm`, or `<boot> tcg <why>`.
fn parse(text: &str, boot: &str) -> Option<Verdict> {
    let mut words = text.trim_end().splitn(3, ' ');
    let is_now = words.next()? == boot;
    let acceleration = match words.next()? {
        "kvm" => Acceleration::Kvm,
        "tcg" => Acceleration::Tcg,
        _ => return None,
    };
    let why = words.next().map(str::to_owned);
    is_now.then_some(Verdict { acceleration, why })
}

fn print(boot: &str, verdict: &Verdict) -> String {
    let why = verdict.why.as_deref().unwrap_or_default();
    let line = format!("{boot} {} {why}", verdict.acceleration.name());
    format!("{}\n", line.trim_end())
}

fn remember(boot: &str, verdict: &Verdict) -> io::Result<()> {
    let Some(run) = folder::run() else {
        return Ok(());
    };
    let mut file = tempfile::NamedTempFile::new_in(&run)?;
    file.write_all(print(boot, verdict).as_bytes())?;
    file.persist(run.join(FILE)).map(|_: File| ())?;
    Ok(())
}

fn one_line(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(MAX_WHY).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_of_one_boot() {
        let kvm = Verdict {
            acceleration: Acceleration::Kvm,
            why: None,
        };
        let tcg = Verdict {
            acceleration: Acceleration::Tcg,
            why: Some(one_line("it was\nlate")),
        };
        for verdict in [kvm, tcg] {
            let text = print("b-1", &verdict);
            assert_eq!(parse(&text, "b-1"), Some(verdict));
            assert_eq!(parse(&text, "b-2"), None);
        }
        for bad in ["", "b-1", "b-1 fast", "b-1\n"] {
            assert_eq!(parse(bad, "b-1"), None);
        }
    }

    #[tokio::test]
    async fn what_never_ends_is_translated_within_the_deadline() {
        let late = within(Duration::from_millis(5), std::future::pending()).await;
        assert!(late.unwrap_err().contains("did not come up within"));
        let refused = within(BOOT_WITHIN, async {
            Err(SandboxError::Guest {
                what: "no".to_owned(),
                console: "nothing".to_owned(),
            })
        });
        assert!(refused.await.unwrap_err().contains("did not come up: "));
        assert_eq!(within(BOOT_WITHIN, async { Ok(()) }).await, Ok(()));
    }
}
