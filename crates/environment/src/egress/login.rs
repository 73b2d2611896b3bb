//! Log-ins that the proxy adds for named hosts, so that no program inside ever holds one.
//!
//! A token can only be added where a request can be read. Plain HTTP can; for TLS the proxy is the
//! host's other end: it answers with a certificate of an authority that lives as long as the proxy,
//! is trusted in this one sandbox alone, and has certificates for hosts with a log-in and no others.
//! To the host itself it speaks TLS like any client, with the owner's certificates.
//!
//! A log-in is added to `GET` and `HEAD`: what is inside can fetch with it, and publish nothing. It
//! is added to requests for exactly its host, port and path, so a redirect elsewhere never carries
//! it. A host that repeats a token in its answer repeats it into the sandbox.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};
use zeroize::Zeroizing;

use super::request::Plain;
use crate::endpoint::{Host, HostPort, Url};

/// The longest token that is taken: a signed one with many claims has some 2 kB.
const MAX_TOKEN: usize = 8 * 1024;

/// A log-in for a part of one host.
#[derive(Clone, PartialEq, Eq)]
pub struct LogIn {
    at: HostPort,
    https: bool,
    /// A path that ends with `/`.
    below: String,
    authorization: Zeroizing<String>,
}

impl LogIn {
    /// A token for what lies below the path of `url`; none when it is no token of a header.
    #[must_use]
    pub fn bearer(url: &Url, token: &str) -> Option<Self> {
        Self::new(url, "Bearer ", token)
    }

    /// `user:password` in base64, for what lies below the path of `url`.
    #[must_use]
    pub fn basic(url: &Url, encoded: &str) -> Option<Self> {
        Self::new(url, "Basic ", encoded)
    }

    /// As [`LogIn::basic`], from its parts.
    #[must_use]
    pub fn password(url: &Url, user: &str, password: &str) -> Option<Self> {
        let plain = Zeroizing::new(format!("{user}:{password}"));
        let encoded = Zeroizing::new(STANDARD.encode(plain.as_bytes()));
        Self::basic(url, &encoded)
    }

    fn new(url: &Url, scheme: &str, token: &str) -> Option<Self> {
        let path = url.path.split('?').next().unwrap_or_default();
        let fits = !token.is_empty() && token.len() <= MAX_TOKEN;
        (fits && token.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Self {
            at: url.at.clone(),
            https: url.https,
            below: format!("{}/", path.trim_end_matches('/')),
            authorization: Zeroizing::new(format!("{scheme}{token}")),
        })
    }

    /// Where it is good.
    #[must_use]
    pub fn at(&self) -> &HostPort {
        &self.at
    }

    fn is_for(&self, https: bool, request: &Plain) -> bool {
        self.https == https && self.at == request.at && request.path.starts_with(&self.below)
    }
}

impl fmt::Debug for LogIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogIn({}{})", self.at, self.below)
    }
}

/// The log-in that a request gets: the one for the longest path, and only where it can fetch alone.
fn chosen<'a>(log_ins: &'a [LogIn], https: bool, request: &Plain) -> Option<&'a str> {
    let fetches = matches!(request.method.as_str(), "GET" | "HEAD");
    if !fetches || !is_straight(&request.path) {
        return None;
    }
    let fitting = log_ins.iter().filter(|own| own.is_for(https, request));
    let best = fitting.max_by_key(|own| own.below.len())?;
    Some(best.authorization.as_str())
}

/// Whether a path stays below where it begins, however a host decodes it.
fn is_straight(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let mut plain = path.to_ascii_lowercase();
    // Twice, for hosts behind a proxy that decodes too.
    for _ in 0..2 {
        plain = plain
            .replace("%25", "%")
            .replace("%2e", ".")
            .replace("%2f", "/")
            .replace("%5c", "/");
    }
    !plain
        .split(['/', '\\', ';'])
        .any(|part| part == "." || part == "..")
}

/// Why log-ins cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LogInError {
    /// Cryptography failed.
    #[error("no certificate could be made for the hosts with a log-in")]
    Certificate(#[source] rcgen::Error),
    /// The TLS library refuses the settings.
    #[error("TLS cannot be set up for the hosts with a log-in")]
    Tls(#[source] rustls::Error),
}

impl From<rcgen::Error> for LogInError {
    fn from(error: rcgen::Error) -> Self {
        Self::Certificate(error)
    }
}

impl From<rustls::Error> for LogInError {
    fn from(error: rustls::Error) -> Self {
        Self::Tls(error)
    }
}

/// The log-ins of one proxy, and the other end of TLS for their hosts.
pub struct Authority {
    log_ins: Vec<LogIn>,
    tls: Option<Tls>,
}

struct Tls {
    acceptors: BTreeMap<HostPort, TlsAcceptor>,
    connector: TlsConnector,
    bundle: String,
}

impl Authority {
    /// Makes one. `certificates` are files of the owner's that are trusted besides the system's; one
    /// that cannot be read is as if it were not there.
    ///
    /// # Errors
    /// See [`LogInError`].
    pub fn new(log_ins: Vec<LogIn>, certificates: &[PathBuf]) -> Result<Self, LogInError> {
        let hosts: Vec<&HostPort> = log_ins
            .iter()
            .filter(|own| own.https)
            .map(|own| &own.at)
            .collect();
        let tls = match hosts.is_empty() {
            true => None,
            false => Some(Tls::new(&hosts, certificates)?),
        };
        Ok(Self { log_ins, tls })
    }

    /// All certificates that are trusted inside, as PEM: the system's, the owner's and its own. None
    /// where no host with a log-in speaks TLS.
    #[must_use]
    pub fn bundle(&self) -> Option<&str> {
        self.tls.as_ref().map(|tls| tls.bundle.as_str())
    }

    pub(super) fn plain(&self, request: &Plain) -> Option<&str> {
        chosen(&self.log_ins, false, request)
    }

    pub(super) fn within(&self, request: &Plain) -> Option<&str> {
        chosen(&self.log_ins, true, request)
    }

    /// The other end of TLS to a host; none where it has no log-in.
    pub(super) fn end(&self, at: &HostPort) -> Option<OtherEnd<'_>> {
        let tls = self.tls.as_ref()?;
        let acceptor = tls.acceptors.get(at)?;
        Some(OtherEnd { acceptor, tls })
    }
}

pub(super) struct OtherEnd<'a> {
    acceptor: &'a TlsAcceptor,
    tls: &'a Tls,
}

impl OtherEnd<'_> {
    pub(super) async fn accept<S>(&self, stream: S) -> io::Result<server::TlsStream<S>>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    {
        self.acceptor.accept(stream).await
    }

    pub(super) async fn connect(
        &self,
        at: &HostPort,
        stream: TcpStream,
    ) -> io::Result<client::TlsStream<TcpStream>> {
        let name = match &at.host {
            Host::Name(name) => ServerName::try_from(name.clone()).map_err(io::Error::other)?,
            Host::Ip(ip) => ServerName::from(*ip),
        };
        self.tls.connector.connect(name, stream).await
    }
}

impl Tls {
    fn new(hosts: &[&HostPort], certificates: &[PathBuf]) -> Result<Self, LogInError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut trusted = rustls_native_certs::load_native_certs().certs;
        for file in certificates {
            let read = CertificateDer::pem_file_iter(file).into_iter().flatten();
            trusted.extend(read.flatten());
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(trusted.iter().cloned());
        let client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "Freehold, this run only");
        let own = params.self_signed(&key)?;
        let issuer = Issuer::new(params, key);
        let mut acceptors = BTreeMap::new();
        for at in hosts {
            let acceptor = acceptor(at, &issuer, &provider)?;
            acceptors.insert((*at).clone(), acceptor);
        }
        trusted.push(own.der().clone());
        Ok(Self {
            acceptors,
            connector: TlsConnector::from(Arc::new(client)),
            bundle: trusted.iter().map(|der| pem(der)).collect(),
        })
    }
}

fn acceptor(
    at: &HostPort,
    issuer: &Issuer<'_, KeyPair>,
    provider: &Arc<rustls::crypto::CryptoProvider>,
) -> Result<TlsAcceptor, LogInError> {
    let name = at.host.to_string();
    let name = name.trim_matches(['[', ']']).to_owned();
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec![name])?;
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    // OpenSSL in its strict mode (Python 3.13) wants to be told who signed.
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, issuer)?;
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())?;
    // Requests are read as HTTP/1.1 and nothing else.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// RFC 7468.
fn pem(der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = more;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

#[cfg(test)]
mod tests {
    use super::super::request::{Request, parse};
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn request(method: &str, target: &str) -> Plain {
        let head = format!("{method} {target} HTTP/1.1\r\n\r\n");
        match parse(head.as_bytes()).unwrap() {
            Request::Plain(plain) => plain,
            Request::Tunnel { .. } => panic!("not plain"),
        }
    }

    #[test]
    fn a_log_in_is_for_its_own_part_of_one_host_and_to_fetch() {
        let log_ins = [
            LogIn::bearer(&url("http://r.example:81/npm/"), "one").unwrap(),
            LogIn::bearer(&url("http://r.example:81/npm/private"), "two").unwrap(),
            LogIn::bearer(&url("https://r.example:81/"), "tls").unwrap(),
        ];
        let given = |method: &str, target: &str| {
            chosen(&log_ins, false, &request(method, target)).map(str::to_owned)
        };
        let to = "http://r.example:81";
        assert_eq!(
            given("GET", &format!("{to}/npm/x")).as_deref(),
            Some("Bearer one")
        );
        assert_eq!(
            given("HEAD", &format!("{to}/npm/@a%2fb?c")).as_deref(),
            Some("Bearer one")
        );
        assert_eq!(
            given("GET", &format!("{to}/npm/private/x")).as_deref(),
            Some("Bearer two")
        );
        for (method, target) in [
            ("PUT", "/npm/x"),
            ("POST", "/npm/x"),
            ("DELETE", "/npm/x"),
            ("GET", "/npm"),
            ("GET", "/npmx/x"),
            ("GET", "/"),
            ("GET", "/npm/../admin"),
            ("GET", "/npm/%2e%2E/admin"),
            ("GET", "/npm/x%2f..%2fadmin"),
            ("GET", "/npm/%252e%252e/admin"),
            ("GET", "/npm/..;/admin"),
        ] {
            assert_eq!(
                given(method, &format!("{to}{target}")),
                None,
                "{method} {target}"
            );
        }
        for other in ["http://r.example/npm/x", "http://x.r.example:81/npm/x"] {
            assert_eq!(given("GET", other), None, "{other}");
        }
    }

    #[test]
    fn what_is_no_header_is_no_log_in_and_none_is_shown() {
        let at = url("https://r.example/");
        for token in ["", "a\r\nX: y", "a b", "\u{e4}", &"a".repeat(MAX_TOKEN + 1)] {
            assert_eq!(LogIn::bearer(&at, token), None);
        }
        let log_in = LogIn::password(&at, "me", "hunter").unwrap();
        assert_eq!(log_in.authorization.as_str(), "Basic bWU6aHVudGVy");
        assert_eq!(format!("{log_in:?}"), "LogIn(r.example:443/)");
    }

    #[test]
    fn an_authority_ends_tls_for_its_hosts_alone() {
        let at = url("https://r.example/");
        let log_in = LogIn::bearer(&at, "x").unwrap();
        let authority = Authority::new(vec![log_in], &[]).unwrap();
        assert!(authority.end(&at.at).is_some());
        assert!(authority.end(&url("https://other.example/").at).is_none());
        assert!(
            authority
                .bundle()
                .unwrap()
                .ends_with("-----END CERTIFICATE-----\n")
        );
        let plain = LogIn::bearer(&url("http://r.example/"), "x").unwrap();
        assert_eq!(Authority::new(vec![plain], &[]).unwrap().bundle(), None);
    }
}
