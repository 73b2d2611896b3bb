//! The repository that `up` is started in: read by git's own plumbing, which starts nothing that
//! the repository could name.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use freehold_environment::project::{FileFacts, PROJECT_FILE, Proposal, propose};
use freehold_git::Remote;

use crate::environment::Environment;
use crate::roles::machine;

/// Longest name of a project.
const NAME_MAX: usize = 64;

/// What was found.
#[derive(Debug, Clone)]
pub(super) struct Repository {
    /// The root of the work tree.
    pub(super) root: PathBuf,
    /// What a project of it would be called.
    pub(super) name: String,
    /// Where it is pushed to; else why it cannot be a project, and what to do.
    pub(super) remote: Result<String, String>,
    /// The branch that work lands on; `None` leaves it to the remote.
    pub(super) target: Option<String>,
    /// What answers git's questions about this remote.
    pub(super) way: Way,
    /// What the repository should say about itself, where it says nothing.
    pub(super) proposal: Option<Proposal>,
}

/// How git authenticates at the remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// It needs nothing that is known here.
    Nothing,
    /// A configured credential helper.
    Helper(String),
    /// The keys of a running SSH agent.
    SshAgent,
}

impl Repository {
    /// Looks at the repository around `directory`; `None` where there is none.
    pub(super) async fn find(environment: &Environment, directory: &Path) -> Option<Self> {
        let git = Git {
            environment,
            directory,
        };
        let root = PathBuf::from(git.line(&["rev-parse", "--show-toplevel"]).await?);
        let git = Git {
            environment,
            directory: &root,
        };
        let named = git.remote().await;
        let target = match &named {
            Ok(remote) => git.target(&remote.name).await,
            Err(_) => None,
        };
        let remote = named.and_then(|named| address(&named.url, &root));
        let way = match &remote {
            Ok(remote) => git.way(remote).await,
            Err(_) => Way::Nothing,
        };
        let folder = root.file_name().unwrap_or_default().to_string_lossy();
        Some(Self {
            name: project_name(&folder),
            remote,
            target,
            way,
            proposal: proposal(&root),
            root,
        })
    }
}

struct NamedRemote {
    name: String,
    url: String,
}

/// Asks git about one directory.
struct Git<'a> {
    environment: &'a Environment,
    directory: &'a Path,
}

impl Git<'_> {
    async fn say(&self, args: &[&str]) -> Option<String> {
        let git = OsString::from("git");
        let words: Vec<OsString> = [git]
            .into_iter()
            .chain(args.iter().map(OsString::from))
            .collect();
        machine::ask(self.environment, self.directory, &words).await
    }

    async fn line(&self, args: &[&str]) -> Option<String> {
        let text = self.say(args).await?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        (!line.is_empty()).then(|| line.to_owned())
    }

    /// `origin`, or the only one.
    async fn remote(&self) -> Result<NamedRemote, String> {
        let all = self.say(&["remote"]).await.unwrap_or_default();
        let names: Vec<&str> = all.lines().collect();
        let name = match names[..] {
            [] => {
                return Err(
                    "it has no remote: work lands on a remote, never in this directory. \
                     Push it somewhere (`git init --bare /srv/git/NAME.git`, `git remote add origin …`, `git push`), and start again"
                        .to_owned(),
                );
            }
            [only] => only,
            _ => names
                .iter()
                .find(|name| **name == "origin")
                .ok_or_else(|| {
                    format!(
                        "it has several remotes ({}) and none is `origin`: choose one with `freehold project add NAME --remote URL`",
                        names.join(", ")
                    )
                })?,
        };
        let url = self.line(&["remote", "get-url", "--", name]).await;
        Ok(NamedRemote {
            name: (*name).to_owned(),
            url: url.ok_or_else(|| format!("its remote `{name}` has no address"))?,
        })
    }

    /// The remote's default branch as it was cloned, else the branch that is checked out.
    async fn target(&self, remote: &str) -> Option<String> {
        let head = format!("refs/remotes/{remote}/HEAD");
        if let Some(full) = self.line(&["symbolic-ref", "--quiet", &head]).await {
            let prefix = format!("refs/remotes/{remote}/");
            return full.strip_prefix(&prefix).map(str::to_owned);
        }
        self.line(&["symbolic-ref", "--quiet", "--short", "HEAD"])
            .await
    }

    async fn way(&self, remote: &str) -> Way {
        if remote.starts_with("https://") || remote.starts_with("http://") {
            let args = ["config", "--get-urlmatch", "credential.helper", remote];
            return match self.line(&args).await {
                Some(helper) => Way::Helper(helper),
                None => Way::Nothing,
            };
        }
        let local = remote.starts_with('/') || remote.starts_with("file://");
        match self.environment.ssh_agent {
            Some(_) if !local => Way::SshAgent,
            _ => Way::Nothing,
        }
    }
}

/// The address as a runner can use it: a path is absolute.
fn address(url: &str, root: &Path) -> Result<String, String> {
    let path = root.join(url);
    let local = !url.contains("://") && path.exists();
    let text = match local {
        true => std::fs::canonicalize(&path)
            .unwrap_or(path)
            .to_string_lossy()
            .into_owned(),
        false => url.to_owned(),
    };
    Remote::parse(&text)
        .map(|remote| remote.as_str().to_owned())
        .map_err(|error| {
            format!(
                "its remote cannot be used: {error}; add it by hand with `freehold project add`"
            )
        })
}

/// A directory's name as a project's: other characters become dashes.
fn project_name(folder: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = folder
        .chars()
        .map(|c| if allowed(c) { c } else { '-' })
        .take(NAME_MAX)
        .collect();
    let name = name.trim_matches(['-', '.']);
    match name.is_empty() {
        true => "project".to_owned(),
        false => name.to_owned(),
    }
}

fn proposal(root: &Path) -> Option<Proposal> {
    if std::fs::symlink_metadata(root.join(PROJECT_FILE)).is_ok() {
        return None;
    }
    let facts = FileFacts::of_directory(root).ok()?;
    Some(propose(&facts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folders_name_becomes_a_projects() {
        for (folder, name) in [
            ("demo", "demo"),
            ("My Project (2)", "My-Project--2"),
            (".config", "config"),
            ("größe", "gr--e"),
            ("..", "project"),
            ("", "project"),
        ] {
            assert_eq!(project_name(folder), name, "{folder}");
        }
        assert_eq!(project_name(&"x".repeat(300)).len(), NAME_MAX);
    }

    #[test]
    fn a_relative_remote_is_made_absolute_and_a_password_is_not_repeated() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("bare.git")).unwrap();
        std::fs::create_dir_all(root.join("work")).unwrap();
        let bare = root.join("bare.git").to_string_lossy().into_owned();
        assert_eq!(address("../bare.git", &root.join("work")), Ok(bare));
        let scp = "git@example.org:demo.git";
        assert_eq!(address(scp, &root), Ok(scp.to_owned()));
        let why = address("https://ada:hunter2@example.org/x", &root).unwrap_err();
        assert!(!why.contains("hunter2"), "{why}");
    }
}
