//! Retention: the rules of a namespace that say which artifacts stay and which go.

mod artifact;
mod plan;
#[cfg(test)]
mod reference;

pub use artifact::Artifact;
pub use plan::{Counted, DAY_MS, Decision, GRACE_MS, Plan, Times, Why, subject_of_tag};

use crate::selector::{Selector, SelectorError, SelectorText};
use serde::{Deserialize, Serialize};

/// Rules of one policy, as in Harbor.
pub const MAX_RULES: usize = 15;
/// Selectors of one rule, of repositories and of tags each.
pub const MAX_SELECTORS: usize = 10;
/// The largest number of artifacts or days that a rule can say.
pub const MAX_COUNT: u32 = 1_000_000;

/// Which of the artifacts that it is about a rule picks. The names are Harbor's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Template {
    /// Those pushed last.
    #[serde(rename = "latestPushedK")]
    LatestPushedK,
    /// Those pulled last.
    #[serde(rename = "latestPulledN")]
    LatestPulledN,
    /// Those pushed or pulled last.
    #[serde(rename = "latestActiveK")]
    LatestActiveK,
    /// Those pushed within so many days.
    #[serde(rename = "nDaysSinceLastPush")]
    NDaysSinceLastPush,
    /// Those pulled within so many days.
    #[serde(rename = "nDaysSinceLastPull")]
    NDaysSinceLastPull,
    /// Those pushed within so many days, by Harbor's older name.
    #[serde(rename = "lastXDays")]
    LastXDays,
    /// All.
    #[serde(rename = "always")]
    Always,
    /// None.
    #[serde(rename = "nothing")]
    Nothing,
}

impl Template {
    /// All of them, in Harbor's order.
    pub const ALL: [Self; 8] = [
        Self::LatestPushedK,
        Self::LatestPulledN,
        Self::LatestActiveK,
        Self::NDaysSinceLastPull,
        Self::NDaysSinceLastPush,
        Self::LastXDays,
        Self::Nothing,
        Self::Always,
    ];

    /// Harbor's word, which is also the name of its number.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LatestPushedK => "latestPushedK",
            Self::LatestPulledN => "latestPulledN",
            Self::LatestActiveK => "latestActiveK",
            Self::NDaysSinceLastPush => "nDaysSinceLastPush",
            Self::NDaysSinceLastPull => "nDaysSinceLastPull",
            Self::LastXDays => "lastXDays",
            Self::Always => "always",
            Self::Nothing => "nothing",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }

    /// Whether it needs a number of artifacts or days.
    pub fn needs_count(self) -> bool {
        !matches!(self, Self::Always | Self::Nothing)
    }

    /// Whether its number is one of days.
    pub fn is_of_days(self) -> bool {
        matches!(
            self,
            Self::NDaysSinceLastPush | Self::NDaysSinceLastPull | Self::LastXDays
        )
    }
}

/// What becomes of what a rule picks, and of what it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleAction {
    /// Harbor's: what it picks stays, and what no such rule picks goes.
    Retain,
    /// What it picks stays, whatever other rules say. It makes nothing go.
    Keep,
    /// Of what its selectors are about, that which its template does not pick goes. It is not about anything else, and a rule
    /// that keeps is stronger.
    Remove,
}

impl RuleAction {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retain => "retain",
            Self::Keep => "keep",
            Self::Remove => "remove",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Retain, Self::Keep, Self::Remove]
            .into_iter()
            .find(|one| one.as_str() == text)
    }
}

/// A rule as it is written and stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RuleText {
    /// Whether it says nothing at present.
    #[serde(default)]
    pub disabled: bool,
    /// A number that people may give it; it means nothing.
    #[serde(default)]
    pub priority: i64,
    /// What becomes of what it picks.
    pub action: RuleAction,
    /// What it picks.
    pub template: Template,
    /// How many artifacts or days, 0 to [`MAX_COUNT`]; none for a template without a number.
    #[serde(default)]
    pub count: Option<u32>,
    /// Which artifacts it is about: all of these have to select one. None for all artifacts.
    #[serde(default)]
    pub tag_selectors: Vec<SelectorText>,
    /// Which repositories it is about: all of these have to select one. None for all repositories.
    #[serde(default)]
    pub repository_selectors: Vec<SelectorText>,
}

impl RuleText {
    /// Whether another rule says the same.
    fn is_like(&self, other: &Self) -> bool {
        let plain = |rule: &Self| Self {
            disabled: false,
            priority: 0,
            ..rule.clone()
        };
        plain(self) == plain(other)
    }
}

/// Why rules cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// More than [`MAX_RULES`].
    #[error("a retention policy has at most 15 rules")]
    TooMany,
    /// Two say the same.
    #[error("the rules {0} and {1} are the same; leave one of them out")]
    Same(usize, usize),
    /// One cannot be used; by its number, from 1.
    #[error("rule {0}: {1}")]
    Rule(usize, String),
}

/// A rule that was understood.
#[derive(Clone, Debug)]
struct Rule {
    text: RuleText,
    of_artifacts: Vec<Selector>,
    of_repositories: Vec<Selector>,
}

impl Rule {
    fn is_about_repository(&self, name: &str) -> bool {
        !self.text.disabled
            && self
                .of_repositories
                .iter()
                .all(|one| one.selects_repository(name))
    }

    fn is_about(&self, artifact: &Artifact) -> bool {
        let mut selectors = self.of_artifacts.iter();
        selectors.all(|one| one.selects_artifact(&artifact.tags, &artifact.labels))
    }
}

/// The rules of a policy, understood.
#[derive(Clone, Debug)]
pub struct Rules(Vec<Rule>);

impl Rules {
    /// Understands rules.
    ///
    /// # Errors
    /// For too many, two that say the same, and one that cannot be used.
    pub fn parse(texts: Vec<RuleText>) -> Result<Self, RulesError> {
        if texts.len() > MAX_RULES {
            return Err(RulesError::TooMany);
        }
        for (at, text) in texts.iter().enumerate() {
            if let Some(before) = texts[..at].iter().position(|other| other.is_like(text)) {
                return Err(RulesError::Same(before + 1, at + 1));
            }
        }
        let rules = texts
            .into_iter()
            .enumerate()
            .map(|(at, text)| understood(text).map_err(|why| RulesError::Rule(at + 1, why)));
        rules.collect::<Result<_, _>>().map(Self)
    }

    /// Whether any rule is about a repository, by its name without the namespace. A repository that none is about is left
    /// alone.
    pub fn are_about_repository(&self, name: &str) -> bool {
        self.0.iter().any(|rule| rule.is_about_repository(name))
    }

    /// Whether labels have to be known to decide.
    pub fn ask_for_labels(&self) -> bool {
        let mut selectors = self.0.iter().flat_map(|rule| &rule.of_artifacts);
        selectors.any(Selector::is_of_labels)
    }

    /// Whether it matters when artifacts were pulled.
    pub fn ask_for_pulls(&self) -> bool {
        let pulls = |rule: &Rule| {
            matches!(
                rule.text.template,
                Template::LatestPulledN | Template::LatestActiveK | Template::NDaysSinceLastPull
            )
        };
        self.0.iter().filter(|rule| !rule.text.disabled).any(pulls)
    }

    /// Over how many days a rule looks back at pulls, at most; `None` when none does.
    pub fn pull_days(&self) -> Option<u32> {
        let enabled = self.0.iter().filter(|rule| !rule.text.disabled);
        let of_pulls = enabled.filter(|rule| rule.text.template == Template::NDaysSinceLastPull);
        of_pulls.filter_map(|rule| rule.text.count).max()
    }

    /// Whether a rule, by its place from 0, is about an artifact as it is now, by its tags and labels.
    pub fn is_still_about(&self, rule: usize, artifact: &Artifact) -> bool {
        self.0.get(rule).is_some_and(|rule| rule.is_about(artifact))
    }

    /// The rules as they were written.
    pub fn texts(&self) -> Vec<RuleText> {
        self.0.iter().map(|rule| rule.text.clone()).collect()
    }

    /// How many there are, also those that say nothing at present.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn understood(mut text: RuleText) -> Result<Rule, String> {
    match text.count {
        None if text.template.needs_count() => {
            let name = text.template.as_str();
            return Err(format!("{name} needs a number of artifacts or days"));
        }
        Some(count) if count > MAX_COUNT => {
            return Err(format!("a number is at most {MAX_COUNT}"));
        }
        _ if !text.template.needs_count() => text.count = None,
        _ => {}
    }
    if text.tag_selectors.len() > MAX_SELECTORS || text.repository_selectors.len() > MAX_SELECTORS {
        return Err(format!(
            "a rule has at most {MAX_SELECTORS} selectors of each kind"
        ));
    }
    let parse = |texts: &[SelectorText], of_repositories: bool| {
        let selectors = texts.iter().map(|text| {
            if text.decoration.is_of_repositories() != of_repositories {
                return Err(format!(
                    "repoMatches and repoExcludes select repositories, matches and excludes select tags; {} stands in the other place",
                    text.decoration.as_str()
                ));
            }
            Selector::parse(text.clone()).map_err(|why: SelectorError| why.to_string())
        });
        selectors.collect::<Result<Vec<_>, _>>()
    };
    Ok(Rule {
        of_artifacts: parse(&text.tag_selectors, false)?,
        of_repositories: parse(&text.repository_selectors, true)?,
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn rule(template: Template, count: u32) -> RuleText {
        RuleText {
            disabled: false,
            priority: 0,
            action: RuleAction::Retain,
            template,
            count: Some(count),
            tag_selectors: Vec::new(),
            repository_selectors: Vec::new(),
        }
    }

    #[test]
    fn rules_are_at_most_fifteen_and_different() {
        let many = |count: u32| {
            (0..count)
                .map(|n| rule(Template::LatestPushedK, n))
                .collect()
        };
        assert!(Rules::parse(many(15)).is_ok());
        assert_eq!(Rules::parse(many(16)).err(), Some(RulesError::TooMany));
        let mut same = vec![
            rule(Template::Always, 1),
            rule(Template::Nothing, 2),
            rule(Template::Always, 1),
        ];
        same[2].disabled = true;
        assert_eq!(Rules::parse(same).err(), Some(RulesError::Same(1, 3)));
        let mut bare = rule(Template::LastXDays, 0);
        bare.count = None;
        let refused = Rules::parse(vec![bare]).expect_err("it has no number");
        assert_eq!(
            refused.to_string(),
            "rule 1: lastXDays needs a number of artifacts or days"
        );
    }

    #[test]
    fn words_are_read_back() {
        for template in Template::ALL {
            assert_eq!(Template::parse(template.as_str()), Some(template));
            let json = serde_json::to_string(&template).expect("JSON");
            assert_eq!(json, format!("{:?}", template.as_str()));
        }
        assert_eq!(RuleAction::parse("remove"), Some(RuleAction::Remove));
        assert_eq!(RuleAction::parse("delete"), None);
    }
}
