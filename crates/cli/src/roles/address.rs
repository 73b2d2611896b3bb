//! Where a role may listen, and what people are told to open.

use std::net::{Ipv4Addr, SocketAddr};

use crate::failure::{Exit, Failure};

/// An address on this machine, from words like `127.0.0.1:8080` or `localhost:0`.
///
/// # Errors
/// For what is no address, and for one that others could reach: there is no TLS yet.
pub(crate) fn loopback(text: &str) -> Result<SocketAddr, Failure> {
    let next = "write it like 127.0.0.1:8080; port 0 picks a free one";
    let local = text
        .strip_prefix("localhost:")
        .and_then(|port| port.parse().ok())
        .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let address = match local {
        Some(address) => address,
        None => text.parse().map_err(|_| {
            Failure::usage(format!("`{text}` is not an address to listen on"), next)
        })?,
    };
    if address.ip().to_canonical().is_loopback() {
        return Ok(address);
    }
    Err(Failure::new(
        Exit::Denied,
        "insecure_listen",
        format!(
            "{address} can be reached from other machines, and this version has no TLS: it serves this machine only"
        ),
        "listen on 127.0.0.1, and put a proxy with TLS or an SSH tunnel in front of it",
    ))
}

/// The address as a link: by name where the name means it.
pub(crate) fn link(address: SocketAddr) -> String {
    if address.ip() == Ipv4Addr::LOCALHOST {
        return format!("http://localhost:{}", address.port());
    }
    format!("http://{address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_served_and_links_say_localhost() {
        for (text, shown) in [
            ("127.0.0.1:8080", "http://localhost:8080"),
            ("localhost:80", "http://localhost:80"),
            ("127.0.0.2:1", "http://127.0.0.2:1"),
            ("[::1]:9", "http://[::1]:9"),
        ] {
            assert_eq!(link(loopback(text).unwrap()), shown);
        }
        for open in ["0.0.0.0:1", "192.168.0.1:80", "[::]:80"] {
            assert_eq!(loopback(open).unwrap_err().code, "insecure_listen");
        }
        for wrong in ["8080", "example.org:80", "localhost", "127.0.0.1:99999", ""] {
            assert_eq!(loopback(wrong).unwrap_err().exit(), 2, "{wrong}");
        }
    }
}
