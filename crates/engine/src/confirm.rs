//! Destructive acts of people are confirmed: the first try is answered with what exactly would happen and a
//! token, the second brings the token.
//!
//! A token is good once, for five minutes, for the same act with the same credential on the same state of the
//! thing: all of it is in one digest, which is looked at and used up by one write, in the transaction of the
//! act. A person is asked behind whatever credential they sit: a session, a device that was signed in, the
//! owner's own token of a local installation. Tokens that were made for programs need a scope of its own for
//! such acts, which is the word of whoever gave it to them: they are asked where they ask for it
//! (`docs/decisions/0014`).

use chrono::TimeDelta;
use freehold_model::Action;
use freehold_store::Tx;
use freehold_wire::answer::digest;
use freehold_wire::problem::{Code, Problem};
use freehold_wire::token::{Kind, Token};

use crate::{Caller, Engine, Result};

/// How long a confirmation is good: to read what would happen, and no more.
const LIFETIME: TimeDelta = TimeDelta::minutes(5);
/// What a request brings that wants to be asked first, whatever its credential.
pub const ASK: &str = "ask";
/// Confirmations that a session may have open: a person reads one at a time.
const OPEN_MOST: i64 = 16;

/// Whether an act is to be confirmed by this request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Confirms {
    /// No: nobody sits behind the credential, or the act is none of those.
    #[default]
    No,
    /// Yes, with what the request brought.
    With(Option<String>),
}

impl Confirms {
    /// Of a request for such an act, by whether a person sits behind it, and what it brought.
    #[must_use]
    pub fn by(is_persons: bool, brought: Option<String>) -> Self {
        match (is_persons, brought) {
            (_, Some(word)) if word == ASK => Self::With(None),
            (true, brought) => Self::With(brought),
            // What was asked for is confirmed with what was answered.
            (false, Some(word)) => Self::With(Some(word)),
            (false, None) => Self::No,
        }
    }
}

/// What is to be confirmed.
pub(crate) struct Act<'a> {
    pub(crate) action: Action,
    /// What it is done to.
    pub(crate) resource: &'a str,
    /// The state that it is in.
    pub(crate) version: &'a str,
    /// What exactly would happen.
    pub(crate) does: String,
}

impl Engine {
    /// Goes on where the act is confirmed, or needs not be. Nothing may be written in the transaction
    /// before; it must be the one in which the act is done.
    pub(crate) async fn confirm(&self, mut tx: Tx, caller: &Caller, act: Act<'_>) -> Result<Tx> {
        let (Confirms::With(brought), Some(session)) = (&caller.confirms, caller.token) else {
            return Ok(tx);
        };
        let (user, token) = (caller.user.to_string(), session.to_string());
        let digest = digest(
            "freehold/act/1",
            &[
                user.as_bytes(),
                token.as_bytes(),
                act.action.word().as_bytes(),
                act.resource.as_bytes(),
                act.version.as_bytes(),
            ],
        );
        let brought = brought.as_deref().map(|text| {
            let token = text.parse::<Token>().ok();
            token.filter(|token| token.kind() == Kind::Act)
        });
        let detail = match brought {
            Some(Some(token)) if tx.confirmation_use(&token.hash(), &digest).await? => {
                return Ok(tx);
            }
            Some(_) => format!(
                "the confirmation is not for this act on the present state, was used, or is older than five \
                 minutes. What would happen: {}",
                act.does
            ),
            None => format!("what would happen: {}", act.does),
        };
        let fresh = Token::generate(Kind::Act, self.entropy());
        let until = tx.time() + LIFETIME;
        tx.confirmation_insert(&fresh.hash(), session, &digest, until, OPEN_MOST)
            .await?;
        tx.commit_aside().await?;
        let mut problem = Problem::new(Code::ConfirmationNeeded, detail);
        problem.confirmation = Some(fresh.to_string());
        Err(problem.into())
    }
}
