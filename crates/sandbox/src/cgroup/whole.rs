//! The group of one owner, in which the groups of its starts lie: what they may use up together.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::files::write;
use super::home::{CONTROLLERS, Home};
use super::{Facts, Group, Held, NEAR};
use crate::spec::{Limits, Together};

/// Those that have a start in them. One whose limits were changed is another: what began before is
/// held as it began.
static WHOLES: Mutex<BTreeMap<Together, Weak<Group>>> = Mutex::new(BTreeMap::new());

/// The owner's group, held by each start in it: the last one takes it away.
#[derive(Debug)]
pub(super) struct Whole {
    group: Arc<Group>,
    /// How often it had refused a task when this start began.
    refused: u64,
}

impl Whole {
    /// The one of the owner, made where there is none; `None` where none can be made.
    pub(super) fn of(home: &Home, together: Together) -> Option<Self> {
        let mut wholes = WHOLES.lock().unwrap_or_else(PoisonError::into_inner);
        let known = wholes.get(&together).and_then(Weak::upgrade);
        let group = match known {
            Some(group) => group,
            None => {
                let group = Arc::new(make(home, together)?);
                wholes.retain(|_, group| group.strong_count() > 0);
                wholes.insert(together, Arc::downgrade(&group));
                group
            }
        };
        let refused = group.refusals();
        Some(Self { group, refused })
    }

    /// Where groups of starts are made.
    pub(super) fn inside(&self, home: &Home) -> Home {
        match (home, &self.group.memory) {
            (Home::V1 { cpu, .. }, memory) => Home::V1 {
                memory: memory.clone(),
                pids: self.group.pids.clone(),
                cpu: self.group.cpu.clone().or_else(|| cpu.clone()),
            },
            (Home::V2 { .. }, Some(below)) => Home::V2 {
                below: below.clone(),
            },
            (Home::V2 { below }, None) => Home::V2 {
                below: below.clone(),
            },
        }
    }

    /// The limits of a start in it: processors are counted only in a group of their own, and version
    /// 1 refuses more of them than the group above has.
    pub(super) fn within(&self, limits: &Limits) -> Limits {
        let both = [limits.cpu_milli, self.group.held.cpu_milli];
        Limits {
            cpu_milli: both.into_iter().flatten().min(),
            ..*limits
        }
    }

    pub(super) fn held(&self) -> Held {
        self.group.held
    }

    /// What a start's own group did, with what it did to the whole. `killed`: one of its processes
    /// was, for memory; `refused`: one was, as one too many.
    pub(super) fn facts(&self, own: Facts, killed: bool, refused: bool) -> Facts {
        let all = self.group.facts();
        let at = |peak: Option<u64>, most: Option<u64>, near: u64| match most {
            Some(most) => peak.is_none_or(|peak| peak >= most - most / near),
            None => false,
        };
        let is_own = at(own.peak_tasks, own.held.tasks, u64::MAX);
        let is_whole = at(all.peak_tasks, all.held.tasks, u64::MAX);
        // Counted where it was asked for (version 1, and 2 before 6.11), or where the limit is.
        let passed = refused && is_whole;
        let counted = all.held.tasks.is_some() && self.group.refusals() > self.refused;
        let out_of_tasks = !is_own && (passed || counted);
        let is_memory = at(all.peak_memory_bytes, all.held.memory_bytes, NEAR);
        Facts {
            out_of_tasks: own.out_of_tasks && !out_of_tasks,
            together: super::Together {
                held: all.held,
                peak_memory_bytes: all.peak_memory_bytes,
                peak_tasks: all.peak_tasks,
                out_of_memory: killed && !own.out_of_memory && is_memory,
                out_of_tasks,
            },
            ..own
        }
    }
}

fn make(home: &Home, together: Together) -> Option<Group> {
    let limits = Limits {
        total_memory_bytes: together.memory_bytes,
        total_tasks: together.tasks,
        cpu_milli: together.cpu_milli,
        ..Limits::default()
    };
    let group = Group::below(home, &limits)?;
    if let (Home::V2 { .. }, Some(folder)) = (home, &group.memory) {
        let has = fs::read_to_string(folder.join("cgroup.controllers")).ok()?;
        let has: Vec<&str> = has.split_whitespace().collect();
        let wanted = CONTROLLERS.iter().filter(|name| has.contains(name));
        let wanted: Vec<String> = wanted.map(|name| format!("+{name}")).collect();
        write(&folder.join("cgroup.subtree_control"), &wanted.join(" ")).ok()?;
    }
    Some(group)
}
