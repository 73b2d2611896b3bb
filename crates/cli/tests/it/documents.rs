//! Recorded documents, made of the wire's own types so that they cannot drift from it.

use chrono::{DateTime, Utc};
use freehold_model::run::State;
use freehold_model::{Id, Lane, Reason, RunId, id::Kind};
use freehold_wire::api::{
    Agent, Card, Check, EnrolToken, Event, Page, Project, Provider, Record, Run, Runner,
};
use freehold_wire::order::{Egress, KeyRef};
use freehold_wire::problem::{Code, Problem};
use serde_json::{Value, json};

use super::server::{self, Answer, Request};

pub(crate) fn time() -> DateTime<Utc> {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

pub(crate) fn id<K: Kind>(n: u8) -> Id<K> {
    Id::at(time(), [n; 10])
}

pub(crate) fn run_id() -> String {
    id::<freehold_model::id::kind::Run>(1).to_string()
}

pub(crate) fn card_id() -> String {
    id::<freehold_model::id::kind::Card>(1).to_string()
}

pub(crate) fn page<T>(items: Vec<T>) -> Page<T> {
    Page { items, next: None }
}

pub(crate) fn project() -> Project {
    let remote = "git@example.org:demo.git".to_owned();
    Project {
        id: id(1),
        name: "demo".into(),
        remote: remote.clone(),
        target: "main".into(),
        egress: Egress::Registries,
        record: Record {
            remote,
            reference: "refs/freehold/record".into(),
            path: "/".into(),
        },
        created_at: time(),
    }
}

pub(crate) fn provider() -> Provider {
    Provider {
        id: id(1),
        name: "work".into(),
        kind: "openai".into(),
        base_url: "https://models.example.org/v1".into(),
        key: KeyRef::Env("OPENAI_API_KEY".into()),
        model: None,
        created_at: time(),
    }
}

pub(crate) fn agent() -> Agent {
    Agent {
        id: id(1),
        name: "fixer".into(),
        driver: "command".into(),
        preset: None,
        provider: None,
        paths: vec!["/opt/fixer".into()],
        labels: [("gpu".to_owned(), "none".to_owned())].into(),
        timeout_s: 3600,
        stall_s: 90,
        command: vec!["./fix.sh".into(), "--quick".into()],
        created_at: time(),
    }
}

pub(crate) fn card() -> Card {
    Card {
        id: id(1),
        project: id(1),
        title: "Mend the parser".into(),
        body: "It drops the last line.\nSee \x1b[31mtests\x1b[0m.".into(),
        lane: Lane::Backlog,
        depends: vec![id(2)],
        run: None,
        run_state: None,
        landed: false,
        created_at: time(),
        updated_at: time(),
    }
}

pub(crate) fn runner() -> Runner {
    Runner {
        id: id(1),
        name: "workshop".into(),
        state: "online".into(),
        labels: [("gpu".to_owned(), "none".to_owned())].into(),
        capacity: 4,
        busy: 1,
        version: "0.1.0".into(),
        last_seen: Some(time()),
        created_at: time(),
    }
}

pub(crate) fn enrol_token() -> EnrolToken {
    EnrolToken {
        token: "fhe_once.abc.fingerprint".into(),
        expires_at: time(),
    }
}

pub(crate) fn run(state: State) -> Run {
    let with_work = !matches!(
        state,
        State::Queued | State::Dispatching | State::Running | State::Failed
    );
    Run {
        id: id(1),
        state,
        reason: None,
        detail: None,
        waiting_for: (state == State::Waiting).then(|| "review".to_owned()),
        project: id(1),
        card: id(1),
        agent: "fixer".into(),
        isolation: "sandbox".into(),
        egress: Egress::Registries,
        runner: (state != State::Queued).then(|| id(1)),
        epoch: 1,
        attempt: 1,
        parent: None,
        base: Some("b".repeat(40)),
        commit: with_work.then(|| "c".repeat(40)),
        landed: (state == State::Succeeded).then(|| "d".repeat(40)),
        target: "main".into(),
        checks: match with_work {
            true => vec![check("test", "passed", 0)],
            false => vec![],
        },
        created_at: time(),
        finished_at: state.is_terminal().then(time),
    }
}

pub(crate) fn with(state: State, reason: Reason, detail: &str) -> Run {
    Run {
        reason: Some(reason),
        detail: Some(detail.into()),
        ..run(state)
    }
}

pub(crate) fn check(name: &str, state: &str, code: i32) -> Check {
    Check {
        name: name.into(),
        state: state.into(),
        exit_code: Some(code),
    }
}

pub(crate) fn event(seq: u64, kind: &str, payload: Value) -> Event {
    Event {
        seq,
        ts: time(),
        kind: kind.into(),
        payload,
    }
}

/// As the stream sends it.
pub(crate) fn sse(event: &Event) -> Vec<u8> {
    let data = serde_json::to_string(event).unwrap();
    format!("id: {}\ndata: {data}\n\n", event.seq).into_bytes()
}

/// What happens in a run that waits for a person.
pub(crate) fn events() -> Vec<Event> {
    vec![
        event(1, "run.queued", json!({"epoch": 0, "attempt": 1})),
        event(2, "run.running", json!({"epoch": 1, "attempt": 1})),
        event(3, "step.started", json!({"step": "agent"})),
        event(
            4,
            "output",
            json!({"step": "agent", "stream": "stdout", "text": "I \u{1b}[1mam\u{1b}[0m\n  99  run.succeeded\n"}),
        ),
        event(
            5,
            "step.finished",
            json!({"step": "agent", "state": "ok", "exit_code": 0, "ms": 12}),
        ),
        event(
            6,
            "check.finished",
            json!({"name": "test", "state": "passed", "exit_code": 0}),
        ),
        event(
            7,
            "run.waiting",
            json!({"reason": null, "epoch": 1, "attempt": 1}),
        ),
    ]
}

/// A board with one of everything.
pub(crate) fn board(request: &Request) -> Answer {
    let path = request.path.strip_prefix("/api/v1").unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    let path = path.replace(&run_id(), "RUN").replace(&card_id(), "CARD");
    match (request.method.as_str(), path.as_str()) {
        ("POST", "/projects") | ("GET", "/projects/demo") => server::json(&project()),
        ("GET", "/projects") => server::json(&page(vec![project()])),
        ("POST", "/providers") => server::json(&provider()),
        ("GET", "/providers") => server::json(&page(vec![provider()])),
        ("POST", "/agents") => server::json(&agent()),
        ("GET", "/agents") => server::json(&page(vec![agent()])),
        ("POST", "/cards" | "/cards/CARD/move") | ("GET", "/cards/CARD") => server::json(&card()),
        ("GET", "/cards") => server::json(&page(vec![card()])),
        ("POST", "/cards/CARD/runs") => server::json(&run(State::Queued)),
        ("GET", "/runs") => server::json(&page(vec![run(State::Waiting)])),
        ("GET", "/runs/RUN") => server::json(&run(State::Waiting)),
        ("POST", "/runs/RUN/cancel") => server::json(&with(
            State::Cancelled,
            Reason::Cancelled,
            "asked for by owner",
        )),
        ("POST", "/runs/RUN/reject") => {
            server::json(&with(State::Rejected, Reason::RejectedByPerson, "Not this"))
        }
        ("POST", "/runs/RUN/reply") => server::json(&Run {
            id: id(2),
            parent: Some(id::<freehold_model::id::kind::Run>(1)) as Option<RunId>,
            ..run(State::Queued)
        }),
        ("GET", "/runs/RUN/events") => server::json(&page(events())),
        ("GET", "/runs/RUN/logs") => {
            Answer::Stream(vec![b"raw \x1b[31m\xff".to_vec(), b"\0\n".to_vec()])
        }
        ("GET", "/runs/RUN/diff") => Answer::Stream(vec![b"diff --git a/\xff b/x\r\n".to_vec()]),
        ("GET", "/runners") => server::json(&page(vec![runner()])),
        ("POST", "/runners/tokens") => server::json(&enrol_token()),
        _ => server::problem(&Problem::new(Code::NotFound, format!("there is no {path}"))),
    }
}
