//! Accounts and their plans, as the operator at the machine manages them and their people meet them.

use serde_json::json;

use crate::registry::TestRegistry;
use crate::registry::client::Client;

/// The administrator of a new account on a plan.
fn create_account(registry: &TestRegistry, name: &str, plan: &str) -> Client {
    let administrator = registry.create_account(name, &format!("{name}-admin"));
    registry.admin(&["account", "set-plan", name, plan]);
    administrator
}

/// What a command that must not succeed says.
#[track_caller]
fn refused(registry: &TestRegistry, arguments: &[&str]) -> String {
    let output = registry.command(&[&["admin"], arguments].concat()).output();
    let output = output.expect("the program runs");
    assert!(!output.status.success(), "{arguments:?} went well");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn accounts_keep_to_themselves() {
    let registry = TestRegistry::start().await;
    let (acme, globex) = (
        create_account(&registry, "acme", "S"),
        create_account(&registry, "globex", "M"),
    );
    for (account, caller) in [("acme", &acme), ("globex", &globex)] {
        let body = json!({ "project_name": account }).to_string();
        let call = caller.request(http::Method::POST, "/api/v2.0/projects");
        call.content_type("application/json")
            .body(body)
            .await
            .assert_status(201);
        caller.push_image(&format!("{account}/app"), "v1").await;
    }
    let names = |list: serde_json::Value| -> Vec<String> {
        let list = list.as_array().expect("a list").clone();
        list.iter()
            .map(|one| one["name"].as_str().expect("a name").to_owned())
            .collect()
    };
    for (own, foreign, caller) in [("acme", "globex", &acme), ("globex", "acme", &globex)] {
        let listed = caller
            .get("/api/v2.0/projects")
            .await
            .assert_status(200)
            .json();
        assert_eq!(names(listed), [own]);
        // Numbers count in each account: the same number is another project.
        let first = caller
            .get("/api/v2.0/projects/1")
            .await
            .assert_status(200)
            .json();
        assert_eq!(first["name"], own);
        let unknown = caller
            .get(&format!("/api/v2.0/projects/{foreign}"))
            .await
            .assert_status(404);
        let nothing = caller
            .get("/api/v2.0/projects/nothing")
            .await
            .assert_status(404);
        assert_eq!(unknown.text().replace(foreign, "nothing"), nothing.text());
        caller
            .get(&format!("/v2/{foreign}/app/manifests/v1"))
            .await
            .assert_status(404);
        // Naming an account with which one has nothing to do is like naming one that does not exist.
        let named = |account: &str| caller.get("/api/v2.0/projects").header("account", account);
        let other = named(foreign).await.assert_status(403);
        let none = named("nothing").await.assert_status(403);
        assert_eq!(other.text(), none.text());
        assert_eq!(names(named(own).await.assert_status(200).json()), [own]);
    }
    // A name on the shared address is claimed once.
    registry.admin(&["--account", "globex", "namespace", "create", "shared"]);
    registry.admin(&["--account", "acme", "namespace", "create", "shared"]);
    acme.start_refused("shared/app").await;
}

impl Client {
    /// A push to where another account's namespace is looks like one to nowhere.
    async fn start_refused(&self, repository: &str) {
        let path = format!("/v2/{repository}/blobs/uploads/");
        self.post(&path).await.assert_status(404);
    }
}

#[tokio::test]
async fn a_plan_limits_an_account_and_a_larger_one_helps() {
    let registry = TestRegistry::start().await;
    registry.admin(&["plan", "create", "tiny", "--namespaces", "1"]);
    let acme = create_account(&registry, "acme", "tiny");
    let create = |name: &str| {
        let body = json!({ "project_name": name }).to_string();
        let call = acme.request(http::Method::POST, "/api/v2.0/projects");
        call.content_type("application/json").body(body)
    };
    create("first").await.assert_status(201);
    let full = create("second").await.assert_status(403);
    assert_eq!(
        full.error_message(),
        "the account has as many namespaces as its plan allows (1); delete one, or ask for a larger plan"
    );
    registry.admin(&["account", "set-plan", "acme", "S"]);
    create("second").await.assert_status(201);
    let shown = registry.admin(&["account", "show", "acme"]);
    assert_eq!(
        (&shown["plan"], &shown["namespaces"]),
        (&json!("S"), &json!(2))
    );
    let said = refused(&registry, &["account", "set-plan", "acme", "tiny"]);
    assert!(
        said.contains("the plan tiny is too small: the account uses 2 namespaces, and it allows 1"),
        "{said}"
    );

    // Storage: nothing fits into a plan of nothing, and what is there can still be read and deleted.
    acme.push_image("first/app", "v1").await;
    registry.admin(&["plan", "create", "nothing", "--storage-gib", "0"]);
    let said = refused(&registry, &["account", "set-plan", "acme", "nothing"]);
    assert!(said.contains("bytes of storage, and it allows 0"), "{said}");
    let empty = create_account(&registry, "empty", "nothing");
    let body = json!({ "project_name": "empty" }).to_string();
    let call = empty.request(http::Method::POST, "/api/v2.0/projects");
    call.content_type("application/json")
        .body(body)
        .await
        .assert_status(201);
    let said = refused(&registry, &["plan", "delete", "nothing"]);
    assert!(said.contains("1 accounts have it"), "{said}");
    registry.admin(&["account", "set-plan", "empty", "L"]);
    registry.admin(&["plan", "delete", "nothing"]);
    let plans = registry.admin(&["plan", "list"]);
    let names: Vec<_> = plans
        .as_array()
        .expect("a list")
        .iter()
        .map(|plan| plan["name"].clone())
        .collect();
    assert_eq!(names, ["L", "M", "S", "tiny"]);
}

#[tokio::test]
async fn a_suspended_account_can_be_pulled_from_and_nothing_else() {
    let registry = TestRegistry::start().await;
    let acme = create_account(&registry, "acme", "S");
    registry.admin(&["--account", "acme", "namespace", "create", "acme"]);
    acme.push_image("acme/app", "v1").await;
    registry.admin(&["account", "suspend", "acme"]);
    acme.get("/v2/acme/app/manifests/v1")
        .await
        .assert_status(200);
    acme.post("/v2/acme/app/blobs/uploads/")
        .await
        .assert_status(403);
    let body = json!({ "project_name": "more" }).to_string();
    let call = || {
        let call = acme.request(http::Method::POST, "/api/v2.0/projects");
        call.content_type("application/json").body(body.clone())
    };
    let refused = call().await.assert_status(403);
    assert_eq!(refused.json()["errors"][0]["code"], "DENIED");
    assert_eq!(
        registry.admin(&["account", "show", "acme"])["state"],
        "suspended"
    );
    registry.admin(&["account", "resume", "acme"]);
    call().await.assert_status(201);
    acme.push_image("acme/app", "v2").await;
}

#[tokio::test]
async fn names_that_cannot_be_are_refused() {
    let registry = TestRegistry::start().await;
    for name in ["Acme", "a-", "a.b", ""] {
        let said = refused(&registry, &["account", "create", name]);
        assert!(
            said.contains("1 to 63 lower-case letters"),
            "{name}: {said}"
        );
    }
    assert!(refused(&registry, &["account", "create", "default"]).contains("exists already"));
    assert!(
        refused(&registry, &["account", "create", "a", "--plan", "none"])
            .contains("the plan none does not exist")
    );
    assert!(
        refused(&registry, &["--account", "none", "user", "list"])
            .contains("the account none does not exist")
    );
    assert!(refused(&registry, &["plan", "create", "a plan"]).contains("1 to 63 letters"));
    let accounts = registry.admin(&["account", "list"]);
    assert_eq!(accounts, json!([{ "name": "default", "state": "active" }]));
}
