//! The store over a bucket of an S3-compatible object store.
//!
//! An upload's bytes become parts of a multipart upload under the final name, where nobody can read them until it is
//! completed; that happens after the digest was verified. What is shorter than a part waits as an object of its own.
//! Everything about that stands in the caller's row (`parts`), so any replica goes on with any upload.
//!
//! **Invariants**
//! - A name stands for one content. Objects are created, never replaced: an object that is there already counts only
//!   if its content is what was expected.
//! - Nothing depends on the store's clock or on the order of requests; a store that ignores conditional writes loses
//!   nothing but that protection against a replica that lost its lease and does not know it.
//! - Memory is a constant of the store (`memory`).

mod breaker;
mod check;
mod client;
mod dates;
mod finish;
mod gather;
mod list;
mod memory;
mod options;
mod parts;
mod pieces;
mod read;
mod upload;
mod xml;

#[cfg(test)]
mod tests;

pub(crate) use check::of_probe;
pub use check::{CONDITIONAL_WRITES, Check, CheckFault, CheckOutcome};
pub(crate) use finish::{append_and_complete, complete};
pub use options::{InvalidS3Options, S3Credentials, S3Encryption, S3Options};
pub use read::BlobObject;
pub(crate) use upload::append;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use http::StatusCode;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, AwsCredentialProvider};
use object_store::client::{Certificate, HttpConnector, ReqwestConnector};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, RetryConfig};

use self::client::{Network, Refusal, Watched, observed};
use self::memory::Memory;
use self::options::Endpoint;
use self::parts::{FIRST_PART_BYTES, Names};
use crate::key::ObjectKey;
use crate::locks::KeyLocks;
use crate::store::StorageError;
use crate::timings::StoreTimings;

/// Pauses between tries: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// Tries after the first, whatever time there is.
const MOST_RETRIES: usize = 8;

/// A bucket that holds blobs.
pub(crate) struct S3 {
    client: AmazonS3,
    network: Network,
    /// URL of the bucket, without a slash at the end.
    bucket_url: String,
    names: Names,
    locks: Arc<KeyLocks>,
    memory: Memory,
    longest_part: u64,
    timings: Arc<StoreTimings>,
    region: String,
    signs_payload: bool,
    instance: String,
    probes: AtomicU64,
    /// For how long signed URLs are valid; `None`: there are none.
    redirect_for: Option<Duration>,
    orphans_after: Duration,
}

impl fmt::Debug for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3")
            .field("bucket", &self.bucket_url)
            .finish_non_exhaustive()
    }
}

/// Why a call of the store did not do what it was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// There is no such object, or no such multipart upload.
    Missing,
    /// There is an object of that name.
    Exists,
    /// The store has other parts than those named.
    PartsDiffer,
    /// The object ends before the range begins.
    OutOfRange,
    Storage(StorageError),
}

impl S3 {
    pub(crate) fn open(
        options: &S3Options,
        timings: &Arc<StoreTimings>,
    ) -> Result<Self, InvalidS3Options> {
        let endpoint = options
            .endpoint
            .as_deref()
            .map(Endpoint::parse)
            .transpose()?;
        if let Some(endpoint) = &endpoint {
            endpoint.require_protected(options.allows_plain_http)?;
        }
        let is_secure = endpoint.is_none_or(|endpoint| endpoint.is_secure());
        let client_options = client_options(options, !is_secure)?;
        let unwatched = ReqwestConnector::default().connect(&client_options);
        let watched = Watched::new(
            unwatched.map_err(refused)?,
            Arc::clone(timings),
            options.request_timeout,
        );
        let network = Network(Arc::new(watched));
        let signs_payload = !is_secure;
        let client = builder(options, endpoint.as_ref())?
            .with_client_options(client_options)
            .with_http_connector(network.clone())
            .with_unsigned_payload(!signs_payload)
            .with_retry(retries(options.retry_for))
            .build()
            .map_err(refused)?;
        let longest_part = parts::longest_part(options.largest_object_bytes);
        let parts_in_flight = options.parts_in_flight.max(1) as u64;
        Ok(Self {
            client,
            network,
            bucket_url: bucket_url(options, endpoint.as_ref()),
            names: Names::new(&options.prefix),
            locks: Arc::default(),
            memory: Memory::new(parts_in_flight.saturating_mul(FIRST_PART_BYTES)),
            longest_part,
            timings: Arc::clone(timings),
            region: options.region.clone(),
            signs_payload,
            instance: options.instance.clone(),
            probes: AtomicU64::new(0),
            redirect_for: redirect_for(options, endpoint.as_ref()),
            orphans_after: options.orphans_after,
        })
    }

    /// Runs one call of the client.
    pub(crate) async fn call<T>(
        &self,
        call: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, Failure> {
        let (result, refusal) = observed(call).await;
        result.map_err(|error| Failure::of(&error, refusal))
    }

    pub(crate) fn blob_path(&self, key: &ObjectKey) -> Path {
        Path::from(self.names.blob(key))
    }
}

impl Failure {
    fn of(error: &object_store::Error, refusal: Option<Refusal>) -> Self {
        let Some(refusal) = refusal else {
            // The store did as asked, the client did not understand.
            return Self::Storage(StorageError::Io(io::Error::other(error.to_string())));
        };
        let code = refusal.code.as_str();
        let status = refusal
            .status
            .and_then(|status| StatusCode::from_u16(status).ok());
        let other = |kind| io::Error::new(kind, refusal.clone());
        let is_full = status.is_some_and(client::is_full)
            || ["QuotaExceeded", "XMinioStorageFull", "InsufficientStorage"].contains(&code);
        Self::Storage(match status {
            _ if is_full => StorageError::Full,
            Some(StatusCode::NOT_FOUND) if code == "NoSuchBucket" => {
                StorageError::Io(other(io::ErrorKind::NotFound))
            }
            Some(StatusCode::NOT_FOUND) => return Self::Missing,
            Some(StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT) => return Self::Exists,
            Some(StatusCode::RANGE_NOT_SATISFIABLE) => return Self::OutOfRange,
            Some(StatusCode::BAD_REQUEST) if code.starts_with("InvalidPart") => {
                return Self::PartsDiffer;
            }
            Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                StorageError::Io(other(io::ErrorKind::PermissionDenied))
            }
            Some(StatusCode::TOO_MANY_REQUESTS) | None => {
                StorageError::Unavailable(other(io::ErrorKind::NotConnected))
            }
            Some(status) if status.is_server_error() => {
                StorageError::Unavailable(other(io::ErrorKind::ResourceBusy))
            }
            Some(_) => StorageError::Io(other(io::ErrorKind::Other)),
        })
    }

    /// What it means where an object was counted on.
    pub(crate) fn of_object(self, key: &ObjectKey) -> StorageError {
        self.or(|| StorageError::Missing { key: key.clone() })
    }

    /// What it means where an unfinished upload was counted on.
    pub(crate) fn of_upload(self, key: &ObjectKey) -> StorageError {
        self.or(|| StorageError::UploadLost { key: key.clone() })
    }

    /// What it means where nothing was counted on.
    pub(crate) fn unexpected(self) -> StorageError {
        let text = format!("the store answered what it should not: {self:?}");
        self.or(|| StorageError::Io(io::Error::other(text)))
    }

    fn or(self, otherwise: impl FnOnce() -> StorageError) -> StorageError {
        match self {
            Self::Storage(error) => error,
            _ => otherwise(),
        }
    }
}

/// The error's text is made by the client from the options; it repeats no secret.
fn refused(error: impl fmt::Display) -> InvalidS3Options {
    InvalidS3Options::Client(error.to_string())
}

fn builder(
    options: &S3Options,
    endpoint: Option<&Endpoint<'_>>,
) -> Result<AmazonS3Builder, InvalidS3Options> {
    let mut builder = AmazonS3Builder::new()
        .with_region(&options.region)
        .with_bucket_name(&options.bucket)
        .with_virtual_hosted_style_request(!options.is_path_style);
    if let (Some(url), Some(endpoint)) = (&options.endpoint, endpoint) {
        builder = builder.with_endpoint(if options.is_path_style {
            url.trim_end_matches('/').to_owned()
        } else {
            endpoint.of_bucket(&options.bucket)
        });
    }
    builder = match &options.credentials {
        S3Credentials::Keys {
            access_key_id,
            secret_access_key,
            session_token,
        } => {
            let keys = builder
                .with_access_key_id(access_key_id)
                .with_secret_access_key(secret_access_key);
            match session_token {
                Some(token) => keys.with_token(token),
                None => keys,
            }
        }
        S3Credentials::Instance(places) => builder.with_credentials(identity(options, places)?),
    };
    Ok(match &options.encryption {
        S3Encryption::BucketDefault => builder,
        S3Encryption::StoreKey => match "aws_server_side_encryption".parse::<AmazonS3ConfigKey>() {
            Ok(key) => builder.with_config(key, "AES256"),
            Err(_) => builder,
        },
        S3Encryption::Kms(key) => builder.with_sse_kms_encryption(key),
    })
}

/// Who gives this machine, container or pod its credentials, and gives new ones before they end. Most of them answer on the
/// machine itself, by plain HTTP, whatever the store does; a client of their own asks them.
fn identity(
    options: &S3Options,
    places: &[(String, String)],
) -> Result<AwsCredentialProvider, InvalidS3Options> {
    let client = ClientOptions::new()
        .with_allow_http(true)
        .with_connect_timeout(options.connect_timeout)
        .with_timeout(options.request_timeout);
    let builder = AmazonS3Builder::new()
        .with_region(&options.region)
        .with_bucket_name(&options.bucket)
        .with_client_options(client)
        .with_retry(retries(options.retry_for));
    let builder = places.iter().fold(builder, |builder, (name, value)| {
        match name.parse::<AmazonS3ConfigKey>() {
            Ok(key) => builder.with_config(key, value),
            Err(_) => builder,
        }
    });
    let client = builder.build().map_err(refused)?;
    Ok(Arc::clone(client.credentials()))
}

fn client_options(options: &S3Options, is_plain: bool) -> Result<ClientOptions, InvalidS3Options> {
    let mut client = ClientOptions::new()
        .with_connect_timeout(options.connect_timeout)
        // It would end long bodies, too; each answer and each silence is timed by `client` instead.
        .with_timeout_disabled()
        .with_allow_http(is_plain);
    if let Some(pem) = &options.ca_certificates {
        let certificates = Certificate::from_pem_bundle(pem)
            .ok()
            .filter(|certificates| !certificates.is_empty())
            .ok_or(InvalidS3Options::CaCertificates)?;
        client = certificates
            .into_iter()
            .fold(client, ClientOptions::with_root_certificate);
    }
    Ok(client)
}

fn retries(retry_for: Duration) -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: FIRST_PAUSE,
            max_backoff: LONGEST_PAUSE,
            base: 2.0,
        },
        max_retries: MOST_RETRIES,
        retry_timeout: retry_for,
    }
}

fn bucket_url(options: &S3Options, endpoint: Option<&Endpoint<'_>>) -> String {
    let (bucket, region) = (&options.bucket, &options.region);
    match (&options.endpoint, endpoint, options.is_path_style) {
        (Some(url), _, true) => format!("{}/{bucket}", url.trim_end_matches('/')),
        (_, Some(endpoint), false) => endpoint.of_bucket(bucket),
        (_, _, true) => format!("https://s3.{region}.amazonaws.com/{bucket}"),
        (_, _, false) => format!("https://{bucket}.s3.{region}.amazonaws.com"),
    }
}

/// Clients are never sent to a number: they could not check who answers there.
fn redirect_for(options: &S3Options, endpoint: Option<&Endpoint<'_>>) -> Option<Duration> {
    let is_address = endpoint.is_some_and(Endpoint::is_address);
    if is_address && options.redirect_for.is_some() {
        tracing::warn!("the S3 endpoint is an IP address, so no client is redirected to it");
    }
    options.redirect_for.filter(|_| !is_address)
}
