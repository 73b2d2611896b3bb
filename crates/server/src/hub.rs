//! The runners that are connected to this process.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use freehold_engine::{Answer, Connected, Hub};
use freehold_model::{RunnerId, TenantId};
use freehold_wire::link::{Down, Frame, Probe, Probed};
use tokio::sync::{mpsc, oneshot};

/// How long a probe may take: a slow remote is still a remote.
const ASK_TIMEOUT: Duration = Duration::from_secs(45);
/// Frames that may wait for a slow runner; past that they are dropped, and repeated later.
const QUEUE: usize = 256;

struct Line {
    tenant: TenantId,
    connected: Connected,
    generation: u64,
    session: Vec<u8>,
    frames: mpsc::Sender<Frame<Down>>,
}

#[derive(Default)]
struct Inner {
    lines: HashMap<RunnerId, Line>,
    questions: HashMap<String, oneshot::Sender<Probed>>,
}

/// The connections of this process.
#[derive(Default)]
pub struct Connections {
    inner: Mutex<Inner>,
    count: AtomicU64,
}

/// One runner's connection; ends its entry when dropped.
pub(crate) struct Registered {
    pub(crate) runner: RunnerId,
    pub(crate) generation: u64,
    pub(crate) frames: mpsc::Receiver<Frame<Down>>,
}

impl Connections {
    /// No runner yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a runner. An earlier connection of the same runner loses its line, and with it ends.
    /// `session` is the hash of the connection's token.
    pub(crate) fn register(
        &self,
        tenant: TenantId,
        connected: Connected,
        session: Vec<u8>,
    ) -> Registered {
        let (sender, frames) = mpsc::channel(QUEUE);
        let generation = self.count.fetch_add(1, Ordering::Relaxed);
        let runner = connected.runner;
        let line = Line {
            tenant,
            connected,
            generation,
            session,
            frames: sender,
        };
        self.lock().lines.insert(runner, line);
        Registered {
            runner,
            generation,
            frames,
        }
    }

    /// Whose session this is, while its connection lasts.
    pub(crate) fn session(&self, hash: &[u8]) -> Option<(TenantId, RunnerId)> {
        let inner = self.lock();
        let line = inner.lines.values().find(|line| line.session == hash)?;
        Some((line.tenant, line.connected.runner))
    }

    /// Removes a connection, unless a later one has taken its place.
    pub(crate) fn unregister(&self, runner: RunnerId, generation: u64) {
        let mut inner = self.lock();
        if inner
            .lines
            .get(&runner)
            .is_some_and(|line| line.generation == generation)
        {
            inner.lines.remove(&runner);
        }
    }

    /// The runner takes no more jobs.
    pub(crate) fn set_draining(&self, runner: RunnerId) {
        if let Some(line) = self.lock().lines.get_mut(&runner) {
            line.connected.draining = true;
        }
    }

    /// A runner answered a question.
    pub(crate) fn answered(&self, id: &str, probed: Probed) {
        let question = self.lock().questions.remove(id);
        if let Some(question) = question {
            // Nobody waits any more: the answer came too late.
            let _late = question.send(probed);
        }
    }

    /// The connected runners of a tenant.
    pub(crate) fn of(&self, tenant: TenantId) -> Vec<RunnerId> {
        self.lock()
            .lines
            .values()
            .filter(|line| line.tenant == tenant)
            .map(|line| line.connected.runner)
            .collect()
    }

    /// How many runners are connected.
    pub(crate) fn len(&self) -> usize {
        self.lock().lines.len()
    }

    fn put(&self, runner: RunnerId, frame: Frame<Down>) -> bool {
        let sender = self
            .lock()
            .lines
            .get(&runner)
            .map(|line| line.frames.clone());
        sender.is_some_and(|sender| sender.try_send(frame).is_ok())
    }

    async fn question(&self, tenant: TenantId, probe: Probe) -> Option<Probed> {
        let id = format!("q{}", self.count.fetch_add(1, Ordering::Relaxed));
        let (sender, answer) = oneshot::channel();
        let runner = *self.of(tenant).first()?;
        self.lock().questions.insert(id.clone(), sender);
        let frame = Frame {
            id: Some(id.clone()),
            ..Frame::new(Down::Probe(probe))
        };
        let answer = if self.put(runner, frame) {
            tokio::time::timeout(ASK_TIMEOUT, answer)
                .await
                .ok()
                .and_then(Result::ok)
        } else {
            None
        };
        self.lock().questions.remove(&id);
        answer
    }
}

impl Hub for Connections {
    fn connected(&self, tenant: TenantId) -> Vec<Connected> {
        self.lock()
            .lines
            .values()
            .filter(|line| line.tenant == tenant)
            .map(|line| line.connected.clone())
            .collect()
    }

    fn send(&self, runner: RunnerId, frame: Down) {
        if !self.put(runner, Frame::new(frame)) {
            tracing::debug!(%runner, "a frame was not sent; reconciliation repeats it");
        }
    }

    fn ask(&self, tenant: TenantId, probe: Probe) -> Answer<'_, Option<Probed>> {
        Box::pin(self.question(tenant, probe))
    }
}
