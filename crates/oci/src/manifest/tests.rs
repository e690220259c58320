use proptest::prelude::*;

use super::*;
use crate::media_type::{
    DOCKER_FOREIGN_LAYER_GZIP, DOCKER_MANIFEST, DOCKER_MANIFEST_LIST, DOCKER_SCHEMA1_SIGNED,
    OCI_IMAGE_INDEX, OCI_IMAGE_MANIFEST,
};

const HEX: &str = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

/// A descriptor of the two bytes `{}`.
fn descriptor(media_type: &str, more: &str) -> String {
    format!(r#"{{"mediaType":"{media_type}","digest":"sha256:{HEX}","size":2{more}}}"#)
}

/// A document with `"schemaVersion": 2` and these fields.
fn document(fields: &str) -> String {
    format!(r#"{{"schemaVersion":2,{fields}}}"#)
}

fn config() -> String {
    format!(r#""config":{}"#, descriptor("x/config", ""))
}

fn image(fields: &str) -> Result<Manifest, ManifestInvalid> {
    Manifest::parse(
        OCI_IMAGE_MANIFEST,
        document(&format!("{}{fields}", config())).as_bytes(),
    )
}

fn index(fields: &str) -> Result<Manifest, ManifestInvalid> {
    Manifest::parse(OCI_IMAGE_INDEX, document(fields).as_bytes())
}

fn kinds(manifest: &Manifest) -> Vec<(ReferenceKind, &str)> {
    manifest
        .references()
        .map(|reference| (reference.kind, reference.descriptor.media_type.as_str()))
        .collect()
}

#[test]
fn an_image() {
    let layer = descriptor("x/layer", "");
    let manifest = image(&format!(
        r#","layers":[{layer},{layer}],"annotations":{{"k":"v"}},"subject":{},"custom":{{"a":[1]}}"#,
        descriptor(OCI_IMAGE_MANIFEST, "")
    ))
    .unwrap();
    assert_eq!(
        (manifest.kind, manifest.media_type),
        (ManifestKind::Image, OCI_IMAGE_MANIFEST)
    );
    assert_eq!(manifest.artifact_type.as_deref(), Some("x/config"));
    assert_eq!(manifest.annotations.as_ref().unwrap()["k"], "v");
    assert_eq!(
        manifest.subject.as_ref().unwrap().media_type,
        OCI_IMAGE_MANIFEST
    );
    let blob = ReferenceKind::Blob;
    assert_eq!(
        kinds(&manifest),
        [(blob, "x/config"), (blob, "x/layer"), (blob, "x/layer")]
    );
}

#[test]
fn artifacts() {
    for layers in ["", r#","layers":[]"#, r#","layers":null"#] {
        let manifest = image(&format!(r#"{layers},"artifactType":"x/y""#)).unwrap();
        assert_eq!(manifest.artifact_type.as_deref(), Some("x/y"));
        assert_eq!(kinds(&manifest).len(), 1);
    }
    assert_eq!(
        image(r#","artifactType":"""#)
            .unwrap()
            .artifact_type
            .as_deref(),
        Some("x/config")
    );
}

#[test]
fn an_index() {
    let manifest = index(&format!(
        r#""manifests":[{},{},{}],"artifactType":"x/y""#,
        descriptor(
            OCI_IMAGE_MANIFEST,
            r#","platform":{"os":"linux","architecture":"arm64"}"#
        ),
        descriptor(OCI_IMAGE_INDEX, ""),
        descriptor(DOCKER_SCHEMA1_SIGNED, ""),
    ))
    .unwrap();
    assert_eq!(
        (manifest.kind, manifest.media_type),
        (ManifestKind::Index, OCI_IMAGE_INDEX)
    );
    assert_eq!(manifest.artifact_type.as_deref(), Some("x/y"));
    assert_eq!(
        manifest.manifests[0]
            .platform
            .as_ref()
            .unwrap()
            .architecture,
        "arm64"
    );
    assert!(
        kinds(&manifest)
            .iter()
            .all(|(kind, _)| *kind == ReferenceKind::Manifest)
    );
}

#[test]
fn empty_indexes() {
    for list in ["[]", "null"] {
        let manifest = index(&format!(r#""manifests":{list}"#)).unwrap();
        assert_eq!((kinds(&manifest).len(), manifest.artifact_type), (0, None));
    }
    assert_eq!(
        index(r#""custom":1"#),
        Err(ManifestInvalid::MissingField("manifests"))
    );
}

#[test]
fn a_build_cache_is_an_index_of_blobs() {
    let manifest = index(&format!(
        r#""manifests":[{},{}]"#,
        descriptor("application/vnd.oci.image.layer.v1.tar+gzip", ""),
        descriptor("application/vnd.buildkit.cacheconfig.v0", ""),
    ))
    .unwrap();
    assert!(
        kinds(&manifest)
            .iter()
            .all(|(kind, _)| *kind == ReferenceKind::Blob)
    );
}

#[test]
fn foreign_layers_need_not_be_here() {
    let manifest = image(&format!(
        r#","layers":[{},{},{}]"#,
        descriptor(
            DOCKER_FOREIGN_LAYER_GZIP,
            r#","urls":["https://elsewhere"]"#
        ),
        descriptor(DOCKER_FOREIGN_LAYER_GZIP, ""),
        descriptor("x/layer", r#","urls":["https://elsewhere"]"#),
    ))
    .unwrap();
    assert_eq!(manifest.foreign_layers().count(), 1);
    assert_eq!(
        kinds(&manifest).len(),
        3,
        "config, foreign layer without urls, layer with urls"
    );
}

#[test]
fn header_and_document_agree() {
    let of = |header: &str, field: &str| {
        let field = if field.is_empty() {
            String::new()
        } else {
            format!(r#","mediaType":"{field}""#)
        };
        let text = document(&format!("{}{field}", config()));
        Manifest::parse(header, text.as_bytes()).map(|manifest| manifest.media_type)
    };
    let (oci, docker) = (OCI_IMAGE_MANIFEST, DOCKER_MANIFEST);
    assert_eq!(of(oci, ""), Ok(oci));
    assert_eq!(of("", oci), Ok(oci));
    assert_eq!(of(oci, oci), Ok(oci));
    assert_eq!(
        of(&format!(" {} ; charset=utf-8", oci.to_uppercase()), oci),
        Ok(oci)
    );
    assert_eq!(of(docker, docker), Ok(docker));
    assert_eq!(
        of(docker, ""),
        Err(ManifestInvalid::MissingField("mediaType"))
    );
    assert_eq!(of(docker, oci), Err(ManifestInvalid::MediaTypeMismatch));
    assert_eq!(
        of(OCI_IMAGE_INDEX, oci),
        Err(ManifestInvalid::MediaTypeMismatch)
    );
    assert_eq!(of("", ""), Err(ManifestInvalid::NoMediaType));
    for other in [
        "application/json",
        "text/html",
        media_type::OCI_ARTIFACT_MANIFEST,
    ] {
        assert_eq!(
            of(other, ""),
            Err(ManifestInvalid::UnsupportedMediaType),
            "{other}"
        );
        assert_eq!(
            of("", other),
            Err(ManifestInvalid::UnsupportedMediaType),
            "{other}"
        );
    }
}

#[test]
fn no_manifest_is_of_both_kinds() {
    let list = r#","manifests":[]"#;
    assert_eq!(image(list), Err(ManifestInvalid::ForeignField("manifests")));
    assert_eq!(
        index(&format!(r#""layers":[]{list}"#)),
        Err(ManifestInvalid::ForeignField("layers"))
    );
    assert_eq!(
        index(&format!("{}{list}", config())),
        Err(ManifestInvalid::ForeignField("config"))
    );
    for docker in [DOCKER_MANIFEST, DOCKER_MANIFEST_LIST] {
        let text = document(&format!(
            r#""mediaType":"{docker}","layers":[],{}{list}"#,
            config()
        ));
        let read = Manifest::parse(docker, text.as_bytes());
        assert!(
            matches!(read, Err(ManifestInvalid::ForeignField(_))),
            "{docker}"
        );
    }
    assert_eq!(
        Manifest::parse(OCI_IMAGE_MANIFEST, document(r#""layers":[]"#).as_bytes()),
        Err(ManifestInvalid::MissingField("config"))
    );
}

#[test]
fn schema_1_is_refused_by_name() {
    let signed = r#"{"schemaVersion":1,"name":"a","tag":"b","fsLayers":[],"history":[]}"#;
    for (header, text) in [
        (DOCKER_SCHEMA1_SIGNED, "{}"),
        (DOCKER_SCHEMA1_SIGNED, "not even JSON"),
        ("", signed),
        (OCI_IMAGE_MANIFEST, signed),
        (OCI_IMAGE_MANIFEST, r#"{"schemaVersion":2,"fsLayers":null}"#),
    ] {
        assert_eq!(
            Manifest::parse(header, text.as_bytes()),
            Err(ManifestInvalid::Schema1)
        );
    }
}

#[test]
fn schema_versions() {
    for version in ["", r#""schemaVersion":null,"#, r#""schemaVersion":3,"#] {
        let text = format!(r#"{{{version}"manifests":[]}}"#);
        assert_eq!(
            Manifest::parse(OCI_IMAGE_INDEX, text.as_bytes()),
            Err(ManifestInvalid::SchemaVersion)
        );
    }
    for version in ["2.0", "\"2\"", "-2", "1e400"] {
        let text = format!(r#"{{"schemaVersion":{version},"manifests":[]}}"#);
        let read = Manifest::parse(OCI_IMAGE_INDEX, text.as_bytes());
        assert!(
            matches!(read, Err(ManifestInvalid::Json(_))),
            "{version}: {read:?}"
        );
    }
}

#[test]
fn text_that_others_may_read_differently() {
    let good = document(r#""manifests":[]"#);
    assert!(Manifest::parse(OCI_IMAGE_INDEX, good.as_bytes()).is_ok());
    let layer = descriptor("x/y", "");
    let fields = [
        r#""mediaType":"a","mediaType":"b""#.to_owned(),
        r#""manifests":[],"manifests":[]"#.to_owned(),
        r#""manifests":[],"Layers":[]"#.to_owned(),
        r#""manifests":[],"LAYERS":null"#.to_owned(),
        r#""manifests":[],"manife\u017fts":[]"#.to_owned(),
        r#""manifests":[],"\u006danifests":[]"#.to_owned(),
        r#""manifests":[],"schemaVersion":2"#.to_owned(),
        r#""manifests":[],"x":1,"x":2"#.to_owned(),
        r#""manifests":[],"x":1e400"#.to_owned(),
        r#""manifests":[],"x":NaN"#.to_owned(),
        r#""manifests":{}"#.to_owned(),
        format!(r#""manifests":{layer}"#),
        format!(r#""manifests":[null,{layer}]"#),
        format!(
            r#""manifests":[{}]"#,
            layer.replace("\"size\":2", "\"size\":\"2\"")
        ),
        format!(
            r#""manifests":[{}]"#,
            layer.replace("\"size\":2", "\"size\":-2")
        ),
        format!(
            r#""manifests":[{}]"#,
            layer.replace("\"size\":2", "\"size\":2,\"size\":3")
        ),
        format!(r#""manifests":[{}]"#, layer.replace("sha256", "sha1")),
        r#""manifests":[],"annotations":{"a":1}"#.to_owned(),
    ];
    let texts = fields.iter().map(|fields| document(fields).into_bytes());
    let bytes = [
        format!("\u{feff}{good}").into_bytes(),
        format!("{good} {{}}").into_bytes(),
        format!("{good},").into_bytes(),
        format!("{good}\0").into_bytes(),
        b"".to_vec(),
        b"null".to_vec(),
        b"[]".to_vec(),
    ];
    for bytes in texts.chain(bytes) {
        let read = Manifest::parse(OCI_IMAGE_INDEX, &bytes);
        assert!(
            matches!(read, Err(ManifestInvalid::Json(_))),
            "{}: {read:?}",
            String::from_utf8_lossy(&bytes)
        );
    }
    let latin1 = [&b"{\"x\":\"\xe9\","[..], &good.as_bytes()[1..]].concat();
    assert_eq!(
        Manifest::parse(OCI_IMAGE_INDEX, &latin1),
        Err(ManifestInvalid::NotUtf8)
    );
}

#[test]
fn deep_nesting_is_an_error() {
    let deep = "[".repeat(100_000);
    for text in [
        deep.clone(),
        document(&format!(r#""manifests":[],"x":{deep}"#)),
    ] {
        let read = Manifest::parse(OCI_IMAGE_INDEX, text.as_bytes());
        assert!(matches!(read, Err(ManifestInvalid::Json(_))));
    }
    let closed = format!("{}{}", "[".repeat(200), "]".repeat(200));
    assert!(index(&format!(r#""manifests":[],"x":{closed}"#)).is_err());
}

#[test]
fn the_number_of_references_is_limited() {
    let many = |count| vec![descriptor("x/y", ""); count].join(",");
    assert!(index(&format!(r#""manifests":[{}]"#, many(MAX_REFERENCES))).is_ok());
    assert_eq!(
        index(&format!(r#""manifests":[{}]"#, many(MAX_REFERENCES + 1))),
        Err(ManifestInvalid::TooManyReferences)
    );
    assert!(image(&format!(r#","layers":[{}]"#, many(MAX_REFERENCES - 1))).is_ok());
    assert_eq!(
        image(&format!(r#","layers":[{}]"#, many(MAX_REFERENCES))),
        Err(ManifestInvalid::TooManyReferences)
    );
}

#[test]
fn large_annotations_are_fine() {
    let annotations: Vec<_> = (0..390)
        .map(|at| format!(r#""k{at}":"{}""#, "v".repeat(10_000)))
        .collect();
    let manifest = image(&format!(r#","annotations":{{{}}}"#, annotations.join(","))).unwrap();
    assert_eq!(manifest.annotations.unwrap().len(), 390);
}

#[test]
fn errors_do_not_repeat_a_large_input() {
    let why = index(&format!(r#""manifests":"{}""#, "x".repeat(1_000_000))).unwrap_err();
    assert!(why.to_string().len() < 300);
}

/// A value of any shape, as likely as not in a field that means something.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("2".to_owned()),
        Just("-1e400".to_owned()),
        Just(format!("\"{OCI_IMAGE_MANIFEST}\"")),
        Just(format!("\"{OCI_IMAGE_INDEX}\"")),
        Just(format!("\"sha256:{HEX}\"")),
        Just(descriptor("x/y", "")),
        "[a-z\\[\\]{},:\"]{0,6}",
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        let key = prop::sample::select(
            [
                FIELDS,
                &["digest", "size", "urls", "platform", "Layers", "x"],
            ]
            .concat(),
        );
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|all| format!("[{}]", all.join(","))),
            prop::collection::vec((key, inner), 0..6).prop_map(|all| {
                let all: Vec<_> = all
                    .iter()
                    .map(|(key, value)| format!("\"{key}\":{value}"))
                    .collect();
                format!("{{\"schemaVersion\":2,{}}}", all.join(","))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        crate::fuzzing::manifest(&bytes);
    }

    #[test]
    fn any_json(text in json(), index: bool) {
        let header = if index { OCI_IMAGE_INDEX } else { OCI_IMAGE_MANIFEST };
        crate::fuzzing::manifest(format!("{header}\n{text}").as_bytes());
        crate::fuzzing::manifest(format!("\n{text}").as_bytes());
    }
}
