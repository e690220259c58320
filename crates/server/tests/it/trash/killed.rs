//! A restore, and a deletion, that the program does not live to end: what was acknowledged is there, and the rest goes on when it
//! is asked for again.

use serde_json::json;

use super::{BOTH, listed, restore};
use crate::account_api::AccountApi as _;
use crate::harbor::Harbor as _;
use crate::registry::TestRegistry;
use crate::registry::content::{descriptor, image_manifest};

/// More than a few transactions of either.
const MANIFESTS: usize = 420;

async fn fill(registry: &TestRegistry) -> Vec<String> {
    registry.admin(&["namespace", "create", "team"]);
    registry.push_blob("team/app", "{}").await;
    let part = descriptor("application/vnd.oci.image.config.v1+json", "{}");
    let mut digests = Vec::new();
    for number in 0..MANIFESTS {
        let mut manifest = image_manifest(&part, std::slice::from_ref(&part));
        manifest["annotations"] = json!({ "number": number.to_string() });
        let tag = format!("v{number}");
        digests.push(registry.push_manifest("team/app", &tag, &manifest).await);
    }
    digests
}

fn count(registry: &TestRegistry, table: &str) -> usize {
    let rows = registry.sql(&format!("SELECT COUNT(*) FROM {table}"));
    rows[0][0].parse().expect("a number")
}

#[tokio::test]
async fn a_killed_restore_goes_on_when_it_is_asked_for_again() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        let digests = fill(&registry).await;
        let path = "/projects/team/repositories/app";

        // The deletion is broken off in its middle, and done again.
        let client = registry.client(registry.credentials().clone());
        let deletion = tokio::spawn(async move { _ = client.api_delete(path).await });
        while count(&registry, "trash_items") == 0 {
            tokio::task::yield_now().await;
        }
        let setup = registry.kill();
        _ = deletion.await;
        let registry = setup.start().await;
        let deleted = registry.api_delete(path).await;
        assert!([200, 404].contains(&deleted.status()), "{}", deleted.text());
        assert_eq!(count(&registry, "manifests"), 0);
        let items = listed(&registry, "repository").await;
        assert_eq!(items.len(), 1);

        let client = registry.client(registry.credentials().clone());
        let id = items[0]["id"].as_str().expect("an id").to_owned();
        let restoring = tokio::spawn(async move {
            let path = format!("/accounts/default/trash/{id}/restore");
            _ = client.v1_post(&path, &json!({})).await;
        });
        while count(&registry, "manifests") == 0 {
            tokio::task::yield_now().await;
        }
        let setup = registry.kill();
        _ = restoring.await;
        let registry = setup.start().await;
        let again = restore(&registry, &items[0]).await;
        assert!([200, 404].contains(&again.status()), "{}", again.text());
        assert_eq!(count(&registry, "manifests"), MANIFESTS);
        assert_eq!(count(&registry, "tags"), MANIFESTS);
        assert_eq!(count(&registry, "trash_items"), 0);
        for (number, digest) in digests.iter().enumerate() {
            let tag = registry.describe("team/app", &format!("v{number}")).await;
            assert_eq!(tag["digest"], digest.as_str());
        }
        let used = "SELECT u.used_bytes - (SELECT SUM(size_bytes) FROM account_blobs a WHERE a.account_id = u.account_id) \
             FROM account_usage u WHERE u.used_bytes > 0";
        assert_eq!(registry.sql(used), [["0"]], "usage is what is referenced");
    }
}
