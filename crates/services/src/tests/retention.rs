//! Retention over a real database: random repositories, what comes between plan and removal, and the ends of runs.

mod between;
mod pull_times;
mod random;
mod watched;

use crate::testing::{TestRegistry, settings};
use crate::{
    AccountContext, Error, NamespaceChange, NamespaceRef, NewNamespace, Outcome, Refused,
    RetentionPreview, RetentionRef, RetentionText,
};
use metadata::{ClaimedJob, ListQuery, NewManifest, RetentionRunRow, RetentionState};
use model::retention::{RuleAction, RuleText, Template};
use model::selector::{Decoration, SelectorKind, SelectorText};
use model::{AccountId, RepositoryId};
use oci::{Digest, RepositoryName, Tag};
use std::collections::BTreeSet;

const HOUR: i64 = 3_600_000;
const TEAM: NamespaceRef<'static> = NamespaceRef::Name("team");
const POLICY: RetentionRef<'static> = RetentionRef::Of(TEAM);

/// A namespace `team` of the account `default`.
struct World {
    registry: TestRegistry,
    by: AccountContext,
    account: AccountId,
}

/// A manifest to be made.
#[derive(Clone, Default)]
struct Clay {
    text: String,
    tags: Vec<String>,
    subject: Option<Digest>,
    children: Vec<Digest>,
    age_ms: i64,
}

fn digest(text: &str) -> Digest {
    Digest::sha256_of(text.as_bytes())
}

fn clay(text: &str, tags: &[&str], age_hours: i64) -> Clay {
    Clay {
        text: text.to_owned(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        age_ms: age_hours * HOUR,
        ..Clay::default()
    }
}

fn rule(action: RuleAction, template: Template, count: u32, pattern: &str) -> RuleText {
    RuleText {
        disabled: false,
        priority: 0,
        action,
        template,
        count: template.needs_count().then_some(count),
        tag_selectors: vec![SelectorText {
            kind: SelectorKind::Doublestar,
            decoration: Decoration::Matches,
            pattern: pattern.to_owned(),
            untagged: false,
        }],
        repository_selectors: Vec::new(),
    }
}

fn text(rules: Vec<RuleText>) -> RetentionText {
    RetentionText { rules, cron: None }
}

impl World {
    async fn start() -> Self {
        let registry = TestRegistry::start(settings()).await;
        let account = registry.create_account("default").await.unwrap();
        let by = registry.services.accounts.enter_locally("default").await;
        let world = Self {
            by: by.unwrap_or_else(|refused| panic!("{refused}")),
            registry,
            account,
        };
        world.make_namespace("team").await;
        world
    }

    fn most_manifests(&mut self, most: usize) {
        let services = std::sync::Arc::get_mut(&mut self.registry.services);
        services
            .expect("nobody else has it")
            .retention
            .most_manifests = most;
    }

    fn most_watched(&mut self, most: usize) {
        let services = std::sync::Arc::get_mut(&mut self.registry.services);
        let services = services.expect("nobody else has it");
        services.retention.most_watched = most;
    }

    async fn make_namespace(&self, name: &str) {
        let new = NewNamespace {
            name: name.to_owned(),
            settings: NamespaceChange::default(),
            storage_limit: None,
        };
        let made = self
            .registry
            .services
            .namespaces
            .create(&self.by, new)
            .await;
        made.unwrap_or_else(|refused| panic!("{refused}"));
    }

    fn now_ms(&self) -> i64 {
        self.registry.services.core.now_ms()
    }

    async fn repository(&self, name: &str) -> RepositoryId {
        let id = RepositoryId::new(self.registry.services.new_id());
        let (new, account) = (id.clone(), self.account.clone());
        let name = RepositoryName::parse(name).unwrap();
        let core = &self.registry.services.core;
        let made = core.metadata.write(move |tx| {
            let address = model::Address::Account(account.clone());
            let namespace = tx.find_namespace(&address, "team")?.expect("a namespace");
            let key = metadata::RepositoryKey {
                account_id: account,
                name,
            };
            Ok::<_, Error>(tx.create_repository(&new, &key, &namespace.id, 1)?)
        });
        assert!(made.await.unwrap());
        id
    }

    async fn make(&self, repository: &RepositoryId, clay: Vec<Clay>) {
        let services = &self.registry.services;
        let rows: Vec<_> = clay
            .into_iter()
            .map(|one| (services.new_id(), one))
            .collect();
        let (account, repository, now_ms) =
            (self.account.clone(), repository.clone(), self.now_ms());
        let made = services.core.metadata.write(move |tx| {
            for (id, one) in rows {
                let manifest = NewManifest {
                    id: id.clone(),
                    digest: digest(&one.text),
                    media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
                    artifact_type: None,
                    subject: one.subject,
                    annotations: None,
                    content: one.text,
                };
                tx.create_manifest(&manifest, &account, &repository, now_ms - one.age_ms)?;
                for child in &one.children {
                    tx.create_manifest_child(&id, &repository, child)?;
                }
                for tag in &one.tags {
                    tx.put_tag(
                        &account,
                        &repository,
                        &Tag::parse(tag).unwrap(),
                        &id,
                        now_ms,
                    )?;
                }
            }
            Ok::<_, Error>(())
        });
        made.await.unwrap();
    }

    async fn digests(&self, repository: &RepositoryId) -> BTreeSet<String> {
        let repository = repository.clone();
        let core = &self.registry.services.core;
        let listed = core.metadata.list(move |reader| {
            Ok::<_, Error>(reader.list_retention_manifests(&repository, "", 10_000)?)
        });
        listed
            .await
            .unwrap()
            .into_iter()
            .map(|one| one.digest.to_string())
            .collect()
    }

    async fn set(&self, rules: Vec<RuleText>) {
        let retention = &self.registry.services.retention;
        let put = retention.put(&self.by, TEAM, text(rules)).await;
        put.unwrap_or_else(|refused| panic!("{refused}"));
    }

    async fn preview(&self) -> RetentionPreview {
        let retention = &self.registry.services.retention;
        let preview = retention.preview(&self.by, TEAM, None, None).await;
        preview.unwrap_or_else(|refused| panic!("{refused}"))
    }

    async fn start_run(&self, is_dry_run: bool) -> RetentionRunRow {
        let retention = &self.registry.services.retention;
        let run = retention.start(&self.by, POLICY, is_dry_run).await;
        run.unwrap_or_else(|refused| panic!("{refused}")).row
    }

    async fn claim(&self) -> ClaimedJob {
        let jobs = &self.registry.services.jobs;
        jobs.claim().await.unwrap().expect("a job to do")
    }

    /// Does what waits, and says how the run ended.
    async fn work(&self, run: &RetentionRunRow) -> RetentionRunRow {
        let (claimed, services) = (self.claim().await, &self.registry.services);
        services.retention.work(&claimed.job).await.unwrap();
        services
            .jobs
            .settle(&claimed, Outcome::Done, Vec::new())
            .await
            .unwrap();
        self.run(run).await
    }

    async fn run(&self, run: &RetentionRunRow) -> RetentionRunRow {
        let core = &self.registry.services.core;
        let found = core
            .metadata
            .read(|reader| reader.find_retention_run(&run.id));
        found.await.unwrap().expect("a run")
    }

    /// How many events of a kind there are that were not sealed yet: all, because nobody seals here.
    async fn events(&self, kind: &str) -> usize {
        let core = &self.registry.services.core;
        let listed = core
            .metadata
            .list(|reader| Ok::<_, Error>(reader.list_unsealed_events(10_000)?));
        let listed = listed.await.unwrap();
        listed
            .iter()
            .filter(|(_, event)| event.kind == kind)
            .count()
    }
}

#[tokio::test]
async fn a_run_that_was_broken_off_goes_on_and_counts_everything_once() {
    let world = World::start().await;
    for name in ["team/a", "team/b", "team/c"] {
        let repository = world.repository(name).await;
        let many = (0..50).map(|at| clay(&format!("{name} {at}"), &[&format!("t{at}")], 90));
        world.make(&repository, many.collect()).await;
    }
    world
        .set(vec![rule(
            RuleAction::Retain,
            Template::LatestPushedK,
            5,
            "**",
        )])
        .await;
    let run = world.start_run(false).await;
    let claimed = world.claim().await;
    let services = &world.registry.services;
    // As after kill -9: what was being awaited is never heard of again.
    for polls in [3, 20, 40] {
        let mut work = Box::pin(services.retention.work(&claimed.job));
        for _ in 0..polls {
            let step = std::time::Duration::from_millis(1);
            if tokio::time::timeout(step, &mut work).await.is_ok() {
                break;
            }
        }
    }
    services.retention.work(&claimed.job).await.unwrap();
    let run = world.run(&run).await;
    assert_eq!(run.state, RetentionState::Done);
    assert_eq!((run.total, run.retained, run.removed), (150, 15, 135));
    assert_eq!(world.events("retention.finished").await, 1);
    assert_eq!(world.events("manifest.deleted").await, 135);
}

/// A policy has one run under way. It ends by a stop, a change, a deletion, and with its job.
#[tokio::test]
async fn a_run_ends_with_its_policy_and_its_job() {
    let world = World::start().await;
    let repository = world.repository("team/app").await;
    world
        .make(&repository, vec![clay("old", &["old"], 900)])
        .await;
    let nothing = || vec![rule(RuleAction::Retain, Template::Nothing, 0, "**")];
    let retention = &world.registry.services.retention;
    world.set(nothing()).await;

    let first = world.start_run(false).await;
    let refused = retention.start(&world.by, POLICY, true).await;
    assert!(
        matches!(refused, Err(Refused::Failed(Error::NotNow(_)))),
        "{refused:?}"
    );
    world
        .set(vec![rule(RuleAction::Retain, Template::Always, 0, "**")])
        .await;
    assert_eq!(world.run(&first).await.state, RetentionState::Stopped);
    let second = world.start_run(false).await;
    // The first run's job comes first, finds its run ended, and follows no old rules.
    assert_eq!(world.work(&first).await.removed, 0);
    let second = world.work(&second).await;
    assert_eq!((second.state, second.removed), (RetentionState::Done, 0));

    let third = world.start_run(false).await;
    let job = third.job_id.clone();
    world
        .registry
        .services
        .jobs
        .cancel(&world.by, &job)
        .await
        .unwrap();
    let third = world.run(&third).await;
    assert_eq!(third.state, RetentionState::Stopped, "it ends with its job");
    let fourth = world.start_run(true).await;
    world.work(&fourth).await;

    let fifth = world.start_run(false).await;
    let (claimed, jobs) = (world.claim().await, &world.registry.services.jobs);
    let failed = Outcome::Failed {
        message: "for a test".to_owned(),
        is_final: true,
    };
    jobs.settle(&claimed, failed, Vec::new()).await.unwrap();
    assert_eq!(world.run(&fifth).await.state, RetentionState::Failed);

    let sixth = world.start_run(false).await;
    let deleted = retention.delete(&world.by, POLICY).await;
    deleted.unwrap_or_else(|refused| panic!("{refused}"));
    assert_eq!(world.run(&sixth).await.state, RetentionState::Stopped);
    world.work(&sixth).await;
    assert_eq!(world.digests(&repository).await.len(), 1);
    while retention.forget_some().await.unwrap() > 0 {}
    let metadata = &world.registry.services.core.metadata;
    let left = metadata.read(|reader| reader.find_retention_run(&sixth.id));
    assert_eq!(left.await.unwrap(), None);
    assert_eq!(world.events("retention.started").await, 6);
    assert_eq!(world.events("retention.finished").await, 6);
}

#[tokio::test]
async fn new_namespaces_begin_with_the_policy_of_their_account() {
    let world = World::start().await;
    let retention = &world.registry.services.retention;
    let policy = RetentionText {
        rules: vec![rule(RuleAction::Retain, Template::LastXDays, 30, "**")],
        cron: Some("0 0 3 * * *".to_owned()),
    };
    let set = retention.set_default(&world.by, policy.clone()).await;
    set.unwrap_or_else(|refused| panic!("{refused}"));
    world.make_namespace("fresh").await;
    for (name, expected) in [("fresh", Some(policy)), ("team", None)] {
        let found = retention.get_of(&world.by, NamespaceRef::Name(name)).await;
        let found = found.unwrap_or_else(|refused| panic!("{refused}"));
        assert_eq!(found.map(|view| view.text), expected, "{name}");
    }
    for cron in [
        "0 3 * * *",
        "30 0 3 * * *",
        "* * * * * *",
        "0 0 0 30 2 *",
        "never",
    ] {
        let text = RetentionText {
            rules: Vec::new(),
            cron: Some(cron.to_owned()),
        };
        let refused = retention.put(&world.by, TEAM, text).await;
        assert!(
            matches!(refused, Err(Refused::Failed(Error::Invalid(_)))),
            "{cron}"
        );
    }
    // Its time comes: the schedule's job makes a run of its own.
    world.registry.clock.advance(24 * HOUR);
    let jobs = &world.registry.services.jobs;
    assert_eq!(jobs.fire_schedules().await.unwrap(), 1);
    let claimed = world.claim().await;
    retention.work(&claimed.job).await.unwrap();
    let fresh = RetentionRef::Of(NamespaceRef::Name("fresh"));
    let query = ListQuery {
        limit: 9,
        ..ListQuery::default()
    };
    let runs = retention.list_runs(&world.by, fresh, query).await;
    let runs = runs.unwrap_or_else(|refused| panic!("{refused}")).items;
    assert_eq!(runs.len(), 1);
    assert!(runs[0].row.is_scheduled && runs[0].row.state == RetentionState::Done);
}
