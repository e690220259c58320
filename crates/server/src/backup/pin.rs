//! Keeping what is being copied: the registry is told again and again that the backup goes on.

use crate::admin::Answer;
use crate::cli::{AdminCommand, BackupStep, Outcome, Place};
use crate::config::Config;
use crate::target::Target;
use anyhow::{Context as _, bail};
use model::Caller;
use serde_json::json;
use services::{BackupEnd, BackupPurpose, Services};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

/// How often the registry is told. It forgets a backup after five minutes.
const EVERY: Duration = Duration::from_secs(20);

/// A pin, held until it is ended. One that is dropped ends by itself, in a while.
pub(super) struct Pin {
    way: Arc<Way>,
    id: String,
    is_lost: watch::Receiver<bool>,
    /// Its end is that of the thread.
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

/// The way to the registry, which may be stopped or started meanwhile.
struct Way {
    target: Mutex<Target>,
    config: Config,
}

impl Way {
    fn ask(&self, step: BackupStep) -> anyhow::Result<Answer> {
        let mut target = self.target.lock().unwrap_or_else(PoisonError::into_inner);
        let answered = target.ask(AdminCommand::Backup(step.clone()));
        if answered.is_ok() || matches!(*target, Target::Own(_)) {
            return answered;
        }
        // It ran, and may have been stopped.
        match Target::find(&self.config) {
            Ok(found) => {
                *target = found;
                target.ask(AdminCommand::Backup(step))
            }
            Err(_) => answered,
        }
    }

    /// Whether the pin was alive all the time.
    fn renew(&self, id: &str) -> anyhow::Result<bool> {
        let answer = self.ask(BackupStep::Renew { id: id.to_owned() })?;
        let is_alive = answer.json()["is_alive"].as_bool();
        is_alive.context("the running registry answered something else")
    }
}

impl Pin {
    pub(super) fn begin(
        target: Target,
        config: &Config,
        place: &Place,
        prunes: bool,
    ) -> anyhow::Result<Self> {
        let way = Arc::new(Way {
            target: Mutex::new(target),
            config: config.clone(),
        });
        let place = place.to_string();
        let answer = way.ask(BackupStep::Begin { place, prunes })?;
        let id = answer.json()["id"].as_str();
        let id = id
            .context("the running registry answered something else")?
            .to_owned();
        let (stop, stopped) = channel();
        let (lost, is_lost) = watch::channel(false);
        let (renewed, renewing) = (id.clone(), way.clone());
        let thread = std::thread::Builder::new()
            .name("backup-pin".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                    // A registry that does not answer is asked again; what it says then is what counts.
                    if matches!(renewing.renew(&renewed), Ok(false)) {
                        let _ = lost.send(true);
                        return;
                    }
                }
            })
            .context("cannot start a thread")?;
        Ok(Self {
            way,
            id,
            is_lost,
            stop,
            thread,
        })
    }

    /// The backup's identifier.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Works for as long as the pin is alive.
    pub(super) async fn guard<T>(
        &self,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let mut is_lost = self.is_lost.clone();
        tokio::select! {
            done = work => done,
            Ok(_) = is_lost.wait_for(|is_lost| *is_lost) => Err(lost()),
        }
    }

    /// Makes sure that it was alive all the time.
    pub(super) fn renew(&self) -> anyhow::Result<()> {
        if self.way.renew(&self.id)? {
            Ok(())
        } else {
            Err(lost())
        }
    }

    pub(super) fn end(self, outcome: Outcome) -> anyhow::Result<()> {
        let Self {
            way,
            id,
            stop,
            thread,
            ..
        } = self;
        drop(stop);
        let _ = thread.join();
        way.ask(BackupStep::End { id, outcome }).map(drop)
    }
}

fn lost() -> anyhow::Error {
    anyhow::anyhow!(
        "the registry did not hear of the backup for five minutes and may have deleted what it needs; \
         the same command goes on where it was"
    )
}

/// Does one step.
pub(crate) async fn carry_out(services: &Services, step: BackupStep) -> anyhow::Result<Answer> {
    let backups = &services.backups;
    let json = match step {
        BackupStep::Begin { place, prunes } => {
            if place.len() > 4096 {
                bail!("the place has too long a name");
            }
            let purpose = if prunes {
                BackupPurpose::Prune
            } else {
                BackupPurpose::Backup
            };
            json!({ "id": backups.begin(purpose, &place).await? })
        }
        BackupStep::Renew { id } => json!({ "is_alive": backups.renew(&id).await? }),
        BackupStep::End { id, outcome } => {
            let end = match outcome {
                Outcome::Whole => BackupEnd::Whole,
                Outcome::Incomplete => BackupEnd::Incomplete,
                Outcome::Failed => BackupEnd::Failed,
            };
            backups.end(&id, end, &Caller::local_operator()).await?;
            json!({})
        }
    };
    Ok(Answer::new(json, ""))
}
