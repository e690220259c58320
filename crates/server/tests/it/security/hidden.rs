//! Ways around the front door: other spellings of a path, other media types, caches, browsers.

use std::collections::BTreeSet;

use super::{admin_header, raw_status, request};
use crate::registry::TestRegistry;
use crate::registry::client::Answer;
use crate::registry::content::{DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST};

/// T11: no shared cache may keep an answer that depends on who asks.
#[tokio::test]
async fn t11_no_shared_cache_keeps_private_content() {
    let registry = TestRegistry::start().await;
    let digest = registry.push_image("library/app", "v1").await;
    let blob = registry.push_blob("library/app", "bytes").await;
    for path in [
        "/v2/library/app/manifests/v1".to_owned(),
        format!("/v2/library/app/manifests/{digest}"),
        format!("/v2/library/app/blobs/{blob}"),
        "/v2/library/app/tags/list".to_owned(),
        format!("/v2/library/app/referrers/{digest}"),
        "/v2/_catalog".to_owned(),
        "/service/token?scope=repository:library/app:pull".to_owned(),
    ] {
        let answer = registry.get(&path).await.assert_status(200);
        let directives: BTreeSet<&str> = answer
            .find_header("cache-control")
            .unwrap_or_default()
            .split(", ")
            .collect();
        assert!(
            directives.contains("private") || directives.contains("no-store"),
            "{path}: {directives:?}"
        );
    }
}

/// T28: nothing is done for a browser: no cookie, no foreign origin, no preflight.
#[tokio::test]
async fn t28_no_foreign_page_is_let_in() {
    let registry = TestRegistry::start().await;
    registry.push_image("library/app", "v1").await;
    for path in [
        "/v2/",
        "/v2/library/app/manifests/v1",
        "/service/token",
        "/livez",
    ] {
        let answer = registry
            .get(path)
            .header("origin", "https://evil.example")
            .await;
        assert_no_browser_headers(&answer, path);
        let preflight = registry
            .request(http::Method::OPTIONS, path)
            .header("origin", "https://evil.example")
            .header("access-control-request-method", "DELETE")
            .header("access-control-request-headers", "authorization")
            .await;
        assert!(preflight.status() >= 400, "{path}: {}", preflight.status());
        assert_no_browser_headers(&preflight, path);
    }
    // What a browser sends by itself is no login.
    let with_cookie = registry.anonymous().get("/v2/");
    with_cookie
        .header("cookie", "session=admin; Authorization=Basic")
        .await
        .assert_error(401, "UNAUTHORIZED");
}

fn assert_no_browser_headers(answer: &Answer, path: &str) {
    for (name, _) in answer.headers() {
        let name = name.as_str();
        assert!(
            !name.starts_with("access-control-") && name != "set-cookie",
            "{path}: {name}"
        );
    }
}

/// T30: every other spelling of a path is no path, or asks for the same login.
#[tokio::test]
async fn t30_no_spelling_of_a_path_goes_around_the_login() {
    let registry = TestRegistry::start().await;
    registry.push_image("library/secret-app", "v1").await;
    for path in [
        "/v2/_catalog",
        "/v2//_catalog",
        "//v2/_catalog",
        "/V2/_catalog",
        "/v2/_CATALOG",
        "/v2/%5fcatalog",
        "/v2/%5Fcatalog",
        "/v2/_catalog/",
        "/v2/_catalog;x",
        "/v2/_catalog%00",
        "/v2/_catalog%2f",
        "/v2/_catalog?n=1;x=y",
        "/v2/./_catalog",
        "/v2/../v2/_catalog",
        "/v2/library/../_catalog",
        "/v2/library/secret-app/tags/list/",
        "/v2/library/secret-app/tags//list",
        "/v2/library//secret-app/tags/list",
        "/v2/library%2fsecret-app/tags/list",
        "/v2/library/secret-app/manifests/v1/",
        "/v2/library/secret-app/manifests/%76%31",
        "/v2/library/secret-app/manifests/v1%00",
        "/v2/library/secret-app/manifests/v1;x",
        "/v2/library/secret-app/./manifests/v1",
        "/v2/livez/../library/secret-app/manifests/v1",
        "/livez/../v2/_catalog",
        "/service/token/../../v2/_catalog",
        "http://registry.test/v2/_catalog",
        "http://registry.test/v2/library/secret-app/manifests/v1",
    ] {
        // Sent as it stands: HTTP clients would tidy it up.
        let answer = registry.raw(request(&format!("GET {path}"), "", "")).await;
        let (status, text) = raw_status(&answer);
        assert!((400..500).contains(&status), "{path}: {status}");
        assert!(!text.contains("schemaVersion"), "{path}: {text}");
        assert!(!text.contains("\"repositories\""), "{path}: {text}");
        // Who logged in gets nothing by another spelling either, or the very same.
        let known = registry
            .raw(request(&format!("GET {path}"), &admin_header(), ""))
            .await;
        let (status, text) = raw_status(&known);
        assert!(status < 500, "{path}: {text}");
    }
}

/// T31: nobody pulls from a private namespace without a login: by any media type, method, part or way to ask.
#[tokio::test]
async fn t31_nothing_private_is_pulled_anonymously() {
    let registry = TestRegistry::start().await;
    let digest = registry.push_image("library/app", "v1").await;
    let index = registry.push_index("library/app", "list", &[&digest]).await;
    let blob = registry.push_blob("library/app", "bytes").await;
    let anonymous = registry.anonymous();
    let token = anonymous.with_token(&["repository:library/app:pull"]).await;
    for caller in [&anonymous, &token] {
        for path in [
            "manifests/v1".to_owned(),
            "manifests/list".to_owned(),
            format!("manifests/{digest}"),
            format!("manifests/{index}"),
            "manifests/v1?ns=docker.io".to_owned(),
            format!("blobs/{blob}"),
            format!("blobs/{blob}?ns=docker.io"),
            "tags/list".to_owned(),
            "tags/list?n=1".to_owned(),
            format!("referrers/{digest}"),
            format!("referrers/{digest}?artifactType=a"),
        ] {
            let path = format!("/v2/library/app/{path}");
            for accept in [
                OCI_MANIFEST,
                OCI_INDEX,
                DOCKER_MANIFEST,
                DOCKER_LIST,
                "*/*",
                "text/html",
            ] {
                let get = caller.get(&path).header("accept", accept);
                get.await.assert_error(401, "UNAUTHORIZED");
                let head = caller.head(&path).header("accept", accept);
                assert!(head.await.assert_status(401).bytes().is_empty());
            }
            for (name, value) in [
                ("range", "bytes=0-0".to_owned()),
                ("if-none-match", format!("\"{digest}\"")),
                ("if-none-match", "*".to_owned()),
                ("x-original-url", "/livez".to_owned()),
                ("x-http-method-override", "GET".to_owned()),
                ("x-forwarded-user", "admin".to_owned()),
                ("x-forwarded-for", "127.0.0.1".to_owned()),
            ] {
                let get = caller.get(&path).header(name, value);
                get.await.assert_error(401, "UNAUTHORIZED");
            }
        }
    }
    // Opened, it is pulled; closed again, it is not, at once.
    registry.admin(&["namespace", "set-public", "library"]);
    anonymous
        .get("/v2/library/app/manifests/v1")
        .await
        .assert_status(200);
    registry.admin(&["namespace", "set-private", "library"]);
    anonymous
        .get("/v2/library/app/manifests/v1")
        .await
        .assert_error(401, "UNAUTHORIZED");
}
