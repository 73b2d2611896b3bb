//! One organization's requests while another sends many times what it may.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use freehold_engine::{Caller, Engine};
use freehold_model::Role;
use freehold_model::permission::Scope;
use freehold_server::Rates;
use freehold_testkit::site::{Site, percentile};
use freehold_wire::api::NewServiceToken;
use serde_json::{Value, json};

use crate::Wish;
use crate::load::{Took, aside, at_rate, client, send};

/// Tokens and addresses of the noisy one: each stays under its own limits, so that it is the organization's
/// that is reached.
const VOICES: u8 = 50;

/// Asks with many tokens, each from an address of its own.
#[derive(Clone)]
struct Voices(Arc<Vec<(reqwest::Client, String)>>);

impl Voices {
    async fn of(engine: &Engine, caller: &Caller, network: u8, many: u8) -> Self {
        let mut all = Vec::new();
        for n in 1..=many {
            let new = NewServiceToken {
                name: format!("voice-{n}"),
                scopes: vec![Scope::ReadBoard],
                role: Role::Viewer,
                days: None,
            };
            let made = engine.service_token_create(caller, &new).await.unwrap();
            let from = IpAddr::V4(Ipv4Addr::new(127, 0, network, n));
            all.push((client(Some(from)), made.token.to_string()));
        }
        Self(Arc::new(all))
    }

    async fn ask(self, url: &str, rate: u32, span: Duration) -> Took {
        let url = format!("{url}/api/v1/projects");
        aside(async move || {
            at_rate(rate, span, |n| {
                let many = u64::try_from(self.0.len()).unwrap();
                let (http, token) = &self.0[usize::try_from(n % many).unwrap()];
                let request = http.get(&url).bearer_auth(token);
                async { ("list", send(request).await.map(drop)) }
            })
            .await
        })
        .await
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

pub(crate) async fn measure(wish: &Wish, directory: &Path) -> Value {
    let (limit, times) = (wish.number("limit", 20), wish.number("times", 50));
    let span = wish.seconds(8);
    let site = Site::start(directory, Some(Rates::per_tenant(limit)), 4, "").await;
    let noisy = site.engine.tenant_create("noisy").await.unwrap();
    let quiet = Voices::of(&site.engine, &site.owner, 1, 4).await;
    let noisy = Voices::of(&site.engine, &noisy, 2, VOICES).await;
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    let (mut refused, mut others) = (0, Vec::new());
    for _ in 0..wish.number("rounds", 5) {
        let mut took = quiet.clone().ask(&site.url, limit / 2, span).await.all();
        alone.push(percentile(&mut took, 50));
        let noise = noisy.clone().ask(&site.url, limit * times, span);
        let asked = quiet.clone().ask(&site.url, limit / 2, span);
        let (noise, asked) = tokio::join!(noise, asked);
        beside.push(percentile(&mut asked.all(), 50));
        for (why, count) in noise.refused {
            if why == "429 too_many with Retry-After" {
                refused += count;
            } else {
                others.push(format!("{why}: {count}"));
            }
        }
        others.extend(
            asked
                .refused
                .keys()
                .map(|why| format!("of the quiet one: {why}")),
        );
    }
    let _ended = site.stop().await.stop().await;
    let (alone, beside) = (median(alone), median(beside));
    json!({
        "limit_per_s": limit, "times": times, "p50_alone_ms": alone, "p50_beside_ms": beside,
        "ratio": beside / alone, "refused_429_with_retry_after": refused, "other_refusals": others,
    })
}
