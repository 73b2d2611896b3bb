//! The way to a model: the key stays with the runner.

use freehold_model::Reason;
use freehold_model::run::Outcome;
use freehold_scripted::{Handle, Listen, Script, ScriptedModel, Step};
use freehold_wire::link::{Down, Probe, Probed, Up};
use freehold_wire::order::{KeyRef, ProviderSpec};
use serde_json::json;

use crate::kit::{Remote, Run, live};
use crate::server::Server;

async fn model() -> Handle {
    let turns = [
        vec![
            Step::text("I write it."),
            Step::call("write_file", json!({ "path": "a", "content": "2\n" })),
        ],
        vec![Step::call(
            "shell",
            json!({ "command": "env; cat /proc/*/environ" }),
        )],
        vec![Step::text("Done.")],
    ];
    ScriptedModel::start_guarded(
        Script::new("test", turns),
        Listen::Loopback(0),
        Some("sk-real".into()),
    )
    .await
    .unwrap()
}

fn provider(model: &Handle) -> ProviderSpec {
    ProviderSpec {
        name: "scripted".into(),
        kind: "openai".into(),
        base_url: model.url().into(),
        key: KeyRef::Env("THE_KEY".into()),
        model: Some(freehold_scripted::MODEL.into()),
    }
}

fn builtin(server: &Server, remote: &Remote, provider: ProviderSpec) -> Run {
    let mut run = Run::script(server, remote, "");
    let agent = &mut run.execute().agent;
    agent.driver = "builtin".into();
    agent.command = vec![];
    agent.provider = Some(provider);
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn the_built_in_agent_works_through_the_gateway_and_never_sees_the_key() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let model = model().await;
    let remote = Remote::new(&[("a", "1\n")]);
    let mut run = builtin(&server, &remote, provider(&model));
    let finished = run.play().await;
    let Outcome::Work(work) = &finished.outcome else {
        panic!("{:?} {}", finished.outcome, run.detail(&finished))
    };
    assert_eq!(remote.read(&["show", &format!("{}:a", work.commit)]), "2");
    let events = run.events();
    let said: String = events
        .iter()
        .filter(|(kind, _)| kind == "agent.message")
        .map(|(_, value)| value["text"].as_str().unwrap())
        .collect();
    assert!(
        said.contains("I write it.") && said.contains("Done."),
        "{said}"
    );
    assert!(events.iter().any(|(kind, _)| kind == "agent.tool"));
    assert!(
        events
            .iter()
            .any(|(kind, value)| kind == "agent.usage" && value["requests"] == 3),
        "{events:?}"
    );
    let seen = format!("{:?}{:?}", model.requests(), events);
    assert!(
        seen.contains("FREEHOLD_CARD"),
        "the shell's output went to the model"
    );
    assert!(!format!("{events:?}").contains("sk-real"));
    let bodies: String = model
        .requests()
        .iter()
        .map(|request| format!("{:?}", request.body))
        .collect();
    assert!(!bodies.contains("sk-real"));
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_down_or_a_key_that_is_missing_is_named() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let model = model().await;
    let remote = Remote::new(&[("a", "1\n")]);
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let down = ProviderSpec {
        base_url: format!("http://{closed}"),
        ..provider(&model)
    };
    let unset = ProviderSpec {
        key: KeyRef::Env("UNSET".into()),
        ..provider(&model)
    };
    let absent = ProviderSpec {
        key: KeyRef::File("/nonexistent/key".into()),
        ..provider(&model)
    };
    let wrong = ProviderSpec {
        key: KeyRef::None,
        ..provider(&model)
    };

    let mut run = builtin(&server, &remote, down.clone());
    let finished = run.play().await;
    assert_eq!(
        finished.outcome,
        Outcome::Failed {
            reason: Reason::ModelUnreachable
        },
        "{}",
        run.detail(&finished)
    );
    let mut run = builtin(&server, &remote, unset.clone());
    let finished = run.play().await;
    assert_eq!(
        finished.outcome,
        Outcome::Failed {
            reason: Reason::ProviderKey
        }
    );
    assert!(run.detail(&finished).contains("UNSET"));

    let asked = [
        ("good", provider(&model)),
        ("down", down),
        ("unset", unset),
        ("absent", absent),
        ("wrong", wrong),
    ];
    for (id, provider) in asked {
        server.ask(id, Down::Probe(Probe::Provider { provider }));
        let probed = server
            .until("a probe's answer", |taken| {
                taken.others.iter().find_map(|frame| match &frame.body {
                    Up::Probed(probed) if frame.id.as_deref() == Some(id) => Some(probed.clone()),
                    _ => None,
                })
            })
            .await;
        match (id, probed) {
            ("good", Probed::Provider { models }) => {
                assert!(models.contains(&"scripted".to_owned()), "{models:?}")
            }
            ("good", other) => panic!("{other:?}"),
            (_, Probed::Failed { message, next }) => {
                assert!(!message.is_empty() && !next.is_empty())
            }
            (id, other) => panic!("{id}: {other:?}"),
        }
    }
    runner.drain().await;
}
