//! What stood around a run, and what it used: numbers and names only.

use freehold_model::{Isolation, Limits};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema;

/// What really stood around a step of a run, as the runner found it. A fact, not a wish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InForce {
    /// The fence that the step was done under.
    #[serde(default)]
    pub epoch: u32,
    /// Its name: `setup`, `agent`, `collect`, `check:` and a check's.
    pub step: String,
    /// What stood between its processes and the machine.
    #[schema(value_type = schema::Isolation)]
    pub isolation: Isolation,
    /// What started it, with its version, such as `bubblewrap 0.8.0`; null for a plain process.
    #[serde(default)]
    pub launcher: Option<String>,
    /// The version of Landlock that was enforced; null where the kernel has none.
    #[serde(default)]
    pub landlock: Option<u32>,
    /// Where limits for all its processes together were held: `v1`, `v2`; null for nowhere.
    #[serde(default)]
    pub cgroup: Option<String>,
    /// Whether it ran as a user of its own on the machine.
    #[serde(default)]
    pub own_uid: bool,
    /// Whether its system calls were filtered.
    #[serde(default)]
    pub filter: bool,
    /// The limits that were asked for, whether they were held, and what was used of each.
    #[serde(default)]
    pub limits: Vec<Bound>,
    /// Processor time of all its processes, in milliseconds.
    #[serde(default)]
    pub cpu_ms: Option<u64>,
    /// From its start to its end, in milliseconds.
    #[serde(default)]
    pub wall_ms: u64,
    /// The id of the limit that ended it, if one did.
    #[serde(default)]
    pub hit: Option<String>,
}

/// One limit of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Bound {
    /// Which: `memory`, `disk`, `file_size` and `output` count bytes, `tasks` and `files` things,
    /// `cpu` thousandths of a processor, `output_rate` bytes in a second.
    pub limit: String,
    /// Its value.
    pub value: u64,
    /// Whether it was held. One that this machine cannot hold is asked for and not held.
    pub held: bool,
    /// The most that was used of it, where that was measured.
    #[serde(default)]
    pub used: Option<u64>,
}

/// Which of an agent's limits are out of their bounds, if one is: its id, and the least it may be.
#[must_use]
pub fn too_low(limits: &Limits) -> Option<(&'static str, u64)> {
    let low = limits.iter().find(|(limit, value)| **value < limit.least());
    low.map(|(limit, _)| (limit.id(), limit.least()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use freehold_model::Limit;

    #[test]
    fn limits_are_an_object_by_name() {
        let limits = Limits::from([(Limit::Memory, 1 << 30), (Limit::OutputRate, 65536)]);
        let text = serde_json::to_string(&limits).unwrap();
        assert_eq!(text, r#"{"memory":1073741824,"output_rate":65536}"#);
        assert_eq!(serde_json::from_str::<Limits>(&text).unwrap(), limits);
        // An unknown one is not ignored: it would quietly not be held.
        assert!(serde_json::from_str::<Limits>(r#"{"moat":1}"#).is_err());
        assert_eq!(too_low(&limits), None);
        assert_eq!(
            too_low(&Limits::from([(Limit::Tasks, 1)])),
            Some(("tasks", 16))
        );
    }

    #[test]
    fn facts_of_another_version_are_read() {
        let text = r#"{"step":"agent","isolation":"vm","later":1}"#;
        let fact: InForce = serde_json::from_str(text).unwrap();
        assert_eq!((fact.isolation, fact.limits.len()), (Isolation::Vm, 0));
    }
}
