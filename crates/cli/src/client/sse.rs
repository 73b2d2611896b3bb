//! Server-sent events (WHATWG HTML section 9.2.6), as far as this API uses them: the data.

/// Longest line, and longest event: far above what a runner puts into one.
const EVENT_MAX: usize = 16 * 1024 * 1024;

/// Cuts a stream of bytes into events, wherever the chunks end.
#[derive(Debug, Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    after_cr: bool,
}

/// An event is larger than any that a server of ours sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Parser {
    /// The data of the events that these bytes complete. An event that is not completed by an
    /// empty line is never given out.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, TooLong> {
        let mut events = Vec::new();
        for &byte in bytes {
            let lone_lf_of_crlf = byte == b'\n' && self.after_cr;
            self.after_cr = byte == b'\r';
            match byte {
                _ if lone_lf_of_crlf => {}
                b'\n' | b'\r' => events.extend(self.end_line()),
                _ => self.line.push(byte),
            }
            if self.line.len() + self.data.len() > EVENT_MAX {
                return Err(TooLong);
            }
        }
        Ok(events)
    }

    fn end_line(&mut self) -> Option<Vec<u8>> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return std::mem::take(&mut self.has_data).then(|| std::mem::take(&mut self.data));
        }
        if let Some(value) = line.strip_prefix(b"data:") {
            if std::mem::replace(&mut self.has_data, true) {
                self.data.push(b'\n');
            }
            self.data.extend(value.strip_prefix(b" ").unwrap_or(value));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] =
        b": hello\n\nid: 1\nevent: run.queued\ndata: {\"a\":\ndata: 1}\n\r\nid:2\r\ndata:two\r\n\r\ndata: cut";

    #[test]
    fn events_come_out_whole_wherever_the_chunks_end() {
        for size in 1..STREAM.len() {
            let mut parser = Parser::default();
            let mut events = Vec::new();
            for chunk in STREAM.chunks(size) {
                events.extend(parser.feed(chunk).unwrap());
            }
            let want: [&[u8]; 2] = [b"{\"a\":\n1}", b"two"];
            assert_eq!(events, want, "chunks of {size}");
        }
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut parser = Parser::default();
        let chunk = vec![b'x'; 1024 * 1024];
        assert!((0..17).any(|_| parser.feed(&chunk) == Err(TooLong)));
    }
}
