//! Mail: whoever agreed is told of what the account chose, by a real mail server, and nobody else is told anything.

mod abuse;
mod outages;
mod server;

use std::time::{Duration, Instant};

use engines::{MailAccess, MailReceiver};
use serde_json::{Value, json};

use crate::account_api::AccountApi as _;
use crate::registry::backends::Backends;
use crate::registry::client::Client;
use crate::registry::{PATIENCE, Setup, TestRegistry};

const MAIL: &str = "/accounts/default/mail";
const ADDRESSES: &str = "/accounts/default/mail/addresses";

/// A mail that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    to: String,
    /// Its headers, in order.
    headers: Vec<(String, String)>,
    text: String,
    is_secure: bool,
    is_known: bool,
}

impl Arrived {
    fn parse(written: &str) -> Self {
        let mail: Value = serde_json::from_str(written).expect("JSON");
        assert_eq!(mail["from"], "registry@example.com");
        let recipients = mail["to"].as_array().expect("a list");
        assert_eq!(recipients.len(), 1, "each mail has one reader");
        let text = mail["text"].as_str().expect("text").replace("\r\n", "\n");
        let (head, body) = text.split_once("\n\n").expect("headers");
        let unfolded = head.replace("\n ", " ");
        let headers = unfolded.lines().map(|line| {
            let (name, value) = line.split_once(": ").expect("a header");
            (name.to_owned(), value.to_owned())
        });
        let arrived = Self {
            to: recipients[0].as_str().expect("text").to_owned(),
            headers: headers.collect(),
            text: body.to_owned(),
            is_secure: mail["is_secure"] == true,
            is_known: mail["is_known"] == true,
        };
        let encoding = arrived.header("Content-Transfer-Encoding");
        assert!(
            matches!(encoding, "7bit" | "quoted-printable"),
            "{encoding}"
        );
        let text = match encoding {
            "quoted-printable" => arrived.text.replace("=\n", "").replace("=3D", "="),
            _ => arrived.text.clone(),
        };
        Self { text, ..arrived }
    }

    fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} is there twice");
        value.unwrap_or_else(|| panic!("{name} is missing: {:?}", self.headers))
    }

    fn subject(&self) -> &str {
        self.header("Subject")
    }

    /// The code that lets its reader decide.
    pub(crate) fn code(&self) -> String {
        let (_, rest) = self.text.split_once("{\"code\":\"").expect("a code");
        let (code, _) = rest.split_once('"').expect("its end");
        code.to_owned()
    }

    fn is_about(&self, job: &str) -> bool {
        self.text.contains(&format!("/jobs/{job}/log"))
    }
}

pub(crate) fn builder(backends: Backends, port: u16) -> Setup {
    TestRegistry::builder()
        .on(backends)
        .setting("REGISTRY__EXTERNAL_URL", "https://registry.example.com")
        .setting("MAIL__HOST", "127.0.0.1")
        .setting("MAIL__PORT", port)
        .setting("MAIL__SECURITY", "none")
        .setting("MAIL__FROM", "registry@example.com")
}

pub(crate) fn receiver() -> MailReceiver {
    MailReceiver::start(MailAccess::default()).expect("a mail server")
}

/// Waits until so many mails have come, and gives them all.
pub(crate) async fn mails(receiver: &MailReceiver, count: usize) -> Vec<Arrived> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mails = receiver.mails();
        if mails.len() >= count {
            return mails.iter().map(|mail| Arrived::parse(mail)).collect();
        }
        assert!(Instant::now() < deadline, "{} came of {count}", mails.len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until what mail says of itself is so; answers with it.
async fn mail_when(client: &Client, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let shown = client.v1_get(MAIL).await.assert_status(200).json();
        if is_so(&shown) {
            return shown;
        }
        assert!(Instant::now() < deadline, "not {what}: {shown}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Writes an address down; answers with its id.
async fn add(client: &Client, address: &str) -> String {
    let body = json!({ "address": address });
    let made = client.v1_post(ADDRESSES, &body).await.assert_status(201);
    let shown = made.json();
    assert_eq!(shown["state"], "unconfirmed", "{shown}");
    let id = shown["id"].as_str().expect("an id").to_owned();
    let location = made.location().replace("%2D", "-");
    assert_eq!(location, format!("/api/v1{ADDRESSES}/{id}"));
    id
}

async fn decide(registry: &TestRegistry, what: &str, code: &str, status: u16) {
    let body = json!({ "code": code });
    let path = format!("/mail/{what}");
    let nobody = registry.anonymous();
    nobody.v1_post(&path, &body).await.assert_status(status);
}

/// Writes an address down and confirms it, as the next mail of the server; answers with its id.
async fn add_confirmed(registry: &TestRegistry, receiver: &MailReceiver, address: &str) -> String {
    let before = receiver.mails().len();
    let id = add(registry, address).await;
    let code = mails(receiver, before + 1).await[before].code();
    decide(registry, "confirm", &code, 204).await;
    id
}

async fn tell_of(registry: &TestRegistry, kinds: &[&str]) {
    let body = json!({ "event_types": kinds });
    registry.v1_put(MAIL, &body).await.assert_status(200);
}

/// Makes a job of the default account that fails at its first and last try.
fn failing_job(registry: &TestRegistry, id: &str) {
    let made = registry.sql(&format!(
        "INSERT INTO jobs (id, account_id, lane, kind, payload, state, waits_until_ms, attempts, run_at_ms, max_attempts, \
         fence, is_cancelled, log_lines, log_bytes, created_at_ms) \
         SELECT '{id}', id, id, 'purge_audit_log', '{{}}', 'queued', 1, 0, 1, 1, 0, 0, 0, 0, 0 \
         FROM accounts WHERE name = 'default' RETURNING id"
    ));
    assert_eq!(made.len(), 1);
}

fn events(registry: &TestRegistry, kind: &str) -> usize {
    let sql = format!("SELECT id FROM events WHERE kind = '{kind}'");
    registry.sql(&sql).len()
}

/// Waits until a job has failed.
async fn failed(registry: &TestRegistry, job: &str) {
    let path = format!("/accounts/default/jobs/{job}");
    let deadline = Instant::now() + PATIENCE;
    while registry.v1_get(&path).await.json()["state"] != "failed" {
        assert!(Instant::now() < deadline, "it does not fail");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The log says who did what, and neither it nor a metric names an address.
async fn require_no_address_anywhere(registry: &TestRegistry) {
    for (kind, count) in [
        ("mail.updated", 1),
        ("mail_address.added", 2),
        ("mail_address.confirmed", 1),
        ("mail_address.removed", 1),
    ] {
        assert_eq!(events(registry, kind), count, "{kind}");
    }
    let named =
        "SELECT id FROM events WHERE payload LIKE '%example.com%' OR resource LIKE '%example.com%'";
    assert!(registry.sql(named).is_empty());
    assert!(!registry.log().to_lowercase().contains("ops@example.com"));
    let metrics = registry.metrics().await;
    for (purpose, outcome, count) in [
        ("notice", "sent", 1),
        ("confirmation", "sent", 2),
        ("notice", "failed", 0),
    ] {
        let line =
            format!("roadstead_mails_total{{purpose=\"{purpose}\",outcome=\"{outcome}\"}} {count}");
        assert!(metrics.contains(&line), "{line}");
    }
    assert!(!metrics.contains("ops@"));
}

/// Two addresses are asked, and one of them will agree; answers with its id and the code that it was sent.
async fn asked(registry: &TestRegistry, receiver: &MailReceiver) -> (String, String) {
    let off = registry.v1_get(MAIL).await.assert_status(200).json();
    assert_eq!(
        (&off["event_types"], &off["addresses"]),
        (&json!([]), &json!([]))
    );
    tell_of(registry, &["job.failed", "sink.paused"]).await;
    let id = add(registry, "Ops@example.com").await;
    add(registry, "never@example.com").await;
    let asked = mails(receiver, 2).await;
    let asked = asked.iter().find(|mail| mail.to == "Ops@example.com");
    let asked = asked.expect("it was asked").clone();
    assert_eq!(
        asked.subject(),
        "[default] Confirm this address for mail about the account"
    );
    assert!(
        asked
            .text
            .contains("https://registry.example.com/api/v1/mail/confirm")
    );
    (id, asked.code())
}

async fn whoever_agreed_hears_of_a_failed_job(backends: Backends) {
    let receiver = receiver();
    let registry = builder(backends, receiver.port()).start().await;
    let (id, code) = asked(&registry, &receiver).await;

    // What happens before somebody agrees is told to nobody, not even later.
    failing_job(&registry, "before");
    failed(&registry, "before").await;
    assert_eq!(code.len(), 32);
    decide(
        &registry,
        "confirm",
        "00000000000000000000000000000000",
        404,
    )
    .await;
    decide(&registry, "confirm", &code, 204).await;
    decide(&registry, "confirm", &code, 404).await;
    failing_job(&registry, "after");
    let told = mails(&receiver, 3).await[2].clone();
    assert_eq!(
        (told.to.as_str(), told.subject()),
        ("Ops@example.com", "[default] A job failed")
    );
    assert_eq!(told.header("Auto-Submitted"), "auto-generated");
    let message_id = told.header("Message-ID");
    assert!(
        message_id.starts_with(&format!("<notice.{id}.")),
        "{message_id}"
    );
    assert!(
        told.is_about("after") && !told.is_about("before"),
        "{}",
        told.text
    );
    assert!(
        told.text.contains("purge_audit_log, tried 1 times"),
        "{}",
        told.text
    );

    let sent = mail_when(&registry, "sent", |shown| shown["sent_mails"] == 1).await;
    assert_eq!(sent["failures"], 0, "{sent}");
    let confirmed = sent["addresses"][1].clone();
    assert_eq!(
        (&confirmed["id"], &confirmed["state"]),
        (&json!(id), &json!("confirmed"))
    );
    assert_eq!(sent["addresses"][0]["state"], "unconfirmed");

    // Whoever reads it ends it, without a login; then there is nobody left.
    let stop = told.code();
    decide(&registry, "stop", &format!("{stop}0"), 404).await;
    decide(&registry, "stop", &stop, 204).await;
    decide(&registry, "stop", &stop, 404).await;
    let followers = "SELECT id FROM event_followers WHERE id LIKE 'mail:%'";
    assert!(registry.sql(followers).is_empty());
    let left = registry.v1_get(MAIL).await.assert_status(200).json();
    assert_eq!(
        left["addresses"].as_array().map(Vec::len),
        Some(1),
        "{left}"
    );

    require_no_address_anywhere(&registry).await;
    assert_eq!(receiver.mails().len(), 3);
}

#[tokio::test]
async fn whoever_agreed_hears_of_a_failed_job_and_nobody_else() {
    whoever_agreed_hears_of_a_failed_job(Backends::EMBEDDED).await;
}

#[tokio::test]
async fn whoever_agreed_hears_of_a_failed_job_on_postgresql_too() {
    whoever_agreed_hears_of_a_failed_job(Backends::PRODUCTION).await;
}

#[tokio::test]
async fn without_a_mail_server_nobody_is_asked_and_what_is_wrong_is_refused() {
    let registry = TestRegistry::start().await;
    let body = json!({ "address": "ops@example.com" });
    let refused = registry.v1_post(ADDRESSES, &body).await;
    assert!(refused.text().contains("this deployment sends no mail"));
    assert!(refused.status() >= 400 && refused.status() < 500);
    for body in [
        json!({ "event_types": ["job.done"] }),
        json!({ "event_types": "job.failed" }),
        json!({}),
        json!({ "event_types": [], "sent_mails": 5 }),
    ] {
        registry.v1_put(MAIL, &body).await.assert_status(422);
    }
    for path in [
        format!("{ADDRESSES}/none"),
        "/accounts/none/mail/addresses/none".to_owned(),
    ] {
        registry.v1_delete(&path).await.assert_status(404);
    }
    let nothing = json!({});
    registry
        .v1_post(&format!("{MAIL}/resume"), &nothing)
        .await
        .assert_status(412);
    assert!(registry.sql("SELECT id FROM mail_addresses").is_empty());
    assert_eq!(events(&registry, "mail.updated"), 0);
}
