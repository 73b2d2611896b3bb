//! How long something is kept, as people write it: `400d`, `forever`.

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;

/// The server keeps the last week whatever is asked, so a shorter time would be a false promise.
const LEAST_DAYS: u16 = 7;

/// How long something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// So many days.
    Days(u16),
    /// Until somebody says otherwise.
    Forever,
}

impl Keep {
    /// As a span of time; none is for ever.
    pub(crate) fn span(self) -> Option<TimeDelta> {
        match self {
            Self::Days(days) => Some(TimeDelta::days(days.into())),
            Self::Forever => None,
        }
    }
}

impl FromStr for Keep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "forever" {
            return Ok(Self::Forever);
        }
        let days = text.strip_suffix('d').and_then(|days| days.parse().ok());
        match days {
            Some(days) if days >= LEAST_DAYS => Ok(Self::Days(days)),
            Some(_) => Err(format!(
                "`{text}` is too short: it is kept for {LEAST_DAYS} days at least"
            )),
            None => Err(format!(
                "`{text}` is not a number of days; write it like 400d, or forever"
            )),
        }
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Days(days) => write!(f, "{days}d"),
            Self::Forever => f.write_str("forever"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_forever_are_read_as_they_are_shown() {
        for text in ["7d", "400d", "65535d", "forever"] {
            assert_eq!(text.parse::<Keep>().unwrap().to_string(), text);
        }
        assert_eq!("forever".parse::<Keep>().unwrap().span(), None);
        let week = "7d".parse::<Keep>().unwrap().span();
        assert_eq!(week, Some(TimeDelta::weeks(1)));
    }

    #[test]
    fn what_is_no_time_to_keep_is_refused_in_words() {
        for short in ["0d", "6d"] {
            assert!(
                short.parse::<Keep>().unwrap_err().contains("7 days"),
                "{short}"
            );
        }
        for wrong in ["", "d", "400", "1y", "-1d", "65536d", "Forever", "12h"] {
            assert!(
                wrong.parse::<Keep>().unwrap_err().contains("400d"),
                "{wrong}"
            );
        }
    }
}
