//! Recognizes public addresses by IANA's registries of special-purpose addresses
//! (iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry, as of RFC 9780, 2025).
//!
//! We refuse blocks that are not globally reachable, including the few anycast services in them. IPv6
//! addresses must lie in the space assigned for unicast. An embedded IPv4 address must be public too, because
//! a router may translate to it. Obsolete tunnels (6to4, Teredo) are always refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

const REFUSED_4: [Ipv4Net; 15] = [
    net4([0, 0, 0, 0], 8),       // "this network"
    net4([10, 0, 0, 0], 8),      // private
    net4([100, 64, 0, 0], 10),   // carrier-grade NAT
    net4([127, 0, 0, 0], 8),     // loopback
    net4([169, 254, 0, 0], 16),  // link-local, and cloud metadata
    net4([172, 16, 0, 0], 12),   // private
    net4([192, 0, 0, 0], 24),    // protocol assignments
    net4([192, 0, 2, 0], 24),    // documentation
    net4([192, 88, 99, 0], 24),  // 6to4 relays
    net4([192, 168, 0, 0], 16),  // private
    net4([198, 18, 0, 0], 15),   // benchmarks
    net4([198, 51, 100, 0], 24), // documentation
    net4([203, 0, 113, 0], 24),  // documentation
    net4([224, 0, 0, 0], 4),     // multicast
    net4([240, 0, 0, 0], 4),     // reserved, and broadcast
];

/// IANA's unicast space (RFC 4291). Loopback, link-local, site-local, unique local, multicast and segment
/// routing lie outside.
const UNICAST_6: Ipv6Net = net6([0x2000, 0], 3);

const REFUSED_6: [Ipv6Net; 5] = [
    net6([0x2001, 0], 23),      // protocol assignments, Teredo and benchmarks among them
    net6([0x2001, 0x0db8], 32), // documentation
    net6([0x2002, 0], 16),      // 6to4
    net6([0x3ffe, 0], 16),      // 6bone, returned
    net6([0x3fff, 0], 20),      // documentation
];

const fn net4([a, b, c, d]: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn net6([a, b]: [u16; 2], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), prefix)
}

pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_4(address),
        IpAddr::V6(address) => is_public_6(address),
    }
}

fn is_public_4(address: Ipv4Addr) -> bool {
    !REFUSED_4.iter().any(|block| block.contains(&address))
}

fn is_public_6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // IPv4-mapped, and translated by a NAT64 (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => is_public_4(joined(high, low)),
        // ISATAP (RFC 5214), whose routers forward to the embedded address.
        [.., 0 | 0x0200, 0x5efe, high, low] if !is_public_4(joined(high, low)) => false,
        _ => UNICAST_6.contains(&address) && !REFUSED_6.iter().any(|block| block.contains(&address)),
    }
}

fn joined(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    #[test]
    fn public_addresses_pass() {
        for text in [
            "1.1.1.1",
            "93.184.216.34",
            "2606:4700:4700::1111",
            "2a00:1450:4001:81b::200e",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2606:4700::5efe:101:101",
        ] {
            assert!(judge(text), "{text}");
        }
    }

    #[test]
    fn special_blocks_are_refused_to_their_exact_bounds() {
        for (first, last, before, after) in [
            ("0.0.0.0", "0.255.255.255", None, Some("1.0.0.0")),
            ("10.0.0.0", "10.255.255.255", Some("9.255.255.255"), Some("11.0.0.0")),
            ("100.64.0.0", "100.127.255.255", Some("100.63.255.255"), Some("100.128.0.0")),
            ("127.0.0.0", "127.255.255.255", Some("126.255.255.255"), Some("128.0.0.0")),
            ("169.254.0.0", "169.254.255.255", Some("169.253.255.255"), Some("169.255.0.0")),
            ("172.16.0.0", "172.31.255.255", Some("172.15.255.255"), Some("172.32.0.0")),
            ("192.0.0.0", "192.0.0.255", Some("191.255.255.255"), Some("192.0.1.0")),
            ("192.0.2.0", "192.0.2.255", Some("192.0.1.255"), Some("192.0.3.0")),
            ("192.88.99.0", "192.88.99.255", Some("192.88.98.255"), Some("192.88.100.0")),
            ("192.168.0.0", "192.168.255.255", Some("192.167.255.255"), Some("192.169.0.0")),
            ("198.18.0.0", "198.19.255.255", Some("198.17.255.255"), Some("198.20.0.0")),
            ("198.51.100.0", "198.51.100.255", Some("198.51.99.255"), Some("198.51.101.0")),
            ("203.0.113.0", "203.0.113.255", Some("203.0.112.255"), Some("203.0.114.0")),
            ("224.0.0.0", "255.255.255.255", Some("223.255.255.255"), None),
            ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", None, Some("2001:200::")),
            ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", Some("2001:db7:ffff::1"), Some("2001:db9::")),
            ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("2001:ffff::1"), Some("2003::")),
            ("3ffe::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", Some("3ffd:ffff::1"), Some("3fff:1000::")),
            ("4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("3fff:ffff::1"), None),
        ] {
            assert!(!judge(first) && !judge(last), "{first} to {last}");
            assert!(before.is_none_or(judge) && after.is_none_or(judge), "around {first} to {last}");
        }
    }

    #[test]
    fn common_attack_targets_are_refused_in_every_form() {
        for text in [
            "169.254.169.254", // metadata
            "169.254.170.2",   // container credentials
            "169.254.100.1",   // the runtime API of some Lambdas
            "fd00:ec2::254",
            "100.100.100.200",
            "127.0.0.1",
            "::",
            "::1",
            "::7f00:1",             // compatible
            "::ffff:127.0.0.1",     // mapped
            "::ffff:a9fe:a9fe",     // mapped
            "::ffff:0:127.0.0.1",   // translated (SIIT)
            "64:ff9b::a9fe:a9fe",   // NAT64
            "64:ff9b::10.0.0.1",    // NAT64
            "64:ff9b:1::a9fe:a9fe", // NAT64, local prefix
            "64:ff9b:1:ffff::1.1.1.1",
            "2002:7f00:1::",     // 6to4
            "2002:101:101::1",   // 6to4
            "2001:0:7f00:1::",   // Teredo
            "2001:0:101:101::f", // Teredo
            "2606:4700::5efe:10.0.0.1",
            "2606:4700::200:5efe:a9fe:a9fe",
            "fe80::5efe:1.1.1.1",
            "100::1",
            "100:0:0:1::1",
            "5f00::1",
            "fc00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "ff0e::1",
        ] {
            assert!(!judge(text), "{text}");
        }
    }
}
