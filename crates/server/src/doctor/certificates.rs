//! The certificates of listeners: readable, in order, valid, and for the name that clients use.

use super::report::Report;
use crate::clocks;
use crate::config::{Config, TlsFiles};
use crate::text::date;
use web::tls::{Inspection, inspect};

const CHECK: &str = "certificate";
const DAY_S: i64 = 86_400;
/// One that ends within so many days is worth a look.
const SOON_DAYS: i64 = 30;

pub(super) fn examine(config: &Config, report: &mut Report) {
    let url = config.registry.external_url.as_deref();
    for listener in &config.listeners {
        let Some(files) = &listener.tls else {
            continue;
        };
        match inspect(&files.certificate, &files.private_key) {
            Ok(found) => {
                validity(files, &found, report);
                order(files, &found, report);
                names(files, &found, url, report);
            }
            Err(error) => {
                let text = format!(
                    "[[listeners]] tls_certificate of {}: {error}",
                    listener.address
                );
                let remedy = "give the server's certificate first, then its issuers, and the key that belongs to it";
                report.failed(CHECK, text, remedy);
            }
        }
    }
    let is_secure = url.is_some_and(|url| url.starts_with("https://"));
    if config
        .listeners
        .iter()
        .all(|listener| listener.tls.is_none())
    {
        let detail = if is_secure {
            "no listener has one; the proxy in front of them does the TLS"
        } else {
            "no listener has one"
        };
        report.good(CHECK, detail);
    }
}

fn validity(files: &TlsFiles, found: &Inspection, report: &mut Report) {
    let shown = files.certificate.display();
    let now_s = clocks::now_ms() / 1000;
    let ends = date(Some(found.ends_at_s.saturating_mul(1000)));
    let days = (found.ends_at_s - now_s) / DAY_S;
    let remedy = "renew it; replaced files are picked up without a restart";
    if now_s < found.begins_at_s {
        let begins = date(Some(found.begins_at_s.saturating_mul(1000)));
        let detail = format!("{shown} is not valid before {begins}");
        report.failed(
            CHECK,
            detail,
            "set this machine's clock, or use the one before it",
        );
    } else if now_s >= found.ends_at_s {
        report.failed(CHECK, format!("{shown} has expired on {ends}"), remedy);
    } else if days < SOON_DAYS {
        let detail = format!("{shown} expires on {ends}, in {days} days");
        report.doubtful(CHECK, detail, remedy);
    } else {
        report.good(
            CHECK,
            format!("{shown} is valid until {ends}, and the key belongs to it"),
        );
    }
}

fn order(files: &TlsFiles, found: &Inspection, report: &mut Report) {
    if !found.is_in_order {
        let detail = format!(
            "in {}, a certificate is not followed by its issuer",
            files.certificate.display()
        );
        let remedy =
            "write the server's certificate first, then each issuer after the one that it issued";
        report.failed(CHECK, detail, remedy);
    }
}

fn names(files: &TlsFiles, found: &Inspection, url: Option<&str>, report: &mut Report) {
    let Some(host) = url
        .and_then(|url| url.strip_prefix("https://"))
        .map(host_of)
    else {
        return;
    };
    let shown = files.certificate.display();
    if found.covers(host) {
        report.good(CHECK, format!("{shown} is for {host}"));
    } else {
        report.failed(
            CHECK,
            format!("{shown} is not for {host}, which registry.external_url tells clients to use"),
            format!("get a certificate for {host}, or correct external_url"),
        );
    }
}

/// Without port and brackets.
fn host_of(authority: &str) -> &str {
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => authority.split(':').next().unwrap_or(authority),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_an_address_has_no_port() {
        for (authority, host) in [
            ("registry.example.com", "registry.example.com"),
            ("registry.example.com:5000", "registry.example.com"),
            ("[::1]:5000", "::1"),
            ("192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(host_of(authority), host);
        }
    }
}
