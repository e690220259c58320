//! Retention policies: as Harbor's clients make, follow, watch and stop them, on both databases.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::repositories::{answer, refuse};
use super::{API, Harbor};
use crate::registry::backends::{Backends, Database, Store};
use crate::registry::client::Client;
use crate::registry::{PATIENCE, TestRegistry};

fn selector(decoration: &str, pattern: &str, untagged: bool) -> Value {
    let extras = json!({ "untagged": untagged }).to_string();
    json!({ "kind": "doublestar", "decoration": decoration, "pattern": pattern, "extras": extras })
}

fn rule(template: &str, count: i64, pattern: &str) -> Value {
    let mut params = json!({});
    if count >= 0 {
        params[template] = count.into();
    }
    json!({
        "action": "retain", "template": template, "params": params,
        "tag_selectors": [selector("matches", pattern, false)],
        "scope_selectors": { "repository": [selector("repoMatches", "**", false)] },
    })
}

fn policy(project: i64, rules: &[Value], cron: &str) -> Value {
    json!({
        "algorithm": "or", "rules": rules,
        "trigger": { "kind": "Schedule", "references": {}, "settings": { "cron": cron } },
        "scope": { "level": "project", "ref": project },
    })
}

async fn project(caller: &Client, name: &str) -> i64 {
    let new = json!({ "project_name": name });
    answer(caller.api_post("/projects", &new), 201).await;
    let project = caller.api_get(&format!("/projects/{name}")).await.json();
    project["project_id"].as_i64().expect("a number")
}

/// Makes something; returns the path of it below the API.
async fn made(caller: &Client, path: &str, body: &Value) -> String {
    let made = answer(caller.api_post(path, body), 201).await.location();
    made.strip_prefix(API).expect("a path").to_owned()
}

/// Waits until a run has ended; returns it.
async fn ended(caller: &Client, run: &str) -> Value {
    let (list, number) = run.rsplit_once('/').expect("a path");
    let number: i64 = number.parse().expect("a number");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let listed = answer(caller.api_get(list), 200).await.json();
        let mut runs = listed.as_array().expect("a list").iter();
        let found = runs.find(|run| run["id"] == number).cloned();
        let found = found.expect("the run");
        if found["status"] != "InProgress" {
            return found;
        }
        assert!(Instant::now() < deadline, "{found}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn tags(caller: &Client, repository: &str) -> Vec<Value> {
    let listed = caller.get(&format!("/v2/{repository}/tags/list")).await;
    let listed = listed.json();
    listed["tags"].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_policy_is_tried_followed_watched_and_deleted() {
    for database in [Database::Sqlite, Database::Postgres] {
        let backends = Backends {
            database,
            store: Store::Files,
        };
        follow(&TestRegistry::builder().on(backends).start().await).await;
    }
}

async fn follow(registry: &TestRegistry) {
    let team = project(registry, "team").await;
    for tag in ["v1", "v2", "v3", "dev"] {
        registry.push_image("team/app", tag).await;
    }
    let signed = registry.describe("team/app", "v3").await["digest"].clone();
    let signed = signed.as_str().expect("a digest");
    let none = Value::Null;
    let signature = registry
        .push_referrer("team/app", signed, "application/x", &none)
        .await;
    let rules = [rule("latestPushedK", 2, "v*")];
    let place = made(registry, "/retentions", &policy(team, &rules, "")).await;
    refuse(
        registry.api_post("/retentions", &policy(team, &rules, "")),
        409,
    )
    .await;
    let shown = answer(registry.api_get(&place), 200).await.json();
    let mut expected = policy(team, &rules, "");
    expected["id"] = shown["id"].clone();
    expected["rules"][0]["id"] = 1.into();
    expected["rules"][0]["priority"] = 0.into();
    expected["rules"][0]["disabled"] = false.into();
    let repositories = &mut expected["rules"][0]["scope_selectors"]["repository"][0];
    repositories
        .as_object_mut()
        .expect("an object")
        .remove("extras");
    assert_eq!(shown, expected);
    let metadata = registry.api_get("/projects/team").await.json()["metadata"].clone();
    assert_eq!(metadata["retention_id"], shown["id"].to_string());

    run_and_delete(registry, &place, &signature).await;
}

/// Tries the policy, follows it, and deletes it.
async fn run_and_delete(registry: &TestRegistry, place: &str, signature: &str) {
    let executions = format!("{place}/executions");
    let dry = made(registry, &executions, &json!({ "dry_run": true })).await;
    let run = ended(registry, &dry).await;
    assert_eq!(
        (&run["status"], &run["dry_run"], &run["trigger"]),
        (&json!("Succeed"), &json!(true), &json!("MANUAL"))
    );
    assert_eq!(tags(registry, "team/app").await.len(), 4);
    let tasks = answer(registry.api_get(&format!("{dry}/tasks")), 200)
        .await
        .json();
    let task = &tasks[0];
    assert_eq!(
        (
            &task["repository"],
            &task["status"],
            &task["total"],
            &task["retained"]
        ),
        (&json!("app"), &json!("Success"), &json!(5), &json!(3))
    );
    let real = made(registry, &executions, &json!({ "dry_run": false })).await;
    assert_eq!(ended(registry, &real).await["status"], "Succeed");
    let left = tags(registry, "team/app").await;
    assert_eq!(left.len(), 2, "{left:?}");
    let of_signature = format!("/v2/team/app/manifests/{signature}");
    let is_kept = left.contains(&json!("v3"));
    let status = if is_kept { 200 } else { 404 };
    registry.get(&of_signature).await.assert_status(status);
    let tasks = answer(registry.api_get(&format!("{real}/tasks")), 200)
        .await
        .json();
    let number = &tasks[0]["id"];
    let log = answer(registry.api_get(&format!("{real}/tasks/{number}")), 200)
        .await
        .text();
    assert!(
        log.contains("no rule retains it") && log.contains("(dev)"),
        "{log}"
    );
    registry
        .request(http::Method::PATCH, &format!("{API}{real}"))
        .content_type("application/json")
        .body(r#"{"action":"stop"}"#)
        .await
        .assert_done();

    registry.api_delete(place).await.assert_done();
    refuse(registry.api_get(place), 404).await;
    let metadata = registry.api_get("/projects/team").await.json()["metadata"].clone();
    assert_eq!(metadata.get("retention_id"), None);
}

#[tokio::test]
async fn what_cannot_be_a_policy_is_refused_and_changes_nothing() {
    let registry = TestRegistry::start().await;
    let team = project(&registry, "team").await;
    let many: Vec<Value> = (0..16)
        .map(|count| rule("latestPushedK", count, "**"))
        .collect();
    let same = [rule("always", -1, "**"), rule("always", -1, "**")];
    let one = |rule: Value| policy(team, &[rule], "");
    let mut regex = rule("always", -1, "(a{1000}){1000}");
    regex["tag_selectors"][0]["kind"] = "regex".into();
    for (body, status) in [
        (policy(team, &many, ""), 400),
        (policy(team, &same, ""), 409),
        (one(rule("latestPushedK", -1, "**")), 400),
        (one(rule("sometimes", 1, "**")), 400),
        (one(rule("always", -1, "{a")), 400),
        (one(rule("always", -1, &"a".repeat(257))), 400),
        (one(regex), 400),
        (policy(team, &[], "* * * * * *"), 400),
        (policy(team, &[], "0 3 * * *"), 400),
        (policy(999, &[], ""), 404),
        (json!({ "rules": [] }), 400),
        (json!({ "rules": {} }), 422),
    ] {
        answer(registry.api_post("/retentions", &body), status).await;
    }
    assert_eq!(
        registry.sql("SELECT COUNT(*) FROM retention_policies"),
        [["0"]]
    );
    let place = made(&registry, "/retentions", &policy(team, &[], "0 0 3 * * *")).await;
    let other = project(&registry, "other").await;
    refuse(registry.api_put(&place, &policy(other, &[], "")), 400).await;
    let names = registry.sql("SELECT COUNT(*) FROM schedules WHERE kind = 'run_retention'");
    assert_eq!(names, [["1"]]);
    registry
        .api_put(&place, &policy(team, &same[..1], ""))
        .await
        .assert_done();
    let names = registry.sql("SELECT COUNT(*) FROM schedules WHERE kind = 'run_retention'");
    assert_eq!(names, [["0"]]);
    let guest = registry.create_member("team", "gus", "guest");
    refuse(guest.api_get(&place), 403).await;
    refuse(registry.anonymous().api_get(&place), 401).await;
    let words = answer(registry.api_get("/retentions/metadatas"), 200)
        .await
        .json();
    assert_eq!(words["templates"].as_array().map(Vec::len), Some(8));
}

/// A signature whose image is gone, in an index that is immutable, does not stop the run: it is spared.
#[tokio::test]
async fn what_is_immutable_and_what_it_holds_stays_and_the_rest_goes() {
    let registry = TestRegistry::start().await;
    let team = project(&registry, "team").await;
    let gone = format!("sha256-{}.sig", "0".repeat(64));
    let signature = registry.push_image("team/app", &gone).await;
    registry
        .push_index("team/app", "release-1", &[&signature])
        .await;
    registry.push_image("team/app", "dev").await;
    let immutable = json!({
        "tag_selectors": [selector("matches", "release-*", false)],
        "scope_selectors": { "repository": [selector("repoMatches", "**", false)] },
    });
    answer(
        registry.api_post("/projects/team/immutabletagrules", &immutable),
        201,
    )
    .await;
    let everything = policy(team, &[rule("nothing", -1, "**")], "");
    let place = made(&registry, "/retentions", &everything).await;
    let executions = format!("{place}/executions");
    let run = made(&registry, &executions, &json!({ "dry_run": false })).await;
    assert_eq!(ended(&registry, &run).await["status"], "Succeed");
    let left = tags(&registry, "team/app").await;
    assert_eq!(left, [json!("release-1"), json!(gone)]);
}

/// IBM's operations, and those of the account's own API, are about the same policies.
#[tokio::test]
async fn all_faces_know_the_same_policy() {
    let registry = TestRegistry::start().await;
    let team = project(&registry, "team").await;
    for tag in ["a", "b", "c"] {
        registry.push_image("team/app", tag).await;
    }
    let ibm = |path: &str, body: &Value| {
        let call = registry.post(&format!("/api/v1/retentions{path}"));
        call.content_type("application/json").body(body.to_string())
    };
    let wanted = json!({ "namespace": "team", "images_per_repo": 1, "retain_untagged": true });
    let going = answer(ibm("/analyze", &wanted), 200).await.json();
    assert_eq!(
        going["team/app"].as_array().map(Vec::len),
        Some(2),
        "{going}"
    );
    assert_eq!(tags(&registry, "team/app").await.len(), 3);
    answer(ibm("", &wanted), 204).await;
    let listed = answer(registry.get("/api/v1/retentions"), 200).await.json();
    assert_eq!(listed, json!({ "team": wanted }));
    let own = "/api/v1/accounts/default/namespaces/team/retention";
    let shown = answer(registry.get(own), 200).await.json();
    assert_eq!(
        (
            &shown["rules"][0]["template"],
            &shown["rules"][0]["count"],
            &shown["schedule"]
        ),
        (&json!("latestPushedK"), &json!(1), &json!("0 0 2 * * *"))
    );
    let deadline = Instant::now() + PATIENCE;
    while tags(&registry, "team/app").await.len() > 1 {
        assert!(Instant::now() < deadline, "it is followed at once");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let project = registry.api_get("/projects/team").await.json();
    assert_eq!(project["project_id"], team);
    let number = project["metadata"]["retention_id"]
        .as_str()
        .expect("a number");
    let shown = answer(registry.api_get(&format!("/retentions/{number}")), 200)
        .await
        .json();
    assert_eq!(shown["scope"]["ref"], team);
    let trial = json!({ "rules": [{ "action": "retain", "template": "nothing" }] });
    let preview = registry.post(&format!("{own}/preview"));
    let preview = preview
        .content_type("application/json")
        .body(trial.to_string());
    let preview = answer(preview, 200).await.json();
    assert_eq!(
        (&preview["total"], &preview["removed"], &preview["is_whole"]),
        (&json!(1), &json!(1), &json!(true))
    );
    assert_eq!(preview["artifacts"][0]["why"], "no rule retains it");
    answer(registry.delete(own), 204).await;
    answer(registry.get(own), 404).await;
}
