//! How to reach a bucket.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// How to open a store over a bucket of an S3-compatible object store.
#[derive(Debug, Clone)]
pub struct S3Options {
    /// `http://` or `https://`, host and maybe port. `None`: Amazon's own for the region.
    pub endpoint: Option<String>,
    /// The region that requests are signed for.
    pub region: String,
    /// The bucket; it must exist.
    pub bucket: String,
    /// What every object's name begins with, without slashes at the ends; may be empty. Two deployments that share a
    /// bucket need different ones.
    pub prefix: String,
    /// Whether the bucket stands in the path (`host/bucket/object`) or in the host name (`bucket.host/object`).
    pub is_path_style: bool,
    /// Who we are to the store.
    pub credentials: S3Credentials,
    /// What the store is asked to encrypt objects with.
    pub encryption: S3Encryption,
    /// PEM certificates that are trusted beside the usual ones.
    pub ca_certificates: Option<Vec<u8>>,
    /// Whether plain HTTP may leave this machine. To a loopback address it always may.
    pub allows_plain_http: bool,
    /// How many parts of 8 MiB all uploads together may hold in memory; 1 or more.
    pub parts_in_flight: usize,
    /// The largest object that can become one: decides how parts grow.
    pub largest_object_bytes: u64,
    /// Time for a connection to be made.
    pub connect_timeout: Duration,
    /// Time for an answer to begin, and the longest silence inside of one.
    pub request_timeout: Duration,
    /// For how long a request that failed is tried again.
    pub retry_for: Duration,
    /// For how long a signed URL is valid. `None`: readers are never sent to the store.
    pub redirect_for: Option<Duration>,
    /// How old bytes of an upload that nobody knows must be before a sweep removes them.
    pub orphans_after: Duration,
    /// Names this process among all others: part of the names of objects that are made to test the store.
    pub instance: String,
}

/// Who we are to the store. `Debug` hides what is secret.
#[derive(Clone)]
pub enum S3Credentials {
    /// An access key.
    Keys {
        /// Its public half.
        access_key_id: String,
        /// Its secret half.
        secret_access_key: String,
        /// What temporary keys need beside.
        session_token: Option<String>,
    },
    /// What the platform gives this machine, container or pod. The pairs are those environment variables that say
    /// where: `AWS_ROLE_ARN`, `AWS_WEB_IDENTITY_TOKEN_FILE` and the like, in small letters; none on a plain machine.
    Instance(Vec<(String, String)>),
}

impl fmt::Debug for S3Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys { access_key_id, .. } => write!(f, "Keys({access_key_id}, hidden)"),
            Self::Instance(names) => {
                let names = names.iter().map(|(name, _)| name);
                f.debug_list().entries(names).finish()
            }
        }
    }
}

/// What the store is asked to encrypt objects with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum S3Encryption {
    /// Whatever the bucket does by itself.
    BucketDefault,
    /// A key of the store (SSE-S3).
    StoreKey,
    /// A key of a key management service (SSE-KMS), by its id.
    Kms(String),
}

/// Why the options cannot be used, for the operator.
#[derive(Debug, thiserror::Error)]
pub enum InvalidS3Options {
    /// The endpoint is no URL.
    #[error(
        "the S3 endpoint {0:?} is not a scheme and a host; write it as in \"https://s3.example.com\""
    )]
    Endpoint(String),
    /// Credentials and content would cross the network readable.
    #[error(
        "the S3 endpoint {0} is plain HTTP on another machine: blobs would cross the network readable and \
         unprotected; use https, or allow plain HTTP"
    )]
    PlainHttp(String),
    /// The certificates cannot be read.
    #[error("the CA certificates for S3 are not PEM certificates")]
    CaCertificates,
    /// Anything else the client objects to.
    #[error("the S3 settings cannot be used: {0}")]
    Client(String),
}

/// The parts of an endpoint's URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Endpoint<'a> {
    is_secure: bool,
    /// Host and port.
    authority: &'a str,
    host: &'a str,
}

impl<'a> Endpoint<'a> {
    pub(crate) fn parse(url: &'a str) -> Result<Self, InvalidS3Options> {
        let wrong = || InvalidS3Options::Endpoint(url.to_owned());
        let (is_secure, rest) = url
            .strip_prefix("https://")
            .map(|rest| (true, rest))
            .or_else(|| url.strip_prefix("http://").map(|rest| (false, rest)))
            .ok_or_else(wrong)?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        if authority.is_empty() || !authority.chars().all(is_plain) {
            return Err(wrong());
        }
        let host = match authority.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or_else(wrong)?.0,
            None => authority
                .split_once(':')
                .map_or(authority, |(host, _)| host),
        };
        Ok(Self {
            is_secure,
            authority,
            host,
        })
    }

    /// Refuses plain HTTP to another machine.
    pub(crate) fn require_protected(&self, allows_plain: bool) -> Result<(), InvalidS3Options> {
        if self.is_secure || allows_plain || self.is_loopback() {
            Ok(())
        } else {
            Err(InvalidS3Options::PlainHttp(self.authority.to_owned()))
        }
    }

    fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self
                .host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.to_canonical().is_loopback())
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// Whether the host is a number, in any spelling that a client might take for an address.
    pub(crate) fn is_address(&self) -> bool {
        let last = self.host.rsplit('.').next().unwrap_or_default();
        let is_number = last.starts_with("0x")
            || !last.is_empty() && last.chars().all(|digit| digit.is_ascii_digit());
        self.host.contains(':') || is_number
    }

    /// The URL with the bucket in front of the host.
    pub(crate) fn of_bucket(&self, bucket: &str) -> String {
        let scheme = if self.is_secure { "https" } else { "http" };
        format!("{scheme}://{bucket}.{}", self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_leaves_the_machine_only_when_allowed() {
        for (url, is_refused) in [
            ("http://127.0.0.1:8333", false),
            ("http://[::1]:8333", false),
            ("http://localhost:8333", false),
            ("https://s3.example.com", false),
            ("http://s3.example.com", true),
            ("http://10.0.0.1:9000/", true),
        ] {
            let endpoint = Endpoint::parse(url).expect(url);
            assert_eq!(
                endpoint.require_protected(false).is_err(),
                is_refused,
                "{url}"
            );
            endpoint.require_protected(true).expect(url);
        }
        for url in [
            "s3.example.com",
            "https://",
            "https://host/bucket",
            "ftp://host",
            "https://a b",
        ] {
            assert!(Endpoint::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn addresses_are_told_from_names() {
        for (url, is_address) in [
            ("http://127.0.0.1:8333", true),
            ("http://[::1]:8333", true),
            ("http://2130706433", true),
            ("http://0x7f000001", true),
            ("http://127.0x1", true),
            ("https://s3.example.com", false),
            ("https://minio:9000", false),
        ] {
            assert_eq!(
                Endpoint::parse(url).expect(url).is_address(),
                is_address,
                "{url}"
            );
        }
    }

    #[test]
    fn a_bucket_can_stand_in_the_host_name() {
        let endpoint = Endpoint::parse("https://s3.example.com:9000/").expect("a URL");
        assert_eq!(endpoint.of_bucket("b"), "https://b.s3.example.com:9000");
    }

    #[test]
    fn secrets_are_not_shown() {
        let keys = S3Credentials::Keys {
            access_key_id: "AKID".to_owned(),
            secret_access_key: "very-secret".to_owned(),
            session_token: Some("token-secret".to_owned()),
        };
        let shown = format!("{keys:?}");
        assert!(
            shown.contains("AKID") && !shown.contains("secret"),
            "{shown}"
        );
    }
}
