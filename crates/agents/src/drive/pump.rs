//! Passes on raw output, and cuts lines out of it.

use std::collections::VecDeque;

use freehold_sandbox::Output;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::error::AgentError;
use crate::event::{AgentEvent, Stream};

/// The most bytes in one [`AgentEvent::Output`]: what a pipe holds.
pub const OUTPUT_BYTES_MAX: usize = 64 * 1024;
/// A line of a protocol can carry a whole file twice (the text before and after an edit).
const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Lines that wait for the conversation. The pump waits beyond that.
const LINES_WAITING_MAX: usize = 16;
/// Enough of standard error to tell a person what went wrong.
const TAIL_BYTES_MAX: usize = 2 * 1024;

/// What a pump does with the bytes beside passing them on.
pub(super) enum Keep<'a> {
    Lines(Option<mpsc::Sender<Line>>),
    Tail(&'a mut Tail),
}

/// One line without its newline, or the news that there is one too long to be kept.
pub(crate) enum Line {
    Text(Vec<u8>),
    TooLong,
}

/// The lines of standard output, in order; empty from the start where nobody wants them.
pub(crate) struct Lines(Option<mpsc::Receiver<Line>>);

impl Lines {
    /// The next line; `None` when the output has ended. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<Line> {
        self.0.as_mut()?.recv().await
    }
}

pub(super) fn lines(wanted: bool) -> (Option<mpsc::Sender<Line>>, Lines) {
    if !wanted {
        return (None, Lines(None));
    }
    let (sender, receiver) = mpsc::channel(LINES_WAITING_MAX);
    (Some(sender), Lines(Some(receiver)))
}

/// The last bytes of a stream.
#[derive(Default)]
pub(super) struct Tail(VecDeque<u8>);

impl Tail {
    fn extend(&mut self, bytes: &[u8]) {
        let kept = &bytes[bytes.len().saturating_sub(TAIL_BYTES_MAX)..];
        let over = (self.0.len() + kept.len()).saturating_sub(TAIL_BYTES_MAX);
        self.0.drain(..over.min(self.0.len()));
        self.0.extend(kept);
    }

    /// As text, with what cannot be printed left out.
    pub(super) fn text(&mut self) -> String {
        let text = String::from_utf8_lossy(self.0.make_contiguous()).into_owned();
        text.chars()
            .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
            .collect()
    }
}

/// Reads `from` to its end and reports every byte. Returns early only when nobody listens.
pub(super) async fn pump(
    from: Option<Output>,
    stream: Stream,
    events: &mpsc::Sender<AgentEvent>,
    unheard: &CancellationToken,
    mut keep: Keep<'_>,
) -> Result<(), AgentError> {
    let Some(mut from) = from else { return Ok(()) };
    let mut splitter = Splitter::default();
    let mut buffer = vec![0; OUTPUT_BYTES_MAX];
    loop {
        let read = from
            .read(&mut buffer)
            .await
            .map_err(|cause| AgentError::Pipe {
                pipe: name(stream),
                cause,
            })?;
        if read == 0 {
            splitter.finish(&mut keep).await;
            return Ok(());
        }
        let bytes = &buffer[..read];
        if events
            .send(AgentEvent::Output {
                stream,
                bytes: bytes.to_vec(),
            })
            .await
            .is_err()
        {
            unheard.cancel();
            return Err(AgentError::Unheard);
        }
        match &mut keep {
            Keep::Tail(tail) => tail.extend(bytes),
            Keep::Lines(Some(_)) => splitter.feed(bytes, &mut keep).await,
            Keep::Lines(None) => {}
        }
    }
}

fn name(stream: Stream) -> &'static str {
    match stream {
        Stream::Stdout => "standard output",
        Stream::Stderr => "standard error",
    }
}

#[derive(Default)]
struct Splitter {
    line: Vec<u8>,
    skipping: bool,
}

impl Splitter {
    async fn feed(&mut self, bytes: &[u8], keep: &mut Keep<'_>) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let (text, ended) = match piece.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (piece, false),
            };
            if self.line.len() + text.len() > LINE_BYTES_MAX && !self.skipping {
                self.skipping = true;
                self.line = Vec::new();
                hand(keep, Line::TooLong).await;
            }
            if !self.skipping {
                self.line.extend_from_slice(text);
            }
            if ended && !std::mem::take(&mut self.skipping) {
                hand(keep, Line::Text(std::mem::take(&mut self.line))).await;
            }
        }
    }

    /// What is left without a newline is a line too; then there are no more.
    async fn finish(&mut self, keep: &mut Keep<'_>) {
        if !self.line.is_empty() {
            hand(keep, Line::Text(std::mem::take(&mut self.line))).await;
        }
        *keep = Keep::Lines(None);
    }
}

/// Gives a line to the conversation; once that is over, lines are no longer wanted.
async fn hand(keep: &mut Keep<'_>, line: Line) {
    if let Keep::Lines(Some(sender)) = keep
        && sender.send(line).await.is_err()
    {
        *keep = Keep::Lines(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_cut_wherever_the_reads_were() {
        let (sender, mut lines) = lines(true);
        let mut keep = Keep::Lines(sender);
        let mut splitter = Splitter::default();
        for bytes in [&b"one\ntw"[..], b"o\n", b"\nlast"] {
            splitter.feed(bytes, &mut keep).await;
        }
        splitter.finish(&mut keep).await;
        let mut seen = Vec::new();
        while let Some(Line::Text(text)) = lines.next().await {
            seen.push(String::from_utf8(text).unwrap());
        }
        assert_eq!(seen, ["one", "two", "", "last"]);
    }

    #[tokio::test]
    async fn a_line_without_end_is_told_once_and_not_kept() {
        let (sender, mut lines) = lines(true);
        let mut keep = Keep::Lines(sender);
        let mut splitter = Splitter::default();
        let block = vec![b'x'; LINE_BYTES_MAX / 2 + 1];
        for _ in 0..4 {
            splitter.feed(&block, &mut keep).await;
        }
        assert!(splitter.line.capacity() <= LINE_BYTES_MAX);
        splitter.feed(b"\nnext\n", &mut keep).await;
        assert!(matches!(lines.next().await, Some(Line::TooLong)));
        assert!(matches!(lines.next().await, Some(Line::Text(text)) if text == b"next"));
    }

    #[test]
    fn the_tail_keeps_the_end_and_its_bound() {
        let mut tail = Tail::default();
        for n in 0..1000 {
            tail.extend(format!("line {n}\n").as_bytes());
        }
        assert!(tail.0.len() <= TAIL_BYTES_MAX);
        assert!(tail.text().ends_with("line 998\nline 999\n"));
        tail.extend(&vec![b'y'; 10 * TAIL_BYTES_MAX]);
        assert_eq!(tail.text(), "y".repeat(TAIL_BYTES_MAX));
    }
}
