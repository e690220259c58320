//! Who gets which page: every page of the console and every kind of visitor, as one table to be read.

use std::fmt::Write as _;

use web::console::PAGES;

use super::Browser;
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
    ("GET", "/accounts/{account}/repositories/{repository}", [303, 404, 404, 200, 200]),
    ("GET", "/accounts/{account}/repositories/{repository}/{reference}", [303, 404, 404, 200, 200]),
];

fn path_of(template: &str) -> String {
    let path = template
        .replace("{account}", "default")
        .replace("{namespace}", "secret")
        .replace("{repository}", "secret%2Fapp")
        .replace("{reference}", "v1")
        .replace("{robot}", "robot$ci");
    format!("/console{path}")
}

#[tokio::test]
async fn every_page_is_for_whom_it_should_be() {
    let pages: Vec<_> = PAGES.iter().map(|page| (page.method, page.path)).collect();
    let rows: Vec<Row> = [ROWS, super::people::ROWS]
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
    let robot = [
        ("name", "ci"),
        ("action", "repository:pull"),
        ("place", "all"),
    ];
    let made = Browser::administrator(&registry).await;
    let made = made.submit("/console/accounts/default/robots", &robot);
    made.await.assert_status(200);
    let stranger = registry.create_account("acme", "carol");
    let fellow = registry.create_user("dora");
    let guest = registry.create_member("secret", "emil", "guest");
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
        let path = path_of(template);
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
