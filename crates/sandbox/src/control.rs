//! What the host and the first process inside say to each other over their socket.
//!
//! Host to init: one [`Instructions`], then [`Order`]s; the end of the stream means "end
//! everything". Init to host: [`Report`]s.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// The first argument of init. A helper of another version refuses rather than misunderstands.
pub(crate) const VERSION: &str = "v2";
/// Passed descriptors: this socket, then the program's standard three.
pub(crate) const CONTROL_FD: i32 = crate::sys::FIRST_PASSED;

/// Arguments and environment together: what Linux itself accepts is at most 6 MiB.
const MAX_INSTRUCTIONS: usize = 8 << 20;
/// Items in one list; argument lists of build tools reach tens of thousands.
const MAX_ITEMS: usize = 1 << 20;

/// What init is to do. Holds secrets (the environment): never logged.
#[derive(Clone, PartialEq, Eq, Default)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Instructions {
    /// A pid namespace ends with init; if not, init ends all descendants itself.
    pub(crate) contained: bool,
    pub(crate) program: OsString,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) cwd: PathBuf,
    /// Loopback port and the unix socket as init sees it.
    pub(crate) ports: Vec<(u16, PathBuf)>,
    /// In the order of [`crate::init`]'s table of resources.
    pub(crate) limits: [Option<u64>; 5],
    /// Lines and characters of the program's terminal; without one it has its pipes.
    pub(crate) terminal: Option<(u16, u16)>,
    /// What can be written, when contained.
    pub(crate) writable: Vec<PathBuf>,
    /// System-call filters in the order in which to add them, when contained.
    pub(crate) filters: Vec<Vec<u8>>,
}

impl Instructions {
    /// The bytes on the wire: their number, then the fields, each list with its length.
    pub(crate) fn encode(&self) -> io::Result<Vec<u8>> {
        let mut body = vec![u8::from(self.contained)];
        put(&mut body, &self.program)?;
        put_all(&mut body, self.args.iter().map(OsString::as_os_str))?;
        put_all(
            &mut body,
            self.env
                .iter()
                .flat_map(|(name, value)| [name.as_os_str(), value.as_os_str()]),
        )?;
        put(&mut body, self.cwd.as_os_str())?;
        put_size(&mut body, self.ports.len())?;
        for (port, socket) in &self.ports {
            body.extend(port.to_be_bytes());
            put(&mut body, socket.as_os_str())?;
        }
        for limit in self.limits {
            body.push(u8::from(limit.is_some()));
            body.extend(limit.unwrap_or(0).to_be_bytes());
        }
        let (rows, columns) = self.terminal.unwrap_or_default();
        body.push(u8::from(self.terminal.is_some()));
        body.extend(rows.to_be_bytes());
        body.extend(columns.to_be_bytes());
        put_all(&mut body, self.writable.iter().map(|path| path.as_os_str()))?;
        put_all(
            &mut body,
            self.filters.iter().map(|filter| OsStr::from_bytes(filter)),
        )?;
        if body.len() > MAX_INSTRUCTIONS {
            return Err(io::Error::from_raw_os_error(nix::libc::E2BIG));
        }
        let mut frame = Vec::with_capacity(body.len() + 4);
        put_size(&mut frame, body.len())?;
        frame.extend(body);
        Ok(frame)
    }

    /// Reads one from the socket; blocks until it is whole.
    pub(crate) fn read(mut from: impl Read) -> io::Result<Self> {
        let size = take_size(&mut from, MAX_INSTRUCTIONS)?;
        let mut body = vec![0; size];
        from.read_exact(&mut body)?;
        let mut body = body.as_slice();
        let contained = take_byte(&mut body)? != 0;
        let program = take(&mut body)?;
        let args = take_all(&mut body)?;
        let mut flat = take_all(&mut body)?.into_iter();
        let mut env = Vec::new();
        while let (Some(name), Some(value)) = (flat.next(), flat.next()) {
            env.push((name, value));
        }
        let cwd = take(&mut body)?.into();
        let mut ports = Vec::new();
        for _ in 0..take_size(&mut body, MAX_ITEMS)? {
            ports.push((take_u16(&mut body)?, take(&mut body)?.into()));
        }
        let mut limits = [None; 5];
        for limit in &mut limits {
            let set = take_byte(&mut body)? != 0;
            let value = take_u64(&mut body)?;
            *limit = set.then_some(value);
        }
        let terminal = take_byte(&mut body)? != 0;
        let size = (take_u16(&mut body)?, take_u16(&mut body)?);
        let writable = take_all(&mut body)?;
        let filters = take_all(&mut body)?;
        Ok(Self {
            contained,
            program,
            args,
            env,
            cwd,
            ports,
            limits,
            terminal: terminal.then_some(size),
            writable: writable.into_iter().map(PathBuf::from).collect(),
            filters: filters.into_iter().map(OsString::into_vec).collect(),
        })
    }
}

fn put_size(to: &mut Vec<u8>, size: usize) -> io::Result<()> {
    to.extend(u32::try_from(size).map_err(io::Error::other)?.to_be_bytes());
    Ok(())
}

fn put(to: &mut Vec<u8>, item: &OsStr) -> io::Result<()> {
    put_size(to, item.len())?;
    to.extend(item.as_bytes());
    Ok(())
}

fn put_all<'a>(to: &mut Vec<u8>, items: impl Iterator<Item = &'a OsStr>) -> io::Result<()> {
    let items: Vec<_> = items.collect();
    put_size(to, items.len())?;
    items.into_iter().try_for_each(|item| put(to, item))
}

fn take_byte(from: &mut impl Read) -> io::Result<u8> {
    let mut byte = [0];
    from.read_exact(&mut byte)?;
    Ok(byte[0])
}

fn take_u16(from: &mut impl Read) -> io::Result<u16> {
    let mut bytes = [0; 2];
    from.read_exact(&mut bytes)?;
    Ok(u16::from_be_bytes(bytes))
}

fn take_u64(from: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes)?;
    Ok(u64::from_be_bytes(bytes))
}

fn take_size(from: &mut impl Read, most: usize) -> io::Result<usize> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes)?;
    let size = usize::try_from(u32::from_be_bytes(bytes)).map_err(io::Error::other)?;
    if size > most {
        Err(io::ErrorKind::InvalidData.into())
    } else {
        Ok(size)
    }
}

fn take(from: &mut &[u8]) -> io::Result<OsString> {
    let size = take_size(from, MAX_INSTRUCTIONS)?;
    let (item, rest) = from
        .split_at_checked(size)
        .ok_or(io::ErrorKind::UnexpectedEof)?;
    *from = rest;
    Ok(OsString::from_vec(item.to_vec()))
}

fn take_all(from: &mut &[u8]) -> io::Result<Vec<OsString>> {
    (0..take_size(from, MAX_ITEMS)?)
        .map(|_| take(from))
        .collect()
}

/// What the host asks of init while the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Send the program a `SIGTERM`.
    Terminate,
    /// Send the program and what shares its process group a `SIGINT`, as a terminal does.
    Interrupt,
    /// Its terminal has this many lines and characters now.
    Resize { rows: u16, columns: u16 },
}

impl Order {
    /// Bytes of one order.
    pub(crate) const SIZE: usize = 5;

    pub(crate) fn encode(self) -> [u8; Self::SIZE] {
        let (tag, rows, columns) = match self {
            Self::Terminate => (b'T', 0, 0),
            Self::Interrupt => (b'I', 0, 0),
            Self::Resize { rows, columns } => (b'W', rows, columns),
        };
        let ([a, b], [c, d]) = (u16::to_be_bytes(rows), u16::to_be_bytes(columns));
        [tag, a, b, c, d]
    }

    /// `None` when the bytes are no order.
    pub(crate) fn decode([tag, a, b, c, d]: [u8; Self::SIZE]) -> Option<Self> {
        Some(match tag {
            b'T' => Self::Terminate,
            b'I' => Self::Interrupt,
            b'W' => Self::Resize {
                rows: u16::from_be_bytes([a, b]),
                columns: u16::from_be_bytes([c, d]),
            },
            _ => return None,
        })
    }
}

/// The step of init that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Making init itself ready: its descriptors, signals, protections.
    Prepare = 1,
    /// Changing to the working directory.
    Directory = 2,
    /// Listening on a port.
    Listen = 3,
    /// Setting a limit or starting the program, for a reason that is not the program's.
    Start = 4,
    /// The program is not there.
    NotFound = 5,
    /// The program is there and the kernel does not run it.
    NotExecutable = 6,
    /// Making the rules of Landlock.
    Landlock = 7,
    /// Making a terminal.
    Terminal = 8,
}

impl Step {
    const ALL: [Self; 8] = [
        Self::Prepare,
        Self::Directory,
        Self::Listen,
        Self::Start,
        Self::NotFound,
        Self::NotExecutable,
        Self::Landlock,
        Self::Terminal,
    ];
}

/// What init says to the host. All have the same size on the wire: a tag and five numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Report {
    /// The program runs, held by this version of Landlock.
    Started { landlock: Option<u32> },
    /// Nothing was started, for this reason (`errno`).
    Failed { step: Step, errno: i32 },
    /// The program has ended: its code, or the signal that ended it.
    Ended {
        code: Option<i32>,
        signal: Option<i32>,
        cpu_micros: u64,
        max_rss_bytes: u64,
    },
}

impl Report {
    /// Bytes of one report.
    pub(crate) const SIZE: usize = 1 + 4 * 8;

    pub(crate) fn encode(self) -> [u8; Self::SIZE] {
        let none = i64::MIN;
        let (tag, numbers) = match self {
            Self::Started { landlock } => (b'S', [landlock.map_or(none, i64::from), 0, 0, 0]),
            Self::Failed { step, errno } => (b'F', [step as i64, errno.into(), 0, 0]),
            Self::Ended {
                code,
                signal,
                cpu_micros,
                max_rss_bytes,
            } => (
                b'E',
                [
                    code.map_or(none, i64::from),
                    signal.map_or(none, i64::from),
                    cpu_micros.cast_signed(),
                    max_rss_bytes.cast_signed(),
                ],
            ),
        };
        let mut bytes = [tag; Self::SIZE];
        for (place, number) in bytes[1..].as_chunks_mut().0.iter_mut().zip(numbers) {
            *place = number.to_be_bytes();
        }
        bytes
    }

    /// `None` when the bytes are no report.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (tag, rest) = bytes.split_first()?;
        let (chunks, []) = rest.as_chunks() else {
            return None;
        };
        let numbers: Vec<i64> = chunks
            .iter()
            .map(|bytes| i64::from_be_bytes(*bytes))
            .collect();
        let &[first, second, third, fourth] = numbers.as_slice() else {
            return None;
        };
        Some(match tag {
            b'S' => Self::Started {
                landlock: u32::try_from(first).ok(),
            },
            b'F' => Self::Failed {
                step: Step::ALL.into_iter().find(|step| *step as i64 == first)?,
                errno: i32::try_from(second).ok()?,
            },
            b'E' => Self::Ended {
                code: i32::try_from(first).ok(),
                signal: i32::try_from(second).ok(),
                cpu_micros: third.cast_unsigned(),
                max_rss_bytes: fourth.cast_unsigned(),
            },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_survive_the_wire_byte_for_byte() {
        let odd = OsString::from_vec(vec![0xff, b'\n', b' ', 0x80]);
        let told = Instructions {
            contained: true,
            program: odd.clone(),
            args: vec![odd.clone(), OsString::new()],
            env: vec![("A".into(), odd.clone()), ("B".into(), OsString::new())],
            cwd: PathBuf::from(odd),
            ports: vec![(65535, "/a".into())],
            limits: [Some(u64::MAX), None, Some(0), None, Some(7)],
            terminal: Some((24, u16::MAX)),
            writable: vec!["/a".into(), "/b".into()],
            filters: vec![vec![0, 255], Vec::new()],
        };
        let bytes = told.encode().unwrap();
        assert_eq!(Instructions::read(bytes.as_slice()).unwrap(), told);
        for cut in 0..bytes.len() {
            assert!(Instructions::read(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn a_length_beyond_the_bound_is_refused_before_memory_is_taken() {
        assert!(Instructions::read([0xff; 64].as_slice()).is_err());
        let huge = Instructions {
            args: vec![OsString::from_vec(vec![b'x'; MAX_INSTRUCTIONS])],
            ..Instructions::default()
        };
        assert!(huge.encode().is_err());
    }

    #[test]
    fn reports_and_orders_survive_the_wire() {
        let reports = [
            Report::Started { landlock: Some(7) },
            Report::Started { landlock: None },
            Report::Failed {
                step: Step::NotExecutable,
                errno: 13,
            },
            Report::Ended {
                code: Some(127),
                signal: None,
                cpu_micros: 1,
                max_rss_bytes: u64::MAX,
            },
            Report::Ended {
                code: None,
                signal: Some(9),
                cpu_micros: 0,
                max_rss_bytes: 0,
            },
        ];
        for report in reports {
            assert_eq!(Report::decode(&report.encode()), Some(report));
        }
        let resize = Order::Resize {
            rows: 24,
            columns: u16::MAX,
        };
        for order in [Order::Terminate, Order::Interrupt, resize] {
            assert_eq!(Order::decode(order.encode()), Some(order));
        }
        assert_eq!(Order::decode([b'?'; Order::SIZE]), None);
        assert_eq!(Report::decode(&[b'?'; Report::SIZE]), None);
        assert_eq!(Report::decode(b"S"), None);
        let mut long = Report::Started { landlock: None }.encode().to_vec();
        long.push(0);
        assert_eq!(Report::decode(&long), None, "a report and a byte more");
    }
}
