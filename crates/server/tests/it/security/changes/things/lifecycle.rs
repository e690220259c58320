//! What stays and goes: what was deleted, who is told, and rules of retention.

use crate::registry::PATIENCE;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Things, last};
use crate::account_api::AccountApi as _;
use crate::harbor::Harbor as _;

impl Things {
    /// A tag, and manifests, that were deleted.
    pub(super) async fn make_trash(&mut self) {
        let tagged = "/projects/own/repositories/app/artifacts/v2/tags/former";
        let tags = "/projects/own/repositories/app/artifacts/v2/tags";
        let former = json!({ "name": "former" });
        self.ann.api_post(tags, &former).await.assert_status(201);
        self.ann.api_delete(tagged).await.assert_status(200);
        self.put("trashed_tag", "former");
        for (tag, name) in [("t1", "trashed"), ("t2", "spare_trashed"), ("t3", "")] {
            let digest = self.ann.push_image("own/app", tag).await;
            let path = format!("/projects/own/repositories/app/artifacts/{digest}");
            self.ann.api_delete(&path).await.assert_status(200);
            if name.is_empty() {
                self.put("trashed_digest", digest);
                continue;
            }
            let listed = self.ann.v1_get("/accounts/own/trash").await.json();
            let items = listed["items"].as_array().expect("a list");
            let is_it = |item: &&Value| item["digest"] == digest.as_str();
            let found = items.iter().find(is_it).expect("it is in the trash");
            let id = found["id"].as_str().expect("an id").to_owned();
            self.put(name, id);
        }
    }

    /// A webhook that is paused, with a delivery that has ended.
    pub(super) async fn make_webhook(&mut self) {
        // It is disabled when it is made, so that no job of it is at work.
        let body = json!({
            "name": "ci", "url": "https://hooks.example.com/", "event_types": ["PUSH_ARTIFACT"], "enabled": false,
        });
        let path = "/accounts/own/namespaces/own/webhooks";
        let made = self.ann.v1_post(path, &body).await.assert_status(201);
        self.put("webhook", last(&made.location()));
        for change in [
            "INSERT INTO event_followers (id, account_id, kind, webhook_id, read_number, state, failures, missed, created_at_ms) \
             SELECT id, account_id, 'webhook', id, 0, 'paused', 0, 0, 0 FROM webhooks RETURNING id",
            "UPDATE webhooks SET last_delivery = 1, is_enabled = 1 RETURNING id",
            "INSERT INTO webhook_deliveries (webhook_id, number, account_id, event_id, event_type, cause, state, content_type, \
             payload, attempts, created_at_ms, ended_at_ms) SELECT id, 1, account_id, 'e', 'PUSH_ARTIFACT', 'event', \
             'delivered', 'application/json', '{}', 1, created_at_ms, created_at_ms FROM webhooks RETURNING webhook_id",
        ] {
            assert_eq!(self.registry.sql(change).len(), 1);
        }
    }

    /// A sink that is paused.
    pub(super) async fn make_sink(&mut self) {
        let body = json!({ "name": "logs", "type": "https", "url": "https://logs.example.com/" });
        let made = self.ann.v1_post("/accounts/own/sinks", &body).await;
        let made = made.assert_status(201).json();
        let id = made["id"].as_str().expect("an id").to_owned();
        let pause =
            format!("UPDATE event_followers SET state = 'paused' WHERE id = '{id}' RETURNING id");
        assert_eq!(self.registry.sql(&pause).len(), 1);
        self.put("sink", id);
    }

    /// An address for mail, which is paused.
    pub(super) async fn make_mail(&mut self) {
        // Nothing that is asked for is sent meanwhile, or given up.
        for (people, account) in [(&self.ann, "own"), (&self.fay, "other")] {
            let pause = format!("/accounts/{account}/job-queues/send_mail/pause");
            people.v1_post(&pause, &json!({})).await.assert_status(204);
        }
        let body = json!({ "address": "ops@example.com" });
        let path = "/accounts/own/mail/addresses";
        let made = self
            .ann
            .v1_post(path, &body)
            .await
            .assert_status(201)
            .json();
        let id = made["id"].as_str().expect("an id").to_owned();
        for change in [
            "UPDATE mail_policies SET event_types = 'sink.paused' RETURNING account_id",
            "UPDATE mail_addresses SET confirmed_at_ms = 1 RETURNING id",
            "INSERT INTO event_followers (id, account_id, kind, read_number, state, failures, missed, created_at_ms) \
             SELECT 'mail:' || account_id, account_id, 'sink', 0, 'paused', 0, 0, 0 FROM mail_policies RETURNING id",
        ] {
            assert_eq!(self.registry.sql(change).len(), 1);
        }
        self.put("mail_address", id);
    }

    /// A job whose time is far away, a purge of the audit log and a collection of garbage that are as far, and another purge,
    /// which failed.
    pub(super) fn make_job(&mut self) {
        let purge = r#"{"hours":9000,"event_types":["create_artifact"],"is_dry_run":true}"#;
        let collection = r#"{"deletes_untagged":true,"is_dry_run":true,"workers":1}"#;
        for (id, kind, payload) in [
            ("far-away", "run_retention", "{}"),
            ("far-purge", "purge_audit_log", purge),
            ("far-collection", "collect_account", collection),
            ("failed-purge", "purge_audit_log", purge),
        ] {
            let made = self.registry.sql(&format!(
                "INSERT INTO jobs (id, account_id, lane, kind, payload, state, waits_until_ms, run_at_ms, attempts, max_attempts, \
                 fence, is_cancelled, log_lines, log_bytes, created_at_ms) SELECT '{id}', id, id, '{kind}', '{payload}', \
                 'queued', 9000000000000, 9000000000000, 0, 5, 0, 0, 0, 0, 0 FROM accounts WHERE name = 'own' RETURNING id"
            ));
            assert_eq!(made.len(), 1);
        }
        self.put("job", "far-away");
        let failed = "UPDATE jobs SET state = 'failed', waits_until_ms = NULL, ended_at_ms = 1 WHERE id = 'failed-purge' RETURNING id";
        assert_eq!(self.registry.sql(failed).len(), 1);
        self.put("failed_job", "failed-purge");
        for (name, number, id) in [
            ("purge", "7000", "far-purge"),
            ("collection", "6999", "far-collection"),
        ] {
            let listed = format!(
                "INSERT INTO numbers (account_id, kind, number, id) SELECT id, 'job', {number}, '{id}' FROM accounts \
                 WHERE name = 'own' RETURNING number"
            );
            assert_eq!(self.registry.sql(&listed).len(), 1);
            self.put(name, number);
        }
    }

    /// A rule about tags that nobody pushes, and a tag that can be locked.
    pub(super) async fn make_immutability(&mut self) {
        let selector = |pattern: &str| json!([{ "kind": "doublestar", "pattern": pattern }]);
        let rule = json!({ "repositories": selector("**"), "tags": selector("never-*") });
        let path = "/accounts/own/namespaces/own/immutability";
        let made = self.ann.v1_post(path, &rule).await.assert_status(201);
        self.put("immutability", last(&made.location()));
        let listed = self.ann.api_get("/projects/own/immutabletagrules").await;
        self.put("immutable", &listed.json()[0]["id"]);
        self.ann.push_image("own/app", "locked").await;
        self.put("locked", "locked");
    }

    /// A policy, of the namespace `own`, with a run that has ended.
    pub(super) async fn make_retention(&mut self) {
        let spare = self.ann.api_get("/projects/spare").await.json();
        self.put("spare_project", &spare["project_id"]);
        let project = self.ann.api_get("/projects/own").await.json()["project_id"].clone();
        let rule = json!({ "action": "retain", "template": "always" });
        let body = json!({ "rules": [rule], "scope": { "level": "project", "ref": project } });
        let policy = self.made("/retentions", &body).await;
        let runs = format!("/retentions/{policy}/executions");
        let run = self.made(&runs, &json!({ "dry_run": true })).await;
        let deadline = Instant::now() + PATIENCE;
        while self.ann.api_get(&runs).await.json()[0]["status"] == "InProgress" {
            assert!(Instant::now() < deadline, "the run does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let tasks = self
            .ann
            .api_get(&format!("{runs}/{run}/tasks"))
            .await
            .json();
        self.put("retention_task", &tasks[0]["id"]);
        self.put("retention_run", run);
        self.put("retention", policy);
    }
}
