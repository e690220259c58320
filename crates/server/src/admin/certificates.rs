//! Carrying out `roadstead admin address certificate`.

use super::Answer;
use crate::cli::CertificateCommand;
use crate::text::date;
use anyhow::Context as _;
use serde_json::{Value, json};
use services::{AccountContext, CertificateView, Certificates, NewCertificate, SecretString};

pub(super) async fn carry_out(
    certificates: &Certificates,
    by: &AccountContext,
    command: CertificateCommand,
) -> anyhow::Result<Answer> {
    Ok(match command {
        CertificateCommand::Set(files) => {
            let (chain, key) = files.given.context("the files were not read")?;
            let new = NewCertificate {
                chain,
                private_key: SecretString::new(key.expose()),
            };
            let view = certificates.put(by, &files.host, new).await?;
            let text = format!(
                "{} has this certificate now:\n\n{}",
                files.host,
                described(&view)
            );
            Answer::new(shown(&files.host, &view), text)
        }
        CertificateCommand::Show { host } => {
            let view = certificates.get(by, &host).await?;
            Answer::new(shown(&host, &view), described(&view))
        }
        CertificateCommand::Remove { host } => {
            certificates.delete(by, &host).await?;
            let text = format!("{host} has no certificate of its own any more\n");
            Answer::new(json!({ "host": host }), text)
        }
    })
}

pub(super) fn shown(host: &str, view: &CertificateView) -> Value {
    json!({
        "host": host,
        "subject": view.subject,
        "issuer": view.issuer,
        "names": view.names,
        "fingerprint": view.fingerprint,
        "not_before": date(Some(view.begins_at_ms)),
        "not_after": date(Some(view.ends_at_ms)),
        "days_left": view.days_left,
    })
}

fn described(view: &CertificateView) -> String {
    format!(
        "subject      {}\nissuer       {}\nnames        {}\nSHA-256      {}\nvalid from   {}\nvalid until  {} ({} days left)\n",
        view.subject,
        view.issuer,
        view.names.join(", "),
        view.fingerprint,
        date(Some(view.begins_at_ms)),
        date(Some(view.ends_at_ms)),
        view.days_left
    )
}
