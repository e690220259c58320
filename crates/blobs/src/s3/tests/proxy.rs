//! A way to the store on which things go wrong when asked to. One request for each connection, so that each can be
//! chosen.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What happens to a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    /// It is answered so, and never arrives.
    Answer(u16, &'static str),
    /// It is never answered.
    Stall,
    /// The connection ends at once.
    Refuse,
    /// It arrives, and the connection ends before the answer.
    LoseAnswer,
    /// The connection ends after so many bytes of the answer.
    CutAfter(usize),
    /// After so many bytes of the answer nothing more comes.
    SilentAfter(usize),
}

/// The way. Ends when dropped.
pub(super) struct Proxy {
    pub(super) endpoint: String,
    state: Arc<Mutex<State>>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    /// For the next requests whose first line contains a text.
    next: VecDeque<(&'static str, Fault)>,
    /// For every request.
    all: Option<Fault>,
    /// First lines of the requests, in their order.
    lines: Vec<String>,
    /// Everything before the body of the last one, in small letters.
    last_head: String,
}

impl Proxy {
    pub(super) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                // What is cut has an error on either side: that is meant.
                tokio::spawn(async move { pass(client, port, &state).await.ok() });
            }
        });
        Self {
            endpoint,
            state,
            accepting,
        }
    }

    /// Lets the next request go wrong whose first line contains `text`.
    pub(super) fn next(&self, text: &'static str, fault: Fault) {
        self.state().next.push_back((text, fault));
    }

    /// Lets every request go wrong, or none.
    pub(super) fn all(&self, fault: Option<Fault>) {
        self.state().all = fault;
    }

    /// First lines of the requests since the last time.
    pub(super) fn lines(&self) -> Vec<String> {
        std::mem::take(&mut self.state().lines)
    }

    /// Everything before the body of the last request, in small letters.
    pub(super) fn last_head(&self) -> String {
        self.state().last_head.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass(mut client: TcpStream, port: u16, state: &Mutex<State>) -> io::Result<()> {
    let (head, rest) = read_head(&mut client).await?;
    let line = head.lines().next().unwrap_or_default().to_owned();
    let fault = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.lines.push(line.clone());
        state.last_head = head.to_lowercase();
        let planned = state.next.iter().position(|(text, _)| line.contains(text));
        let planned = planned.and_then(|at| state.next.remove(at));
        state.all.or(planned.map(|(_, fault)| fault))
    };
    match fault {
        Some(Fault::Refuse) => return Ok(()),
        Some(Fault::Stall) => return std::future::pending().await,
        Some(Fault::Answer(status, code)) => {
            read_body(&mut client, &head, rest).await?;
            let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>");
            let answer = format!(
                "HTTP/1.1 {status} Wrong\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            return client.write_all(answer.as_bytes()).await;
        }
        _ => {}
    }
    let body = read_body(&mut client, &head, rest).await?;
    let mut store = TcpStream::connect(("127.0.0.1", port)).await?;
    let head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    store.write_all(head.as_bytes()).await?;
    store.write_all(&body).await?;
    let limit = match fault {
        Some(Fault::CutAfter(limit) | Fault::SilentAfter(limit)) => limit,
        Some(Fault::LoseAnswer) => 0,
        _ => usize::MAX,
    };
    forward(&mut store, &mut client, limit).await?;
    match fault {
        Some(Fault::LoseAnswer) => {
            // Until the store has done it.
            store.read_to_end(&mut Vec::new()).await.map(drop)
        }
        Some(Fault::SilentAfter(_)) => std::future::pending().await,
        _ => Ok(()),
    }
}

/// The head, and what of the body came with it.
async fn read_head(client: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = bytes.split_off(at + 4);
            return Ok((String::from_utf8_lossy(&bytes).into_owned(), rest));
        }
        if client.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

async fn read_body(client: &mut TcpStream, head: &str, mut body: Vec<u8>) -> io::Result<Vec<u8>> {
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    };
    let len = head.lines().find_map(header).unwrap_or(0);
    while body.len() < len {
        if client.read_buf(&mut body).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(body)
}

async fn forward(store: &mut TcpStream, client: &mut TcpStream, limit: usize) -> io::Result<()> {
    let (mut left, mut buffer) = (limit, vec![0; 64 * 1024]);
    while left > 0 {
        let read = store.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        let passed = read.min(left);
        client.write_all(&buffer[..passed]).await?;
        left -= passed;
    }
    Ok(())
}
