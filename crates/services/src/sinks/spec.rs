//! What a sink is to be, and whether it can be that.

use super::Sinks;
use crate::{Error, Result};
use keys::deployment_key::Purpose;
use keys::{DeploymentKey, SecretString};
use metadata::SinkRow;
use outbound::{HttpFailed, SyslogPlace};
use serde::{Deserialize, Serialize};

const MAX_NAME: usize = 128;
const MAX_SECRET: usize = 1024;
/// The longest text of one setting; of certificates more.
const MAX_TEXT: usize = 256;
const MAX_CERTIFICATES: usize = 64 * 1024;

/// What receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkKind {
    /// Syslog, RFC 5424, over TCP or TLS.
    Syslog,
    /// Any receiver over HTTPS.
    Https,
    /// A bucket.
    S3,
    /// A collector of OpenTelemetry's logs.
    Otlp,
}

impl SinkKind {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Syslog => "syslog",
            Self::Https => "https",
            Self::S3 => "s3",
            Self::Otlp => "otlp",
        }
    }

    /// Reads the word in the database.
    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Syslog, Self::Https, Self::S3, Self::Otlp];
        all.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What kinds have beside their place; what is empty is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SinkSettings {
    /// Of `https`: whether CADF is sent, and not CloudEvents.
    pub is_cadf: bool,
    /// Of `s3`: the bucket's region.
    pub region: String,
    /// Of `s3`: the name of the access key.
    pub access_key_id: String,
    /// Of `syslog`: the authorities to believe, in PEM; empty for the system's.
    pub ca_certificates: String,
    /// Of `otlp`: whether the account's metrics are pushed, too.
    pub pushes_metrics: bool,
}

/// What a sink is to be.
#[derive(Clone, Debug)]
pub struct SinkSpec {
    /// Its name, unique in the account.
    pub name: String,
    /// What receives.
    pub kind: SinkKind,
    /// Where it is sent; `None` for where it was sent before.
    pub url: Option<SecretString>,
    /// What lets the registry in; empty for nothing, `None` for what it was before.
    pub secret: Option<SecretString>,
    /// What else its kind has.
    pub settings: SinkSettings,
    /// Whether the receiver's certificate is verified.
    pub verifies_certificate: bool,
    /// Whether anything is sent at present.
    pub is_enabled: bool,
}

impl SinkSpec {
    fn require_valid(&self) -> Result<()> {
        let of = |kind: SinkKind, text: &str| text.is_empty() || self.kind == kind;
        let settings = &self.settings;
        let is_plain = |text: &str| {
            text.len() <= MAX_TEXT && text.bytes().all(|byte| (b'!'..=b'~').contains(&byte))
        };
        let why = if self.name.trim().is_empty() || self.name.chars().count() > MAX_NAME {
            "the name of a sink has 1 to 128 characters"
        } else if self.name.chars().any(char::is_control) {
            "the name of a sink has no control characters"
        } else if settings.is_cadf && self.kind != SinkKind::Https {
            "only a sink of type https has a format"
        } else if settings.pushes_metrics && self.kind != SinkKind::Otlp {
            "only a sink of type otlp is sent metrics"
        } else if !of(SinkKind::S3, &settings.region) || !of(SinkKind::S3, &settings.access_key_id)
        {
            "only a sink of type s3 has a region and an access key"
        } else if !is_plain(&settings.region) || !is_plain(&settings.access_key_id) {
            "a region and an access key have at most 256 characters of ASCII, without blanks"
        } else if self.kind == SinkKind::S3 && settings.access_key_id.is_empty() {
            "a sink of type s3 has an access_key_id"
        } else if !of(SinkKind::Syslog, &settings.ca_certificates) {
            "only a sink of type syslog has authorities of its own"
        } else if settings.ca_certificates.len() > MAX_CERTIFICATES {
            "the authorities have at most 65536 bytes"
        } else if !self.secret.as_ref().is_none_or(is_secret) {
            "a secret has at most 1024 bytes, all of them ASCII without control characters"
        } else if self.kind == SinkKind::Syslog
            && self
                .secret
                .as_ref()
                .is_some_and(|secret| !secret.is_empty())
        {
            "a sink of type syslog has no secret"
        } else {
            return Ok(());
        };
        Err(Error::Invalid(why.to_owned()))
    }
}

fn is_secret(secret: &SecretString) -> bool {
    let mut bytes = secret.expose().bytes();
    secret.len() <= MAX_SECRET && bytes.all(|byte| (b' '..=b'~').contains(&byte))
}

/// What a sink's kind has.
pub(super) fn settings(row: &SinkRow) -> Result<SinkSettings> {
    serde_json::from_str(&row.settings).map_err(|error| {
        tracing::error!(%error, sink = row.id, "a sink's settings cannot be read");
        Error::Internal
    })
}

/// What was sealed for a sink.
pub(super) fn unsealed(
    key: &DeploymentKey,
    (sink, what): (&str, &str),
    sealed: &str,
) -> Result<SecretString> {
    let opened = key.unseal(Purpose::SINK_SECRET, &format!("{sink}/{what}"), sealed);
    let opened = opened.map_err(|error| {
        tracing::error!(%error, sink, "what a sink is sent with cannot be read");
        Error::Internal
    })?;
    opened.into_text().ok_or(Error::Internal)
}

impl Sinks {
    /// A sink as it is to be stored, made of what was asked for and what there was.
    pub(super) fn stored(&self, old: &SinkRow, spec: SinkSpec) -> Result<SinkRow> {
        spec.require_valid()?;
        let is_new = old.sealed_url.is_empty();
        if !is_new && spec.kind.as_str() != old.kind {
            let text = "the type of a sink does not change: make another";
            return Err(Error::Invalid(text.to_owned()));
        }
        let (sealed_url, origin) = self.stored_url(old, &spec)?;
        let sealed_secret = match &spec.secret {
            None => old.sealed_secret.clone(),
            Some(secret) if secret.is_empty() => None,
            Some(secret) => Some(self.sealed(old, "secret", secret)),
        };
        if spec.kind == SinkKind::S3 && sealed_secret.is_none() {
            let text = "a sink of type s3 has the access key's secret";
            return Err(Error::Invalid(text.to_owned()));
        }
        // Whoever may change a sink may not see its secret, and so must not be able to have it sent elsewhere.
        let is_kept = sealed_secret.is_some() && spec.secret.is_none();
        let is_elsewhere =
            origin != old.origin || (old.verifies_certificate && !spec.verifies_certificate);
        if !is_new && is_kept && is_elsewhere {
            return Err(Error::Invalid(
                "another host, or one whose certificate is not verified any more, gets no secret that was given for the \
                 one before: give the secret anew, or an empty one to have none"
                    .to_owned(),
            ));
        }
        if spec.settings.pushes_metrics {
            let url = unsealed(&self.key, (&old.id, "url"), &sealed_url)?;
            if metrics_url(url.expose()).is_none() {
                let text = "a sink that is sent metrics has a URL that ends in /v1/logs; metrics go to /v1/metrics";
                return Err(Error::Invalid(text.to_owned()));
            }
        }
        let text = if !is_new && settings(old)? == spec.settings {
            old.settings.clone()
        } else {
            serde_json::to_string(&spec.settings).map_err(|_| Error::Internal)?
        };
        let is_pushed = spec.is_enabled && spec.settings.pushes_metrics;
        Ok(SinkRow {
            name: spec.name,
            kind: spec.kind.as_str().to_owned(),
            sealed_url,
            origin,
            sealed_secret,
            settings: text,
            verifies_certificate: spec.verifies_certificate,
            is_enabled: spec.is_enabled,
            metrics_due_ms: is_pushed.then(|| self.core.now_ms()),
            ..old.clone()
        })
    }

    /// The sealed URL, which stays when it says the same, and scheme, host and port of it.
    fn stored_url(&self, old: &SinkRow, spec: &SinkSpec) -> Result<(String, String)> {
        let is_new = old.sealed_url.is_empty();
        let Some(url) = &spec.url else {
            if is_new {
                return Err(Error::Invalid("a sink needs a URL".to_owned()));
            }
            return Ok((old.sealed_url.clone(), old.origin.clone()));
        };
        let place = self.place(url.expose().trim(), spec)?;
        if !is_new && unsealed(&self.key, (&old.id, "url"), &old.sealed_url)? == place.url {
            return Ok((old.sealed_url.clone(), place.origin));
        }
        Ok((self.sealed(old, "url", &place.url), place.origin))
    }

    fn sealed(&self, sink: &SinkRow, what: &str, text: &SecretString) -> String {
        let context = format!("{}/{what}", sink.id);
        let text = text.expose().as_bytes();
        self.key.seal(Purpose::SINK_SECRET, &context, text)
    }

    /// The place of a URL to which something of this kind can be sent.
    fn place(&self, url: &str, spec: &SinkSpec) -> Result<SinkPlace> {
        let kept = || SecretString::new(url.to_owned());
        let checked = if spec.kind == SinkKind::Syslog {
            let checked = self.syslog.check(&SyslogPlace {
                url: url.to_owned(),
                verifies_certificate: spec.verifies_certificate,
                ca_certificates: spec.settings.ca_certificates.clone(),
            });
            checked.map(|origin| SinkPlace {
                origin,
                url: kept(),
            })
        } else {
            self.client.check_receiver(url).and_then(|receiver| {
                let mut url = kept();
                if spec.kind == SinkKind::S3 {
                    require_bucket(&receiver)?;
                    // As it is sent: the path is a part of what is signed.
                    url = SecretString::new(receiver.without_query);
                }
                let origin = receiver.origin;
                Ok(SinkPlace { origin, url })
            })
        };
        checked.map_err(|error| {
            Error::Invalid(match error {
                HttpFailed::Url(why) => format!("the URL of a sink cannot be used: {why}"),
                _ => "the deployment does not allow connections to this host".to_owned(),
            })
        })
    }
}

/// Where a sink's receiver is.
struct SinkPlace {
    /// Scheme, host and port.
    origin: String,
    /// All of it.
    url: SecretString,
}

/// Where a collector takes metrics that takes logs at a URL: both paths are OTLP's.
pub(super) fn metrics_url(of_logs: &str) -> Option<String> {
    let collector = of_logs.strip_suffix("/v1/logs")?;
    Some(format!("{collector}/v1/metrics"))
}

/// A bucket's URL is its store's, with the bucket and perhaps a prefix behind it, of characters that need no escapes.
fn require_bucket(receiver: &outbound::Receiver) -> Result<(), HttpFailed> {
    let path = receiver.without_query.strip_prefix(&receiver.origin);
    let path = path.unwrap_or_default().trim_matches('/');
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    let is_plain = path.bytes().all(is_fine) && path.split('/').all(|part| !part.is_empty());
    if receiver.has_query || !is_plain || path.len() > MAX_TEXT {
        return Err(HttpFailed::Url(
            "it is https://STORE/BUCKET or https://STORE/BUCKET/PREFIX, of letters, digits, dots, underscores and hyphens",
        ));
    }
    Ok(())
}

/// Which settings differ, by name.
pub(super) fn changed(old: &SinkRow, new: &SinkRow) -> Vec<String> {
    let pairs = [
        ("name", old.name != new.name),
        ("url", old.sealed_url != new.sealed_url),
        ("secret", old.sealed_secret != new.sealed_secret),
        ("settings", old.settings != new.settings),
        (
            "skip_cert_verify",
            old.verifies_certificate != new.verifies_certificate,
        ),
        ("enabled", old.is_enabled != new.is_enabled),
    ];
    let changed = pairs.into_iter().filter(|(_, differs)| *differs);
    changed.map(|(name, _)| name.to_owned()).collect()
}
