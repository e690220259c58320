//! A way to the S3 store on which things go wrong as long as a test wants them to. One request for each connection.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// What happens to requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// The store answers.
    Faithful,
    /// 503, as a store does that has too much to do.
    SlowDown,
    /// No answer.
    Stalled,
    /// Connections are closed as soon as they are made.
    Refusing,
    /// The body of every GET ends after so many bytes.
    CutAfter(usize),
    /// The store says that it is so many seconds later.
    Skewed(i64),
    /// The same, and it refuses requests for it.
    RefusingForSkew(i64),
    /// What must not be replaced is said to have been.
    Unconditional,
    /// The same, but only where two write at the same time: what was there before is refused.
    Racy,
    /// Something that is no S3 store answers.
    SomethingElse,
}

/// The way. Ends when dropped, with whatever is on it.
pub(crate) struct StoreProxy {
    port: u16,
    manner: Arc<Mutex<Manner>>,
    requests: Arc<AtomicU64>,
    accepting: JoinHandle<()>,
}

impl StoreProxy {
    /// To the store at this port of 127.0.0.1.
    pub(crate) async fn to(store_port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a free port");
        let port = listener.local_addr().expect("it has one").port();
        let manner = Arc::new(Mutex::new(Manner::Faithful));
        let requests = Arc::new(AtomicU64::new(0));
        let (shared, counted) = (Arc::clone(&manner), Arc::clone(&requests));
        let accepting = tokio::spawn(async move {
            let mut passing = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let manner = Arc::clone(&shared);
                counted.fetch_add(1, Ordering::Relaxed);
                // What is cut has an error on either side: that is meant.
                passing.spawn(async move { pass(client, store_port, &manner).await.ok() });
                while passing.try_join_next().is_some() {}
            }
        });
        Self {
            port,
            manner,
            requests,
            accepting,
        }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// From now on, for requests that come.
    pub(crate) fn set(&self, manner: Manner) {
        *self.manner.lock().unwrap_or_else(PoisonError::into_inner) = manner;
    }

    /// Connections so far.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Drop for StoreProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass(mut client: TcpStream, port: u16, manner: &Mutex<Manner>) -> io::Result<()> {
    let manner = *manner.lock().unwrap_or_else(PoisonError::into_inner);
    if manner == Manner::Refusing {
        return Ok(());
    }
    let (head, rest) = read_head(&mut client).await?;
    match manner {
        Manner::Stalled => return std::future::pending().await,
        Manner::SlowDown => return refuse(client, &head, rest, (503, "SlowDown"), 0).await,
        Manner::RefusingForSkew(by_s) => {
            return refuse(client, &head, rest, (403, "RequestTimeTooSkewed"), by_s).await;
        }
        Manner::SomethingElse => return refuse(client, &head, rest, (404, ""), 0).await,
        _ => {}
    }
    let body = read_body(&mut client, &head, rest).await?;
    let mut store = TcpStream::connect(("127.0.0.1", port)).await?;
    let lonely = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    store.write_all(lonely.as_bytes()).await?;
    store.write_all(&body).await?;
    let (answer, rest) = read_head(&mut store).await?;
    let answer = match manner {
        Manner::Skewed(by_s) => with_date(&answer, by_s),
        Manner::Unconditional | Manner::Racy
            if answer.starts_with("HTTP/1.1 412") && is_overwritten(manner, &head) =>
        {
            let done =
                "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            return client.write_all(done.as_bytes()).await;
        }
        _ => answer,
    };
    client.write_all(answer.as_bytes()).await?;
    let limit = match manner {
        Manner::CutAfter(limit) if head.starts_with("GET ") => limit,
        _ => usize::MAX,
    };
    forward(rest, &mut store, &mut client, limit).await
}

/// Only what is written twice at once has this in its name.
fn is_overwritten(manner: Manner, head: &str) -> bool {
    let target = head.lines().next().unwrap_or_default();
    manner == Manner::Unconditional || target.contains("race")
}

async fn refuse(
    mut client: TcpStream,
    head: &str,
    rest: Vec<u8>,
    (status, code): (u16, &str),
    by_s: i64,
) -> io::Result<()> {
    read_body(&mut client, head, rest).await?;
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>");
    let body = if code.is_empty() {
        "no such page"
    } else {
        &body
    };
    let answer = format!(
        "HTTP/1.1 {status} Wrong\r\nDate: now\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let answer = with_date(&answer, by_s);
    client.write_all(answer.as_bytes()).await?;
    client.write_all(body.as_bytes()).await
}

/// The same answer, given so much later.
#[expect(clippy::disallowed_methods, reason = "a store has its own clock")]
fn with_date(head: &str, by_s: i64) -> String {
    let then = Timestamp::from_second(Timestamp::now().as_second() + by_s).expect("a time");
    let date = then.strftime("%a, %d %b %Y %H:%M:%S GMT");
    let lines = head.split("\r\n").map(|line| {
        if line.to_ascii_lowercase().starts_with("date:") {
            format!("Date: {date}")
        } else {
            line.to_owned()
        }
    });
    lines.collect::<Vec<_>>().join("\r\n")
}

/// The head, and what of the body came with it.
async fn read_head(from: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = bytes.split_off(at + 4);
            return Ok((String::from_utf8_lossy(&bytes).into_owned(), rest));
        }
        if from.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

async fn read_body(client: &mut TcpStream, head: &str, mut body: Vec<u8>) -> io::Result<Vec<u8>> {
    let length = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    };
    let len = head.lines().find_map(length).unwrap_or(0);
    while body.len() < len {
        if client.read_buf(&mut body).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(body)
}

async fn forward(
    first: Vec<u8>,
    store: &mut TcpStream,
    client: &mut TcpStream,
    limit: usize,
) -> io::Result<()> {
    let (mut left, mut piece) = (limit, first);
    loop {
        let passed = piece.len().min(left);
        client.write_all(&piece[..passed]).await?;
        left -= passed;
        piece.clear();
        if left == 0 || store.read_buf(&mut piece).await? == 0 {
            return Ok(());
        }
    }
}
