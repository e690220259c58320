//! Icons of artifacts: the one that whoever pushed an artifact put into a layer, or ours for its kind.

use super::Artifacts;
use super::archives::FILE_BYTES;
use crate::account_access::AccountContext;
use crate::{Error, Result};
use oci::{Descriptor, Digest, Manifest};
use std::sync::LazyLock;

/// The annotation of a layer that is the artifact's icon.
const ICON: &str = "io.goharbor.artifact.v1alpha1.icon";
/// Repositories that are asked whether the caller may pull an icon from them.
const REPOSITORIES: i64 = 20;

macro_rules! svg {
    ($($shape:literal)*) => {
        concat!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="48" height="48" viewBox="0 0 48 48" fill="none" "#,
            r##"stroke="#3d5a80" stroke-width="2.5" stroke-linejoin="round" stroke-linecap="round">"##,
            $($shape,)* "</svg>\n"
        )
    };
}

/// Our drawings by Harbor's word for a kind; the last is for all others.
const DRAWINGS: [(&str, &str); 7] = [
    (
        "IMAGE",
        svg!(r#"<path d="M6 14 24 5l18 9-18 9z"/><path d="M6 24l18 9 18-9M6 34l18 9 18-9"/>"#),
    ),
    (
        "CHART",
        svg!(
            r#"<circle cx="24" cy="24" r="8"/><circle cx="24" cy="24" r="17"/><path d="M24 3v10M24 35v10M3 24h10M35 24h10"/>"#
        ),
    ),
    (
        "CNAB",
        svg!(r#"<path d="M24 4 42 14v20L24 44 6 34V14z"/><path d="M6 14l18 10 18-10M24 24v20"/>"#),
    ),
    (
        "WASM",
        svg!(
            r#"<path d="M6 6h13a5 5 0 0 0 10 0h13v36H6z"/><path d="M12 24l3 10 3-10 3 10 3-10M28 34l4-10 4 10M30 31h4"/>"#
        ),
    ),
    (
        "CNAI",
        svg!(
            r#"<circle cx="10" cy="12" r="4"/><circle cx="10" cy="36" r="4"/><circle cx="24" cy="24" r="4"/><circle cx="39" cy="24" r="4"/><path d="M13 15l8 6M13 33l8-6M28 24h7"/>"#
        ),
    ),
    (
        "SBOM",
        svg!(r#"<path d="M10 4h20l8 8v32H10z"/><path d="M30 4v8h8M16 22h16M16 29h16M16 36h9"/>"#),
    ),
    (
        "",
        svg!(r#"<path d="M8 12h32v28H8z"/><path d="M8 12l6-7h20l6 7M19 20h10"/>"#),
    ),
];

/// The drawings' digests, by which they are asked for.
static DIGESTS: LazyLock<Vec<Digest>> = LazyLock::new(|| {
    let digests = DRAWINGS.iter();
    digests
        .map(|(_, drawing)| Digest::sha256_of(drawing.as_bytes()))
        .collect()
});

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Icon {
    /// Its media type.
    pub media_type: &'static str,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// The digest of an artifact's icon.
pub(super) fn icon_of(kind: &str, manifest: Option<&Manifest>) -> Option<Digest> {
    let layers = manifest.into_iter().flat_map(|manifest| &manifest.layers);
    let own = layers.into_iter().find(|layer| is_icon(layer));
    if let Some(own) = own {
        return Some(own.digest.clone());
    }
    let known = DRAWINGS.iter().position(|(known, _)| *known == kind);
    DIGESTS.get(known.unwrap_or(DRAWINGS.len() - 1)).cloned()
}

fn is_icon(layer: &Descriptor) -> bool {
    let annotations = layer.annotations.as_ref();
    layer.size <= FILE_BYTES && annotations.is_some_and(|all| all.contains_key(ICON))
}

/// What a picture begins with, by its media type. Nothing that could hold a script is among them.
fn media_type_of(content: &[u8]) -> Option<&'static str> {
    const BEGINNINGS: [(&[u8], &str); 4] = [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
    ];
    let known = BEGINNINGS.iter();
    let mut known = known.filter(|(beginning, _)| content.starts_with(beginning));
    known.next().map(|(_, media_type)| *media_type)
}

impl Artifacts {
    /// The icon of that digest: one of ours, or a picture in a repository of the account that the caller may pull from.
    ///
    /// # Errors
    /// [`Error::NotFound`] for everything else, whether it is there or not.
    pub async fn icon(&self, by: &AccountContext, digest: &Digest) -> Result<Icon> {
        if let Some(at) = DIGESTS.iter().position(|known| known == digest) {
            return Ok(Icon {
                media_type: "image/svg+xml",
                content: DRAWINGS[at].1.as_bytes().to_vec(),
            });
        }
        let (account, wanted) = (by.id().clone(), digest.clone());
        let known = self.core.metadata.list(move |reader| {
            Ok::<_, Error>(reader.list_memberships(&account, &wanted, REPOSITORIES)?)
        });
        for membership in known.await? {
            let Some(access) = self.pull_access(by, &membership.repository).await? else {
                continue;
            };
            let content = self.read_small(&access, digest, FILE_BYTES).await?;
            let found = content.and_then(|content| {
                let media_type = media_type_of(&content)?;
                Some(Icon {
                    media_type,
                    content,
                })
            });
            if let Some(icon) = found {
                return Ok(icon);
            }
        }
        Err(Error::NotFound(format!("the icon {digest}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_drawing_and_others_share_one() {
        let known: Vec<_> = DRAWINGS
            .iter()
            .map(|(kind, _)| icon_of(kind, None).expect("a digest"))
            .collect();
        let distinct: std::collections::BTreeSet<_> = known.iter().collect();
        assert_eq!(distinct.len(), DRAWINGS.len());
        assert_eq!(icon_of("SIF", None).as_ref(), known.last());
    }

    #[test]
    fn pictures_are_known_by_how_they_begin() {
        assert_eq!(media_type_of(b"\x89PNG\r\n\x1a\nrest"), Some("image/png"));
        for other in [&b""[..], b"<svg onload='x'>", b"\x89PNG"] {
            assert_eq!(media_type_of(other), None);
        }
    }
}
