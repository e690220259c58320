//! People who push, move tags and delete, and who try again when the registry is away.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use crate::scale::client::{Client, token};
use crate::scale::image;
use crate::scale::registry::Registry;
use crate::scale::shape::{Blob, IMAGE, new_image};

/// How many, and how long each waits after an image.
const PEOPLE: u64 = 4;
const PAUSE: Duration = Duration::from_millis(60);
/// After a failure, and how often it may fail one after the other.
const REST: Duration = Duration::from_millis(200);
const MOST_FAILURES: u32 = 600;

/// Where the registry is at present, and how to come in.
pub(super) struct Way {
    pub(super) address: SocketAddr,
    pub(super) tokens: Vec<String>,
}

impl Way {
    /// To a registry that has just been started.
    pub(super) fn to(registry: &Registry<'_>) -> anyhow::Result<Self> {
        let mut admin = registry.client()?;
        let tokens =
            (0..PEOPLE).map(|person| token(&mut admin, &repository(person), "pull,push,delete"));
        Ok(Self {
            address: registry.address(),
            tokens: tokens.collect::<anyhow::Result<_>>()?,
        })
    }
}

/// What was done, as far as answers came.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Done {
    pub(super) images: u64,
    pub(super) failures: u64,
}

fn repository(person: u64) -> String {
    format!("library/app-{person}")
}

/// Everybody at work until `story` has ended.
pub(super) fn during(
    way: &Mutex<Way>,
    story: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Done> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let is_over = &is_over;
        let people: Vec<_> = (0..PEOPLE)
            .map(|person| scope.spawn(move || work(way, person, is_over)))
            .collect();
        let told = story();
        is_over.store(true, Ordering::Relaxed);
        let mut sum = Done::default();
        for one in people {
            let one = one.join().unwrap_or_else(|_| bail!("a client panicked"))?;
            sum.images += one.images;
            sum.failures += one.failures;
        }
        told.map(|()| sum)
    })
}

fn work(way: &Mutex<Way>, person: u64, is_over: &AtomicBool) -> anyhow::Result<Done> {
    let (mut done, mut failed, mut number) = (Done::default(), 0, 0);
    let mut connection = None;
    while !is_over.load(Ordering::Relaxed) {
        let client = match connection.take() {
            Some(client) => Ok(client),
            None => connect(way, person),
        };
        match client.and_then(|mut client| one_image(&mut client, person, number).map(|()| client))
        {
            Ok(client) => {
                (connection, failed) = (Some(client), 0);
                done.images += 1;
                thread::sleep(PAUSE);
            }
            Err(error) => {
                (failed, done.failures) = (failed + 1, done.failures + 1);
                ensure!(failed < MOST_FAILURES, "nothing works any more: {error:#}");
                thread::sleep(REST);
            }
        }
        // What was half done is left as it is.
        number += 1;
    }
    Ok(done)
}

fn connect(way: &Mutex<Way>, person: u64) -> anyhow::Result<Client> {
    let Ok(way) = way.lock() else {
        bail!("somebody panicked");
    };
    let token = way
        .tokens
        .get(usize::try_from(person)?)
        .context("nobody else works")?;
    Client::connect(way.address, &format!("Bearer {token}"))
}

/// Pushes an image, points a tag at it that pointed at the one before, and deletes one of those before that.
fn one_image(client: &mut Client, person: u64, number: u64) -> anyhow::Result<()> {
    let repository = repository(person);
    let label = |number: u64| format!("p{person}-{number}");
    image::push(client, &repository, &label(number))?;
    let manifest = |label: &str| {
        let config = Blob::of(format!(r#"{{"pushed":"{label}"}}"#));
        new_image(&repository, config, Blob::of(format!("layer of {label}\n")))
    };
    let moved = format!("/v2/{repository}/manifests/latest");
    let content = manifest(&label(number)).content;
    client
        .send("PUT", &moved, IMAGE, content.as_bytes())?
        .expect(201, "move a tag")?;
    if number % 2 == 1 {
        let digest = manifest(&label(number - 1)).digest;
        let path = format!("/v2/{repository}/manifests/{digest}");
        let deleted = client.send("DELETE", &path, "", b"")?.status;
        // Its push may have been cut off.
        ensure!(matches!(deleted, 202 | 404), "a deletion: {deleted}");
    }
    Ok(())
}
