//! A database per test, copied from a template that is migrated once.
//!
//! Under the project's test runner one server is shared by all test processes: the set-up script
//! starts `freehold-test-postgres`, which outlives no test run. Anywhere else each test process
//! has a server of its own, which ends with it.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use freehold_model::TenantId;
use freehold_postgres::{Options, Postgres};
use sqlx::{Connection, Executor, PgConnection};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

/// Names the file with the shared server's addresses.
pub const SHARED: &str = "FREEHOLD_TEST_POSTGRES";

/// Where a server is: addresses as its owner and as the role that owns nothing.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Addresses {
    /// As the owner.
    pub owner: String,
    /// As the role that the server uses.
    pub app: String,
}

/// An own, migrated, empty database.
#[derive(Debug, Clone)]
pub struct Database {
    /// Its address as the owner.
    pub owner: String,
    /// Its address as the role that the server uses.
    pub app: String,
}

static SERVER: OnceCell<(Addresses, Option<OwnServer>)> = OnceCell::const_new();

/// A server of this test process alone. It dies with the process.
struct OwnServer {
    _server: Postgres,
    _directory: tempfile::TempDir,
}

/// Starts a server for tests in `directory`: real, but it does not wait for the disk.
pub async fn start(directory: &Path) -> Postgres {
    let mut options = Options::new(directory.join("postgres"));
    options.durable = false;
    options.allow_createdb = true;
    freehold_postgres::start(options, CancellationToken::new())
        .await
        .expect("PostgreSQL for tests starts")
}

async fn server() -> &'static Addresses {
    let (addresses, _own) = SERVER
        .get_or_init(|| async {
            if let Some(file) = std::env::var_os(SHARED) {
                let text = std::fs::read(file).expect("the shared server's file can be read");
                return (serde_json::from_slice(&text).expect("it is JSON"), None);
            }
            let directory = tempfile::Builder::new().prefix("fh-pg").tempdir().unwrap();
            let server = start(directory.path()).await;
            let addresses = Addresses {
                owner: server.owner_url(),
                app: server.app_url(),
            };
            (
                addresses,
                Some(OwnServer {
                    _server: server,
                    _directory: directory,
                }),
            )
        })
        .await;
    addresses
}

/// The same address with another database.
fn with_database(url: &str, name: &str) -> String {
    let (before, after) = url.split_once("///").expect("an address with a path");
    let query = after.split_once('?').expect("an address with options").1;
    format!("{before}///{name}?{query}")
}

impl Database {
    /// A fresh database with the whole schema.
    pub async fn create() -> Self {
        let server = server().await;
        let mut owner = connect(&server.owner).await;
        let template = template(&mut owner, server).await;
        let name = format!("t_{}", uuid::Uuid::now_v7().simple());
        copy(&mut owner, &name, &template).await;
        owner.close().await.unwrap();
        Self {
            owner: with_database(&server.owner, &name),
            app: with_database(&server.app, &name),
        }
    }

    /// A fresh database with nothing in it.
    pub async fn empty() -> Self {
        let server = server().await;
        let mut owner = connect(&server.owner).await;
        let name = format!("t_{}", uuid::Uuid::now_v7().simple());
        copy(&mut owner, &name, "template0").await;
        owner.close().await.unwrap();
        Self {
            owner: with_database(&server.owner, &name),
            app: with_database(&server.app, &name),
        }
    }

    /// A fresh database with the whole schema, whose tables of months begin with this instant's.
    pub async fn create_from(from: DateTime<Utc>) -> Self {
        let database = Self::empty().await;
        let from = from.format("%Y-%m-%d");
        let url = format!("{}&options[app.months_from]={from}", database.owner);
        freehold_store::migrate(&url).await.unwrap();
        database
    }

    /// A connection as the owner, to look or to break things with.
    pub async fn as_owner(&self) -> PgConnection {
        connect(&self.owner).await
    }

    /// A connection as the role that the server uses.
    pub async fn as_app(&self) -> PgConnection {
        connect(&self.app).await
    }

    /// The same, bound to a tenant for as long as it lasts: it sees and writes that one's rows.
    pub async fn as_tenant(&self, tenant: TenantId) -> PgConnection {
        let mut role = self.as_app().await;
        sqlx::query("SELECT set_config('app.tenant', $1, false)")
            .bind(tenant.uuid().to_string())
            .execute(&mut role)
            .await
            .expect("a setting of a session can be set");
        role
    }
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url)
        .await
        .expect("PostgreSQL for tests answers")
}

/// The migrated template, made by whoever comes first. The lock is the server's.
async fn template(owner: &mut PgConnection, server: &Addresses) -> String {
    let name = "freehold_template".to_owned();
    owner
        .execute("SELECT pg_advisory_lock(4242)")
        .await
        .unwrap();
    let there: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)")
            .bind(&name)
            .fetch_one(&mut *owner)
            .await
            .unwrap();
    if !there {
        owner
            .execute("CREATE DATABASE freehold_template_new")
            .await
            .unwrap();
        freehold_store::migrate(&with_database(&server.owner, "freehold_template_new"))
            .await
            .unwrap();
        owner
            .execute("ALTER DATABASE freehold_template_new RENAME TO freehold_template")
            .await
            .unwrap();
    }
    owner
        .execute("SELECT pg_advisory_unlock(4242)")
        .await
        .unwrap();
    name
}

/// Names come from `template` and a UUID; PostgreSQL takes no parameter in this place.
async fn copy(owner: &mut PgConnection, name: &str, template: &str) {
    for _ in 0..100 {
        let statement = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name} TEMPLATE {template}"));
        match sqlx::query(statement).execute(&mut *owner).await {
            Ok(_) => return,
            // Somebody is just leaving the template.
            Err(error) if error.to_string().contains("being accessed") => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the template stays busy");
}
