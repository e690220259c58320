//! One kept-alive HTTP/1.1 connection: a request goes out, its answer is read to the end.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::Target;
use super::response::{self, Chunks, Length};
use crate::bench::content::Blob;

const HEAD_BUFFER: usize = 16 << 10;
const SCRATCH: usize = 256 << 10;

thread_local! {
    /// Bodies are read here and dropped; shared, so that it stays in the processor's cache.
    static SCRATCH_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH]);
}

/// Why an exchange has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The measured time was over in the middle of a transfer; not an error.
    #[error("cut at the end of the measured time")]
    Cut,
    #[error("connection: {0}")]
    Io(#[from] io::Error),
    #[error("malformed answer: {0}")]
    Malformed(String),
    #[error("{0}")]
    Unexpected(String),
}

/// What to do with the answer's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Nothing,
    Body,
}

/// What a request carries.
#[derive(Clone, Copy)]
pub(crate) enum Payload<'a> {
    Nothing,
    Bytes(&'a [u8]),
    Blob(&'a Blob),
}

impl Payload<'_> {
    fn size(&self) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Blob(blob) => blob.size,
        }
    }
}

/// A request, its fixed part written once and sent many times.
#[derive(Clone)]
pub(crate) struct Request {
    wire: Vec<u8>,
    bodyless: bool,
}

impl Request {
    /// `headers` are whole lines without their ends; Host is added, Content-Length too for methods that carry a body.
    pub(crate) fn new(method: &str, path: &str, headers: &[String], payload: Payload<'_>) -> Self {
        let mut wire = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
        for header in headers {
            wire.push_str(header);
            wire.push_str("\r\n");
        }
        if matches!(method, "POST" | "PUT" | "PATCH") {
            let _ = write!(wire, "Content-Length: {}\r\n", payload.size());
        }
        wire.push_str("\r\n");
        Self {
            wire: wire.into_bytes(),
            bodyless: method == "HEAD",
        }
    }
}

/// An answer, its body read.
#[derive(Debug)]
pub(crate) struct Response {
    pub status: u16,
    pub location: Option<String>,
    pub challenge: Option<String>,
    pub body: Vec<u8>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// See the module.
pub(crate) struct Connection {
    stream: Stream,
    target: Target,
    buffer: Vec<u8>,
    /// Past this moment transfers are given up with [`Failure::Cut`].
    pub deadline: Option<Instant>,
    /// Body bytes read so far, given-up transfers included.
    pub received: u64,
    /// Body bytes written so far, given-up transfers included.
    pub sent: u64,
    close: bool,
}

impl Connection {
    pub(crate) async fn open(target: &Target) -> Result<Self, Failure> {
        Ok(Self {
            stream: Stream::open(target).await?,
            target: target.clone(),
            buffer: Vec::with_capacity(HEAD_BUFFER),
            deadline: None,
            received: 0,
            sent: 0,
            close: false,
        })
    }

    /// Makes a new connection in its place when the last answer or a given-up transfer ended this one.
    pub(crate) async fn renew(&mut self) -> Result<(), Failure> {
        self.stream = Stream::open(&self.target).await?;
        self.buffer.clear();
        self.close = false;
        Ok(())
    }

    pub(crate) async fn exchange(
        &mut self,
        request: &Request,
        payload: Payload<'_>,
        keep: Keep,
    ) -> Result<Response, Failure> {
        if self.close {
            self.renew().await?;
        }
        self.stream.write_all(&request.wire).await?;
        match self.send(payload).await {
            // The server may have answered before it had everything; its answer says why.
            Err(Failure::Io(_)) => self.close = true,
            other => other?,
        }
        let head = self.read_head(request.bodyless).await?;
        self.close |= head.close;
        let mut body = Vec::new();
        let kept = (keep == Keep::Body).then_some(&mut body);
        match head.length {
            Length::Exact(length) => self.read_exact(length, kept).await?,
            Length::Chunked => self.read_chunked(kept).await?,
        }
        Ok(Response {
            status: head.status,
            location: head.location,
            challenge: head.challenge,
            body,
        })
    }

    async fn send(&mut self, payload: Payload<'_>) -> Result<(), Failure> {
        match payload {
            Payload::Nothing => {}
            Payload::Bytes(bytes) => {
                self.stream.write_all(bytes).await?;
                self.sent += bytes.len() as u64;
            }
            Payload::Blob(blob) => {
                let mut offset = 0;
                while offset < blob.size {
                    self.check_deadline()?;
                    let slice = blob.slice(offset);
                    self.stream.write_all(slice).await?;
                    offset += slice.len() as u64;
                    self.sent += slice.len() as u64;
                }
            }
        }
        self.stream.flush().await?;
        Ok(())
    }

    async fn read_head(&mut self, bodyless: bool) -> Result<response::Head, Failure> {
        loop {
            if !self.buffer.is_empty()
                && let Some(head) = response::parse(&self.buffer, bodyless)?
            {
                self.buffer.drain(..head.size);
                if head.status >= 200 {
                    return Ok(head);
                }
                continue;
            }
            if self.buffer.len() >= HEAD_BUFFER {
                return Err(Failure::Malformed("a head of over 16 KiB".into()));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }

    async fn read_exact(
        &mut self,
        length: u64,
        mut kept: Option<&mut Vec<u8>>,
    ) -> Result<(), Failure> {
        let at_hand = self
            .buffer
            .len()
            .min(usize::try_from(length).unwrap_or(usize::MAX));
        if let Some(kept) = &mut kept {
            kept.extend_from_slice(&self.buffer[..at_hand]);
        }
        self.buffer.drain(..at_hand);
        self.received += at_hand as u64;
        let mut left = length - at_hand as u64;
        while left > 0 {
            self.check_deadline()?;
            let most = usize::try_from(left).unwrap_or(SCRATCH).min(SCRATCH);
            let amount = self
                .stream
                .read_scratch(most, |bytes| {
                    if let Some(kept) = &mut kept {
                        kept.extend_from_slice(bytes);
                    }
                })
                .await?;
            left -= amount as u64;
            self.received += amount as u64;
        }
        Ok(())
    }

    async fn read_chunked(&mut self, mut kept: Option<&mut Vec<u8>>) -> Result<(), Failure> {
        let mut chunks = Chunks::default();
        loop {
            let mut received = 0;
            let ended = chunks.feed(&self.buffer, |bytes| {
                received += bytes.len() as u64;
                if let Some(kept) = &mut kept {
                    kept.extend_from_slice(bytes);
                }
            })?;
            // Nothing follows a body: requests aren't pipelined.
            self.buffer.clear();
            self.received += received;
            if ended {
                return Ok(());
            }
            self.check_deadline()?;
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }

    fn check_deadline(&self) -> Result<(), Failure> {
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(Failure::Cut),
            _ => Ok(()),
        }
    }
}

impl Stream {
    async fn open(target: &Target) -> Result<Self, Failure> {
        let tcp = TcpStream::connect(target.address).await?;
        tcp.set_nodelay(true)?;
        let Some(config) = &target.tls else {
            return Ok(Self::Plain(tcp));
        };
        let connector = tokio_rustls::TlsConnector::from(config.clone());
        let name = ServerName::try_from("localhost")
            .map_err(|error| Failure::Malformed(error.to_string()))?;
        Ok(Self::Tls(Box::new(connector.connect(name, tcp).await?)))
    }

    async fn read_scratch(
        &mut self,
        most: usize,
        mut take: impl FnMut(&[u8]),
    ) -> io::Result<usize> {
        poll_fn(|context| {
            SCRATCH_BUFFER.with_borrow_mut(|scratch| {
                let mut buffer = ReadBuf::new(&mut scratch[..most]);
                std::task::ready!(Pin::new(&mut *self).poll_read(context, &mut buffer))?;
                if buffer.filled().is_empty() {
                    return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                }
                take(buffer.filled());
                Poll::Ready(Ok(buffer.filled().len()))
            })
        })
        .await
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
