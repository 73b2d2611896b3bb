//! Looking at many runs at once.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use freehold_model::run::State;
use freehold_model::{CardId, ProjectId, Reason, RunId, RunnerId};

use crate::run::{Raw, RunRow, select, unsigned};
use crate::{Result, Tx, stored};

/// Where a run is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunNow {
    /// The run.
    pub id: RunId,
    /// Its card.
    pub card: CardId,
    /// Its project.
    pub project: ProjectId,
    /// Where it is.
    pub state: State,
    /// Its last event.
    pub last_seq: i64,
    /// Its fence.
    pub epoch: u32,
}

/// The runs whose ids `found` has, newest first; each is read by its id, however many there are of its tenant.
macro_rules! found {
    ($($found:literal),+) => {
        concat!(
            "WITH found AS (",
            $($found),+,
            ")
             SELECT u.*, l.until AS lease_renewed FROM found
             CROSS JOIN LATERAL (SELECT * FROM runs r WHERE r.tenant_id = $1 AND r.id = found.id LIMIT 1) u
             LEFT JOIN queue_leases l ON l.tenant_id = $1 AND l.run_id = u.id AND l.epoch = u.epoch
             ORDER BY u.id DESC"
        )
    };
}

/// The newest of all runs that are so, before $2 and no more than $3.
macro_rules! newest {
    ($so:literal) => {
        select!(
            "WHERE u.tenant_id = $1 AND u.id < $2 AND ",
            $so,
            " ORDER BY u.id DESC LIMIT $3"
        )
    };
}

/// The same of runs in the states $4: the newest in each, and the newest of those. Asked for together, a state
/// that is common elsewhere, and that none of these is in, would be looked for in all of them.
macro_rules! newest_in {
    ($so:literal) => {
        found!(
            "SELECT one.id FROM unnest($4::text[]) AS wanted (state) CROSS JOIN LATERAL (
                 SELECT r.id FROM runs r
                 WHERE r.tenant_id = $1 AND r.state = wanted.state AND r.id < $2 AND ",
            $so,
            "    ORDER BY r.id DESC LIMIT $3) one
             ORDER BY one.id DESC LIMIT $3"
        )
    };
}

impl Tx {
    /// Runs behind `after` that have not ended, oldest first; of one runner, those that it holds or
    /// held last.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn run_live(
        &mut self,
        of: Option<RunnerId>,
        after: Option<RunId>,
        limit: i64,
    ) -> Result<Vec<RunId>> {
        self.write_lives().await?;
        let ids: Vec<uuid::Uuid> = sqlx::query_scalar(
            "SELECT id FROM runs
             WHERE tenant_id = $1 AND state NOT IN ('succeeded', 'failed', 'cancelled', 'rejected')
               AND ($2::uuid IS NULL OR last_runner = $2) AND id > $3
             ORDER BY id LIMIT $4",
        )
        .bind(self.tenant.uuid())
        .bind(of.map(RunnerId::uuid))
        .bind(after.map_or(uuid::Uuid::nil(), RunId::uuid))
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(ids.into_iter().map(RunId::from_uuid).collect())
    }

    /// Runs, newest first, older than `before`; of a project or a card where given. One in a state that only a
    /// later version has a word for is not among them.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn run_list(
        &mut self,
        project: Option<ProjectId>,
        card: Option<CardId>,
        states: Option<&[State]>,
        before: Option<RunId>,
        limit: i64,
    ) -> Result<Vec<RunRow>> {
        self.write_lives().await?;
        let all = State::ALL.map(State::name);
        // Each once: each is asked for by itself.
        let some = states.map(|some| some.iter().map(|s| s.name()).collect::<BTreeSet<_>>());
        let some: Option<Vec<&str>> = some.map(|some| some.into_iter().collect());
        let statement = match (card, project, &some) {
            (Some(_), ..) => newest!(
                "u.state = ANY ($4) AND u.card_id = $6 AND ($5::uuid IS NULL OR u.project_id = $5)"
            ),
            (None, Some(_), _) => newest_in!("r.project_id = $5"),
            (None, None, Some(_)) => newest_in!("true"),
            (None, None, None) => newest!("u.state = ANY ($4)"),
        };
        let raw: Vec<Raw> = sqlx::query_as(statement)
            .bind(self.tenant.uuid())
            .bind(before.map_or(uuid::Uuid::max(), RunId::uuid))
            .bind(limit)
            .bind(some.unwrap_or_else(|| all.to_vec()))
            .bind(project.map(ProjectId::uuid))
            .bind(card.map(CardId::uuid))
            .fetch_all(&mut *self.inner)
            .await?;
        raw.into_iter().map(Raw::row).collect()
    }

    /// Runs that need a person, newest first: the latest of a card that is not put away, and waits
    /// for review, has ended by an error that nobody decided on, or is held up for one of `stuck`.
    /// Of a card that somebody called done, the error no longer matters.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn run_inbox(
        &mut self,
        decided: &[Reason],
        stuck: &[Reason],
        before: Option<RunId>,
        limit: i64,
    ) -> Result<Vec<RunRow>> {
        self.write_lives().await?;
        let codes = |reasons: &[Reason]| -> Vec<&'static str> {
            reasons.iter().map(|reason| reason.code()).collect()
        };
        // Of the runs that have not ended, and of the last of each card that is still to be done: what else
        // there ever was is not read.
        let raw: Vec<Raw> = sqlx::query_as(found!(
            "SELECT live.id FROM runs live JOIN cards c ON c.tenant_id = $1 AND c.id = live.card_id
                 WHERE live.tenant_id = $1 AND live.id < $4 AND c.archived_at IS NULL
                   AND live.state NOT IN ('succeeded', 'failed', 'cancelled', 'rejected')
                   AND (live.state = 'waiting'
                        OR (live.state IN ('queued', 'landing') AND live.lease_job IS NULL AND live.reason = ANY ($3)))
                 UNION ALL
                 SELECT last.id FROM cards c CROSS JOIN LATERAL (
                     SELECT r.id, r.state, r.reason FROM runs r WHERE r.tenant_id = $1 AND r.card_id = c.id
                     ORDER BY r.id DESC LIMIT 1) last
                 WHERE c.tenant_id = $1 AND c.archived_at IS NULL AND c.lane <> 'Done' AND last.id < $4
                   AND last.state IN ('failed', 'rejected') AND NOT coalesce(last.reason, '') = ANY ($2)
                 ORDER BY id DESC LIMIT $5"
        ))
        .bind(self.tenant.uuid())
        .bind(codes(decided))
        .bind(codes(stuck))
        .bind(before.map_or(uuid::Uuid::max(), RunId::uuid))
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        raw.into_iter().map(Raw::row).collect()
    }

    /// Since when runs are in their present state, which is when the last transition was announced; and the
    /// names of their projects.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn run_since(
        &mut self,
        ids: &[RunId],
    ) -> Result<Vec<(RunId, DateTime<Utc>, String)>> {
        self.write_gathered().await?;
        let ids: Vec<uuid::Uuid> = ids.iter().map(|run| run.uuid()).collect();
        let rows: Vec<(uuid::Uuid, DateTime<Utc>, String)> = sqlx::query_as(
            "SELECT asked.id, last.ts, p.name FROM unnest($2::uuid[]) AS asked (id)
             CROSS JOIN LATERAL (SELECT project_id FROM runs WHERE tenant_id = $1 AND id = asked.id LIMIT 1) u
             JOIN projects p ON p.tenant_id = $1 AND p.id = u.project_id
             CROSS JOIN LATERAL (SELECT ts FROM run_events
                 WHERE tenant_id = $1 AND run_id = asked.id AND kind LIKE 'run.%'
                 ORDER BY seq DESC LIMIT 1) last",
        )
        .bind(self.tenant.uuid())
        .bind(ids)
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows
            .into_iter()
            .map(|(run, at, project)| (RunId::from_uuid(run), at, project))
            .collect())
    }

    /// Where runs are now, for those who watch.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn run_now(&mut self, ids: &[RunId]) -> Result<Vec<RunNow>> {
        self.write_gathered().await?;
        let ids: Vec<uuid::Uuid> = ids.iter().map(|run| run.uuid()).collect();
        let rows: Vec<(uuid::Uuid, uuid::Uuid, uuid::Uuid, String, i64, i32)> = sqlx::query_as(
            "SELECT id, card_id, project_id, state, last_seq, epoch FROM runs
             WHERE tenant_id = $1 AND id = ANY($2)",
        )
        .bind(self.tenant.uuid())
        .bind(ids)
        .fetch_all(&mut *self.inner)
        .await?;
        rows.into_iter()
            .map(|(id, card, project, state, last_seq, epoch)| {
                Ok(RunNow {
                    id: RunId::from_uuid(id),
                    card: CardId::from_uuid(card),
                    project: ProjectId::from_uuid(project),
                    state: stored("runs", &state)?,
                    last_seq,
                    epoch: unsigned(epoch)?,
                })
            })
            .collect()
    }
}
