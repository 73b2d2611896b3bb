//! What the groups that a provider tells of are in an organization.
//!
//! An owner says it, in an organization that the operator names with the provider. Whoever signs in as one
//! of the group is a member with that role; whoever is in none of them any more is a member no more. That
//! holds for whoever became a member so: who was invited, or is an owner since the beginning, is what
//! people say, whatever their groups. A group makes an owner only where it was said that it does, and the
//! last owner stays. Whose groups the provider does not tell of stays what they are. Such a membership wants to be confirmed each day, by signing in at the provider.

use chrono::{DateTime, TimeDelta, Utc};
use freehold_model::Role;
use freehold_store::{GroupRoleRow, MemberRow, Tx, UserRow};
use freehold_wire::api::{GroupRole, Page, PutGroupRole};
use freehold_wire::id_token::{Claims, GROUP_NAME_MAX};
use freehold_wire::problem::{Code, Problem};

use crate::account::invalid;
use crate::identity::Whence;
use crate::member::keeps_an_owner;
use crate::oidc::{Provider, themselves};
use crate::{Caller, Engine, Error, Hint, Result, refuse};

/// Groups that are something in one organization: a person looks after them.
const MAPPED_MAX: usize = 200;
/// How long a membership by groups is good for new and renewed sessions: whoever left the group signs in
/// once more within it, and is out.
const CONFIRMED_FOR: TimeDelta = TimeDelta::hours(24);
/// What audit entries about it are for.
const PURPOSE: &str = "group";

impl Engine {
    /// What groups are here.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn group_role_list(&self, caller: &Caller) -> Result<Page<GroupRole>> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let rows = tx.group_role_list().await?;
        Ok(Page {
            items: rows.into_iter().map(shown).collect(),
            next: None,
        })
    }

    /// Says what a group is here. Who is in it is told when they sign in.
    ///
    /// # Errors
    /// [`Code::NotFound`] for a provider that is none; [`Code::Forbidden`] where the operator did not name
    /// this organization with it; [`Code::Invalid`] for the group's name; [`Code::Conflict`] where there
    /// are too many.
    pub async fn group_role_put(&self, caller: &Caller, put: &PutGroupRole) -> Result<GroupRole> {
        let provider = self.provider(&put.provider)?;
        if !provider.organizations.contains(&caller.tenant) {
            return Err(Problem::new(
                Code::Forbidden,
                "the groups of this provider are not this organization's to use",
            )
            .next("whoever operates the server names it: `organizations` in the file of `--oidc`")
            .into());
        }
        let group = put.group.as_str();
        let fits = (1..=GROUP_NAME_MAX).contains(&group.len());
        if !fits || group.chars().any(char::is_control) {
            return Err(invalid(format!(
                "a group's name is 1 to {GROUP_NAME_MAX} bytes, without control characters"
            )));
        }
        let mut tx = self.store().begin(caller.tenant).await?;
        tx.members_lock().await?;
        self.still(&mut tx, caller).await?;
        let known = tx.group_role_list().await?;
        let is_new = !known
            .iter()
            .any(|row| row.provider == put.provider && row.group == group);
        if is_new && known.len() >= MAPPED_MAX {
            return refuse(
                Code::Conflict,
                format!("{MAPPED_MAX} groups are something here already"),
            );
        }
        let row = tx
            .group_role_put(&put.provider, group, put.role, self.now())
            .await?;
        let what = format!("{} {} {}", row.id, row.provider, row.role);
        self.audit(&mut tx, caller, "group_role.put", &what, "access")
            .await?;
        tx.commit().await?;
        Ok(shown(row))
    }

    /// A group is nothing here any more. Who is a member by it alone is one no more when they sign in next.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn group_role_remove(&self, caller: &Caller, reference: &str) -> Result<()> {
        let missing = || Problem::new(Code::NotFound, "no group of that id is anything here");
        let id: uuid::Uuid = reference.parse().map_err(|_| missing())?;
        let mut tx = self.store().begin(caller.tenant).await?;
        self.still(&mut tx, caller).await?;
        let row = tx.group_role_remove(id).await?.ok_or_else(missing)?;
        let what = format!("{} {} {}", row.id, row.provider, row.role);
        self.audit(&mut tx, caller, "group_role.remove", &what, "access")
            .await?;
        Ok(tx.commit().await?)
    }

    /// Whether any organization takes somebody for their groups.
    pub(crate) async fn groups_take(&self, provider: &Provider, claims: &Claims) -> Result<bool> {
        let Some(groups) = &claims.groups else {
            return Ok(false);
        };
        for tenant in &provider.organizations {
            let mut tx = self.store().begin(*tenant).await?;
            let role = tx.group_role_of(&provider.name, groups).await?;
            if role.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes of somebody who signs in what their groups are, in each organization that goes by them. Where the
    /// provider does not say what their groups are, nothing is made of them: nobody is taken in or confirmed,
    /// and nobody is out before their last confirmation runs out.
    pub(crate) async fn groups_apply(
        &self,
        user: &UserRow,
        provider: &Provider,
        claims: &Claims,
        whence: &Whence,
    ) -> Result<()> {
        let Some(groups) = &claims.groups else {
            if !provider.organizations.is_empty() {
                tracing::warn!(
                    user = %user.id,
                    provider = provider.name,
                    "the provider does not say which groups somebody is in: see `groups_claim` and `no_groups_claim`"
                );
            }
            return Ok(());
        };
        for tenant in &provider.organizations {
            let caller = themselves(user, *tenant, whence);
            let mut tx = self.store().begin(*tenant).await?;
            let role = tx.group_role_of(&provider.name, groups).await?;
            let member = tx.member_get(user.id).await?;
            if role.is_none() && member.is_none() {
                continue;
            }
            // One after the other, and looked at anew: others change members too.
            tx.members_lock().await?;
            let role = tx.group_role_of(&provider.name, groups).await?;
            let by_group = tx.member_by_group(user.id).await?;
            let by_this = by_group.is_some_and(|(by, _)| by == provider.name);
            match (tx.member_get(user.id).await?, role) {
                (None, Some(role)) => self.group_joins(tx, &caller, user, provider, role).await?,
                (Some(row), Some(role)) if by_this => {
                    self.group_changes(tx, &caller, row, provider, role).await?;
                }
                (Some(row), None) if by_this => {
                    self.group_leaves(tx, &caller, row, provider).await?;
                }
                // Nobody, or somebody whom people made a member.
                _ => {}
            }
        }
        Ok(())
    }

    async fn group_joins(
        &self,
        mut tx: Tx,
        caller: &Caller,
        user: &UserRow,
        provider: &Provider,
        role: Role,
    ) -> Result<()> {
        if let Err(error) = self.has_seat(&mut tx).await {
            return match error {
                Error::Problem(problem) if problem.code == Code::SeatsTaken => {
                    tracing::warn!(tenant = %caller.tenant, "a group's member found no seat");
                    Ok(())
                }
                other => Err(other),
            };
        }
        let now = self.now();
        tx.member_put(&MemberRow {
            user: user.id,
            name: user.name.clone(),
            email: Some(user.email.clone()),
            role,
            review: false,
            since: now,
        })
        .await?;
        tx.member_confirm(user.id, Some(&provider.name), now)
            .await?;
        let facts = serde_json::json!({ "member": user.id, "role": role.name() });
        self.happened(&mut tx, freehold_model::webhook::Event::MemberJoined, facts);
        let what = format!("{} {role} {}", user.id, provider.name);
        self.audit(&mut tx, caller, "member.join", &what, PURPOSE)
            .await?;
        Ok(tx.commit().await?)
    }

    async fn group_changes(
        &self,
        mut tx: Tx,
        caller: &Caller,
        mut row: MemberRow,
        provider: &Provider,
        role: Role,
    ) -> Result<()> {
        let now = self.now();
        tx.member_confirm(row.user, Some(&provider.name), now)
            .await?;
        if role != row.role && self.may_cease(&mut tx, &row).await? {
            if role < row.role {
                tx.invitations_void(row.user, now).await?;
            }
            row.role = role;
            tx.member_put(&row).await?;
            // Streams of theirs look whether they may still be watched.
            tx.hint(Hint::Settings(crate::Noun::Token));
            let what = format!("{} {role} {}", row.user, provider.name);
            self.audit(&mut tx, caller, "member.edit", &what, PURPOSE)
                .await?;
        }
        Ok(tx.commit().await?)
    }

    async fn group_leaves(
        &self,
        mut tx: Tx,
        caller: &Caller,
        row: MemberRow,
        provider: &Provider,
    ) -> Result<()> {
        if self.may_cease(&mut tx, &row).await? {
            return self
                .member_gone(tx, caller, row.user, "member.group_left")
                .await;
        }
        // The last owner stays, and may come in.
        tx.member_confirm(row.user, Some(&provider.name), self.now())
            .await?;
        Ok(tx.commit().await?)
    }

    /// Whether somebody may cease to be what they are: all but the last owner. Ask it under the members'
    /// lock.
    async fn may_cease(&self, tx: &mut Tx, row: &MemberRow) -> Result<bool> {
        if row.role != Role::Owner {
            return Ok(true);
        }
        match keeps_an_owner(tx).await {
            Ok(()) => Ok(true),
            Err(Error::Problem(problem)) if problem.code == Code::LastOwner => {
                tracing::warn!(tenant = %tx.tenant(), "the last owner's groups are gone; they stay");
                Ok(false)
            }
            Err(other) => Err(other),
        }
    }

    /// Until when a session of this member may last, where their groups made them one.
    ///
    /// # Errors
    /// [`Code::Forbidden`] where that is over: it wants to be confirmed at the provider.
    pub(crate) async fn confirmed_until(
        &self,
        tx: &mut Tx,
        member: &MemberRow,
    ) -> Result<Option<DateTime<Utc>>> {
        let Some((provider, confirmed_at)) = tx.member_by_group(member.user).await? else {
            return Ok(None);
        };
        let until = confirmed_at + CONFIRMED_FOR;
        if until > self.now() {
            return Ok(Some(until));
        }
        let title = self
            .provider(&provider)
            .map_or(provider.as_str(), |known| known.title.as_str());
        Err(Problem::new(
            Code::Forbidden,
            "your groups make you a member of this organization, and that is to be confirmed each day",
        )
        .next(format!("sign in with {title}"))
        .into())
    }
}

fn shown(row: GroupRoleRow) -> GroupRole {
    GroupRole {
        id: row.id.to_string(),
        provider: row.provider,
        group: row.group,
        role: row.role,
    }
}
