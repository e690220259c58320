//! The audit log: sealed, proven, purged; and what is counted before it is written.

use crate::testing::{TestRegistry, settings};
use crate::{
    AuditChain, AuditList, AuditPurge, ChainFault, ListQuery, NamespaceChange, NewNamespace,
    Outcome, Refusal, RefusalKind, VerifyStep,
};
use metadata::EventRow;
use model::Action;

const DAY_MS: i64 = 24 * 3600 * 1000;

async fn create_namespace(registry: &TestRegistry, account: &str, name: &str) {
    let services = &registry.services;
    let by = services.accounts.enter_locally(account).await;
    let new = NewNamespace {
        storage_limit: None,
        name: name.to_owned(),
        settings: NamespaceChange::default(),
    };
    let created = services
        .namespaces
        .create(&by.expect("an account"), new)
        .await;
    created.expect("a namespace");
}

async fn seal(registry: &TestRegistry) -> usize {
    let mut count = 0;
    loop {
        match registry.services.sealer.seal().await.expect("a database") {
            0 => return count,
            some => count += some,
        }
    }
}

async fn verify(registry: &TestRegistry, account: &str) -> VerifyStep {
    let services = &registry.services;
    let by = services.accounts.enter_locally(account).await;
    let by = by.expect("an account");
    let step = services.audit.verify(AuditChain::Account(&by), None).await;
    step.expect("a step")
}

async fn export(registry: &TestRegistry, account: &str) -> Vec<EventRow> {
    let services = &registry.services;
    let by = services.accounts.enter_locally(account).await;
    let by = by.expect("an account");
    let page = services.audit.export(AuditChain::Account(&by), 0).await;
    page.expect("events")
}

#[tokio::test]
async fn each_account_counts_its_own_events_and_batches_follow_each_other() {
    let registry = TestRegistry::start(settings()).await;
    for account in ["one", "other"] {
        registry.create_account(account).await.expect("an account");
    }
    // More than one batch of the sealer.
    for number in 0..230 {
        create_namespace(&registry, "one", &format!("n{number}")).await;
    }
    create_namespace(&registry, "other", "alone").await;
    assert_eq!(seal(&registry).await, 231);
    create_namespace(&registry, "one", "late").await;
    assert_eq!(seal(&registry).await, 1);
    let step = verify(&registry, "one").await;
    assert_eq!(
        (step.problems, step.checked, step.is_done),
        (vec![], 231, true)
    );
    assert_eq!(step.position.number, 231);
    assert_eq!(verify(&registry, "other").await.checked, 1);
    let by = registry.services.accounts.enter_locally("one").await;
    let query = ListQuery {
        limit: 1,
        ..ListQuery::default()
    };
    let listed = registry
        .services
        .audit
        .list(&by.expect("an account"), AuditList::All, query)
        .await
        .expect("a list");
    assert_eq!(
        (listed.total, listed.items[0].resource.as_str()),
        (231, "late")
    );
}

#[tokio::test]
async fn an_account_that_keeps_its_log_for_days_loses_what_is_older_and_no_other_does() {
    let registry = TestRegistry::start(settings()).await;
    let services = &registry.services;
    for account in ["one", "other"] {
        registry.create_account(account).await.expect("an account");
        create_namespace(&registry, account, "old").await;
    }
    let by = services.accounts.enter_locally("one").await;
    let by = by.expect("an account");
    let refused = services.audit.set_retention(&by, Some(29)).await;
    assert!(refused.is_err(), "the deployment asks for 30");
    let kept = services.audit.set_retention(&by, Some(30)).await;
    kept.expect("30 is enough");
    seal(&registry).await;
    let purge = || async { services.audit.purge_old().await.expect("a database") };
    registry.clock.advance(30 * DAY_MS);
    assert_eq!(purge().await, 0, "nothing is older than 30 days");
    create_namespace(&registry, "one", "young").await;
    seal(&registry).await;
    registry.clock.advance(1);
    assert_eq!((purge().await, purge().await), (2, 0));
    seal(&registry).await;
    let kinds: Vec<_> = export(&registry, "one").await;
    let kinds: Vec<_> = kinds.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["namespace.created", "audit_log.purged"]);
    assert_eq!(export(&registry, "other").await.len(), 1);
    let step = verify(&registry, "one").await;
    assert_eq!((step.problems, step.is_done), (vec![], true));
}

#[tokio::test]
async fn what_is_purged_leaves_the_rest_proven() {
    let registry = TestRegistry::start(settings()).await;
    registry.create_account("one").await.expect("an account");
    for name in ["a", "b"] {
        create_namespace(&registry, "one", name).await;
    }
    registry.clock.advance(10 * DAY_MS);
    create_namespace(&registry, "one", "c").await;
    seal(&registry).await;
    // Not sealed yet: never purged.
    create_namespace(&registry, "one", "d").await;
    let services = &registry.services;
    let by = services.accounts.enter_locally("one").await;
    let by = by.expect("an account");
    let chain = AuditChain::Account(&by);
    let before_ms = services.now_ms() - 5 * DAY_MS;
    assert_eq!(
        services
            .audit
            .purge(chain, before_ms)
            .await
            .expect("a purge"),
        2
    );
    assert_eq!(
        services
            .audit
            .purge(chain, before_ms)
            .await
            .expect("a purge"),
        0
    );
    seal(&registry).await;
    let events = export(&registry, "one").await;
    let shown: Vec<_> = events
        .iter()
        .map(|event| (event.number, event.kind.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            (Some(3), "namespace.created"),
            (Some(4), "namespace.created"),
            (Some(5), "audit_log.purged"),
        ]
    );
    let step = verify(&registry, "one").await;
    assert_eq!((step.problems, step.checked), (vec![], 3));
    // Everything may go; the next event still follows.
    registry.clock.advance(10 * DAY_MS);
    assert_eq!(
        services
            .audit
            .purge(chain, services.now_ms())
            .await
            .expect("a purge"),
        3
    );
    seal(&registry).await;
    let step = verify(&registry, "one").await;
    assert_eq!(
        (step.problems, step.checked, step.position.number),
        (vec![], 1, 6)
    );
}

#[tokio::test]
async fn a_checkpoint_that_was_moved_is_found() {
    let registry = TestRegistry::start(settings()).await;
    let account = registry.create_account("one").await.expect("an account");
    for name in ["a", "b", "c"] {
        create_namespace(&registry, "one", name).await;
    }
    seal(&registry).await;
    let write = |number: i64, hash: &'static str| {
        let account = account.clone();
        registry.services.core.metadata.write(move |tx| {
            tx.put_sealed_end(Some(&account), number, hash)?;
            Ok::<_, crate::Error>(())
        })
    };
    write(3, "another").await.expect("a database");
    let faults = |step: VerifyStep| {
        let problems = step.problems.into_iter();
        problems
            .map(|problem| (problem.number, problem.fault))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        faults(verify(&registry, "one").await),
        [(3, ChainFault::Checkpoint)]
    );
    write(2, "another").await.expect("a database");
    let found = faults(verify(&registry, "one").await);
    assert_eq!(
        found,
        [(2, ChainFault::Checkpoint), (3, ChainFault::Unknown)]
    );
    write(5, "another").await.expect("a database");
    assert_eq!(
        faults(verify(&registry, "one").await),
        [(4, ChainFault::Missing)]
    );
}

/// By the host that was asked, else by the name that somebody has; a name that nobody has is not repeated.
#[tokio::test]
async fn refusals_are_told_to_whom_they_concern_once_a_minute() {
    let registry = TestRegistry::start(settings()).await;
    let services = &registry.services;
    let begun = services
        .begin(crate::SecretString::new("Correct-horse-7-battery"), true)
        .await;
    assert!(begun.expect("a first start"));
    seal(&registry).await;
    let before = export(&registry, "default").await.len();
    let refuse = |name| {
        services.traffic.refused(&Refusal {
            kind: RefusalKind::Login,
            address: "192.0.2.1".parse().expect("an address"),
            agent: Some("curl"),
            host: "registry.example.com",
            name,
            account: None,
        });
    };
    refuse(Some("admin"));
    refuse(Some("admin"));
    refuse(Some("My-password-in-the-wrong-field"));
    refuse(None);
    services.traffic.flush(false).await.expect("a database");
    seal(&registry).await;
    assert_eq!(export(&registry, "default").await.len(), before);
    registry.clock.advance(60_000);
    services.traffic.flush(false).await.expect("a database");
    assert_eq!(seal(&registry).await, 2);
    let events = export(&registry, "default").await;
    let event = events.last().expect("an event");
    assert_eq!(
        event.payload,
        r#"{"kind":"login.refused","users":["admin"],"count":2,"is_of_others":false}"#
    );
    assert_eq!(
        (event.address.as_deref(), event.agent.as_deref()),
        (Some("192.0.2.1"), Some("curl"))
    );
    let operator = services.deployment.enter_locally();
    let chain = AuditChain::Deployment(&operator);
    let own = services.audit.export(chain, 0).await.expect("events");
    let event = own.last().expect("an event");
    assert_eq!(
        event.payload,
        r#"{"kind":"login.refused","users":[],"count":2,"is_of_others":false}"#
    );
    let step = services.audit.verify(chain, None).await.expect("a step");
    assert_eq!(step.problems, []);
}

fn purge(hours: i64, event_types: &[&str], is_dry_run: bool) -> AuditPurge {
    AuditPurge {
        hours,
        event_types: event_types.iter().map(|&name| name.to_owned()).collect(),
        is_dry_run,
        is_scheduled: false,
    }
}

/// Asks for a purge and does what its job asks for.
async fn purged(registry: &TestRegistry, account: &str, purge: &AuditPurge) -> String {
    let services = &registry.services;
    let by = services.accounts.enter_locally(account).await;
    let by = by.expect("an account");
    let started = services.audit_purges.start(&by, purge.clone()).await;
    started.expect("a purge");
    let claimed = services.jobs.claim().await.expect("a database");
    let claimed = claimed.expect("the job");
    let owner = claimed.job.account_id.as_ref().expect("an account");
    let payload = &claimed.job.payload;
    let done = services.audit_purges.work(owner, payload).await;
    let settled = services.jobs.settle(&claimed, Outcome::Done, Vec::new());
    settled.await.expect("a database");
    done.expect("a purge").to_string()
}

#[tokio::test]
async fn an_account_purges_its_own_log_of_what_it_names_from_the_old_end() {
    let registry = TestRegistry::start(settings()).await;
    for account in ["one", "other"] {
        registry.create_account(account).await.expect("an account");
        create_namespace(&registry, account, "first").await;
        create_namespace(&registry, account, "second").await;
    }
    let services = &registry.services;
    let by = services.accounts.enter_locally("one").await;
    let by = by.expect("an account");
    let kept = services.audit.set_retention(&by, Some(100)).await;
    kept.expect("30 or more");
    create_namespace(&registry, "one", "third").await;
    seal(&registry).await;
    registry.clock.advance(31 * DAY_MS);
    create_namespace(&registry, "one", "young").await;
    seal(&registry).await;
    let numbers = || async {
        let events = export(&registry, "one").await;
        let numbers = events.iter().map(|event| event.number.unwrap_or_default());
        numbers.collect::<Vec<_>>()
    };
    let before = numbers().await;
    assert_eq!(
        purged(&registry, "one", &purge(720, &["create_project"], true)).await,
        "2 events would leave the audit log; event 3 is old enough but a update_audit_log, which was not named: it stays, and so \
         does what came after it"
    );
    assert_eq!(numbers().await, before, "a dry run takes nothing");
    assert_eq!(
        purged(&registry, "one", &purge(720, &["create_project"], false)).await,
        "2 events left the audit log; event 3 is old enough but a update_audit_log, which was not named: it stays, and so does \
         what came after it"
    );
    assert_eq!(numbers().await, before[2..]);
    let both = ["create_project", "update_audit_log"];
    assert_eq!(
        purged(&registry, "one", &purge(720, &both, false)).await,
        "2 events left the audit log"
    );
    seal(&registry).await;
    assert_eq!(numbers().await[0], 5, "the young one is the first");
    assert_eq!(export(&registry, "other").await.len(), 2);
    let step = verify(&registry, "one").await;
    assert_eq!((step.problems, step.is_done), (vec![], true));
}

#[tokio::test]
async fn a_purge_that_takes_too_much_or_nothing_known_is_refused() {
    let registry = TestRegistry::start(settings()).await;
    registry.create_account("one").await.expect("an account");
    let services = &registry.services;
    let by = services.accounts.enter_locally("one").await;
    let by = by.expect("an account");
    for (hours, types) in [
        (719, &["create_project"][..]),
        (240_001, &["create_project"]),
        (720, &[]),
        (720, &["create_nothing"]),
    ] {
        let asked = purge(hours, types, false);
        let refused = services.audit_purges.start(&by, asked.clone()).await;
        assert!(refused.is_err(), "{asked:?}");
        let cron = "0 0 3 * * *".to_owned();
        let action = Action::PurgeAuditCreate;
        let wanted = Some((asked, cron));
        let refused = services.audit_purges.set_schedule(&by, wanted, action);
        assert!(refused.await.is_err());
    }
    let asked = purge(720, &["create_project"], false);
    let started = services.audit_purges.start(&by, asked.clone()).await;
    started.expect("a purge");
    let again = services.audit_purges.start(&by, asked).await;
    let error = again.expect_err("one is under way").to_string();
    assert!(error.contains("under way"), "{error}");
    let found = services.audit_purges.schedule(&by).await;
    assert!(found.expect("a database").is_none());
}
