//! Tokens for programs, and their limits.

use chrono::{DateTime, Utc};
use freehold_model::{Role, Scope, TokenId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema;

/// A token of one's own, to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What people call it: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// What it is for; at least one, and none that the token in use lacks itself.
    #[schema(value_type = Vec<schema::Scope>)]
    pub scopes: Vec<Scope>,
    /// The most that it acts as; what its person is at the time where silent.
    #[serde(default)]
    #[schema(value_type = Option<schema::Role>)]
    pub role: Option<Role>,
    /// How many days it is good for: 366 at most, 90 where silent.
    #[serde(default)]
    pub days: Option<u32>,
}

/// A token of the organization's own, to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewServiceToken {
    /// What people call it, and the author of what it does: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// What it is for; at least one, and not `review`.
    #[schema(value_type = Vec<schema::Scope>)]
    pub scopes: Vec<Scope>,
    /// What it acts as; no more than who makes it, and no owner.
    #[schema(value_type = schema::Role)]
    pub role: Role,
    /// How many days it is good for: 366 at most, 90 where silent.
    #[serde(default)]
    pub days: Option<u32>,
}

/// A token for programs. The token itself was shown once and is kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessToken {
    /// Its id.
    #[schema(value_type = schema::TokenId)]
    pub id: TokenId,
    /// What people call it.
    pub name: String,
    /// What it is for.
    #[schema(value_type = Vec<schema::Scope>)]
    pub scopes: Vec<Scope>,
    /// The most that it acts as; what its person is where silent.
    #[schema(value_type = Option<schema::Role>)]
    pub role: Option<Role>,
    /// Who made it; nobody where they are no member any more.
    pub made_by: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From then on it is refused.
    pub expires_at: DateTime<Utc>,
    /// When it was last used, to about a minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A token for programs that was made just now.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenMade {
    /// The token, shown this once; sent as `Authorization: Bearer`.
    pub token: String,
    /// What it is.
    pub about: AccessToken,
}
