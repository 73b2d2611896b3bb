//! Connections between runners and servers. Within one, frames keep their order going up, as a
//! socket's do, and may be lost with it; what goes down may also come twice or out of order, so that
//! nothing rests on it.

use std::collections::VecDeque;

use freehold_model::run::{JobKind, Outcome, Work};

use super::runner::Job;
use super::world::{Event, Ms, SECOND, World};

/// Both ends of one.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) server: usize,
    pub(crate) server_life: u32,
    pub(crate) runner: usize,
    pub(crate) runner_life: u32,
    /// Nothing comes through any more, whether or not an end has noticed.
    pub(crate) is_cut: bool,
    /// What is on its way up, and when the last of it arrives.
    up: VecDeque<Up>,
    last_up: Ms,
}

impl Conn {
    pub(crate) fn new(server: (usize, u32), runner: (usize, u32)) -> Self {
        Self {
            server: server.0,
            server_life: server.1,
            runner: runner.0,
            runner_life: runner.1,
            is_cut: false,
            up: VecDeque::new(),
            last_up: 0,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Up {
    Hello,
    Beat(Vec<Job>),
    /// Kept until it is acknowledged.
    Kept(u64, Kept),
}

#[derive(Debug, Clone)]
pub(crate) enum Kept {
    Accepted(Job),
    Event(Job, u32),
    Finished(Job, Outcome),
}

impl Kept {
    pub(crate) fn job(&self) -> Job {
        match self {
            Self::Accepted(job) | Self::Event(job, _) | Self::Finished(job, _) => *job,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Down {
    /// The first answer: everything up to here was taken.
    Welcome(u64),
    Ack(u64),
    Offer {
        job: Job,
        kind: JobKind,
        work: Option<Work>,
    },
    Cancel(Job),
    Drop(Job),
}

impl World {
    pub(crate) fn send_up(&mut self, conn: usize, up: Up) {
        let delay = self.dice.between(1, 40);
        let twice = self.dice.in_a_thousand(self.weather.twice());
        let one = &mut self.conns[conn];
        let arrives = one.last_up.max(self.now + delay);
        one.last_up = arrives;
        let delay = arrives - self.now;
        let copies = if twice { 2 } else { 1 };
        for _ in 0..copies {
            self.conns[conn].up.push_back(up.clone());
            self.after(delay, Event::ToServer { conn });
        }
    }

    /// Whichever frame was sent first, whoever stood still meanwhile.
    pub(crate) fn arrive(&mut self, conn: usize) {
        if let Some(up) = self.conns[conn].up.pop_front() {
            self.frame(conn, up);
        }
    }

    pub(crate) fn send_down(&mut self, conn: usize, down: Down) {
        let late = self.dice.in_a_thousand(self.weather.twice());
        let delay = self.dice.between(1, if late { 3 * SECOND } else { 40 });
        if self.dice.in_a_thousand(self.weather.twice()) {
            let again = self.dice.between(1, 20 * SECOND);
            self.after(
                again,
                Event::ToRunner {
                    conn,
                    down: down.clone(),
                },
            );
        }
        self.after(delay, Event::ToRunner { conn, down });
    }

    /// Ends a connection. Each end notices in its own time.
    pub(crate) fn cut(&mut self, conn: usize) {
        if self.conns[conn].is_cut {
            return;
        }
        self.conns[conn].is_cut = true;
        for by_server in [true, false] {
            let delay = self.dice.between(1, 40 * SECOND);
            self.after(delay, Event::Noticed { conn, by_server });
        }
    }

    pub(crate) fn noticed(&mut self, conn: usize, by_server: bool) {
        let Conn {
            server,
            server_life,
            runner,
            runner_life,
            ..
        } = self.conns[conn];
        if by_server {
            let end = &mut self.servers[server];
            if end.life == server_life && end.hub.get(&runner) == Some(&conn) {
                end.hub.remove(&runner);
            }
        } else {
            let end = &mut self.runners[runner];
            if end.life == runner_life && end.conn == Some(conn) {
                end.conn = None;
                end.is_welcome = false;
                let delay = self.dice.between(100, 5 * SECOND);
                self.after(
                    delay,
                    Event::Connect {
                        runner,
                        life: runner_life,
                    },
                );
            }
        }
    }
}
