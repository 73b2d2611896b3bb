//! `docs/permissions.md`, from the table that decides and the list that the router is made of.

use std::fmt::Write as _;

use freehold_model::permission::{RULES, Who};
use freehold_model::{Role, Scope};

use crate::gate::{Access, Route};

const HEAD: &str = "\
# Who may do what

Made by `make openapi` from `model::permission`, the table that decides; a stale page fails a test.

What a request may do is decided in one place, of three things: the member's role in the organization (and the right to review, which a member may be given whatever the role), the scopes of the token, and the action of the route. Scopes only take away: a token never does what its person may not. A session of a person has every scope; a device that a person signed in has every one but `account`. Whoever may not is refused with `forbidden` (403), which names what is missing; what belongs to another organization is answered as what is not there (404).

## Roles

Each may do what those before it may.

- `viewer` sees everything and changes nothing.
- `developer` works on the board and has agents work.
- `admin` sets the organization up, and decides on finished work.
- `owner` is an admin who also decides who else is an owner.

Besides, a member of any role may be given the right to review: to approve and to reject finished work.

## Scopes

A personal token acts as the member it belongs to, with its scopes and at most its role, and ends with the membership. A service token belongs to the organization, acts with a role of its own below `owner`, and never decides on finished work. Both expire, in a year at most.

";

const BETWEEN: &str = "
## Actions

`+` may, `r` may with the right to review, `-` may not. What is marked `!` cannot be taken back. A person is asked once more, whatever they are signed in with: the first try is answered with `confirmation_needed` (428). A token that was made for a program is not asked, and needs the scope `destroy` as well.

";

const TAIL: &str = "
## Without a token

";

/// The page.
pub(crate) fn page(routes: &[Route]) -> String {
    let mut page = HEAD.to_owned();
    page.push_str("| scope | for tokens that are to |\n|---|---|\n");
    for scope in Scope::ALL {
        line(&mut page, &[&code(scope.name()), scope.does()]);
    }
    page.push_str(BETWEEN);
    page.push_str("| action | what | viewer | developer | admin | owner | scope | routes |\n");
    page.push_str("|---|---|---|---|---|---|---|---|\n");
    for rule in RULES {
        let may = |role: Role| match rule.who {
            Who::AtLeast(least) if role >= least => "+",
            Who::AtLeast(_) => "-",
            Who::Reviewer if role >= Role::REVIEWS => "+",
            Who::Reviewer => "r",
        };
        let [viewer, developer, admin, owner] = Role::ALL.map(may);
        let scope = rule
            .scope
            .map_or_else(|| "any token".to_owned(), |scope| code(scope.name()));
        let used = of(routes, Access::For(rule.action));
        let mark = if rule.confirmed { " !" } else { "" };
        let word = format!("{}{mark}", code(rule.word));
        line(
            &mut page,
            &[
                &word, rule.does, viewer, developer, admin, owner, &scope, &used,
            ],
        );
    }
    page.push_str(TAIL);
    page.push_str("| who | routes |\n|---|---|\n");
    line(&mut page, &["anybody", &of(routes, Access::Public)]);
    line(
        &mut page,
        &[
            "runners, with the bearer of their connection",
            &of(routes, Access::Runner),
        ],
    );
    page
}

fn code(word: &str) -> String {
    format!("`{word}`")
}

fn of(routes: &[Route], access: Access) -> String {
    let used = routes.iter().filter(|route| route.access == access);
    let names: Vec<String> = used
        .map(|route| code(&format!("{} {}", route.method, route.path)))
        .collect();
    names.join(", ")
}

fn line(page: &mut String, cells: &[&str]) {
    // Writing to a `String` cannot fail.
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}
