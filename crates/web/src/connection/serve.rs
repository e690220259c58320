//! From an accepted socket to its end.

use super::watchdog::{Verdict, Watchdog};
use super::{Connection, ConnectionInfo, ConnectionLimits, Exposure, Pulse};
use crate::exchange::{Handler, Site, exchange};
use crate::listener::{Lifecycle, ListenerKind, Phase};
use crate::metrics::CutReason;
use crate::proxy_protocol::{Announced, ProxyProtocol};
use crate::sendfile::Regions;
use crate::tls::Acceptor;
use crate::transport::{Socket, Transport};
use hyper::rt::{Read, Write};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::TcpStream;
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, sleep, timeout};

/// What an HTTP/2 client says first (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Largest read of an HTTP/1 body, and most that is queued of a response before it is written. With 64
/// uploads this is 4 MiB.
const HTTP1_BUFFER: usize = 64 * 1024;

/// HTTP/2: what a client may send ahead on one stream, and on all streams of a connection together.
const STREAM_WINDOW: u32 = 512 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// HTTP/2: what is queued of one response.
const STREAM_SEND_BUFFER: usize = 256 * 1024;
const MAX_FRAME: u32 = 64 * 1024;
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Streams a client may reset before they were looked at (rapid reset).
const MAX_PENDING_RESETS: usize = 20;
/// Streams we may have reset for the client's errors.
const MAX_ERROR_RESETS: usize = 1024;

/// An accepted socket and what its listener knows.
pub(crate) struct Incoming {
    pub(crate) stream: TcpStream,
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    pub(crate) exposure: Exposure,
    pub(crate) kind: ListenerKind,
    pub(crate) tls: Option<Acceptor>,
    /// Whether a header of the PROXY protocol has to come first.
    pub(crate) proxies: Option<Arc<ProxyProtocol>>,
}

/// Serves a connection until it ends, by itself or because the process does.
pub(crate) async fn serve<H: Handler>(
    incoming: Incoming,
    site: Arc<Site<H>>,
    limits: Arc<ConnectionLimits>,
    lifecycle: Arc<Lifecycle>,
) {
    let metrics = Arc::clone(&site.metrics);
    let exposure = incoming.exposure;
    metrics.connection_opened(exposure);
    let opened = {
        let mut draining = pin!(lifecycle.reaches(Phase::Draining));
        tokio::select! {
            opened = open(incoming, &site, &limits) => opened,
            // No request has arrived yet: nothing is lost.
            () = &mut draining => Err(Unopened::Quiet),
        }
    };
    match opened {
        Ok(transport) => drive_protocol(transport, site, &limits, &lifecycle).await,
        Err(Unopened::Cut(reason)) => metrics.connection_cut(reason),
        Err(Unopened::Quiet) => {}
    }
    metrics.connection_closed(exposure);
}

enum Unopened {
    Cut(CutReason),
    Quiet,
}

/// The PROXY protocol if the listener expects it, TLS, then the first bytes, which tell HTTP/1.1 from HTTP/2.
async fn open<H: Handler>(
    incoming: Incoming,
    site: &Site<H>,
    limits: &ConnectionLimits,
) -> Result<(Transport, Arc<Connection>), Unopened> {
    let Incoming {
        mut stream,
        peer,
        local,
        exposure,
        kind,
        tls,
        proxies,
    } = incoming;
    let (peer, is_secure) = match proxies {
        None => (peer, false),
        Some(proxies) => {
            let announced = proxies.read(&mut stream, peer.ip(), limits.header_read);
            match announced.await {
                Ok(Announced::Proxy) => (peer, false),
                Ok(Announced::Client { address, is_secure }) => (address, is_secure),
                Err(why) => {
                    proxies.tell(peer, local, &why);
                    return Err(Unopened::Cut(CutReason::ProxyHeader));
                }
            }
        }
    };
    let is_tls = tls.is_some();
    let (socket, prefix, shown_for) = match tls {
        None => {
            let prefix = first_bytes(&mut stream, limits.header_read).await?;
            (Socket::Plain(TokioIo::new(stream)), prefix, None)
        }
        Some(acceptor) => {
            let find = |name: Arc<str>| async move { site.handler.certificate_for(&name).await };
            let handshake = timeout(limits.tls_handshake, acceptor.accept(stream, find)).await;
            let Ok(Ok((mut stream, shown_for))) = handshake else {
                return Err(Unopened::Cut(CutReason::Handshake));
            };
            let prefix = first_bytes(&mut stream, limits.header_read).await?;
            let socket = Socket::Tls(Box::new(TokioIo::new(stream)));
            (socket, prefix, shown_for)
        }
    };
    let is_http2 = prefix.starts_with(PREFACE);
    let info = ConnectionInfo {
        peer,
        local,
        exposure,
        kind,
        is_tls,
        is_secure: is_tls || is_secure,
        is_http2,
        shown_for,
    };
    let connection = Arc::new(Connection {
        info,
        pulse: Pulse::default(),
        regions: Regions::default(),
        metrics: Arc::clone(&site.metrics),
        body_idle: limits.body_idle,
    });
    Ok((
        Transport::new(socket, Arc::clone(&connection), prefix),
        connection,
    ))
}

/// Reads until it is certain whether an HTTP/2 preface comes.
async fn first_bytes<S: AsyncRead + Unpin>(
    stream: &mut S,
    limit: Duration,
) -> Result<Vec<u8>, Unopened> {
    let read = async {
        let mut bytes = Vec::with_capacity(2048);
        loop {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let common = bytes.len().min(PREFACE.len());
            if bytes[..common] != PREFACE[..common] || common == PREFACE.len() {
                return Ok::<_, io::Error>(bytes);
            }
        }
    };
    match timeout(limit, read).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(Unopened::Quiet),
        Err(_) => Err(Unopened::Cut(CutReason::HeaderTimeout)),
    }
}

async fn drive_protocol<H: Handler>(
    (transport, connection): (Transport, Arc<Connection>),
    site: Arc<Site<H>>,
    limits: &ConnectionLimits,
    lifecycle: &Lifecycle,
) {
    let service = {
        let connection = Arc::clone(&connection);
        service_fn(move |request| {
            let (site, connection) = (Arc::clone(&site), Arc::clone(&connection));
            async move { Ok::<_, Infallible>(exchange(&site, &connection, request).await) }
        })
    };
    let watchdog = Watchdog::new(limits, connection.info.is_http2);
    let ended = if connection.info.is_http2 {
        let served = http2_builder(limits).serve_connection(transport, service);
        drive(served, &connection, watchdog, lifecycle).await
    } else {
        let served = http1_builder(limits).serve_connection(transport, service);
        drive(served, &connection, watchdog, lifecycle).await
    };
    if let Some(reason) = ended {
        connection.metrics.connection_cut(reason);
    }
}

fn http1_builder(limits: &ConnectionLimits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .keep_alive(true)
        .half_close(false)
        .max_buf_size(HTTP1_BUFFER.max(limits.max_header_bytes as usize))
        .max_header_size(limits.max_header_bytes as usize)
        // The watchdog keeps the time.
        .header_read_timeout(None)
        // Queue bodies by pointer: sendfile and TLS both want that. Never `pipeline_flush`: it copies.
        .writev(true);
    builder
}

fn http2_builder(limits: &ConnectionLimits) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(MAX_FRAME)
        .max_send_buf_size(STREAM_SEND_BUFFER)
        .max_concurrent_streams(limits.max_streams)
        .max_header_list_size(limits.max_header_bytes)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_local_error_reset_streams(MAX_ERROR_RESETS)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

/// A connection of either protocol version.
trait Served: Future {
    /// Answers what was asked, and no more.
    fn finish(self: Pin<&mut Self>);
}

impl<I, S> Served for http1::Connection<I, S>
where
    Self: Future,
    S: hyper::service::HttpService<hyper::body::Incoming>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: Read + Write + Unpin,
    S::ResBody: http_body::Body + 'static,
    <S::ResBody as http_body::Body>::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S, B> Served for http2::Connection<I, S, TokioExecutor>
where
    Self: Future,
    S: hyper::service::HttpService<hyper::body::Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: Read + Write + Unpin,
    B: http_body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    TokioExecutor: hyper::rt::bounds::Http2ServerConnExec<S::Future, B>,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// Polls the connection; looks at the watchdog and the process's life beside it. Both wake the task when
/// they change, so a poll caused by the socket only loads their state.
async fn drive<C: Served>(
    served: C,
    connection: &Connection,
    mut watchdog: Watchdog,
    lifecycle: &Lifecycle,
) -> Option<CutReason> {
    let mut served = pin!(served);
    let mut changed = pin!(lifecycle.changes());
    let mut timer = pin!(sleep(watchdog.tick()));
    let mut known = Phase::Serving;
    let mut is_armed = false;
    poll_fn(|context| {
        loop {
            if served.as_mut().poll(context).is_ready() {
                return Poll::Ready(None);
            }
            if !is_armed {
                is_armed = true;
                changed.as_mut().enable();
                // Outside of the task's budget: a poll refused for want of it would register nothing.
                let _ = pin!(unconstrained(changed.as_mut())).poll(context);
                let _ = pin!(unconstrained(timer.as_mut())).poll(context);
            }
            let phase = lifecycle.phase();
            if phase != known {
                known = phase;
                if phase == Phase::Ended {
                    return Poll::Ready(Some(CutReason::Drain));
                }
                changed.set(lifecycle.changes());
                is_armed = false;
                served.as_mut().finish();
                continue;
            }
            if !timer.is_elapsed() {
                return Poll::Pending;
            }
            let verdict = watchdog.look(&connection.pulse);
            timer.as_mut().reset(Instant::now() + watchdog.tick());
            is_armed = false;
            match verdict {
                Verdict::Keep => {}
                Verdict::Finish => served.as_mut().finish(),
                Verdict::Close => return Poll::Ready(None),
                Verdict::Cut(reason) => return Poll::Ready(Some(reason)),
            }
        }
    })
    .await
}
