//! Signing in and out.

use super::{BOTH, Browser, OVERVIEW};
use crate::immutability::events;
use crate::registry::backends::Backends;
use crate::registry::{ADMIN, ADMIN_PASSWORD, TestRegistry};

async fn a_visit(backends: Backends) {
    let registry = TestRegistry::builder().on(backends).start().await;
    let mut browser = Browser::new(&registry);
    for (path, expected) in [
        ("/", "/console"),
        ("/console", "/console/sign-in"),
        (
            OVERVIEW,
            "/console/sign-in?next=%2Fconsole%2Faccounts%2Fdefault",
        ),
    ] {
        let sent = browser.get(path).await.assert_status(303);
        assert_eq!(sent.location(), expected, "{path}");
    }
    // What was wrong is not told; what was typed stays, but not the password.
    let wrong = browser.enter("<b>admin", "Wrong-horse-8-battery").await;
    let wrong = wrong.assert_status(401).text();
    assert!(wrong.contains("User name or password is wrong"), "{wrong}");
    assert!(wrong.contains("value=\"&#60;b&#62;admin\""), "{wrong}");
    assert!(!wrong.contains("Wrong-horse"), "{wrong}");

    let entered = browser
        .enter(ADMIN, ADMIN_PASSWORD)
        .await
        .assert_status(303);
    assert_eq!(entered.location(), "/console");
    let cookie = entered.header("set-cookie");
    assert!(cookie.starts_with("sid=rss_"), "{cookie}");
    assert!(
        cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    browser.keep(&entered);
    assert_eq!(browser.get("/console").await.location(), OVERVIEW);
    let page = browser.page(OVERVIEW).await;
    assert!(page.contains("docker login 127.0.0.1:"), "{page}");
    assert!(page.contains(&format!(
        "docker login {} --username admin",
        registry.host()
    )));

    let left = browser
        .submit("/console/sign-out", &[])
        .await
        .assert_status(303);
    assert_eq!(left.location(), "/console/sign-in?notice=signed-out");
    assert!(left.header("set-cookie").contains("Max-Age=0"));
    // The cookie is worth nothing any more, whoever kept it.
    let after = browser.get(OVERVIEW).await.assert_status(303);
    assert!(after.location().starts_with("/console/sign-in"));
    for kind in ["user.logged_in", "user.logged_out"] {
        assert_eq!(events(&registry, kind, 1).await.len(), 1, "{kind}");
    }
}

#[tokio::test]
async fn whoever_signs_in_is_in_until_it_signs_out() {
    for backends in BOTH {
        a_visit(backends).await;
    }
}

#[tokio::test]
async fn after_signing_in_one_is_where_one_wanted_to_be_and_never_elsewhere() {
    let registry = TestRegistry::start().await;
    let browser = Browser::new(&registry);
    for (next, expected) in [
        (OVERVIEW, OVERVIEW),
        ("", "/console"),
        ("//evil.example/", "/console"),
        ("/\\evil.example/", "/console"),
        ("https://evil.example/", "/console"),
        ("/console/\r\nx: y", "/console"),
        ("/api/v1/user", "/console"),
    ] {
        let fields = [
            ("name", ADMIN),
            ("password", ADMIN_PASSWORD),
            ("next", next),
        ];
        let sent = browser.send("/console/sign-in", &fields).await;
        assert_eq!(sent.assert_status(303).location(), expected, "{next:?}");
    }
    let page = browser.page("/console/sign-in?next=//evil.example").await;
    assert!(page.contains("name=\"next\" value=\"\""), "{page}");
    let spoken = browser
        .get("/console/language?to=fr&next=//evil.example")
        .await;
    assert_eq!(spoken.assert_status(303).location(), "/console");
}

/// A session that somebody else planted in the browser stays without a login; and every login has a session of its own.
#[tokio::test]
async fn a_planted_session_is_nobodys() {
    let registry = TestRegistry::start().await;
    let mut browser = Browser::new(&registry);
    "sid=rss_0000000000000000000000000000000000000000".clone_into(&mut browser.session);
    browser.get(OVERVIEW).await.assert_status(303);
    let planted = browser.session.clone();
    let entered = browser
        .enter(ADMIN, ADMIN_PASSWORD)
        .await
        .assert_status(303);
    browser.keep(&entered);
    assert_ne!(browser.session, planted);
    let mut other = Browser::administrator(&registry).await;
    assert_ne!(browser.session, other.session);
    // Whoever signs in anew leaves no session behind.
    other.session.clone_from(&browser.session);
    let again = browser.enter(ADMIN, ADMIN_PASSWORD).await;
    browser.keep(&again.assert_status(303));
    other.get(OVERVIEW).await.assert_status(303);
    browser.page(OVERVIEW).await;
}

/// Access tokens and robots are for programs: a session may do everything that its user may.
#[tokio::test]
async fn tokens_and_machines_have_no_pages() {
    let registry = TestRegistry::start().await;
    let made = registry.admin(&["token", "create", ADMIN, "for pulls"]);
    let secret = made["secret"].as_str().expect("a secret").to_owned();
    let browser = Browser::new(&registry);
    browser.enter(ADMIN, &secret).await.assert_status(401);
    // Neither does a header make a page somebody's.
    registry.get(OVERVIEW).await.assert_status(303);
}

#[tokio::test]
async fn one_changes_ones_password() {
    let registry = TestRegistry::start().await;
    let mut browser = Browser::administrator(&registry).await;
    let other = Browser::administrator(&registry).await;
    let new = "Other-horse-9-battery";
    let path = "/console/password";
    for (old, new, again, expected) in [
        (
            "Wrong-horse-8-battery",
            new,
            new,
            "User name or password is wrong",
        ),
        (ADMIN_PASSWORD, new, "else", "The two new passwords differ"),
        (ADMIN_PASSWORD, "weak", "weak", "password"),
    ] {
        let fields = [("old", old), ("new", new), ("again", again)];
        let refused = browser
            .submit(path, &fields)
            .await
            .assert_status(422)
            .text();
        assert!(refused.contains(expected), "{refused}");
        assert!(!refused.contains("horse"), "no password is sent back");
    }
    let fields = [("old", ADMIN_PASSWORD), ("new", new), ("again", new)];
    let changed = browser.submit(path, &fields).await.assert_status(303);
    assert_eq!(changed.location(), "/console?notice=password-changed");
    browser.keep(&changed);
    let page = browser
        .page(&format!("{OVERVIEW}?notice=password-changed"))
        .await;
    assert!(page.contains("The password is changed."), "{page}");
    // What was got with the old one has ended.
    other.get(OVERVIEW).await.assert_status(303);
    Browser::new(&registry)
        .enter(ADMIN, ADMIN_PASSWORD)
        .await
        .assert_status(401);
}
