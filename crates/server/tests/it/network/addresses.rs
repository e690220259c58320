//! Host names of accounts: at an account's own address exactly its namespaces exist.

use http::Method;
use serde_json::{Value, json};

use super::{Acme, error, send};
use crate::registry::TestRegistry;
use crate::registry::client::{Call, Client};

const OPERATORS: &str = "/api/v1/deployment/accounts/acme/addresses";
const OWN: &str = "/api/v1/accounts/acme/addresses";

fn at(caller: &Client, host: &str, path: &str) -> Call {
    caller.get(path).header("host", host)
}

fn shown(host: &str, is_automatic: bool) -> Value {
    json!({ "host": host, "is_automatic": is_automatic, "challenge": null, "certificate": null })
}

#[tokio::test]
async fn an_account_is_reached_under_its_name_and_under_names_that_it_was_given() {
    let setup = TestRegistry::builder()
        .setting("ACCOUNTS__DOMAIN", "registry.example")
        .setting("REGISTRY__EXTERNAL_URL", "https://hub.example");
    let acme = Acme::start_on(setup).await;
    let (registry, admin) = (&acme.registry, &acme.admin);
    let globex = registry.create_account("globex", "globex-admin");
    // The same name once more: on the shared address it is the first one's.
    registry.admin(&["--account", "globex", "namespace", "create", "acme"]);
    let image = "/v2/acme/app/manifests/v1";
    let own = "registry.acme.test";
    at(admin, own, image).await.assert_status(200);
    let upload = |host: &str| {
        let call = globex.post("/v2/acme/app/blobs/uploads/");
        call.header("host", host)
    };
    upload("globex.registry.example").await.assert_status(202);
    upload(own).await.assert_status(404);
    at(&globex, own, image)
        .await
        .assert_error(404, "NAME_UNKNOWN");

    let add = |host: &str| send(registry, Method::POST, OPERATORS, &json!({ "host": host }));
    let made = add("Registry.Acme.test.").await.assert_status(201);
    assert_eq!(made.json(), shown(own, false));
    add(own).await.assert_error(409, "CONFLICT");
    for taken in [
        "hub.example",
        "globex.registry.example",
        "registry.example",
        "a b",
        "acme.test:443",
    ] {
        add(taken).await.assert_error(422, "INVALID");
    }
    let listed = admin.get(OWN).await.assert_status(200).json();
    let expected = json!({ "addresses": [
        shown("acme.registry.example", true),
        shown(own, false),
    ]});
    assert_eq!(listed, expected);
    assert_eq!(registry.get(OPERATORS).await.json(), expected);

    // There, it is the account's alone.
    for host in [own, "acme.registry.example", "ACME.registry.example:443"] {
        at(admin, host, image).await.assert_status(200);
        at(&globex, host, image)
            .await
            .assert_error(404, "NAME_UNKNOWN");
        let other = at(admin, host, "/v2/library/app/manifests/v1").await;
        other.assert_error(404, "NAME_UNKNOWN");
        // Tokens for it are got there, too: elsewhere other namespaces exist.
        let challenge = at(&registry.anonymous(), host, "/v2/").await;
        let realm = format!("Bearer realm=\"https://{host}/service/token\"");
        assert!(
            challenge.header("www-authenticate").starts_with(&realm),
            "{challenge:?}"
        );
    }
    let shared = at(&registry.anonymous(), "hub.example", "/v2/").await;
    let realm = "Bearer realm=\"https://hub.example/service/token\"";
    assert!(shared.header("www-authenticate").starts_with(realm));

    let one = format!("{OPERATORS}/{own}");
    registry.delete(&one).await.assert_status(204);
    registry.delete(&one).await.assert_error(404, "NOT_FOUND");
    let scope = "/service/token?scope=repository:acme/app:pull";
    let token = at(&globex, own, scope).await.assert_status(200).json();
    assert_eq!(token["scope"], "", "{token}");
}

#[tokio::test]
async fn names_are_given_by_operators_and_on_the_machine() {
    let acme = Acme::start().await;
    let registry = &acme.registry;
    let body = json!({ "host": "registry.acme.test" });
    let strangers = [
        send(&acme.admin, Method::POST, OPERATORS, &body).await,
        acme.admin.get(OPERATORS).await,
        acme.admin.delete(&format!("{OPERATORS}/x.test")).await,
    ];
    for answer in strangers {
        assert_eq!(error(&answer).0, 404);
    }
    registry.get(OWN).await.assert_status(404);
    registry.admin(&["--account", "acme", "address", "add", "registry.acme.test"]);
    let list = registry.admin(&["--account", "acme", "address", "list"]);
    assert_eq!(list[0]["host"], "registry.acme.test");
    registry.admin(&[
        "--account",
        "acme",
        "address",
        "remove",
        "registry.acme.test",
    ]);
    let list = registry.admin(&["--account", "acme", "address", "list"]);
    assert_eq!(list, Value::Array(Vec::new()));
    let setup = acme.registry.stop();
    let sql = "SELECT kind, resource FROM events WHERE kind LIKE 'address.%' ORDER BY id";
    let kinds: Vec<_> = setup
        .sql(sql)
        .into_iter()
        .map(|row| row.join(" "))
        .collect();
    let each = |kind: &str| format!("address.{kind} registry.acme.test");
    // In the account's log and in the deployment's.
    assert_eq!(
        kinds,
        [
            each("added"),
            each("added"),
            each("removed"),
            each("removed")
        ]
    );
}
