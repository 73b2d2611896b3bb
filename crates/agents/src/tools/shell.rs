//! A command of the model's.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::libc;
use nix::pty::{OpenptyResult, Winsize, openpty};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncReadExt, Interest};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{OUTPUT_BYTES_MAX, cut};

/// Long enough for most test suites; the model can ask for more.
const TIMEOUT_SECONDS: u64 = 120;
const TIMEOUT_SECONDS_MAX: u64 = 900;
/// What a command leaves running in the background may hold its pipes open. It is not waited for.
const LINGER: Duration = Duration::from_millis(500);

/// Runs `sh -c command`. A command that fails is no failed call: the model reads the exit code.
/// Dropping the future ends the command and all of its group.
pub(super) async fn run(
    root: &Path,
    command: &str,
    seconds: Option<u64>,
    terminal: bool,
) -> Result<String, String> {
    let seconds = seconds
        .unwrap_or(TIMEOUT_SECONDS)
        .clamp(1, TIMEOUT_SECONDS_MAX);
    let begun = if terminal {
        start_on_terminal(root, command)
    } else {
        start(root, command)
    };
    let (mut child, screen) = begun.map_err(|error| format!("sh cannot be started: {error}"))?;
    let mut group = Group::of(&child);
    let (mut out, mut err, mut shown) = (Kept::default(), Kept::default(), Kept::default());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let reading = async {
        tokio::join!(
            read(stdout, &mut out),
            read(stderr, &mut err),
            read_screen(screen, &mut shown)
        )
    };
    let watching = async {
        let status = timeout(Duration::from_secs(seconds), child.wait()).await;
        if status.is_ok() {
            group.over();
        } else {
            group.end();
        }
        status.ok().transpose()
    };
    let status = until_quiet(watching, reading).await;
    let head = match status.map_err(|error| format!("sh cannot be followed: {error}"))? {
        None => format!("timed out after {seconds} s and was killed"),
        Some(status) => match status.code() {
            Some(code) => format!("exit code {code}"),
            None => "ended by a signal".to_owned(),
        },
    };
    Ok(told(
        &head,
        &[("stdout", &out), ("stderr", &err), ("terminal", &shown)],
    ))
}

/// Waits for the end of the command, and for the end of its output a little longer.
async fn until_quiet<T>(ending: impl Future<Output = T>, reading: impl Future) -> T {
    tokio::pin!(ending, reading);
    let mut read = false;
    let ended = loop {
        tokio::select! {
            ended = &mut ending => break ended,
            _ = &mut reading, if !read => read = true,
        }
    };
    if !read {
        let _ = timeout(LINGER, reading).await;
    }
    ended
}

/// All that a command started and that did not leave its group. Dropped before its end, it is ended.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.map(Pid::from_raw))
    }

    /// The command itself has ended. What it left in the background may go on: a server, say.
    fn over(&mut self) {
        self.0 = None;
    }

    fn end(&mut self) {
        if let Some(group) = self.0.take() {
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

/// Our end of a terminal. Not a file of the runtime's: its threads would wait for a command that
/// was left in the background.
type Screen = AsyncFd<OwnedFd>;

fn sh(root: &Path, command: &str) -> Command {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is inside the sandbox already"
    )]
    let mut sh = Command::new("sh");
    sh.args(["-c", command])
        .current_dir(root)
        .kill_on_drop(true);
    sh
}

fn start(root: &Path, command: &str) -> io::Result<(Child, Option<Screen>)> {
    let mut sh = sh(root, command);
    sh.process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Ok((sh.spawn()?, None))
}

/// The command leads a session of its own, and the terminal is its controlling one, so that what
/// looks for a terminal finds one. Nobody types: reading from it gives its end.
fn start_on_terminal(root: &Path, command: &str) -> io::Result<(Child, Option<Screen>)> {
    let size = Winsize {
        ws_row: 24,
        ws_col: 120,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let OpenptyResult { master, slave } = openpty(&size, None)?;
    for end in [&master, &slave] {
        fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    }
    let mut sh = sh(root, command);
    sh.stdin(Stdio::from(slave.try_clone()?))
        .stdout(Stdio::from(slave.try_clone()?))
        .stderr(Stdio::from(slave));
    #[expect(
        unsafe_code,
        reason = "between fork and exec; it makes two system calls and allocates nothing"
    )]
    unsafe {
        sh.pre_exec(|| {
            nix::unistd::setsid()?;
            match libc::ioctl(0, libc::TIOCSCTTY, 0) {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        });
    }
    let child = sh.spawn()?;
    // Whoever reads is at the end at once: end of transmission, at the beginning of a line.
    nix::unistd::write(&master, b"\x04")?;
    fcntl(
        &master,
        FcntlArg::F_SETFL(OFlag::O_RDWR | OFlag::O_NONBLOCK),
    )?;
    #[expect(
        unsafe_code,
        reason = "an owned descriptor stays the same file and open until it is dropped"
    )]
    let screen = unsafe { AsyncFd::register_with_interest(master, Interest::READABLE) }?;
    Ok((child, Some(screen)))
}

fn told(head: &str, streams: &[(&str, &Kept)]) -> String {
    let mut text = head.to_owned();
    for (name, kept) in streams {
        if kept.total > 0 {
            text.push_str(&format!("\n--- {name} ---\n{}", kept.text()));
        }
    }
    text
}

/// The beginning and the end of a stream.
#[derive(Default)]
struct Kept {
    head: Vec<u8>,
    tail: Vec<u8>,
    total: usize,
}

impl Kept {
    const HALF: usize = OUTPUT_BYTES_MAX / 2;

    fn extend(&mut self, mut bytes: &[u8]) {
        self.total += bytes.len();
        let room = (Self::HALF - self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        bytes = &bytes[room..];
        self.tail.extend_from_slice(bytes);
        if self.tail.len() > 2 * Self::HALF {
            self.tail.drain(..self.tail.len() - Self::HALF);
        }
    }

    fn text(&self) -> String {
        let lost = self.total - self.head.len() - self.tail.len();
        if lost == 0 {
            return cut(&[&self.head[..], &self.tail[..]].concat());
        }
        let (head, tail) = (
            String::from_utf8_lossy(&self.head),
            String::from_utf8_lossy(&self.tail),
        );
        format!("{head}\n[… {lost} bytes left out …]\n{tail}")
    }
}

async fn read(from: Option<impl AsyncRead + Unpin>, kept: &mut Kept) {
    let Some(mut from) = from else { return };
    let mut buffer = vec![0; 8192];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        kept.extend(&buffer[..read]);
    }
}

/// To the end, which a terminal tells by an error: nobody has the other end open any more.
async fn read_screen(screen: Option<Screen>, kept: &mut Kept) {
    let Some(screen) = screen else { return };
    let mut buffer = vec![0; 8192];
    while let Ok(mut ready) = screen.readable().await {
        match ready.try_io(|fd| Ok(nix::unistd::read(fd, &mut buffer)?)) {
            Ok(Ok(read @ 1..)) => kept.extend(&buffer[..read]),
            Ok(_) => return,
            Err(_would_block) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn tells_code_and_both_outputs() {
        let dir = tempfile::tempdir().unwrap();
        let text = run(dir.path(), "echo out; echo err >&2; exit 3", None, false)
            .await
            .unwrap();
        assert_eq!(
            text,
            "exit code 3\n--- stdout ---\nout\n\n--- stderr ---\nerr\n"
        );
        assert_eq!(
            run(dir.path(), "true", None, false).await.unwrap(),
            "exit code 0"
        );
    }

    #[tokio::test]
    async fn a_flood_is_cut_in_the_middle() {
        let dir = tempfile::tempdir().unwrap();
        let text = run(
            dir.path(),
            "echo first; yes | head -c 20000000; echo last",
            None,
            false,
        )
        .await
        .unwrap();
        assert!(text.len() < 3 * OUTPUT_BYTES_MAX, "{}", text.len());
        assert!(
            text.contains("first")
                && text.trim_end().ends_with("last")
                && text.contains("bytes left out")
        );
    }

    #[tokio::test]
    async fn a_hang_is_ended_with_its_children() {
        let dir = tempfile::tempdir().unwrap();
        let text = run(
            dir.path(),
            "echo started; sleep 1000 & sleep 1000; echo never",
            Some(1),
            false,
        )
        .await
        .unwrap();
        assert_eq!(
            text,
            "timed out after 1 s and was killed\n--- stdout ---\nstarted\n"
        );
    }

    #[tokio::test]
    async fn what_runs_on_in_the_background_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let begin = Instant::now();
        let text = run(dir.path(), "sleep 20 & echo done", None, false)
            .await
            .unwrap();
        assert_eq!(text, "exit code 0\n--- stdout ---\ndone\n");
        assert!(begin.elapsed() < Duration::from_secs(15));
    }

    #[tokio::test]
    async fn a_terminal_is_one_when_it_is_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let command = "test -t 0 && test -t 1 && tty >/dev/null && cat && stty size && echo err >&2; (exit 4)";
        let text = run(dir.path(), command, None, true).await.unwrap();
        assert_eq!(text, "exit code 4\n--- terminal ---\n24 120\r\nerr\r\n");
        let plain = run(dir.path(), "test -t 1", None, false).await.unwrap();
        assert_eq!(plain, "exit code 1");
    }

    #[tokio::test]
    async fn a_call_that_is_given_up_leaves_nothing_running() {
        let dir = tempfile::tempdir().unwrap();
        let command = "sleep 1000 & echo $! > pid; wait";
        for terminal in [false, true] {
            let pid = dir.path().join("pid");
            let running = run(dir.path(), command, None, terminal);
            let written = async {
                while !std::fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n')) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::select! {
                ended = running => panic!("it ended: {ended:?}"),
                () = written => {}
            }
            let sleeper: i32 = std::fs::read_to_string(&pid)
                .unwrap()
                .trim()
                .parse()
                .unwrap();
            let begin = Instant::now();
            while nix::sys::signal::kill(Pid::from_raw(sleeper), None).is_ok() && !ended(sleeper) {
                assert!(
                    begin.elapsed() < Duration::from_secs(10),
                    "{sleeper} is still there"
                );
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            std::fs::remove_file(&pid).unwrap();
        }
    }

    /// A zombie that its new parent has not collected yet runs no more.
    fn ended(pid: i32) -> bool {
        std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .map_or(true, |stat| stat.contains(") Z "))
    }
}
