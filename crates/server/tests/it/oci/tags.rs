//! end-8a, end-8b: which tags are there?

use serde_json::json;

use super::REPOSITORY;
use crate::registry::TestRegistry;
use crate::registry::client::Answer;
use crate::registry::content::sha256;

const ALL: [&str; 6] = ["10", "9", "B", "_x", "a", "a.b"];

/// A registry whose repository has the tags of [`ALL`], which are in the order of their bytes.
async fn with_tags() -> TestRegistry {
    let registry = TestRegistry::start().await;
    let digest = registry.push_image(REPOSITORY, ALL[3]).await;
    let target = format!("/v2/{REPOSITORY}/manifests/{digest}");
    let manifest = registry.get(&target).await.assert_status(200);
    let query: Vec<String> = ALL.iter().rev().map(|tag| format!("tag={tag}")).collect();
    let put = registry.put(&format!("{target}?{}", query.join("&")));
    let put = put.content_type(manifest.header("content-type"));
    let put = put.body(manifest.bytes().clone()).await;
    put.assert_status(201);
    registry
}

async fn list(registry: &TestRegistry, query: &str) -> Answer {
    let target = format!("/v2/{REPOSITORY}/tags/list{query}");
    registry.get(&target).await.assert_status(200)
}

/// end-8a: All tags, in the order of their bytes, with the repository's name.
#[tokio::test]
async fn tags_are_listed_in_order() {
    let registry = with_tags().await;

    let answer = list(&registry, "").await;
    assert_eq!(answer.json(), json!({ "name": REPOSITORY, "tags": ALL }));
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.next_page(), None);
}

/// end-8b: `n` bounds a page, and Link leads through all of them.
#[tokio::test]
async fn tags_are_read_page_by_page() {
    let registry = with_tags().await;

    let mut target = format!("/v2/{REPOSITORY}/tags/list?n=4");
    let mut pages = Vec::new();
    loop {
        let page = registry.get(&target).await.assert_status(200);
        pages.push(page.json()["tags"].clone());
        match page.next_page() {
            Some(next) => target = next,
            None => break,
        }
        assert!(target.starts_with("/v2/"), "the link is relative");
    }
    assert_eq!(pages, [json!(ALL[..4]), json!(ALL[4..])]);
}

/// end-8b: A page that holds the last tag has no Link, also when it is full.
#[tokio::test]
async fn the_last_page_is_known_to_be_the_last() {
    let registry = with_tags().await;

    for n in [6, 7, 10_000] {
        let answer = list(&registry, &format!("?n={n}")).await;
        assert_eq!(answer.json()["tags"], json!(ALL));
        assert_eq!(answer.next_page(), None);
    }
}

/// end-8b: `n=0` asks for nothing, and gets it without a Link.
#[tokio::test]
async fn a_page_of_no_tags_is_empty() {
    let registry = with_tags().await;

    let answer = list(&registry, "?n=0").await;
    assert_eq!(answer.json()["tags"], json!([]));
    assert_eq!(answer.next_page(), None);
}

/// end-8b: `last` is where the page begins, exclusively, and need not be a tag.
#[tokio::test]
async fn a_page_begins_after_any_text() {
    let registry = with_tags().await;

    for (last, rest) in [
        ("9", &ALL[2..]),
        ("C", &ALL[3..]),
        ("a", &ALL[5..]),
        ("a.a", &ALL[5..]),
        ("zzz", &ALL[6..]),
        ("", &ALL[..]),
        ("%2F%00%FF", &ALL[..]),
    ] {
        let answer = list(&registry, &format!("?last={last}")).await;
        assert_eq!(answer.json()["tags"], json!(rest), "after {last}");
    }
    let answer = list(&registry, "?n=2&last=9").await;
    assert_eq!(answer.json()["tags"], json!(ALL[2..4]));
    assert!(answer.next_page().is_some());
}

/// end-8b: A tag that is deleted between two pages does not disturb the next.
#[tokio::test]
async fn a_page_begins_after_a_tag_that_was_deleted() {
    let registry = with_tags().await;
    let first = list(&registry, "?n=3").await;
    let next = first.next_page().expect("there is more");

    let deleted = registry.delete(&format!("/v2/{REPOSITORY}/manifests/B"));
    deleted.await.assert_status(202);
    let second = registry.get(&next).await.assert_status(200);
    assert_eq!(second.json()["tags"], json!(ALL[3..]));
}

/// end-8b: The registry's own limit makes pages shorter, with a Link to the rest.
#[tokio::test]
async fn pages_are_never_longer_than_the_limit() {
    let settings = TestRegistry::builder().setting("LIMITS__TAGS_PAGE", 2);
    let registry = settings.start().await;
    for tag in ["a", "b", "c"] {
        registry.push_image(REPOSITORY, tag).await;
    }

    for query in ["", "?n=1000"] {
        let answer = list(&registry, query).await;
        assert_eq!(answer.json()["tags"], json!(["a", "b"]));
        let next = answer.next_page().expect("there is more");
        let rest = registry.get(&next).await.assert_status(200);
        assert_eq!(rest.json()["tags"], json!(["c"]));
        assert_eq!(rest.next_page(), None);
    }
}

/// end-8b: An `n` that is no number is refused.
#[tokio::test]
async fn a_page_size_must_be_a_number() {
    let registry = with_tags().await;

    for n in ["-1", "ten", "1.5", ""] {
        let target = format!("/v2/{REPOSITORY}/tags/list?n={n}");
        let answer = registry.get(&target).await;
        answer.assert_error(400, "PAGINATION_NUMBER_INVALID");
    }
}

/// end-8a: A repository without tags has an empty list; one that never had a manifest is unknown.
#[tokio::test]
async fn a_repository_without_tags_has_an_empty_list() {
    let registry = TestRegistry::start().await;
    let target = format!("/v2/{REPOSITORY}/tags/list");
    let unknown = registry.get(&target).await;
    unknown.assert_error(404, "NAME_UNKNOWN");

    registry.push_image(REPOSITORY, "1.0").await;
    let deleted = registry.delete(&format!("/v2/{REPOSITORY}/manifests/1.0"));
    deleted.await.assert_status(202);
    let answer = list(&registry, "").await;
    assert_eq!(answer.json(), json!({ "name": REPOSITORY, "tags": [] }));
}

/// end-8a: Referrers have no tags unless they were given some.
#[tokio::test]
async fn referrers_are_not_among_the_tags() {
    let registry = TestRegistry::start().await;
    let digest = registry.push_image(REPOSITORY, "1.0").await;
    let annotations = json!({ "of": sha256("x") });
    registry
        .push_referrer(REPOSITORY, &digest, "application/x", &annotations)
        .await;

    let answer = list(&registry, "").await;
    assert_eq!(answer.json()["tags"], json!(["1.0"]));
}

/// end-8a: HEAD answers as GET does, without the body.
#[tokio::test]
async fn a_list_may_be_asked_for_without_its_body() {
    let registry = with_tags().await;

    let whole = list(&registry, "").await;
    let head = registry.head(&format!("/v2/{REPOSITORY}/tags/list")).await;
    let head = head.assert_status(200).assert_body("");
    assert_eq!(head.header("content-type"), "application/json");
    assert_eq!(
        head.header("content-length"),
        whole.bytes().len().to_string()
    );
}
