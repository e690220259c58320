//! What an account's administrators decided, and how much there is of what.

use super::content::manifest;
use super::fixture::{World, digest, id, write};
use crate::{AccountSettings, Listable, MetadataStore, NamespaceCount, NamespaceCounts, NewUser};
use model::{GrantId, NamespaceId, Role, UserId};
use serde_json::json;

pub(super) async fn run(store: &MetadataStore) {
    settings_of_an_account_are_kept(store).await;
    namespaces_are_counted_as_far_as_they_may_be_seen(store).await;
    members_are_counted_by_role(store).await;
    a_namespace_uses_each_digest_once(store).await;
}

async fn settings_of_an_account_are_kept(store: &MetadataStore) {
    let (world, other) = (World::create(store).await, World::create(store).await);
    let account = world.account.id.clone();
    let before = write(store, move |tx| {
        let before = tx.take_account_settings(&account, 5)?;
        let settings: AccountSettings = [
            ("days".to_owned(), json!(7)),
            ("words".to_owned(), json!("it's \"mine\"")),
        ]
        .into();
        tx.put_account_settings(&account, &settings, 6)?;
        Ok(before)
    })
    .await;
    assert_eq!(before, AccountSettings::new());
    let account = world.account.id.clone();
    let taken = write(store, move |tx| {
        let mut settings = tx.take_account_settings(&account, 7)?;
        settings.remove("days");
        tx.put_account_settings(&account, &settings, 8)?;
        Ok(settings)
    })
    .await;
    let (found, others) = store
        .read_blocking(|reader| {
            Ok::<_, crate::Error>((
                reader.find_account_settings(&world.account.id)?,
                reader.find_account_settings(&other.account.id)?,
            ))
        })
        .unwrap();
    assert_eq!(found, taken);
    assert_eq!(found, [("words".to_owned(), json!("it's \"mine\""))].into());
    assert_eq!(others, AccountSettings::new());
}

async fn namespaces_are_counted_as_far_as_they_may_be_seen(store: &MetadataStore) {
    let (world, _other) = (World::create(store).await, World::create(store).await);
    let (account, open, closed) = (
        world.account.id.clone(),
        NamespaceId::new(id()),
        NamespaceId::new(id()),
    );
    let new = (account.clone(), open.clone(), closed.clone());
    let (listed, repository) = (manifest(&id()), world.repository.clone());
    write(store, move |tx| {
        tx.create_namespace(&new.1, &new.0, "open", true, 3)?;
        tx.create_namespace(&new.2, &new.0, "closed", false, 3)?;
        // The first manifest puts the repository on the list.
        tx.create_manifest(&listed, &new.0, &repository, 4)?;
        tx.list_repository(&repository)
    })
    .await;
    let count = |listable: Listable<'_>| {
        store
            .read_blocking(|reader| reader.count_namespaces(&account, listable))
            .unwrap()
    };
    let counts = |public, private, repositories| NamespaceCounts {
        public: NamespaceCount {
            namespaces: public,
            repositories: 0,
        },
        private: NamespaceCount {
            namespaces: private,
            repositories,
        },
    };
    assert_eq!(count(Listable::All), counts(1, 2, 1));
    assert_eq!(count(Listable::PublicAnd(&[])), counts(1, 0, 0));
    assert_eq!(
        count(Listable::PublicAnd(std::slice::from_ref(&closed))),
        counts(1, 1, 0)
    );
    assert_eq!(
        count(Listable::Only(&[world.namespace.clone(), open])),
        counts(1, 1, 1)
    );
    assert_eq!(count(Listable::Only(&[])), counts(0, 0, 0));
}

async fn members_are_counted_by_role(store: &MetadataStore) {
    let world = World::create(store).await;
    let new = world.clone();
    write(store, move |tx| {
        let source_id = tx.find_password_source()?.unwrap();
        for role in [Role::Guest, Role::Guest, Role::Developer] {
            let user = NewUser {
                id: UserId::new(id()),
                source_id: source_id.clone(),
                name: id(),
                home_account_id: new.account.id.clone(),
                password_hash: None,
            };
            tx.create_user(&user, 1)?;
            let place = (&new.account.id, &new.namespace);
            tx.put_member(&GrantId::new(id()), place, &user.id, role, 2)?;
        }
        Ok(())
    })
    .await;
    let mut members = store
        .read_blocking(|reader| reader.count_members(&world.namespace))
        .unwrap();
    members.sort_unstable();
    assert_eq!(members, [(Role::Developer, 1), (Role::Guest, 2)]);
}

async fn a_namespace_uses_each_digest_once(store: &MetadataStore) {
    let world = World::create(store).await;
    let (second, _) = world.add_repository(store, "second").await;
    let (common, own) = (digest(&id()), digest(&id()));
    world.add_blob(store, &common, 100).await;
    world.add_blob(store, &own, 7).await;
    let (empty, new) = (NamespaceId::new(id()), world.clone());
    let (made, blobs) = (empty.clone(), (common, own));
    write(store, move |tx| {
        tx.create_namespace(&made, &new.account.id, "empty", false, 3)?;
        for (repository, needed) in [
            (&new.repository, vec![&blobs.0, &blobs.1]),
            (&second, vec![&blobs.0]),
        ] {
            let manifest = manifest(&id());
            tx.create_manifest(&manifest, &new.account.id, repository, 1)?;
            for digest in needed {
                tx.create_manifest_blob(&manifest.id, repository, "shared", digest)?;
            }
        }
        Ok(())
    })
    .await;
    let (used, none) = store
        .read_blocking(|reader| {
            Ok::<_, crate::Error>((
                reader.sum_namespace_usage(&[world.namespace.clone(), empty.clone()])?,
                reader.sum_namespace_usage(&[])?,
            ))
        })
        .unwrap();
    assert_eq!(used, [(world.namespace.as_str().to_owned(), 107)].into());
    assert!(none.is_empty());
}
