//! Accounts as whoever runs the deployment looks through them.

use super::fixture::{World, id, write};
use crate::{AccountFilter, DeploymentCounts, Error, MetadataStore};
use model::{AccountState, Plan, PlanId, PlanLimits};

pub(super) async fn run(store: &MetadataStore) {
    accounts_are_found_by_name_state_and_plan(store).await;
    a_user_finds_its_accounts(store).await;
    everything_is_counted(store).await;
}

fn of_state(counts: &DeploymentCounts, state: &str) -> u64 {
    let mut accounts = counts.accounts.iter();
    accounts
        .find(|(known, _)| known == state)
        .map_or(0, |(_, count)| *count)
}

async fn accounts_are_found_by_name_state_and_plan(store: &MetadataStore) {
    let (active, closed) = (World::create(store).await, World::create(store).await);
    let plan = Plan {
        id: PlanId::new(id()),
        name: format!("plan-{}", id()),
        description: String::new(),
        limits: PlanLimits {
            storage_bytes: Some(7),
            ..PlanLimits::default()
        },
        is_offered: false,
    };
    let (given, one, other) = (
        plan.clone(),
        active.account.id.clone(),
        closed.account.id.clone(),
    );
    write(store, move |tx| {
        tx.create_plan(&given, 1)?;
        tx.set_plan_of_account(&one, &given, 2)?;
        tx.set_account_state(&other, AccountState::Closing)
    })
    .await;
    let listed = |filter: AccountFilter| {
        let (one, other) = (active.account.name.clone(), closed.account.name.clone());
        let read = store.read_blocking(|reader| reader.list_account_summaries(&filter, "", 10_000));
        let listed = read.unwrap();
        let mut names: Vec<_> = listed
            .into_iter()
            .map(|account| (account.account.name.clone(), account))
            .collect();
        names.retain(|(name, _)| *name == one || *name == other);
        names
    };
    let of_state = |state: &str| {
        let found = listed(AccountFilter {
            state: state.to_owned(),
            ..AccountFilter::default()
        });
        found.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    let named = |world: &World| vec![world.account.name.clone()];
    assert_eq!(of_state("active"), named(&active));
    assert_eq!(of_state("suspended"), named(&closed));
    assert_eq!(of_state("closing"), [""; 0]);
    let of_plan = listed(AccountFilter {
        plan: plan.name.clone(),
        name: active.account.name.to_ascii_uppercase(),
        ..AccountFilter::default()
    });
    let (_, found) = &of_plan[0];
    assert_eq!(
        (found.plan.as_ref(), found.limit_bytes, found.state.as_str()),
        (Some(&plan.name), Some(7), "active")
    );
    let after = active.account.name.clone();
    let rest = store.read_blocking(|reader| {
        reader.list_account_summaries(&AccountFilter::default(), &after, 10_000)
    });
    assert!(rest.unwrap().iter().all(|found| found.account.name > after));
    let wild = listed(AccountFilter {
        name: "%".to_owned(),
        ..AccountFilter::default()
    });
    assert_eq!(wild.len(), 0);
}

async fn a_user_finds_its_accounts(store: &MetadataStore) {
    let (own, other) = (World::create(store).await, World::create(store).await);
    let (accounts, user) = (
        [own.account.id.clone(), other.account.id.clone()],
        own.user.clone(),
    );
    write(store, move |tx| {
        for account in &accounts {
            tx.put_membership(account, &user, 5)?;
        }
        Ok(())
    })
    .await;
    let (all, later) = store
        .read_blocking(|reader| {
            let all = reader.list_accounts_of_user(&own.user, "", 10)?;
            let later = reader.list_accounts_of_user(&own.user, &all[0].account.name, 10)?;
            Ok::<_, Error>((all, later))
        })
        .unwrap();
    let mut expected = [own.account.name.clone(), other.account.name.clone()];
    expected.sort();
    let names = all.iter().map(|found| found.account.name.clone());
    assert_eq!(names.collect::<Vec<_>>(), expected);
    assert_eq!(later.len(), 1);
}

async fn everything_is_counted(store: &MetadataStore) {
    let count = || {
        store
            .read_blocking(|reader| reader.count_deployment())
            .unwrap()
    };
    let before = count();
    let world = World::create(store).await;
    let after = count();
    assert_eq!(of_state(&after, "active"), of_state(&before, "active") + 1);
    assert_eq!(after.without_plan, before.without_plan + 1);
    assert_eq!(after.namespaces, before.namespaces + 1);
    let account = world.account.id.clone();
    write(store, move |tx| {
        tx.set_account_state(&account, AccountState::Suspended)
    })
    .await;
    let suspended = count();
    assert_eq!(of_state(&suspended, "active"), of_state(&before, "active"));
    assert_eq!(
        of_state(&suspended, "suspended"),
        of_state(&before, "suspended") + 1
    );
    assert!(suspended.plans.iter().all(|(name, _)| !name.is_empty()));
}
