//! Tells the others that this program serves, for as long as it does.

use services::{LOOK_IN_EVERY, Services};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Being among the deployment's replicas, until it is ended.
pub(crate) struct Presence {
    services: Arc<Services>,
    looking_in: JoinHandle<()>,
}

impl Presence {
    /// Begins to say so; those who ask for the replicas see it from now on.
    pub(crate) async fn begin(services: Arc<Services>, addresses: &[SocketAddr]) -> Self {
        let addresses: Vec<_> = addresses.iter().map(SocketAddr::to_string).collect();
        let (host, addresses) = (host_name(), addresses.join(" "));
        look_in(&services, &host, &addresses).await;
        let shared = services.clone();
        let looking_in = tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOK_IN_EVERY).await;
                look_in(&shared, &host, &addresses).await;
            }
        });
        Self {
            services,
            looking_in,
        }
    }

    /// Says that it serves no more.
    pub(crate) async fn end(self) {
        self.looking_in.abort();
        if let Err(error) = self.services.replicas.leave().await {
            tracing::debug!(%error, "the other replicas were not told of the end");
        }
    }
}

async fn look_in(services: &Services, host: &str, addresses: &str) {
    // Nothing depends on it: when the database does not answer, others say so.
    if let Err(error) = services.replicas.look_in(host, addresses).await {
        tracing::debug!(%error, "the other replicas were not told of this one");
    }
}

/// What the machine calls itself, if it does.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}
