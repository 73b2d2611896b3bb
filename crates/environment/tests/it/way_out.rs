//! curl in a real sandbox: SOCKS, and what becomes of programs whose proxy is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use freehold_environment::egress::{Allowed, Policy, Private};
use freehold_environment::endpoint::HostPort;
use freehold_environment::registries::Registries;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::kit::{Bench, PATIENCE, end, has};

/// Answers `GET /` at once and never answers anything else; counts who comes.
async fn server() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            seen.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut head = [0; 4096];
                let read = stream.read(&mut head).await.unwrap_or(0);
                if head[..read].starts_with(b"GET / ") {
                    let answer =
                        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n";
                    stream.write_all(answer).await.ok();
                } else {
                    stream.read_u8().await.ok();
                }
            });
        }
    });
    (port, count)
}

/// Registries that are one host on the owner's loopback.
fn only(port: u16) -> Registries {
    let mut known = Registries::default();
    known.allow.push(Allowed {
        at: HostPort::parse(&format!("127.0.0.1:{port}")).unwrap(),
        origin: "a test".into(),
        private: Private::Yes,
    });
    known
}

#[tokio::test]
async fn curl_through_socks_and_http() {
    if !has("curl") {
        return;
    }
    let (port, _) = server().await;
    let known = only(port);
    let line = format!(
        "unset HTTP_PROXY http_proxy; \
         ALL_PROXY=socks5h://127.0.0.1:3128 curl -sS http://127.0.0.1:{port}/; \
         ALL_PROXY=socks5h://127.0.0.1:3128 curl -sS http://evil.example:{port}/; echo code=$?; \
         http_proxy=http://127.0.0.1:3128 curl -sS http://127.0.0.1:{port}/"
    );
    let done = Bench::new().sh(&known, known.policy(), &line).await;
    assert_eq!(done.text.matches("hello").count(), 2, "{done:#?}");
    // 97: the proxy refused, by SOCKS.
    assert!(done.text.contains("code=97"), "{done:#?}");
    assert_eq!(done.log.refused().count(), 1, "{done:#?}");
}

#[tokio::test]
async fn when_the_proxy_dies_programs_fail_at_once_and_nothing_goes_round_it() {
    if !has("curl") {
        return;
    }
    let (port, count) = server().await;
    let known = only(port);
    let bench = Bench::new();
    let line = format!(
        "curl -sS -m 60 http://127.0.0.1:{port}/silent & open=$!; \
         curl -sS http://127.0.0.1:{port}/ && touch ready; \
         while [ ! -e gone ]; do sleep 0.1; done; \
         wait $open; echo open=$?; \
         for proxy in http socks5h; do \
             curl -sS -m 60 --proxy $proxy://127.0.0.1:3128 http://127.0.0.1:{port}/; echo $proxy=$?; \
         done; \
         curl -sS -m 60 --noproxy '*' http://127.0.0.1:{port}/; echo direct=$?; touch done"
    );
    let (proxy, child) = bench.begin(&known, known.policy(), &line).await;
    let exists = |name: &'static str| {
        let path = bench.work().join(name);
        async move {
            let began = Instant::now();
            while !path.exists() {
                assert!(began.elapsed() < PATIENCE, "{name} did not come");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    exists("ready").await;
    while count.load(Ordering::SeqCst) < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let log = proxy.close().await;
    assert_eq!(log.total().connections, 2, "{log:#?}");
    bench.file("gone", "");
    let began = Instant::now();
    exists("done").await;
    let took = began.elapsed();
    let (_, text) = end(child).await;
    assert!(took < Duration::from_secs(10), "{took:?}: {text}");
    // 52: an empty answer; 56: the connection ended; 7: nothing listens; 97: no answer by SOCKS.
    for (name, codes) in [
        ("open", &[52, 56][..]),
        ("http", &[52, 56, 7]),
        ("socks5h", &[97, 7]),
        ("direct", &[7]),
    ] {
        let said = codes
            .iter()
            .any(|code| text.contains(&format!("{name}={code}\n")));
        assert!(said, "{name}: {text}");
    }
    assert_eq!(text.matches("curl: (").count(), 4, "each says why: {text}");
    assert_eq!(
        count.load(Ordering::SeqCst),
        2,
        "somebody went round the proxy"
    );
}

#[tokio::test]
async fn an_empty_policy_reaches_nothing_by_any_door() {
    if !has("curl") {
        return;
    }
    let (port, count) = server().await;
    let line = format!(
        "for proxy in http socks5 socks5h; do curl -sS --proxy $proxy://127.0.0.1:3128 http://127.0.0.1:{port}/; done; \
         curl -sS -p --proxy http://127.0.0.1:3128 http://127.0.0.1:{port}/"
    );
    for policy in [
        Policy::None,
        Policy::Registries(Vec::new()),
        Policy::Open(Vec::new()),
    ] {
        let done = Bench::new().sh(&only(port), policy, &line).await;
        assert!(!done.text.contains("hello"), "{done:#?}");
        assert_eq!(
            done.log
                .refused()
                .map(|(entry, _)| entry.connections)
                .sum::<u64>(),
            4,
            "{done:#?}"
        );
    }
    assert_eq!(count.load(Ordering::SeqCst), 0);
}
