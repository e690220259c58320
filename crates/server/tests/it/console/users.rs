//! Users, groups and roles of an account in the console.

use super::{BOTH, Browser};
use crate::account_api::AccountApi as _;
use crate::harbor::Harbor as _;
use crate::registry::TestRegistry;
use serde_json::json;

const USERS: &str = "/console/accounts/default/users";
const GROUPS: &str = "/console/accounts/default/groups";
const ROLES: &str = "/console/accounts/default/roles";
const MEMBERS: &str = "/console/accounts/default/members";
const IMAGE: &str = "/v2/team/app/manifests/v1";
const HOSTILE: &str = "\"><script>alert(1)</script>";

#[tokio::test]
async fn a_user_is_made_switched_off_gets_another_password_and_goes() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        let browser = Browser::administrator(&registry).await;
        let form = [
            ("name", "dora"),
            ("real_name", "Dora <b>"),
            ("email", "dora@example.com"),
            ("password", "Secret-123"),
        ];
        let made = browser.submit(USERS, &form).await.assert_status(303);
        let one = format!("{USERS}/dora");
        let page = browser.page(made.header("location")).await;
        assert!(
            page.contains("Saved.") && !page.contains("Secret-123"),
            "{page}"
        );
        let list = browser.page(&format!("{USERS}?q=dor")).await;
        assert!(
            list.contains("Dora &#60;b&#62;") && list.contains("dora@example.com"),
            "{list}"
        );
        Browser::signed_in(&registry, "dora", "Secret-123").await;

        let state = format!("{one}/state");
        let off = browser.submit(&state, &[("disabled", "yes")]).await;
        off.assert_status(303);
        assert!(browser.page(&one).await.contains("switched off"));
        let anybody = Browser::new(&registry);
        anybody.enter("dora", "Secret-123").await.assert_status(401);
        let on = browser.submit(&state, &[]).await;
        on.assert_status(303);
        Browser::signed_in(&registry, "dora", "Secret-123").await;

        let reset = format!("{one}/password");
        let weak = browser.submit(&reset, &[("password", "weak")]).await;
        let said = weak.assert_status(422).text();
        assert!(
            said.contains("role=\"alert\"") && !said.contains("value=\"weak\""),
            "{said}"
        );
        let fine = browser.submit(&reset, &[("password", "Another-456")]).await;
        fine.assert_status(303);
        anybody.enter("dora", "Secret-123").await.assert_status(401);
        Browser::signed_in(&registry, "dora", "Another-456").await;

        let delete = format!("{one}/delete");
        let unsure = browser.submit(&delete, &[("confirm", "dor")]).await;
        let said = unsure.assert_status(422).text();
        assert!(said.contains("Nothing was deleted"), "{said}");
        let sure = browser.submit(&delete, &[("confirm", "dora")]).await;
        sure.assert_status(303);
        browser.get(&one).await.assert_status(404);
        let known = registry.api_get("/users").await.text();
        assert!(!known.contains("dora"), "{known}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_user_is_said() {
    let registry = TestRegistry::start().await;
    let browser = Browser::administrator(&registry).await;
    for (name, email, password) in [
        (HOSTILE, "", "Secret-123"),
        ("dora", HOSTILE, "Secret-123"),
        ("dora", "dora@example.com", "Zq7-x"),
        ("admin", "", "Secret-123"),
    ] {
        let form = [("name", name), ("email", email), ("password", password)];
        let page = browser.submit(USERS, &form).await.assert_status(422).text();
        assert!(
            page.contains("role=\"alert\"") && !page.contains("<script>alert"),
            "{page}"
        );
        assert!(!page.contains(password), "{page}");
        assert!(
            name == HOSTILE || page.contains(&format!("value=\"{name}\"")),
            "{page}"
        );
    }
    // Nobody locks itself out here, and nobody gets around showing its own password.
    let own = browser.page(&format!("{USERS}/admin")).await;
    assert!(!own.contains("class=\"card\""), "{own}");
    for (what, field, value) in [("state", "disabled", "yes"), ("password", "password", NEW)] {
        let own = format!("{USERS}/admin/{what}");
        browser
            .submit(&own, &[(field, value)])
            .await
            .assert_status(403);
    }
    registry.get("/v2/").await.assert_status(200);
}

const NEW: &str = "Another-123";

/// Whoever gives somebody a password can log in as that one.
#[tokio::test]
async fn nobody_gets_rights_by_deciding_how_others_log_in() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        let role =
            json!({ "name": "helpdesk", "actions": ["user:list", "user:read", "user:update"] });
        let made = registry.v1_post("/accounts/default/roles", &role).await;
        made.assert_status(201);
        let helper = registry.create_user("helen");
        registry.create_user("dora");
        let boss = registry.create_user("boss");
        for (user, role) in [("helen", "helpdesk"), ("boss", "administrator")] {
            let grant = json!({ "user": user, "role": role });
            let given = registry.v1_post("/accounts/default/grants", &grant).await;
            given.assert_status(201);
        }
        let helen = Browser::of(&registry, &helper).await;
        let decide = async |browser: &Browser, user: &str| {
            let mut seen = Vec::new();
            for (what, field, value) in [
                ("state", "disabled", "yes"),
                ("state", "disabled", ""),
                ("password", "password", NEW),
            ] {
                let path = format!("{USERS}/{user}/{what}");
                seen.push(browser.submit(&path, &[(field, value)]).await.status());
            }
            seen
        };
        assert_eq!(
            decide(&helen, "dora").await,
            [303, 303, 303],
            "no more than herself"
        );
        assert_eq!(
            decide(&helen, "boss").await,
            [403, 403, 403],
            "an administrator"
        );
        assert_eq!(
            decide(&helen, "admin").await,
            [403, 403, 403],
            "an operator"
        );
        let dora = Browser::signed_in(&registry, "dora", NEW).await;
        assert_eq!(decide(&dora, "helen").await, [403, 403, 403]);

        // An administrator of the account is none of the deployment.
        let boss = Browser::of(&registry, &boss).await;
        assert_eq!(decide(&boss, "helen").await, [303, 303, 303]);
        assert_eq!(decide(&boss, "admin").await, [403, 403, 403]);
        registry.get("/v2/").await.assert_status(200);
        let admin = Browser::administrator(&registry).await;
        assert_eq!(decide(&admin, "boss").await, [303, 303, 303]);
    }
}

#[tokio::test]
async fn a_group_gives_its_roles_to_those_in_it() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        registry.push_image("team/app", "v1").await;
        let dora = registry.create_user("dora");
        let browser = Browser::administrator(&registry).await;
        assert!(browser.page(GROUPS).await.contains("There is none yet"));
        let made = browser.submit(GROUPS, &[("name", "Dev / ops")]).await;
        let one = format!("{GROUPS}/Dev%20%2F%20ops");
        let page = browser
            .page(made.assert_status(303).header("location"))
            .await;
        assert!(page.contains("Nobody is in it."), "{page}");
        let form = [("kind", "group"), ("name", "Dev / ops"), ("role", "reader")];
        browser.submit(MEMBERS, &form).await.assert_status(303);
        dora.get(IMAGE).await.assert_status(404);

        let (add, remove) = (format!("{one}/add"), format!("{one}/remove"));
        let unknown = browser.submit(&add, &[("user", HOSTILE)]).await;
        let said = unknown.assert_status(422).text();
        assert!(
            said.contains("does not exist") && !said.contains("<script>alert"),
            "{said}"
        );
        browser
            .submit(&add, &[("user", " dora ")])
            .await
            .assert_status(303);
        assert!(browser.page(&one).await.contains("value=\"dora\""));
        dora.get(IMAGE).await.assert_status(200);
        browser
            .submit(&remove, &[("user", "dora")])
            .await
            .assert_status(303);
        dora.get(IMAGE).await.assert_status(404);

        let again = browser.submit(GROUPS, &[("name", "Dev / ops")]).await;
        let said = again.assert_status(422).text();
        assert!(said.contains("value=\"Dev / ops\""), "{said}");
        let delete = format!("{one}/delete");
        let unsure = browser.submit(&delete, &[("confirm", "Dev")]).await;
        unsure.assert_status(422);
        let sure = browser.submit(&delete, &[("confirm", "Dev / ops")]).await;
        sure.assert_status(303);
        browser.get(&one).await.assert_status(404);
        let known = registry.api_get("/usergroups").await.json();
        assert_eq!(known, serde_json::json!([]));
    }
}

#[tokio::test]
async fn a_role_of_ones_own_holds_what_was_chosen() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        registry.push_image("team/app", "v1").await;
        let dora = registry.create_user("dora");
        let browser = Browser::administrator(&registry).await;
        let form = [
            ("name", "puller"),
            ("description", HOSTILE),
            ("action", "repository:pull"),
        ];
        let made = browser.submit(ROLES, &form).await.assert_status(303);
        let page = browser.page(made.header("location")).await;
        assert!(
            page.contains("<code>repository:pull</code>") && !page.contains("<script>alert"),
            "{page}"
        );
        assert!(
            browser
                .page(ROLES)
                .await
                .contains("<td class=\"number\">1</td>")
        );
        let given = [("kind", "user"), ("name", "dora"), ("role", "puller")];
        browser.submit(MEMBERS, &given).await.assert_status(303);
        dora.get(IMAGE).await.assert_status(200);
        dora.delete(IMAGE).await.assert_status(403);

        let one = format!("{ROLES}/puller");
        let wider = [
            ("name", "cleaner"),
            ("action", "repository:pull"),
            ("action", "artifact:delete"),
        ];
        browser.submit(&one, &wider).await.assert_status(303);
        let one = format!("{ROLES}/cleaner");
        dora.delete(IMAGE).await.assert_status(202);

        for (name, action) in [
            ("", "repository:pull"),
            (HOSTILE, "repository:pull"),
            ("guest", "repository:pull"),
            ("fine", ""),
            ("fine", HOSTILE),
        ] {
            for path in [ROLES, &one] {
                let form = [("name", name), ("action", action)];
                let page = browser.submit(path, &form).await.assert_status(422).text();
                assert!(
                    page.contains("role=\"alert\"") && !page.contains("<script>alert"),
                    "{page}"
                );
            }
        }
        // What somebody has stays.
        let delete = format!("{one}/delete");
        let kept = browser.submit(&delete, &[("confirm", "cleaner")]).await;
        let said = kept.assert_status(422).text();
        assert!(said.contains("dora"), "{said}");
        let grants = registry.v1_get("/accounts/default/grants?role=cleaner");
        let grant = grants.await.json()["items"][0]["id"].clone();
        let grant = grant.as_str().expect("an id");
        let grant = format!("{MEMBERS}/{grant}/delete");
        browser.submit(&grant, &[]).await.assert_status(303);
        let gone = browser.submit(&delete, &[("confirm", "cleaner")]).await;
        gone.assert_status(303);
        browser.get(&one).await.assert_status(404);
    }
}

/// Whoever manages what is in an account, but not its people, sees who has which role and changes none.
#[tokio::test]
async fn managers_see_roles_and_no_users() {
    let registry = TestRegistry::start().await;
    let mia = registry.create_user("mia");
    let grant = serde_json::json!({ "user": "mia", "role": "manager" });
    let given = registry.v1_post("/accounts/default/grants", &grant).await;
    given.assert_status(201);
    let browser = Browser::of(&registry, &mia).await;
    let page = browser.page(MEMBERS).await;
    assert!(
        page.contains(&format!("href=\"{ROLES}\"")) && !page.contains(USERS),
        "{page}"
    );
    assert!(!page.contains("Give a role"), "{page}");
    assert!(!browser.page(ROLES).await.contains("Create role"));
    for path in [USERS, GROUPS] {
        browser.get(path).await.assert_status(403);
    }
    let form = [("name", "puller"), ("action", "repository:pull")];
    browser.submit(ROLES, &form).await.assert_status(403);
}
