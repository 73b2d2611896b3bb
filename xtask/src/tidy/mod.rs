//! The rules of the house that no compiler knows. Each finding names the place, what is wrong and what to do.

mod arrows;
mod sources;
mod tree;
mod web;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// The workspace's root.
pub(crate) fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent()
        .map(Path::to_owned)
        .context("xtask lies in the workspace's root")
}

/// Where this machine keeps the tree and the tools: nothing in the tree may name it.
fn places(root: &Path) -> Vec<String> {
    let tools = std::env::var_os("CARGO_HOME").map(|home| home.to_string_lossy().into_owned());
    let home = std::env::var_os("HOME").map(|home| format!("{}/.", home.to_string_lossy()));
    let tree = Some(root.to_string_lossy().into_owned());
    // A tree in the root's own folder would find itself in every path.
    [tree, tools, home]
        .into_iter()
        .flatten()
        .filter(|place| place.len() > 4)
        .collect()
}

/// Checks everything; an error lists every finding.
pub(crate) fn check(root: &Path) -> Result<String> {
    let files = tree::files(root)?;
    let metadata = output(
        root,
        env!("CARGO"),
        &[
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ],
    )?;
    let packages = arrows::read(&metadata)?;
    let findings = [
        arrows::check(&packages),
        sources::check(&files),
        tree::check(&files, &places(root)),
        web::check(&files),
    ]
    .concat();
    if findings.is_empty() {
        return Ok(format!(
            "tidy: {} crates and {} files, all in order",
            packages.len(),
            files.len()
        ));
    }
    bail!(
        "tidy: {} findings\n  {}",
        findings.len(),
        findings.join("\n  ")
    )
}

fn output(root: &Path, program: &str, arguments: &[&str]) -> Result<Vec<u8>> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root)
        .output()
        .with_context(|| format!("start `{program}`"))?;
    ensure!(
        output.status.success(),
        "`{program} {}`: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    /// So that `make test` holds the rules even where no one runs the chore.
    #[test]
    fn the_tree_is_tidy() {
        let done = super::check(&super::root().unwrap());
        assert!(done.is_ok(), "{:#}", done.unwrap_err());
    }
}
