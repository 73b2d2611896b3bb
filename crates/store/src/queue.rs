//! The queue: what wants a runner, what is leased, and what was heard, of one tenant or of all. Whoever
//! looks at all tenants sees ids, times and numbers, through two functions of the database that can
//! see no other table.

use chrono::{DateTime, TimeDelta, Utc};
use freehold_model::{CardId, ProjectId, RunId, RunnerId, TenantId};

use crate::run::{Raw, Runs, select, signed, unsigned};
use crate::{Hint, Result, Store, Tx};

/// What a scheduler may have to do for a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The tenant.
    pub tenant: TenantId,
    /// Runs of it want a runner.
    pub ready: bool,
    /// Leases of it have run out.
    pub expired: bool,
    /// It has environments that have not ended.
    pub places: bool,
}

/// A runner was heard of, and says that it is on these jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Its tenant.
    pub tenant: TenantId,
    /// The runner.
    pub runner: RunnerId,
    /// The runs that it says it has, each with its epoch.
    pub jobs: Vec<(RunId, u32)>,
}

/// What a runner that was heard of is to be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tell {
    /// Runs that are not its own under that epoch.
    pub lost: Vec<(RunId, u32)>,
    /// An offer that it has not accepted, or a job that it is to stop.
    pub untold: bool,
    /// It has environments.
    pub placed: bool,
}

/// What stands around a line.
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// How many jobs each runner holds of each project.
    pub held: Vec<(RunnerId, ProjectId, u32)>,
    /// The shares of projects: how many jobs each may have for one of a project with share 1.
    pub shares: Vec<(ProjectId, u32)>,
    /// Of the cards, which others each waits for that have not landed; in their order.
    pub unmet: Vec<(CardId, CardId)>,
}

#[derive(sqlx::FromRow)]
struct RawTell {
    place: i32,
    what: String,
    run_id: Option<uuid::Uuid>,
    epoch: Option<i32>,
}

impl Store {
    /// The database's time. `None` where a test turns the time.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn clock(&self) -> Result<Option<DateTime<Utc>>> {
        if self.turned().is_some() {
            return Ok(None);
        }
        let now = sqlx::query_scalar("SELECT clock_timestamp()");
        Ok(Some(now.fetch_one(&self.pool).await?))
    }

    /// Tenants behind `after` that a scheduler may have to look at, in order, at most `most`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn queue_tenants(&self, after: Option<TenantId>, most: i32) -> Result<Vec<Due>> {
        let rows: Vec<(uuid::Uuid, bool, bool, bool)> = sqlx::query_as(
            "SELECT tenant_id, ready, expired, places FROM queue_tenants($1, $2, $3)",
        )
        .bind(after.map_or(uuid::Uuid::nil(), TenantId::uuid))
        .bind(most)
        .bind(self.turned())
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|(tenant, ready, expired, places)| Due {
                tenant: TenantId::from_uuid(tenant),
                ready,
                expired,
                places,
            })
            .collect())
    }

    /// Takes heartbeats of many runners, whosever they are, in one statement: they were heard of now,
    /// and leases that are theirs go on for `lease`. Gives what to tell each, in the same order. Durable
    /// when this returns.
    ///
    /// # Errors
    /// [`crate::StoreError`]; then none was taken.
    pub async fn queue_heard(&self, heard: &[Heard], lease: TimeDelta) -> Result<Vec<Tell>> {
        let tenants: Vec<uuid::Uuid> = heard.iter().map(|h| h.tenant.uuid()).collect();
        let runners: Vec<uuid::Uuid> = heard.iter().map(|h| h.runner.uuid()).collect();
        let (mut places, mut runs, mut epochs) = (Vec::new(), Vec::new(), Vec::new());
        for (place, h) in (1_i32..).zip(heard) {
            for (run, epoch) in &h.jobs {
                places.push(place);
                runs.push(run.uuid());
                epochs.push(signed(*epoch));
            }
        }
        let rows: Vec<RawTell> = sqlx::query_as(
            "SELECT place, what, run_id, epoch FROM queue_heard($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(tenants)
        .bind(runners)
        .bind(places)
        .bind(runs)
        .bind(epochs)
        .bind(lease)
        .bind(self.turned())
        .fetch_all(&self.pool)
        .await?;
        let mut tell = vec![Tell::default(); heard.len()];
        for row in rows {
            let place = usize::try_from(row.place - 1).unwrap_or(usize::MAX);
            let Some(tell) = tell.get_mut(place) else {
                continue;
            };
            match (row.what.as_str(), row.run_id, row.epoch) {
                ("lost", Some(run), Some(epoch)) => {
                    tell.lost.push((RunId::from_uuid(run), unsigned(epoch)?));
                }
                ("untold", ..) => tell.untold = true,
                ("placed", ..) => tell.placed = true,
                _ => {}
            }
        }
        Ok(tell)
    }
}

impl Tx {
    /// Runs that want a runner now and are not among `seen`: `each` of every project at most, and of
    /// those the `most` that are first in line; without those that another transaction holds. In no
    /// order.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn queue_line(&mut self, seen: &[RunId], each: i64, most: i64) -> Result<Runs> {
        self.write_lives().await?;
        let seen: Vec<uuid::Uuid> = seen.iter().map(|run| run.uuid()).collect();
        let raw: Vec<Raw> = sqlx::query_as(select!(
            "WHERE u.tenant_id = $1 AND u.id = ANY (ARRAY(
                 WITH RECURSIVE hop (p) AS (
                     SELECT (SELECT q.project_id FROM queue_ready q WHERE q.tenant_id = $1
                             ORDER BY q.project_id LIMIT 1)
                     UNION ALL
                     SELECT (SELECT q.project_id FROM queue_ready q WHERE q.tenant_id = $1 AND q.project_id > hop.p
                             ORDER BY q.project_id LIMIT 1)
                     FROM hop WHERE hop.p IS NOT NULL)
                 SELECT line.run_id FROM hop CROSS JOIN LATERAL (
                     SELECT q.run_id, q.rank FROM queue_ready q
                     WHERE q.tenant_id = $1 AND q.project_id = hop.p AND (q.look_at <= clock_timestamp()
                            OR q.look_at > clock_timestamp() + interval '10 minutes')
                       AND NOT (q.run_id = ANY ($2))
                     ORDER BY q.rank, q.run_id LIMIT $3) line
                 ORDER BY line.rank, line.run_id LIMIT $4))
             FOR UPDATE OF u SKIP LOCKED"
        ))
        .bind(self.tenant.uuid())
        .bind(seen)
        .bind(each)
        .bind(most)
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(Runs::of(raw))
    }

    /// These runs are not looked at for so long, by the database's own clock: nobody could take them as
    /// things are.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn queue_later(&mut self, runs: &[RunId], pause: TimeDelta) -> Result<()> {
        self.write_lives().await?;
        let runs: Vec<uuid::Uuid> = runs.iter().map(|run| run.uuid()).collect();
        sqlx::query(
            "UPDATE queue_ready SET look_at = clock_timestamp() + $3
             WHERE tenant_id = $1 AND run_id = ANY ($2)",
        )
        .bind(self.tenant.uuid())
        .bind(runs)
        .bind(pause)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Things changed: all that want a runner are looked at now, but for those that wait for a time.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn queue_look(&mut self) -> Result<()> {
        self.write_lives().await?;
        sqlx::query(
            "UPDATE queue_ready SET look_at = not_before
             WHERE tenant_id = $1 AND look_at > clock_timestamp() AND look_at > not_before",
        )
        .bind(self.tenant.uuid())
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Queue);
        Ok(())
    }

    /// How many jobs each runner holds of each project.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn queue_held(&mut self) -> Result<Vec<(RunnerId, ProjectId, u32)>> {
        self.write_lives().await?;
        let rows: Vec<(uuid::Uuid, uuid::Uuid, i64)> = sqlx::query_as(
            "SELECT lease_runner, project_id, count(*) FROM runs
             WHERE tenant_id = $1 AND lease_job IS NOT NULL GROUP BY lease_runner, project_id",
        )
        .bind(self.tenant.uuid())
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows
            .into_iter()
            .map(|(runner, project, count)| {
                let count = u32::try_from(count).unwrap_or(u32::MAX);
                (
                    RunnerId::from_uuid(runner),
                    ProjectId::from_uuid(project),
                    count,
                )
            })
            .collect())
    }

    /// What is to be known of these projects, and of the cards of those who want to begin, to place what is
    /// in line; in one look.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn queue_around(
        &mut self,
        projects: &[ProjectId],
        cards: &[CardId],
    ) -> Result<Around> {
        self.write_lives().await?;
        let projects: Vec<uuid::Uuid> = projects.iter().map(|project| project.uuid()).collect();
        let cards: Vec<uuid::Uuid> = cards.iter().map(|card| card.uuid()).collect();
        let rows: Vec<(String, uuid::Uuid, Option<uuid::Uuid>, i64)> = sqlx::query_as(
            "SELECT 'held', lease_runner, project_id, count(*) FROM runs
             WHERE tenant_id = $1 AND lease_job IS NOT NULL GROUP BY lease_runner, project_id
             UNION ALL
             SELECT 'share', id, NULL, share FROM projects WHERE tenant_id = $1 AND id = ANY ($2)
             UNION ALL
             SELECT 'unmet', d.card_id, d.depends_on, 0 FROM card_dependencies d
             JOIN cards c ON c.tenant_id = d.tenant_id AND c.id = d.depends_on
             WHERE d.tenant_id = $1 AND d.card_id = ANY ($3) AND NOT c.landed",
        )
        .bind(self.tenant.uuid())
        .bind(projects)
        .bind(cards)
        .fetch_all(&mut *self.inner)
        .await?;
        let mut around = Around::default();
        for (what, one, other, many) in rows {
            let many = u32::try_from(many).unwrap_or(u32::MAX);
            match (what.as_str(), other) {
                ("held", Some(project)) => {
                    let held = (
                        RunnerId::from_uuid(one),
                        ProjectId::from_uuid(project),
                        many,
                    );
                    around.held.push(held);
                }
                ("share", _) => around.shares.push((ProjectId::from_uuid(one), many)),
                ("unmet", Some(other)) => {
                    let unmet = (CardId::from_uuid(one), CardId::from_uuid(other));
                    around.unmet.push(unmet);
                }
                _ => {}
            }
        }
        around.unmet.sort_unstable();
        Ok(around)
    }

    /// Leases that are promised for more than ten minutes, which none is, last for `lease` from `now` on:
    /// they were given before the database's clock stepped back.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn queue_shorten(&mut self, now: DateTime<Utc>, lease: TimeDelta) -> Result<()> {
        self.write_lives().await?;
        sqlx::query(
            "UPDATE queue_leases SET until = $2::timestamptz + $3
             WHERE tenant_id = $1 AND until > $2::timestamptz + interval '10 minutes'",
        )
        .bind(self.tenant.uuid())
        .bind(now)
        .bind(lease)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Runs whose lease ended before `now`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn queue_expired(&mut self, now: DateTime<Utc>, limit: i64) -> Result<Vec<RunId>> {
        self.write_lives().await?;
        let ids: Vec<uuid::Uuid> = sqlx::query_scalar(
            "SELECT run_id FROM queue_leases WHERE tenant_id = $1 AND until <= $2
             ORDER BY until LIMIT $3",
        )
        .bind(self.tenant.uuid())
        .bind(now)
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(ids.into_iter().map(RunId::from_uuid).collect())
    }
}
