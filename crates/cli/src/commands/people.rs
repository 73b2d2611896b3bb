//! `freehold member` and `freehold invite`.

use freehold_wire::api::{EditMember, Invitation, Member, NewInvitation};
use reqwest::Method;
use serde_json::json;

use super::Person;
use crate::client::{Client, Route};
use crate::failure::Failure;
use crate::print::{Printer, people, things};
use crate::words::{InviteWords, MemberWords};

pub(super) async fn member(
    words: MemberWords,
    client: &Client,
    person: Person,
    printer: Printer,
) -> Result<(), Failure> {
    match words {
        MemberWords::List { search, list } => {
            let route = Route::to("members").filter("search", search.as_ref());
            let page = client.list(&route, list.after).await?;
            printer.show(&page, people::members)
        }
        MemberWords::Edit(words) => {
            let edit = EditMember {
                role: words.role,
                review: words.review,
            };
            let route = Route::of("members", &words.member)?;
            let member: Member = client.patch(&route, &edit, None).await?;
            printer.show(&member, people::member)
        }
        MemberWords::Remove { member, yes } => {
            let route = Route::of("members", &member)?;
            person.surely(client, Method::DELETE, &route, yes).await?;
            printer.gone("member", &member, None)
        }
    }
}

pub(super) async fn invite(
    words: InviteWords,
    client: &Client,
    printer: Printer,
) -> Result<(), Failure> {
    let route = Route::to("invitations");
    match words {
        InviteWords::Create {
            email,
            role,
            review,
        } => {
            let new = NewInvitation {
                email,
                role,
                review,
            };
            let made: Invitation = client.post(&route, &new).await?;
            sent(&made, printer)
        }
        InviteWords::List(list) => {
            let page = client.list(&route, list.after).await?;
            printer.show(&page, people::invitations)
        }
        InviteWords::Resend { invitation } => {
            let route = Route::of("invitations", &invitation)?.then("resend");
            let made: Invitation = client.post(&route, &json!({})).await?;
            sent(&made, printer)
        }
        InviteWords::Revoke { invitation } => {
            client
                .tell(Method::DELETE, &Route::of("invitations", &invitation)?)
                .await?;
            printer.gone("invitation", &invitation, None)
        }
    }
}

fn sent(made: &Invitation, printer: Printer) -> Result<(), Failure> {
    printer.progress(&format!(
        "mailed; it can be accepted until {}",
        things::time(made.expires_at)
    ));
    printer.show(made, people::invitation)
}
