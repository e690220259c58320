//! Several registries over one PostgreSQL and one S3 store, behind a load balancer that sends every request to the next
//! one.

mod agreement;
mod chunks;
mod crossing;
mod killing;
pub(crate) mod load;
mod outage;
mod read_replica;
mod retrying;

use std::net::SocketAddr;
use std::ops::Deref;

use engines::{Haproxy, Ports, Postgres, SeaweedFs};

use crate::registry::backends::{Backends, database_settings, store_settings};
use crate::registry::client::Client;
use crate::registry::{Setup, TestRegistry};

/// Running replicas. Derefs to the administrator, whose requests go through the balancer.
pub(crate) struct Replicas {
    administrator: Client,
    all: Vec<Replica>,
    balancer: Haproxy,
    _ports: Ports,
}

/// One of them: running, or set up to run again.
enum Replica {
    Running(Box<TestRegistry>),
    Ended(Setup),
    /// Between the two.
    Changing,
}

impl Deref for Replicas {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.administrator
    }
}

impl Replicas {
    /// `count` replicas on a database and a bucket of their own in the engines of this run.
    pub(crate) async fn start(count: usize) -> Self {
        Self::start_with(count, &[]).await
    }

    /// The same with other settings besides.
    pub(crate) async fn start_with(count: usize, settings: &[(&str, &str)]) -> Self {
        let provided = tokio::task::spawn_blocking(|| Backends::PRODUCTION.provide());
        let mut all = provided.await.expect("the engines run");
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        all.extend(settings.iter().map(owned));
        Self::start_on(count, &all).await
    }

    /// `count` replicas with these settings, which say where the engines are.
    pub(crate) async fn start_on(count: usize, settings: &[(String, String)]) -> Self {
        let ports = Ports::take(count).expect("free ports");
        let addresses: Vec<SocketAddr> = ports
            .numbers()
            .iter()
            .map(|&port| SocketAddr::from(([127, 0, 0, 1], port)))
            .collect();
        let mut all = Vec::new();
        for address in &addresses {
            let mut setup = TestRegistry::builder()
                .on(Backends::EMBEDDED)
                .listening_on(*address)
                .with_deployment_key(&[7; 32])
                .setting("NETWORK__TRUSTED_PROXIES", r#"["127.0.0.1"]"#);
            for (name, value) in settings {
                setup = setup.setting(name, value);
            }
            all.push(Replica::Running(Box::new(setup.start().await)));
        }
        let balancer = tokio::task::spawn_blocking(move || {
            let balancer = Haproxy::start(&addresses)?;
            balancer.wait_until_all_are_up()?;
            Ok::<_, engines::Error>(balancer)
        });
        let balancer = balancer.await.expect("no panic").expect("HAProxy starts");
        let origin = format!("http://{}", balancer.address());
        let replicas = Self {
            administrator: Client::new(origin, crate::registry::administrator()),
            all,
            balancer,
            _ports: ports,
        };
        // Like a newcomer's: through the balancer, whichever replica answers.
        replicas.administrator.get("/v2/").await.assert_status(200);
        replicas
    }

    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }

    /// A replica, past the balancer.
    pub(crate) fn replica(&self, index: usize) -> &TestRegistry {
        match &self.all[index] {
            Replica::Running(registry) => registry,
            _ => panic!("replica {index} does not run"),
        }
    }

    /// Each replica, past the balancer.
    pub(crate) fn each(&self) -> impl Iterator<Item = &TestRegistry> {
        (0..self.count()).map(|index| self.replica(index))
    }

    /// Ends one as a power failure would.
    pub(crate) fn kill(&mut self, index: usize) {
        let replica = std::mem::replace(&mut self.all[index], Replica::Changing);
        self.all[index] = match replica {
            Replica::Running(registry) => Replica::Ended(registry.kill()),
            other => other,
        };
    }

    /// Starts one again where it was.
    pub(crate) async fn restart(&mut self, index: usize) {
        let replica = std::mem::replace(&mut self.all[index], Replica::Changing);
        self.all[index] = match replica {
            Replica::Ended(setup) => Replica::Running(Box::new(setup.start().await)),
            other => other,
        };
    }

    /// Waits until the balancer sends requests to all of them.
    pub(crate) fn wait_until_all_are_up(&self) {
        tokio::task::block_in_place(|| self.balancer.wait_until_all_are_up())
            .expect("all replicas are ready");
    }
}

/// Engines that a test may stop, because no other test uses them.
pub(crate) struct OwnEngines {
    pub(crate) postgres: Postgres,
    pub(crate) store: SeaweedFs,
}

impl OwnEngines {
    pub(crate) async fn start() -> Self {
        let started = tokio::task::spawn_blocking(|| Self {
            postgres: Postgres::start().expect("PostgreSQL starts"),
            store: SeaweedFs::start().expect("the store starts"),
        });
        started.await.expect("no panic")
    }

    /// The settings of registries on them.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        let mut settings = database_settings(&self.postgres, "registry");
        settings.extend(store_settings(&self.store, "registry"));
        settings
    }
}
