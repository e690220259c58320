//! What requests that died leave in a bucket: it goes, and nothing else does.

use std::time::{Duration, Instant};

use bytes::Bytes;
use engines::{Postgres, SeaweedFs};

use crate::registry::backends::{Backends, database_settings, store_settings};
use crate::registry::content::{noise, sha256};
use crate::registry::{PATIENCE, TestRegistry};
use crate::store_proxy::{Manner, StoreProxy};

const REPOSITORY: &str = "library/app";
const HOUR_S: i64 = 3600;

async fn start(proxy: &StoreProxy, name: &str) -> (TestRegistry, String) {
    let bucket = name.replace('_', "-");
    let settings = tokio::task::block_in_place(|| {
        let mut settings = database_settings(Postgres::shared(), name);
        settings.extend(store_settings(SeaweedFs::shared(), &bucket));
        settings
    });
    let mut setup = TestRegistry::builder().on(Backends::EMBEDDED);
    for (name, value) in settings {
        setup = setup.setting(&name, value);
    }
    let setup = setup
        .setting("S3__ENDPOINT", proxy.endpoint())
        .setting("S3__ORPHANS_AFTER_SECS", 60)
        // Only when the test says so.
        .setting("UPLOADS__SWEEP_INTERVAL_SECS", 86_400);
    (setup.start().await, bucket)
}

/// Has a job done, and waits for its end.
fn run(registry: &TestRegistry, kind: &str) {
    let asked = registry.admin(&["jobs", "run", kind]);
    let id = asked["id"].as_str().expect("an id");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let job = registry.admin(&["jobs", "show", id]);
        match job["state"].as_str() {
            Some("done") => return,
            Some("queued" | "running") if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(50));
            }
            _ => panic!("{job:#}"),
        }
    }
}

fn objects(bucket: &str) -> Vec<String> {
    SeaweedFs::shared().list_objects(bucket).expect("it lists")
}

fn object_of(key: &str) -> String {
    format!("blobs/{}/{key}", &key[key.len() - 2..])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_a_dead_request_made_goes_when_its_content_is_there_already() {
    let proxy = StoreProxy::to(SeaweedFs::shared().port()).await;
    let (registry, bucket) = start(&proxy, "leftovers_object").await;
    let bytes = noise(3, 50_000);
    let digest = registry.push_blob("library/first", bytes.clone()).await;
    let location = registry.start_upload(REPOSITORY).await;
    let (_, key) = location
        .rsplit_once('/')
        .expect("it ends with the upload's id");
    let key = key.split('?').next().expect("an id").to_owned();
    registry
        .patch(&location)
        .body(bytes.clone())
        .await
        .assert_status(202);
    // As a replica would that completed the upload, and died before it could say so.
    let put = || SeaweedFs::shared().put_object(&bucket, &object_of(&key), &bytes);
    tokio::task::block_in_place(put).expect("the store takes it");

    let target = format!("{location}?digest={digest}");
    registry
        .put(&target)
        .body(Bytes::new())
        .await
        .assert_status(201);
    tokio::task::block_in_place(|| {
        run(&registry, "delete_objects");
        assert!(
            !objects(&bucket).contains(&object_of(&key)),
            "{:?}",
            objects(&bucket)
        );
        let fsck = registry.run(&["fsck"]);
        assert_eq!(fsck.code, Some(0), "{fsck:?}");
    });
    let blob = registry
        .get(&format!("/v2/{REPOSITORY}/blobs/{digest}"))
        .await;
    blob.assert_status(200).assert_body(&bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_of_uploads_that_nobody_knows_are_swept_and_those_of_others_stay() {
    let proxy = StoreProxy::to(SeaweedFs::shared().port()).await;
    let (registry, bucket) = start(&proxy, "leftovers_pieces").await;
    let bytes = noise(4, 60_000);
    let location = registry.start_upload(REPOSITORY).await;
    let patch = registry.patch(&location).body(bytes.slice(..30_000));
    patch.await.assert_status(202);
    let stray = "pieces/01890a5d-ac96-774b-bcce-b302099a8057/stray";
    tokio::task::block_in_place(|| {
        let put = SeaweedFs::shared().put_object(&bucket, stray, b"nobody's");
        put.expect("the store takes it");
        run(&registry, "sweep_uploads");
        assert!(
            objects(&bucket).contains(&stray.to_owned()),
            "it is too young"
        );
        // By the store's clock, an hour later.
        proxy.set(Manner::Skewed(HOUR_S));
        run(&registry, "sweep_uploads");
        assert!(
            !objects(&bucket).contains(&stray.to_owned()),
            "{:?}",
            objects(&bucket)
        );
        proxy.set(Manner::Faithful);
        let scheduled = registry.sql("SELECT kind FROM schedules").concat();
        assert!(
            scheduled.contains(&"sweep_uploads".to_owned()),
            "{scheduled:?}"
        );
    });
    let target = format!("{location}?digest={}", sha256(&bytes));
    let put = registry.put(&target).body(bytes.slice(30_000..)).await;
    let blob = registry.get(&put.assert_status(201).location()).await;
    blob.assert_status(200).assert_body(&bytes);
}
