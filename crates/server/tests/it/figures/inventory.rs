//! What serves the deployment, and of what version.

use serde_json::Value;

use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use crate::registry::client::Client;
use crate::replicas::Replicas;

/// The addresses of those that are there.
async fn addresses(operator: &Client) -> Vec<String> {
    let told = operator.v1_get("/deployment").await.assert_status(200);
    let told = told.json();
    let replicas = told["replicas"].as_array().expect("a list");
    let address = |replica: &Value| {
        assert_eq!(replica["version"], env!("CARGO_PKG_VERSION"));
        assert!(replica["started_at"].as_str() <= replica["seen_at"].as_str());
        let addresses = replica["addresses"].as_array().expect("a list");
        addresses[0].as_str().expect("text").to_owned()
    };
    let mut addresses: Vec<_> = replicas.iter().map(address).collect();
    addresses.sort_unstable();
    addresses
}

#[tokio::test]
async fn a_registry_is_in_its_inventory_from_the_start() {
    let registry = TestRegistry::start().await;
    assert_eq!(addresses(&registry).await, [registry.address().to_string()]);
    // Whoever ends takes its row away; a restart makes one row, not two.
    let registry = registry.stop().start().await;
    assert_eq!(addresses(&registry).await, [registry.address().to_string()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_replica_tells_of_all() {
    let replicas = Replicas::start(3).await;
    let mut all: Vec<_> = replicas
        .each()
        .map(|replica| replica.address().to_string())
        .collect();
    all.sort_unstable();
    for replica in replicas.each() {
        assert_eq!(addresses(replica).await, all);
    }
}
