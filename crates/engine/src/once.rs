//! A request that is repeated under its key is one request.
//!
//! Before it is worked on a request claims its key, for as long as a request may take. The change marks
//! the claim in its own transaction (`store::claimed`), and the answer is kept after it. So a claim without
//! an answer says what happened: while it may still be worked on, wait; where nothing was written, it
//! is done now; where something was, it is not done again, and the answer is lost.

use chrono::TimeDelta;
use freehold_model::AttemptId;
use freehold_store::{Claim, Claimed};
use freehold_wire::answer::{self, digest};
use freehold_wire::problem::{Code, Problem};

use crate::{Caller, Engine, Error, Result, refuse};

/// How long an answer is good.
pub const KEPT: TimeDelta = TimeDelta::hours(24);
/// How long a request is worked on at most; the server gives it less than that.
pub const LEASE: TimeDelta = TimeDelta::seconds(90);
/// Longest key.
const KEY_MAX: usize = 200;
/// Whoever finds a request being worked on comes back after so many seconds: most take less.
const COME_BACK: u64 = 1;

/// A request under a key.
#[derive(Debug)]
pub struct Keyed<'a> {
    /// The route: a key counts for one.
    pub route: &'a str,
    /// The key.
    pub key: &'a str,
    /// All that is asked: another list is another request.
    pub asked: &'a [&'a [u8]],
}

/// How a request under a key begins.
#[derive(Debug)]
pub enum Begun {
    /// It is the first of its kind: do it.
    Ours(Attempt),
    /// It was answered before, with this.
    Answered(Vec<u8>),
}

/// An attempt at a request.
#[derive(Debug, Clone)]
pub struct Attempt {
    claim: Claim,
    /// What opens the answer again, besides the server's key.
    word: Vec<u8>,
}

impl Attempt {
    /// Works on it. What the work commits is marked as this attempt's.
    pub async fn work<F: Future>(&self, work: F) -> F::Output {
        freehold_store::claimed(self.claim.clone(), work).await
    }
}

/// A key as it may be: 1 to 200 visible ASCII characters.
pub(crate) fn check_key(key: &str) -> Result<()> {
    if (1..=KEY_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    refuse(
        Code::Invalid,
        format!("an idempotency key has 1 to {KEY_MAX} visible ASCII characters"),
    )
}

impl Engine {
    /// Begins a request under a key of the caller's.
    ///
    /// # Errors
    /// [`Code::IdempotencyMismatch`]; [`Code::IdempotencyRunning`] with when to come back;
    /// [`Code::AnswerLost`]; [`Code::Invalid`] for the key.
    pub async fn once_begin(&self, caller: &Caller, keyed: Keyed<'_>) -> Result<Begun> {
        check_key(keyed.key)?;
        let (tenant, user) = (caller.tenant.to_string(), caller.user.to_string());
        let whose: [&[u8]; 4] = [
            tenant.as_bytes(),
            user.as_bytes(),
            keyed.route.as_bytes(),
            keyed.key.as_bytes(),
        ];
        let attempt: AttemptId = self.new_id();
        let attempt = Attempt {
            claim: Claim {
                tenant: caller.tenant,
                hash: digest("freehold/request/1", &whose),
                attempt: attempt.uuid(),
            },
            word: digest("freehold/answer/1", &whose),
        };
        let asked = digest("freehold/asked/1", keyed.asked);
        let mut tx = self.store().begin(caller.tenant).await?;
        let before = tx
            .request_claim(&attempt.claim, &asked, LEASE, KEPT)
            .await?;
        tx.commit().await?;
        match before {
            None => Ok(Begun::Ours(attempt)),
            Some(before) => self.before(&attempt, &asked, before),
        }
    }

    fn before(&self, attempt: &Attempt, asked: &[u8], before: Claimed) -> Result<Begun> {
        if before.asked != asked {
            return refuse(
                Code::IdempotencyMismatch,
                "this idempotency key was used for another request",
            );
        }
        match before.answer {
            Some(sealed) => answer::open(self.keys().seal(), &attempt.word, &sealed)
                .map(Begun::Answered)
                .map_err(|_| {
                    Problem::new(
                        Code::AnswerLost,
                        "the answer was kept under another key of the server's",
                    )
                    .into()
                }),
            None if before.is_live || !before.done => {
                let detail = "the same request is being worked on";
                Err(Problem::new(Code::IdempotencyRunning, detail)
                    .retry_after(COME_BACK)
                    .into())
            }
            None => refuse(
                Code::AnswerLost,
                "this request was carried out, and the server could not keep its answer",
            ),
        }
    }

    /// Keeps the answer.
    ///
    /// # Errors
    /// [`Error`]; it is lost then, and whoever repeats the request is told so.
    pub async fn once_answer(&self, attempt: &Attempt, plain: &[u8]) -> Result<()> {
        let server = self.keys().seal().public();
        let sealed = answer::seal(&server, &attempt.word, plain, self.entropy())
            .map_err(|_| Error::Internal("the server's key is malformed".into()))?;
        let mut tx = self.store().begin(attempt.claim.tenant).await?;
        tx.request_answer(&attempt.claim, &sealed).await?;
        Ok(tx.commit().await?)
    }

    /// Gives the request up without an answer. Where it changed nothing, it may be sent again at once.
    ///
    /// # Errors
    /// [`Error`]; the claim ends by itself then.
    pub async fn once_release(&self, attempt: &Attempt) -> Result<()> {
        let mut tx = self.store().begin(attempt.claim.tenant).await?;
        tx.request_release(&attempt.claim).await?;
        Ok(tx.commit().await?)
    }
}
