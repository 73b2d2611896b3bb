//! Firecracker, where the operator brings it: its machines have sockets in place of serial ports,
//! and their files come over those.
//!
//! What it is told is its own file of settings, `--config-file`, whose fields are those of
//! `src/firecracker/swagger/firecracker.yaml` and of its `VmmConfig`. It is not told of any network,
//! and there is no API to tell it later.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::hypervisor::{Device, Hypervisor, Machine, Ways};
use super::jail;
use crate::error::SandboxError;
use crate::spec::Mount;
use crate::version;

/// The first that tells a guest of its devices by ACPI, as Debian's kernel looks for them.
const OLDEST: (u32, u32) = (1, 8);
/// What it has at most.
const MAX_CPUS: u32 = 32;
/// The first number that a guest can have. No two machines see each other: each has its own socket.
const GUEST: u32 = 3;

/// Firecracker, as the operator named it.
#[derive(Debug, Clone)]
pub(crate) struct Firecracker {
    path: PathBuf,
    version: String,
}

/// The program at `path`, asked what it is.
pub(crate) async fn find(path: &Path) -> Result<Firecracker, SandboxError> {
    let refused = |what: String| SandboxError::Hypervisor {
        path: path.to_owned(),
        what,
    };
    if !path.is_absolute() || !path.is_file() {
        return Err(refused("it is not the path of a file".to_owned()));
    }
    let said = version::ask(path, "ask Firecracker for its version")
        .await
        .map_err(|error| refused(format!("it does not say its version: {error}")))?;
    let version = parse(&said).ok_or_else(|| {
        let (major, minor) = OLDEST;
        refused(format!(
            "it says `{}`, not `Firecracker v{major}.{minor}` or later",
            said.escape_debug()
        ))
    })?;
    Ok(Firecracker {
        path: path.to_owned(),
        version,
    })
}

/// `Firecracker v1.13.1` as it is recorded; `None` for another program, or an older one.
fn parse(said: &str) -> Option<String> {
    let number = said.strip_prefix("Firecracker v")?;
    let mut parts = number.split(['.', '-']).map(str::parse);
    let found = (parts.next()?.ok()?, parts.next()?.ok()?);
    let is_plain = number
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || ".-+".contains(c));
    (found >= OLDEST && is_plain).then(|| format!("Firecracker {number}"))
}

/// Its file of settings: what is not there is off.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Settings<'a> {
    boot_source: BootSource<'a>,
    drives: Vec<Drive<'a>>,
    machine_config: MachineConfig,
    vsock: Vsock<'a>,
}

#[derive(Serialize)]
struct BootSource<'a> {
    kernel_image_path: &'a Path,
    initrd_path: &'a Path,
    boot_args: &'a str,
}

#[derive(Serialize)]
struct Drive<'a> {
    drive_id: &'static str,
    is_root_device: bool,
    is_read_only: bool,
    path_on_host: &'a Path,
}

#[derive(Serialize)]
struct MachineConfig {
    vcpu_count: u32,
    mem_size_mib: u64,
}

#[derive(Serialize)]
struct Vsock<'a> {
    guest_cid: u32,
    uds_path: &'a Path,
}

impl Hypervisor for Firecracker {
    fn version(&self) -> &str {
        &self.version
    }

    fn program(&self) -> &Path {
        Path::new(jail::HYPERVISOR)
    }

    fn mounts(&self) -> Vec<Mount> {
        vec![Mount::ReadOnly {
            source: self.path.clone(),
            target: jail::HYPERVISOR.into(),
        }]
    }

    fn device(&self) -> Device {
        Device::Vsock
    }

    fn arguments(&self, _machine: &Machine) -> Result<Vec<OsString>, SandboxError> {
        // Its own filters of system calls are on where nothing turns them off.
        let words = [
            "--no-api",
            "--config-file",
            jail::SETTINGS,
            "--level",
            "Error",
        ];
        Ok(words.map(OsString::from).into())
    }

    fn settings(&self, machine: &Machine) -> Result<Option<Vec<u8>>, SandboxError> {
        let invalid = |what: String| SandboxError::Invalid { what };
        let Ways::Vsock(socket) = &machine.ways else {
            return Err(invalid("Firecracker's machines have sockets".to_owned()));
        };
        if machine.cpus > MAX_CPUS {
            return Err(invalid(format!(
                "{} processors: a machine of Firecracker has at most {MAX_CPUS}",
                machine.cpus
            )));
        }
        let disk = machine.disk.as_deref().map(|path_on_host| Drive {
            drive_id: "disk",
            is_root_device: false,
            is_read_only: false,
            path_on_host,
        });
        let settings = Settings {
            boot_source: BootSource {
                kernel_image_path: &machine.kernel,
                initrd_path: &machine.initramfs,
                boot_args: &machine.command_line,
            },
            drives: disk.into_iter().collect(),
            machine_config: MachineConfig {
                vcpu_count: machine.cpus,
                // Whole ones; never more than was asked for.
                mem_size_mib: machine.memory_bytes >> 20,
            },
            vsock: Vsock {
                guest_cid: GUEST,
                uds_path: socket,
            },
        };
        serde_json::to_vec(&settings)
            .map(Some)
            .map_err(|error| invalid(format!("the settings of a machine: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::hypervisor::Acceleration;
    use super::*;

    #[test]
    fn another_program_or_an_older_one_is_not_taken_for_it() {
        let newer = parse("Firecracker v1.13.1");
        assert_eq!(newer.as_deref(), Some("Firecracker 1.13.1"));
        assert!(parse("Firecracker v1.8.0-dev").is_some());
        for bad in [
            "Firecracker v1.7.0",
            "Firecracker v0.25.2",
            "Firecracker v1",
            "QEMU emulator version 7.2",
            "Firecracker v1.9.0\u{1b}[0m",
            "",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_machine_has_a_kernel_a_socket_and_nothing_else() {
        let machine = Machine {
            acceleration: Acceleration::Kvm,
            cpus: 2,
            memory_bytes: (256 << 20) + 4096,
            kernel: "/k".into(),
            initramfs: "/i".into(),
            command_line: "quiet".into(),
            ways: Ways::Vsock("/s".into()),
            disk: None,
        };
        let firecracker = Firecracker {
            path: "/f".into(),
            version: String::new(),
        };
        let said = firecracker.settings(&machine).unwrap().unwrap();
        let said: serde_json::Value = serde_json::from_slice(&said).unwrap();
        let wanted = serde_json::json!({
            "boot-source": { "kernel_image_path": "/k", "initrd_path": "/i", "boot_args": "quiet" },
            "drives": [],
            "machine-config": { "vcpu_count": 2, "mem_size_mib": 256 },
            "vsock": { "guest_cid": 3, "uds_path": "/s" },
        });
        assert_eq!(said, wanted);
        let many = Machine {
            cpus: 33,
            ..machine
        };
        assert!(firecracker.settings(&many).is_err());
    }
}
