//! How strongly a run is kept apart: the stronger of what its agent and its project say.

use freehold_model::{Isolation, RunId};
use freehold_store::{AgentRow, ProjectRow, RunRow, Tx};
use freehold_wire::api::{InForce, NewAgent, too_low};
use freehold_wire::link::{Finished, IN_FORCE_MAX};
use freehold_wire::problem::{Code, Problem};
use serde_json::{Value, json};

use crate::project::shorten;
use crate::{Engine, Error, Result, refuse};

/// Longest name of an image, or path of one.
const IMAGE_MAX: usize = 512;
/// Longest word of a runner's on what was in force.
const WORD_MAX: usize = 100;
/// Most limits of one step; there are fewer kinds.
const BOUNDS_MAX: usize = 16;

/// Whether what an agent asks for can be had at all.
pub(crate) fn check(new: &NewAgent) -> Result<()> {
    if let Some((limit, least)) = too_low(&new.limits) {
        let detail = format!("the limit `{limit}` is at least {least}: with less nothing starts");
        return refuse(Code::Invalid, detail);
    }
    if new
        .limits
        .values()
        .any(|value| i64::try_from(*value).is_err())
    {
        return refuse(Code::Invalid, "a limit is too large to be one");
    }
    let Some(image) = &new.image else {
        return Ok(());
    };
    if new.isolation != Isolation::Container {
        let detail = format!(
            "an image is what a container starts from; with isolation `{}` there is none",
            new.isolation
        );
        return Err(Problem::new(Code::Invalid, detail)
            .next("say `--isolation container`, or leave the image out")
            .into());
    }
    // It becomes a word on a command line: never an option, never two words.
    let fits = (1..=IMAGE_MAX).contains(&image.len())
        && !image.starts_with('-')
        && !image.contains(|c: char| c.is_whitespace() || c.is_control());
    if fits {
        return Ok(());
    }
    let detail = format!(
        "`{}` is neither an image's name nor an absolute path",
        shorten(image)
    );
    refuse(Code::Invalid, detail)
}

/// What a run has from now on: the strongest of what it had, what its agent says, and what its
/// project demands. It never becomes weaker.
pub(crate) fn asked(had: Isolation, agent: &AgentRow, project: &ProjectRow) -> Isolation {
    let least = project.isolation_at_least.unwrap_or(Isolation::None);
    had.max(agent.isolation).max(least)
}

/// Whether an image can be used as strongly as that.
pub(crate) fn fits_image(asked: Isolation, image: Option<&String>) -> Result<()> {
    if image.is_none() || asked == Isolation::Container {
        return Ok(());
    }
    let detail = format!(
        "the agent names an image, which is what a container starts from, and this run needs the isolation `{asked}`"
    );
    Err(Problem::new(Code::Conflict, detail)
        .next("take the image from the agent (`freehold agent edit --no-image`), or see `freehold project show`")
        .into())
}

impl Engine {
    /// Notes that a run needs more isolation than it did, where that is so.
    pub(crate) async fn raise(
        &self,
        tx: &mut Tx,
        row: &mut RunRow,
        agent: &AgentRow,
        project: &ProjectRow,
    ) -> Result<Isolation> {
        let now = asked(row.isolation_asked, agent, project);
        if now != row.isolation_asked {
            tx.run_set_isolation_asked(row.id, now).await?;
            row.isolation_asked = now;
        }
        Ok(now)
    }
}

/// What a runner reported of a job, bounded, to be kept under its epoch.
pub(crate) fn reported(done: &Finished) -> Option<Value> {
    if done.in_force.is_empty() {
        return None;
    }
    let epoch = done.job.epoch;
    let kept = done.in_force.iter().take(IN_FORCE_MAX);
    let steps: Vec<InForce> = kept.map(|step| bounded(step, epoch)).collect();
    Some(json!({ epoch.to_string(): steps }))
}

fn bounded(step: &InForce, epoch: u32) -> InForce {
    let short = |text: &str| {
        let plain = text.chars().filter(|c| !c.is_control());
        plain.take(WORD_MAX).collect::<String>()
    };
    let mut step = InForce {
        epoch,
        ..step.clone()
    };
    step.step = short(&step.step);
    step.launcher = step.launcher.as_deref().map(short);
    step.cgroup = step.cgroup.as_deref().map(short);
    step.hit = step.hit.as_deref().map(short);
    step.limits.truncate(BOUNDS_MAX);
    for bound in &mut step.limits {
        bound.limit = short(&bound.limit);
    }
    step
}

/// What is kept of all epochs, in their order.
pub(crate) fn in_force(run: RunId, kept: &Value) -> Result<Vec<InForce>> {
    let Value::Object(epochs) = kept else {
        return Ok(Vec::new());
    };
    let mut all: Vec<InForce> = Vec::new();
    for steps in epochs.values() {
        let steps: Vec<InForce> = serde_json::from_value(steps.clone())
            .map_err(|error| Error::Internal(format!("what was in force of {run}: {error}")))?;
        all.extend(steps);
    }
    // Stable: within an epoch they stay in the order in which they were done.
    all.sort_by_key(|step| step.epoch);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use freehold_model::run::Outcome;
    use freehold_model::{Limit, Limits};
    use freehold_wire::api::Bound;
    use freehold_wire::link::JobRef;

    fn step(name: &str) -> InForce {
        InForce {
            epoch: 0,
            step: name.into(),
            isolation: Isolation::Sandbox,
            launcher: Some("bubblewrap 0.8.0\u{1b}[1m".into()),
            landlock: Some(6),
            cgroup: None,
            own_uid: false,
            filter: true,
            limits: vec![
                Bound {
                    limit: "memory".into(),
                    value: 1,
                    held: false,
                    used: None
                };
                40
            ],
            cpu_ms: Some(1),
            wall_ms: 2,
            hit: None,
        }
    }

    #[test]
    fn what_a_runner_reports_is_bounded_and_read_back_in_order() {
        let at = chrono::DateTime::UNIX_EPOCH;
        let job = JobRef {
            job: freehold_model::JobId::at(at, [1; 10]),
            run: RunId::at(at, [1; 10]),
            epoch: 10,
        };
        let mut done = Finished {
            job,
            outcome: Outcome::Cancelled,
            detail: None,
            checks: vec![],
            diff: None,
            transcript: None,
            isolation: None,
            in_force: vec![step("agent"); 100],
            agent_version: None,
        };
        let Some(Value::Object(mut kept)) = reported(&done) else {
            panic!()
        };
        done.job.epoch = 9;
        let Some(Value::Object(earlier)) = reported(&done) else {
            panic!()
        };
        kept.extend(earlier);
        let read = in_force(job.run, &Value::Object(kept)).unwrap();
        assert_eq!(read.len(), 2 * IN_FORCE_MAX);
        assert_eq!((read[0].epoch, read[IN_FORCE_MAX].epoch), (9, 10));
        assert_eq!(read[0].launcher.as_deref(), Some("bubblewrap 0.8.0[1m"));
        assert_eq!(read[0].limits.len(), BOUNDS_MAX);
        assert!(in_force(job.run, &Value::Null).unwrap().is_empty());
        done.in_force.clear();
        assert!(reported(&done).is_none());
    }

    #[test]
    fn an_image_needs_a_container_and_is_one_word() {
        let agent = |isolation: &str, image: Option<&str>| {
            let json = json!({ "name": "a", "driver": "command", "command": ["x"],
                "isolation": isolation, "image": image });
            serde_json::from_value::<NewAgent>(json).unwrap()
        };
        assert!(check(&agent("container", Some("registry.example/a/b@sha256:00"))).is_ok());
        assert!(check(&agent("container", Some("/srv/root"))).is_ok());
        assert!(check(&agent("vm", None)).is_ok());
        for bad in ["", "-v", "a b", "a\nb"] {
            assert!(check(&agent("container", Some(bad))).is_err(), "{bad}");
        }
        assert!(check(&agent("sandbox", Some("debian"))).is_err());
        let low = NewAgent {
            limits: Limits::from([(Limit::Memory, 1)]),
            ..agent("none", None)
        };
        assert!(check(&low).is_err());
        let unknown = json!({ "name": "a", "driver": "command", "limits": { "moat": 1 } });
        assert!(serde_json::from_value::<NewAgent>(unknown).is_err());
    }
}
