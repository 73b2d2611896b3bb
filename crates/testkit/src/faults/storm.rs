//! What is done to the installation: drawn by dice, several at a time, never two to the same thing at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use sqlx::{Connection, Executor, PgConnection};
use tokio::process::Command;
use tokio::task::JoinSet;

use super::collect::CONNECT_WITHIN;
use super::evidence::Fault;
use super::house::House;
use super::kinds::{self, Do, Kind, Link};
use super::origin::Mood;
use super::{PARTS, clocks};
use crate::dice::Dice;
use crate::procs;
use crate::proxy::{Hurt, Proxy, Way};

/// A storm, and the calm after it in which everything must heal.
const STORM: Duration = Duration::from_secs(25);
const CALM: Duration = Duration::from_secs(9);
/// Of the whole time: what storms have of it, less what the last faults of each last into the calm.
const STORMY: f64 = 0.6;
/// How long an agent is waited for.
const AGENT_WITHIN: Duration = Duration::from_secs(2);
/// What lasts, lasts between these, in milliseconds.
const LASTS: (u64, u64) = (500, 3000);
/// Longer than a lease (42 s) and than whoever takes it back looks.
const PAST_LEASE: Duration = Duration::from_secs(52);
/// Of a clock.
const JUMPS: [i64; 6] = [-86_400, -3_600, -61, 61, 3_600, 86_400];
/// Of the database's clock, back. What ended a day ago has its refs swept: a day back, and on again, would look like that.
const BACK: [i64; 2] = [-61, -3_600];
/// Files that a process may have open while it may not have many.
const FEW_FILES: u32 = 64;
/// `max_connections` of a database as it is made.
const CONNECTIONS: usize = 100;

/// Does it, and knows what was done.
#[derive(Debug)]
pub(super) struct Storm {
    house: Arc<House>,
    dice: Dice,
    faults: Mutex<Vec<Fault>>,
    /// What is being hurt: by name.
    busy: Mutex<BTreeMap<String, ()>>,
}

/// Something that one fault at a time has to itself.
struct Held<'a>(&'a Storm, String);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut busy = self.0.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.remove(&self.1);
    }
}

impl Storm {
    pub(super) fn over(house: Arc<House>, seed: u64) -> Self {
        Self {
            house,
            dice: Dice::new(seed),
            faults: Mutex::new(Vec::new()),
            busy: Mutex::new(BTreeMap::new()),
        }
    }

    pub(super) fn faults(&self) -> Vec<Fault> {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.clone()
    }

    /// Storms and calms until so many faults were injected or the time is over.
    pub(super) async fn blow(
        self: Arc<Self>,
        faults: usize,
        time: Duration,
        only: &[&'static Kind],
    ) {
        if let ([kind], Some(every)) = (only, kinds::rhythm(only, time)) {
            return self.beat(faults, time, kind, every).await;
        }
        let begun = Instant::now();
        let mut under_way = JoinSet::new();
        // They last longer than a calm should.
        let mut pauses = JoinSet::new();
        let mut storm = Instant::now();
        let total: u64 = only.iter().map(|kind| kind.weight).sum();
        while self.faults().len() < faults && begun.elapsed() < time {
            if storm.elapsed() > STORM {
                while under_way.join_next().await.is_some() {}
                tokio::time::sleep(CALM).await;
                storm = Instant::now();
            }
            let mut at = self.dice.draw(0, total);
            let drawn = only.iter().find(|kind| {
                let is_it = at < kind.weight;
                at = at.saturating_sub(kind.weight);
                is_it
            });
            if let Some(kind) = drawn {
                let (storm, kind) = (self.clone(), *kind);
                let is_long = matches!(kind.what, Do::PauseRunner | Do::PauseServer);
                // A short storm has no time for it.
                let has_time = time.saturating_sub(begun.elapsed()) > PAST_LEASE;
                match is_long {
                    false => {
                        under_way.spawn(async move { storm.inject(kind).await });
                    }
                    true if has_time => {
                        pauses.spawn(async move { storm.inject(kind).await });
                    }
                    true => {}
                }
            }
            // What could not be done just now is made up for.
            let missing = faults.saturating_sub(self.faults().len()).max(1);
            let left = time.saturating_sub(begun.elapsed()).mul_f64(STORMY);
            tokio::time::sleep(left / u32::try_from(missing).unwrap_or(u32::MAX)).await;
        }
        while under_way.join_next().await.is_some() {}
        while pauses.join_next().await.is_some() {}
    }

    /// One kind at equal distances, without a calm: each must heal before the next.
    async fn beat(&self, faults: usize, time: Duration, kind: &'static Kind, every: Duration) {
        let begun = Instant::now();
        let mut beat = tokio::time::interval(every);
        while self.faults().len() < faults && begun.elapsed() < time {
            beat.tick().await;
            self.inject(kind).await;
        }
    }

    fn hold(&self, name: impl Into<String>) -> Option<Held<'_>> {
        let name = name.into();
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if busy.insert(name.clone(), ()).is_some() {
            return None;
        }
        Some(Held(self, name))
    }

    fn lasts(&self) -> Duration {
        Duration::from_millis(self.dice.draw(LASTS.0, LASTS.1))
    }

    async fn inject(&self, kind: &Kind) {
        let at = self.house.now();
        let one = usize::from(self.dice.once_in(2));
        let done = match kind.what {
            Do::KillServer => self.signal(one, Signal::SIGKILL).await,
            Do::EndServer => self.signal(one, Signal::SIGTERM).await,
            Do::StopServer => self.stop(one, self.lasts()).await,
            Do::PauseServer => self.stop(one, PAST_LEASE).await,
            Do::KillRunner => self.signal(2 + one, Signal::SIGKILL).await,
            Do::EndRunner => self.end_runner(2 + one).await,
            Do::StopRunner => self.stop(2 + one, self.lasts()).await,
            Do::PauseRunner => self.stop(2 + one, PAST_LEASE).await,
            Do::KillAgent => self.agent(Signal::SIGKILL).await,
            Do::StopAgent => self.agent(Signal::SIGSTOP).await,
            Do::PowerCut => self.power_cut().await,
            Do::EndSession => self.session(Signal::SIGTERM),
            Do::KillSession => self.session(Signal::SIGKILL),
            Do::KillDatabase => self.database(Signal::SIGKILL).await,
            Do::RestartDatabase => self.database(Signal::SIGQUIT).await,
            Do::StopDatabase => self.stop_database().await,
            Do::ReadOnly => self.read_only().await,
            Do::LockTable => self.lock_table().await,
            Do::UseUpConnections => self.use_up_connections().await,
            Do::Cut(link) => self.cut(link, one),
            Do::HalfClose(link) => self.hurt(link, one, Hurt::HalfClose(self.way())).await,
            Do::Swallow(link) => self.hurt(link, one, Hurt::Swallow(self.way())).await,
            Do::Hold(link) => self.hurt(link, one, Hurt::Hold).await,
            Do::Delay(link) => {
                // F34 has 50 ms for each trip to the database.
                let most = if link == Link::Database { 60 } else { 300 };
                let time = Duration::from_millis(self.dice.draw(20, most));
                self.hurt(link, one, Hurt::Delay(time)).await
            }
            Do::Trickle(link) => self.hurt(link, one, Hurt::Trickle).await,
            Do::Repeat => self.hurt(Link::Runner, one, Hurt::Repeat).await,
            Do::Reorder => self.hurt(Link::Runner, one, Hurt::Reorder).await,
            Do::Remote(mood) => self.remote(mood).await,
            Do::FillRunner => self.fill(2 + one, &[PARTS[2 + one]]).await,
            Do::FillContent => self.fill(1, &PARTS).await,
            Do::FillDatabase => self.fill(0, &PARTS).await,
            Do::ServerClock => self.clock(one).await,
            Do::RunnerClock => self.clock(2 + one).await,
            Do::DatabaseClock => self.database_clock().await,
            Do::ServerFiles => self.files(one).await,
            Do::RunnerFiles => self.files(2 + one).await,
        };
        let Some(parts) = done else {
            return;
        };
        let fault = Fault {
            at,
            until: self.house.now(),
            kind: kind.name.to_owned(),
            parts: parts.into_iter().map(str::to_owned).collect(),
        };
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.push(fault);
    }

    fn way(&self) -> Way {
        match self.dice.once_in(2) {
            true => Way::There,
            false => Way::Back,
        }
    }

    /// Who feels it when a part is away: a server's runner loses its link.
    fn felt_by(number: usize) -> Vec<&'static str> {
        match number {
            0 | 1 => vec![PARTS[number], PARTS[2 + number]],
            _ => vec![PARTS[number]],
        }
    }

    async fn signal(&self, number: usize, signal: Signal) -> Option<Vec<&'static str>> {
        let _held = self.hold(PARTS[number])?;
        let part = self.house.part(number);
        let pid = part.pid()?;
        part.signal(signal);
        // Until it has ended; a server that drains takes five seconds.
        let begun = Instant::now();
        while part.pid() == Some(pid) && begun.elapsed() < Duration::from_secs(10) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Some(Self::felt_by(number))
    }

    /// Everything dies at once, as when the power fails; what was written stays.
    async fn power_cut(&self) -> Option<Vec<&'static str>> {
        let _held: Vec<Held<'_>> = (PARTS.into_iter().chain(["database"]))
            .map(|name| self.hold(name))
            .collect::<Option<_>>()?;
        let database = self.house.database.pid()?;
        let mut all = procs::tree(database);
        for number in 0..PARTS.len() {
            let pid = self.house.part(number).pid();
            all.extend(pid.into_iter().flat_map(procs::tree));
        }
        all.into_iter().for_each(procs::kill_9);
        let begun = Instant::now();
        while self.house.database.pid() == Some(database)
            && begun.elapsed() < Duration::from_secs(10)
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Some(PARTS.to_vec())
    }

    /// It lets its jobs come to their end, up to a minute; told twice it ends at once.
    async fn end_runner(&self, number: usize) -> Option<Vec<&'static str>> {
        let _held = self.hold(PARTS[number])?;
        let part = self.house.part(number);
        let pid = part.pid()?;
        part.signal(Signal::SIGTERM);
        tokio::time::sleep(self.lasts()).await;
        part.signal(Signal::SIGTERM);
        let begun = Instant::now();
        while part.pid() == Some(pid) && begun.elapsed() < Duration::from_secs(40) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Some(Self::felt_by(number))
    }

    async fn stop(&self, number: usize, time: Duration) -> Option<Vec<&'static str>> {
        let _held = self.hold(PARTS[number])?;
        let pid = self.house.part(number).pid()?;
        procs::signal(pid, Signal::SIGSTOP);
        tokio::time::sleep(time).await;
        procs::signal(pid, Signal::SIGCONT);
        Some(Self::felt_by(number))
    }

    async fn agent(&self, signal: Signal) -> Option<Vec<&'static str>> {
        let _held = self.hold("agent")?;
        let begun = Instant::now();
        let pid = loop {
            let inside = procs::sandboxed(&self.house.mark());
            if let Some(pid) = self.dice.pick(&inside) {
                break *pid;
            }
            if begun.elapsed() > AGENT_WITHIN {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        procs::signal(pid, signal);
        if signal == Signal::SIGSTOP {
            tokio::time::sleep(self.lasts()).await;
            procs::signal(pid, Signal::SIGCONT);
        }
        Some(Vec::new())
    }

    fn session(&self, signal: Signal) -> Option<Vec<&'static str>> {
        let _held = self.hold("database")?;
        let pid = *self.dice.pick(&self.house.database.backends())?;
        procs::signal(pid, signal);
        Some(PARTS.to_vec())
    }

    async fn database(&self, signal: Signal) -> Option<Vec<&'static str>> {
        let _held = self.hold("database")?;
        let pid = self.house.database.pid()?;
        procs::signal(pid, signal);
        let begun = Instant::now();
        while self.house.database.pid() == Some(pid) && begun.elapsed() < Duration::from_secs(10) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Some(PARTS.to_vec())
    }

    async fn stop_database(&self) -> Option<Vec<&'static str>> {
        let _held = self.hold("database")?;
        let all = procs::tree(self.house.database.pid()?);
        let all: Vec<u32> = all.into_iter().collect();
        all.iter()
            .for_each(|pid| procs::signal(*pid, Signal::SIGSTOP));
        tokio::time::sleep(self.lasts() * 2).await;
        all.iter()
            .for_each(|pid| procs::signal(*pid, Signal::SIGCONT));
        Some(PARTS.to_vec())
    }

    async fn owner(&self) -> Option<PgConnection> {
        let connected = PgConnection::connect(&self.house.database.owner);
        let connected = tokio::time::timeout(CONNECT_WITHIN, connected).await;
        connected.ok()?.ok()
    }

    /// As after a failover to a standby that was not promoted: every new session may only read.
    async fn read_only(&self) -> Option<Vec<&'static str>> {
        let _held = self.hold("database")?;
        let mut owner = self.owner().await?;
        let turn = "ALTER DATABASE freehold SET default_transaction_read_only = on";
        owner.execute(turn).await.ok()?;
        let end = |storm: &Self| {
            let all = storm.house.database.backends();
            all.into_iter()
                .for_each(|pid| procs::signal(pid, Signal::SIGTERM));
        };
        end(self);
        tokio::time::sleep(self.lasts()).await;
        self.writable(owner).await;
        end(self);
        Some(PARTS.to_vec())
    }

    /// Until it is so: a database that stayed read-only would be our mistake.
    async fn writable(&self, owner: PgConnection) {
        let mut owner = Some(owner);
        loop {
            if let Some(connection) = &mut owner {
                let done = async {
                    connection
                        .execute("SET default_transaction_read_only = off")
                        .await?;
                    let turn = "ALTER DATABASE freehold RESET default_transaction_read_only";
                    connection.execute(turn).await
                };
                if done.await.is_ok() {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            owner = self.owner().await;
        }
    }

    /// As a migration would, or somebody who forgot a transaction.
    async fn lock_table(&self) -> Option<Vec<&'static str>> {
        let _held = self.hold("database")?;
        let mut owner = self.owner().await?;
        let locked = async {
            owner.execute("BEGIN").await?;
            owner
                .execute("LOCK TABLE runs IN ACCESS EXCLUSIVE MODE")
                .await
        };
        let within = Duration::from_secs(5);
        tokio::time::timeout(within, locked).await.ok()?.ok()?;
        tokio::time::sleep(self.lasts()).await;
        let _ended = owner.execute("ROLLBACK").await;
        Some(PARTS.to_vec())
    }

    async fn use_up_connections(&self) -> Option<Vec<&'static str>> {
        let _held = self.hold("database")?;
        let mut all = Vec::new();
        while all.len() < CONNECTIONS {
            match self.owner().await {
                Some(connection) => all.push(connection),
                None => break,
            }
        }
        // So that somebody needs a new one.
        let backends = self.house.database.backends();
        for pid in backends.into_iter().step_by(2) {
            procs::signal(pid, Signal::SIGTERM);
        }
        tokio::time::sleep(self.lasts()).await;
        drop(all);
        Some(PARTS.to_vec())
    }

    fn link(&self, link: Link, number: usize) -> (&Proxy, Vec<&'static str>, String) {
        let links = &self.house.links;
        let name = format!("{link:?} {number}");
        match link {
            Link::People => (&links.people[number], vec![PARTS[number]], name),
            Link::Runner => (&links.runners[number], vec![PARTS[2 + number]], name),
            Link::Database => (&links.database[number], Self::felt_by(number), name),
        }
    }

    fn cut(&self, link: Link, number: usize) -> Option<Vec<&'static str>> {
        let (proxy, parts, name) = self.link(link, number);
        let _held = self.hold(name)?;
        (proxy.cut() > 0).then_some(parts)
    }

    /// Only what did harm is counted.
    async fn hurt(&self, link: Link, number: usize, hurt: Hurt) -> Option<Vec<&'static str>> {
        let (proxy, parts, name) = self.link(link, number);
        let _held = self.hold(name)?;
        let before = proxy.harm();
        proxy.hurt(hurt);
        tokio::time::sleep(self.lasts()).await;
        proxy.heal();
        (proxy.harm() != before).then_some(parts)
    }

    async fn remote(&self, mood: kinds::Mood) -> Option<Vec<&'static str>> {
        let _held = self.hold("remote")?;
        self.house.origin.turn(match mood {
            kinds::Mood::Hang => Mood::Hang,
            kinds::Mood::Slow => Mood::Slow,
            kinds::Mood::Refuse => Mood::Refuse,
            kinds::Mood::Full => Mood::Full,
            kinds::Mood::Dies => Mood::Dies,
            kinds::Mood::DiesLate => Mood::DiesLate,
            kinds::Mood::Away => Mood::Away,
        });
        tokio::time::sleep(self.lasts()).await;
        self.house.origin.turn(Mood::Well);
        Some(Vec::new())
    }

    async fn fill(&self, disk: usize, parts: &[&'static str]) -> Option<Vec<&'static str>> {
        let _held = self.hold(format!("disk {disk}"))?;
        let disk = self.house.disks.get(disk).filter(|disk| disk.is_small())?;
        disk.fill();
        tokio::time::sleep(self.lasts()).await;
        disk.empty();
        Some(parts.to_vec())
    }

    async fn clock(&self, number: usize) -> Option<Vec<&'static str>> {
        let _held = self.hold(format!("clock {number}"))?;
        let seconds = *self.dice.pick(&JUMPS)?;
        if !self.house.clocks.can_jump() {
            return None;
        }
        self.house.clocks.set(PARTS[number], seconds);
        tokio::time::sleep(self.lasts()).await;
        self.house.clocks.set(PARTS[number], 0);
        Some(Self::felt_by(number))
    }

    /// Back, for a while.
    async fn database_clock(&self) -> Option<Vec<&'static str>> {
        let _held = self.hold("clock of the database")?;
        let seconds = *self.dice.pick(&BACK)?;
        if !self.house.clocks.can_jump() {
            return None;
        }
        self.house.clocks.set(clocks::DATABASE, seconds);
        tokio::time::sleep(self.lasts()).await;
        self.house.clocks.set(clocks::DATABASE, 0);
        Some(PARTS.to_vec())
    }

    async fn files(&self, number: usize) -> Option<Vec<&'static str>> {
        let _held = self.hold(PARTS[number])?;
        let pid = self.house.part(number).pid()?;
        let before = limit(pid)?;
        set_limit(pid, &FEW_FILES.to_string()).await?;
        tokio::time::sleep(self.lasts()).await;
        set_limit(pid, &before).await;
        Some(Self::felt_by(number))
    }
}

/// The soft limit on open files.
fn limit(pid: u32) -> Option<String> {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))?;
    line.split_whitespace().nth(3).map(str::to_owned)
}

async fn set_limit(pid: u32, files: &str) -> Option<()> {
    let status = Command::new("prlimit")
        .args(["--pid", &pid.to_string(), &format!("--nofile={files}:")])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .status()
        .await
        .ok()?;
    status.success().then_some(())
}
