//! A bad link: a proxy on loopback, or on a unix socket, that stands between any two parts and does to what
//! passes whatever it is told: cut, half-close, swallow one way, hold up, delay, trickle, repeat, reorder.
//!
//! [`Proxy::turn_bad`] does some of it by dice, all the time; [`Proxy::hurt`] does one thing until [`Proxy::heal`].

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::dice::Dice;
use crate::frames::{Frames, Unit};

/// How often a direction without traffic looks whether its time is up.
const LOOK: Duration = Duration::from_millis(20);
/// While the link is bad a connection lasts between these, in milliseconds.
const LASTS: (u64, u64) = (150, 2500);
/// Bytes that are sent one by one when a link trickles.
const TRICKLED: usize = 200;
/// Of ten.
const LOST: u64 = 3;
/// The shortest time after which TCP takes a segment for lost (Linux, `TCP_RTO_MIN`).
const SENT_AGAIN: Duration = Duration::from_millis(200);
/// What a line of a rate sends at a time.
const AT_A_RATE: usize = 1024;
/// Between two of them.
const TRICKLE: Duration = Duration::from_micros(300);
/// Connections that are remembered to be cut: those that ended are forgotten past this.
const REMEMBERED: usize = 256;

/// A direction: to the server, or from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// What is asked.
    There,
    /// What is answered.
    Back,
}

/// What is done to everything that passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hurt {
    /// One direction ends, as if its sender had said all; the other goes on.
    HalfClose(Way),
    /// One direction says nothing any more and nobody is told: a box between forgot the connection. It is cut at the end.
    Swallow(Way),
    /// Nothing passes, and all of it comes late: a partition that heals.
    Hold,
    /// Each piece comes this much later.
    Delay(Duration),
    /// The first bytes of each piece come one by one.
    Trickle,
    /// So many bytes pass in a second, each way.
    Rate(u32),
    /// Three pieces in ten are lost, and come when they are sent again: after 200 ms, and twice as long each time.
    Lose,
    /// Each message of a WebSocket comes twice.
    Repeat,
    /// Two messages of a WebSocket that follow each other change places.
    Reorder,
}

/// Stands between a client and a server until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    place: Place,
    link: Arc<Link>,
}

#[derive(Debug, Clone)]
enum Place {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// What all connections share.
#[derive(Debug)]
struct Link {
    is_bad: AtomicBool,
    ends: AtomicBool,
    hurt: Mutex<Option<Hurt>>,
    open: Mutex<Vec<Stream>>,
    /// Connections that were cut, and pieces that were held up or swallowed before it.
    cuts: AtomicU64,
    hurts: AtomicU64,
    dice: Dice,
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    fn connect(place: &Place) -> io::Result<Self> {
        match place {
            Place::Tcp(address) => {
                let stream = TcpStream::connect(address)?;
                stream.set_nodelay(true)?;
                Ok(Self::Tcp(stream))
            }
            Place::Unix(path) => UnixStream::connect(path).map(Self::Unix),
        }
    }

    fn again(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(stream) => stream.try_clone().map(Self::Tcp),
            Self::Unix(stream) => stream.try_clone().map(Self::Unix),
        }
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(how),
            Self::Unix(stream) => stream.shutdown(how),
        }
    }

    fn look_every(&self, time: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_read_timeout(Some(time)),
            Self::Unix(stream) => stream.set_read_timeout(Some(time)),
        }
    }

    /// Whether somebody could still say something over it.
    fn is_open(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.peer_addr().is_ok(),
            Self::Unix(stream) => stream.peer_addr().is_ok(),
        }
    }

    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(into),
            Self::Unix(stream) => stream.read(into),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.write_all(bytes),
            Self::Unix(stream) => stream.write_all(bytes),
        }
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Proxy {
    /// A good link to `server` (`http://host:port`), until it is told to be bad.
    ///
    /// # Panics
    /// When that is no address on loopback, or no port is free.
    #[must_use]
    pub fn to(server: &str, seed: u64) -> Self {
        Self::before(&[server], seed)
    }

    /// The same to one of several: each connection to the next one that takes it.
    ///
    /// # Panics
    /// As [`Self::to`].
    #[must_use]
    pub fn before(servers: &[&str], seed: u64) -> Self {
        let place = |server: &&str| {
            let server = server.strip_prefix("http://").unwrap();
            let server = server
                .trim_end_matches('/')
                .replace("localhost", "127.0.0.1");
            Place::Tcp(server.parse().unwrap())
        };
        let servers: Vec<Place> = servers.iter().map(place).collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = Place::Tcp(listener.local_addr().unwrap());
        let accept = move || {
            let client = listener.accept()?.0;
            client.set_nodelay(true)?;
            Ok(Stream::Tcp(client))
        };
        Self::between(accept, place, servers, seed)
    }

    /// The same between two unix sockets: `here` is made, `there` is the server's.
    ///
    /// # Panics
    /// When `here` cannot be made.
    #[must_use]
    pub fn to_unix(here: &Path, there: &Path, seed: u64) -> Self {
        let listener = UnixListener::bind(here).unwrap();
        let accept = move || Ok(Stream::Unix(listener.accept()?.0));
        let place = Place::Unix(here.to_owned());
        Self::between(accept, place, vec![Place::Unix(there.to_owned())], seed)
    }

    fn between(
        accept: impl Fn() -> io::Result<Stream> + Send + 'static,
        place: Place,
        servers: Vec<Place>,
        seed: u64,
    ) -> Self {
        let link = Arc::new(Link {
            is_bad: AtomicBool::new(false),
            ends: AtomicBool::new(false),
            hurt: Mutex::new(None),
            open: Mutex::new(Vec::new()),
            cuts: AtomicU64::new(0),
            hurts: AtomicU64::new(0),
            dice: Dice::new(seed),
        });
        let shared = link.clone();
        std::thread::spawn(move || {
            for turn in 0.. {
                let client = accept();
                if shared.ends.load(Ordering::Relaxed) {
                    return;
                }
                match client {
                    // When none is there it is a link that breaks.
                    Ok(client) => {
                        let in_turn = servers.iter().cycle().skip(turn % servers.len());
                        let mut in_turn = in_turn.take(servers.len());
                        if let Some(server) = in_turn.find_map(|one| Stream::connect(one).ok()) {
                            let _ = carry(&shared, &client, &server);
                        }
                    }
                    // Out of files: whoever waits gets them back.
                    Err(_) => sleep(LOOK),
                }
            }
        });
        Self { place, link }
    }

    /// Where a client finds it.
    ///
    /// # Panics
    /// For one on a unix socket.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.place {
            Place::Tcp(address) => format!("http://{address}"),
            Place::Unix(path) => panic!("{} has no address", path.display()),
        }
    }

    /// From now on, for what is connected already too.
    pub fn turn_bad(&self) {
        self.link.is_bad.store(true, Ordering::Relaxed);
    }

    /// From now on; what is hurt already stays so.
    pub fn turn_good(&self) {
        self.link.is_bad.store(false, Ordering::Relaxed);
    }

    /// From now on this is done to all that passes, in what is connected already too.
    pub fn hurt(&self, hurt: Hurt) {
        *held(&self.link.hurt) = Some(hurt);
    }

    /// Nothing is done any more. A connection that lost something is cut: it can only be begun anew.
    pub fn heal(&self) {
        let was = held(&self.link.hurt).take();
        if matches!(was, Some(Hurt::HalfClose(_) | Hurt::Swallow(_))) {
            self.cut();
        }
    }

    /// Every connection ends now. How many there were.
    pub fn cut(&self) -> usize {
        let open = std::mem::take(&mut *held(&self.link.open));
        for stream in &open {
            let _ = stream.shutdown(Shutdown::Both);
        }
        let cut = open.len() / 2;
        self.link.cuts.fetch_add(cut as u64, Ordering::Relaxed);
        cut
    }

    /// Connections that were cut, and pieces that were held up, swallowed, repeated or reordered.
    #[must_use]
    pub fn harm(&self) -> (u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.link.cuts), read(&self.link.hurts))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.link.ends.store(true, Ordering::Relaxed);
        // So that the listener looks.
        let _ = Stream::connect(&self.place);
        self.cut();
    }
}

/// Two directions, each in a thread that ends with the connection.
fn carry(link: &Arc<Link>, client: &Stream, server: &Stream) -> io::Result<()> {
    {
        let mut open = held(&link.open);
        if open.len() >= REMEMBERED {
            open.retain(Stream::is_open);
        }
        open.extend([client.again()?, server.again()?]);
    }
    let ends_at = Arc::new(Mutex::new(None));
    for (way, from, to) in [(Way::There, client, server), (Way::Back, server, client)] {
        let direction = Direction {
            link: link.clone(),
            ends_at: ends_at.clone(),
            way,
            from: from.again()?,
            to: to.again()?,
            frames: Frames::new(),
            kept: None,
            is_silent: false,
        };
        std::thread::spawn(move || direction.pump());
    }
    Ok(())
}

struct Direction {
    link: Arc<Link>,
    ends_at: Arc<Mutex<Option<Instant>>>,
    way: Way,
    from: Stream,
    to: Stream,
    frames: Frames,
    /// A message that waits for the next one to overtake it.
    kept: Option<Unit>,
    is_silent: bool,
}

impl Direction {
    fn pump(mut self) {
        let mut chunk = [0; 16 * 1024];
        if self.from.look_every(LOOK).is_err() {
            return;
        }
        loop {
            let is_bad = self.link.is_bad.load(Ordering::Relaxed);
            if self.is_over(is_bad) {
                self.cut();
                return;
            }
            let hurt = *held(&self.link.hurt);
            if hurt == Some(Hurt::HalfClose(self.way)) {
                self.link.hurts.fetch_add(1, Ordering::Relaxed);
                let _ = self.to.shutdown(Shutdown::Write);
                return;
            }
            let done = match self.from.read(&mut chunk) {
                Ok(0) => {
                    let _ = self.flush();
                    let _ = self.to.shutdown(Shutdown::Write);
                    return;
                }
                Ok(count) => self.send(&chunk[..count], is_bad),
                // Nothing came to overtake it.
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    self.flush()
                }
                Err(error) => Err(error),
            };
            // A reset is passed on, as a network does that works.
            if done.is_err() {
                let _ = self.from.shutdown(Shutdown::Both);
                let _ = self.to.shutdown(Shutdown::Both);
                return;
            }
        }
    }

    fn cut(&self) {
        let both = [
            self.from.shutdown(Shutdown::Both),
            self.to.shutdown(Shutdown::Both),
        ];
        if both.iter().any(Result::is_ok) {
            self.link.cuts.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether the connection has had its time; while the link is bad each has one.
    fn is_over(&self, is_bad: bool) -> bool {
        let mut ends_at = held(&self.ends_at);
        if is_bad && ends_at.is_none() {
            let lasts = self.link.dice.draw(LASTS.0, LASTS.1);
            *ends_at = Some(Instant::now() + Duration::from_millis(lasts));
        }
        ends_at.is_some_and(|at| Instant::now() >= at) || self.link.ends.load(Ordering::Relaxed)
    }

    fn count(&self) {
        self.link.hurts.fetch_add(1, Ordering::Relaxed);
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.kept.take() {
            Some(kept) => self.to.write(&kept.bytes),
            None => Ok(()),
        }
    }

    fn trickle(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (slow, rest) = bytes.split_at(bytes.len().min(TRICKLED));
        for byte in slow {
            self.to.write(&[*byte])?;
            sleep(TRICKLE);
        }
        self.to.write(rest)
    }

    fn send(&mut self, bytes: &[u8], is_bad: bool) -> io::Result<()> {
        if is_bad || self.is_silent {
            return self.send_badly(bytes, is_bad);
        }
        for unit in self.frames.feed(bytes) {
            self.pass(unit)?;
        }
        Ok(())
    }

    fn pass(&mut self, unit: Unit) -> io::Result<()> {
        let hurt = self.wait_while_held();
        if hurt != Some(Hurt::Reorder) {
            self.flush()?;
        }
        match hurt {
            Some(Hurt::Swallow(way)) if way == self.way => {
                self.count();
                self.is_silent = true;
                return Ok(());
            }
            Some(Hurt::Delay(time)) => {
                self.count();
                sleep(time);
            }
            Some(Hurt::Lose) => {
                self.count();
                let mut again = SENT_AGAIN;
                while self.link.dice.draw(0, 10) < LOST {
                    sleep(again);
                    again *= 2;
                }
            }
            Some(Hurt::Rate(rate)) => {
                self.count();
                for piece in unit.bytes.chunks(AT_A_RATE) {
                    sleep(Duration::from_secs_f64(
                        piece.len() as f64 / f64::from(rate.max(1)),
                    ));
                    self.to.write(piece)?;
                }
                return Ok(());
            }
            Some(Hurt::Trickle) => {
                self.count();
                return self.trickle(&unit.bytes);
            }
            Some(Hurt::Repeat) if unit.is_message => {
                self.count();
                self.to.write(&unit.bytes)?;
            }
            Some(Hurt::Reorder) if unit.is_message => match self.kept.take() {
                None => {
                    self.kept = Some(unit);
                    return Ok(());
                }
                Some(earlier) => {
                    self.count();
                    self.to.write(&unit.bytes)?;
                    return self.to.write(&earlier.bytes);
                }
            },
            _ => {}
        }
        self.to.write(&unit.bytes)
    }

    /// What is to be done now, once something may pass.
    fn wait_while_held(&self) -> Option<Hurt> {
        let mut is_counted = false;
        loop {
            let hurt = *held(&self.link.hurt);
            if hurt != Some(Hurt::Hold) || self.link.ends.load(Ordering::Relaxed) {
                return hurt;
            }
            if !is_counted {
                self.count();
                is_counted = true;
            }
            sleep(LOOK);
        }
    }

    /// By dice.
    fn send_badly(&mut self, bytes: &[u8], is_bad: bool) -> io::Result<()> {
        let what = if is_bad {
            self.link.dice.draw(0, 10)
        } else {
            9
        };
        if what < 4 || self.is_silent {
            self.count();
        }
        match what {
            // Nothing comes through any more, and nobody is told, until it is cut.
            _ if self.is_silent => return Ok(()),
            0 => {
                self.is_silent = true;
                return Ok(());
            }
            1 => sleep(Duration::from_millis(self.link.dice.draw(1, 150))),
            2 | 3 => return self.trickle(bytes),
            _ => {}
        }
        self.to.write(bytes)
    }
}
