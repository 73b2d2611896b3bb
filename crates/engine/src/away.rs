//! A remote that is away: how its run waits for it, and what a person is told meanwhile.

use chrono::{DateTime, Utc};
use freehold_model::Reason;
use freehold_model::run::{Away, Command, Fence, Outcome, State};
use freehold_store::{RunRow, Tx};

use crate::{Engine, Result};

impl Engine {
    /// What the end of a job, in its runner's words, does to the run.
    pub(crate) fn ended(&self, fence: Fence, outcome: Outcome, now: DateTime<Utc>) -> Command {
        match outcome {
            Outcome::Away { sent } => Command::Away {
                fence,
                sent,
                now,
                chance: u32::from_le_bytes(freehold_model::world::random(self.entropy())),
            },
            other => Command::Finish(fence, other),
        }
    }
}

/// Says which remote a run waits for, and until when, where it does.
pub(crate) async fn note(tx: &mut Tx, row: &RunRow) -> Result<()> {
    let (Some(away), Some(_)) = (row.life.away, row.life.waits_for_remote()) else {
        return Ok(());
    };
    let project = tx.project_get(row.project).await?;
    let remote = project.map(|project| project.remote).unwrap_or_default();
    let note = words(host(&remote), &away);
    let reason = Reason::RemoteUnreachable.code();
    Ok(tx.run_set_wait(row.id, reason, &note).await?)
}

fn words(host: &str, away: &Away) -> String {
    let time = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%M:%S UTC");
    let tries = match away.tries {
        1 => "once".to_owned(),
        tries => format!("{tries} times"),
    };
    format!(
        "waits for the remote {host}: asked {tries} since {}, next at {}",
        time(away.since),
        time(away.again)
    )
}

/// The part of a remote's address that says where it is, and never who may use it: the host with its
/// port, or the path of one on the runner's own machine.
fn host(remote: &str) -> &str {
    let Some((scheme, rest)) = remote.split_once("://") else {
        // `user@host:path`, or a path.
        let before = remote.split_once(':').map(|(host, _)| host);
        let host = before.filter(|host| !host.contains('/'));
        return host.map_or(remote, without_user);
    };
    match scheme {
        "file" => rest,
        _ => without_user(rest.split('/').next().unwrap_or_default()),
    }
}

fn without_user(authority: &str) -> &str {
    authority.rsplit('@').next().unwrap_or_default()
}

/// What a run waits for, in a word.
pub(crate) const fn waiting_for(state: State, reason: Option<Reason>) -> Option<&'static str> {
    match (state, reason) {
        (State::Waiting, _) => Some("review"),
        // One that a runner has, or that waits for another thing, gives another reason or none.
        (State::Queued | State::Landing, Some(Reason::RemoteUnreachable)) => Some("remote"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_is_named_by_its_host_and_never_by_its_user() {
        for (remote, wanted) in [
            ("https://git.example.org/a/b.git", "git.example.org"),
            (
                "https://token@git.example.org:8443/a",
                "git.example.org:8443",
            ),
            ("ssh://git@[::1]:2222/a", "[::1]:2222"),
            ("git@example.org:a/b.git", "example.org"),
            ("example.org:a@b.git", "example.org"),
            ("file:///srv/git/a.git", "/srv/git/a.git"),
            ("/srv/git/a:b.git", "/srv/git/a:b.git"),
            ("", ""),
        ] {
            assert_eq!(host(remote), wanted, "{remote}");
        }
    }

    #[test]
    fn the_words_name_the_remote_and_the_next_try() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap_or_default();
        let away = |tries| Away {
            since: at(60),
            tries,
            again: at(3600),
        };
        assert_eq!(
            words("git.example.org", &away(1)),
            "waits for the remote git.example.org: asked once since 1970-01-01 00:01:00 UTC, next at 1970-01-01 01:00:00 UTC"
        );
        assert!(words("x", &away(7)).contains("asked 7 times"));
    }
}
