//! What a plan means: each of its limits as an account's people meet it, what is counted for a bill, and an account's end.

mod closing;
mod namespace_limits;
mod own_limits;
mod race;
mod requests;
mod traffic;
mod unreferenced;
mod usage;

use serde_json::{Value, json};

use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use crate::registry::client::Client;
use crate::registry::content::{OCI_CONFIG, OCI_LAYER, descriptor, image_manifest, noise};

/// Makes a plan with these limits, which have the names of the API.
async fn create_plan(operator: &Client, name: &str, limits: &Value) {
    let mut plan = limits.clone();
    plan["name"] = json!(name);
    let made = operator.v1_post("/deployment/plans", &plan).await;
    made.assert_status(201);
}

async fn give_plan(operator: &Client, account: &str, plan: &str) {
    let path = format!("/deployment/accounts/{account}/plan");
    let given = operator.v1_put(&path, &json!({ "plan": plan })).await;
    given.assert_no_content();
}

/// An account on a plan of its own, with a namespace that is called like it; returns its administrator.
async fn account_with(registry: &TestRegistry, name: &str, limits: &Value) -> Client {
    let plan = format!("plan-of-{name}");
    create_plan(registry, &plan, limits).await;
    let administrator = registry.create_account(name, &format!("{name}-admin"));
    registry.admin(&["--account", name, "namespace", "create", name]);
    give_plan(registry, name, &plan).await;
    administrator
}

/// Pushes an image of one layer of so many bytes, which no other seed has, and an empty configuration; returns the manifest
/// and the layer's digest.
async fn push_layer(
    client: &Client,
    repository: &str,
    tag: &str,
    layer: (u64, usize),
) -> (Value, String) {
    let layer = noise(layer.0, layer.1);
    client.push_blob(repository, "{}").await;
    let digest = client.push_blob(repository, layer.clone()).await;
    let layers = [descriptor(OCI_LAYER, &layer)];
    let manifest = image_manifest(&descriptor(OCI_CONFIG, "{}"), &layers);
    client.push_manifest(repository, tag, &manifest).await;
    (manifest, digest)
}

/// Asks again and again until it is so.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(what: &str, ask: impl Fn() -> F) -> T {
    let found = tokio::time::timeout(crate::registry::PATIENCE, async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    });
    found
        .await
        .unwrap_or_else(|_| panic!("{what}: that never came"))
}
