//! Every operation of IBM's API and every kind of caller: who may is in a table, and an operation without a row fails.
//!
//! Each request is one that cannot succeed for another reason, or changes nothing: what is looked at is whether its caller
//! was let through. 401 and 403 mean that it was not, and 404 for whoever may not see what is asked for.

use std::fmt::Write as _;

use serde_json::Value;
use web::ibm::OPERATIONS;

use super::secret_of;
use crate::registry::TestRegistry;
use crate::registry::client::Client;

/// Everyone: anonymous, a user without roles, the three weaker roles in namespace `own`, a writer and a manager of the
/// account, the administrator's token for pulling, a robot account that pulls in `own`, another account's administrator, the
/// two stronger roles, and the account's administrator.
const EVERYONE: &str = "xsLGDWSTRFMPA";
/// Everyone who has logged in.
const USERS: &str = "sLGDWSTRFMPA";
/// Those who may see namespace `own` and its images.
const SEERS: &str = "LGDTMPAS";

/// Operation, path below the API, body, and who may.
const ROWS: &[(&str, &str, &str, &str)] = &[
    ("GetAuth", "/auth", "", "SAF"),
    ("UpdateAuth", "/auth", r#"{"iam_authz":true}"#, "SAF"),
    ("ListImages", "/images", "", USERS),
    ("BulkDeleteImages", "/images/bulkdelete", "[]", USERS),
    ("ListImageDigests", "/images/digests", "{}", USERS),
    (
        "TagImage",
        "/images/tags?fromimage=own/app:v1&toimage=own/app:v2",
        "",
        "DWSMPA",
    ),
    ("DeleteImage", "/images/own%2Fapp%3Anone", "", "WSMPA"),
    // A robot account that may pull may see what it pulls as far as its permissions say, and these are for pulling alone.
    ("InspectImage", "/images/own%2Fapp%3Av1/json", "", SEERS),
    (
        "GetImageManifest",
        "/images/own%2Fapp%3Av1/manifest",
        "",
        SEERS,
    ),
    ("GetMessages", "/messages", "", EVERYONE),
    ("ListNamespaces", "/namespaces", "", USERS),
    ("ListNamespaceDetails", "/namespaces/details", "", USERS),
    ("CreateNamespace", "/namespaces/Not-A-Name", "", "SAF"),
    ("AssignNamespace", "/namespaces/own", "", "SAF"),
    ("DeleteNamespace", "/namespaces/spare", "", "SA"),
    ("GetPlans", "/plans", "", "SAF"),
    ("UpdatePlans", "/plans", r#"{"plan":"no-such-plan"}"#, "SAF"),
    ("GetQuota", "/quotas", "", "SAF"),
    (
        "UpdateQuota",
        "/quotas",
        r#"{"storage_megabytes":1}"#,
        "SAF",
    ),
    ("GetSettings", "/settings", "", "SAF"),
    (
        "UpdateSettings",
        "/settings",
        r#"{"platform_metrics":false}"#,
        "AF",
    ),
    ("DeleteImageTag", "/tags/own%2Fapp%3Anone", "", "WSMPA"),
];

struct Callers(Vec<(char, Client)>);

impl Callers {
    async fn make(registry: &TestRegistry) -> Self {
        registry.admin(&["namespace", "create", "own"]);
        registry.admin(&["namespace", "create", "spare"]);
        registry.push_image("own/app", "v1").await;
        let robot = registry.admin(&["robot", "create", "ci", "--namespace", "own"]);
        let robot = ["name", "secret"].map(|field| robot[field].as_str().expect("a text"));
        let foreign = registry.create_account("other", "foreign");
        let token = registry.create_access_token("admin", "for pulling", &["pull"]);
        let member = |name| registry.create_member("own", name, name);
        let of_account = |name: &str| {
            let user = registry.create_user(name);
            let granted = registry.sql(&format!(
                "INSERT INTO grants (id, account_id, subject_kind, subject_id, role, scope_kind, created_at_ms) \
                 SELECT 'grant-{name}', home_account_id, 'user', id, '{name}', 'account', 1 FROM users \
                 WHERE name = '{name}' RETURNING id"
            ));
            assert_eq!(granted.len(), 1);
            user
        };
        let callers = vec![
            ('x', registry.anonymous()),
            ('s', registry.create_user("stranger")),
            ('L', member("limited-guest")),
            ('G', member("guest")),
            ('D', member("developer")),
            ('W', of_account("writer")),
            ('T', registry.as_user("admin", &secret_of(&token))),
            ('R', registry.as_user(robot[0], robot[1])),
            ('F', foreign),
            ('M', member("maintainer")),
            ('P', member("project-admin")),
            ('S', of_account("manager")),
            ('A', registry.client(registry.credentials().clone())),
        ];
        Self(callers)
    }
}

/// The status of an answer, and whether it is that for what one may not see.
async fn ask(caller: &Client, method: &str, path: &str, body: &str) -> (u16, bool) {
    let method = method.parse().expect("a method");
    let mut call = caller.request(method, &format!("/api/v1{path}"));
    if !body.is_empty() {
        serde_json::from_str::<Value>(body).expect("JSON");
        call = call.content_type("application/json").body(body.to_owned());
    }
    let answer = call.await;
    // Whoever may know that there is nothing is told what that is.
    let hidden = "there is no such thing, or you may not see it";
    let is_hidden = answer.status() == 404 && answer.text().contains(hidden);
    (answer.status(), is_hidden)
}

#[tokio::test]
async fn every_operation_lets_those_through_who_may_and_nobody_else() {
    let registry = TestRegistry::start().await;
    let callers = Callers::make(&registry).await;
    let mut problems = String::new();
    for operation in OPERATIONS {
        let rows: Vec<_> = ROWS.iter().filter(|row| row.0 == operation.id).collect();
        if rows.is_empty() {
            _ = writeln!(problems, "{} has no row", operation.id);
        }
        for (id, path, body, allowed) in rows {
            for (letter, caller) in &callers.0 {
                let (status, is_hidden) = ask(caller, operation.method, path, body).await;
                let expected = match letter {
                    _ if allowed.contains(*letter) => {
                        status != 401 && status != 403 && status < 500 && !is_hidden
                    }
                    'x' => status == 401,
                    // In its own account, where it may do everything, there is no such thing.
                    'F' => status == 403 || status == 404,
                    _ => status == 403 || is_hidden,
                };
                if !expected {
                    _ = writeln!(
                        problems,
                        "{id} {path} by {letter}: {status}, may: {allowed}"
                    );
                }
            }
        }
    }
    assert!(problems.is_empty(), "{problems}");
    for row in ROWS {
        let is_known = OPERATIONS.iter().any(|operation| operation.id == row.0);
        assert!(is_known, "{} is no operation any more", row.0);
    }
}

/// What is not let through changes nothing, in many images as in one.
#[tokio::test]
async fn a_list_of_images_is_deleted_as_far_as_one_may() {
    let registry = TestRegistry::start().await;
    registry.admin(&["namespace", "create", "own"]);
    registry.push_image("own/app", "v1").await;
    let guest = registry.create_member("own", "guest", "guest");
    let stranger = registry.create_user("stranger");
    for (caller, code) in [(guest, "FORBIDDEN"), (stranger, "NOT_FOUND")] {
        let answer = caller
            .post("/api/v1/images/bulkdelete")
            .content_type("application/json")
            .body(r#"["own/app:v1"]"#)
            .await
            .assert_status(200)
            .json();
        assert_eq!(answer["success"], serde_json::json!([]));
        assert_eq!(answer["error"]["own/app:v1"]["code"], code);
    }
    registry
        .get("/v2/own/app/manifests/v1")
        .await
        .assert_status(200);
}
