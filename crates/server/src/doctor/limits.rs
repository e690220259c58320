//! What the system lets a process have.

use super::report::Report;
use crate::config::Config;
use rustix::process::{Resource, getrlimit};

const CHECK: &str = "open files";
/// Database, log, libraries, certificates.
const OTHERS: u64 = 256;

pub(super) fn examine(config: &Config, report: &mut Report) {
    let limits = &config.limits;
    let connections = u64::from(limits.connections);
    // A blob on its way is a file, or a connection of its own to the store.
    let transfers = (limits.transfers_at_once as u64).min(connections);
    let needed = connections + transfers + OTHERS;
    // A start raises the soft limit to the hard one.
    let Some(most) = getrlimit(Resource::Nofile).maximum else {
        return report.good(CHECK, "are not limited");
    };
    let figures = format!(
        "{most} may be open; limits.connections = {connections} and limits.transfers_at_once = {} may need {needed}",
        limits.transfers_at_once
    );
    if most < needed {
        report.doubtful(
            CHECK,
            figures,
            format!("raise the limit (LimitNOFILE={needed} for a service of systemd, ulimit -Hn elsewhere), or lower limits.connections"),
        );
    } else {
        report.good(CHECK, figures);
    }
}
