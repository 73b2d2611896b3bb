//! Durations as people write them: `90s`, `10m`, `1h`.

use std::time::Duration;

/// The longest timeout: past a day a hung command is an outage that nobody notices.
const MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Why a text is no timeout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeoutError {
    /// Not a number and a unit.
    #[error("write a whole number and s, m or h, such as \"90s\", \"10m\" or \"1h\"")]
    Shape,
    /// Nothing, or more than a day.
    #[error("a timeout is at least 1s and at most 24h")]
    Range,
}

/// Reads `90s`, `10m` or `1h`.
///
/// # Errors
/// Another shape, zero, or more than a day.
pub fn parse_timeout(text: &str) -> Result<Duration, TimeoutError> {
    let at = text
        .len()
        .checked_sub(1)
        .filter(|at| text.is_char_boundary(*at))
        .ok_or(TimeoutError::Shape)?;
    let (number, unit) = text.split_at(at);
    let seconds_per: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        _ => return Err(TimeoutError::Shape),
    };
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(TimeoutError::Shape);
    }
    let seconds = number
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(seconds_per))
        .ok_or(TimeoutError::Range)?;
    let timeout = Duration::from_secs(seconds);
    if timeout.is_zero() || timeout > MAX {
        Err(TimeoutError::Range)
    } else {
        Ok(timeout)
    }
}

/// The shortest spelling that [`parse_timeout`] reads back as the same timeout.
pub(super) fn render_timeout(timeout: Duration) -> String {
    match timeout.as_secs() {
        seconds if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, seconds) in [
            ("90s", 90),
            ("10m", 600),
            ("1h", 3600),
            ("24h", 86400),
            ("1s", 1),
        ] {
            let timeout = parse_timeout(text).unwrap();
            assert_eq!(timeout.as_secs(), seconds);
            assert_eq!(parse_timeout(&render_timeout(timeout)).unwrap(), timeout);
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in [
            "",
            "10",
            "m",
            "-1m",
            "+1m",
            "1.5h",
            "1 m",
            "10 minutes",
            "1é",
            "١m",
        ] {
            assert_eq!(parse_timeout(text), Err(TimeoutError::Shape), "{text:?}");
        }
        for text in [
            "0s",
            "25h",
            "99999999999999999999h",
            "18446744073709551615h",
        ] {
            assert_eq!(parse_timeout(text), Err(TimeoutError::Range), "{text:?}");
        }
    }
}
