//! Lists from a standby that follows: as old as it may be and no older, and never in anybody's way.

use super::fixture::{id, write};
use super::postgres::{options, until_async};
use crate::{Error, MetadataStore, PostgresAddress, PostgresOptions, ReadReplicaOptions, Reader};
use engines::Postgres;
use std::time::Duration;

/// A server, its standby, and a registry that knows both.
struct Stage {
    store: MetadataStore,
    standby: Postgres,
    primary: Postgres,
}

fn with_replica(url: &str, replica: &str) -> PostgresOptions {
    PostgresOptions {
        read_replica: Some(ReadReplicaOptions {
            address: PostgresAddress::parse(replica, None).unwrap(),
            max_lag: Duration::from_secs(2),
        }),
        ..options(url)
    }
}

fn plain_url(server: &Postgres) -> String {
    server.url_of("plain").replace("//postgres:", "//plain:")
}

fn is_standby(reader: &Reader<'_>) -> Result<bool, Error> {
    const SQL: &str = "/* of a test */ SELECT CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END";
    reader.connection.get(SQL, &[], |row| row.flag(0))
}

impl Stage {
    fn set() -> Self {
        let primary = Postgres::start().unwrap();
        // Nobody special.
        for sql in [
            "CREATE ROLE plain LOGIN PASSWORD 'for-tests-only'",
            "CREATE DATABASE plain OWNER plain TEMPLATE template0",
        ] {
            primary.psql("postgres", sql).unwrap();
        }
        let standby = primary.standby().unwrap();
        let both = with_replica(&plain_url(&primary), &plain_url(&standby));
        Self {
            store: MetadataStore::open_postgres(&both).unwrap(),
            standby,
            primary,
        }
    }

    async fn is_read_from_the_standby(&self) -> bool {
        self.store.browse(is_standby).await.unwrap()
    }

    /// Keeps the standby from showing what it hears, or lets it.
    fn replay(&self, change: &str) {
        let sql = format!("SELECT pg_wal_replay_{change}()");
        self.standby.psql("postgres", &sql).unwrap();
    }

    async fn put(&self) -> String {
        let name = id();
        let written = name.clone();
        write(&self.store, move |tx| {
            tx.put_deployment_value(&written, "here")
        })
        .await;
        name
    }

    async fn shows(&self, name: &str) -> bool {
        let name = name.to_owned();
        let found = self
            .store
            .browse(move |reader| reader.find_deployment_value(&name));
        found.await.unwrap().is_some()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_come_from_the_standby_while_it_keeps_up() {
    let stage = Stage::set();
    until_async("the standby answers", async || {
        stage.is_read_from_the_standby().await
    })
    .await;
    assert!(!stage.store.list(is_standby).await.unwrap());
    assert!(!stage.store.read(is_standby).await.unwrap());

    stage.replay("pause");
    let name = stage.put().await;
    // What it has not heard of yet is asked of the primary before anybody is told that it is not there.
    let wanted = name.clone();
    let found = stage.store.browse(move |reader| {
        let found = reader.find_deployment_value(&wanted)?;
        found.ok_or_else(|| Error::Database("not there".to_owned()))
    });
    assert_eq!(found.await.unwrap(), "here");
    // What it does not show is not missed for longer than was allowed, because then it is not asked.
    until_async("the standby is too old", async || {
        !stage.is_read_from_the_standby().await
    })
    .await;
    assert!(stage.shows(&name).await);
    stage.replay("resume");
    until_async("the standby has caught up", async || {
        stage.is_read_from_the_standby().await
    })
    .await;
    assert!(stage.shows(&name).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_stands_still_or_is_gone_or_is_none_any_more_is_passed_over() {
    let mut stage = Stage::set();
    let answers = "the standby answers";
    until_async(answers, async || stage.is_read_from_the_standby().await).await;
    stage.standby.pause();
    let name = stage.put().await;
    until_async("the primary answers for it", async || {
        !stage.is_read_from_the_standby().await
    })
    .await;
    assert!(stage.shows(&name).await);
    stage.standby.resume();
    until_async(answers, async || stage.is_read_from_the_standby().await).await;

    stage.standby.kill();
    assert!(!stage.is_read_from_the_standby().await);
    let both = with_replica(&plain_url(&stage.primary), &plain_url(&stage.standby));
    let meanwhile = MetadataStore::open_postgres(&both).unwrap();
    assert!(!meanwhile.browse(is_standby).await.unwrap());
    stage.standby.restart().unwrap();
    until_async(answers, async || stage.is_read_from_the_standby().await).await;
    until_async("also whoever started without it", async || {
        meanwhile.browse(is_standby).await.unwrap()
    })
    .await;

    stage
        .standby
        .psql("postgres", "SELECT pg_promote()")
        .unwrap();
    let name = stage.put().await;
    until_async("a list of the primary's", async || stage.shows(&name).await).await;
    let refused = MetadataStore::open_postgres(&both).map(drop);
    let refused = refused.expect_err("it takes writes").to_string();
    assert!(refused.contains("is no standby"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_standby_of_the_server_is_refused() {
    let primary = Postgres::start().unwrap();
    let standby = primary.standby().unwrap();
    let shared = Postgres::shared();
    let refusal = |url: &str, replica: &str| {
        let refused = MetadataStore::open_postgres(&with_replica(url, replica)).map(drop);
        refused.expect_err("it is no standby of it").to_string()
    };
    let refused = refusal(&shared.url(), &shared.url());
    assert!(refused.contains("is no standby"), "{refused}");
    primary.create_database("another").unwrap();
    let refused = refusal(&primary.url_of("another"), &standby.url());
    assert!(refused.contains("holds other data"), "{refused}");
    // Servers of tests begin as copies of one, so only what the databases hold tells them apart.
    let name = format!("d{}", id().replace('-', "_"));
    for server in [&primary, shared] {
        let url = server.create_database(&name).unwrap();
        let store = MetadataStore::open_postgres(&options(&url)).unwrap();
        let key = id();
        write(&store, move |tx| {
            tx.put_deployment_value("deployment_key_id", &key)
        })
        .await;
    }
    until_async("the standby has heard of it", async || {
        let shown = "SELECT value FROM deployment WHERE name = 'deployment_key_id'";
        standby
            .psql(&name, shown)
            .is_ok_and(|rows| !rows.is_empty())
    })
    .await;
    let (here, there) = (primary.url_of(&name), shared.url_of(&name));
    MetadataStore::open_postgres(&with_replica(&here, &standby.url_of(&name))).unwrap();
    let refused = refusal(&there, &standby.url_of(&name));
    assert!(refused.contains("holds other data"), "{refused}");
    let refused = refusal(
        &primary.url(),
        &standby.url().replace("postgres:for", "postgres:not-for"),
    );
    assert!(
        refused.contains("read_url") && refused.contains("password"),
        "{refused}"
    );
}
