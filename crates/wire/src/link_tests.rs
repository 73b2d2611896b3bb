//! Golden frames: what protocol 1 looks like on the wire. A change here is a break.
use super::*;
use serde_json::{Value, json};

fn id<K: freehold_model::id::Kind>(n: u8) -> freehold_model::Id<K> {
    freehold_model::Id::at(DateTime::UNIX_EPOCH, [n; 10])
}

fn golden<B: Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(
    frame: Frame<B>,
    wanted: Value,
) {
    assert_eq!(serde_json::to_value(&frame).unwrap(), wanted);
    let text = serde_json::to_string(&wanted).unwrap();
    assert_eq!(serde_json::from_str::<Frame<B>>(&text).unwrap(), frame);
}

#[test]
fn frames_of_protocol_1() {
    let reference = JobRef {
        job: id(1),
        run: id(2),
        epoch: 3,
    };
    golden(
        Frame {
            seq: Some(7),
            ..Frame::new(Up::Accepted(reference))
        },
        json!({"t": "accepted", "seq": 7, "p": {"job": reference.job, "run": reference.run, "epoch": 3}}),
    );
    golden(
        Frame {
            seq: Some(8),
            ..Frame::new(Up::Event(RunEvent {
                run: reference.run,
                epoch: 3,
                n: 1,
                ts: DateTime::UNIX_EPOCH,
                kind: "output".into(),
                meta: json!({"step": "agent"}),
                content: Some(vec![1, 2, 3]),
            }))
        },
        json!({"t": "event", "seq": 8, "p": {"run": reference.run, "epoch": 3, "n": 1,
            "ts": "1970-01-01T00:00:00Z", "kind": "output", "meta": {"step": "agent"}, "content": "AQID"}}),
    );
    golden(
        Frame {
            ack: Some(8),
            ..Frame::new(Down::Ack {})
        },
        json!({"t": "ack", "ack": 8, "p": {}}),
    );
    golden(
        Frame::new(Down::Cancel(RunRef {
            run: reference.run,
            epoch: 3,
        })),
        json!({"t": "cancel", "p": {"run": reference.run, "epoch": 3}}),
    );
    golden(
        Frame {
            id: Some("q1".into()),
            ..Frame::new(Up::Probed(Probed::Failed {
                message: "m".into(),
                next: "n".into(),
            }))
        },
        json!({"t": "probed", "id": "q1", "p": {"probed": "failed", "message": "m", "next": "n"}}),
    );
}

#[test]
fn frames_of_environments() {
    let environment: EnvironmentId = id(4);
    golden(
        Frame {
            seq: Some(9),
            ..Frame::new(Up::Environment(Box::new(EnvironmentNews {
                environment,
                state: EnvironmentState::Stopped { kept: vec![id(2)] },
            })))
        },
        json!({"t": "environment", "seq": 9, "p": {"environment": environment, "state": "stopped",
            "kept": [id::<freehold_model::id::kind::Run>(2)]}}),
    );
    golden(
        Frame::new(Up::Environment(Box::new(EnvironmentNews {
            environment,
            state: EnvironmentState::Failed {
                reason: Reason::SetupFailed,
                detail: Some(vec![1, 2, 3]),
            },
        }))),
        json!({"t": "environment", "p": {"environment": environment, "state": "failed",
            "reason": "setup_failed", "detail": "AQID"}}),
    );
    golden(
        Frame::new(Down::EnvironmentStart(Box::new(EnvironmentStart {
            environment,
            order: vec![1, 2, 3],
        }))),
        json!({"t": "environment_start", "p": {"environment": environment, "order": "AQID"}}),
    );
    golden(
        Frame::new(Down::EnvironmentStop(EnvironmentStop { environment })),
        json!({"t": "environment_stop", "p": {"environment": environment}}),
    );
    golden(
        Frame::new(Up::Heartbeat(Heartbeat {
            jobs: vec![],
            environments: Some(vec![environment]),
        })),
        json!({"t": "heartbeat", "p": {"jobs": [], "environments": [environment]}}),
    );
    let old = r#"{"t":"heartbeat","p":{"jobs":[]}}"#;
    let frame: Frame<Up> = serde_json::from_str(old).unwrap();
    let Up::Heartbeat(heartbeat) = frame.body else {
        panic!("not a heartbeat")
    };
    assert_eq!(heartbeat.environments, None, "it says nothing of them");
}

#[test]
fn unknown_fields_are_ignored_and_unknown_kinds_are_not_taken() {
    let frame: Frame<Down> =
        serde_json::from_str(r#"{"t":"ack","ack":1,"p":{"new":1},"later":true}"#).unwrap();
    assert_eq!(frame.ack, Some(1));
    assert!(serde_json::from_str::<Frame<Down>>(r#"{"t":"from_the_future","p":{}}"#).is_err());
}
