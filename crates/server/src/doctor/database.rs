//! The database: reachable, of a version that this release works with, safe, and with room for us.

use super::report::Report;
use crate::clocks::{self, Comparison};
use crate::config::Config;
use crate::data_dir::DataDir;
use metadata::{DatabaseFacts, PostgresOptions, ServerFacts, examine_postgres, examine_sqlite};
use services::DEPLOYMENT_KEY_ID;

const CHECK: &str = "database";

/// Looks, and answers with what is known then.
pub(super) fn examine(
    config: &Config,
    is_running: bool,
    report: &mut Report,
) -> Option<DatabaseFacts> {
    let facts = match &config.database.postgres {
        Some(postgres) => server(postgres, report),
        None => file(config, is_running, report),
    }?;
    let DatabaseFacts {
        schema_version: found,
        known_version: known,
        ..
    } = facts;
    if facts.is_too_new {
        report.failed(
            "schema",
            format!("has version {found}, and this release knows {known}"),
            "run the newer release that made it",
        );
    } else if found == 0 {
        report.good("schema", "is not there yet; the first start makes it");
    } else if found < known {
        report.good(
            "schema",
            format!("has version {found}; the next start, or roadstead migrate, makes it {known}"),
        );
    } else {
        report.good("schema", format!("has version {found}"));
    }
    Some(facts)
}

fn file(config: &Config, is_running: bool, report: &mut Report) -> Option<DatabaseFacts> {
    let path = DataDir::database(&config.data_dir);
    if !path.exists() {
        report.good(CHECK, "is not there yet; the first start makes it");
        return None;
    }
    match examine_sqlite(&path, !is_running, DEPLOYMENT_KEY_ID) {
        Ok(facts) => {
            let version = metadata::sqlite_version();
            let detail = format!("SQLite {version} reads {}", path.display());
            report.good(CHECK, detail);
            Some(facts)
        }
        Err(error) => {
            report.failed(
                CHECK,
                format!("{} cannot be read: {error}", path.display()),
                "see that it belongs to this user; if it is damaged, restore it from a backup",
            );
            None
        }
    }
}

fn server(options: &PostgresOptions, report: &mut Report) -> Option<DatabaseFacts> {
    let before_ms = clocks::now_ms();
    let facts = match examine_postgres(options, DEPLOYMENT_KEY_ID) {
        Ok(facts) => facts,
        Err(error) => {
            report.failed_as_said(CHECK, &format!("[database] url: {error}"));
            return None;
        }
    };
    if let Some(server) = &facts.server {
        let after_ms = clocks::now_ms();
        let detail = format!(
            "PostgreSQL {} answers at {}",
            server.version, options.address
        );
        report.good(CHECK, detail);
        clock(
            Comparison::new(before_ms, server.clock_ms, after_ms, 0),
            report,
        );
        safety(server, report);
        transport(server, report);
        rights(&facts, server, report);
        room(options, server, report);
    }
    Some(facts)
}

fn clock(compared: Comparison, report: &mut Report) {
    let detail = format!("the database's clock {}", compared.figures());
    let remedy = "set both machines' clocks, by NTP for example";
    if compared.is_too_large() {
        report.failed("clock", detail, remedy);
    } else if compared.is_notable() {
        report.doubtful("clock", detail, remedy);
    } else {
        report.good("clock", detail);
    }
}

fn safety(server: &ServerFacts, report: &mut Report) {
    const CHECK: &str = "durability";
    let mut is_safe = true;
    if !server.has_fsync {
        is_safe = false;
        report.failed(
            CHECK,
            "the server has fsync = off: when its machine stops, pushes are lost and the database may be destroyed",
            "set fsync = on in postgresql.conf, then restart the server",
        );
    }
    if !server.has_full_page_writes {
        is_safe = false;
        report.failed(
            CHECK,
            "the server has full_page_writes = off: a power cut may destroy the database",
            "set full_page_writes = on in postgresql.conf",
        );
    }
    if server.synchronous_commit == "off" {
        is_safe = false;
        report.doubtful(
            CHECK,
            "synchronous_commit = off answers commits that a crash of the server can lose; the registry asks for better on its own connections",
            "set synchronous_commit = on, for whoever else writes to this database",
        );
    }
    if is_safe {
        let detail = format!(
            "commits are flushed before they are answered (synchronous_commit = {})",
            server.synchronous_commit
        );
        report.good(CHECK, detail);
    }
}

/// Plain text is accepted by the settings on this machine only.
fn transport(server: &ServerFacts, report: &mut Report) {
    let detail = if server.has_tls {
        "the connection is encrypted, and the server's certificate and name were checked"
    } else {
        "the connection is not encrypted; the server is on this machine"
    };
    report.good("database TLS", detail);
}

fn rights(facts: &DatabaseFacts, server: &ServerFacts, report: &mut Report) {
    const CHECK: &str = "database rights";
    let has_to_create = facts.schema_version < facts.known_version;
    if !server.may_write {
        report.failed(
            CHECK,
            "the database's user may not read and write the tables",
            "make it the owner of the database and its tables: ALTER DATABASE … OWNER TO …, REASSIGN OWNED BY … TO …",
        );
    } else if has_to_create && !server.may_create {
        report.failed(
            CHECK,
            "the database's user may not make tables, which the next start has to do",
            "make it the owner of the database, or let an owner run roadstead migrate",
        );
    } else {
        report.good(CHECK, "the database's user may do what is needed");
    }
}

fn room(options: &PostgresOptions, server: &ServerFacts, report: &mut Report) {
    const CHECK: &str = "connections";
    let ours = i64::try_from(options.connections).map_or(i64::MAX, |count| count + 1);
    let ServerFacts {
        max_connections: most,
        open_connections: open,
        ..
    } = server;
    let figures = format!(
        "database.connections = {} needs {ours} of the {most} that the server gives this user; {open} are open",
        options.connections
    );
    if ours > *most {
        let remedy = "raise max_connections of the server (or the limit of the user or database), or lower database.connections";
        report.failed(CHECK, figures, remedy);
    } else if ours.saturating_mul(2) > *most {
        let remedy = "raise max_connections: a second replica, or the old and the new one during an upgrade, do not fit";
        report.doubtful(CHECK, figures, remedy);
    } else {
        report.good(CHECK, figures);
    }
}
