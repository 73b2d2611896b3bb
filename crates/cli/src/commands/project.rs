//! `freehold project`

use freehold_wire::api::{NewProject, Project};

use crate::client::{Client, Route};
use crate::failure::Failure;
use crate::print::{Printer, things};
use crate::words::ProjectWords;

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
        } => {
            let new = NewProject {
                name,
                remote,
                target,
                egress,
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
    }
}
