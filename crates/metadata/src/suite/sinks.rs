//! Sinks of accounts.

use super::fixture::{World, id, write};
use super::garbage::read;
use crate::{Error, MetadataStore, SinkRow};

fn sink(world: &World, name: &str) -> SinkRow {
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
    let gone = first.id;
    let deleted = write(store, move |tx| {
        Ok([tx.delete_sink(&gone)?, tx.delete_sink(&gone)?])
    });
    assert_eq!(deleted.await, [true, false]);
}
