//! Environments: begun, reused, limited, stopped, counted, and followed through every death.
use chrono::TimeDelta;
use freehold_model::EnvironmentId;
use freehold_model::environment::State;
use freehold_testkit::peer::{reference, work};
use freehold_testkit::{App, Peer, eventually};
use freehold_wire::api::{Environment, EnvironmentLimits, EnvironmentUsage, Page, Project, Run};
use freehold_wire::content::{Content, Place};
use freehold_wire::dsse::Envelope;
use freehold_wire::dsse::ed25519::VerifyingKey;
use freehold_wire::link::{
    Down, EnvironmentNews, EnvironmentState, Frame, Heartbeat, JobRef, Offer, Up, as_run,
};
use freehold_wire::order::{ORDER, Order, Task};
use freehold_wire::problem::Code;
use reqwest::Method;
use serde_json::json;

use crate::board::{agent, card, project};
use crate::link::run;

/// A connected runner that knows of environments, and so many projects.
async fn desk(projects: &[&str]) -> (App, Peer, Vec<Project>) {
    let app = App::start().await;
    let mut peer = aware(&app).await;
    peer.connect().await;
    let mut made = Vec::new();
    for name in projects {
        made.push(project(&app, &mut peer, name).await);
    }
    agent(&app, "worker").await;
    (app, peer, made)
}

async fn aware(app: &App) -> Peer {
    let mut peer = Peer::enrol(app).await;
    peer.environments = Some(vec![]);
    peer
}

async fn begin(app: &App, project: &str) -> Environment {
    let path = format!("/projects/{project}/environments");
    app.post(&path, &json!({})).await.unwrap()
}

async fn stop(app: &App, id: EnvironmentId) -> Environment {
    app.post(&format!("/environments/{id}/stop"), &json!({}))
        .await
        .unwrap()
}

async fn shown(app: &App, id: EnvironmentId) -> Environment {
    app.get(&format!("/environments/{id}")).await.unwrap()
}

/// Waits until an environment is in this state.
async fn becomes(app: &App, id: EnvironmentId, state: State) -> Environment {
    eventually(&format!("{id} is {state}"), || async {
        let now = shown(app, id).await;
        (now.state == state).then_some(now)
    })
    .await
}

async fn listed(app: &App, query: &str) -> Vec<Environment> {
    let page: Page<Environment> = app.get(&format!("/environments{query}")).await.unwrap();
    page.items
}

async fn say(peer: &mut Peer, environment: EnvironmentId, state: EnvironmentState) {
    let news = EnvironmentNews { environment, state };
    let seq = peer.put(Up::Environment(Box::new(news))).await;
    peer.acknowledged(seq).await;
}

async fn ready(peer: &mut Peer, id: EnvironmentId) {
    peer.environments.get_or_insert_default().push(id);
    say(peer, id, EnvironmentState::Ready {}).await;
}

async fn cleared(peer: &mut Peer, id: EnvironmentId) {
    peer.environments
        .get_or_insert_default()
        .retain(|held| *held != id);
    say(peer, id, EnvironmentState::Stopped { kept: vec![] }).await;
}

async fn told_to_stop(peer: &mut Peer) -> EnvironmentId {
    peer.until(|down| match down {
        Down::EnvironmentStop(stop) => Some(stop.environment),
        _ => None,
    })
    .await
}

/// A sign of life; gives what came back up to its acknowledgement.
async fn heartbeat(peer: &mut Peer, jobs: Vec<JobRef>) -> Vec<Down> {
    let environments = peer.environments.clone();
    peer.say(&Frame::new(Up::Heartbeat(Heartbeat { jobs, environments })))
        .await;
    let mut said = Vec::new();
    loop {
        match peer.hear().await.body {
            Down::Ack {} => return said,
            other => said.push(other),
        }
    }
}

async fn start(app: &App, project: &Project, title: &str) -> Run {
    let card = card(app, project, title).await;
    app.post(&format!("/cards/{}/runs", card.id), &json!({}))
        .await
        .unwrap()
}

/// A run that has begun on the runner.
async fn begun(app: &App, peer: &mut Peer, project: &Project) -> (Offer, EnvironmentId) {
    start(app, project, "Work").await;
    let offer = peer.offer().await;
    let seq = peer.accept(&offer).await;
    peer.acknowledged(seq).await;
    let id = offer.environment.unwrap();
    let held = peer.environments.get_or_insert_default();
    if !held.contains(&id) {
        held.push(id);
    }
    (offer, id)
}

/// The run now waits for a person.
async fn done(peer: &mut Peer, offer: &Offer) {
    let seq = peer.finish(offer, work(offer, &"c".repeat(40))).await;
    peer.acknowledged(seq).await;
}

async fn most(app: &App, most: u32) {
    let edit = app
        .request(Method::PATCH, "/environments/limits")
        .json(&json!({ "most": most }));
    let limits: EnvironmentLimits = app.send(edit).await.unwrap();
    assert_eq!(limits.most, most);
}

#[tokio::test]
async fn a_person_begins_one_and_stops_it_and_each_asked_twice_is_one() {
    let (app, mut peer, projects) = desk(&["demo"]).await;
    assert_eq!(listed(&app, "").await, vec![]);
    let asked = begin(&app, "demo").await;
    assert_eq!((asked.project, asked.jobs), (projects[0].id, 0));
    for (name, value) in [
        ("tenant_id", app.owner.tenant.to_string()),
        ("project_id", projects[0].id.to_string()),
        ("plan", "local".into()),
        ("env_type", "dev".into()),
    ] {
        assert_eq!(asked.labels[name], value);
    }
    let start = peer
        .until(|down| match down {
            Down::EnvironmentStart(start) => Some((**start).clone()),
            _ => None,
        })
        .await;
    assert_eq!(start.environment, asked.id);
    let place = Place::new(peer.tenant, as_run(asked.id), "order/prepare", 0);
    let sealed = Content::from_bytes(start.order);
    let plain = peer.key.as_ref().unwrap().open(&place, &sealed).unwrap();
    let envelope: Envelope = serde_json::from_slice(&plain).unwrap();
    let pinned = VerifyingKey::from_bytes(peer.order_key.as_slice().try_into().unwrap()).unwrap();
    let order: Order = envelope.verify(ORDER, &pinned).unwrap();
    let Task::Prepare(prepare) = order.task else {
        panic!("not a preparation")
    };
    assert_eq!(prepare.environment, asked.id);
    assert_eq!(order.project.remote, "file:///srv/demo.git");

    let starting = becomes(&app, asked.id, State::Starting).await;
    assert_eq!(starting.runner, Some(peer.runner));
    assert_eq!(begin(&app, "demo").await.id, asked.id, "the same one");
    ready(&mut peer, asked.id).await;
    let is_ready = shown(&app, asked.id).await;
    assert_eq!(is_ready.state, State::Ready);
    assert!(is_ready.started_at.is_some() && is_ready.idle_until.is_some());
    assert_eq!(shown(&app, asked.id).await, is_ready);
    let by_name: Environment = app.get("/environments/demo").await.unwrap();
    assert_eq!(by_name, is_ready);

    let stopping = stop(&app, asked.id).await;
    assert_eq!(
        (stopping.state, stopping.reason.as_deref()),
        (State::Stopping, Some("asked"))
    );
    assert_eq!(told_to_stop(&mut peer).await, asked.id);
    assert_eq!(stop(&app, asked.id).await.state, State::Stopping);
    let kept = as_run(asked.id);
    peer.environments = Some(vec![]);
    say(
        &mut peer,
        asked.id,
        EnvironmentState::Stopped { kept: vec![kept] },
    )
    .await;
    let stopped = shown(&app, asked.id).await;
    assert_eq!(
        (stopped.state, &stopped.kept),
        (State::Stopped, &vec![kept])
    );
    assert_eq!(stop(&app, asked.id).await, stopped, "it has ended");
    let next = begin(&app, "demo").await;
    assert_ne!(next.id, asked.id);
    assert_eq!(listed(&app, "?active=false").await, vec![stopped]);
    assert_eq!(
        listed(&app, "?active=true&project=demo").await[0].id,
        next.id
    );
    let nothing = app.get::<Environment>("/environments/nothing").await;
    assert_eq!(nothing.unwrap_err().code, Code::NotFound);
}

#[tokio::test]
async fn a_job_begins_one_and_the_next_job_uses_it_until_it_was_idle_for_too_long() {
    let (app, mut peer, projects) = desk(&["demo"]).await;
    let (offer, id) = begun(&app, &mut peer, &projects[0]).await;
    assert_eq!(becomes(&app, id, State::Busy).await.jobs, 1);
    done(&mut peer, &offer).await;
    let idle = becomes(&app, id, State::Idle).await;
    assert_eq!(
        idle.idle_until,
        Some(idle.last_active_at + TimeDelta::minutes(30))
    );
    let (offer, again) = begun(&app, &mut peer, &projects[0]).await;
    assert_eq!(again, id);
    becomes(&app, id, State::Busy).await;
    done(&mut peer, &offer).await;
    let idle = becomes(&app, id, State::Idle).await;

    app.clock.advance(TimeDelta::minutes(29));
    heartbeat(&mut peer, vec![]).await;
    assert_eq!(shown(&app, id).await.state, State::Idle);
    app.clock.advance(TimeDelta::minutes(2));
    assert_eq!(told_to_stop(&mut peer).await, id);
    let stopping = becomes(&app, id, State::Stopping).await;
    assert_eq!(stopping.reason.as_deref(), Some("idle"));
    // A reply comes just then: it waits for the end, and begins anew.
    let path = format!("/runs/{}/reply", offer.run);
    app.post::<Run>(&path, &json!({ "text": "And the docs" }))
        .await
        .unwrap();
    eventually("the run says what it waits for", || async {
        let waits = run(&app, offer.run).await;
        let detail = waits.detail.unwrap_or_default();
        detail.contains("being stopped").then_some(())
    })
    .await;
    cleared(&mut peer, id).await;
    let resumed = peer.offer().await;
    assert_eq!(resumed.run, offer.run);
    assert_eq!(resumed.work.as_ref().unwrap().commit, "c".repeat(40));
    assert!(resumed.environment.is_some_and(|new| new != id));
    assert!(shown(&app, id).await.stopped_at > Some(idle.last_active_at));
}

#[tokio::test]
async fn at_the_limit_an_idle_one_makes_room_and_else_the_run_says_what_it_waits_for() {
    let (app, mut peer, projects) = desk(&["one", "two", "three"]).await;
    most(&app, 2).await;
    let too_many = app
        .request(Method::PATCH, "/environments/limits")
        .json(&json!({ "most": 100_000 }));
    let refused = app.send::<EnvironmentLimits>(too_many).await.unwrap_err();
    assert_eq!(refused.code, Code::Invalid);
    peer.capacity = 5;
    peer.connect().await;
    let (first, idle) = begun(&app, &mut peer, &projects[0]).await;
    done(&mut peer, &first).await;
    becomes(&app, idle, State::Idle).await;
    let (busy, in_use) = begun(&app, &mut peer, &projects[1]).await;
    becomes(&app, in_use, State::Busy).await;

    let third = start(&app, &projects[2], "Third").await;
    assert_eq!(
        told_to_stop(&mut peer).await,
        idle,
        "not the one with a job"
    );
    assert_eq!(shown(&app, idle).await.reason.as_deref(), Some("made_room"));
    let waits = eventually("the run waits with its reason", || async {
        let now = run(&app, third.id).await;
        now.reason.is_some().then_some(now)
    })
    .await;
    assert_eq!(waits.reason.unwrap().code(), "environment_limit");
    assert_eq!(
        waits.detail.as_deref(),
        Some("2 of 2 environments of the plan `local` are in use")
    );
    cleared(&mut peer, idle).await;
    let offer = peer.offer().await;
    assert_eq!(offer.run, third.id);
    let seq = peer.accept(&offer).await;
    peer.acknowledged(seq).await;

    // Now both are busy: the fourth waits, and begins when one of them is idle.
    let fourth = start(&app, &projects[0], "Fourth").await;
    eventually("the run waits with its reason", || async {
        let now = run(&app, fourth.id).await;
        now.reason
            .filter(|reason| reason.code() == "environment_limit")
    })
    .await;
    assert_eq!(run(&app, busy.run).await.state.name(), "running");
    done(&mut peer, &busy).await;
    assert_eq!(told_to_stop(&mut peer).await, in_use);
    cleared(&mut peer, in_use).await;
    assert_eq!(peer.offer().await.run, fourth.id);
    let limits: EnvironmentLimits = app.get("/environments/limits").await.unwrap();
    assert_eq!((limits.placed, limits.most), (2, 2));
}

#[tokio::test]
async fn a_job_goes_where_its_project_is_warm() {
    let (app, mut first, projects) = desk(&["demo", "other"]).await;
    let (offer, id) = begun(&app, &mut first, &projects[0]).await;
    done(&mut first, &offer).await;
    becomes(&app, id, State::Idle).await;
    let mut roomy = aware(&app).await;
    roomy.capacity = 50;
    roomy.connect().await;
    start(&app, &projects[0], "Again").await;
    assert_eq!(first.offer().await.environment, Some(id));
    start(&app, &projects[1], "Elsewhere").await;
    assert_ne!(roomy.offer().await.environment, Some(id));
}

#[tokio::test]
async fn it_ends_with_its_runner_and_what_nobody_knows_of_is_cleared() {
    let (app, mut peer, projects) = desk(&["demo"]).await;
    let (offer, id) = begun(&app, &mut peer, &projects[0]).await;
    done(&mut peer, &offer).await;
    becomes(&app, id, State::Idle).await;
    peer.say(&Frame::new(Up::Draining {})).await;
    let drained = becomes(&app, id, State::Stopped).await;
    assert_eq!(drained.reason.as_deref(), Some("runner_draining"));

    // It comes back with what it had: that is warm, and the next job takes it over.
    let stranger = as_run(id).uuid().as_u128() + 1;
    let stranger = EnvironmentId::from_uuid(uuid::Uuid::from_u128(stranger));
    peer.environments = Some(vec![id, stranger]);
    peer.connect().await;
    assert_eq!(told_to_stop(&mut peer).await, stranger, "nobody knows it");
    let said = heartbeat(&mut peer, vec![]).await;
    let warm = said
        .iter()
        .filter(|down| matches!(down, Down::EnvironmentStop(stop) if stop.environment == id));
    assert_eq!(warm.count(), 0, "{said:?}");
    app.clock.advance(TimeDelta::minutes(31));
    let said = heartbeat(&mut peer, vec![]).await;
    assert!(
        said.iter()
            .any(|down| matches!(down, Down::EnvironmentStop(stop) if stop.environment == id))
    );
    peer.environments = Some(vec![]);

    let (offer, id) = begun(&app, &mut peer, &projects[0]).await;
    done(&mut peer, &offer).await;
    becomes(&app, id, State::Idle).await;
    peer.vanish();
    eventually("the runner is away", || async {
        let runners: serde_json::Value = app.get("/runners").await.unwrap();
        (runners["items"][0]["state"] == "offline").then_some(())
    })
    .await;
    app.clock.advance(TimeDelta::minutes(4));
    assert_eq!(
        shown(&app, id).await.state,
        State::Idle,
        "it may be restarting"
    );
    app.clock.advance(TimeDelta::minutes(2));
    let gone = becomes(&app, id, State::Failed).await;
    assert_eq!(gone.reason.as_deref(), Some("runner_gone"));

    peer.connect().await;
    let (_, id) = begun(&app, &mut peer, &projects[0]).await;
    let revoke = app.request(Method::DELETE, &format!("/runners/{}", peer.runner));
    crate::confirm::confirmed::<()>(&app, revoke).await.unwrap();
    let revoked = becomes(&app, id, State::Failed).await;
    assert_eq!(revoked.reason.as_deref(), Some("runner_revoked"));
}

#[tokio::test]
async fn a_place_that_a_runner_lost_is_begun_anew() {
    let (app, mut peer, projects) = desk(&["demo"]).await;
    let (offer, id) = begun(&app, &mut peer, &projects[0]).await;
    done(&mut peer, &offer).await;
    becomes(&app, id, State::Idle).await;
    peer.environments = Some(vec![]);
    let said = heartbeat(&mut peer, vec![]).await;
    assert!(
        said.iter()
            .any(|down| matches!(down, Down::EnvironmentStop(stop) if stop.environment == id)),
        "{said:?}"
    );
    cleared(&mut peer, id).await;
    let stopped = shown(&app, id).await;
    assert_eq!(
        (stopped.state, stopped.reason.as_deref()),
        (State::Stopped, Some("place_gone"))
    );
    let (_, next) = begun(&app, &mut peer, &projects[0]).await;
    assert_ne!(next, id);
}

#[tokio::test]
async fn hours_are_counted_by_heartbeats_and_a_gap_is_nobodys() {
    let (app, mut peer, projects) = desk(&["demo", "other"]).await;
    let (offer, id) = begun(&app, &mut peer, &projects[0]).await;
    becomes(&app, id, State::Busy).await;
    for _ in 0..6 {
        app.clock.advance(TimeDelta::seconds(10));
        heartbeat(&mut peer, vec![reference(&offer)]).await;
    }
    let after_a_minute = shown(&app, id).await.active_s;
    assert!((60..65).contains(&after_a_minute), "{after_a_minute}");
    done(&mut peer, &offer).await;
    becomes(&app, id, State::Idle).await;
    // The server, or the runner, was not there for ten minutes.
    app.clock.advance(TimeDelta::minutes(10));
    heartbeat(&mut peer, vec![]).await;
    let after_the_gap = shown(&app, id).await.active_s;
    assert!(after_the_gap < after_a_minute + 5, "{after_the_gap}");
    stop(&app, id).await;
    app.clock.advance(TimeDelta::seconds(20));
    cleared(&mut peer, id).await;
    let in_all = shown(&app, id).await.active_s;
    assert!((80..90).contains(&in_all), "{in_all}");

    let usage: EnvironmentUsage = app.get("/environments/usage?project=demo").await.unwrap();
    assert_eq!(usage.seconds, in_all);
    assert!(usage.days.iter().all(|day| day.project == projects[0].id));
    assert_eq!((usage.to - usage.from).num_days(), 30);
    let other: EnvironmentUsage = app.get("/environments/usage?project=other").await.unwrap();
    assert_eq!((other.seconds, other.days), (0, vec![]));
    for wrong in [
        "from=2026-02-01&to=2026-01-01",
        "from=2020-01-01&to=2026-01-01",
        "from=x",
    ] {
        let refused = app
            .get::<EnvironmentUsage>(&format!("/environments/usage?{wrong}"))
            .await;
        assert_eq!(refused.unwrap_err().code, Code::Invalid, "{wrong}");
    }
}

/// The server's next life finds each state as it was, and each comes to its end.
#[tokio::test]
async fn a_server_may_end_in_every_state() {
    let (mut app, mut peer, projects) = desk(&["demo"]).await;
    peer.vanish();
    let id = begin(&app, "demo").await.id;
    assert_eq!(shown(&app, id).await.state, State::Requested);
    let mut offer = None;
    for state in [
        State::Requested,
        State::Starting,
        State::Ready,
        State::Busy,
        State::Idle,
        State::Stopping,
    ] {
        match state {
            State::Starting => peer.connect().await,
            State::Ready => ready(&mut peer, id).await,
            State::Busy => offer = Some(begun(&app, &mut peer, &projects[0]).await.0),
            State::Idle => done(&mut peer, offer.as_ref().unwrap()).await,
            State::Stopping => drop(stop(&app, id).await),
            _ => {}
        }
        becomes(&app, id, state).await;
        app = app.restart().await;
        if state != State::Requested {
            peer.connect().await;
            let jobs = offer.iter().filter(|_| state == State::Busy);
            let jobs = jobs.map(reference).collect();
            let said = heartbeat(&mut peer, jobs).await;
            let again =
                |down: &Down| matches!(down, Down::EnvironmentStart(s) if s.environment == id);
            assert_eq!(said.iter().any(again), state == State::Starting, "{said:?}");
            let clear =
                |down: &Down| matches!(down, Down::EnvironmentStop(s) if s.environment == id);
            assert_eq!(said.iter().any(clear), state == State::Stopping, "{said:?}");
        }
        assert_eq!(shown(&app, id).await.state, state, "after the restart");
    }
    heartbeat(&mut peer, vec![]).await;
    cleared(&mut peer, id).await;
    assert_eq!(shown(&app, id).await.state, State::Stopped);
}

#[tokio::test]
async fn what_cannot_be_made_ready_says_why_and_lists_go_on() {
    let (app, mut peer, projects) = desk(&["demo"]).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let id = begin(&app, "demo").await.id;
        becomes(&app, id, State::Starting).await;
        let place = Place::new(peer.tenant, as_run(id), "detail", 0);
        let key = peer.key.as_ref().unwrap();
        let words = b"setup: exit code 2";
        let sealed = key
            .seal(&place, words, &freehold_testkit::TestEntropy)
            .unwrap();
        let failed = EnvironmentState::Failed {
            reason: freehold_model::Reason::SetupFailed,
            detail: Some(sealed.into_bytes()),
        };
        say(&mut peer, id, failed).await;
        let failed = shown(&app, id).await;
        assert_eq!(failed.state, State::Failed);
        assert_eq!(failed.reason.as_deref(), Some("setup_failed"));
        assert_eq!(failed.detail.as_deref(), Some("setup: exit code 2"));
        // Said late, it changes nothing.
        say(&mut peer, id, EnvironmentState::Ready {}).await;
        assert_eq!(shown(&app, id).await.state, State::Failed);
        seen.push(id);
    }
    seen.reverse();
    let mut after = String::new();
    let mut pages = Vec::new();
    loop {
        let path = format!("/environments?project={}&limit=2{after}", projects[0].id);
        let page: Page<Environment> = app.get(&path).await.unwrap();
        pages.extend(page.items.iter().map(|item| item.id));
        let Some(next) = page.next else { break };
        after = format!("&after={next}");
    }
    assert_eq!(pages, seen);
}

#[tokio::test]
async fn a_runner_that_knows_of_none_works_as_before() {
    let app = App::start().await;
    let mut old = Peer::enrol(&app).await;
    old.connect().await;
    let project = project(&app, &mut old, "demo").await;
    agent(&app, "worker").await;
    start(&app, &project, "Work").await;
    let offer = old.offer().await;
    let seq = old.accept(&offer).await;
    old.acknowledged(seq).await;
    let id = offer.environment.unwrap();
    done(&mut old, &offer).await;
    becomes(&app, id, State::Idle).await;
    assert_eq!(
        stop(&app, id).await.state,
        State::Stopped,
        "nobody clears it"
    );
    let wish = begin(&app, "demo").await;
    let waits = eventually("it waits", || async {
        let now = shown(&app, wish.id).await;
        now.reason.is_some().then_some(now)
    })
    .await;
    assert_eq!(waits.state, State::Requested);
    assert_eq!(waits.reason.as_deref(), Some("no_runner"));
    // A job takes the wish over.
    start(&app, &project, "More").await;
    assert_eq!(old.offer().await.environment, Some(wish.id));
}
