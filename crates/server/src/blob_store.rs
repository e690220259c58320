//! The blob store that the settings ask for: a directory, or a bucket.

use crate::config::{Config, S3Config, S3CredentialsFrom, S3EncryptionBy};
use anyhow::{Context as _, bail};
use blobs::{BlobStore, CheckOutcome, FilesystemOptions, S3Credentials, S3Encryption, S3Options};
use model::IdSource;
use std::path::Path;

/// Opens the store and proves that it does what is counted on.
pub(crate) async fn open(config: &Config, ids: &dyn IdSource) -> anyhow::Result<BlobStore> {
    let Some(bucket) = &config.s3.bucket else {
        let directory = &config.storage.directory;
        let options = FilesystemOptions {
            root: directory.clone(),
            reserve_bytes: config.limits.free_space_reserve_bytes,
        };
        return BlobStore::open(options)
            .with_context(|| format!("cannot use {} for blobs", directory.display()));
    };
    let options = options(&config.s3, bucket, config.limits.blob_bytes, ids)?;
    let store = BlobStore::open_s3(&options).context("[s3]")?;
    for check in store.check().await {
        let what = check.what;
        match check.outcome {
            CheckOutcome::Good => {}
            CheckOutcome::Doubtful(why) => tracing::warn!("[s3] {what} in bucket {bucket}: {why}"),
            CheckOutcome::Bad(why) => bail!(
                "[s3] {what} failed in bucket {bucket}: {why}; check endpoint, bucket, region and credentials, and \
                 that these may read, write, list and delete objects there"
            ),
        }
    }
    Ok(store)
}

/// The options that the settings ask for; reads the files that they name.
pub(crate) fn options(
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
