//! Everything that decides about a request, asked for with one statement: the namespace that a name means, what its caller
//! may do anywhere, from where the accounts in question may be reached.

use crate::Reader;
use crate::connection::{Param, Row, params, parse_column};
use crate::error::Result;
use crate::namespaces::NamespaceRow;
use crate::network_rules::parse_list;
use crate::rights::{
    RowOfUser, SubjectRights, of_grants, of_role_grants, read_right, rights_in_rows,
    rights_of_permissions, rights_of_user,
};
use model::{
    AccountId, AccountState, Address, NamespaceId, NetworkRules, RobotId, TrustRuleId, UserId,
};
use std::collections::BTreeMap;

/// Whose rights are asked for.
#[derive(Clone, Copy, Debug)]
pub enum AccessSubject<'a> {
    /// A user's.
    User(&'a UserId),
    /// A robot account's.
    Robot(&'a RobotId),
    /// Those of a workload that a trust rule is for.
    Workload(&'a TrustRuleId),
}

/// A request, as far as it decides about access.
#[derive(Clone, Copy, Debug)]
pub struct AccessQuestion<'a> {
    /// The address that it came by, which says what a name means.
    pub address: &'a Address,
    /// The name of a namespace.
    pub namespace: Option<&'a str>,
    /// An account that it is about, or in which that namespace would be made.
    pub account: Option<&'a AccountId>,
    /// Who is calling.
    pub subject: Option<AccessSubject<'a>>,
    /// The time.
    pub now_ms: i64,
}

/// What decides about it.
#[derive(Clone, Debug, Default)]
pub struct AccessAnswer {
    /// The namespace, if there is one of that name.
    pub namespace: Option<NamespaceRow>,
    /// Whether pushes make namespaces in the account that was named.
    pub creates_namespaces: bool,
    /// Everything that the caller may do, and until when; `None` when there is no such subject, or it may not log in.
    pub rights: Option<SubjectRights>,
    /// See [`Reader::network_epoch`].
    pub network_epoch: i64,
    /// From where accounts may be reached, the namespace's own and the one that was named, those that have rules.
    pub networks: BTreeMap<AccountId, NetworkRules>,
}

/// What a row is about, a number, seven texts, a number.
macro_rules! namespace_by_claim {
    () => {
        "SELECT 'namespace', n.is_public, n.id, n.account_id, a.state, n.name, \
         CAST(NULL AS TEXT), CAST(NULL AS TEXT), CAST(NULL AS TEXT), n.created_at_ms \
         FROM namespace_claims c JOIN namespaces n ON n.id = c.namespace_id JOIN accounts a ON a.id = n.account_id \
         WHERE c.name = ?1"
    };
}
macro_rules! namespace_by_account {
    () => {
        "SELECT 'namespace', n.is_public, n.id, n.account_id, a.state, n.name, \
         CAST(NULL AS TEXT), CAST(NULL AS TEXT), CAST(NULL AS TEXT), n.created_at_ms \
         FROM namespaces n JOIN accounts a ON a.id = n.account_id WHERE n.name = ?1 AND n.account_id = ?2"
    };
}
macro_rules! account_and_epoch {
    () => {
        " UNION ALL SELECT 'account', a.creates_namespaces_on_push, a.id, NULL, NULL, NULL, NULL, NULL, NULL, NULL \
         FROM accounts a WHERE a.id = ?2 \
         UNION ALL SELECT 'epoch', CAST(d.value AS BIGINT), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL \
         FROM deployment d WHERE d.name = 'network_epoch'"
    };
}
macro_rules! networks {
    ($accounts:literal) => {
        concat!(
            " UNION ALL SELECT 'network', r.is_private_only, r.account_id, r.management, r.registry, NULL, NULL, NULL, NULL, \
             NULL FROM network_rules r WHERE r.account_id IN (", $accounts, ")",
            " UNION ALL SELECT 'list', 0, r.account_id, r.namespace_id, r.registry, NULL, NULL, NULL, NULL, NULL \
             FROM namespace_network_rules r WHERE r.account_id IN (", $accounts, ")"
        )
    };
}
macro_rules! at_the_shared_address {
    () => {
        concat!(
            namespace_by_claim!(),
            account_and_epoch!(),
            networks!("?2, (SELECT c.account_id FROM namespace_claims c WHERE c.name = ?1)")
        )
    };
}
macro_rules! at_an_account {
    () => {
        concat!(
            namespace_by_account!(),
            account_and_epoch!(),
            networks!("?2")
        )
    };
}
macro_rules! of_user {
    () => {
        concat!(" UNION ALL ", rights_of_user!("'user', ", "?3", "?4"))
    };
}
macro_rules! of_robot {
    () => {
        concat!(
            " UNION ALL SELECT 'machine', r.is_disabled, r.account_id, r.permissions, NULL, NULL, NULL, NULL, NULL, \
             r.expires_at_ms FROM robots r WHERE r.id = ?3 UNION ALL SELECT 'robot', 0, ",
            of_role_grants!(),
            " FROM role_grants g LEFT JOIN roles c ON c.id = g.role_id WHERE g.robot_id = ?3"
        )
    };
}
macro_rules! of_workload {
    () => {
        " UNION ALL SELECT 'machine', t.is_disabled, t.account_id, t.permissions, NULL, NULL, NULL, NULL, NULL, NULL \
         FROM trust_rules t WHERE t.id = ?3"
    };
}

fn text_of(address: &Address, subject: Option<AccessSubject<'_>>) -> &'static str {
    use AccessSubject::{Robot, User, Workload};
    match (address, subject) {
        (Address::Shared, None) => at_the_shared_address!(),
        (Address::Shared, Some(User(_))) => concat!(at_the_shared_address!(), of_user!()),
        (Address::Shared, Some(Robot(_))) => concat!(at_the_shared_address!(), of_robot!()),
        (Address::Shared, Some(Workload(_))) => concat!(at_the_shared_address!(), of_workload!()),
        (Address::Account(_), None) => at_an_account!(),
        (Address::Account(_), Some(User(_))) => concat!(at_an_account!(), of_user!()),
        (Address::Account(_), Some(Robot(_))) => concat!(at_an_account!(), of_robot!()),
        (Address::Account(_), Some(Workload(_))) => concat!(at_an_account!(), of_workload!()),
    }
}

/// Rows that belong together are many; the rest of the answer is put together on the way.
#[derive(Default)]
struct Reading {
    answer: AccessAnswer,
    of_user: Vec<RowOfUser>,
    of_machine: Option<SubjectRights>,
}

impl Reading {
    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        match row.text(0)?.as_str() {
            "namespace" => self.answer.namespace = Some(read_namespace(row)?),
            "account" => self.answer.creates_namespaces = row.flag(1)?,
            "epoch" => self.answer.network_epoch = row.int(1)?,
            "network" => {
                let rules = self.network(row)?;
                rules.private_only = row.flag(1)?;
                rules.management = parse_list(&row.text(3)?)?;
                rules.registry = parse_list(&row.text(4)?)?;
            }
            "list" => {
                let namespace = NamespaceId::new(row.text(3)?);
                let list = parse_list(&row.text(4)?)?;
                self.network(row)?.namespaces.insert(namespace, list);
            }
            "user" => self.of_user.push((row.flag(1)?, read_right(row, 2)?)),
            "machine" if !row.flag(1)? => {
                let account = AccountId::new(row.text(2)?);
                let of = self.of_machine.get_or_insert_default();
                of.rights
                    .extend(rights_of_permissions(&account, &row.text(3)?)?);
                of.until_ms = row.optional_int(9)?;
            }
            // It may not log in. What stands in its own rows comes before what was granted.
            "machine" => {}
            _ => {
                if let (Some(of), Some((right, _))) = (&mut self.of_machine, read_right(row, 2)?) {
                    of.rights.push(right);
                }
            }
        }
        Ok(())
    }

    fn network(&mut self, row: &Row<'_>) -> Result<&mut NetworkRules> {
        let account = AccountId::new(row.text(2)?);
        Ok(self.answer.networks.entry(account).or_default())
    }
}

fn read_namespace(row: &Row<'_>) -> Result<NamespaceRow> {
    Ok(NamespaceRow {
        id: NamespaceId::new(row.text(2)?),
        account_id: AccountId::new(row.text(3)?),
        account_state: parse_column("accounts.state", AccountState::parse(&row.text(4)?))?,
        name: row.text(5)?,
        is_public: row.flag(1)?,
        created_at_ms: row.int(9)?,
    })
}

impl Reader<'_> {
    /// Everything that decides about a request.
    pub fn ask_about_access(&self, question: &AccessQuestion<'_>) -> Result<AccessAnswer> {
        let account = match question.address {
            Address::Account(account) => Some(account),
            Address::Shared => question.account,
        };
        let subject = question.subject.map(|subject| match subject {
            AccessSubject::User(user) => user.as_str(),
            AccessSubject::Robot(robot) => robot.as_str(),
            AccessSubject::Workload(rule) => rule.as_str(),
        });
        let all: [Param<'_>; 4] = *params![
            question.namespace,
            account.map(AccountId::as_str),
            subject,
            question.now_ms
        ];
        let used = match question.subject {
            None => 2,
            Some(AccessSubject::User(_)) => 4,
            Some(_) => 3,
        };
        let mut reading = Reading::default();
        let sql = text_of(question.address, question.subject);
        self.connection
            .list(sql, &all[..used], |row| reading.row(row))?;
        reading.answer.rights = match question.subject {
            Some(AccessSubject::User(_)) => rights_in_rows(reading.of_user),
            _ => reading.of_machine,
        };
        Ok(reading.answer)
    }
}
