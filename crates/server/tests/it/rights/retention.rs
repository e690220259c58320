//! For how long an account keeps its audit log.

use serde_json::json;

use super::{DEFAULT, event};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;

#[tokio::test]
async fn an_account_decides_within_what_the_deployment_asks_for() {
    let registry = TestRegistry::builder()
        .setting("REGISTRY__AUDIT_LOG_MIN_DAYS", 7)
        .start()
        .await;
    let path = format!("{DEFAULT}/audit-retention");
    let forever = json!({ "days": null });
    assert_eq!(
        registry.v1_get(&path).await.assert_status(200).json(),
        forever
    );
    for days in [json!(6), json!(0), json!(-1), json!(36_501), json!("7")] {
        let body = json!({ "days": days });
        let refused = registry.v1_put(&path, &body).await;
        assert!(
            [400, 422].contains(&refused.status()),
            "{body}: {}",
            refused.text()
        );
    }
    // To say nothing is not to say for ever.
    let nothing = registry.v1_put(&path, &json!({})).await;
    assert!([400, 422].contains(&nothing.status()), "{}", nothing.text());
    let week = json!({ "days": 7 });
    registry.v1_put(&path, &week).await.assert_status(200);
    assert_eq!(registry.v1_get(&path).await.json(), week);
    let manager = registry.create_member("library", "pia", "project-admin");
    manager.v1_get(&path).await.assert_error(403, "FORBIDDEN");
    manager
        .v1_put(&path, &forever)
        .await
        .assert_error(403, "FORBIDDEN");
    let told = event(
        &registry,
        &format!("{DEFAULT}/audit-events"),
        "audit_log.kept",
    )
    .await;
    assert_eq!(told["event"]["days"], 7);
    // What is young stays, however often the job runs.
    registry.admin(&["jobs", "run", "purge_audit_logs"]);
    event(
        &registry,
        &format!("{DEFAULT}/audit-events"),
        "audit_log.kept",
    )
    .await;
}
