//! Search over names.

use serde_json::{Value, json};

use super::Harbor;
use crate::registry::TestRegistry;

fn names(found: &Value, list: &str, field: &str) -> Vec<Value> {
    let found = found[list].as_array().expect("a list");
    found.iter().map(|one| one[field].clone()).collect()
}

/// T8: nothing of what the caller may not see is found.
#[tokio::test]
async fn t08_search_finds_what_the_caller_may_see() {
    let registry = TestRegistry::start().await;
    for (name, public) in [
        ("team-own", false),
        ("team-foreign", false),
        ("team-open", true),
    ] {
        let body = json!({ "project_name": name, "public": public });
        registry
            .api_post("/projects", &body)
            .await
            .assert_status(201);
        registry.push_image(&format!("{name}/app"), "v1").await;
    }
    let guest = registry.create_member("team-own", "guest", "guest");
    for (caller, expected) in [
        (&guest, &["team-open", "team-own"][..]),
        (&registry.anonymous(), &["team-open"]),
    ] {
        let found = caller
            .api_get("/search?q=TEAM")
            .await
            .assert_status(200)
            .json();
        assert_eq!(names(&found, "project", "name"), expected);
        let repositories: Vec<String> = expected.iter().map(|name| format!("{name}/app")).collect();
        assert_eq!(names(&found, "repository", "repository_name"), repositories);
    }
    let found = guest
        .api_get("/search?q=own/a")
        .await
        .assert_status(200)
        .json();
    assert_eq!(found["project"], json!([]));
    let project = registry.api_get("/projects/team-own").await.json();
    assert_eq!(
        found["repository"],
        json!([{
            "project_id": project["project_id"], "project_name": "team-own", "project_public": false,
            "repository_name": "team-own/app", "pull_count": 0, "artifact_count": 1,
        }])
    );
    let all = registry
        .api_get("/search?q=")
        .await
        .assert_status(200)
        .json();
    assert_eq!(names(&all, "project", "name").len(), 4);
    let none = guest
        .api_get("/search?q=%25")
        .await
        .assert_status(200)
        .json();
    assert_eq!(none, json!({ "project": [], "repository": [] }));
}
