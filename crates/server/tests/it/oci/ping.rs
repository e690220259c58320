//! end-1: is this a registry, and where does one log in?

use crate::registry::TestRegistry;

/// end-1: A caller with valid credentials learns that this is a registry.
#[tokio::test]
async fn a_signed_in_client_is_told_that_this_is_a_registry() {
    let registry = TestRegistry::start().await;

    let answer = registry.get("/v2/").await.assert_status(200);
    assert_eq!(
        answer.header("docker-distribution-api-version"),
        "registry/2.0"
    );

    registry.head("/v2/").await.assert_status(200);
    registry.get("/v2").await.assert_status(200);
}

/// end-1: Without credentials the answer is 401 and says where tokens are given, also when something can be pulled anonymously.
#[tokio::test]
async fn a_stranger_is_told_where_to_log_in_even_when_public_images_exist() {
    let registry = TestRegistry::start().await;
    registry.admin(&["namespace", "set-public", "library"]);
    registry.push_image("library/app", "1.0").await;

    let realm = format!("{}/service/token", registry.origin());
    registry
        .anonymous()
        .get("/v2/")
        .await
        .assert_error(401, "UNAUTHORIZED")
        .assert_header(
            "www-authenticate",
            &format!("Bearer realm=\"{realm}\",service=\"roadstead\""),
        )
        .assert_header("docker-distribution-api-version", "registry/2.0");
}

/// end-1: A token is as good as a password, an anonymous one included.
#[tokio::test]
async fn a_client_with_a_token_has_logged_in() {
    let registry = TestRegistry::start().await;

    let admin = registry.with_token(&[]).await;
    admin.get("/v2/").await.assert_status(200);

    let nobody = registry.anonymous().with_token(&[]).await;
    nobody.get("/v2/").await.assert_status(200);
}

/// end-1: Wrong credentials are never taken for none.
#[tokio::test]
async fn a_wrong_password_is_refused_with_a_challenge() {
    let registry = TestRegistry::start().await;

    let mistaken = registry.as_user("admin", "not the password");
    let answer = mistaken.get("/v2/").await.assert_error(401, "UNAUTHORIZED");
    assert!(answer.header("www-authenticate").starts_with("Bearer "));
}
