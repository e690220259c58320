//! What can be set of a namespace, by Harbor's names.

use crate::allowlists::CveAllowlistText;
use crate::image_labels::LABELS_END_TAGS;
use crate::pulls_kept::{COUNTS_PULLS, KEEPS_PULL_TIMES, is_off, is_on};
use crate::{Error, Result};
use metadata::{NamespaceSettings, Tx};
use model::NamespaceId;

/// The one setting that decides about access, and is no text among others.
const PUBLIC: &str = "public";

/// Settings that are `true` or `false`, and whether they may be true: what they need may not be there.
const SWITCHES: &[(&str, Option<&str>)] = &[
    ("reuse_sys_cve_allowlist", None),
    (COUNTS_PULLS, None),
    (KEEPS_PULL_TIMES, None),
    (LABELS_END_TAGS, None),
    ("enable_content_trust", Some("signatures")),
    ("enable_content_trust_cosign", Some("signatures")),
    ("prevent_vul", Some("a vulnerability scanner")),
    ("auto_scan", Some("a vulnerability scanner")),
    ("auto_sbom_generation", Some("a vulnerability scanner")),
    (
        "proxy_cache_local_on_not_found",
        Some("an upstream registry"),
    ),
    ("proxy_referrer_api", Some("an upstream registry")),
];

/// Settings that say something only of namespaces that read from an upstream registry.
const OF_UPSTREAMS: &[&str] = &[
    "proxy_speed_kb",
    "max_upstream_conn",
    "proxy_cache_filter_pattern",
    "proxy_cache_filter_kind",
];

const SEVERITIES: &[&str] = &[
    "",
    "none",
    "unknown",
    "negligible",
    "low",
    "medium",
    "high",
    "critical",
];

/// Settings to be given to a namespace, or taken from it, and vulnerabilities that it is to accept.
#[derive(Clone, Debug, Default)]
pub struct NamespaceChange {
    settings: Vec<(String, Option<String>)>,
    allowlist: Option<CveAllowlistText>,
}

impl NamespaceChange {
    /// Sets one.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings
            .push((name.to_owned(), Some(value.to_owned())));
        self
    }

    /// Writes the vulnerabilities down that it accepts.
    #[must_use]
    pub fn accept(mut self, list: CveAllowlistText) -> Self {
        self.allowlist = Some(list);
        self
    }

    pub(super) fn allowlist(&self) -> Option<&CveAllowlistText> {
        self.allowlist.as_ref()
    }

    /// Takes one away.
    #[must_use]
    pub fn unset(mut self, name: &str) -> Self {
        self.settings.push((name.to_owned(), None));
        self
    }

    /// Whether the namespace is opened to everyone, or closed.
    pub(super) fn is_public(&self) -> Result<Option<bool>> {
        let last = self.settings.iter().rfind(|(name, _)| name == PUBLIC);
        match last {
            None => Ok(None),
            Some((_, None)) => Ok(Some(false)),
            Some((name, Some(value))) => switch(name, value).map(Some),
        }
    }

    /// Writes a namespace's settings with these changes, and when its switch for the times of pulls was turned.
    pub(super) fn put(
        &self,
        tx: &mut Tx<'_>,
        id: &NamespaceId,
        mut settings: NamespaceSettings,
        (owner, now_ms): (&str, i64),
    ) -> Result<()> {
        let was_off = is_off(&settings, KEEPS_PULL_TIMES);
        self.apply(&mut settings)?;
        tx.put_namespace_settings(id, &settings, owner, now_ms)?;
        if was_off != is_off(&settings, KEEPS_PULL_TIMES) {
            tx.set_namespace_pull_times_since(id, now_ms)?;
        }
        tx.set_namespace_reads_labels(id, is_on(&settings, LABELS_END_TAGS))?;
        Ok(())
    }

    /// Changes settings, after a look at each.
    pub(super) fn apply(&self, settings: &mut NamespaceSettings) -> Result<()> {
        if let Some(list) = &self.allowlist {
            list.check()?;
        }
        for (name, value) in &self.settings {
            let Some(value) = value else {
                settings.remove(name);
                continue;
            };
            check(name, value)?;
            if name != PUBLIC {
                settings.insert(name.clone(), value.clone());
            }
        }
        Ok(())
    }
}

fn check(name: &str, value: &str) -> Result<()> {
    if name == PUBLIC {
        return switch(name, value).map(drop);
    }
    if let Some((_, needed)) = SWITCHES.iter().find(|(known, _)| *known == name) {
        return match (switch(name, value)?, needed) {
            (true, Some(needed)) => Err(Error::Invalid(format!(
                "{name} cannot be true: it needs {needed}, which this registry does not have"
            ))),
            _ => Ok(()),
        };
    }
    if OF_UPSTREAMS.contains(&name) {
        // What Harbor's clients send when they mean nothing by it.
        return if matches!(value, "" | "0" | "-1") {
            Ok(())
        } else {
            Err(Error::Invalid(format!(
                "{name} cannot be set: it is for namespaces that read from an upstream registry, which this registry does not have"
            )))
        };
    }
    if name == "severity" {
        return if SEVERITIES.contains(&value.to_ascii_lowercase().as_str()) {
            Ok(())
        } else {
            Err(Error::Invalid(format!(
                "severity is one of none, low, medium, high and critical, not {value:?}"
            )))
        };
    }
    Err(Error::Invalid(format!(
        "{name:?} is no setting of a namespace that can be changed; those are public, severity, \
         counts_pulls, keeps_pull_times, labels_end_tags, reuse_sys_cve_allowlist and what Harbor's documentation names"
    )))
}

fn switch(name: &str, value: &str) -> Result<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" | "" => Ok(false),
        _ => Err(Error::Invalid(format!(
            "{name} is \"true\" or \"false\", not {value:?}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_yet_can_be_off_and_not_on() {
        let mut settings = NamespaceSettings::new();
        let off = NamespaceChange::default()
            .set("public", "true")
            .set("prevent_vul", "false")
            .set("severity", "low")
            .set("proxy_speed_kb", "-1");
        assert!(off.apply(&mut settings).is_ok());
        assert!(matches!(off.is_public(), Ok(Some(true))));
        assert_eq!(
            settings.get("prevent_vul").map(String::as_str),
            Some("false")
        );
        assert_eq!(settings.get("public"), None);
        for (name, value) in [
            ("prevent_vul", "true"),
            ("auto_scan", "true"),
            ("enable_content_trust", "true"),
            ("proxy_speed_kb", "100"),
            ("retention_id", "1"),
            ("public", "perhaps"),
            ("severity", "terrible"),
            ("owner", "me"),
        ] {
            let change = NamespaceChange::default().set(name, value);
            assert!(
                matches!(change.apply(&mut settings), Err(Error::Invalid(_))),
                "{name}"
            );
        }
    }
}
