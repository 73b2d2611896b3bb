//! What a run may use up: names, units, and how people write the numbers.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Something that can be bounded. Append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Memory of all processes of a step together, in bytes.
    Memory,
    /// Processes and threads of a step, all together.
    Tasks,
    /// Processors that a step may keep busy, in thousandths. It slows, it does not end.
    Cpu,
    /// What a run keeps on the disk (workspace, git directory, home), in bytes.
    Disk,
    /// Files and folders there.
    Files,
    /// The largest single file, in bytes.
    FileSize,
    /// What a step prints in all, in bytes.
    Output,
    /// What a step prints in a second, in bytes. It slows, it does not end.
    OutputRate,
}

/// Values for some limits; one that is not named is as the runner has it.
pub type Limits = BTreeMap<Limit, u64>;

/// What a limit's number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Things.
    Count,
    /// Thousandths of a processor.
    Milli,
    /// Bytes in a second.
    BytesPerSecond,
}

impl Limit {
    /// Every limit there is.
    pub const ALL: [Self; 8] = [
        Self::Memory,
        Self::Tasks,
        Self::Cpu,
        Self::Disk,
        Self::Files,
        Self::FileSize,
        Self::Output,
        Self::OutputRate,
    ];

    /// The name on the wire, in files and on command lines.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Tasks => "tasks",
            Self::Cpu => "cpu",
            Self::Disk => "disk",
            Self::Files => "files",
            Self::FileSize => "file_size",
            Self::Output => "output",
            Self::OutputRate => "output_rate",
        }
    }

    /// What its number counts.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::Memory | Self::Disk | Self::FileSize | Self::Output => Unit::Bytes,
            Self::Tasks | Self::Files => Unit::Count,
            Self::Cpu => Unit::Milli,
            Self::OutputRate => Unit::BytesPerSecond,
        }
    }

    /// The least that makes sense: below it nothing could even start.
    #[must_use]
    pub const fn least(self) -> u64 {
        match self {
            Self::Memory => 32 << 20,
            Self::Tasks => 16,
            Self::Cpu => 50,
            Self::Disk | Self::FileSize => 1 << 20,
            Self::Files => 100,
            Self::Output => 64 << 10,
            Self::OutputRate => 16 << 10,
        }
    }

    /// What was used of it, as a part of a sentence: `of memory`.
    #[must_use]
    pub const fn used_of(self) -> &'static str {
        match self {
            Self::Memory => "of memory",
            Self::Tasks => "processes and threads",
            Self::Cpu => "of processors",
            Self::Disk => "of disk",
            Self::Files => "files and folders",
            Self::FileSize => "in one file",
            Self::Output => "of output",
            Self::OutputRate => "of output in a second",
        }
    }

    /// A value as people write it: `2GiB`, `1.5GB`, `4096`, and processors as `1.5`.
    ///
    /// # Errors
    /// In words, with an example.
    pub fn parse(self, text: &str) -> Result<u64, String> {
        let wrong = || {
            let example = match self.unit() {
                Unit::Bytes | Unit::BytesPerSecond => "2GiB",
                Unit::Count => "4096",
                Unit::Milli => "1.5",
            };
            format!(
                "`{text}` is not a value for {}; write it like {example}",
                self.id()
            )
        };
        let value = match self.unit() {
            Unit::Bytes | Unit::BytesPerSecond => bytes(text),
            Unit::Count => text.trim().parse().ok(),
            Unit::Milli => decimal(text.trim(), 1000),
        };
        value.ok_or_else(wrong)
    }

    /// A value as [`Limit::parse`] reads it back, exactly.
    #[must_use]
    pub fn write(self, value: u64) -> String {
        match self.unit() {
            Unit::Bytes | Unit::BytesPerSecond => exact_bytes(value),
            Unit::Count => value.to_string(),
            Unit::Milli if value.is_multiple_of(1000) => (value / 1000).to_string(),
            Unit::Milli => format!("{}.{:03}", value / 1000, value % 1000),
        }
    }

    /// A value in words: `2 GiB`, `4096`, `1.5`.
    #[must_use]
    pub fn show(self, value: u64) -> String {
        match self.unit() {
            Unit::Bytes => show_bytes(value),
            Unit::BytesPerSecond => format!("{}/s", show_bytes(value)),
            Unit::Count => value.to_string(),
            Unit::Milli => shortest(value, 1000),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = text.replace('-', "_");
        Self::ALL
            .into_iter()
            .find(|limit| limit.id() == wanted)
            .ok_or_else(|| {
                let all: Vec<&str> = Self::ALL.iter().map(|limit| limit.id()).collect();
                let shown: String = text.chars().take(64).collect();
                format!("there is no limit `{shown}`; limits are {}", all.join(", "))
            })
    }
}

/// The lower of two for each limit; one that only one of them names counts.
#[must_use]
pub fn lower(one: &Limits, other: &Limits) -> Limits {
    let mut both = one.clone();
    for (limit, value) in other {
        both.entry(*limit)
            .and_modify(|known| *known = (*known).min(*value))
            .or_insert(*value);
    }
    both
}

/// Units of IEC 80000-13 and SI, the longest first so that no name is taken for another's end.
const UNITS: [(&str, u64); 9] = [
    ("tib", 1 << 40),
    ("gib", 1 << 30),
    ("mib", 1 << 20),
    ("kib", 1 << 10),
    ("tb", 1_000_000_000_000),
    ("gb", 1_000_000_000),
    ("mb", 1_000_000),
    ("kb", 1_000),
    ("b", 1),
];

fn bytes(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let found = UNITS
        .iter()
        .find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)));
    let (number, unit) = found.unwrap_or((&text, 1));
    decimal(number.trim_end(), unit)
}

/// `1.5` of a unit. At most three digits behind the point.
fn decimal(text: &str, unit: u64) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 3 {
        return None;
    }
    let thousandths = format!("{part:0<3}").parse::<u64>().ok()?;
    let whole = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    let part = u128::from(thousandths) * u128::from(unit) / 1000;
    whole.checked_add(u64::try_from(part).ok()?)
}

/// What people call so many bytes, the largest first.
const NAMES: [(&str, u64); 4] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
];

fn exact_bytes(value: u64) -> String {
    let whole = NAMES
        .iter()
        .find(|(_, unit)| value > 0 && value.is_multiple_of(*unit));
    whole.map_or_else(
        || value.to_string(),
        |(name, unit)| format!("{}{name}", value / unit),
    )
}

fn show_bytes(value: u64) -> String {
    NAMES.iter().find(|(_, unit)| value >= *unit).map_or_else(
        || format!("{value} B"),
        |(name, unit)| format!("{} {name}", shortest(value, *unit)),
    )
}

/// With one digit behind the point where it is not 0, rounded up: what is over a limit must not
/// look as if it were at it.
fn shortest(value: u64, unit: u64) -> String {
    let tenths = (u128::from(value) * 10).div_ceil(u128::from(unit));
    match (tenths / 10, tenths % 10) {
        (whole, 0) => whole.to_string(),
        (whole, part) => format!("{whole}.{part}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_people_write_them() {
        for (text, value) in [
            ("2GiB", 2 << 30),
            ("2 gib", 2 << 30),
            ("1.5KiB", 1536),
            ("3MB", 3_000_000),
            ("17", 17),
            ("17b", 17),
        ] {
            assert_eq!(Limit::Memory.parse(text), Ok(value), "{text}");
        }
        assert_eq!(Limit::Cpu.parse("1.5"), Ok(1500));
        assert_eq!(Limit::Cpu.parse("2"), Ok(2000));
        assert_eq!(Limit::Tasks.parse("512"), Ok(512));
        for bad in [
            "",
            "GiB",
            "-1",
            "1e3",
            "1.2345GiB",
            "99999999999TiB",
            "2 x",
            "½",
        ] {
            assert!(Limit::Disk.parse(bad).is_err(), "{bad}");
        }
        assert!(Limit::Tasks.parse("1.5").is_err());
        for limit in Limit::ALL {
            for value in [1, 50, 1000, 1500, 4096, 3 << 30, (2 << 30) + 1] {
                assert_eq!(
                    limit.parse(&limit.write(value)),
                    Ok(value),
                    "{limit} {value}"
                );
            }
        }
        assert_eq!(Limit::Memory.write(3 << 30), "3GiB");
    }

    #[test]
    fn what_is_over_does_not_look_as_if_it_were_at() {
        assert_eq!(Limit::Memory.show(2 << 30), "2 GiB");
        assert_eq!(Limit::Memory.show((2 << 30) + 1), "2.1 GiB");
        assert_eq!(Limit::OutputRate.show(1 << 20), "1 MiB/s");
        assert_eq!(Limit::Tasks.show(4096), "4096");
        assert_eq!(Limit::Cpu.show(1500), "1.5");
    }

    #[test]
    fn names_are_read_back_and_the_lower_value_counts() {
        for limit in Limit::ALL {
            assert_eq!(limit.id().parse(), Ok(limit));
        }
        assert_eq!("output-rate".parse(), Ok(Limit::OutputRate));
        let one = Limits::from([(Limit::Memory, 5), (Limit::Tasks, 9)]);
        let other = Limits::from([(Limit::Memory, 3), (Limit::Disk, 1)]);
        let both = Limits::from([(Limit::Memory, 3), (Limit::Tasks, 9), (Limit::Disk, 1)]);
        assert_eq!(lower(&one, &other), both);
    }
}
