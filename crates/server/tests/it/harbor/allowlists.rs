//! Vulnerabilities that are accepted: data of the account and of its projects.

use serde_json::{Value, json};

use super::Harbor;
use crate::registry::TestRegistry;

const PATH: &str = "/system/CVEAllowlist";

/// A list without its times, which have to be there.
#[track_caller]
fn timeless(mut list: Value) -> Value {
    for field in ["creation_time", "update_time"] {
        let time = list.as_object_mut().and_then(|fields| fields.remove(field));
        let time = time.expect("a time");
        assert!(time.as_str().expect("text").ends_with('Z'), "{time}");
    }
    list
}

#[tokio::test]
async fn the_account_has_a_list_that_is_written_as_a_whole() {
    let registry = TestRegistry::start().await;
    let nothing = registry.api_get(PATH).await.assert_status(200).json();
    let never = "0001-01-01T00:00:00.000Z";
    assert_eq!(
        nothing,
        json!({ "items": [], "creation_time": never, "update_time": never })
    );
    // As Terraform's provider and the portal send it, with what they read before.
    let list = json!({
        "id": 1, "project_id": 0, "creation_time": never, "expires_at": 1_893_456_000,
        "items": [{ "cve_id": "CVE-2026-1" }, { "cve_id": "GHSA-abcd" }],
    });
    registry.api_put(PATH, &list).await.assert_done();
    let read = registry.api_get(PATH).await.assert_status(200).json();
    assert_eq!(
        timeless(read),
        json!({ "items": list["items"], "expires_at": 1_893_456_000 })
    );
    // One that has ended stays as it is; without an end it does not end.
    let ended = json!({ "items": [{ "cve_id": "CVE-2026-3" }], "expires_at": 0 });
    registry.api_put(PATH, &ended).await.assert_done();
    let read = registry.api_get(PATH).await.json();
    assert_eq!(timeless(read), ended);
    let for_ever = json!({ "items": [], "expires_at": null });
    registry.api_put(PATH, &for_ever).await.assert_done();
    let read = registry.api_get(PATH).await.json();
    assert_eq!(timeless(read), json!({ "items": [] }));
    let told = registry
        .sql("SELECT payload FROM events WHERE kind = 'cve_allowlist.updated' ORDER BY id LIMIT 1");
    let told = &told[0][0];
    assert!(
        told.contains("\"items\":2") && told.contains("1893456000"),
        "{told}"
    );
}

#[tokio::test]
async fn what_is_no_list_changes_nothing() {
    let registry = TestRegistry::start().await;
    let kept = json!({ "items": [{ "cve_id": "CVE-2026-1" }] });
    registry.api_put(PATH, &kept).await.assert_done();
    let twice = json!([{ "cve_id": "CVE-1" }, { "cve_id": "CVE-1" }]);
    for (body, status, code) in [
        (json!({ "items": twice }), 400, "BAD_REQUEST"),
        (json!({ "items": [{ "cve_id": "  " }] }), 400, "BAD_REQUEST"),
        (json!({ "items": [{}] }), 400, "BAD_REQUEST"),
        (
            json!({ "items": [{ "cve_id": "x".repeat(300) }] }),
            400,
            "BAD_REQUEST",
        ),
        (json!({ "expires_at": -1 }), 400, "BAD_REQUEST"),
        (json!({ "expires_at": i64::MAX }), 400, "BAD_REQUEST"),
        (json!({ "project_id": 1 }), 400, "BAD_REQUEST"),
        (json!({ "items": "CVE-1" }), 422, "UNPROCESSABLE_ENTITY"),
        (json!({ "expires_at": "soon" }), 422, "UNPROCESSABLE_ENTITY"),
    ] {
        let refused = registry.api_put(PATH, &body).await;
        refused.assert_harbor_error(status, code);
    }
    let read = registry.api_get(PATH).await.json();
    assert_eq!(timeless(read), kept);
}

#[tokio::test]
async fn everyone_who_is_logged_in_reads_it_and_administrators_write_it() {
    let registry = TestRegistry::start().await;
    let owner = registry.create_member("library", "owner", "project-admin");
    let boss = registry.create_account("other", "boss");
    let list = json!({ "items": [{ "cve_id": "CVE-2026-1" }] });
    registry.api_put(PATH, &list).await.assert_done();
    let read = owner.api_get(PATH).await.assert_status(200).json();
    assert_eq!(timeless(read), list);
    owner
        .api_put(PATH, &list)
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    let stranger = registry.anonymous();
    stranger
        .api_get(PATH)
        .await
        .assert_harbor_error(401, "UNAUTHORIZED");
    stranger
        .api_put(PATH, &list)
        .await
        .assert_harbor_error(401, "UNAUTHORIZED");
    // Another account has another list.
    let theirs = boss.api_get(PATH).await.assert_status(200).json();
    assert_eq!(theirs["items"], json!([]));
}

#[tokio::test]
async fn a_project_has_a_list_of_its_own() {
    let registry = TestRegistry::start().await;
    let new = json!({
        "project_name": "app", "metadata": { "reuse_sys_cve_allowlist": "false" },
        "cve_allowlist": { "items": [{ "cve_id": "CVE-2026-1" }], "expires_at": 1_893_456_000 },
    });
    let made = registry
        .api_post("/projects", &new)
        .await
        .assert_status(201);
    let path = made.location().replace("/api/v2.0", "");
    let read = async || {
        let project = registry.api_get(&path).await.assert_status(200).json();
        let reuse = project["metadata"]["reuse_sys_cve_allowlist"].clone();
        (timeless(project["cve_allowlist"].clone()), reuse)
    };
    let items = json!([{ "cve_id": "CVE-2026-1" }]);
    let number = 2;
    assert_eq!(
        read().await,
        (
            json!({ "project_id": number, "items": items, "expires_at": 1_893_456_000 }),
            json!("false")
        )
    );
    // What says nothing of the list leaves it alone.
    let other = json!({ "metadata": { "severity": "high" } });
    registry.api_put(&path, &other).await.assert_done();
    assert_eq!(read().await.0["items"], items);
    let emptied = json!({ "cve_allowlist": { "project_id": number, "items": [] } });
    registry.api_put(&path, &emptied).await.assert_done();
    assert_eq!(read().await.0, json!({ "project_id": number, "items": [] }));
    let of_another = json!({ "cve_allowlist": { "project_id": 1, "items": [] } });
    let refused = registry.api_put(&path, &of_another).await;
    assert_eq!(
        refused.error_message(),
        "project_id in cve_allowlist must be 2 but it's 1"
    );
    refused.assert_harbor_error(400, "BAD_REQUEST");
    let wrong = json!({ "metadata": { "severity": "low" }, "cve_allowlist": { "items": [{}] } });
    let refused = registry.api_put(&path, &wrong).await;
    refused.assert_harbor_error(400, "BAD_REQUEST");
    let kept = registry
        .api_get(&format!("{path}/metadatas/severity"))
        .await;
    assert_eq!(
        kept.assert_status(200).json(),
        json!({ "severity": "high" })
    );
    let listed = registry.api_get("/projects?name=app").await.json();
    assert_eq!(
        timeless(listed[0]["cve_allowlist"].clone())["items"],
        json!([])
    );
    registry.api_delete(&path).await.assert_done();
    assert_eq!(registry.sql("SELECT COUNT(*) FROM cve_allowlists"), [["0"]]);
}
