//! Additions: what is read out of an artifact for people.

use super::reply::Reply;
use super::{Call, HarborError};
use serde_json::Value;
use services::{Addition, AdditionKind};

/// Those whose engine is not there yet: no scanner has made them.
const OF_SCANNERS: [&str; 2] = ["vulnerabilities", "sbom"];

/// `getAddition`.
pub(super) async fn get(call: &Call<'_>) -> Result<Reply, HarborError> {
    let (artifacts, artifact) = (&call.services().artifacts, call.artifact());
    let wanted = call.param("addition");
    if wanted == "build_history" {
        let history = artifacts.build_history(&call.by, artifact).await?;
        return Ok(Reply::json(&Value::Array(history)));
    }
    let known = AdditionKind::ALL.into_iter();
    let mut known = known.filter(|known| known.as_str() == wanted);
    let Some(kind) = known.next() else {
        return Err(if OF_SCANNERS.contains(&wanted) {
            HarborError::not_found(format!(
                "there are no {wanted} here: this registry has no scanner"
            ))
        } else {
            HarborError::unprocessable(
                "addition in path should be one of [build_history values.yaml readme.md dependencies sbom license files]",
            )
        });
    };
    Ok(match artifacts.addition(&call.by, artifact, kind).await? {
        Addition::Json(value) => Reply::json(&value),
        Addition::Text(text) => Reply::text("text/plain; charset=utf-8", text),
        Addition::Markdown(text) => Reply::text("text/markdown; charset=utf-8", text),
    })
}
