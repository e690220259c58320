use super::*;
use crate::destinations::Destination;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

fn destinations(listed: &[&str]) -> Destinations {
    let parsed = listed
        .iter()
        .map(|text| text.parse::<Destination>().unwrap());
    Destinations::new(parsed.collect())
}

/// A client for which names stand for what the test says, one answer after the other, and how often it asked.
fn client(listed: &[&str], names: &[(&str, &[&[&str]])]) -> (HttpClient, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let answers: HashMap<String, Vec<Vec<IpAddr>>> = names
        .iter()
        .map(|(name, turns)| {
            let turns = turns
                .iter()
                .map(|turn| turn.iter().map(|ip| ip.parse().unwrap()).collect());
            ((*name).to_owned(), turns.collect())
        })
        .collect();
    let (answers, count) = (Arc::new(answers), asked.clone());
    let lookup: Lookup = Arc::new(move |name| {
        let turn = count.fetch_add(1, Ordering::SeqCst);
        let answers = answers.clone();
        Box::pin(async move {
            let turns = answers
                .get(&name)
                .ok_or_else(|| std::io::Error::other("no such name"))?;
            Ok(turns[turn.min(turns.len() - 1)].clone())
        })
    });
    (
        HttpClient::with_lookup(destinations(listed), &lookup).unwrap(),
        asked,
    )
}

/// Answers each connection with the same bytes; says where it listens, and counts connections.
async fn server(answer: Vec<u8>) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = connections.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                _ = stream.read(&mut request).await;
                _ = stream.write_all(&answer).await;
            });
        }
    });
    (address, connections)
}

fn ok(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
        .into_bytes()
}

#[tokio::test]
async fn an_address_that_is_not_public_is_refused_however_it_is_written() {
    let (client, asked) = client(&[], &[]);
    for url in [
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://017700000001/",
        "https://0177.0.0.1/",
        "https://127.0.0.1./",
        "https://0/",
        "https://0.0.0.0/",
        "https://169.254.169.254/latest/meta-data/",
        "https://2852039166/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:a9fe:a9fe]/",
        "https://[0:0:0:0:0:ffff:7f00:1]/",
        "https://[fe80::1]/",
        "https://[fd00:ec2::254]/",
        "https://[64:ff9b::7f00:1]/",
        "https://10.0.0.1:8443/",
        "https://192.168.0.1/",
        "https://224.0.0.1/",
        "https://１２７.０.０.１/",
        "https://①②⑦.0.0.1/",
        // Public, and yet: plain HTTP and the ports of other services only go to what is listed.
        "http://1.1.1.1/",
        "https://1.1.1.1:22/",
        "https://1.1.1.1:25/",
        "http://1.1.1.1:443/",
    ] {
        let refused = client.get(url, 10).await;
        assert!(
            matches!(refused, Err(HttpFailed::Refused(_))),
            "{url}: {refused:?}"
        );
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_is_no_address_of_the_web_is_refused() {
    let (client, asked) = client(&["0.0.0.0/0", "::/0"], &[]);
    for url in [
        "",
        "localhost",
        "//localhost/",
        "ftp://localhost/",
        "file:///etc/passwd",
        "gopher://localhost:70/",
        "unix:/run/docker.sock",
        "data:text/plain,a",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://:secret@example.com/",
        "https://",
        "https://[fe80::1%25eth0]/",
        "https://exa mple.com/",
        &format!("https://example.com/{}", "a".repeat(2048)),
    ] {
        let refused = client.get(url, 10).await;
        assert!(
            matches!(refused, Err(HttpFailed::Url(_))),
            "{url}: {refused:?}"
        );
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_is_as_good_as_the_worst_of_its_addresses() {
    let (client, _) = client(
        &[],
        &[
            ("localhost", &[&["127.0.0.1"]]),
            ("localhost.", &[&["::1"]]),
            ("metadata.google.internal", &[&["169.254.169.254"]]),
            ("mixed.example.com", &[&["1.1.1.1", "10.0.0.1"]]),
            ("mapped.example.com", &[&["::ffff:10.0.0.1"]]),
            ("xn--lcalhost-n4a", &[&["127.0.0.1"]]),
        ],
    );
    for url in [
        "https://localhost/",
        "https://LOCALHOST/",
        "https://localhost./",
        "https://metadata.google.internal/",
        "https://mixed.example.com/",
        "https://mapped.example.com:8443/",
        "https://lōcalhost/",
    ] {
        let refused = client.get(url, 10).await;
        let is_refused = matches!(refused, Err(HttpFailed::Refused(_)))
            || (url.contains('ō') && matches!(refused, Err(HttpFailed::Unreachable(_))));
        assert!(is_refused, "{url}: {refused:?}");
    }
    let unknown = client.get("https://nothing.example.com/", 10).await;
    assert_eq!(
        unknown.unwrap_err(),
        HttpFailed::Unreachable("no such name".to_owned())
    );
}

#[tokio::test]
async fn a_name_that_changes_its_mind_gets_nowhere() {
    let (address, connections) = server(ok("secret")).await;
    let port = address.port();
    // Listed for its first answer; then it stands for the machine itself.
    let (client, asked) = client(
        &["198.51.100.0/24"],
        &[(
            "rebound.example.com",
            &[&["127.0.0.1"], &["198.51.100.1"], &["127.0.0.1"]],
        )],
    );
    let url = format!("http://rebound.example.com:{port}/");
    let refused = client.get(&url, 10).await;
    assert!(
        matches!(refused, Err(HttpFailed::Refused(_))),
        "{refused:?}"
    );
    // What was looked at is what is connected to: there is one question for each request.
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_is_listed_is_asked_and_nothing_else() {
    let (address, connections) = server(ok("{}")).await;
    let port = address.port();
    let names: &[(&str, &[&[&str]])] = &[
        ("issuer.internal", &[&["127.0.0.1"]]),
        ("other.internal", &[&["127.0.0.1"]]),
    ];
    let (by_name, _) = client(&["issuer.internal"], names);
    let url = format!("http://issuer.internal:{port}/");
    let answer = by_name.get(&url, 10).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"{}"[..]));
    let other = by_name
        .get(&format!("http://other.internal:{port}/"), 10)
        .await;
    assert!(matches!(other, Err(HttpFailed::Refused(_))), "{other:?}");
    let literal = by_name.get(&format!("http://127.0.0.1:{port}/"), 10).await;
    assert!(
        matches!(literal, Err(HttpFailed::Refused(_))),
        "{literal:?}"
    );
    let (by_network, _) = client(&["127.0.0.0/8"], names);
    by_network
        .get(&format!("http://127.0.0.1:{port}/"), 10)
        .await
        .unwrap();
    by_network
        .get(&format!("http://other.internal:{port}/"), 10)
        .await
        .unwrap();
    assert_eq!(connections.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn plain_http_to_a_name_is_refused_at_once_where_nothing_is_listed_that_it_could_be() {
    let names: &[&[&str]] = &[&[], &["other.internal"]];
    for listed in names {
        let (client, asked) = client(listed, &[]);
        for url in ["http://logs.example.com/", "https://logs.example.com:25/"] {
            let refused = client.check_receiver(url);
            assert!(
                matches!(refused, Err(HttpFailed::Refused(_))),
                "{url}: {refused:?}"
            );
        }
        client
            .check_receiver("https://logs.example.com:8443/")
            .unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 0);
    }
    for listed in ["logs.example.com", "10.0.0.0/8"] {
        let (client, _) = client(&[listed], &[]);
        client.check_receiver("http://logs.example.com/").unwrap();
    }
}

#[tokio::test]
async fn redirects_are_answers_and_endless_answers_are_none() {
    let (target, reached) = server(ok("secret")).await;
    let redirect =
        format!("HTTP/1.1 302 Found\r\nlocation: http://{target}/\r\ncontent-length: 0\r\n\r\n");
    let (source, _) = server(redirect.into_bytes()).await;
    let (client, _) = client(&["127.0.0.0/8"], &[]);
    let answer = client.get(&format!("http://{source}/"), 10).await.unwrap();
    assert_eq!(answer.status, 302);
    assert_eq!(reached.load(Ordering::SeqCst), 0);

    let endless = [b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &[b'a'; 1000]].concat();
    for answer in [ok(&"a".repeat(11)), endless] {
        let (server, _) = server(answer).await;
        let cut = client.get(&format!("http://{server}/"), 10).await;
        assert_eq!(cut.unwrap_err(), HttpFailed::TooLong(10));
    }
}

#[test]
fn a_form_says_what_was_meant() {
    let text = form(&[("a", "b c&d=é"), ("scope", "openid+x")]);
    assert_eq!(text, "a=b%20c%26d%3D%C3%A9&scope=openid%2Bx");
}
