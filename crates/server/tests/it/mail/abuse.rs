//! What people write cannot make mail into something else, and the registry cannot be made to bother anybody.

use serde_json::json;

use super::{
    ADDRESSES, MAIL, add, add_confirmed, builder, decide, events, failing_job, mail_when, mails,
    receiver, tell_of,
};
use crate::account_api::AccountApi as _;
use crate::registry::backends::Backends;

#[tokio::test]
async fn no_address_holds_a_header_another_address_or_a_command() {
    let receiver = receiver();
    let registry = builder(Backends::EMBEDDED, receiver.port()).start().await;
    for address in [
        "",
        "ops",
        "ops@example.com\r\nBcc: all@example.com",
        "ops@example.com\nRCPT TO:<all@example.com>",
        "ops@example.com, all@example.com",
        "Ops <ops@example.com>",
        "<ops@example.com>",
        "ops@example.com\u{0}",
        "ops @example.com",
        "ops@exa\u{301}mple.com",
        "ops@[127.0.0.1]",
        &format!("{}@example.com", "o".repeat(250)),
    ] {
        let body = json!({ "address": address });
        let refused = registry.v1_post(ADDRESSES, &body).await;
        assert_eq!(refused.status(), 422, "{address:?}: {}", refused.text());
    }
    assert!(registry.sql("SELECT id FROM mail_addresses").is_empty());
    // What people have named is text, and one line of it.
    tell_of(&registry, &["sink.paused"]).await;
    add_confirmed(&registry, &receiver, "ops@example.com").await;
    let payload = r#"{"kind":"sink.paused","sink":"a\r\nBcc: all@example.com\r\n\r\n.\r\nQUIT","failing_since_ms":1}"#;
    let made = registry.sql(&format!(
        "INSERT INTO events (id, account_id, kind, caller, credential, payload, at_ms) \
         SELECT 'e-1', id, 'sink.paused', 'registry', 'registry', '{payload}', 1 FROM accounts WHERE name = 'default' \
         RETURNING id"
    ));
    assert_eq!(made.len(), 1);
    let told = mails(&receiver, 2).await[1].clone();
    assert_eq!(told.to, "ops@example.com");
    assert!(told.headers.iter().all(|(name, _)| name != "Bcc"));
    assert!(
        told.text.contains(": a  Bcc: all@example.com    .  QUIT\n"),
        "{}",
        told.text
    );
}

#[tokio::test]
async fn few_codes_are_sent_and_each_is_good_once_and_until_the_next() {
    let receiver = receiver();
    let registry = builder(Backends::EMBEDDED, receiver.port()).start().await;
    let id = add(&registry, "ops@example.com").await;
    let first = mails(&receiver, 1).await[0].code();
    let twice = json!({ "address": "OPS@example.com" });
    registry.v1_post(ADDRESSES, &twice).await.assert_status(409);
    let again = format!("{ADDRESSES}/{id}/code");
    let nothing = json!({});
    registry.v1_post(&again, &nothing).await.assert_status(200);
    let second = mails(&receiver, 2).await[1].code();
    assert_ne!(first, second);
    decide(&registry, "confirm", &first, 404).await;
    // A code that is too old is good no more.
    let old = "UPDATE mail_addresses SET code_until_ms = 1 RETURNING id";
    assert_eq!(registry.sql(old).len(), 1);
    decide(&registry, "confirm", &second, 404).await;

    // A third one; then it is enough, also after the address was taken away and for another name of the same mailbox. Another
    // account has its own.
    registry.v1_post(&again, &nothing).await.assert_status(200);
    let third = mails(&receiver, 3).await[2].code();
    registry.v1_post(&again, &nothing).await.assert_status(412);
    let ann = registry.create_account("own", "ann");
    let body = json!({ "address": "ops@example.com" });
    let elsewhere = "/accounts/own/mail/addresses";
    ann.v1_post(elsewhere, &body).await.assert_status(201);
    let tagged = json!({ "address": "ops+again@example.com" });
    let refused = registry.v1_post(ADDRESSES, &tagged).await;
    let refused = refused.assert_status(412).text();
    assert!(refused.contains("too many codes"), "{refused}");
    registry
        .v1_delete(&format!("{ADDRESSES}/{id}"))
        .await
        .assert_status(204);
    decide(&registry, "confirm", &third, 404).await;
    registry.v1_post(ADDRESSES, &body).await.assert_status(412);

    // One account's addresses are few.
    for number in 0..10 {
        add(&registry, &format!("ops-{number}@example.com")).await;
    }
    let body = json!({ "address": "ops-10@example.com" });
    let refused = registry.v1_post(ADDRESSES, &body).await.assert_status(412);
    assert!(refused.text().contains("at most 10"), "{}", refused.text());
    assert_eq!(mails(&receiver, 14).await.len(), 14);
    // Another account has nothing to do with them.
    let of_default = "SELECT m.id FROM mail_addresses m JOIN accounts a ON a.id = m.account_id WHERE a.name = 'default'";
    let taken = registry.sql(of_default)[0][0].clone();
    ann.v1_delete(&format!("{elsewhere}/{taken}"))
        .await
        .assert_status(404);
    ann.v1_post(&format!("{elsewhere}/{taken}/code"), &nothing)
        .await
        .assert_status(404);
}

#[tokio::test]
async fn no_more_mails_go_in_an_hour_than_may_and_the_next_one_has_the_rest() {
    let receiver = receiver();
    let registry = builder(Backends::EMBEDDED, receiver.port())
        .setting("MAIL__ACCOUNT_MAILS_PER_HOUR", 2)
        .start()
        .await;
    tell_of(&registry, &["job.failed"]).await;
    add_confirmed(&registry, &receiver, "ops@example.com").await;
    failing_job(&registry, "first");
    assert!(mails(&receiver, 2).await[1].is_about("first"));
    let jobs = ["second", "third", "fourth"];
    for job in jobs {
        failing_job(&registry, job);
    }
    let waits = |shown: &serde_json::Value| !shown["retry_at"].is_null() && shown["failures"] == 0;
    mail_when(&registry, "waiting for room", waits).await;
    let deadline = std::time::Instant::now() + super::PATIENCE;
    while events(&registry, "job.failed") < 4 {
        assert!(std::time::Instant::now() < deadline, "they do not fail");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(receiver.mails().len(), 2);
    // There is room again: its time is put back, as if half an hour had passed.
    registry.sql("UPDATE mail_policies SET busy_until_ms = 0 RETURNING account_id");
    registry.sql("UPDATE event_followers SET retry_at_ms = 1 RETURNING id");
    let due = "UPDATE jobs SET run_at_ms = 1, waits_until_ms = 1 WHERE kind = 'send_mail' AND state = 'queued' RETURNING id";
    assert_eq!(registry.sql(due).len(), 1);
    let told = mails(&receiver, 3).await[2].clone();
    assert!(jobs.iter().all(|job| told.is_about(job)), "{}", told.text);
    assert_eq!(told.subject(), "[default] 3 events: A job failed, and more");
    let shown = registry.v1_get(MAIL).await.json();
    assert_eq!(shown["failures"], 0, "{shown}");
}
