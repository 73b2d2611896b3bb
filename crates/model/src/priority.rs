//! Priorities, and a run's place in line.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// How much sooner than others a run is wanted.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// After the others.
    Low,
    /// In turn.
    #[default]
    Normal,
    /// Before the others.
    High,
    /// Before those too.
    Urgent,
}

impl Priority {
    /// All, the least first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Normal, Self::High, Self::Urgent];

    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Urgent => "urgent",
        }
    }

    /// As a number; 0 is normal.
    #[must_use]
    pub const fn level(self) -> i16 {
        match self {
            Self::Low => -1,
            Self::Normal => 0,
            Self::High => 1,
            Self::Urgent => 2,
        }
    }

    /// By its number; the nearest where there is none.
    #[must_use]
    pub const fn of_level(level: i16) -> Self {
        match level {
            i16::MIN..=-1 => Self::Low,
            0 => Self::Normal,
            1 => Self::High,
            2.. => Self::Urgent,
        }
    }
}

impl std::str::FromStr for Priority {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|priority| priority.name() == word)
            .ok_or(())
    }
}

/// What one step of priority is worth in waiting: a run stands in line as if it had been asked for so
/// much earlier. So the urgent go first, and whoever has waited long enough goes before them.
pub const PRIORITY_WORTH: TimeDelta = TimeDelta::hours(1);

/// A run's place in line; the lowest goes first.
#[must_use]
pub fn rank(asked_at: DateTime<Utc>, priority: Priority) -> DateTime<Utc> {
    asked_at - PRIORITY_WORTH * i32::from(priority.level())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_urgent_go_first_and_whoever_waited_long_enough_goes_before_them() {
        let at = |minutes| DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes);
        let mut line: Vec<_> = [
            ("low", 0, Priority::Low),
            ("old", 0, Priority::Normal),
            ("high", 59, Priority::High),
            ("late high", 61, Priority::High),
            ("urgent", 61, Priority::Urgent),
            ("new", 30, Priority::Normal),
        ]
        .map(|(name, asked, priority)| (rank(at(asked), priority), name))
        .into();
        line.sort();
        let names: Vec<_> = line.into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["urgent", "high", "old", "late high", "new", "low"]);
    }

    #[test]
    fn a_priority_is_its_word_and_its_number() {
        for priority in Priority::ALL {
            assert_eq!(priority.name().parse(), Ok(priority));
            assert_eq!(Priority::of_level(priority.level()), priority);
        }
        assert_eq!("soon".parse::<Priority>(), Err(()));
    }
}
