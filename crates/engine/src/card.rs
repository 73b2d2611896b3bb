//! Cards. What a person changes on the board is one use case: the change, and beside it an
//! intent that will be written into the record.

use freehold_model::{CardId, Lane};
use freehold_store::{CardRow, Tx};
use freehold_wire::api::{Card, NewCard, Page};
use freehold_wire::content::Place;
use freehold_wire::problem::{Code, Problem};
use serde_json::{Value, json};

use crate::open::Opener;
use crate::project::{find as find_project, page, shorten};
use crate::{Caller, Engine, Error, Result, refuse};

/// Longest title, in characters.
const TITLE_MAX: usize = 500;
/// Longest body, in bytes.
pub(crate) const BODY_MAX: usize = freehold_wire::api::BODY_MAX;
/// Most dependencies of a card.
const DEPENDS_MAX: usize = 100;

pub(crate) const TITLE: &str = "title";
pub(crate) const BODY: &str = "body";

fn check(new: &NewCard) -> Result<()> {
    let title = new.title.trim();
    if title.is_empty() || title.chars().count() > TITLE_MAX {
        return refuse(
            Code::Invalid,
            format!("a title has 1 to {TITLE_MAX} characters"),
        );
    }
    if title.contains(['\n', '\r', '\0']) {
        return refuse(Code::Invalid, "a title is one line");
    }
    if new.body.len() > BODY_MAX {
        return refuse(
            Code::TooLarge,
            format!("the body has {} bytes", new.body.len()),
        );
    }
    if new.depends.len() > DEPENDS_MAX {
        return refuse(
            Code::Invalid,
            format!("a card depends on at most {DEPENDS_MAX} others"),
        );
    }
    Ok(())
}

pub(crate) fn view(opener: &Opener, row: CardRow) -> Result<Card> {
    Ok(Card {
        title: opener.text(row.id, TITLE, row.version, &row.title)?,
        body: opener.text(row.id, BODY, row.version, &row.body)?,
        id: row.id,
        project: row.project,
        lane: row.lane,
        depends: row.depends,
        run: row.run.map(|(id, _)| id),
        run_state: row.run.map(|(_, state)| state),
        landed: row.landed,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

pub(crate) async fn find(tx: &mut Tx, reference: &str) -> Result<CardRow> {
    let row = match reference.parse() {
        Ok(id) => tx.card_get(id).await?,
        Err(_) => None,
    };
    row.ok_or_else(|| {
        Problem::new(
            Code::NotFound,
            format!("there is no card `{}`", shorten(reference)),
        )
        .next("see `freehold card list --project P`")
        .into()
    })
}

impl Engine {
    /// Adds a card to the Backlog.
    ///
    /// # Errors
    /// [`Code::Invalid`], [`Code::TooLarge`], [`Code::NotFound`] for the project or a dependency.
    pub async fn card_add(&self, caller: &Caller, new: NewCard) -> Result<Card> {
        check(&new)?;
        let mut tx = self.store().begin(caller.tenant).await?;
        let project = find_project(&mut tx, &new.project).await?;
        let present = tx.cards_present(&new.depends).await?;
        if let Some(absent) = new.depends.iter().find(|card| !present.contains(card)) {
            return refuse(
                Code::NotFound,
                format!("there is no card {absent} to depend on"),
            );
        }
        let id: CardId = self.new_id();
        let keys = self.tenant_keys(&mut tx).await?;
        let seal = |field: &str, text: &str| {
            keys.seal(
                self,
                &Place::new(caller.tenant, id, field, 1),
                text.as_bytes(),
            )
        };
        let now = self.now();
        let row = CardRow {
            id,
            project: project.id,
            lane: Lane::Backlog,
            title: seal(TITLE, new.title.trim())?,
            body: seal(BODY, &new.body)?,
            version: 1,
            landed: false,
            depends: present,
            run: None,
            created_at: now,
            updated_at: now,
        };
        tx.card_insert(&row).await?;
        let change = json!({ "title": new.title.trim(), "body": new.body, "depends": row.depends });
        self.intend(&mut tx, caller, &row, "card.create", &change)
            .await?;
        tx.commit().await?;
        Ok(Card {
            id,
            project: row.project,
            title: new.title.trim().to_owned(),
            body: new.body,
            lane: row.lane,
            depends: row.depends,
            run: None,
            run_state: None,
            landed: false,
            created_at: now,
            updated_at: now,
        })
    }

    /// Writes an intent beside the change that it stands for.
    async fn intend(
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

    /// A project's cards, oldest first.
    ///
    /// # Errors
    /// [`Code::NotFound`] for the project.
    pub async fn card_list(
        &self,
        caller: &Caller,
        project: &str,
        after: Option<CardId>,
        limit: u32,
    ) -> Result<Page<Card>> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let project = find_project(&mut tx, project).await?;
        let rows = tx
            .card_list(project.id, after, i64::from(limit) + 1)
            .await?;
        let opener = self
            .opener(&mut tx, caller, &project.id.to_string(), "card.list")
            .await?;
        tx.commit().await?;
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
        tx.commit().await?;
        view(&opener, row)
    }

    /// Moves a card to another lane.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::Invalid`] for a lane that does not exist.
    pub async fn card_move(&self, caller: &Caller, reference: &str, lane: &str) -> Result<Card> {
        let lane: Lane = lane
            .parse()
            .map_err(|error| Error::from(Problem::new(Code::Invalid, format!("{error}"))))?;
        let mut tx = self.store().begin(caller.tenant).await?;
        let mut row = find(&mut tx, reference).await?;
        let now = self.now();
        if row.lane != lane {
            tx.card_move(row.id, lane, now).await?;
            self.intend(
                &mut tx,
                caller,
                &row,
                "card.move",
                &json!({ "lane": lane.name() }),
            )
            .await?;
            row.lane = lane;
            row.updated_at = now;
        }
        let opener = self
            .opener(&mut tx, caller, &row.id.to_string(), "card.show")
            .await?;
        tx.commit().await?;
        view(&opener, row)
    }
}
