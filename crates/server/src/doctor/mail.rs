//! The mail server: is reached, secure, and lets the registry in. No mail is sent.

use super::report::Report;
use crate::config::Config;
use outbound::MailFailed;

const CHECK: &str = "mail";

pub(super) async fn examine(config: &Config, report: &mut Report) {
    let Ok(Some(mail)) = config.mail.settings(None) else {
        return;
    };
    let place = mail.mailer.place();
    match mail.mailer.check().await {
        Ok(()) => report.good(CHECK, format!("{place} is there and lets the registry in")),
        Err(error) => {
            let remedy = match error {
                MailFailed::TimedOut => {
                    "see whether [mail] host and port are right, and what is between"
                }
                _ => "see [mail] in the settings, and the mail server's log",
            };
            report.failed(CHECK, format!("{place}: {error}"), remedy);
        }
    }
}
