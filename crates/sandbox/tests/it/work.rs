//! What must work inside, as hard as what must not.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use freehold_sandbox::Port;

use crate::kit::Bench;

#[tokio::test]
async fn a_program_is_compiled_and_run() {
    let inside = Bench::sandbox();
    let source = "#include <stdio.h>\nint main(void) { puts(\"compiled\"); return 0; }\n";
    std::fs::write(inside.workspace().join("a.c"), source).unwrap();
    assert_eq!(inside.sh("cc -O1 -o a a.c && ./a").await.good(), "compiled");
    let script = "python3 -c \"import ssl, json, sqlite3, threading, multiprocessing as m; \
                  p = m.Pool(2); print(sum(p.map(abs, range(-10, 0))))\"";
    assert_eq!(inside.sh(script).await.good(), "55");
}

#[tokio::test]
async fn git_commits_in_a_mounted_repository() {
    let mut inside = Bench::sandbox();
    for (name, value) in [
        ("GIT_AUTHOR_NAME", "A"),
        ("GIT_AUTHOR_EMAIL", "a@example.com"),
    ] {
        inside.spec.env.insert(name.into(), value.into());
        inside
            .spec
            .env
            .insert(name.replace("AUTHOR", "COMMITTER").into(), value.into());
    }
    let lines = "git init -q -b main . && echo one > a && git add a && git commit -q -m one \
                 && git checkout -q -b side && echo two > b && git add b && git commit -q -m two \
                 && git checkout -q main && echo three > c && git add c && git commit -q -m three \
                 && git rebase -q main side && git log --format=%s && git status --porcelain";
    assert_eq!(inside.sh(lines).await.good(), "two\nthree\none");
    assert!(
        inside.workspace().join(".git/refs/heads/side").is_file(),
        "the host sees it"
    );
}

#[tokio::test]
async fn ten_thousand_files() {
    let inside = Bench::sandbox();
    let write = "python3 -c \"import os\nfor d in range(100):\n os.makedirs(f'd{d}')\n \
                 for f in range(100): open(f'd{d}/f{f}', 'w').write(str(f))\"";
    inside.sh(write).await.good();
    assert_eq!(
        inside
            .sh("find . -type f | wc -l && cat d99/f99")
            .await
            .good(),
        "10000\n99"
    );
    assert_eq!(
        std::fs::read_to_string(inside.workspace().join("d42/f7")).unwrap(),
        "7"
    );
}

#[tokio::test]
async fn what_builds_do_with_files_all_day_passes_the_fence() {
    let inside = Bench::sandbox();
    // What builds do all day in the folders that they may write.
    let work = "mkdir -p a b && echo 1 > a/x && mv a/x b/y && ln b/y a/z && ln -s y b/l && : > b/y \
                && mkfifo f && cp b/l /tmp/q && mv /tmp/q a/ && rm -r a b f && echo 2 > /dev/null \
                && test -c /dev/tty && python3 -c \"import socket; \
                s = socket.socket(socket.AF_UNIX); s.bind('s'); s.listen(); \
                c = socket.socket(socket.AF_UNIX); c.connect('s'); \
                n = socket.socket(socket.AF_UNIX); n.bind(chr(0) + 'own'); n.listen(); \
                m = socket.socket(socket.AF_UNIX); m.connect(chr(0) + 'own')\" && echo worked";
    assert_eq!(inside.sh(work).await.good(), "worked");
}

#[tokio::test]
async fn sockets_between_processes_inside() {
    let inside = Bench::sandbox();
    let line = "python3 -c \"
import socket, threading
for family, address in ((socket.AF_INET, ('127.0.0.1', 0)), (socket.AF_UNIX, '/tmp/s')):
    server = socket.socket(family); server.bind(address); server.listen()
    threading.Thread(target=lambda: server.accept()[0].sendall(b'hello')).start()
    client = socket.socket(family); client.connect(server.getsockname())
    print(client.recv(5).decode())
socket.getaddrinfo('localhost', 80); print(socket.gethostname())\"";
    assert_eq!(inside.sh(line).await.good(), "hello\nhello\nfreehold");
}

#[tokio::test]
async fn a_terminal_of_its_own() {
    let inside = Bench::sandbox();
    let line = "python3 -c \"
import pty, os
pid, fd = pty.fork()
if pid == 0: os.execvp('sh', ['sh', '-c', 'trap \\\"echo interrupted; exit 0\\\" INT; echo ready; while :; do sleep 0.05; done'])
seen = b''
while b'ready' not in seen: seen += os.read(fd, 99)
os.write(fd, b'\\x03')
while b'interrupted' not in seen: seen += os.read(fd, 99)
print('ctrl-c')\"";
    assert_eq!(inside.sh(line).await.good(), "ctrl-c");
}

/// Answers every request with its own body, and closes.
fn echo_server(socket: &Path) {
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            std::thread::spawn(move || answer(stream));
        }
    });
}

fn answer(mut stream: UnixStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
        .unwrap_or(0);
    if head.contains("expect: 100-continue") {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body).unwrap();
}

const ASK: &str = "python3 -c \"
import urllib.request, hashlib, os, threading
def ask(n):
    body = os.urandom(n)
    answer = urllib.request.urlopen('http://127.0.0.1:8080/', data=body, timeout=50).read()
    assert answer == body, (n, len(answer))
ask(10 * 1024 * 1024)
threads = [threading.Thread(target=ask, args=(1000 + i,)) for i in range(50)]
[t.start() for t in threads]; [t.join() for t in threads]
for i in range(100): ask(1)
print('all came back')\"";

#[tokio::test]
async fn a_port_carries_ten_megabytes_both_ways() {
    let mut inside = Bench::sandbox();
    let socket = inside.folder.path().join("proxy.sock");
    echo_server(&socket);
    // The control: without the port there is nobody.
    inside.sh(ASK).await.refused("Connection refused");
    inside.spec.ports.push(Port { port: 8080, socket });
    assert_eq!(inside.sh(ASK).await.good(), "all came back");
    assert_eq!(
        inside
            .sh("curl -s --noproxy '*' -d hello http://127.0.0.1:8080/")
            .await
            .good(),
        "hello"
    );
}

#[tokio::test]
async fn a_port_of_a_plain_process_is_on_the_hosts_loopback() {
    let mut plain = Bench::plain();
    let socket = plain.folder.path().join("proxy.sock");
    echo_server(&socket);
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    plain.spec.ports.push(Port { port: free, socket });
    let ask = ASK.replace("8080", &free.to_string());
    assert_eq!(plain.sh(&ask).await.good(), "all came back");
    // One that is taken is an error, and nothing runs.
    let taken = std::net::TcpListener::bind(("127.0.0.1", free)).unwrap();
    let error = freehold_sandbox::start(&plain.line("touch started"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("listen on a port"), "{error}");
    assert!(!plain.workspace().join("started").exists());
    drop(taken);
}

#[tokio::test]
async fn a_port_whose_server_is_gone_closes_the_connection() {
    let mut inside = Bench::sandbox();
    let socket = inside.folder.path().join("proxy.sock");
    drop(UnixListener::bind(&socket).unwrap());
    inside.spec.ports.push(Port { port: 8080, socket });
    let line = "curl -sS --max-time 20 --noproxy '*' http://127.0.0.1:8080/";
    let done = inside.sh(line).await;
    assert!(
        [52, 56].contains(&done.code()),
        "closed, not timed out (28) or not listening (7): {done:?}"
    );
}
