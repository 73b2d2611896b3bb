//! What a new token may be given: never more than its maker has.

use super::Rights;
use super::role::Role;
use super::scope::{Scope, Scopes};

/// Whose a token is that somebody makes, and what it is limited to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// The maker's own: acts as they may at the time, with this role at most.
    Personal {
        /// The most that it acts as; what the member is where silent.
        most: Option<Role>,
    },
    /// The organization's: outlives its maker's membership.
    Service {
        /// What it acts as.
        role: Role,
    },
}

/// What a token is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// The role that is kept with it, if any.
    pub role: Option<Role>,
    /// What it is for.
    pub scopes: Scopes,
}

/// Why a token cannot be made so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotGranted {
    /// It would be good for nothing.
    #[error("a token needs at least one scope")]
    NoScope,
    /// A scope that no such token can have.
    #[error("the scope `{0}` is of sessions, and no token can be given it")]
    OfSessions(Scope),
    /// Machines decide on nothing.
    #[error("the scope `{0}` is of people, and no service token can be given it")]
    OfPeople(Scope),
    /// The organization's tokens act for machines.
    #[error("a service token cannot be an owner")]
    Owner,
    /// More than the maker's role.
    #[error("your own role here is `{0}`, and a token of yours cannot have more")]
    Role(Role),
    /// More than the maker's token.
    #[error("the token that you use does not have the scope `{0}` itself")]
    Scope(Scope),
}

/// What a maker with these rights may give such a token.
///
/// # Errors
/// [`NotGranted`]: nothing is left out silently.
pub fn grant(maker: Rights, token: Holder, scopes: Scopes) -> Result<Grant, NotGranted> {
    if scopes.is_empty() {
        return Err(NotGranted::NoScope);
    }
    if scopes.has(Scope::Account) {
        return Err(NotGranted::OfSessions(Scope::Account));
    }
    if let Some(lacking) = scopes.without(maker.scopes).iter().next() {
        return Err(NotGranted::Scope(lacking));
    }
    let role = match token {
        Holder::Personal { most } => most,
        Holder::Service { role: Role::Owner } => return Err(NotGranted::Owner),
        Holder::Service { .. } if scopes.has(Scope::Review) => {
            return Err(NotGranted::OfPeople(Scope::Review));
        }
        Holder::Service { role } => Some(role),
    };
    if role.is_some_and(|role| role > maker.role) {
        return Err(NotGranted::Role(maker.role));
    }
    Ok(Grant { role, scopes })
}
