//! What people say of a webhook, and what of it can be kept.

use crate::{Error, Result};
use keys::{DeploymentKey, Purpose, SecretString};
use metadata::WebhookRow;
use model::glob::Glob;
use outbound::{HttpClient, HttpFailed};

/// What webhooks can be told of, in Harbor's words.
pub const WEBHOOK_EVENT_TYPES: [&str; 6] = [
    "PUSH_ARTIFACT",
    "PULL_ARTIFACT",
    "DELETE_ARTIFACT",
    "QUOTA_EXCEED",
    "QUOTA_WARNING",
    "TAG_RETENTION",
];

/// The longest name and description, in characters and bytes.
const MAX_NAME: usize = 128;
const MAX_DESCRIPTION: usize = 1024;
/// The longest secret, and value of `Authorization`, in bytes.
const MAX_SECRET: usize = 1024;
/// What stands for what is not shown.
const HIDDEN: &str = "***";

/// What receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookKind {
    /// Any receiver.
    Http,
    /// Slack, or what understands its messages.
    Slack,
}

impl WebhookKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Slack => "slack",
        }
    }
}

/// Everything of a webhook that people decide. What is `None` stays as it is; a new webhook has none of it then.
#[derive(Clone, Debug)]
pub struct WebhookSpec {
    /// Its name, 1 to 128 characters.
    pub name: String,
    /// What people say of it.
    pub description: String,
    /// What receives.
    pub kind: WebhookKind,
    /// Whether a CloudEvent is sent and not Harbor's own form.
    pub is_cloud_event: bool,
    /// Where it is sent; what is shown of it stands for what is kept.
    pub url: Option<String>,
    /// What is sent as `Authorization`; empty for nothing.
    pub auth_header: Option<SecretString>,
    /// What signs; empty for nothing.
    pub secret: Option<SecretString>,
    /// Whether the receiver's certificate is verified.
    pub verifies_certificate: bool,
    /// What it is told of.
    pub event_types: Vec<String>,
    /// The pattern of repositories, without the namespace; empty for all.
    pub repositories: Option<String>,
    /// The pattern of tags; empty for all.
    pub tags: Option<String>,
    /// Whether it is told of anything at present.
    pub is_enabled: bool,
}

impl WebhookSpec {
    fn format(&self) -> &'static str {
        match (self.kind, self.is_cloud_event) {
            (WebhookKind::Slack, _) => "slack",
            (WebhookKind::Http, true) => "cloudevents",
            (WebhookKind::Http, false) => "default",
        }
    }

    fn require_valid(&self) -> Result<()> {
        let why = if self.name.trim().is_empty() || self.name.chars().count() > MAX_NAME {
            format!("the name of a webhook has 1 to {MAX_NAME} characters")
        } else if self.name.chars().any(char::is_control) {
            "the name of a webhook has no control characters".to_owned()
        } else if self.description.len() > MAX_DESCRIPTION {
            format!("the description of a webhook has at most {MAX_DESCRIPTION} bytes")
        } else if self.kind == WebhookKind::Slack && self.is_cloud_event {
            "a webhook of type slack has no payload format".to_owned()
        } else if self.event_types.is_empty() {
            "a webhook is told of at least one type of event".to_owned()
        } else if let Some(unknown) = self.unknown_type() {
            format!(
                "there is no event type {unknown:?}; there are {}",
                WEBHOOK_EVENT_TYPES.join(", ")
            )
        } else {
            for pattern in [&self.repositories, &self.tags].into_iter().flatten() {
                glob(pattern)?;
            }
            return Ok(());
        };
        Err(Error::Invalid(why))
    }

    fn unknown_type(&self) -> Option<&String> {
        let mut types = self.event_types.iter();
        types.find(|wanted| !WEBHOOK_EVENT_TYPES.contains(&wanted.as_str()))
    }
}

/// A pattern; `None` for one that everything is like.
pub(super) fn glob(pattern: &str) -> Result<Option<Glob>> {
    if pattern.is_empty() {
        return Ok(None);
    }
    let parsed = Glob::parse(pattern);
    let parsed = parsed.map_err(|error| Error::Invalid(error.to_string()))?;
    Ok(Some(parsed))
}

fn require_secret(secret: &SecretString) -> Result<()> {
    let is_fine = secret.len() <= MAX_SECRET
        && secret
            .expose()
            .bytes()
            .all(|byte| (b' '..=b'~').contains(&byte));
    is_fine.then_some(()).ok_or_else(|| {
        Error::Invalid(format!(
            "a secret has at most {MAX_SECRET} bytes, all of them ASCII without control characters"
        ))
    })
}

/// A webhook as it is to be stored, made of what was asked for and what there was.
pub(super) fn stored(
    (key, client): (&DeploymentKey, &HttpClient),
    old: &WebhookRow,
    spec: WebhookSpec,
) -> Result<WebhookRow> {
    spec.require_valid()?;
    let mut row = WebhookRow {
        kind: spec.kind.as_str().to_owned(),
        format: spec.format().to_owned(),
        verifies_certificate: spec.verifies_certificate,
        repositories: spec
            .repositories
            .clone()
            .unwrap_or_else(|| old.repositories.clone()),
        tags: spec.tags.clone().unwrap_or_else(|| old.tags.clone()),
        is_enabled: spec.is_enabled,
        event_types: WEBHOOK_EVENT_TYPES
            .iter()
            .filter(|known| spec.event_types.iter().any(|wanted| wanted == *known))
            .map(|known| (*known).to_owned())
            .collect(),
        ..old.clone()
    };
    let is_new = old.sealed_url.is_empty();
    put_url(&mut row, (key, client), &spec)?;
    let seal = |what: &str, secret: &SecretString| {
        let context = format!("{}/{what}", row.id);
        key.seal(
            Purpose::WEBHOOK_SECRET,
            &context,
            secret.expose().as_bytes(),
        )
    };
    let settle = |kept: &Option<String>, what: &str, given: &Option<SecretString>| match given {
        None => Ok::<_, Error>(kept.clone()),
        Some(secret) if secret.is_empty() => Ok(None),
        Some(secret) if secret.expose() == HIDDEN => Ok(kept.clone()),
        Some(secret) => {
            require_secret(secret)?;
            Ok(Some(seal(what, secret)))
        }
    };
    let auth = settle(&old.sealed_auth, "auth", &spec.auth_header)?;
    let secret = settle(&old.sealed_secret, "secret", &spec.secret)?;
    // Whoever may change a webhook may not see its secrets, and so must not be able to have them sent elsewhere.
    let hides_some = row.shown_url.ends_with(HIDDEN) && row.sealed_url == old.sealed_url;
    let is_kept = hides_some
        || (auth.is_some() && auth == old.sealed_auth)
        || (secret.is_some() && secret == old.sealed_secret);
    let is_elsewhere =
        row.origin != old.origin || (old.verifies_certificate && !row.verifies_certificate);
    if !is_new && is_kept && is_elsewhere {
        return Err(Error::Invalid(
            "another host, or one whose certificate is not verified any more, gets no secret that was given for the one \
             before: give auth_header and secret anew, or empty ones to have none, and the whole URL"
                .to_owned(),
        ));
    }
    row.sealed_auth = auth;
    row.sealed_secret = secret;
    row.name = spec.name;
    row.description = spec.description;
    Ok(row)
}

/// Takes the URL over, unless what was given is what is shown of the old one.
fn put_url(
    row: &mut WebhookRow,
    (key, client): (&DeploymentKey, &HttpClient),
    spec: &WebhookSpec,
) -> Result<()> {
    let is_new = row.sealed_url.is_empty();
    let url = match spec.url.as_deref().map(str::trim) {
        None if is_new => return Err(Error::Invalid("a webhook needs a URL".to_owned())),
        None => return Ok(()),
        Some(shown) if !is_new && shown == row.shown_url => return Ok(()),
        Some(url) => url,
    };
    let receiver = client.check_receiver(url).map_err(|error| {
        Error::Invalid(match error {
            HttpFailed::Url(why) => format!("the URL of a webhook cannot be used: {why}"),
            _ => "the deployment does not allow requests to go to this URL".to_owned(),
        })
    })?;
    row.sealed_url = key.seal(
        Purpose::WEBHOOK_SECRET,
        &format!("{}/url", row.id),
        url.as_bytes(),
    );
    row.shown_url = match spec.kind {
        WebhookKind::Slack => format!("{}/{HIDDEN}", receiver.origin),
        WebhookKind::Http if receiver.has_query => {
            format!("{}?{HIDDEN}", receiver.without_query)
        }
        WebhookKind::Http => url.to_owned(),
    };
    row.origin = receiver.origin;
    Ok(())
}

/// What was sealed for a webhook.
pub(super) fn unsealed(
    key: &DeploymentKey,
    webhook: &str,
    what: &str,
    sealed: Option<&str>,
) -> Result<Option<SecretString>> {
    let Some(sealed) = sealed else {
        return Ok(None);
    };
    let opened = key.unseal(
        Purpose::WEBHOOK_SECRET,
        &format!("{webhook}/{what}"),
        sealed,
    );
    let opened = opened.map_err(|error| {
        tracing::error!(%error, webhook, "what a webhook is sent with cannot be read");
        Error::Internal
    })?;
    opened.into_text().map(Some).ok_or(Error::Internal)
}

/// Which settings differ, by name.
pub(super) fn changed(old: &WebhookRow, new: &WebhookRow) -> Vec<String> {
    let pairs = [
        ("name", old.name != new.name),
        ("description", old.description != new.description),
        ("type", old.kind != new.kind),
        ("payload_format", old.format != new.format),
        ("url", old.sealed_url != new.sealed_url),
        ("auth_header", old.sealed_auth != new.sealed_auth),
        ("secret", old.sealed_secret != new.sealed_secret),
        (
            "skip_cert_verify",
            old.verifies_certificate != new.verifies_certificate,
        ),
        ("event_types", old.event_types != new.event_types),
        ("repositories", old.repositories != new.repositories),
        ("tags", old.tags != new.tags),
        ("enabled", old.is_enabled != new.is_enabled),
    ];
    let changed = pairs.into_iter().filter(|(_, differs)| *differs);
    changed.map(|(name, _)| name.to_owned()).collect()
}
