//! Making a data directory, whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use nix::libc;
use nix::sys::signal::Signal;
use tokio_util::sync::CancellationToken;

use crate::account::Account;
use crate::binaries::Binaries;
use crate::error::{PostgresError, Result};
use crate::files::{make_private_dir, read_small, remove_tree, replace};
use crate::launch::{inherited, run};
use crate::options::{APP_ROLE, DATABASE, OWNER_ROLE, SETUP_LIMIT};
use crate::process::{Input, Spec};

/// The superuser of `initdb`. No line of `pg_hba.conf` lets it in.
pub(crate) const SUPERUSER: &str = "postgres";

/// For a laptop, and open to change: a later line in the file wins. What safety needs is on the command line instead.
const SETTINGS: &str = "
# Freehold's defaults. A later line wins.
shared_buffers = 16MB
max_connections = 50
max_wal_size = 256MB
jit = off
# What is in a table that grows fast is known soon: until then plans are made as if it were empty.
autovacuum_naptime = 5s
timezone = 'UTC'
log_timezone = 'UTC'
log_destination = 'stderr'
log_filename = 'postgresql-%a.log'
log_truncate_on_rotation = on
log_rotation_age = 1d
log_rotation_size = 0
log_line_prefix = '%m [%p] %q%u@%d '
# A statement may carry what people wrote: logs name the error, not the statement.
log_min_error_statement = panic
log_parameter_max_length_on_error = 0
";

/// Where there are many databases each would be looked at so often.
const OF_MANY_DATABASES: &str = "
autovacuum_naptime = 60s
";

/// What makes and changes data directories.
#[derive(Clone, Copy)]
pub(crate) struct Maker<'a> {
    pub(crate) account: &'a Account,
    pub(crate) durable: bool,
    pub(crate) allow_createdb: bool,
    pub(crate) cancel: &'a CancellationToken,
}

impl Maker<'_> {
    /// Makes a data directory with its roles and database at `place`, which must not exist, and removes what a failure leaves.
    pub(crate) async fn make(&self, binaries: &Binaries, place: &Path) -> Result<()> {
        make_private_dir(place, self.account).map_err(PostgresError::io("make", place))?;
        let made = self.fill(binaries, place).await;
        if made.is_err() {
            // The first error is the one to tell; what cannot be removed now is removed by the next start.
            drop(remove_tree(place));
        }
        made
    }

    async fn fill(&self, binaries: &Binaries, place: &Path) -> Result<()> {
        let directory = Arc::new(File::open(place).map_err(PostgresError::io("open", place))?);
        let data = inherited(&directory);
        let mut args = vec![
            "-D",
            &data,
            "-U",
            SUPERUSER,
            "-A",
            "peer",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-instructions",
        ];
        if !self.durable {
            args.push("--no-sync");
        }
        self.program(binaries, "initdb", &args, &directory, Input::Nothing)
            .await?;
        append(&place.join("postgresql.conf"), SETTINGS)?;
        if self.allow_createdb {
            append(&place.join("postgresql.conf"), OF_MANY_DATABASES)?;
        }
        admit(place, self.account, self.allow_createdb)?;
        let args = [
            "--single",
            "-D",
            &data,
            "-c",
            "exit_on_error=on",
            "-c",
            "log_checkpoints=off",
            SUPERUSER,
        ];
        self.program(
            binaries,
            "postgres",
            &args,
            &directory,
            Input::Text(self.statements()),
        )
        .await
    }

    async fn program(
        &self,
        binaries: &Binaries,
        name: &str,
        args: &[&str],
        directory: &Arc<File>,
        input: Input,
    ) -> Result<()> {
        let spec = Spec {
            program: binaries.dir.join(name),
            args: args.iter().map(Into::into).collect(),
            ids: self.account.ids(),
            directory: Some(Arc::clone(directory)),
            env: None,
            input,
            output: None,
            farewell: Signal::SIGKILL, // What it leaves half made is removed by us, now or at the next start.
        };
        run(spec, SETUP_LIMIT, self.cancel).await
    }

    /// Single-user mode takes one statement a line.
    fn statements(&self) -> String {
        let createdb = if self.allow_createdb {
            "CREATEDB"
        } else {
            "NOCREATEDB"
        };
        [
            format!("CREATE ROLE {OWNER_ROLE} LOGIN NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS {createdb}"),
            format!("CREATE ROLE {APP_ROLE} LOGIN NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS NOCREATEDB"),
            format!("CREATE DATABASE {DATABASE} OWNER {OWNER_ROLE} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"),
            format!("REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC"),
            format!("GRANT CONNECT ON DATABASE {DATABASE} TO {APP_ROLE}"),
            String::new(),
        ]
        .join("\n")
    }
}

/// Writes who may connect: over the socket, our own user, as the two roles. Anyone and anything else matches no line.
pub(crate) fn admit(data: &Path, account: &Account, every_database: bool) -> Result<()> {
    let database = if every_database { "all" } else { DATABASE };
    let hba = format!(
        "# Written at every start.\nlocal {database} {OWNER_ROLE},{APP_ROLE} peer map=freehold\n"
    );
    let user = &account.client;
    let ident = format!(
        "# Written at every start.\nfreehold \"{user}\" {OWNER_ROLE}\nfreehold \"{user}\" {APP_ROLE}\n"
    );
    replace(data, "pg_hba.conf", &hba, account)?;
    replace(data, "pg_ident.conf", &ident, account)
}

/// The major that wrote the directory; `None` when there is none, or an empty one, and a data directory is to be made.
pub(crate) fn major_of(data: &Path, account: &Account) -> Result<Option<u32>> {
    let owner = match fs::symlink_metadata(data) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(PostgresError::io("look at", data)(e)),
        Ok(found) => found.uid(),
    };
    let not_data = |why: String| PostgresError::NotData {
        data: data.to_owned(),
        why,
    };
    let version =
        read_small(&data.join("PG_VERSION")).map_err(|e| not_data(format!("PG_VERSION: {e}")))?;
    let Some(version) = version else {
        let mut entries = fs::read_dir(data).map_err(PostgresError::io("read", data))?;
        return match entries.next() {
            None => Ok(None),
            Some(_) => Err(not_data("it has files, but no PG_VERSION".into())),
        };
    };
    if owner != account.server.uid.as_raw() {
        return Err(PostgresError::WrongOwner {
            data: data.to_owned(),
            owner,
            user: account.server.name.clone(),
        });
    }
    let major = version
        .trim()
        .parse()
        .map_err(|_| not_data(format!("PG_VERSION says `{}`", version.trim())))?;
    Ok(Some(major))
}

fn append(path: &Path, text: &str) -> Result<()> {
    let write = || {
        let mut file = OpenOptions::new()
            .append(true)
            .custom_flags(libc::O_NOFOLLOW)
            .open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_data()
    };
    write().map_err(PostgresError::io("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        let mut account = Account::resolve(None, None).unwrap();
        account.server.uid = nix::unistd::Uid::effective();
        account
    }

    #[test]
    fn what_is_no_data_directory_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("postgres");
        assert_eq!(major_of(&data, &account()).unwrap(), None);
        fs::create_dir(&data).unwrap();
        assert_eq!(major_of(&data, &account()).unwrap(), None);
        fs::write(data.join("letter.txt"), "dear").unwrap();
        let error = major_of(&data, &account()).unwrap_err().to_string();
        assert!(
            error.contains("no PG_VERSION") && error.contains("--data"),
            "{error}"
        );
        fs::write(data.join("PG_VERSION"), "17\n").unwrap();
        assert_eq!(major_of(&data, &account()).unwrap(), Some(17));
        fs::write(data.join("PG_VERSION"), "9.6\n").unwrap();
        assert!(major_of(&data, &account()).is_err());
    }

    #[test]
    fn data_of_another_user_are_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("PG_VERSION"), "15").unwrap();
        let mut other = account();
        other.server.uid = nix::unistd::Uid::from_raw(4242);
        other.server.name = "someone".into();
        let error = major_of(dir.path(), &other).unwrap_err().to_string();
        assert!(error.contains("chown -R someone"), "{error}");
    }
}
