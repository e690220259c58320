//! Who runs the deployment, and what of it each may do.

use crate::connection::{params, parse_column};
use crate::error::Result;
use crate::{Reader, Tx};
use model::{OperatorRole, UserId};

/// An operator's role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorRow {
    /// The user.
    pub user_id: UserId,
    /// Its name.
    pub name: String,
    /// The role; a user may have several.
    pub role: OperatorRole,
    /// When it got the role.
    pub created_at_ms: i64,
}

impl Reader<'_> {
    /// The roles of a user as an operator; none when it is none, or may not log in.
    pub fn find_operator_roles(&self, user: &UserId) -> Result<Vec<OperatorRole>> {
        const SQL: &str = "SELECT o.role FROM operator_roles o JOIN users u ON u.id = o.user_id \
             WHERE o.user_id = ?1 AND u.is_disabled = 0 ORDER BY o.role";
        self.connection.list(SQL, params![user.as_str()], |row| {
            parse_column("operator_roles.role", OperatorRole::parse(&row.text(0)?))
        })
    }

    /// All operators with their roles, by name.
    pub fn list_operators(&self, limit: i64) -> Result<Vec<OperatorRow>> {
        const SQL: &str = "SELECT o.user_id, u.name, o.role, o.created_at_ms FROM operator_roles o \
             JOIN users u ON u.id = o.user_id ORDER BY u.name, o.user_id, o.role LIMIT ?1";
        self.connection.list(SQL, params![limit], |row| {
            let role = OperatorRole::parse(&row.text(2)?);
            Ok(OperatorRow {
                user_id: UserId::new(row.text(0)?),
                name: row.text(1)?,
                role: parse_column("operator_roles.role", role)?,
                created_at_ms: row.int(3)?,
            })
        })
    }

    /// Whether another user than this one administers the deployment and may log in.
    pub fn has_other_administrator(&self, user: &UserId) -> Result<bool> {
        const SQL: &str = "SELECT 1 FROM operator_roles o JOIN users u ON u.id = o.user_id \
             WHERE o.role = 'administrator' AND o.user_id <> ?1 AND u.is_disabled = 0 LIMIT 1";
        self.connection.exists(SQL, params![user.as_str()])
    }
}

impl Tx<'_> {
    /// Gives a user a role of operators. Says whether it did not have it.
    pub fn put_operator_role(
        &mut self,
        user: &UserId,
        role: OperatorRole,
        now_ms: i64,
    ) -> Result<bool> {
        const OPERATOR: &str = "INSERT INTO operators (user_id, created_at_ms) VALUES (?1, ?2) \
             ON CONFLICT (user_id) DO NOTHING";
        const ROLE: &str = "INSERT INTO operator_roles (user_id, role, created_at_ms) VALUES (?1, ?2, ?3) \
             ON CONFLICT (user_id, role) DO NOTHING";
        self.connection
            .execute(OPERATOR, params![user.as_str(), now_ms])?;
        let params = params![user.as_str(), role.as_str(), now_ms];
        let created = self.connection.execute(ROLE, params)?;
        self.changes.policy();
        Ok(created > 0)
    }

    /// Takes a role from an operator; with the last it is none any more. Says whether it had it.
    pub fn delete_operator_role(&mut self, user: &UserId, role: OperatorRole) -> Result<bool> {
        const ROLE: &str = "DELETE FROM operator_roles WHERE user_id = ?1 AND role = ?2";
        const OPERATOR: &str = "DELETE FROM operators WHERE user_id = ?1 AND NOT EXISTS \
             (SELECT 1 FROM operator_roles r WHERE r.user_id = operators.user_id)";
        let deleted = self
            .connection
            .execute(ROLE, params![user.as_str(), role.as_str()])?;
        self.connection.execute(OPERATOR, params![user.as_str()])?;
        self.changes.policy();
        Ok(deleted > 0)
    }
}
