//! A step: said when it begins and how it ended.

use std::time::Instant;

use serde_json::json;

use crate::failure::Halt;
use crate::report::Report;

/// A step that has begun. It must be ended.
#[must_use]
pub(crate) struct Step<'a> {
    report: &'a Report,
    name: &'static str,
    began: Instant,
    /// Of the program that the step ran, where there is one.
    pub(crate) exit_code: Option<i32>,
}

impl<'a> Step<'a> {
    /// Says and writes down that the step begins. A job that was told to stop begins none.
    pub(crate) async fn begin(report: &'a Report, name: &'static str) -> Result<Self, Halt> {
        if report.stop.why().is_some() {
            return Err(Halt::Stopped);
        }
        report.context.journal.step(report.job, name).await?;
        report
            .state("step.started", json!({ "step": name }), None)
            .await?;
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
        let meta =
            json!({ "step": self.name, "state": state, "ms": ms, "exit_code": self.exit_code });
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
