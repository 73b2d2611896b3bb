//! A server that answers what the test says, one request per connection, and remembers all.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use freehold_wire::problem::{MEDIA_TYPE, Problem};
use serde::Serialize;

/// The token that the server wants.
pub(crate) const TOKEN: &str = "fhu_test-token.abc123";

/// What was asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// With its query.
    pub(crate) path: String,
    pub(crate) authorization: String,
    pub(crate) key: String,
    pub(crate) if_match: String,
    pub(crate) confirmation: String,
    pub(crate) body: String,
}

impl Request {
    /// Method and path, to match on.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// With its body, if it has one.
    pub(crate) fn whole(&self) -> String {
        let version = match self.if_match.as_str() {
            "" => String::new(),
            version => format!("if-match: {version} "),
        };
        format!("{} {version}{}", self.line(), self.body)
            .trim_end()
            .to_owned()
    }
}

/// What is answered.
pub(crate) enum Answer {
    /// Status, media type and body.
    Whole(u16, &'static str, Vec<u8>),
    /// Chunks, properly ended.
    Stream(Vec<Vec<u8>>),
    /// Chunks, and then the connection is cut.
    Cut(Vec<Vec<u8>>),
    /// The connection is cut without a word.
    Hangup,
    /// To somewhere else.
    Redirect(String),
}

pub(crate) fn json<T: Serialize>(document: &T) -> Answer {
    Answer::Whole(
        200,
        "application/json",
        serde_json::to_vec(document).unwrap(),
    )
}

pub(crate) fn problem(problem: &Problem) -> Answer {
    let body = serde_json::to_vec(problem).unwrap();
    Answer::Whole(problem.status, MEDIA_TYPE, body)
}

pub(crate) struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
}

impl Server {
    /// Answers with `answer` until it is dropped.
    pub(crate) fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (seen, stopped, answer) = (requests.clone(), stop.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (seen, answer) = (seen.clone(), answer.clone());
                std::thread::spawn(move || serve(stream.unwrap(), &seen, &*answer));
            }
        });
        Self {
            address,
            requests,
            stop,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The requests' lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.requests().iter().map(Request::line).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the accepting thread.
        drop(TcpStream::connect(self.address));
    }
}

fn serve(
    mut stream: TcpStream,
    seen: &Mutex<Vec<Request>>,
    answer: &(dyn Fn(&Request) -> Answer + Send + Sync),
) {
    let Some(request) = read(&stream) else {
        return;
    };
    seen.lock().unwrap().push(request.clone());
    // The client may have gone; that is its right.
    let _ = write(&mut stream, answer(&request));
    let _ = stream.shutdown(Shutdown::Both);
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let mut request = Request {
        method: words.next()?.to_owned(),
        path: words.next()?.to_owned(),
        ..Request::default()
    };
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "authorization" => request.authorization = value.to_owned(),
            "idempotency-key" => request.key = value.to_owned(),
            "if-match" => request.if_match = value.to_owned(),
            "confirmation" => request.confirmation = value.to_owned(),
            "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    request.body = String::from_utf8(body).ok()?;
    Some(request)
}

fn write(stream: &mut TcpStream, answer: Answer) -> std::io::Result<()> {
    const CHUNKED: &str =
        "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunks = |stream: &mut TcpStream, chunks: Vec<Vec<u8>>| {
        stream.write_all(CHUNKED.as_bytes())?;
        for chunk in chunks {
            write!(stream, "{:x}\r\n", chunk.len())?;
            stream.write_all(&chunk)?;
            stream.write_all(b"\r\n")?;
            stream.flush()?;
        }
        Ok::<_, std::io::Error>(())
    };
    match answer {
        Answer::Hangup => Ok(()),
        Answer::Cut(parts) => chunks(stream, parts),
        Answer::Stream(parts) => {
            chunks(stream, parts)?;
            stream.write_all(b"0\r\n\r\n")
        }
        Answer::Redirect(to) => {
            write!(
                stream,
                "HTTP/1.1 307 x\r\nlocation: {to}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            )
        }
        Answer::Whole(status, media, body) => {
            write!(
                stream,
                "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-type: {media}\r\netag: \"seen\"\r\ncontent-length: {}\r\n\r\n",
                body.len()
            )?;
            stream.write_all(&body)
        }
    }
}
