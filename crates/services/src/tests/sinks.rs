//! Sinks over time: back-off, a pause and its end, usage lines, and accounts that are closed. The clock is moved by hand, and
//! nobody listens where the sink points.

use crate::outbox::purged_through;
use crate::testing::{TestRegistry, settings};
use crate::{AccountContext, Outcome, SinkKind, SinkSettings, SinkSpec, SinkView};
use model::{AccountState, JobKind};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

struct World {
    registry: TestRegistry,
    by: AccountContext,
    sink: SinkView,
}

impl World {
    async fn start() -> Self {
        let registry = TestRegistry::start(crate::Settings {
            outbound: outbound::Destinations::new(vec!["127.0.0.1".parse().unwrap()]),
            ..settings()
        })
        .await;
        registry.create_account("default").await.unwrap();
        let by = registry.services.accounts.enter_locally("default").await;
        let by = by.ok().unwrap();
        let spec = SinkSpec {
            name: "logs".to_owned(),
            kind: SinkKind::Syslog,
            url: Some("syslog://127.0.0.1:1".to_owned().into()),
            secret: None,
            settings: SinkSettings::default(),
            verifies_certificate: true,
            is_enabled: true,
        };
        let sink = registry.services.sinks.create(&by, spec).await;
        let sink = sink.ok().unwrap();
        let world = Self { registry, by, sink };
        world.seal().await;
        world
    }

    async fn seal(&self) {
        while self.registry.services.sealer.seal().await.unwrap() > 0 {}
    }

    /// Runs jobs until none is due; says how many.
    async fn work(&self) -> usize {
        let (jobs, sinks) = (&self.registry.services.jobs, &self.registry.services.sinks);
        let mut count = 0;
        loop {
            jobs.wake_waiting().await.unwrap();
            let Some(claimed) = jobs.claim().await.unwrap() else {
                return count;
            };
            assert_eq!(claimed.job.kind, JobKind::FEED_SINKS.name);
            let (payload, job) = (&claimed.job.payload, &claimed.job.id);
            sinks.run(payload, job).await.unwrap();
            jobs.settle(&claimed, Outcome::Done, Vec::new())
                .await
                .unwrap();
            count += 1;
        }
    }

    async fn shown(&self) -> SinkView {
        let sinks = &self.registry.services.sinks;
        let shown = sinks.get(&self.by, &self.sink.row.id).await;
        shown.ok().unwrap()
    }

    async fn count(&self, kind: &str) -> usize {
        let services = &self.registry.services;
        let events = services.list_events(self.by.id(), String::new()).await;
        let wanted = format!("\"kind\":\"{kind}\"");
        let events = events.unwrap().into_iter();
        events.filter(|event| event.contains(&wanted)).count()
    }
}

#[tokio::test]
async fn a_receiver_that_is_away_for_a_day_costs_little_and_its_sink_is_paused() {
    let world = World::start().await;
    let mut runs = 0;
    loop {
        runs += world.work().await;
        let shown = world.shown().await;
        let follower = shown.follower.unwrap();
        if follower.is_paused {
            break;
        }
        let error = follower.last_error.unwrap();
        assert!(
            error.starts_with("syslog://127.0.0.1:1 cannot be reached"),
            "{error}"
        );
        let wait = follower.retry_at_ms.unwrap() - world.registry.services.now_ms();
        world.registry.clock.advance(wait);
    }
    // Ten waits that double, then one an hour, each at least half as long.
    assert!((24..70).contains(&runs), "{runs}");
    assert_eq!(world.count("sink.paused").await, 1);
    // Its own events bring nothing about: it is paused.
    world.seal().await;
    world.registry.services.webhooks.tend().await.unwrap();
    assert_eq!(world.work().await, 0);
    let shown = world.shown().await;
    assert!(
        shown.lag_events >= 2 && shown.lag_seconds >= DAY / 1000,
        "{shown:?}"
    );

    let (sinks, id) = (&world.registry.services.sinks, &world.sink.row.id);
    let resumed = sinks.resume(&world.by, id, true).await.ok().unwrap();
    assert!(!resumed.follower.unwrap().is_paused);
    let again = sinks.resume(&world.by, id, false).await;
    assert!(again.is_err(), "it is not paused any more");
    assert_eq!(world.count("sink.resumed").await, 1);
}

#[tokio::test]
async fn accounts_with_sinks_are_told_of_their_usage_once_an_hour() {
    let world = World::start().await;
    let sinks = &world.registry.services.sinks;
    assert_eq!(sinks.tell_usage().await.unwrap(), 0);
    world.registry.clock.advance(3 * HOUR);
    assert_eq!(sinks.tell_usage().await.unwrap(), 1);
    assert_eq!(sinks.tell_usage().await.unwrap(), 0);
    assert_eq!(world.count("usage.hour").await, 1);
    let id = &world.sink.row.id;
    sinks.delete(&world.by, id).await.ok().unwrap();
    world.registry.clock.advance(HOUR);
    assert_eq!(sinks.tell_usage().await.unwrap(), 0);
}

#[tokio::test]
async fn the_sinks_of_an_account_that_is_closed_are_sent_nothing() {
    let world = World::start().await;
    let account = world.by.id().clone();
    let core = world.registry.services.core.clone();
    let closed = core.metadata.write(move |tx| {
        tx.set_account_state(&account, AccountState::Closing)?;
        Ok::<_, crate::Error>(())
    });
    closed.await.unwrap();
    assert_eq!(world.work().await, 1);
    let id = world.sink.row.id.clone();
    let follower = core
        .metadata
        .list(move |reader| Ok::<_, crate::Error>(reader.find_follower(&id)?));
    let follower = follower.await.unwrap().unwrap();
    assert_eq!((follower.failures, follower.retry_at_ms), (0, None));
}

/// Between its two questions, a reader of the log may be overtaken by a purge: what it does not find is counted as missed.
#[tokio::test]
async fn events_that_are_purged_between_two_questions_are_not_passed_over_in_silence() {
    let world = World::start().await;
    // Another event, which says that it did not go well.
    let services = &world.registry.services;
    services
        .sinks
        .test(&world.by, &world.sink.row.id)
        .await
        .ok()
        .unwrap();
    world.seal().await;
    let (core, id) = (world.registry.services.core.clone(), world.by.id().clone());
    let read = core
        .metadata
        .list(move |reader| Ok::<_, crate::Error>(reader.list_sealed_events(Some(&id), 0, 200)?));
    let events = read.await.unwrap();
    let number = |at: usize| events[at].number.unwrap();
    assert!(events.len() > 1);
    assert_eq!(purged_through(0, &events), number(0) - 1);
    assert_eq!(purged_through(0, &events[1..]), number(0));
    assert_eq!(purged_through(7, &[]), 7);
}
