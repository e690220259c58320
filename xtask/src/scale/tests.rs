use std::path::PathBuf;

use engines::Postgres;

use super::make;
use super::operations::{Operation, Requests};
use super::people::{self, Asked, Asking, Crowd};
use super::registry::{Place, Registry};
use super::shape::Size;
use super::{retention, seed};

const SIZE: Size = Size { manifests: 1000 };
const DELETED: u64 = 100;

/// The registry that `cargo xtask test` builds beside the tests.
fn program() -> PathBuf {
    let tests = std::env::current_exe().expect("this program has a path");
    let built = tests.ancestors().nth(2).expect("tests are in deps");
    let program = built.join("roadstead");
    assert!(
        program.exists(),
        "{} is not there; run: cargo build --package server",
        program.display()
    );
    program
}

/// A directory that goes when this is dropped.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let name = format!("roadstead-scale-{name}-{}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
        let _ = std::fs::remove_file(self.0.with_extension("log"));
    }
}

/// The program accepts what was seeded, serves it, and accepts it again when everything was asked of it once.
fn is_accepted(place: &Place<'_>) -> anyhow::Result<()> {
    make(place, SIZE, "a test")?;
    seed::add_deleted(&*place.seed(), &place.data, SIZE, 0..DELETED)?;
    place.check()?;
    let registry = Registry::start(place, &[])?;
    let before = registry.rows_read()?;
    let mut requests = Requests::new(SIZE, SIZE, registry.client()?);
    for operation in Operation::ALL {
        requests.ask(operation)?;
    }
    let read = registry.rows_read()?.since(&before);
    assert!(read.total() > 100, "reading was not counted: {read:?}");
    registry.stop()?;
    place.check()?;
    Ok(())
}

#[test]
fn a_seeded_sqlite_database_is_one_that_the_program_accepts() -> anyhow::Result<()> {
    let directory = Directory::new("sqlite");
    is_accepted(&Place::make(&program(), directory.0.clone(), None)?)
}

#[test]
fn a_seeded_postgresql_database_is_one_that_the_program_accepts() -> anyhow::Result<()> {
    let directory = Directory::new("postgresql");
    let postgres = Some((Postgres::shared(), "seeded"));
    is_accepted(&Place::make(&program(), directory.0.clone(), postgres)?)
}

/// The program serves a crowd that was seeded: everything is asked once.
fn is_served(place: &Place<'_>) -> anyhow::Result<()> {
    const CROWD: Crowd = Crowd { accounts: 10 };
    people::make(place, CROWD)?;
    place.check()?;
    let registry = Registry::start(place, &[])?;
    let mut asking = Asking::new(CROWD, CROWD, &registry)?;
    for asked in Asked::ALL {
        asking.ask(asked)?;
    }
    registry.stop()
}

#[test]
fn a_seeded_crowd_is_served_from_sqlite() -> anyhow::Result<()> {
    let directory = Directory::new("people-sqlite");
    is_served(&Place::make(&program(), directory.0.clone(), None)?)
}

#[test]
fn a_seeded_crowd_is_served_from_postgresql() -> anyhow::Result<()> {
    let directory = Directory::new("people-postgresql");
    let postgres = Some((Postgres::shared(), "people"));
    is_served(&Place::make(&program(), directory.0.clone(), postgres)?)
}

#[test]
fn a_policy_of_retention_leaves_what_the_model_keeps_on_sqlite() -> anyhow::Result<()> {
    let directory = Directory::new("retention-sqlite");
    retention::is_followed(Place::make(&program(), directory.0.clone(), None)?, SIZE)
}

#[test]
fn a_policy_of_retention_leaves_what_the_model_keeps_on_postgresql() -> anyhow::Result<()> {
    let directory = Directory::new("retention-postgresql");
    let postgres = Some((Postgres::shared(), "retention"));
    retention::is_followed(
        Place::make(&program(), directory.0.clone(), postgres)?,
        SIZE,
    )
}
