//! Runners: what is on their disk outlives them, their tasks do not.

use std::collections::{BTreeMap, VecDeque};

use freehold_model::Reason;
use freehold_model::run::{JobKind, Outcome, Work};

use super::Flaw;
use super::link::{Conn, Down, Kept, Up};
use super::task::{Step, Task};
use super::world::{Event, Ms, SECOND, World};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Job {
    pub(crate) run: usize,
    pub(crate) epoch: u32,
}

#[derive(Debug)]
pub(crate) struct Runner {
    pub(crate) capacity: usize,
    pub(crate) is_alive: bool,
    pub(crate) life: u32,
    pub(crate) still_until: Ms,
    // On its disk.
    journal: BTreeMap<Job, bool>,
    outbox: VecDeque<(u64, Kept)>,
    seq: u64,
    // In its memory.
    pub(crate) conn: Option<usize>,
    pub(crate) is_welcome: bool,
    heard: Ms,
    pub(crate) tasks: BTreeMap<Job, Task>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    Cancelled,
    Fenced,
}

const BEAT: Ms = 10 * SECOND;
/// Without a word from the server for so long a connection is given up.
const SILENT_MAX: Ms = 30 * SECOND;
const SLACK: usize = 8;

impl Runner {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            is_alive: false,
            life: 0,
            still_until: 0,
            journal: BTreeMap::new(),
            outbox: VecDeque::new(),
            seq: 0,
            conn: None,
            is_welcome: false,
            heard: 0,
            tasks: BTreeMap::new(),
        }
    }

    /// Holds nothing and has nothing to say.
    pub(crate) fn is_idle(&self) -> bool {
        self.tasks.is_empty() && self.outbox.is_empty() && !self.journal.values().any(|held| *held)
    }
}

impl World {
    pub(crate) fn runner_up(&mut self, runner: usize) {
        let one = &mut self.runners[runner];
        one.is_alive = true;
        one.life += 1;
        let life = one.life;
        let left: Vec<Job> = one
            .journal
            .iter()
            .filter(|(_, held)| **held)
            .map(|(job, _)| *job)
            .collect();
        for job in left {
            self.end(runner, job, Outcome::Lost);
        }
        self.after(0, Event::Connect { runner, life });
        self.after(BEAT, Event::Beat { runner, life });
    }

    pub(crate) fn kill_runner(&mut self, runner: usize, for_ms: Ms) {
        if !self.runners[runner].is_alive {
            return;
        }
        self.note(|| format!("runner {runner} dies"));
        let forgets = self.flaw == Some(Flaw::ForgetsOutbox);
        let one = &mut self.runners[runner];
        one.is_alive = false;
        one.tasks.clear();
        one.is_welcome = false;
        if forgets {
            one.outbox.clear();
        }
        if let Some(conn) = one.conn.take() {
            self.cut(conn);
        }
        self.after(for_ms, Event::RunnerUp(runner));
    }

    pub(crate) fn is_up(&self, runner: usize, life: u32) -> bool {
        self.runners[runner].is_alive && self.runners[runner].life == life
    }

    pub(crate) fn connect(&mut self, runner: usize, life: u32) {
        if !self.is_up(runner, life) || self.runners[runner].conn.is_some() {
            return;
        }
        let server = self.dice.index(self.servers.len());
        if self.weather.is_apart(runner, self.now) || !self.servers[server].is_alive {
            let delay = self.dice.between(SECOND, 5 * SECOND);
            self.after(delay, Event::Connect { runner, life });
            return;
        }
        self.conns.push(Conn::new(
            (server, self.servers[server].life),
            (runner, life),
        ));
        let conn = self.conns.len() - 1;
        self.runners[runner].conn = Some(conn);
        self.runners[runner].heard = self.now;
        self.send_up(conn, Up::Hello);
    }

    pub(crate) fn beat(&mut self, runner: usize, life: u32) {
        if !self.is_up(runner, life) {
            return;
        }
        self.after(BEAT, Event::Beat { runner, life });
        let one = &self.runners[runner];
        let Some(conn) = one.conn else {
            return;
        };
        if self.now - one.heard > SILENT_MAX {
            self.cut(conn);
            self.noticed(conn, false);
        } else if one.is_welcome {
            let jobs = one.tasks.keys().copied().collect();
            self.send_up(conn, Up::Beat(jobs));
        }
    }

    /// Kept on disk before anything else, and sent when there is a way.
    fn keep(&mut self, runner: usize, kept: Kept) {
        let one = &mut self.runners[runner];
        one.seq += 1;
        one.outbox.push_back((one.seq, kept.clone()));
        if let (Some(conn), true) = (one.conn, one.is_welcome) {
            let seq = one.seq;
            self.send_up(conn, Up::Kept(seq, kept));
        }
    }

    pub(crate) fn say(&mut self, runner: usize, job: Job) {
        let Some(task) = self.runners[runner].tasks.get_mut(&job) else {
            return;
        };
        task.said += 1;
        let n = task.said;
        self.said.insert(job, n);
        self.keep(runner, Kept::Event(job, n));
    }

    pub(crate) fn hear(&mut self, conn: usize, down: Down) {
        let Conn {
            runner,
            runner_life,
            is_cut,
            ..
        } = self.conns[conn];
        if is_cut || !self.is_up(runner, runner_life) || self.runners[runner].conn != Some(conn) {
            return;
        }
        let one = &mut self.runners[runner];
        one.heard = self.now;
        match down {
            Down::Welcome(taken) => {
                one.outbox.retain(|(seq, _)| *seq > taken);
                if !std::mem::replace(&mut one.is_welcome, true) {
                    for (seq, kept) in one.outbox.clone() {
                        self.send_up(conn, Up::Kept(seq, kept));
                    }
                }
            }
            Down::Ack(taken) => one.outbox.retain(|(seq, _)| *seq > taken),
            Down::Offer { job, kind, work } => self.offered(runner, job, kind, work),
            Down::Cancel(job) => self.stop(runner, job, Stop::Cancelled),
            Down::Drop(job) => self.stop(runner, job, Stop::Fenced),
        }
    }

    fn offered(&mut self, runner: usize, job: Job, kind: JobKind, work: Option<Work>) {
        let again = self.flaw == Some(Flaw::TakesOffersTwice);
        let one = &mut self.runners[runner];
        if one.tasks.len() >= one.capacity + SLACK {
            return;
        }
        let newest = one
            .journal
            .keys()
            .filter(|had| had.run == job.run)
            .map(|had| had.epoch)
            .max();
        if newest.is_some_and(|newest| newest > job.epoch || newest == job.epoch && !again) {
            return;
        }
        one.journal.insert(job, true);
        let task = Task {
            kind,
            step: Step::Look,
            value: None,
            is_ours: false,
            base: 0,
            said: 0,
            tries: 0,
            stop: None,
            work,
        };
        one.tasks.insert(job, task);
        self.keep(runner, Kept::Accepted(job));
        self.say(runner, job);
        self.look(runner, job, Step::Look);
    }

    fn stop(&mut self, runner: usize, job: Job, why: Stop) {
        let life = self.runners[runner].life;
        match self.runners[runner].tasks.get_mut(&job) {
            Some(task) => {
                if task.stop != Some(Stop::Fenced) {
                    task.stop = Some(why);
                }
                // The agent is ended at once; a push that is on its way comes to its end.
                if matches!(task.step, Step::Agent(_)) {
                    self.after(0, Event::Due { runner, life, job });
                }
            }
            None if why == Stop::Fenced => self.forget(runner, job),
            None => {}
        }
    }

    /// Frames of an epoch that is somebody else's are never sent.
    pub(crate) fn forget(&mut self, runner: usize, job: Job) {
        let one = &mut self.runners[runner];
        one.outbox.retain(|(_, kept)| kept.job() != job);
        if let Some(held) = one.journal.get_mut(&job) {
            *held = false;
        }
        one.tasks.remove(&job);
    }

    /// The job is over: let go of it and say so, in one commit.
    pub(crate) fn end(&mut self, runner: usize, job: Job, outcome: Outcome) {
        let one = &mut self.runners[runner];
        one.tasks.remove(&job);
        if one.journal.insert(job, false) == Some(true) {
            self.keep(runner, Kept::Finished(job, outcome));
        }
    }

    pub(crate) fn fail(&mut self, runner: usize, job: Job, reason: Reason) {
        let kind = self.runners[runner].tasks[&job].kind;
        let outcome = match kind {
            JobKind::Execute => Outcome::Failed { reason },
            JobKind::Land => Outcome::Refused { reason },
        };
        self.end(runner, job, outcome);
    }

    /// The remote does not answer: all of it is done again later, by whoever is given it then.
    pub(crate) fn away(&mut self, runner: usize, job: Job, sent: bool) {
        let sent = sent && self.flaw != Some(Flaw::ForgetsWhatItSent);
        self.end(runner, job, Outcome::Away { sent });
    }
}
