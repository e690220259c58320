//! What Harbor's Terraform provider sends, in its order, and what it needs to read: exactly the declared status, a relative
//! `Location`, and the values that it has set.

use http::Method;
use serde_json::{Value, json};

use super::{API, Harbor};
use crate::registry::TestRegistry;
use crate::registry::client::Client;

/// Makes something; returns its path as the provider keeps it: what follows `/api/v2.0` in `Location`.
async fn create(client: &Client, path: &str, body: &Value) -> String {
    let made = client.api_post(path, body).await.assert_status(201);
    let location = made.location();
    let id = location
        .strip_prefix("/api")
        .and_then(|rest| rest.strip_prefix("/v2.0"));
    let id = id.expect("a path below the API").to_owned();
    let number = id.rsplit('/').next().expect("a part");
    assert!(number.parse::<u32>().is_ok(), "{id}");
    id
}

async fn read(client: &Client, id: &str) -> Value {
    // The provider announces JSON with every request, and has a body with none that reads.
    let read = client.api_get(id).content_type("application/json").await;
    read.assert_status(200).json()
}

async fn update(client: &Client, id: &str, body: &Value) {
    client.api_put(id, body).await.assert_status(200);
}

async fn delete(client: &Client, id: &str) {
    let deleted = client.api_delete(id).content_type("application/json").await;
    deleted.assert_status(200);
    let gone = client.api_get(id).await;
    assert!(
        [403, 404].contains(&gone.status()),
        "{id}: {}",
        gone.status()
    );
}

/// A project as the provider writes it: every field that it knows, switches as text.
fn project(name: &str, public: &str) -> Value {
    json!({
        "metadata": {
            "auto_scan": "false", "auto_sbom_generation": "false", "enable_content_trust": "false",
            "enable_content_trust_cosign": "false", "prevent_vul": "false", "public": public, "severity": "low",
            "reuse_sys_cve_allowlist": "true",
        },
        "cve_allowlist": { "items": [{ "cve_id": "CVE-2026-1" }] },
        "project_name": name, "registry_id": null, "storage_limit": 1_073_741_824,
    })
}

#[tokio::test]
async fn a_project_with_its_quota_members_and_repositories() {
    let registry = TestRegistry::start().await;
    let id = create(&registry, "/projects", &project("main", "false")).await;
    let shown = read(&registry, &id).await;
    assert_eq!(shown["name"], "main");
    assert_eq!(shown["metadata"]["public"], "false");
    assert_eq!(
        shown["cve_allowlist"]["items"],
        json!([{ "cve_id": "CVE-2026-1" }])
    );
    let again = registry
        .api_post("/projects", &project("main", "false"))
        .await;
    again.assert_harbor_error(409, "CONFLICT");

    // The quota is looked for page by page, until there is no more.
    let mut quota = Value::Null;
    for page in 1.. {
        let listed = registry
            .api_get(&format!(
                "/quotas/?page={page}&page_size=1&sort=-creation_time"
            ))
            .await;
        let listed = listed.assert_status(200).json();
        let listed = listed.as_array().expect("a list");
        if listed.is_empty() {
            break;
        }
        if listed[0]["ref"]["id"] == shown["project_id"] {
            quota = listed[0].clone();
        }
    }
    assert_eq!(quota["hard"]["storage"], 1_073_741_824);
    let path = format!("/quotas/{}", quota["id"]);
    update(&registry, &path, &json!({ "hard": { "storage": -1 } })).await;
    assert_eq!(read(&registry, &path).await["hard"]["storage"], -1);

    update(&registry, &id, &project("main", "true")).await;
    assert_eq!(read(&registry, &id).await["metadata"]["public"], "true");

    members_of(&registry, &id).await;

    // With force_destroy what is in it goes first, by a name that is encoded twice.
    registry.push_image("main/deep/app", "v1").await;
    let refused = registry.api_delete(&id).await;
    refused.assert_harbor_error(412, "PRECONDITION");
    let listed = registry
        .api_get("/projects/main/repositories?page=1&page_size=100")
        .await;
    assert_eq!(listed.assert_status(200).json()[0]["name"], "main/deep/app");
    let gone = registry
        .api_delete("/projects/main/repositories/deep%252Fapp")
        .await;
    gone.assert_status(200);
    delete(&registry, &id).await;
}

async fn members_of(registry: &TestRegistry, id: &str) {
    registry.create_user("dev");
    let members = format!("{id}/members");
    let body = json!({ "role_id": 2, "member_user": { "username": "dev" } });
    let member = create(registry, &members, &body).await;
    let shown = read(registry, &member).await;
    assert_eq!(
        (
            &shown["role_id"],
            &shown["entity_name"],
            &shown["entity_type"]
        ),
        (&json!(2), &json!("dev"), &json!("u"))
    );
    update(registry, &member, &json!({ "role_id": 4 })).await;
    assert_eq!(read(registry, &member).await["role_id"], 4);
    let crew = json!({ "group_name": "crew", "group_type": 2 });
    create(registry, "/usergroups", &crew).await;
    let group = json!({ "role_id": 3, "member_group": { "group_type": 2, "group_name": "crew" } });
    let group = create(registry, &members, &group).await;
    assert_eq!(read(registry, &group).await["entity_type"], "g");
    delete(registry, &group).await;
    delete(registry, &member).await;
}

#[tokio::test]
async fn robot_accounts() {
    let registry = TestRegistry::start().await;
    let access = |resource: &str, action: &str| json!({ "action": action, "resource": resource });
    let mut robot = json!({
        "name": "ci", "description": "for builds", "disable": false, "duration": -1, "level": "project",
        "permissions": [{ "kind": "project", "namespace": "library",
            "access": [access("repository", "pull"), access("repository", "push")] }],
    });
    let made = registry
        .api_post("/robots", &robot)
        .await
        .assert_status(201);
    let id = made.location().replace(API, "");
    assert!(made.json()["secret"].is_string());
    // The secret that the configuration has is set right after.
    let secret = json!({ "secret": "Of-the-configuration-7" }).to_string();
    let patched = registry.request(Method::PATCH, &format!("{API}{id}"));
    let patched = patched.content_type("application/json").body(secret);
    patched.await.assert_status(200);
    // Its name is taken apart at the prefix that the configuration of the system says.
    let shown = read(&registry, &id).await;
    let prefix = read(&registry, "/configurations").await["robot_name_prefix"]["value"].clone();
    let (prefix, name) = (
        prefix.as_str().expect("text"),
        shown["name"].as_str().expect("text"),
    );
    assert_eq!(name, format!("{prefix}library+ci"));
    let tool = registry.as_user(name, "Of-the-configuration-7");
    tool.get("/v2/").await.assert_status(200);
    robot["name"] = json!(name);
    robot["disable"] = json!(true);
    robot["permissions"][0]["access"] = json!([access("repository", "pull")]);
    update(&registry, &id, &robot).await;
    let shown = read(&registry, &id).await;
    assert_eq!(
        (&shown["disable"], &shown["level"]),
        (&json!(true), &json!("project"))
    );
    let access = shown["permissions"][0]["access"]
        .as_array()
        .expect("a list");
    assert_eq!(access.len(), 1);
    tool.get("/v2/").await.assert_status(401);
    delete(&registry, &id).await;
}

#[tokio::test]
async fn people_and_groups() {
    let registry = TestRegistry::start().await;
    let user = json!({
        "username": "zoe", "password": "Correct-horse-9", "email": "zoe@example.com", "realname": "Zoe",
        "comment": "", "sysadmin_flag": false,
    });
    let id = create(&registry, "/users", &user).await;
    update(
        &registry,
        &format!("{id}/sysadmin"),
        &json!({ "sysadmin_flag": true }),
    )
    .await;
    let shown = read(&registry, &id).await;
    assert_eq!(
        (
            &shown["username"],
            &shown["sysadmin_flag"],
            shown.get("comment")
        ),
        (&json!("zoe"), &json!(true), None)
    );
    update(&registry, &id, &user).await;
    let password = json!({ "new_password": "Correct-horse-10", "old_password": "" });
    update(&registry, &format!("{id}/password"), &password).await;
    registry
        .as_user("zoe", "Correct-horse-10")
        .get("/v2/")
        .await
        .assert_status(200);
    delete(&registry, &id).await;

    let group = json!({ "group_name": "crew", "group_type": 2 });
    let id = create(&registry, "/usergroups", &group).await;
    assert_eq!(read(&registry, &id).await["group_name"], "crew");
    update(
        &registry,
        &id,
        &json!({ "group_name": "team", "group_type": 2 }),
    )
    .await;
    delete(&registry, &id).await;
}

#[tokio::test]
async fn labels_and_the_configuration() {
    let registry = TestRegistry::start().await;
    let label = |name: &str| json!({ "name": name, "color": "#FF0000", "description": "", "scope": "g", "project_id": 0 });
    let id = create(&registry, "/labels", &label("hot")).await;
    update(&registry, &id, &label("cold")).await;
    let shown = read(&registry, &id).await;
    assert_eq!(
        (&shown["name"], &shown["scope"]),
        (&json!("cold"), &json!("g"))
    );
    delete(&registry, &id).await;

    // Parts of it, each resource its own; what is sent as it is changes nothing.
    let prefix = read(&registry, "/configurations").await["robot_name_prefix"]["value"].clone();
    for part in [
        json!({ "auth_mode": "db_auth", "primary_auth_mode": false }),
        json!({ "project_creation_restriction": "everyone", "read_only": false, "robot_token_duration": 30,
            "robot_name_prefix": prefix, "storage_per_project": -1, "scanner_skip_update_pulltime": false }),
        json!({ "banner_message": "" }),
    ] {
        update(&registry, "/configurations", &part).await;
    }
    let shown = read(&registry, "/configurations").await;
    assert_eq!(shown["project_creation_restriction"]["value"], "everyone");
    let list = json!({ "expires_at": 1_893_456_000, "items": [{ "cve_id": "CVE-2026-1" }] });
    update(&registry, "/system/CVEAllowlist", &list).await;
    let shown = read(&registry, "/system/CVEAllowlist").await;
    assert_eq!(
        (&shown["items"], &shown["expires_at"]),
        (&list["items"], &list["expires_at"])
    );
}

/// Resources whose engines are not there: the provider is told so, and never that it worked.
#[tokio::test]
async fn what_is_not_there_yet_is_not_found() {
    let registry = TestRegistry::start().await;
    for (method, path) in [
        ("POST", "/registries"),
        ("GET", "/registries/1"),
        ("POST", "/replication/policies"),
        ("POST", "/replication/executions"),
        ("GET", "/system/scanAll/schedule"),
        ("POST", "/system/scanAll/schedule"),
        ("GET", "/scanners"),
        ("PATCH", "/scanners/1"),
        ("PUT", "/projects/1/scanner"),
        ("POST", "/p2p/preheat/instances"),
    ] {
        let method: Method = method.parse().expect("a method");
        let call = registry.request(method, &format!("{API}{path}"));
        let call = call.content_type("application/json").body("{}");
        call.await.assert_harbor_error(404, "NOT_FOUND");
    }
}
