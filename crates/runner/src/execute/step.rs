//! A step: said when it begins and how it ended, under its number and by the version that does it.

use std::time::Instant;

use freehold_model::run::JobKind;
use serde_json::json;

use crate::failure::Halt;
use crate::report::Report;

/// The steps of a job. A step's number is its place among those of its kind of job, from 1; what an
/// earlier life of the program left is read by number and name, so that a step that was renamed, or has
/// another place, is seen to be another program's ([`at`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    Stage,
    Setup,
    Agent,
    Collect,
    Check,
    Park,
    Land,
}

const EXECUTE: [Name; 6] = [
    Name::Stage,
    Name::Setup,
    Name::Agent,
    Name::Collect,
    Name::Check,
    Name::Park,
];
const LAND: [Name; 1] = [Name::Land];

impl Name {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Stage => "stage",
            Self::Setup => "setup",
            Self::Agent => "agent",
            Self::Collect => "collect",
            Self::Check => "check",
            Self::Park => "park",
            Self::Land => "land",
        }
    }

    pub(crate) const fn number(self) -> u32 {
        match self {
            Self::Stage | Self::Land => 1,
            Self::Setup => 2,
            Self::Agent => 3,
            Self::Collect => 4,
            Self::Check => 5,
            Self::Park => 6,
        }
    }
}

/// What this version of the program calls a step.
pub(crate) fn at(kind: JobKind, number: u32) -> Option<&'static str> {
    let steps: &[Name] = match kind {
        JobKind::Execute => &EXECUTE,
        JobKind::Land => &LAND,
    };
    let mut steps = steps.iter();
    steps
        .find(|name| name.number() == number)
        .map(|name| name.word())
}

/// A step that has begun. It must be ended.
#[must_use]
pub(crate) struct Step<'a> {
    report: &'a Report,
    name: Name,
    began: Instant,
    /// Of the program that the step ran, where there is one.
    pub(crate) exit_code: Option<i32>,
}

impl<'a> Step<'a> {
    /// Says and writes down that the step begins. A job that was told to stop begins none.
    pub(crate) async fn begin(report: &'a Report, name: Name) -> Result<Self, Halt> {
        if report.stop.why().is_some() {
            return Err(Halt::Stopped);
        }
        let (number, word) = (name.number(), name.word());
        let journal = &report.context.journal;
        journal.step(report.job, number, word).await?;
        let meta = json!({ "step": word, "number": number, "version": journal.version() });
        report.state("step.started", meta, None).await?;
        Ok(Self {
            report,
            name,
            began: Instant::now(),
            exit_code: None,
        })
    }

    /// Says how it ended and gives the result on.
    pub(crate) async fn end<T>(self, result: Result<T, Halt>) -> Result<T, Halt> {
        let state = match &result {
            Ok(_) => "done",
            Err(Halt::Failed(_)) => "failed",
            Err(Halt::Stopped | Halt::Fenced) => "cancelled",
        };
        let ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let meta = json!({
            "step": self.name.word(),
            "number": self.name.number(),
            "version": self.report.context.journal.version(),
            "state": state,
            "ms": ms,
            "exit_code": self.exit_code,
        });
        let said = self.report.state("step.finished", meta, None).await;
        let value = result?;
        said.map(|()| value)
    }

    /// Does `work` unless the job is told to stop; dropping it must leave nothing behind.
    pub(crate) async fn until_stopped<T>(
        &self,
        work: impl Future<Output = Result<T, Halt>>,
    ) -> Result<T, Halt> {
        tokio::select! {
            biased;
            () = self.report.stop.token().cancelled() => Err(Halt::Stopped),
            done = work => done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_found_by_its_number() {
        for (kind, steps) in [(JobKind::Execute, &EXECUTE[..]), (JobKind::Land, &LAND[..])] {
            for (number, name) in (1..).zip(steps) {
                assert_eq!(at(kind, number), Some(name.word()));
            }
            assert_eq!(at(kind, 0), None);
            assert_eq!(at(kind, 1 + u32::try_from(steps.len()).unwrap()), None);
        }
    }
}
