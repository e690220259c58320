//! `[mail]`: the server by which mail goes out.

use super::reader::Section;
use super::secret::Secret;
use super::typed::readable_file;
use outbound::{MailAddress, MailSecurity, MailServer, Mailer};
use services::MailSettings;
use std::net::IpAddr;

/// `[mail]`
#[derive(Clone, Debug)]
pub(crate) struct MailConfig {
    /// `None`: no mail is sent.
    host: Option<String>,
    port: u16,
    security: MailSecurity,
    user_name: String,
    password: Option<Secret>,
    /// PEM; empty for the system's.
    ca_certificates: String,
    /// There with a host.
    from: Option<MailAddress>,
    per_hour: u32,
}

impl MailConfig {
    /// How mail goes out of a registry that people reach by that URL; `None` when none does.
    ///
    /// # Errors
    /// What is wrong with the certificates.
    pub(crate) fn settings(
        &self,
        registry_url: Option<&str>,
    ) -> Result<Option<MailSettings>, String> {
        let (Some(host), Some(from)) = (&self.host, &self.from) else {
            return Ok(None);
        };
        let password = self.password.as_ref();
        let mailer = Mailer::new(MailServer {
            host: host.clone(),
            port: self.port,
            security: self.security,
            login: password.map(|password| (self.user_name.clone(), password.expose().to_owned())),
            ca_certificates: self.ca_certificates.clone(),
            from: from.clone(),
        })?;
        Ok(Some(MailSettings {
            mailer,
            per_hour: self.per_hour,
            registry_url: registry_url.map(str::to_owned),
        }))
    }
}

pub(super) fn read(mail: &mut Section<'_, '_>, has_url: bool) -> MailConfig {
    let config = MailConfig {
        host: mail.optional("host", parse_host),
        port: mail.count("port", 1..=65_535),
        security: mail.choice(
            "security",
            &[
                ("starttls", MailSecurity::StartTls),
                ("tls", MailSecurity::Tls),
                ("none", MailSecurity::None),
            ],
        ),
        user_name: mail.text("user_name").to_owned(),
        password: mail.optional("password_file", read_file).map(Secret::new),
        ca_certificates: mail
            .optional("ca_certificates", read_file)
            .unwrap_or_default(),
        from: mail.optional("from", str::parse),
        per_hour: mail.count("account_mails_per_hour", 1..=10_000),
    };
    let allows_no_tls = mail.flag("allow_no_tls");
    if config.user_name.chars().any(char::is_control) {
        mail.refuse("user_name", "must not have control characters");
    }
    let pair = [
        ("user_name", "password_file"),
        ("password_file", "user_name"),
    ];
    for (one, other) in pair {
        if !mail.text(one).is_empty() && mail.text(other).is_empty() {
            mail.refuse(one, format!("needs {other} beside it"));
        }
    }
    let Some(host) = &config.host else {
        return config;
    };
    if mail.text("from").is_empty() {
        mail.refuse(
            "host",
            "needs from beside it: the address that mail is from",
        );
    }
    if !has_url {
        mail.refuse(
            "host",
            "needs [registry] external_url beside it: mails say to their readers where to agree and where to end them",
        );
    }
    if config.security == MailSecurity::None && !allows_no_tls && !is_loopback(host) {
        mail.refuse(
            "security",
            "mail and passwords would cross the network readable: write \"starttls\" or \"tls\", or allow_no_tls = true",
        );
    }
    if let Err(error) = config.settings(None) {
        mail.refuse("ca_certificates", error);
    }
    config
}

/// A file's text, without the end of its last line.
fn read_file(file: &str) -> Result<String, String> {
    readable_file(file)?;
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| format!("cannot read {file}: {error}"))?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

fn parse_host(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let is_name = text.len() <= 253 && text.bytes().all(is_plain);
    if is_name || text.parse::<IpAddr>().is_ok() {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{text:?} is no host name or address; write it as in \"smtp.example.com\", and the port in port"
        ))
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.to_canonical().is_loopback())
}
