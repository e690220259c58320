//! The audit log as an operator proves and exports it, and as somebody tampers with it.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};

use crate::harbor::Harbor as _;
use crate::registry::program::Ended;
use crate::registry::{ADMIN, ADMIN_PASSWORD, PATIENCE, Setup, TestRegistry};
use crate::replicas::Replicas;

/// A registry with some events, which has ended: all of them are sealed.
async fn ended() -> Setup {
    let registry = TestRegistry::start().await;
    for name in ["a", "b", "c", "d", "e"] {
        registry.admin(&["namespace", "create", name]);
    }
    registry.stop()
}

fn verify(setup: &Setup) -> Ended {
    setup.run(&["admin", "--json", "audit", "verify"])
}

/// Numbers and faults that a proof finds; it fails when there are any.
#[track_caller]
fn problems(setup: &Setup) -> Vec<(i64, String)> {
    let ended = verify(setup);
    let report = ended.json();
    let problems = report[0]["problems"].as_array().expect("a list");
    let found: Vec<_> = problems
        .iter()
        .map(|problem| {
            let fault = problem["fault"].as_str().expect("a word");
            (
                problem["number"].as_i64().expect("a number"),
                fault.to_owned(),
            )
        })
        .collect();
    assert_eq!(ended.code, Some(i32::from(!found.is_empty())), "{ended:?}");
    found
}

fn export(setup: &Setup, arguments: &[&str]) -> Vec<Value> {
    let command = [&["admin", "audit", "export"], arguments].concat();
    let ended = setup.run(&command);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines = ended.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect()
}

/// The number of the account's event about this resource.
fn number_of(setup: &Setup, resource: &str) -> i64 {
    let sql = format!(
        "SELECT number FROM events WHERE resource = '{resource}' AND account_id IS NOT NULL"
    );
    setup.sql(&sql)[0][0].parse().expect("a number")
}

fn fault(number: i64, word: &str) -> (i64, String) {
    (number, word.to_owned())
}

#[tokio::test]
async fn whatever_is_changed_behind_the_registrys_back_is_found() {
    let setup = ended().await;
    assert_eq!(problems(&setup), []);
    let (b, c) = (number_of(&setup, "b"), number_of(&setup, "c"));
    let newest: i64 = number_of(&setup, "e");
    let change =
        |sql: &str| assert_eq!(setup.sql(&format!("{sql} RETURNING id")).len(), 1, "{sql}");
    let of = |number: i64| format!("WHERE number = {number} AND account_id IS NOT NULL");

    let original = &setup.sql(&format!("SELECT payload FROM events {}", of(b)))[0][0];
    change(&format!("UPDATE events SET payload = '{{}}' {}", of(b)));
    assert_eq!(problems(&setup), [fault(b, "changed")]);
    change(&format!(
        "UPDATE events SET payload = '{original}' {}",
        of(b)
    ));
    change(&format!("UPDATE events SET namespace_id = 'x' {}", of(c)));
    assert_eq!(problems(&setup), [fault(c, "changed")]);
    let said = setup.run(&["admin", "audit", "verify"]);
    assert!(
        said.stdout
            .contains(&format!("default: event {c} was changed")),
        "{said:?}"
    );
    assert_eq!(said.code, Some(1));
    let ids = setup.sql("SELECT id, name FROM namespaces WHERE name = 'c'");
    change(&format!(
        "UPDATE events SET namespace_id = '{}' {}",
        ids[0][0],
        of(c)
    ));
    assert_eq!(problems(&setup), []);

    // Two change places.
    change(&format!("UPDATE events SET number = 1000 {}", of(b)));
    change(&format!("UPDATE events SET number = {b} {}", of(c)));
    change(&format!("UPDATE events SET number = {c} {}", of(1000)));
    assert_eq!(
        problems(&setup),
        [fault(b, "out_of_order"), fault(c, "out_of_order")]
    );
    change(&format!("UPDATE events SET number = 1000 {}", of(b)));
    change(&format!("UPDATE events SET number = {b} {}", of(c)));
    change(&format!("UPDATE events SET number = {c} {}", of(1000)));
    assert_eq!(problems(&setup), []);

    change(&format!("UPDATE events SET number = 1000 {}", of(newest)));
    assert_eq!(
        problems(&setup),
        [fault(newest, "missing"), fault(1000, "unknown")]
    );
    change(&format!("DELETE FROM events {}", of(1000)));
    assert_eq!(problems(&setup), [fault(newest, "missing")]);
    change(&format!("DELETE FROM events {}", of(b)));
    assert_eq!(
        problems(&setup),
        [fault(b, "missing"), fault(newest, "missing")]
    );
}

#[tokio::test]
async fn checkpoints_that_are_changed_are_found() {
    let setup = ended().await;
    let account = setup.sql("SELECT id FROM accounts WHERE name = 'default'")[0][0].clone();
    let change = |set: &str| {
        let sql =
            format!("UPDATE event_chains SET {set} WHERE account_id = '{account}' RETURNING 1");
        assert_eq!(setup.sql(&sql).len(), 1, "{sql}");
    };
    let newest = number_of(&setup, "e");
    change("sealed_hash = 'x' || sealed_hash");
    assert_eq!(problems(&setup), [fault(newest, "checkpoint")]);
    change("sealed_hash = substr(sealed_hash, 2), sealed_number = sealed_number - 1");
    assert_eq!(
        problems(&setup),
        [fault(newest - 1, "checkpoint"), fault(newest, "unknown")]
    );
    change("sealed_number = sealed_number + 1, purged_hash = 'x'");
    assert_eq!(problems(&setup), [fault(1, "changed")]);
    change("purged_hash = ''");
    assert_eq!(problems(&setup), []);
    // As if the first two had been purged, but they are there.
    change("purged_number = 2");
    assert_eq!(problems(&setup), [fault(1, "unknown"), fault(3, "changed")]);
}

#[tokio::test]
async fn an_export_goes_on_where_the_last_one_ended() {
    let setup = ended().await;
    let all = export(&setup, &[]);
    let numbers: Vec<_> = all.iter().map(|event| event["number"].as_i64()).collect();
    let expected: Vec<_> = (1..=i64::try_from(all.len()).expect("few"))
        .map(Some)
        .collect();
    assert_eq!(numbers, expected);
    assert!(all.len() >= 5, "{all:?}");
    let last = &all[all.len() - 1];
    assert_eq!(
        (&last["kind"], &last["caller"], &last["credential"]),
        (
            &json!("namespace.created"),
            &json!("local operator"),
            &json!("local")
        )
    );
    assert_eq!(
        last["event"],
        json!({ "kind": "namespace.created", "namespace": "e", "is_public": false })
    );
    let from = all.len().to_string();
    assert_eq!(export(&setup, &["--from", &from])[..], all[all.len() - 1..]);
    let beyond = (all.len() + 1).to_string();
    assert_eq!(export(&setup, &["--from", &beyond]), [Value::Null; 0]);
    let cadf = export(&setup, &["--from", &from, "--format", "cadf"]);
    assert_eq!(cadf[0]["action"], "container-registry.project.create");
    assert_eq!(
        (&cadf[0]["sequence"], &cadf[0]["hash"]),
        (&last["number"], &last["hash"])
    );
    assert_eq!(cadf[0]["account"], "default");
    // A log goes on over a restart, and while a registry runs.
    let registry = setup.start().await;
    registry.admin(&["namespace", "create", "f"]);
    let setup = registry.stop();
    let more = export(&setup, &["--from", &beyond]);
    assert_eq!(more[0]["resource"], "f");
    assert_eq!(problems(&setup), []);
    // Nothing is so old.
    let purged = setup.run(&[
        "admin",
        "--json",
        "audit",
        "purge",
        "--older-than-days",
        "1",
    ]);
    assert_eq!(purged.json(), json!({ "purged": 0 }));
    let everything = setup.run(&["admin", "audit", "verify", "--all"]);
    assert_eq!(everything.code, Some(0), "{everything:?}");
    assert!(
        everything.stdout.contains("the deployment: "),
        "{everything:?}"
    );
}

/// Asks until so many events of a kind are there, and returns their payloads.
async fn until_kind(registry: &TestRegistry, kind: &str, count: usize) -> Vec<Value> {
    let deadline = Instant::now() + PATIENCE;
    let sql = format!(
        "SELECT payload FROM events WHERE kind = '{kind}' AND number IS NOT NULL ORDER BY id"
    );
    loop {
        let rows = registry.sql(&sql);
        if rows.len() >= count {
            let payloads = rows.iter().map(|row| serde_json::from_str(&row[0]));
            return payloads.map(|payload| payload.expect("JSON")).collect();
        }
        assert!(Instant::now() < deadline, "{kind}: {rows:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn pulls_are_not_counted_where_nobody_wants_that() {
    let registry = TestRegistry::start().await;
    registry.push_image("library/app", "v1").await;
    let pull = async |kind: usize| {
        let path = "/v2/library/app/manifests/v1";
        registry.get(path).await.assert_status(200);
        // Each batch has its event, whatever is counted.
        until_kind(&registry, "manifest.pulled", kind).await;
    };
    let artifact = async || {
        let path = "/projects/library/repositories/app/artifacts/v1";
        registry.api_get(path).await.assert_status(200).json()["pull_time"].clone()
    };
    let switch = async |count: bool, time: bool| {
        let off = json!({ "pull_count_update_disable": count, "pull_time_update_disable": time });
        registry
            .api_put("/configurations", &off)
            .await
            .assert_status(200);
        let shown = registry.api_get("/configurations").await.json();
        assert_eq!(shown["pull_count_update_disable"]["value"], count);
        assert_eq!(shown["pull_time_update_disable"]["value"], time);
    };
    let counts = || registry.sql("SELECT pull_count FROM manifest_pulls");
    switch(true, true).await;
    pull(1).await;
    assert!(counts().is_empty());
    switch(false, true).await;
    pull(2).await;
    assert_eq!(counts(), [["1"]]);
    assert_eq!(artifact().await, "0001-01-01T00:00:00.000Z");
    switch(true, false).await;
    pull(3).await;
    assert_eq!(counts(), [["1"]]);
    assert_ne!(artifact().await, "0001-01-01T00:00:00.000Z");
    let odd = json!({ "pull_count_update_disable": "yes" });
    let odd = registry.api_put("/configurations", &odd).await;
    odd.assert_harbor_error(422, "UNPROCESSABLE_ENTITY");
}

#[tokio::test]
async fn pulls_are_counted_and_written_in_batches() {
    let registry = TestRegistry::start().await;
    let digest = registry.push_image("library/app", "v1").await;
    for _ in 0..3 {
        let call = registry.get("/v2/library/app/manifests/v1");
        call.header("user-agent", "puller/1")
            .await
            .assert_status(200);
    }
    // Neither brings a manifest.
    registry
        .head("/v2/library/app/manifests/v1")
        .await
        .assert_status(200);
    let known = registry.get("/v2/library/app/manifests/v1");
    known
        .header("if-none-match", format!("\"{digest}\""))
        .await
        .assert_status(304);
    let by_digest = registry.get(&format!("/v2/library/app/manifests/{digest}"));
    by_digest.await.assert_status(200);
    registry
        .get("/v2/library/app/manifests/none")
        .await
        .assert_status(404);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let counted = registry.sql("SELECT pull_count, last_pulled_at_ms FROM repository_details");
        if counted.first().is_some_and(|row| row[0] == "4") {
            assert_ne!(counted[0][1], "");
            break;
        }
        assert!(Instant::now() < deadline, "{counted:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        registry.sql("SELECT pull_count FROM manifest_pulls"),
        [["4"]]
    );
    let pulls = until_kind(&registry, "manifest.pulled", 2).await;
    let by = |tag: Value| -> u64 {
        let pulls = pulls.iter().filter(|pull| pull["tag"] == tag);
        pulls.filter_map(|pull| pull["count"].as_u64()).sum()
    };
    assert_eq!((by(json!("v1")), by(Value::Null)), (3, 1), "{pulls:?}");
    assert!(pulls.iter().all(|pull| pull["digest"] == digest.as_str()));
    let place = "SELECT DISTINCT caller, credential, address, agent FROM events \
                 WHERE kind = 'manifest.pulled' AND agent IS NOT NULL";
    assert_eq!(
        registry.sql(place),
        [[ADMIN, "password", "127.0.0.1", "puller/1"]]
    );
}

#[tokio::test]
async fn logins_are_noted() {
    let registry = TestRegistry::start().await;
    registry.create_user("bob");
    registry.with_token(&["repository:library/app:pull"]).await;
    let anonymous = registry.anonymous();
    let form = format!("principal={ADMIN}&password={ADMIN_PASSWORD}");
    let login = anonymous.request(Method::POST, "/c/login").body(form);
    let cookie = login
        .await
        .assert_status(200)
        .header("set-cookie")
        .to_owned();
    let cookie = cookie.split(';').next().expect("a cookie");
    anonymous
        .get("/c/log_out")
        .header("cookie", cookie)
        .await
        .assert_status(200);
    let logins = until_kind(&registry, "user.logged_in", 2).await;
    let given: Vec<_> = logins
        .iter()
        .map(|login| (&login["user"], &login["given"]))
        .collect();
    assert!(
        given.contains(&(&json!(ADMIN), &json!("token"))),
        "{given:?}"
    );
    assert!(
        given.contains(&(&json!(ADMIN), &json!("session"))),
        "{given:?}"
    );
    until_kind(&registry, "user.logged_out", 1).await;
}

#[tokio::test]
async fn refusals_are_counted_and_told_to_whom_they_concern() {
    let registry = TestRegistry::start().await;
    registry.create_user("bob");
    let anonymous = registry.anonymous();
    // Asking without a login is how a client learns where to log in.
    anonymous.get("/v2/").await.assert_status(401);
    let wrong = registry.as_user("bob", "Not-bobs-password-1");
    wrong.get("/v2/").await.assert_status(401);
    wrong
        .get("/service/token?service=roadstead")
        .await
        .assert_status(401);
    let form = anonymous.request(Method::POST, "/c/login");
    form.body("principal=bob&password=x")
        .await
        .assert_status(401);
    registry
        .as_user("nobody-has-this-name", "x")
        .get("/v2/")
        .await
        .assert_status(401);
    let token = registry.with_token(&[]).await;
    token
        .get("/v2/library/app/tags/list")
        .await
        .assert_status(401);
    // What is counted is written when its minute is over, or at the end.
    let setup = registry.stop();
    let refused = |owner: &str| -> Vec<Value> {
        let sql = format!(
            "SELECT payload FROM events WHERE kind LIKE '%.refused' AND account_id {owner} ORDER BY kind"
        );
        let rows = setup.sql(&sql);
        let payloads = rows
            .iter()
            .map(|row| serde_json::from_str(&row[0]).expect("JSON"));
        payloads.collect()
    };
    let sum = |events: &[Value], kind: &str| -> u64 {
        let events = events.iter().filter(|event| event["kind"] == kind);
        events.filter_map(|event| event["count"].as_u64()).sum()
    };
    let (own, deployments) = (refused("IS NOT NULL"), refused("IS NULL"));
    assert_eq!(sum(&own, "login.refused"), 3, "{own:?}");
    assert_eq!(sum(&own, "access.refused"), 1, "{own:?}");
    assert_eq!(sum(&deployments, "login.refused"), 1, "{deployments:?}");
    let text = format!("{own:?}{deployments:?}");
    assert!(
        text.contains("bob") && !text.contains("nobody-has-this-name"),
        "{text}"
    );
    assert_eq!(problems(&setup), []);
    let deployment = setup.run(&["admin", "audit", "verify", "--deployment"]);
    assert_eq!(deployment.code, Some(0), "{deployment:?}");
}

/// Three processes seal and count together as one would.
#[tokio::test(flavor = "multi_thread")]
async fn replicas_seal_one_chain_and_count_every_pull() {
    let replicas = Replicas::start(3).await;
    let first = replicas.replica(0);
    first.push_image("library/app", "v1").await;
    let work = replicas
        .each()
        .enumerate()
        .map(|(index, replica)| async move {
            for round in 0..10 {
                let tag = format!("r{index}-{round}");
                replica.push_image("library/app", &tag).await;
                let pulled = replica.get("/v2/library/app/manifests/v1").await;
                pulled.assert_status(200);
            }
        });
    futures_util::future::join_all(work).await;
    let deadline = Instant::now() + PATIENCE;
    loop {
        // In this order: the last batch of pulls brings an event that is yet to be sealed.
        let counted = first.sql("SELECT pull_count FROM repository_details");
        let unsealed = first.sql("SELECT COUNT(*) FROM events WHERE number IS NULL");
        if unsealed == [["0"]] && counted == [["30"]] {
            break;
        }
        assert!(Instant::now() < deadline, "{unsealed:?} {counted:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let pushes = until_kind(first, "manifest.pushed", 31).await;
    assert_eq!(pushes.len(), 31);
    let pulls = until_kind(first, "manifest.pulled", 1).await;
    let counts = pulls.iter().filter_map(|pull| pull["count"].as_u64());
    assert_eq!(counts.sum::<u64>(), 30);
    let proof = replicas
        .replica(1)
        .run(&["admin", "audit", "verify", "--all"]);
    assert_eq!(proof.code, Some(0), "{proof:?}");
}
