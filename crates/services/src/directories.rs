//! What directories say of people and groups: conversations with one, each short, and few at a time.

mod groups;
mod person;

use crate::core::Core;
use crate::{Error, Result};
use keys::{DeploymentKey, Purpose, SecretString};
use metadata::{LdapScope, LdapSettings, LdapSourceRow};
use outbound::Resolver;
use outbound::directory::{
    Directory, DirectoryClient, DirectoryEntry, DirectoryFailed, DirectoryPlace, DirectoryScope,
    DirectorySearch, Filter, is_below,
};
pub(crate) use person::Person;
use quick_cache::sync::Cache;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Conversations at once, with all directories together.
const AT_ONCE: usize = 64;
/// With one directory.
const AT_ONCE_WITH_ONE: usize = 8;
/// Directories whose conversations are counted.
const COUNTED: usize = 10_000;
/// People or groups that one search shows.
const MAX_FOUND: usize = 100;

/// How somebody is looked for.
#[derive(Clone, Copy)]
pub(crate) enum Whom<'a> {
    /// By what the directory calls it, for ever.
    Subject(&'a str),
    /// By the name with which it logs in.
    Name(&'a str),
}

/// What a directory says to a name and a password.
pub(crate) enum Verdict {
    /// They are right.
    Right(Box<Person>),
    /// It knows the name, and does not take the password.
    Wrong,
    /// It does not know the name.
    Unknown,
}

/// A group as a directory knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryGroup {
    /// The name of its entry.
    pub entry: String,
    /// Its name.
    pub name: String,
}

/// Conversations with directories.
pub(crate) struct Directories {
    key: Arc<DeploymentKey>,
    client: DirectoryClient,
    places: Semaphore,
    places_of_each: Cache<String, Arc<Semaphore>>,
}

impl Directories {
    pub(crate) fn new(core: &Core, key: Arc<DeploymentKey>) -> Self {
        Self {
            client: DirectoryClient::asking(
                core.settings.outbound.clone(),
                &Resolver::new(&core.settings.nameservers),
            ),
            key,
            places: Semaphore::new(AT_ONCE),
            places_of_each: Cache::new(COUNTED),
        }
    }

    pub(crate) fn client(&self) -> &DirectoryClient {
        &self.client
    }

    /// The password with which the registry itself logs in at a directory.
    fn bind_password(&self, source: &LdapSourceRow) -> Result<SecretString, DirectoryFailed> {
        let Some(sealed) = &source.sealed_bind_password else {
            return Ok(SecretString::new(""));
        };
        let purpose = Purpose::IDENTITY_SOURCE_SECRET;
        let opened = self.key.unseal(purpose, source.id.as_str(), sealed);
        let opened = opened.ok().and_then(keys::SecretBytes::into_text);
        opened.ok_or(DirectoryFailed::NotLetIn)
    }

    /// Whether a password is somebody's. A name that nobody has takes as many questions as a wrong password.
    pub(crate) async fn check_password(
        &self,
        source: &LdapSourceRow,
        whom: Whom<'_>,
        password: &SecretString,
    ) -> Result<Verdict, DirectoryFailed> {
        let own = self.bind_password(source)?;
        let settings = &source.settings;
        let conversation = async {
            let mut directory = self.open(settings, &own).await?;
            let Some(entry) = find(&mut directory, settings, whom).await? else {
                let nobody = format!("cn=nobody,{}", settings.base_dn);
                directory.bind(&nobody, password.expose()).await?;
                directory.end().await;
                return Ok(Verdict::Unknown);
            };
            if !directory.bind(&entry.name, password.expose()).await? {
                directory.end().await;
                return Ok(Verdict::Wrong);
            }
            let mut person = Person::of(&entry, settings, whom);
            if !settings.group_base_dn.is_empty() {
                let_in(&mut directory, settings, &own).await?;
                let groups = groups::of_person(&mut directory, settings, &entry, &person.name);
                person.groups = Some(groups.await?);
            }
            directory.end().await;
            Ok(Verdict::Right(Box::new(person)))
        };
        self.converse(source, Box::pin(conversation)).await
    }

    /// Somebody, by the name with which it logs in, without its groups.
    pub(crate) async fn find_person(
        &self,
        source: &LdapSourceRow,
        name: &str,
    ) -> Result<Option<Person>, DirectoryFailed> {
        let own = self.bind_password(source)?;
        let whom = Whom::Name(name);
        let conversation = async {
            let mut directory = self.open(&source.settings, &own).await?;
            let entry = find(&mut directory, &source.settings, whom).await?;
            directory.end().await;
            Ok(entry.map(|entry| Person::of(&entry, &source.settings, whom)))
        };
        self.converse(source, Box::pin(conversation)).await
    }

    /// The first hundred people whose name has this text in it; an empty text is in every name.
    pub(crate) async fn search_people(
        &self,
        source: &LdapSourceRow,
        text: &str,
    ) -> Result<Vec<Person>, DirectoryFailed> {
        let own = self.bind_password(source)?;
        let settings = &source.settings;
        let attribute = &settings.name_attribute;
        let who = match text {
            "" => Filter::Has(attribute.clone()),
            text => Filter::holds(attribute, text),
        };
        let conversation = async {
            let mut directory = self.open(settings, &own).await?;
            let filter = Filter::All(vec![written(&settings.user_filter)?, who]);
            let search = DirectorySearch {
                base: &settings.base_dn,
                scope: scope(settings.scope),
                filter: &filter,
                attributes: &person::attributes(settings),
                limit: MAX_FOUND,
            };
            let found = directory.search(&search).await?;
            directory.end().await;
            let people = found.iter();
            Ok(people
                .map(|entry| Person::of(entry, settings, Whom::Name("")))
                .filter(|person| !person.name.is_empty())
                .collect())
        };
        self.converse(source, Box::pin(conversation)).await
    }

    /// The first hundred groups whose name has this text in it.
    pub(crate) async fn search_groups(
        &self,
        source: &LdapSourceRow,
        text: &str,
    ) -> Result<Vec<DirectoryGroup>, DirectoryFailed> {
        let own = self.bind_password(source)?;
        let conversation = async {
            let mut directory = self.open(&source.settings, &own).await?;
            let found = groups::search(&mut directory, &source.settings, text).await?;
            directory.end().await;
            Ok(found)
        };
        self.converse(source, Box::pin(conversation)).await
    }

    /// The group with this entry, if it is one of those that matter.
    pub(crate) async fn find_group(
        &self,
        source: &LdapSourceRow,
        entry: &str,
    ) -> Result<Option<DirectoryGroup>, DirectoryFailed> {
        let own = self.bind_password(source)?;
        let conversation = async {
            let mut directory = self.open(&source.settings, &own).await?;
            let found = groups::read(&mut directory, &source.settings, entry).await?;
            directory.end().await;
            Ok(found)
        };
        self.converse(source, Box::pin(conversation)).await
    }

    /// Whether a directory lets the registry in, and has the entry below which people are.
    pub(crate) async fn ping(
        &self,
        source: &LdapSourceRow,
        password: Option<&SecretString>,
    ) -> Result<bool, DirectoryFailed> {
        let own = match password {
            Some(password) => password.clone(),
            None => self.bind_password(source)?,
        };
        let conversation = async {
            let mut directory = self.open(&source.settings, &own).await?;
            let search = DirectorySearch {
                base: &source.settings.base_dn,
                scope: DirectoryScope::Base,
                filter: &Filter::Has("objectClass".to_owned()),
                attributes: &["1.1"],
                limit: 1,
            };
            let is_there = !directory.search(&search).await?.is_empty();
            directory.end().await;
            Ok(is_there)
        };
        self.converse(source, Box::pin(conversation)).await
    }

    async fn open(
        &self,
        settings: &LdapSettings,
        own: &SecretString,
    ) -> Result<Directory, DirectoryFailed> {
        let mut directory = Box::pin(self.client.connect(&place(settings))).await?;
        let_in(&mut directory, settings, own).await?;
        Ok(directory)
    }

    /// A conversation when it is its turn. Those that fail are in the log.
    async fn converse<T>(
        &self,
        source: &LdapSourceRow,
        conversation: impl Future<Output = Result<T, DirectoryFailed>>,
    ) -> Result<T, DirectoryFailed> {
        let places = self
            .places_of_each
            .get_or_insert_with(source.id.as_str(), || {
                Ok::<_, DirectoryFailed>(Arc::new(Semaphore::new(AT_ONCE_WITH_ONE)))
            })?;
        let in_turn = async {
            // Whoever talks with a slow directory keeps others waiting for that one first.
            let stopped = |_| DirectoryFailed::TimedOut;
            let _place = places.acquire().await.map_err(stopped)?;
            let _turn = self.places.acquire().await.map_err(stopped)?;
            conversation.await
        };
        let done = DirectoryClient::in_time(in_turn).await;
        if let Err(error) = &done {
            tracing::warn!(source = source.name, url = source.settings.url, %error, "a directory could not be asked");
        }
        done
    }
}

/// The registry says who it is, if it is to be anybody.
async fn let_in(
    directory: &mut Directory,
    settings: &LdapSettings,
    own: &SecretString,
) -> Result<(), DirectoryFailed> {
    if settings.bind_dn.is_empty() || directory.bind(&settings.bind_dn, own.expose()).await? {
        Ok(())
    } else {
        Err(DirectoryFailed::NotLetIn)
    }
}

/// The one entry of somebody. Two of one name are nobody's.
async fn find(
    directory: &mut Directory,
    settings: &LdapSettings,
    whom: Whom<'_>,
) -> Result<Option<DirectoryEntry>, DirectoryFailed> {
    let people = written(&settings.user_filter)?;
    let (base, scope, filter) = match whom {
        Whom::Name(name) => {
            let who = Filter::equals(&settings.name_attribute, name.as_bytes());
            let filter = Filter::All(vec![people, who]);
            (settings.base_dn.as_str(), scope(settings.scope), filter)
        }
        Whom::Subject(subject) => match person::entry_of(subject) {
            Some(entry) if is_below(entry, &settings.base_dn) => {
                (entry, DirectoryScope::Base, people)
            }
            Some(_) => return Ok(None),
            None => {
                let Some(who) = person::filter_of(subject) else {
                    return Ok(None);
                };
                let filter = Filter::All(vec![people, who]);
                (settings.base_dn.as_str(), scope(settings.scope), filter)
            }
        },
    };
    let search = DirectorySearch {
        base,
        scope,
        filter: &filter,
        attributes: &person::attributes(settings),
        limit: 2,
    };
    let mut found = directory.search(&search).await?;
    if found.len() > 1 {
        tracing::warn!(base, "a directory knows two people by one name");
        return Ok(None);
    }
    Ok(found.pop())
}

pub(crate) fn place(settings: &LdapSettings) -> DirectoryPlace {
    DirectoryPlace {
        url: settings.url.clone(),
        starts_tls: settings.starts_tls,
        verifies_certificate: settings.verifies_certificate,
        ca_certificates: settings.ca_certificates.clone(),
    }
}

fn scope(scope: LdapScope) -> DirectoryScope {
    match scope {
        LdapScope::Base => DirectoryScope::Base,
        LdapScope::One => DirectoryScope::One,
        LdapScope::Sub => DirectoryScope::Sub,
    }
}

/// A filter as an administrator wrote it; all entries for none.
fn written(filter: &str) -> Result<Filter, DirectoryFailed> {
    if filter.is_empty() {
        return Ok(Filter::Has("objectClass".to_owned()));
    }
    let parsed = filter.parse();
    parsed.map_err(|_| DirectoryFailed::Place("one of its filters is none"))
}

/// What those are told who wait for a directory that does not answer.
pub(crate) fn unavailable(source: &LdapSourceRow) -> Error {
    Error::DirectoryUnavailable(source.name.clone())
}
