//! From where an account may be reached.

use super::openapi::Schemas;
use super::query::Parameter;
use super::reply::{Answered, Answers, Done, Shown};
use super::{ApiError, Call};
use crate::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use model::AllowedRange;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use services::{NetworkRulesChange, NetworkRulesView};
use utoipa::ToSchema;

pub(super) const UPDATE: &[Parameter] = &[Parameter::flag(
    "force",
    "Even if the caller itself is kept out afterwards.",
)];

/// An address range from which something is allowed.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddressRange {
    /// As `10.0.0.0/8` or `fd00::/8`; a lone address is a range of one.
    #[schema(max_length = 64, example = "192.0.2.0/24")]
    range: String,
    /// What it is, for people.
    #[serde(default)]
    #[schema(max_length = 255)]
    description: String,
}

/// The list of a namespace.
#[derive(Serialize, ToSchema)]
pub(super) struct NamespaceNetworkShown {
    /// The namespace's name.
    namespace: String,
    /// From where its images may be pulled and pushed, among what the account allows.
    registry: Vec<AddressRange>,
}

/// From where an account may be reached. An empty list allows every address.
#[derive(Serialize, ToSchema)]
pub(super) struct NetworkShown {
    /// Whether requests through public listeners are refused.
    private_only: bool,
    /// From where the account may be managed.
    management: Vec<AddressRange>,
    /// From where its images may be pulled and pushed.
    registry: Vec<AddressRange>,
    /// The namespaces that have a list of their own.
    namespaces: Vec<NamespaceNetworkShown>,
    /// The address from which this request came.
    your_address: Option<String>,
    /// Through which kind of listener it came: `public` or `private`.
    your_listener: &'static str,
}

/// What is to be changed; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NetworkChange {
    /// Whether requests through public listeners are refused.
    private_only: Option<bool>,
    /// The whole list.
    #[schema(max_items = 200)]
    management: Option<Vec<AddressRange>>,
    /// The whole list.
    #[schema(max_items = 200)]
    registry: Option<Vec<AddressRange>>,
}

/// The list of a namespace; an empty one leaves what the account allows.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NamespaceNetwork {
    /// The whole list.
    #[schema(max_items = 200)]
    registry: Vec<AddressRange>,
}

/// An answer with the version of the rules as its `ETag`, to be named in the `If-Match` of a change.
pub(super) struct Versioned<A> {
    pub(super) version: i64,
    pub(super) answer: A,
}

impl<A: Answers> Answers for Versioned<A> {
    const STATUS: StatusCode = A::STATUS;

    fn description() -> &'static str {
        A::description()
    }

    fn content(schemas: &mut Schemas) -> Option<Value> {
        A::content(schemas)
    }

    fn into_response(self) -> Response<Body> {
        let mut response = self.answer.into_response();
        if let Ok(tag) = HeaderValue::try_from(format!("\"{}\"", self.version)) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

/// The version that a change is meant for. A tag that is none of ours matches no version.
pub(super) fn if_match(call: &Call<'_>) -> Option<i64> {
    let tag = call.header(&header::IF_MATCH).filter(|tag| *tag != "*")?;
    Some(tag.trim_matches('"').parse().unwrap_or(-1))
}

fn shown(list: Vec<AllowedRange>) -> Vec<AddressRange> {
    let one = |allowed: AllowedRange| AddressRange {
        range: allowed.range.to_string(),
        description: allowed.description,
    };
    list.into_iter().map(one).collect()
}

fn read(list: Vec<AddressRange>) -> Answered<Vec<AllowedRange>> {
    let one = |given: AddressRange| {
        let range = given.range.parse();
        let range =
            range.map_err(|error: model::NetworkError| ApiError::invalid(error.to_string()));
        Ok(AllowedRange {
            range: range?,
            description: given.description,
        })
    };
    list.into_iter().map(one).collect()
}

fn changed(version: i64) -> Versioned<Done> {
    Versioned {
        version,
        answer: Done,
    }
}

/// `getNetwork`.
pub(super) async fn get(call: &Call<'_>) -> Answered<Versioned<Shown<NetworkShown>>> {
    let by = call.account().await?;
    let view: NetworkRulesView = call.services().network_rules.get(&by).await?;
    let namespaces = view.namespaces.into_iter();
    let answer = Shown(NetworkShown {
        private_only: view.private_only,
        management: shown(view.management),
        registry: shown(view.registry),
        namespaces: namespaces
            .map(|(namespace, list)| NamespaceNetworkShown {
                namespace,
                registry: shown(list),
            })
            .collect(),
        your_address: view.client.map(|address| address.to_string()),
        your_listener: view.exposure.word(),
    });
    Ok(Versioned {
        version: view.version,
        answer,
    })
}

/// `updateNetwork`.
pub(super) async fn update(call: &Call<'_>, change: NetworkChange) -> Answered<Versioned<Done>> {
    let by = call.account().await?;
    let change = NetworkRulesChange {
        private_only: change.private_only,
        management: change.management.map(read).transpose()?,
        registry: change.registry.map(read).transpose()?,
        of_version: if_match(call),
        force: call.query.flag("force"),
    };
    let rules = &call.services().network_rules;
    Ok(changed(rules.update(&by, change).await?))
}

/// `putNamespaceNetwork`.
pub(super) async fn put_namespace(
    call: &Call<'_>,
    list: NamespaceNetwork,
) -> Answered<Versioned<Done>> {
    let by = call.account().await?;
    let (namespace, list) = (call.param("namespace"), read(list.registry)?);
    let rules = &call.services().network_rules;
    let put = rules.put_namespace_list(&by, namespace, list, if_match(call));
    Ok(changed(put.await?))
}
