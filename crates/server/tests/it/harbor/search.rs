//! Search over names.

use serde_json::{Value, json};

use super::Harbor;
use super::repositories::answer;
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
        answer(registry.api_post("/projects", &body), 201).await;
        registry.push_image(&format!("{name}/app"), "v1").await;
    }
    let guest = registry.create_member("team-own", "guest", "guest");
    for (caller, expected) in [
        (&guest, &["team-open", "team-own"][..]),
        (&registry.anonymous(), &["team-open"]),
    ] {
        let found = answer(caller.api_get("/search?q=TEAM"), 200).await.json();
        assert_eq!(names(&found, "project", "name"), expected);
        let repositories: Vec<String> = expected.iter().map(|name| format!("{name}/app")).collect();
        assert_eq!(names(&found, "repository", "repository_name"), repositories);
    }
    let found = answer(guest.api_get("/search?q=own/a"), 200).await.json();
    assert_eq!(found["project"], json!([]));
    let project = registry.api_get("/projects/team-own").await.json();
    assert_eq!(
        found["repository"],
        json!([{
            "project_id": project["project_id"], "project_name": "team-own", "project_public": false,
            "repository_name": "team-own/app", "pull_count": 0, "artifact_count": 1,
        }])
    );
    let all = answer(registry.api_get("/search?q="), 200).await.json();
    assert_eq!(names(&all, "project", "name").len(), 4);
    let none = answer(guest.api_get("/search?q=%25"), 200).await.json();
    assert_eq!(none, json!({ "project": [], "repository": [] }));
}
