//! What a program of the host says of its version.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::time::timeout;

use crate::error::SandboxError;

/// It prints some lines.
const WITHIN: Duration = Duration::from_secs(30);

/// The first line that `program --version` prints. `step` is told where that fails.
pub(crate) async fn ask(program: &Path, step: &'static str) -> Result<String, SandboxError> {
    let asked = tokio::process::Command::new(program)
        .arg("--version")
        .env_clear()
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(WITHIN, asked)
        .await
        .map_err(|_| SandboxError::Timeout {
            step,
            seconds: WITHIN.as_secs(),
        })?
        .map_err(SandboxError::io(step))?;
    let said = String::from_utf8_lossy(&output.stdout);
    Ok(said.lines().next().unwrap_or_default().trim().to_owned())
}
