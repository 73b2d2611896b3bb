//! The broker: what an agent's own git reaches as `origin`. It holds no credential and needs none.
//!
//! `git fetch` and `git ls-remote` see the target branch and the run's own work. `git push` of the
//! run's own branch is taken in as strictly as the work at the end of a turn, and becomes its
//! checkpoint on the run's own ref. Everything else is refused in words: branches of the remote move
//! when a person approves the run.

pub(crate) mod http;
mod pushes;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use freehold_git::{BranchName, FETCH_REQUEST_MAX, Oid, Shown, Store};
use freehold_sandbox::Port;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::failure::{Halt, chain};
use crate::report::Report;
use crate::surroundings::socket;

/// Requests at once: one git asks one after the other.
const AT_ONCE: usize = 4;
/// A head is some hundred bytes; who takes longer holds a slot for nothing.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// One request, from its first byte to its last: a push of gigabytes through a loopback takes minutes.
const WITHIN: Duration = Duration::from_secs(900);
/// How long the target's place is good for: an agent that asks in a loop must not ask the remote.
const FRESH_FOR: Duration = Duration::from_secs(30);

/// The folder for bodies below a run's: what a run pushes is measured with the rest of its disk, so
/// each body keeps its name there for as long as it is.
pub(crate) fn bodies(run: &Path) -> PathBuf {
    run.join("bodies")
}

/// A body's file, which goes with it.
struct Body(PathBuf);

impl Drop for Body {
    fn drop(&mut self) {
        let _removed = std::fs::remove_file(&self.0);
    }
}

/// What one run may see and change.
pub(crate) struct Door {
    pub(crate) store: Store,
    pub(crate) target: BranchName,
    /// Where the turn started: what is pushed descends from it.
    pub(crate) from: Option<Oid>,
    /// Where the agent was shown the target at the turn's begin, if that is elsewhere.
    pub(crate) moved: Option<Oid>,
    /// What the run's ref points to.
    pub(crate) claimed: Oid,
    /// A folder of the host for bodies; made here, and empty again in the end.
    pub(crate) folder: PathBuf,
    /// This machine's local files in the workspace, which no commit may hold.
    pub(crate) local: Vec<PathBuf>,
}

/// A broker, while it lives.
pub(crate) struct Broker {
    pub(crate) port: Port,
    shared: Arc<Shared>,
    cancel: CancellationToken,
    listening: tokio::task::JoinHandle<()>,
}

struct Shared {
    report: Report,
    door: Door,
    /// The target's tip, and when it was asked for.
    tip: Mutex<(Option<Oid>, Option<Instant>)>,
    /// What was pushed last. Held through a push: one at a time.
    pushed: Mutex<Option<Oid>>,
    slots: Arc<Semaphore>,
}

impl Broker {
    /// Listens for one turn, at a port of the run's loopback.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub(crate) fn open(
        report: &Report,
        door: Door,
        tip: Option<Oid>,
        port: u16,
    ) -> Result<Self, Halt> {
        std::fs::create_dir_all(&door.folder)?;
        let socket = socket(report.context.site());
        let listener = UnixListener::bind(&socket)?;
        let shared = Arc::new(Shared {
            report: report.clone(),
            door,
            tip: Mutex::new((tip, None)),
            pushed: Mutex::default(),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
        });
        let cancel = CancellationToken::new();
        let listening = tokio::spawn(listen(listener, shared.clone(), cancel.clone()));
        Ok(Self {
            port: Port { port, socket },
            shared,
            cancel,
            listening,
        })
    }

    /// Ends it, with every request that is under way, and gives what was pushed last, and where the
    /// target was said to be.
    pub(crate) async fn close(self) -> (Option<Oid>, Option<Oid>) {
        self.cancel.cancel();
        // It only ends.
        let _ended = self.listening.await;
        let _gone = std::fs::remove_file(&self.port.socket);
        let pushed = self.shared.pushed.lock().await.take();
        (pushed, self.shared.tip.lock().await.0.take())
    }
}

async fn listen(listener: UnixListener, shared: Arc<Shared>, cancel: CancellationToken) {
    let mut requests = JoinSet::new();
    loop {
        // Taken before the connection is: who waits, waits in the socket's queue and costs nothing.
        let next = async {
            let slot = shared.slots.clone().acquire_owned().await;
            (slot, listener.accept().await)
        };
        let accepted = tokio::select! {
            biased;
            () = cancel.cancelled() => break,
            Some(_) = requests.join_next(), if !requests.is_empty() => continue,
            accepted = next => accepted,
        };
        let (Ok(slot), Ok((stream, _))) = accepted else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let shared = shared.clone();
        requests.spawn(async move {
            let _slot = slot;
            let answered = tokio::time::timeout(WITHIN, shared.request(stream)).await;
            if let Ok(Err(error)) = answered {
                tracing::debug!(%error, "a request of an agent's git was not answered");
            }
        });
    }
    // A push that has reached the remote by now is written down before it goes.
    requests.abort_all();
    while requests.join_next().await.is_some() {}
}

/// An answer before it is written.
enum Answer {
    Bytes(&'static str, Vec<u8>),
    File(&'static str, tokio::fs::File, u64, Body),
    Refused(&'static str, String),
}

impl Shared {
    async fn request(&self, mut stream: UnixStream) -> std::io::Result<()> {
        let head = tokio::time::timeout(HEAD_WITHIN, http::head(&mut stream)).await;
        let (head, first) = head.map_err(|_| std::io::ErrorKind::TimedOut)??;
        let answer = match (
            head.method.as_str(),
            head.path.as_str(),
            head.query.as_str(),
        ) {
            ("GET", "/repo/info/refs", "service=git-upload-pack") => {
                let shown = self.shown(true).await;
                match self.door.store.fetch_refs(&shown).await {
                    Ok(refs) => Answer::Bytes("application/x-git-upload-pack-advertisement", refs),
                    Err(error) => failed(&error),
                }
            }
            ("GET", "/repo/info/refs", "service=git-receive-pack") => {
                let refs = self.door.store.push_refs(&self.shown(false).await);
                Answer::Bytes("application/x-git-receive-pack-advertisement", refs)
            }
            ("POST", "/repo/git-upload-pack" | "/repo/git-receive-pack", _) if head.encoded => {
                Answer::Refused(
                    "415 Unsupported Media Type",
                    "compressed requests are not taken".into(),
                )
            }
            ("POST", "/repo/git-upload-pack", "") => {
                let mut request = Vec::new();
                let limit = FETCH_REQUEST_MAX as u64;
                http::body(&head, first, &mut stream, &mut request, limit).await?;
                self.fetch(&request).await?
            }
            ("POST", "/repo/git-receive-pack", "") => self.push(&head, first, &mut stream).await?,
            _ => Answer::Refused(
                "404 Not Found",
                "there is one repository here, /repo".into(),
            ),
        };
        write(&mut stream, answer).await
    }

    /// The refs that the run may see; asks the remote where its target is, at most so often.
    async fn shown(&self, ask: bool) -> Shown {
        let mut tip = self.tip.lock().await;
        if ask && tip.1.is_none_or(|at| at.elapsed() > FRESH_FOR) {
            match self.door.store.fetch(&self.door.target).await {
                Ok(now) => tip.0 = now,
                Err(error) => {
                    tracing::debug!(%error, "the target was not asked for; its last place is shown")
                }
            }
            tip.1 = Some(Instant::now());
        }
        let own = self.pushed.lock().await.clone();
        let target = tip.0.clone().map(|oid| (self.door.target.full(), oid));
        let own = own.map(|oid| (pushes::own_branch(), oid));
        Shown {
            refs: target.into_iter().chain(own).collect(),
        }
    }

    async fn fetch(&self, request: &[u8]) -> std::io::Result<Answer> {
        let body = self.body_file("answer");
        let shown = self.shown(false).await;
        let done = self.door.store.fetch_pack(&shown, request, &body.0).await;
        match done {
            Ok(()) => {
                let file = tokio::fs::File::open(&body.0).await?;
                let length = file.metadata().await?.len();
                Ok(Answer::File(
                    "application/x-git-upload-pack-result",
                    file,
                    length,
                    body,
                ))
            }
            Err(error) => Ok(failed(&error)),
        }
    }

    /// A path for one body, of a name that nobody can guess or has.
    fn body_file(&self, what: &str) -> Body {
        let name: [u8; 8] = freehold_model::world::random(&*self.report.context.entropy);
        let name = format!("{what}-{:016x}", u64::from_be_bytes(name));
        Body(self.door.folder.join(name))
    }
}

fn failed(error: &freehold_git::GitError) -> Answer {
    Answer::Refused("400 Bad Request", chain(error))
}

async fn write(stream: &mut UnixStream, answer: Answer) -> std::io::Result<()> {
    match answer {
        Answer::Bytes(kind, bytes) => {
            let head = http::answer("200 OK", kind, bytes.len() as u64);
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&bytes).await?;
        }
        Answer::File(kind, mut file, length, _body) => {
            let head = http::answer("200 OK", kind, length);
            stream.write_all(head.as_bytes()).await?;
            tokio::io::copy(&mut file, stream).await?;
        }
        Answer::Refused(status, words) => {
            let words = words + "\n";
            // git shows a plain text of the server's.
            let head = http::answer(status, "text/plain; charset=utf-8", words.len() as u64);
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(words.as_bytes()).await?;
        }
    }
    stream.shutdown().await
}
