//! Descriptors: media type, digest and size of content.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::Digest;
use crate::strict_json::{Keys, Skipped};

/// Points at content (image-spec, "OCI Content Descriptors").
///
/// Reading is strict: `size` is an integer from 0 to 2^63 - 1, no field appears twice, none is
/// spelled in another case; unknown fields are ignored.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the content is.
    pub media_type: String,
    /// What the content hashes to.
    pub digest: Digest,
    /// Its length in bytes; never above [`Descriptor::MAX_SIZE`].
    pub size: u64,
    /// Where else the content may be fetched. Never followed by us.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Free text by key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
    /// The artifact type of the manifest pointed at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The content itself in base64, as the pusher claims. Never trusted in place of a blob.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// What the image pointed at runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
}

/// What an image runs on (image-spec, "Image Index Property Descriptions").
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// `amd64`, `arm64`, …; attestations say `unknown`.
    #[serde(default)]
    pub architecture: String,
    /// `linux`, `windows`, …; attestations say `unknown`.
    #[serde(default)]
    pub os: String,
    /// The version of the operating system.
    #[serde(
        rename = "os.version",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub os_version: Option<String>,
    /// Features the operating system must have.
    #[serde(
        rename = "os.features",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub os_features: Option<Vec<String>>,
    /// The variant of the CPU, such as `v8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl Descriptor {
    /// The largest size: the spec's integers are signed 64-bit numbers.
    pub const MAX_SIZE: u64 = i64::MAX as u64;

    /// A descriptor of nothing but the three required fields.
    pub fn new(media_type: impl Into<String>, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.into(),
            digest,
            size,
            urls: Vec::new(),
            annotations: None,
            artifact_type: None,
            data: None,
            platform: None,
        }
    }
}

impl<'de> Deserialize<'de> for Descriptor {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(DescriptorVisitor)
    }
}

const FIELDS: &[&str] = &[
    "mediaType",
    "digest",
    "size",
    "urls",
    "annotations",
    "artifactType",
    "data",
    "platform",
];

struct DescriptorVisitor;

impl<'de> Visitor<'de> for DescriptorVisitor {
    type Value = Descriptor;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a descriptor object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Descriptor, A::Error> {
        let mut keys = Keys::new(FIELDS);
        let (mut media_type, mut digest, mut size) = (None, None, None);
        let mut urls: Option<Vec<String>> = None;
        let (mut annotations, mut artifact_type) = (None, None::<String>);
        let (mut data, mut platform) = (None, None);
        while let Some(key) = map.next_key::<String>()? {
            match keys.take(key)? {
                Some("mediaType") => media_type = Some(map.next_value::<String>()?),
                Some("digest") => digest = Some(map.next_value::<Digest>()?),
                Some("size") => size = Some(map.next_value::<u64>()?),
                Some("urls") => urls = map.next_value()?,
                Some("annotations") => annotations = map.next_value()?,
                Some("artifactType") => artifact_type = map.next_value()?,
                Some("data") => data = map.next_value()?,
                Some("platform") => platform = map.next_value()?,
                _ => {
                    map.next_value::<Skipped>()?;
                }
            }
        }
        let size = size.ok_or_else(|| A::Error::missing_field("size"))?;
        if size > Descriptor::MAX_SIZE {
            return Err(A::Error::custom(
                "the size of a descriptor is at most 2^63 - 1",
            ));
        }
        Ok(Descriptor {
            media_type: media_type.ok_or_else(|| A::Error::missing_field("mediaType"))?,
            digest: digest.ok_or_else(|| A::Error::missing_field("digest"))?,
            size,
            urls: urls.unwrap_or_default(),
            annotations,
            artifact_type: artifact_type.filter(|kind| !kind.is_empty()),
            data,
            platform,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

    fn read(size: &str, more: &str) -> Result<Descriptor, serde_json::Error> {
        serde_json::from_str(&format!(
            r#"{{"mediaType":"a/b","digest":"sha256:{HEX}","size":{size}{more}}}"#
        ))
    }

    #[test]
    fn sizes() {
        assert_eq!(read("0", "").unwrap().size, 0);
        assert_eq!(
            read("9223372036854775807", "").unwrap().size,
            Descriptor::MAX_SIZE
        );
        for size in [
            "9223372036854775808",
            "18446744073709551616",
            "-1",
            "2.0",
            "1e3",
            "1e400",
            "\"2\"",
            "null",
            "true",
            "[]",
        ] {
            assert!(read(size, "").is_err(), "{size}");
        }
    }

    #[test]
    fn ambiguous_fields_are_refused() {
        for more in [
            r#","size":2"#,
            r#","Size":2"#,
            r#","\u017fize":2"#,
            r#","digest":"sha256:x""#,
            r#","custom":1,"custom":2"#,
            r#","custom":1e400"#,
            r#","platform":{"os":"a","os":"b"}"#,
        ] {
            assert!(read("2", more).is_err(), "{more}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let full = read(
            "2",
            r#","urls":["https://x"],"annotations":{"a":"b"},"artifactType":"t/u","data":"e30=","platform":{"architecture":"arm64","os":"linux","variant":"v8","os.version":"1","os.features":["f"]},"custom":{"deep":[1,-2,0.5,null,true]}"#,
        )
        .unwrap();
        assert_eq!(
            full.platform.as_ref().unwrap().variant.as_deref(),
            Some("v8")
        );
        let json = serde_json::to_string(&full).unwrap();
        assert_eq!(serde_json::from_str::<Descriptor>(&json).unwrap(), full);

        let bare = read(
            "2",
            r#","urls":null,"annotations":null,"artifactType":"","platform":null"#,
        );
        assert_eq!(
            bare.unwrap(),
            Descriptor::new("a/b", Digest::sha256_of(b"{}"), 2)
        );
    }
}
