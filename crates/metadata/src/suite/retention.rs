//! Retention policies, their runs, and what runs look at.

use super::content::manifest;
use super::fixture::{World, digest, id, write};
use crate::{
    Error, ListQuery, MetadataStore, NamespaceSettings, NewManifest, NewSchedule, PullTimes,
    RetentionPolicyRow, RetentionRunRow, RetentionState, RetentionTaskRow,
};
use model::{JobId, ScheduleId};
use oci::Tag;

pub(super) async fn run(store: &MetadataStore) {
    a_namespace_has_one_policy_and_an_account_a_default(store).await;
    a_policy_has_one_run_under_way(store).await;
    a_run_counts_what_it_does_and_is_forgotten_bit_by_bit(store).await;
    what_is_about_to_go_is_looked_at_and_kept(store).await;
    it_is_known_since_when_pulls_are_written_down(store).await;
}

async fn it_is_known_since_when_pulls_are_written_down(store: &MetadataStore) {
    let world = World::create(store).await;
    let (account, namespace) = (world.account.id.clone(), world.namespace.clone());
    write(store, move |tx| {
        let found = |tx: &crate::Tx<'_>| tx.find_pull_times(&account, &namespace);
        assert_eq!(
            found(tx)?,
            PullTimes::default(),
            "nobody ever said anything"
        );
        let settings = tx.take_account_settings(&account, 5)?;
        tx.put_account_settings(&account, &settings, 6)?;
        assert_eq!(found(tx)?.account_since_ms, None);
        tx.set_pull_times_since(&account, Some(6))?;
        // Whatever else changes leaves it.
        tx.set_account_end(&account, None, 7)?;
        tx.set_state_reason(&account, None, 8)?;
        tx.put_account_settings(&account, &settings, 9)?;
        assert_eq!(found(tx)?.account_since_ms, Some(6));
        tx.put_namespace_settings(&namespace, &NamespaceSettings::new(), "owner", 10)?;
        tx.set_namespace_pull_times_since(&namespace, 10)?;
        assert_eq!(found(tx)?.namespace_since_ms, Some(10));
        Ok(())
    })
    .await;
}

fn policy(world: &World) -> RetentionPolicyRow {
    RetentionPolicyRow {
        id: id(),
        account_id: world.account.id.clone(),
        namespace_id: world.namespace.clone(),
        rules: "[]".to_owned(),
        cron: None,
        created_at_ms: 5,
        updated_at_ms: 5,
    }
}

fn run_of(policy: &RetentionPolicyRow) -> RetentionRunRow {
    RetentionRunRow {
        id: id(),
        account_id: policy.account_id.clone(),
        policy_id: Some(policy.id.clone()),
        namespace_id: policy.namespace_id.clone(),
        namespace: "team".to_owned(),
        rules: policy.rules.clone(),
        is_dry_run: false,
        is_scheduled: false,
        state: RetentionState::Queued,
        job_id: JobId::new(id()),
        done_until: String::new(),
        total: 0,
        retained: 0,
        removed: 0,
        why: None,
        created_at_ms: 5,
        started_at_ms: None,
        ended_at_ms: None,
    }
}

fn task_of(run: &RetentionRunRow, repository: &str) -> RetentionTaskRow {
    RetentionTaskRow {
        id: id(),
        run_id: run.id.clone(),
        repository: repository.to_owned(),
        state: "running".to_owned(),
        total: 10,
        retained: 7,
        removed: 0,
        lines: 0,
        started_at_ms: 6,
        ended_at_ms: None,
    }
}

async fn a_namespace_has_one_policy_and_an_account_a_default(store: &MetadataStore) {
    let world = World::create(store).await;
    let first = policy(&world);
    let new = first.clone();
    write(store, move |tx| tx.create_retention_policy(&new)).await;
    let second = policy(&world);
    let refused = store
        .write(move |tx| tx.create_retention_policy(&second))
        .await;
    assert!(matches!(refused, Err(Error::AlreadyExists)), "{refused:?}");
    let (wanted, account) = (first.clone(), world.account.id.clone());
    let namespace = world.namespace.clone();
    store
        .list(move |reader| {
            assert_eq!(
                reader.find_retention_policy(&wanted.id)?,
                Some(wanted.clone())
            );
            assert_eq!(
                reader.find_retention_policy_of(&namespace)?,
                Some(wanted.clone())
            );
            assert!(reader.find_retention_policies_of(&[])?.is_empty());
            let of = reader.find_retention_policies_of(std::slice::from_ref(&namespace))?;
            assert_eq!(of.get(namespace.as_str()), Some(&wanted.id));
            let listed = reader.list_retention_policies(&account, "", 10)?;
            assert_eq!(listed.len(), 1);
            assert!(
                reader
                    .list_retention_policies(&account, &wanted.id, 10)?
                    .is_empty()
            );
            assert_eq!(reader.find_retention_default(&account)?, None);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    a_policy_is_changed_and_deleted(store, &world, first.id).await;
}

async fn a_policy_is_changed_and_deleted(store: &MetadataStore, world: &World, of: String) {
    let (account, schedule) = (world.account.id.clone(), ScheduleId::new(id()));
    write(store, move |tx| {
        let taken = tx.take_retention_policy(&of)?.expect("it is there");
        assert!(tx.update_retention_policy(&of, "[1]", Some("0 0 0 * * *"), 9)?);
        assert_eq!(taken.rules, "[]");
        tx.put_retention_default(&account, "[2]", None, 8)?;
        tx.put_retention_default(&account, "[3]", Some("0 0 0 * * *"), 9)?;
        let found = tx.find_retention_default(&account)?.expect("a default");
        assert_eq!((found.rules.as_str(), found.updated_at_ms), ("[3]", 9));
        assert!(tx.delete_retention_default(&account)?);
        assert!(!tx.delete_retention_default(&account)?);
        let schedule = NewSchedule {
            id: &schedule,
            account_id: Some(&account),
            name: "retention:1",
            kind: "run_retention",
            payload: "{}",
            max_attempts: 1,
            every_ms: None,
            cron: Some("0 0 0 * * *"),
            next_run_at_ms: i64::MAX,
        };
        tx.put_schedule(&schedule, 1)?;
        assert!(tx.delete_schedule_named(&account, "retention:1")?);
        assert!(!tx.delete_schedule_named(&account, "retention:1")?);
        assert!(tx.delete_retention_policy(&of)?);
        assert!(!tx.delete_retention_policy(&of)?);
        assert!(tx.take_retention_policy(&of)?.is_none());
        Ok(())
    })
    .await;
}

async fn a_policy_has_one_run_under_way(store: &MetadataStore) {
    let world = World::create(store).await;
    let policy = policy(&world);
    let (first, second) = (run_of(&policy), run_of(&policy));
    let new = (policy.clone(), first.clone());
    write(store, move |tx| {
        tx.create_retention_policy(&new.0)?;
        tx.create_retention_run(&new.1)?;
        assert!(!tx.keep_retention_run(&new.1.id, "")?, "it has not begun");
        assert!(tx.begin_retention_run(&new.1.id, 6)?);
        assert!(!tx.begin_retention_run(&new.1.id, 7)?);
        assert!(tx.keep_retention_run(&new.1.id, "")?);
        assert!(
            !tx.keep_retention_run(&new.1.id, "team/a")?,
            "it is elsewhere"
        );
        Ok(())
    })
    .await;
    let twice = second.clone();
    let refused = store.write(move |tx| tx.create_retention_run(&twice)).await;
    assert!(matches!(refused, Err(Error::AlreadyExists)), "{refused:?}");
    let (of, run) = (policy.id.clone(), first.clone());
    store
        .list(move |reader| {
            let found = reader.find_retention_run(&run.id)?.expect("a run");
            assert_eq!(
                (found.state, found.started_at_ms),
                (RetentionState::Running, Some(6))
            );
            assert_eq!(
                reader.find_retention_run_of_job(&run.job_id)?,
                Some(found.clone())
            );
            assert_eq!(reader.find_going_retention_run(&of)?, Some(found));
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let (of, ids) = (policy.id.clone(), [first.id.clone(), second.id.clone()]);
    write(store, move |tx| {
        assert!(tx.finish_retention_run(&ids[0], RetentionState::Stopped, Some("why"), 8)?);
        assert!(!tx.finish_retention_run(&ids[0], RetentionState::Done, None, 9)?);
        tx.create_retention_run(&second)?;
        let query = ListQuery {
            limit: 10,
            ..ListQuery::default()
        };
        let listed = tx.list_retention_runs(&of, &query)?;
        let states: Vec<_> = listed.items.iter().map(|run| run.state).collect();
        assert_eq!(states, [RetentionState::Queued, RetentionState::Stopped]);
        tx.begin_retention_run(&ids[1], 9)?;
        assert!(tx.delete_retention_policy(&of)?);
        assert!(!tx.keep_retention_run(&ids[1], "")?, "its policy is gone");
        while let Some(run) = tx.find_left_retention_run()? {
            tx.forget_retention_run(&run, 10)?;
        }
        assert_eq!(tx.find_retention_run(&ids[0])?, None);
        Ok(())
    })
    .await;
}

async fn a_run_counts_what_it_does_and_is_forgotten_bit_by_bit(store: &MetadataStore) {
    let world = World::create(store).await;
    let (policy, account) = (policy(&world), world.account.id.clone());
    let runs: Vec<_> = (0..4).map(|_| run_of(&policy)).collect();
    let (new, all) = (policy.clone(), runs.clone());
    write(store, move |tx| {
        tx.create_retention_policy(&new)?;
        for run in &all {
            tx.create_retention_run(run)?;
            tx.begin_retention_run(&run.id, 6)?;
            for repository in ["team/a", "team/b"] {
                let task = tx.put_retention_task(&account, &task_of(run, repository))?;
                let again = tx.put_retention_task(&account, &task_of(run, repository))?;
                assert_eq!(task, again, "an earlier try counts");
                let of = (&account, task.id.as_str());
                tx.note_retention_step(of, 2, (&id(), "one\n"))?;
                tx.note_retention_step(of, 1, ("", ""))?;
                tx.note_retention_step(of, 0, (&id(), "two\n"))?;
                assert_eq!(tx.list_retention_lines(&task.id, 9)?, ["one\n", "two\n"]);
                tx.finish_retention_task(&task, repository == "team/b", 9)?;
                let task = tx.find_retention_task(&task.id)?.expect("a task");
                assert_eq!(
                    (task.removed, task.lines, task.ended_at_ms),
                    (3, 2, Some(9))
                );
            }
            tx.finish_retention_run(&run.id, RetentionState::Done, None, 9)?;
            let now = tx.find_retention_run(&run.id)?.expect("a run");
            assert_eq!((now.total, now.retained, now.removed), (20, 14, 6));
            assert_eq!(now.done_until, "team/b");
            let query = ListQuery {
                limit: 1,
                ..ListQuery::default()
            };
            let tasks = tx.list_retention_tasks(&run.id, &query)?;
            assert_eq!((tasks.total, tasks.items[0].state.as_str()), (2, "done"));
        }
        Ok(())
    })
    .await;
    let query = ListQuery {
        limit: 9,
        ..ListQuery::default()
    };
    write(store, move |tx| {
        tx.shorten_retention_runs(&policy.id, 2)?;
        let listed = tx.list_retention_runs(&policy.id, &query)?;
        let left: Vec<&str> = listed.items.iter().map(|run| run.id.as_str()).collect();
        assert_eq!(left, [runs[3].id.as_str(), runs[2].id.as_str()]);
        let (mut steps, mut rows) = (0, 0);
        while let Some(run) = tx.find_left_retention_run()? {
            let gone = tx.forget_retention_run(&run, 1)?;
            assert_eq!(gone, 1);
            (steps, rows) = (steps + 1, rows + gone);
        }
        assert_eq!(
            (steps, rows),
            (14, 14),
            "four lines, two tasks and itself, of two runs"
        );
        Ok(())
    })
    .await;
}

async fn what_is_about_to_go_is_looked_at_and_kept(store: &MetadataStore) {
    let world = World::create(store).await;
    let (other, _) = world.add_repository(store, "zz").await;
    let new = world.clone();
    let child = digest("a child");
    let of_child = child.clone();
    let manifests: Vec<NewManifest> = (0..3)
        .map(|at| manifest(&format!("retained {at}")))
        .collect();
    write(store, move |tx| {
        let (account, repository) = (&new.account.id, &new.repository);
        for manifest in &manifests {
            tx.create_manifest(manifest, account, repository, 5)?;
        }
        tx.create_manifest_child(&manifests[0].id, repository, &of_child)?;
        let tag = Tag::parse("v1").expect("a tag");
        tx.put_tag(account, repository, &tag, &manifests[1].id, 6)?;
        let found = tx.list_retention_manifests(repository, "", 2)?;
        let rest = tx.list_retention_manifests(repository, found[1].digest.as_str(), 2)?;
        let asked = [found[1].digest.as_str(), "sha256:nothing"];
        assert_eq!(
            tx.list_retention_manifests_of(repository, &asked)?,
            found[1..]
        );
        assert_eq!((found.len(), rest.len()), (2, 1));
        let ids: Vec<&str> = manifests.iter().map(|one| one.id.as_str()).collect();
        let children = tx.list_children_of(&ids, 9)?;
        assert_eq!(
            children,
            [(ids[0].to_owned(), of_child.as_str().to_owned())]
        );
        assert!(tx.list_children_of(&[], 9)?.is_empty());
        assert!(tx.is_in_index(repository, &of_child)?);
        assert!(!tx.is_in_index(repository, &manifests[1].digest)?);
        tx.renew_manifest_push(ids[2], 9)?;
        tx.renew_manifest_push(ids[2], 8)?;
        let asked = [manifests[2].digest.as_str(), of_child.as_str()];
        let taken = tx.take_retention_manifests(repository, &asked)?;
        assert_eq!((taken.len(), taken[0].pushed_at_ms), (1, 9));
        let namespace = &new.namespace_name;
        let first = tx.list_retention_repositories(account, namespace, "", 1)?;
        assert_eq!(first[0].0, new.repository);
        let next = tx.list_retention_repositories(account, namespace, first[0].1.as_str(), 9)?;
        assert_eq!(next.iter().map(|one| &one.0).collect::<Vec<_>>(), [&other]);
        Ok(())
    })
    .await;
}
