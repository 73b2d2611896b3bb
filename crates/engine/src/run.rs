//! Starting runs, showing them, and the one way in which a run's life changes.

use std::collections::HashMap;

use freehold_model::priority::Priority;
use freehold_model::run::{Command, Effect, Refusal, Run as Life, State, apply};
use freehold_model::{CardId, Isolation, Lane, ProjectId, Reason, RunId, UserId};
use freehold_store::{
    CardRow, Ground, Happened, Hint, NewEvent, NewRun, Report, RunRow, StepRow, StoreError, Tx,
    UsageRow,
};
use freehold_wire::api::{Check, Page, Run, StartRun, Step, Usage};
use freehold_wire::link::{Down, RunRef};
use freehold_wire::problem::{Code, Problem};
use serde_json::json;

use crate::agent::find_agent_for_run;
use crate::away::waiting_for;
use crate::card::{TITLE, no_such_card, parse as parse_card};
use crate::once::check_key;
use crate::open::Opener;
use crate::order::{About, Turn};
use crate::project::{find as find_project, page, shorten};
use crate::{Caller, Engine, Error, Result, isolation, refuse};

/// How often a run is tried when runners are lost.
const ATTEMPTS_MAX: u32 = 3;

/// Which runs.
#[derive(Debug, Clone, Default)]
pub struct Wanted<'a> {
    /// Of this project, by id or name.
    pub project: Option<&'a str>,
    /// Of this card.
    pub card: Option<CardId>,
    /// In one of these states.
    pub states: Option<Vec<State>>,
}

/// A run that was asked for, and the reply that it starts from, if any.
struct Wish<'a> {
    card: &'a str,
    agent: Option<&'a str>,
    priority: Option<Priority>,
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
            priority: start.priority,
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
        key: Option<&str>,
    ) -> Result<Run> {
        let (card, agent) = (parent.card.to_string(), parent.agent.to_string());
        let wish = Wish {
            card: &card,
            agent: Some(&agent),
            priority: Some(parent.priority),
            parent: Some(parent.id),
            reply: Some(reply),
        };
        self.run_create(caller, wish, key).await
    }

    async fn run_create(&self, caller: &Caller, wish: Wish<'_>, key: Option<&str>) -> Result<Run> {
        let id: RunId = self.new_id();
        // With a membership its runs end: one that is started meanwhile is among them, or is not started.
        let mut tx = self.begin_as(caller).await?;
        let id_of_card = parse_card(wish.card)?;
        if let Some(key) = key {
            let card = id_of_card.to_string();
            let parent = wish.parent.map(|parent| parent.to_string());
            let mut asked = match (&parent, &wish.reply) {
                (Some(parent), Some(reply)) => reply_asked(parent, reply).to_vec(),
                _ => vec!["run.start", &card, wish.agent.unwrap_or_default()],
            };
            // Keys that were used before there were priorities stand for the same requests.
            if wish.parent.is_none() {
                asked.extend(wish.priority.map(Priority::name));
            }
            if let Some(earlier) = self.once(&mut tx, caller, key, &asked, id.uuid()).await? {
                drop(tx);
                let earlier = RunId::from_uuid(earlier).to_string();
                return self.run_show(caller, &earlier).await;
            }
        }
        // Read as it is once it is locked: somebody may just be putting it away, or changing its words.
        let ground = tx.run_ground(id_of_card).await?;
        let Ground {
            card,
            project,
            live,
        } = ground.ok_or_else(|| no_such_card(wish.card))?;
        if card.archived_at.is_some() {
            return refuse(
                Code::Conflict,
                "the card was put away; bring it back to start a run of it",
            );
        }
        let (agent, provider) = find_agent_for_run(&mut tx, wish.agent).await?;
        if let Some(live) = live {
            return Err(live_already(&live.to_string()));
        }
        let isolation = isolation::asked(Isolation::None, &agent, &project);
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
            isolation,
            labels: agent.labels.clone(),
            priority: wish.priority.unwrap_or_default(),
            life: Life::new(ATTEMPTS_MAX),
            // Its place in line is counted from here, by the one clock that all servers share.
            at: tx.time(),
        };
        let about = About {
            run: id,
            project: &project,
            card: &card,
            agent: &agent,
            isolation,
        };
        let turn = Turn {
            turn: 0,
            reply: wish.reply,
            parent: wish.parent,
        };
        let order = self
            .order_execute(&mut tx, caller, &about, provider.as_ref(), turn)
            .await?;
        let moves = (card.lane != Lane::Build).then_some(Lane::Build);
        match tx.run_insert(&new, &order, moves).await {
            Err(StoreError::Taken { constraint }) if constraint == "runs_live" => {
                drop(tx);
                return Err(self.live_by_now(caller, card.id).await?);
            }
            other => other?,
        }
        self.announce(&mut tx, id, &new.life, Effect::Entered(State::Queued))
            .await?;
        tx.card_happened(card.id, Some(caller.user), Happened::RunStarted(id), new.at);
        if let Some(to) = moves {
            let moved = Happened::Moved(card.lane, to);
            tx.card_happened(card.id, None, moved, order.at);
            self.card_happened(&mut tx, card.id, (card.lane, to));
        }
        self.audit(&mut tx, caller, "run.start", &id.to_string(), "run")
            .await?;
        tx.hint(Hint::Queue);
        let opener = self
            .opener(&mut tx, caller, &id.to_string(), "run.show")
            .await?;
        let events = i64::try_from(tx.events_gathered(id)).unwrap_or(i64::MAX);
        tx.commit().await?;
        let around = Around::asked(caller, &opener, &card)?;
        view(&opener, &around, new.stored(events))
    }

    /// That another request was first, and which run it began.
    async fn live_by_now(&self, caller: &Caller, card: CardId) -> Result<Error> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let live = tx.run_live_of_card(card).await?;
        let live = live.map_or_else(|| "another run".to_owned(), |live| live.to_string());
        Ok(live_already(&live))
    }

    /// What a request with this idempotency key made before, if it made something; from now on
    /// the key stands for `made`. `asked` is the request: its kind first, then all that matters.
    pub(crate) async fn once(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        key: &str,
        asked: &[&str],
        made: uuid::Uuid,
    ) -> Result<Option<uuid::Uuid>> {
        check_key(key)?;
        // A key is its person's, and counts for one kind of request.
        let kind = asked.first().copied().unwrap_or_default();
        let key = format!("{}/{kind}/{key}", caller.user);
        let asked = asked.join("\0");
        let digest = freehold_wire::dsse::fingerprint(asked.as_bytes()).into_bytes();
        match tx.idempotency_take(&key, &digest, made, self.now()).await? {
            None => Ok(None),
            Some(earlier) if earlier.request == digest => Ok(Some(earlier.made)),
            Some(_) => refuse(
                Code::IdempotencyMismatch,
                "this idempotency key was used for another request",
            ),
        }
    }

    /// A run.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn run_show(&self, caller: &Caller, reference: &str) -> Result<Run> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let shown = self.shown(&mut tx, caller, reference).await?;
        tx.end().await?;
        Ok(shown)
    }

    /// A run as it stands in a transaction.
    async fn shown(&self, tx: &mut Tx, caller: &Caller, reference: &str) -> Result<Run> {
        let row = find(tx, reference).await?;
        let opener = self
            .opener(tx, caller, &row.id.to_string(), "run.show")
            .await?;
        let about = Around::of(tx, &opener, std::slice::from_ref(&row)).await?;
        let in_force = isolation::in_force(row.id, &row.in_force)?;
        let runner_version = tx.step_version(row.id).await?;
        Ok(Run {
            in_force,
            runner_version,
            ..view(&opener, &about, row)?
        })
    }

    /// Runs, newest first.
    ///
    /// # Errors
    /// [`Code::NotFound`] for the project.
    pub async fn run_list(
        &self,
        caller: &Caller,
        wanted: Wanted<'_>,
        before: Option<RunId>,
        limit: u32,
    ) -> Result<Page<Run>> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let project: Option<ProjectId> = match wanted.project {
            Some(reference) => Some(find_project(&mut tx, reference).await?.id),
            None => None,
        };
        let states = wanted.states.as_deref();
        let rows = tx
            .run_list(project, wanted.card, states, before, i64::from(limit) + 1)
            .await?;
        let opener = self.opener(&mut tx, caller, "runs", "run.list").await?;
        let about = Around::of(&mut tx, &opener, &rows).await?;
        tx.end().await?;
        page(
            rows,
            limit,
            |row| row.id.to_string(),
            |row| view(&opener, &about, row),
        )
    }

    /// The journal of a run's steps, in their order.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn step_list(&self, caller: &Caller, reference: &str) -> Result<Page<Step>> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let run = find(&mut tx, reference).await?.id;
        let rows = tx.step_list(run).await?;
        let items = rows.into_iter().map(step).collect();
        Ok(Page { items, next: None })
    }

    /// Stops a run. One that waits or is queued ends at once; one that works is told to stop.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::Conflict`] when a runner may be landing it, or it has ended.
    pub async fn run_cancel(&self, caller: &Caller, reference: &str) -> Result<Run> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let mut row = lock(&mut tx, reference).await?;
        let effects = self.advance(&mut tx, &mut row, Command::Cancel).await?;
        self.audit(&mut tx, caller, "run.cancel", &row.id.to_string(), "run")
            .await?;
        let holder = row.life.lease.as_ref().map(|lease| lease.runner);
        let holder = holder.filter(|_| effects.contains(&Effect::Stop));
        // It may be another server that has its link.
        holder
            .into_iter()
            .for_each(|runner| tx.hint(Hint::Link(runner)));
        let (id, epoch) = (row.id, row.life.epoch);
        tx.commit().await?;
        if let Some(runner) = holder {
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
        let reported = matches!(command, Command::Finish(..) | Command::Away { .. });
        let before = row.life.state;
        let effects = apply(&mut row.life, command).map_err(refused)?;
        if effects.is_empty() {
            return Ok(effects);
        }
        let now = tx.time();
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
            self.run_happened(tx, row, *effect);
            if let Effect::Entered(state) = effect
                && *state != before
                && belongs_to_history(*state)
            {
                let happened = Happened::RunState(row.id, *state, row.life.reason);
                tx.card_happened(row.card, None, happened, now);
            }
        }
        if effects.contains(&Effect::Entered(State::Waiting)) {
            self.card_follow(tx, row.card, Lane::Review).await?;
        }
        if effects.contains(&Effect::Entered(State::Queued)) {
            self.card_follow(tx, row.card, Lane::Build).await?;
        }
        if row.life.state == State::Succeeded && row.life.landed.is_some() && !effects.is_empty() {
            tx.card_set_landed(row.card, now).await?;
            // Somebody may have waited for it.
            tx.queue_look().await?;
            self.card_follow(tx, row.card, Lane::Done).await?;
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
            Effect::Away => "away",
            Effect::Stop => "stopping",
        };
        let meta = json!({
            "state": life.state,
            "reason": life.reason,
            "epoch": life.epoch,
            "attempt": life.attempt,
            "waiting_for": waiting_for(life.state, life.reason),
            "next_try_at": life.waits_for_remote(),
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
        tx.event_append(run, event);
        tx.hint(Hint::Run(run));
        Ok(())
    }
}

/// A reply as an idempotency key stands for it, whatever became of the run meanwhile.
pub(crate) fn reply_asked<'a>(run: &'a str, text: &'a str) -> [&'a str; 3] {
    ["run.reply", run, text]
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

/// What a card's history tells of its runs: where people came in, and how it ended.
const fn belongs_to_history(state: State) -> bool {
    matches!(state, State::Waiting | State::Landing) || state.is_terminal()
}

fn step(row: StepRow) -> Step {
    Step {
        epoch: u32::try_from(row.epoch).unwrap_or(0),
        number: row.number.and_then(|number| u32::try_from(number).ok()),
        name: row.name,
        version: row.version,
        state: row.state,
        exit_code: row.exit_code,
        started_at: row.started_at,
        finished_at: row.finished_at,
    }
}

/// Where a run's detail is sealed.
pub(crate) const DETAIL: &str = "detail";

fn detail(opener: &Opener, row: &RunRow) -> Result<Option<String>> {
    let said = match &row.detail {
        Some((sealed, version)) => Some(opener.text(row.id, DETAIL, *version, sealed)?),
        None => None,
    };
    if let (State::Queued | State::Landing, Some(note)) = (row.life.state, &row.wait_note) {
        // Behind the remote that is waited for stands what the last job heard of it.
        let said = said.filter(|_| row.life.waits_for_remote().is_some());
        let said = said.map(|said| format!("\n{said}")).unwrap_or_default();
        return Ok(Some(format!("{note}{said}")));
    }
    match said {
        Some(said) => Ok(Some(said)),
        None => Ok(row
            .life
            .reason
            .map(|reason: Reason| reason.meaning().to_owned())),
    }
}

/// What a list of runs shows besides the runs themselves, read in two looks and not in two per
/// run: the titles of their cards, and the names of who asked and who approved.
pub(crate) struct Around {
    titles: HashMap<CardId, String>,
    names: HashMap<UserId, String>,
}

impl Around {
    /// What is known around a run that somebody has just asked for.
    fn asked(caller: &Caller, opener: &Opener, card: &CardRow) -> Result<Self> {
        let title = opener.text(card.id, TITLE, card.version, &card.title)?;
        Ok(Self {
            titles: [(card.id, title)].into(),
            names: [(caller.user, caller.name.clone())].into(),
        })
    }

    pub(crate) async fn of(tx: &mut Tx, opener: &Opener, rows: &[RunRow]) -> Result<Self> {
        let cards: Vec<CardId> = rows.iter().map(|row| row.card).collect();
        let mut titles = HashMap::new();
        for (card, title, version) in tx.card_titles(&cards).await? {
            titles.insert(card, opener.text(card, TITLE, version, &title)?);
        }
        let approvers = rows.iter().filter_map(|row| row.life.approval.as_ref());
        let users: Vec<UserId> = rows
            .iter()
            .map(|row| row.by)
            .chain(approvers.map(|approval| approval.by))
            .collect();
        let names = tx.member_names(&users).await?.into_iter().collect();
        Ok(Self { titles, names })
    }
}

fn usage(row: &RunRow) -> Option<Usage> {
    let epochs: HashMap<String, UsageRow> = serde_json::from_value(row.usage.clone()).ok()?;
    if epochs.is_empty() {
        return None;
    }
    Some(epochs.values().fold(Usage::default(), |sum, epoch| Usage {
        requests: sum.requests.saturating_add(epoch.requests),
        input_tokens: sum.input_tokens.saturating_add(epoch.input_tokens),
        output_tokens: sum.output_tokens.saturating_add(epoch.output_tokens),
    }))
}

pub(crate) fn view(opener: &Opener, about: &Around, row: RunRow) -> Result<Run> {
    let detail = detail(opener, &row)?;
    let usage = usage(&row);
    let checks: Vec<Check> = serde_json::from_value(row.checks)
        .map_err(|error| Error::Internal(format!("checks of {}: {error}", row.id)))?;
    let work = row.life.work.as_ref();
    let approval = row.life.approval.as_ref();
    Ok(Run {
        card_title: about.titles.get(&row.card).cloned().unwrap_or_default(),
        by: about.names.get(&row.by).cloned(),
        approved_by: approval.and_then(|approval| about.names.get(&approval.by).cloned()),
        usage,
        started_at: row.started_at,
        last_seq: u64::try_from(row.last_seq).unwrap_or(0),
        id: row.id,
        state: row.life.state,
        reason: row.life.reason,
        detail,
        waiting_for: waiting_for(row.life.state, row.life.reason).map(str::to_owned),
        next_try_at: row.life.waits_for_remote(),
        project: row.project,
        card: row.card,
        agent: row.agent_name,
        agent_version: row.agent_version,
        isolation: row.isolation,
        in_force: Vec::new(),
        egress: row.egress.parse().map_err(Error::Internal)?,
        runner: row.last_runner,
        runner_version: None,
        priority: row.priority,
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
