//! The parts of an account's people: members, users, invitations, groups, roles of its own, trust rules.

use crate::links::Link;

/// One of the parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Who has which role.
    Members,
    /// Who there is.
    Users,
    /// Who was asked to come.
    Invitations,
    /// Who belongs together.
    Groups,
    /// The account's own roles.
    Roles,
    /// Which programs elsewhere are trusted.
    TrustRules,
}

/// The parts that a reader may see, on a page of one of them.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The account's name.
    pub account: String,
    /// The parts, in their order.
    pub seen: Vec<Part>,
    /// Where the page is.
    pub here: Part,
}

impl Parts {
    /// Where each is, what it is called, and whether the page is there.
    pub(crate) fn ways(&self, t: &'static crate::Texts) -> Vec<(String, &'static str, bool)> {
        let ways = self.seen.iter().map(|part| {
            let (place, text) = match part {
                Part::Members => ("members", t.people.members),
                Part::Users => ("users", t.people.users),
                Part::Invitations => ("invitations", t.people.invitations),
                Part::Groups => ("groups", t.people.groups),
                Part::Roles => ("roles", t.people.roles),
                Part::TrustRules => ("trust-rules", t.people.trust_rules),
            };
            let link = Link::In(&self.account, place).to_string();
            (link, text, *part == self.here)
        });
        ways.collect()
    }
}
