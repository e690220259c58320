//! Answers in Harbor's forms.

use super::query::{PageAsked, Query};
use crate::body::Body;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::Value;

const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// An answer that is no error.
pub(super) struct Reply(Response<Body>);

impl Reply {
    /// 200 without a body: Harbor's answer to changes and deletions. It has no content type, which clients check.
    pub(super) fn done() -> Self {
        Self(Response::new(Body::empty()))
    }

    /// An answer that was made elsewhere.
    pub(super) fn of(response: Response<Body>) -> Self {
        Self(response)
    }

    /// The same with another status.
    pub(super) fn with_status(mut self, status: StatusCode) -> Self {
        *self.0.status_mut() = status;
        self
    }

    /// 200 with JSON.
    pub(super) fn json(value: &Value) -> Self {
        Self::text("application/json; charset=utf-8", value.to_string() + "\n")
    }

    /// 200 with text of another kind.
    pub(super) fn text(content_type: &'static str, text: impl Into<bytes::Bytes>) -> Self {
        let mut response = Response::new(Body::full(text));
        let content_type = HeaderValue::from_static(content_type);
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
        Self(response)
    }

    /// 201 without a body. `location` is a path: clients take it apart.
    pub(super) fn created(location: &str) -> Self {
        let mut reply = Self::done();
        *reply.0.status_mut() = StatusCode::CREATED;
        reply.header(header::LOCATION, location)
    }

    /// 201 with JSON.
    pub(super) fn created_with(location: &str, value: &Value) -> Self {
        let mut reply = Self::json(value);
        *reply.0.status_mut() = StatusCode::CREATED;
        reply.header(header::LOCATION, location)
    }

    /// A page of a list, with how much there is, and where its neighbours are.
    pub(super) fn page(
        items: Vec<Value>,
        total: i64,
        asked: PageAsked,
        path: &str,
        query: &Query,
    ) -> Self {
        let reply = Self::json(&Value::Array(items)).header(TOTAL_COUNT, &total.to_string());
        let neighbour = |page: i64, rel: &str| {
            let query = with_page(query.text(), page, asked.size);
            format!("<{path}?{query}>; rel=\"{rel}\"")
        };
        let mut links = Vec::new();
        if asked.page > 1 {
            links.push(neighbour(asked.page - 1, "prev"));
        }
        if asked.page.saturating_mul(asked.size) < total {
            links.push(neighbour(asked.page + 1, "next"));
        }
        if links.is_empty() {
            reply
        } else {
            reply.header(header::LINK, &links.join(" , "))
        }
    }

    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers_mut().append(name, value);
        }
        self
    }

    pub(super) fn into_response(self) -> Response<Body> {
        self.0
    }
}

/// The same query for another page.
fn with_page(query: &str, page: i64, size: i64) -> String {
    let kept = query.split('&').filter(|pair| {
        !pair.is_empty() && !pair.starts_with("page=") && !pair.starts_with("page_size=")
    });
    let mut parts: Vec<String> = kept.map(str::to_owned).collect();
    parts.push(format!("page={page}"));
    parts.push(format!("page_size={size}"));
    parts.join("&")
}

/// A time in Harbor's form: `2006-01-02T15:04:05.000Z`. Never is the beginning of the calendar.
pub(super) fn time(at_ms: Option<i64>) -> String {
    let never = || "0001-01-01T00:00:00.000Z".to_owned();
    let Some(at) = at_ms.and_then(|at| jiff::Timestamp::from_millisecond(at).ok()) else {
        return never();
    };
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Leaves out what Go's `omitempty` leaves out: nothing, empty texts and lists, `false` and 0; except fields in `always`.
pub(super) fn omit_empty(value: Value, always: &[&str]) -> Value {
    let Value::Object(fields) = value else {
        return value;
    };
    let kept = fields.into_iter().filter(|(name, value)| {
        always.contains(&name.as_str())
            || !match value {
                Value::Null => true,
                Value::Bool(value) => !value,
                Value::Number(value) => value.as_i64() == Some(0),
                Value::String(value) => value.is_empty(),
                Value::Array(value) => value.is_empty(),
                Value::Object(_) => false,
            }
    });
    Value::Object(kept.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_have_milliseconds_and_never_has_a_time() {
        assert_eq!(time(Some(1_700_000_000_005)), "2023-11-14T22:13:20.005Z");
        assert_eq!(time(None), "0001-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_page_links_to_its_neighbours_with_the_rest_of_the_query() {
        let query = Query::parse("q=name%3D~a&page=2&page_size=10&sort=name");
        let asked = PageAsked { page: 2, size: 10 };
        let response =
            Reply::page(Vec::new(), 21, asked, "/api/v2.0/projects", &query).into_response();
        let headers = response.headers();
        assert_eq!(headers["x-total-count"], "21");
        assert_eq!(
            headers["link"],
            "</api/v2.0/projects?q=name%3D~a&sort=name&page=1&page_size=10>; rel=\"prev\" , \
             </api/v2.0/projects?q=name%3D~a&sort=name&page=3&page_size=10>; rel=\"next\""
        );
    }

    #[test]
    fn empty_fields_are_left_out_unless_they_always_stand() {
        let value =
            json!({ "a": 0, "b": "", "c": false, "d": [], "e": null, "f": {}, "g": 1, "h": false });
        assert_eq!(
            omit_empty(value, &["h"]),
            json!({ "f": {}, "g": 1, "h": false })
        );
    }
}
