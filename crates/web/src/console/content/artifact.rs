//! One artifact, whole.

use super::{named, repository};
use crate::console::accounts::unsigned;
use crate::console::failed::Failed;
use crate::console::sent::Sent;
use crate::console::visit::Visit;
use model::Action;
use oci::{Manifest, Platform};
use pages::artifact::{
    Artifact, ArtifactChanges, ArtifactForm, Document, LabelLine, LayerLine, PartLine,
    ReferrerLine, TagLine,
};
use pages::{Bytes, Moment, Page as _, Section};
use serde_json::Value;
use services::{
    AccountContext, AdditionKind, ArtifactRef, ArtifactView, LabelView, ListQuery, NamespaceRef,
    ReferrerNode, Refused, RepositoryRef, Shown, WholeArtifact,
};

/// Labels that one can choose from, of the namespace and of the account.
const LABELS: i64 = 100;
/// Tags that are shown; whoever looks for another finds it in the repository's list.
const TAGS: usize = 12;
/// Bytes of a document that are shown.
const DOCUMENT: usize = 30_000;

/// `GET /accounts/{account}/repositories/{repository}/{reference}`.
pub(super) async fn show(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let page = page(visit, &by, ArtifactForm::default()).await?;
    Ok(Sent::page(page.html()))
}

/// The artifact that the path names, with the form that could not be carried out.
pub(super) async fn page(
    visit: &Visit<'_>,
    by: &AccountContext,
    form: ArtifactForm,
) -> Result<Artifact, Failed> {
    let name = repository(visit)?;
    let named = ArtifactRef {
        repository: named(&name),
        reference: visit.param("reference"),
    };
    let artifacts = &visit.services().artifacts;
    let WholeArtifact {
        view,
        referrers,
        history,
        is_locked,
    } = artifacts.whole(by, named).await?;
    let layers = layers(&view, &history);
    let commands = commands(&visit.registry_name().await, name.as_str(), &view);
    Ok(Artifact {
        frame: visit.frame_of(by, Section::Namespaces).await?,
        account: by.account().name.clone(),
        repository: name.as_str().to_owned(),
        digest: view.row.digest.to_string(),
        media_type: view.row.media_type.clone(),
        size: Bytes(unsigned(view.row.size_bytes)),
        pushed: Moment(view.row.pushed_at_ms),
        last_pull: view.row.pulled_at_ms.map(Moment),
        is_locked,
        documents: documents(&view),
        document: document(visit, by, named, &view).await?,
        may: changes(visit, by, named.repository, &view).await?,
        form,
        parts: view.references.iter().map(part).collect(),
        facts: facts(&view),
        kind: view.kind,
        more_tags: u64::try_from(view.tags.len().saturating_sub(TAGS)).unwrap_or(u64::MAX),
        tags: view.tags.into_iter().take(TAGS).map(tag).collect(),
        labels: view.labels.into_iter().map(label).collect(),
        layers,
        annotations: view.annotations.into_iter().collect(),
        referrers: referrers.into_iter().map(referrer).collect(),
        commands,
    })
}

/// What the caller may change of it.
async fn changes(
    visit: &Visit<'_>,
    by: &AccountContext,
    named: RepositoryRef<'_>,
    view: &ArtifactView,
) -> Result<ArtifactChanges, Failed> {
    let may = async |action| visit.may_at(by, named, action).await;
    let may_label = may(Action::ArtifactLabelCreate).await?;
    Ok(ArtifactChanges {
        tag: may(Action::TagCreate).await?,
        lock: may(Action::ImmutableTagCreate).await? && may(Action::ImmutableTagDelete).await?,
        unlabel: may(Action::ArtifactLabelDelete).await?,
        labels: if may_label {
            labels(visit, by, named, view).await?
        } else {
            Vec::new()
        },
        // Where to is asked when it is known.
        copy: may(Action::RepositoryPull).await? && may(Action::ArtifactCreate).await?,
        delete: may(Action::ArtifactDelete).await?,
    })
}

/// The labels that it does not carry, of its namespace and of the account.
async fn labels(
    visit: &Visit<'_>,
    by: &AccountContext,
    named: RepositoryRef<'_>,
    view: &ArtifactView,
) -> Result<Vec<LabelLine>, Failed> {
    let query = ListQuery {
        limit: LABELS,
        is_uncounted: true,
        ..ListQuery::default()
    };
    let mut found = Vec::new();
    for place in [Some(NamespaceRef::Name(named.namespace)), None] {
        match visit.services().labels.list(by, place, query.clone()).await {
            Ok(listed) => found.extend(listed.items),
            Err(Refused::Forbidden | Refused::Hidden) => {}
            Err(refused) => return Err(refused.into()),
        }
    }
    let has = |one: &LabelView| view.labels.iter().any(|known| known.number == one.number);
    let others = found.into_iter().filter(|one| !has(one));
    Ok(others.map(label).collect())
}

fn label(view: LabelView) -> LabelLine {
    LabelLine {
        number: view.number,
        name: view.row.name,
    }
}

/// What can be read out of it.
fn documents(view: &ArtifactView) -> Vec<&'static str> {
    let kinds = AdditionKind::of(&view.kind).iter();
    kinds.map(|kind| kind.as_str()).collect()
}

/// The document that the address asks for; none for whoever may not pull it, and where it has none.
async fn document(
    visit: &Visit<'_>,
    by: &AccountContext,
    named: ArtifactRef<'_>,
    view: &ArtifactView,
) -> Result<Option<Document>, Failed> {
    let wanted = visit.query.get("show");
    let mut kinds = AdditionKind::of(&view.kind).iter();
    let Some(kind) = kinds.find(|kind| kind.as_str() == wanted) else {
        return Ok(None);
    };
    let read = visit.services().artifacts.shown_addition(by, named, *kind);
    let (mut text, is_html) = match read.await {
        Ok(Shown::Text(text)) => (text, false),
        Ok(Shown::Html(html)) => (html, true),
        Err(refused) => match Failed::from(refused) {
            Failed::Told { status, detail, .. } if status.is_client_error() => {
                (detail.unwrap_or_default(), false)
            }
            failed => return Err(failed),
        },
    };
    // HTML was bounded where it was made, and is whole only as a whole.
    let is_cut = !is_html && text.len() > DOCUMENT;
    if is_cut {
        text.truncate(text.floor_char_boundary(DOCUMENT));
    }
    Ok(Some(Document {
        name: kind.as_str(),
        text,
        is_html,
        is_cut,
    }))
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

fn referrer(view: ReferrerNode) -> ReferrerLine {
    ReferrerLine {
        kind: view
            .row
            .artifact_type
            .unwrap_or_else(|| view.kind.to_owned()),
        digest: view.row.digest,
        size: Bytes(unsigned(view.row.size_bytes)),
        depth: view.depth,
    }
}

/// The layers with the steps that made them: a step without a layer has none. Without a right to pull, or without a
/// configuration, they have no steps.
fn layers(view: &ArtifactView, history: &[Value]) -> Vec<LayerLine> {
    let content = view.row.content.as_deref().unwrap_or_default();
    let Ok(manifest) = Manifest::parse(&view.row.media_type, content.as_bytes()) else {
        return Vec::new();
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
    lines.collect()
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
