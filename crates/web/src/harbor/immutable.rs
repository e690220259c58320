//! Rules of immutability of projects: which tags do not change.

use super::reply::{Reply, omit_empty};
use super::retentions::SelectorRequest;
use super::{Call, HarborError};
use model::selector::SelectorText;
use serde::Deserialize;
use serde_json::{Value, json};
use services::{ImmutabilityRef, ImmutabilitySelectors, ImmutabilityView, Listed};
use std::collections::BTreeMap;

/// The number and priority that a client may send are the registry's to give; a rule is made switched on.
#[derive(Deserialize)]
struct RuleRequest {
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    tag_selectors: Vec<SelectorRequest>,
    #[serde(default)]
    scope_selectors: BTreeMap<String, Vec<SelectorRequest>>,
}

impl RuleRequest {
    /// What it selects; `None` when it names no selectors at all.
    fn selectors(mut self) -> Result<Option<ImmutabilitySelectors>, HarborError> {
        let repositories = self.scope_selectors.remove("repository");
        if let Some(other) = self.scope_selectors.keys().next() {
            return Err(HarborError::bad_request(format!(
                "scope_selectors knows repository, not {other:?}"
            )));
        }
        if repositories.is_none() && self.tag_selectors.is_empty() {
            return Ok(None);
        }
        let texts = |selectors: Vec<SelectorRequest>| {
            let texts = selectors.into_iter().map(SelectorRequest::text);
            texts.collect::<Result<Vec<_>, _>>()
        };
        Ok(Some(ImmutabilitySelectors {
            repositories: texts(repositories.unwrap_or_default())?,
            tags: texts(self.tag_selectors)?,
        }))
    }
}

fn selector(text: &SelectorText) -> Value {
    json!({
        "kind": text.kind.as_str(),
        "decoration": text.decoration.as_str(),
        "pattern": text.pattern,
    })
}

fn rule(view: &ImmutabilityView) -> Value {
    let all = |texts: &[SelectorText]| texts.iter().map(selector).collect::<Vec<_>>();
    omit_empty(
        json!({
            "id": view.number,
            "disabled": !view.is_enabled,
            "action": "immutable",
            "template": "immutable_template",
            "tag_selectors": all(&view.selectors.tags),
            "scope_selectors": { "repository": all(&view.selectors.repositories) },
        }),
        &["disabled"],
    )
}

/// `ListImmuRules`.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, HarborError> {
    let query = call.query.list()?;
    let rules = &call.services().immutability;
    let views = rules.list(&call.by, call.namespace()).await?;
    let total = i64::try_from(views.len()).unwrap_or(i64::MAX);
    let skipped = usize::try_from(query.offset).unwrap_or(usize::MAX);
    let taken = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let items = views.into_iter().skip(skipped).take(taken).collect();
    call.page(&Listed { items, total }, rule)
}

/// `CreateImmuRule`.
pub(super) async fn create(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let request: RuleRequest = call.json()?;
    let selectors = request
        .selectors()?
        .unwrap_or_else(|| ImmutabilitySelectors {
            repositories: Vec::new(),
            tags: Vec::new(),
        });
    let rules = &call.services().immutability;
    let (_, number) = rules.create(&call.by, call.namespace(), selectors).await?;
    Ok(Reply::created(&call.location(&number)))
}

fn named<'a>(call: &'a Call<'_>) -> Result<ImmutabilityRef<'a>, HarborError> {
    Ok(ImmutabilityRef::Number(call.number("immutable_rule_id")?))
}

/// `UpdateImmuRule`: written anew, or switched on or off.
pub(super) async fn update(call: &Call<'_>) -> Result<Reply, HarborError> {
    let rule = named(call)?;
    let request: RuleRequest = call.json()?;
    let is_enabled = !request.disabled;
    let selectors = request.selectors()?;
    let rules = &call.services().immutability;
    let named = (call.namespace(), rule);
    rules.update(&call.by, named, selectors, is_enabled).await?;
    Ok(Reply::done())
}

/// `DeleteImmuRule`.
pub(super) async fn delete(call: &Call<'_>) -> Result<Reply, HarborError> {
    let rules = &call.services().immutability;
    let named = (call.namespace(), named(call)?);
    rules.delete(&call.by, named).await?;
    Ok(Reply::done())
}
