//! What a run may reach. Two pure decisions: on the parsed destination, and on the dialled address.

use std::net::IpAddr;

use super::address::{Reach, is_metadata_name, reach};
use super::budget::Budget;
use crate::endpoint::{Host, HostPort};

/// One destination that may be reached, and on whose word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// Exactly this host and port.
    pub at: HostPort,
    /// Who named it, in words: `npm's configuration`, `package-lock.json`.
    pub origin: String,
    /// Whether it may resolve to, or be, a private address.
    pub private: Private,
}

/// Whether a destination may resolve to, or be, a private address. Never on the word of a repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Private {
    /// It may not.
    No,
    /// Only an address that this registry has too. It says that it keeps its files there, and a mirror of a whole
    /// registry serves both names.
    AsRegistry(Host),
    /// It may: the user's own client configuration names it.
    Yes,
}

/// What a run may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Policy {
    /// Nothing.
    None,
    /// These and nothing else. An empty list is nothing.
    Registries(Vec<Allowed>),
    /// Every public name; and these, which may be private. Label it wherever it shows.
    Open(Vec<Allowed>),
    /// What the first opens, as far as whoever owns the machine lets it.
    Within(Box<Self>, Bounds),
}

/// What the owner of a machine lets be reached, whatever else is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The kind of policy that may open at most.
    pub most: Most,
    /// Never these.
    pub deny: Vec<HostPort>,
}

/// How much may be opened at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Most {
    /// Nothing.
    Nothing,
    /// What is named: the list of [`Policy::Registries`] or [`Policy::Open`].
    Named,
    /// Every public name.
    #[default]
    Public,
}

/// Why a destination was refused. The texts go to the program inside, so that its log says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum Refusal {
    /// The policy opens nothing.
    #[error(
        "this run has no network (egress none). To allow package registries, set the project's egress to registries"
    )]
    NoEgress,
    /// Not on the list.
    #[error(
        "it is not a registry that this machine's package clients are configured for, nor one that the project's lock \
         files name. Add host:port to allow in [egress] of .agentworks/project.toml on the target branch, configure the \
         client on the runner's machine for it, or set the project's egress to open"
    )]
    NotListed,
    /// An address where a name belongs.
    #[error(
        "it is an IP address that is not listed. Use a name, or name the address in the client's configuration"
    )]
    Address,
    /// It resolves to somebody's inside.
    #[error(
        "it resolves to a private or local address. Only a registry that the package client's own configuration names \
         may do that, and a host of its files at the registry's own address"
    )]
    Private,
    /// Nobody's registry: see [`Reach::Never`](super::address::Reach::Never).
    #[error(
        "it is, or resolves to, an address that no registry has: link-local or cloud metadata, multicast, broadcast or \
         unspecified. Nothing opens these"
    )]
    Never,
    /// The machine's owner says no.
    #[error(
        "the owner of the runner's machine does not allow it: see [egress] of policy.toml in the runner's data directory"
    )]
    Owner,
    /// Allowed, but the run has moved as much as it may.
    #[error(
        "the run's budget of {budget} is used up: {used} of {limit}. Fetch less in one step, or fetch it before the run"
    )]
    Budget {
        /// Which.
        budget: Budget,
        /// How much it is.
        limit: u64,
        /// How much was used.
        used: u64,
    },
    /// It was allowed when it was opened, and a newer policy cut it.
    #[error("the policy was changed while it was open, and no longer allows it")]
    Changed,
}

impl Policy {
    /// Decides before resolving. `Ok(private)` says whether private addresses are allowed for it.
    pub(super) fn admit(&self, at: &HostPort) -> Result<&Private, Refusal> {
        fn listed<'a>(list: &'a [Allowed], at: &HostPort) -> Option<&'a Private> {
            let named = list.iter().filter(|entry| entry.at == *at);
            named.map(|entry| &entry.private).max()
        }
        if is_metadata_name(&at.host) {
            return Err(Refusal::Never);
        }
        let address = matches!(at.host, Host::Ip(_));
        match self {
            Self::Within(policy, bounds) => {
                let private = policy.admit(at)?;
                match policy.is_within(bounds, at) {
                    true => Ok(private),
                    false => Err(Refusal::Owner),
                }
            }
            Self::None => Err(Refusal::NoEgress),
            Self::Registries(list) => listed(list, at).ok_or(if address {
                Refusal::Address
            } else {
                Refusal::NotListed
            }),
            Self::Open(list) => match listed(list, at) {
                Some(private) => Ok(private),
                None if address => Err(Refusal::Address),
                None => Ok(&Private::No),
            },
        }
    }
}

impl Policy {
    fn names(&self, at: &HostPort) -> bool {
        match self {
            Self::None => false,
            Self::Registries(list) | Self::Open(list) => list.iter().any(|entry| entry.at == *at),
            Self::Within(policy, _) => policy.names(at),
        }
    }

    fn is_within(&self, bounds: &Bounds, at: &HostPort) -> bool {
        !bounds.deny.contains(at)
            && match bounds.most {
                Most::Nothing => false,
                Most::Named => self.names(at),
                Most::Public => true,
            }
    }
}

/// Decides on the address that will be dialled. `registry` are the addresses of the registry that keeps its files
/// there; see [`Private::AsRegistry`].
pub(super) fn admit_address(
    ip: IpAddr,
    private: &Private,
    registry: &[IpAddr],
) -> Result<(), Refusal> {
    let inside = match private {
        Private::No => false,
        Private::AsRegistry(_) => registry.contains(&ip),
        Private::Yes => true,
    };
    match reach(ip) {
        Reach::Public => Ok(()),
        Reach::Inside if inside => Ok(()),
        Reach::Inside => Err(Refusal::Private),
        Reach::Never => Err(Refusal::Never),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> HostPort {
        HostPort::parse(text).unwrap()
    }

    fn allowed(text: &str, private: bool) -> Allowed {
        Allowed {
            at: at(text),
            origin: "a test".into(),
            private: if private { Private::Yes } else { Private::No },
        }
    }

    #[test]
    fn an_empty_list_is_nothing() {
        assert_eq!(
            Policy::None.admit(&at("a.example:443")),
            Err(Refusal::NoEgress)
        );
        assert_eq!(
            Policy::Registries(Vec::new()).admit(&at("a.example:443")),
            Err(Refusal::NotListed)
        );
    }

    #[test]
    fn the_list_is_exact() {
        let policy = Policy::Registries(vec![
            allowed("a.example:443", false),
            allowed("127.0.0.1:4873", true),
        ]);
        assert_eq!(policy.admit(&at("A.EXAMPLE.:443")), Ok(&Private::No));
        assert_eq!(policy.admit(&at("127.0.0.1:4873")), Ok(&Private::Yes));
        for (other, why) in [
            ("a.example:80", Refusal::NotListed),
            ("x.a.example:443", Refusal::NotListed),
            ("a.example.evil.example:443", Refusal::NotListed),
            ("xa.example:443", Refusal::NotListed),
            ("127.0.0.1:4874", Refusal::Address),
            ("[::ffff:127.0.0.1]:4873", Refusal::Address),
        ] {
            assert_eq!(policy.admit(&at(other)), Err(why), "{other}");
        }
    }

    #[test]
    fn open_is_public_names_only() {
        let policy = Policy::Open(vec![allowed("mirror.example:443", true)]);
        assert_eq!(policy.admit(&at("any.example:8080")), Ok(&Private::No));
        assert_eq!(policy.admit(&at("mirror.example:443")), Ok(&Private::Yes));
        assert_eq!(policy.admit(&at("1.1.1.1:443")), Err(Refusal::Address));
        let address = |text: &str, private| admit_address(text.parse().unwrap(), &private, &[]);
        assert_eq!(address("192.168.0.1", Private::No), Err(Refusal::Private));
        assert_eq!(address("192.168.0.1", Private::Yes), Ok(()));
        for private in [Private::Yes, Private::No] {
            assert_eq!(address("169.254.169.254", private), Err(Refusal::Never));
        }
        let metadata = Policy::Open(vec![allowed("metadata.google.internal:80", true)]);
        assert_eq!(
            metadata.admit(&at("Metadata.Google.Internal.:80")),
            Err(Refusal::Never)
        );
    }
    #[test]
    fn files_of_a_registry_may_lie_at_its_own_private_address_and_no_other() {
        let beside = Private::AsRegistry(Host::Name("index.example".into()));
        let ips = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| text.parse().unwrap())
                .collect::<Vec<IpAddr>>()
        };
        let address = |text: &str, registry: &[&str]| {
            admit_address(text.parse().unwrap(), &beside, &ips(registry))
        };
        assert_eq!(address("10.0.0.7", &["10.0.0.8", "10.0.0.7"]), Ok(()));
        assert_eq!(address("10.0.0.9", &["10.0.0.7"]), Err(Refusal::Private));
        assert_eq!(address("10.0.0.9", &[]), Err(Refusal::Private));
        assert_eq!(
            address("169.254.169.254", &["169.254.169.254"]),
            Err(Refusal::Never)
        );
        assert_eq!(address("1.1.1.1", &[]), Ok(()));
    }

    #[test]
    fn the_owner_of_the_machine_takes_away_and_adds_nothing() {
        let open = Policy::Open(vec![allowed("mirror.example:443", true)]);
        let within = |policy: &Policy, most, deny: &[&str]| {
            let deny = deny.iter().map(|text| at(text)).collect();
            Policy::Within(Box::new(policy.clone()), Bounds { most, deny })
        };
        let public = within(&open, Most::Public, &["any.example:443"]);
        assert_eq!(public.admit(&at("Any.example.:443")), Err(Refusal::Owner));
        assert_eq!(public.admit(&at("any.example:80")), Ok(&Private::No));
        assert_eq!(public.admit(&at("1.1.1.1:443")), Err(Refusal::Address));
        let named = within(&open, Most::Named, &[]);
        assert_eq!(named.admit(&at("mirror.example:443")), Ok(&Private::Yes));
        assert_eq!(named.admit(&at("any.example:80")), Err(Refusal::Owner));
        let nothing = within(&open, Most::Nothing, &[]);
        assert_eq!(
            nothing.admit(&at("mirror.example:443")),
            Err(Refusal::Owner)
        );
        let none = within(&Policy::None, Most::Public, &[]);
        assert_eq!(none.admit(&at("any.example:80")), Err(Refusal::NoEgress));
    }
}
