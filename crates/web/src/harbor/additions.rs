//! Additions: what is read out of an artifact for people.

use super::reply::Reply;
use super::{Call, HarborError};
use serde_json::Value;

/// `getAddition`.
pub(super) async fn get(call: &Call<'_>) -> Result<Reply, HarborError> {
    let addition = call.param("addition");
    if addition != "build_history" {
        return Err(HarborError::bad_request(format!(
            "there is no addition {addition} here; build_history is one of images"
        )));
    }
    let history = call
        .services()
        .artifacts
        .build_history(&call.by, call.artifact())
        .await?;
    Ok(Reply::json(&Value::Array(history)))
}
