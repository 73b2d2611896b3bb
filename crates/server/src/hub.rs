//! The runners that are connected to this process.

use std::collections::{BTreeSet, HashMap};
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

/// Its queue has room for 32 frames at once, used or not: hence they are boxed.
struct Line {
    tenant: TenantId,
    connected: Connected,
    generation: u64,
    frames: mpsc::Sender<Box<Frame<Down>>>,
}

#[derive(Default)]
struct Inner {
    lines: HashMap<RunnerId, Line>,
    /// Whose they are: a tenant's few are found among everybody's thousands.
    of: HashMap<TenantId, BTreeSet<RunnerId>>,
    /// Whom each was put to: nobody else answers it.
    questions: HashMap<String, (RunnerId, oneshot::Sender<Probed>)>,
}

impl Inner {
    fn insert(&mut self, runner: RunnerId, line: Line) {
        self.of.entry(line.tenant).or_default().insert(runner);
        self.lines.insert(runner, line);
    }

    fn remove(&mut self, runner: RunnerId) {
        let Some(line) = self.lines.remove(&runner) else {
            return;
        };
        if let Some(runners) = self.of.get_mut(&line.tenant) {
            runners.remove(&runner);
            if runners.is_empty() {
                self.of.remove(&line.tenant);
            }
        }
    }

    fn lines_of(&self, tenant: TenantId) -> impl Iterator<Item = &Line> {
        let runners = self.of.get(&tenant).into_iter().flatten();
        runners.filter_map(|runner| self.lines.get(runner))
    }
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
    pub(crate) frames: mpsc::Receiver<Box<Frame<Down>>>,
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
    pub(crate) fn register(&self, tenant: TenantId, connected: Connected) -> Registered {
        let (sender, frames) = mpsc::channel(QUEUE);
        let generation = self.count.fetch_add(1, Ordering::Relaxed);
        let runner = connected.runner;
        let line = Line {
            tenant,
            connected,
            generation,
            frames: sender,
        };
        self.lock().insert(runner, line);
        Registered {
            runner,
            generation,
            frames,
        }
    }

    /// Removes a connection, unless a later one has taken its place.
    pub(crate) fn unregister(&self, runner: RunnerId, generation: u64) {
        let mut inner = self.lock();
        if inner
            .lines
            .get(&runner)
            .is_some_and(|line| line.generation == generation)
        {
            inner.remove(runner);
        }
    }

    /// The runner takes no more jobs.
    pub(crate) fn set_draining(&self, runner: RunnerId) {
        if let Some(line) = self.lock().lines.get_mut(&runner) {
            line.connected.draining = true;
        }
    }

    /// A runner answered a question. What was not asked of this runner is ignored: questions'
    /// numbers can be guessed, and the answer may be for another tenant.
    pub(crate) fn answered(&self, runner: RunnerId, id: &str, probed: Probed) {
        let mut inner = self.lock();
        if inner
            .questions
            .get(id)
            .is_none_or(|(asked, _)| *asked != runner)
        {
            tracing::warn!(%runner, "an answer to a question that was not put to this runner");
            return;
        }
        if let Some((_, question)) = inner.questions.remove(id) {
            // Nobody waits any more: the answer came too late.
            let _late = question.send(probed);
        }
    }

    /// Tenants with a runner that is connected here.
    pub(crate) fn tenants(&self) -> Vec<TenantId> {
        self.lock().of.keys().copied().collect()
    }

    /// Whether any runner of a tenant is connected.
    pub(crate) fn has(&self, tenant: TenantId) -> bool {
        self.of(tenant).is_some()
    }

    /// Any connected runner of a tenant.
    fn of(&self, tenant: TenantId) -> Option<RunnerId> {
        let inner = self.lock();
        let line = inner.lines_of(tenant).next()?;
        Some(line.connected.runner)
    }

    /// Whose runner it is, where its link is ours.
    pub(crate) fn tenant_of(&self, runner: RunnerId) -> Option<TenantId> {
        self.lock().lines.get(&runner).map(|line| line.tenant)
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
        sender.is_some_and(|sender| sender.try_send(Box::new(frame)).is_ok())
    }

    async fn question(&self, tenant: TenantId, probe: Probe) -> Option<Probed> {
        let id = format!("q{}", self.count.fetch_add(1, Ordering::Relaxed));
        let (sender, answer) = oneshot::channel();
        let runner = self.of(tenant)?;
        self.lock().questions.insert(id.clone(), (runner, sender));
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
        let inner = self.lock();
        let lines = inner.lines_of(tenant);
        lines.map(|line| line.connected.clone()).collect()
    }

    fn send(&self, runner: RunnerId, frame: Down) {
        if !self.put(runner, Frame::new(frame)) {
            tracing::debug!(%runner, "a frame was not sent; reconciliation repeats it");
        }
    }

    fn dismiss(&self, runner: RunnerId) {
        // Without its line the connection ends.
        self.lock().remove(runner);
    }

    fn ask(&self, tenant: TenantId, probe: Probe) -> Answer<'_, Option<Probed>> {
        Box::pin(self.question(tenant, probe))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn line(connections: &Connections, n: u8) -> (TenantId, Registered) {
        let tenant = TenantId::at(DateTime::UNIX_EPOCH, [n; 10]);
        let connected = Connected {
            runner: RunnerId::at(DateTime::UNIX_EPOCH, [n; 10]),
            labels: std::collections::BTreeMap::new(),
            isolation: None,
            capacity: 1,
            draining: false,
            environments: false,
        };
        (tenant, connections.register(tenant, connected))
    }

    fn remote(head: &str) -> Probed {
        Probed::Remote {
            head: Some(head.into()),
            target: false,
            empty: false,
            commit: None,
        }
    }

    #[tokio::test]
    async fn only_the_runner_that_was_asked_answers() {
        let connections = Connections::new();
        let (tenant, mut asked) = line(&connections, 1);
        let (_, stranger) = line(&connections, 2);
        let probe = Probe::Remote {
            remote: "file:///srv/demo.git".into(),
            target: None,
        };
        let answering = async {
            let id = asked.frames.recv().await.unwrap().id.unwrap();
            connections.answered(stranger.runner, &id, remote("forged"));
            connections.answered(asked.runner, &id, remote("main"));
        };
        let (answer, ()) = tokio::join!(connections.ask(tenant, probe), answering);
        assert_eq!(answer, Some(remote("main")));
    }
}
