//! Environments. The life's columns are written from `model::environment` alone, on a row that the
//! transaction has locked.

use chrono::{DateTime, NaiveDate, Utc};
use freehold_model::environment::Environment;
use freehold_model::{EnvironmentId, ProjectId, RunId, RunnerId, UserId};

use crate::bound::Gate;
use crate::{Hint, Noun, Result, Tx, stored};

/// An environment as it is stored.
#[derive(Debug, Clone)]
pub struct EnvironmentRow {
    /// Its id.
    pub id: EnvironmentId,
    /// The project.
    pub project: ProjectId,
    /// The project's name.
    pub project_name: String,
    /// Who asked for it; nobody where a run began it.
    pub by: Option<UserId>,
    /// Its life.
    pub life: Environment,
    /// Content: the signed order to make it ready.
    pub envelope: Option<Vec<u8>>,
    /// The code of why it is only requested, and ids and numbers to it.
    pub wait: Option<(String, String)>,
    /// Content.
    pub detail: Option<Vec<u8>>,
    /// Runs whose workspaces were kept when it ended.
    pub kept: Vec<RunId>,
    /// When its runner was last heard of.
    pub seen_at: Option<DateTime<Utc>>,
    /// Until when its seconds were counted.
    pub counted_until: Option<DateTime<Utc>>,
    /// Its runner's name.
    pub runner_name: Option<String>,
    /// Whether its runner was revoked.
    pub runner_revoked: bool,
    /// Jobs of its project that its runner has taken.
    pub held: i64,
    /// Jobs of its project that its runner has or was offered.
    pub offered: i64,
    /// Whole seconds that it was active.
    pub seconds: i64,
}

#[derive(sqlx::FromRow)]
struct Raw {
    id: uuid::Uuid,
    project_id: uuid::Uuid,
    project_name: String,
    by_user: Option<uuid::Uuid>,
    state: String,
    why: Option<String>,
    runner_id: Option<uuid::Uuid>,
    jobs: i32,
    requested_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    stopped_at: Option<DateTime<Utc>>,
    last_active_at: DateTime<Utc>,
    stopping_at: Option<DateTime<Utc>>,
    envelope: Option<Vec<u8>>,
    wait_reason: Option<String>,
    wait_note: Option<String>,
    detail: Option<Vec<u8>>,
    kept: Vec<uuid::Uuid>,
    seen_at: Option<DateTime<Utc>>,
    counted_until: Option<DateTime<Utc>>,
    runner_name: Option<String>,
    runner_revoked: bool,
    held: i64,
    offered: i64,
    seconds: i64,
}

impl Raw {
    fn row(self) -> Result<EnvironmentRow> {
        let why = self.why.as_deref();
        Ok(EnvironmentRow {
            id: EnvironmentId::from_uuid(self.id),
            project: ProjectId::from_uuid(self.project_id),
            project_name: self.project_name,
            by: self.by_user.map(UserId::from_uuid),
            life: Environment {
                state: stored("environments", &self.state)?,
                why: why.map(|why| stored("environments", why)).transpose()?,
                runner: self.runner_id.map(RunnerId::from_uuid),
                jobs: u32::try_from(self.jobs).unwrap_or(0),
                requested_at: self.requested_at,
                started_at: self.started_at,
                stopped_at: self.stopped_at,
                last_active_at: self.last_active_at,
                stopping_at: self.stopping_at,
            },
            envelope: self.envelope,
            wait: self.wait_reason.zip(self.wait_note),
            detail: self.detail,
            kept: self.kept.into_iter().map(RunId::from_uuid).collect(),
            seen_at: self.seen_at,
            counted_until: self.counted_until,
            runner_name: self.runner_name,
            runner_revoked: self.runner_revoked,
            held: self.held,
            offered: self.offered,
            seconds: self.seconds,
        })
    }
}

/// All that is shown and decided on, of those that fit.
macro_rules! select {
    ($($fits:literal),+) => {
        concat!(
            "SELECT e.*, p.name AS project_name, r.name AS runner_name,
           r.revoked_at IS NOT NULL AS runner_revoked,
           (SELECT count(*) FROM runs u WHERE u.tenant_id = e.tenant_id AND u.lease_job IS NOT NULL
              AND u.project_id = e.project_id AND u.lease_runner = e.runner_id AND u.lease_accepted) AS held,
           (SELECT count(*) FROM runs u WHERE u.tenant_id = e.tenant_id AND u.lease_job IS NOT NULL
              AND u.project_id = e.project_id AND u.lease_runner = e.runner_id) AS offered,
           (SELECT coalesce(sum(d.seconds), 0)::bigint FROM environment_days d
            WHERE d.tenant_id = e.tenant_id AND d.environment_id = e.id) AS seconds
    FROM environments e
    JOIN projects p ON p.tenant_id = e.tenant_id AND p.id = e.project_id
    LEFT JOIN runners r ON r.tenant_id = e.tenant_id AND r.id = e.runner_id
    WHERE e.tenant_id = $1",
            " ",
            $($fits),+
        )
    };
}

/// Those that are so, newest first. A statement for each, so that none is planned as if it could be asked for all.
macro_rules! newest {
    ($so:literal) => {
        select!("AND e.id < $2 AND ", $so, " ORDER BY e.id DESC LIMIT $3")
    };
}

fn rows(raw: Vec<Raw>) -> Result<Vec<EnvironmentRow>> {
    raw.into_iter().map(Raw::row).collect()
}

impl Tx {
    /// Waits until no other transaction of this tenant begins an environment: what was counted then
    /// stays true until this one ends.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn environment_gate(&mut self) -> Result<()> {
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
            .bind(Gate::Environments(self.tenant).to_string())
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Adds an environment.
    ///
    /// # Errors
    /// [`crate::StoreError::Taken`] when the project has one at that place, or a wish for one.
    pub async fn environment_insert(
        &mut self,
        id: EnvironmentId,
        project: ProjectId,
        by: Option<UserId>,
        life: &Environment,
        envelope: Option<&[u8]>,
    ) -> Result<()> {
        sqlx::query(
            "WITH environment AS (
                 INSERT INTO environments (tenant_id, id, project_id, by_user, state, jobs, runner_id,
                                           requested_at, last_active_at, envelope)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10))
             INSERT INTO queue_places (tenant_id, environment_id, runner_id) VALUES ($1, $2, $7)",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(project.uuid())
        .bind(by.map(UserId::uuid))
        .bind(life.state.name())
        .bind(i32::try_from(life.jobs).unwrap_or(0))
        .bind(life.runner.map(RunnerId::uuid))
        .bind(life.requested_at)
        .bind(life.last_active_at)
        .bind(envelope)
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Settings(Noun::Environment));
        Ok(())
    }

    /// Writes the life of an environment whose row this transaction has locked.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn environment_set_life(
        &mut self,
        id: EnvironmentId,
        life: &Environment,
    ) -> Result<()> {
        sqlx::query(
            "WITH environment AS (
             UPDATE environments SET state = $3, why = $4, runner_id = $5, jobs = $6, started_at = $7,
                    stopped_at = $8, last_active_at = $9, stopping_at = $10,
                    wait_reason = CASE WHEN $3 = 'requested' THEN wait_reason END,
                    wait_note = CASE WHEN $3 = 'requested' THEN wait_note END
             WHERE tenant_id = $1 AND id = $2),
             ended AS (
                 DELETE FROM queue_places
                 WHERE $8::timestamptz IS NOT NULL AND tenant_id = $1 AND environment_id = $2)
             UPDATE queue_places SET runner_id = $5
             WHERE $8::timestamptz IS NULL AND tenant_id = $1 AND environment_id = $2
               AND runner_id IS DISTINCT FROM $5",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(life.state.name())
        .bind(life.why.map(|why| why.code()))
        .bind(life.runner.map(RunnerId::uuid))
        .bind(i32::try_from(life.jobs).unwrap_or(i32::MAX))
        .bind(life.started_at)
        .bind(life.stopped_at)
        .bind(life.last_active_at)
        .bind(life.stopping_at)
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Settings(Noun::Environment));
        Ok(())
    }

    /// Why an environment is only requested.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn environment_set_wait(
        &mut self,
        id: EnvironmentId,
        reason: &str,
        note: &str,
    ) -> Result<()> {
        sqlx::query(
            "UPDATE environments SET wait_reason = $3, wait_note = $4 WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(reason)
        .bind(note)
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Settings(Noun::Environment));
        Ok(())
    }

    /// What its runner said at its end.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn environment_set_end(
        &mut self,
        id: EnvironmentId,
        detail: Option<&[u8]>,
        kept: &[RunId],
    ) -> Result<()> {
        let kept: Vec<uuid::Uuid> = kept.iter().map(|run| run.uuid()).collect();
        sqlx::query(
            "UPDATE environments SET detail = coalesce($3, detail), kept = $4
             WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(detail)
        .bind(kept)
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Settings(Noun::Environment));
        Ok(())
    }

    /// An environment.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn environment_get(&mut self, id: EnvironmentId) -> Result<Option<EnvironmentRow>> {
        self.write_lives().await?;
        let raw: Option<Raw> = sqlx::query_as(select!("AND e.id = $2"))
            .bind(self.tenant.uuid())
            .bind(id.uuid())
            .fetch_optional(&mut *self.inner)
            .await?;
        raw.map(Raw::row).transpose()
    }

    /// An environment, locked until the transaction ends.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn environment_lock(&mut self, id: EnvironmentId) -> Result<Option<EnvironmentRow>> {
        let locked = sqlx::query(
            "SELECT 1 FROM environments WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .execute(&mut *self.inner)
        .await?;
        match locked.rows_affected() {
            0 => Ok(None),
            // Read once it is locked: in one statement the counts could be older than the lock.
            _ => self.environment_get(id).await,
        }
    }

    /// An environment, locked until the transaction ends, as it is by then; what is counted around it may be
    /// older than the lock.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn environment_lock_alone(
        &mut self,
        id: EnvironmentId,
    ) -> Result<Option<EnvironmentRow>> {
        self.write_lives().await?;
        let raw: Option<Raw> = sqlx::query_as(select!("AND e.id = $2 FOR NO KEY UPDATE OF e"))
            .bind(self.tenant.uuid())
            .bind(id.uuid())
            .fetch_optional(&mut *self.inner)
            .await?;
        raw.map(Raw::row).transpose()
    }

    /// The environment of a project that has not ended on a runner, locked until the transaction ends.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn environment_lock_at(
        &mut self,
        project: ProjectId,
        runner: RunnerId,
    ) -> Result<Option<EnvironmentRow>> {
        let id: Option<uuid::Uuid> = sqlx::query_scalar(
            "SELECT id FROM environments
             WHERE tenant_id = $1 AND project_id = $2 AND runner_id = $3 AND stopped_at IS NULL
             FOR NO KEY UPDATE",
        )
        .bind(self.tenant.uuid())
        .bind(project.uuid())
        .bind(runner.uuid())
        .fetch_optional(&mut *self.inner)
        .await?;
        match id {
            // Read once it is locked, as in [`Tx::environment_lock`].
            Some(id) => self.environment_get(EnvironmentId::from_uuid(id)).await,
            None => Ok(None),
        }
    }

    /// All environments that have not ended, oldest first. Bounded by the tenant's limit, and one
    /// wish for each project.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn environment_live(&mut self) -> Result<Vec<EnvironmentRow>> {
        self.write_lives().await?;
        let raw: Vec<Raw> =
            sqlx::query_as(select!("AND e.stopped_at IS NULL ORDER BY e.id LIMIT 5000"))
                .bind(self.tenant.uuid())
                .fetch_all(&mut *self.inner)
                .await?;
        rows(raw)
    }

    /// Those of a runner that have not ended, oldest first.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn environments_of_runner(&mut self, runner: RunnerId) -> Result<Vec<EnvironmentId>> {
        let ids: Vec<uuid::Uuid> = sqlx::query_scalar(
            "SELECT environment_id FROM queue_places
             WHERE tenant_id = $1 AND runner_id = $2 ORDER BY environment_id",
        )
        .bind(self.tenant.uuid())
        .bind(runner.uuid())
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(ids.into_iter().map(EnvironmentId::from_uuid).collect())
    }

    /// The environment of a project that has not ended on a runner.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn environment_at(
        &mut self,
        project: ProjectId,
        runner: RunnerId,
    ) -> Result<Option<EnvironmentId>> {
        let id: Option<uuid::Uuid> = sqlx::query_scalar(
            "SELECT id FROM environments
             WHERE tenant_id = $1 AND project_id = $2 AND runner_id = $3 AND stopped_at IS NULL",
        )
        .bind(self.tenant.uuid())
        .bind(project.uuid())
        .bind(runner.uuid())
        .fetch_optional(&mut *self.inner)
        .await?;
        Ok(id.map(EnvironmentId::from_uuid))
    }

    /// Environments, newest first, behind `before`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn environment_list(
        &mut self,
        project: Option<ProjectId>,
        active: Option<bool>,
        before: Option<EnvironmentId>,
        limit: i64,
    ) -> Result<Vec<EnvironmentRow>> {
        self.write_lives().await?;
        let statement = match (project, active) {
            (Some(_), Some(true)) => newest!("e.project_id = $4 AND e.stopped_at IS NULL"),
            (Some(_), Some(false)) => newest!("e.project_id = $4 AND e.stopped_at IS NOT NULL"),
            (Some(_), None) => newest!("e.project_id = $4"),
            (None, Some(true)) => newest!("e.stopped_at IS NULL"),
            (None, Some(false)) => newest!("e.stopped_at IS NOT NULL"),
            (None, None) => newest!("true"),
        };
        let raw: Vec<Raw> = sqlx::query_as(statement)
            .bind(self.tenant.uuid())
            .bind(before.map_or(uuid::Uuid::max(), EnvironmentId::uuid))
            .bind(limit)
            .bind(project.map(ProjectId::uuid))
            .fetch_all(&mut *self.inner)
            .await?;
        rows(raw)
    }

    /// Those of these that there are.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn environment_some(&mut self, ids: &[EnvironmentId]) -> Result<Vec<EnvironmentRow>> {
        self.write_lives().await?;
        let ids: Vec<uuid::Uuid> = ids.iter().map(|id| id.uuid()).collect();
        let raw: Vec<Raw> = sqlx::query_as(select!("AND e.id = ANY($2)"))
            .bind(self.tenant.uuid())
            .bind(ids)
            .fetch_all(&mut *self.inner)
            .await?;
        rows(raw)
    }

    /// Its runner was heard of, and its seconds were counted until then. The row must be locked.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn environment_count(
        &mut self,
        row: &EnvironmentRow,
        days: &[(NaiveDate, i64)],
        until: Option<DateTime<Utc>>,
        seen_at: Option<DateTime<Utc>>,
    ) -> Result<()> {
        for (day, seconds) in days {
            sqlx::query(
                "INSERT INTO environment_days (tenant_id, environment_id, day, project_id, seconds)
                 VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (tenant_id, environment_id, day) DO UPDATE
                 SET seconds = least(86400, environment_days.seconds + excluded.seconds)",
            )
            .bind(self.tenant.uuid())
            .bind(row.id.uuid())
            .bind(day)
            .bind(row.project.uuid())
            .bind(seconds)
            .execute(&mut *self.inner)
            .await?;
        }
        sqlx::query(
            "UPDATE environments SET counted_until = coalesce($3, counted_until),
                    seen_at = coalesce($4, seen_at)
             WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.tenant.uuid())
        .bind(row.id.uuid())
        .bind(until)
        .bind(seen_at)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Seconds by day and project, in that order; at most `limit` of them.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn environment_usage(
        &mut self,
        project: Option<ProjectId>,
        from: NaiveDate,
        to: NaiveDate,
        limit: i64,
    ) -> Result<Vec<(NaiveDate, ProjectId, String, i64)>> {
        let rows: Vec<(NaiveDate, uuid::Uuid, String, i64)> = sqlx::query_as(
            "SELECT d.day, d.project_id, p.name, sum(d.seconds)::bigint
             FROM environment_days d
             JOIN projects p ON p.tenant_id = d.tenant_id AND p.id = d.project_id
             WHERE d.tenant_id = $1 AND d.day BETWEEN $3 AND $4
               AND ($2::uuid IS NULL OR d.project_id = $2)
             GROUP BY d.day, d.project_id, p.name ORDER BY d.day, d.project_id LIMIT $5",
        )
        .bind(self.tenant.uuid())
        .bind(project.map(ProjectId::uuid))
        .bind(from)
        .bind(to)
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        let row =
            |(day, project, name, seconds)| (day, ProjectId::from_uuid(project), name, seconds);
        Ok(rows.into_iter().map(row).collect())
    }

    /// The tenant's plan, and what it says itself of how many environments there may be and how many
    /// minutes each may be idle.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn environment_terms(&mut self) -> Result<(String, Option<i32>, Option<i32>)> {
        Ok(sqlx::query_as(
            "SELECT plan, environments_max, environment_idle_minutes FROM tenants WHERE id = $1",
        )
        .bind(self.tenant.uuid())
        .fetch_one(&mut *self.inner)
        .await?)
    }

    /// Writes what the tenant says itself; what is absent stays.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn environment_set_terms(
        &mut self,
        most: Option<i32>,
        idle_minutes: Option<i32>,
    ) -> Result<()> {
        sqlx::query(
            "UPDATE tenants SET environments_max = coalesce($2, environments_max),
                    environment_idle_minutes = coalesce($3, environment_idle_minutes)
             WHERE id = $1",
        )
        .bind(self.tenant.uuid())
        .bind(most)
        .bind(idle_minutes)
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Settings(Noun::Environment));
        self.hint(Hint::Queue);
        Ok(())
    }
}
