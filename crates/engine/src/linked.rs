//! Who a person is at providers of identities: linked by themselves, signed in, and unlinked, but for the
//! last way in.

use freehold_store::{Hold, IdentityRow, UserRow};
use freehold_wire::api::{LinkedIdentity, Page, RedeemLink, RedeemOidc};
use freehold_wire::problem::{Code, Problem};

use crate::identity::Whence;
use crate::mail::Mail;
use crate::oidc::Vouched;
use crate::throttle::What;
use crate::token::Session;
use crate::{Engine, Error, Result, refuse};

/// Identities of one person: nobody has more, and each is a way in.
const IDENTITIES_MAX: usize = 10;

impl Engine {
    /// Links who somebody is at a provider to their account.
    ///
    /// # Errors
    /// As [`Engine::oidc_redeem`]; [`Code::Exists`] where it is linked already, to whomever;
    /// [`Code::Conflict`] where there are too many; [`Code::Forbidden`] for somebody without an account.
    pub async fn identity_link(
        &self,
        session: &Session,
        given: &RedeemLink,
        whence: &Whence,
    ) -> Result<LinkedIdentity> {
        let charged = self.charge(What::Token, None, whence)?;
        let provider = self.provider(&given.provider)?;
        let given = RedeemOidc {
            code: given.code.clone(),
            state: given.state.clone(),
            iss: given.iss.clone(),
            secret: given.secret.clone(),
        };
        let caller = &session.caller;
        let Vouched { claims, .. } = self.vouched(provider, &given, Some(caller.user)).await?;
        self.door().throttle.refund(charged);
        let mut tx = self.store().begin_person(caller.user).await?;
        let Some(user) = tx.user_hold(Hold::ToChange).await? else {
            return refuse(
                Code::Forbidden,
                "there is no account of a person behind this session",
            );
        };
        if tx.identity_list().await?.len() >= IDENTITIES_MAX {
            return refuse(
                Code::Conflict,
                format!("your account is linked {IDENTITIES_MAX} times already"),
            );
        }
        let now = self.now();
        if !tx
            .identity_insert(&provider.issuer, &claims.subject, now)
            .await?
        {
            return refuse(
                Code::Exists,
                "who you are there is linked to an account already",
            );
        }
        let linked = tx.identity_list().await?;
        let row = linked
            .into_iter()
            .find(|row| row.issuer == provider.issuer && row.subject == claims.subject);
        let row = row.ok_or_else(|| Error::Internal("an identity".into()))?;
        if let Ok(mail) = self.ways_changed(&user, &provider.title, true) {
            tx.mail_insert(&mail).await?;
        }
        let mut tx = tx.in_tenant(caller.tenant).await?;
        self.still(&mut tx, caller).await?;
        let what = format!("{} {}", row.id, provider.name);
        self.audit(&mut tx, caller, "identity.link", &what, "access")
            .await?;
        tx.commit().await?;
        Ok(self.linked(row))
    }

    /// Who one is at providers.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn identity_list(&self, session: &Session) -> Result<Page<LinkedIdentity>> {
        let mut tx = self.store().begin_person(session.caller.user).await?;
        let rows = tx.identity_list().await?;
        Ok(Page {
            items: rows.into_iter().map(|row| self.linked(row)).collect(),
            next: None,
        })
    }

    /// Unlinks who one is at a provider, and ends all other sessions. One way in stays.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::Conflict`] for the last way in.
    pub async fn identity_unlink(&self, session: &Session, reference: &str) -> Result<()> {
        let missing = || Problem::new(Code::NotFound, "nothing of that id is linked to you");
        let id: uuid::Uuid = reference.parse().map_err(|_| missing())?;
        let caller = &session.caller;
        let mut tx = self.store().begin_person(caller.user).await?;
        let user = tx.user_hold(Hold::ToChange).await?.ok_or_else(missing)?;
        let linked = tx.identity_list().await?;
        let row = linked.iter().find(|row| row.id == id);
        let row = row.ok_or_else(missing)?.clone();
        if user.password.is_none() && linked.len() == 1 {
            return Err(
                Problem::new(Code::Conflict, "it is the only way into your account")
                    .next("set a password first: have a mail sent on the page where one signs in")
                    .into(),
            );
        }
        if !tx.identity_remove(id).await? {
            return Err(missing().into());
        }
        let others = tx.sign_out_all(Some(session.token), None, self.now());
        let tenants = others.await?;
        tx.hint_tokens(&tenants).await?;
        let shown = self.linked(row);
        if let Ok(mail) = self.ways_changed(&user, &shown.title, false) {
            tx.mail_insert(&mail).await?;
        }
        let mut tx = tx.in_tenant(caller.tenant).await?;
        self.audit(
            &mut tx,
            caller,
            "identity.unlink",
            &id.to_string(),
            "access",
        )
        .await?;
        Ok(tx.commit().await?)
    }

    fn linked(&self, row: IdentityRow) -> LinkedIdentity {
        let mut all = self.door().settings.providers.iter();
        let known = all.find(|provider| provider.issuer == row.issuer);
        LinkedIdentity {
            id: row.id.to_string(),
            provider: known.map(|provider| provider.name.clone()),
            title: known.map_or(row.issuer, |provider| provider.title.clone()),
            subject: row.subject,
            linked_at: row.created_at,
        }
    }

    fn ways_changed(
        &self,
        user: &UserRow,
        provider: &str,
        added: bool,
    ) -> Result<freehold_store::NewMail> {
        self.mail(&Mail::WaysChanged {
            to: user.email.clone(),
            name: user.name.clone(),
            provider: provider.to_owned(),
            added,
        })
    }
}
