//! Host names of accounts.

use super::fixture::{World, id, write};
use super::garbage::read;
use crate::{Error, MetadataStore};

pub(super) async fn run(store: &MetadataStore) {
    let (world, other) = (World::create(store).await, World::create(store).await);
    let hosts = ["b", "a"].map(|name| format!("{name}.{}.example", id()));
    let (account, new) = (world.account.id.clone(), hosts.clone());
    let policy = store.epochs().policy();
    write(store, move |tx| {
        new.iter()
            .try_for_each(|host| tx.add_account_address(&account, host))
    })
    .await;
    assert_ne!(store.epochs().policy(), policy);
    let (foreign, taken) = (other.account.id.clone(), hosts[0].clone());
    let refused = store
        .write(move |tx| tx.add_account_address(&foreign, &taken))
        .await;
    assert!(matches!(refused, Err(Error::AlreadyExists)), "{refused:?}");
    let (account, host) = (world.account.id.clone(), hosts[0].clone());
    let (listed, owner) = read(store, move |reader| {
        let owner = reader.find_account_by_host(&host)?;
        Ok((reader.list_account_addresses(&account)?, owner))
    })
    .await;
    assert_eq!(listed, [hosts[1].clone(), hosts[0].clone()]);
    assert_eq!(owner.as_ref(), Some(&world.account.id));
    let (account, foreign) = (world.account.id.clone(), other.account.id);
    let gone = write(store, move |tx| {
        Ok([
            tx.remove_account_address(&foreign, &hosts[0])?,
            tx.remove_account_address(&account, &hosts[0])?,
            tx.remove_account_address(&account, &hosts[0])?,
        ])
    });
    assert_eq!(gone.await, [false, true, false]);
}
