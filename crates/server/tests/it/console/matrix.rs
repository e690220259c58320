//! Who gets which page: every page of the console and every kind of visitor, as one table to be read.

use std::fmt::Write as _;

use serde_json::{Value, json};
use web::console::PAGES;

use super::Browser;
use crate::account_api::AccountApi as _;
use crate::harbor::Harbor as _;
use crate::registry::TestRegistry;

/// Method and path of a page; what nobody, a stranger, a fellow without any role, a guest of the namespace, and the account's
/// administrator get.
pub(super) type Row = (&'static str, &'static str, [u16; 5]);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("GET", "", [303, 303, 303, 303, 303]),
    ("GET", "/sign-in", [200, 303, 303, 303, 303]),
    ("POST", "/sign-in", [401, 401, 401, 401, 401]),
    ("POST", "/sign-out", [303, 303, 303, 303, 303]),
    ("GET", "/language", [404, 404, 404, 404, 404]),
    ("GET", "/password", [303, 200, 200, 200, 200]),
    ("POST", "/password", [303, 422, 422, 422, 422]),
    ("GET", "/accounts/{account}", [303, 404, 200, 200, 200]),
    ("GET", "/accounts/{account}/namespaces", [303, 404, 200, 200, 200]),
    ("POST", "/accounts/{account}/namespaces", [303, 404, 403, 403, 422]),
    ("GET", "/accounts/{account}/namespaces/{namespace}", [303, 404, 404, 200, 200]),
];

fn path_of(template: &str) -> String {
    let path = template
        .replace("{account}", "default")
        .replace("{namespace}", "secret")
        .replace("{repository}", "secret%2Fapp")
        .replace("{reference}", "v1")
        .replace("{run}", "1")
        .replace("{item}", "none")
        .replace("{robot}", "robot$ci")
        .replace("{user}", "fritz")
        .replace("{group}", "developers")
        .replace("{role}", "releaser")
        .replace("{rule}", "releases")
        .replace("{invitation}", "none")
        .replace("{job}", "none")
        .replace("{mail_address}", "none")
        .replace("{sink}", "none")
        .replace("{source}", "none")
        .replace("{host}", "none.example.com")
        .replace("{number}", "999");
    format!("/console{path}")
}

/// A robot account, a user, a group, a role, a trust rule; a grant in the namespace, and an access token of the administrator's.
async fn made_for_people(registry: &TestRegistry) -> (String, String) {
    let robot = [
        ("name", "ci"),
        ("action", "repository:pull"),
        ("place", "all"),
    ];
    let made = Browser::administrator(registry).await;
    let made = made.submit("/console/accounts/default/robots", &robot);
    made.await.assert_status(200);
    let group = json!({ "group_name": "developers" });
    let made = registry.api_post("/usergroups", &group).await;
    made.assert_status(201);
    let role = json!({ "name": "releaser", "actions": ["repository:push"] });
    let made = registry.v1_post("/accounts/default/roles", &role).await;
    made.assert_status(201);
    registry.create_member("secret", "fritz", "guest");
    let rule = json!({
        "name": "releases", "issuer": "https://issuer.example.com", "audience": "us", "claims": { "sub": ["a"] },
        "permissions": [{ "place": "every_namespace", "actions": ["repository:push"] }],
    });
    let made = registry
        .v1_post("/accounts/default/trust-rules", &rule)
        .await;
    made.assert_status(201);
    let found = registry
        .v1_get("/accounts/default/grants?subject=fritz")
        .await;
    let token = json!({ "name": "laptop", "actions": ["pull"] });
    let made = registry.v1_post("/user/access-tokens", &token).await;
    let id = |known: &Value| known["id"].as_str().expect("an id").to_owned();
    (id(&found.json()["items"][0]), id(&made.json()))
}

#[tokio::test]
async fn every_page_is_for_whom_it_should_be() {
    let pages: Vec<_> = PAGES.iter().map(|page| (page.method, page.path)).collect();
    let rows: Vec<Row> = [
        ROWS,
        super::content::ROWS,
        super::people::ROWS,
        super::policies::ROWS,
        super::operator::ROWS,
        super::settings::ROWS,
        super::work::ROWS,
    ]
    .into_iter()
    .flatten()
    .copied()
    .collect();
    let known: Vec<_> = rows
        .iter()
        .map(|(method, path, _)| (*method, *path))
        .collect();
    assert_eq!(known, pages, "every page has a row");

    let registry = TestRegistry::builder()
        .setting("LIMITS__FAILED_LOGINS_PER_NAME", 1000)
        .start()
        .await;
    registry.admin(&["namespace", "create", "secret"]);
    registry.push_image("secret/app", "v1").await;
    let stranger = registry.create_account("acme", "carol");
    let fellow = registry.create_user("dora");
    let guest = registry.create_member("secret", "emil", "guest");
    let (grant, token) = made_for_people(&registry).await;
    let mut wrong = String::new();
    let enter = async || {
        [
            Browser::new(&registry),
            Browser::of(&registry, &stranger).await,
            Browser::of(&registry, &fellow).await,
            Browser::of(&registry, &guest).await,
            Browser::administrator(&registry).await,
        ]
    };
    let mut visitors = enter().await;
    for (method, template, expected) in rows {
        let path = path_of(template)
            .replace("{grant}", &grant)
            .replace("{token}", &token);
        if template == "/language" {
            // The page before it ended the sessions.
            visitors = enter().await;
        }
        let mut seen = Vec::new();
        for visitor in &visitors {
            let answer = match (method, visitor.session.as_str()) {
                ("GET", _) => visitor.get(&path).await,
                (_, "") => visitor.send(&path, &[]).await,
                _ => visitor.submit(&path, &[]).await,
            };
            seen.push(answer.status());
        }
        if seen != expected {
            let _ = writeln!(
                wrong,
                "{method} {template}: {seen:?} instead of {expected:?}"
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// What one may not see looks like what is not there.
#[tokio::test]
async fn what_is_hidden_looks_like_what_is_not_there() {
    let registry = TestRegistry::start().await;
    registry.admin(&["namespace", "create", "secret"]);
    registry.push_image("secret/app", "v1").await;
    let fellow = registry.create_user("dora");
    let fellow = Browser::of(&registry, &fellow).await;
    for (there, not) in [
        ("namespaces/secret", "namespaces/absent"),
        ("repositories/secret%2Fapp", "repositories/absent%2Fapp"),
        (
            "repositories/secret%2Fapp/v1",
            "repositories/absent%2Fapp/v1",
        ),
    ] {
        let get = async |path: &str| {
            let answer = fellow
                .get(&format!("/console/accounts/default/{path}"))
                .await;
            let text = answer.assert_status(404).text();
            text.replace(&path.replace('%', "%25").replace('/', "%2F"), "PATH")
        };
        assert_eq!(get(there).await, get(not).await, "{there}");
    }
    let list = fellow.page("/console/accounts/default/namespaces").await;
    assert!(!list.contains("secret"), "{list}");
}
