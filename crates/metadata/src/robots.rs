//! Robot accounts. Only keyed hashes of their secrets are stored.

use crate::connection::{Param, Row, params};
use crate::error::{Error, Result};
use crate::query::{Field, Kind, ListQuery, ListSource, Listed, list, places};
use crate::{Reader, Tx};
use model::{AccountId, NamespaceId, Permission, RobotId};
use std::collections::HashMap;

/// A robot account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RobotRow {
    /// Its identifier.
    pub id: RobotId,
    /// Whose it is.
    pub account_id: AccountId,
    /// The one namespace it is of; `None` for one of the account.
    pub namespace_id: Option<NamespaceId>,
    /// The whole name with which it logs in.
    pub name: String,
    /// The name that was chosen for it.
    pub short_name: String,
    /// What people say of it.
    pub description: String,
    /// What it may do.
    pub permissions: Vec<Permission>,
    /// Whether it may not log in at present.
    pub is_disabled: bool,
    /// For how many days it was made; -1 for ever.
    pub duration_days: i64,
    /// When it ends; `None` for never.
    pub expires_at_ms: Option<i64>,
    /// What made it: `user`, `robot` or `operator`.
    pub creator_kind: String,
    /// Which one.
    pub creator_id: String,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it was last changed.
    pub updated_at_ms: i64,
    /// When it was last used, to within some minutes.
    pub last_used_at_ms: Option<i64>,
}

/// Names asked for at once: the text of a question stays short.
const NAMES_AT_ONCE: usize = 100;

const FIELDS: &[Field] = &[
    Field {
        name: "name",
        column: "r.name",
        kind: Kind::Text,
    },
    Field {
        name: "description",
        column: "r.description",
        kind: Kind::Text,
    },
    Field {
        name: "disable",
        column: "r.is_disabled",
        kind: Kind::Flag,
    },
    Field {
        name: "creation_time",
        column: "r.created_at_ms",
        kind: Kind::Time,
    },
    Field {
        name: "update_time",
        column: "r.updated_at_ms",
        kind: Kind::Time,
    },
];

macro_rules! columns {
    () => {
        "r.id, r.account_id, r.namespace_id, r.name, r.short_name, r.description, r.permissions, r.is_disabled, \
         r.duration_days, r.expires_at_ms, r.creator_kind, r.creator_id, r.created_at_ms, r.updated_at_ms, r.last_used_at_ms"
    };
}

fn read_robot(row: &Row<'_>) -> Result<RobotRow> {
    let permissions = serde_json::from_str(&row.text(6)?).map_err(|_| Error::Unreadable {
        column: "robots.permissions",
    })?;
    Ok(RobotRow {
        id: RobotId::new(row.text(0)?),
        account_id: AccountId::new(row.text(1)?),
        namespace_id: row.optional_text(2)?.map(NamespaceId::new),
        name: row.text(3)?,
        short_name: row.text(4)?,
        description: row.text(5)?,
        permissions,
        is_disabled: row.flag(7)?,
        duration_days: row.int(8)?,
        expires_at_ms: row.optional_int(9)?,
        creator_kind: row.text(10)?,
        creator_id: row.text(11)?,
        created_at_ms: row.int(12)?,
        updated_at_ms: row.int(13)?,
        last_used_at_ms: row.optional_int(14)?,
    })
}

fn written(permissions: &[Permission]) -> Result<String> {
    serde_json::to_string(permissions)
        .map_err(|_| Error::Database("permissions cannot be written as JSON".to_owned()))
}

impl Reader<'_> {
    /// The robot account whose secret has this keyed hash, and when that secret ends. The newest has no end of its own; the
    /// one before is good for a while.
    pub fn find_robot_by_secret(
        &self,
        secret_hash: &str,
        now_ms: i64,
    ) -> Result<Option<(RobotRow, Option<i64>)>> {
        const NEWEST: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM robots r WHERE r.secret_hash = ?1"
        );
        const PREVIOUS: &str = concat!(
            "SELECT ",
            columns!(),
            ", r.previous_until_ms FROM robots r WHERE r.previous_secret_hash = ?1 AND r.previous_until_ms > ?2"
        );
        let newest = self
            .connection
            .find(NEWEST, params![secret_hash], read_robot)?;
        if let Some(robot) = newest {
            return Ok(Some((robot, None)));
        }
        self.connection
            .find(PREVIOUS, params![secret_hash, now_ms], |row| {
                Ok((read_robot(row)?, Some(row.int(15)?)))
            })
    }

    /// An account's robot account of that whole name.
    pub fn find_robot_by_name(&self, account: &AccountId, name: &str) -> Result<Option<RobotRow>> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM robots r WHERE r.account_id = ?1 AND r.name = ?2"
        );
        self.connection
            .find(SQL, params![account.as_str(), name], read_robot)
    }

    /// The robot account of that id.
    pub fn find_robot(&self, robot: &RobotId) -> Result<Option<RobotRow>> {
        const SQL: &str = concat!("SELECT ", columns!(), " FROM robots r WHERE r.id = ?1");
        self.connection
            .find(SQL, params![robot.as_str()], read_robot)
    }

    /// Robot accounts of an account itself, or of one of its namespaces. Fields: `name`, `description`, `disable`,
    /// `creation_time`, `update_time`.
    pub fn list_robots(
        &self,
        account: &AccountId,
        namespace: Option<&NamespaceId>,
        query: &ListQuery,
    ) -> Result<Listed<RobotRow>> {
        let (from, params) = match namespace {
            None => (
                "robots r WHERE r.account_id = ?1 AND r.namespace_id IS NULL",
                vec![Param::from(account.as_str())],
            ),
            Some(namespace) => (
                "robots r WHERE r.account_id = ?1 AND r.namespace_id = ?2",
                vec![
                    Param::from(account.as_str()),
                    Param::from(namespace.as_str()),
                ],
            ),
        };
        let source = ListSource {
            columns: columns!(),
            from: from.to_owned(),
            params,
            fields: FIELDS,
            order: "r.name",
        };
        list(&self.connection, &source, query, read_robot)
    }

    /// The names of an account's namespaces by their ids, which permissions hold; those that are gone are left out.
    pub fn find_namespace_names(
        &self,
        account: &AccountId,
        ids: &[&str],
    ) -> Result<HashMap<String, String>> {
        let mut names = HashMap::with_capacity(ids.len());
        for ids in ids.chunks(NAMES_AT_ONCE) {
            let sql = format!(
                "SELECT id, name FROM namespaces WHERE account_id = ?1 AND id IN ({})",
                places(1, ids.len())
            );
            let mut params = vec![Param::from(account.as_str())];
            params.extend(ids.iter().map(|id| Param::from(*id)));
            let found = self
                .connection
                .list_once(&sql, &params, |row| Ok((row.text(0)?, row.text(1)?)))?;
            names.extend(found);
        }
        Ok(names)
    }
}

impl Tx<'_> {
    /// Makes a robot account.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when the account has one of that name; the transaction can go on.
    pub fn create_robot(&mut self, robot: &RobotRow, secret_hash: &str) -> Result<()> {
        const SQL: &str = "INSERT INTO robots (id, account_id, namespace_id, name, short_name, description, permissions, \
             secret_hash, is_disabled, duration_days, expires_at_ms, creator_kind, creator_id, created_at_ms, updated_at_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14) \
             ON CONFLICT (account_id, name) DO NOTHING";
        let permissions = written(&robot.permissions)?;
        let created = self.connection.execute(
            SQL,
            params![
                robot.id.as_str(),
                robot.account_id.as_str(),
                robot.namespace_id.as_ref().map(NamespaceId::as_str),
                &robot.name,
                &robot.short_name,
                &robot.description,
                &permissions,
                secret_hash,
                robot.is_disabled,
                robot.duration_days,
                robot.expires_at_ms,
                &robot.creator_kind,
                &robot.creator_id,
                robot.created_at_ms
            ],
        )?;
        if created == 0 {
            return Err(Error::AlreadyExists);
        }
        self.changes.policy();
        Ok(())
    }

    /// Changes what people say of a robot account, what it may do, how long it lives and whether it may log in.
    pub fn update_robot(&mut self, robot: &RobotRow, now_ms: i64) -> Result<()> {
        const SQL: &str = "UPDATE robots SET description = ?1, permissions = ?2, is_disabled = ?3, duration_days = ?4, \
             expires_at_ms = ?5, updated_at_ms = ?6 WHERE id = ?7";
        let permissions = written(&robot.permissions)?;
        self.connection.execute(
            SQL,
            params![
                &robot.description,
                &permissions,
                robot.is_disabled,
                robot.duration_days,
                robot.expires_at_ms,
                now_ms,
                robot.id.as_str()
            ],
        )?;
        self.changes.policy();
        Ok(())
    }

    /// Gives a robot account a new secret; the one that it replaces is good until `previous_until_ms`.
    pub fn replace_robot_secret(
        &mut self,
        robot: &RobotId,
        secret_hash: &str,
        previous_until_ms: i64,
        now_ms: i64,
    ) -> Result<()> {
        const SQL: &str = "UPDATE robots SET previous_secret_hash = secret_hash, previous_until_ms = ?2, secret_hash = ?1, \
             updated_at_ms = ?3 WHERE id = ?4";
        self.connection.execute(
            SQL,
            params![secret_hash, previous_until_ms, now_ms, robot.as_str()],
        )?;
        self.changes.policy();
        Ok(())
    }

    /// Notes that a robot account was used.
    pub fn touch_robot(&mut self, robot: &RobotId, now_ms: i64) -> Result<()> {
        const SQL: &str = "UPDATE robots SET last_used_at_ms = ?1 WHERE id = ?2";
        self.connection
            .execute(SQL, params![now_ms, robot.as_str()])?;
        Ok(())
    }

    /// Deletes a robot account. Says whether there was one.
    pub fn delete_robot(&mut self, robot: &RobotId) -> Result<bool> {
        const SQL: &str = "DELETE FROM robots WHERE id = ?1";
        let deleted = self.connection.execute(SQL, params![robot.as_str()])?;
        self.changes.policy();
        Ok(deleted > 0)
    }
}
