//! The host as it is, sandboxes around a work tree, and what commands in them said.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use freehold_environment::egress::{Log, Options, Policy, Proxy};
use freehold_environment::registries::Registries;
use freehold_environment::toolchain::{self, Host};
use freehold_sandbox::{
    Child, HOME, Init, Limits, Mount, Port, Spec, Stdin, Tier, host_root, start,
};
use tokio::io::AsyncReadExt as _;
use tokio_util::sync::CancellationToken;

/// For one command on a machine that does much else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);
/// Where the proxy listens inside.
const PORT: u16 = 3128;

/// The owner of this machine: the one place where tests read the process's environment.
#[expect(
    clippy::disallowed_methods,
    reason = "real clients need the real PATH, HOME and settings"
)]
pub(crate) fn host() -> Host {
    let env: BTreeMap<String, String> = std::env::vars().collect();
    let of = |name: &str| env.get(name).cloned().unwrap_or_default();
    Host {
        path: of("PATH"),
        home: of("HOME").into(),
        env,
    }
}

/// Whether a client is there; a test of a client that is absent has nothing to show.
pub(crate) fn has(program: &str) -> bool {
    host()
        .path
        .split(':')
        .any(|folder| Path::new(folder).join(program).is_file())
}

/// Built by `cargo test` beside the tests.
fn init() -> Init {
    let tests = std::env::current_exe().unwrap();
    let program = tests
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("examples/sandbox-init");
    assert!(
        program.is_file(),
        "{} is missing: run cargo test without --test",
        program.display()
    );
    Init {
        program,
        args: Vec::new(),
    }
}

/// A work tree and a home, as a runner lays them out for one run.
pub(crate) struct Bench {
    dir: tempfile::TempDir,
}

/// What a command said, how it ended, and what went out.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) text: String,
    pub(crate) log: Log,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["work", "home", "scratch"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        Self { dir }
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    pub(crate) fn file(&self, path: &str, text: &str) {
        let path = self.work().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) async fn learn(&self, host: &Host) -> Registries {
        Registries::learn(
            host,
            &self.dir.path().join("scratch"),
            &CancellationToken::new(),
        )
        .await
        .unwrap()
    }

    /// Runs a shell line in the sandbox, behind a proxy with this policy.
    pub(crate) async fn sh(&self, registries: &Registries, policy: Policy, line: &str) -> Done {
        let (proxy, child) = self.begin(registries, policy, line).await;
        let (code, text) = end(child).await;
        Done {
            code,
            text,
            log: proxy.close().await,
        }
    }

    /// Starts a shell line in the sandbox. What the registries need is laid out as a runner does it.
    pub(crate) async fn begin(
        &self,
        registries: &Registries,
        policy: Policy,
        line: &str,
    ) -> (Proxy, Child) {
        let socket = self.dir.path().join("egress.sock");
        let authority = registries.authority().unwrap();
        let registries = match &authority {
            Some(authority) => {
                registries.trusting(authority, "/freehold/certificates.pem".as_ref())
            }
            None => registries.clone(),
        };
        let options = Options {
            authority: authority.map(Arc::new),
            ..Options::default()
        };
        let proxy = Proxy::open(&socket, policy, options).unwrap();
        let tools = toolchain::find(&host(), Path::new(HOME), &[]).unwrap();
        for (path, text) in &registries.home_files {
            let path = self.home().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let spec = self.spec(&registries, &tools, socket, line);
        (proxy, start(&spec).await.unwrap())
    }

    fn spec(
        &self,
        registries: &Registries,
        tools: &toolchain::Toolchains,
        socket: PathBuf,
        line: &str,
    ) -> Spec {
        let mut mounts = host_root();
        mounts.extend(tools.mounts.clone());
        mounts.extend(registries.mounts.clone());
        mounts.push(Mount::ReadWrite {
            source: self.work(),
            target: "/workspace".into(),
        });
        mounts.push(Mount::ReadWrite {
            source: self.home(),
            target: HOME.into(),
        });
        let mut env = tools.env.clone();
        env.extend(registries.environment(PORT));
        env.extend([
            ("HOME".into(), HOME.into()),
            ("PATH".into(), tools.path_value()),
        ]);
        Spec {
            tier: Tier::Sandbox,
            program: "sh".into(),
            args: vec!["-c".into(), line.into()],
            env: env
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            cwd: "/workspace".into(),
            mounts,
            ports: vec![Port { port: PORT, socket }],
            limits: Limits::default(),
            stdin: Stdin::Null,
            terminal: None,
            image: None,
            hypervisor: None,
            runtime: None,
            user: freehold_sandbox::User::Own,
            init: init(),
        }
    }
}

/// Waits for the end; the exit code and what was said.
pub(crate) async fn end(mut child: Child) -> (i32, String) {
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
        exit.unwrap()
    };
    let exit = tokio::time::timeout(PATIENCE, all)
        .await
        .expect("the command did not end");
    out.extend(err);
    (
        exit.code.unwrap_or(-1),
        String::from_utf8_lossy(&out).into_owned(),
    )
}
