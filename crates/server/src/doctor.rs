//! `roadstead doctor`: looks at everything that a registry stands on, says what is wrong and what to do about it, and
//! changes nothing. Each part is looked at by itself, beside a running registry or without one.

mod certificates;
mod database;
mod directory;
mod key;
mod limits;
mod listeners;
mod mail;
mod report;
mod store;

use crate::cli::DoctorArgs;
use crate::clocks;
use crate::config::{self, Config, Loaded};
use crate::data_dir::DataDir;
use crate::text::date;
use anyhow::{Context as _, bail};
use report::Report;

/// Looks, and prints what was found. The error counts what has failed.
pub(crate) fn run(args: &DoctorArgs) -> anyhow::Result<()> {
    let mut report = Report::default();
    match config::load(&args.serve.to_flags()) {
        Ok(loaded) => {
            report.good("settings", summary(&loaded));
            tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .context("cannot start the runtime")?
                .block_on(examine(&loaded.config, &mut report));
        }
        Err(problems) => {
            for problem in problems.to_string().lines().skip(1) {
                let remedy = "mend it; roadstead check-config looks at the settings alone";
                report.failed("settings", problem.trim(), remedy);
            }
        }
    }
    report.print(args.json)?;
    match report.failures() {
        0 => Ok(()),
        1 => bail!("one check failed"),
        failures => bail!("{failures} checks failed"),
    }
}

fn summary(loaded: &Loaded) -> String {
    let config = &loaded.config;
    let database = match &config.database.postgres {
        None => "SQLite".to_owned(),
        Some(postgres) => postgres.address.to_string(),
    };
    let blobs = match &config.s3.bucket {
        None => format!("files in {}", config.storage.directory.display()),
        Some(bucket) => format!("objects in bucket {bucket}"),
    };
    format!("can be used: records in {database}, blobs as {blobs}")
}

async fn examine(config: &Config, report: &mut Report) {
    let is_running = DataDir::is_in_use(&config.data_dir);
    directory::examine(config, is_running, report);
    let database = database::examine(config, is_running, report);
    key::examine(config, database.as_ref(), report);
    store::examine(config, report).await;
    if config.database.postgres.is_none() && config.s3.bucket.is_none() {
        let now = date(Some(clocks::now_ms()));
        report.good(
            "clock",
            format!("says {now}; there is no other to compare it with"),
        );
    }
    certificates::examine(config, report);
    listeners::examine(config, is_running, report);
    limits::examine(config, report);
    mail::examine(config, report).await;
}
