//! `[s3]`: the bucket that holds the blobs, when it is not a directory.

use std::path::PathBuf;
use std::time::Duration;

use super::reader::Section;
use super::secret::Secret;
use super::typed::{parse_external_url, readable_file};

const DAY: u64 = 24 * 60 * 60;

/// `[s3]`
#[expect(
    clippy::struct_excessive_bools,
    reason = "settings that have nothing to do with each other"
)]
#[derive(Clone, Debug)]
pub(crate) struct S3Config {
    /// `None`: blobs are files.
    pub(crate) bucket: Option<String>,
    /// `http://` or `https://`, host and maybe port. `None`: Amazon's own for the region.
    pub(crate) endpoint: Option<String>,
    pub(crate) region: String,
    pub(crate) prefix: String,
    pub(crate) path_style: bool,
    pub(crate) credentials: S3CredentialsFrom,
    pub(crate) encryption: S3EncryptionBy,
    pub(crate) ca_certificates: Option<PathBuf>,
    pub(crate) allow_plain_http: bool,
    pub(crate) allow_unconditional_writes: bool,
    pub(crate) parts_in_flight: usize,
    pub(crate) connect_timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) retry_for: Duration,
    pub(crate) redirects: bool,
    pub(crate) redirect_valid: Duration,
    pub(crate) orphans_after: Duration,
    /// From the variables that platforms set for their workloads, in small letters: where credentials are given.
    pub(crate) identity: Vec<(String, String)>,
}

/// Where credentials come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum S3CredentialsFrom {
    /// The settings themselves.
    Keys { access_key: String, secret: Secret },
    /// A file in the form of the AWS tools.
    File(PathBuf),
    /// The machine, container or pod.
    Platform,
}

/// Who encrypts objects in the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum S3EncryptionBy {
    Bucket,
    Store,
    Kms(String),
}

pub(super) fn read(s3: &mut Section<'_, '_>) -> S3Config {
    S3Config {
        bucket: s3.optional("bucket", parse_bucket),
        endpoint: s3.optional("endpoint", parse_external_url),
        region: match s3.text("region") {
            "" => "us-east-1".to_owned(),
            region => region.to_owned(),
        },
        prefix: s3.optional("prefix", parse_prefix).unwrap_or_default(),
        path_style: s3.flag("path_style"),
        credentials: credentials(s3),
        encryption: encryption(s3),
        ca_certificates: s3.optional("ca_certificates", readable_file),
        allow_plain_http: s3.flag("allow_plain_http"),
        allow_unconditional_writes: s3.flag("allow_unconditional_writes"),
        parts_in_flight: s3.count("parts_in_flight", 1..=4096),
        connect_timeout: s3.seconds("connect_timeout_secs", 1..=60),
        request_timeout: s3.seconds("request_timeout_secs", 1..=600),
        retry_for: s3.seconds("retry_for_secs", 0..=120),
        redirects: s3.flag("redirects"),
        redirect_valid: s3.seconds("redirect_valid_secs", 10..=7 * DAY),
        orphans_after: s3.seconds("orphans_after_secs", 60..=30 * DAY),
        identity: Vec::new(),
    }
}

fn credentials(s3: &mut Section<'_, '_>) -> S3CredentialsFrom {
    let file = s3.optional("credentials_file", readable_file);
    let (access_key, secret_key) = (s3.text("access_key"), s3.text("secret_key"));
    match (access_key.is_empty(), secret_key.is_empty()) {
        (false, true) => s3.refuse("access_key", "needs secret_key beside it"),
        (true, false) => s3.refuse("secret_key", "needs access_key beside it"),
        _ => {}
    }
    if file.is_some() && !access_key.is_empty() {
        s3.refuse(
            "credentials_file",
            "stands beside access_key; give one of the two",
        );
    }
    match file {
        Some(file) => S3CredentialsFrom::File(file),
        None if access_key.is_empty() => S3CredentialsFrom::Platform,
        None => S3CredentialsFrom::Keys {
            access_key: access_key.to_owned(),
            secret: Secret::new(secret_key),
        },
    }
}

fn encryption(s3: &mut Section<'_, '_>) -> S3EncryptionBy {
    let key = s3.text("kms_key_id");
    let encryption = s3.choice("encryption", &[("bucket", 0), ("store", 1), ("kms", 2)]);
    match (encryption, key) {
        (2, "") => s3.refuse("encryption", "\"kms\" needs kms_key_id beside it"),
        (0 | 1, key) if !key.is_empty() => {
            s3.refuse("kms_key_id", "needs encryption = \"kms\" beside it");
        }
        _ => {}
    }
    match encryption {
        0 => S3EncryptionBy::Bucket,
        1 => S3EncryptionBy::Store,
        _ => S3EncryptionBy::Kms(key.to_owned()),
    }
}

/// A bucket's name.
pub(crate) fn parse_bucket(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._".contains(c);
    if (3..=63).contains(&text.len()) && text.chars().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{text:?} is no name of a bucket: 3 to 63 small letters, digits, hyphens and dots"
        ))
    }
}

/// What the names of objects begin with.
pub(crate) fn parse_prefix(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._/".contains(c);
    let has_empty = text
        .trim_matches('/')
        .split('/')
        .any(|part| matches!(part, "" | "." | ".."));
    if text.len() <= 512 && text.chars().all(is_plain) && !has_empty {
        Ok(text.trim_matches('/').to_owned())
    } else {
        Err(format!(
            "{text:?} cannot begin the names of objects; use letters, digits, hyphens, dots and single slashes"
        ))
    }
}

#[cfg(test)]
mod tests {
    use crate::config::environment::Environment;
    use crate::config::{Config, Flags, S3CredentialsFrom, load_from};

    fn load(variables: &[(&str, &str)]) -> Result<Config, String> {
        let variables = variables.iter();
        let environment =
            Environment::new(variables.map(|(name, value)| (name.into(), value.into())));
        match load_from(&Flags::default(), &environment) {
            Ok(loaded) => {
                assert!(!loaded.settings.to_toml().contains("hunter2"));
                Ok(loaded.config)
            }
            Err(problems) => Err(problems.to_string()),
        }
    }

    #[test]
    fn a_bucket_is_used_when_it_is_named() {
        assert_eq!(load(&[]).unwrap().s3.bucket, None);
        let config = load(&[
            ("ROADSTEAD_S3__BUCKET", "blobs"),
            ("ROADSTEAD_S3__ENDPOINT", "http://127.0.0.1:8333/"),
            ("ROADSTEAD_S3__ACCESS_KEY", "someone"),
            ("ROADSTEAD_S3__SECRET_KEY", "hunter2"),
            ("ROADSTEAD_S3__PREFIX", "/a/b/"),
        ]);
        let s3 = config.unwrap().s3;
        assert_eq!(s3.bucket.as_deref(), Some("blobs"));
        assert_eq!(s3.endpoint.as_deref(), Some("http://127.0.0.1:8333"));
        assert_eq!(s3.prefix, "a/b");
        assert!(!s3.redirects);
        assert!(!format!("{s3:?}").contains("hunter2"));
        let S3CredentialsFrom::Keys { secret, .. } = s3.credentials else {
            panic!("keys were given");
        };
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn what_the_platform_says_of_credentials_is_passed_on() {
        let config = load(&[
            ("AWS_ROLE_ARN", "arn:aws:iam::1:role/registry"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/token"),
            ("AWS_SECRET_ACCESS_KEY", "hunter2"),
        ]);
        let s3 = config.unwrap().s3;
        assert_eq!(s3.credentials, S3CredentialsFrom::Platform);
        let names: Vec<_> = s3.identity.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["aws_role_arn", "aws_web_identity_token_file"]);
    }

    #[test]
    fn what_does_not_fit_together_is_refused_without_showing_secrets() {
        for (variables, named) in [
            (
                &[("ROADSTEAD_S3__BUCKET", "Not A Bucket")][..],
                "no name of a bucket",
            ),
            (
                &[("ROADSTEAD_S3__ENDPOINT", "s3.example.com")],
                "http:// or https://",
            ),
            (&[("ROADSTEAD_S3__PREFIX", "a//b")], "single slashes"),
            (
                &[("ROADSTEAD_S3__ACCESS_KEY", "someone")],
                "needs secret_key",
            ),
            (
                &[("ROADSTEAD_S3__SECRET_KEY", "hunter2")],
                "needs access_key",
            ),
            (&[("ROADSTEAD_S3__ENCRYPTION", "kms")], "needs kms_key_id"),
            (&[("ROADSTEAD_S3__KMS_KEY_ID", "key")], "needs encryption"),
            (
                &[("ROADSTEAD_S3__CREDENTIALS_FILE", "/nowhere")],
                "cannot open",
            ),
        ] {
            let problem = load(variables).unwrap_err();
            assert!(problem.contains(named), "{problem}");
            assert!(!problem.contains("hunter2"), "{problem}");
        }
    }
}
