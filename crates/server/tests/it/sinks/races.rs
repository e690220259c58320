//! Two people who change one sink at once.

use serde_json::json;

use super::{create, registry};
use crate::account_api::AccountApi as _;
use crate::registry::backends::Backends;

/// What reads for a sink ends with it, whoever enables it at that moment.
#[tokio::test]
async fn nobody_reads_for_a_sink_that_was_deleted_while_it_was_enabled_on_postgresql() {
    let registry = registry(Backends::PRODUCTION).await;
    let body = |is_enabled: bool| json!({ "name": "logs", "type": "https", "url": "https://127.0.0.1:1/", "enabled": is_enabled });
    for _ in 0..20 {
        let path = create(&registry, &body(false)).await;
        let (enabled, deleted) =
            tokio::join!(async { registry.v1_put(&path, &body(true)).await }, async {
                registry.v1_delete(&path).await
            });
        deleted.assert_no_content();
        let status = enabled.status();
        assert!([200, 404, 412].contains(&status), "{}", enabled.text());
        let alone = "SELECT COUNT(*) FROM event_followers WHERE kind = 'sink' AND id NOT IN (SELECT id FROM sinks)";
        assert_eq!(registry.sql(alone)[0][0], "0");
    }
}
