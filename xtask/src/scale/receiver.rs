//! Receivers of events on this machine: over HTTP and HTTPS, of syslog over TCP, and one that never answers. They can be
//! out of order for a while.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use rustix::net::sockopt;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::PrivateKeyDer;

/// Connections at a time, and bytes of one message.
const MOST_CONNECTIONS: usize = 256;
const MOST_BYTES: usize = 8 << 20;
const PATIENCE: Duration = Duration::from_mins(10);

/// What a receiver does with what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// It answers each request with 200.
    Answers,
    /// It takes everything, and says nothing.
    IsSilent,
    /// It reads messages of syslog, each behind its length (RFC 6587).
    ReadsSyslog,
}

/// What a message says of itself: the identifiers of the events in it.
type IdsOf = fn(&str) -> Vec<String>;

struct Shared {
    manner: Manner,
    ids_of: IdsOf,
    tls: Option<Arc<ServerConfig>>,
    is_up: AtomicBool,
    is_over: AtomicBool,
    messages: AtomicU64,
    ids: Mutex<Vec<String>>,
    /// By their numbers, for as long as they are served.
    connections: Mutex<BTreeMap<u64, TcpStream>>,
}

/// A receiver that runs until it is dropped.
pub(super) struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Receiver {
    /// On a port of its own of 127.0.0.1, with a certificate that nobody knows, if it is to have one.
    pub(super) fn start(manner: Manner, has_tls: bool, ids_of: IdsOf) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            manner,
            ids_of,
            tls: has_tls.then(certificate).transpose()?,
            is_up: AtomicBool::new(true),
            is_over: AtomicBool::new(false),
            messages: AtomicU64::new(0),
            ids: Mutex::default(),
            connections: Mutex::default(),
        });
        let accepting = shared.clone();
        thread::spawn(move || accepting.accept(&listener));
        Ok(Self { address, shared })
    }

    /// With the port, for a URL.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Out of order: what is connected is cut off as by the end of a process, so that nobody takes it for the end of a
    /// conversation, and whoever connects is, too. Or in order again.
    pub(super) fn set_up(&self, is_up: bool) {
        let connections = locked(&self.shared.connections);
        self.shared.is_up.store(is_up, Ordering::SeqCst);
        if !is_up {
            for connection in connections.values() {
                // It may have ended by itself. Whoever reads from it closes it then, which resets it.
                let _ = sockopt::set_socket_linger(connection, Some(Duration::ZERO));
                let _ = connection.shutdown(std::net::Shutdown::Read);
            }
        }
    }

    /// The events' identifiers, in the order in which they came.
    pub(super) fn ids(&self) -> Vec<String> {
        locked(&self.shared.ids).clone()
    }

    /// Messages that came.
    pub(super) fn messages(&self) -> u64 {
        self.shared.messages.load(Ordering::SeqCst)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        self.set_up(false);
        // Whoever waits for a connection has one, and ends.
        let _ = TcpStream::connect(self.address);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn certificate() -> anyhow::Result<Arc<ServerConfig>> {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()])?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der());
    let key = key.map_err(|error| anyhow::anyhow!("{error}"))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    Ok(Arc::new(config))
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for (number, stream) in (0..).zip(listener.incoming().flatten()) {
            if self.is_over.load(Ordering::SeqCst) {
                return;
            }
            let mut connections = locked(&self.connections);
            // The lock is held: nobody is let in after everybody was cut off.
            let may_enter =
                self.is_up.load(Ordering::SeqCst) && connections.len() < MOST_CONNECTIONS;
            let Some(other) = may_enter.then(|| stream.try_clone().ok()).flatten() else {
                continue;
            };
            connections.insert(number, other);
            drop(connections);
            let shared = self.clone();
            thread::spawn(move || {
                // An error is a connection that ended, which is what receivers are for here.
                let _ = shared.serve(stream);
                locked(&shared.connections).remove(&number);
            });
        }
    }

    fn serve(&self, stream: TcpStream) -> anyhow::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        match &self.tls {
            Some(config) => {
                let connection = ServerConnection::new(config.clone())?;
                self.converse(StreamOwned::new(connection, stream))
            }
            None => self.converse(stream),
        }
    }

    fn converse(&self, mut stream: impl Read + Write) -> anyhow::Result<()> {
        let mut received = Vec::new();
        loop {
            let found = match self.manner {
                Manner::Answers => request(&received)?,
                Manner::ReadsSyslog => frame(&received)?,
                Manner::IsSilent => None,
            };
            let Some((message, length)) = found else {
                receive(&mut stream, &mut received)?;
                if self.manner == Manner::IsSilent {
                    self.messages.fetch_add(1, Ordering::SeqCst);
                    received.clear();
                }
                continue;
            };
            // What came when it was out of order did not come.
            ensure!(self.is_up.load(Ordering::SeqCst), "out of order");
            locked(&self.ids).extend((self.ids_of)(&message));
            self.messages.fetch_add(1, Ordering::SeqCst);
            received.drain(..length);
            if self.manner == Manner::Answers {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
                stream.flush()?;
            }
        }
    }
}

fn receive(stream: &mut impl Read, into: &mut Vec<u8>) -> anyhow::Result<()> {
    let mut buffer = [0; 16 << 10];
    let count = stream.read(&mut buffer)?;
    ensure!(count > 0, "the connection has ended");
    ensure!(into.len() < MOST_BYTES, "a message is too long");
    into.extend_from_slice(&buffer[..count]);
    Ok(())
}

/// The body of the first request, when it is there as a whole, and where the next one begins.
fn request(received: &[u8]) -> anyhow::Result<Option<(String, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = request.parse(received)? else {
        return Ok(None);
    };
    let mut length = None;
    for header in request.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            length = Some(std::str::from_utf8(header.value)?.parse::<usize>()?);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            bail!("a request in chunks is not expected here");
        }
    }
    let end = head + length.unwrap_or(0);
    let body = received.get(head..end);
    Ok(body.map(|body| (String::from_utf8_lossy(body).into_owned(), end)))
}

/// The first message behind its length, when it is there as a whole, and where the next one begins.
fn frame(received: &[u8]) -> anyhow::Result<Option<(String, usize)>> {
    let Some(blank) = received.iter().position(|byte| *byte == b' ') else {
        return Ok(None);
    };
    let length = std::str::from_utf8(&received[..blank])?;
    let length: usize = length.parse().context("a message has no length")?;
    let end = blank + 1 + length;
    let message = received.get(blank + 1..end);
    Ok(message.map(|message| (String::from_utf8_lossy(message).into_owned(), end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_apart() -> anyhow::Result<()> {
        let two = b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcPOST / HTTP/1.1\r\n";
        assert_eq!(request(two)?, Some(("abc".to_owned(), 42 - 1)));
        assert_eq!(request(&two[..40])?, None);
        assert_eq!(frame(b"5 <14>1 6")?, Some(("<14>1".to_owned(), 7)));
        assert_eq!(frame(b"5 <14>")?, None);
        assert!(frame(b"<14>1 message").is_err());
        Ok(())
    }

    #[test]
    fn a_receiver_that_is_out_of_order_takes_nothing() -> anyhow::Result<()> {
        let receiver = Receiver::start(Manner::Answers, false, |body| vec![body.to_owned()])?;
        let post = |body: &str| {
            let mut client = crate::scale::client::Client::connect(receiver.address(), "")?;
            client.send("POST", "/", "text/plain", body.as_bytes())
        };
        assert_eq!(post("one")?.status, 200);
        receiver.set_up(false);
        assert!(post("two").is_err());
        receiver.set_up(true);
        assert_eq!(post("three")?.status, 200);
        assert_eq!(receiver.ids(), ["one", "three"]);
        assert_eq!(receiver.messages(), 2);
        Ok(())
    }
}
