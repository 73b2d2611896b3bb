//! Where a request came from.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header;
use axum::http::request::Parts;
use freehold_engine::identity::Whence;

use crate::answer::Answer;

/// The address as the connection says, and what the browser says that it is. No header is believed
/// about the address.
pub(crate) struct From(pub(crate) Whence);

impl<S: Send + Sync> FromRequestParts<S> for From {
    type Rejection = crate::answer::Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answer<Self> {
        let connection = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let address = connection.map(|ConnectInfo(address)| address.ip().to_canonical());
        let browser = parts.headers.get(header::USER_AGENT);
        let browser = browser.and_then(|said| said.to_str().ok());
        Ok(Self(Whence::new(address, browser)))
    }
}
