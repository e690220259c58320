//! Looking through the bucket, and removing things from it.

use std::collections::{BTreeMap, HashMap};

use futures_util::TryStreamExt;
use futures_util::future::try_join_all;
use http::{Method, StatusCode, header};
use object_store::aws::AwsAuthorizer;
use object_store::client::{HttpClient, HttpRequest, HttpRequestBody, HttpResponse};
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Failure, S3, dates, xml};
use crate::filesystem::Sweep;
use crate::key::ObjectKey;
use crate::store::StorageError;
use crate::transfer::blocking;

/// Tries of a request that is made here, not by the client.
const TRIES: u32 = 4;

/// A multipart upload that nobody completed.
#[derive(Debug)]
pub(super) struct OpenMultipart {
    name: String,
    pub(super) id: String,
    /// By the store's clock.
    begun_ms: Option<i64>,
}

/// What the store holds of one unfinished upload.
#[derive(Debug, Default)]
struct Remains {
    multiparts: Vec<OpenMultipart>,
    pieces: Vec<Path>,
    /// When something was last added to it, by the store's clock; the end of time if it does not say.
    newest_ms: i64,
}

impl S3 {
    /// Removes an object, of which there need not be one.
    pub(super) async fn delete_object(&self, path: &Path) -> Result<(), Failure> {
        match self.call(self.client.delete(path)).await {
            Ok(()) | Err(Failure::Missing) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// Ends a multipart upload, of which there need not be one. What stays is found by a sweep.
    pub(super) async fn abort(&self, path: &Path, id: &str) {
        if let Err(failure) = self.try_abort(path, id).await {
            tracing::debug!(?failure, %path, "a multipart upload was not aborted");
        }
    }

    async fn try_abort(&self, path: &Path, id: &str) -> Result<(), Failure> {
        let id = id.to_owned();
        match self.call(self.client.abort_multipart(path, &id)).await {
            Ok(()) | Err(Failure::Missing) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// Removes the object, the pieces and the multipart uploads of a key.
    pub(crate) async fn delete(&self, key: &ObjectKey) -> Result<(), StorageError> {
        let _guard = self.locks.lock(key).await;
        let path = self.blob_path(key);
        let delete = async {
            self.delete_object(&path).await?;
            let (multiparts, _) = self.list_multiparts(path.as_ref()).await?;
            let pieces = self.list_pieces(&self.names.pieces(key)).await?;
            let pieces = pieces.into_iter().map(|(path, _)| path).collect();
            self.remove(&multiparts, pieces).await
        };
        delete.await.map_err(Failure::unexpected)
    }

    async fn remove(&self, multiparts: &[OpenMultipart], pieces: Vec<Path>) -> Result<(), Failure> {
        for multipart in multiparts {
            let path = Path::from(multipart.name.as_str());
            self.try_abort(&path, &multipart.id).await?;
        }
        try_join_all(pieces.iter().map(|path| self.delete_object(path))).await?;
        Ok(())
    }

    /// Keys of which something unfinished is stored.
    pub(crate) async fn list_uploads(&self) -> Result<Vec<ObjectKey>, StorageError> {
        let (remains, _) = self.list_remains().await.map_err(Failure::unexpected)?;
        Ok(remains.into_keys().collect())
    }

    /// Removes what is old enough and belongs to no known upload.
    pub(crate) async fn sweep_uploads<F>(&self, is_known: F) -> Result<Sweep, StorageError>
    where
        F: Fn(&ObjectKey) -> bool + Send + 'static,
    {
        let (mut remains, now_ms) = self.list_remains().await.map_err(Failure::unexpected)?;
        let keys: Vec<ObjectKey> = remains.keys().cloned().collect();
        let unknown = blocking(move || {
            let unknown = keys.into_iter().filter(|key| !is_known(key));
            unknown.collect::<Vec<_>>()
        });
        let age_ms = i64::try_from(self.orphans_after.as_millis()).unwrap_or(i64::MAX);
        let mut sweep = Sweep {
            kept: remains.len() as u64,
            removed: 0,
        };
        for key in unknown.await? {
            let Some(found) = remains.remove(&key) else {
                continue;
            };
            let is_old = age_ms == 0
                || now_ms.is_some_and(|now_ms| found.newest_ms <= now_ms.saturating_sub(age_ms));
            if is_old {
                let removed = self.remove(&found.multiparts, found.pieces).await;
                removed.map_err(Failure::unexpected)?;
                sweep.removed += 1;
                sweep.kept -= 1;
            }
        }
        Ok(sweep)
    }

    /// Keys and lengths of the completed objects whose keys end in this byte, in no order.
    pub(crate) async fn list_blobs(
        &self,
        shard: u8,
    ) -> Result<Vec<(ObjectKey, u64)>, StorageError> {
        let prefix = Path::from(self.names.shard(shard));
        let mut objects = self.client.list(Some(&prefix));
        let listed = self.call(async {
            let mut found = Vec::new();
            while let Some(object) = objects.try_next().await? {
                if let Some(key) = self.names.key_in(object.location.as_ref()) {
                    found.push((key, object.size));
                }
            }
            Ok::<_, Error>(found)
        });
        listed.await.map_err(Failure::unexpected)
    }

    /// Everything unfinished, by key, and the store's time.
    async fn list_remains(&self) -> Result<(BTreeMap<ObjectKey, Remains>, Option<i64>), Failure> {
        let (multiparts, now_ms) = self.list_multiparts(&self.names.blobs()).await?;
        let mut remains: BTreeMap<ObjectKey, Remains> = BTreeMap::new();
        for multipart in multiparts {
            if let Some(key) = self.names.key_in(&multipart.name) {
                let found = remains.entry(key).or_default();
                found.newest_ms = found.newest_ms.max(multipart.begun_ms.unwrap_or(i64::MAX));
                found.multiparts.push(multipart);
            }
        }
        for (path, stored_ms) in self.list_pieces(&self.names.all_pieces()).await? {
            if let Some(key) = self.names.key_in(path.as_ref()) {
                let found = remains.entry(key).or_default();
                found.newest_ms = found.newest_ms.max(stored_ms);
                found.pieces.push(path);
            }
        }
        Ok((remains, now_ms))
    }

    async fn list_pieces(&self, prefix: &str) -> Result<Vec<(Path, i64)>, Failure> {
        let prefix = Path::from(prefix);
        let objects = self.client.list(Some(&prefix));
        let pieces =
            objects.map_ok(|object| (object.location, object.last_modified.timestamp_millis()));
        self.call(pieces.try_collect()).await
    }

    /// Multipart uploads whose names begin so, and the store's time. The client has no such call.
    pub(super) async fn list_multiparts(
        &self,
        prefix: &str,
    ) -> Result<(Vec<OpenMultipart>, Option<i64>), Failure> {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let (mut found, mut now_ms, mut markers) = (HashMap::new(), None, String::new());
        loop {
            let query = format!(
                "uploads=&max-uploads=1000&prefix={}{markers}",
                encoded(prefix)
            );
            let response = self.ask(&query).await?;
            let date = response.headers().get(header::DATE);
            now_ms = now_ms.or(date.and_then(dates::of_header));
            let text = self.text(response).await?;
            let known = found.len();
            for upload in xml::elements(&text, "Upload") {
                let (Some(name), Some(id)) = (
                    xml::text_of(upload, "Key"),
                    xml::text_of(upload, "UploadId"),
                ) else {
                    continue;
                };
                let begun = xml::text_of(upload, "Initiated");
                let begun_ms = begun.as_deref().and_then(dates::iso_ms);
                // Some stores do not look at the prefix.
                if name.starts_with(prefix) {
                    found.insert(id.clone(), OpenMultipart { name, id, begun_ms });
                }
            }
            let is_truncated = xml::text_of(&text, "IsTruncated").as_deref() == Some("true");
            if !is_truncated || found.len() == known {
                return Ok((found.into_values().collect(), now_ms));
            }
            let marker = |name| encoded(&xml::text_of(&text, name).unwrap_or_default());
            markers = format!(
                "&key-marker={}&upload-id-marker={}",
                marker("NextKeyMarker"),
                marker("NextUploadIdMarker")
            );
        }
    }

    /// GET of the bucket itself.
    pub(super) async fn ask(&self, query: &str) -> Result<HttpResponse, Failure> {
        let client = HttpClient::new(self.network.clone());
        let mut tries = 0;
        loop {
            tries += 1;
            let asked = self.call(async {
                let mut request = HttpRequest::new(HttpRequestBody::empty());
                *request.method_mut() = Method::GET;
                let url = format!("{}/?{query}", self.bucket_url);
                *request.uri_mut() = url.parse().map_err(generic)?;
                let credential = self.client.credentials().get_credential().await?;
                AwsAuthorizer::new(&credential, "s3", &self.region)
                    .with_sign_payload(self.signs_payload)
                    .try_authorize(&mut request, None)?;
                let response = client.execute(request).await.map_err(generic)?;
                if response.status().is_success() {
                    Ok(response)
                } else {
                    Err(generic(refused_with(response.status())))
                }
            });
            match asked.await {
                Err(Failure::Storage(StorageError::Unavailable(_))) if tries < TRIES => {
                    tokio::time::sleep(super::FIRST_PAUSE * 2_u32.pow(tries)).await;
                }
                asked => return asked,
            }
        }
    }

    pub(super) async fn text(&self, response: HttpResponse) -> Result<String, Failure> {
        let body = self.call(async { response.into_body().bytes().await.map_err(generic) });
        Ok(String::from_utf8_lossy(&body.await?).into_owned())
    }
}

fn refused_with(status: StatusCode) -> std::io::Error {
    std::io::Error::other(status.to_string())
}

fn generic(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Generic {
        store: "S3",
        source: Box::new(error),
    }
}
