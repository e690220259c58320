//! code-1 to code-14: what an error looks like. Most codes are produced by the tests of their endpoints as well.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::REPOSITORY;
use crate::registry::TestRegistry;
use crate::registry::content::sha256;

/// code-1, code-7, code-9: An error is JSON with a code and a sentence, in the specification's form.
#[tokio::test]
async fn an_error_has_a_code_and_a_sentence() {
    let registry = TestRegistry::start().await;
    registry.push_image(REPOSITORY, "1.0").await;
    let digest = sha256("missing");

    for (target, code) in [
        (format!("/v2/{REPOSITORY}/blobs/{digest}"), "BLOB_UNKNOWN"),
        (
            format!("/v2/{REPOSITORY}/manifests/2.0"),
            "MANIFEST_UNKNOWN",
        ),
        ("/v2/library/never/tags/list".to_owned(), "NAME_UNKNOWN"),
        ("/v2/library/never/manifests/1.0".to_owned(), "NAME_UNKNOWN"),
    ] {
        let answer = registry.get(&target).await.assert_error(404, code);
        let body = answer.json();
        let body = body.as_object().expect("an object");
        assert_eq!(body.keys().collect::<Vec<_>>(), ["errors"]);
        let errors = body["errors"].as_array().expect("a list");
        assert_eq!(errors.len(), 1);
        let known = ["code", "message", "detail"];
        let fields = errors[0].as_object().expect("an object").keys();
        assert!(fields.into_iter().all(|field| known.contains(&&**field)));
        assert_eq!(
            answer.header("content-length"),
            answer.bytes().len().to_string()
        );
    }
}

/// code-2: An upload that cannot take a chunk says BLOB_UPLOAD_INVALID, with 400 for a malformed and 416 for a misplaced one.
#[tokio::test]
async fn an_upload_refuses_what_does_not_fit() {
    let registry = TestRegistry::start().await;
    let location = registry.start_upload(REPOSITORY).await;

    for (range, status) in [("no range", 400), ("5-9", 416)] {
        let patch = registry.patch(&location).header("content-range", range);
        let patch = patch.body("12345").await;
        patch.assert_error(status, "BLOB_UPLOAD_INVALID");
    }
}

/// code-11: Whoever may need other credentials gets 401 and a challenge that names the scope.
#[tokio::test]
async fn a_stranger_is_asked_who_he_is() {
    let registry = TestRegistry::start().await;
    registry.push_image(REPOSITORY, "1.0").await;
    let stranger = registry.anonymous();

    let pull = stranger.get(&format!("/v2/{REPOSITORY}/manifests/1.0"));
    let pull = pull.await.assert_error(401, "UNAUTHORIZED");
    let challenge = format!(
        "Bearer realm=\"{}/service/token\",service=\"roadstead\",scope=\"repository:{REPOSITORY}:pull\"",
        registry.origin()
    );
    assert_eq!(pull.header("www-authenticate"), challenge);

    let push = stranger.post(&format!("/v2/{REPOSITORY}/blobs/uploads/"));
    let push = push.await.assert_error(401, "UNAUTHORIZED");
    assert_eq!(
        push.header("www-authenticate"),
        challenge.replace(":pull\"", ":pull,push\"")
    );

    // A repository that does not exist answers alike.
    let nothing = stranger.get("/v2/nobody/knows/manifests/1.0").await;
    nothing.assert_error(401, "UNAUTHORIZED");
}

/// code-12: Who may see a repository but not change it gets 403.
#[tokio::test]
async fn a_guest_may_look_but_not_touch() {
    let registry = TestRegistry::start().await;
    registry.push_image(REPOSITORY, "1.0").await;
    let guest = registry.create_member("library", "guest", "guest");

    let target = format!("/v2/{REPOSITORY}/manifests/1.0");
    let pulled = guest.get(&target).await.assert_status(200);
    let push = guest
        .put(&target)
        .content_type(pulled.header("content-type"));
    let push = push.body(pulled.bytes().clone()).await;
    push.assert_error(403, "DENIED");
    let upload = guest.post(&format!("/v2/{REPOSITORY}/blobs/uploads/"));
    upload.await.assert_error(403, "DENIED");
}

/// code-9: Who may not see a repository cannot tell it from one that does not exist.
#[tokio::test]
async fn a_repository_of_others_looks_like_none() {
    let registry = TestRegistry::start().await;
    registry.push_image("secret/plans", "1.0").await;
    let alice = registry.create_user("alice");

    let mut answers = Vec::new();
    for name in ["secret/plans", "secret/nothing", "nobody/nothing"] {
        let answer = alice.get(&format!("/v2/{name}/manifests/1.0")).await;
        answers.push(answer.assert_error(404, "NAME_UNKNOWN").text());
        let push = alice.post(&format!("/v2/{name}/blobs/uploads/")).await;
        answers.push(push.assert_error(404, "NAME_UNKNOWN").text());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

/// code-13: A method that an endpoint does not have is 405 with Allow; a path that is none is 404.
#[tokio::test]
async fn a_method_that_is_not_there_is_refused_with_those_that_are() {
    let registry = TestRegistry::start().await;
    let digest = sha256("x");

    for (target, allowed) in [
        ("/v2/".to_owned(), "GET, HEAD"),
        ("/v2/_catalog".to_owned(), "GET, HEAD"),
        (format!("/v2/{REPOSITORY}/tags/list"), "GET, HEAD"),
        (format!("/v2/{REPOSITORY}/referrers/{digest}"), "GET, HEAD"),
        (
            format!("/v2/{REPOSITORY}/blobs/{digest}"),
            "GET, HEAD, DELETE",
        ),
        (
            format!("/v2/{REPOSITORY}/manifests/1.0"),
            "GET, HEAD, PUT, DELETE",
        ),
    ] {
        let answer = registry.post(&target).await;
        let answer = answer.assert_error(405, "UNSUPPORTED");
        assert_eq!(answer.header("allow"), allowed);
    }
    let answer = registry.get(&format!("/v2/{REPOSITORY}/blobs/uploads/"));
    let answer = answer.await.assert_error(405, "UNSUPPORTED");
    assert_eq!(answer.header("allow"), "POST");

    for path in ["/v2/library", "/v2/library/app/unknown/x", "/v2//"] {
        registry.get(path).await.assert_error(404, "UNSUPPORTED");
    }
}

/// code-14: Too many open uploads are refused with 429 and Retry-After, until one is finished or cancelled.
#[tokio::test]
async fn an_account_has_so_many_uploads_at_a_time() {
    let settings = TestRegistry::builder().setting("LIMITS__UPLOADS_OPEN_PER_ACCOUNT", 2);
    let registry = settings.start().await;
    let first = registry.start_upload(REPOSITORY).await;
    registry.start_upload("library/other").await;

    let third = registry.post(&format!("/v2/{REPOSITORY}/blobs/uploads/"));
    let third = third.await.assert_error(429, "TOOMANYREQUESTS");
    assert!(third.header("retry-after").parse::<u64>().is_ok());

    registry.delete(&first).await.assert_status(204);
    registry.start_upload(REPOSITORY).await;
}

/// code-14: Too many transfers at once are refused with 429 and Retry-After.
#[tokio::test]
async fn the_registry_has_so_many_transfers_at_a_time() {
    let settings = TestRegistry::builder().setting("LIMITS__TRANSFERS_AT_ONCE", 1);
    let registry = settings.start().await;
    let digest = registry.push_blob(REPOSITORY, "x").await;
    let location = registry.start_upload(REPOSITORY).await;
    let authorization = registry.credentials().header().expect("credentials");
    let mut slow = registry.connect().await;
    let head = format!(
        "PATCH {location} HTTP/1.1\r\nhost: {}\r\nauthorization: {authorization}\r\n\
         content-length: 10\r\nexpect: 100-continue\r\n\r\n",
        registry.host()
    );
    slow.write_all(head.as_bytes()).await.expect("it reads");
    // It says so once it waits for the body.
    let mut answer = [0; 12];
    slow.read_exact(&mut answer).await.expect("it answers");
    assert_eq!(&answer, b"HTTP/1.1 100");

    let post = registry.post(&format!("/v2/{REPOSITORY}/blobs/uploads/?digest={digest}"));
    let refused = post.body("x").await;
    let refused = refused.assert_error(429, "TOOMANYREQUESTS");
    assert!(refused.header("retry-after").parse::<u64>().is_ok());
    // What transfers no blob goes on.
    registry.get("/v2/").await.assert_status(200);

    slow.write_all(b"\r\n0123456789").await.ok();
}

/// code-14: After too many wrong passwords the answer is 429 with Retry-After, on `/v2/` and for tokens alike.
#[tokio::test]
async fn guessing_passwords_is_slowed_down() {
    let settings = TestRegistry::builder().setting("LIMITS__FAILED_LOGINS_PER_NAME", 2);
    let registry = settings.start().await;
    registry.create_user("alice");
    let guesser = registry.as_user("alice", "a guess");

    for _ in 0..2 {
        let wrong = guesser.get("/v2/").await;
        wrong.assert_error(401, "UNAUTHORIZED");
    }
    for target in ["/v2/", "/service/token?service=roadstead"] {
        let refused = guesser.get(target).await;
        let refused = refused.assert_error(429, "TOOMANYREQUESTS");
        let wait: u64 = refused.header("retry-after").parse().expect("seconds");
        assert!((1..=300).contains(&wait));
    }
    registry.get("/v2/").await.assert_status(200);
}
