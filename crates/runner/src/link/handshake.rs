//! From an address to a welcome.

use freehold_wire::link::{Down, Frame, Hello, PROTOCOL, SUBPROTOCOL, Up, Welcome};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::{INCOMING_MAX, LinkError};
use crate::context::Context;

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Dials, proves who we are, and hears the welcome.
pub(super) async fn connect(context: &Context) -> Result<(Socket, Welcome), LinkError> {
    // Before the server waits for a hello: proving the sandbox takes its time.
    let machine = crate::machine::look(context).await;
    let mut request = address(&context.server)?
        .into_client_request()
        .map_err(LinkError::from)?;
    request.headers_mut().insert(
        SEC_WEBSOCKET_PROTOCOL,
        HeaderValue::from_static(SUBPROTOCOL),
    );
    let config = WebSocketConfig::default()
        .max_message_size(Some(INCOMING_MAX))
        .max_frame_size(Some(INCOMING_MAX));
    // No Nagle: a line of output is small and wanted at once.
    let (mut socket, _) = connect_async_with_config(request, Some(config), true).await?;
    let Down::Challenge(challenge) = next(&mut socket).await? else {
        return Err(LinkError::Protocol("no challenge came first".into()));
    };
    let hello = Hello {
        protocol: (PROTOCOL, PROTOCOL),
        runner: context.identity.runner(),
        version: context.version.clone(),
        labels: context.labels.clone(),
        capacity: context.capacity,
        holds: context.jobs.list(),
        environments: Some(context.environments.held()),
        machine: Some(machine),
        acked: context.outbox.acked().await?,
        now: Some(context.clock.now()),
        signature: context.identity.sign_hello(&challenge.nonce),
    };
    socket.send(text(&Frame::new(Up::Hello(hello)))?).await?;
    match next(&mut socket).await? {
        Down::Welcome(welcome) => check(context, welcome).map(|welcome| (socket, welcome)),
        Down::Nack(nack) => Err(LinkError::Refused {
            code: nack.code,
            message: nack.message,
        }),
        _ => Err(LinkError::Protocol("no welcome followed the hello".into())),
    }
}

fn check(context: &Context, welcome: Welcome) -> Result<Welcome, LinkError> {
    if welcome.protocol != PROTOCOL {
        return Err(LinkError::Refused {
            code: "protocol".into(),
            message: format!(
                "it speaks protocol {}, this runner {PROTOCOL}",
                welcome.protocol
            ),
        });
    }
    if welcome.tenant != context.identity.tenant() {
        return Err(LinkError::Protocol(format!(
            "it says that this runner is {}'s, but it was enrolled for {}",
            welcome.tenant,
            context.identity.tenant()
        )));
    }
    Ok(welcome)
}

/// The link's address under the server's.
fn address(server: &reqwest::Url) -> Result<String, LinkError> {
    let mut url = crate::http::endpoint(server, "api/v1/link");
    match server.scheme() {
        "http" => url.set_scheme("ws"),
        "https" => url.set_scheme("wss"),
        other => {
            return Err(LinkError::Address(format!(
                "`{other}` is no scheme of a server; use http or https"
            )));
        }
    }
    .map_err(|()| LinkError::Address(format!("the server's address {server} cannot be dialled")))?;
    Ok(url.into())
}

async fn next(socket: &mut Socket) -> Result<Down, LinkError> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                let frame: Frame<Down> = serde_json::from_str(&text)
                    .map_err(|error| LinkError::Protocol(error.to_string()))?;
                return Ok(frame.body);
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(_))) | None => return Err(LinkError::Closed),
            Some(Ok(_)) => return Err(LinkError::Protocol("a frame that is not text".into())),
            Some(Err(error)) => return Err(error.into()),
        }
    }
}

pub(super) fn text(frame: &Frame<Up>) -> Result<Message, LinkError> {
    let text =
        serde_json::to_string(frame).map_err(|error| LinkError::Protocol(error.to_string()))?;
    Ok(Message::Text(text.into()))
}

pub(super) fn ping() -> Message {
    Message::Ping(Bytes::new())
}
