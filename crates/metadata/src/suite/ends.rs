//! Transactions that end before their commit: out of time, or refused by it.

use super::fixture::{Database, World};
use super::writer::{Work, hold, is_there, put, queue};
use crate::Error;
use std::time::Duration;

/// Counts for as long as it is let.
const ENDLESS: &str = "/* of a test */ WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) FROM n";
const ENDLESS_WRITE: &str = "/* of a test */ INSERT INTO deployment (name, value) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT 'endless-' || i, '' FROM n";

#[tokio::test]
async fn a_transaction_over_its_time_is_rolled_back_alone() {
    let database = Database::with_time_limit(Duration::from_millis(50));
    let store = &database.store;
    // Whoever holds the writer is over its time as well, but runs no statement that could be ended.
    let release = hold(store).await;
    let work: [Work; 3] = [
        put("first"),
        Box::new(|tx| {
            tx.put_deployment_value("late", "here")?;
            tx.connection
                .get(ENDLESS, &[], |row| row.int(0))
                .map(|_| ())
        }),
        put("last"),
    ];
    let answers = queue(store, work).await;
    release.send(()).unwrap();
    let mut results = Vec::new();
    for answer in answers {
        results.push(answer.await.unwrap());
    }
    assert!(matches!(results[0], Ok(())), "{results:?}");
    assert!(matches!(results[1], Err(Error::TimedOut)), "{results:?}");
    assert!(matches!(results[2], Ok(())), "{results:?}");
    let left = ["first", "late", "last"].map(|name| is_there(store, name));
    assert_eq!(left, [true, false, true]);
}

/// SQLite ends the whole transaction when it interrupts a statement that writes. Whoever ran in it before may not be
/// told otherwise; whoever comes after it gets a transaction of its own.
#[tokio::test]
async fn a_write_over_its_time_takes_along_only_what_ran_before_it() {
    let database = Database::with_time_limit(Duration::from_millis(50));
    let store = &database.store;
    let epochs = store.epochs().policy();
    let release = hold(store).await;
    let work: [Work; 4] = [
        Box::new(|tx| {
            tx.changes.policy();
            tx.put_deployment_value("first", "here")
        }),
        Box::new(|tx| tx.connection.execute(ENDLESS_WRITE, &[]).map(drop)),
        Box::new(|tx| {
            tx.changes.policy();
            tx.put_deployment_value("last", "here")
        }),
        put("very last"),
    ];
    let answers = queue(store, work).await;
    release.send(()).unwrap();
    let mut results = Vec::new();
    for answer in answers {
        results.push(answer.await.unwrap());
    }
    assert!(
        matches!(results[0], Err(Error::Unavailable(_))),
        "{results:?}"
    );
    assert!(matches!(results[1], Err(Error::TimedOut)), "{results:?}");
    assert!(matches!(results[2], Ok(())), "{results:?}");
    assert!(matches!(results[3], Ok(())), "{results:?}");
    let names = ["first", "endless-1", "last", "very last"];
    let left = names.map(|name| is_there(store, name));
    assert_eq!(left, [false, false, true, true]);
    assert_eq!(store.epochs().policy(), epochs + 1);

    store.write_once(put("afterwards")).await.unwrap();
    assert!(is_there(store, "afterwards"), "the writer goes on");
}

#[tokio::test]
async fn a_transaction_that_ignores_its_end_writes_nothing_more() {
    let database = Database::with_time_limit(Duration::from_millis(50));
    let store = &database.store;
    let stubborn = store
        .write(|tx| {
            let ended = tx.connection.execute(ENDLESS_WRITE, &[]);
            assert!(matches!(ended, Err(Error::TimedOut)), "{ended:?}");
            // By now SQLite would commit each statement by itself.
            let _ = tx.put_deployment_value("outside", "here");
            Ok::<_, Error>(())
        })
        .await;
    assert!(stubborn.is_err(), "its changes are not there");
    assert!(!is_there(store, "outside"));
    store.write_once(put("afterwards")).await.unwrap();
    assert!(is_there(store, "afterwards"));
}

#[tokio::test]
async fn a_commit_that_fails_is_nobodys_success() {
    let database = Database::new();
    let store = &database.store;
    let world = World::create(store).await;
    let release = hold(store).await;
    let (repository, epoch) = (world.key.name.clone(), store.epochs().of(&world.key.name));
    let work: [Work; 3] = [
        Box::new(move |tx| {
            tx.touch_repository(&repository);
            tx.put_deployment_value("innocent", "here")
        }),
        Box::new(|tx| {
            // The violation is found by COMMIT only.
            tx.connection
                .execute("/* of a test */ PRAGMA defer_foreign_keys = ON", &[])?;
            tx.connection.execute(
                "/* of a test */ INSERT INTO memberships VALUES ('nobody', 'nowhere', 1)",
                &[],
            )?;
            Ok(())
        }),
        put("innocent too"),
    ];
    let answers = queue(store, work).await;
    release.send(()).unwrap();
    for answer in answers {
        let result = answer.await.unwrap();
        assert!(matches!(result, Err(Error::Unavailable(_))), "{result:?}");
    }
    let left = ["innocent", "innocent too"].map(|name| is_there(store, name));
    assert_eq!(left, [false; 2]);
    assert_eq!(store.epochs().of(&world.key.name), epoch);
    store.write_once(put("afterwards")).await.unwrap();
    assert!(is_there(store, "afterwards"));
}
