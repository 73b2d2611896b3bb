//! What a user sees when something did not work: a code, what happened, what to do next, and
//! the process's exit code that goes with it.

use std::fmt;

use freehold_model::Reason;
use freehold_model::run::State;
use freehold_wire::api::Run;
use freehold_wire::problem::{Code, Problem};
use serde::Serialize;

/// The exit codes of every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// The work failed, or was refused.
    Failed = 1,
    /// The command cannot be understood.
    Usage = 2,
    /// Not allowed.
    Denied = 3,
    /// The server cannot be reached.
    Unreachable = 4,
}

/// Something did not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Failure {
    /// A code that scripts may rely on.
    pub(crate) code: String,
    /// What happened.
    pub(crate) message: String,
    /// What to do next.
    pub(crate) next: String,
    /// Why, in general words; for people only.
    #[serde(skip)]
    pub(crate) why: Option<String>,
    /// The next steps stand above already, where the run was printed; for people only.
    #[serde(skip)]
    pub(crate) shown: bool,
    #[serde(skip)]
    exit: u8,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
impl std::error::Error for Failure {}

impl Failure {
    /// A failure that was found on this side.
    pub(crate) fn new(
        exit: Exit,
        code: &str,
        message: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            next: next.into(),
            why: None,
            shown: false,
            exit: exit as u8,
        }
    }

    /// The words were wrong.
    pub(crate) fn usage(message: impl Into<String>, next: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message, next)
    }

    /// The server is not there, or not a server of ours.
    pub(crate) fn unreachable(message: impl Into<String>, next: impl Into<String>) -> Self {
        Self::new(Exit::Unreachable, "unreachable", message, next)
    }

    /// A failure that the server has a code for, found before it was asked.
    pub(crate) fn coded(code: Code, message: impl Into<String>) -> Self {
        Problem::new(code, message).into()
    }

    /// An error of a library's, with all its causes.
    pub(crate) fn caused(
        code: &str,
        error: &(dyn std::error::Error + 'static),
        next: impl Into<String>,
    ) -> Self {
        let causes = std::iter::successors(error.source(), |cause| cause.source());
        let message = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
        Self::new(Exit::Failed, code, message, next)
    }

    /// The end of a run that was printed was not what was asked for.
    pub(crate) fn run(run: &Run) -> Self {
        let reason = run.reason;
        let what = match run.state {
            State::Waiting => format!("run {} was not landed", run.id),
            state => format!("run {} ended {state}", run.id),
        };
        let why = run
            .detail
            .as_deref()
            .or(reason.map(Reason::meaning))
            .unwrap_or("no reason was given");
        let code = reason.map_or(run.state.name(), Reason::code);
        let next = reason.map_or_else(
            || format!("look at it: `freehold run show {}`", run.id),
            |reason| reason.next().to_owned(),
        );
        Self {
            shown: true,
            ..Self::new(Exit::Failed, code, format!("{what}: {why}"), next)
        }
    }

    /// The process's exit code.
    pub(crate) const fn exit(&self) -> u8 {
        self.exit
    }
}

/// Which exit code stands for which of the server's codes.
const fn exit(code: Code) -> Exit {
    match code {
        Code::Invalid | Code::AgentAmbiguous => Exit::Usage,
        Code::Unauthenticated | Code::Forbidden => Exit::Denied,
        Code::Timeout | Code::Unavailable | Code::ContentUnavailable => Exit::Unreachable,
        Code::NotFound
        | Code::Exists
        | Code::Conflict
        | Code::RunLive
        | Code::IdempotencyMismatch
        | Code::IdempotencyRunning
        | Code::AnswerLost
        | Code::ConfirmationNeeded
        | Code::CommitMismatch
        | Code::EventsGone
        | Code::Stale
        | Code::TooLarge
        | Code::TooMany
        | Code::NoRunner
        | Code::RemoteRefused
        | Code::ProviderRefused
        | Code::SeatsTaken
        | Code::LastOwner
        | Code::IdentityUnknown
        | Code::IdentityRefused
        | Code::Internal => Exit::Failed,
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let mut next = problem.next;
        if let Some(correlation) = problem.correlation {
            next = format!("{next} (correlation id {correlation})");
        }
        Self {
            code: problem.code.code().to_owned(),
            message: problem.detail,
            next,
            why: Some(problem.title),
            shown: false,
            exit: exit(problem.code) as u8,
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(
            Exit::Failed,
            "output",
            format!("the output could not be written: {error}"),
            "give it a place that has room",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_server_has_the_exit_code_of_the_contract() {
        let exits: Vec<String> = Code::ALL
            .iter()
            .map(|&code| format!("{} {}", Failure::coded(code, "x").exit(), code.code()))
            .collect();
        insta::assert_snapshot!(exits.join("\n"), @"
        2 invalid
        3 unauthenticated
        3 forbidden
        1 not_found
        1 exists
        1 conflict
        1 run_live
        1 idempotency_mismatch
        1 commit_mismatch
        1 events_gone
        1 stale
        1 too_large
        1 no_runner
        1 remote_refused
        1 provider_refused
        2 agent_ambiguous
        4 timeout
        4 unavailable
        4 content_unavailable
        1 too_many
        1 seats_taken
        1 last_owner
        1 idempotency_running
        1 answer_lost
        1 confirmation_needed
        1 identity_unknown
        1 identity_refused
        1 internal
        ");
    }

    #[test]
    fn the_document_has_a_code_a_message_and_a_next_step() {
        let failure = Failure::coded(Code::NotFound, "no card is `x`");
        insta::assert_snapshot!(serde_json::to_string(&failure).unwrap(), @r#"{"code":"not_found","message":"no card is `x`","next":"list what there is, and use its id or its name"}"#);
    }
}
