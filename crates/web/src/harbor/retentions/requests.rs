//! Retention policies as clients write them.

use crate::harbor::HarborError;
use model::retention::{RuleAction, RuleText, Template};
use model::selector::{Decoration, SelectorKind, SelectorText};
use serde::Deserialize;
use serde_json::{Map, Value};
use services::RetentionText;
use std::collections::BTreeMap;

#[derive(Deserialize)]
pub(super) struct PolicyRequest {
    #[serde(default)]
    algorithm: String,
    #[serde(default)]
    rules: Vec<RuleRequest>,
    trigger: Option<TriggerRequest>,
    pub(super) scope: Option<ScopeRequest>,
}

#[derive(Deserialize)]
pub(super) struct ScopeRequest {
    #[serde(default)]
    level: String,
    #[serde(default, rename = "ref")]
    project: i64,
}

#[derive(Deserialize)]
struct TriggerRequest {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    settings: Map<String, Value>,
}

#[derive(Deserialize)]
struct RuleRequest {
    #[serde(default)]
    priority: i64,
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    action: String,
    #[serde(default)]
    template: String,
    #[serde(default)]
    params: Map<String, Value>,
    #[serde(default)]
    tag_selectors: Vec<SelectorRequest>,
    #[serde(default)]
    scope_selectors: BTreeMap<String, Vec<SelectorRequest>>,
}

/// A selector as clients write it.
#[derive(Deserialize)]
pub(in crate::harbor) struct SelectorRequest {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    decoration: String,
    #[serde(default)]
    pattern: String,
    #[serde(default)]
    extras: String,
}

impl SelectorRequest {
    pub(in crate::harbor) fn text(self) -> Result<SelectorText, HarborError> {
        let kind = match self.kind.as_str() {
            "doublestar" | "" => SelectorKind::Doublestar,
            "regex" => SelectorKind::Regex,
            "label" => SelectorKind::Label,
            other => {
                return Err(HarborError::bad_request(format!(
                    "{other:?} is no kind of selector; there are doublestar, regex and label"
                )));
            }
        };
        let decoration = match self.decoration.as_str() {
            "matches" => Decoration::Matches,
            "excludes" => Decoration::Excludes,
            "repoMatches" => Decoration::RepoMatches,
            "repoExcludes" => Decoration::RepoExcludes,
            other => {
                return Err(HarborError::bad_request(format!(
                    "{other:?} is no decoration; there are matches, excludes, repoMatches and repoExcludes"
                )));
            }
        };
        let extras: Value = match self.extras.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).map_err(|_| {
                HarborError::bad_request("extras is a JSON text such as {\"untagged\":true}")
            })?,
        };
        Ok(SelectorText {
            kind,
            decoration,
            pattern: self.pattern,
            untagged: extras["untagged"].as_bool().unwrap_or(false),
        })
    }
}

/// A number as clients write it: also with a fraction of nothing, or as a text.
fn count(value: &Value) -> Result<u32, HarborError> {
    let number = match value {
        Value::String(text) => text.trim().parse::<f64>().ok(),
        other => other.as_f64(),
    };
    let whole = number.filter(|number| number.fract() == 0.0 && (0.0..=4e9).contains(number));
    let whole = whole.and_then(|number| format!("{number:.0}").parse().ok());
    whole.ok_or_else(|| {
        HarborError::bad_request("the parameter of a rule is a whole number that is not negative")
    })
}

impl RuleRequest {
    fn text(mut self) -> Result<RuleText, HarborError> {
        let template = Template::parse(&self.template).ok_or_else(|| {
            HarborError::bad_request(format!(
                "{:?} is no template of rules; see /api/v2.0/retentions/metadatas",
                self.template
            ))
        })?;
        let action = match self.action.as_str() {
            "" => Some(RuleAction::Retain),
            word => RuleAction::parse(word),
        };
        let value = self
            .params
            .get(template.as_str())
            .filter(|_| template.needs_count());
        let texts = |selectors: Vec<SelectorRequest>| {
            let texts = selectors.into_iter().map(SelectorRequest::text);
            texts.collect::<Result<Vec<_>, _>>()
        };
        let repositories = self
            .scope_selectors
            .remove("repository")
            .unwrap_or_default();
        if let Some(other) = self.scope_selectors.keys().next() {
            return Err(HarborError::bad_request(format!(
                "{other:?} cannot be selected by; scope_selectors are of \"repository\""
            )));
        }
        Ok(RuleText {
            disabled: self.disabled,
            priority: self.priority,
            action: action.ok_or_else(|| {
                HarborError::bad_request("the action of a rule is retain, or keep or remove")
            })?,
            template,
            count: value.map(count).transpose()?,
            tag_selectors: texts(self.tag_selectors)?,
            repository_selectors: texts(repositories)?,
        })
    }
}

impl PolicyRequest {
    /// The project that it is for.
    pub(super) fn project(&self) -> Result<i64, HarborError> {
        match &self.scope {
            Some(scope) if scope.level == "project" && scope.project > 0 => Ok(scope.project),
            _ => Err(HarborError::bad_request(
                "the scope of a retention policy is a project: {\"level\":\"project\",\"ref\":1}",
            )),
        }
    }

    pub(super) fn text(self) -> Result<RetentionText, HarborError> {
        if !matches!(self.algorithm.as_str(), "or" | "") {
            return Err(HarborError::bad_request(
                "the algorithm of a retention policy is or",
            ));
        }
        let cron = match &self.trigger {
            None => None,
            Some(trigger) if matches!(trigger.kind.as_str(), "Schedule" | "") => {
                let cron = trigger.settings.get("cron").and_then(Value::as_str);
                cron.map(str::to_owned)
            }
            Some(_) => {
                return Err(HarborError::bad_request(
                    "the kind of a trigger is Schedule",
                ));
            }
        };
        let rules = self.rules.into_iter().map(RuleRequest::text);
        Ok(RetentionText {
            rules: rules.collect::<Result<_, _>>()?,
            cron,
        })
    }
}
