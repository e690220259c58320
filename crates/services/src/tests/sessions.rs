//! Logins by form end when they are not used, and at the latest after a day.

use crate::testing::{TestRegistry, settings};
use crate::{AuthenticationFailed, Credentials, DEFAULT_ACCOUNT, FIRST_USER, Origin, SecretString};

const PASSWORD: &str = "Correct-horse-7-battery";
const HOUR_MS: i64 = 3_600_000;

async fn is_alive(registry: &TestRegistry, cookie: &SecretString) -> bool {
    let shown = Credentials::Session(cookie.expose());
    match registry
        .services
        .authenticator
        .authenticate(shown, None, &model::Address::Shared)
        .await
    {
        Ok(known) => known.caller.display_name() == FIRST_USER,
        Err(AuthenticationFailed::TokenInvalid) => false,
        Err(error) => panic!("{error}"),
    }
}

async fn begin(registry: &TestRegistry) -> SecretString {
    let (services, origin) = (&registry.services, Origin::default());
    let (name, password) = (FIRST_USER.to_owned(), SecretString::new(PASSWORD));
    let authenticator = &services.authenticator;
    let begun = services.sessions.begin(
        authenticator,
        (name, password),
        &origin,
        &model::Address::Shared,
    );
    begun.await.unwrap()
}

#[tokio::test]
async fn a_session_lives_while_it_is_used_and_a_day_at_most() {
    let registry = TestRegistry::start(settings()).await;
    let services = &registry.services;
    assert!(
        services
            .begin(SecretString::new(PASSWORD), true)
            .await
            .unwrap()
    );
    assert!(
        services
            .find_account(DEFAULT_ACCOUNT)
            .await
            .unwrap()
            .is_some()
    );
    let (used, unused) = (begin(&registry).await, begin(&registry).await);
    for _ in 0..2 {
        registry.clock.advance(HOUR_MS * 2 / 3);
        services.sessions.renew(used.expose()).await.unwrap();
    }
    assert!(is_alive(&registry, &used).await);
    assert!(!is_alive(&registry, &unused).await);
    // Half of its time is over again before its use renews it.
    let is_due = async |cookie: &SecretString| {
        let shown = Credentials::Session(cookie.expose());
        let address = model::Address::Shared;
        let who = services.authenticator.authenticate(shown, None, &address);
        services.sessions.is_due(&who.await.unwrap())
    };
    assert!(!is_due(&used).await);
    registry.clock.advance(HOUR_MS * 2 / 3);
    assert!(is_due(&used).await);
    services.sessions.renew(used.expose()).await.unwrap();
    // What has ended is not brought back.
    services.sessions.renew(unused.expose()).await.unwrap();
    assert!(!is_alive(&registry, &unused).await);
    for _ in 0..40 {
        registry.clock.advance(HOUR_MS * 2 / 3);
        services.sessions.renew(used.expose()).await.unwrap();
    }
    assert!(!is_alive(&registry, &used).await);
    // Both are forgotten.
    let mut forgotten = 0;
    while let count @ 1.. = services.maintenance.expire_logins().await.unwrap() {
        forgotten += count;
    }
    assert_eq!(forgotten, 2);
}
