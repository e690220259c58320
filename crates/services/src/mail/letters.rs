//! What stands in mails: plain text, in which whatever people have named is one line of bounded length.

use metadata::EventRow;
use serde_json::Value;
use std::fmt::Write as _;

/// Events that one mail tells of one by one; of what comes beyond, it gives the number.
const LINES: usize = 30;
/// The longest word of people's own, in characters.
const WORD: usize = 200;

/// Where the account is.
pub(super) struct Place<'a> {
    pub(super) account: &'a str,
    /// Scheme, host and port of the registry, where that is known.
    pub(super) registry_url: Option<&'a str>,
}

impl Place<'_> {
    /// A path of the registry, for people.
    fn link(&self, path: &str) -> String {
        format!("{}{path}", self.registry_url.unwrap_or_default())
    }

    fn of_registry(&self) -> String {
        match self.registry_url {
            Some(url) => format!("of the registry {url}"),
            None => "of a container registry".to_owned(),
        }
    }
}

/// A mail's subject and text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) subject: String,
    pub(super) text: String,
}

/// An event that is to be told.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) number: i64,
    line: String,
    what: &'static str,
}

/// One line of text: no control characters, of bounded length.
pub(super) fn plain(text: &str) -> String {
    let plain = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter });
    plain.take(WORD).collect()
}

/// What is told of an event.
pub(super) fn told(place: &Place<'_>, event: &EventRow) -> Told {
    let payload: Value = serde_json::from_str(&event.payload).unwrap_or_default();
    let text = |field: &str| plain(payload.get(field).and_then(Value::as_str).unwrap_or("?"));
    let number = |field: &str| {
        payload
            .get(field)
            .and_then(Value::as_i64)
            .unwrap_or_default()
    };
    let account = place.account;
    let (what, detail) = match event.kind.as_str() {
        "job.failed" => {
            let log = format!("/api/v1/accounts/{account}/jobs/{}/log", text("job"));
            let (kind, attempts) = (text("job_kind"), number("attempts"));
            let detail = format!(
                "{kind}, tried {attempts} times. Its log: {}",
                place.link(&log)
            );
            ("A job failed", detail)
        }
        "webhook.paused" => {
            let detail = format!("{} in {}", text("webhook"), text("namespace"));
            ("A webhook was paused after failing for a day", detail)
        }
        "sink.paused" => ("A sink was paused after failing for a day", text("sink")),
        "account.storage_warning" => {
            let detail = format!("{} % of what the account may use", number("percent"));
            ("The storage is nearly full", detail)
        }
        "quota.exceeded" => {
            let detail = format!("in {}, of the {}", text("namespace"), text("limit_of"));
            ("Pushes were refused because a limit is reached", detail)
        }
        _ => {
            let detail = format!("of {}, on {}", text("address"), text("ends_at"));
            ("A certificate ends soon", detail)
        }
    };
    Told {
        number: event.number.unwrap_or_default(),
        line: format!("{}  {what}: {detail}", time(event.at_ms)),
        what,
    }
}

/// A mail about events; there is at least one.
pub(super) fn notice(place: &Place<'_>, events: &[&Told], (address, stop): (&str, &str)) -> Letter {
    let account = place.account;
    let first = events
        .first()
        .map_or("Something happened", |event| event.what);
    let subject = match events.len() {
        0 | 1 => format!("[{account}] {first}"),
        count => format!("[{account}] {count} events: {first}, and more"),
    };
    let mut text = format!("In the account {account} {}:\n\n", place.of_registry());
    for event in events.iter().take(LINES) {
        _ = writeln!(text, "{}", event.line);
    }
    if let Some(more) = events.len().checked_sub(LINES).filter(|more| *more > 0) {
        _ = writeln!(text, "and {more} more events.");
    }
    let log = place.link(&format!("/api/v1/accounts/{account}/audit-events"));
    _ = write!(
        text,
        "\nThe account's audit log has all of it: {log}\n\n-- \n\
         You get this because {address} was confirmed for mail about this account.\n\
         To get no more of it, send this (no login is needed):\n\n{}\n",
        request(place, "stop", stop)
    );
    Letter { subject, text }
}

/// A mail that asks whoever reads it to agree.
pub(super) fn confirmation(place: &Place<'_>, code: &str) -> Letter {
    let account = place.account;
    let text = format!(
        "Somebody who administers the account {account} {} wants this address to be\n\
         told by mail when something needs attention there, such as a job that failed.\n\n\
         If that is right, confirm it within a day. The code is\n\n    {code}\n\n\
         Send it like this (no login is needed):\n\n{}\n\n\
         If you do not know what this is about, do nothing: without the code you get no more mail.\n",
        place.of_registry(),
        request(place, "confirm", code)
    );
    let subject = format!("[{account}] Confirm this address for mail about the account");
    Letter { subject, text }
}

/// A request that anybody can send.
fn request(place: &Place<'_>, what: &str, code: &str) -> String {
    let url = place.link(&format!("/api/v1/mail/{what}"));
    format!("    curl --json '{{\"code\":\"{code}\"}}' {url}")
}

fn time(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms)
        .map(|at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'static> = Place {
        account: "acme",
        registry_url: Some("https://registry.example.com"),
    };

    fn event(kind: &str, payload: &str) -> EventRow {
        EventRow {
            id: "e".to_owned(),
            number: Some(7),
            hash: None,
            kind: kind.to_owned(),
            caller: String::new(),
            credential: String::new(),
            address: None,
            agent: None,
            resource: None,
            namespace_id: None,
            payload: payload.to_owned(),
            at_ms: 1_700_000_000_000,
        }
    }

    #[test]
    fn a_mail_says_what_happened_where_to_look_and_how_to_end_it() {
        let failed = event(
            "job.failed",
            r#"{"job":"j1","job_kind":"run_retention","attempts":5}"#,
        );
        let told = told(&PLACE, &failed);
        let letter = notice(&PLACE, &[&told], ("ops@example.com", "a.b"));
        assert_eq!(letter.subject, "[acme] A job failed");
        assert_eq!(
            letter.text,
            "In the account acme of the registry https://registry.example.com:\n\n\
             2023-11-14 22:13:20 UTC  A job failed: run_retention, tried 5 times. Its log: \
             https://registry.example.com/api/v1/accounts/acme/jobs/j1/log\n\n\
             The account's audit log has all of it: https://registry.example.com/api/v1/accounts/acme/audit-events\n\n-- \n\
             You get this because ops@example.com was confirmed for mail about this account.\n\
             To get no more of it, send this (no login is needed):\n\n    \
             curl --json '{\"code\":\"a.b\"}' https://registry.example.com/api/v1/mail/stop\n"
        );
    }

    #[test]
    fn many_events_are_one_mail_of_bounded_length() {
        let paused = event("sink.paused", r#"{"sink":"a\r\nBcc: b@example.com\u0000"}"#);
        let told = told(&PLACE, &paused);
        let all: Vec<&Told> = std::iter::repeat_n(&told, 1000).collect();
        let letter = notice(&PLACE, &all, ("ops@example.com", "a.b"));
        let expected = "[acme] 1000 events: A sink was paused after failing for a day, and more";
        assert_eq!(letter.subject, expected);
        assert!(
            letter.text.contains("\nand 970 more events.\n"),
            "{}",
            letter.text
        );
        assert!(
            letter.text.contains(": a  Bcc: b@example.com \n"),
            "{}",
            letter.text
        );
        assert!(letter.text.len() < 10_000);
        let long = event(
            "sink.paused",
            &format!(r#"{{"sink":"{}"}}"#, "x".repeat(5000)),
        );
        assert!(super::told(&PLACE, &long).line.len() < 300);
    }

    #[test]
    fn every_kind_has_words_of_its_own() {
        let mut words: Vec<&str> = crate::mail::MAIL_EVENT_TYPES
            .iter()
            .map(|kind| told(&PLACE, &event(kind, "{}")).what)
            .collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), crate::mail::MAIL_EVENT_TYPES.len());
    }
}
