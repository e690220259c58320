//! Manifests that can be read two ways, never end, or nest without end.

use futures_util::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{admin_header, lone_manifest, raw_status};
use crate::registry::TestRegistry;
use crate::registry::content::{
    OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST, descriptor, index, sha256,
};

/// Documents that one reader may take for something else than another does. `image` is an image with more fields,
/// `bad_size` one whose layer has another size, and an index's entry, a config and a layer are at hand as JSON.
fn ambiguous(
    image: &impl Fn(&str) -> String,
    bad_size: &impl Fn(&str) -> String,
    [entry, config, layer]: [&str; 3],
) -> Vec<(&'static str, String)> {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    vec![
        (OCI_MANIFEST, image(&format!(r#","manifests":[{entry}]"#))),
        (OCI_INDEX, image(&format!(r#","manifests":[{entry}]"#))),
        (OCI_INDEX, image("")),
        (
            OCI_INDEX,
            format!(r#"{{"schemaVersion":2,"layers":[],"manifests":[{entry}]}}"#),
        ),
        (
            OCI_INDEX,
            format!(r#"{{"schemaVersion":2,"config":{config},"manifests":[{entry}]}}"#),
        ),
        (
            OCI_MANIFEST,
            image(&format!(r#","mediaType":"{OCI_MANIFEST}""#)),
        ),
        (
            OCI_MANIFEST,
            image(&format!(r#","mediaType":"{OCI_INDEX}""#)),
        ),
        (OCI_MANIFEST, image(r#","MediaType":"x""#)),
        (OCI_MANIFEST, image(&format!(r#","LAYERS":[{layer}]"#))),
        (OCI_MANIFEST, image(&format!(r#","layers":[{layer}]"#))),
        (OCI_MANIFEST, image(r#","\u006dediaType":"x""#)),
        (OCI_MANIFEST, image(r#","fsLayers":[]"#)),
        (OCI_MANIFEST, format!("\u{feff}{}", image(""))),
        (OCI_MANIFEST, format!("{} x", image(""))),
        (OCI_MANIFEST, format!("{0}{0}", image(""))),
        (OCI_MANIFEST, image(&format!(r#","x":{deep}"#))),
        (OCI_MANIFEST, format!(r#"{{"x":{}"#, "[".repeat(100_000))),
        (OCI_MANIFEST, bad_size("\"5\"")),
        (OCI_MANIFEST, bad_size("-5")),
        (OCI_MANIFEST, bad_size("5.5")),
        (OCI_MANIFEST, bad_size("1e400")),
        (OCI_MANIFEST, bad_size("99999999999999999999")),
        (OCI_MANIFEST, bad_size("null")),
        (OCI_MANIFEST, image(r#","schemaVersion":1"#)),
        (
            OCI_MANIFEST,
            image("").replace("\"schemaVersion\":2", "\"schemaVersion\":1e400"),
        ),
        (OCI_MANIFEST, image(r#","annotations":{"a":1}"#)),
        (OCI_MANIFEST, image(r#","annotations":[]"#)),
        (OCI_MANIFEST, "[]".to_owned()),
        (OCI_MANIFEST, "null".to_owned()),
        (OCI_MANIFEST, "\"text\"".to_owned()),
        (OCI_MANIFEST, String::new()),
        ("application/json", image("")),
        ("text/html", image("")),
    ]
}

/// T34: no bytes are stored that another program could take for another manifest.
#[tokio::test]
async fn t34_what_could_be_read_two_ways_is_refused() {
    let registry = TestRegistry::start().await;
    registry.push_blob("library/app", "{}").await;
    registry.push_blob("library/app", "layer").await;
    let child = registry
        .push_manifest("library/app", "child", &lone_manifest("child"))
        .await;
    let config = descriptor(OCI_CONFIG, "{}").to_string();
    let layer = descriptor(OCI_LAYER, "layer").to_string();
    let entry = json!({ "mediaType": OCI_INDEX, "digest": child, "size": lone_manifest("child").to_string().len() });
    let image = |more: &str| {
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{config},"layers":[{layer}]{more}}}"#
        )
    };
    let push = async |media_type: &str, bytes: Vec<u8>| {
        let put = registry.put("/v2/library/app/manifests/odd");
        put.content_type(media_type).body(bytes).await
    };
    let bad_size = |size: &str| image("").replacen(r#""size":5"#, &format!(r#""size":{size}"#), 1);
    assert_ne!(
        bad_size("1"),
        image(""),
        "the size is where it is looked for"
    );
    let texts = ambiguous(&image, &bad_size, [&entry.to_string(), &config, &layer]);
    for (media_type, text) in texts {
        let start: String = text.chars().take(100).collect();
        let answer = push(media_type, text.into_bytes()).await;
        assert_eq!(answer.status(), 400, "{start}: {}", answer.text());
        answer.assert_error(400, "MANIFEST_INVALID");
    }
    let mut invalid = image(r#","x":"?""#).into_bytes();
    let at = invalid
        .iter()
        .position(|byte| *byte == b'?')
        .expect("it is there");
    invalid[at] = 0xff;
    push(OCI_MANIFEST, invalid)
        .await
        .assert_error(400, "MANIFEST_INVALID");
    // A size that is another than that of the bytes.
    let answer = push(OCI_MANIFEST, bad_size("4").into_bytes()).await;
    assert_eq!(answer.status(), 400, "{}", answer.text());
    registry
        .get("/v2/library/app/manifests/odd")
        .await
        .assert_status(404);
    // And the ordinary one, the control of all these.
    push(OCI_MANIFEST, image("").into_bytes())
        .await
        .assert_status(201);
}

/// An index of exactly that many bytes.
fn manifest_of(length: usize) -> String {
    let mut manifest = lone_manifest("");
    let base = manifest.to_string().len();
    manifest["annotations"]["seed"] = "x".repeat(length - base).into();
    manifest.to_string()
}

/// T35: four MiB are taken, one byte more is refused, announced or not.
#[tokio::test]
async fn t35_a_manifest_has_at_most_four_mib() {
    const LIMIT: usize = 4 * 1024 * 1024;
    let registry = TestRegistry::start().await;
    let largest = manifest_of(LIMIT);
    assert_eq!(largest.len(), LIMIT);
    let put = || {
        registry
            .put("/v2/library/app/manifests/large")
            .content_type(OCI_INDEX)
    };
    put().body(largest.clone()).await.assert_status(201);
    let got = registry.get("/v2/library/app/manifests/large").await;
    got.assert_status(200).assert_body(&largest);
    let larger = manifest_of(LIMIT + 1);
    put()
        .body(larger.clone())
        .await
        .assert_error(413, "SIZE_INVALID");
    let pieces = larger.as_bytes().chunks(64 * 1024);
    let pieces = pieces.map(bytes::Bytes::copy_from_slice).collect();
    put().stream(pieces).await.assert_error(413, "SIZE_INVALID");
    // What is announced is not waited for.
    for announced in ["4194305", "1073741824", "18446744073709551615"] {
        let head = format!(
            "PUT /v2/library/app/manifests/x HTTP/1.1\r\nHost: x\r\n{}Connection: close\r\n\
             Content-Type: {OCI_INDEX}\r\nContent-Length: {announced}\r\n\r\n",
            admin_header()
        );
        let answer = registry.raw(head).await;
        let (status, text) = raw_status(&answer);
        assert!(matches!(status, 400 | 413 | 431), "{announced}: {text}");
    }
}

/// T35: bodies that never end are refused when they are too long, and take no memory beyond that.
#[tokio::test]
async fn t35_endless_manifests_take_bounded_memory() {
    let registry = TestRegistry::start().await;
    registry
        .push_manifest("library/app", "warm", &lone_manifest("warm"))
        .await;
    let before = registry.anonymous_memory();
    let endless = (0..8).map(|_| async {
        let (mut reader, mut writer) = registry.connect().await.into_split();
        let head = format!(
            "PUT /v2/library/app/manifests/endless HTTP/1.1\r\nHost: x\r\n{}\
             Content-Type: {OCI_INDEX}\r\nTransfer-Encoding: chunked\r\n\r\n",
            admin_header()
        );
        let piece = [b"10000\r\n".as_slice(), &vec![b' '; 0x10000], b"\r\n"].concat();
        let sending = async {
            writer.write_all(head.as_bytes()).await.expect("it listens");
            let mut sent = 0_usize;
            // Until the connection is closed: it must be, long before this.
            while writer.write_all(&piece).await.is_ok() {
                sent += piece.len();
                assert!(sent < 512 * 1024 * 1024, "it takes everything");
            }
        };
        let reading = async {
            let mut answer = vec![0; 4096];
            let length = reader.read(&mut answer).await.expect("an answer");
            answer.truncate(length);
            answer
        };
        let (answer, ()) = tokio::join!(reading, sending);
        assert_eq!(raw_status(&answer).0, 413);
    });
    join_all(endless).await;
    let grown = registry.anonymous_memory().saturating_sub(before);
    // Eight times the limit twice over: what is gathered, and what grew to hold it.
    assert!(grown < 96 * 1024 * 1024, "{grown} bytes more");
    registry
        .get("/v2/library/app/manifests/endless")
        .await
        .assert_status(404);
}

/// T36: indexes of indexes of indexes, each naming the one before twice, are read and deleted one at a time.
#[tokio::test]
async fn t36_nested_indexes_cost_no_more_than_their_number() {
    const DEPTH: usize = 300;
    let registry = TestRegistry::start().await;
    let mut manifest = lone_manifest("bottom");
    let mut digests = vec![
        registry
            .push_manifest("library/deep", "bottom", &manifest)
            .await,
    ];
    for level in 0..DEPTH {
        let text = manifest.to_string();
        let entry = json!({ "mediaType": OCI_INDEX, "digest": sha256(&text), "size": text.len() });
        manifest = index(&[entry.clone(), entry]);
        manifest["annotations"] = json!({ "level": level.to_string() });
        digests.push(
            registry
                .push_manifest("library/deep", "top", &manifest)
                .await,
        );
    }
    let top = digests.last().expect("many").clone();
    registry
        .get("/v2/library/deep/manifests/top")
        .await
        .assert_header("docker-content-digest", &top);
    // From the bottom: parents are not in the way, and nothing else goes.
    registry
        .delete(&format!("/v2/library/deep/manifests/{}", digests[0]))
        .await
        .assert_status(202);
    registry
        .get(&format!("/v2/library/deep/manifests/{}", digests[1]))
        .await
        .assert_status(200);
    registry
        .delete(&format!("/v2/library/deep/manifests/{top}"))
        .await
        .assert_status(202);
    let below = &digests[DEPTH - 1];
    registry
        .get(&format!("/v2/library/deep/manifests/{below}"))
        .await
        .assert_status(200);
    // A chain of subjects goes with its first, all of it.
    let mut subject = registry
        .push_manifest("library/chain", "first", &lone_manifest("first"))
        .await;
    let first = subject.clone();
    for level in 0..DEPTH {
        let mut about = lone_manifest(&format!("about {level}"));
        about["subject"] = json!({ "mediaType": OCI_INDEX, "digest": subject, "size": 2 });
        subject = sha256(about.to_string());
        registry
            .push_manifest("library/chain", &subject, &about)
            .await;
    }
    registry
        .delete(&format!("/v2/library/chain/manifests/{first}"))
        .await
        .assert_status(202);
    registry
        .get(&format!("/v2/library/chain/manifests/{subject}"))
        .await
        .assert_status(404);
}

/// T36: an index names at most ten thousand manifests, and what it names must be there unless the settings say otherwise.
#[tokio::test]
async fn t36_a_wide_index_is_bounded() {
    let registry = TestRegistry::builder()
        .setting("REGISTRY__ALLOW_SPARSE_INDEXES", true)
        .start()
        .await;
    let entries = |count: usize| -> Vec<serde_json::Value> {
        (0..count)
            .map(|number| {
                json!({ "mediaType": OCI_MANIFEST, "digest": sha256(number.to_string()), "size": 100 })
            })
            .collect()
    };
    let digest = registry
        .push_manifest("library/wide", "wide", &index(&entries(10_000)))
        .await;
    let put = registry
        .put("/v2/library/wide/manifests/wider")
        .content_type(OCI_INDEX);
    put.body(index(&entries(10_001)).to_string())
        .await
        .assert_error(400, "MANIFEST_INVALID");
    registry
        .delete(&format!("/v2/library/wide/manifests/{digest}"))
        .await
        .assert_status(202);
    let strict = TestRegistry::start().await;
    let put = strict
        .put("/v2/library/wide/manifests/sparse")
        .content_type(OCI_INDEX);
    put.body(index(&entries(1)).to_string())
        .await
        .assert_error(400, "MANIFEST_BLOB_UNKNOWN");
}
