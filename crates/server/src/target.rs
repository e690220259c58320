//! The registry that a local command is for: the running one, or its data directory.

use crate::admin::{self, Answer};
use crate::admin_socket;
use crate::cli::AdminCommand;
use crate::config::Config;
use crate::data_dir::DataDir;
use anyhow::Context as _;
use services::Services;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// The way to a registry.
pub(crate) enum Target {
    /// It runs, and answers at this socket.
    Running(PathBuf),
    /// It does not run: its data directory is ours meanwhile.
    Own(Box<Own>),
}

/// A data directory that nobody else has.
pub(crate) struct Own {
    services: Arc<Services>,
    runtime: Runtime,
    _directory: DataDir,
}

impl Target {
    /// Finds the registry of these settings.
    pub(crate) fn find(config: &Config) -> anyhow::Result<Self> {
        let nothing_here = || {
            let path = config.data_dir.display();
            anyhow::anyhow!(
                "{path} holds no registry; name its directory with --data-dir, or start one with: roadstead serve --data-dir {path}"
            )
        };
        // Asking must not make one.
        anyhow::ensure!(DataDir::exists(config), nothing_here());
        let Some(directory) = DataDir::lock(&config.data_dir)? else {
            return Ok(Self::Running(DataDir::admin_socket(&config.data_dir)));
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        let services = runtime.block_on(async {
            let services = directory.open(config).await?;
            anyhow::ensure!(services.has_begun().await?, nothing_here());
            Ok(services)
        })?;
        Ok(Self::Own(Box::new(Own {
            services,
            runtime,
            _directory: directory,
        })))
    }

    /// Has a command carried out.
    pub(crate) fn ask(&self, command: AdminCommand) -> anyhow::Result<Answer> {
        match self {
            Self::Running(socket) => admin_socket::ask(socket, &command),
            Self::Own(own) => own
                .runtime
                .block_on(admin::carry_out(&own.services, command)),
        }
    }
}
