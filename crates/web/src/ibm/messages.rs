//! What everyone who uses the account is to read.

use super::{Call, IbmError, reply};
use crate::body::Body;
use http::{Response, StatusCode};
use serde_json::{Value, json};

/// `GetMessages`: the account's banner.
pub(super) async fn get(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    let settings = &call.services().account_settings;
    let banner = settings.published(&call.by).await?.banner_message;
    Ok(reply::json(StatusCode::OK, &json!(message(&banner))))
}

/// Harbor's page keeps a banner as JSON, with its text in a field.
fn message(banner: &str) -> String {
    let read = serde_json::from_str::<Value>(banner).ok();
    let text = read.as_ref().and_then(|read| read["message"].as_str());
    text.unwrap_or(banner).to_owned()
}

#[cfg(test)]
mod tests {
    use super::message;

    #[test]
    fn a_banner_is_read_as_text_or_as_harbors_page_writes_it() {
        for (banner, expected) in [
            ("", ""),
            ("closed at noon", "closed at noon"),
            (
                r#"{"closable":true,"message":"closed at noon","type":"info"}"#,
                "closed at noon",
            ),
            (r#"{"other":1}"#, r#"{"other":1}"#),
            ("7", "7"),
        ] {
            assert_eq!(message(banner), expected, "{banner}");
        }
    }
}
