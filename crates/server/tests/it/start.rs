//! A start that cannot go well ends with one sentence that names the setting, its value, and what to do.

use engines::{Postgres, SeaweedFs};

use crate::registry::backends::{Backends, database_settings, store_settings};
use crate::registry::{Setup, TestRegistry};
use crate::store_proxy::{Manner, StoreProxy};

/// In every wrong password and secret, and in no message.
const SECRET: &str = "hunter2-Hidden";

fn setup(settings: &[(String, String)]) -> Setup {
    let mut setup = TestRegistry::builder()
        .on(Backends::EMBEDDED)
        .setting("S3__RETRY_FOR_SECS", 1)
        .setting("S3__REQUEST_TIMEOUT_SECS", 3)
        .setting("METRICS__ADDRESS", "");
    for (name, value) in settings {
        setup = setup.setting(name, value);
    }
    setup
}

fn with(name: &str, value: &str) -> Setup {
    setup(&[(name.to_owned(), value.to_owned())])
}

/// The program ends with 1, and says on standard error one sentence that has all of `named`, and nothing else.
#[track_caller]
fn assert_refused(setup: &Setup, named: &[&str]) {
    let ended = setup.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.stdout, "", "{ended:?}");
    let lines: Vec<&str> = ended.stderr.lines().collect();
    let [sentence] = lines[..] else {
        panic!("not one line: {}", ended.stderr);
    };
    assert!(sentence.starts_with("roadstead: ["), "{sentence}");
    for part in named {
        assert!(sentence.contains(part), "{part:?} is not in: {sentence}");
    }
    for secret in [SECRET, SeaweedFs::shared().secret_key()] {
        assert!(!sentence.contains(secret), "{sentence}");
    }
}

/// A database of the shared server, whose URL has these changes.
fn database(name: &str, change: impl FnOnce(String) -> String) -> Setup {
    let url = Postgres::shared().create_database(name);
    with("DATABASE__URL", &change(url.expect("it takes it")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_used_is_named() {
    tokio::task::block_in_place(|| {
        let nobody = format!("postgres://someone:{SECRET}@127.0.0.1:1/registry");
        assert_refused(
            &with("DATABASE__URL", &nobody),
            &[
                "[database] url",
                "someone@127.0.0.1:1/registry",
                "start the server",
            ],
        );
        assert_refused(
            &with("DATABASE__URL", &Postgres::shared().url_of("nowhere")),
            &["[database] url", "/nowhere", "CREATE DATABASE"],
        );
        let wrong = |url: String| {
            let (user, place) = url.split_once('@').expect("a user");
            let (user, _) = user.rsplit_once(':').expect("a password");
            format!("{user}:{SECRET}@{place}")
        };
        assert_refused(
            &database("wrong_password", wrong),
            &[
                "[database] url",
                "postgres@127.0.0.1",
                "password authentication failed",
                "give the user and password",
            ],
        );
        let owner = "CREATE ROLE stranger LOGIN PASSWORD 'known'";
        Postgres::shared().psql("postgres", owner).expect("a user");
        let stranger = |url: String| {
            let (_, place) = url.split_once('@').expect("a user");
            format!("postgres://stranger:known@{place}")
        };
        assert_refused(
            &database("no_rights", stranger),
            &["[database] url", "permission denied", "owner"],
        );
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_with_another_time_is_named() {
    tokio::task::block_in_place(|| {
        let setup = database("another_time", |url| url);
        // Found before the server's own.
        let later = "CREATE SCHEMA later; \
             CREATE FUNCTION later.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS \
             $$ SELECT pg_catalog.clock_timestamp() + INTERVAL '40 seconds' $$; \
             ALTER DATABASE another_time SET search_path = public, later, pg_catalog";
        Postgres::shared()
            .psql("another_time", later)
            .expect("a function");
        assert_refused(
            &setup,
            &[
                "[database] url",
                "/another_time",
                "s ahead of this machine's",
                "NTP",
            ],
        );
    });
}

fn store(bucket: &str, changes: &[(&str, &str)]) -> Setup {
    let mut settings = store_settings(SeaweedFs::shared(), bucket);
    for (name, value) in changes {
        settings.retain(|(known, _)| known != name);
        settings.push(((*name).to_owned(), (*value).to_owned()));
    }
    setup(&settings)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_used_is_named() {
    tokio::task::block_in_place(|| {
        assert_refused(
            &store("start-a", &[("S3__ENDPOINT", "http://127.0.0.1:1")]),
            &[
                "[s3] endpoint = \"http://127.0.0.1:1\"",
                "refused",
                "start the store",
            ],
        );
        assert_refused(
            &store("start-b", &[("S3__BUCKET", "nowhere")]),
            &["[s3] bucket = \"nowhere\"", "no such bucket", "make it"],
        );
        assert_refused(
            &store("start-c", &[("S3__SECRET_KEY", SECRET)]),
            &["[s3] access_key = \"roadstead\"", "secret", "secret_key"],
        );
        assert_refused(
            &store("start-d", &[("S3__ACCESS_KEY", "nobody")]),
            &["[s3] access_key = \"nobody\"", "does not know", "give one"],
        );
        let (reader, secret) = SeaweedFs::shared().reader();
        assert_refused(
            &store(
                "start-e",
                &[("S3__ACCESS_KEY", reader), ("S3__SECRET_KEY", secret)],
            ),
            &[
                "[s3] access_key = \"reader\"",
                "may not",
                "\"start-e\"",
                "writing",
                "rights",
            ],
        );
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_none_or_has_another_time_is_named() {
    let proxy = StoreProxy::to(SeaweedFs::shared().port()).await;
    let endpoint = proxy.endpoint();
    tokio::task::block_in_place(|| {
        let setup = store("start-f", &[("S3__ENDPOINT", &endpoint)]);
        proxy.set(Manner::SomethingElse);
        assert_refused(&setup, &["[s3] endpoint", &endpoint, "S3 store", "region"]);
        for manner in [Manner::RefusingForSkew(1200), Manner::Skewed(30)] {
            proxy.set(manner);
            assert_refused(
                &setup,
                &[
                    "[s3] endpoint",
                    &endpoint,
                    "s ahead of this machine's",
                    "NTP",
                ],
            );
        }
        proxy.set(Manner::Skewed(-90));
        assert_refused(&setup, &["s behind this machine's"]);
        proxy.set(Manner::SlowDown);
        assert_refused(&setup, &["[s3] endpoint", "SlowDown"]);
        proxy.set(Manner::Stalled);
        assert_refused(&setup, &["[s3] endpoint", "no answer within 3 s"]);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_ignores_conditions_needs_permission() {
    let proxy = StoreProxy::to(SeaweedFs::shared().port()).await;
    let setup = store("start-g", &[("S3__ENDPOINT", &proxy.endpoint())]);
    tokio::task::block_in_place(|| {
        for (manner, what) in [
            (Manner::Racy, "for one name both succeeded"),
            (Manner::Unconditional, "ignores conditional writes"),
        ] {
            proxy.set(manner);
            assert_refused(
                &setup,
                &[
                    "[s3] bucket = \"start-g\"",
                    what,
                    "allow_unconditional_writes = true",
                ],
            );
        }
    });
    let registry = setup
        .setting("S3__ALLOW_UNCONDITIONAL_WRITES", true)
        .setting("METRICS__ADDRESS", "127.0.0.1:0")
        .start()
        .await;
    registry.log_line_with("ignores conditional writes");
    let image = registry.push_image("library/app", "1").await;
    let manifest = format!("/v2/library/app/manifests/{image}");
    registry.get(&manifest).await.assert_status(200);
}

/// Nothing of the database is there when the store ends the start: the next start with better settings is the first.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_was_refused_is_repeated_with_better_settings() {
    let shared = Postgres::shared();
    let mut settings = database_settings(shared, "start_repeated");
    settings.extend(store_settings(SeaweedFs::shared(), "start-h"));
    let setup = setup(&settings).setting("S3__BUCKET", "nowhere");
    tokio::task::block_in_place(|| assert_refused(&setup, &["[s3] bucket"]));
    let setup = setup.setting("S3__BUCKET", "start-h");
    let registry = setup
        .setting("METRICS__ADDRESS", "127.0.0.1:0")
        .start()
        .await;
    registry.push_image("library/app", "1").await;
}
