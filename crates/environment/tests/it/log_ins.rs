//! Private registries: the real clients fetch from them, and what they fetch with is nowhere inside.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use freehold_environment::endpoint::HostPort;
use freehold_environment::registries::Registries;
use freehold_environment::toolchain::Host;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::kit::{Bench, Done, has, host};

const TOKEN: &str = "hunter-npm-token";
const PASSWORD: &str = "hunter-pip-password";
/// `me` and the password.
const BASIC: &str = "Basic bWU6aHVudGVyLXBpcC1wYXNzd29yZA==";

/// One request as a registry saw it.
#[derive(Debug, Clone)]
struct Seen {
    method: String,
    path: String,
    authorization: Option<String>,
}

/// A small npm registry and pip index that gives nothing without a log-in.
struct Registry {
    base: String,
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
}

#[derive(Clone)]
struct Shelf {
    base: String,
    elsewhere: Option<String>,
    tarball: Arc<Vec<u8>>,
    wheel: Arc<Vec<u8>>,
    integrity: String,
}

impl Shelf {
    fn answer(&self, seen: &Seen) -> (&'static str, &'static str, Vec<u8>) {
        let own = seen.authorization.as_deref();
        let given = match seen.path.starts_with("/npm/") {
            true => own == Some(&format!("Bearer {TOKEN}")),
            false => own == Some(BASIC),
        };
        if seen.path == "/open" {
            return ("200 OK", "text/plain", b"open\n".to_vec());
        }
        if !given {
            return ("401 Unauthorized", "text/plain", b"log in\n".to_vec());
        }
        let base = &self.base;
        match seen.path.as_str() {
            "/npm/private-thing" => {
                let (file, integrity) = (
                    format!("{base}/npm/private-thing/-/private-thing-1.0.0.tgz"),
                    &self.integrity,
                );
                let text = format!(
                    r#"{{"name":"private-thing","dist-tags":{{"latest":"1.0.0"}},"versions":{{"1.0.0":{{"name":"private-thing",
                    "version":"1.0.0","dist":{{"tarball":"{file}","integrity":"{integrity}"}}}}}}}}"#
                );
                ("200 OK", "application/json", text.into_bytes())
            }
            "/npm/private-thing/-/private-thing-1.0.0.tgz" => {
                ("200 OK", "application/octet-stream", self.tarball.to_vec())
            }
            "/simple/private-thing/" => {
                // Beside the index, by its whole address.
                let text = format!(
                    "<a href=\"{base}/files/private_thing-1.0-py3-none-any.whl\">private_thing-1.0-py3-none-any.whl</a>"
                );
                ("200 OK", "text/html", text.into_bytes())
            }
            "/files/private_thing-1.0-py3-none-any.whl" => {
                ("200 OK", "application/octet-stream", self.wheel.to_vec())
            }
            "/npm/elsewhere" => (
                "302 Found",
                "text/plain",
                self.elsewhere.clone().unwrap_or_default().into_bytes(),
            ),
            _ => ("404 Not Found", "text/plain", b"no\n".to_vec()),
        }
    }

    async fn serve(
        self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
        all: Arc<Mutex<Vec<Seen>>>,
    ) {
        let mut head = Vec::new();
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            match stream.read_buf(&mut head).await {
                Ok(read) if read > 0 => {}
                _ => return,
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut words = head.split(' ');
        let authorization = head.lines().find_map(|line| {
            line.to_lowercase()
                .starts_with("authorization:")
                .then(|| line[14..].trim().to_owned())
        });
        let seen = Seen {
            method: words.next().unwrap().to_owned(),
            path: words.next().unwrap().replace("%2f", "/"),
            authorization,
        };
        all.lock().unwrap().push(seen.clone());
        let (code, kind, body) = self.answer(&seen);
        let location = match code.starts_with("302") {
            true => format!("Location: {}\r\n", String::from_utf8_lossy(&body)),
            false => String::new(),
        };
        let answer = format!(
            "HTTP/1.1 {code}\r\nContent-Type: {kind}\r\n{location}Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await.ok();
        stream.write_all(&body).await.ok();
        stream.shutdown().await.ok();
    }
}

/// What both clients are to fetch, made by Python.
fn packages(dir: &Path) -> (Vec<u8>, Vec<u8>, String) {
    let script = r#"
import base64, hashlib, io, tarfile, zipfile
def add(tar, name, text):
    info = tarfile.TarInfo(name)
    info.size = len(text)
    tar.addfile(info, io.BytesIO(text))
with tarfile.open("thing.tgz", "w:gz") as tar:
    add(tar, "package/package.json", b'{"name":"private-thing","version":"1.0.0"}')
    add(tar, "package/index.js", b"module.exports = 42;\n")
with zipfile.ZipFile("thing.whl", "w") as wheel:
    wheel.writestr("private_thing.py", "ANSWER = 42\n")
    wheel.writestr("private_thing-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: private-thing\nVersion: 1.0\n")
    wheel.writestr("private_thing-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr("private_thing-1.0.dist-info/RECORD", "private_thing.py,,\nprivate_thing-1.0.dist-info/METADATA,,\nprivate_thing-1.0.dist-info/WHEEL,,\nprivate_thing-1.0.dist-info/RECORD,,\n")
print("sha512-" + base64.b64encode(hashlib.sha512(open("thing.tgz", "rb").read()).digest()).decode(), end="")
"#;
    let made = Command::new("python3")
        .args(["-c", script])
        .env_clear()
        .env("PATH", host().path)
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let read = |name: &str| fs::read(dir.join(name)).unwrap();
    (
        read("thing.tgz"),
        read("thing.whl"),
        String::from_utf8(made.stdout).unwrap(),
    )
}

/// TLS for localhost, and the authority that a client must trust for it, as PEM.
fn tls() -> (TlsAcceptor, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .unwrap();
    let encoded = STANDARD.encode(own.der());
    let lines = encoded.as_bytes().chunks(64).map(String::from_utf8_lossy);
    let text = lines.collect::<Vec<_>>().join("\n");
    let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    (TlsAcceptor::from(Arc::new(config)), pem)
}

impl Registry {
    async fn open(dir: &Path, acceptor: Option<TlsAcceptor>, elsewhere: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (scheme, host) = match acceptor.is_some() {
            true => ("https", "localhost"),
            false => ("http", "127.0.0.1"),
        };
        let base = format!("{scheme}://{host}:{port}");
        let (tarball, wheel, integrity) = packages(dir);
        let shelf = Shelf {
            base: base.clone(),
            elsewhere,
            tarball: Arc::new(tarball),
            wheel: Arc::new(wheel),
            integrity,
        };
        let seen = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shelf, all, acceptor) = (shelf.clone(), Arc::clone(&all), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => shelf.serve(stream, all).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                shelf.serve(stream, all).await;
                            }
                        }
                    }
                });
            }
        });
        Self { base, port, seen }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

/// An owner whose clients are configured for a registry with a log-in, and nothing else.
fn owner(bench: &Bench, registry: &Registry, ca: Option<&str>) -> Host {
    let home = bench.home().join("owner");
    let base = &registry.base;
    let place = base.split_once(':').unwrap().1;
    let mut npmrc = format!("registry={base}/npm/\n{place}/npm/:_authToken=${{THE_TOKEN}}\n");
    let mut pip = format!(
        "[global]\nindex-url = {}/simple/\n",
        base.replace("://", &format!("://me:{PASSWORD}@"))
    );
    fs::create_dir_all(home.join(".config/pip")).unwrap();
    if let Some(ca) = ca {
        let path = home.join("ca.pem");
        fs::write(&path, ca).unwrap();
        npmrc.push_str(&format!("cafile={}\n", path.display()));
        pip.push_str(&format!("cert = {}\n", path.display()));
    }
    fs::write(home.join(".npmrc"), npmrc).unwrap();
    fs::write(home.join(".config/pip/pip.conf"), pip).unwrap();
    let mut owner = Host { home, ..host() };
    owner.env = [("THE_TOKEN".to_owned(), TOKEN.to_owned())].into();
    // Version managers that live in the real home.
    owner
        .env
        .extend(["PYENV_ROOT", "NVM_DIR"].into_iter().filter_map(|name| {
            let value = host().env.get(name)?.clone();
            Some((name.to_owned(), value))
        }));
    owner
}

const FETCH: &str = "mkdir -p p && cd p && echo '{}' > package.json && npm install --no-audit --no-fund private-thing \
     && node -e 'process.exit(require(\"private-thing\") - 42)' \
     && rm -rf node_modules ~/.npm && npm ci --no-audit --no-fund && cat package-lock.json \
     && python3 -m venv v && v/bin/python -m pip install --no-cache-dir private-thing \
     && v/bin/python -c 'import private_thing as p; print(\"ANSWER =\", p.ANSWER)'";
/// Everything that a program inside can read of itself, its configuration and its home.
const LOOK: &str = "env; cat /proc/*/environ | tr '\\0' '\\n'; cat /proc/*/cmdline | tr '\\0' '\\n'; \
     grep -rhaE 'h[u]nter|b[W]U6' ~ /workspace /freehold /tmp 2>/dev/null; npm config list -l; python3 -m pip config list";

fn hidden(done: &Done) {
    for secret in [TOKEN, PASSWORD, "hunter", "bWU6aHVudGVy"] {
        assert!(!done.text.contains(secret), "{secret}: {}", done.text);
    }
    assert!(
        done.text.contains("HTTPS_PROXY="),
        "nothing was looked at: {}",
        done.text
    );
}

/// Both clients fetch; nothing inside has what they fetch with; without the proxy's log-ins they fail.
async fn fetches(bench: &Bench, registry: &Registry, known: &Registries) {
    let done = bench.sh(known, known.policy(), FETCH).await;
    assert_eq!(done.code, 0, "{}\n{:#?}", done.text, registry.seen());
    let lock = format!(
        "{}/npm/private-thing/-/private-thing-1.0.0.tgz",
        registry.base
    );
    assert!(
        done.text.contains(&lock) && done.text.contains("ANSWER = 42"),
        "{}",
        done.text
    );
    let seen = registry.seen();
    for path in [
        "/npm/private-thing",
        "/npm/private-thing/-/private-thing-1.0.0.tgz",
        "/simple/private-thing/",
        "/files/private_thing-1.0-py3-none-any.whl",
    ] {
        assert!(
            seen.iter()
                .any(|seen| seen.path == path && seen.authorization.is_some()),
            "{path}: {seen:#?}"
        );
    }
    hidden(&bench.sh(known, known.policy(), LOOK).await);
    let mut without = known.clone();
    without.log_ins.clear();
    let line = format!("export npm_config_fetch_retries=0; rm -rf p ~/.npm; {FETCH}");
    let done = bench.sh(&without, without.policy(), &line).await;
    assert_ne!(done.code, 0, "{}", done.text);
}

fn ready() -> bool {
    has("npm") && has("python3") && has("curl")
}

#[tokio::test]
async fn a_private_registry_in_plain_http() {
    if !ready() {
        return;
    }
    let bench = Bench::new();
    let registry = Registry::open(&bench.work(), None, None).await;
    let known = bench.learn(&owner(&bench, &registry, None)).await;
    assert_eq!(known.log_ins.len(), 2, "{known:#?}");
    fs::remove_dir_all(bench.home().join("owner")).unwrap();
    fetches(&bench, &registry, &known).await;
}

#[tokio::test]
async fn a_private_registry_behind_tls() {
    if !ready() {
        return;
    }
    let (bench, owners) = (Bench::new(), Bench::new());
    let (acceptor, ca) = tls();
    let registry = Registry::open(&bench.work(), Some(acceptor), None).await;
    let known = owners.learn(&owner(&owners, &registry, Some(&ca))).await;
    assert_eq!(known.log_ins.len(), 2, "{known:#?}");
    fetches(&bench, &registry, &known).await;
}

#[tokio::test]
async fn a_log_in_goes_to_its_host_alone_and_only_to_fetch() {
    if !ready() {
        return;
    }
    for secure in [false, true] {
        let (bench, owners) = (Bench::new(), Bench::new());
        let other = Registry::open(&owners.work(), None, None).await;
        let (acceptor, ca) = match secure {
            true => Some(tls()).unzip(),
            false => (None, None),
        };
        let elsewhere = format!("{}/open", other.base);
        let registry = Registry::open(&bench.work(), acceptor, Some(elsewhere)).await;
        let mut known = owners
            .learn(&owner(&owners, &registry, ca.as_deref()))
            .await;
        let mut more = known.allow[0].clone();
        more.at = HostPort::parse(&format!("127.0.0.1:{}", other.port)).unwrap();
        known.allow.push(more);
        let base = &registry.base;
        let line = format!(
            "curl -sS {base}/npm/private-thing | grep -c tarball; curl -sSL {base}/npm/elsewhere; \
             curl -sS -X PUT -d '{{}}' {base}/npm/private-thing; \
             curl -sS --path-as-is {base}/npm/x/../private-thing; \
             curl -sS -H 'Authorization: Bearer mine' {base}/npm/private-thing | grep -c tarball; \
             curl -sS -H 'Host: evil.example' {base}/npm/private-thing"
        );
        let done = bench.sh(&known, known.policy(), &line).await;
        let seen = registry.seen();
        let of = |method: &str, path: &str| -> Vec<Option<String>> {
            let all = seen
                .iter()
                .filter(|seen| seen.method == method && seen.path == path);
            all.map(|seen| seen.authorization.clone()).collect()
        };
        let bearer = Some(format!("Bearer {TOKEN}"));
        // Fetched: the log-in. Sent, or on a crooked path: none. What a client brings itself: replaced.
        assert!(
            of("GET", "/npm/private-thing")
                .iter()
                .all(|own| *own == bearer),
            "{seen:#?}"
        );
        assert!(
            of("GET", "/npm/private-thing").len() >= 2,
            "{seen:#?} {}",
            done.text
        );
        assert_eq!(
            of("PUT", "/npm/private-thing"),
            [None],
            "{seen:#?} {}",
            done.text
        );
        assert_eq!(of("GET", "/npm/x/../private-thing"), [None], "{seen:#?}");
        assert!(done.text.contains("open\n"), "{}", done.text);
        let there = other.seen();
        assert!(there.iter().any(|seen| seen.path == "/open"), "{there:#?}");
        assert!(
            there.iter().all(|seen| seen.authorization.is_none()),
            "{there:#?}"
        );
        if secure {
            assert!(
                done.text
                    .contains("not a request to the host of the tunnel"),
                "{}",
                done.text
            );
        }
    }
}
