//! Namespaces: listed, made, deleted with everything in them, and those of other accounts.

use serde_json::{Value, json};

use super::{Ibm, administrator, create_key, with_key};
use crate::registry::TestRegistry;

#[tokio::test]
async fn a_namespace_is_made_listed_and_deleted_with_its_images() {
    let registry = TestRegistry::start().await;
    let admin = administrator(&registry).await;
    let made = admin.ibm_put("/namespaces/team").await.assert_status(201);
    assert_eq!(made.json(), json!({ "namespace": "team" }));
    let again = admin.ibm_put("/namespaces/team").await.assert_status(200);
    assert_eq!(again.json(), json!({ "namespace": "team" }));
    admin
        .ibm_put("/namespaces/Not-A-Name")
        .await
        .assert_ibm_error(400, "BAD_REQUEST");
    let names = admin.ibm_get("/namespaces").await.assert_status(200);
    assert_eq!(names.json(), json!(["library", "team"]));

    let details = admin
        .ibm_get("/namespaces/details")
        .await
        .assert_status(200);
    let mut details = details.json();
    let team = details[1].as_object_mut().expect("an object");
    let mut take = |field: &str| team.remove(field).unwrap_or(Value::Null);
    let created = take("created_date");
    assert!(created.as_str().is_some_and(|time| time.ends_with('Z')));
    assert_eq!(take("resource_created_date"), created);
    assert!(take("updated_date").is_string());
    let account = take("account");
    let account = account.as_str().expect("an id");
    let crn = format!("crn:v1:roadstead:private:container-registry::a/{account}::namespace:team");
    assert_eq!(
        json!(team),
        json!({ "name": "team", "crn": crn, "resource_group": "default" })
    );

    registry.push_image("team/app", "v1").await;
    registry.push_image("team/nested/app", "v1").await;
    registry.start_upload("team/unfinished").await;
    admin
        .ibm_delete("/namespaces/team")
        .await
        .assert_status(204);
    let names = admin.ibm_get("/namespaces").await.json();
    assert_eq!(names, json!(["library"]));
    registry
        .get("/v2/team/app/manifests/v1")
        .await
        .assert_status(404);
    admin
        .ibm_delete("/namespaces/team")
        .await
        .assert_ibm_error(404, "NOT_FOUND");
    let quota = admin.ibm_get("/quotas").await.assert_status(200).json();
    assert_eq!(quota["usage"]["storage_bytes"], 0);
    // The name is free again, and nothing of before is in it.
    admin.ibm_put("/namespaces/team").await.assert_status(201);
    let images = admin.ibm_get("/images").await.assert_status(200);
    assert_eq!(images.json(), json!([]));
}

#[tokio::test]
async fn there_is_one_resource_group() {
    let registry = TestRegistry::start().await;
    let admin = administrator(&registry).await;
    let group = "x-auth-resource-group";
    let put = || admin.ibm_put("/namespaces/team");
    put()
        .header(group, "other")
        .await
        .assert_ibm_error(400, "UNSUPPORTED");
    put().header(group, "default").await.assert_status(201);
    let assign = |name: &str| admin.ibm_patch(&format!("/namespaces/{name}"), &Value::Null);
    let assigned = assign("team")
        .header(group, "default")
        .await
        .assert_status(200);
    assert_eq!(assigned.json(), json!({ "namespace": "team" }));
    assign("team").await.assert_ibm_error(400, "BAD_REQUEST");
    assign("team")
        .header(group, "other")
        .await
        .assert_ibm_error(400, "UNSUPPORTED");
    assign("nothing")
        .header(group, "default")
        .await
        .assert_ibm_error(404, "NOT_FOUND");
}

/// T12: the account is the caller's own, or one that it belongs to, by name or id; of others nothing is told.
#[tokio::test]
async fn t12_the_account_is_one_that_the_caller_belongs_to() {
    let registry = TestRegistry::start().await;
    registry.create_account("acme", "acme-admin");
    let admin = administrator(&registry).await;
    let acme = with_key(&registry, &{
        let made = registry.admin(&["--account", "acme", "token", "create", "acme-admin", "ibm"]);
        made["secret"].as_str().expect("a secret").to_owned()
    })
    .await;
    acme.ibm_put("/namespaces/acme").await.assert_status(201);
    let details = acme.ibm_get("/namespaces/details").await.json();
    let id = details[0]["account"].as_str().expect("an id").to_owned();

    let named = |account: &str| acme.ibm_get("/namespaces").header("account", account);
    for own in ["", "acme", &id] {
        let listed = named(own).await.assert_status(200);
        assert_eq!(listed.json(), json!(["acme"]), "{own:?}");
    }
    let foreign = named("default").await.assert_ibm_error(403, "FORBIDDEN");
    let nothing = named("nothing").await.assert_ibm_error(403, "FORBIDDEN");
    assert_eq!(foreign.ibm_message(), nothing.ibm_message());
    let theirs = admin.ibm_get("/namespaces").header("account", &id).await;
    assert_eq!(
        theirs.assert_ibm_error(403, "FORBIDDEN").ibm_message(),
        nothing.ibm_message()
    );
    // Of what is in it, neither.
    acme.push_image_as(&registry, "acme/app").await;
    for (method, path) in [
        ("GET", "/images/{}%2Fapp%3Av1/json"),
        ("GET", "/images/{}%2Fapp%3Av1/manifest"),
        ("DELETE", "/images/{}%2Fapp%3Av1"),
        ("DELETE", "/tags/{}%2Fapp%3Av1"),
        (
            "POST",
            "/images/tags?fromimage={}/app:v1&toimage=library/app:v1",
        ),
        ("DELETE", "/namespaces/{}"),
    ] {
        let ask = async |namespace: &str| {
            let path = format!("/api/v1{}", path.replace("{}", namespace));
            let method = method.parse().expect("a method");
            let answer = admin.request(method, &path).await.assert_status(404);
            answer.ibm_message().replace(namespace, "<asked>")
        };
        assert_eq!(ask("acme").await, ask("nothing").await, "{method} {path}");
    }
    let listed = admin
        .ibm_get("/images?namespace=acme")
        .await
        .assert_status(200);
    assert_eq!(listed.json(), json!([]));
    let digests = admin.ibm_post("/images/digests", &json!({ "repositories": ["acme/app"] }));
    assert_eq!(digests.await.assert_status(200).json(), json!([]));

    // A name that is taken on the shared address can be had on the account's own.
    let taken = acme.ibm_put("/namespaces/library").await.assert_status(201);
    assert!(taken.json()["message"].is_string(), "{}", taken.text());
}

#[tokio::test]
async fn who_has_no_role_sees_no_namespace_and_makes_none() {
    let registry = TestRegistry::start().await;
    let member = registry.create_user("carol");
    member.ibm_get("/namespaces").await.assert_status(200);
    let key = create_key(&registry, "carol", "ibm", &[]);
    let carol = with_key(&registry, &key).await;
    assert_eq!(carol.ibm_get("/namespaces").await.json(), json!([]));
    carol
        .ibm_delete("/namespaces/library")
        .await
        .assert_ibm_error(404, "NOT_FOUND");
    carol
        .ibm_put("/namespaces/mine")
        .await
        .assert_ibm_error(403, "FORBIDDEN");
}
