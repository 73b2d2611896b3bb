//! The programs that the tests of this crate need beside them. `program init` is the sandbox's first
//! process, `program loop` the built-in agent, `program serve DATA URL` an enrolled runner that a
//! test can kill.
#![expect(clippy::expect_used, reason = "a test's program fails by panicking")]

use std::fs::File;
use std::process::ExitCode;
use std::sync::{Arc, LazyLock};

use chrono::{DateTime, Utc};
use freehold_model::{Clock, Entropy};
use freehold_runner::{AgentHelper, Options, Pace, Runner};
use freehold_sandbox::Init;
use tokio_util::sync::CancellationToken;

struct Now;
impl Clock for Now {
    #[expect(
        clippy::disallowed_methods,
        reason = "where a program starts, time comes in"
    )]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

struct Random;
impl Entropy for Random {
    fn fill(&self, buffer: &mut [u8]) {
        use std::io::Read as _;
        // Open for good, as the program's own needs no file: one more could not be had without any left.
        static SOURCE: LazyLock<File> =
            LazyLock::new(|| File::open("/dev/urandom").expect("a kernel"));
        (&*SOURCE).read_exact(buffer).expect("a kernel");
    }
}

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next().as_deref().and_then(|word| word.to_str()) {
        Some("mcp") => freehold_agents::mcp::main(args),
        Some("loop") => freehold_agents::builtin::main(),
        Some("init") => freehold_sandbox::init::main(args),
        Some("serve") => serve(args),
        _ => ExitCode::from(2),
    }
}

fn serve(mut args: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    let data = args.next().expect("a data directory").into();
    let server = args
        .next()
        .and_then(|url| url.into_string().ok())
        .expect("a URL");
    let program = std::env::current_exe().expect("a program");
    let options = Options {
        data,
        server: server.parse().expect("a URL"),
        name: "test".into(),
        labels: Default::default(),
        capacity: 2,
        environment: [("PATH", "/usr/local/bin:/usr/bin:/bin")]
            .into_iter()
            .collect(),
        git: Default::default(),
        init: Init {
            program: program.clone(),
            args: vec!["init".into()],
        },
        agent_helper: AgentHelper {
            program,
            args: vec!["loop".into()],
            mcp_args: vec!["mcp".into()],
        },
        drain: freehold_runner::DRAIN,
        pace: Pace::default(),
        clock: Arc::new(Now),
        entropy: Arc::new(Random),
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let runner = Runner::build(options).await.expect("a runner");
        runner
            .run(CancellationToken::new())
            .await
            .expect("a server");
    });
    ExitCode::SUCCESS
}
