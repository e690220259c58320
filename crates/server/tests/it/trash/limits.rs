//! For how long the trash keeps things, how much, and that a restore needs room.

use serde_json::{Value, json};

use super::{BOTH, TRASH, delete, listed, restore, status, until};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;

async fn used(registry: &TestRegistry) -> u64 {
    let settings = registry.v1_get(&format!("{TRASH}/settings")).await;
    let settings = settings.assert_status(200).json();
    settings["used_bytes"].as_u64().expect("a number")
}

async fn set(registry: &TestRegistry, settings: &Value) -> u16 {
    let path = format!("{TRASH}/settings");
    registry.v1_put(&path, settings).await.status()
}

#[tokio::test]
async fn what_is_kept_is_what_the_account_decided() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        for (wrong, status) in [
            (json!({ "period_days": 91 }), 422),
            (json!({ "period_days": -1 }), 422),
            (json!({ "limit_bytes": -1 }), 422),
            (json!({ "days": 1 }), 422),
        ] {
            assert_eq!(set(&registry, &wrong).await, status, "{wrong}");
        }
        let mut digests = Vec::new();
        for tag in ["v1", "v2", "v3"] {
            digests.push(registry.push_image("library/app", tag).await);
        }
        for digest in &digests {
            delete(&registry, "library/app", digest).await;
        }
        let items = listed(&registry, "manifest").await;
        let sizes: Vec<u64> = items
            .iter()
            .map(|item| item["size_bytes"].as_u64().expect("a number"))
            .collect();
        assert_eq!(sizes.iter().sum::<u64>(), used(&registry).await);

        // One byte less than there is: what was deleted first goes.
        let limit = json!({ "limit_bytes": sizes.iter().sum::<u64>() - 1 });
        assert_eq!(set(&registry, &limit).await, 204);
        registry.admin(&["jobs", "run", "purge_trash"]);
        let path = format!("{TRASH}?kind=manifest");
        let left = until(&registry, &path, |list| {
            list["items"].as_array().map(Vec::len) == Some(2)
        });
        let left = left.await;
        assert_eq!(left["items"][1]["digest"], digests[1]);
        assert_eq!(used(&registry).await, sizes[0] + sizes[1]);

        // A shorter period counts for what is there; none keeps nothing.
        assert_eq!(set(&registry, &json!({ "period_days": 7 })).await, 204);
        registry.admin(&["jobs", "run", "purge_trash"]);
        let left = until(&registry, &path, |list| list["items"][0]["days_left"] == 7).await;
        assert_eq!(left["items"].as_array().map(Vec::len), Some(2));
        assert_eq!(set(&registry, &json!({ "period_days": 0 })).await, 204);
        registry.admin(&["jobs", "run", "purge_trash"]);
        until(&registry, &path, |list| list["items"] == json!([])).await;
        let image = registry.push_image("library/app", "v4").await;
        delete(&registry, "library/app", &image).await;
        assert_eq!(listed(&registry, "").await, Vec::<Value>::new());
        let kinds = registry.sql("SELECT kind FROM events WHERE kind LIKE 'trash.%' ORDER BY kind");
        assert!(
            kinds.contains(&vec!["trash.purged".to_owned()]),
            "{kinds:?}"
        );
    }
}

#[tokio::test]
async fn a_restore_needs_room() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        let image = registry.push_image("library/app", "v1").await;
        delete(&registry, "library/app", &image).await;
        let items = listed(&registry, "manifest").await;
        let limits = "/accounts/default/limits";
        let little = json!({ "storage_bytes": 1 });
        registry.v1_put(limits, &little).await.assert_status(204);
        let full = restore(&registry, &items[0]).await.assert_status(403);
        assert!(full.text().contains("storage is full"), "{}", full.text());
        assert_eq!(status(&registry, "library/app", &image).await, 404);
        assert_eq!(
            listed(&registry, "manifest").await,
            items,
            "nothing was lost"
        );
        registry.v1_put(limits, &json!({})).await.assert_status(204);
        restore(&registry, &items[0]).await.assert_status(200);
        assert_eq!(status(&registry, "library/app", "v1").await, 200);
    }
}

#[tokio::test]
async fn the_trash_is_emptied_on_request() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        registry.admin(&["namespace", "create", "team"]);
        for tag in ["v1", "v2"] {
            registry.push_image("team/app", tag).await;
        }
        let gone = registry.push_image("library/app", "v1").await;
        delete(&registry, "library/app", &gone).await;
        registry
            .delete("/api/v1/namespaces/team")
            .await
            .assert_status(204);
        let namespace = &listed(&registry, "namespace").await[0];
        let id = namespace["id"].as_str().expect("an id");
        let item = format!("{TRASH}/{id}");
        registry.v1_delete(&item).await.assert_no_content();
        registry.v1_delete(&item).await.assert_status(404);
        let left = registry.sql("SELECT kind, digest FROM trash_items ORDER BY kind");
        let manifest = vec!["manifest".to_owned(), gone.clone()];
        assert_eq!(left, [manifest, vec!["tag".to_owned(), gone.clone()]]);
        let emptied = registry.v1_delete(TRASH).await.assert_status(200).json();
        assert_eq!(emptied["purged"], 2);
        assert_eq!(used(&registry).await, 0);
        let rows = registry.sql("SELECT COUNT(*) FROM trash_item_blobs");
        assert_eq!(rows, [["0"]]);
    }
}
