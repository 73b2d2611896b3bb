//! How far away an address is: public, somebody's inside, or one that is never dialled.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::endpoint::Host;

/// What an address is to a proxy. The order is that of danger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// Plainly on the public internet.
    Public,
    /// Somebody's inside: dialled only where the owner's own client names it.
    Inside,
    /// No registry lives there, whoever names it: link-local, where clouds hand out credentials,
    /// other metadata addresses, multicast, broadcast, unspecified.
    Never,
}

/// Judges by the IANA special-purpose registries (RFC 6890 and its updates). Of IPv6 only global
/// unicast (`2000::/3`) can be public; a form that carries an IPv4 address is judged by that one too.
///
/// Documentation ranges count as public: nothing of anybody's inside is there, and closed networks
/// give their mirrors such addresses.
pub(super) fn reach(ip: IpAddr) -> Reach {
    match ip {
        IpAddr::V4(ip) => v4(ip),
        IpAddr::V6(ip) => v6(ip),
    }
}

/// Names under which clouds serve credentials to whoever asks from the machine. Refused before they
/// are resolved: what they resolve to is refused too, but a resolver may have its own idea of them.
const METADATA_NAMES: [&str; 6] = [
    "instance-data",
    "instance-data.ec2.internal",
    "metadata",
    "metadata.azure.internal",
    "metadata.goog",
    "metadata.google.internal",
];

pub(super) fn is_metadata_name(host: &Host) -> bool {
    matches!(host, Host::Name(name) if METADATA_NAMES.contains(&name.as_str()))
}

/// Addresses of cloud metadata that are not link-local: Azure's is public, Alibaba's shared.
const METADATA_V4: [Ipv4Addr; 2] = [
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(100, 100, 100, 200),
];
/// Amazon's and Google's, both unique local.
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

fn v4(ip: Ipv4Addr) -> Reach {
    let [a, b, c, _] = ip.octets();
    let never = a == 0
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_broadcast()
        || METADATA_V4.contains(&ip);
    let inside = ip.is_loopback()
        || ip.is_private()
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (b == 18 || b == 19))
        // Protocol assignments, and the relays of 6to4.
        || matches!((a, b, c), (192, 0, 0) | (192, 88, 99));
    match (never, inside) {
        (true, _) => Reach::Never,
        (_, true) => Reach::Inside,
        _ => Reach::Public,
    }
}

fn v6(ip: Ipv6Addr) -> Reach {
    let s = ip.segments();
    let embedded = |high: u16, low: u16| v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match s {
        [0, 0, 0, 0, 0, 0, 0, 0] => Reach::Never,
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Inside,
        // Compatible (deprecated), mapped, translated (RFC 2765).
        [0, 0, 0, 0, 0, 0, high, low] => embedded(high, low).max(Reach::Inside),
        [0, 0, 0, 0, 0, 0xffff, high, low] => embedded(high, low),
        [0, 0, 0, 0, 0xffff, 0, high, low] => embedded(high, low).max(Reach::Inside),
        // NAT64: the well-known prefix is as far away as what it carries; a local one is a network's own.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x64, 0xff9b, ..] => Reach::Inside,
        // Tunnels: 6to4 carries the address in front, Teredo the server's and, inverted, the client's.
        [0x2002, high, low, ..] => embedded(high, low).max(Reach::Inside),
        [0x2001, 0, high, low, _, _, not_high, not_low] => embedded(high, low)
            .max(embedded(!not_high, !not_low))
            .max(Reach::Inside),
        // ISATAP (RFC 5214) in any prefix.
        [first, _, _, _, 0 | 0x200, 0x5efe, high, low] => {
            plain_v6(ip, first, s[1]).max(embedded(high, low))
        }
        [first, second, ..] => plain_v6(ip, first, second),
    }
}

fn plain_v6(ip: Ipv6Addr, first: u16, second: u16) -> Reach {
    if METADATA_V6.contains(&ip) || first & 0xffc0 == 0xfe80 || first >= 0xff00 {
        return Reach::Never;
    }
    let global = first & 0xe000 == 0x2000;
    // Protocol assignments: benchmarks, ORCHID and more.
    let special = first == 0x2001 && second < 0x200;
    if global && !special {
        Reach::Public
    } else {
        Reach::Inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(of: &[&str], expected: Reach) {
        for text in of {
            assert_eq!(reach(text.parse().unwrap()), expected, "{text}");
        }
    }

    /// First and last address of each block of the IANA IPv4 special-purpose registry that is not
    /// globally reachable, and of those that must be treated so.
    #[test]
    fn the_ipv4_registry() {
        all(
            &[
                "10.0.0.0",
                "10.255.255.255",
                "100.64.0.0",
                "100.127.255.255",
                "127.0.0.0",
                "127.255.255.255",
                "172.16.0.0",
                "172.31.255.255",
                "192.0.0.0",
                "192.0.0.255",
                "192.88.99.0",
                "192.88.99.255",
                "192.168.0.0",
                "192.168.255.255",
                "198.18.0.0",
                "198.19.255.255",
                "240.0.0.0",
                "255.255.255.254",
            ],
            Reach::Inside,
        );
        all(
            &[
                "0.0.0.0",
                "0.255.255.255",
                "169.254.0.0",
                "169.254.169.254",
                "169.254.255.255",
                "224.0.0.0",
                "239.255.255.255",
                "255.255.255.255",
                "168.63.129.16",
                "100.100.100.200",
            ],
            Reach::Never,
        );
        all(
            &[
                "1.0.0.0",
                "9.255.255.255",
                "11.0.0.0",
                "100.63.255.255",
                "100.128.0.0",
                "126.255.255.255",
                "128.0.0.0",
                "169.253.255.255",
                "169.255.0.0",
                "172.15.255.255",
                "172.32.0.0",
                "192.0.1.0",
                "192.0.3.0",
                "192.88.98.255",
                "192.88.100.0",
                "192.167.255.255",
                "192.169.0.0",
                "198.17.255.255",
                "198.20.0.0",
                "192.0.2.1",
                "198.51.100.1",
                "203.0.113.80",
                "198.51.99.255",
                "198.51.101.0",
                "203.0.112.255",
                "203.0.114.0",
                "223.255.255.255",
                "168.63.129.15",
                "168.63.129.17",
            ],
            Reach::Public,
        );
    }

    #[test]
    fn the_ipv6_registry() {
        all(
            &[
                "::1",
                "64:ff9b:1::",
                "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
                "100::",
                "100::ffff:ffff:ffff:ffff",
                "100:0:0:1::1",
                "2001:1::1",
                "2001:2::1",
                "2001:3::1",
                "2001:4:112::1",
                "2001:10::1",
                "2001:20::1",
                "2001:30::1",
                "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
                "5f00::1",
                "fc00::",
                "fd12:3456::1",
                "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                "fec0::1",
                // Not given to anybody yet.
                "::2:0:0:1",
                "4000::1",
                "8000::1",
                "e000::1",
                "fe00::1",
            ],
            Reach::Inside,
        );
        all(
            &[
                "::",
                "fe80::",
                "fe80::1",
                "febf:ffff::1",
                "ff00::",
                "ff02::1",
                "fd00:ec2::254",
                "fd20:ce::254",
            ],
            Reach::Never,
        );
        all(
            &[
                "2001:200::1",
                "2001:db7:ffff::1",
                "2001:db8::1",
                "2001:db9::1",
                "2001:4860:4860::8888",
                "2606:4700::1111",
                "2a00::1",
                "3ffe:ffff::1",
                "3fff::1",
                "3fff:1000::1",
            ],
            Reach::Public,
        );
    }

    #[test]
    fn an_address_within_an_address() {
        all(
            &[
                "::127.0.0.1",
                "::8.8.8.8",
                "::ffff:10.0.0.1",
                "::ffff:127.0.0.1",
                "::ffff:0:127.0.0.1",
                "::ffff:0:8.8.8.8",
                "64:ff9b::127.0.0.1",
                "64:ff9b::192.168.1.1",
                "2002:7f00:1::",
                "2002:a00:1::1",
                "2002:808:808::1",
                "2001:0:808:808::f7f7:f7f7",
                "2a00::5efe:10.0.0.1",
                "2a00::200:5efe:127.0.0.1",
            ],
            Reach::Inside,
        );
        all(
            &[
                "::169.254.169.254",
                "::ffff:169.254.169.254",
                "::ffff:0.0.0.0",
                "::ffff:255.255.255.255",
                "::ffff:0:169.254.169.254",
                "64:ff9b::169.254.169.254",
                "2002:a9fe:a9fe::1",
                "2001:0:a9fe:a9fe::1",
                // Teredo's client, inverted.
                "2001:0:808:808::5601:5601",
                "2a00::5efe:169.254.169.254",
            ],
            Reach::Never,
        );
        all(
            &["::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2a00::5efe:8.8.8.8"],
            Reach::Public,
        );
    }

    #[test]
    fn clouds_metadata_has_names() {
        for name in [
            "metadata.google.internal",
            "METADATA.google.internal.",
            "metadata",
        ] {
            assert!(is_metadata_name(&Host::parse(name).unwrap()), "{name}");
        }
        for name in ["metadata.example", "xmetadata.google.internal"] {
            assert!(!is_metadata_name(&Host::parse(name).unwrap()), "{name}");
        }
    }
}
