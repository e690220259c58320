//! Clients that push and pull until they are told to stop, and remember what they were promised.

use crate::registry::PATIENCE;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use tokio::task::JoinHandle;

use super::retrying::{Image, Retrying};
use crate::faults::pusher::Random;
use crate::registry::client::Client;

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

    fn pushed(&self) -> MutexGuard<'_, Vec<Image>> {
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

/// Clients at work. They hold one token from beginning to end: it must live for long enough.
pub(crate) struct Load {
    shared: Arc<Shared>,
    running: Vec<JoinHandle<u64>>,
}

/// What there was to be seen once all clients had ended.
pub(crate) struct Ended {
    shared: Arc<Shared>,
    /// How often something was tried again.
    pub(crate) retries: u64,
}

impl Load {
    /// `clients` that push and as many that pull, all with the rights of `caller` and where `caller` asks.
    pub(crate) async fn start(caller: &Client, clients: usize, random: &mut Random) -> Self {
        let scopes: Vec<String> = (0..clients)
            .map(|client| format!("repository:library/app{client}:pull,push"))
            .collect();
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
        let authorized = caller.with_token(&scopes).await;
        let shared = Arc::new(Shared {
            origin: caller.origin().to_owned(),
            authorization: authorized.credentials().header().expect("a token"),
            pushed: Mutex::default(),
            is_over: AtomicBool::new(false),
        });
        let mut running = Vec::new();
        for client in 0..clients {
            running.push(tokio::spawn(shared.clone().push(client, random.next())));
            running.push(tokio::spawn(shared.clone().pull(random.next())));
        }
        Self { shared, running }
    }

    /// Waits until so many more images were pushed.
    pub(crate) async fn goes_on(&self, images: usize) {
        let wanted = self.shared.pushed().len() + images;
        let deadline = Instant::now() + PATIENCE;
        while self.shared.pushed().len() < wanted {
            assert!(Instant::now() < deadline, "nothing is pushed any more");
            let failed = self.running.iter().any(JoinHandle::is_finished);
            assert!(!failed, "a client met what it could not live with");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Tells all clients to end, and fails with the first that met what it could not live with.
    pub(crate) async fn end(self) -> Ended {
        self.shared.is_over.store(true, Ordering::Relaxed);
        let mut retries = 0;
        for client in self.running {
            retries += client
                .await
                .expect("the registry does what clients can live with");
        }
        Ended {
            shared: self.shared,
            retries,
        }
    }
}

impl Ended {
    /// How many images were acknowledged.
    pub(crate) fn images(&self) -> usize {
        self.shared.pushed().len()
    }

    /// Pulls every one of them there, and hashes all of its bytes.
    pub(crate) async fn everything_is_there(&self, origin: &str) {
        let pushed = self.shared.pushed().clone();
        let authorization = &self.shared.authorization;
        let http = Retrying::new(origin, authorization, 0).http;
        let checks = stream::iter(pushed).map(|image| {
            let mut retrying = Retrying::sharing(&http, origin, authorization, 0);
            tokio::spawn(async move { retrying.pull_image(&image).await })
        });
        let mut checked = checks.buffer_unordered(8);
        while let Some(check) = checked.next().await {
            check.expect("every byte is there");
        }
    }
}
