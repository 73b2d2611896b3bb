//! From a specification to a running program in a guest.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::folder::Folder;
use super::hypervisor::{Acceleration, Device, Hypervisor, Machine, Ways};
use super::kernel::Kernel;
use super::pump::{self, Console};
use super::reach::{self, Reach};
use super::{acceleration, initramfs, jail, vmlinux, wire};
use crate::child::{Child, InForce};
use crate::control::Report;
use crate::error::SandboxError;
use crate::floor::KVM;
use crate::launch;
use crate::spec::{Limits, Mount, Spec};
use crate::streams::Streams;

/// From the hypervisor's start to its last connection: it opens some twenty, before it does anything.
const CONNECT_WITHIN: Duration = Duration::from_secs(60);
/// From there to the program. Translated, with two busy processors, it takes some ten seconds.
const BOOT_WITHIN: Duration = Duration::from_secs(240);
/// For the end of what a hypervisor says, once it has ended.
const WORDS_WITHIN: Duration = Duration::from_secs(5);
/// How much of the console an error tells.
const TOLD_LINES: usize = 6;
/// The kernel says little, ends on a panic, and does not wait for randomness.
const COMMAND_LINE: &str = "console=ttyS0 quiet panic=-1 random.trust_cpu=on";

/// What to boot, beside the specification.
pub(crate) struct Plan {
    pub(crate) hypervisor: Arc<dyn Hypervisor>,
    pub(crate) kernel: Kernel,
    /// The operator's, whose files are then the root of the program.
    pub(crate) initramfs: Option<PathBuf>,
    pub(crate) acceleration: Acceleration,
    pub(crate) cpus: u32,
    pub(crate) memory_bytes: u64,
    /// A raw image with a file system, and where it is seen inside: a folder among the mounts.
    pub(crate) disk: Option<(PathBuf, String)>,
    /// The folder inside that `outputs` are in, and what to send back.
    pub(crate) outputs_in: String,
    pub(crate) outputs: Vec<String>,
}

/// A program that runs in a guest.
pub(crate) struct Booted {
    pub(crate) child: Child,
    /// The archive of the outputs, which comes after the program's end. Read or drop it.
    pub(crate) outputs: OwnedFd,
    pub(crate) console: Console,
}

/// Boots, and returns when the program runs. Dropping the future, or the child, ends the machine.
pub(crate) async fn boot(spec: &Spec, plan: Plan) -> Result<Booted, SandboxError> {
    let hypervisor = Arc::clone(&plan.hypervisor);
    let device = hypervisor.device();
    let streams = Streams::open(spec)?;
    let folder = Folder::make()?;
    let mut reach = Reach::open(&folder, device)?;
    let kvm = kvm(&plan, &folder, device)?;
    let machine = machine(&plan, reach.ways.clone());
    let arguments = hypervisor.arguments(&machine)?;
    let settings = hypervisor.settings(&machine)?;
    let mut setup = jail::setup(spec, plan.memory_bytes)?;
    setup.disk = plan.disk.as_ref().map(|(_, inside)| inside.clone());
    setup.outputs_in = plan.outputs_in;
    setup.outputs = plan.outputs;
    let given = plan.initramfs;
    let is_own_root = given.is_some();
    if is_own_root {
        for mount in &spec.mounts {
            setup.shown.push(jail::text(mount.target())?);
        }
    }
    let (kernel, init_args) = (plan.kernel, setup.init_args.clone());
    let built =
        tokio::task::spawn_blocking(move || parts(&kernel, given.as_deref(), &init_args, device));
    let mut shown = built.await.map_err(|_| {
        SandboxError::io("make the first root of the guest")(io::ErrorKind::Other)
    })??;
    shown.extend(hypervisor.mounts());
    shown.append(&mut reach.mounts);
    shown.extend(settings.map(|contents| Mount::File {
        contents,
        target: jail::SETTINGS.into(),
    }));
    shown.extend(kvm);
    shown.extend(plan.disk.map(|(source, _)| Mount::ReadWrite {
        source,
        target: jail::part("disk"),
    }));
    let tree = jail::tree(spec, is_own_root);
    let served = match device {
        Device::Serial => {
            shown.extend(tree);
            None
        }
        Device::Vsock => Some(serve(spec, tree, &mut reach).await?),
    };
    let program = hypervisor.program();
    let outer = jail::hypervisor(spec, shown, plan.memory_bytes, program, arguments);
    let mut outer = Box::pin(launch::start(&outer)).await?;
    let console = Console::default();
    let (within, spoken) = match device {
        Device::Serial => (CONNECT_WITHIN, None),
        // Its guest connects, once it has booted.
        Device::Vsock => {
            let stdout = outer.stdout.take();
            let kept = stdout.map(|stdout| tokio::spawn(console.clone().keep(stdout)));
            (BOOT_WITHIN, kept)
        }
    };
    let connected = timeout(within, reach::accept_all(&mut outer, reach.channels)).await;
    let Ok(connected) = connected else {
        return Err(late(&console, within));
    };
    let Some(mut connected) = connected? else {
        let Some(spoken) = spoken else {
            return Err(refused("the hypervisor did not start", &mut outer).await);
        };
        let _ = timeout(WORDS_WITHIN, spoken).await;
        let words = Console::default();
        if let Some(stderr) = outer.stderr.take() {
            let _ = timeout(WORDS_WITHIN, words.clone().keep(stderr)).await;
        }
        return Err(died("it ended before the program ran", &console, &words));
    };
    // The connections stay; nothing of the folder is needed any more.
    drop(folder);
    if device == Device::Serial
        && let Some(stream) = connected.pop()
    {
        tokio::spawn(console.clone().keep(stream));
    }
    let instructions = launch::instructions(spec, jail::ports(spec))?;
    let orders = setup.encode().and_then(|setup| {
        let mut bytes = wire::framed(&setup)?;
        for part in instructions.encode()?.chunks(wire::MAX_CHUNK) {
            bytes.extend(wire::framed(part)?);
        }
        Ok(bytes)
    });
    let orders = orders.map_err(SandboxError::io("encode the arguments and the environment"))?;
    let carried = carry(
        spec,
        connected,
        streams.stdin.is_some(),
        streams.theirs,
        orders,
    )
    .map_err(SandboxError::io("carry the streams of the guest"))?;

    let in_force = in_force(spec, &outer, &*hypervisor, &machine);
    let Child {
        mut tree, stderr, ..
    } = outer;
    let words = Console::default();
    let heard = stderr.map(|stderr| tokio::spawn(words.clone().keep(stderr)));
    // The hypervisor's helper ends all when this socket ends: once everything has arrived.
    let hold = std::mem::replace(&mut tree.control, carried.control);
    tokio::spawn(async move {
        for task in carried.tasks {
            let _ = task.await;
        }
        drop((hold, served));
    });
    let said = timeout(BOOT_WITHIN, tree.report()).await;
    match said {
        Ok(Some(Report::Started { landlock })) => {
            let in_force = InForce {
                landlock,
                ..in_force
            };
            let (stdin, stdout, stderr) = (streams.stdin, streams.stdout, streams.stderr);
            let child = Child::new(tree, in_force, stdin, stdout, stderr);
            Ok(Booted {
                child,
                outputs: carried.outputs,
                console,
            })
        }
        Ok(Some(Report::Failed { step, errno })) => {
            let error = io::Error::from_raw_os_error(errno);
            let _ = tree.end().await;
            Err(launch::init_error(step, error, spec))
        }
        ended => {
            let _ = tree.end().await;
            let step = match ended {
                Ok(_) => "it ended before the program ran",
                Err(_) => "it took too long",
            };
            if let Some(heard) = heard {
                let _ = timeout(WORDS_WITHIN, heard).await;
            }
            Err(died(step, &console, &words))
        }
    }
}

/// What the machine is made of, its kernel first unpacked where its hypervisor needs that. Blocks on
/// the disk.
fn parts(
    kernel: &Kernel,
    given: Option<&Path>,
    init_args: &[String],
    device: Device,
) -> Result<Vec<Mount>, SandboxError> {
    let unpacked = match device {
        Device::Serial => None,
        Device::Vsock => vmlinux::of(&kernel.image)?,
    };
    let target = jail::part("kernel");
    let image = match unpacked {
        Some(contents) => Mount::File { contents, target },
        None => jail::shown(kernel.image.clone(), "kernel"),
    };
    let initramfs = Mount::File {
        contents: initramfs::build(kernel, given, init_args, device)?,
        target: jail::part("initramfs"),
    };
    Ok(vec![image, initramfs])
}

fn machine(plan: &Plan, ways: Ways) -> Machine {
    // A machine of Firecracker ends when its guest resets the keyboard's controller.
    let end = match ways {
        Ways::Serial { .. } => "",
        Ways::Vsock(_) => " reboot=k",
    };
    Machine {
        acceleration: plan.acceleration,
        cpus: plan.cpus,
        memory_bytes: plan.memory_bytes,
        kernel: jail::part("kernel"),
        initramfs: jail::part("initramfs"),
        command_line: format!("{COMMAND_LINE}{end} rdinit={}", initramfs::INIT),
        ways,
        disk: plan.disk.is_some().then(|| jail::part("disk")),
    }
}

/// The device of the processor's help, where it is used. Firecracker says itself that there is none.
fn kvm(plan: &Plan, folder: &Folder, device: Device) -> Result<Option<Mount>, SandboxError> {
    let is_used = plan.acceleration == Acceleration::Kvm;
    if !is_used || (device == Device::Vsock && !Path::new(KVM).exists()) {
        return Ok(None);
    }
    let node = acceleration::device(folder.path())
        .map_err(SandboxError::io("show KVM's device to the hypervisor"))?;
    Ok(Some(jail::device(node)))
}

/// What carries the files of a machine, if its hypervisor does not.
struct Served {
    /// Ends when it is dropped.
    _server: Option<Child>,
    _tasks: JoinSet<()>,
}

/// Starts the server of files with the guest's `tree`, and waits until it has connected.
async fn serve(spec: &Spec, tree: Vec<Mount>, reach: &mut Reach) -> Result<Served, SandboxError> {
    let sockets = reach.served();
    let mut tasks = JoinSet::new();
    let specification = jail::server(spec, tree, &sockets);
    let mut server = Box::pin(launch::start(&specification)).await?;
    let connected = timeout(CONNECT_WITHIN, reach.serve(&mut server, &mut tasks)).await;
    match connected {
        Err(_) => Err(SandboxError::Timeout {
            step: "wait for the server of a machine's files",
            seconds: CONNECT_WITHIN.as_secs(),
        }),
        Ok(Err(error)) => Err(error),
        Ok(Ok(false)) => Err(refused("the server of its files did not start", &mut server).await),
        Ok(Ok(true)) => {
            // It says nothing; and nobody is to wait for a reader.
            drop((server.stdout.take(), server.stderr.take()));
            Ok(Served {
                _server: Some(server),
                _tasks: tasks,
            })
        }
    }
}

/// What is carried between host and guest.
struct Carried {
    /// The control socket of the program, as every tier has one.
    control: UnixStream,
    outputs: OwnedFd,
    /// Their end means that the guest has said all.
    tasks: Vec<JoinHandle<io::Result<()>>>,
}

/// Starts the tasks that carry everything.
fn carry(
    spec: &Spec,
    connected: Vec<UnixStream>,
    has_stdin: bool,
    theirs: [OwnedFd; 3],
    orders: Vec<u8>,
) -> io::Result<Carried> {
    let mut connected = connected.into_iter();
    let mut next = || connected.next().ok_or(io::ErrorKind::NotConnected);
    let [their_stdin, their_stdout, their_stderr] = theirs;

    let (control, far) = UnixStream::pair()?;
    let (mut from, mut to) = next()?.into_split();
    let (mut far_from, mut far_to) = far.into_split();
    tokio::spawn(async move {
        to.write_all(&orders).await?;
        pump::to_guest(&mut far_from, &mut to).await
    });
    let mut carried = vec![tokio::spawn(async move {
        pump::from_guest(&mut from, &mut far_to).await
    })];

    let mut stdin = next()?;
    let mut source = match has_stdin {
        true => Some(Receiver::from_owned_fd(their_stdin)?),
        false => None,
    };
    tokio::spawn(async move {
        match &mut source {
            Some(source) => pump::to_guest(source, &mut stdin).await?,
            None => pump::put(&mut stdin, &[]).await?,
        }
        // Open until the machine ends: a closed channel would be another end than the one said.
        tokio::io::copy(&mut stdin, &mut tokio::io::sink()).await
    });

    let (outputs, their_outputs) = io::pipe()?;
    for to in [their_stdout, their_stderr, their_outputs.into()] {
        let (mut channel, mut to) = (next()?, Sender::from_owned_fd(to)?);
        carried.push(tokio::spawn(async move {
            let carried = pump::from_guest(&mut channel, &mut to).await;
            // Whoever reads it sees the end; the channel stays until the machine ends.
            drop(to);
            carried?;
            tokio::spawn(async move {
                let _ = tokio::io::copy(&mut channel, &mut tokio::io::sink()).await;
            });
            Ok(())
        }));
    }
    let ports: Vec<_> = spec
        .ports
        .iter()
        .map(|port| (port.port, port.socket.clone()))
        .collect();
    let ports = Arc::new(ports);
    for channel in connected {
        tokio::spawn(pump::connections(channel, Arc::clone(&ports)));
    }
    Ok(Carried {
        control,
        outputs: outputs.into(),
        tasks: carried,
    })
}

fn in_force(spec: &Spec, outer: &Child, hypervisor: &dyn Hypervisor, machine: &Machine) -> InForce {
    let around = outer.in_force().clone();
    let is_limited = spec.limits.total_memory_bytes.is_some() || spec.limits.total_tasks.is_some();
    InForce {
        tier: spec.tier,
        launcher: Some(format!(
            "{} ({}) in {}",
            hypervisor.version(),
            machine.acceleration.name(),
            around.launcher.as_deref().unwrap_or("a sandbox"),
        )),
        // In the guest, whose kernel is its own.
        cgroup: is_limited.then_some("v2"),
        limits: Limits {
            cpu_milli: Some(u64::from(machine.cpus) * 1000),
            ..spec.limits
        },
        ..around
    }
}

/// A machine whose guest never connected.
fn late(console: &Console, within: Duration) -> SandboxError {
    match console.text().trim() {
        "" => SandboxError::Timeout {
            step: "wait for the hypervisor",
            seconds: within.as_secs(),
        },
        said => SandboxError::Guest {
            what: "it took too long".to_owned(),
            console: last_lines(said),
        },
    }
}

/// A program of ours ended at once: what it says on its standard error says why.
async fn refused(what: &str, outer: &mut Child) -> SandboxError {
    let mut said = Vec::new();
    if let Some(stderr) = &mut outer.stderr {
        use tokio::io::AsyncReadExt;
        let _ = stderr.take(4096).read_to_end(&mut said).await;
    }
    let said = String::from_utf8_lossy(&said);
    SandboxError::Guest {
        what: what.to_owned(),
        console: last_lines(&said),
    }
}

/// The guest's last words, or those of its hypervisor where it never spoke.
fn died(what: &str, console: &Console, hypervisor: &Console) -> SandboxError {
    let guest = console.text();
    let said = match guest.trim().is_empty() {
        true => hypervisor.text(),
        false => guest,
    };
    SandboxError::Guest {
        what: what.to_owned(),
        console: last_lines(&said),
    }
}

/// What programs said, rather than how the kernel then ended; the kernel's words, if nobody spoke.
fn last_lines(text: &str) -> String {
    let said = |is_wanted: &dyn Fn(&str) -> bool| -> Vec<String> {
        let lines = text.lines().map(str::trim);
        lines
            .filter(|line| !line.is_empty() && is_wanted(line))
            .map(str::to_owned)
            .collect()
    };
    let mut lines = said(&|line| !line.starts_with('['));
    if lines.is_empty() {
        lines = said(&|_| true);
    }
    let from = lines.len().saturating_sub(TOLD_LINES);
    match lines[from..].join(" | ") {
        nothing if nothing.is_empty() => "nothing".to_owned(),
        said => said,
    }
}
