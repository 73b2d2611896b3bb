//! `git push` inside: the run's own branch, forwards, and nothing else.

use freehold_git::{BRANCH, ImportLimits, Oid, PushRequest, RunRef};
use serde_json::json;
use tokio::net::UnixStream;

use super::{Answer, Shared, failed, http};
use crate::execute::{lfs, local};
use crate::failure::{Halt, chain};

const KIND: &str = "application/x-git-receive-pack-result";

/// The branch that an agent finds itself on, and the only one that it can push.
pub(super) fn own_branch() -> String {
    format!("refs/heads/{BRANCH}")
}

/// What a push asks for, decided without looking at its objects.
fn wish<'a>(
    request: &'a PushRequest,
    pushed: Option<&Oid>,
    target: &str,
) -> Result<&'a Oid, String> {
    let own = own_branch();
    let [(name, old, new)] = &request.commands[..] else {
        return Err(format!(
            "one branch at a time can be pushed from here, {BRANCH}"
        ));
    };
    let Some(new) = new else {
        return Err(format!(
            "{name} cannot be deleted from inside a run; {target} and the other branches are changed by people, and the run's own goes a day after its end"
        ));
    };
    if name.starts_with("refs/tags/") {
        return Err(
            "tags are not made from inside a run: a person makes them once the work has landed"
                .into(),
        );
    }
    if *name != own {
        return Err(format!(
            "only {BRANCH} can be pushed from here; {target} moves when a person approves this run, and the runner pushes it then. Commit, and the work is taken at the end of the turn"
        ));
    }
    if old.as_ref() != pushed {
        return Err(format!("{BRANCH} is elsewhere by now: fetch it first"));
    }
    Ok(new)
}

impl Shared {
    pub(super) async fn push(
        &self,
        head: &http::Head,
        first: Vec<u8>,
        stream: &mut UnixStream,
    ) -> std::io::Result<Answer> {
        let limits = ImportLimits::default();
        let body = self.body_file("push");
        let mut file = tokio::fs::File::create_new(&body.0).await?;
        let came = http::body(head, first, stream, &mut file, limits.bytes).await;
        let came = match came {
            Ok(()) => tokio::io::AsyncWriteExt::flush(&mut file).await,
            failure => failure,
        };
        match came {
            Ok(()) => Ok(self.take(&body.0, &limits).await),
            Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => Ok(Answer::Refused(
                "413 Content Too Large",
                format!("the push has more than {} bytes", limits.bytes),
            )),
            Err(error) => Err(error),
        }
    }

    async fn take(&self, body: &std::path::Path, limits: &ImportLimits) -> Answer {
        let request = match PushRequest::read(body, self.door.store.uses_sha256()) {
            Ok(request) => request,
            Err(error) => return failed(&error),
        };
        // Before the other lock: who shows refs takes them in this order too.
        let tip = self.tip.lock().await.0.clone();
        let mut pushed = self.pushed.lock().await;
        let done = match wish(&request, pushed.as_ref(), self.door.target.as_str()) {
            Ok(new) => self
                .keep(body, &request, new, pushed.as_ref(), tip.as_ref(), limits)
                .await
                .map(|()| Some(new.clone())),
            Err(why) => Err(why),
        };
        match done {
            Ok(new) => {
                *pushed = new;
                Answer::Bytes(KIND, request.answer(Ok(())))
            }
            Err(why) => Answer::Bytes(KIND, request.answer(Err(&why))),
        }
    }

    /// Imports it, and moves the run's ref.
    async fn keep(
        &self,
        body: &std::path::Path,
        request: &PushRequest,
        new: &Oid,
        pushed: Option<&Oid>,
        tip: Option<&Oid>,
        limits: &ImportLimits,
    ) -> Result<(), String> {
        let door = &self.door;
        let job = self.report.job;
        let run = job.run.to_string();
        let name = RunRef::new(&run, job.epoch).map_err(|error| chain(&error))?;
        // Descending from what was pushed before is what makes it no force.
        let base = pushed.or(door.from.as_ref());
        let store = &door.store;
        let imported = store.import_push(body, request, new, &name, base, limits);
        let imported = imported.await.map_err(|error| chain(&error))?;
        let known: Vec<&Oid> = base.into_iter().chain(&door.moved).chain(tip).collect();
        let kept_out = async {
            local::keep_out(store, &known, new, &door.local).await?;
            lfs::keep_out(&self.report, store, base, new).await
        };
        match kept_out.await {
            Ok(()) => {}
            Err(Halt::Failed(failure)) => return Err(failure.detail),
            Err(_) => return Err("the run was stopped".to_owned()),
        }
        let claimed = pushed.unwrap_or(&door.claimed);
        let moved = store.checkpoint(&run, job.epoch, claimed, new).await;
        moved.map_err(|error| chain(&error))?;
        let meta = json!({ "commit": new.as_str(), "commits": imported.commits });
        let told = self.report.state("work.pushed", meta, None).await;
        told.map_err(|_| "the run was stopped".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_runs_own_branch_goes_forwards() {
        let oid = |digit: &str| Oid::parse(&digit.repeat(40)).unwrap();
        let request = |commands: &[(&str, Option<Oid>, Option<Oid>)]| {
            let text: Vec<u8> = commands
                .iter()
                .flat_map(|(name, old, new)| {
                    let hex = |oid: &Option<Oid>| {
                        oid.as_ref().map_or("0".repeat(40), ToString::to_string)
                    };
                    let line = format!("{} {} {name}", hex(old), hex(new));
                    format!("{:04x}{line}", line.len() + 4).into_bytes()
                })
                .chain(*b"0000")
                .collect();
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            PushRequest::read(file.path(), false).unwrap()
        };
        let own = own_branch();
        let decide = |commands: &[(&str, Option<Oid>, Option<Oid>)], pushed: Option<&Oid>| {
            wish(&request(commands), pushed, "main").cloned()
        };
        let (a, b) = (oid("a"), oid("b"));
        assert_eq!(
            decide(&[(&own, None, Some(a.clone()))], None),
            Ok(a.clone())
        );
        let next = [(own.as_str(), Some(a.clone()), Some(b.clone()))];
        assert_eq!(decide(&next, Some(&a)), Ok(b.clone()));
        for (commands, word) in [
            (
                vec![("refs/heads/main", Some(a.clone()), Some(b.clone()))],
                "approves",
            ),
            (
                vec![("refs/heads/other", None, Some(b.clone()))],
                "only freehold/run",
            ),
            (vec![("refs/tags/v1", None, Some(b.clone()))], "tags"),
            (
                vec![("refs/freehold/run_1/1", None, Some(b.clone()))],
                "only freehold/run",
            ),
            (
                vec![(own.as_str(), Some(a.clone()), None)],
                "refs/heads/freehold/run cannot be deleted",
            ),
            (
                vec![("refs/heads/main", Some(a.clone()), None)],
                "refs/heads/main cannot be deleted",
            ),
            (
                vec![(own.as_str(), None, Some(b.clone()))],
                "fetch it first",
            ),
            (
                vec![
                    (own.as_str(), Some(a.clone()), Some(b.clone())),
                    ("refs/heads/x", None, Some(b.clone())),
                ],
                "one branch",
            ),
        ] {
            let why = decide(&commands, Some(&a)).unwrap_err();
            assert!(why.contains(word), "{why}");
        }
    }
}
