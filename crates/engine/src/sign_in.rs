//! Signing in with a password, and the sessions of browsers.
//!
//! A session is a token that acts in one organization. A page in use renews it each day: it gets another
//! token, and the one before is good for a minute more, for requests under way. One that is not renewed
//! ends, and so does one that began long ago, however often it was renewed.

use chrono::{DateTime, TimeDelta, Utc};
use freehold_model::{Action, Email, Rights, TenantId, TokenId, UserId};
use freehold_store::{Hold, PersonTx, Tx, UserRow};
use freehold_wire::api::{BrowserSession, NewSession, Page, SignInPassword};
use freehold_wire::problem::{Code, Problem};
use freehold_wire::token::{Kind, Token};

use crate::confirm::Act;
use crate::identity::Whence;
use crate::throttle::What;
use crate::token::Session;
use crate::{Caller, Engine, Error, Result, refuse};

/// How long a session is good that nobody renews.
const IDLE: TimeDelta = TimeDelta::days(14);
/// How long after its person signed in a session ends, whatever was renewed.
const AT_MOST: TimeDelta = TimeDelta::days(60);
/// When a page in use renews it.
const RENEW_AFTER: TimeDelta = TimeDelta::days(1);
/// How long the token before is good, for requests under way.
const GRACE: TimeDelta = TimeDelta::minutes(1);
/// When the one before may be renewed again, whose answer was lost: who asks many times at once gets one.
const ASK_AGAIN_AFTER: TimeDelta = TimeDelta::seconds(5);

/// The same words for an address that nobody has and for a wrong password.
fn wrong() -> Error {
    Problem::new(
        Code::Unauthenticated,
        "the address or the password is not right",
    )
    .next("try again, or ask for a mail to set a new password")
    .into()
}

/// A session that is about to begin.
pub(crate) struct Begins<'a> {
    pub(crate) user: UserId,
    pub(crate) whence: &'a Whence,
    /// What it takes the place of: when its person signed in, and the id that was given to it.
    pub(crate) follows: Option<(DateTime<Utc>, TokenId)>,
    /// It comes from another organization.
    pub(crate) enters: bool,
    /// The provider of identities that vouched for its person, where one did.
    pub(crate) provider: Option<&'a str>,
}

impl Engine {
    /// Signs in with a password.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`], alike for whatever is wrong; [`Code::TooMany`]; [`Code::Unavailable`]
    /// when too many sign in at the moment; [`Code::Forbidden`] for somebody who is in no organization.
    pub async fn sign_in_password(
        &self,
        given: &SignInPassword,
        whence: &Whence,
    ) -> Result<NewSession> {
        let Ok(email) = given.email.parse::<Email>() else {
            return Err(wrong());
        };
        let charged = self.charge(What::Password, Some(&email), whence)?;
        let user = self.person_by_password(&email, &given.password).await?;
        self.door().throttle.refund(charged);
        self.enter(&user, given.organization, whence).await
    }

    /// The person with this address and this password.
    pub(crate) async fn person_by_password(
        &self,
        email: &Email,
        password: &str,
    ) -> Result<UserRow> {
        // Whether there is such a person or not, the same is asked of the database and the same is hashed.
        let found = self.store().user_by_email(email).await?;
        let mut tx = self
            .store()
            .begin_person(found.unwrap_or_else(|| self.new_id()))
            .await?;
        let user = tx.user_get().await?;
        drop(tx);
        let stored = user.as_ref().and_then(|user| user.password.as_deref());
        match (self.password_matches(password, stored).await?, user) {
            (true, Some(user)) => Ok(user),
            _ => Err(wrong()),
        }
    }

    /// Begins a session of a person who has shown who they are: in the organization that they name,
    /// where they were last, or where they have been the longest.
    pub(crate) async fn enter(
        &self,
        user: &UserRow,
        wanted: Option<TenantId>,
        whence: &Whence,
    ) -> Result<NewSession> {
        let mut tx = self.store().begin_person(user.id).await?;
        // Whoever sets another password meanwhile ends the sessions that there are: this one comes
        // before that, or not at all. That they were here is written below.
        let now_stored = tx.user_hold(Hold::ToChange).await?;
        let now_stored = now_stored.map(|user| user.password);
        if now_stored.as_ref() != Some(&user.password) {
            return Err(wrong());
        }
        self.enter_held(tx, user, wanted, whence, None).await
    }

    /// The same, of a person who is held to be changed. Where they name no organization, one that would not
    /// have them now is passed over: a membership by groups that is to be confirmed shuts nobody out of the
    /// others.
    pub(crate) async fn enter_held(
        &self,
        mut tx: PersonTx,
        user: &UserRow,
        wanted: Option<TenantId>,
        whence: &Whence,
        provider: Option<&str>,
    ) -> Result<NewSession> {
        let organizations = tx.organizations().await?;
        let mut those: Vec<TenantId> = organizations.iter().map(|o| o.tenant).collect();
        match wanted {
            Some(wanted) => those.retain(|tenant| *tenant == wanted),
            // A stable order: where they were last, then where they have been the longest.
            None => those.sort_by_key(|tenant| Some(*tenant) != user.last_tenant),
        }
        let mut not_let_in = match wanted {
            Some(_) => no_such_organization(),
            None => nowhere(),
        };
        let begins = Begins {
            user: user.id,
            whence,
            follows: None,
            enters: false,
            provider,
        };
        for tenant in those {
            let mut there = tx.in_tenant(tenant).await?;
            match self.lets_in(&mut there, user.id).await {
                Ok(()) => {
                    tx = there.of_person(user.id).await?;
                    return self.browser_begin(tx, tenant, &begins).await;
                }
                Err(Error::Problem(problem)) => not_let_in = Error::Problem(problem),
                Err(other) => return Err(other),
            }
            tx = there.of_person(user.id).await?;
        }
        Err(not_let_in)
    }

    /// Goes on where a session of this person's may begin in the tenant of `tx`.
    async fn lets_in(&self, tx: &mut Tx, user: UserId) -> Result<()> {
        let Some(member) = tx.member_get(user).await? else {
            return Err(no_such_organization());
        };
        self.confirmed_until(tx, &member).await.map(|_| ())
    }

    /// A transaction of a person's in a tenant, in which they are held as they are: whoever ends their
    /// sessions or changes what they sign in with comes before what is done in it, or behind it. One who has
    /// no account, like the owner of a local installation, is held by their membership.
    pub(crate) async fn begin_still(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<(Tx, Option<UserRow>)> {
        let mut tx = self.store().begin_person(user).await?;
        let held = tx.user_hold(Hold::Still).await?;
        let mut tx = tx.in_tenant(tenant).await?;
        if held.is_none() {
            tx.member_hold(user).await?;
        }
        Ok((tx, held))
    }

    /// Begins a session in a tenant, as the last thing in a transaction of its person.
    pub(crate) async fn browser_begin(
        &self,
        tx: PersonTx,
        tenant: TenantId,
        begins: &Begins<'_>,
    ) -> Result<NewSession> {
        let mut tx = tx.in_tenant(tenant).await?;
        let session = self.browser_add(&mut tx, begins).await?;
        tx.user_was_here(begins.user).await?;
        tx.commit().await?;
        Ok(session)
    }

    /// Adds a session of a member's in the tenant of `tx`.
    pub(crate) async fn browser_add(&self, tx: &mut Tx, begins: &Begins<'_>) -> Result<NewSession> {
        let Some(member) = tx.member_hold(begins.user).await? else {
            return Err(no_such_organization());
        };
        let token = Token::generate(Kind::Browser, self.entropy());
        let now = self.now();
        let (began_at, id) = begins.follows.unwrap_or_else(|| (now, self.new_id()));
        let confirmed_until = self.confirmed_until(tx, &member).await?;
        let expires_at = (now + IDLE).min(began_at + AT_MOST);
        let expires_at = confirmed_until.map_or(expires_at, |until| expires_at.min(until));
        tx.session_insert(&freehold_store::NewSession {
            id,
            user: begins.user,
            hash: token.hash(),
            browser: begins.whence.browser.clone(),
            address: begins.whence.address_text(),
            began_at,
            at: now,
            expires_at,
        })
        .await?;
        let word = match begins.follows {
            None => Some("session.begin"),
            Some(_) if begins.enters => Some("session.enter"),
            Some(_) => None,
        };
        if let Some(word) = word {
            let caller = Caller {
                confirms: crate::confirm::Confirms::No,
                rights: Rights::of(member.role),
                address: begins.whence.address,
                ..Caller::installation(tx.tenant(), member.user, member.name)
            };
            let what = match begins.provider {
                Some(provider) => format!("{id} {provider}"),
                None => id.to_string(),
            };
            self.audit(tx, &caller, word, &what, "access").await?;
        }
        Ok(NewSession {
            token: token.to_string(),
            expires_at,
            renew_at: (now + RENEW_AFTER).min(expires_at),
            organization: tx.tenant(),
        })
    }

    /// Another token in the place of the session's. One request of several gets it.
    ///
    /// # Errors
    /// [`Code::Conflict`] for what is no session, and where it was renewed already;
    /// [`Code::Unauthenticated`] where it has come to its end.
    pub async fn session_renew(&self, session: &Session, whence: &Whence) -> Result<NewSession> {
        self.session_move(session, session.caller.tenant, whence)
            .await
    }

    /// The same, in another organization of the person's.
    ///
    /// # Errors
    /// As [`Engine::session_renew`]; [`Code::NotFound`] for an organization that they are not in.
    pub async fn session_enter(
        &self,
        session: &Session,
        organization: &str,
        whence: &Whence,
    ) -> Result<NewSession> {
        let mut tx = self.store().begin_person(session.caller.user).await?;
        let organizations = tx.organizations().await?;
        drop(tx);
        let wanted = organization.parse::<TenantId>().ok();
        match wanted.filter(|wanted| organizations.iter().any(|o| o.tenant == *wanted)) {
            Some(tenant) => {
                // Asked before anything ends: who is not let in there stays where they are.
                let mut there = self.store().begin(tenant).await?;
                self.lets_in(&mut there, session.caller.user).await?;
                drop(there);
                self.session_move(session, tenant, whence).await
            }
            None => Err(no_such_organization()),
        }
    }

    async fn session_move(
        &self,
        session: &Session,
        to: TenantId,
        whence: &Whence,
    ) -> Result<NewSession> {
        let Caller {
            tenant: from, user, ..
        } = session.caller;
        // Whoever sets another password meanwhile, or ends sessions, ends those that there are: this one
        // comes before that and ends with them, or not at all.
        let (mut tx, person) = self.begin_still(from, user).await?;
        let password = person.map(|person| person.password);
        let Some(facts) = tx.session_get(session.token).await? else {
            return refuse(Code::Conflict, "the token is no browser's session");
        };
        let now = self.now();
        if facts.began_at + AT_MOST <= now {
            return refuse(
                Code::Unauthenticated,
                "the session has come to its end; sign in again",
            );
        }
        let next: TokenId = self.new_id();
        let begins = Begins {
            user,
            whence,
            follows: Some((facts.began_at, next)),
            enters: to != from,
            provider: None,
        };
        // A token in its grace has got the next one, which may never have arrived: where that was used by
        // nobody, another takes its place, once.
        let replaced = tx.session_replace(session.token, next, now + GRACE).await?
            || tx
                .session_replace_again(session.token, next, now, now + GRACE - ASK_AGAIN_AFTER)
                .await?;
        if !replaced {
            return refuse(
                Code::Conflict,
                "the session was renewed already; use the token that was given for it",
            );
        }
        if to == from {
            let session = self.browser_add(&mut tx, &begins).await?;
            tx.commit().await?;
            return Ok(session);
        }
        self.audit(
            &mut tx,
            &session.caller,
            "session.leave",
            &session.token.to_string(),
            "access",
        )
        .await?;
        // First the old one ends, then the new one begins: where the second fails, one signs in again.
        tx.commit().await?;
        let mut tx = self.store().begin_person(user).await?;
        let now_stored = tx.user_hold(Hold::ToChange).await?;
        if now_stored.map(|person| person.password) != password {
            return refuse(
                Code::Unauthenticated,
                "the password was changed meanwhile; sign in again",
            );
        }
        let mut tx = tx.in_tenant(from).await?;
        if tx.session_get(session.token).await?.is_none() {
            return refuse(
                Code::Unauthenticated,
                "the session was ended meanwhile; sign in again",
            );
        }
        let tx = tx.of_person(user).await?;
        self.browser_begin(tx, to, &begins).await
    }

    /// Where the person is signed in.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn session_list(&self, session: &Session) -> Result<Page<BrowserSession>> {
        let mut tx = self.store().begin_person(session.caller.user).await?;
        let rows = tx.session_list(self.now()).await?;
        let items = rows.into_iter().map(|row| BrowserSession {
            this: row.id == session.token,
            id: row.id,
            organization: row.tenant,
            organization_name: row.tenant_name,
            browser: row.browser,
            address: row.address,
            began_at: row.began_at,
            renewed_at: row.renewed_at,
            expires_at: row.expires_at,
        });
        Ok(Page {
            items: items.collect(),
            next: None,
        })
    }

    /// Ends one of the person's sessions, whichever organization it is in.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn session_end(&self, session: &Session, reference: &str) -> Result<()> {
        let id: TokenId = reference.parse().unwrap_or_else(|_| self.new_id());
        let tx = self.person_alone(session).await?;
        let ended = self.sessions_end(tx, session, None, Some(id)).await?;
        match ended {
            0 => refuse(Code::NotFound, "there is no such session"),
            _ => Ok(()),
        }
    }

    /// Ends all of the person's sessions but the one that asks.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn session_end_others(&self, session: &Session) -> Result<()> {
        let caller = &session.caller;
        let tx = self.person_alone(session).await?;
        let mut tx = tx.of_person(caller.user).await?;
        let sessions = tx.session_list(self.now()).await?;
        let others = sessions.iter().filter(|row| row.id != session.token);
        let others = others.count().to_string();
        let tx = tx.in_tenant(caller.tenant).await?;
        let act = Act {
            action: Action::SessionEndAll,
            resource: &caller.user.to_string(),
            version: &others,
            does: format!(
                "all of your sessions but this one end, in all organizations: there are {others}"
            ),
        };
        let tx = self.confirm(tx, caller, act).await?;
        self.sessions_end(tx, session, Some(session.token), None)
            .await?;
        Ok(())
    }

    /// A transaction in which nobody begins, renews or moves a session of the person's, and nobody did
    /// whose session it would not see.
    async fn person_alone(&self, session: &Session) -> Result<Tx> {
        let caller = &session.caller;
        let mut tx = self.store().begin_person(caller.user).await?;
        let held = tx.user_hold(Hold::ToChange).await?;
        let mut tx = tx.in_tenant(caller.tenant).await?;
        if held.is_none() {
            tx.member_hold_to_change(caller.user).await?;
        }
        Ok(tx)
    }

    async fn sessions_end(
        &self,
        tx: Tx,
        session: &Session,
        but: Option<TokenId>,
        only: Option<TokenId>,
    ) -> Result<usize> {
        let mut tx = tx.of_person(session.caller.user).await?;
        let tenants = tx.sign_out_all(but, only, self.now()).await?;
        tx.hint_tokens(&tenants).await?;
        let ended = tenants.len();
        let mut tx = tx.in_tenant(session.caller.tenant).await?;
        if ended > 0 {
            let what = only.map_or_else(|| "all others".to_owned(), |id| id.to_string());
            self.audit(&mut tx, &session.caller, "session.end", &what, "access")
                .await?;
        }
        tx.commit().await?;
        Ok(ended)
    }
}

fn no_such_organization() -> Error {
    Problem::new(Code::NotFound, "you are in no such organization").into()
}

fn nowhere() -> Error {
    Problem::new(Code::Forbidden, "you are in no organization any more")
        .next("have somebody invite you")
        .into()
}
