//! Questions to a runner, from a server that has no link to the server that has one. A row lives for
//! seconds: whoever asked deletes it, or the next who asks does.

use chrono::TimeDelta;
use freehold_model::QuestionId;
use serde_json::Value;

use crate::{Hint, Result, Tx};

/// Past this nobody waits for an answer: the asker's patience is shorter.
const STALE: TimeDelta = TimeDelta::seconds(60);
/// Questions of a tenant at a time: people add projects one by one, and a script that adds hundreds at
/// once waits. It bounds what a burst may put into the table and on the runners.
const OPEN_MOST: i64 = 32;

/// How a question stands.
#[derive(Debug, Clone, PartialEq)]
pub struct QuestionRow {
    /// Whether a server with a link has taken it.
    pub taken: bool,
    /// The answer, once there is one.
    pub answer: Option<Value>,
}

impl Tx {
    /// Asks, and has the servers told. False when too many questions are open.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn question_ask(&mut self, id: QuestionId, probe: &Value) -> Result<bool> {
        sqlx::query("DELETE FROM questions WHERE tenant_id = $1 AND asked_at < $2")
            .bind(self.tenant.uuid())
            .bind(self.time - STALE)
            .execute(&mut *self.inner)
            .await?;
        let done = sqlx::query(
            "INSERT INTO questions (tenant_id, id, probe, asked_at)
             SELECT $1, $2, $3, $4
             WHERE (SELECT count(*) FROM questions WHERE tenant_id = $1) < $5",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(probe)
        .bind(self.time)
        .bind(OPEN_MOST)
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Question);
        Ok(done.rows_affected() == 1)
    }

    /// Takes a question that nobody has taken; no other server takes it then.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn question_take(&mut self) -> Result<Option<(QuestionId, Value)>> {
        let taken: Option<(uuid::Uuid, Value)> = sqlx::query_as(
            "UPDATE questions SET taken_at = $2
             WHERE tenant_id = $1 AND id = (
                 SELECT id FROM questions
                 WHERE tenant_id = $1 AND taken_at IS NULL AND asked_at > $3
                 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
             RETURNING id, probe",
        )
        .bind(self.tenant.uuid())
        .bind(self.time)
        .bind(self.time - STALE)
        .fetch_optional(&mut *self.inner)
        .await?;
        Ok(taken.map(|(id, probe)| (QuestionId::from_uuid(id), probe)))
    }

    /// Answers a question; without an answer it is anybody's again.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn question_answer(&mut self, id: QuestionId, answer: Option<&Value>) -> Result<()> {
        sqlx::query(
            "UPDATE questions SET answer = $3,
                    taken_at = CASE WHEN $3::jsonb IS NULL THEN NULL ELSE taken_at END
             WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(answer)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// How it stands; `None` when it is gone.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn question_look(&mut self, id: QuestionId) -> Result<Option<QuestionRow>> {
        let row: Option<(bool, Option<Value>)> = sqlx::query_as(
            "SELECT taken_at IS NOT NULL, answer FROM questions WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .fetch_optional(&mut *self.inner)
        .await?;
        Ok(row.map(|(taken, answer)| QuestionRow { taken, answer }))
    }

    /// Nobody waits for it any more.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn question_forget(&mut self, id: QuestionId) -> Result<()> {
        sqlx::query("DELETE FROM questions WHERE tenant_id = $1 AND id = $2")
            .bind(self.tenant.uuid())
            .bind(id.uuid())
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }
}
