//! Why there is no page, in words for whoever wanted it.

use super::sent::Sent;
use crate::body::BodyError;
use http::{HeaderValue, StatusCode, header};
use pages::failure::Failure;
use pages::{Frame, Language, Page as _, Section, Texts};
use services::{AuthenticationFailed, Error, Refused};

/// The longest detail, in characters: what a request brought may be in it.
const DETAIL_CHARS: usize = 500;

/// Why there is no page.
#[derive(Debug)]
pub(super) enum Failed {
    /// Whoever wants it has to sign in first.
    SignIn,
    /// It is said on a page.
    Told {
        status: StatusCode,
        why: fn(&'static Texts) -> &'static str,
        /// What the service says of it.
        detail: Option<String>,
        allowed: Option<String>,
    },
}

impl Failed {
    fn told(status: StatusCode, why: fn(&'static Texts) -> &'static str) -> Self {
        Self::Told {
            status,
            why,
            detail: None,
            allowed: None,
        }
    }

    pub(super) fn not_found() -> Self {
        Self::told(StatusCode::NOT_FOUND, |t| t.failure_not_found)
    }

    pub(super) fn foreign_form() -> Self {
        Self::told(StatusCode::FORBIDDEN, |t| t.failure_form)
    }

    pub(super) fn other_method(methods: String) -> Self {
        Self::Told {
            status: StatusCode::METHOD_NOT_ALLOWED,
            why: |t| t.failure_not_found,
            detail: None,
            allowed: Some(methods),
        }
    }

    pub(super) fn of_body(error: &BodyError) -> Self {
        let status = match error {
            BodyError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::Idle(_) => StatusCode::REQUEST_TIMEOUT,
            BodyError::Interrupted(_) => StatusCode::BAD_REQUEST,
        };
        Self::Told {
            status,
            why: |t| t.failure_invalid,
            detail: Some(error.to_string()),
            allowed: None,
        }
    }

    /// The page that says so.
    pub(super) fn sent(self, language: Language, frame: Option<Frame>) -> Sent {
        let frame = frame.unwrap_or_else(|| Frame {
            language,
            path: super::PREFIX.to_owned(),
            reader: None,
            account: None,
            namespace: None,
            section: Section::None,
            notice: None,
        });
        let Self::Told {
            status,
            why,
            detail,
            allowed,
        } = self
        else {
            return Sent::to(&pages::Link::SignIn("").to_string());
        };
        let detail = detail.map(|text| text.chars().take(DETAIL_CHARS).collect());
        let why = why(frame.t());
        let page = Failure { frame, why, detail };
        let mut sent = Sent::page(page.html()).with_status(status);
        if let Some(allowed) = allowed.and_then(|allowed| HeaderValue::from_str(&allowed).ok()) {
            sent = sent.header(header::ALLOW, allowed);
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            sent = sent.header(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        sent
    }
}

impl From<Refused> for Failed {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unauthenticated => Self::SignIn,
            Refused::InsufficientScope | Refused::Forbidden => {
                Self::told(StatusCode::FORBIDDEN, |t| t.failure_forbidden)
            }
            Refused::Hidden => Self::not_found(),
            refused @ Refused::OutsideNetwork { .. } => Self::Told {
                status: StatusCode::FORBIDDEN,
                why: |t| t.failure_forbidden,
                detail: Some(refused.to_string()),
                allowed: None,
            },
            Refused::Failed(error) => error.into(),
        }
    }
}

impl From<AuthenticationFailed> for Failed {
    fn from(failed: AuthenticationFailed) -> Self {
        match failed {
            AuthenticationFailed::Failed(error) => error.into(),
            _ => Self::SignIn,
        }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        let detail = Some(error.to_string());
        let (status, why): (_, fn(&'static Texts) -> &'static str) = match error {
            Error::NameUnknown
            | Error::NamespaceUnknown(_)
            | Error::ManifestUnknown
            | Error::BlobUnknown
            | Error::UploadUnknown
            | Error::NotFound(_) => return Self::not_found(),
            Error::TooManyRequests { .. } => (StatusCode::TOO_MANY_REQUESTS, |t| t.failure_busy),
            Error::Unavailable | Error::DirectoryUnavailable(_) | Error::StorageFull => {
                (StatusCode::SERVICE_UNAVAILABLE, |t| t.failure_busy)
            }
            Error::Damaged | Error::Internal => {
                (StatusCode::INTERNAL_SERVER_ERROR, |t| t.failure_busy)
            }
            Error::NotAllowed(_) | Error::BeyondOwnRights(_) | Error::AccountSuspended => {
                (StatusCode::FORBIDDEN, |t| t.failure_forbidden)
            }
            _ => (StatusCode::UNPROCESSABLE_ENTITY, |t| t.failure_invalid),
        };
        Self::Told {
            status,
            why,
            detail,
            allowed: None,
        }
    }
}

/// What a form says beside its field, if whoever filled it in can mend it; otherwise the failure.
pub(super) fn mendable(refused: Refused) -> Result<String, Failed> {
    match Failed::from(refused) {
        Failed::Told {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            detail: Some(detail),
            ..
        } => Ok(detail),
        failed => Err(failed),
    }
}

/// The same of a form that names something: also that there is nothing of a name that was typed.
pub(super) fn mendable_name(refused: Refused) -> Result<String, Failed> {
    match refused {
        Refused::Failed(error @ (Error::NotFound(_) | Error::NamespaceUnknown(_))) => {
            Ok(error.to_string())
        }
        refused => mendable(refused),
    }
}

/// A form that no page of ours has.
pub(super) fn unknown_form() -> Refused {
    Error::Invalid("the form says nothing that can be done; open the page again".to_owned()).into()
}
