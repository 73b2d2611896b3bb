//! A run's events in order, each once, over connections that may break.

use std::collections::VecDeque;
use std::time::Duration;

use freehold_wire::api::{Event, PAGE_MAX, Page, Run};
use reqwest::Response;

use super::backoff::Backoff;
use super::sse::Parser;
use super::{Client, Route, Trouble};
use crate::failure::Failure;

/// A stream that says nothing for so long, not even that it is alive, is taken for dead. To
/// come back costs one request.
const SILENCE: Duration = Duration::from_secs(90);

/// Follows one run until it has ended.
#[derive(Debug)]
pub(crate) struct Follow {
    client: Client,
    run: String,
    last: u64,
    ready: VecDeque<Event>,
    stream: Option<(Response, Parser)>,
    backoff: Backoff,
    ended: bool,
}

impl Follow {
    /// From the event after `after` on; does without a server for `patience` at a time.
    pub(crate) const fn new(client: Client, run: String, after: u64, patience: Duration) -> Self {
        Self {
            client,
            run,
            last: after,
            ready: VecDeque::new(),
            stream: None,
            backoff: Backoff::patient(patience),
            ended: false,
        }
    }

    /// The next event; `None` when the run has ended and all are told. Not cancellation safe:
    /// give it a task of its own.
    ///
    /// # Errors
    /// When the server refuses, or is not reached for too long.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, Failure> {
        loop {
            while let Some(event) = self.ready.pop_front() {
                if event.seq <= self.last {
                    continue;
                }
                if event.seq != self.last + 1 {
                    self.fill(event.seq).await?;
                    continue;
                }
                self.last = event.seq;
                self.backoff.good();
                return Ok(Some(event));
            }
            if self.ended {
                return Ok(None);
            }
            self.read().await?;
        }
    }

    /// Reads what comes next into `ready`; connects where there is no connection.
    async fn read(&mut self) -> Result<(), Failure> {
        let Some((response, parser)) = &mut self.stream else {
            return self.connect().await;
        };
        match tokio::time::timeout(SILENCE, response.chunk()).await {
            Ok(Ok(Some(bytes))) => {
                let events = parser
                    .feed(&bytes)
                    .map_err(|_| strange("an event too long"))?;
                for data in events {
                    let event = serde_json::from_slice(&data);
                    self.ready
                        .push_back(event.map_err(|e| strange(&e.to_string()))?);
                }
                Ok(())
            }
            // However it ended: whether the run has, the run itself says.
            Ok(Ok(None) | Err(_)) | Err(_) => {
                self.stream = None;
                self.look().await
            }
        }
    }

    async fn connect(&mut self) -> Result<(), Failure> {
        let route = self.route()?.then("stream").query("after", self.last);
        match self.client.open(&route, "text/event-stream").await {
            Ok(response) => {
                self.stream = Some((response, Parser::default()));
                Ok(())
            }
            Err(trouble) if trouble.is_passing() => self.backoff.wait(trouble).await,
            Err(trouble) => Err(trouble.into()),
        }
    }

    /// Asks whether the run has ended; then what is still missing is fetched and that is all.
    async fn look(&mut self) -> Result<(), Failure> {
        let run: Result<Run, Trouble> = self.client.try_get(&Route::of("runs", &self.run)?).await;
        match run {
            Ok(run) if run.state.is_terminal() => {
                self.rest().await?;
                self.ended = true;
                Ok(())
            }
            Ok(_) => {
                self.backoff.pause().await;
                Ok(())
            }
            Err(trouble) if trouble.is_passing() => self.backoff.wait(trouble).await,
            Err(trouble) => Err(trouble.into()),
        }
    }

    async fn rest(&mut self) -> Result<(), Failure> {
        let mut after = self.last;
        loop {
            let page = self.page(after).await?;
            let Some(last) = page.items.last().map(|event| event.seq) else {
                return Ok(());
            };
            self.ready.extend(page.items);
            if page.next.is_none() || last <= after {
                return Ok(());
            }
            after = last;
        }
    }

    /// Fetches what a stream left out before `seq`.
    async fn fill(&mut self, seq: u64) -> Result<(), Failure> {
        self.stream = None;
        self.ready.clear();
        let page = self.page(self.last).await?;
        let goes_on = page.items.first().map(|event| event.seq) == Some(self.last + 1);
        if !goes_on {
            let what = format!("events {} to {} are missing", self.last + 1, seq - 1);
            return Err(strange(&what));
        }
        self.ready.extend(page.items);
        Ok(())
    }

    async fn page(&self, after: u64) -> Result<Page<Event>, Failure> {
        let route = self.route()?.query("after", after).query("limit", PAGE_MAX);
        self.client.get_patiently(&route).await
    }

    fn route(&self) -> Result<Route, Failure> {
        Ok(Route::of("runs", &self.run)?.then("events"))
    }
}

fn strange(what: &str) -> Failure {
    Trouble::Strange(format!("its stream of events cannot be followed: {what}")).into()
}
