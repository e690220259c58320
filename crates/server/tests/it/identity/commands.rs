//! `roadstead admin identity-source` and `roadstead admin trust-rule`: the same as over HTTP, from the machine itself.

use std::process::Output;

use serde_json::{Value, json};

use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;

const SECRET: &str = "Stony-brook-31-secret";

fn in_acme(registry: &TestRegistry, arguments: &[&str]) -> Value {
    registry.admin(&[&["--account", "acme"], arguments].concat())
}

/// What a command says that fails.
#[track_caller]
fn refused(registry: &TestRegistry, arguments: &[&str]) -> String {
    let mut command = registry.command(&["admin", "--account", "acme"]);
    let Output { status, stderr, .. } = command.args(arguments).output().expect("it runs");
    assert!(!status.success(), "{arguments:?}");
    String::from_utf8_lossy(&stderr).into_owned()
}

#[tokio::test]
async fn trust_rules_are_made_on_the_machine() {
    let registry = TestRegistry::start().await;
    let ann = registry.create_account("acme", "ann");
    in_acme(&registry, &["namespace", "create", "team"]);
    let rule = [
        "trust-rule",
        "add",
        "ci",
        "--issuer",
        "https://issuer.example.com",
        "--audience",
        "registry.example.com",
        "--claim",
        "sub=repo:acme/*:ref:refs/heads/main",
        "--claim",
        "sub=repo:acme/*:ref:refs/tags/*",
        "--claim",
        "ref_type=branch",
    ];
    let more = ["--namespace", "team", "--may", "push", "--may", "pull"];
    let made = in_acme(&registry, &[&rule[..], &more].concat());
    let shown = json!({
        "name": "ci",
        "description": "",
        "issuer": "https://issuer.example.com",
        "audience": "registry.example.com",
        "claims": {
            "ref_type": ["branch"],
            "sub": ["repo:acme/*:ref:refs/heads/main", "repo:acme/*:ref:refs/tags/*"],
        },
        "permissions": [
            { "place": "namespace", "namespace": "team", "actions": ["repository:pull", "repository:push"] },
        ],
        "token_lifetime_secs": made["token_lifetime_secs"],
        "is_disabled": false,
        "last_used_at": null,
    });
    assert_eq!(made, shown);
    assert_eq!(in_acme(&registry, &["trust-rule", "list"]), json!([shown]));
    assert_eq!(registry.admin(&["trust-rule", "list"]), json!([]));
    let path = "/accounts/acme/trust-rules/ci";
    let api = ann.v1_get(path).await.assert_status(200).json();
    assert_eq!(api["claims"], shown["claims"]);

    let again = refused(&registry, &rule);
    assert!(again.contains("exists already"), "{again}");
    let fly = refused(&registry, &[&rule[..], &["--may", "fly"]].concat());
    assert!(fly.contains("fly is no action"), "{fly}");
    let nowhere = refused(
        &registry,
        &[&rule[..], &["--namespace", "nowhere"]].concat(),
    );
    assert!(nowhere.contains("nowhere"), "{nowhere}");

    in_acme(&registry, &["trust-rule", "remove", "ci"]);
    ann.v1_get(path).await.assert_status(404);
    let gone = refused(&registry, &["trust-rule", "remove", "ci"]);
    assert!(gone.contains("does not exist"), "{gone}");
    let told = registry.sql(
        "SELECT e.kind, e.credential, a.name FROM events e JOIN accounts a ON a.id = e.account_id \
         WHERE e.kind LIKE 'trust_rule.%' ORDER BY e.id",
    );
    assert_eq!(
        told,
        [
            ["trust_rule.created", "local", "acme"],
            ["trust_rule.deleted", "local", "acme"],
        ]
    );
}

/// A source of the deployment, whose people belong to acme.
fn add_for_all(registry: &TestRegistry, source: Vec<&str>) {
    let of_all = [source, vec!["--deployment", "--no-newcomers"]].concat();
    let made = in_acme(registry, &of_all);
    assert_eq!(
        (&made["home_account"], &made["has_client_secret"]),
        (&json!("acme"), &json!(false))
    );
    let listed = registry.admin(&["identity-source", "list", "--deployment"]);
    assert_eq!(listed, json!([made]));
}

#[tokio::test]
async fn identity_sources_are_made_on_the_machine_and_their_secrets_are_never_seen() {
    let registry = TestRegistry::start().await;
    let ann = registry.create_account("acme", "ann");
    let secret = registry.data_dir().join("client-secret");
    std::fs::write(&secret, format!("{SECRET}\nrest")).expect("it is written");
    let secret = secret.to_str().expect("plain");
    let source = |name: &'static str| {
        vec![
            "identity-source",
            "add-oidc",
            name,
            "--issuer",
            "https://issuer.example.com",
            "--client-id",
            "registry",
        ]
    };
    let with_secret = ["--client-secret-file", secret, "--button-text", "Log in"];
    let made = in_acme(&registry, &[source("sso"), with_secret.to_vec()].concat());
    assert_eq!(
        (
            &made["name"],
            &made["home_account"],
            &made["has_client_secret"]
        ),
        (&json!("sso"), &json!("acme"), &json!(true))
    );
    assert!(!made.to_string().contains(SECRET));
    let listed = in_acme(&registry, &["identity-source", "list"]);
    assert_eq!(listed, json!([made]));
    let api = ann.v1_get("/accounts/acme/identity-sources").await;
    let api = api.assert_status(200).json();
    assert_eq!(api["items"][0]["button_text"], "Log in");
    assert_eq!(api["items"][0]["scopes"], json!(["profile", "email"]));
    assert_eq!(api["items"][0]["onboards"], true);

    add_for_all(&registry, source("main"));
    let again = refused(&registry, &source("sso"));
    assert!(again.contains("exists already"), "{again}");
    let empty = registry.data_dir().join("empty");
    std::fs::write(&empty, "").expect("it is written");
    let empty = ["--client-secret-file", empty.to_str().expect("plain")];
    let empty = refused(&registry, &[source("other"), empty.to_vec()].concat());
    assert!(empty.contains("there is no password or secret"), "{empty}");

    in_acme(&registry, &["identity-source", "remove", "sso"]);
    let gone = refused(&registry, &["identity-source", "remove", "sso"]);
    assert!(gone.contains("does not exist"), "{gone}");
    in_acme(
        &registry,
        &["identity-source", "remove", "main", "--deployment"],
    );
    let told = registry.sql(
        "SELECT kind, COALESCE(account_id, '') <> '' FROM events WHERE kind LIKE 'identity_source.%' ORDER BY id",
    );
    assert_eq!(
        told,
        [
            ["identity_source.created", "1"],
            ["identity_source.created", "0"],
            ["identity_source.deleted", "1"],
            ["identity_source.deleted", "0"],
        ]
    );
    let everything = format!("{:?}", registry.rows());
    assert!(!everything.contains(SECRET) && !registry.log().contains(SECRET));
}
