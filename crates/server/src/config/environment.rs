//! Environment variables over file and defaults. The only code that reads the environment.

use std::ffi::OsString;
use std::path::PathBuf;

use toml::Value;

use super::origin::{Origin, Problem};
use super::schema::{self, Key, LISTENERS, MAX_LISTENERS};
use super::secret::Secret;
use super::settings::Settings;
use super::spelling::nearest;

const PREFIX: &str = "ROADSTEAD_";
const CONFIG_FILE: &str = "ROADSTEAD_CONFIG";
const ADMIN_PASSWORD: &str = "ROADSTEAD_ADMIN_PASSWORD";

/// What platforms tell their workloads about getting credentials for S3. None of them is a secret itself.
const IDENTITY: [&str; 7] = [
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
];

/// What the environment says, not yet checked.
#[derive(Default)]
pub(super) struct Environment {
    /// Variables that set something, by name.
    variables: Vec<(String, OsString)>,
    /// `ROADSTEAD_CONFIG`.
    pub(super) config_file: Option<PathBuf>,
    admin_password: Option<OsString>,
    /// `NO_COLOR` is there and not empty (no-color.org).
    pub(super) refuses_colours: bool,
    /// Those of [`IDENTITY`], their names in small letters.
    pub(super) identity: Vec<(String, String)>,
}

impl Environment {
    /// The environment of this process.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
    pub(super) fn of_this_process() -> Self {
        Self::new(std::env::vars_os())
    }

    /// An environment made of `variables`. Those that are none of ours are ignored.
    pub(super) fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut environment = Self::default();
        for (name, value) in variables {
            let Some(name) = name.to_str() else { continue };
            match name {
                CONFIG_FILE => environment.config_file = Some(value.into()),
                ADMIN_PASSWORD => environment.admin_password = Some(value),
                "NO_COLOR" => environment.refuses_colours = !value.is_empty(),
                _ if IDENTITY.contains(&name) => {
                    // What is no text is no address either.
                    let value = value.into_string().ok();
                    let named = value.map(|value| (name.to_ascii_lowercase(), value));
                    environment.identity.extend(named);
                }
                _ if name.starts_with(PREFIX) && !is_service_link(name) => {
                    environment.variables.push((name.to_owned(), value));
                }
                _ => {}
            }
        }
        environment.variables.sort();
        environment.identity.sort();
        environment
    }

    /// Only what the platform says, without any setting.
    pub(super) fn without_settings(self) -> Self {
        Self {
            variables: Vec::new(),
            config_file: None,
            admin_password: None,
            ..self
        }
    }

    /// What names the configuration file, for error messages.
    pub(super) fn config_file_origin() -> Origin {
        Origin::Variable(CONFIG_FILE.to_owned())
    }

    /// The password for the first user, if one is given.
    pub(super) fn admin_password(&self) -> Result<Option<Secret>, Problem> {
        let origin = Origin::Variable(ADMIN_PASSWORD.to_owned());
        match self.admin_password.as_deref().map(|value| value.to_str()) {
            None => Ok(None),
            Some(Some(password)) if !password.is_empty() => Ok(Some(Secret::new(password))),
            Some(Some(_)) => Err(Problem::with_key(
                &origin,
                "",
                "is empty; give a password, or unset it to have one generated",
            )),
            Some(None) => Err(Problem::with_key(&origin, "", "is not valid UTF-8")),
        }
    }

    /// Lays the variables over `settings`.
    pub(super) fn overlay(&self, settings: &mut Settings) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut known = Vec::new();
        for (name, value) in &self.variables {
            let origin = Origin::Variable(name.clone());
            match (find(name), value.to_str()) {
                (_, None) => problems.push(Problem::with_key(&origin, "", "is not valid UTF-8")),
                (None, _) => problems.push(Problem::with_key(&origin, "", unknown(name))),
                (Some(key), Some(text)) => known.push((key, text, origin)),
            }
        }
        // By number, so that listener 1 is there before listener 2 is added.
        known.sort_by_key(|(key, ..)| *key);
        for (key, text, origin) in known {
            problems.extend(set(settings, key, text, origin).err());
        }
        problems
    }
}

fn set(settings: &mut Settings, key: Key, text: &str, origin: Origin) -> Result<(), Problem> {
    if key.section == LISTENERS {
        let count = settings.listener_count();
        if key.index > count {
            let message = format!("there is no listener {count} before it; they count from 0");
            return Err(Problem::with_value(&origin, key, message));
        }
        if key.index == count {
            settings.add_listener(&origin);
        }
    }
    let is_text = schema::find(key.section, key.name).is_some_and(|s| s.value.is_str());
    let value = if is_text {
        Value::String(text.to_owned())
    } else {
        // What is no TOML stays a text, and so is refused for its kind.
        text.trim()
            .parse()
            .unwrap_or_else(|_| Value::String(text.to_owned()))
    };
    settings.set(key, value, origin)
}

/// The setting that the variable `name` stands for.
fn find(name: &str) -> Option<Key> {
    let listener = name
        .strip_prefix("ROADSTEAD_LISTENERS__")
        .and_then(|rest| rest.split_once("__"));
    if let Some((index, _)) = listener {
        let index: usize = index.parse().ok().filter(|index| *index < MAX_LISTENERS)?;
        return schema::schema()
            .iter()
            .map(|setting| Key {
                index,
                ..setting.key
            })
            .find(|key| key.section == LISTENERS && key.variable() == name);
    }
    schema::schema()
        .iter()
        .map(|setting| setting.key)
        .find(|key| key.variable() == name)
}

fn unknown(name: &str) -> String {
    let mut names: Vec<String> = schema::schema().iter().map(|s| s.key.variable()).collect();
    names.extend([CONFIG_FILE.to_owned(), ADMIN_PASSWORD.to_owned()]);
    match nearest(name, names.iter().map(String::as_str)) {
        Some(likely) => format!("unknown setting; did you mean {likely}?"),
        None => "unknown setting; `roadstead check-config --defaults` lists all, with how \
                 variables are named"
            .to_owned(),
    }
}

/// Kubernetes and `docker --link` describe a service called "roadstead" to its neighbours, and to itself, by variables
/// such as `ROADSTEAD_SERVICE_HOST` and `ROADSTEAD_PORT_5000_TCP_ADDR`. They are not meant for us.
fn is_service_link(name: &str) -> bool {
    let has_port = name.split_once("_PORT_").is_some_and(|(_, rest)| {
        rest.starts_with(|first: char| first.is_ascii_digit())
            && ["_TCP", "_UDP", "_SCTP"]
                .iter()
                .any(|protocol| rest.contains(protocol))
    });
    !name.contains("__")
        && (has_port
            || name.ends_with("_PORT")
            || name.ends_with("_SERVICE_HOST")
            || name.contains("_SERVICE_PORT"))
}
