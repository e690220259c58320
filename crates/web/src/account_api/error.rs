//! From the product's errors to this API's: the one table, and the answer it makes.

use crate::body::{Body, BodyError};
use crate::refusals::Noted;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;
use services::{AuthenticationFailed, Error, Refused};

/// How one logs in here.
const CHALLENGE: HeaderValue =
    HeaderValue::from_static("Basic realm=\"roadstead\", charset=\"UTF-8\"");
/// The longest text of an error, in characters: what a request brought may be in it.
const MESSAGE_CHARS: usize = 500;

/// Why a request is not answered as it hoped.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    retry_after_secs: Option<u64>,
    allowed: Option<String>,
    /// Whether the refusal that it is stands in the audit log already.
    is_noted: bool,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after_secs: None,
            allowed: None,
            is_noted: false,
        }
    }

    /// 400: it cannot be read.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", message)
    }

    /// 401.
    pub(super) fn unauthorized(shows_token: bool) -> Self {
        let message = if shows_token {
            "a token for images is no login here; show a name with its password, access token or robot secret"
        } else {
            "authentication is required; log in first"
        };
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message)
    }

    /// 403.
    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", message)
    }

    /// 404.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    /// 405. `allowed` are the methods that the path knows.
    pub(super) fn method_not_allowed(allowed: String) -> Self {
        let message = format!("this path knows {allowed} only");
        let mut error = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "METHOD_NOT_ALLOWED",
            message,
        );
        error.allowed = Some(allowed);
        error
    }

    /// 415.
    pub(super) fn unsupported_media_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UNSUPPORTED_MEDIA_TYPE",
            "the body has to be JSON; say so with Content-Type: application/json",
        )
    }

    /// 422: understood, but it cannot be so.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "INVALID", message)
    }

    /// A body that is no JSON, or not of the shape that the operation takes.
    pub(super) fn of_body(error: &serde_json::Error) -> Self {
        if error.is_data() {
            Self::invalid(format!("the body is not as it has to be: {error}"))
        } else {
            Self::bad_request(format!("the body is no JSON: {error}"))
        }
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let message: String = self.message.chars().take(MESSAGE_CHARS).collect();
        let body = json!({ "errors": [{ "code": self.code, "message": message }] });
        let mut response = Response::new(Body::full(format!("{body}\n")));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, CHALLENGE);
        }
        if let Some(secs) = self.retry_after_secs {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        if let Some(allowed) = self.allowed
            && let Ok(allowed) = HeaderValue::from_str(&allowed)
        {
            headers.insert(header::ALLOW, allowed);
        }
        if self.is_noted {
            response.extensions_mut().insert(Noted);
        }
        response
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unauthenticated => Self::unauthorized(false),
            Refused::InsufficientScope | Refused::Forbidden => Self::forbidden(
                "you may not do this here; ask an administrator for the role that may",
            ),
            Refused::Hidden => Self::not_found("it does not exist, or you may not see it"),
            refused @ Refused::OutsideNetwork { .. } => Self {
                is_noted: true,
                ..Self::forbidden(refused.to_string())
            },
            Refused::Failed(error) => error.into(),
        }
    }
}

impl From<AuthenticationFailed> for ApiError {
    fn from(failed: AuthenticationFailed) -> Self {
        match failed {
            AuthenticationFailed::Failed(error) => error.into(),
            AuthenticationFailed::Throttled { secs } => {
                let message = failed.to_string();
                let mut error =
                    Self::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", message);
                error.retry_after_secs = Some(secs);
                error
            }
            failed => Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", failed.to_string()),
        }
    }
}

impl From<BodyError> for ApiError {
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

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
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
            | Error::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "INVALID"),
            Error::BlobTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE"),
            Error::AlreadyExists(_) | Error::UploadBusy => (StatusCode::CONFLICT, "CONFLICT"),
            Error::NamespaceInUse(_)
            | Error::BlobInUse
            | Error::NotNow(_)
            | Error::Protected(_) => (StatusCode::PRECONDITION_FAILED, "NOT_NOW"),
            Error::NotAllowed(_) => (StatusCode::FORBIDDEN, "FORBIDDEN"),
            Error::QuotaExceeded { .. }
            | Error::TooMuchUnreferenced { .. }
            | Error::NamespaceFull { .. }
            | Error::PullLimitReached { .. }
            | Error::TooManyNamespaces { .. }
            | Error::PlanTooSmall { .. }
            | Error::BeyondOwnRights(_)
            | Error::AccountSuspended => (StatusCode::FORBIDDEN, "DENIED"),
            Error::TooManyUploads { .. } | Error::TooManyRequests { .. } => {
                (StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS")
            }
            Error::Unavailable | Error::DirectoryUnavailable(_) | Error::StorageFull => {
                (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE")
            }
            Error::Damaged | Error::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN"),
        };
        let is_for_later = matches!(
            status,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
        );
        Self {
            retry_after_secs: is_for_later.then_some(1),
            ..Self::new(status, code, error.to_string())
        }
    }
}
