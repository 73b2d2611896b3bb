//! HTTP, server-sent events, and the runners' hub. A handler parses, calls one use case, and
//! renders; nothing is decided here.

mod answer;
mod api;
mod bodies;
mod chain;
mod changes;
mod correlation;
mod courier;
mod docs;
mod follow;
mod gate;
mod hub;
mod limit;
mod link;
mod negotiate;
mod oidc;
mod once;
mod openapi;
mod permissions;
mod post;
mod presence;
mod proxy;
mod pulse;
mod questions;
mod reconcile;
mod reference;
mod reserved;
mod serve;
mod studio;
mod tag;
mod tidy;
mod wake;
mod webhooks;
mod whence;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::uri::Authority;
use axum::http::{HeaderName, HeaderValue, Request, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use freehold_engine::Engine;
use freehold_engine::audit_keep::AuditKeep;
use freehold_model::Entropy;
use freehold_wire::problem::{Code, Problem};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use courier::{Addresses, Courier, Names, Reach};
pub use freehold_studio::Studio;
pub use gate::{Access, Route};
pub use hub::Connections;
pub use limit::Rates;
pub use oidc::{NoProvider, Oidc, OidcSettings};
pub use post::{Folder, NoPost, Smtp};
pub use proxy::{Net, Proxies, ProxyHeader};
pub use serve::Patience;

use crate::answer::Refused;
use crate::bodies::Bodies;
use crate::correlation::correlate;
use crate::limit::Limits;
use crate::pulse::Pulse;
use crate::wake::Wakeups;

/// A request that is not a stream ends by then.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Where a server says how it is.
const HEALTH: &str = "/api/v1/health";
/// How long open requests may take to end when the server stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// What a browser could let a page use and ours never does, of what browsers know by name: they
/// complain of the rest. The clipboard is not among them: Studio copies text when asked to.
const NO_DEVICES: &str = "accelerometer=(), camera=(), display-capture=(), \
    geolocation=(), gyroscope=(), hid=(), magnetometer=(), microphone=(), midi=(), payment=(), \
    publickey-credentials-get=(), serial=(), usb=(), xr-spatial-tracking=()";
/// Runners that are welcomed, or seen off, at a time: half of the connections to the database. When
/// thousands come back at once they wait for their turn here, where waiting costs nothing; before the
/// database they would take each other's connections, and whoever else's.
const GREETED_AT_ONCE: usize = 8;
/// Room for JSON around a body of the largest size.
const BODY_LIMIT: usize = 3 * freehold_wire::api::BODY_MAX;

/// What the server is built from.
pub struct Options {
    /// The use cases.
    pub engine: Engine,
    /// The runners' connections; the same that the engine was given.
    pub connections: Arc<Connections>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Hosts that requests may name, besides the loopback names: `Host` is checked against them,
    /// so that a page on another site cannot rebind its name to us.
    pub hosts: Vec<String>,
    /// The web interface.
    pub studio: Studio,
    /// How long what happened in runs is kept; for ever where silent.
    pub keep_events: Option<chrono::TimeDelta>,
    /// How long the audit log is kept, by class; for ever where silent.
    pub keep_audit: AuditKeep,
    /// How many requests there may be; no bound where silent.
    pub rates: Option<Rates>,
    /// How long an other end may keep a connection waiting.
    pub patience: Patience,
    /// Who is trusted to say where a request comes from.
    pub proxies: Proxies,
}

/// The server, ready to run.
pub struct Server {
    state: AppState,
    hosts: Arc<[String]>,
    keep_events: Option<chrono::TimeDelta>,
    patience: Patience,
    proxies: Arc<Proxies>,
}

/// What handlers share.
#[derive(Clone)]
pub(crate) struct AppState {
    pub(crate) engine: Engine,
    pub(crate) connections: Arc<Connections>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) studio: Arc<Studio>,
    pub(crate) wakeups: Wakeups,
    pub(crate) pulse: Pulse,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
    pub(crate) limits: Limits,
    pub(crate) keep_audit: AuditKeep,
    /// Turns at what a runner's coming and going costs the database.
    pub(crate) greetings: Arc<Semaphore>,
}

impl Server {
    /// Builds the server. Nothing runs yet.
    #[must_use]
    pub fn build(options: Options) -> Self {
        let share = options.engine.share().clone();
        let state = AppState {
            engine: options.engine,
            connections: options.connections,
            entropy: options.entropy,
            studio: Arc::new(options.studio),
            wakeups: Wakeups::new(),
            pulse: Pulse::new(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            limits: Limits::new(options.rates, share),
            keep_audit: options.keep_audit,
            greetings: Arc::new(Semaphore::new(GREETED_AT_ONCE)),
        };
        Self {
            state,
            hosts: options.hosts.into(),
            keep_events: options.keep_events,
            patience: options.patience,
            proxies: Arc::new(options.proxies),
        }
    }

    /// Serves on `listener` until `cancel`; then stops taking requests, ends streams and links,
    /// and gives the rest a few seconds.
    pub async fn run(self, listener: TcpListener, cancel: CancellationToken) {
        let Self {
            state,
            hosts,
            keep_events,
            patience,
            proxies,
        } = self;
        let stop = state.stop.clone();
        state.tasks.spawn(pulse::run(state.clone()));
        state.tasks.spawn(wake::run(state.clone()));
        state.tasks.spawn(reconcile::run(state.clone()));
        state.tasks.spawn(questions::run(state.clone()));
        state.tasks.spawn(chain::run(state.clone()));
        state.tasks.spawn(presence::run(state.clone()));
        state.tasks.spawn(tidy::run(state.clone(), keep_events));
        state.tasks.spawn(post::run(state.clone()));
        state.tasks.spawn(webhooks::run(state.clone()));
        let app = router(state.clone(), hosts);
        let serving = serve::serve(listener, app, patience, proxies, cancel.clone());
        let serving = async {
            // Streams and links end when they are told, and only then does serving.
            let told = async {
                cancel.cancelled().await;
                stop.cancel();
            };
            tokio::join!(serving, told);
        };
        tokio::select! {
            () = serving => {}
            () = async { stop.cancelled().await; tokio::time::sleep(DRAIN_TIMEOUT).await } => {}
        }
        stop.cancel();
        state.tasks.close();
        // A task that does not end in time is ended with the process; everything is in the database.
        let _ended = tokio::time::timeout(DRAIN_TIMEOUT, state.tasks.wait()).await;
    }
}

/// The API's description, as `/openapi.json` gives it.
#[must_use]
pub fn openapi() -> String {
    api::document()
}

/// Every route of the API and of the runners' link, with who may use it.
#[must_use]
pub fn routes() -> Vec<Route> {
    api::who_may()
}

/// `docs/permissions.md`: who may do what, from the table that decides.
#[must_use]
pub fn permissions() -> String {
    permissions::page(&api::who_may())
}

fn router(state: AppState, hosts: Arc<[String]>) -> Router {
    let of_database =
        api::routes(&state).route_layer(from_fn_with_state(state.pulse.clone(), need_database));
    Router::new()
        .merge(of_database)
        .merge(studio::routes())
        .merge(reserved::routes())
        .fallback(studio::anything_else)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(Bodies::new(), bodies::within))
        .layer(from_fn(limit_time))
        .layer(from_fn(common_headers))
        .layer(from_fn_with_state(hosts, check_host))
        .layer(from_fn_with_state(state.entropy.clone(), correlate))
        .with_state(state)
}

/// Ends requests that take too long. A response that streams has begun by then.
async fn limit_time(request: Request<axum::body::Body>, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            Refused::from(Problem::new(Code::Timeout, "the request took too long")).into_response()
        }
    }
}

/// Ends at once what waits for a database that does not answer.
async fn need_database(
    State(pulse): State<Pulse>,
    request: Request<axum::body::Body>,
    next: Next,
) -> Response {
    // It says what the database does, and waits for it on its own terms.
    if request.uri().path() == HEALTH {
        return next.run(request).await;
    }
    match pulse.while_it_beats(next.run(request)).await {
        Some(response) => response,
        None => {
            let problem = Problem::new(Code::Unavailable, "the database does not answer");
            Refused::from(problem).into_response()
        }
    }
}

/// Headers that every answer carries where it says nothing else: nothing is cached, sniffed, framed
/// or opened into, and no page of ours may use what a machine senses.
async fn common_headers(request: Request<axum::body::Body>, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (HeaderName::from_static("permissions-policy"), NO_DEVICES),
    ] {
        response
            .headers_mut()
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

/// A request names us by a name that is ours, and comes from no other site's page.
async fn check_host(
    State(hosts): State<Arc<[String]>>,
    request: Request<axum::body::Body>,
    next: Next,
) -> Response {
    if names_us(&request, &hosts) {
        return next.run(request).await;
    }
    let detail = "the request names a host or an origin that is not ours";
    let problem =
        Problem::new(Code::Forbidden, detail).next("use the address that `freehold up` printed");
    Refused::from(problem).into_response()
}

fn names_us(request: &Request<axum::body::Body>, hosts: &[String]) -> bool {
    let ours = |authority: &str| {
        let Ok(authority) = authority.parse::<Authority>() else {
            return false;
        };
        let name = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        name.eq_ignore_ascii_case("localhost")
            || name
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback())
            || hosts.iter().any(|host| host.eq_ignore_ascii_case(name))
    };
    let header = |name| request.headers().get(name).map(HeaderValue::to_str);
    let host = match header(header::HOST) {
        Some(host) => host.ok(),
        None => request.uri().authority().map(Authority::as_str),
    };
    let origin_is_ours = match header(header::ORIGIN) {
        None => true,
        Some(origin) => origin
            .ok()
            .and_then(|origin| origin.split_once("://"))
            .is_some_and(|(_, authority)| ours(authority)),
    };
    host.is_some_and(ours) && origin_is_ours
}
