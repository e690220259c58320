//! Roles of an account's own.

use crate::connection::{Param, Row, params};
use crate::error::{Error, Result};
use crate::query::{Field, Kind, ListQuery, ListSource, Listed, list};
use crate::{Reader, Tx};
use model::{AccountId, Action, Actions, CustomRole, RoleId};

const FIELDS: &[Field] = &[
    Field {
        name: "name",
        column: "c.name",
        kind: Kind::Text,
    },
    Field {
        name: "created_at",
        column: "c.created_at_ms",
        kind: Kind::Time,
    },
];

macro_rules! columns {
    () => {
        "c.id, c.account_id, c.name, c.description, c.actions, c.created_at_ms, c.updated_at_ms"
    };
}

/// The actions of a role. Those that a later release wrote and this one does not know allow nothing.
pub(crate) fn parse_actions(text: &str) -> Result<Actions> {
    let names: Vec<String> = serde_json::from_str(text).map_err(|_| Error::Unreadable {
        column: "roles.actions",
    })?;
    Ok(names
        .iter()
        .filter_map(|name| Action::parse(name))
        .collect())
}

fn written(actions: &Actions) -> Result<String> {
    let names: Vec<_> = actions.iter().map(Action::as_str).collect();
    serde_json::to_string(&names)
        .map_err(|_| Error::Database("actions cannot be written as JSON".to_owned()))
}

fn read_role(row: &Row<'_>) -> Result<CustomRole> {
    Ok(CustomRole {
        id: RoleId::new(row.text(0)?),
        account_id: AccountId::new(row.text(1)?),
        name: row.text(2)?,
        description: row.text(3)?,
        actions: parse_actions(&row.text(4)?)?,
        created_at_ms: row.int(5)?,
        updated_at_ms: row.int(6)?,
    })
}

impl Reader<'_> {
    /// An account's own role of that name.
    pub fn find_role(&self, account: &AccountId, name: &str) -> Result<Option<CustomRole>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM roles c WHERE c.account_id = ?1 AND c.name = ?2"
        );
        self.connection
            .find(SQL, params![account.as_str(), name], read_role)
    }

    /// An account's own roles. Fields: `name`, `created_at`; by name.
    pub fn list_roles(&self, account: &AccountId, query: &ListQuery) -> Result<Listed<CustomRole>> {
        let source = ListSource {
            columns: columns!(),
            from: "roles c WHERE c.account_id = ?1".to_owned(),
            params: vec![Param::from(account.as_str())],
            fields: FIELDS,
            order: "c.name",
        };
        list(&self.connection, &source, query, read_role)
    }

    /// How many own roles an account has.
    pub fn count_roles(&self, account: &AccountId) -> Result<i64> {
        const SQL: &str = "SELECT COUNT(*) FROM roles WHERE account_id = ?1";
        self.connection
            .get(SQL, params![account.as_str()], |row| row.int(0))
    }

    /// The names of some who have a role.
    pub fn list_role_holders(&self, role: &RoleId, limit: i64) -> Result<Vec<String>> {
        const SQL: &str = "SELECT DISTINCT COALESCE(u.name, t.name, b.name) AS holder FROM role_grants g \
             LEFT JOIN users u ON u.id = g.user_id LEFT JOIN user_groups t ON t.id = g.group_id \
             LEFT JOIN robots b ON b.id = g.robot_id WHERE g.role_id = ?1 ORDER BY holder LIMIT ?2";
        self.connection
            .list(SQL, params![role.as_str(), limit], |row| row.text(0))
    }
}

impl Tx<'_> {
    /// Makes a role.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when the account has one of that name; the transaction can go on.
    pub fn create_role(&mut self, role: &CustomRole) -> Result<()> {
        const SQL: &str = "INSERT INTO roles (id, account_id, name, description, actions, created_at_ms, updated_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (account_id, name) DO NOTHING";
        let actions = written(&role.actions)?;
        let created = self.connection.execute(
            SQL,
            params![
                role.id.as_str(),
                role.account_id.as_str(),
                &role.name,
                &role.description,
                &actions,
                role.created_at_ms,
                role.updated_at_ms
            ],
        )?;
        if created == 0 {
            return Err(Error::AlreadyExists);
        }
        Ok(())
    }

    /// Changes name, description and actions of a role. Says whether there is one.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when the account has another one of that name.
    pub fn update_role(&mut self, role: &CustomRole) -> Result<bool> {
        const SQL: &str = "UPDATE roles SET name = ?2, description = ?3, actions = ?4, updated_at_ms = ?5 WHERE id = ?1";
        let actions = written(&role.actions)?;
        let changed = self.connection.execute(
            SQL,
            params![
                role.id.as_str(),
                &role.name,
                &role.description,
                &actions,
                role.updated_at_ms
            ],
        )?;
        self.changes.policy();
        Ok(changed > 0)
    }

    /// Deletes a role. Says whether there was one.
    ///
    /// # Errors
    /// [`Error::ReferenceViolated`] when somebody has it.
    pub fn delete_role(&mut self, role: &RoleId) -> Result<bool> {
        const SQL: &str = "DELETE FROM roles WHERE id = ?1";
        Ok(self.connection.execute(SQL, params![role.as_str()])? > 0)
    }
}
