//! Environments, as people ask for them and look at them. What becomes of them by itself is in
//! [`crate::environment_keep`].

use std::collections::BTreeMap;

use chrono::{NaiveDate, TimeDelta};
use freehold_model::environment::{Command, Environment as Life, IDLE, State, Why};
use freehold_model::schedule::Allowance;
use freehold_model::{EnvironmentId, Isolation, OrderId};
use freehold_store::{EnvironmentRow, Hint, ProjectRow, Tx};
use freehold_wire::api::{
    EditEnvironmentLimits, Environment, EnvironmentDay, EnvironmentLimits, EnvironmentUsage, Page,
};
use freehold_wire::content::Place;
use freehold_wire::link::as_run;
use freehold_wire::order::{Order, Prepare, ProjectRef, Task};
use freehold_wire::problem::{Code, Problem};

use crate::open::Opener;
use crate::order::LIFETIME;
use crate::project::{find as find_project, page, shorten};
use crate::tag::{self, Expected};
use crate::{Caller, Engine, Error, Result, refuse};

/// Plans: their names, how many environments at a time where the tenant says nothing, and how many at
/// most. On machines of one's own the bound is against leaks alone.
const PLANS: [(&str, u32, u32); 2] = [("local", 16, 1000), ("free", 2, 2)];
/// The longest that a tenant may let an environment be idle: a week.
const IDLE_MINUTES_MAX: u32 = 7 * 24 * 60;
/// Days that one question about usage may span.
const USAGE_DAYS_MAX: i64 = 92;
/// Days that a question about usage spans where it says nothing.
const USAGE_DAYS: i64 = 31;
/// Days and projects in one answer about usage.
const USAGE_ROWS: i64 = 5000;

/// The field under which the order to make an environment ready is sealed.
const ORDER: &str = "order/prepare";

/// What a tenant's environments are held to.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    plan: String,
    most: u32,
    plan_most: u32,
    pub(crate) idle: TimeDelta,
}

impl Terms {
    pub(crate) async fn of(tx: &mut Tx) -> Result<Self> {
        let (plan, most, idle) = tx.environment_terms().await?;
        // A plan that this version does not know gets the least there is.
        let known = PLANS.iter().find(|(name, ..)| *name == plan);
        let (_, default, plan_most) = *known.unwrap_or(&PLANS[1]);
        let most = most.and_then(|most| u32::try_from(most).ok());
        Ok(Self {
            plan,
            most: most.unwrap_or(default).min(plan_most),
            plan_most,
            idle: idle.map_or(IDLE, |minutes| TimeDelta::minutes(minutes.into())),
        })
    }

    /// What they allow beside those that have a place.
    pub(crate) fn allowance(&self, live: &[EnvironmentRow]) -> Allowance {
        Allowance {
            plan: self.plan.clone(),
            most: self.most,
            placed: placed(live),
            jobs_most: None,
            jobs: 0,
        }
    }
}

fn placed(live: &[EnvironmentRow]) -> u32 {
    let placed = live.iter().filter(|row| row.life.state.is_placed());
    u32::try_from(placed.count()).unwrap_or(u32::MAX)
}

impl Engine {
    /// The project's environment: the one that was active last, or a new one, which begins when a
    /// runner and the tenant's limit have room for it. True when it is new.
    ///
    /// # Errors
    /// [`Code::NotFound`] for the project.
    pub async fn environment_start(
        &self,
        caller: &Caller,
        project: &str,
    ) -> Result<(bool, Environment)> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let project = find_project(&mut tx, project).await?;
        tx.environment_gate().await?;
        if let Some(id) = present(&mut tx, &project).await? {
            if let Some(mut row) = tx.environment_lock(id).await?
                && (row.life.state.is_open() || row.life.state == State::Requested)
            {
                self.environment_advance(&mut tx, &mut row, Command::Touch)
                    .await?;
            }
            tx.commit().await?;
            let shown = self.environment_show(caller, &id.to_string()).await?;
            return Ok((false, shown));
        }
        let id: EnvironmentId = self.new_id();
        let envelope = self.order_prepare(&mut tx, caller, id, &project).await?;
        let life = Life::new(tx.time());
        tx.environment_insert(id, project.id, Some(caller.user), &life, Some(&envelope))
            .await?;
        self.audit(&mut tx, caller, "environment.start", &id.to_string(), "run")
            .await?;
        tx.hint(Hint::Queue);
        tx.commit().await?;
        let shown = self.environment_show(caller, &id.to_string()).await?;
        Ok((true, shown))
    }

    /// Signs and seals the order to make an environment ready.
    async fn order_prepare(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        environment: EnvironmentId,
        project: &ProjectRow,
    ) -> Result<Vec<u8>> {
        // What a project's setup does is not done behind weaker walls than the project demands.
        if let Some(least) = project.isolation_at_least
            && least > Isolation::Sandbox
        {
            return Err(Problem::new(
                Code::Conflict,
                format!(
                    "the project demands the isolation `{least}`, and an environment is made ready in a sandbox"
                ),
            )
            .next("start a run: it makes its environment ready as the project demands")
            .into());
        }
        let now = self.now();
        let id: OrderId = self.new_id();
        let order = Order {
            id,
            tenant: caller.tenant,
            run: as_run(environment),
            by: caller.user,
            at: now,
            expires_at: now + LIFETIME,
            project: ProjectRef {
                id: project.id,
                name: project.name.clone(),
                remote: project.remote.clone(),
                target: project.target.clone(),
                directory: project.directory.clone(),
            },
            isolation: Isolation::Sandbox,
            image: None,
            limits: Default::default(),
            task: Task::Prepare(Prepare { environment }),
            egress: project.egress.parse().map_err(Error::Internal)?,
        };
        let keys = self.tenant_keys(tx).await?;
        let envelope = serde_json::to_vec(&keys.sign(&order)?)
            .map_err(|error| Error::Internal(format!("an order cannot be written: {error}")))?;
        let place = Place::new(caller.tenant, as_run(environment), ORDER, 0);
        let resource = environment.to_string();
        self.audit(tx, caller, "order.sign", &resource, ORDER)
            .await?;
        keys.seal(self, &place, &envelope)
    }

    /// An environment by its id, or the one of a project that was active last.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn environment_show(&self, caller: &Caller, reference: &str) -> Result<Environment> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let row = find(&mut tx, reference).await?;
        let terms = Terms::of(&mut tx).await?;
        let opener = self
            .opener(&mut tx, caller, &row.id.to_string(), "environment.show")
            .await?;
        let tenant = tx.tenant();
        tx.commit().await?;
        let said = said(&opener, &row)?;
        let mut shown = view(tenant, &terms, row);
        shown.detail = said.or(shown.detail);
        Ok(shown)
    }

    /// Environments, newest first.
    ///
    /// # Errors
    /// [`Code::NotFound`] for the project.
    pub async fn environment_list(
        &self,
        caller: &Caller,
        project: Option<&str>,
        active: Option<bool>,
        before: Option<EnvironmentId>,
        limit: u32,
    ) -> Result<Page<Environment>> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let project = match project {
            Some(reference) => Some(find_project(&mut tx, reference).await?.id),
            None => None,
        };
        let terms = Terms::of(&mut tx).await?;
        let limit_and_one = i64::from(limit) + 1;
        let rows = tx
            .environment_list(project, active, before, limit_and_one)
            .await?;
        let tenant = tx.tenant();
        page(
            rows,
            limit,
            |row| row.id.to_string(),
            |row| Ok(view(tenant, &terms, row)),
        )
    }

    /// Stops an environment: it takes no more jobs, and is cleared when those in it have ended. What is
    /// not on the remote is kept. Stopping one that has ended is no error.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn environment_stop(&self, caller: &Caller, reference: &str) -> Result<Environment> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let id = find(&mut tx, reference).await?.id;
        let mut row = tx
            .environment_lock(id)
            .await?
            .ok_or_else(|| absent(reference))?;
        let stop = Command::Stop(Why::Asked);
        if self.environment_advance(&mut tx, &mut row, stop).await? {
            self.audit(&mut tx, caller, "environment.stop", &id.to_string(), "run")
                .await?;
        }
        tx.commit().await?;
        self.environment_tell(&row);
        self.environments_keep(caller.tenant).await?;
        self.environment_show(caller, &id.to_string()).await
    }

    /// What the tenant's environments are held to.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn environment_limits(&self, caller: &Caller) -> Result<EnvironmentLimits> {
        let mut tx = self.store().begin(caller.tenant).await?;
        limits(&mut tx).await
    }

    /// Changes what the tenant says itself. Environments beyond a lower limit go on until they are idle.
    ///
    /// # Errors
    /// [`Code::Invalid`] for what the plan does not allow.
    pub async fn environment_limits_edit(
        &self,
        caller: &Caller,
        edit: EditEnvironmentLimits,
        expected: &Expected,
    ) -> Result<EnvironmentLimits> {
        let mut tx = self.store().begin(caller.tenant).await?;
        tx.members_lock().await?;
        expected.check(&tag::of_limits(&limits(&mut tx).await?)?)?;
        let terms = Terms::of(&mut tx).await?;
        if let Some(most) = edit.most
            && !(1..=terms.plan_most).contains(&most)
        {
            let (plan, most) = (&terms.plan, terms.plan_most);
            return refuse(
                Code::Invalid,
                format!("the plan `{plan}` allows 1 to {most} environments at a time"),
            );
        }
        if let Some(minutes) = edit.idle_minutes
            && !(1..=IDLE_MINUTES_MAX).contains(&minutes)
        {
            return refuse(
                Code::Invalid,
                format!("an environment may be idle for 1 to {IDLE_MINUTES_MAX} minutes"),
            );
        }
        let number = |value: Option<u32>| value.and_then(|value| i32::try_from(value).ok());
        tx.environment_set_terms(number(edit.most), number(edit.idle_minutes))
            .await?;
        let resource = caller.tenant.to_string();
        self.audit(&mut tx, caller, "environment.limits", &resource, "setup")
            .await?;
        tx.commit().await?;
        self.environment_limits(caller).await
    }

    /// How long environments were active, by day and project.
    ///
    /// # Errors
    /// [`Code::NotFound`] for the project; [`Code::Invalid`] for a span that is no span or too long.
    pub async fn environment_usage(
        &self,
        caller: &Caller,
        project: Option<&str>,
        from: Option<NaiveDate>,
        to: Option<NaiveDate>,
    ) -> Result<EnvironmentUsage> {
        let to = to.unwrap_or_else(|| self.now().date_naive());
        let from = from.unwrap_or(to - TimeDelta::days(USAGE_DAYS - 1));
        if !(0..USAGE_DAYS_MAX).contains(&(to - from).num_days()) {
            return refuse(
                Code::Invalid,
                format!("`from` and `to` span 1 to {USAGE_DAYS_MAX} days"),
            );
        }
        let mut tx = self.store().begin(caller.tenant).await?;
        let project = match project {
            Some(reference) => Some(find_project(&mut tx, reference).await?.id),
            None => None,
        };
        let rows = tx.environment_usage(project, from, to, USAGE_ROWS).await?;
        let days: Vec<EnvironmentDay> = rows
            .into_iter()
            .map(|(day, project, project_name, seconds)| EnvironmentDay {
                day,
                project,
                project_name,
                seconds: u64::try_from(seconds).unwrap_or(0),
            })
            .collect();
        let seconds = days.iter().map(|day| day.seconds).sum();
        Ok(EnvironmentUsage {
            from,
            to,
            seconds,
            days,
        })
    }
}

/// The environment of a project that takes jobs, or is asked for: the one that was active last.
async fn present(tx: &mut Tx, project: &ProjectRow) -> Result<Option<EnvironmentId>> {
    let live = tx.environment_live().await?;
    let fit = live.into_iter().filter(|row| {
        row.project == project.id
            && (row.life.state.is_open() || row.life.state == State::Requested)
    });
    let last = fit.max_by_key(|row| (row.life.state.is_open(), row.life.last_active_at, row.id));
    Ok(last.map(|row| row.id))
}

fn absent(reference: &str) -> Error {
    let detail = format!("there is no environment `{}`", shorten(reference));
    Problem::new(Code::NotFound, detail)
        .next(
            "see `freehold environment list`; begin one with `freehold environment start PROJECT`",
        )
        .into()
}

async fn find(tx: &mut Tx, reference: &str) -> Result<EnvironmentRow> {
    if let Ok(id) = reference.parse() {
        let row = tx.environment_get(id).await?;
        return row.ok_or_else(|| absent(reference));
    }
    let Some(project) = tx.project_named(reference).await? else {
        return Err(absent(reference));
    };
    let live = tx.environment_live().await?;
    let of_it = live.into_iter().filter(|row| row.project == project);
    of_it
        .max_by_key(|row| (row.life.state.is_open(), row.life.last_active_at, row.id))
        .ok_or_else(|| absent(reference))
}

/// What its runner said of its end.
fn said(opener: &Opener, row: &EnvironmentRow) -> Result<Option<String>> {
    let sealed = row.detail.as_ref();
    sealed
        .map(|sealed| opener.text(as_run(row.id), "detail", 0, sealed))
        .transpose()
}

fn view(tenant: freehold_model::TenantId, terms: &Terms, row: EnvironmentRow) -> Environment {
    let life = row.life;
    let (reason, detail) = match (life.why, row.wait) {
        (Some(why), _) => (Some(why.code().to_owned()), Some(why.meaning().to_owned())),
        (None, Some((reason, note))) => (Some(reason), Some(note)),
        (None, None) => (None, None),
    };
    let labels = [
        ("tenant_id", tenant.to_string()),
        ("project_id", row.project.to_string()),
        ("plan", terms.plan.clone()),
        ("env_type", "dev".to_owned()),
    ];
    let quiet = matches!(life.state, State::Ready | State::Idle);
    Environment {
        id: row.id,
        project: row.project,
        project_name: row.project_name,
        runner: life.runner,
        runner_name: row.runner_name,
        state: life.state,
        reason,
        detail,
        jobs: life.jobs,
        labels: BTreeMap::from(labels.map(|(name, value)| (name.to_owned(), value))),
        requested_at: life.requested_at,
        started_at: life.started_at,
        stopped_at: life.stopped_at,
        last_active_at: life.last_active_at,
        idle_until: quiet.then(|| life.last_active_at + terms.idle),
        active_s: u64::try_from(row.seconds).unwrap_or(0),
        kept: row.kept,
    }
}

async fn limits(tx: &mut Tx) -> Result<EnvironmentLimits> {
    let terms = Terms::of(tx).await?;
    Ok(EnvironmentLimits {
        placed: placed(&tx.environment_live().await?),
        plan: terms.plan,
        most: terms.most,
        plan_most: terms.plan_most,
        idle_minutes: u32::try_from(terms.idle.num_minutes()).unwrap_or(0),
    })
}
