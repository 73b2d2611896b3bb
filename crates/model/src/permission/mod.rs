//! Who may do what: roles, scopes, and one table of actions.
//!
//! What a request may do is [`decide`]'s to say, of three things: what the person is in the organization
//! ([`Role`], and the right to review), what the token was made for ([`Scopes`]), and what is to be done
//! ([`Action`]). Routes, the API's description, `docs/permissions.md` and the tests read the same table,
//! [`RULES`]; nobody else decides. To let people do a new thing: a line in `permission/table.rs`.

mod grant;
mod role;
mod scope;
mod table;

pub use grant::{Grant, Holder, NotGranted, grant};
pub use role::{NoSuchRole, Role};
pub use scope::{NoSuchScope, Scope, Scopes};
pub use table::{Action, RULES, Rule, Who};

/// What somebody may do somewhere, through one token: all that [`decide`] looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    /// The member's role, or less where the token says so.
    pub role: Role,
    /// Decides on finished work, whatever the role.
    pub review: bool,
    /// What the token is for.
    pub scopes: Scopes,
}

impl Rights {
    /// All that a member of that role may do, as by a session of theirs.
    #[must_use]
    pub const fn of(role: Role) -> Self {
        Self {
            role,
            review: false,
            scopes: Scopes::ALL,
        }
    }
}

/// What is missing for an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// The person's role does not reach.
    #[error("it takes the role `{0}`")]
    Role(Role),
    /// Neither an admin nor somebody who was given the right to review.
    #[error("it takes the right to review, or the role `{}`", Role::REVIEWS)]
    Review,
    /// The token was not made for this.
    #[error("it takes a token with the scope `{0}`")]
    Scope(Scope),
}

/// Whether `rights` reach `action`.
///
/// # Errors
/// What is missing: first what the person lacks, since no other token of theirs would help.
pub fn decide(rights: Rights, action: Action) -> Result<(), Missing> {
    let rule = action.rule();
    match rule.who {
        Who::AtLeast(role) if rights.role < role => return Err(Missing::Role(role)),
        Who::Reviewer if !rights.review && rights.role < Role::REVIEWS => {
            return Err(Missing::Review);
        }
        Who::AtLeast(_) | Who::Reviewer => {}
    }
    match rule.scopes().find(|scope| !rights.scopes.has(*scope)) {
        Some(lacking) => Err(Missing::Scope(lacking)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
