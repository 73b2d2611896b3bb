//! What every process of a run has around it: the system, the host's tools, a way out where the
//! order opens one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use freehold_environment::egress::{self, Policy, Proxy, Verdict, proxy_env};
use freehold_environment::endpoint::HostPort;
use freehold_environment::project::ProjectFile;
use freehold_environment::registries::Registries;
use freehold_environment::toolchain::{self, Host, Toolchains};
use freehold_model::world::random;
use freehold_model::{Entropy, Reason};
use freehold_sandbox::{Init, Limits, Mount, Port, Spec, Stdin, Tier, USER, User, host_root};
use freehold_wire::order::{Egress, Order, ProjectRef, ProviderSpec};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::execute::archive;
use crate::failure::{Halt, because};
use crate::follow::Rules;
use crate::options::RunnerEnv;
use crate::places::Places;
use crate::report::Report;

/// The root of the workspace inside.
pub(crate) const WORKSPACE: &str = "/workspace";
/// The store's objects inside.
pub(crate) const OBJECTS: &str = "/freehold/objects";
/// How long the package clients' answer is good for: its owner rarely changes a configuration.
const LEARNED_FOR: Duration = Duration::from_secs(300);
/// One file that a run writes. A disk image of an agent's making is not what it is for.
const FILE_MAX: u64 = 16 << 30;
/// `/var/tmp` holds what a program does not trust to memory; some fail where there is none.
const VAR_TMP_BYTES: u64 = 1 << 30;

/// All certificates, where a registry has a log-in, among a process's things.
const CERTIFICATES: &str = "certificates.pem";

/// What the package clients of the host said, and when.
pub(crate) type Learned = tokio::sync::Mutex<Option<(Instant, Arc<Registries>)>>;

/// What surroundings are made from: a running runner has one, and so has a command without a run.
#[derive(Clone, Copy)]
pub(crate) struct Site<'a> {
    /// The runner's own folder: sockets and scratch lie below it.
    pub(crate) data: &'a Path,
    pub(crate) environment: &'a RunnerEnv,
    pub(crate) init: &'a Init,
    pub(crate) registries: &'a Learned,
    pub(crate) entropy: &'a dyn Entropy,
}

/// The host as toolchains and registries look at it.
pub(crate) fn host(site: Site<'_>) -> Host {
    let text = |value: &OsString| value.to_str().map(str::to_owned);
    Host {
        path: site.environment.path().to_string_lossy().into_owned(),
        home: site.environment.home(),
        env: site
            .environment
            .all()
            .iter()
            .filter_map(|(name, value)| Some((text(name)?, text(value)?)))
            .collect(),
    }
}

/// The host's tools, and what the agent's owner named with `--path`; what they write goes into the
/// home among `places`.
pub(crate) async fn tools(
    site: Site<'_>,
    places: &Places,
    named: &[String],
) -> Result<Toolchains, Halt> {
    let (host, home) = (host(site), places.home.clone());
    let named: Vec<PathBuf> = named.iter().map(PathBuf::from).collect();
    let found = tokio::task::spawn_blocking(move || toolchain::find(&host, &home, &named));
    let found = found.await.map_err(std::io::Error::other)?;
    found.map_err(|error| because(Reason::AgentMissing, &error))
}

/// The registries of the host's package clients; asked at most every few minutes.
pub(crate) async fn registries(
    site: Site<'_>,
    cancel: &CancellationToken,
) -> Result<Arc<Registries>, Halt> {
    let mut learned = site.registries.lock().await;
    if let Some((at, known)) = &*learned
        && at.elapsed() < LEARNED_FOR
    {
        return Ok(known.clone());
    }
    let found = Registries::learn(&host(site), &site.data.join("scratch"), cancel)
        .await
        .map_err(|error| because(Reason::Internal, &error))?;
    if cancel.is_cancelled() {
        return Err(Halt::Stopped);
    }
    let found = Arc::new(found);
    *learned = Some((Instant::now(), found.clone()));
    Ok(found)
}

/// A socket's path that is short enough for the kernel (108 bytes) wherever the data lies.
pub(crate) fn socket(site: Site<'_>) -> PathBuf {
    let name: [u8; 8] = random(site.entropy);
    site.data
        .join("s")
        .join(format!("{:016x}", u64::from_be_bytes(name)))
}

/// A way out, while it lives.
pub(crate) struct WayOut {
    proxy: Arc<Proxy>,
    /// Follows the policy file for as long.
    _follows: DropGuard,
    pub(crate) port: Port,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) home_files: BTreeMap<PathBuf, String>,
}

impl WayOut {
    /// Ends it, and says what went through.
    pub(crate) async fn end(self) -> egress::Log {
        self.proxy.close().await
    }
}

/// Opens the way out that setup and checks have under `egress`; none where it opens nothing.
/// `file` is the project file of a base that no agent wrote.
pub(crate) async fn way_out(
    site: Site<'_>,
    places: &Places,
    egress: Egress,
    lock_files: BTreeMap<String, Vec<u8>>,
    file: &ProjectFile,
    cancel: &CancellationToken,
) -> Result<Option<WayOut>, Halt> {
    if egress == Egress::None {
        return Ok(None);
    }
    let mut known = registries(site, cancel).await?;
    if file.apt {
        // Few ask for it: it is learned anew each time.
        let scratch = site.data.join("scratch");
        let apt = Registries::learn_apt(&host(site), &scratch, cancel).await;
        let apt = apt.map_err(|error| because(Reason::Internal, &error))?;
        known = Arc::new(known.and(&apt));
    }
    let known = opened(known, lock_files, &file.allow).await?;
    let policy = match egress {
        Egress::Open => Policy::Open(known.allow.clone()),
        _ => known.policy(),
    };
    let authority = known.authority();
    let authority = authority.map_err(|error| because(Reason::Sandbox, &error))?;
    let known = match &authority {
        Some(authority) => known.trusting(authority, &places.things.join(CERTIFICATES)),
        None => Arc::unwrap_or_clone(known),
    };
    Ok(Some(WayOut {
        env: known.environment(places.ports.proxy),
        mounts: known.mounts,
        home_files: known.home_files,
        ..open(site, places, policy, authority)?
    }))
}

/// What is known of registries, with what lock files and a project's own list add. Files of tens of
/// megabytes take seconds to parse, in which no other run is to wait.
///
/// # Errors
/// The parser broke down.
pub(crate) async fn opened(
    known: Arc<Registries>,
    lock_files: BTreeMap<String, Vec<u8>>,
    allow: &[HostPort],
) -> Result<Arc<Registries>, Halt> {
    let parsed = tokio::task::spawn_blocking(move || {
        let files = lock_files.iter();
        known.with_lock_files(files.map(|(path, bytes)| (path.as_str(), bytes.as_slice())))
    });
    let known = parsed.await.map_err(std::io::Error::other)?;
    Ok(Arc::new(known.with_project(allow)))
}

/// Opens any public address, for an agent whose order says so.
pub(crate) fn open_way_out(site: Site<'_>, places: &Places) -> Result<WayOut, Halt> {
    open(site, places, Policy::Open(vec![]), None)
}

fn open(
    site: Site<'_>,
    places: &Places,
    policy: Policy,
    authority: Option<egress::Authority>,
) -> Result<WayOut, Halt> {
    let options = egress::Options {
        authority: authority.map(Arc::new),
        ..egress::Options::default()
    };
    let rules = Rules::read(site.data, policy);
    let proxy = Proxy::open(&socket(site), rules.policy(), options)
        .map_err(|error| because(Reason::Sandbox, &error))?;
    let proxy = Arc::new(proxy);
    let direct: Vec<String> = egress::LOOPBACK
        .iter()
        .map(|name| (*name).to_owned())
        .collect();
    Ok(WayOut {
        port: Port {
            port: places.ports.proxy,
            socket: proxy.socket().to_owned(),
        },
        env: proxy_env(places.ports.proxy, &direct),
        mounts: vec![],
        home_files: BTreeMap::new(),
        _follows: rules.follow(&proxy),
        proxy,
    })
}

/// The folders of one sandboxed tree on the host.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    pub(crate) work: PathBuf,
    pub(crate) scratch: PathBuf,
    pub(crate) home: PathBuf,
    /// What is known of a working tree that other runs worked in before; none for one of its own.
    pub(crate) shared: Option<PathBuf>,
}

impl Folder {
    pub(crate) fn below(dir: &Path) -> Self {
        Self {
            work: dir.join("work"),
            scratch: dir.join("scratch"),
            home: dir.join("home"),
            shared: None,
        }
    }
}

/// How the git directory is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Git {
    /// Can be read.
    Read,
    /// Can be written: it is the agent's.
    Write,
}

/// A sandbox in which nothing is started yet: the tree, the tools, no way out.
pub(crate) fn spec(
    site: Site<'_>,
    tools: &Toolchains,
    folder: &Folder,
    objects: &Path,
    places: &Places,
    git: Git,
) -> Spec {
    // Without a sandbox the host's own root is there, and nothing is laid over it.
    let mut mounts = match places.are_host_s() {
        true => Vec::new(),
        false => host_root(),
    };
    mounts.push(match &places.tmp {
        None => Mount::Tmpfs {
            target: "/var/tmp".into(),
            size_bytes: VAR_TMP_BYTES,
        },
        Some(tmp) => Mount::ReadWrite {
            source: tmp.clone(),
            target: tmp.clone(),
        },
    });
    mounts.extend(tools.mounts.iter().cloned());
    mounts.push(Mount::ReadWrite {
        source: folder.work.clone(),
        target: places.workspace.clone(),
    });
    let target = places.git_dir.clone();
    let source = folder.scratch.clone();
    mounts.push(match git {
        Git::Read => Mount::ReadOnly { source, target },
        Git::Write => Mount::ReadWrite { source, target },
    });
    mounts.push(Mount::ReadOnly {
        source: objects.to_owned(),
        target: places.objects.clone(),
    });
    mounts.push(Mount::ReadWrite {
        source: folder.home.clone(),
        target: places.home.clone(),
    });
    let mut env: BTreeMap<OsString, OsString> = BTreeMap::new();
    for (name, value) in &tools.env {
        env.insert(name.into(), value.into());
    }
    let temporary = places.tmp.as_ref().map(|tmp| ("TMPDIR", tmp.into()));
    let words: [(&str, OsString); 4] = [
        ("PATH", path(site, tools, places).into()),
        ("HOME", places.home.clone().into()),
        ("USER", USER.into()),
        ("LANG", "C.UTF-8".into()),
    ];
    for (name, value) in words.into_iter().chain(temporary) {
        env.insert(name.into(), value);
    }
    Spec {
        tier: Tier::Sandbox,
        program: "sh".into(),
        args: vec![],
        env,
        cwd: places.workspace.clone(),
        mounts,
        ports: vec![],
        limits: Limits {
            file_bytes: Some(FILE_MAX),
            ..Limits::default()
        },
        stdin: Stdin::Null,
        terminal: None,
        image: None,
        hypervisor: None,
        runtime: None,
        user: User::Own,
        init: site.init.clone(),
    }
}

/// The search path. Without a sandbox nothing of the owner's is out of sight: it is found in their order,
/// after what the run's own home has.
pub(crate) fn path(site: Site<'_>, tools: &Toolchains, places: &Places) -> String {
    if !places.are_host_s() {
        return tools.path_value();
    }
    let (own, shown): (Vec<PathBuf>, Vec<PathBuf>) = tools
        .path
        .iter()
        .cloned()
        .partition(|entry| entry.starts_with(&places.home));
    let theirs = std::env::split_paths(site.environment.path()).filter(|entry| entry.is_absolute());
    let mut seen = std::collections::BTreeSet::new();
    let all = own.into_iter().chain(theirs).chain(shown);
    let all: Vec<String> = all
        .filter(|entry| seen.insert(entry.clone()))
        .map(|entry| entry.to_string_lossy().into_owned())
        .collect();
    all.join(":")
}

/// The sandbox of setup, of checks, and of a command without a run: with a way out and its files.
pub(crate) fn chore(
    site: Site<'_>,
    tools: &Toolchains,
    folder: &Folder,
    objects: &Path,
    places: &Places,
    git: Git,
    way: Option<&WayOut>,
) -> Result<Spec, Halt> {
    if let Some(way) = way {
        for (path, text) in &way.home_files {
            archive::place(&folder.home, path, text.as_bytes(), 0o600)?;
        }
    }
    let mut spec = spec(site, tools, folder, objects, places, git);
    connect(&mut spec, way);
    spec.env.insert("CI".into(), "true".into());
    Ok(spec)
}

/// Where steps of a project start, in a workspace that is seen at `root`.
pub(crate) fn start(root: &Path, project: &ProjectRef) -> PathBuf {
    match &project.directory {
        Some(directory) => root.join(directory.as_str()),
        None => root.to_owned(),
    }
}

/// Says where a process is: whose project, where it comes from, in which folder of it. Nothing of it
/// is secret: an address that holds a password is no [`freehold_git::Remote`].
pub(crate) fn describe(spec: &mut Spec, order: &Order) {
    spec.cwd = start(&spec.cwd, &order.project);
    for (name, value) in [
        ("TENANT_ID", order.tenant.to_string()),
        ("PROJECT_ID", order.project.id.to_string()),
        ("GITHUB_REPO_URL", order.project.remote.clone()),
    ] {
        spec.env.insert(name.into(), value.into());
    }
}

/// Says which models an agent was given: the provider's name, its kind and the model, as JSON. The way
/// to it and its token are the driver's.
pub(crate) fn describe_models(spec: &mut Spec, provider: Option<&ProviderSpec>) {
    if let Some(provider) = provider {
        let context = json!({
            "provider": provider.name, "kind": provider.kind, "model": provider.model,
        });
        spec.env
            .insert("BYOA_PROVIDER_CONTEXT".into(), context.to_string().into());
    }
}

/// Adds a way out.
pub(crate) fn connect(spec: &mut Spec, way: Option<&WayOut>) {
    let Some(way) = way else { return };
    spec.ports.push(way.port.clone());
    spec.mounts.extend(way.mounts.iter().cloned());
    for (name, value) in &way.env {
        spec.env.insert(name.into(), value.into());
    }
}

/// Closes a way out and says what went through it; names what was refused, for whoever wonders why
/// setup failed.
pub(crate) async fn close(
    report: &Report,
    step: &str,
    way: Option<WayOut>,
) -> Result<Vec<String>, Halt> {
    let Some(way) = way else { return Ok(vec![]) };
    let log = way.end().await;
    let total = log.total();
    if total.connections > 0 {
        let meta = json!({
            "step": step, "connections": total.connections, "refused": total.refused,
            "up": total.up, "down": total.down,
        });
        report.state("egress", meta, Some(told(&log))).await?;
    }
    let refused = log.refused();
    Ok(refused
        .map(|(entry, why)| format!("{}:{} was refused: {why}", entry.host, entry.port))
        .collect())
}

/// Destinations that one event tells apart: what a person reads, and far below a frame's bound.
const TOLD: usize = 100;

/// Where a step went, for people: hosts are content.
fn told(log: &egress::Log) -> Value {
    let log = log.shortened(TOLD);
    let entries = log.entries.iter().map(|entry| {
        let why = match entry.verdict {
            Verdict::Refused(why) => Some(why.to_string()),
            _ => None,
        };
        json!({
            "host": entry.host, "port": entry.port, "verdict": entry.verdict.word(), "why": why,
            "connections": entry.connections, "up": entry.up, "down": entry.down,
        })
    });
    json!({ "entries": entries.collect::<Vec<_>>(), "beyond": log.beyond })
}
