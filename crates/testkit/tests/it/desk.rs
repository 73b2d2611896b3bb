//! What people see and mend at their desk: editing, order, history, settings, sessions.
use freehold_model::Lane;
use freehold_testkit::{App, Peer};
use freehold_wire::api::{
    Agent, Card, CardEvent, Machine, Me, Page, Project, Provider, Run, Runner, SignedIn,
};
use freehold_wire::link::{Probe, Probed};
use freehold_wire::order::{KeyRef, provider_key_purpose};
use freehold_wire::problem::Code;
use reqwest::Method;
use serde_json::{Value, json};

use crate::board::{agent, card, project};

async fn desk() -> (App, Peer, Project) {
    let app = App::start().await;
    let mut peer = Peer::enrol(&app).await;
    peer.connect().await;
    let project = project(&app, &mut peer, "demo").await;
    (app, peer, project)
}

async fn edit(app: &App, card: &Card, edit: Value, version: Option<u64>) -> Result<Card, Code> {
    let mut request = app.request(Method::PATCH, &format!("/cards/{}", card.id));
    if let Some(version) = version {
        request = request.header("if-match", format!("\"{version}\""));
    }
    app.send(request.json(&edit)).await.map_err(|p| p.code)
}

async fn put(app: &App, card: &Card, to: Value) -> Result<Card, (Code, String)> {
    app.post(&format!("/cards/{}/move", card.id), &to)
        .await
        .map_err(|p| (p.code, p.detail))
}

pub(crate) async fn order(app: &App, lane: Lane) -> Vec<String> {
    let page: Page<Card> = app.get("/cards?project=demo").await.unwrap();
    let mut cards: Vec<Card> = page.items.into_iter().filter(|c| c.lane == lane).collect();
    cards.sort_by(|a, b| a.rank.total_cmp(&b.rank).then(a.id.cmp(&b.id)));
    cards.into_iter().map(|card| card.title).collect()
}

#[tokio::test]
async fn of_two_who_edit_a_card_the_second_is_told_and_nothing_is_lost() {
    let (app, _peer, project) = desk().await;
    let made = card(&app, &project, "First words").await;
    assert_eq!(made.version, 1);
    let one = edit(&app, &made, json!({ "title": "Mine" }), Some(1))
        .await
        .unwrap();
    assert_eq!(
        (one.title.as_str(), one.body.as_str(), one.version),
        ("Mine", "Please.", 2)
    );
    let late = edit(&app, &made, json!({ "body": "Theirs" }), Some(1)).await;
    assert_eq!(late.unwrap_err(), Code::Stale);
    let shown: Card = app.get(&format!("/cards/{}", made.id)).await.unwrap();
    assert_eq!((shown.body.as_str(), shown.version), ("Please.", 2));
    // Without an edition, the last word counts.
    let forced = edit(&app, &made, json!({ "body": "Said" }), None)
        .await
        .unwrap();
    assert_eq!(
        (forced.title.as_str(), forced.body.as_str()),
        ("Mine", "Said")
    );
    for bad in [
        json!({ "title": "" }),
        json!({ "title": "x".repeat(501) }),
        json!({ "titel": "x" }),
    ] {
        assert_eq!(
            edit(&app, &made, bad, None).await.unwrap_err(),
            Code::Invalid
        );
    }
}

#[tokio::test]
async fn cards_cannot_wait_for_each_other_in_a_circle() {
    let (app, _peer, project) = desk().await;
    let (a, b, c) = (
        card(&app, &project, "a").await,
        card(&app, &project, "b").await,
        card(&app, &project, "c").await,
    );
    let b_on_a = edit(&app, &b, json!({ "depends": [a.id] }), None)
        .await
        .unwrap();
    assert_eq!((b_on_a.depends, b_on_a.unmet), (vec![a.id], vec![a.id]));
    edit(&app, &c, json!({ "depends": [b.id] }), None)
        .await
        .unwrap();
    for (card, on) in [(&a, c.id), (&a, a.id), (&b, c.id)] {
        let circle = edit(&app, card, json!({ "depends": [on] }), None).await;
        assert_eq!(circle.unwrap_err(), Code::Invalid);
    }
    edit(&app, &c, json!({ "depends": [] }), None)
        .await
        .unwrap();
    edit(&app, &a, json!({ "depends": [c.id] }), None)
        .await
        .unwrap();
}

#[tokio::test]
async fn cards_are_put_in_front_of_others_as_often_as_one_likes() {
    let (app, _peer, project) = desk().await;
    let a = card(&app, &project, "a").await;
    let b = card(&app, &project, "b").await;
    let c = card(&app, &project, "c").await;
    assert_eq!(order(&app, Lane::Backlog).await, ["a", "b", "c"]);
    put(&app, &c, json!({ "lane": "Backlog", "before": a.id }))
        .await
        .unwrap();
    assert_eq!(order(&app, Lane::Backlog).await, ["c", "a", "b"]);
    // Again and again into the same gap: more often than a double can be halved.
    for round in 0..120 {
        let (moved, other) = if round % 2 == 0 { (&c, &b) } else { (&a, &b) };
        put(
            &app,
            moved,
            json!({ "lane": "Backlog", "before": other.id }),
        )
        .await
        .unwrap();
        let wanted = if round % 2 == 0 {
            ["a", "c", "b"]
        } else {
            ["c", "a", "b"]
        };
        assert_eq!(order(&app, Lane::Backlog).await, wanted, "round {round}");
    }
    put(&app, &c, json!({ "lane": "Planning" })).await.unwrap();
    put(&app, &b, json!({ "lane": "Planning", "before": c.id }))
        .await
        .unwrap();
    assert_eq!(order(&app, Lane::Planning).await, ["b", "c"]);
    // In front of a card that is elsewhere by now: the end is a place too.
    put(&app, &a, json!({ "lane": "Test", "before": b.id }))
        .await
        .unwrap();
    assert_eq!(order(&app, Lane::Test).await, ["a"]);
}

#[tokio::test]
async fn of_two_who_move_a_card_the_second_learns_where_it_is() {
    let (app, _peer, project) = desk().await;
    let card = card(&app, &project, "Mine!").await;
    put(
        &app,
        &card,
        json!({ "lane": "Planning", "from": "Backlog" }),
    )
    .await
    .unwrap();
    let (code, detail) = put(&app, &card, json!({ "lane": "Done", "from": "Backlog" }))
        .await
        .unwrap_err();
    assert_eq!(code, Code::Conflict);
    assert!(detail.contains("it is in Planning now"), "{detail}");
    assert_eq!(order(&app, Lane::Planning).await, ["Mine!"]);
}

#[tokio::test]
async fn a_card_tells_its_history_and_can_be_put_away_and_brought_back() {
    let (app, _peer, project) = desk().await;
    agent(&app, "worker").await;
    let made = card(&app, &project, "Story").await;
    edit(&app, &made, json!({ "body": "More." }), None)
        .await
        .unwrap();
    put(&app, &made, json!({ "lane": "Planning" }))
        .await
        .unwrap();
    let act = async |what: &str| -> Result<Card, Code> {
        app.post(&format!("/cards/{}/{what}", made.id), &())
            .await
            .map_err(|p| p.code)
    };
    let away = act("archive").await.unwrap();
    assert!(away.archived_at.is_some());
    assert_eq!(order(&app, Lane::Planning).await, Vec::<String>::new());
    let shelf: Page<Card> = app.get("/cards?project=demo&archived=true").await.unwrap();
    assert_eq!(
        shelf.items.iter().map(|c| c.id).collect::<Vec<_>>(),
        [made.id]
    );
    let runs = format!("/cards/{}/runs", made.id);
    let refused = app.post::<Run>(&runs, &json!({})).await.unwrap_err();
    assert_eq!(refused.code, Code::Conflict, "{}", refused.detail);
    assert!(act("restore").await.unwrap().archived_at.is_none());
    assert_eq!(order(&app, Lane::Planning).await, ["Story"]);
    let run: Run = app.post(&runs, &json!({})).await.unwrap();
    assert_eq!(act("archive").await.unwrap_err(), Code::RunLive);
    let history: Page<CardEvent> = app
        .get(&format!("/cards/{}/history", made.id))
        .await
        .unwrap();
    let told: Vec<&str> = history.items.iter().map(|e| e.kind.as_str()).collect();
    assert_eq!(
        told,
        [
            "created",
            "edited",
            "moved",
            "archived",
            "restored",
            "run_started",
            "moved"
        ]
    );
    assert!(
        history
            .items
            .iter()
            .zip(1..)
            .all(|(event, n)| event.seq == n)
    );
    assert_eq!(history.items[2].to, Some(Lane::Planning));
    assert!(history.items[2].by.is_some() && history.items[6].by.is_none());
    assert_eq!(history.items[5].run, Some(run.id));
    let rest: Page<CardEvent> = app
        .get(&format!("/cards/{}/history?after=5&limit=1", made.id))
        .await
        .unwrap();
    assert_eq!((rest.items[0].seq, rest.next.as_deref()), (6, Some("6")));
}

#[tokio::test]
async fn a_card_that_is_asked_for_twice_with_one_key_is_one_card() {
    let (app, _peer, _project) = desk().await;
    let ask = |title: &str| {
        app.send::<Card>(
            app.request(Method::POST, "/cards")
                .header("idempotency-key", "k")
                .json(&json!({ "project": "demo", "title": title })),
        )
    };
    let (a, b) = tokio::join!(ask("One"), ask("One"));
    assert_eq!(a.unwrap().id, b.unwrap().id);
    assert_eq!(
        ask("Two").await.unwrap_err().code,
        Code::IdempotencyMismatch
    );
    assert_eq!(order(&app, Lane::Backlog).await, ["One"]);
}

/// What the runner was asked to try, and the answer that a person got.
async fn provide(
    app: &App,
    peer: &mut Peer,
    (method, path): (Method, &str),
    new: Value,
) -> (Probe, Result<Provider, Code>) {
    let ok = Probed::Provider { models: vec![] };
    let request = app.request(method, path).json(&new);
    let (made, probe) = tokio::join!(app.send::<Provider>(request), peer.answer_to(ok));
    (probe, made.map_err(|p| p.code))
}

fn sealed_for(peer: &Peer, probe: &Probe, address: &str) -> Option<Vec<u8>> {
    let Probe::Provider { provider } = probe else {
        return None;
    };
    let KeyRef::Sealed(keys) = &provider.key else {
        return None;
    };
    let ours = keys.iter().find(|key| key.runner == peer.runner)?;
    peer.unseal(&provider_key_purpose(peer.tenant, address), &ours.sealed)
}

#[tokio::test]
async fn a_key_that_is_written_is_for_the_runner_and_the_address_alone() {
    const KEY: &str = "sk-marker-5c1d";
    let (app, mut peer, _project) = desk().await;
    let new = |key: Value, address: &str| json!({ "name": "p", "kind": "openai", "base_url": address, "key": key });
    let written = new(json!({ "write": KEY }), "https://a.example/v1");
    let (probe, made) = provide(&app, &mut peer, (Method::POST, "/providers"), written).await;
    let made = made.unwrap();
    assert_eq!(
        serde_json::to_value(&made.key).unwrap(),
        json!({ "written": 1 })
    );
    let opened = sealed_for(&peer, &probe, "https://a.example/v1");
    assert_eq!(opened.as_deref(), Some(KEY.as_bytes()));
    assert_eq!(sealed_for(&peer, &probe, "https://b.example/v1"), None);

    let path = format!("/providers/{}", made.id);
    let elsewhere = app
        .request(Method::PUT, &path)
        .json(&new(json!("keep"), "https://b.example/v1"));
    assert_eq!(
        app.send::<Provider>(elsewhere).await.unwrap_err().code,
        Code::Invalid
    );
    let keep = new(json!("keep"), "https://a.example/v1");
    let (probe, kept) = provide(&app, &mut peer, (Method::PUT, &path), keep).await;
    kept.unwrap();
    assert_eq!(
        sealed_for(&peer, &probe, "https://a.example/v1").as_deref(),
        Some(KEY.as_bytes())
    );

    // Nobody is shown it, and the database does not hold it.
    let shown = app.get::<Value>("/providers").await.unwrap().to_string();
    let mut database = app.database.as_tenant(app.owner.tenant).await;
    let stored: String = sqlx::query_scalar("SELECT string_agg(p::text, '') FROM providers p")
        .fetch_one(&mut database)
        .await
        .unwrap();
    assert!(!shown.contains(KEY) && !stored.contains(KEY) && stored.contains("a.example"));
    for bad in ["", "two words", "line\nbreak"] {
        let request = app
            .request(Method::PUT, &path)
            .json(&new(json!({ "write": bad }), "https://a.example/v1"));
        assert_eq!(
            app.send::<Provider>(request).await.unwrap_err().code,
            Code::Invalid,
            "{bad:?}"
        );
    }
}

#[tokio::test]
async fn agents_and_providers_are_changed_and_removed() {
    let (app, mut peer, project) = desk().await;
    let new = json!({ "name": "p", "kind": "openai", "base_url": "https://a.example/v1", "key": { "env": "K" } });
    let (_, made) = provide(&app, &mut peer, (Method::POST, "/providers"), new.clone()).await;
    let provider = made.unwrap();
    let first = agent(&app, "worker").await;
    let path = format!("/agents/{}", first.id);
    let changed =
        json!({ "name": "builder", "driver": "builtin", "provider": "p", "timeout_s": 60 });
    let edited: Agent = app
        .send(app.request(Method::PUT, &path).json(&changed))
        .await
        .unwrap();
    assert_eq!(
        (edited.id, edited.name.as_str(), edited.timeout_s),
        (first.id, "builder", 60)
    );
    assert_eq!(
        app.get::<Page<Agent>>("/agents").await.unwrap().items,
        [edited]
    );

    let remove = |path: String| {
        let request = app.request(Method::DELETE, &path);
        async {
            crate::confirm::confirmed::<()>(&app, request)
                .await
                .map_err(|p| (p.code, p.detail))
        }
    };
    let gone = format!("/providers/{}", provider.id);
    let (code, detail) = remove(gone.clone()).await.unwrap_err();
    assert!(
        code == Code::Conflict && detail.contains("builder"),
        "{detail}"
    );
    let card = card(&app, &project, "Work").await;
    let run: Run = app
        .post(
            &format!("/cards/{}/runs", card.id),
            &json!({ "agent": "builder" }),
        )
        .await
        .unwrap();
    remove(path.clone()).await.unwrap();
    remove(gone).await.unwrap();
    // The run that was asked for still says whose it is; nobody can ask for another.
    assert_eq!(
        app.get::<Run>(&format!("/runs/{}", run.id))
            .await
            .unwrap()
            .agent,
        "builder"
    );
    assert_eq!(remove(path).await.unwrap_err().0, Code::NotFound);
    let _: Run = app
        .post(&format!("/runs/{}/cancel", run.id), &())
        .await
        .unwrap();
    let again = app
        .post::<Run>(
            &format!("/cards/{}/runs", card.id),
            &json!({ "agent": first.id }),
        )
        .await;
    assert_eq!(again.unwrap_err().code, Code::NotFound);
    // The names are free.
    agent(&app, "builder").await;
    provide(&app, &mut peer, (Method::POST, "/providers"), new)
        .await
        .1
        .unwrap();
}

#[tokio::test]
async fn a_project_is_changed_and_a_branch_that_is_not_there_is_refused() {
    let (app, mut peer, project) = desk().await;
    let path = format!("/projects/{}", project.id);
    let patch = |body: Value| app.send::<Project>(app.request(Method::PATCH, &path).json(&body));
    let named = patch(json!({ "name": "renamed", "egress": "none" }))
        .await
        .unwrap();
    assert_eq!(
        (named.name.as_str(), named.target.as_str()),
        ("renamed", "main")
    );
    let remote = |target| Probed::Remote {
        head: Some("main".into()),
        target,
        empty: false,
        commit: None,
    };
    let (none, ()) = tokio::join!(patch(json!({ "target": "x" })), peer.answer(remote(false)));
    assert_eq!(none.unwrap_err().code, Code::RemoteRefused);
    let (moved, ()) = tokio::join!(
        patch(json!({ "target": "next" })),
        peer.answer(remote(true))
    );
    assert_eq!(moved.unwrap().target, "next");
    assert_eq!(
        app.get::<Project>("/projects/renamed")
            .await
            .unwrap()
            .target,
        "next"
    );
}

#[tokio::test]
async fn a_runner_says_what_its_machine_is_and_no_more_than_people_read() {
    let app = App::start().await;
    let mut peer = Peer::enrol(&app).await;
    let before: Page<Runner> = app.get("/runners").await.unwrap();
    assert_eq!(before.items[0].machine, None);
    peer.machine = Some(Machine {
        os: format!("An OS\u{1b}[2J{}", "x".repeat(500)),
        cpus: 8,
        memory: 1 << 34,
        isolation: vec!["sandbox".into()],
        agents: vec!["codex".into(); 100],
        ..Machine::default()
    });
    peer.connect().await;
    let after: Page<Runner> = app.get("/runners").await.unwrap();
    let machine = after.items[0].machine.clone().unwrap();
    assert!(machine.os.starts_with("An OS[2Jx") && machine.os.len() <= 80);
    assert_eq!((machine.cpus, machine.memory), (8, 1 << 34));
    assert_eq!(machine.isolation, ["sandbox"]);
    assert_eq!(machine.agents.len(), 32);
}

#[tokio::test]
async fn a_revoked_runner_is_cut_off_and_stays_out() {
    let (app, mut peer, _project) = desk().await;
    let path = format!("/runners/{}", peer.runner);
    let revoke = || crate::confirm::confirmed::<()>(&app, app.request(Method::DELETE, &path));
    revoke().await.unwrap();
    while peer.hear_or_end().await.is_some() {}
    let list: Value = app.get("/runners").await.unwrap();
    assert_eq!(list["items"], json!([]));
    assert_eq!(revoke().await.unwrap_err().code, Code::NotFound);
    let nonce = peer.open().await;
    let signature = peer.sign(&nonce);
    peer.hello(signature).await;
    let refused = peer
        .hear_or_end()
        .await
        .map(|frame| format!("{:?}", frame.body));
    let told = refused.unwrap_or_default();
    assert!(
        told.contains("was revoked"),
        "a revoked runner was told: {told}"
    );
}

#[tokio::test]
async fn a_browser_has_a_session_of_its_own_and_gives_it_back() {
    let (app, _peer, _project) = desk().await;
    let me: Me = app.get("/me").await.unwrap();
    assert_eq!(
        (me.role, me.expires_at),
        (freehold_model::Role::Owner, None)
    );
    let refused = app.post::<()>("/sign-out", &()).await.unwrap_err();
    assert_eq!(
        refused.code,
        Code::Forbidden,
        "the command line's token stays"
    );
    // Whoever pastes that token gets another, which expires.
    let signed: SignedIn = app
        .post("/sign-in", &json!({ "token": app.token }))
        .await
        .unwrap();
    assert_ne!(signed.token, app.token);
    let as_browser = |method, path: &str| {
        reqwest::Client::new()
            .request(method, format!("{}/api/v1{path}", app.url()))
            .bearer_auth(&signed.token)
    };
    let mine: Me = app.send(as_browser(Method::GET, "/me")).await.unwrap();
    assert!(mine.user == me.user && mine.expires_at.is_some());
    app.send::<()>(as_browser(Method::POST, "/sign-out"))
        .await
        .unwrap();
    let after = app
        .send::<Me>(as_browser(Method::GET, "/me"))
        .await
        .unwrap_err();
    assert_eq!(after.code, Code::Unauthenticated);
}
