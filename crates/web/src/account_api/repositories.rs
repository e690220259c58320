//! What is said of a repository, and how often it was pulled.

use super::query::Parameter;
use super::reply::{Answered, Done, Shown};
use super::trash::repository;
use super::{ApiError, Call, Time};
use serde::{Deserialize, Serialize};
use services::RepositoryRef;
use utoipa::ToSchema;

/// What `getRepository` knows.
pub(super) const GET: &[Parameter] = &[Parameter::text(
    "repository",
    "The repository's whole name; it has to be there.",
    255,
)];

/// A repository.
#[derive(Serialize, ToSchema)]
pub(super) struct RepositoryShown {
    /// Its whole name.
    name: String,
    /// What people wrote about it, in Markdown; empty when nobody did.
    description: String,
    /// The same as HTML that any page may show: HTML in it is text, images are links, and links lead to other pages only.
    description_html: String,
    /// Manifests that a list of them shows.
    artifacts: i64,
    /// How often something was pulled from it, as far as that was counted.
    pulls: i64,
    /// When something was last pulled from it; null when nothing was, or it is not kept.
    last_pulled_at: Option<Time>,
    created_at: Time,
    updated_at: Time,
}

/// What people are told about a repository.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RepositoryDescription {
    /// The repository's whole name.
    #[schema(max_length = 255)]
    repository: String,
    /// Markdown, of at most 64 KiB; empty for nothing.
    #[schema(max_length = 65536)]
    description: String,
}

/// `getRepository`.
pub(super) async fn get(call: &Call<'_>) -> Answered<Shown<RepositoryShown>> {
    let by = call.account().await?;
    let name = call.query.text("repository");
    let name = name.ok_or_else(|| ApiError::bad_request("repository is missing"))?;
    let name = repository(name)?;
    let named = RepositoryRef {
        namespace: name.namespace(),
        name: name.path().unwrap_or_default(),
    };
    let repositories = &call.services().repositories;
    let (view, description_html) = repositories.get_rendered(&by, named).await?;
    let details = view.details;
    Ok(Shown(RepositoryShown {
        name: details.name,
        description: details.description,
        description_html,
        artifacts: details.artifacts,
        pulls: details.pulls,
        last_pulled_at: details.last_pulled_at_ms.map(Time::from_ms),
        created_at: Time::from_ms(details.created_at_ms),
        updated_at: Time::from_ms(details.updated_at_ms),
    }))
}

/// `describeRepository`.
pub(super) async fn describe(call: &Call<'_>, wanted: RepositoryDescription) -> Answered<Done> {
    let by = call.account().await?;
    let name = repository(&wanted.repository)?;
    let named = RepositoryRef {
        namespace: name.namespace(),
        name: name.path().unwrap_or_default(),
    };
    let repositories = &call.services().repositories;
    repositories
        .describe(&by, named, wanted.description)
        .await?;
    Ok(Done)
}
