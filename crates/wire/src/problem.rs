//! Errors as documents: RFC 9457 problem details with a code that has a page in `docs/errors/`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The media type of a problem document.
pub const MEDIA_TYPE: &str = "application/problem+json";

macro_rules! codes {
    ($($variant:ident $code:literal $status:literal $title:literal $next:literal;)*) => {
        /// What went wrong, as a code that clients may rely on. Append only.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Code {
            $(#[doc = $title] #[serde(rename = $code)] $variant,)*
        }

        impl Code {
            /// Every code, for tests and documents that enumerate them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code on the wire.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// What it means.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// What to do next, where nothing better is known.
            #[must_use]
            pub const fn next(self) -> &'static str {
                match self { $(Self::$variant => $next,)* }
            }
        }
    };
}

codes! {
    Invalid "invalid" 400 "the request is not valid" "correct it as the message says";
    Unauthenticated "unauthenticated" 401 "no valid token came with the request" "on the machine where `freehold up` runs, unset FREEHOLD_TOKEN; elsewhere set it to the token in that installation's client.json";
    Forbidden "forbidden" 403 "the token does not allow this" "ask an owner";
    NotFound "not_found" 404 "there is no such thing" "list what there is, and use its id or its name";
    Exists "exists" 409 "the name is taken, and nothing was changed" "choose another name";
    Conflict "conflict" 409 "not possible in the present state" "look at it again: `freehold run show`";
    RunLive "run_live" 409 "the card has a live run" "wait for it, or cancel it: `freehold run cancel`";
    IdempotencyMismatch "idempotency_mismatch" 409 "the idempotency key was used for another request" "use a new key";
    CommitMismatch "commit_mismatch" 409 "the run's commit is another one than the one given" "look at the diff again, then approve that commit";
    EventsGone "events_gone" 410 "what happened in this run is not kept any longer" "the run itself, its result and its commits are there: `freehold run show`; `--keep-events` of the server says how long events are kept";
    Stale "stale" 412 "somebody changed it meanwhile, and nothing was changed now" "look at it again, and say what it should be now";
    TooLarge "too_large" 413 "the body is larger than 2 MB" "make it smaller, or put the text in the repository";
    NoRunner "no_runner" 503 "no runner is connected" "start one: `freehold up`, or `freehold runner serve`";
    RemoteRefused "remote_refused" 422 "the git remote cannot be used" "see the message; then try again";
    ProviderRefused "provider_refused" 422 "the model provider cannot be used" "see the message; then try again";
    AgentAmbiguous "agent_ambiguous" 400 "the run needs an agent" "name one: `--agent NAME`; add one: `freehold agent add`";
    Timeout "timeout" 504 "the runner did not answer in time" "look at `freehold runner list`, then try again";
    Unavailable "unavailable" 503 "the server cannot do this now" "try again shortly";
    ContentUnavailable "content_unavailable" 503 "the content cannot be read or written now" "try again shortly; whoever operates the server looks at its log";
    TooMany "too_many" 429 "too many requests or tries in a short time" "wait as long as `Retry-After` says, then try again";
    SeatsTaken "seats_taken" 409 "the organization has no seat left" "remove a member, or ask whoever operates the server for more seats";
    LastOwner "last_owner" 409 "an organization keeps at least one owner" "make somebody else an owner first";
    IdempotencyRunning "idempotency_running" 409 "a request with this idempotency key is being worked on" "wait as long as `Retry-After` says, then send it again under the same key";
    AnswerLost "answer_lost" 409 "the request was carried out, and its answer was lost" "look at what is there now; send it under a new key only if it is to happen once more";
    ConfirmationNeeded "confirmation_needed" 428 "the act is to be confirmed, and nothing was changed" "read what would happen; to go on, send the request again with `Confirmation:` and what `confirmation` says, within five minutes";
    IdentityUnknown "identity_unknown" 403 "who you are at the provider is linked to nobody here" "sign in another way, and link it to your account; or have somebody invite you";
    IdentityRefused "identity_refused" 422 "the provider of identities does not vouch for this" "begin again, in this browser";
    Internal "internal" 500 "something failed that should not" "see the server's log; please report it with the correlation id";
}

/// A problem document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// The page about the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code's meaning.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The code.
    pub code: Code,
    /// What happened this time.
    pub detail: String,
    /// What to do next.
    pub next: String,
    /// To find the server's log lines by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub correlation: Option<String>,
    /// In how many seconds it is worth trying again; `Retry-After` says the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub retry_after_s: Option<u64>,
    /// What confirms the act, once: the request again with this as its `Confirmation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub confirmation: Option<String>,
}

impl Problem {
    /// A problem with the code's own next step.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("/docs/errors/{}", code.code()),
            title: code.title().to_owned(),
            status: code.status(),
            code,
            detail: detail.into(),
            next: code.next().to_owned(),
            correlation: None,
            retry_after_s: None,
            confirmation: None,
        }
    }

    /// With the time after which it is worth trying again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// With a next step that fits the case better.
    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = next.into();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn every_code_has_a_page_and_every_page_a_code() {
        let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
        for code in Code::ALL {
            let page = std::fs::read_to_string(pages.join(format!("{}.md", code.code()))).unwrap();
            let head = format!("# {} ({})\n", code.code(), code.status());
            assert!(page.starts_with(&head), "{code:?}");
        }
        // Others are what a command ends with and no server answers: they say so.
        for page in std::fs::read_dir(&pages).unwrap() {
            let path = page.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let is_answer = Code::ALL.iter().any(|code| code.code() == name);
            let is_end = text.starts_with(&format!("# {name} (exit code "));
            // Or a run's, where a reason needs more words than its sentence.
            let is_reason = text.starts_with(&format!("# {name} (a reason of runs)\n"))
                && name.parse::<freehold_model::Reason>().is_ok();
            assert_eq!(
                u8::from(is_answer) + u8::from(is_end) + u8::from(is_reason),
                1,
                "{name}"
            );
        }
    }
}
