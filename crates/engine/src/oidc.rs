//! Signing in at a provider of identities (OpenID Connect, authorization code with PKCE).
//!
//! A browser that sets out gets a secret, and an address of the provider's that holds what is made of it:
//! `state`, `nonce` and the code's challenge. It comes back with a code, and only the browser that has the
//! secret can turn it in, once, within minutes. The server keeps the secret's hash, and which provider it
//! is for.
//!
//! Who comes back is whoever the provider's subject was linked to. Nobody is ever linked to an account by
//! an address: an account that there is is linked by its person, who is signed in. A new account is made
//! for whoever was invited, and shows the invitation; for whoever the provider has seen to own the address,
//! where registration is open; and for whoever an organization takes for their groups. No organization
//! takes anybody for the domain of their address.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use freehold_model::rate::neighbourhood;
use freehold_model::{Email, TenantId, UserId, person};
use freehold_store::{BegunRow, Hold, IdentityRow, Room, SetOut, UserRow};
use freehold_wire::api::{BeginLink, BeginOidc, BegunOidc, NewSession, RedeemOidc};
use freehold_wire::id_token::{Claims, challenge};
use freehold_wire::problem::{Code, Problem};
use freehold_wire::token::{Kind, Token};
use subtle::ConstantTimeEq as _;

use crate::account::{has_account, one_time, owner};
use crate::identity::{Registration, Whence};
use crate::sign_in::Begins;
use crate::throttle::What;
use crate::token::Session;
use crate::{Answer, Caller, Engine, Error, Result, refuse};

/// How long somebody may take at the provider: to find a second factor, not to go home.
const LIFETIME: TimeDelta = TimeDelta::minutes(10);
/// How long ago somebody may have signed in who has no password and links another provider.
const JUST_NOW: TimeDelta = TimeDelta::minutes(15);
/// Ways that were set out on and not come back from, in all: a row is a hundred bytes.
const BEGUN_MAX: i32 = 100_000;
/// Of one network: addresses are counted apart, and who has a block of them fills no more than its share.
const BEGUN_OF_NETWORK_MAX: i32 = 1000;
/// When one of a full network may try again: those that set out are forgotten after [`LIFETIME`].
const FULL_S: u64 = 60;
/// Longest code and state that are passed on or compared; providers' codes are at most a few kilobytes.
const WORD_MAX: usize = 8 * 1024;

/// A provider, as the operator named it.
#[derive(Clone)]
pub struct Provider {
    /// Its name in paths.
    pub name: String,
    /// Its name on a button.
    pub title: String,
    /// Who it says that it is; with a subject it names a person for good.
    pub issuer: String,
    /// Organizations whose owners say what its groups are there: its operator's own. Others would learn
    /// who signs in.
    pub organizations: Vec<TenantId>,
    /// The way to it.
    pub desk: Arc<dyn Desk>,
}

/// The way to a provider. `server` implements it over HTTP.
pub trait Desk: Send + Sync + 'static {
    /// The address of its page where somebody says who they are.
    fn page(&self, ask: Ask) -> Answer<'_, std::result::Result<String, Trouble>>;
    /// Turns a code in, and believes what comes for it or not. It takes a bounded time.
    fn redeem(&self, given: Given) -> Answer<'_, std::result::Result<Claims, Trouble>>;
}

/// What is asked of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Comes back with the answer.
    pub state: String,
    /// Comes back in the token.
    pub nonce: String,
    /// What the code verifier hashes to (RFC 7636, S256).
    pub challenge: String,
    /// Where the browser is sent back to.
    pub redirect: String,
}

/// What somebody came back with.
#[derive(Clone, PartialEq, Eq)]
pub struct Given {
    /// The code.
    pub code: String,
    /// Who says that it is theirs (RFC 9207), where it was said.
    pub issuer: Option<String>,
    /// Shows that it was we who asked.
    pub verifier: String,
    /// What the token must hold.
    pub nonce: String,
    /// Where the browser was sent back to.
    pub redirect: String,
    /// The time.
    pub now: DateTime<Utc>,
}

/// Why nobody was vouched for. The words are for whoever signs in, and hold nothing of what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// There was no answer, or none that can be used.
    Away(String),
    /// The answer was no, or is not believed.
    Refused(String),
}

/// What is made of a secret; each for one purpose.
struct Made {
    state: String,
    nonce: String,
    verifier: String,
}

impl Made {
    fn of(secret: &Token) -> Self {
        Self {
            state: secret.derive("oidc state"),
            nonce: secret.derive("oidc nonce"),
            verifier: secret.derive("oidc verifier"),
        }
    }
}

/// Somebody who came back, and whom their provider vouches for.
pub(crate) struct Vouched<'a> {
    provider: &'a Provider,
    pub(crate) claims: Claims,
    invitation: Option<Vec<u8>>,
}

/// The same words for what was used, has expired, was begun elsewhere, or never was.
fn spent() -> Error {
    Problem::new(
        Code::IdentityRefused,
        "this was begun in another browser, was used already, or took longer than ten minutes",
    )
    .into()
}

fn unknown(detail: &str, next: &str) -> Error {
    Problem::new(Code::IdentityUnknown, detail)
        .next(next)
        .into()
}

impl Engine {
    /// Sets out to a provider, to sign in.
    ///
    /// # Errors
    /// [`Code::NotFound`] for a provider that is none; [`Code::Unauthenticated`] for an invitation's token
    /// that is none; [`Code::TooMany`]; [`Code::Unavailable`] where the provider is away.
    pub async fn oidc_begin(
        &self,
        provider: &str,
        asked: &BeginOidc,
        whence: &Whence,
    ) -> Result<BegunOidc> {
        let _charged = self.charge(What::Token, None, whence)?;
        let invitation = asked.invitation.as_deref();
        let invitation = invitation.map(|text| one_time(text, Kind::Invitation));
        let invitation = invitation.transpose()?.map(|token| token.hash());
        self.set_out(provider, None, invitation, whence).await
    }

    /// Sets out to a provider, to link who one is there to one's account. That is another way in, for good:
    /// it takes more than a session that somebody may have come by.
    ///
    /// # Errors
    /// As [`Engine::oidc_begin`]; [`Code::Unauthenticated`] for a password that is not right, and
    /// [`Code::Invalid`] for none; [`Code::Forbidden`] for somebody without an account, and where the account
    /// has no password and the session began longer ago.
    pub async fn identity_begin(
        &self,
        session: &Session,
        asked: &BeginLink,
        whence: &Whence,
    ) -> Result<BegunOidc> {
        let _charged = self.charge(What::Token, None, whence)?;
        self.provider(&asked.provider)?;
        self.is_oneself(session, asked.current.as_deref(), whence)
            .await?;
        let user = session.caller.user;
        self.set_out(&asked.provider, Some(user), None, whence)
            .await
    }

    /// Goes on for whoever knows the account's password, or has just signed in to one that has none.
    async fn is_oneself(
        &self,
        session: &Session,
        current: Option<&str>,
        whence: &Whence,
    ) -> Result<()> {
        let caller = &session.caller;
        let Some(user) = self.user(caller.user).await? else {
            return refuse(
                Code::Forbidden,
                "there is no account of a person behind this session",
            );
        };
        let Some(password) = user.password.as_deref() else {
            let mut tx = self.store().begin(caller.tenant).await?;
            let facts = tx.session_get(session.token).await?;
            return match facts.is_some_and(|facts| self.now() - facts.began_at < JUST_NOW) {
                true => Ok(()),
                false => Err(Problem::new(
                    Code::Forbidden,
                    "you signed in too long ago to add another way into your account",
                )
                .next("sign out, sign in again, and link it within 15 minutes")
                .into()),
            };
        };
        let Some(current) = current else {
            return Err(Problem::new(
                Code::Invalid,
                "another way into your account wants your password",
            )
            .next("give it as `current`")
            .into());
        };
        let charged = self.charge(What::Password, Some(&user.email), whence)?;
        if !self.password_matches(current, Some(password)).await? {
            return refuse(Code::Unauthenticated, "the current password is not right");
        }
        self.door().throttle.refund(charged);
        Ok(())
    }

    async fn set_out(
        &self,
        provider: &str,
        user: Option<UserId>,
        invitation: Option<Vec<u8>>,
        whence: &Whence,
    ) -> Result<BegunOidc> {
        let provider = self.provider(provider)?;
        let secret = Token::generate(Kind::Begun, self.entropy());
        let made = Made::of(&secret);
        let ask = Ask {
            state: made.state,
            nonce: made.nonce,
            challenge: challenge(&made.verifier),
            redirect: self.comes_back_to(provider),
        };
        let url = provider.desk.page(ask).await;
        let url = url.map_err(|trouble| refused(provider, trouble))?;
        let (now, row) = (
            self.now(),
            BegunRow {
                provider: provider.name.clone(),
                user,
                invitation,
            },
        );
        let (hash, expires_at) = (secret.hash(), now + LIFETIME);
        let room = Room {
            most: BEGUN_MAX,
            network: whence.address.map(|from| neighbourhood(from).to_string()),
            most_there: BEGUN_OF_NETWORK_MAX,
        };
        let begin = self.store().oidc_begin(&hash, &row, now, expires_at, &room);
        match begin.await? {
            SetOut::Begun => {}
            SetOut::NetworkFull => {
                let detail =
                    "too many people of your network are on their way to providers of identities";
                let problem = Problem::new(Code::TooMany, detail).retry_after(FULL_S);
                return Err(problem.into());
            }
            SetOut::Full => {
                return refuse(
                    Code::Unavailable,
                    "too many people are on their way to providers of identities; try again in some minutes",
                );
            }
        }
        Ok(BegunOidc {
            url,
            secret: secret.to_string(),
            expires_at,
        })
    }

    /// Signs in with what a provider sent the browser back with.
    ///
    /// # Errors
    /// [`Code::IdentityRefused`] for what is not good, or not this browser's; [`Code::IdentityUnknown`]
    /// for somebody who has no account and gets none; [`Code::TooMany`]; [`Code::Unavailable`] where the
    /// provider is away; [`Code::Forbidden`] for somebody who is in no organization; with an invitation,
    /// as [`Engine::invitation_accept`].
    pub async fn oidc_redeem(
        &self,
        provider: &str,
        given: &RedeemOidc,
        whence: &Whence,
    ) -> Result<NewSession> {
        let charged = self.charge(What::Token, None, whence)?;
        let provider = self.provider(provider)?;
        let vouched = self.vouched(provider, given, None).await?;
        self.door().throttle.refund(charged);
        let subject = &vouched.claims.subject;
        let known = self.store().user_by_identity(&provider.issuer, subject);
        match known.await? {
            Some(user) => self.enter_known(user, &vouched, whence).await,
            None => self.enter_new(&vouched, whence).await,
        }
    }

    /// Uses up what was begun, and has the provider vouch.
    pub(crate) async fn vouched<'a>(
        &self,
        provider: &'a Provider,
        given: &RedeemOidc,
        user: Option<UserId>,
    ) -> Result<Vouched<'a>> {
        let secret = one_time(&given.secret, Kind::Begun).map_err(|_| spent())?;
        let made = Made::of(&secret);
        let is_its_own: bool = made.state.as_bytes().ct_eq(given.state.as_bytes()).into();
        if !is_its_own || given.code.is_empty() || given.code.len() > WORD_MAX {
            return Err(spent());
        }
        let begun = self.store().oidc_use(&secret.hash(), self.now()).await?;
        let begun = begun.filter(|begun| begun.provider == provider.name && begun.user == user);
        let begun = begun.ok_or_else(spent)?;
        let given = Given {
            code: given.code.clone(),
            issuer: given.iss.clone(),
            verifier: made.verifier,
            nonce: made.nonce,
            redirect: self.comes_back_to(provider),
            now: self.now(),
        };
        let claims = provider.desk.redeem(given).await;
        Ok(Vouched {
            provider,
            claims: claims.map_err(|trouble| refused(provider, trouble))?,
            invitation: begun.invitation,
        })
    }

    async fn enter_known(
        &self,
        user: UserId,
        vouched: &Vouched<'_>,
        whence: &Whence,
    ) -> Result<NewSession> {
        if let Some(hash) = &vouched.invitation {
            let mut tx = self.store().begin_person(user).await?;
            let held = self.still_linked(&mut tx, vouched).await?;
            return self.invitation_accept_held(tx, &held, hash, whence).await;
        }
        let person = self.user(user).await?;
        let person = person.ok_or_else(|| Error::Internal("an identity of nobody".into()))?;
        self.groups_apply(&person, vouched.provider, &vouched.claims, whence)
            .await?;
        let mut tx = self.store().begin_person(user).await?;
        let held = self.still_linked(&mut tx, vouched).await?;
        self.enter_held(tx, &held, None, whence, Some(&vouched.provider.name))
            .await
    }

    /// The person, held to be changed, if they are still whom the provider's subject is linked to: whoever
    /// unlinks it meanwhile ends the sessions that there are, and this one comes before that or not at all.
    async fn still_linked(
        &self,
        tx: &mut freehold_store::PersonTx,
        vouched: &Vouched<'_>,
    ) -> Result<UserRow> {
        let held = tx.user_hold(Hold::ToChange).await?;
        let linked = tx.identity_list().await?;
        let is_it = |row: &IdentityRow| {
            row.issuer == vouched.provider.issuer && row.subject == vouched.claims.subject
        };
        held.filter(|_| linked.iter().any(is_it)).ok_or_else(spent)
    }

    /// Somebody whom nobody is linked to: a new person, or nobody.
    async fn enter_new(&self, vouched: &Vouched<'_>, whence: &Whence) -> Result<NewSession> {
        let Vouched {
            provider, claims, ..
        } = vouched;
        if let Some(hash) = &vouched.invitation {
            // Whoever has the token reads the mail of its address, whatever the provider says.
            let email = self.invitation_email(hash).await?;
            let (user, tx) = self.person_new(email, vouched).await?;
            return self.invitation_accept_held(tx, &user, hash, whence).await;
        }
        let email = claims.email.as_deref();
        let email = email.filter(|_| claims.email_verified);
        let Some(email) = email.and_then(|email| email.parse::<Email>().ok()) else {
            return Err(unknown(
                "nobody here is linked to who you are there, and the provider does not say that your address is verified",
                "sign in another way and link it to your account, or have somebody invite you",
            ));
        };
        let settings = &self.door().settings;
        let taken = match settings.registration {
            Registration::Closed => false,
            Registration::Open | Registration::Invited => {
                self.groups_take(provider, claims).await?
            }
        };
        if !taken && settings.registration != Registration::Open {
            return Err(unknown(
                "nobody here is linked to who you are there, and nobody gets an account by themselves",
                "sign in another way and link it to your account, or have somebody invite you",
            ));
        }
        let (user, tx) = self.person_new(email, vouched).await?;
        if !taken && settings.organizations {
            // As with an account that is asked for here: one that is to be of use.
            let (tenant, now): (TenantId, _) = (self.new_id(), self.now());
            let mut tx = tx.in_tenant(tenant).await?;
            self.tenant_add(&mut tx, &user.name, &owner(&user, now))
                .await?;
            let begins = Begins {
                user: user.id,
                whence,
                follows: None,
                enters: false,
                provider: Some(&provider.name),
            };
            let session = self.browser_add(&mut tx, &begins).await?;
            tx.commit().await?;
            return Ok(session);
        }
        tx.commit().await?;
        self.groups_apply(&user, provider, claims, whence).await?;
        let mut tx = self.store().begin_person(user.id).await?;
        let held = self.still_linked(&mut tx, vouched).await?;
        self.enter_held(tx, &held, None, whence, Some(&provider.name))
            .await
    }

    /// Adds a person with this address and the identity that was vouched for. An account that the address
    /// has already is nobody's to take: its person links it.
    async fn person_new(
        &self,
        email: Email,
        vouched: &Vouched<'_>,
    ) -> Result<(UserRow, freehold_store::PersonTx)> {
        let claims = &vouched.claims;
        let said = claims.name.as_deref().map(person::name);
        let name = said
            .and_then(|name| name.ok())
            .or_else(|| person::name(email.local()).ok())
            .unwrap_or_else(|| "somebody".to_owned());
        let user = UserRow {
            id: self.new_id(),
            email,
            name,
            password: None,
            last_tenant: None,
        };
        let now = self.now();
        let mut tx = self.store().begin_person(user.id).await?;
        let added = tx.user_insert(&user, now).await.map_err(has_account);
        added.map_err(|error| match error {
            Error::Problem(problem) if problem.code == Code::Exists => unknown(
                "the address has an account here that is not linked to who you are there",
                "sign in to it another way, or have a mail sent to set a password, and link it in your settings",
            ),
            other => other,
        })?;
        let issuer = &vouched.provider.issuer;
        if !tx.identity_insert(issuer, &claims.subject, now).await? {
            return refuse(Code::Conflict, "it was linked to somebody at the same time");
        }
        tracing::info!(user = %user.id, provider = vouched.provider.name, "a person came by a provider of identities");
        Ok((user, tx))
    }

    /// The provider of that name.
    pub(crate) fn provider(&self, name: &str) -> Result<&Provider> {
        let mut all = self.door().settings.providers.iter();
        let found = all.find(|provider| provider.name == name);
        found.ok_or_else(|| {
            Problem::new(Code::NotFound, "there is no such provider of identities").into()
        })
    }

    fn comes_back_to(&self, provider: &Provider) -> String {
        format!("{}/sign-in/with/{}", self.door().home(), provider.name)
    }
}

fn refused(provider: &Provider, trouble: Trouble) -> Error {
    let title = &provider.title;
    match trouble {
        Trouble::Away(why) => {
            tracing::warn!(
                provider = provider.name,
                why,
                "a provider of identities is away"
            );
            Problem::new(
                Code::Unavailable,
                format!("{title} cannot be asked who you are: {why}"),
            )
            .next("try again in a while, or sign in another way")
            .into()
        }
        Trouble::Refused(why) => {
            tracing::warn!(
                provider = provider.name,
                why,
                "a provider of identities did not vouch"
            );
            Problem::new(Code::IdentityRefused, format!("{title}: {why}")).into()
        }
    }
}

/// Whoever signs in, as an actor.
pub(crate) fn themselves(user: &UserRow, tenant: TenantId, whence: &Whence) -> Caller {
    Caller {
        address: whence.address,
        ..Caller::installation(tenant, user.id, user.name.clone())
    }
}
