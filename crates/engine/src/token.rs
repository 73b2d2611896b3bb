//! Tokens: what stands behind one that was shown, and those that people make for programs.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use freehold_model::permission::{Grant, Holder, grant};
use freehold_model::{Rights, Scope, Scopes, TokenId, UserId};
use freehold_store::{LimitedTokenRow, NewLimitedToken, TokenKind, TokenRow, Tx, Whose};
use freehold_wire::api::{AccessToken, NewServiceToken, NewToken, Page, TokenMade};
use freehold_wire::problem::{Code, Problem};
use freehold_wire::token::{Kind, Token};

use crate::project::{check_name, page, shorten};
use crate::{Caller, Engine, Error, Result, refuse};

/// How many days a token for programs is good where its maker does not say: a quarter of a year, so
/// that what nobody looks after ends.
const DAYS: u32 = 90;
/// How many it may be good at most: any year.
const DAYS_MAX: u32 = 366;
/// Live tokens that one person may have, and one organization: who has more has lost count of them.
const TOKENS_MAX: i64 = 100;
/// That a token was used is written down once in this time.
const USED_WITHIN: TimeDelta = TimeDelta::minutes(1);
/// Tokens whose last use is remembered; past that all are forgotten, which costs a write each.
const REMEMBERED_MAX: usize = 10_000;

/// A token that was shown, and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Who acts, where, and what they may do.
    pub caller: Caller,
    /// The token's id.
    pub token: TokenId,
    /// What kind of token it is.
    pub kind: TokenKind,
    /// When it expires, if it does.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether its person sits behind it, who can be asked: not where it was made for a program.
    pub is_persons: bool,
}

/// A token with limits that is about to be made.
pub(crate) struct Made<'a> {
    pub(crate) whose: Whose,
    pub(crate) name: &'a str,
    /// It signs a device in.
    pub(crate) device: bool,
}

impl<'a> Made<'a> {
    const fn for_program(whose: Whose, name: &'a str) -> Self {
        Self {
            whose,
            name,
            device: false,
        }
    }
}

/// When tokens were last used, as far as this process wrote it down.
#[derive(Default)]
pub struct LastUse(Mutex<HashMap<TokenId, DateTime<Utc>>>);

impl LastUse {
    /// Whether nobody here is writing it down, or did lately; from now on somebody is.
    fn is_mine_to_write(&self, token: TokenId, now: DateTime<Utc>) -> bool {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if written
            .get(&token)
            .is_some_and(|at| now - *at < USED_WITHIN)
        {
            return false;
        }
        if written.len() >= REMEMBERED_MAX {
            written.clear();
        }
        written.insert(token, now);
        true
    }
}

fn not_valid() -> Error {
    Problem::new(Code::Unauthenticated, "the token is not valid").into()
}

/// What a stored token allows: what the member may do, less what it is limited by.
fn rights(row: &TokenRow) -> Rights {
    Rights {
        role: row.role_most.map_or(row.role, |most| most.min(row.role)),
        review: row.review,
        scopes: match (row.kind, row.scopes) {
            (TokenKind::User | TokenKind::Session, None) => Scopes::ALL,
            (_, scopes) => scopes.unwrap_or(Scopes::NONE),
        },
    }
}

impl Engine {
    /// The caller that a token stands for.
    ///
    /// # Errors
    /// As [`Engine::session`].
    pub async fn authenticate(&self, text: &str) -> Result<Caller> {
        Ok(self.session(text, None).await?.caller)
    }

    /// What a token stands for, sent from `address`.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] for anything but a live token that is for the API.
    pub async fn session(&self, text: &str, address: Option<IpAddr>) -> Result<Session> {
        let token: Token = text.parse().map_err(|_| not_valid())?;
        let kind = match token.kind() {
            Kind::User => TokenKind::User,
            Kind::Browser => TokenKind::Session,
            Kind::Personal => TokenKind::Personal,
            Kind::Service => TokenKind::Service,
            Kind::Enrolment
            | Kind::Session
            | Kind::SignIn
            | Kind::Device
            | Kind::Confirmation
            | Kind::Reset
            | Kind::Invitation
            | Kind::Act
            | Kind::Begun => return Err(not_valid()),
        };
        let found = self.store().token_by_hash(&token.hash()).await?;
        let row = found.ok_or_else(not_valid)?;
        let now = self.now();
        let expired = row.expires_at.is_some_and(|at| at <= now);
        if row.kind != kind || row.revoked_at.is_some() || expired {
            return Err(not_valid());
        }
        self.used(&row, now);
        Ok(Session {
            caller: Caller {
                confirms: crate::confirm::Confirms::No,
                correlation: None,
                tenant: row.tenant,
                user: row.user,
                rights: rights(&row),
                name: row.user_name,
                token: Some(row.id),
                address,
            },
            token: row.id,
            kind,
            expires_at: row.expires_at,
            is_persons: row.device || matches!(kind, TokenKind::User | TokenKind::Session),
        })
    }

    /// Writes down that a token was used: a write a minute, not one a request. Nobody is refused
    /// because it cannot be written, and nobody waits for it.
    fn used(&self, row: &TokenRow, now: DateTime<Utc>) {
        let known = row.last_used_at.is_some_and(|at| now - at < USED_WITHIN);
        if known || !self.last_use().is_mine_to_write(row.id, now) {
            return;
        }
        let (store, tenant, token) = (self.store().clone(), row.tenant, row.id);
        tokio::spawn(async move {
            let written = async {
                let mut tx = store.begin(tenant).await?;
                tx.token_used(token, now, USED_WITHIN).await?;
                tx.commit().await
            };
            if let Err(error) = written.await {
                tracing::warn!(%error, %token, "when a token was used could not be written down");
            }
        });
    }

    /// Adds a token without limits of its own, and tells of it.
    pub(crate) async fn token_issue(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        kind: Kind,
        stored: TokenKind,
        lifetime: Option<TimeDelta>,
    ) -> Result<Token> {
        let token = Token::generate(kind, self.entropy());
        let now = self.now();
        let id: TokenId = self.new_id();
        let until = lifetime.map(|lifetime| now + lifetime);
        tx.token_insert(id, caller.user, stored, &token.hash(), now, until)
            .await?;
        self.audit(tx, caller, "token.create", &id.to_string(), "access")
            .await?;
        Ok(token)
    }

    /// Makes a token of the caller's own, which is shown this once.
    ///
    /// # Errors
    /// [`Code::Invalid`] for scopes, a role or a lifetime that it cannot have; [`Code::Conflict`] where
    /// there are as many as there may be.
    pub async fn token_create(&self, caller: &Caller, new: &NewToken) -> Result<TokenMade> {
        let holder = Holder::Personal { most: new.role };
        let limits = limits(caller, holder, &new.scopes)?;
        let whose = Whose::Member(caller.user);
        let mut tx = self.store().begin(caller.tenant).await?;
        let made = self
            .token_limited(
                &mut tx,
                caller,
                Made::for_program(whose, &new.name),
                limits,
                new.days,
            )
            .await?;
        tx.commit().await?;
        Ok(made)
    }

    /// Makes a token of the organization's own, which is shown this once.
    ///
    /// # Errors
    /// As [`Engine::token_create`].
    pub async fn service_token_create(
        &self,
        caller: &Caller,
        new: &NewServiceToken,
    ) -> Result<TokenMade> {
        let limits = limits(caller, Holder::Service { role: new.role }, &new.scopes)?;
        let whose = Whose::Service;
        let mut tx = self.store().begin(caller.tenant).await?;
        let made = self
            .token_limited(
                &mut tx,
                caller,
                Made::for_program(whose, &new.name),
                limits,
                new.days,
            )
            .await?;
        tx.commit().await?;
        Ok(made)
    }

    /// Adds a token with limits, and tells of it.
    pub(crate) async fn token_limited(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        made: Made<'_>,
        limits: Grant,
        days: Option<u32>,
    ) -> Result<TokenMade> {
        let Made {
            whose,
            name,
            device,
        } = made;
        check_name(name)?;
        self.still(tx, caller).await?;
        let days = days.unwrap_or(DAYS);
        if !(1..=DAYS_MAX).contains(&days) {
            let detail = format!("a token is good for 1 to {DAYS_MAX} days, not {days}");
            return refuse(Code::Invalid, detail);
        }
        let at = self.now();
        let expires_at = at + TimeDelta::days(days.into());
        let (kind, stored, user, action): (_, _, UserId, _) = match whose {
            Whose::Member(user) => (Kind::Personal, TokenKind::Personal, user, "token.create"),
            Whose::Service => (
                Kind::Service,
                TokenKind::Service,
                self.new_id(),
                "service_token.create",
            ),
        };
        let token = Token::generate(kind, self.entropy());
        let id: TokenId = self.new_id();
        let row = NewLimitedToken {
            id,
            user,
            kind: stored,
            name,
            scopes: limits.scopes,
            role: limits.role,
            hash: &token.hash(),
            made_by: caller.user,
            at,
            expires_at,
            device,
        };
        if !tx.token_limited_insert(&row, whose, TOKENS_MAX).await? {
            let problem = Problem::new(
                Code::Conflict,
                format!("there are {TOKENS_MAX} tokens already"),
            );
            return Err(problem
                .next(
                    "revoke those that nobody uses: `freehold token list`, `freehold token revoke`",
                )
                .into());
        }
        self.audit(tx, caller, action, &id.to_string(), "access")
            .await?;
        Ok(TokenMade {
            token: token.to_string(),
            about: AccessToken {
                id,
                name: name.to_owned(),
                scopes: limits.scopes.iter().collect(),
                role: limits.role,
                made_by: Some(caller.name.clone()),
                created_at: at,
                expires_at,
                last_used_at: None,
            },
        })
    }

    /// The caller's own tokens, or the organization's, that are good for something still.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn token_list(
        &self,
        caller: &Caller,
        whose: Whose,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<Page<AccessToken>> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let most = i64::from(limit) + 1;
        let rows = tx
            .token_limited_list(whose, self.now(), after, most)
            .await?;
        page(rows, limit, |row| row.id.to_string(), |row| Ok(shown(row)))
    }

    /// Revokes one of them. Streams that it opened end.
    ///
    /// # Errors
    /// [`Code::NotFound`], also for what was revoked and for what is somebody else's.
    pub async fn token_revoke(&self, caller: &Caller, whose: Whose, reference: &str) -> Result<()> {
        let absent = || {
            let detail = format!("there is no token `{}`", shorten(reference));
            Error::from(Problem::new(Code::NotFound, detail).next("see `freehold token list`"))
        };
        // What is no id is looked for all the same: nothing is told apart by the time that it takes.
        let id: TokenId = reference.parse().unwrap_or_else(|_| self.new_id());
        let action = match whose {
            Whose::Member(_) => "token.revoke",
            Whose::Service => "service_token.revoke",
        };
        let mut tx = self.store().begin(caller.tenant).await?;
        if !tx.token_limited_revoke(whose, id, self.now()).await? {
            return Err(absent());
        }
        self.audit(&mut tx, caller, action, &id.to_string(), "access")
            .await?;
        Ok(tx.commit().await?)
    }
}

/// What such a token is limited to.
fn limits(caller: &Caller, holder: Holder, scopes: &[Scope]) -> Result<Grant> {
    let scopes = scopes.iter().copied().collect();
    grant(caller.rights, holder, scopes)
        .map_err(|why| Problem::new(Code::Invalid, why.to_string()).into())
}

fn shown(row: LimitedTokenRow) -> AccessToken {
    AccessToken {
        id: row.id,
        name: row.name,
        scopes: row.scopes.iter().collect(),
        role: row.role,
        made_by: row.made_by,
        created_at: row.created_at,
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
    }
}
