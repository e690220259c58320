//! Does the store do what is counted on?

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::future::join_all;
use http::Method;
use object_store::client::{HttpClient, HttpRequest, HttpRequestBody};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{GetOptions, GetRange, ObjectStore, PutMode, PutPayload, PutResult};

use super::client::Refusal;
use super::{Failure, S3, xml};
use crate::store::StorageError;

/// Names that two writers race for, all at once. More than two for one would wait for each other, in some stores for
/// seconds.
const RACES: usize = 8;
/// The least that a part but the last may have.
const LEAST_PART_BYTES: usize = 5 * 1024 * 1024;
const CONTENT: &[u8] = b"ready to store\n";

/// The name of that check: without it a store can be worked with, at a price.
pub const CONDITIONAL_WRITES: &str = "conditional writes";

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was tried, in a few words.
    pub what: &'static str,
    /// What came of it.
    pub outcome: CheckOutcome,
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckOutcome {
    /// As it should be.
    Good,
    /// It works, with less protection: what is missing, and what to do.
    Doubtful(String),
    /// It does not work: where the fault lies, and what was asked and answered.
    Bad(CheckFault, String),
}

/// Where the fault lies when a store does not do as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckFault {
    /// Nobody answers at the endpoint, or not whom its certificate has to name.
    Unreachable,
    /// What answers there is no S3 store, or has other requests in another region.
    Endpoint,
    /// What this machine was given could not be had, or an answer was not understood.
    Credentials,
    /// There is no such bucket.
    Bucket,
    /// The store does not know the access key.
    AccessKey,
    /// The signature is wrong: the secret half of the key is.
    Secret,
    /// The key may not do this.
    Permission,
    /// The store's clock and ours are too far apart for signed requests.
    Clock,
    /// It does something wrong, or is not well.
    Store,
}

impl S3 {
    /// Writes, reads and removes an object.
    pub(crate) async fn probe(&self) -> Result<(), StorageError> {
        let path = self.probe_path("ready");
        let probe = async {
            self.write(&path, PutMode::Overwrite).await?;
            let read = self.read_range(&path, None).await;
            self.delete_object(&path).await?;
            read
        };
        let read = probe.await.map_err(Failure::unexpected)?;
        if read == CONTENT {
            Ok(())
        } else {
            Err(StorageError::Io(std::io::Error::other(
                "the store did not give back what was stored a moment ago",
            )))
        }
    }

    /// Tries what every start needs: reading, writing, ranges, conditional writes.
    pub(crate) async fn check(&self) -> Vec<Check> {
        // First, because some stores make a bucket of whatever name is written to.
        let bucket = self.ask("list-type=2&max-keys=1").await;
        if bucket.is_err() {
            return vec![check("finding the bucket", as_bad(bucket.map(drop)))];
        }
        let path = self.probe_path("check");
        let written = self.write(&path, PutMode::Create).await;
        let is_there = written.is_ok();
        let mut checks = vec![check("writing", as_bad(written.map(drop)))];
        if is_there {
            let whole = self.read_range(&path, None).await;
            checks.push(check("reading", is_content(whole, CONTENT)));
            let part = self.read_range(&path, Some(GetRange::Bounded(3..8))).await;
            checks.push(check("reading a range", is_content(part, &CONTENT[3..8])));
            checks.push(check(
                CONDITIONAL_WRITES,
                self.check_conditional(&path).await,
            ));
            checks.push(check("listing", self.check_listing(&path).await));
            let deleted = self.delete_object(&path).await;
            checks.push(check("deleting", as_bad(deleted)));
        }
        checks
    }

    /// The store's clock in its last answer, to the second.
    pub(crate) fn clock_ms(&self) -> Option<i64> {
        self.network.0.clock_ms()
    }

    /// The same, and what takes longer: uploads in parts, signed URLs, the bucket's rules.
    pub(crate) async fn check_thoroughly(&self) -> Vec<Check> {
        let mut checks = self.check().await;
        if checks
            .iter()
            .any(|check| matches!(check.outcome, CheckOutcome::Bad(..)))
        {
            return checks;
        }
        checks.push(check("uploads in parts", self.check_parts().await));
        checks.push(check("signed URLs", self.check_signed_url().await));
        checks.push(check(
            "the bucket's rule for unfinished uploads",
            self.check_rule().await,
        ));
        checks
    }

    fn probe_path(&self, what: &str) -> Path {
        let number = self.probes.fetch_add(1, Ordering::Relaxed);
        Path::from(
            self.names
                .probe(&self.instance, &format!("{what}-{number}")),
        )
    }

    fn probe_directory(&self) -> Path {
        Path::from(self.names.probes())
    }

    async fn write(&self, path: &Path, mode: PutMode) -> Result<PutResult, Failure> {
        let payload = PutPayload::from_static(CONTENT);
        self.call(self.client.put_opts(path, payload, mode.into()))
            .await
    }

    async fn read_range(&self, path: &Path, range: Option<GetRange>) -> Result<Bytes, Failure> {
        let options = GetOptions {
            range,
            ..GetOptions::default()
        };
        self.call(async { self.client.get_opts(path, options).await?.bytes().await })
            .await
    }

    /// `path` is there already. Unfinished uploads are listed by a call of its own, with a right of its own.
    async fn check_listing(&self, path: &Path) -> CheckOutcome {
        let listed = async {
            let mut objects = self.client.list(Some(&self.probe_directory()));
            while let Some(object) = objects.try_next().await? {
                if object.location == *path {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        match self.call(listed).await {
            Ok(true) => as_bad(self.list_multiparts(path.as_ref()).await.map(drop)),
            Ok(false) => CheckOutcome::Bad(
                CheckFault::Store,
                "an object that was just stored is not in the list; use another store".to_owned(),
            ),
            Err(failure) => as_bad(Err(failure)),
        }
    }

    /// `path` is there already.
    async fn check_conditional(&self, path: &Path) -> CheckOutcome {
        let doubtful = |what: &str| {
            CheckOutcome::Doubtful(format!(
                "{what}; blobs stay right, but the store does not protect them from a replica that was cut off and \
                 writes late: prefer a store with atomic conditional writes (If-None-Match)"
            ))
        };
        match self.write(path, PutMode::Create).await {
            Err(Failure::Exists) => {}
            Ok(_) => return doubtful("the store ignores conditional writes"),
            Err(failure) => return as_bad(Err(failure)),
        }
        let races = join_all((0..RACES).map(|_| self.race())).await;
        let lost = races.iter().filter(|(winners, _)| *winners == 0).count();
        let drawn = races.iter().filter(|(winners, _)| *winners > 1).count();
        if lost > 0 {
            return CheckOutcome::Bad(
                CheckFault::Store,
                format!(
                    "in {lost} of {RACES} races of two conditional writes for one name neither succeeded"
                ),
            );
        }
        if drawn > 0 {
            return doubtful(&format!(
                "in {drawn} of {RACES} races of two conditional writes for one name both succeeded"
            ));
        }
        as_bad(races.into_iter().try_for_each(|(_, deleted)| deleted))
    }

    /// Two writers, one name: how many won it, and whether it could be removed again.
    async fn race(&self) -> (usize, Result<(), Failure>) {
        let contested = self.probe_path("race");
        let write = || self.write(&contested, PutMode::Create);
        let (one, other) = tokio::join!(write(), write());
        let winners = usize::from(one.is_ok()) + usize::from(other.is_ok());
        (winners, self.delete_object(&contested).await)
    }

    async fn check_parts(&self) -> CheckOutcome {
        let path = self.probe_path("parts");
        let checked = self.try_parts(&path).await;
        let deleted = self.delete_object(&path).await;
        match checked {
            Ok(CheckOutcome::Good) => as_bad(deleted),
            Ok(outcome) => outcome,
            Err(failure) => as_bad(Err(failure)),
        }
    }

    async fn try_parts(&self, path: &Path) -> Result<CheckOutcome, Failure> {
        let id = self.call(self.client.create_multipart(path)).await?;
        let whole = Bytes::from(vec![b'x'; LEAST_PART_BYTES]);
        let put = |number, bytes: Bytes| {
            self.call(
                self.client
                    .put_part(path, &id, number, PutPayload::from_bytes(bytes)),
            )
        };
        let first = put(0, whole.clone()).await?;
        let last = put(1, Bytes::from_static(CONTENT)).await?;
        let (listed, _) = self.list_multiparts(path.as_ref()).await?;
        if !listed.iter().any(|multipart| multipart.id == id) {
            self.abort(path, &id).await;
            return Ok(CheckOutcome::Bad(
                CheckFault::Store,
                "the store does not list unfinished uploads in parts, so orphans could not be removed; use another store"
                    .to_owned(),
            ));
        }
        let wrong = PartId {
            content_id: first
                .content_id
                .replace(|digit: char| digit.is_ascii_digit(), "a"),
        };
        let with_wrong = self
            .client
            .complete_multipart(path, &id, vec![wrong, last.clone()]);
        let takes_wrong = self.call(with_wrong).await.is_ok();
        if !takes_wrong {
            let complete = self.client.complete_multipart(path, &id, vec![first, last]);
            self.call(complete).await?;
        }
        let size = self.length_of(path).await?;
        if size != (LEAST_PART_BYTES + CONTENT.len()) as u64 {
            return Ok(CheckOutcome::Bad(
                CheckFault::Store,
                format!(
                    "an object made of parts has {size} bytes, which is wrong; use another store"
                ),
            ));
        }
        Ok(if takes_wrong {
            CheckOutcome::Doubtful(
                "the store does not compare the parts of an upload with those it is told to complete; blobs stay right \
                 as long as no replica that was cut off writes late"
                    .to_owned(),
            )
        } else {
            CheckOutcome::Good
        })
    }

    async fn check_signed_url(&self) -> CheckOutcome {
        let path = self.probe_path("signed");
        let fetched = async {
            self.write(&path, PutMode::Create).await?;
            let url = self
                .client
                .signed_url(Method::GET, &path, Duration::from_mins(1));
            let url = self.call(url).await?;
            let mut request = HttpRequest::new(HttpRequestBody::empty());
            let parsed = url.as_str().parse().map_err(|_| Failure::Missing)?;
            *request.uri_mut() = parsed;
            let response = HttpClient::new(self.network.clone()).execute(request).await;
            let response = response.map_err(|_| Failure::Missing)?;
            self.text(response).await
        };
        let fetched = fetched.await;
        let deleted = self.delete_object(&path).await;
        let outcome = is_content(fetched.map(Bytes::from), CONTENT);
        match outcome {
            CheckOutcome::Good => as_bad(deleted),
            CheckOutcome::Bad(_, why) if self.redirect_for.is_none() => {
                CheckOutcome::Doubtful(format!("{why} (they are not used while redirects are off)"))
            }
            outcome => outcome,
        }
    }

    /// A rule of the bucket removes what even a lost database forgets.
    async fn check_rule(&self) -> CheckOutcome {
        let rules = async { self.text(self.ask("lifecycle=").await?).await };
        let has_rule = rules
            .await
            .is_ok_and(|rules| xml::text_of(&rules, "DaysAfterInitiation").is_some());
        if has_rule {
            CheckOutcome::Good
        } else {
            CheckOutcome::Doubtful(
                "the bucket has no lifecycle rule that aborts incomplete multipart uploads; add one of 7 days or more, \
                 which removes what is left after a database was lost"
                    .to_owned(),
            )
        }
    }
}

fn check(what: &'static str, outcome: CheckOutcome) -> Check {
    Check { what, outcome }
}

fn is_content(read: Result<Bytes, Failure>, expected: &[u8]) -> CheckOutcome {
    match read {
        Ok(read) if read == expected => CheckOutcome::Good,
        Ok(_) => CheckOutcome::Bad(
            CheckFault::Store,
            "other bytes came back than were stored; use another store".to_owned(),
        ),
        Err(failure) => as_bad(Err(failure)),
    }
}

fn as_bad(result: Result<(), Failure>) -> CheckOutcome {
    match result {
        Ok(()) => CheckOutcome::Good,
        Err(failure) => {
            let fault = fault_of(&failure);
            let error = failure.unexpected();
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            CheckOutcome::Bad(fault, cause.unwrap_or_else(|| error.to_string()))
        }
    }
}

fn fault_of(failure: &Failure) -> CheckFault {
    let Failure::Storage(error) = failure else {
        // It was asked for what is there, or where nothing is in the way.
        return CheckFault::Endpoint;
    };
    let (StorageError::Io(error) | StorageError::Unavailable(error)) = error else {
        return CheckFault::Store;
    };
    let refusal = error.get_ref().and_then(|error| error.downcast_ref());
    let Some(Refusal { status, code, .. }) = refusal else {
        return CheckFault::Credentials;
    };
    match (*status, code.as_str()) {
        (None, _) => CheckFault::Unreachable,
        (_, "NoSuchBucket" | "InvalidBucketName") => CheckFault::Bucket,
        (_, "InvalidAccessKeyId" | "InvalidToken" | "ExpiredToken") => CheckFault::AccessKey,
        (_, "SignatureDoesNotMatch") => CheckFault::Secret,
        (_, "RequestTimeTooSkewed" | "RequestExpired") => CheckFault::Clock,
        (Some(401 | 403), _) => CheckFault::Permission,
        (Some(429 | 500..), _) => CheckFault::Store,
        _ => CheckFault::Endpoint,
    }
}

/// What a store on files is asked: whether it takes writes.
pub(crate) fn of_probe(probed: Result<(), StorageError>) -> Vec<Check> {
    vec![check("writing", as_bad(probed.map_err(Failure::Storage)))]
}
