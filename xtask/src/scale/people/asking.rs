//! What is asked. A small and a large registry are asked by equally many different people of equally many different accounts,
//! which lie far apart in both.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use base64::Engine as _;

use super::super::client::Client;
use super::super::registry::{PASSWORD, Registry};
use super::crowd::{Crowd, Person};

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scale) enum Asked {
    Login,
    Authorize,
    Projects,
    ProjectByName,
    Members,
    People,
    PeopleByName,
    Groups,
    Robots,
    Search,
    Statistics,
    Quotas,
    AuditLog,
    Accounts,
    AccountsByName,
}

impl Asked {
    pub(in crate::scale) const ALL: [Self; 15] = [
        Self::Login,
        Self::Authorize,
        Self::Projects,
        Self::ProjectByName,
        Self::Members,
        Self::People,
        Self::PeopleByName,
        Self::Groups,
        Self::Robots,
        Self::Search,
        Self::Statistics,
        Self::Quotas,
        Self::AuditLog,
        Self::Accounts,
        Self::AccountsByName,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Login => "login: a token for somebody who was not there before",
            Self::Authorize => "HEAD manifest by somebody who was not there before",
            Self::Projects => "Harbor: first page of the projects",
            Self::ProjectByName => "Harbor: projects whose name holds a text",
            Self::Members => "Harbor: members of a project",
            Self::People => "Harbor: first page of the users",
            Self::PeopleByName => "Harbor: users whose name begins so",
            Self::Groups => "Harbor: groups",
            Self::Robots => "Harbor: robot accounts",
            Self::Search => "Harbor: search",
            Self::Statistics => "Harbor: statistics",
            Self::Quotas => "Harbor: quotas",
            Self::AuditLog => "Harbor: first page of the audit log",
            Self::Accounts => "operator: first page of the accounts",
            Self::AccountsByName => "operator: accounts whose name begins so",
        }
    }

    /// Requests of this kind in one round.
    pub(super) fn count(self) -> u64 {
        match self {
            // Each costs a password's hash.
            Self::Login | Self::Authorize => 20,
            _ => 50,
        }
    }

    /// Who of an account asks. For some kinds it is somebody of their own, whom nobody has met before.
    fn place(self) -> u64 {
        match self {
            Self::Login => 1,
            Self::Authorize => 2,
            Self::Projects => 3,
            Self::ProjectByName => 4,
            _ => Crowd::ADMINISTRATOR,
        }
    }

    fn path(self, person: &Person) -> String {
        let Person {
            account,
            name,
            namespace,
        } = person;
        match self {
            Self::Login => format!("/service/token?scope=repository:{namespace}/app:pull"),
            Self::Authorize => format!("/v2/{namespace}/app/manifests/v1"),
            Self::Projects => "/api/v2.0/projects?page_size=10".to_owned(),
            Self::ProjectByName => format!("/api/v2.0/projects?name={namespace}"),
            Self::Members => format!("/api/v2.0/projects/{namespace}/members?page_size=10"),
            Self::People => "/api/v2.0/users?page_size=10".to_owned(),
            Self::PeopleByName => format!("/api/v2.0/users/search?username={name}"),
            Self::Groups => "/api/v2.0/usergroups?page_size=10".to_owned(),
            Self::Robots => "/api/v2.0/robots?page_size=10".to_owned(),
            Self::Search => format!("/api/v2.0/search?q={namespace}"),
            Self::Statistics => "/api/v2.0/statistics".to_owned(),
            Self::Quotas => "/api/v2.0/quotas?page_size=10".to_owned(),
            Self::AuditLog => "/api/v2.0/audit-logs?page_size=10".to_owned(),
            Self::Accounts => "/api/v1/deployment/accounts".to_owned(),
            Self::AccountsByName => format!("/api/v1/deployment/accounts?q={account}"),
        }
    }
}

/// Asks a registry of this size.
pub(in crate::scale) struct Asking {
    /// Accounts of the small registry, and how far apart those that are asked for are here.
    accounts: u64,
    apart: u64,
    client: Client,
    /// How often each kind was asked.
    asked: [u64; Asked::ALL.len()],
}

impl Asking {
    pub(in crate::scale) fn new(
        crowd: Crowd,
        small: Crowd,
        registry: &Registry<'_>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            accounts: small.accounts,
            apart: crowd.accounts / small.accounts,
            client: registry.client()?,
            asked: [0; Asked::ALL.len()],
        })
    }

    /// Asks once, and answers with the time that was waited.
    pub(in crate::scale) fn ask(&mut self, asked: Asked) -> anyhow::Result<Duration> {
        const STRIDE: u64 = 7919;
        let kind = Asked::ALL.iter().position(|one| *one == asked).unwrap_or(0);
        let number = self.asked[kind];
        self.asked[kind] += 1;
        let account = (number * STRIDE) % self.accounts * self.apart;
        let person = Crowd::person_of(account, asked.place());
        let caller = match asked {
            Asked::Accounts | Asked::AccountsByName => "admin",
            _ => &person.name,
        };
        let secret = format!("{caller}:{PASSWORD}");
        let secret = base64::engine::general_purpose::STANDARD.encode(secret);
        self.client.authorize(format!("Basic {secret}"));
        let path = asked.path(&person);
        let before = self.client.waited;
        let method = if asked == Asked::Authorize {
            "HEAD"
        } else {
            "GET"
        };
        let answer = self.client.send(method, &path, "", b"")?;
        let status = if asked == Asked::Authorize { 404 } else { 200 };
        let answer = answer
            .expect(status, &path)
            .with_context(|| format!("{asked:?}"))?;
        if asked != Asked::Authorize {
            ensure!(!answer.body.is_empty(), "{path}: nothing");
        }
        Ok(self.client.waited.saturating_sub(before))
    }
}
