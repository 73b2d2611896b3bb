//! Step 5: the project's checks, each in a sandbox of its own, on one clean copy of the result. All
//! run, in their order, also when one is red: a person wants to know all that is wrong.

use freehold_environment::project::Check as Wanted;
use freehold_git::{Oid, Store};
use freehold_wire::api::Check;
use freehold_wire::order::Order;
use serde_json::json;
use std::time::Instant;

use super::local;
use super::project::{self, Project};
use super::setup::{Ground, told};
use super::stage::{self, fill};
use crate::failure::Halt;
use crate::leftovers;
use crate::process;
use crate::report::Report;
use crate::surroundings::{self, Folder, Git};

/// How the checks went.
#[derive(Debug, Clone, Default)]
pub(crate) struct Checked {
    pub(crate) checks: Vec<Check>,
    /// Which were red, in words.
    pub(crate) red: Vec<String>,
}

impl Checked {
    /// What is wrong, when something is.
    pub(crate) fn detail(&self) -> Option<String> {
        (!self.red.is_empty()).then(|| self.red.join("\n\n"))
    }
}

/// Runs all checks on `head`.
pub(crate) async fn check(
    report: &Report,
    order: &Order,
    store: &Store,
    project: &Project,
    head: &Oid,
) -> Result<Checked, Halt> {
    if project.file.checks.is_empty() {
        return Ok(Checked::default());
    }
    let dir = report.context.run_dir(report.job.run).join("check");
    leftovers::remove(&dir).await;
    let folder = Folder::below(&dir);
    project::is_there(store, Some(head), &order.project).await?;
    let shape = stage::folders(&project.file.sparse, order.project.directory.as_ref())?;
    fill(report, store, Some(head), &folder, &shape, None).await?;
    let target = project.at.as_ref();
    let local = local::lay(report, store, &order.project, target, &folder, true).await?;
    let ground = Ground {
        report,
        order,
        store,
        folder: &folder,
        untouched: true,
        local: &local,
    };
    let checked = run_all(&ground, project, head).await;
    leftovers::remove(&dir).await;
    checked
}

async fn run_all(ground: &Ground<'_>, project: &Project, head: &Oid) -> Result<Checked, Halt> {
    ground.prepare(project, Some(head)).await?;
    let way = ground.way_out(project).await?;
    ground.tell_unopened(project, head).await?;
    let mut checked = Checked::default();
    for wanted in &project.file.checks {
        match run(ground, wanted, way.as_ref()).await {
            Ok((check, red)) => {
                checked.checks.push(check);
                checked.red.extend(red);
            }
            Err(halt) => {
                // The halt weighs more than what went out until then.
                drop(surroundings::close(ground.report, "check", way).await);
                return Err(halt);
            }
        }
    }
    let refused = surroundings::close(ground.report, "check", way).await?;
    if let Some(last) = checked.red.last_mut()
        && !refused.is_empty()
    {
        last.push_str("\nWhile the checks ran:\n  ");
        last.push_str(&refused.join("\n  "));
    }
    Ok(checked)
}

async fn run(
    ground: &Ground<'_>,
    wanted: &Wanted,
    way: Option<&surroundings::WayOut>,
) -> Result<(Check, Option<String>), Halt> {
    let report = ground.report;
    let tools = surroundings::tools(report.context.site(), &ground.places(), &[]).await?;
    let spec = ground.spec(&tools, way, Git::Write, &wanted.command)?;
    let began = Instant::now();
    let step = format!("check:{}", wanted.name);
    let ran = process::run(report, &spec, &step, wanted.timeout).await?;
    let state = match ran.exit.code {
        _ if ran.timed_out => "timed_out",
        Some(0) => "passed",
        _ => "failed",
    };
    let exit_code = if ran.timed_out { None } else { ran.exit.code };
    let check = Check {
        name: wanted.name.clone(),
        state: state.to_owned(),
        exit_code,
    };
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let meta =
        json!({ "name": check.name, "state": check.state, "exit_code": check.exit_code, "ms": ms });
    report.state("check.finished", meta, None).await?;
    let red = (state != "passed").then(|| {
        told(
            &format!("the check `{}` is red", wanted.name),
            &ran,
            wanted.timeout.as_secs(),
            &[],
        )
    });
    Ok((check, red))
}
