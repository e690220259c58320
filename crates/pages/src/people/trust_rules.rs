//! Rules by which programs elsewhere are trusted without a secret.

use super::parts::Parts;
use super::robots::RobotForm;
use crate::frame::Frame;
use crate::links::Link;
use crate::values::Moment;
use askama::Template;

/// The trust rules of an account.
#[derive(Clone, Debug, Template)]
#[template(path = "people/trust_rules.html")]
pub struct TrustRules {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// The ways to what else there is about people.
    pub parts: Parts,
    /// Those that there are, by their names.
    pub rules: Vec<TrustRuleLine>,
    /// Where the next ones are.
    pub next: Option<String>,
    /// To make another one, for those who may.
    pub form: Option<TrustRuleForm>,
}

/// A trust rule in the list.
#[derive(Clone, Debug)]
pub struct TrustRuleLine {
    /// Its name.
    pub name: String,
    /// Whose tokens are believed.
    pub issuer: String,
    /// Whether it believes nobody at present.
    pub is_disabled: bool,
    /// When it was last used.
    pub last_used: Option<Moment>,
}

/// A trust rule as it is, or is to be.
#[derive(Clone, Debug, Default)]
pub struct TrustRuleForm {
    /// Its name.
    pub name: String,
    /// What people say of it.
    pub description: String,
    /// Whose tokens are believed.
    pub issuer: String,
    /// For whom they must be.
    pub audience: String,
    /// What their claims have to be like, one a line.
    pub claims: String,
    /// Whether it believes nobody at present.
    pub is_disabled: bool,
    /// What may be done by it.
    pub rights: RobotForm,
    /// Why it did not work.
    pub failed: Option<String>,
}

impl TrustRules {
    pub(crate) fn link(&self, name: &str) -> String {
        Link::Under(&self.account, &["trust-rules", name]).to_string()
    }
}

/// A trust rule.
#[derive(Clone, Debug, Template)]
#[template(path = "people/trust_rule.html")]
pub struct TrustRule {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// The rule.
    pub line: TrustRuleLine,
    /// When it was made.
    pub created: Moment,
    /// Where it allows what: the place, `None` for every namespace, and the names of the actions.
    pub permissions: Vec<(Option<String>, String)>,
    /// To change it, for those who may.
    pub form: Option<TrustRuleForm>,
    /// Whether the form decides what it allows: not if that differs from place to place.
    pub decides_rights: bool,
    /// Whether the reader may delete it.
    pub may_delete: bool,
    /// Why it was not deleted.
    pub not_deleted: Option<String>,
}

impl TrustRule {
    pub(crate) fn link(&self) -> String {
        Link::Under(&self.account, &["trust-rules", &self.line.name]).to_string()
    }

    pub(crate) fn delete(&self) -> String {
        format!("{}/delete", self.link())
    }
}
