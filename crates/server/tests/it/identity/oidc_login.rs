//! People who log in elsewhere: the browser goes to their issuer and comes back with what that says.

use engines::OidcProvider;
use http::Method;
use serde_json::{Value, json};

use super::{Api, FORM, Outside, form, timeless};
use crate::registry::TestRegistry;
use crate::registry::client::{Answer, Client, Credentials};

pub(super) const SOURCES: &str = "/accounts/default/identity-sources";

/// A source for this issuer, with groups.
pub(super) fn source(name: &str, issuer: &str) -> Value {
    json!({ "name": name, "issuer": issuer, "client_id": "roadstead", "client_secret": "a/secret:of ours", "groups_claim": "groups" })
}

/// The cookie of that name that an answer sets, as it is sent back.
pub(super) fn cookie(answer: &Answer, name: &str) -> String {
    let all = answer.headers().get_all("set-cookie").iter();
    let texts = all.map(|value| value.to_str().expect("text"));
    let set = texts
        .into_iter()
        .find(|text| text.starts_with(&format!("{name}=")));
    let set = set.expect("the cookie");
    assert!(
        set.contains("HttpOnly") && set.contains("SameSite=Lax"),
        "{set}"
    );
    set.split(';').next().expect("a cookie").to_owned()
}

/// A login on its way: the cookie, and the path to which the issuer sent the browser back.
pub(super) struct UnderWay {
    pub(super) cookie: String,
    pub(super) back: String,
}

impl UnderWay {
    /// Goes to the issuer and says there who one is.
    pub(super) async fn begin(
        registry: &TestRegistry,
        issuer: &str,
        query: &str,
        subject: &str,
    ) -> Self {
        let browser = registry.anonymous();
        let begun = browser.get(&format!("/c/oidc/login{query}")).await;
        let begun = begun.assert_status(302);
        let location = begun.location();
        assert!(location.starts_with(issuer), "{location}");
        for part in [
            "code_challenge_method=S256",
            "nonce=",
            "state=",
            "scope=openid%20",
        ] {
            assert!(location.contains(part), "{part} in {location}");
        }
        let issuer = Client::new(issuer.to_owned(), Credentials::None);
        let there = issuer.request(Method::POST, &location);
        let there = there.content_type(FORM).body(form(&[("sub", subject)]));
        let back = there.await.assert_status(302).location();
        let back = back.strip_prefix(registry.origin()).expect("a way back");
        Self {
            cookie: cookie(&begun, "oidc_login"),
            back: back.to_owned(),
        }
    }

    pub(super) async fn finish(&self, registry: &TestRegistry) -> Answer {
        let browser = registry.anonymous();
        browser.get(&self.back).header("cookie", &self.cookie).await
    }
}

/// Says at the issuer what a person's claims are.
pub(super) async fn describe(provider: &OidcProvider, subject: &str, claims: &Value) {
    let issuer = Client::new(provider.issuer(), Credentials::None);
    let put = issuer.put(&format!("/users/{subject}"));
    let put = put
        .content_type("application/json")
        .body(claims.to_string());
    put.await.assert_status(204);
}

/// Logs in; answers with the session.
pub(super) async fn log_in(outside: &Outside, query: &str, subject: &str) -> String {
    let issuer = outside.provider.issuer();
    let under_way = UnderWay::begin(&outside.registry, &issuer, query, subject).await;
    let done = under_way.finish(&outside.registry).await.assert_status(302);
    cookie(&done, "sid")
}

/// Who a session is.
pub(super) async fn name_of(registry: &TestRegistry, session: &str) -> Value {
    let me = registry.anonymous().get("/api/v2.0/users/current");
    let me = me.header("cookie", session).await.assert_status(200);
    me.json()["username"].clone()
}

pub(super) async fn make_source(outside: &Outside, body: &Value) {
    let registry = &outside.registry;
    let made = registry.api(Method::POST, SOURCES, body).await;
    made.assert_status(201);
}

#[tokio::test]
async fn a_source_is_shown_without_its_secret() {
    let outside = Outside::start().await;
    let registry = &outside.registry;
    let issuer = outside.provider.issuer();
    let made = registry
        .api(Method::POST, SOURCES, &source("main", &issuer))
        .await;
    let made = made.assert_status(201);
    let expected = json!({
        "kind": "oidc",
        "name": "main",
        "home_account": "default",
        "issuer": issuer,
        "client_id": "roadstead",
        "has_client_secret": true,
        "scopes": ["profile", "email"],
        "name_claim": "preferred_username",
        "groups_claim": "groups",
        "admin_group": "",
        "button_text": "",
        "onboards": true,
        "disabled": false,
        "created_at": null,
        "updated_at": null,
    });
    assert_eq!(timeless(&made), expected);
}

#[tokio::test]
async fn a_person_logs_in_elsewhere_and_makes_an_access_token_for_docker() {
    let outside = Outside::start().await;
    let registry = &outside.registry;
    let issuer = outside.provider.issuer();
    make_source(&outside, &source("main", &issuer)).await;
    let claims = json!({ "preferred_username": "zoe", "name": "Zoë", "email": "zoe@example.com" });
    describe(&outside.provider, "subject-1", &claims).await;
    let query = "?redirect_url=%2Fharbor%2Fprojects%3Fa%3Db";
    let under_way = UnderWay::begin(registry, &issuer, query, "subject-1").await;
    let done = under_way.finish(registry).await.assert_status(302);
    assert_eq!(done.location(), "/harbor/projects?a=b");
    let session = cookie(&done, "sid");
    let browser = registry.anonymous();
    let me = browser
        .get("/api/v2.0/users/current")
        .header("cookie", &session)
        .await;
    let me = me.assert_status(200);
    let shown = me.json();
    assert_eq!(
        (&shown["username"], &shown["realname"]),
        (&json!("zoe"), &json!("Zoë"))
    );
    // Nobody said that the address for mail was looked at.
    assert_eq!(shown.get("email"), None);

    let asked = browser.api(
        Method::POST,
        "/user/access-tokens",
        &json!({ "name": "laptop", "actions": ["pull", "push", "delete"] }),
    );
    let asked = asked.header("cookie", &session);
    let given = asked
        .header("x-harbor-csrf-token", me.header("x-harbor-csrf-token"))
        .await;
    let secret = given.assert_status(201).json()["secret"]
        .as_str()
        .expect("a secret")
        .to_owned();
    registry.admin(&["member", "add", "library", "zoe", "--role", "developer"]);
    let docker = registry.as_user("zoe", &secret);
    docker.push_image("library/app", "v1").await;

    leave(registry, &issuer, &session).await;
    let sql = "SELECT kind, caller, credential FROM events WHERE credential = 'identity_source' ORDER BY id";
    assert_eq!(
        registry.sql(sql),
        [
            ["user.created", "zoe", "identity_source"],
            ["user.logged_in", "zoe", "identity_source"],
        ]
    );
    // It has no password here, and gets none.
    let refused = registry
        .command(&["admin", "user", "reset-password", "zoe"])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("has no password here"), "{said}");
}

/// The session ends here and at the issuer.
async fn leave(registry: &TestRegistry, issuer: &str, session: &str) {
    let browser = registry.anonymous();
    let left = browser
        .get("/c/oidc/logout")
        .header("cookie", session)
        .await
        .assert_status(302);
    let location = left.location();
    assert!(
        location.starts_with(&format!(
            "{issuer}/oauth2/end_session?client_id=roadstead&post_logout_redirect_uri="
        )),
        "{location}"
    );
    browser
        .get("/api/v2.0/users/current")
        .header("cookie", session)
        .await
        .assert_status(401);
}

#[tokio::test]
async fn t22_whom_two_issuers_call_the_same_are_two() {
    let outside = Outside::start().await;
    let registry = &outside.registry;
    let second = OidcProvider::start().expect("an issuer");
    make_source(&outside, &source("one", &outside.provider.issuer())).await;
    make_source(&outside, &source("two", &second.issuer())).await;
    let claims = json!({ "preferred_username": "admin", "email": "admin@example.com", "email_verified": true });
    describe(&outside.provider, "same", &claims).await;
    describe(&second, "same", &claims).await;
    // The name is taken, and an address for mail is nobody's proof.
    let first = log_in(&outside, "?source=one", "same").await;
    assert_eq!(name_of(registry, &first).await, "admin-2");
    let under_way = UnderWay::begin(registry, &second.issuer(), "?source=two", "same").await;
    let done = under_way.finish(registry).await.assert_status(302);
    assert_eq!(name_of(registry, &cookie(&done, "sid")).await, "admin-3");
    // Who comes again is who it was, whatever it is called now.
    describe(
        &outside.provider,
        "same",
        &json!({ "preferred_username": "zoe" }),
    )
    .await;
    let again = log_in(&outside, "?source=one", "same").await;
    assert_eq!(name_of(registry, &again).await, "admin-2");
    // Neither can be made here under that name, and the issuer of a source stays.
    let body = json!({ "username": "admin-2", "email": "a@example.com", "realname": "a", "password": "Correct-horse-7" });
    let made = registry
        .request(Method::POST, "/api/v2.0/users")
        .content_type("application/json");
    made.body(body.to_string()).await.assert_status(409);
    let mut other = source("one", &second.issuer());
    other.as_object_mut().expect("an object").remove("name");
    let changed = registry
        .api(Method::PUT, &format!("{SOURCES}/one"), &other)
        .await;
    changed.assert_status(422);
}

#[tokio::test]
async fn t22_a_login_comes_back_once_and_to_whoever_began_it() {
    let outside = Outside::start().await;
    let registry = &outside.registry;
    let issuer = outside.provider.issuer();
    make_source(&outside, &source("main", &issuer)).await;
    let mine = UnderWay::begin(registry, &issuer, "", "me").await;
    let theirs = UnderWay::begin(registry, &issuer, "", "them").await;
    let attempt = async |cookie: &str, back: &str| {
        let answer = registry
            .anonymous()
            .get(back)
            .header("cookie", cookie)
            .await;
        assert_eq!(answer.find_header("set-cookie"), None);
        answer.status()
    };
    // Another browser's answer, none at all, none that was begun.
    assert_eq!(attempt(&mine.cookie, &theirs.back).await, 400);
    assert_eq!(attempt("a=b", &mine.back).await, 400);
    assert_eq!(attempt("oidc_login=v1.0.AAAA", &mine.back).await, 400);
    let twice = format!("{}&state=other", mine.back);
    assert_eq!(attempt(&mine.cookie, &twice).await, 400);
    assert_eq!(
        attempt(&mine.cookie, "/c/oidc/callback?code=a&state=").await,
        400
    );
    // A code of another login: it was sent along with another challenge.
    let state = |back: &str| back.split("state=").nth(1).expect("a state").to_owned();
    let code = |back: &str| {
        back.split("code=")
            .nth(1)
            .and_then(|rest| rest.split('&').next())
            .expect("a code")
            .to_owned()
    };
    let mixed = format!(
        "/c/oidc/callback?code={}&state={}",
        code(&theirs.back),
        state(&mine.back)
    );
    assert_eq!(attempt(&mine.cookie, &mixed).await, 401);
    // That was its one time.
    assert_eq!(attempt(&mine.cookie, &mine.back).await, 400);
    // Another issuer's answer, and a refusal.
    let third = UnderWay::begin(registry, &issuer, "", "third").await;
    let other = format!("{}&iss=https%3A%2F%2Fevil.example.com", third.back);
    assert_eq!(attempt(&third.cookie, &other).await, 401);
    let fourth = UnderWay::begin(registry, &issuer, "", "fourth").await;
    let refused = format!("{}&error=access_denied", fourth.back);
    assert_eq!(attempt(&fourth.cookie, &refused).await, 401);
    let last = UnderWay::begin(registry, &issuer, "", "me").await;
    last.finish(registry).await.assert_status(302);
    assert_eq!(attempt(&last.cookie, &last.back).await, 400);
}

#[tokio::test]
async fn t29_a_login_leads_nowhere_else() {
    let outside = Outside::start().await;
    let registry = &outside.registry;
    let issuer = outside.provider.issuer();
    make_source(&outside, &source("main", &issuer)).await;
    for target in [
        "//evil.example.com",
        "/\\evil.example.com",
        "https:evil.example.com",
        "https://evil.example.com/",
        "/\t/evil.example.com",
        "/\r\nset-cookie: a=b",
    ] {
        let query = format!("?{}", form(&[("redirect_url", target)]));
        let under_way = UnderWay::begin(registry, &issuer, &query, "me").await;
        let done = under_way.finish(registry).await.assert_status(302);
        assert_eq!(done.location(), "/", "{target:?}");
    }
}
