//! The trash as people use it: what was deleted comes back, as long as it is kept; and where tags pointed.

mod killed;
mod limits;
mod tags;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::account_api::AccountApi as _;
use crate::harbor::Harbor as _;
use crate::registry::backends::Backends;
use crate::registry::client::{Answer, Client};
use crate::registry::{PATIENCE, TestRegistry};

const TRASH: &str = "/accounts/default/trash";

/// A registry on each of both databases, one after the other.
const BOTH: [Backends; 2] = [Backends::EMBEDDED, Backends::PRODUCTION];

/// Asks until the answer is as wanted.
pub(crate) async fn until(
    client: &Client,
    path: &str,
    is_wanted: impl Fn(&Value) -> bool,
) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = client.v1_get(path).await.assert_status(200).json();
        if is_wanted(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{path}: still {answer:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The things in the trash of a kind, or of all.
async fn listed(client: &Client, kind: &str) -> Vec<Value> {
    let path = match kind {
        "" => TRASH.to_owned(),
        kind => format!("{TRASH}?kind={kind}"),
    };
    let answer = client.v1_get(&path).await.assert_status(200).json();
    answer["items"].as_array().expect("items").clone()
}

async fn restore(client: &Client, item: &Value) -> Answer {
    let id = item["id"].as_str().expect("an id");
    let path = format!("{TRASH}/{id}/restore");
    client.v1_post(&path, &json!({})).await
}

async fn delete(client: &Client, repository: &str, reference: &str) {
    let path = format!("/v2/{repository}/manifests/{reference}");
    client.delete(&path).await.assert_status(202);
}

async fn status(client: &Client, repository: &str, reference: &str) -> u16 {
    let path = format!("/v2/{repository}/manifests/{reference}");
    client.get(&path).await.status()
}

/// When an artifact was pushed, as Harbor's API tells it.
async fn push_time(client: &Client, digest: &str) -> Value {
    let path = format!("/projects/library/repositories/app/artifacts/{digest}");
    let artifact = client.api_get(&path).await.assert_status(200).json();
    artifact["push_time"].clone()
}

async fn an_image_comes_back_with_all_that_belongs_to_it(backends: Backends) {
    let registry = TestRegistry::builder().on(backends).start().await;
    let image = registry.push_image("library/app", "v1").await;
    let index = registry.push_index("library/app", "all", &[&image]).await;
    let about = registry
        .push_referrer("library/app", &index, "application/x-sign", &Value::Null)
        .await;
    let pushed = push_time(&registry, &image).await;
    delete(&registry, "library/app", &index).await;
    delete(&registry, "library/app", &image).await;
    for digest in [&image, &index, &about] {
        assert_eq!(status(&registry, "library/app", digest).await, 404);
    }
    let items = listed(&registry, "manifest").await;
    let digests: Vec<&Value> = items.iter().map(|item| &item["digest"]).collect();
    assert_eq!(digests[0], &image, "what was deleted last stands first");
    assert_eq!(digests.len(), 3);
    assert_eq!(items[0]["tags"], json!(["v1"]));
    assert_eq!(
        (&items[0]["days_left"], &items[0]["deleted_by"]),
        (&json!(30), &json!("admin"))
    );

    let wanted = json!({ "repository": "library/app", "digest": index });
    let path = format!("{TRASH}/manifests");
    let answer = registry.v1_post(&path, &wanted).await.assert_status(200);
    let mut tags = answer.json()["tags"].as_array().expect("tags").clone();
    tags.sort_by_key(ToString::to_string);
    assert_eq!(tags, [json!("library/app:all"), json!("library/app:v1")]);
    assert_eq!(answer.json()["manifests"], 3);
    for reference in [&image, &index, &about, &"v1".to_owned(), &"all".to_owned()] {
        assert_eq!(status(&registry, "library/app", reference).await, 200);
    }
    assert_eq!(push_time(&registry, &image).await, pushed);
    let referrers = registry.get(&format!("/v2/library/app/referrers/{index}"));
    let referrers = referrers.await.assert_status(200).json();
    assert_eq!(referrers["manifests"][0]["digest"], about);
    let manifest = registry.get(&format!("/v2/library/app/manifests/{image}"));
    for layer in manifest.await.json()["layers"].as_array().expect("layers") {
        let digest = layer["digest"].as_str().expect("a digest");
        let blob = registry.get(&format!("/v2/library/app/blobs/{digest}"));
        blob.await.assert_status(200);
    }
    // Nothing is left to be restored, and nothing is restored twice.
    registry.v1_post(&path, &wanted).await.assert_status(404);
    assert_eq!(listed(&registry, "").await, Vec::<Value>::new());
}

#[tokio::test]
async fn an_image_comes_back_with_all_that_belongs_to_it_on_both_databases() {
    for backends in BOTH {
        an_image_comes_back_with_all_that_belongs_to_it(backends).await;
    }
}

/// An index may name what it is about: each of them comes back with the other, whatever else is about them too, and the restore
/// ends.
#[tokio::test]
async fn an_index_about_what_it_names_comes_back() {
    let registry = TestRegistry::start().await;
    let image = registry.push_image("library/app", "v1").await;
    let index = registry.push_index("library/app", "plain", &[&image]).await;
    let index = registry.get(&format!("/v2/library/app/manifests/{index}"));
    let mut index = index.await.json();
    index["subject"] = index["manifests"][0].clone();
    let index = registry.push_manifest("library/app", "all", &index).await;
    delete(&registry, "library/app", "plain").await;
    let about = registry
        .push_referrer("library/app", &image, "application/x-sign", &Value::Null)
        .await;
    for wanted in [&image, &index] {
        delete(&registry, "library/app", &index).await;
        delete(&registry, "library/app", &image).await;
        let wanted = json!({ "repository": "library/app", "digest": wanted });
        let path = format!("{TRASH}/manifests");
        let restored = registry.v1_post(&path, &wanted).await.assert_status(200);
        assert_eq!(restored.json()["manifests"], 3, "{wanted}");
        for reference in ["v1", "all", about.as_str()] {
            assert_eq!(status(&registry, "library/app", reference).await, 200);
        }
    }
}

async fn repositories_and_namespaces_come_back(backends: Backends) {
    let registry = TestRegistry::builder().on(backends).start().await;
    registry.admin(&["namespace", "create", "team"]);
    let kept = registry.push_image("team/app", "v1").await;
    registry.push_image("team/app", "v2").await;
    let text = json!({ "description": "what it is" });
    let path = "/projects/team/repositories/app";
    registry.api_put(path, &text).await.assert_status(200);
    registry.api_delete(path).await.assert_status(200);
    assert_eq!(status(&registry, "team/app", "v1").await, 404);
    let items = listed(&registry, "repository").await;
    assert_eq!(items.len(), 1, "{items:?}");
    assert_eq!(
        listed(&registry, "manifest").await.len(),
        0,
        "they are in it"
    );
    let id = items[0]["id"].as_str().expect("an id");
    let within = registry.v1_get(&format!("{TRASH}?within={id}")).await;
    assert_eq!(within.items("kind"), [json!("manifest"), json!("manifest")]);

    // Pushed again meanwhile: what is there now stays.
    let other = registry.push_image("team/app", "v2").await;
    let moved = registry.push_image("team/app", "v3").await;
    let point = json!({ "name": "v1" });
    let tags = format!("/projects/team/repositories/app/artifacts/{moved}/tags");
    registry.api_post(&tags, &point).await.assert_status(201);
    let answer = restore(&registry, &items[0])
        .await
        .assert_status(200)
        .json();
    assert_eq!(answer["conflicts"], json!(["team/app:v1"]));
    assert_eq!(status(&registry, "team/app", &kept).await, 200);
    let there = registry.describe("team/app", "v1").await;
    assert_eq!(there["digest"], moved, "{other}");
    assert_eq!(listed(&registry, "repository").await.len(), 0);
    let left = listed(&registry, "tag").await;
    assert_eq!(left[0]["tags"], json!(["v1"]), "it can still be restored");
    restore(&registry, &left[0]).await.assert_status(409);

    // With its namespace.
    let answer = registry.delete("/api/v1/namespaces/team").await;
    answer.assert_status(204);
    registry.admin(&["namespace", "create", "team"]);
    let items = listed(&registry, "namespace").await;
    let taken = restore(&registry, &items[0]).await;
    taken.assert_status(409);
    assert_eq!(status(&registry, "team/app", &kept).await, 404);
    let wanted = json!({ "repository": "team/app", "digest": kept });
    let path = format!("{TRASH}/manifests");
    registry.v1_post(&path, &wanted).await.assert_status(404);
    registry
        .api_delete("/projects/team")
        .await
        .assert_status(200);
    restore(&registry, &items[0]).await.assert_status(200);
    assert_eq!(status(&registry, "team/app", &kept).await, 200);
    assert_eq!(status(&registry, "team/app", "v3").await, 200);
}

#[tokio::test]
async fn repositories_and_namespaces_come_back_on_both_databases() {
    for backends in BOTH {
        repositories_and_namespaces_come_back(backends).await;
    }
}

/// Two callers that restore the same, and whoever deletes the namespace meanwhile: each answer is true, and all that is said to
/// be there is reachable.
#[tokio::test]
async fn restores_at_the_same_time_do_it_once() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        let image = registry.push_image("library/app", "v1").await;
        delete(&registry, "library/app", &image).await;
        let items = listed(&registry, "manifest").await;
        let answers = futures_util::future::join_all((0..4).map(|_| restore(&registry, &items[0])));
        let mut manifests = 0;
        for answer in answers.await {
            if answer.status() == 200 {
                manifests += answer.json()["manifests"].as_u64().expect("a number");
            } else {
                answer.assert_status(404);
            }
        }
        assert_eq!(manifests, 1, "{backends:?}");
        assert_eq!(status(&registry, "library/app", "v1").await, 200);
        assert_eq!(listed(&registry, "").await, Vec::<Value>::new());
    }
}

#[tokio::test]
async fn people_see_and_restore_what_they_could_push() {
    let registry = TestRegistry::start().await;
    registry.admin(&["namespace", "create", "own"]);
    let image = registry.push_image("own/app", "v1").await;
    let guest = registry.create_member("own", "guest", "guest");
    let developer = registry.create_member("own", "dev", "developer");
    let maintainer = registry.create_member("own", "main", "maintainer");
    let elsewhere = registry.create_user("elsewhere");
    delete(&registry, "own/app", &image).await;
    let items = listed(&registry, "manifest").await;
    assert_eq!(listed(&maintainer, "manifest").await, items);
    for blind in [&guest, &developer] {
        assert_eq!(listed(blind, "manifest").await, Vec::<Value>::new());
    }
    restore(&guest, &items[0]).await.assert_status(404);
    restore(&elsewhere, &items[0]).await.assert_status(404);
    let id = items[0]["id"].as_str().expect("an id");
    let item = format!("{TRASH}/{id}");
    developer.v1_delete(&item).await.assert_status(404);
    maintainer.v1_delete(TRASH).await.assert_status(403);
    restore(&developer, &items[0]).await.assert_status(200);
    assert_eq!(status(&guest, "own/app", "v1").await, 200);

    // A namespace of the same name is another one: who may make one does not come to what was in the former.
    delete(&registry, "own/app", &image).await;
    registry
        .delete("/api/v1/namespaces/own")
        .await
        .assert_status(204);
    registry.admin(&["namespace", "create", "own"]);
    let newcomer = registry.create_member("own", "new", "project-admin");
    assert_eq!(listed(&newcomer, "").await, Vec::<Value>::new());
    restore(&newcomer, &items[0]).await.assert_status(404);
    let wanted = json!({ "repository": "own/app", "digest": image });
    let path = format!("{TRASH}/manifests");
    newcomer.v1_post(&path, &wanted).await.assert_status(404);
    // The administrator is told that the namespace it was in is another one now.
    restore(&registry, &items[0]).await.assert_status(412);
}
