//! Connections to PostgreSQL that break, a server that stands still, and transactions that the server ends.

use super::fixture::{World, id, write};
use super::postgres::{Database, options, until_async};
use crate::{Error, MetadataStore, PostgresOptions};
use engines::Postgres;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_broke_while_it_rested_is_nobodys_error() {
    let database = Database::new();
    let store = &database.store;
    let world = World::create(store).await;
    for _ in 0..3 {
        database.cut();
        let found = store
            .read(|reader| reader.find_repository(&world.key))
            .await;
        assert!(found.unwrap().is_some());
        database.cut();
        let name = id();
        store
            .write(move |tx| tx.put_deployment_value(&name, "here"))
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_whose_connection_breaks_is_run_again_as_a_whole() {
    let database = Database::new();
    let store = &database.store;
    let (first, second) = (id(), id());
    let (one, two) = (first.clone(), second.clone());
    let cut = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
        database.name
    );
    let is_cut = Arc::new(AtomicBool::new(false));
    let cuts = is_cut.clone();
    store
        .write(move |tx| {
            tx.put_deployment_value(&one, "here")?;
            if !cuts.swap(true, Ordering::Relaxed) {
                Postgres::shared().psql("postgres", &cut).unwrap();
            }
            tx.put_deployment_value(&two, "here")
        })
        .await
        .unwrap();
    assert!(is_cut.load(Ordering::Relaxed));
    for name in [first, second] {
        let found = store
            .read(|reader| reader.find_deployment_value(&name))
            .await;
        assert_eq!(found.unwrap().as_deref(), Some("here"));
    }
}

/// Whether it was done nobody knows: doing it again could do it twice, and to say that it was not would be a guess.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_lost_during_a_commit_is_an_error_and_no_second_attempt() {
    let database = Database::new();
    let cut_at_commit = "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'; \
         CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON deployment DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION cut()";
    Postgres::shared()
        .psql(&database.name, cut_at_commit)
        .unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    let (counted, name) = (runs.clone(), id());
    let answer = database
        .store
        .write(move |tx| {
            counted.fetch_add(1, Ordering::Relaxed);
            tx.put_deployment_value(&name, "here")
        })
        .await;
    assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    database.store.read(|reader| reader.probe()).await.unwrap();
}

/// It accepts connections and acknowledges bytes, so that nothing but our own clock ends the waiting.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stands_still_is_given_up_on_and_found_again() {
    let server = Arc::new(Postgres::start().unwrap());
    let short = PostgresOptions {
        connect_limit: Duration::from_secs(1),
        time_limit: Duration::from_secs(1),
        ..options(&server.url())
    };
    let store = MetadataStore::open_postgres(&short).unwrap();
    let name = id();
    let found = || store.read(|reader| reader.find_deployment_value(&name));
    assert_eq!(found().await.unwrap(), None);

    // While a transaction is under way: whether its commit came through nobody knows, and it is not done twice.
    let runs = Arc::new(AtomicUsize::new(0));
    let (counted, stopped, written) = (runs.clone(), server.clone(), name.clone());
    let in_doubt = store.write(move |tx| {
        counted.fetch_add(1, Ordering::Relaxed);
        tx.put_deployment_value(&written, "here")?;
        stopped.pause();
        Ok::<_, Error>(())
    });
    let in_doubt = in_doubt.await;
    assert!(
        matches!(in_doubt, Err(Error::Unavailable(_))),
        "{in_doubt:?}"
    );
    assert_eq!(runs.load(Ordering::Relaxed), 1);

    let (asked, changed) = tokio::join!(
        found(),
        store.write(|tx| tx.put_deployment_value("other", "value"))
    );
    assert!(matches!(asked, Err(Error::Unavailable(_))), "{asked:?}");
    assert!(matches!(changed, Err(Error::Unavailable(_))), "{changed:?}");
    let refused = tokio::task::block_in_place(|| MetadataStore::open_postgres(&short).map(drop));
    let refused = refused.expect_err("nobody answers").to_string();
    assert!(refused.contains("did not answer for 1 s"), "{refused}");

    // Once that is known, nobody waits any more: nothing is asked, and nobody logs in.
    until_async("it is known that the server is silent", async || {
        let refused = found().await.expect_err("nobody answers").to_string();
        refused.contains("/postgres does not answer")
    })
    .await;
    assert_eq!(store.reader_count(), 0);
    server.resume();
    until_async("the server is found again", async || found().await.is_ok()).await;
    let name = name.clone();
    write(&store, move |tx| tx.put_deployment_value(&name, "again")).await;
}

/// Two that each hold what the other one wants next: the database ends one of them, which begins again.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_was_ended_for_another_ones_sake_is_run_again() {
    let database = Database::new();
    let store = &database.store;
    let (first, second) = (id(), id());
    for name in [first.clone(), second.clone()] {
        write(store, move |tx| tx.put_deployment_value(&name, "before")).await;
    }
    let runs = Arc::new(AtomicUsize::new(0));
    let both_hold_one = Arc::new(std::sync::Barrier::new(2));
    let change = |one: &str, other: &str| {
        let (one, other, value) = (one.to_owned(), other.to_owned(), id());
        let (runs, both_hold_one) = (runs.clone(), both_hold_one.clone());
        let is_first = Arc::new(AtomicBool::new(true));
        store.write(move |tx| {
            runs.fetch_add(1, Ordering::Relaxed);
            tx.put_deployment_value(&one, &value)?;
            if is_first.swap(false, Ordering::Relaxed) {
                both_hold_one.wait();
            }
            tx.put_deployment_value(&other, &value)
        })
    };
    let (there, back) = tokio::join!(change(&first, &second), change(&second, &first));
    there.unwrap();
    back.unwrap();
    // Or both, when both noticed at the same moment.
    assert!(runs.load(Ordering::Relaxed) > 2);
    let value = |name: &str| {
        let name = name.to_owned();
        store.read(move |reader| reader.find_deployment_value(&name))
    };
    assert_eq!(value(&first).await.unwrap(), value(&second).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_cannot_be_put_in_order_is_run_again_a_few_times() {
    const FAIL: &str = "/* of a test */ DO 'BEGIN RAISE EXCEPTION USING ERRCODE = ''40001''; END'";
    let database = Database::new();
    for (failures, succeeds) in [(15, true), (usize::MAX, false)] {
        let runs = Arc::new(AtomicUsize::new(0));
        let (counted, name) = (runs.clone(), id());
        let answer = database.store.write(move |tx| {
            tx.put_deployment_value(&name, "here")?;
            if counted.fetch_add(1, Ordering::Relaxed) < failures {
                tx.connection.execute(FAIL, &[])?;
            }
            Ok::<_, Error>(())
        });
        let answer = answer.await;
        let is_right = if succeeds {
            answer.is_ok()
        } else {
            matches!(answer, Err(Error::Unavailable(_)))
        };
        assert!(is_right, "{answer:?}");
        assert_eq!(runs.load(Ordering::Relaxed), 16);
    }
}

/// The server answers COMMIT with ROLLBACK when a statement has failed before. Nobody is told that this was a success.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_ignores_a_failure_is_none() {
    let database = Database::new();
    let store = &database.store;
    let name = id();
    let written = name.clone();
    let answer = store
        .write(move |tx| {
            tx.put_deployment_value(&written, "here")?;
            let failed = tx.connection.execute("/* of a test */ SELECT 1 / 0", &[]);
            assert!(failed.is_err());
            let after = tx.put_deployment_value(&written, "there");
            assert!(matches!(after, Err(Error::Unavailable(_))), "{after:?}");
            Ok::<_, Error>(())
        })
        .await;
    assert!(answer.is_err());
    let found = store
        .read(|reader| reader.find_deployment_value(&name))
        .await;
    assert_eq!(found.unwrap(), None);
}
