//! Whether a database is the one that it was. It counts how far it has come; whoever has seen a count
//! remembers it, and a database that shows less, or the same count with another mark, has lost what it
//! had committed: it was restored, or a replica without the last transactions took its place.

use serde::{Deserialize, Serialize};

use crate::id::LineageId;

/// A place in a database's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The line of history. A person who puts a database back begins another one.
    pub line: LineageId,
    /// How far it has come; rises within a line.
    pub seq: u64,
    /// Differs between two ways of coming so far.
    pub mark: i64,
}

/// What a position means to somebody who remembers another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the one that it was, and no less.
    Same,
    /// Somebody put it back on purpose, and said so: another line, which goes on from the known one.
    PutBack,
    /// What was committed is not there any more, and nobody has said that this is meant.
    WentBack,
}

/// Compares what is remembered with what is there, where `before` is the line that the present one
/// goes on from.
#[must_use]
pub fn judge(remembered: Option<&Position>, now: &Position, before: Option<LineageId>) -> Verdict {
    let Some(known) = remembered else {
        return Verdict::Same;
    };
    match known.line == now.line {
        true if now.seq > known.seq => Verdict::Same,
        true if now.seq == known.seq && now.mark == known.mark => Verdict::Same,
        true => Verdict::WentBack,
        false if before == Some(known.line) => Verdict::PutBack,
        false => Verdict::WentBack,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(n: u8) -> LineageId {
        LineageId::at(chrono::DateTime::UNIX_EPOCH, [n; 10])
    }

    fn at(n: u8, seq: u64, mark: i64) -> Position {
        Position {
            line: line(n),
            seq,
            mark,
        }
    }

    #[test]
    fn less_than_was_seen_is_a_database_that_went_back() {
        let known = at(1, 10, 500);
        let seen = |now: Position, before| judge(Some(&known), &now, before);
        assert_eq!(judge(None, &known, None), Verdict::Same);
        assert_eq!(seen(known, None), Verdict::Same);
        assert_eq!(
            seen(at(1, 11, 3), None),
            Verdict::Same,
            "in another cluster marks are small"
        );
        assert_eq!(seen(at(1, 9, 499), None), Verdict::WentBack);
        assert_eq!(
            seen(at(1, 10, 501), None),
            Verdict::WentBack,
            "come as far by another way"
        );
        assert_eq!(seen(at(2, 99, 900), Some(line(1))), Verdict::PutBack);
        assert_eq!(seen(at(2, 99, 900), Some(line(3))), Verdict::WentBack);
        assert_eq!(seen(at(2, 99, 900), None), Verdict::WentBack);
    }

    proptest! {
        /// A database that counts and now and then loses its end, and somebody who looks at times:
        /// every loss of what was seen is found at the next look, and nothing else ever is.
        #[test]
        fn every_loss_of_what_was_seen_is_found(steps in prop::collection::vec((0u8..8, 0usize..5), 1..80)) {
            let mut history = vec![at(1, 0, 0)];
            let mut marks = 0;
            let mut seen: Option<Position> = None;
            for (what, lost) in steps {
                match what {
                    0 => history.truncate(history.len().saturating_sub(lost).max(1)),
                    1..=4 => {
                        // Transactions go on being numbered where they were, or behind.
                        marks += 1;
                        history.push(at(1, history.len() as u64, marks));
                    }
                    _ => {
                        let now = *history.last().unwrap();
                        let is_lost = seen.is_some_and(|seen| !history.contains(&seen));
                        let verdict = judge(seen.as_ref(), &now, None);
                        // A database that has lost something and come further than it was is past
                        // finding by its count alone; runners remember what they were told besides.
                        let is_past = seen.is_some_and(|seen| now.seq > seen.seq);
                        prop_assert_eq!(verdict == Verdict::WentBack, is_lost && !is_past);
                        seen = Some(now);
                    }
                }
            }
        }
    }
}
