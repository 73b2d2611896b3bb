//! The whole of it: what there is, what is on its way, and the clock. Everything happens in one
//! thread, in the order of its time, so that a seed is a history.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use freehold_model::run::State;

use super::Flaw;
use super::database::{Database, Key};
use super::dice::Dice;
use super::fault::{self, Weather};
use super::link::{Conn, Down};
use super::person::{Answer, Ask, Person};
use super::remote::{Commit, Remote};
use super::runner::{Job, Runner};
use super::server::Server;
use super::task::{RemoteAnswer, RemoteAsk};

/// Milliseconds of simulated time.
pub(crate) type Ms = u64;
pub(crate) const SECOND: Ms = 1000;

/// What will happen.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Reconcile {
        server: usize,
        life: u32,
    },
    ServerUp(usize),
    Request {
        server: usize,
        person: usize,
        key: Key,
        ask: Ask,
    },
    Answer {
        person: usize,
        key: Key,
        answer: Option<Answer>,
    },
    Think(usize),
    /// The next frame that goes up arrives.
    ToServer {
        conn: usize,
    },
    ToRunner {
        conn: usize,
        down: Down,
    },
    /// One end of a connection finds that the other is gone.
    Noticed {
        conn: usize,
        by_server: bool,
    },
    RunnerUp(usize),
    Connect {
        runner: usize,
        life: u32,
    },
    Beat {
        runner: usize,
        life: u32,
    },
    /// What an agent, or a wait, needed time for is over.
    Due {
        runner: usize,
        life: u32,
        job: Job,
    },
    RemoteAsk {
        runner: usize,
        life: u32,
        job: Job,
        ask: RemoteAsk,
    },
    RemoteAnswer {
        runner: usize,
        life: u32,
        job: Job,
        answer: RemoteAnswer,
    },
    Fault,
}

/// What was done, for the table at the end.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) faults: u64,
    pub(crate) events: u64,
    pub(crate) acknowledged: u64,
    pub(crate) landed: u64,
    pub(crate) lost: u64,
    /// Jobs that ended because the remote was away.
    pub(crate) away: u64,
    pub(crate) simulated: Ms,
}

pub(crate) struct World {
    pub(crate) now: Ms,
    queue: BTreeMap<(Ms, u64), Event>,
    order: u64,
    pub(crate) dice: Dice,
    pub(crate) flaw: Option<Flaw>,
    pub(crate) weather: Weather,
    pub(crate) db: Database,
    pub(crate) remote: Remote,
    pub(crate) servers: Vec<Server>,
    pub(crate) runners: Vec<Runner>,
    pub(crate) people: Vec<Person>,
    pub(crate) conns: Vec<Conn>,
    pub(crate) counts: Counts,
    /// Submissions that were acknowledged, and as which run.
    pub(crate) acked: BTreeMap<Key, usize>,
    /// How often the remote took a landing of this run with this head: counted there.
    pub(crate) landings: BTreeMap<(usize, Commit), u32>,
    /// How many events of a job there are, as its runner knows.
    pub(crate) said: BTreeMap<Job, u32>,
    /// The newest epoch of a run that was told that it holds it.
    pub(crate) held: BTreeMap<usize, u32>,
    trace: VecDeque<String>,
}

/// Lines of history that are shown with a failure.
const TRACE: usize = 80;
/// More than any history has; one that goes on and on has not healed.
const EVENTS_MAX: u64 = 2_000_000;
/// After the last fault everything is at its end within this, people's time to think included.
const HEALED_WITHIN: Ms = 3 * 3600 * SECOND;

impl World {
    pub(crate) fn new(seed: u64, flaw: Option<Flaw>) -> Self {
        let mut dice = Dice::new(seed);
        let servers = 1 + dice.index(3);
        let runners = 1 + dice.index(4);
        let people = 1 + dice.index(8);
        let mut world = Self {
            now: 0,
            queue: BTreeMap::new(),
            order: 0,
            weather: Weather::new(&mut dice),
            flaw,
            db: Database::default(),
            remote: Remote::new(),
            servers: (0..servers).map(|_| Server::new()).collect(),
            runners: (0..runners)
                .map(|_| Runner::new(1 + dice.index(3)))
                .collect(),
            people: (0..people).map(Person::new).collect(),
            conns: vec![],
            counts: Counts::default(),
            acked: BTreeMap::new(),
            landings: BTreeMap::new(),
            said: BTreeMap::new(),
            held: BTreeMap::new(),
            trace: VecDeque::new(),
            dice,
        };
        for server in 0..servers {
            world.after(0, Event::ServerUp(server));
        }
        for runner in 0..runners {
            world.after(0, Event::RunnerUp(runner));
        }
        for person in 0..people {
            let when = world.dice.between(0, 120 * SECOND);
            world.after(when, Event::Think(person));
        }
        world.after(5 * SECOND, Event::Fault);
        world
    }

    pub(crate) fn after(&mut self, delay: Ms, event: Event) {
        self.order += 1;
        self.queue.insert((self.now + delay, self.order), event);
    }

    pub(crate) fn note(&mut self, text: impl FnOnce() -> String) {
        if self.trace.len() == TRACE {
            self.trace.pop_front();
        }
        let text = text();
        self.trace.push_back(format!("{:>9} {text}", self.now));
    }

    /// The last of what happened.
    pub(crate) fn history(&self) -> String {
        self.trace
            .iter()
            .fold(String::new(), |all, line| all + line + "\n")
    }

    /// Goes on until nobody wants anything any more, and looks at everything.
    pub(crate) fn play(&mut self) {
        while !self.is_over() {
            let Some(((at, _), event)) = self.queue.pop_first() else {
                panic!("nothing is on its way, and not everything is at its end");
            };
            self.now = at;
            self.counts.events += 1;
            assert!(
                self.counts.events < EVENTS_MAX,
                "liveness: it goes on and on"
            );
            let healed = self.weather.ends + HEALED_WITHIN;
            assert!(
                self.now < healed,
                "I11: not at its end long after the last fault: {}",
                self.unfinished()
            );
            self.happen(event);
        }
        self.counts.simulated = self.now;
        self.check_the_end();
    }

    fn is_over(&self) -> bool {
        self.now > self.weather.ends
            && self.people.iter().all(|person| person.is_done)
            && self.db.runs.iter().all(|run| run.life.state.is_terminal())
            && self.runners.iter().all(Runner::is_idle)
    }

    fn unfinished(&self) -> String {
        let runs: Vec<_> = (self.db.runs.iter().enumerate())
            .filter(|(_, run)| !run.life.state.is_terminal())
            .map(|(run, record)| (run, record.life.state, record.life.lease.is_some()))
            .collect();
        let busy: Vec<_> = self.runners.iter().map(Runner::is_idle).collect();
        let people = self.people.iter().filter(|person| !person.is_done).count();
        format!("runs {runs:?}, runners idle {busy:?}, {people} people")
    }

    fn happen(&mut self, event: Event) {
        if let Some(later) = self.postponed(&event) {
            self.after(later, event);
            return;
        }
        match event {
            Event::Reconcile { server, life } => self.reconcile(server, life),
            Event::ServerUp(server) => self.server_up(server),
            Event::Request {
                server,
                person,
                key,
                ask,
            } => self.request(server, person, key, &ask),
            Event::Answer {
                person,
                key,
                answer,
            } => self.answered(person, key, answer),
            Event::Think(person) => self.think(person),
            Event::ToServer { conn } => self.arrive(conn),
            Event::ToRunner { conn, down } => self.hear(conn, down),
            Event::Noticed { conn, by_server } => self.noticed(conn, by_server),
            Event::RunnerUp(runner) => self.runner_up(runner),
            Event::Connect { runner, life } => self.connect(runner, life),
            Event::Beat { runner, life } => self.beat(runner, life),
            Event::Due { runner, life, job } => self.due(runner, life, job),
            Event::RemoteAsk {
                runner,
                life,
                job,
                ask,
            } => self.remote_asked(runner, life, job, &ask),
            Event::RemoteAnswer {
                runner,
                life,
                job,
                answer,
            } => self.remote_answered(runner, life, job, &answer),
            Event::Fault => fault::strike(self),
        }
    }

    /// Whoever stands still hears of everything later, in its order.
    fn postponed(&self, event: &Event) -> Option<Ms> {
        let until = match event {
            Event::Reconcile { server, .. } | Event::Request { server, .. } => {
                self.servers[*server].still_until
            }
            Event::ToServer { conn }
            | Event::Noticed {
                conn,
                by_server: true,
            } => self.servers[self.conns[*conn].server].still_until,
            Event::ToRunner { conn, .. }
            | Event::Noticed {
                conn,
                by_server: false,
            } => self.runners[self.conns[*conn].runner].still_until,
            Event::Connect { runner, .. }
            | Event::Beat { runner, .. }
            | Event::Due { runner, .. }
            | Event::RemoteAsk { runner, .. }
            | Event::RemoteAnswer { runner, .. } => self.runners[*runner].still_until,
            Event::ServerUp(_)
            | Event::RunnerUp(_)
            | Event::Answer { .. }
            | Event::Think(_)
            | Event::Fault => 0,
        };
        (until > self.now).then(|| until - self.now)
    }

    fn check_the_end(&self) {
        for (key, run) in &self.acked {
            let known = self.db.keys.get(key);
            assert!(
                known.is_some_and(|(of, _)| of == run) && *run < self.db.runs.len(),
                "I1: {key:?} was acknowledged as run {run} and is not there"
            );
        }
        let submitted: BTreeSet<_> = self.acked.values().collect();
        assert_eq!(
            submitted.len(),
            self.acked.len(),
            "I1: two submissions are one run"
        );
        self.db.check_events();
        for ((run, head), count) in &self.landings {
            assert_eq!(*count, 1, "I3: run {run} landed {head} {count} times");
        }
        for (run, record) in self.db.runs.iter().enumerate() {
            let landed: Vec<_> = self.landings.keys().filter(|(of, _)| *of == run).collect();
            let head: Option<Commit> = record
                .life
                .work
                .as_ref()
                .and_then(|work| work.commit.parse().ok());
            if record.life.landed.is_some() {
                let is_there =
                    head.is_some_and(|head| self.remote.contains(self.remote.target(), head));
                assert!(
                    is_there,
                    "run {run} says that it landed, and the target lacks it"
                );
                assert!(record.approvals > 0, "run {run} landed without a yes");
            } else if record.life.state != State::Succeeded {
                let is_known = landed.is_empty() || record.was_unsure;
                assert!(is_known, "run {run} is {} and landed", record.life.state);
            }
        }
        for (number, runner) in self.runners.iter().enumerate() {
            assert!(
                runner.is_idle(),
                "I7: runner {number} still holds something"
            );
            assert_eq!(
                self.db.held(number).count(),
                0,
                "I8: a lease is left on runner {number}"
            );
        }
    }
}
