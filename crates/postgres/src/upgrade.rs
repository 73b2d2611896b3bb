//! From one major to a newer one: dump, restore, exchange. The old data are never written to beyond what running them does.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use tokio_util::sync::CancellationToken;

use crate::binaries::Binaries;
use crate::cluster::{Maker, SUPERUSER};
use crate::error::{PostgresError, Result};
use crate::files::{beside, replace};
use crate::launch::{Server, run as run_program, stop};
use crate::options::{DATABASE, Options, PORT, UPGRADE_LIMIT};
use crate::process::{Input, Process, Spec};
use crate::recover::exchange;
use crate::socket::SocketDir;

/// Who may connect while an upgrade runs.
const ADMISSION: (&str, &str) = ("upgrade_hba.conf", "upgrade_ident.conf");

/// An upgrade that was done. `Display` says so and how to go back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// The major before.
    pub from: u32,
    /// The major now.
    pub to: u32,
    /// The data directory as it is.
    pub data: PathBuf,
    /// The data directory as it was.
    pub backup: PathBuf,
    /// The binaries that run the old one.
    pub old_binaries: PathBuf,
}

impl fmt::Display for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            from,
            to,
            data,
            backup,
            old_binaries,
        } = self;
        let (data, backup, old) = (data.display(), backup.display(), old_binaries.display());
        write!(
            f,
            "The database was upgraded from PostgreSQL {from} to {to}. The old one is kept in {backup}; remove it when all is well. "
        )?;
        write!(
            f,
            "To go back to how it was before: stop Freehold, `mv {data} {data}.{to}.failed && mv {backup} {data}`, and start with FREEHOLD_PG_BIN={old}"
        )
    }
}

/// What to do with the data that were found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    Run(Binaries),
    Upgrade(Steps),
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Steps {
    pub(crate) old: Binaries,
    pub(crate) new: Binaries,
    /// Have `pg_dump` and `pg_restore`, of a major that is not below the old server's.
    tools: PathBuf,
}

/// Decides, from the major of the data and the binaries at hand. Reads nothing but whether `pg_dump` is there.
pub(crate) fn plan(
    data: &Path,
    major: u32,
    chosen: Result<Binaries>,
    all: &[Binaries],
) -> Result<Plan> {
    plan_with(data, major, chosen, all, |b| {
        ["pg_dump", "pg_restore"]
            .iter()
            .all(|name| b.dir.join(name).is_file())
    })
}

fn plan_with(
    data: &Path,
    major: u32,
    chosen: Result<Binaries>,
    all: &[Binaries],
    dumps: impl Fn(&Binaries) -> bool,
) -> Result<Plan> {
    let same = all.iter().find(|b| b.major == major).cloned();
    let missing = |why| {
        let majors: Vec<String> = all.iter().map(|b| b.major.to_string()).collect();
        let found = if majors.is_empty() {
            "none".to_owned()
        } else {
            majors.join(", ")
        };
        PostgresError::OtherMajor {
            data: data.to_owned(),
            data_major: major,
            found,
            why,
        }
    };
    let new = match chosen {
        Ok(chosen) if chosen.major == major => return Ok(Plan::Run(chosen)),
        Ok(chosen) if chosen.major > major => chosen,
        // Older binaries than the data, or none that are new enough for new data: only the same major will do.
        Ok(_) | Err(PostgresError::NoBinaries { .. }) => {
            return same.map(Plan::Run).ok_or_else(|| missing(""));
        }
        Err(e) => return Err(e),
    };
    let old =
        same.ok_or_else(|| missing(" (an upgrade reads the old data with the old binaries)"))?;
    let tools = [&new, &old]
        .into_iter()
        .chain(all)
        .find(|b| b.major >= major && dumps(b));
    match tools.map(|b| b.dir.clone()) {
        Some(tools) => Ok(Plan::Upgrade(Steps { old, new, tools })),
        None => {
            tracing::warn!(
                from = major,
                to = new.major,
                "no pg_dump found: staying with the old PostgreSQL. The package `postgresql-client` has it"
            );
            Ok(Plan::Run(old))
        }
    }
}

/// Dumps the old data into a new data directory beside them, and exchanges the two. Until then a failure changes nothing.
pub(crate) async fn run(
    data: &Path,
    options: &Options,
    maker: &Maker<'_>,
    steps: &Steps,
) -> Result<Upgrade> {
    let (from, to) = (steps.old.major, steps.new.major);
    tracing::info!(from, to, "upgrading the database");
    let fresh = beside(data, ".upgrade");
    let done = async {
        maker.make(&steps.new, &fresh).await?;
        copy(data, &fresh, options, maker, steps).await?;
        exchange(&fresh, data, from)
    };
    match done.await {
        Ok(backup) => {
            let done = Upgrade {
                from,
                to,
                data: data.to_owned(),
                backup,
                old_binaries: steps.old.dir.clone(),
            };
            tracing::warn!("{done}");
            Ok(done)
        }
        Err(PostgresError::Cancelled) => Err(PostgresError::Cancelled),
        Err(source) => Err(PostgresError::Upgrade {
            data: data.to_owned(),
            from,
            to,
            source: Box::new(source),
        }),
    }
}

async fn copy(
    data: &Path,
    fresh: &Path,
    options: &Options,
    maker: &Maker<'_>,
    steps: &Steps,
) -> Result<()> {
    let mut old = Side::open(data, &steps.old, options, maker).await?;
    let mut new = match Side::open(fresh, &steps.new, options, maker).await {
        Ok(new) => new,
        Err(e) => {
            old.close().await;
            return Err(e);
        }
    };
    let copied = pipe(&steps.tools, &old.socket, &new.socket, maker.cancel).await;
    old.close().await;
    new.close().await;
    copied
}

/// One of the two servers, open to our user as the superuser.
struct Side {
    data: PathBuf,
    socket: SocketDir,
    process: Process,
}

impl Side {
    async fn open(
        data: &Path,
        binaries: &Binaries,
        options: &Options,
        maker: &Maker<'_>,
    ) -> Result<Self> {
        let account = maker.account;
        let (hba, ident) = ADMISSION;
        replace(
            data,
            hba,
            &format!("local all {SUPERUSER} peer map=upgrade\n"),
            account,
        )?;
        replace(
            data,
            ident,
            &format!("upgrade \"{}\" {SUPERUSER}\n", account.client),
            account,
        )?;
        let socket = SocketDir::prepare(data, options.runtime_dir.as_deref(), account)?;
        let server = Server {
            binaries,
            account,
            data,
            socket: &socket,
            durable: options.durable,
            admission: Some(ADMISSION),
        };
        let mut process = server.spawn().await?;
        server.ready(&mut process, maker.cancel).await?;
        Ok(Self {
            data: data.to_owned(),
            socket,
            process,
        })
    }

    async fn close(&mut self) {
        stop(&mut self.process).await;
        self.socket.remove();
        for name in [ADMISSION.0, ADMISSION.1] {
            drop(std::fs::remove_file(self.data.join(name)));
        }
    }
}

/// `pg_dump | pg_restore`, in one transaction, the first error ending it.
async fn pipe(
    tools: &Path,
    old: &SocketDir,
    new: &SocketDir,
    cancel: &CancellationToken,
) -> Result<()> {
    let (reader, writer) = std::io::pipe().map_err(PostgresError::io("make a pipe for", tools))?;
    let spec = |name: &str, socket: &SocketDir, more: &[&str], input, output| {
        let mut args: Vec<OsString> = vec![
            "--no-password".into(),
            "--username".into(),
            SUPERUSER.into(),
            "--host".into(),
        ];
        args.push(socket.path.clone().into());
        args.extend([
            "--port".into(),
            PORT.to_string().into(),
            "--dbname".into(),
            DATABASE.into(),
        ]);
        args.extend(more.iter().map(Into::into));
        Spec {
            program: tools.join(name),
            args,
            ids: None,
            directory: None,
            env: None,
            input,
            output,
            farewell: Signal::SIGTERM,
        }
    };
    let dump = spec(
        "pg_dump",
        old,
        &["--format=custom", "--compress=0"],
        Input::Nothing,
        Some(writer),
    );
    let restore = spec(
        "pg_restore",
        new,
        &["--exit-on-error", "--single-transaction"],
        Input::Pipe(reader),
        None,
    );
    let (dumped, restored) = tokio::join!(
        run_program(dump, UPGRADE_LIMIT, cancel),
        run_program(restore, UPGRADE_LIMIT, cancel)
    );
    dumped.and(restored)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::OLDEST_MAJOR;

    fn binaries(major: u32) -> Binaries {
        Binaries {
            dir: format!("/pg/{major}/bin").into(),
            major,
            version: format!("{major}.1"),
        }
    }

    fn decide(major: u32, chosen: Option<u32>, all: &[u32], dumps: &[u32]) -> Result<Plan> {
        let all: Vec<Binaries> = all.iter().map(|m| binaries(*m)).collect();
        let chosen = chosen.map(binaries).ok_or(PostgresError::NoBinaries {
            oldest: OLDEST_MAJOR,
            looked: "PATH".into(),
        });
        plan_with(Path::new("/data/postgres"), major, chosen, &all, |b| {
            dumps.contains(&b.major)
        })
    }

    fn upgrade(old: u32, new: u32, tools: u32) -> Plan {
        Plan::Upgrade(Steps {
            old: binaries(old),
            new: binaries(new),
            tools: binaries(tools).dir,
        })
    }

    #[test]
    fn the_same_major_just_runs() {
        assert_eq!(
            decide(15, Some(15), &[15, 17], &[]).unwrap(),
            Plan::Run(binaries(15))
        );
    }

    #[test]
    fn a_newer_major_upgrades_with_the_newest_dump_there_is() {
        assert_eq!(
            decide(15, Some(17), &[17, 15], &[15, 17]).unwrap(),
            upgrade(15, 17, 17)
        );
        assert_eq!(
            decide(15, Some(17), &[17, 15], &[15]).unwrap(),
            upgrade(15, 17, 15)
        );
        assert_eq!(
            decide(16, Some(17), &[17, 16, 15], &[15]).unwrap(),
            Plan::Run(binaries(16)),
            "pg_dump 15 cannot read 16"
        );
    }

    #[test]
    fn missing_old_binaries_name_their_package() {
        let error = decide(15, Some(17), &[17], &[17]).unwrap_err().to_string();
        assert!(
            error.contains("package `postgresql-15`") && error.contains("this machine has 17"),
            "{error}"
        );
        assert!(
            error.contains("reads the old data with the old binaries"),
            "{error}"
        );
    }

    #[test]
    fn data_of_a_newer_major_run_with_their_own_or_not_at_all() {
        assert_eq!(
            decide(17, Some(15), &[15, 17], &[]).unwrap(),
            Plan::Run(binaries(17))
        );
        let error = decide(17, Some(15), &[15], &[15]).unwrap_err().to_string();
        assert!(
            error.contains("written by PostgreSQL 17") && error.contains("`postgresql-17`"),
            "{error}"
        );
        assert!(
            decide(17, None, &[], &[])
                .unwrap_err()
                .to_string()
                .contains("this machine has none")
        );
    }

    #[test]
    fn the_way_back_can_be_typed() {
        let done = Upgrade {
            from: 15,
            to: 17,
            data: "/d/postgres".into(),
            backup: "/d/postgres.15.bak".into(),
            old_binaries: "/pg/15/bin".into(),
        };
        let text = done.to_string();
        assert!(
            text.contains(
                "mv /d/postgres /d/postgres.17.failed && mv /d/postgres.15.bak /d/postgres"
            ),
            "{text}"
        );
        assert!(text.contains("FREEHOLD_PG_BIN=/pg/15/bin"), "{text}");
    }
}
