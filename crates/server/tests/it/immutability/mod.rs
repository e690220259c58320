//! What may not change: every way of moving or deleting a tag or a manifest is refused, in the words of its own protocol.

mod ends;
mod rules;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::account_api::AccountApi as _;
use crate::harbor::Harbor as _;
use crate::ibm::{Ibm as _, administrator};
use crate::registry::backends::Backends;
use crate::registry::client::{Answer, Client};
use crate::registry::content::OCI_MANIFEST;
use crate::registry::{PATIENCE, TestRegistry};

/// Both databases, one after the other.
const BOTH: [Backends; 2] = [Backends::EMBEDDED, Backends::PRODUCTION];
const RULES: &str = "/projects/library/immutabletagrules";
const API: &str = "/api/v2.0";
/// What comes of each attempt: the status, and the word of the protocol for it.
const REFUSED: &str = "\
push by tag: 403 DENIED
push by digest, with the tag: 403 DENIED
push by digest, with another tag too: 403 DENIED
delete the tag: 403 DENIED
delete the digest: 403 DENIED
delete a child of an index: 403 DENIED
delete a referrer: 403 DENIED
delete a signature's tag: 403 DENIED
Harbor: delete the artifact by tag: 412 PRECONDITION
Harbor: delete the artifact: 412 PRECONDITION
Harbor: delete the tag: 412 PRECONDITION
Harbor: make the tag elsewhere: 409 CONFLICT
Harbor: copy over it: 412 PRECONDITION
Harbor: delete the repository: 412 PRECONDITION
Harbor: delete the project: 412 PRECONDITION
IBM: tag over it: 409 CONFLICT
IBM: untag: 409 CONFLICT
IBM: delete the image: 409 CONFLICT
IBM: delete many: 200 CONFLICT
IBM: delete the namespace: 409 CONFLICT
revert the tag: 412 NOT_NOW
give it an end: 412 NOT_NOW";

/// The events of a kind, once there are as many: the log has them a moment after they happened.
pub(crate) async fn events(client: &Client, kind: &str, count: usize) -> Vec<Value> {
    let path = format!("/accounts/default/audit-events?kind={kind}");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let page = client.v1_get(&path).await.assert_status(200);
        let found = page.items("resource");
        if found.len() >= count {
            return found;
        }
        assert!(Instant::now() < deadline, "{kind}: {found:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A rule as Harbor's clients write it.
fn rule(repositories: &str, tags: &str) -> Value {
    json!({
        "disabled": false,
        "action": "immutable",
        "template": "immutable_template",
        "scope_selectors": { "repository":
            [{ "kind": "doublestar", "decoration": "repoMatches", "pattern": repositories }] },
        "tag_selectors": [{ "kind": "doublestar", "decoration": "matches", "pattern": tags }],
    })
}

async fn make_rule(client: &Client, repositories: &str, tags: &str) -> String {
    let made = client.api_post(RULES, &rule(repositories, tags)).await;
    let made = made.assert_status(201);
    made.location().trim_start_matches(API).to_owned()
}

/// Something that was tried, and the answer.
type Attempt = (&'static str, Answer);

/// What is pushed first.
struct World {
    registry: TestRegistry,
    ibm: Client,
    one: String,
    other: String,
    child: String,
    about: String,
    signature: String,
}

impl World {
    async fn start(backends: Backends) -> Self {
        let registry = TestRegistry::builder().on(backends).start().await;
        let one = registry.push_image("library/app", "v1").await;
        let other = registry.push_image("library/app", "other").await;
        let child = registry.push_image("library/app", "child").await;
        registry.push_index("library/app", "v2", &[&child]).await;
        registry.delete("/v2/library/app/manifests/child").await;
        let kind = "application/example";
        let about = registry
            .push_referrer("library/app", &one, kind, &Value::Null)
            .await;
        let signature = format!("{}.sig", one.replace(':', "-"));
        registry.push_image("library/app", &signature).await;
        registry.push_image("library/copy", "v1").await;
        let ibm = administrator(&registry).await;
        Self {
            registry,
            ibm,
            one,
            other,
            child,
            about,
            signature,
        }
    }

    /// The manifest of a digest, put to another reference.
    async fn put(&self, digest: &str, to: &str) -> Answer {
        let read = self
            .registry
            .get(&format!("/v2/library/app/manifests/{digest}"))
            .await;
        self.registry
            .put(&format!("/v2/library/app/manifests/{to}"))
            .content_type(OCI_MANIFEST)
            .body(read.bytes().clone())
            .await
    }

    async fn points_at(&self, tag: &str) -> Option<String> {
        let path = format!("/v2/library/app/manifests/{tag}");
        let head = self.registry.head(&path).await;
        (head.status() == 200).then(|| head.header("docker-content-digest").to_owned())
    }

    /// Everything that may not be done, each with what came of it.
    async fn attempts(&self) -> Vec<Attempt> {
        let mut attempts = self.by_clients().await;
        attempts.extend(self.by_harbor().await);
        attempts.extend(self.by_others().await);
        attempts
    }

    async fn by_clients(&self) -> Vec<Attempt> {
        let (one, other) = (&self.one, &self.other);
        let delete = |what: &str| {
            self.registry
                .delete(&format!("/v2/library/app/manifests/{what}"))
        };
        let with_tag = format!("{other}?tag=v1");
        let with_tags = format!("{other}?tag=new&tag=v1");
        vec![
            ("push by tag", self.put(other, "v1").await),
            (
                "push by digest, with the tag",
                self.put(other, &with_tag).await,
            ),
            (
                "push by digest, with another tag too",
                self.put(other, &with_tags).await,
            ),
            ("delete the tag", delete("v1").await),
            ("delete the digest", delete(one).await),
            ("delete a child of an index", delete(&self.child).await),
            ("delete a referrer", delete(&self.about).await),
            ("delete a signature's tag", delete(&self.signature).await),
        ]
    }

    async fn by_harbor(&self) -> Vec<Attempt> {
        let harbor = "/projects/library/repositories";
        let artifact = format!("{harbor}/app/artifacts/{}", self.one);
        let by_tag = format!("{harbor}/app/artifacts/v1");
        let copy = format!("{API}{harbor}/copy/artifacts?from=library/app:v1");
        let tags = format!("{harbor}/app/artifacts/{}/tags", self.other);
        let delete = |path: &str| self.registry.api_delete(path);
        let tag = self.registry.api_post(&tags, &json!({ "name": "v1" }));
        let copy = self.registry.request(http::Method::POST, &copy);
        vec![
            ("Harbor: delete the artifact by tag", delete(&by_tag).await),
            ("Harbor: delete the artifact", delete(&artifact).await),
            (
                "Harbor: delete the tag",
                delete(&format!("{artifact}/tags/v1")).await,
            ),
            ("Harbor: make the tag elsewhere", tag.await),
            ("Harbor: copy over it", copy.await),
            (
                "Harbor: delete the repository",
                delete(&format!("{harbor}/app")).await,
            ),
            (
                "Harbor: delete the project",
                delete("/projects/library").await,
            ),
        ]
    }

    async fn by_others(&self) -> Vec<Attempt> {
        let image = crate::ibm::encoded("library/app:v1");
        let tag = "/images/tags?fromimage=library/app:other&toimage=library/app:v1";
        let bulk = json!([format!("library/app@{}", self.one)]);
        let revert = json!({ "repository": "library/app", "tag": "v1", "digest": self.other });
        let end = json!({ "repository": "library/app", "tag": "v1", "end": "1s" });
        let delete = |path: &str| self.ibm.ibm_delete(path);
        let many = self.ibm.ibm_post("/images/bulkdelete", &bulk);
        let path = "/accounts/default/tag-history/revert";
        let reverted = self.registry.v1_post(path, &revert);
        let ended = self.registry.v1_put("/accounts/default/tag-ends", &end);
        vec![
            (
                "IBM: tag over it",
                self.ibm.ibm_post(tag, &Value::Null).await,
            ),
            ("IBM: untag", delete(&format!("/tags/{image}")).await),
            (
                "IBM: delete the image",
                delete(&format!("/images/{image}")).await,
            ),
            ("IBM: delete many", many.await),
            (
                "IBM: delete the namespace",
                delete("/namespaces/library").await,
            ),
            ("revert the tag", reverted.await),
            ("give it an end", ended.await),
        ]
    }
}

/// What came of each, with its first words.
fn outcomes(attempts: Vec<Attempt>) -> String {
    let mut lines = String::new();
    for (name, answer) in attempts {
        let body = answer.json();
        let code = [
            &body["errors"][0]["code"],
            &body["code"],
            &body["error"]["code"],
        ];
        let code = code.into_iter().find_map(Value::as_str);
        let code = code.unwrap_or_else(|| {
            let errors = body["error"].as_object();
            let first = errors.and_then(|errors| errors.values().next());
            first.and_then(|error| error["code"].as_str()).unwrap_or("")
        });
        let _ = writeln!(lines, "{name}: {} {code}", answer.status());
    }
    lines
}

async fn every_path_is_refused(backends: Backends) {
    let world = World::start(backends).await;
    let registry = &world.registry;
    let rule = make_rule(registry, "**", "v*").await;
    let outcomes = outcomes(world.attempts().await);
    assert_eq!(outcomes.trim_end(), REFUSED);
    // Nothing has changed, and what was refused made no other tag.
    assert_eq!(world.points_at("v1").await.as_ref(), Some(&world.one));
    assert_eq!(world.points_at("new").await, None);
    for digest in [&world.one, &world.other, &world.child, &world.about] {
        assert!(world.points_at(digest).await.is_some(), "{digest}");
    }
    // The same again is no change, and what is new may come.
    world.put(&world.one, "v1").await.assert_status(201);
    world.put(&world.other, "v3").await.assert_status(201);
    world
        .put(&world.one, "v3")
        .await
        .assert_error(403, "DENIED");
    // A further signature moves the tag of the first.
    let signature = &world.signature;
    world.put(&world.other, signature).await.assert_status(201);

    // A lock does what a rule does, of the tag or of the manifest.
    registry.api_delete(&rule).await.assert_done();
    for reference in ["v1", &world.one] {
        let lock = json!({ "repository": "library/app", "reference": reference });
        registry
            .v1_post("/accounts/default/locks", &lock)
            .await
            .assert_no_content();
        world
            .put(&world.other, "v1")
            .await
            .assert_error(403, "DENIED");
        for gone in ["v1", &world.one, &world.about, signature] {
            let path = format!("/v2/library/app/manifests/{gone}");
            registry.delete(&path).await.assert_error(403, "DENIED");
        }
        registry
            .api_delete("/projects/library/repositories/app")
            .await
            .assert_harbor_error(412, "PRECONDITION");
        let path = format!("/accounts/default/locks?repository=library/app&reference={reference}");
        registry.v1_delete(&path).await.assert_no_content();
    }
    world.put(&world.other, "v1").await.assert_status(201);
    let gone = registry.api_delete("/projects/library/repositories/app");
    gone.await.assert_done();
}

#[tokio::test]
async fn whatever_would_move_or_delete_what_is_immutable_is_refused() {
    for backends in BOTH {
        every_path_is_refused(backends).await;
    }
}
