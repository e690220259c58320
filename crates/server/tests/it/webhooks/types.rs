//! Every type of event that webhooks can be told of, in Harbor's form and as CloudEvents, each from what really happens.

use serde_json::{Value, json};

use super::receiver::Receiver;
use super::{create, registry, webhook};
use crate::account_api::AccountApi as _;
use crate::harbor::Harbor as _;
use crate::registry::TestRegistry;
use crate::registry::backends::Backends;
use crate::registry::client::Client;

const TYPES: [&str; 6] = [
    "PUSH_ARTIFACT",
    "PULL_ARTIFACT",
    "DELETE_ARTIFACT",
    "QUOTA_EXCEED",
    "QUOTA_WARNING",
    "TAG_RETENTION",
];
const LIMITS: &str = "/accounts/default/limits";

/// Two receivers that are told of the same.
struct Receivers {
    plain: Receiver,
    cloud: Receiver,
    /// When the repository was made, in seconds.
    created: i64,
}

impl Receivers {
    async fn start(registry: &TestRegistry) -> Self {
        let (plain, cloud) = (Receiver::start().await, Receiver::start().await);
        create(registry, &webhook("plain", &plain.origin, &TYPES)).await;
        let mut body = webhook("cloud", &cloud.origin, &TYPES);
        body["format"] = json!("cloudevents");
        create(registry, &body).await;
        let created = 0;
        Self {
            plain,
            cloud,
            created,
        }
    }

    /// What both are told of next: the same, each in its form.
    async fn next(&mut self) -> Value {
        let (plain, cloud) = (self.plain.next().await, self.cloud.next().await);
        assert_eq!(
            plain.header("x-roadstead-event-id"),
            cloud.header("x-roadstead-event-id")
        );
        let (plain, cloud) = (plain.json(), cloud.json());
        assert_eq!(plain["event_data"], cloud["data"]);
        assert_eq!(plain["operator"], cloud["operator"]);
        assert!(plain["occur_at"].is_i64() && cloud["time"].is_string());
        json!({
            "type": plain["type"], "cloud": cloud["type"], "operator": plain["operator"],
            "data": plain["event_data"],
        })
    }

    /// What both are told of an image of `library/app`.
    async fn next_is(&mut self, what: (&str, &str), operator: &str, image: (&str, &str)) {
        assert_eq!(self.next().await, self.of_image(what, operator, image));
    }

    /// What both are told of next, in some order: what happens in one millisecond has none.
    async fn next_are(&mut self, mut expected: Vec<Value>) {
        let mut told = Vec::new();
        for _ in &expected {
            told.push(self.next().await);
        }
        told.sort_by_key(Value::to_string);
        expected.sort_by_key(Value::to_string);
        assert_eq!(told, expected);
    }

    fn of_image(&self, (kind, word): (&str, &str), operator: &str, image: (&str, &str)) -> Value {
        let (tag, digest) = image;
        json!({
            "type": kind, "cloud": format!("harbor.artifact.{word}"), "operator": operator,
            "data": {
                "resources": [{
                    "digest": digest, "tag": tag, "resource_url": format!("library/app:{tag}"),
                }],
                "repository": {
                    "name": "app", "namespace": "library", "repo_full_name": "library/app",
                    "repo_type": "private", "date_created": self.created,
                },
            },
        })
    }
}

/// When `library/app` was made, in seconds.
async fn created(registry: &Client) -> i64 {
    let shown = registry.api_get("/projects/library/repositories/app").await;
    let shown = shown.assert_status(200).json();
    let time = shown["creation_time"].as_str().expect("a time");
    let time: jiff::Timestamp = time.parse().expect("a time");
    time.as_second()
}

async fn limit(registry: &Client, bytes: Value) {
    let limits = json!({ "storage_bytes": bytes });
    let put = registry.v1_put(LIMITS, &limits).await;
    put.assert_no_content();
}

async fn all_types(backends: Backends) {
    let registry = registry(backends).await;
    // The first push makes the repository, before anybody is told of anything.
    let first = registry.push_image("library/app", "v1").await;
    let mut told = Receivers::start(&registry).await;
    told.created = created(&registry).await;
    let second = registry.push_image("library/app", "v2").await;
    let pushed = ("PUSH_ARTIFACT", "pushed");
    told.next_is(pushed, "admin", ("v2", &second)).await;

    // Whoever wants no pulls counted is told of them all the same.
    let off = json!({ "pull_count_update_disable": true, "pull_time_update_disable": true });
    let put = registry.api_put("/configurations", &off).await;
    put.assert_status(200);
    let pull = registry.get("/v2/library/app/manifests/v1").await;
    pull.assert_status(200);
    let pulled = ("PULL_ARTIFACT", "pulled");
    told.next_is(pulled, "admin", ("v1", &first)).await;

    let third = room_runs_out(&registry, &mut told).await;
    what_retention_deletes(&registry, &mut told, [&first, &second]).await;

    let path = format!("/v2/library/app/manifests/{third}");
    registry.delete(&path).await.assert_status(202);
    let deleted = ("DELETE_ARTIFACT", "deleted");
    told.next_is(deleted, "admin", ("v3", &third)).await;
    assert!(told.plain.is_quiet() && told.cloud.is_quiet());
}

/// The account's storage is nearly full, and then full. Answers with the digest of what was pushed meanwhile.
async fn room_runs_out(registry: &TestRegistry, told: &mut Receivers) -> String {
    let usage = registry.v1_get("/accounts/default/usage").await;
    let usage = usage.assert_status(200).json();
    let used = usage["now"]["used_bytes"].as_i64().expect("a number");
    // Three images of the same size are some 87 % of it.
    limit(registry, json!(used * 172 / 100)).await;
    let third = registry.push_image("library/app", "v3").await;
    let pushed = told.of_image(("PUSH_ARTIFACT", "pushed"), "admin", ("v3", &third));
    let warning = json!({
        "type": "QUOTA_WARNING", "cloud": "harbor.quota.warned", "operator": "registry",
        "data": {
            "repository": { "namespace": "library" },
            "custom_attributes": { "Details": "The account uses 80 % of the storage that it may use." },
        },
    });
    told.next_are(vec![pushed, warning]).await;

    limit(registry, json!(1)).await;
    let upload = registry.post("/v2/library/app/blobs/uploads/").await;
    upload.assert_status(403);
    let expected = json!({
        "type": "QUOTA_EXCEED", "cloud": "harbor.quota.exceeded", "operator": "admin",
        "data": {
            "repository": { "namespace": "library", "name": "app", "repo_full_name": "library/app" },
            "custom_attributes": { "Details": "A push was refused: the storage of the account is full." },
        },
    });
    assert_eq!(told.next().await, expected);
    limit(registry, Value::Null).await;
    third
}

/// A run that keeps the newest image deletes two, and says what it did; one that only looks says nothing.
async fn what_retention_deletes(registry: &Client, told: &mut Receivers, old: [&str; 2]) {
    let project = registry.api_get("/projects/library").await.json();
    let selector = |decoration: &str| json!({ "kind": "doublestar", "decoration": decoration, "pattern": "**" });
    let policy = json!({
        "algorithm": "or",
        "rules": [{
            "action": "retain", "template": "latestPushedK", "params": { "latestPushedK": 1 },
            "tag_selectors": [selector("matches")],
            "scope_selectors": { "repository": [selector("repoMatches")] },
        }],
        "trigger": { "kind": "Schedule", "references": {}, "settings": { "cron": "" } },
        "scope": { "level": "project", "ref": project["project_id"] },
    });
    let made = registry.api_post("/retentions", &policy).await;
    let place = made.assert_status(201).location();
    let place = place.strip_prefix("/api/v2.0").expect("a path");
    for is_dry_run in [true, false] {
        let run = json!({ "dry_run": is_dry_run });
        let runs = format!("{place}/executions");
        let started = registry.api_post(&runs, &run).await;
        started.assert_status(201);
        loop {
            let runs = registry.api_get(&runs).await.assert_status(200).json();
            let mut runs = runs.as_array().expect("a list").iter();
            if runs.all(|run| run["status"] != "InProgress") {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    let deleted = ("DELETE_ARTIFACT", "deleted");
    let images = [("v1", old[0]), ("v2", old[1])];
    let mut expected: Vec<Value> = images
        .into_iter()
        .map(|image| told.of_image(deleted, "retention", image))
        .collect();
    expected.push(json!({
        "type": "TAG_RETENTION", "cloud": "harbor.tag_retention.finished", "operator": "registry",
        "data": {
            "repository": { "namespace": "library" },
            "retention": {
                "project_name": "library", "status": "SUCCESS", "total": 3, "retained": 1,
                "dry_run": false, "trigger": "manual",
            },
        },
    }));
    told.next_are(expected).await;
}

#[tokio::test]
async fn all_types_of_events_are_told_of_in_both_forms() {
    all_types(Backends::EMBEDDED).await;
}

#[tokio::test]
async fn all_types_of_events_are_told_of_in_both_forms_on_postgresql() {
    all_types(Backends::PRODUCTION).await;
}
