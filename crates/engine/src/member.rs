//! Members: who they are in an organization, and how they cease to be in it.

use chrono::{DateTime, Utc};
use freehold_model::webhook::Event;
use freehold_model::{Action, Role, TenantId, UserId};
use freehold_store::{MemberRow, NewAudit, Outcome, Tx};
use freehold_wire::api::{EditMember, Member, Page, Seats};
use freehold_wire::problem::{Code, Problem};

use crate::confirm::Act;
use crate::project::{page, shorten};
use crate::tag::{self, Expected};
use crate::{Caller, Engine, Error, Hint, Result, refuse};

/// Whether the caller may go on, of whom this is held: what they are, if they are a member; nothing when the
/// token is revoked.
fn stands(caller: &Caller, held: Option<Option<Role>>) -> Result<()> {
    // A service token is nobody's; a person's tokens are revoked with their membership.
    let stands = held.is_some_and(|role| role.is_none_or(|role| role >= caller.rights.role));
    match stands {
        true => Ok(()),
        false => refuse(Code::Unauthenticated, "the token is not valid any more"),
    }
}

impl Engine {
    /// The members; only those in whose name or address `search` stands.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn member_list(
        &self,
        caller: &Caller,
        search: Option<&str>,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Page<Member>> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let rows = tx.member_list(search, after, i64::from(limit) + 1).await?;
        page(
            rows,
            limit,
            |row| row.user.to_string(),
            |row| Ok(shown(row)),
        )
    }

    /// A member.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn member_show(&self, caller: &Caller, reference: &str) -> Result<Member> {
        let mut tx = self.store().begin(caller.tenant).await?;
        Ok(shown(find(&mut tx, reference).await?))
    }

    /// How many members there are, and may be.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn member_seats(&self, caller: &Caller) -> Result<Seats> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let (members, _) = tx.member_counts().await?;
        let limit = tx.seats().await?;
        Ok(Seats {
            members: u32::try_from(members).unwrap_or(u32::MAX),
            limit: limit.and_then(|limit| u32::try_from(limit).ok()),
        })
    }

    /// Changes what a member is. What an owner is, owners decide; one of them stays.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::Forbidden`]; [`Code::LastOwner`].
    pub async fn member_edit(
        &self,
        caller: &Caller,
        reference: &str,
        edit: &EditMember,
        expected: &Expected,
    ) -> Result<Member> {
        let mut tx = self.store().begin(caller.tenant).await?;
        tx.members_lock().await?;
        self.still(&mut tx, caller).await?;
        let mut row = find(&mut tx, reference).await?;
        expected.check(&tag::of(&shown(row.clone()))?)?;
        let role = edit.role.unwrap_or(row.role);
        if edit.review.is_some_and(|review| review != row.review) {
            owners_decide(caller, &[row.role])?;
        }
        if role != row.role {
            owners_decide(caller, &[role, row.role])?;
            if row.role == Role::Owner {
                keeps_an_owner(&mut tx).await?;
            }
        }
        if role < row.role {
            tx.invitations_void(row.user, self.now()).await?;
        }
        row.role = role;
        row.review = edit.review.unwrap_or(row.review);
        tx.member_put(&row).await?;
        // Streams of theirs look whether they may still be watched.
        tx.hint(Hint::Settings(crate::Noun::Token));
        let what = format!(
            "{} {} {}",
            row.user,
            row.role,
            if row.review { "review" } else { "-" }
        );
        self.audit(&mut tx, caller, "member.edit", &what, "access")
            .await?;
        tx.commit().await?;
        Ok(shown(row))
    }

    /// Removes a member: their runs end, their tokens are void, their streams break off.
    ///
    /// # Errors
    /// As [`Engine::member_edit`].
    pub async fn member_remove(
        &self,
        caller: &Caller,
        reference: &str,
        expected: &Expected,
    ) -> Result<()> {
        let mut tx = self.store().begin(caller.tenant).await?;
        tx.members_lock().await?;
        self.still(&mut tx, caller).await?;
        let row = find(&mut tx, reference).await?;
        expected.check(&tag::of(&shown(row.clone()))?)?;
        owners_decide(caller, &[row.role])?;
        self.member_goes(tx, caller, &row, Action::MemberRemove)
            .await
    }

    /// Leaves the organization. The last owner stays.
    ///
    /// # Errors
    /// [`Code::LastOwner`]; [`Code::NotFound`] for what is no member, like a service token.
    pub async fn member_leave(&self, caller: &Caller) -> Result<()> {
        let mut tx = self.store().begin(caller.tenant).await?;
        tx.members_lock().await?;
        let row = find(&mut tx, &caller.user.to_string()).await?;
        self.member_goes(tx, caller, &row, Action::MemberLeave)
            .await
    }

    /// Goes on only while the caller is what they were when their request was let in, and holds them so
    /// until the transaction ends: what makes credentials or members must not be done by whoever was
    /// removed, or made less, while the request was on its way.
    pub(crate) async fn still(&self, tx: &mut Tx, caller: &Caller) -> Result<()> {
        let Some(token) = caller.token else {
            // The installation itself.
            return Ok(());
        };
        let member = tx.member_hold(caller.user).await?;
        let token = tx.token_hold(token).await?;
        stands(caller, token.then(|| member.map(|member| member.role)))
    }

    /// A transaction of the caller's in which they are still who they were, in one round trip: as
    /// [`Self::still`] behind its beginning.
    ///
    /// # Errors
    /// As [`Self::still`].
    pub(crate) async fn begin_as(&self, caller: &Caller) -> Result<Tx> {
        let Some(token) = caller.token else {
            return Ok(self.store().begin(caller.tenant).await?);
        };
        let begun = self.store().begin_held(caller.tenant, caller.user, token);
        let (tx, held) = begun.await?;
        stands(caller, held)?;
        Ok(tx)
    }

    async fn member_goes(
        &self,
        mut tx: Tx,
        caller: &Caller,
        row: &MemberRow,
        action: Action,
    ) -> Result<()> {
        if row.role == Role::Owner {
            keeps_an_owner(&mut tx).await?;
        }
        let act = Act {
            action,
            resource: &row.user.to_string(),
            version: &tag::of(&shown(row.clone()))?,
            does: format!(
                "{} ({}) is out of the organization: their runs end, their tokens are void",
                row.name, row.role
            ),
        };
        let tx = self.confirm(tx, caller, act).await?;
        self.member_gone(tx, caller, row.user, action.word()).await
    }

    /// Takes a membership away, of whoever may go: `word` is what the audit log calls it.
    pub(crate) async fn member_gone(
        &self,
        mut tx: Tx,
        caller: &Caller,
        user: UserId,
        word: &str,
    ) -> Result<()> {
        tx.member_remove(user, self.now()).await?;
        let facts = serde_json::json!({ "member": user });
        self.happened(&mut tx, Event::MemberLeft, facts);
        self.audit(&mut tx, caller, word, &user.to_string(), "access")
            .await?;
        // With the membership: whoever starts a run as them holds it, and comes before this or not at all.
        let ended = self.runs_end(&mut tx, caller, user).await?;
        tx.commit().await?;
        let goes_on = ended.may_be_more();
        self.runs_stop(ended);
        if goes_on {
            self.runs_end_all(caller, user).await?;
        }
        Ok(())
    }

    /// Says how many members an organization may have, by the word of whoever operates the server.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn seats_set(&self, tenant: TenantId, seats: Option<i32>) -> Result<()> {
        if !self.store().tenants().await?.contains(&tenant) {
            return refuse(Code::NotFound, format!("there is no organization {tenant}"));
        }
        let mut tx = self.store().begin(tenant).await?;
        tx.seats_set(seats).await?;
        let said = seats.map_or_else(|| "none".to_owned(), |seats| seats.to_string());
        tx.audit_insert(operators(self.now(), "operator", "seats.set", &said));
        Ok(tx.commit().await?)
    }

    /// Makes somebody an owner, by the word of whoever operates the server: for an organization whose
    /// owners cannot sign in any more. Gives the token with which they set a password, where they have
    /// an account of this installation only.
    ///
    /// # Errors
    /// [`Code::Invalid`] for the address; [`Code::NotFound`] where there is no such tenant.
    pub async fn owner_restore(
        &self,
        tenant: TenantId,
        email: &str,
        by: &str,
    ) -> Result<freehold_wire::token::Token> {
        use freehold_wire::token::{Kind, Token};
        let email = crate::account::address(email)?;
        let now = self.now();
        if !self.store().tenants().await?.contains(&tenant) {
            return refuse(Code::NotFound, format!("there is no organization {tenant}"));
        }
        let known = self.store().user_by_email(&email).await?;
        let id = known.unwrap_or_else(|| self.new_id());
        let mut tx = self.store().begin_person(id).await?;
        // Held first, as everybody does who writes where somebody was last.
        let user = match tx.user_hold(freehold_store::Hold::ToChange).await? {
            Some(user) => user,
            None => {
                let name = email.local().to_owned();
                let user = freehold_store::UserRow {
                    id,
                    email,
                    name,
                    password: None,
                    last_tenant: None,
                };
                tx.user_insert(&user, now)
                    .await
                    .map_err(crate::account::has_account)?;
                user
            }
        };
        let token = Token::generate(Kind::Reset, self.entropy());
        tx.reset_insert(&token.hash(), now, now + crate::account::RESET_LIFETIME)
            .await?;
        let mut tx = tx.in_tenant(tenant).await?;
        tx.members_lock().await?;
        let was_there = tx.member_get(user.id).await?.is_some();
        tx.member_put(&crate::account::owner(&user, now)).await?;
        // Whatever their groups say.
        tx.member_confirm(user.id, None, now).await?;
        if !was_there {
            let facts = serde_json::json!({ "member": user.id, "role": Role::Owner.name() });
            self.happened(&mut tx, Event::MemberJoined, facts);
        }
        tx.user_was_here(user.id).await?;
        tx.audit_insert(operators(now, by, "owner.restore", &user.id.to_string()));
        tx.commit().await?;
        Ok(token)
    }
}

/// What whoever operates the server did, on its own machine.
fn operators(at: DateTime<Utc>, by: &str, action: &str, resource: &str) -> NewAudit {
    NewAudit {
        at,
        actor: by.to_owned(),
        action: action.to_owned(),
        resource: resource.to_owned(),
        purpose: "break-glass".to_owned(),
        outcome: Outcome::Done,
        correlation: String::new(),
        address: String::new(),
    }
}

/// What concerns an owner is for owners to decide.
pub(crate) fn owners_decide(caller: &Caller, roles: &[Role]) -> Result<()> {
    if roles.contains(&Role::Owner) && caller.rights.role != Role::Owner {
        return Err(
            Problem::new(Code::Forbidden, "who is an owner, owners decide")
                .next("ask an owner of the organization")
                .into(),
        );
    }
    Ok(())
}

/// Goes on where one owner more than this one is left. The lock makes two who go at once two in a row.
pub(crate) async fn keeps_an_owner(tx: &mut Tx) -> Result<()> {
    let (_, owners) = tx.member_counts().await?;
    match owners > 1 {
        true => Ok(()),
        false => refuse(Code::LastOwner, "this is the organization's last owner"),
    }
}

async fn find(tx: &mut Tx, reference: &str) -> Result<MemberRow> {
    let row = match (reference.parse::<UserId>(), reference.parse()) {
        (Ok(user), _) => tx.member_get(user).await?,
        (Err(_), Ok(email)) => tx.member_by_email(&email).await?,
        (Err(_), Err(_)) => None,
    };
    row.ok_or_else(|| -> Error {
        let detail = format!("there is no member `{}`", shorten(reference));
        Problem::new(Code::NotFound, detail)
            .next("see `freehold member list`")
            .into()
    })
}

fn shown(row: MemberRow) -> Member {
    Member {
        user: row.user,
        name: row.name,
        email: row.email.map(|email| email.to_string()),
        role: row.role,
        review: row.review,
        since: row.since,
    }
}
