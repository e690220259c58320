//! [`Endpoint`] → method and request target.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Endpoint;

/// Everything but RFC 3986's unreserved characters, and `:` and `/`, which queries may hold. The
/// rest is escaped, `<`, `>`, `"` and line ends included, so a target is safe inside any header.
const QUERY_VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':')
    .remove(b'/');

impl Endpoint {
    /// The method of the request.
    pub fn method(&self) -> &'static str {
        match self {
            Self::GetBlob { head: true, .. } | Self::GetManifest { head: true, .. } => "HEAD",
            Self::Ping
            | Self::GetBlob { .. }
            | Self::GetManifest { .. }
            | Self::ListTags { .. }
            | Self::Referrers { .. }
            | Self::UploadStatus { .. }
            | Self::Catalog { .. } => "GET",
            Self::StartUpload { .. } => "POST",
            Self::PatchUpload { .. } => "PATCH",
            Self::PutUpload { .. } | Self::PutManifest { .. } => "PUT",
            Self::DeleteManifest { .. } | Self::DeleteBlob { .. } | Self::CancelUpload { .. } => {
                "DELETE"
            }
        }
    }

    /// Path and query: what [`parse`](Self::parse) reads back as this endpoint. Absolute-path
    /// form without host, as `Location` and `Link` want it.
    pub fn target(&self) -> String {
        let mut target = Target(String::with_capacity(128));
        match self {
            Self::Ping => target.path(format_args!("/v2/")),
            Self::GetBlob { name, digest, .. } | Self::DeleteBlob { name, digest } => {
                target.path(format_args!("/v2/{name}/blobs/{digest}"));
            }
            Self::GetManifest {
                name, reference, ..
            }
            | Self::DeleteManifest { name, reference } => {
                target.path(format_args!("/v2/{name}/manifests/{reference}"));
            }
            Self::PutManifest {
                name,
                reference,
                tags,
            } => {
                target.path(format_args!("/v2/{name}/manifests/{reference}"));
                for tag in tags {
                    target.add("tag", Some(tag));
                }
            }
            Self::StartUpload {
                name,
                mount,
                from,
                digest,
                algorithm,
            } => {
                target.path(format_args!("/v2/{name}/blobs/uploads/"));
                target.add("mount", mount.as_ref());
                target.add("from", from.as_ref());
                target.add("digest", digest.as_ref());
                target.add("digest-algorithm", algorithm.map(crate::Algorithm::as_str));
            }
            Self::PatchUpload { name, id }
            | Self::UploadStatus { name, id }
            | Self::CancelUpload { name, id } => {
                target.path(format_args!("/v2/{name}/blobs/uploads/{id}"));
            }
            Self::PutUpload { name, id, digest } => {
                target.path(format_args!("/v2/{name}/blobs/uploads/{id}"));
                target.add("digest", Some(digest));
            }
            Self::ListTags { name, n, last } => {
                target.path(format_args!("/v2/{name}/tags/list"));
                target.page(*n, last.as_deref());
            }
            Self::Referrers {
                name,
                digest,
                artifact_types,
                n,
                last,
            } => {
                target.path(format_args!("/v2/{name}/referrers/{digest}"));
                for kind in artifact_types {
                    target.add("artifactType", Some(kind));
                }
                target.page(*n, last.as_deref());
            }
            Self::Catalog { n, last } => {
                target.path(format_args!("/v2/_catalog"));
                target.page(*n, last.as_deref());
            }
        }
        target.0
    }
}

struct Target(String);

impl Target {
    fn path(&mut self, path: std::fmt::Arguments<'_>) {
        self.0
            .write_fmt(path)
            .expect("writing to a string never fails");
    }

    fn add(&mut self, key: &str, value: Option<impl AsRef<str>>) {
        let Some(value) = value else { return };
        self.0.push(if self.0.contains('?') { '&' } else { '?' });
        self.0.push_str(key);
        self.0.push('=');
        self.0
            .extend(utf8_percent_encode(value.as_ref(), QUERY_VALUE));
    }

    fn page(&mut self, n: Option<u64>, last: Option<&str>) {
        self.add("n", n.map(|n| n.to_string()));
        self.add("last", last);
    }
}
