//! How long the start of `true` takes in the sandbox and in a container, beside bare `bwrap`, bare
//! `runc` with the same mounts, and a plain process, and how much processor time: on a busy machine the second is the one to compare.
//!
//! `cargo run --release -p freehold-sandbox --example start -- [ROUNDS]`
#![expect(clippy::print_stdout, reason = "it is for a person who looks")]

use std::collections::BTreeMap;
use std::error::Error;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use freehold_sandbox::{Init, Limits, Mount, Spec, Stdin as Input, Tier, host_root, start};
use nix::sys::resource::{UsageWho, getrusage};

/// Any run of this program with this argument is the helper.
const HELPER: &str = "init";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut words = std::env::args_os().skip(1);
    match words.next() {
        Some(word) if word == HELPER => Ok(freehold_sandbox::init::main(words)),
        rounds => {
            let rounds = rounds.and_then(|word| word.to_str()?.parse().ok());
            tokio::runtime::Runtime::new()?.block_on(measure(rounds.unwrap_or(200)))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn measure(rounds: usize) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let bundle = runc_bundle(folder.path())?;
    let mut times: BTreeMap<&str, Vec<(Duration, Duration)>> = BTreeMap::new();
    // In turns, so that a busy moment of the machine meets all of them.
    for _ in 0..rounds {
        let mut time = |name, (begun, used): (Instant, Duration)| {
            let took = (begun.elapsed(), processor().saturating_sub(used));
            times.entry(name).or_default().push(took);
        };
        let begun = (Instant::now(), processor());
        bare(folder.path())?;
        time("bare bwrap", begun);
        if let Some(bundle) = &bundle {
            let begun = (Instant::now(), processor());
            bare_runc(bundle.path())?;
            time("bare runc", begun);
        }
        let mut tiers = vec![("none", Tier::None), ("sandbox", Tier::Sandbox)];
        tiers.extend(bundle.as_ref().map(|_| ("container", Tier::Container)));
        for (name, tier) in tiers {
            let spec = spec(tier, folder.path())?;
            let begun = (Instant::now(), processor());
            let exit = start(&spec).await?.wait().await?;
            time(name, begun);
            if !exit.success() {
                return Err(format!("{name}: {exit:?}").into());
            }
        }
    }
    let at =
        |all: &[Duration], share: usize| all[(all.len() - 1) * share / 100].as_secs_f64() * 1e3;
    let mut middle = BTreeMap::new();
    for (name, all) in times {
        let (mut wall, mut cpu): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        wall.sort();
        cpu.sort();
        middle.insert(name, at(&wall, 50));
        println!(
            "{name:12} p50 {:6.2} ms   p90 {:6.2} ms   processor p50 {:6.2} ms   of {rounds}",
            at(&wall, 50),
            at(&wall, 90),
            at(&cpu, 50)
        );
    }
    let of = |name| middle.get(name).copied().unwrap_or(f64::NAN);
    let (above, times) = (
        of("sandbox") - of("bare bwrap"),
        of("container") / of("bare runc"),
    );
    println!(
        "sandbox is {above:.2} ms above bare bwrap (aim 3); container is {times:.2} × bare runc (aim 1.2)"
    );
    Ok(())
}

/// Of this process and those it has waited for.
fn processor() -> Duration {
    let used = [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN]
        .into_iter()
        .filter_map(|who| getrusage(who).ok())
        .flat_map(|usage| [usage.user_time(), usage.system_time()]);
    used.map(|time| {
        Duration::from_micros(
            time.tv_sec().cast_unsigned() * 1_000_000 + time.tv_usec().cast_unsigned(),
        )
    })
    .sum()
}

/// What a person would type to have a program in an empty network with the system and a folder.
fn bare(folder: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let mut command = Command::new("bwrap");
    command.args(["--unshare-all", "--die-with-parent", "--new-session"]);
    for mount in host_root() {
        match mount {
            Mount::ReadOnly { source, target } => {
                command.arg("--ro-bind").arg(source).arg(target);
            }
            Mount::Symlink { points_to, target } => {
                command.arg("--symlink").arg(points_to).arg(target);
            }
            _ => {}
        }
    }
    command.args([
        "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--bind",
    ]);
    command.arg(folder).args(["/workspace", "true"]);
    let ended = command.stdin(Stdio::null()).status()?;
    if ended.success() {
        Ok(())
    } else {
        Err("bwrap failed".into())
    }
}

/// A bundle as `runc spec` writes it, with the system and a folder; `None` without `runc`.
fn runc_bundle(folder: &std::path::Path) -> Result<Option<tempfile::TempDir>, Box<dyn Error>> {
    let bundle = tempfile::tempdir()?;
    let mut command = Command::new("runc");
    command.arg("spec").current_dir(bundle.path());
    if !command.status().is_ok_and(|ended| ended.success()) {
        return Ok(None);
    }
    let root = bundle.path().join("rootfs");
    std::fs::create_dir(&root)?;
    let path = bundle.path().join("config.json");
    let mut config: serde_json::Value = serde_json::from_slice(&std::fs::read(&path)?)?;
    let bind = |source: &std::path::Path, target: &std::path::Path, write: &str| {
        let options = ["rbind", write, "nosuid", "nodev"];
        serde_json::json!({"source": source, "destination": target, "type": "bind", "options": options})
    };
    let mounts = config["mounts"].as_array_mut().ok_or("no mounts")?;
    for mount in host_root() {
        match mount {
            Mount::ReadOnly { source, target } => mounts.push(bind(&source, &target, "ro")),
            Mount::Symlink { points_to, target } => {
                let link = root.join(target.strip_prefix("/")?);
                std::fs::create_dir_all(link.parent().unwrap_or(&root))?;
                std::os::unix::fs::symlink(points_to, link)?;
            }
            _ => {}
        }
    }
    mounts.push(bind(folder, std::path::Path::new("/workspace"), "rw"));
    config["process"]["args"] = serde_json::json!(["true"]);
    config["process"]["terminal"] = false.into();
    // Its default raises a limit, which not every machine allows.
    config["process"]["rlimits"] = serde_json::json!([]);
    std::fs::write(path, serde_json::to_vec(&config)?)?;
    Ok(Some(bundle))
}

fn bare_runc(bundle: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let name = format!("freehold-bare-{}", std::process::id());
    let mut command = Command::new("runc");
    command.arg("--root").arg(bundle.join("state"));
    command.args(["run", "--bundle"]).arg(bundle).arg(name);
    if command.stdin(Stdio::null()).status()?.success() {
        Ok(())
    } else {
        Err("runc failed".into())
    }
}

fn spec(tier: Tier, folder: &std::path::Path) -> Result<Spec, Box<dyn Error>> {
    let mut mounts = host_root();
    mounts.push(Mount::ReadWrite {
        source: folder.to_path_buf(),
        target: "/workspace".into(),
    });
    Ok(Spec {
        tier,
        program: "true".into(),
        args: Vec::new(),
        env: BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())]),
        cwd: "/".into(),
        mounts,
        ports: Vec::new(),
        limits: Limits {
            total_memory_bytes: Some(1 << 30),
            total_tasks: Some(512),
            ..Limits::default()
        },
        stdin: Input::Null,
        terminal: None,
        image: None,
        hypervisor: None,
        runtime: None,
        user: freehold_sandbox::User::Own,
        init: Init {
            program: std::env::current_exe()?,
            args: vec![HELPER.into()],
        },
    })
}
