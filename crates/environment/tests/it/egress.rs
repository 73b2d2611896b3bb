//! The proxy on real sockets.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use freehold_environment::egress::{
    Allowed, Options, Policy, Private, Proxy, Refusal, Resolver, Verdict,
};
use freehold_environment::endpoint::HostPort;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixStream};
use tokio::task::JoinHandle;

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Fixture {
    _dir: tempfile::TempDir,
    pub(crate) socket: PathBuf,
    pub(crate) proxy: Proxy,
}

pub(crate) fn allowed(at: &str, private: bool) -> Allowed {
    Allowed {
        at: HostPort::parse(at).unwrap(),
        origin: "a test".into(),
        private: if private { Private::Yes } else { Private::No },
    }
}

pub(crate) fn fixture(policy: Policy, options: Options) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("proxy.sock");
    let proxy = Proxy::open(&socket, policy, options).unwrap();
    Fixture {
        _dir: dir,
        socket,
        proxy,
    }
}

/// A resolver that knows a few names, all of them at the given address.
pub(crate) fn resolver(address: &'static str) -> Resolver {
    Arc::new(move |_, port| {
        Box::pin(async move { Ok(vec![SocketAddr::new(address.parse().unwrap(), port)]) })
    })
}

/// Echoes, and says `hello ` first.
pub(crate) async fn echo() -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                stream.write_all(b"hello ").await.unwrap();
                let (mut read, mut write) = stream.split();
                tokio::io::copy(&mut read, &mut write).await.ok();
                write.shutdown().await.ok();
            });
        }
    });
    (port, task)
}

impl Fixture {
    /// Sends bytes, ends the sending side, and reads all that comes back.
    pub(crate) async fn say(&self, bytes: &[u8]) -> String {
        String::from_utf8_lossy(&self.say_bytes(bytes).await).into_owned()
    }

    pub(crate) async fn say_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = UnixStream::connect(&self.socket).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.ok();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        // Who is cut off with something unread gets what was said before.
        read.expect("no answer").ok();
        answer
    }

    pub(crate) async fn connect(&self, at: &str) -> String {
        self.say(format!("CONNECT {at} HTTP/1.1\r\nHost: {at}\r\n\r\nping").as_bytes())
            .await
    }

    pub(crate) fn refused(&self, host: &str, why: Refusal) {
        let log = self.proxy.log();
        assert!(
            log.refused()
                .any(|(entry, reason)| entry.host == host && reason == why),
            "{host} {why:?}: {log:#?}"
        );
    }
}

pub(crate) const TUNNEL: &str = "HTTP/1.1 200 Connection Established\r\n\r\nhello ping";

#[tokio::test]
async fn a_listed_host_is_reached_and_counted() {
    let (port, _echo) = echo().await;
    let at = format!("127.0.0.1:{port}");
    let fixture = fixture(
        Policy::Registries(vec![allowed(&at, true)]),
        Options::default(),
    );
    assert_eq!(fixture.connect(&at).await, TUNNEL);
    assert_eq!(fixture.connect(&at).await, TUNNEL);
    let log = fixture.proxy.close().await;
    let [entry] = log.entries.as_slice() else {
        panic!("{log:#?}")
    };
    assert_eq!(
        (entry.host.as_str(), entry.port, entry.verdict),
        ("127.0.0.1", port, Verdict::Allowed)
    );
    assert_eq!((entry.connections, entry.up, entry.down), (2, 8, 20));
    assert!(!fixture.socket.exists());
}

#[tokio::test]
async fn an_unlisted_host_is_refused_in_words() {
    let (port, _echo) = echo().await;
    let other = format!("127.0.0.1:{}", port.checked_add(1).unwrap_or(1));
    let fixture = fixture(
        Policy::Registries(vec![allowed(&other, true)]),
        Options::default(),
    );
    let answer = fixture.connect("Other.Example:443").await;
    assert!(
        answer.starts_with("HTTP/1.1 403 Freehold refused the connection to other.example:443: "),
        "{answer}"
    );
    assert!(
        answer.contains("set the project's egress to open"),
        "{answer}"
    );
    assert!(answer.ends_with(".\n"));
    fixture.refused("other.example", Refusal::NotListed);
    fixture.connect(&format!("127.0.0.1:{port}")).await;
    fixture.refused("127.0.0.1", Refusal::Address);
}

#[tokio::test]
async fn nothing_is_nothing() {
    for policy in [Policy::None, Policy::Registries(Vec::new())] {
        let (port, _echo) = echo().await;
        let fixture = fixture(policy, Options::default());
        for at in [
            format!("127.0.0.1:{port}"),
            format!("localhost:{port}"),
            "a.example:443".into(),
        ] {
            assert!(
                fixture.connect(&at).await.starts_with("HTTP/1.1 403 "),
                "{at}"
            );
        }
        assert!(
            fixture
                .proxy
                .log()
                .entries
                .iter()
                .all(|entry| entry.down == 0)
        );
    }
}

#[tokio::test]
async fn a_name_that_resolves_inside_is_refused_whoever_allows_it() {
    let (port, _echo) = echo().await;
    for address in [
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "10.0.0.1",
        "100.64.0.1",
        "fd00::1",
    ] {
        for policy in [
            Policy::Open(Vec::new()),
            Policy::Registries(vec![allowed(&format!("pkg.example:{port}"), false)]),
        ] {
            let options = Options {
                resolver: resolver(address),
                ..Options::default()
            };
            let fixture = fixture(policy, options);
            let answer = fixture.connect(&format!("pkg.example:{port}")).await;
            assert!(
                answer.starts_with("HTTP/1.1 403 ") && answer.contains("private or local"),
                "{address}: {answer}"
            );
            fixture.refused("pkg.example", Refusal::Private);
        }
    }
    // What no registry has is refused on anybody's word.
    for address in [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "fd00:ec2::254",
        "fe80::1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
    ] {
        let options = Options {
            resolver: resolver(address),
            ..Options::default()
        };
        let at = format!("pkg.example:{port}");
        let fixture = fixture(Policy::Registries(vec![allowed(&at, true)]), options);
        assert!(
            fixture.connect(&at).await.starts_with("HTTP/1.1 403 "),
            "{address}"
        );
        fixture.refused("pkg.example", Refusal::Never);
    }
    // The positive control: the owner's own configuration may name it.
    let options = Options {
        resolver: resolver("127.0.0.1"),
        ..Options::default()
    };
    let fixture = fixture(
        Policy::Registries(vec![allowed(&format!("pkg.example:{port}"), true)]),
        options,
    );
    assert_eq!(
        fixture.connect(&format!("pkg.example:{port}")).await,
        TUNNEL
    );
}

#[tokio::test]
async fn the_systems_own_name_for_loopback_is_refused() {
    let (port, _echo) = echo().await;
    let fixture = fixture(Policy::Open(Vec::new()), Options::default());
    assert!(
        fixture
            .connect(&format!("localhost:{port}"))
            .await
            .starts_with("HTTP/1.1 403 ")
    );
    fixture.refused("localhost", Refusal::Private);
}

#[tokio::test]
async fn files_of_a_registry_are_fetched_from_its_own_private_address_and_no_other() {
    let (port, _echo) = echo().await;
    for (registry, expected) in [("127.0.0.1", TUNNEL), ("127.0.0.2", "HTTP/1.1 403 ")] {
        let resolver: Resolver = Arc::new(move |name, port| {
            let at = if name == "index.example" {
                registry
            } else {
                "127.0.0.1"
            };
            Box::pin(async move { Ok(vec![SocketAddr::new(at.parse().unwrap(), port)]) })
        });
        let options = Options {
            resolver,
            ..Options::default()
        };
        let at = format!("files.example:{port}");
        let index = HostPort::parse("index.example:443").unwrap().host;
        let list = vec![Allowed {
            private: Private::AsRegistry(index),
            ..allowed(&at, false)
        }];
        let fixture = fixture(Policy::Registries(list), options);
        let answer = fixture.connect(&at).await;
        assert!(answer.starts_with(expected), "{registry}: {answer}");
    }
}

#[tokio::test]
async fn the_judged_address_is_the_dialled_one() {
    // A resolver whose second answer is another: only the first may count, good or bad.
    let (port, _echo) = echo().await;
    for (first, private, expected) in [
        ([127, 0, 0, 1], true, TUNNEL),
        ([10, 0, 0, 1], false, "HTTP/1.1 403 "),
    ] {
        let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let resolver: Resolver = Arc::new(move |_, port| {
            let again = counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 0;
            let ip = if again { [127, 0, 0, 2] } else { first };
            Box::pin(async move { Ok(vec![SocketAddr::from((ip, port))]) })
        });
        let options = Options {
            resolver,
            ..Options::default()
        };
        let at = format!("rebind.example:{port}");
        let fixture = fixture(Policy::Registries(vec![allowed(&at, private)]), options);
        let answer = fixture.connect(&at).await;
        assert!(answer.starts_with(expected), "{answer}");
        assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn spellings_and_tricks() {
    let (port, _echo) = echo().await;
    let options = Options {
        resolver: resolver("127.0.0.1"),
        ..Options::default()
    };
    let fixture = fixture(
        Policy::Registries(vec![allowed(&format!("pkg.example:{port}"), true)]),
        options,
    );
    for same in ["pkg.example", "PKG.Example", "pkg.example."] {
        assert_eq!(
            fixture.connect(&format!("{same}:{port}")).await,
            TUNNEL,
            "{same}"
        );
    }
    for trick in [
        "evil.example\0.pkg.example",
        "pkg.example\0.evil.example",
        "pkg.example@evil.example",
        "evil.example@pkg.example",
        "pkg.example%00.evil.example",
        "pkg.example..",
        "evil.example#pkg.example",
        "evil.example/pkg.example",
        "pkg.example:443@evil.example",
        "2130706433",
        "0x7f.0.0.1",
        "0177.0.0.1",
    ] {
        let answer = fixture.connect(&format!("{trick}:{port}")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{trick:?}: {answer}");
    }
    for other in [
        "evil-pkg.example",
        "pkg.example.evil.example",
        "sub.pkg.example",
        "127.0.0.1",
        "[::1]",
        "127.0.0.1.",
    ] {
        let answer = fixture.connect(&format!("{other}:{port}")).await;
        assert!(answer.starts_with("HTTP/1.1 40"), "{other}: {answer}");
    }
    let log = fixture.proxy.log();
    assert!(
        log.entries
            .iter()
            .all(|entry| entry.host == "pkg.example" || entry.down == 0),
        "{log:#?}"
    );
}

#[tokio::test]
async fn plain_http_goes_in_absolute_form_only() {
    let (port, _echo) = echo().await;
    let at = format!("127.0.0.1:{port}");
    let fixture = fixture(
        Policy::Registries(vec![allowed(&at, true)]),
        Options::default(),
    );
    let request = format!(
        "POST http://{at}/a?b HTTP/1.1\r\nHost: evil.example\r\nProxy-Authorization: x\r\nContent-Length: 4\r\n\r\nbodyGET /more"
    );
    let answer = fixture.say(request.as_bytes()).await;
    // The echo shows what the host was sent.
    assert_eq!(
        answer,
        format!(
            "hello POST /a?b HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody"
        )
    );
    let origin = format!("GET / HTTP/1.1\r\nHost: {at}\r\n\r\n");
    assert!(
        fixture
            .say(origin.as_bytes())
            .await
            .starts_with("HTTP/1.1 400 ")
    );
    let https = format!("GET https://{at}/ HTTP/1.1\r\n\r\n");
    assert!(
        fixture
            .say(https.as_bytes())
            .await
            .starts_with("HTTP/1.1 400 ")
    );
    let refused = fixture
        .say(b"GET http://other.example/ HTTP/1.1\r\n\r\n")
        .await;
    assert!(
        refused.starts_with("HTTP/1.1 403 ") && refused.contains("\r\n\r\nFreehold refused"),
        "{refused}"
    );
}

#[tokio::test]
async fn silence_ends_a_connection_and_a_request() {
    let (port, _echo) = echo().await;
    let at = format!("127.0.0.1:{port}");
    let short = Duration::from_millis(100);
    let options = Options {
        head: short,
        idle: short,
        ..Options::default()
    };
    let fixture = fixture(Policy::Registries(vec![allowed(&at, true)]), options);
    let mut silent = UnixStream::connect(&fixture.socket).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, silent.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    let mut idle = UnixStream::connect(&fixture.socket).await.unwrap();
    idle.write_all(format!("CONNECT {at} HTTP/1.1\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, idle.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert!(answer.ends_with("hello "), "{answer}");
}

#[tokio::test]
async fn closing_ends_open_connections() {
    let (port, _echo) = echo().await;
    let at = format!("127.0.0.1:{port}");
    let fixture = fixture(
        Policy::Registries(vec![allowed(&at, true)]),
        Options::default(),
    );
    let mut open = UnixStream::connect(&fixture.socket).await.unwrap();
    open.write_all(format!("CONNECT {at} HTTP/1.1\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut hello = vec![0; "HTTP/1.1 200 Connection Established\r\n\r\nhello ".len()];
    open.read_exact(&mut hello).await.unwrap();
    let log = tokio::time::timeout(PATIENCE, fixture.proxy.close())
        .await
        .unwrap();
    assert_eq!(log.entries[0].down, 6);
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, open.read_to_end(&mut rest))
        .await
        .unwrap()
        .ok();
    assert_eq!(rest, b"");
    assert!(UnixStream::connect(&fixture.socket).await.is_err());
}

#[tokio::test]
async fn connections_beyond_the_limit_wait() {
    let (port, _echo) = echo().await;
    let at = format!("127.0.0.1:{port}");
    let options = Options {
        connections: 1,
        ..Options::default()
    };
    let fixture = fixture(Policy::Registries(vec![allowed(&at, true)]), options);
    let mut first = UnixStream::connect(&fixture.socket).await.unwrap();
    first
        .write_all(format!("CONNECT {at} HTTP/1.1\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut hello = vec![0; "HTTP/1.1 200 Connection Established\r\n\r\nhello ".len()];
    first.read_exact(&mut hello).await.unwrap();
    let (second, ()) = tokio::join!(fixture.connect(&at), async {
        tokio::task::yield_now().await;
        assert_eq!(fixture.proxy.log().entries[0].connections, 1);
        drop(first);
    });
    assert_eq!(second, TUNNEL);
}

#[tokio::test]
async fn the_log_is_bounded() {
    let options = Options {
        log_entries: 3,
        ..Options::default()
    };
    let fixture = fixture(Policy::None, options);
    for n in 0..5 {
        fixture.connect(&format!("h{n}.example:443")).await;
    }
    let log = fixture.proxy.log();
    assert_eq!((log.entries.len(), log.beyond), (3, 2));
}
