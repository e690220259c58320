//! Images in the trash, and their way back.

use super::{Call, IbmError, reply};
use crate::body::Body;
use http::{Response, StatusCode};
use oci::RepositoryName;
use serde_json::{Map, json};
use services::{Error, Refused, Restored, TrashQuery};

/// Images that one list has.
const MAX_IMAGES: usize = 10_000;
const PAGE: i64 = 1000;

/// `ListDeletedImages`: by the name of each image with its digest, the days that are left and the tags that come back with it.
pub(super) async fn list(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    call.require_login()?;
    let namespace = call.values("namespace").last().unwrap_or_default();
    let mut images = Map::new();
    let mut after = None;
    loop {
        let query = TrashQuery {
            namespace: namespace.to_owned(),
            kind: "manifest".to_owned(),
            after,
            limit: PAGE,
            ..TrashQuery::default()
        };
        let page = call.services().trash.list(&call.by, query).await?;
        for entry in page.entries {
            let name = format!("{}@{}", entry.item.repository, entry.item.digest);
            let shown = json!({ "daysUntilExpiry": entry.days_left, "tags": entry.tags });
            // Of one that was deleted several times the last comes back.
            images.entry(call.hosts.whole(&name)).or_insert(shown);
        }
        if images.len() > MAX_IMAGES {
            return Err(IbmError::bad_request(format!(
                "there are more than {MAX_IMAGES} images in the trash; ask for a namespace at a time, or use /api/v1/accounts/…/trash, which has pages"
            )));
        }
        after = page.next;
        if after.is_none() {
            return Ok(reply::json(StatusCode::OK, &json!(images)));
        }
    }
}

fn conflict(refused: Refused) -> IbmError {
    match refused {
        Refused::Failed(Error::AlreadyExists(what)) => IbmError::restore_conflict(format!(
            "{what} is there already; delete it or point it elsewhere, then restore again"
        )),
        refused => refused.into(),
    }
}

/// `RestoreImage`: the tag of that name that was deleted last, with its image; of a digest the image alone.
pub(super) async fn restore(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    call.require_login()?;
    let image = call.image()?;
    let (repository, trash) = (whole(&image)?, &call.services().trash);
    let restored = if let Some(tag) = image.tag() {
        trash.restore_named_tag(&call.by, &repository, tag).await
    } else {
        let digest = image.artifact().reference;
        trash.restore_digest(&call.by, &repository, digest).await
    };
    restored.map_err(conflict)?;
    Ok(reply::empty(StatusCode::OK))
}

fn whole(image: &super::ImageName) -> Result<RepositoryName, IbmError> {
    let named = image.repository();
    RepositoryName::parse(&format!("{}/{}", named.namespace, named.name))
        .map_err(|error| IbmError::bad_request(error.to_string()))
}

/// `RestoreTags`: an image by its digest, with those of its tags whose names are free.
pub(super) async fn restore_tags(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    call.require_login()?;
    let image = call.named(call.param("digest"))?;
    if image.tag().is_some() {
        return Err(IbmError::bad_request(
            "name the image by its digest, as namespace/repository@sha256:…",
        ));
    }
    let digest = image.artifact().reference;
    let trash = &call.services().trash;
    let restored = trash
        .restore_digest(&call.by, &whole(&image)?, digest)
        .await?;
    Ok(reply::json(StatusCode::OK, &told(call, &restored)))
}

fn told(call: &Call<'_>, restored: &Restored) -> serde_json::Value {
    let whole =
        |tags: &[String]| -> Vec<String> { tags.iter().map(|tag| call.hosts.whole(tag)).collect() };
    json!({
        "successful": whole(&restored.tags),
        "unsuccessful": whole(&restored.conflicts),
    })
}
