//! Accounts of people: how one comes to be, how its person signs in, and where they are signed in.

use chrono::{DateTime, Utc};
use freehold_model::{Role, TenantId, TokenId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema;

/// How one signs in here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignInWays {
    /// Who gets an account: `open` (whoever asks), `invited` (whoever was invited) or `closed` (nobody).
    pub registration: String,
    /// Whether people may make organizations of their own.
    pub organizations: bool,
    /// Whether the server sends mail; without it no password is set anew and nobody is invited.
    pub mail: bool,
    /// Providers of identities.
    pub providers: Vec<SignInProvider>,
}

/// A provider of identities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignInProvider {
    /// Its name in paths.
    pub name: String,
    /// Its name on a button.
    pub title: String,
}

/// Asks for an account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// Where a mail goes that confirms it.
    pub email: String,
    /// What others are to call them.
    pub name: String,
    /// The password: 12 characters or more, of anything.
    pub password: String,
    /// What the organization is to be called that is made with it, where people may make some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
}

/// Says that the address is one's own, by the token that was mailed there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmRegistration {
    /// The token.
    pub token: String,
    /// The password that was chosen: whoever reads the mail of an account that they did not ask for
    /// does not confirm it.
    pub password: String,
}

/// Signs in with a password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInPassword {
    /// The address.
    pub email: String,
    /// The password.
    pub password: String,
    /// The organization to go to, by its id; where they were last, where silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::TenantId>)]
    pub organization: Option<TenantId>,
}

/// Asks for a mail with which a new password is set.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForgotPassword {
    /// The address.
    pub email: String,
}

/// Sets a new password by the token that was mailed. All sessions end.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetPassword {
    /// The token.
    pub token: String,
    /// The new password.
    pub password: String,
}

/// Changes one's password. All other sessions end.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The one that there is.
    pub current: String,
    /// The new one.
    pub password: String,
}

/// A session that has just begun, in one organization.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewSession {
    /// Its token, sent as `Authorization: Bearer`; shown this once.
    pub token: String,
    /// It is refused from then on.
    pub expires_at: DateTime<Utc>,
    /// From then on a page in use renews it: `POST /session/renew`.
    pub renew_at: DateTime<Utc>,
    /// The organization that it acts in.
    #[schema(value_type = schema::TenantId)]
    pub organization: TenantId,
}

impl std::fmt::Debug for NewSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("NewSession");
        shown.field("organization", &self.organization);
        shown
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// One's account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// The person.
    #[schema(value_type = schema::UserId)]
    pub user: UserId,
    /// Their name.
    pub name: String,
    /// Their address; the owner of a local installation has none.
    pub email: Option<String>,
    /// Whether they have a password, and do not only sign in elsewhere.
    pub password: bool,
}

/// A browser that one is signed in with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BrowserSession {
    /// Its id.
    #[schema(value_type = schema::TokenId)]
    pub id: TokenId,
    /// Whether it is the one that asks.
    pub this: bool,
    /// The organization that it acts in.
    #[schema(value_type = schema::TenantId)]
    pub organization: TenantId,
    /// That organization's name.
    pub organization_name: String,
    /// What the browser said that it is.
    pub browser: Option<String>,
    /// Where it signed in from.
    pub address: Option<String>,
    /// When its person signed in.
    pub began_at: DateTime<Utc>,
    /// When it was renewed, which a page in use does each day.
    pub renewed_at: DateTime<Utc>,
    /// It is refused from then on, unless it is renewed.
    pub expires_at: Option<DateTime<Utc>>,
}

/// An organization that one is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Organization {
    /// Its id.
    #[schema(value_type = schema::TenantId)]
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// What one is there.
    #[schema(value_type = schema::Role)]
    pub role: Role,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Whether the session that asks acts in it.
    pub this: bool,
}

/// Makes an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrganization {
    /// Its name.
    pub name: String,
}
