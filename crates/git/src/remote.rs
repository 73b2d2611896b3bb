//! The client's repository: its address, and what it shows without a fetch.

use std::collections::BTreeMap;
use std::fmt;

use crate::names::invalid;
use crate::process::Call;
use crate::{BranchName, Git, Oid, Result, RunRef};

/// Longest address: more than any forge issues, less than any argument bound.
const MAX_ADDRESS: usize = 2048;
/// Longest ref listing that is read. 16 MiB are some 200,000 refs.
const MAX_LISTING: usize = 16 << 20;
/// User names that are tokens: they would end up in process lists and logs.
const TOKENS: [&str; 7] = [
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
];

/// The address of a repository: https, http, ssh, `user@host:path`, `file://` or an absolute path.
///
/// It never holds a password, a control character or anything that git would take for an option or
/// another transport, so it may be logged and passed as an argument.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Remote(String);

impl Remote {
    /// Parses an address.
    ///
    /// # Errors
    /// [`crate::GitError::Invalid`] naming the rule; an address with a password is not repeated in it.
    pub fn parse(text: &str) -> Result<Self> {
        match address_fault(text) {
            Some((why, true)) => Err(invalid("remote", text, why)),
            Some((why, false)) => Err(invalid("remote", "(not shown)", why)),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// The address as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Remote {
    type Err = crate::GitError;
    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

/// The rule that an address breaks, and whether the address may be shown.
fn address_fault(text: &str) -> Option<(&'static str, bool)> {
    let lower = text.to_ascii_lowercase();
    if text.is_empty() || text.len() > MAX_ADDRESS {
        return Some(("it is empty or too long", true));
    }
    if text.starts_with('-') {
        return Some(("it starts with a dash", true));
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace())
        || ["%00", "%0a", "%0d", "%09"]
            .iter()
            .any(|c| lower.contains(c))
    {
        return Some(("it holds a space or a control character", false));
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        return match scheme {
            "file" => (!rest.starts_with('/')).then_some(("file:// needs an absolute path", true)),
            "https" | "http" | "ssh" => authority_fault(scheme, rest),
            _ => Some(("only https, http, ssh and file are spoken", false)),
        };
    }
    if text.starts_with('/') {
        return None;
    }
    if text.contains("::") {
        return Some(("remote helpers (name::address) are not used", false));
    }
    match text.split_once(':') {
        Some((host, path)) if !host.contains('/') => scp_fault(host, path),
        _ => Some((
            "it is neither an address (https, http, ssh, user@host:path, file) nor an absolute path",
            true,
        )),
    }
}

fn authority_fault(scheme: &str, rest: &str) -> Option<(&'static str, bool)> {
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    if user.is_some_and(|u| u.contains(':')) {
        return Some((
            "it holds a password: store it in a git credential helper instead",
            false,
        ));
    }
    if user.is_some_and(|u| TOKENS.iter().any(|t| u.starts_with(t))) {
        return Some((
            "it holds a token: store it in a git credential helper instead",
            false,
        ));
    }
    if path.is_empty() {
        return Some(("it names no repository on the host", true));
    }
    if scheme != "ssh" && (path.contains('?') || path.contains('#')) {
        return Some(("it holds a query or a fragment", false));
    }
    host_fault(user, host)
}

fn scp_fault(host: &str, path: &str) -> Option<(&'static str, bool)> {
    let (user, host) = match host.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, host),
    };
    if path.is_empty() || path.starts_with('-') {
        return Some(("it names no repository on the host", true));
    }
    host_fault(user, host)
}

fn host_fault(user: Option<&str>, host: &str) -> Option<(&'static str, bool)> {
    let plain = |s: &str, also: &[u8]| {
        s.bytes()
            .all(|b| b.is_ascii_alphanumeric() || also.contains(&b))
    };
    if host.is_empty() || host.starts_with('-') || !plain(host, b".-_:[]%") {
        return Some(("its host is not a host name", true));
    }
    match user {
        Some(u) if u.is_empty() || u.starts_with('-') || !plain(u, b".-_+%~") => {
            Some(("its user is not a user name", true))
        }
        _ => None,
    }
}

/// What a remote shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteInfo {
    /// The branch its HEAD names, when that branch exists.
    pub head: Option<BranchName>,
    /// The tip of the branch that was asked for.
    pub target: Option<Oid>,
    /// No branch at all; refs of runs do not count.
    pub empty: bool,
}

/// Refs of a remote by full name.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) refs: BTreeMap<String, Oid>,
    pub(crate) head: Option<String>,
}

impl Listing {
    /// The epochs of one run and where they point.
    pub(crate) fn epochs(&self, run: &str) -> BTreeMap<u32, Oid> {
        let own = |(name, oid): (&String, &Oid)| {
            let name = RunRef::parse(name)?;
            (name.run() == run).then(|| (name.epoch(), oid.clone()))
        };
        self.refs.iter().filter_map(own).collect()
    }

    /// Parses `ls-remote --symref`: `<oid>\t<ref>` and `ref: <ref>\tHEAD`. Odd lines are left out.
    fn parse(output: &[u8]) -> Self {
        let mut listing = Self::default();
        for line in String::from_utf8_lossy(output).lines() {
            let Some((value, name)) = line.split_once('\t') else {
                continue;
            };
            if let Some(branch) = value.strip_prefix("ref: ") {
                if name == "HEAD" {
                    listing.head = Some(branch.to_owned());
                }
            } else if let Ok(oid) = Oid::parse(value) {
                listing.refs.insert(name.to_owned(), oid);
            }
        }
        listing
    }
}

impl Git {
    /// Asks a remote for its default branch and one branch's tip. Fetches nothing.
    ///
    /// # Errors
    /// The remote kinds of [`crate::GitError`]. A missing target is not an error here: `target` is `None`.
    pub async fn probe(&self, remote: &Remote, target: Option<&BranchName>) -> Result<RemoteInfo> {
        let listing = self
            .list(remote, &["HEAD".into(), "refs/heads/*".into()])
            .await?;
        let short = |full: &String| {
            full.strip_prefix("refs/heads/")
                .and_then(|b| BranchName::parse(b).ok())
        };
        Ok(RemoteInfo {
            head: listing
                .head
                .as_ref()
                .filter(|h| listing.refs.contains_key(*h))
                .and_then(short),
            target: target.and_then(|t| listing.refs.get(&t.full()).cloned()),
            empty: !listing
                .refs
                .keys()
                .any(|name| name.starts_with("refs/heads/")),
        })
    }

    pub(crate) async fn list(&self, remote: &Remote, patterns: &[String]) -> Result<Listing> {
        let call = Call::new(
            "asking the remote for its refs",
            ["ls-remote", "--symref", "--end-of-options", remote.as_str()],
        );
        let output = self
            .run(call.args(patterns).network(remote).limit(MAX_LISTING))
            .await?
            .success()?;
        Ok(Listing::parse(&output.stdout))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_spoken() {
        for good in [
            "https://example.org/a/b.git",
            "http://127.0.0.1:8000/a.git",
            "https://me@example.org/a",
            "ssh://git@example.org:2222/a.git",
            "git@example.org:a/b.git",
            "example.org:a.git",
            "file:///srv/git/a.git",
            "/srv/git/a.git",
            "ssh://git@[::1]/a",
        ] {
            assert!(Remote::parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn addresses_that_are_refused() {
        for bad in [
            "",
            "-oProxyCommand=x",
            "ext::sh -c x",
            "ext::x",
            "fd::3",
            "git://example.org/a",
            "ftp://example.org/a",
            "a/b",
            "./a",
            "https://example.org",
            "https:///a",
            "https://u:secret@example.org/a",
            "https://ghp_abc@example.org/a",
            "ssh://-oProxyCommand=x/a",
            "-x@host:a",
            "ssh://-u@host/a",
            "host:-a",
            "https://example.org/a\nb",
            "https://example.org/a%0ab",
            "https://exa mple.org/a",
            "https://example.org/a?token=x",
            "file://host/a",
            "x::y:z",
        ] {
            assert!(Remote::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_password_is_not_repeated() {
        let error = Remote::parse("https://u:secret@example.org/a")
            .unwrap_err()
            .to_string();
        assert!(!error.contains("secret"), "{error}");
        assert!(error.contains("credential helper"), "{error}");
    }

    #[test]
    fn a_listing_keeps_refs_and_the_head() {
        let oid = "1".repeat(40);
        let text = format!(
            "ref: refs/heads/main\tHEAD\n{oid}\tHEAD\n{oid}\trefs/heads/main\n{oid}\trefs/freehold/run_1/2\nnonsense\n"
        );
        let listing = Listing::parse(text.as_bytes());
        assert_eq!(listing.head.as_deref(), Some("refs/heads/main"));
        assert_eq!(listing.refs.len(), 3);
        assert_eq!(listing.epochs("run_1").into_keys().collect::<Vec<_>>(), [2]);
        assert!(listing.epochs("run_2").is_empty());
    }
}
