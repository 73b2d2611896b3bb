//! Which server, with which token: what the environment says, else the installation on this
//! machine. The token never goes over an open wire.

use std::fs::File;
use std::io::Read as _;
use std::net::IpAddr;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use freehold_wire::problem::Code;
use reqwest::Url;
use serde::Deserialize;

use super::logins;
use crate::environment::{Environment, Secret};
use crate::failure::{Exit, Failure};

/// The file in the data directory that names the local server and the owner's token.
pub(crate) const CLIENT_FILE: &str = "client.json";
/// It has two short values.
const CLIENT_FILE_MAX: u64 = 64 * 1024;

/// A server and the token for it.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// Its address.
    pub(crate) url: Url,
    /// Whether it is on this machine.
    pub(crate) loopback: bool,
    /// The token.
    pub(crate) token: Secret,
}

#[derive(Deserialize)]
struct ClientFile {
    url: String,
    token: String,
}

impl Target {
    /// Finds it: the address that was given, else the environment's, else the installation's;
    /// the environment's token, else the installation's if it is for that very address, else that of
    /// `freehold login`.
    pub(crate) fn find(
        environment: &Environment,
        url: Option<&str>,
        data: Option<&Path>,
    ) -> Result<Self, Failure> {
        let data = environment.installation(data);
        let installed = || installation(data.as_deref());
        let logins = environment.logins();
        let login = |url: &Url| match &logins {
            Some(file) => logins::find(file, url),
            None => Ok(None),
        };
        let given = url
            .or(environment.url.as_deref())
            .map(address)
            .transpose()?;
        match (given, &environment.token) {
            (Some((url, loopback)), Some(token)) => Ok(Self {
                url,
                loopback,
                token: token.clone(),
            }),
            (Some((url, loopback)), None) => match installed() {
                Ok(target) if target.url.origin() == url.origin() => Ok(Self { url, ..target }),
                Err(failure) if failure.exit() == Exit::Denied as u8 => Err(failure),
                _ => match login(&url)? {
                    Some(token) => Ok(Self {
                        url,
                        loopback,
                        token,
                    }),
                    None => Err(Failure::new(
                        Exit::Denied,
                        Code::Unauthenticated.code(),
                        format!("there is no token for {url}"),
                        format!(
                            "sign in: `freehold login --server {url}`; or set FREEHOLD_TOKEN to a token of that server's"
                        ),
                    )),
                },
            },
            (None, Some(token)) => Ok(Self {
                token: token.clone(),
                ..installed()?
            }),
            (None, None) => match (installed(), &logins) {
                // Nothing is installed here: then it is the one server that was signed in to.
                (Err(nowhere), Some(file)) if nowhere.exit() == Exit::Unreachable as u8 => {
                    let Some((server, token)) = logins::only(file)? else {
                        return Err(nowhere);
                    };
                    let (url, loopback) = address(&server)?;
                    Ok(Self {
                        url,
                        loopback,
                        token,
                    })
                }
                (installed, _) => installed,
            },
        }
    }
}

/// A server's address, if a token may be sent to it; and whether it is on this machine.
pub(crate) fn address(text: &str) -> Result<(Url, bool), Failure> {
    let wrong = |why: &str| {
        Failure::usage(
            format!("`{text}` cannot be a server's address: {why}"),
            "write it like http://localhost:8080 or https://freehold.example.org",
        )
    };
    let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        // Not quoted: what is before the @ may be a secret.
        return Err(Failure::usage(
            "a server's address has no user and no password",
            "put the token into FREEHOLD_TOKEN",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it has a query or a fragment"));
    }
    let host = url.host_str().ok_or_else(|| wrong("it names no host"))?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = match bare.parse::<IpAddr>() {
        Ok(ip) => ip.to_canonical().is_loopback(),
        // RFC 6761 section 6.3: this name is this machine, always.
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    };
    match url.scheme() {
        "https" => Ok((url, loopback)),
        "http" if loopback => Ok((url, loopback)),
        "http" => Err(Failure::new(
            Exit::Denied,
            "insecure_url",
            format!("the token is not sent to {url}: without TLS anyone on the way could read it"),
            "use an https:// address; http:// is for this machine only",
        )),
        _ => Err(wrong("it is neither http nor https")),
    }
}

fn installation(data: Option<&Path>) -> Result<Target, Failure> {
    let nowhere = |what: String| {
        Failure::unreachable(
            what,
            "start one: `freehold up`; or set FREEHOLD_URL and FREEHOLD_TOKEN",
        )
    };
    let data = data.ok_or_else(|| nowhere("no server is named, and there is no HOME".into()))?;
    let path = data.join(CLIENT_FILE);
    let text = match read(&path) {
        Ok(text) => text,
        Err(Unread::Missing) => {
            let what = format!(
                "no server is named, and none is installed in {}",
                data.display()
            );
            return Err(nowhere(what));
        }
        Err(Unread::Refused(why)) => return Err(refused(&path, &why)),
    };
    let file: ClientFile = serde_json::from_str(&text)
        .map_err(|_| nowhere(format!("{} is damaged", path.display())))?;
    let (url, loopback) = address(&file.url)?;
    Ok(Target {
        url,
        loopback,
        token: Secret(file.token),
    })
}

pub(super) fn refused(path: &Path, why: &str) -> Failure {
    Failure::new(
        Exit::Denied,
        "token_file",
        format!("the token in {} is not used: {why}", path.display()),
        format!("make it yours alone: `chmod 600 {}`", path.display()),
    )
}

pub(super) enum Unread {
    Missing,
    Refused(String),
}

/// Reads a file that holds a secret; what is checked is the file that is read.
pub(super) fn read(path: &Path) -> Result<String, Unread> {
    let file = File::options()
        .read(true)
        // A pipe in its place must not hold us up.
        .custom_flags(nix::libc::O_NONBLOCK)
        .open(path)
        .map_err(unread)?;
    let meta = file.metadata().map_err(unread)?;
    if !meta.is_file() {
        return Err(Unread::Refused("it is no regular file".into()));
    }
    if meta.mode() & 0o077 != 0 {
        let mode = meta.mode() & 0o777;
        return Err(Unread::Refused(format!(
            "others may read it (mode {mode:04o})"
        )));
    }
    let mut text = String::new();
    file.take(CLIENT_FILE_MAX)
        .read_to_string(&mut text)
        .map_err(unread)?;
    Ok(text)
}

fn unread(error: std::io::Error) -> Unread {
    match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Unread::Missing,
        _ => Unread::Refused(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine() {
        for local in [
            "http://localhost:1",
            "http://127.8.0.1",
            "http://[::1]:8080/",
            "http://[::ffff:127.0.0.1]",
        ] {
            assert!(address(local).unwrap().1, "{local}");
        }
        assert!(!address("https://example.org/fh").unwrap().1);
        for open in [
            "http://example.org",
            "http://127.0.0.1.example.org",
            "http://localhost.example.org",
            "http://192.168.0.1",
        ] {
            assert_eq!(address(open).unwrap_err().code, "insecure_url", "{open}");
        }
    }

    #[test]
    fn an_address_with_a_secret_is_refused_and_not_repeated() {
        let failure = address("https://ada:hunter2@example.org").unwrap_err();
        assert!(!format!("{failure:?}").contains("hunter2"));
        assert_eq!(failure.exit(), 2);
        for wrong in ["ftp://x", "nonsense", "https://x/?token=1"] {
            assert_eq!(address(wrong).unwrap_err().exit(), 2, "{wrong}");
        }
    }
}
