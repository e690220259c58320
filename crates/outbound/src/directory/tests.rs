use super::*;
use crate::destinations::Destination;
use ber::{element, elements, number, text};
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

fn destinations(listed: &[&str]) -> Destinations {
    let parsed = listed
        .iter()
        .map(|text| text.parse::<Destination>().unwrap());
    Destinations::new(parsed.collect())
}

/// A client for which every name stands for these addresses.
fn client(listed: &[&str], addresses: &[&str]) -> DirectoryClient {
    let addresses: Vec<IpAddr> = addresses.iter().map(|ip| ip.parse().unwrap()).collect();
    DirectoryClient {
        destinations: Arc::new(destinations(listed)),
        lookup: Arc::new(move |_| {
            let addresses = addresses.clone();
            Box::pin(async move { Ok(addresses) })
        }),
    }
}

fn place(url: &str) -> DirectoryPlace {
    DirectoryPlace {
        url: url.to_owned(),
        starts_tls: false,
        verifies_certificate: true,
        ca_certificates: String::new(),
    }
}

/// Sends each connection the same bytes; says where it listens, and keeps what it was sent.
async fn server(answer: Vec<u8>) -> (SocketAddr, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = heard.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (answer, hears) = (answer.clone(), hears.clone());
            tokio::spawn(async move {
                let mut request = vec![0; 4096];
                let read = stream.read(&mut request).await.unwrap();
                hears.lock().unwrap().extend_from_slice(&request[..read]);
                // The client may have heard enough.
                _ = stream.write_all(&answer).await;
                _ = stream.read(&mut request).await;
            });
        }
    });
    (address, heard)
}

fn outcome(id: u32, tag: u8, code: u32) -> Vec<u8> {
    let parts = [number(0x0a, code), text(""), text("no")];
    elements(0x30, &[number(0x02, id), elements(tag, &parts)])
}

fn entry(id: u32, name: &str) -> Vec<u8> {
    let parts = [text(name), element(0x30, &[])];
    elements(0x30, &[number(0x02, id), elements(0x64, &parts)])
}

async fn directory(answer: Vec<u8>) -> (Directory, Arc<Mutex<Vec<u8>>>) {
    let (address, heard) = server(answer).await;
    let client = client(&["127.0.0.1"], &["127.0.0.1"]);
    let place = place(&format!("ldap://directory.test:{}", address.port()));
    (client.connect(&place).await.unwrap(), heard)
}

async fn search(answer: Vec<u8>) -> Result<Vec<String>, DirectoryFailed> {
    let (mut directory, _) = directory(answer).await;
    let asked = DirectorySearch {
        base: "dc=a",
        scope: DirectoryScope::Sub,
        filter: &Filter::Has("uid".to_owned()),
        attributes: &["uid"],
        limit: 2,
    };
    let found = directory.search(&asked).await?;
    Ok(found.into_iter().map(|entry| entry.name).collect())
}

#[test]
fn an_address_has_a_host_and_a_port_and_nothing_else() {
    let parts = |url| {
        let parts = transport::parts(url);
        parts.map(|parts| (parts.is_tls, parts.host.to_owned(), parts.port))
    };
    for (url, is_tls, host, port) in [
        (
            "ldap://directory.example.com",
            false,
            "directory.example.com",
            389,
        ),
        (
            "LDAPS://directory.example.com/",
            true,
            "directory.example.com",
            636,
        ),
        ("ldap://10.0.0.1:3890", false, "10.0.0.1", 3890),
        ("ldaps://[2001:db8::1]:3269", true, "2001:db8::1", 3269),
        ("ldap://[::1]", false, "::1", 389),
    ] {
        assert_eq!(parts(url), Ok((is_tls, host.to_owned(), port)), "{url}");
    }
    for url in [
        "",
        "directory.example.com",
        "http://a",
        "ldapi://%2fvar%2frun",
        "ldap://",
        "ldap://:389",
        "ldap://a:0",
        "ldap://a:65536",
        "ldap://a:+1",
        "ldap://a:",
        "ldap://user@a",
        "ldap://a/dc=b",
        "ldap://a//",
        "ldap://a?b",
        "ldap://a b",
        "ldap://[a]",
        "ldap://[::1",
        "ldap://[::1]x",
        "ldap://::1",
    ] {
        assert!(
            matches!(parts(url), Err(DirectoryFailed::Place(_))),
            "{url}"
        );
    }
}

#[tokio::test]
async fn only_what_is_allowed_is_gone_to() {
    let with_tls = |url: &str| DirectoryPlace {
        starts_tls: true,
        ..place(url)
    };
    let refused = async |client: &DirectoryClient, place: &DirectoryPlace| {
        let connected = client.connect(place).await;
        let failed = connected.err().unwrap();
        assert!(matches!(failed, DirectoryFailed::Refused(_)), "{failed}");
    };
    let inside = client(&[], &["127.0.0.1"]);
    refused(&inside, &place("ldaps://127.0.0.1")).await;
    refused(&inside, &place("ldaps://169.254.169.254")).await;
    refused(&inside, &place("ldaps://[::ffff:10.0.0.1]")).await;
    refused(&inside, &place("ldaps://directory.test")).await;
    // One address among others that is not public.
    let mixed = client(&[], &["1.1.1.1", "10.0.0.1"]);
    refused(&mixed, &with_tls("ldap://directory.test")).await;
    // In the clear, or to the port of another service, only where the deployment says so.
    let outside = client(&[], &["1.1.1.1"]);
    refused(&outside, &place("ldap://directory.test")).await;
    refused(&outside, &with_tls("ldap://directory.test:22")).await;
    refused(&outside, &place("ldaps://directory.test:25")).await;
    let listed = client(&["directory.test"], &["10.0.0.1"]);
    assert_eq!(listed.check(&place("ldap://directory.test:22")), Ok(()));
}

#[tokio::test]
async fn a_password_is_right_when_the_directory_says_so() {
    for (code, said) in [(0, Ok(true)), (49, Ok(false)), (53, Ok(false))] {
        let (mut directory, heard) = directory(outcome(2, 0x61, code)).await;
        assert_eq!(directory.bind("cn=a", "secret").await, said);
        assert!(!heard.lock().unwrap().is_empty());
    }
    for answer in [
        outcome(2, 0x61, 51),
        outcome(2, 0x65, 0),
        outcome(3, 0x61, 0),
    ] {
        let (mut directory, _) = directory(answer).await;
        assert!(directory.bind("cn=a", "secret").await.is_err());
    }
}

#[tokio::test]
async fn an_empty_password_is_shown_to_nobody() {
    let (mut directory, heard) = directory(outcome(2, 0x61, 0)).await;
    assert_eq!(directory.bind("cn=a", "").await, Ok(false));
    assert_eq!(directory.bind("", "secret").await, Ok(false));
    directory.bind("cn=b", "other").await.unwrap();
    let heard = String::from_utf8_lossy(&heard.lock().unwrap()).into_owned();
    assert!(heard.contains("cn=b") && !heard.contains("cn=a"), "{heard}");
}

#[tokio::test]
async fn entries_are_found_and_those_elsewhere_are_not_looked_for() {
    let reference = elements(
        0x30,
        &[number(0x02, 2), elements(0x73, &[text("ldap://10.0.0.1/")])],
    );
    let answer = [entry(2, "cn=a"), reference, outcome(2, 0x65, 0)].concat();
    assert_eq!(search(answer).await.unwrap(), ["cn=a"]);
    // There are more than were wanted.
    let answer = [entry(2, "cn=a"), entry(2, "cn=b"), outcome(2, 0x65, 4)].concat();
    assert_eq!(search(answer).await.unwrap(), ["cn=a", "cn=b"]);
    assert_eq!(search(outcome(2, 0x65, 32)).await, Ok(Vec::new()));
    let refused = search(outcome(2, 0x65, 10)).await;
    assert!(matches!(
        refused,
        Err(DirectoryFailed::Answered { code: 10, .. })
    ));
}

#[tokio::test]
async fn a_directory_that_does_not_stop_is_left() {
    let without_end = entry(2, "cn=a").repeat(3);
    assert_eq!(search(without_end).await, Err(DirectoryFailed::TooLong));
    let long = entry(2, &"a".repeat(3 << 20));
    assert_eq!(search(long).await, Err(DirectoryFailed::TooLong));
    // It only says that there will be much.
    let announced = vec![0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 0x02, 0x01, 0x02];
    assert_eq!(search(announced).await, Err(DirectoryFailed::TooLong));
    for other in [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".repeat(9),
        vec![0xff; 99],
    ] {
        assert_eq!(search(other).await, Err(DirectoryFailed::NotLdap));
    }
    let goodbye = search(outcome(0, 0x78, 52)).await;
    assert!(matches!(goodbye, Err(DirectoryFailed::Unreachable(_))));
}

#[tokio::test]
async fn nothing_counts_that_came_before_tls() {
    let (address, heard) = server([outcome(1, 0x78, 0), outcome(2, 0x61, 0)].concat()).await;
    let client = client(&["127.0.0.1"], &["127.0.0.1"]);
    let place = DirectoryPlace {
        starts_tls: true,
        ..place(&format!("ldap://directory.test:{}", address.port()))
    };
    let connected = client.connect(&place).await;
    assert_eq!(connected.err(), Some(DirectoryFailed::NotLdap));
    assert!(heard.lock().unwrap().starts_with(&message::start_tls(1)));
    // A directory that does not do it gets no password in the clear instead.
    let (address, _) = server(outcome(1, 0x78, 2)).await;
    let place = DirectoryPlace {
        url: format!("ldap://directory.test:{}", address.port()),
        ..place
    };
    let refused = client.connect(&place).await.err();
    assert!(matches!(
        refused,
        Some(DirectoryFailed::Answered { code: 2, .. })
    ));
}

#[test]
fn authorities_are_certificates() {
    let client = client(&[], &[]);
    for (text, is_fine) in [
        ("", true),
        ("x", false),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            false,
        ),
    ] {
        let place = DirectoryPlace {
            ca_certificates: text.to_owned(),
            ..place("ldaps://directory.test")
        };
        assert_eq!(client.check(&place).is_ok(), is_fine, "{text}");
    }
}
