//! Providers of identities, started on loopback by a test and ended with it: a real one (npm
//! `oidc-provider`), and one that lies. `scripts/install test` puts what they need into `target/oidc`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use freehold_engine::oidc::Provider;
use freehold_model::TenantId;
use freehold_server::{Oidc, OidcSettings};
use reqwest::{Client, Url};
use serde_json::{Value, json};

use crate::helper::{Helper, Speaks};

const REAL: &str = include_str!("../oidc/provider.mjs");
const ROGUE: &str = include_str!("../oidc/rogue.mjs");
/// Where their packages are, and a node that the system lacks, from this crate's folder.
const PLACE: &str = "../../target/oidc";
const OWN_NODE: &str = "../../target/node/bin/node";
/// What the installation is to them.
pub const CLIENT: &str = "freehold";
/// A secret with what a form and a header must encode.
pub const SECRET: &str = "s3cret of: a test+%&";
/// Where tests' servers say that they are.
pub const HOME: &str = "https://freehold.example.org";
/// Redirects that a browser follows before it gives up.
const REDIRECTS_MAX: usize = 20;

/// A provider of identities.
pub struct IdentityProvider {
    helper: Helper,
    issuer: String,
    http: Client,
}

impl IdentityProvider {
    /// A real one, that knows [`CLIENT`] and sends browsers back to the providers of these names.
    #[must_use]
    pub fn start(names: &[&str]) -> Self {
        let back = names.iter().map(|name| back_to(name));
        let client = json!({
            "client_id": CLIENT, "client_secret": SECRET, "redirect_uris": back.collect::<Vec<_>>(),
        });
        Self::run(REAL, &client.to_string())
    }

    /// One that gives whatever token it is told to.
    #[must_use]
    pub fn rogue() -> Self {
        Self::run(ROGUE, SECRET)
    }

    fn run(program: &str, word: &str) -> Self {
        // Another test of this process may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let own = here.join(OWN_NODE);
        let node = own.is_file().then_some(own);
        let node = node.unwrap_or_else(|| PathBuf::from("node"));
        let mut command = Helper::command(node);
        command.args(["--input-type=module", "--eval", program, "--", word]);
        command
            .current_dir(here.join(PLACE))
            .env("NODE_ENV", "test");
        let is_issuer = |line: &str| line.starts_with("http").then(|| line.to_owned());
        let (helper, issuer) = Helper::start(command, Speaks::Output, is_issuer, drop);
        let http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Self {
            helper,
            issuer,
            http,
        }
    }

    /// Where it is, and who it says that it is.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// It, for a server's settings.
    #[must_use]
    pub fn named(&self, name: &str, organizations: &[TenantId]) -> Provider {
        let settings = OidcSettings {
            issuer: self.issuer.clone(),
            client: CLIENT.to_owned(),
            secret: Some(SECRET.to_owned().into()),
            scopes: ["profile", "email", "groups"].map(str::to_owned).to_vec(),
            groups: Some("groups".to_owned()),
            no_claim_is_no_group: false,
        };
        Provider {
            name: name.to_owned(),
            title: format!("The {name} provider"),
            issuer: self.issuer.clone(),
            organizations: organizations.to_vec(),
            desk: Arc::new(Oidc::new(settings).unwrap()),
        }
    }

    /// From now on it is this person who signs in there; nobody says no.
    pub async fn who(&self, sub: &str, claims: Value) {
        self.tell("who", &json!({ "sub": sub, "claims": claims }))
            .await;
    }

    /// From now on whoever is asked says no.
    pub async fn nobody(&self) {
        self.tell("who", &Value::Null).await;
    }

    /// How one that lies answers from now on.
    pub async fn plan(&self, plan: Value) {
        self.tell("plan", &plan).await;
    }

    /// What one that lies was asked.
    pub async fn seen(&self) -> Value {
        let url = format!("{}/test/seen", self.issuer);
        let text = self.http.get(url).send().await.unwrap().text();
        serde_json::from_str(&text.await.unwrap()).unwrap()
    }

    async fn tell(&self, what: &str, said: &Value) {
        let url = format!("{}/test/{what}", self.issuer);
        let request = self.http.post(url).body(said.to_string());
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
    }

    /// Goes to a page of it as a browser does, and gives what stands in the address that it is sent back
    /// to.
    pub async fn visit(&self, page: &str) -> BTreeMap<String, String> {
        let mut cookies = BTreeMap::new();
        let mut url = Url::parse(page).unwrap();
        for _ in 0..REDIRECTS_MAX {
            if url.as_str().starts_with(HOME) {
                return url.query_pairs().into_owned().collect();
            }
            let all: Vec<String> = cookies
                .iter()
                .map(|(name, value): (&String, &String)| format!("{name}={value}"))
                .collect();
            let request = self.http.get(url.clone()).header("cookie", all.join("; "));
            let answer = request.send().await.unwrap();
            for cookie in answer.headers().get_all("set-cookie") {
                let pair = cookie.to_str().unwrap().split(';').next().unwrap();
                let (name, value) = pair.split_once('=').unwrap();
                cookies.insert(name.to_owned(), value.to_owned());
            }
            let location = answer.headers().get("location").cloned();
            let Some(location) = location else {
                let status = answer.status();
                panic!("{url}: {status}: {}", answer.text().await.unwrap());
            };
            url = url.join(location.to_str().unwrap()).unwrap();
        }
        panic!("the provider sends the browser around in circles");
    }

    /// Ends it.
    pub fn end(&mut self) {
        self.helper.end();
    }
}

/// Where a provider of that name sends browsers back to.
#[must_use]
pub fn back_to(name: &str) -> String {
    format!("{HOME}/sign-in/with/{name}")
}
