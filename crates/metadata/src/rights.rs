//! What somebody may do, by everything that was granted to it: one question.

use crate::Reader;
use crate::connection::{Row, params, parse_column};
use crate::error::{Error, Result};
use crate::role_grants::{parse_role, parse_scope};
use crate::roles::parse_actions;
use model::{
    AccountId, ContentRequestId, GrantedRole, NamespaceId, Permission, Right, RobotId, UserId,
};

/// Everything that somebody may do, and until when it is so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubjectRights {
    /// What is granted to it, in all accounts.
    pub rights: Vec<Right>,
    /// When the first of it ends by itself; `None` when none of it does.
    pub until_ms: Option<i64>,
}

/// The right that eight columns are from `at` on: account, role, own role, its actions, namespace, pattern, request, its end.
/// `None` when there is none in the row.
pub(crate) fn read_right(row: &Row<'_>, at: usize) -> Result<Option<(Right, Option<i64>)>> {
    let Some(account) = row.optional_text(at)?.map(AccountId::new) else {
        return Ok(None);
    };
    let namespace = row.optional_text(at + 4)?;
    if let Some(request) = row.optional_text(at + 6)? {
        let namespace = namespace.map(NamespaceId::new);
        let right = Right::of_request(account, ContentRequestId::new(request), namespace);
        return Ok(Some((right, row.optional_int(at + 7)?)));
    }
    let scope = parse_scope(namespace, row.optional_text(at + 5)?)?;
    let role = parse_role(row.optional_text(at + 1)?, row.optional_text(at + 2)?)?;
    let right = match role {
        GrantedRole::BuiltIn(role) => Right::of_role(account, role, &scope),
        GrantedRole::Custom(_) => {
            let actions = parse_column("roles.actions", row.optional_text(at + 3)?)?;
            Right::of_custom_role(account, parse_actions(&actions)?, &scope)
        }
    };
    Ok(Some((right, None)))
}

/// What stands in both tables of grants, as `read_right` reads it.
macro_rules! of_grants {
    () => {
        "g.account_id, g.role, CAST(NULL AS TEXT), CAST(NULL AS TEXT), g.namespace_id, CAST(NULL AS TEXT), \
         CAST(NULL AS TEXT), CAST(NULL AS BIGINT)"
    };
}
macro_rules! of_role_grants {
    () => {
        "g.account_id, g.role, g.role_id, c.actions, g.namespace_id, g.pattern, CAST(NULL AS TEXT), CAST(NULL AS BIGINT)"
    };
}

/// Everything of a user's, after what else is to stand first in each row.
macro_rules! rights_of_user {
    ($first:literal, $user:literal, $now_ms:literal) => {
        concat!(
            "SELECT ", $first, "u.is_disabled, ", of_grants!(),
            " FROM users u LEFT JOIN grants g ON g.subject_id = u.id AND g.subject_kind = 'user' WHERE u.id = ", $user,
            " UNION ALL SELECT ", $first, "u.is_disabled, ", of_grants!(),
            " FROM user_group_members m JOIN users u ON u.id = m.user_id \
             JOIN grants g ON g.subject_id = m.group_id AND g.subject_kind = 'group' WHERE m.user_id = ", $user,
            " UNION ALL SELECT ", $first, "u.is_disabled, ", of_role_grants!(),
            " FROM role_grants g JOIN users u ON u.id = g.user_id \
             JOIN memberships m ON m.account_id = g.account_id AND m.user_id = g.user_id \
             LEFT JOIN roles c ON c.id = g.role_id WHERE g.user_id = ", $user,
            " UNION ALL SELECT ", $first, "u.is_disabled, ", of_role_grants!(),
            " FROM user_group_members m JOIN users u ON u.id = m.user_id JOIN role_grants g ON g.group_id = m.group_id \
             LEFT JOIN roles c ON c.id = g.role_id WHERE m.user_id = ", $user,
            " UNION ALL SELECT ", $first, "u.is_disabled, q.account_id, CAST(NULL AS TEXT), CAST(NULL AS TEXT), \
             CAST(NULL AS TEXT), q.namespace_id, CAST(NULL AS TEXT), q.id, q.expires_at_ms FROM content_requests q \
             JOIN users u ON u.id = q.user_id WHERE q.user_id = ", $user,
            " AND q.state = 'granted' AND q.expires_at_ms > ", $now_ms,
            " AND (q.namespace_name IS NULL OR q.namespace_id IS NOT NULL) \
             AND EXISTS (SELECT 1 FROM operator_roles o WHERE o.user_id = q.user_id)"
        )
    };
}
pub(crate) use {of_grants, of_role_grants, rights_of_user};

/// Rows of a user's rights, each after whether it may not log in.
pub(crate) type RowOfUser = (bool, Option<(Right, Option<i64>)>);

/// `None` when there is no such user, or it may not log in.
pub(crate) fn rights_in_rows(rows: Vec<RowOfUser>) -> Option<SubjectRights> {
    if rows.is_empty() || rows.iter().any(|(is_disabled, _)| *is_disabled) {
        return None;
    }
    let mut found = SubjectRights::default();
    for (right, until_ms) in rows.into_iter().filter_map(|(_, right)| right) {
        found.rights.push(right);
        found.until_ms = match (found.until_ms, until_ms) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
    Some(found)
}

/// What the permissions of a machine say.
pub(crate) fn rights_of_permissions(account: &AccountId, permissions: &str) -> Result<Vec<Right>> {
    let permissions: Vec<Permission> =
        serde_json::from_str(permissions).map_err(|_| Error::Unreadable {
            column: "permissions",
        })?;
    let rights = permissions.iter();
    Ok(rights.map(|permission| permission.right(account)).collect())
}

impl Reader<'_> {
    /// Everything that a user may do at a time, in all accounts: by what is granted to it and to the groups it is in, and by
    /// what an account allowed to it as an operator. `None` when there is no such user, or it may not log in.
    pub fn find_rights(&self, user: &UserId, now_ms: i64) -> Result<Option<SubjectRights>> {
        const SQL: &str = rights_of_user!("", "?1", "?2");
        let params = params![user.as_str(), now_ms];
        let rows = self
            .connection
            .list(SQL, params, |row| Ok((row.flag(0)?, read_right(row, 1)?)))?;
        Ok(rights_in_rows(rows))
    }

    /// Everything that a robot account may do, and when that ends; whether it may log in at present. `None` when there is no
    /// such one.
    pub fn find_robot_rights(&self, robot: &RobotId) -> Result<Option<(SubjectRights, bool)>> {
        const SQL: &str = concat!(
            "SELECT r.is_disabled, r.expires_at_ms, r.account_id, r.permissions, ",
            of_role_grants!(),
            " FROM robots r LEFT JOIN role_grants g ON g.robot_id = r.id LEFT JOIN roles c ON c.id = g.role_id \
             WHERE r.id = ?1"
        );
        let rows = self.connection.list(SQL, params![robot.as_str()], |row| {
            let account = AccountId::new(row.text(2)?);
            let head = (!row.flag(0)?, row.optional_int(1)?, account, row.text(3)?);
            Ok((head, read_right(row, 4)?))
        })?;
        let Some(((may_log_in, until_ms, account, permissions), _)) = rows.first() else {
            return Ok(None);
        };
        let own = rights_of_permissions(account, permissions)?;
        let granted = rows.iter().filter_map(|(_, right)| right.as_ref());
        let granted = granted.map(|(right, _)| right.clone());
        let rights = SubjectRights {
            rights: own.into_iter().chain(granted).collect(),
            until_ms: *until_ms,
        };
        Ok(Some((rights, *may_log_in)))
    }
}
