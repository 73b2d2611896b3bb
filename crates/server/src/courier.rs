//! The way out for what webhooks are told: one `POST`, to an address that was checked, and nowhere else.
//!
//! Tenants say where to, so the whole network could be asked of us. Only `https` to two ports is sent to;
//! names are looked up here, each of their addresses is looked at, and the connection goes to those very
//! addresses, so that a name cannot stand for one address when it is looked at and for another when it is
//! dialled. Redirects are not followed, and no proxy of the environment is used.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use freehold_engine::Answer;
use freehold_engine::webhook::{Carried, Carrier, Parcel};
use freehold_engine::webhook_send::ANSWER_MAX;
use freehold_model::TenantId;
use freehold_model::webhook::{Outcome, is_public};
use freehold_wire::webhook::{ID, SIGNATURE, TIMESTAMP};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Url, redirect};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// How long it may take to be connected, the look-up of the name included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a try may take in all. Whoever needs longer answers first and works afterwards.
const WHOLE_TIMEOUT: Duration = Duration::from_secs(15);
/// How long an answer's body is waited for, once its status is known.
const BODY_TIMEOUT: Duration = Duration::from_secs(2);
/// Names that are looked up at a time: each holds a thread for as long as the name's servers like, however
/// early the delivery was given up that asked. A quarter of the threads that there are for such work.
const LOOKED_UP_AT_ONCE: usize = 128;
/// Of one tenant: whose names' servers are slow has its own deliveries wait, and no others.
const LOOKED_UP_OF_TENANT: usize = 4;
/// Ports that are sent to: those on which HTTPS is at home. Any other is somebody's other service.
const PORTS: [u16; 2] = [443, 8443];

/// Where webhooks may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// In the public network, over TLS.
    #[default]
    Public,
    /// And on this machine, without TLS and on any port: where all tenants are the machine's owner.
    Loopback,
}

/// What a look-up gives.
pub type Addresses = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Who knows which addresses a name stands for.
pub trait Names: Send + Sync + 'static {
    /// All addresses of a host, for a delivery of this tenant's.
    fn look_up(&self, host: &str, tenant: Option<TenantId>) -> Addresses;
}

tokio::task_local! {
    /// Whose delivery this task sends: the client that asks for a name's addresses cannot say it.
    static SENDS_FOR: TenantId;
}

/// The machine's own resolver: it blocks its thread.
struct System {
    all: Arc<Semaphore>,
    each: Mutex<HashMap<Option<TenantId>, Arc<Semaphore>>>,
    find: fn(&str) -> io::Result<Vec<IpAddr>>,
}

impl System {
    fn by(find: fn(&str) -> io::Result<Vec<IpAddr>>) -> Self {
        Self {
            all: Arc::new(Semaphore::new(LOOKED_UP_AT_ONCE)),
            each: Mutex::default(),
            find,
        }
    }

    /// The turns of a tenant. Those of tenants that look nothing up are forgotten.
    fn of(&self, tenant: Option<TenantId>) -> Arc<Semaphore> {
        let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
        each.retain(|_, turns| {
            Arc::strong_count(turns) > 1 || turns.available_permits() < LOOKED_UP_OF_TENANT
        });
        each.entry(tenant)
            .or_insert_with(|| Arc::new(Semaphore::new(LOOKED_UP_OF_TENANT)))
            .clone()
    }
}

fn getaddrinfo(host: &str) -> io::Result<Vec<IpAddr>> {
    let found = (host, 0).to_socket_addrs()?;
    Ok(found.map(|address| address.ip()).collect())
}

impl Names for System {
    fn look_up(&self, host: &str, tenant: Option<TenantId>) -> Addresses {
        let (host, own, all, find) = (
            host.to_owned(),
            self.of(tenant),
            self.all.clone(),
            self.find,
        );
        Box::pin(async move {
            // The tenant's first: who waits for that holds none of the others'.
            let own = own.acquire_owned().await.map_err(io::Error::other)?;
            let turn = all.acquire_owned().await.map_err(io::Error::other)?;
            let looking = tokio::task::spawn_blocking(move || {
                // Held by the thread, which goes on when nobody waits for it any more.
                let _turns = (own, turn);
                find(&host)
            });
            looking.await.map_err(io::Error::other)?
        })
    }
}

/// A name stands for an address that is not sent to.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the host's name stands for an address that is not public")]
struct NotPublic;

/// Looks names up for the client, and gives nothing unless all their addresses may be sent to.
struct Checked {
    names: Arc<dyn Names>,
    reach: Reach,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let tenant = SENDS_FOR.try_with(|tenant| *tenant).ok();
        let looking = self.names.look_up(name.as_str(), tenant);
        let reach = self.reach;
        Box::pin(async move {
            let found = looking.await?;
            if !found.iter().all(|address| reach.may(*address)) {
                return Err(NotPublic.into());
            }
            // The port is the URL's.
            let all = found.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(all) as Addrs)
        })
    }
}

impl Reach {
    fn may(self, address: IpAddr) -> bool {
        is_public(address) || (self == Self::Loopback && address.is_loopback())
    }
}

/// Sends to webhooks.
pub struct Courier {
    client: Client,
    reach: Reach,
}

impl Courier {
    /// By the machine's own resolver.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(reach: Reach) -> Result<Self, reqwest::Error> {
        Self::by(Arc::new(System::by(getaddrinfo)), reach)
    }

    /// By whoever knows the names.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn by(names: Arc<dyn Names>, reach: Reach) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .dns_resolver(Arc::new(Checked { names, reach }))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(WHOLE_TIMEOUT)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            // A connection that is kept was checked for another delivery; and many tenants would keep many.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("Freehold-Webhooks/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, reach })
    }

    fn read(&self, address: &str) -> Result<Url, String> {
        let url = Url::parse(address)
            .map_err(|_| "that is no address; it is like https://example.org/hook".to_owned())?;
        let no = |why: &str| Err(why.to_owned());
        let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
            return no("the address names no host");
        };
        if !url.username().is_empty() || url.password().is_some() {
            return no("an address holds no user and no password: receivers verify the signature");
        }
        if url.fragment().is_some() {
            return no("what follows `#` is not sent: take it away");
        }
        let literal: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
        let is_here = literal.is_some_and(|ip| ip.is_loopback()) || host == "localhost";
        let may_be_here = is_here && self.reach == Reach::Loopback;
        match url.scheme() {
            "https" => {}
            "http" if may_be_here => {}
            "http" => return no("webhooks are sent to over https:// alone"),
            _ => return no("the address begins with https://"),
        }
        if literal.is_some_and(|ip| !self.reach.may(ip)) || (is_here && !may_be_here) {
            return no("the address is not one of the public network");
        }
        let port = url.port_or_known_default().unwrap_or(0);
        if !may_be_here && !PORTS.contains(&port) {
            return no("webhooks are sent to at the ports 443 and 8443 alone");
        }
        Ok(url)
    }

    async fn send(&self, parcel: Parcel) -> (Outcome, Option<u16>, Vec<u8>) {
        // Once more: whoever operates the server may say otherwise by now.
        let Ok(url) = self.read(&parcel.address) else {
            return (Outcome::Forbidden, None, Vec::new());
        };
        let request = self
            .client
            .post(url)
            .header("content-type", "application/json")
            .header(ID, parcel.id)
            .header(TIMESTAMP, parcel.timestamp)
            .header(SIGNATURE, parcel.signature)
            .body(parcel.body);
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => return (failed(&error), None, Vec::new()),
        };
        let status = response.status().as_u16();
        let mut answer = Vec::new();
        // What does not come, or comes too late, is not missed: the status says it all.
        let read = async {
            while answer.len() < ANSWER_MAX
                && let Ok(Some(part)) = response.chunk().await
            {
                let room = ANSWER_MAX - answer.len();
                answer.extend_from_slice(&part[..part.len().min(room)]);
            }
        };
        let _late = tokio::time::timeout(BODY_TIMEOUT, read).await;
        (Outcome::of_status(status), Some(status), answer)
    }
}

fn failed(error: &reqwest::Error) -> Outcome {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<NotPublic>() {
            return Outcome::Forbidden;
        }
        cause = error.source();
    }
    match error.is_timeout() {
        true => Outcome::TimedOut,
        false => Outcome::Unreachable,
    }
}

impl Carrier for Courier {
    fn check(&self, address: &str) -> Result<String, String> {
        self.read(address).map(String::from)
    }

    fn carry(&self, parcel: Parcel) -> Answer<'_, Carried> {
        Box::pin(async move {
            let began = Instant::now();
            // The client has its own clock; this one holds even where it forgot to look, and not before a
            // status that came is told.
            let sending = SENDS_FOR.scope(parcel.tenant, self.send(parcel));
            let sent = tokio::time::timeout(WHOLE_TIMEOUT + BODY_TIMEOUT, sending).await;
            let (outcome, status, answer) = sent.unwrap_or((Outcome::TimedOut, None, Vec::new()));
            Carried {
                outcome,
                status,
                answer,
                took: began.elapsed(),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;

    fn courier(reach: Reach) -> Courier {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Courier::new(reach).unwrap()
    }

    #[test]
    fn an_address_is_https_and_public_and_nothing_else_hides_in_it() {
        let courier = courier(Reach::Public);
        for (given, kept) in [
            ("https://example.org/hook", "https://example.org/hook"),
            ("https://EXAMPLE.org:443/a?b=c", "https://example.org/a?b=c"),
            ("https://example.org:8443/", "https://example.org:8443/"),
            ("https://8.8.8.8/", "https://8.8.8.8/"),
            ("https://[2606:4700::1]/", "https://[2606:4700::1]/"),
            ("  https://example.org", "https://example.org/"),
            // What is read is what is dialled, however it was written.
            ("https:///example.org", "https://example.org/"),
            (
                "https://example.org\\@127.0.0.1:22/",
                "https://example.org/@127.0.0.1:22/",
            ),
        ] {
            assert_eq!(courier.check(given).as_deref(), Ok(kept));
        }
        for none in [
            "",
            "example.org",
            "/hook",
            "https://",
            "http://example.org/",
            "ftp://example.org/",
            "file:///etc/passwd",
            "gopher://example.org/",
            "unix:/run/x.sock",
            "https://user@example.org/",
            "https://user:pw@example.org/",
            "https://:pw@example.org/",
            "https://example.org/#a",
            "https://example.org:22/",
            "https://example.org:80/",
            "https://example.org:5432/",
            "https://example.org:0/",
            "https://localhost/",
            "https://LOCALHOST/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://0/",
            "https://10.0.0.1/",
            "https://169.254.169.254/latest/meta-data/",
            "https://[::1]/",
            "https://[::]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[fd00:ec2::254]/",
            "https://[64:ff9b::a00:1]/",
            "https://１２７.0.0.1/",
            "https://127。0。0。1/",
            "http://127.0.0.1:8080/",
            "https://ex ample.org/",
            "https://exa%00mple.org/",
        ] {
            assert!(
                courier.check(none).is_err(),
                "{none}: {:?}",
                courier.check(none)
            );
        }
    }

    /// Names' servers that say nothing, until the test is over.
    static SILENT: AtomicUsize = AtomicUsize::new(0);
    static IS_OVER: AtomicBool = AtomicBool::new(false);

    /// However the test ends, threads that look for it do.
    struct Over;

    impl Drop for Over {
        fn drop(&mut self) {
            IS_OVER.store(true, Ordering::SeqCst);
        }
    }

    fn silent(host: &str) -> io::Result<Vec<IpAddr>> {
        if host.starts_with("slow") {
            SILENT.fetch_add(1, Ordering::SeqCst);
            while !IS_OVER.load(Ordering::SeqCst) {
                std::thread::park_timeout(Duration::from_millis(5));
            }
        }
        Ok(vec![IpAddr::from([192, 0, 2, 1])])
    }

    #[tokio::test]
    async fn whose_names_are_slow_has_nobody_else_wait() {
        let _over = Over;
        let at = chrono::DateTime::UNIX_EPOCH;
        let tenant = |n: u8| Some(TenantId::at(at, [n; 10]));
        let system = System::by(silent);
        // Deliveries that are given up long before their look-ups are: those hold their turns.
        let given_up = (0..40).map(|n| {
            let looking = system.look_up(&format!("slow{n}.example.org"), tenant(1));
            tokio::time::timeout(Duration::from_millis(50), looking)
        });
        let given_up = futures_util::future::join_all(given_up).await;
        assert!(given_up.iter().all(Result::is_err));
        let looking = || SILENT.load(Ordering::SeqCst);
        let deadline = Instant::now() + Duration::from_secs(20);
        while looking() < LOOKED_UP_OF_TENANT && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(looking(), LOOKED_UP_OF_TENANT);
        for n in 2..50 {
            let found = system.look_up("fast.example.org", tenant(n));
            let found = tokio::time::timeout(Duration::from_secs(10), found).await;
            assert_eq!(found.unwrap().unwrap().len(), 1, "{n}");
        }
        // Whoever is at rest is forgotten.
        drop(system.of(tenant(60)));
        assert!(system.each.lock().unwrap().len() <= 3);
        assert_eq!(looking(), LOOKED_UP_OF_TENANT);
    }

    #[test]
    fn loopback_is_the_operators_to_allow_and_no_more_than_loopback() {
        let courier = courier(Reach::Loopback);
        for here in [
            "http://127.0.0.1:8080/hook",
            "http://localhost:1/",
            "http://[::1]:9000/",
            "https://127.0.0.1:9/",
            "https://example.org/",
        ] {
            assert!(courier.check(here).is_ok(), "{here}");
        }
        for not in [
            "http://example.org/",
            "http://10.0.0.1/",
            "https://10.0.0.1/",
            "https://example.org:22/",
            "http://localhost.example.org/",
            "http://[::ffff:127.0.0.1]/",
            "http://0.0.0.0:80/",
        ] {
            assert!(courier.check(not).is_err(), "{not}");
        }
    }
}
