//! Access tokens in the console.

use super::{BOTH, Browser};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;

const TOKENS: &str = "/console/tokens";

#[tokio::test]
async fn a_token_is_made_used_and_revoked() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        registry.push_image("library/app", "v1").await;
        let browser = Browser::administrator(&registry).await;
        assert!(browser.page(TOKENS).await.contains("You have none yet"));
        let form = [
            ("name", " laptop <b> "),
            ("days", "7"),
            ("action", "pull"),
            ("action", "push"),
        ];
        let made = browser.submit(TOKENS, &form).await.assert_status(200);
        assert_eq!(made.header("cache-control"), "no-store");
        let page = made.text();
        let (_, rest) = page
            .split_once("<pre class=\"copy\"><code>")
            .expect("a secret");
        let secret = rest.split('<').next().unwrap_or_default();
        assert!(page.contains("--username &#39;admin&#39;"), "{page}");
        let program = registry.as_user("admin", secret);
        let image = "/v2/library/app/manifests/v1";
        program.get(image).await.assert_status(200);
        program.delete(image).await.assert_status(403);

        let list = browser.page(TOKENS).await;
        assert!(
            list.contains("laptop &#60;b&#62;") && list.contains("Pull, Push<"),
            "{list}"
        );
        assert!(
            list.contains("expires soon:") && !list.contains(secret),
            "{list}"
        );
        let known = registry.v1_get("/user/access-tokens").await.json();
        let id = known["items"][0]["id"].as_str().expect("an id").to_owned();
        let one = format!("{TOKENS}/{id}");
        assert!(list.contains(&one), "{list}");
        assert!(!browser.page(&one).await.contains(secret));

        let unsure = browser.submit(&one, &[("confirm", "laptop")]).await;
        let said = unsure.assert_status(422).text();
        assert!(said.contains("That is not its name"), "{said}");
        let sure = browser.submit(&one, &[("confirm", "laptop <b>")]).await;
        let list = browser
            .page(sure.assert_status(303).header("location"))
            .await;
        assert!(
            list.contains("Deleted.") && list.contains("You have none yet"),
            "{list}"
        );
        browser.get(&one).await.assert_status(404);
        program.get(image).await.assert_status(401);
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_and_what_was_typed_stays() {
    let registry = TestRegistry::start().await;
    let browser = Browser::administrator(&registry).await;
    for (name, days, action, said) in [
        ("", "90", "pull", "1 to 255 bytes"),
        (
            "\"><script>alert(1)</script>",
            "soon",
            "pull",
            "whole number",
        ),
        ("laptop", "0", "pull", "ended already"),
        ("laptop", "-5", "pull", "whole number"),
        ("laptop", "99999999999999", "pull", "whole number"),
        ("laptop", "90", "everything", "needs an action"),
    ] {
        let form = [("name", name), ("days", days), ("action", action)];
        let answer = browser.submit(TOKENS, &form).await.assert_status(422);
        let page = answer.text();
        assert!(page.contains(said), "{name} {days}: {page}");
        assert!(
            page.contains(&format!("value=\"{days}\"")),
            "what was typed stays: {page}"
        );
        assert!(!page.contains("<script>alert"), "{page}");
    }
    let known = registry.v1_get("/user/access-tokens").await.json();
    assert_eq!(known["items"], serde_json::json!([]));
    let foreign = [("csrf", "x"), ("name", "laptop"), ("action", "pull")];
    browser.send(TOKENS, &foreign).await.assert_status(403);
}

/// A token is nobody's but its user's.
#[tokio::test]
async fn tokens_of_others_are_not_there() {
    let registry = TestRegistry::start().await;
    let browser = Browser::administrator(&registry).await;
    let form = [("name", "laptop"), ("days", ""), ("action", "pull")];
    browser.submit(TOKENS, &form).await.assert_status(200);
    let known = registry.v1_get("/user/access-tokens").await.json();
    let id = known["items"][0]["id"].as_str().expect("an id").to_owned();
    let dora = registry.create_user("dora");
    let other = Browser::of(&registry, &dora).await;
    assert!(other.page(TOKENS).await.contains("You have none yet"));
    let one = format!("{TOKENS}/{id}");
    other.get(&one).await.assert_status(404);
    let stolen = other.submit(&one, &[("confirm", "laptop")]).await;
    stolen.assert_status(404);
    let known = registry.v1_get("/user/access-tokens").await.json();
    assert_eq!(known["items"][0]["expires_at"], serde_json::Value::Null);
}
