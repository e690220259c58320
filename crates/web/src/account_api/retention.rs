//! Retention: what stays in a namespace and what goes, tried before it is done.

use super::reply::{Answered, Created, Done, List, Shown};
use super::{ApiError, Call, Time};
use model::retention::{RuleAction, RuleText, Template};
use model::selector::{Decoration, SelectorKind, SelectorText};
use serde::{Deserialize, Serialize};
use services::{
    NamespaceRef, RetentionPreview, RetentionRef, RetentionRunRow, RetentionRunView, RetentionText,
};
use utoipa::ToSchema;

/// Artifacts that a preview shows.
const SHOWN: usize = 5000;

/// What a rule is about: artifacts by a tag or a label, or repositories by name.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RetentionSelector {
    /// `doublestar` (`*`, `**`, `?`, `{a,b}`, `[a-z]`), `regex`, which has to match all of the text, or `label`, the exact name of one.
    #[schema(max_length = 10)]
    kind: String,
    /// Whether what matches is excluded.
    #[serde(default)]
    excludes: bool,
    #[schema(max_length = 256)]
    pattern: String,
    /// Whether artifacts without a tag match too; with `excludes`, whether they are excluded too.
    #[serde(default)]
    untagged: bool,
}

/// A rule.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RetentionRule {
    /// `retain`: what it picks stays, and what no such rule picks goes. `keep`: what it picks stays, whatever others say.
    /// `remove`: of what it is about, that which it does not pick goes.
    #[schema(max_length = 10)]
    action: String,
    /// What it picks: `latestPushedK`, `latestPulledN`, `latestActiveK`, `nDaysSinceLastPush`, `nDaysSinceLastPull`, `lastXDays`,
    /// `always` or `nothing`.
    #[schema(max_length = 30)]
    template: String,
    /// How many artifacts or days; null for `always` and `nothing`.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1_000_000)]
    count: Option<u32>,
    #[serde(default)]
    disabled: bool,
    /// All of these have to select an artifact; none for all artifacts.
    #[serde(default)]
    #[schema(max_items = 10)]
    tags: Vec<RetentionSelector>,
    /// All of these have to select a repository, by its name without the namespace; none for all repositories.
    #[serde(default)]
    #[schema(max_items = 10)]
    repositories: Vec<RetentionSelector>,
}

/// A retention policy as it is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RetentionPolicyText {
    #[schema(max_items = 15)]
    rules: Vec<RetentionRule>,
    /// When it runs by itself: the six fields of cron in UTC, the first of which is 0. Null for by hand alone.
    #[serde(default)]
    #[schema(max_length = 200)]
    schedule: Option<String>,
}

/// A retention policy.
#[derive(Serialize, ToSchema)]
pub(super) struct RetentionPolicyShown {
    rules: Vec<RetentionRule>,
    schedule: Option<String>,
    /// Why the rules cannot be followed at present, and from when on they can: null when they can.
    note: Option<String>,
}

/// What is to be tried.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RetentionTrial {
    /// Without them, those of the namespace's policy.
    #[serde(default)]
    #[schema(max_items = 15)]
    rules: Option<Vec<RetentionRule>>,
    /// The whole name of one repository; without it, all.
    #[serde(default)]
    #[schema(max_length = 255)]
    repository: Option<String>,
}

/// What is to be run.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RetentionRunRequest {
    /// Whether nothing goes.
    #[serde(default)]
    dry_run: bool,
}

/// What would become of an artifact.
#[derive(Serialize, ToSchema)]
pub(super) struct RetentionDecision {
    repository: String,
    digest: String,
    tags: Vec<String>,
    pushed_at: Time,
    pulled_at: Option<Time>,
    stays: bool,
    /// Why it stays or goes.
    why: String,
}

/// What rules would do.
#[derive(Serialize, ToSchema)]
pub(super) struct RetentionPreviewShown {
    /// Artifacts that were looked at.
    total: usize,
    /// Those of them that would go.
    removed: usize,
    /// Whether that is all there is: at most 20,000 artifacts are looked at. A dry run looks at any number.
    is_whole: bool,
    /// At most 5,000 of them, those that would go first.
    artifacts: Vec<RetentionDecision>,
}

/// A run of a policy.
#[derive(Serialize, ToSchema)]
pub(super) struct RetentionRunShown {
    number: i64,
    /// `queued`, `running`, `done`, `stopped` or `failed`.
    state: &'static str,
    is_dry_run: bool,
    /// `manual` or `schedule`.
    trigger: &'static str,
    /// Artifacts in the repositories that are done.
    total: i64,
    /// Those of them that stay by the rules.
    retained: i64,
    /// Those of them that have gone, or would have.
    removed: i64,
    /// Why it did not do all.
    why: Option<String>,
    created_at: Time,
    ended_at: Option<Time>,
}

impl RetentionSelector {
    fn text(self, of_repositories: bool) -> Answered<SelectorText> {
        let kind = match self.kind.as_str() {
            "doublestar" => SelectorKind::Doublestar,
            "regex" => SelectorKind::Regex,
            "label" => SelectorKind::Label,
            _ => {
                return Err(ApiError::invalid(
                    "the kind of a selector is doublestar, regex or label",
                ));
            }
        };
        let decoration = match (of_repositories, self.excludes) {
            (false, false) => Decoration::Matches,
            (false, true) => Decoration::Excludes,
            (true, false) => Decoration::RepoMatches,
            (true, true) => Decoration::RepoExcludes,
        };
        Ok(SelectorText {
            kind,
            decoration,
            pattern: self.pattern,
            untagged: self.untagged,
        })
    }

    fn shown(text: SelectorText) -> Self {
        Self {
            kind: text.kind.as_str().to_owned(),
            excludes: matches!(
                text.decoration,
                Decoration::Excludes | Decoration::RepoExcludes
            ),
            pattern: text.pattern,
            untagged: text.untagged,
        }
    }
}

impl RetentionRule {
    fn text(self) -> Answered<RuleText> {
        let action = RuleAction::parse(&self.action);
        let template = Template::parse(&self.template);
        let texts = |selectors: Vec<RetentionSelector>, of_repositories| {
            let texts = selectors.into_iter().map(|one| one.text(of_repositories));
            texts.collect::<Answered<Vec<_>>>()
        };
        Ok(RuleText {
            disabled: self.disabled,
            priority: 0,
            action: action.ok_or_else(|| {
                ApiError::invalid("the action of a rule is retain, keep or remove")
            })?,
            template: template.ok_or_else(|| {
                ApiError::invalid("the template of a rule is none of those that there are")
            })?,
            count: self.count,
            tag_selectors: texts(self.tags, false)?,
            repository_selectors: texts(self.repositories, true)?,
        })
    }

    fn shown(rule: RuleText) -> Self {
        let selectors =
            |texts: Vec<SelectorText>| texts.into_iter().map(RetentionSelector::shown).collect();
        Self {
            action: rule.action.as_str().to_owned(),
            template: rule.template.as_str().to_owned(),
            count: rule.count,
            disabled: rule.disabled,
            tags: selectors(rule.tag_selectors),
            repositories: selectors(rule.repository_selectors),
        }
    }
}

fn rules(rules: Vec<RetentionRule>) -> Answered<Vec<RuleText>> {
    rules.into_iter().map(RetentionRule::text).collect()
}

impl RetentionPolicyText {
    fn text(self) -> Answered<RetentionText> {
        Ok(RetentionText {
            rules: rules(self.rules)?,
            cron: self.schedule,
        })
    }
}

fn shown(text: RetentionText, note: Option<String>) -> Shown<RetentionPolicyShown> {
    Shown(RetentionPolicyShown {
        note,
        rules: text.rules.into_iter().map(RetentionRule::shown).collect(),
        schedule: text.cron,
    })
}

fn run_shown(view: RetentionRunView) -> RetentionRunShown {
    let row: RetentionRunRow = view.row;
    RetentionRunShown {
        number: view.number,
        state: row.state.as_str(),
        is_dry_run: row.is_dry_run,
        trigger: if row.is_scheduled {
            "schedule"
        } else {
            "manual"
        },
        total: row.total,
        retained: row.retained,
        removed: row.removed,
        why: row.why,
        created_at: Time::from_ms(row.created_at_ms),
        ended_at: row.ended_at_ms.map(Time::from_ms),
    }
}

fn preview_shown(preview: RetentionPreview) -> RetentionPreviewShown {
    let mut artifacts = Vec::new();
    for repository in preview.repositories {
        let name = repository.name;
        artifacts.extend(
            repository
                .artifacts
                .into_iter()
                .map(|one| RetentionDecision {
                    repository: name.clone(),
                    digest: one.artifact.digest,
                    tags: one.artifact.tags,
                    pushed_at: Time::from_ms(one.artifact.pushed_at_ms),
                    pulled_at: one.artifact.pulled_at_ms.map(Time::from_ms),
                    stays: one.stays,
                    why: one.why,
                }),
        );
    }
    let total = artifacts.len();
    let removed = artifacts.iter().filter(|one| !one.stays).count();
    artifacts.sort_by_key(|one| one.stays);
    artifacts.truncate(SHOWN);
    RetentionPreviewShown {
        total,
        removed,
        is_whole: preview.is_whole,
        artifacts,
    }
}

fn namespace<'a>(call: &'a Call<'_>) -> NamespaceRef<'a> {
    NamespaceRef::Name(call.param("namespace"))
}

/// `getRetentionPolicy`.
pub(super) async fn get(call: &Call<'_>) -> Answered<Shown<RetentionPolicyShown>> {
    let by = call.account().await?;
    let found = call
        .services()
        .retention
        .get_of(&by, namespace(call))
        .await?;
    let view = found.ok_or_else(|| ApiError::not_found("the namespace has no retention policy"))?;
    Ok(shown(view.text, view.note))
}

/// `setRetentionPolicy`.
pub(super) async fn set(call: &Call<'_>, wanted: RetentionPolicyText) -> Answered<Done> {
    let by = call.account().await?;
    let retention = &call.services().retention;
    retention.put(&by, namespace(call), wanted.text()?).await?;
    Ok(Done)
}

pub(super) async fn delete(call: &Call<'_>) -> Answered<Done> {
    let by = call.account().await?;
    let policy = RetentionRef::Of(namespace(call));
    call.services().retention.delete(&by, policy).await?;
    Ok(Done)
}

/// `previewRetention`.
pub(super) async fn preview(
    call: &Call<'_>,
    trial: RetentionTrial,
) -> Answered<Shown<RetentionPreviewShown>> {
    let by = call.account().await?;
    let text = trial.rules.map(rules).transpose()?;
    let text = text.map(|rules| RetentionText { rules, cron: None });
    let only = trial.repository.as_deref();
    let retention = &call.services().retention;
    let preview = retention.preview(&by, namespace(call), text, only).await?;
    Ok(Shown(preview_shown(preview)))
}

/// `runRetention`.
pub(super) async fn run(
    call: &Call<'_>,
    request: RetentionRunRequest,
) -> Answered<Created<RetentionRunShown>> {
    let by = call.account().await?;
    let policy = RetentionRef::Of(namespace(call));
    let retention = &call.services().retention;
    let view = retention.start(&by, policy, request.dry_run).await?;
    let place = call.location(&view.number.to_string());
    Ok(Created::at(place, run_shown(view)))
}

pub(super) async fn list_runs(call: &Call<'_>) -> Answered<List<RetentionRunShown>> {
    let by = call.account().await?;
    let policy = RetentionRef::Of(namespace(call));
    let query = call.list_query()?;
    let listed = call
        .services()
        .retention
        .list_runs(&by, policy, query)
        .await?;
    call.counted(listed, run_shown)
}

pub(super) async fn stop(call: &Call<'_>) -> Answered<Done> {
    let by = call.account().await?;
    let run = call.param("run").parse();
    let run = run.map_err(|_| ApiError::not_found("there is no such retention run"))?;
    let policy = RetentionRef::Of(namespace(call));
    call.services().retention.stop(&by, policy, run).await?;
    Ok(Done)
}

pub(super) async fn get_default(call: &Call<'_>) -> Answered<Shown<RetentionPolicyShown>> {
    let by = call.account().await?;
    let found = call.services().retention.default_of(&by).await?;
    let missing = || ApiError::not_found("new namespaces begin without a retention policy");
    Ok(shown(found.ok_or_else(missing)?, None))
}

pub(super) async fn set_default(call: &Call<'_>, wanted: RetentionPolicyText) -> Answered<Done> {
    let by = call.account().await?;
    call.services()
        .retention
        .set_default(&by, wanted.text()?)
        .await?;
    Ok(Done)
}

pub(super) async fn delete_default(call: &Call<'_>) -> Answered<Done> {
    let by = call.account().await?;
    call.services().retention.delete_default(&by).await?;
    Ok(Done)
}
