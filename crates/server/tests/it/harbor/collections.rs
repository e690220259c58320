//! Collections of an account's garbage: as Harbor's clients ask for them, on both databases. What they take, and say, is the
//! account's alone.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::repositories::{answer, refuse};
use super::{API, Harbor};
use crate::account_api::AccountApi as _;
use crate::registry::backends::Backends;
use crate::registry::client::Client;
use crate::registry::content::{OCI_CONFIG, OCI_LAYER, descriptor, image_manifest, noise, sha256};
use crate::registry::{PATIENCE, TestRegistry};

const SCHEDULE: &str = "/system/gc/schedule";
const BOTH: [Backends; 2] = [Backends::EMBEDDED, Backends::PRODUCTION];
/// Lets two days pass for what there is.
const LATER: [&str; 4] = [
    "UPDATE manifests SET created_at_ms = created_at_ms - 172800000",
    "UPDATE repository_blobs SET renewed_at_ms = renewed_at_ms - 172800000",
    "UPDATE repository_blob_reviews SET due_at_ms = due_at_ms - 172800000",
    "UPDATE uploads SET expires_at_ms = expires_at_ms - 172800000",
];

fn collection(kind: &str, cron: &str, dry_run: bool) -> Value {
    json!({
        "schedule": { "type": kind, "cron": cron },
        "parameters": { "delete_untagged": true, "dry_run": dry_run, "workers": 3 },
    })
}

/// Collects now. Answers with the path of the collection, and with what it came to.
async fn collect(client: &Client, dry_run: bool) -> (String, Value) {
    let asked = collection("Manual", "", dry_run);
    let made = answer(client.api_post(SCHEDULE, &asked), 201).await;
    let location = made.location();
    let place = location.strip_prefix(API).expect("a path").to_owned();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = answer(client.api_get(&place), 200).await.json();
        if found["job_status"] == "Success" {
            assert_eq!(found["job_name"], "GARBAGE_COLLECTION");
            assert_eq!(found["job_kind"], "MANUAL");
            let parameters = found["job_parameters"].as_str().expect("a text");
            return (place, serde_json::from_str(parameters).expect("JSON"));
        }
        assert!(Instant::now() < deadline, "{found}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn untagged_image(client: &Client, repository: &str, name: &str) -> String {
    let digest = client.push_image(repository, name).await;
    untag(client, repository, name).await;
    digest
}

async fn untag(client: &Client, repository: &str, tag: &str) {
    let path = format!("/v2/{repository}/manifests/{tag}");
    client.delete(&path).await.assert_status(202);
}

async fn referrer(client: &Client, repository: &str, subject: &str) -> String {
    let kind = "application/x-sign";
    client
        .push_referrer(repository, subject, kind, &Value::Null)
        .await
}

/// What is pushed into the account, and what of it goes and stays.
struct World {
    registry: TestRegistry,
    boss: Client,
    goes: Vec<(&'static str, String)>,
    stays: Vec<(&'static str, String)>,
}

/// An image of 1000 bytes that two repositories have, in neither with a tag.
async fn push_twice(client: &Client) -> String {
    let (config, layer) = (noise(1, 100), noise(2, 900));
    let manifest = image_manifest(
        &descriptor(OCI_CONFIG, &config),
        &[descriptor(OCI_LAYER, &layer)],
    );
    let digest = sha256(manifest.to_string());
    for repository in ["library/app", "library/zoo"] {
        client.push_blob(repository, config.clone()).await;
        client.push_blob(repository, layer.clone()).await;
        client.push_manifest(repository, &digest, &manifest).await;
    }
    digest
}

async fn upload_some(client: &Client, bytes: usize) {
    let location = client.start_upload("library/app").await;
    let patch = client
        .patch(&location)
        .content_type("application/octet-stream")
        .body(noise(5, bytes));
    patch.await.assert_status(202);
}

impl World {
    async fn start(backends: Backends) -> Self {
        // Nobody but who is asked collects anything.
        let registry = TestRegistry::builder()
            .on(backends)
            .setting("GARBAGE_COLLECTION__INTERVAL_SECS", 86_400)
            .setting("UPLOADS__SWEEP_INTERVAL_SECS", 86_400)
            .start()
            .await;
        let boss = registry.create_account("other", "boss");
        registry.admin(&["--account", "other", "namespace", "create", "theirs"]);
        let (mut goes, mut stays) = (Vec::new(), Vec::new());
        let app = "library/app";
        let tagged = registry.push_image(app, "v1").await;
        stays.push((app, referrer(&registry, app, &tagged).await));
        stays.push((app, tagged));
        // Held by an index that has a tag.
        let child = untagged_image(&registry, app, "child").await;
        stays.push((app, registry.push_index(app, "all", &[&child]).await));
        stays.push((app, child));
        // About something that is kept elsewhere.
        let elsewhere = registry.push_image("library/zoo", "signed").await;
        let about = referrer(&registry, "library/zoo", &elsewhere).await;
        let copied = registry.get(&format!("/v2/library/zoo/manifests/{about}"));
        let copied = copied.await.assert_status(200).json();
        stays.push((app, registry.push_manifest(app, &about, &copied).await));
        let locked = untagged_image(&registry, app, "locked").await;
        let lock = json!({ "repository": app, "reference": locked });
        let lock = registry.v1_post("/accounts/default/locks", &lock).await;
        assert!([200, 201, 204].contains(&lock.status()), "{}", lock.text());
        stays.push((app, locked));

        let loose = untagged_image(&registry, app, "loose").await;
        goes.push((app, referrer(&registry, app, &loose).await));
        let signature = format!("{}.sig", loose.replace(':', "-"));
        goes.push((app, registry.push_image(app, &signature).await));
        goes.push((app, loose));
        let part = untagged_image(&registry, app, "part").await;
        let index = registry.push_index(app, "index", &[&part]).await;
        untag(&registry, app, "index").await;
        goes.extend([(app, part), (app, index)]);
        let twice = push_twice(&registry).await;
        goes.extend([(app, twice.clone()), ("library/zoo", twice)]);
        registry.push_blob(app, noise(3, 400)).await;
        upload_some(&registry, 70).await;
        // The other account has the same, and asks for nothing.
        untagged_image(&boss, "theirs/app", "loose").await;
        boss.push_blob("theirs/app", noise(3, 400)).await;
        for change in LATER {
            registry.sql(change);
        }
        // What is young is left alone.
        stays.push((app, untagged_image(&registry, app, "young").await));
        registry.push_blob(app, noise(4, 300)).await;
        upload_some(&registry, 60).await;
        Self {
            registry,
            boss,
            goes,
            stays,
        }
    }

    async fn require(&self, all: &[(&str, String)], status: u16) {
        for (repository, digest) in all {
            let path = format!("/v2/{repository}/manifests/{digest}");
            let found = self.registry.get(&path).await;
            assert_eq!(found.status(), status, "{repository}@{digest}");
        }
    }

    /// What the account's manifests count for.
    fn used(&self) -> u64 {
        let rows = self.registry.sql(
            "SELECT u.used_bytes FROM account_usage u JOIN accounts a ON a.id = u.account_id WHERE a.name = 'default'",
        );
        rows[0][0].parse().expect("a number")
    }

    fn count(&self, what: &str) -> u64 {
        let rows = self.registry.sql(&format!("SELECT COUNT(*) FROM {what}"));
        rows[0][0].parse().expect("a number")
    }
}

async fn an_account_collects_its_own(backends: Backends) {
    let world = World::start(backends).await;
    let registry = &world.registry;
    let used = world.used();
    let tables = [
        "manifests",
        "repository_blobs",
        "unreferenced_blobs",
        "uploads",
    ];
    let before = tables.map(|table| world.count(table));

    let (tried, would) = collect(registry, true).await;
    world.require(&world.goes, 200).await;
    assert_eq!(
        tables.map(|table| world.count(table)),
        before,
        "nothing went"
    );
    assert_eq!(world.count("trash_items WHERE kind = 'manifest'"), 0);
    assert_eq!(would["purged_manifests"], world.goes.len());
    assert_eq!(
        (
            &would["dry_run"],
            &would["workers"],
            &would["delete_untagged"]
        ),
        (&json!(true), &json!(3), &json!(true))
    );

    let (done, did) = collect(registry, false).await;
    for word in ["purged_manifests", "purged_blobs", "freed_space"] {
        assert_eq!(did[word], would[word], "{word}");
    }
    world.require(&world.goes, 404).await;
    world.require(&world.stays, 200).await;
    let freed = did["freed_space"].as_u64().expect("a number");
    // The blob that nothing used and the upload count for the account, and not for what it stores.
    assert_eq!(freed, used - world.used() + 400 + 70);
    assert_eq!(
        world.count("unreferenced_blobs"),
        2,
        "the young one, and the other account's"
    );
    assert_eq!(world.count("uploads WHERE state = 'open'"), 1);
    let trashed = registry.v1_get("/accounts/default/trash?kind=manifest&page_size=100");
    let trashed = trashed.await.assert_status(200).items("deleted_by");
    assert_eq!(trashed.len(), world.goes.len());
    assert_eq!(trashed[0], "garbage-collection");
    // Nothing is left, and the other account never was asked about.
    let (_, again) = collect(registry, false).await;
    assert_eq!(again["freed_space"], 0);
    let theirs = world.boss.get("/v2/theirs/app/tags/list").await;
    theirs.assert_status(200);
    assert_eq!(
        world.count("manifests m JOIN accounts a ON a.id = m.account_id WHERE a.name = 'other'"),
        1
    );
    says_what_it_did(&world, &tried, &done).await;
}

async fn says_what_it_did(world: &World, tried: &str, done: &str) {
    let registry = &world.registry;
    for (place, word) in [(tried, "would remove"), (done, "removed")] {
        let log = answer(registry.api_get(&format!("{place}/log")), 200).await;
        let log = log.text();
        for (repository, digest) in &world.goes {
            let line = format!("{word} {repository}@{digest}: it has no tag\n");
            assert!(log.contains(&line), "{line} is not in\n{log}");
        }
        for (_, digest) in &world.stays {
            assert!(!log.contains(&format!("@{digest}")), "{log}");
        }
        assert!(!log.contains("theirs"), "{log}");
    }
    let listed = answer(registry.api_get("/system/gc?page_size=2"), 200).await;
    assert_eq!(listed.header("x-total-count"), "3");
    let numbers = [0, 1].map(|at| listed.json()[at]["id"].clone());
    assert_eq!(numbers, [json!(3), json!(2)], "the newest first");
    // To another account they are nothing.
    refuse(world.boss.api_get(done), 404).await;
    refuse(world.boss.api_get(&format!("{done}/log")), 404).await;
    refuse(world.boss.api_put(done, &json!({})), 404).await;
    refuse(registry.api_put(done, &json!({})), 412).await;
    refuse(registry.api_get("/system/gc/4"), 404).await;
    let path = "/accounts/default/audit-events?kind=garbage_collection.finished";
    let deadline = Instant::now() + PATIENCE;
    loop {
        let told = registry.v1_get(path).await.assert_status(200);
        if told.items("kind").len() == 3 {
            return;
        }
        assert!(Instant::now() < deadline, "{}", told.text());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_account_collects_its_own_garbage_and_nobody_elses() {
    for backends in BOTH {
        an_account_collects_its_own(backends).await;
    }
}

#[tokio::test]
async fn collections_are_refused_and_scheduled_as_harbor_does_it() {
    let registry = TestRegistry::start().await;
    for workers in [0, 11] {
        let asked =
            json!({ "schedule": { "type": "Manual" }, "parameters": { "workers": workers } });
        refuse(registry.api_post(SCHEDULE, &asked), 400).await;
    }
    for (kind, cron) in [("Custom", ""), ("Custom", "1 0 3 * * *"), ("Now", "")] {
        refuse(
            registry.api_post(SCHEDULE, &collection(kind, cron, true)),
            400,
        )
        .await;
    }
    let none = answer(registry.api_get(SCHEDULE), 200).await;
    assert_eq!(none.text(), "");
    assert!(
        none.find_header("content-type").is_none(),
        "clients check it"
    );
    let daily = collection("Daily", "0 0 0 * * *", false);
    let made = answer(registry.api_post(SCHEDULE, &daily), 201).await;
    assert_eq!(made.location(), format!("{API}/system/gc/0"));
    refuse(registry.api_post(SCHEDULE, &daily), 412).await;
    let shown = answer(registry.api_get(SCHEDULE), 200).await.json();
    assert_eq!(shown["schedule"]["type"], "Daily");
    assert_eq!(
        shown["job_parameters"],
        r#"{"delete_untagged":true,"dry_run":false,"workers":3}"#
    );
    let listed = answer(registry.api_get("/schedules"), 200).await.json();
    assert_eq!(
        listed,
        json!([{ "id": 1, "vendor_type": "GARBAGE_COLLECTION", "cron": "0 0 0 * * *" }])
    );
    // The same again is no change, and nothing to write down.
    answer(registry.api_put(SCHEDULE, &daily), 200).await;
    let purge = json!({
        "schedule": { "type": "Weekly" },
        "parameters": { "audit_retention_hour": 720, "include_event_types": "pull_artifact" },
    });
    for _ in 0..2 {
        let path = "/system/purgeaudit/schedule";
        answer(registry.api_put(path, &purge), 200).await;
    }
    let never = json!({ "schedule": { "type": "None" } });
    for _ in 0..2 {
        answer(registry.api_put(SCHEDULE, &never), 200).await;
    }
    assert_eq!(answer(registry.api_get(SCHEDULE), 200).await.text(), "");
    for (kind, times) in [
        ("garbage_collection.scheduled", "2"),
        ("audit_purge.scheduled", "1"),
    ] {
        let written = registry.sql(&format!(
            "SELECT COUNT(*) FROM events WHERE kind = '{kind}'"
        ));
        assert_eq!(written, [[times]], "{kind}");
    }
}

/// A collection that cannot go on because the account is suspended is not said to have gone well: it goes on later.
#[tokio::test]
async fn a_suspended_account_collects_when_it_may_again() {
    let registry = TestRegistry::start().await;
    let ann = registry.create_account("acme", "ann");
    collect(&ann, false).await;
    registry.admin(&["account", "suspend", "acme"]);
    let again = "INSERT INTO jobs (id, account_id, lane, kind, payload, state, waits_until_ms, run_at_ms, attempts, max_attempts, \
         fence, is_cancelled, log_lines, log_bytes, created_at_ms) SELECT 'again', account_id, lane, kind, payload, \
         'queued', 1, 1, 0, 5, 0, 0, 0, 0, 1 FROM jobs WHERE kind = 'collect_account' RETURNING id";
    assert_eq!(registry.sql(again).len(), 1);
    let when = async |what: &str| {
        let deadline = Instant::now() + PATIENCE;
        let asked = format!("SELECT id FROM jobs WHERE id = 'again' AND {what}");
        while registry.sql(&asked).is_empty() {
            let jobs = registry.sql("SELECT state, attempts FROM jobs WHERE id = 'again'");
            assert!(Instant::now() < deadline, "not {what}: {jobs:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    when("state = 'queued' AND attempts = 1").await;
    let ended =
        "SELECT job_id FROM account_collections WHERE job_id = 'again' AND ended_at_ms IS NOT NULL";
    assert!(registry.sql(ended).is_empty(), "it is not over");
    registry.admin(&["account", "resume", "acme"]);
    let due = "UPDATE jobs SET run_at_ms = 1, waits_until_ms = 1 WHERE id = 'again' RETURNING id";
    assert_eq!(registry.sql(due).len(), 1);
    when("state = 'done'").await;
    assert_eq!(registry.sql(ended).len(), 1);
}
