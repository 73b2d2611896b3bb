//! The way to model endpoints: keeps the key, takes a per-run token, meters usage. Knows nothing of runs.
//!
//! A sandbox has no network. What it has is a unix socket on which a [`Gateway`] serves HTTP for one run and one
//! [`Upstream`]. The agent shows the run's token; the gateway checks it, puts the real key in its place, and passes
//! request and response through byte for byte: fields that this code has never heard of survive. What an agent used is
//! read from a tee of the response while it passes.
//!
//! What it promises:
//! * The key leaves this process towards the upstream only. It is in no response (an upstream that echoes it is
//!   overwritten with asterisks), no log and no `Debug`.
//! * Only the calls in [`ALLOWED`] pass, to the one base URL; redirects are not followed, and proxies of the environment
//!   are not used.
//! * Everything is bounded: see [`Limits`] and [`Options`].
//!
//! It does not translate between protocols: an agent is pointed at an upstream of its own family.

mod forward;
mod gateway;
mod grant;
mod headers;
mod meter;
mod ping;
mod pipe;
mod redact;
mod reply;
mod routes;
mod secret;
mod upstream;

pub use gateway::{Gateway, GatewayError, Options};
pub use grant::{Grant, Limits, OpenError};
pub use meter::Usage;
pub use ping::{Ping, UpstreamError};
pub use routes::{ALLOWED, Family};
pub use secret::Secret;
pub use upstream::{BaseUrl, Kind, PlainHttp, Upstream, UrlError};
