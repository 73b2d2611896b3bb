//! Clients that mean harm: the parsers stay whole, the bounds hold, and others are served.

use std::time::{Duration, Instant};

use freehold_environment::egress::{Options, Policy, parse};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::egress::{PATIENCE, TUNNEL, allowed, echo, fixture};

/// Pieces that a parser of requests could trip over.
const PIECES: [&str; 28] = [
    "GET ",
    "CONNECT ",
    "POST ",
    "http://",
    "https://",
    "a.example",
    "127.0.0.1",
    "[::1]",
    ":443",
    ":80",
    ":8080",
    "@",
    "/",
    "?q",
    "#f",
    "\\",
    " ",
    "\t",
    "\r\n",
    "\n",
    "\0",
    " HTTP/1.1\r\n",
    "Host: ",
    "Content-Length: 3\r\n",
    "Transfer-Encoding: chunked\r\n",
    " folded\r\n",
    "\r\n\r\n",
    "\u{e4}",
];

fn pieces() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&PIECES[..]), 0..12).prop_map(|all| all.concat())
}

/// A head that is often taken, so that the promise about taken ones is put to the test.
fn heads() -> impl Strategy<Value = String> {
    let header = "[A-Za-z-]{1,8}: ?[ -~]{0,12}\r\n";
    let path = "/[!-~&&[^#\\\\]]{0,9}";
    (
        "[A-Z]{1,5}",
        1u16..,
        path,
        prop::collection::vec(header, 0..4),
    )
        .prop_map(|(method, port, path, headers)| {
            format!(
                "{method} http://a.example:{port}{path} HTTP/1.1\r\n{}\r\n",
                headers.concat()
            )
        })
}

proptest! {
    #[test]
    fn parsers_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), text in pieces()) {
        parse::http_request(&bytes);
        parse::http_request(text.as_bytes());
        parse::socks_request(&bytes);
        parse::endpoints(&String::from_utf8_lossy(&bytes));
        parse::endpoints(&text);
    }

    #[test]
    fn what_is_taken_is_read_again_as_the_same(head in heads(), mut request in prop::collection::vec(any::<u8>(), 4..40)) {
        parse::http_request(head.as_bytes());
        request[..3].copy_from_slice(&[5, 1, 0]);
        request[3] = [1, 3, 4][usize::from(request[3]) % 3];
        for end in 0..request.len() {
            parse::socks_request(&request[..end]);
        }
    }
}

#[tokio::test]
async fn smuggled_requests_are_refused_or_dropped() {
    let (port, _echo) = echo().await;
    let at = format!("127.0.0.1:{port}");
    let fixture = fixture(
        Policy::Registries(vec![allowed(&at, true)]),
        Options::default(),
    );
    let two = "GET /second HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    for (headers, code) in [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "411"),
        ("Transfer-Encoding: chunked\r\n", "411"),
        ("Transfer-Encoding : chunked\r\n", "400"),
        ("Content-Length: 1\r\nContent-Length: 2\r\n", "411"),
        ("A: b\r\n Content-Length: 5\r\n", "400"),
        ("A: b\nContent-Length: 5\r\n", "400"),
        ("A: b\rContent-Length: 5\r\n", "400"),
        ("A\0: b\r\n", "400"),
        (": b\r\n", "400"),
        ("no colon\r\n", "400"),
    ] {
        let request = format!("POST http://{at}/ HTTP/1.1\r\n{headers}\r\n0\r\n\r\n{two}");
        let answer = fixture.say(request.as_bytes()).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {code} ")),
            "{headers:?}: {answer}"
        );
    }
    // Behind a request's end nothing is passed on, whatever it is.
    for (headers, body) in [("", ""), ("Content-Length: 3\r\n", "abc")] {
        let request = format!("POST http://{at}/ HTTP/1.1\r\n{headers}\r\n{body}{two}");
        let answer = fixture.say(request.as_bytes()).await;
        assert!(
            answer.starts_with("hello POST / ") && answer.ends_with(body),
            "{answer}"
        );
        assert!(!answer.contains("second"), "{answer}");
    }
    // Which host counts: the request's, and its name is what the host is told.
    let request = format!("GET http://{at}/ HTTP/1.1\r\nHost: evil.example\r\nhost: x\r\n\r\n");
    let answer = fixture.say(request.as_bytes()).await;
    assert!(
        answer.contains(&format!("Host: {at}\r\n")) && !answer.contains("evil"),
        "{answer}"
    );
}

#[tokio::test]
async fn huge_and_slow_heads_end_in_bounded_time() {
    let (port, _echo) = echo().await;
    let at = format!("127.0.0.1:{port}");
    let options = Options {
        head: Duration::from_millis(500),
        ..Options::default()
    };
    let fixture = fixture(Policy::Registries(vec![allowed(&at, true)]), options);
    let huge = format!("GET http://{at}/ HTTP/1.1\r\nA: {}", "a".repeat(1 << 20));
    let mut stream = UnixStream::connect(&fixture.socket).await.unwrap();
    let (mut read, mut write) = stream.split();
    let mut answer = String::new();
    let (_, seen) = tokio::join!(
        async { write.write_all(huge.as_bytes()).await.ok() },
        tokio::time::timeout(PATIENCE, read.read_to_string(&mut answer)),
    );
    // The rest of the head may end the connection before the answer is read.
    assert!(
        seen.unwrap().is_err() || answer.contains("too long"),
        "{answer}"
    );
    // A byte now and then does not stretch the time.
    let mut slow = UnixStream::connect(&fixture.socket).await.unwrap();
    let began = Instant::now();
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    let mut sent = 0;
    while began.elapsed() < PATIENCE {
        tick.tick().await;
        if slow.write_all(b"G").await.is_err() {
            break;
        }
        sent += 1;
    }
    assert!(sent < 60, "{sent} bytes in {:?}", began.elapsed());
    for silent in [
        &b""[..],
        b"GET http://a.example/ HTTP/1.1\nHost: b\n\n",
        &[5],
        &[5, 1, 0, 5, 1, 0, 3, 200],
    ] {
        let mut stream = UnixStream::connect(&fixture.socket).await.unwrap();
        stream.write_all(silent).await.unwrap();
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "{silent:?}");
    }
    assert_eq!(fixture.connect(&at).await, TUNNEL);
}

#[tokio::test]
async fn a_thousand_connections_wait_their_turn() {
    let (port, _echo) = echo().await;
    let at = format!("127.0.0.1:{port}");
    let options = Options {
        connections: 8,
        head: Duration::from_millis(200),
        ..Options::default()
    };
    let fixture = fixture(Policy::Registries(vec![allowed(&at, true)]), options);
    let mut silent = Vec::new();
    // The queue of a unix socket is bounded: who finds it full is told so at once.
    for _ in 0..1000 {
        let stream = tokio::time::timeout(
            Duration::from_millis(5),
            UnixStream::connect(&fixture.socket),
        )
        .await;
        silent.extend(stream.ok().and_then(Result::ok));
    }
    assert!(silent.len() >= 8, "{}", silent.len());
    let open = std::fs::read_dir("/proc/self/fd").unwrap().count();
    assert!(
        open < silent.len() + 8 + 100,
        "{open} descriptors for {} clients",
        silent.len()
    );
    drop(silent);
    let mut answer = String::new();
    let began = Instant::now();
    while answer != TUNNEL && began.elapsed() < PATIENCE {
        answer = fixture.connect(&at).await;
    }
    assert_eq!(answer, TUNNEL);
    let log = fixture.proxy.close().await;
    assert!(log.entries.len() <= 2, "{log:#?}");
}
