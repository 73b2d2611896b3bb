//! The kinds of fault: how often each is drawn, how long a part may take to be well again after it, and for how long
//! afterwards an operation may still feel it.

use std::time::Duration;

use super::evidence::Ms;

/// What is promised of a fault.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound {
    /// From its end until the part is well.
    pub(crate) heals: Ms,
    /// Operations that begin until so long after it are not counted as outside of fault windows.
    pub(crate) window: Ms,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Do {
    KillServer,
    EndServer,
    StopServer,
    PauseServer,
    KillRunner,
    EndRunner,
    StopRunner,
    PauseRunner,
    KillAgent,
    StopAgent,
    PowerCut,
    EndSession,
    KillSession,
    KillDatabase,
    RestartDatabase,
    StopDatabase,
    ReadOnly,
    LockTable,
    UseUpConnections,
    Cut(Link),
    HalfClose(Link),
    Swallow(Link),
    Hold(Link),
    Delay(Link),
    Trickle(Link),
    Repeat,
    Reorder,
    Remote(Mood),
    FillRunner,
    FillContent,
    FillDatabase,
    ServerClock,
    RunnerClock,
    DatabaseClock,
    ServerFiles,
    RunnerFiles,
}

/// Between whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    People,
    Runner,
    Database,
}

/// Of the remote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Hang,
    Slow,
    Refuse,
    Full,
    Dies,
    DiesLate,
    Away,
}

/// A kind of fault.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) what: Do,
    /// How often it is drawn, beside the others.
    pub(crate) weight: u64,
    pub(crate) bound: Bound,
}

const fn kind(name: &'static str, what: Do, weight: u64, bound: Bound) -> Kind {
    Kind {
        name,
        what,
        weight,
        bound,
    }
}

/// A program is there again: it is started again at once, looks at its schema, and serves; a session is dialled anew.
/// Five seconds are promised (F1), on a machine of its own; here two cores run everything, in a debug build.
const SERVES: Bound = Bound {
    heals: 10_000,
    window: 5_000,
};
/// PostgreSQL is started again and replays its log (3.4 s were measured), and everybody dials anew. A server that finds
/// none at its own start ends, and is started again.
const REPLAYS: Bound = Bound {
    heals: 20_000,
    window: 10_000,
};
/// A runner says that it is there: its start proves the sandbox's tiers, and it dials with growing pauses.
const DIALS: Bound = Bound {
    heals: 30_000,
    window: 5_000,
};
/// What is stuck in a dead connection is given up by silence: three heartbeats and five seconds.
const SILENT: Bound = Bound {
    heals: 40_000,
    window: 5_000,
};
/// The same where nothing else is done: it is there again within the seconds that its log takes, and so is whoever asks it.
const AGAIN_AND_AGAIN: Bound = Bound {
    heals: 10_000,
    window: 4_000,
};
/// Nobody who asks feels it.
const UNFELT: Bound = Bound {
    heals: 10_000,
    window: 0,
};

/// Between two faults of a kind that comes in a rhythm (F46).
const RHYTHM: Duration = Duration::from_secs(20);
/// As many as these come in a short storm, at shorter distances, but not before whoever asks is over the last one.
const BEATS: u32 = 6;
const SHORTEST_RHYTHM: Duration = Duration::from_secs(8);

/// All of them. One without a weight is drawn by no dice: it comes in a rhythm, alone. A fault's row in `docs/faults.md` names its kind.
pub(crate) const KINDS: &[Kind] = &[
    kind("server: kill -9", Do::KillServer, 40, SERVES),
    kind("server: TERM", Do::EndServer, 20, REPLAYS),
    kind("server: STOP, CONT", Do::StopServer, 30, SERVES),
    kind("server: STOP past its leases", Do::PauseServer, 2, DIALS),
    kind("runner: kill -9", Do::KillRunner, 20, DIALS),
    kind("runner: TERM", Do::EndRunner, 5, DIALS),
    kind("runner: STOP, CONT", Do::StopRunner, 25, DIALS),
    kind("runner: STOP past its lease", Do::PauseRunner, 2, DIALS),
    kind("everything: kill -9", Do::PowerCut, 6, DIALS),
    kind("agent: kill -9", Do::KillAgent, 12, UNFELT),
    kind("agent: STOP, CONT", Do::StopAgent, 20, UNFELT),
    kind("database: session ended", Do::EndSession, 90, SERVES),
    kind("database: session kill -9", Do::KillSession, 25, REPLAYS),
    kind("database: kill -9", Do::KillDatabase, 15, REPLAYS),
    kind(
        "database: immediate restart",
        Do::RestartDatabase,
        15,
        REPLAYS,
    ),
    kind(
        "database: restarted each 20 s",
        Do::RestartDatabase,
        0,
        AGAIN_AND_AGAIN,
    ),
    kind("database: STOP, CONT", Do::StopDatabase, 10, SERVES),
    kind("database: read-only", Do::ReadOnly, 15, SERVES),
    kind("database: table locked", Do::LockTable, 20, SERVES),
    kind(
        "database: connections used up",
        Do::UseUpConnections,
        15,
        SERVES,
    ),
    kind("people's link: cut", Do::Cut(Link::People), 60, SERVES),
    kind(
        "people's link: half-closed",
        Do::HalfClose(Link::People),
        25,
        SERVES,
    ),
    kind(
        "people's link: one way",
        Do::Swallow(Link::People),
        25,
        SERVES,
    ),
    kind("people's link: held", Do::Hold(Link::People), 25, SERVES),
    kind(
        "people's link: delayed",
        Do::Delay(Link::People),
        30,
        SERVES,
    ),
    kind(
        "people's link: trickles",
        Do::Trickle(Link::People),
        30,
        SERVES,
    ),
    kind("runner's link: cut", Do::Cut(Link::Runner), 70, DIALS),
    kind(
        "runner's link: half-closed",
        Do::HalfClose(Link::Runner),
        25,
        SILENT,
    ),
    kind(
        "runner's link: one way",
        Do::Swallow(Link::Runner),
        20,
        SILENT,
    ),
    kind("runner's link: held", Do::Hold(Link::Runner), 25, DIALS),
    kind("runner's link: delayed", Do::Delay(Link::Runner), 35, DIALS),
    kind(
        "runner's link: trickles",
        Do::Trickle(Link::Runner),
        35,
        DIALS,
    ),
    kind("runner's link: messages twice", Do::Repeat, 40, DIALS),
    kind("runner's link: messages reordered", Do::Reorder, 40, DIALS),
    kind("database's link: cut", Do::Cut(Link::Database), 35, SERVES),
    kind(
        "database's link: one way",
        Do::Swallow(Link::Database),
        20,
        SERVES,
    ),
    kind(
        "database's link: held",
        Do::Hold(Link::Database),
        15,
        SERVES,
    ),
    kind(
        "database's link: delayed",
        Do::Delay(Link::Database),
        25,
        SERVES,
    ),
    kind("remote: hangs", Do::Remote(Mood::Hang), 15, UNFELT),
    kind("remote: slow", Do::Remote(Mood::Slow), 15, UNFELT),
    kind("remote: refuses", Do::Remote(Mood::Refuse), 15, UNFELT),
    kind("remote: full", Do::Remote(Mood::Full), 15, UNFELT),
    kind(
        "remote: dies before a push",
        Do::Remote(Mood::Dies),
        20,
        UNFELT,
    ),
    kind(
        "remote: dies after a push",
        Do::Remote(Mood::DiesLate),
        35,
        UNFELT,
    ),
    kind("remote: away", Do::Remote(Mood::Away), 15, UNFELT),
    kind("disk: runner's full", Do::FillRunner, 15, DIALS),
    kind("disk: content's full", Do::FillContent, 15, SERVES),
    kind("disk: database's full", Do::FillDatabase, 10, REPLAYS),
    kind("clock: server's jumps", Do::ServerClock, 25, SERVES),
    kind("clock: runner's jumps", Do::RunnerClock, 25, DIALS),
    kind("clock: database's goes back", Do::DatabaseClock, 15, SERVES),
    kind("files: server has 64", Do::ServerFiles, 15, SERVES),
    kind("files: runner has 64", Do::RunnerFiles, 15, DIALS),
];

/// The kinds that a storm draws from: those whose name contains this. What comes in a rhythm is no part of a storm, and is
/// had by a name that fits nothing else.
pub(crate) fn chosen(only: Option<&str>) -> Vec<&'static Kind> {
    let named = (KINDS.iter()).filter(|kind| kind.name.contains(only.unwrap_or_default()));
    let (drawn, in_rhythm): (Vec<_>, Vec<_>) = named.partition(|kind| kind.weight > 0);
    match drawn.is_empty() {
        true => in_rhythm,
        false => drawn,
    }
}

/// How often the one that comes in a rhythm does so in a storm of this length; `None` for kinds that are drawn.
pub(crate) fn rhythm(kinds: &[&Kind], time: Duration) -> Option<Duration> {
    let is_in_rhythm = kinds.iter().all(|kind| kind.weight == 0);
    is_in_rhythm.then(|| (time / BEATS).clamp(SHORTEST_RHYTHM, RHYTHM))
}

/// What is promised of a kind, by its name. One that is not known has no time at all.
pub(crate) fn bound(name: &str) -> Bound {
    let known = KINDS.iter().find(|kind| kind.name == name);
    known.map_or(
        Bound {
            heals: 0,
            window: 0,
        },
        |kind| kind.bound,
    )
}
