//! Hosts that resist: why a sandbox cannot be set up here, and what mends it.
//!
//! [`Facts`] are read, [`diagnose`] is a pure function of them. Nothing here makes a sandbox weaker:
//! an obstacle is removed by a person, or the sandbox starts nothing.

mod facts;
mod remedy;

pub use facts::{Cgroups, Container, Facts};
pub use remedy::{COMPOSE_FILE, SECCOMP_FILE, Step, seccomp_profile};

use crate::error::SandboxError;

/// One thing that stands in the way, in words, and the steps that remove it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// What stands in the way.
    pub what: String,
    /// What removes it, in order.
    pub steps: Vec<Step>,
}

impl Obstacle {
    fn new(what: impl Into<String>, steps: Vec<Step>) -> Self {
        Self {
            what: what.into(),
            steps,
        }
    }
}

/// Why `error` came, as far as the facts tell, the likeliest first. Empty when they tell nothing.
#[must_use]
pub fn diagnose(error: &SandboxError, facts: &Facts) -> Vec<Obstacle> {
    match error {
        SandboxError::BubblewrapMissing { .. } => {
            return vec![Obstacle::new(
                "bubblewrap is not installed",
                remedy::package("bubblewrap"),
            )];
        }
        SandboxError::BubblewrapTooOld { .. } => {
            return vec![Obstacle::new(
                "bubblewrap is too old",
                remedy::package("bubblewrap"),
            )];
        }
        SandboxError::Setup { .. } | SandboxError::Unproven { .. } => {}
        // Not the host's doing.
        _ => return Vec::new(),
    }
    let mut found = Vec::new();
    // Inside a container the host's settings cannot be changed, and are mostly not to blame.
    if let Some(container) = facts.container
        && (facts.filtered || facts.proc_covered)
    {
        let mut why = Vec::new();
        if facts.filtered {
            why.push("its system-call filter forbids namespaces");
        }
        if facts.proc_covered {
            why.push("parts of its /proc are covered, so no other one can be mounted");
        }
        found.push(Obstacle::new(
            format!("this is a container, and {}", why.join(" and ")),
            remedy::container(container),
        ));
        return found;
    }
    if facts.userns_clone == Some(0) {
        found.push(Obstacle::new(
            "unprivileged user namespaces are switched off (kernel.unprivileged_userns_clone is 0)",
            remedy::sysctl(&[("kernel.unprivileged_userns_clone", "1")]),
        ));
    }
    if facts.max_user_namespaces == Some(0) {
        found.push(Obstacle::new(
            "no user namespace can be made (user.max_user_namespaces is 0)",
            remedy::sysctl(&[("user.max_user_namespaces", "15000")]),
        ));
    }
    if facts.apparmor_restricts == Some(1) && !facts.root {
        found.push(Obstacle::new(
            "AppArmor lets no ordinary program use user namespaces \
             (kernel.apparmor_restrict_unprivileged_userns is 1)",
            remedy::apparmor(),
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup() -> SandboxError {
        SandboxError::Setup {
            step: "bubblewrap",
            detail: "setting up uid map: Permission denied".into(),
            mend: "",
        }
    }

    #[test]
    fn each_obstacle_is_told_with_what_removes_it() {
        let none = Facts::default();
        assert!(diagnose(&setup(), &none).is_empty());
        let off = Facts {
            max_user_namespaces: Some(0),
            userns_clone: Some(0),
            apparmor_restricts: Some(1),
            ..none.clone()
        };
        let told = diagnose(&setup(), &off);
        assert_eq!(told.len(), 3);
        let Step::Write { contents, .. } = &told[1].steps[0] else {
            panic!("{told:?}");
        };
        assert!(contents.contains("user.max_user_namespaces = 15000"));
        let root = Facts { root: true, ..off };
        assert_eq!(diagnose(&setup(), &root).len(), 2, "AppArmor spares root");
    }

    #[test]
    fn inside_a_container_the_host_is_not_touched() {
        let facts = Facts {
            container: Some(Container::Docker),
            filtered: true,
            max_user_namespaces: Some(0),
            ..Facts::default()
        };
        let told = diagnose(&setup(), &facts);
        assert_eq!(told.len(), 1);
        assert!(
            told[0]
                .steps
                .iter()
                .all(|step| !matches!(step, Step::Write { .. } | Step::Run { .. }))
        );
        assert!(told[0].what.contains("filter") && !told[0].what.contains("/proc"));
    }

    #[test]
    fn what_is_not_the_hosts_doing_is_not_mended() {
        let facts = Facts {
            max_user_namespaces: Some(0),
            ..Facts::default()
        };
        let error = SandboxError::Timeout {
            step: "start",
            seconds: 30,
        };
        assert!(diagnose(&error, &facts).is_empty());
    }
}
