//! A bad link: a TCP proxy on loopback that delays, trickles, falls silent in one direction, and cuts.
//! What it does is drawn from a seed; when it does it depends on the traffic.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often a direction without traffic looks whether its time is up.
const LOOK: Duration = Duration::from_millis(20);
/// While the link is bad a connection lasts between these, in milliseconds.
const LASTS: (u64, u64) = (150, 2500);
/// Bytes that are sent one by one when a link trickles.
const TRICKLED: usize = 200;

/// Stands between a runner and its server.
pub(crate) struct Proxy {
    address: SocketAddr,
    link: Arc<Link>,
}

/// What all connections share.
struct Link {
    is_bad: AtomicBool,
    ends: AtomicBool,
    /// Connections that were cut, and chunks that were held up or swallowed before it.
    cuts: AtomicU64,
    hurts: AtomicU64,
    dice: AtomicU64,
}

impl Link {
    /// `SplitMix64`: at least `low`, below `high`.
    fn draw(&self, low: u64, high: u64) -> u64 {
        let mut z = self
            .dice
            .fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        low + (z ^ (z >> 31)) % (high - low)
    }
}

impl Proxy {
    /// A good link to `server` (`http://host:port`), until it is told to be bad.
    pub(crate) fn to(server: &str, seed: u64) -> Self {
        Self::before(&[server], seed)
    }

    /// The same to one of several: each connection to the next one that takes it.
    pub(crate) fn before(servers: &[&str], seed: u64) -> Self {
        let address = |server: &&str| {
            let server = server.strip_prefix("http://").unwrap();
            server.replace("localhost", "127.0.0.1")
        };
        let servers: Vec<String> = servers.iter().map(address).collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let link = Arc::new(Link {
            is_bad: AtomicBool::new(false),
            ends: AtomicBool::new(false),
            cuts: AtomicU64::new(0),
            hurts: AtomicU64::new(0),
            dice: AtomicU64::new(seed),
        });
        let shared = link.clone();
        std::thread::spawn(move || {
            for (turn, runner) in listener.incoming().enumerate() {
                if shared.ends.load(Ordering::Relaxed) {
                    return;
                }
                let mut from_here = servers.iter().cycle().skip(turn % servers.len());
                let from_here = from_here.by_ref().take(servers.len());
                let server = from_here.map(TcpStream::connect).find_map(Result::ok);
                // When none is there it is a link that breaks.
                if let (Ok(runner), Some(server)) = (runner, server) {
                    carry(&shared, runner, server);
                }
            }
        });
        Self { address, link }
    }

    /// Where a runner finds it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on, for what is connected already too.
    pub(crate) fn turn_bad(&self) {
        self.link.is_bad.store(true, Ordering::Relaxed);
    }

    /// From now on; what is hurt already stays so.
    pub(crate) fn turn_good(&self) {
        self.link.is_bad.store(false, Ordering::Relaxed);
    }

    /// Connections that were cut, and chunks that were held up or swallowed.
    pub(crate) fn harm(&self) -> (u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.link.cuts), read(&self.link.hurts))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.link.ends.store(true, Ordering::Relaxed);
        // So that the listener looks.
        let _ = TcpStream::connect(self.address);
    }
}

/// Two directions, each in a thread that ends with the connection.
fn carry(link: &Arc<Link>, runner: TcpStream, server: TcpStream) {
    let ends_at = Arc::new(Mutex::new(None));
    for (from, to) in [(&runner, &server), (&server, &runner)] {
        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        let (link, ends_at) = (link.clone(), ends_at.clone());
        std::thread::spawn(move || pump(&link, &ends_at, from, to));
    }
}

fn pump(link: &Link, ends_at: &Mutex<Option<Instant>>, mut from: TcpStream, mut to: TcpStream) {
    let mut chunk = [0; 16 * 1024];
    let mut is_silent = false;
    from.set_read_timeout(Some(LOOK)).unwrap();
    loop {
        let is_bad = link.is_bad.load(Ordering::Relaxed);
        if is_over(link, ends_at, is_bad) {
            let both = [from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both)];
            if both.iter().any(Result::is_ok) {
                link.cuts.fetch_add(1, Ordering::Relaxed);
            }
            return;
        }
        match from.read(&mut chunk) {
            Ok(0) => {
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            Ok(count) => {
                let done = send(link, &mut to, &chunk[..count], is_bad, &mut is_silent);
                if done.is_err() {
                    let _ = from.shutdown(Shutdown::Both);
                    return;
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
    }
}

/// Whether the connection has had its time; while the link is bad each has one.
fn is_over(link: &Link, ends_at: &Mutex<Option<Instant>>, is_bad: bool) -> bool {
    let mut ends_at = ends_at.lock().unwrap();
    if is_bad && ends_at.is_none() {
        let lasts = link.draw(LASTS.0, LASTS.1);
        *ends_at = Some(Instant::now() + Duration::from_millis(lasts));
    }
    ends_at.is_some_and(|at| Instant::now() >= at) || link.ends.load(Ordering::Relaxed)
}

fn send(
    link: &Link,
    to: &mut TcpStream,
    bytes: &[u8],
    is_bad: bool,
    is_silent: &mut bool,
) -> std::io::Result<()> {
    let what = if is_bad { link.draw(0, 10) } else { 9 };
    if what < 4 || *is_silent {
        link.hurts.fetch_add(1, Ordering::Relaxed);
    }
    match what {
        // Nothing comes through any more, and nobody is told, until it is cut.
        _ if *is_silent => return Ok(()),
        0 => {
            *is_silent = true;
            return Ok(());
        }
        1 => sleep(Duration::from_millis(link.draw(1, 150))),
        2 | 3 => {
            let (slow, rest) = bytes.split_at(bytes.len().min(TRICKLED));
            for byte in slow {
                to.write_all(&[*byte])?;
                sleep(Duration::from_micros(300));
            }
            return to.write_all(rest);
        }
        _ => {}
    }
    to.write_all(bytes)
}
