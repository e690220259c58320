//! Listeners behind proxies that pass bytes on and say whose they are.

use engines::Haproxy;
use serde_json::json;

use super::{Acme, PRIVATE, ranges};
use crate::registry::{Setup, TestRegistry};

fn behind(proxies: &str) -> Setup {
    TestRegistry::builder()
        .setting("LISTENERS__0__PROXY_PROTOCOL", true)
        .setting("NETWORK__TRUSTED_PROXIES", proxies)
        .setting("LOG__REQUESTS", "all")
}

/// A header of version 2 about a client at this IPv4 address.
fn header(address: [u8; 4]) -> Vec<u8> {
    let mut bytes = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c".to_vec();
    bytes.extend(address);
    bytes.extend([127, 0, 0, 1, 0x12, 0x34, 0, 80]);
    bytes
}

const REQUEST: &[u8] =
    b"GET /v2/ HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 203.0.113.9\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn a_header_says_whose_a_connection_is_and_without_one_it_is_closed() {
    let registry = behind(r#"["127.0.0.0/8"]"#).start().await;
    let with = |bytes: &[u8]| [bytes, REQUEST].concat();
    let answer = registry.raw(with(&header([192, 0, 2, 7]))).await;
    assert!(answer.starts_with(b"HTTP/1.1 401"), "{answer:?}");
    // What the client itself says of where it is means nothing, for it is no proxy.
    let line = registry.log_line_with("client=");
    assert!(line.contains("client=192.0.2.7"), "{line}");
    // The proxy's own connection.
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00";
    let answer = registry.raw(with(local)).await;
    assert!(answer.starts_with(b"HTTP/1.1 401"), "{answer:?}");
    for nothing in [
        REQUEST.to_vec(),
        with(b"PROXY TCP4 192.0.2.7 127.0.0.1 4660 80\r\n"),
        with(b"\r\n\r\n\0\r\nQUIT\n\x31\x11\x00\x0c0123456789ab"),
        with(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff0123456789ab"),
    ] {
        assert_eq!(registry.raw(&nothing).await, b"", "{nothing:?}");
    }
    let line = registry.log_line_with("a connection was closed");
    assert!(
        line.contains("does not begin with a PROXY protocol header"),
        "{line}"
    );
    let metrics = registry.metrics().await;
    let count = r#"roadstead_http_connections_cut_total{reason="proxy_header"} 4"#;
    assert!(metrics.contains(count), "{metrics}");
}

#[tokio::test]
async fn the_version_before_is_refused_with_a_word_about_it() {
    let registry = behind(r#"["127.0.0.1"]"#).start().await;
    let sent = [b"PROXY TCP4 192.0.2.7 127.0.0.1 4660 80\r\n", REQUEST].concat();
    assert_eq!(registry.raw(sent).await, b"");
    let line = registry.log_line_with("a connection was closed");
    assert!(line.contains("send version 2"), "{line}");
}

#[tokio::test]
async fn nobody_but_a_listed_proxy_can_say_so() {
    let registry = behind(r#"["127.0.0.2"]"#).start().await;
    let sent = [&header([192, 0, 2, 7]), REQUEST].concat();
    assert_eq!(registry.raw(sent).await, b"");
    let line = registry.log_line_with("a connection was closed");
    assert!(line.contains("network.trusted_proxies"), "{line}");
}

/// Clients at two addresses, one HAProxy that passes TCP on: the rules meet the clients' addresses, not its own.
#[tokio::test(flavor = "multi_thread")]
async fn rules_meet_the_clients_behind_a_real_proxy() {
    let setup = TestRegistry::builder()
        .listening_too("PROXY_PROTOCOL", true)
        .setting("NETWORK__TRUSTED_PROXIES", r#"["127.0.0.1"]"#);
    let acme = Acme::start_on(setup).await;
    let behind: std::net::SocketAddr = {
        let origin = acme.registry.second_origin();
        let (_, address) = origin.split_once("://").expect("a URL");
        address.parse().expect("an address")
    };
    let proxy = tokio::task::spawn_blocking(move || {
        let proxy = Haproxy::builder().passing_tcp().start(&[behind])?;
        proxy.wait_until_all_are_up()?;
        Ok::<_, engines::Error>(proxy)
    });
    let proxy = proxy.await.expect("no panic").expect("HAProxy starts");
    acme.set(json!({ "registry": ranges(&["127.0.0.2"]) }))
        .await;
    let caller = acme.admin.asking(&format!("http://{}", proxy.address()));
    caller.get(PRIVATE).await.assert_error(403, "DENIED");
    let there = caller.at("127.0.0.2");
    there.get(PRIVATE).await.assert_status(200);
    let forged = there.get(PRIVATE).header("x-forwarded-for", "127.0.0.9");
    forged.await.assert_status(200);
}
