//! Tags of artifacts, without pushing.

use serde_json::json;

use super::Harbor;
use super::repositories::{answer, refuse};
use crate::registry::TestRegistry;

#[tokio::test]
async fn tags_are_made_listed_and_deleted_without_pushing() {
    let registry = TestRegistry::start().await;
    let one = registry.push_image("library/app", "v1").await;
    let other = registry.push_image("library/app", "v2").await;
    let artifact = format!("/projects/library/repositories/app/artifacts/{one}");
    let path = format!("{artifact}/tags");
    for name in ["stable", "1.0"] {
        answer(
            registry.api_post(&path, &json!({ "name": name, "immutable": true, "id": 7 })),
            201,
        )
        .await;
    }
    let listed = answer(registry.api_get(&path), 200).await;
    assert_eq!(listed.each("name"), ["1.0", "stable", "v1"]);
    assert_eq!(listed.header("x-total-count"), "3");
    let first = listed.json()[0].clone();
    assert_eq!(
        (
            &first["immutable"],
            &first["repository_id"],
            &first["artifact_id"]
        ),
        (&json!(false), &json!(1), &json!(1))
    );
    let some = registry
        .api_get(&format!("{path}?q=name%3D~a&sort=-name"))
        .await;
    assert_eq!(some.each("name"), ["stable"]);
    let pulled = answer(registry.get("/v2/library/app/manifests/stable"), 200).await;
    assert_eq!(pulled.header("docker-content-digest"), one);

    // Wherever it points.
    for name in ["stable", "v2"] {
        refuse(registry.api_post(&path, &json!({ "name": name })), 409).await;
    }
    for name in ["", ".hidden", "a b", "sha256:x"] {
        refuse(registry.api_post(&path, &json!({ "name": name })), 400).await;
    }
    refuse(registry.api_delete(&format!("{path}/v2")), 404).await;
    refuse(registry.api_delete(&format!("{path}/none")), 404).await;
    let pulled = answer(registry.get("/v2/library/app/manifests/v2"), 200).await;
    assert_eq!(pulled.header("docker-content-digest"), other);
    for name in ["stable", "1.0", "v1"] {
        registry
            .api_delete(&format!("{path}/{name}"))
            .await
            .assert_done();
        answer(
            registry.get(&format!("/v2/library/app/manifests/{name}")),
            404,
        )
        .await;
    }
    answer(registry.api_get(&artifact), 200).await;
    assert_eq!(registry.api_get(&path).await.json(), json!([]));
    let none = registry.api_post(
        "/projects/library/repositories/app/artifacts/none/tags",
        &json!({ "name": "x" }),
    );
    none.await.assert_harbor_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn tags_follow_harbors_table_of_roles() {
    let registry = TestRegistry::start().await;
    registry.push_image("library/app", "v1").await;
    let path = "/projects/library/repositories/app/artifacts/v1/tags";
    let guest = registry.create_member("library", "guest", "guest");
    let developer = registry.create_member("library", "dev", "developer");
    let maintainer = registry.create_member("library", "main", "maintainer");
    let new = json!({ "name": "new" });
    answer(guest.api_get(path), 200).await;
    refuse(guest.api_post(path, &new), 403).await;
    answer(developer.api_post(path, &new), 201).await;
    refuse(developer.api_delete(&format!("{path}/new")), 403).await;
    maintainer
        .api_delete(&format!("{path}/new"))
        .await
        .assert_done();
    registry
        .anonymous()
        .api_get(path)
        .await
        .assert_harbor_error(401, "UNAUTHORIZED");
}
