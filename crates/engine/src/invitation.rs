//! Invitations: by mail, for one address, good once and for a week.

use chrono::TimeDelta;
use freehold_model::invitation::{Facts, State, state};
use freehold_model::webhook::Event;
use freehold_model::{Email, InvitationId, TenantId, UserId, person};
use freehold_store::{Hold, InvitationRow, MemberRow, PersonTx, Tx, UserRow};
use freehold_wire::api::{
    AcceptInvitation, Invitation, InvitationSeen, InvitationToken, NewInvitation, NewSession, Page,
};
use freehold_wire::problem::{Code, Problem};
use freehold_wire::token::{Kind, Token};

use crate::account::{address, has_account, invalid, one_time, spent};
use crate::identity::{Registration, Whence};
use crate::mail::Mail;
use crate::member::owners_decide;
use crate::project::{page, shorten};
use crate::sign_in::Begins;
use crate::throttle::What;
use crate::token::Session;
use crate::{Caller, Engine, Error, Result, refuse};

/// How long one can be accepted.
const LIFETIME: TimeDelta = TimeDelta::days(7);
/// An invitation is not sent again sooner: whoever is invited is no target.
const RESENT_AFTER: TimeDelta = TimeDelta::minutes(5);
/// Invitations that an organization may mail in a day: strangers are not written to by the thousand.
const A_DAY: i64 = 100;
/// How long those are listed that became something else.
const LISTED: TimeDelta = TimeDelta::days(30);

impl Engine {
    /// Invites somebody. An invitation that is open for the address is replaced.
    ///
    /// # Errors
    /// [`Code::Invalid`]; [`Code::Exists`] for a member; [`Code::Forbidden`] for making an owner without
    /// being one; [`Code::TooMany`]; [`Code::Unavailable`] where the server sends no mail.
    pub async fn invitation_create(
        &self,
        caller: &Caller,
        new: &NewInvitation,
    ) -> Result<Invitation> {
        if self.door().settings.registration == Registration::Closed {
            return Err(Problem::new(
                Code::Forbidden,
                "nobody gets an account here but who has one",
            )
            .next("whoever operates the server allows it: `freehold server --registration invited`")
            .into());
        }
        let email = address(&new.email)?;
        owners_decide(caller, &[new.role])?;
        let now = self.now();
        let mut tx = self.store().begin(caller.tenant).await?;
        self.still(&mut tx, caller).await?;
        self.may_mail(&mut tx).await?;
        if tx.member_by_email(&email).await?.is_some() {
            return refuse(Code::Exists, format!("{email} is a member already"));
        }
        let token = Token::generate(Kind::Invitation, self.entropy());
        let row = InvitationRow {
            id: self.new_id(),
            email,
            role: new.role,
            review: new.review,
            by: caller.user,
            created_at: now,
            sent_at: now,
            facts: Facts {
                expires_at: now + LIFETIME,
                accepted_at: None,
                revoked_at: None,
            },
        };
        tx.invitation_insert(&row, &token.hash()).await?;
        self.invitation_mail(&mut tx, caller, &row, &token).await?;
        let what = format!("{} {} {}", row.id, row.email, row.role);
        self.audit(&mut tx, caller, "invitation.create", &what, "access")
            .await?;
        tx.commit().await?;
        Ok(shown(row, Some(caller.name.clone()), now))
    }

    /// Sends an invitation anew, with another token and another week. The link before is void.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::Conflict`] where it is not open; as [`Engine::invitation_create`].
    pub async fn invitation_resend(&self, caller: &Caller, reference: &str) -> Result<Invitation> {
        let mut tx = self.store().begin(caller.tenant).await?;
        self.still(&mut tx, caller).await?;
        self.may_mail(&mut tx).await?;
        let mut row = find(&mut tx, reference).await?;
        owners_decide(caller, &[row.role])?;
        let token = Token::generate(Kind::Invitation, self.entropy());
        let now = self.now();
        let wait = RESENT_AFTER - (now - row.sent_at).max(TimeDelta::zero());
        if wait > TimeDelta::zero() {
            let seconds = u64::try_from(wait.num_seconds()).unwrap_or(0) + 1;
            let detail = format!("it was sent a moment ago; it can be sent again in {seconds} s");
            return Err(Problem::new(Code::TooMany, detail)
                .retry_after(seconds)
                .into());
        }
        (row.sent_at, row.facts.expires_at) = (now, now + LIFETIME);
        if !tx
            .invitation_resend(row.id, &token.hash(), now, row.facts.expires_at)
            .await?
        {
            return refuse(Code::Conflict, "the invitation was accepted or revoked");
        }
        self.invitation_mail(&mut tx, caller, &row, &token).await?;
        let id = row.id.to_string();
        self.audit(&mut tx, caller, "invitation.resend", &id, "access")
            .await?;
        let by = tx.member_name(row.by).await?;
        tx.commit().await?;
        Ok(shown(row, by, now))
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::Conflict`] where it is not open.
    pub async fn invitation_revoke(&self, caller: &Caller, reference: &str) -> Result<()> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let row = find(&mut tx, reference).await?;
        if !tx.invitation_revoke(row.id, self.now()).await? {
            return refuse(Code::Conflict, "the invitation was accepted or revoked");
        }
        let id = row.id.to_string();
        self.audit(&mut tx, caller, "invitation.revoke", &id, "access")
            .await?;
        Ok(tx.commit().await?)
    }

    /// Invitations, the newest first.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn invitation_list(
        &self,
        caller: &Caller,
        after: Option<InvitationId>,
        limit: u32,
    ) -> Result<Page<Invitation>> {
        let now = self.now();
        let mut tx = self.store().begin(caller.tenant).await?;
        let rows = tx
            .invitation_list(after, now - LISTED, i64::from(limit) + 1)
            .await?;
        let by: Vec<UserId> = rows.iter().map(|row| row.by).collect();
        let names = tx.member_names(&by).await?;
        let name = |user| {
            names
                .iter()
                .find(|(known, _)| *known == user)
                .map(|(_, name)| name.clone())
        };
        page(
            rows,
            limit,
            |row| row.id.to_string(),
            |row| {
                let by = name(row.by);
                Ok(shown(row, by, now))
            },
        )
    }

    /// What one is invited to, for whoever has the token.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] for a token that is not good; [`Code::TooMany`].
    pub async fn invitation_look(
        &self,
        given: &InvitationToken,
        whence: &Whence,
    ) -> Result<InvitationSeen> {
        let (_, tenant, row) = self.invitation_by_token(&given.token, whence).await?;
        let has_account = self.store().user_by_email(&row.email).await?.is_some();
        let mut tx = self.store().begin(tenant).await?;
        Ok(InvitationSeen {
            organization: tx.tenant_name().await?,
            email: row.email.to_string(),
            role: row.role,
            by: tx.member_name(row.by).await?,
            has_account,
        })
    }

    /// Accepts an invitation with the password of the account that the address has, or with one for the
    /// account that it gets: whoever has the token reads the mail of that address.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] for a token or a password that is not right; [`Code::Invalid`];
    /// [`Code::SeatsTaken`], and the invitation stays open; [`Code::TooMany`].
    pub async fn invitation_accept(
        &self,
        given: &AcceptInvitation,
        whence: &Whence,
    ) -> Result<NewSession> {
        let (hash, tenant, row) = self.invitation_by_token(&given.token, whence).await?;
        let known = self.store().user_by_email(&row.email).await?;
        if known.is_some() {
            let charged = self.charge(What::Password, Some(&row.email), whence)?;
            let user = self.person_by_password(&row.email, &given.password).await?;
            self.door().throttle.refund(charged);
            let mut tx = self.store().begin_person(user.id).await?;
            let held = tx.user_hold(Hold::ToChange).await?;
            if held.map(|held| held.password) != Some(user.password.clone()) {
                return Err(spent());
            }
            return self.join(tx, tenant, &user, &row, &hash, whence).await;
        }
        let name = given.name.as_deref().unwrap_or_default();
        let name = person::name(name).map_err(|error| invalid(error.to_string()))?;
        let user = UserRow {
            id: self.new_id(),
            password: Some(self.password_hash(&given.password, &row.email).await?),
            email: row.email.clone(),
            name,
            last_tenant: None,
        };
        let mut tx = self.store().begin_person(user.id).await?;
        tx.user_insert(&user, self.now())
            .await
            .map_err(has_account)?;
        self.join(tx, tenant, &user, &row, &hash, whence).await
    }

    /// Accepts an invitation as somebody who is signed in, if it is theirs.
    ///
    /// # Errors
    /// As [`Engine::invitation_accept`]; [`Code::Forbidden`] where somebody else is invited.
    pub async fn invitation_accept_as(
        &self,
        session: &Session,
        given: &InvitationToken,
        whence: &Whence,
    ) -> Result<NewSession> {
        let (hash, tenant, row) = self.invitation_by_token(&given.token, whence).await?;
        let mut tx = self.store().begin_person(session.caller.user).await?;
        let user = tx.user_hold(Hold::ToChange).await?;
        let Some(user) = user.filter(|user| user.email == row.email) else {
            return Err(for_another());
        };
        self.join(tx, tenant, &user, &row, &hash, whence).await
    }

    /// The address that an invitation is for, by the hash of its token.
    pub(crate) async fn invitation_email(&self, hash: &[u8]) -> Result<Email> {
        Ok(self.invitation_by_hash(hash).await?.1.email)
    }

    /// Accepts an invitation as a person whom a provider of identities vouched for, held to be changed in
    /// `tx`.
    pub(crate) async fn invitation_accept_held(
        &self,
        tx: PersonTx,
        user: &UserRow,
        hash: &[u8],
        whence: &Whence,
    ) -> Result<NewSession> {
        let (tenant, row) = self.invitation_by_hash(hash).await?;
        if user.email != row.email {
            return Err(for_another());
        }
        self.join(tx, tenant, user, &row, hash, whence).await
    }

    /// The invitation that a token is of, if it can be accepted now.
    async fn invitation_by_token(
        &self,
        text: &str,
        whence: &Whence,
    ) -> Result<(Vec<u8>, TenantId, InvitationRow)> {
        let charged = self.charge(What::Token, None, whence)?;
        let hash = one_time(text, Kind::Invitation)?.hash();
        let (tenant, row) = self.invitation_by_hash(&hash).await?;
        self.door().throttle.refund(charged);
        Ok((hash, tenant, row))
    }

    async fn invitation_by_hash(&self, hash: &[u8]) -> Result<(TenantId, InvitationRow)> {
        let (tenant, id) = self
            .store()
            .invitation_by_hash(hash)
            .await?
            .ok_or_else(spent)?;
        let mut tx = self.store().begin(tenant).await?;
        let row = tx.invitation_get(id).await?;
        let row = row
            .filter(|row| state(&row.facts, self.now()) == State::Open)
            .ok_or_else(spent)?;
        Ok((tenant, row))
    }

    /// Makes a person a member, uses the invitation up and begins a session, all at once. The person is held
    /// to be changed in `tx`: that they were here is written at its end, and of two who wait there for each
    /// other one would fail.
    async fn join(
        &self,
        tx: PersonTx,
        tenant: TenantId,
        user: &UserRow,
        invitation: &InvitationRow,
        hash: &[u8],
        whence: &Whence,
    ) -> Result<NewSession> {
        let now = self.now();
        let mut tx = tx.in_tenant(tenant).await?;
        tx.members_lock().await?;
        if !tx.invitation_use(invitation.id, hash, user.id, now).await? {
            return Err(spent());
        }
        if tx.member_get(user.id).await?.is_some() {
            return refuse(Code::Exists, "you are a member already");
        }
        self.has_seat(&mut tx).await?;
        tx.member_put(&MemberRow {
            user: user.id,
            name: user.name.clone(),
            email: Some(user.email.clone()),
            role: invitation.role,
            review: invitation.review,
            since: now,
        })
        .await?;
        let facts = serde_json::json!({ "member": user.id, "role": invitation.role.name() });
        self.happened(&mut tx, Event::MemberJoined, facts);
        let caller = Caller {
            confirms: crate::confirm::Confirms::No,
            address: whence.address,
            ..Caller::installation(tenant, user.id, user.name.clone())
        };
        let id = invitation.id.to_string();
        self.audit(&mut tx, &caller, "invitation.accept", &id, "access")
            .await?;
        let begins = Begins {
            user: user.id,
            whence,
            follows: None,
            enters: false,
            provider: None,
        };
        let session = self.browser_add(&mut tx, &begins).await?;
        tx.user_was_here(user.id).await?;
        tx.commit().await?;
        Ok(session)
    }

    /// Goes on where the organization may have one member more. Ask it under the members' lock.
    pub(crate) async fn has_seat(&self, tx: &mut Tx) -> Result<()> {
        let (members, _) = tx.member_counts().await?;
        match tx.seats().await? {
            Some(seats) if members >= i64::from(seats) => refuse(
                Code::SeatsTaken,
                format!("all {seats} seats of the organization are taken"),
            ),
            _ => Ok(()),
        }
    }

    async fn may_mail(&self, tx: &mut Tx) -> Result<()> {
        let day = TimeDelta::days(1);
        match tx.invitation_count_since(self.now() - day).await? < A_DAY {
            true => Ok(()),
            false => Err(Problem::new(
                Code::TooMany,
                format!("{A_DAY} invitations were sent within a day"),
            )
            .retry_after(3600)
            .into()),
        }
    }

    async fn invitation_mail(
        &self,
        tx: &mut Tx,
        by: &Caller,
        row: &InvitationRow,
        token: &Token,
    ) -> Result<()> {
        let mail = self.mail(&Mail::Invitation {
            to: row.email.clone(),
            by: in_mail(&by.name),
            organization: in_mail(&tx.tenant_name().await?),
            role: row.role,
            token: token.to_string(),
        })?;
        Ok(tx.mail_insert(&mail).await?)
    }
}

fn for_another() -> Error {
    Problem::new(
        Code::Forbidden,
        "the invitation is for another address than your own",
    )
    .next("sign out, and accept it as the person who was invited")
    .into()
}

/// A name as it may stand in a mail. Organizations of local installations are called what their owner's
/// account is called, which nobody checked.
fn in_mail(name: &str) -> String {
    person::name(name).unwrap_or_else(|_| "somebody".to_owned())
}

async fn find(tx: &mut Tx, reference: &str) -> Result<InvitationRow> {
    let row = match reference.parse() {
        Ok(id) => tx.invitation_get(id).await?,
        Err(_) => open_for(tx, reference).await?,
    };
    row.ok_or_else(|| -> Error {
        let detail = format!("there is no invitation `{}`", shorten(reference));
        Problem::new(Code::NotFound, detail)
            .next("see `freehold invite list`")
            .into()
    })
}

/// The open invitation of an address.
async fn open_for(tx: &mut Tx, reference: &str) -> Result<Option<InvitationRow>> {
    match reference.parse::<Email>() {
        Ok(email) => Ok(tx.invitation_open(&email).await?),
        Err(_) => Ok(None),
    }
}

fn shown(row: InvitationRow, by: Option<String>, now: chrono::DateTime<chrono::Utc>) -> Invitation {
    Invitation {
        id: row.id,
        email: row.email.to_string(),
        role: row.role,
        review: row.review,
        by,
        state: state(&row.facts, now).name().to_owned(),
        created_at: row.created_at,
        sent_at: row.sent_at,
        expires_at: row.facts.expires_at,
    }
}
