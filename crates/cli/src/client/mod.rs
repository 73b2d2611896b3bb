//! The API as this program uses it: one connection pool, one token, bounded patience.

pub(crate) mod backoff;
pub(crate) mod events;
pub(crate) mod logins;
mod route;
mod sse;
pub(crate) mod target;
mod trouble;

use std::time::Duration;

use freehold_wire::api::{BODY_MAX, PAGE_MAX, Page};
use freehold_wire::problem::{Code, MEDIA_TYPE, Problem};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MATCH,
};
use reqwest::{Method, Request, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::backoff::Backoff;
pub(crate) use self::route::Route;
use self::target::Target;
pub(crate) use self::trouble::Trouble;
use crate::failure::{Exit, Failure};

/// Brings the server's word for an act that cannot be taken back (`docs/api.md`, "Confirmations").
const CONFIRMATION: HeaderName = HeaderName::from_static("confirmation");
/// Said in its place: who sits here is to be asked, whatever the token is.
pub(crate) const ASK: &str = "ask";
/// A server that does not take a connection within this is not there.
const CONNECT: Duration = Duration::from_secs(5);
/// For what the server answers from its database.
const READ: Duration = Duration::from_secs(30);
/// For what a runner has to try first, as `project add`: the server's own limit is shorter.
const WRITE: Duration = Duration::from_secs(120);
/// Until a stream's head is there.
pub(crate) const HEAD: Duration = Duration::from_secs(15);
/// Largest answer that is read into memory: a page of cards with the largest bodies.
const ANSWER_MAX: usize = (PAGE_MAX as usize + 1) * BODY_MAX;
/// Longest error document that is read.
const PROBLEM_MAX: usize = 64 * 1024;
/// Items of a list that are fetched by one command before it hands out the cursor.
const LIST_MAX: usize = 10_000;
/// How long a command that watches a run does without its server, which may be restarting.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Tries of a request that may safely be said twice.
const TRIES: u32 = 5;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Speaks to one server with one token. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
}

/// The state of a thing that was read, for [`Client::change`]; nothing where the server said none.
#[derive(Debug)]
pub(crate) struct Seen(Option<HeaderValue>);

impl Client {
    /// A client of `target`. Connects to nothing yet.
    ///
    /// # Errors
    /// When the token cannot be a header, or TLS cannot be set up.
    pub(crate) fn new(target: &Target) -> Result<Self, Failure> {
        let denied = |_| {
            Failure::new(
                Exit::Denied,
                Code::Unauthenticated.code(),
                "the token has characters that no token has",
                Code::Unauthenticated.next(),
            )
        };
        let bearer = format!("Bearer {}", target.token.0);
        let mut token = HeaderValue::from_str(&bearer).map_err(denied)?;
        token.set_sensitive(true);
        let headers = HeaderMap::from_iter([(AUTHORIZATION, token)]);
        Self::with(&target.url, target.loopback, headers)
    }

    /// A client that nobody has signed in yet.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub(crate) fn stranger(url: &Url, loopback: bool) -> Result<Self, Failure> {
        Self::with(url, loopback, HeaderMap::new())
    }

    fn with(url: &Url, loopback: bool, headers: HeaderMap) -> Result<Self, Failure> {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("freehold/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            // The token is for this server: it never goes where an answer points to.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT);
        let builder = match loopback {
            true => builder.no_proxy(),
            false => builder,
        };
        let http = builder.build().map_err(|error| {
            let message = format!("TLS cannot be set up here: {error}");
            Failure::new(Exit::Failed, "tls", message, "see `freehold doctor`")
        })?;
        Ok(Self {
            http,
            base: url.clone(),
        })
    }

    /// The server's address, with the slash at its end.
    pub(crate) fn home(&self) -> String {
        format!("{}/", self.base.as_str().trim_end_matches('/'))
    }

    /// Reads a document.
    pub(crate) async fn get<T: DeserializeOwned>(&self, route: &Route) -> Result<T, Failure> {
        Ok(self.try_get(route).await?)
    }

    /// Reads a document, and tells a lost server from one that answered.
    pub(crate) async fn try_get<T: DeserializeOwned>(&self, route: &Route) -> Result<T, Trouble> {
        let request = self.request(Method::GET, route, READ);
        document(self.send(request).await?).await
    }

    /// Reads a document, with the tag of the state that it shows (RFC 9110, section 8.8.3): what is made
    /// of it is sent with that.
    pub(crate) async fn get_seen<T: DeserializeOwned>(
        &self,
        route: &Route,
    ) -> Result<(T, Seen), Failure> {
        let response = self.send(self.request(Method::GET, route, READ)).await?;
        let seen = Seen(response.headers().get(ETAG).cloned());
        Ok((document(response).await?, seen))
    }

    /// Reads a document of a server that may be restarting.
    pub(crate) async fn get_patiently<T: DeserializeOwned>(
        &self,
        route: &Route,
    ) -> Result<T, Failure> {
        let mut backoff = Backoff::patient(PATIENCE);
        loop {
            match self.try_get(route).await {
                Err(trouble) if trouble.is_passing() => backoff.wait(trouble).await?,
                result => return Ok(result?),
            }
        }
    }

    /// Sends a document once, and reads one.
    pub(crate) async fn post<B: Serialize, T: DeserializeOwned>(
        &self,
        route: &Route,
        body: &B,
    ) -> Result<T, Failure> {
        Ok(self.try_post(route, body).await??)
    }

    /// Sends a document once; inside, tells a lost server from one that answered.
    pub(crate) async fn try_post<B: Serialize, T: DeserializeOwned>(
        &self,
        route: &Route,
        body: &B,
    ) -> Result<Result<T, Trouble>, Failure> {
        let answer = self.send(self.write(Method::POST, route, body)?).await;
        Ok(match answer {
            Ok(response) => document(response).await,
            Err(trouble) => Err(trouble),
        })
    }

    /// Says the same under one idempotency key until the server has answered; gives up after a
    /// few tries.
    pub(crate) async fn post_once<B: Serialize, T: DeserializeOwned>(
        &self,
        route: &Route,
        body: &B,
        key: &str,
    ) -> Result<T, Failure> {
        let key = HeaderValue::from_str(key)
            .ok()
            .filter(|key| key.to_str().is_ok_and(|text| !text.trim().is_empty()))
            .ok_or_else(|| {
                Failure::usage(
                    "an idempotency key is made of visible ASCII characters",
                    "leave it out to have one made",
                )
            })?;
        let mut backoff = Backoff::tries(TRIES);
        loop {
            let mut request = self.write(Method::POST, route, body)?;
            request.headers_mut().insert(IDEMPOTENCY_KEY, key.clone());
            let answer = match self.send(request).await {
                Ok(response) => document(response).await,
                Err(trouble) => Err(trouble),
            };
            match answer {
                Err(trouble @ Trouble::Lost(_)) => backoff.wait(trouble).await?,
                result => return Ok(result?),
            }
        }
    }

    /// Changes a part of a thing; with a version only while it is that one (RFC 9110 section
    /// 13.1.1).
    pub(crate) async fn patch<B: Serialize, T: DeserializeOwned>(
        &self,
        route: &Route,
        body: &B,
        version: Option<u64>,
    ) -> Result<T, Failure> {
        let mut request = self.write(Method::PATCH, route, body)?;
        if let Some(version) = version {
            // Digits and quotes are always a header.
            let tag = HeaderValue::try_from(format!("\"{version}\""));
            request.headers_mut().extend(tag.map(|tag| (IF_MATCH, tag)));
        }
        Ok(document(self.send(request).await?).await?)
    }

    /// Changes a thing while it is what was seen; else nothing is changed, and the person is told.
    pub(crate) async fn change<B: Serialize, T: DeserializeOwned>(
        &self,
        method: Method,
        route: &Route,
        body: &B,
        seen: Seen,
    ) -> Result<T, Failure> {
        let mut request = self.write(method, route, body)?;
        request
            .headers_mut()
            .extend(seen.0.map(|tag| (IF_MATCH, tag)));
        match self.send(request).await {
            Ok(response) => Ok(document(response).await?),
            Err(Trouble::Refused(mut problem)) if problem.code == Code::Stale => {
                "somebody changed it while this command was at work, and nothing was changed by it"
                    .clone_into(&mut problem.detail);
                "look at what it is now; the same command again begins from that"
                    .clone_into(&mut problem.next);
                Err(Trouble::Refused(problem).into())
            }
            Err(trouble) => Err(trouble.into()),
        }
    }

    /// Does what has no answer but that it is done.
    pub(crate) async fn tell(&self, method: Method, route: &Route) -> Result<(), Failure> {
        self.send(self.request(method, route, WRITE)).await?;
        Ok(())
    }

    /// Tries to do what cannot be taken back, with what confirms it, or with [`ASK`] to be asked first.
    /// Gives the server's question where it has one: what exactly would happen, and what confirms that.
    pub(crate) async fn try_surely(
        &self,
        method: Method,
        route: &Route,
        confirmation: Option<&str>,
    ) -> Result<Option<Box<Problem>>, Failure> {
        let mut request = self.request(method, route, WRITE);
        if let Some(word) = confirmation.and_then(|word| HeaderValue::from_str(word).ok()) {
            request.headers_mut().insert(CONFIRMATION, word);
        }
        match self.send(request).await {
            Ok(_) => Ok(None),
            Err(Trouble::Refused(problem)) if problem.confirmation.is_some() => Ok(Some(problem)),
            Err(trouble) => Err(trouble.into()),
        }
    }

    /// Opens a stream of bytes; only its head is waited for within a limit.
    pub(crate) async fn open(&self, route: &Route, accept: &str) -> Result<Response, Trouble> {
        let mut request = Request::new(Method::GET, route.url(&self.base));
        if let Ok(accept) = HeaderValue::from_str(accept) {
            request.headers_mut().insert(ACCEPT, accept);
        }
        match tokio::time::timeout(HEAD, self.send(request)).await {
            Ok(result) => result,
            Err(_) => Err(Trouble::Lost("no answer came in time".to_owned())),
        }
    }

    /// Reads a whole list, page after page; beyond [`LIST_MAX`] items `next` says where it
    /// goes on.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        route: &Route,
        after: Option<String>,
    ) -> Result<Page<T>, Failure> {
        let mut all = Page {
            items: Vec::new(),
            next: after,
        };
        loop {
            let page = route.clone().query("limit", PAGE_MAX);
            let page = match &all.next {
                Some(cursor) => page.query("after", cursor),
                None => page,
            };
            let page: Page<T> = self.get(&page).await?;
            let stuck = page.items.is_empty() || page.next == all.next;
            all.items.extend(page.items);
            all.next = page.next;
            if all.next.is_none() || stuck || all.items.len() >= LIST_MAX {
                return Ok(all);
            }
        }
    }

    fn request(&self, method: Method, route: &Route, limit: Duration) -> Request {
        let mut request = Request::new(method, route.url(&self.base));
        *request.timeout_mut() = Some(limit);
        request
    }

    fn write<B: Serialize>(
        &self,
        method: Method,
        route: &Route,
        body: &B,
    ) -> Result<Request, Failure> {
        let body = serde_json::to_vec(body)
            .map_err(|error| Failure::coded(Code::Invalid, error.to_string()))?;
        // Said here, because a server that hangs up on a large body looks like a lost one.
        if body.len() > BODY_MAX {
            let message = format!("the request has {} bytes; 2 MB are allowed", body.len());
            return Err(Failure::coded(Code::TooLarge, message));
        }
        let mut request = self.request(method, route, WRITE);
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        *request.body_mut() = Some(body.into());
        Ok(request)
    }

    async fn send(&self, request: Request) -> Result<Response, Trouble> {
        let response = self.http.execute(request).await.map_err(Trouble::lost)?;
        match response.status().is_success() {
            true => Ok(response),
            false => Err(refusal(response).await),
        }
    }
}

/// What the server said instead of the document.
async fn refusal(response: Response) -> Trouble {
    let status = response.status();
    let is_problem = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|media| media.trim().eq_ignore_ascii_case(MEDIA_TYPE));
    if is_problem {
        let body = match body(response, PROBLEM_MAX).await {
            Ok(body) => body,
            Err(trouble) => return trouble,
        };
        if let Ok(problem) = serde_json::from_slice::<Problem>(&body) {
            return Trouble::Refused(Box::new(problem));
        }
    }
    Trouble::Strange(format!(
        "it answered {status} and no reason that this program knows"
    ))
}

async fn document<T: DeserializeOwned>(response: Response) -> Result<T, Trouble> {
    let body = body(response, ANSWER_MAX).await?;
    serde_json::from_slice(&body)
        .map_err(|error| Trouble::Strange(format!("its answer cannot be read: {error}")))
}

async fn body(mut response: Response, max: usize) -> Result<Vec<u8>, Trouble> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Trouble::lost)? {
        if body.len() + chunk.len() > max {
            return Err(Trouble::Strange(format!(
                "its answer is larger than {max} bytes"
            )));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
