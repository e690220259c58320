//! Accounts, for whoever has something to do with them.

use serde_json::json;

use super::AccountApi;
use crate::registry::TestRegistry;

#[tokio::test]
async fn a_caller_finds_its_accounts_and_no_others() {
    let registry = TestRegistry::start().await;
    let ann = registry.create_account("acme", "ann");
    registry.admin(&["namespace", "create", "own"]);
    let guest = registry.create_member("own", "gus", "guest");
    let stranger = registry.create_user("stan");
    for (caller, expected) in [(&ann, "acme"), (&guest, "default"), (&stranger, "default")] {
        let listed = caller.v1_get("/accounts").await.assert_status(200);
        assert_eq!(listed.items("name"), [expected]);
        assert_eq!(listed.items("state"), ["active"]);
    }
    // Whoever may not see what the account has agreed to sees the account.
    let seen = guest
        .v1_get("/accounts/default")
        .await
        .assert_status(200)
        .json();
    assert_eq!(
        seen,
        json!({ "name": "default", "state": "active", "state_reason": null, "destroy_at": null })
    );
    let own = registry
        .v1_get("/accounts/default")
        .await
        .assert_status(200)
        .json();
    assert_eq!(own["terms"]["namespaces"], 2);
    assert_eq!(own["terms"]["plan"], json!(null));

    // Another's account is like one that does not exist, with an operator, too: that is no member by this.
    for caller in [&guest, &stranger, &*registry] {
        let other = caller
            .v1_get("/accounts/acme")
            .await
            .assert_error(404, "NOT_FOUND");
        let none = caller
            .v1_get("/accounts/none")
            .await
            .assert_error(404, "NOT_FOUND");
        assert_eq!(other.text(), none.text());
        let id = caller
            .v1_get("/accounts/acme/members/1")
            .await
            .assert_error(404, "NOT_FOUND");
        assert_eq!(id.text(), none.text());
    }
    for strange in [
        "/accounts/%2e%2e",
        "/accounts/a%2Fb",
        "/accounts/%00",
        "/accounts/%ff",
        "/accounts/ACME",
    ] {
        ann.v1_get(strange).await.assert_error(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn a_token_for_pulling_sees_little_and_changes_nothing() {
    let registry = TestRegistry::start().await;
    let made = registry.admin(&["token", "create", "admin", "narrow", "--may", "pull"]);
    let narrow = registry.as_user("admin", made["secret"].as_str().expect("a secret"));
    let me = narrow.v1_get("/user").await.assert_status(200).json();
    assert_eq!(
        me,
        json!({ "name": "admin", "kind": "user", "credential": "access_token" })
    );
    narrow.v1_get("/accounts").await.assert_status(200);
    narrow
        .v1_get("/accounts/default/members")
        .await
        .assert_error(403, "FORBIDDEN");
    narrow
        .v1_get("/user/access-tokens")
        .await
        .assert_error(403, "FORBIDDEN");
    narrow
        .v1_get("/deployment")
        .await
        .assert_error(403, "FORBIDDEN");
}
