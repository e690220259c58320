//! The error codes of the spec, and the JSON body they travel in.

use serde::{Deserialize, Serialize};

/// An error code of the distribution-spec ("Error Codes"), or one that clients know from the
/// registries before us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// code-1: the blob is not in this repository.
    BlobUnknown,
    /// code-2: the upload cannot take this request.
    BlobUploadInvalid,
    /// code-3: there is no such upload (any more).
    BlobUploadUnknown,
    /// code-4: the digest is malformed, unsupported, or not that of the content.
    DigestInvalid,
    /// code-5: the manifest refers to a blob or manifest that is not in this repository.
    ManifestBlobUnknown,
    /// code-6: the manifest cannot be accepted.
    ManifestInvalid,
    /// code-7: the manifest is not in this repository.
    ManifestUnknown,
    /// code-8: the repository name is malformed.
    NameInvalid,
    /// code-9: there is no such repository.
    NameUnknown,
    /// code-10: the length of the content is not what was announced.
    SizeInvalid,
    /// code-11: who is asking?
    Unauthorized,
    /// code-12: this caller may not.
    Denied,
    /// code-13: this registry does not do that.
    Unsupported,
    /// code-14: too many requests at once.
    #[serde(rename = "TOOMANYREQUESTS")]
    TooManyRequests,
    /// The `n` of a listing is not a number of entries.
    PaginationNumberInvalid,
    /// The requested range cannot be taken or served.
    RangeInvalid,
    /// Something failed here that the client can do nothing about.
    Unknown,
    /// The registry cannot answer now; later it can.
    Unavailable,
}

impl ErrorCode {
    /// Every code, in the order of the spec.
    pub const ALL: [Self; 18] = [
        Self::BlobUnknown,
        Self::BlobUploadInvalid,
        Self::BlobUploadUnknown,
        Self::DigestInvalid,
        Self::ManifestBlobUnknown,
        Self::ManifestInvalid,
        Self::ManifestUnknown,
        Self::NameInvalid,
        Self::NameUnknown,
        Self::SizeInvalid,
        Self::Unauthorized,
        Self::Denied,
        Self::Unsupported,
        Self::TooManyRequests,
        Self::PaginationNumberInvalid,
        Self::RangeInvalid,
        Self::Unknown,
        Self::Unavailable,
    ];

    /// The code as it stands in the body.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Self::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Self::ManifestInvalid => "MANIFEST_INVALID",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::NameInvalid => "NAME_INVALID",
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::SizeInvalid => "SIZE_INVALID",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Denied => "DENIED",
            Self::Unsupported => "UNSUPPORTED",
            Self::TooManyRequests => "TOOMANYREQUESTS",
            Self::PaginationNumberInvalid => "PAGINATION_NUMBER_INVALID",
            Self::RangeInvalid => "RANGE_INVALID",
            Self::Unknown => "UNKNOWN",
            Self::Unavailable => "UNAVAILABLE",
        }
    }

    /// What to say when there is nothing more particular to say.
    pub const fn message(self) -> &'static str {
        match self {
            Self::BlobUnknown => "the blob is not in this repository; push it first",
            Self::BlobUploadInvalid => "the upload cannot take this request; ask for its status",
            Self::BlobUploadUnknown => "no such upload; start a new one with POST",
            Self::DigestInvalid => "the digest is not valid, or not that of the content",
            Self::ManifestBlobUnknown => {
                "the manifest refers to content that is not in this repository; push that first"
            }
            Self::ManifestInvalid => "the manifest is not valid",
            Self::ManifestUnknown => "the manifest is not in this repository",
            Self::NameInvalid => "the repository name is not valid",
            Self::NameUnknown => "no such repository",
            Self::SizeInvalid => "the length of the content is not the length announced",
            Self::Unauthorized => "authentication is required; log in and try again",
            Self::Denied => "access to this resource is denied",
            Self::Unsupported => "this registry does not support the operation",
            Self::TooManyRequests => "too many requests; wait, then try again",
            Self::PaginationNumberInvalid => "n must be a whole number, zero or more",
            Self::RangeInvalid => "the range cannot be used here; ask for the status or size first",
            Self::Unknown => "the registry failed to handle the request; try again later",
            Self::Unavailable => "the registry cannot answer at the moment; try again later",
        }
    }

    /// The HTTP status this code usually travels with. A face may know better, for example 413 for
    /// a manifest that is too large or 405 where deletes are switched off.
    pub const fn status(self) -> u16 {
        match self {
            Self::BlobUnknown
            | Self::BlobUploadUnknown
            | Self::ManifestUnknown
            | Self::NameUnknown => 404,
            Self::Unauthorized => 401,
            Self::Denied => 403,
            Self::Unsupported => 405,
            Self::RangeInvalid => 416,
            Self::TooManyRequests => 429,
            Self::Unknown => 500,
            Self::Unavailable => 503,
            Self::BlobUploadInvalid
            | Self::DigestInvalid
            | Self::ManifestBlobUnknown
            | Self::ManifestInvalid
            | Self::NameInvalid
            | Self::SizeInvalid
            | Self::PaginationNumberInvalid => 400,
        }
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The body of every error answer: `{"errors":[{"code","message","detail"}]}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What went wrong; at least one entry.
    pub errors: Vec<ErrorItem>,
}

/// One entry of an [`ErrorBody`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorItem {
    /// For programs.
    pub code: ErrorCode,
    /// For people: what happened and what to do next.
    #[serde(default)]
    pub message: String,
    /// Anything more, unstructured; left out when there is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<serde_json::Value>,
}

impl ErrorBody {
    /// A body of one error without detail.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            errors: vec![ErrorItem {
                code,
                message: message.into(),
                detail: None,
            }],
        }
    }

    /// Adds a detail to every error that has none.
    #[must_use]
    pub fn with_detail(mut self, detail: &serde_json::Value) -> Self {
        for error in &mut self.errors {
            error.detail.get_or_insert_with(|| detail.clone());
        }
        self
    }

    /// The body as bytes to send with `Content-Type: application/json`.
    ///
    /// `<`, `>` and `&` are written as escapes, so that no browser that guesses types finds HTML.
    pub fn to_json(&self) -> Vec<u8> {
        let plain = serde_json::to_vec(self).expect("strings and JSON values always serialize");
        let mut safe = Vec::with_capacity(plain.len());
        for byte in plain {
            match byte {
                b'<' => safe.extend_from_slice(br"\u003c"),
                b'>' => safe.extend_from_slice(br"\u003e"),
                b'&' => safe.extend_from_slice(br"\u0026"),
                _ => safe.push(byte),
            }
        }
        safe
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_name_is_as_str() {
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
            assert!((400..600).contains(&code.status()));
            assert!(!code.message().is_empty());
        }
    }

    #[test]
    fn the_body() {
        let body = ErrorBody::new(ErrorCode::TooManyRequests, "slow down");
        assert_eq!(
            String::from_utf8(body.to_json()).unwrap(),
            r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}"#
        );
        let body = ErrorBody::new(ErrorCode::NameUnknown, "no <b>&\"such\"")
            .with_detail(&serde_json::json!({ "name": "a/<script>" }));
        let json = body.to_json();
        assert!(!json.iter().any(|byte| matches!(byte, b'<' | b'>' | b'&')));
        assert_eq!(serde_json::from_slice::<ErrorBody>(&json).unwrap(), body);
    }
}
