//! What a token allows: what was asked for and may be had, and nothing else.

use crate::registry::TestRegistry;
use crate::registry::client::{Client, Credentials};

/// The scopes of a token for this query, one by one.
async fn granted(client: &Client, query: &str) -> Vec<String> {
    let target = format!("/service/token?service=roadstead&{query}");
    let answer = client.get(&target).await.assert_status(200).json();
    let scope = answer["scope"].as_str().expect("a scope");
    scope.split_whitespace().map(str::to_owned).collect()
}

/// token: `scope` may be repeated, and one may hold several, separated by spaces.
#[tokio::test]
async fn several_scopes_may_be_asked_for_in_two_ways() {
    let registry = TestRegistry::start().await;
    let both = [
        "repository:library/a:pull,push",
        "repository:library/b:pull",
    ];

    for query in [
        format!("scope={}&scope={}", both[0], both[1]),
        format!("scope={}%20{}", both[0], both[1]),
        format!("scope={}+{}", both[0], both[1]),
    ] {
        assert_eq!(granted(&registry, &query).await, both);
    }
}

/// token: What the caller may not have is left out; that is no error.
#[tokio::test]
async fn a_token_holds_what_may_be_had() {
    let registry = TestRegistry::start().await;
    registry.admin(&["namespace", "create", "secret"]);
    let guest = registry.create_member("library", "guest", "guest");

    for (asked, expected) in [
        (
            "repository:library/app:pull,push",
            "repository:library/app:pull",
        ),
        ("repository:library/app:push", ""),
        ("repository:secret/app:pull", ""),
        ("repository:nowhere/app:pull", ""),
        ("repository:Not/Valid:pull", ""),
        ("repository:app:pull", ""),
        ("repository:library/app:fly", ""),
        ("unknown:thing:pull", ""),
        ("nonsense", ""),
        ("", ""),
    ] {
        let got = granted(&guest, &format!("scope={asked}")).await;
        assert_eq!(got.join(" "), expected, "{asked}");
    }
    let mixed = "scope=repository:secret/app:pull+repository:library/app:pull";
    let got = granted(&guest, mixed).await;
    assert_eq!(got, ["repository:library/app:pull"]);
}

/// token: `*` means everything, as far as the caller may.
#[tokio::test]
async fn a_star_is_everything_the_caller_may() {
    let registry = TestRegistry::start().await;
    let developer = registry.create_member("library", "dev", "developer");
    let maintainer = registry.create_member("library", "maint", "maintainer");

    let star = "scope=repository:library/app:*";
    for (client, expected) in [
        (&developer, "repository:library/app:pull,push"),
        (&maintainer, "repository:library/app:pull,push,delete"),
        (&registry, "repository:library/app:pull,push,delete"),
    ] {
        assert_eq!(granted(client, star).await, [expected]);
    }
}

/// token: Anonymous callers get tokens to pull from public namespaces, and no others.
#[tokio::test]
async fn a_stranger_pulls_a_public_image() {
    let registry = TestRegistry::start().await;
    registry.push_image("library/app", "1.0").await;
    registry.push_image("secret/app", "1.0").await;
    registry.admin(&["namespace", "set-public", "library"]);
    let stranger = registry.anonymous();

    let asked = "scope=repository:library/app:pull,push+repository:secret/app:pull";
    let expected = ["repository:library/app:pull"];
    assert_eq!(granted(&stranger, asked).await, expected);

    let with_token = stranger.with_token(&expected).await;
    let target = "/v2/library/app/manifests/1.0";
    with_token.get(target).await.assert_status(200);
    stranger.get(target).await.assert_status(200);
    let push = stranger.post("/v2/library/app/blobs/uploads/").await;
    push.assert_error(401, "UNAUTHORIZED");

    registry.admin(&["namespace", "set-private", "library"]);
    let private = stranger.get(target).await;
    private.assert_error(401, "UNAUTHORIZED");
}

/// token: Where anonymous pulls are switched off, a public namespace is for those who log in.
#[tokio::test]
async fn strangers_stay_outside_where_the_setting_says_so() {
    let settings = TestRegistry::builder().setting("REGISTRY__ANONYMOUS_PULL", false);
    let registry = settings.start().await;
    registry.push_image("library/app", "1.0").await;
    registry.admin(&["namespace", "set-public", "library"]);
    let target = "/v2/library/app/manifests/1.0";

    let stranger = registry.anonymous();
    let scope = "scope=repository:library/app:pull";
    assert!(granted(&stranger, scope).await.is_empty());
    let refused = stranger.get(target).await;
    refused.assert_error(401, "UNAUTHORIZED");
    let alice = registry.create_user("alice");
    alice.get(target).await.assert_status(200);
}

/// token, code-11: A token for one repository or action is none for another, and the challenge says what is missing.
#[tokio::test]
async fn a_token_is_good_for_its_scope_only() {
    let registry = TestRegistry::start().await;
    registry.push_image("library/app", "1.0").await;
    registry.push_image("library/other", "1.0").await;
    let token = registry.with_token(&["repository:library/app:pull"]).await;

    let pulled = token.get("/v2/library/app/manifests/1.0").await;
    pulled.assert_status(200);
    let other = token.get("/v2/library/other/manifests/1.0").await;
    let push = token.post("/v2/library/app/blobs/uploads/").await;
    for (answer, scope) in [
        (other, "repository:library/other:pull"),
        (push, "repository:library/app:pull,push"),
    ] {
        let answer = answer.assert_error(401, "UNAUTHORIZED");
        let challenge = answer.header("www-authenticate");
        assert!(challenge.contains(&format!("scope=\"{scope}\"")));
        assert!(challenge.ends_with(",error=\"insufficient_scope\""));
    }
}

/// token, code-11: A token that is not one is refused as such.
#[tokio::test]
async fn a_forged_token_is_refused() {
    let registry = TestRegistry::start().await;
    let scope = ["repository:library/app:pull"];
    let good = registry.with_token(&scope).await;
    let Credentials::Bearer(token) = good.credentials() else {
        panic!("a token");
    };
    let (signed, signature) = token.rsplit_once('.').expect("a signature");
    let other = TestRegistry::start().await;
    let foreign = other.with_token(&scope).await;
    let Credentials::Bearer(foreign) = foreign.credentials() else {
        panic!("a token");
    };

    for forged in [
        "nonsense".to_owned(),
        format!("{signed}."),
        format!("{signed}.{}", signature.chars().rev().collect::<String>()),
        foreign.clone(),
    ] {
        let forger = registry.client(Credentials::Bearer(forged));
        let answer = forger.get("/v2/").await;
        let answer = answer.assert_error(401, "UNAUTHORIZED");
        let challenge = answer.header("www-authenticate");
        assert!(challenge.contains("error=\"invalid_token\""));
    }
}

/// token: A client follows the challenge word by word and gets in.
#[tokio::test]
async fn a_client_follows_the_challenge() {
    let registry = TestRegistry::start().await;
    registry.push_image("library/app", "1.0").await;
    let target = "/v2/library/app/manifests/1.0";

    let refused = registry.anonymous().get(target).await;
    let challenge = refused.header("www-authenticate").to_owned();
    let parameter = |name: &str| {
        let (_, rest) = challenge
            .split_once(&format!("{name}=\""))
            .expect("it is there");
        rest.split('"').next().expect("it is quoted").to_owned()
    };
    let url = format!(
        "{}?service={}&scope={}&account=admin&client_id=test",
        parameter("realm"),
        parameter("service"),
        parameter("scope")
    );
    let token = registry.get(&url).await.assert_status(200).json();
    let token = token["access_token"].as_str().expect("a token");
    let bearer = registry.client(Credentials::Bearer(token.to_owned()));
    bearer.get(target).await.assert_status(200);
}

/// token: More scopes than the limit are cut off; the first ones are granted.
#[tokio::test]
async fn a_request_for_too_many_scopes_gets_the_first() {
    let settings = TestRegistry::builder().setting("LIMITS__SCOPES_PER_TOKEN", 3);
    let registry = settings.start().await;

    let scopes: Vec<String> = (0..10)
        .map(|n| format!("scope=repository:library/r{n}:pull"))
        .collect();
    let got = granted(&registry, &scopes.join("&")).await;
    assert_eq!(got.len(), 3, "{got:?}");
}
