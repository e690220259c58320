//! The writer: what shares a commit, what is undone, and when an answer comes.

use super::fixture::{Database, World, id};
use crate::{Error, Grantee, MetadataStore, Tx};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(super) type Answer = JoinHandle<Result<(), Error>>;

/// Holds the writer until the answer is sent, so that whatever comes meanwhile is one group.
pub(super) async fn hold(store: &MetadataStore) -> mpsc::Sender<()> {
    hold_by_task(store).await.0
}

/// The same with the task that waits for it, which has a handle of its own.
pub(super) async fn hold_by_task(store: &MetadataStore) -> (mpsc::Sender<()>, Answer) {
    let (release, released) = mpsc::channel();
    let (started, has_started) = oneshot::channel();
    let held = store.clone();
    let task = tokio::spawn(async move {
        held.write_once(move |_| {
            started.send(()).unwrap();
            released.recv().unwrap();
            Ok::<_, Error>(())
        })
        .await
    });
    has_started.await.unwrap();
    (release, task)
}

/// Sends transactions off; they are all in the queue when this returns.
pub(super) async fn queue<F>(
    store: &MetadataStore,
    work: impl IntoIterator<Item = F>,
) -> Vec<Answer>
where
    F: FnOnce(&mut Tx<'_>) -> Result<(), Error> + Send + 'static,
{
    let queued = Arc::new(AtomicUsize::new(0));
    let answers: Vec<Answer> = work
        .into_iter()
        .map(|work| {
            let (store, queued) = (store.clone(), queued.clone());
            tokio::spawn(async move {
                // On this runtime of one thread the next line is reached before anyone sees the number.
                queued.fetch_add(1, Ordering::Relaxed);
                store.write_once(work).await
            })
        })
        .collect();
    while queued.load(Ordering::Relaxed) < answers.len() {
        tokio::task::yield_now().await;
    }
    answers
}

pub(super) type Work = Box<dyn FnOnce(&mut Tx<'_>) -> Result<(), Error> + Send>;

pub(super) fn put(name: &'static str) -> Work {
    Box::new(move |tx| tx.put_deployment_value(name, "here"))
}

pub(super) fn is_there(store: &MetadataStore, name: &str) -> bool {
    store
        .read_blocking(|reader| reader.find_deployment_value(name))
        .unwrap()
        .is_some()
}

#[tokio::test]
async fn transactions_that_wait_together_share_one_commit() {
    let database = Database::new();
    let store = &database.store;
    let (commits, closures, _) = store.timings().commits();
    let release = hold(store).await;
    let names: Vec<String> = (0..100).map(|number| format!("shared-{number}")).collect();
    let work = names.clone();
    let answers = queue(
        store,
        work.into_iter()
            .map(|name| move |tx: &mut Tx<'_>| tx.put_deployment_value(&name, "here")),
    )
    .await;
    assert!(!names.iter().any(|name| is_there(store, name)));
    release.send(()).unwrap();
    for answer in answers {
        answer.await.unwrap().unwrap();
    }
    let after = store.timings().commits();
    assert_eq!((after.0 - commits, after.1 - closures), (2, 101));
    assert!(names.iter().all(|name| is_there(store, name)));
}

#[tokio::test]
async fn a_transaction_that_fails_or_panics_undoes_only_itself() {
    let database = Database::new();
    let store = &database.store;
    let release = hold(store).await;
    let work: [Work; 4] = [
        put("first"),
        Box::new(|tx| {
            tx.put_deployment_value("failing", "here")?;
            Err(Error::AlreadyExists)
        }),
        Box::new(|tx| {
            tx.put_deployment_value("panicking", "here")?;
            panic!("a bug of a transaction, on purpose")
        }),
        put("last"),
    ];
    let answers = queue(store, work).await;
    release.send(()).unwrap();
    let mut results = Vec::new();
    for answer in answers {
        results.push(answer.await.unwrap());
    }
    assert!(matches!(results[0], Ok(())));
    assert!(matches!(results[1], Err(Error::AlreadyExists)));
    assert!(matches!(results[2], Err(Error::Database(_))));
    assert!(matches!(results[3], Ok(())));
    let left = ["first", "failing", "panicking", "last"].map(|name| is_there(store, name));
    assert_eq!(left, [true, false, false, true]);
}

#[tokio::test]
async fn nobody_hears_of_a_change_before_its_commit() {
    let database = Database::new();
    let store = &database.store;
    let release = hold(store).await;
    let (is_in, in_transaction) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel();
    let work: [Work; 2] = [
        put("first"),
        Box::new(move |_| {
            is_in.send(()).unwrap();
            may_go_on.recv().unwrap();
            Ok(())
        }),
    ];
    let answers = queue(store, work).await;
    release.send(()).unwrap();
    tokio::task::spawn_blocking(move || in_transaction.recv().unwrap())
        .await
        .unwrap();
    // The first has run to its end; the second keeps both from their commit.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!answers[0].is_finished());
    assert!(!is_there(store, "first"));
    go_on.send(()).unwrap();
    for answer in answers {
        answer.await.unwrap().unwrap();
    }
    assert!(is_there(store, "first"));
}

#[tokio::test]
async fn epochs_are_raised_before_the_answer_and_by_changes_only() {
    let database = Database::new();
    let store = &database.store;
    let (world, other) = (World::create(store).await, World::create(store).await);
    for number in 0..200 {
        let (name, before) = (world.key.name.clone(), store.epochs().of(&world.key.name));
        let other_before = store.epochs().of(&other.key.name);
        let inside = store.clone();
        let is_refused = number % 3 == 0;
        let result = store
            .write(move |tx| {
                tx.touch_repository(&name);
                assert_eq!(inside.epochs().of(&name), before, "raised before COMMIT");
                if is_refused {
                    return Err(Error::AlreadyExists);
                }
                Ok(())
            })
            .await;
        assert_eq!(result.is_err(), is_refused);
        let is_raised = store.epochs().of(&world.key.name) != before;
        assert_eq!(is_raised, !is_refused, "in round {number}");
        assert_eq!(store.epochs().of(&other.key.name), other_before);
    }
}

#[tokio::test]
async fn every_change_of_policy_raises_its_epoch() {
    let database = Database::new();
    let store = &database.store;
    let world = World::create(store).await;
    let (user, namespace) = (world.user.clone(), world.namespace.clone());
    let work: Vec<Work> = vec![
        Box::new({
            let user = user.clone();
            move |tx| tx.set_password(&user, "new")
        }),
        Box::new({
            let user = user.clone();
            move |tx| tx.set_user_disabled(&user, true)
        }),
        Box::new({
            let namespace = namespace.clone();
            move |tx| tx.set_namespace_public(&namespace, true)
        }),
        Box::new({
            let (namespace, user) = (namespace.clone(), Grantee::User(user.clone()));
            move |tx| tx.delete_member(&namespace, &user).map(drop)
        }),
        Box::new(move |tx| tx.delete_access_token(&user, "any").map(drop)),
    ];
    for (at, work) in work.into_iter().enumerate() {
        let before = store.epochs().policy();
        let of_repository = store.epochs().of(&world.key.name);
        store.write_once(work).await.unwrap();
        assert_ne!(store.epochs().policy(), before, "change {at}");
        assert_ne!(store.epochs().of(&world.key.name), of_repository);
    }
}

#[tokio::test]
async fn what_nobody_waits_for_is_committed_all_the_same() {
    let database = Database::new();
    let store = &database.store;
    let release = hold(store).await;
    for answer in queue(store, [put("left alone")]).await {
        answer.abort();
        assert!(answer.await.unwrap_err().is_cancelled());
    }
    release.send(()).unwrap();
    store.write_once(put("afterwards")).await.unwrap();
    assert!(is_there(store, "left alone"));
}

#[tokio::test]
async fn a_group_is_as_durable_as_its_most_demanding_member() {
    fn synchronous(tx: &Tx<'_>) -> Result<i64, Error> {
        tx.connection
            .get("/* of a test */ PRAGMA synchronous", &[], |row| row.int(0))
    }
    let database = Database::new();
    let store = &database.store;
    let relaxed = store.write_relaxed(|tx| synchronous(tx)).await.unwrap();
    let durable = store.write(|tx| synchronous(tx)).await.unwrap();
    let again = store.write_relaxed(|tx| synchronous(tx)).await.unwrap();
    assert_eq!((relaxed, durable, again), (1, 2, 1));

    let release = hold(store).await;
    let (waiting, is_queued) = (store.clone(), Arc::new(AtomicUsize::new(0)));
    let queued = is_queued.clone();
    let relaxed = tokio::spawn(async move {
        queued.fetch_add(1, Ordering::Relaxed);
        waiting.write_relaxed(|tx| synchronous(tx)).await
    });
    let answers = queue(store, [put("durable")]).await;
    assert_eq!(is_queued.load(Ordering::Relaxed), 1);
    release.send(()).unwrap();
    assert_eq!(relaxed.await.unwrap().unwrap(), 2);
    for answer in answers {
        answer.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn closing_lets_the_queue_run_empty() {
    let database = Database::new();
    let (release, task) = hold_by_task(&database.store).await;
    let names: Vec<String> = (0..20).map(|_| id()).collect();
    let work = names.clone();
    let answers = queue(
        &database.store,
        work.into_iter()
            .map(|name| move |tx: &mut Tx<'_>| tx.put_deployment_value(&name, "here")),
    )
    .await;
    for answer in &answers {
        answer.abort();
    }
    for answer in answers {
        let _ = answer.await;
    }
    release.send(()).unwrap();
    task.await.unwrap().unwrap();
    let Database {
        store,
        path,
        directory,
    } = database;
    // Other handles are in tasks that have ended; this is the last.
    drop(store);
    let reopened = MetadataStore::open(&super::fixture::options(&path)).unwrap();
    assert!(names.iter().all(|name| is_there(&reopened, name)));
    drop(directory);
}

#[tokio::test]
async fn a_transaction_may_hold_the_last_handle() {
    let Database {
        store, directory, ..
    } = Database::new();
    let (dropped, is_dropped) = mpsc::channel();
    let last = store.clone();
    let (release, task) = hold_by_task(&store).await;
    let work = move |tx: &mut Tx<'_>| {
        let written = tx.put_deployment_value("last", "here");
        drop(last);
        dropped.send(()).unwrap();
        written
    };
    for abandoned in queue(&store, [work]).await.into_iter().chain([task]) {
        abandoned.abort();
        assert!(abandoned.await.unwrap_err().is_cancelled());
    }
    drop(store);
    release.send(()).unwrap();
    is_dropped
        .recv_timeout(Duration::from_secs(30))
        .expect("the writer waits for itself");
    drop(directory);
}
