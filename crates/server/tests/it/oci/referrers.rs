//! end-12a, end-12b: what is there about a manifest?

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::REPOSITORY;
use crate::registry::TestRegistry;
use crate::registry::client::Answer;
use crate::registry::content::{
    OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, descriptor, image_manifest, index, sha256,
};

const SBOM: &str = "application/vnd.example.sbom.v1+json";
const SIGNATURE: &str = "application/vnd.example.signature+v1";

async fn referrers(registry: &TestRegistry, subject: &str, query: &str) -> Answer {
    let target = format!("/v2/{REPOSITORY}/referrers/{subject}{query}");
    registry.get(&target).await.assert_status(200)
}

fn digests(answer: &Answer) -> BTreeSet<String> {
    let list = answer.json()["manifests"].clone();
    let list = list.as_array().expect("an index").iter();
    list.map(|entry| entry["digest"].as_str().expect("a digest").to_owned())
        .collect()
}

/// end-12a: Every manifest with this subject, with its type, size, artifact type and annotations.
#[tokio::test]
async fn an_image_has_an_sbom() {
    let registry = TestRegistry::start().await;
    let image = registry.push_image(REPOSITORY, "1.0").await;
    let annotations = json!({ "org.example.format": "json", "é": "ü" });
    let sbom = registry
        .push_referrer(REPOSITORY, &image, SBOM, &annotations)
        .await;
    let mut expected = registry.describe(REPOSITORY, &sbom).await;
    expected["artifactType"] = SBOM.into();
    expected["annotations"] = annotations;

    let answer = referrers(&registry, &image, "").await;
    assert_eq!(answer.header("content-type"), OCI_INDEX);
    assert_eq!(answer.find_header("oci-filters-applied"), None);
    assert_eq!(
        answer.json(),
        json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [expected] })
    );
}

/// end-12a: The answer for a manifest that nothing refers to, or that is not there, is an empty index.
#[tokio::test]
async fn nothing_is_there_about_an_unknown_manifest() {
    let registry = TestRegistry::start().await;
    let image = registry.push_image(REPOSITORY, "1.0").await;

    for subject in [
        image,
        sha256("unknown"),
        format!("sha256:{}", "0".repeat(64)),
    ] {
        let answer = referrers(&registry, &subject, "").await;
        assert_eq!(answer.header("content-type"), OCI_INDEX);
        assert_eq!(answer.json()["manifests"], json!([]));
        assert_eq!(answer.json()["schemaVersion"], 2);
    }
}

/// end-12a, code-4: A subject that is no digest is refused.
#[tokio::test]
async fn referrers_are_asked_for_by_digest_only() {
    let registry = TestRegistry::start().await;
    registry.push_image(REPOSITORY, "1.0").await;

    for subject in ["1.0", "sha256:1", "md5:aa"] {
        let target = format!("/v2/{REPOSITORY}/referrers/{subject}");
        let answer = registry.get(&target).await;
        answer.assert_error(400, "DIGEST_INVALID");
    }
}

/// end-12a: Without an artifactType, an image is of its configuration's type, and an index of none.
#[tokio::test]
async fn the_artifact_type_falls_back_to_the_configuration() {
    let registry = TestRegistry::start().await;
    let image = registry.push_image(REPOSITORY, "1.0").await;
    let subject = registry.describe(REPOSITORY, &image).await;
    registry.push_blob(REPOSITORY, "{}").await;
    let mut plain = image_manifest(&descriptor(OCI_CONFIG, "{}"), &[]);
    plain["subject"] = subject.clone();
    let mut list = index(&[]);
    list["subject"] = subject;
    for manifest in [&plain, &list] {
        let digest = sha256(manifest.to_string());
        registry.push_manifest(REPOSITORY, &digest, manifest).await;
    }

    let answer = referrers(&registry, &image, "").await.json();
    let entries = answer["manifests"].as_array().expect("an index");
    let of = |media_type: &str| {
        let found = entries
            .iter()
            .find(|entry| entry["mediaType"] == media_type);
        found.expect("it is listed").get("artifactType").cloned()
    };
    assert_eq!(of(OCI_MANIFEST), Some(json!(OCI_CONFIG)));
    assert_eq!(of(OCI_INDEX), None);
}

/// end-12b: A filter by artifact type is applied, and the answer says so.
#[tokio::test]
async fn referrers_are_filtered_by_type() {
    let registry = TestRegistry::start().await;
    let image = registry.push_image(REPOSITORY, "1.0").await;
    let push = |kind, n: u32| {
        let annotations = json!({ "n": n.to_string() });
        let (registry, image) = (&registry, &image);
        async move {
            registry
                .push_referrer(REPOSITORY, image, kind, &annotations)
                .await
        }
    };
    let sboms = BTreeSet::from([push(SBOM, 1).await, push(SBOM, 2).await]);
    let signatures = BTreeSet::from([push(SIGNATURE, 1).await]);

    let escaped = SIGNATURE.replace('+', "%2B").replace('/', "%2F");
    let filters = [
        (format!("?artifactType={SBOM}"), sboms.clone()),
        (format!("?artifactType={SIGNATURE}"), signatures.clone()),
        (format!("?artifactType={escaped}"), signatures.clone()),
        ("?artifactType=application/none".to_owned(), BTreeSet::new()),
        (
            format!("?artifactType={SBOM}&artifactType={escaped}"),
            &sboms | &signatures,
        ),
    ];
    for (query, expected) in filters {
        let answer = referrers(&registry, &image, &query).await;
        assert_eq!(answer.header("oci-filters-applied"), "artifactType");
        assert_eq!(digests(&answer), expected, "{query}");
    }
}

/// end-12b: A filter by the type that the configuration gives.
#[tokio::test]
async fn a_filter_knows_the_type_of_a_configuration() {
    let registry = TestRegistry::start().await;
    let image = registry.push_image(REPOSITORY, "1.0").await;
    registry.push_blob(REPOSITORY, "{}").await;
    let kind = "application/vnd.example.config";
    let mut manifest = image_manifest(&descriptor(kind, "{}"), &[]);
    manifest["subject"] = registry.describe(REPOSITORY, &image).await;
    let digest = registry
        .push_manifest(REPOSITORY, "attached", &manifest)
        .await;

    let query = format!("?artifactType={kind}");
    let answer = referrers(&registry, &image, &query).await;
    assert_eq!(digests(&answer), BTreeSet::from([digest]));
}

/// end-12a: A long list comes in pages that Link leads through, bounded in bytes.
#[tokio::test]
async fn a_long_list_of_referrers_comes_in_pages() {
    let settings = TestRegistry::builder().setting("LIMITS__REFERRERS_PAGE_BYTES", 4096);
    let registry = settings.start().await;
    let image = registry.push_image(REPOSITORY, "1.0").await;
    let mut pushed = BTreeSet::new();
    for n in 0..10 {
        let annotations = json!({ "n": n.to_string(), "text": "x".repeat(1000) });
        let kind = if n == 3 { SBOM } else { SIGNATURE };
        let digest = registry.push_referrer(REPOSITORY, &image, kind, &annotations);
        pushed.insert(digest.await);
    }

    let mut target = format!("/v2/{REPOSITORY}/referrers/{image}");
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let page = registry.get(&target).await.assert_status(200);
        assert_eq!(page.header("content-type"), OCI_INDEX);
        assert!(page.bytes().len() <= 4096 + 200, "{}", page.bytes().len());
        seen.extend(digests(&page));
        pages += 1;
        match page.next_page() {
            Some(next) => target = next,
            None => break,
        }
        assert!(target.starts_with("/v2/"), "the link is relative");
    }
    assert!(pages >= 4, "{pages}");
    assert_eq!(seen.len(), 10, "none comes twice");
    assert_eq!(BTreeSet::from_iter(seen), pushed);
}

/// end-12b: The link to the next page keeps the filter.
#[tokio::test]
async fn a_filtered_list_is_filtered_on_every_page() {
    let registry = TestRegistry::start().await;
    let image = registry.push_image(REPOSITORY, "1.0").await;
    let mut sboms = BTreeSet::new();
    for n in 0..6 {
        let annotations = json!({ "n": n.to_string() });
        let kind = if n % 2 == 0 { SBOM } else { SIGNATURE };
        let digest = registry.push_referrer(REPOSITORY, &image, kind, &annotations);
        let digest = digest.await;
        if kind == SBOM {
            sboms.insert(digest);
        }
    }

    let mut seen = BTreeSet::new();
    let mut query = Some(format!(
        "/v2/{REPOSITORY}/referrers/{image}?n=1&artifactType={SBOM}"
    ));
    while let Some(target) = query {
        let page = registry.get(&target).await.assert_status(200);
        assert_eq!(page.header("oci-filters-applied"), "artifactType");
        assert!(digests(&page).len() <= 1);
        seen.extend(digests(&page));
        query = page.next_page();
    }
    assert_eq!(seen, sboms);
}

/// end-7a, end-12a: A push with a subject says OCI-Subject, and the subject may come later.
#[tokio::test]
async fn a_signature_is_pushed_before_its_image() {
    let registry = TestRegistry::start().await;
    let image = registry.push_image("library/build", "1.0").await;
    let subject = registry.describe("library/build", &image).await;
    registry.push_blob(REPOSITORY, "{}").await;
    let mut signature = image_manifest(&descriptor(OCI_CONFIG, "{}"), &[]);
    signature["artifactType"] = SIGNATURE.into();
    signature["subject"] = subject;

    let target = format!("/v2/{REPOSITORY}/manifests/signature");
    let put = registry.put(&target).content_type(OCI_MANIFEST);
    let put = put.body(signature.to_string()).await.assert_status(201);
    assert_eq!(put.header("oci-subject"), image);
    let early = referrers(&registry, &image, "").await;
    assert_eq!(
        digests(&early),
        BTreeSet::from([sha256(signature.to_string())])
    );
}

/// end-7a: A push without a subject has no OCI-Subject.
#[tokio::test]
async fn an_ordinary_push_has_no_subject() {
    let registry = TestRegistry::start().await;
    registry.push_blob(REPOSITORY, "{}").await;
    let manifest = image_manifest(&descriptor(OCI_CONFIG, "{}"), &[]);

    let target = format!("/v2/{REPOSITORY}/manifests/1.0");
    let put = registry.put(&target).content_type(OCI_MANIFEST);
    let put = put.body(manifest.to_string()).await.assert_status(201);
    assert_eq!(put.find_header("oci-subject"), None);
}

/// end-12a: Referrers of one repository are not those of another.
#[tokio::test]
async fn referrers_stay_in_their_repository() {
    let registry = TestRegistry::start().await;
    let image = registry.push_image("library/other", "1.0").await;
    registry.push_image(REPOSITORY, "1.0").await;
    let pushed = registry.push_referrer("library/other", &image, SBOM, &Value::Null);
    pushed.await;

    let here = referrers(&registry, &image, "").await;
    assert_eq!(here.json()["manifests"], json!([]));
}
