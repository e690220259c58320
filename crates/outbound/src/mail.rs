//! Mail, by SMTP (RFC 5321), to the one server that the deployment's settings name: plain text to one address at a time.
//!
//! Whoever chooses an address or a name cannot write a header with it: what has control characters is refused before
//! anything is sent. With `starttls`, a server that does not offer TLS gets neither the password nor the mail.

mod said;

use lettre::Address;
use lettre::message::header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use said::{failed, hidden, of_address, words};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// For connecting, and again for each answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// For everything until the mail's own text: the connection, the login, whom it is for.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// For the server to take the text: it may look into it before it answers (RFC 5321, section 4.5.3.2.6). Whoever gives up
/// earlier sends the mail twice.
const TAKING_LIMIT: Duration = Duration::from_mins(10);
/// For goodbye, which changes nothing any more.
const GOODBYE_LIMIT: Duration = Duration::from_secs(2);
/// Conversations with the server at a time: one that hangs must not keep those busy who have other things to do.
const CONVERSATIONS: usize = 2;
/// A server that was not reached is left alone for so long.
const REST_MS: i64 = 15_000;
/// The longest address (RFC 5321, section 4.5.3.1.3, without its brackets), and the longest part before the `@`.
const MAX_ADDRESS_BYTES: usize = 254;
const MAX_LOCAL_BYTES: usize = 64;
/// Certificates of authorities that a file may name.
const MAX_AUTHORITIES: usize = 100;

/// An address to which mail can go: plain ASCII, one `@`, no quotes, comments or control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailAddress(Address);

impl MailAddress {
    /// The address, as it was written.
    pub fn as_str(&self) -> &str {
        self.0.as_ref()
    }

    /// What stands behind the `@`.
    pub fn domain(&self) -> &str {
        self.0.domain()
    }
}

impl FromStr for MailAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_local =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte);
        let is_domain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        let parts = text.split_once('@').filter(|(local, domain)| {
            (1..=MAX_LOCAL_BYTES).contains(&local.len())
                && local.bytes().all(is_local)
                && domain.bytes().all(is_domain)
                && text.len() <= MAX_ADDRESS_BYTES
        });
        let address = parts.and_then(|(local, domain)| Address::new(local, domain).ok());
        address.map(Self).ok_or_else(|| {
            "it is no address for mail; write it as in \"ops@example.com\"".to_owned()
        })
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a connection to the server is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSecurity {
    /// Not at all.
    None,
    /// By STARTTLS (RFC 3207), before anything else is said; without it there is no mail.
    StartTls,
    /// By TLS from the first byte on (RFC 8314).
    Tls,
}

/// The server that takes the mail, and how it is spoken to.
#[derive(Clone)]
pub struct MailServer {
    /// Its host name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is secured.
    pub security: MailSecurity,
    /// A name and a password, if it wants any.
    pub login: Option<(String, String)>,
    /// The authorities to believe instead of the system's, in PEM; empty for the system's.
    pub ca_certificates: String,
    /// Whom the mail is from.
    pub from: MailAddress,
}

impl fmt::Debug for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailServer")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("security", &self.security)
            .field("has_login", &self.login.is_some())
            .finish_non_exhaustive()
    }
}

/// A mail.
#[derive(Clone, Copy, Debug)]
pub struct Mail<'a> {
    /// To whom.
    pub to: &'a MailAddress,
    /// What it is about, in one line.
    pub subject: &'a str,
    /// Its text.
    pub text: &'a str,
    /// What it is recognized by when it comes twice: letters, digits, dots and hyphens. The sender's domain is added.
    pub id: &'a str,
    /// When it was written, in milliseconds since 1970.
    pub at_ms: i64,
}

/// Why a mail was not taken. The texts are for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailFailed {
    /// It cannot be written down: a header would hold control characters, for instance.
    #[error("the mail cannot be written: {0}")]
    Text(String),
    /// The server takes nothing for this address, now or later; its own words.
    #[error("the mail server refused it for good: {0}")]
    Refused(String),
    /// The server takes nothing for this address at present; for others it may.
    #[error("the mail server takes nothing for it at present: {0}")]
    Later(String),
    /// The server was not reached, was not secure, did not let the registry in, or takes nothing at present.
    #[error("the mail server does not take it: {0}")]
    Failed(String),
    /// It took too long.
    #[error("the mail server did not answer in time")]
    TimedOut,
    /// Others speak with the server at the moment, or it was not reached a moment ago. Nothing was tried.
    #[error("the mail server is left alone for a moment")]
    Busy,
}

impl MailFailed {
    /// The same without an address in it, which the server's own words may hold.
    fn without(self, address: &str) -> Self {
        let hide = |text: String| hidden(&text, address);
        match self {
            Self::Text(text) => Self::Text(hide(text)),
            Self::Refused(text) => Self::Refused(hide(text)),
            Self::Later(text) => Self::Later(hide(text)),
            Self::Failed(text) => Self::Failed(hide(text)),
            failed @ (Self::TimedOut | Self::Busy) => failed,
        }
    }
}

/// The client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mailer {
    server: Arc<MailServer>,
    tls: Option<Tls>,
    turns: Arc<Semaphore>,
    /// Until when the server is left alone, because it was not reached; in milliseconds since 1970.
    rests_until_ms: Arc<AtomicI64>,
}

/// Not for people: [`TlsParameters`] has no `Debug`.
#[derive(Clone)]
struct Tls(TlsParameters);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Mailer {
    /// A client of this server.
    ///
    /// # Errors
    /// What is wrong with the certificates.
    pub fn new(server: MailServer) -> Result<Self, String> {
        let tls = match server.security {
            MailSecurity::None => None,
            MailSecurity::StartTls | MailSecurity::Tls => Some(Tls(parameters(&server)?)),
        };
        Ok(Self {
            server: Arc::new(server),
            tls,
            turns: Arc::new(Semaphore::new(CONVERSATIONS)),
            rests_until_ms: Arc::default(),
        })
    }

    /// The server's host and port, for people.
    pub fn place(&self) -> String {
        format!("{}:{}", self.server.host, self.server.port)
    }

    /// Says good day to the server, as before a mail, and goodbye.
    pub async fn check(&self) -> Result<(), MailFailed> {
        let connected = timeout(TIME_LIMIT, self.connect()).await;
        say_goodbye(connected.unwrap_or(Err(MailFailed::TimedOut))?);
        Ok(())
    }

    /// Sends a mail. When it is back, the server has it.
    ///
    /// # Errors
    /// [`MailFailed::Busy`] when two others are being sent, and for a quarter of a minute after the server was not reached:
    /// nothing was tried, and nobody waits.
    pub async fn send(&self, mail: Mail<'_>) -> Result<(), MailFailed> {
        let message = self.written(mail)?;
        let turn = self.turns.try_acquire();
        let Some(_turn) = turn
            .ok()
            .filter(|_| mail.at_ms >= self.rests_until_ms.load(Ordering::Relaxed))
        else {
            return Err(MailFailed::Busy);
        };
        let sent = self.converse(mail, &message).await;
        sent.map_err(|error| error.without(mail.to.as_str()))
    }

    async fn converse(&self, mail: Mail<'_>, message: &[u8]) -> Result<(), MailFailed> {
        let connected = timeout(TIME_LIMIT, self.connect()).await;
        let connected = connected.unwrap_or(Err(MailFailed::TimedOut));
        let until_ms = connected.as_ref().map_or(mail.at_ms + REST_MS, |_| 0);
        self.rests_until_ms.store(until_ms, Ordering::Relaxed);
        let mut connection = connected?;
        let announced = timeout(TIME_LIMIT, self.announce(&mut connection, mail.to)).await;
        let mut said = announced.unwrap_or(Err(MailFailed::TimedOut));
        if said.is_ok() {
            let taken = timeout(TAKING_LIMIT, connection.message(message)).await;
            said = match taken {
                Ok(taken) => taken.map(drop).map_err(|error| failed(&error)),
                Err(_) => Err(MailFailed::TimedOut),
            };
        }
        say_goodbye(connection);
        said
    }

    /// Everything that is said before the mail's own text. What the server says to that text is about the mail, not the address.
    async fn announce(
        &self,
        connection: &mut AsyncSmtpConnection,
        to: &MailAddress,
    ) -> Result<(), MailFailed> {
        let from = MailFrom::new(Some(self.server.from.0.clone()), Vec::new());
        let answered = connection.command(from).await;
        answered.map_err(|error| failed(&error))?;
        let rcpt = Rcpt::new(to.0.clone(), Vec::new());
        let answered = connection.command(rcpt).await;
        answered.map_err(|error| of_address(&error))?;
        let answered = connection.command(Data).await;
        answered.map_err(|error| failed(&error))?;
        Ok(())
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, MailFailed> {
        let server = &self.server;
        let hello = ClientId::Domain(server.from.domain().to_owned());
        let tls = self.tls.as_ref().map(|Tls(parameters)| parameters.clone());
        let wrapper = tls.clone().filter(|_| server.security == MailSecurity::Tls);
        let place = (server.host.as_str(), server.port);
        let connecting =
            AsyncSmtpConnection::connect_tokio1(place, Some(ANSWER_LIMIT), &hello, wrapper, None);
        let mut connection = connecting.await.map_err(|error| failed(&error))?;
        if let Some(parameters) = tls.filter(|_| server.security == MailSecurity::StartTls) {
            if !connection.can_starttls() {
                return Err(MailFailed::Failed("it does not offer STARTTLS".to_owned()));
            }
            let secured = connection.starttls(parameters, &hello).await;
            secured.map_err(|error| failed(&error))?;
        }
        if let Some((name, password)) = &server.login {
            let credentials = Credentials::new(name.clone(), password.clone());
            let let_in = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials);
            let_in.await.map_err(|error| {
                MailFailed::Failed(format!(
                    "it does not let the registry in: {}",
                    words(&error)
                ))
            })?;
        }
        Ok(connection)
    }

    fn written(&self, mail: Mail<'_>) -> Result<Vec<u8>, MailFailed> {
        let wrong = |why: &str| MailFailed::Text(why.to_owned());
        if mail.subject.chars().any(char::is_control) {
            return Err(wrong("its subject has control characters"));
        }
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        if mail.id.is_empty() || !mail.id.bytes().all(is_plain) {
            return Err(wrong("what it is recognized by is no word"));
        }
        let at = Duration::from_millis(u64::try_from(mail.at_ms).unwrap_or(0));
        // RFC 3834: nothing answers this by itself.
        let automatic = HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        );
        let message = Message::builder()
            .from(Mailbox::new(None, self.server.from.0.clone()))
            .to(Mailbox::new(None, mail.to.0.clone()))
            .subject(mail.subject)
            .date(SystemTime::UNIX_EPOCH + at)
            .message_id(Some(format!("<{}@{}>", mail.id, self.server.from.domain())))
            .raw_header(automatic)
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text.to_owned());
        let message = message.map_err(|error| MailFailed::Text(error.to_string()))?;
        Ok(message.formatted())
    }
}

/// How TLS is spoken with a server.
fn parameters(server: &MailServer) -> Result<TlsParameters, String> {
    let wrong = "its certificates are not those of authorities in PEM";
    let mut builder = TlsParameters::builder(server.host.clone());
    if !server.ca_certificates.is_empty() {
        builder = builder.certificate_store(CertificateStore::None);
        let pem = server.ca_certificates.as_bytes();
        let mut count = 0;
        for certificate in CertificateDer::pem_slice_iter(pem).take(MAX_AUTHORITIES) {
            let certificate = certificate.map_err(|_| wrong)?;
            let certificate = Certificate::from_der(certificate.to_vec()).map_err(|_| wrong)?;
            builder = builder.add_root_certificate(certificate);
            count += 1;
        }
        if count == 0 {
            return Err(wrong.to_owned());
        }
    }
    builder.build_rustls().map_err(|_| wrong.to_owned())
}

/// Ends a conversation. The server has taken the mail or has not: nobody waits for what it says now.
fn say_goodbye(mut connection: AsyncSmtpConnection) {
    tokio::spawn(async move {
        let _ = timeout(GOODBYE_LIMIT, connection.quit()).await;
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(security: MailSecurity) -> MailServer {
        MailServer {
            host: "127.0.0.1".to_owned(),
            port: 25,
            security,
            login: Some(("registry".to_owned(), "very secret".to_owned())),
            ca_certificates: String::new(),
            from: "registry@example.com".parse().expect("an address"),
        }
    }

    #[test]
    fn an_address_is_plain() {
        for fine in ["ops@example.com", "a.b+c@mail.example.com", "x@localhost"] {
            let address: MailAddress = fine.parse().expect(fine);
            assert_eq!(address.as_str(), fine);
        }
        for wrong in [
            "",
            "@",
            "a@",
            "@example.com",
            "a@b@example.com",
            "a b@example.com",
            "a@example.com\r\nBcc: b@example.com",
            "a\n@example.com",
            "a@exa\0mple.com",
            "\"a\"@example.com",
            "Name <a@example.com>",
            "a@example.com,b@example.com",
            "a@[127.0.0.1]",
            "ä@example.com",
            "a@exämple.com",
            ".a@example.com",
            "a@-example.com",
            "a@example..com",
            &format!("{}@example.com", "a".repeat(65)),
            &format!("a@{}com", "a.".repeat(130)),
        ] {
            assert!(wrong.parse::<MailAddress>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_mail_says_what_it_is_and_nobody_adds_a_header() {
        let mailer = Mailer::new(server(MailSecurity::None)).expect("a client");
        let to = "ops@example.com".parse().expect("an address");
        let mail = Mail {
            to: &to,
            subject: "A job failed",
            text: "First line.\nSecond line, ä.\n.\n",
            id: "notice-7",
            at_ms: 1_700_000_000_000,
        };
        let text = String::from_utf8(mailer.written(mail).expect("a mail")).expect("text");
        let (headers, _) = text.split_once("\r\n\r\n").expect("headers");
        let mut headers: Vec<&str> = headers.lines().collect();
        headers.sort_unstable();
        assert_eq!(
            headers,
            [
                "Auto-Submitted: auto-generated",
                "Content-Transfer-Encoding: quoted-printable",
                "Content-Type: text/plain; charset=utf-8",
                "Date: Tue, 14 Nov 2023 22:13:20 +0000",
                "From: registry@example.com",
                "MIME-Version: 1.0",
                "Message-ID: <notice-7@example.com>",
                "Subject: A job failed",
                "To: ops@example.com",
            ]
        );
        for subject in ["a\r\nBcc: b@example.com", "a\nb", "a\rb", "a\0b"] {
            let failed = mailer.written(Mail { subject, ..mail });
            assert!(matches!(failed, Err(MailFailed::Text(_))), "{subject:?}");
        }
        for id in ["", "a>\r\nBcc: b", "a b", "a@b"] {
            let failed = mailer.written(Mail { id, ..mail });
            assert!(matches!(failed, Err(MailFailed::Text(_))), "{id:?}");
        }
    }

    #[test]
    fn what_the_server_says_is_told_without_the_address() {
        let words = "550 <Ops@example.com> ä ops@EXAMPLE.com?".to_owned();
        let told = MailFailed::Refused(words).without("ops@example.com");
        assert_eq!(told, MailFailed::Refused("550 <…> ä …?".to_owned()));
    }

    #[test]
    fn the_password_is_nowhere_to_be_read() {
        let mailer = Mailer::new(server(MailSecurity::StartTls)).expect("a client");
        let shown = format!("{mailer:?}");
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[test]
    fn certificates_that_are_none_are_refused() {
        for ca_certificates in [
            "nonsense",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            let server = MailServer {
                ca_certificates: ca_certificates.to_owned(),
                ..server(MailSecurity::Tls)
            };
            assert!(Mailer::new(server).is_err(), "{ca_certificates}");
        }
    }
}
