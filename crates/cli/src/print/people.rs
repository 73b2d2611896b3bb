//! Members and invitations, in words.

use freehold_wire::api::{Invitation, Member, Page};

use super::Printer;
use super::table::table;
use super::things::{more, time};

const fn review(given: bool) -> &'static str {
    if given { "reviews" } else { "" }
}

fn member_row(member: &Member) -> Vec<String> {
    vec![
        member.user.to_string(),
        member.name.clone(),
        member.email.clone().unwrap_or_else(|| "-".to_owned()),
        member.role.name().to_owned(),
        review(member.review).to_owned(),
        time(member.since),
    ]
}

const MEMBER: [&str; 6] = ["MEMBER", "NAME", "ADDRESS", "ROLE", "REVIEW", "SINCE"];

/// A member.
pub(crate) fn member(member: &Member, printer: Printer) -> String {
    table(printer, &MEMBER, &[member_row(member)], "")
}

/// Members.
pub(crate) fn members(page: &Page<Member>, printer: Printer) -> String {
    let rows: Vec<Vec<String>> = page.items.iter().map(member_row).collect();
    more(page, table(printer, &MEMBER, &rows, "No members."))
}

fn invitation_row(invitation: &Invitation) -> Vec<String> {
    vec![
        invitation.id.to_string(),
        invitation.email.clone(),
        invitation.role.name().to_owned(),
        review(invitation.review).to_owned(),
        invitation.state.clone(),
        time(invitation.expires_at),
    ]
}

const INVITATION: [&str; 6] = ["INVITATION", "ADDRESS", "ROLE", "REVIEW", "STATE", "UNTIL"];

/// An invitation.
pub(crate) fn invitation(invitation: &Invitation, printer: Printer) -> String {
    table(printer, &INVITATION, &[invitation_row(invitation)], "")
}

/// Invitations.
pub(crate) fn invitations(page: &Page<Invitation>, printer: Printer) -> String {
    let rows: Vec<Vec<String>> = page.items.iter().map(invitation_row).collect();
    let empty = "No invitations. Invite somebody: freehold invite create ADDRESS";
    more(page, table(printer, &INVITATION, &rows, empty))
}
