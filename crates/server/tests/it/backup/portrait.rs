//! Everything that a caller can see of a registry, to be compared.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::registry::client::Client;
use crate::registry::content::sha256;

/// What is answered to each question, by its digest.
pub(super) type Portrait = BTreeMap<String, String>;

/// Asks for every repository, tag, manifest, blob and list of referrers; hashes every byte.
pub(super) async fn portrait(client: &Client) -> Portrait {
    let mut seen = Portrait::new();
    let catalog = ask(client, "/v2/_catalog?n=1000".to_owned(), &mut seen).await;
    let repositories = catalog["repositories"].as_array().expect("a list").clone();
    assert!(!repositories.is_empty());
    for repository in repositories {
        let repository = repository.as_str().expect("a name");
        let tags = ask(
            client,
            format!("/v2/{repository}/tags/list?n=1000"),
            &mut seen,
        )
        .await;
        let mut due: Vec<String> = tags["tags"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|tag| tag.as_str().expect("a tag").to_owned())
            .collect();
        while let Some(reference) = due.pop() {
            let path = format!("/v2/{repository}/manifests/{reference}");
            if seen.contains_key(&path) {
                continue;
            }
            let manifest = ask(client, path.clone(), &mut seen).await;
            let digest = seen[&path].clone();
            assert!(
                !reference.contains(':') || reference == digest,
                "{reference}"
            );
            let path = format!("/v2/{repository}/referrers/{digest}");
            let referrers = ask(client, path, &mut seen).await;
            for list in [&manifest["manifests"], &referrers["manifests"]] {
                let children = list.as_array().into_iter().flatten();
                due.extend(children.map(|child| text(&child["digest"])));
            }
            let layers = manifest["layers"].as_array().into_iter().flatten();
            for blob in layers.chain(manifest.get("config")) {
                let digest = text(&blob["digest"]);
                let path = format!("/v2/{repository}/blobs/{digest}");
                let answer = client.get(&path).await.assert_status(200);
                assert_eq!(sha256(answer.bytes()), digest, "{path}");
                seen.insert(path, digest);
            }
        }
    }
    seen
}

async fn ask(client: &Client, path: String, seen: &mut Portrait) -> Value {
    let answer = client
        .get(&path)
        .header("accept", "*/*")
        .await
        .assert_status(200);
    let media_type = answer.header("content-type").to_owned();
    seen.insert(format!("{path} as {media_type}"), String::new());
    let document = answer.json();
    seen.insert(path, sha256(answer.bytes()));
    document
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
