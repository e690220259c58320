//! Rules of retention are tried while they are typed.

use serde_json::json;

use super::travel;
use crate::registry::TestRegistry;

#[tokio::test]
async fn rules_show_what_they_would_do_while_they_are_typed() {
    let registry = TestRegistry::start().await;
    for at in 1..=12 {
        registry.push_image("library/app", &format!("v{at}")).await;
    }
    let printed = travel(&registry, include_str!("retention.py"), json!({})).await;
    assert_eq!(printed, "tried\n");
}
