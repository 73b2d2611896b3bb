//! The only door in. Nothing that the server says is acted on but what a person signed, opened,
//! verified against the key that was pinned at enrolment, and allowed by this machine's policy.

use chrono::{DateTime, Utc};
use ed25519_dalek::VerifyingKey;
use freehold_model::run::{JobKind, Work};
use freehold_model::{RunId, TenantId};
use freehold_wire::dsse::Envelope;
use freehold_wire::link::{EnvironmentStart, Offer, as_run};
use freehold_wire::order::{Execute, Land, ORDER, Order, Task};

use crate::policy::Policy;
use crate::vault::Vault;

/// A job that may be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Admitted {
    pub(crate) order: Order,
    pub(crate) task: Admission,
}

/// What to do, with what it needs proven to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Admission {
    Execute(Box<Execute>),
    Land(Box<Land>, Work),
}

/// Why an order is not acted on, in words for the run's detail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(String);

/// Everything that an order is held against.
pub(crate) struct Door<'a> {
    pub(crate) tenant: TenantId,
    pub(crate) key: &'a VerifyingKey,
    pub(crate) vault: &'a Vault,
    pub(crate) policy: &'a Policy,
    pub(crate) now: DateTime<Utc>,
}

impl Door<'_> {
    /// Opens an offer's order and lets it in, or says why not.
    pub(crate) fn admit(&self, offer: &Offer) -> Result<Admitted, Refused> {
        let field = match offer.kind {
            JobKind::Execute => "order/execute",
            JobKind::Land => "order/land",
        };
        let order = self.open(offer.run, field, offer.turn, &offer.order)?;
        self.check(&order, offer.run)?;
        self.policy.allows(&order).map_err(Refused)?;
        let task = task(&order.task, offer)?;
        Ok(Admitted { order, task })
    }

    /// Opens the order to make an environment ready and lets it in, or says why not.
    pub(crate) fn admit_environment(&self, start: &EnvironmentStart) -> Result<Order, Refused> {
        let run = as_run(start.environment);
        let order = self.open(run, "order/prepare", 0, &start.order)?;
        self.check(&order, run)?;
        self.policy.allows(&order).map_err(Refused)?;
        match &order.task {
            Task::Prepare(prepare) if prepare.environment == start.environment => Ok(order),
            _ => Err(Refused("the order is for something else".into())),
        }
    }

    fn open(&self, run: RunId, field: &str, turn: u32, sealed: &[u8]) -> Result<Order, Refused> {
        let opened = self
            .vault
            .open(run, field, turn.into(), sealed.to_vec())
            .map_err(|error| Refused(error.to_string()))?;
        let envelope: Envelope = serde_json::from_slice(&opened)
            .map_err(|_| Refused("the order is not a signed envelope".into()))?;
        envelope
            .verify(ORDER, self.key)
            .map_err(|error| Refused(format!("the order is not acted on: {error}")))
    }

    fn check(&self, order: &Order, run: RunId) -> Result<(), Refused> {
        let refused = |text: &str| Err(Refused(text.to_owned()));
        if order.tenant != self.tenant {
            return refused("the order is another tenant's");
        }
        if order.run != run {
            return refused("the order is for another run");
        }
        if order.expires_at <= self.now {
            return Err(Refused(format!(
                "the order expired at {}; start a new run",
                order.expires_at.to_rfc3339()
            )));
        }
        Ok(())
    }
}

fn task(task: &Task, offer: &Offer) -> Result<Admission, Refused> {
    match (offer.kind, task) {
        (JobKind::Execute, Task::Execute(task)) if task.turn == offer.turn => {
            if task.turn > 0 && offer.work.is_none() {
                return Err(Refused(
                    "the order goes on with work that the offer does not name".into(),
                ));
            }
            Ok(Admission::Execute(task.clone()))
        }
        (JobKind::Execute, Task::Execute(_)) => {
            Err(Refused("the order is for another turn".into()))
        }
        (JobKind::Land, Task::Land(land)) => match &offer.work {
            Some(work)
                if work.commit == land.commit
                    && work.base == land.base
                    && work.digest == land.digest =>
            {
                Ok(Admission::Land(Box::new(land.clone()), work.clone()))
            }
            _ => Err(Refused("the work is not what was approved".into())),
        },
        _ => Err(Refused("the order is for another kind of job".into())),
    }
}

#[cfg(test)]
#[path = "orders_tests.rs"]
mod tests;
