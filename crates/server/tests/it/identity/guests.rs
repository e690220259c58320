//! Guests: users of one account who are members of another.

use serde_json::json;

use super::invitations::{Two, decide};
use crate::account_api::AccountApi as _;
use crate::harbor::Harbor as _;

/// An account that a user is a guest of decides about its roles there and nothing else.
#[tokio::test]
async fn t12_a_guest_stays_its_own_accounts_user() {
    let two = Two::start().await;
    two.join().await;
    let guest = two.guest().await;
    let password = json!({ "old_password": "", "new_password": "Another-horse-7" });
    let acme = two
        .ann
        .api_put(&format!("/users/{guest}/password"), &password);
    acme.await.assert_harbor_error(403, "FORBIDDEN");
    let profile = json!({ "email": "x@example.com", "realname": "x", "comment": "" });
    let acme = two.ann.api_put(&format!("/users/{guest}"), &profile);
    acme.await.assert_harbor_error(403, "FORBIDDEN");
    // Nor can the operator do it in that account's name.
    for arguments in [
        &["user", "disable", "bob"][..],
        &["user", "enable", "bob"],
        &["user", "reset-password", "bob"],
        &["token", "create", "bob", "stolen"],
        &["token", "list", "bob"],
        &["token", "revoke", "bob", "none"],
    ] {
        let mut command = two.registry.command(&["admin", "--account", "acme"]);
        let output = command.args(arguments).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(said.contains("belongs to another account"), "{said}");
    }
    let delete = two.ann.api_delete(&format!("/users/{guest}")).await;
    delete.assert_status(200);
    two.bob.v1_get("/accounts/acme").await.assert_status(404);
    two.bob.v1_get("/accounts/brew").await.assert_status(200);
    let accounts = two.registry.sql(
        "SELECT a.name FROM users u JOIN accounts a ON a.id = u.home_account_id WHERE u.name = 'bob'",
    );
    assert_eq!(accounts, [["brew"]]);
}

/// Harbor's clients name whom they want. Whether another account has somebody of that name is not told, but what to do is.
#[tokio::test]
async fn t09_a_project_member_is_somebody_of_the_account() {
    let two = Two::start().await;
    let add = async |name: &str| {
        let body = json!({ "role_id": 2, "member_user": { "username": name } });
        two.ann.api_post("/projects/team/members", &body).await
    };
    let mut said = Vec::new();
    for name in ["bob", "eve"] {
        let refused = add(name).await.assert_harbor_error(404, "NOT_FOUND");
        assert!(refused.error_message().contains("by an invitation"));
        said.push(refused.error_message().replace(name, "NAME"));
    }
    assert_eq!(said[0], said[1]);
    let id = two
        .invite("bob", json!({ "namespace": null, "role": "reader" }))
        .await;
    let id = id.assert_status(201).json()["id"].clone();
    decide(&two.bob, id.as_str().expect("an id"), "accept")
        .await
        .assert_no_content();
    add("bob").await.assert_status(201);
    two.bob.push_image("team/app", "v1").await;
}
