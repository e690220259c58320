//! Webhooks over time: back-off, pauses, bounded runs, purges, and jobs that end early. The receiver is a socket of the
//! test; the clock is moved by hand.

use crate::testing::{TestRegistry, settings};
use crate::{
    AccountContext, ClaimedJob, DeliveryRow, Error, ListQuery, NamespaceChange, NamespaceRef,
    NewNamespace, Outcome, WebhookKind, WebhookSpec, WebhookView,
};
use model::{AccountState, Event, JobKind};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const NAMESPACE: &str = "team";

/// Answers with these statuses in turn, then with 200; counts requests.
#[derive(Clone, Default)]
struct Receiver {
    answers: Arc<Mutex<VecDeque<u16>>>,
    bodies: Arc<Mutex<Vec<String>>>,
    /// Whoever has it for themselves keeps answers back.
    gate: Arc<tokio::sync::RwLock<()>>,
}

impl Receiver {
    async fn start() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let receiver = Self::default();
        let serving = receiver.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                let mut piece = [0; 4096];
                while !is_whole(&request) {
                    let length = stream.read(&mut piece).await.unwrap_or(0);
                    if length == 0 {
                        break;
                    }
                    request.extend_from_slice(&piece[..length]);
                }
                let text = String::from_utf8_lossy(&request).into_owned();
                serving.bodies.lock().unwrap().push(text);
                drop(serving.gate.read().await);
                let status = serving.answers.lock().unwrap().pop_front().unwrap_or(200);
                let answer = format!(
                    "HTTP/1.1 {status} So\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
                _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        (receiver, url)
    }

    fn requests(&self) -> usize {
        self.bodies.lock().unwrap().len()
    }

    fn answer(&self, statuses: &[u16]) {
        self.answers.lock().unwrap().extend(statuses);
    }
}

/// Whether a request has come to its end.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.unwrap().parse::<usize>().unwrap()
}

struct World {
    registry: TestRegistry,
    by: AccountContext,
    receiver: Receiver,
    webhook: WebhookView,
}

fn spec(url: &str) -> WebhookSpec {
    WebhookSpec {
        name: "ci".to_owned(),
        description: String::new(),
        kind: WebhookKind::Http,
        is_cloud_event: false,
        url: Some(url.to_owned()),
        auth_header: None,
        secret: None,
        verifies_certificate: true,
        event_types: vec!["TAG_RETENTION".to_owned()],
        repositories: None,
        tags: None,
        is_enabled: true,
    }
}

fn namespace() -> NamespaceRef<'static> {
    NamespaceRef::Name(NAMESPACE)
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
        let new = NewNamespace {
            name: NAMESPACE.to_owned(),
            settings: NamespaceChange::default(),
            storage_limit: None,
        };
        let made = registry.services.namespaces.create(&by, new).await;
        made.ok().unwrap();
        let (receiver, url) = Receiver::start().await;
        let webhooks = &registry.services.webhooks;
        let webhook = webhooks.create(&by, namespace(), spec(&url)).await;
        let webhook = webhook.ok().unwrap();
        Self {
            registry,
            by,
            receiver,
            webhook,
        }
    }

    /// Something that the webhook is told of.
    async fn happen(&self, count: usize) {
        let core = self.registry.services.core.clone();
        let account = self.by.id().clone();
        let happened = self.registry.services.core.metadata.write(move |tx| {
            for _ in 0..count {
                let event = Event::RetentionFinished {
                    namespace: NAMESPACE.to_owned(),
                    retention: "run".to_owned(),
                    status: "done".to_owned(),
                    is_dry_run: false,
                    trigger: "manual".to_owned(),
                    total: 2,
                    retained: 1,
                    removed: 1,
                };
                core.record_by_itself(tx, &event, &account)?;
            }
            Ok::<_, Error>(())
        });
        happened.await.unwrap();
        while self.registry.services.sealer.seal().await.unwrap() > 0 {}
    }

    async fn claim(&self) -> Option<ClaimedJob> {
        let jobs = &self.registry.services.jobs;
        jobs.wake_waiting().await.unwrap();
        jobs.claim().await.unwrap()
    }

    /// Runs jobs until none is due; says how many.
    async fn work(&self) -> usize {
        let mut count = 0;
        while let Some(claimed) = self.claim().await {
            let (payload, job) = (&claimed.job.payload, &claimed.job.id);
            let webhooks = &self.registry.services.webhooks;
            if claimed.job.kind == JobKind::DELIVER_WEBHOOKS.name {
                webhooks.run(payload, job).await.unwrap();
            } else {
                webhooks.run_by_hand(payload).await.unwrap();
            }
            let jobs = &self.registry.services.jobs;
            jobs.settle(&claimed, Outcome::Done, Vec::new())
                .await
                .unwrap();
            count += 1;
        }
        count
    }

    async fn shown(&self) -> WebhookView {
        let webhooks = &self.registry.services.webhooks;
        let shown = webhooks
            .get(&self.by, namespace(), self.webhook.number)
            .await;
        shown.ok().unwrap()
    }

    async fn deliveries(&self) -> Vec<DeliveryRow> {
        let query = ListQuery {
            limit: 1000,
            ..ListQuery::default()
        };
        let place = (namespace(), self.webhook.number);
        let webhooks = &self.registry.services.webhooks;
        let listed = webhooks.deliveries(&self.by, place, query).await;
        let mut listed = listed.ok().unwrap().items;
        listed.reverse();
        listed
    }

    async fn states(&self) -> Vec<String> {
        let deliveries = self.deliveries().await.into_iter();
        deliveries.map(|delivery| delivery.state).collect()
    }

    /// The same when nobody may ask any more.
    async fn states_in_the_database(&self) -> Vec<String> {
        let id = self.webhook.row.id.clone();
        let core = &self.registry.services.core;
        let listed = core.metadata.list(move |reader| {
            let query = ListQuery {
                limit: 1000,
                ..ListQuery::default()
            };
            Ok::<_, Error>(reader.list_deliveries(&id, &query)?)
        });
        let items = listed.await.unwrap().items.into_iter();
        items.map(|delivery| delivery.state).collect()
    }

    async fn count(&self, kind: &str) -> usize {
        let events = self
            .registry
            .services
            .list_events(self.by.id(), String::new());
        let wanted = format!("\"kind\":\"{kind}\"");
        let events = events.await.unwrap().into_iter();
        events.filter(|event| event.contains(&wanted)).count()
    }
}

#[tokio::test]
async fn a_receiver_that_fails_for_a_day_is_left_alone_until_somebody_says_otherwise() {
    let world = World::start().await;
    world.receiver.answer(&[500; 100]);
    world.happen(60).await;
    let mut waits = Vec::new();
    while !world.shown().await.follower.unwrap().is_paused {
        assert_eq!(world.work().await, 1, "one job, whatever happens");
        let follower = world.shown().await.follower.unwrap();
        let Some(retry_at_ms) = follower.retry_at_ms else {
            continue;
        };
        // Neither more events nor a look after it bring the receiver a request before its time.
        world.happen(1).await;
        world.registry.services.webhooks.tend().await.unwrap();
        assert_eq!(world.work().await, 0);
        let wait = retry_at_ms - world.registry.services.now_ms();
        waits.push(wait);
        world.registry.clock.advance(wait);
    }
    assert!((5_000..=10_000).contains(&waits[0]), "{waits:?}");
    assert!(
        (HOUR / 2..=HOUR).contains(waits.last().unwrap()),
        "{waits:?}"
    );
    let total: i64 = waits.iter().sum();
    assert!((DAY..DAY + HOUR).contains(&total), "{total}");
    // What waited is bounded, and it is told of.
    assert_eq!(world.states().await, ["failed"; 50]);
    assert_eq!(world.count("webhook.paused").await, 1);
    world.happen(1).await;
    world.registry.services.webhooks.tend().await.unwrap();
    let before = world.receiver.requests();
    assert_eq!((world.work().await, world.receiver.requests()), (0, before));

    world.receiver.answers.lock().unwrap().clear();
    let place = (namespace(), world.webhook.number);
    let webhooks = &world.registry.services.webhooks;
    webhooks.resume(&world.by, place, false).await.ok().unwrap();
    let again = webhooks.resume(&world.by, place, false).await;
    assert!(again.is_err(), "it is not paused any more");
    world.work().await;
    let shown = world.shown().await;
    let follower = shown.follower.unwrap();
    assert_eq!(
        (follower.failures, follower.failing_since_ms, shown.lag),
        (0, None, Some(0))
    );
    let states = world.states().await;
    assert!(states.len() > 60 && states[50..].iter().all(|state| state == "delivered"));
    assert_eq!(world.count("webhook.resumed").await, 1);
}

#[tokio::test]
async fn everything_is_sent_once_in_order_though_jobs_are_lost() {
    let world = World::start().await;
    world.happen(3).await;
    let lost = world.claim().await.unwrap();
    world
        .registry
        .seize_as_another_process(&lost.job.id)
        .await
        .unwrap();
    world.registry.clock.advance(61_000);
    world.happen(120).await;
    world.registry.services.jobs.take_over_lost().await.unwrap();
    world.work().await;
    world.registry.services.webhooks.tend().await.unwrap();
    world.work().await;
    assert_eq!(world.states().await, vec!["delivered"; 123]);
    let bodies = world.receiver.bodies.lock().unwrap().clone();
    let ids: Vec<_> = bodies
        .iter()
        .filter_map(|body| body.split("x-roadstead-event-id: ").nth(1)?.lines().next())
        .collect();
    assert_eq!(ids.len(), 123);
    assert!(ids.is_sorted() && ids.first() < ids.last(), "{ids:?}");
}

#[tokio::test]
async fn a_run_ends_when_its_time_is_over_and_goes_on_behind_others() {
    let world = World::start().await;
    world.happen(5).await;
    let claimed = world.claim().await.unwrap();
    // The receiver is slow: each answer takes 20 s of the clock.
    let (clock, receiver) = (world.registry.clock.clone(), world.receiver.clone());
    let slow = tokio::spawn(async move {
        let mut seen = 0;
        while seen < 2 {
            if receiver.requests() > seen {
                seen += 1;
                clock.advance(20_000);
            }
            tokio::task::yield_now().await;
        }
    });
    let webhooks = &world.registry.services.webhooks;
    let payload = &claimed.job.payload;
    webhooks.run(payload, &claimed.job.id).await.unwrap();
    slow.await.unwrap();
    let jobs = &world.registry.services.jobs;
    jobs.settle(&claimed, Outcome::Done, Vec::new())
        .await
        .unwrap();
    let states = world.states().await;
    assert!(states.contains(&"waiting".to_owned()), "{states:?}");
    world.work().await;
    assert_eq!(world.states().await, vec!["delivered"; 5]);
}

#[tokio::test]
async fn what_waits_for_nothing_any_more_is_called_off() {
    let world = World::start().await;
    world.receiver.answer(&[500; 10]);
    world.happen(2).await;
    world.work().await;
    assert_eq!(world.states().await, ["waiting", "waiting"]);
    let webhooks = &world.registry.services.webhooks;
    let place = (namespace(), world.webhook.number);
    let disabled = WebhookSpec {
        is_enabled: false,
        url: None,
        ..spec("")
    };
    webhooks
        .update(&world.by, place, disabled, None)
        .await
        .ok()
        .unwrap();
    assert_eq!(world.states().await, ["cancelled", "cancelled"]);
    assert!(world.shown().await.follower.is_none());

    // A trial whose job is called off, by a process that knows nothing of webhooks, ends after an hour.
    webhooks.test(&world.by, place).await.ok().unwrap();
    let again = webhooks.redeliver(&world.by, place, 1).await.ok().unwrap();
    assert_eq!(again.of_number, Some(1));
    assert!(
        webhooks.redeliver(&world.by, place, 1).await.is_err(),
        "one at a time"
    );
    assert!(
        webhooks
            .redeliver(&world.by, place, again.number)
            .await
            .is_err(),
        "it waits"
    );
    while let Some(claimed) = world.claim().await {
        world
            .registry
            .cancel_as_another_process(&claimed.job.id)
            .await
            .unwrap();
    }
    world.registry.clock.advance(HOUR + 1);
    webhooks.tend().await.unwrap();
    assert_eq!(world.states().await, vec!["cancelled"; 4]);
    assert_eq!(world.count("webhook.redelivered").await, 1);
    assert_eq!(world.count("webhook.tested").await, 1);

    // What is old is forgotten.
    world.registry.clock.advance(31 * DAY);
    webhooks.tend().await.unwrap();
    assert!(world.deliveries().await.is_empty());
}

#[tokio::test]
async fn trials_that_wait_have_an_end() {
    let world = World::start().await;
    let webhooks = &world.registry.services.webhooks;
    let place = (namespace(), world.webhook.number);
    for _ in 0..20 {
        webhooks.test(&world.by, place).await.ok().unwrap();
    }
    assert!(webhooks.test(&world.by, place).await.is_err());
    world.work().await;
    webhooks.test(&world.by, place).await.ok().unwrap();
}

#[tokio::test]
async fn a_purge_waits_for_what_was_not_read_but_not_for_ever() {
    let world = World::start().await;
    let audit = &world.registry.services.audit;
    audit.set_retention(&world.by, Some(30)).await.ok().unwrap();
    while world.registry.services.sealer.seal().await.unwrap() > 0 {}
    world.work().await;
    let read = world.shown().await.follower.unwrap().read_number;
    world.receiver.answer(&[500; 1000]);
    world.happen(200).await;
    world.work().await;
    // The webhook has read 50 of them into deliveries, and waits with the others.
    world.registry.clock.advance(31 * DAY);
    let purged = audit.purge_old().await.unwrap();
    let now_read = world.shown().await.follower.unwrap().read_number;
    assert!(
        i64::try_from(purged).unwrap() <= now_read,
        "{purged} of {now_read}"
    );
    assert!(now_read > read);
    world.registry.clock.advance(7 * DAY);
    assert!(audit.purge_old().await.unwrap() > 0);
    world.receiver.answers.lock().unwrap().clear();
    world.work().await;
    while world.registry.services.sealer.seal().await.unwrap() > 0 {}
    world.work().await;
    let shown = world.shown().await;
    assert!(shown.follower.unwrap().missed > 0);
    assert_eq!(
        (shown.lag, world.count("events.missed").await),
        (Some(0), 1)
    );
}

#[tokio::test]
async fn nobody_has_more_webhooks_than_there_may_be() {
    let world = World::start().await;
    let webhooks = &world.registry.services.webhooks;
    for number in 1..20 {
        let spec = WebhookSpec {
            name: format!("ci {number}"),
            ..spec("http://127.0.0.1:9/")
        };
        webhooks
            .create(&world.by, namespace(), spec)
            .await
            .ok()
            .unwrap();
    }
    let spec = WebhookSpec {
        name: "one more".to_owned(),
        ..spec("http://127.0.0.1:9/")
    };
    assert!(webhooks.create(&world.by, namespace(), spec).await.is_err());
}

#[tokio::test]
async fn a_job_that_is_called_off_and_an_account_that_is_closed_leave_nothing_waiting() {
    let world = World::start().await;
    world.receiver.answer(&[500; 100]);
    world.happen(2).await;
    world.work().await;
    assert_eq!(world.states().await, ["waiting"; 2]);
    let retry_at_ms = world.shown().await.follower.unwrap().retry_at_ms.unwrap();
    let wait = retry_at_ms - world.registry.services.now_ms();
    world.registry.clock.advance(wait);
    let claimed = world.claim().await.unwrap();
    let jobs = &world.registry.services.jobs;
    jobs.cancel(&world.by, &claimed.job.id).await.unwrap();
    let ended = jobs.settle(&claimed, Outcome::Cancelled, Vec::new());
    ended.await.unwrap();
    assert_eq!(world.states().await, ["cancelled"; 2]);

    let webhooks = &world.registry.services.webhooks;
    let place = (namespace(), world.webhook.number);
    webhooks.test(&world.by, place).await.ok().unwrap();
    let trial = world.claim().await.unwrap();
    jobs.cancel(&world.by, &trial.job.id).await.unwrap();
    let ended = jobs.settle(&trial, Outcome::Cancelled, Vec::new());
    ended.await.unwrap();
    assert_eq!(world.states().await, ["cancelled"; 3]);

    world.happen(2).await;
    world.work().await;
    assert_eq!(world.states().await[3..], ["waiting", "waiting"]);
    let (core, account) = (&world.registry.services.core, world.by.id().clone());
    let closing = core
        .metadata
        .write(move |tx| Ok::<_, Error>(tx.set_account_state(&account, AccountState::Closing)?));
    closing.await.unwrap();
    let before = world.receiver.requests();
    world.registry.clock.advance(HOUR);
    webhooks.tend().await.unwrap();
    world.work().await;
    assert_eq!(world.states_in_the_database().await, ["cancelled"; 5]);
    assert_eq!(world.receiver.requests(), before);
}

#[tokio::test]
async fn who_is_deleted_or_disabled_during_a_delivery_is_sent_nothing_more() {
    for is_deleted in [true, false] {
        let world = World::start().await;
        world.happen(5).await;
        let claimed = world.claim().await.unwrap();
        let closed = world.receiver.gate.write().await;
        let webhooks = &world.registry.services.webhooks;
        let place = (namespace(), world.webhook.number);
        let meanwhile = async {
            while world.receiver.requests() == 0 {
                tokio::task::yield_now().await;
            }
            if is_deleted {
                let (named, number) = place;
                let deleted = webhooks.delete(&world.by, named, number).await;
                deleted.ok().unwrap();
            } else {
                let disabled = WebhookSpec {
                    is_enabled: false,
                    url: None,
                    ..spec("")
                };
                let updated = webhooks.update(&world.by, place, disabled, None).await;
                updated.ok().unwrap();
            }
            drop(closed);
        };
        let run = webhooks.run(&claimed.job.payload, &claimed.job.id);
        let (ran, ()) = tokio::join!(run, meanwhile);
        ran.unwrap();
        assert_eq!(world.receiver.requests(), 1);
    }
}

#[tokio::test]
async fn a_receiver_that_answers_is_no_failing_one_whatever_it_answers() {
    let world = World::start().await;
    world.receiver.answer(&[500, 422, 500]);
    world.happen(1).await;
    world.work().await;
    assert_eq!(world.shown().await.follower.unwrap().failures, 1);
    world.registry.clock.advance(HOUR);
    world.work().await;
    assert_eq!(world.states().await, ["failed"]);
    let follower = world.shown().await.follower.unwrap();
    assert_eq!((follower.failures, follower.failing_since_ms), (0, None));
    // Nothing happens for days; then it fails once.
    world.registry.clock.advance(3 * DAY);
    world.happen(1).await;
    world.work().await;
    assert!(!world.shown().await.follower.unwrap().is_paused);
    assert_eq!(world.states().await, ["failed", "waiting"]);
}

#[tokio::test]
async fn trials_too_are_remembered_a_thousand_at_a_time() {
    let world = World::start().await;
    let webhooks = &world.registry.services.webhooks;
    let place = (namespace(), world.webhook.number);
    webhooks.test(&world.by, place).await.ok().unwrap();
    world.work().await;
    let (core, id) = (&world.registry.services.core, world.webhook.row.id.clone());
    let numbered = core
        .metadata
        .write(move |tx| Ok::<_, Error>(tx.number_deliveries(&id, 1000)?));
    numbered.await.unwrap();
    webhooks.test(&world.by, place).await.ok().unwrap();
    let numbers = world.deliveries().await.into_iter();
    let numbers: Vec<i64> = numbers.map(|delivery| delivery.number).collect();
    assert_eq!(numbers, [1002]);
}

#[tokio::test]
async fn a_url_that_is_not_shown_goes_to_no_unproved_receiver() {
    let world = World::start().await;
    let webhooks = &world.registry.services.webhooks;
    let place = (namespace(), world.webhook.number);
    let url = format!("{}?key=of-the-receiver", world.webhook.row.shown_url);
    let change = async |url: Option<String>, verifies_certificate| {
        let spec = WebhookSpec {
            url,
            verifies_certificate,
            ..spec("")
        };
        webhooks.update(&world.by, place, spec, None).await
    };
    let shown = change(Some(url.clone()), true).await.ok().unwrap();
    assert!(shown.row.shown_url.ends_with("?***"));
    assert!(change(None, false).await.is_err());
    assert!(change(Some(shown.row.shown_url), false).await.is_err());
    change(Some(url), false).await.ok().unwrap();
}
