//! Words about webhooks.

use clap::{Args, Subcommand};
use freehold_model::webhook::Event;

use super::ListWords;

/// `webhook …`
#[derive(Debug, Subcommand)]
pub(crate) enum WebhookWords {
    /// List the webhooks
    #[command(after_help = "Example:\n  freehold webhook list")]
    List(ListWords),
    /// Add a webhook; the secret that its receiver verifies with is shown once
    Add(WebhookAdd),
    /// Show a webhook: where to, of what, and how it fares
    #[command(after_help = "Example:\n  freehold webhook show whk_01k3v8r2tqf5w0h9m6zc4x7yne")]
    Show {
        /// The webhook's id
        webhook: String,
    },
    /// Change a webhook, pause it, or go on with it
    Edit(WebhookEdit),
    /// Remove a webhook; what waits is not sent
    #[command(
        after_help = "Example:\n  freehold webhook remove whk_01k3v8r2tqf5w0h9m6zc4x7yne\n\nIts secret is forgotten. To stop for a while only: `freehold webhook edit … --pause`."
    )]
    Remove {
        /// The webhook's id
        webhook: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Give a webhook a new secret; for 24 hours the one before signs as well
    #[command(
        after_help = "Example:\n  freehold webhook rotate whk_01k3v8r2tqf5w0h9m6zc4x7yne > secret\n\nIt is printed alone on its line, once. Give it to the receiver within a day: until then what is sent\ncarries both signatures, and a receiver accepts it by either."
    )]
    Rotate {
        /// The webhook's id
        webhook: String,
    },
    /// List what a webhook was told, newest first; or show one delivery with what came of each try
    #[command(
        after_help = "Examples:\n  freehold webhook deliveries whk_01k3v8r2tqf5w0h9m6zc4x7yne\n  freehold webhook deliveries whk_01k3v8r2tqf5w0h9m6zc4x7yne msg_4q2c9s7v1x0k8m5n3r6t2w9y4z\n\nThey are kept for 30 days."
    )]
    Deliveries {
        /// The webhook's id
        webhook: String,
        /// One delivery's id
        delivery: Option<String>,
        #[command(flatten)]
        list: ListWords,
    },
    /// Send a delivery once more, under the same id
    #[command(
        after_help = "Example:\n  freehold webhook replay whk_01k3v8r2tqf5w0h9m6zc4x7yne msg_4q2c9s7v1x0k8m5n3r6t2w9y4z\n\nA receiver that remembers ids takes it for a repetition."
    )]
    Replay {
        /// The webhook's id
        webhook: String,
        /// The delivery's id
        delivery: String,
    },
    /// Send a webhook something to try it with
    #[command(
        after_help = "Example:\n  freehold webhook test whk_01k3v8r2tqf5w0h9m6zc4x7yne\n\nThen see what came of it: `freehold webhook deliveries`."
    )]
    Test {
        /// The webhook's id
        webhook: String,
    },
}

/// `webhook add`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  freehold webhook add https://example.org/hook > secret
  freehold webhook add https://example.org/hook --event run.review_needed --event run.landed > secret

What is sent holds ids, times and numbers, no content, and is signed as Standard Webhooks says: receivers
verify it with libraries that there are. What fails is sent again for three days. docs/webhooks.md says
what each event means and how to verify it.")]
pub(crate) struct WebhookAdd {
    /// Where to: an https:// address in the public network
    pub(crate) address: String,
    /// What it is told of; may be repeated [default: everything]
    #[arg(long = "event", value_name = "EVENT", value_parser = event)]
    pub(crate) events: Vec<Event>,
}

/// `webhook edit`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  freehold webhook edit whk_01k3v8r2tqf5w0h9m6zc4x7yne --address https://example.org/other
  freehold webhook edit whk_01k3v8r2tqf5w0h9m6zc4x7yne --event run.failed
  freehold webhook edit whk_01k3v8r2tqf5w0h9m6zc4x7yne --pause
  freehold webhook edit whk_01k3v8r2tqf5w0h9m6zc4x7yne --resume

What happens while it is paused it is not told of; what waited before goes on.")]
pub(crate) struct WebhookEdit {
    /// The webhook's id
    pub(crate) webhook: String,
    /// Where to
    #[arg(long, value_name = "URL")]
    pub(crate) address: Option<String>,
    /// What it is told of, in place of what it was; may be repeated
    #[arg(long = "event", value_name = "EVENT", value_parser = event)]
    pub(crate) events: Vec<Event>,
    /// Send nothing until further notice
    #[arg(long, conflicts_with = "resume")]
    pub(crate) pause: bool,
    /// Go on: after a pause, or where it was found gone or failing
    #[arg(long)]
    pub(crate) resume: bool,
}

fn event(text: &str) -> Result<Event, String> {
    text.parse()
        .map_err(|error: freehold_model::webhook::NoEvent| error.to_string())
}
