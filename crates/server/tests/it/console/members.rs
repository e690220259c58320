//! Members, and who may do what, in the console.

use serde_json::json;

use super::{BOTH, Browser};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;

const MEMBERS: &str = "/console/accounts/default/members";
const OF_TEAM: &str = "/console/accounts/default/namespaces/team/members";
const RIGHTS: &str = "/console/accounts/default/rights";
const RIGHTS_IN_TEAM: &str = "/console/accounts/default/namespaces/team/rights";

/// Where a list leads to from somebody's name.
fn line_of(list: &str, name: &str) -> String {
    let (_, table) = list.split_once("<tbody>").expect("a table");
    let (before, _) = table
        .split_once(&format!("\">{name}</a>"))
        .unwrap_or_else(|| panic!("{name} in {table}"));
    let (_, path) = before.rsplit_once("href=\"").expect("a link");
    path.to_owned()
}

#[tokio::test]
async fn a_role_in_a_namespace_is_given_changed_and_taken() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        registry.push_image("team/app", "v1").await;
        let dora = registry.create_user("dora");
        let (image, browser) = (
            "/v2/team/app/manifests/v1",
            Browser::administrator(&registry).await,
        );
        dora.get(image).await.assert_status(404);
        assert!(browser.page(OF_TEAM).await.contains("Nobody has a role"));

        let form = [("kind", "user"), ("name", " dora "), ("role", "guest")];
        let given = browser.submit(OF_TEAM, &form).await.assert_status(303);
        let list = browser.page(given.header("location")).await;
        assert!(
            list.contains("Saved.") && list.contains("<td>guest</td>"),
            "{list}"
        );
        dora.get(image).await.assert_status(200);
        dora.delete(image).await.assert_status(403);

        let one = line_of(&list, "dora");
        let changed = browser.submit(&one, &[("role", "maintainer")]).await;
        let list = browser
            .page(changed.assert_status(303).header("location"))
            .await;
        assert!(list.contains("<td>maintainer</td>"), "{list}");
        let known = registry
            .v1_get("/accounts/default/grants?namespace=team")
            .await;
        assert_eq!(known.json()["items"][0]["role"], "maintainer");

        let one = line_of(&list, "dora");
        assert!(browser.page(&one).await.contains("Take the role"));
        let taken = browser.submit(&format!("{one}/delete"), &[]).await;
        let list = browser
            .page(taken.assert_status(303).header("location"))
            .await;
        assert!(
            list.contains("Deleted.") && list.contains("Nobody has a role"),
            "{list}"
        );
        browser.get(&one).await.assert_status(404);
        dora.get(image).await.assert_status(404);
    }
}

#[tokio::test]
async fn roles_of_the_account_of_groups_and_of_parts_are_given() {
    let registry = TestRegistry::start().await;
    registry.push_image("team/app", "v1").await;
    registry.push_image("team/other", "v1").await;
    let dora = registry.create_user("dora");
    let browser = Browser::administrator(&registry).await;
    let form = [
        ("kind", "user"),
        ("name", "dora"),
        ("role", "developer"),
        ("pattern", "ap*"),
    ];
    browser.submit(OF_TEAM, &form).await.assert_status(303);
    let list = browser.page(OF_TEAM).await;
    assert!(list.contains("<code>ap*</code>"), "{list}");
    dora.get("/v2/team/app/manifests/v1")
        .await
        .assert_status(200);
    dora.get("/v2/team/other/manifests/v1")
        .await
        .assert_status(404);
    // A part of a namespace has no role to change into another: it is taken.
    let one = line_of(&list, "dora");
    assert!(!browser.page(&one).await.contains("Change the role"));
    browser
        .submit(&one, &[("role", "guest")])
        .await
        .assert_status(422);

    let form = [("kind", "user"), ("name", "dora"), ("role", "reader")];
    browser.submit(MEMBERS, &form).await.assert_status(303);
    let list = browser.page(&format!("{MEMBERS}?q=dor")).await;
    assert!(
        list.contains("<td>reader</td>") && !list.contains("ap*"),
        "{list}"
    );
    dora.get("/v2/team/other/manifests/v1")
        .await
        .assert_status(200);
    let one = line_of(&list, "dora");
    browser
        .submit(&format!("{one}/delete"), &[])
        .await
        .assert_status(303);
    dora.get("/v2/team/other/manifests/v1")
        .await
        .assert_status(404);
    // The last administrator remains.
    let list = browser.page(&format!("{MEMBERS}?q=admin")).await;
    let one = line_of(&list, "admin");
    let kept = browser.submit(&format!("{one}/delete"), &[]).await;
    let page = kept.assert_status(422).text();
    assert!(page.contains("administrator"), "{page}");
    assert!(browser.get(&one).await.status() == 200);
}

#[tokio::test]
async fn what_is_wrong_is_said_beside_the_form() {
    let registry = TestRegistry::start().await;
    registry.admin(&["namespace", "create", "team"]);
    registry.create_user("dora");
    let browser = Browser::administrator(&registry).await;
    for (kind, name, role, pattern, said) in [
        ("user", "", "guest", "", "does not exist"),
        (
            "user",
            "nobody\"><script>alert(1)</script>",
            "guest",
            "",
            "does not exist",
        ),
        ("group", "dora", "guest", "", "does not exist"),
        ("robot", "robot$x", "guest", "", "does not exist"),
        (
            "user",
            "dora",
            "\"><script>alert(2)</script>",
            "",
            "role=\"alert\"",
        ),
        (
            "user",
            "dora",
            "guest",
            "\"><script>alert(3)</script>[",
            "role=\"alert\"",
        ),
    ] {
        let form = [
            ("kind", kind),
            ("name", name),
            ("role", role),
            ("pattern", pattern),
        ];
        let page = browser
            .submit(OF_TEAM, &form)
            .await
            .assert_status(422)
            .text();
        assert!(page.contains(said), "{name} {role}: {page}");
        assert!(!page.contains("<script>alert"), "{page}");
        assert!(name != "dora" || page.contains("value=\"dora\""), "{page}");
        assert!(
            page.contains(&format!("<option value=\"{kind}\" selected>")),
            "{page}"
        );
    }
    let found = registry
        .v1_get("/accounts/default/grants?namespace=team")
        .await;
    assert_eq!(found.json()["items"], json!([]));
    // Nothing is sent for others.
    let foreign = [("csrf", "x"), ("kind", "user"), ("name", "dora")];
    browser.send(OF_TEAM, &foreign).await.assert_status(403);
}

/// Whoever has several roles in a place is on as many lines, also where a page ends.
#[tokio::test]
async fn no_line_is_lost_between_pages() {
    let registry = TestRegistry::start().await;
    registry.admin(&["namespace", "create", "team"]);
    registry.create_user("dora");
    let grants = "/accounts/default/grants";
    for at in 0..53 {
        let grant = json!({ "user": "dora", "role": "guest", "namespace": "team", "pattern": format!("part-{at:02}") });
        registry.v1_post(grants, &grant).await.assert_status(201);
    }
    let browser = Browser::administrator(&registry).await;
    let first = browser.page(OF_TEAM).await;
    let (_, rest) = first
        .split_once("rel=\"next\" href=\"")
        .expect("another page");
    let next = rest.split('"').next().expect("a link").to_owned();
    let second = browser.page(&format!("{OF_TEAM}{next}")).await;
    for at in 0..53 {
        let part = format!("part-{at:02}");
        let times = first.matches(&part).count() + second.matches(&part).count();
        assert_eq!(times, 1, "{part}");
    }
    assert!(!second.contains("rel=\"next\""));
}

/// Whether a page says that an action is allowed; it says one or the other.
fn may(page: &str, action: &str) -> bool {
    let (allowed, denied) = page
        .split_once("<h2 id=\"denied\">")
        .expect("what one may not");
    let code = format!("<code>{action}</code>");
    assert_ne!(allowed.contains(&code), denied.contains(&code), "{action}");
    allowed.contains(&code)
}

/// The page says what the registry then does.
#[tokio::test]
async fn who_may_do_what_is_what_the_registry_decides() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        registry.push_image("team/app", "v1").await;
        let dora = registry.create_member("team", "dora", "developer");
        let browser = Browser::administrator(&registry).await;
        let ask = async |path: &str, query: &str| browser.page(&format!("{path}?{query}")).await;
        let page = ask(RIGHTS_IN_TEAM, "kind=user&name=dora").await;
        assert!(may(&page, "repository:push") && !may(&page, "artifact:delete"));
        assert!(page.contains("<td>developer</td>"), "{page}");
        let image = "/v2/team/app/manifests/v1";
        dora.get(image).await.assert_status(200);
        dora.delete(image).await.assert_status(403);

        // What holds in a part only, holds where the part is asked about.
        let part =
            json!({ "user": "dora", "role": "maintainer", "namespace": "team", "pattern": "ap*" });
        let grants = "/accounts/default/grants";
        registry.v1_post(grants, &part).await.assert_status(201);
        let page = ask(RIGHTS_IN_TEAM, "kind=user&name=dora").await;
        assert!(!may(&page, "artifact:delete"));
        let page = ask(RIGHTS_IN_TEAM, "kind=user&name=dora&repository=app").await;
        assert!(
            may(&page, "artifact:delete") && page.contains("maintainer (ap*)"),
            "{page}"
        );
        dora.delete(image).await.assert_status(202);

        // The account itself, and all of its namespaces.
        let page = ask(RIGHTS, "kind=user&name=dora").await;
        assert!(!may(&page, "repository:pull") && !may(&page, "user:create"));
        let whole = json!({ "user": "dora", "role": "reader" });
        registry.v1_post(grants, &whole).await.assert_status(201);
        let page = ask(RIGHTS, "kind=user&name=dora&in=namespaces").await;
        assert!(may(&page, "repository:pull") && !may(&page, "repository:push"));
        let page = ask(RIGHTS, "kind=user&name=admin").await;
        assert!(may(&page, "user:create") && page.contains("administrator (the whole account)"));
    }
}

/// A robot account that is switched off may do nothing, and a group does nothing itself.
#[tokio::test]
async fn whoever_may_not_log_in_may_do_nothing() {
    let registry = TestRegistry::start().await;
    registry.admin(&["namespace", "create", "team"]);
    let browser = Browser::administrator(&registry).await;
    let robot = [
        ("name", "ci"),
        ("action", "repository:pull"),
        ("place", "all"),
    ];
    let robots = "/console/accounts/default/robots";
    browser.submit(robots, &robot).await.assert_status(200);
    let asked = format!("{RIGHTS_IN_TEAM}?kind=robot&name=robot%24ci");
    assert!(may(&browser.page(&asked).await, "repository:pull"));
    let off = [&robot[1..], &[("disabled", "yes")]].concat();
    let one = format!("{robots}/robot$ci");
    browser.submit(&one, &off).await.assert_status(303);
    let page = browser.page(&asked).await;
    assert!(
        !may(&page, "repository:pull") && page.contains("may not log in"),
        "{page}"
    );
    for wrong in [
        "kind=user&name=nobody%3Cscript%3Ealert(1)",
        "kind=group&name=x",
    ] {
        let answer = browser.get(&format!("{RIGHTS_IN_TEAM}?{wrong}")).await;
        let page = answer.assert_status(422).text();
        assert!(
            page.contains("role=\"alert\"") && !page.contains("<script>alert"),
            "{page}"
        );
    }
}

/// Who only sees the members of a namespace changes nothing there and asks nothing.
#[tokio::test]
async fn guests_see_members_and_change_none() {
    let registry = TestRegistry::start().await;
    registry.admin(&["namespace", "create", "team"]);
    registry.create_user("dora");
    let head = registry.create_member("team", "head", "project-admin");
    let emil = registry.create_member("team", "emil", "guest");
    let form = [("kind", "user"), ("name", "dora"), ("role", "guest")];
    let guest = Browser::of(&registry, &emil).await;
    let list = guest.page(OF_TEAM).await;
    assert!(
        list.contains(">emil</a>") && !list.contains("Give a role") && !list.contains("/rights"),
        "{list}"
    );
    guest.submit(OF_TEAM, &form).await.assert_status(403);
    let own = line_of(&list, "emil");
    let page = guest.page(&own).await;
    assert!(!page.contains("<select"), "{page}");
    guest
        .submit(&own, &[("role", "maintainer")])
        .await
        .assert_status(403);
    guest
        .submit(&format!("{own}/delete"), &[])
        .await
        .assert_status(403);
    // A namespace's administrator gives roles there, and none elsewhere.
    let head = Browser::of(&registry, &head).await;
    head.submit(OF_TEAM, &form).await.assert_status(303);
    head.submit(MEMBERS, &form).await.assert_status(403);
    assert!(
        head.page(&format!("{RIGHTS_IN_TEAM}?kind=user&name=dora"))
            .await
            .contains("<td>guest</td>")
    );
    head.get(RIGHTS).await.assert_status(403);
}
