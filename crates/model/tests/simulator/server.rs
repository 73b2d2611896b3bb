//! The servers: any number over one database, none of them a leader. What a handler does is one
//! transaction; a server may die before it or after it, and its answer with it.

use std::collections::{BTreeMap, BTreeSet};

use freehold_model::Isolation;
use freehold_model::run::{Command, Effect, Fence, JobKind, Outcome, Run};
use freehold_model::schedule::{Allowance, Offer, Placement, Wanted, place};

use super::database::{Key, Record};
use super::link::{Down, Kept, Up};
use super::person::{Answer, Ask};
use super::runner::Job;
use super::world::{Event, Ms, SECOND, World};
use super::{Flaw, job_id, project_id, run_id, runner_id, time};

/// As `freehold_wire::link` has them.
pub(crate) const LEASE: Ms = 42 * SECOND;
const ATTEMPTS: u32 = 3;

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) is_alive: bool,
    pub(crate) life: u32,
    pub(crate) still_until: Ms,
    /// Runners that are connected here, as far as it knows, and how.
    pub(crate) hub: BTreeMap<usize, usize>,
    hears_since: Option<Ms>,
    /// When it last had a turn: it stood still when that is long ago.
    turn: Ms,
}

/// What becomes of a server that handles something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Lives,
    DiesBefore,
    DiesAfter,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self {
            is_alive: false,
            life: 0,
            still_until: 0,
            hub: BTreeMap::new(),
            hears_since: None,
            turn: 0,
        }
    }
}

impl World {
    pub(crate) fn server_up(&mut self, server: usize) {
        let one = &mut self.servers[server];
        one.is_alive = true;
        one.life += 1;
        one.hears_since = None;
        let life = one.life;
        self.after(0, Event::Reconcile { server, life });
    }

    pub(crate) fn kill_server(&mut self, server: usize) {
        if !self.servers[server].is_alive {
            return;
        }
        self.note(|| format!("server {server} dies"));
        self.servers[server].is_alive = false;
        self.servers[server].hub.clear();
        let of_it = |conn: &super::link::Conn| conn.server == server && !conn.is_cut;
        let conns: Vec<_> = (0..self.conns.len())
            .filter(|conn| of_it(&self.conns[*conn]))
            .collect();
        conns.into_iter().for_each(|conn| self.cut(conn));
        let delay = self.dice.between(SECOND, 10 * SECOND);
        self.after(delay, Event::ServerUp(server));
    }

    fn fate(&mut self, server: usize) -> Fate {
        if !self.dice.in_a_thousand(self.weather.crashes(self.now)) {
            return Fate::Lives;
        }
        self.counts.faults += 1;
        self.kill_server(server);
        if self.dice.in_a_thousand(500) {
            Fate::DiesBefore
        } else {
            Fate::DiesAfter
        }
    }

    pub(crate) fn reconcile(&mut self, server: usize, life: u32) {
        let now = self.now;
        let one = &mut self.servers[server];
        if !one.is_alive || one.life != life {
            return;
        }
        // As the engine: who stood still, or had no database, could hear nobody.
        if now - one.turn > 5 * SECOND || self.weather.is_database_down(now) {
            one.hears_since = None;
        }
        one.turn = now;
        self.after(SECOND, Event::Reconcile { server, life });
        if self.weather.is_database_down(now) {
            return;
        }
        let hears_since = *self.servers[server].hears_since.get_or_insert(now);
        let fate = self.fate(server);
        if fate == Fate::DiesBefore {
            return;
        }
        if now - hears_since >= LEASE {
            self.expire(server, fate);
        }
        self.dispatch(server, fate);
    }

    fn expire(&mut self, server: usize, fate: Fate) {
        let clock = self.lease_clock(server);
        for run in 0..self.db.runs.len() {
            let before = &self.db.runs[run].life;
            let (epoch, lease) = (before.epoch, before.lease.clone());
            let effects = self.db.advance(run, Command::Expire(time(clock))).unwrap();
            let (Some(lease), false) = (lease, effects.is_empty()) else {
                continue;
            };
            self.counts.lost += 1;
            self.note(|| format!("lease of {run}/{epoch} expires"));
            let renewed = self.db.runs[run].renewed;
            assert!(
                self.now - renewed >= LEASE,
                "F21: a lease was taken that was renewed {} ms ago",
                self.now - renewed
            );
            if fate == Fate::Lives
                && let Some((_, conn)) = (self.servers[server].hub.iter())
                    .find(|(runner, _)| runner_id(**runner) == lease.runner)
            {
                self.send_down(*conn, Down::Drop(Job { run, epoch }));
            }
        }
    }

    /// The time that leases are counted in: the database's. A server's own may jump.
    fn lease_clock(&self, server: usize) -> Ms {
        match self.flaw {
            Some(Flaw::LeasesByOwnClock) => self.weather.wall(server, self.now),
            _ => self.now,
        }
    }

    fn dispatch(&mut self, server: usize, fate: Fate) {
        let clock = time(self.lease_clock(server));
        let wanted: Vec<Wanted> = (self.db.runs.iter())
            .filter(|record| record.life.wants().is_some())
            .filter(|record| {
                let again = record.life.waits_for_remote();
                again.is_none_or(|again| again <= clock)
            })
            .map(|record| Wanted {
                run: record.id,
                project: project_id(),
                rank: time(0),
                labels: BTreeMap::new(),
                isolation: Isolation::Sandbox,
                unmet: vec![],
            })
            .collect();
        let offers: Vec<Offer> = (self.servers[server].hub.keys())
            .map(|runner| Offer {
                runner: runner_id(*runner),
                labels: BTreeMap::new(),
                isolation: None,
                free: u32::try_from(
                    self.runners[*runner]
                        .capacity
                        .saturating_sub(self.db.held(*runner).count()),
                )
                .unwrap(),
                warm: BTreeSet::new(),
                closing: BTreeSet::new(),
            })
            .collect();
        let allowance = Allowance {
            plan: "local".into(),
            most: 99,
            placed: 0,
            jobs_most: None,
            jobs: 0,
        };
        let until = time(self.lease_clock(server) + LEASE);
        for (id, placement) in place(&wanted, &offers, &allowance, &BTreeMap::new()) {
            let Placement::Place(chosen) = placement else {
                continue;
            };
            let run = self
                .db
                .runs
                .iter()
                .position(|record| record.id == id)
                .unwrap();
            let runner = (0..self.runners.len())
                .find(|one| runner_id(*one) == chosen)
                .unwrap();
            let job = job_id(run, self.db.runs[run].life.epoch + 1);
            let done = self.db.advance(
                run,
                Command::Dispatch {
                    job,
                    runner: chosen,
                    until,
                },
            );
            done.unwrap();
            self.db.runs[run].renewed = self.now;
            let epoch = self.db.runs[run].life.epoch;
            self.note(|| format!("server {server} gives {run}/{epoch} to runner {runner}"));
            assert!(
                self.db.held(runner).count() <= self.runners[runner].capacity,
                "I8: runner {runner} has more than it can hold"
            );
            if fate == Fate::Lives {
                let conn = self.servers[server].hub[&runner];
                let offer = offer(run, &self.db.runs[run].life);
                self.send_down(conn, offer);
            }
        }
    }

    pub(crate) fn request(&mut self, server: usize, person: usize, key: Key, ask: &Ask) {
        let delay = self.dice.between(1, 50);
        if !self.servers[server].is_alive || self.weather.is_database_down(self.now) {
            self.after(
                delay + SECOND,
                Event::Answer {
                    person,
                    key,
                    answer: None,
                },
            );
            return;
        }
        let fate = self.fate(server);
        if fate == Fate::DiesBefore {
            if self.flaw == Some(Flaw::AcknowledgesFirst) && matches!(ask, Ask::Submit) {
                let answer = Some(Answer::Done(self.db.runs.len()));
                self.after(
                    delay,
                    Event::Answer {
                        person,
                        key,
                        answer,
                    },
                );
            }
            return;
        }
        let answer = self.act(server, key, ask, fate);
        self.note(|| format!("person {person}: {ask:?} at server {server}: {answer:?}, {fate:?}"));
        if fate == Fate::Lives {
            let lost = self
                .dice
                .in_a_thousand(self.weather.loses_answers(self.now));
            self.after(
                delay,
                Event::Answer {
                    person,
                    key,
                    answer: (!lost).then_some(answer),
                },
            );
        }
    }

    fn act(&mut self, server: usize, key: Key, ask: &Ask, fate: Fate) -> Answer {
        let repeats = self.flaw == Some(Flaw::ForgetsKeys);
        if let Some((run, done)) = self.db.keys.get(&key).filter(|_| !repeats) {
            return if *done {
                Answer::Done(*run)
            } else {
                Answer::Refused
            };
        }
        let (run, command) = match ask {
            Ask::Submit => {
                let run = self.db.runs.len();
                self.db.runs.push(Record {
                    life: Run::new(ATTEMPTS),
                    id: run_id(run),
                    events: vec![],
                    approvals: 0,
                    was_unsure: false,
                    renewed: 0,
                });
                self.db.keys.insert(key, (run, true));
                return Answer::Done(run);
            }
            Ask::Approve(run, approval) => (*run, Command::Approve(approval.clone())),
            Ask::Reject(run) => (*run, Command::Reject),
            Ask::Reply(run) => (*run, Command::Reply),
            Ask::Cancel(run) => (*run, Command::Cancel),
        };
        let lease = self.db.runs[run].life.lease.clone();
        let epoch = self.db.runs[run].life.epoch;
        let Ok(effects) = self.db.advance(run, command) else {
            return Answer::Refused;
        };
        self.db.keys.insert(key, (run, true));
        if let (Some(lease), true, Fate::Lives) = (lease, effects.contains(&Effect::Stop), fate) {
            let hub = &self.servers[server].hub;
            if let Some((_, conn)) = hub
                .iter()
                .find(|(runner, _)| runner_id(**runner) == lease.runner)
            {
                self.send_down(*conn, Down::Cancel(Job { run, epoch }));
            }
        }
        Answer::Done(run)
    }

    pub(crate) fn frame(&mut self, conn: usize, up: Up) {
        let (server, runner) = (self.conns[conn].server, self.conns[conn].runner);
        let is_there = self.servers[server].is_alive
            && self.servers[server].life == self.conns[conn].server_life;
        if self.conns[conn].is_cut || !is_there {
            return;
        }
        if self.weather.is_database_down(self.now) {
            // Nothing can be taken: the runner says it again on another connection.
            self.cut(conn);
            return;
        }
        let fate = self.fate(server);
        if fate == Fate::DiesBefore {
            return;
        }
        let said = match up {
            Up::Hello => self.welcome(server, runner, conn, fate),
            Up::Beat(jobs) => self.renew(server, runner, &jobs),
            Up::Kept(seq, kept) => self.take(server, runner, seq, &kept),
        };
        if fate == Fate::Lives {
            said.into_iter().for_each(|down| self.send_down(conn, down));
        }
    }

    fn welcome(&mut self, server: usize, runner: usize, conn: usize, fate: Fate) -> Vec<Down> {
        if fate == Fate::Lives {
            self.servers[server].hub.insert(runner, conn);
        }
        let mut said = vec![Down::Welcome(
            self.db.taken.get(&runner).copied().unwrap_or(0),
        )];
        for run in self.db.held(runner) {
            let life = &self.db.runs[run].life;
            if life.lease.as_ref().is_some_and(|lease| !lease.accepted) {
                said.push(offer(run, life));
            }
            if life.cancel_requested {
                said.push(Down::Cancel(Job {
                    run,
                    epoch: life.epoch,
                }));
            }
        }
        said
    }

    fn holds(&self, runner: usize, job: Job) -> bool {
        let life = &self.db.runs[job.run].life;
        life.epoch == job.epoch
            && life
                .lease
                .as_ref()
                .is_some_and(|lease| lease.runner == runner_id(runner))
    }

    fn renew(&mut self, server: usize, runner: usize, jobs: &[Job]) -> Vec<Down> {
        let until = time(self.lease_clock(server) + LEASE);
        let mut said = vec![];
        for job in jobs {
            let fence = Fence {
                runner: runner_id(runner),
                epoch: job.epoch,
            };
            if self
                .db
                .advance(job.run, Command::Renew(fence, until))
                .is_ok()
            {
                self.db.runs[job.run].renewed = self.now;
            } else {
                said.push(Down::Drop(*job));
            }
        }
        // Cancellations are repeated to whoever may not have heard.
        for run in self.db.held(runner) {
            let life = &self.db.runs[run].life;
            if life.cancel_requested {
                said.push(Down::Cancel(Job {
                    run,
                    epoch: life.epoch,
                }));
            }
        }
        said
    }

    fn take(&mut self, server: usize, runner: usize, seq: u64, kept: &Kept) -> Vec<Down> {
        let taken = self.db.taken.entry(runner).or_insert(0);
        if seq <= *taken && self.flaw != Some(Flaw::TakesFramesTwice) {
            return vec![Down::Ack(*taken)];
        }
        *taken = seq.max(*taken);
        let mut said = vec![Down::Ack(*taken)];
        let job = kept.job();
        let no_fence = self.flaw == Some(Flaw::NoFence) && matches!(kept, Kept::Finished(..));
        if !self.holds(runner, job) && !no_fence {
            said.push(Down::Drop(job));
            return said;
        }
        let life = &self.db.runs[job.run].life;
        let fence = match &life.lease {
            Some(lease) if no_fence => Fence {
                runner: lease.runner,
                epoch: life.epoch,
            },
            _ => Fence {
                runner: runner_id(runner),
                epoch: job.epoch,
            },
        };
        match kept {
            Kept::Event(job, n) => self.db.runs[job.run].events.push((job.epoch, *n)),
            Kept::Accepted(job) => drop(self.db.advance(job.run, Command::Accept(fence))),
            Kept::Finished(job, outcome) => self.finish(server, *job, fence, outcome),
        }
        said
    }

    fn finish(&mut self, server: usize, job: Job, fence: Fence, outcome: &Outcome) {
        let command = match outcome {
            Outcome::Away { sent } => Command::Away {
                fence,
                sent: *sent,
                now: time(self.lease_clock(server)),
                chance: u32::try_from(self.dice.between(0, u64::from(u32::MAX))).unwrap(),
            },
            other => Command::Finish(fence, other.clone()),
        };
        let done = self.db.advance(job.run, command);
        self.note(|| {
            format!(
                "{}/{} ends: {outcome:?}: {}",
                job.run,
                job.epoch,
                done.is_ok()
            )
        });
        if let (Outcome::Work(work) | Outcome::ChecksFailed(work) | Outcome::Changed(work), Ok(_)) =
            (outcome, &done)
        {
            let at = self
                .remote
                .at(super::remote::Name::Epoch(job.run, work.epoch));
            let commit: usize = work.commit.parse().unwrap();
            assert_eq!(
                at,
                Some(commit),
                "I4: work of {}/{} was taken that is not on the remote",
                job.run,
                work.epoch
            );
        }
        if done.is_ok() {
            let taken = &self.db.runs[job.run].events;
            let taken = taken.iter().filter(|(epoch, _)| *epoch == job.epoch);
            let (taken, said) = (taken.count(), self.said[&job]);
            assert_eq!(
                u32::try_from(taken).unwrap(),
                said,
                "I5: {}/{} ended before all that it said was taken",
                job.run,
                job.epoch
            );
        }
        if let (Outcome::Away { .. }, Ok(_)) = (outcome, &done) {
            self.counts.away += 1;
            // A person is asked, after a day, what became of a landing.
            let record = &mut self.db.runs[job.run];
            record.was_unsure |= record.life.state == freehold_model::run::State::Waiting;
        }
        if let (Outcome::Landed { .. }, Ok(_)) = (outcome, done) {
            self.counts.landed += 1;
        }
    }
}

fn offer(run: usize, life: &Run) -> Down {
    let kind = life
        .lease
        .as_ref()
        .map_or(JobKind::Execute, |lease| lease.kind);
    Down::Offer {
        job: Job {
            run,
            epoch: life.epoch,
        },
        kind,
        work: life.work.clone(),
    }
}
