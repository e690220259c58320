//! Two teams on one registry: alice works in `a`, bob in `b`, and neither may learn anything of the other's.

use super::{NO_UPLOAD, NOWHERE, assert_same, lone_manifest};
use crate::registry::TestRegistry;
use crate::registry::client::Client;
use crate::registry::content::{
    OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, descriptor, image_manifest, sha256,
};

struct Teams {
    registry: TestRegistry,
    alice: Client,
    bob: Client,
    /// A blob that only `b/y` has.
    secret: String,
}

const SECRET: &str = "bytes that only bob's repository has";

async fn teams() -> Teams {
    let registry = TestRegistry::start().await;
    registry.admin(&["namespace", "create", "a"]);
    registry.admin(&["namespace", "create", "b"]);
    let alice = registry.create_member("a", "alice", "maintainer");
    let bob = registry.create_member("b", "bob", "maintainer");
    alice.push_image("a/x", "v1").await;
    bob.push_image("b/y", "v1").await;
    let secret = bob.push_blob("b/y", SECRET).await;
    Teams {
        registry,
        alice,
        bob,
        secret,
    }
}

/// T1: a blob that only another repository has is as unknown as one that nobody has, whole or in parts, by password or
/// token.
#[tokio::test]
async fn t01_a_foreign_blob_is_unknown() {
    let teams = teams().await;
    let token = teams.alice.with_token(&["repository:a/x:pull,push"]).await;
    for caller in [&teams.alice, &token] {
        for range in [None, Some("bytes=0-3"), Some("bytes=0-0,-1")] {
            let mut answers = Vec::new();
            for digest in [teams.secret.as_str(), NOWHERE] {
                for method in [http::Method::GET, http::Method::HEAD] {
                    let mut call = caller.request(method, &format!("/v2/a/x/blobs/{digest}"));
                    if let Some(range) = range {
                        call = call.header("range", range);
                    }
                    answers.push(call.await.assert_status(404));
                }
            }
            let names = [teams.secret.as_str(), NOWHERE];
            assert_same(&answers[0], &answers[2], &names);
            assert_same(&answers[1], &answers[3], &names);
        }
        let conditional = caller
            .get(&format!("/v2/a/x/blobs/{}", teams.secret))
            .header("if-none-match", format!("\"{}\"", teams.secret));
        conditional.await.assert_error(404, "BLOB_UNKNOWN");
    }
}

/// T2, T3, T15: a mount from where the caller may not read is an ordinary upload, as if there were no such blob; with
/// `from` or without, and also when the user may read it but the token may not.
#[tokio::test]
async fn t02_t03_t15_a_mount_tells_nothing_of_what_may_not_be_read() {
    let teams = teams().await;
    let of_both = teams.registry.create_member("a", "carol", "developer");
    teams
        .registry
        .admin(&["member", "add", "b", "carol", "--role", "guest"]);
    let narrow = of_both.with_token(&["repository:a/x:pull,push"]).await;
    for caller in [&teams.alice, &narrow] {
        for from in ["", "&from=b/y", "&from=b/none", "&from=none/none"] {
            let mut answers = Vec::new();
            for digest in [teams.secret.as_str(), NOWHERE] {
                let target = format!("/v2/a/x/blobs/uploads/?mount={digest}{from}");
                answers.push(caller.post(&target).await.assert_status(202));
            }
            let (left, right) = (&answers[0], &answers[1]);
            let ids = [left, right].map(|answer| answer.header("docker-upload-uuid").to_owned());
            assert_same(left, right, &[&ids[0], &ids[1]]);
        }
        let path = format!("/v2/a/x/blobs/{}", teams.secret);
        caller.get(&path).await.assert_status(404);
    }
    // The same mount, by who may: with a token for both, and with the password.
    let wide = of_both
        .with_token(&["repository:a/x:pull,push", "repository:b/y:pull"])
        .await;
    for (caller, from) in [(&wide, "&from=b/y"), (&of_both, "")] {
        let target = format!("/v2/a/x/blobs/uploads/?mount={}{from}", teams.secret);
        caller.post(&target).await.assert_status(201);
    }
}

/// T4: a manifest cannot make foreign bytes one's own by naming their digest, as config, layer, child or subject.
#[tokio::test]
async fn t04_a_manifest_cannot_name_foreign_content_as_its_own() {
    let teams = teams().await;
    let foreign = descriptor(OCI_LAYER, SECRET);
    let own = descriptor(OCI_CONFIG, "{}");
    teams.alice.push_blob("a/x", "{}").await;
    let bobs_manifest = teams.bob.describe("b/y", "v1").await;
    let mut index_of_blobs = lone_manifest("blobs");
    index_of_blobs["manifests"] = serde_json::json!([foreign]);
    let mut index_of_manifests = lone_manifest("manifests");
    index_of_manifests["manifests"] = serde_json::json!([bobs_manifest]);
    for manifest in [
        image_manifest(&foreign, &[]),
        image_manifest(&own, std::slice::from_ref(&foreign)),
        index_of_blobs,
        index_of_manifests,
    ] {
        let media_type = manifest["mediaType"].as_str().expect("a type").to_owned();
        let put = teams.alice.put("/v2/a/x/manifests/thief");
        put.content_type(&media_type)
            .body(manifest.to_string())
            .await
            .assert_error(400, "MANIFEST_BLOB_UNKNOWN");
    }
    let head = teams.alice.head("/v2/a/x/manifests/thief");
    head.await.assert_status(404);
    // A layer that says it lives elsewhere need not be here, and is not here by that.
    let mut elsewhere = foreign.clone();
    elsewhere["mediaType"] = "application/vnd.oci.image.layer.nondistributable.v1.tar".into();
    elsewhere["urls"] = serde_json::json!(["https://layers.example/x"]);
    let manifest = image_manifest(&own, &[elsewhere]);
    teams
        .alice
        .push_manifest("a/x", "elsewhere", &manifest)
        .await;
    let path = format!("/v2/a/x/blobs/{}", teams.secret);
    teams
        .alice
        .get(&path)
        .await
        .assert_error(404, "BLOB_UNKNOWN");
}

/// T5: knowing a digest is not having its bytes: an upload of other bytes under it is refused, in every way to upload,
/// and nothing is known afterwards.
#[tokio::test]
async fn t05_a_digest_is_not_claimed_without_its_bytes() {
    let teams = teams().await;
    let digest = &teams.secret;
    let wrong = "x".repeat(SECRET.len());
    for bytes in ["", wrong.as_str(), &SECRET[1..]] {
        let single = teams
            .alice
            .post(&format!("/v2/a/x/blobs/uploads/?digest={digest}"))
            .body(bytes.to_owned());
        single.await.assert_error(400, "DIGEST_INVALID");
        let location = teams.alice.start_upload("a/x").await;
        let put = teams.alice.put(&format!("{location}?digest={digest}"));
        put.body(bytes.to_owned())
            .await
            .assert_error(400, "DIGEST_INVALID");
    }
    let path = format!("/v2/a/x/blobs/{digest}");
    teams
        .alice
        .get(&path)
        .await
        .assert_error(404, "BLOB_UNKNOWN");
    // The owner of the bytes still has them.
    let path = format!("/v2/b/y/blobs/{digest}");
    teams
        .bob
        .get(&path)
        .await
        .assert_status(200)
        .assert_body(SECRET);
}

/// T6: an upload is its beginner's, in its repository: with its id another user, or the same one elsewhere, gets what
/// an id that never was gets, by every method.
#[tokio::test]
async fn t06_an_upload_is_nobody_elses() {
    let teams = teams().await;
    let colleague = teams.registry.create_member("b", "carol", "maintainer");
    teams
        .registry
        .admin(&["member", "add", "a", "bob", "--role", "maintainer"]);
    let location = teams.bob.start_upload("b/y").await;
    let (_, id) = location.rsplit_once('/').expect("a path");
    let digest = sha256("bob's");
    for (caller, repository) in [
        (&teams.alice, "a/x"),
        (&colleague, "b/y"),
        (&*teams.registry, "b/y"),
        (&teams.bob, "a/x"),
        (&teams.bob, "b/other"),
    ] {
        for (method, query) in [
            ("GET", String::new()),
            ("HEAD", String::new()),
            ("PATCH", String::new()),
            ("PUT", format!("?digest={digest}")),
            ("DELETE", String::new()),
        ] {
            let method: http::Method = method.parse().expect("a method");
            let mut answers = Vec::new();
            for id in [id, NO_UPLOAD] {
                let path = format!("/v2/{repository}/blobs/uploads/{id}{query}");
                let mut call = caller.request(method.clone(), &path);
                if matches!(method.as_str(), "PATCH" | "PUT") {
                    call = call.body("bob's");
                }
                answers.push(call.await.assert_status(404));
            }
            assert_same(&answers[0], &answers[1], &[id, NO_UPLOAD]);
            if method != http::Method::HEAD {
                assert_eq!(
                    answers[0].json()["errors"][0]["code"],
                    "BLOB_UPLOAD_UNKNOWN"
                );
            }
        }
    }
    let put = teams.bob.put(&format!("{location}?digest={digest}"));
    put.body("bob's").await.assert_status(201);
}

/// T7: what another repository says about a digest is not in this one's referrers; and nobody asks without the right.
#[tokio::test]
async fn t07_referrers_are_those_of_the_repository() {
    let teams = teams().await;
    let digest = teams.alice.describe("a/x", "v1").await;
    let digest = digest["digest"].as_str().expect("a digest");
    let mut about = image_manifest(
        &descriptor(OCI_CONFIG, "{}"),
        &[descriptor(OCI_LAYER, SECRET)],
    );
    teams.bob.push_blob("b/y", "{}").await;
    about["subject"] =
        serde_json::json!({ "mediaType": OCI_MANIFEST, "digest": digest, "size": 2 });
    let bobs = sha256(about.to_string());
    teams.bob.push_manifest("b/y", &bobs, &about).await;
    let path = format!("/v2/a/x/referrers/{digest}");
    let list = teams.alice.get(&path).await.assert_status(200);
    assert_eq!(list.json()["manifests"], serde_json::json!([]));
    let path = format!("/v2/b/y/referrers/{digest}");
    assert!(teams.bob.get(&path).await.text().contains(&bobs));
    teams
        .alice
        .get(&path)
        .await
        .assert_error(404, "NAME_UNKNOWN");
    teams
        .registry
        .anonymous()
        .get(&path)
        .await
        .assert_error(401, "UNAUTHORIZED");
}

/// T8: the catalogue is each caller's own, and its pages do not show where something was left out.
#[tokio::test]
async fn t08_the_catalogue_shows_each_caller_its_own() {
    let teams = teams().await;
    teams
        .registry
        .admin(&["namespace", "create", "c", "--public"]);
    for name in ["c/p1", "c/p2", "a/z"] {
        teams.registry.push_image(name, "v1").await;
    }
    let nobody = teams.registry.create_user("nobody");
    let pages = async |caller: &Client, n: u32| {
        let (mut names, mut lengths) = (Vec::new(), Vec::new());
        let mut next = Some(format!("/v2/_catalog?n={n}"));
        while let Some(path) = next {
            let page = caller.get(&path).await.assert_status(200);
            let list = page.json()["repositories"]
                .as_array()
                .expect("a list")
                .clone();
            lengths.push(list.len());
            names.extend(
                list.iter()
                    .map(|name| name.as_str().expect("text").to_owned()),
            );
            next = page.next_page();
        }
        (names, lengths)
    };
    let (names, lengths) = pages(&teams.alice, 3).await;
    assert_eq!(names, ["a/x", "a/z", "c/p1", "c/p2"]);
    assert_eq!(lengths, [3, 1], "a page is full while there is more");
    assert_eq!(pages(&teams.bob, 1).await.0, ["b/y", "c/p1", "c/p2"]);
    assert_eq!(pages(&nobody, 10).await.0, ["c/p1", "c/p2"]);
    assert_eq!(
        pages(&teams.registry, 2).await.0,
        ["a/x", "a/z", "b/y", "c/p1", "c/p2"]
    );
    // A marker within what may not be seen leads on as any other.
    let after = teams.alice.get("/v2/_catalog?last=b/y").await;
    assert_eq!(
        after.json()["repositories"],
        serde_json::json!(["c/p1", "c/p2"])
    );
    // With a token, too; and only with one that is for this.
    let token = teams.alice.with_token(&["registry:catalog:*"]).await;
    assert_eq!(pages(&token, 10).await.0, names);
    let other = teams.alice.with_token(&["repository:a/x:pull"]).await;
    other
        .get("/v2/_catalog")
        .await
        .assert_error(401, "UNAUTHORIZED");
}

/// T9: for whoever may not see it, a repository that exists answers as one that does not: to every request, also those
/// that would be refused for another reason.
#[tokio::test]
async fn t09_a_private_repository_looks_like_none() {
    let teams = teams().await;
    let token = teams
        .alice
        .with_token(&["repository:b/y:pull,push,delete"])
        .await;
    let wrong = teams.registry.as_user("bob", "Wrong-horse-8-battery");
    let digest = teams.secret.as_str();
    for caller in [&teams.alice, &token, &teams.registry.anonymous(), &wrong] {
        for (method, path) in [
            ("GET", "manifests/v1".to_owned()),
            ("HEAD", "manifests/v1".to_owned()),
            ("GET", "tags/list?n=0".to_owned()),
            ("GET", format!("blobs/{digest}")),
            ("GET", format!("referrers/{digest}")),
            ("POST", "blobs/uploads/".to_owned()),
            ("POST", format!("blobs/uploads/?mount={digest}&from=a/x")),
            ("DELETE", "manifests/v1".to_owned()),
            ("DELETE", format!("blobs/{digest}")),
            ("PUT", "manifests/v1".to_owned()),
        ] {
            let method: http::Method = method.parse().expect("a method");
            let mut answers = Vec::new();
            for repository in ["b/y", "b/n", "n/y"] {
                let call = caller.request(method.clone(), &format!("/v2/{repository}/{path}"));
                answers.push(call.header("content-length", "0").await);
            }
            let names = ["b/y", "b/n", "n/y"];
            assert_same(&answers[0], &answers[1], &names);
            assert_same(&answers[0], &answers[2], &names);
        }
    }
    // The token endpoint tells no more: the answer has the same scope for both, none.
    for repository in ["b/y", "b/n", "n/y"] {
        let path = format!("/service/token?scope=repository:{repository}:pull,push,delete");
        let answer = teams.alice.get(&path).await.assert_status(200);
        assert_eq!(answer.json()["scope"], "");
    }
}

/// T10: when a namespace was deleted and made anew, whoever had a role in the old one has none in the new one.
#[tokio::test]
async fn t10_a_new_namespace_of_an_old_name_owes_nothing() {
    let registry = TestRegistry::start().await;
    registry.admin(&["namespace", "create", "old"]);
    let alice = registry.create_member("old", "alice", "maintainer");
    alice
        .get("/v2/old/app/tags/list")
        .await
        .assert_error(404, "NAME_UNKNOWN");
    let token = alice.with_token(&["repository:old/app:pull,push"]).await;
    registry.admin(&["namespace", "delete", "old"]);
    // A token outlives the namespace for minutes, and does not bring it back.
    token
        .post("/v2/old/app/blobs/uploads/")
        .await
        .assert_error(404, "NAME_UNKNOWN");
    registry.admin(&["namespace", "create", "old"]);
    registry.push_image("old/app", "v1").await;
    alice
        .get("/v2/old/app/manifests/v1")
        .await
        .assert_error(404, "NAME_UNKNOWN");
    alice
        .post("/v2/old/app/blobs/uploads/")
        .await
        .assert_error(404, "NAME_UNKNOWN");
    let answer = alice
        .get("/service/token?scope=repository:old/app:pull")
        .await;
    assert_eq!(answer.json()["scope"], "");
}
