//! A service that speaks S3: moto (PyPI), started on loopback by a test and ended with it.
//! `scripts/install test` puts it into `target/moto`.

use std::path::Path;
use std::time::Duration;

use freehold_store::{Access, Bucket, Patience};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::helper::{Helper, Speaks};

/// What it says when it listens.
const READY: &str = "Running on ";
/// Where it is, from this crate's folder.
const PLACE: &str = "../../target/moto/bin";

/// It keeps everything in memory.
pub struct Moto {
    helper: Helper,
    url: String,
}

impl Moto {
    /// Starts it, with an empty bucket of this name.
    pub async fn start(bucket: &str) -> Self {
        // Another test of this process may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join(PLACE);
        // The program's first line names its interpreter by an absolute path, which a tree that was
        // moved or copied no longer has.
        let python = place.join("python");
        let mut command = Helper::command(python);
        command.arg(place.join("moto_server"));
        command.args(["-H", "127.0.0.1", "-p", "0"]);
        // It says a line for each request, too.
        let (helper, url) = Helper::start(
            command,
            Speaks::Errors,
            |line| Some(line.split_once(READY)?.1.trim().to_owned()),
            drop,
        );
        let moto = Self { helper, url };
        moto.make(bucket).await;
        moto
    }

    /// Makes a bucket.
    pub async fn make(&self, bucket: &str) {
        self.ask(reqwest::Method::PUT, bucket, "").await;
    }

    /// Deletes what is in a bucket, and the bucket.
    pub async fn forget(&self) {
        self.ask(reqwest::Method::POST, "moto-api/reset", "").await;
    }

    /// From now on it looks who asks: nobody whom we know of may do anything.
    pub async fn deny(&self) {
        self.ask(reqwest::Method::POST, "moto-api/reset-auth", "0")
            .await;
    }

    async fn ask(&self, method: reqwest::Method, path: &str, body: &'static str) {
        let answer = reqwest::Client::new()
            .request(method, format!("{}/{path}", self.url))
            .body(body)
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
    }

    /// How a server gets to a place in a bucket of it, with little patience.
    #[must_use]
    pub fn bucket(&self, address: &str) -> Bucket {
        Bucket {
            address: address.to_owned(),
            endpoint: Some(self.url.clone()),
            region: None,
            in_host: false,
            allow_http: false,
            access: Access::Keys {
                id: "testing".into(),
                secret: "testing".into(),
                session: None,
            },
            patience: Patience {
                connect: Duration::from_millis(500),
                attempt: Duration::from_secs(1),
                whole: Duration::from_secs(2),
            },
        }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// It stands still: connections are taken by the kernel, and nobody answers.
    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// It goes on.
    pub fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.helper.id()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }
}
