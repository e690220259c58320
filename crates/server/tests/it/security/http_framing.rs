//! What goes around the content: ranges, framing, host names, headers made of what clients say.

use serde_json::json;

use super::{admin_header, escaped, lone_manifest, raw_status, request};
use crate::registry::TestRegistry;
use crate::registry::content::{OCI_MANIFEST, noise, sha256};

/// T42: no range costs more than the blob.
#[tokio::test]
async fn t42_ranges_never_cost_more_than_the_whole() {
    let registry = TestRegistry::start().await;
    let content = noise(42, 100_000);
    let digest = registry.push_blob("library/app", content.clone()).await;
    let path = format!("/v2/library/app/blobs/{digest}");
    let get = async |range: &str| registry.get(&path).header("range", range).await;
    // The same bytes a thousand times are sent once.
    let overlapping = format!("bytes={}", vec!["0-"; 1000].join(","));
    get(&overlapping)
        .await
        .assert_status(206)
        .assert_body(&content);
    let nested: Vec<String> = (0..1000)
        .map(|at| format!("{at}-{}", 99_999 - at))
        .collect();
    get(&format!("bytes={}", nested.join(",")))
        .await
        .assert_status(206)
        .assert_body(&content);
    // More ranges than are looked at: all of it.
    for many in [vec!["0-0"; 1001], vec![""; 1001], vec!["0-0"; 5000]] {
        let answer = get(&format!("bytes={}", many.join(","))).await;
        answer.assert_status(200).assert_body(&content);
    }
    // A thousand apart: parts of one byte, and what frames them.
    let apart: Vec<String> = (0..1000).map(|at| format!("{0}-{0}", at * 100)).collect();
    let answer = get(&format!("bytes={}", apart.join(",")))
        .await
        .assert_status(206);
    assert!(
        answer
            .header("content-type")
            .starts_with("multipart/byteranges")
    );
    assert!(
        answer.bytes().len() < 300 * 1000,
        "{}",
        answer.bytes().len()
    );
}

/// T42: what cannot be is said, and what is no range is ignored.
#[tokio::test]
async fn t42_impossible_ranges_are_refused_or_ignored() {
    let registry = TestRegistry::start().await;
    let content = noise(42, 100_000);
    let digest = registry.push_blob("library/app", content.clone()).await;
    let path = format!("/v2/library/app/blobs/{digest}");
    let get = async |range: &str| registry.get(&path).header("range", range).await;
    get("bytes=0-0,-1").await.assert_status(206);
    for unsatisfiable in [
        "bytes=100000-",
        "bytes=100000-200000",
        "bytes=-0",
        "bytes=99999999999999999999-",
    ] {
        get(unsatisfiable)
            .await
            .assert_error(416, "RANGE_INVALID")
            .assert_header("content-range", "bytes */100000");
    }
    for ignored in [
        "bytes=x-y",
        "octets=0-1",
        "bytes",
        "bytes=0-1;2-3",
        "bytes=--1",
        "bytes=1-2-3",
    ] {
        get(ignored).await.assert_status(200).assert_body(&content);
    }
    let last = get("bytes=99999-18446744073709551615")
        .await
        .assert_status(206);
    last.assert_body(&content[99_999..]);
    let head = registry.head(&path).header("range", "bytes=0-0").await;
    head.assert_status(200)
        .assert_header("content-length", "100000");
    for (if_range, status) in [
        (format!("\"{digest}\""), 206),
        ("\"sha256:other\"".to_owned(), 200),
    ] {
        let get = registry
            .get(&path)
            .header("range", "bytes=0-0")
            .header("if-range", &if_range);
        get.await.assert_status(status);
    }
    let empty = registry.push_blob("library/app", "").await;
    let path = format!("/v2/library/app/blobs/{empty}");
    for (range, status) in [
        ("bytes=0-", 200),
        ("bytes=0-0", 200),
        ("bytes=-1", 200),
        ("bytes=1-", 416),
    ] {
        let answer = registry
            .get(&path)
            .header("range", range)
            .await
            .assert_status(status);
        assert!(status == 416 || answer.bytes().is_empty());
    }
}

/// Ways to say how long a body is that could be understood otherwise; `length` is what follows.
fn ambiguous_framings(length: usize) -> Vec<(&'static str, String)> {
    vec![
        (
            "length and chunks",
            format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ),
        (
            "chunks and length",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n".to_owned(),
        ),
        ("a plus", "Content-Length: +0\r\n\r\n".to_owned()),
        ("a minus", "Content-Length: -1\r\n\r\n".to_owned()),
        ("hexadecimal", "Content-Length: 0x0\r\n\r\n".to_owned()),
        (
            "two lengths",
            format!("Content-Length: 0\r\nContent-Length: {length}\r\n\r\n"),
        ),
        (
            "a list of lengths",
            format!("Content-Length: 0, {length}\r\n\r\n"),
        ),
        (
            "a folded header",
            "X: a\r\n Content-Length: 0\r\nContent-Length: 0\r\n\r\n".to_owned(),
        ),
        (
            "a folded length",
            format!("Content-Length:\r\n {length}\r\n\r\n"),
        ),
        (
            "a space before the colon",
            "Content-Length : 0\r\n\r\n".to_owned(),
        ),
        (
            "another coding",
            "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n".to_owned(),
        ),
        (
            "two codings",
            "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n".to_owned(),
        ),
        (
            "a coding after chunks",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n".to_owned(),
        ),
        (
            "a bad chunk size",
            "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n".to_owned(),
        ),
        (
            "a signed chunk size",
            "Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n".to_owned(),
        ),
        (
            "a huge chunk size",
            "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff0\r\n\r\n".to_owned(),
        ),
        ("a NUL", "X: a\0b\r\nContent-Length: 0\r\n\r\n".to_owned()),
    ]
}

/// T43: a request is understood in one way or not at all: what stands behind an ambiguous one is never carried out.
#[tokio::test]
async fn t43_no_request_hides_behind_another() {
    let registry = TestRegistry::start().await;
    registry
        .push_manifest("library/app", "kept", &lone_manifest("kept"))
        .await;
    let admin = admin_header();
    let hidden = format!(
        "DELETE /v2/library/app/manifests/kept HTTP/1.1\r\nHost: x\r\n{admin}Connection: close\r\n\r\n"
    );
    let start = format!("POST /v2/library/app/blobs/uploads/ HTTP/1.1\r\nHost: x\r\n{admin}");
    for (what, framing) in ambiguous_framings(hidden.len()) {
        let answer = registry.raw(format!("{start}{framing}{hidden}")).await;
        let text = String::from_utf8_lossy(&answer);
        let answers: Vec<&str> = text.split("HTTP/1.1 ").skip(1).collect();
        // Refused, or read as one request whose end is certain, and the connection closed after it.
        let unsafe_answers = answers
            .iter()
            .filter(|answer| answer.starts_with("202") && !answer.contains("location"));
        let ambiguous = [
            "length and chunks",
            "chunks and length",
            "a plus",
            "two lengths",
            "a list of lengths",
        ];
        if ambiguous.contains(&what) {
            assert!(answers.len() <= 1, "{what}: {text}");
        }
        assert_eq!(
            unsafe_answers.count(),
            0,
            "{what}: the hidden request was carried out: {text}"
        );
        registry
            .head("/v2/library/app/manifests/kept")
            .await
            .assert_status(200);
    }
    // The control: two requests in a row that are two.
    let answer = registry
        .raw(format!("{start}Content-Length: 0\r\n\r\n{hidden}"))
        .await;
    assert_eq!(
        String::from_utf8_lossy(&answer)
            .matches("HTTP/1.1 202")
            .count(),
        2
    );
    registry
        .head("/v2/library/app/manifests/kept")
        .await
        .assert_status(404);
}

/// T43: when a body is left unread the connection ends, and the answer says so: else the next request on it would be lost,
/// or what is left of the body be taken for one.
#[tokio::test]
async fn t43_an_answer_before_the_body_says_that_the_connection_ends() {
    let registry = TestRegistry::start().await;
    let smuggled = "DELETE /v2/library/app/manifests/kept HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2000);
    let length = smuggled.len();
    for (start, status) in [
        ("PUT /v2/library/app/manifests/v1", 401),
        (
            "PATCH /v2/library/app/blobs/uploads/01931c5e-7b1a-7c3d-9e4f-0123456789ab",
            401,
        ),
        ("POST /service/token", 413),
        ("POST /nothing", 404),
    ] {
        let head = format!("{start} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
        let answer = registry.raw(format!("{head}{smuggled}")).await;
        let (got, text) = raw_status(&answer);
        assert_eq!(got, status, "{start}: {text}");
        assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{start}: {text}");
        assert!(
            text.to_lowercase().contains("connection: close"),
            "{start}: {text}"
        );
    }
}

fn challenge(answer: &[u8]) -> String {
    let (status, text) = raw_status(answer);
    assert_eq!(status, 401, "{text}");
    let line = text
        .lines()
        .find(|line| line.to_ascii_lowercase().starts_with("www-authenticate"));
    line.expect("a challenge").to_owned()
}

/// T43: where clients are sent with their passwords is not in the hands of a header that strangers can send.
#[tokio::test]
async fn t43_no_header_says_where_passwords_go() {
    let registry = TestRegistry::start().await;
    let forwarded = "X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\n\
                     Forwarded: host=evil.example;proto=https\r\nX-Host: evil.example\r\n";
    let answer = registry.raw(request("GET /v2/", forwarded, "")).await;
    let realm = challenge(&answer);
    assert!(
        realm.contains("realm=\"http://registry.test/service/token\""),
        "{realm}"
    );
    // What is no host name gets into no quoted text and no other header.
    for host in [
        "evil.example\"",
        "evil.example\",realm=\"http://evil.example",
        "evil.example/x",
        "user@evil.example",
        "evil.example?x",
        "evil.example, other",
        "evil example",
        "<script>",
        "\u{e9}vil",
    ] {
        // The second is answered with a sentence that says what to type, host and all.
        for path in ["/v2/", "/v2/app/manifests/v1"] {
            let bytes = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            let answer = registry.raw(bytes).await;
            let (status, text) = raw_status(&answer);
            assert!(matches!(status, 400 | 401), "{host}: {text}");
            assert!(!text.contains("evil"), "{host}: {text}");
            assert!(!text.contains("<script>"), "{host}: {text}");
        }
    }
    // An address in the settings is the only one.
    let registry = TestRegistry::builder()
        .setting("REGISTRY__EXTERNAL_URL", "https://registry.example.com")
        .start()
        .await;
    for host in ["evil.example", "evil.example:5000", "x\"y"] {
        let bytes =
            format!("GET /v2/ HTTP/1.1\r\nHost: {host}\r\n{forwarded}Connection: close\r\n\r\n");
        let realm = challenge(&registry.raw(bytes).await);
        assert!(
            realm.contains("realm=\"https://registry.example.com/service/token\""),
            "{realm}"
        );
    }
    // An upload goes on where it began, by a path alone.
    let headers = format!("{}{forwarded}Content-Length: 0\r\n", admin_header());
    let start = "POST /v2/library/app/blobs/uploads/";
    let (status, text) = raw_status(&registry.raw(request(start, &headers, "")).await);
    assert_eq!(status, 202);
    assert!(
        text.contains("location: /v2/library/app/blobs/uploads/"),
        "{text}"
    );
    assert!(!text.contains("evil"), "{text}");
}

/// T44: line breaks in what a manifest says end no header, and markers come back encoded.
#[tokio::test]
async fn t44_no_content_becomes_a_header() {
    const EVIL: &str = "x\r\nSet-Cookie: evil=1\r\n\r\n<html>";
    let registry = TestRegistry::start().await;
    let subject = registry.push_image("library/app", "v1").await;
    for number in 0..3 {
        let annotations = json!({ "evil": EVIL, EVIL: number.to_string() });
        registry
            .push_referrer("library/app", &subject, EVIL, &annotations)
            .await;
    }
    let encoded = escaped(EVIL);
    let path = format!(
        "/v2/library/app/referrers/{subject}?n=1&artifactType={encoded}&artifactType=%22%3e%3c"
    );
    let (mut next, mut found) = (Some(path), 0);
    while let Some(path) = next {
        let page = registry.get(&path).await.assert_status(200);
        assert!(page.find_header("set-cookie").is_none());
        let link = page.find_header("link").unwrap_or_default();
        assert!(
            !link.contains(['\r', '\n', '"', '<']) || link.starts_with("</v2/"),
            "{link}"
        );
        let inside = link.strip_prefix('<').and_then(|link| link.split_once('>'));
        assert!(
            inside.is_none_or(|(url, _)| !url.contains(['<', '"', ' '])),
            "{link}"
        );
        for entry in page.json()["manifests"].as_array().expect("a list") {
            assert_eq!(entry["annotations"]["evil"], EVIL);
            found += 1;
        }
        next = page.next_page();
    }
    assert_eq!(found, 3);
    // Subject, tags and media types that would break out are refused before they are stored.
    for media_type in ["application/x\r\nX: y", "text/html\u{0}"] {
        let mut manifest = lone_manifest("t44");
        manifest["mediaType"] = media_type.into();
        let put = registry
            .put("/v2/library/app/manifests/t44")
            .content_type(OCI_MANIFEST);
        put.body(manifest.to_string())
            .await
            .assert_error(400, "MANIFEST_INVALID");
    }
    let mut manifest = lone_manifest("t44");
    manifest["subject"] = json!({ "mediaType": "a", "digest": "sha256:x\r\nX: y", "size": 1 });
    let put = registry.put("/v2/library/app/manifests/t44");
    let put = put.content_type(crate::registry::content::OCI_INDEX);
    put.body(manifest.to_string())
        .await
        .assert_error(400, "MANIFEST_INVALID");
    // What a client calls its request comes back only when it is harmless.
    for id in ["a\"b", "<script>", "a b", &"x".repeat(100)] {
        let answer = registry.get("/v2/").header("x-request-id", id).await;
        assert_ne!(answer.header("x-request-id"), id);
    }
}

/// T45: no answer can be taken for a page: no type is guessed, no markup comes back, and HTML is bytes.
#[tokio::test]
async fn t45_no_answer_is_a_page() {
    const HTML: &str = "<html><script>alert(1)</script></html>";
    let registry = TestRegistry::start().await;
    registry.push_image("library/app", "v1").await;
    let digest = registry.push_blob("library/app", HTML).await;
    let blob = registry
        .get(&format!("/v2/library/app/blobs/{digest}"))
        .await;
    blob.assert_status(200)
        .assert_header("content-type", "application/octet-stream")
        .assert_body(HTML);
    for path in [
        "/".to_owned(),
        "/livez".to_owned(),
        "/v2/".to_owned(),
        "/v2/_catalog".to_owned(),
        "/service/token".to_owned(),
        "/service/token?scope=<script>".to_owned(),
        "/v2/library/app/manifests/v1".to_owned(),
        "/v2/library/app/tags/list".to_owned(),
        format!("/v2/library/app/blobs/{digest}"),
        "/v2/library/app/manifests/<script>".to_owned(),
        "/v2/<script>/manifests/v1".to_owned(),
        "/v2/library/app/tags/list?n=<script>".to_owned(),
        "/v2/library/app/blobs/uploads/<script>".to_owned(),
        "/v2/library/app/blobs/sha256:<script>".to_owned(),
        "/<script>".to_owned(),
    ] {
        for headers in ["", &admin_header()] {
            let answer = registry
                .raw(request(&format!("GET {path}"), headers, ""))
                .await;
            let (status, text) = raw_status(&answer);
            let (head, body) = text.split_once("\r\n\r\n").expect("a head");
            if status == 400 && !head.contains("x-request-id") {
                // Not even a request: the transport's own answer.
                assert_eq!(body, "");
                continue;
            }
            assert!(
                head.contains("x-content-type-options: nosniff"),
                "{path}: {head}"
            );
            assert!(!head.contains("text/html"), "{path}: {head}");
            assert!(status == 200 || !body.contains("<script"), "{path}: {body}");
        }
    }
    // The referrers of a type that is markup say it in JSON, and are JSON.
    let about = format!("/v2/library/app/referrers/{}", sha256("x"));
    let list = registry
        .get(&format!("{about}?artifactType=%3Cscript%3E"))
        .await;
    list.assert_header("content-type", crate::registry::content::OCI_INDEX);
}
