//! `freehold project`

use freehold_wire::api::{EditProject, NewProject, Project};
use reqwest::Method;

use super::undo;
use crate::client::{Client, Route};
use crate::failure::Failure;
use crate::print::{Printer, things};
use crate::words::{ProjectEdit, ProjectWords};

pub(super) async fn run(
    words: ProjectWords,
    client: &Client,
    printer: Printer,
) -> Result<(), Failure> {
    match words {
        ProjectWords::Add {
            name,
            remote,
            target,
            egress,
            directory,
        } => {
            let new = NewProject {
                name,
                remote,
                target,
                egress,
                directory,
            };
            let project: Project = client.post(&Route::to("projects"), &new).await?;
            printer.show(&project, things::project)
        }
        ProjectWords::List(words) => {
            let page = client.list(&Route::to("projects"), words.after).await?;
            printer.show(&page, things::projects)
        }
        ProjectWords::Show { name } => {
            let project: Project = client.get(&Route::of("projects", &name)?).await?;
            printer.show(&project, things::project)
        }
        ProjectWords::Edit(words) => edit(words, client, printer).await,
    }
}

async fn edit(words: ProjectEdit, client: &Client, printer: Printer) -> Result<(), Failure> {
    let (before, seen) = client
        .get_seen::<Project>(&Route::of("projects", &words.project)?)
        .await?;
    let edit = EditProject {
        name: words.name,
        target: words.target,
        egress: words.egress,
        isolation_at_least: words.isolation_at_least,
        directory: words.directory,
        share: words.share,
    };
    let route = Route::of("projects", &before.id.to_string())?;
    let after: Project = client.change(Method::PATCH, &route, &edit, seen).await?;
    let undo = undo::project_edit(&before, &after);
    printer.show_undo(&after, things::project, undo)
}
