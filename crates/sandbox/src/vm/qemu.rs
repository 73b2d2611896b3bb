//! QEMU: the machine type `q35`, translated or by KVM.
//!
//! Not `microvm`, which boots a second sooner: it has no timer but the interval timer, and on a busy
//! host Debian's kernel then finds no clock to start by and waits for ever.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tokio::sync::OnceCell;

use super::hypervisor::{Acceleration, Device, Hypervisor, Machine, Ways};
use super::initramfs::{LIVE_TAG, ROOT_TAG};
use crate::error::SandboxError;
use crate::spec::Mount;
use crate::version;

/// Not `PATH`: what holds the guest is not up to an environment variable.
const PLACES: [&str; 2] = [
    "/usr/bin/qemu-system-x86_64",
    "/usr/local/bin/qemu-system-x86_64",
];
/// What translated code may take, in MiB; by itself QEMU would take up to a gigabyte.
const TRANSLATED_MIB: u32 = 128;

/// A device tells the guest of each channel in three messages (it is there, its name, it is open),
/// through a queue of 32, and drops those that find it full: a channel then never opens.
const CHANNELS_PER_DEVICE: usize = 8;

/// QEMU, as found on this machine.
#[derive(Debug, Clone)]
pub(crate) struct Qemu {
    path: PathBuf,
    version: String,
}

static FOUND: OnceCell<Qemu> = OnceCell::const_new();

/// Finds it; a good answer is kept for the life of the program.
pub(crate) async fn find() -> Result<&'static Qemu, SandboxError> {
    FOUND.get_or_try_init(look).await
}

async fn look() -> Result<Qemu, SandboxError> {
    let found = PLACES.iter().map(PathBuf::from).find(|path| path.is_file());
    let path = found.ok_or_else(|| SandboxError::HypervisorMissing {
        what: "QEMU".to_owned(),
        tried: PLACES.join(", "),
        package: "qemu-system-x86",
    })?;
    let said = version::ask(&path, "ask QEMU for its version").await?;
    let number = said
        .split_whitespace()
        .nth(3)
        .unwrap_or("of unknown version");
    Ok(Qemu {
        path,
        version: format!("QEMU {number}"),
    })
}

impl Hypervisor for Qemu {
    fn version(&self) -> &str {
        &self.version
    }

    fn program(&self) -> &Path {
        &self.path
    }

    fn mounts(&self) -> Vec<Mount> {
        Vec::new()
    }

    fn device(&self) -> Device {
        Device::Serial
    }

    fn settings(&self, _machine: &Machine) -> Result<Option<Vec<u8>>, SandboxError> {
        Ok(None)
    }

    fn arguments(&self, machine: &Machine) -> Result<Vec<OsString>, SandboxError> {
        let Ways::Serial {
            shared,
            channels,
            console,
        } = &machine.ways
        else {
            let what = "QEMU's machines have serial channels".to_owned();
            return Err(SandboxError::Invalid { what });
        };
        let mut words: Vec<OsString> = Vec::new();
        let mut say = |option: &str, value: String| {
            words.extend([OsString::from(option), OsString::from(value)]);
        };
        say("-machine", "q35,usb=off".into());
        match machine.acceleration {
            Acceleration::Kvm => {
                say("-accel", "kvm".into());
                say("-cpu", "host".into());
            }
            Acceleration::Tcg => {
                say(
                    "-accel",
                    format!("tcg,thread=multi,tb-size={TRANSLATED_MIB}"),
                );
                say("-cpu", "max".into());
            }
        }
        say("-smp", machine.cpus.to_string());
        say("-m", format!("{}K", machine.memory_bytes / 1024));
        say("-display", "none".into());
        say(
            "-sandbox",
            "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny".into(),
        );
        say("-kernel", option_value(&machine.kernel)?);
        say("-initrd", option_value(&machine.initramfs)?);
        say("-append", machine.command_line.clone());
        say("-chardev", socket("console", console)?);
        say("-serial", "chardev:console".into());
        let shared = option_value(shared)?;
        for (tag, rights) in [(ROOT_TAG, ",readonly=on"), (LIVE_TAG, "")] {
            // `none`: owners and modes as they are; what a host's user may not do fails.
            say(
                "-fsdev",
                format!("local,id={tag},path={shared},security_model=none,multidevs=remap{rights}"),
            );
            say(
                "-device",
                format!("virtio-9p-pci,fsdev={tag},mount_tag={tag}"),
            );
        }
        for (device, channels) in channels.chunks(CHANNELS_PER_DEVICE).enumerate() {
            say("-device", format!("virtio-serial-pci,id=serial{device}"));
            for (number, (name, path)) in channels.iter().enumerate() {
                let id = format!("channel{device}-{number}");
                say("-chardev", socket(&id, path)?);
                let port = format!("virtserialport,bus=serial{device}.0,chardev={id},name={name}");
                say("-device", port);
            }
        }
        if let Some(disk) = &machine.disk {
            let file = option_value(disk)?;
            say(
                "-blockdev",
                format!(
                    "driver=raw,node-name=disk,discard=unmap,file.driver=file,file.locking=off,file.filename={file}"
                ),
            );
            say("-device", "virtio-blk-pci,drive=disk".into());
        }
        // No default device, no file of settings; a guest that ends or panics is the end of it.
        let fixed = ["-nodefaults", "-no-user-config", "-no-reboot"];
        words.extend(fixed.map(OsString::from));
        Ok(words)
    }
}

fn socket(id: &str, path: &Path) -> Result<String, SandboxError> {
    Ok(format!("socket,id={id},path={}", option_value(path)?))
}

/// A path in QEMU's lists of options, where a comma would begin the next one. The paths are ours.
fn option_value(path: &Path) -> Result<String, SandboxError> {
    let text = path.to_str().filter(|text| !text.contains([',', '\n']));
    text.map(str::to_owned)
        .ok_or_else(|| SandboxError::Invalid {
            what: format!("the path {} cannot be given to QEMU", path.display()),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(acceleration: Acceleration) -> String {
        let machine = Machine {
            acceleration,
            cpus: 2,
            memory_bytes: 256 << 20,
            kernel: "/k".into(),
            initramfs: "/i".into(),
            command_line: "quiet".into(),
            ways: Ways::Serial {
                shared: "/guest".into(),
                channels: vec![("control".into(), "/c".into())],
                console: "/console".into(),
            },
            disk: Some("/disk".into()),
        };
        let qemu = Qemu {
            path: "/q".into(),
            version: String::new(),
        };
        let words = qemu.arguments(&machine).unwrap();
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    }

    #[test]
    fn a_machine_has_no_network_no_monitor_and_nothing_by_default() {
        let words = words(Acceleration::Tcg);
        for bad in [
            "-net",
            "-nic",
            "virtio-net",
            "-monitor",
            "-qmp",
            "-vnc",
            "kvm",
        ] {
            assert!(!words.contains(bad), "{bad} in {words}");
        }
        for wanted in [
            "-nodefaults",
            "-no-user-config",
            "-sandbox on,",
            "-m 262144K",
            "-smp 2",
        ] {
            assert!(words.contains(wanted), "no {wanted} in {words}");
        }
        assert!(super::option_value(Path::new("/a,b")).is_err());
    }

    #[test]
    fn kvm_is_asked_for_without_a_fallback() {
        let words = words(Acceleration::Kvm);
        assert!(
            words.contains("-accel kvm") && !words.contains("tcg"),
            "{words}"
        );
    }
}
