//! Starts shell lines in each tier and waits for what they say.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use freehold_sandbox::{
    Child, Exit, Init, Limits, Mount, Runtime, SandboxError, Spec, Stdin, Tier, host_root, start,
};
use tokio::io::AsyncReadExt;

/// For one command on a machine that does much else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The helper that this crate builds.
pub(crate) fn init() -> Init {
    let program = std::env::var_os("FREEHOLD_TEST_INIT")
        .unwrap_or_else(|| env!("CARGO_BIN_EXE_freehold-sandbox-init").into());
    Init {
        program: program.into(),
        args: Vec::new(),
    }
}

/// The runtime of containers that this run of the tests is about: `FREEHOLD_TEST_RUNTIME`; where it is
/// not set, the one that a product takes.
pub(crate) fn runtime() -> Option<Runtime> {
    let named = std::env::var("FREEHOLD_TEST_RUNTIME").ok()?;
    let known = [Runtime::Runc, Runtime::Crun, Runtime::Runsc];
    Some(
        known
            .into_iter()
            .find(|known| known.name() == named)
            .unwrap(),
    )
}

/// Whether programs in its containers meet a kernel of the runtime's own.
pub(crate) fn has_own_kernel() -> bool {
    runtime() == Some(Runtime::Runsc)
}

/// A workspace of its own, with the system around it.
pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) spec: Spec,
}

/// What a command said and how it ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) exit: Exit,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Done {
    pub(crate) fn code(&self) -> i32 {
        self.exit.code.unwrap_or(-1)
    }

    /// What it said, when it ended well; the whole story in the panic if not.
    #[track_caller]
    pub(crate) fn good(&self) -> &str {
        assert_eq!(self.exit.code, Some(0), "{self:?}");
        self.stdout.trim_end()
    }

    /// It ran, it was refused, and not because a command or file of the test was missing.
    #[track_caller]
    pub(crate) fn refused(&self, reason: &str) {
        assert!(
            self.exit.code.is_some_and(|code| code != 0 && code != 127),
            "{self:?}"
        );
        assert!(self.stderr.contains(reason), "not `{reason}`: {self:?}");
    }
}

impl Bench {
    /// In a sandboxed tier the workspace is `/workspace`; in a plain tier it is where it is.
    pub(crate) fn new(tier: Tier) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().join("workspace");
        std::fs::create_dir(&workspace).unwrap();
        let mut mounts = host_root();
        mounts.push(Mount::ReadWrite {
            source: workspace.clone(),
            target: "/workspace".into(),
        });
        let cwd = if tier.is_sandboxed() {
            "/workspace".into()
        } else {
            workspace
        };
        let env = [
            ("PATH", "/usr/bin:/bin"),
            ("HOME", "/tmp"),
            ("LC_ALL", "C.UTF-8"),
        ];
        let spec = Spec {
            tier,
            program: "sh".into(),
            args: Vec::new(),
            env: env
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect::<BTreeMap<_, _>>(),
            cwd,
            mounts,
            ports: Vec::new(),
            limits: Limits::default(),
            stdin: Stdin::Null,
            terminal: None,
            image: None,
            hypervisor: None,
            runtime: runtime(),
            user: freehold_sandbox::User::Own,
            init: init(),
        };
        Self { folder, spec }
    }

    pub(crate) fn sandbox() -> Self {
        Self::new(Tier::Sandbox)
    }

    pub(crate) fn plain() -> Self {
        Self::new(Tier::None)
    }

    /// The workspace as the host sees it.
    pub(crate) fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    pub(crate) fn command<A: Into<OsString>>(
        &self,
        program: &str,
        args: impl IntoIterator<Item = A>,
    ) -> Spec {
        let args = args.into_iter().map(Into::into).collect();
        Spec {
            program: program.into(),
            args,
            ..self.spec.clone()
        }
    }

    pub(crate) fn line(&self, line: &str) -> Spec {
        self.command("sh", ["-c", line])
    }

    /// Runs a shell line to its end.
    pub(crate) async fn sh(&self, line: &str) -> Done {
        run(&self.line(line)).await.unwrap()
    }

    pub(crate) async fn start(&self, line: &str) -> Child {
        start(&self.line(line)).await.unwrap()
    }
}

/// Runs to the end, reading both outputs.
pub(crate) async fn run(spec: &Spec) -> Result<Done, SandboxError> {
    finish(start(spec).await?).await
}

pub(crate) async fn finish(mut child: Child) -> Result<Done, SandboxError> {
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let all = async {
        let (read_out, read_err, exit) = tokio::join!(
            stdout.read_to_end(&mut out),
            stderr.read_to_end(&mut err),
            child.wait()
        );
        read_out.unwrap();
        read_err.unwrap();
        exit
    };
    let exit = tokio::time::timeout(PATIENCE, all)
        .await
        .expect("the command did not end")?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Done {
        exit,
        stdout: text(out),
        stderr: text(err),
    })
}

/// Waits for a condition, with a deadline.
#[track_caller]
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The processes of the host whose arguments or environment hold `mark`.
pub(crate) fn marked(mark: &str) -> Vec<i32> {
    let holds = |path: PathBuf| {
        std::fs::read(path)
            .is_ok_and(|text| text.windows(mark.len()).any(|part| part == mark.as_bytes()))
    };
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid: &i32| {
            let folder = Path::new("/proc").join(pid.to_string());
            holds(folder.join("cmdline")) || holds(folder.join("environ"))
        })
        .collect()
}

/// The host's mounts of something of `bench`. Other tests, with mounts of their own, run beside this one.
pub(crate) fn mounts_of(bench: &Bench) -> usize {
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let folder = bench.folder.path().to_str().unwrap();
    table.lines().filter(|line| line.contains(folder)).count()
}

/// The folders of containers that show something of `bench`.
pub(crate) fn bundles(bench: &Bench) -> Vec<PathBuf> {
    folders_of(bench.folder.path().to_str().unwrap())
}

/// The folders of containers that show something whose path holds `mark`.
pub(crate) fn folders_of(mark: &str) -> Vec<PathBuf> {
    let user = nix::unistd::geteuid();
    let bases = ["/run".into(), format!("/run/user/{user}"), "/tmp".into()];
    let all = bases
        .iter()
        .filter_map(|base| std::fs::read_dir(base).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().contains("/freehold-container-"));
    all.filter(|path| {
        std::fs::read_to_string(path.join("config.json")).is_ok_and(|text| text.contains(mark))
    })
    .collect()
}

/// The control groups of containers, of whichever hierarchy, whose folder is gone.
pub(crate) fn stray_groups() -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from("/sys/fs/cgroup")];
    let mut at = 0;
    while let Some(folder) = found.get(at).cloned() {
        at += 1;
        let below = std::fs::read_dir(folder).into_iter().flatten().flatten();
        found.extend(
            below
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                .map(|entry| entry.path()),
        );
    }
    let ours = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("freehold-container-") && !Path::new("/run").join(&*name).exists()
    };
    found.into_iter().filter(ours).collect()
}
