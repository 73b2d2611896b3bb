//! A command as a run would start it: same walls, same tools, same way out; no server needed.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use freehold_model::Entropy as _;
use freehold_runner::{Errand, Prepared, RunnerEnv};
use freehold_sandbox::{
    Child, Exit as Ended, Image, InForce, Init, Output, SandboxError, Spec, Stdin, Tier,
};
use nix::sys::signal::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use crate::SANDBOX_INIT;
use crate::environment::Environment;
use crate::failure::{Exit, Failure};
use crate::print::Printer;
use crate::print::sandbox::{document, unreached, verbose};
use crate::roles::process::Ends;
use crate::words::SandboxWords;
use crate::world::SystemEntropy;

/// What a shell and `env` say for these.
const NOT_STARTED: u8 = 125;
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;
const SIGNALLED: i32 = 128;
/// What one read of an output takes.
const READ: usize = 64 * 1024;

/// Runs it to its end and passes on how it ended.
pub(crate) fn sandbox(
    words: SandboxWords,
    environment: &Environment,
    printer: Printer,
) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let done = runtime.block_on(run(&words, environment, printer));
    // A read of standard input may still wait for a person.
    runtime.shutdown_background();
    match done {
        Ok(code) => Ok(ExitCode::from(code)),
        Err((code, failure)) => {
            printer.failure(&failure);
            Ok(ExitCode::from(code))
        }
    }
}

type Refused = (u8, Failure);

fn failed(code: &str, error: &(dyn std::error::Error + 'static), next: &str) -> Refused {
    (NOT_STARTED, Failure::caused(code, error, next))
}

async fn run(
    words: &SandboxWords,
    environment: &Environment,
    printer: Printer,
) -> Result<u8, Refused> {
    let private = Private::make(environment.runtime_dir.as_deref()).map_err(|error| {
        failed(
            "scratch",
            &error,
            "give TMPDIR a folder that can be written",
        )
    })?;
    let mut ends = Ends::listen().map_err(|failure| (NOT_STARTED, failure))?;
    let errand = errand(words, &private).map_err(|failure| (NOT_STARTED, failure))?;
    let cancel = CancellationToken::new();
    let prepared = tokio::select! {
        prepared = errand.prepare(&cancel) => prepared,
        () = ends.next() => return Ok(NOT_STARTED),
    };
    let mut prepared = prepared.map_err(|error| {
        let failure = Failure::new(
            Exit::Failed,
            error.reason.code(),
            error.detail,
            error.reason.next(),
        );
        (NOT_STARTED, failure)
    })?;
    dress(&mut prepared.spec, words).map_err(|failure| (NOT_STARTED, failure))?;
    let began = Instant::now();
    let started = freehold_sandbox::start(&prepared.spec).await;
    let mut child = started.map_err(|error| not_started(&error))?;
    let in_force = child.in_force().clone();
    let followed = Box::pin(follow(&mut child, &mut ends)).await;
    let seconds = began.elapsed().as_secs_f64();
    let (ended, heard) =
        followed.map_err(|error| failed("sandbox", &error, "see `freehold doctor`"))?;
    tell(words, printer, prepared, &in_force, &ended, seconds).await;
    Ok(code(&ended, heard))
}

/// A path without links and dots.
fn place(path: &Path) -> Result<PathBuf, Failure> {
    path.canonicalize().map_err(|error| {
        Failure::usage(
            format!("{}: {error}", path.display()),
            "name what is on this machine",
        )
    })
}

fn errand(words: &SandboxWords, private: &Private) -> Result<Errand, Failure> {
    let work = place(&words.dir)?;
    if !work.is_dir() {
        return Err(Failure::usage(
            format!("{} is not a folder", work.display()),
            "name the folder that the command works in",
        ));
    }
    let home = match &words.home {
        Some(home) => {
            fs::create_dir_all(home)?;
            place(home)?
        }
        None => private.path.join("home"),
    };
    let absolute = |path: &PathBuf| super::absolute(path);
    Ok(Errand {
        environment: Environment::variables().collect::<RunnerEnv>(),
        init: Init {
            program: std::env::current_exe()?,
            args: vec![SANDBOX_INIT.into()],
        },
        entropy: Arc::new(SystemEntropy),
        scratch: private.path.clone(),
        work,
        home,
        tier: words.tier.into(),
        egress: words.egress.into(),
        paths: words.paths.iter().map(absolute).collect::<Result<_, _>>()?,
    })
}

/// The command in place of a shell.
fn dress(spec: &mut Spec, words: &SandboxWords) -> Result<(), Failure> {
    if let Some((program, args)) = words.command.split_first() {
        spec.program.clone_from(program);
        spec.args = args.to_vec();
    }
    for (name, value) in &words.env {
        spec.env.insert(name.into(), value.into());
    }
    spec.stdin = Stdin::Piped;
    spec.runtime = words.runtime.map(Into::into);
    if let Some(folder) = &words.image {
        spec.image = Some(Image::Directory(place(folder)?));
    }
    if words.firecracker.is_some() && spec.tier != Tier::Vm {
        return Err(Failure::usage(
            "--firecracker runs a virtual machine, and none was asked for",
            "add --tier vm, or leave it out",
        ));
    }
    spec.hypervisor = words.firecracker.as_deref().map(place).transpose()?;
    Ok(())
}

fn not_started(error: &SandboxError) -> Refused {
    let (code, next) = match error {
        SandboxError::ProgramNotFound { .. } => (
            NOT_FOUND,
            "show where it is installed with --path, or give its path inside",
        ),
        SandboxError::ProgramNotExecutable { .. } => (NOT_EXECUTABLE, "check the file"),
        _ => (NOT_STARTED, "see `freehold doctor`"),
    };
    (code, Failure::caused("sandbox", error, next))
}

/// Passes on what is typed and printed until the command has ended. The first signal is passed on,
/// the second kills; which one was the first is told with the end.
async fn follow(
    child: &mut Child,
    ends: &mut Ends,
) -> Result<(Ended, Option<Signal>), SandboxError> {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let typing = child.stdin.take().map(|mut pipe| {
        tokio::spawn(async move {
            let mut stdin = tokio::io::stdin();
            // Whichever side closes first, the command hears an end.
            let _ = tokio::io::copy(&mut stdin, &mut pipe).await;
        })
    });
    let ended = async {
        let heard = tokio::select! {
            ended = child.wait() => return Ok((ended?, None)),
            heard = ends.which() => heard,
        };
        match heard {
            Signal::SIGINT => child.interrupt(),
            _ => child.terminate(),
        }
        let ended = tokio::select! {
            ended = child.wait() => ended?,
            () = ends.next() => {
                child.kill().await?;
                child.wait().await?
            }
        };
        Ok((ended, Some(heard)))
    };
    let (ended, (), ()) = tokio::join!(
        ended,
        pump(out, tokio::io::stdout()),
        pump(err, tokio::io::stderr())
    );
    if let Some(typing) = typing {
        typing.abort();
    }
    ended
}

/// Bytes as they come. Where nobody reads any more, the command hears of it as in any pipe.
async fn pump(from: Option<Output>, mut to: impl tokio::io::AsyncWrite + Unpin) {
    let Some(mut from) = from else { return };
    let mut buffer = vec![0; READ];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let told = to.write_all(&buffer[..read]).await;
        if told.is_err() || to.flush().await.is_err() {
            return;
        }
    }
}

/// What it ended with by itself. One that a signal ended says which: the one that was `heard` here,
/// where it was that.
fn code(ended: &Ended, heard: Option<Signal>) -> u8 {
    let signal = heard.map(|signal| signal as i32).or(ended.signal);
    let signalled = signal.map_or(1, |signal| SIGNALLED + signal);
    u8::try_from(ended.code.unwrap_or(signalled)).unwrap_or(1)
}

/// Says what was in force. A command that failed is told of what it could not reach in any case:
/// most clients hide what the proxy answered.
async fn tell(
    words: &SandboxWords,
    printer: Printer,
    prepared: Prepared,
    in_force: &InForce,
    ended: &Ended,
    seconds: f64,
) {
    let notes = prepared.notes.clone();
    let log = prepared.close().await;
    let text = match (printer.json, words.verbose) {
        (true, _) => document(in_force, ended, &log, &notes, seconds).to_string(),
        (false, true) => verbose(in_force, ended, &log, &notes, seconds),
        (false, false) if !ended.success() => unreached(&log).join("\n"),
        (false, false) => String::new(),
    };
    if !text.is_empty() {
        // There is no one left to tell.
        let _ = writeln!(io::stderr(), "{text}");
    }
}

/// A folder of this command's own, gone with it; with the next one, where this one was killed.
struct Private {
    path: PathBuf,
    /// Locked for as long as this process lives.
    _lock: File,
}

/// What the names of such folders begin with. Sixteen hexadecimal digits follow.
const PREFIX: &str = "freehold-";
/// Enough for who was killed often; the next command removes more.
const SWEPT_AT_ONCE: usize = 16;

impl Private {
    /// In the user's runtime directory, which goes with the session, or among temporary files.
    fn make(runtime_dir: Option<&Path>) -> io::Result<Self> {
        let mut name = [0; 8];
        SystemEntropy.fill(&mut name);
        let name = format!("{:016x}", u64::from_be_bytes(name));
        let parent = runtime_dir.map_or_else(std::env::temp_dir, Path::to_owned);
        sweep(&parent);
        // It has the name that others sweep only once it is locked.
        let unlocked = parent.join(format!("{PREFIX}new-{name}"));
        DirBuilder::new().mode(0o700).create(&unlocked)?;
        let lock = File::open(&unlocked)?;
        lock.lock()?;
        let path = parent.join(format!("{PREFIX}{name}"));
        fs::rename(&unlocked, &path)?;
        Ok(Self { path, _lock: lock })
    }
}

/// Removes what commands that were killed left in `parent`: folders of this user that nobody holds.
fn sweep(parent: &Path) {
    let all = fs::read_dir(parent).into_iter().flatten().flatten();
    let left = all.filter(|entry| {
        let name = entry.file_name();
        let digits = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        digits.is_some_and(|text| text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit()))
    });
    for entry in left.take(SWEPT_AT_ONCE) {
        let is_ours = entry
            .metadata()
            .is_ok_and(|found| found.is_dir() && found.uid() == nix::unistd::geteuid().as_raw());
        if is_ours && File::open(entry.path()).is_ok_and(|folder| folder.try_lock().is_ok()) {
            let _ = freehold_git::remove_tree(&entry.path());
        }
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        // The command may have filled it with anything: see there.
        let _ = freehold_git::remove_tree(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_the_commands_own_or_says_which_signal() {
        let ended = |code, signal| Ended {
            code,
            signal,
            usage: None,
            hit: None,
        };
        let codes = [(Some(7), None), (None, Some(9)), (None, None)];
        assert_eq!(codes.map(|(c, s)| code(&ended(c, s), None)), [7, 137, 1]);
        let interrupted = codes.map(|(c, s)| code(&ended(c, s), Some(Signal::SIGINT)));
        assert_eq!(interrupted, [7, 130, 130]);
    }

    #[test]
    fn a_private_folder_goes_even_when_parts_of_it_were_locked() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let private = Private::make(Some(dir.path())).unwrap();
        let path = private.path.clone();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        fs::create_dir_all(path.join("home/x/y")).unwrap();
        fs::write(path.join("home/x/y/z"), "z").unwrap();
        fs::set_permissions(path.join("home/x"), fs::Permissions::from_mode(0o000)).unwrap();
        drop(private);
        assert!(!path.exists());
    }
    #[test]
    fn what_a_killed_command_left_goes_with_the_next_one() {
        let dir = tempfile::tempdir().unwrap();
        let lives = Private::make(Some(dir.path())).unwrap();
        let left = dir.path().join("freehold-0123456789abcdef");
        fs::create_dir_all(left.join("home/x")).unwrap();
        for other in [
            "freehold-new-0123456789abcdef",
            "freehold-mine",
            "0123456789abcdef",
        ] {
            fs::create_dir(dir.path().join(other)).unwrap();
        }
        let next = Private::make(Some(dir.path())).unwrap();
        assert!(!left.exists());
        assert!(lives.path.exists() && next.path.exists());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 5);
    }
}
