//! One sandboxed command of a step: started, listened to, bounded in time, gone when it returns.

use std::collections::VecDeque;
use std::time::Duration;

use freehold_model::Reason;
use freehold_sandbox::{Child, Exit, Output, SandboxError, Spec};
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::broker::bodies;
use crate::failure::Halt;
use crate::leftovers::started_at;
use crate::limits::{Flow, Watch};
use crate::places;
use crate::report::{Piece, Report};

/// What one read takes.
const READ: usize = 64 * 1024;
/// How much of the end is repeated in a detail.
const TAIL: usize = 2 * 1024;

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) exit: Exit,
    pub(crate) timed_out: bool,
    /// The limit that was the reason, in words, where it did not succeed and one was.
    pub(crate) limit: Option<String>,
    /// The end of its output, both streams as they came.
    pub(crate) tail: String,
}

impl Ran {
    /// In words: `exit code 2`, `signal 9`, and the limit that was the reason.
    pub(crate) fn how(&self) -> String {
        let how = how(self.exit.code, self.exit.signal);
        match &self.limit {
            Some(limit) => format!("{limit} ({how})"),
            None => how,
        }
    }

    /// The reason for its failure: a limit, where one was.
    pub(crate) fn reason(&self, otherwise: Reason) -> Reason {
        match self.limit {
            Some(_) => Reason::Limit,
            None => otherwise,
        }
    }
}

/// An end in words.
pub(crate) fn how(code: Option<i32>, signal: Option<i32>) -> String {
    match (code, signal) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => nix::sys::signal::Signal::try_from(signal).map_or_else(
            |_| format!("signal {signal}"),
            |name| format!("killed by {name}"),
        ),
        (None, None) => "ended without a code".to_owned(),
    }
}

/// Starts a process of a step within the job's walls, and writes down that it is ours.
pub(crate) async fn start(
    report: &Report,
    spec: &Spec,
    step: &str,
) -> Result<(Child, Watch), SandboxError> {
    let mut spec = spec.clone();
    report.walls.put_round(&mut spec, step);
    if !spec.tier.is_sandboxed() {
        places::furnish_host(&spec).map_err(|cause| SandboxError::Io {
            step: "put the run's files on the host",
            cause,
        })?;
    }
    if let Some(owner) = report.owner().await? {
        spec.user = owner.user();
    }
    let child = freehold_sandbox::start(&spec).await?;
    let aside = bodies(&report.context.run_dir(report.job.run));
    let watch = Watch::begin(report.walls.clone(), &child, &spec, step, aside);
    let pid = child.pid();
    if let Some(started) = started_at(pid) {
        // Only of use to a later life; it ends with us all the same.
        let _ = report
            .context
            .journal
            .process(report.job, pid, started)
            .await;
    }
    Ok((child, watch))
}

/// Runs a command to its end, saying its output under `step`. It is gone when this returns.
pub(crate) async fn run(
    report: &Report,
    spec: &Spec,
    step: &str,
    limit: Duration,
) -> Result<Ran, Halt> {
    let (mut child, watch) = start(report, spec, step).await?;
    let (sender, said) = report.output(step);
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut tail = Tail::default();
    let (tails, mut ends) = mpsc::channel::<Vec<u8>>(4);
    let mut timed_out = false;
    let ended = async {
        let ended = tokio::select! {
            biased;
            () = report.stop.token().cancelled() => None,
            exit = child.wait() => Some(exit),
            () = watch.over() => None,
            () = sleep(limit) => {
                timed_out = true;
                None
            }
        };
        if ended.is_none() {
            child.kill().await?;
        }
        Ok::<_, Halt>(child.wait().await?)
    };
    let listen = async {
        while let Some(bytes) = ends.recv().await {
            tail.add(&bytes);
        }
    };
    let (ended, (), (), (), said) = tokio::join!(
        ended,
        pump(stdout, "stdout", &watch.flow, sender.clone(), tails.clone()),
        pump(stderr, "stderr", &watch.flow, sender, tails),
        listen,
        said,
    );
    let exit = ended?;
    let limit = watch.end(report, &exit);
    if report.stop.why().is_some() {
        return Err(Halt::Stopped);
    }
    said?;
    Ok(Ran {
        exit,
        timed_out,
        limit,
        tail: tail.text(),
    })
}

async fn pump(
    pipe: Option<Output>,
    stream: &'static str,
    flow: &Flow,
    to: mpsc::Sender<Piece>,
    tails: mpsc::Sender<Vec<u8>>,
) {
    let Some(mut pipe) = pipe else { return };
    let mut buffer = vec![0; READ];
    while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
        flow.pass(read).await;
        let bytes = buffer[..read].to_vec();
        let end = bytes[read.saturating_sub(TAIL)..].to_vec();
        // Nobody listens any more when the job was told to stop: read on, so that it can end.
        let _ = tails.send(end).await;
        let _ = to.send(Piece { stream, bytes }).await;
    }
}

/// The last bytes of an output.
#[derive(Debug, Default)]
pub(crate) struct Tail(VecDeque<u8>);

impl Tail {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0.extend(&bytes[bytes.len().saturating_sub(TAIL)..]);
        let over = self.0.len().saturating_sub(TAIL);
        self.0.drain(..over);
    }

    /// As text, without what would change the terminal that shows it.
    pub(crate) fn text(&self) -> String {
        let bytes: Vec<u8> = self.0.iter().copied().collect();
        let text = without_sequences(&String::from_utf8_lossy(&bytes));
        let text: String = text
            .chars()
            .filter(|c| matches!(c, '\n' | '\t') || !c.is_control())
            .collect();
        text.trim().to_owned()
    }
}

/// Text without control sequences (ECMA-48: CSI to its final byte, strings such as OSC to their
/// end, other escapes to the byte that ends them): colours are not words.
fn without_sequences(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('[') => {
                chars.by_ref().find(|c| ('@'..='~').contains(c));
            }
            Some(']' | 'P' | 'X' | '^' | '_') => {
                while let Some(c) = chars.next() {
                    if c == '\u{7}' || (c == '\u{1b}' && chars.next_if_eq(&'\\').is_some()) {
                        break;
                    }
                }
            }
            Some(' '..='/') => {
                chars.by_ref().find(|c| ('0'..='~').contains(c));
            }
            _ => {}
        }
    }
    plain
}

/// The halt for a program that could not be started.
pub(crate) fn not_started(error: SandboxError) -> Halt {
    match &error {
        SandboxError::ProgramNotFound { .. } | SandboxError::ProgramNotExecutable { .. } => {
            crate::failure::because(Reason::AgentMissing, &error)
        }
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_output_is_words_without_colours() {
        let mut tail = Tail::default();
        tail.add(b"\x1b[1;31mAssertionError\x1b[0m: 1 != 2\r\n\x1b]0;title\x07at \x1b]8;;http://x\x1b\\line 3\x1b(B\x1b[");
        assert_eq!(tail.text(), "AssertionError: 1 != 2\nat line 3");
    }
}
