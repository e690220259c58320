//! Tags.

use super::{Call, IbmError, reply};
use crate::body::Body;
use http::{Response, StatusCode};
use serde_json::json;

/// `TagImage`: points a tag, of the same repository or another, at an image, whatever it pointed at before.
pub(super) async fn create(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    call.require_login()?;
    let image = |parameter: &str| {
        let name = call.values(parameter).last().unwrap_or_default();
        if name.is_empty() {
            return Err(IbmError::bad_request(format!("{parameter} is missing")));
        }
        call.named(name)
    };
    let (from, to) = (image("fromimage")?, image("toimage")?);
    let tag = to.tag().ok_or_else(|| {
        IbmError::bad_request("toimage names a digest; name the tag that is to be made")
    })?;
    let artifacts = &call.services().artifacts;
    artifacts
        .tag(&call.by, from.artifact(), to.repository(), tag)
        .await?;
    Ok(reply::empty(StatusCode::CREATED))
}

/// `DeleteImageTag`: the tag alone; what it points at stays.
pub(super) async fn delete(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    call.require_login()?;
    let image = call.image()?;
    let tag = image.tag().ok_or_else(|| {
        IbmError::bad_request("name the tag; an image is deleted by its digest at /api/v1/images")
    })?;
    let artifacts = &call.services().artifacts;
    artifacts
        .delete_tag(&call.by, image.artifact(), tag)
        .await?;
    let untagged = json!({ "Untagged": image.whole(&call.hosts) });
    Ok(reply::json(StatusCode::OK, &untagged))
}
