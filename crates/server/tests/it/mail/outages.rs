//! A mail server that is away, forgets or refuses, and a registry that is killed: nothing is lost, and nobody waits.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{
    ADDRESSES, PATIENCE, add_confirmed, builder, decide, events, failing_job, mail_when, mails,
    receiver, tell_of,
};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;
use crate::registry::backends::Backends;

/// Lets what waits for its time to be tried again be tried at once, when it has come to wait.
async fn try_again(registry: &TestRegistry) {
    let due = "UPDATE jobs SET run_at_ms = 1, waits_until_ms = 1 WHERE kind = 'send_mail' AND state = 'queued' RETURNING id";
    let deadline = Instant::now() + PATIENCE;
    while registry.sql(due).is_empty() {
        assert!(Instant::now() < deadline, "no mail waits");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn nothing_is_lost(backends: Backends) {
    let mut receiver = receiver();
    let mut registry = builder(backends, receiver.port()).start().await;
    tell_of(&registry, &["job.failed"]).await;
    for address in ["a@example.com", "b@example.com"] {
        add_confirmed(&registry, &receiver, address).await;
    }
    receiver.stop().expect("it ends");
    let mut jobs = Vec::new();
    for number in 0..3 {
        let job = format!("job-{number}");
        failing_job(&registry, &job);
        jobs.push(job);
        // Pushing is no slower and no worse for it.
        registry.push_image("library/app", "v1").await;
        mail_when(&registry, "failing", |shown| {
            shown["failures"].as_i64() > Some(0)
        })
        .await;
        registry = registry.kill().start().await;
    }
    let shown = mail_when(&registry, "failing", |shown| {
        shown["failures"].as_i64() > Some(0)
    })
    .await;
    assert_eq!(
        shown["last_error"],
        "the mail server takes nothing at present"
    );
    receiver.restart().expect("it starts");
    try_again(&registry).await;
    let shown = mail_when(&registry, "told", |shown| {
        shown["failures"] == 0 && shown["lag_events"] == 0
    });
    assert!(shown.await["last_error"].is_null());
    for address in ["a@example.com", "b@example.com"] {
        let mails = mails(&receiver, 4).await;
        let of_it: Vec<_> = mails.iter().filter(|mail| mail.to == address).collect();
        for job in &jobs {
            assert!(
                of_it.iter().any(|mail| mail.is_about(job)),
                "{address} {job}"
            );
        }
    }
}

#[tokio::test]
async fn nothing_is_lost_while_the_mail_server_is_away_and_the_registry_is_killed() {
    nothing_is_lost(Backends::EMBEDDED).await;
}

#[tokio::test]
async fn nothing_is_lost_while_the_mail_server_is_away_on_postgresql_either() {
    nothing_is_lost(Backends::PRODUCTION).await;
}

#[tokio::test]
async fn a_mail_whose_acknowledgement_was_lost_comes_again_and_can_be_recognized() {
    let receiver = receiver();
    let registry = builder(Backends::EMBEDDED, receiver.port()).start().await;
    tell_of(&registry, &["job.failed"]).await;
    add_confirmed(&registry, &receiver, "ops@example.com").await;
    receiver.set_forgetful(true).expect("it is");
    failing_job(&registry, "job-1");
    mail_when(&registry, "failing", |shown| shown["failures"] == 1).await;
    receiver.set_forgetful(false).expect("it is not");
    try_again(&registry).await;
    let mails = mails(&receiver, 3).await;
    mail_when(&registry, "told", |shown| shown["sent_mails"] == 1).await;
    let ids: BTreeSet<&str> = mails[1..]
        .iter()
        .map(|mail| mail.header("Message-ID"))
        .collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(mails[1].text, mails[2].text);
}

/// A mailbox that is full is its reader's business: the others are told, mail is not paused, and after a day it is refused.
#[tokio::test]
async fn an_address_that_takes_nothing_for_now_keeps_nobody_else_waiting() {
    let receiver = receiver();
    let registry = builder(Backends::EMBEDDED, receiver.port()).start().await;
    tell_of(&registry, &["job.failed"]).await;
    for address in ["a-full@example.com", "b@example.com"] {
        add_confirmed(&registry, &receiver, address).await;
    }
    receiver
        .refuse(r#"{"a-full@example.com": "452 4.2.2 the mailbox is full"}"#)
        .expect("it is told");
    failing_job(&registry, "job-1");
    let told = mails(&receiver, 3).await[2].clone();
    assert!(told.to == "b@example.com" && told.is_about("job-1"));
    let full = |shown: &serde_json::Value| shown["addresses"][0]["error"].is_string();
    let shown = mail_when(&registry, "waiting for it", full).await;
    let waits = &shown["addresses"][0];
    assert_eq!(
        (&waits["state"], &shown["failures"]),
        (&json!("confirmed"), &json!(0))
    );
    let why = waits["error"].as_str().expect("a reason");
    assert!(why.contains("mailbox is full"), "{why}");
    // What is new meanwhile reaches the other one, and what waits comes once it can.
    let waits = |shown: &serde_json::Value| !shown["retry_at"].is_null();
    let known = mail_when(&registry, "waiting", waits).await["lag_events"].as_i64();
    failing_job(&registry, "job-2");
    let knows = |shown: &serde_json::Value| waits(shown) && shown["lag_events"].as_i64() > known;
    mail_when(&registry, "knowing", knows).await;
    try_again(&registry).await;
    let told = mails(&receiver, 4).await[3].clone();
    assert!(told.to == "b@example.com" && told.is_about("job-2"));
    let at_once = "UPDATE mail_addresses SET retry_at_ms = 1 WHERE retry_at_ms > 1 RETURNING id";
    receiver.refuse("{}").expect("it is told");
    assert_eq!(registry.sql(at_once).len(), 1);
    mail_when(&registry, "waiting", waits).await;
    try_again(&registry).await;
    let told = mails(&receiver, 5).await[4].clone();
    assert!(told.to == "a-full@example.com");
    assert!(told.is_about("job-1") && told.is_about("job-2"));
    let shown = mail_when(&registry, "told", |shown| shown["lag_events"] == 0).await;
    assert!(shown["addresses"][0]["error"].is_null(), "{shown}");

    // A day of it is enough.
    receiver
        .refuse(r#"{"a-full@example.com": "452 4.2.2 the mailbox is full"}"#)
        .expect("it is told");
    failing_job(&registry, "job-3");
    mail_when(&registry, "waiting for it", full).await;
    let long = "UPDATE mail_addresses SET retry_at_ms = 1, failing_since_ms = 1 WHERE retry_at_ms > 1 RETURNING id";
    assert_eq!(registry.sql(long).len(), 1);
    mail_when(&registry, "waiting", waits).await;
    try_again(&registry).await;
    let shown = mail_when(&registry, "refused", |shown| shown["lag_events"] == 0).await;
    assert_eq!(shown["addresses"][0]["state"], "refused");
    assert_eq!(events(&registry, "mail_address.refused"), 1);
}

/// What is said about the registry itself is no address's fault.
#[tokio::test]
async fn a_mail_server_that_does_not_want_the_registry_refuses_no_address() {
    let receiver = receiver();
    let registry = builder(Backends::EMBEDDED, receiver.port()).start().await;
    tell_of(&registry, &["job.failed"]).await;
    add_confirmed(&registry, &receiver, "ops@example.com").await;
    receiver
        .refuse(r#"{"ops@example.com": "554 5.7.1 <ops@example.com>: Relay access denied"}"#)
        .expect("it is told");
    failing_job(&registry, "job-1");
    let shown = mail_when(&registry, "failing", |shown| shown["failures"] == 1).await;
    assert_eq!(shown["addresses"][0]["state"], "confirmed");
    receiver.refuse("{}").expect("it is told");
    try_again(&registry).await;
    assert!(mails(&receiver, 2).await[1].is_about("job-1"));
}

#[tokio::test]
async fn an_address_that_is_refused_gets_nothing_more_and_the_others_do() {
    let receiver = receiver();
    let registry = builder(Backends::EMBEDDED, receiver.port()).start().await;
    tell_of(&registry, &["job.failed"]).await;
    for address in ["a-gone@example.com", "b@example.com"] {
        add_confirmed(&registry, &receiver, address).await;
    }
    receiver
        .refuse(r#"{"a-gone@example.com": "550 5.1.1 <a-gone@example.com> is unknown here"}"#)
        .expect("it is told");
    failing_job(&registry, "job-1");
    let told = mails(&receiver, 3).await[2].clone();
    assert!(told.to == "b@example.com" && told.is_about("job-1"));
    let shown = mail_when(&registry, "told", |shown| shown["lag_events"] == 0).await;
    let refused = shown["addresses"][0].clone();
    assert_eq!(
        (&refused["state"], &shown["failures"]),
        (&json!("refused"), &json!(0))
    );
    let why = refused["error"].as_str().expect("a reason");
    assert!(
        why.contains("550") && why.contains("is unknown here"),
        "{why}"
    );
    assert_eq!(events(&registry, "mail_address.refused"), 1);
    assert!(!registry.log().contains("a-gone@example.com"));

    // Once it is there again and confirmed anew, it is told of what comes then.
    receiver.refuse("{}").expect("it is told");
    let id = refused["id"].as_str().expect("an id");
    let nothing = json!({});
    let asked = registry.v1_post(&format!("{ADDRESSES}/{id}/code"), &nothing);
    asked.await.assert_status(200);
    let code = mails(&receiver, 4).await[3].code();
    decide(&registry, "confirm", &code, 204).await;
    failing_job(&registry, "job-2");
    let later = mails(&receiver, 6).await;
    let later: Vec<_> = later[4..]
        .iter()
        .filter(|mail| mail.to.starts_with("a-gone"))
        .collect();
    assert!(later.len() == 1 && later[0].is_about("job-2") && !later[0].is_about("job-1"));
}
