//! One kept-alive connection to a registry, and the time that each answer takes.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

const PATIENCE: Duration = Duration::from_mins(2);
const HEAD_BYTES: usize = 64 << 10;

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    /// In seconds.
    pub(super) retry_after: Option<u64>,
    /// The cookie that it sets, name and value.
    pub(super) cookie: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// Fails with the answer's words unless it has this status.
    pub(super) fn expect(self, status: u16, what: &str) -> anyhow::Result<Self> {
        ensure!(
            self.status == status,
            "{what}: answered {} instead of {status}: {}",
            self.status,
            String::from_utf8_lossy(&self.body)
        );
        Ok(self)
    }

    /// The same, for a body in JSON.
    pub(super) fn json(&self) -> anyhow::Result<serde_json::Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}

/// A connection, logged in by what each request carries.
pub(super) struct Client {
    address: SocketAddr,
    stream: TcpStream,
    authorization: String,
    /// What is shown as cookie; empty for none.
    pub(super) cookie: String,
    /// Spent between the first byte of a request and the last of its answer.
    pub(super) waited: Duration,
}

impl Client {
    /// With the header value for `Authorization`, or an empty one.
    pub(super) fn connect(address: SocketAddr, authorization: &str) -> anyhow::Result<Self> {
        Ok(Self {
            address,
            stream: open(address)?,
            authorization: authorization.to_owned(),
            cookie: String::new(),
            waited: Duration::ZERO,
        })
    }

    /// Without credentials, from one of the machine's own addresses.
    pub(super) fn connect_from(from: Ipv4Addr, address: SocketAddr) -> anyhow::Result<Self> {
        let kind = rustix::net::SocketType::STREAM;
        let socket = rustix::net::socket(rustix::net::AddressFamily::INET, kind, None)?;
        rustix::net::bind(&socket, &SocketAddrV4::new(from, 0))?;
        rustix::net::connect(&socket, &address)?;
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            address,
            stream,
            authorization: String::new(),
            cookie: String::new(),
            waited: Duration::ZERO,
        })
    }

    /// From here on for somebody else: the header value for `Authorization`.
    pub(super) fn authorize(&mut self, authorization: String) {
        self.authorization = authorization;
    }

    pub(super) fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        self.send("GET", path, "", b"")
    }

    /// Sends a request and reads all of its answer.
    pub(super) fn send(
        &mut self,
        method: &str,
        path: &str,
        content_type: &str,
        body: &[u8],
    ) -> anyhow::Result<Answer> {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        if !self.authorization.is_empty() {
            write!(request, "Authorization: {}\r\n", self.authorization)?;
        }
        if !self.cookie.is_empty() {
            write!(request, "Cookie: {}\r\n", self.cookie)?;
        }
        if !content_type.is_empty() {
            write!(request, "Content-Type: {content_type}\r\n")?;
        }
        if matches!(method, "POST" | "PUT" | "PATCH") {
            write!(request, "Content-Length: {}\r\n", body.len())?;
        }
        request.push_str("\r\n");
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(body);
        let begun = Instant::now();
        let answer = self
            .exchange(&bytes, method == "HEAD")
            .with_context(|| format!("{method} {path}"))?;
        self.waited += begun.elapsed();
        Ok(answer)
    }

    fn exchange(&mut self, request: &[u8], has_no_body: bool) -> anyhow::Result<Answer> {
        self.stream.write_all(request)?;
        let mut received = Vec::with_capacity(4096);
        let (mut answer, length, head) = loop {
            self.receive(&mut received)?;
            if let Some(found) = parse(&received)? {
                break found;
            }
            ensure!(
                received.len() < HEAD_BYTES,
                "the head of the answer is too long"
            );
        };
        answer.body = received.split_off(head);
        if has_no_body || answer.status == 204 {
            return Ok(answer);
        }
        while answer.body.len() < length {
            self.receive(&mut answer.body)?;
        }
        Ok(answer)
    }

    fn receive(&mut self, into: &mut Vec<u8>) -> anyhow::Result<()> {
        let mut buffer = [0; 16 << 10];
        let count = self.stream.read(&mut buffer)?;
        ensure!(count > 0, "the connection was closed");
        into.extend_from_slice(&buffer[..count]);
        Ok(())
    }
}

/// A token for actions on a repository, for whoever the client is.
pub(super) fn token(
    client: &mut Client,
    repository: &str,
    actions: &str,
) -> anyhow::Result<String> {
    let path = format!("/service/token?scope=repository:{repository}:{actions}");
    let answer = client.get(&path)?.expect(200, "a token")?.json()?;
    let token = answer["token"].as_str().context("there is no token")?;
    Ok(token.to_owned())
}

fn open(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Status and headers, the body's length, and where it begins.
fn parse(received: &[u8]) -> anyhow::Result<Option<(Answer, usize, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(received)? else {
        return Ok(None);
    };
    let (mut location, mut retry_after, mut cookie, mut length) = (None, None, None, 0);
    for header in response.headers.iter() {
        let value = String::from_utf8_lossy(header.value);
        match header.name.to_ascii_lowercase().as_str() {
            "location" => location = Some(value.into_owned()),
            "set-cookie" => cookie = value.split(';').next().map(str::to_owned),
            "retry-after" => retry_after = Some(value.parse()?),
            "content-length" => length = value.parse()?,
            "transfer-encoding" => bail!("an answer in chunks is not expected here"),
            _ => {}
        }
    }
    let answer = Answer {
        status: response.code.unwrap_or_default(),
        location,
        retry_after,
        cookie,
        body: Vec::new(),
    };
    Ok(Some((answer, length, head)))
}
