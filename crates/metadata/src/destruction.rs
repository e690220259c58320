//! Taking away what an account that was closed had: a bounded number of rows at a time, in an order in which nothing that is
//! left refers to what is gone. Its name, its figures, its audit log and its receipt stay.

use crate::connection::params;
use crate::error::{Error, Result};
use crate::{Reader, Tx};
use model::{AccountId, RepositoryId, UserId};
use oci::RepositoryName;

/// A table of account data, what its rows are, and how some of them go.
struct Owned {
    what: &'static str,
    sql: &'static str,
}

macro_rules! owned {
    ($($what:literal: $table:literal of $account:literal by $key:literal $(, $condition:literal)?;)*) => {
        &[$(Owned {
            what: $what,
            sql: concat!(
                "DELETE FROM ", $table, " WHERE ", $account, " = ?1 AND ", $key, " IN (SELECT t.", $key, " FROM ", $table,
                " t WHERE t.", $account, " = ?1", $(" AND ", $condition,)? " LIMIT ?2)"
            ),
        },)*]
    };
}

/// What is of an account after its namespaces and people are gone. Referring tables stand before those they refer to.
const OWNED: &[Owned] = owned! {
    "invitations": "invitations" of "account_id" by "id";
    "logins": "sessions" of "account_id" by "secret_hash";
    "logins": "refresh_tokens" of "account_id" by "secret_hash";
    "grants": "role_grants" of "account_id" by "id";
    "roles": "roles" of "account_id" by "id";
    "requests": "content_requests" of "account_id" by "id";
    "trust_rules": "trust_rules" of "account_id" by "id";
    "robots": "robots" of "account_id" by "id";
    "grants": "grants" of "account_id" by "id", "t.namespace_id IS NULL";
    "groups": "user_groups" of "account_id" by "id";
    "memberships": "memberships" of "account_id" by "user_id";
    // Somebody who runs the deployment may be from there, and stays.
    "identity_sources": "oidc_sources" of "home_account_id" by "source_id",
        "(SELECT 1 FROM users u WHERE u.source_id = t.source_id LIMIT 1) IS NULL";
    "identity_sources": "ldap_sources" of "home_account_id" by "source_id",
        "(SELECT 1 FROM users u WHERE u.source_id = t.source_id LIMIT 1) IS NULL";
    "identity_sources": "identity_sources" of "account_id" by "id",
        "(SELECT 1 FROM users u WHERE u.source_id = t.id LIMIT 1) IS NULL";
    "labels": "labels" of "account_id" by "id", "t.namespace_id IS NULL";
    "rules": "network_rules" of "account_id" by "account_id";
    "addresses": "address_claims" of "account_id" by "host";
    "certificates": "address_certificates" of "account_id" by "host";
    "addresses": "account_addresses" of "account_id" by "host";
    "allowlists": "cve_allowlists" of "account_id" by "id", "t.namespace_id IS NULL";
    "protection": "protection_locks" of "account_id" by "id";
    "protection": "immutability_rules" of "account_id" by "id";
    "retention": "retention_lines" of "account_id" by "id";
    "retention": "retention_tasks" of "account_id" by "id";
    "retention": "retention_runs" of "account_id" by "id";
    "retention": "retention_defaults" of "account_id" by "account_id";
    "trash": "trash_recounts" of "account_id" by "account_id";
    "tag_moves": "tag_moves" of "account_id" by "number";
    "webhooks": "event_followers" of "account_id" by "id";
    "sinks": "sinks" of "account_id" by "id";
    "mail": "mail_confirmations" of "account_id" by "id";
    "mail": "mail_addresses" of "account_id" by "id";
    "mail": "mail_policies" of "account_id" by "account_id";
    "limits": "account_limits" of "account_id" by "account_id";
    "uploads": "unreferenced_blobs" of "account_id" by "digest";
    "schedules": "schedules" of "account_id" by "id";
    "schedules": "paused_queues" of "account_id" by "kind";
    "collections": "account_collections" of "account_id" by "job_id";
    "numbers": "numbers" of "account_id" by "id";
    "numbers": "number_counters" of "account_id" by "kind";
};

impl Reader<'_> {
    /// Some repositories of an account.
    pub fn list_account_repositories(
        &self,
        account: &AccountId,
        limit: i64,
    ) -> Result<Vec<(RepositoryId, RepositoryName)>> {
        const SQL: &str =
            "SELECT id, name FROM repositories WHERE account_id = ?1 ORDER BY name LIMIT ?2";
        self.connection
            .list(SQL, params![account.as_str(), limit], |row| {
                let name = RepositoryName::parse(&row.text(1)?);
                let name = name.map_err(|_| Error::Unreadable {
                    column: "repositories.name",
                })?;
                Ok((RepositoryId::new(row.text(0)?), name))
            })
    }

    /// Some members of an account who belong to it first, but nobody who runs the deployment.
    pub fn list_home_users(&self, account: &AccountId, limit: i64) -> Result<Vec<UserId>> {
        const SQL: &str = "SELECT u.id FROM memberships m JOIN users u ON u.id = m.user_id \
             WHERE m.account_id = ?1 AND u.home_account_id = ?1 \
             AND (SELECT 1 FROM operators o WHERE o.user_id = u.id) IS NULL LIMIT ?2";
        self.connection
            .list(SQL, params![account.as_str(), limit], |row| {
                row.text(0).map(UserId::new)
            })
    }
}

impl Tx<'_> {
    /// Takes away some of what is of an account after its namespaces and people are gone. Says what it was, and how much;
    /// `None` when nothing is left.
    pub fn delete_account_rows(
        &mut self,
        account: &AccountId,
        limit: i64,
    ) -> Result<Option<(&'static str, usize)>> {
        for Owned { what, sql } in OWNED {
            let gone = self
                .connection
                .execute(sql, params![account.as_str(), limit])?;
            if gone > 0 {
                self.changes.policy();
                return Ok(Some((what, gone)));
            }
        }
        Ok(None)
    }
}
