//! Counts, as far as each caller may know.

use serde_json::{Value, json};

use super::Harbor;
use crate::registry::TestRegistry;

#[tokio::test]
async fn everyone_counts_what_it_may_see() {
    let registry = TestRegistry::start().await;
    for arguments in [
        &["namespace", "create", "open", "--public"][..],
        &["namespace", "create", "own"],
        &["namespace", "create", "foreign"],
    ] {
        registry.admin(arguments);
    }
    for repository in ["open/a", "own/a", "own/b", "foreign/a"] {
        registry.push_image(repository, "v1").await;
    }
    let counts = |private: (i64, i64), public: (i64, i64), total: (i64, i64), bytes: Value| {
        json!({
            "private_project_count": private.0, "private_repo_count": private.1,
            "public_project_count": public.0, "public_repo_count": public.1,
            "total_project_count": total.0, "total_repo_count": total.1,
            "total_storage_consumption": bytes,
        })
    };
    let all = registry
        .api_get("/statistics")
        .await
        .assert_status(200)
        .json();
    let bytes = all["total_storage_consumption"].clone();
    assert!(bytes.as_i64().is_some_and(|bytes| bytes > 0), "{all}");
    assert_eq!(all, counts((3, 3), (1, 1), (4, 4), bytes));
    let guest = registry.create_member("own", "guest", "limited-guest");
    let seen = guest.api_get("/statistics").await.assert_status(200).json();
    assert_eq!(seen, counts((1, 2), (1, 1), (0, 0), json!(0)));
    let stranger = registry.create_user("stranger");
    let seen = stranger
        .api_get("/statistics")
        .await
        .assert_status(200)
        .json();
    assert_eq!(seen, counts((0, 0), (1, 1), (0, 0), json!(0)));
    registry
        .anonymous()
        .api_get("/statistics")
        .await
        .assert_harbor_error(401, "UNAUTHORIZED");
    // Another account has nothing of all this.
    let boss = registry.create_account("other", "boss");
    let seen = boss.api_get("/statistics").await.assert_status(200).json();
    assert_eq!(seen, counts((0, 0), (0, 0), (0, 0), json!(0)));
}

#[tokio::test]
async fn a_projects_summary_tells_each_caller_what_it_may_know() {
    let registry = TestRegistry::start().await;
    registry.admin(&["namespace", "create", "open", "--public"]);
    registry.push_image("open/app", "v1").await;
    let owner = registry.create_member("open", "owner", "project-admin");
    let guest = registry.create_member("open", "guest", "guest");
    registry.create_member("open", "other", "guest");
    registry.create_member("open", "developer", "developer");
    let stranger = registry.create_user("stranger");
    let usage = registry.api_get("/quotas?sort=-name").await.json()[0]["used"]["storage"].clone();
    assert!(usage.as_i64().is_some_and(|bytes| bytes > 0), "{usage}");
    let quota = json!({ "hard": { "storage": -1 }, "used": { "storage": usage } });
    let all = json!({
        "repo_count": 1, "project_admin_count": 1, "developer_count": 1, "guest_count": 2, "quota": quota,
    });
    let path = "/projects/open/summary";
    for caller in [&*registry, &owner] {
        assert_eq!(caller.api_get(path).await.assert_status(200).json(), all);
    }
    let of_guest = guest.api_get(path).await.assert_status(200).json();
    assert_eq!(of_guest, json!({ "repo_count": 1, "quota": quota }));
    for caller in [&stranger, &registry.anonymous()] {
        let seen = caller.api_get(path).await.assert_status(200).json();
        assert_eq!(seen, json!({ "repo_count": 1 }));
    }
    stranger
        .api_get("/projects/library/summary")
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    stranger
        .api_get("/projects/nowhere/summary")
        .await
        .assert_harbor_error(403, "FORBIDDEN");
}
