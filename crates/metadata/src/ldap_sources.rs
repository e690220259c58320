//! Directories that vouch for people: where they are, and how people and groups are found in them.

use crate::connection::{Row, params};
use crate::error::{Error, Result};
use crate::users::read_user;
use crate::{Reader, Tx, UserRow};
use model::{AccountId, IdentitySourceId, UserId};
use serde::{Deserialize, Serialize};

/// How far below its base a search goes (RFC 4511, section 4.5.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LdapScope {
    /// The base itself.
    Base,
    /// What is directly below it.
    One,
    /// It, and everything below it.
    Sub,
}

/// Where a directory is, and how people and groups are found in it. No secret is among it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LdapSettings {
    /// `ldap://HOST[:PORT]` or `ldaps://HOST[:PORT]`.
    pub url: String,
    /// Whether an `ldap://` connection becomes one of TLS before anything is said on it.
    pub starts_tls: bool,
    /// Whether the server's certificate is looked at.
    pub verifies_certificate: bool,
    /// The authorities to believe, in PEM; empty for the system's.
    pub ca_certificates: String,
    /// As whom the registry looks for people; empty for as nobody.
    pub bind_dn: String,
    /// Below which entry people are.
    pub base_dn: String,
    /// How far below.
    pub scope: LdapScope,
    /// What the entries of people are like (RFC 4515).
    pub user_filter: String,
    /// The attribute that holds the name with which people log in.
    pub name_attribute: String,
    /// The attribute that holds an address for mail; empty for none.
    pub mail_attribute: String,
    /// The attribute of a person that lists its groups; empty when groups list their members instead.
    pub membership_attribute: String,
    /// Below which entry groups are; empty when groups do not matter.
    pub group_base_dn: String,
    /// What the entries of groups are like.
    pub group_filter: String,
    /// The attribute that holds a group's name.
    pub group_name_attribute: String,
    /// Whoever is in this group administers the home account; empty for nobody.
    pub admin_group_dn: String,
}

/// A directory by which people log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LdapSourceRow {
    /// Its identifier.
    pub id: IdentitySourceId,
    /// Whose it is; `None` for one of the deployment.
    pub account_id: Option<AccountId>,
    /// The account that its people belong to first.
    pub home_account_id: AccountId,
    /// Its name, unique among those with the same home.
    pub name: String,
    /// Where it is, and how to look into it.
    pub settings: LdapSettings,
    /// The password that goes with `bind_dn`, sealed for this source's id.
    pub sealed_bind_password: Option<String>,
    /// Whether whoever comes first becomes a user.
    pub onboards: bool,
    /// Whether nobody logs in by it at present.
    pub is_disabled: bool,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it was last changed.
    pub updated_at_ms: i64,
}

/// A user of another source than that of local passwords.
#[derive(Clone, Debug)]
pub struct ExternalUserRow {
    /// The user.
    pub user: UserRow,
    /// Who vouches for it.
    pub source_id: IdentitySourceId,
    /// What it is called there, for ever.
    pub subject: String,
}

macro_rules! columns {
    () => {
        "s.id, s.account_id, d.home_account_id, d.name, d.settings, d.sealed_bind_password, d.onboards, d.is_disabled, \
         d.created_at_ms, d.updated_at_ms FROM ldap_sources d JOIN identity_sources s ON s.id = d.source_id"
    };
}

fn read_source(row: &Row<'_>) -> Result<LdapSourceRow> {
    Ok(LdapSourceRow {
        id: IdentitySourceId::new(row.text(0)?),
        account_id: row.optional_text(1)?.map(AccountId::new),
        home_account_id: AccountId::new(row.text(2)?),
        name: row.text(3)?,
        settings: serde_json::from_str(&row.text(4)?).map_err(|_| Error::Unreadable {
            column: "ldap_sources.settings",
        })?,
        sealed_bind_password: row.optional_text(5)?,
        onboards: row.flag(6)?,
        is_disabled: row.flag(7)?,
        created_at_ms: row.int(8)?,
        updated_at_ms: row.int(9)?,
    })
}

fn written(settings: &LdapSettings) -> Result<String> {
    serde_json::to_string(settings).map_err(|_| Error::Unreadable {
        column: "ldap_sources.settings",
    })
}

impl Reader<'_> {
    /// The directory of that id.
    pub fn find_ldap_source(&self, id: &IdentitySourceId) -> Result<Option<LdapSourceRow>> {
        const SQL: &str = concat!("SELECT ", columns!(), " WHERE s.id = ?1");
        self.connection.find(SQL, params![id.as_str()], read_source)
    }

    /// The directories of an account, or those of the deployment, by name.
    pub fn list_ldap_sources(&self, owner: Option<&AccountId>) -> Result<Vec<LdapSourceRow>> {
        const OF_ACCOUNT: &str = concat!(
            "SELECT ",
            columns!(),
            " WHERE s.account_id = ?1 ORDER BY d.name, s.id"
        );
        const OF_DEPLOYMENT: &str = concat!(
            "SELECT ",
            columns!(),
            " WHERE s.account_id IS NULL ORDER BY d.name, s.id"
        );
        match owner {
            Some(account) => {
                self.connection
                    .list(OF_ACCOUNT, params![account.as_str()], read_source)
            }
            None => self.connection.list(OF_DEPLOYMENT, params![], read_source),
        }
    }

    /// The user of that name, if another source than that of local passwords vouches for it.
    pub fn find_external_user_named(&self, name: &str) -> Result<Option<ExternalUserRow>> {
        const SQL: &str = "SELECT u.id, u.name, u.home_account_id, u.password_hash, u.is_disabled, u.credential_epoch, \
             u.created_at_ms, e.source_id, e.subject FROM users u JOIN external_users e ON e.user_id = u.id WHERE u.name = ?1";
        self.connection.find(SQL, params![name], |row| {
            Ok(ExternalUserRow {
                user: read_user(row)?,
                source_id: IdentitySourceId::new(row.text(7)?),
                subject: row.text(8)?,
            })
        })
    }

    /// What a source calls the groups in which it put a user.
    pub fn list_source_memberships(
        &self,
        user: &UserId,
        source: &IdentitySourceId,
    ) -> Result<Vec<String>> {
        const SQL: &str = "SELECT s.external_name FROM user_group_members m JOIN source_groups s ON s.group_id = m.group_id \
             WHERE m.user_id = ?1 AND s.source_id = ?2";
        let params = params![user.as_str(), source.as_str()];
        self.connection.list(SQL, params, |row| row.text(0))
    }
}

impl Tx<'_> {
    /// Makes a directory known.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when its home has one of that name; the transaction can go on only to its end.
    pub fn create_ldap_source(&mut self, source: &LdapSourceRow) -> Result<()> {
        const SOURCE: &str =
            "INSERT INTO identity_sources (id, account_id, kind, name) VALUES (?1, ?2, 'ldap', ?1)";
        const LDAP: &str = "INSERT INTO ldap_sources (source_id, home_account_id, name, settings, sealed_bind_password, \
             onboards, is_disabled, created_at_ms, updated_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8) \
             ON CONFLICT (home_account_id, name) DO NOTHING";
        let owner = source.account_id.as_ref().map(AccountId::as_str);
        let settings = written(&source.settings)?;
        self.connection
            .execute(SOURCE, params![source.id.as_str(), owner])?;
        let created = self.connection.execute(
            LDAP,
            params![
                source.id.as_str(),
                source.home_account_id.as_str(),
                &source.name,
                &settings,
                source.sealed_bind_password.as_deref(),
                source.onboards,
                source.is_disabled,
                source.created_at_ms
            ],
        )?;
        if created == 0 {
            return Err(Error::AlreadyExists);
        }
        Ok(())
    }

    /// Changes a directory; its owner, home and name stay.
    pub fn update_ldap_source(&mut self, source: &LdapSourceRow, now_ms: i64) -> Result<bool> {
        const SQL: &str = "UPDATE ldap_sources SET settings = ?1, sealed_bind_password = ?2, onboards = ?3, is_disabled = ?4, \
             updated_at_ms = ?5 WHERE source_id = ?6";
        let settings = written(&source.settings)?;
        let updated = self.connection.execute(
            SQL,
            params![
                &settings,
                source.sealed_bind_password.as_deref(),
                source.onboards,
                source.is_disabled,
                now_ms,
                source.id.as_str()
            ],
        )?;
        // Logins that were remembered may be none any more.
        self.changes.policy();
        Ok(updated > 0)
    }
}
