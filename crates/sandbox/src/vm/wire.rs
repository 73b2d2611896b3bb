//! What host and guest say to each other over the channels of their device.
//!
//! A channel carries chunks both ways: a length of four bytes, big-endian, then that many bytes; a
//! chunk of length 0 is the end of that direction. The first chunk to the guest on the control
//! channel is a [`Setup`]; what follows there is what [`crate::control`] says. A forwarded
//! connection begins with a chunk of two bytes, its port.
//!
//! Neither side believes the other: the guest may be what an attacker made of it.

use std::io::{self, Read, Write};

/// The most that a chunk may hold; larger ones are an error, and memory is taken for no more.
pub(crate) const MAX_CHUNK: usize = 64 * 1024;
/// A set-up names folders and ports, some dozens of words.
const MAX_SETUP: usize = MAX_CHUNK;

/// The names of the channels.
pub(crate) const CONTROL: &str = "control";
pub(crate) const STDIN: &str = "stdin";
pub(crate) const STDOUT: &str = "stdout";
pub(crate) const STDERR: &str = "stderr";
pub(crate) const OUTPUTS: &str = "outputs";
/// How many connections to the host's ports can be open at once; more wait. Package managers open
/// some fifteen. The device has places for 31 channels.
pub(crate) const CONNECTIONS: usize = 16;

/// Where channels are ports of the host: those of the two trees of files, and that of the first
/// channel. The others follow in their order.
pub(crate) const ROOT_PORT: u32 = 1024;
pub(crate) const LIVE_PORT: u32 = 1025;
pub(crate) const FIRST_PORT: u32 = 1026;

/// The name of the channel of connection `number`.
pub(crate) fn connection(number: usize) -> String {
    format!("connection.{number}")
}

/// All channels, in the order in which the machine has them.
pub(crate) fn channels() -> Vec<String> {
    [CONTROL, STDIN, STDOUT, STDERR, OUTPUTS]
        .into_iter()
        .map(str::to_owned)
        .chain((0..CONNECTIONS).map(connection))
        .collect()
}

/// What the first process of the guest is to do before it starts the helper.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Setup {
    /// Folders in the guest's memory, each with its size in bytes.
    pub(crate) tmpfs: Vec<(String, u64)>,
    /// Folders and files of the host that can be written: their caches are kept apart.
    pub(crate) live: Vec<String>,
    /// What of the host's tree is shown in the operator's, where that is the root.
    pub(crate) shown: Vec<String>,
    /// Where the guest's disk is seen, if it has one.
    pub(crate) disk: Option<String>,
    /// Ports whose connections are carried to the host.
    pub(crate) ports: Vec<u16>,
    /// Processes and threads, all together.
    pub(crate) tasks: Option<u64>,
    /// Memory of all processes together.
    pub(crate) memory: Option<u64>,
    /// The folder that `outputs` are in.
    pub(crate) outputs_in: String,
    /// What to send back when the program has ended, below `outputs_in`.
    pub(crate) outputs: Vec<String>,
    /// The arguments of the helper.
    pub(crate) init_args: Vec<String>,
}

impl Setup {
    /// One word after the other, each ended by a NUL, which no path holds.
    pub(crate) fn encode(&self) -> io::Result<Vec<u8>> {
        let mut words: Vec<String> = Vec::new();
        let mut say = |some: &[&str]| words.extend(some.iter().map(|word| (*word).to_owned()));
        for (path, size) in &self.tmpfs {
            say(&["tmpfs", path, &size.to_string()]);
        }
        self.live.iter().for_each(|path| say(&["live", path]));
        self.shown.iter().for_each(|path| say(&["shown", path]));
        self.disk.iter().for_each(|path| say(&["disk", path]));
        self.ports
            .iter()
            .for_each(|port| say(&["port", &port.to_string()]));
        self.tasks
            .iter()
            .for_each(|tasks| say(&["tasks", &tasks.to_string()]));
        self.memory
            .iter()
            .for_each(|bytes| say(&["memory", &bytes.to_string()]));
        say(&["outputs-in", &self.outputs_in]);
        self.outputs.iter().for_each(|name| say(&["output", name]));
        self.init_args
            .iter()
            .for_each(|arg| say(&["init-arg", arg]));
        let mut bytes = Vec::new();
        for word in words {
            if word.contains('\0') {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            bytes.extend(word.as_bytes());
            bytes.push(0);
        }
        if bytes.len() > MAX_SETUP {
            return Err(io::Error::from_raw_os_error(nix::libc::E2BIG));
        }
        Ok(bytes)
    }

    /// Reads what [`Setup::encode`] wrote; anything else is an error.
    pub(crate) fn decode(bytes: &[u8]) -> io::Result<Self> {
        let bad = || io::Error::from(io::ErrorKind::InvalidData);
        let text = std::str::from_utf8(bytes).map_err(|_| bad())?;
        let mut words = text.split_terminator('\0');
        let mut setup = Self::default();
        while let Some(kind) = words.next() {
            let mut next = || words.next().map(str::to_owned).ok_or_else(bad);
            let number = |word: String| word.parse::<u64>().map_err(|_| bad());
            match kind {
                "tmpfs" => setup.tmpfs.push((next()?, number(next()?)?)),
                "live" => setup.live.push(next()?),
                "shown" => setup.shown.push(next()?),
                "disk" => setup.disk = Some(next()?),
                "port" => setup.ports.push(next()?.parse().map_err(|_| bad())?),
                "tasks" => setup.tasks = Some(number(next()?)?),
                "memory" => setup.memory = Some(number(next()?)?),
                "outputs-in" => setup.outputs_in = next()?,
                "output" => setup.outputs.push(next()?),
                "init-arg" => setup.init_args.push(next()?),
                _ => return Err(bad()),
            }
        }
        Ok(setup)
    }
}

/// The length that begins a chunk, of at most [`MAX_CHUNK`].
pub(crate) fn length(head: [u8; 4]) -> io::Result<usize> {
    let length = usize::try_from(u32::from_be_bytes(head)).map_err(io::Error::other)?;
    match length <= MAX_CHUNK {
        true => Ok(length),
        false => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Writes one chunk in one piece; an empty one is the end.
pub(crate) fn put(mut to: impl Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(&framed(bytes)?)
}

/// The bytes of one chunk.
pub(crate) fn framed(bytes: &[u8]) -> io::Result<Vec<u8>> {
    if bytes.len() > MAX_CHUNK {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    let mut chunk = length.to_be_bytes().to_vec();
    chunk.extend(bytes);
    Ok(chunk)
}

/// The next chunk; `None` at the end of this direction.
pub(crate) fn take(mut from: impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut head = [0; 4];
    from.read_exact(&mut head)?;
    let mut bytes = vec![0; length(head)?];
    from.read_exact(&mut bytes)?;
    Ok((!bytes.is_empty()).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setup_survives_the_wire_and_nothing_else_is_one() {
        let setup = Setup {
            tmpfs: vec![("/tmp".into(), 7), ("/a\nb".into(), u64::MAX)],
            live: vec!["/workspace".into()],
            shown: vec!["/inputs".into()],
            disk: Some("/work".into()),
            ports: vec![1, 65535],
            tasks: Some(3),
            memory: Some(4),
            outputs_in: "/work".into(),
            outputs: vec!["a".into(), "b/c".into()],
            init_args: vec!["sandbox-init".into()],
        };
        let bytes = setup.encode().unwrap();
        assert_eq!(Setup::decode(&bytes).unwrap(), setup);
        for bad in [
            &b"tmpfs\0/a\0"[..],
            b"port\x0070000\0",
            b"what\0",
            b"\xff\0",
        ] {
            assert!(Setup::decode(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn chunks_survive_the_wire_and_are_bounded() {
        let mut bytes = Vec::new();
        put(&mut bytes, b"one").unwrap();
        put(&mut bytes, b"").unwrap();
        let mut from = bytes.as_slice();
        assert_eq!(take(&mut from).unwrap().unwrap(), b"one");
        assert_eq!(take(&mut from).unwrap(), None);
        assert!(take(&mut from).is_err());
        assert!(take([0xff; 64].as_slice()).is_err());
        assert!(put(Vec::new(), &vec![0; MAX_CHUNK + 1]).is_err());
    }
}
