//! Who is there: the server, and the person who asks.

use chrono::{DateTime, Utc};
use freehold_model::{Role, Scope, TenantId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema;

/// The server is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `ok`.
    pub status: String,
    /// The program's version.
    pub version: String,
    /// Whether the database answers.
    pub database: bool,
    /// Connected runners.
    pub runners: u32,
}

/// Signs a browser in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// A sign-in link's token, or the token of a person.
    pub token: String,
}

/// A link's token that signs one browser in, shown once: `<address>/sign-in#<token>`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignInToken {
    /// The token.
    pub token: String,
    /// It is refused from then on.
    pub expires_at: DateTime<Utc>,
}

/// A browser is signed in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignedIn {
    /// Acts as the person from now on; sent as `Authorization: Bearer`.
    pub token: String,
}

/// Whoever asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// The person.
    #[schema(value_type = schema::UserId)]
    pub user: UserId,
    /// Their name.
    pub name: String,
    /// What they are there, or less where the token says so.
    #[schema(value_type = schema::Role)]
    pub role: Role,
    /// Whether they decide on finished work with this token.
    pub review: bool,
    /// What the token is for; a session's has every scope.
    #[schema(value_type = Vec<schema::Scope>)]
    pub scopes: Vec<Scope>,
    /// The organization that the token acts in.
    #[schema(value_type = schema::TenantId)]
    pub tenant: TenantId,
    /// Its name.
    pub tenant_name: String,
    /// The server's version.
    pub server_version: String,
    /// When the token expires, if it does.
    pub expires_at: Option<DateTime<Utc>>,
}
