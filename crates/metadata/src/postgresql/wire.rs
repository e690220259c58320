//! A connection to the server, and how long anyone waits on it. A server may stand still: it accepts, acknowledges, and
//! never answers. So each wait ends by our own clock, and a connection that was given up on is of no use any more.

use super::address::PostgresAddress;
use super::failure::Trouble;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::time::Sleep;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, NoTls, Socket};

/// Between two looks of one who waits at the clock, and at what is known of the server.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// No server that works takes so long to answer who logs in, or a question that costs it nothing.
pub(super) const SILENCE: Duration = Duration::from_secs(5);
/// After so long without an answer from its machine a connection counts as lost.
const UNREACHABLE: Duration = Duration::from_secs(15);

/// Whether the server as a whole has fallen silent, as one who asks it all the time has found out.
#[derive(Default)]
pub(super) struct Pulse {
    is_silent: AtomicBool,
}

impl Pulse {
    pub(super) fn is_silent(&self) -> bool {
        self.is_silent.load(Ordering::Relaxed)
    }

    /// Notes it; returns whether it was otherwise before.
    pub(super) fn set_silent(&self, is_silent: bool) -> bool {
        self.is_silent.swap(is_silent, Ordering::Relaxed) != is_silent
    }
}

type Driven = Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send>>;

/// The socket, with all that is needed to wait on it from the thread that asks: nobody else is woken.
pub(super) struct Wire {
    /// `None` only while this is dropped.
    runtime: Option<Runtime>,
    /// `None` once the connection has ended.
    connection: Option<Driven>,
    /// Goes off now and then, so that a wait needs no timer of its own.
    look: Pin<Box<Sleep>>,
    pulse: Arc<Pulse>,
}

impl Wire {
    /// Connects and logs in, both within `limit`.
    pub(super) fn connect(
        address: &PostgresAddress,
        limit: Duration,
        pulse: Arc<Pulse>,
    ) -> Result<(Client, Self), Trouble> {
        let mut config = address.config.clone();
        config
            .connect_timeout(limit)
            .tcp_user_timeout(UNREACHABLE)
            .keepalives_idle(UNREACHABLE)
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Trouble::Ourselves)?;
        let connected = runtime.block_on(async {
            let look = Box::pin(tokio::time::sleep(LOOK_EVERY));
            let connected = tokio::time::timeout(limit, async {
                match &address.tls {
                    Some(tls) => drive(&config, tls.clone()).await,
                    None => drive(&config, NoTls).await,
                }
            });
            let connected = connected.await.map_err(|_| Trouble::Silent(limit));
            Ok((connected??, look))
        });
        let ((client, connection), look) = match connected {
            Ok(connected) => connected,
            Err(trouble) => {
                // A thread of it may still look for the server's address; it is not waited for.
                runtime.shutdown_background();
                return Err(trouble);
            }
        };
        let wire = Self {
            runtime: Some(runtime),
            connection: Some(connection),
            look,
            pulse,
        };
        Ok((client, wire))
    }

    /// Waits for an answer, at most for `limit`, and hardly longer than it is known that the server answers nobody.
    pub(super) fn wait<T>(
        &mut self,
        limit: Duration,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Trouble> {
        let Self {
            runtime: Some(runtime),
            connection,
            look,
            pulse,
        } = self
        else {
            return Err(Trouble::Silent(Duration::ZERO));
        };
        let begun = Instant::now();
        let mut answer = pin!(answer);
        runtime.block_on(std::future::poll_fn(|cx| {
            let mut end = None;
            if let Some(driven) = connection
                && let Poll::Ready(ended) = driven.as_mut().poll(cx)
            {
                end = ended.err();
                *connection = None;
            }
            match answer.as_mut().poll(cx) {
                // Why the connection has ended says more than that it has.
                Poll::Ready(Err(error)) if error.is_closed() => {
                    return Poll::Ready(Err(end.unwrap_or(error).into()));
                }
                Poll::Ready(answer) => return Poll::Ready(answer.map_err(Trouble::from)),
                Poll::Pending => {}
            }
            while look.as_mut().poll(cx).is_ready() {
                let waited = begun.elapsed();
                if waited >= limit || (waited >= SILENCE && pulse.is_silent()) {
                    return Poll::Ready(Err(Trouble::Silent(waited)));
                }
                let next = LOOK_EVERY.min(limit.saturating_sub(waited));
                look.as_mut().reset(tokio::time::Instant::now() + next);
            }
            Poll::Pending
        }))
    }
}

impl Drop for Wire {
    /// Says goodbye if that takes no waiting. The client has to be gone before.
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else {
            return;
        };
        if let Some(mut connection) = self.connection.take() {
            let _entered = runtime.enter();
            let _ = connection
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
        }
        runtime.shutdown_background();
    }
}

async fn drive<T>(config: &Config, tls: T) -> Result<(Client, Driven), tokio_postgres::Error>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let (client, connection) = config.connect(tls).await?;
    Ok((client, Box::pin(connection)))
}
