//! Where the frames of a WebSocket (RFC 6455) begin and end, for a proxy that repeats and reorders them.

/// An HTTP head that is longer is none that we know.
const HEAD_MAX: usize = 16 * 1024;
/// A frame that is longer passes like any bytes.
const FRAME_MAX: usize = 4 * 1024 * 1024;

/// What passes in one piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) bytes: Vec<u8>,
    /// A whole message of the application, which could be repeated.
    pub(crate) is_message: bool,
}

/// One direction of a connection.
#[derive(Debug)]
pub(crate) enum Frames {
    /// It may become a WebSocket: what came of the head so far.
    Head(Vec<u8>),
    /// It is one: what came of the next frame so far.
    Socket(Vec<u8>),
    /// Anything else.
    Opaque,
}

impl Frames {
    pub(crate) const fn new() -> Self {
        Self::Head(Vec::new())
    }

    /// What these bytes complete, in order. Nothing is lost: what is incomplete comes with a later call.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<Unit> {
        match self {
            Self::Opaque => vec![opaque(bytes.to_vec())],
            Self::Head(head) => {
                head.extend_from_slice(bytes);
                let known = [b"GET ".as_slice(), b"HTTP"];
                let may = known.iter().any(|start| {
                    let common = start.len().min(head.len());
                    start[..common] == head[..common]
                });
                let Some(end) = head.windows(4).position(|at| at == b"\r\n\r\n") else {
                    if may && head.len() < HEAD_MAX {
                        return Vec::new();
                    }
                    let all = std::mem::take(head);
                    *self = Self::Opaque;
                    return vec![opaque(all)];
                };
                let rest = head.split_off(end + 4);
                let head = std::mem::take(head);
                let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
                let is_socket = may && text.contains("upgrade: websocket");
                let mut units = vec![opaque(head)];
                *self = if is_socket {
                    Self::Socket(Vec::new())
                } else {
                    Self::Opaque
                };
                if !rest.is_empty() {
                    units.extend(self.feed(&rest));
                }
                units
            }
            Self::Socket(buffer) => {
                buffer.extend_from_slice(bytes);
                let mut units = Vec::new();
                while let Some(length) = length(buffer) {
                    if length > FRAME_MAX {
                        units.push(opaque(std::mem::take(buffer)));
                        *self = Self::Opaque;
                        return units;
                    }
                    if buffer.len() < length {
                        break;
                    }
                    let rest = buffer.split_off(length);
                    let frame = std::mem::replace(buffer, rest);
                    // FIN, and text or binary: not a part of a message, not a ping.
                    let is_message = matches!(frame[0], 0x81 | 0x82);
                    units.push(Unit {
                        bytes: frame,
                        is_message,
                    });
                }
                units
            }
        }
    }
}

fn opaque(bytes: Vec<u8>) -> Unit {
    Unit {
        bytes,
        is_message: false,
    }
}

/// How long the frame is that begins here, once that can be seen.
fn length(buffer: &[u8]) -> Option<usize> {
    let second = usize::from(*buffer.get(1)?);
    let mask = if second & 0x80 != 0 { 4 } else { 0 };
    let number = |range: std::ops::Range<usize>| {
        let bytes = buffer.get(range)?;
        let value = bytes.iter().fold(0u64, |n, b| (n << 8) | u64::from(*b));
        usize::try_from(value).ok()
    };
    let (head, payload) = match second & 0x7f {
        126 => (4, number(2..4)?),
        127 => (10, number(2..10)?),
        short => (2, short),
    };
    Some(payload.saturating_add(head + mask))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"GET /link HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";

    fn frame(first: u8, payload: &[u8], mask: bool) -> Vec<u8> {
        let mut frame = vec![first];
        let bit = if mask { 0x80 } else { 0 };
        match payload.len() {
            short @ 0..126 => frame.push(bit | u8::try_from(short).unwrap()),
            long => {
                frame.push(bit | 126);
                frame.extend(u16::try_from(long).unwrap().to_be_bytes());
            }
        }
        if mask {
            frame.extend([0; 4]);
        }
        frame.extend(payload);
        frame
    }

    #[test]
    fn frames_are_found_wherever_the_bytes_are_cut_and_none_is_lost() {
        let parts = [
            HEAD.to_vec(),
            frame(0x81, b"hello", true),
            frame(0x89, b"", true),
            frame(0x82, &[7; 300], false),
        ];
        let all = parts.concat();
        for step in [1, 2, 3, 7, 50, all.len()] {
            let mut frames = Frames::new();
            let units: Vec<Unit> = all.chunks(step).flat_map(|c| frames.feed(c)).collect();
            let bytes: Vec<Vec<u8>> = units.iter().map(|unit| unit.bytes.clone()).collect();
            assert_eq!(bytes, parts, "in pieces of {step}");
            let messages: Vec<bool> = units.iter().map(|unit| unit.is_message).collect();
            assert_eq!(messages, [false, true, false, true]);
        }
    }

    #[test]
    fn anything_else_passes_as_it_comes() {
        let mut frames = Frames::new();
        assert_eq!(frames.feed(b"\0\0\0\x08")[0].bytes, b"\0\0\0\x08");
        assert_eq!(frames.feed(b"GET /")[0].bytes, b"GET /");
        let mut frames = Frames::new();
        let units = frames.feed(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n\x81\x01a");
        assert!(units.iter().all(|unit| !unit.is_message), "{units:?}");
    }
}
