//! Policies that change and budgets that end, while connections are open.

use std::time::Duration;

use freehold_environment::egress::{Budget, Budgets, Options, Policy, Refusal, Verdict};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::egress::{Fixture, PATIENCE, TUNNEL, allowed, echo, fixture, resolver};

/// A cut is immediate; this is what a busy machine may make of it.
const CUT: Duration = Duration::from_secs(5);
const OPENED: &str = "HTTP/1.1 200 Connection Established\r\n\r\nhello ";

impl Fixture {
    /// An open tunnel over which something has come already.
    async fn tunnel(&self, at: &str) -> UnixStream {
        let mut stream = UnixStream::connect(&self.socket).await.unwrap();
        let request = format!("CONNECT {at} HTTP/1.1\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut opened = vec![0; OPENED.len()];
        stream.read_exact(&mut opened).await.unwrap();
        assert_eq!(String::from_utf8(opened).unwrap(), OPENED);
        stream
    }
}

async fn says(stream: &mut UnixStream, text: &[u8]) -> bool {
    if stream.write_all(text).await.is_err() {
        return false;
    }
    let mut echoed = vec![0; text.len()];
    let read = tokio::time::timeout(PATIENCE, stream.read_exact(&mut echoed)).await;
    read.unwrap().is_ok() && echoed == text
}

#[tokio::test]
async fn a_new_policy_holds_at_once_and_cuts_what_it_refuses() {
    let (port, _echo) = echo().await;
    let [a, b] = ["a", "b"].map(|name| format!("{name}.example:{port}"));
    let options = Options {
        resolver: resolver("127.0.0.1"),
        ..Options::default()
    };
    let fixture = fixture(
        Policy::Registries(vec![allowed(&a, true), allowed(&b, true)]),
        options,
    );
    let (mut to_a, mut to_b) = (fixture.tunnel(&a).await, fixture.tunnel(&b).await);
    fixture
        .proxy
        .set_policy(Policy::Registries(vec![allowed(&b, true)]));
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(CUT, to_a.read_to_end(&mut rest)).await;
    assert!(ended.is_ok() && rest.is_empty(), "{rest:?}");
    fixture.refused("a.example", Refusal::Changed);
    assert!(fixture.connect(&a).await.starts_with("HTTP/1.1 403 "));
    assert!(says(&mut to_b, b"still here").await);
    // The address that was dialled is judged too: the name alone is allowed still.
    fixture
        .proxy
        .set_policy(Policy::Registries(vec![allowed(&b, false)]));
    assert_eq!(
        tokio::time::timeout(CUT, to_b.read(&mut [0; 9]))
            .await
            .unwrap()
            .unwrap_or(0),
        0
    );
    // And back.
    fixture
        .proxy
        .set_policy(Policy::Registries(vec![allowed(&a, true)]));
    assert_eq!(fixture.connect(&a).await, TUNNEL);
    fixture.proxy.set_policy(Policy::None);
    assert!(fixture.connect(&a).await.contains("egress none"));
}

#[tokio::test]
async fn a_policy_that_changes_while_a_host_is_dialled_counts() {
    let (port, _echo) = echo().await;
    let at = format!("slow.example:{port}");
    let (asked, mut was_asked) = tokio::sync::mpsc::channel(1);
    let go = std::sync::Arc::new(tokio::sync::Notify::new());
    let gate = go.clone();
    let resolver: freehold_environment::egress::Resolver = std::sync::Arc::new(move |_, port| {
        let (asked, gate) = (asked.clone(), gate.clone());
        Box::pin(async move {
            asked.send(()).await.ok();
            gate.notified().await;
            Ok(vec![([127, 0, 0, 1], port).into()])
        })
    });
    let options = Options {
        resolver,
        ..Options::default()
    };
    let fixture = fixture(Policy::Registries(vec![allowed(&at, true)]), options);
    let (answer, ()) = tokio::join!(fixture.connect(&at), async {
        was_asked.recv().await.unwrap();
        fixture.proxy.set_policy(Policy::None);
        go.notify_one();
    });
    assert!(!answer.contains("hello"), "{answer}");
    fixture.refused("slow.example", Refusal::Changed);
}

fn budgeted(at: &str, budgets: Budgets) -> Fixture {
    let options = Options {
        budgets,
        ..Options::default()
    };
    fixture(Policy::Registries(vec![allowed(at, true)]), options)
}

#[tokio::test]
async fn bytes_have_budgets_and_the_refusal_says_which() {
    let (port, _echo) = echo().await;
    let at = format!("127.0.0.1:{port}");
    for (budgets, budget, limit, moved, words) in [
        // The echo says six bytes first, and what it is told.
        (
            Budgets {
                up: 3,
                ..Budgets::default()
            },
            Budget::Up,
            3,
            (3, 9),
            "bytes sent is used up: 3 of 3",
        ),
        (
            Budgets {
                host_up: 3,
                ..Budgets::default()
            },
            Budget::HostUp,
            3,
            (3, 9),
            "bytes sent to one host is used up: 3 of 3",
        ),
        (
            Budgets {
                down: 8,
                ..Budgets::default()
            },
            Budget::Down,
            8,
            (4, 8),
            "bytes received is used up: 8 of 8",
        ),
        (
            Budgets {
                host_down: 8,
                ..Budgets::default()
            },
            Budget::HostDown,
            8,
            (4, 8),
            "bytes received from one host is used up: 8 of 8",
        ),
    ] {
        let fixture = budgeted(&at, budgets);
        let mut stream = fixture.tunnel(&at).await;
        assert!(!says(&mut stream, b"ping").await, "{budget:?}");
        let used = limit;
        fixture.refused(
            "127.0.0.1",
            Refusal::Budget {
                budget,
                limit,
                used,
            },
        );
        let answer = fixture.connect(&at).await;
        assert!(
            answer.starts_with("HTTP/1.1 403 ") && answer.contains(words),
            "{answer}"
        );
        let log = fixture.proxy.close().await;
        let entry = log
            .entries
            .iter()
            .find(|entry| entry.verdict == Verdict::Allowed)
            .unwrap();
        assert!(entry.up <= moved.0 && entry.down <= moved.1, "{entry:?}");
        assert!(
            log.advice().iter().any(|text| text.contains(words)),
            "{log:?}"
        );
    }
}

#[tokio::test]
async fn connections_have_a_budget() {
    let (port, _echo) = echo().await;
    let at = format!("127.0.0.1:{port}");
    let fixture = budgeted(
        &at,
        Budgets {
            connections: 2,
            ..Budgets::default()
        },
    );
    for _ in 0..2 {
        assert_eq!(fixture.connect(&at).await, TUNNEL);
    }
    let answer = fixture.connect(&at).await;
    assert!(
        answer.contains("budget of connections is used up: 2 of 2"),
        "{answer}"
    );
    // What the policy refuses uses nothing up, and is told as such.
    assert!(
        fixture
            .connect("other.example:1")
            .await
            .contains("not a registry")
    );
}
