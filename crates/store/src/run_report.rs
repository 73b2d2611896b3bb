//! What a job leaves on its run, beside the life cycle.

use freehold_model::{BlobId, Isolation, RunId};
use serde_json::Value;

use crate::{Result, Tx};

/// What a finished job leaves on its run, beside the life cycle.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Content and the version of its place.
    pub detail: Option<(Vec<u8>, i64)>,
    /// The checks' results; none leaves them as they were.
    pub checks: Option<Value>,
    /// The diff's blob and the version of its place.
    pub diff: Option<(BlobId, i64)>,
    /// The conversation's blob.
    pub transcript: Option<BlobId>,
    /// The isolation that was really in force.
    pub isolation: Option<String>,
    /// What stood around its steps, by epoch; none adds nothing.
    pub in_force: Option<Value>,
    /// The agent's own version.
    pub agent_version: Option<String>,
}

/// What an epoch of a run used of its models.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct UsageRow {
    /// Requests that the gateway saw; 0 where only the agent counted.
    pub requests: u64,
    /// Tokens that went in.
    pub input_tokens: u64,
    /// Tokens that came out.
    pub output_tokens: u64,
}

impl Tx {
    /// What an epoch of a run used of its models so far; a later word replaces an earlier one,
    /// unless it says nothing: a gateway that nothing went through does not know better.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn run_set_usage(&mut self, id: RunId, epoch: u32, usage: UsageRow) -> Result<()> {
        let nothing = (usage.requests, usage.input_tokens, usage.output_tokens) == (0, 0, 0);
        let usage = serde_json::json!({ epoch.to_string(): usage });
        sqlx::query(
            "UPDATE runs SET usage = CASE WHEN $4 THEN $3 || coalesce(usage, '{}'::jsonb)
                                     ELSE coalesce(usage, '{}'::jsonb) || $3 END
             WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(usage)
        .bind(nothing)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Asks for a stronger isolation from now on.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn run_set_isolation_asked(&mut self, id: RunId, asked: Isolation) -> Result<()> {
        sqlx::query("UPDATE runs SET isolation_asked = $3 WHERE tenant_id = $1 AND id = $2")
            .bind(self.tenant.uuid())
            .bind(id.uuid())
            .bind(asked.name())
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }
}
