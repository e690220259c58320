//! The blob store that the settings ask for: a directory, or a bucket.

use crate::clocks::{self, Comparison};
use crate::config::{Config, S3Config, S3CredentialsFrom, S3EncryptionBy};
use anyhow::{Context as _, bail};
use blobs::{
    BlobStore, CheckFault, CheckOutcome, FilesystemOptions, S3Credentials, S3Encryption, S3Options,
};
use model::IdSource;
use std::path::Path;

/// Opens the store and proves that it does what is counted on. The error is one sentence for the operator.
pub(crate) async fn open(config: &Config, ids: &dyn IdSource) -> anyhow::Result<BlobStore> {
    let Some(bucket) = &config.s3.bucket else {
        return open_files(config);
    };
    let s3 = &config.s3;
    let before_ms = clocks::now_ms();
    let store = connect(config, bucket, ids)?;
    let checks = store.check().await;
    let clock = compare_clocks(&store, before_ms);
    for check in checks {
        let what = check.what;
        match check.outcome {
            CheckOutcome::Good => {}
            CheckOutcome::Doubtful(why) if s3.allow_unconditional_writes => {
                tracing::warn!("[s3] {what} in bucket {bucket}: {why}");
            }
            CheckOutcome::Doubtful(why) => bail!(
                "[s3] bucket = {bucket:?}: {why}; or do without that protection, with allow_unconditional_writes = true"
            ),
            CheckOutcome::Bad(fault, why) => {
                let Complaint { problem, remedy } = complaint(s3, (what, fault, &why), clock);
                bail!("{problem}; {remedy}");
            }
        }
    }
    if let Some(clock) = clock.filter(|clock| clock.is_too_large()) {
        let Complaint { problem, remedy } = skewed(s3, clock);
        bail!("{problem}; {remedy}");
    }
    Ok(store)
}

/// Opens the directory of the blobs.
pub(crate) fn open_files(config: &Config) -> anyhow::Result<BlobStore> {
    let directory = &config.storage.directory;
    let options = FilesystemOptions {
        root: directory.clone(),
        reserve_bytes: config.limits.free_space_reserve_bytes,
    };
    BlobStore::open(options)
        .with_context(|| format!("[storage] directory: cannot use {}", directory.display()))
}

/// Opens the bucket, of which nothing is asked yet.
pub(crate) fn connect(
    config: &Config,
    bucket: &str,
    ids: &dyn IdSource,
) -> anyhow::Result<BlobStore> {
    let options = options(&config.s3, bucket, config.limits.blob_bytes, ids)?;
    BlobStore::open_s3(&options).context("[s3]")
}

/// The store's clock beside ours, if it has answered anything since `before_ms`.
pub(crate) fn compare_clocks(store: &BlobStore, before_ms: i64) -> Option<Comparison> {
    let there_ms = store.clock_ms()?;
    let now_ms = clocks::now_ms();
    Some(Comparison::new(
        before_ms,
        there_ms,
        now_ms,
        clocks::SECOND_MS,
    ))
}

/// What is wrong, with the setting and its value, and what to do. No secrets.
pub(crate) struct Complaint {
    pub(crate) problem: String,
    pub(crate) remedy: String,
}

/// Says what a failed check means: what was tried, where the fault lies, and what the store answered.
pub(crate) fn complaint(
    s3: &S3Config,
    (what, fault, why): (&str, CheckFault, &str),
    clock: Option<Comparison>,
) -> Complaint {
    let endpoint = endpoint(s3);
    let bucket = s3.bucket.as_deref().unwrap_or_default();
    let key = named_credentials(s3);
    let (problem, remedy) = match fault {
        CheckFault::Unreachable => (
            format!("[s3] {endpoint} does not answer ({why})"),
            "start the store, or name an endpoint that this machine can reach, with a certificate that it trusts",
        ),
        CheckFault::Endpoint => (
            format!("[s3] {endpoint}: what answers there is not this bucket's S3 store ({why})"),
            "name the store's endpoint for S3, and with region the region of the bucket",
        ),
        CheckFault::Credentials if s3.credentials == S3CredentialsFrom::Platform => (
            format!("[s3] {key}: no credentials could be had ({why})"),
            "give this machine, container or pod a role, or give access_key and secret_key, or credentials_file",
        ),
        CheckFault::Credentials => (
            format!("[s3] {endpoint}: what answers there was not understood ({why})"),
            "name the store's endpoint for S3, and with region the region of the bucket",
        ),
        CheckFault::Bucket => (
            format!("[s3] bucket = {bucket:?}: there is no such bucket ({why})"),
            "make it, or name one that is there",
        ),
        CheckFault::AccessKey => (
            format!("[s3] {key}: the store does not know this access key ({why})"),
            "give one that it knows",
        ),
        CheckFault::Secret => (
            format!("[s3] {key}: its secret half is another one ({why})"),
            "give the secret that belongs to this key (secret_key, or the credentials file)",
        ),
        CheckFault::Permission => (
            format!("[s3] {key} may not do this in bucket {bucket:?}: {what} ({why})"),
            "give it the rights to read, write, list and delete objects there",
        ),
        CheckFault::Clock => {
            if let Some(clock) = clock {
                return skewed(s3, clock);
            }
            (
                format!("[s3] {endpoint} says that this machine's clock is wrong ({why})"),
                SET_CLOCKS,
            )
        }
        CheckFault::Store => (
            format!("[s3] {endpoint}, bucket {bucket:?}: {what} failed ({why})"),
            "see the store's log; another store may do better",
        ),
    };
    Complaint {
        problem,
        remedy: remedy.to_owned(),
    }
}

/// What to do about clocks that differ.
pub(crate) const SET_CLOCKS: &str = "set both machines' clocks, by NTP for example";

/// The store's clock and ours differ.
pub(crate) fn skewed(s3: &S3Config, clock: Comparison) -> Complaint {
    Complaint {
        problem: format!("[s3] {}: its clock {}", endpoint(s3), clock.figures()),
        remedy: SET_CLOCKS.to_owned(),
    }
}

fn endpoint(s3: &S3Config) -> String {
    match &s3.endpoint {
        Some(endpoint) => format!("endpoint = {endpoint:?}"),
        None => format!("endpoint = \"\" (Amazon's of region {:?})", s3.region),
    }
}

/// Which credentials are used, by what may be shown of them.
fn named_credentials(s3: &S3Config) -> String {
    match &s3.credentials {
        S3CredentialsFrom::Keys { access_key, .. } => format!("access_key = {access_key:?}"),
        S3CredentialsFrom::File(path) => format!("credentials_file = \"{}\"", path.display()),
        S3CredentialsFrom::Platform => {
            "access_key = \"\" (what this machine, container or pod was given)".to_owned()
        }
    }
}

/// The options that the settings ask for; reads the files that they name.
fn options(
    s3: &S3Config,
    bucket: &str,
    largest_object_bytes: u64,
    ids: &dyn IdSource,
) -> anyhow::Result<S3Options> {
    let ca_certificates = match &s3.ca_certificates {
        Some(path) => {
            Some(std::fs::read(path).with_context(|| unreadable("ca_certificates", path))?)
        }
        None => None,
    };
    Ok(S3Options {
        endpoint: s3.endpoint.clone(),
        region: s3.region.clone(),
        bucket: bucket.to_owned(),
        prefix: s3.prefix.clone(),
        is_path_style: s3.path_style,
        credentials: credentials(s3)?,
        encryption: match &s3.encryption {
            S3EncryptionBy::Bucket => S3Encryption::BucketDefault,
            S3EncryptionBy::Store => S3Encryption::StoreKey,
            S3EncryptionBy::Kms(key) => S3Encryption::Kms(key.clone()),
        },
        ca_certificates,
        allows_plain_http: s3.allow_plain_http,
        parts_in_flight: s3.parts_in_flight,
        largest_object_bytes,
        connect_timeout: s3.connect_timeout,
        request_timeout: s3.request_timeout,
        retry_for: s3.retry_for,
        redirect_for: s3.redirects.then_some(s3.redirect_valid),
        orphans_after: s3.orphans_after,
        instance: ids.next_id(),
    })
}

fn credentials(s3: &S3Config) -> anyhow::Result<S3Credentials> {
    match &s3.credentials {
        S3CredentialsFrom::Platform => Ok(S3Credentials::Instance(s3.identity.clone())),
        S3CredentialsFrom::Keys { access_key, secret } => Ok(S3Credentials::Keys {
            access_key_id: access_key.clone(),
            secret_access_key: secret.expose().to_owned(),
            session_token: None,
        }),
        S3CredentialsFrom::File(path) => {
            let text = std::fs::read_to_string(path);
            let text = text.with_context(|| unreadable("credentials_file", path))?;
            parse_credentials(&text).with_context(|| {
                format!(
                    "[s3] credentials_file {} has no aws_access_key_id and aws_secret_access_key; write each as \
                     name = value on a line of its own",
                    path.display()
                )
            })
        }
    }
}

fn unreadable(setting: &str, path: &Path) -> String {
    format!("[s3] {setting}: cannot read {}", path.display())
}

/// The first profile of a file as the AWS tools have it: `[default]`, and lines of `name = value`.
fn parse_credentials(text: &str) -> Option<S3Credentials> {
    let mut profiles = 0;
    let lines = text.lines().map(str::trim).take_while(|line| {
        profiles += u32::from(line.starts_with('['));
        profiles < 2
    });
    let pairs: Vec<(&str, &str)> = lines
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.trim(), value.trim()))
        .collect();
    let find = |wanted: &str| {
        let found = pairs
            .iter()
            .find(|(name, value)| *name == wanted && !value.is_empty());
        found.map(|(_, value)| (*value).to_owned())
    };
    Some(S3Credentials::Keys {
        access_key_id: find("aws_access_key_id")?,
        secret_access_key: find("aws_secret_access_key")?,
        session_token: find("aws_session_token"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_profile_of_a_credentials_file_counts() {
        let text = "# keys\n[default]\naws_access_key_id = AK\naws_secret_access_key=S/K+=\n\n\
                    [other]\naws_access_key_id = OTHER\naws_session_token = T\n";
        let Some(S3Credentials::Keys {
            access_key_id,
            secret_access_key,
            session_token,
        }) = parse_credentials(text)
        else {
            panic!("keys were given");
        };
        assert_eq!(
            (access_key_id.as_str(), secret_access_key.as_str()),
            ("AK", "S/K+=")
        );
        assert_eq!(session_token, None);
        for text in [
            "",
            "[default]\naws_access_key_id = AK\n",
            "aws_access_key_id =\naws_secret_access_key = S",
        ] {
            assert!(parse_credentials(text).is_none(), "{text}");
        }
    }
}
