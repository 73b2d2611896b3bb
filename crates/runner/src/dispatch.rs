//! What the server asks for, handed to the rooms that do it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use freehold_model::run::{JobKind, Outcome};
use freehold_model::{Limit, Reason};
use freehold_wire::link::{Down, Finished, Frame, JobRef, Offer, RunRef, Up};
use freehold_wire::order::Order;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::context::Context;
use crate::failure::{Failure, Halt};
use crate::jobs::{Stop, Why};
use crate::journal::finished;
use crate::limits::{self, Room, Together, Walls};
use crate::link::Hear;
use crate::orders::{Admission, Door};
use crate::policy::Policy;
use crate::report::Report;
use crate::{environment, execute, land, leftovers, machine, probe};

/// Offers beyond the capacity that may wait for a slot: the server has seen a job end before we have
/// let go of it.
const SLACK: usize = 8;
/// Probes and sweeps at once. They are a person's clicks, not a stream.
const ASIDE: usize = 8;
/// A whole probe or sweep, whatever the remote does.
const ASIDE_WITHIN: Duration = Duration::from_secs(90);

/// How often folders of runs that wait are looked through.
const TIDY_EVERY: Duration = Duration::from_secs(600);

/// Takes what the server says.
pub(crate) struct Dispatch {
    context: Arc<Context>,
    tasks: TaskTracker,
    aside: TaskTracker,
    closed: AtomicBool,
}

impl Drop for Dispatch {
    /// Jobs end with the runner, not after it.
    fn drop(&mut self) {
        self.context.jobs.stop_all(Why::Drained);
        self.context.environments.close();
    }
}

impl Dispatch {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self {
            context,
            tasks: TaskTracker::new(),
            aside: TaskTracker::new(),
            closed: AtomicBool::new(false),
        }
    }

    /// Takes no more jobs.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    async fn offer(&self, offer: Offer) {
        let context = &self.context;
        let job = JobRef {
            job: offer.job,
            run: offer.run,
            epoch: offer.epoch,
        };
        if self.closed.load(Ordering::Relaxed) {
            return;
        }
        if context.jobs.list().len() >= context.capacity as usize + SLACK {
            tracing::warn!(run = %job.run, "offered more jobs than the capacity; not taken");
            return;
        }
        match context.journal.take(job, offer.kind).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(%error, "an offer could not be taken");
                return;
            }
        }
        let stop = context.jobs.hold(job);
        let context = context.clone();
        self.tasks.spawn(async move {
            let kind = offer.kind;
            let work = tokio::spawn(Box::pin(hold(context.clone(), offer, job, stop)));
            if work.await.is_err() {
                defect(&context, kind, job).await;
            }
            // What was written stays, for the next turn to show again.
            leftovers::unmount(&context.run_dir(job.run)).await;
            context.jobs.release(job);
            tidy(&context).await;
        });
    }

    async fn drop_run(&self, which: RunRef) {
        if self.context.jobs.stop(which.run, which.epoch, Why::Fenced) {
            return;
        }
        // Ended here already: what was not sent of it never is.
        if let Err(error) = self.context.journal.forget(which).await {
            tracing::warn!(%error, "a dropped run could not be forgotten");
        }
    }

    fn aside(&self, id: Option<String>, work: impl Future<Output = Up> + Send + 'static) {
        if self.aside.len() >= ASIDE {
            tracing::warn!("too many probes at once; one is not answered");
            return;
        }
        let context = self.context.clone();
        self.aside.spawn(async move {
            if let Ok(body) = timeout(ASIDE_WITHIN, work).await {
                context
                    .link
                    .say(Frame {
                        id,
                        ..Frame::new(body)
                    })
                    .await;
            }
        });
    }
}

impl Hear for Dispatch {
    async fn hear(&self, id: Option<String>, down: Down) {
        match down {
            Down::Offer(offer) => self.offer(*offer).await,
            Down::Cancel(run) => {
                self.context.jobs.stop(run.run, run.epoch, Why::Cancelled);
            }
            Down::Drop(run) => self.drop_run(run).await,
            Down::Probe(probe) => {
                let context = self.context.clone();
                self.aside(id, async move {
                    Up::Probed(probe::probe(&context, probe).await)
                });
            }
            Down::Sweep(sweep) => {
                let context = self.context.clone();
                self.aside(
                    id,
                    async move { Up::Swept(probe::sweep(&context, sweep).await) },
                );
            }
            Down::EnvironmentStart(start) => {
                if !self.closed.load(Ordering::Relaxed) {
                    let context = self.context.clone();
                    self.tasks.spawn(environment::start(context, *start));
                }
            }
            Down::EnvironmentStop(stop) => {
                let context = self.context.clone();
                self.tasks
                    .spawn(environment::stop(context, stop.environment));
            }
            Down::Challenge(_) | Down::Welcome(_) | Down::Ack {} | Down::Nack(_) => {}
        }
    }
}

/// A job from its acceptance to its end.
async fn hold(context: Arc<Context>, offer: Offer, job: JobRef, stop: Stop) {
    let folder = context.jobs.folder(job.run);
    // A person who cancels, or a runner that leaves, need not wait for a slot.
    let started = tokio::select! {
        biased;
        () = stop.token().cancelled() => None,
        ready = async { (context.slots.acquire().await, folder.lock().await) } => Some(ready),
    };
    let report = Report::new(context.clone(), job, stop.clone());
    let kind = offer.kind;
    let ended = match &started {
        Some(_) => Box::pin(work(&report, offer)).await,
        None => Err(Halt::Stopped),
    };
    conclude(&report, kind, ended, started.is_some()).await;
    drop(started);
}

/// A job that a defect of ours has ended is reported like any other; held for ever it would block
/// its run.
async fn defect(context: &Context, kind: JobKind, job: JobRef) {
    tracing::error!(run = %job.run, "a job ended by a defect");
    let reason = Reason::Internal;
    let outcome = match kind {
        JobKind::Execute => Outcome::Failed { reason },
        JobKind::Land => Outcome::Refused { reason },
    };
    let _ = context.journal.end(finished(job, outcome)).await;
}

async fn work(report: &Report, offer: Offer) -> Result<Finished, Halt> {
    let context = &report.context;
    let refused = |detail: String| Halt::failed(Reason::OrderRefused, detail);
    let policy = Policy::load(&context.policy_file())?;
    let door = Door {
        tenant: context.identity.tenant(),
        key: context.identity.order_key(),
        vault: &context.vault,
        policy: &policy,
        now: context.clock.now(),
    };
    let admitted = door
        .admit(&offer)
        .map_err(|error| refused(error.to_string()))?;
    context.journal.order(report.job, admitted.order.id).await?;
    if let Some(environment) = offer.environment {
        let (project, run) = (&admitted.order.project, Some(offer.run));
        context
            .environments
            .enter(environment, project, run)
            .await?;
    }
    let walls = walls(context, &admitted.order, &policy).await?;
    let (images, home) = (context.images(), context.environment.home());
    let room = above_reserve(context, &policy).unwrap_or(u64::MAX);
    let walls = tokio::select! {
        biased;
        () = report.stop.token().cancelled() => return Err(Halt::Stopped),
        walls = walls.unpacked(&images, &home, room) => walls?,
    };
    let report = &report.within(walls);
    match admitted.task {
        Admission::Execute(task) => execute::run(report, &admitted.order, &task, &offer).await,
        Admission::Land(land, work) => {
            let known = offer.known_epoch;
            land::run(report, &admitted.order, &land, &work, known).await
        }
    }
}

/// What stands around the processes of an order on this machine, once there is room for them.
pub(crate) async fn walls(
    context: &Context,
    order: &Order,
    policy: &Policy,
) -> Result<Walls, Halt> {
    let free = limits::free(&context.data);
    room(free, policy.reserve())?;
    let machine = machine::look(context).await;
    let room = Room {
        memory: machine.memory,
        capacity: context.capacity,
        free: above_reserve(context, policy),
    };
    Walls::of(order, policy.limits(), room)
        .requiring(policy.limits_required())
        .in_machines_of(policy.firecracker())
        .run_by(policy.container_runtime())
        .beside(Together {
            owner: context.identity.runner().uuid().as_u128(),
            limits: policy.limits_together().clone(),
            shares: context.shares.clone(),
        })
        .on_host(&*context.entropy)
}

/// Bytes that runs may still write where the runner works; none where that cannot be told.
pub(crate) fn above_reserve(context: &Context, policy: &Policy) -> Option<u64> {
    let free = limits::free(&context.data)?;
    Some(free.saturating_sub(policy.reserve()))
}

/// A runner whose disk is full loses what it was told: none begins that could fill it.
fn room(free: Option<u64>, reserve: u64) -> Result<(), Halt> {
    match free {
        Some(free) if free < reserve => Err(Halt::failed(
            Reason::DiskFull,
            format!(
                "nothing was started: {} are free where the runner works, and {} are kept in reserve; free some space, or lower `reserve` in {}",
                Limit::Disk.show(free),
                Limit::Disk.show(reserve),
                crate::policy::FILE
            ),
        )),
        _ => Ok(()),
    }
}

/// Says how a job ended, or nothing where it is somebody else's.
/// `worked`: the run's folder is ours.
async fn conclude(report: &Report, kind: JobKind, ended: Result<Finished, Halt>, worked: bool) {
    let Report {
        context, job, stop, ..
    } = report;
    let why = stop.why();
    let finished = match (ended, why) {
        (Err(Halt::Fenced), _) | (_, Some(Why::Fenced)) => {
            tracing::info!(run = %job.run, epoch = job.epoch, "fenced");
            if worked {
                leftovers::remove(&context.run_dir(job.run)).await;
            }
            let which = RunRef {
                run: job.run,
                epoch: job.epoch,
            };
            let _ = context.journal.forget(which).await;
            return;
        }
        (Ok(finished), _) => finished,
        (Err(Halt::Failed(failure)), None) => failed(report, kind, &failure),
        (Err(_), Some(Why::Cancelled)) => finished(*job, Outcome::Cancelled),
        // A landing that is stopped is lost: the next one finds out what became of it.
        (Err(_), Some(Why::Drained) | None) => finished(*job, Outcome::Lost),
    };
    if worked && ends_the_run(&finished.outcome) {
        leftovers::remove(&context.run_dir(job.run)).await;
    }
    let finished = report.with_facts(finished);
    if let Err(error) = context.journal.end(finished).await {
        tracing::error!(%error, run = %job.run, "the end of a job could not be kept");
    }
}

fn failed(report: &Report, kind: JobKind, failure: &Failure) -> Finished {
    tracing::info!(run = %report.job.run, reason = %failure.reason, "failed");
    Finished {
        detail: report.detail(&failure.detail),
        ..finished(report.job, failure.outcome(kind))
    }
}

/// Whether nobody will go on in the run's folder.
fn ends_the_run(outcome: &Outcome) -> bool {
    !matches!(
        outcome,
        Outcome::Work(_)
            | Outcome::Unchanged { .. }
            | Outcome::Refused { .. }
            | Outcome::Changed(_)
            | Outcome::Away { .. }
    )
}

/// Makes room, now and then: looking at all that waits takes time.
async fn tidy(context: &Arc<Context>) {
    {
        let mut last = context
            .pruned
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| last.elapsed() < TIDY_EVERY) {
            return;
        }
        *last = Some(Instant::now());
    }
    let context = context.clone();
    let now = std::time::SystemTime::from(context.clock.now());
    let _ = tokio::task::spawn_blocking(move || {
        leftovers::prune(&context.runs(), now, |run| context.jobs.holds_run(run));
    })
    .await;
}
