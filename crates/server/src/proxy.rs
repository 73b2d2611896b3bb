//! Where a request comes from behind proxies that the operator trusts: `Forwarded` (RFC 7239) or
//! `X-Forwarded-For`, whichever the operator says that they write. The other one is not looked at: a proxy
//! passes it on as the client wrote it, who would choose with it whom the request is counted against.
//!
//! A header is believed as far as those who wrote it are trusted: it is read from its end, which the proxy
//! that sends to us wrote, and each word is believed if the hop behind it is a trusted one. The first hop
//! that is not trusted is who asks; what stands before it, anybody may have written. Without a trusted proxy
//! at the other end of the connection no header is looked at.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName, header};

/// Hops that are looked at: nobody has more proxies of their own.
const HOPS_MAX: usize = 16;
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A network: `10.0.0.0/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Net {
    address: IpAddr,
    bits: u8,
}

impl FromStr for Net {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no network; write it like 10.0.0.0/8, or an address");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) if bits.bytes().all(|b| b.is_ascii_digit()) => {
                bits.parse().map_err(|_| wrong())?
            }
            Some(_) => return Err(wrong()),
            None => most,
        };
        if bits > most {
            return Err(wrong());
        }
        let net = Self { address, bits };
        // Bits behind the network's are a slip of whoever wrote it: nobody guesses what was meant.
        match number(net.cut(address)) == number(address) {
            true => Ok(net),
            false => Err(format!("`{text}` has bits behind those that count")),
        }
    }
}

impl Net {
    fn cut(&self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                IpAddr::V4((u32::from(v4) & mask).into())
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX
                    .checked_shl(128 - u32::from(self.bits))
                    .unwrap_or(0);
                IpAddr::V6((u128::from(v6) & mask).into())
            }
        }
    }

    fn has(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.address.is_ipv4() && self.cut(address) == self.address
    }
}

const fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits() as u128,
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The header in which proxies say where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyHeader {
    /// `Forwarded`, of RFC 7239.
    Forwarded,
    /// `X-Forwarded-For`, which most write.
    XForwardedFor,
}

impl FromStr for ProxyHeader {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "forwarded" => Ok(Self::Forwarded),
            "x-forwarded-for" => Ok(Self::XForwardedFor),
            _ => Err("the header is `forwarded` or `x-forwarded-for`".to_owned()),
        }
    }
}

/// The proxies that are trusted to say where a request comes from.
#[derive(Debug, Clone)]
pub struct Proxies {
    nets: Vec<Net>,
    header: ProxyHeader,
}

impl Default for Proxies {
    /// Nobody is trusted.
    fn default() -> Self {
        Self::new(Vec::new(), ProxyHeader::XForwardedFor)
    }
}

impl Proxies {
    /// Those in these networks, all of which write this header for each request.
    #[must_use]
    pub const fn new(nets: Vec<Net>, header: ProxyHeader) -> Self {
        Self { nets, header }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.nets.iter().any(|net| net.has(address))
    }

    /// Where a request comes from whose connection is from `peer`.
    pub(crate) fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        let near = peer.ip().to_canonical();
        if !self.trusts(near) {
            return peer;
        }
        let said = match self.header {
            ProxyHeader::Forwarded => {
                self.read(near, headers, &header::FORWARDED, &of_forwarded, split)
            }
            ProxyHeader::XForwardedFor => {
                self.read(near, headers, &X_FORWARDED_FOR, &of_list, |line, _| {
                    line.split(',').collect()
                })
            }
        };
        let client = said.unwrap_or(near);
        SocketAddr::new(client, peer.port())
    }

    /// What one of the headers says; nothing where it is not there.
    fn read(
        &self,
        near: IpAddr,
        headers: &HeaderMap,
        name: &HeaderName,
        address: &dyn Fn(&str) -> Option<IpAddr>,
        elements: fn(&str, char) -> Vec<&str>,
    ) -> Option<IpAddr> {
        let lines: Vec<_> = headers.get_all(name).iter().collect();
        if lines.is_empty() {
            return None;
        }
        let mut hop = near;
        let mut hops = 0;
        for line in lines.into_iter().rev() {
            // What is no text spoils its own word and no other.
            let line = String::from_utf8_lossy(line.as_bytes());
            for word in elements(&line, ',').into_iter().rev() {
                hops += 1;
                // `unknown`, a made-up name, or rubbish: whoever wrote it is the last that is known.
                let Some(said) = address(word).filter(|_| hops <= HOPS_MAX) else {
                    return Some(hop);
                };
                hop = said;
                if !self.trusts(hop) {
                    return Some(hop);
                }
            }
        }
        Some(hop)
    }
}

/// What stands between borders, of which those within quotes are none. Where quotes are left open they count
/// for nothing: somebody opened them to swallow what a proxy writes behind.
fn split(text: &str, border: char) -> Vec<&str> {
    let (mut parts, mut from, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            letter if letter == border && !quoted => {
                parts.push(text.get(from..at).unwrap_or_default());
                from = at + border.len_utf8();
            }
            _ => {}
        }
    }
    if quoted {
        return text.split(border).collect();
    }
    parts.push(text.get(from..).unwrap_or_default());
    parts
}

/// `for=` of an element of `Forwarded`, once.
fn of_forwarded(element: &str) -> Option<IpAddr> {
    let mut found = split(element, ';').into_iter().filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value)
    });
    let value = found.next()?.trim();
    if found.next().is_some() {
        return None;
    }
    match value.strip_prefix('"') {
        Some(quoted) => of_node(quoted.strip_suffix('"')?),
        None => of_node(value),
    }
}

fn of_list(element: &str) -> Option<IpAddr> {
    let word = element.trim();
    word.parse()
        .map(|address: IpAddr| address.to_canonical())
        .ok()
        .or_else(|| of_node(word))
}

/// An address as RFC 7239 section 6 has it: with a port or without, of IPv6 in brackets.
fn of_node(node: &str) -> Option<IpAddr> {
    let address: IpAddr = if let Some(rest) = node.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        if !(port.is_empty() || port.strip_prefix(':').is_some_and(is_port)) {
            return None;
        }
        IpAddr::V6(address.parse().ok()?)
    } else {
        let (address, port) = node.split_once(':').unwrap_or((node, "0"));
        IpAddr::V4(address.parse().ok().filter(|_| is_port(port))?)
    };
    Some(address.to_canonical())
}

fn is_port(text: &str) -> bool {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(nets: &[&str], header: &str) -> Proxies {
        let nets = nets.iter().map(|net| net.parse().unwrap()).collect();
        Proxies::new(nets, header.parse().unwrap())
    }

    /// Who asks, of a connection from `peer` with these headers; the proxies write the one that comes first.
    fn client(peer: &str, headers: &[(&'static str, &str)]) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let peer = SocketAddr::new(peer.parse().unwrap(), 4000);
        let written = headers.first().map_or("forwarded", |(name, _)| name);
        let proxies = proxies(&["10.0.0.0/8", "127.0.0.1", "fd00::/8"], written);
        proxies.client(peer, &map).ip().to_string()
    }

    fn x(value: &str) -> String {
        client("10.0.0.1", &[("x-forwarded-for", value)])
    }

    fn forwarded(value: &str) -> String {
        client("10.0.0.1", &[("forwarded", value)])
    }

    #[test]
    fn a_header_of_somebody_who_is_not_trusted_is_not_read() {
        for name in ["x-forwarded-for", "forwarded"] {
            for value in ["192.0.2.7", "for=192.0.2.7", "10.0.0.2"] {
                assert_eq!(client("203.0.113.9", &[(name, value)]), "203.0.113.9");
            }
        }
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
        // An address of IPv4 in the clothes of IPv6 is the same.
        let said = [("x-forwarded-for", "192.0.2.7")];
        assert_eq!(client("::ffff:10.0.0.1", &said), "192.0.2.7");
        assert_eq!(client("::ffff:203.0.113.9", &said), "::ffff:203.0.113.9");
        let none = Proxies::default();
        let peer = "127.0.0.1:1".parse().unwrap();
        let mut map = HeaderMap::new();
        map.append("x-forwarded-for", "192.0.2.7".parse().unwrap());
        assert_eq!(none.client(peer, &map), peer);
    }

    #[test]
    fn what_is_read_from_the_right_ends_at_the_first_who_is_not_trusted() {
        assert_eq!(x("192.0.2.7"), "192.0.2.7");
        assert_eq!(x("192.0.2.7, 10.1.2.3"), "192.0.2.7");
        // Whatever the client wrote before that counts for nothing.
        assert_eq!(x("198.51.100.1, 192.0.2.7"), "192.0.2.7");
        assert_eq!(x("10.9.9.9, 192.0.2.7, 10.1.2.3"), "192.0.2.7");
        assert_eq!(x("10.0.0.5, 10.1.2.3"), "10.0.0.5", "all are trusted");
        assert_eq!(x("2001:db8::1"), "2001:db8::1");
        assert_eq!(x("192.0.2.7:4711"), "192.0.2.7");
        assert_eq!(x("[2001:db8::1]:4711"), "2001:db8::1");
        assert_eq!(x("::ffff:192.0.2.7, fd00::1"), "192.0.2.7");
        // Several lines are one list (RFC 9110, 5.3).
        let two = [
            ("x-forwarded-for", "198.51.100.1"),
            ("x-forwarded-for", "192.0.2.7, 10.0.0.2"),
        ];
        assert_eq!(client("127.0.0.1", &two), "192.0.2.7");
        assert_eq!(forwarded("for=192.0.2.7"), "192.0.2.7");
        assert_eq!(
            forwarded("for=198.51.100.1, For=\"[2001:db8::1]:80\";proto=https;by=10.0.0.9"),
            "2001:db8::1"
        );
        assert_eq!(
            forwarded("by=203.0.113.1;for=192.0.2.7, for=10.0.0.2"),
            "192.0.2.7"
        );
        // A comma in quotes is no border.
        assert_eq!(
            forwarded("for=192.0.2.7;host=\"a,for=198.51.100.1\""),
            "192.0.2.7"
        );
    }

    #[test]
    fn quotes_that_somebody_opens_swallow_nothing_that_a_proxy_wrote() {
        for hostile in ["a=\"", "for=\"", "a=\"\\", "a=\"\\\"", "\"", "for=\"x"] {
            for behind in ["for=192.0.2.7", "for=\"192.0.2.7:80\";proto=https"] {
                assert_eq!(
                    forwarded(&format!("{hostile}, {behind}")),
                    "192.0.2.7",
                    "{hostile}"
                );
            }
        }
    }

    #[test]
    fn where_a_word_is_none_the_last_hop_that_is_known_counts() {
        for hostile in [
            "",
            ",",
            "unknown",
            "_hidden",
            "192.0.2.7 ; x",
            "192.0.2.7:99999",
            "192.0.2.7:-1",
            "192.0.2.300",
            "[192.0.2.7]",
            "[2001:db8::1",
            "2001:db8::1]:80",
            "0x7f.1",
            "192.0.2.7\"",
            "\"192.0.2.7",
            "127.1",
            "é",
        ] {
            assert_eq!(x(hostile), "10.0.0.1", "{hostile:?}");
            assert_eq!(
                x(&format!("{hostile}, 10.1.2.3")),
                "10.1.2.3",
                "{hostile:?}"
            );
        }
        for hostile in [
            "192.0.2.7",
            "for",
            "for=",
            "for=unknown",
            "for=_gazonk",
            "for=2001:db8::1",
            "for=\"192.0.2.7",
            "for=192.0.2.7;for=198.51.100.1",
            "for=\"192.0.2.7\\\"\"",
            "four=192.0.2.7",
        ] {
            assert_eq!(forwarded(hostile), "10.0.0.1", "{hostile:?}");
        }
        let long = vec!["10.0.0.2"; 5000].join(",");
        assert_eq!(x(&format!("192.0.2.7,{long}")), "10.0.0.2");
    }

    #[test]
    fn of_two_headers_the_one_that_the_proxies_write_is_read() {
        let one = ("forwarded", "for=192.0.2.7");
        for other in ["192.0.2.7", "198.51.100.1", "10.0.0.9", "unknown", ""] {
            let other = ("x-forwarded-for", other);
            assert_eq!(client("10.0.0.1", &[one, other]), "192.0.2.7", "{other:?}");
        }
        let one = ("x-forwarded-for", "192.0.2.7");
        for other in ["for=198.51.100.1", "for=unknown", "for=10.0.0.9", ""] {
            let other = ("forwarded", other);
            assert_eq!(client("10.0.0.1", &[one, other]), "192.0.2.7", "{other:?}");
        }
        assert!("forwarded-for".parse::<ProxyHeader>().is_err());
    }

    #[test]
    fn a_network_is_read_strictly() {
        let has =
            |net: &str, address: &str| net.parse::<Net>().unwrap().has(address.parse().unwrap());
        assert!(has("10.0.0.0/8", "10.255.0.1") && !has("10.0.0.0/8", "11.0.0.1"));
        assert!(has("192.0.2.0/31", "192.0.2.1") && !has("192.0.2.0/31", "192.0.2.2"));
        assert!(has("0.0.0.0/0", "203.0.113.1") && !has("0.0.0.0/0", "2001:db8::1"));
        assert!(has("::/0", "2001:db8::1") && has("fd00::1", "fd00::1"));
        assert!(!has("127.0.0.1", "127.0.0.2"));
        for wrong in [
            "",
            "10.0.0.0/33",
            "10.0.0.1/8",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10/8",
            "::/129",
            "x",
        ] {
            assert!(wrong.parse::<Net>().is_err(), "{wrong}");
        }
    }
}
