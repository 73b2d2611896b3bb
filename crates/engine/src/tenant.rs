//! Tenants, members and access.

use chrono::TimeDelta;
use freehold_model::permission::decide;
use freehold_model::world::random;
use freehold_model::{Action, Role, TenantId};
use freehold_store::{MemberRow, TokenKind, Tx};
use freehold_wire::api::{Me, NewSession, SignInToken};
use freehold_wire::content::ContentKey;
use freehold_wire::problem::{Code, Problem};
use freehold_wire::token::{Kind, Token};
use zeroize::Zeroizing;

use crate::identity::Whence;
use crate::keys::{ORDER_KEY_PURPOSE, SERVER, content_key_purpose, ed25519};
use crate::sign_in::Begins;
use crate::token::Session;
use crate::{Caller, Engine, Error, Result, refuse};

/// How long a sign-in link is good for.
const SIGN_IN_LIFETIME: TimeDelta = TimeDelta::minutes(15);

/// The owner of the only tenant of a local installation, with a fresh token.
pub struct LocalOwner {
    /// Acts as the owner.
    pub caller: Caller,
    /// The owner's token, to be kept in a file that only they can read.
    pub token: Token,
}

impl Engine {
    /// Who asks, and where.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn me(&self, session: &Session, server_version: &str) -> Result<Me> {
        let mut tx = self.store().begin(session.caller.tenant).await?;
        Ok(Me {
            user: session.caller.user,
            name: session.caller.name.clone(),
            role: session.caller.rights.role,
            review: decide(session.caller.rights, Action::RunApprove).is_ok(),
            scopes: session.caller.rights.scopes.iter().collect(),
            tenant: session.caller.tenant,
            tenant_name: tx.tenant_name().await?,
            server_version: server_version.to_owned(),
            expires_at: session.expires_at,
        })
    }

    /// Revokes the token that was used to ask for it. Streams that it opened end.
    ///
    /// # Errors
    /// [`Code::Forbidden`] for the installation's own token, which the command line uses and
    /// which never expires.
    pub async fn sign_out(&self, session: &Session) -> Result<()> {
        if session.kind == TokenKind::User && session.expires_at.is_none() {
            return refuse(
                Code::Forbidden,
                "this is the installation's own token; it is not a session that can be ended",
            );
        }
        let caller = &session.caller;
        let mut tx = self.store().begin(caller.tenant).await?;
        tx.token_revoke(session.token, self.now()).await?;
        let id = session.token.to_string();
        self.audit(&mut tx, caller, "token.revoke", &id, "access")
            .await?;
        Ok(tx.commit().await?)
    }

    /// Makes the tenant of a local installation if there is none, and a token for its owner.
    ///
    /// # Errors
    /// [`Error`]; nothing is left half made.
    pub async fn local_owner(&self, name: &str) -> Result<LocalOwner> {
        let caller = match self.local_member().await? {
            Some(caller) => caller,
            None => self.tenant_create(name).await?,
        };
        let mut tx = self.store().begin(caller.tenant).await?;
        let token = self
            .token_issue(&mut tx, &caller, Kind::User, TokenKind::User, None)
            .await?;
        tx.commit().await?;
        Ok(LocalOwner { caller, token })
    }

    /// The owner of the local installation's own organization: one without an account. People who came
    /// in by themselves have one, and nobody on the server's machine acts as them.
    async fn local_member(&self) -> Result<Option<Caller>> {
        for tenant in self.store().tenants().await? {
            let mut tx = self.store().begin(tenant).await?;
            if let Some((user, name)) = tx.member_local_owner().await? {
                return Ok(Some(Caller::installation(tenant, user, name)));
            }
        }
        Ok(None)
    }

    /// Makes a tenant with an owner, both of this name; gives the owner.
    ///
    /// # Errors
    /// [`Error`]; nothing is left half made.
    pub async fn tenant_create(&self, name: &str) -> Result<Caller> {
        let tenant: TenantId = self.new_id();
        let owner = MemberRow {
            user: self.new_id(),
            name: name.to_owned(),
            email: None,
            role: Role::Owner,
            review: false,
            since: self.now(),
        };
        let mut tx = self.store().begin(tenant).await?;
        let caller = self.tenant_add(&mut tx, name, &owner).await?;
        tx.commit().await?;
        Ok(caller)
    }

    /// Adds the tenant that `tx` is bound to, with its keys and an owner; gives the owner.
    pub(crate) async fn tenant_add(
        &self,
        tx: &mut Tx,
        name: &str,
        owner: &MemberRow,
    ) -> Result<Caller> {
        let tenant = tx.tenant();
        let caller = Caller::installation(tenant, owner.user, owner.name.clone());
        let now = owner.since;
        let server = self.parts.keys.seal().public();
        let wrap = |purpose: &str, plain: &[u8]| {
            server
                .seal(purpose, plain, self.entropy())
                .map_err(|_| Error::Internal("the server's key is malformed".into()))
        };
        let content = ContentKey::generate(1, self.entropy());
        let seed = Zeroizing::new(random::<32>(self.entropy()));
        let public = ed25519::SigningKey::from_bytes(&seed)
            .verifying_key()
            .to_bytes();

        tx.tenant_insert(name, now).await?;
        tx.member_put(owner).await?;
        let wrapped = wrap(&content_key_purpose(1), content.expose())?;
        tx.content_key_put(1, SERVER, &wrapped).await?;
        tx.order_key_insert(&public, &wrap(ORDER_KEY_PURPOSE, seed.as_ref())?)
            .await?;
        self.audit(tx, &caller, "tenant.create", &tenant.to_string(), "setup")
            .await?;
        Ok(caller)
    }

    /// A link's token that signs one browser in, once.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] where the caller's own token was ended meanwhile.
    pub async fn sign_in_token(&self, caller: &Caller) -> Result<Token> {
        let (mut tx, _) = self.begin_still(caller.tenant, caller.user).await?;
        self.still(&mut tx, caller).await?;
        let (kind, stored) = (Kind::SignIn, TokenKind::SignIn);
        let token = self
            .token_issue(&mut tx, caller, kind, stored, Some(SIGN_IN_LIFETIME))
            .await?;
        tx.commit().await?;
        Ok(token)
    }

    /// The same as a document, for whoever makes a link of it; and until when it is good.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn sign_in_link(&self, caller: &Caller) -> Result<SignInToken> {
        Ok(SignInToken {
            expires_at: self.now() + SIGN_IN_LIFETIME,
            token: self.sign_in_token(caller).await?.to_string(),
        })
    }

    /// Exchanges a sign-in token, or a person's token, for a session. The first use of a
    /// sign-in token wins.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] when it was used, has expired or never was.
    pub async fn sign_in(&self, text: &str, whence: &Whence) -> Result<NewSession> {
        let used = || {
            Error::from(
                Problem::new(
                    Code::Unauthenticated,
                    "the sign-in link was used or has expired; `freehold sign-in` prints a new one",
                )
                .next("run `freehold sign-in` on the machine where `freehold up` runs"),
            )
        };
        let Ok(token) = text.parse::<Token>() else {
            return Err(used());
        };
        if token.kind() == Kind::User {
            // Somebody pasted the token of the command line: a browser gets one of its own, that
            // expires and that it can give back.
            let caller = self.authenticate(text).await?;
            let (mut tx, _) = self.begin_still(caller.tenant, caller.user).await?;
            self.still(&mut tx, &caller).await?;
            return self.session_begin(tx, &caller, whence).await;
        }
        let Some(row) = self.store().token_by_hash(&token.hash()).await? else {
            return Err(used());
        };
        let (mut tx, _) = self.begin_still(row.tenant, row.user).await?;
        if !tx
            .token_use(&token.hash(), TokenKind::SignIn, self.now())
            .await?
        {
            return Err(used());
        }
        let caller = Caller::installation(row.tenant, row.user, row.user_name);
        self.session_begin(tx, &caller, whence).await
    }

    /// A session, in the write that used up what it was asked for with.
    async fn session_begin(
        &self,
        mut tx: Tx,
        caller: &Caller,
        whence: &Whence,
    ) -> Result<NewSession> {
        let begins = Begins {
            user: caller.user,
            whence,
            follows: None,
            enters: false,
            provider: None,
        };
        let session = self.browser_add(&mut tx, &begins).await?;
        tx.commit().await?;
        Ok(session)
    }

    /// A token that enrols one runner, and when it expires.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn enrol_token(&self, caller: &Caller) -> Result<freehold_wire::api::EnrolToken> {
        let lifetime = TimeDelta::minutes(15);
        let mut tx = self.store().begin(caller.tenant).await?;
        let (kind, stored) = (Kind::Enrolment, TokenKind::Enrolment);
        let token = self
            .token_issue(&mut tx, caller, kind, stored, Some(lifetime))
            .await?;
        let keys = self.tenant_keys(&mut tx).await?;
        tx.commit().await?;
        let fingerprint = freehold_wire::dsse::fingerprint(&keys.order_key());
        Ok(freehold_wire::api::EnrolToken {
            token: format!("{token}#{fingerprint}"),
            expires_at: self.now() + lifetime,
        })
    }
}
