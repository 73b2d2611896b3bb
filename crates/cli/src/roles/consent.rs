//! What the owner of a machine allowed when they were asked, once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use freehold_git::Credentials;
use serde::{Deserialize, Serialize};

use super::data;
use crate::environment::Environment;
use crate::failure::Failure;

/// `consent.json`. What is not in it was not asked yet, and is not allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Consent {
    /// Whether a repository, by its path, becomes a project.
    pub(crate) repositories: BTreeMap<PathBuf, bool>,
    /// Whether the credential helper, by its configured value, may answer git.
    pub(crate) helpers: BTreeMap<String, bool>,
    /// Whether the SSH agent may sign for git.
    pub(crate) ssh_agent: Option<bool>,
}

impl Consent {
    /// Reads it; nothing is allowed where there is no file.
    pub(crate) fn load(path: &Path) -> Result<Self, Failure> {
        Ok(data::read_json(path)?.unwrap_or_default())
    }

    /// Keeps it.
    pub(crate) fn save(&self, path: &Path) -> Result<(), Failure> {
        data::write_json(path, self)
    }

    /// What git may show to remotes.
    pub(crate) fn credentials(&self, environment: &Environment) -> Credentials {
        let allowed = self.helpers.iter().find(|(_, allowed)| **allowed);
        let helper = allowed.map(|(helper, _)| helper.clone());
        let agent = environment.ssh_agent.clone();
        let ssh_agent = agent.filter(|_| self.ssh_agent == Some(true));
        let home = environment
            .home
            .clone()
            .filter(|_| helper.is_some() || ssh_agent.is_some());
        Credentials {
            helper,
            ssh_agent,
            ssh_command: None,
            home,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_and_no_allow_nothing() {
        let environment = Environment {
            home: Some("/home/ada".into()),
            ssh_agent: Some("/run/agent".into()),
            ..Environment::default()
        };
        let mut consent = Consent::default();
        let nothing = consent.credentials(&environment);
        assert!(nothing.helper.is_none() && nothing.ssh_agent.is_none() && nothing.home.is_none());
        consent.helpers.insert("store".into(), false);
        consent.ssh_agent = Some(false);
        let refused = consent.credentials(&environment);
        assert!(refused.helper.is_none() && refused.ssh_agent.is_none() && refused.home.is_none());
        consent.helpers.insert("cache".into(), true);
        consent.ssh_agent = Some(true);
        let allowed = consent.credentials(&environment);
        assert_eq!(allowed.helper.as_deref(), Some("cache"));
        assert_eq!(allowed.ssh_agent.as_deref(), Some(Path::new("/run/agent")));
        assert_eq!(allowed.home.as_deref(), Some(Path::new("/home/ada")));
    }
}
