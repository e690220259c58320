//! end-11: blobs that another repository has need not be sent again.

use super::REPOSITORY;
use crate::registry::TestRegistry;
use crate::registry::client::Client;
use crate::registry::content::sha256;

async fn has_blob(client: &Client, repository: &str, digest: &str) -> bool {
    let head = client.head(&format!("/v2/{repository}/blobs/{digest}"));
    head.await.status() == 200
}

/// end-11: A blob of another repository is mounted: 201, and it is in the target repository.
#[tokio::test]
async fn a_blob_is_mounted_from_another_repository() {
    let registry = TestRegistry::start().await;
    let digest = registry.push_blob("library/base", "shared").await;

    let mount = format!("/v2/{REPOSITORY}/blobs/uploads/?mount={digest}&from=library/base");
    let mounted = registry
        .post(&mount)
        .await
        .assert_status(201)
        .assert_header("docker-content-digest", &digest);
    assert_eq!(
        mounted.location(),
        format!("/v2/{REPOSITORY}/blobs/{digest}")
    );
    let blob = registry.get(&mounted.location()).await;
    blob.assert_status(200).assert_body("shared");
}

/// end-11: Without `from`, the registry looks in every repository that the caller may read.
#[tokio::test]
async fn a_blob_is_mounted_from_wherever_it_is() {
    let registry = TestRegistry::start().await;
    let digest = registry.push_blob("library/base", "shared").await;

    let mount = format!("/v2/{REPOSITORY}/blobs/uploads/?mount={digest}");
    registry
        .post(&mount)
        .await
        .assert_status(201)
        .assert_header("docker-content-digest", &digest);
    assert!(has_blob(&registry, REPOSITORY, &digest).await);
}

/// end-11: A blob that is nowhere cannot be mounted: 202 and an ordinary upload.
#[tokio::test]
async fn a_mount_of_a_missing_blob_becomes_an_upload() {
    let registry = TestRegistry::start().await;
    let digest = sha256("nobody has it");
    registry.push_blob("library/base", "another one").await;

    for query in ["", "&from=library/base", "&from=library/never-was"] {
        let mount = format!("/v2/{REPOSITORY}/blobs/uploads/?mount={digest}{query}");
        let upload = registry.post(&mount).await.assert_status(202);
        assert_eq!(upload.header("range"), "0-0");
        registry.delete(&upload.location()).await.assert_status(204);
    }

    let mount = format!("/v2/{REPOSITORY}/blobs/uploads/?mount={digest}&from=library/base");
    let location = registry.post(&mount).await.location();
    let put = registry.put(&format!("{location}?digest={digest}"));
    put.body("nobody has it").await.assert_status(201);
}

/// end-11: A source that the caller may not read answers as one that does not have the blob.
#[tokio::test]
async fn a_mount_tells_nothing_about_repositories_of_others() {
    let registry = TestRegistry::start().await;
    registry.admin(&["namespace", "create", "secret"]);
    let digest = registry.push_blob("secret/plans", "the plans").await;
    let alice = registry.create_member("library", "alice", "developer");

    let absent = sha256("absent");
    for blob in [&digest, &absent] {
        for query in ["", "&from=secret/plans"] {
            let target = format!("/v2/{REPOSITORY}/blobs/uploads/?mount={blob}{query}");
            let upload = alice.post(&target).await.assert_status(202);
            assert_eq!(upload.header("range"), "0-0");
        }
    }
    assert!(!has_blob(&registry, REPOSITORY, &digest).await);
}

/// end-11: A token that does not cover the source counts as no access to it, and the challenge names both repositories.
#[tokio::test]
async fn a_mount_with_too_small_a_token_becomes_an_upload() {
    let registry = TestRegistry::start().await;
    let digest = registry.push_blob("library/base", "shared").await;
    let target = format!("/v2/{REPOSITORY}/blobs/uploads/?mount={digest}&from=library/base");

    let challenge = registry.anonymous().post(&target).await;
    let challenge = challenge.assert_error(401, "UNAUTHORIZED");
    let scope = format!("repository:{REPOSITORY}:pull,push repository:library/base:pull");
    let quoted = format!("scope=\"{scope}\"");
    assert!(challenge.header("www-authenticate").contains(&quoted));

    let target_scope = format!("repository:{REPOSITORY}:pull,push");
    let narrow = registry.with_token(&[&target_scope]).await;
    narrow.post(&target).await.assert_status(202);

    let wide = registry.with_token(&[&scope]).await;
    wide.post(&target).await.assert_status(201);
}

/// end-11, code-4: A mount of something that is no digest is refused.
#[tokio::test]
async fn a_mount_needs_a_digest() {
    let registry = TestRegistry::start().await;

    let target = format!("/v2/{REPOSITORY}/blobs/uploads/?mount=sha256:abc&from=library/base");
    let answer = registry.post(&target).await;
    answer.assert_error(400, "DIGEST_INVALID");
    let digest = sha256("x");
    let target = format!("/v2/{REPOSITORY}/blobs/uploads/?mount={digest}&from=Not/Valid");
    let answer = registry.post(&target).await;
    answer.assert_error(400, "NAME_INVALID");
}

/// end-11: A mounted blob stays when the source deletes its own.
#[tokio::test]
async fn a_mounted_blob_does_not_depend_on_its_source() {
    let registry = TestRegistry::start().await;
    let digest = registry.push_blob("library/base", "shared").await;
    let mount = format!("/v2/{REPOSITORY}/blobs/uploads/?mount={digest}&from=library/base");
    registry.post(&mount).await.assert_status(201);

    let source = format!("/v2/library/base/blobs/{digest}");
    registry.delete(&source).await.assert_status(202);
    assert!(!has_blob(&registry, "library/base", &digest).await);
    let blob = registry.get(&format!("/v2/{REPOSITORY}/blobs/{digest}"));
    blob.await.assert_status(200).assert_body("shared");
}
