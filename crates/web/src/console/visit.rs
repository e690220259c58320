//! A request for a page, understood.

use super::failed::Failed;
use super::sent::Sent;
use crate::authentication::{host_name, origin};
use crate::exchange::RequestContext;
use crate::path::PathParams;
use crate::registry::Registry;
use http::request;
use model::{Action, Address};
use pages::{AccountFrame, Frame, Language, NamespaceFrame, Notice, Reader, Section, Tab};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use services::{
    AccountContext, CallerContext, Comparison, Condition, Error, ListQuery, NamespaceRef, Origin,
    Refused, RepositoryRef, Seat, SecretString, Services, Value,
};
use std::borrow::Cow;
use std::sync::OnceLock;

/// Lines of a list on a page.
const PAGE: i64 = 50;
/// The parts of an account that are for those who may do an action, in the order of the navigation.
const SECTIONS: &[(Section, Action)] = &[
    (Section::Trash, Action::ArtifactDelete),
    (Section::Robots, Action::RobotList),
    (Section::Members, Action::GrantList),
    (Section::Jobs, Action::JobserviceMonitorList),
    (Section::Audit, Action::AuditLogList),
    (Section::Settings, Action::MailRead),
    (Section::Settings, Action::SinkList),
    (Section::Settings, Action::IdentitySourceList),
    (Section::Settings, Action::AccountRead),
    (Section::Settings, Action::GarbageCollectionList),
];

/// The same of a namespace.
const TABS: &[(Tab, Action)] = &[
    (Tab::Repositories, Action::NamespaceRead),
    (Tab::Retention, Action::TagRetentionRead),
    (Tab::Robots, Action::RobotList),
    (Tab::Members, Action::MemberList),
];

/// The fields of a form, or of an address.
#[derive(Debug)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(super) fn read(pairs: &[(Cow<'_, str>, Cow<'_, str>)]) -> Self {
        let pairs = pairs.iter().filter(|(_, value)| !value.contains('\0'));
        Self(
            pairs
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect(),
        )
    }

    /// What the field says; empty when it is not there.
    pub(super) fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// Everything that fields of this name say.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let found = self.0.iter().filter(move |(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether a box was ticked.
    pub(super) fn is_on(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }

    /// The same of a field that nobody else may read.
    pub(super) fn secret(&self, name: &str) -> SecretString {
        SecretString::new(self.get(name))
    }
}

/// A request for a page, and who makes it.
pub(super) struct Visit<'a> {
    pub(super) registry: &'a Registry,
    pub(super) context: &'a RequestContext,
    pub(super) head: request::Parts,
    pub(super) params: PathParams,
    pub(super) query: Fields,
    pub(super) form: Fields,
    pub(super) language: Language,
    /// The session's cookie, whether there is such a session or not.
    pub(super) cookie: Option<String>,
    /// Whoever is signed in.
    pub(super) caller: Option<CallerContext>,
    /// The request's place among those of the account that it is about.
    pub(super) seat: OnceLock<Seat>,
}

impl Visit<'_> {
    pub(super) fn services(&self) -> &Services {
        &self.registry.services
    }

    /// The door through which the request came.
    pub(super) async fn door(&self) -> Result<Address, Failed> {
        let host = self.context.host(&self.head.uri, &self.head.headers);
        let name = host_name(host.unwrap_or_default());
        Ok(self.services().address_of(&name).await?)
    }

    /// What stood in a place of the path.
    pub(super) fn param(&self, name: &str) -> &str {
        self.params.get(name)
    }

    pub(super) fn origin(&self) -> Origin {
        origin(&self.head.headers, self.context)
    }

    /// The page's own path with its query.
    pub(super) fn path(&self) -> &str {
        let path = self.head.uri.path_and_query();
        path.map_or("/console", |path| path.as_str())
    }

    /// Whoever is signed in.
    pub(super) fn caller(&self) -> Result<&CallerContext, Failed> {
        self.caller.as_ref().ok_or(Failed::SignIn)
    }

    /// The caller, come to the account that the path names.
    pub(super) async fn account(&self) -> Result<AccountContext, Failed> {
        let (authorizer, name) = (&self.services().authorizer, self.param("account"));
        let by = authorizer.enter_named(self.caller()?.clone(), name).await?;
        self.take_seat(&by).await?;
        Ok(by)
    }

    /// The caller, come to the account that it is a user of.
    pub(super) async fn home(&self) -> Result<AccountContext, Failed> {
        let authorizer = &self.services().authorizer;
        let by = authorizer.enter(self.caller()?.clone(), None).await?;
        self.take_seat(&by).await?;
        Ok(by)
    }

    async fn take_seat(&self, by: &AccountContext) -> Result<(), Failed> {
        if self.seat.get().is_none() {
            let seat = self.services().allowances.enter_account(by).await?;
            self.seat.get_or_init(|| seat);
        }
        Ok(())
    }

    /// What to ask for to show a list by name: those with what is looked for in their names, after those that were shown; one
    /// more than a page has, to know whether there are others.
    pub(super) fn list_by_name(&self) -> ListQuery {
        let mut conditions = Vec::new();
        let mut about_name = |comparison| {
            conditions.push(Condition {
                field: "name".to_owned(),
                comparison,
            });
        };
        let (words, after) = (self.query.get("q").trim(), self.query.get("after"));
        if !words.is_empty() {
            about_name(Comparison::Contains(words.to_owned()));
        }
        if !after.is_empty() {
            // No name has a control character: what is greater than this is greater than `after`.
            let from = Value {
                text: format!("{after}\u{1}"),
                time_ms: None,
            };
            about_name(Comparison::Between(Some(from), None));
        }
        ListQuery {
            conditions,
            limit: PAGE + 1,
            is_uncounted: true,
            ..ListQuery::default()
        }
    }

    /// A page of what [`Visit::list_by_name`] found, and where the next one is.
    pub(super) fn page_of<T>(
        &self,
        mut lines: Vec<T>,
        name: impl Fn(&T) -> &String,
    ) -> (Vec<T>, Option<String>) {
        let size = usize::try_from(PAGE).unwrap_or(usize::MAX);
        let has_more = lines.len() > size;
        lines.truncate(size);
        let last = lines.last().filter(|_| has_more);
        let next = last.map(|last| self.page_after(name(last)));
        (lines, next)
    }

    /// Where what comes after this is.
    pub(super) fn page_after(&self, after: &str) -> String {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        match self.query.get("q").trim() {
            "" => format!("?after={}", encoded(after)),
            words => format!("?q={}&after={}", encoded(words), encoded(after)),
        }
    }

    /// The registry as clients name it: the host of this page, with a port if it has one.
    pub(super) async fn registry_name(&self) -> String {
        let request = http::Request::from_parts(self.head.clone(), ());
        let origin = self.registry.origin_at(&request, self.context).await;
        let host = origin
            .split_once("://")
            .map_or(origin.as_str(), |(_, host)| host);
        host.to_owned()
    }

    /// What is around a page that is about no account.
    pub(super) fn frame(&self) -> Frame {
        let reader = self.caller.as_ref().zip(self.cookie.as_deref());
        let reader = reader.map(|(caller, cookie)| Reader {
            name: caller
                .authenticated
                .name
                .as_deref()
                .unwrap_or("")
                .to_owned(),
            csrf: self.services().sessions.csrf_token(cookie),
        });
        Frame {
            language: self.language,
            path: self.path().to_owned(),
            reader,
            account: None,
            namespace: None,
            section: Section::None,
            notice: Notice::of_word(self.query.get("notice")),
        }
    }

    /// What is around a page of an account: the ways to its other parts that the caller may see.
    pub(super) async fn frame_of(
        &self,
        by: &AccountContext,
        section: Section,
    ) -> Result<Frame, Failed> {
        let mut sections = vec![Section::Overview, Section::Namespaces];
        for (section, action) in SECTIONS {
            if !sections.contains(section) && self.may(by, *action).await? {
                sections.push(*section);
            }
        }
        let account = AccountFrame {
            name: by.account().name.clone(),
            has_others: true,
            sections,
        };
        Ok(Frame {
            account: Some(account),
            section,
            ..self.frame()
        })
    }

    /// What is around a page of a namespace: the ways to its other parts that the caller may see, too.
    pub(super) async fn frame_in(
        &self,
        by: &AccountContext,
        namespace: &str,
        here: Tab,
    ) -> Result<Frame, Failed> {
        let mut tabs = Vec::new();
        for (tab, action) in TABS {
            if self.may_in(by, namespace, *action).await? {
                tabs.push(*tab);
            }
        }
        let namespace = NamespaceFrame {
            name: namespace.to_owned(),
            tabs,
            here,
        };
        Ok(Frame {
            namespace: Some(namespace),
            ..self.frame_of(by, Section::Namespaces).await?
        })
    }

    /// Whether the caller may do an action to the account itself. It costs no query: what the caller may do is known by then.
    pub(super) async fn may(&self, by: &AccountContext, action: Action) -> Result<bool, Failed> {
        Ok(self.services().authorizer.allows(by, action).await?)
    }

    /// Whether the caller may do an action to a namespace of the account; `false` for one that it may not see.
    pub(super) async fn may_in(
        &self,
        by: &AccountContext,
        namespace: &str,
        action: Action,
    ) -> Result<bool, Failed> {
        let named = NamespaceRef::Name(namespace);
        let found = self.services().authorizer.namespace(by, named, action);
        match found.await {
            Ok(_) => Ok(true),
            Err(Refused::Failed(Error::NotFound(_)) | Refused::Hidden | Refused::Forbidden) => {
                Ok(false)
            }
            Err(refused) => Err(refused.into()),
        }
    }

    /// The same of a repository, which need not be there.
    pub(super) async fn may_at(
        &self,
        by: &AccountContext,
        repository: RepositoryRef<'_>,
        action: Action,
    ) -> Result<bool, Failed> {
        let authorizer = &self.services().authorizer;
        Ok(authorizer.allows_at(by, repository, action).await?)
    }

    /// What is shown when there is no page.
    pub(super) fn failure(&self, failed: Failed) -> Sent {
        match failed {
            Failed::SignIn => {
                let is_page = self.head.method == http::Method::GET;
                let next = if is_page { self.path() } else { "" };
                let next = if next == super::PREFIX { "" } else { next };
                Sent::to(&pages::Link::SignIn(next).to_string())
            }
            failed @ Failed::Told { .. } => failed.sent(self.language, Some(self.frame())),
        }
    }
}
