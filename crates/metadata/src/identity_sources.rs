//! Who vouches for people: issuers of identities, and who is who there.

use crate::connection::{Row, params};
use crate::error::{Error, Result};
use crate::users::read_user;
use crate::{GroupRow, Reader, Tx, UserRow};
use model::{AccountId, GrantId, GroupId, IdentitySourceId, UserId};

/// An issuer by which people log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcSourceRow {
    /// Its identifier.
    pub id: IdentitySourceId,
    /// Whose it is; `None` for one of the deployment.
    pub account_id: Option<AccountId>,
    /// The account that its people belong to first.
    pub home_account_id: AccountId,
    /// Its name, unique among those with the same home.
    pub name: String,
    /// The issuer's URL.
    pub issuer: String,
    /// Who the registry is there.
    pub client_id: String,
    /// The registry's secret there, sealed for this source's id.
    pub sealed_client_secret: Option<String>,
    /// What is asked for beside the identity, with blanks between.
    pub scopes: String,
    /// The claim that names a new user.
    pub name_claim: String,
    /// The claim that lists groups; empty for none.
    pub groups_claim: String,
    /// Whoever is in this group administers the home account; empty for nobody.
    pub admin_group: String,
    /// What stands on the button.
    pub button_text: String,
    /// Whether whoever comes first becomes a user.
    pub onboards: bool,
    /// Whether nobody logs in by it at present.
    pub is_disabled: bool,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it was last changed.
    pub updated_at_ms: i64,
}

macro_rules! columns {
    () => {
        "s.id, s.account_id, o.home_account_id, o.name, o.issuer, o.client_id, o.sealed_client_secret, o.scopes, \
         o.name_claim, o.groups_claim, o.admin_group, o.button_text, o.onboards, o.is_disabled, o.created_at_ms, o.updated_at_ms"
    };
}

macro_rules! tables {
    () => {
        "oidc_sources o JOIN identity_sources s ON s.id = o.source_id"
    };
}

fn read_source(row: &Row<'_>) -> Result<OidcSourceRow> {
    Ok(OidcSourceRow {
        id: IdentitySourceId::new(row.text(0)?),
        account_id: row.optional_text(1)?.map(AccountId::new),
        home_account_id: AccountId::new(row.text(2)?),
        name: row.text(3)?,
        issuer: row.text(4)?,
        client_id: row.text(5)?,
        sealed_client_secret: row.optional_text(6)?,
        scopes: row.text(7)?,
        name_claim: row.text(8)?,
        groups_claim: row.text(9)?,
        admin_group: row.text(10)?,
        button_text: row.text(11)?,
        onboards: row.flag(12)?,
        is_disabled: row.flag(13)?,
        created_at_ms: row.int(14)?,
        updated_at_ms: row.int(15)?,
    })
}

impl Reader<'_> {
    /// The issuer of that id.
    pub fn find_oidc_source(&self, id: &IdentitySourceId) -> Result<Option<OidcSourceRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM ",
            tables!(),
            " WHERE s.id = ?1"
        );
        self.connection.find(SQL, params![id.as_str()], read_source)
    }

    /// The issuers of an account, or those of the deployment, by name.
    pub fn list_oidc_sources(&self, owner: Option<&AccountId>) -> Result<Vec<OidcSourceRow>> {
        const OF_ACCOUNT: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM ",
            tables!(),
            " WHERE s.account_id = ?1 ORDER BY o.name, s.id"
        );
        const OF_DEPLOYMENT: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM ",
            tables!(),
            " WHERE s.account_id IS NULL ORDER BY o.name, s.id"
        );
        match owner {
            Some(account) => {
                self.connection
                    .list(OF_ACCOUNT, params![account.as_str()], read_source)
            }
            None => self.connection.list(OF_DEPLOYMENT, params![], read_source),
        }
    }

    /// Who it is that a source calls so.
    pub fn find_external_user(
        &self,
        source: &IdentitySourceId,
        subject: &str,
    ) -> Result<Option<UserRow>> {
        const SQL: &str = "SELECT u.id, u.name, u.home_account_id, u.password_hash, u.is_disabled, u.credential_epoch, \
             u.created_at_ms FROM external_users e JOIN users u ON u.id = e.user_id WHERE e.source_id = ?1 AND e.subject = ?2";
        self.connection
            .find(SQL, params![source.as_str(), subject], read_user)
    }

    /// The source that vouches for a user; `None` for one with a password here.
    pub fn find_source_of_user(&self, user: &UserId) -> Result<Option<IdentitySourceId>> {
        const SQL: &str = "SELECT source_id FROM external_users WHERE user_id = ?1";
        self.connection.find(SQL, params![user.as_str()], |row| {
            row.text(0).map(IdentitySourceId::new)
        })
    }

    /// Whether a source has brought anybody who is still there.
    pub fn has_external_users(&self, source: &IdentitySourceId) -> Result<bool> {
        const SQL: &str = "SELECT 1 FROM external_users WHERE source_id = ?1 LIMIT 1";
        self.connection.exists(SQL, params![source.as_str()])
    }

    /// The user of that name, whoever vouches for it.
    pub fn find_user_named(&self, name: &str) -> Result<Option<UserRow>> {
        const SQL: &str = "SELECT id, name, home_account_id, password_hash, is_disabled, credential_epoch, created_at_ms \
             FROM users WHERE name = ?1";
        self.connection.find(SQL, params![name], read_user)
    }

    /// The group that a source calls so.
    pub fn find_source_group(
        &self,
        source: &IdentitySourceId,
        external_name: &str,
    ) -> Result<Option<GroupId>> {
        const SQL: &str =
            "SELECT group_id FROM source_groups WHERE source_id = ?1 AND external_name = ?2";
        let params = params![source.as_str(), external_name];
        self.connection
            .find(SQL, params, |row| row.text(0).map(GroupId::new))
    }
}

impl Tx<'_> {
    /// Makes an issuer known.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when its home has one of that name; the transaction can go on only to its end.
    pub fn create_oidc_source(&mut self, source: &OidcSourceRow) -> Result<()> {
        const SOURCE: &str =
            "INSERT INTO identity_sources (id, account_id, kind, name) VALUES (?1, ?2, 'oidc', ?1)";
        const OIDC: &str = "INSERT INTO oidc_sources (source_id, home_account_id, name, issuer, client_id, sealed_client_secret, \
             scopes, name_claim, groups_claim, admin_group, button_text, onboards, is_disabled, created_at_ms, updated_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14) \
             ON CONFLICT (home_account_id, name) DO NOTHING";
        let owner = source.account_id.as_ref().map(AccountId::as_str);
        self.connection
            .execute(SOURCE, params![source.id.as_str(), owner])?;
        let created = self.connection.execute(
            OIDC,
            params![
                source.id.as_str(),
                source.home_account_id.as_str(),
                &source.name,
                &source.issuer,
                &source.client_id,
                source.sealed_client_secret.as_deref(),
                &source.scopes,
                &source.name_claim,
                &source.groups_claim,
                &source.admin_group,
                &source.button_text,
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

    /// Changes an issuer; its owner, home, name and URL stay.
    pub fn update_oidc_source(&mut self, source: &OidcSourceRow, now_ms: i64) -> Result<bool> {
        const SQL: &str = "UPDATE oidc_sources SET client_id = ?1, sealed_client_secret = ?2, scopes = ?3, name_claim = ?4, \
             groups_claim = ?5, admin_group = ?6, button_text = ?7, onboards = ?8, is_disabled = ?9, updated_at_ms = ?10 \
             WHERE source_id = ?11";
        let updated = self.connection.execute(
            SQL,
            params![
                &source.client_id,
                source.sealed_client_secret.as_deref(),
                &source.scopes,
                &source.name_claim,
                &source.groups_claim,
                &source.admin_group,
                &source.button_text,
                source.onboards,
                source.is_disabled,
                now_ms,
                source.id.as_str()
            ],
        )?;
        Ok(updated > 0)
    }

    /// Forgets an issuer or a directory that has brought nobody who is still there. Its groups stay, with whoever is in them.
    ///
    /// # Errors
    /// [`Error::ReferenceViolated`] when it has.
    pub fn delete_identity_source(&mut self, id: &IdentitySourceId) -> Result<bool> {
        const SQL: &str = "DELETE FROM identity_sources WHERE id = ?1 AND kind <> 'password'";
        Ok(self.connection.execute(SQL, params![id.as_str()])? > 0)
    }

    /// Notes who a user is at its source, and that it logged in now.
    pub fn put_external_user(
        &mut self,
        user: &UserId,
        (source, subject): (&IdentitySourceId, &str),
        now_ms: i64,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO external_users (user_id, source_id, subject, last_login_at_ms) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (user_id) DO UPDATE SET last_login_at_ms = excluded.last_login_at_ms";
        self.connection.execute(
            SQL,
            params![user.as_str(), source.as_str(), subject, now_ms],
        )?;
        Ok(())
    }

    /// Makes a group whose members a source names.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when the account has a group of that name; the transaction can go on.
    pub fn create_source_group(
        &mut self,
        group: &GroupRow,
        source: &IdentitySourceId,
        external_name: &str,
    ) -> Result<()> {
        const SQL: &str =
            "INSERT INTO source_groups (group_id, source_id, external_name) VALUES (?1, ?2, ?3)";
        self.create_group(group)?;
        let params = params![group.id.as_str(), source.as_str(), external_name];
        self.connection.execute(SQL, params)?;
        Ok(())
    }

    /// Takes a user out of all groups whose members a source names.
    pub fn delete_source_memberships(
        &mut self,
        user: &UserId,
        source: &IdentitySourceId,
    ) -> Result<()> {
        const SQL: &str = "DELETE FROM user_group_members WHERE user_id = ?1 \
             AND group_id IN (SELECT group_id FROM source_groups WHERE source_id = ?2)";
        self.connection
            .execute(SQL, params![user.as_str(), source.as_str()])?;
        self.changes.policy();
        Ok(())
    }

    /// Makes everyone in a group an administrator of an account; nothing happens when they are.
    pub fn grant_administration(
        &mut self,
        id: &GrantId,
        account: &AccountId,
        group: &GroupId,
        now_ms: i64,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO grants (id, account_id, subject_kind, subject_id, role, scope_kind, namespace_id, \
             created_at_ms) VALUES (?1, ?2, 'group', ?3, 'administrator', 'account', NULL, ?4) \
             ON CONFLICT (account_id, subject_id, role) WHERE namespace_id IS NULL DO NOTHING";
        let params = params![id.as_str(), account.as_str(), group.as_str(), now_ms];
        self.connection.execute(SQL, params)?;
        self.changes.policy();
        Ok(())
    }

    /// Takes that from them. Says whether they were.
    pub fn take_administration(&mut self, account: &AccountId, group: &GroupId) -> Result<bool> {
        const SQL: &str = "DELETE FROM grants WHERE account_id = ?1 AND subject_kind = 'group' AND subject_id = ?2 \
             AND role = 'administrator' AND namespace_id IS NULL";
        let taken = self
            .connection
            .execute(SQL, params![account.as_str(), group.as_str()])?;
        self.changes.policy();
        Ok(taken > 0)
    }

    /// Notes that a login came back; `false` when it had before. Forgets those that could not come back any more.
    pub fn spend_login(
        &mut self,
        state_hash: &str,
        expires_at_ms: i64,
        now_ms: i64,
    ) -> Result<bool> {
        const OLD: &str = "DELETE FROM spent_logins WHERE expires_at_ms <= ?1";
        const SQL: &str = "INSERT INTO spent_logins (state_hash, expires_at_ms) VALUES (?1, ?2) \
             ON CONFLICT (state_hash) DO NOTHING";
        self.connection.execute(OLD, params![now_ms])?;
        let params = params![state_hash, expires_at_ms];
        Ok(self.connection.execute(SQL, params)? > 0)
    }
}
