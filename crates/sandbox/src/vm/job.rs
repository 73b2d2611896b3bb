//! A job in a machine of its own: provision, execute, teardown.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::boot::{Booted, Plan, boot};
use super::folder::Folder;
use super::outputs::{self, Output, Wanted};
use super::start::{LEAST_MEMORY, find};
use super::{acceleration, hypervisor};
use crate::child::Exit;
use crate::error::SandboxError;
use crate::host::host_root;
use crate::spec::{Init, Limits, Mount, Spec, Stdin, Tier, User};

/// Where the job works, on its disk.
const WORK: &str = "/work";
/// Where its inputs are, read-only.
const INPUTS: &str = "/inputs";
/// Below it a file system has no room for itself.
const LEAST_DISK: u64 = 8 << 20;
/// More inputs are better given as one folder.
const MAX_INPUTS: usize = 64;
/// What is passed on of each of its two streams; more is counted and dropped.
const MAX_SAID: u64 = 8 << 20;
/// Making an empty file system in a sparse file.
const FORMAT_WITHIN: Duration = Duration::from_secs(60);

/// What to run, and within which caps.
#[derive(Debug, Clone)]
pub struct Job {
    /// A kernel image, or the root of an unpacked Debian package `linux-image-…`; `None` is the
    /// newest kernel of this machine.
    pub kernel: Option<PathBuf>,
    /// A root for the job: an archive as the kernel unpacks it. `None` shows the job the system
    /// directories of this machine, read-only.
    pub initramfs: Option<PathBuf>,
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Files and folders that it can read, each as `/inputs/NAME`.
    pub inputs: Vec<PathBuf>,
    /// Files and folders that it makes, below its working directory `/work`.
    pub outputs: Vec<String>,
    /// Where they go: an existing folder of this user's.
    pub output_folder: PathBuf,
    /// The most bytes of outputs.
    pub output_bytes: u64,
    /// Processors.
    pub cpus: u32,
    /// Memory of the machine, its kernel's included.
    pub memory_bytes: u64,
    /// The size of its disk.
    pub disk_bytes: u64,
    /// How long the command may run, with sending its outputs back. Booting is not counted: it has
    /// a bound of its own.
    pub time: Duration,
    /// As [`Spec::hypervisor`].
    pub hypervisor: Option<PathBuf>,
    /// A folder on a disk for the machine's own, which is an open file without a name as it runs.
    pub state: PathBuf,
    /// The helper that runs inside.
    pub init: Init,
}

/// A step of a job, as it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Kernel, disk and inputs are ready; the machine is booting.
    Provisioned,
    /// The command runs.
    Started {
        /// What holds it, such as `QEMU 7.2.22 (tcg) in bubblewrap 0.8.0`.
        held_by: String,
    },
    /// It wrote this to its standard output.
    Out(Vec<u8>),
    /// It wrote this to its standard error.
    Err(Vec<u8>),
    /// The command has ended, or was ended.
    Ended,
    /// An output has arrived whole.
    Output(Output),
    /// Nothing of the machine is left.
    TornDown,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// How the command ended; `None` when it was ended at its cap of time.
    pub exit: Option<Exit>,
    /// What it made.
    pub outputs: Vec<Output>,
    /// What it was to make and did not.
    pub missing: Vec<String>,
    /// The end of what the machine said on its console.
    pub console: String,
}

/// Runs a job to its end and says each step with the time since the call. Dropping the future ends
/// the machine.
///
/// # Errors
/// [`SandboxError::Invalid`] for a cap or a name that cannot be; [`SandboxError::Kernel`],
/// [`SandboxError::HypervisorMissing`] and [`SandboxError::Guest`] when there is no machine;
/// [`SandboxError::Outputs`] when the outputs are not what they may be: then none is kept. After an
/// error nothing of the machine is left.
pub async fn run(job: &Job, mut tell: impl FnMut(Duration, Event)) -> Result<Done, SandboxError> {
    let begun = Instant::now();
    check(job)?;
    let mut tell = move |event| tell(begun.elapsed(), event);
    let place = job.kernel.clone().unwrap_or_else(|| "/".into());
    let hypervisor = hypervisor::find(job.hypervisor.as_deref()).await?;
    let kernel = find(place, hypervisor.device()).await?;
    let acceleration = acceleration::of(&*hypervisor, &job.init, &kernel)
        .await
        .acceleration;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&job.state)
        .map_err(SandboxError::io("make the folder for a machine's disk"))?;
    let folder = Folder::within(&job.state)?;
    let disk = folder.path().join("disk");
    format(&disk, job.disk_bytes).await?;
    let plan = Plan {
        hypervisor,
        kernel,
        initramfs: job.initramfs.clone(),
        acceleration,
        cpus: job.cpus,
        memory_bytes: job.memory_bytes,
        disk: Some((disk, WORK.to_owned())),
        outputs_in: WORK.to_owned(),
        outputs: job.outputs.clone(),
    };
    tell(Event::Provisioned);
    let booted = boot(&spec(job)?, plan).await?;
    // The hypervisor has it open: from here on it goes with the hypervisor, whatever happens.
    drop(folder);
    let held_by = booted.child.in_force().launcher.clone().unwrap_or_default();
    tell(Event::Started { held_by });
    let done = follow(booted, job, &mut tell).await;
    tell(Event::TornDown);
    done
}

async fn follow(
    booted: Booted,
    job: &Job,
    tell: &mut impl FnMut(Event),
) -> Result<Done, SandboxError> {
    let Booted {
        mut child,
        outputs,
        console,
    } = booted;
    let (say, mut said) = mpsc::channel(8);
    let stdout = tokio::spawn(listen(child.stdout.take(), say.clone(), Event::Out));
    let stderr = tokio::spawn(listen(child.stderr.take(), say, Event::Err));
    let wanted = Wanted {
        folder: job.output_folder.clone(),
        names: job.outputs.clone(),
        bytes: job.output_bytes,
    };
    let from = std::fs::File::from(outputs);
    let unpacked = tokio::task::spawn_blocking(move || outputs::unpack(from, &wanted));
    let until = tokio::time::sleep(job.time);
    tokio::pin!(until);
    let mut is_open = true;
    let in_time = loop {
        tokio::select! {
            event = said.recv(), if is_open => match event {
                Some(event) => tell(event),
                None => is_open = false,
            },
            () = child.told() => break true,
            () = &mut until => break false,
        }
    };
    // A machine takes its time to go; that is not the command's.
    let exit = loop {
        if !in_time {
            break None;
        }
        tokio::select! {
            event = said.recv(), if is_open => match event {
                Some(event) => tell(event),
                None => is_open = false,
            },
            exit = child.wait() => break Some(exit?),
        }
    };
    // At its cap, and when it has ended: nothing of the machine stays.
    child.kill().await?;
    while let Some(event) = said.recv().await {
        tell(event);
    }
    let _ = tokio::join!(stdout, stderr);
    tell(Event::Ended);
    let unpacked = unpacked
        .await
        .map_err(|_| SandboxError::io("keep the outputs")(io::ErrorKind::Other))?;
    let is_whole = exit.is_some_and(|exit| exit.usage.is_some());
    // Of a machine that was ended, the outputs end in the middle: that is no news.
    let outputs = if is_whole {
        unpacked?
    } else {
        unpacked.unwrap_or_default()
    };
    for output in &outputs {
        tell(Event::Output(output.clone()));
    }
    let missing = job
        .outputs
        .iter()
        .filter(|name| !job.output_folder.join(name).exists());
    Ok(Done {
        exit,
        missing: missing.cloned().collect(),
        outputs,
        console: console.text(),
    })
}

/// Passes on what a stream says, to its bound, and reads on to the end.
async fn listen(
    from: Option<impl AsyncRead + Unpin>,
    say: mpsc::Sender<Event>,
    event: fn(Vec<u8>) -> Event,
) {
    let Some(mut from) = from else { return };
    let mut left = MAX_SAID;
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let taken = read.min(usize::try_from(left).unwrap_or(usize::MAX));
        left -= taken as u64;
        if taken > 0 && say.send(event(buffer[..taken].to_vec())).await.is_err() {
            return;
        }
    }
}

fn check(job: &Job) -> Result<(), SandboxError> {
    let invalid = |what: String| Err(SandboxError::Invalid { what });
    if job.command.is_empty() {
        return invalid("a job needs a command".into());
    }
    if job.memory_bytes < LEAST_MEMORY {
        let least = LEAST_MEMORY >> 20;
        return invalid(format!(
            "{} MiB of memory: the machine's kernel needs {least} MiB at least",
            job.memory_bytes >> 20
        ));
    }
    if job.disk_bytes < LEAST_DISK {
        return invalid(format!("a disk has {} MiB at least", LEAST_DISK >> 20));
    }
    let there = std::thread::available_parallelism().map_or(1, |count| count.get());
    if job.cpus == 0 || job.cpus as usize > there {
        return invalid(format!("{} processors: this machine has {there}", job.cpus));
    }
    if job.inputs.len() > MAX_INPUTS {
        return invalid(format!(
            "more than {MAX_INPUTS} inputs; give them as one folder"
        ));
    }
    job.outputs.iter().try_for_each(|name| outputs::check(name))
}

fn spec(job: &Job) -> Result<Spec, SandboxError> {
    // With a root of its own, the job sees of this machine its inputs, and in a folder apart the
    // libraries that our helper needs.
    let mut mounts = match job.initramfs {
        Some(_) => Vec::new(),
        None => host_root(),
    };
    let mut names = std::collections::BTreeSet::new();
    for input in &job.inputs {
        let source = input
            .canonicalize()
            .map_err(|cause| SandboxError::MountSource {
                path: input.clone(),
                target: INPUTS.into(),
                cause,
            })?;
        let name = input.file_name().or(source.file_name()).unwrap_or_default();
        if !names.insert(name.to_owned()) {
            let what = format!("two inputs are called {}", name.display());
            return Err(SandboxError::Invalid { what });
        }
        let target = Path::new(INPUTS).join(name);
        mounts.push(Mount::ReadOnly { source, target });
    }
    mounts.push(Mount::Tmpfs {
        target: WORK.into(),
        size_bytes: LEAST_DISK,
    });
    let env = [
        ("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"),
        ("HOME", WORK),
        ("LC_ALL", "C.UTF-8"),
    ];
    let env: BTreeMap<OsString, OsString> =
        env.map(|(name, value)| (name.into(), value.into())).into();
    let (program, args) = job.command.split_first().unzip();
    Ok(Spec {
        tier: Tier::Vm,
        program: program.cloned().unwrap_or_default(),
        args: args.unwrap_or_default().to_vec(),
        env,
        cwd: WORK.into(),
        mounts,
        ports: Vec::new(),
        limits: Limits::default(),
        stdin: Stdin::Null,
        terminal: None,
        image: None,
        hypervisor: job.hypervisor.clone(),
        runtime: None,
        user: User::Own,
        init: job.init.clone(),
    })
}

/// An empty file system in a sparse file: it takes no room until the guest writes.
async fn format(disk: &Path, bytes: u64) -> Result<(), SandboxError> {
    let step = "make a machine's disk";
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(disk);
    file.and_then(|file| file.set_len(bytes))
        .map_err(SandboxError::io(step))?;
    let owner = crate::floor::UID;
    // No journal and no checksums: it lives as long as the machine.
    let made = tokio::process::Command::new("mke2fs")
        .args([
            "-q",
            "-F",
            "-t",
            "ext4",
            "-m",
            "0",
            "-O",
            "^has_journal,^metadata_csum",
        ])
        .arg("-E")
        .arg(format!(
            "root_owner={owner}:{owner},nodiscard,lazy_itable_init=1"
        ))
        .arg(disk)
        .env_clear()
        .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let made = match timeout(FORMAT_WITHIN, made).await {
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
            return Err(SandboxError::HypervisorMissing {
                what: "mke2fs, which makes a machine's disk,".to_owned(),
                tried: "/usr/sbin, /sbin".to_owned(),
                package: "e2fsprogs",
            });
        }
        Ok(made) => made.map_err(SandboxError::io(step))?,
        Err(_) => {
            let seconds = FORMAT_WITHIN.as_secs();
            return Err(SandboxError::Timeout { step, seconds });
        }
    };
    match made.status.success() {
        true => Ok(()),
        false => Err(SandboxError::Setup {
            step,
            detail: String::from_utf8_lossy(&made.stderr).trim().to_owned(),
            mend: "ask for a larger disk, or name a folder with room",
        }),
    }
}
