//! Followers of events, webhooks, and what was sent to them.

use super::artifacts::page;
use super::fixture::{World, id, write};
use super::garbage::read;
use crate::{DeliveryRow, Error, FollowerKind, FollowerRow, MetadataStore, NewJob, WebhookRow};
use model::JobId;

pub(super) async fn run(store: &MetadataStore) {
    webhooks_are_of_a_namespace(store).await;
    followers_come_along_in_order(store).await;
    deliveries_wait_and_end(store).await;
    a_refusal_is_told_once_in_a_while(store).await;
}

fn webhook(world: &World, name: &str) -> WebhookRow {
    WebhookRow {
        id: id(),
        account_id: world.account.id.clone(),
        namespace_id: world.namespace.clone(),
        name: name.to_owned(),
        description: String::new(),
        kind: "http".to_owned(),
        format: "default".to_owned(),
        sealed_url: "sealed".to_owned(),
        shown_url: "https://hooks.example.com/".to_owned(),
        origin: "https://hooks.example.com".to_owned(),
        sealed_auth: None,
        sealed_secret: Some("sealed".to_owned()),
        verifies_certificate: true,
        event_types: vec!["PUSH_ARTIFACT".to_owned(), "QUOTA_EXCEED".to_owned()],
        repositories: String::new(),
        tags: "v*".to_owned(),
        is_enabled: true,
        creator: "ann".to_owned(),
        version: 1,
        created_at_ms: 5,
        updated_at_ms: 5,
    }
}

fn follower(world: &World, id: &str, kind: FollowerKind) -> FollowerRow {
    FollowerRow {
        id: id.to_owned(),
        account_id: world.account.id.clone(),
        kind,
        read_number: 0,
        is_paused: false,
        failures: 0,
        failing_since_ms: None,
        retry_at_ms: None,
        missed: 0,
        last_error: None,
        created_at_ms: 5,
    }
}

fn delivery(webhook: &WebhookRow, number: i64, cause: &str) -> DeliveryRow {
    DeliveryRow {
        webhook_id: webhook.id.clone(),
        number,
        account_id: webhook.account_id.clone(),
        event_id: format!("event {number}"),
        event_type: "PUSH_ARTIFACT".to_owned(),
        cause: cause.to_owned(),
        of_number: None,
        state: "waiting".to_owned(),
        content_type: "application/json".to_owned(),
        payload: "{}".to_owned(),
        attempts: 0,
        response_status: None,
        response: None,
        error: None,
        duration_ms: None,
        created_at_ms: 100 + number,
        sent_at_ms: None,
        ended_at_ms: None,
    }
}

async fn webhooks_are_of_a_namespace(store: &MetadataStore) {
    let world = World::create(store).await;
    let (first, second) = (webhook(&world, "b"), webhook(&world, "a"));
    let new = [first.clone(), second.clone()];
    write(store, move |tx| {
        new.iter()
            .try_for_each(|webhook| tx.create_webhook(webhook))
    })
    .await;
    let twice = webhook(&world, "a");
    let refused = store.write(move |tx| tx.create_webhook(&twice)).await;
    assert!(matches!(refused, Err(Error::AlreadyExists)), "{refused:?}");
    let renamed = WebhookRow {
        name: "a".to_owned(),
        ..first.clone()
    };
    let refused = store.write(move |tx| tx.update_webhook(&renamed, 9)).await;
    assert!(matches!(refused, Err(Error::AlreadyExists)), "{refused:?}");
    let changed = WebhookRow {
        is_enabled: false,
        sealed_auth: Some("auth".to_owned()),
        ..first.clone()
    };
    let (change, late) = (changed.clone(), changed.clone());
    let done = write(store, move |tx| {
        Ok((
            tx.update_webhook(&change, 9)?,
            tx.update_webhook(&late, 10)?,
        ))
    })
    .await;
    // The second names a version that is over.
    assert_eq!(done, (true, false));
    let expected = WebhookRow {
        version: 2,
        updated_at_ms: 9,
        ..changed
    };
    let (account, namespace, wanted) = (
        world.account.id.clone(),
        world.namespace.clone(),
        first.id.clone(),
    );
    let (found, listed, counts) = read(store, move |reader| {
        Ok((
            reader.find_webhook(&wanted)?,
            reader.list_webhooks(&namespace, &page())?,
            reader.count_webhooks(&account, &namespace)?,
        ))
    })
    .await;
    assert_eq!(found, Some(expected.clone()));
    assert_eq!(listed.items, [second.clone(), expected]);
    assert_eq!((listed.total, counts), (2, (2, 2)));
    let gone = write(store, move |tx| {
        assert!(tx.take_webhook(&first.id)?.is_some());
        assert_eq!(tx.number_deliveries(&first.id, 3)?, Some(1));
        assert_eq!(tx.number_deliveries(&first.id, 2)?, Some(4));
        let gone = (tx.delete_webhook(&first.id)?, tx.delete_webhook(&first.id)?);
        assert_eq!(tx.number_deliveries(&first.id, 1)?, None);
        Ok(gone)
    })
    .await;
    assert_eq!(gone, (true, false));
}

async fn followers_come_along_in_order(store: &MetadataStore) {
    let world = World::create(store).await;
    let hook = webhook(&world, "ci");
    let (of_webhook, of_sink) = (
        follower(&world, &hook.id, FollowerKind::Webhook),
        follower(&world, &id(), FollowerKind::Sink),
    );
    let (new, account) = (
        [of_webhook.clone(), of_sink.clone()],
        world.account.id.clone(),
    );
    let made = hook.clone();
    write(store, move |tx| {
        tx.create_webhook(&made)?;
        new.iter()
            .try_for_each(|follower| tx.create_follower(follower))?;
        tx.put_sealed_end(Some(&account), 7, "hash")
    })
    .await;
    let (account, sink) = (world.account.id.clone(), of_sink.id.clone());
    let (has, lag, slowest, behind) = read(store, move |reader| {
        Ok((
            reader.has_followers()?,
            reader.follower_lag(&sink)?,
            reader.find_slowest_follower(&account)?,
            reader.list_followers_behind("", 1000)?,
        ))
    })
    .await;
    assert_eq!((has, lag, slowest), (true, Some(7), Some(0)));
    assert!(behind.contains(&of_sink) && behind.contains(&of_webhook));
    a_follower_is_paused_and_gone(store, &world, (hook, of_sink)).await;
    a_job_lets_its_like_be_asked_for(store, &world).await;
}

async fn a_follower_is_paused_and_gone(
    store: &MetadataStore,
    world: &World,
    (hook, of_sink): (WebhookRow, FollowerRow),
) {
    let (account, sink) = (world.account.id.clone(), of_sink.id.clone());
    let paused = FollowerRow {
        is_paused: true,
        failures: 3,
        failing_since_ms: Some(4),
        retry_at_ms: None,
        last_error: Some("no answer".to_owned()),
        read_number: 7,
        missed: 2,
        ..of_sink
    };
    let put = paused.clone();
    let (moved, late, all) = write(store, move |tx| {
        let moved = tx.advance_follower(&sink, (0, 7), 2)?;
        let late = tx.advance_follower(&sink, (0, 7), 2)?;
        tx.put_follower_condition(&put)?;
        assert_eq!(tx.take_follower(&sink)?, Some(put));
        Ok((moved, late, tx.take_followers(&account)?))
    })
    .await;
    assert!(moved && !late);
    assert_eq!(all.len(), 2);
    let (account, id) = (world.account.id.clone(), paused.id.clone());
    let (listed, found, slowest) = read(store, move |reader| {
        Ok((
            reader.list_followers(&account)?,
            reader.find_follower(&id)?,
            reader.find_slowest_follower(&account)?,
        ))
    })
    .await;
    assert_eq!(
        (listed.len(), found, slowest),
        (2, Some(paused.clone()), Some(0))
    );
    // The webhook's goes with it, the sink's by itself.
    let gone = write(store, move |tx| {
        tx.delete_webhook(&hook.id)?;
        let webhooks = tx.find_follower(&hook.id)?;
        Ok((
            webhooks,
            tx.delete_follower(&paused.id)?,
            tx.delete_follower(&paused.id)?,
        ))
    })
    .await;
    assert_eq!(gone, (None, true, false));
}

async fn a_job_lets_its_like_be_asked_for(store: &MetadataStore, world: &World) {
    let (first, second) = (JobId::new(id()), JobId::new(id()));
    let account = world.account.id.clone();
    let is_new = write(store, move |tx| {
        let ask = |tx: &mut crate::Tx<'_>, id: &JobId| {
            let job = NewJob {
                id,
                account_id: Some(&account),
                kind: "deliver_webhooks",
                payload: "{}",
                dedup_key: Some("follow:it"),
                run_at_ms: i64::MAX,
                max_attempts: 1,
            };
            tx.enqueue(&job, 0).map(|asked| asked.is_new)
        };
        let before = (ask(tx, &first)?, ask(tx, &second)?);
        tx.release_job_key(&first)?;
        let after = ask(tx, &second)?;
        tx.cancel_job(&first, 0, 0)?;
        tx.cancel_job(&second, 0, 0)?;
        Ok((before, after))
    })
    .await;
    assert_eq!(is_new, ((true, false), true));
}

async fn deliveries_wait_and_end(store: &MetadataStore) {
    let world = World::create(store).await;
    let hook = webhook(&world, "ci");
    let made = hook.clone();
    write(store, move |tx| {
        tx.create_webhook(&made)?;
        for number in 1..=4 {
            assert!(tx.create_delivery(&delivery(&made, number, "event"))?);
        }
        let same_event = DeliveryRow {
            event_id: "event 1".to_owned(),
            ..delivery(&made, 5, "event")
        };
        assert!(!tx.create_delivery(&same_event)?);
        assert!(tx.create_delivery(&delivery(&made, 6, "trial"))?);
        let again = |number| DeliveryRow {
            of_number: Some(1),
            ..delivery(&made, number, "again")
        };
        assert!(tx.create_delivery(&again(7))?);
        assert!(!tx.create_delivery(&again(8))?, "one at a time");
        Ok(())
    })
    .await;
    what_is_sent_ends(store, &world, &hook).await;
}

async fn what_is_sent_ends(store: &MetadataStore, world: &World, hook: &WebhookRow) {
    let ended = DeliveryRow {
        state: "delivered".to_owned(),
        attempts: 2,
        response_status: Some(200),
        response: Some("thanks".to_owned()),
        error: None,
        duration_ms: Some(3),
        sent_at_ms: Some(200),
        ended_at_ms: Some(201),
        ..delivery(hook, 1, "event")
    };
    let put = ended.clone();
    let puts = write(store, move |tx| {
        Ok((tx.put_attempt(&put)?, tx.put_attempt(&put)?))
    })
    .await;
    assert_eq!(puts, (true, false), "what has ended stays as it is");
    let (hook_id, account) = (hook.id.clone(), world.account.id.clone());
    let (found, waiting, listed, by_hand, last) = read(store, move |reader| {
        Ok((
            reader.find_delivery(&hook_id, 1)?,
            reader.list_waiting_deliveries(&hook_id, 2)?,
            reader.list_deliveries(&hook_id, &page())?,
            reader.count_deliveries_by_hand(&account)?,
            reader.find_last_delivery(&hook_id, "PUSH_ARTIFACT")?,
        ))
    })
    .await;
    assert_eq!(found, Some(ended));
    let numbers = |rows: &[DeliveryRow]| rows.iter().map(|row| row.number).collect::<Vec<_>>();
    assert_eq!(numbers(&waiting), [2, 3]);
    assert_eq!(numbers(&listed.items), [7, 6, 4, 3, 2, 1]);
    assert_eq!((by_hand, last), (2, Some(107)));
    let (hook_id, account) = (hook.id.clone(), world.account.id.clone());
    let counts = write(store, move |tx| {
        let called_off = tx.end_waiting_deliveries(&hook_id, ("cancelled", "why"), 300)?;
        let stuck = tx.end_stuck_deliveries("why", (107, 300), 10)?;
        let through = tx.forget_deliveries_through(&hook_id, 2, (false, 10))?;
        let old = tx.forget_deliveries(301, 2)?;
        Ok((
            called_off,
            stuck,
            through,
            old,
            tx.forget_account_deliveries(&account, 10)?,
        ))
    })
    .await;
    assert_eq!(counts, (3, 1, 2, 2, 2));
}

async fn a_refusal_is_told_once_in_a_while(store: &MetadataStore) {
    let world = World::create(store).await;
    let (account, namespace) = (world.account.id.clone(), world.namespace.clone());
    let told = write(store, move |tx| {
        let mut told = Vec::new();
        for now_ms in [100, 159, 160, 161] {
            let times = (now_ms - 60, now_ms);
            told.push(tx.tell_quota_refusal(&account, &namespace, times)?);
        }
        Ok((told, tx.find_quota_refusal(&namespace)?))
    })
    .await;
    assert_eq!(told, (vec![true, false, true, false], Some(160)));
}
