//! Pushing refs, and finding out what became of a push.
//!
//! Which refs were updated is read from `git push --porcelain`, and from the remote's refs when that
//! answer is missing; never from messages.

use crate::lock::Hold;
use crate::process::{Input, Output};
use crate::{GitError, Oid, Result, Store, said};

/// One ref's change: from what it must be now, to what it shall be.
#[derive(Debug, Clone)]
pub(crate) struct Update {
    pub(crate) name: String,
    /// `None`: it must not exist.
    pub(crate) from: Option<Oid>,
    /// `None`: it is deleted.
    pub(crate) to: Option<Oid>,
}

/// What became of a push.
#[derive(Debug)]
pub(crate) enum Pushed {
    /// Every update took effect in this push.
    Applied,
    /// The remote answered, and at least one update did not take effect (with an atomic push: none).
    Rejected {
        /// The remote's words.
        said: String,
    },
    /// No answer: it may or may not have taken effect.
    Lost(GitError),
}

impl Store {
    /// Pushes all updates in one transaction, each under its own lease.
    pub(crate) async fn push(
        &self,
        hold: &Hold,
        doing: &'static str,
        updates: &[Update],
    ) -> Result<Pushed> {
        self.require_present(hold, updates).await?;
        // A connection of its own for every request: on one that is used again, libcurl repeats a
        // request whose answer was lost, and the repeated push would be told that it came too late.
        let args = [
            "-c",
            "http.version=HTTP/1.1",
            "-c",
            "http.extraHeader=Connection: close",
            "push",
            "--porcelain",
            "--progress",
            "--atomic",
            "--no-verify",
            "--no-signed",
            "--no-follow-tags",
            "--recurse-submodules=no",
        ];
        let mut call = self.call(hold, doing, args)?.network(&self.remote);
        for update in updates {
            call = call.arg(format!(
                "--force-with-lease={}:{}",
                update.name,
                text(update.from.as_ref())
            ));
        }
        call = call.arg("--end-of-options").arg(self.remote.as_str());
        for update in updates {
            call = call.arg(format!("{}:{}", text(update.to.as_ref()), update.name));
        }
        match self.run(call).await {
            Ok(output) => outcome(&output),
            Err(error @ GitError::Timeout { .. }) => Ok(Pushed::Lost(error)),
            Err(error) => Err(error),
        }
    }

    /// A push of what is not here must not look like a fault of the remote.
    async fn require_present(&self, hold: &Hold, updates: &[Update]) -> Result<()> {
        const DOING: &str = "looking for the commits to push";
        let wanted: Vec<&str> = updates
            .iter()
            .filter_map(|u| u.to.as_ref())
            .map(Oid::as_str)
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let input = Input::Bytes(wanted.join("\n").into_bytes());
        let call = self
            .call(hold, DOING, ["cat-file", "--batch-check=%(objecttype)"])?
            .input(input);
        let output = self.done(call).await?.stdout;
        let said = said::text(&output);
        if said.lines().all(|line| line == "commit") {
            return Ok(());
        }
        self.verify().await?;
        Err(GitError::Absent { doing: DOING, said })
    }

    /// The error for a push whose answer was lost and whose effect does not show.
    pub(crate) fn unknown(&self, doing: &'static str, lost: &GitError) -> GitError {
        GitError::Unknown {
            remote: self.remote.to_string(),
            doing,
            said: lost.to_string(),
        }
    }

    pub(crate) fn refused(&self, said: String) -> GitError {
        let low = said.to_lowercase();
        let remote = self.remote.to_string();
        if low.contains("no space left on device") || low.contains("quota exceeded") {
            return GitError::RemoteFull { remote, said };
        }
        GitError::Refused { remote, said }
    }
}

fn text(oid: Option<&Oid>) -> &str {
    oid.map_or("", Oid::as_str)
}

fn outcome(output: &Output) -> Result<Pushed> {
    let report = Report::parse(&output.stdout);
    if output.code == Some(0) && report.is_applied() {
        return Ok(Pushed::Applied);
    }
    if let damaged @ GitError::Corrupt { .. } = output.failure() {
        return Err(damaged);
    }
    if report.unanswered {
        return Ok(Pushed::Lost(output.failure()));
    }
    if report.is_rejected() {
        return Ok(Pushed::Rejected {
            said: report.words(&output.stderr),
        });
    }
    let failure = output.failure();
    if said::surely_not_sent(&failure) {
        Err(failure)
    } else {
        Ok(Pushed::Lost(failure))
    }
}

/// `<flag>\t<from>:<to>\t<summary>` lines of git-push(1), "OUTPUT".
#[derive(Debug, Default)]
struct Report {
    flags: Vec<char>,
    reasons: Vec<String>,
    unanswered: bool,
}

impl Report {
    fn parse(stdout: &[u8]) -> Self {
        let mut report = Self::default();
        for line in String::from_utf8_lossy(stdout).lines() {
            let mut parts = line.splitn(3, '\t');
            let (Some(flag), Some(_refs), Some(summary)) =
                (parts.next(), parts.next(), parts.next())
            else {
                continue;
            };
            let Some(flag) = flag.chars().next() else {
                continue;
            };
            report.flags.push(flag);
            if flag == '!' {
                report.unanswered |= summary.starts_with("[remote failure]");
                report.reasons.push(summary.to_owned());
            }
        }
        report
    }

    /// `=` is not an update: the ref had that value already, set by someone else.
    fn is_applied(&self) -> bool {
        !self.flags.is_empty() && self.flags.iter().all(|f| " +-*".contains(*f))
    }

    fn is_rejected(&self) -> bool {
        self.flags.iter().any(|f| "!=".contains(*f))
    }

    fn words(&self, stderr: &[u8]) -> String {
        let own = said::remote_words(stderr);
        let reasons = said::text(self.reasons.join("\n").as_bytes());
        if own.is_empty() {
            reasons
        } else {
            format!("{own}\n{reasons}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_applied_only_when_every_ref_changed() {
        let of = |text: &str| Report::parse(text.as_bytes());
        assert!(of("To /r\n*\ta:b\t[new reference]\n-\t:c\t[deleted]\nDone\n").is_applied());
        assert!(!of("To /r\n*\ta:b\t[new reference]\n=\ta:c\t[up to date]\nDone\n").is_applied());
        assert!(!of("").is_applied());
        let refused = of("To /r\n!\ta:b\t[remote rejected] (pre-receive hook declined)\n");
        assert!(refused.is_rejected() && !refused.unanswered);
        assert!(of("!\ta:b\t[remote failure] (remote failed to report status)\n").unanswered);
    }
}
