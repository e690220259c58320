use crate::testing::{Setup, TestFile, announced, ask, content, read_head, status_of};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LENGTH: usize = 5_000_017;

fn expected_parts(body: &[u8]) -> Vec<u8> {
    let mut expected = Vec::new();
    for (start, end, lead) in [
        (0, 10, ""),
        (100_000, LENGTH - 1, "\r\n"),
        (LENGTH - 1, LENGTH, "\r\n"),
    ] {
        let head = format!(
            "{lead}--B\r\nContent-Type: text/plain\r\nContent-Range: bytes {start}-{}/{LENGTH}\r\n\r\n",
            end - 1
        );
        expected.extend_from_slice(head.as_bytes());
        expected.extend_from_slice(&body[start..end]);
    }
    expected.extend_from_slice(b"\r\n--B--\r\n");
    expected
}

#[tokio::test]
async fn a_file_leaves_by_sendfile_and_not_through_its_mapping() {
    let mut setup = Setup::new(0);
    setup.length = LENGTH;
    setup.file = TestFile::with_mapping(&content(LENGTH), Bytes::from(vec![0; LENGTH]));
    let running = setup.start();
    let reply = running.get("/file").await;
    assert_eq!(reply.status, 200);
    assert!(reply.body == content(LENGTH));
}

#[tokio::test]
async fn files_ranges_and_parts_arrive_byte_for_byte_on_one_connection() {
    let running = Setup::new(LENGTH).start();
    let body = content(LENGTH);
    let mut stream = running.connect().await;
    for _ in 0..3 {
        for (path, expected) in [
            ("/file", body.clone()),
            ("/small", b"hello".to_vec()),
            ("/range", body[70_001..LENGTH - 3].to_vec()),
            ("/parts", expected_parts(&body)),
            ("/empty", Vec::new()),
        ] {
            let reply = ask(
                &mut stream,
                &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"),
            )
            .await;
            assert!(reply.body == expected, "{path}: {}", reply.head);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_readers_get_every_byte() {
    let running = Setup::new(LENGTH).start();
    let body = content(LENGTH);
    let running = &running;
    let readers: Vec<_> = ["/file", "/parts", "/range", "/file"]
        .into_iter()
        .map(|path| async move {
            let mut stream = running.connect_small().await;
            let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
            stream.write_all(request.as_bytes()).await.expect("write");
            let (_, headers) = read_head(&mut stream).await.expect("head");
            let mut got = Vec::new();
            let mut piece = vec![0; 5000];
            while got.len() < announced(&headers) {
                let read = stream.read(&mut piece).await.expect("read");
                assert!(read > 0, "{path} ended after {}", got.len());
                got.extend_from_slice(&piece[..read]);
                tokio::task::yield_now().await;
            }
            (path, got)
        })
        .collect();
    for (path, got) in futures_util::future::join_all(readers).await {
        let expected = match path {
            "/file" => body.clone(),
            "/range" => body[70_001..LENGTH - 3].to_vec(),
            _ => expected_parts(&body),
        };
        assert!(got == expected, "{path}");
    }
}

#[tokio::test]
async fn requests_sent_ahead_are_answered_in_order() {
    let running = Setup::new(LENGTH).start();
    let mut stream = running.connect().await;
    let ahead = "GET /file HTTP/1.1\r\nHost: x\r\n\r\nGET /small HTTP/1.1\r\nHost: x\r\n\r\n"
        .repeat(2)
        + "GET /range HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(ahead.as_bytes()).await.expect("write");
    let body = content(LENGTH);
    for expected in [
        &body[..],
        b"hello",
        &body[..],
        b"hello",
        &body[70_001..LENGTH - 3],
    ] {
        let (head, headers) = read_head(&mut stream).await.expect("head");
        assert_eq!(
            (status_of(&head), announced(&headers)),
            (200, expected.len())
        );
        let mut got = vec![0; expected.len()];
        stream.read_exact(&mut got).await.expect("body");
        assert!(got == expected);
    }
    assert_eq!(stream.read(&mut [0]).await.expect("end"), 0);
}

#[tokio::test]
async fn head_announces_what_get_would_send() {
    let running = Setup::new(LENGTH).start();
    let mut stream = running.connect().await;
    for path in ["/file", "/parts", "/small", "/empty"] {
        let head = ask(
            &mut stream,
            &format!("HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n"),
        )
        .await;
        let get = ask(
            &mut stream,
            &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"),
        )
        .await;
        assert_eq!(
            head.headers["content-length"], get.headers["content-length"],
            "{path}"
        );
        assert_eq!(
            head.headers.get("content-type"),
            get.headers.get("content-type"),
            "{path}"
        );
        assert_eq!(head.status, get.status);
    }
}

#[tokio::test]
async fn a_file_that_lost_its_end_ends_the_connection() {
    let mut setup = Setup::new(0);
    setup.length = LENGTH;
    setup.file = TestFile::with_mapping(&content(LENGTH / 2), Bytes::from(content(LENGTH)));
    let running = setup.start();
    let mut stream = running.connect().await;
    stream
        .write_all(b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .expect("write");
    let (_, headers) = read_head(&mut stream).await.expect("head");
    assert_eq!(announced(&headers), LENGTH);
    let mut got = Vec::new();
    // A reset is as good an end as any.
    let _ = stream.read_to_end(&mut got).await;
    assert!(got.len() <= LENGTH / 2);
    assert!(got == content(LENGTH)[..got.len()]);
    assert_eq!(running.get("/small").await.text(), "hello");
}
