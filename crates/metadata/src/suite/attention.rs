//! What people of an account should look at.

use super::fixture::{World, id, write};
use super::people::robot;
use super::sinks::sink;
use crate::{Error, FollowerKind, FollowerRow, MetadataStore, NewJob, RobotRow};
use model::{JobId, JobState};

pub(super) async fn run(store: &MetadataStore) {
    let (world, other) = (World::create(store).await, World::create(store).await);
    for of in [&world, &other] {
        furnish(store, of).await;
    }
    let account = &world.account.id;
    store
        .read_blocking(|reader| {
            let robots = reader.list_expiring_robots(account, (100, 200), 2)?;
            let expected = [("robot$a", 100), ("robot$b", 150)];
            let expected = expected.map(|(name, at_ms)| (name.to_owned(), at_ms));
            assert_eq!(robots, expected);
            assert_eq!(reader.count_failed_jobs(account, 400)?, 1);
            assert_eq!(reader.count_failed_jobs(account, 401)?, 0);
            assert_eq!(reader.list_failing_sinks(account)?, ["fails", "paused"]);
            Ok::<_, Error>(())
        })
        .unwrap();
}

async fn furnish(store: &MetadataStore, world: &World) {
    let of = world.clone();
    write(store, move |tx| {
        let account = &of.account.id;
        for (name, expires_at_ms, is_disabled) in [
            ("gone", Some(99), false),
            ("b", Some(150), false),
            ("a", Some(100), false),
            ("off", Some(150), true),
            ("later", Some(199), false),
            ("never", None, false),
        ] {
            let new = RobotRow {
                is_disabled,
                expires_at_ms,
                ..robot(account, None, name)
            };
            tx.create_robot(&new, &id())?;
        }
        for (name, failures, is_paused) in [
            ("fails", 1, false),
            ("paused", 0, true),
            ("goes on", 0, false),
        ] {
            let new = sink(&of, name);
            tx.create_sink(&new)?;
            let follower = FollowerRow {
                id: new.id.clone(),
                account_id: account.clone(),
                kind: FollowerKind::Sink,
                read_number: 0,
                is_paused,
                failures,
                failing_since_ms: None,
                retry_at_ms: None,
                missed: 0,
                last_error: None,
                created_at_ms: 5,
            };
            tx.create_follower(&follower)?;
            tx.put_follower_condition(&follower)?;
        }
        for state in [JobState::Failed, JobState::Done] {
            let job = NewJob {
                id: &JobId::new(id()),
                account_id: Some(account),
                kind: "test",
                payload: "{}",
                dedup_key: None,
                run_at_ms: 1,
                max_attempts: 1,
            };
            tx.enqueue(&job, 1)?;
            let claimed = tx.claim_job(account.as_str(), "me", 9, 2, 50)?;
            let claimed = claimed.expect("it is due");
            assert!(tx.finish_job((&claimed.job.id, claimed.fence), state, None, 400, 5000)?);
        }
        Ok(())
    })
    .await;
}
