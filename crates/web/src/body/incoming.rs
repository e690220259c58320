//! The body of a request.

use crate::connection::Connection;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use http_body::Body as _;
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// What a client sends: a stream of chunks as they arrive, none larger than the connection's buffer. It
/// fails when the client pauses for longer than allowed.
pub struct IncomingBody {
    source: Source,
    connection: Option<Arc<Connection>>,
    pause: Option<Pin<Box<Sleep>>>,
    is_pausing: bool,
}

enum Source {
    Hyper(Incoming),
    Full(Bytes),
}

/// Why a request body could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is larger than the endpoint takes. 413.
    #[error("the request body is larger than {limit} bytes")]
    TooLarge {
        /// Most bytes taken.
        limit: u64,
    },
    /// The client sent nothing for too long. 408.
    #[error("the client sent nothing for {} seconds in the middle of the request body", .0.as_secs())]
    Idle(Duration),
    /// The connection failed, or the framing of the body was wrong.
    #[error("the request body ended early: {0}")]
    Interrupted(#[source] hyper::Error),
}

impl IncomingBody {
    pub(crate) fn new(incoming: Incoming, connection: &Arc<Connection>) -> Self {
        let connection = (!incoming.is_end_stream()).then(|| Arc::clone(connection));
        Self {
            source: Source::Hyper(incoming),
            connection,
            pause: None,
            is_pausing: false,
        }
    }

    /// A body that is already in memory.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let source = Source::Full(bytes.into());
        Self {
            source,
            connection: None,
            pause: None,
            is_pausing: false,
        }
    }

    /// Bytes still to come, when the client announced it (`Content-Length`); `None` for a chunked body.
    pub fn announced_length(&self) -> Option<u64> {
        match &self.source {
            Source::Hyper(incoming) => incoming.size_hint().exact(),
            Source::Full(bytes) => Some(bytes.len() as u64),
        }
    }

    /// Reads everything, at most `limit` bytes. A body announced as larger is refused before it is read.
    pub async fn read_to_limit(mut self, limit: u64) -> Result<Bytes, BodyError> {
        let announced = self.announced_length();
        if announced.is_some_and(|length| length > limit) {
            return Err(BodyError::TooLarge { limit });
        }
        let Some(first) = self.next().await.transpose()? else {
            return Ok(Bytes::new());
        };
        if first.len() as u64 > limit {
            return Err(BodyError::TooLarge { limit });
        }
        let Some(second) = self.next().await.transpose()? else {
            return Ok(first);
        };
        // What was announced is only believed as far as it came.
        let mut bytes = BytesMut::with_capacity((first.len() + second.len()) * 2);
        bytes.extend_from_slice(&first);
        let mut next = Some(second);
        while let Some(chunk) = next {
            if (bytes.len() + chunk.len()) as u64 > limit {
                return Err(BodyError::TooLarge { limit });
            }
            bytes.extend_from_slice(&chunk);
            next = self.next().await.transpose()?;
        }
        Ok(bytes.freeze())
    }

    fn poll_source(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, hyper::Error>>> {
        match &mut self.source {
            Source::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Source::Full(bytes) => Poll::Ready(Some(Ok(std::mem::take(bytes)))),
            Source::Hyper(incoming) => loop {
                match std::task::ready!(Pin::new(&mut *incoming).poll_frame(context)) {
                    None => return Poll::Ready(None),
                    Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                    Some(Ok(frame)) => match frame.into_data() {
                        Ok(bytes) if bytes.is_empty() => {}
                        Ok(bytes) => return Poll::Ready(Some(Ok(bytes))),
                        // Trailers mean nothing here.
                        Err(_) => {}
                    },
                }
            },
        }
    }

    /// Nothing came: starts or continues to count the pause.
    fn poll_pause(&mut self, context: &mut Context<'_>) -> Poll<Duration> {
        let Some(limit) = self
            .connection
            .as_ref()
            .map(|connection| connection.body_idle)
        else {
            return Poll::Pending;
        };
        let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(limit)));
        if !std::mem::replace(&mut self.is_pausing, true) {
            pause.as_mut().reset(Instant::now() + limit);
        }
        pause.as_mut().poll(context).map(|()| limit)
    }
}

impl Stream for IncomingBody {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.poll_source(context) {
            Poll::Ready(Some(Ok(bytes))) => {
                self.is_pausing = false;
                if let Some(connection) = &self.connection {
                    connection
                        .metrics
                        .bytes_received(connection.info.exposure, bytes.len() as u64);
                }
                Poll::Ready(Some(Ok(bytes)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(BodyError::Interrupted(error)))),
            Poll::Ready(None) => {
                // Read to its end: the connection can take another request.
                self.connection = None;
                Poll::Ready(None)
            }
            Poll::Pending => self
                .poll_pause(context)
                .map(|limit| Some(Err(BodyError::Idle(limit)))),
        }
    }
}

impl Drop for IncomingBody {
    fn drop(&mut self) {
        let is_read = match &self.source {
            Source::Hyper(incoming) => incoming.is_end_stream(),
            Source::Full(_) => true,
        };
        if let Some(connection) = &self.connection
            && !is_read
        {
            connection.pulse.body_left_unread();
        }
    }
}
