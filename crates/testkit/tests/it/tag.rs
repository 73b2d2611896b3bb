//! What two people may edit: who changes it says what they saw.
use std::collections::BTreeSet;

use freehold_testkit::{App, Peer};
use freehold_wire::api::WebhookMade;
use freehold_wire::link::Probed;
use freehold_wire::problem::{Code, Problem};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::board::{agent, card, project};
use crate::permission::Somebody;

/// A thing and how it is changed: where it is shown, what changes it, and what else takes a tag of it.
struct Thing {
    route: &'static str,
    shown: String,
    edit: (Method, Value),
    /// Other ways, with what is sent; in the order in which they can be gone.
    ways: Vec<(Method, &'static str, Value)>,
    /// What a runner is asked before each change.
    probed: Option<Probed>,
}

async fn things(app: &App, peer: &mut Peer) -> Vec<Thing> {
    let demo = project(app, peer, "demo").await;
    let worker = agent(app, "worker").await;
    let one = card(app, &demo, "One").await;
    let member = Somebody::member(app, app.owner.tenant, freehold_model::Role::Viewer).await;
    let hook = json!({ "address": "http://127.0.0.1:1/", "events": ["webhook.test"] });
    let hook: WebhookMade = app.post("/webhooks", &hook).await.unwrap();
    let models = Probed::Provider { models: vec![] };
    let provider = json!({ "name": "models", "kind": "openai", "base_url": "http://127.0.0.1:1/v1",
        "key": { "env": "KEY" } });
    let (made, ()) = tokio::join!(
        app.post::<Value>("/providers", &provider),
        peer.answer(models.clone())
    );
    let provider_id = made.unwrap()["id"].as_str().unwrap().to_owned();
    let thing = |route, id: &str, edit, ways| Thing {
        route,
        shown: route.replace("{}", id),
        edit,
        ways,
        probed: None,
    };
    let gone = || vec![(Method::DELETE, "", json!({}))];
    let command = json!({ "name": "worker", "driver": "command", "command": ["./other"] });
    let mut model = provider.clone();
    model["model"] = "large".into();
    vec![
        thing(
            "/cards/{}",
            &one.id.to_string(),
            (Method::PATCH, json!({ "title": "Two" })),
            vec![
                (Method::POST, "/move", json!({ "lane": "Done" })),
                (Method::POST, "/archive", json!({})),
                (Method::POST, "/restore", json!({})),
            ],
        ),
        thing(
            "/projects/{}",
            "demo",
            (Method::PATCH, json!({ "share": 2 })),
            vec![],
        ),
        thing(
            "/agents/{}",
            &worker.id.to_string(),
            (Method::PUT, command),
            gone(),
        ),
        Thing {
            probed: Some(models),
            ..thing("/providers/{}", &provider_id, (Method::PUT, model), gone())
        },
        thing(
            "/members/{}",
            &member.user.to_string(),
            (Method::PATCH, json!({ "role": "developer" })),
            gone(),
        ),
        thing(
            "/webhooks/{}",
            &hook.about.id.to_string(),
            (Method::PATCH, json!({ "events": ["run.landed"] })),
            gone(),
        ),
        thing(
            "/environments/limits",
            "",
            (Method::PATCH, json!({ "idle_minutes": 7 })),
            vec![],
        ),
    ]
}

struct Answer {
    status: StatusCode,
    tag: Option<String>,
    body: String,
}

impl Answer {
    fn code(&self) -> Code {
        let problem: Problem = serde_json::from_str(&self.body).unwrap();
        problem.code
    }
}

async fn send(
    app: &App,
    method: &Method,
    path: &str,
    header: Option<(&str, &str)>,
    body: Option<&Value>,
) -> Answer {
    let mut request = app.request(method.clone(), path);
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    let again = request.try_clone().unwrap();
    let mut response = request.send().await.unwrap();
    // A person says twice what cannot be taken back.
    if response.status() == 428 {
        let asked: Problem = response.json().await.unwrap();
        let again = again.header("confirmation", asked.confirmation.unwrap());
        response = again.send().await.unwrap();
    }
    let tag = response.headers().get("etag");
    Answer {
        status: response.status(),
        tag: tag.map(|tag| tag.to_str().unwrap().to_owned()),
        body: response.text().await.unwrap(),
    }
}

#[tokio::test]
async fn of_two_who_saw_the_same_one_changes_it_and_the_other_is_told() {
    let app = App::start().await;
    let mut peer = Peer::enrol(&app).await;
    peer.connect().await;
    let mut tried = BTreeSet::new();
    for thing in things(&app, &mut peer).await {
        let at = thing.route;
        let show = async |known: Option<&str>| {
            let header = known.map(|tag| ("if-none-match", tag));
            send(&app, &Method::GET, &thing.shown, header, None).await
        };
        let (method, body) = &thing.edit;
        tried.insert(format!("{method} {at}"));
        let edit = async |tag: &str| {
            send(
                &app,
                method,
                &thing.shown,
                Some(("if-match", tag)),
                Some(body),
            )
            .await
        };
        let seen = show(None).await;
        assert_eq!(seen.status, 200, "{at}: {}", seen.body);
        let tag = seen.tag.unwrap();
        for known in [
            tag.clone(),
            format!("W/{tag}"),
            format!("\"x\", {tag}"),
            "*".into(),
        ] {
            let same = show(Some(&known)).await;
            assert_eq!(
                (same.status.as_u16(), same.body.as_str()),
                (304, ""),
                "{at}: {known}"
            );
            assert_eq!(same.tag.as_ref(), Some(&tag));
        }
        assert_eq!(show(Some("\"x\"")).await.status, 200);
        // Neither another state nor one that is only alike; and nothing is changed then.
        for other in ["\"x\"".to_owned(), format!("W/{tag}")] {
            let stale = edit(&other).await;
            assert_eq!(
                (stale.status.as_u16(), stale.code()),
                (412, Code::Stale),
                "{at}"
            );
        }
        assert_eq!(edit("x").await.code(), Code::Invalid, "{at}");
        assert_eq!(show(None).await.body, seen.body, "{at}");
        for (method, way, body) in &thing.ways {
            tried.insert(format!("{method} {at}{way}"));
            let path = format!("{}{way}", thing.shown);
            let stale = send(&app, method, &path, Some(("if-match", "\"x\"")), Some(body)).await;
            assert_eq!(stale.code(), Code::Stale, "{method} {at}{way}");
        }
        // Two at once.
        let both = async { tokio::join!(edit(&tag), edit(&tag)) };
        let (one, two) = match &thing.probed {
            None => both.await,
            Some(probed) => {
                let answers = async {
                    peer.answer(probed.clone()).await;
                    peer.answer(probed.clone()).await;
                };
                tokio::join!(both, answers).0
            }
        };
        let mut both = [one, two];
        both.sort_by_key(|answer| answer.status);
        assert_eq!(both[0].status, 200, "{at}: {}", both[0].body);
        assert_eq!(both[1].status, 412, "{at}: {}", both[1].body);
        // Who changed it knows its present state, and goes on from there.
        let now = both[0].tag.clone().unwrap();
        assert_ne!(now, tag, "{at}");
        assert_eq!(show(Some(&now)).await.status, 304, "{at}");
        for (method, way, body) in &thing.ways {
            let path = format!("{}{way}", thing.shown);
            let done = send(&app, method, &path, Some(("if-match", &now)), Some(body)).await;
            assert!(
                done.status.is_success(),
                "{method} {at}{way}: {}",
                done.body
            );
        }
    }
    // Every way to change what is there already, as the description says.
    let description: Value = serde_json::from_str(&freehold_server::openapi()).unwrap();
    let mut described = BTreeSet::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let takes = operation["parameters"]
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one["name"] == "if-match"));
            // What a group is here is said as a whole, and nothing of it is shown alone.
            let edits = ["put", "patch"].contains(&method.as_str()) && path != "/group-roles";
            assert!(takes || !edits, "{method} {path} takes no tag");
            if takes {
                let inside = path
                    .split('/')
                    .map(|part| if part.starts_with('{') { "{}" } else { part });
                let path = inside.collect::<Vec<_>>().join("/");
                described.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    assert_eq!(described, tried);
}
