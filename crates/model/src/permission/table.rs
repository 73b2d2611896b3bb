//! The table: one line for each thing that can be done.

use std::fmt;
use std::str::FromStr;

use super::role::Role;
use super::scope::Scope;

/// Who may do a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Members of this role and those above it.
    AtLeast(Role),
    /// Admins and owners, and members of any role who were given the right to review.
    Reviewer,
}

/// A line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// What is done.
    pub action: Action,
    /// Its word, in the API's description, in refusals and in documents.
    pub word: &'static str,
    /// Who may.
    pub who: Who,
    /// What the token must be for; any token will do where silent.
    pub scope: Option<Scope>,
    /// What it is, in words.
    pub does: &'static str,
    /// Whether it cannot be taken back: a person is asked once more, and a token that was made for a program
    /// needs [`Scope::Destroy`] besides.
    pub confirmed: bool,
}

impl Rule {
    /// Everything that the token must be for.
    pub fn scopes(&self) -> impl Iterator<Item = Scope> + use<> {
        let besides = self.confirmed.then_some(Scope::Destroy);
        self.scope.into_iter().chain(besides)
    }
}

macro_rules! actions {
    (@is confirmed) => {
        true
    };
    (@is) => {
        false
    };
    ($($action:ident $word:literal $who:expr, $scope:expr, $does:literal $($confirmed:ident)?;)*) => {
        /// A thing that can be done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $(#[doc = $does] $action,)*
        }

        impl Action {
            /// Every one, in the table's order.
            pub const ALL: &'static [Self] = &[$(Self::$action,)*];
        }

        /// Who may do what: a line for each [`Action`], in the same order.
        pub const RULES: &[Rule] = &[$(Rule {
            action: Action::$action,
            word: $word,
            who: $who,
            scope: $scope,
            does: $does,
            confirmed: actions!(@is $($confirmed)?),
        },)*];
    };
}

const ANYONE: Who = Who::AtLeast(Role::Viewer);
const DEVELOPERS: Who = Who::AtLeast(Role::Developer);
const ADMINS: Who = Who::AtLeast(Role::Admin);
const OWNERS: Who = Who::AtLeast(Role::Owner);
const REVIEWERS: Who = Who::Reviewer;
const ANY_TOKEN: Option<Scope> = None;

const fn of(scope: Scope) -> Option<Scope> {
    Some(scope)
}

// In the order in which a person reads them: about oneself, the board, the work, what is set up, who is there.
actions! {
    MeRead "me.read" ANYONE, ANY_TOKEN, "Ask whom the token stands for";
    SignOut "sign_out" ANYONE, ANY_TOKEN, "Revoke the token that is used";
    SignInLink "sign_in.link" ANYONE, of(Scope::Account), "Make a link that signs a browser in as oneself";
    TokenList "token.list" ANYONE, of(Scope::Account), "List one's own tokens";
    TokenCreate "token.create" ANYONE, of(Scope::Account), "Make a token of one's own";
    DeviceApprove "device.approve" ANYONE, of(Scope::Account), "Sign a device in as oneself, or turn it away";
    TokenRevoke "token.revoke" ANYONE, of(Scope::Account), "Revoke a token of one's own";
    AccountRead "account.read" ANYONE, of(Scope::Account), "See one's own account";
    PasswordChange "account.password" ANYONE, of(Scope::Account), "Change one's own password";
    SessionRenew "session.renew" ANYONE, of(Scope::Account), "Renew the session that is used";
    SessionList "session.list" ANYONE, of(Scope::Account), "See where one is signed in";
    SessionEnd "session.end" ANYONE, of(Scope::Account), "End a session of one's own";
    SessionEndAll "session.end_all" ANYONE, of(Scope::Account), "End all sessions of one's own but the one that asks" confirmed;
    IdentityList "identity.list" ANYONE, of(Scope::Account), "See who one is at providers of identities";
    IdentityLink "identity.link" ANYONE, of(Scope::Account), "Link who one is at a provider to one's account";
    IdentityUnlink "identity.unlink" ANYONE, of(Scope::Account), "Unlink who one is at a provider";
    OrganizationList "organization.list" ANYONE, of(Scope::Account), "See the organizations that one is in";
    OrganizationCreate "organization.create" ANYONE, of(Scope::Account), "Make an organization, where the operator allows it";
    OrganizationEnter "organization.enter" ANYONE, of(Scope::Account), "Go to another organization of one's own";
    InvitationAccept "invitation.accept" ANYONE, of(Scope::Account), "Accept an invitation to oneself";
    MemberLeave "member.leave" ANYONE, of(Scope::Account), "Leave the organization" confirmed;

    InboxRead "inbox.read" ANYONE, of(Scope::ReadBoard), "See what needs a person";
    ChangesWatch "changes.watch" ANYONE, of(Scope::ReadBoard), "Be told what changes";
    ProjectRead "project.read" ANYONE, of(Scope::ReadBoard), "See projects";
    CardRead "card.read" ANYONE, of(Scope::ReadBoard), "See cards and their history";
    CardAdd "card.add" DEVELOPERS, of(Scope::WriteBoard), "Add a card";
    CardEdit "card.edit" DEVELOPERS, of(Scope::WriteBoard), "Change what a card says";
    CardMove "card.move" DEVELOPERS, of(Scope::WriteBoard), "Move a card";
    CardArchive "card.archive" DEVELOPERS, of(Scope::WriteBoard), "Put a card away";
    CardRestore "card.restore" DEVELOPERS, of(Scope::WriteBoard), "Bring a card back";

    RunRead "run.read" ANYONE, of(Scope::ReadJobs), "See runs: their steps, events, output and changes";
    RunStart "run.start" DEVELOPERS, of(Scope::WriteJobs), "Start a run";
    RunReply "run.reply" DEVELOPERS, of(Scope::WriteJobs), "Answer a run, so that it goes on";
    RunCancel "run.cancel" DEVELOPERS, of(Scope::WriteJobs), "End a run";
    RunApprove "run.approve" REVIEWERS, of(Scope::Review), "Approve finished work, so that it lands";
    RunReject "run.reject" REVIEWERS, of(Scope::Review), "Reject finished work";
    EnvironmentRead "environment.read" ANYONE, of(Scope::ReadJobs), "See environments and how long they were active";
    EnvironmentStart "environment.start" DEVELOPERS, of(Scope::WriteJobs), "Make a project ready on a runner";
    EnvironmentStop "environment.stop" DEVELOPERS, of(Scope::WriteJobs), "Stop an environment";

    ProjectAdd "project.add" ADMINS, of(Scope::WriteSettings), "Add a project";
    ProjectEdit "project.edit" ADMINS, of(Scope::WriteSettings), "Change a project";
    AgentRead "agent.read" ANYONE, of(Scope::ReadSettings), "See agents";
    AgentAdd "agent.add" ADMINS, of(Scope::WriteSettings), "Add an agent";
    AgentEdit "agent.edit" ADMINS, of(Scope::WriteSettings), "Change an agent";
    AgentRemove "agent.remove" ADMINS, of(Scope::WriteSettings), "Remove an agent" confirmed;
    ProviderRead "provider.read" ANYONE, of(Scope::ReadSettings), "See model providers, not their keys";
    ProviderAdd "provider.add" ADMINS, of(Scope::WriteSettings), "Add a model provider";
    ProviderEdit "provider.edit" ADMINS, of(Scope::WriteSettings), "Change a model provider or its key";
    ProviderRemove "provider.remove" ADMINS, of(Scope::WriteSettings), "Remove a model provider" confirmed;
    LimitsRead "limits.read" ANYONE, of(Scope::ReadSettings), "See how many environments there may be";
    LimitsEdit "limits.edit" ADMINS, of(Scope::WriteSettings), "Change how many environments there may be";
    RunnerRead "runner.read" ANYONE, of(Scope::ReadRunners), "See runners";
    RunnerEnrol "runner.enrol" ADMINS, of(Scope::WriteRunners), "Make a token that enrols a runner";
    RunnerRevoke "runner.revoke" ADMINS, of(Scope::WriteRunners), "Shut a runner out" confirmed;

    MemberRead "member.read" ANYONE, of(Scope::ReadMembers), "See members, and how many there may be";
    MemberEdit "member.edit" ADMINS, of(Scope::WriteMembers), "Change what a member is; of owners, owners only";
    MemberRemove "member.remove" ADMINS, of(Scope::WriteMembers), "Remove a member; an owner, owners only" confirmed;
    InvitationRead "invitation.read" ANYONE, of(Scope::ReadMembers), "See invitations";
    InvitationCreate "invitation.create" ADMINS, of(Scope::WriteMembers), "Invite somebody, or once more; to be an owner, owners only";
    InvitationRevoke "invitation.revoke" ADMINS, of(Scope::WriteMembers), "Take an invitation back";
    GroupRoleRead "group_role.read" ANYONE, of(Scope::ReadMembers), "See what groups of a provider are here";
    GroupRoleEdit "group_role.edit" OWNERS, of(Scope::WriteMembers), "Say what groups of a provider are here";

    ServiceTokenList "service_token.list" ADMINS, of(Scope::Account), "List the organization's tokens";
    ServiceTokenCreate "service_token.create" ADMINS, of(Scope::Account), "Make a token of the organization's own";
    ServiceTokenRevoke "service_token.revoke" ADMINS, of(Scope::Account), "Revoke a token of the organization's";
    WebhookRead "webhook.read" ADMINS, of(Scope::ReadSettings), "See webhooks, and what became of what they were told";
    WebhookEdit "webhook.edit" ADMINS, of(Scope::WriteSettings), "Add, change, try and remove webhooks";
    AuditRead "audit.read" ADMINS, of(Scope::ReadAudit), "See the audit log";
    AuditExport "audit.export" ADMINS, of(Scope::ReadAudit), "Carry the audit log away";
}

impl Action {
    /// Its line of the table.
    #[must_use]
    pub const fn rule(self) -> &'static Rule {
        &RULES[self as usize]
    }

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        self.rule().word
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Action {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        let rule = RULES.iter().find(|rule| rule.word == word);
        rule.map(|rule| rule.action).ok_or(())
    }
}
