//! From where accounts may be reached.

use super::fixture::{World, id, write};
use super::garbage::read;
use crate::{Error, MetadataStore, NetworkRulesRow};
use model::{AllowedRange, NamespaceId, NetworkRules};

pub(super) async fn run(store: &MetadataStore) {
    rules_are_written_as_a_whole(store).await;
    a_namespaces_list_goes_with_it(store).await;
}

fn list(range: &str) -> Vec<AllowedRange> {
    vec![AllowedRange {
        range: range.parse().unwrap(),
        description: "an \"office\"".to_owned(),
    }]
}

async fn get(store: &MetadataStore, world: &World) -> NetworkRulesRow {
    let account = world.account.id.clone();
    read(store, move |reader| reader.get_network_rules(&account)).await
}

async fn put(store: &MetadataStore, world: &World, rules: &NetworkRules) -> Result<i64, Error> {
    let (account, rules) = (world.account.id.clone(), rules.clone());
    let put = store.write(move |tx| {
        tx.take_network_rules(&account, 5)?;
        tx.put_network_rules(&account, &rules, 6)
    });
    put.await
}

async fn rules_are_written_as_a_whole(store: &MetadataStore) {
    let (world, other) = (World::create(store).await, World::create(store).await);
    assert_eq!(get(store, &world).await, NetworkRulesRow::default());
    let epoch = read(store, |reader| reader.network_epoch()).await;
    let policy = store.epochs().policy();
    let mut rules = NetworkRules {
        private_only: true,
        management: list("10.0.0.0/8"),
        registry: list("fd00::/8"),
        namespaces: [(world.namespace.clone(), list("192.0.2.0/24"))].into(),
    };
    assert_eq!(put(store, &world, &rules).await.unwrap(), 1);
    assert_ne!(store.epochs().policy(), policy);
    let row = |rules: &NetworkRules, version| NetworkRulesRow {
        rules: rules.clone(),
        version,
    };
    assert_eq!(get(store, &world).await, row(&rules, 1));
    assert_eq!(get(store, &other).await, NetworkRulesRow::default());
    let account = world.account.id.clone();
    let listed = read(store, move |reader| {
        reader.list_namespace_networks(&account)
    });
    let expected = (world.namespace_name.clone(), list("192.0.2.0/24"));
    assert_eq!(listed.await, [expected]);
    assert!(read(store, |reader| reader.network_epoch()).await > epoch);

    rules.private_only = false;
    // An empty list is none.
    rules.namespaces.insert(world.namespace.clone(), Vec::new());
    assert_eq!(put(store, &world, &rules).await.unwrap(), 2);
    rules.namespaces.clear();
    assert_eq!(get(store, &world).await, row(&rules, 2));

    let nowhere = NetworkRules {
        namespaces: [(NamespaceId::new(id()), list("10.0.0.0/8"))].into(),
        ..NetworkRules::default()
    };
    let refused = put(store, &world, &nowhere).await;
    assert!(
        matches!(refused, Err(Error::ReferenceViolated)),
        "{refused:?}"
    );
    assert_eq!(get(store, &world).await, row(&rules, 2));
}

async fn a_namespaces_list_goes_with_it(store: &MetadataStore) {
    let world = World::create(store).await;
    let (account, namespace) = (world.account.id.clone(), NamespaceId::new(id()));
    let new = namespace.clone();
    let name = format!("n{}", id().replace('-', ""));
    write(store, move |tx| {
        tx.create_namespace(&new, &account, &name, false, 3)
            .map(drop)
    })
    .await;
    let rules = NetworkRules {
        namespaces: [
            (namespace.clone(), list("10.0.0.0/8")),
            (world.namespace.clone(), list("10.0.0.0/8")),
        ]
        .into(),
        ..NetworkRules::default()
    };
    put(store, &world, &rules).await.unwrap();
    write(store, move |tx| tx.delete_namespace(&namespace)).await;
    let left = get(store, &world).await.rules.namespaces;
    assert_eq!(left.keys().collect::<Vec<_>>(), [&world.namespace]);
}
