//! Retention of a namespace: rules that are tried before they are kept, and their runs.

use super::retention_form::{new_rule, schedule, sent, shown, text};
use crate::console::accounts::unsigned;
use crate::console::failed::{Failed, mendable, unknown_form};
use crate::console::sent::Sent;
use crate::console::visit::Visit;
use http::StatusCode;
use model::Action;
use pages::policies::retention::{Decision, Preview, Retention, RuleForm, RunLine};
use pages::{Link, Moment, Notice, Page as _, Tab};
use services::{
    AccountContext, ListQuery, NamespaceRef, Refused, RetentionPreview, RetentionRef,
    RetentionRunView, RetentionState, RetentionText,
};

/// Artifacts of a preview that are shown.
const SHOWN: usize = 25;
/// Their tags that are.
const TAGS: usize = 5;
/// Runs that are shown.
const RUNS: i64 = 5;

fn named<'a>(visit: &'a Visit<'_>) -> NamespaceRef<'a> {
    NamespaceRef::Name(visit.param("namespace"))
}

fn policy<'a>(visit: &'a Visit<'_>) -> RetentionRef<'a> {
    RetentionRef::Of(named(visit))
}

/// What stands in the form.
struct Form {
    rules: Vec<RuleForm>,
    schedule: String,
    preview: Option<Preview>,
    failed: Option<String>,
}

/// `GET /accounts/{account}/namespaces/{namespace}/retention`.
pub(super) async fn show(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let page = page(visit, &by, None).await?;
    Ok(Sent::page(page.html()))
}

/// `POST` to the same: tries the rules, changes the form, or keeps what it says.
pub(super) async fn change(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let mut form = Form {
        rules: sent(visit),
        schedule: visit.form.get("schedule").to_owned(),
        preview: None,
        failed: None,
    };
    let wanted = visit.form.get("do");
    if wanted == "add" {
        form.rules.push(new_rule());
    } else if let Some(at) = wanted.strip_prefix("without-") {
        let at = at.parse().unwrap_or(usize::MAX);
        if at < form.rules.len() {
            form.rules.remove(at);
        }
    } else if let Err(refused) = follow(visit, &by, wanted == "save", &mut form).await {
        form.failed = Some(mendable(refused)?);
    } else if wanted == "save" {
        return Ok(back(visit, &by, Notice::Saved));
    }
    let status = match form.failed {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let page = page(visit, &by, Some(form)).await?;
    Ok(Sent::page(page.html()).with_status(status))
}

/// Keeps what the form says, or tries it.
async fn follow(
    visit: &Visit<'_>,
    by: &AccountContext,
    keeps: bool,
    form: &mut Form,
) -> Result<(), Refused> {
    let text = text(&form.rules, &form.schedule)?;
    let retention = &visit.services().retention;
    if keeps {
        return retention.put(by, named(visit), text).await;
    }
    let tried = RetentionText { cron: None, ..text };
    let found = retention
        .preview(by, named(visit), Some(tried), None)
        .await?;
    form.preview = Some(preview(found));
    Ok(())
}

fn preview(found: RetentionPreview) -> Preview {
    let is_whole = found.is_whole;
    let artifacts = found.repositories.into_iter().flat_map(|repository| {
        let name = repository.name;
        let artifacts = repository.artifacts.into_iter();
        artifacts.map(move |one| (name.clone(), one))
    });
    let mut artifacts: Vec<_> = artifacts.collect();
    artifacts.sort_by_key(|(_, one)| (one.stays, -one.artifact.pushed_at_ms));
    let count = |stays: bool| {
        let those = artifacts.iter().filter(|(_, one)| one.stays == stays);
        u64::try_from(those.count()).unwrap_or(u64::MAX)
    };
    let (kept, removed) = (count(true), count(false));
    let lines = artifacts.into_iter().take(SHOWN).map(|(repository, one)| {
        let mut tags = one.artifact.tags;
        tags.truncate(TAGS);
        Decision {
            repository,
            digest: one.artifact.digest,
            tags,
            pushed: Moment(one.artifact.pushed_at_ms),
            stays: one.stays,
            why: one.why,
        }
    });
    Preview {
        kept,
        removed,
        is_whole,
        artifacts: lines.collect(),
    }
}

async fn page(
    visit: &Visit<'_>,
    by: &AccountContext,
    form: Option<Form>,
) -> Result<Retention, Failed> {
    let retention = &visit.services().retention;
    let namespace = visit.param("namespace").to_owned();
    let view = retention.get_of(by, named(visit)).await?;
    let may_change = visit
        .may_in(by, &namespace, Action::TagRetentionUpdate)
        .await?;
    let runs = match view {
        Some(_) => runs(visit, by).await?,
        None => Vec::new(),
    };
    let is_saved = view.is_some();
    let (note, form) = match (form, view) {
        (Some(form), view) => (view.and_then(|view| view.note), form),
        (None, Some(view)) => {
            let form = Form {
                rules: view.text.rules.iter().map(shown).collect(),
                schedule: schedule(view.text.cron.as_deref()),
                preview: None,
                failed: None,
            };
            (view.note, form)
        }
        (None, None) => {
            let form = Form {
                rules: vec![new_rule()],
                schedule: "none".to_owned(),
                preview: None,
                failed: None,
            };
            (None, form)
        }
    };
    Ok(Retention {
        frame: visit.frame_in(by, &namespace, Tab::Retention).await?,
        account: by.account().name.clone(),
        namespace,
        note,
        rules: form.rules,
        schedule: form.schedule,
        may_change,
        failed: form.failed,
        preview: form.preview,
        is_saved,
        runs,
    })
}

/// The last runs; none for those who may not list them.
async fn runs(visit: &Visit<'_>, by: &AccountContext) -> Result<Vec<RunLine>, Failed> {
    let query = ListQuery {
        limit: RUNS,
        ..ListQuery::default()
    };
    let listed = visit
        .services()
        .retention
        .list_runs(by, policy(visit), query);
    match listed.await {
        Ok(listed) => Ok(listed.items.into_iter().map(line).collect()),
        Err(Refused::Forbidden) => Ok(Vec::new()),
        Err(refused) => Err(refused.into()),
    }
}

fn line(view: RetentionRunView) -> RunLine {
    let row = view.row;
    RunLine {
        number: unsigned(view.number),
        created: Moment(row.created_at_ms),
        is_dry: row.is_dry_run,
        is_going: matches!(row.state, RetentionState::Queued | RetentionState::Running),
        state: row.state.as_str(),
        total: unsigned(row.total),
        removed: unsigned(row.removed),
        why: row.why,
    }
}

/// The way back to the page.
fn back(visit: &Visit<'_>, by: &AccountContext, notice: Notice) -> Sent {
    let segments = ["namespaces", visit.param("namespace"), "retention"];
    let link = Link::Under(&by.account().name, &segments).to_string();
    Sent::to(&format!("{link}?notice={}", notice.word()))
}

/// `POST …/retention/runs`: a dry run, or a real one.
pub(super) async fn run(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let authorizer = &visit.services().authorizer;
    let action = Action::TagRetentionUpdate;
    authorizer.namespace(&by, named(visit), action).await?;
    let is_dry = match visit.form.get("dry") {
        "yes" => true,
        "no" => false,
        // What cannot be undone is never what a form means that says nothing.
        _ => return Err(unknown_form().into()),
    };
    let started = visit.services().retention.start(&by, policy(visit), is_dry);
    started.await?;
    Ok(back(visit, &by, Notice::Started))
}

/// `POST …/retention/runs/{run}/stop`.
pub(super) async fn stop(visit: &Visit<'_>) -> Result<Sent, Failed> {
    let by = visit.account().await?;
    let number = visit
        .param("run")
        .parse()
        .map_err(|_| Failed::not_found())?;
    let stopped = visit.services().retention.stop(&by, policy(visit), number);
    stopped.await?;
    Ok(back(visit, &by, Notice::Stopped))
}
