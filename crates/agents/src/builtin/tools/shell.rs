//! A command of the model's.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{OUTPUT_BYTES_MAX, cut};

/// Long enough for most test suites; the model can ask for more.
const TIMEOUT_SECONDS: u64 = 120;
const TIMEOUT_SECONDS_MAX: u64 = 900;
/// What a command leaves running in the background may hold its pipes open. It is not waited for.
const LINGER: Duration = Duration::from_millis(500);

/// Runs `sh -c command`. A command that fails is no failed call: the model reads the exit code.
pub(super) async fn run(
    root: &Path,
    command: &str,
    seconds: Option<u64>,
) -> Result<String, String> {
    let seconds = seconds
        .unwrap_or(TIMEOUT_SECONDS)
        .clamp(1, TIMEOUT_SECONDS_MAX);
    let mut child =
        start(root, command).map_err(|error| format!("sh cannot be started: {error}"))?;
    let group = child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .map(Pid::from_raw);
    let (mut out, mut err) = (Kept::default(), Kept::default());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let reading = async { tokio::join!(read(stdout, &mut out), read(stderr, &mut err)) };
    let watching = async {
        let status = timeout(Duration::from_secs(seconds), child.wait()).await;
        if let (Err(_), Some(group)) = (&status, group) {
            // All that the command started and that did not leave its group.
            let _ = killpg(group, Signal::SIGKILL);
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
    Ok(told(&head, &out, &err))
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

fn start(root: &Path, command: &str) -> std::io::Result<Child> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is inside the sandbox already"
    )]
    let mut sh = Command::new("sh");
    sh.args(["-c", command])
        .current_dir(root)
        .process_group(0)
        .kill_on_drop(true);
    sh.stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    sh.spawn()
}

fn told(head: &str, out: &Kept, err: &Kept) -> String {
    let mut text = head.to_owned();
    for (name, kept) in [("stdout", out), ("stderr", err)] {
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

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn tells_code_and_both_outputs() {
        let dir = tempfile::tempdir().unwrap();
        let text = run(dir.path(), "echo out; echo err >&2; exit 3", None)
            .await
            .unwrap();
        assert_eq!(
            text,
            "exit code 3\n--- stdout ---\nout\n\n--- stderr ---\nerr\n"
        );
        assert_eq!(run(dir.path(), "true", None).await.unwrap(), "exit code 0");
    }

    #[tokio::test]
    async fn a_flood_is_cut_in_the_middle() {
        let dir = tempfile::tempdir().unwrap();
        let text = run(
            dir.path(),
            "echo first; yes | head -c 20000000; echo last",
            None,
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
        let text = run(dir.path(), "sleep 20 & echo done", None).await.unwrap();
        assert_eq!(text, "exit code 0\n--- stdout ---\ndone\n");
        assert!(begin.elapsed() < Duration::from_secs(15));
    }
}
