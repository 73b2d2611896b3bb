//! Hints: what others may want to look at afresh. They wake whoever listens; none may be relied on.

use freehold_model::TenantId;
use sqlx::PgPool;
use sqlx::postgres::PgListener;

use crate::bound::Breaks;
use crate::{Result, Store};

/// The channel of wake-up hints. Payload: `<tenant uuid> <what>`.
pub(crate) const CHANNEL: &str = "freehold";

/// What others may want to look at afresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// This run has news.
    Run(freehold_model::RunId),
    /// Some run wants a runner, or a runner has room.
    Queue,
    /// There is something to tell this runner: whichever server has its link looks.
    Link(freehold_model::RunnerId),
    /// A server without a link to a runner of this tenant's has put a question.
    Question,
    /// This card is not as it was.
    Card(freehold_model::CardId),
    /// Something that people set up is not as it was.
    Settings(Noun),
}

/// What people set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noun {
    /// A project.
    Project,
    /// An agent.
    Agent,
    /// A model provider.
    Provider,
    /// A runner: enrolled, revoked, there or not.
    Runner,
    /// An environment.
    Environment,
    /// A token: somebody signed out.
    Token,
    /// A member: came, went, or is something else now.
    Member,
    /// An invitation.
    Invitation,
    /// A webhook.
    Webhook,
}

impl Noun {
    const ALL: [Self; 9] = [
        Self::Project,
        Self::Agent,
        Self::Provider,
        Self::Runner,
        Self::Environment,
        Self::Token,
        Self::Member,
        Self::Invitation,
        Self::Webhook,
    ];

    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Agent => "agent",
            Self::Provider => "provider",
            Self::Runner => "runner",
            Self::Environment => "environment",
            Self::Token => "token",
            Self::Member => "member",
            Self::Invitation => "invitation",
            Self::Webhook => "webhook",
        }
    }
}

impl Hint {
    /// As it is sent for a tenant.
    pub(crate) fn said(self, tenant: TenantId) -> String {
        match self {
            Self::Run(run) => format!("{tenant} run {run}"),
            Self::Queue => format!("{tenant} queue"),
            Self::Link(runner) => format!("{tenant} link {runner}"),
            Self::Question => format!("{tenant} question"),
            Self::Card(card) => format!("{tenant} card {card}"),
            Self::Settings(noun) => format!("{tenant} settings {}", noun.word()),
        }
    }
}

impl Store {
    /// Wake-up hints from every server on this database. A hint may be lost; poll as well.
    ///
    /// # Errors
    /// [`crate::StoreError::Unavailable`].
    pub async fn listen(&self) -> Result<Listener> {
        Ok(Listener {
            inner: listening(&self.pool).await?,
            pool: self.pool.clone(),
            breaks: self.breaks.clone(),
            is_lost: false,
        })
    }
}

async fn listening(pool: &PgPool) -> Result<PgListener> {
    let mut inner = PgListener::connect_with(pool).await?;
    // What broke is to be known at once, not when there is another.
    inner.eager_reconnect(false);
    inner.listen(CHANNEL).await?;
    Ok(inner)
}

/// Receives hints.
#[derive(Debug)]
pub struct Listener {
    inner: PgListener,
    pool: PgPool,
    breaks: Breaks,
    /// It broke, and there is no other yet.
    is_lost: bool,
}

impl Listener {
    /// The next hint. Reconnects by itself; `None` when it did, as hints that were sent meanwhile
    /// are lost. Cancellation safe.
    ///
    /// # Errors
    /// [`crate::StoreError::Unavailable`] when the connection cannot be made again.
    pub async fn next(&mut self) -> Result<Option<(TenantId, Hint)>> {
        loop {
            if self.is_lost {
                let again = listening(&self.pool).await;
                self.inner = again.inspect_err(|_| self.breaks.seen())?;
                self.is_lost = false;
                return Ok(None);
            }
            let note = self.inner.try_recv().await;
            let Some(note) = note.inspect_err(|_| self.breaks.seen())? else {
                self.breaks.seen();
                self.is_lost = true;
                continue;
            };
            let mut words = note.payload().split(' ');
            let tenant = words.next().and_then(|w| w.parse().ok());
            let hint = match (words.next(), words.next()) {
                (Some("run"), Some(run)) => run.parse().ok().map(Hint::Run),
                (Some("queue"), None) => Some(Hint::Queue),
                (Some("question"), None) => Some(Hint::Question),
                (Some("link"), Some(runner)) => runner.parse().ok().map(Hint::Link),
                (Some("card"), Some(card)) => card.parse().ok().map(Hint::Card),
                (Some("settings"), Some(word)) => Noun::ALL
                    .into_iter()
                    .find(|noun| noun.word() == word)
                    .map(Hint::Settings),
                _ => None,
            };
            if let (Some(tenant), Some(hint)) = (tenant, hint) {
                return Ok(Some((tenant, hint)));
            }
        }
    }
}
