//! What the forms of an artifact's page do.

use super::artifact::page;
use super::{named, repository};
use crate::console::failed::{Failed, mendable_name, unknown_form};
use crate::console::sent::Sent;
use crate::console::visit::Visit;
use http::StatusCode;
use oci::{Digest, Reference, RepositoryName};
use pages::artifact::ArtifactForm;
use pages::{Link, Notice, Page as _};
use services::{AccountContext, ArtifactRef, Error, Refused, RepositoryRef};

/// `POST /accounts/{account}/repositories/{repository}/{reference}`: what `do` says, to the artifact.
pub(super) async fn change(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let name = repository(visit)?;
    let what = visit.form.get("do");
    let text = match what {
        "tag" => visit.form.get("tag"),
        "copy" => visit.form.get("to"),
        _ => "",
    };
    let text = text.trim();
    match carry_out(visit, &by, &name, (what, text)).await {
        Ok(location) => Ok(Sent::to(&location)),
        Err(refused) => {
            let form = ArtifactForm {
                what: shown_as(what).to_owned(),
                text: text.to_owned(),
                failed: Some(mendable_name(refused)?),
            };
            let page = page(visit, &by, form).await?;
            Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

/// Beside which form a failure is said.
fn shown_as(what: &str) -> &str {
    match what {
        "tag" | "label" | "copy" | "delete" => what,
        _ => "",
    }
}

/// Does it. Answers with the page to see it on.
async fn carry_out(
    visit: &Visit<'_>,
    by: &AccountContext,
    name: &RepositoryName,
    (what, text): (&str, &str),
) -> Result<String, Refused> {
    let services = visit.services();
    let (artifacts, labels, locks) = (&services.artifacts, &services.labels, &services.locks);
    let artifact = ArtifactRef {
        repository: named(name),
        reference: visit.param("reference"),
    };
    let here = Link::Artifact(&by.account().name, name.as_str(), artifact.reference);
    let mut notice = Notice::Saved;
    match what {
        "tag" => artifacts.create_tag(by, artifact, text).await?,
        "label" => labels.attach(by, artifact, label(visit)?).await?,
        "unlabel" => labels.detach(by, artifact, label(visit)?).await?,
        "lock" => {
            let locked = digest(artifact.reference)?;
            locks.lock(by, artifact.repository, locked).await?;
        }
        "unlock" => {
            let locked = digest(artifact.reference)?;
            locks.unlock(by, artifact.repository, locked).await?;
        }
        "copy" => return copy(visit, by, (name, artifact.reference), text).await,
        "delete" => {
            artifacts.delete(by, artifact).await?;
            let repository = Link::Artifacts(&by.account().name, name.as_str());
            let notice = Notice::Trashed.word();
            return Ok(format!("{repository}?notice={notice}"));
        }
        _ => return Err(unknown_form()),
    }
    if what == "unlabel" {
        notice = Notice::Deleted;
    }
    Ok(format!("{here}?notice={}", notice.word()))
}

/// Copies the artifact to the repository of that name.
async fn copy(
    visit: &Visit<'_>,
    by: &AccountContext,
    (name, reference): (&RepositoryName, &str),
    to: &str,
) -> Result<String, Refused> {
    let target = RepositoryName::parse(to).map_err(|error| Error::Invalid(error.to_string()))?;
    let place = RepositoryRef {
        namespace: target.namespace(),
        name: target.path().unwrap_or_default(),
    };
    let Reference::Digest(digest) = digest(reference)? else {
        return Err(unknown_form());
    };
    let from = format!("{name}@{digest}");
    let artifacts = &visit.services().artifacts;
    artifacts.copy(by, place, &from).await?;
    let there = Link::Artifact(&by.account().name, target.as_str(), digest.as_str());
    Ok(format!("{there}?notice={}", Notice::Copied.word()))
}

/// The artifact's digest: its page sends its forms there, whatever tag it was opened by.
fn digest(reference: &str) -> Result<Reference, Error> {
    let digest = Digest::parse(reference).map_err(|error| Error::Invalid(error.to_string()))?;
    Ok(Reference::Digest(digest))
}

fn label(visit: &Visit<'_>) -> Result<i64, Error> {
    let number = visit.form.get("label").parse();
    number.map_err(|_| Error::NotFound("the label".to_owned()))
}
