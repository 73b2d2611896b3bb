//! Writes to an agent without ever waiting for it in the conversation.
//!
//! An agent that writes while it does not read would otherwise wait for us while we wait for it.

use freehold_sandbox::Input;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use super::Fault;

/// What an agent may leave unread before it is one that does not read.
const WAITING_MAX: usize = 1024;

/// The conversation's end. Dropping it ends the agent's standard input once all is written.
pub(crate) struct Writer(mpsc::Sender<Vec<u8>>);

impl Writer {
    /// Queues bytes to be written.
    pub(crate) fn write(&self, bytes: Vec<u8>) -> Result<(), Fault> {
        use mpsc::error::TrySendError::{Closed, Full};
        match self.0.try_send(bytes) {
            // The agent's input is gone: how it ended is heard at its output.
            Ok(()) | Err(Closed(_)) => Ok(()),
            Err(Full(_)) => Err(Fault::Nonsense {
                what: format!("it sends requests and has left {WAITING_MAX} answers unread"),
            }),
        }
    }

    /// Queues a JSON value as a line.
    pub(crate) fn line(&self, value: &serde_json::Value) -> Result<(), Fault> {
        self.write(format!("{value}\n").into_bytes())
    }
}

/// The two ends: what the conversation holds, and what does the writing until that is dropped.
pub(super) fn writer(input: Option<Input>) -> (Writer, impl Future<Output = ()>) {
    let (sender, mut receiver) = mpsc::channel::<Vec<u8>>(WAITING_MAX);
    let writing = async move {
        let Some(mut input) = input else { return };
        while let Some(bytes) = receiver.recv().await {
            if input.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    (Writer(sender), writing)
}
