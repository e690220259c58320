//! Schedules come, each time once.

use super::super::fixture::{World, id, write};
use super::job_id;
use crate::{Error, ListQuery, MetadataStore, NewSchedule, ScheduleRow};
use model::{AccountId, ScheduleId};

pub(super) async fn run(store: &MetadataStore) {
    a_schedule_is_made_and_changed(store).await;
    a_schedule_comes_once_whoever_sees_it(store).await;
}

async fn put(
    store: &MetadataStore,
    account: &AccountId,
    name: &'static str,
    timing: (Option<i64>, Option<&'static str>),
    next_run_at_ms: i64,
) {
    let (id, account) = (ScheduleId::new(id()), account.clone());
    write(store, move |tx| {
        let schedule = NewSchedule {
            id: &id,
            account_id: Some(&account),
            name,
            kind: "test",
            payload: "{}",
            max_attempts: 3,
            every_ms: timing.0,
            cron: timing.1,
            next_run_at_ms,
        };
        tx.put_schedule(&schedule, 100)
    })
    .await;
}

async fn all(store: &MetadataStore, account: &AccountId) -> Vec<ScheduleRow> {
    let account = account.clone();
    store
        .list(move |reader| reader.list_schedules(Some(&account), "", 100))
        .await
        .unwrap()
}

async fn due(store: &MetadataStore, account: &AccountId, now_ms: i64) -> Vec<ScheduleRow> {
    let found = store.list(move |reader| reader.list_due_schedules(now_ms, 1000));
    let mut found = found.await.unwrap();
    found.retain(|schedule| schedule.account_id.as_ref() == Some(account));
    found
}

async fn a_schedule_is_made_and_changed(store: &MetadataStore) {
    let world = World::create(store).await;
    let account = &world.account.id;
    put(store, account, "weekly", (None, Some("0 3 * * 1")), 800).await;
    put(store, account, "daily", (Some(60), None), 700).await;
    let found = all(store, account).await;
    let names: Vec<_> = found.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["daily", "weekly"]);
    let of = account.clone();
    let listed = store
        .list(move |reader| {
            let named = reader.find_schedule_named(&of, "weekly")?;
            let listed = reader.list_account_schedules(&of, &ListQuery::default())?;
            Ok::<_, Error>((
                named,
                listed,
                reader.list_audit_purges(&of, &ListQuery::default())?,
            ))
        })
        .await
        .unwrap();
    assert_eq!(listed.0.unwrap().cron.as_deref(), Some("0 3 * * 1"));
    assert_eq!((listed.1.total, listed.2.total), (2, 0));
    let daily = &found[0];
    assert_eq!((daily.every_ms, daily.cron.as_deref()), (Some(60), None));
    assert_eq!((daily.kind.as_str(), daily.max_attempts), ("test", 3));
    assert_eq!((daily.next_run_at_ms, daily.is_enabled), (700, true));
    assert_eq!((daily.payload.as_str(), &daily.last_job_id), ("{}", &None));
    assert_eq!(found[1].cron.as_deref(), Some("0 3 * * 1"));

    let next = |found: &[ScheduleRow]| found[0].next_run_at_ms;
    put(store, account, "daily", (Some(60), None), 900).await;
    let same = all(store, account).await;
    assert_eq!(next(&same), 700, "a restart puts nothing off");
    assert_eq!(same[0].id, daily.id);
    put(store, account, "daily", (Some(60), None), 650).await;
    let sooner = all(store, account).await;
    assert_eq!(next(&sooner), 650, "a clock that went wrong is forgotten");
    put(store, account, "daily", (Some(70), None), 990).await;
    let changed = all(store, account).await;
    assert_eq!((next(&changed), changed[0].every_ms), (990, Some(70)));

    let gone = daily.id.clone();
    let deleted = write(store, move |tx| {
        Ok([tx.delete_schedule(&gone)?, tx.delete_schedule(&gone)?])
    });
    assert_eq!(deleted.await, [true, false]);
    assert_eq!(all(store, account).await.len(), 1);
}

async fn a_schedule_comes_once_whoever_sees_it(store: &MetadataStore) {
    let world = World::create(store).await;
    let account = &world.account.id;
    put(store, account, "often", (Some(60), None), 700).await;
    assert!(due(store, account, 699).await.is_empty());
    let found = due(store, account, 705).await;
    assert_eq!(found.len(), 1);
    let schedule = found[0].id.clone();
    let mut seeing = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (store, schedule) = (store.clone(), schedule.clone());
        seeing.spawn(async move {
            write(&store, move |tx| tx.advance_schedule(&schedule, 700, 760)).await
        });
    }
    let moved = seeing.join_all().await;
    assert_eq!(moved.iter().filter(|moved| **moved).count(), 1);
    assert!(due(store, account, 705).await.is_empty());

    let (id, job) = (schedule.clone(), job_id());
    let asked_for = job.clone();
    write(store, move |tx| tx.note_scheduled_job(&id, &asked_for)).await;
    let enable = |is_enabled, next_ms| {
        let id = schedule.clone();
        write(store, move |tx| {
            tx.set_schedule_enabled(&id, is_enabled, next_ms)
        })
    };
    assert!(enable(false, 760).await);
    assert!(due(store, account, 9999).await.is_empty());
    let id = schedule.clone();
    assert!(!write(store, move |tx| tx.advance_schedule(&id, 760, 820)).await);
    assert!(enable(true, 765).await);
    let found = due(store, account, 765).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].last_job_id.as_ref(), Some(&job));
    assert!(enable(false, i64::MAX).await);
}
