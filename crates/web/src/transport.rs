//! The byte stream under hyper: a plain or TLS socket that knows how it is doing.

use crate::connection::Connection;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// Bytes written before the worker gets to look after other connections.
const TURN: usize = 8 << 20;

/// Most that is read and thrown away when a connection ends with a request body unread.
const LINGER_BYTES: usize = 64 << 20;

/// The socket of a connection.
pub(crate) enum Socket {
    /// Without TLS.
    Plain(TokioIo<TcpStream>),
    /// With TLS.
    Tls(Box<TokioIo<TlsStream<TcpStream>>>),
}

/// What hyper reads from and writes to.
pub(crate) struct Transport {
    socket: Socket,
    connection: Arc<Connection>,
    /// What was read to find out the protocol.
    prefix: Vec<u8>,
    taken: usize,
    /// Written since the last time the worker was given back.
    turn: usize,
    closing: Closing,
}

enum Closing {
    Open,
    Lingering { left: usize },
}

impl Transport {
    pub(crate) fn new(socket: Socket, connection: Arc<Connection>, prefix: Vec<u8>) -> Self {
        Self {
            socket,
            connection,
            prefix,
            taken: 0,
            turn: 0,
            closing: Closing::Open,
        }
    }

    /// Keeps the connection's account of writes, which the watchdog reads.
    fn note(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Pending => {
                self.turn = 0;
                self.connection.pulse.write_blocked();
            }
            Poll::Ready(Ok(count)) => {
                self.turn += count;
                self.connection.pulse.wrote(*count);
            }
            Poll::Ready(Err(_)) => {}
        }
        written
    }

    /// A fast reader could keep one worker busy for ever: after a while let others run.
    fn is_turn_over(&mut self, context: &mut Context<'_>) -> bool {
        if self.turn < TURN {
            return false;
        }
        self.turn = 0;
        // Waking the task at once would also wake an idle worker, which steals it: a change of core for each turn.
        pin!(tokio::task::yield_now()).poll(context).is_pending()
    }

    fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.socket {
            Socket::Plain(stream) if self.connection.regions.is_empty() => {
                Pin::new(stream).poll_write_vectored(context, slices)
            }
            Socket::Plain(stream) => {
                let stream = stream.inner();
                loop {
                    ready!(stream.poll_write_ready(context))?;
                    let regions = &self.connection.regions;
                    match stream.try_io(Interest::WRITABLE, || regions.send(stream, slices)) {
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        sent => return Poll::Ready(sent),
                    }
                }
            }
            Socket::Tls(stream) => Pin::new(stream.as_mut()).poll_write_vectored(context, slices),
        }
    }

    fn tcp(&mut self) -> &mut TcpStream {
        match &mut self.socket {
            Socket::Plain(stream) => stream.inner_mut(),
            Socket::Tls(stream) => stream.inner_mut().get_mut().0,
        }
    }

    /// Closing a socket with unread input resets it, and the client would lose the answer that says why
    /// its body was not wanted: so read on for a while. The watchdog bounds the time.
    fn poll_linger(&mut self, context: &mut Context<'_>, left: usize) -> Poll<io::Result<()>> {
        let mut left = left;
        let mut space = [0; 8192];
        while left > 0 {
            let mut buffer = ReadBuf::new(&mut space);
            let polled = Pin::new(self.tcp()).poll_read(context, &mut buffer);
            let read = buffer.filled().len();
            left = left.saturating_sub(read);
            self.closing = Closing::Lingering { left };
            match polled {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if read > 0 => {}
                Poll::Ready(_) => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Read for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.taken < this.prefix.len() {
            let rest = &this.prefix[this.taken..];
            let count = rest.len().min(buffer.remaining());
            buffer.put_slice(&rest[..count]);
            this.taken += count;
            if this.taken == this.prefix.len() {
                this.prefix = Vec::new();
                this.taken = 0;
            }
            this.connection.pulse.read();
            return Poll::Ready(Ok(()));
        }
        let polled = match &mut this.socket {
            Socket::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Socket::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, buffer),
        };
        if polled.is_ready() {
            this.connection.pulse.read();
        }
        polled
    }
}

impl Write for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.is_turn_over(context) {
            return Poll::Pending;
        }
        let sent = this.poll_send(context, slices);
        this.note(sent)
    }

    /// Makes hyper queue body bytes by pointer instead of copying them together.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Socket::Tls(stream) = &mut this.socket else {
            return Poll::Ready(Ok(()));
        };
        let flushed = Pin::new(stream.as_mut()).poll_flush(context);
        match &flushed {
            Poll::Pending => this.connection.pulse.write_blocked(),
            Poll::Ready(_) => this.connection.pulse.wrote(0),
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Closing::Lingering { left } = this.closing {
            return this.poll_linger(context, left);
        }
        let shut = match &mut this.socket {
            Socket::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Socket::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
        };
        ready!(shut)?;
        if !this.connection.pulse.has_unread_body() {
            return Poll::Ready(Ok(()));
        }
        this.connection.pulse.lingers();
        this.closing = Closing::Lingering { left: LINGER_BYTES };
        this.poll_linger(context, LINGER_BYTES)
    }
}
