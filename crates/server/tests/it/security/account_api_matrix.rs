//! Every operation of our own API and every kind of caller: who may is in a table, and an operation without a row fails.
//!
//! Each request is one that cannot succeed for another reason, or changes nothing: what is looked at is whether its caller
//! was let through. 401 means nobody, 404 somebody who may not see it, and 403 somebody who may, but not do this.

use std::fmt::Write as _;

use serde_json::Value;
use web::account_api::OPERATIONS;

use super::secret_of;
use crate::account_api::AccountApi;
use crate::registry::TestRegistry;
use crate::registry::client::{Answer, Client};

/// Everyone: nobody, another account's administrator, a member without roles, a guest of a namespace, a robot account that
/// may pull, the administrator's token for pulling, the account's administrator, the operator (who administers `default`),
/// and the operator's token for pulling. The account is `own`; `default` has nothing to do with it.
const EVERYONE: &str = "xFsGRTAON";
/// Everyone who has logged in.
const KNOWN: &str = "FsGRTAON";
/// Users, with whatever credential.
const USERS: &str = "FsGTAON";
/// Users with a credential that is made for everything.
const WHOLE: &str = "FsGAO";
/// Whoever has something to do with `own`.
const FELLOWS: &str = "sGRTA";

/// Operation, path below the API, body, and who may. The operator's own account is `default`.
const ROWS: &[(&str, &str, &str, &str)] = &[
    ("getOpenApi", "/openapi.json", "", EVERYONE),
    ("getCaller", "/user", "", KNOWN),
    ("listAccessTokens", "/user/access-tokens", "", WHOLE),
    (
        "createAccessToken",
        "/user/access-tokens",
        r#"{"name":"","actions":["pull"]}"#,
        WHOLE,
    ),
    // Nobody has it: whoever may is told so.
    ("revokeAccessToken", "/user/access-tokens/none", "", WHOLE),
    ("listOwnAccounts", "/accounts", "", USERS),
    ("getAccount", "/accounts/own", "", FELLOWS),
    ("listMembers", "/accounts/own/members", "", "A"),
    (
        "createMember",
        "/accounts/own/members",
        r#"{"name":"weak","password":"weak"}"#,
        "A",
    ),
    ("getMember", "/accounts/own/members/99999", "", "A"),
    (
        "updateMember",
        "/accounts/own/members/99999",
        r#"{"is_administrator":true}"#,
        "A",
    ),
    ("removeMember", "/accounts/own/members/99999", "", "A"),
    ("listAuditEvents", "/accounts/own/audit-events", "", "A"),
    ("listTrustRules", "/accounts/own/trust-rules", "", "A"),
    (
        "createTrustRule",
        "/accounts/own/trust-rules",
        r#"{"name":"Not a name","issuer":"https://issuer.example.com","audience":"a","claims":{},"permissions":[]}"#,
        "A",
    ),
    ("getTrustRule", "/accounts/own/trust-rules/none", "", "A"),
    (
        "updateTrustRule",
        "/accounts/own/trust-rules/none",
        r#"{"issuer":"https://issuer.example.com","audience":"a","claims":{},"permissions":[]}"#,
        "A",
    ),
    ("deleteTrustRule", "/accounts/own/trust-rules/none", "", "A"),
    (
        "listIdentitySources",
        "/accounts/own/identity-sources",
        "",
        "A",
    ),
    (
        "createIdentitySource",
        "/accounts/own/identity-sources",
        r#"{"name":"Not a name","issuer":"https://issuer.example.com","client_id":"a"}"#,
        "A",
    ),
    (
        "updateIdentitySource",
        "/accounts/own/identity-sources/none",
        r#"{"issuer":"https://issuer.example.com","client_id":"a"}"#,
        "A",
    ),
    (
        "deleteIdentitySource",
        "/accounts/own/identity-sources/none",
        "",
        "A",
    ),
    (
        "listDeploymentIdentitySources",
        "/deployment/identity-sources",
        "",
        "O",
    ),
    (
        "createDeploymentIdentitySource",
        "/deployment/identity-sources",
        r#"{"name":"Not a name","issuer":"https://issuer.example.com","client_id":"a"}"#,
        "O",
    ),
    (
        "updateDeploymentIdentitySource",
        "/deployment/identity-sources/none",
        r#"{"issuer":"https://issuer.example.com","client_id":"a"}"#,
        "O",
    ),
    (
        "deleteDeploymentIdentitySource",
        "/deployment/identity-sources/none",
        "",
        "O",
    ),
    ("getNetwork", "/accounts/own/network", "", "A"),
    ("updateNetwork", "/accounts/own/network", "{}", "A"),
    (
        "putNamespaceNetwork",
        "/accounts/own/network/namespaces/images",
        r#"{"registry":[]}"#,
        "A",
    ),
    ("listAddresses", "/accounts/own/addresses", "", "A"),
    (
        "listDeploymentAddresses",
        "/deployment/accounts/own/addresses",
        "",
        "O",
    ),
    (
        "addAddress",
        "/deployment/accounts/own/addresses",
        r#"{"host":"none"}"#,
        "O",
    ),
    (
        "removeAddress",
        "/deployment/accounts/own/addresses/none.test",
        "",
        "O",
    ),
    ("getUsage", "/accounts/own/usage", "", "A"),
    (
        "listNamespaceUsage",
        "/accounts/own/usage/namespaces",
        "",
        "A",
    ),
    ("getOwnPlan", "/accounts/own/plan", "", "A"),
    (
        "choosePlan",
        "/accounts/own/plan",
        r#"{"plan":"none"}"#,
        "A",
    ),
    ("listUsage", "/deployment/usage", "", "O"),
    (
        "closeAccount",
        "/deployment/accounts/none/closing",
        "{}",
        "O",
    ),
    (
        "restoreAccount",
        "/deployment/accounts/none/closing",
        "",
        "O",
    ),
    ("getReceipt", "/deployment/accounts/own/receipt", "", "O"),
    ("listActions", "/accounts/own/actions", "", "A"),
    ("listRoles", "/accounts/own/roles", "", "A"),
    (
        "createRole",
        "/accounts/own/roles",
        r#"{"name":"Not a name","actions":[]}"#,
        "A",
    ),
    ("getRole", "/accounts/own/roles/none", "", "A"),
    (
        "updateRole",
        "/accounts/own/roles/none",
        r#"{"name":"Not a name","actions":[]}"#,
        "A",
    ),
    ("deleteRole", "/accounts/own/roles/none", "", "A"),
    // A guest of a namespace sees who else is in it.
    ("listGrants", "/accounts/own/grants", "", "GTA"),
    (
        "createGrant",
        "/accounts/own/grants",
        r#"{"user":"none","role":"guest"}"#,
        "A",
    ),
    ("getGrant", "/accounts/own/grants/none", "", "GTA"),
    ("deleteGrant", "/accounts/own/grants/none", "", "A"),
    (
        "getAuditRetention",
        "/accounts/own/audit-retention",
        "",
        "A",
    ),
    (
        "setAuditRetention",
        "/accounts/own/audit-retention",
        r#"{"days":1}"#,
        "A",
    ),
    (
        "listContentRequests",
        "/accounts/own/content-requests",
        "",
        "A",
    ),
    (
        "decideContentRequest",
        "/accounts/own/content-requests/none/decision",
        r#"{"decision":"decline"}"#,
        "A",
    ),
    (
        "listAllContentRequests",
        "/deployment/content-requests",
        "",
        "O",
    ),
    (
        "createContentRequest",
        "/deployment/content-requests",
        r#"{"account":"none","reason":"a test","hours":1}"#,
        "O",
    ),
    (
        "withdrawContentRequest",
        "/deployment/content-requests/none",
        "",
        "O",
    ),
    ("listOperators", "/deployment/operators", "", "O"),
    (
        "addOperator",
        "/deployment/operators",
        r#"{"user":"none","role":"owner"}"#,
        "O",
    ),
    (
        "removeOperator",
        "/deployment/operators/none/auditor",
        "",
        "O",
    ),
    ("getDeployment", "/deployment", "", "O"),
    ("getDeploymentHealth", "/deployment/health", "", "O"),
    (
        "listDeploymentAuditEvents",
        "/deployment/audit-events",
        "",
        "O",
    ),
    ("listAccounts", "/deployment/accounts", "", "O"),
    (
        "createAccount",
        "/deployment/accounts",
        r#"{"name":"Not-A-Name"}"#,
        "O",
    ),
    ("getDeploymentAccount", "/deployment/accounts/own", "", "O"),
    (
        "setPlan",
        "/deployment/accounts/own/plan",
        r#"{"plan":"none"}"#,
        "O",
    ),
    (
        "suspendAccount",
        "/deployment/accounts/none/suspension",
        r#"{"mode":"pull"}"#,
        "O",
    ),
    (
        "resumeAccount",
        "/deployment/accounts/none/suspension",
        "",
        "O",
    ),
    ("listPlans", "/deployment/plans", "", "O"),
    (
        "createPlan",
        "/deployment/plans",
        r#"{"name":"not a name"}"#,
        "O",
    ),
    ("getPlan", "/deployment/plans/S", "", "O"),
    ("deletePlan", "/deployment/plans/none", "", "O"),
];

struct Callers(Vec<(char, Client)>);

impl Callers {
    fn make(registry: &TestRegistry) -> Self {
        let administrator = registry.create_account("own", "ann");
        let in_own = |arguments: &[&str]| {
            let made = registry.admin(&[&["--account", "own"], arguments].concat());
            let name = made["name"].as_str().unwrap_or_default().to_owned();
            let secret = made["password"].as_str().or(made["secret"].as_str());
            (name, secret.unwrap_or_default().to_owned())
        };
        in_own(&["namespace", "create", "images"]);
        let user = |name: &str| {
            let (_, password) = in_own(&["user", "create", name]);
            registry.as_user(name, &password)
        };
        let (member, guest) = (user("sam"), user("gus"));
        in_own(&["member", "add", "images", "gus", "--role", "guest"]);
        let (robot, robot_secret) = in_own(&["robot", "create", "ci", "--may", "pull"]);
        let (_, token) = in_own(&["token", "create", "ann", "narrow", "--may", "pull"]);
        let operators = registry.create_access_token("admin", "narrow", &["pull"]);
        Self(vec![
            ('x', registry.anonymous()),
            ('F', registry.create_account("other", "foreign")),
            ('s', member),
            ('G', guest),
            ('R', registry.as_user(&robot, &robot_secret)),
            ('T', registry.as_user("ann", &token)),
            ('A', administrator),
            ('O', registry.client(registry.credentials().clone())),
            ('N', registry.as_user("admin", &secret_of(&operators))),
        ])
    }
}

/// Whether an answer is what somebody gets who may not. What somebody may not even see is like what is not there.
fn is_refusal(path: &str, letter: char, answer: &Answer) -> bool {
    let status = answer.status();
    let is_foreign = match path.split('/').nth(1) {
        Some("deployment") => !"ON".contains(letter),
        Some("accounts") => !FELLOWS.contains(letter),
        _ => false,
    };
    match letter {
        'x' => status == 401,
        _ if is_foreign => is_hidden(answer),
        _ => status == 403 || is_hidden(answer),
    }
}

fn is_hidden(answer: &Answer) -> bool {
    answer.status() == 404 && answer.error_message().contains("or you may not see it")
}

#[tokio::test]
async fn every_operation_lets_those_through_who_may_and_nobody_else() {
    let registry = TestRegistry::start().await;
    let callers = Callers::make(&registry);
    let mut problems = String::new();
    for operation in OPERATIONS {
        let rows: Vec<_> = ROWS.iter().filter(|row| row.0 == operation.id).collect();
        if rows.is_empty() {
            _ = writeln!(problems, "{} has no row", operation.id);
        }
        for (id, path, body, allowed) in rows {
            for (letter, caller) in &callers.0 {
                let method = operation.method.parse().expect("a method");
                let mut call = caller.v1(method, path);
                if !body.is_empty() {
                    serde_json::from_str::<Value>(body).expect("JSON");
                    call = call.content_type("application/json").body(*body);
                }
                let answer = call.await;
                let status = answer.status();
                let is_expected = if allowed.contains(*letter) {
                    // Where there is nothing, whoever may is told of that what it named.
                    status != 401 && status != 403 && status < 500 && !is_hidden(&answer)
                } else {
                    is_refusal(path, *letter, &answer)
                };
                if !is_expected {
                    let text = answer.text();
                    _ = writeln!(
                        problems,
                        "{id} {path} by {letter}: {status} {text}may: {allowed}"
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

/// Whoever has nothing to do with an account learns nothing of it, whichever operation it asks.
#[tokio::test]
async fn an_account_that_is_not_ones_own_is_like_one_that_is_not_there() {
    let registry = TestRegistry::start().await;
    let callers = Callers::make(&registry);
    for (letter, caller) in &callers.0 {
        if FELLOWS.contains(*letter) {
            continue;
        }
        for row in ROWS.iter().filter(|row| row.1.starts_with("/accounts/own")) {
            let operation = OPERATIONS.iter().find(|operation| operation.id == row.0);
            let method = operation.expect("it is there").method;
            let ask = |path: &str| {
                let call = caller.v1(method.parse().expect("a method"), path);
                if row.2.is_empty() {
                    call
                } else {
                    call.content_type("application/json").body(row.2)
                }
            };
            let there = ask(row.1).await;
            let nowhere = ask(&row.1.replacen("/own", "/none", 1)).await;
            super::assert_same(&there, &nowhere, &["own", "none"]);
        }
    }
}
