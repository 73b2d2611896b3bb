//! Orders: written and signed when a person asks, sealed, and kept beside the run.

use chrono::TimeDelta;
use freehold_model::run::{JobKind, Work};
use freehold_model::{Isolation, OrderId, RunId};
use freehold_store::{AgentRow, CardRow, NewOrder, ProjectRow, ProviderRow, Tx};
use freehold_wire::content::Place;
use freehold_wire::order::{AgentSpec, Execute, Land, Order, ProjectRef, Prompt, Task};

use crate::agent::start_of;
use crate::card::{BODY, TITLE};
use crate::isolation::fits_image;
use crate::open::Opener;
use crate::provider::spec;
use crate::{Caller, Engine, Error, Result};

/// A runner refuses an order that is older: a week, so that a queue over a holiday still starts.
pub(crate) const LIFETIME: TimeDelta = TimeDelta::days(7);

/// What every order of a run says.
pub(crate) struct About<'a> {
    pub(crate) run: RunId,
    pub(crate) project: &'a ProjectRow,
    pub(crate) card: &'a CardRow,
    pub(crate) agent: &'a AgentRow,
    pub(crate) isolation: Isolation,
}

/// What an execute order says besides.
pub(crate) struct Turn {
    pub(crate) turn: u32,
    pub(crate) reply: Option<String>,
    pub(crate) parent: Option<RunId>,
}

/// The field under which a run's orders are sealed.
pub(crate) const fn field(kind: JobKind) -> &'static str {
    match kind {
        JobKind::Execute => "order/execute",
        JobKind::Land => "order/land",
    }
}

fn prompt(opener: &Opener, card: &CardRow) -> Result<Prompt> {
    Ok(Prompt {
        id: card.id,
        title: opener.text(card.id, TITLE, card.version, &card.title)?,
        body: opener.text(card.id, BODY, card.version, &card.body)?,
    })
}

impl Engine {
    /// Signs the order for one turn of an agent on a card; it is still to be stored.
    pub(crate) async fn order_execute(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        about: &About<'_>,
        provider: Option<&ProviderRow>,
        turn: Turn,
    ) -> Result<NewOrder> {
        let opener = self
            .opener(tx, caller, &about.run.to_string(), "order.sign")
            .await?;
        let provider = provider.map(spec).transpose()?;
        let start = start_of(&opener, about.agent)?;
        let seconds = |value: i64| u64::try_from(value).unwrap_or(0);
        let agent = AgentSpec {
            name: about.agent.name.clone(),
            driver: about.agent.driver.clone(),
            preset: about.agent.preset.clone(),
            command: start.command,
            paths: start.paths,
            provider,
            timeout_s: seconds(about.agent.timeout_s),
            stall_s: seconds(about.agent.stall_s),
            labels: about.agent.labels.clone(),
            tools: start.tools,
            repository_settings: start.repository_settings,
        };
        let execute = Execute {
            card: prompt(&opener, about.card)?,
            agent,
            turn: turn.turn,
            reply: turn.reply,
            parent: turn.parent,
        };
        self.order_sign(
            tx,
            caller,
            about,
            (turn.turn, start.image),
            Task::Execute(Box::new(execute)),
        )
        .await
    }

    /// Signs and stores the order to land exactly what was approved.
    pub(crate) async fn order_land(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        about: &About<'_>,
        turn: u32,
        work: &Work,
    ) -> Result<()> {
        let opener = self
            .opener(tx, caller, &about.run.to_string(), "order.sign")
            .await?;
        let image = start_of(&opener, about.agent)?.image;
        let land = Land {
            card: prompt(&opener, about.card)?,
            commit: work.commit.clone(),
            base: work.base.clone(),
            digest: work.digest.clone(),
            approved_by: caller.name.clone(),
        };
        let order = self
            .order_sign(tx, caller, about, (turn, image), Task::Land(land))
            .await?;
        self.order_put(tx, about.run, &order).await
    }

    /// Stores an order of a run that there is.
    pub(crate) async fn order_put(&self, tx: &mut Tx, run: RunId, order: &NewOrder) -> Result<()> {
        let NewOrder {
            id, kind, turn, at, ..
        } = *order;
        Ok(tx
            .order_insert(id, run, kind, turn, &order.envelope, at)
            .await?)
    }

    async fn order_sign(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        about: &About<'_>,
        (turn, image): (u32, Option<String>),
        task: Task,
    ) -> Result<NewOrder> {
        fits_image(about.isolation, image.as_ref())?;
        let kind = match task {
            Task::Execute(_) => JobKind::Execute,
            Task::Land(_) => JobKind::Land,
            Task::Prepare(_) => return Err(Error::Internal("no run prepares".into())),
        };
        let now = self.now();
        let id: OrderId = self.new_id();
        let order = Order {
            id,
            tenant: caller.tenant,
            run: about.run,
            by: caller.user,
            at: now,
            expires_at: now + LIFETIME,
            project: ProjectRef {
                id: about.project.id,
                name: about.project.name.clone(),
                remote: about.project.remote.clone(),
                target: about.project.target.clone(),
                directory: about.project.directory.clone(),
            },
            isolation: about.isolation,
            image,
            limits: about.agent.limits.clone(),
            task,
            egress: about.project.egress.parse().map_err(Error::Internal)?,
        };
        let keys = self.tenant_keys(tx).await?;
        let envelope = serde_json::to_vec(&keys.sign(&order)?)
            .map_err(|error| Error::Internal(format!("an order cannot be written: {error}")))?;
        let place = Place::new(caller.tenant, about.run, field(kind), u64::from(turn));
        let sealed = keys.seal(self, &place, &envelope)?;
        self.audit(
            tx,
            caller,
            "order.sign",
            &about.run.to_string(),
            field(kind),
        )
        .await?;
        Ok(NewOrder {
            id,
            kind,
            turn,
            envelope: sealed,
            at: now,
        })
    }
}
