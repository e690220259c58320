//! Mail over time, with a mail server that is never there: back-off, a pause and its end, codes that are forgotten, and who may
//! be told. The clock is moved by hand.

use crate::testing::{TestRegistry, settings};
use crate::{AccountContext, Error, MailAddressState, MailSettings, MailView, Outcome};
use model::{AccountState, JobKind};
use outbound::{MailSecurity, MailServer, Mailer};

const DAY: i64 = 24 * 3_600_000;

struct World {
    registry: TestRegistry,
    by: AccountContext,
}

impl World {
    async fn start() -> Self {
        let server = MailServer {
            host: "127.0.0.1".to_owned(),
            port: 1,
            security: MailSecurity::None,
            login: None,
            ca_certificates: String::new(),
            from: "registry@example.com".parse().unwrap(),
        };
        let registry = TestRegistry::start(crate::Settings {
            mail: Some(MailSettings {
                mailer: Mailer::new(server).unwrap(),
                per_hour: 60,
                registry_url: None,
            }),
            ..settings()
        })
        .await;
        registry.create_account("default").await.unwrap();
        let by = registry.services.accounts.enter_locally("default").await;
        let by = by.ok().unwrap();
        let mail = &registry.services.mail;
        let kinds = vec!["sink.paused".to_owned(), "sink.paused".to_owned()];
        mail.set(&by, kinds).await.ok().unwrap();
        let row = mail.add(&by, "ops@example.com").await.ok().unwrap();
        let (core, id) = (&registry.services.core, row.id);
        // The code that was sent, as if it had arrived.
        let confirmed = core.metadata.write(move |tx| {
            tx.put_mail_code(&id, "hash", i64::MAX)?;
            Ok::<_, Error>(tx.confirm_mail_address((&id, "hash"), 0, 1)?)
        });
        assert!(confirmed.await.unwrap());
        // Another kind makes the follower that is due now.
        let kinds = vec!["sink.paused".to_owned(), "mail.paused".to_owned()];
        assert!(
            mail.set(&by, kinds).await.is_err(),
            "nobody is told of that"
        );
        let kinds = vec!["sink.paused".to_owned(), "job.failed".to_owned()];
        mail.set(&by, kinds).await.ok().unwrap();
        Self { registry, by }
    }

    async fn seal(&self) {
        while self.registry.services.sealer.seal().await.unwrap() > 0 {}
    }

    /// A job of the account that fails for good.
    async fn fail_a_job(&self) {
        let event = model::Event::JobFailed {
            job: "job".to_owned(),
            job_kind: "run_retention".to_owned(),
            attempts: 5,
        };
        let core = self.registry.services.core.clone();
        let (inner, account) = (core.clone(), self.by.id().clone());
        let recorded = core
            .metadata
            .write(move |tx| inner.record_by_itself(tx, &event, &account));
        recorded.await.unwrap();
        self.seal().await;
    }

    /// Runs jobs until none is due; says how many.
    async fn work(&self) -> usize {
        let services = &self.registry.services;
        let mut count = 0;
        loop {
            services.jobs.wake_waiting().await.unwrap();
            let Some(claimed) = services.jobs.claim().await.unwrap() else {
                return count;
            };
            assert_eq!(claimed.job.kind, JobKind::SEND_MAIL.name);
            let (payload, job) = (&claimed.job.payload, &claimed.job.id);
            let outcome = match services.mail.run(payload, job).await {
                Ok(()) => Outcome::Done,
                Err(error) => Outcome::Failed {
                    message: error.to_string(),
                    is_final: false,
                },
            };
            services
                .jobs
                .settle(&claimed, outcome, Vec::new())
                .await
                .unwrap();
            count += 1;
        }
    }

    async fn shown(&self) -> MailView {
        let shown = self.registry.services.mail.get(&self.by).await;
        shown.ok().unwrap()
    }

    async fn count(&self, kind: &str) -> usize {
        let services = &self.registry.services;
        let events = services.list_events(self.by.id(), String::new()).await;
        let wanted = format!("\"kind\":\"{kind}\"");
        let events = events.unwrap().into_iter();
        events.filter(|event| event.contains(&wanted)).count()
    }

    /// Lets the mail server be away until mail is paused; says how many runs that took.
    async fn wait_until_paused(&self) -> usize {
        let mut runs = 0;
        loop {
            runs += self.work().await;
            let follower = self.shown().await.follower.unwrap();
            if follower.is_paused {
                return runs;
            }
            let error = follower.last_error.unwrap();
            assert_eq!(error, "the mail server takes nothing at present");
            let wait = follower.retry_at_ms.unwrap() - self.registry.services.now_ms();
            self.registry.clock.advance(wait);
        }
    }
}

#[tokio::test]
async fn a_mail_server_that_is_away_for_a_day_costs_little_and_mail_is_paused() {
    let world = World::start().await;
    world.fail_a_job().await;
    let runs = world.wait_until_paused().await;
    assert!((24..75).contains(&runs), "{runs}");
    assert_eq!(world.count("mail.paused").await, 1);
    // That nobody can be told is no reason to tell it, and no failed job.
    world.seal().await;
    world.registry.services.webhooks.tend().await.unwrap();
    assert_eq!(world.work().await, 0);
    let shown = world.shown().await;
    assert!(shown.lag_events >= 2 && shown.sent_mails == 0);
    assert_eq!(world.count("job.failed").await, 1);

    // What happened meanwhile can be left out.
    let mail = &world.registry.services.mail;
    let resumed = mail.resume(&world.by, true).await.ok().unwrap();
    assert!(!resumed.follower.unwrap().is_paused);
    assert!(mail.resume(&world.by, true).await.is_err());
    world.seal().await;
    world.work().await;
    let shown = world.shown().await;
    let follower = shown.follower.unwrap();
    assert_eq!(
        (shown.lag_events, follower.failures, follower.last_error),
        (0, 0, None)
    );
    assert_eq!(world.count("mail.resumed").await, 1);
}

#[tokio::test]
async fn what_is_nobodys_concern_is_passed_over_and_a_suspended_account_is_told_nothing() {
    let world = World::start().await;
    world.seal().await;
    world.work().await;
    let shown = world.shown().await;
    assert_eq!((shown.lag_events, shown.follower.unwrap().failures), (0, 0));
    let row = &shown.addresses[0];
    assert_eq!(row.state, MailAddressState::Confirmed);

    let account = world
        .registry
        .services
        .find_account("default")
        .await
        .unwrap()
        .unwrap();
    let core = world.registry.services.core.clone();
    let closing = core
        .metadata
        .write(move |tx| Ok::<_, Error>(tx.set_account_state(&account.id, AccountState::Closing)?));
    closing.await.unwrap();
    world.fail_a_job().await;
    world.work().await;
    assert_eq!(world.shown().await.follower.unwrap().failures, 0);
}

#[tokio::test]
async fn codes_count_for_a_day() {
    let world = World::start().await;
    let mail = &world.registry.services.mail;
    let row = mail.add(&world.by, "other@example.com").await.ok().unwrap();
    for _ in 0..2 {
        mail.ask_again(&world.by, &row.id).await.ok().unwrap();
    }
    assert!(mail.ask_again(&world.by, &row.id).await.is_err());
    assert_eq!(mail.forget_codes().await.unwrap(), 0);
    world.registry.clock.advance(DAY + 1);
    assert_eq!(mail.forget_codes().await.unwrap(), 4);
    mail.ask_again(&world.by, &row.id).await.ok().unwrap();
}
