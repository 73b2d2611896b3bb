//! `freehold login`, on the machine that is to be signed in; `freehold device`, where somebody is.

use std::io::Write as _;
use std::time::Duration;

use freehold_wire::api::{Device, DeviceCodes, DevicePoll, DeviceState, Me, NewDevice, UserCode};
use freehold_wire::problem::Code;
use serde::Serialize;

use super::Person;
use crate::client::target::{Target, address};
use crate::client::{Client, Route, logins};
use crate::environment::{Environment, Secret};
use crate::failure::{Exit, Failure};
use crate::print::{Printer, safe, things};
use crate::words::{DeviceWords, LoginWords};

/// Where the kernel says what this machine is called.
const HOSTNAME: &str = "/proc/sys/kernel/hostname";
/// Longest name that a token may have.
const NAME_MAX: usize = 64;
/// Questions that are asked at most: the codes are good for ten minutes, and questions come seconds apart.
const QUESTIONS_MAX: u32 = 200;
/// More time between questions where the server says so (RFC 8628, 3.5).
const SLOWER: Duration = Duration::from_secs(5);

/// Who is signed in now, where.
#[derive(Debug, Serialize)]
struct LoggedIn {
    server: String,
    name: String,
    tenant_name: String,
    expires_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// Signs this machine in to a server.
pub(crate) async fn login(
    words: LoginWords,
    environment: &Environment,
    printer: Printer,
) -> Result<(), Failure> {
    let file = environment.logins().ok_or_else(|| {
        let next = "set HOME, or use FREEHOLD_URL and FREEHOLD_TOKEN";
        Failure::usage("there is no HOME to keep the login in", next)
    })?;
    let (url, loopback) = address(&words.server)?;
    let stranger = Client::stranger(&url, loopback)?;
    let name = words.name.unwrap_or_else(machine);
    let route = Route::to("device");
    let codes: DeviceCodes = stranger.post(&route, &NewDevice { name }).await?;
    say(&format!(
        "Where you are signed in to {url}, approve this code within ten minutes:\n\n  freehold device approve {}\n\nor type it at {}/device in a browser.\n",
        safe::line(&codes.user_code),
        url.as_str().trim_end_matches('/')
    ));
    let token = approved(&stranger, &codes).await?;
    // Before it is kept: what does not work is not worth keeping.
    let client = Client::new(&Target {
        url: url.clone(),
        loopback,
        token: Secret(token.clone()),
    })?;
    let me: Me = client.get(&Route::to("me")).await?;
    logins::put(&file, &url, &token)?;
    let done = LoggedIn {
        server: url.to_string(),
        name: me.name,
        tenant_name: me.tenant_name,
        expires_at: me.expires_at,
    };
    printer.show(&done, |done, _| {
        format!(
            "Signed in to {} as {}, in {}.\nnext: `freehold --url {} whoami`; undo: `freehold --url {0} sign-out`",
            safe::line(&done.server),
            safe::line(&done.name),
            safe::line(&done.tenant_name),
            safe::line(&done.server),
        )
    })
}

/// Asks until somebody has decided.
async fn approved(client: &Client, codes: &DeviceCodes) -> Result<String, Failure> {
    let route = Route::to("device").then("token");
    let poll = DevicePoll {
        device_code: codes.device_code.clone(),
    };
    let mut apart = Duration::from_secs(codes.interval_s.clamp(1, 60).into());
    for _ in 0..QUESTIONS_MAX {
        tokio::time::sleep(apart).await;
        match client.try_post(&route, &poll).await? {
            Ok(DeviceState::Pending {}) => {}
            Ok(DeviceState::SlowDown {}) => apart += SLOWER,
            Ok(DeviceState::Approved { token, .. }) => return Ok(token),
            Ok(DeviceState::Denied {}) => {
                return Err(Failure::new(
                    Exit::Denied,
                    Code::Forbidden.code(),
                    "somebody turned this machine away",
                    "ask whoever it was; then sign in again",
                ));
            }
            // An answer that was lost may have been the token: then the code is used up, and the
            // server says so.
            Err(trouble) if trouble.is_passing() => {}
            Err(trouble) => return Err(trouble.into()),
        }
    }
    Err(Failure::coded(
        Code::Unauthenticated,
        "nobody approved the code in time",
    ))
}

/// What this machine is called, as a token may be.
fn machine() -> String {
    let name = std::fs::read_to_string(HOSTNAME).unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = name
        .trim()
        .chars()
        .map(|c| if fits(c) { c } else { '-' })
        .take(NAME_MAX)
        .collect();
    match name.trim_start_matches(['-', '.']) {
        "" => "machine".to_owned(),
        name => name.to_owned(),
    }
}

/// To whoever sits there, for programs as well: without the code nothing goes on.
fn say(text: &str) {
    // Whoever closed standard error wants to know nothing.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Decides on another machine.
pub(super) async fn run(
    words: DeviceWords,
    client: &Client,
    person: Person,
    printer: Printer,
) -> Result<(), Failure> {
    let (code, yes, verb) = match words {
        DeviceWords::Approve { code, yes } => (code, yes, "approve"),
        DeviceWords::Deny { code } => (code, true, "deny"),
    };
    let code = UserCode { user_code: code };
    let route = |word| Route::to("device").then(word);
    if verb == "approve" {
        let device: Device = client.post(&route("look"), &code).await?;
        let from = device.address.as_deref().unwrap_or("an unknown address");
        let question = format!(
            "Sign `{}` in as you? It asked from {from} at {}. Say yes only if you see this code on it.",
            device.name,
            things::time(device.asked_at)
        );
        person.sure(&question, yes).await?;
    }
    let device: Device = client.post(&route(verb), &code).await?;
    printer.show(&device, |device, _| match verb {
        "approve" => format!(
            "`{0}` acts as you from now on, but for your account itself.\nundo: `freehold token revoke {0}`",
            safe::line(&device.name)
        ),
        _ => format!("`{}` was turned away.", safe::line(&device.name)),
    })
}
