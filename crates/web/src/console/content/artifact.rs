//! A repository's artifacts, and one of them.

use super::accounts::unsigned;
use super::failed::Failed;
use super::sent::Sent;
use super::visit::Visit;
use oci::{Manifest, Platform, RepositoryName};
use pages::artifact::{Artifact, LayerLine, PartLine, ReferrerLine, TagLine};
use pages::artifacts::{ArtifactLine, Artifacts};
use pages::{Bytes, Moment, Page as _, Section};
use serde_json::Value;
use services::{
    AccountContext, ArtifactParts, ArtifactRef, ArtifactView, ListQuery, RepositoryRef,
};

/// Artifacts on a page.
const PAGE: i64 = 50;
/// The last page that is shown: whoever wants more looks for a tag.
const LAST_PAGE: i64 = 1000;
/// Tags of an artifact in a list.
const TAGS: usize = 10;
/// Everything about an artifact.
const ALL: ArtifactParts = ArtifactParts {
    tags: true,
    labels: true,
    accessories: true,
    attributes: true,
};

/// The repository that the path names.
fn repository(visit: &Visit<'_>) -> Result<RepositoryName, Failed> {
    RepositoryName::parse(visit.param("repository")).map_err(|_| Failed::not_found())
}

fn named(name: &RepositoryName) -> RepositoryRef<'_> {
    RepositoryRef {
        namespace: name.namespace(),
        name: name.path().unwrap_or_default(),
    }
}

/// `GET /accounts/{account}/repositories/{repository}`.
pub(super) async fn list(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let name = repository(visit)?;
    let services = visit.services();
    let (_, description_html) = services
        .repositories
        .get_rendered(&by, named(&name))
        .await?;
    let at = visit.query.get("page").parse().unwrap_or(1);
    let at: i64 = at.clamp(1, LAST_PAGE);
    let query = ListQuery {
        offset: (at - 1) * PAGE,
        limit: PAGE,
        ..ListQuery::default()
    };
    let parts = ArtifactParts {
        accessories: false,
        attributes: false,
        ..ALL
    };
    let listed = services.artifacts.list(&by, named(&name), query, parts);
    let listed = listed.await?;
    let has_more = at < LAST_PAGE && at * PAGE < listed.total;
    let page = Artifacts {
        frame: visit.frame_of(&by, Section::Namespaces).await?,
        account: by.account().name.clone(),
        namespace: name.namespace().to_owned(),
        repository: name.as_str().to_owned(),
        description_html,
        artifacts: listed.items.into_iter().map(line).collect(),
        next: has_more.then(|| format!("?page={}", at + 1)),
    };
    Ok(Sent::page(page.html()))
}

fn line(view: ArtifactView) -> ArtifactLine {
    let more = view.tags.len().saturating_sub(TAGS);
    let tags = view.tags.into_iter().take(TAGS);
    ArtifactLine {
        digest: view.row.digest.to_string(),
        kind: view.kind,
        tags: tags.map(|tag| tag.row.name).collect(),
        more_tags: u64::try_from(more).unwrap_or(u64::MAX),
        labels: view
            .labels
            .into_iter()
            .map(|label| label.row.name)
            .collect(),
        size: Bytes(unsigned(view.row.size_bytes)),
        pushed: Moment(view.row.pushed_at_ms),
        last_pull: view.row.pulled_at_ms.map(Moment),
    }
}

/// `GET /accounts/{account}/repositories/{repository}/{reference}`.
pub(super) async fn show(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let name = repository(visit)?;
    let named = ArtifactRef {
        repository: named(&name),
        reference: visit.param("reference"),
    };
    let view = visit.services().artifacts.get(&by, named, ALL).await?;
    let layers = layers(visit, &by, named, &view).await?;
    let commands = commands(&visit.registry_name().await, name.as_str(), &view);
    let page = Artifact {
        frame: visit.frame_of(&by, Section::Namespaces).await?,
        account: by.account().name.clone(),
        repository: name.as_str().to_owned(),
        digest: view.row.digest.to_string(),
        media_type: view.row.media_type.clone(),
        size: Bytes(unsigned(view.row.size_bytes)),
        pushed: Moment(view.row.pushed_at_ms),
        last_pull: view.row.pulled_at_ms.map(Moment),
        parts: view.references.iter().map(part).collect(),
        facts: facts(&view),
        kind: view.kind,
        tags: view.tags.into_iter().map(tag).collect(),
        labels: view
            .labels
            .into_iter()
            .map(|label| label.row.name)
            .collect(),
        layers,
        annotations: view.annotations.into_iter().collect(),
        referrers: view.accessories.into_iter().map(referrer).collect(),
        commands,
    };
    Ok(Sent::page(page.html()))
}

fn tag(tag: services::TagView) -> TagLine {
    TagLine {
        name: tag.row.name,
        set: Moment(tag.row.updated_at_ms),
        is_immutable: tag.is_immutable,
    }
}

fn part(child: &services::ChildView) -> PartLine {
    PartLine {
        digest: child.digest.to_string(),
        platform: child.platform.as_ref().map(platform).unwrap_or_default(),
        is_there: child.number.is_some(),
    }
}

fn platform(platform: &Platform) -> String {
    let variant = platform.variant.as_deref();
    let parts = [
        Some(platform.os.as_str()),
        Some(platform.architecture.as_str()),
        variant,
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("/")
}

fn referrer(view: services::AccessoryView) -> ReferrerLine {
    ReferrerLine {
        kind: view
            .row
            .artifact_type
            .unwrap_or_else(|| view.kind.to_owned()),
        digest: view.row.digest,
        size: Bytes(unsigned(view.row.size_bytes)),
    }
}

/// The layers with the steps that made them, for callers who may read the configuration: a step without a layer has none.
async fn layers(
    visit: &Visit<'_>,
    by: &AccountContext,
    named: ArtifactRef<'_>,
    view: &ArtifactView,
) -> Result<Vec<LayerLine>, Failed> {
    let content = view.row.content.as_deref().unwrap_or_default();
    let Ok(manifest) = Manifest::parse(&view.row.media_type, content.as_bytes()) else {
        return Ok(Vec::new());
    };
    if manifest.layers.is_empty() {
        return Ok(Vec::new());
    }
    let history = match visit.services().artifacts.build_history(by, named).await {
        Ok(history) => history,
        Err(refused) => match Failed::from(refused) {
            // Without a right to pull, or without a configuration, the layers alone are shown.
            Failed::Told { status, .. } if status.is_client_error() => Vec::new(),
            failed => return Err(failed),
        },
    };
    let is_layer = |step: &&Value| step["empty_layer"] != true;
    let mut steps = history.iter().filter(is_layer);
    let lines = manifest.layers.iter().map(|layer| {
        let made_by = steps.next().and_then(|step| step["created_by"].as_str());
        LayerLine {
            digest: layer.digest.to_string(),
            size: Bytes(layer.size),
            step: made_by.map_or_else(|| layer.media_type.clone(), str::to_owned),
        }
    });
    Ok(lines.collect())
}

/// What the configuration says, as plain lines.
fn facts(view: &ArtifactView) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for (name, value) in &view.attributes {
        match value {
            Value::Object(fields) if name == "config" => {
                lines.extend(
                    fields
                        .iter()
                        .map(|(name, value)| (name.clone(), text(value))),
                );
            }
            Value::Null => {}
            value => lines.push((name.clone(), text(value))),
        }
    }
    lines
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(text).collect();
            items.join(" ")
        }
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| match value {
                    Value::Object(_) => name.clone(),
                    value => format!("{name}={}", text(value)),
                })
                .collect();
            fields.join(" ")
        }
        other => other.to_string(),
    }
}

/// How to pull it with the programs for its kind: by a tag for people, and by the digest for what must not change.
fn commands(registry: &str, repository: &str, view: &ArtifactView) -> Vec<(&'static str, String)> {
    let by_digest = format!("{registry}/{repository}@{}", view.row.digest);
    let first = view.tags.first().map(|tag| tag.row.name.as_str());
    let reference = match first {
        Some(tag) => format!("{registry}/{repository}:{tag}"),
        None => by_digest.clone(),
    };
    match (view.kind.as_str(), first) {
        ("IMAGE", _) => vec![
            ("docker", format!("docker pull {reference}")),
            ("podman", format!("podman pull {by_digest}")),
        ],
        ("CHART", Some(version)) => vec![(
            "helm",
            format!("helm pull oci://{registry}/{repository} --version {version}"),
        )],
        _ => vec![("oras", format!("oras pull {reference}"))],
    }
}
