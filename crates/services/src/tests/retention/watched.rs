//! What a rule counts is there when the rest goes.

use super::between::{change, manifest_id, planned_by, remove_all, step, tag};
use super::{World, clay, digest, rule};
use crate::Error;
use crate::retention::Place;
use metadata::RetentionState;
use model::retention::{RuleAction, Template};

/// What has two versions: three artifacts, of which the two newest stay.
async fn three(world: &World) -> model::RepositoryId {
    let repository = world.repository("team/app").await;
    let clay =
        [("old", 900), ("new", 90), ("newest", 80)].map(|(text, age)| clay(text, &[text], age));
    world.make(&repository, clay.to_vec()).await;
    repository
}

#[tokio::test]
async fn when_something_counted_goes_the_rest_is_planned_anew() {
    let two = || vec![rule(RuleAction::Retain, Template::LatestPushedK, 2, "**")];
    for what in ["its manifest", "its tag", "a tag made again", "nothing"] {
        let world = World::start().await;
        let repository = three(&world).await;
        let at = planned_by(&world, &repository, two()).await;
        assert_eq!((at.going.len(), at.watched.len()), (1, 2));
        let newest = manifest_id(&world, &repository, "newest").await;
        let old = manifest_id(&world, &repository, "old").await;
        let (of, account, now_ms) = (repository.clone(), world.account.clone(), world.now_ms());
        change(&world, move |tx| {
            match what {
                "its manifest" => {
                    tx.remove_manifest(&of, &digest("newest"))?;
                }
                "its tag" => {
                    // Then it has a tag that is about another, and is no artifact of its own.
                    tx.delete_tag(&of, &tag("newest"))?;
                    let of_another = digest("new").to_string().replace(':', "-");
                    tx.put_tag(&account, &of, &tag(&of_another), &newest, now_ms)?;
                }
                "a tag made again" => {
                    tx.delete_tag(&of, &tag("old"))?;
                    tx.put_tag(&account, &of, &tag("old"), &old, now_ms + 1)?;
                }
                _ => {}
            }
            Ok(())
        })
        .await;
        let next = step(&world, &at, Place::default()).await.expect("a place");
        let is_stale = what.starts_with("its");
        assert_eq!(next.is_stale, is_stale, "{what}");
        let left = world.digests(&repository).await;
        let is_there = left.contains(&digest("old").to_string());
        assert_eq!(is_there, what != "nothing", "{what}");
        // A run plans anew, and keeps as many as the rule says.
        if is_stale {
            let run = world.work(&at.run).await;
            assert_eq!(
                (run.state, run.removed),
                (RetentionState::Done, 0),
                "{what}"
            );
        } else {
            assert!(remove_all(&world, &at).await);
        }
    }
}

/// A repository that is too large for one is left alone, with a reason.
#[tokio::test]
async fn in_a_repository_that_is_too_large_no_rule_is_followed() {
    let mut world = World::start().await;
    world.most_manifests(2);
    let repository = three(&world).await;
    let nothing = rule(RuleAction::Retain, Template::Nothing, 0, "**");
    world.set(vec![nothing]).await;
    let really = refusal(&world, false).await;
    assert!(really.contains("more than 2 manifests"), "{really}");
    assert_eq!(refusal(&world, true).await, really);
    assert_eq!(world.digests(&repository).await.len(), 3);
}

/// Where rules count too many nothing goes, and a dry run says so with the same words.
#[tokio::test]
async fn where_rules_count_too_many_a_dry_run_refuses_like_a_real_one() {
    let mut world = World::start().await;
    world.most_watched(1);
    let repository = three(&world).await;
    let latest = rule(RuleAction::Retain, Template::LatestPushedK, 2, "**");
    world.set(vec![latest]).await;
    let really = refusal(&world, false).await;
    assert!(really.contains("more than 1 artifacts"), "{really}");
    assert_eq!(refusal(&world, true).await, really);
    assert_eq!(world.digests(&repository).await.len(), 3);
    // Those that may be watched are, and both agree again.
    world.most_watched(2);
    for is_dry_run in [true, false] {
        let run = world.work(&world.start_run(is_dry_run).await).await;
        assert_eq!((run.state, run.removed), (RetentionState::Done, 1));
    }
    assert_eq!(world.digests(&repository).await.len(), 2);
}

/// What a run says of the repository where it follows no rule.
async fn refusal(world: &World, is_dry_run: bool) -> String {
    let run = world.work(&world.start_run(is_dry_run).await).await;
    assert_eq!((run.state, run.removed), (RetentionState::Done, 0));
    let core = &world.registry.services.core;
    let lines = core.metadata.list(move |reader| {
        let query = metadata::ListQuery {
            limit: 9,
            ..metadata::ListQuery::default()
        };
        let tasks = reader.list_retention_tasks(&run.id, &query)?;
        assert_eq!(tasks.items[0].state, "refused");
        Ok::<_, Error>(reader.list_retention_lines(&tasks.items[0].id, 9)?)
    });
    lines.await.unwrap().concat()
}

/// While a program of an older release serves beside this one nothing goes, and later it does.
#[tokio::test]
async fn beside_an_older_release_a_run_waits() {
    let world = World::start().await;
    let repository = three(&world).await;
    let nothing = rule(RuleAction::Retain, Template::Nothing, 0, "**");
    world.set(vec![nothing]).await;
    let run = world.start_run(false).await;
    let now_ms = world.now_ms();
    let older = metadata::ReplicaRow {
        id: "older".to_owned(),
        host: "machine".to_owned(),
        addresses: "127.0.0.1:5000".to_owned(),
        version: "0.1.0".to_owned(),
        started_at_ms: now_ms,
        seen_at_ms: now_ms,
        schema_version: None,
    };
    change(&world, move |tx| Ok(tx.put_replica(&older, 0)?)).await;
    let (claimed, services) = (world.claim().await, &world.registry.services);
    let refused = services.retention.work(&claimed.job).await.unwrap_err();
    assert!(refused.to_string().contains("older release"), "{refused}");
    assert_eq!(world.digests(&repository).await.len(), 3);
    change(&world, |tx| Ok(tx.delete_replica("older")?)).await;
    services.retention.work(&claimed.job).await.unwrap();
    let run = world.run(&run).await;
    assert_eq!((run.state, run.removed), (RetentionState::Done, 3));
}
