//! A bucket that speaks S3: where it is, who may use it, how patient we are, and the HTTP client
//! beneath. That client is the workspace's own (HTTP/1.1, rustls with ring), so that the object store
//! brings no second one.

use std::pin::Pin;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::path::Path as ObjectPath;
use object_store::{BackoffConfig, ClientOptions, RetryConfig};

use crate::content::ContentError;
use crate::{BLOB_MAX, Result};

/// Attempts after the first: what passes (a node that restarts, a connection that was cut) has passed by
/// then, and the runner tries again itself.
const RETRIES: usize = 3;
/// No further attempt is begun after this.
const RETRY_WITHIN: Duration = Duration::from_secs(15);
/// Pauses between attempts, doubling, with jitter.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_LONGEST: Duration = Duration::from_secs(2);
/// Room for what stands around a blob's bytes in an answer: nothing, for S3. More is not its answer.
const ANSWER_MAX: usize = BLOB_MAX + 64 * 1024;

/// How long the store may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// To a connection.
    pub connect: Duration,
    /// One attempt, with all its bytes.
    pub attempt: Duration,
    /// All attempts; whoever waits is told then.
    pub whole: Duration,
}

impl Default for Patience {
    /// The largest blob in one attempt over 20 Mbit/s, and below the minute that a request may take.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            attempt: Duration::from_secs(30),
            whole: Duration::from_secs(45),
        }
    }
}

/// Who we are to the store. `Debug` does not show it.
#[derive(Clone)]
pub enum Access {
    /// A key pair, and a session's token where it is a temporary one.
    Keys {
        /// Its public half.
        id: String,
        /// Its secret half.
        secret: String,
        /// Of a temporary one.
        session: Option<String>,
    },
    /// What AWS's own environment names (keys, a role and a token's file, a container's address), by its
    /// lower-case names; with none of it, what the machine's metadata service gives.
    Ambient(Vec<(String, String)>),
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Keys { .. } => "Keys(***)",
            Self::Ambient(_) => "Ambient(***)",
        })
    }
}

/// A place in a bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// `s3://bucket/prefix`; the prefix may be missing.
    pub address: String,
    /// Where the service is, when it is not AWS.
    pub endpoint: Option<String>,
    /// Its region; `us-east-1` where nobody says.
    pub region: Option<String>,
    /// The bucket's name is part of the host's name, not of the path. With an endpoint, that endpoint's
    /// name has it already.
    pub in_host: bool,
    /// An endpoint without TLS will do even where it is not on this machine.
    pub allow_http: bool,
    /// Who we are.
    pub access: Access,
    /// How long it may take.
    pub patience: Patience,
}

impl Bucket {
    /// Below which everything lies.
    pub(crate) fn prefix(&self) -> ObjectPath {
        ObjectPath::from(self.parts().map_or("", |(_, prefix)| prefix))
    }

    fn parts(&self) -> Option<(&str, &str)> {
        let rest = self.address.strip_prefix("s3://")?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        let named = (3..=63).contains(&bucket.len()) && bucket.chars().all(plain);
        let placed = prefix.chars().all(|c| plain(c) || c == '/');
        (named && placed).then_some((bucket, prefix))
    }

    /// Reads the settings; asks nothing of the store.
    pub(crate) fn open(&self) -> Result<AmazonS3> {
        let setting = |words: String| ContentError::Setting(words);
        let (bucket, _) = self.parts().ok_or_else(|| {
            setting(format!(
                "`{}` is not a bucket's address; write s3://BUCKET or s3://BUCKET/PREFIX, of letters, digits, `.`, `-` and `_`",
                self.address
            ))
        })?;
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_virtual_hosted_style_request(self.in_host)
            .with_retry(RetryConfig {
                backoff: BackoffConfig {
                    init_backoff: PAUSE_FIRST,
                    max_backoff: PAUSE_LONGEST,
                    base: 2.0,
                },
                max_retries: RETRIES,
                retry_timeout: RETRY_WITHIN,
            })
            .with_http_connector(Connector {
                patience: self.patience,
            });
        if let Access::Ambient(variables) = &self.access {
            for (name, value) in variables {
                let key: AmazonS3ConfigKey = name
                    .parse()
                    .map_err(|_| setting(format!("`{name}` is not a setting of S3")))?;
                builder = builder.with_config(key, value);
            }
        }
        if let Access::Keys {
            id,
            secret,
            session,
        } = &self.access
        {
            builder = builder
                .with_access_key_id(id)
                .with_secret_access_key(secret);
            if let Some(session) = session {
                builder = builder.with_token(session);
            }
        }
        if let Some(region) = &self.region {
            builder = builder.with_region(region);
        }
        if let Some(endpoint) = &self.endpoint {
            self.check(endpoint)?;
            builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
        }
        Ok(builder.build()?)
    }

    /// Signatures keep a request from being changed; nothing but TLS keeps it from being read.
    fn check(&self, endpoint: &str) -> Result<()> {
        let refused = |words: String| Err(ContentError::Setting(words).into());
        let Ok(url) = endpoint.parse::<reqwest::Url>() else {
            return refused(format!("`{endpoint}` is not an address"));
        };
        if !url.username().is_empty() || url.password().is_some() {
            return refused("an endpoint holds no user and no password".to_owned());
        }
        match url.scheme() {
            "https" => Ok(()),
            "http" if self.allow_http || on_this_machine(&url) => Ok(()),
            "http" => refused(format!(
                "`{endpoint}` is without TLS and not on this machine"
            )),
            _ => refused(format!("`{endpoint}` is not an http address")),
        }
    }
}

fn on_this_machine(url: &reqwest::Url) -> bool {
    url.host_str().is_some_and(|host| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback())
    })
}

/// Makes clients for the object store.
#[derive(Debug)]
struct Connector {
    patience: Patience,
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = reqwest::Client::builder()
            .connect_timeout(self.patience.connect)
            .timeout(self.patience.attempt)
            // What is signed is signed for one address.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| object_store::Error::Generic {
                store: "S3",
                source: Box::new(error),
            })?;
        Ok(HttpClient::new(Service(client)))
    }
}

#[derive(Debug)]
struct Service(reqwest::Client);

/// What the trait's macro makes of an asynchronous function's answer.
type Answer<'a> =
    Pin<Box<dyn Future<Output = std::result::Result<HttpResponse, HttpError>> + Send + 'a>>;

impl HttpService for Service {
    fn call<'a, 'b>(&'a self, request: HttpRequest) -> Answer<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(self.send(request))
    }
}

impl Service {
    async fn send(&self, request: HttpRequest) -> std::result::Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let url = parts
            .uri
            .to_string()
            .parse()
            .map_err(|error| HttpError::new_boxed(HttpErrorKind::Unknown, Box::new(error)))?;
        let mut request = reqwest::Request::new(parts.method, url);
        *request.headers_mut() = parts.headers;
        // With its length: S3 takes no body of a length that it is not told.
        *request.body_mut() = Some(match body.as_bytes() {
            Some(bytes) => bytes.clone().into(),
            None => reqwest::Body::wrap(body),
        });
        let mut response = self.0.execute(request).await.map_err(told)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(told)? {
            if bytes.len() + chunk.len() > ANSWER_MAX {
                let large = std::io::Error::other("the answer is larger than any blob");
                return Err(HttpError::new(HttpErrorKind::Decode, large));
            }
            bytes.extend_from_slice(&chunk);
        }
        let mut answer = HttpResponse::new(bytes.into());
        *answer.status_mut() = response.status();
        *answer.headers_mut() = response.headers().clone();
        Ok(answer)
    }
}

/// The kind decides whether it is tried again.
fn told(error: reqwest::Error) -> HttpError {
    let kind = if error.is_timeout() {
        HttpErrorKind::Timeout
    } else if error.is_connect() {
        HttpErrorKind::Connect
    } else if error.is_decode() || error.is_builder() {
        HttpErrorKind::Decode
    } else {
        HttpErrorKind::Interrupted
    };
    HttpError::new(kind, error.without_url())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StoreError;

    fn bucket(address: &str, endpoint: Option<&str>) -> Bucket {
        Bucket {
            address: address.to_owned(),
            endpoint: endpoint.map(str::to_owned),
            region: None,
            in_host: false,
            allow_http: false,
            access: Access::Keys {
                id: "id".into(),
                secret: "secret-half".into(),
                session: None,
            },
            patience: Patience::default(),
        }
    }

    #[test]
    fn an_address_is_a_bucket_and_perhaps_a_place_in_it() {
        for (address, wanted) in [
            ("s3://freehold", Some(("freehold", ""))),
            ("s3://freehold/a/b", Some(("freehold", "a/b"))),
            ("s3://", None),
            ("s3://ab", None),
            ("https://freehold", None),
            ("s3://free hold", None),
            ("s3://freehold/a?b", None),
            ("s3://key:secret@freehold", None),
        ] {
            assert_eq!(bucket(address, None).parts(), wanted, "{address}");
        }
    }

    #[test]
    fn without_tls_it_is_this_machine_or_said_so() {
        let at = |endpoint: &str| bucket("s3://freehold", Some(endpoint));
        for fine in [
            "https://s3.example.org",
            "http://127.0.0.1:9000",
            "http://[::1]:9000",
            "http://localhost:1",
        ] {
            assert!(at(fine).check(fine).is_ok(), "{fine}");
        }
        for bad in [
            "http://10.0.0.1:9000",
            "http://localhost.example.org",
            "ftp://127.0.0.1",
            "https://u:p@h",
            "nonsense",
        ] {
            let refused = at(bad).check(bad).unwrap_err();
            assert!(
                matches!(refused, StoreError::Content(ContentError::Setting(_))),
                "{bad}"
            );
        }
        let mut allowed = at("http://10.0.0.1:9000");
        allowed.allow_http = true;
        assert!(allowed.check("http://10.0.0.1:9000").is_ok());
    }

    #[test]
    fn no_secret_is_shown() {
        assert!(!format!("{:?}", bucket("s3://freehold", None)).contains("secret-half"));
    }
}
