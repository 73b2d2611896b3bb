//! A schema that grows keeps what is in it.
use freehold_testkit::Database;
use sqlx::Executor as _;

/// What an installation of the first version had, with two cards of one project and one of another.
const FIRST: [&str; 2] = [
    include_str!("../../../store/migrations/0001_core.sql"),
    include_str!("../../../store/migrations/0002_runner_ids.sql"),
];
const ROWS: &str = "
    INSERT INTO tenants VALUES ('00000000-0000-0000-0000-000000000001', 't', now());
    INSERT INTO projects SELECT '00000000-0000-0000-0000-000000000001', p::uuid, p, 'none', '', '', '', now()
        FROM unnest(ARRAY['00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-00000000000b']) p;
    INSERT INTO cards (tenant_id, id, project_id, lane, title, body, version, created_at, updated_at)
        SELECT '00000000-0000-0000-0000-000000000001', c::uuid, p::uuid, 'Backlog', '', '', 1, now(), now()
        FROM (VALUES ('00000000-0000-0000-0000-000000000011', '00000000-0000-0000-0000-00000000000a'),
                     ('00000000-0000-0000-0000-000000000012', '00000000-0000-0000-0000-00000000000a'),
                     ('00000000-0000-0000-0000-000000000013', '00000000-0000-0000-0000-00000000000b')) v (c, p);";

#[tokio::test]
async fn cards_of_the_first_version_keep_their_order() {
    let database = Database::empty().await;
    let mut owner = database.as_owner().await;
    for step in FIRST {
        owner.execute(step).await.unwrap();
    }
    // Rows are under row-level security even for the owner: as an installation writes them.
    let mut app = database.as_app().await;
    app.execute("SELECT set_config('app.tenant', '00000000-0000-0000-0000-000000000001', false)")
        .await
        .unwrap();
    app.execute(ROWS).await.unwrap();
    owner
        .execute(include_str!("../../../store/migrations/0003_studio.sql"))
        .await
        .unwrap();
    let ranks: Vec<(String, f64)> =
        sqlx::query_as("SELECT right(id::text, 2), rank FROM cards ORDER BY id")
            .fetch_all(&mut app)
            .await
            .unwrap();
    let wanted = [("11", 1.0), ("12", 2.0), ("13", 1.0)];
    assert_eq!(ranks, wanted.map(|(id, rank)| (id.to_owned(), rank)));
    let forced: bool =
        sqlx::query_scalar("SELECT relforcerowsecurity FROM pg_class WHERE relname = 'cards'")
            .fetch_one(&mut owner)
            .await
            .unwrap();
    assert!(forced, "the owner sees every tenant's cards from now on");
}
