//! What is about an artifact, and what is about that: signatures of an image, and of its list of parts.

use super::Artifacts;
use super::kinds::accessory_kind;
use crate::repositories::Place;
use crate::{Error, Result};
use metadata::{AccessoryRow, ArtifactRow};
use std::collections::HashMap;

/// Levels that are looked at, and manifests of each.
const LEVELS: usize = 4;
const OF_A_LEVEL: i64 = 50;

/// Something that is about an artifact, or about what is.
#[derive(Clone, Debug)]
pub struct ReferrerNode {
    /// The manifest.
    pub row: AccessoryRow,
    /// Harbor's word for its kind: `signature.cosign`, ….
    pub kind: &'static str,
    /// How many others are between it and the artifact.
    pub depth: usize,
}

impl Artifacts {
    /// What is about an artifact as a tree, each followed by what is about itself: of each of four levels the fifty oldest.
    /// One query per level that there is.
    pub(super) async fn referrers_of(
        &self,
        place: &Place,
        row: &ArtifactRow,
    ) -> Result<Vec<ReferrerNode>> {
        let root = row.digest.to_string();
        let found = self.core.metadata.list({
            let (root, place) = (root.clone(), place.clone());
            move |reader| {
                let mut of: HashMap<String, Vec<AccessoryRow>> = HashMap::new();
                let mut subjects = vec![root.clone()];
                for _ in 0..LEVELS {
                    let wanted: Vec<&str> = subjects.iter().map(String::as_str).collect();
                    let places = [place.id.as_str()];
                    let level = reader.list_accessories_of(&places, &wanted, OF_A_LEVEL)?;
                    subjects = level.iter().map(|one| one.digest.clone()).collect();
                    for one in level {
                        of.entry(one.subject.clone()).or_default().push(one);
                    }
                }
                Ok::<_, Error>(of)
            }
        });
        let mut of = found.await?;
        let mut tree = Vec::new();
        descend(&mut of, &root, 0, &mut tree);
        Ok(tree)
    }
}

/// Takes them out as it goes, so that it ends whatever names what.
fn descend(
    of: &mut HashMap<String, Vec<AccessoryRow>>,
    subject: &str,
    depth: usize,
    tree: &mut Vec<ReferrerNode>,
) {
    for row in of.remove(subject).unwrap_or_default() {
        let digest = row.digest.clone();
        tree.push(ReferrerNode {
            kind: accessory_kind(row.artifact_type.as_deref()),
            row,
            depth,
        });
        descend(of, &digest, depth + 1, tree);
    }
}
