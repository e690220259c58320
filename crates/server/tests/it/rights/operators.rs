//! Operators of the deployment, their roles and their log.

use serde_json::json;

use super::event;
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;

const OPERATORS: &str = "/deployment/operators";

#[tokio::test]
async fn each_role_of_operators_does_what_it_is_for() {
    let registry = TestRegistry::start().await;
    let stranger = registry.create_user("stranger");
    for path in [
        "/deployment",
        OPERATORS,
        "/deployment/content-requests",
        "/deployment/audit-events",
    ] {
        stranger.v1_get(path).await.assert_error(404, "NOT_FOUND");
    }
    let roles = ["support", "billing", "auditor"];
    let people = roles.map(|role| {
        let user = registry.create_user(role);
        registry.admin(&["operator", "add", role, "--role", role]);
        user
    });
    let plan = json!({ "name": "tiny" });
    let account = json!({ "name": "acme" });
    for (path, body, allowed) in [
        ("/deployment/accounts", None, [true, true, true]),
        ("/deployment/plans", None, [true, true, true]),
        ("/deployment/audit-events", None, [false, false, true]),
        (OPERATORS, None, [false, false, true]),
        ("/deployment/content-requests", None, [true, false, true]),
        ("/deployment/plans", Some(&plan), [false, true, false]),
        (
            "/deployment/accounts",
            Some(&account),
            [false, false, false],
        ),
    ] {
        for ((user, role), is_allowed) in people.iter().zip(roles).zip(allowed) {
            let answer = match body {
                None => user.v1_get(path).await,
                Some(body) => user.v1_post(path, body).await,
            };
            let expected = if is_allowed { &[200, 201][..] } else { &[403] };
            assert!(
                expected.contains(&answer.status()),
                "{role} {path}: {}",
                answer.text()
            );
        }
    }
    // None of them is in an account by that.
    let acme = registry.create_account("acme", "ann");
    acme.v1_get("/accounts/acme").await.assert_status(200);
    for user in &people {
        user.v1_get("/accounts/acme")
            .await
            .assert_error(404, "NOT_FOUND");
    }
    registry
        .v1_get("/accounts/acme")
        .await
        .assert_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn operators_are_made_and_the_last_administrator_stays() {
    let registry = TestRegistry::start().await;
    let olga = registry.create_user("olga");
    let body = |role: &str| json!({ "user": "olga", "role": role });
    let made = registry
        .v1_post(OPERATORS, &body("administrator"))
        .await
        .assert_status(201);
    assert_eq!(
        made.location(),
        "/api/v1/deployment/operators/olga/administrator"
    );
    registry
        .v1_post(OPERATORS, &body("auditor"))
        .await
        .assert_status(201);
    registry
        .v1_post(OPERATORS, &body("owner"))
        .await
        .assert_error(422, "INVALID");
    let nobody = json!({ "user": "nobody", "role": "auditor" });
    registry
        .v1_post(OPERATORS, &nobody)
        .await
        .assert_error(404, "NOT_FOUND");
    let listed = olga.v1_get(OPERATORS).await.assert_status(200);
    assert_eq!(listed.items("user"), ["admin", "olga", "olga"]);
    assert_eq!(
        listed.items("role"),
        ["administrator", "administrator", "auditor"]
    );
    let page = olga.v1_get(&format!("{OPERATORS}?page_size=1")).await;
    let next = page.next_page().expect("more");
    assert_eq!(olga.get(&next).await.items("user"), ["olga"]);

    olga.v1_delete(&format!("{OPERATORS}/admin/administrator"))
        .await
        .assert_no_content();
    registry
        .v1_get(OPERATORS)
        .await
        .assert_error(404, "NOT_FOUND");
    let last = format!("{OPERATORS}/olga/administrator");
    olga.v1_delete(&last).await.assert_error(412, "NOT_NOW");
    olga.v1_delete(&format!("{OPERATORS}/olga/billing"))
        .await
        .assert_error(404, "NOT_FOUND");
    at_the_command_line(&registry);
    olga.v1_get("/deployment/accounts").await.assert_status(200);
    let log = "/deployment/audit-events";
    // Two administrators were taken away; each is told once it is sealed.
    let path = format!("{log}?kind=operator.removed");
    let mut removed = Vec::new();
    while removed.len() < 2 {
        removed = olga
            .v1_get(&path)
            .await
            .assert_status(200)
            .items("resource");
        tokio::task::yield_now().await;
    }
    assert_eq!(removed, ["olga", "admin"]);
    let told = event(&olga, log, "operator.added").await;
    assert_eq!(told["event"]["role"], "administrator");
}

/// The command line adds and takes away, too, and keeps the last administrator.
fn at_the_command_line(registry: &TestRegistry) {
    let refused = registry
        .command(&[
            "admin",
            "operator",
            "remove",
            "olga",
            "--role",
            "administrator",
        ])
        .output();
    assert!(!refused.expect("it runs").status.success());
    let added = registry.admin(&["operator", "add", "admin", "--role", "administrator"]);
    assert_eq!(added, json!({ "user": "admin", "role": "administrator" }));
    let all = registry.admin(&["operator", "list"]);
    assert_eq!(all.as_array().expect("a list").len(), 3);
    registry.admin(&["operator", "remove", "olga", "--role", "administrator"]);
}
