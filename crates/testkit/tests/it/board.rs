//! Projects, agents, cards.
use freehold_testkit::{App, Peer};
use freehold_wire::api::{Agent, Card, NewProject, Page, Project};
use freehold_wire::link::Probed;
use freehold_wire::order::Egress;
use freehold_wire::problem::Code;
use serde_json::json;

/// A project whose remote a runner said is fit.
pub(crate) async fn project(app: &App, peer: &mut Peer, name: &str) -> Project {
    let new = NewProject {
        name: name.into(),
        remote: "file:///srv/demo.git".into(),
        target: None,
        egress: Egress::default(),
        directory: None,
    };
    let fit = Probed::Remote {
        head: Some("main".into()),
        target: false,
        empty: false,
        commit: None,
    };
    let (project, ()) = tokio::join!(app.post("/projects", &new), peer.answer(fit));
    project.unwrap()
}

pub(crate) async fn agent(app: &App, name: &str) -> Agent {
    let new = json!({ "name": name, "driver": "command", "command": ["./work"] });
    app.post("/agents", &new).await.unwrap()
}

pub(crate) async fn card(app: &App, project: &Project, title: &str) -> Card {
    let new = json!({ "project": project.name, "title": title, "body": "Please." });
    app.post("/cards", &new).await.unwrap()
}

#[tokio::test]
async fn a_project_needs_a_runner_and_a_remote_that_can_be_read() {
    let app = App::start().await;
    let new = json!({ "name": "demo", "remote": "file:///nowhere.git" });
    let alone = app.post::<Project>("/projects", &new).await.unwrap_err();
    assert_eq!(alone.code, Code::NoRunner);

    let mut peer = Peer::enrol(&app).await;
    peer.connect().await;
    let failed = Probed::Failed {
        message: "no such repository".into(),
        next: "correct it".into(),
    };
    let (refused, ()) = tokio::join!(app.post::<Project>("/projects", &new), peer.answer(failed));
    let refused = refused.unwrap_err();
    assert_eq!(
        (refused.code, refused.next.as_str()),
        (Code::RemoteRefused, "correct it")
    );
    assert_eq!(
        app.get::<Page<Project>>("/projects").await.unwrap().items,
        vec![]
    );

    let made = project(&app, &mut peer, "demo").await;
    assert_eq!(
        (made.target.as_str(), made.record.reference.as_str()),
        ("main", "refs/freehold/record")
    );
    assert_eq!(app.get::<Project>("/projects/demo").await.unwrap(), made);
    let again = app.post::<Project>("/projects", &new).await.unwrap_err();
    assert_eq!(again.code, Code::Exists);
}

#[tokio::test]
async fn a_missing_target_branch_is_refused_and_an_empty_remote_is_not() {
    let app = App::start().await;
    let mut peer = Peer::enrol(&app).await;
    peer.connect().await;
    let new = json!({ "name": "demo", "remote": "file:///srv/demo.git", "target": "release" });
    let without = Probed::Remote {
        head: Some("main".into()),
        target: false,
        empty: false,
        commit: None,
    };
    let (refused, ()) = tokio::join!(app.post::<Project>("/projects", &new), peer.answer(without));
    assert!(refused.unwrap_err().detail.contains("no branch `release`"));
    let empty = Probed::Remote {
        head: None,
        target: false,
        empty: true,
        commit: None,
    };
    let (made, ()) = tokio::join!(app.post::<Project>("/projects", &new), peer.answer(empty));
    assert_eq!(made.unwrap().target, "release");
}

#[tokio::test]
async fn a_card_s_words_are_sealed_in_the_database_and_an_intent_stands_beside_the_change() {
    let app = App::start().await;
    let mut peer = Peer::enrol(&app).await;
    peer.connect().await;
    let project = project(&app, &mut peer, "demo").await;
    let card = card(&app, &project, "MARKER-TITLE-7f3a").await;
    let moved: Card = app
        .post(
            &format!("/cards/{}/move", card.id),
            &json!({ "lane": "review" }),
        )
        .await
        .unwrap();
    assert_eq!(
        (moved.title.as_str(), moved.lane.name()),
        ("MARKER-TITLE-7f3a", "Review")
    );

    let mut owner = app.database.as_tenant(app.owner.tenant).await;
    let rows: Vec<(String,)> = sqlx::query_as(
        "SELECT encode(title, 'escape') || encode(body, 'escape') FROM cards
         UNION ALL SELECT encode(change, 'escape') FROM intents",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    assert_eq!(
        rows.len(),
        3,
        "a card, and an intent for each of the two changes"
    );
    assert!(
        rows.iter()
            .all(|(text,)| !text.contains("MARKER") && !text.contains("Please"))
    );
    let looks: i64 =
        sqlx::query_scalar("SELECT count(*) FROM audit_entries WHERE action = 'content.open'")
            .fetch_one(&mut owner)
            .await
            .unwrap();
    assert!(looks > 0, "opening content leaves a trace");
}

#[tokio::test]
async fn bad_input_is_refused_in_words() {
    let app = App::start().await;
    let mut peer = Peer::enrol(&app).await;
    peer.connect().await;
    let project = project(&app, &mut peer, "demo").await;
    let refuse =
        async |body: serde_json::Value| app.post::<Card>("/cards", &body).await.unwrap_err();
    let title = refuse(json!({ "project": "demo", "title": " " })).await;
    assert_eq!(title.code, Code::Invalid);
    let absent = refuse(json!({ "project": "nope", "title": "x" })).await;
    assert_eq!(absent.code, Code::NotFound);
    let big =
        refuse(json!({ "project": "demo", "title": "x", "body": "y".repeat(2 * 1024 * 1024 + 1) }))
            .await;
    assert_eq!(big.code, Code::TooLarge);
    let unknown = refuse(json!({ "project": "demo", "title": "x", "colour": "red" })).await;
    assert!(unknown.detail.contains("colour"), "{}", unknown.detail);
    let stranger = card(&app, &project, "real").await.id.to_string();
    let other = freehold_model::CardId::new(&*app.clock, &freehold_testkit::TestEntropy);
    let missing =
        refuse(json!({ "project": "demo", "title": "x", "depends": [stranger, other] })).await;
    assert!(missing.detail.contains(&other.to_string()));
    let driver = json!({ "name": "a", "driver": "magic" });
    let driver = app.post::<Agent>("/agents", &driver).await.unwrap_err();
    assert!(driver.detail.contains("command, acp, builtin"));
}
