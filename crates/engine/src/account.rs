//! Accounts: asked for, confirmed, given another password; and the organizations of a person.

use chrono::TimeDelta;
use freehold_model::{Email, Role, TenantId, UserId, person};
use freehold_store::{Hold, MemberRow, RegistrationRow, StoreError, UserRow};
use freehold_wire::api::{
    Account, ChangePassword, ConfirmRegistration, ForgotPassword, NewOrganization, NewSession,
    Organization, Page, Register, ResetPassword, SignInProvider, SignInWays,
};
use freehold_wire::problem::{Code, Problem};
use freehold_wire::token::{Kind, Token};

use crate::identity::{Registration, Whence};
use crate::mail::Mail;
use crate::sign_in::Begins;
use crate::throttle::What;
use crate::token::Session;
use crate::{Caller, Engine, Error, Result, refuse};

/// How long an account that was asked for can be confirmed.
const CONFIRM_LIFETIME: TimeDelta = TimeDelta::days(1);
/// How long a token sets a new password.
pub(crate) const RESET_LIFETIME: TimeDelta = TimeDelta::hours(1);
/// Organizations that one person may have made or be in: nobody works for more, and a script would.
const ORGANIZATIONS_MAX: usize = 50;

/// The same words for a token that was used, has expired, was replaced or never was.
pub(crate) fn spent() -> Error {
    Problem::new(
        Code::Unauthenticated,
        "the link was used, has expired, or another was sent after it",
    )
    .next("ask for another mail")
    .into()
}

/// The token of a link, of that kind.
pub(crate) fn one_time(text: &str, kind: Kind) -> Result<Token> {
    let token = text.parse::<Token>().ok();
    token.filter(|token| token.kind() == kind).ok_or_else(spent)
}

pub(crate) fn address(text: &str) -> Result<Email> {
    text.parse()
        .map_err(|error: freehold_model::email::NotAnEmail| invalid(error.to_string()))
}

pub(crate) fn invalid(detail: impl Into<String>) -> Error {
    Problem::new(Code::Invalid, detail).into()
}

impl Engine {
    /// How one signs in here.
    #[must_use]
    pub fn sign_in_ways(&self) -> SignInWays {
        let settings = &self.door().settings;
        SignInWays {
            registration: settings.registration.name().to_owned(),
            organizations: settings.organizations,
            mail: settings.post.is_some(),
            providers: (settings.providers.iter())
                .map(|provider| SignInProvider {
                    name: provider.name.clone(),
                    title: provider.title.clone(),
                })
                .collect(),
        }
    }

    /// Asks for an account. What follows is mailed to the address, and says there whether it has one
    /// already: whoever asks learns nothing about it.
    ///
    /// # Errors
    /// [`Code::Forbidden`] where the operator does not allow it; [`Code::Invalid`]; [`Code::TooMany`].
    pub async fn register(&self, asked: &Register, whence: &Whence) -> Result<()> {
        let settings = &self.door().settings;
        if settings.registration != Registration::Open {
            return Err(
                Problem::new(Code::Forbidden, "nobody registers here by themselves")
                    .next("have a member of an organization invite you")
                    .into(),
            );
        }
        let email = address(&asked.email)?;
        let name = person::name(&asked.name).map_err(|error| invalid(error.to_string()))?;
        let organization = asked.organization.as_deref().map(person::name).transpose();
        let organization = organization.map_err(|error| invalid(error.to_string()))?;
        if organization.is_some() && !settings.organizations {
            return refuse(
                Code::Forbidden,
                "people make no organizations of their own here",
            );
        }
        let _charged = self.charge(What::Mail, Some(&email), whence)?;
        let password = self.password_hash(&asked.password, &email).await?;
        let token = Token::generate(Kind::Confirmation, self.entropy());
        let mail = self.mail(&Mail::Registration {
            to: email.clone(),
            name: name.clone(),
            token: token.to_string(),
        })?;
        let row = RegistrationRow {
            email,
            name,
            password,
            organization,
        };
        let now = self.now();
        let until = now + CONFIRM_LIFETIME;
        Ok(self
            .store()
            .registration_insert(&token.hash(), &row, now, until, &mail)
            .await?)
    }

    /// Makes the account that was asked for, and signs in.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] for a token or a password that is not right; [`Code::TooMany`].
    pub async fn register_confirm(
        &self,
        given: &ConfirmRegistration,
        whence: &Whence,
    ) -> Result<NewSession> {
        let charged = self.charge(What::Token, None, whence)?;
        let hash = one_time(&given.token, Kind::Confirmation)?.hash();
        let now = self.now();
        let asked = self
            .store()
            .registration_by_hash(&hash, now)
            .await?
            .ok_or_else(spent)?;
        let tries = self.charge(What::Password, Some(&asked.email), whence)?;
        if !self
            .password_matches(&given.password, Some(&asked.password))
            .await?
        {
            return Err(Problem::new(
                Code::Unauthenticated,
                "the password is not the one that was chosen when the account was asked for",
            )
            .next("if you did not ask for an account, do nothing")
            .into());
        }
        self.door().throttle.refund(charged);
        self.door().throttle.refund(tries);
        let user = UserRow {
            id: self.new_id(),
            email: asked.email,
            name: asked.name,
            password: Some(asked.password),
            last_tenant: None,
        };
        let mut tx = self.store().begin_person(user.id).await?;
        if !tx.registration_use(&hash, now).await? {
            return Err(spent());
        }
        tx.user_insert(&user, now).await.map_err(has_account)?;
        let organization = asked
            .organization
            .filter(|_| self.door().settings.organizations);
        let Some(organization) = organization else {
            tx.commit().await?;
            return self.enter(&user, None, whence).await;
        };
        let tenant: TenantId = self.new_id();
        let mut tx = tx.in_tenant(tenant).await?;
        let owner = owner(&user, now);
        self.tenant_add(&mut tx, &organization, &owner).await?;
        let begins = Begins {
            user: user.id,
            whence,
            follows: None,
            enters: false,
            provider: None,
        };
        let session = self.browser_add(&mut tx, &begins).await?;
        tx.commit().await?;
        Ok(session)
    }

    /// Has a mail sent with which a new password is set, if anybody has the address. That is looked up
    /// when the mail is due: whoever asks learns nothing about it, not even from the time it takes.
    ///
    /// # Errors
    /// [`Code::Invalid`]; [`Code::TooMany`].
    pub async fn password_forgot(&self, asked: &ForgotPassword, whence: &Whence) -> Result<()> {
        let to = address(&asked.email)?;
        let _charged = self.charge(What::Mail, Some(&to), whence)?;
        let mail = self.mail(&Mail::Forgot { to })?;
        Ok(self.store().mail_insert(&mail).await?)
    }

    /// Sets a new password by the token that was mailed, and ends all of the person's sessions and of their
    /// own tokens for programs, and unlinks who they are at providers of identities: they may have lost
    /// control of them, and somebody else may have linked themselves. Each of their organizations' logs says
    /// so.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] for a token that is not good; [`Code::Invalid`] for a weak password,
    /// and the token stays good then; [`Code::TooMany`].
    pub async fn password_reset(&self, given: &ResetPassword, whence: &Whence) -> Result<()> {
        let charged = self.charge(What::Token, None, whence)?;
        let hash = one_time(&given.token, Kind::Reset)?.hash();
        let user = self.store().user_by_reset(&hash).await?.ok_or_else(spent)?;
        let mut tx = self.store().begin_person(user).await?;
        let good = tx.reset_is_good(&hash, self.now()).await?;
        let found = tx.user_get().await?;
        drop(tx);
        let user = found.filter(|_| good).ok_or_else(spent)?;
        self.door().throttle.refund(charged);
        let password = self.password_hash(&given.password, &user.email).await?;
        let now = self.now();
        let mut tx = self.store().begin_person(user.id).await?;
        if !tx.reset_use(&hash, now).await? {
            return Err(spent());
        }
        tx.user_hold(Hold::ToChange).await?;
        tx.user_set_password(&password).await?;
        let mut tenants = tx.sign_out_all(None, None, now).await?;
        tenants.extend(tx.tokens_end(now).await?);
        tenants.sort_unstable();
        tenants.dedup();
        tx.hint_tokens(&tenants).await?;
        let unlinked = tx.identities_forget().await?;
        if let Ok(mail) = self.password_changed(&user, unlinked > 0) {
            tx.mail_insert(&mail).await?;
        }
        let id = user.id.to_string();
        for belongs in tx.organizations().await? {
            let mut of = tx.in_tenant(belongs.tenant).await?;
            let caller = Caller {
                address: whence.address,
                ..Caller::installation(belongs.tenant, user.id, user.name.clone())
            };
            self.audit(&mut of, &caller, "account.password_reset", &id, "access")
                .await?;
            tx = of.of_person(user.id).await?;
        }
        tx.commit().await?;
        tracing::info!(user = %user.id, "a password was set anew by a mailed token");
        Ok(())
    }

    /// Changes one's own password, and ends all other sessions of one's own. The session that asks is
    /// renewed.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] for a current password that is not right; [`Code::Forbidden`] for
    /// somebody who has none; [`Code::Invalid`] for a weak one; [`Code::TooMany`].
    pub async fn password_change(
        &self,
        session: &Session,
        change: &ChangePassword,
        whence: &Whence,
    ) -> Result<NewSession> {
        let Some(user) = self.user(session.caller.user).await? else {
            return refuse(
                Code::Forbidden,
                "there is no account with a password behind this session",
            );
        };
        let charged = self.charge(What::Password, Some(&user.email), whence)?;
        if !self
            .password_matches(&change.current, user.password.as_deref())
            .await?
        {
            return refuse(Code::Unauthenticated, "the current password is not right");
        }
        self.door().throttle.refund(charged);
        let password = self.password_hash(&change.password, &user.email).await?;
        let mut tx = self.store().begin_person(user.id).await?;
        let held = tx.user_hold(Hold::ToChange).await?;
        if held.map(|held| held.password) != Some(user.password.clone()) {
            return refuse(Code::Conflict, "the password was changed at the same time");
        }
        tx.user_set_password(&password).await?;
        tx.reset_forget().await?;
        let tenants = tx
            .sign_out_all(Some(session.token), None, self.now())
            .await?;
        tx.hint_tokens(&tenants).await?;
        if let Ok(mail) = self.password_changed(&user, false) {
            tx.mail_insert(&mail).await?;
        }
        let mut tx = tx.in_tenant(session.caller.tenant).await?;
        let id = user.id.to_string();
        self.audit(&mut tx, &session.caller, "account.password", &id, "access")
            .await?;
        tx.commit().await?;
        self.session_renew(session, whence).await
    }

    /// One's account.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn account(&self, session: &Session) -> Result<Account> {
        let caller = &session.caller;
        let user = self.user(caller.user).await?;
        Ok(Account {
            user: caller.user,
            name: user
                .as_ref()
                .map_or_else(|| caller.name.clone(), |user| user.name.clone()),
            password: user.as_ref().is_some_and(|user| user.password.is_some()),
            email: user.map(|user| user.email.to_string()),
        })
    }

    /// The organizations that one is in.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn organization_list(&self, caller: &Caller) -> Result<Page<Organization>> {
        let mut tx = self.store().begin_person(caller.user).await?;
        let items = tx.organizations().await?.into_iter().map(|belongs| {
            Ok(Organization {
                this: belongs.tenant == caller.tenant,
                id: belongs.tenant,
                name: belongs.name,
                role: belongs
                    .role
                    .parse()
                    .map_err(|_| Error::Internal("a role".into()))?,
                since: belongs.since,
            })
        });
        Ok(Page {
            items: items.collect::<Result<_>>()?,
            next: None,
        })
    }

    /// Makes an organization of one's own. One goes there by [`Engine::session_enter`].
    ///
    /// # Errors
    /// [`Code::Forbidden`] where the operator does not allow it, and for somebody without an account;
    /// [`Code::Invalid`] for its name; [`Code::Conflict`] where one is in too many.
    pub async fn organization_create(
        &self,
        caller: &Caller,
        new: &NewOrganization,
    ) -> Result<Organization> {
        if !self.door().settings.organizations {
            return refuse(
                Code::Forbidden,
                "people make no organizations of their own here",
            );
        }
        let name = person::name(&new.name).map_err(|error| invalid(error.to_string()))?;
        let mut tx = self.store().begin_person(caller.user).await?;
        // Held, so that whoever asks many times at once is counted one after the other.
        let Some(user) = tx.user_hold(Hold::ToChange).await? else {
            return refuse(
                Code::Forbidden,
                "there is no account of a person behind this session",
            );
        };
        if tx.organizations().await?.len() >= ORGANIZATIONS_MAX {
            return refuse(
                Code::Conflict,
                format!("you are in {ORGANIZATIONS_MAX} organizations already"),
            );
        }
        let (tenant, now): (TenantId, _) = (self.new_id(), self.now());
        let mut tx = tx.in_tenant(tenant).await?;
        self.tenant_add(&mut tx, &name, &owner(&user, now)).await?;
        tx.commit().await?;
        Ok(Organization {
            id: tenant,
            name,
            role: Role::Owner,
            since: now,
            this: false,
        })
    }

    /// The person's own row; none for the owner of a local installation.
    pub(crate) async fn user(&self, id: UserId) -> Result<Option<UserRow>> {
        Ok(self.store().begin_person(id).await?.user_get().await?)
    }

    fn password_changed(&self, user: &UserRow, unlinked: bool) -> Result<freehold_store::NewMail> {
        self.mail(&Mail::PasswordChanged {
            to: user.email.clone(),
            name: user.name.clone(),
            unlinked,
        })
    }
}

/// Somebody was first: the address has an account now.
pub(crate) fn has_account(error: StoreError) -> Error {
    match error {
        StoreError::Taken { .. } => {
            Problem::new(Code::Exists, "the address has an account already")
                .next("sign in, or ask for a mail to set a new password")
                .into()
        }
        other => other.into(),
    }
}

pub(crate) fn owner(user: &UserRow, since: chrono::DateTime<chrono::Utc>) -> MemberRow {
    MemberRow {
        user: user.id,
        name: user.name.clone(),
        email: Some(user.email.clone()),
        role: Role::Owner,
        review: false,
        since,
    }
}
