//! Projects.

use chrono::{DateTime, Utc};
use freehold_model::{Isolation, ProjectId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::order::Egress;
use crate::schema;

/// Asks for a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProject {
    /// Unique in the tenant: letters, digits, `-`, `_`, `.`; 1 to 64.
    pub name: String,
    /// A git remote that a runner can reach.
    pub remote: String,
    /// The branch to start from and to land on; the remote's default where silent.
    #[serde(default)]
    pub target: Option<String>,
    /// What may be reached from inside.
    #[serde(default)]
    pub egress: Egress,
    /// The folder of the repository that it is about, such as `services/api`: agents, setup and
    /// checks start there. The whole repository where silent.
    #[serde(default)]
    pub directory: Option<String>,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Project {
    /// Its id.
    #[schema(value_type = schema::ProjectId)]
    pub id: ProjectId,
    /// Its name.
    pub name: String,
    /// Its first repository's remote.
    pub remote: String,
    /// The branch that work starts from and lands on.
    pub target: String,
    /// What may be reached from inside.
    pub egress: Egress,
    /// The weakest isolation that its runs may have; null where it demands none.
    #[serde(default)]
    #[schema(value_type = Option<schema::Isolation>)]
    pub isolation_at_least: Option<Isolation>,
    /// The folder of the repository that it is about; null: all of it.
    #[serde(default)]
    pub directory: Option<String>,
    /// How many jobs it may have for one of a project whose share is 1, when runners are short.
    #[serde(default = "one")]
    pub share: u32,
    /// Where its record lives.
    pub record: Record,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Where a record lives in a repository that the client owns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Record {
    /// The git remote.
    pub remote: String,
    /// The ref.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The folder in it.
    pub path: String,
}

/// Changes a project. What is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditProject {
    /// A new name.
    #[serde(default)]
    pub name: Option<String>,
    /// Another branch; a runner looks whether it is there.
    #[serde(default)]
    pub target: Option<String>,
    /// What may be reached from inside, for runs from now on.
    #[serde(default)]
    pub egress: Option<Egress>,
    /// The weakest isolation that runs may have from now on; `none` demands nothing.
    #[serde(default)]
    #[schema(value_type = Option<schema::Isolation>)]
    pub isolation_at_least: Option<Isolation>,
    /// The folder of the repository that runs from now on start in; empty: its root.
    #[serde(default)]
    pub directory: Option<String>,
    /// How many jobs it may have for one of a project whose share is 1, when runners are short: 1 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100)]
    pub share: Option<u32>,
}

const fn one() -> u32 {
    1
}
