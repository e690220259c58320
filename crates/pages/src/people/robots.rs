//! Robot accounts: the names by which programs log in.

use crate::frame::Frame;
use crate::links::Link;
use crate::values::Moment;
use askama::Template;

/// What people give robot accounts most.
const USUAL: [&str; 4] = [
    "repository:pull",
    "repository:push",
    "artifact:delete",
    "tag:delete",
];

/// The robot accounts of an account, or of one of its namespaces.
#[derive(Clone, Debug, Template)]
#[template(path = "people/robots.html")]
pub struct Robots {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// The namespace that they are of; `None` for those of the account itself.
    pub namespace: Option<String>,
    /// A part of the name that is looked for.
    pub words: String,
    /// Those that there are, by their names.
    pub robots: Vec<RobotLine>,
    /// Where the next ones are.
    pub next: Option<String>,
    /// To make another one, for those who may.
    pub form: Option<RobotForm>,
}

/// A robot account in a list.
#[derive(Clone, Debug)]
pub struct RobotLine {
    /// Its whole name.
    pub name: String,
    /// What people say of it.
    pub description: String,
    /// How it is.
    pub state: RobotState,
    /// When it was last used.
    pub last_used: Option<Moment>,
}

/// Whether a robot account may log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RobotState {
    /// For ever.
    Active,
    /// Until then.
    Until(Moment),
    /// Until then, which is soon.
    Soon(Moment),
    /// Its time was over then.
    Expired(Moment),
    /// It was switched off.
    Disabled,
}

/// What a robot account is or is to be.
#[derive(Clone, Debug, Default)]
pub struct RobotForm {
    /// The name that is chosen for it.
    pub name: String,
    /// What people say of it.
    pub description: String,
    /// For how many days; nothing for ever.
    pub days: String,
    /// Whether it may not log in.
    pub is_disabled: bool,
    /// What it may do and could be given.
    pub actions: Vec<ActionBox>,
    /// Whether that holds in every namespace.
    pub is_everywhere: bool,
    /// Otherwise in these, with blanks between them.
    pub namespaces: String,
    /// Why it did not work.
    pub failed: Option<String>,
}

/// An action that can be given.
#[derive(Clone, Debug)]
pub struct ActionBox {
    /// Its name: `repository:pull`.
    pub name: &'static str,
    /// Whether it is given.
    pub is_given: bool,
}

impl RobotForm {
    /// The actions that are given most, with what they are called.
    pub(crate) fn usual(&self, t: &'static crate::Texts) -> Vec<(&ActionBox, &'static str)> {
        let texts = [
            t.people.may_pull,
            t.people.may_push,
            t.people.may_delete,
            t.people.may_untag,
        ];
        let named = USUAL.iter().zip(texts).filter_map(|(name, text)| {
            let found = self.actions.iter().find(|one| one.name == *name);
            found.map(|one| (one, text))
        });
        named.collect()
    }

    /// The others.
    pub(crate) fn others(&self) -> Vec<&ActionBox> {
        let others = self.actions.iter().filter(|one| !USUAL.contains(&one.name));
        others.collect()
    }

    /// Whether one of the others is given.
    pub(crate) fn has_others(&self) -> bool {
        self.others().iter().any(|one| one.is_given)
    }
}

impl Robots {
    pub(crate) fn link(&self, robot: &str) -> String {
        Link::Under(&self.account, &["robots", robot]).to_string()
    }
}

/// A robot account.
#[derive(Clone, Debug, Template)]
#[template(path = "people/robot.html")]
pub struct Robot {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// Its whole name.
    pub name: String,
    /// How it is.
    pub state: RobotState,
    /// When it was made.
    pub created: Moment,
    /// When it was last used.
    pub last_used: Option<Moment>,
    /// Where it may do what: the place, `None` for every namespace, and the names of the actions.
    pub permissions: Vec<(Option<String>, String)>,
    /// To change it, for those who may.
    pub form: Option<RobotForm>,
    /// Whether the form decides what it may do: not if that differs from place to place.
    pub decides_actions: bool,
    /// Whether the form decides where.
    pub decides_places: bool,
    /// Whether the reader may delete it.
    pub may_delete: bool,
    /// Why it was not deleted.
    pub not_deleted: Option<String>,
}

impl Robot {
    pub(crate) fn link(&self, part: &str) -> String {
        let all = ["robots", self.name.as_str(), part];
        let segments = if part.is_empty() { &all[..2] } else { &all[..] };
        Link::Under(&self.account, segments).to_string()
    }
}

/// A secret that is shown this once.
#[derive(Clone, Template)]
#[template(path = "people/robot_secret.html")]
pub struct RobotSecret {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// Whose secret it is.
    pub robot: String,
    /// The secret.
    pub secret: String,
    /// The registry's name, with a port if it has one.
    pub registry: String,
    /// For how many hours the secret before stays good; nothing for a new robot account.
    pub overlap_hours: Option<u64>,
}

impl RobotSecret {
    pub(crate) fn link(&self) -> String {
        Link::Under(&self.account, &["robots", &self.robot]).to_string()
    }

    /// The line that logs in; the secret is asked for, so that no shell keeps it. Quoted: the name has a `$`.
    pub(crate) fn login(&self) -> String {
        format!("docker login {} --username '{}'", self.registry, self.robot)
    }
}
