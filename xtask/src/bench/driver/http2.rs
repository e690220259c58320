//! HTTP/2 over TLS: a few connections, each with a number of requests always in flight.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;

use super::{Failure, Tally, Target};

/// The same GET, again and again.
pub(crate) struct Get {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub connections: usize,
    pub streams: usize,
    pub duration: Duration,
}

/// Opens the connections, calls `begin`, runs, and returns `begin`'s result with all counts.
pub(crate) fn run<M>(target: &Target, get: &Get, begin: impl FnOnce() -> M) -> Result<(Tally, M)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let mut senders = Vec::new();
        for _ in 0..get.connections {
            senders.push(
                connect(target)
                    .await
                    .context("cannot open an HTTP/2 connection")?,
            );
        }
        let begun = begin();
        let deadline = Instant::now() + get.duration;
        let request = Arc::new(template(get)?);
        let tasks: Vec<_> = senders
            .iter()
            .flat_map(|sender| std::iter::repeat_n(sender, get.streams))
            .map(|sender| {
                let (sender, request) = (sender.clone(), Arc::clone(&request));
                tokio::task::spawn_local(async move { follow(sender, &request, deadline).await })
            })
            .collect();
        let mut total = Tally::default();
        for task in tasks {
            total.merge(task.await?);
        }
        Ok((total, begun))
    })
}

async fn connect(target: &Target) -> Result<SendRequest<Empty<Bytes>>> {
    let tcp = TcpStream::connect(target.address).await?;
    tcp.set_nodelay(true)?;
    let mut config = (**target.tls.as_ref().context("HTTP/2 is measured over TLS")?).clone();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = connector
        .connect(ServerName::try_from("localhost")?, tcp)
        .await?;
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        .handshake(TokioIo::new(stream))
        .await?;
    tokio::spawn(connection);
    Ok(sender)
}

fn template(get: &Get) -> Result<http::Request<()>> {
    let mut request = http::Request::get(format!("https://localhost{}", get.path));
    for (name, value) in &get.headers {
        request = request.header(name, value);
    }
    Ok(request.body(())?)
}

async fn follow(
    mut sender: SendRequest<Empty<Bytes>>,
    request: &http::Request<()>,
    deadline: Instant,
) -> Tally {
    let mut tally = Tally::default();
    loop {
        let begin = Instant::now();
        if begin >= deadline || tally.failed >= 20 {
            return tally;
        }
        match exchange(&mut sender, request, &mut tally).await {
            Ok(()) => {
                tally.iterations += 1;
                tally.latency.record(begin.elapsed());
            }
            Err(failure) => tally.record_failure(&failure),
        }
    }
}

async fn exchange(
    sender: &mut SendRequest<Empty<Bytes>>,
    request: &http::Request<()>,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let broken = |error: hyper::Error| Failure::Unexpected(format!("HTTP/2: {error}"));
    let mut response = sender
        .send_request(request.clone().map(|()| Empty::new()))
        .await
        .map_err(broken)?;
    while let Some(frame) = response.frame().await {
        if let Some(data) = frame.map_err(broken)?.data_ref() {
            tally.received += data.len() as u64;
        }
    }
    tally.expect(request.uri().path(), response.status().as_u16(), 200)
}
