//! Ten thousand who connect and say nothing, or half of what they want (F62).

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::harness::{Installation, Part};
use super::procs::until;

const MANY: usize = 10_000;
/// What this test and what it starts need besides.
const OTHER_FILES: u64 = 1_000;
/// What an honest person waits at most, on a machine that is busy with all of them.
const SERVED_WITHIN: Duration = Duration::from_secs(5);
/// A head is waited for ten seconds; then all of them are let go.
const GONE_WITHIN: Duration = Duration::from_secs(40);

/// As many as this machine lets a process have.
fn many() -> usize {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let room = usize::try_from(hard.saturating_sub(OTHER_FILES)).unwrap();
    assert!(room > 500, "a process may have {hard} files here");
    MANY.min(room)
}

fn served(here: &Installation, address: &str) -> Duration {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SERVED_WITHIN * 4)).unwrap();
    let token = &here.line().token;
    let request = format!(
        "GET /api/v1/runners HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    begun.elapsed()
}

/// Whether the other end has let go of it.
fn is_gone(stream: &mut TcpStream) -> bool {
    let mut buffer = [0; 512];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(_) => return true,
        }
    }
}

#[test]
fn ten_thousand_half_open_connections_are_let_go_and_hold_up_nobody() {
    let (many, mut here) = (many(), Installation::up());
    let address = here.line().url.strip_prefix("http://").unwrap().to_owned();
    let quiet = (0..20).map(|_| served(&here, &address)).max().unwrap();
    let begun = Instant::now();
    let mut held = Vec::with_capacity(many);
    for number in 0..many {
        let mut stream = TcpStream::connect(&address).unwrap();
        if number % 2 == 0 {
            stream
                .write_all(b"GET /api/v1/health HTTP/1.1\r\nhost: loc")
                .unwrap();
        }
        stream.set_nonblocking(true).unwrap();
        held.push(stream);
    }
    let connected = begun.elapsed();
    let most = held
        .iter_mut()
        .filter_map(|one| (!is_gone(one)).then_some(()))
        .count();
    let slowest = (0..20).map(|_| served(&here, &address)).max().unwrap();
    assert!(slowest < SERVED_WITHIN, "{slowest:?}");
    let all = Instant::now();
    while !held.is_empty() {
        held.retain_mut(|one| !is_gone(one));
        let left = held.len();
        assert!(all.elapsed() < GONE_WITHIN, "{left} are still held");
        std::thread::sleep(Duration::from_millis(200));
    }
    let server = here.pid(Part::Server);
    until("their sockets are gone at the server", || {
        let files = std::fs::read_dir(format!("/proc/{server}/fd")).unwrap();
        (files.count() < 200).then_some(())
    });
    println!(
        "{many} connected in {connected:?}, {most} of them held at once; the slowest answer took {slowest:?} \
         ({quiet:?} before them); all were let go {:?} after they began",
        begun.elapsed()
    );
    here.stop();
}
