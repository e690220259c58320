//! Tags that were deleted, and where tags pointed; by our own API and by IBM's.

use serde_json::{Value, json};

use super::{BOTH, TRASH, delete, listed, restore, status, until};
use crate::account_api::AccountApi as _;
use crate::harbor::Harbor as _;
use crate::registry::TestRegistry;

#[tokio::test]
async fn a_tag_comes_back_unless_its_name_is_taken() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        let first = registry.push_image("library/app", "v1").await;
        delete(&registry, "library/app", "v1").await;
        assert_eq!(status(&registry, "library/app", &first).await, 200);
        let second = registry.push_image("library/other", "v1").await;
        assert_ne!(first, second);
        let wanted = json!({ "repository": "library/app", "tag": "v1" });
        let path = format!("{TRASH}/tags");
        let answer = registry.v1_post(&path, &wanted).await.assert_status(200);
        assert_eq!(answer.json()["tags"], json!(["library/app:v1"]));
        assert_eq!(status(&registry, "library/app", "v1").await, 200);
        registry.v1_post(&path, &wanted).await.assert_status(404);

        // With its manifest.
        delete(&registry, "library/app", &first).await;
        registry.push_image("library/app", "v2").await;
        let answer = registry.v1_post(&path, &wanted).await.assert_status(200);
        assert_eq!(answer.json()["manifests"], 1);
        assert_eq!(
            registry.describe("library/app", "v1").await["digest"],
            first
        );
    }
}

#[tokio::test]
async fn ibms_clients_list_and_restore_what_was_deleted() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        let image = registry.push_image("library/app", "v1").await;
        let other = registry.push_image("library/app", "other").await;
        let host = registry.host().to_owned();
        delete(&registry, "library/app", &image).await;
        let trash = registry.get("/api/v1/trash?namespace=library").await;
        let trash = trash.assert_status(200).json();
        let whole = format!("{host}/library/app@{image}");
        assert_eq!(
            trash,
            json!({ whole.clone(): { "daysUntilExpiry": 30, "tags": ["v1"] } })
        );
        let none = registry.get("/api/v1/trash?namespace=none").await;
        assert_eq!(none.assert_status(200).json(), json!({}));

        let restore_tag = format!("/api/v1/trash/{}/restore", "library%2Fapp%3Av1");
        let tags = format!("/api/v2.0/projects/library/repositories/app/artifacts/{other}/tags");
        let tag = registry.post(&tags).content_type("application/json");
        tag.body(r#"{"name":"v1"}"#).await.assert_status(201);
        let conflict = registry.post(&restore_tag).await.assert_status(409);
        assert_eq!(conflict.json()["code"], "CRT0500E");
        assert_eq!(
            status(&registry, "library/app", &image).await,
            404,
            "nothing came back"
        );

        let by_digest = format!("/api/v1/trash/library%2Fapp%40{image}/restoretags");
        let answer = registry.post(&by_digest).await.assert_status(200).json();
        let expected: Value =
            json!({ "successful": [], "unsuccessful": [format!("{host}/library/app:v1")] });
        assert_eq!(answer, expected);
        assert_eq!(status(&registry, "library/app", &image).await, 200);
        registry.post(&by_digest).await.assert_status(404);
        delete(&registry, "library/app", "v1").await;
        registry.post(&restore_tag).await.assert_status(200);
        assert_eq!(
            registry.describe("library/app", "v1").await["digest"],
            other
        );
    }
}

#[tokio::test]
async fn a_tag_is_pointed_where_it_was_before() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        registry.admin(&["namespace", "create", "team"]);
        let first = registry.push_image("team/app", "v1").await;
        let second = registry.push_image("team/app", "v2").await;
        let manifest = registry.get(&format!("/v2/team/app/manifests/{second}"));
        let manifest = manifest.await.assert_status(200);
        let put = registry.put("/v2/team/app/manifests/v1");
        let put = put.content_type(manifest.header("content-type"));
        put.body(manifest.bytes().clone()).await.assert_status(201);
        delete(&registry, "team/app", "v2").await;
        let history = "/accounts/default/tag-history?repository=team/app&tag=v1";
        let moves = until(&registry, history, |list| list["items"][1].is_object()).await;
        let items = moves["items"].as_array().expect("items");
        assert_eq!(
            (&items[0]["digest"], &items[1]["digest"]),
            (&json!(second), &json!(first))
        );
        assert_eq!(
            (&items[1]["by"], &items[1]["is_there"]),
            (&json!("admin"), &json!(true))
        );
        let page = format!("{history}&page_size=1");
        let page = registry.v1_get(&page).await.assert_status(200).json();
        assert_eq!(page["items"][0]["digest"], second);
        assert!(page["next"].is_string());
        let gone = "/accounts/default/tag-history?repository=team/app&tag=v2";
        let moves = until(&registry, gone, |list| list["items"][1].is_object()).await;
        assert_eq!(moves["items"][0]["digest"], Value::Null);

        let guest = registry.create_member("team", "guest", "guest");
        let developer = registry.create_member("team", "dev", "developer");
        let path = "/accounts/default/tag-history/revert";
        let revert = json!({ "repository": "team/app", "tag": "v1", "digest": first });
        guest.v1_post(path, &revert).await.assert_status(403);
        developer.v1_post(path, &revert).await.assert_no_content();
        assert_eq!(registry.describe("team/app", "v1").await["digest"], first);
        let moves = until(&registry, history, |list| list["items"][2].is_object()).await;
        assert_eq!(moves["items"][0]["digest"], first);
        assert_eq!(moves["items"][0]["by"], "dev");
        delete(&registry, "team/app", &second).await;
        let back = json!({ "repository": "team/app", "tag": "v1", "digest": second });
        developer.v1_post(path, &back).await.assert_status(404);
        assert_eq!(listed(&registry, "manifest").await.len(), 1);
    }
}

/// More than one transaction deletes, and more than one brings back.
#[tokio::test]
async fn very_many_tags_come_back_with_their_manifest() {
    const TAGS: usize = 430;
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        let image = registry.push_image("library/app", "first").await;
        let tags = format!("/projects/library/repositories/app/artifacts/{image}/tags");
        for number in 1..TAGS {
            let tag = json!({ "name": format!("v{number}") });
            registry.api_post(&tags, &tag).await.assert_status(201);
        }
        delete(&registry, "library/app", &image).await;
        let counted = |table: &str| registry.sql(&format!("SELECT COUNT(*) FROM {table}"));
        assert_eq!(counted("tags"), [["0"]]);
        assert_eq!(counted("trash_items"), [[(TAGS + 1).to_string()]]);
        let items = listed(&registry, "").await;
        assert_eq!(items.len(), 1, "they are in their manifest");
        let answer = restore(&registry, &items[0])
            .await
            .assert_status(200)
            .json();
        assert_eq!(answer["tags"].as_array().map(Vec::len), Some(TAGS));
        assert_eq!(counted("tags"), [[TAGS.to_string()]]);
        assert_eq!(counted("trash_items"), [["0"]]);
        // The same with its repository.
        let path = "/projects/library/repositories/app";
        registry.api_delete(path).await.assert_status(200);
        let items = listed(&registry, "").await;
        assert_eq!(items.len(), 1);
        restore(&registry, &items[0]).await.assert_status(200);
        assert_eq!(counted("tags"), [[TAGS.to_string()]]);
        assert_eq!(counted("trash_items"), [["0"]]);
    }
}

#[tokio::test]
async fn what_is_restored_is_what_was_asked_for() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        let image = registry.push_image("library/app", "v1").await;
        delete(&registry, "library/app", &image).await;
        // The same again, with another tag, into the trash a second time.
        assert_eq!(registry.push_image("library/app", "v1").await, image);
        let tags = "/api/v2.0/projects/library/repositories/app/artifacts";
        let tag = registry.post(&format!("{tags}/{image}/tags"));
        let tag = tag.content_type("application/json");
        tag.body(r#"{"name":"v2"}"#).await.assert_status(201);
        delete(&registry, "library/app", "v1").await;
        delete(&registry, "library/app", &image).await;
        let items = listed(&registry, "manifest").await;
        assert_eq!(items.len(), 2, "{items:?}");
        let first = items.iter().find(|item| item["tags"] == json!(["v1"]));
        let restored = restore(&registry, first.expect("the first of them")).await;
        let restored = restored.assert_status(200).json();
        assert_eq!(restored["tags"], json!(["library/app:v1"]));
        let left = listed(&registry, "manifest").await;
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(left[0]["tags"], json!(["v2"]));
    }
}

#[tokio::test]
async fn a_tag_whose_manifest_is_gone_for_good_says_so() {
    let registry = TestRegistry::builder().start().await;
    let image = registry.push_image("library/app", "v1").await;
    delete(&registry, "library/app", "v1").await;
    delete(&registry, "library/app", &image).await;
    let items = listed(&registry, "manifest").await;
    let id = items[0]["id"].as_str().expect("an id");
    let purged = registry.v1_delete(&format!("{TRASH}/{id}")).await;
    purged.assert_no_content();
    let wanted = json!({ "repository": "library/app", "tag": "v1" });
    let refused = registry.v1_post(&format!("{TRASH}/tags"), &wanted).await;
    let refused = refused.assert_status(412);
    assert!(
        refused.text().contains("gone for good; push it again"),
        "{}",
        refused.text()
    );
    // Pushed again, it comes back to its tag.
    let pushed = registry.push_image("library/app", "other").await;
    assert_ne!(pushed, image);
}
