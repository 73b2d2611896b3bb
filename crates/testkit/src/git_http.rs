//! A git server over smart HTTP on loopback, which can be away: just enough HTTP/1.1 around
//! `git http-backend`, one request to a connection.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often a server without visitors looks whether it is to go.
const LOOK: Duration = Duration::from_millis(10);
/// A visitor that says nothing for so long is let go.
const PATIENCE: Duration = Duration::from_secs(30);
/// Most of a request's body: far more than any test pushes.
const BODY_MAX: usize = 64 << 20;

/// Serves the bare repositories in a directory until it is dropped.
#[derive(Debug)]
pub struct GitHttp {
    root: PathBuf,
    address: SocketAddr,
    serving: Option<Serving>,
}

#[derive(Debug)]
struct Serving {
    ends: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl GitHttp {
    /// At a port of its own.
    #[must_use]
    pub fn of(root: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut server = Self {
            root: root.to_owned(),
            address,
            serving: None,
        };
        server.serve(listener);
        server
    }

    /// The address of a repository; it takes pushes from now on.
    #[must_use]
    pub fn url(&self, repository: &str) -> String {
        let config = Command::new("git")
            .args(["config", "http.receivepack", "true"])
            .current_dir(self.root.join(repository))
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .status()
            .expect("git");
        assert!(config.success(), "no repository: {repository}");
        format!("http://{}/{repository}", self.address)
    }

    /// Nobody listens any more: connections are refused. What is under way is brought to its end.
    pub fn go_away(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.ends.store(true, Ordering::SeqCst);
            serving.task.join().expect("the server ends");
        }
    }

    /// It listens again, where it did.
    pub fn come_back(&mut self) {
        if self.serving.is_none() {
            let listener = TcpListener::bind(self.address).expect("the port is still free");
            self.serve(listener);
        }
    }

    fn serve(&mut self, listener: TcpListener) {
        listener.set_nonblocking(true).expect("a setting");
        let ends = Arc::new(AtomicBool::new(false));
        let (root, seen) = (self.root.clone(), Arc::clone(&ends));
        let task = std::thread::spawn(move || {
            while !seen.load(Ordering::SeqCst) {
                match listener.accept() {
                    Ok((stream, _)) => {
                        let root = root.clone();
                        std::thread::spawn(move || answer(&stream, &root));
                    }
                    Err(_) => std::thread::sleep(LOOK),
                }
            }
        });
        self.serving = Some(Serving { ends, task });
    }
}

impl Drop for GitHttp {
    fn drop(&mut self) {
        self.go_away();
    }
}

#[derive(Debug, Default)]
struct Request {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        found.next().map_or("", |(_, value)| value)
    }

    fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let mut words = line.split_whitespace();
        let (method, target) = (words.next()?, words.next()?);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            ..Self::default()
        };
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            let header = (name.to_lowercase(), value.to_owned());
            request.headers.push(header);
        }
        if request.header("expect") == "100-continue" {
            let mut to = stream;
            to.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
        }
        if request.header("transfer-encoding") == "chunked" {
            loop {
                let mut size = String::new();
                reader.read_line(&mut size).ok()?;
                let size = usize::from_str_radix(size.trim(), 16).ok()?;
                if request.body.len() + size > BODY_MAX {
                    return None;
                }
                let mut chunk = vec![0; size + 2];
                reader.read_exact(&mut chunk).ok()?;
                request.body.extend_from_slice(&chunk[..size]);
                if size == 0 {
                    break;
                }
            }
        } else if let Ok(length) = request.header("content-length").parse::<usize>() {
            request.body = vec![0; length.min(BODY_MAX)];
            reader.read_exact(&mut request.body).ok()?;
        }
        Some(request)
    }
}

fn answer(stream: &TcpStream, root: &Path) {
    let setting = stream
        .set_nonblocking(false)
        .and_then(|()| stream.set_read_timeout(Some(PATIENCE)));
    if setting.is_err() {
        return;
    }
    if let Some(request) = Request::read(stream) {
        let mut to = stream;
        // Whoever asked may be gone.
        let _ = to.write_all(&backend(&request, root).unwrap_or_else(broken));
    }
}

fn broken(_: std::io::Error) -> Vec<u8> {
    b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec()
}

/// What `git http-backend` says to it (RFC 3875), as an answer.
fn backend(request: &Request, root: &Path) -> std::io::Result<Vec<u8>> {
    let mut child = Command::new("git")
        .arg("http-backend")
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", root)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_PROJECT_ROOT", root)
        .env("REMOTE_USER", "ann")
        .env("REMOTE_ADDR", "127.0.0.1")
        .env("REQUEST_METHOD", &request.method)
        .env("PATH_INFO", &request.path)
        .env("QUERY_STRING", &request.query)
        .env("CONTENT_TYPE", request.header("content-type"))
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", request.header("content-encoding"))
        .env("GIT_PROTOCOL", request.header("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let (stdin, body) = (child.stdin.take(), request.body.clone());
    let feed = std::thread::spawn(move || {
        // One that ends early closes the pipe.
        stdin.map(|mut stdin| stdin.write_all(&body))
    });
    let said = child.wait_with_output()?.stdout;
    let _ = feed.join();
    let cut = said.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = said.split_at(cut.map_or(0, |cut| cut + 4));
    let head = String::from_utf8_lossy(head);
    let status = head.lines().find_map(|line| line.strip_prefix("Status: "));
    let mut answer = format!(
        "HTTP/1.1 {}\r\nContent-Length: {}\r\nConnection: close\r\n",
        status.unwrap_or("200 OK"),
        body.len()
    );
    let others = head.lines().filter(|line| !line.starts_with("Status: "));
    for line in others.filter(|line| !line.is_empty()) {
        answer.push_str(line);
        answer.push_str("\r\n");
    }
    answer.push_str("\r\n");
    let mut answer = answer.into_bytes();
    answer.extend_from_slice(body);
    Ok(answer)
}
