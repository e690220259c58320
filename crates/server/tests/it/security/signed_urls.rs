//! URLs with which clients fetch a blob from the store itself.

use engines::SeaweedFs;
use http::Method;

use crate::registry::TestRegistry;
use crate::registry::backends::{Backends, store_settings};
use crate::registry::client::Answer;

const BYTES: &str = "what only those may read who may pull";

/// A registry that sends its clients to the store; it has a name, for nobody is sent to an address.
async fn registry() -> TestRegistry {
    let settings = tokio::task::spawn_blocking(|| store_settings(SeaweedFs::shared(), "signed"));
    let mut setup = TestRegistry::builder().on(Backends::EMBEDDED);
    for (name, value) in settings.await.expect("the store runs") {
        setup = setup.setting(&name, value.replace("127.0.0.1", "localhost"));
    }
    let setup = setup
        .setting("S3__REDIRECTS", true)
        .setting("S3__REDIRECT_VALID_SECS", 10)
        .setting("LOG__REQUESTS", "all");
    setup.start().await
}

/// T65: whoever may pull is sent to the store with a URL that is for this object, for reading and for seconds; changed in
/// any part it opens nothing, it stands in no log, and those who may not pull get none.
#[tokio::test]
async fn t65_a_signed_url_is_for_one_object_for_reading_and_for_seconds() {
    let registry = registry().await;
    registry.push_image("library/app", "v1").await;
    let digest = registry.push_blob("library/app", BYTES).await;
    let other = registry.push_blob("library/app", "another").await;
    let sent = async |digest: &str| -> Answer {
        let path = format!("/v2/library/app/blobs/{digest}");
        registry.get(&path).await.assert_status(307)
    };
    let answer = sent(&digest).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.text().contains("X-Amz"), "{}", answer.text());
    let url = answer.location();
    let there = url.split('?').next().expect("a path").to_owned();
    let other_url = sent(&other).await.location();
    let other_there = other_url.split('?').next().expect("a path");
    let field = |name: &str| {
        let mut fields = url.split(['?', '&']);
        let found = fields.find_map(|field| field.strip_prefix(&format!("{name}=")));
        found
            .unwrap_or_else(|| panic!("{name} in {url}"))
            .to_owned()
    };
    let signature = field("X-Amz-Signature");
    assert_eq!(field("X-Amz-Expires"), "10");

    let anybody = registry.anonymous();
    let ask = |method: Method, url: &str| anybody.request(method, url);
    let read = ask(Method::GET, &url).await.assert_status(200);
    read.assert_body(BYTES.as_bytes());
    for (what, method, url) in [
        ("written", Method::PUT, url.clone()),
        ("deleted", Method::DELETE, url.clone()),
        (
            "another object",
            Method::GET,
            url.replace(&there, other_there),
        ),
        (
            "another time",
            Method::GET,
            url.replace("X-Amz-Expires=10", "X-Amz-Expires=1000"),
        ),
        (
            "moved between fields",
            Method::GET,
            url.replace("X-Amz-Expires=10", "X-Amz-Expires=1")
                .replace("X-Amz-Date=", "X-Amz-Date=0"),
        ),
        ("no signature", Method::GET, url.replace(&signature, "")),
        ("nothing", Method::GET, there.clone()),
    ] {
        let refused = ask(method, &url).await;
        let status = refused.status();
        assert!((400..500).contains(&status), "{what}: {status}");
        assert!(!refused.text().contains(BYTES), "{what}");
    }
    ask(Method::GET, &url).await.assert_body(BYTES.as_bytes());

    let stranger = registry.create_user("stranger");
    let path = format!("/v2/library/app/blobs/{digest}");
    for (caller, status) in [(&anybody, 401), (&stranger, 404)] {
        let refused = caller.get(&path).await.assert_status(status);
        assert!(refused.find_header("location").is_none());
    }
    let whole = registry.get(&path).header("x-roadstead-no-redirect", "1");
    whole.await.assert_status(200).assert_body(BYTES.as_bytes());
    registry.log_line_with("blobs");
    assert!(!registry.log().contains(&signature));
}
