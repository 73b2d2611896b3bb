//! Why a request has no answer. Whether it may be said again depends on which.

use freehold_wire::problem::{Code, Problem};

use crate::failure::Failure;

/// A request has no useful answer.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The connection failed or was cut: nobody knows whether the request arrived.
    Lost(String),
    /// The server answered with a problem document.
    Refused(Box<Problem>),
    /// Something answered that is not a server of ours.
    Strange(String),
}

impl Trouble {
    /// The connection failed, in words without the path.
    pub(crate) fn lost(error: reqwest::Error) -> Self {
        let at = error.url().map(|url| url.origin().ascii_serialization());
        // Without the path; the chain under the error is what says why.
        let error = error.without_url();
        let mut words = match at {
            Some(at) => format!("{at}: {error}"),
            None => error.to_string(),
        };
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            words = format!("{words}: {cause}");
            source = cause.source();
        }
        Self::Lost(words)
    }

    /// Whether a later try may go better although nothing is changed.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Lost(_) => true,
            Self::Refused(problem) => {
                matches!(problem.code, Code::Unavailable | Code::TooMany)
            }
            Self::Strange(_) => false,
        }
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Lost(why) => Self::unreachable(
                format!("the server cannot be reached: {why}"),
                "start it: `freehold up`; or correct FREEHOLD_URL",
            ),
            Trouble::Refused(problem) => (*problem).into(),
            Trouble::Strange(what) => Self::unreachable(
                format!("what is there is not a Freehold server of this version: {what}"),
                "correct FREEHOLD_URL, or bring client and server to one version",
            ),
        }
    }
}
