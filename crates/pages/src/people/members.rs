//! Members: who has which role, in an account or in one of its namespaces.

use super::part_of;
use super::parts::Parts;
use crate::frame::Frame;
use crate::links::Link;
use crate::values::Moment;
use askama::Template;

/// Who has a role in an account, or in one of its namespaces.
#[derive(Clone, Debug, Template)]
#[template(path = "people/members.html")]
pub struct Members {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// The namespace; `None` for the account itself.
    pub namespace: Option<String>,
    /// The ways to what else there is about people, on the account's page.
    pub parts: Option<Parts>,
    /// A part of the name that is looked for.
    pub words: String,
    /// The roles that were given, by the names of those who have them.
    pub members: Vec<MemberLine>,
    /// Where the next ones are.
    pub next: Option<String>,
    /// To give another one, for those who may.
    pub form: Option<MemberForm>,
    /// Whether the reader may ask who may do what here.
    pub may_ask: bool,
}

/// Whose a role is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SubjectKind {
    /// A person's.
    #[default]
    User,
    /// Everyone's in a group.
    Group,
    /// A program's.
    Robot,
}

impl SubjectKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::User, Self::Group, Self::Robot];

    /// Those that do something themselves.
    pub const ACTING: [Self; 2] = [Self::User, Self::Robot];

    /// Its word in forms.
    pub const fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Robot => "robot",
        }
    }

    /// The kind of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    pub(crate) fn text(self, t: &'static crate::Texts) -> &'static str {
        match self {
            Self::User => t.people.user,
            Self::Group => t.people.group,
            Self::Robot => t.people.robot,
        }
    }
}

/// A role that somebody has.
#[derive(Clone, Debug)]
pub struct MemberLine {
    /// How it is named in addresses.
    pub id: String,
    /// Whose it is.
    pub name: String,
    /// What that is.
    pub kind: SubjectKind,
    /// The role.
    pub role: String,
    /// The pattern of the repositories that it is for, if it is not for all.
    pub pattern: Option<String>,
    /// When it was given.
    pub given: Moment,
}

/// A role that is to be given.
#[derive(Clone, Debug, Default)]
pub struct MemberForm {
    /// To whom.
    pub name: String,
    /// What that is.
    pub kind: SubjectKind,
    /// Which role.
    pub role: String,
    /// The roles that there are.
    pub roles: Vec<String>,
    /// For which repositories; nothing for all.
    pub pattern: String,
    /// Why it did not work.
    pub failed: Option<String>,
}

impl Members {
    pub(crate) fn link(&self, id: &str) -> String {
        Link::Under(&self.account, &["members", id]).to_string()
    }

    pub(crate) fn rights(&self) -> String {
        part_of(&self.account, self.namespace.as_deref(), "rights")
    }
}

/// A role that somebody has, to change or to take it.
#[derive(Clone, Debug, Template)]
#[template(path = "people/member.html")]
pub struct Member {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// The namespace that it is for; `None` for the whole account.
    pub namespace: Option<String>,
    /// The role.
    pub line: MemberLine,
    /// The roles that it could be instead, for those who may change it.
    pub roles: Vec<String>,
    /// Whether the reader may take it.
    pub may_take: bool,
    /// Why it did not work.
    pub failed: Option<String>,
}

impl Member {
    pub(crate) fn link(&self) -> String {
        Link::Under(&self.account, &["members", &self.line.id]).to_string()
    }

    pub(crate) fn take(&self) -> String {
        format!("{}/delete", self.link())
    }

    /// Where all of them are.
    pub(crate) fn all(&self) -> String {
        part_of(&self.account, self.namespace.as_deref(), "members")
    }
}
