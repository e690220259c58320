use super::*;
use http::HeaderValue;

fn forwarding(header: ForwardedHeader) -> Forwarding {
    let trusted = ["10.0.0.0/8", "fd00::/8"].map(|text| text.parse().expect("network"));
    Forwarding {
        trusted: trusted.to_vec(),
        header,
    }
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(*name, HeaderValue::from_str(value).expect("value"));
    }
    map
}

fn peer(text: &str) -> SocketAddr {
    text.parse().expect("socket address")
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("address")
}

#[test]
fn a_header_from_a_stranger_means_nothing() {
    let headers = headers(&[
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-proto", "https"),
    ]);
    let client =
        forwarding(ForwardedHeader::XForwarded).client(peer("192.0.2.9:1"), false, &headers);
    let expected = Client {
        address: address("192.0.2.9"),
        is_secure: false,
        is_forwarded: false,
    };
    assert_eq!(client, expected);
}

#[test]
fn the_right_most_hop_that_is_not_ours_is_the_client() {
    let forwarding = forwarding(ForwardedHeader::XForwarded);
    for (lines, expected) in [
        (vec!["6.6.6.6, 198.51.100.7, 10.1.1.1"], "198.51.100.7"),
        (vec!["6.6.6.6", "198.51.100.7", "10.1.1.1"], "198.51.100.7"),
        (vec!["10.9.9.9, 10.1.1.1"], "10.9.9.9"),
        (vec!["198.51.100.7:4711"], "198.51.100.7"),
        (vec!["[2001:db8::1]:4711"], "2001:db8::1"),
        (vec!["2001:db8::1"], "2001:db8::1"),
        (vec!["6.6.6.6, nonsense, 10.1.1.1"], "10.1.1.1"),
        (vec![""], "10.0.0.1"),
        (vec![], "10.0.0.1"),
    ] {
        let pairs: Vec<_> = lines
            .iter()
            .map(|line| ("x-forwarded-for", *line))
            .collect();
        let client = forwarding.client(peer("10.0.0.1:5"), false, &headers(&pairs));
        assert_eq!(client.address, address(expected), "{lines:?}");
    }
}

#[test]
fn only_the_configured_header_is_read() {
    let both = headers(&[
        ("x-forwarded-for", "1.1.1.1"),
        ("forwarded", "for=2.2.2.2;proto=https;host=h.example"),
    ]);
    let one = forwarding(ForwardedHeader::XForwarded).client(peer("10.0.0.1:5"), false, &both);
    assert_eq!((one.address, one.is_secure), (address("1.1.1.1"), false));
    let other = forwarding(ForwardedHeader::Forwarded);
    let client = other.client(peer("[fd00::1]:5"), false, &both);
    assert_eq!(
        (client.address, client.is_secure),
        (address("2.2.2.2"), true)
    );
    assert_eq!(
        other.host(&client, &Uri::from_static("/"), &both),
        Some("h.example")
    );
}

#[test]
fn a_quoted_ipv6_hop_is_understood() {
    let lines = headers(&[("forwarded", "for=unknown, For=\"[2001:db8::17]:4711\"")]);
    let client = forwarding(ForwardedHeader::Forwarded).client(peer("10.0.0.1:5"), true, &lines);
    assert_eq!(client.address, address("2001:db8::17"));
}

#[test]
fn the_forwarded_host_counts_only_through_a_proxy_and_only_when_it_is_a_host() {
    let forwarding = forwarding(ForwardedHeader::XForwarded);
    let lines = headers(&[
        ("host", "inner:5000"),
        ("x-forwarded-host", "registry.example"),
    ]);
    let uri = Uri::from_static("/v2/");
    let stranger = forwarding.client(peer("192.0.2.1:5"), false, &lines);
    assert_eq!(forwarding.host(&stranger, &uri, &lines), Some("inner:5000"));
    let proxied = forwarding.client(peer("10.0.0.1:5"), false, &lines);
    assert_eq!(
        forwarding.host(&proxied, &uri, &lines),
        Some("registry.example")
    );
    let evil = headers(&[("host", "inner"), ("x-forwarded-host", "a\",x=\"b")]);
    assert_eq!(forwarding.host(&proxied, &uri, &evil), None);
}

#[test]
fn a_network_mapped_into_ipv6_is_still_ipv4() {
    let network: Network = "127.0.0.0/8".parse().expect("network");
    assert!(network.contains(address("::ffff:127.0.0.1")));
    assert!(!network.contains(address("128.0.0.1")));
    let all: Network = "0.0.0.0/0".parse().expect("network");
    assert!(all.contains(address("203.0.113.5")) && !all.contains(address("::1")));
}

#[test]
fn what_is_no_network_is_refused_with_an_example() {
    for text in [
        "",
        "10.0.0.0/33",
        "10.0.0.0/+8",
        "10.0.0/8",
        "fd00::/129",
        "*",
        "10.0.0.0/",
    ] {
        let error = text.parse::<Network>().expect_err(text);
        assert!(error.to_string().contains("10.0.0.0/8"));
    }
}
