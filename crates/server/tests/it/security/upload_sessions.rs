//! Uploads in the wrong order, twice, at once, in pieces, and of others.

use bytes::Bytes;
use http::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{admin_header, raw_status, request};
use crate::registry::TestRegistry;
use crate::registry::client::Answer;
use crate::registry::content::{noise, sha256, sha512};

/// `Range` of an upload of so many bytes.
fn standing(bytes: usize) -> String {
    format!("0-{}", bytes.saturating_sub(1))
}

/// `Content-Range`s of a chunk of a thousand bytes that belongs after the first thousand, none of them right.
const LIES: [&str; 17] = [
    "5-4",
    "0-18446744073709551615",
    "18446744073709551615-18446744073709551615",
    "0-999",
    "500-1499",
    "1001-2000",
    "999999999-1000000998",
    "-1000",
    "1000-",
    "a-b",
    "1000",
    "bytes 1000-1999/*/x",
    "1000-1999,3000-3999",
    "+1000-1999",
    " ",
    "1000-1499",
    "1000-2499",
];

/// T40: a chunk says truly where it belongs and how long it is, or nothing of it stays.
#[tokio::test]
async fn t40_a_chunk_that_lies_about_itself_changes_nothing() {
    let registry = TestRegistry::start().await;
    let content = noise(40, 3000);
    let location = registry.start_upload("library/app").await;
    let patch = registry.patch(&location).header("content-range", "0-999");
    patch.body(content.slice(..1000)).await.assert_status(202);
    for range in LIES {
        let patch = registry.patch(&location).header("content-range", range);
        let answer = patch.body(content.slice(1000..2000)).await;
        assert!(
            matches!(answer.status(), 400 | 416),
            "{range}: {}",
            answer.status()
        );
        let put = registry.put(&format!("{location}?digest={}", sha256(&content)));
        let put = put
            .header("content-range", range)
            .body(content.slice(1000..2000));
        let answer = put.await;
        assert!(
            matches!(answer.status(), 400 | 416),
            "PUT {range}: {}",
            answer.status()
        );
        let status = registry.get(&location).await.assert_status(204);
        assert_eq!(status.header("range"), standing(1000), "{range}");
    }
    // The same without an announced length: found out only at its end.
    for (range, length) in [("1000-1999", 500), ("1000-1499", 1000), ("1000-1000", 1000)] {
        let patch = registry.patch(&location).header("content-range", range);
        let patch = patch.stream(vec![content.slice(1000..1000 + length)]);
        let answer = patch.await;
        assert!(
            matches!(answer.status(), 400 | 416),
            "{range}: {}",
            answer.status()
        );
        let status = registry.get(&location).await;
        assert_eq!(status.header("range"), standing(1000), "{range}");
    }
    // What was refused left nothing behind: the rest makes the blob whole, byte by byte.
    let patch = registry
        .patch(&location)
        .header("content-range", "1000-1009");
    patch
        .body(content.slice(1000..1010))
        .await
        .assert_status(202);
    let digest = sha256(content.slice(..1010));
    registry
        .put(&format!("{location}?digest={digest}"))
        .body("")
        .await
        .assert_status(201);
    let blob = registry
        .get(&format!("/v2/library/app/blobs/{digest}"))
        .await;
    blob.assert_status(200).assert_body(content.slice(..1010));
}

/// T40: when an upload is done it takes nothing more, and saying so again changes nothing.
#[tokio::test]
async fn t40_a_done_upload_is_done() {
    let registry = TestRegistry::start().await;
    let location = registry.start_upload("library/app").await;
    let digest = sha256("bytes");
    let put = async |digest: &str, body: &'static str| {
        registry
            .put(&format!("{location}?digest={digest}"))
            .body(body)
            .await
    };
    put(&sha256("other"), "bytes")
        .await
        .assert_error(400, "DIGEST_INVALID");
    put(&digest, "bytes").await.assert_status(201);
    put(&digest, "bytes").await.assert_status(201);
    put(&digest, "").await.assert_status(201);
    put(&sha256("other"), "other")
        .await
        .assert_error(404, "BLOB_UPLOAD_UNKNOWN");
    put(&sha512("bytes"), "")
        .await
        .assert_error(404, "BLOB_UPLOAD_UNKNOWN");
    registry
        .patch(&location)
        .body("more")
        .await
        .assert_error(404, "BLOB_UPLOAD_UNKNOWN");
    registry
        .delete(&location)
        .await
        .assert_error(404, "BLOB_UPLOAD_UNKNOWN");
    let path = format!("/v2/library/app/blobs/{digest}");
    registry
        .get(&path)
        .await
        .assert_status(200)
        .assert_body("bytes");
    // After the blob was deleted, a repeated request must not claim that it is there.
    registry.delete(&path).await.assert_status(202);
    let again = put(&digest, "").await;
    let is_there = registry.head(&path).await.status() == 200;
    assert_eq!(again.status() == 201, is_there, "{}", again.text());
}

/// A request whose body stays open: the connection, once the server has begun to wait for the rest.
async fn open_request(
    registry: &TestRegistry,
    method: &str,
    location: &str,
    piece: &[u8],
) -> TcpStream {
    let mut stream = registry.connect().await;
    let head = format!(
        "{method} {location} HTTP/1.1\r\nHost: x\r\n{}Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n",
        admin_header()
    );
    stream.write_all(head.as_bytes()).await.expect("it listens");
    let mut answer = [0; 25];
    stream.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(piece).await.expect("it reads");
    stream
}

async fn answer_of(mut stream: TcpStream) -> (u16, String) {
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).await.expect("an answer");
    raw_status(&answer[..length])
}

/// T40: two requests never write to one upload at a time; the second is told to wait, whatever it is.
#[tokio::test]
async fn t40_one_request_at_a_time_writes_to_an_upload() {
    let registry = TestRegistry::start().await;
    let content = noise(41, 1000);
    let location = registry.start_upload("library/app").await;
    // The server asks for a body only once it has the upload for this request.
    let mut first = open_request(&registry, "PATCH", &location, &content[..400]).await;
    let busy = [
        registry.patch(&location).body("x"),
        registry
            .put(&format!("{location}?digest={}", sha256("x")))
            .body("x"),
        registry
            .put(&format!("{location}?digest={}", sha256("")))
            .body(""),
        registry.request(Method::DELETE, &location),
    ];
    for call in busy {
        let answer = call.await;
        assert_eq!(answer.status(), 416, "{}", answer.text());
    }
    first.write_all(&content[400..]).await.expect("it reads");
    let (status, text) = answer_of(first).await;
    assert_eq!(status, 202, "{text}");
    let digest = sha256(&content);
    registry
        .put(&format!("{location}?digest={digest}"))
        .body("")
        .await
        .assert_status(201);
    let blob = registry
        .get(&format!("/v2/library/app/blobs/{digest}"))
        .await;
    blob.assert_body(&content);
}

/// Repeats a call while the upload is in other hands.
async fn once_free(call: impl AsyncFn() -> Answer) -> Answer {
    loop {
        let answer = call().await;
        if answer.status() != 416 {
            return answer;
        }
        tokio::task::yield_now().await;
    }
}

/// T40: a client that goes away in the middle leaves an upload that can be gone on with, or cancelled; cancelled, it is gone.
#[tokio::test]
async fn t40_an_upload_outlives_its_connection_and_not_its_cancelling() {
    let registry = TestRegistry::start().await;
    let content = noise(42, 1000);
    let location = registry.start_upload("library/app").await;
    drop(open_request(&registry, "PATCH", &location, &content[..400]).await);
    // What arrived is counted or not; the client asks, and goes on from there.
    let rest = async || {
        let status = registry.get(&location).await.assert_status(204);
        let (_, last) = status
            .header("range")
            .split_once('-')
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .expect("a range");
        let offset: usize = last.parse().expect("a number");
        let offset = if offset == 0 { 0 } else { offset + 1 };
        let patch = registry.patch(&location);
        patch
            .header("content-range", format!("{offset}-999"))
            .body(content.slice(offset..))
            .await
    };
    once_free(rest).await.assert_status(202);
    let digest = sha256(&content);
    registry
        .put(&format!("{location}?digest={digest}"))
        .body("")
        .await
        .assert_status(201);

    let location = registry.start_upload("library/app").await;
    drop(open_request(&registry, "PATCH", &location, &content[..400]).await);
    once_free(async || registry.delete(&location).await)
        .await
        .assert_status(204);
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        registry.request(method, &location).await.assert_status(404);
    }
    let left = std::fs::read_dir(registry.data_dir().join("uploads"));
    assert_eq!(
        left.map_or(0, Iterator::count),
        0,
        "no file of a cancelled upload is left"
    );
}

/// T40: a blob in three hundred pieces of one byte.
#[tokio::test]
async fn t40_many_small_chunks_make_a_blob() {
    let registry = TestRegistry::start().await;
    let content = noise(43, 300);
    let location = registry.start_upload("library/app").await;
    let before = registry.anonymous_memory();
    for at in 0..content.len() {
        let patch = registry
            .patch(&location)
            .header("content-range", format!("{at}-{at}"));
        let answer = patch.body(content.slice(at..=at)).await.assert_status(202);
        assert_eq!(answer.header("range"), standing(at + 1));
    }
    let grown = registry.anonymous_memory().saturating_sub(before);
    assert!(grown < 16 * 1024 * 1024, "{grown} bytes more");
    let digest = sha256(&content);
    registry
        .put(&format!("{location}?digest={digest}"))
        .body("")
        .await
        .assert_status(201);
    registry
        .get(&format!("/v2/library/app/blobs/{digest}"))
        .await
        .assert_body(&content);
}

/// T40: a body is asked for only when it will be read: who may not, or whose request cannot be, is told before sending it.
#[tokio::test]
async fn t40_nobody_is_asked_for_a_body_in_vain() {
    let registry = TestRegistry::start().await;
    let location = registry.start_upload("library/app").await;
    let expecting = |authorization: &str, start: &str, more: &str| {
        let headers =
            format!("{authorization}{more}Content-Length: 1000\r\nExpect: 100-continue\r\n");
        request(start, &headers, "")
    };
    let admin = admin_header();
    for (authorization, start, more, status) in [
        ("", format!("PATCH {location}"), "", 401),
        (
            &*admin,
            format!("PATCH {location}"),
            "Content-Range: 5-4\r\n",
            400,
        ),
        (
            &admin,
            format!("PATCH {location}"),
            "Content-Range: 5-1004\r\n",
            416,
        ),
        (
            &admin,
            format!("PATCH /v2/library/app/blobs/uploads/{}", super::NO_UPLOAD),
            "",
            404,
        ),
        (
            &admin,
            "PUT /v2/Library/app/manifests/v1".to_owned(),
            "",
            400,
        ),
        ("", "PUT /v2/library/app/manifests/v1".to_owned(), "", 401),
        (
            "",
            format!("POST /v2/library/app/blobs/uploads/?digest={}", sha256("x")),
            "",
            401,
        ),
    ] {
        let answer = registry.raw(expecting(authorization, &start, more)).await;
        let (got, text) = raw_status(&answer);
        assert_eq!(got, status, "{start} {more}: {text}");
        assert!(!text.contains("100 Continue"), "{start} {more}: {text}");
    }
}

/// T66: an upload's address holds an id and nothing that a client could change to its advantage.
#[tokio::test]
async fn t66_nothing_of_an_upload_is_in_the_hands_of_the_client() {
    let registry = TestRegistry::start().await;
    let location = registry.start_upload("library/app").await;
    let (path, id) = location.rsplit_once('/').expect("a path");
    assert_eq!(path, "/v2/library/app/blobs/uploads");
    assert_eq!(
        oci::UploadId::parse(id)
            .map(|id| id.to_string())
            .ok()
            .as_deref(),
        Some(id)
    );
    registry
        .patch(&location)
        .body("12345")
        .await
        .assert_status(202);
    // Whatever state others keep in their query: it is not looked at.
    for query in [
        "_state=eyJPZmZzZXQiOjk5OX0",
        "state=x&offset=0&hash=y",
        "uuid=00000000-0000-0000-0000-000000000000",
        "account=other&repository=library/other",
    ] {
        let status = registry.get(&format!("{location}?{query}")).await;
        assert_eq!(
            status.assert_status(204).header("range"),
            standing(5),
            "{query}"
        );
    }
    // The last digit of the id is another upload, which nobody has.
    let mut other = id.to_owned();
    let last = other.pop().expect("a digit");
    other.push(if last == '0' { '1' } else { '0' });
    let answer = registry.get(&format!("{path}/{other}")).await;
    answer.assert_error(404, "BLOB_UPLOAD_UNKNOWN");
    let digest = sha256("12345");
    let put = registry.put(&format!("{location}?digest={digest}&_state=x"));
    put.body(Bytes::new()).await.assert_status(201);
}

/// T66: hash state that was changed behind our back is no hash: the bytes are not believed.
#[tokio::test]
async fn t66_a_stored_hash_state_that_does_not_fit_is_refused() {
    let registry = TestRegistry::start().await;
    let location = registry.start_upload("library/app").await;
    registry
        .patch(&location)
        .body("12345")
        .await
        .assert_status(202);
    let setup = registry.stop();
    let changed =
        setup.sql("UPDATE uploads SET hash_state = 'ff' || substr(hash_state, 3, 40) RETURNING id");
    assert_eq!(changed.len(), 1);
    let registry = setup.start().await;
    let digest = sha256("12345");
    let put = registry.put(&format!("{location}?digest={digest}"));
    let answer = put.body("").await;
    assert!(answer.status() >= 400, "{}", answer.status());
    registry
        .head(&format!("/v2/library/app/blobs/{digest}"))
        .await
        .assert_status(404);
    registry.get("/v2/").await.assert_status(200);
}
