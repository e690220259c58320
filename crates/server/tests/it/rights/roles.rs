//! Roles of an account's own.

use serde_json::json;

use super::{DEFAULT, event, grant};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use crate::registry::client::Client;

#[tokio::test]
async fn a_role_takes_effect_with_the_next_request_and_stays_while_somebody_has_it() {
    let registry = TestRegistry::start().await;
    registry.push_image("library/app", "v1").await;
    let alice = registry.create_user("alice");
    let roles = format!("{DEFAULT}/roles");
    let new = json!({ "name": "puller", "description": "looks", "actions": ["repository:pull"] });
    let made = registry.v1_post(&roles, &new).await.assert_status(201);
    assert_eq!(made.location(), "/api/v1/accounts/default/roles/puller");
    assert_eq!(made.json()["actions"], json!(["repository:pull"]));
    registry
        .v1_post(&roles, &new)
        .await
        .assert_error(409, "CONFLICT");

    let manifest = "/v2/library/app/manifests/v1";
    alice.get(manifest).await.assert_status(404);
    let body = json!({ "user": "alice", "role": "puller", "namespace": "library" });
    let given = grant(&registry, &body).await;
    alice.get(manifest).await.assert_status(200);
    alice
        .get("/v2/library/app/tags/list")
        .await
        .assert_status(200);
    alice.delete(manifest).await.assert_status(403);

    let change = json!({ "name": "deleter", "actions": ["repository:pull", "artifact:delete"] });
    let puller = format!("{roles}/puller");
    let changed = registry.v1_put(&puller, &change).await.assert_status(200);
    assert_eq!(changed.json()["name"], "deleter");
    alice.delete(manifest).await.assert_status(202);

    let deleter = format!("{roles}/deleter");
    let refused = registry.v1_delete(&deleter).await;
    assert_eq!(
        refused.assert_error(412, "NOT_NOW").error_message(),
        "the role deleter cannot be deleted while it is given to alice; take it from them first"
    );
    registry.v1_delete(&given).await.assert_no_content();
    alice
        .get("/v2/library/app/tags/list")
        .await
        .assert_status(404);
    registry.v1_delete(&deleter).await.assert_no_content();
    let log = format!("{DEFAULT}/audit-events");
    for kind in [
        "role.created",
        "grant.created",
        "role.updated",
        "grant.deleted",
        "role.deleted",
    ] {
        assert_eq!(event(&registry, &log, kind).await["caller"], "admin");
    }
    let told = event(&registry, &log, "grant.created").await;
    assert_eq!(
        (&told["resource"], &told["event"]["role"]),
        (&json!("alice"), &json!("puller"))
    );
}

#[tokio::test]
async fn what_cannot_be_a_role_is_refused() {
    let registry = TestRegistry::start().await;
    let roles = format!("{DEFAULT}/roles");
    for (body, status) in [
        (
            json!({ "name": "reader", "actions": ["repository:pull"] }),
            409,
        ),
        (json!({ "name": "A", "actions": ["repository:pull"] }), 422),
        (
            json!({ "name": "a".repeat(64), "actions": ["repository:pull"] }),
            422,
        ),
        (json!({ "name": "a", "actions": [] }), 422),
        (json!({ "name": "a", "actions": ["everything:ever"] }), 422),
        // What operators do is no action of accounts.
        (json!({ "name": "a", "actions": ["operator:update"] }), 422),
        (
            json!({ "name": "a", "actions": ["tag:list"], "account_id": "x" }),
            422,
        ),
    ] {
        let refused = registry.v1_post(&roles, &body).await;
        assert_eq!(refused.status(), status, "{body}: {}", refused.text());
    }
    assert_eq!(registry.v1_get(&roles).await.items("name"), [""; 0]);
    let actions = registry
        .v1_get(&format!("{DEFAULT}/actions?page_size=1000"))
        .await;
    let first = &actions.json()["items"][0];
    assert_eq!(first["name"], "repository:pull");
    assert_eq!(first["description"], "Pull from repositories");
    assert!(
        actions
            .items("name")
            .contains(&json!("content-request:update"))
    );
}

/// Whoever may make roles and give them makes and gives none that hold more than it has.
#[tokio::test]
async fn nobody_gives_more_than_it_has() {
    let registry = TestRegistry::start().await;
    let (alice, bob) = (registry.create_user("alice"), registry.create_user("bob"));
    let roles = format!("{DEFAULT}/roles");
    let grants = format!("{DEFAULT}/grants");
    let maker = json!({
        "name": "maker",
        "actions": ["role:create", "role:read", "role:update", "grant:create", "grant:list", "tag:list"],
    });
    registry.v1_post(&roles, &maker).await.assert_status(201);
    grant(&registry, &json!({ "user": "alice", "role": "maker" })).await;
    let more = json!({ "name": "more", "actions": ["tag:list", "tag:delete"] });
    alice
        .v1_post(&roles, &more)
        .await
        .assert_error(403, "DENIED");
    // Not even her own.
    let wider = json!({ "name": "maker", "actions": ["tag:list", "tag:delete"] });
    alice
        .v1_put(&format!("{roles}/maker"), &wider)
        .await
        .assert_error(403, "DENIED");
    let same = json!({ "name": "same", "actions": ["tag:list"] });
    alice.v1_post(&roles, &same).await.assert_status(201);
    for (role, status) in [
        ("same", 201),
        ("maker", 201),
        ("administrator", 403),
        ("developer", 403),
    ] {
        let body = json!({ "user": "bob", "role": role });
        let answer = alice.v1_post(&grants, &body).await;
        assert_eq!(answer.status(), status, "{role}: {}", answer.text());
    }
    // Bob may list what there is, and take nothing.
    let all = bob.v1_get(&grants).await.assert_status(200);
    let admins = all.json();
    let admins = admins["items"].as_array().expect("items");
    let of_admin = admins
        .iter()
        .find(|one| one["role"] == "administrator")
        .expect("one");
    let path = format!("{grants}/{}", of_admin["id"].as_str().expect("an id"));
    bob.v1_delete(&path).await.assert_error(403, "FORBIDDEN");
    // The last administrator stays one.
    registry.v1_delete(&path).await.assert_error(412, "NOT_NOW");
    // In one namespace its administrator gives what it has there, and nothing elsewhere.
    let carol = registry.create_member("library", "carol", "project-admin");
    gives_in_its_namespace(&carol, &grants).await;
    let seen = carol.v1_get(&grants).await.assert_status(200);
    assert_eq!(
        seen.items("namespace"),
        [json!("library"), json!("library")]
    );
}

async fn gives_in_its_namespace(carol: &Client, grants: &str) {
    for (body, status) in [
        (
            json!({ "user": "bob", "role": "developer", "namespace": "library" }),
            201,
        ),
        (
            json!({ "user": "bob", "role": "developer", "namespace": "library" }),
            409,
        ),
        (
            json!({ "user": "bob", "role": "manager", "namespace": "library" }),
            422,
        ),
        (json!({ "user": "bob", "role": "guest" }), 403),
        (
            json!({ "user": "bob", "role": "guest", "namespace": "other" }),
            404,
        ),
        (
            json!({ "user": "nobody", "role": "guest", "namespace": "library" }),
            404,
        ),
        (
            json!({ "user": "bob", "group": "g", "role": "guest", "namespace": "library" }),
            422,
        ),
        (
            json!({ "user": "bob", "role": "guest", "pattern": "x" }),
            422,
        ),
        (
            json!({ "user": "bob", "role": "guest", "namespace": "library", "pattern": "/x" }),
            422,
        ),
    ] {
        let answer = carol.v1_post(grants, &body).await;
        assert_eq!(answer.status(), status, "{body}: {}", answer.text());
    }
}
