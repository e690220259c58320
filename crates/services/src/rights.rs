//! What somebody else may do: the questions that the authorizer answers for each request, asked on behalf of whom they are
//! about.

use crate::access::{Authenticated, CallerContext, Refused, Rights};
use crate::account_access::{AccountContext, NamespaceRef};
use crate::accounts::get_member;
use crate::authorizer::{Authorizer, Given, Place, Visible};
use crate::grants::SubjectName;
use crate::{Error, Result};
use metadata::RobotRow;
use model::{Action, Caller, CallerKind, Coverage, CredentialKind, NamespaceId, Right, Role};
use std::sync::Arc;

/// Where something is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RightsPlace<'a> {
    /// To the account itself.
    Account,
    /// In every namespace of it.
    EveryNamespace,
    /// In a namespace: in all of it, or in the repository of that name there.
    Namespace(&'a str, Option<&'a str>),
}

/// What gives somebody an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RightsSource {
    /// The namespace is public.
    Public,
    /// A role that every account has.
    Role(Role, Coverage),
    /// A role of the account's own, or what a robot account was given.
    Own(Coverage),
    /// What the account allowed to an operator for a while.
    Request,
}

/// What somebody may do in a place.
#[derive(Clone, Debug)]
pub struct RightsFound {
    /// Whether it may log in at present; otherwise it may do nothing.
    pub is_active: bool,
    /// Each action that was asked about, and what gives it; nothing gives what it may not do.
    pub actions: Vec<(Action, Vec<RightsSource>)>,
}

impl Authorizer {
    /// What a user or a robot account may do in a place, for whoever decides about its members.
    ///
    /// # Errors
    /// [`Error::NotFound`] for somebody whom the account does not have, [`Error::Invalid`] for a group.
    pub async fn rights_of(
        &self,
        by: &AccountContext,
        whom: &SubjectName,
        place: RightsPlace<'_>,
    ) -> Result<RightsFound, Refused> {
        let namespace = match place {
            RightsPlace::Account | RightsPlace::EveryNamespace => {
                self.require(by, Action::GrantList).await?;
                None
            }
            RightsPlace::Namespace(name, path) => {
                let named = NamespaceRef::Name(name);
                let namespace = self.namespace(by, named, Action::MemberUpdate).await?;
                Some((namespace, path))
            }
        };
        let home = namespace.as_ref().map(|(row, _)| &row.id);
        let other = self.as_other(by, whom, home).await?;
        let held = self.find_rights(&other.authenticated().caller).await?;
        let asked: Vec<Action> = match place {
            RightsPlace::Account => Action::ALL.to_vec(),
            _ => Role::ProjectAdmin.actions().iter().collect(),
        };
        let mut actions = Vec::new();
        for action in asked {
            let mut sources = Vec::new();
            if let Some(held) = &held {
                let namespace = namespace.as_ref().map(|(row, path)| Place {
                    namespace: row,
                    path: *path,
                });
                sources = self
                    .sources(&other, &held.rights, (place, namespace), action)
                    .await?;
            }
            actions.push((action, sources));
        }
        Ok(RightsFound {
            is_active: held.is_some(),
            actions,
        })
    }

    /// The request that somebody else would make. For whoever decides about one namespace there are the account's robot
    /// accounts and those of that namespace.
    async fn as_other(
        &self,
        by: &AccountContext,
        whom: &SubjectName,
        within: Option<&NamespaceId>,
    ) -> Result<AccountContext> {
        let account = by.id();
        let read = self.core.metadata.read(|reader| match whom {
            SubjectName::User(name) => {
                let user = get_member(reader, account, name)?;
                let (id, name) = (user.id, user.name);
                Ok((CallerKind::User { id, name }, CredentialKind::Password))
            }
            SubjectName::Robot(name) => {
                let robot = reader.find_robot_by_name(account, name)?;
                let unknown = || Error::NotFound(format!("the robot account {name}"));
                let is_seen = |robot: &RobotRow| match (&robot.namespace_id, within) {
                    (Some(home), Some(within)) => home == within,
                    (None, _) | (_, None) => true,
                };
                let robot = robot.filter(is_seen).ok_or_else(unknown)?;
                let (id, name) = (robot.id, robot.name);
                Ok((CallerKind::Robot { id, name }, CredentialKind::RobotSecret))
            }
            SubjectName::Group(_) => Err(Error::Invalid(
                "a group does nothing itself; ask about somebody in it".to_owned(),
            )),
        });
        let (kind, credential) = read.await?;
        let caller = Caller {
            kind,
            credential,
            home_account: Some(account.clone()),
        };
        Ok(AccountContext {
            context: CallerContext {
                authenticated: Arc::new(Authenticated::new(caller, Rights::Granted)),
                ..by.context.clone()
            },
            account: by.account.clone(),
        })
    }

    /// What gives an action to somebody: nothing, if the authorizer does not allow it.
    async fn sources(
        &self,
        other: &AccountContext,
        held: &[Right],
        (place, namespace): (RightsPlace<'_>, Option<Place<'_>>),
        action: Action,
    ) -> Result<Vec<RightsSource>> {
        let who = other.authenticated();
        let is_public = |place: Place<'_>| self.is_open_to(&who.caller, action, place.namespace);
        let is_allowed = match (place, namespace) {
            (_, Some(place)) => {
                is_public(place) || self.given(&who.caller, action, place).await? != Given::Nothing
            }
            (RightsPlace::Account, _) => self.allows(other, action).await?,
            (_, None) => matches!(
                self.visible_namespaces(who, other.id(), action).await?,
                Visible::All
            ),
        };
        if !is_allowed {
            return Ok(Vec::new());
        }
        let gives = |right: &&Right| match (place, namespace) {
            (_, Some(place)) => crate::visibility::allows(right, action, place),
            (RightsPlace::Account, _) => right.allows_in_account(other.id(), action),
            (_, None) => {
                right.account == *other.id()
                    && matches!(right.coverage, Coverage::Everything | Coverage::Namespaces)
                    && right.actions.contains(action)
            }
        };
        let mut sources: Vec<RightsSource> = Vec::new();
        if namespace.is_some_and(is_public) {
            sources.push(RightsSource::Public);
        }
        for right in held.iter().filter(gives) {
            let coverage = right.coverage.clone();
            let source = match (&right.request, right.role) {
                (Some(_), _) => RightsSource::Request,
                (None, Some(role)) => RightsSource::Role(role, coverage),
                (None, None) => RightsSource::Own(coverage),
            };
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        Ok(sources)
    }
}
