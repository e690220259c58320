//! Every operation of IBM's API, and what it needs: see [`super::matrix`].

use Action as A;
use Need::{Absent, Account, All, Everyone, Known, KnownFor, Repository};
use model::Action;

use super::matrix::{Exception, Face, Need, Row, World, check};
use crate::registry::TestRegistry;

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("GetAuth", "/auth", "", Account(A::NetworkRuleRead)),
    ("UpdateAuth", "/auth", r#"{"iam_authz":true}"#, Account(A::NetworkRuleUpdate)),
    ("ListImages", "/images", "", KnownFor(A::ArtifactList)),
    ("BulkDeleteImages", "/images/bulkdelete", "[]", Known),
    ("ListImageDigests", "/images/digests", "{}", KnownFor(A::ArtifactList)),
    ("TagImage", "/images/tags?fromimage=own/app:v1&toimage=own/app:v2", "", All(&[Repository(A::RepositoryPull), Repository(A::RepositoryPush)])),
    ("DeleteImage", "/images/own%2Fapp%3Anone", "", Repository(A::ArtifactDelete)),
    ("InspectImage", "/images/own%2Fapp%3Av1/json", "", All(&[Repository(A::ArtifactRead), Repository(A::RepositoryPull)])),
    ("GetImageManifest", "/images/own%2Fapp%3Av1/manifest", "", Repository(A::ArtifactRead)),
    ("GetMessages", "/messages", "", Everyone),
    ("ListNamespaces", "/namespaces", "", KnownFor(A::NamespaceRead)),
    ("ListNamespaceDetails", "/namespaces/details", "", KnownFor(A::NamespaceRead)),
    ("CreateNamespace", "/namespaces/Not-A-Name", "", Account(A::NamespaceCreate)),
    ("AssignNamespace", "/namespaces/own", "", Account(A::NamespaceCreate)),
    ("DeleteNamespace", "/namespaces/own-none", "", Absent(A::NamespaceDelete)),
    ("GetPlans", "/plans", "", Account(A::QuotaRead)),
    ("UpdatePlans", "/plans", r#"{"plan":"no-such-plan"}"#, Account(A::PlanUpdate)),
    ("GetQuota", "/quotas", "", Account(A::QuotaRead)),
    ("UpdateQuota", "/quotas", r#"{"storage_megabytes":-2}"#, Account(A::QuotaUpdate)),
    ("ListRetentionPolicies", "/retentions", "", KnownFor(A::TagRetentionList)),
    ("SetRetentionPolicy", "/retentions", r#"{"namespace":"own","images_per_repo":9999999}"#, All(&[Need::Namespace(A::TagRetentionUpdate), Need::Namespace(A::TagRetentionCreate)])),
    ("AnalyzeRetentionPolicy", "/retentions/analyze", r#"{"namespace":"own","images_per_repo":5}"#, All(&[Need::Namespace(A::TagRetentionRead), Need::Namespace(A::ArtifactList)])),
    ("GetRetentionPolicy", "/retentions/own", "", Need::Namespace(A::TagRetentionRead)),
    ("GetSettings", "/settings", "", Account(A::ConfigurationRead)),
    ("UpdateSettings", "/settings", r#"{"platform_metrics":false}"#, Account(A::ConfigurationUpdate)),
    ("DeleteImageTag", "/tags/own%2Fapp%3Anone", "", Repository(A::TagDelete)),
    ("ListDeletedImages", "/trash", "", KnownFor(A::ArtifactDelete)),
    ("RestoreTags", "/trash/own%2Fapp%40sha256%3Ae3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855/restoretags", "", Repository(A::RepositoryPush)),
    ("RestoreImage", "/trash/own%2Fapp%3Anone/restore", "", Repository(A::RepositoryPush)),
];

const EXCEPTIONS: &[Exception] = &[];

#[tokio::test]
async fn every_operation_lets_those_through_who_may_and_nobody_else() {
    let face = Face::ibm();
    check(&World::start().await, &face, ROWS, EXCEPTIONS).await;
}

/// What is not let through changes nothing, in many images as in one.
#[tokio::test]
async fn a_list_of_images_is_deleted_as_far_as_one_may() {
    let registry = TestRegistry::start().await;
    registry.admin(&["namespace", "create", "own"]);
    registry.push_image("own/app", "v1").await;
    let guest = registry.create_member("own", "guest", "guest");
    let stranger = registry.create_user("stranger");
    for (caller, code) in [(guest, "FORBIDDEN"), (stranger, "NOT_FOUND")] {
        let answer = caller
            .post("/api/v1/images/bulkdelete")
            .content_type("application/json")
            .body(r#"["own/app:v1"]"#)
            .await
            .assert_status(200)
            .json();
        assert_eq!(answer["success"], serde_json::json!([]));
        assert_eq!(answer["error"]["own/app:v1"]["code"], code);
    }
    registry
        .get("/v2/own/app/manifests/v1")
        .await
        .assert_status(200);
}
