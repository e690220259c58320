//! The cases on PostgreSQL, and what is PostgreSQL's alone: connections that break, transactions that fail, replicas.

use super::fixture::{World, id, write};
use crate::{Error, MetadataStore, PostgresAddress, PostgresOptions, Turn};
use engines::Postgres;
use std::time::{Duration, Instant};

/// A database of its own on the server that all tests of this process share. Nothing is skipped where there is no server:
/// the test fails, and says what to install.
pub(crate) struct Database {
    pub(crate) store: MetadataStore,
    url: String,
    pub(super) name: String,
}

pub(super) fn options(url: &str) -> PostgresOptions {
    PostgresOptions {
        address: PostgresAddress::parse(url, None).unwrap(),
        connections: 8,
        connect_limit: Duration::from_secs(10),
        wait_limit: Duration::from_secs(30),
        time_limit: Duration::from_secs(30),
        read_replica: None,
    }
}

impl Database {
    /// How to reach one that nobody has opened yet.
    pub(crate) fn empty_options() -> PostgresOptions {
        let name = format!("d{}", id().replace('-', "_"));
        options(&Postgres::shared().create_database(&name).unwrap())
    }

    pub(crate) fn options(&self) -> PostgresOptions {
        options(&self.url)
    }

    pub(crate) fn new() -> Self {
        let name = format!("d{}", id().replace('-', "_"));
        let url = Postgres::shared().create_database(&name).unwrap();
        Self {
            store: MetadataStore::open_postgres(&options(&url)).unwrap(),
            url,
            name,
        }
    }

    /// Another replica.
    fn replica(&self) -> MetadataStore {
        MetadataStore::open_postgres(&options(&self.url)).unwrap()
    }

    /// Cuts every connection to the database, as a restart of the server or of a machine between would.
    pub(super) fn cut(&self) {
        let name = &self.name;
        let cut = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        );
        Postgres::shared().psql("postgres", &cut).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_does_on_postgresql_what_it_says() {
    let database = Database::new();
    super::run(&database.store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reopening_finds_the_same_schema_and_the_same_rows() {
    let database = Database::new();
    let world = World::create(&database.store).await;
    let first = database.store.schema_versions();
    assert_eq!(first.found, 0);
    let replica = database.replica();
    assert_eq!(replica.schema_versions().found, first.now);
    let found = replica
        .read(|reader| reader.find_repository(&world.key))
        .await;
    assert!(found.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_replicas_that_start_together_one_makes_the_schema() {
    let name = format!("d{}", id().replace('-', "_"));
    let url = Postgres::shared().create_database(&name).unwrap();
    let starting: Vec<_> = (0..6)
        .map(|_| {
            let options = options(&url);
            std::thread::spawn(move || MetadataStore::open_postgres(&options))
        })
        .collect();
    for replica in starting {
        replica
            .join()
            .unwrap()
            .unwrap()
            .read_blocking(|reader| reader.probe())
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_from_the_future_is_refused_and_left_alone() {
    let database = Database::new();
    let psql = |sql| Postgres::shared().psql(&database.name, sql).unwrap();
    psql("INSERT INTO schema_version (version) VALUES (1000000)");
    let refused = MetadataStore::open_postgres(&options(&database.url)).map(drop);
    let is_right = matches!(
        refused,
        Err(Error::TooNew {
            found: 1_000_000,
            ..
        })
    );
    assert!(is_right, "{refused:?}");
    assert_eq!(
        psql("SELECT MAX(version) FROM schema_version").trim(),
        "1000000"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_fails_or_panics_leaves_nothing_and_the_next_one_runs() {
    let database = Database::new();
    let store = &database.store;
    let name = id();
    for panics in [false, true] {
        let written = name.clone();
        let answer = store
            .write(move |tx| {
                tx.put_deployment_value(&written, "here")?;
                assert!(!panics, "a bug of a transaction, on purpose");
                Err::<(), _>(Error::AlreadyExists)
            })
            .await;
        assert!(answer.is_err());
        let found = store
            .read(|reader| reader.find_deployment_value(&name))
            .await;
        assert_eq!(found.unwrap(), None);
    }
    let written = name.clone();
    write(store, move |tx| tx.put_deployment_value(&written, "here")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_is_ended() {
    let database = Database::new();
    let short = PostgresOptions {
        time_limit: Duration::from_millis(200),
        ..options(&database.url)
    };
    let store = MetadataStore::open_postgres(&short).unwrap();
    let slow = |reader: &crate::Reader<'_>| {
        reader
            .connection
            .exists("/* of a test */ SELECT pg_sleep(60)", &[])
    };
    let asked = store.read(slow).await;
    assert!(matches!(asked, Err(Error::TimedOut)), "{asked:?}");
    let changed = store.write(move |tx| slow(tx)).await;
    assert!(matches!(changed, Err(Error::TimedOut)), "{changed:?}");
    // Quick statements, but too many of them.
    let endless = store
        .write(|tx| -> Result<(), Error> {
            loop {
                tx.probe()?;
            }
        })
        .await;
    assert!(matches!(endless, Err(Error::TimedOut)), "{endless:?}");
    store.read(|reader| reader.probe()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_finds_all_connections_busy_is_told_so_in_time() {
    let database = Database::new();
    let narrow = PostgresOptions {
        connections: 4,
        wait_limit: Duration::from_millis(100),
        ..options(&database.url)
    };
    let store = MetadataStore::open_postgres(&narrow).unwrap();
    let (release, released) = tokio::sync::watch::channel(());
    let holding: Vec<_> = (0..4)
        .map(|_| {
            let (store, mut released) = (store.clone(), released.clone());
            let runtime = tokio::runtime::Handle::current();
            let holds = std::sync::Mutex::new(false);
            tokio::task::spawn_blocking(move || {
                store.read_blocking(|reader| {
                    reader.probe()?;
                    *holds.lock().unwrap() = true;
                    let mut released = released.clone();
                    runtime.block_on(async move { released.changed().await.unwrap() });
                    Ok::<_, Error>(())
                })?;
                released.mark_unchanged();
                Ok::<_, Error>(())
            })
        })
        .collect();
    while store.reader_count() < 4 {
        tokio::task::yield_now().await;
    }
    let busy = store.read(|reader| reader.probe()).await;
    assert!(matches!(busy, Err(Error::Unavailable(_))), "{busy:?}");
    release.send(()).unwrap();
    for held in holding {
        held.await.unwrap().unwrap();
    }
    store.read(|reader| reader.probe()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_at_a_time_takes_a_turn() {
    let database = Database::new();
    let (store, other) = (&database.store, database.replica());
    let name = id();
    let mut running = tokio::task::JoinSet::new();
    for number in 0..8 {
        let store = if number % 2 == 0 {
            store.clone()
        } else {
            other.clone()
        };
        let name = name.clone();
        running.spawn(async move {
            let made = store.write(move |tx| {
                tx.take_turn(Turn::FirstStart)?;
                let is_first = tx.find_deployment_value(&name)?.is_none();
                if is_first {
                    tx.put_deployment_value(&name, "here")?;
                }
                Ok::<_, Error>(is_first)
            });
            made.await.unwrap()
        });
    }
    let made = running.join_all().await;
    assert_eq!(made.iter().filter(|made| **made).count(), 1);
}

/// Waits for what another thread brings about.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_mins(1), "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The same, where looking takes asking.
pub(super) async fn until_async(what: &str, is_so: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_mins(1), "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn is_lasting(store: &MetadataStore) -> bool {
    store.epochs().policy() == store.epochs().policy()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_policy_reaches_every_replica_and_its_own_at_once() {
    let database = Database::new();
    let (store, other) = (&database.store, database.replica());
    let world = World::create(store).await;
    until("both replicas have heard", || {
        is_lasting(store) && is_lasting(&other)
    })
    .await;
    let (here, there) = (store.epochs().policy(), other.epochs().policy());
    let namespace = world.namespace.clone();
    write(store, move |tx| tx.set_namespace_public(&namespace, true)).await;
    assert_ne!(
        store.epochs().policy(),
        here,
        "whoever changed it sees it at once"
    );
    until("the other replica hears", || {
        other.epochs().policy() != there
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn content_is_never_remembered_beside_other_replicas() {
    let database = Database::new();
    let store = &database.store;
    let world = World::create(store).await;
    assert!(store.is_shared() && !store.epochs().lets_content_be_remembered());
    let name = &world.key.name;
    assert_ne!(store.epochs().of(name), store.epochs().of(name));
}

/// How the server would run it, with few rows as well as with many.
#[tokio::test(flavor = "multi_thread")]
async fn names_are_compared_by_their_bytes() {
    let database = Database::new();
    let sorted = database
        .store
        .read(|reader| {
            reader.connection.list(
                "/* of a test */ SELECT name FROM tags UNION ALL SELECT 'b' UNION ALL SELECT 'B' ORDER BY 1",
                &[],
                |row| row.text(0),
            )
        })
        .await;
    assert_eq!(sorted.unwrap(), ["B", "b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn text_with_a_nul_is_not_found_and_no_error() {
    let database = Database::new();
    let found = database
        .store
        .read(|reader| reader.find_user_by_name("a\0b"))
        .await;
    assert!(found.unwrap().is_none());
}

#[test]
fn a_server_that_cannot_be_used_is_named_with_what_to_do() {
    let shared = Postgres::shared();
    let url = shared.url();
    let open = |url: &str| {
        let refused = MetadataStore::open_postgres(&options(url)).map(drop);
        let refused = refused.expect_err("it cannot be used").to_string();
        assert!(!refused.contains("wrong-password"), "{refused}");
        refused
    };
    let (_, place) = url.rsplit_once('@').unwrap();
    let refused = open(&format!("postgres://postgres:wrong-password@{place}"));
    assert!(
        refused.contains("password authentication failed"),
        "{refused}"
    );
    let refused = open(&shared.url_of("nothing_of_that_name"));
    assert!(refused.contains("CREATE DATABASE"), "{refused}");
    let refused = open("postgres://postgres:wrong-password@127.0.0.1:1/postgres");
    assert!(refused.contains("start the server"), "{refused}");

    let name = format!("d{}", id().replace('-', "_"));
    let latin = format!(
        "CREATE DATABASE {name} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    );
    shared.psql("postgres", &latin).unwrap();
    let refused = open(&shared.url_of(&name));
    assert!(
        refused.contains("LATIN1") && refused.contains("UTF8"),
        "{refused}"
    );
}

#[test]
fn tls_proves_who_the_server_is() {
    let server = Postgres::builder().tls(&["localhost"]).start().unwrap();
    let authority = server.certificate_authority().unwrap();
    let url = server.url();
    let rest = url.replace("127.0.0.1", "localhost");
    let trusting = format!("?sslmode=verify-full&sslrootcert={}", authority.display());
    let store = MetadataStore::open_postgres(&options(&format!("{rest}{trusting}"))).unwrap();
    let is_encrypted = store.read_blocking(|reader| {
        let sql = "/* of a test */ SELECT CASE WHEN ssl THEN 1 ELSE 0 END FROM pg_stat_ssl \
                   WHERE pid = pg_backend_pid()";
        reader.connection.get(sql, &[], |row| row.flag(0))
    });
    assert!(is_encrypted.unwrap());
    // Another name, and another authority.
    for wrong in [
        format!("{url}{trusting}"),
        format!("{rest}?sslmode=verify-full"),
    ] {
        let refused = MetadataStore::open_postgres(&options(&wrong)).map(drop);
        let refused = refused
            .expect_err("the certificate is not right")
            .to_string();
        assert!(refused.contains("certificate"), "{refused}");
    }
}
