//! Replicas are killed at random while clients push and pull: nothing that was acknowledged is lost, and nobody ever gets
//! a wrong byte.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};

use super::Replicas;
use super::retrying::{Image, Retrying};
use crate::faults::pusher::Random;
use crate::scale;

const REPLICAS: usize = 3;
/// One replica dies each time.
const EVERY: Duration = Duration::from_secs(1);
/// With so many kills the number of clients is that of a soak.
const KILLS_OF_A_SOAK: u64 = 60;

/// What all clients know.
struct Shared {
    origin: String,
    authorization: String,
    pushed: Mutex<Vec<Image>>,
    is_over: AtomicBool,
}

impl Shared {
    fn client(&self, seed: u64) -> Retrying {
        Retrying::new(&self.origin, &self.authorization, seed)
    }

    fn pushed(&self) -> std::sync::MutexGuard<'_, Vec<Image>> {
        self.pushed.lock().expect("no client fails with it")
    }

    async fn push(self: Arc<Self>, client: usize, seed: u64) -> u64 {
        let mut retrying = self.client(seed);
        let repository = format!("library/app{client}");
        while !self.is_over.load(Ordering::Relaxed) {
            let image = retrying.push_image(&repository).await;
            self.pushed().push(image);
        }
        retrying.retries
    }

    async fn pull(self: Arc<Self>, seed: u64) -> u64 {
        let mut retrying = self.client(seed);
        while !self.is_over.load(Ordering::Relaxed) {
            let image = {
                let pushed = self.pushed();
                let choices = pushed.len().max(1) as u64;
                let chosen = usize::try_from(retrying.random.below(choices)).expect("it fits");
                pushed.get(chosen).cloned()
            };
            match image {
                Some(image) => retrying.pull_image(&image).await,
                None => tokio::task::yield_now().await,
            }
        }
        retrying.retries
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_replicas_are_killed() {
    let kills = scale::count(10);
    let clients = if kills < KILLS_OF_A_SOAK { 6 } else { 30 };
    let mut random = Random::new(scale::seed());
    let lifetime = ("REGISTRY__TOKEN_LIFETIME_SECS", "3600");
    let mut replicas = Replicas::start_with(REPLICAS, &[lifetime]).await;
    let scopes: Vec<String> = (0..clients)
        .map(|client| format!("repository:library/app{client}:pull,push"))
        .collect();
    let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let authorized = replicas.with_token(&scopes).await;
    let shared = Arc::new(Shared {
        origin: replicas.origin().to_owned(),
        authorization: authorized.credentials().header().expect("a token"),
        pushed: Mutex::default(),
        is_over: AtomicBool::new(false),
    });
    let mut running = Vec::new();
    for client in 0..clients {
        running.push(tokio::spawn(shared.clone().push(client, random.next())));
        running.push(tokio::spawn(shared.clone().pull(random.next())));
    }

    for _ in 0..kills {
        // Not waiting for anything: the moment is what is random here.
        tokio::time::sleep(EVERY).await;
        let victim = usize::try_from(random.below(REPLICAS as u64)).expect("it fits");
        replicas.kill(victim);
        replicas.restart(victim).await;
    }
    shared.is_over.store(true, Ordering::Relaxed);
    let mut retries = 0;
    for client in running {
        retries += client
            .await
            .expect("the registry does what clients can live with");
    }

    replicas.wait_until_all_are_up();
    let pushed = shared.pushed().clone();
    assert!(
        pushed.len() >= clients,
        "only {} images: the test tests nothing",
        pushed.len()
    );
    eprintln!("{kills} kills, {} images, {retries} retries", pushed.len());
    let shared = &shared;
    let checks = stream::iter(pushed).map(|image| async move {
        shared.client(0).pull_image(&image).await;
    });
    checks.buffer_unordered(8).collect::<()>().await;
}
