//! From the product's errors to the distribution specification's: the one table, and the answer it makes.

use crate::body::{Body, BodyError};
use crate::refusals::Noted;
use crate::registry::TOKEN_PATH;
use http::{HeaderValue, Response, StatusCode, header};
use oci::{
    Challenge, ChallengeError, EndpointError, ErrorBody, ErrorCode, unsatisfied_content_range,
    upload_range,
};
use services::{AuthenticationFailed, Error, Refused};

/// Why a request is not answered as it hoped.
#[derive(Debug)]
pub(crate) enum OciError {
    /// It is not a request of the protocol.
    Endpoint(EndpointError),
    /// The caller is not who it says.
    Authentication(AuthenticationFailed),
    /// The caller may not.
    Refused(Refused),
    /// The service said no.
    Service(Error),
    /// The body could not be read.
    Body(BodyError),
    /// A header says something impossible.
    Header(ErrorCode, String),
    /// No part of a blob is where the range asks for one.
    RangeUnsatisfiable {
        /// The blob's size.
        size_bytes: u64,
    },
    /// Too much is going on at once.
    Busy,
}

impl From<Error> for OciError {
    fn from(error: Error) -> Self {
        Self::Service(error)
    }
}

impl From<Refused> for OciError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Failed(error) => Self::Service(error),
            refused => Self::Refused(refused),
        }
    }
}

impl From<AuthenticationFailed> for OciError {
    fn from(failed: AuthenticationFailed) -> Self {
        match failed {
            AuthenticationFailed::Failed(error) => Self::Service(error),
            failed => Self::Authentication(failed),
        }
    }
}

impl From<BodyError> for OciError {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

/// What a challenge needs: where tokens are given, for which service, and for what.
pub(crate) struct ChallengeContext<'a> {
    pub(crate) origin: String,
    pub(crate) service: &'a str,
    pub(crate) scope: Option<String>,
}

impl OciError {
    /// The answer.
    pub(crate) fn into_response(self, challenge: &ChallengeContext<'_>) -> Response<Body> {
        let (code, status) = self.code_and_status();
        let message = self.message(code);
        let mut response = error_response(status, code, &message);
        let headers = response.headers_mut();
        match &self {
            Self::Authentication(AuthenticationFailed::Throttled { secs }) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(*secs));
            }
            Self::Authentication(_)
            | Self::Refused(Refused::Unauthenticated | Refused::InsufficientScope) => {
                if let Ok(value) = HeaderValue::try_from(self.challenge(challenge).to_string()) {
                    headers.insert(header::WWW_AUTHENTICATE, value);
                }
            }
            Self::Endpoint(EndpointError::MethodNotAllowed(allowed)) => {
                headers.insert(header::ALLOW, HeaderValue::from_static(allowed));
            }
            Self::Refused(Refused::OutsideNetwork { .. }) => {
                response.extensions_mut().insert(Noted);
            }
            Self::RangeUnsatisfiable { size_bytes } => {
                if let Ok(value) = HeaderValue::try_from(unsatisfied_content_range(*size_bytes)) {
                    headers.insert(header::CONTENT_RANGE, value);
                }
            }
            Self::Service(Error::ChunkOutOfOrder { offset } | Error::BodyBrokeOff { offset }) => {
                if let Ok(value) = HeaderValue::try_from(upload_range(*offset)) {
                    headers.insert(header::RANGE, value);
                }
            }
            Self::Busy
            | Self::Service(
                Error::Unavailable
                | Error::DirectoryUnavailable(_)
                | Error::TooManyUploads { .. }
                | Error::TooManyRequests { .. },
            ) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }

    fn challenge(&self, context: &ChallengeContext<'_>) -> Challenge {
        Challenge {
            realm: format!("{}{TOKEN_PATH}", context.origin),
            service: context.service.to_owned(),
            scope: context.scope.clone(),
            error: match self {
                Self::Authentication(AuthenticationFailed::TokenInvalid) => {
                    Some(ChallengeError::InvalidToken)
                }
                Self::Refused(Refused::InsufficientScope) => {
                    Some(ChallengeError::InsufficientScope)
                }
                _ => None,
            },
        }
    }

    fn message(&self, code: ErrorCode) -> String {
        match self {
            Self::Endpoint(EndpointError::NotFound) => {
                "there is no such endpoint in the distribution API".to_owned()
            }
            Self::Endpoint(error) => error.to_string(),
            Self::Authentication(error) => error.to_string(),
            Self::Refused(refused) => refused.to_string(),
            Self::Service(error) => error.to_string(),
            Self::Body(error) => error.to_string(),
            Self::Header(_, message) => message.clone(),
            Self::RangeUnsatisfiable { size_bytes } => {
                format!(
                    "no byte of the blob is in the range that was asked for; it has {size_bytes} bytes"
                )
            }
            Self::Busy => code.message().to_owned(),
        }
    }

    fn code_and_status(&self) -> (ErrorCode, StatusCode) {
        let with = |code: ErrorCode| (code, status_of(code));
        match self {
            Self::Endpoint(EndpointError::NotFound) => {
                (ErrorCode::Unsupported, StatusCode::NOT_FOUND)
            }
            Self::Endpoint(EndpointError::MethodNotAllowed(_)) => with(ErrorCode::Unsupported),
            Self::Endpoint(EndpointError::UriTooLong(_)) => {
                (ErrorCode::Unsupported, StatusCode::URI_TOO_LONG)
            }
            Self::Authentication(AuthenticationFailed::Throttled { .. }) | Self::Busy => {
                with(ErrorCode::TooManyRequests)
            }
            Self::Authentication(_)
            | Self::Refused(Refused::Unauthenticated | Refused::InsufficientScope) => {
                with(ErrorCode::Unauthorized)
            }
            Self::Refused(Refused::Hidden) => with(ErrorCode::NameUnknown),
            Self::Refused(Refused::Forbidden | Refused::OutsideNetwork { .. }) => {
                with(ErrorCode::Denied)
            }
            Self::Refused(Refused::Failed(error)) | Self::Service(error) => of_service(error),
            Self::Body(error) => of_body(error),
            Self::Endpoint(EndpointError::Protocol { code, .. }) | Self::Header(code, _) => {
                with(*code)
            }
            Self::RangeUnsatisfiable { .. } => with(ErrorCode::RangeInvalid),
        }
    }
}

fn of_body(error: &BodyError) -> (ErrorCode, StatusCode) {
    match error {
        BodyError::TooLarge { .. } => (ErrorCode::SizeInvalid, StatusCode::PAYLOAD_TOO_LARGE),
        BodyError::Idle(_) => (ErrorCode::SizeInvalid, StatusCode::REQUEST_TIMEOUT),
        BodyError::Interrupted(_) => (ErrorCode::SizeInvalid, StatusCode::BAD_REQUEST),
    }
}

fn of_service(error: &Error) -> (ErrorCode, StatusCode) {
    use ErrorCode as Code;
    let code = match error {
        Error::NameUnknown | Error::NamespaceUnknown(_) | Error::NotFound(_) => Code::NameUnknown,
        Error::NamespaceMissing { .. } | Error::NamespaceInvalid(_) | Error::Invalid(_) => {
            Code::NameInvalid
        }
        Error::ManifestUnknown => Code::ManifestUnknown,
        Error::ManifestInvalid(_) => Code::ManifestInvalid,
        Error::ManifestDigestMismatch { .. } | Error::DigestMismatch { .. } => Code::DigestInvalid,
        Error::ManifestBlobUnknown(_) => Code::ManifestBlobUnknown,
        Error::SizeMismatch { .. } | Error::ChunkSizeMismatch | Error::BodyBrokeOff { .. } => {
            Code::SizeInvalid
        }
        Error::BlobUnknown => Code::BlobUnknown,
        Error::BlobInUse => Code::Unsupported,
        Error::UploadUnknown => Code::BlobUploadUnknown,
        // The specification's status for a chunk that cannot be taken now; the client asks where the upload stands.
        Error::UploadBusy | Error::ChunkOutOfOrder { .. } => {
            return (Code::BlobUploadInvalid, StatusCode::RANGE_NOT_SATISFIABLE);
        }
        Error::BlobTooLarge { .. } => return (Code::SizeInvalid, StatusCode::PAYLOAD_TOO_LARGE),
        Error::TooManyUploads { .. } | Error::TooManyRequests { .. } => Code::TooManyRequests,
        // No later request does better before the month is over: a client that tries again only makes its user wait.
        Error::PullLimitReached { .. }
        | Error::QuotaExceeded { .. }
        | Error::TooMuchUnreferenced { .. }
        | Error::NamespaceFull { .. }
        | Error::TooManyNamespaces { .. }
        | Error::PlanTooSmall { .. }
        | Error::BeyondOwnRights(_)
        | Error::NotAllowed(_)
        | Error::Protected(_)
        | Error::AccountSuspended => Code::Denied,
        Error::AlreadyExists(_) | Error::NamespaceInUse(_) | Error::NotNow(_) => {
            return (Code::Denied, StatusCode::CONFLICT);
        }
        Error::StorageFull => return (Code::Denied, StatusCode::INSUFFICIENT_STORAGE),
        Error::Unavailable | Error::DirectoryUnavailable(_) => Code::Unavailable,
        Error::Damaged | Error::Internal => Code::Unknown,
    };
    (code, status_of(code))
}

fn status_of(code: ErrorCode) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// An answer in the specification's form.
pub(crate) fn error_response(status: StatusCode, code: ErrorCode, message: &str) -> Response<Body> {
    let mut response = Response::new(Body::full(ErrorBody::new(code, message).to_json()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
