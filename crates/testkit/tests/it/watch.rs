//! What people watch: changes as they happen, events in parts, evidence, and the inbox.
use std::time::Duration;

use freehold_model::Reason;
use freehold_model::run::{Outcome, State};
use freehold_testkit::peer::work;
use freehold_testkit::{App, Peer};
use freehold_wire::api::{
    Base, BaseState, Card, CardEvent, Change, Check, Event, FileFlag, FileStatus, InboxItem, Page,
    Review, Run, SignedIn, Step, Waits,
};
use freehold_wire::link::{Offer, Probed};
use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::board::card;
use crate::link::{run, started};

/// Reads a stream of changes.
pub(crate) struct Watch {
    chunks: std::pin::Pin<Box<dyn futures_util::Stream<Item = reqwest::Result<Vec<u8>>>>>,
    text: String,
}

impl Watch {
    pub(crate) async fn open(app: &App, token: &str) -> Self {
        let response = reqwest::Client::new()
            .get(format!("{}/api/v1/changes", app.url()))
            .bearer_auth(token)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        let chunks = response
            .bytes_stream()
            .map(|chunk| chunk.map(|c| c.to_vec()));
        Self {
            chunks: Box::pin(chunks),
            text: String::new(),
        }
    }

    /// The next message; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<(String, Change)> {
        loop {
            if let Some((message, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    message
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .map(|v| v.trim().to_owned())
                };
                let told = (field("event:"), field("data:"));
                self.text = rest.to_owned();
                if let (Some(name), Some(data)) = told {
                    return Some((name, serde_json::from_str(&data).unwrap()));
                }
                continue;
            }
            let chunk = tokio::time::timeout(Duration::from_secs(20), self.chunks.next())
                .await
                .unwrap();
            match chunk {
                Some(Ok(bytes)) => self.text.push_str(&String::from_utf8(bytes).unwrap()),
                Some(Err(_)) | None => return None,
            }
        }
    }

    pub(crate) async fn until(&mut self, fits: impl Fn(&Change) -> bool) -> Change {
        loop {
            let (_, change) = self.next().await.unwrap();
            if fits(&change) {
                return change;
            }
        }
    }
}

#[tokio::test]
async fn whoever_watches_is_told_of_cards_runs_and_settings_and_of_the_end_of_the_session() {
    let (app, mut peer, asked) = started().await;
    let signed: SignedIn = app
        .post("/sign-in", &json!({ "token": app.token }))
        .await
        .unwrap();
    let mut watch = Watch::open(&app, &signed.token).await;
    let (name, hello) = watch.next().await.unwrap();
    assert!(
        name == "hello" && matches!(hello, Change::Hello { .. }),
        "{hello:?}"
    );

    let offer = peer.offer().await;
    peer.accept(&offer).await;
    watch.until(|change| matches!(change, Change::Run { run, state: State::Running, .. } if *run == asked.id)).await;
    let seq = peer.event(&offer, "note", json!({}), None).await;
    peer.acknowledged(seq).await;
    let last = run(&app, asked.id).await.last_seq;
    watch
        .until(|change| matches!(change, Change::Run { last_seq, .. } if *last_seq == last))
        .await;

    let made: Card = app
        .post("/cards", &json!({ "project": "demo", "title": "News" }))
        .await
        .unwrap();
    watch
        .until(|change| matches!(change, Change::Card { card, .. } if *card == made.id))
        .await;
    crate::board::agent(&app, "another").await;
    watch
        .until(|change| matches!(change, Change::Settings { noun } if noun == "agent"))
        .await;
    peer.vanish();
    watch
        .until(|change| matches!(change, Change::Settings { noun } if noun == "runner"))
        .await;

    let sign_out = reqwest::Client::new()
        .post(format!("{}/api/v1/sign-out", app.url()))
        .bearer_auth(&signed.token);
    app.send::<()>(sign_out).await.unwrap();
    watch.until(|change| *change == Change::SignedOut).await;
    assert!(
        watch.next().await.is_none(),
        "the stream goes on after the session's end"
    );
}

#[tokio::test]
async fn a_flood_of_events_is_few_messages() {
    let (app, mut peer, _asked) = started().await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let mut watch = Watch::open(&app, &app.token).await;
    watch.next().await.unwrap();
    let mut seq = 0;
    for _ in 0..500 {
        seq = peer.event(&offer, "note", json!({}), None).await;
    }
    peer.acknowledged(seq).await;
    let last = run(&app, offer.run).await.last_seq;
    let mut messages = 0;
    loop {
        let (_, change) = watch.next().await.unwrap();
        messages += 1;
        if matches!(change, Change::Run { last_seq, .. } if last_seq == last) {
            break;
        }
    }
    assert!(messages < 250, "{messages} messages for 500 events");
}

async fn page(app: &App, run: &Run, query: &str) -> Page<Event> {
    app.get(&format!("/runs/{}/events?{query}", run.id))
        .await
        .unwrap()
}

fn seqs(page: &Page<Event>) -> Vec<u64> {
    page.items.iter().map(|event| event.seq).collect()
}

#[tokio::test]
async fn events_are_read_from_any_end_and_of_any_kind() {
    let (app, mut peer, asked) = started().await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let mut seq = 0;
    for n in 0..30 {
        let (kind, step) = if n % 3 == 0 {
            ("agent.message", "agent")
        } else {
            ("output", "setup")
        };
        let content = json!({ "text": format!("line {n}\n") });
        seq = peer
            .event(&offer, kind, json!({ "step": step }), Some(content))
            .await;
    }
    peer.acknowledged(seq).await;
    let last = run(&app, asked.id).await.last_seq;

    let tail = page(&app, &asked, &format!("before={}&limit=5", last + 1)).await;
    assert_eq!(seqs(&tail), (last - 4..=last).collect::<Vec<_>>());
    let more = page(
        &app,
        &asked,
        &format!("before={}&limit=5", tail.next.unwrap()),
    )
    .await;
    assert_eq!(seqs(&more), (last - 9..=last - 5).collect::<Vec<_>>());
    let first = page(&app, &asked, "before=4").await;
    assert_eq!((seqs(&first), first.next), (vec![1, 2, 3], None));
    let between = page(&app, &asked, &format!("after={}&before={}", last - 3, last)).await;
    assert_eq!(seqs(&between), [last - 2, last - 1]);

    let said = page(&app, &asked, "kind=agent.message&limit=200").await;
    assert_eq!(said.items.len(), 10);
    let setup = page(&app, &asked, "step=setup&kind=output").await;
    assert_eq!(setup.items.len(), 20);
    assert_eq!(setup.items[0].payload["text"], "line 1\n");
    let two = page(&app, &asked, "kind=output,agent.message&limit=2").await;
    assert_eq!(two.items.len(), 2);
    let on = page(
        &app,
        &asked,
        &format!("kind=output&after={}", two.items[1].seq),
    )
    .await;
    assert!(on.items.iter().all(|event| event.kind == "output"));
}

#[tokio::test]
async fn of_long_output_the_end_alone_can_be_read() {
    let (app, mut peer, asked) = started().await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let mut seq = 0;
    for n in 0..20 {
        let text = format!("{n:04}{}\n", "x".repeat(995));
        let content = json!({ "text": text });
        seq = peer
            .event(
                &offer,
                "output",
                json!({ "step": "agent", "stream": "stdout" }),
                Some(content),
            )
            .await;
    }
    peer.acknowledged(seq).await;
    let logs = async |query: &str| {
        let request = app.request(Method::GET, &format!("/runs/{}/logs{query}", asked.id));
        request.send().await.unwrap().text().await.unwrap()
    };
    assert_eq!(logs("").await.len(), 20_000);
    let tail = logs("?tail=5000").await;
    assert!((3_000..=6_000).contains(&tail.len()), "{}", tail.len());
    assert!(
        tail.contains("0019") && !tail.contains("0010"),
        "not the end"
    );
    assert_eq!(logs("?tail=10000000").await.len(), 20_000);
}

const DIFF: &str = "diff --git a/.github/workflows/ci.yml b/.github/workflows/ci.yml
new file mode 100644
index 0000000..1111111
--- /dev/null
+++ b/.github/workflows/ci.yml
@@ -0,0 +1,2 @@
+on: push
+jobs: {}
diff --git a/src/lib.rs b/src/lib.rs
index 1111111..2222222 100644
--- a/src/lib.rs
+++ b/src/lib.rs
@@ -1,2 +1 @@
-old
-older
+new
";

/// Plays a run to its review.
async fn reviewed(app: &App, peer: &mut Peer) -> Offer {
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    peer.event(&offer, "step.started", json!({ "step": "checks" }), None)
        .await;
    let check = json!({ "name": "tests", "state": "passed", "exit_code": 0, "ms": 1234 });
    peer.event(&offer, "check.finished", check, None).await;
    for text in ["I looked. ", "It is mended."] {
        peer.event(
            &offer,
            "agent.message",
            json!({}),
            Some(json!({ "text": text })),
        )
        .await;
    }
    let diff = peer.upload(app, &offer, "diff", DIFF.as_bytes()).await;
    let green = Check {
        name: "tests".into(),
        state: "passed".into(),
        exit_code: Some(0),
    };
    let done = work(&offer, &"c".repeat(40));
    let seq = peer
        .finish_with(&offer, done, Some(diff), vec![green])
        .await;
    peer.acknowledged(seq).await;
    offer
}

#[tokio::test]
async fn a_review_says_what_was_asked_what_was_said_and_what_machines_will_run() {
    let (app, mut peer, asked) = started().await;
    reviewed(&app, &mut peer).await;
    let path = format!("/runs/{}", asked.id);
    let review: Review = app.get(&format!("{path}/review")).await.unwrap();
    assert_eq!(review.asked.len(), 1);
    assert_eq!(review.asked[0].text, "Mend the test\n\nPlease.");
    assert_eq!(review.summary.as_deref(), Some("I looked. It is mended."));
    assert_eq!((review.additions, review.deletions), (3, 2));
    assert_eq!(review.files.len(), 2);
    let ci = &review.files[0];
    assert_eq!(
        (ci.path.as_str(), ci.status),
        (".github/workflows/ci.yml", FileStatus::Added)
    );
    assert_eq!(ci.flags, [FileFlag::Ci]);
    assert!(review.files[1].flags.is_empty());
    assert_eq!(review.commit, Some("c".repeat(40)));
    let check = &review.evidence[0];
    assert_eq!((check.name.as_str(), check.ms), ("tests", Some(1234)));
    assert_eq!(check.step, "check:tests");

    let key = app
        .request(Method::POST, &format!("{path}/reply"))
        .header("idempotency-key", "r");
    let reply = key.json(&json!({ "text": "Also the docs." }));
    let again = reply.try_clone().unwrap();
    app.send::<Run>(reply).await.unwrap();
    // Sent twice, said once: without the key it would be refused while the run works.
    app.send::<Run>(again).await.unwrap();
    reviewed(&app, &mut peer).await;
    let review: Review = app.get(&format!("{path}/review")).await.unwrap();
    let texts: Vec<(&str, &str)> = review
        .asked
        .iter()
        .map(|a| (a.kind.as_str(), a.text.as_str()))
        .collect();
    assert_eq!(
        texts,
        [
            ("card", "Mend the test\n\nPlease."),
            ("reply", "Also the docs.")
        ]
    );
    assert!(review.asked.iter().all(|asked| asked.by.is_some()));
    let steps: Page<Step> = app.get(&format!("{path}/steps")).await.unwrap();
    assert_eq!(
        steps
            .items
            .iter()
            .map(|step| step.epoch)
            .collect::<Vec<_>>(),
        [1, 2]
    );
}

#[tokio::test]
async fn a_base_that_moved_is_told_from_one_that_did_not_and_from_one_nobody_saw() {
    let (app, mut peer, asked) = started().await;
    reviewed(&app, &mut peer).await;
    let path = format!("/runs/{}/base", asked.id);
    let there = |commit: &str| Probed::Remote {
        head: Some("main".into()),
        target: true,
        empty: false,
        commit: Some(commit.repeat(40)),
    };
    for (answer, state) in [
        (there("b"), BaseState::Same),
        (there("e"), BaseState::Moved),
        (
            Probed::Failed {
                message: "gone".into(),
                next: "look".into(),
            },
            BaseState::Unknown,
        ),
    ] {
        let (base, ()) = tokio::join!(app.get::<Base>(&path), peer.answer(answer));
        assert_eq!(base.unwrap().state, state);
    }
    peer.vanish();
    freehold_testkit::eventually("the runner left", async || {
        app.get::<Base>(&path)
            .await
            .err()
            .filter(|p| p.status == 503)
    })
    .await;
}

async fn inbox(app: &App) -> Vec<(Waits, String)> {
    let page: Page<InboxItem> = app.get("/inbox").await.unwrap();
    page.items
        .into_iter()
        .map(|item| (item.kind, item.run.card_title))
        .collect()
}

#[tokio::test]
async fn the_inbox_holds_what_needs_a_person_and_nothing_else() {
    let (app, mut peer, asked) = started().await;
    assert_eq!(inbox(&app).await, []);
    reviewed(&app, &mut peer).await;
    assert_eq!(
        inbox(&app).await,
        [(Waits::Review, "Mend the test".to_owned())]
    );
    let page: Page<InboxItem> = app.get("/inbox").await.unwrap();
    assert_eq!(page.items[0].project_name, "demo");

    let path = format!("/runs/{}", asked.id);
    let _: Run = app
        .post(&format!("{path}/reject"), &json!({ "reason": "no" }))
        .await
        .unwrap();
    assert_eq!(inbox(&app).await, [], "a person has decided");

    let project = app.get("/projects/demo").await.unwrap();
    let second = card(&app, &project, "Fails").await;
    let start = format!("/cards/{}/runs", second.id);
    let _: Run = app.post(&start, &json!({})).await.unwrap();
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let seq = peer
        .finish(
            &offer,
            Outcome::Failed {
                reason: Reason::AgentFailed,
            },
        )
        .await;
    peer.acknowledged(seq).await;
    assert_eq!(inbox(&app).await, [(Waits::Failed, "Fails".to_owned())]);
    let states: Page<Run> = app.get("/runs?state=failed,rejected").await.unwrap();
    assert_eq!(states.items.len(), 2);
    let states: Page<Run> = app.get("/runs?state=failed").await.unwrap();
    assert_eq!(states.items[0].card_title, "Fails");

    peer.vanish();
    let _: Run = app.post(&start, &json!({})).await.unwrap();
    freehold_testkit::eventually("nobody takes it", async || {
        (inbox(&app).await == [(Waits::Stuck, "Fails".to_owned())]).then_some(())
    })
    .await;
    let live: Value = app.get(&format!("/cards/{}", second.id)).await.unwrap();
    let _: Run = app
        .post(
            &format!("/runs/{}/cancel", live["run"].as_str().unwrap()),
            &(),
        )
        .await
        .unwrap();
    let _: Card = app
        .post(&format!("/cards/{}/archive", second.id), &())
        .await
        .unwrap();
    assert_eq!(inbox(&app).await, []);
}

/// Its card would stand in the board as if somebody had it in hand.
#[tokio::test]
async fn a_run_that_no_machine_can_keep_apart_is_in_the_inbox_with_the_reason() {
    let (app, mut peer, asked) = started().await;
    reviewed(&app, &mut peer).await;
    let project = app.get("/projects/demo").await.unwrap();
    let demand = app.request(Method::PATCH, "/projects/demo");
    let demand = demand.json(&json!({ "isolation_at_least": "vm" }));
    let _: Value = app.send(demand).await.unwrap();
    let second = card(&app, &project, "Apart").await;
    let _: Run = app
        .post(&format!("/cards/{}/runs", second.id), &json!({}))
        .await
        .unwrap();
    freehold_testkit::eventually("nobody can take it", async || {
        let page: Page<InboxItem> = app.get("/inbox").await.unwrap();
        let item = page.items.into_iter().find(|i| i.run.id != asked.id)?;
        assert_eq!(item.kind, Waits::Stuck);
        assert_eq!(item.run.reason, Some(Reason::NoRunnerWithIsolation));
        Some(())
    })
    .await;
}

#[tokio::test]
async fn a_history_tells_a_landing_once_however_often_it_is_announced() {
    let (app, mut peer, asked) = started().await;
    reviewed(&app, &mut peer).await;
    let approve = format!("/runs/{}/approve", asked.id);
    let _: Run = app.post(&approve, &json!({})).await.unwrap();
    let landing = peer.offer().await;
    let seq = peer.accept(&landing).await;
    peer.acknowledged(seq).await;
    let history: Page<CardEvent> = app
        .get(&format!("/cards/{}/history", asked.card))
        .await
        .unwrap();
    let states: Vec<State> = history.items.iter().filter_map(|e| e.state).collect();
    assert_eq!(states, [State::Waiting, State::Landing]);
}
