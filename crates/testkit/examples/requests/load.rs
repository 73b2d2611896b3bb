//! Requests at a rate that does not wait for answers, so that a server which stands still is seen to.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use freehold_testkit::site::percentile;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// Milliseconds from when each was due, and what was answered that is no success.
#[derive(Default)]
pub(crate) struct Took {
    pub(crate) ms: BTreeMap<&'static str, Vec<f64>>,
    pub(crate) refused: BTreeMap<String, usize>,
}

impl Took {
    pub(crate) fn all(&self) -> Vec<f64> {
        self.ms.values().flatten().copied().collect()
    }

    pub(crate) fn said(&self) -> Value {
        let kinds = self.ms.iter().map(|(kind, ms)| {
            let mut ms = ms.clone();
            let said = json!({
                "requests": ms.len(),
                "p50_ms": percentile(&mut ms, 50), "p99_ms": percentile(&mut ms, 99),
            });
            ((*kind).to_owned(), said)
        });
        Value::Object(kinds.collect())
    }
}

/// What one request was: its kind, and what was answered when it is no success.
pub(crate) type Done = (&'static str, Result<(), String>);

/// Begins `make(n)` at this rate for this long, and waits for all.
pub(crate) async fn at_rate<F>(rate: u32, span: Duration, mut make: impl FnMut(u64) -> F) -> Took
where
    F: Future<Output = Done> + Send + 'static,
{
    let took: Arc<Mutex<Took>> = Arc::default();
    let begin = Instant::now();
    let every = Duration::from_secs(1) / rate;
    let count = u64::from(rate) * span.as_secs();
    let mut under_way = JoinSet::new();
    for n in 0..count {
        let due = begin + every * u32::try_from(n).unwrap();
        sleep_until(due).await;
        let (request, took) = (make(n), took.clone());
        under_way.spawn(async move {
            let (kind, answer) = request.await;
            let ms = due.elapsed().as_secs_f64() * 1000.0;
            let mut took = took.lock().unwrap();
            took.ms.entry(kind).or_default().push(ms);
            if let Err(why) = answer {
                *took.refused.entry(why).or_default() += 1;
            }
        });
        while under_way.try_join_next().is_some() {}
    }
    while under_way.join_next().await.is_some() {}
    std::mem::take(&mut *took.lock().unwrap())
}

/// A thread of its own asks, so that nobody's requests wait for the server's work to be begun.
pub(crate) fn aside<T: Send + 'static>(
    work: impl AsyncFnOnce() -> T + Send + 'static,
) -> impl Future<Output = T> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        drop(sender.send(runtime.block_on(work())));
    });
    async { receiver.await.unwrap() }
}

/// A client that comes from this address of loopback.
pub(crate) fn client(from: Option<IpAddr>) -> reqwest::Client {
    let client = reqwest::Client::builder().local_address(from);
    client.timeout(Duration::from_secs(30)).build().unwrap()
}

/// Sends it, and reads all of the answer.
pub(crate) async fn send(request: reqwest::RequestBuilder) -> Result<Value, String> {
    let answer = request.send().await.map_err(|error| error.to_string())?;
    let status = answer.status();
    let waits = answer.headers().contains_key("retry-after");
    let body = answer.bytes().await.map_err(|error| error.to_string())?;
    if !status.is_success() {
        let waits = if waits { " with Retry-After" } else { "" };
        let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
        let code = problem["code"].as_str().unwrap_or("without a code");
        return Err(format!("{} {code}{waits}", status.as_u16()));
    }
    Ok(serde_json::from_slice(&body).unwrap_or_default())
}
