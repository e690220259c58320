//! Which robot accounts a caller may do something to, and what it learns of the others: nothing.

use super::{RobotRef, Robots};
use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::authorizer::Visible;
use crate::credential_scope::is_good_for;
use crate::{Error, Result};
use metadata::{NamespaceRow, Numbered, RobotRow};
use model::{Action, RobotId};

impl Robots {
    /// A robot account that the caller may do `action` to, and the name of the namespace that it is of. One that the caller
    /// may not see is to it like one that there is not.
    pub(super) async fn find(
        &self,
        by: &AccountContext,
        robot: RobotRef<'_>,
        action: Action,
    ) -> Result<(RobotRow, Option<String>), Refused> {
        let found = self.core.metadata.read(|reader| {
            let row = match robot {
                RobotRef::Name(name) => reader.find_robot_by_name(by.id(), name)?,
                RobotRef::Number(number) => {
                    match reader.find_numbered(by.id(), Numbered::Robot, number)? {
                        Some(id) => reader.find_robot(&RobotId::new(id))?,
                        None => None,
                    }
                }
            };
            let Some(row) = row.filter(|row| row.account_id == *by.id()) else {
                return Ok(None);
            };
            let Some(id) = &row.namespace_id else {
                return Ok(Some((row, None)));
            };
            // One whose namespace goes at this moment goes with it.
            let home = reader.find_namespace_by_id(id)?;
            Ok::<_, Error>(home.map(|home| (row, Some(home))))
        });
        if let Some((row, home)) = found.await? {
            match self.decide(by, home.as_ref(), action).await {
                Ok(()) => return Ok((row, home.map(|home| home.name))),
                Err(Refused::Failed(error)) => return Err(error.into()),
                Err(refused) => {
                    let may_see = self.decide(by, home.as_ref(), Action::RobotRead).await;
                    if may_see.is_ok() {
                        return Err(refused);
                    }
                }
            }
        }
        Err(self.unknown(by, robot).await?)
    }

    /// Asks for a caller who holds all that a robot account does, by its permissions and by what was granted to it.
    pub(super) async fn require_no_less(
        &self,
        by: &AccountContext,
        robot: &RobotId,
    ) -> Result<(), Refused> {
        let found = self
            .core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.find_robot_rights(robot)?));
        for right in found.await?.into_iter().flat_map(|(found, _)| found.rights) {
            if !self.authorizer.may_pass_on(by, &right).await? {
                let names: Vec<_> = right.actions.iter().map(Action::as_str).collect();
                let lacking = format!("one of {}", names.join(", "));
                return Err(Error::BeyondOwnRights(lacking).into());
            }
        }
        Ok(())
    }

    async fn decide(
        &self,
        by: &AccountContext,
        home: Option<&NamespaceRow>,
        action: Action,
    ) -> Result<(), Refused> {
        match home {
            None => self.authorizer.require(by, action).await,
            Some(home) => self.authorizer.require_in(by, home, action).await,
        }
    }

    /// The answer for a robot account that there is not, or that the caller may not see. It depends on the caller alone.
    async fn unknown(&self, by: &AccountContext, robot: RobotRef<'_>) -> Result<Refused> {
        if by.authenticated().caller.is_anonymous() {
            return Ok(Refused::Unauthenticated);
        }
        let sees_robots = self.authorizer.allows(by, Action::RobotRead).await?
            || self.may_somewhere(by, Action::RobotRead).await?;
        Ok(if sees_robots {
            Refused::Failed(Error::NotFound(match robot {
                RobotRef::Number(number) => format!("the robot account {number}"),
                RobotRef::Name(name) => format!("the robot account {name}"),
            }))
        } else {
            Refused::Hidden
        })
    }

    /// Whether the caller may do an action in one namespace at least.
    pub(super) async fn may_somewhere(&self, by: &AccountContext, action: Action) -> Result<bool> {
        let who = by.authenticated();
        if !is_good_for(&who.caller, action) {
            return Ok(false);
        }
        let visible = self
            .authorizer
            .visible_namespaces(who, by.id(), action)
            .await?;
        Ok(match visible {
            Visible::All => true,
            Visible::Some(namespaces) => !namespaces.is_empty(),
        })
    }
}
