//! The table.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::check::{SHARE, Verdict, settled_within};
use super::evidence::Evidence;
use super::kinds::KINDS;

/// Broken promises that are told; the rest are in the evidence.
const TOLD: usize = 40;

/// What a person reads.
pub(super) fn table(seen: &Evidence, verdict: &Verdict) -> String {
    let mut text = String::new();
    let mut line = |words: String| {
        let _ = writeln!(text, "{words}");
    };
    line(format!(
        "{:<36} {:>8} {:>9} {:>9} {:>8}",
        "fault", "injected", "healed", "slowest", "bound"
    ));
    for (name, kind) in &verdict.kinds {
        let dash = || "-".to_owned();
        let slowest = kind.slowest.map_or_else(dash, seconds);
        // An agent, or the remote: what it did to runs is told by their ends.
        let (healed, bound) = match kind.looked_at {
            0 => (dash(), dash()),
            all => (format!("{}/{all}", kind.healed), seconds(kind.bound)),
        };
        line(format!(
            "{name:<36} {:>8} {healed:>9} {slowest:>9} {bound:>8}",
            kind.injected
        ));
    }
    let missing: Vec<&str> = (KINDS.iter())
        .filter(|kind| kind.weight > 0)
        .map(|kind| kind.name)
        .filter(|name| !verdict.kinds.contains_key(*name))
        .collect();
    if !missing.is_empty() {
        line(format!("not injected: {}", missing.join("; ")));
    }
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for run in &seen.runs {
        *states.entry(&run.state).or_default() += 1;
    }
    let states: Vec<String> = (states.iter())
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    line(String::new());
    line(format!("faults injected        {}", seen.faults.len()));
    line(format!("operations tried       {}", verdict.tried));
    line(format!("acknowledged           {}", verdict.acknowledged));
    line(format!("lost                   {}", verdict.lost));
    line(format!("doubled                {}", verdict.doubled));
    line(format!(
        "runs                   {} ({})",
        seen.runs.len(),
        states.join(", ")
    ));
    let landings: usize = seen.moves.iter().map(|step| step.runs.len()).sum();
    line(format!("landings at the remote {landings}"));
    line(format!("questions to the model {}", seen.model.len()));
    line(format!(
        "mails that arrived     {} of {}",
        seen.mails.values().sum::<usize>(),
        seen.invitations.len()
    ));
    line(format!(
        "outside fault windows  {:.1} % of {} operations succeeded (at least {:.0} %)",
        100.0 * verdict.quiet_fine as f64 / verdict.quiet.max(1) as f64,
        verdict.quiet,
        100.0 * SHARE
    ));
    line(format!("healed within bounds   {:.1} %", verdict.healed()));
    line(format!(
        "settled within         {} of {}",
        seen.settled_in.map_or_else(|| "never".to_owned(), seconds),
        seconds(settled_within(seen.is_short))
    ));
    for broken in verdict.broken.iter().take(TOLD) {
        line(format!("BROKEN {}: {}", broken.promise, broken.what));
    }
    if verdict.broken.len() > TOLD {
        line(format!("… and {} more", verdict.broken.len() - TOLD));
    }
    line(format!(
        "faults: {} injected, {} lost, {} doubled, {:.1} % healed, {} promises broken",
        seen.faults.len(),
        verdict.lost,
        verdict.doubled,
        verdict.healed(),
        verdict.broken.len()
    ));
    text
}

fn seconds(ms: u64) -> String {
    format!("{:.1} s", ms as f64 / 1000.0)
}
