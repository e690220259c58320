//! The socket by which `roadstead admin` asks a running registry: one command and one answer per connection, each a
//! line of JSON. Whoever may write to the data directory may use it.

use crate::admin::{self, Answer};
use crate::cli::AdminCommand;
use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use services::Services;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

/// The longest command.
const COMMAND_BYTES: u64 = 64 * 1024;
/// The longest answer: a list of everything.
const ANSWER_BYTES: u64 = 16 * 1024 * 1024;
/// How long either side waits for the other.
const PATIENCE: Duration = Duration::from_secs(30);

/// What comes back.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    Done(Answer),
    Failed(String),
}

/// A listening socket, gone when dropped.
pub(crate) struct AdminSocket {
    path: PathBuf,
    accepting: JoinHandle<()>,
}

impl AdminSocket {
    /// Listens. The data directory is locked, so a socket that is there is a leftover.
    pub(crate) fn listen(path: &Path, services: Arc<Services>) -> anyhow::Result<Self> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                bail!("cannot remove the old socket {}: {error}", path.display())
            }
            _ => {}
        }
        let listener = UnixListener::bind(path)
            .with_context(|| format!("cannot listen on {} for roadstead admin", path.display()))?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, services.clone()));
            }
        });
        Ok(Self {
            path: path.to_owned(),
            accepting,
        })
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        self.accepting.abort();
        // At the worst a leftover, which the next start removes.
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn answer(mut stream: UnixStream, services: Arc<Services>) {
    let exchange = async {
        let mut line = String::new();
        let (reader, mut writer) = stream.split();
        tokio::io::BufReader::new(reader.take(COMMAND_BYTES))
            .read_line(&mut line)
            .await?;
        let reply = match serde_json::from_str::<AdminCommand>(&line) {
            Ok(command) => match admin::carry_out(&services, command).await {
                Ok(answer) => Reply::Done(answer),
                Err(error) => Reply::Failed(format!("{error:#}")),
            },
            Err(error) => Reply::Failed(format!(
                "the running registry does not know this command: {error}"
            )),
        };
        let mut bytes = serde_json::to_vec(&reply)?;
        bytes.push(b'\n');
        writer.write_all(&bytes).await
    };
    if let Ok(Err(error)) = tokio::time::timeout(PATIENCE, exchange).await {
        tracing::debug!(%error, "a local command went away");
    }
}

/// Asks the registry that runs on a data directory.
pub(crate) fn ask(path: &Path, command: &AdminCommand) -> anyhow::Result<Answer> {
    let mut stream = std::os::unix::net::UnixStream::connect(path).with_context(|| {
        format!(
            "a registry runs on this data directory but does not answer at {}",
            path.display()
        )
    })?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(command)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut reply = String::new();
    BufReader::new(stream.take(ANSWER_BYTES)).read_line(&mut reply)?;
    match serde_json::from_str(&reply).context("the running registry answered something else")? {
        Reply::Done(answer) => Ok(answer),
        Reply::Failed(message) => bail!(message),
    }
}
