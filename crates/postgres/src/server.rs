//! Start, watch, stop.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use crate::account::Account;
use crate::binaries::{Binaries, Search, all_binaries, find_binaries};
use crate::cluster::{Maker, admit, major_of};
use crate::error::{PostgresError, Result};
use crate::files::beside;
use crate::launch::{Server, stop};
use crate::lock::Lock;
use crate::options::{APP_ROLE, DATABASE, OWNER_ROLE, Options, PORT};
use crate::process::{Exit, Process};
use crate::procfs::Identity;
use crate::recover::{clear, settle};
use crate::socket::SocketDir;
use crate::upgrade::{self, Plan, Upgrade};

/// A server that runs and accepts connections. Dropping it tells the server to stop, without waiting for it; so does the
/// kernel when this process dies.
#[derive(Debug)]
pub struct Postgres {
    // Dropped in this order: told to stop before the lock is given up.
    process: Process,
    socket: SocketDir,
    binaries: Binaries,
    upgrade: Option<Upgrade>,
    _lock: Lock,
}

/// Starts the server, and returns when it accepts connections.
///
/// Makes the data directory when there is none; stops a server that an earlier, killed process left in it; upgrades data of
/// an older major. `cancel` ends the start, not the server. Dropping the future stops whatever was started.
///
/// # Errors
/// [`PostgresError::InUse`] says who holds the data directory; every other variant says what to do next.
pub async fn start(options: Options, cancel: CancellationToken) -> Result<Postgres> {
    let options = Options {
        data: place(&options.data)?,
        ..options
    };
    let owner = fs::symlink_metadata(&options.data)
        .ok()
        .map(|found| found.uid().into());
    let account = Account::resolve(options.as_user.as_deref(), owner)?;
    let data = options.data.as_path();
    let (mut lock, left) = Lock::take(data).await?;
    clear(data, left.server.as_ref()).await?;
    settle(data, &account).await?;
    lock.record(None)?;

    let maker = Maker {
        account: &account,
        durable: options.durable,
        allow_createdb: options.allow_createdb,
        cancel: &cancel,
    };
    let (binaries, upgrade) = prepare(&options, &maker).await?;
    admit(data, &account, options.allow_createdb)?;
    let socket = SocketDir::prepare(data, options.runtime_dir.as_deref(), &account)?;
    let server = Server {
        binaries: &binaries,
        account: &account,
        data,
        socket: &socket,
        durable: options.durable,
        admission: None,
    };
    let mut process = server.spawn().await?;
    lock.record(Identity::of(process.pid().as_raw()).as_ref())?;
    server.ready(&mut process, &cancel).await?;
    tracing::info!(pid = process.pid().as_raw(), version = binaries.version, data = %data.display(), "PostgreSQL is ready");
    Ok(Postgres {
        process,
        socket,
        binaries,
        upgrade,
        _lock: lock,
    })
}

/// Finds the binaries, and brings the data directory to their major.
async fn prepare(options: &Options, maker: &Maker<'_>) -> Result<(Binaries, Option<Upgrade>)> {
    let data = options.data.as_path();
    let search = Search::from(options);
    let Some(major) = major_of(data, maker.account)? else {
        let binaries = blocking(move || find_binaries(&search)).await??;
        let making = beside(data, ".new");
        maker.make(&binaries, &making).await?;
        fs::rename(&making, data)
            .map_err(PostgresError::io("put the new data directory at", data))?;
        sync_parent(data)?;
        return Ok((binaries, None));
    };
    let (chosen, all) = blocking(move || (find_binaries(&search), all_binaries(&search))).await?;
    match upgrade::plan(data, major, chosen, &all)? {
        Plan::Run(binaries) => Ok((binaries, None)),
        Plan::Upgrade(steps) => {
            let done = upgrade::run(data, options, maker, &steps).await?;
            Ok((steps.new, Some(done)))
        }
    }
}

/// A rename is durable once its directory is.
fn sync_parent(data: &Path) -> Result<()> {
    let Some(parent) = data.parent() else {
        return Ok(());
    };
    fs::File::open(parent)
        .and_then(|dir| dir.sync_all())
        .map_err(PostgresError::io("write", parent))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let look = PostgresError::io("look for binaries in", "/usr/lib/postgresql");
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| look(std::io::Error::other(e)))
}

/// The data directory's real path; makes its parent, for us alone.
fn place(data: &Path) -> Result<PathBuf> {
    let name = data.file_name().ok_or_else(|| PostgresError::NotData {
        data: data.to_owned(),
        why: "it has no name".into(),
    })?;
    let parent = data
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(parent)
        .map_err(PostgresError::io("make", parent))?;
    Ok(fs::canonicalize(parent)
        .map_err(PostgresError::io("find", parent))?
        .join(name))
}

impl Postgres {
    /// The server's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid().as_raw().cast_unsigned()
    }

    /// The directory of the socket: absolute, and short enough for a client.
    #[must_use]
    pub fn socket_dir(&self) -> &Path {
        &self.socket.path
    }

    /// The number in the socket's file name.
    #[must_use]
    pub fn port(&self) -> u16 {
        PORT
    }

    /// For migrations: connects as [`OWNER_ROLE`]. Holds no secret; only the user that called [`start`] can use it.
    #[must_use]
    pub fn owner_url(&self) -> String {
        self.socket.url(DATABASE, OWNER_ROLE)
    }

    /// For the server: connects as [`APP_ROLE`].
    #[must_use]
    pub fn app_url(&self) -> String {
        self.socket.url(DATABASE, APP_ROLE)
    }

    /// What runs.
    #[must_use]
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// What this start upgraded; its `Display` tells people the way back.
    #[must_use]
    pub fn upgrade(&self) -> Option<&Upgrade> {
        self.upgrade.as_ref()
    }

    /// Returns when the server has ended. Drop the value, then [`start`] again. Cancel safe.
    pub async fn wait(&mut self) -> Exit {
        self.process.wait().await
    }

    /// A fast shutdown: open transactions are rolled back and nothing that was acknowledged is lost. Past 20 s an immediate
    /// one, from which the next start recovers. Returns when the server has ended.
    pub async fn stop(mut self) -> Exit {
        let exit = match self.process.ended() {
            Some(exit) => exit,
            None => stop(&mut self.process).await,
        };
        self.socket.remove();
        exit
    }
}
