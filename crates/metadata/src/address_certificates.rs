//! The certificates that the registry shows for accounts' own host names.

use crate::connection::{Row, params};
use crate::error::{Error, Result};
use crate::{Reader, Tx};
use model::AccountId;

/// A certificate of a host name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressCertificateRow {
    /// The name.
    pub host: String,
    /// Whose the name is.
    pub account_id: AccountId,
    /// The chain as PEM, the server's own certificate first.
    pub chain: String,
    /// The private key as PEM, sealed for the account and the name.
    pub sealed_key: String,
    /// Whom the certificate is for, as it says itself.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// The DNS names that it is for.
    pub names: Vec<String>,
    /// SHA-256 of it, in hexadecimal digits.
    pub fingerprint: String,
    /// When it begins to be valid.
    pub begins_at_ms: i64,
    /// When it ends.
    pub ends_at_ms: i64,
    /// When it was put here.
    pub updated_at_ms: i64,
    /// The fewest days before its end of which the account was told.
    pub told_days: Option<i64>,
}

macro_rules! columns {
    () => {
        "host, account_id, chain, sealed_key, subject, issuer, names, fingerprint, begins_at_ms, ends_at_ms, updated_at_ms, \
         told_days"
    };
}

fn read_certificate(row: &Row<'_>) -> Result<AddressCertificateRow> {
    Ok(AddressCertificateRow {
        host: row.text(0)?,
        account_id: AccountId::new(row.text(1)?),
        chain: row.text(2)?,
        sealed_key: row.text(3)?,
        subject: row.text(4)?,
        issuer: row.text(5)?,
        names: serde_json::from_str(&row.text(6)?).map_err(|_| Error::Unreadable {
            column: "address_certificates.names",
        })?,
        fingerprint: row.text(7)?,
        begins_at_ms: row.int(8)?,
        ends_at_ms: row.int(9)?,
        updated_at_ms: row.int(10)?,
        told_days: row.optional_int(11)?,
    })
}

impl Reader<'_> {
    /// The certificate of a host name, whosever it is.
    pub fn find_address_certificate(&self, host: &str) -> Result<Option<AddressCertificateRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM address_certificates WHERE host = ?1"
        );
        self.connection.find(SQL, params![host], read_certificate)
    }

    /// The certificates of an account's names.
    pub fn list_address_certificates(
        &self,
        account: &AccountId,
    ) -> Result<Vec<AddressCertificateRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM address_certificates WHERE account_id = ?1"
        );
        self.connection
            .list(SQL, params![account.as_str()], read_certificate)
    }

    /// Some certificates that end before a time, after the one that ends then and is of that name; the first to end first.
    pub fn list_ending_certificates(
        &self,
        before_ms: i64,
        (after_ms, after_host): (i64, &str),
        limit: i64,
    ) -> Result<Vec<AddressCertificateRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM address_certificates WHERE ends_at_ms < ?1 AND (ends_at_ms > ?2 OR ends_at_ms = ?2 AND host > ?3) \
             ORDER BY ends_at_ms, host LIMIT ?4"
        );
        let params = params![before_ms, after_ms, after_host, limit];
        self.connection.list(SQL, params, read_certificate)
    }

    /// When the first of all certificates ends; `None` when there is none.
    pub fn find_first_certificate_end(&self) -> Result<Option<i64>> {
        const SQL: &str = "SELECT ends_at_ms FROM address_certificates WHERE ends_at_ms > ?1 \
             ORDER BY ends_at_ms LIMIT 1";
        self.connection
            .find(SQL, params![i64::MIN], |row| row.int(0))
    }
}

impl Tx<'_> {
    /// Gives a host name of an account a certificate, in place of the one it has.
    ///
    /// # Errors
    /// [`Error::ReferenceViolated`] when the name is not the account's.
    pub fn put_address_certificate(&mut self, certificate: &AddressCertificateRow) -> Result<()> {
        const SQL: &str = concat!(
            "INSERT INTO address_certificates (",
            columns!(),
            ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT (host) DO UPDATE SET \
             account_id = excluded.account_id, chain = excluded.chain, sealed_key = excluded.sealed_key, \
             subject = excluded.subject, issuer = excluded.issuer, names = excluded.names, \
             fingerprint = excluded.fingerprint, begins_at_ms = excluded.begins_at_ms, ends_at_ms = excluded.ends_at_ms, \
             updated_at_ms = excluded.updated_at_ms, told_days = excluded.told_days"
        );
        let names = serde_json::to_string(&certificate.names)
            .map_err(|_| Error::Database("names cannot be written as JSON".to_owned()))?;
        self.connection.execute(
            SQL,
            params![
                &certificate.host,
                certificate.account_id.as_str(),
                &certificate.chain,
                &certificate.sealed_key,
                &certificate.subject,
                &certificate.issuer,
                &names,
                &certificate.fingerprint,
                certificate.begins_at_ms,
                certificate.ends_at_ms,
                certificate.updated_at_ms,
                certificate.told_days
            ],
        )?;
        self.changes.policy();
        Ok(())
    }

    /// Takes the certificate from an account's host name. Says whether it had one.
    pub fn delete_address_certificate(&mut self, account: &AccountId, host: &str) -> Result<bool> {
        const SQL: &str = "DELETE FROM address_certificates WHERE account_id = ?1 AND host = ?2";
        let deleted = self
            .connection
            .execute(SQL, params![account.as_str(), host])?;
        self.changes.policy();
        Ok(deleted > 0)
    }

    /// Notes that an account was told that a certificate ends in so many days, unless it has another by now.
    pub fn set_certificate_told(
        &mut self,
        host: &str,
        fingerprint: &str,
        days: i64,
    ) -> Result<bool> {
        const SQL: &str =
            "UPDATE address_certificates SET told_days = ?1 WHERE host = ?2 AND fingerprint = ?3";
        let updated = self
            .connection
            .execute(SQL, params![days, host, fingerprint])?;
        Ok(updated > 0)
    }
}
