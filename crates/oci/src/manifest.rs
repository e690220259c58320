//! Manifests: the JSON documents that images, indexes and artifacts are.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use crate::media_type;
use crate::strict_json::{Keys, Skipped};
use crate::{Descriptor, ErrorCode};

/// The largest manifest, in bytes: what the spec asks registries to accept, and the most that
/// containerd reads. Callers stop reading a body here; parsing itself does not check it.
pub const MAX_MANIFEST_BYTES: usize = 4 * 1024 * 1024;

/// The most descriptors (config, layers, children) one manifest may have. Real ones have at most a
/// few hundred; every one costs a row and a look-up.
pub const MAX_REFERENCES: usize = 10_000;

/// How much of a JSON error is shown, in characters: it may repeat the input.
const MAX_WHY_CHARS: usize = 200;

/// Which of the two shapes a manifest has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ManifestKind {
    /// A config and layers: `application/vnd.oci.image.manifest.v1+json` or Docker's schema 2.
    /// Artifacts have this shape too.
    Image,
    /// A list of manifests: `application/vnd.oci.image.index.v1+json` or Docker's manifest list.
    Index,
}

/// A manifest that has been understood. The bytes stay with the caller; they are what is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Which shape it has.
    pub kind: ManifestKind,
    /// The `Content-Type` to serve it with; one of [`media_type::MANIFESTS`].
    pub media_type: &'static str,
    /// `artifactType`, or for images the media type of the config; what referrers are filtered by.
    pub artifact_type: Option<String>,
    /// Images: the configuration. Always there for [`ManifestKind::Image`], never for an index.
    pub config: Option<Descriptor>,
    /// Images: the layers; artifacts may have none.
    pub layers: Vec<Descriptor>,
    /// Indexes: the children; there may be none.
    pub manifests: Vec<Descriptor>,
    /// The manifest this one is about, which need not exist.
    pub subject: Option<Descriptor>,
    /// Free text by key; copied into the referrers of `subject`.
    pub annotations: Option<BTreeMap<String, String>>,
}

/// What a [`ManifestReference`] points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReferenceKind {
    /// Content that is pushed as a blob.
    Blob,
    /// A manifest.
    Manifest,
}

/// One piece of content a manifest is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ManifestReference<'a> {
    /// Whether it is pushed as a blob or as a manifest.
    pub kind: ReferenceKind,
    /// What it is.
    pub descriptor: &'a Descriptor,
}

/// Why bytes are not a manifest we accept; answered as `MANIFEST_INVALID`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestInvalid {
    /// The bytes are not text.
    #[error("the manifest is not UTF-8 text")]
    NotUtf8,
    /// The text is not JSON of the right shape.
    #[error("the manifest cannot be read: {0}")]
    Json(String),
    /// Docker's first format.
    #[error(
        "schema 1 manifests are not accepted; push again with a client that writes Docker schema 2 or OCI manifests"
    )]
    Schema1,
    /// Neither the request nor the document names a type.
    #[error(
        "the manifest has no media type; set the Content-Type header, or mediaType in the manifest"
    )]
    NoMediaType,
    /// The type is not one of the four we store.
    #[error(
        "the media type is not supported; push an OCI image manifest or index, or a Docker schema 2 manifest or list"
    )]
    UnsupportedMediaType,
    /// The header and the document disagree.
    #[error(
        "the mediaType in the manifest differs from the Content-Type header; they must be equal"
    )]
    MediaTypeMismatch,
    /// `schemaVersion` is missing or not 2.
    #[error("schemaVersion must be 2")]
    SchemaVersion,
    /// A field of the other kind of manifest is present.
    #[error("a manifest of this media type cannot have the field {0}")]
    ForeignField(&'static str),
    /// A field of this kind of manifest is absent.
    #[error("a manifest of this media type must have the field {0}")]
    MissingField(&'static str),
    /// More than [`MAX_REFERENCES`].
    #[error("the manifest has more than {MAX_REFERENCES} descriptors; split it")]
    TooManyReferences,
}

impl ManifestInvalid {
    /// The code to answer with.
    pub fn code(&self) -> ErrorCode {
        ErrorCode::ManifestInvalid
    }
}

impl Manifest {
    /// Understands a pushed manifest. `content_type` is the header's value, empty if there is none;
    /// parameters such as `; charset=utf-8` do not matter.
    ///
    /// Reading is strict, so that nobody can read the same bytes as another manifest: the media
    /// type decides the kind and the fields of the other kind are refused; no field may appear twice or in
    /// another case. Unknown fields are ignored.
    pub fn parse(content_type: &str, bytes: &[u8]) -> Result<Self, ManifestInvalid> {
        let header = content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        if media_type::is_schema1(&header) {
            return Err(ManifestInvalid::Schema1);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| ManifestInvalid::NotUtf8)?;
        let document = read(text)?;
        if document.schema_version == Some(1) || document.has_fs_layers {
            return Err(ManifestInvalid::Schema1);
        }
        if document.schema_version != Some(2) {
            return Err(ManifestInvalid::SchemaVersion);
        }
        let media_type = agreed_media_type(&header, document.media_type.as_deref())?;
        if media_type::is_index(media_type) {
            document.into_index(media_type)
        } else {
            document.into_image(media_type)
        }
    }

    /// Everything that must be in the repository for this manifest to be complete: config and
    /// layers, or children. The same digest may come twice. The subject is not among them.
    ///
    /// An index entry whose media type is no manifest type is a blob: caches of image builders are
    /// indexes of layers.
    pub fn references(&self) -> impl Iterator<Item = ManifestReference<'_>> {
        let blob = |descriptor| ManifestReference {
            kind: ReferenceKind::Blob,
            descriptor,
        };
        let layers = self.layers.iter().filter(|layer| !lives_elsewhere(layer));
        let children = self.manifests.iter().map(|descriptor| ManifestReference {
            kind: if media_type::names_manifest(&descriptor.media_type) {
                ReferenceKind::Manifest
            } else {
                ReferenceKind::Blob
            },
            descriptor,
        });
        self.config.iter().chain(layers).map(blob).chain(children)
    }

    /// Layers that need not be in the repository, because their `urls` say where they are. They may
    /// have been pushed all the same, and then they must be kept like any other layer.
    pub fn foreign_layers(&self) -> impl Iterator<Item = &Descriptor> {
        self.layers.iter().filter(|layer| lives_elsewhere(layer))
    }
}

fn lives_elsewhere(layer: &Descriptor) -> bool {
    media_type::is_foreign_layer(&layer.media_type) && !layer.urls.is_empty()
}

/// The type both the header and the document agree on, of those we store.
fn agreed_media_type(header: &str, field: Option<&str>) -> Result<&'static str, ManifestInvalid> {
    let named = match (header, field) {
        ("", None) => return Err(ManifestInvalid::NoMediaType),
        ("", Some(field)) => field,
        (header, None) => header,
        (header, Some(field)) if header == field => field,
        _ => return Err(ManifestInvalid::MediaTypeMismatch),
    };
    let known = media_type::MANIFESTS
        .into_iter()
        .find(|known| *known == named);
    let known = known.ok_or(ManifestInvalid::UnsupportedMediaType)?;
    // Docker's formats require the field; only OCI's let the header speak alone.
    let docker = matches!(
        known,
        media_type::DOCKER_MANIFEST | media_type::DOCKER_MANIFEST_LIST
    );
    if docker && field.is_none() {
        return Err(ManifestInvalid::MissingField("mediaType"));
    }
    Ok(known)
}

fn read(text: &str) -> Result<Document, ManifestInvalid> {
    let why = |text: String| ManifestInvalid::Json(text.chars().take(MAX_WHY_CHARS).collect());
    if text.starts_with('\u{feff}') {
        return Err(why(
            "it starts with a byte order mark; remove that".to_owned()
        ));
    }
    serde_json::from_str(text).map_err(|error| why(error.to_string()))
}

/// The fields of both kinds, before it is known which kind this is. A field that is `null` is a
/// field that is not there, as serializers of empty lists in Go write it; only for `manifests` and
/// `layers` of the right kind does `null` mean an empty list.
#[derive(Default)]
struct Document {
    schema_version: Option<u64>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    has_manifests: bool,
    has_fs_layers: bool,
    subject: Option<Descriptor>,
    annotations: Option<BTreeMap<String, String>>,
}

impl Document {
    fn into_image(self, media_type: &'static str) -> Result<Manifest, ManifestInvalid> {
        if self.manifests.is_some() {
            return Err(ManifestInvalid::ForeignField("manifests"));
        }
        let config = self.config.ok_or(ManifestInvalid::MissingField("config"))?;
        let layers = self.layers.unwrap_or_default();
        if layers.len() >= MAX_REFERENCES {
            return Err(ManifestInvalid::TooManyReferences);
        }
        let of_config = || Some(config.media_type.clone());
        let artifact_type = self
            .artifact_type
            .or_else(of_config)
            .filter(|kind| !kind.is_empty());
        Ok(Manifest {
            kind: ManifestKind::Image,
            media_type,
            artifact_type,
            config: Some(config),
            layers,
            manifests: Vec::new(),
            subject: self.subject,
            annotations: self.annotations,
        })
    }

    fn into_index(self, media_type: &'static str) -> Result<Manifest, ManifestInvalid> {
        if self.layers.is_some() {
            return Err(ManifestInvalid::ForeignField("layers"));
        }
        if self.config.is_some() {
            return Err(ManifestInvalid::ForeignField("config"));
        }
        if !self.has_manifests {
            return Err(ManifestInvalid::MissingField("manifests"));
        }
        let manifests = self.manifests.unwrap_or_default();
        if manifests.len() > MAX_REFERENCES {
            return Err(ManifestInvalid::TooManyReferences);
        }
        Ok(Manifest {
            kind: ManifestKind::Index,
            media_type,
            artifact_type: self.artifact_type,
            config: None,
            layers: Vec::new(),
            manifests,
            subject: self.subject,
            annotations: self.annotations,
        })
    }
}

const FIELDS: &[&str] = &[
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "fsLayers",
    "subject",
    "annotations",
];

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(DocumentVisitor)
    }
}

struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a manifest object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
        let mut keys = Keys::new(FIELDS);
        let mut document = Document::default();
        while let Some(key) = map.next_key::<String>()? {
            match keys.take(key)? {
                Some("schemaVersion") => document.schema_version = map.next_value()?,
                Some("mediaType") => document.media_type = map.next_value()?,
                Some("artifactType") => {
                    let kind: Option<String> = map.next_value()?;
                    document.artifact_type = kind.filter(|kind| !kind.is_empty());
                }
                Some("config") => document.config = map.next_value()?,
                Some("layers") => document.layers = map.next_value()?,
                Some("manifests") => {
                    document.has_manifests = true;
                    document.manifests = map.next_value()?;
                }
                Some("fsLayers") => {
                    document.has_fs_layers = true;
                    map.next_value::<Skipped>()?;
                }
                Some("subject") => document.subject = map.next_value()?,
                Some("annotations") => document.annotations = map.next_value()?,
                _ => {
                    map.next_value::<Skipped>()?;
                }
            }
        }
        Ok(document)
    }
}

#[cfg(test)]
mod tests;
