//! Counts round trips to the database: stands on PostgreSQL's wire between a server and it, changes nothing,
//! and writes down what was asked and when it was answered. It can make each trip take longer, as one to a
//! database elsewhere does.
//!
//! A round trip begins with what a client says while nothing of it is unanswered, and ends with the last
//! `ReadyForQuery` that it waits for (PostgreSQL's manual, "Message Flow").

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

use crate::Database;

/// Trips that are kept: a test that makes more forgets what it saw before.
const KEPT_MOST: usize = 200_000;
/// The version in a message that begins a session; any other asks for something before it.
const BEGINS: u32 = 196_608;

/// One round trip.
#[derive(Debug, Clone)]
pub struct Trip {
    /// Which connection.
    pub connection: u64,
    /// The statements that were executed, in their order. None: a mere `Sync`, by which a pool looks whether a
    /// connection lives, or a statement that is prepared and not yet executed.
    pub said: Vec<String>,
    /// When it was begun.
    pub began: Instant,
    /// When it was answered.
    pub ended: Option<Instant>,
    /// A statement was only prepared: the next time there is no such trip on this connection.
    pub prepares: bool,
}

impl Trip {
    /// Whether it did nothing but look whether the connection lives.
    #[must_use]
    pub const fn is_bare(&self) -> bool {
        self.said.is_empty() && !self.prepares
    }

    /// Whether a statement of it contains these words.
    #[must_use]
    pub fn says(&self, words: &str) -> bool {
        self.said.iter().any(|said| said.contains(words))
    }
}

/// Stands between until it is dropped.
#[derive(Debug)]
pub struct Trips {
    seen: Arc<Seen>,
    accepts: JoinHandle<()>,
    _directory: tempfile::TempDir,
}

#[derive(Debug, Default)]
struct Seen {
    trips: Mutex<Vec<Trip>>,
    /// Nanoseconds by which each trip is longer.
    longer: AtomicU64,
    connections: AtomicU64,
}

impl Trips {
    /// Stands before this database; gives it as the server is to see it. Owners go straight to it.
    ///
    /// # Panics
    /// When its address is none on a unix socket.
    pub fn before(database: &Database) -> (Self, Database) {
        let url = reqwest::Url::parse(&database.app).unwrap();
        let option = |name: &str| {
            let mut all = url.query_pairs();
            all.find(|(key, _)| key == name).unwrap().1.into_owned()
        };
        let (host, port) = (option("host"), option("port"));
        let socket = format!(".s.PGSQL.{port}");
        let directory = tempfile::Builder::new().prefix("fh-rt").tempdir().unwrap();
        let there = Path::new(&host).join(&socket);
        let here = directory.path().to_str().unwrap().to_owned();
        let listener = UnixListener::bind(directory.path().join(&socket)).unwrap();
        let seen = Arc::<Seen>::default();
        let accepts = tokio::spawn({
            let seen = seen.clone();
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    if let Ok(server) = UnixStream::connect(&there).await {
                        carry(&seen, client, server);
                    }
                }
            }
        });
        let mut through = url.clone();
        let options = url.query_pairs().map(|(key, value)| match &*key {
            "host" => (key, here.clone().into()),
            _ => (key, value),
        });
        through.query_pairs_mut().clear().extend_pairs(options);
        let seen_by_server = Database {
            owner: database.owner.clone(),
            app: through.into(),
        };
        let trips = Self {
            seen,
            accepts,
            _directory: directory,
        };
        (trips, seen_by_server)
    }

    /// From now on each trip takes this much longer.
    ///
    /// # Panics
    /// For more than some hundred years.
    pub fn make_longer(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap();
        self.seen.longer.store(nanos, Ordering::Relaxed);
    }

    /// All trips so far, and forgets them.
    #[must_use]
    pub fn take(&self) -> Vec<Trip> {
        std::mem::take(&mut *self.seen.trips())
    }

    /// How many sessions there were.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.seen.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Trips {
    fn drop(&mut self) {
        self.accepts.abort();
    }
}

impl Seen {
    fn trips(&self) -> MutexGuard<'_, Vec<Trip>> {
        self.trips.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn carry(seen: &Arc<Seen>, client: UnixStream, server: UnixStream) {
    let connection = seen.connections.fetch_add(1, Ordering::Relaxed);
    let open = Arc::new(Mutex::new(Open::default()));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let there = There {
        connection,
        seen: seen.clone(),
        open: open.clone(),
        has_begun: false,
        statements: HashMap::new(),
    };
    tokio::spawn(there.pump(from_client, to_server));
    tokio::spawn(back(open, from_server, to_client, seen.clone()));
}

/// The trip that is under way.
#[derive(Debug, Default)]
struct Open {
    trip: Option<Trip>,
    /// Answers that are still to come.
    unanswered: u32,
}

fn held(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A message: its type (0 for the first one, which has none), and what it says.
type Message = (u8, Vec<u8>);

/// Takes the next whole message off `bytes`.
fn message(bytes: &mut Vec<u8>, has_type: bool) -> Option<Message> {
    let at = usize::from(has_type);
    let length: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
    let body = bytes.get(at + 4..at + length)?.to_vec();
    let kind = if has_type { *bytes.first()? } else { 0 };
    bytes.drain(..at + length);
    Some((kind, body))
}

/// A string that ends with a zero, and what is behind it.
fn text(bytes: &[u8]) -> (String, &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0);
    let (text, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
    let rest = rest.get(1..).unwrap_or_default();
    (String::from_utf8_lossy(text).into_owned(), rest)
}

struct There {
    connection: u64,
    seen: Arc<Seen>,
    open: Arc<Mutex<Open>>,
    has_begun: bool,
    statements: HashMap<String, String>,
}

impl There {
    async fn pump(mut self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> io::Result<()> {
        let (mut chunk, mut unread) = (vec![0; 64 * 1024], Vec::new());
        loop {
            let count = from.read(&mut chunk).await?;
            if count == 0 {
                return to.shutdown().await;
            }
            unread.extend_from_slice(&chunk[..count]);
            let mut begins = false;
            while let Some((kind, body)) = message(&mut unread, self.has_begun) {
                begins |= self.heard(kind, &body);
            }
            let longer = Duration::from_nanos(self.seen.longer.load(Ordering::Relaxed));
            if begins && !longer.is_zero() {
                tokio::time::sleep(longer).await;
            }
            to.write_all(&chunk[..count]).await?;
        }
    }

    /// True where a trip begins.
    fn heard(&mut self, kind: u8, body: &[u8]) -> bool {
        if !self.has_begun {
            let version = body.first_chunk().map(|first| u32::from_be_bytes(*first));
            self.has_begun = version == Some(BEGINS);
            return false;
        }
        // What is said of a password ends with no answer of its own, and a farewell with none at all.
        if matches!(kind, b'p' | b'X') {
            return false;
        }
        let mut open = held(&self.open);
        let begins = open.trip.is_none();
        let trip = open.trip.get_or_insert_with(|| Trip {
            connection: self.connection,
            said: Vec::new(),
            began: Instant::now(),
            ended: None,
            prepares: false,
        });
        match kind {
            b'P' => {
                let (name, rest) = text(body);
                self.statements.insert(name, text(rest).0);
                trip.prepares = true;
            }
            b'B' => {
                let (_portal, rest) = text(body);
                let said = self.statements.get(&text(rest).0).cloned();
                trip.said.extend(said);
            }
            b'Q' => trip.said.push(text(body).0),
            _ => {}
        }
        if matches!(kind, b'Q' | b'S') {
            open.unanswered += 1;
        }
        begins
    }
}

async fn back(
    open: Arc<Mutex<Open>>,
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    seen: Arc<Seen>,
) -> io::Result<()> {
    let (mut chunk, mut unread) = (vec![0; 64 * 1024], Vec::new());
    loop {
        let count = from.read(&mut chunk).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        unread.extend_from_slice(&chunk[..count]);
        while let Some((kind, _)) = message(&mut unread, true) {
            if kind == b'Z' {
                answered(&mut held(&open), &seen);
            }
        }
        to.write_all(&chunk[..count]).await?;
    }
}

/// The server is ready for more. The first time it says so of itself.
fn answered(open: &mut Open, seen: &Seen) {
    open.unanswered = open.unanswered.saturating_sub(1);
    if open.unanswered > 0 {
        return;
    }
    if let Some(trip) = open.trip.take() {
        let mut trips = seen.trips();
        if trips.len() >= KEPT_MOST {
            trips.clear();
        }
        trips.push(Trip {
            ended: Some(Instant::now()),
            ..trip
        });
    }
}
