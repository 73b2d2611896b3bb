//! SOCKS5 on the same socket.

use freehold_environment::egress::{Options, Policy, Refusal};
use freehold_environment::endpoint::{Host, HostPort};

use crate::egress::{Fixture, allowed, echo, fixture, resolver};

const GREETING: [u8; 3] = [5, 1, 0];
const GRANTED: [u8; 12] = [5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0];

fn named(host: &[u8], port: u16) -> Vec<u8> {
    let mut bytes = vec![5, 1, 0, 3, u8::try_from(host.len()).unwrap()];
    bytes.extend(host);
    bytes.extend(port.to_be_bytes());
    bytes
}

fn numbered(host: &str, port: u16) -> Vec<u8> {
    let mut bytes = match HostPort::parse(&format!("{host}:1")).unwrap().host {
        Host::Ip(std::net::IpAddr::V4(ip)) => [vec![5, 1, 0, 1], ip.octets().to_vec()].concat(),
        Host::Ip(std::net::IpAddr::V6(ip)) => [vec![5, 1, 0, 4], ip.octets().to_vec()].concat(),
        Host::Name(name) => panic!("{name} is a name"),
    };
    bytes.extend(port.to_be_bytes());
    bytes
}

impl Fixture {
    async fn socks(&self, request: &[u8]) -> Vec<u8> {
        let all = [&GREETING[..], request, b"ping"].concat();
        self.say_bytes(&all).await
    }
}

#[tokio::test]
async fn a_listed_host_is_reached_by_name_and_by_address() {
    let (port, _echo) = echo().await;
    let options = Options {
        resolver: resolver("127.0.0.1"),
        ..Options::default()
    };
    let policy = Policy::Registries(vec![
        allowed(&format!("pkg.example:{port}"), true),
        allowed(&format!("127.0.0.1:{port}"), true),
    ]);
    let fixture = fixture(policy, options);
    for request in [
        named(b"pkg.example", port),
        named(b"PKG.Example.", port),
        named(b"127.0.0.1", port),
        numbered("127.0.0.1", port),
    ] {
        let answer = fixture.socks(&request).await;
        let (reply, said) = answer.split_at(GRANTED.len());
        assert_eq!((reply, said), (&GRANTED[..], &b"hello ping"[..]));
    }
    let log = fixture.proxy.close().await;
    let seen: Vec<_> = log
        .entries
        .iter()
        .map(|entry| (entry.host.as_str(), entry.connections, entry.up, entry.down))
        .collect();
    assert_eq!(seen, [("127.0.0.1", 2, 8, 20), ("pkg.example", 2, 8, 20)]);
}

#[tokio::test]
async fn what_is_not_listed_is_refused() {
    let (port, _echo) = echo().await;
    let options = Options {
        resolver: resolver("127.0.0.1"),
        ..Options::default()
    };
    let policy = Policy::Registries(vec![
        allowed(&format!("google.com:{port}"), true),
        allowed(&format!("private.example:{port}"), false),
    ]);
    let fixture = fixture(policy, options);
    for (request, host, why) in [
        (
            named(b"other.example", port),
            "other.example",
            Refusal::NotListed,
        ),
        (
            named(b"private.example", port),
            "private.example",
            Refusal::Private,
        ),
        (numbered("127.0.0.1", port), "127.0.0.1", Refusal::Address),
        (numbered("[::1]", port), "[::1]", Refusal::Address),
        (
            numbered("[::ffff:127.0.0.1]", port),
            "[::ffff:127.0.0.1]",
            Refusal::Address,
        ),
    ] {
        let answer = fixture.socks(&request).await;
        assert_eq!(answer.get(..4), Some(&[5, 0, 5, 2][..]), "{host}");
        fixture.refused(host, why);
    }
    // What a reader that stops at NUL, or at the end of a name, would take for google.com.
    for trick in [
        &b"evil\0.google.com"[..],
        b"evil\0google.com",
        b"google.com\0.evil.example",
        b"google.com\0",
        b"evil.example@google.com",
        b"google.com#.evil.example",
        b"0x7f.1",
        b"2130706433",
    ] {
        let answer = fixture.socks(&named(trick, port)).await;
        assert_eq!(answer.get(..4), Some(&[5, 0, 5, 2][..]), "{trick:?}");
    }
    let log = fixture.proxy.log();
    assert!(log.entries.iter().all(|entry| entry.down == 0), "{log:#?}");
    // The name itself is open, so that each of them would have been.
    let answer = fixture.socks(&named(b"google.com", port)).await;
    assert!(answer.ends_with(b"hello ping"), "{answer:?}");
}

#[tokio::test]
async fn other_commands_methods_and_noise() {
    let fixture = fixture(Policy::Open(Vec::new()), Options::default());
    for (request, reply) in [
        (&[5, 2, 0, 1, 1, 1, 1, 1, 0, 80][..], 7),
        (&[5, 3, 0, 1, 1, 1, 1, 1, 0, 80], 7),
        (&[5, 1, 0, 9, 1, 1, 1, 1, 0, 80], 8),
        (&[4, 1, 0, 1, 1, 1, 1, 1, 0, 80], 1),
    ] {
        let answer = fixture.socks(request).await;
        assert_eq!(answer.get(..4), Some(&[5, 0, 5, reply][..]), "{request:?}");
    }
    // A log-in is asked for and there is none to check.
    assert_eq!(fixture.say_bytes(&[5, 1, 2]).await, [5, 0xff]);
    assert_eq!(fixture.say_bytes(&[5, 0]).await, [5, 0xff]);
    // SOCKS4 is no HTTP either.
    let four = fixture.say_bytes(&[4, 1, 0, 80, 1, 1, 1, 1, 0]).await;
    assert!(four.starts_with(b"HTTP/1.1 400 "), "{four:?}");
    assert_eq!(fixture.proxy.log().refused().count(), 0);
}
