//! A git server over smart HTTP: just enough HTTP/1.1 around `git http-backend`.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use freehold_git::Remote;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use crate::world::{PATH, World};

/// `Basic` of `ann:secret`.
const GRANTED: &str = "Basic YW5uOnNlY3JldA==";

#[derive(Default)]
pub(crate) struct Faults {
    /// Ask for credentials.
    pub(crate) locked: AtomicBool,
    /// Apply a push and drop the connection instead of answering.
    pub(crate) lose_answers: AtomicUsize,
    /// Drop the connection before a push is applied.
    pub(crate) lose_requests: AtomicUsize,
    /// Answer with a redirect to here.
    pub(crate) redirect: AtomicBool,
    /// Answer with 503.
    pub(crate) broken: AtomicBool,
    /// Do not answer a push at all.
    pub(crate) hang: AtomicBool,
}

pub(crate) struct Server {
    pub(crate) faults: Arc<Faults>,
    pub(crate) remote: Remote,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn of(world: &World) -> Self {
        world.raw(world.bare(), &["config", "http.receivepack", "true"]);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let remote = Remote::parse(&format!(
            "http://{}/remote.git",
            listener.local_addr().unwrap()
        ))
        .unwrap();
        let faults = Arc::new(Faults::default());
        let (root, shared) = (world.path(""), Arc::clone(&faults));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (root, faults) = (root.clone(), Arc::clone(&shared));
                tokio::spawn(async move { serve(stream, root, faults).await });
            }
        });
        Self {
            faults,
            remote,
            task,
        }
    }
}

struct Request {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map_or("", |(_, v)| v)
    }

    async fn read(reader: &mut BufReader<TcpStream>) -> Option<Self> {
        let mut line = String::new();
        reader.read_line(&mut line).await.ok()?;
        let mut words = line.split_whitespace();
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let mut request = Self {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).await.ok()?;
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            request
                .headers
                .push((name.to_lowercase(), value.to_owned()));
        }
        if request.header("transfer-encoding") == "chunked" {
            loop {
                let mut size = String::new();
                reader.read_line(&mut size).await.ok()?;
                let size = usize::from_str_radix(size.trim(), 16).ok()?;
                let mut chunk = vec![0; size + 2];
                reader.read_exact(&mut chunk).await.ok()?;
                request.body.extend_from_slice(&chunk[..size]);
                if size == 0 {
                    break;
                }
            }
        } else if let Ok(length) = request.header("content-length").parse() {
            request.body = vec![0; length];
            reader.read_exact(&mut request.body).await.ok()?;
        }
        Some(request)
    }
}

fn take(counter: &AtomicUsize) -> bool {
    counter
        .try_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
        .is_ok()
}

async fn serve(stream: TcpStream, root: PathBuf, faults: Arc<Faults>) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = Request::read(&mut reader).await {
        let push = request.method == "POST"
            && request.path.ends_with("git-receive-pack")
            && request.body.len() > 4;
        let on = |flag: &AtomicBool| flag.load(Ordering::SeqCst);
        if push && on(&faults.hang) {
            return std::future::pending().await;
        }
        if push && take(&faults.lose_requests) {
            return;
        }
        let answer = if on(&faults.broken) {
            b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n".to_vec()
        } else if on(&faults.redirect) {
            b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:9/remote.git/info/refs?service=git-upload-pack\r\nContent-Length: 0\r\n\r\n".to_vec()
        } else if on(&faults.locked) && request.header("authorization") != GRANTED {
            b"HTTP/1.1 401 Who are you\r\nWWW-Authenticate: Basic realm=\"git\"\r\nContent-Length: 0\r\n\r\n".to_vec()
        } else {
            backend(&request, &root).await
        };
        if push && take(&faults.lose_answers) {
            return;
        }
        let sent = reader.get_mut().write_all(&answer).await;
        if sent.is_err() || request.header("connection") == "close" {
            return;
        }
    }
}

async fn backend(request: &Request, root: &PathBuf) -> Vec<u8> {
    let mut command = Command::new("git");
    command
        .arg("http-backend")
        .env_clear()
        .env("PATH", PATH)
        .env("HOME", root.join("home"));
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_HTTP_EXPORT_ALL", "1");
    command
        .env("GIT_PROJECT_ROOT", root)
        .env("REMOTE_USER", "ann")
        .env("REMOTE_ADDR", "127.0.0.1");
    command
        .env("REQUEST_METHOD", &request.method)
        .env("PATH_INFO", &request.path)
        .env("QUERY_STRING", &request.query);
    command
        .env("CONTENT_TYPE", request.header("content-type"))
        .env("CONTENT_LENGTH", request.body.len().to_string());
    command
        .env("HTTP_CONTENT_ENCODING", request.header("content-encoding"))
        .env("GIT_PROTOCOL", request.header("git-protocol"));
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let body = request.body.clone();
    let feed = tokio::spawn(async move {
        let _ended_early = stdin.write_all(&body).await;
    });
    let output = child.wait_with_output().await.unwrap();
    feed.await.unwrap();
    let cut = output
        .stdout
        .windows(4)
        .position(|w| w == b"\r\n\r\n")
        .unwrap();
    let (head, body) = (
        String::from_utf8_lossy(&output.stdout[..cut]),
        &output.stdout[cut + 4..],
    );
    let status = head
        .lines()
        .find_map(|l| l.strip_prefix("Status: "))
        .unwrap_or("200 OK");
    let mut answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len());
    if request.header("connection") == "close" {
        answer += "Connection: close\r\n";
    }
    for line in head.lines().filter(|l| !l.starts_with("Status: ")) {
        answer += &format!("{line}\r\n");
    }
    let mut answer = (answer + "\r\n").into_bytes();
    answer.extend_from_slice(body);
    answer
}
