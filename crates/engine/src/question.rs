//! Questions that only a runner can answer: whether a remote or a provider can be reached. Whichever
//! server has a link to a runner of the tenant puts it; the others carry it there through the database.

use std::time::Duration;

use chrono::TimeDelta;
use freehold_model::{QuestionId, TenantId};
use freehold_wire::link::{Probe, Probed};
use freehold_wire::problem::{Code, Problem};
use tokio::time::sleep;

use freehold_store::Hint;

use crate::runner::SILENT_AFTER;
use crate::{Caller, Engine, Error, Result, refuse};

/// How often whoever asked another server looks for the answer. A probe takes longer than that.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// So many looks later the servers are told again: a hint may be lost.
const TOLD_AGAIN: u32 = 10;
/// A server with a link takes a question at once; by then there is none, whatever a session says that a
/// killed server left behind.
const TAKEN_WITHIN: TimeDelta = TimeDelta::seconds(4);
/// The patience of the server that asks its runner, and the way there and back; below the minute that a
/// request may take.
const ANSWERED_WITHIN: TimeDelta = TimeDelta::seconds(50);

/// A question that this server is to put.
#[derive(Debug)]
pub struct Question {
    id: QuestionId,
    probe: Probe,
}

impl Engine {
    /// Has a runner of the caller's tenant try something.
    ///
    /// # Errors
    /// [`Code::NoRunner`] where none is connected, [`Code::Timeout`] where none answered.
    pub(crate) async fn ask(&self, caller: &Caller, probe: Probe) -> Result<Probed> {
        if self.hub().connected(caller.tenant).is_empty() {
            return self.ask_elsewhere(caller.tenant, &probe).await;
        }
        match self.hub().ask(caller.tenant, probe).await {
            Some(probed) => Ok(probed),
            None if self.hub().connected(caller.tenant).is_empty() => no_runner(),
            None => no_answer(),
        }
    }

    async fn ask_elsewhere(&self, tenant: TenantId, probe: &Probe) -> Result<Probed> {
        let probe = serde_json::to_value(probe).map_err(|error| strange(&error))?;
        let mut tx = self.store().begin(tenant).await?;
        if !tx.runner_elsewhere(tx.time() - SILENT_AFTER, &[]).await? {
            return no_runner();
        }
        let asked = tx.time();
        let id: QuestionId = self.new_id();
        if !tx.question_ask(id, &probe).await? {
            let detail = "too much is being tried by this tenant's runners at once";
            return Err(Problem::new(Code::Unavailable, detail).into());
        }
        tx.commit().await?;
        let mut looks: u32 = 0;
        let given_up = loop {
            sleep(LOOK_EVERY).await;
            looks = looks.wrapping_add(1);
            let mut tx = self.store().begin(tenant).await?;
            let Some(row) = tx.question_look(id).await? else {
                return no_answer();
            };
            if let Some(answer) = row.answer {
                tx.question_forget(id).await?;
                tx.commit().await?;
                return serde_json::from_value(answer).map_err(|error| strange(&error));
            }
            let waited = tx.time() - asked;
            if waited > ANSWERED_WITHIN {
                break no_answer();
            }
            if !row.taken && waited > TAKEN_WITHIN {
                break no_runner();
            }
            if !row.taken && looks.is_multiple_of(TOLD_AGAIN) {
                tx.hint(Hint::Question);
                tx.commit().await?;
            }
        };
        let mut tx = self.store().begin(tenant).await?;
        tx.question_forget(id).await?;
        tx.commit().await?;
        given_up
    }

    /// A question of another server to a runner of this tenant, which has a link here. It is ours then.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn question_take(&self, tenant: TenantId) -> Result<Option<Question>> {
        let mut tx = self.store().begin(tenant).await?;
        let taken = tx.question_take().await?;
        tx.commit().await?;
        let Some((id, probe)) = taken else {
            return Ok(None);
        };
        // A later version's question stays without an answer.
        Ok(serde_json::from_value(probe)
            .ok()
            .map(|probe| Question { id, probe }))
    }

    /// Puts a question that was taken, and carries the answer back. False when there is none: it is
    /// anybody's again.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn question_put(&self, tenant: TenantId, question: Question) -> Result<bool> {
        let Question { id, probe } = question;
        let answer = self.hub().ask(tenant, probe).await;
        let answer = answer.as_ref().map(serde_json::to_value).transpose();
        let answer = answer.map_err(|error| strange(&error))?;
        let mut tx = self.store().begin(tenant).await?;
        tx.question_answer(id, answer.as_ref()).await?;
        tx.commit().await?;
        Ok(answer.is_some())
    }
}

fn no_runner<T>() -> Result<T> {
    refuse(
        Code::NoRunner,
        "this needs a runner to try it, and none is connected",
    )
}

fn no_answer<T>() -> Result<T> {
    refuse(Code::Timeout, "no runner answered in time")
}

fn strange(error: &serde_json::Error) -> Error {
    Error::Internal(format!("a question between servers: {error}"))
}
