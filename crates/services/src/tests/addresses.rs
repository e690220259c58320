//! Host names that wait for a proof, and for how long.

use crate::testing::{TestRegistry, settings};
use crate::{AccountContext, Error, ProofMethod, Refused, SecretString};

const DAY_MS: i64 = 86_400_000;

async fn start() -> (TestRegistry, AccountContext) {
    let registry = TestRegistry::start(settings()).await;
    let password = SecretString::new("Correct-horse-7-battery");
    registry.services.begin(password, false).await.unwrap();
    let accounts = &registry.services.accounts;
    let by = accounts.enter_locally("default").await.unwrap();
    (registry, by)
}

#[tokio::test]
async fn a_claim_ends_after_a_week_unless_it_is_made_again() {
    let (registry, by) = start().await;
    let addresses = &registry.services.addresses;
    let count = || async { addresses.list(&by).await.unwrap().len() };
    let first = addresses.claim(&by, "a.example").await.unwrap();
    let first = first.claim.expect("it is a claim");
    addresses.claim(&by, "b.example").await.unwrap();
    registry.clock.advance(7 * DAY_MS - 1);
    assert_eq!(count().await, 2);
    let again = addresses.claim(&by, "a.example").await.unwrap();
    let again = again.claim.expect("it is a claim");
    assert_eq!(again.content, first.content);
    assert_eq!(again.expires_at_ms, first.expires_at_ms + 7 * DAY_MS - 1);
    registry.clock.advance(1);
    assert_eq!(count().await, 1);
    let over = addresses.prove(&by, "b.example", ProofMethod::Dns).await;
    let is_unknown = matches!(over, Err(Refused::Failed(Error::NotFound(_))));
    assert!(is_unknown, "{over:?}");
    assert_eq!(addresses.expire_claims().await.unwrap(), 1);
    assert_eq!(addresses.expire_claims().await.unwrap(), 0);
    // Made anew it is another one, and the record of the first proves nothing.
    registry.clock.advance(7 * DAY_MS);
    assert_eq!(count().await, 0);
    let other = addresses.claim(&by, "a.example").await.unwrap();
    assert_ne!(other.claim.expect("it is a claim").content, first.content);
}
