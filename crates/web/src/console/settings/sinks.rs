//! Sinks: places outside to which an account's log goes.

use super::{there, unsigned};
use crate::console::failed::{Failed, mendable};
use crate::console::sent::Sent;
use crate::console::visit::Visit;
use http::StatusCode;
use model::Action;
use pages::settings::sinks::{KINDS, Sink, SinkForm, SinkLine, SinkStanding, Sinks};
use pages::{Link, Moment, Notice, Page as _, Section};
use services::{AccountContext, SecretString, SinkKind, SinkSettings, SinkSpec, SinkView};

const PLACE: &str = "settings/sinks";

/// `GET /accounts/{account}/settings/sinks`: with the form of the kind that was chosen.
pub(super) async fn list(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let kind = visit.query.get("kind");
    let form = KINDS.contains(&kind).then(|| SinkForm {
        kind: kind.to_owned(),
        is_on: true,
        ..SinkForm::default()
    });
    let page = page(visit, &by, form).await?;
    Ok(Sent::page(page.html()))
}

async fn page(
    visit: &Visit<'_>,
    by: &AccountContext,
    form: Option<SinkForm>,
) -> Result<Sinks, Failed> {
    let listed = visit.services().sinks.list(by).await?;
    let may_create = visit.may(by, Action::SinkCreate).await?
        // Whoever decides what is sent where may read it anyway.
        && visit.may(by, Action::AuditLogList).await?;
    Ok(Sinks {
        frame: visit.frame_of(by, Section::Settings).await?,
        account: by.account().name.clone(),
        sinks: listed.iter().map(line).collect(),
        may_create,
        form: form.filter(|_| may_create),
    })
}

pub(super) fn standing(view: &SinkView) -> SinkStanding {
    let behind = unsigned(view.lag_events);
    let Some(follower) = view.follower.as_ref().filter(|_| view.row.is_enabled) else {
        return SinkStanding::Off;
    };
    let why = || follower.last_error.clone().unwrap_or_default();
    if follower.is_paused {
        SinkStanding::Paused(why(), behind)
    } else if follower.failures > 0 {
        SinkStanding::Failing(why(), behind)
    } else if behind > 0 {
        SinkStanding::Behind(behind)
    } else {
        SinkStanding::CaughtUp
    }
}

fn line(view: &SinkView) -> SinkLine {
    SinkLine {
        id: view.row.id.clone(),
        name: view.row.name.clone(),
        kind: view.row.kind.clone(),
        receiver: view.row.origin.clone(),
        standing: standing(view),
    }
}

/// The sink that was typed; of one that is there, what is not shown stays unless it was typed anew.
fn spec(visit: &Visit<'_>, kind: SinkKind) -> SinkSpec {
    let form = &visit.form;
    let text = |name| form.get(name).trim().to_owned();
    let typed = |name| Some(form.secret(name)).filter(|secret| !secret.is_empty());
    let none = || form.is_on("no_secret").then(|| SecretString::new(""));
    SinkSpec {
        name: text("name"),
        kind,
        url: typed("url"),
        secret: typed("secret").or_else(none),
        settings: SinkSettings {
            is_cadf: form.get("format") == "cadf",
            region: text("region"),
            access_key_id: text("access_key_id"),
            ca_certificates: text("ca_certificates"),
            pushes_metrics: form.is_on("metrics"),
        },
        verifies_certificate: !form.is_on("skip_verify"),
        is_enabled: form.is_on("on"),
    }
}

/// The form as it was sent, without what is secret, with what was wrong.
fn sent(visit: &Visit<'_>, kind: &str, failed: String) -> SinkForm {
    let form = &visit.form;
    let text = |name| form.get(name).to_owned();
    SinkForm {
        kind: kind.to_owned(),
        name: text("name"),
        is_cadf: form.get("format") == "cadf",
        region: text("region"),
        access_key_id: text("access_key_id"),
        ca_certificates: text("ca_certificates"),
        pushes_metrics: form.is_on("metrics"),
        believes_anybody: form.is_on("skip_verify"),
        is_on: form.is_on("on"),
        is_there: false,
        has_secret: false,
        failed: Some(failed),
    }
}

fn one(by: &AccountContext, id: &str, notice: Notice) -> Sent {
    let link = Link::Under(&by.account().name, &["settings", "sinks", id]).to_string();
    Sent::to(&format!("{link}?notice={}", notice.word()))
}

/// `POST /accounts/{account}/settings/sinks`: makes one.
pub(super) async fn create(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let kind = SinkKind::parse(visit.form.get("kind")).unwrap_or(SinkKind::Https);
    let made = visit.services().sinks.create(&by, spec(visit, kind));
    match made.await {
        Ok(made) => Ok(one(&by, &made.row.id, Notice::Saved)),
        Err(refused) => {
            let form = sent(visit, kind.as_str(), mendable(refused)?);
            let page = page(visit, &by, Some(form)).await?;
            Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

async fn find(visit: &Visit<'_>, by: &AccountContext) -> Result<SinkView, Failed> {
    let sinks = &visit.services().sinks;
    Ok(sinks.get(by, visit.param("sink")).await?)
}

/// `GET /accounts/{account}/settings/sinks/{sink}`.
pub(super) async fn show(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let view = find(visit, &by).await?;
    let page = sink(visit, &by, view).await?;
    Ok(Sent::page(page.html()))
}

async fn sink(visit: &Visit<'_>, by: &AccountContext, view: SinkView) -> Result<Sink, Failed> {
    let may_update = visit.may(by, Action::SinkUpdate).await?;
    let may_change = may_update && visit.may(by, Action::AuditLogList).await?;
    let line = line(&view);
    let (row, settings) = (view.row, view.settings);
    let form = SinkForm {
        kind: row.kind,
        name: row.name,
        is_cadf: settings.is_cadf,
        region: settings.region,
        access_key_id: settings.access_key_id,
        ca_certificates: settings.ca_certificates,
        pushes_metrics: settings.pushes_metrics,
        believes_anybody: !row.verifies_certificate,
        is_on: row.is_enabled,
        is_there: true,
        has_secret: row.sealed_secret.is_some(),
        failed: None,
    };
    Ok(Sink {
        frame: visit.frame_of(by, Section::Settings).await?,
        account: by.account().name.clone(),
        line,
        sent: unsigned(row.sent_events),
        sent_at: row.sent_at_ms.map(Moment),
        missed: view.follower.map_or(0, |one| unsigned(one.missed)),
        metrics_error: row.metrics_error,
        creator: row.creator,
        created: Moment(row.created_at_ms),
        form: may_change.then_some(form),
        trial: None,
        may_try: may_update,
        may_delete: visit.may(by, Action::SinkDelete).await?,
        not_resumed: None,
        not_deleted: None,
    })
}

/// `POST /accounts/{account}/settings/sinks/{sink}`: changes it.
pub(super) async fn change(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let view = find(visit, &by).await?;
    let kind = SinkKind::parse(&view.row.kind).unwrap_or(SinkKind::Https);
    let sinks = &visit.services().sinks;
    let changed = sinks.update(&by, &view.row.id, spec(visit, kind), None);
    match changed.await {
        Ok(view) => Ok(one(&by, &view.row.id, Notice::Saved)),
        Err(refused) => {
            let form = SinkForm {
                is_there: true,
                has_secret: view.row.sealed_secret.is_some(),
                ..sent(visit, kind.as_str(), mendable(refused)?)
            };
            let mut page = sink(visit, &by, view).await?;
            page.form = Some(form);
            Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

/// `POST /accounts/{account}/settings/sinks/{sink}/test`: sends it one event that says that it is a trial.
pub(super) async fn test(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let trial = visit.services().sinks.test(&by, visit.param("sink"));
    let trial = trial.await?;
    let mut page = sink(visit, &by, find(visit, &by).await?).await?;
    let why = (!trial.is_delivered).then(|| trial.error.unwrap_or_default());
    page.trial = Some(why);
    Ok(Sent::page(page.html()))
}

/// `POST /accounts/{account}/settings/sinks/{sink}/resume`: lets one that was stopped go on.
pub(super) async fn resume(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let (sinks, skips) = (&visit.services().sinks, visit.form.is_on("skip"));
    match sinks.resume(&by, visit.param("sink"), skips).await {
        Ok(view) => Ok(one(&by, &view.row.id, Notice::Started)),
        Err(refused) => {
            let why = mendable(refused)?;
            let mut page = sink(visit, &by, find(visit, &by).await?).await?;
            page.not_resumed = Some(why);
            Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

/// `POST /accounts/{account}/settings/sinks/{sink}/delete`: with its name typed, since nothing brings it back.
pub(super) async fn delete(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let view = find(visit, &by).await?;
    if visit.form.get("confirm").trim() != view.row.name.trim() {
        let mut page = sink(visit, &by, view).await?;
        page.not_deleted = Some(visit.language.texts().people.name_differs.to_owned());
        return Ok(Sent::page(page.html()).with_status(StatusCode::UNPROCESSABLE_ENTITY));
    }
    let sinks = &visit.services().sinks;
    sinks.delete(&by, &view.row.id).await?;
    Ok(there(&by, PLACE, Notice::Deleted))
}
