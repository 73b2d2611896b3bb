//! Which servers are there. Each holds a lock in common with the others, for as long as its connection apart
//! stands: that is how they see each other, at no write.

use sqlx::PgConnection;

use crate::{Result, Store};

/// What a server's sessions are called: whoever changes the schema sees that one is there.
pub(crate) const SERVER: &str = "freehold-server";
/// The lock.
const PRESENCE: i32 = 0x4648_5356;

/// This connection's server is there until it ends.
pub(crate) async fn hold(connection: &mut PgConnection) -> std::result::Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_lock_shared($1, 0)")
        .bind(PRESENCE)
        .execute(connection)
        .await?;
    Ok(())
}

impl Store {
    /// How many servers there are over this database, this one with them: at least one.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn servers(&self) -> Result<u32> {
        let many: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
             WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.granted
               AND l.objsubid = 2 AND l.classid = $1::int4::oid AND l.objid = 0",
        )
        .bind(PRESENCE)
        .fetch_one(&self.pulse)
        .await?;
        Ok(u32::try_from(many).unwrap_or(u32::MAX).max(1))
    }
}
