//! Where cards stand: lanes, the order within them, and what is put away.

use freehold_model::{CardId, Lane, ProjectId};
use freehold_store::{Happened, Tx};
use freehold_wire::api::{Card, MoveCard};
use freehold_wire::problem::{Code, Problem};
use serde_json::json;

use crate::card::find;
use crate::tag::Expected;
use crate::{Caller, Engine, Error, Result, refuse};

/// Between two ranks that are closer than this, a lane gets whole ranks again: long before a
/// double runs out of digits.
const RANK_MIN: f64 = 1e-9;

fn parse(lane: &str) -> Result<Lane> {
    lane.parse()
        .map_err(|error| Error::from(Problem::new(Code::Invalid, format!("{error}"))))
}

impl Engine {
    /// Moves a card to another lane, or to another place in its lane.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::Invalid`] for a lane that does not exist; [`Code::Conflict`]
    /// when it no longer stands in the lane that it was seen in.
    pub async fn card_move(
        &self,
        caller: &Caller,
        reference: &str,
        to: &MoveCard,
        expected: &Expected,
    ) -> Result<Card> {
        let lane = parse(&to.lane)?;
        let from = to.from.as_deref().map(parse).transpose()?;
        let mut tx = self.store().begin(caller.tenant).await?;
        let row = find(&mut tx, reference).await?;
        tx.card_rank_lock(row.project).await?;
        let Some((project, now_in, _)) = tx.card_lock(row.id).await? else {
            return Err(Error::Internal(format!("{} is gone", row.id)));
        };
        expect(&mut tx, reference, expected).await?;
        if let Some(from) = from
            && from != now_in
        {
            let detail = format!(
                "somebody moved the card meanwhile: it is in {} now, not in {}",
                now_in.name(),
                from.name()
            );
            return refuse(Code::Conflict, detail);
        }
        if lane == now_in && to.before.is_none() && from.is_none() {
            // Said without a place, to be where it is: there is nothing to do.
            return self.card_answer(tx, caller, row.id).await;
        }
        let rank = match to.before {
            Some(before) => {
                self.rank_before(&mut tx, project, lane, before, row.id)
                    .await?
            }
            None => tx.card_rank_last(project, lane).await?,
        };
        let at = self.now();
        tx.card_place(row.id, lane, rank, at).await?;
        if lane != now_in {
            let happened = Happened::Moved(now_in, lane);
            tx.card_happened(row.id, Some(caller.user), happened, at);
            self.card_happened(&mut tx, row.id, (now_in, lane));
            self.intend(
                &mut tx,
                caller,
                &row,
                "card.move",
                &json!({ "lane": lane.name() }),
            )
            .await?;
        }
        self.card_answer(tx, caller, row.id).await
    }

    async fn rank_before(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        lane: Lane,
        before: CardId,
        moving: CardId,
    ) -> Result<f64> {
        // The card that it is put in front of may have gone meanwhile: the end is a place too.
        let Some((ahead, behind)) = tx.card_rank_around(project, lane, before, moving).await?
        else {
            return Ok(tx.card_rank_last(project, lane).await?);
        };
        let between = |ahead: Option<f64>, behind: f64| match ahead {
            Some(ahead) => f64::midpoint(ahead, behind),
            None => behind - 1.0,
        };
        if ahead.is_none_or(|ahead| behind - ahead > RANK_MIN) {
            return Ok(between(ahead, behind));
        }
        tx.card_rank_anew(project, lane).await?;
        match tx.card_rank_around(project, lane, before, moving).await? {
            Some((ahead, behind)) => Ok(between(ahead, behind)),
            None => Ok(tx.card_rank_last(project, lane).await?),
        }
    }

    /// A run brings its card to a lane, to its end. Nothing happens where it stands there.
    pub(crate) async fn card_follow(&self, tx: &mut Tx, card: CardId, lane: Lane) -> Result<()> {
        let Some((project, now_in, _)) = tx.card_lock(card).await? else {
            return Ok(());
        };
        if lane == now_in {
            return Ok(());
        }
        let at = self.now();
        let rank = tx.card_rank_last(project, lane).await?;
        tx.card_place(card, lane, rank, at).await?;
        tx.card_happened(card, None, Happened::Moved(now_in, lane), at);
        self.card_happened(tx, card, (now_in, lane));
        Ok(())
    }

    /// Puts a card away: it is on no board and no inbox, and nothing of it is lost.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::RunLive`] while a run of it lives.
    pub async fn card_archive(
        &self,
        caller: &Caller,
        reference: &str,
        expected: &Expected,
    ) -> Result<Card> {
        self.set_archived(caller, reference, true, expected).await
    }

    /// Brings a card back to where it stood.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn card_restore(
        &self,
        caller: &Caller,
        reference: &str,
        expected: &Expected,
    ) -> Result<Card> {
        self.set_archived(caller, reference, false, expected).await
    }

    async fn set_archived(
        &self,
        caller: &Caller,
        reference: &str,
        away: bool,
        expected: &Expected,
    ) -> Result<Card> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let row = find(&mut tx, reference).await?;
        tx.card_lock(row.id).await?;
        expect(&mut tx, reference, expected).await?;
        if away && let Some(live) = tx.run_live_of_card(row.id).await? {
            return Err(
                Problem::new(Code::RunLive, format!("a run of the card is live: {live}"))
                    .next("wait for it, decide on it, or cancel it; then put the card away")
                    .into(),
            );
        }
        let at = self.now();
        if tx.card_set_archived(row.id, away, at).await? {
            let (happened, kind) = if away {
                (Happened::Archived, "card.archive")
            } else {
                (Happened::Restored, "card.restore")
            };
            tx.card_happened(row.id, Some(caller.user), happened, at);
            self.intend(&mut tx, caller, &row, kind, &json!({})).await?;
        }
        self.card_answer(tx, caller, row.id).await
    }
}

/// Goes on where the card is in the edition that was seen. Its row is locked.
async fn expect(tx: &mut Tx, reference: &str, expected: &Expected) -> Result<()> {
    match expected.is_named() {
        true => expected.check(&find(tx, reference).await?.version.to_string()),
        false => Ok(()),
    }
}
