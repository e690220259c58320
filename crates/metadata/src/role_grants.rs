//! All grants of an account: those that make members of namespaces, and those that only newer programs know.
//!
//! Roles that every account has, for users and groups, on the account or on a namespace, are in `grants`; whatever else there
//! is, in `role_grants`, so that older programs see nothing that they would misread.

use crate::connection::{Param, Row, params, parse_column};
use crate::error::{Error, Result};
use crate::query::{Field, Kind, ListQuery, ListSource, Listed, list};
use crate::{Grantee, Reader, Tx};
use model::{
    AccountId, GrantId, GrantedRole, GroupId, NamespaceId, RepositoryPattern, RobotId, Role,
    RoleId, Scope, UserId,
};
use std::fmt::Write as _;

/// Who has a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantSubject {
    /// A user, or everyone in a group.
    Person(Grantee),
    /// A robot account.
    Robot(RobotId),
}

impl GrantSubject {
    fn parts(&self) -> (Option<&str>, Option<&str>, Option<&str>) {
        match self {
            Self::Person(Grantee::User(id)) => (Some(id.as_str()), None, None),
            Self::Person(Grantee::Group(id)) => (None, Some(id.as_str()), None),
            Self::Robot(id) => (None, None, Some(id.as_str())),
        }
    }
}

/// A grant with its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRow {
    /// Its identifier.
    pub id: GrantId,
    /// The account it holds in.
    pub account_id: AccountId,
    /// Whose it is.
    pub subject: GrantSubject,
    /// The user's, group's or robot account's name.
    pub name: String,
    /// The role.
    pub role: GrantedRole,
    /// That one's name.
    pub role_name: String,
    /// What it is for.
    pub scope: Scope,
    /// The namespace's name, when it is for one.
    pub namespace_name: Option<String>,
    /// When it was given.
    pub created_at_ms: i64,
}

/// A grant to be given.
#[derive(Clone, Debug)]
pub struct NewGrant {
    /// Its identifier.
    pub id: GrantId,
    /// The account.
    pub account_id: AccountId,
    /// Who gets it.
    pub subject: GrantSubject,
    /// The role.
    pub role: GrantedRole,
    /// What for.
    pub scope: Scope,
}

/// Which grants of an account a list is about.
#[derive(Clone, Copy, Debug)]
pub enum GrantsOf<'a> {
    /// All.
    All,
    /// Those on any namespace or a part of one.
    EveryNamespace,
    /// Those on these namespaces or on a part of them.
    Namespaces(&'a [NamespaceId]),
}

const FIELDS: &[Field] = &[
    Field {
        name: "kind",
        column: "g.kind",
        kind: Kind::Text,
    },
    Field {
        name: "subject",
        column: "g.subject",
        kind: Kind::Text,
    },
    Field {
        name: "role",
        column: "g.role_name",
        kind: Kind::Text,
    },
    Field {
        name: "scope",
        column: "g.scope",
        kind: Kind::Text,
    },
    Field {
        name: "namespace",
        column: "g.namespace_name",
        kind: Kind::Text,
    },
    Field {
        name: "created_at",
        column: "g.created_at_ms",
        kind: Kind::Time,
    },
];

const COLUMNS: &str = "g.id, g.account_id, g.kind, g.subject_id, g.subject, g.role, g.role_id, g.role_name, \
     g.namespace_id, g.pattern, g.namespace_name, g.created_at_ms";

/// Both tables as one.
macro_rules! grants {
    () => {
        "(SELECT o.id, o.account_id, o.subject_kind AS kind, o.subject_id, COALESCE(u.name, t.name) AS subject, \
         o.role, CAST(NULL AS TEXT) AS role_id, o.role AS role_name, o.namespace_id, CAST(NULL AS TEXT) AS pattern, \
         n.name AS namespace_name, o.created_at_ms, o.scope_kind AS scope FROM grants o \
         LEFT JOIN users u ON u.id = o.subject_id AND o.subject_kind = 'user' \
         LEFT JOIN user_groups t ON t.id = o.subject_id AND o.subject_kind = 'group' \
         LEFT JOIN namespaces n ON n.id = o.namespace_id \
         UNION ALL SELECT o.id, o.account_id, CASE WHEN o.user_id IS NOT NULL THEN 'user' \
         WHEN o.group_id IS NOT NULL THEN 'group' ELSE 'robot' END AS kind, \
         COALESCE(o.user_id, o.group_id, o.robot_id) AS subject_id, COALESCE(u.name, t.name, b.name) AS subject, \
         o.role, o.role_id, COALESCE(o.role, c.name) AS role_name, o.namespace_id, o.pattern, \
         n.name AS namespace_name, o.created_at_ms, CASE WHEN o.namespace_id IS NULL THEN 'account' \
         WHEN o.pattern IS NULL THEN 'namespace' ELSE 'repositories' END AS scope FROM role_grants o \
         LEFT JOIN users u ON u.id = o.user_id LEFT JOIN user_groups t ON t.id = o.group_id \
         LEFT JOIN robots b ON b.id = o.robot_id LEFT JOIN roles c ON c.id = o.role_id \
         LEFT JOIN namespaces n ON n.id = o.namespace_id) g"
    };
}

/// The role that two columns say: one that every account has, or one of its own.
pub(crate) fn parse_role(built_in: Option<String>, custom: Option<String>) -> Result<GrantedRole> {
    match (built_in, custom) {
        (Some(role), _) => Ok(GrantedRole::BuiltIn(parse_column(
            "role_grants.role",
            Role::parse(&role),
        )?)),
        (None, id) => Ok(GrantedRole::Custom(RoleId::new(parse_column(
            "role_grants.role_id",
            id,
        )?))),
    }
}

/// What two columns say that a grant is for.
pub(crate) fn parse_scope(namespace: Option<String>, pattern: Option<String>) -> Result<Scope> {
    let Some(namespace) = namespace.map(NamespaceId::new) else {
        return Ok(Scope::Account);
    };
    let Some(pattern) = pattern else {
        return Ok(Scope::Namespace(namespace));
    };
    let pattern = RepositoryPattern::parse(&pattern).ok();
    Ok(Scope::Repositories(
        namespace,
        parse_column("role_grants.pattern", pattern)?,
    ))
}

fn read_grant(row: &Row<'_>) -> Result<GrantRow> {
    let id = row.text(3)?;
    let subject = match row.text(2)?.as_str() {
        "user" => Some(GrantSubject::Person(Grantee::User(UserId::new(id)))),
        "group" => Some(GrantSubject::Person(Grantee::Group(GroupId::new(id)))),
        "robot" => Some(GrantSubject::Robot(RobotId::new(id))),
        _ => None,
    };
    Ok(GrantRow {
        id: GrantId::new(row.text(0)?),
        account_id: AccountId::new(row.text(1)?),
        subject: parse_column("grants.subject_kind", subject)?,
        name: row.text(4)?,
        role: parse_role(row.optional_text(5)?, row.optional_text(6)?)?,
        role_name: row.text(7)?,
        scope: parse_scope(row.optional_text(8)?, row.optional_text(9)?)?,
        namespace_name: row.optional_text(10)?,
        created_at_ms: row.int(11)?,
    })
}

impl Reader<'_> {
    /// An account's grants. Fields: `kind`, `subject`, `role`, `scope`, `namespace`, `created_at`; by subject.
    pub fn list_grants(
        &self,
        account: &AccountId,
        of: GrantsOf<'_>,
        query: &ListQuery,
    ) -> Result<Listed<GrantRow>> {
        let mut from = concat!(
            grants!(),
            " WHERE g.account_id = ?1 AND g.subject IS NOT NULL"
        )
        .to_owned();
        let mut params = vec![Param::from(account.as_str())];
        match of {
            GrantsOf::All => {}
            GrantsOf::EveryNamespace => from.push_str(" AND g.namespace_id IS NOT NULL"),
            GrantsOf::Namespaces([]) => from.push_str(" AND 1 = 0"),
            GrantsOf::Namespaces(ids) => {
                let places = crate::query::places(params.len(), ids.len());
                _ = write!(from, " AND g.namespace_id IN ({places})");
                params.extend(ids.iter().map(|id| Param::from(id.as_str())));
            }
        }
        let source = ListSource {
            columns: COLUMNS,
            from,
            params,
            fields: FIELDS,
            order: "g.subject, g.id",
        };
        list(&self.connection, &source, query, read_grant)
    }

    /// A grant of an account.
    pub fn find_grant(&self, account: &AccountId, id: &GrantId) -> Result<Option<GrantRow>> {
        const SQL: &str = concat!(
            "SELECT g.id, g.account_id, g.kind, g.subject_id, g.subject, g.role, g.role_id, g.role_name, \
             g.namespace_id, g.pattern, g.namespace_name, g.created_at_ms FROM ",
            grants!(),
            " WHERE g.id = ?1 AND g.account_id = ?2 AND g.subject IS NOT NULL"
        );
        self.connection
            .find(SQL, params![id.as_str(), account.as_str()], read_grant)
    }

    /// How many grants that `grants` has no place for somebody has in an account.
    pub fn count_role_grants(&self, account: &AccountId, subject: &GrantSubject) -> Result<i64> {
        const SQL: &str = "SELECT COUNT(*) FROM role_grants WHERE account_id = ?1 AND COALESCE(user_id, group_id, robot_id) = \
             COALESCE(?2, ?3, ?4)";
        let (user, group, robot) = subject.parts();
        let params = params![account.as_str(), user, group, robot];
        self.connection.get(SQL, params, |row| row.int(0))
    }
}

impl Tx<'_> {
    /// Gives somebody a role.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when it has that, or in a namespace another role that every account has; the transaction can
    /// go on.
    pub fn create_grant(&mut self, new: &NewGrant, now_ms: i64) -> Result<()> {
        const MEMBER: &str = "INSERT INTO grants (id, account_id, subject_kind, subject_id, role, scope_kind, namespace_id, \
             created_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
        const OTHER: &str = "INSERT INTO role_grants (id, account_id, user_id, group_id, robot_id, role, role_id, \
             namespace_id, pattern, created_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING";
        let (namespace, pattern) = match &new.scope {
            Scope::Account => (None, None),
            Scope::Namespace(namespace) => (Some(namespace.as_str()), None),
            Scope::Repositories(namespace, pattern) => {
                (Some(namespace.as_str()), Some(pattern.as_str()))
            }
        };
        let (id, account) = (new.id.as_str(), new.account_id.as_str());
        let created = match (&new.subject, &new.role) {
            (GrantSubject::Person(person), GrantedRole::BuiltIn(role)) if pattern.is_none() => {
                let scope = if namespace.is_some() {
                    "namespace"
                } else {
                    "account"
                };
                let params = params![
                    id,
                    account,
                    person.kind(),
                    person.id(),
                    role.as_str(),
                    scope,
                    namespace,
                    now_ms
                ];
                self.connection.execute(MEMBER, params)?
            }
            (subject, role) => {
                let (user, group, robot) = subject.parts();
                let (built_in, custom) = match role {
                    GrantedRole::BuiltIn(role) => (Some(role.as_str()), None),
                    GrantedRole::Custom(id) => (None, Some(id.as_str())),
                };
                let params = params![
                    id, account, user, group, robot, built_in, custom, namespace, pattern, now_ms
                ];
                self.connection.execute(OTHER, params)?
            }
        };
        if created == 0 {
            return Err(Error::AlreadyExists);
        }
        self.changes.policy();
        Ok(())
    }

    /// Takes a grant. Says whether there was one.
    pub fn delete_grant(&mut self, account: &AccountId, id: &GrantId) -> Result<bool> {
        const MEMBER: &str = "DELETE FROM grants WHERE id = ?1 AND account_id = ?2";
        const OTHER: &str = "DELETE FROM role_grants WHERE id = ?1 AND account_id = ?2";
        let params = params![id.as_str(), account.as_str()];
        let deleted =
            self.connection.execute(MEMBER, params)? + self.connection.execute(OTHER, params)?;
        self.changes.policy();
        Ok(deleted > 0)
    }
}
