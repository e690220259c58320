//! A plain model of retention, in which everything is looked for from the beginning each time, and random repositories on
//! which the planner has to agree with it.

use super::plan::{GRACE_MS, Times, subject_of_tag};
use super::{Artifact, RuleAction, RuleText, Rules, Template};
use crate::selector::{Decoration, SelectorKind, SelectorText};
use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use std::collections::BTreeSet;

const NOW: i64 = 1_800_000_000_000;
const DAY: i64 = 86_400_000;
const TAGS: [&str; 7] = ["v1", "v2", "v3", "dev-1", "dev-2", "latest", "x"];

fn digest(number: usize) -> String {
    format!("sha256:{number:064x}")
}

/// A repository, asked like a person with a list on paper would.
struct Paper<'a> {
    artifacts: &'a [Artifact],
}

impl Paper<'_> {
    fn is_there(&self, digest: &str) -> bool {
        self.artifacts.iter().any(|one| one.digest == digest)
    }

    fn holds(holder: &Artifact, held: &Artifact) -> bool {
        holder.digest != held.digest
            && (holder.children.contains(&held.digest)
                || held.subject.as_ref() == Some(&holder.digest)
                || held
                    .tags
                    .iter()
                    .any(|tag| subject_of_tag(tag).as_ref() == Some(&holder.digest)))
    }

    fn is_on_its_own(&self, one: &Artifact) -> bool {
        let is_own = |tag: &String| {
            subject_of_tag(tag)
                .is_none_or(|subject| subject == one.digest || !self.is_there(&subject))
        };
        one.tags.iter().any(is_own) || !self.artifacts.iter().any(|other| Self::holds(other, one))
    }

    fn selects(text: &SelectorText, one: &Artifact) -> bool {
        let fits = |word: &String| match text.pattern.as_str() {
            "**" | ".*" => true,
            "v*" | "v.*" => word.starts_with('v'),
            other => word == other,
        };
        let excludes = text.decoration == Decoration::Excludes;
        match text.kind {
            SelectorKind::Label => one.labels.iter().any(fits) != excludes,
            _ if one.tags.is_empty() => text.untagged != excludes,
            _ => one.tags.iter().any(|tag| fits(tag) != excludes),
        }
    }

    fn about(&self, rule: &RuleText) -> Vec<&Artifact> {
        let all = self.artifacts.iter();
        all.filter(|one| self.is_on_its_own(one))
            .filter(|one| {
                rule.tag_selectors
                    .iter()
                    .all(|text| Self::selects(text, one))
            })
            .collect()
    }

    /// Whether a rule picks an artifact: those that are before it in the rule's order are counted.
    fn picks(&self, rule: &RuleText, one: &Artifact) -> bool {
        let count = i64::from(rule.count.unwrap_or(0));
        let pulled = |a: &Artifact| a.pulled_at_ms.unwrap_or(0);
        let is_recent = |at_ms: i64| at_ms >= NOW - count * DAY;
        let is_among_first = |time: &dyn Fn(&Artifact) -> i64| {
            let before = |other: &&&Artifact| {
                time(other) > time(one) || (time(other) == time(one) && other.digest < one.digest)
            };
            let about = self.about(rule);
            i64::try_from(about.iter().filter(before).count()).is_ok_and(|before| before < count)
        };
        match rule.template {
            Template::LatestPushedK => is_among_first(&|a| a.pushed_at_ms),
            Template::LatestPulledN => is_among_first(&pulled),
            Template::LatestActiveK => is_among_first(&|a| a.pushed_at_ms.max(pulled(a))),
            Template::NDaysSinceLastPush | Template::LastXDays => is_recent(one.pushed_at_ms),
            Template::NDaysSinceLastPull => one.pulled_at_ms.is_some_and(is_recent),
            Template::Always => true,
            Template::Nothing => false,
        }
    }

    /// What rules keep.
    fn kept_by_rules(&self, rules: &[RuleText]) -> BTreeSet<&str> {
        let rules = rules
            .iter()
            .filter(|rule| !rule.disabled && rule.action != RuleAction::Remove);
        let kept = rules.flat_map(|rule| {
            let about = self.about(rule).into_iter();
            about
                .filter(|one| self.picks(rule, one))
                .map(|one| one.digest.as_str())
        });
        kept.collect()
    }

    /// Adds what is held by what is in a set, until nothing is added.
    fn with_held<'a>(&'a self, mut set: BTreeSet<&'a str>) -> BTreeSet<&'a str> {
        loop {
            let before = set.len();
            for holder in self.artifacts {
                for held in self.artifacts {
                    if set.contains(holder.digest.as_str()) && Self::holds(holder, held) {
                        set.insert(&held.digest);
                    }
                }
            }
            if set.len() == before {
                return set;
            }
        }
    }

    fn is_young(one: &Artifact, is_about_another: bool) -> bool {
        let is_new = |at_ms: i64| at_ms > NOW - GRACE_MS;
        let has_come = is_new(one.pushed_at_ms) || one.restored_at_ms.is_some_and(is_new);
        one.tags.is_empty() && !is_about_another && has_come
    }

    /// Everything that stays.
    fn staying(&self, rules: &[RuleText]) -> BTreeSet<&str> {
        let rules: Vec<RuleText> = rules
            .iter()
            .filter(|rule| !rule.disabled)
            .cloned()
            .collect();
        if rules.is_empty() {
            return self
                .artifacts
                .iter()
                .map(|one| one.digest.as_str())
                .collect();
        }
        let retains = rules.iter().any(|rule| rule.action == RuleAction::Retain);
        let is_removed = |one: &Artifact| {
            let mut removing = rules
                .iter()
                .filter(|rule| rule.action == RuleAction::Remove);
            removing.any(|rule| {
                self.about(rule).iter().any(|it| it.digest == one.digest) && !self.picks(rule, one)
            })
        };
        let own = |one: &&Artifact| self.is_on_its_own(one);
        let mut staying = self.kept_by_rules(&rules);
        staying.extend(
            self.artifacts
                .iter()
                .filter(own)
                .filter(|one| !retains && !is_removed(one))
                .map(|one| one.digest.as_str()),
        );
        for one in self.artifacts {
            let subject = one
                .subject
                .as_ref()
                .filter(|it| **it != one.digest && self.is_there(it));
            if one.is_protected || Self::is_young(one, subject.is_some()) {
                staying.insert(&one.digest);
            }
            // A circle of subjects cannot be: a digest names its content.
            let mut of = one.is_protected.then_some(one);
            while let Some(referrer) = of {
                let is_subject = |it: &&Artifact| {
                    referrer.subject.as_ref() == Some(&it.digest) && it.digest != referrer.digest
                };
                let subject = self.artifacts.iter().find(is_subject);
                of = subject.filter(|subject| staying.insert(&subject.digest));
            }
        }
        let own: BTreeSet<&str> = self
            .artifacts
            .iter()
            .filter(own)
            .map(|one| one.digest.as_str())
            .collect();
        let reachable = self.with_held(own);
        staying.extend(
            self.artifacts
                .iter()
                .map(|one| one.digest.as_str())
                .filter(|it| !reachable.contains(it)),
        );
        self.with_circles(self.with_held(staying))
    }

    /// Adds what is held in a circle.
    fn with_circles<'a>(&'a self, mut staying: BTreeSet<&'a str>) -> BTreeSet<&'a str> {
        // What goes can go one by one, nothing before what holds it; the rest is in a circle.
        let mut gone: BTreeSet<&str> = BTreeSet::new();
        loop {
            let next = self.artifacts.iter().find(|one| {
                let digest = one.digest.as_str();
                let is_held = self.artifacts.iter().any(|other| {
                    Self::holds(other, one)
                        && !gone.contains(other.digest.as_str())
                        && !staying.contains(other.digest.as_str())
                });
                !staying.contains(digest) && !gone.contains(digest) && !is_held
            });
            match next {
                Some(next) => gone.insert(&next.digest),
                None => break,
            };
        }
        staying.extend(
            self.artifacts
                .iter()
                .map(|one| one.digest.as_str())
                .filter(|it| !gone.contains(it)),
        );
        staying
    }
}

fn selector() -> impl Strategy<Value = SelectorText> {
    let pattern = prop_oneof![
        Just((SelectorKind::Doublestar, "**")),
        Just((SelectorKind::Doublestar, "v*")),
        Just((SelectorKind::Regex, "v.*")),
        Just((SelectorKind::Doublestar, "latest")),
        Just((SelectorKind::Label, "gold")),
    ];
    (pattern, any::<bool>(), any::<bool>()).prop_map(|((kind, pattern), matches, untagged)| {
        SelectorText {
            kind,
            decoration: if matches {
                Decoration::Matches
            } else {
                Decoration::Excludes
            },
            pattern: pattern.to_owned(),
            untagged,
        }
    })
}

fn rule() -> impl Strategy<Value = RuleText> {
    let action = prop_oneof![
        Just(RuleAction::Retain),
        Just(RuleAction::Keep),
        Just(RuleAction::Remove)
    ];
    let template = (0..Template::ALL.len()).prop_map(|at| Template::ALL[at]);
    (
        action,
        template,
        0_u32..6,
        proptest::collection::vec(selector(), 0..3),
        any::<u8>(),
    )
        .prop_map(|(action, template, count, tag_selectors, draw)| RuleText {
            disabled: draw % 8 == 0,
            priority: 0,
            action,
            template,
            count: template.needs_count().then_some(count),
            tag_selectors,
            repository_selectors: Vec::new(),
        })
}

/// What one artifact is made of: ages in half hours, whom it is about, what it names, and odds.
type Clay = (u16, Option<u16>, u8, Vec<u8>, u8);

fn repository() -> impl Strategy<Value = (Vec<Artifact>, Vec<RuleText>)> {
    let clay = (
        0_u16..400,
        proptest::option::of(0_u16..400),
        any::<u8>(),
        proptest::collection::vec(any::<u8>(), 0..3),
        any::<u8>(),
    );
    let artifacts = proptest::collection::vec(clay, 0..14);
    let tags = proptest::collection::vec(any::<u8>(), TAGS.len());
    let signatures = proptest::collection::vec((any::<u8>(), any::<u8>()), 0..4);
    let rules = proptest::collection::vec(rule(), 0..5);
    (artifacts, tags, signatures, rules)
        .prop_map(|(clay, tags, signatures, rules)| (made(&clay, &tags, &signatures), rules))
}

fn made(clay: &[Clay], tags: &[u8], signatures: &[(u8, u8)]) -> Vec<Artifact> {
    let count = clay.len();
    let mut artifacts: Vec<Artifact> = clay
        .iter()
        .enumerate()
        .map(|(at, (age, pulled, subject, children, odds))| Artifact {
            digest: digest(at),
            pushed_at_ms: NOW - i64::from(*age) * GRACE_MS / 2,
            pulled_at_ms: pulled.map(|age| NOW - i64::from(age) * GRACE_MS / 2),
            restored_at_ms: (odds % 5 == 0).then(|| NOW - i64::from(*odds) * GRACE_MS / 50),
            // What is named was there before, or is not there at all.
            subject: (subject % 3 == 0)
                .then(|| digest(usize::from(subject / 3) % (at + 2) + if at == 0 { 90 } else { 0 }))
                .filter(|it| *it < digest(at) || *it >= digest(count)),
            children: children
                .iter()
                .map(|child| usize::from(*child) % (count + 1))
                .filter(|child| *child < at || *child == count)
                .map(digest)
                .collect(),
            labels: if odds % 4 == 0 {
                vec!["gold".to_owned()]
            } else {
                Vec::new()
            },
            is_protected: odds % 11 == 0,
            tags: Vec::new(),
            tagged_at_ms: Vec::new(),
        })
        .collect();
    for (tag, draw) in TAGS.iter().zip(tags) {
        if let Some(artifact) = artifacts.get_mut(usize::from(*draw) % (count + 3)) {
            artifact.tags.push((*tag).to_owned());
        }
    }
    for (of, at) in signatures {
        let tag = format!("sha256-{:064x}.sig", usize::from(*of) % (count + 2));
        let is_new = !artifacts.iter().any(|one| one.tags.contains(&tag));
        if let Some(artifact) = artifacts
            .get_mut(usize::from(*at) % (count + 1))
            .filter(|_| is_new)
        {
            artifact.tags.push(tag);
        }
    }
    artifacts
}

fn compare(
    (artifacts, mut texts): (Vec<Artifact>, Vec<RuleText>),
) -> Result<(), proptest::test_runner::TestCaseError> {
    while let Err(super::RulesError::Same(_, second)) = Rules::parse(texts.clone()) {
        texts.remove(second - 1);
    }
    let rules = Rules::parse(texts.clone()).expect("rules");
    let plan = rules.plan(
        "repository",
        &artifacts,
        Times {
            now_ms: NOW,
            pulls_since_ms: 0,
        },
    );
    let paper = Paper {
        artifacts: &artifacts,
    };
    let staying: BTreeSet<&str> = artifacts
        .iter()
        .zip(&plan.decisions)
        .filter(|(_, why)| why.stays())
        .map(|(one, _)| one.digest.as_str())
        .collect();
    prop_assert_eq!(&staying, &paper.staying(&texts), "{:?}", plan);
    prop_assert!(
        paper.kept_by_rules(&texts).is_subset(&staying),
        "a rule keeps what goes"
    );
    prop_assert_eq!(
        paper.with_held(staying.clone()),
        staying.clone(),
        "what is held by what stays goes"
    );
    prop_assert_eq!(plan.going.len(), artifacts.len() - staying.len());
    for (place, at) in plan.going.iter().enumerate() {
        let later = plan.going[place..]
            .iter()
            .any(|other| Paper::holds(&artifacts[*other], &artifacts[*at]));
        prop_assert!(!later, "something goes before what holds it");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn the_planner_agrees_with_the_plain_model(repository in repository()) {
        compare(repository)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(10_000) })]

    /// `cargo test -p model -- --ignored retention`
    #[test]
    #[ignore = "takes a minute; the same with 500 repositories runs always"]
    fn the_planner_agrees_with_the_plain_model_on_ten_thousand(repository in repository()) {
        compare(repository)?;
    }
}
