//! What is expected of an answer, by what its caller was given and what the operation needs.

use model::{AccountId, Action, NamespaceId, OperatorRole, Right};
use oci::ScopeActions;

use super::{Caller, Expected, FaceKind, Kind, Need, OWN, REPOSITORY, Row};

/// What a personal access token has to be made for: reading what is in namespaces, pushing it, deleting it; all else takes
/// one that is made for everything.
fn token_for(action: Action) -> ScopeActions {
    let is_content = [
        "repository",
        "namespace",
        "artifact",
        "artifact-addition",
        "accessory",
        "tag",
        "label",
    ]
    .contains(&action.resource());
    match (action.as_str(), action.verb()) {
        ("member:list" | "catalog:read", _) => ScopeActions::PULL,
        (_, "read" | "list" | "pull") if is_content => ScopeActions::PULL,
        ("repository:push" | "artifact:create" | "tag:create", _) => ScopeActions::PUSH,
        ("artifact:delete" | "tag:delete", _) => ScopeActions::DELETE,
        _ => ScopeActions::ALL,
    }
}

impl Caller {
    pub(in crate::security) fn is_good_for(&self, action: Action) -> bool {
        self.made_for
            .is_none_or(|made| made.contains(token_for(action)))
    }

    fn is_whole(&self) -> bool {
        self.made_for
            .is_none_or(|made| made.contains(ScopeActions::ALL))
    }

    pub(in crate::security) fn is_known(&self) -> bool {
        !matches!(self.kind, Kind::Nobody | Kind::WrongLogin)
    }

    /// The account that a request is about.
    fn account(&self, face: FaceKind) -> &'static str {
        match face {
            FaceKind::AccountApi => OWN,
            FaceKind::Harbor | FaceKind::Ibm => self.names.unwrap_or(self.home),
        }
    }

    pub(super) fn belongs_to(&self, account: &str) -> bool {
        let is_of = |right: &Right| right.account.as_str() == account;
        self.home == account || (self.is_member && account == OWN) || self.rights.iter().any(is_of)
    }

    /// Whether it may do what is needed, by what it was given. Of what its own account does not have, that stands for
    /// being told so.
    fn may(&self, need: Need, face: FaceKind) -> bool {
        let account = AccountId::new(self.account(face));
        let rights = || self.rights.iter().filter(|right| right.account == account);
        let of_own = |allows: &dyn Fn(&Right) -> bool| -> bool {
            if account.as_str() == OWN {
                rights().any(allows)
            } else {
                false
            }
        };
        let namespace = NamespaceId::new(OWN);
        // A namespace of another account's is to whoever may do it in all of its own one that is not there.
        let everywhere = |action: Action| {
            let elsewhere = NamespaceId::new("elsewhere");
            account.as_str() != OWN
                && rights().any(|right| right.allows_in_namespace(&account, &elsewhere, action))
        };
        match need {
            Need::Everyone => true,
            Need::EveryoneFor(action) => self.is_good_for(action),
            Need::Known => self.is_known(),
            Need::KnownFor(action) => self.is_known() && self.is_good_for(action),
            Need::Person => self.kind == Kind::Person,
            Need::WholePerson => self.kind == Kind::Person && self.is_whole(),
            Need::Fellow => self.is_known() && self.belongs_to(account.as_str()),
            Need::Account(action) => {
                self.is_good_for(action)
                    && rights().any(|right| right.allows_in_account(&account, action))
            }
            Need::Absent(action) => self.may_everywhere(&account, action),
            Need::Namespace(action) => {
                // Whoever may do anything in a part of a namespace knows that it is there.
                let allows = |right: &Right| {
                    right.allows_in_namespace(&account, &namespace, action)
                        || (action == Action::NamespaceRead
                            && right.is_in_part_of(&account, &namespace))
                };
                self.is_good_for(action) && (of_own(&allows) || everywhere(action))
            }
            Need::Part(action) => {
                let allows = |right: &Right| right.part(&account, action).is_some();
                self.may(Need::Namespace(action), face)
                    || (self.is_good_for(action) && of_own(&allows))
            }
            Need::Repository(action) => {
                let at = (&namespace, REPOSITORY);
                let allows = |right: &Right| right.allows_in_repository(&account, at, action);
                self.is_good_for(action) && (of_own(&allows) || everywhere(action))
            }
            Need::Somewhere(action) => {
                // What an operator sees by a request is not its own to manage.
                let mut own = rights().filter(|right| right.request.is_none());
                self.is_good_for(action)
                    && own.any(|right| {
                        right.actions.contains(action) && right.part(&account, action).is_none()
                    })
            }
            Need::Operator(action) => {
                let holds = |role: &OperatorRole| action.is_held_by(*role);
                self.is_whole() && self.operator.iter().any(holds)
            }
            // What its own account does not have is looked for first.
            Need::All([first, ..]) if account.as_str() != OWN => self.may(*first, face),
            Need::All(all) => all.iter().all(|need| self.may(*need, face)),
            Need::Any(any) => any.iter().any(|need| self.may(*need, face)),
        }
    }

    /// Whether it may do an action in every namespace of an account, whichever there are.
    fn may_everywhere(&self, account: &AccountId, action: Action) -> bool {
        let elsewhere = NamespaceId::new("elsewhere");
        let allows = |right: &Right| right.allows_in_namespace(account, &elsewhere, action);
        self.is_good_for(action) && self.rights.iter().any(allows)
    }

    /// Whether it knows that the namespace `own` is there.
    fn sees_namespace(&self, face: FaceKind) -> bool {
        let sees = |action| self.may_at_all(Need::Namespace(action), face);
        let parts = self
            .rights
            .iter()
            .any(|right| right.is_in_part_of(&AccountId::new(OWN), &NamespaceId::new(OWN)));
        self.account(face) == OWN
            && (sees(Action::NamespaceRead) || sees(Action::RepositoryPull) || parts)
    }

    /// The same as [`Self::may`] with a credential that is made for everything.
    fn may_at_all(&self, need: Need, face: FaceKind) -> bool {
        self.with_whole_credential().may(need, face)
    }

    pub(super) fn expected(&self, (_, path, _, need): Row, face: FaceKind) -> Expected {
        match (self.kind, face) {
            // As with Harbor, a wrong login is nobody's.
            (Kind::WrongLogin, FaceKind::Harbor) => {}
            // A token for images is no login.
            (Kind::Bearer, FaceKind::Harbor) => return Expected::Forbidden,
            (Kind::Bearer, FaceKind::AccountApi) if matches!(need, Need::Everyone) => {}
            (Kind::WrongLogin | Kind::Bearer, _) => return Expected::Unauthorized,
            _ => {}
        }
        let is_at_door =
            face == FaceKind::AccountApi || self.names.is_none_or(|named| self.belongs_to(named));
        let is_through = is_at_door && self.may(need, face);
        if is_through {
            return Expected::Through;
        }
        if !self.is_known() {
            return Expected::Unauthorized;
        }
        match face {
            FaceKind::Harbor => Expected::Forbidden,
            _ if !is_at_door => Expected::Forbidden,
            _ if path.starts_with("/deployment") => {
                if self.operator.is_empty() {
                    Expected::Hidden
                } else {
                    Expected::Forbidden
                }
            }
            FaceKind::AccountApi if path.starts_with("/accounts/") && !self.belongs_to(OWN) => {
                Expected::Hidden
            }
            _ => match need.first_lacking(self, face) {
                // What a credential is not made for, it is not made for anywhere.
                Need::Absent(action) if self.is_good_for(action) => Expected::Hidden,
                Need::Namespace(action) | Need::Part(action) | Need::Repository(action)
                    if self.is_good_for(action) && !self.sees_namespace(face) =>
                {
                    Expected::Hidden
                }
                _ => Expected::Forbidden,
            },
        }
    }
}

/// What `/v2` asks about: whatever its caller's account, a name on the shared address is one account's.
impl Caller {
    /// Whether it may do an action to a repository of `own`, but for what everyone may in a public namespace.
    pub(in crate::security) fn may_in(
        &self,
        (namespace, path): (&str, &str),
        action: Action,
    ) -> bool {
        let at = (&NamespaceId::new(namespace), path);
        let allows = |right: &Right| right.allows_in_repository(&AccountId::new(OWN), at, action);
        self.is_good_for(action) && self.rights.iter().any(allows)
    }

    /// Whether it knows that a namespace of `own` is there, if that is not public.
    pub(in crate::security) fn sees(&self, place: (&str, &str)) -> bool {
        let whole = self.with_whole_credential();
        let (account, namespace) = (AccountId::new(OWN), NamespaceId::new(place.0));
        let read =
            |right: &Right| right.allows_in_namespace(&account, &namespace, Action::NamespaceRead);
        self.rights.iter().any(read) || whole.may_in(place, Action::RepositoryPull)
    }

    /// Whether a push of it makes a namespace that does not exist: in its own account.
    pub(in crate::security) fn makes_namespaces(&self) -> bool {
        let account = AccountId::new(self.home);
        let elsewhere = NamespaceId::new("elsewhere");
        let (create, push) = (Action::NamespaceCreate, Action::RepositoryPush);
        let creates = |right: &Right| right.allows_in_account(&account, create);
        let pushes = |right: &Right| right.allows_in_namespace(&account, &elsewhere, push);
        self.is_good_for(push)
            && self.rights.iter().any(creates)
            && (self.kind == Kind::Person || self.rights.iter().any(pushes))
    }

    pub(in crate::security) fn is_wrong_login(&self) -> bool {
        self.kind == Kind::WrongLogin
    }

    /// Whether it sends a request of that number. Each wrong password costs a hash, so those who show one take turns.
    pub(super) fn asks(&self, number: usize) -> bool {
        let turns = ["wrong-password", "unknown-user", "disabled-administrator"];
        let turn = turns.iter().position(|name| *name == self.name);
        turn.is_none_or(|turn| number % turns.len() == turn)
    }

    pub(in crate::security) fn is_bearer(&self) -> bool {
        self.kind == Kind::Bearer
    }

    fn with_whole_credential(&self) -> Self {
        Self {
            made_for: None,
            ..self.clone()
        }
    }
}

impl Need {
    /// What stands in the way first.
    fn first_lacking(self, caller: &Caller, face: FaceKind) -> Need {
        match self {
            Need::All(all) => {
                let lacking = all.iter().find(|need| !caller.may(**need, face));
                lacking.map_or(self, |need| need.first_lacking(caller, face))
            }
            Need::Any(any) => any
                .first()
                .map_or(self, |need| need.first_lacking(caller, face)),
            other => other,
        }
    }
}
