//! The policy that is run, by Harbor's API, and what it leaves, by a plain model.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::json;

use crate::scale::client::Client;
use crate::scale::registry::{Place, Registry};
use crate::scale::shape::{Manifest, Repository, Size, team_name};

/// Images of an ordinary repository that stay because they were pushed last.
const LATEST: usize = 10;
/// How long a run may take that nothing disturbs.
const PATIENCE: Duration = Duration::from_hours(3);
const JSON: &str = "application/json";

/// What a run's state is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Success,
    Stopped,
}

/// The namespace that everything is in.
pub(super) fn namespace() -> String {
    team_name(0)
}

/// Where the pushes beside the runs go, which a rule keeps.
pub(super) fn pushed(client: u64) -> String {
    format!("{}/pushed-{client}", namespace())
}

/// A policy in a registry, known by its path.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    path: String,
}

impl Policy {
    /// The latest images of each application and one index stay; of the repository with very many tags a tenth; of what is
    /// pushed meanwhile, everything. All else goes.
    pub(super) fn create(registry: &Registry<'_>, size: Size) -> anyhow::Result<Self> {
        let mut admin = registry.client()?;
        let path = format!("/api/v2.0/projects/{}", namespace());
        let project = admin.get(&path)?.expect(200, &path)?.json()?["project_id"].clone();
        let policy = json!({
            "algorithm": "or",
            "rules": [
                rule("latestPushedK", Some(LATEST as u64), "v1.*", "app-*"),
                rule("always", None, "multi-0", "app-*"),
                rule("latestPushedK", Some(latest_big(size)), "build-*", "many-tags"),
                rule("always", None, "**", "pushed-*"),
            ],
            "trigger": {"kind": "Schedule", "settings": {"cron": ""}},
            "scope": {"level": "project", "ref": project},
        });
        let body = policy.to_string();
        let made = admin.send("POST", "/api/v2.0/retentions", JSON, body.as_bytes())?;
        let made = made.expect(201, "make a policy")?;
        let path = made.location.context("a policy has no location")?;
        Ok(Self {
            path: path_of(&path),
        })
    }

    /// Begins a run. Answers with its number.
    pub(super) fn start(&self, registry: &Registry<'_>, is_dry: bool) -> anyhow::Result<u64> {
        let path = format!("{}/executions", self.path);
        let body = json!({"dry_run": is_dry}).to_string();
        let begun = registry
            .client()?
            .send("POST", &path, JSON, body.as_bytes())?;
        let location = begun.expect(201, "begin a run")?.location;
        let location = location.context("a run has no location")?;
        let number = location.rsplit('/').next().unwrap_or_default();
        number
            .parse()
            .with_context(|| format!("no run: {location}"))
    }

    /// What a run is at, in Harbor's word.
    pub(super) fn state(&self, admin: &mut Client, run: u64) -> anyhow::Result<String> {
        let path = format!("{}/executions?page_size=10", self.path);
        let runs = admin.get(&path)?.expect(200, &path)?.json()?;
        let mut runs = runs.as_array().into_iter().flatten();
        let run = runs.find(|one| one["id"].as_u64() == Some(run));
        let state = run.and_then(|run| run["status"].as_str());
        Ok(state.context("the run is not listed")?.to_owned())
    }

    /// Calls a run off, unless it has ended, and waits for that. Answers with how it ended.
    pub(super) fn stop(&self, registry: &Registry<'_>, run: u64) -> anyhow::Result<End> {
        let mut admin = registry.client()?;
        let path = format!("{}/executions/{run}", self.path);
        // One that has just ended may refuse.
        admin.send("PATCH", &path, JSON, br#"{"action":"stop"}"#)?;
        self.wait(registry, run)
    }

    /// Waits until a run has ended.
    pub(super) fn wait(&self, registry: &Registry<'_>, run: u64) -> anyhow::Result<End> {
        let mut admin = registry.client()?;
        let begun = Instant::now();
        loop {
            match self.state(&mut admin, run)?.as_str() {
                "Succeed" => return Ok(End::Success),
                "Stopped" => return Ok(End::Stopped),
                "InProgress" => {}
                other => bail!("the run is {other}"),
            }
            ensure!(begun.elapsed() < PATIENCE, "the run has no end");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

fn rule(template: &str, count: Option<u64>, tags: &str, repositories: &str) -> serde_json::Value {
    let params = count.map_or_else(|| json!({}), |count| json!({template: count}));
    json!({
        "action": "retain",
        "template": template,
        "params": params,
        "tag_selectors": [{
            "kind": "doublestar",
            "decoration": "matches",
            "pattern": tags,
            "extras": "{\"untagged\":false}",
        }],
        "scope_selectors": {"repository": [{
            "kind": "doublestar",
            "decoration": "repoMatches",
            "pattern": repositories,
        }]},
    })
}

fn latest_big(size: Size) -> u64 {
    (size.big_manifests() / 10).max(1)
}

/// Without scheme and host.
fn path_of(location: &str) -> String {
    let rest = location
        .split_once("://")
        .and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
    rest.unwrap_or(location).to_owned()
}

/// The places of those artifacts of a repository that stay: what rules pick, and, until nothing is added, what an index
/// names and what is about something that stays.
pub(super) fn kept(repository: Repository, size: Size, all: &[Manifest]) -> BTreeSet<usize> {
    let count = match repository {
        Repository::Ordinary(_) => LATEST,
        Repository::Big => usize::try_from(latest_big(size)).unwrap_or(usize::MAX),
    };
    // The stock is in the order in which it was pushed.
    let is_picked = |manifest: &Manifest| {
        let mut tags = manifest.tags.iter();
        tags.any(|tag| tag.starts_with("v1.") || tag.starts_with("build-"))
    };
    let latest = (0..all.len()).rev().filter(|at| is_picked(&all[*at]));
    let mut kept: BTreeSet<usize> = latest.take(count).collect();
    let index = (0..all.len()).filter(|at| all[*at].tags.iter().any(|tag| tag == "multi-0"));
    kept.extend(index);
    loop {
        let before = kept.len();
        let digests: BTreeSet<&str> = kept.iter().map(|at| all[*at].digest.as_str()).collect();
        let children = kept.iter().flat_map(|at| &all[*at].children);
        let children: BTreeSet<&str> = children.map(String::as_str).collect();
        let is_held = |one: &Manifest| {
            let subject = one.subject.as_deref();
            children.contains(one.digest.as_str()) || subject.is_some_and(|it| digests.contains(it))
        };
        let held: Vec<usize> = (0..all.len()).filter(|at| is_held(&all[*at])).collect();
        kept.extend(held);
        if kept.len() == before {
            return kept;
        }
    }
}

/// Every artifact that stays, as repository and digest, but not what was pushed meanwhile.
fn staying(size: Size) -> BTreeSet<String> {
    let mut staying = BTreeSet::new();
    for repository in size.of_one_team() {
        let (name, all) = (repository.name(), repository.manifests(size));
        let kept = kept(repository, size, &all);
        staying.extend(kept.iter().map(|at| format!("{name}@{}", all[*at].digest)));
    }
    staying
}

/// How many artifacts stay.
pub(super) fn staying_count(size: Size) -> u64 {
    staying(size).len() as u64
}

/// Compares what is there with what stays by the model, and with what was pushed meanwhile.
pub(super) fn compare(place: &Place<'_>, size: Size, pushes: u64) -> anyhow::Result<u64> {
    const THERE: &str = "SELECT COALESCE(STRING_AGG(r.name || '@' || m.digest, ' '), '') \
        FROM manifests m JOIN repositories r ON r.id = m.repository_id WHERE r.name LIKE 'team0/%'";
    let there = place.seed().ask(THERE)?;
    let is_pushed = |one: &&str| one.contains("/pushed-");
    let (pushed, stock): (Vec<&str>, Vec<&str>) = there.split_whitespace().partition(is_pushed);
    ensure!(
        pushed.len() as u64 == pushes,
        "{} of {pushes} images are there that were pushed during the runs",
        pushed.len()
    );
    let stock: BTreeSet<&str> = stock.into_iter().collect();
    let staying = staying(size);
    let lost: Vec<&String> = staying
        .iter()
        .filter(|it| !stock.contains(it.as_str()))
        .collect();
    let left: Vec<&&str> = stock.iter().filter(|it| !staying.contains(**it)).collect();
    ensure!(
        lost.is_empty() && left.is_empty(),
        "{} artifacts are gone that a rule keeps, such as {:?}; {} are left that no rule keeps, such as {:?}",
        lost.len(),
        lost.first(),
        left.len(),
        left.first()
    );
    Ok(staying.len() as u64)
}

/// Manifests in the database.
pub(super) fn manifests(place: &Place<'_>) -> anyhow::Result<u64> {
    let count = place
        .seed()
        .ask("SELECT CAST(COUNT(*) AS TEXT) FROM manifests")?;
    count
        .trim()
        .parse()
        .with_context(|| format!("no count: {count}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_keeps_what_rules_pick_and_what_that_holds() {
        let size = Size { manifests: 1000 };
        let repository = Repository::Ordinary(10);
        let all = repository.manifests(size);
        let kept = kept(repository, size, &all);
        let images = [0, 1].into_iter().chain(70..80);
        // The first index, and what is about its two images.
        let expected: BTreeSet<usize> = images.chain([80]).chain(84..95).collect();
        assert_eq!(kept, expected);
        assert_eq!(staying(size).len(), 10 * expected.len() + 1);
    }

    #[test]
    fn a_location_may_name_its_host() {
        assert_eq!(
            path_of("http://127.0.0.1:1/api/v2.0/retentions/3"),
            "/api/v2.0/retentions/3"
        );
        assert_eq!(path_of("/api/v2.0/retentions/3"), "/api/v2.0/retentions/3");
    }
}
