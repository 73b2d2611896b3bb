//! What a project's devcontainer file chooses where nobody else chose: setup, and the image of a
//! container. Read as the target branch has it, like the project's own file; what it asks for beyond
//! that is named to people and not done.

use freehold_environment::project::devcontainer::{DEVCONTAINER_FILES, Devcontainer, read};
use freehold_environment::project::{DEFAULT_SETUP_TIMEOUT, PROJECT_FILE, Setup};
use freehold_git::{GitError, Oid, Store};
use freehold_model::Isolation;
use freehold_sandbox::Image;
use freehold_wire::order::Order;

use super::project::Project;
use crate::failure::{Halt, chain};
use crate::policy::{FILE, ImagePlace, Policy};
use crate::report::Report;
use crate::surroundings::WORKSPACE;

/// Largest file that is read; its parser has a smaller bound and a better message.
const FILE_MAX: usize = 1 << 20;

/// A devcontainer file as it was found.
pub(crate) struct Found {
    path: &'static str,
    read: Result<Devcontainer, String>,
}

/// The file that editors would take, as `base` has it; `None` where there is none.
pub(crate) async fn find(store: &Store, base: &Oid) -> Result<Option<Found>, Halt> {
    let [first, second] = DEVCONTAINER_FILES;
    let look = |path| store.read_file(base, path, FILE_MAX);
    let (a, b) = tokio::join!(look(first), look(second));
    for (path, found) in [(first, a), (second, b)] {
        let read = match found {
            Ok(None) => continue,
            Ok(Some(bytes)) => read(&bytes).map_err(|error| chain(&error)),
            Err(error @ GitError::TooLarge { .. }) => Err(chain(&error)),
            Err(error) => return Err(error.into()),
        };
        return Ok(Some(Found { path, read }));
    }
    Ok(None)
}

/// Adds what the file chooses to what the project says itself, which goes before it.
pub(crate) fn fill(project: &mut Project, found: Found) {
    let Found { path, read } = found;
    let mut say = |what: String| project.warnings.push(format!("{path}: {what}"));
    let file = match read {
        Ok(file) => file,
        Err(why) => return say(format!("it is not used: {why}")),
    };
    for warning in &file.warnings {
        say(warning.clone());
    }
    for (name, variables) in [
        ("containerEnv", &file.container_env),
        ("remoteEnv", &file.remote_env),
    ] {
        if !variables.is_empty() {
            say(format!(
                "`{name}` is not taken over: set in the setup command what it needs"
            ));
        }
    }
    if let Some(folder) = &file.workspace_folder
        && folder != WORKSPACE
    {
        say(format!(
            "`workspaceFolder` is not taken over: the work tree is at {WORKSPACE}, not {folder}"
        ));
    }
    if let Some(command) = file.setup_command() {
        if project.file.setup.is_none() {
            say(format!(
                "its commands are the setup, as {PROJECT_FILE} on the target branch names none"
            ));
            project.file.setup = Some(Setup {
                command,
                timeout: DEFAULT_SETUP_TIMEOUT,
            });
        } else {
            say(format!(
                "its commands are not run: {PROJECT_FILE} names the setup"
            ));
        }
    }
    project.image = file.image;
}

/// The image that a repository may have on this machine; in words, why not.
fn choice<'a>(order: &Order, policy: &'a Policy, image: &str) -> Result<&'a ImagePlace, String> {
    if order.isolation != Isolation::Container {
        return Err(format!(
            "the devcontainer's image {image} is for agents with the isolation `container`; this run has `{}`",
            order.isolation
        ));
    }
    if let Some(own) = &order.image {
        return Err(format!(
            "the devcontainer's image {image} is not used: the agent names {own}"
        ));
    }
    policy.image(image).ok_or_else(|| {
        format!(
            "the devcontainer's image {image} is not used: the owner of this machine has not allowed it to repositories; they do with a line under `[images]` in {FILE} in the runner's data directory: \"{image}\" = \"engine\" (docker or podman), or its path in place of `engine`"
        )
    })
}

/// The job with the image that the project's devcontainer file chose, where that counts; says why
/// where it does not. Safe to cancel.
///
/// # Errors
/// [`Reason::Sandbox`] when the image was allowed and cannot be had: another is not put in its place.
pub(crate) async fn within(
    report: &Report,
    order: &Order,
    project: &Project,
) -> Result<Report, Halt> {
    let Some(name) = &project.image else {
        return Ok(report.clone());
    };
    let context = &report.context;
    let policy = Policy::load(&context.policy_file())?;
    let place = match choice(order, &policy, name) {
        Ok(place) => place.clone(),
        Err(why) => {
            report.note(why).await?;
            return Ok(report.clone());
        }
    };
    let image = match place {
        ImagePlace::Engine => Image::Name(name.clone()),
        ImagePlace::Path(path) => Image::Directory(path),
    };
    let walls = report.walls.with_image(image);
    let (images, home) = (context.images(), context.environment.home());
    let room = crate::dispatch::above_reserve(context, &policy).unwrap_or(u64::MAX);
    let walls = tokio::select! {
        biased;
        () = report.stop.token().cancelled() => return Err(Halt::Stopped),
        walls = walls.unpacked(&images, &home, room) => walls?,
    };
    report
        .note(format!("the image is the devcontainer's: {name}"))
        .await?;
    Ok(report.within(walls))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str, own: Option<&str>) -> Project {
        let mut project = Project::default();
        project.file.setup = own.map(|command| Setup {
            command: command.to_owned(),
            timeout: DEFAULT_SETUP_TIMEOUT,
        });
        let read = read(text.as_bytes()).map_err(|error| error.to_string());
        fill(
            &mut project,
            Found {
                path: "d.json",
                read,
            },
        );
        project
    }

    #[test]
    fn the_projects_own_setup_goes_before_the_devcontainers() {
        let text = r#"{"image": "a:1", "postCreateCommand": "make"}"#;
        let own = filled(text, Some("npm ci"));
        assert_eq!(own.file.setup.unwrap().command, "npm ci");
        let other = filled(text, None);
        assert_eq!(other.file.setup.unwrap().command, "make");
        assert_eq!(other.image.as_deref(), Some("a:1"));
    }

    #[test]
    fn what_is_asked_for_and_not_done_is_named() {
        let text = r#"{"features": {"x": {}}, "privileged": true, "workspaceFolder": "/w", "containerEnv": {"A": "b"},
            "mounts": ["source=/var/run/docker.sock,target=/var/run/docker.sock,type=bind"]}"#;
        let said = filled(text, None).warnings.join("\n");
        for word in [
            "`features`",
            "`privileged`",
            "`mounts` is never",
            "`mounts` asks for a container engine's socket",
            "`workspaceFolder`",
            "`containerEnv`",
        ] {
            assert!(said.contains(word), "{word} is not in {said}");
        }
        let broken = filled("{", None);
        assert!(broken.warnings[0].starts_with("d.json: it is not used"));
        assert!(broken.file.setup.is_none() && broken.image.is_none());
    }
}
