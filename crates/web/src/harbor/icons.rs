//! Icons of artifacts.

use super::reply::Reply;
use super::{Call, HarborError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oci::Digest;
use serde_json::json;

/// `getIcon`: of an artifact that the caller may see. Those of kinds of artifacts are for everyone.
pub(super) async fn get(call: &Call<'_>) -> Result<Reply, HarborError> {
    let digest = Digest::parse(call.param("digest")).map_err(|error| {
        HarborError::bad_request(format!("the digest of the icon is none: {error}"))
    })?;
    let icon = call.services().artifacts.icon(&call.by, &digest).await?;
    Ok(Reply::json(&json!({
        "content-type": icon.media_type,
        "content": STANDARD.encode(&icon.content),
    })))
}
