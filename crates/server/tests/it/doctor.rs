//! `roadstead doctor`: healthy deployments are left in peace and untouched, and what is wrong is named with what to do.

mod made;

use std::collections::BTreeMap;
use std::path::Path;

use engines::{Postgres, SeaweedFs};
use serde_json::Value;

use crate::registry::backends::{Backends, database_settings, store_settings};
use crate::registry::program::Ended;
use crate::registry::{Setup, TestRegistry};
use crate::store_proxy::{Manner, StoreProxy};
use made::Certificate;

const SECRET: &str = "hunter2-Hidden";

fn store() -> &'static SeaweedFs {
    SeaweedFs::shared()
}

fn embedded() -> Setup {
    TestRegistry::builder().on(Backends::EMBEDDED)
}

fn on(settings: &[(String, String)]) -> Setup {
    let quick = embedded()
        .setting("S3__RETRY_FOR_SECS", 1)
        .setting("S3__REQUEST_TIMEOUT_SECS", 3);
    settings
        .iter()
        .fold(quick, |setup, (name, value)| setup.setting(name, value))
}

/// A free address and, for metrics, none: nothing is in the way of another test.
const SERVE: [&str; 3] = ["doctor", "--listen", "127.0.0.1:0"];

fn examine(setup: &Setup) -> Ended {
    let ended = setup.run(&SERVE);
    for text in [&ended.stdout, &ended.stderr] {
        assert!(!text.contains(SECRET), "{text}");
        assert!(!text.contains(SeaweedFs::shared().secret_key()), "{text}");
    }
    ended
}

/// All is well, whatever is worth a look.
#[track_caller]
fn assert_healthy(setup: &Setup) -> String {
    let ended = examine(setup);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.stderr, "");
    assert!(ended.stdout.ends_with(", 0 failed\n"), "{}", ended.stdout);
    ended.stdout
}

/// A line of that outcome has all of `named`, of which the last is in the line below it, the remedy.
#[track_caller]
fn assert_found(setup: &Setup, outcome: &str, named: &[&str], remedy: &str) {
    let ended = examine(setup);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    let is_found = lines.windows(2).any(|pair| {
        pair[0].starts_with(outcome)
            && named.iter().all(|part| pair[0].contains(part))
            && pair[1].trim_start().starts_with("-> ")
            && pair[1].contains(remedy)
    });
    assert!(
        is_found,
        "no {outcome} {named:?} {remedy:?}:\n{}",
        ended.stdout
    );
    let has_failed = outcome == "failed";
    assert_eq!(ended.code, Some(i32::from(has_failed)), "{}", ended.stdout);
    assert_eq!(
        ended.stderr.contains("failed"),
        has_failed,
        "{}",
        ended.stderr
    );
}

/// Names and contents of all files, but for what a running registry writes by itself.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.path().display().to_string();
        if entry.path().is_dir() {
            found.insert(name, Vec::new());
            found.extend(files(&entry.path()));
        } else {
            found.insert(name, std::fs::read(entry.path()).unwrap_or_default());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_registry_on_one_machine_is_left_alone() {
    let setup = embedded().setting("METRICS__ADDRESS", "");
    let first = tokio::task::block_in_place(|| assert_healthy(&setup));
    assert!(first.contains("the first start makes it"), "{first}");
    assert!(!setup.data_dir().exists(), "it changes nothing");

    let registry = setup
        .setting("METRICS__ADDRESS", "127.0.0.1:0")
        .start()
        .await;
    registry.push_image("library/app", "1").await;
    let address = registry.address().to_string();
    let beside =
        tokio::task::block_in_place(|| registry.run(&["doctor", "--json", "--listen", &address]));
    assert_eq!(beside.code, Some(0), "{beside:?}");
    let beside = beside.json();
    assert_eq!(
        (&beside["failed"], &beside["warnings"]),
        (&Value::from(0), &Value::from(0))
    );
    let text = beside.to_string();
    for part in [
        "is held by the running registry",
        "is the one of this database",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let image = registry.push_image("library/app", "2").await;

    let setup = registry.stop();
    let before = files(&setup.data_dir());
    let after_the_end = tokio::task::block_in_place(|| assert_healthy(&setup));
    assert!(
        after_the_end.contains("no registry runs on it now"),
        "{after_the_end}"
    );
    assert_eq!(files(&setup.data_dir()), before, "it changes nothing");
    let registry = setup.start().await;
    let manifest = format!("/v2/library/app/manifests/{image}");
    registry.get(&manifest).await.assert_status(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_replica_is_left_alone_and_the_engines_as_they_were() {
    let (server, bucket) = ("doctor_healthy", "doctor-healthy");
    let postgres = tokio::task::spawn_blocking(|| Postgres::builder().durable().start());
    let postgres = postgres
        .await
        .expect("no panic")
        .expect("PostgreSQL starts");
    let mut settings = database_settings(&postgres, server);
    settings.extend(store_settings(SeaweedFs::shared(), bucket));
    let registry = on(&settings).start().await;
    registry.push_image("library/app", "1").await;
    let objects = || SeaweedFs::shared().list_objects(bucket).expect("it lists");
    let rows = || {
        let sql = "SELECT (SELECT COUNT(*) FROM pg_class), (SELECT COUNT(*) FROM deployment), \
             (SELECT COUNT(*) FROM blobs)";
        postgres.psql(server, sql).expect("it answers")
    };
    let (objects_before, rows_before) = (objects(), rows());
    tokio::task::block_in_place(|| {
        let ended = registry.run(&SERVE);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        for part in [
            "store's clock agrees",
            "database's clock agrees",
            "commits are flushed before they are answered",
            "the one of this database",
            "conditional writes: works",
            "uploads in parts: works",
            "signed URLs",
            "database.connections = 16 needs 17 of the 297",
        ] {
            assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
        }
        // The store of these tests has no rules.
        assert!(
            ended.stdout.contains("-> add one of 7 days or more"),
            "{}",
            ended.stdout
        );
        assert_eq!((objects(), rows()), (objects_before, rows_before));
    });
    let unsafe_too = registry.stop();
    drop(postgres);
    tokio::task::block_in_place(|| {
        assert_found(
            &unsafe_too,
            "failed",
            &["[database] url"],
            "start the server",
        );
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_examined_in_every_way() {
    tokio::task::block_in_place(|| {
        let shared = Postgres::shared();
        let setup = on(&database_settings(shared, "doctor_database"));
        // The server of the tests trades safety for speed.
        assert_found(
            &setup,
            "failed",
            &["durability", "fsync = off"],
            "fsync = on",
        );
        assert_found(
            &setup,
            "failed",
            &["full_page_writes"],
            "full_page_writes = on",
        );
        let later = "CREATE SCHEMA later; \
             CREATE FUNCTION later.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS \
             $$ SELECT pg_catalog.clock_timestamp() - INTERVAL '95 seconds' $$; \
             ALTER DATABASE doctor_database SET search_path = public, later, pg_catalog; \
             ALTER DATABASE doctor_database SET synchronous_commit = off";
        shared.psql("doctor_database", later).expect("it takes it");
        assert_found(
            &setup,
            "failed",
            &["clock", "the database's", "s behind this machine's"],
            "NTP",
        );
        let crowded = "CREATE ROLE crowded LOGIN PASSWORD 'c' CONNECTION LIMIT 9";
        shared.psql("postgres", crowded).expect("a user");
        let (_, place) = shared
            .url()
            .split_once('@')
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .expect("a place");
        let url = format!(
            "postgres://crowded:c@{}",
            place.replace("/postgres", "/doctor_database")
        );
        let setup = setup.setting("DATABASE__URL", url);
        assert_found(
            &setup,
            "failed",
            &["connections = 16 needs 17 of the 9"],
            "max_connections",
        );
        assert_found(&setup, "failed", &["may not make tables"], "owner");
        assert_found(
            &on(&[(
                "DATABASE__URL".to_owned(),
                format!("postgres://postgres:{SECRET}@{place}"),
            )]),
            "failed",
            &["password authentication failed"],
            "give the user and password",
        );
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_examined_in_every_way() {
    let proxy = StoreProxy::to(SeaweedFs::shared().port()).await;
    tokio::task::block_in_place(|| {
        let setup = on(&store_settings(SeaweedFs::shared(), "doctor-store"));
        assert_healthy(&setup);
        let setup = setup.setting("S3__BUCKET", "nowhere-to-be-found");
        assert_found(
            &setup,
            "failed",
            &["no such bucket", "nowhere-to-be-found"],
            "make it",
        );
        let setup = setup
            .setting("S3__BUCKET", "doctor-store")
            .setting("S3__SECRET_KEY", SECRET);
        assert_found(
            &setup,
            "failed",
            &["secret half is another one"],
            "give the secret",
        );
        let (reader, secret) = SeaweedFs::shared().reader();
        let setup = setup
            .setting("S3__ACCESS_KEY", reader)
            .setting("S3__SECRET_KEY", secret);
        assert_found(&setup, "failed", &["may not", "writing"], "rights");
        let setup = on(&store_settings(SeaweedFs::shared(), "doctor-proxied"));
        let setup = setup.setting("S3__ENDPOINT", proxy.endpoint());
        assert_healthy(&setup);
        proxy.set(Manner::Skewed(-40));
        assert_found(
            &setup,
            "failed",
            &["clock", "s behind this machine's"],
            "NTP",
        );
        proxy.set(Manner::Skewed(5));
        assert_found(
            &setup,
            "warning",
            &["clock", "s ahead of this machine's"],
            "NTP",
        );
        proxy.set(Manner::Unconditional);
        assert_found(
            &setup,
            "failed",
            &["ignores conditional writes"],
            "allow_unconditional_writes = true",
        );
        let setup = setup.setting("S3__ALLOW_UNCONDITIONAL_WRITES", true);
        assert_found(
            &setup,
            "warning",
            &["ignores conditional writes"],
            "prefer a store",
        );
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_may_stand_in_a_file() {
    tokio::task::block_in_place(|| {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let (key, secret) = (store().access_key(), store().secret_key());
        let text =
            format!("[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n");
        std::fs::write(file.path(), text).expect("it is ours");
        let mut settings = store_settings(store(), "doctor-file");
        settings.retain(|(name, _)| !name.ends_with("_KEY"));
        let by_file = on(&settings).setting("S3__CREDENTIALS_FILE", file.path().display());
        assert_healthy(&by_file);
        std::fs::write(file.path(), "[default]\n").expect("it is ours");
        assert_found(
            &by_file,
            "failed",
            &["[s3] credentials_file"],
            "write each as name = value",
        );
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_addresses_are_examined() {
    let registry = embedded()
        .setting("METRICS__ADDRESS", "127.0.0.1:0")
        .start()
        .await;
    let setup = registry.stop().setting("METRICS__ADDRESS", "");
    tokio::task::block_in_place(|| {
        let key = setup.data_dir().join("deployment.key");
        std::fs::write(&key, [9; 32]).expect("it is ours");
        assert_found(
            &setup,
            "failed",
            &["[deployment_key]", "was begun with"],
            "a copy of the key",
        );
        std::fs::write(&key, [9; 31]).expect("it is ours");
        assert_found(
            &setup,
            "failed",
            &["[deployment_key]", "32 bytes"],
            "restore it",
        );
        std::fs::remove_file(&key).expect("it is ours");
        assert_found(
            &setup,
            "failed",
            &["there is no deployment key"],
            "restore it",
        );
        let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = taken.local_addr().expect("it has one").to_string();
        let setup = embedded().setting("METRICS__ADDRESS", &address);
        assert_found(&setup, "failed", &[&address, "another program"], "ss -ltnp");
        let setup = embedded()
            .setting("METRICS__ADDRESS", "")
            .setting("LIMITS__CONNECTIONS", 1_000_000);
        assert_found(&setup, "warning", &["open files", "1000000"], "LimitNOFILE");
        let setup = setup.setting("LIMITS__CONNECTIONS", 0);
        let ended = setup.run(&["doctor", "--json"]);
        assert_eq!(ended.code, Some(1));
        let found = &ended.json()["checks"][0];
        assert_eq!(
            (&found["check"], &found["outcome"]),
            (&Value::from("settings"), &Value::from("failed"))
        );
        assert!(
            found["detail"].to_string().contains("out of range"),
            "{found}"
        );
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_examined() {
    let folder = tempfile::tempdir().expect("a directory");
    let with = |made: &Certificate| {
        let [certificate, key] = made.write(folder.path());
        embedded()
            .setting("METRICS__ADDRESS", "")
            .setting(
                "REGISTRY__EXTERNAL_URL",
                "https://registry.example.com:5000",
            )
            .setting("LISTENERS__0__TLS_CERTIFICATE", certificate)
            .setting("LISTENERS__0__TLS_PRIVATE_KEY", key)
    };
    tokio::task::block_in_place(|| {
        let good = Certificate::of("registry.example.com", -1, 400);
        let healthy = assert_healthy(&with(&good));
        assert!(healthy.contains("is for registry.example.com"), "{healthy}");
        let other = Certificate::of("other.example.com", -1, 400);
        assert_found(
            &with(&other),
            "failed",
            &["is not for registry.example.com"],
            "get a certificate",
        );
        let expired = Certificate::of("registry.example.com", -400, -1);
        assert_found(&with(&expired), "failed", &["has expired on"], "renew it");
        let early = Certificate::of("registry.example.com", 2, 400);
        assert_found(&with(&early), "failed", &["is not valid before"], "clock");
        let soon = Certificate::of("registry.example.com", -300, 20);
        assert_found(
            &with(&soon),
            "warning",
            &["expires on", "in 19 days"],
            "renew it",
        );
        let mixed = Certificate {
            key: other.key.clone(),
            ..good.clone()
        };
        assert_found(
            &with(&mixed),
            "failed",
            &["does not belong"],
            "the key that belongs to it",
        );
        let mut turned = good.clone();
        turned.chain.swap(0, 1);
        assert_found(&with(&turned), "failed", &["does not belong"], "first");
        let mut stranger = good.clone();
        stranger.chain[1].clone_from(&other.chain[0]);
        assert_found(
            &with(&stranger),
            "failed",
            &["not followed by its issuer"],
            "issuer after",
        );
    });
}
