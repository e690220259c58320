//! Names, digests, numbers and markers that mean something elsewhere: to a file system, a database, an allocator.

use super::{NOWHERE, admin_header, escaped, lone_manifest, post_form, raw_status, request};
use crate::registry::TestRegistry;
use crate::registry::client::Client;
use crate::registry::content::{OCI_INDEX, sha256, sha512};

/// Names that are paths, hide in one, or are read in two ways.
const PATHS: [&str; 28] = [
    "library/../app",
    "library/..",
    "../library/app",
    "library/./app",
    "library/.app",
    "library/app.",
    "library/%2e%2e/app",
    "library%2fapp",
    "library/%252e%252e/app",
    "library\\app",
    "library/app%00",
    "library//app",
    "library/app/",
    "/library/app",
    "library/_app",
    "_library/app",
    "library/app_",
    "library/a___b",
    "library/a..b",
    "library/App",
    "library/аpp",
    "library/app+x",
    "library/app:v1",
    "library/app@sha256",
    "library/a b",
    "library/app%20",
    "library/app*",
    "library/'--",
];

/// Those, and others that are too long to be written down.
fn names_that_lead_elsewhere() -> Vec<String> {
    let mut names: Vec<String> = PATHS.iter().map(|name| (*name).to_owned()).collect();
    names.extend([
        format!("library/{}", "a".repeat(300)),
        format!("library/{}", "a/".repeat(10_000)),
        "a/".repeat(10_000),
        format!("{}app", "../".repeat(50)),
    ]);
    names
}

/// T32: a repository's name is not a path: whatever would leave it, hide in it or be read two ways is refused, and no
/// file or repository comes of it.
#[tokio::test]
async fn t32_names_do_not_lead_elsewhere() {
    let registry = TestRegistry::start().await;
    registry.push_image("library/app", "v1").await;
    let digest = registry.push_blob("library/app", "bytes").await;
    let names = names_that_lead_elsewhere();
    for name in &names {
        for (method, rest) in [
            ("GET", "/manifests/v1".to_owned()),
            ("GET", format!("/blobs/{digest}")),
            ("GET", "/tags/list".to_owned()),
            ("PUT", "/manifests/v1".to_owned()),
            ("POST", "/blobs/uploads/".to_owned()),
            ("DELETE", "/manifests/v1".to_owned()),
        ] {
            let headers = format!("{}Content-Length: 0\r\n", admin_header());
            let start = format!("{method} /v2/{name}{rest}");
            let answer = registry.raw(request(&start, &headers, "")).await;
            let (status, text) = raw_status(&answer);
            let shown: String = start.chars().take(80).collect();
            assert!(
                matches!(status, 400 | 404 | 414 | 431),
                "{shown}: {status} {text}"
            );
            assert!(!text.contains("schemaVersion"), "{shown}");
        }
    }
    let list = registry.get("/v2/_catalog").await.json();
    assert_eq!(list["repositories"], serde_json::json!(["library/app"]));
    // As `from` and in a scope, where they come decoded.
    for name in PATHS {
        let encoded = escaped(name);
        let path = format!("/v2/library/other/blobs/uploads/?mount={digest}&from={encoded}");
        registry.post(&path).await.assert_error(400, "NAME_INVALID");
        let path = format!("/service/token?scope=repository:{encoded}:pull,push");
        assert_eq!(
            registry.get(&path).await.assert_status(200).json()["scope"],
            "",
            "{name}"
        );
    }
}

/// T32: names that hold the words of the protocol are names: the last word decides, for storing as for reading.
#[tokio::test]
async fn t32_the_words_of_the_protocol_may_stand_in_names() {
    let registry = TestRegistry::start().await;
    let names = [
        "library/blobs/uploads",
        "library/manifests",
        "library/manifests/v1",
        "library/tags/list",
        "library/referrers",
        "manifests/manifests/manifests",
        "library/v2/library/app",
    ];
    for name in names {
        let digest = registry
            .push_manifest(name, "manifests", &lone_manifest(name))
            .await;
        let path = format!("/v2/{name}/manifests/manifests");
        registry
            .get(&path)
            .await
            .assert_header("docker-content-digest", &digest);
        let tags = registry.get(&format!("/v2/{name}/tags/list")).await.json();
        assert_eq!(
            tags,
            serde_json::json!({ "name": name, "tags": ["manifests"] })
        );
    }
    let list = registry.get("/v2/_catalog").await.json();
    assert_eq!(
        list["repositories"].as_array().map(Vec::len),
        Some(names.len())
    );
}

/// T33: a digest has one spelling and an algorithm we know; the same bytes under two algorithms are two blobs.
#[tokio::test]
async fn t33_digests_have_one_spelling() {
    let registry = TestRegistry::start().await;
    let (hex, bytes) = (&sha256("bytes")[7..], "bytes");
    registry.push_blob("library/app", bytes).await;
    let of_512 = sha512(bytes);
    for digest in [
        format!("sha256:{}", hex.to_uppercase()),
        format!("SHA256:{hex}"),
        format!("sha256:{}", &hex[1..]),
        format!("sha256:{hex}0"),
        format!("sha256:{}/..", &hex[3..]),
        "sha256:../../../../etc/passwd".to_owned(),
        format!("sha1:{}", &hex[..40]),
        format!("md5:{}", &hex[..32]),
        format!("sha512:{hex}"),
        format!("sha256:{}", &of_512[7..]),
        "sha256+b64u:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU".to_owned(),
        format!("sha256:sha256:{hex}"),
        format!("sha256:{hex}:"),
        format!(":{hex}"),
        format!("sha256{hex}"),
        format!("sha256:{}é", &hex[2..]),
        "sha256:".to_owned(),
        format!("sha256:{}g", &hex[1..]),
        format!("sha256: {}", &hex[1..]),
    ] {
        let encoded = escaped(&digest);
        for (method, target) in [
            ("GET", format!("/v2/library/app/blobs/{digest}")),
            ("DELETE", format!("/v2/library/app/blobs/{digest}")),
            ("GET", format!("/v2/library/app/referrers/{digest}")),
            ("GET", format!("/v2/library/app/manifests/{digest}")),
            (
                "POST",
                format!("/v2/library/app/blobs/uploads/?digest={encoded}"),
            ),
            (
                "POST",
                format!("/v2/library/app/blobs/uploads/?mount={encoded}"),
            ),
        ] {
            let headers = format!("{}Content-Length: 0\r\n", admin_header());
            let answer = registry
                .raw(request(&format!("{method} {target}"), &headers, ""))
                .await;
            let (status, text) = raw_status(&answer);
            assert!(matches!(status, 400 | 404), "{method} {target}: {text}");
            assert!(
                status == 400 || !text.contains("BLOB_UNKNOWN"),
                "{target}: {text}"
            );
        }
    }
    let path = format!("/v2/library/app/blobs/{of_512}");
    registry.get(&path).await.assert_error(404, "BLOB_UNKNOWN");
    let put = registry.post(&format!("/v2/library/app/blobs/uploads/?digest={of_512}"));
    put.body(bytes).await.assert_status(201);
    registry
        .get(&path)
        .await
        .assert_status(200)
        .assert_body(bytes);
    registry.delete(&path).await.assert_status(202);
    let path = format!("/v2/library/app/blobs/sha256:{hex}");
    registry
        .get(&path)
        .await
        .assert_status(200)
        .assert_body(bytes);
}

/// T37: whatever number and marker a list is asked with, it takes no more memory than the list has.
#[tokio::test]
async fn t37_numbers_and_markers_of_lists_are_only_that() {
    let registry = TestRegistry::start().await;
    let digest = registry.push_image("library/app", "v1").await;
    for tag in ["v2", "v3"] {
        registry.push_image("library/app", tag).await;
    }
    let before = registry.anonymous_memory();
    let lists = [
        "/v2/_catalog".to_owned(),
        "/v2/library/app/tags/list".to_owned(),
        format!("/v2/library/app/referrers/{digest}"),
    ];
    for list in &lists {
        for n in [
            "-1", "+1", "1.5", "", " 1", "1e9", "0x10", "٣", "NaN", "1;2", "%00",
        ] {
            let answer = registry.get(&format!("{list}?n={n}")).await;
            answer.assert_error(400, "PAGINATION_NUMBER_INVALID");
        }
        for n in [
            "2147483648",
            "4294967296",
            "9223372036854775808",
            "18446744073709551616",
        ] {
            let all = registry
                .get(&format!("{list}?n={n}"))
                .await
                .assert_status(200);
            assert_eq!(all.next_page(), None);
            registry
                .get(&format!("{list}?n={}", n.repeat(50)))
                .await
                .assert_status(200);
        }
        registry
            .get(&format!("{list}?n=0"))
            .await
            .assert_status(200);
        // Of two, the first counts.
        registry
            .get(&format!("{list}?n=1&n=bad"))
            .await
            .assert_status(200);
        for last in [
            "none".to_owned(),
            "' OR '1'='1".to_owned(),
            "%25%5f".to_owned(),
            "%00".to_owned(),
            "%ff%fe".to_owned(),
            "z".repeat(20_000),
        ] {
            registry
                .get(&format!("{list}?last={last}"))
                .await
                .assert_status(200);
        }
        let huge = format!("GET {list}?last={}", "z".repeat(100_000));
        let answer = registry.raw(request(&huge, &admin_header(), "")).await;
        assert!(answer.is_empty() || matches!(raw_status(&answer).0, 414 | 431));
    }
    let tags = registry.get("/v2/library/app/tags/list?n=1&last=v1").await;
    assert_eq!(tags.json()["tags"], serde_json::json!(["v2"]));
    let grown = registry.anonymous_memory().saturating_sub(before);
    assert!(grown < 16 * 1024 * 1024, "{grown} bytes more");
}

/// T39: the tags of one push are set all or not at all.
#[tokio::test]
async fn t39_tags_of_one_push_are_set_together() {
    let registry = TestRegistry::start().await;
    let manifest = lone_manifest("t39").to_string();
    let digest = sha256(&manifest);
    let push = async |query: &str| {
        let put = registry.put(&format!("/v2/library/app/manifests/{digest}?{query}"));
        put.content_type(OCI_INDEX).body(manifest.clone()).await
    };
    let thousand: Vec<String> = (0..1000).map(|number| format!("tag=t{number}")).collect();
    push(&thousand.join("&")).await.assert_status(414);
    for bad in [
        "",
        "-x",
        "a/b",
        "a%0d%0ab",
        "%00",
        "ä",
        "a%20b",
        &"a".repeat(129),
        "..",
        "v1'--",
    ] {
        push(&format!("tag=good1&tag={bad}&tag=good2"))
            .await
            .assert_error(400, "MANIFEST_INVALID");
    }
    let path = format!("/v2/library/app/manifests/{digest}");
    registry.get(&path).await.assert_status(404);
    registry
        .get("/v2/library/app/tags/list")
        .await
        .assert_error(404, "NAME_UNKNOWN");
    // Fifty may be; the same one twice is one.
    let fifty = format!("{}&tag=t1&tag=t1", thousand[..50].join("&"));
    let pushed = push(&fifty).await.assert_status(201);
    assert_eq!(pushed.headers().get_all("oci-tag").iter().count(), 50);
    let tags = registry.get("/v2/library/app/tags/list").await.json();
    assert_eq!(tags["tags"].as_array().map(Vec::len), Some(50));
}

/// What would be something else if it were pasted into a query.
const SQL: [&str; 13] = [
    "' OR 1=1 --",
    "' OR '1'='1",
    "'; DROP TABLE manifests; --",
    "\" OR \"\"=\"",
    "1; ATTACH DATABASE '/tmp/x' AS x",
    "') UNION SELECT password_hash FROM users --",
    "%' ESCAPE '",
    "_",
    "%",
    "?1",
    ":name",
    "\\",
    "1 AND sleep(10)",
];

/// A text in the path, or where a digest or a name is wanted, is no such thing.
async fn expect_no_such_place(registry: &TestRegistry, caller: &Client, encoded: &str) {
    for (method, path, statuses) in [
        (
            "GET",
            format!("/v2/library/app/manifests/{encoded}"),
            [400, 404],
        ),
        ("GET", format!("/v2/{encoded}/app/manifests/v1"), [400, 404]),
        (
            "GET",
            format!("/v2/library/app/blobs/{encoded}"),
            [400, 404],
        ),
        (
            "GET",
            format!("/v2/library/app/blobs/uploads/{encoded}"),
            [400, 404],
        ),
        (
            "POST",
            format!("/v2/library/app/blobs/uploads/?mount={encoded}"),
            [400, 403],
        ),
        (
            "POST",
            format!("/v2/library/app/blobs/uploads/?mount={NOWHERE}&from={encoded}"),
            [400, 403],
        ),
        (
            "POST",
            format!("/v2/library/app/blobs/uploads/?digest={encoded}"),
            [400, 403],
        ),
        (
            "POST",
            format!("/v2/library/app/blobs/uploads/?digest-algorithm={encoded}"),
            [400, 403],
        ),
    ] {
        let headers = format!("{}Content-Length: 0\r\n", authorization(caller));
        let answer = registry
            .raw(request(&format!("{method} {path}"), &headers, ""))
            .await;
        let (status, text) = raw_status(&answer);
        assert!(statuses.contains(&status), "{method} {path}: {text}");
    }
}

/// T69: SQL is text wherever a text may stand: it finds nothing, changes nothing and breaks nothing.
#[tokio::test]
async fn t69_sql_in_any_text_is_text() {
    let registry = TestRegistry::builder()
        .setting("LIMITS__FAILED_LOGINS_PER_NAME", 100_000)
        .setting("LIMITS__FAILED_LOGINS_PER_ADDRESS", 100_000)
        .start()
        .await;
    let digest = registry.push_image("library/app", "v1").await;
    registry.admin(&["namespace", "create", "hidden"]);
    registry.push_image("hidden/app", "v1").await;
    let guest = registry.create_member("library", "guest", "guest");
    guest.get("/v2/").await.assert_status(200);
    let before = registry.rows_per_table();
    for sql in SQL {
        let encoded = escaped(sql);
        let (last, filter) = (format!("last={encoded}"), format!("artifactType={encoded}"));
        for path in [
            format!("/v2/_catalog?{last}"),
            format!("/v2/library/app/tags/list?{last}"),
            format!("/v2/library/app/referrers/{digest}?{last}&{filter}"),
        ] {
            let answer = guest.get(&path).await.assert_status(200);
            assert!(
                !answer.text().contains("hidden") && !answer.text().contains("argon2"),
                "{path}"
            );
        }
        let filtered = guest
            .get(&format!("/v2/library/app/referrers/{digest}?{filter}"))
            .await;
        assert_eq!(filtered.json()["manifests"], serde_json::json!([]));
        expect_no_such_place(&registry, &guest, &encoded).await;
        for (name, secret) in [(sql, "x"), ("guest", sql), ("guest", &format!("rst_{sql}"))] {
            registry
                .as_user(name, secret)
                .get("/v2/")
                .await
                .assert_status(401);
        }
        let form = format!("grant_type=refresh_token&refresh_token={encoded}");
        post_form(&registry, &form).await.assert_status(401);
        let scope = guest.get(&format!(
            "/service/token?scope=repository:{encoded}:pull&service={encoded}"
        ));
        assert_eq!(scope.await.assert_status(200).json()["scope"], "");
        let host = format!("{}X-Forwarded-Host: {sql}\r\n", authorization(&guest));
        let answer = registry.raw(request("GET /v2/", &host, "")).await;
        assert_eq!(raw_status(&answer).0, 200);
    }
    assert_eq!(registry.rows_per_table(), before);
}

fn authorization(client: &Client) -> String {
    let value = client.credentials().header().expect("credentials");
    format!("Authorization: {value}\r\n")
}
