//! The deployment's key: readable by us alone, and the one that the database was begun with.

use super::report::Report;
use crate::config::Config;
use crate::data_dir::DataDir;
use keys::{DeploymentKey, KeyFileError};
use metadata::DatabaseFacts;

const CHECK: &str = "deployment key";

pub(super) fn examine(config: &Config, database: Option<&DatabaseFacts>, report: &mut Report) {
    let shown = config.deployment_key.display();
    let known = database.and_then(|facts| facts.deployment_value.as_deref());
    let key = match DeploymentKey::load(&config.deployment_key) {
        Ok(key) => key,
        Err(KeyFileError::Missing { .. }) if known.is_none() && !DataDir::exists(config) => {
            return report.good(CHECK, format!("{shown} is made by the first start"));
        }
        Err(error) => return report.failed_as_said(CHECK, &format!("[deployment_key] {error}")),
    };
    match known {
        Some(known) if known != key.id() => report.failed(
            CHECK,
            format!(
                "[deployment_key] {shown} is key {}, but the database was begun with {known}",
                key.id()
            ),
            "give this machine a copy of the key file that the others have, or that was kept with the database's backups",
        ),
        Some(_) => report.good(CHECK, format!("{shown} is the one of this database ({})", key.id())),
        None => report.good(CHECK, format!("{shown} can be used ({})", key.id())),
    }
}
