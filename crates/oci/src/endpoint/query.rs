//! The query parameters of the spec, each read by its own rule.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::{EndpointError, MAX_ARTIFACT_TYPES, MAX_MARKER_BYTES, MAX_PAGE_SIZE, MAX_TAGS_PER_PUT};
use crate::{Algorithm, Digest, ErrorCode, Tag};

/// A raw query. Values are decoded when asked for: most requests never ask.
#[derive(Clone, Copy)]
pub(super) struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    pub(super) fn new(raw: &'a str) -> Self {
        Self(raw)
    }

    /// Every value of a parameter, decoded.
    ///
    /// A `+` stays a `+`: media types hold it and clients forget to escape it, while nothing in the
    /// protocol holds a space. Bytes that are not UTF-8 become U+FFFD, which no grammar accepts.
    fn all(self, key: &'static str) -> impl Iterator<Item = Cow<'a, str>> {
        self.0.split('&').filter_map(move |pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (name == key).then(|| percent_decode_str(value).decode_utf8_lossy())
        })
    }

    pub(super) fn first(self, key: &'static str) -> Option<Cow<'a, str>> {
        self.all(key).next()
    }

    pub(super) fn digest(self, key: &'static str) -> Result<Option<Digest>, EndpointError> {
        self.first(key).map(|text| digest(&text)).transpose()
    }

    pub(super) fn algorithm(self) -> Result<Option<Algorithm>, EndpointError> {
        self.first("digest-algorithm")
            .map(|name| {
                Algorithm::parse(&name)
                    .map_err(|why| EndpointError::protocol(ErrorCode::DigestInvalid, &why))
            })
            .transpose()
    }

    /// `n` and `last` of a listing.
    pub(super) fn page(self) -> Result<(Option<u64>, Option<String>), EndpointError> {
        let n = self.first("n").map(|text| page_size(&text)).transpose()?;
        let last = self
            .first("last")
            .filter(|last| !last.is_empty())
            .map(marker);
        Ok((n, last))
    }

    /// Every `tag`, each once, in order; all of them must be valid.
    pub(super) fn tags(self) -> Result<Vec<Tag>, EndpointError> {
        let mut tags = Vec::new();
        for text in self.all("tag") {
            let tag = Tag::parse(&text)
                .map_err(|why| EndpointError::protocol(ErrorCode::ManifestInvalid, &why))?;
            if tags.contains(&tag) {
                continue;
            }
            if tags.len() == MAX_TAGS_PER_PUT {
                return Err(EndpointError::UriTooLong(format!(
                    "one push can make at most {MAX_TAGS_PER_PUT} tags; push the manifest again with the others"
                )));
            }
            tags.push(tag);
        }
        Ok(tags)
    }

    /// Every `artifactType`, each once; an empty one filters nothing.
    pub(super) fn artifact_types(self) -> Result<Vec<String>, EndpointError> {
        let mut types: Vec<String> = Vec::new();
        for text in self.all("artifactType") {
            if text.is_empty() || types.iter().any(|known| *known == *text) {
                continue;
            }
            if types.len() == MAX_ARTIFACT_TYPES {
                return Err(EndpointError::UriTooLong(format!(
                    "one request can filter by at most {MAX_ARTIFACT_TYPES} artifact types; send several"
                )));
            }
            types.push(text.into_owned());
        }
        Ok(types)
    }
}

pub(super) fn digest(text: &str) -> Result<Digest, EndpointError> {
    Digest::parse(text).map_err(|why| EndpointError::protocol(ErrorCode::DigestInvalid, &why))
}

/// Any run of digits is a number; large ones are lowered to the largest page, however large.
fn page_size(text: &str) -> Result<u64, EndpointError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        let code = ErrorCode::PaginationNumberInvalid;
        return Err(EndpointError::protocol(code, code.message()));
    }
    Ok(text
        .parse()
        .map_or(MAX_PAGE_SIZE, |n: u64| n.min(MAX_PAGE_SIZE)))
}

fn marker(text: Cow<'_, str>) -> String {
    let end = text.floor_char_boundary(MAX_MARKER_BYTES);
    let mut text = text.into_owned();
    text.truncate(end);
    text
}
