//! Clients that are slow, many, or never satisfied.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, stream};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{admin_header, lone_manifest, raw_status};
use crate::registry::TestRegistry;
use crate::registry::content::{OCI_INDEX, sha256};

/// T38: a thousand artifacts about one manifest, each with much to say, come in pages of bounded size; a filter is
/// right over all pages.
#[tokio::test]
async fn t38_referrers_come_in_pages_of_bounded_size() {
    const COUNT: usize = 1000;
    const PAGE_BYTES: usize = 256 * 1024;
    let registry = TestRegistry::builder()
        .setting("LIMITS__REFERRERS_PAGE_BYTES", PAGE_BYTES)
        .start()
        .await;
    let subject = registry
        .push_manifest("library/app", "v1", &lone_manifest("subject"))
        .await;
    let pushes = (0..COUNT).map(|number| {
        let (registry, subject) = (&registry, &subject);
        async move {
            let mut manifest = lone_manifest(&"x".repeat(8000));
            manifest["artifactType"] = format!("application/kind{}", number % 10).into();
            manifest["annotations"]["number"] = number.to_string().into();
            manifest["subject"] = json!({ "mediaType": OCI_INDEX, "digest": subject, "size": 2 });
            let digest = sha256(manifest.to_string());
            registry
                .push_manifest("library/app", &digest, &manifest)
                .await
        }
    });
    let pushed: BTreeSet<String> = stream::iter(pushes).buffer_unordered(8).collect().await;
    assert_eq!(pushed.len(), COUNT);
    let before = registry.anonymous_memory();
    for (query, expected) in [
        ("", COUNT),
        ("?n=10000", COUNT),
        ("?artifactType=application/kind3", COUNT / 10),
        (
            "?artifactType=application/kind3&artifactType=application/kind4&artifactType=application/kind3",
            COUNT / 5,
        ),
        ("?artifactType=application/none", 0),
    ] {
        let mut found = BTreeSet::new();
        let mut next = Some(format!("/v2/library/app/referrers/{subject}{query}"));
        while let Some(path) = next {
            let page = registry.get(&path).await.assert_status(200);
            assert!(
                page.bytes().len() <= PAGE_BYTES + 1024,
                "{query}: {} bytes",
                page.bytes().len()
            );
            for entry in page.json()["manifests"].as_array().expect("a list") {
                let digest = entry["digest"].as_str().expect("a digest").to_owned();
                assert!(found.insert(digest), "{query}: one comes twice");
            }
            next = page.next_page();
        }
        assert_eq!(found.len(), expected, "{query}");
        assert!(found.is_subset(&pushed));
    }
    let grown = registry.anonymous_memory().saturating_sub(before);
    assert!(grown < 48 * 1024 * 1024, "{grown} bytes more");
    let types: Vec<String> = (0..33)
        .map(|number| format!("artifactType=a{number}"))
        .collect();
    let path = format!("/v2/library/app/referrers/{subject}?{}", types.join("&"));
    registry.get(&path).await.assert_status(414);
}

/// T41: a client that does not finish its request is let go, and what it had sent of an upload is kept.
#[tokio::test]
async fn t41_slow_clients_are_let_go() {
    let registry = TestRegistry::builder()
        .setting("LIMITS__HEADER_READ_TIMEOUT_SECS", 1)
        .setting("LIMITS__BODY_IDLE_TIMEOUT_SECS", 1)
        .start()
        .await;
    // `raw` returns when the registry closes the connection.
    for beginning in [
        "",
        "G",
        "GET /v2/ HTTP/1.1\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: x\r\nX: y",
        "PRI * HTTP/2.0\r\n\r\nSM",
    ] {
        let answer = registry.raw(beginning).await;
        assert!(
            !String::from_utf8_lossy(&answer).contains(" 200 "),
            "{beginning:?}"
        );
    }
    // A byte now and then does not help: the time is for the whole head.
    let mut drip = registry.connect().await;
    drip.write_all(b"GET /v2/ HTTP/1.1\r\nHost: x\r\nX: ")
        .await
        .expect("it listens");
    let (mut reader, mut writer) = drip.into_split();
    let dripping = tokio::spawn(async move {
        let mut every = tokio::time::interval(std::time::Duration::from_millis(100));
        while writer.write_all(b"y").await.is_ok() {
            every.tick().await;
        }
    });
    let mut answer = Vec::new();
    // A reset is an end, too.
    _ = reader.read_to_end(&mut answer).await;
    dripping.abort();
    assert!(!String::from_utf8_lossy(&answer).contains(" 200 "));

    let location = registry.start_upload("library/app").await;
    let head = format!(
        "PATCH {location} HTTP/1.1\r\nHost: x\r\n{}Content-Length: 1000\r\n\r\n12345",
        admin_header()
    );
    let (status, text) = raw_status(&registry.raw(head).await);
    assert!(matches!(status, 400 | 408), "{text}");
    let standing = registry.get(&location).await.assert_status(204);
    assert_eq!(standing.header("range"), "0-4");
    let put = registry.put(&format!("{location}?digest={}", sha256("1234567")));
    put.body("67").await.assert_status(201);
}

/// T41: open uploads are counted, and one too many is refused until another ends.
#[tokio::test]
async fn t41_idle_uploads_are_limited() {
    let registry = TestRegistry::builder()
        .setting("LIMITS__UPLOADS_OPEN_PER_ACCOUNT", 3)
        .start()
        .await;
    let mut open = Vec::new();
    for number in 0..3 {
        open.push(registry.start_upload(&format!("library/app{number}")).await);
    }
    let digest = sha256("x");
    for target in [
        "/v2/library/app/blobs/uploads/".to_owned(),
        format!("/v2/library/app/blobs/uploads/?mount={digest}"),
        format!("/v2/library/app/blobs/uploads/?digest={digest}"),
    ] {
        let answer = registry
            .post(&target)
            .await
            .assert_error(429, "TOOMANYREQUESTS");
        assert!(answer.find_header("retry-after").is_some());
    }
    // Pulling, and finishing what is open, go on.
    registry.get("/v2/_catalog").await.assert_status(200);
    registry
        .put(&format!("{}?digest={digest}", open[0]))
        .body("x")
        .await
        .assert_status(201);
    registry.start_upload("library/app").await;
    registry.delete(&open[1]).await.assert_status(204);
    registry.start_upload("library/app").await;
    registry
        .post("/v2/library/app/blobs/uploads/")
        .await
        .assert_status(429);
}

/// A frame of HTTP/2 (RFC 9113, section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len())
        .expect("a short frame")
        .to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ENHANCE_YOUR_CALM: u32 = 11;

/// `GET /livez` in HPACK: method and scheme by number, path and authority as text.
fn get_livez() -> Vec<u8> {
    [b"\x82\x86\x04\x06/livez".as_slice(), b"\x41\x01x"].concat()
}

async fn connect_http2(registry: &TestRegistry) -> TcpStream {
    let mut stream = registry.connect().await;
    let hello = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(SETTINGS, 0, 0, &[]),
    ];
    stream.write_all(&hello.concat()).await.expect("it listens");
    stream
}

/// The next frame: kind, flags, stream, payload. `None` when the connection has ended.
async fn next_frame(
    stream: &mut (impl tokio::io::AsyncRead + Unpin),
) -> Option<(u8, u8, u32, Vec<u8>)> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; usize::try_from(length).ok()?];
    stream.read_exact(&mut payload).await.ok()?;
    Some((
        head[3],
        head[4],
        u32::from_be_bytes([head[5], head[6], head[7], head[8]]),
        payload,
    ))
}

/// Sends until the registry has had enough; the reason that it gives for ending the connection, if it does give one.
async fn until_refused(
    stream: TcpStream,
    mut piece: impl FnMut(u32) -> Vec<u8> + Send + 'static,
) -> Option<u32> {
    let (mut reader, mut writer) = stream.into_split();
    let sending = tokio::spawn(async move {
        for number in 0..20_000 {
            if writer.write_all(&piece(number)).await.is_err() {
                return false;
            }
        }
        true
    });
    let mut reason = None;
    while let Some((kind, _, _, payload)) = next_frame(&mut reader).await {
        if kind == GOAWAY {
            reason = payload
                .get(4..8)
                .map(|code| u32::from_be_bytes([code[0], code[1], code[2], code[3]]));
            break;
        }
    }
    drop(reader);
    let took_everything = sending.await.expect("it ends");
    assert!(reason.is_some() || !took_everything, "everything was taken");
    reason
}

/// T41: HTTP/2's ways to make a server work for nothing end the connection, and only that one.
#[tokio::test]
async fn t41_http2_floods_end_their_connection() {
    let registry = TestRegistry::builder()
        .setting("LIMITS__STREAMS_PER_CONNECTION", 10)
        .start()
        .await;
    let before = registry.anonymous_memory();
    // How many streams at once is said at the start.
    let mut stream = connect_http2(&registry).await;
    let (kind, _, _, payload) = next_frame(&mut stream).await.expect("settings");
    assert_eq!(kind, SETTINGS);
    let streams = payload.chunks(6).find(|setting| setting[..2] == [0, 3]);
    assert_eq!(streams, Some(&[0, 3, 0, 0, 0, 10][..]));
    // A request among frames that mean nothing is answered: the control.
    let request = frame(HEADERS, END_HEADERS | END_STREAM, 1, &get_livez());
    stream.write_all(&request).await.expect("it reads");
    loop {
        let (kind, _, number, _) = next_frame(&mut stream).await.expect("an answer");
        if kind == HEADERS {
            assert_eq!(number, 1);
            break;
        }
    }
    // Begun and reset at once, again and again.
    let rapid_reset = |number: u32| {
        let stream = number * 2 + 1;
        let mut bytes = frame(HEADERS, END_HEADERS | END_STREAM, stream, &get_livez());
        bytes.extend(frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]));
        bytes
    };
    let reason = until_refused(connect_http2(&registry).await, rapid_reset).await;
    assert!(
        reason.is_none_or(|reason| reason == ENHANCE_YOUR_CALM),
        "{reason:?}"
    );
    // Headers that never end.
    let endless_headers = |number: u32| {
        let filler = [b"\x00\x04evil\x7f\x81\x7f".as_slice(), &[b'a'; 16_000]].concat();
        if number == 0 {
            frame(HEADERS, END_STREAM, 1, &get_livez())
        } else {
            frame(CONTINUATION, 0, 1, &filler)
        }
    };
    until_refused(connect_http2(&registry).await, endless_headers).await;
    // Empty ones, too.
    let empty_headers = |number: u32| match number {
        0 => frame(HEADERS, END_STREAM, 1, &get_livez()),
        _ => frame(CONTINUATION, 0, 1, &[]).repeat(10),
    };
    until_refused(connect_http2(&registry).await, empty_headers).await;
    let grown = registry.anonymous_memory().saturating_sub(before);
    assert!(grown < 32 * 1024 * 1024, "{grown} bytes more");
    registry.get("/v2/").await.assert_status(200);
}
