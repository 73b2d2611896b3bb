//! Who PostgreSQL runs as, and who may connect to it.

use nix::unistd::{Gid, Uid, User};

use crate::error::{PostgresError, Result};

/// Preferred when root starts us: the packages' own user, then the one that owns nothing.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// The server's user and the client's.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// The server runs as this user.
    pub(crate) server: User,
    /// The only user that peer authentication lets in: the one we run as.
    pub(crate) client: String,
    /// Whether the two differ, and a child must change its user.
    pub(crate) change: bool,
}

impl Account {
    /// Without a name given, data that exist keep their user, whatever packages have come since: `owner` is theirs.
    pub(crate) fn resolve(as_user: Option<&str>, owner: Option<Uid>) -> Result<Self> {
        let us = Uid::effective();
        let client = by_id(us)?;
        let server = match as_user {
            Some(name) => by_name(name)?.ok_or_else(|| refuse(name, "there is no such user"))?,
            None if us.is_root() => match unprivileged(owner)? {
                Some(user) => user,
                None => first_of(&UNPRIVILEGED)?,
            },
            None => client.clone(),
        };
        if server.uid.is_root() {
            return Err(refuse(
                &server.name,
                "PostgreSQL refuses to run as root; name another user",
            ));
        }
        if server.uid != us && !us.is_root() {
            return Err(refuse(
                &server.name,
                "only root may start it as another user",
            ));
        }
        Ok(Self {
            change: server.uid != us,
            client: client_name(client.name)?,
            server,
        })
    }

    /// For programs that connect (dump, restore): our own user, unchanged.
    pub(crate) fn ids(&self) -> Option<(Uid, Gid)> {
        self.change.then_some((self.server.uid, self.server.gid))
    }
}

/// A name goes into `pg_ident.conf` between quotes, where these mean something else.
fn client_name(name: String) -> Result<String> {
    if name.starts_with('/') || name.contains(['"', '\\', '\n', '\r', ' ']) {
        return Err(refuse(
            &name,
            "its name cannot be written into pg_ident.conf; start as another user",
        ));
    }
    Ok(name)
}

fn by_id(uid: Uid) -> Result<User> {
    let found = User::from_uid(uid).map_err(|e| refuse(&uid.to_string(), e.desc()))?;
    found.ok_or_else(|| refuse(&uid.to_string(), "this user id has no name here; add it to /etc/passwd (PostgreSQL recognises its clients by name)"))
}

fn by_name(name: &str) -> Result<Option<User>> {
    User::from_name(name).map_err(|e| refuse(name, e.desc()))
}

fn unprivileged(owner: Option<Uid>) -> Result<Option<User>> {
    let Some(owner) = owner else { return Ok(None) };
    let user = User::from_uid(owner).map_err(|e| refuse(&owner.to_string(), e.desc()))?;
    Ok(user.filter(|user| UNPRIVILEGED.contains(&user.name.as_str())))
}

fn first_of(names: &[&str]) -> Result<User> {
    for name in names {
        if let Some(user) = by_name(name)? {
            return Ok(user);
        }
    }
    Err(refuse(
        &names.join(" or "),
        "PostgreSQL refuses to run as root and neither user exists; add one (`adduser --system postgres`)",
    ))
}

fn refuse(user: &str, why: &str) -> PostgresError {
    PostgresError::Account {
        user: user.to_owned(),
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_something_to_pg_ident_are_refused() {
        assert_eq!(client_name("ada.l-1@corp".into()).unwrap(), "ada.l-1@corp");
        for bad in ["/.*", "a\"b", "a b", "a\nb", "a\\1"] {
            assert!(client_name(bad.into()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn data_keep_their_user_unless_it_is_no_servant() {
        if !Uid::effective().is_root() {
            return; // An ordinary user runs it as oneself.
        }
        let nobody = User::from_name("nobody").unwrap().unwrap().uid;
        let name = |owner| Account::resolve(None, owner).unwrap().server.name;
        assert_eq!(name(Some(nobody)), "nobody");
        assert_eq!(name(Some(Uid::from_raw(1))), name(None));
        assert_eq!(name(Some(Uid::from_raw(0))), name(None));
    }

    #[test]
    fn a_user_that_does_not_exist_is_named() {
        let error = Account::resolve(Some("no-such-user-here"), None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot run PostgreSQL as no-such-user-here: there is no such user"
        );
    }
}
