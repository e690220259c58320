//! A push as clients do it.

use anyhow::Context as _;

use super::client::Client;
use super::shape::{Blob, IMAGE, new_image};

/// Pushes an image of a config and a layer that no other label has, and tags it with its label. Says how many bytes its blobs
/// are.
pub(super) fn push(client: &mut Client, name: &str, label: &str) -> anyhow::Result<u64> {
    let config = Blob::of(format!(r#"{{"pushed":"{label}"}}"#));
    let layer = Blob::of(format!("layer of {label}\n"));
    let bytes = config.size() + layer.size();
    for blob in [&config, &layer] {
        let begun = client.send("POST", &format!("/v2/{name}/blobs/uploads/"), "", b"")?;
        let location = begun.expect(202, "begin an upload")?.location;
        let location = location.context("an upload has no location")?;
        let path = location
            .split_once("://")
            .and_then(|(_, rest)| Some(&rest[rest.find('/')?..]))
            .unwrap_or(&location);
        let sign = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{sign}digest={}", blob.digest);
        let octets = "application/octet-stream";
        let ended = client.send("PUT", &path, octets, blob.label.as_bytes())?;
        ended.expect(201, "end an upload")?;
    }
    let manifest = new_image(name, config, layer);
    let path = format!("/v2/{name}/manifests/{label}");
    let pushed = client.send("PUT", &path, IMAGE, manifest.content.as_bytes())?;
    pushed.expect(201, "push a manifest")?;
    Ok(bytes)
}
