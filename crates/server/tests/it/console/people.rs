//! Robot accounts in the console.

use super::matrix::Row;
use super::{BOTH, Browser};
use crate::harbor::Harbor as _;
use crate::registry::TestRegistry;

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("GET", "/accounts/{account}/robots", [303, 404, 403, 403, 200]),
    ("POST", "/accounts/{account}/robots", [303, 404, 403, 403, 422]),
    ("GET", "/accounts/{account}/robots/{robot}", [303, 404, 404, 404, 200]),
    ("POST", "/accounts/{account}/robots/{robot}", [303, 404, 404, 404, 422]),
    ("POST", "/accounts/{account}/robots/{robot}/secret", [303, 404, 404, 404, 200]),
    ("POST", "/accounts/{account}/robots/{robot}/delete", [303, 404, 404, 404, 422]),
    ("GET", "/accounts/{account}/namespaces/{namespace}/robots", [303, 404, 404, 200, 200]),
    ("POST", "/accounts/{account}/namespaces/{namespace}/robots", [303, 404, 404, 403, 422]),
    ("GET", "/accounts/{account}/members", [303, 404, 403, 403, 200]),
    ("POST", "/accounts/{account}/members", [303, 404, 403, 403, 422]),
    ("GET", "/accounts/{account}/members/{grant}", [303, 404, 403, 200, 200]),
    ("POST", "/accounts/{account}/members/{grant}", [303, 404, 403, 403, 422]),
    ("POST", "/accounts/{account}/members/{grant}/delete", [303, 404, 403, 403, 303]),
    ("GET", "/accounts/{account}/namespaces/{namespace}/members", [303, 404, 404, 200, 200]),
    ("POST", "/accounts/{account}/namespaces/{namespace}/members", [303, 404, 404, 403, 422]),
    ("GET", "/accounts/{account}/rights", [303, 404, 403, 403, 200]),
    ("GET", "/accounts/{account}/namespaces/{namespace}/rights", [303, 404, 404, 403, 200]),
    ("GET", "/accounts/{account}/users", [303, 404, 403, 403, 200]),
    ("POST", "/accounts/{account}/users", [303, 404, 403, 403, 422]),
    ("GET", "/accounts/{account}/users/{user}", [303, 404, 403, 403, 200]),
    ("POST", "/accounts/{account}/users/{user}/state", [303, 404, 403, 403, 303]),
    ("POST", "/accounts/{account}/users/{user}/password", [303, 404, 403, 403, 422]),
    ("POST", "/accounts/{account}/users/{user}/delete", [303, 404, 403, 403, 422]),
    ("GET", "/accounts/{account}/invitations", [303, 404, 403, 403, 200]),
    ("POST", "/accounts/{account}/invitations", [303, 404, 403, 403, 422]),
    ("POST", "/accounts/{account}/invitations/{invitation}/revoke", [303, 404, 403, 403, 404]),
    ("GET", "/invitations", [303, 200, 200, 200, 200]),
    ("POST", "/invitations/{invitation}/accept", [303, 404, 404, 404, 404]),
    ("POST", "/invitations/{invitation}/decline", [303, 404, 404, 404, 404]),
    ("GET", "/accounts/{account}/groups", [303, 404, 403, 403, 200]),
    ("POST", "/accounts/{account}/groups", [303, 404, 403, 403, 422]),
    ("GET", "/accounts/{account}/groups/{group}", [303, 404, 403, 403, 200]),
    ("POST", "/accounts/{account}/groups/{group}/add", [303, 404, 403, 403, 422]),
    ("POST", "/accounts/{account}/groups/{group}/remove", [303, 404, 403, 403, 422]),
    ("POST", "/accounts/{account}/groups/{group}/delete", [303, 404, 403, 403, 422]),
    ("GET", "/accounts/{account}/roles", [303, 404, 403, 403, 200]),
    ("POST", "/accounts/{account}/roles", [303, 404, 403, 403, 422]),
    ("GET", "/accounts/{account}/roles/{role}", [303, 404, 403, 403, 200]),
    ("POST", "/accounts/{account}/roles/{role}", [303, 404, 403, 403, 422]),
    ("POST", "/accounts/{account}/roles/{role}/delete", [303, 404, 403, 403, 422]),
    ("GET", "/accounts/{account}/trust-rules", [303, 404, 403, 403, 200]),
    ("POST", "/accounts/{account}/trust-rules", [303, 404, 403, 403, 422]),
    ("GET", "/accounts/{account}/trust-rules/{rule}", [303, 404, 403, 403, 200]),
    ("POST", "/accounts/{account}/trust-rules/{rule}", [303, 404, 403, 403, 422]),
    ("POST", "/accounts/{account}/trust-rules/{rule}/delete", [303, 404, 403, 403, 422]),
    ("GET", "/tokens", [303, 200, 200, 200, 200]),
    ("POST", "/tokens", [303, 422, 422, 422, 422]),
    ("GET", "/tokens/{token}", [303, 404, 404, 404, 200]),
    ("POST", "/tokens/{token}", [303, 404, 404, 404, 422]),
];

const ROBOTS: &str = "/console/accounts/default/robots";

/// The secret on a page that shows one, and that is kept nowhere.
fn secret(page: &str) -> String {
    let (_, rest) = page
        .split_once("<pre class=\"copy\"><code>")
        .expect("a secret");
    rest.split('<').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_robot_account_is_made_used_changed_and_deleted() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        let browser = Browser::administrator(&registry).await;
        registry.push_image("library/app", "v1").await;
        let form = [
            ("name", "ci"),
            ("description", "builds <b>"),
            ("days", "7"),
            ("action", "repository:pull"),
            ("place", "some"),
            ("namespaces", " library "),
        ];
        let made = browser.submit(ROBOTS, &form).await.assert_status(200);
        assert_eq!(made.header("cache-control"), "no-store");
        let page = made.text();
        assert!(
            page.contains("docker login") && page.contains("robot$ci"),
            "{page}"
        );
        let robot = registry.as_user("robot$ci", &secret(&page));
        let path = "/v2/library/app/manifests/v1";
        robot.get(path).await.assert_status(200);
        robot.delete(path).await.assert_status(403);
        let list = browser.page(ROBOTS).await;
        assert!(
            list.contains("expires soon:") && list.contains("builds &#60;b&#62;"),
            "{list}"
        );
        assert!(!list.contains(&secret(&page)));

        let one = format!("{ROBOTS}/robot$ci");
        let another = browser.submit(&format!("{one}/secret"), &[]).await;
        let another = another.assert_status(200).text();
        assert!(another.contains("stays good for"), "{another}");
        registry
            .as_user("robot$ci", &secret(&another))
            .get(path)
            .await
            .assert_status(200);

        let change = [
            ("description", "builds"),
            ("days", ""),
            ("disabled", "yes"),
            ("action", "repository:pull"),
            ("action", "artifact:delete"),
            ("place", "all"),
        ];
        let changed = browser.submit(&one, &change).await.assert_status(303);
        let shown = browser.page(changed.header("location")).await;
        assert!(
            shown.contains("Saved.") && shown.contains("switched off"),
            "{shown}"
        );
        robot.get(path).await.assert_status(401);
        let known = registry.api_get("/robots").await.json();
        assert_eq!(known[0]["permissions"][0]["namespace"], "*");
        assert_eq!(
            (&known[0]["duration"], &known[0]["disable"]),
            (&(-1).into(), &true.into())
        );

        delete_by_its_name(&browser, &one).await;
        browser.get(&one).await.assert_status(404);
    }
}

/// It goes when its whole name is typed, and not before.
async fn delete_by_its_name(browser: &Browser, one: &str) {
    let gone = format!("{one}/delete");
    let unsure = browser.submit(&gone, &[("confirm", "robot$")]);
    assert!(
        unsure
            .await
            .assert_status(422)
            .text()
            .contains("Nothing was deleted")
    );
    let sure = browser.submit(&gone, &[("confirm", "robot$ci")]);
    sure.await.assert_status(303);
    assert!(browser.page(ROBOTS).await.contains("There is none yet"));
}

#[tokio::test]
async fn what_is_wrong_is_said_and_what_was_typed_stays() {
    let registry = TestRegistry::start().await;
    let browser = Browser::administrator(&registry).await;
    for (field, value, said) in [
        ("name", "Not Good", "small letters"),
        ("days", "soon", "whole number"),
        ("days", "0", "number of days"),
        ("namespaces", "", "1 to 200 permissions"),
        ("namespaces", "absent", "absent"),
        ("action", "", "allows nothing"),
        (
            "description",
            "\"'><script>alert(1)</script>",
            "1 to 200 permissions",
        ),
    ] {
        let mut form = vec![("name", "ci"), ("place", "some"), ("namespaces", "library")];
        if field != "action" {
            form.push(("action", "repository:pull"));
        }
        if field == "description" {
            form.retain(|(name, _)| *name != "namespaces");
        }
        form.retain(|(name, _)| *name != field);
        form.push((field, value));
        let answer = browser.submit(ROBOTS, &form).await.assert_status(422);
        let page = answer.text();
        assert!(page.contains(said), "{field} {value}: {page}");
        assert!(!page.contains("<script>alert"), "{page}");
        if field != "name" {
            assert!(page.contains("value=\"ci\""), "{page}");
        }
    }
    assert_eq!(
        registry.api_get("/robots").await.json(),
        serde_json::json!([])
    );
}

/// Whoever administers a namespace makes robot accounts of it, and gives none of what it does not hold itself.
#[tokio::test]
async fn a_namespace_has_robot_accounts_of_its_own() {
    let registry = TestRegistry::start().await;
    registry.admin(&["namespace", "create", "team"]);
    let dora = registry.create_member("team", "dora", "project-admin");
    let browser = Browser::of(&registry, &dora).await;
    let path = "/console/accounts/default/namespaces/team/robots";
    assert!(browser.page(path).await.contains("Create robot account"));
    let form = [
        ("name", "ci"),
        ("action", "repository:pull"),
        ("namespaces", "library"),
    ];
    let made = browser.submit(path, &form).await.assert_status(200).text();
    assert!(made.contains("robot$team+ci"), "{made}");
    let one = format!("{ROBOTS}/robot$team+ci");
    assert!(browser.page(&one).await.contains("<code>team</code>"));
    browser.get(ROBOTS).await.assert_status(403);
    // Guests see them and make none.
    let emil = registry.create_member("team", "emil", "guest");
    let browser = Browser::of(&registry, &emil).await;
    assert!(
        !browser
            .page(path)
            .await
            .contains("<form method=\"post\" class=\"card\"")
    );
    browser.submit(path, &form).await.assert_status(403);
    browser
        .submit(&format!("{one}/secret"), &[])
        .await
        .assert_status(403);
}
