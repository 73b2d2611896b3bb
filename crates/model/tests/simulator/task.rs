//! What a runner does for a job, in the order in which it speaks to the remote: see
//! `git/src/claim.rs` and `git/src/land.rs`.

use std::collections::BTreeMap;

use freehold_model::Reason;
use freehold_model::run::{JobKind, Outcome, Work};

use super::Flaw;
use super::remote::{Commit, Name, Update};
use super::runner::{Job, Stop};
use super::world::{Event, Ms, SECOND, World};

/// As the real runner: a remote that does not answer is asked again so often, so far apart.
const TRIES_MAX: u32 = 4;
/// And for work that is done, and lies nowhere else, for hours.
const TRIES_FOR_WORK: u32 = 1440;
const TRY_AGAIN: Ms = 5 * SECOND;

/// What a task waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The remote's refs, to claim the epoch.
    Look,
    /// The claim.
    Claim,
    /// The remote's refs: the claim's answer was lost.
    LookForClaim,
    /// The agent, for so many more rounds.
    Agent(u32),
    /// The work's way to the epoch's ref, and how the job ends then.
    Keep(Outcome, Commit),
    LookForKept(Outcome, Commit),
    /// The remote's refs, to land on.
    LookToLand,
    Land {
        commit: Commit,
        expected: Commit,
    },
    LookForLanded {
        commit: Commit,
        expected: Commit,
        is_lost: bool,
    },
}

#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) kind: JobKind,
    pub(crate) step: Step,
    /// What it goes on from.
    pub(crate) work: Option<Work>,
    /// What the epoch's ref is at, once it is ours.
    pub(crate) value: Option<Commit>,
    pub(crate) is_ours: bool,
    pub(crate) base: Commit,
    pub(crate) said: u32,
    pub(crate) tries: u32,
    pub(crate) stop: Option<Stop>,
}

/// What a task asks of the remote.
#[derive(Debug, Clone)]
pub(crate) enum RemoteAsk {
    Look,
    Push(Vec<Update>),
}

#[derive(Debug, Clone)]
pub(crate) enum RemoteAnswer {
    Refs {
        epochs: BTreeMap<u32, Commit>,
        target: Commit,
    },
    Pushed(bool),
    /// There is none, whether or not it was done.
    Lost,
}

impl World {
    pub(crate) fn look(&mut self, runner: usize, job: Job, step: Step) {
        self.ask(runner, job, step, RemoteAsk::Look);
    }

    fn ask(&mut self, runner: usize, job: Job, step: Step, ask: RemoteAsk) {
        let life = self.runners[runner].life;
        let Some(task) = self.runners[runner].tasks.get_mut(&job) else {
            return;
        };
        task.step = step;
        let delay = self.dice.between(5, 400);
        // Until it is sent: whoever stands still meanwhile acts on what was true before.
        self.after(
            delay,
            Event::RemoteAsk {
                runner,
                life,
                job,
                ask,
            },
        );
    }

    /// The remote does what it is asked, or not, and its answer comes back, or not.
    pub(crate) fn remote_asked(&mut self, runner: usize, life: u32, job: Job, ask: &RemoteAsk) {
        // Sent or not, just before it died.
        if !self.is_up(runner, life) && self.dice.in_a_thousand(500) {
            return;
        }
        let answer = if self.weather.is_remote_down(self.now) {
            RemoteAnswer::Lost
        } else {
            let answer = match ask {
                RemoteAsk::Look => RemoteAnswer::Refs {
                    epochs: self.remote.epochs(job.run),
                    target: self.remote.target(),
                },
                RemoteAsk::Push(updates) => RemoteAnswer::Pushed(self.push(job, updates)),
            };
            let lost = self
                .dice
                .in_a_thousand(self.weather.loses_answers(self.now));
            if lost { RemoteAnswer::Lost } else { answer }
        };
        let delay = self.dice.between(5, 400);
        self.after(
            delay,
            Event::RemoteAnswer {
                runner,
                life,
                job,
                answer,
            },
        );
    }

    /// What the remote takes is looked at here: nothing of a run is done by an epoch that another has claimed over.
    fn push(&mut self, job: Job, updates: &[Update]) -> bool {
        let is_done = self.remote.push(updates);
        if !is_done {
            return false;
        }
        let moves = |name: &Name| {
            updates
                .iter()
                .any(|one| one.name == *name && one.to.is_some())
        };
        if moves(&Name::Target) {
            self.note(|| format!("{}/{} lands", job.run, job.epoch));
            let head = self.db.runs[job.run]
                .life
                .approval
                .as_ref()
                .and_then(|approval| approval.commit.parse().ok());
            let target = self.remote.target();
            let head: Commit = head.unwrap_or(target);
            *self.landings.entry((job.run, head)).or_insert(0) += 1;
            let held = self.held.get(&job.run).copied().unwrap_or(0);
            assert!(
                job.epoch >= held,
                "I4: epoch {} of run {} landed after epoch {held} had it",
                job.epoch,
                job.run
            );
        }
        true
    }

    pub(crate) fn remote_answered(
        &mut self,
        runner: usize,
        life: u32,
        job: Job,
        answer: &RemoteAnswer,
    ) {
        if !self.is_up(runner, life) || !self.runners[runner].tasks.contains_key(&job) {
            return;
        }
        let task = &self.runners[runner].tasks[&job];
        if task.stop == Some(Stop::Fenced) {
            self.forget(runner, job);
            return;
        }
        let (step, kind) = (task.step.clone(), task.kind);
        // What stops a job stops it between two things, never in the middle of a push.
        let is_between = matches!(step, Step::Look | Step::LookToLand);
        if task.stop == Some(Stop::Cancelled) && is_between && kind == JobKind::Execute {
            self.end(runner, job, Outcome::Cancelled);
            return;
        }
        match (answer, step) {
            (RemoteAnswer::Lost, Step::Claim) => self.look(runner, job, Step::LookForClaim),
            (RemoteAnswer::Lost, Step::Land { .. }) if self.flaw == Some(Flaw::LandsBlindly) => {
                self.look(runner, job, Step::LookToLand);
            }
            // Not done, or not known to be: the refs can tell.
            (RemoteAnswer::Lost | RemoteAnswer::Pushed(false), Step::Keep(outcome, head)) => {
                self.look(runner, job, Step::LookForKept(outcome, head));
            }
            (RemoteAnswer::Lost | RemoteAnswer::Pushed(false), Step::Land { commit, expected }) => {
                let is_lost = matches!(answer, RemoteAnswer::Lost);
                let step = Step::LookForLanded {
                    commit,
                    expected,
                    is_lost,
                };
                self.look(runner, job, step);
            }
            (RemoteAnswer::Lost, _) => self.try_again(runner, job),
            (RemoteAnswer::Pushed(done), Step::Claim) => {
                if *done && let Some(task) = self.runners[runner].tasks.get_mut(&job) {
                    task.is_ours = true;
                }
                self.look(runner, job, Step::Look);
            }
            (RemoteAnswer::Pushed(true), Step::Keep(outcome, _)) => self.end(runner, job, outcome),
            (RemoteAnswer::Pushed(true), Step::Land { commit, .. }) => {
                self.landed(runner, job, commit)
            }
            (RemoteAnswer::Refs { epochs, target }, step) => {
                self.looked(runner, job, step, epochs, *target)
            }
            (RemoteAnswer::Pushed(_), step) => panic!("a push was answered in {step:?}"),
        }
    }

    fn try_again(&mut self, runner: usize, job: Job) {
        let life = self.runners[runner].life;
        let Some(task) = self.runners[runner].tasks.get_mut(&job) else {
            return;
        };
        task.tries += 1;
        let is_work = matches!(task.step, Step::LookForKept(..)) && task.kind == JobKind::Execute;
        let sent = matches!(task.step, Step::LookForLanded { .. });
        if is_work && task.tries > TRIES_FOR_WORK {
            self.fail(runner, job, Reason::RemoteUnreachable);
        } else if !is_work && task.tries > TRIES_MAX {
            self.away(runner, job, sent);
        } else {
            self.after(TRY_AGAIN, Event::Due { runner, life, job });
        }
    }

    /// Time has passed: for the agent, or to ask the remote again.
    pub(crate) fn due(&mut self, runner: usize, life: u32, job: Job) {
        if !self.is_up(runner, life) {
            return;
        }
        let Some(task) = self.runners[runner].tasks.get(&job) else {
            return;
        };
        let (step, stop) = (task.step.clone(), task.stop);
        match (stop, step) {
            (Some(Stop::Fenced), _) => self.forget(runner, job),
            (Some(Stop::Cancelled), Step::Agent(_)) => self.end(runner, job, Outcome::Cancelled),
            (_, Step::Agent(0)) => self.collect(runner, job),
            (_, Step::Agent(left)) => {
                self.say(runner, job);
                if let Some(task) = self.runners[runner].tasks.get_mut(&job) {
                    task.step = Step::Agent(left - 1);
                }
                let delay = self.dice.between(SECOND, 60 * SECOND);
                self.after(delay, Event::Due { runner, life, job });
            }
            (_, step) => self.look(runner, job, step),
        }
    }

    fn looked(
        &mut self,
        runner: usize,
        job: Job,
        step: Step,
        epochs: &BTreeMap<u32, Commit>,
        target: Commit,
    ) {
        let Some(task) = self.runners[runner].tasks.get_mut(&job) else {
            return;
        };
        task.tries = 0;
        let is_newer = epochs.keys().any(|epoch| *epoch > job.epoch);
        let own = epochs.get(&job.epoch).copied();
        match step {
            Step::LookForClaim if own.is_some() && own == task.value => {
                task.is_ours = true;
                self.claim(runner, job, epochs, target);
            }
            Step::LookForClaim if !epochs.keys().any(|epoch| *epoch >= job.epoch) => {
                self.away(runner, job, true);
            }
            Step::Look | Step::LookForClaim => self.claim(runner, job, epochs, target),
            Step::LookForKept(outcome, head) if own == Some(head) => self.end(runner, job, outcome),
            Step::LookForKept(..) if is_newer || own != task.value => self.forget(runner, job),
            Step::LookForKept(outcome, head) => self.move_ref(runner, job, outcome, head),
            Step::LookToLand => self.land(runner, job, epochs, target),
            Step::LookForLanded { commit, .. } if self.remote.contains(target, commit) => {
                self.landed(runner, job, commit)
            }
            Step::LookForLanded { .. } if is_newer || own != task.value => self.forget(runner, job),
            Step::LookForLanded { expected, .. } if target != expected => {
                self.look(runner, job, Step::LookToLand)
            }
            Step::LookForLanded { is_lost: true, .. } => self.away(runner, job, true),
            Step::LookForLanded { .. } => self.fail(runner, job, Reason::RemoteRefused),
            step => panic!("refs were looked at in {step:?}"),
        }
    }

    fn claim(&mut self, runner: usize, job: Job, epochs: &BTreeMap<u32, Commit>, target: Commit) {
        let skips = self.flaw == Some(Flaw::NoClaim);
        let Some(task) = self.runners[runner].tasks.get_mut(&job) else {
            return;
        };
        let newest = epochs.keys().next_back().copied().unwrap_or(0);
        let head: Option<Commit> = task.work.as_ref().and_then(|work| work.commit.parse().ok());
        let value = *task.value.get_or_insert(head.unwrap_or(target));
        let own = epochs.get(&job.epoch).copied();
        let is_fenced = newest > job.epoch
            || newest == job.epoch && !task.is_ours
            || task.is_ours && own != Some(value);
        if is_fenced && !skips {
            // A claim that came too late is taken back.
            let withdraw = Update {
                name: Name::Epoch(job.run, job.epoch),
                from: Some(value),
                to: None,
            };
            if task.is_ours && newest > job.epoch {
                self.ask(runner, job, Step::Claim, RemoteAsk::Push(vec![withdraw]));
            }
            self.forget(runner, job);
            return;
        }
        let keeps = match (&task.kind, &task.work) {
            (JobKind::Land, Some(work)) => Some(work.epoch),
            _ => None,
        };
        let older = epochs
            .iter()
            .filter(|(epoch, _)| **epoch < job.epoch && Some(**epoch) != keeps && !skips);
        let mut updates: Vec<Update> = older
            .map(|(epoch, at)| Update {
                name: Name::Epoch(job.run, *epoch),
                from: Some(*at),
                to: None,
            })
            .collect();
        if task.is_ours && updates.is_empty() {
            task.base = target;
            let held = self.held.entry(job.run).or_insert(0);
            *held = job.epoch.max(*held);
            match task.kind {
                JobKind::Execute => self.begin(runner, job),
                JobKind::Land => self.look(runner, job, Step::LookToLand),
            }
            return;
        }
        if !task.is_ours {
            updates.push(Update {
                name: Name::Epoch(job.run, job.epoch),
                from: None,
                to: Some(value),
            });
        }
        self.ask(runner, job, Step::Claim, RemoteAsk::Push(updates));
    }

    fn begin(&mut self, runner: usize, job: Job) {
        let rounds = u32::try_from(self.dice.index(4)).unwrap();
        if let Some(task) = self.runners[runner].tasks.get_mut(&job) {
            task.step = Step::Agent(rounds);
        }
        let life = self.runners[runner].life;
        self.after(SECOND, Event::Due { runner, life, job });
    }

    /// The agent is done: its work goes to the epoch's ref before anybody hears of it.
    fn collect(&mut self, runner: usize, job: Job) {
        self.say(runner, job);
        let roll = self.dice.index(100);
        let task = &self.runners[runner].tasks[&job];
        let (base, value) = (task.base, task.value.unwrap());
        if roll < 5 {
            return self.fail(runner, job, Reason::AgentFailed);
        }
        if roll < 12 {
            return self.end(
                runner,
                job,
                Outcome::Unchanged {
                    base: Some(base.to_string()),
                },
            );
        }
        let head = self.remote.commit(vec![value, base]);
        let work = Work {
            base: Some(base.to_string()),
            commit: head.to_string(),
            digest: format!("of {head}"),
            epoch: job.epoch,
        };
        let outcome = if roll < 16 {
            Outcome::ChecksFailed(work)
        } else {
            Outcome::Work(work)
        };
        self.move_ref(runner, job, outcome, head);
    }

    fn move_ref(&mut self, runner: usize, job: Job, outcome: Outcome, head: Commit) {
        let from = self.runners[runner].tasks[&job].value;
        let update = Update {
            name: Name::Epoch(job.run, job.epoch),
            from,
            to: Some(head),
        };
        self.ask(
            runner,
            job,
            Step::Keep(outcome, head),
            RemoteAsk::Push(vec![update]),
        );
    }

    fn land(&mut self, runner: usize, job: Job, epochs: &BTreeMap<u32, Commit>, target: Commit) {
        let blindly = self.flaw == Some(Flaw::LandsBlindly);
        let unclaimed = self.flaw == Some(Flaw::NoClaim);
        let task = &self.runners[runner].tasks[&job];
        let work = task.work.clone().unwrap();
        let head: Commit = work.commit.parse().unwrap();
        let claimed = task.value.unwrap();
        if self.remote.contains(target, head) && !blindly {
            return self.landed(runner, job, target);
        }
        let is_newer = epochs.keys().any(|epoch| *epoch > job.epoch);
        let own = epochs.get(&job.epoch).copied();
        if !blindly && !unclaimed && (is_newer || own != Some(claimed)) {
            return self.forget(runner, job);
        }
        let roll = self.dice.index(100);
        let is_ahead = work.base == Some(target.to_string());
        let commit = if is_ahead && !blindly {
            head
        } else {
            self.remote.commit(vec![target, head])
        };
        if !is_ahead && roll < 10 {
            return self.fail(runner, job, Reason::Conflict);
        }
        if !is_ahead && roll < 25 {
            let changed = Work {
                base: Some(target.to_string()),
                commit: commit.to_string(),
                digest: format!("of {commit}"),
                epoch: job.epoch,
            };
            return self.move_ref(runner, job, Outcome::Changed(changed), commit);
        }
        // A ref that does not change is no part of a push.
        let moved = if commit == claimed {
            self.remote.commit(vec![commit])
        } else {
            commit
        };
        let mut updates = vec![Update {
            name: Name::Target,
            from: Some(target),
            to: Some(commit),
        }];
        if !unclaimed {
            updates.push(Update {
                name: Name::Epoch(job.run, job.epoch),
                from: own,
                to: Some(moved),
            });
        }
        self.ask(
            runner,
            job,
            Step::Land {
                commit,
                expected: target,
            },
            RemoteAsk::Push(updates),
        );
    }

    fn landed(&mut self, runner: usize, job: Job, commit: Commit) {
        self.end(
            runner,
            job,
            Outcome::Landed {
                commit: commit.to_string(),
            },
        );
    }
}
