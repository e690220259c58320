//! Users of an account: made, found, changed, deleted, and made its administrators.

use http::Method;
use serde_json::{Value, json};

use super::{API, Harbor};
use crate::registry::client::Client;
use crate::registry::{ADMIN, ADMIN_PASSWORD, TestRegistry};

const PASSWORD: &str = "Zebra-crossing-9";
const OTHER_PASSWORD: &str = "Tidal-marsh-12-x";

/// Makes a user as an administrator does, with harborapi's body; answers with where it is.
async fn make(registry: &TestRegistry, name: &str) -> String {
    let body = json!({ "username": name, "password": PASSWORD, "email": format!("{name}@example.com"), "realname": name });
    registry
        .api_post("/users", &body)
        .await
        .assert_status(201)
        .location()
}

/// The number at the end of a path.
fn last(path: &str) -> i64 {
    let (_, last) = path.rsplit_once('/').expect("a path");
    last.parse().expect("a number")
}

async fn number_of(caller: &Client) -> i64 {
    let me = caller
        .api_get("/users/current")
        .await
        .assert_status(200)
        .json();
    me["user_id"].as_i64().expect("a number")
}

#[tokio::test]
async fn a_user_is_made_read_changed_and_deleted() {
    let registry = TestRegistry::start().await;
    let body = json!({
        "username": "zoe", "password": PASSWORD, "email": "zoe@example.com", "realname": "Zoë", "comment": "builds",
    });
    let made = registry.api_post("/users", &body).await.assert_status(201);
    assert_eq!(
        (made.text().as_str(), made.find_header("content-type")),
        ("", None)
    );
    let path = made.location();
    let mut seen = registry.get(&path).await.assert_status(200).json();
    let number = seen["user_id"].as_i64().expect("a number");
    assert_eq!(path, format!("{API}/users/{number}"));
    for time in ["creation_time", "update_time"] {
        let time = seen
            .as_object_mut()
            .and_then(|seen| seen.remove(time))
            .expect("a time");
        assert!(
            time.as_str()
                .is_some_and(|time| time.ends_with('Z') && time.starts_with("20")),
            "{time}"
        );
    }
    assert_eq!(
        seen,
        json!({
            "user_id": number, "username": "zoe", "email": "zoe@example.com", "realname": "Zoë", "comment": "builds",
            "sysadmin_flag": false, "admin_role_in_auth": false,
        })
    );
    let zoe = registry.as_user("zoe", PASSWORD);
    assert_eq!(
        zoe.get(&path).await.assert_status(200).json()["username"],
        "zoe"
    );
    assert_eq!(number_of(&zoe).await, number);

    let again = registry
        .api_post("/users", &body)
        .await
        .assert_harbor_error(409, "CONFLICT");
    assert_eq!(
        again.error_message(),
        "user zoe or email zoe@example.com already exists"
    );
    let change = json!({ "email": "z@example.com", "realname": "Z" });
    zoe.api_put(&format!("/users/{number}"), &change)
        .await
        .assert_done();
    let seen = registry.get(&path).await.json();
    assert_eq!(
        (&seen["email"], &seen["realname"], &seen["comment"]),
        (&json!("z@example.com"), &json!("Z"), &Value::Null)
    );
}

#[tokio::test]
async fn a_deleted_user_leaves_nothing_to_its_name() {
    let registry = TestRegistry::start().await;
    let path = make(&registry, "zoe").await;
    let number = last(&path);
    registry.admin(&["member", "add", "library", "zoe", "--role", "guest"]);
    let token = registry.admin(&["token", "create", "zoe", "laptop"]);
    let zoe = registry.as_user("zoe", PASSWORD);
    let by_token = registry.as_user("zoe", token["secret"].as_str().expect("a secret"));
    by_token
        .api_get("/projects/library")
        .await
        .assert_status(200);
    registry.delete(&path).await.assert_done();
    for gone in [&zoe, &by_token] {
        let who = gone.api_get("/users/current").await;
        who.assert_harbor_error(401, "UNAUTHORIZED");
    }
    let unknown = registry
        .get(&path)
        .await
        .assert_harbor_error(404, "NOT_FOUND");
    assert_eq!(unknown.error_message(), format!("user {number} not found"));
    // The name is free, and whoever has it now has nothing of before; the number is not used again.
    assert_eq!(last(&make(&registry, "zoe").await), number + 1);
    let anew = registry
        .as_user("zoe", PASSWORD)
        .api_get("/projects/library");
    anew.await.assert_harbor_error(403, "FORBIDDEN");
    let members = registry.api_get("/projects/library/members").await;
    assert_eq!(members.json(), json!([]));
}

/// T27: what a request brings beside what people may say of a user changes nothing.
#[tokio::test]
async fn t27_flags_in_a_body_make_nobody_more_than_it_is() {
    let registry = TestRegistry::start().await;
    let more = |mut body: Value| {
        let fields = body.as_object_mut().expect("an object");
        for (name, value) in [
            ("user_id", json!(1)),
            ("sysadmin_flag", json!(true)),
            ("has_admin_role", json!(true)),
            ("admin_role_in_auth", json!(true)),
            ("is_administrator", json!(true)),
            ("role_id", json!(1)),
            ("home_account_id", json!("x")),
            ("creation_time", json!("2000-01-01T00:00:00Z")),
            ("password_hash", json!("x")),
        ] {
            fields.entry(name).or_insert(value);
        }
        body
    };
    let body =
        more(json!({ "username": "eve", "password": PASSWORD, "email": "", "realname": "Eve" }));
    let path = registry
        .api_post("/users", &body)
        .await
        .assert_status(201)
        .location();
    let number = path.rsplit_once('/').expect("a path").1.to_owned();
    let eve = registry.as_user("eve", PASSWORD);
    let profile =
        more(json!({ "realname": "Eve", "username": "admin", "password": OTHER_PASSWORD }));
    eve.api_put(&format!("/users/{number}"), &profile)
        .await
        .assert_done();
    let seen = eve
        .api_get("/users/current")
        .await
        .assert_status(200)
        .json();
    assert_eq!(
        (
            &seen["username"],
            &seen["sysadmin_flag"],
            &seen["admin_role_in_auth"]
        ),
        (&json!("eve"), &json!(false), &json!(false))
    );
    assert_eq!(seen["user_id"].to_string(), number);
    eve.api_get("/users")
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    let own = format!("/users/{number}/sysadmin");
    eve.api_put(&own, &json!({ "sysadmin_flag": true }))
        .await
        .assert_harbor_error(403, "FORBIDDEN");
}

#[tokio::test]
async fn users_are_listed_for_administrators_and_found_by_name_for_everyone() {
    let registry = TestRegistry::start().await;
    for name in ["ann", "bob", "Anna"] {
        make(&registry, name).await;
    }
    let listed = registry
        .api_get("/users?sort=-username&page_size=2")
        .await
        .assert_status(200);
    assert_eq!(
        (listed.each("username"), listed.header("x-total-count")),
        (vec![json!("bob"), json!("ann")], "4")
    );
    for (query, expected) in [
        ("q=username%3D~ann", &["Anna", "ann"][..]),
        ("q=username%3Dbob", &["bob"]),
        ("q=email%3D~ANNA%40", &["Anna"]),
        // Nothing else can be asked about, least of all what is secret.
        ("q=password%3D~x,username%3Dbob", &["bob"]),
        (
            "q=password_hash%3D~zzz,credential_epoch%3D7&sort=password_hash",
            &["Anna", "admin", "ann", "bob"],
        ),
    ] {
        let listed = registry
            .api_get(&format!("/users?{query}"))
            .await
            .assert_status(200);
        assert_eq!(listed.each("username"), expected, "{query}");
        assert!(!listed.text().contains("argon2"));
    }
    let bob = registry.as_user("bob", PASSWORD);
    bob.api_get("/users")
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    let found = bob
        .api_get("/users/search?username=AN")
        .await
        .assert_status(200);
    assert_eq!(
        found.json(),
        json!([{ "user_id": 4, "username": "Anna" }, { "user_id": 2, "username": "ann" }])
    );
    assert_eq!(found.header("x-total-count"), "2");
    assert_eq!(
        bob.api_get("/users/search?username=%25").await.json(),
        json!([])
    );
    bob.api_get("/users/search")
        .await
        .assert_harbor_error(422, "UNPROCESSABLE_ENTITY");
    let anonymous = registry.anonymous();
    for path in [
        "/users",
        "/users/search?username=a",
        "/users/1",
        "/users/current/permissions",
    ] {
        anonymous
            .api_get(path)
            .await
            .assert_harbor_error(401, "UNAUTHORIZED");
    }
}

#[tokio::test]
async fn a_password_is_changed_by_whoever_knows_it_and_reset_by_administrators() {
    let registry = TestRegistry::start().await;
    let number = last(&make(&registry, "zoe").await);
    let path = format!("/users/{number}/password");
    let zoe = registry.as_user("zoe", PASSWORD);
    let made = registry.admin(&["token", "create", "zoe", "laptop"]);
    let token = made["secret"].as_str().expect("a secret");
    for (old, new, status, code) in [
        ("", OTHER_PASSWORD, 403, "FORBIDDEN"),
        ("Wrong-horse-8-battery", OTHER_PASSWORD, 403, "FORBIDDEN"),
        // Tokens log in, but are no passwords.
        (token, OTHER_PASSWORD, 403, "FORBIDDEN"),
        (PASSWORD, PASSWORD, 400, "BAD_REQUEST"),
        (PASSWORD, "short", 400, "BAD_REQUEST"),
        (PASSWORD, "all-lower-case-9", 400, "BAD_REQUEST"),
        (PASSWORD, "rst_Looks-like-a-token-1", 400, "BAD_REQUEST"),
    ] {
        let body = json!({ "old_password": old, "new_password": new });
        zoe.api_put(&path, &body)
            .await
            .assert_harbor_error(status, code);
    }
    zoe.api_get("/users/current").await.assert_status(200);
    let body = json!({ "old_password": PASSWORD, "new_password": OTHER_PASSWORD });
    zoe.api_put(&path, &body).await.assert_done();
    zoe.api_get("/users/current")
        .await
        .assert_harbor_error(401, "UNAUTHORIZED");
    let zoe = registry.as_user("zoe", OTHER_PASSWORD);
    zoe.api_get("/users/current").await.assert_status(200);

    // An administrator resets others' without the one before, and changes its own with it.
    registry
        .api_put(&path, &json!({ "new_password": PASSWORD }))
        .await
        .assert_done();
    registry
        .as_user("zoe", PASSWORD)
        .api_get("/users/current")
        .await
        .assert_status(200);
    zoe.api_get("/users/current")
        .await
        .assert_harbor_error(401, "UNAUTHORIZED");
    let own = json!({ "new_password": OTHER_PASSWORD });
    registry
        .api_put("/users/1/password", &own)
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    let own = json!({ "old_password": ADMIN_PASSWORD, "new_password": OTHER_PASSWORD });
    registry
        .api_put("/users/1/password", &own)
        .await
        .assert_done();
    registry
        .as_user(ADMIN, OTHER_PASSWORD)
        .api_get("/users")
        .await
        .assert_status(200);
}

/// T25: whoever has got hold of a session cannot guess the password without end.
#[tokio::test]
async fn t25_old_passwords_are_not_guessed_without_end() {
    let registry = TestRegistry::builder()
        .setting("LIMITS__FAILED_LOGINS_PER_NAME", 4)
        .setting("LIMITS__FAILED_LOGINS_WINDOW_SECS", 86400)
        .start()
        .await;
    let number = last(&make(&registry, "zoe").await);
    let made = registry.admin(&["token", "create", "zoe", "stolen"]);
    let thief = registry.as_user("zoe", made["secret"].as_str().expect("a secret"));
    thief.api_get("/users/current").await.assert_status(200);
    let mut throttled = None;
    for attempt in 0..12 {
        let body = json!({ "old_password": format!("Guess-number-{attempt}"), "new_password": OTHER_PASSWORD });
        let refused = thief
            .api_put(&format!("/users/{number}/password"), &body)
            .await;
        if refused.status() == 429 {
            throttled = Some(refused.assert_harbor_error(429, "TOO_MANY_REQUEST"));
            break;
        }
        refused.assert_harbor_error(403, "FORBIDDEN");
    }
    let throttled = throttled.expect("an end");
    assert!(
        throttled
            .header("retry-after")
            .parse::<u64>()
            .is_ok_and(|secs| secs > 0)
    );
}

#[tokio::test]
async fn an_account_keeps_an_administrator() {
    let registry = TestRegistry::start().await;
    let number = last(&make(&registry, "zoe").await);
    let path = format!("/users/{number}/sysadmin");
    let zoe = registry.as_user("zoe", PASSWORD);
    let set = |is: bool| json!({ "sysadmin_flag": is });
    // The last one stays one, and nobody deletes itself.
    registry
        .api_put("/users/1/sysadmin", &set(false))
        .await
        .assert_harbor_error(412, "PRECONDITION");
    registry
        .api_delete("/users/1")
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    registry.api_put(&path, &set(true)).await.assert_done();
    registry.api_put(&path, &set(true)).await.assert_done();
    assert_eq!(
        zoe.api_get("/users/current").await.json()["sysadmin_flag"],
        true
    );
    zoe.api_get("/users").await.assert_status(200);
    // The user whom the first start made runs the deployment, too.
    zoe.api_delete("/users/1")
        .await
        .assert_harbor_error(412, "PRECONDITION");
    zoe.api_put("/users/1/sysadmin", &set(false))
        .await
        .assert_done();
    registry
        .api_get("/users")
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    // Clients in Go leave out what is false.
    zoe.api_put(&path, &json!({}))
        .await
        .assert_harbor_error(412, "PRECONDITION");
    zoe.api_put("/users/1/sysadmin", &set(true))
        .await
        .assert_done();
    registry.api_put(&path, &json!({})).await.assert_done();
    assert_eq!(
        zoe.api_get("/users/current").await.json()["sysadmin_flag"],
        false
    );
    registry
        .api_put("/users/99/sysadmin", &set(true))
        .await
        .assert_harbor_error(404, "NOT_FOUND");
}

/// Whoever is asked last keeps what it has, also when both are asked at once.
#[tokio::test]
async fn two_administrators_at_once_do_not_leave_an_account_without_any() {
    let registry = TestRegistry::start().await;
    let number = last(&make(&registry, "zoe").await);
    let zoe = registry.as_user("zoe", PASSWORD);
    let path = |number: i64| format!("/users/{number}/sysadmin");
    let set = |is: bool| json!({ "sysadmin_flag": is });
    registry
        .api_put(&path(number), &set(true))
        .await
        .assert_done();
    for _ in 0..20 {
        let of_admin = zoe.api_put(&path(1), &set(false));
        let of_zoe = registry.api_put(&path(number), &set(false));
        let both = tokio::join!(async { of_admin.await }, async { of_zoe.await });
        let (of_admin, of_zoe) = (both.0.status(), both.1.status());
        match (of_admin, of_zoe) {
            (200, 403 | 412) => zoe.api_put(&path(1), &set(true)).await.assert_done(),
            (403 | 412, 200) => registry
                .api_put(&path(number), &set(true))
                .await
                .assert_done(),
            both => panic!("{both:?}"),
        };
    }
}

/// Who is no administrator learns nothing of others, not even whether they are there.
#[tokio::test]
async fn users_see_and_change_themselves_and_nobody_else() {
    let registry = TestRegistry::start().await;
    make(&registry, "ann").await;
    make(&registry, "bob").await;
    let ann = registry.as_user("ann", PASSWORD);
    let profile = json!({ "email": "evil@example.com", "realname": "x" });
    for (method, path, body) in [
        (Method::GET, "", None),
        (Method::PUT, "", Some(profile)),
        (Method::DELETE, "", None),
        (
            Method::PUT,
            "/password",
            Some(json!({ "new_password": OTHER_PASSWORD })),
        ),
        (
            Method::PUT,
            "/sysadmin",
            Some(json!({ "sysadmin_flag": true })),
        ),
    ] {
        let mut texts = Vec::new();
        for number in [1, 3, 77] {
            let target = format!("{API}/users/{number}{path}");
            let mut call = ann.request(method.clone(), &target);
            if let Some(body) = &body {
                call = call.content_type("application/json").body(body.to_string());
            }
            texts.push(call.await.assert_harbor_error(403, "FORBIDDEN").text());
        }
        assert!(
            texts.iter().all(|text| *text == texts[0]),
            "{method} {path}: {texts:?}"
        );
    }
    ann.api_delete("/users/2")
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    let new = json!({ "username": "mallory", "password": PASSWORD });
    ann.api_post("/users", &new)
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    registry
        .anonymous()
        .api_post("/users", &new)
        .await
        .assert_harbor_error(401, "UNAUTHORIZED");
    assert_eq!(
        registry.api_get("/users/3").await.json()["email"],
        "bob@example.com"
    );
    // T20: a token for images alone changes nobody, not even its user.
    let made = registry.admin(&["token", "create", "ann", "narrow", "--may", "pull"]);
    let narrow = registry.as_user("ann", made["secret"].as_str().expect("a secret"));
    narrow
        .api_put("/users/2", &json!({ "realname": "x" }))
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    narrow
        .api_get("/users/2")
        .await
        .assert_harbor_error(403, "FORBIDDEN");
}

#[tokio::test]
async fn what_cannot_be_a_user_is_refused_and_changes_nothing() {
    let registry = TestRegistry::start().await;
    let long = "x".repeat(256);
    for (body, status, code) in [
        (json!({}), 400, "BAD_REQUEST"),
        (json!([]), 422, "UNPROCESSABLE_ENTITY"),
        (json!({ "username": 7 }), 422, "UNPROCESSABLE_ENTITY"),
        (
            json!({ "username": long, "password": PASSWORD }),
            422,
            "UNPROCESSABLE_ENTITY",
        ),
        (
            json!({ "username": "robot$x", "password": PASSWORD }),
            400,
            "BAD_REQUEST",
        ),
        (
            json!({ "username": "a:b", "password": PASSWORD }),
            400,
            "BAD_REQUEST",
        ),
        (
            json!({ "username": "a", "password": "" }),
            400,
            "BAD_REQUEST",
        ),
        (
            json!({ "username": "a", "password": "nodigitsNorAnything" }),
            400,
            "BAD_REQUEST",
        ),
        (
            json!({ "username": "a", "password": PASSWORD, "email": "no address" }),
            400,
            "BAD_REQUEST",
        ),
        (
            json!({ "username": "a", "password": PASSWORD, "realname": "a\nb" }),
            400,
            "BAD_REQUEST",
        ),
    ] {
        registry
            .api_post("/users", &body)
            .await
            .assert_harbor_error(status, code);
    }
    registry
        .api_put("/users/1", &json!({ "email": "x" }))
        .await
        .assert_harbor_error(400, "BAD_REQUEST");
    registry
        .api_get("/users/x")
        .await
        .assert_harbor_error(422, "UNPROCESSABLE_ENTITY");
    registry
        .api_get("/users/-1")
        .await
        .assert_harbor_error(404, "NOT_FOUND");
    assert_eq!(registry.api_get("/users").await.each("username"), ["admin"]);
}

#[tokio::test]
async fn everyone_may_ask_what_it_may_do_in_a_project() {
    let registry = TestRegistry::start().await;
    let guest = registry.create_member("library", "guest", "limited-guest");
    let path = "/users/current/permissions?scope=/project/1&relative=true";
    let may = async |caller: &Client| -> Vec<String> {
        let listed = caller.api_get(path).await.assert_status(200);
        let (resources, actions) = (listed.each("resource"), listed.each("action"));
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let both = resources.iter().zip(&actions);
        both.map(|(resource, action)| format!("{}:{}", text(resource), text(action)))
            .collect()
    };
    let (all, few) = (may(&registry).await, may(&guest).await);
    for action in [
        "repository:push",
        ".:delete",
        "member:create",
        "metadata:list",
    ] {
        assert!(all.iter().any(|known| known == action), "{action}: {all:?}");
        assert!(
            !few.iter().any(|known| known == action),
            "{action}: {few:?}"
        );
    }
    for action in ["repository:pull", ".:read", "quota:read"] {
        assert!(few.iter().any(|known| known == action), "{action}: {few:?}");
    }
    assert!(few.iter().all(|action| all.contains(action)));
    let whole = guest.api_get("/users/current/permissions?scope=/project/1");
    let whole = whole.await.assert_status(200).json();
    for entry in [
        json!({ "resource": "/project/1/repository", "action": "pull" }),
        json!({ "resource": "/project/1", "action": "read" }),
    ] {
        let is_there = whole.as_array().is_some_and(|all| all.contains(&entry));
        assert!(is_there, "{entry} is not in {whole}");
    }
    for scope in [
        "",
        "?scope=/project/77",
        "?scope=nothing",
        "?scope=/project/",
    ] {
        let path = format!("/users/current/permissions{scope}");
        assert_eq!(
            guest.api_get(&path).await.assert_status(200).json(),
            json!([]),
            "{scope}"
        );
    }
}

/// T12: another account's users cannot be reached by any number or name, nor by its administrators.
#[tokio::test]
async fn t12_accounts_do_not_see_each_others_users() {
    let registry = TestRegistry::start().await;
    let brewer = registry.create_account("brew", "brewer");
    make(&registry, "ann").await;
    make(&registry, "bob").await;
    assert_eq!(
        brewer
            .api_get("/users")
            .await
            .assert_status(200)
            .each("username"),
        ["brewer"]
    );
    assert_eq!(number_of(&brewer).await, 1);
    assert_eq!(
        brewer.api_get("/users/search?username=a").await.json(),
        json!([])
    );
    for number in [2, 3] {
        let path = format!("/users/{number}");
        brewer
            .api_get(&path)
            .await
            .assert_harbor_error(404, "NOT_FOUND");
        brewer
            .api_put(&path, &json!({ "realname": "x" }))
            .await
            .assert_harbor_error(404, "NOT_FOUND");
        brewer
            .api_delete(&path)
            .await
            .assert_harbor_error(404, "NOT_FOUND");
        let password = json!({ "new_password": OTHER_PASSWORD });
        brewer
            .api_put(&format!("{path}/password"), &password)
            .await
            .assert_harbor_error(404, "NOT_FOUND");
        let flag = json!({ "sysadmin_flag": true });
        brewer
            .api_put(&format!("{path}/sysadmin"), &flag)
            .await
            .assert_harbor_error(404, "NOT_FOUND");
    }
    // Nor by naming the account: for whoever has nothing to do with it, it is not there.
    let ann = registry.as_user("ann", PASSWORD);
    for account in ["brew", "none"] {
        let search = ann
            .api_get("/users/search?username=b")
            .header("account", account);
        search.await.assert_harbor_error(403, "FORBIDDEN");
    }
    ann.api_get("/users/current").await.assert_status(200);
}
