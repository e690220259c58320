//! Rules that go by pulls are followed only where it is known when things were pulled.

use super::{HOUR, TEAM, World, clay, rule};
use crate::{AccountSettingsChange, Error, Refused};
use metadata::{RepositoryKey, RetentionState};
use model::retention::{RuleAction, Template};
use oci::RepositoryName;

const DAY: i64 = 24 * HOUR;

async fn keep_pull_times(world: &World, keeps: bool) {
    let change = AccountSettingsChange {
        keeps_pull_times: Some(keeps),
        ..AccountSettingsChange::default()
    };
    let settings = &world.registry.services.account_settings;
    let updated = settings.update(&world.by, change).await;
    updated.unwrap_or_else(|refused| panic!("{refused}"));
}

async fn pull(world: &World, name: &str, text: &str) {
    let key = RepositoryKey {
        account_id: world.account.clone(),
        name: RepositoryName::parse(name).unwrap(),
    };
    let (digest, now_ms) = (super::digest(text), world.now_ms());
    let core = &world.registry.services.core;
    let counted = core
        .metadata
        .write(move |tx| Ok::<_, Error>(tx.count_pulls(&key, &digest, 1, now_ms)?));
    counted.await.unwrap();
}

fn why(refused: Result<impl Sized, Refused>) -> String {
    match refused {
        Err(Refused::Failed(Error::NotNow(why))) => why,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it is not refused"),
    }
}

/// What is pulled daily stays, also when nobody wrote the pulls down for a long time.
#[tokio::test]
async fn a_gap_in_the_times_of_pulls_is_waited_out() {
    let world = World::start().await;
    let repository = world.repository("team/app").await;
    world
        .make(&repository, vec![clay("daily", &["daily"], 900)])
        .await;
    pull(&world, "team/app", "daily").await;
    let retention = &world.registry.services.retention;
    let days = |count| {
        vec![rule(
            RuleAction::Retain,
            Template::NDaysSinceLastPull,
            count,
            "**",
        )]
    };
    keep_pull_times(&world, false).await;
    world.set(days(90)).await;
    let refused = why(retention.preview(&world.by, TEAM, None, None).await);
    assert!(refused.contains("does not keep that"), "{refused}");
    world.registry.clock.advance(100 * DAY);
    keep_pull_times(&world, true).await;
    // Saying the same again changes nothing.
    world.registry.clock.advance(89 * DAY);
    keep_pull_times(&world, true).await;

    let refused = why(retention.preview(&world.by, TEAM, None, None).await);
    assert!(refused.contains("without a gap only since"), "{refused}");
    let shown = retention.get_of(&world.by, TEAM).await;
    let shown = shown.unwrap_or_else(|refused| panic!("{refused}"));
    let note = shown.expect("a policy").note;
    assert_eq!(note.as_ref(), Some(&refused));
    let run = world.work(&world.start_run(false).await).await;
    assert_eq!((run.state, run.why), (RetentionState::Failed, note));
    assert_eq!(world.digests(&repository).await.len(), 1);

    // From then on nobody pulled it for 90 days, and that is known.
    world.registry.clock.advance(DAY);
    let run = world.work(&world.start_run(false).await).await;
    assert_eq!((run.state, run.removed), (RetentionState::Done, 1));
}

/// A rule that counts by pulls keeps everything that may be among the last, when fewer were pulled since.
#[tokio::test]
async fn what_may_have_been_pulled_in_a_gap_stays() {
    let world = World::start().await;
    let repository = world.repository("team/app").await;
    let old = ["a", "b", "c", "d"].map(|text| clay(text, &[text], 900));
    world.make(&repository, old.to_vec()).await;
    keep_pull_times(&world, false).await;
    world.registry.clock.advance(DAY);
    keep_pull_times(&world, true).await;
    let latest = rule(RuleAction::Retain, Template::LatestPulledN, 2, "**");
    world.set(vec![latest]).await;
    world.registry.clock.advance(DAY);
    pull(&world, "team/app", "a").await;
    let run = world.work(&world.start_run(false).await).await;
    assert_eq!((run.state, run.removed), (RetentionState::Done, 0));
    pull(&world, "team/app", "b").await;
    let run = world.work(&world.start_run(false).await).await;
    assert_eq!((run.state, run.removed), (RetentionState::Done, 2));
}

/// What is switched off while a run is under way is asked in each step.
#[tokio::test]
async fn a_run_ends_when_pulls_are_not_written_down_any_more() {
    let world = World::start().await;
    let repository = world.repository("team/app").await;
    world
        .make(&repository, vec![clay("old", &["old"], 900)])
        .await;
    let days = rule(RuleAction::Retain, Template::NDaysSinceLastPull, 9, "**");
    let at = super::between::planned_by(&world, &repository, vec![days]).await;
    assert_eq!(at.going.len(), 1);
    keep_pull_times(&world, false).await;
    assert!(!super::between::remove_all(&world, &at).await);
    keep_pull_times(&world, true).await;
    assert!(
        !super::between::remove_all(&world, &at).await,
        "there is a gap"
    );
    assert_eq!(world.digests(&repository).await.len(), 1);
}
