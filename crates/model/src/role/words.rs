//! What actions are, for people.

use super::Action;

/// The things that actions are done to, as people call many of them.
const THINGS: &[(&str, &str)] = &[
    ("repository", "repositories"),
    ("namespace", "namespaces"),
    ("accessory", "what is about artifacts, such as signatures"),
    ("artifact", "artifacts"),
    (
        "artifact-addition",
        "what artifacts bring along, such as their build history",
    ),
    ("artifact-label", "labels on artifacts"),
    ("tag", "tags"),
    ("label", "labels"),
    ("member", "members of namespaces"),
    ("metadata", "settings of namespaces"),
    ("log", "audit logs of namespaces"),
    ("quota", "what is used, and its limits"),
    ("robot", "robot accounts"),
    ("immutable-tag", "rules for immutable tags"),
    ("tag-retention", "rules for keeping tags"),
    ("notification-policy", "rules for notifications"),
    ("preheat-policy", "rules for preheating"),
    ("scan", "scans"),
    ("sbom", "bills of materials"),
    ("scanner", "scanners"),
    ("export-cve", "exports of vulnerabilities"),
    ("catalog", "the catalogue of repositories"),
    ("configuration", "the account's settings"),
    ("audit-log", "the account's audit log"),
    ("user", "users of the account"),
    ("user-group", "groups"),
    ("ldap-user", "users of a directory"),
    ("system-volumes", "how much room there is"),
    ("registry", "other registries"),
    ("replication-policy", "rules for replication"),
    ("replication", "replications"),
    ("replication-adapter", "kinds of other registries"),
    ("preheat-instance", "places for preheating"),
    ("scan-all", "scans of everything"),
    ("garbage-collection", "garbage collections"),
    ("purge-audit", "purges of audit logs"),
    ("jobservice-monitor", "work in the background"),
    ("security-hub", "an overview of vulnerabilities"),
    ("account", "the account itself"),
    ("plan", "the account's plan"),
    ("network-rule", "rules for networks"),
    (
        "trust-rule",
        "rules by which workloads elsewhere are trusted",
    ),
    (
        "identity-source",
        "issuers and directories by which people log in",
    ),
    ("invitation", "invitations to users of other accounts"),
    ("role", "roles of the account's own"),
    ("grant", "grants"),
    (
        "content-request",
        "operators' requests to see what is in the account",
    ),
    ("sink", "places to which the account's log goes"),
    ("metrics", "figures for the account's own monitoring"),
    ("mail", "who is told by mail of what happens"),
];

impl Action {
    /// What it is, in a few words: `See tags`.
    pub fn description(self) -> String {
        let done = match self.verb() {
            "create" => "Make",
            "read" => "See",
            "list" => "List",
            "update" => "Change",
            "delete" => "Delete",
            "pull" => "Pull from",
            "push" => "Push to",
            "operate" => "Run",
            "stop" => "Stop",
            other => other,
        };
        let resource = self.resource();
        let thing = THINGS.iter().find(|(name, _)| *name == resource);
        format!("{done} {}", thing.map_or(resource, |(_, words)| words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_action_is_told_in_words_of_its_own() {
        let told: BTreeSet<String> = Action::ALL.iter().map(|one| one.description()).collect();
        assert_eq!(told.len(), Action::ALL.len());
        for action in Action::ALL {
            let is_known = THINGS.iter().any(|(name, _)| *name == action.resource());
            let words = action.description();
            let begins_as_a_sentence =
                words.starts_with(|letter: char| letter.is_ascii_uppercase());
            assert!(is_known && begins_as_a_sentence, "{}", action.as_str());
        }
        assert_eq!(Action::RepositoryPush.description(), "Push to repositories");
    }
}
