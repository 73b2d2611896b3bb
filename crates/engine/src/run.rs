//! Starting runs, showing them, and the one way in which a run's life changes.

use freehold_model::run::{Command, Effect, Refusal, Run as Life, State, apply};
use freehold_model::{CardId, Lane, ProjectId, Reason, RunId};
use freehold_store::{Hint, NewEvent, NewRun, Report, RunRow, StoreError, Tx};
use freehold_wire::api::{Check, Page, Run, StartRun};
use freehold_wire::link::{Down, RunRef};
use freehold_wire::problem::{Code, Problem};
use serde_json::json;

use crate::agent::find_agent;
use crate::card::find as find_card;
use crate::open::Opener;
use crate::order::{About, Turn};
use crate::project::{find as find_project, page, shorten};
use crate::{Caller, Engine, Error, Result, refuse};

/// How often a run is tried when runners are lost.
const ATTEMPTS_MAX: u32 = 3;
/// The isolation that every run gets unless policy says more.
pub(crate) const ISOLATION: &str = "sandbox";
/// Longest idempotency key.
const KEY_MAX: usize = 200;

/// A run that was asked for, and the reply that it starts from, if any.
struct Wish<'a> {
    card: &'a str,
    agent: Option<&'a str>,
    parent: Option<RunId>,
    reply: Option<String>,
}

impl Engine {
    /// Starts a run of a card. The same key and request give the same run, however often.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::AgentAmbiguous`], [`Code::RunLive`],
    /// [`Code::IdempotencyMismatch`].
    pub async fn run_start(
        &self,
        caller: &Caller,
        card: &str,
        start: &StartRun,
        key: Option<&str>,
    ) -> Result<Run> {
        let wish = Wish {
            card,
            agent: start.agent.as_deref(),
            parent: None,
            reply: None,
        };
        self.run_create(caller, wish, key).await
    }

    /// Starts a run that answers one that has ended.
    pub(crate) async fn run_child(
        &self,
        caller: &Caller,
        parent: &RunRow,
        reply: String,
    ) -> Result<Run> {
        let (card, agent) = (parent.card.to_string(), parent.agent.to_string());
        let wish = Wish {
            card: &card,
            agent: Some(&agent),
            parent: Some(parent.id),
            reply: Some(reply),
        };
        self.run_create(caller, wish, None).await
    }

    async fn run_create(&self, caller: &Caller, wish: Wish<'_>, key: Option<&str>) -> Result<Run> {
        if key.is_some_and(|key| key.is_empty() || key.len() > KEY_MAX) {
            return refuse(
                Code::Invalid,
                format!("an idempotency key has 1 to {KEY_MAX} characters"),
            );
        }
        let id: RunId = self.new_id();
        let mut tx = self.store().begin(caller.tenant).await?;
        let card = find_card(&mut tx, wish.card).await?;
        if let Some(key) = key
            && let Some(earlier) = self
                .run_of_key(&mut tx, key, &card.id.to_string(), &wish, id)
                .await?
        {
            drop(tx);
            return self.run_show(caller, &earlier.to_string()).await;
        }
        let agent = find_agent(&mut tx, wish.agent).await?;
        if let Some(live) = tx.run_live_of_card(card.id).await? {
            return Err(live_already(&live.to_string()));
        }
        let project = find_project(&mut tx, &card.project.to_string()).await?;
        let new = NewRun {
            id,
            project: project.id,
            card: card.id,
            agent: agent.id,
            agent_name: agent.name.clone(),
            by: caller.user,
            parent: wish.parent,
            target: project.target.clone(),
            egress: project.egress.clone(),
            isolation: ISOLATION.to_owned(),
            labels: agent.labels.clone(),
            life: Life::new(ATTEMPTS_MAX),
            at: self.now(),
        };
        match tx.run_insert(&new).await {
            Err(StoreError::Taken { constraint }) if constraint == "runs_live" => {
                return Err(live_already("another run"));
            }
            other => other?,
        }
        let about = About {
            run: id,
            project: &project,
            card: &card,
            isolation: ISOLATION,
        };
        let turn = Turn {
            agent: &agent,
            turn: 0,
            reply: wish.reply,
            parent: wish.parent,
        };
        self.order_execute(&mut tx, caller, &about, turn).await?;
        self.announce(&mut tx, id, &new.life, Effect::Entered(State::Queued))
            .await?;
        tx.card_move(card.id, Lane::Build, new.at).await?;
        self.audit(&mut tx, caller, "run.start", &id.to_string(), "run")
            .await?;
        tx.hint(Hint::Queue);
        tx.commit().await?;
        self.run_show(caller, &id.to_string()).await
    }

    /// The run that this key already made, if it made one.
    async fn run_of_key(
        &self,
        tx: &mut Tx,
        key: &str,
        card: &str,
        wish: &Wish<'_>,
        id: RunId,
    ) -> Result<Option<RunId>> {
        let asked = format!("run.start\0{card}\0{}", wish.agent.unwrap_or_default());
        let digest = freehold_wire::dsse::fingerprint(asked.as_bytes()).into_bytes();
        match tx.idempotency_take(key, &digest, id, self.now()).await? {
            None => Ok(None),
            Some(earlier) if earlier.request == digest => Ok(Some(earlier.run)),
            Some(_) => refuse(
                Code::IdempotencyMismatch,
                "this idempotency key started another card or agent",
            ),
        }
    }

    /// A run.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn run_show(&self, caller: &Caller, reference: &str) -> Result<Run> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let row = find(&mut tx, reference).await?;
        let opener = self
            .opener(&mut tx, caller, &row.id.to_string(), "run.show")
            .await?;
        tx.commit().await?;
        view(&opener, row)
    }

    /// Runs, newest first.
    ///
    /// # Errors
    /// [`Code::NotFound`] for the project.
    pub async fn run_list(
        &self,
        caller: &Caller,
        project: Option<&str>,
        card: Option<CardId>,
        before: Option<RunId>,
        limit: u32,
    ) -> Result<Page<Run>> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let project: Option<ProjectId> = match project {
            Some(reference) => Some(find_project(&mut tx, reference).await?.id),
            None => None,
        };
        let rows = tx
            .run_list(project, card, before, i64::from(limit) + 1)
            .await?;
        let opener = self.opener(&mut tx, caller, "runs", "run.list").await?;
        tx.commit().await?;
        page(
            rows,
            limit,
            |row| row.id.to_string(),
            |row| view(&opener, row),
        )
    }

    /// Stops a run. One that waits or is queued ends at once; one that works is told to stop.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::Conflict`] when it is landing or has ended.
    pub async fn run_cancel(&self, caller: &Caller, reference: &str) -> Result<Run> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let mut row = lock(&mut tx, reference).await?;
        let effects = self.advance(&mut tx, &mut row, Command::Cancel).await?;
        self.audit(&mut tx, caller, "run.cancel", &row.id.to_string(), "run")
            .await?;
        let holder = row.life.lease.as_ref().map(|lease| lease.runner);
        let (id, epoch) = (row.id, row.life.epoch);
        tx.commit().await?;
        if let Some(runner) = holder
            && effects.contains(&Effect::Stop)
        {
            self.hub()
                .send(runner, Down::Cancel(RunRef { run: id, epoch }));
        }
        self.run_show(caller, reference).await
    }

    /// The one way in which a run's life changes: applies `command` to the locked row, writes
    /// it, appends the events, moves the card, and leaves hints.
    pub(crate) async fn advance(
        &self,
        tx: &mut Tx,
        row: &mut RunRow,
        command: Command,
    ) -> Result<Vec<Effect>> {
        let renewed = matches!(command, Command::Renew(..));
        let reported = matches!(command, Command::Finish(..));
        let effects = apply(&mut row.life, command).map_err(refused)?;
        if effects.is_empty() && !renewed {
            return Ok(effects);
        }
        let now = self.now();
        tx.run_set_life(row.id, &row.life, now).await?;
        if !reported
            && row.detail.is_some()
            && effects.iter().any(|e| matches!(e, Effect::Entered(_)))
        {
            // The words of the job before are no longer true.
            tx.run_set_report(row.id, &Report::default()).await?;
        }
        for effect in &effects {
            self.announce(tx, row.id, &row.life, *effect).await?;
        }
        if effects.contains(&Effect::Entered(State::Waiting)) {
            tx.card_move(row.card, Lane::Review, now).await?;
        }
        if effects.contains(&Effect::Entered(State::Queued)) {
            tx.card_move(row.card, Lane::Build, now).await?;
        }
        if row.life.state == State::Succeeded && row.life.landed.is_some() && !effects.is_empty() {
            tx.card_set_landed(row.card, now).await?;
            tx.card_move(row.card, Lane::Done, now).await?;
        }
        if !effects.is_empty() && (row.life.wants().is_some() || row.life.lease.is_none()) {
            tx.hint(Hint::Queue);
        }
        Ok(effects)
    }

    /// Appends the event that tells watchers of a transition.
    async fn announce(&self, tx: &mut Tx, run: RunId, life: &Life, effect: Effect) -> Result<()> {
        let name = match effect {
            Effect::Entered(state) => state.name(),
            Effect::Lost => "lost",
            Effect::Stop => "stopping",
        };
        let meta = json!({
            "state": life.state,
            "reason": life.reason,
            "epoch": life.epoch,
            "attempt": life.attempt,
            "waiting_for": waiting_for(life),
            "commit": life.work.as_ref().map(|w| &w.commit),
            "landed": life.landed,
        });
        let event = NewEvent {
            ts: self.now(),
            kind: format!("run.{name}"),
            meta,
            content: None,
            epoch: life.epoch,
            n: 0,
        };
        tx.events_append(run, &[event]).await?;
        tx.hint(Hint::Run(run));
        Ok(())
    }
}

fn live_already(which: &str) -> Error {
    Problem::new(
        Code::RunLive,
        format!("the card has a live run already: {which}"),
    )
    .into()
}

/// A refused transition as an answer.
pub(crate) fn refused(refusal: Refusal) -> Error {
    let code = match refusal {
        Refusal::Commit { .. } => Code::CommitMismatch,
        Refusal::Fenced { .. } | Refusal::State { .. } => Code::Conflict,
    };
    Problem::new(code, refusal.to_string()).into()
}

fn no_such_run(reference: &str) -> Error {
    Problem::new(
        Code::NotFound,
        format!("there is no run `{}`", shorten(reference)),
    )
    .next("see `freehold run list`")
    .into()
}

pub(crate) async fn find(tx: &mut Tx, reference: &str) -> Result<RunRow> {
    let row = match reference.parse() {
        Ok(id) => tx.run_get(id).await?,
        Err(_) => None,
    };
    row.ok_or_else(|| no_such_run(reference))
}

pub(crate) async fn lock(tx: &mut Tx, reference: &str) -> Result<RunRow> {
    let row = match reference.parse() {
        Ok(id) => tx.run_lock(id).await?,
        Err(_) => None,
    };
    row.ok_or_else(|| no_such_run(reference))
}

/// What a run that waits, waits for.
const fn waiting_for(life: &Life) -> Option<&'static str> {
    match life.state {
        State::Waiting => Some("review"),
        _ => None,
    }
}

/// Where a run's detail is sealed.
pub(crate) const DETAIL: &str = "detail";

fn detail(opener: &Opener, row: &RunRow) -> Result<Option<String>> {
    if let (State::Queued | State::Landing, Some(note)) = (row.life.state, &row.wait_note) {
        return Ok(Some(note.clone()));
    }
    match &row.detail {
        Some((sealed, version)) => opener.text(row.id, DETAIL, *version, sealed).map(Some),
        None => Ok(row
            .life
            .reason
            .map(|reason: Reason| reason.meaning().to_owned())),
    }
}

pub(crate) fn view(opener: &Opener, row: RunRow) -> Result<Run> {
    let detail = detail(opener, &row)?;
    let checks: Vec<Check> = serde_json::from_value(row.checks)
        .map_err(|error| Error::Internal(format!("checks of {}: {error}", row.id)))?;
    let work = row.life.work.as_ref();
    Ok(Run {
        id: row.id,
        state: row.life.state,
        reason: row.life.reason,
        detail,
        waiting_for: waiting_for(&row.life).map(str::to_owned),
        project: row.project,
        card: row.card,
        agent: row.agent_name,
        isolation: row.isolation,
        egress: row.egress.parse().map_err(Error::Internal)?,
        runner: row.last_runner,
        epoch: row.life.epoch,
        attempt: row.life.attempt,
        parent: row.parent,
        base: work.and_then(|w| w.base.clone()),
        commit: work.map(|w| w.commit.clone()),
        landed: row.life.landed,
        target: row.target,
        checks,
        created_at: row.created_at,
        finished_at: row.finished_at,
    })
}
