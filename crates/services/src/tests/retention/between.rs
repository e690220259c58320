//! What comes between a plan and its removals is seen by the removal.

use super::{Clay, World, clay, digest, rule};
use crate::Error;
use crate::retention::{At, Loaded, Place, load, planned, take};
use metadata::{LockKind, NewLock, RetentionTaskRow, Tx};
use model::retention::{RuleAction, RuleText, Rules, Template, Times};
use model::{AccountId, RepositoryId};
use oci::{Digest, RepositoryName, Tag};
use std::collections::BTreeSet;
use std::sync::Arc;

const NAME: &str = "team/app";

/// A run that has planned that everything goes which has no tag `keep`, and has removed nothing yet.
async fn planned_run(world: &World, repository: &RepositoryId) -> At {
    let keep = rule(RuleAction::Retain, Template::Always, 0, "keep");
    planned_by(world, repository, vec![keep]).await
}

/// The same by rules.
pub(super) async fn planned_by(
    world: &World,
    repository: &RepositoryId,
    texts: Vec<RuleText>,
) -> At {
    world.set(texts.clone()).await;
    let core = &world.registry.services.core;
    let run = world.start_run(false).await;
    let (name, rules) = (
        RepositoryName::parse(NAME).unwrap(),
        Rules::parse(texts).unwrap(),
    );
    let loaded = load(core, (repository, &name), false, 1000).await.unwrap();
    let Loaded::All(artifacts) = loaded else {
        panic!("it is too large");
    };
    let times = Times {
        now_ms: core.now_ms(),
        pulls_since_ms: 0,
    };
    let plan = planned(&rules, &name, &artifacts, times).unwrap();
    let task = RetentionTaskRow {
        id: core.ids.next_id(),
        run_id: run.id.clone(),
        repository: NAME.to_owned(),
        state: "running".to_owned(),
        total: 0,
        retained: 0,
        removed: 0,
        lines: 0,
        started_at_ms: 0,
        ended_at_ms: None,
    };
    let (begun, account) = (run.id.clone(), world.account.clone());
    let put = core.metadata.write(move |tx| {
        tx.begin_retention_run(&begun, 1)?;
        Ok::<_, Error>(tx.put_retention_task(&account, &task)?)
    });
    At {
        run: Arc::new(run),
        rules: Arc::new(rules),
        repository: (repository.clone(), name),
        task: Arc::new(put.await.unwrap()),
        before: "".into(),
        going: Arc::new(plan.going),
        watched: Arc::new(plan.watched),
        pulls_since_ms: 0,
    }
}

pub(super) async fn change(
    world: &World,
    work: impl FnOnce(&mut Tx<'_>) -> Result<(), Error> + Clone + Send + 'static,
) {
    let core = &world.registry.services.core;
    core.metadata.write(work).await.unwrap();
}

/// Takes one step.
pub(super) async fn step(world: &World, at: &At, place: Place) -> Option<Place> {
    let (core, all) = (world.registry.services.core.clone(), at.clone());
    let metadata = &world.registry.services.core.metadata;
    let step = metadata.write(move |tx| take(&core, tx, &all, place));
    step.await.unwrap()
}

/// Takes all steps; says whether the run may go on.
pub(super) async fn remove_all(world: &World, at: &At) -> bool {
    let mut place = Place::default();
    while place.next < at.going.len() {
        match step(world, at, place).await {
            Some(next) => place = next,
            None => return false,
        }
    }
    true
}

pub(super) fn tag(name: &str) -> Tag {
    Tag::parse(name).unwrap()
}

pub(super) async fn manifest_id(world: &World, repository: &RepositoryId, text: &str) -> String {
    let (core, digest) = (&world.registry.services.core, digest(text));
    let found = core
        .metadata
        .read(|reader| reader.find_manifest_id(repository, &digest));
    found.await.unwrap().expect("a manifest")
}

#[tokio::test]
async fn what_changed_since_the_plan_stays() {
    let world = World::start().await;
    let repository = world.repository(NAME).await;
    let lost = Clay {
        subject: Some(digest("late subject")),
        ..clay("orphan", &[], 90)
    };
    let tagged = |text: &str| clay(text, &[text], 90);
    let mut all = vec![clay("kept", &["keep"], 90), lost];
    all.extend(["plain", "tagged", "moved", "pushed", "held", "signed"].map(tagged));
    world.make(&repository, all).await;
    let at = planned_run(&world, &repository).await;
    assert_eq!(at.going.len(), 7);

    let ids = [
        manifest_id(&world, &repository, "tagged").await,
        manifest_id(&world, &repository, "kept").await,
        manifest_id(&world, &repository, "pushed").await,
    ];
    let (of, account) = (repository.clone(), world.account.clone());
    let now_ms = world.now_ms();
    change(&world, move |tx| {
        tx.put_tag(&account, &of, &tag("another"), &ids[0], now_ms)?;
        tx.put_tag(&account, &of, &tag("moved"), &ids[1], now_ms)?;
        tx.renew_manifest_push(&ids[2], now_ms)?;
        Ok(())
    })
    .await;
    let index = Clay {
        children: vec![digest("held")],
        ..clay("a new index", &["new"], 0)
    };
    let signature = Clay {
        subject: Some(digest("signed")),
        ..clay("a new signature", &[], 0)
    };
    world
        .make(
            &repository,
            vec![index, signature, clay("late subject", &["late"], 0)],
        )
        .await;

    assert!(remove_all(&world, &at).await);
    let mut expected = vec!["kept", "tagged", "moved", "pushed", "held", "orphan"];
    expected.extend(["a new index", "late subject"]);
    let expected: BTreeSet<String> = expected
        .iter()
        .map(|text| digest(text).to_string())
        .collect();
    assert_eq!(world.digests(&repository).await, expected);
    let core = &world.registry.services.core;
    let lines = core
        .metadata
        .read(|reader| reader.list_retention_lines(&at.task.id, 9));
    let lines = lines.await.unwrap().concat();
    for why in [
        "its tags have changed",
        "it was pushed again",
        "an index holds it",
        "the artifact that it is about is there",
    ] {
        assert!(lines.contains(why), "{why}: {lines}");
    }
}

/// Locks a tag or a manifest in the transaction of whoever asks, as the registry does.
fn lock(tx: &mut Tx<'_>, of: (&AccountId, &RepositoryId), kind: LockKind, name: &str) {
    let (account, repository) = of;
    let row = tx.find_protection(repository).unwrap();
    let namespace = row.expect("a repository").namespace_id;
    assert!(tx.take_protection(&namespace).unwrap());
    let new = NewLock {
        id: name,
        account,
        namespace: &namespace,
        repository,
        kind,
        name,
        by: "somebody",
        now_ms: 1,
    };
    assert!(tx.create_lock(&new).unwrap());
    tx.settle_protection(&namespace).unwrap();
}

/// What comes between two steps of one run spares what it is about, and nothing else.
#[tokio::test]
async fn what_changes_between_two_steps_stays() {
    let world = World::start().await;
    let repository = world.repository(NAME).await;
    let texts: Vec<String> = (0..30).map(|at| format!("a{at}")).collect();
    let all = texts.iter().map(|text| clay(text, &[text], 90));
    world.make(&repository, all.collect()).await;
    let at = planned_run(&world, &repository).await;
    assert_eq!(at.going.len(), 30);
    let mut place = step(&world, &at, Place::default()).await.expect("a place");
    assert!((1..20).contains(&place.next), "{}", place.next);

    let left = world.digests(&repository).await;
    let last: Vec<String> = texts
        .into_iter()
        .filter(|text| left.contains(&digest(text).to_string()))
        .take(5)
        .collect();
    assert_eq!(last.len(), 5);
    let index = Clay {
        children: vec![digest(&last[4])],
        ..clay("a new index", &["new"], 0)
    };
    world.make(&repository, vec![index]).await;
    let (remade, pushed) = (last[0].clone(), last[1].clone());
    let remade_id = manifest_id(&world, &repository, &remade).await;
    let pushed_id = manifest_id(&world, &repository, &pushed).await;
    let (locked_tag, locked) = (last[2].clone(), digest(&last[3]).to_string());
    let (of, account, now_ms) = (repository.clone(), world.account.clone(), world.now_ms());
    change(&world, move |tx| {
        tx.delete_tag(&of, &tag(&remade))?;
        tx.put_tag(&account, &of, &tag(&remade), &remade_id, now_ms + 1)?;
        tx.renew_manifest_push(&pushed_id, now_ms)?;
        lock(tx, (&account, &of), LockKind::Tag, &locked_tag);
        lock(tx, (&account, &of), LockKind::Manifest, &locked);
        Ok(())
    })
    .await;
    while place.next < at.going.len() {
        place = step(&world, &at, place).await.expect("a place");
        assert!(!place.is_stale);
    }
    let mut expected: BTreeSet<String> = last.iter().map(|one| digest(one).to_string()).collect();
    expected.insert(digest("a new index").to_string());
    assert_eq!(world.digests(&repository).await, expected);
}

#[tokio::test]
async fn a_step_of_a_run_that_ended_removes_nothing() {
    let world = World::start().await;
    let repository = world.repository(NAME).await;
    world
        .make(&repository, vec![clay("old", &["old"], 90)])
        .await;
    let at = planned_run(&world, &repository).await;
    world
        .set(vec![rule(RuleAction::Retain, Template::Always, 0, "**")])
        .await;
    assert!(!remove_all(&world, &at).await, "its policy has changed");
    assert_eq!(world.digests(&repository).await.len(), 1);
}

/// More tags and referrers than one transaction takes go in several, and the artifact with them.
#[tokio::test]
async fn an_artifact_with_very_much_about_it_goes_bit_by_bit() {
    let world = World::start().await;
    let repository = world.repository(NAME).await;
    let subject: Digest = digest("old");
    let tags: Vec<String> = (0..450).map(|at| format!("t{at}")).collect();
    let mut all = vec![Clay {
        tags,
        ..clay("old", &[], 90)
    }];
    all.extend((0..450).map(|at| Clay {
        subject: Some(subject.clone()),
        ..clay(&format!("signature {at}"), &[], 0)
    }));
    world.make(&repository, all).await;
    let at = planned_run(&world, &repository).await;
    assert!(remove_all(&world, &at).await);
    assert!(world.digests(&repository).await.is_empty());
    let core = &world.registry.services.core;
    let task = core
        .metadata
        .read(|reader| reader.find_retention_task(&at.task.id));
    assert_eq!(task.await.unwrap().expect("a task").removed, 451);
}
