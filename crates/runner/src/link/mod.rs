//! The runner's end of the link: dials the server, again and again, and speaks `wire::link`.

mod backoff;
mod handshake;
mod session;
mod window;

use std::time::Duration;

use freehold_wire::link::{Down, Frame, HEARTBEAT_S, Up};
use tokio::sync::{Mutex, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use backoff::Backoff;

/// Largest frame from the server: an offer carries a card's body, a reply and a command line, each of
/// which reached the server in a request of at most 6 MiB; as JSON, signed and sealed, each in base64.
/// A larger frame would end the connection, and the offer is repeated in the next one.
const INCOMING_MAX: usize = 36 << 20;
/// From dialling to `welcome`.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);
/// Frames that may be lost and wait for the connection.
const CONTROL_QUEUE: usize = 64;

/// How often and how patiently the link works.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Between two heartbeats; a server that is silent for three of them is gone.
    pub heartbeat: Duration,
    /// The first pause before dialling again.
    pub retry_min: Duration,
    /// The longest pause.
    pub retry_max: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(HEARTBEAT_S),
            retry_min: Duration::from_millis(200),
            retry_max: Duration::from_secs(15),
        }
    }
}

/// Why a connection ended. All but [`LinkError::Refused`] are mended by dialling again.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The server does not want this runner; dialling again changes nothing.
    #[error(
        "the server refuses this runner ({code}): {message}; {}",
        refused_next(code)
    )]
    Refused {
        /// Its code.
        code: String,
        /// Its words.
        message: String,
    },
    /// No connection, or it broke.
    #[error("the server cannot be reached")]
    Unreachable(#[source] Box<tokio_tungstenite::tungstenite::Error>),
    /// The address cannot be dialled.
    #[error("{0}")]
    Address(String),
    /// It closed the connection.
    #[error("the server closed the connection")]
    Closed,
    /// It was silent for too long.
    #[error("the server was silent for {} s", .0.as_secs())]
    Silent(Duration),
    /// It said something that cannot be.
    #[error("the server broke the protocol: {0}")]
    Protocol(String),
    /// The outbox is not there.
    #[error(transparent)]
    Outbox(#[from] crate::outbox::OutboxError),
    /// Keys that are not ours.
    #[error(transparent)]
    Keys(#[from] crate::vault::VaultError),
}

fn refused_next(code: &str) -> &'static str {
    match code {
        "protocol" => "update the older of the two programs",
        _ => "enrol it again with a new token: `freehold runner enroll-token`",
    }
}

impl From<tokio_tungstenite::tungstenite::Error> for LinkError {
    fn from(error: tokio_tungstenite::tungstenite::Error) -> Self {
        Self::Unreachable(Box::new(error))
    }
}

/// The link's own state, which the rest of the runner sees through [`Context`].
pub(crate) struct Link {
    control: mpsc::Sender<Frame<Up>>,
    queued: Mutex<mpsc::Receiver<Frame<Up>>>,
    session: watch::Sender<Option<String>>,
}

impl Link {
    pub(crate) fn new() -> Self {
        let (control, queued) = mpsc::channel(CONTROL_QUEUE);
        Self {
            control,
            queued: Mutex::new(queued),
            session: watch::Sender::new(None),
        }
    }

    /// Sends a frame that may be lost, when there is a connection.
    pub(crate) async fn say(&self, frame: Frame<Up>) {
        // The receiver lives as long as we do.
        let _ = self.control.send(frame).await;
    }

    /// The bearer of the present connection, as it changes.
    pub(crate) fn session(&self) -> watch::Receiver<Option<String>> {
        self.session.subscribe()
    }
}

/// Takes what the server says. The link knows frames; what they mean is the runner's.
pub(crate) trait Hear: Sync {
    /// A frame that asks for something. Must not block for long: nothing else is heard meanwhile.
    fn hear(&self, id: Option<String>, down: Down) -> impl Future<Output = ()> + Send;
}

/// Stays connected until `stop`, or until the server refuses the runner for good.
///
/// # Errors
/// [`LinkError::Refused`] and nothing else.
pub(crate) async fn run(
    context: &Context,
    hear: &impl Hear,
    stop: &CancellationToken,
) -> Result<(), LinkError> {
    let mut backoff = Backoff::new(context.pace, &*context.entropy);
    loop {
        let connected = session::run(context, hear, &mut backoff);
        let ended = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            ended = connected => ended,
        };
        context.link.session.send_replace(None);
        context.outbox.line_is_gone();
        context
            .status
            .send_modify(|status| status.connected = false);
        match ended {
            Err(error @ LinkError::Refused { .. }) => return Err(error),
            Err(error) => {
                tracing::info!(error = &error as &dyn std::error::Error, "link down");
                let text = crate::failure::chain(&error);
                context
                    .status
                    .send_modify(|status| status.trouble = Some(text));
            }
            Ok(()) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(backoff.next()) => {}
        }
    }
}
