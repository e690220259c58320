//! What is written down of pulls: what the account keeps, and the namespace does not decline.

use crate::account_settings::AccountSettings;
use metadata::NamespaceSettings;

/// The switches of a namespace, by their names among its settings. One that is not there is on.
pub(crate) const COUNTS_PULLS: &str = "counts_pulls";
pub(crate) const KEEPS_PULL_TIMES: &str = "keeps_pull_times";

/// What is written down of the pulls of a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PullsKept {
    /// How many there were.
    pub(crate) counts: bool,
    /// When the last one was.
    pub(crate) times: bool,
}

impl PullsKept {
    /// A namespace switches off what its account keeps, and cannot switch on what that does not.
    pub(crate) fn of(account: &AccountSettings, namespace: &NamespaceSettings) -> Self {
        Self {
            counts: account.counts_pulls && !is_off(namespace, COUNTS_PULLS),
            times: account.keeps_pull_times && !is_off(namespace, KEEPS_PULL_TIMES),
        }
    }
}

/// Whether a namespace declines something by a switch of its own.
pub(crate) fn is_off(namespace: &NamespaceSettings, switch: &str) -> bool {
    let value = namespace.get(switch).map(String::as_str);
    value.is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "false" | "0" | ""))
}

/// Whether a namespace wants something by a switch of its own.
pub(crate) fn is_on(namespace: &NamespaceSettings, switch: &str) -> bool {
    namespace.contains_key(switch) && !is_off(namespace, switch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_namespace_only_switches_off() {
        let account = |counts: bool, times: bool| {
            let stored = [(COUNTS_PULLS, counts), (KEEPS_PULL_TIMES, times)];
            let stored = stored.map(|(name, is_on)| (name.to_owned(), json!(is_on)));
            AccountSettings::of(&stored.into())
        };
        let namespace = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect::<NamespaceSettings>()
        };
        for (of, own, counts, times) in [
            (account(true, true), namespace(&[]), true, true),
            (
                account(true, true),
                namespace(&[(COUNTS_PULLS, "false")]),
                false,
                true,
            ),
            (
                account(true, true),
                namespace(&[(KEEPS_PULL_TIMES, "False")]),
                true,
                false,
            ),
            (
                account(true, true),
                namespace(&[(KEEPS_PULL_TIMES, "true")]),
                true,
                true,
            ),
            (
                account(false, false),
                namespace(&[(COUNTS_PULLS, "true"), (KEEPS_PULL_TIMES, "true")]),
                false,
                false,
            ),
        ] {
            assert_eq!(PullsKept::of(&of, &own), PullsKept { counts, times });
        }
    }
}
