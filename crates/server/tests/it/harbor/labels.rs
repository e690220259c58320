//! Labels of the account and of projects, and artifacts that carry them.

use serde_json::{Value, json};

use super::repositories::{answer, refuse};
use super::{API, Harbor};
use crate::registry::TestRegistry;
use crate::registry::client::Client;

async fn create(caller: &Client, body: &Value) -> i64 {
    let made = answer(caller.api_post("/labels", body), 201).await;
    let number = made
        .location()
        .strip_prefix(&format!("{API}/labels/"))
        .map(str::parse);
    number.expect("a path").expect("a number")
}

async fn project(registry: &TestRegistry, name: &str) -> i64 {
    answer(
        registry.api_post("/projects", &json!({ "project_name": name })),
        201,
    )
    .await;
    let project = registry.api_get(&format!("/projects/{name}")).await.json();
    project["project_id"].as_i64().expect("a number")
}

#[tokio::test]
async fn a_label_is_made_read_changed_and_deleted() {
    let registry = TestRegistry::start().await;
    let team = project(&registry, "team").await;
    let new = json!({ "name": "bug", "description": "broken", "color": "#A9B6BE", "scope": "g", "id": 99 });
    let global = create(&registry, &new).await;
    let of_team = json!({ "name": "bug", "scope": "p", "project_id": team });
    let of_team = create(&registry, &of_team).await;
    let mut told = answer(registry.api_get(&format!("/labels/{global}")), 200)
        .await
        .json();
    for time in ["creation_time", "update_time"] {
        assert!(told[time].is_string());
        told.as_object_mut().expect("an object").remove(time);
    }
    assert_eq!(
        told,
        json!({ "id": global, "name": "bug", "description": "broken", "color": "#A9B6BE", "scope": "g" })
    );
    let listed = answer(
        registry.api_get(&format!("/labels?scope=p&project_id={team}")),
        200,
    )
    .await;
    assert_eq!(
        (listed.each("id"), listed.each("project_id")),
        (vec![json!(of_team)], vec![json!(team)])
    );
    for (query, expected) in [
        ("scope=g", 1),
        ("scope=g&name=BU", 1),
        ("scope=g&q=name%3Dx", 0),
    ] {
        let listed = answer(registry.api_get(&format!("/labels?{query}")), 200).await;
        assert_eq!(listed.each("id").len(), expected, "{query}");
    }
    refuse(registry.api_post("/labels", &new), 409).await;
    let change = json!({ "name": "defect", "description": "", "color": "#fff", "scope": "p", "project_id": team });
    registry
        .api_put(&format!("/labels/{global}"), &change)
        .await
        .assert_done();
    let told = registry.api_get(&format!("/labels/{global}")).await.json();
    assert_eq!(
        (&told["name"], &told["scope"], told.get("description")),
        (&json!("defect"), &json!("g"), None)
    );
    for (body, status) in [
        (json!({ "name": "x" }), 400),
        (json!({ "name": "x", "scope": "p" }), 400),
        (json!({ "name": "", "scope": "g" }), 400),
        (json!({ "name": "x".repeat(129), "scope": "g" }), 400),
        (
            json!({ "name": "x", "scope": "g", "color": "red;}body{" }),
            400,
        ),
        (json!({ "name": "x", "scope": "p", "project_id": 999 }), 404),
    ] {
        answer(registry.api_post("/labels", &body), status).await;
    }
    for query in ["", "scope=x", "scope=p"] {
        refuse(registry.api_get(&format!("/labels?{query}")), 400).await;
    }
    registry
        .api_delete(&format!("/labels/{global}"))
        .await
        .assert_done();
    refuse(registry.api_get(&format!("/labels/{global}")), 404).await;
    refuse(registry.api_delete(&format!("/labels/{global}")), 404).await;
}

#[tokio::test]
async fn artifacts_carry_labels_of_the_account_and_of_their_project() {
    let registry = TestRegistry::start().await;
    let (team, other) = (
        project(&registry, "team").await,
        project(&registry, "other").await,
    );
    let image = registry.push_image("team/app", "v1").await;
    registry.push_image("team/app", "v2").await;
    let of =
        |scope: &str, project: i64| json!({ "name": "l", "scope": scope, "project_id": project });
    let global = create(&registry, &of("g", 0)).await;
    let of_team = create(&registry, &of("p", team)).await;
    let foreign = create(&registry, &of("p", other)).await;
    let path = "/projects/team/repositories/app/artifacts/v1/labels";
    for number in [global, of_team] {
        registry
            .api_post(path, &json!({ "id": number }))
            .await
            .assert_done();
    }
    refuse(registry.api_post(path, &json!({ "id": global })), 409).await;
    // T12: a label of another project, and one that there is not, are the same here.
    for number in [foreign, 999, 0] {
        refuse(registry.api_post(path, &json!({ "id": number })), 404).await;
        refuse(registry.api_delete(&format!("{path}/{number}")), 404).await;
    }
    let artifacts = "/projects/team/repositories/app/artifacts";
    let told = registry
        .api_get(&format!("{artifacts}/v1?with_label=true"))
        .await
        .json();
    let carried: Vec<_> = told["labels"]
        .as_array()
        .expect("labels")
        .iter()
        .map(|label| label["id"].clone())
        .collect();
    assert_eq!(carried, [json!(global), json!(of_team)]);
    let plain = registry.api_get(&format!("{artifacts}/v1")).await.json();
    assert_eq!(plain.get("labels"), None);
    let both = format!("{artifacts}?q=labels%3D({global}%20{of_team})");
    assert_eq!(
        answer(registry.api_get(&both), 200).await.each("digest"),
        [json!(image)]
    );
    registry
        .api_delete(&format!("{path}/{of_team}"))
        .await
        .assert_done();
    refuse(registry.api_delete(&format!("{path}/{of_team}")), 404).await;
    assert_eq!(registry.api_get(&both).await.json(), json!([]));
    // Deleted, it is carried by nothing.
    registry
        .api_delete(&format!("/labels/{global}"))
        .await
        .assert_done();
    let told = registry
        .api_get(&format!("{artifacts}/v1?with_label=true"))
        .await
        .json();
    assert_eq!(told.get("labels"), None);
}

/// T9, T12: who may see and change which labels.
#[tokio::test]
async fn t09_t12_labels_are_for_those_who_may() {
    let registry = TestRegistry::start().await;
    let (team, other) = (
        project(&registry, "team").await,
        project(&registry, "other").await,
    );
    registry.push_image("team/app", "v1").await;
    let of =
        |scope: &str, project: i64| json!({ "name": "l", "scope": scope, "project_id": project });
    let global = create(&registry, &of("g", 0)).await;
    let foreign = create(&registry, &of("p", other)).await;
    let maintainer = registry.create_member("team", "main", "maintainer");
    let guest = registry.create_member("team", "guest", "guest");
    let (stranger, anonymous) = (registry.create_user("stranger"), registry.anonymous());
    let own = create(&maintainer, &of("p", team)).await;
    let seers = [(&maintainer, 200), (&guest, 200), (&stranger, 403)];
    for (caller, status) in seers.into_iter().chain([(&anonymous, 401)]) {
        let of_team = format!("/labels?scope=p&project_id={team}");
        for path in [
            format!("/labels/{global}"),
            format!("/labels/{own}"),
            of_team,
        ] {
            answer(caller.api_get(&path), status).await;
        }
        answer(caller.api_get("/labels?scope=g"), status).await;
    }
    let change = json!({ "name": "x", "scope": "g" });
    let users = [&maintainer, &guest, &stranger].map(|user| (user, 403));
    for (caller, status) in users.into_iter().chain([(&anonymous, 401)]) {
        let mut texts = Vec::new();
        for number in [global, foreign, 999] {
            let path = format!("/labels/{number}");
            texts.push(answer(caller.api_put(&path, &change), status).await.text());
            texts.push(answer(caller.api_delete(&path), status).await.text());
        }
        for path in [format!("/labels/{foreign}"), "/labels/999".to_owned()] {
            texts.push(answer(caller.api_get(&path), status).await.text());
        }
        texts.dedup();
        assert_eq!(texts.len(), 1, "{texts:?}");
        for body in [of("g", 0), of("p", other)] {
            answer(caller.api_post("/labels", &body), status).await;
        }
        let of_other = format!("/labels?scope=p&project_id={other}");
        answer(caller.api_get(&of_other), status).await;
    }
    refuse(
        guest.api_post(
            "/projects/team/repositories/app/artifacts/v1/labels",
            &json!({ "id": own }),
        ),
        403,
    )
    .await;
    refuse(guest.api_delete(&format!("/labels/{own}")), 403).await;
    maintainer
        .api_delete(&format!("/labels/{own}"))
        .await
        .assert_done();
    assert_eq!(
        registry.api_get("/labels?scope=g").await.each("id"),
        [json!(global)]
    );
}

/// T8, T12: numbers and names are each account's own.
#[tokio::test]
async fn t08_t12_another_accounts_content_is_not_there() {
    let registry = TestRegistry::start().await;
    registry.push_image("library/app", "v1").await;
    let label = create(&registry, &json!({ "name": "l", "scope": "g" })).await;
    let boss = registry.create_account("other", "boss");
    let path = format!("/labels/{label}");
    for answer in [
        boss.api_get(&path).await,
        boss.api_put(&path, &json!({ "name": "mine" })).await,
        boss.api_delete(&path).await,
        boss.api_get("/projects/library/repositories/app").await,
        boss.api_delete("/projects/library/repositories/app").await,
        boss.api_get("/projects/library/repositories/app/artifacts/v1")
            .await,
    ] {
        answer.assert_harbor_error(404, "NOT_FOUND");
    }
    for path in ["/repositories", "/labels?scope=g"] {
        assert_eq!(
            answer(boss.api_get(path), 200).await.json(),
            json!([]),
            "{path}"
        );
    }
    let found = answer(boss.api_get("/search?q=app"), 200).await;
    assert_eq!(found.json(), json!({ "project": [], "repository": [] }));
    answer(
        boss.api_post("/projects", &json!({ "project_name": "mine" })),
        201,
    )
    .await;
    let copy = format!("{API}/projects/mine/repositories/x/artifacts?from=library/app:v1");
    let copy = boss.request(http::Method::POST, &copy).await;
    copy.assert_harbor_error(404, "NOT_FOUND");
    // The same number, another label.
    let own = create(&boss, &json!({ "name": "own", "scope": "g" })).await;
    assert_eq!(own, label);
    boss.api_delete(&path).await.assert_done();
    let told = answer(registry.api_get(&path), 200).await.json();
    assert_eq!(told["name"], "l");
}
