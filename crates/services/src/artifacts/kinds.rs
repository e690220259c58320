//! Harbor's words for kinds of artifacts.

use oci::media_type::{
    DOCKER_IMAGE_CONFIG, DOCKER_MANIFEST, DOCKER_MANIFEST_LIST, OCI_EMPTY, OCI_IMAGE_CONFIG,
    OCI_IMAGE_INDEX, OCI_IMAGE_MANIFEST,
};

pub(super) const CHART_CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";

pub(super) const MODEL_CONFIG: &str = "application/vnd.cncf.model.config.v1+json";

/// What artifact types are of which kind.
const KINDS: &[(&str, &[&str])] = &[
    (
        "IMAGE",
        &[
            OCI_IMAGE_CONFIG,
            DOCKER_IMAGE_CONFIG,
            OCI_IMAGE_MANIFEST,
            OCI_IMAGE_INDEX,
            DOCKER_MANIFEST,
            DOCKER_MANIFEST_LIST,
        ],
    ),
    ("CHART", &[CHART_CONFIG]),
    (
        "CNAB",
        &[
            "application/vnd.cnab.manifest.v1",
            "application/vnd.cnab.config.v1+json",
        ],
    ),
    (
        "WASM",
        &[
            "application/vnd.wasm.config.v1+json",
            "application/vnd.wasm.config.v0+json",
        ],
    ),
    (
        "CNAI",
        &[
            MODEL_CONFIG,
            "application/vnd.cncf.model.manifest.v1+json",
            "application/vnd.cnai.model.config.v1+json",
        ],
    ),
    ("SBOM", &["application/vnd.goharbor.harbor.sbom.v1"]),
];

/// Whether a configuration of this media type is an image's.
pub(crate) fn is_image_config(media_type: &str) -> bool {
    matches!(media_type, OCI_IMAGE_CONFIG | DOCKER_IMAGE_CONFIG)
}

/// The kind of an artifact whose configuration, or which itself, has this media type, and which calls itself of this
/// artifact type.
pub(super) fn kind_of(media_type: &str, artifact_type: Option<&str>) -> String {
    let says = match artifact_type {
        Some(artifact_type) if media_type == OCI_EMPTY => artifact_type,
        _ => media_type,
    };
    let known = KINDS.iter().find(|(_, types)| types.contains(&says));
    match known {
        Some((kind, _)) => (*kind).to_owned(),
        None => named_by(says).unwrap_or("UNKNOWN").to_ascii_uppercase(),
    }
}

/// `sif` of `application/vnd.sylabs.sif.config.v1+json`.
fn named_by(media_type: &str) -> Option<&str> {
    let rest = media_type.strip_prefix("application/vnd.")?;
    let (_, rest) = rest.split_once('.')?;
    let (name, version) = rest.split_once(".config")?;
    let ends_there = version.is_empty() || version.starts_with(['.', '+']);
    (ends_there && !name.is_empty()).then_some(name)
}

/// The artifact types of a kind, or a part that they have.
pub(super) enum TypesOf {
    These(&'static [&'static str]),
    Having(String),
}

/// What to look for when artifacts of a kind are wanted.
pub(super) fn types_of(kind: &str) -> TypesOf {
    let known = KINDS
        .iter()
        .find(|(known, _)| kind.eq_ignore_ascii_case(known));
    match known {
        Some((_, types)) => TypesOf::These(types),
        None if kind.eq_ignore_ascii_case("UNKNOWN") => TypesOf::These(&[]),
        None => TypesOf::Having(format!(".{kind}.config")),
    }
}

/// The kind of what is about an artifact.
pub(super) fn accessory_kind(artifact_type: Option<&str>) -> &'static str {
    match artifact_type {
        Some("application/vnd.dev.cosign.artifact.sig.v1+json") => "signature.cosign",
        Some(bundle) if bundle.starts_with("application/vnd.dev.sigstore.bundle") => {
            "signature.cosign"
        }
        Some("application/vnd.cncf.notary.signature") => "signature.notation",
        Some("application/vnd.goharbor.harbor.sbom.v1") => "sbom.harbor",
        _ => "subject.accessory",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_read_from_the_media_type() {
        for (media_type, artifact_type, expected) in [
            (OCI_IMAGE_CONFIG, None, "IMAGE"),
            (OCI_IMAGE_INDEX, None, "IMAGE"),
            (CHART_CONFIG, None, "CHART"),
            (OCI_EMPTY, Some(CHART_CONFIG), "CHART"),
            (OCI_EMPTY, Some("application/spdx+json"), "UNKNOWN"),
            (OCI_EMPTY, None, "UNKNOWN"),
            ("application/vnd.sylabs.sif.config.v1+json", None, "SIF"),
            ("application/vnd.acme.a.b.config", None, "A.B"),
            ("application/vnd.acme.configuration.v1", None, "UNKNOWN"),
            ("text/plain", Some(CHART_CONFIG), "UNKNOWN"),
        ] {
            assert_eq!(kind_of(media_type, artifact_type), expected, "{media_type}");
        }
    }
}
