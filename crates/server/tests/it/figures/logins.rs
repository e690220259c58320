//! Checking a password costs a lot of processor time. How often that may happen is bounded, whoever tries.

use futures_util::future::join_all;

use super::counter;
use crate::registry::TestRegistry;

const HASHES: &str = "roadstead_password_hashes_total";

/// Many addresses, each with names of its own, by every way to log in, all at once.
#[tokio::test]
async fn wrong_passwords_from_everywhere_are_refused_before_they_are_hashed() {
    let registry = TestRegistry::builder()
        .setting("LIMITS__FAILED_LOGINS_PER_SECOND", 1)
        .start()
        .await;
    let right = registry.create_user("right");
    registry.get("/v2/").await.assert_status(200);
    let (before, begun) = (counter(&registry, HASHES).await, std::time::Instant::now());
    let guesses = (0..300).map(|number| {
        let caller = registry.as_user(&format!("user-{number}"), "Wrong-password-1");
        let caller = caller.at(&format!("127.0.{}.{}", 1 + number % 3, 1 + number % 50));
        async move {
            let answer = match number % 3 {
                0 => caller.get("/service/token").await,
                1 => caller.get("/api/v2.0/users/current").await,
                _ => {
                    let form = caller.with_credentials(crate::registry::client::Credentials::None);
                    let form = form.request(http::Method::POST, "/c/login");
                    form.content_type("application/x-www-form-urlencoded")
                        .body(format!("principal=user-{number}&password=Wrong-password-1"))
                        .await
                }
            };
            match answer.status() {
                401 => {}
                429 => assert!(
                    answer
                        .header("retry-after")
                        .parse::<u64>()
                        .is_ok_and(|secs| secs > 0)
                ),
                status => panic!("{status}: {}", answer.text()),
            }
            answer.status()
        }
    });
    let statuses = join_all(guesses).await;
    let hashed = counter(&registry, HASHES).await - before;
    // One at once for those who have hardly tried, one for all others, and one each second for each.
    let most = 2 + 2 * (begun.elapsed().as_secs() + 1);
    assert!((1..=most).contains(&hashed), "{hashed}, {most} allowed");
    let checked = statuses.iter().filter(|status| **status == 401).count();
    assert!(u64::try_from(checked).is_ok_and(|checked| checked <= hashed));

    // A known person at a known address is not held up, nor is whoever shows a token.
    registry.get("/v2/").await.assert_status(200);
    // Others get in as soon as they are told to come.
    loop {
        let answer = right.at("127.0.9.9").get("/v2/").await;
        if answer.status() == 200 {
            break;
        }
        let answer = answer.assert_error(429, "TOOMANYREQUESTS");
        let secs = answer.header("retry-after").parse().expect("a number");
        assert!(secs <= 2);
        tokio::time::sleep(std::time::Duration::from_secs(secs)).await;
    }
}
