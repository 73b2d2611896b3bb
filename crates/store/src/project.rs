//! Projects and their repositories.

use chrono::{DateTime, Utc};
use freehold_model::{Directory, Isolation, ProjectId, RepositoryId};

use crate::{Hint, Noun, Result, StoreError, Tx, stored};

/// A project with its first repository.
#[derive(Debug, Clone)]
pub struct ProjectRow {
    /// Its id.
    pub id: ProjectId,
    /// Its name.
    pub name: String,
    /// `none`, `registries` or `open`.
    pub egress: String,
    /// The weakest isolation that its runs may have, if it demands one.
    pub isolation_at_least: Option<Isolation>,
    /// The folder of the repository that it is about; none: all of it.
    pub directory: Option<Directory>,
    /// How many jobs it may have for one of a project whose share is 1.
    pub share: u32,
    /// The record's remote, ref and path.
    pub record: (String, String, String),
    /// The first repository.
    pub repository: RepositoryId,
    /// Its remote.
    pub remote: String,
    /// The branch that work starts from and lands on.
    pub target: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow, serde::Deserialize)]
pub(crate) struct Raw {
    id: uuid::Uuid,
    name: String,
    egress: String,
    isolation_at_least: Option<String>,
    directory: Option<String>,
    share: i16,
    record_remote: String,
    record_ref: String,
    record_path: String,
    repository: uuid::Uuid,
    remote: String,
    target: String,
    created_at: DateTime<Utc>,
}

impl TryFrom<Raw> for ProjectRow {
    type Error = StoreError;

    fn try_from(raw: Raw) -> Result<Self> {
        let least = raw.isolation_at_least.as_deref();
        let directory = raw.directory.as_deref();
        Ok(Self {
            id: ProjectId::from_uuid(raw.id),
            name: raw.name,
            egress: raw.egress,
            isolation_at_least: least.map(|name| stored("projects", name)).transpose()?,
            directory: directory.map(|path| stored("projects", path)).transpose()?,
            share: u32::from(raw.share.unsigned_abs()),
            record: (raw.record_remote, raw.record_ref, raw.record_path),
            repository: RepositoryId::from_uuid(raw.repository),
            remote: raw.remote,
            target: raw.target,
            created_at: raw.created_at,
        })
    }
}

impl Tx {
    /// Adds a project and its first repository.
    ///
    /// # Errors
    /// [`crate::StoreError::Taken`] when the name is.
    pub async fn project_insert(&mut self, row: &ProjectRow) -> Result<()> {
        sqlx::query(
            "INSERT INTO projects
               (tenant_id, id, name, egress, record_remote, record_ref, record_path, created_at,
                isolation_at_least, directory)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(self.tenant.uuid())
        .bind(row.id.uuid())
        .bind(&row.name)
        .bind(&row.egress)
        .bind(&row.record.0)
        .bind(&row.record.1)
        .bind(&row.record.2)
        .bind(row.created_at)
        .bind(row.isolation_at_least.map(Isolation::name))
        .bind(row.directory.as_ref().map(Directory::as_str))
        .execute(&mut *self.inner)
        .await?;
        sqlx::query(
            "INSERT INTO repositories (tenant_id, id, project_id, position, remote, target)
             VALUES ($1, $2, $3, 0, $4, $5)",
        )
        .bind(self.tenant.uuid())
        .bind(row.repository.uuid())
        .bind(row.id.uuid())
        .bind(&row.remote)
        .bind(&row.target)
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Settings(Noun::Project));
        Ok(())
    }

    /// Writes a project's name, egress, least isolation, folder, share and target anew.
    ///
    /// # Errors
    /// [`crate::StoreError::Taken`] when the name is.
    pub async fn project_write(&mut self, row: &ProjectRow) -> Result<()> {
        sqlx::query(
            "UPDATE projects SET name = $3, egress = $4, isolation_at_least = $5, directory = $6, share = $7
             WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.tenant.uuid())
        .bind(row.id.uuid())
        .bind(&row.name)
        .bind(&row.egress)
        .bind(row.isolation_at_least.map(Isolation::name))
        .bind(row.directory.as_ref().map(Directory::as_str))
        .bind(i16::try_from(row.share).unwrap_or(i16::MAX))
        .execute(&mut *self.inner)
        .await?;
        sqlx::query("UPDATE repositories SET target = $3 WHERE tenant_id = $1 AND id = $2")
            .bind(self.tenant.uuid())
            .bind(row.repository.uuid())
            .bind(&row.target)
            .execute(&mut *self.inner)
            .await?;
        self.hint(Hint::Settings(Noun::Project));
        Ok(())
    }

    /// Locks a project's row until the transaction ends.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn project_lock(&mut self, id: ProjectId) -> Result<()> {
        sqlx::query("SELECT 1 FROM projects WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE")
            .bind(self.tenant.uuid())
            .bind(id.uuid())
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// A project by id.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn project_get(&mut self, id: ProjectId) -> Result<Option<ProjectRow>> {
        let raw: Option<Raw> = sqlx::query_as(
            "SELECT p.id, p.name, p.egress, p.isolation_at_least, p.directory, p.share, p.record_remote, p.record_ref, p.record_path,
                    r.id AS repository, r.remote, r.target, p.created_at
             FROM projects p
             JOIN repositories r ON r.tenant_id = p.tenant_id AND r.project_id = p.id AND r.position = 0
             WHERE p.tenant_id = $1 AND p.id = $2",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .fetch_optional(&mut *self.inner)
        .await?;
        raw.map(ProjectRow::try_from).transpose()
    }

    /// A project by its name.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn project_get_named(&mut self, name: &str) -> Result<Option<ProjectRow>> {
        let raw: Option<Raw> = sqlx::query_as(
            "SELECT p.id, p.name, p.egress, p.isolation_at_least, p.directory, p.share, p.record_remote, p.record_ref, p.record_path,
                    r.id AS repository, r.remote, r.target, p.created_at
             FROM projects p
             JOIN repositories r ON r.tenant_id = p.tenant_id AND r.project_id = p.id AND r.position = 0
             WHERE p.tenant_id = $1 AND p.name = $2",
        )
        .bind(self.tenant.uuid())
        .bind(name)
        .fetch_optional(&mut *self.inner)
        .await?;
        raw.map(ProjectRow::try_from).transpose()
    }

    /// A project's id by its name.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn project_named(&mut self, name: &str) -> Result<Option<ProjectId>> {
        let id: Option<uuid::Uuid> =
            sqlx::query_scalar("SELECT id FROM projects WHERE tenant_id = $1 AND name = $2")
                .bind(self.tenant.uuid())
                .bind(name)
                .fetch_optional(&mut *self.inner)
                .await?;
        Ok(id.map(ProjectId::from_uuid))
    }

    /// Projects in the order they were made, behind `after`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn project_list(
        &mut self,
        after: Option<ProjectId>,
        limit: i64,
    ) -> Result<Vec<ProjectRow>> {
        let raw: Vec<Raw> = sqlx::query_as(
            "SELECT p.id, p.name, p.egress, p.isolation_at_least, p.directory, p.share, p.record_remote, p.record_ref, p.record_path,
                    r.id AS repository, r.remote, r.target, p.created_at
             FROM projects p
             JOIN repositories r ON r.tenant_id = p.tenant_id AND r.project_id = p.id AND r.position = 0
             WHERE p.tenant_id = $1 AND p.id > $2
             ORDER BY p.id LIMIT $3",
        )
        .bind(self.tenant.uuid())
        .bind(after.map_or(uuid::Uuid::nil(), ProjectId::uuid))
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        raw.into_iter().map(ProjectRow::try_from).collect()
    }
}
