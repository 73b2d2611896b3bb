//! Added latency of the gateway: `cargo run --release -p freehold-gateway --example latency`.
//!
//! Prints, for a small unary call and for the first byte of a stream, p50 and p99 of a direct call, of the same call
//! through the gateway, and the difference. The rounds alternate, so that a noisy machine hits both alike.
#![expect(
    clippy::print_stdout,
    reason = "an example talks to whoever started it"
)]

use std::error::Error;
use std::time::{Duration, Instant};

use freehold_gateway::{BaseUrl, Gateway, Kind, Limits, Options, PlainHttp, Secret, Upstream};
use freehold_scripted::{Listen, Script, ScriptedModel, Step};
use reqwest::{Client, RequestBuilder};
use serde_json::json;

const WARM_UP: usize = 200;
const ROUNDS: usize = 2000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let gateway = Gateway::new(Options::default())?;
    let script = Script::new(
        "latency",
        [vec![Step::text("This is a script. ".repeat(16))]],
    );
    let model = ScriptedModel::start(script, Listen::Loopback(0)).await?;
    let socket = std::env::temp_dir().join(format!("freehold-latency-{}.sock", std::process::id()));
    let upstream = Upstream {
        kind: Kind::OpenAi,
        base_url: BaseUrl::parse(model.url(), PlainHttp::LocalOnly)?,
        key: Some(Secret::new("sk-0123456789abcdef")),
    };
    let grant = gateway
        .open(&socket, Secret::new("token"), upstream, Limits::default())
        .await?;
    let direct = (
        Client::builder().no_proxy().build()?,
        model.url().to_owned(),
    );
    let through = (
        Client::builder().unix_socket(socket).build()?,
        "http://model".to_owned(),
    );

    println!(
        "{:12} {:>14} {:>14} {:>14}",
        "µs", "direct", "gateway", "added"
    );
    for stream in [false, true] {
        let (mut plain, mut passed) = (Vec::new(), Vec::new());
        for round in 0..WARM_UP + ROUNDS {
            let (a, b) = (
                timed(request(&direct, stream)).await?,
                timed(request(&through, stream)).await?,
            );
            if round >= WARM_UP {
                plain.push(a);
                passed.push(b);
            }
        }
        for (name, share) in [("p50", 50), ("p99", 99)] {
            let (a, b) = (
                percentile(&mut plain, share),
                percentile(&mut passed, share),
            );
            let what = if stream { "first byte" } else { "unary" };
            println!(
                "{:12} {a:>14} {b:>14} {:>14}",
                format!("{what} {name}"),
                b.saturating_sub(a)
            );
        }
    }
    let usage = grant.close().await;
    println!("{ROUNDS} rounds each after {WARM_UP} to warm up, one at a time; metered: {usage:?}");
    Ok(())
}

fn request((client, url): &(Client, String), stream: bool) -> RequestBuilder {
    let body = json!({ "model": "m", "stream": stream, "messages": [{ "role": "user", "content": "hello ".repeat(200) }] });
    client
        .post(format!("{url}/v1/chat/completions"))
        .bearer_auth("token")
        .json(&body)
}

/// Time to the first byte of the body, which is all of it for a small one; the rest is read and not timed.
async fn timed(request: RequestBuilder) -> Result<Duration, reqwest::Error> {
    let start = Instant::now();
    let mut response = request.send().await?.error_for_status()?;
    response.chunk().await?;
    let time = start.elapsed();
    while response.chunk().await?.is_some() {}
    Ok(time)
}

fn percentile(times: &mut [Duration], share: usize) -> u128 {
    times.sort_unstable();
    times
        .get(times.len() * share / 100)
        .map_or(0, Duration::as_micros)
}
