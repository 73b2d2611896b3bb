//! Decides whether the promises held: a pure function over what was seen. Nothing of the product is used here.

use std::collections::{BTreeMap, BTreeSet};

use super::enough::enough_was_seen;
use super::evidence::{Call, Event, Evidence, Fault, Ms, Run};
use super::{ENDED, bound};

/// An operation that took longer than this without a fault near it did not succeed.
const SLOW: Ms = 10_000;
/// Of the operations that no fault was near, this share succeeds.
pub(crate) const SHARE: f64 = 0.9;
/// Fewer operations than this outside fault windows prove nothing.
const ENOUGH: usize = 20;
/// What is asked of a run that may have gone on meanwhile.
const DECISIONS: [&str; 4] = ["run.approve", "run.cancel", "run.reject", "run.reply"];
/// From the end of the last fault until nothing is under way: a lease that runs out (42 s), what is tried anew with all that
/// waits behind it, and the people's decisions, on a machine of two cores.
pub(crate) const SETTLED_WITHIN: Ms = 180_000;
/// The same after a short storm: less waits behind what is tried anew.
const SETTLED_WITHIN_SHORT: Ms = 60_000;

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) promise: &'static str,
    pub(crate) what: String,
}

/// What the table says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Verdict {
    pub(crate) broken: Vec<Broken>,
    pub(crate) tried: usize,
    pub(crate) acknowledged: usize,
    pub(crate) lost: usize,
    pub(crate) doubled: usize,
    /// Operations that no fault was near, and how many of them succeeded.
    pub(crate) quiet: usize,
    pub(crate) quiet_fine: usize,
    /// By kind.
    pub(crate) kinds: BTreeMap<String, Kind>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Kind {
    pub(crate) injected: usize,
    /// Parts that it was done to, and those that were well within the bound.
    pub(crate) looked_at: usize,
    pub(crate) healed: usize,
    /// Of those to which nothing else was done meanwhile.
    pub(crate) slowest: Option<Ms>,
    pub(crate) bound: Ms,
}

impl Verdict {
    /// Of what was done to parts, in percent: what they got over within the bounds.
    pub(crate) fn healed(&self) -> f64 {
        let looked_at: usize = self.kinds.values().map(|kind| kind.looked_at).sum();
        let healed: usize = self.kinds.values().map(|kind| kind.healed).sum();
        100.0 * healed as f64 / looked_at.max(1) as f64
    }

    pub(super) fn break_(&mut self, promise: &'static str, what: String) {
        self.broken.push(Broken { promise, what });
    }

    fn lost(&mut self, what: String) {
        self.lost += 1;
        self.break_("I1", what);
    }

    fn doubled(&mut self, what: String) {
        self.doubled += 1;
        self.break_("I3", what);
    }

    /// The promises that were broken, by name.
    #[cfg(test)]
    pub(crate) fn names(&self) -> BTreeSet<&'static str> {
        self.broken.iter().map(|broken| broken.promise).collect()
    }
}

/// The time that a storm has to settle.
pub(crate) const fn settled_within(is_short: bool) -> Ms {
    match is_short {
        true => SETTLED_WITHIN_SHORT,
        false => SETTLED_WITHIN,
    }
}

/// Looks at everything.
pub(crate) fn check(seen: &Evidence) -> Verdict {
    let mut verdict = Verdict {
        tried: seen.calls.len(),
        acknowledged: seen.calls.iter().filter(|c| c.is_acknowledged()).count(),
        ..Verdict::default()
    };
    acknowledged_is_there(seen, &mut verdict);
    one_end(seen, &mut verdict);
    effects_once(seen, &mut verdict);
    one_epoch_acts(seen, &mut verdict);
    events_are_whole(seen, &mut verdict);
    the_log_is_whole(seen, &mut verdict);
    nothing_is_left(seen, &mut verdict);
    counts_are_right(seen, &mut verdict);
    refusals_are_explained(seen, &mut verdict);
    healed(seen, &mut verdict);
    others_were_served(seen, &mut verdict);
    enough_was_seen(seen, &mut verdict);
    verdict
}

/// I1: what was acknowledged exists, and one key is one request.
fn acknowledged_is_there(seen: &Evidence, verdict: &mut Verdict) {
    let runs: BTreeSet<&str> = seen.runs.iter().map(|run| run.id.as_str()).collect();
    let cards: BTreeSet<&str> = seen.cards.iter().map(String::as_str).collect();
    let mut by_key: BTreeMap<&str, &str> = BTreeMap::new();
    let mut missing = BTreeSet::new();
    for call in seen.calls.iter().filter(|call| call.is_acknowledged()) {
        let Some(made) = call.made.as_deref() else {
            continue;
        };
        let is_there = match call.op.as_str() {
            "card.create" => cards.contains(made),
            "run.start" => runs.contains(made),
            "invitation.create" => seen.invitations.contains_key(made),
            _ => continue,
        };
        if !is_there && missing.insert(made) {
            verdict.lost(format!("{made} of {}: acknowledged, and gone", call.about));
        }
        let Some(key) = call.key.as_deref() else {
            continue;
        };
        match by_key.insert(key, made) {
            Some(other) if other != made => {
                verdict.doubled(format!("key {key} made {other} and {made}"));
            }
            _ => {}
        }
        // Any other's is kept as a digest: what it made is there once.
        let is_told = call.op != "invitation.create";
        if is_told && seen.keys.get(key).is_none_or(|kept| kept != made) {
            verdict.lost(format!("key {key}: {made} was said, and is not kept"));
        }
    }
    // A yes that was taken leads to a landing, or to words about why not.
    let by_id: BTreeMap<&str, &Run> = seen.runs.iter().map(|r| (r.id.as_str(), r)).collect();
    for call in seen.calls.iter().filter(|call| call.is_acknowledged()) {
        let Some(run) = by_id.get(call.about.as_str()) else {
            continue;
        };
        let is_kept = match call.op.as_str() {
            "run.reject" => run.state == "rejected",
            "run.cancel" => run.is_ended(),
            "run.approve" => has_landed_or_tried(seen, run),
            // Turns count from 0, and each run is replied to once.
            "run.reply" => run.turn >= 1,
            _ => true,
        };
        if !is_kept {
            verdict.lost(format!(
                "{} of {} was acknowledged, and it is {}",
                call.op, run.id, run.state
            ));
        }
    }
}

/// Whether a run's events tell that its landing was begun: each yes to a run that waits does that, and events stay.
fn has_landed_or_tried(seen: &Evidence, run: &Run) -> bool {
    let events = seen.events.get(&run.id).map(Vec::as_slice);
    (events.unwrap_or_default().iter()).any(|event| event.kind == "run.landing")
}

/// I2: each run ends once, and nothing stays under way for ever.
fn one_end(seen: &Evidence, verdict: &mut Verdict) {
    let mut live: BTreeMap<&str, &str> = BTreeMap::new();
    for run in &seen.runs {
        let events = seen.events.get(&run.id).map(Vec::as_slice);
        let told = |event: &&Event| {
            event
                .kind
                .strip_prefix("run.")
                .is_some_and(|state| ENDED.contains(&state))
        };
        let ends: Vec<&str> = (events.unwrap_or_default().iter())
            .filter(told)
            .map(|event| event.kind.as_str())
            .collect();
        let wanted = usize::from(run.is_ended());
        if ends.len() != wanted {
            let what = format!("{} is {}, and its ends are {ends:?}", run.id, run.state);
            verdict.break_("I2", what);
        } else if let [end] = ends[..]
            && end != format!("run.{}", run.state)
        {
            verdict.break_("I2", format!("{} is {}, and told {end}", run.id, run.state));
        }
        if run.is_ended() {
            continue;
        }
        if run.state != "waiting" {
            verdict.lost += 1;
            let what = format!("{} never ended: it is {}", run.id, run.state);
            verdict.break_("I2", what);
        }
        if let Some(other) = live.insert(&run.card, &run.id) {
            let what = format!("{other} and {} are both live for {}", run.id, run.card);
            verdict.break_("I2", what);
        }
    }
}

/// I3: counted where they arrive: at the remote and at the model.
fn effects_once(seen: &Evidence, verdict: &mut Verdict) {
    let mut landings: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for step in &seen.moves {
        if !step.is_forward {
            let what = format!("the target was forced to {}", step.new);
            verdict.break_("I3", what);
        }
        for run in &step.runs {
            landings.entry(run).or_default().push(&step.new);
        }
    }
    for run in &seen.runs {
        let landed = landings.remove(run.id.as_str()).unwrap_or_default();
        match (run.state.as_str(), landed.len()) {
            ("succeeded", 0) if run.landed.is_some() => {
                verdict.lost(format!("{} succeeded, and the remote has nothing", run.id));
            }
            (_, 2..) => verdict.doubled(format!("{} landed as {landed:?}", run.id)),
            ("succeeded", _) | (_, 0) => {}
            (state, _) => {
                verdict.lost(format!("{} landed as {landed:?}, and is {state}", run.id));
            }
        }
        if let (Some(said), [there]) = (&run.landed, &landed[..])
            && said != there
        {
            let what = format!("{} says that it landed as {said}: {there}", run.id);
            verdict.break_("I3", what);
        }
    }
    for (run, commits) in landings {
        verdict.lost(format!("{run} landed as {commits:?}, and is not known"));
    }
    model_once_an_epoch(seen, verdict);
    mails_once(seen, verdict);
}

/// A mail goes out once or not at all, and only of what there is.
fn mails_once(seen: &Evidence, verdict: &mut Verdict) {
    let invited: BTreeSet<&str> = seen.invitations.values().map(String::as_str).collect();
    for (to, count) in &seen.mails {
        if *count > 1 {
            verdict.doubled(format!("{to} was written to {count} times"));
        }
        if !invited.contains(to.as_str()) {
            verdict.lost(format!(
                "{to} was invited by mail, and nothing is known of it"
            ));
        }
    }
}

/// A question reaches the model once for each try of its run.
fn model_once_an_epoch(seen: &Evidence, verdict: &mut Verdict) {
    let titles: BTreeMap<&str, &str> = (seen.calls.iter())
        .filter(|call| call.op == "card.create")
        .filter_map(|call| Some((call.about.as_str(), call.made.as_deref()?)))
        .collect();
    let mut asked: BTreeMap<(&str, usize), usize> = BTreeMap::new();
    for call in &seen.model {
        *asked.entry((&call.card, call.turn)).or_default() += 1;
    }
    for ((title, turn), count) in asked {
        let Some(card) = titles.get(title) else {
            continue;
        };
        // Each epoch may ask once, whether its first step was heard of or not.
        let tries: i64 = (seen.runs.iter())
            .filter(|run| run.card == *card)
            .map(|run| run.epoch)
            .sum();
        if i64::try_from(count).unwrap_or(i64::MAX) > tries {
            verdict.doubled(format!(
                "the model was asked {count} times for turn {turn} of {title}, in {tries} epochs"
            ));
        }
    }
}

/// I4: an epoch is claimed once and in order, and what lands does so under the newest.
fn one_epoch_acts(seen: &Evidence, verdict: &mut Verdict) {
    let mut newest: BTreeMap<&str, i64> = BTreeMap::new();
    let mut claimed: BTreeSet<&str> = BTreeSet::new();
    for update in &seen.updates {
        let Some((run, epoch)) = (update.name.strip_prefix("refs/freehold/"))
            .and_then(|rest| rest.split_once('/'))
            .and_then(|(run, epoch)| Some((run, epoch.parse::<i64>().ok()?)))
        else {
            continue;
        };
        let is_new = update.old.bytes().all(|byte| byte == b'0');
        let is_gone = update.new.bytes().all(|byte| byte == b'0');
        if is_new && !claimed.insert(&update.name) {
            let what = format!("{} was claimed twice", update.name);
            verdict.break_("I4", what);
        }
        let newest = newest.entry(run).or_insert(epoch);
        if is_new && epoch < *newest {
            let what = format!("{run}: epoch {epoch} was claimed after {newest}");
            verdict.break_("I4", what);
        }
        if is_gone {
            claimed.remove(update.name.as_str());
        }
        *newest = epoch.max(*newest);
    }
    for run in &seen.runs {
        if let Some(epoch) = newest.get(run.id.as_str())
            && *epoch > run.epoch
        {
            let what = format!("{}: epoch {epoch} acts, {} is known", run.id, run.epoch);
            verdict.break_("I4", what);
        }
    }
}

/// I5: numbered from 1 without a gap, each frame once and in its order, the same for every reader.
fn events_are_whole(seen: &Evidence, verdict: &mut Verdict) {
    for run in &seen.runs {
        let events = seen.events.get(&run.id).map(Vec::as_slice);
        let events = events.unwrap_or_default();
        let gap = (1..)
            .zip(events)
            .find(|(wanted, event)| *wanted != event.seq);
        if let Some((wanted, event)) = gap {
            let what = format!("{}: after {} comes {}", run.id, wanted - 1, event.seq);
            verdict.break_("I5", what);
        }
        if events.last().map_or(0, |event| event.seq) != run.last_seq {
            let what = format!("{} says that it has {} events", run.id, run.last_seq);
            verdict.break_("I5", what);
        }
        let mut last = (0, 0);
        for event in events.iter().filter(|event| event.n > 0) {
            let this = (event.epoch, event.n);
            if this <= last {
                let what = format!("{}: {} is {this:?} after {last:?}", run.id, event.seq);
                verdict.break_("I5", what);
            }
            last = this;
        }
    }
    for reading in &seen.readings {
        let kept: Vec<(i64, String)> = (seen.events.get(&reading.run).into_iter().flatten())
            .map(|event| (event.seq, event.kind.clone()))
            .collect();
        if reading.events != kept {
            let what = format!(
                "{} as read by {}: {} events, {} are kept",
                reading.run,
                reading.reader,
                reading.events.len(),
                kept.len()
            );
            verdict.break_("I5", what);
        }
    }
}

/// I6: the audit log proves itself, and has each act that there was once.
fn the_log_is_whole(seen: &Evidence, verdict: &mut Verdict) {
    if let Some(why) = &seen.audit {
        verdict.break_("I6", why.clone());
    }
    for run in &seen.runs {
        let times = seen.audited.get(&run.id).copied().unwrap_or(0);
        if times != 1 {
            let what = format!("the log says {times} times that {} was asked for", run.id);
            verdict.break_("I6", what);
        }
    }
}

/// I7.
fn nothing_is_left(seen: &Evidence, verdict: &mut Verdict) {
    for left in &seen.left {
        verdict.break_("I7", left.clone());
    }
    for run in seen.runs.iter().filter(|run| run.has_lease) {
        verdict.break_("I7", format!("{} is {} under a lease", run.id, run.state));
    }
}

/// I8: what is counted as it goes on equals a recount.
fn counts_are_right(seen: &Evidence, verdict: &mut Verdict) {
    let busy: i64 = seen.environments.iter().map(|place| place.jobs).sum();
    let leases = seen.runs.iter().filter(|run| run.has_lease).count();
    if usize::try_from(busy) != Ok(leases) {
        let what = format!("environments count {busy} jobs, and there are {leases}");
        verdict.break_("I8", what);
    }
    // The queue's own tables say what the runs themselves do.
    for run in &seen.runs {
        let wants = run.state == "queued" || (run.state == "landing" && !run.has_lease);
        if seen.leased.contains(&run.id) != run.has_lease || seen.ready.contains(&run.id) != wants {
            let what = format!(
                "the queue has {} otherwise than it is: {}",
                run.id, run.state
            );
            verdict.break_("I8", what);
        }
        if run.attempt > run.attempts_max {
            let what = format!("{}: try {} of {}", run.id, run.attempt, run.attempts_max);
            verdict.break_("I8", what);
        }
    }
}

/// I9.
fn refusals_are_explained(seen: &Evidence, verdict: &mut Verdict) {
    for call in &seen.calls {
        if call.status >= 400 && !call.is_explained {
            let what = format!("{} {}: {} without words", call.op, call.about, call.status);
            verdict.break_("I9", what);
        }
        // A server that fails says that it does for now; and people here ask for nothing that they may not have, of what is there.
        let is_earned = match call.status {
            404 => DECISIONS.contains(&call.op.as_str()),
            status => matches!(status, 0..400 | 409 | 429 | 503),
        };
        if !is_earned {
            let code = call.code.as_deref().unwrap_or("no code");
            let what = format!("{} {}: {} ({code})", call.op, call.about, call.status);
            verdict.break_("I9", what);
        }
    }
}

/// I11: each part is well again within the bound of what was done to it. Where more was done to it before it was seen well,
/// all of that is one story, and its bound is the latest of theirs.
fn healed(seen: &Evidence, verdict: &mut Verdict) {
    let mut slow = Vec::new();
    for fault in &seen.faults {
        let own = bound(&fault.kind).heals;
        let kind = verdict.kinds.entry(fault.kind.clone()).or_default();
        kind.injected += 1;
        kind.bound = own;
        for part in &fault.parts {
            kind.looked_at += 1;
            let story = story(seen, fault, part);
            let Some(well) = story.well else {
                slow.push(format!("{part} was never well after {}", fault.kind));
                continue;
            };
            let took = well.saturating_sub(story.end);
            if well <= story.deadline {
                kind.healed += 1;
            } else {
                let at = fault.until;
                slow.push(format!(
                    "{part} was well {took} ms after {} and what followed it (at {at} ms), {} ms late",
                    fault.kind,
                    well - story.deadline
                ));
            }
            if story.is_alone {
                kind.slowest = Some(kind.slowest.unwrap_or_default().max(took));
            }
        }
    }
    slow.dedup();
    for what in slow {
        verdict.break_("I11", what);
    }
    match seen.settled_in {
        Some(time) if time <= settled_within(seen.is_short) => {}
        Some(time) => verdict.break_("I11", format!("settled after {time} ms")),
        None => verdict.break_("I11", "it never settled".to_owned()),
    }
}

/// From a fault until its part was well.
struct Story {
    /// Of the last fault in it.
    end: Ms,
    /// Of them all.
    deadline: Ms,
    /// When the part was seen well; `None` for never.
    well: Option<Ms>,
    /// Nothing else was done to it.
    is_alone: bool,
}

fn story(seen: &Evidence, fault: &Fault, part: &str) -> Story {
    let due = |fault: &Fault| fault.until + bound(&fault.kind).heals;
    let others = || {
        let others = seen.faults.iter().filter(|other| touches(other, part));
        others.filter(|other| !std::ptr::eq(*other, fault))
    };
    let mut end = fault.until;
    let mut deadline = due(fault);
    let mut is_alone = true;
    // What it had not got over yet may take longer than this.
    let is_over = |other: &Fault| {
        let mut probes = seen.probes.iter().filter(|probe| probe.part == part);
        probes.any(|probe| probe.is_well && (other.until..=fault.until).contains(&probe.at))
    };
    for earlier in others().filter(|other| other.until <= end && due(other) > end) {
        if !is_over(earlier) {
            is_alone = false;
            deadline = deadline.max(due(earlier));
        }
    }
    loop {
        let well = (seen.probes.iter())
            .find(|probe| probe.part == part && probe.is_well && probe.at >= end)
            .map(|probe| probe.at);
        let next = others().find(|other| other.until > end && well.is_none_or(|at| other.at <= at));
        let Some(next) = next else {
            return Story {
                end,
                deadline,
                well,
                is_alone,
            };
        };
        is_alone = false;
        end = next.until;
        deadline = deadline.max(due(next));
    }
}

/// Whether a fault may disturb the use of a part.
fn touches(fault: &Fault, part: &str) -> bool {
    fault.parts.iter().any(|other| other == part)
}

/// I12: what no fault was near succeeded.
fn others_were_served(seen: &Evidence, verdict: &mut Verdict) {
    for call in &seen.calls {
        if is_disturbed(seen, call) {
            continue;
        }
        verdict.quiet += 1;
        // Somebody, or the run itself, may have been quicker with a decision: then the refusal is right.
        let is_late = matches!(call.status, 404 | 409) && DECISIONS.contains(&call.op.as_str());
        let is_fine = (call.is_acknowledged() || is_late) && call.until - call.at <= SLOW;
        verdict.quiet_fine += usize::from(is_fine);
    }
    let share = verdict.quiet_fine as f64 / verdict.quiet.max(1) as f64;
    if verdict.quiet < ENOUGH || share < SHARE {
        let what = format!(
            "{} of {} operations outside fault windows succeeded",
            verdict.quiet_fine, verdict.quiet
        );
        verdict.break_("I12", what);
    }
}

fn is_disturbed(seen: &Evidence, call: &Call) -> bool {
    let part = super::SERVERS.get(call.server).copied().unwrap_or_default();
    seen.faults.iter().any(|fault| {
        let end = fault.until + bound(&fault.kind).window;
        touches(fault, part) && fault.at <= call.until && call.at <= end
    })
}
