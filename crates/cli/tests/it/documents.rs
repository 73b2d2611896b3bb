//! Recorded documents, made of the wire's own types so that they cannot drift from it.

use chrono::{DateTime, Utc};
use freehold_model::id::{Kind, kind};
use freehold_model::priority::Priority;
use freehold_model::run::State;
use freehold_model::{Id, Isolation, Lane, Limits, Reason, Role, RunId, Scope};
use freehold_wire::api::{
    AccessToken, Agent, Asked, Base, BaseState, Card, CardEvent, ChangedFile, Check, EnrolToken,
    Event, Evidence, FileFlag, FileStatus, InboxItem, Invitation, Key, Me, Member, Page, Project,
    Provider, Record, Review, Run, Runner, SignInToken, Step, TokenMade, Usage, Waits,
};
use freehold_wire::order::Egress;
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

pub(crate) fn member() -> Member {
    Member {
        user: id(1),
        name: "Ada".into(),
        email: Some("ada@example.org".into()),
        role: Role::Developer,
        review: true,
        since: time(),
    }
}

pub(crate) fn invitation() -> Invitation {
    Invitation {
        id: id(1),
        email: "ada@example.org".into(),
        role: Role::Developer,
        review: false,
        by: Some("Grace".into()),
        state: "open".into(),
        created_at: time(),
        sent_at: time(),
        expires_at: time(),
    }
}

pub(crate) fn project() -> Project {
    let remote = "git@example.org:demo.git".to_owned();
    Project {
        id: id(1),
        name: "demo".into(),
        remote: remote.clone(),
        target: "main".into(),
        egress: Egress::Registries,
        isolation_at_least: None,
        directory: None,
        share: 1,
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
        key: Key::Env("OPENAI_API_KEY".into()),
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
        isolation: Isolation::Sandbox,
        image: None,
        limits: Limits::new(),
        tools: false,
        repository_settings: false,
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
        run_reason: None,
        waiting_for: None,
        agent: None,
        unmet: vec![id(2)],
        landed: false,
        version: 3,
        rank: 1024.0,
        archived_at: None,
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
        machine: None,
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
        next_try_at: None,
        project: id(1),
        card: id(1),
        card_title: "Mend the parser".into(),
        by: Some("ada".into()),
        approved_by: (state == State::Succeeded).then(|| "grace".into()),
        agent: "fixer".into(),
        agent_version: with_work.then(|| "1.2".into()),
        usage: with_work.then_some(Usage {
            requests: 3,
            input_tokens: 1200,
            output_tokens: 345,
        }),
        isolation: "sandbox".into(),
        in_force: vec![],
        egress: Egress::Registries,
        runner: (state != State::Queued).then(|| id(1)),
        runner_version: None,
        priority: Default::default(),
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
        started_at: (state != State::Queued).then(time),
        last_seq: 7,
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

pub(crate) fn history() -> Vec<CardEvent> {
    let event = |seq, kind: &str| CardEvent {
        seq,
        at: time(),
        by: Some("ada".into()),
        kind: kind.into(),
        from: None,
        to: None,
        run: None,
        state: None,
        reason: None,
    };
    vec![
        event(1, "created"),
        CardEvent {
            from: Some(Lane::Backlog),
            to: Some(Lane::Build),
            ..event(2, "moved")
        },
        CardEvent {
            by: None,
            run: Some(id(1)),
            state: Some(State::Failed),
            reason: Some(Reason::AgentFailed),
            ..event(3, "run_state")
        },
    ]
}

pub(crate) fn steps() -> Vec<Step> {
    let step = |name: &str, state: &str| Step {
        epoch: 1,
        number: None,
        name: name.into(),
        version: None,
        state: state.into(),
        exit_code: None,
        started_at: time(),
        finished_at: None,
    };
    vec![
        Step {
            number: Some(2),
            version: Some("1.4.0".into()),
            exit_code: Some(0),
            finished_at: Some(time() + chrono::TimeDelta::milliseconds(1500)),
            ..step("setup", "done")
        },
        step("agent\x1b[2J", "running"),
    ]
}

pub(crate) fn review() -> Review {
    let file = |path: &str, status, flags| ChangedFile {
        path: path.into(),
        old_path: None,
        status,
        additions: 12,
        deletions: 3,
        binary: false,
        flags,
    };
    let asked = |kind: &str, text: &str| Asked {
        kind: kind.into(),
        by: Some("ada".into()),
        at: time(),
        text: text.into(),
    };
    Review {
        asked: vec![
            asked("card", "Mend the parser\n\nIt drops the last line."),
            asked("reply", "Test it, too."),
        ],
        summary: Some("Done.\nnext: land it: \x1b[32mtrust me".into()),
        files: vec![
            file("src/parser.rs", FileStatus::Modified, vec![]),
            ChangedFile {
                old_path: Some("ci.yml".into()),
                ..file(
                    ".github/workflows/ci.yml",
                    FileStatus::Renamed,
                    vec![FileFlag::Ci],
                )
            },
            ChangedFile {
                binary: true,
                ..file("tools/x", FileStatus::Added, vec![FileFlag::Executable])
            },
            file("new\nkind", FileStatus::Mode, vec![FileFlag::Hook]),
        ],
        truncated: false,
        additions: 36,
        deletions: 9,
        commit: Some("c".repeat(40)),
        base: Some("b".repeat(40)),
        digest: Some("d".repeat(40)),
        evidence: vec![Evidence {
            name: "test".into(),
            state: "passed".into(),
            exit_code: Some(0),
            ms: Some(61_234),
            step: "check test".into(),
        }],
    }
}

pub(crate) fn base(state: BaseState) -> Base {
    Base {
        base: Some("b".repeat(40)),
        head: Some(if state == BaseState::Same { "b" } else { "e" }.repeat(40)),
        state,
        message: None,
    }
}

pub(crate) fn inbox() -> Vec<InboxItem> {
    let item = |kind, run| InboxItem {
        kind,
        since: time(),
        run,
        project_name: "demo".into(),
    };
    vec![
        item(Waits::Review, run(State::Waiting)),
        item(Waits::Failed, with(State::Failed, Reason::AgentFailed, "x")),
        item(Waits::Stuck, with(State::Queued, Reason::NoRunner, "x")),
    ]
}

pub(crate) fn me() -> Me {
    Me {
        user: id(1),
        name: "ada".into(),
        role: Role::Owner,
        review: true,
        scopes: vec![Scope::ReadBoard, Scope::Review],
        tenant: id(1),
        tenant_name: "local".into(),
        server_version: "0.1.0".into(),
        expires_at: None,
    }
}

pub(crate) fn access_token() -> AccessToken {
    AccessToken {
        id: id(1),
        name: "ci".into(),
        scopes: vec![Scope::ReadJobs, Scope::WriteJobs],
        role: Some(Role::Developer),
        made_by: Some("ada".into()),
        created_at: time(),
        expires_at: time(),
        last_used_at: None,
    }
}

/// A board with one of everything.
pub(crate) fn board(request: &Request) -> Answer {
    let path = request.path.strip_prefix("/api/v1").unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    let path = path.replace(&run_id(), "RUN").replace(&card_id(), "CARD");
    let path = path.replace(&Id::<kind::Agent>::at(time(), [1; 10]).to_string(), "AGENT");
    let path = path.replace(
        &Id::<kind::Provider>::at(time(), [1; 10]).to_string(),
        "PROVIDER",
    );
    let path = path.replace(
        &Id::<kind::Runner>::at(time(), [1; 10]).to_string(),
        "RUNNER",
    );
    let path = path.replace(
        &Id::<kind::Project>::at(time(), [1; 10]).to_string(),
        "PROJECT",
    );
    let path = path.replace(&Id::<kind::Token>::at(time(), [1; 10]).to_string(), "TOKEN");
    match (request.method.as_str(), path.as_str()) {
        ("GET", "/members") => server::json(&page(vec![member()])),
        ("PATCH", "/members/ada%40example.org") => server::json(&member()),
        ("DELETE", "/members/ada%40example.org") => Answer::Whole(204, "", Vec::new()),
        ("GET", "/invitations") => server::json(&page(vec![invitation()])),
        ("POST", "/invitations" | "/invitations/ada%40example.org/resend") => {
            server::json(&invitation())
        }
        ("DELETE", "/invitations/ada%40example.org") => Answer::Whole(204, "", Vec::new()),
        ("POST", "/projects") | ("GET", "/projects/demo") => server::json(&project()),
        ("GET", "/projects") => server::json(&page(vec![project()])),
        ("POST", "/providers") | ("GET", "/providers/work") => server::json(&provider()),
        ("GET", "/providers") => server::json(&page(vec![provider()])),
        ("POST", "/agents") | ("GET", "/agents/fixer") => server::json(&agent()),
        ("GET", "/agents") => server::json(&page(vec![agent()])),
        ("POST", "/cards" | "/cards/CARD/move") | ("GET", "/cards/CARD") => server::json(&card()),
        ("GET", "/cards") => server::json(&page(vec![card()])),
        ("POST", "/cards/CARD/runs") => server::json(&Run {
            priority: Priority::High,
            ..run(State::Queued)
        }),
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
        _ => changes(&request.method, &path),
    }
}

/// What changes a board, and what is read to decide on it.
fn changes(method: &str, path: &str) -> Answer {
    match (method, path) {
        ("PATCH", "/projects/PROJECT") => server::json(&Project {
            target: "release".into(),
            egress: Egress::None,
            directory: Some("services/api".into()),
            share: 3,
            ..project()
        }),
        ("PUT", "/providers/PROVIDER") => server::json(&Provider {
            key: Key::Written(2),
            model: Some("m".into()),
            ..provider()
        }),
        ("PUT", "/agents/AGENT") => server::json(&Agent {
            paths: vec![],
            timeout_s: 7200,
            command: vec!["./fix.sh".into(), "it's".into()],
            ..agent()
        }),
        ("DELETE", "/providers/PROVIDER" | "/agents/AGENT" | "/runners/RUNNER")
        | ("POST", "/sign-out") => Answer::Whole(204, "text/plain", vec![]),
        ("PATCH", "/cards/CARD") => server::json(&Card {
            title: "Mend it".into(),
            body: String::new(),
            depends: vec![],
            unmet: vec![],
            version: 4,
            ..card()
        }),
        ("POST", "/cards/CARD/archive") => server::json(&Card {
            archived_at: Some(time()),
            ..card()
        }),
        ("POST", "/cards/CARD/restore") => server::json(&card()),
        ("GET", "/cards/CARD/history") => server::json(&page(history())),
        ("GET", "/runs/RUN/steps") => server::json(&page(steps())),
        ("GET", "/runs/RUN/review") => server::json(&review()),
        ("GET", "/runs/RUN/base") => server::json(&base(BaseState::Moved)),
        ("GET", "/inbox") => server::json(&page(inbox())),
        ("GET", "/tokens" | "/service-tokens") => server::json(&page(vec![access_token()])),
        ("POST", "/tokens" | "/service-tokens") => server::json(&TokenMade {
            token: "fhp_once.abc".into(),
            about: access_token(),
        }),
        ("DELETE", "/tokens/TOKEN" | "/service-tokens/TOKEN") => {
            Answer::Whole(204, "text/plain", vec![])
        }
        ("POST", "/device/look" | "/device/approve" | "/device/deny") => super::devices::devices(),
        ("GET", "/me") => server::json(&me()),
        ("POST", "/sign-in/tokens") => server::json(&SignInToken {
            token: "fhs_once.abc".into(),
            expires_at: time(),
        }),
        _ => server::problem(&Problem::new(Code::NotFound, format!("there is no {path}"))),
    }
}
