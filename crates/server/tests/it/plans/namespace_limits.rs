//! Limits of single namespaces.

use serde_json::{Value, json};

use super::push_layer;
use crate::harbor::Harbor as _;
use crate::registry::TestRegistry;
use crate::registry::client::Client;
use crate::registry::content::{OCI_CONFIG, OCI_LAYER, descriptor, image_manifest, noise};

/// The quota of a project, by its name.
async fn quota(client: &Client, name: &str) -> Value {
    let project = client.api_get(&format!("/projects/{name}")).await.json();
    let id = project["project_id"].clone();
    client
        .api_get(&format!("/quotas/{id}"))
        .await
        .assert_status(200)
        .json()
}

async fn set(client: &Client, name: &str, storage: i64) {
    let id = quota(client, name).await["id"].clone();
    let body = json!({ "hard": { "storage": storage } });
    client
        .api_put(&format!("/quotas/{id}"), &body)
        .await
        .assert_status(200);
}

/// Pushes like [`push_layer`] where the manifest is refused; returns what is said.
async fn refused(client: &Client, repository: &str, layer: (u64, usize)) -> String {
    let layer = noise(layer.0, layer.1);
    client.push_blob(repository, "{}").await;
    client.push_blob(repository, layer.clone()).await;
    let layers = [descriptor(OCI_LAYER, &layer)];
    let manifest = image_manifest(&descriptor(OCI_CONFIG, "{}"), &layers);
    let pushed = client
        .put(&format!("/v2/{repository}/manifests/refused"))
        .content_type(manifest["mediaType"].as_str().expect("a type"))
        .body(manifest.to_string())
        .await;
    let said = pushed.error_message();
    pushed.assert_error(403, "DENIED");
    said
}

#[tokio::test]
async fn a_limit_counts_what_is_there_and_holds_for_what_comes() {
    let registry = TestRegistry::start().await;
    registry.admin(&["namespace", "create", "team"]);
    registry.admin(&["namespace", "create", "free"]);
    push_layer(&registry, "team/app", "v1", (1, 100)).await;
    push_layer(&registry, "team/copy", "v1", (1, 100)).await;
    set(&registry, "team", 150).await;
    let now = quota(&registry, "team").await;
    assert_eq!(
        (&now["hard"], &now["used"]),
        (&json!({ "storage": 150 }), &json!({ "storage": 102 }))
    );
    assert_eq!(
        refused(&registry, "team/app", (2, 60)).await,
        "the storage of the namespace team is full: it may use 150 bytes; delete images from it, or ask an administrator of \
         the account for a higher limit"
    );
    registry
        .get("/v2/team/app/manifests/refused")
        .await
        .assert_status(404);
    // What fits goes in, and what is there already adds nothing.
    push_layer(&registry, "team/app", "v2", (3, 48)).await;
    push_layer(&registry, "team/third", "v1", (1, 100)).await;
    assert_eq!(quota(&registry, "team").await["used"]["storage"], 150);
    push_layer(&registry, "free/app", "v1", (2, 60)).await;
    // A limit below what is used takes nothing away, and nothing in.
    set(&registry, "team", 10).await;
    refused(&registry, "team/app", (4, 1)).await;
    registry
        .get("/v2/team/app/manifests/v1")
        .await
        .assert_status(200);
    // The last reference frees, in whichever way it goes.
    let digest = registry.describe("team/app", "v2").await["digest"].clone();
    let path = format!(
        "/v2/team/app/manifests/{}",
        digest.as_str().expect("a digest")
    );
    registry.delete(&path).await.assert_status(202);
    assert_eq!(quota(&registry, "team").await["used"]["storage"], 102);
    for repository in ["app", "copy", "third"] {
        let path = format!("/projects/team/repositories/{repository}");
        registry.api_delete(&path).await.assert_status(200);
    }
    assert_eq!(quota(&registry, "team").await["used"]["storage"], 0);
    set(&registry, "team", -1).await;
    assert_eq!(quota(&registry, "team").await["hard"]["storage"], -1);
    push_layer(&registry, "team/app", "v1", (5, 500)).await;
    assert_eq!(quota(&registry, "team").await["used"]["storage"], 502);
    let events = registry.sql("SELECT COUNT(*) FROM events WHERE kind = 'namespace.limited'");
    assert_eq!(events, [["3"]]);
}

#[tokio::test]
async fn a_new_namespace_has_the_limit_that_the_account_gives_or_an_administrator_asks_for() {
    let registry = TestRegistry::start().await;
    let create = |client: &Client, name: &str, limit: Option<i64>| {
        let body = json!({ "project_name": name, "storage_limit": limit });
        client.api_post("/projects", &body)
    };
    create(&registry, "one", None).await.assert_status(201);
    create(&registry, "two", Some(1000))
        .await
        .assert_status(201);
    registry
        .api_put("/configurations", &json!({ "storage_per_project": 77 }))
        .await
        .assert_status(200);
    let settings = registry.api_get("/configurations").await.json();
    assert_eq!(
        settings["storage_per_project"],
        json!({ "value": 77, "editable": true })
    );
    create(&registry, "three", None).await.assert_status(201);
    create(&registry, "four", Some(-1)).await.assert_status(201);
    // By pushing, too.
    registry.push_blob("five/app", "x").await;
    // Whoever may not decide about limits gets what all get.
    registry
        .api_put(
            "/configurations",
            &json!({ "project_creation_restriction": "everyone" }),
        )
        .await
        .assert_status(200);
    let member = registry.create_user("zoe");
    create(&member, "six", Some(1 << 40))
        .await
        .assert_status(201);
    for (name, limit) in [
        ("one", -1),
        ("two", 1000),
        ("three", 77),
        ("four", -1),
        ("five", 77),
        ("six", 77),
    ] {
        assert_eq!(
            quota(&registry, name).await["hard"]["storage"],
            limit,
            "{name}"
        );
    }
    let wrong = registry.api_put("/configurations", &json!({ "storage_per_project": -2 }));
    wrong.await.assert_status(400);
}

#[tokio::test]
async fn only_those_who_manage_the_account_set_limits() {
    let registry = TestRegistry::start().await;
    let owner = registry.create_member("library", "owner", "project-admin");
    let body = json!({ "hard": { "storage": 5 } });
    owner
        .api_put("/quotas/1", &body)
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    registry
        .anonymous()
        .api_put("/quotas/1", &body)
        .await
        .assert_harbor_error(401, "UNAUTHORIZED");
    registry
        .api_put("/quotas/99", &body)
        .await
        .assert_harbor_error(404, "NOT_FOUND");
    let boss = registry.create_account("other", "boss");
    boss.api_put("/quotas/1", &body)
        .await
        .assert_harbor_error(404, "NOT_FOUND");
    for storage in [json!(0), json!(-2), json!(null), json!(i64::MAX)] {
        let body = json!({ "hard": { "storage": storage } });
        registry
            .api_put("/quotas/1", &body)
            .await
            .assert_harbor_error(400, "BAD_REQUEST");
    }
    assert_eq!(quota(&registry, "library").await["hard"]["storage"], -1);
}
