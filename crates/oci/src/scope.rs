//! The scopes of the token protocol: `repository:<name>:<actions>` and `registry:catalog:*`.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign};

use crate::RepositoryName;

/// The most different resources one token request may name. Clients name one, two for a mount.
pub const MAX_SCOPES: usize = 100;

/// How many scope texts are looked at before the rest is ignored.
const MAX_SCOPE_TEXTS: usize = 1_000;

/// What a [`Scope`] is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ScopeResource {
    /// `repository:<name>`
    Repository(RepositoryName),
    /// `registry:catalog`
    Catalog,
}

/// A set of actions: any of pull, push and delete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ScopeActions(u8);

impl ScopeActions {
    /// None.
    pub const NONE: Self = Self(0);
    /// Reading manifests, blobs, tags and referrers.
    pub const PULL: Self = Self(1);
    /// Uploading, mounting, tagging; cancelling one's own uploads.
    pub const PUSH: Self = Self(2);
    /// Deleting manifests, tags and blobs.
    pub const DELETE: Self = Self(4);
    /// What `*` means.
    pub const ALL: Self = Self(7);

    const NAMES: [(Self, &'static str); 3] = [
        (Self::PULL, "pull"),
        (Self::PUSH, "push"),
        (Self::DELETE, "delete"),
    ];

    /// Whether every action of `other` is in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the set has no action.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names of the actions, `pull` before `push` before `delete`.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .into_iter()
            .filter(move |(action, _)| self.contains(*action))
            .map(|(_, name)| name)
    }

    /// Reads `pull,push`; unknown actions are left out, `*` is all of them.
    pub fn parse(text: &str) -> Self {
        text.split(',').fold(Self::NONE, |set, name| {
            set | match name {
                "pull" => Self::PULL,
                "push" => Self::PUSH,
                "delete" => Self::DELETE,
                "*" => Self::ALL,
                _ => Self::NONE,
            }
        })
    }
}

impl BitOr for ScopeActions {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for ScopeActions {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl BitAnd for ScopeActions {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl fmt::Display for ScopeActions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.names().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}

/// A resource and what may be done to it. Shown in the token protocol's own spelling.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// What it is about.
    pub resource: ScopeResource,
    /// What may be done to it. A parsed scope has at least one action; a grant may have none. For
    /// the catalog only all or none mean anything.
    pub actions: ScopeActions,
}

impl Scope {
    /// A scope of a repository.
    pub fn repository(name: RepositoryName, actions: ScopeActions) -> Self {
        Self {
            resource: ScopeResource::Repository(name),
            actions,
        }
    }

    /// The scope that listing the catalog needs.
    pub fn catalog() -> Self {
        Self {
            resource: ScopeResource::Catalog,
            actions: ScopeActions::ALL,
        }
    }

    /// Reads one scope; `None` if it is not about anything here, or asks for nothing.
    ///
    /// A class after the type, as in `repository(plugin):…`, makes no difference.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        let (name, actions) = rest.rsplit_once(':')?;
        let kind = match kind.split_once('(') {
            None => kind,
            Some((kind, class)) if class.ends_with(')') => kind,
            Some(_) => return None,
        };
        match (kind, name) {
            ("repository", name) => {
                let actions = ScopeActions::parse(actions);
                let name = RepositoryName::parse(name)
                    .ok()
                    .filter(|_| !actions.is_empty())?;
                Some(Self::repository(name, actions))
            }
            ("registry", "catalog") => actions
                .split(',')
                .any(|action| action == "*")
                .then(Self::catalog),
            _ => None,
        }
    }

    /// The `type`, `name` and `actions` of an entry in a token's `access` claim.
    pub fn claim(&self) -> (&'static str, &str, Vec<&'static str>) {
        match &self.resource {
            ScopeResource::Repository(name) => {
                ("repository", name.as_str(), self.actions.names().collect())
            }
            ScopeResource::Catalog if self.actions == ScopeActions::ALL => {
                ("registry", "catalog", vec!["*"])
            }
            ScopeResource::Catalog => ("registry", "catalog", Vec::new()),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name, actions) = self.claim();
        write!(f, "{kind}:{name}:")?;
        for (at, action) in actions.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma}{action}")?;
        }
        Ok(())
    }
}

/// Reads the `scope` parameters of a token request, in order. Each may hold several scopes
/// separated by spaces.
///
/// Several scopes of one resource become one. Those that are not valid are left out: the answer is
/// then a token for less, which is how the protocol refuses. After [`MAX_SCOPES`] resources new
/// ones are left out as well.
pub fn parse_scopes<'a>(parameters: impl Iterator<Item = &'a str>) -> Vec<Scope> {
    let mut scopes: Vec<Scope> = Vec::new();
    let texts = parameters.flat_map(|parameter| parameter.split(' '));
    for scope in texts
        .filter(|text| !text.is_empty())
        .take(MAX_SCOPE_TEXTS)
        .filter_map(Scope::parse)
    {
        if let Some(known) = scopes
            .iter_mut()
            .find(|known| known.resource == scope.resource)
        {
            known.actions |= scope.actions;
        } else if scopes.len() < MAX_SCOPES {
            scopes.push(scope);
        }
    }
    scopes
}

#[cfg(test)]
mod tests;
