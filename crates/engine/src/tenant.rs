//! Tenants, members and access.

use chrono::{DateTime, TimeDelta, Utc};
use freehold_model::world::random;
use freehold_model::{TenantId, TokenId};
use freehold_store::TokenKind;
use freehold_wire::api::{Me, SignInToken};
use freehold_wire::content::ContentKey;
use freehold_wire::problem::{Code, Problem};
use freehold_wire::token::{Kind, Token};
use zeroize::Zeroizing;

use crate::keys::{ORDER_KEY_PURPOSE, SERVER, content_key_purpose, ed25519};
use crate::{Caller, Engine, Error, Result, refuse};

/// How long a sign-in link is good for.
const SIGN_IN_LIFETIME: TimeDelta = TimeDelta::minutes(15);
/// How long a browser that signed in stays so.
const SESSION_LIFETIME: TimeDelta = TimeDelta::days(30);

/// The owner of the only tenant of a local installation, with a fresh token.
pub struct LocalOwner {
    /// Acts as the owner.
    pub caller: Caller,
    /// The owner's token, to be kept in a file that only they can read.
    pub token: Token,
}

/// A token that was shown, and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Who acts, and where.
    pub caller: Caller,
    /// The token's id.
    pub token: TokenId,
    /// The member's role.
    pub role: String,
    /// When it expires, if it does.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Engine {
    /// The caller that a person's token stands for.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] for anything but a live token of that kind.
    pub async fn authenticate(&self, text: &str) -> Result<Caller> {
        Ok(self.session(text).await?.caller)
    }

    /// What a person's token stands for.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] for anything but a live token of that kind.
    pub async fn session(&self, text: &str) -> Result<Session> {
        let unknown = || {
            Error::from(Problem::new(
                Code::Unauthenticated,
                "the token is not valid",
            ))
        };
        let token: Token = text.parse().map_err(|_| unknown())?;
        if token.kind() != Kind::User {
            return Err(unknown());
        }
        let row = self
            .store()
            .token_by_hash(&token.hash())
            .await?
            .ok_or_else(unknown)?;
        let expired = row.expires_at.is_some_and(|at| at <= self.now());
        if row.kind != TokenKind::User || row.revoked_at.is_some() || expired {
            return Err(unknown());
        }
        Ok(Session {
            caller: Caller {
                tenant: row.tenant,
                user: row.user,
                name: row.user_name,
            },
            token: row.id,
            role: row.role,
            expires_at: row.expires_at,
        })
    }

    /// Who asks, and where.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn me(&self, session: &Session, server_version: &str) -> Result<Me> {
        let mut tx = self.store().begin(session.caller.tenant).await?;
        Ok(Me {
            user: session.caller.user,
            name: session.caller.name.clone(),
            role: session.role.clone(),
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
        if session.expires_at.is_none() {
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
        let tenants = self.store().tenants().await?;
        let caller = match tenants.first() {
            Some(&tenant) => self.first_owner(tenant).await?,
            None => self.create_tenant(name).await?,
        };
        let token = self
            .issue(&caller, Kind::User, TokenKind::User, None)
            .await?;
        Ok(LocalOwner { caller, token })
    }

    async fn first_owner(&self, tenant: TenantId) -> Result<Caller> {
        let mut tx = self.store().begin(tenant).await?;
        let (user, name) = tx
            .member_owner()
            .await?
            .ok_or_else(|| Error::Internal(format!("{tenant} has no owner")))?;
        Ok(Caller { tenant, user, name })
    }

    async fn create_tenant(&self, name: &str) -> Result<Caller> {
        let tenant: TenantId = self.new_id();
        let caller = Caller {
            tenant,
            user: self.new_id(),
            name: name.to_owned(),
        };
        let now = self.now();
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

        let mut tx = self.store().begin(tenant).await?;
        tx.tenant_insert(name, now).await?;
        tx.member_insert(caller.user, name, "owner", now).await?;
        let wrapped = wrap(&content_key_purpose(1), content.expose())?;
        tx.content_key_put(1, SERVER, &wrapped).await?;
        tx.order_key_insert(&public, &wrap(ORDER_KEY_PURPOSE, seed.as_ref())?)
            .await?;
        self.audit(
            &mut tx,
            &caller,
            "tenant.create",
            &tenant.to_string(),
            "setup",
        )
        .await?;
        tx.commit().await?;
        Ok(caller)
    }

    async fn issue(
        &self,
        caller: &Caller,
        kind: Kind,
        stored: TokenKind,
        lifetime: Option<TimeDelta>,
    ) -> Result<Token> {
        let token = Token::generate(kind, self.entropy());
        let now = self.now();
        let id: TokenId = self.new_id();
        let mut tx = self.store().begin(caller.tenant).await?;
        tx.token_insert(
            id,
            caller.user,
            stored,
            &token.hash(),
            now,
            lifetime.map(|l| now + l),
        )
        .await?;
        self.audit(&mut tx, caller, "token.create", &id.to_string(), "access")
            .await?;
        tx.commit().await?;
        Ok(token)
    }

    /// A link's token that signs one browser in, once.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn sign_in_token(&self, caller: &Caller) -> Result<Token> {
        self.issue(
            caller,
            Kind::SignIn,
            TokenKind::SignIn,
            Some(SIGN_IN_LIFETIME),
        )
        .await
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

    /// Exchanges a sign-in token, or a person's token, for one that lasts. The first use of a
    /// sign-in token wins.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] when it was used, has expired or never was.
    pub async fn sign_in(&self, text: &str) -> Result<Token> {
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
            return self
                .issue(&caller, Kind::User, TokenKind::User, Some(SESSION_LIFETIME))
                .await;
        }
        let Some(row) = self.store().token_by_hash(&token.hash()).await? else {
            return Err(used());
        };
        let mut tx = self.store().begin(row.tenant).await?;
        if !tx
            .token_use(&token.hash(), TokenKind::SignIn, self.now())
            .await?
        {
            return Err(used());
        }
        tx.commit().await?;
        let caller = Caller {
            tenant: row.tenant,
            user: row.user,
            name: row.user_name,
        };
        self.issue(&caller, Kind::User, TokenKind::User, Some(SESSION_LIFETIME))
            .await
    }

    /// A token that enrols one runner, and when it expires.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn enrol_token(&self, caller: &Caller) -> Result<freehold_wire::api::EnrolToken> {
        let lifetime = TimeDelta::minutes(15);
        let token = self
            .issue(
                caller,
                Kind::Enrolment,
                TokenKind::Enrolment,
                Some(lifetime),
            )
            .await?;
        let mut tx = self.store().begin(caller.tenant).await?;
        let keys = self.tenant_keys(&mut tx).await?;
        let fingerprint = freehold_wire::dsse::fingerprint(&keys.order_key());
        Ok(freehold_wire::api::EnrolToken {
            token: format!("{token}#{fingerprint}"),
            expires_at: self.now() + lifetime,
        })
    }
}
