//! What a token is for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! scopes {
    ($($scope:ident $word:literal $does:literal;)*) => {
        /// What a token is for. A scope allows nothing that the member may not do; it only takes away.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Scope {
            $(#[doc = $does] $scope,)*
        }

        impl Scope {
            /// All, in the order in which people read them.
            pub const ALL: &'static [Self] = &[$(Self::$scope,)*];

            /// The word, on the wire and in the database.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$scope => $word,)* }
            }

            /// What it is for, after "to".
            #[must_use]
            pub const fn does(self) -> &'static str {
                match self { $(Self::$scope => $does,)* }
            }
        }
    };
}

scopes! {
    ReadBoard "read:board" "see projects, cards and the inbox, and be told of changes";
    WriteBoard "write:board" "add, edit, move and put away cards";
    ReadJobs "read:jobs" "see runs, what they said and changed, and environments";
    WriteJobs "write:jobs" "start, answer and cancel runs, start and stop environments";
    Review "review" "approve and reject finished work; of people's tokens only";
    ReadSettings "read:settings" "see agents, providers and limits";
    WriteSettings "write:settings" "change projects, agents, providers and limits";
    ReadRunners "read:runners" "see runners";
    WriteRunners "write:runners" "enrol and revoke runners";
    ReadMembers "read:members" "see members and invitations";
    WriteMembers "write:members" "invite, change and remove members";
    InvokeModels "llm:invoke" "ask models through the organization's providers (no action yet)";
    ReadContext "context:read" "search what the organization knows (no action yet)";
    ReadAudit "audit:read" "see and carry away the audit log";
    Destroy "destroy" "do what cannot be taken back (marked `!`), besides the scope that the act takes";
    Account "account" "make and revoke tokens, sign others of one's devices in; of sessions only, no token can be given it";
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no scope `{0}`; `docs/permissions.md` lists them")]
pub struct NoSuchScope(String);

impl FromStr for Scope {
    type Err = NoSuchScope;

    fn from_str(text: &str) -> Result<Self, NoSuchScope> {
        let mut all = Self::ALL.iter().copied();
        all.find(|scope| scope.name() == text)
            .ok_or_else(|| NoSuchScope(text.chars().take(64).collect()))
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A set of scopes.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u32);

impl Scopes {
    /// None: a token that can say who it is and revoke itself.
    pub const NONE: Self = Self(0);
    /// Every one: a session's.
    pub const ALL: Self = Self((1 << Scope::ALL.len()) - 1);

    /// Whether `scope` is among them.
    #[must_use]
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u32) != 0
    }

    /// Those of these that `other` lacks.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// They, in their order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        let all = Scope::ALL.iter().copied();
        all.filter(move |scope| self.has(*scope))
    }

    /// Those among `words` that are scopes. Others are of another version: leaving them out takes away,
    /// as a scope should.
    pub fn known<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        words
            .into_iter()
            .filter_map(|word| word.parse().ok())
            .collect()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(
            scopes
                .into_iter()
                .fold(0, |set, scope| set | 1 << scope as u32),
        )
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Scope::name)).finish()
    }
}
