//! Images: what a list of them shows, one in full, and how they go.

use super::{Call, IbmError, reply};
use crate::body::Body;
use http::{Response, StatusCode};
use oci::media_type::{DOCKER_MANIFEST, DOCKER_MANIFEST_LIST, OCI_IMAGE_INDEX, OCI_IMAGE_MANIFEST};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use services::{ImageFilter, ImageView, Inspection, Tagged};
use std::collections::BTreeMap;

/// Images that one request deletes.
const MAX_DELETED: usize = 1000;
/// Namespaces or repositories that one request names.
const MAX_NAMED: usize = 1000;

/// The body of `ListImageDigests`. There are no images but the account's, and no scan results to leave out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DigestsWanted {
    #[serde(default)]
    exclude_tagged: bool,
    #[serde(default, rename = "exclude_va")]
    _exclude_va: bool,
    #[serde(default, rename = "include_ibm")]
    _include_ibm: bool,
    #[serde(default)]
    repositories: Vec<String>,
}

/// `ListImages`: images with tags; indexes only when they are asked for.
pub(super) async fn list(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    let shows_indexes = call.flag("includeManifestLists")?.unwrap_or(false);
    let shows_own = call.flag("includePrivate")?.unwrap_or(true);
    // There are no images but the account's, and no scanner's results.
    call.flag("includeIBM")?;
    call.flag("vulnerabilities")?;
    let filter = ImageFilter {
        namespaces: named(call, call.values("namespace"))?,
        repositories: named(call, call.values("repository"))?,
        tagged: Tagged::Some,
    };
    let listed = call.services().artifacts.list_images(&call.by, filter);
    let mut images = listed.await?;
    images.retain(|image| shows_own && (shows_indexes || !is_index(&image.media_type)));
    let images: Vec<Value> = images.iter().map(|image| shown(call, image)).collect();
    Ok(reply::json(StatusCode::OK, &json!(images)))
}

fn is_index(media_type: &str) -> bool {
    matches!(media_type, OCI_IMAGE_INDEX | DOCKER_MANIFEST_LIST)
}

/// Names of namespaces or repositories, with the registry's before them or not.
fn named<'a>(
    call: &Call<'_>,
    names: impl Iterator<Item = &'a str>,
) -> Result<Vec<String>, IbmError> {
    let names = names.filter(|name| !name.is_empty());
    let names = names.map(|name| call.hosts.strip(name).to_owned());
    let names: Vec<String> = names.take(MAX_NAMED + 1).collect();
    if names.len() > MAX_NAMED {
        return Err(IbmError::bad_request(format!(
            "{MAX_NAMED} namespaces or repositories can be named at a time"
        )));
    }
    Ok(names)
}

fn shown(call: &Call<'_>, image: &ImageView) -> Value {
    let repository = call.hosts.whole(&image.repository);
    let tags: Vec<String> = image
        .tags
        .iter()
        .map(|tag| format!("{repository}:{tag}"))
        .collect();
    let mut by_digest = Map::new();
    by_digest.insert(image.digest.clone(), json!(tags));
    json!({
        "Id": image.digest,
        "ParentId": "",
        "DigestTags": by_digest,
        "RepoTags": tags,
        "RepoDigests": [format!("{repository}@{}", image.digest)],
        "Created": image.pushed_at_ms / 1000,
        "Size": image.size_bytes,
        "VirtualSize": image.size_bytes,
        "ManifestType": image.media_type,
    })
}

/// `ListImageDigests`: each digest once, with the repositories and tags that it has.
pub(super) async fn list_digests(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    call.require_login()?;
    let wanted: DigestsWanted = call.json()?;
    let filter = ImageFilter {
        namespaces: Vec::new(),
        repositories: named(call, wanted.repositories.iter().map(String::as_str))?,
        tagged: if wanted.exclude_tagged {
            Tagged::None
        } else {
            Tagged::Any
        },
    };
    let images = call
        .services()
        .artifacts
        .list_images(&call.by, filter)
        .await?;
    let mut by_digest: BTreeMap<&str, Vec<&ImageView>> = BTreeMap::new();
    for image in &images {
        by_digest.entry(&image.digest).or_default().push(image);
    }
    let digests: Vec<Value> = by_digest
        .iter()
        .filter_map(|(digest, images)| Some((digest, images, images.first()?)))
        .map(|(digest, images, first)| {
            json!({
                "id": digest,
                "created": first.pushed_at_ms / 1000,
                "manifestType": kind(&first.media_type),
                "repoTags": repositories(call, images),
                "size": first.size_bytes,
            })
        })
        .collect();
    Ok(reply::json(StatusCode::OK, &json!(digests)))
}

/// Tags by repository; each with the results of a scan, of which there are none.
fn repositories(call: &Call<'_>, images: &[&ImageView]) -> Map<String, Value> {
    let of_one = |image: &&ImageView| {
        let tags = image.tags.iter().map(|tag| (tag.clone(), json!({})));
        let tags: Map<String, Value> = tags.collect();
        (call.hosts.whole(&image.repository), Value::Object(tags))
    };
    images.iter().map(of_one).collect()
}

fn kind(media_type: &str) -> &str {
    match media_type {
        DOCKER_MANIFEST => "Docker Image Manifest V2, Schema 2",
        DOCKER_MANIFEST_LIST => "Docker Image Manifest List V2, Schema 2",
        OCI_IMAGE_MANIFEST => "OCI Image Manifest v1",
        OCI_IMAGE_INDEX => "OCI Image Index v1",
        other => other,
    }
}

/// `DeleteImage`: the image that a tag or digest names, with all of its tags.
pub(super) async fn delete(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    call.require_login()?;
    let image = call.image()?;
    let artifacts = &call.services().artifacts;
    artifacts.delete(&call.by, image.artifact()).await?;
    let untagged = json!({ "Untagged": image.whole(&call.hosts) });
    Ok(reply::json(StatusCode::OK, &untagged))
}

/// `BulkDeleteImages`: each by itself; what could not be deleted does not keep the others.
pub(super) async fn delete_many(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    call.require_login()?;
    let names: Vec<String> = call.json()?;
    if names.len() > MAX_DELETED {
        return Err(IbmError::bad_request(format!(
            "{MAX_DELETED} images can be deleted at a time"
        )));
    }
    let (mut success, mut errors) = (Vec::new(), Map::new());
    for name in names {
        match delete_one(call, &name).await {
            Ok(()) => success.push(name),
            Err(error) => {
                errors.insert(name, error.parts());
            }
        }
    }
    let result = json!({ "success": success, "error": errors });
    Ok(reply::json(StatusCode::OK, &result))
}

async fn delete_one(call: &Call<'_>, name: &str) -> Result<(), IbmError> {
    let image = call.named(name)?;
    let artifacts = &call.services().artifacts;
    Ok(artifacts.delete(&call.by, image.artifact()).await?)
}

/// `InspectImage`.
pub(super) async fn inspect(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    call.require_login()?;
    let image = call.image()?;
    let artifacts = &call.services().artifacts;
    let inspection = artifacts.inspect(&call.by, image.artifact()).await?;
    Ok(reply::json(StatusCode::OK, &inspected(&inspection)))
}

/// What an image's configuration says, in the form of Docker's API. It is as whoever pushed it wrote it: a field of another
/// type than clients expect is left out.
fn inspected(inspection: &Inspection) -> Value {
    const TEXTS: [(&str, &str); 9] = [
        ("Architecture", "architecture"),
        ("Author", "author"),
        ("Comment", "comment"),
        ("Container", "container"),
        ("Created", "created"),
        ("DockerVersion", "docker_version"),
        ("Os", "os"),
        ("OsVersion", "os.version"),
        ("Parent", "parent"),
    ];
    const OBJECTS: [(&str, &str); 2] = [
        ("Config", "config"),
        ("ContainerConfig", "container_config"),
    ];
    let config = &inspection.config;
    let mut shown = Map::new();
    let texts = TEXTS.into_iter().filter_map(|(name, field)| {
        let value = config.get(field).filter(|value| value.is_string())?;
        Some((name.to_owned(), value.clone()))
    });
    shown.extend(texts);
    let objects = OBJECTS.into_iter().filter_map(|(name, field)| {
        let value = config.get(field).filter(|value| value.is_object())?;
        Some((name.to_owned(), value.clone()))
    });
    shown.extend(objects);
    if let Some(rootfs) = config.get("rootfs").filter(|value| value.is_object()) {
        let layers = rootfs["diff_ids"].as_array().cloned().unwrap_or_default();
        let kind = rootfs["type"].as_str().unwrap_or_default();
        let rootfs = json!({ "Type": kind, "Layers": layers });
        shown.insert("RootFS".to_owned(), rootfs);
    }
    let row = &inspection.row;
    shown.insert("Id".to_owned(), json!(inspection.id));
    shown.insert("ManifestType".to_owned(), json!(row.media_type));
    shown.insert("Size".to_owned(), json!(row.size_bytes));
    shown.insert("VirtualSize".to_owned(), json!(inspection.layer_bytes));
    Value::Object(shown)
}

/// `GetImageManifest`: the exact text. Clients take JSON to be of that one media type.
pub(super) async fn manifest(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    call.require_login()?;
    let image = call.image()?;
    let artifacts = &call.services().artifacts;
    let text = artifacts.manifest_text(&call.by, image.artifact()).await?;
    Ok(reply::json_text(StatusCode::OK, text))
}
