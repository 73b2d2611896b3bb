//! People: each submits a card once, under one key, however often the answer is lost, and then
//! decides on what waits. They see what the database says and nothing of the machinery.

use freehold_model::run::{Approval, State};

use super::database::Key;
use super::world::{Event, SECOND, World};

#[derive(Debug, Clone)]
pub(crate) enum Ask {
    Submit,
    Approve(usize, Approval),
    Reject(usize),
    Reply(usize),
    Cancel(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The run that it is about.
    Done(usize),
    /// A clear no, which is an answer too.
    Refused,
}

#[derive(Debug)]
pub(crate) struct Person {
    number: usize,
    run: Option<usize>,
    /// What was asked and not yet answered.
    open: Option<(Key, Ask)>,
    keys: usize,
    replies: u32,
    pub(crate) is_done: bool,
}

/// Keys of one person.
const KEYS: usize = 1000;
const REPLIES_MAX: u32 = 3;

impl Person {
    pub(crate) fn new(number: usize) -> Self {
        Self {
            number,
            run: None,
            open: None,
            keys: 0,
            replies: 0,
            is_done: false,
        }
    }

    fn key(&mut self) -> Key {
        self.keys += 1;
        Key(self.number * KEYS + self.keys)
    }
}

impl World {
    pub(crate) fn think(&mut self, person: usize) {
        if self.people[person].open.is_none() {
            let Some(ask) = self.wish(person) else {
                return;
            };
            if let Some(ask) = ask {
                let key = self.people[person].key();
                self.people[person].open = Some((key, ask));
            }
        }
        if let Some((key, ask)) = self.people[person].open.clone() {
            // To any server; the load balancer does not know which ones stand still.
            let server = self.dice.index(self.servers.len());
            let delay = self.dice.between(1, 50);
            self.after(
                delay,
                Event::Request {
                    server,
                    person,
                    key,
                    ask,
                },
            );
            // Whoever hears nothing asks again, under the same key.
            self.after(
                10 * SECOND,
                Event::Answer {
                    person,
                    key,
                    answer: None,
                },
            );
        } else {
            let pause = self.dice.between(2 * SECOND, 60 * SECOND);
            self.after(pause, Event::Think(person));
        }
    }

    /// What they want next: nothing ever again, nothing now, or something.
    fn wish(&mut self, person: usize) -> Option<Option<Ask>> {
        let Some(run) = self.people[person].run else {
            return Some(Some(Ask::Submit));
        };
        let life = &self.db.runs[run].life;
        if life.state.is_terminal() {
            self.people[person].is_done = true;
            return None;
        }
        let is_calm = self.now > self.weather.ends;
        let roll = self.dice.index(100);
        let wish = match (life.state, &life.work) {
            (State::Waiting, Some(work)) if is_calm || roll < 60 => Some(Ask::Approve(
                run,
                Approval {
                    by: super::user_id(person),
                    at: super::time(self.now),
                    commit: work.commit.clone(),
                    base: work.base.clone(),
                    digest: work.digest.clone(),
                },
            )),
            (State::Waiting, _) if roll < 75 && self.people[person].replies < REPLIES_MAX => {
                self.people[person].replies += 1;
                Some(Ask::Reply(run))
            }
            (State::Waiting, _) if roll < 85 => Some(Ask::Reject(run)),
            (State::Waiting, _) => Some(Ask::Cancel(run)),
            (State::Landing, _) if roll < 30 => Some(Ask::Cancel(run)),
            _ if roll < 2 => Some(Ask::Cancel(run)),
            _ => None,
        };
        Some(wish)
    }

    pub(crate) fn answered(&mut self, person: usize, key: Key, answer: Option<Answer>) {
        let Some((open, ask)) = &self.people[person].open else {
            return;
        };
        if *open != key {
            return;
        }
        let is_submit = matches!(ask, Ask::Submit);
        match answer {
            Some(Answer::Done(run)) if is_submit => {
                self.people[person].run = Some(run);
                let before = self.acked.insert(key, run);
                assert!(
                    before.is_none_or(|before| before == run),
                    "one key, two runs"
                );
                assert!(
                    run < self.db.runs.len(),
                    "I1: run {run} was acknowledged and is not there"
                );
                self.counts.acknowledged += 1;
            }
            Some(_) => {}
            None => {
                self.after(0, Event::Think(person));
                return;
            }
        }
        self.people[person].open = None;
        let pause = self.dice.between(SECOND, 30 * SECOND);
        self.after(pause, Event::Think(person));
    }
}
