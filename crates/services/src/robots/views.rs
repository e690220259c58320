//! Robot accounts as people see them.

use super::permissions::{NamedPermission, named};
use super::{RobotLevel, RobotRef, Robots, level};
use crate::access::Refused;
use crate::account_access::{AccountContext, NamespaceRef};
use crate::{Error, Result};
use metadata::{ListQuery, Listed, Numbered, RobotRow};
use model::{Action, PermissionScope};

/// Which robot accounts are listed.
#[derive(Clone, Copy, Debug)]
pub enum RobotsOf<'a> {
    /// Those of the account itself.
    Account,
    /// Those of a namespace.
    Namespace(NamespaceRef<'a>),
}

/// A robot account as people see it: without its secret.
#[derive(Clone, Debug)]
pub struct RobotView {
    /// Harbor's number for it.
    pub number: i64,
    /// Its whole name.
    pub name: String,
    /// What people say of it.
    pub description: String,
    /// What it is of.
    pub level: RobotLevel,
    /// Whether it may not log in.
    pub is_disabled: bool,
    /// For how many days it was made; -1 for ever.
    pub duration_days: i64,
    /// When it ends; `None` for never.
    pub expires_at_ms: Option<i64>,
    /// What it may do.
    pub permissions: Vec<NamedPermission>,
    /// Whether another robot account made it.
    pub is_made_by_robot: bool,
    /// Harbor's number for the user or robot account that made it; `None` for the operator.
    pub creator: Option<i64>,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it was last changed.
    pub updated_at_ms: i64,
    /// When it was last used, to within some minutes; `None` for never.
    pub last_used_at_ms: Option<i64>,
}

impl Robots {
    /// The robot accounts of the account or of a namespace. Fields: `name`, `description`, `disable`, `creation_time`,
    /// `update_time`.
    pub async fn list(
        &self,
        by: &AccountContext,
        of: RobotsOf<'_>,
        query: ListQuery,
    ) -> Result<Listed<RobotView>, Refused> {
        let namespace = match of {
            RobotsOf::Account => {
                self.authorizer.require(by, Action::RobotList).await?;
                None
            }
            RobotsOf::Namespace(named) => {
                let found = self.authorizer.namespace(by, named, Action::RobotList);
                Some(found.await?.id.clone())
            }
        };
        let account = by.id().clone();
        let listed = self.core.metadata.list(move |reader| {
            Ok::<_, Error>(reader.list_robots(&account, namespace.as_ref(), &query)?)
        });
        let Listed { items, total } = listed.await?;
        let items = self.views(by, items).await?;
        Ok(Listed { items, total })
    }

    /// A robot account.
    pub async fn get(
        &self,
        by: &AccountContext,
        robot: RobotRef<'_>,
    ) -> Result<RobotView, Refused> {
        let (row, _) = self.find(by, robot, Action::RobotRead).await?;
        let mut views = self.views(by, vec![row]).await?;
        Ok(views.pop().ok_or(Error::Internal)?)
    }

    async fn views(&self, by: &AccountContext, rows: Vec<RobotRow>) -> Result<Vec<RobotView>> {
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        let numbers = self.core.numbers(by.id(), Numbered::Robot, &ids).await?;
        let made_by = |kind: &str| -> Vec<&str> {
            let made = rows.iter().filter(|row| row.creator_kind == kind);
            let mut ids: Vec<&str> = made.map(|row| row.creator_id.as_str()).collect();
            ids.sort_unstable();
            ids.dedup();
            ids
        };
        let users = self
            .core
            .numbers(by.id(), Numbered::User, &made_by("user"))
            .await?;
        let robots = self
            .core
            .numbers(by.id(), Numbered::Robot, &made_by("robot"))
            .await?;
        let mut namespaces: Vec<&str> = rows
            .iter()
            .flat_map(|row| &row.permissions)
            .filter_map(|permission| match &permission.scope {
                PermissionScope::Namespace(id) => Some(id.as_str()),
                PermissionScope::Account | PermissionScope::Namespaces => None,
            })
            .collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        let names = self
            .core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.find_namespace_names(by.id(), &namespaces)?))
            .await?;
        let view = |row: &RobotRow| {
            Ok(RobotView {
                number: numbers.of(row.id.as_str())?,
                name: row.name.clone(),
                description: row.description.clone(),
                level: level(row),
                is_disabled: row.is_disabled,
                duration_days: row.duration_days,
                expires_at_ms: row.expires_at_ms,
                permissions: named(&row.permissions, &names),
                is_made_by_robot: row.creator_kind == "robot",
                creator: match row.creator_kind.as_str() {
                    "user" => Some(users.of(&row.creator_id)?),
                    "robot" => Some(robots.of(&row.creator_id)?),
                    _ => None,
                },
                created_at_ms: row.created_at_ms,
                updated_at_ms: row.updated_at_ms,
                last_used_at_ms: row.last_used_at_ms,
            })
        };
        rows.iter().map(view).collect()
    }
}
