use super::*;
use crate::testing::{TestFile, content};
use http_body::Body as _;
use http_body_util::BodyExt;
use rustix::fs::Advice;

async fn bytes(body: Body) -> Vec<u8> {
    body.collect().await.expect("body").to_bytes().to_vec()
}

fn source(length: usize) -> Arc<dyn FileSource> {
    Arc::new(TestFile::new(&content(length)))
}

#[tokio::test]
async fn a_file_is_read_in_pieces_with_its_length_known() {
    let source = source(1_000_003);
    for range in [0..1_000_003, 5..6, 131_071..262_145, 1_000_000..1_000_003] {
        let body = Body::file(Arc::clone(&source), range.clone());
        assert_eq!(body.size_hint().exact(), Some(range.end - range.start));
        let expected = &content(1_000_003)[usize::try_from(range.start).expect("small")..][..];
        let got = bytes(body).await;
        assert!(
            got.len() as u64 == range.end - range.start && expected.starts_with(&got),
            "{range:?}"
        );
    }
}

#[tokio::test]
async fn a_file_that_is_not_in_memory_arrives_the_same() {
    let file = TestFile::new(&content(3_000_001));
    rustix::fs::fadvise(file.file(), 0, None, Advice::DontNeed).expect("advice");
    let source: Arc<dyn FileSource> = Arc::new(file);
    assert!(bytes(Body::file(source, 0..3_000_001)).await == content(3_000_001));
}

#[tokio::test]
async fn a_file_that_is_too_short_is_an_error() {
    let body = Body::file(source(200_000), 0..300_000);
    assert!(body.collect().await.is_err());
}

#[tokio::test]
async fn an_empty_range_is_an_empty_body() {
    let body = Body::file(source(10), 4..4);
    assert!(body.is_end_stream());
    assert!(bytes(body).await.is_empty());
}

#[tokio::test]
async fn the_length_of_parts_is_exact() {
    let parts = byteranges(
        &source(500_000),
        &[0..1, 7..400_000, 499_999..500_000],
        "a/b",
        500_000,
        "xyz",
    )
    .expect("boundary");
    assert_eq!(parts.content_type, "multipart/byteranges; boundary=xyz");
    assert_eq!(parts.body.size_hint().exact(), Some(parts.length));
    let got = bytes(parts.body).await;
    assert_eq!(got.len() as u64, parts.length);
    assert!(
        got.starts_with(b"--xyz\r\nContent-Type: a/b\r\nContent-Range: bytes 0-0/500000\r\n\r\n")
    );
    assert!(got.ends_with(b"\r\n--xyz--\r\n"));
}

#[test]
fn a_boundary_that_would_break_the_header_is_refused() {
    assert!(byteranges(&source(2), &[0..1, 1..2], "a/b", 2, "x\r\ny").is_err());
}

#[tokio::test]
async fn a_stream_must_keep_to_its_announced_length() {
    let stream = |length| {
        let chunks = ["ab", "cd"].map(|text| Ok(Bytes::from(text)));
        Body::stream(futures_util::stream::iter(chunks), length)
    };
    assert_eq!(bytes(stream(Some(4))).await, b"abcd");
    assert_eq!(bytes(stream(None)).await, b"abcd");
    assert!(stream(Some(3)).collect().await.is_err());
    assert!(stream(Some(5)).collect().await.is_err());
}

#[tokio::test]
async fn a_small_body_in_memory_is_bounded_too() {
    assert_eq!(
        IncomingBody::full("12345")
            .read_to_limit(5)
            .await
            .expect("fits"),
        "12345"
    );
    let refused = IncomingBody::full("123456").read_to_limit(5).await;
    assert!(matches!(refused, Err(BodyError::TooLarge { limit: 5 })));
}

/// A stream of a range of [`content`], in small chunks.
fn streamed(range: Range<u64>) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let start = usize::try_from(range.start).expect("small");
    let end = usize::try_from(range.end).expect("small");
    let chunks: Vec<_> = content(end)[start..]
        .chunks(1000)
        .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
        .collect();
    futures_util::stream::iter(chunks)
}

#[tokio::test]
async fn parts_of_a_stream_are_the_same_as_parts_of_a_file() {
    let ranges = [0..1, 7..40_000, 49_999..50_000];
    let file = byteranges(&source(50_000), &ranges, "a/b", 50_000, "xyz").expect("boundary");
    let opened = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&opened);
    let open = move |range: Range<u64>| {
        seen.lock().expect("one thread").push(range.clone());
        std::future::ready(Ok(streamed(range)))
    };
    let stream = byteranges_of_streams(&ranges, "a/b", 50_000, "xyz", open).expect("boundary");
    assert_eq!(stream.length, file.length);
    assert_eq!(stream.content_type, file.content_type);
    assert_eq!(stream.body.size_hint().exact(), Some(file.length));
    assert!(bytes(stream.body).await == bytes(file.body).await);
    assert_eq!(*opened.lock().expect("one thread"), ranges);
}

#[tokio::test]
async fn a_part_that_cannot_be_opened_ends_the_body_with_an_error() {
    let open = |range: Range<u64>| {
        let is_first = range.start == 0;
        std::future::ready(if is_first {
            Ok(streamed(range))
        } else {
            Err(io::Error::other("the store is gone"))
        })
    };
    let ranges = [0..10, 20..30];
    let parts = byteranges_of_streams(&ranges, "a/b", 50, "xyz", open).expect("boundary");
    assert!(parts.body.collect().await.is_err());
}
