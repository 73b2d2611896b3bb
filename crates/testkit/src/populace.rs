//! Many organizations with many members, and what each has: written straight into the database, since
//! nobody waits for a million invitations.
//!
//! The first is large, with a twentieth of all members; the others share the rest evenly. A few have
//! people whose tokens work, and cards that can be read; the others' rows are of the same shape and size,
//! and are only in the way.

use freehold_engine::{Caller, Engine};
use freehold_model::permission::Scope;
use freehold_model::{ProjectId, RepositoryId, TenantId};
use freehold_store::ProjectRow;
use freehold_wire::api::{NewAgent, NewCard, NewToken};
use serde_json::json;
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::{TestClock, TestEntropy};

/// How many of each there are.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Organizations.
    pub tenants: i64,
    /// Members of all of them together.
    pub members: i64,
    /// Cards of each, and as many runs that ended.
    pub cards_each: i64,
    /// Audit entries of each.
    pub audit_each: i64,
}

/// An organization that can be asked about.
#[derive(Debug, Clone)]
pub struct Known {
    /// Somebody in it, with all that an owner may do.
    pub caller: Caller,
    /// Their token, which may read everything.
    pub token: String,
    /// A project, with [`Sizes::cards_each`] cards.
    pub project: String,
    /// Its cards.
    pub cards: Vec<String>,
}

/// Rows are written as the owner, who must see them for it.
const FILLED: [&str; 9] = [
    "tenants",
    "users",
    "members",
    "projects",
    "repositories",
    "agents",
    "cards",
    "runs",
    "audit_entries",
];

/// Fills the database at `owner`, and gives the first `known` organizations.
///
/// # Panics
/// When a row cannot be written.
pub async fn populate(owner: &str, engine: &Engine, sizes: Sizes, known: i64) -> Vec<Known> {
    let mut owner = PgConnection::connect(owner).await.unwrap();
    opened(&mut owner, true).await;
    let mut all = Vec::new();
    for n in 1..=known {
        let caller = engine.tenant_create(&format!("organization {n}")).await;
        all.push(furnish(engine, caller.unwrap(), sizes.cards_each).await);
    }
    people(&mut owner, sizes, known).await;
    things(&mut owner, &all[0], sizes).await;
    opened(&mut owner, false).await;
    owner.execute("ANALYZE").await.unwrap();
    all
}

async fn opened(owner: &mut PgConnection, open: bool) {
    for table in FILLED {
        let no = if open { "NO " } else { "" };
        let sql = format!("ALTER TABLE {table} {no}FORCE ROW LEVEL SECURITY");
        owner.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
    }
}

/// Organizations, people, and who is in which.
async fn people(owner: &mut PgConnection, sizes: Sizes, known: i64) {
    sqlx::query(
        "INSERT INTO tenants (id, name, created_at)
         SELECT gen_random_uuid(), 'organization ' || n, now() FROM generate_series($1 + 1, $2) n",
    )
    .bind(known)
    .bind(sizes.tenants)
    .execute(&mut *owner)
    .await
    .unwrap();
    sqlx::query(
        "WITH placed AS MATERIALIZED (
             SELECT n, gen_random_uuid() AS id,
                 CASE WHEN n <= $1 THEN n WHEN n % 20 = 0 THEN 1 ELSE 1 + n % $1 END AS place
             FROM generate_series(1, $2) n
         ), added AS (
             INSERT INTO users (id, email, name, created_at)
             SELECT id, 'person' || n || '@example.org', 'Person ' || n, now() FROM placed
         )
         INSERT INTO members (tenant_id, user_id, name, email, role, created_at)
         SELECT t.id, p.id, 'Person ' || p.n, 'person' || p.n || '@example.org',
             CASE WHEN p.n <= $1 THEN 'owner' ELSE 'developer' END, now()
         FROM placed p JOIN tenants t ON t.name = 'organization ' || p.place",
    )
    .bind(sizes.tenants)
    .bind(sizes.members)
    .execute(owner)
    .await
    .unwrap();
}

/// A project, an agent and cards that can be read, and a token to ask with.
async fn furnish(engine: &Engine, caller: Caller, cards: i64) -> Known {
    let project = project(engine, caller.tenant).await;
    let agent = json!({ "name": "worker", "driver": "command", "command": ["./work"] });
    let agent: NewAgent = serde_json::from_value(agent).unwrap();
    engine.agent_add(&caller, agent).await.unwrap();
    let mut made = Vec::new();
    for n in 0..cards {
        let new = json!({ "project": "demo", "title": format!("Card {n}"), "body": "Please." });
        let new: NewCard = serde_json::from_value(new).unwrap();
        made.push(
            engine
                .card_add(&caller, new, None)
                .await
                .unwrap()
                .id
                .to_string(),
        );
    }
    let scopes = Scope::ALL
        .iter()
        .copied()
        .filter(|scope| *scope != Scope::Account);
    let new = NewToken {
        name: "reader".into(),
        scopes: scopes.collect(),
        role: None,
        days: None,
    };
    let token = engine.token_create(&caller, &new).await.unwrap();
    Known {
        caller,
        token: token.token.to_string(),
        project: project.to_string(),
        cards: made,
    }
}

/// A project as it is after a runner has looked at its remote; there is none here.
async fn project(engine: &Engine, tenant: TenantId) -> ProjectId {
    let clock = TestClock::default();
    let remote = "file:///srv/demo.git".to_owned();
    let row = ProjectRow {
        id: ProjectId::new(&clock, &TestEntropy),
        name: "demo".into(),
        egress: "none".into(),
        isolation_at_least: None,
        directory: None,
        share: 1,
        record: (remote.clone(), "freehold".into(), "/".into()),
        repository: RepositoryId::new(&clock, &TestEntropy),
        remote,
        target: "main".into(),
        created_at: engine.now(),
    };
    let mut tx = engine.store().begin(tenant).await.unwrap();
    tx.project_insert(&row).await.unwrap();
    tx.commit().await.unwrap();
    row.id
}

/// Copies of what one organization has for all that have nothing, runs that ended for all cards, and
/// audit entries.
async fn things(owner: &mut PgConnection, one: &Known, sizes: Sizes) {
    let tenant = one.caller.tenant.uuid();
    for table in ["projects", "repositories", "agents"] {
        // A project's id is its organization's, so that its repository knows it.
        let sql = format!(
            "INSERT INTO {table} SELECT (jsonb_populate_record(c,
                 jsonb_build_object('tenant_id', t.id, 'id', t.id, 'project_id', t.id))).*
             FROM {table} c CROSS JOIN tenants t
             WHERE c.tenant_id = $1 AND NOT EXISTS (SELECT FROM {table} o WHERE o.tenant_id = t.id)"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(tenant);
        query.execute(&mut *owner).await.unwrap();
    }
    sqlx::query(
        "INSERT INTO cards (tenant_id, id, project_id, lane, title, body, version, created_at, updated_at, rank)
         SELECT p.tenant_id, gen_random_uuid(), p.id, 'todo', c.title, c.body, 1, now(), now(), c.rank
         FROM projects p CROSS JOIN (SELECT * FROM cards WHERE tenant_id = $1) c
         WHERE NOT EXISTS (SELECT FROM cards o WHERE o.tenant_id = p.tenant_id)",
    )
    .bind(tenant)
    .execute(&mut *owner)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO runs (tenant_id, id, project_id, card_id, agent_id, agent_name, by_user, state,
             epoch, attempt, attempts_max, land_attempt, turn, cancel_requested, target, egress,
             isolation, isolation_asked, labels, created_at, finished_at, refs_swept_at)
         SELECT c.tenant_id, gen_random_uuid(), c.project_id, c.id, a.id, 'worker', $1, 'succeeded',
             1, 1, 3, 0, 0, false, 'main', 'none', 'sandbox', 'sandbox', '{}', now(), now(), now()
         FROM cards c JOIN agents a ON a.tenant_id = c.tenant_id",
    )
    .bind(one.caller.user.uuid())
    .execute(&mut *owner)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO audit_entries (tenant_id, at, actor, action, resource, purpose)
         SELECT t.id, now() - n * interval '1 minute', 'user:' || (n % 7),
             CASE n % 3 WHEN 0 THEN 'card.add' WHEN 1 THEN 'run.start' ELSE 'member.invite' END,
             'card:' || n, ''
         FROM tenants t CROSS JOIN generate_series(1, $1) n",
    )
    .bind(sizes.audit_each)
    .execute(owner)
    .await
    .unwrap();
}
