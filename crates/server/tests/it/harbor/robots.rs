//! Robot accounts: made, shown, rotated, and what they may do to images and projects.

use serde_json::{Value, json};

use super::{API, Harbor};
use crate::registry::TestRegistry;
use crate::registry::client::{Answer, Client};

/// A robot account to be made, of the system, with one permission.
fn system(name: &str, namespace: &str, access: &[(&str, &str)]) -> Value {
    let kind = if namespace == "/" {
        "system"
    } else {
        "project"
    };
    json!({ "name": name, "level": "system", "duration": -1, "permissions": [permission(kind, namespace, access)] })
}

/// The same of one project.
fn project(name: &str, namespace: &str, access: &[(&str, &str)]) -> Value {
    json!({ "name": name, "level": "project", "duration": -1, "permissions": [permission("project", namespace, access)] })
}

fn permission(kind: &str, namespace: &str, access: &[(&str, &str)]) -> Value {
    let access: Vec<Value> = access
        .iter()
        .map(|(resource, action)| json!({ "resource": resource, "action": action }))
        .collect();
    json!({ "kind": kind, "namespace": namespace, "access": access })
}

const PULL: &[(&str, &str)] = &[("repository", "pull")];
const PUSH: &[(&str, &str)] = &[("repository", "push")];

/// A robot account that was made, and its path.
struct Made {
    client: Client,
    name: String,
    secret: String,
    path: String,
}

async fn make(registry: &TestRegistry, by: &Client, body: &Value) -> Made {
    let answer = by.api_post("/robots", body).await.assert_status(201);
    let made = answer.json();
    let text = |field: &str| made[field].as_str().expect("text").to_owned();
    let (name, secret) = (text("name"), text("secret"));
    let path = answer
        .location()
        .strip_prefix(API)
        .expect("a path below the API")
        .to_owned();
    Made {
        client: registry.as_user(&name, &secret),
        name,
        secret,
        path,
    }
}

async fn refresh(by: &Client, path: &str, secret: &str) -> Answer {
    let call = by
        .patch(&format!("{API}{path}"))
        .content_type("application/json");
    call.body(json!({ "secret": secret }).to_string()).await
}

async fn project_number(registry: &TestRegistry, name: &str) -> i64 {
    let project = registry
        .api_get(&format!("/projects/{name}"))
        .await
        .assert_status(200);
    project.json()["project_id"].as_i64().expect("a number")
}

#[tokio::test]
async fn a_robot_account_that_is_made_is_shown_without_its_secret() {
    let registry = TestRegistry::start().await;
    let mut body = project(
        "ci",
        "library",
        &[
            ("repository", "push"),
            ("tag", "create"),
            ("project", "read"),
        ],
    );
    body["duration"] = json!(7);
    body["description"] = json!("builds");
    body["secret"] = json!("Chosen-by-1-client");
    let answer = registry.api_post("/robots", &body).await.assert_status(201);
    assert_eq!(answer.location(), format!("{API}/robots/1"));
    let made = answer.json();
    let mut fields: Vec<_> = made.as_object().expect("an object").keys().collect();
    fields.sort();
    assert_eq!(
        fields,
        ["creation_time", "expires_at", "id", "name", "secret"]
    );
    assert_eq!(
        (&made["id"], &made["name"]),
        (&json!(1), &json!("robot$library+ci"))
    );
    let secret = made["secret"].as_str().expect("text");
    assert_eq!(secret.len(), 32, "the secret in the request is passed over");

    let shown = registry
        .api_get("/robots/1")
        .await
        .assert_status(200)
        .json();
    assert_eq!(
        shown,
        json!({
            "id": 1,
            "name": "robot$library+ci",
            "description": "builds",
            "level": "project",
            "duration": 7,
            "editable": true,
            "disable": false,
            "expires_at": made["expires_at"],
            "creator_type": "local",
            "creator_ref": 1,
            "creation_time": made["creation_time"],
            "update_time": made["creation_time"],
            "permissions": [{
                "kind": "project",
                "namespace": "library",
                "access": [
                    { "resource": "repository", "action": "push" },
                    { "resource": "project", "action": "read" },
                    { "resource": "tag", "action": "create" },
                ],
            }],
        })
    );
}

#[tokio::test]
async fn a_robot_account_is_changed_and_deleted() {
    let registry = TestRegistry::start().await;
    let mut body = project("ci", "library", PUSH);
    body["duration"] = json!(7);
    body["description"] = json!("builds");
    make(&registry, &registry, &body).await;
    let before = registry.api_get("/robots/1").await.json();
    let expires_at = before["expires_at"].as_i64().expect("seconds");
    let change = json!({
        "id": 99, "name": "robot$library+ci", "level": "project", "disable": true, "duration": 8,
        "description": "", "editable": false, "creator_ref": 7, "expires_at": 5, "secret": "Taken-over-1",
        "permissions": [permission("project", "library", PULL)],
    });
    registry.api_put("/robots/1", &change).await.assert_done();
    let changed = registry
        .api_get("/robots/1")
        .await
        .assert_status(200)
        .json();
    assert_eq!(
        (&changed["disable"], &changed["duration"]),
        (&json!(true), &json!(8))
    );
    assert_eq!(changed["expires_at"], expires_at + 24 * 3600);
    assert_eq!(
        (changed.get("description"), &changed["creator_ref"]),
        (None, &json!(1))
    );
    assert_eq!(
        changed["permissions"],
        json!([permission("project", "library", PULL)])
    );

    registry.api_delete("/robots/1").await.assert_done();
    for method in ["GET", "DELETE"] {
        let gone = registry.request(
            method.parse().expect("a method"),
            &format!("{API}/robots/1"),
        );
        gone.await.assert_harbor_error(404, "NOT_FOUND");
    }
    // The number is not used again.
    let next = make(&registry, &registry, &system("next", "*", PULL)).await;
    assert_eq!(
        (next.path.as_str(), next.name.as_str()),
        ("/robots/2", "robot$next")
    );
    let again = registry
        .api_post("/robots", &system("next", "*", PULL))
        .await;
    again.assert_harbor_error(409, "CONFLICT");
}

#[tokio::test]
async fn lists_are_of_the_system_or_of_one_project() {
    let registry = TestRegistry::start().await;
    for body in [
        system("two", "*", PULL),
        system("one", "library", PULL),
        project("three", "library", PULL),
    ] {
        registry.api_post("/robots", &body).await.assert_status(201);
    }
    let library = project_number(&registry, "library").await;
    for (query, expected) in [
        (String::new(), &["robot$one", "robot$two"][..]),
        (
            "?q=Level%3Dsystem&sort=-name".to_owned(),
            &["robot$two", "robot$one"],
        ),
        (
            "?q=Level%3Dsystem,ProjectID%3D0,name%3D~TW".to_owned(),
            &["robot$two"],
        ),
        (
            format!("?q=Level%3Dproject,ProjectID%3D{library}"),
            &["robot$library+three"],
        ),
        ("?page=2&page_size=1".to_owned(), &["robot$two"]),
        // A hash is nothing that can be asked about.
        (
            "?q=secret_hash%3Dx,name%3Drobot%24one".to_owned(),
            &["robot$one"],
        ),
    ] {
        let listed = registry
            .api_get(&format!("/robots{query}"))
            .await
            .assert_status(200);
        assert_eq!(listed.each("name"), expected, "{query}");
        assert!(!listed.text().contains("secret"), "{query}");
    }
    assert_eq!(
        registry.api_get("/robots").await.header("x-total-count"),
        "2"
    );
    for query in [
        "q=Level%3Dproject",
        "q=Level%3Dproject,ProjectID%3Dx",
        "q=Level%3Dgalaxy",
    ] {
        let refused = registry.api_get(&format!("/robots?{query}")).await;
        refused.assert_harbor_error(400, "BAD_REQUEST");
    }
    let unknown = registry
        .api_get("/robots?q=Level%3Dproject,ProjectID%3D99")
        .await;
    unknown.assert_harbor_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_changes_nothing() {
    let registry = TestRegistry::start().await;
    let with = |field: &str, value: Value| {
        let mut body = system("a", "*", PULL);
        body[field] = value;
        body
    };
    let permissions = |permissions: Value| with("permissions", permissions);
    for body in [
        with("name", json!("Upper")),
        with("name", json!("robot$a")),
        with("name", json!("")),
        with("level", json!("galaxy")),
        with("level", json!("project")),
        with("duration", json!(0)),
        with("duration", json!(-2)),
        with("duration", json!(1_i64 << 40)),
        with("description", json!("x".repeat(2000))),
        permissions(json!([])),
        permissions(Value::Null),
        permissions(json!([permission("project", "*", &[])])),
        permissions(json!([permission("project", "*", &[("repository", "*")])])),
        permissions(json!([permission(
            "project",
            "*",
            &[("namespace", "read")]
        )])),
        permissions(json!([permission("project", "*", &[("user", "create")])])),
        permissions(json!([permission("system", "/", PULL)])),
        permissions(json!([permission(
            "system",
            "library",
            &[("quota", "read")]
        )])),
        permissions(json!([permission("galaxy", "*", PULL)])),
        permissions(json!([{ "kind": "project", "namespace": "*",
            "access": [{ "resource": "repository", "action": "pull", "effect": "deny" }] }])),
    ] {
        registry
            .api_post("/robots", &body)
            .await
            .assert_harbor_error(400, "BAD_REQUEST");
    }
    let two = json!({ "name": "a", "level": "project", "permissions": [
        permission("project", "library", PULL), permission("project", "library", PUSH) ] });
    registry
        .api_post("/robots", &two)
        .await
        .assert_harbor_error(400, "BAD_REQUEST");
    let nowhere = registry
        .api_post("/robots", &system("a", "nowhere", PULL))
        .await;
    nowhere.assert_harbor_error(404, "NOT_FOUND");
    let untyped = registry
        .api_post("/robots", &with("duration", json!("7")))
        .await;
    untyped.assert_harbor_error(422, "UNPROCESSABLE_ENTITY");
    assert_eq!(registry.api_get("/robots").await.json(), json!([]));
}

#[tokio::test]
async fn name_level_and_project_stay_and_a_secret_follows_the_rule() {
    let registry = TestRegistry::start().await;
    registry
        .api_post("/projects", &json!({ "project_name": "other" }))
        .await
        .assert_status(201);
    let made = make(&registry, &registry, &project("ci", "library", PULL)).await;
    let good = json!({ "name": made.name, "level": "project", "permissions": [permission("project", "library", PULL)] });
    registry.api_put(&made.path, &good).await.assert_done();
    for (field, value) in [
        ("name", json!("ci")),
        ("name", json!("robot$library+other")),
        ("level", json!("system")),
        ("permissions", json!([permission("project", "other", PULL)])),
        ("permissions", json!([permission("project", "*", PULL)])),
        ("permissions", json!([])),
        ("duration", json!(0)),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        registry
            .api_put(&made.path, &bad)
            .await
            .assert_harbor_error(400, "BAD_REQUEST");
    }
    for secret in ["aA1", "nodigitsHere", "nouppercase1", "NOLOWERCASE1"] {
        refresh(&registry, &made.path, secret)
            .await
            .assert_harbor_error(400, "BAD_REQUEST");
    }
    made.client.get("/v2/").await.assert_status(200);
}

/// Fails unless a caller may do to a repository what was granted to it, and nothing else.
async fn expect_to_do(client: &Client, name: &str, repository: &str, granted: &str) {
    let manifest = format!("/v2/{repository}/manifests/v1");
    let pulled = client.get(&manifest).await.status();
    assert_eq!(
        pulled == 200,
        granted.contains("pull"),
        "{name} {repository}"
    );
    if granted.contains("push") {
        client.push_image(repository, "pushed").await;
    } else {
        let begun = client.post(&format!("/v2/{repository}/blobs/uploads/"));
        let begun = begun.await.status();
        assert!(matches!(begun, 401 | 403 | 404), "{name} {repository}");
    }
    let deleted = client.delete(&manifest).await.status();
    assert!(matches!(deleted, 401 | 403 | 404), "{name} {repository}");
}

/// What robot accounts may do to images: by Basic, and by the tokens that they get for it.
#[tokio::test]
async fn images_are_pulled_and_pushed_as_permissions_say() {
    let registry = TestRegistry::start().await;
    registry.admin(&["namespace", "create", "other"]);
    registry.push_image("library/app", "v1").await;
    registry.push_image("other/app", "v1").await;
    let puller = make(&registry, &registry, &project("puller", "library", PULL)).await;
    let pusher = make(&registry, &registry, &project("pusher", "library", PUSH)).await;
    let everywhere = make(&registry, &registry, &system("everywhere", "*", PUSH)).await;
    let nothing = make(
        &registry,
        &registry,
        &project("lists", "library", &[("tag", "list")]),
    )
    .await;
    let scope = |name: &str| format!("repository:{name}:pull,push,delete");
    for (robot, in_library, in_other) in [
        (&puller, "pull", ""),
        (&pusher, "pull,push", ""),
        (&everywhere, "pull,push", "pull,push"),
        (&nothing, "", ""),
    ] {
        for (repository, granted) in [
            ("library/app", in_library),
            ("other/app", in_other),
            ("none/app", ""),
        ] {
            let path = format!("/service/token?scope={}", scope(repository));
            let token = robot.client.get(&path).await.assert_status(200).json();
            let expected = if granted.is_empty() {
                String::new()
            } else {
                format!("repository:{repository}:{granted}")
            };
            assert_eq!(token["scope"], expected, "{} {repository}", robot.name);
        }
        // A token lives no longer than others do.
        let token = robot.client.get("/service/token").await.json();
        assert_eq!(token["expires_in"], 300);
        let scopes = [scope("library/app"), scope("other/app")];
        let token = robot.client.with_token(&[&scopes[0], &scopes[1]]).await;
        for client in [&robot.client, &token] {
            for (repository, granted) in [("library/app", in_library), ("other/app", in_other)] {
                expect_to_do(client, &robot.name, repository, granted).await;
            }
        }
    }
    let used =
        registry.sql("SELECT name FROM robots WHERE last_used_at_ms IS NOT NULL ORDER BY name");
    assert_eq!(used.len(), 4, "{used:?}");
}

#[tokio::test]
async fn a_robot_account_that_is_disabled_expired_or_deleted_gets_nothing() {
    let registry = TestRegistry::start().await;
    registry.push_image("library/app", "v1").await;
    let manifest = "/v2/library/app/manifests/v1";
    let robot = make(&registry, &registry, &project("ci", "library", PULL)).await;
    robot.client.get(manifest).await.assert_status(200);
    let state = |disable: bool| {
        json!({ "name": robot.name, "level": "project", "disable": disable,
            "permissions": [permission("project", "library", PULL)] })
    };
    registry
        .api_put(&robot.path, &state(true))
        .await
        .assert_done();
    for path in ["/service/token", manifest] {
        robot.client.get(path).await.assert_status(401);
    }
    registry
        .api_put(&robot.path, &state(false))
        .await
        .assert_done();
    robot.client.get(manifest).await.assert_status(200);

    let mut short = project("short", "library", PULL);
    short["duration"] = json!(1);
    let short = make(&registry, &registry, &short).await;
    registry.sql("UPDATE robots SET expires_at_ms = 1 WHERE short_name = 'short' RETURNING name");
    let wrong = registry.as_user(&short.name, "Correct-horse-8-battery");
    for path in ["/service/token", "/v2/"] {
        let expired = short.client.get(path).await.assert_status(401);
        assert!(
            expired.error_message().contains("expired"),
            "{}",
            expired.text()
        );
        let guessed = wrong.get(path).await.assert_status(401);
        assert!(
            !guessed.error_message().contains("expired"),
            "{}",
            guessed.text()
        );
    }

    let token = robot
        .client
        .with_token(&["repository:library/app:pull"])
        .await;
    registry.api_delete(&robot.path).await.assert_done();
    robot.client.get("/service/token").await.assert_status(401);
    robot.client.get(manifest).await.assert_status(401);
    // A token cannot be made longer by showing it.
    token.get("/service/token").await.assert_status(401);
    // Whoever gets the name next is someone else.
    let next = make(&registry, &registry, &project("ci", "library", PULL)).await;
    assert_eq!(
        (next.name == robot.name, next.path == robot.path),
        (true, false)
    );
    robot.client.get(manifest).await.assert_status(401);
}

#[tokio::test]
async fn a_secret_is_replaced_without_a_moment_in_which_none_is_good() {
    let registry = TestRegistry::start().await;
    let robot = make(&registry, &registry, &system("ci", "*", PULL)).await;
    robot.client.get("/v2/").await.assert_status(200);
    let answer = refresh(&registry, &robot.path, "")
        .await
        .assert_status(200)
        .json();
    let second = answer["secret"].as_str().expect("a secret").to_owned();
    assert_ne!(second, robot.secret);
    for secret in [&robot.secret, &second] {
        registry
            .as_user(&robot.name, secret)
            .get("/v2/")
            .await
            .assert_status(200);
    }
    // Terraform's way: the secret that one chooses. It is not sent back.
    let chosen = "Chosen-by-1-person";
    let answer = refresh(&registry, &robot.path, chosen)
        .await
        .assert_status(200);
    assert_eq!(answer.json(), json!({}));
    for (secret, status) in [
        (robot.secret.as_str(), 401),
        (second.as_str(), 200),
        (chosen, 200),
    ] {
        registry
            .as_user(&robot.name, secret)
            .get("/v2/")
            .await
            .assert_status(status);
    }
    let events = registry.sql("SELECT payload FROM events WHERE kind LIKE 'robot.%'");
    assert_eq!(events.len(), 3);
    let events = format!("{events:?}");
    for secret in [&robot.secret, &second, chosen] {
        assert!(!events.contains(secret) && !registry.log().contains(secret));
    }

    let setting = TestRegistry::builder().setting("REGISTRY__ROBOT_SECRET_OVERLAP_SECS", 0);
    let registry = setting.start().await;
    let robot = make(&registry, &registry, &system("ci", "*", PULL)).await;
    robot.client.get("/v2/").await.assert_status(200);
    refresh(&registry, &robot.path, chosen)
        .await
        .assert_status(200);
    robot.client.get("/v2/").await.assert_status(401);
}

#[tokio::test]
async fn a_project_takes_its_robot_accounts_along() {
    let registry = TestRegistry::start().await;
    let own = json!({ "project_name": "own" });
    registry
        .api_post("/projects", &own)
        .await
        .assert_status(201);
    let robot = make(&registry, &registry, &project("ci", "own", PUSH)).await;
    let wide = make(&registry, &registry, &system("wide", "own", PUSH)).await;
    robot.client.get("/v2/").await.assert_status(200);
    registry.api_delete("/projects/own").await.assert_done();
    robot.client.get("/v2/").await.assert_status(401);
    registry
        .api_get(&robot.path)
        .await
        .assert_harbor_error(404, "NOT_FOUND");
    // What the account's robot account had there does not come back with the name.
    assert_eq!(
        registry.api_get(&wide.path).await.json().get("permissions"),
        None
    );
    registry
        .api_post("/projects", &own)
        .await
        .assert_status(201);
    registry.push_image("own/app", "v1").await;
    for client in [&robot.client, &wide.client] {
        let pulled = client.get("/v2/own/app/manifests/v1").await;
        assert!(matches!(pulled.status(), 401 | 404), "{}", pulled.status());
    }
}

/// Nobody gives what it does not hold; a robot account may make projects and others like itself.
#[tokio::test]
async fn robot_accounts_make_projects_and_robot_accounts_within_what_they_hold() {
    let registry = TestRegistry::start().await;
    registry.admin(&["namespace", "create", "own"]);
    let mut body = system(
        "maker",
        "/",
        &[
            ("project", "create"),
            ("robot", "create"),
            ("robot", "read"),
            ("robot", "list"),
        ],
    );
    let permissions = body["permissions"].as_array_mut().expect("a list");
    permissions.push(permission(
        "project",
        "*",
        &[("repository", "pull"), ("project", "read")],
    ));
    let maker = make(&registry, &registry, &body).await;
    let made = maker
        .client
        .api_post("/projects", &json!({ "project_name": "made" }))
        .await
        .assert_status(201);
    assert_eq!(
        registry.get(&made.location()).await.json()["owner_name"],
        "robot$maker"
    );
    // Making a project is not pushing to it, in one push or in two.
    let token = maker
        .client
        .get("/service/token?scope=repository:pushed/app:pull,push")
        .await;
    assert_eq!(token.assert_status(200).json()["scope"], "");
    let pushed = maker.client.post("/v2/pushed/app/blobs/uploads/").await;
    pushed.assert_error(404, "NAME_UNKNOWN");
    maker
        .client
        .api_get("/users/current")
        .await
        .assert_harbor_error(412, "PRECONDITION");
    let child = make(&registry, &maker.client, &system("child", "*", PULL)).await;
    let shown = registry.api_get(&child.path).await.json();
    assert_eq!(
        (&shown["creator_type"], &shown["creator_ref"]),
        (&json!("robot"), &json!(1))
    );
    for body in [
        system("more", "*", PUSH),
        system("more", "own", PUSH),
        system("more", "/", &[("user", "create")]),
    ] {
        let refused = maker.client.api_post("/robots", &body).await;
        refused.assert_harbor_error(403, "DENIED");
    }
    // A project's robot account needs the right in that project, which this one has in none.
    let refused = maker
        .client
        .api_post("/robots", &project("more", "own", PULL))
        .await;
    refused.assert_harbor_error(403, "FORBIDDEN");
    assert_eq!(
        registry.api_get("/robots").await.header("x-total-count"),
        "2"
    );
}

#[tokio::test]
async fn people_give_robot_accounts_no_more_than_they_hold() {
    let registry = TestRegistry::start().await;
    registry.admin(&["namespace", "create", "own"]);
    let owner = registry.create_member("own", "owner", "project-admin");
    let ci = make(&registry, &owner, &project("ci", "own", PUSH)).await;
    owner.api_get(&ci.path).await.assert_status(200);
    let beyond = owner
        .api_post("/robots", &project("more", "own", &[("metadata", "list")]))
        .await;
    beyond.assert_harbor_error(403, "DENIED");
    // Nor by way of one that holds it already.
    let strong = make(
        &registry,
        &registry,
        &project("strong", "own", &[("metadata", "list")]),
    )
    .await;
    refresh(&owner, &strong.path, "")
        .await
        .assert_harbor_error(403, "DENIED");
    let mut change = project("", "own", &[("metadata", "list"), ("repository", "pull")]);
    change["name"] = json!(strong.name);
    owner
        .api_put(&strong.path, &change)
        .await
        .assert_harbor_error(403, "DENIED");
}

/// Case 12: with the number of another's robot account, one gets what one gets for a number that nobody has.
#[tokio::test]
async fn another_projects_and_another_accounts_robot_accounts_are_not_there() {
    let registry = TestRegistry::start().await;
    for name in ["own", "foreign"] {
        registry.admin(&["namespace", "create", name]);
    }
    let owner = registry.create_member("own", "owner", "project-admin");
    let guest = registry.create_member("own", "guest", "guest");
    let stranger = registry.create_user("stranger");
    let boss = registry.create_account("other", "boss");
    let own = make(&registry, &registry, &project("ci", "own", PULL)).await;
    let foreign = make(&registry, &registry, &project("ci", "foreign", PULL)).await;
    let of_system = make(&registry, &registry, &system("ci", "*", PULL)).await;
    let body = |name: &str, level: &str| json!({ "name": name, "level": level, "permissions": [permission("project", "own", PULL)] });
    for (caller, robot, status) in [
        (&owner, &foreign.path, 404),
        (&owner, &of_system.path, 404),
        (&guest, &foreign.path, 404),
        (&stranger, &own.path, 403),
        (&boss, &own.path, 404),
        (&boss, &of_system.path, 404),
        (&registry.anonymous(), &own.path, 401),
    ] {
        let mut answers = Vec::new();
        for path in [robot.as_str(), "/robots/4711"] {
            let number = path.rsplit('/').next().expect("a number").to_owned();
            let mut texts = Vec::new();
            for answer in [
                caller.api_get(path).await,
                caller.api_delete(path).await,
                caller.api_put(path, &body("robot$own+ci", "project")).await,
                refresh(caller, path, "").await,
            ] {
                let answer = answer.assert_status(status);
                texts.push(answer.text().replace(&number, "N"));
            }
            answers.push(texts);
        }
        assert_eq!(answers[0], answers[1], "{robot}");
    }
    // Whoever may see it, and no more, is told so.
    guest.api_get(&own.path).await.assert_status(200);
    guest
        .api_delete(&own.path)
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    refresh(&guest, &own.path, "")
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    for robot in [&own, &foreign, &of_system] {
        robot.client.get("/v2/").await.assert_status(200);
    }
}

#[tokio::test]
async fn numbers_names_and_secrets_are_each_accounts_own() {
    let registry = TestRegistry::start().await;
    let boss = registry.create_account("other", "boss");
    let of_system = make(&registry, &registry, &system("ci", "*", PULL)).await;
    let theirs = make(&registry, &boss, &system("ci", "*", PULL)).await;
    assert_eq!(
        (theirs.name.as_str(), theirs.path.as_str()),
        ("robot-other$ci", "/robots/1")
    );
    // One secret for two of them is no secret between them.
    for (by, robot) in [(&boss, &theirs), (&*registry, &of_system)] {
        refresh(by, &robot.path, "Chosen-by-1-person")
            .await
            .assert_status(200);
    }
    for robot in [&theirs, &of_system] {
        let client = registry.as_user(&robot.name, "Chosen-by-1-person");
        client.get("/v2/").await.assert_status(200);
    }
}

#[tokio::test]
async fn what_can_be_given_is_told_to_those_who_give() {
    let registry = TestRegistry::start().await;
    let owner = registry.create_member("library", "owner", "project-admin");
    let developer = registry.create_member("library", "developer", "developer");
    let all = registry
        .api_get("/permissions")
        .await
        .assert_status(200)
        .json();
    let count = |kind: &str| all[kind].as_array().map(Vec::len);
    assert_eq!((count("system"), count("project")), (Some(70), Some(71)));
    let creates = json!({ "resource": "project", "action": "create" });
    assert!(all["system"].as_array().expect("a list").contains(&creates));
    let fewer = owner
        .api_get("/permissions")
        .await
        .assert_status(200)
        .json();
    assert_eq!(
        (fewer.get("system"), &fewer["project"]),
        (None, &all["project"])
    );
    developer
        .api_get("/permissions")
        .await
        .assert_harbor_error(403, "FORBIDDEN");
    registry
        .anonymous()
        .api_get("/permissions")
        .await
        .assert_harbor_error(401, "UNAUTHORIZED");
    // Everything that is told can be given, by whoever holds all of it.
    let pairs = |kind: &str| -> Value {
        json!({ "kind": kind, "namespace": if kind == "system" { "/" } else { "*" }, "access": all[kind] })
    };
    let body = json!({ "name": "all", "level": "system", "duration": -1, "permissions": [pairs("system"), pairs("project")] });
    registry.api_post("/robots", &body).await.assert_status(201);
}

#[tokio::test]
async fn the_operator_manages_robot_accounts_at_the_command_line() {
    let registry = TestRegistry::start().await;
    registry.push_image("library/app", "v1").await;
    let made = registry.admin(&[
        "robot",
        "create",
        "ci",
        "--namespace",
        "library",
        "--may",
        "push",
        "--never-expires",
    ]);
    assert_eq!(
        (&made["name"], made.get("expires_at")),
        (&json!("robot$library+ci"), None)
    );
    let secret = made["secret"].as_str().expect("a secret");
    registry
        .as_user("robot$library+ci", secret)
        .push_image("library/app", "v2")
        .await;
    let made = registry.admin(&[
        "robot",
        "create",
        "setup",
        "--may",
        "pull",
        "--may",
        "project:create",
    ]);
    assert!(made["expires_at"].is_string(), "{made}");
    let secret = made["secret"].as_str().expect("a secret");
    let setup = registry.as_user("robot$setup", secret);
    setup
        .api_post("/projects", &json!({ "project_name": "made" }))
        .await
        .assert_status(201);
    let rotated = registry.admin(&["robot", "rotate", "robot$setup"]);
    let secret = rotated["secret"].as_str().expect("a secret");
    registry
        .as_user("robot$setup", secret)
        .get("/v2/")
        .await
        .assert_status(200);
    let listed = registry.admin(&["robot", "list"]);
    assert_eq!(listed[0]["name"], "robot$setup");
    assert_eq!(
        listed[0]["may"],
        json!(["namespace:create", "repository:pull"])
    );
    assert!(listed[0]["last_used_at"].is_string(), "{listed}");
    registry.admin(&["robot", "delete", "robot$setup"]);
    assert_eq!(registry.admin(&["robot", "list"]), json!([]));
    let of_library = registry.admin(&["robot", "list", "--namespace", "library"]);
    assert_eq!(of_library[0]["name"], "robot$library+ci");
    let shown = registry
        .api_get("/robots?q=Level%3Dsystem")
        .await
        .assert_status(200);
    assert_eq!(shown.json(), json!([]));
}
