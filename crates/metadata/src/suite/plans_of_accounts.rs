//! Plans, and which account has which.

use super::fixture::{World, id, write};
use crate::{Error, MetadataStore};
use model::{Plan, PlanId, PlanLimits};

pub(super) async fn run(store: &MetadataStore) {
    a_plan_limits_the_accounts_that_have_it(store).await;
}

async fn a_plan_limits_the_accounts_that_have_it(store: &MetadataStore) {
    let world = World::create(store).await;
    let plan = Plan {
        id: PlanId::new(id()),
        name: format!("plan-{}", id()),
        description: "for a test".to_owned(),
        limits: PlanLimits {
            storage_bytes: Some(1 << 40),
            pull_bytes_per_month: None,
            requests_at_once: Some(15),
            namespaces: Some(3),
        },
        is_offered: true,
    };
    let new = plan.clone();
    write(store, move |tx| tx.create_plan(&new, 1)).await;
    let again = Plan {
        id: PlanId::new(id()),
        ..plan.clone()
    };
    let twice = store.write(move |tx| tx.create_plan(&again, 1)).await;
    assert!(matches!(twice, Err(Error::AlreadyExists)), "{twice:?}");
    let (account, given) = (world.account.id.clone(), plan.clone());
    write(store, move |tx| {
        tx.take_account(&account)?;
        tx.set_plan_of_account(&account, &given, 2)?;
        tx.set_plan_of_account(&account, &given, 3)
    })
    .await;
    let of = &world.account.id;
    store
        .read_blocking(|reader| {
            assert_eq!(reader.find_plan(&plan.name)?.as_ref(), Some(&plan));
            assert_eq!(reader.find_plan_of_account(of)?.as_ref(), Some(&plan));
            assert_eq!(reader.get_usage(of)?, (0, Some(1 << 40)));
            assert_eq!(reader.count_accounts_of_plan(&plan.id)?, 1);
            assert_eq!(reader.count_all_namespaces(of)?, 1);
            assert_eq!(reader.list_plans(&plan.name, 10_000)?.len(), 0);
            let before = reader.list_plans("", 10_000)?;
            assert!(before.contains(&plan));
            Ok::<_, Error>(())
        })
        .unwrap();
    let unused = Plan {
        id: PlanId::new(id()),
        name: format!("unused-{}", id()),
        ..plan.clone()
    };
    let (there, again) = write(store, move |tx| {
        tx.create_plan(&unused, 4)?;
        Ok((tx.delete_plan(&unused.id)?, tx.delete_plan(&unused.id)?))
    })
    .await;
    assert!(there && !again);
}
