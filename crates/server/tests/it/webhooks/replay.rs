//! What a signature is for: a delivery that somebody kept and sends again is found out.

use http::Method;
use serde_json::json;
use std::process::Command;

use super::receiver::Receiver;
use super::{SECRET, create, registry, script_takes, webhook};
use crate::account_api::AccountApi as _;
use crate::registry::backends::Backends;

/// As the registry signs, at another time.
fn signature(timestamp: &str, body: &str) -> String {
    let script = "import hmac,sys;k,t,b=sys.argv[1:];print(hmac.new(k.encode(),(t+'.'+b).encode(),'sha256').hexdigest())";
    let output = Command::new("python3")
        .args(["-c", script, SECRET, timestamp, body])
        .output()
        .expect("Python is there");
    let digits = String::from_utf8(output.stdout).expect("digits");
    format!("v1={}", digits.trim())
}

/// T63: a delivery is signed with its time; what was kept for longer than minutes is refused, its time cannot be changed, and
/// what the registry itself sends again has the event's id and a time of its own.
#[tokio::test]
async fn t63_a_delivery_that_was_kept_is_not_taken_again() {
    let (registry, mut receiver) = (registry(Backends::EMBEDDED).await, Receiver::start().await);
    let mut body = webhook("ci", &receiver.origin, &["PUSH_ARTIFACT"]);
    body["secret"] = json!(SECRET);
    let path = create(&registry, &body).await;
    registry.push_image("library/app", "v1").await;
    let received = receiver.next().await;
    assert!(script_takes(&received, SECRET));
    let sent: i64 = received
        .header("x-roadstead-timestamp")
        .parse()
        .expect("a time");
    assert_eq!(
        signature(&sent.to_string(), &received.body),
        received.header("x-roadstead-signature")
    );

    let put = |name: &'static str, value: &str| (name, value.parse().expect("a value"));
    let mut moved = received.clone();
    moved.headers.extend(
        [put("x-roadstead-timestamp", &(sent + 1).to_string())]
            .map(|(name, value)| (Some(http::HeaderName::from_static(name)), value)),
    );
    assert!(!script_takes(&moved, SECRET), "its time is signed, too");
    let mut kept = received.clone();
    let old = (sent - 600).to_string();
    let signed = signature(&old, &received.body);
    kept.headers.extend(
        [
            put("x-roadstead-timestamp", &old),
            put("x-roadstead-signature", &signed),
        ]
        .map(|(name, value)| (Some(http::HeaderName::from_static(name)), value)),
    );
    assert!(!script_takes(&kept, SECRET), "it is ten minutes old");

    let again = registry.v1(Method::POST, &format!("{path}/deliveries/1/redelivery"));
    again.await.assert_status(201);
    let again = receiver.next().await;
    assert!(script_takes(&again, SECRET));
    assert_eq!(
        again.header("x-roadstead-event-id"),
        received.header("x-roadstead-event-id")
    );
    assert_ne!(
        again.header("x-roadstead-delivery"),
        received.header("x-roadstead-delivery")
    );
}

/// T63: what was sent, and what was answered, is for those alone who administer the namespace.
#[tokio::test]
async fn t63_deliveries_are_for_those_who_manage_the_webhook() {
    let (registry, mut receiver) = (registry(Backends::EMBEDDED).await, Receiver::start().await);
    let path = create(
        &registry,
        &webhook("ci", &receiver.origin, &["PUSH_ARTIFACT"]),
    )
    .await;
    registry.push_image("library/app", "v1").await;
    receiver.next().await;
    registry.admin(&["namespace", "create", "other"]);
    let elsewhere = registry.create_member("other", "elsewhere", "project-admin");
    let developer = registry.create_member("library", "developer", "developer");
    for (caller, refusal) in [(&elsewhere, 404), (&developer, 403)] {
        for part in ["", "/deliveries", "/deliveries/1"] {
            let answer = caller.v1_get(&format!("{path}{part}")).await;
            assert_eq!(answer.status(), refusal, "{part}: {}", answer.text());
        }
        let again = caller.v1(Method::POST, &format!("{path}/deliveries/1/redelivery"));
        again.await.assert_status(refusal);
    }
    // Nor is it another's by its number in one's own namespace.
    let own = path.replace("/library/", "/other/");
    for part in ["", "/deliveries", "/deliveries/1"] {
        let answer = elsewhere.v1_get(&format!("{own}{part}")).await;
        answer.assert_status(404);
    }
    assert!(receiver.is_quiet());
}
