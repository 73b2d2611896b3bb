//! The single looks.

use std::path::Path;
use std::time::Duration;

use freehold_git::{Git, Options as GitOptions};
use freehold_postgres::{Search, find_binaries};
use freehold_wire::api::Health;
use nix::sys::statvfs::statvfs;
use tokio::time::timeout;

use super::{Finding, walls};
use crate::client::target::Target;
use crate::client::{Client, Route};
use crate::environment::Environment;
use crate::failure::Failure;
use crate::roles::data::Data;
use crate::roles::machine;
use crate::roles::up::lock::{self, Holder};

/// A server on this machine that takes longer is not well.
const HEALTH_WITHIN: Duration = Duration::from_secs(5);
/// Below this a clone and a build may not fit.
const SPACE_WARN: u64 = 5 << 30;
/// Below this PostgreSQL itself may stop.
const SPACE_NEEDED: u64 = 512 << 20;
/// Where Linux distributions keep the certificates of authorities.
const CERTIFICATES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// Everything, in the order of the way of a run.
pub(super) async fn all(data: &Data, environment: &Environment, boot: bool) -> Vec<Finding> {
    // A policy that cannot be read is a finding of its own.
    let firecracker = freehold_runner::policy_firecracker(&data.runner()).unwrap_or_default();
    let runtime = freehold_runner::container_runtime(&data.runner()).unwrap_or_default();
    let (git, walls, agents) = tokio::join!(
        git(environment),
        walls::all(boot, runtime, firecracker),
        agents(environment)
    );
    let mut items = vec![git, postgres(data, environment)];
    items.extend(walls);
    items.push(certificates());
    items.extend(policy(data));
    items.push(space(data.root()));
    items.push(agents);
    items.extend(installation(data, environment).await);
    items
}

async fn git(environment: &Environment) -> Finding {
    let home = std::env::temp_dir().join(format!("freehold-doctor-{}", std::process::id()));
    let found = Git::find(GitOptions::new(&home, environment.path.clone())).await;
    // It is empty; one that is not is not ours.
    let _ = std::fs::remove_dir(&home);
    match found {
        Ok(git) => Finding::ok(
            "git",
            format!("{} at {}", git.version(), git.program().display()),
        ),
        Err(error) => Finding::missing("git", error.to_string(), error.next()),
    }
}

fn postgres(data: &Data, environment: &Environment) -> Finding {
    let search = Search::from(&freehold_postgres::Options {
        binaries: environment.pg_bin.clone(),
        search_path: std::env::split_paths(&environment.path).collect(),
        ..freehold_postgres::Options::new(data.postgres())
    });
    match find_binaries(&search) {
        Ok(found) => Finding::ok(
            "postgresql",
            format!("{} at {}", found.version, found.dir.display()),
        ),
        Err(error) => Finding::missing(
            "postgresql",
            error.to_string(),
            "apt-get install postgresql (only its programs are used), or set FREEHOLD_PG_BIN",
        ),
    }
}

fn certificates() -> Finding {
    let found = CERTIFICATES.iter().find(|path| Path::new(path).exists());
    match found {
        Some(path) => Finding::ok("certificates", *path),
        None => Finding::warn(
            "certificates",
            "no certificates of authorities: models and remotes over https cannot be reached",
            "apt-get install ca-certificates",
        ),
    }
}

/// The rules of this machine's owner, where there are any.
fn policy(data: &Data) -> Option<Finding> {
    let file = freehold_runner::policy_file(&data.runner());
    match freehold_runner::check_policy(&data.runner()) {
        Ok(false) => None,
        Ok(true) => Some(Finding::ok("policy", file.display().to_string())),
        Err(error) => Some(Finding::missing(
            "policy",
            format!(
                "{}: {error}; until then every run is refused",
                file.display()
            ),
            "correct the file, or remove it",
        )),
    }
}

fn space(root: &Path) -> Finding {
    let there = root.ancestors().find(|path| path.exists());
    let there = there.unwrap_or(Path::new("/"));
    let stat = match statvfs(there) {
        Ok(stat) => stat,
        Err(errno) => {
            let found = format!("{}: {errno}", there.display());
            return Finding::warn("disk", found, "look at it with `df`");
        }
    };
    room(
        stat.blocks_available().saturating_mul(stat.fragment_size()),
        root,
    )
}

/// What so many bytes free are for what is kept at `root`.
fn room(free: u64, root: &Path) -> Finding {
    let found = format!("{} MB free for {}", free / 1_000_000, root.display());
    let mend = "make room, or name a data directory elsewhere with `--data DIR`";
    match free {
        ..SPACE_NEEDED => Finding::missing("disk", found, mend),
        SPACE_NEEDED..SPACE_WARN => Finding::warn("disk", found, mend),
        SPACE_WARN.. => Finding::ok("disk", found),
    }
}

async fn agents(environment: &Environment) -> Finding {
    let found: Vec<String> = machine::agents(environment)
        .await
        .into_iter()
        .map(|agent| {
            let version = agent.version.unwrap_or_else(|| "no version".to_owned());
            format!("{} ({version})", agent.installation.preset)
        })
        .collect();
    match found.is_empty() {
        false => Finding::ok("agents", found.join(", ")),
        true => Finding::warn(
            "agents",
            "no coding agent on PATH; the built-in one works with any model endpoint",
            "install one (for instance `npm install --global @openai/codex`), or use `--driver builtin`",
        ),
    }
}

/// The data directory, and what runs on it.
async fn installation(data: &Data, environment: &Environment) -> Vec<Finding> {
    let root = data.root().display();
    let start = "start it: `freehold up`";
    let holder = match lock::holder(data) {
        Ok(holder) => holder,
        Err(failure) => return vec![Finding::missing("data", failure.message, failure.next)],
    };
    let Some(holder) = holder else {
        let state = match data.root().exists() {
            true => "nothing runs on it",
            false => "not made yet",
        };
        return vec![
            Finding::ok("data", format!("{root}: {state}")),
            Finding::warn("server", "not running", start),
        ];
    };
    let held = format!("{root}: held by `freehold up` (process {})", holder.pid);
    let mut items = vec![Finding::ok("data", held)];
    items.extend(running(data, &holder, environment).await);
    items
}

async fn running(data: &Data, holder: &Holder, environment: &Environment) -> Vec<Finding> {
    let Some(url) = &holder.url else {
        let wait = "wait a moment, and look again";
        return vec![Finding::warn("server", "is being started", wait)];
    };
    let logs = data.log("server");
    let asked = async {
        let client = Client::new(&Target::find(environment, Some(url), Some(data.root()))?)?;
        client.get::<Health>(&Route::to("health")).await
    };
    let late = || Failure::unreachable("no answer in time", "");
    let health = timeout(HEALTH_WITHIN, asked).await;
    match health.unwrap_or_else(|_| Err(late())) {
        Err(failure) => vec![Finding::missing(
            "server",
            format!("{url}: {}", failure.message),
            format!("see {}; `up` starts it again by itself", logs.display()),
        )],
        Ok(health) if !health.database => vec![Finding::missing(
            "server",
            format!("{url}: it does not reach its database"),
            format!("see {}", logs.display()),
        )],
        Ok(health) => {
            let server = Finding::ok("server", format!("{url}: version {}", health.version));
            let runner = match health.runners {
                0 => Finding::missing(
                    "runner",
                    "none is online: nothing can run",
                    format!("see {}", data.log("runner").display()),
                ),
                count => Finding::ok("runner", format!("{count} online")),
            };
            vec![server, runner]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Standing;
    use super::*;

    #[test]
    fn little_room_is_warned_of_and_next_to_none_is_missing() {
        let of = |free: u64| room(free, Path::new("/data")).state;
        assert!(matches!(of(5 << 30), Standing::Ok));
        assert!(matches!(of((5 << 30) - 1), Standing::Warn));
        assert!(matches!(of(512 << 20), Standing::Warn));
        assert!(matches!(of((512 << 20) - 1), Standing::Missing));
    }
}
