//! The blob store: does what is counted on, as it is tried out with objects of its own that are removed again.

use super::report::Report;
use crate::blob_store::{self, Complaint};
use crate::clocks;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::system::{SystemClock, SystemIds};
use blobs::{BlobStore, Check, CheckOutcome};
use std::sync::Arc;

const CHECK: &str = "store";

pub(super) async fn examine(config: &Config, report: &mut Report) {
    match &config.s3.bucket {
        Some(bucket) => examine_bucket(config, bucket, report).await,
        None => examine_files(config, report).await,
    }
}

async fn examine_files(config: &Config, report: &mut Report) {
    let directory = &config.storage.directory;
    let shown = directory.display();
    if !DataDir::exists(config) || !directory.exists() {
        return report.good(CHECK, format!("{shown} is made by the first start"));
    }
    let store = match blob_store::open_files(config) {
        Ok(store) => store,
        Err(error) => return report.failed_as_said(CHECK, &format!("{error:#}")),
    };
    for Check { what, outcome } in store.check_thoroughly().await {
        match outcome {
            CheckOutcome::Good => report.good(CHECK, format!("{what} works in {shown}")),
            CheckOutcome::Doubtful(why) => {
                report.doubtful(CHECK, format!("{what}: {why}"), "see the disk");
            }
            CheckOutcome::Bad(_, why) => report.failed(
                CHECK,
                format!("[storage] directory {shown}: {what} failed: {why}"),
                "let the registry's user write there, and see that the disk has room and is well",
            ),
        }
    }
}

async fn examine_bucket(config: &Config, bucket: &str, report: &mut Report) {
    let before_ms = clocks::now_ms();
    let ids = SystemIds::new(Arc::new(SystemClock));
    let store = match blob_store::connect(config, bucket, &ids) {
        Ok(store) => store,
        Err(error) => return report.failed_as_said(CHECK, &format!("{error:#}")),
    };
    for check in store.check_thoroughly().await {
        tell(config, &store, before_ms, check, report);
    }
    let Some(clock) = blob_store::compare_clocks(&store, before_ms) else {
        return;
    };
    let Complaint { problem, remedy } = blob_store::skewed(&config.s3, clock);
    if clock.is_too_large() {
        report.failed("clock", problem, remedy);
    } else if clock.is_notable() {
        report.doubtful("clock", problem, remedy);
    } else {
        report.good("clock", format!("the store's clock {}", clock.figures()));
    }
}

fn tell(config: &Config, store: &BlobStore, before_ms: i64, check: Check, report: &mut Report) {
    let Check { what, outcome } = check;
    match outcome {
        CheckOutcome::Good => report.good(CHECK, format!("{what}: works")),
        CheckOutcome::Doubtful(why) => {
            let (detail, remedy) = why
                .rsplit_once("; ")
                .unwrap_or((&why, "see the store's documentation"));
            let detail = format!("{what}: {detail}");
            // Without it nothing starts, unless the settings say that it may.
            if what == blobs::CONDITIONAL_WRITES && !config.s3.allow_unconditional_writes {
                let remedy = format!("{remedy}; or set [s3] allow_unconditional_writes = true");
                report.failed(CHECK, detail, remedy);
            } else {
                report.doubtful(CHECK, detail, remedy);
            }
        }
        CheckOutcome::Bad(fault, why) => {
            let clock = blob_store::compare_clocks(store, before_ms);
            let Complaint { problem, remedy } =
                blob_store::complaint(&config.s3, (what, fault, &why), clock);
            report.failed(CHECK, format!("{what}: {problem}"), remedy);
        }
    }
}
