//! Which artifacts of one repository stay and which go, and why: a pure function, for the dry run and the real one.

use super::{Artifact, Rule, RuleAction, Rules, Template};
use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};

/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;
/// How long something without a tag, and that nothing holds, is left alone after its push: an index that is to hold it may
/// be on its way.
pub const GRACE_MS: i64 = 3_600_000;

/// Why an artifact stays or goes. Rules count from 1, artifacts by their place in what was planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A rule keeps it.
    KeptByRule(usize),
    /// It is immutable or locked, or something about it is.
    Protected,
    /// What holds it stays: an index that names it, or the artifact that it is about.
    HeldBy(usize),
    /// It has no tag and is so young that an index may be on its way.
    Young,
    /// No rule is about it.
    NoRule,
    /// It is held by what it holds; nobody can say what that means.
    Circle,
    /// Rules retain others, and not it.
    NotRetained,
    /// A rule removes it.
    RemovedByRule(usize),
    /// It was only there for another, which goes.
    GoesWith(usize),
}

impl Why {
    /// Whether it stays.
    pub fn stays(self) -> bool {
        !matches!(
            self,
            Self::NotRetained | Self::RemovedByRule(_) | Self::GoesWith(_)
        )
    }
}

/// What becomes of an artifact: the same as [`Why`], for all of a repository.
pub type Decision = Why;

/// The times that a plan is made by, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Now.
    pub now_ms: i64,
    /// Since when it is known when artifacts were pulled: 0 for always. What was pulled before may have been pulled at any time
    /// up to then, and stays wherever that could matter.
    pub pulls_since_ms: i64,
}

/// What a rule picks that counts, when that is not all that it is about: only while so many are there does the rest go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The rule, by its place from 0.
    pub rule: usize,
    /// What it picks, by place.
    pub picks: Vec<usize>,
}

/// What becomes of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// For each artifact, in the order given.
    pub decisions: Vec<Decision>,
    /// Those that go, what holds before what it holds.
    pub going: Vec<usize>,
    /// What has to stay for that, because rules count it.
    pub counted: Vec<Counted>,
}

/// The digest that a tag is about by its name, as signatures are tagged where there are no referrers:
/// `sha256-<hex>`, with or without a suffix such as `.sig`.
pub fn subject_of_tag(tag: &str) -> Option<String> {
    let (algorithm, rest) = tag.split_once('-')?;
    let digits = match algorithm {
        "sha256" => 64,
        "sha512" => 128,
        _ => return None,
    };
    let (hex, suffix) = rest.split_at_checked(digits)?;
    let is_hex = hex
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (is_hex && (suffix.is_empty() || suffix.starts_with('.'))).then(|| format!("{algorithm}:{hex}"))
}

/// Who holds whom in a repository.
struct Holds {
    held: Vec<Vec<usize>>,
    is_held: Vec<bool>,
    /// Whether a tag points at it that is not just about another artifact of the repository.
    has_own_tag: Vec<bool>,
    subject: Vec<Option<usize>>,
}

impl Holds {
    fn of(artifacts: &[Artifact]) -> Self {
        let places: HashMap<&str, usize> = artifacts
            .iter()
            .enumerate()
            .map(|(at, artifact)| (artifact.digest.as_str(), at))
            .collect();
        let count = artifacts.len();
        let mut new = Self {
            held: vec![Vec::new(); count],
            is_held: vec![false; count],
            has_own_tag: vec![false; count],
            subject: vec![None; count],
        };
        for (at, artifact) in artifacts.iter().enumerate() {
            for child in &artifact.children {
                new.add(places.get(child.as_str()).map(|child| (at, *child)));
            }
            if let Some(subject) = &artifact.subject {
                new.subject[at] = places.get(subject.as_str()).copied().filter(|it| *it != at);
                new.add(new.subject[at].map(|subject| (subject, at)));
            }
            for tag in &artifact.tags {
                let subject = subject_of_tag(tag);
                let subject = subject.and_then(|digest| places.get(digest.as_str()).copied());
                match subject.filter(|subject| *subject != at) {
                    Some(subject) => new.add(Some((subject, at))),
                    None => new.has_own_tag[at] = true,
                }
            }
        }
        new
    }

    fn add(&mut self, pair: Option<(usize, usize)>) {
        if let Some((holder, held)) = pair.filter(|(holder, held)| holder != held) {
            self.held[holder].push(held);
            self.is_held[held] = true;
        }
    }

    /// Whether rules say something of it by itself.
    fn is_on_its_own(&self, at: usize) -> bool {
        self.has_own_tag[at] || !self.is_held[at]
    }

    /// Everything that can be come to from some, each with whom it was come to by.
    fn reached_from(&self, first: impl Iterator<Item = usize>) -> Vec<Option<usize>> {
        let mut by = vec![None; self.held.len()];
        let mut queue: VecDeque<usize> = first.inspect(|at| by[*at] = Some(*at)).collect();
        while let Some(holder) = queue.pop_front() {
            for held in &self.held[holder] {
                if by[*held].is_none() {
                    by[*held] = Some(holder);
                    queue.push_back(*held);
                }
            }
        }
        by
    }

    /// Those that go, holders first, without what is held in a circle.
    fn sorted(&self, goes: &[bool]) -> Vec<usize> {
        let mut waits_for = vec![0_usize; goes.len()];
        let going = || (0..goes.len()).filter(|at| goes[*at]);
        for at in going() {
            for held in &self.held[at] {
                waits_for[*held] += 1;
            }
        }
        let mut queue: VecDeque<usize> = going().filter(|at| waits_for[*at] == 0).collect();
        let mut sorted = Vec::with_capacity(queue.len());
        while let Some(at) = queue.pop_front() {
            sorted.push(at);
            for held in &self.held[at] {
                waits_for[*held] -= 1;
                if waits_for[*held] == 0 && goes[*held] {
                    queue.push_back(*held);
                }
            }
        }
        sorted
    }
}

impl Rule {
    /// Which of the artifacts that it is about the rule picks.
    fn picks(&self, artifacts: &[Artifact], mut about: Vec<usize>, times: Times) -> Vec<usize> {
        let count = self.text.count.unwrap_or(0);
        let pulled = |at: usize| artifacts[at].pulled_at_ms.unwrap_or(0);
        let since = times.now_ms.saturating_sub(i64::from(count) * DAY_MS);
        let known_since = times.pulls_since_ms;
        let mut latest = |time: &dyn Fn(usize) -> i64| {
            let is_by_pulls = self.text.template != Template::LatestPushedK;
            if is_by_pulls && known_since > 0 && count > 0 {
                let known = about.iter().filter(|at| time(**at) >= known_since);
                if known.count() < usize::try_from(count).unwrap_or(usize::MAX) {
                    // Any of the others may be among them.
                    return;
                }
            }
            about.sort_by_cached_key(|at| (Reverse(time(*at)), artifacts[*at].digest.clone()));
            about.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        };
        match self.text.template {
            Template::LatestPushedK => latest(&|at| artifacts[at].pushed_at_ms),
            Template::LatestPulledN => latest(&pulled),
            Template::LatestActiveK => latest(&|at| artifacts[at].pushed_at_ms.max(pulled(at))),
            Template::NDaysSinceLastPush | Template::LastXDays => {
                about.retain(|at| artifacts[*at].pushed_at_ms >= since);
            }
            // Everything may have been pulled when nobody wrote it down.
            Template::NDaysSinceLastPull if known_since > since => {}
            Template::NDaysSinceLastPull => {
                about.retain(|at| {
                    artifacts[*at]
                        .pulled_at_ms
                        .is_some_and(|at_ms| at_ms >= since)
                });
            }
            Template::Always => {}
            Template::Nothing => about.clear(),
        }
        about
    }
}

/// What the rules say of each artifact by itself.
struct Verdicts {
    kept_by: Vec<Option<usize>>,
    removed_by: Vec<Option<usize>>,
    retains: bool,
    counted: Vec<Counted>,
}

impl Rules {
    fn verdicts(
        &self,
        repository: &str,
        artifacts: &[Artifact],
        holds: &Holds,
        times: Times,
    ) -> Verdicts {
        let count = artifacts.len();
        let mut new = Verdicts {
            kept_by: vec![None; count],
            removed_by: vec![None; count],
            retains: false,
            counted: Vec::new(),
        };
        let rules = self.0.iter().enumerate();
        for (number, rule) in rules.filter(|(_, rule)| rule.is_about_repository(repository)) {
            let own = (0..count).filter(|at| holds.is_on_its_own(*at));
            let about: Vec<usize> = own.filter(|at| rule.is_about(&artifacts[*at])).collect();
            let all = about.len();
            let picks = rule.picks(artifacts, about.clone(), times);
            let template = rule.text.template;
            if template.needs_count() && !template.is_of_days() && picks.len() < all {
                new.counted.push(Counted {
                    rule: number,
                    picks: picks.clone(),
                });
            }
            if rule.text.action == RuleAction::Remove {
                let mut goes = vec![false; count];
                for at in &about {
                    goes[*at] = true;
                }
                for at in picks {
                    goes[at] = false;
                }
                for at in (0..count).filter(|at| goes[*at]) {
                    new.removed_by[at].get_or_insert(number + 1);
                }
                continue;
            }
            new.retains |= rule.text.action == RuleAction::Retain;
            for at in picks {
                new.kept_by[at].get_or_insert(number + 1);
            }
        }
        new
    }

    /// Decides about a repository, by its name without the namespace. Of two artifacts of the same age, that with the smaller
    /// digest counts as the newer.
    pub fn plan(&self, repository: &str, artifacts: &[Artifact], times: Times) -> Plan {
        let now_ms = times.now_ms;
        if !self.are_about_repository(repository) {
            return Plan {
                decisions: vec![Why::NoRule; artifacts.len()],
                ..Plan::default()
            };
        }
        let holds = Holds::of(artifacts);
        let verdicts = self.verdicts(repository, artifacts, &holds, times);
        let mut decisions: Vec<Option<Why>> = (0..artifacts.len())
            .map(|at| own_decision(&artifacts[at], at, &holds, &verdicts, now_ms))
            .collect();
        // Deleting a subject takes along what is about it: what must not go keeps it.
        for (at, artifact) in artifacts.iter().enumerate() {
            let mut of = at;
            while let Some(subject) = holds.subject[of].filter(|_| artifact.is_protected) {
                if decisions[subject].is_some_and(Why::stays) {
                    break;
                }
                decisions[subject] = Some(Why::Protected);
                of = subject;
            }
        }
        let own = holds.reached_from((0..artifacts.len()).filter(|at| holds.is_on_its_own(*at)));
        for (at, by) in own.iter().enumerate() {
            if by.is_none() && !decisions[at].is_some_and(Why::stays) {
                decisions[at] = Some(Why::Circle);
            }
        }
        let stays = |at: &usize| decisions[*at].is_some_and(Why::stays);
        let kept = holds.reached_from((0..artifacts.len()).filter(stays));
        let mut decisions: Vec<Why> = (0..artifacts.len())
            .map(|at| match (decisions[at], kept[at], own[at]) {
                (Some(why), _, _) if why.stays() => why,
                (_, Some(holder), _) => Why::HeldBy(holder),
                (Some(why), None, _) => why,
                (None, None, Some(holder)) => Why::GoesWith(holder),
                (None, None, None) => Why::Circle,
            })
            .collect();
        let mut goes: Vec<bool> = decisions.iter().map(|why| !why.stays()).collect();
        let going = holds.sorted(&goes);
        for at in &going {
            goes[*at] = false;
        }
        for at in (0..artifacts.len()).filter(|at| goes[*at]) {
            decisions[at] = Why::Circle;
        }
        Plan {
            decisions,
            going,
            counted: verdicts.counted,
        }
    }
}

/// What is said of an artifact by itself; `None` for one that is only there for another.
fn own_decision(
    artifact: &Artifact,
    at: usize,
    holds: &Holds,
    verdicts: &Verdicts,
    now_ms: i64,
) -> Option<Why> {
    // What is about another goes with it, however young.
    let is_young = artifact.tags.is_empty()
        && holds.subject[at].is_none()
        && artifact.came_at_ms() > now_ms.saturating_sub(GRACE_MS);
    if let Some(rule) = verdicts.kept_by[at] {
        Some(Why::KeptByRule(rule))
    } else if artifact.is_protected {
        Some(Why::Protected)
    } else if is_young {
        Some(Why::Young)
    } else if !holds.is_on_its_own(at) {
        None
    } else if let Some(rule) = verdicts.removed_by[at] {
        Some(Why::RemovedByRule(rule))
    } else if verdicts.retains {
        Some(Why::NotRetained)
    } else {
        Some(Why::NoRule)
    }
}
