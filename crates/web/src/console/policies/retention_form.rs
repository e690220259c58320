//! The form of a retention policy: what was sent, and what is stored.

use crate::console::visit::Visit;
use model::retention::{MAX_RULES, RuleAction, RuleText, Template};
use model::selector::{Decoration, SelectorKind, SelectorText};
use pages::policies::retention::{Pattern, RuleForm, SCHEDULES};
use services::{Error, RetentionText};

/// A new rule: the ten pushed last.
pub(super) fn new_rule() -> RuleForm {
    RuleForm {
        action: RuleAction::Retain.as_str().to_owned(),
        template: Template::LatestPushedK.as_str().to_owned(),
        count: "10".to_owned(),
        ..RuleForm::default()
    }
}

/// The rules as they were sent; one more than there may be at most, so that this is found.
pub(super) fn sent(visit: &Visit<'_>) -> Vec<RuleForm> {
    let form = &visit.form;
    let count: usize = form.get("rules").parse().unwrap_or(0);
    let rule = |at: usize| {
        let text = |name: &str| form.get(&format!("{name}-{at}")).to_owned();
        let is_on = |name: &str| form.is_on(&format!("{name}-{at}"));
        RuleForm {
            action: text("action"),
            template: text("template"),
            count: text("count").trim().to_owned(),
            repositories: Pattern {
                text: text("repositories").trim().to_owned(),
                excludes: is_on("repositories-except"),
                untagged: false,
            },
            tags: Pattern {
                text: text("tags").trim().to_owned(),
                excludes: is_on("tags-except"),
                untagged: is_on("untagged"),
            },
            is_off: is_on("off"),
            sealed: Some(text("sealed")).filter(|text| !text.is_empty()),
        }
    };
    (0..count.min(MAX_RULES + 1)).map(rule).collect()
}

/// What the form says.
pub(super) fn text(rules: &[RuleForm], schedule: &str) -> Result<RetentionText, Error> {
    let rules = rules.iter().enumerate();
    let rules = rules.map(|(at, rule)| {
        understood(rule).map_err(|why| Error::Invalid(format!("rule {}: {why}", at + 1)))
    });
    let known = SCHEDULES.iter().find(|(word, _)| *word == schedule);
    let cron = known.map_or(schedule, |(_, cron)| cron);
    Ok(RetentionText {
        rules: rules.collect::<Result<_, _>>()?,
        cron: Some(cron.to_owned()).filter(|cron| !cron.is_empty()),
    })
}

fn understood(rule: &RuleForm) -> Result<RuleText, String> {
    if let Some(sealed) = &rule.sealed {
        return serde_json::from_str(sealed).map_err(|_| "it cannot be read".to_owned());
    }
    let template = Template::parse(&rule.template).ok_or("it picks nothing that there is")?;
    let count = match rule.count.as_str() {
        _ if !template.needs_count() => None,
        "" => None,
        text => Some(text.parse().map_err(|_| format!("{text} is no number"))?),
    };
    let selectors = |pattern: &Pattern, [takes, excludes]: [Decoration; 2]| {
        let is_empty = pattern.text.is_empty() && !pattern.untagged;
        let selector = SelectorText {
            kind: SelectorKind::Doublestar,
            decoration: if pattern.excludes { excludes } else { takes },
            pattern: pattern.text.clone(),
            untagged: pattern.untagged,
        };
        if is_empty { Vec::new() } else { vec![selector] }
    };
    Ok(RuleText {
        disabled: rule.is_off,
        priority: 0,
        action: RuleAction::parse(&rule.action).ok_or("nothing becomes of what it picks")?,
        template,
        count,
        tag_selectors: selectors(&rule.tags, [Decoration::Matches, Decoration::Excludes]),
        repository_selectors: selectors(
            &rule.repositories,
            [Decoration::RepoMatches, Decoration::RepoExcludes],
        ),
    })
}

/// A rule for the form. What the form would lose is sealed.
pub(super) fn shown(rule: &RuleText) -> RuleForm {
    let pattern = |selectors: &[SelectorText]| match selectors {
        [] => Pattern::default(),
        [one, ..] => Pattern {
            text: one.pattern.clone(),
            excludes: matches!(
                one.decoration,
                Decoration::Excludes | Decoration::RepoExcludes
            ),
            untagged: one.untagged,
        },
    };
    let form = RuleForm {
        action: rule.action.as_str().to_owned(),
        template: match rule.template {
            Template::LastXDays => Template::NDaysSinceLastPush.as_str(),
            template => template.as_str(),
        }
        .to_owned(),
        count: rule
            .count
            .map(|count| count.to_string())
            .unwrap_or_default(),
        repositories: pattern(&rule.repository_selectors),
        tags: pattern(&rule.tag_selectors),
        is_off: rule.disabled,
        sealed: None,
    };
    let plain = RuleText {
        priority: 0,
        ..rule.clone()
    };
    if understood(&form).as_ref() == Ok(&plain) {
        return form;
    }
    RuleForm {
        sealed: serde_json::to_string(rule).ok(),
        ..form
    }
}

/// The word for times of cron, or these.
pub(super) fn schedule(cron: Option<&str>) -> String {
    let cron = cron.unwrap_or_default();
    let known = SCHEDULES.iter().find(|(_, known)| *known == cron);
    known.map_or(cron, |(word, _)| word).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_in_the_form_as_it_is_or_sealed() {
        let form = RuleForm {
            tags: Pattern {
                text: "v*".to_owned(),
                excludes: true,
                untagged: true,
            },
            ..new_rule()
        };
        let rule = understood(&form).unwrap();
        let again = shown(&rule);
        assert_eq!(
            (again.sealed.as_deref(), again.tags.text.as_str()),
            (None, "v*")
        );
        assert_eq!(understood(&again), Ok(rule.clone()));
        let mut regex = rule;
        regex.tag_selectors[0].kind = SelectorKind::Regex;
        let sealed = shown(&regex);
        assert!(sealed.sealed.is_some());
        assert_eq!(understood(&sealed), Ok(regex));
    }
}
