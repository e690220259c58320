//! Lists that are too long for an API without pages: a part would look like the whole, so they are refused.

use super::{Ibm as _, administrator};
use crate::registry::TestRegistry;
use crate::registry::client::Client;

/// The most that any list has.
const MOST: usize = 10_000;

/// Copies of the only row of a table that there is, so that there are this many of them.
fn fill(registry: &TestRegistry, table: &str, columns: &str, copied: &str, count: usize) {
    let made = registry.sql(&format!(
        "WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {count} - 1) \
         INSERT INTO {table} ({columns}) SELECT {copied} FROM numbers, {table} WHERE TRUE RETURNING 1"
    ));
    assert_eq!(made.len(), count - 1, "there was one");
}

async fn is_refused(client: &Client, path: &str, hint: &str) {
    let refused = client.ibm_get(path).await;
    let refused = refused.assert_ibm_error(400, "BAD_REQUEST");
    let message = refused.ibm_message();
    assert!(
        message.contains("more than 10000") && message.contains(hint),
        "{message}"
    );
}

#[tokio::test]
async fn images_are_listed_up_to_ten_thousand_tags() {
    let registry = TestRegistry::start().await;
    let admin = administrator(&registry).await;
    registry.push_image("library/app", "v1").await;
    let columns = "repository_id, name, manifest_id, account_id, created_at_ms, updated_at_ms";
    let copied =
        "repository_id, 'tag-' || number, manifest_id, account_id, created_at_ms, updated_at_ms";
    fill(&registry, "tags", columns, copied, MOST);
    let listed = admin.ibm_get("/images").await.assert_status(200).json();
    let tags = listed[0]["RepoTags"].as_array().expect("tags");
    assert_eq!(tags.len(), MOST);
    registry.push_image("library/other", "v1").await;
    is_refused(&admin, "/images", "ask for some namespaces").await;
    let some = admin.ibm_get("/images?repository=library/other").await;
    assert_eq!(
        some.assert_status(200).json()[0]["RepoTags"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
}

#[tokio::test]
async fn namespaces_are_listed_up_to_ten_thousand() {
    let registry = TestRegistry::start().await;
    let admin = administrator(&registry).await;
    let columns = "id, account_id, name, is_public, created_at_ms";
    let copied = "id || number, account_id, 'made-' || number, is_public, created_at_ms";
    fill(&registry, "namespaces", columns, copied, MOST);
    let listed = admin.ibm_get("/namespaces").await.assert_status(200).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(MOST));
    admin.ibm_put("/namespaces/team").await.assert_status(201);
    is_refused(&admin, "/namespaces", "which has pages").await;
}

#[tokio::test]
async fn the_trash_is_listed_up_to_ten_thousand_images() {
    let registry = TestRegistry::start().await;
    let admin = administrator(&registry).await;
    let image = registry.push_image("library/app", "v1").await;
    let path = format!("/v2/library/app/manifests/{image}");
    registry
        .delete("/v2/library/app/manifests/v1")
        .await
        .assert_status(202);
    registry.delete(&path).await.assert_status(202);
    let tags = registry.sql("DELETE FROM trash_items WHERE kind = 'tag' RETURNING id");
    assert_eq!(tags.len(), 1);
    let columns = "id, account_id, kind, parent_id, namespace_id, namespace, repository, digest, tag, subject_digest, \
         media_type, content, deleted_by, deleted_at_ms, period_ms, purge_at_ms";
    let copied = "id || number, account_id, kind, parent_id, namespace_id, namespace, repository || number, digest, tag, \
         subject_digest, media_type, content, deleted_by, deleted_at_ms, period_ms, purge_at_ms";
    fill(&registry, "trash_items", columns, copied, MOST);
    let listed = admin.ibm_get("/trash").await.assert_status(200).json();
    assert_eq!(listed.as_object().map(serde_json::Map::len), Some(MOST));
    let image = registry.push_image("library/other", "v1").await;
    let path = format!("/v2/library/other/manifests/{image}");
    registry.delete(&path).await.assert_status(202);
    is_refused(&admin, "/trash", "ask for a namespace at a time").await;
}
