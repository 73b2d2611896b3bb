//! How long something is kept, as people write it: `400d`, `forever`.

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;
use clap::Args;

/// The server keeps the last week whatever is asked, so a shorter time would be a false promise.
const LEAST_DAYS: u16 = 7;

/// The same of the audit log: `freehold_engine::audit_keep::SECURITY_LEAST`.
const AUDIT_LEAST_DAYS: u16 = 90;

/// How long the audit log is kept.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct AuditKeepWords {
    /// How long entries of the audit log are kept: days, 90 at least, or `forever`
    #[arg(long, value_name = "TIME", default_value = "730d", value_parser = audit)]
    pub(crate) keep_audit: Keep,
    /// How long the audit log says who looked at what: days, or `forever`
    #[arg(long, value_name = "TIME", default_value = "180d")]
    pub(crate) keep_audit_reading: Keep,
}

fn audit(text: &str) -> Result<Keep, String> {
    match text.parse()? {
        Keep::Days(days) if days < AUDIT_LEAST_DAYS => Err(format!(
            "`{text}` is too short: the audit log is kept for {AUDIT_LEAST_DAYS} days at least"
        )),
        keep => Ok(keep),
    }
}

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
    fn the_audit_log_is_kept_for_a_quarter_at_least() {
        assert_eq!(audit("90d"), Ok(Keep::Days(90)));
        assert_eq!(audit("forever"), Ok(Keep::Forever));
        assert!(audit("89d").unwrap_err().contains("90 days"));
        assert!(audit("6d").unwrap_err().contains("7 days"));
        let least = freehold_engine::audit_keep::SECURITY_LEAST;
        assert_eq!(least.num_days(), i64::from(AUDIT_LEAST_DAYS));
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
