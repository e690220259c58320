//! Sinks of accounts.

use super::fixture::{World, id, write};
use super::garbage::read;
use crate::{
    Error, EventSeal, FollowerKind, FollowerRow, FollowerStanding, MetadataStore, NewEvent,
    SinkRow, Turn,
};

pub(super) fn sink(world: &World, name: &str) -> SinkRow {
    SinkRow {
        id: id(),
        account_id: world.account.id.clone(),
        name: name.to_owned(),
        kind: "https".to_owned(),
        sealed_url: "sealed".to_owned(),
        origin: "https://logs.example.com".to_owned(),
        sealed_secret: Some("sealed".to_owned()),
        settings: "{}".to_owned(),
        verifies_certificate: true,
        is_enabled: true,
        sent_events: 0,
        sent_at_ms: None,
        told_hour: 7,
        creator: "ann".to_owned(),
        version: 1,
        created_at_ms: 5,
        updated_at_ms: 5,
        metrics_due_ms: None,
        metrics_failures: 0,
        metrics_error: None,
        metrics_sent_at_ms: None,
    }
}

pub(super) async fn run(store: &MetadataStore) {
    let world = World::create(store).await;
    let account = world.account.id.clone();
    let (first, second) = (sink(&world, "b"), sink(&world, "a"));
    let new = [first.clone(), second.clone()];
    write(store, move |tx| {
        new.iter().try_for_each(|sink| tx.create_sink(sink))
    })
    .await;
    let twice = sink(&world, "a");
    let refused = write(store, move |tx| Ok(tx.create_sink(&twice).is_err())).await;
    assert!(refused);

    let mut renamed = SinkRow {
        name: "a".to_owned(),
        ..first.clone()
    };
    let taken = renamed.clone();
    let refused = write(store, move |tx| Ok(tx.update_sink(&taken, 9))).await;
    assert!(matches!(refused, Err(Error::AlreadyExists)));
    renamed.name = "c".to_owned();
    renamed.sealed_secret = None;
    let (new, of) = (renamed.clone(), account.clone());
    let done = write(store, move |tx| {
        let done = [tx.update_sink(&new, 9)?, tx.update_sink(&new, 10)?];
        tx.note_sink_sent(&new.id, 3, 11)?;
        tx.note_sink_sent(&new.id, 2, 12)?;
        Ok((
            done,
            [tx.note_usage_told(&of, 8)?, tx.note_usage_told(&of, 8)?],
        ))
    })
    .await;
    assert_eq!(done, ([true, false], [true, false]));
    let expected = SinkRow {
        version: 2,
        updated_at_ms: 9,
        sent_events: 5,
        sent_at_ms: Some(12),
        told_hour: 8,
        ..renamed
    };
    let (of, wanted) = (account.clone(), first.id.clone());
    let found = read(store, move |reader| {
        Ok((
            reader.find_sink(&wanted)?,
            reader.list_sinks(&of)?,
            reader.list_untold_accounts(8, 200)?.contains(&of),
            reader.list_untold_accounts(9, 200)?.contains(&of),
            reader.count_account_jobs(&of)?,
        ))
    })
    .await;
    let second = SinkRow {
        told_hour: 8,
        ..second
    };
    let all = vec![second, expected.clone()];
    assert_eq!(found, (Some(expected), all, false, true, Vec::new()));
    metrics_are_due(store, &world).await;
    what_was_not_told_is_found(store).await;
    let gone = first.id;
    let deleted = write(store, move |tx| {
        Ok([tx.delete_sink(&gone)?, tx.delete_sink(&gone)?])
    });
    assert_eq!(deleted.await, [true, false]);
}

async fn metrics_are_due(store: &MetadataStore, world: &World) {
    // Nobody else's metrics are as long due as these.
    const DUE: i64 = -1_000_000;
    let pushed = SinkRow {
        metrics_due_ms: Some(DUE),
        ..sink(world, "metrics")
    };
    let (new, id) = (pushed.clone(), pushed.id.clone());
    let done = write(store, move |tx| {
        tx.create_sink(&new)?;
        let due = [
            tx.list_due_metrics(DUE - 1, 9)?,
            tx.list_due_metrics(DUE, 9)?,
        ];
        let put_off = [
            tx.put_off_metrics(&new.id, DUE - 1, 0)?,
            tx.put_off_metrics(&new.id, DUE, DUE + 5)?,
            tx.put_off_metrics(&new.id, DUE, DUE + 6)?,
        ];
        tx.note_metrics_failed((&new.id, 1), "first", DUE + 10)?;
        tx.note_metrics_failed((&new.id, 2), "of another version", DUE + 20)?;
        let failed = tx.find_sink(&new.id)?;
        tx.note_metrics_sent(&new.id, 7)?;
        Ok((due, put_off, failed, tx.find_sink(&new.id)?))
    })
    .await;
    let failed = SinkRow {
        metrics_due_ms: Some(DUE + 10),
        metrics_failures: 1,
        metrics_error: Some("first".to_owned()),
        ..pushed.clone()
    };
    let sent = SinkRow {
        metrics_due_ms: Some(DUE + 10),
        metrics_sent_at_ms: Some(7),
        ..pushed.clone()
    };
    let due = [Vec::new(), vec![(id, world.account.id.clone())]];
    let expected = (due, [false, true, false], Some(failed.clone()), Some(sent));
    assert_eq!(done, expected);
    // A change begins anew, or ends it.
    let ended = SinkRow {
        metrics_due_ms: None,
        ..failed
    };
    let found = write(store, move |tx| {
        tx.update_sink(&ended, 9)?;
        tx.note_metrics_failed((&ended.id, 2), "too late", DUE)?;
        let found = tx.find_sink(&ended.id)?;
        tx.delete_sink(&ended.id)?;
        Ok(found)
    });
    let found = found.await.expect("it is there");
    assert_eq!(
        (
            found.metrics_due_ms,
            found.metrics_failures,
            found.metrics_error
        ),
        (None, 0, None)
    );
}

fn follower(world: &World) -> FollowerRow {
    FollowerRow {
        id: id(),
        account_id: world.account.id.clone(),
        kind: FollowerKind::Sink,
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

async fn what_was_not_told_is_found(store: &MetadataStore) {
    // No other event is as old as this one.
    const AT: i64 = -7_000_000;
    let world = World::create(store).await;
    let follower = follower(&world);
    let (of, event, new) = (world.account.id.clone(), id(), follower.clone());
    write(store, move |tx| {
        tx.take_turn(Turn::Sealing)?;
        tx.create_follower(&new)?;
        tx.record_event(&NewEvent {
            id: &event,
            account_id: Some(&of),
            kind: "manifest.pushed",
            caller: "somebody",
            credential: "password",
            address: None,
            agent: None,
            payload: "{}",
            resource: None,
            namespace: None,
            at_ms: AT,
        })?;
        let seal = EventSeal {
            id: &event,
            number: 1,
            hash: "link",
        };
        assert_eq!(tx.seal_events(&[seal])?, 1);
        tx.put_sealed_end(Some(&of), 1, "link")
    })
    .await;
    let ours = || async {
        let of = world.account.id.clone();
        let (all, of_account) = read(store, move |reader| {
            Ok((
                reader.list_follower_standings(10_000)?,
                reader.list_account_follower_standings(&of, 9)?,
            ))
        })
        .await;
        let is_ours = |one: &FollowerStanding| one.oldest_at_ms == Some(AT);
        let ours: Vec<_> = all.into_iter().filter(is_ours).collect();
        assert_eq!(ours, of_account);
        ours
    };
    let expected = |is_failing| FollowerStanding {
        kind: FollowerKind::Sink,
        is_paused: is_failing,
        is_failing,
        oldest_at_ms: Some(AT),
    };
    assert_eq!(ours().await, [expected(false)]);
    let failing = FollowerRow {
        failures: 2,
        is_paused: true,
        ..follower.clone()
    };
    write(store, move |tx| tx.put_follower_condition(&failing)).await;
    assert_eq!(ours().await, [expected(true)]);
    let done = FollowerRow {
        read_number: 1,
        ..follower.clone()
    };
    write(store, move |tx| tx.put_follower_condition(&done)).await;
    assert_eq!(ours().await, []);
    let gone = write(store, move |tx| tx.delete_follower(&follower.id));
    assert!(gone.await);
}
