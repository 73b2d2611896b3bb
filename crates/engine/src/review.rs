//! A person's decision on finished work: approve, reject, reply; and the diff it rests on.

use freehold_model::RunId;
use freehold_model::run::{Approval, Command, State};
use freehold_store::{AgentRow, Report, RunRow, Tx};
use freehold_wire::api::{Approve, Reject, Reply, Run};
use freehold_wire::content::Place;
use freehold_wire::problem::Code;

use crate::card::{BODY_MAX, find as find_card};
use crate::order::{About, Turn};
use crate::project::find as find_project;
use crate::run::{DETAIL, find, lock, reply_asked};
use crate::{Caller, Engine, Error, Result, refuse};

/// Longest reason of a rejection, in bytes.
const REASON_MAX: usize = 16 * 1024;

impl Engine {
    /// Approves exactly the commit that the caller saw; the run then lands. Said twice, it has
    /// one effect.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::CommitMismatch`], [`Code::Conflict`] where there is nothing
    /// to approve.
    pub async fn run_approve(
        &self,
        caller: &Caller,
        reference: &str,
        approve: &Approve,
    ) -> Result<Run> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let mut row = lock(&mut tx, reference).await?;
        let Some(work) = row.life.work.clone() else {
            return refuse(
                Code::Conflict,
                format!("the run is {} and has no work to approve", row.life.state),
            );
        };
        let approval = Approval {
            by: caller.user,
            at: self.now(),
            commit: match &approve.commit {
                Some(given) if !abbreviates(given, &work.commit) => given.clone(),
                _ => work.commit.clone(),
            },
            base: work.base.clone(),
            digest: work.digest.clone(),
        };
        let effects = self
            .advance(&mut tx, &mut row, Command::Approve(approval))
            .await?;
        if !effects.is_empty() {
            let project = find_project(&mut tx, &row.project.to_string()).await?;
            let card = find_card(&mut tx, &row.card.to_string()).await?;
            let agent = agent_of(&mut tx, &row).await?;
            let isolation = self.raise(&mut tx, &mut row, &agent, &project).await?;
            let about = About {
                run: row.id,
                project: &project,
                card: &card,
                agent: &agent,
                isolation,
            };
            self.order_land(&mut tx, caller, &about, row.life.turn, &work)
                .await?;
            self.audit(
                &mut tx,
                caller,
                "run.approve",
                &row.id.to_string(),
                &work.commit,
            )
            .await?;
        }
        tx.commit().await?;
        self.run_show(caller, reference).await
    }

    /// Rejects the work for good.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::Conflict`] where there is nothing to reject.
    pub async fn run_reject(
        &self,
        caller: &Caller,
        reference: &str,
        reject: &Reject,
    ) -> Result<Run> {
        if reject.reason.trim().is_empty() || reject.reason.len() > REASON_MAX {
            return refuse(Code::Invalid, "a rejection needs a reason of at most 16 KB");
        }
        let mut tx = self.store().begin(caller.tenant).await?;
        let mut row = lock(&mut tx, reference).await?;
        self.advance(&mut tx, &mut row, Command::Reject).await?;
        self.put_detail(&mut tx, &row, &reject.reason).await?;
        self.audit(&mut tx, caller, "run.reject", &row.id.to_string(), "review")
            .await?;
        tx.commit().await?;
        self.run_show(caller, reference).await
    }

    /// Answers a run: one that waits goes on, one that has ended gets a child. The same key and
    /// text have one effect, however often.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::Conflict`] while the run works, [`Code::RunLive`].
    pub async fn run_reply(
        &self,
        caller: &Caller,
        reference: &str,
        reply: Reply,
        key: Option<&str>,
    ) -> Result<Run> {
        if reply.text.trim().is_empty() {
            return refuse(Code::Invalid, "a reply needs a text");
        }
        if reply.text.len() > BODY_MAX {
            return refuse(
                Code::TooLarge,
                format!("the reply has {} bytes", reply.text.len()),
            );
        }
        let mut tx = self.store().begin(caller.tenant).await?;
        let mut row = lock(&mut tx, reference).await?;
        if let Some(key) = key {
            let id = row.id.to_string();
            let asked = reply_asked(&id, &reply.text);
            if let Some(made) = self
                .once(&mut tx, caller, key, &asked, row.id.uuid())
                .await?
            {
                drop(tx);
                let made = RunId::from_uuid(made).to_string();
                return self.run_show(caller, &made).await;
            }
        }
        if row.life.state.is_terminal() {
            // The key then stands for the child.
            drop(tx);
            return self.run_child(caller, &row, reply.text, key).await;
        }
        self.advance(&mut tx, &mut row, Command::Reply).await?;
        let project = find_project(&mut tx, &row.project.to_string()).await?;
        let card = find_card(&mut tx, &row.card.to_string()).await?;
        let agent = agent_of(&mut tx, &row).await?;
        let isolation = self.raise(&mut tx, &mut row, &agent, &project).await?;
        let about = About {
            run: row.id,
            project: &project,
            card: &card,
            agent: &agent,
            isolation,
        };
        let turn = Turn {
            turn: row.life.turn,
            reply: Some(reply.text),
            parent: row.parent,
        };
        let provider = match agent.provider {
            Some(id) => tx.provider_get(id).await?,
            None => None,
        };
        let order = self
            .order_execute(&mut tx, caller, &about, provider.as_ref(), turn)
            .await?;
        self.order_put(&mut tx, row.id, &order).await?;
        self.audit(&mut tx, caller, "run.reply", &row.id.to_string(), "review")
            .await?;
        tx.commit().await?;
        self.run_show(caller, reference).await
    }

    /// The unified diff of the run's work; empty where there is none.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::Conflict`] while there is none yet.
    pub async fn run_diff(&self, caller: &Caller, reference: &str) -> Result<Vec<u8>> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let row = find(&mut tx, reference).await?;
        let opener = self
            .opener(&mut tx, caller, &row.id.to_string(), "run.diff")
            .await?;
        tx.commit().await?;
        match (row.diff, row.life.state) {
            (Some((blob, version)), _) => {
                let sealed = self
                    .parts
                    .blobs
                    .get(blob)
                    .await?
                    .ok_or_else(|| Error::Internal(format!("{blob} is gone")))?;
                opener.bytes(row.id, "diff", version, &sealed)
            }
            (None, State::Queued | State::Dispatching | State::Running) => refuse(
                Code::Conflict,
                format!("the run is {}; it has no diff yet", row.life.state),
            ),
            (None, _) => Ok(Vec::new()),
        }
    }

    /// Seals words about a run's present state.
    async fn put_detail(&self, tx: &mut Tx, row: &RunRow, text: &str) -> Result<()> {
        let keys = self.tenant_keys(tx).await?;
        let version = u64::from(row.life.epoch);
        let place = Place::new(tx.tenant(), row.id, DETAIL, version);
        let sealed = keys.seal(self, &place, text.as_bytes())?;
        let detail = Some((sealed, i64::from(row.life.epoch)));
        tx.run_set_report(
            row.id,
            &Report {
                detail,
                ..Report::default()
            },
        )
        .await?;
        Ok(())
    }
}

/// The agent of a run, removed or not.
async fn agent_of(tx: &mut Tx, row: &RunRow) -> Result<AgentRow> {
    let agent = tx.agent_get(row.agent).await?;
    agent.ok_or_else(|| Error::Internal(format!("agent {} is gone", row.agent)))
}

/// Whether a person wrote the first digits of this commit, as git shows it: seven at least.
fn abbreviates(given: &str, commit: &str) -> bool {
    (7..commit.len()).contains(&given.len()) && commit.starts_with(&given.to_ascii_lowercase())
}
