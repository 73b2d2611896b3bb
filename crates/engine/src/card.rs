//! Cards. What a person changes on the board is one use case: the change, and beside it an
//! intent that will be written into the record.

use freehold_model::webhook::Event;
use freehold_model::{CardId, Lane};
use freehold_store::{CardEventRow, CardRow, Happened, Tx};
use freehold_wire::api::{Card, CardEvent, EditCard, NewCard, Page};
use freehold_wire::content::Place;
use freehold_wire::problem::{Code, Problem};
use serde_json::{Value, json};

use crate::away::waiting_for;
use crate::open::Opener;
use crate::project::{find as find_project, page, shorten};
use crate::tag::Expected;
use crate::{Caller, Engine, Error, Result, refuse};

/// Longest title, in characters.
const TITLE_MAX: usize = 500;
/// Longest body, in bytes.
pub(crate) const BODY_MAX: usize = freehold_wire::api::BODY_MAX;
/// Most bytes of bodies in a part of a list, or one body: a part of two hundred of the largest would be more than a
/// server should have in memory for one who asks.
const PART_MAX: i64 = 4 * 1024 * 1024;
/// Most dependencies of a card.
const DEPENDS_MAX: usize = 100;

pub(crate) const TITLE: &str = "title";
pub(crate) const BODY: &str = "body";

fn check_title(title: &str) -> Result<()> {
    let title = title.trim();
    let length = title.chars().count();
    if title.is_empty() || length > TITLE_MAX {
        return refuse(
            Code::Invalid,
            format!("a title has 1 to {TITLE_MAX} characters; this one has {length}"),
        );
    }
    if title.contains(['\n', '\r', '\0']) {
        return refuse(Code::Invalid, "a title is one line");
    }
    Ok(())
}

fn check_body(body: &str) -> Result<()> {
    if body.len() > BODY_MAX {
        return refuse(Code::TooLarge, format!("the body has {} bytes", body.len()));
    }
    Ok(())
}

/// The cards to depend on, each once.
async fn check_depends(tx: &mut Tx, depends: &[CardId]) -> Result<Vec<CardId>> {
    if depends.len() > DEPENDS_MAX {
        return refuse(
            Code::Invalid,
            format!("a card depends on at most {DEPENDS_MAX} others"),
        );
    }
    if depends.is_empty() {
        return Ok(Vec::new());
    }
    let present = tx.cards_present(depends).await?;
    if let Some(absent) = depends.iter().find(|card| !present.contains(card)) {
        return refuse(
            Code::NotFound,
            format!("there is no card {absent} to depend on"),
        );
    }
    Ok(present)
}

pub(crate) fn view(opener: &Opener, row: CardRow) -> Result<Card> {
    Ok(Card {
        title: opener.text(row.id, TITLE, row.version, &row.title)?,
        body: opener.text(row.id, BODY, row.version, &row.body)?,
        id: row.id,
        project: row.project,
        lane: row.lane,
        depends: row.depends,
        run: row.run.as_ref().map(|run| run.id),
        run_state: row.run.as_ref().map(|run| run.state),
        run_reason: row.run.as_ref().and_then(|run| run.reason),
        waiting_for: row
            .run
            .as_ref()
            .and_then(|run| waiting_for(run.state, run.reason))
            .map(str::to_owned),
        agent: row.run.map(|run| run.agent),
        unmet: row.unmet,
        landed: row.landed,
        version: u64::try_from(row.version).unwrap_or(0),
        rank: row.rank,
        archived_at: row.archived_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

pub(crate) async fn find(tx: &mut Tx, reference: &str) -> Result<CardRow> {
    let row = tx.card_get(parse(reference)?).await?;
    row.ok_or_else(|| no_such_card(reference))
}

/// The id that a reference is, there or not.
pub(crate) fn parse(reference: &str) -> Result<CardId> {
    reference.parse().map_err(|_| no_such_card(reference))
}

pub(crate) fn no_such_card(reference: &str) -> Error {
    Problem::new(
        Code::NotFound,
        format!("there is no card `{}`", shorten(reference)),
    )
    .next("see `freehold card list --project P`")
    .into()
}

impl Engine {
    /// Adds a card to the Backlog. The same key and request give the same card, however often.
    ///
    /// # Errors
    /// [`Code::Invalid`], [`Code::TooLarge`], [`Code::NotFound`] for the project or a dependency,
    /// [`Code::IdempotencyMismatch`].
    pub async fn card_add(&self, caller: &Caller, new: NewCard, key: Option<&str>) -> Result<Card> {
        check_title(&new.title)?;
        check_body(&new.body)?;
        let id: CardId = self.new_id();
        let mut tx = self.store().begin(caller.tenant).await?;
        if let Some(key) = key {
            let asked = serde_json::to_string(&new)
                .map_err(|error| Error::Internal(format!("a card cannot be written: {error}")))?;
            let made = self
                .once(&mut tx, caller, key, &["card.add", &asked], id.uuid())
                .await?;
            if let Some(earlier) = made {
                drop(tx);
                let earlier = CardId::from_uuid(earlier).to_string();
                return self.card_show(caller, &earlier).await;
            }
        }
        let project = find_project(&mut tx, &new.project).await?;
        let depends = check_depends(&mut tx, &new.depends).await?;
        let title = new.title.trim();
        let keys = self.tenant_keys(&mut tx).await?;
        let seal = |field: &str, text: &str| {
            keys.seal(
                self,
                &Place::new(caller.tenant, id, field, 1),
                text.as_bytes(),
            )
        };
        let now = self.now();
        let mut row = CardRow {
            id,
            project: project.id,
            lane: Lane::Backlog,
            title: seal(TITLE, title)?,
            body: seal(BODY, &new.body)?,
            version: 1,
            landed: false,
            depends,
            unmet: Vec::new(),
            run: None,
            // Its lane says.
            rank: 0.0,
            archived_at: None,
            created_at: now,
            updated_at: now,
        };
        row.rank = tx.card_insert(&row).await?;
        tx.card_happened(id, Some(caller.user), Happened::Created, now);
        let facts = json!({ "card": id, "project": project.id, "lane": Lane::Backlog.name() });
        self.happened(&mut tx, Event::CardCreated, facts);
        let change = json!({ "title": title, "body": new.body, "depends": row.depends });
        self.intend(&mut tx, caller, &row, "card.create", &change)
            .await?;
        if !row.depends.is_empty() {
            // Which of them have landed is not known here.
            return self.card_answer(tx, caller, id).await;
        }
        let opener = self
            .opener(&mut tx, caller, &id.to_string(), "card.show")
            .await?;
        tx.commit().await?;
        view(&opener, row)
    }

    /// Commits, and gives the card as it now is.
    pub(crate) async fn card_answer(
        &self,
        mut tx: Tx,
        caller: &Caller,
        id: CardId,
    ) -> Result<Card> {
        let reference = id.to_string();
        let row = find(&mut tx, &reference).await?;
        let opener = self
            .opener(&mut tx, caller, &reference, "card.show")
            .await?;
        tx.commit().await?;
        view(&opener, row)
    }

    /// Changes what a card says, from an edition of it.
    ///
    /// # Errors
    /// [`Code::Stale`] where there is a newer one, [`Code::Invalid`] (a cycle of dependencies
    /// too), [`Code::TooLarge`], [`Code::NotFound`].
    pub async fn card_edit(
        &self,
        caller: &Caller,
        reference: &str,
        edit: EditCard,
        expected: &Expected,
    ) -> Result<Card> {
        edit.title.as_deref().map_or(Ok(()), check_title)?;
        edit.body.as_deref().map_or(Ok(()), check_body)?;
        let mut tx = self.store().begin(caller.tenant).await?;
        let id = find(&mut tx, reference).await?.id;
        tx.card_lock(id).await?;
        let row = find(&mut tx, reference).await?;
        expected.check(&row.version.to_string())?;
        let opener = self
            .opener(&mut tx, caller, &row.id.to_string(), "card.edit")
            .await?;
        let was = view(&opener, row.clone())?;
        let title = edit.title.as_deref().map_or(was.title.as_str(), str::trim);
        let body = edit.body.as_deref().unwrap_or(&was.body);
        let mut changed = title != was.title || body != was.body;
        if changed {
            self.card_reseal(&mut tx, caller, &row, title, body).await?;
        }
        let mut depends = was.depends.clone();
        if let Some(wanted) = edit.depends {
            depends = check_depends(&mut tx, &wanted).await?;
            depends.sort_unstable_by_key(|card| card.uuid());
        }
        if depends != was.depends {
            if tx.card_waits_for(&depends, id).await? {
                return refuse(
                    Code::Invalid,
                    "the cards would wait for each other in a circle, and none could start",
                );
            }
            tx.card_set_depends(id, &depends).await?;
            tx.queue_look().await?;
            changed = true;
        }
        if !changed {
            return self.card_answer(tx, caller, id).await;
        }
        let change = json!({ "title": title, "body": body, "depends": depends });
        tx.card_happened(id, Some(caller.user), Happened::Edited, self.now());
        self.intend(&mut tx, caller, &row, "card.edit", &change)
            .await?;
        // A run that waited for a card may no longer have to.
        tx.hint(freehold_store::Hint::Queue);
        self.card_answer(tx, caller, id).await
    }

    async fn card_reseal(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        row: &CardRow,
        title: &str,
        body: &str,
    ) -> Result<()> {
        let version = row.version + 1;
        let edition = u64::try_from(version).unwrap_or(0);
        let keys = self.tenant_keys(tx).await?;
        let seal = |field: &str, text: &str| {
            let place = Place::new(caller.tenant, row.id, field, edition);
            keys.seal(self, &place, text.as_bytes())
        };
        let (title, body) = (seal(TITLE, title)?, seal(BODY, body)?);
        Ok(tx
            .card_write(row.id, &title, &body, version, self.now())
            .await?)
    }

    /// A card's history, oldest first.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn card_history(
        &self,
        caller: &Caller,
        reference: &str,
        after: u64,
        limit: u32,
    ) -> Result<Page<CardEvent>> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let id = find(&mut tx, reference).await?.id;
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let rows = tx.card_history(id, after, i64::from(limit) + 1).await?;
        page(
            rows,
            limit,
            |row| row.seq.to_string(),
            |row| Ok(history(row)),
        )
    }

    /// Writes an intent beside the change that it stands for.
    pub(crate) async fn intend(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        card: &CardRow,
        kind: &str,
        change: &Value,
    ) -> Result<()> {
        let id: freehold_model::id::IntentId = self.new_id();
        let keys = self.tenant_keys(tx).await?;
        let place = Place::new(caller.tenant, id, "change", 1);
        let sealed = keys.seal(self, &place, change.to_string().as_bytes())?;
        let now = self.now();
        let entity = card.id.to_string();
        tx.intent_insert(id, card.project, &entity, kind, caller.user, &sealed, now)
            .await?;
        Ok(())
    }

    /// A project's cards, oldest first: those on the board, or those that were put away.
    ///
    /// # Errors
    /// [`Code::NotFound`] for the project.
    pub async fn card_list(
        &self,
        caller: &Caller,
        project: &str,
        archived: bool,
        after: Option<CardId>,
        limit: u32,
    ) -> Result<Page<Card>> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let project = find_project(&mut tx, project).await?;
        let rows = tx
            .card_list(project.id, archived, after, i64::from(limit) + 1, PART_MAX)
            .await?;
        let limit = limit.min(fitting(rows.iter().map(|row| row.body.len())));
        let opener = self
            .opener(&mut tx, caller, &project.id.to_string(), "card.list")
            .await?;
        tx.end().await?;
        page(
            rows,
            limit,
            |row| row.id.to_string(),
            |row| view(&opener, row),
        )
    }

    /// A card.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn card_show(&self, caller: &Caller, reference: &str) -> Result<Card> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let row = find(&mut tx, reference).await?;
        let opener = self
            .opener(&mut tx, caller, &row.id.to_string(), "card.show")
            .await?;
        tx.end().await?;
        view(&opener, row)
    }
}

/// How many of the first are in one part: with all of them, it has [`PART_MAX`] bytes at most.
fn fitting(sizes: impl Iterator<Item = usize>) -> u32 {
    let most = usize::try_from(PART_MAX).unwrap_or(usize::MAX);
    let mut all = 0;
    let fit = sizes.take_while(|size| {
        all += size;
        all <= most
    });
    u32::try_from(fit.count()).unwrap_or(u32::MAX).max(1)
}

fn history(row: CardEventRow) -> CardEvent {
    let (mut from, mut to, mut run, mut state, mut reason) = (None, None, None, None, None);
    match row.happened {
        Happened::Moved(before, after) => (from, to) = (Some(before), Some(after)),
        Happened::RunStarted(id) => run = Some(id),
        Happened::RunState(id, now, why) => (run, state, reason) = (Some(id), Some(now), why),
        Happened::Created | Happened::Edited | Happened::Archived | Happened::Restored => {}
    }
    CardEvent {
        seq: u64::try_from(row.seq).unwrap_or(0),
        at: row.at,
        by: row.by,
        kind: row.happened.word().to_owned(),
        from,
        to,
        run,
        state,
        reason,
    }
}
