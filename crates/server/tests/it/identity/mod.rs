//! Identity from outside: workloads that an issuer vouches for, and people who log in elsewhere.

mod accounts_of_users;
mod cli_secrets;
mod commands;
mod guests;
mod identity_sources;
mod invitations;
mod ldap_harbor;
mod ldap_login;
mod ldap_sources;
mod oidc_login;
mod outbound;
mod rule_limits;
mod throttling;
mod trust_rules;

use engines::OidcProvider;
use serde_json::{Value, json};

use crate::registry::TestRegistry;
use crate::registry::client::{Answer, Call, Client, Credentials};

/// The registry as issuers know it.
const AUDIENCE: &str = "registry.example.com";
const FORM: &str = "application/x-www-form-urlencoded";
/// A verifier and its challenge (RFC 7636, appendix B).
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A registry that may ask what runs on this machine, and an issuer there.
struct Outside {
    registry: TestRegistry,
    provider: OidcProvider,
}

impl Outside {
    async fn start() -> Self {
        Self {
            registry: registry().await,
            provider: OidcProvider::start().expect("an issuer"),
        }
    }

    /// The issuer's token for this audience that a workload of this name gets.
    async fn token(&self, audience: &str, subject: &str) -> String {
        let issuer = Client::new(self.provider.issuer(), Credentials::None);
        let back = "http://127.0.0.1:1/back";
        let query = form(&[
            ("client_id", audience),
            ("redirect_uri", back),
            ("response_type", "code"),
            ("scope", "openid"),
            ("state", "s"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ]);
        let asked = issuer.request(http::Method::POST, &format!("/oauth2/authorize?{query}"));
        let asked = asked.content_type(FORM).body(form(&[("sub", subject)]));
        let location = asked.await.assert_status(302).location();
        let code = location.split("code=").nth(1).expect("a code");
        let code = code.split('&').next().expect("a code");
        let client = issuer.with_credentials(Credentials::basic(audience, "secret"));
        let given = client.request(http::Method::POST, "/oauth2/token");
        let given = given.content_type(FORM).body(form(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", back),
            ("code_verifier", VERIFIER),
        ]));
        let given = given.await.assert_status(200).json();
        given["id_token"].as_str().expect("a token").to_owned()
    }
}

async fn registry() -> TestRegistry {
    let registry = TestRegistry::builder().setting("OUTBOUND__ALLOW", r#"["127.0.0.1"]"#);
    registry.start().await
}

/// `application/x-www-form-urlencoded`.
fn form(fields: &[(&str, &str)]) -> String {
    let encoded = |text: &str| -> String {
        let bytes = text.bytes().map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        });
        bytes.collect()
    };
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    pairs.join("&")
}

/// The methods of this API's clients.
trait Api {
    fn api(&self, method: http::Method, path: &str, body: &Value) -> Call;
}

impl Api for Client {
    fn api(&self, method: http::Method, path: &str, body: &Value) -> Call {
        let call = self.request(method, &format!("/api/v1{path}"));
        call.content_type("application/json").body(body.to_string())
    }
}

/// The answer without the times in it.
fn timeless(answer: &Answer) -> Value {
    let mut shown = answer.json();
    for field in ["created_at", "updated_at"] {
        let time = shown[field].take();
        assert!(time.is_string(), "{field} of {shown}");
    }
    shown
}

/// A trust rule for workloads of this name, to push and pull in the namespace `library`.
fn rule(name: &str, issuer: &str, subject: &str) -> Value {
    json!({
        "name": name,
        "issuer": issuer,
        "audience": AUDIENCE,
        "claims": { "sub": [subject] },
        "permissions": [
            { "place": "namespace", "namespace": "library", "actions": ["repository:push"] },
        ],
    })
}

/// Asks for a registry token.
fn exchange(registry: &TestRegistry, token: &str, more: &[(&str, &str)]) -> Call {
    let mut fields = vec![
        (
            "grant_type",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ),
        (
            "subject_token_type",
            "urn:ietf:params:oauth:token-type:id_token",
        ),
        ("subject_token", token),
    ];
    fields.extend(more);
    let anonymous = registry.anonymous();
    let call = anonymous.request(http::Method::POST, "/service/token");
    call.content_type(FORM).body(form(&fields))
}
