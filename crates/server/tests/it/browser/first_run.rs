//! The first run, from signing in to the first push, with a keyboard and a mouse.

use serde_json::json;

use super::travel;
use crate::registry::TestRegistry;

#[tokio::test]
async fn a_newcomer_signs_in_and_sees_the_first_push_arrive() {
    let registry = TestRegistry::start().await;
    let printed = travel(&registry, include_str!("first_run.py"), json!({})).await;
    assert_eq!(printed, "arrived\n");
}
