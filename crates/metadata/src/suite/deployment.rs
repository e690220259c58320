//! What the deployment remembers, and the facts it writes down.

use super::fixture::{World, id, write};
use crate::{Error, MetadataStore, NewEvent, SigningKeyRow, Turn};

pub(super) async fn run(store: &MetadataStore) {
    the_deployment_remembers(store).await;
    events_are_listed_in_order(store).await;
}

async fn the_deployment_remembers(store: &MetadataStore) {
    let (name, keys) = (id(), [id(), id(), id()]);
    let (written, fresh, new_keys) = (name.clone(), id(), keys.clone());
    write(store, move |tx| {
        tx.take_turn(Turn::SigningKeys)?;
        tx.put_deployment_value(&written, "first")?;
        tx.put_deployment_value(&written, "second")?;
        assert_eq!(tx.keep_deployment_value(&written, "third")?, "second");
        assert_eq!(tx.keep_deployment_value(&fresh, "first")?, "first");
        for (at_ms, id) in (1..).zip(new_keys) {
            tx.create_signing_key(&SigningKeyRow {
                id,
                sealed_private: "sealed".to_owned(),
                created_at_ms: at_ms,
            })?;
        }
        Ok(())
    })
    .await;
    let (value, none, listed) = store
        .read_blocking(|reader| {
            reader.probe()?;
            let clock_ms = reader.clock_ms()?;
            assert_eq!(clock_ms.is_some(), store.is_shared());
            assert!(clock_ms.is_none_or(|at_ms| at_ms > 1_700_000_000_000));
            Ok::<_, Error>((
                reader.find_deployment_value(&name)?,
                reader.find_deployment_value(&id())?,
                reader.list_signing_keys()?,
            ))
        })
        .unwrap();
    assert_eq!((value.as_deref(), none), (Some("second"), None));
    let ours = listed.iter().filter(|key| keys.contains(&key.id));
    let order: Vec<_> = ours.map(|key| key.id.clone()).collect();
    assert_eq!(order, [&keys[2], &keys[1], &keys[0]].map(Clone::clone));
    let deleted = write(store, |tx| tx.delete_signing_keys(i64::MAX)).await;
    assert_eq!(deleted, listed.len() - 1);
    let left = store
        .read_blocking(|reader| reader.list_signing_keys())
        .unwrap();
    assert_eq!(left.len(), 1, "the newest stays whatever its age");
    assert_eq!(left[0].id, listed[0].id);
}

async fn events_are_listed_in_order(store: &MetadataStore) {
    let world = World::create(store).await;
    let account = world.account.id.clone();
    let ids = [id(), id(), id()];
    let written = ids.clone();
    write(store, move |tx| {
        for id in written.iter().rev() {
            tx.record_event(&NewEvent {
                id,
                account_id: Some(&account),
                kind: "tag_put",
                caller: "somebody",
                credential: "password",
                address: Some("192.0.2.1"),
                agent: None,
                payload: "{}",
                resource: None,
                namespace: None,
                at_ms: 50,
            })?;
        }
        Ok(())
    })
    .await;
    let account = world.account.id.clone();
    let after = ids[0].clone();
    let listed = store
        .list(move |reader| reader.list_events(&account, &after, 10))
        .await
        .unwrap();
    let found: Vec<_> = listed.iter().map(|event| event.id.as_str()).collect();
    assert_eq!(found, [ids[1].as_str(), ids[2].as_str()]);
    assert_eq!(listed[0].caller, "somebody");
    assert_eq!(listed[0].credential, "password");
    assert_eq!(listed[0].address.as_deref(), Some("192.0.2.1"));
    assert_eq!((listed[0].payload.as_str(), listed[0].at_ms), ("{}", 50));
}
