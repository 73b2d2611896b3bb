//! Durations as people write them: `90s`, `10m`, `1h`, `1h30m`.

/// Longest duration: a month. Beyond it, a typing error is likelier than a wish.
const MAX_S: u64 = 31 * 24 * 3600;

/// Seconds of a duration like `90s`, `10m`, `1h30m`, `2d`.
///
/// # Errors
/// In words for the person who typed it.
pub(crate) fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a duration; write it like 90s, 10m or 1h30m");
    let mut total = 0u64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        let mut after = after.chars();
        let unit = match after.next() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3600,
            Some('d') => 86_400,
            _ => return Err(wrong()),
        };
        let number: u64 = number.parse().map_err(|_| wrong())?;
        total = number
            .checked_mul(unit)
            .and_then(|part| total.checked_add(part))
            .ok_or_else(wrong)?;
        rest = after.as_str();
    }
    match total {
        0 => Err(wrong()),
        1..=MAX_S => Ok(total),
        _ => Err(format!("`{text}` is longer than 31 days")),
    }
}

/// The shortest text for so many seconds, as [`seconds`] reads it.
pub(crate) fn text(seconds: u64) -> String {
    let mut rest = seconds;
    let mut text = String::new();
    for (unit, name) in [(86_400, 'd'), (3600, 'h'), (60, 'm'), (1, 's')] {
        if rest >= unit {
            text.push_str(&(rest / unit).to_string());
            text.push(name);
            rest %= unit;
        }
    }
    if text.is_empty() {
        text.push_str("0s");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(seconds("90s"), Ok(90));
        assert_eq!(seconds("10m"), Ok(600));
        assert_eq!(seconds("1h30m"), Ok(5400));
        assert_eq!(text(5400), "1h30m");
        assert_eq!(text(90), "1m30s");
    }

    #[test]
    fn what_is_no_duration_is_refused_in_words() {
        for wrong in [
            "",
            "10",
            "m",
            "0s",
            "5 m",
            "1w",
            "-1s",
            "99999999999999999999s",
        ] {
            assert!(seconds(wrong).unwrap_err().contains("10m"), "{wrong}");
        }
        assert!(seconds("18446744073709551615d").is_err());
        assert!(seconds("32d").unwrap_err().contains("31 days"));
    }
}
