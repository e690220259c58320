//! What a token is asked for, and what it is given: never more than its holder may.

use std::collections::BTreeSet;

use super::post_form;
use crate::registry::TestRegistry;
use crate::registry::client::{Client, Credentials};

/// The scopes granted to a caller, by `GET`.
async fn granted(client: &Client, scopes: &str) -> BTreeSet<String> {
    let answer = client
        .get(&format!("/service/token?service=roadstead{scopes}"))
        .await;
    let scope = answer.assert_status(200).json()["scope"]
        .as_str()
        .expect("text")
        .to_owned();
    scope.split_whitespace().map(str::to_owned).collect()
}

fn set(scopes: &[&str]) -> BTreeSet<String> {
    scopes.iter().map(|scope| (*scope).to_owned()).collect()
}

/// T19: odd scopes are read as less or as nothing, and whatever is asked for, only what the caller has is given.
#[tokio::test]
async fn t19_odd_scopes_give_nothing_more() {
    let registry = TestRegistry::start().await;
    registry.admin(&["namespace", "create", "team"]);
    let guest = registry.create_member("library", "guest", "guest");
    for (asked, given) in [
        (
            "repository:library/app:pull,push,*",
            "repository:library/app:pull",
        ),
        ("repository:library/app:*", "repository:library/app:pull"),
        (
            "repository:library/app:pull,,pull,fly",
            "repository:library/app:pull",
        ),
        (
            "repository(plugin):library/app:pull",
            "repository:library/app:pull",
        ),
        ("repository:library/app:push", ""),
        ("repository:library/app:delete", ""),
        ("repository:library/app:", ""),
        ("repository:library/app", ""),
        ("repository:library:80/app:pull", ""),
        ("repository:library/../team/app:pull", ""),
        ("repository:library%252fapp:pull", ""),
        ("repository:Library/app:pull", ""),
        ("repository:library/app%00:pull", ""),
        ("repository:library/app%0arepository:team/app:pull", ""),
        ("repository::pull", ""),
        ("repository:library:pull", ""),
        ("repository:team/app:pull", ""),
        ("repository:none/app:pull,push", ""),
        ("repository:*:pull", ""),
        ("repository:library/*:pull", ""),
        ("repository(:library/app:pull", ""),
        ("registry:catalog:*", "registry:catalog:*"),
        ("registry:catalog:pull", ""),
        ("registry:other:*", ""),
        ("namespace:library:*", ""),
        ("*", ""),
        (":::::", ""),
        ("%ff", ""),
    ] {
        let given = if given.is_empty() {
            set(&[])
        } else {
            set(&[given])
        };
        assert_eq!(
            granted(&guest, &format!("&scope={asked}")).await,
            given,
            "{asked}"
        );
    }
    // The token is for that and no more.
    let token = guest
        .with_token(&["repository:library/app:pull,push,delete,*"])
        .await;
    token
        .post("/v2/library/app/blobs/uploads/")
        .await
        .assert_error(401, "UNAUTHORIZED");
    token
        .delete("/v2/library/app/manifests/v1")
        .await
        .assert_error(401, "UNAUTHORIZED");
}

/// T19: ten thousand scopes are as good as the hundred that count; in a query, in a form, in one text.
#[tokio::test]
async fn t19_ten_thousand_scopes_are_bounded() {
    let registry = TestRegistry::start().await;
    let scope = |number: usize| format!("repository:library/r{number}:pull");
    let form = |separator: &str, count: usize| {
        let scopes: Vec<String> = (0..count).map(scope).collect();
        let secret = super::secret_of(&registry);
        format!(
            "grant_type=password&username=admin&password={secret}&scope={}",
            scopes.join(separator)
        )
    };
    for separator in ["+", "&scope="] {
        let answer = post_form(&registry, &form(separator, 1500)).await;
        let scope = answer.assert_status(200).json()["scope"]
            .as_str()
            .expect("text")
            .to_owned();
        assert_eq!(scope.split(' ').count(), 100, "{separator:?}");
        // More than a form may hold.
        post_form(&registry, &form(separator, 10_000))
            .await
            .assert_status(413);
    }
    // The same one again and again is one.
    let same = format!("&scope={}", vec![scope(1); 500].join("+"));
    assert_eq!(granted(&registry, &same).await, set(&[&scope(1)]));
    // A query as long as a request's head may be.
    let many: Vec<String> = (0..600).map(scope).collect();
    let many = format!("&scope={}", many.join("&scope="));
    assert_eq!(granted(&registry, &many).await.len(), 100);
}

/// What a caller may do to a repository of its namespace, each tried: pull, push, delete, the catalogue.
async fn tried(registry: &TestRegistry, client: &Client) -> [bool; 4] {
    let digest = registry
        .push_manifest("team/app", "v1", &super::lone_manifest("tried"))
        .await;
    let pull = client
        .get(&format!("/v2/team/app/manifests/{digest}"))
        .await
        .status()
        == 200;
    let push = client.post("/v2/team/app/blobs/uploads/").await.status() == 202;
    let catalog = client.get("/v2/_catalog").await.status() == 200;
    let delete = client.delete("/v2/team/app/manifests/v1").await.status() == 202;
    [pull, push, delete, catalog]
}

/// T20: a restricted token is as narrow on every way in: as password, exchanged by `GET`, by a form, by a refresh token.
#[tokio::test]
async fn t20_a_narrow_token_stays_narrow_on_every_way() {
    const SCOPES: [&str; 2] = ["repository:team/app:pull,push,delete", "registry:catalog:*"];
    let registry = TestRegistry::start().await;
    registry.admin(&["namespace", "create", "team"]);
    registry.create_member("team", "alice", "maintainer");
    for (may, expected) in [
        (&["pull"][..], [true, false, false, true]),
        (&["push"], [false, true, false, false]),
        (&["delete"], [false, false, true, false]),
        (&["pull", "push"], [true, true, false, true]),
        (&["push", "delete"], [false, true, true, false]),
        (&[], [true, true, true, true]),
    ] {
        let narrow =
            registry.create_access_token("alice", &may.join("-and-").replace("", "t"), may);
        let secret = super::secret_of(&narrow);
        let bearer = |answer: &serde_json::Value| {
            let token = answer["token"].as_str().expect("a token").to_owned();
            registry.client(Credentials::Bearer(token))
        };
        let by_get = narrow.with_token(&SCOPES).await;
        let scopes = SCOPES.join("+");
        let form = format!(
            "grant_type=password&access_type=offline&username=alice&password={secret}&scope={scopes}"
        );
        let by_form = post_form(&registry, &form).await.assert_status(200).json();
        let refresh = by_form["refresh_token"].as_str().expect("one");
        let form = format!("grant_type=refresh_token&refresh_token={refresh}&scope={scopes}");
        let by_refresh = post_form(&registry, &form).await.assert_status(200).json();
        for (way, client) in [
            ("password", &narrow),
            ("GET", &by_get),
            ("form", &bearer(&by_form)),
            ("refresh", &bearer(&by_refresh)),
        ] {
            assert_eq!(tried(&registry, client).await, expected, "{may:?} by {way}");
        }
    }
}

/// T20: a token of an administrator that may only push gives no right to read what it made.
#[tokio::test]
async fn t20_a_token_that_may_only_push_cannot_read_a_namespace_that_it_makes() {
    let registry = TestRegistry::start().await;
    let push = registry.create_access_token("admin", "push", &["push"]);
    let asked = "&scope=repository:fresh/app:pull,push";
    let given = granted(&push, asked).await;
    assert!(
        !given.iter().any(|scope| scope.contains("pull")),
        "{given:?}"
    );
}
