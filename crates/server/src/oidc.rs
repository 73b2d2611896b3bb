//! The way to a provider of identities, over HTTP: what it says of itself (OpenID Connect Discovery 1.0),
//! its keys, and codes that are turned in.
//!
//! The operator names the issuer; all other addresses are the provider's own word, and are spoken to over
//! TLS (on this machine only, without). No redirect is followed: an address that was checked is the one
//! that is asked. Answers and times are bounded, and so is the number of requests under way: a provider
//! that stands still costs whoever signs in there some seconds, and nobody else anything.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use freehold_engine::Answer;
use freehold_engine::oidc::{Ask, Desk, Given, Trouble};
use freehold_wire::id_token::{Claims, Expected, Keys, NotGood, verify};
use futures_util::StreamExt as _;
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// One request to a provider, with its answer. Somebody waits before a page.
const REQUEST_WITHIN: Duration = Duration::from_secs(10);
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Largest answer: documents and keys are kilobytes, and a token with hundreds of groups is tens of them.
const ANSWER_MAX: usize = 512 * 1024;
/// How long what a provider says of itself and its keys are taken as they were.
const KNOWN_FOR: Duration = Duration::from_secs(3600);
/// Keys are asked for anew when a token names one that is not known; once in so long, whoever sends such
/// tokens.
const KEYS_AGAIN: Duration = Duration::from_secs(10);
/// After it did not answer it is not asked again sooner: whoever comes meanwhile need not wait.
const REST: Duration = Duration::from_secs(3);
/// Requests to one provider at a time; more are told to come again.
const AT_ONCE: usize = 32;
/// Longest word of a provider's refusal that is passed on.
const WORD_MAX: usize = 60;

/// Why a provider cannot be set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoProvider {
    /// The issuer is no address, or of a kind that others could answer for.
    #[error(
        "the issuer is not like https://id.example.org/realm: https, and neither user, query nor fragment (http on this machine only)"
    )]
    Issuer,
    /// There is no way to ask anything.
    #[error("no requests can be made: the system's certificates cannot be used")]
    Client,
}

/// What the operator says about a provider.
pub struct OidcSettings {
    /// Who it says that it is, letter by letter.
    pub issuer: String,
    /// Who we are to it.
    pub client: String,
    /// What shows that; a public client has none.
    pub secret: Option<Zeroizing<String>>,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// The claim that lists groups.
    pub groups: Option<String>,
    /// That it is not there means that somebody is in no group.
    pub no_claim_is_no_group: bool,
}

/// A provider.
pub struct Oidc {
    settings: OidcSettings,
    issuer: Url,
    http: Client,
    turns: Semaphore,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    itself: Option<(Instant, Arc<Itself>)>,
    keys: Option<(Instant, Arc<Keys>)>,
    /// When they were last asked for out of turn.
    keys_again: Option<Instant>,
    /// When it last gave no answer that can be used, and why.
    away: Option<(Instant, String)>,
}

/// What a provider says of itself, as it is used.
struct Itself {
    authorization: Url,
    token: Url,
    keys: Url,
    names_itself: bool,
    in_body: bool,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    code_challenge_methods_supported: Option<Vec<String>>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

fn away(why: impl Into<String>) -> Trouble {
    Trouble::Away(why.into())
}

fn is_here(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let name = host.trim_start_matches('[').trim_end_matches(']');
        name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    })
}

/// An address that may be asked: over TLS; or on this machine, where the issuer is there as well.
fn may_be_asked(url: &Url, issuer_is_here: bool) -> bool {
    let safe = match url.scheme() {
        "https" => issuer_is_here || !is_here(url),
        "http" => issuer_is_here && is_here(url),
        _ => false,
    };
    safe && url.host_str().is_some() && url.username().is_empty() && url.password().is_none()
}

impl Oidc {
    /// A provider that is asked when somebody goes there, and not before.
    ///
    /// # Errors
    /// [`NoProvider`].
    pub fn new(settings: OidcSettings) -> Result<Self, NoProvider> {
        let issuer = Url::parse(&settings.issuer).map_err(|_| NoProvider::Issuer)?;
        let fits = may_be_asked(&issuer, is_here(&issuer))
            && issuer.query().is_none()
            && issuer.fragment().is_none();
        if !fits {
            return Err(NoProvider::Issuer);
        }
        // An error means that the program has chosen a provider before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .timeout(REQUEST_WITHIN)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|_| NoProvider::Client)?;
        Ok(Self {
            settings,
            issuer,
            http,
            turns: Semaphore::new(AT_ONCE),
            known: Mutex::default(),
        })
    }

    fn known<T>(&self, look: impl FnOnce(&mut Known) -> T) -> T {
        look(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sends a request and takes its whole answer, within all bounds.
    async fn ask(&self, request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), Trouble> {
        let resting = self.known(|known| {
            let away = known.away.as_ref();
            away.and_then(|(at, why)| (at.elapsed() < REST).then(|| why.clone()))
        });
        if let Some(why) = resting {
            return Err(away(why));
        }
        let Ok(_turn) = self.turns.try_acquire() else {
            return Err(away("too many are on their way there at the moment"));
        };
        let answered = self.answer(request).await;
        let fault = match &answered {
            Ok((status, _)) if status.is_server_error() => {
                Some(format!("it answers with status {}", status.as_u16()))
            }
            Ok(_) => None,
            Err(why) => Some(why.clone()),
        };
        self.known(|known| known.away = fault.clone().map(|why| (Instant::now(), why)));
        match fault {
            Some(why) => Err(away(why)),
            None => answered.map_err(away),
        }
    }

    async fn answer(&self, request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), String> {
        let failed = |error: reqwest::Error| {
            // What the network says names addresses; the log has them by the provider's name.
            let why = match () {
                () if error.is_timeout() => "it does not answer in time",
                () if error.is_connect() => "it cannot be reached",
                () => "its answer broke off",
            };
            why.to_owned()
        };
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        let mut body = Vec::new();
        let mut parts = response.bytes_stream();
        while let Some(part) = parts.next().await {
            let part = part.map_err(failed)?;
            if body.len() + part.len() > ANSWER_MAX {
                return Err("its answer is too large".to_owned());
            }
            body.extend_from_slice(&part);
        }
        Ok((status, body))
    }

    /// A document of the provider's.
    async fn document(&self, url: Url) -> Result<Vec<u8>, Trouble> {
        match self.ask(self.http.get(url)).await? {
            (StatusCode::OK, body) => Ok(body),
            (status, _) => Err(away(format!("it answers with status {}", status.as_u16()))),
        }
    }

    /// What the provider says of itself.
    async fn itself(&self) -> Result<Arc<Itself>, Trouble> {
        let fresh = self.known(|known| {
            let itself = known.itself.as_ref();
            itself.and_then(|(at, itself)| (at.elapsed() < KNOWN_FOR).then(|| itself.clone()))
        });
        if let Some(itself) = fresh {
            return Ok(itself);
        }
        let mut url = self.issuer.clone();
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{path}/.well-known/openid-configuration"));
        let body = self.document(url).await?;
        let document: Document = serde_json::from_slice(&body)
            .map_err(|_| away("what it says of itself cannot be read"))?;
        let itself = Arc::new(self.checked(document)?);
        self.known(|known| known.itself = Some((Instant::now(), itself.clone())));
        Ok(itself)
    }

    fn checked(&self, document: Document) -> Result<Itself, Trouble> {
        if document.issuer != self.settings.issuer {
            return Err(away("it says that it is another issuer"));
        }
        let address = |text: &str| {
            let url = Url::parse(text).ok();
            url.filter(|url| may_be_asked(url, is_here(&self.issuer)))
                .ok_or_else(|| away("it names an address that is not safe to use"))
        };
        let methods = document.code_challenge_methods_supported;
        if methods.is_some_and(|methods| !methods.iter().any(|method| method == "S256")) {
            return Err(away("it does not know PKCE with S256"));
        }
        let ways = document.token_endpoint_auth_methods_supported;
        // Where it says nothing, it is `client_secret_basic` (Discovery 1.0, 3).
        let basic = ways
            .as_ref()
            .is_none_or(|ways| ways.iter().any(|way| way == "client_secret_basic"));
        Ok(Itself {
            authorization: address(&document.authorization_endpoint)?,
            token: address(&document.token_endpoint)?,
            keys: address(&document.jwks_uri)?,
            names_itself: document.authorization_response_iss_parameter_supported,
            in_body: !basic,
        })
    }

    /// The provider's keys.
    async fn keys(&self, itself: &Itself) -> Result<Arc<Keys>, Trouble> {
        let fresh = self.known(|known| {
            let keys = known.keys.as_ref();
            keys.and_then(|(at, keys)| (at.elapsed() < KNOWN_FOR).then(|| keys.clone()))
        });
        match fresh {
            Some(keys) => Ok(keys),
            None => self.keys_now(itself).await,
        }
    }

    /// Whether it is time to ask for them out of turn.
    fn may_ask_again(&self) -> bool {
        self.known(|known| {
            let may = known.keys_again.is_none_or(|at| at.elapsed() >= KEYS_AGAIN);
            if may {
                known.keys_again = Some(Instant::now());
            }
            may
        })
    }

    async fn keys_now(&self, itself: &Itself) -> Result<Arc<Keys>, Trouble> {
        let body = self.document(itself.keys.clone()).await?;
        let keys = Keys::from_json(&body).ok_or_else(|| away("its keys cannot be read"))?;
        let keys = Arc::new(keys);
        self.known(|known| known.keys = Some((Instant::now(), keys.clone())));
        Ok(keys)
    }

    async fn page_at(&self, ask: Ask) -> Result<String, Trouble> {
        let itself = self.itself().await?;
        let mut url = itself.authorization.clone();
        let scopes = self.settings.scopes.iter().map(String::as_str);
        let scope: Vec<&str> = std::iter::once("openid").chain(scopes).collect();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client)
            .append_pair("redirect_uri", &ask.redirect)
            .append_pair("scope", &scope.join(" "))
            .append_pair("state", &ask.state)
            .append_pair("nonce", &ask.nonce)
            .append_pair("code_challenge", &ask.challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(url.into())
    }

    async fn vouch(&self, given: Given) -> Result<Claims, Trouble> {
        let itself = self.itself().await?;
        // RFC 9207, 2.4: what another issuer gave is not turned in here.
        let is_its_own = match &given.issuer {
            Some(issuer) => *issuer == self.settings.issuer,
            None => !itself.names_itself,
        };
        if !is_its_own {
            return Err(Trouble::Refused("the answer is another issuer's".into()));
        }
        let token = self.turn_in(&itself, &given).await?;
        let expected = Expected {
            issuer: &self.settings.issuer,
            client: &self.settings.client,
            nonce: &given.nonce,
            now: given.now,
            groups: self.settings.groups.as_deref(),
            no_claim_is_no_group: self.settings.no_claim_is_no_group,
        };
        let keys = self.keys(&itself).await?;
        let claims = match verify(&token, &keys, &expected) {
            // Its keys may be others by now.
            Err(NotGood::Key) if self.may_ask_again() => {
                let keys = self.keys_now(&itself).await?;
                verify(&token, &keys, &expected)
            }
            other => other,
        };
        claims.map_err(|not_good| Trouble::Refused(not_good.to_string()))
    }

    /// Turns a code in for an ID token.
    async fn turn_in(&self, itself: &Itself, given: &Given) -> Result<String, Trouble> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", &given.code),
            ("redirect_uri", &given.redirect),
            ("code_verifier", &given.verifier),
        ];
        let mut request = self.http.post(itself.token.clone());
        match &self.settings.secret {
            Some(secret) if itself.in_body => {
                form.push(("client_id", &self.settings.client));
                form.push(("client_secret", secret));
            }
            Some(secret) => {
                // RFC 6749, 2.3.1: each is encoded as in a form before they are joined.
                let pair = format!("{}:{}", encoded(&self.settings.client), encoded(secret));
                let pair = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair)));
                request = request.header("authorization", pair.as_str());
            }
            None => form.push(("client_id", &self.settings.client)),
        }
        let request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .body(form_of(&form));
        let (status, body) = self.ask(request).await?;
        let body = Zeroizing::new(body);
        if status != StatusCode::OK {
            let refusal: Option<Refusal> = serde_json::from_slice(&body).ok();
            let word = refusal.map(|refusal| refusal.error).unwrap_or_default();
            let word: String = (word.chars())
                .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
                .take(WORD_MAX)
                .collect();
            let why = match word.as_str() {
                "" => format!("it refused with status {}", status.as_u16()),
                word => format!("it refused: {word}"),
            };
            return Err(Trouble::Refused(why));
        }
        let tokens: Option<Tokens> = serde_json::from_slice(&body).ok();
        tokens
            .and_then(|tokens| tokens.id_token)
            .ok_or_else(|| Trouble::Refused("its answer holds no ID token".into()))
    }
}

/// A text as it stands in a form (`application/x-www-form-urlencoded`).
fn encoded(text: &str) -> String {
    form_of(&[(text, "")]).trim_end_matches('=').to_owned()
}

fn form_of(pairs: &[(&str, &str)]) -> String {
    let Ok(mut url) = Url::parse("form:") else {
        return String::new();
    };
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap_or_default().to_owned()
}

impl Desk for Oidc {
    fn page(&self, ask: Ask) -> Answer<'_, Result<String, Trouble>> {
        Box::pin(self.page_at(ask))
    }

    fn redeem(&self, given: Given) -> Answer<'_, Result<Claims, Trouble>> {
        Box::pin(self.vouch(given))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(issuer: &str) -> Result<Oidc, NoProvider> {
        Oidc::new(OidcSettings {
            issuer: issuer.to_owned(),
            client: "us".to_owned(),
            secret: None,
            scopes: Vec::new(),
            groups: None,
            no_claim_is_no_group: false,
        })
    }

    fn document(issuer: &str) -> serde_json::Value {
        serde_json::json!({
            "issuer": issuer, "authorization_endpoint": "https://id.example.org/auth",
            "token_endpoint": "https://token.example.org/token", "jwks_uri": "https://id.example.org/keys",
        })
    }

    fn takes(issuer: &str, changes: &serde_json::Value) -> bool {
        let mut document = document(issuer);
        for (key, value) in changes.as_object().unwrap() {
            document[key] = value.clone();
        }
        let document = serde_json::from_value(document).unwrap();
        provider(issuer).unwrap().checked(document).is_ok()
    }

    #[test]
    fn an_issuer_is_spoken_to_over_tls_or_on_this_machine() {
        for good in [
            "https://id.example.org",
            "https://id.example.org/realms/one/",
            "http://127.0.0.1:4000",
            "http://[::1]:4000/x",
            "http://localhost:4000",
        ] {
            assert!(provider(good).is_ok(), "{good}");
        }
        for bad in [
            "http://id.example.org",
            "http://127.0.0.1.example.org",
            "http://localhost.example.org",
            "http://192.168.1.1",
            "https://user@id.example.org",
            "https://id.example.org?x",
            "https://id.example.org#x",
            "ftp://id.example.org",
            "file:///etc/passwd",
            "id.example.org",
        ] {
            assert_eq!(provider(bad).err(), Some(NoProvider::Issuer), "{bad}");
        }
    }

    #[test]
    fn addresses_that_a_provider_names_are_no_way_into_this_machine() {
        let issuer = "https://id.example.org";
        let here = "http://127.0.0.1:4000";
        assert!(takes(issuer, &serde_json::json!({})));
        assert!(takes(
            here,
            &serde_json::json!({ "jwks_uri": "http://127.0.0.1:4001/keys" })
        ));
        for (issuer, address) in [
            (issuer, "http://id.example.org/keys"),
            (issuer, "https://127.0.0.1/keys"),
            (issuer, "https://[::1]/keys"),
            (issuer, "https://localhost/keys"),
            (issuer, "http://169.254.169.254/latest"),
            (issuer, "file:///etc/passwd"),
            (issuer, "https://a:b@id.example.org/keys"),
            (issuer, "/keys"),
            (here, "http://10.0.0.1/keys"),
        ] {
            for field in ["jwks_uri", "token_endpoint", "authorization_endpoint"] {
                let changes = serde_json::json!({ field: address });
                assert!(!takes(issuer, &changes), "{issuer} {field} {address}");
            }
        }
        let other = serde_json::json!({ "issuer": "https://id.example.org/" });
        assert!(!takes(issuer, &other), "another issuer, by one letter");
        let plain = serde_json::json!({ "code_challenge_methods_supported": ["plain"] });
        assert!(!takes(issuer, &plain));
    }

    #[test]
    fn what_goes_into_a_form_is_encoded() {
        assert_eq!(encoded("a b+c&d=é:/"), "a+b%2Bc%26d%3D%C3%A9%3A%2F");
        assert_eq!(form_of(&[("a", "1&b=2"), ("c", "")]), "a=1%26b%3D2&c=");
    }
}
