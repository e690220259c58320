//! One line per request, as a `tracing` event of the target `access`.
//!
//! What is logged is chosen field by field: never a header, never the query, which may hold secrets.

use http::{Method, StatusCode};
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

/// The target of the events.
pub const TARGET: &str = "access";

/// Which requests are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessLog {
    /// All.
    All,
    /// Those that could change something (everything but GET, HEAD and OPTIONS), and failures.
    #[default]
    Changes,
    /// Those answered with a status of 400 or more, or not answered because the client went away.
    Failures,
    /// None.
    None,
}

/// What is not an [`AccessLog`].
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no kind of access log; write all, changes, failures or none")]
pub struct AccessLogError(String);

impl FromStr for AccessLog {
    type Err = AccessLogError;

    fn from_str(text: &str) -> Result<Self, AccessLogError> {
        match text {
            "all" => Ok(Self::All),
            "changes" => Ok(Self::Changes),
            "failures" => Ok(Self::Failures),
            "none" => Ok(Self::None),
            other => Err(AccessLogError(other.to_owned())),
        }
    }
}

impl AccessLog {
    /// Whether a request is logged; `status` is `None` when the client went away before an answer.
    pub fn includes(self, method: &Method, status: Option<StatusCode>) -> bool {
        let has_failed = status.is_none_or(|status| status.as_u16() >= 400);
        match self {
            Self::All => true,
            Self::Changes => {
                has_failed || !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
            }
            Self::Failures => has_failed,
            Self::None => false,
        }
    }
}

/// One line of the log.
pub(crate) struct Line<'a> {
    pub(crate) method: &'a Method,
    /// Without the query.
    pub(crate) path: &'a str,
    pub(crate) endpoint: &'a str,
    pub(crate) status: Option<StatusCode>,
    pub(crate) duration: Duration,
    pub(crate) bytes: u64,
    /// `false`: the client or the server gave up in the middle of the response.
    pub(crate) is_complete: bool,
    pub(crate) request_id: &'a str,
    pub(crate) caller: &'a str,
    pub(crate) client: IpAddr,
}

impl Line<'_> {
    pub(crate) fn write(&self) {
        tracing::info!(
            target: TARGET,
            method = self.method.as_str(),
            path = self.path,
            endpoint = self.endpoint,
            // 0: no answer was begun.
            status = self.status.map_or(0, |status| status.as_u16()),
            duration_us = u64::try_from(self.duration.as_micros()).unwrap_or(u64::MAX),
            bytes = self.bytes,
            is_complete = self.is_complete,
            request_id = self.request_id,
            caller = self.caller,
            client = %self.client,
            "request"
        );
    }
}

#[cfg(test)]
mod tests;
