//! From the product's errors to Harbor's: the one table, and the answer it makes.

use crate::body::{Body, BodyError};
use crate::refusals::Noted;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;
use services::{AuthenticationFailed, Error, Refused};

/// Why a request is not answered as it hoped, in Harbor's words.
#[derive(Debug)]
pub(crate) struct HarborError {
    pub(super) status: StatusCode,
    code: &'static str,
    message: String,
    retry_after_secs: Option<u64>,
    /// Whether the refusal that it is stands in the audit log already.
    is_noted: bool,
}

impl HarborError {
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

    /// 401.
    pub(super) fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "UNAUTHORIZED",
            "authentication is required; log in first",
        )
    }

    /// 401 of a login that was not right.
    pub(super) fn wrong_login(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message)
    }

    /// 503: what is needed for it does not answer.
    pub(super) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message)
    }

    /// 403.
    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", message)
    }

    /// 404.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    /// 405.
    pub(super) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "METHOD_NOT_ALLOWED",
            "this path does not know that method",
        )
    }

    /// 409.
    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "CONFLICT", message)
    }

    /// 412: not while things are as they are.
    pub(super) fn precondition(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "PRECONDITION", message)
    }

    /// 422: not of the shape that the contract gives.
    pub(super) fn unprocessable(message: impl AsRef<str>) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "UNPROCESSABLE_ENTITY",
            format!("validation failure list:\n{}", message.as_ref()),
        )
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let body = json!({ "errors": [{ "code": self.code, "message": self.message }] });
        let mut response = Response::new(Body::full(format!("{body}\n")));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        headers.insert(header::CONTENT_TYPE, json);
        if let Some(secs) = self.retry_after_secs {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        if self.is_noted {
            response.extensions_mut().insert(Noted);
        }
        response
    }
}

impl From<Refused> for HarborError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unauthenticated => Self::unauthorized(),
            // Harbor tells strangers of a project that does not exist what it tells them of one that is not theirs.
            Refused::InsufficientScope | Refused::Forbidden | Refused::Hidden => Self::forbidden(
                "you may not do this here; ask an administrator for the role that may",
            ),
            refused @ Refused::OutsideNetwork { .. } => Self {
                is_noted: true,
                ..Self::forbidden(refused.to_string())
            },
            Refused::Failed(error) => error.into(),
        }
    }
}

impl From<AuthenticationFailed> for HarborError {
    fn from(failed: AuthenticationFailed) -> Self {
        match failed {
            AuthenticationFailed::Failed(error) => error.into(),
            AuthenticationFailed::Throttled { secs } => {
                let message = failed.to_string();
                let mut error =
                    Self::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUEST", message);
                error.retry_after_secs = Some(secs);
                error
            }
            failed => Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", failed.to_string()),
        }
    }
}

impl From<BodyError> for HarborError {
    fn from(error: BodyError) -> Self {
        let message = error.to_string();
        match error {
            BodyError::TooLarge { .. } => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "REQUEST_ENTITY_TOO_LARGE",
                message,
            ),
            BodyError::Idle(_) => Self::new(StatusCode::REQUEST_TIMEOUT, "BAD_REQUEST", message),
            BodyError::Interrupted(_) => Self::bad_request(message),
        }
    }
}

impl From<Error> for HarborError {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let (status, code) = match &error {
            Error::NameUnknown
            | Error::NamespaceUnknown(_)
            | Error::ManifestUnknown
            | Error::BlobUnknown
            | Error::UploadUnknown
            | Error::NotFound(_) => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Error::NamespaceMissing { .. }
            | Error::NamespaceInvalid(_)
            | Error::ManifestInvalid(_)
            | Error::ManifestDigestMismatch { .. }
            | Error::ManifestBlobUnknown(_)
            | Error::SizeMismatch { .. }
            | Error::ChunkOutOfOrder { .. }
            | Error::ChunkSizeMismatch
            | Error::DigestMismatch { .. }
            | Error::BodyBrokeOff { .. }
            | Error::Invalid(_) => (StatusCode::BAD_REQUEST, "BAD_REQUEST"),
            Error::BlobTooLarge { .. } => {
                (StatusCode::PAYLOAD_TOO_LARGE, "REQUEST_ENTITY_TOO_LARGE")
            }
            Error::AlreadyExists(_) | Error::UploadBusy => (StatusCode::CONFLICT, "CONFLICT"),
            Error::NotAllowed(_) => (StatusCode::FORBIDDEN, "FORBIDDEN"),
            Error::NamespaceInUse(_)
            | Error::BlobInUse
            | Error::NotNow(_)
            | Error::Protected(_) => (StatusCode::PRECONDITION_FAILED, "PRECONDITION"),
            Error::QuotaExceeded { .. }
            | Error::TooMuchUnreferenced { .. }
            | Error::NamespaceFull { .. }
            | Error::PullLimitReached { .. }
            | Error::TooManyNamespaces { .. }
            | Error::PlanTooSmall { .. }
            | Error::BeyondOwnRights(_)
            | Error::AccountSuspended => (StatusCode::FORBIDDEN, "DENIED"),
            Error::TooManyUploads { .. } | Error::TooManyRequests { .. } => {
                (StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUEST")
            }
            Error::Unavailable | Error::DirectoryUnavailable(_) | Error::StorageFull => {
                (StatusCode::SERVICE_UNAVAILABLE, "UNKNOWN")
            }
            Error::Damaged | Error::Internal => {
                // What went wrong is in the log; clients compare this text.
                let text = "internal server error";
                return Self::new(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", text);
            }
        };
        let mut error = Self::new(status, code, message);
        if matches!(
            status,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
        ) {
            error.retry_after_secs = Some(1);
        }
        error
    }
}
