//! The kit's own promise: that it saw enough to decide on.

use super::check::Verdict;
use super::evidence::Evidence;

/// The promise's name.
pub(crate) const SAW_TOO_LITTLE: &str = "kit: saw too little";
/// One in so many of the wanted faults, at least, was injected; a short storm on a slow machine has less time to make up for
/// those that found nothing to hurt.
const LEAST: usize = 2;
const LEAST_OF_SHORT: usize = 3;

/// A storm in which too little happened proves nothing, however well all of it went.
pub(super) fn enough_was_seen(seen: &Evidence, verdict: &mut Verdict) {
    let (wanted, injected) = (seen.wanted, seen.faults.len());
    let least = wanted.div_ceil(match seen.is_short {
        true => LEAST_OF_SHORT,
        false => LEAST,
    });
    let mut too_little = Vec::new();
    if injected < least {
        too_little.push(format!(
            "{injected} faults of {wanted} were injected, at least {least} are needed"
        ));
    }
    if seen.moves.iter().all(|step| step.runs.is_empty()) {
        too_little.push("no move of the target carries a run".to_owned());
    }
    if seen.model.is_empty() {
        too_little.push("no question reached the model".to_owned());
    }
    if !seen.invitations.is_empty() && seen.mails.is_empty() {
        too_little.push("no mail arrived".to_owned());
    }
    if seen.updates.is_empty() {
        too_little.push("the remote wrote down no update".to_owned());
    }
    for what in too_little {
        verdict.break_(SAW_TOO_LITTLE, what);
    }
}
