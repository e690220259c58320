//! Lists of address ranges. Every client is on this machine, at an address of its own: 127.0.0.1, 127.0.0.2.

use http::Method;
use serde_json::{Value, json};

use super::{Acme, PRIVATE, PUBLIC, error, ranges, send};
use crate::registry::client::Client;

const NETWORK: &str = "/api/v1/accounts/acme/network";

fn denied(address: &str, of: &str) -> String {
    format!(
        "this {of} does not allow this from {address}; come from a network that it allows, or ask an administrator of the \
         account to add yours"
    )
}

#[tokio::test]
async fn images_are_served_where_the_list_allows_and_nowhere_else() {
    let acme = Acme::start().await;
    let (admin, registry) = (&acme.admin, &acme.registry);
    let manifest = admin.get(PRIVATE).await.assert_status(200).json();
    let layer = manifest["layers"][0]["digest"].as_str().expect("a digest");
    let blob = format!("/v2/acme/app/blobs/{layer}");
    let token = admin.with_token(&["repository:acme/app:pull,push"]).await;
    let anonymous = registry.anonymous();
    let open = anonymous.with_token(&["repository:open/app:pull"]).await;
    let stranger = registry.create_account("globex", "globex-admin");
    token.get(&blob).await.assert_status(200);
    open.get(PUBLIC).await.assert_status(200);
    stranger.get(PUBLIC).await.assert_status(200);

    acme.set(json!({ "registry": ranges(&["127.0.0.2", "2001:db8::/32"]) }))
        .await;

    // A token that was given before is no older than a rule.
    let upload = "/v2/acme/app/blobs/uploads/";
    for (caller, method, path) in [
        (admin, Method::GET, PRIVATE),
        (admin, Method::GET, "/v2/"),
        (admin, Method::GET, "/v2/_catalog"),
        (admin, Method::POST, upload),
        (&token, Method::GET, PRIVATE),
        (&token, Method::GET, &blob),
        (&token, Method::POST, upload),
        (&token, Method::GET, "/v2/"),
        (admin, Method::GET, "/service/token?service=roadstead"),
        (
            admin,
            Method::GET,
            "/service/token?service=roadstead&scope=repository:acme/app:pull",
        ),
    ] {
        let answer = caller.request(method, path).header("content-length", "0");
        let expected = (403, "DENIED".to_owned(), denied("127.0.0.1", "account"));
        assert_eq!(error(&answer.await), expected, "{path}");
    }
    for (caller, path) in [(admin, PRIVATE), (&token, PRIVATE), (&token, &blob)] {
        let there = caller.at("127.0.0.2");
        there.get(path).await.assert_status(200);
    }
    open.at("127.0.0.2").get(PUBLIC).await.assert_status(200);

    // Whoever has nothing to do with the account learns nothing: neither is there an image, nor a reason.
    open.get(PUBLIC).await.assert_status(401);
    let hidden = stranger.get(PUBLIC).await;
    let nothing = stranger.get("/v2/nothing/app/manifests/v1").await;
    assert_eq!(error(&hidden), error(&nothing));
    assert_eq!(hidden.status(), 404);
    let of_nobody = anonymous.get(PUBLIC).await;
    let of_nothing = anonymous.get("/v2/nothing/app/manifests/v1").await;
    assert_eq!(error(&of_nobody), error(&of_nothing));
    let scopes = ["open/app", "nothing/app"].map(|name| {
        let path = format!("/service/token?service=roadstead&scope=repository:{name}:pull,push");
        stranger.get(&path)
    });
    for given in scopes {
        assert_eq!(given.await.assert_status(200).json()["scope"], "");
    }
    // Managing goes on.
    admin.get("/api/v2.0/projects").await.assert_status(200);
    admin.get(NETWORK).await.assert_status(200);
    acme.set(json!({ "registry": [] })).await;
    admin.get(PRIVATE).await.assert_status(200);
    open.get(PUBLIC).await.assert_status(200);
}

#[tokio::test]
async fn an_account_is_managed_where_its_list_allows_and_nobody_locks_itself_out_unknowingly() {
    let acme = Acme::start().await;
    let admin = &acme.admin;
    let only_two = json!({ "management": ranges(&["127.0.0.2"]) });
    let refused = send(admin, Method::PATCH, NETWORK, &only_two).await;
    assert_eq!(
        error(&refused),
        (
            412,
            "NOT_NOW".to_owned(),
            "after this change you could not manage the account from 127.0.0.1 through a public listener any more; allow \
             that too, or insist with force"
                .to_owned()
        )
    );
    assert_eq!(admin.get(NETWORK).await.json()["management"], json!([]));
    let force = format!("{NETWORK}?force=true");
    send(admin, Method::PATCH, &force, &only_two)
        .await
        .assert_status(204);
    let message = denied("127.0.0.1", "account");
    for path in [NETWORK, "/api/v2.0/projects", "/api/v2.0/systeminfo"] {
        let answer = admin.get(path).await;
        assert_eq!(
            error(&answer),
            (403, "FORBIDDEN".to_owned(), message.clone())
        );
        admin.at("127.0.0.2").get(path).await.assert_status(200);
    }
    // A session that was begun here opens nothing, and images are another list's.
    admin.get(PRIVATE).await.assert_status(200);
    let stranger = acme.registry.create_account("globex", "globex-admin");
    let hidden = stranger.get(NETWORK).await;
    let nothing = stranger.get("/api/v1/accounts/nothing/network").await;
    assert_eq!(error(&hidden), error(&nothing));
    assert_eq!(hidden.status(), 404);
    // Whoever has the machine repairs it.
    let shown = acme
        .registry
        .admin(&["--account", "acme", "network", "show"]);
    assert_eq!(shown["management"][0]["range"], "127.0.0.2/32");
    acme.registry
        .admin(&["--account", "acme", "network", "clear"]);
    admin.get(NETWORK).await.assert_status(200);
}

#[tokio::test]
async fn a_namespace_can_be_narrower_than_its_account() {
    let acme = Acme::start().await;
    let admin = &acme.admin;
    let both = ["repository:acme/app:pull", "repository:open/app:pull"];
    let token = admin.with_token(&both).await;
    let list = json!({ "registry": ranges(&["127.0.0.2"]) });
    let path = format!("{NETWORK}/namespaces/acme");
    send(admin, Method::PUT, &path, &list)
        .await
        .assert_status(204);
    for caller in [admin, &token] {
        let answer = caller.get(PRIVATE).await;
        let expected = (403, "DENIED".to_owned(), denied("127.0.0.1", "namespace"));
        assert_eq!(error(&answer), expected);
        caller.get(PUBLIC).await.assert_status(200);
        caller.at("127.0.0.2").get(PRIVATE).await.assert_status(200);
    }
    let names = async |caller: &Client| {
        let list = caller.get("/v2/_catalog").await.assert_status(200);
        list.json()["repositories"].clone()
    };
    assert_eq!(names(admin).await, json!(["open/app"]));
    let there = admin.at("127.0.0.2");
    assert_eq!(names(&there).await, json!(["acme/app", "open/app"]));
    // What is left of the wanted scopes is given.
    let scopes = both.join("&scope=");
    let path = format!("/service/token?service=roadstead&scope={scopes}");
    let given = admin.get(&path).await.assert_status(200).json();
    assert_eq!(given["scope"], "repository:open/app:pull");
    // A blob is not mounted out of it.
    let manifest = there.get(PRIVATE).await.json();
    let layer = manifest["layers"][0]["digest"].as_str().expect("a digest");
    let mount = format!("/v2/open/app/blobs/uploads/?mount={layer}&from=acme/app");
    admin.post(&mount).await.assert_status(202);
    there.post(&mount).await.assert_status(201);
    // A namespace made anew begins without a list.
    let unknown = format!("{NETWORK}/namespaces/nothing");
    send(admin, Method::PUT, &unknown, &list)
        .await
        .assert_status(404);
    let shown = admin.get(NETWORK).await.json();
    assert_eq!(shown["namespaces"][0]["namespace"], "acme");
}

#[tokio::test]
async fn rules_are_shown_and_changed_as_a_whole_or_not_at_all() {
    let acme = Acme::start().await;
    let admin = &acme.admin;
    let fresh = admin.get(NETWORK).await.assert_status(200);
    assert_eq!(fresh.header("etag"), "\"0\"");
    assert_eq!(
        fresh.json(),
        json!({
            "private_only": false, "management": [], "registry": [], "namespaces": [],
            "your_address": "127.0.0.1", "your_listener": "public",
        })
    );
    let office = json!([{ "range": "127.0.0.0/8", "description": "the office" }]);
    let change = json!({ "management": office, "registry": office });
    let patch = |change: &Value| send(admin, Method::PATCH, NETWORK, change);
    let done = patch(&change).header("if-match", "\"0\"").await;
    let tag = done.assert_status(204).header("etag").to_owned();
    assert_eq!(tag, "\"1\"");
    for stale in ["\"0\"", "W/\"1\"", "x"] {
        let late = patch(&json!({ "registry": [] })).header("if-match", stale);
        late.await.assert_error(412, "NOT_NOW");
    }
    let shown = admin.get(NETWORK).await;
    assert_eq!(shown.header("etag"), "\"1\"");
    assert_eq!(shown.json()["registry"], office);
    // The same again is no change.
    let same = patch(&change).await.assert_status(204);
    assert_eq!(same.header("etag"), "\"1\"");
    for (wrong, part) in [
        (
            json!({ "registry": ranges(&["127.0.0.1/8"]) }),
            "write 127.0.0.0/8 for the whole range",
        ),
        (
            json!({ "registry": ranges(&["::ffff:10.0.0.0/104"]) }),
            "write it as IPv4",
        ),
        (
            json!({ "registry": ranges(&["10.0.0.0/8", "10.0.0.0/8"]) }),
            "in the list twice",
        ),
        (
            json!({ "registry": ranges(&["10.0.0.0/33"]) }),
            "is not an address range",
        ),
        (
            json!({ "registry": ranges(&["example.com"]) }),
            "is not an address range",
        ),
        (
            json!({ "registry": vec![ranges(&["::1"])[0].clone(); 201] }),
            "200 address ranges at most",
        ),
        (
            json!({ "registry": [{ "range": "::1", "description": "a\nb" }] }),
            "no control characters",
        ),
        (
            json!({ "registry": [{ "range": "::1", "account": "globex" }] }),
            "unknown field",
        ),
        (json!({ "private": true }), "unknown field"),
    ] {
        let (status, code, message) = error(&patch(&wrong).await);
        assert_eq!((status, code.as_str()), (422, "INVALID"), "{wrong}");
        assert!(message.contains(part), "{message}");
    }
    let after = admin.get(NETWORK).await;
    assert_eq!(after.header("etag"), "\"1\"");
}

#[tokio::test]
async fn rules_are_for_those_who_manage_the_account() {
    let acme = Acme::start().await;
    let registry = &acme.registry;
    let user = |name: &str| {
        let made = registry.admin(&["--account", "acme", "user", "create", name]);
        registry.as_user(name, made["password"].as_str().expect("a password"))
    };
    let (member, maintainer) = (user("mia"), user("max"));
    let add = ["member", "add", "acme", "max", "--role", "project-admin"];
    registry.admin(&[&["--account", "acme"], &add[..]].concat());
    let nothing = json!({ "registry": [] });
    for caller in [&member, &maintainer] {
        caller.get(NETWORK).await.assert_error(403, "FORBIDDEN");
        send(caller, Method::PATCH, NETWORK, &nothing)
            .await
            .assert_error(403, "FORBIDDEN");
    }
    let path = format!("{NETWORK}/namespaces/acme");
    send(&maintainer, Method::PUT, &path, &nothing)
        .await
        .assert_error(403, "FORBIDDEN");
    // A token for images is no login here.
    let token = acme.admin.with_token(&["repository:acme/app:pull"]).await;
    token.get(NETWORK).await.assert_status(401);
    registry.anonymous().get(NETWORK).await.assert_status(401);
    // The deployment's first operator has nothing to do with the account.
    registry.get(NETWORK).await.assert_status(404);
}

#[tokio::test]
async fn changes_and_refusals_stand_in_the_accounts_log() {
    let acme = Acme::start().await;
    let stranger = acme.registry.create_account("globex", "globex-admin");
    acme.set(json!({ "registry": ranges(&["127.0.0.2", "10.0.0.0/8"]) }))
        .await;
    acme.set(json!({ "registry": ranges(&["127.0.0.2", "::1"]) }))
        .await;
    let of_namespace = format!("{NETWORK}/namespaces/acme");
    let list = json!({ "registry": ranges(&["127.0.0.2"]) });
    send(&acme.admin, Method::PUT, &of_namespace, &list)
        .await
        .assert_status(204);
    acme.admin.get(PRIVATE).await.assert_status(403);
    acme.admin.get("/service/token").await.assert_status(403);
    stranger.get(PUBLIC).await.assert_status(404);
    acme.registry
        .admin(&["--account", "acme", "network", "clear"]);
    let setup = acme.registry.stop();
    let sql = "SELECT payload, kind, address FROM events WHERE account_id = \
         (SELECT id FROM accounts WHERE name = 'acme') AND (kind LIKE 'network%' OR kind = 'access.refused') ORDER BY id";
    let rows = setup.sql(sql);
    let payload = |row: &Vec<String>| serde_json::from_str::<Value>(&row[0]).expect("JSON");
    let changes: Vec<_> = rows
        .iter()
        .filter(|row| row[1] != "access.refused")
        .collect();
    let changes: Vec<Value> = changes.into_iter().map(payload).collect();
    let none = json!({ "added": [], "removed": [] });
    let changed = |namespace: Value, added: &[&str], removed: &[&str]| {
        json!({
            "kind": "network_rules.updated", "private_only": false, "namespace": namespace, "management": none,
            "registry": { "added": added, "removed": removed },
        })
    };
    assert_eq!(
        changes,
        [
            changed(Value::Null, &["10.0.0.0/8", "127.0.0.2/32"], &[]),
            changed(Value::Null, &["::1/128"], &["10.0.0.0/8"]),
            changed(json!("acme"), &["127.0.0.2/32"], &[]),
            json!({ "kind": "network_rules.cleared" }),
        ]
    );
    let refused: Vec<_> = rows
        .iter()
        .filter(|row| row[1] == "access.refused")
        .collect();
    let count = refused.iter().map(|row| payload(row)["count"].as_u64());
    // Each is counted once, though its answer is a 403 like any other.
    assert_eq!(count.sum::<Option<u64>>(), Some(3), "{refused:?}");
    for row in refused {
        let refusal = payload(row);
        assert_eq!(refusal["by_network_rules"], true);
        assert_eq!(refusal["users"], json!(["acme-admin", "globex-admin"]));
        assert_eq!(row[2], "127.0.0.1");
    }
}

#[tokio::test]
async fn a_pull_asks_the_database_no_more_often_with_rules_than_without() {
    const PULLS: u32 = 200;
    let acme = Acme::start().await;
    let token = acme.admin.with_token(&["repository:acme/app:pull"]).await;
    let reads = async || -> f64 {
        let text = acme.registry.metrics().await;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("roadstead_database_reads_total "));
        line.and_then(|count| count.parse().ok()).expect("a count")
    };
    let of_pulls = async || {
        // What is remembered is read anew after a change.
        token.get(PRIVATE).await.assert_status(200);
        let before = reads().await;
        for _ in 0..PULLS {
            token.get(PRIVATE).await.assert_status(200);
        }
        reads().await - before
    };
    let without = of_pulls().await;
    let lists = ranges(&["127.0.0.0/8", "fd00::/8"]);
    acme.set(json!({ "management": lists, "registry": lists }))
        .await;
    let path = format!("{NETWORK}/namespaces/acme");
    send(
        &acme.admin,
        Method::PUT,
        &path,
        &json!({ "registry": lists }),
    )
    .await
    .assert_status(204);
    let with = of_pulls().await;
    // What is asked in the background is counted, too.
    let more = with - without;
    assert!(
        more < f64::from(PULLS) / 2.0,
        "{with} questions instead of {without}"
    );
}
