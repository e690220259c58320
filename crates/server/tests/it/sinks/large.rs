//! A receiver that does not take as much at once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{PATIENCE, caught_up, create, log_from, registry, take_in};
use crate::account_api::AccountApi as _;
use crate::registry::backends::Backends;
use crate::webhooks::receiver::Receiver;

#[tokio::test]
async fn a_receiver_for_which_it_is_too_much_is_sent_half_of_it() {
    let (registry, mut receiver) = (registry(Backends::EMBEDDED).await, Receiver::start().await);
    let body = json!({ "name": "logs", "type": "https", "url": receiver.origin, "skip_cert_verify": true });
    let path = create(&registry, &body).await;
    caught_up(&registry, &path).await;
    let pause = "UPDATE event_followers SET state = 'paused' RETURNING id";
    assert_eq!(registry.sql(pause).len(), 1);
    let mut got = BTreeMap::new();
    while let Some(batch) = receiver.waiting() {
        take_in(&mut got, &batch.json());
    }
    for tag in ["v1", "v2", "v3", "v4"] {
        registry.push_image("library/app", tag).await;
    }
    let deadline = Instant::now() + PATIENCE;
    while log_from(&registry, 0).is_none() {
        assert!(Instant::now() < deadline, "nothing is sealed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    receiver.answer_with(&[413]);
    let resumed = registry.v1_post(&format!("{path}/resume"), &json!({}));
    resumed.await.assert_status(200);
    let (refused, half) = (receiver.next().await.json(), receiver.next().await.json());
    let of = |batch: &serde_json::Value| batch.as_array().expect("a batch").clone();
    let (refused, taken) = (of(&refused), of(&half));
    assert!(refused.len() >= 4, "{refused:?}");
    assert_eq!(taken, refused[..refused.len() / 2]);
    take_in(&mut got, &half);
    let sink = caught_up(&registry, &path).await;
    assert_eq!(
        (&sink["failures"], &sink["paused"]),
        (&json!(0), &json!(false))
    );
    while let Some(batch) = receiver.waiting() {
        take_in(&mut got, &batch.json());
    }
    let begins = *got.keys().next().expect("one");
    assert_eq!(log_from(&registry, begins), Some(got));
}
