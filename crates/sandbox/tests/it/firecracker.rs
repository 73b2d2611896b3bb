//! Machines of Firecracker, by a stand-in that takes what it takes and boots it in QEMU: neither that
//! program nor KVM can be had where this is tried. See `tests/firecracker`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use freehold_sandbox::vm::{present, probe_vm};
use freehold_sandbox::{Limits, SandboxError, start};
use tempfile::TempDir;

use crate::kit;
use crate::vm::{self, bench};
use crate::vm_job;

/// What `scripts/install test` brings for it.
const SOCKETS: &str = "../../target/vhost-device-vsock/bin/vhost-device-vsock";

/// The stand-in as one program, as an operator brings one; `None`, said loudly, where a part of it is
/// not here. In CI (`CI=true`) that is a failure.
#[expect(
    clippy::print_stderr,
    reason = "a proof that was not tried must be seen"
)]
fn standin() -> Option<PathBuf> {
    static MADE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sockets = own.join(SOCKETS);
    let kernel = vm::kernel()?;
    let found = Command::new("find")
        .args(["-L".as_ref(), kernel.as_os_str()])
        .args(["-name", "vmw_vsock_virtio_transport.ko*"])
        .output();
    let has_modules = !found.unwrap().stdout.is_empty();
    if !sockets.is_file() || !has_modules {
        let told = "NOT TRIED: no vhost-device-vsock, or a kernel without sockets; run scripts/install test";
        assert!(std::env::var_os("CI").is_none(), "{told}");
        eprintln!("{told}");
        return None;
    }
    let (_, path) = MADE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let parts = folder.path().join("parts");
        std::fs::create_dir(&parts).unwrap();
        for name in ["__main__.py", "definitions.json"] {
            std::fs::copy(own.join("tests/firecracker").join(name), parts.join(name)).unwrap();
        }
        std::fs::copy(&sockets, parts.join("vhost-device-vsock")).unwrap();
        let path = folder.path().join("firecracker");
        let made = Command::new("python3")
            .args(["-m", "zipapp", "-p", "/usr/bin/python3 -IB", "-o"])
            .args([&path, &parts])
            .status();
        assert!(made.unwrap().success());
        (folder, path)
    });
    Some(path.clone())
}

#[tokio::test]
async fn a_program_in_its_machine_has_the_mounts_streams_ports_and_limits_of_every_tier() {
    let Some(standin) = standin() else { return };
    // Whole mebibytes, as it counts, and of a size of this test's own.
    let mut bench = bench(vm::kernel().unwrap(), 231 << 20);
    bench.spec.hypervisor = Some(standin);
    vm::has_what_every_tier_has(bench, "Firecracker 1.13.1-standin (kvm) in bubblewrap ").await;
}

#[tokio::test]
async fn a_job_in_its_machine_takes_an_input_and_gives_an_output_within_its_caps() {
    let Some(standin) = standin() else { return };
    vm_job::takes_and_gives(Some(standin), 254 << 20).await;
}

#[tokio::test]
async fn a_root_of_the_operators_own() {
    let Some(standin) = standin() else { return };
    vm_job::has_a_root_of_its_own(Some(standin), 252 << 20).await;
}

#[tokio::test]
async fn a_job_in_its_machine_is_ended_at_its_cap() {
    let Some(standin) = standin() else { return };
    let folder = tempfile::tempdir().unwrap();
    let line = "trap '' TERM; echo begun > out; while :; do :; done";
    let mut job = vm_job::job(folder.path(), line).unwrap();
    job.hypervisor = Some(standin);
    job.memory_bytes = 253 << 20;
    job.time = Duration::from_secs(2);
    job.outputs = vec!["out".into()];
    let (done, ..) = vm_job::follow(&job).await;
    let done = done.unwrap();
    assert_eq!((done.exit, done.outputs.len()), (None, 0));
}

#[tokio::test]
async fn the_probe_proves_its_machine_and_says_what_holds_it() {
    let Some(standin) = standin() else { return };
    let proof = probe_vm(&kit::init(), vm::kernel(), Some(standin)).await;
    let held_by = proof.unwrap().held_by;
    assert!(held_by.starts_with("Firecracker 1.13.1-"), "{held_by}");
}

/// QEMU is there, and is not taken: it would be another wall than the one that was chosen.
#[tokio::test]
async fn one_that_cannot_be_used_starts_nothing() {
    let Some(kernel) = vm::kernel() else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).unwrap();
        path
    };
    for (named, why) in [
        (folder.path().join("none"), "not the path of a file"),
        (folder.path().into(), "not the path of a file"),
        ("firecracker".into(), "not the path of a file"),
        ("/usr/bin/qemu-system-x86_64".into(), "it says `QEMU"),
        (
            script("old", "#!/bin/sh\necho Firecracker v1.7.0\n"),
            "v1.8",
        ),
        (script("broken", "#!/nowhere\n"), "does not say its version"),
    ] {
        let mut bench = bench(kernel.clone(), 300 << 20);
        bench.spec.hypervisor = Some(named.clone());
        let refused = start(&bench.line("true")).await.unwrap_err();
        assert!(
            matches!(refused, SandboxError::Hypervisor { .. }),
            "{refused}"
        );
        let told = refused.to_string();
        assert!(told.contains(why), "{told}");
        let absent = present(Some(&named)).await.unwrap_err();
        assert!(
            matches!(absent, SandboxError::Hypervisor { .. }),
            "{absent}"
        );
    }
    // One that says it is one, and boots nothing.
    let mut bench = bench(kernel, 300 << 20);
    let text = "#!/bin/sh\n[ \"$1\" != --version ] || exec echo Firecracker v1.13.1\necho 'Error: KVM' >&2; exit 1\n";
    bench.spec.hypervisor = Some(script("barren", text));
    let refused = start(&bench.line("true")).await.unwrap_err();
    assert!(matches!(refused, SandboxError::Guest { .. }), "{refused}");
    assert!(refused.to_string().contains("Error: KVM"), "{refused}");
}

#[tokio::test]
async fn more_processors_than_it_has_are_refused_and_not_lowered() {
    let Some(standin) = standin() else { return };
    let mut bench = bench(vm::kernel().unwrap(), 232 << 20);
    bench.spec.hypervisor = Some(standin);
    bench.spec.limits = Limits {
        cpu_milli: Some(33_000),
        ..bench.spec.limits
    };
    let refused = start(&bench.line("true")).await.unwrap_err();
    assert!(matches!(refused, SandboxError::Invalid { .. }), "{refused}");
}

/// What the stand-in itself is good for: it refuses what Firecracker's definitions refuse.
#[test]
fn the_stand_in_takes_nothing_that_is_not_in_the_definitions() {
    let Some(standin) = standin() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.json");
    let kernel = "/proc/self/exe";
    for (settings, said) in [
        (
            r#"{"drives": []}"#.to_owned(),
            "missing field `boot-source`",
        ),
        (
            format!(r#"{{"boot-source": {{"kernel_image_path": "{kernel}"}}}}"#),
            "missing field `drives`",
        ),
        (
            format!(
                r#"{{"boot-source": {{"kernel_image_path": "{kernel}", "kernel": 1}}, "drives": []}}"#
            ),
            "unknown field `kernel`",
        ),
        (
            format!(
                r#"{{"boot-source": {{"kernel_image_path": "{kernel}"}}, "drives": [], "vsock": {{"guest_cid": 2, "uds_path": "x"}}}}"#
            ),
            "out of range",
        ),
        (
            format!(
                r#"{{"boot-source": {{"kernel_image_path": "{kernel}"}}, "drives": [], "machine-config": {{"vcpu_count": 33, "mem_size_mib": 1}}}}"#
            ),
            "out of range",
        ),
        (
            r#"{"boot-source": {"kernel_image_path": "/etc/passwd"}, "drives": []}"#.to_owned(),
            "not an ELF program",
        ),
    ] {
        std::fs::write(&path, &settings).unwrap();
        let ended = Command::new(&standin)
            .args(["--no-api", "--config-file"])
            .arg(&path)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&ended.stderr);
        assert!(
            !ended.status.success() && told.contains(said),
            "{settings}: {told}"
        );
    }
    let ended = Command::new(&standin).arg("--no-api").output().unwrap();
    assert_eq!(ended.status.code(), Some(153));
}
