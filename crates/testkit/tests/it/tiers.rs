//! How strongly runs are kept apart: chosen, demanded, placed where it was proven, kept as facts.
use freehold_model::run::State;
use freehold_model::{Isolation, Limit, Reason};
use freehold_testkit::peer::work;
use freehold_testkit::{App, Peer, eventually};
use freehold_wire::api::{Agent, Bound, InForce, Machine, Page, Project, Run};
use freehold_wire::link::{Finished, Up};
use freehold_wire::problem::Code;
use reqwest::Method;
use serde_json::{Value, json};

use crate::board::{card, project};
use crate::faults::{finished, order};
use crate::link::run;

async fn with_machine(isolation: &[&str]) -> (App, Peer, Project) {
    let app = App::start().await;
    let mut peer = Peer::enrol(&app).await;
    peer.machine = Some(Machine {
        isolation: isolation.iter().map(|name| (*name).to_owned()).collect(),
        ..Machine::default()
    });
    peer.connect().await;
    let project = project(&app, &mut peer, "demo").await;
    (app, peer, project)
}

fn worker(more: Value) -> Value {
    let mut agent = json!({ "name": "worker", "driver": "command", "command": ["./work"] });
    agent
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    agent
}

async fn start(app: &App, project: &Project) -> Run {
    let card = card(app, project, "Mend the test").await;
    let path = format!("/cards/{}/runs", card.id);
    app.post(&path, &json!({})).await.unwrap()
}

#[tokio::test]
async fn an_agent_s_isolation_and_limits_are_signed_and_wait_for_a_machine_that_has_them() {
    let (app, mut peer, project) = with_machine(&["sandbox", "from-the-future"]).await;
    let limits = json!({ "memory": 1 << 30, "tasks": 100 });
    let wanted =
        worker(json!({ "isolation": "container", "image": "/srv/debian", "limits": limits }));
    let agent: Agent = app.post("/agents", &wanted).await.unwrap();
    assert_eq!(agent.isolation, Isolation::Container);
    assert_eq!(agent.image.as_deref(), Some("/srv/debian"));
    let asked = start(&app, &project).await;
    let waits = eventually("the run waits", || async {
        let run = run(&app, asked.id).await;
        (run.reason == Some(Reason::NoRunnerWithIsolation)).then_some(run)
    })
    .await;
    let why = waits.detail.unwrap();
    assert!(why.contains("isolation `container`"), "{why}");
    // The same runner, on a machine that can by now.
    peer.machine
        .as_mut()
        .unwrap()
        .isolation
        .push("container".into());
    peer.vanish();
    peer.connect().await;
    let offer = peer.offer().await;
    let order = order(&peer, &offer);
    assert_eq!(order.isolation, Isolation::Container);
    assert_eq!(order.image.as_deref(), Some("/srv/debian"));
    assert_eq!(order.limits, agent.limits);
    assert_eq!(order.limits[&Limit::Tasks], 100);
}

#[tokio::test]
async fn a_projects_folder_is_in_its_orders_and_only_a_plain_path_is_one() {
    let (app, mut peer, project) = with_machine(&["sandbox"]).await;
    assert_eq!(project.directory, None);
    let path = format!("/projects/{}", project.id);
    let edit = |directory: &str| {
        let body = json!({ "directory": directory });
        app.send::<Project>(app.request(Method::PATCH, &path).json(&body))
    };
    for bad in ["../x", "/etc", "a/../b", "a//b", ".git", "a*"] {
        let refused = edit(bad).await.unwrap_err();
        assert_eq!(refused.code, Code::Invalid, "{bad}");
        assert!(
            refused.detail.contains("no folder of a repository"),
            "{}",
            refused.detail
        );
        let new = json!({ "name": "b", "remote": "file:///srv/b.git", "directory": bad });
        let refused = app.post::<Project>("/projects", &new).await.unwrap_err();
        assert_eq!(refused.code, Code::Invalid, "{bad}");
    }
    let edited = edit("services/api/").await.unwrap();
    assert_eq!(edited.directory.as_deref(), Some("services/api"));
    app.post::<Agent>("/agents", &worker(json!({})))
        .await
        .unwrap();
    start(&app, &project).await;
    let offer = peer.offer().await;
    let order = order(&peer, &offer);
    assert_eq!(order.project.directory.unwrap().as_str(), "services/api");
    // What somebody else changes leaves it; `.` and nothing mean the whole repository.
    let body = json!({ "egress": "none" });
    let other = app.send::<Project>(app.request(Method::PATCH, &path).json(&body));
    assert_eq!(
        other.await.unwrap().directory.as_deref(),
        Some("services/api")
    );
    assert_eq!(edit(".").await.unwrap().directory, None);
}

#[tokio::test]
async fn a_project_demands_a_least_and_what_cannot_be_is_refused() {
    let (app, mut peer, project) = with_machine(&["sandbox", "vm"]).await;
    let path = format!("/projects/{}", project.id);
    let edit = |least: &str| {
        let body = json!({ "isolation_at_least": least });
        app.send::<Project>(app.request(Method::PATCH, &path).json(&body))
    };
    assert_eq!(
        edit("vm").await.unwrap().isolation_at_least,
        Some(Isolation::Vm)
    );
    let loose = worker(json!({ "isolation": "none" }));
    app.post::<Agent>("/agents", &loose).await.unwrap();
    let asked = start(&app, &project).await;
    assert_eq!(asked.isolation, "vm", "the stronger of the two");
    let offer = peer.offer().await;
    assert_eq!(order(&peer, &offer).isolation, Isolation::Vm);
    assert_eq!(edit("none").await.unwrap().isolation_at_least, None);
    for bad in [
        json!({ "name": "b", "isolation": "moat" }),
        json!({ "name": "b", "isolation": "vm", "image": "debian" }),
        json!({ "name": "b", "isolation": "container", "image": "--privileged" }),
        json!({ "name": "b", "limits": { "moat": 1 } }),
        json!({ "name": "b", "limits": { "memory": 1 } }),
    ] {
        let refused = app.post::<Agent>("/agents", &worker(bad.clone())).await;
        assert_eq!(refused.unwrap_err().code, Code::Invalid, "{bad}");
    }
    // An image has no place in what the project demands: said when it is asked for.
    let boxed = worker(json!({ "name": "boxed", "isolation": "container", "image": "debian" }));
    app.post::<Agent>("/agents", &boxed).await.unwrap();
    edit("vm").await.unwrap();
    let card = card(&app, &project, "Another").await;
    let path = format!("/cards/{}/runs", card.id);
    let refused = app.post::<Run>(&path, &json!({ "agent": "boxed" })).await;
    assert_eq!(refused.unwrap_err().code, Code::Conflict);
}

#[tokio::test]
async fn what_was_in_force_is_kept_with_the_run_and_left_out_of_lists() {
    let (app, mut peer, project) = with_machine(&["sandbox"]).await;
    app.post::<Agent>("/agents", &worker(json!({})))
        .await
        .unwrap();
    let asked = start(&app, &project).await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let fact = InForce {
        epoch: 77,
        step: "agent".into(),
        isolation: Isolation::Sandbox,
        launcher: Some("bubblewrap 0.8.0".into()),
        landlock: Some(6),
        cgroup: Some("v1".into()),
        own_uid: true,
        filter: true,
        limits: vec![Bound {
            limit: "memory".into(),
            value: 1 << 31,
            held: true,
            used: Some(1 << 20),
        }],
        cpu_ms: Some(5),
        wall_ms: 10,
        hit: None,
    };
    let done = Finished {
        isolation: Some("sandbox".into()),
        in_force: vec![fact.clone()],
        ..finished(&offer, work(&offer, &"c".repeat(40)))
    };
    let seq = peer.put(Up::Finished(Box::new(done))).await;
    peer.acknowledged(seq).await;
    let shown = run(&app, asked.id).await;
    assert_eq!(shown.state, State::Waiting);
    let kept = InForce {
        epoch: offer.epoch,
        ..fact
    };
    assert_eq!(shown.in_force, [kept], "under the epoch that reported it");
    let list: Page<Run> = app.get("/runs").await.unwrap();
    assert!(list.items[0].in_force.is_empty());
    // A later job adds its own; a run that was kept before there were facts has none.
    let reply = json!({ "text": "go on" });
    app.post::<Run>(&format!("/runs/{}/reply", asked.id), &reply)
        .await
        .unwrap();
    let next = peer.offer().await;
    peer.accept(&next).await;
    let done = Finished {
        in_force: vec![InForce {
            step: "check:a".into(),
            ..shown.in_force[0].clone()
        }],
        ..finished(&next, work(&next, &"d".repeat(40)))
    };
    let seq = peer.put(Up::Finished(Box::new(done))).await;
    peer.acknowledged(seq).await;
    let shown = run(&app, asked.id).await;
    let steps: Vec<(u32, &str)> = shown
        .in_force
        .iter()
        .map(|step| (step.epoch, step.step.as_str()))
        .collect();
    assert_eq!(steps, [(1, "agent"), (2, "check:a")]);
}
