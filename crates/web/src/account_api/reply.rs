//! Answers in this API's forms.

use super::openapi::Schemas;
use super::{ApiError, Call};
use crate::body::Body;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use model::Page;
use serde::Serialize;
use serde_json::{Value, json};
use services::{ListQuery, Listed};
use utoipa::ToSchema;

/// What handlers return.
pub(super) type Answered<T> = Result<T, ApiError>;

/// An answer that is no error, and how the document describes it.
pub(super) trait Answers {
    /// Its status.
    const STATUS: StatusCode;
    /// Whether it is a page of a list.
    const IS_LIST: bool = false;

    /// What is in it, for people.
    fn description() -> &'static str;

    /// The content of its body by media type, as the document has it.
    fn content(schemas: &mut Schemas) -> Option<Value>;

    /// The answer itself.
    fn into_response(self) -> Response<Body>;
}

fn json_content(schema: &Value) -> Value {
    json!({ "application/json": { "schema": schema } })
}

fn with_json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let Ok(mut text) = serde_json::to_string(value) else {
        tracing::error!("an answer cannot be written as JSON");
        return ApiError::from(services::Error::Internal).into_response();
    };
    text.push('\n');
    let mut response = Response::new(Body::full(text));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn insert(response: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// 200 with one thing.
pub(super) struct Shown<T>(pub(super) T);

impl<T: Serialize + ToSchema> Answers for Shown<T> {
    const STATUS: StatusCode = StatusCode::OK;

    fn description() -> &'static str {
        "It, as it is now."
    }

    fn content(schemas: &mut Schemas) -> Option<Value> {
        Some(json_content(&schemas.of::<T>()))
    }

    fn into_response(self) -> Response<Body> {
        with_json(Self::STATUS, &self.0)
    }
}

/// 201 with what was made, and where it is.
pub(super) struct Created<T> {
    location: String,
    made: T,
}

impl<T> Created<T> {
    /// `location` is a path.
    pub(super) fn at(location: String, made: T) -> Self {
        Self { location, made }
    }
}

impl<T: Serialize + ToSchema> Answers for Created<T> {
    const STATUS: StatusCode = StatusCode::CREATED;

    fn description() -> &'static str {
        "It was made; the header `Location` says where it is."
    }

    fn content(schemas: &mut Schemas) -> Option<Value> {
        Some(json_content(&schemas.of::<T>()))
    }

    fn into_response(self) -> Response<Body> {
        let mut response = with_json(Self::STATUS, &self.made);
        insert(&mut response, header::LOCATION, &self.location);
        response
    }
}

/// 204: it was done, and there is nothing to say.
pub(super) struct Done;

impl Answers for Done {
    const STATUS: StatusCode = StatusCode::NO_CONTENT;

    fn description() -> &'static str {
        "It was done."
    }

    fn content(_: &mut Schemas) -> Option<Value> {
        None
    }

    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = Self::STATUS;
        response
    }
}

/// 200 with a page of a list.
#[derive(Serialize)]
pub(super) struct List<T> {
    items: Vec<T>,
    /// Entries of all pages, where counting them costs little.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<i64>,
    /// The cursor of the next page; null on the last.
    next: Option<String>,
    /// Where the next page is.
    #[serde(skip)]
    link: Option<String>,
}

impl<T: Serialize + ToSchema> Answers for List<T> {
    const STATUS: StatusCode = StatusCode::OK;
    const IS_LIST: bool = true;

    fn description() -> &'static str {
        "A page of the list. Its header `Link` leads to the next one."
    }

    fn content(schemas: &mut Schemas) -> Option<Value> {
        Some(json_content(&json!({
            "type": "object",
            "required": ["items", "next"],
            "properties": {
                "items": { "type": "array", "items": schemas.of::<T>() },
                "total": { "type": "integer", "minimum": 0, "description": "Entries of all pages." },
                "next": {
                    "type": ["string", "null"],
                    "description": "The `cursor` of the next page; null on the last.",
                },
            },
        })))
    }

    fn into_response(self) -> Response<Body> {
        let mut response = with_json(Self::STATUS, &self);
        if let Some(link) = &self.link {
            insert(&mut response, header::LINK, link);
        }
        response
    }
}

impl Call<'_> {
    /// What is wanted of a list that is counted.
    pub(super) fn list_query(&self) -> Answered<ListQuery> {
        Ok(ListQuery {
            offset: self.query.position()?,
            limit: self.query.page_size(),
            ..ListQuery::default()
        })
    }

    /// What is wanted of a list that is read by its order: what the page comes after, and its entries.
    pub(super) fn after(&self) -> (String, usize) {
        let after = self.query.cursor().unwrap_or_default().to_owned();
        (
            after,
            usize::try_from(self.query.page_size()).unwrap_or_default(),
        )
    }

    /// A page of a list that was counted, each entry as `show` writes it.
    pub(super) fn counted<T, U>(
        &self,
        listed: Listed<T>,
        show: impl FnMut(T) -> U,
    ) -> Answered<List<U>> {
        let begin = self.query.position()?;
        let end = begin.saturating_add(i64::try_from(listed.items.len()).unwrap_or(i64::MAX));
        let has_more = !listed.items.is_empty() && end < listed.total;
        let next = has_more.then(|| end.to_string());
        Ok(List {
            total: Some(listed.total),
            ..self.list(listed.items, next, show)
        })
    }

    /// A page of a list that was read by its order.
    pub(super) fn page<T, U>(&self, page: Page<T>, show: impl FnMut(T) -> U) -> List<U> {
        self.list(page.items, page.next, show)
    }

    /// The header `Link` of a page that another comes after.
    pub(super) fn link_to(&self, next: &str) -> String {
        let query = self.query.with_cursor(next);
        format!("<{}?{query}>; rel=\"next\"", self.path)
    }

    fn list<T, U>(&self, items: Vec<T>, next: Option<String>, show: impl FnMut(T) -> U) -> List<U> {
        let link = next.as_ref().map(|next| self.link_to(next));
        List {
            items: items.into_iter().map(show).collect(),
            total: None,
            next,
            link,
        }
    }
}
