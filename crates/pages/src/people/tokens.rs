//! Access tokens: what people give their own programs in place of their password.

use super::robots::RobotState;
use crate::frame::Frame;
use crate::values::Moment;
use askama::Template;

/// The reader's own access tokens.
#[derive(Clone, Debug, Template)]
#[template(path = "people/tokens.html")]
pub struct Tokens {
    /// What is around it.
    pub frame: Frame,
    /// Those that there are, by their names.
    pub tokens: Vec<TokenLine>,
    /// Where the next ones are.
    pub next: Option<String>,
    /// To make another one.
    pub form: TokenForm,
}

/// An access token in the list.
#[derive(Clone, Debug)]
pub struct TokenLine {
    /// How it is named in addresses.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it may pull, push and delete.
    pub may: [bool; 3],
    /// Until when it is good.
    pub state: RobotState,
    /// When it was last used.
    pub last_used: Option<Moment>,
    /// When it was made.
    pub created: Moment,
}

/// An access token that is to be made.
#[derive(Clone, Debug, Default)]
pub struct TokenForm {
    /// Its name.
    pub name: String,
    /// For how many days; nothing for ever.
    pub days: String,
    /// Whether it may pull.
    pub pull: bool,
    /// Whether it may push.
    pub push: bool,
    /// Whether it may delete.
    pub delete: bool,
    /// Why it did not work.
    pub failed: Option<String>,
}

impl TokenLine {
    pub(crate) fn words(&self, t: &'static crate::Texts) -> Vec<&'static str> {
        let words = [t.people.may_pull, t.people.may_push, t.people.may_delete];
        let held = words.into_iter().zip(self.may).filter(|(_, held)| *held);
        held.map(|(word, _)| word).collect()
    }
}

/// An access token of the reader's.
#[derive(Clone, Debug, Template)]
#[template(path = "people/token.html")]
pub struct Token {
    /// What is around it.
    pub frame: Frame,
    /// The token.
    pub token: TokenLine,
    /// Why it was not revoked.
    pub failed: Option<String>,
}

/// The secret of an access token, which is shown this once.
#[derive(Clone, Template)]
#[template(path = "people/token_secret.html")]
pub struct TokenSecret {
    /// What is around it.
    pub frame: Frame,
    /// The token's name.
    pub token: String,
    /// Whose it is.
    pub user: String,
    /// The secret.
    pub secret: String,
    /// The registry's name, with a port if it has one.
    pub registry: String,
}

impl TokenSecret {
    /// The line that logs in; the secret is asked for, so that no shell keeps it.
    pub(crate) fn login(&self) -> String {
        format!("docker login {} --username '{}'", self.registry, self.user)
    }
}
