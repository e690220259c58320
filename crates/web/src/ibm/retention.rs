//! Retention policies: so many images of each repository, and images without a tag or not. They are rules of the same
//! retention that all faces have.

use super::{Call, IbmError, reply};
use crate::body::Body;
use http::{Response, StatusCode};
use model::retention::{RuleAction, RuleText, Template};
use model::selector::{Decoration, SelectorKind, SelectorText};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use services::{NamespaceRef, RetentionText};

/// When a policy that is set here runs: every day.
const DAILY: &str = "0 0 2 * * *";

/// The body of `SetRetentionPolicy` and `AnalyzeRetentionPolicy`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyWanted {
    namespace: String,
    #[serde(default = "unlimited")]
    images_per_repo: i64,
    #[serde(default)]
    retain_untagged: bool,
}

fn unlimited() -> i64 {
    -1
}

fn all(decoration: Decoration) -> SelectorText {
    SelectorText {
        kind: SelectorKind::Doublestar,
        decoration,
        pattern: "**".to_owned(),
        untagged: false,
    }
}

fn rule(template: Template, count: Option<u32>, of: SelectorText) -> RuleText {
    RuleText {
        disabled: false,
        priority: 0,
        action: RuleAction::Retain,
        template,
        count,
        tag_selectors: vec![of],
        repository_selectors: Vec::new(),
    }
}

impl PolicyWanted {
    fn text(&self) -> Result<RetentionText, IbmError> {
        let tagged = all(Decoration::Matches);
        let mut rules = vec![match self.images_per_repo {
            -1 => rule(Template::Always, None, tagged),
            count => {
                let count = u32::try_from(count).map_err(|_| {
                    IbmError::bad_request("images_per_repo is a number of images, or -1 for all")
                })?;
                rule(Template::LatestPushedK, Some(count), tagged)
            }
        }];
        if self.retain_untagged {
            // What has no tag is what no pattern excludes.
            rules.push(rule(Template::Always, None, all(Decoration::Excludes)));
        }
        Ok(RetentionText {
            rules,
            cron: Some(DAILY.to_owned()),
        })
    }
}

/// A policy in IBM's words. Rules that say more than those have words for are shown by the nearest that removes no less.
fn shown(namespace: &str, text: &RetentionText) -> Value {
    let rules = text.rules.iter().filter(|rule| !rule.disabled);
    let counts = rules
        .clone()
        .filter(|rule| rule.template == Template::LatestPushedK);
    let count = counts.filter_map(|rule| rule.count).max();
    let keeps_untagged = |rule: &RuleText| {
        rule.template == Template::Always
            && rule.tag_selectors.iter().all(|one| match one.decoration {
                Decoration::Matches => one.untagged,
                _ => !one.untagged,
            })
    };
    json!({
        "namespace": namespace,
        "images_per_repo": count.map_or(-1, i64::from),
        "retain_untagged": text.rules.is_empty() || rules.clone().any(keeps_untagged),
    })
}

/// `ListRetentionPolicies`: by namespace.
pub(super) async fn list(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    call.require_login()?;
    let policies = call.services().retention.list(&call.by).await?;
    let policies: Map<String, Value> = policies
        .iter()
        .map(|(namespace, text)| (namespace.clone(), shown(namespace, text)))
        .collect();
    Ok(reply::json(StatusCode::OK, &Value::Object(policies)))
}

/// `GetRetentionPolicy`. A namespace without one keeps everything.
pub(super) async fn get(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    call.require_login()?;
    let name = call.param("namespace");
    let named = NamespaceRef::Name(name);
    let found = call.services().retention.get_of(&call.by, named).await?;
    let text = found.map(|view| view.text);
    let text = text.unwrap_or(RetentionText {
        rules: Vec::new(),
        cron: None,
    });
    Ok(reply::json(StatusCode::OK, &shown(name, &text)))
}

/// `SetRetentionPolicy`: it is followed at once, and then every day.
pub(super) async fn set(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    call.require_login()?;
    let wanted: PolicyWanted = call.json()?;
    let text = wanted.text()?;
    let (retention, named) = (
        &call.services().retention,
        NamespaceRef::Name(&wanted.namespace),
    );
    retention.put(&call.by, named, text).await?;
    retention
        .start(&call.by, services::RetentionRef::Of(named), false)
        .await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// `AnalyzeRetentionPolicy`: the digests that would go, by repository.
pub(super) async fn analyze(call: &Call<'_>) -> Result<Response<Body>, IbmError> {
    call.require_login()?;
    let wanted: PolicyWanted = call.json()?;
    let named = NamespaceRef::Name(&wanted.namespace);
    let retention = &call.services().retention;
    let preview = retention
        .preview(&call.by, named, Some(wanted.text()?), None)
        .await?;
    if !preview.is_whole {
        return Err(IbmError::bad_request(
            "the namespace has too many images to be analyzed in one answer; start a dry run of its policy",
        ));
    }
    let mut going = Map::new();
    for repository in &preview.repositories {
        let digests = repository.artifacts.iter().filter(|one| !one.stays);
        let digests: Vec<&str> = digests.map(|one| one.artifact.digest.as_str()).collect();
        if !digests.is_empty() {
            going.insert(repository.name.clone(), json!(digests));
        }
    }
    Ok(reply::json(StatusCode::OK, &Value::Object(going)))
}
