use super::*;
use crate::testing::{Running, Setup, announced, ask, content, read_head, status_of};
use http::Request;
use http_body_util::{BodyExt, Empty, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SOON: Duration = Duration::from_millis(40);

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
}

async fn metric(running: &Running, start: &str) -> Option<String> {
    let mut stream = TcpStream::connect(running.metrics_address)
        .await
        .expect("connect");
    let reply = ask(&mut stream, &get("/metrics")).await;
    reply
        .text()
        .lines()
        .find(|line| line.starts_with(start))
        .map(str::to_owned)
}

#[tokio::test]
async fn every_response_carries_its_id_and_the_security_headers() {
    let running = Setup::new(10).start();
    let mut stream = running.connect().await;
    let reply = ask(
        &mut stream,
        "GET /v2/ HTTP/1.1\r\nHost: x\r\nX-Request-Id: mine-1\r\n\r\n",
    )
    .await;
    assert_eq!(reply.headers["x-request-id"], "mine-1");
    assert_eq!(reply.headers["x-content-type-options"], "nosniff");
    assert_eq!(
        reply.headers["docker-distribution-api-version"],
        "registry/2.0"
    );
    let reply = ask(
        &mut stream,
        "GET /nothing HTTP/1.1\r\nHost: x\r\nX-Request-Id: a b\r\n\r\n",
    )
    .await;
    assert_eq!(reply.status, 404);
    assert!(
        reply.headers["x-request-id"]
            .as_bytes()
            .starts_with(b"test-")
    );
    assert!(
        !reply
            .headers
            .contains_key("docker-distribution-api-version")
    );
    assert_eq!(reply.headers["x-content-type-options"], "nosniff");
}

#[tokio::test]
async fn a_panic_answers_500_and_the_connection_lives() {
    let running = Setup::new(10).start();
    let mut stream = running.connect().await;
    let reply = ask(&mut stream, &get("/panic")).await;
    assert_eq!(reply.status, 500);
    let error: serde_json::Value = serde_json::from_slice(&reply.body).expect("json");
    assert_eq!(error["errors"][0]["code"], "UNKNOWN");
    let id = reply.headers["x-request-id"].to_str().expect("id");
    assert!(
        error["errors"][0]["message"]
            .as_str()
            .is_some_and(|text| text.contains(id))
    );
    assert_eq!(ask(&mut stream, &get("/small")).await.text(), "hello");
}

#[tokio::test]
async fn a_body_announced_too_large_is_refused_before_it_is_read() {
    let running = Setup::new(10).start();
    let mut stream = running.connect().await;
    let request = "PUT /limited HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("write");
    // Not "100 Continue".
    let (head, _) = read_head(&mut stream).await.expect("head");
    assert_eq!(status_of(&head), 413);
}

#[tokio::test]
async fn an_endless_chunked_body_is_refused_and_the_answer_arrives() {
    let mut setup = Setup::new(10);
    setup.limits.linger = Duration::from_secs(20);
    let running = setup.start();
    let (mut read, mut write) = running.connect().await.into_split();
    let head = "PUT /limited HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    write.write_all(head.as_bytes()).await.expect("write");
    let sending = tokio::spawn(async move {
        let chunk = [b"1000\r\n".as_slice(), &[7; 0x1000], b"\r\n"].concat();
        // Far more than the sockets buffer: without lingering the connection would be reset.
        for _ in 0..5000 {
            if write.write_all(&chunk).await.is_err() {
                return false;
            }
        }
        true
    });
    let (head, headers) = read_head(&mut read).await.expect("head");
    assert_eq!(status_of(&head), 413);
    let mut body = vec![0; announced(&headers)];
    read.read_exact(&mut body).await.expect("body");
    assert!(
        sending.await.expect("sender"),
        "the connection was reset while the client was sending"
    );
}

#[tokio::test]
async fn bodies_arrive_whole_announced_or_chunked() {
    let running = Setup::new(10).start();
    let body = content(2_000_003);
    let sum: u64 = body.iter().map(|byte| u64::from(*byte)).sum();
    let mut stream = running.connect().await;
    let head = format!(
        "PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("write");
    stream.write_all(&body).await.expect("write");
    let reply = ask(&mut stream, "").await;
    assert_eq!(reply.text(), format!("2000003 {sum}"));
    stream
        .write_all(b"PUT /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await
        .expect("write");
    for chunk in body.chunks(77_777) {
        stream
            .write_all(format!("{:x}\r\n", chunk.len()).as_bytes())
            .await
            .expect("write");
        stream.write_all(chunk).await.expect("write");
        stream.write_all(b"\r\n").await.expect("write");
    }
    let reply = ask(&mut stream, "0\r\n\r\n").await;
    assert_eq!(reply.text(), format!("2000003 {sum}"));
    let received = metric(
        &running,
        "roadstead_http_received_bytes_total{exposure=\"public\"}",
    )
    .await;
    assert_eq!(
        received.as_deref(),
        Some("roadstead_http_received_bytes_total{exposure=\"public\"} 4000006")
    );
}

#[tokio::test]
async fn requests_that_could_be_smuggled_are_refused() {
    let running = Setup::new(10).start();
    let smuggled = "GET /small HTTP/1.1\r\nHost: x\r\n\r\n";
    for request in [
        format!("PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\n{smuggled}"),
        format!(
            "PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{smuggled}"
        ),
        format!("PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 6\r\n\r\n{smuggled}"),
        format!("PUT /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n{smuggled}"),
        format!(
            "PUT /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n{smuggled}"
        ),
        format!(
            "PUT /upload HTTP/1.1\r\nHost: x\r\nX-Folded: a\r\n b\r\nContent-Length: 0\r\n\r\n{smuggled}"
        ),
        format!("PUT /upload HTTP/1.1\nHost: x\r\nX: a\0b\r\n\r\n{smuggled}"),
    ] {
        let mut stream = running.connect().await;
        stream.write_all(request.as_bytes()).await.expect("write");
        let mut answers = String::new();
        let _ = stream.read_to_string(&mut answers).await;
        assert!(
            answers.starts_with("HTTP/1.1 400") || answers.is_empty(),
            "{request}\n{answers}"
        );
        assert!(!answers.contains("hello"), "{request}\n{answers}");
    }
}

#[tokio::test]
async fn length_and_chunks_together_never_leave_a_second_request() {
    let running = Setup::new(10).start();
    let mut stream = running.connect().await;
    // RFC 9112, 6.1: refuse, or take the chunks and close the connection.
    let both = "PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    stream
        .write_all((both.to_owned() + &get("/small")).as_bytes())
        .await
        .expect("write");
    let mut answers = String::new();
    let _ = stream.read_to_string(&mut answers).await;
    assert!(!answers.contains("hello"), "{answers}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let running = Setup::new(10).start();
    let mut stream = running.connect().await;
    let request = format!(
        "GET /small HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n",
        "a".repeat(40_000)
    );
    stream.write_all(request.as_bytes()).await.expect("write");
    let (head, _) = read_head(&mut stream).await.expect("head");
    assert_eq!(status_of(&head), 431);
    let many = "X-Many: a\r\n".repeat(200);
    let mut stream = running.connect().await;
    stream
        .write_all(format!("GET /small HTTP/1.1\r\nHost: x\r\n{many}\r\n").as_bytes())
        .await
        .expect("write");
    let (head, _) = read_head(&mut stream).await.expect("head");
    assert_eq!(status_of(&head), 431);
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut() {
    let mut setup = Setup::new(10);
    // Also bounds the time to the first byte, which a busy machine must not miss.
    setup.limits.header_read = Duration::from_millis(500);
    let running = setup.start();
    // In the first request, and after one.
    for before in ["", "GET /small HTTP/1.1\r\nHost: x\r\n\r\n"] {
        let mut stream = running.connect().await;
        if !before.is_empty() {
            ask(&mut stream, before).await;
        }
        stream
            .write_all(b"GET /small HTTP/1.1\r\nHost: ")
            .await
            .expect("write");
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        assert_eq!(rest, b"");
    }
    let cut = "roadstead_http_connections_cut_total{reason=\"header_timeout\"}";
    assert_eq!(metric(&running, cut).await, Some(format!("{cut} 2")));
}

#[tokio::test]
async fn a_connection_without_requests_is_closed() {
    let mut setup = Setup::new(10);
    setup.limits.keep_alive = SOON;
    let running = setup.start();
    let mut stream = running.connect().await;
    assert_eq!(ask(&mut stream, &get("/small")).await.text(), "hello");
    assert_eq!(stream.read(&mut [0]).await.expect("closed"), 0);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut() {
    let mut setup = Setup::new(64 << 20);
    setup.limits.write_stall = SOON;
    let running = setup.start();
    let mut stream = running.connect_small().await;
    stream
        .write_all(get("/file").as_bytes())
        .await
        .expect("write");
    let cut = "roadstead_http_connections_cut_total{reason=\"write_stall\"}";
    while metric(&running, cut).await != Some(format!("{cut} 1")) {
        tokio::task::yield_now().await;
    }
    let mut got = Vec::new();
    let _ = stream.read_to_end(&mut got).await;
    assert!(got.len() < 64 << 20);
}

#[tokio::test]
async fn a_body_that_pauses_too_long_is_refused() {
    let mut setup = Setup::new(10);
    setup.limits.body_idle = SOON;
    let running = setup.start();
    let mut stream = running.connect().await;
    let request = "PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345";
    assert_eq!(ask(&mut stream, request).await.status, 408);
}

#[tokio::test]
async fn http2_without_tls_works_by_prior_knowledge() {
    let running = Setup::new(1_000_000).start();
    let stream = running.connect().await;
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("http2");
    tokio::spawn(connection);
    let uri = format!("http://{}/upload", running.address);
    let body = content(700_001);
    let sum: u64 = body.iter().map(|byte| u64::from(*byte)).sum();
    let request = Request::put(&uri)
        .body(Full::new(bytes::Bytes::from(body)))
        .expect("request");
    let response = sender.send_request(request).await.expect("response");
    let text = response
        .into_body()
        .collect()
        .await
        .expect("body")
        .to_bytes();
    assert_eq!(text, format!("700001 {sum}"));
    let uri = format!("http://{}/parts", running.address);
    let request = Request::get(&uri).body(Full::default()).expect("request");
    let response = sender.send_request(request).await.expect("response");
    let length = announced(response.headers());
    assert_eq!(
        response
            .into_body()
            .collect()
            .await
            .expect("body")
            .to_bytes()
            .len(),
        length
    );
}

#[tokio::test]
async fn an_http2_client_that_opens_no_window_is_cut() {
    let mut setup = Setup::new(4 << 20);
    setup.limits.write_stall = SOON;
    let running = setup.start();
    let stream = running.connect().await;
    let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(70_000);
    let (mut sender, connection) = builder
        .handshake::<_, Empty<bytes::Bytes>>(TokioIo::new(stream))
        .await
        .expect("http2");
    tokio::spawn(connection);
    let uri = format!("http://{}/file", running.address);
    let request = Request::get(&uri).body(Empty::new()).expect("request");
    let response = sender.send_request(request).await.expect("response");
    let cut = "roadstead_http_connections_cut_total{reason=\"write_stall\"}";
    while metric(&running, cut).await != Some(format!("{cut} 1")) {
        tokio::task::yield_now().await;
    }
    assert!(response.into_body().collect().await.is_err());
}

#[tokio::test]
async fn draining_finishes_a_download_and_takes_no_one_new() {
    let running = Setup::new(20_000_000).start();
    let mut stream = running.connect_small().await;
    stream
        .write_all(get("/file").as_bytes())
        .await
        .expect("write");
    let (_, headers) = read_head(&mut stream).await.expect("head");
    let mut idle = running.connect().await;
    assert_eq!(ask(&mut idle, &get("/small")).await.text(), "hello");
    let address = running.address;
    let plan = DrainPlan {
        announce: Duration::ZERO,
        finish: Duration::from_mins(1),
    };
    let draining = tokio::spawn(running.server.drain(plan));
    // An idle connection is closed at once; by then the listeners are closed as well.
    assert_eq!(idle.read(&mut [0]).await.expect("closed"), 0);
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let mut got = vec![0; announced(&headers)];
    stream.read_exact(&mut got).await.expect("the rest");
    assert!(got == content(20_000_000));
    assert_eq!(stream.read(&mut [0]).await.expect("closed"), 0);
    assert_eq!(draining.await.expect("drain"), Drained { cut: 0 });
}

#[tokio::test]
async fn draining_lets_a_request_be_answered_and_says_so_in_readyz() {
    let running = Setup::new(10).start();
    let ready = running.get("/readyz").await;
    assert_eq!((ready.status, ready.text()), (200, r#"{"status":"ready"}"#));
    let mut stream = running.connect().await;
    stream
        .write_all(get("/wait").as_bytes())
        .await
        .expect("write");
    running.site.handler.arrived.notified().await;
    let Running {
        site,
        server,
        address,
        ..
    } = running;
    let plan = DrainPlan {
        announce: Duration::from_secs(2),
        finish: Duration::from_mins(1),
    };
    let draining = tokio::spawn(server.drain(plan));
    loop {
        // While it is announced, requests are still answered.
        let mut probe = TcpStream::connect(address).await.expect("connect");
        let reply = ask(&mut probe, &get("/readyz")).await;
        if reply.status == 503 {
            assert_eq!(reply.text(), r#"{"status":"draining"}"#);
            assert_eq!(ask(&mut probe, &get("/livez")).await.status, 200);
            break;
        }
    }
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    site.handler.go_on.notify_one();
    let reply = ask(&mut stream, "").await;
    assert_eq!((reply.status, reply.text()), (200, "waited"));
    assert_eq!(reply.headers["connection"], "close");
    assert_eq!(draining.await.expect("drain"), Drained { cut: 0 });
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut() {
    let running = Setup::new(10).start();
    let mut stream = running.connect().await;
    stream
        .write_all(get("/wait").as_bytes())
        .await
        .expect("write");
    running.site.handler.arrived.notified().await;
    let plan = DrainPlan {
        announce: Duration::ZERO,
        finish: SOON,
    };
    assert_eq!(running.server.drain(plan).await, Drained { cut: 1 });
    assert_eq!(stream.read(&mut [0]).await.expect("closed"), 0);
    let text = running.site.metrics.render().expect("render");
    assert!(
        text.contains("endpoint=\"unknown\",status=\"cancelled\"} 1"),
        "{text}"
    );
}

#[tokio::test]
async fn metrics_are_on_their_own_listener_only() {
    let running = Setup::new(10).start();
    assert_eq!(running.get("/metrics").await.status, 404);
    running.get("/small").await;
    let mut stream = TcpStream::connect(running.metrics_address)
        .await
        .expect("connect");
    let reply = ask(&mut stream, &get("/metrics")).await;
    assert!(
        reply.headers["content-type"]
            .as_bytes()
            .starts_with(b"application/openmetrics-text")
    );
    let line =
        "roadstead_http_requests_total{exposure=\"public\",endpoint=\"test\",status=\"200\"} 1";
    assert!(
        reply.text().lines().any(|found| found == line),
        "{}",
        reply.text()
    );
    assert_eq!(ask(&mut stream, &get("/small")).await.status, 404);
    assert_eq!(ask(&mut stream, &get("/readyz")).await.status, 200);
}

#[tokio::test]
async fn forwarded_addresses_count_only_from_configured_proxies() {
    let request = "GET /who HTTP/1.1\r\nHost: inner\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: outer\r\n\r\n";
    let plain = Setup::new(10).start();
    assert_eq!(
        ask(&mut plain.connect().await, request).await.text(),
        "127.0.0.1 false inner"
    );
    let mut setup = Setup::new(10);
    setup.forwarding.trusted = vec!["127.0.0.0/8".parse().expect("network")];
    let proxied = setup.start();
    assert_eq!(
        ask(&mut proxied.connect().await, request).await.text(),
        "192.0.2.7 true outer"
    );
}

#[tokio::test]
async fn more_connections_than_allowed_wait_for_their_turn() {
    let mut setup = Setup::new(10);
    setup.limits.max_connections = 1;
    let running = setup.start();
    let mut first = running.connect().await;
    assert_eq!(ask(&mut first, &get("/small")).await.text(), "hello");
    let mut second = running.connect().await;
    second
        .write_all(get("/small").as_bytes())
        .await
        .expect("write");
    assert_eq!(ask(&mut first, &get("/small")).await.text(), "hello");
    drop(first);
    assert_eq!(ask(&mut second, "").await.text(), "hello");
}

#[tokio::test]
async fn a_taken_address_is_explained() {
    let running = Setup::new(10).start();
    let config = ListenerConfig {
        address: running.address,
        exposure: Exposure::Public,
        kind: ListenerKind::Registry,
        certificates: None,
        proxies: None,
    };
    let error = Listeners::bind(vec![config])
        .err()
        .expect("taken")
        .to_string();
    assert!(error.contains(&running.address.to_string()), "{error}");
    assert!(error.contains("another program listens there"), "{error}");
}

#[test]
fn plain_http_is_for_loopback_unless_allowed() {
    let config = |address: &str| ListenerConfig {
        address: address.parse().expect("address"),
        exposure: Exposure::Public,
        kind: ListenerKind::Registry,
        certificates: None,
        proxies: None,
    };
    for address in [
        "127.0.0.1:1",
        "127.9.9.9:1",
        "[::1]:1",
        "[::ffff:127.0.0.1]:1",
    ] {
        assert_eq!(
            check_plain_http(&config(address), false),
            Ok(()),
            "{address}"
        );
    }
    for address in ["0.0.0.0:1", "[::]:1", "192.0.2.1:1"] {
        assert!(
            check_plain_http(&config(address), false).is_err(),
            "{address}"
        );
        assert_eq!(
            check_plain_http(&config(address), true),
            Ok(()),
            "{address}"
        );
    }
}
