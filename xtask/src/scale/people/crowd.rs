//! Accounts and people by the thousand: how many there are follows from the number of accounts, and every name from a number.

use super::super::seed::Seed;
use anyhow::ensure;

/// Namespaces of each account, and people at home in it.
const NAMESPACES: u64 = 5;
const PEOPLE: u64 = 10;

/// How many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scale) struct Crowd {
    /// Accounts, besides `default`.
    pub(in crate::scale) accounts: u64,
}

/// Somebody at home in an account, and what there is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) account: String,
    pub(super) name: String,
    pub(super) namespace: String,
}

impl Crowd {
    /// People in all.
    pub(super) fn people(self) -> u64 {
        self.accounts * PEOPLE
    }

    /// The person of this number. The first one of each account is its administrator.
    fn person(number: u64) -> Person {
        let account = number / PEOPLE;
        Person {
            account: account_name(account),
            name: format!("person-{number:06}"),
            namespace: format!("team-{:06}", account * NAMESPACES),
        }
    }

    /// Which person of an account is its administrator.
    pub(super) const ADMINISTRATOR: u64 = 0;

    /// One of those at home in an account.
    pub(super) fn person_of(account: u64, place: u64) -> Person {
        Self::person(account * PEOPLE + place % PEOPLE)
    }

    /// In words.
    pub(super) fn describe(self) -> String {
        let accounts = self.accounts;
        let (namespaces, people) = (accounts * NAMESPACES, self.people());
        let grants = people * 2 * NAMESPACES;
        format!("{accounts} accounts, {namespaces} namespaces, {people} people, {grants} grants")
    }

    /// Fills a registry that was started once and does not run. Everybody has the password of `admin`; a role in the
    /// namespaces of the own account, and in those of the next one.
    pub(super) fn fill(self, seed: &dyn Seed) -> anyhow::Result<()> {
        ensure!(self.accounts >= 10, "there must be some accounts");
        for sql in self.statements() {
            seed.run(&sql)?;
        }
        seed.run("ANALYZE")
    }

    fn statements(self) -> Vec<String> {
        let statements = [self.customers(), self.everybody(), self.grants()];
        statements.concat()
    }

    /// Accounts and their namespaces.
    fn customers(self) -> Vec<String> {
        let owner = id("a", &format!("(n.i / {NAMESPACES})"));
        let (itself, namespace) = (id("a", "n.i"), id("b", "n.i"));
        let (account, team) = (name("account", "n.i"), name("team", "n.i"));
        let namespaces = self.accounts * NAMESPACES;
        let columns = "id, name, state, creates_namespaces_on_push, created_at_ms";
        let values = format!("{itself}, {account}, 'active', 0, 1");
        let accounts = rows("accounts", columns, self.accounts, &values);
        let columns = "account_id, used_bytes, limit_bytes";
        let values = format!("{itself}, 0, NULL");
        let usage = rows("account_usage", columns, self.accounts, &values);
        let columns = "id, account_id, name, is_public, created_at_ms";
        let values = format!("{namespace}, {owner}, {team}, 0, 1");
        let all = rows("namespaces", columns, namespaces, &values);
        let columns = "name, account_id, namespace_id";
        let values = format!("{team}, {owner}, {namespace}");
        let claims = rows("namespace_claims", columns, namespaces, &values);
        vec![accounts, usage, all, claims]
    }

    /// People, members of their own account and of the next one.
    fn everybody(self) -> Vec<String> {
        let (people, accounts) = (self.people(), self.accounts);
        let of_admin = |column| format!("(SELECT {column} FROM users WHERE name = 'admin')");
        let (source, hash) = (of_admin("source_id"), of_admin("password_hash"));
        let (person, called) = (id("c", "n.i"), name("person", "n.i"));
        let home = id("a", &format!("(n.i / {PEOPLE})"));
        let next = id("a", &format!("((n.i / {PEOPLE} + 1) % {accounts})"));
        let columns = "id, source_id, home_account_id, name, password_hash, is_disabled, \
             credential_epoch, created_at_ms";
        let values = format!("{person}, {source}, {home}, {called}, {hash}, 0, 0, 1");
        let users = rows("users", columns, people, &values);
        let member = |account: &str| {
            let columns = "account_id, user_id, created_at_ms";
            rows(
                "memberships",
                columns,
                people,
                &format!("{account}, {person}, 1"),
            )
        };
        vec![users, member(&home), member(&next)]
    }

    /// Of each account's administrator, and roles in namespaces.
    fn grants(self) -> Vec<String> {
        let accounts = self.accounts;
        let columns = "id, account_id, subject_kind, subject_id, role, scope_kind, namespace_id, created_at_ms";
        let (grant, account) = (id("d", "n.i"), id("a", "n.i"));
        let first = id("c", &format!("(n.i * {PEOPLE})"));
        let values =
            format!("{grant}, {account}, 'user', {first}, 'administrator', 'account', NULL, 1");
        let administrators = rows("grants", columns, accounts, &values);
        // The first half of the places are the own account's namespaces, the others those of the next.
        let places = 2 * NAMESPACES;
        let (place, person) = (format!("(n.i % {places})"), format!("(n.i / {places})"));
        let there = format!("(({person} / {PEOPLE} + {place} / {NAMESPACES}) % {accounts})");
        let namespace = id(
            "b",
            &format!("({there} * {NAMESPACES} + {place} % {NAMESPACES})"),
        );
        let (grant, account, person) = (id("e", "n.i"), id("a", &there), id("c", &person));
        let values = format!(
            "{grant}, {account}, 'user', {person}, 'developer', 'namespace', {namespace}, 1"
        );
        let roles = rows("grants", columns, self.people() * places, &values);
        vec![administrators, roles]
    }
}

/// Rows for the numbers from 0, `n.i` in `values`: the same text for both databases.
fn rows(table: &str, columns: &str, count: u64, values: &str) -> String {
    format!(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count}) \
         INSERT INTO {table} ({columns}) SELECT {values} FROM n"
    )
}

/// The last `digits` of a number, with zeros before it.
fn digits(number: &str, digits: usize) -> String {
    let zeros = "0".repeat(digits);
    format!("substr('{zeros}' || {number}, length('' || {number}) + 1)")
}

fn id(kind: &str, number: &str) -> String {
    format!("'0190bb0{kind}-0000-7000-8000-' || {}", digits(number, 12))
}

fn name(kind: &str, number: &str) -> String {
    format!("'{kind}-' || {}", digits(number, 6))
}

fn account_name(number: u64) -> String {
    format!("account-{number:06}")
}
