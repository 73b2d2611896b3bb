//! The fault kit: a real installation, people who use it, a storm of faults over it, and a checker that knows nothing of
//! the product and decides from what was seen at every end whether its promises held. `make faults` runs it.
//!
//! | room | what it does |
//! |---|---|
//! | `house` | PostgreSQL, two servers, two runners, the remote, the model, and a proxy between each two |
//! | `part`, `origin`, `disk`, `clocks`, `clock.c` | what can be hurt: a process, the remote, a small disk, a process's time |
//! | `people` | the workload, and the history of what was asked and answered |
//! | `kinds`, `storm` | what is done, how often, and what is promised of it |
//! | `collect` | reads the database, the remote, the model's record, readers' answers and `/proc` |
//! | `check`, `enough` | evidence in, broken promises out |
//! | `report` | the table |

mod check;
#[cfg(test)]
mod check_tests;
mod clocks;
mod collect;
mod disk;
mod enough;
mod evidence;
mod house;
mod kinds;
mod origin;
mod part;
mod people;
mod report;
mod storm;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use collect::Probes;
use evidence::Evidence;
use house::House;
use kinds::{Kind, bound};
use people::People;
use storm::Storm;

use crate::procs;

/// The parts that can be away. A runner's place is two after its server's.
pub(crate) const PARTS: [&str; 4] = ["server-a", "server-b", "runner-1", "runner-2"];
/// Those of them that people ask.
pub(crate) const SERVERS: [&str; 2] = [PARTS[0], PARTS[1]];
/// The states in which a run stays.
pub(crate) const ENDED: [&str; 4] = ["succeeded", "failed", "cancelled", "rejected"];

/// As many as two runners have slots, and one that waits.
const PEOPLE: usize = 5;
/// Before the first fault: something is under way by then.
const BEFORE: Duration = Duration::from_secs(5);
/// I7: what nobody needs any more is gone a minute after everything is well.
const CLEAN_WITHIN: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(500);
/// Rounds of ending: what is begun anew meanwhile ends with the kit, whose children they are.
const END_TRIES: usize = 6;
/// The kit's promise that it comes to an end.
const CUT_SHORT: &str = "kit: cut short";
/// A storm that lasts no longer is a short one.
const SHORT: Duration = Duration::from_secs(180);
/// What the making of the house, the look at what is left and its end have, beside the storm and its settling.
const AROUND: Duration = Duration::from_secs(60);

/// What is asked of the kit.
#[derive(Debug, Clone)]
pub struct Options {
    /// The program `freehold`.
    pub program: PathBuf,
    /// How many faults.
    pub faults: usize,
    /// The storms and the calms between them end after this, however few faults there were.
    pub time: Duration,
    /// Which faults come when, and what people do. What the machine makes of it differs from time to time.
    pub seed: u64,
    /// Only kinds whose name contains this.
    pub only: Option<String>,
    /// Where the evidence and the logs go.
    pub into: PathBuf,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// What a person reads.
    pub table: String,
    /// Whether every promise held.
    pub is_kept: bool,
}

/// Storms, heals, looks, decides. Takes the storm's time and up to five minutes more, two after a short storm. When it takes
/// longer, or is told to end (SIGINT, SIGTERM), everything it began is ended, and a broken promise says so.
pub async fn run(options: &Options) -> Outcome {
    let kinds = kinds::chosen(options.only.as_deref());
    if kinds.is_empty() {
        return broken(enough::SAW_TOO_LITTLE, "no kind of fault has such a name");
    }
    let mut options = options.clone();
    if let Some(every) = kinds::rhythm(&kinds, options.time) {
        let beats = options.time.as_millis() / every.as_millis();
        options.faults = (options.faults).min(usize::try_from(beats).unwrap_or(usize::MAX));
    }
    let is_short = options.time <= SHORT;
    let settles = Duration::from_millis(check::settled_within(is_short));
    let most = options.time + settles + AROUND;
    let root = tempfile::Builder::new().prefix("fh-faults-").tempdir();
    let Ok(root) = root else {
        return broken(CUT_SHORT, "there is no place for the house");
    };
    let mark = root.path().to_string_lossy().into_owned();
    // A task of its own: what blocks it does not keep this one from seeing the time.
    let mut all = tokio::spawn(whole(options, kinds, root));
    let why = tokio::select! {
        ended = &mut all => match ended {
            Ok(outcome) => return outcome,
            Err(error) => format!("the kit itself failed: {error}"),
        },
        () = tokio::time::sleep(most) => format!("not at its end after {} s", most.as_secs()),
        () = told_to_end() => "it was told to end".to_owned(),
    };
    all.abort();
    end_all(&mark).await;
    // What wrote into it meanwhile may have kept it from being removed before.
    let _gone = std::fs::remove_dir_all(&mark);
    broken(CUT_SHORT, &why)
}

/// An outcome without a storm that came to its end.
fn broken(promise: &str, what: &str) -> Outcome {
    Outcome {
        table: format!(
            "BROKEN {promise}: {what}\nfaults: 0 injected, 0 lost, 0 doubled, 0.0 % healed, 1 promises broken\n"
        ),
        is_kept: false,
    }
}

async fn told_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    let (interrupt, end) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    );
    match (interrupt, end) {
        (Ok(mut interrupt), Ok(mut end)) => {
            tokio::select! { _told = interrupt.recv() => (), _told = end.recv() => () }
        }
        _ => std::future::pending().await,
    }
}

/// Ends whatever is known by the mark, and what is below it: some of it is stopped, or begins again what ended.
async fn end_all(mark: &str) {
    for _ in 0..END_TRIES {
        let ours: BTreeSet<u32> = (procs::marked(mark).into_iter())
            .chain(procs::sandboxed(mark))
            .flat_map(procs::tree)
            .collect();
        if ours.is_empty() {
            return;
        }
        for pid in ours {
            procs::kill_9(pid);
            procs::signal(pid, Signal::SIGCONT);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// All of it, however long it takes.
async fn whole(options: Options, kinds: Vec<&'static Kind>, root: TempDir) -> Outcome {
    let is_short = options.time <= SHORT;
    // The first one who says it decides; there is no other.
    let _decided = rustls::crypto::ring::default_provider().install_default();
    let program = std::fs::canonicalize(&options.program).expect("the program is there");
    let house = Arc::new(House::build(&program, options.seed, root).await);
    let ends = CancellationToken::new();
    let probes = Probes::begin(&house, &ends);
    let people = Arc::new(People::of(house.clone(), options.seed));
    let storm = Arc::new(Storm::over(house.clone(), options.seed.wrapping_add(1)));
    let mut at_work = JoinSet::new();
    for _ in 0..PEOPLE {
        at_work.spawn(people.clone().work());
    }
    tokio::time::sleep(BEFORE).await;
    storm
        .clone()
        .blow(options.faults, options.time, &kinds)
        .await;

    house.heal();
    people.go_home();
    let healed = Instant::now();
    let most = Duration::from_millis(check::settled_within(is_short));
    let everybody = async { while at_work.join_next().await.is_some() {} };
    let is_home = tokio::time::timeout(most, everybody).await.is_ok();
    at_work.abort_all();
    let mut seen = Evidence {
        seed: options.seed,
        wanted: options.faults,
        is_short,
        ..Evidence::default()
    };
    while healed.elapsed() < most {
        let states = collect::under_way(&house).await;
        let is_over = |state: &String| ENDED.contains(&state.as_str()) || state == "waiting";
        if is_home && states.is_some_and(|states| states.keys().all(is_over)) {
            let time = u64::try_from(healed.elapsed().as_millis());
            seen.settled_in = time.ok();
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    let settled = Instant::now();
    loop {
        seen.left = collect::left_behind(&house);
        seen.left.extend(collect::mounts(&house));
        if seen.left.is_empty() || settled.elapsed() > CLEAN_WITHIN {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    ends.cancel();
    collect::collect(&house, &mut seen).await;
    seen.calls = people.calls();
    seen.faults = storm.faults();
    seen.probes = probes.all();
    drop((people, storm));
    tidy_up(house, &mut seen, &options.into).await;
    let verdict = check::check(&seen);
    let mut table = report::table(&seen, &verdict);
    let evidence = options.into.join("evidence.json");
    let text = serde_json::to_vec(&seen).expect("plain values");
    std::fs::write(&evidence, text).expect("the evidence can be written");
    table.push_str(&format!(
        "seed {}, evidence and logs in {}\n",
        options.seed,
        options.into.display()
    ));
    Outcome {
        table,
        is_kept: verdict.broken.is_empty(),
    }
}

/// Ends everything, and keeps what it wrote of itself.
async fn tidy_up(house: Arc<House>, seen: &mut Evidence, into: &Path) {
    std::fs::create_dir_all(into).expect("a directory for the evidence");
    let logs = std::fs::read_dir(house.logs()).into_iter().flatten();
    for log in logs.flatten() {
        let _copied = std::fs::copy(log.path(), into.join(log.file_name()));
    }
    // The probes' tasks let go of it within their patience.
    let mut house = house;
    for _ in 0..20 {
        match Arc::try_unwrap(house) {
            Ok(ours) => {
                seen.left.extend(ours.stop().await);
                return;
            }
            Err(again) => house = again,
        }
        tokio::time::sleep(LOOK).await;
    }
    seen.left.push("the kit itself still uses it".to_owned());
}

/// Decides again on evidence that was written down: for whoever mends the checker.
///
/// # Errors
/// When the file cannot be read.
pub fn replay(evidence: &Path) -> std::io::Result<Outcome> {
    let seen: Evidence = serde_json::from_slice(&std::fs::read(evidence)?)?;
    let verdict = check::check(&seen);
    Ok(Outcome {
        table: report::table(&seen, &verdict),
        is_kept: verdict.broken.is_empty(),
    })
}
