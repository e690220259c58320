//! From the product's errors to those of IBM's API: the one table, and the answer it makes.

use crate::body::{Body, BodyError};
use crate::refusals::Noted;
use crate::request_id::RequestId;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::json;
use services::{AuthenticationFailed, Error, Refused};

/// Where IBM's SDKs look for the id of a request that failed.
const TRANSACTION_ID: HeaderName = HeaderName::from_static("x-global-transaction-id");

/// Why a request is not answered as it hoped.
#[derive(Debug)]
pub(super) struct IbmError {
    status: StatusCode,
    code: &'static str,
    message: String,
    retry_after_secs: Option<u64>,
    /// Whether the refusal that it is stands in the audit log already.
    is_noted: bool,
}

impl IbmError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after_secs: None,
            is_noted: false,
        }
    }

    /// 400: what it says cannot be.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", message)
    }

    /// 400: it is understood, and there is nothing here that could do it.
    pub(super) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "UNSUPPORTED", message)
    }

    /// 403.
    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", message)
    }

    /// 404.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    /// 409: something of that name is there.
    pub(super) fn restore_conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "CRT0500E", message)
    }

    /// 405.
    pub(super) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "METHOD_NOT_ALLOWED",
            "this path does not know that method",
        )
    }

    /// Why a caller does not get to an account: one that does not exist is like one that it has nothing to do with.
    pub(super) fn of_account(refused: Refused) -> Self {
        match refused {
            Refused::Hidden => Self::forbidden(
                "you may not use the account that the Account header names; name one that you belong to, by name or id",
            ),
            refused => refused.into(),
        }
    }

    /// Code and message, as they stand in a list of errors.
    pub(super) fn parts(&self) -> serde_json::Value {
        json!({ "code": self.code, "message": self.message })
    }

    pub(super) fn into_response(self, request_id: &RequestId) -> Response<Body> {
        let mut body = self.parts();
        body["request-id"] = request_id.as_str().into();
        let mut response = super::reply::json(self.status, &body);
        let headers = response.headers_mut();
        headers.insert(TRANSACTION_ID, request_id.header_value());
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(secs) = self.retry_after_secs {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        if self.is_noted {
            response.extensions_mut().insert(Noted);
        }
        response
    }
}

impl From<Refused> for IbmError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unauthenticated => Self::new(
                StatusCode::UNAUTHORIZED,
                "UNAUTHORIZED",
                "authentication is required; show a token from /identity/token",
            ),
            Refused::InsufficientScope | Refused::Forbidden => Self::forbidden(
                "you may not do this here; ask an administrator of the account for the role that may",
            ),
            Refused::Hidden => Self::not_found("there is no such thing, or you may not see it"),
            refused @ Refused::OutsideNetwork { .. } => Self {
                is_noted: true,
                ..Self::forbidden(refused.to_string())
            },
            Refused::Failed(error) => error.into(),
        }
    }
}

impl From<AuthenticationFailed> for IbmError {
    fn from(failed: AuthenticationFailed) -> Self {
        match failed {
            AuthenticationFailed::Failed(error) => error.into(),
            AuthenticationFailed::Throttled { secs } => {
                let status = StatusCode::TOO_MANY_REQUESTS;
                let mut error = Self::new(status, "TOO_MANY_REQUESTS", failed.to_string());
                error.retry_after_secs = Some(secs);
                error
            }
            failed => Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", failed.to_string()),
        }
    }
}

impl From<BodyError> for IbmError {
    fn from(error: BodyError) -> Self {
        let message = error.to_string();
        match error {
            BodyError::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", message)
            }
            BodyError::Idle(_) => Self::new(StatusCode::REQUEST_TIMEOUT, "BAD_REQUEST", message),
            BodyError::Interrupted(_) => Self::bad_request(message),
        }
    }
}

impl From<Error> for IbmError {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let (status, code) = match &error {
            Error::NameUnknown
            | Error::NamespaceUnknown(_)
            | Error::ManifestUnknown
            | Error::BlobUnknown
            | Error::UploadUnknown
            | Error::NotFound(_) => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Error::BlobTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE"),
            Error::AlreadyExists(_)
            | Error::UploadBusy
            | Error::NamespaceInUse(_)
            | Error::BlobInUse
            | Error::NotNow(_)
            | Error::Protected(_) => (StatusCode::CONFLICT, "CONFLICT"),
            Error::QuotaExceeded { .. }
            | Error::TooMuchUnreferenced { .. }
            | Error::NamespaceFull { .. }
            | Error::PullLimitReached { .. }
            | Error::TooManyNamespaces { .. }
            | Error::PlanTooSmall { .. } => (StatusCode::FORBIDDEN, "QUOTA_EXCEEDED"),
            Error::NotAllowed(_) | Error::BeyondOwnRights(_) => {
                (StatusCode::FORBIDDEN, "FORBIDDEN")
            }
            Error::AccountSuspended => (StatusCode::FORBIDDEN, "ACCOUNT_SUSPENDED"),
            Error::TooManyUploads { .. } | Error::TooManyRequests { .. } => {
                (StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS")
            }
            Error::Unavailable | Error::DirectoryUnavailable(_) | Error::StorageFull => {
                (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE")
            }
            Error::Damaged | Error::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN"),
            _ => (StatusCode::BAD_REQUEST, "BAD_REQUEST"),
        };
        let mut error = Self::new(status, code, message);
        let is_passing = [
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::TOO_MANY_REQUESTS,
        ];
        error.retry_after_secs = is_passing.contains(&status).then_some(1);
        error
    }
}
