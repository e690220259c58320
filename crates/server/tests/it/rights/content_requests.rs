//! Operators see what is in an account only when its administrators allow it, for a time, and every look is told.

use serde_json::json;

use super::{event, seen};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use crate::registry::client::Client;

const ASKED: &str = "/deployment/content-requests";
const THEIRS: &str = "/accounts/acme/content-requests";
const MANIFEST: &str = "/v2/own/app/manifests/v1";

struct Acme {
    registry: TestRegistry,
    /// Its administrator.
    ann: Client,
    /// An operator for support.
    olga: Client,
}

async fn acme() -> Acme {
    let registry = TestRegistry::start().await;
    let ann = registry.create_account("acme", "ann");
    for namespace in ["own", "vault"] {
        registry.admin(&["--account", "acme", "namespace", "create", namespace]);
        ann.push_image(&format!("{namespace}/app"), "v1").await;
    }
    let olga = registry.create_user("olga");
    registry.admin(&["operator", "add", "olga", "--role", "support"]);
    Acme {
        registry,
        ann,
        olga,
    }
}

/// Asks, and returns the request's id.
async fn ask(olga: &Client, namespace: Option<&str>) -> String {
    let body =
        json!({ "account": "acme", "namespace": namespace, "reason": "a pull fails", "hours": 4 });
    let made = olga.v1_post(ASKED, &body).await.assert_status(201).json();
    assert_eq!(
        (&made["state"], &made["operator"]),
        (&json!("asked"), &json!("olga"))
    );
    made["id"].as_str().expect("an id").to_owned()
}

async fn decide(ann: &Client, id: &str, decision: &str) -> u16 {
    let path = format!("{THEIRS}/{id}/decision");
    ann.v1_put(&path, &json!({ "decision": decision }))
        .await
        .status()
}

#[tokio::test]
async fn an_operator_looks_while_it_is_allowed_and_every_look_is_told() {
    let Acme {
        registry,
        ann,
        olga,
    } = acme().await;
    let projects = || olga.get("/api/v2.0/projects").header("account", "acme");
    let before = olga.get(MANIFEST).await;
    assert_eq!(
        seen(&before),
        seen(&olga.get("/v2/own/none/manifests/v1").await)
    );
    // Harbor's word for what may not be seen is 403.
    assert_eq!((before.status(), projects().await.status()), (404, 403));
    let id = ask(&olga, None).await;
    assert_eq!(olga.get(MANIFEST).await.status(), 404, "it was only asked");
    let listed = ann.v1_get(THEIRS).await.assert_status(200);
    assert_eq!(listed.items("reason"), ["a pull fails"]);
    assert_eq!(decide(&ann, &id, "grant").await, 200);
    assert_eq!(decide(&ann, &id, "grant").await, 412);

    olga.get(MANIFEST).await.assert_status(200);
    let token = olga.with_token(&["repository:own/app:pull,push"]).await;
    token.get(MANIFEST).await.assert_status(200);
    let listed = projects().await.assert_status(200);
    assert_eq!(listed.json().as_array().expect("a list").len(), 2);
    // Only to look, and not at who is in the account.
    let upload = olga.post("/v2/own/app/blobs/uploads/").await;
    assert_eq!(upload.status(), 403);
    olga.delete(MANIFEST).await.assert_status(403);
    for path in ["members", "grants", "audit-events", "content-requests"] {
        let refused = olga.v1_get(&format!("/accounts/acme/{path}")).await;
        assert_eq!(refused.status(), 403, "{path}");
    }
    let told = event(&ann, "/accounts/acme/audit-events", "content.seen").await;
    assert_eq!(
        (&told["caller"], &told["event"]["content_request"]),
        (&json!("olga"), &json!(id))
    );
    // A pull, a token, and a pull with it; each is seen when it is sealed.
    loop {
        let path = "/accounts/acme/audit-events?kind=content.seen";
        let looks = ann.v1_get(path).await.items("event");
        let at = |action: &str| looks.iter().filter(|look| look["action"] == action).count();
        if at("repository:pull") >= 3 && at("namespace:read") >= 1 {
            break;
        }
        tokio::task::yield_now().await;
    }

    assert_eq!(decide(&ann, &id, "revoke").await, 200);
    assert_eq!(seen(&olga.get(MANIFEST).await), seen(&before));
    assert_eq!(projects().await.status(), 403);
    let log = "/deployment/audit-events";
    for kind in [
        "content_request.created",
        "content_request.granted",
        "content_request.ended",
    ] {
        assert_eq!(
            event(&registry, log, kind).await["event"]["account"],
            "acme",
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_request_for_one_namespace_shows_that_one_alone() {
    let Acme {
        registry,
        ann,
        olga,
    } = acme().await;
    // T12: what is asked for tells nothing of what is there.
    let made_up = ask(&olga, Some("nowhere")).await;
    assert_eq!(decide(&ann, &made_up, "grant").await, 412);
    assert_eq!(decide(&ann, &made_up, "decline").await, 200);
    let id = ask(&olga, Some("own")).await;
    assert_eq!(decide(&ann, &id, "grant").await, 200);
    olga.get(MANIFEST).await.assert_status(200);
    olga.get("/v2/vault/app/manifests/v1")
        .await
        .assert_status(404);
    let catalog = olga
        .get("/api/v2.0/repositories")
        .header("account", "acme")
        .await;
    let listed = catalog.assert_status(200).json();
    assert_eq!(
        (listed[0]["name"].clone(), listed.as_array().map(Vec::len)),
        (json!("own/app"), Some(1))
    );
    olga.v1_delete(&format!("{ASKED}/{id}"))
        .await
        .assert_no_content();
    olga.get(MANIFEST).await.assert_status(404);
    olga.v1_delete(&format!("{ASKED}/{id}"))
        .await
        .assert_error(412, "NOT_NOW");
    drop(registry);
}

#[tokio::test]
async fn only_an_accounts_own_administrators_decide() {
    let Acme {
        registry,
        ann,
        olga,
    } = acme().await;
    let beth = registry.create_account("beta", "beth");
    let id = ask(&olga, None).await;
    let theirs = format!("/accounts/beta/content-requests/{id}/decision");
    let grant = json!({ "decision": "grant" });
    beth.v1_put(&theirs, &grant)
        .await
        .assert_error(404, "NOT_FOUND");
    let path = format!("{THEIRS}/{id}/decision");
    for stranger in [&beth, &olga, &*registry] {
        stranger
            .v1_put(&path, &grant)
            .await
            .assert_error(404, "NOT_FOUND");
    }
    for (body, status) in [
        (json!({ "decision": "grant", "hours": 5 }), 422),
        (json!({ "decision": "grant", "hours": 0 }), 422),
        (json!({ "decision": "revoke" }), 412),
        (json!({ "decision": "maybe" }), 422),
        (json!({ "decision": "grant", "state": "granted" }), 422),
    ] {
        assert_eq!(ann.v1_put(&path, &body).await.status(), status, "{body}");
    }
    // Another operator takes nobody else's back.
    registry
        .v1_delete(&format!("{ASKED}/{id}"))
        .await
        .assert_error(404, "NOT_FOUND");
    for (body, status) in [
        (json!({ "account": "none", "reason": "x", "hours": 1 }), 404),
        (json!({ "account": "acme", "reason": " ", "hours": 1 }), 422),
        (
            json!({ "account": "acme", "reason": "a\nb", "hours": 1 }),
            422,
        ),
        (
            json!({ "account": "acme", "reason": "x", "hours": 169 }),
            422,
        ),
        (json!({ "account": "acme", "reason": "x", "hours": 0 }), 422),
    ] {
        assert_eq!(olga.v1_post(ASKED, &body).await.status(), status, "{body}");
    }
    assert_eq!(olga.get(MANIFEST).await.status(), 404);
}
