//! How an account stands, by one question as by several.

use super::fixture::{World, id, write};
use crate::{AccountLimits, AccountNow, Error, MetadataStore, Traffic};
use model::{Plan, PlanId, PlanLimits};

/// One question says what several say.
pub(super) async fn run(store: &MetadataStore) {
    let world = World::create(store).await;
    let month = "2997-01";
    let look = || {
        let read = store.read_blocking(|reader| {
            let of = &world.account.id;
            let now = reader.get_account_now(of, month)?;
            let plan = reader.find_plan_of_account(of)?;
            let apart = AccountNow {
                plan: plan.map(|plan| (plan.name, plan.limits)),
                own: reader.find_account_limits(of)?,
                used_bytes: reader.get_usage(of)?.0,
                limit_bytes: reader.get_usage(of)?.1,
                namespaces: reader.count_all_namespaces(of)?,
                storage: reader.find_account_storage(of, month)?,
                traffic: reader.find_traffic(of, month)?,
            };
            assert_eq!(now, apart);
            Ok::<_, Error>(now)
        });
        read.unwrap()
    };
    let before = look();
    assert_eq!((before.plan, before.limit_bytes), (None, None));
    let account = world.account.id.clone();
    let plan = Plan {
        id: PlanId::new(id()),
        name: format!("plan-{}", id()),
        description: String::new(),
        limits: PlanLimits {
            storage_bytes: Some(500),
            pull_bytes_per_month: Some(600),
            requests_at_once: Some(7),
            namespaces: Some(8),
        },
        is_offered: true,
    };
    let limits = AccountLimits {
        storage_bytes: Some(400),
        pull_bytes_per_month: None,
    };
    let (expected, own) = (plan.clone(), limits);
    let traffic = Traffic {
        pull_bytes: 3,
        pulls: 2,
        pushes: 1,
    };
    write(store, move |tx| {
        tx.create_plan(&plan, 1)?;
        tx.set_plan_of_account(&account, &plan, 1)?;
        tx.set_account_limits(&account, &limits, 1)?;
        tx.add_usage(&account, 90)?;
        tx.add_traffic(&account, month, &traffic)?;
        tx.sample_storage(month, 2_000_000, 2_000_001)
    })
    .await;
    let now = look();
    assert_eq!(now.plan, Some((expected.name, expected.limits)));
    assert_eq!((now.own, now.traffic), (own, traffic));
    assert_eq!((now.used_bytes, now.limit_bytes), (90, Some(400)));
    assert_eq!(now.storage.byte_hours, 90);
}
