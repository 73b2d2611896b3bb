//! What goes wrong, and when. For a while much does; then everything heals and stays so.

use super::dice::Dice;
use super::world::{Event, Ms, SECOND, World};

/// The times until which something is wrong, and how much of it.
#[derive(Debug)]
pub(crate) struct Weather {
    /// After this nothing new goes wrong.
    pub(crate) ends: Ms,
    /// How often a server dies over what it handles, in a thousand.
    crash: u64,
    twice: u64,
    database_down: Ms,
    remote_down: Ms,
    answers_lost: Ms,
    /// Servers' own clocks are wrong by so much until then.
    clock: Vec<(usize, i64, Ms)>,
    /// Runners that reach no server until then.
    apart: Vec<(usize, Ms)>,
}

impl Weather {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        Self {
            ends: dice.between(60, 900) * SECOND,
            crash: dice.between(0, 12),
            twice: dice.between(0, 80),
            database_down: 0,
            remote_down: 0,
            answers_lost: 0,
            clock: vec![],
            apart: vec![],
        }
    }

    pub(crate) fn crashes(&self, now: Ms) -> u64 {
        if now < self.ends { self.crash } else { 0 }
    }

    pub(crate) fn twice(&self) -> u64 {
        self.twice
    }

    pub(crate) fn is_database_down(&self, now: Ms) -> bool {
        now < self.database_down
    }

    pub(crate) fn is_remote_down(&self, now: Ms) -> bool {
        now < self.remote_down
    }

    /// In a thousand.
    pub(crate) fn loses_answers(&self, now: Ms) -> u64 {
        if now < self.answers_lost { 500 } else { 0 }
    }

    /// A server's own clock.
    pub(crate) fn wall(&self, server: usize, now: Ms) -> Ms {
        let wrong = self
            .clock
            .iter()
            .filter(|(of, _, until)| *of == server && now < *until);
        let by: i64 = wrong.map(|(_, by, _)| by).sum();
        now.saturating_add_signed(by)
    }

    pub(crate) fn is_apart(&self, runner: usize, now: Ms) -> bool {
        self.apart
            .iter()
            .any(|(of, until)| *of == runner && now < *until)
    }
}

/// One thing goes wrong, and the next is on its way.
pub(crate) fn strike(world: &mut World) {
    let left = world.weather.ends.saturating_sub(world.now);
    if left == 0 {
        return;
    }
    let pause = world.dice.between(SECOND, 20 * SECOND);
    world.after(pause, Event::Fault);
    world.counts.faults += 1;
    // Nothing lasts longer than the bad weather.
    let mut lasts = |low: Ms, high: Ms| world.dice.between(low, high).min(left);
    let (short, long) = (lasts(SECOND, 20 * SECOND), lasts(SECOND, 200 * SECOND));
    let until = world.now + long;
    let server = world.dice.index(world.servers.len());
    let runner = world.dice.index(world.runners.len());
    let what = world.dice.index(9);
    world.note(|| format!("fault {what}: server {server}, runner {runner}, {short} or {long} ms"));
    match what {
        0 => world.kill_server(server),
        1 => world.servers[server].still_until = until,
        2 => world.kill_runner(runner, short),
        3 => world.runners[runner].still_until = until,
        4 => {
            if let Some(conn) = world.runners[runner].conn {
                world.cut(conn);
            }
        }
        5 => {
            world.weather.apart.push((runner, until));
            if let Some(conn) = world.runners[runner].conn {
                world.cut(conn);
            }
        }
        6 => world.weather.remote_down = world.now + short,
        7 => world.weather.answers_lost = until,
        _ if world.dice.in_a_thousand(500) => world.weather.database_down = world.now + short,
        _ => {
            let by = if world.dice.in_a_thousand(500) {
                3_600_000
            } else {
                -3_600_000
            };
            world.weather.clock.push((server, by, until));
        }
    }
}
