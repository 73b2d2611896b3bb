//! A runner from its options to its end.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use freehold_gateway::{Gateway, GatewayError};
use freehold_git::GitError;
use freehold_model::RunnerId;
use freehold_wire::link::{Frame, Up};
use reqwest::Url;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::dispatch::Dispatch;
use crate::environment::Environments;
use crate::http::{self, Blobs};
use crate::identity::{Identity, IdentityError};
use crate::jobs::{Jobs, Why};
use crate::journal::Journal;
use crate::leftovers;
use crate::link::{self, Link, LinkError};
use crate::options::Options;
use crate::outbox::{Outbox, OutboxError};
use crate::policy::{check_policy, policy_file};
use crate::vault::Vault;
use crate::writer::{Database, DatabaseError};

/// What a job may take to end once it was told to: kills and clean-up, no more work.
const STOP_WITHIN: Duration = Duration::from_secs(30);
/// How long the last frames may take to be acknowledged. What stays is sent by the next life.
const FLUSH_WITHIN: Duration = Duration::from_secs(5);

/// Why a runner cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The data directory.
    #[error("the runner's data directory {} cannot be used", path.display())]
    Data {
        /// Where.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        cause: io::Error,
    },
    /// Two runners on one directory would take each other's jobs.
    #[error("another runner uses {}; stop it, or give this one a data directory of its own", .0.display())]
    InUse(PathBuf),
    /// Not enrolled.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The journal.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// No usable git.
    #[error("git cannot be used: {}", .0.next())]
    Git(#[source] GitError),
    /// No way to models: the system's certificates cannot be read.
    #[error("the model gateway cannot be made")]
    Gateway(#[source] GatewayError),
    /// An address that this version cannot dial.
    #[error(
        "the server's address {0} cannot be used: the link speaks http on this machine or a private network; TLS is not there yet"
    )]
    Address(Url),
    /// No HTTP client: a defect of the build.
    #[error("no HTTP client can be made")]
    Client(#[source] reqwest::Error),
}

/// Why a runner ended though nobody told it to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The server does not want it.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] OutboxError),
}

/// What a runner is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// Whether the link stands.
    pub connected: bool,
    /// Why it does not, in words.
    pub trouble: Option<String>,
    /// Whether it takes no more jobs.
    pub draining: bool,
    /// By how many seconds this host's clock is ahead of the server's, where it is off.
    pub clock_ahead_s: Option<i64>,
}

/// Looks at a runner from outside. Cheap to clone; outlives it.
#[derive(Clone)]
pub struct Handle {
    runner: RunnerId,
    status: watch::Receiver<Status>,
    jobs: watch::Receiver<usize>,
}

impl Handle {
    /// Its id.
    #[must_use]
    pub const fn runner(&self) -> RunnerId {
        self.runner
    }

    /// Now.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// As it changes.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// How many jobs it holds now.
    #[must_use]
    pub fn jobs(&self) -> usize {
        *self.jobs.borrow()
    }
}

/// A runner that is ready to run.
pub struct Runner {
    context: Arc<Context>,
    drain: Duration,
    /// Held for as long as the runner lives.
    _lock: File,
}

/// Makes the data directory and its folders, for its owner alone.
pub(crate) fn prepare(data: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    for dir in ["", "runs", "repos", "cache", "s", "scratch"] {
        builder.create(data.join(dir))?;
    }
    Ok(())
}

fn lock(data: &Path) -> Result<File, BuildError> {
    let failed = |cause| BuildError::Data {
        path: data.to_owned(),
        cause,
    };
    let file = File::create(data.join("lock")).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BuildError::InUse(data.to_owned())),
        Err(TryLockError::Error(cause)) => Err(failed(cause)),
    }
}

impl Runner {
    /// Opens everything that the runner keeps. It dials nobody yet.
    ///
    /// # Errors
    /// [`BuildError`].
    pub async fn build(options: Options) -> Result<Self, BuildError> {
        let data = options.data.clone();
        prepare(&data).map_err(|cause| BuildError::Data {
            path: data.clone(),
            cause,
        })?;
        let data =
            fs::canonicalize(&data).map_err(|cause| BuildError::Data { path: data, cause })?;
        let lock = lock(&data)?;
        if options.server.scheme() != "http" {
            return Err(BuildError::Address(options.server));
        }
        let identity = Identity::load(&data)?;
        let environments = Environments::open(&data).map_err(|cause| BuildError::Data {
            path: data.clone(),
            cause,
        })?;
        if let Err(error) = check_policy(&data) {
            tracing::error!(file = %policy_file(&data).display(), "{error}; until then every order is refused");
        }
        let database = Database::open(&data).await?;
        let mut git = freehold_git::Options::new(data.join("git-home"), options.environment.path());
        git.credentials = options.git;
        let git = freehold_git::Git::find(git)
            .await
            .map_err(BuildError::Git)?;
        let client = http::client().map_err(BuildError::Client)?;
        let gateway =
            Gateway::new(freehold_gateway::Options::default()).map_err(BuildError::Gateway)?;
        let link = Link::new();
        let capacity = crate::memory::jobs(options.capacity, crate::memory::there_is());
        if capacity < options.capacity {
            tracing::warn!(
                asked = options.capacity,
                capacity,
                "there is less memory than a GiB for each job: fewer are taken at once"
            );
        }
        let context = Context {
            blobs: Blobs::new(client, options.server.clone(), link.session()),
            vault: Vault::new(identity.tenant(), options.entropy.clone()),
            outbox: Outbox::new(&database),
            journal: Journal::new(&database, options.clock.clone(), env!("CARGO_PKG_VERSION")),
            jobs: Jobs::new(),
            slots: Semaphore::new(capacity as usize),
            status: watch::Sender::new(Status::default()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            data,
            server: options.server,
            labels: options.labels,
            capacity,
            environment: options.environment,
            init: options.init,
            agent_helper: options.agent_helper,
            pace: options.pace,
            clock: options.clock,
            entropy: options.entropy,
            identity,
            link,
            git,
            gateway,
            environments,
            machine: tokio::sync::OnceCell::new(),
            pruned: std::sync::Mutex::default(),
            registries: crate::surroundings::Learned::default(),
            trees: crate::places::Trees::default(),
            shares: Arc::default(),
        };
        Ok(Self {
            context: Arc::new(context),
            drain: options.drain,
            _lock: lock,
        })
    }

    /// Looks at it from outside.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle {
            runner: self.context.identity.runner(),
            status: self.context.status.subscribe(),
            jobs: self.context.jobs.count(),
        }
    }

    /// Reports what an earlier life lost, then takes jobs until `cancel`. Then it drains: takes no
    /// more, lets running jobs end for as long as the options say, stops the others and reports
    /// them as lost, so that they are tried again elsewhere.
    ///
    /// Dropping the future tells all jobs to stop and does not wait for them; what they cannot report
    /// any more the next life does.
    ///
    /// # Errors
    /// [`RunError`] when the server refuses the runner for good.
    pub async fn run(self, cancel: CancellationToken) -> Result<(), RunError> {
        let context = &self.context;
        leftovers::report(context).await?;
        let dispatch = Dispatch::new(context.clone());
        let stop = CancellationToken::new();
        let linked = link::run(context, &dispatch, &stop);
        let ending = async {
            cancel.cancelled().await;
            self.drain(&dispatch).await;
            stop.cancel();
        };
        tokio::pin!(ending);
        let result = tokio::select! {
            result = linked => result,
            () = &mut ending => Ok(()),
        };
        if result.is_err() {
            context.jobs.stop_all(Why::Drained);
            let _ = timeout(STOP_WITHIN, none_held(context)).await;
        }
        Ok(result?)
    }

    async fn drain(&self, dispatch: &Dispatch) {
        let context = &self.context;
        dispatch.close();
        context.environments.close();
        context.status.send_modify(|status| status.draining = true);
        context.link.say(Frame::new(Up::Draining {})).await;
        if timeout(self.drain, none_held(context)).await.is_err() {
            context.jobs.stop_all(Why::Drained);
            let _ = timeout(STOP_WITHIN, none_held(context)).await;
        }
        let mut level = context.outbox.level();
        let _ = timeout(FLUSH_WITHIN, level.wait_for(|level| level.frames == 0)).await;
    }
}

async fn none_held(context: &Context) {
    // The sender lives in the context.
    let _ = context.jobs.count().wait_for(|held| *held == 0).await;
}
