//! What IBM's API reads by name, and changes.

use super::{Change, Read};

#[rustfmt::skip]
pub(super) const READS: &[Read] = &[
    ("InspectImage", "/images/{namespace}%2Fapp%3Av1/json"),
    ("GetImageManifest", "/images/{namespace}%2Fapp%3Av1/manifest"),
    ("GetRetentionPolicy", "/retentions/{namespace}"),
];

#[rustfmt::skip]
pub(super) const CHANGES: &[Change] = &[
    ("UpdateAuth", "/auth", r#"{"private_only":false}"#, &["network_rules"]),
    ("TagImage", "/images/tags?fromimage={namespace}/app:v1&toimage={place}/app:{fresh}", "", &[]),
    ("CreateNamespace", "/namespaces/{fresh}", "", &["grants", "namespaces"]),
    ("AnalyzeRetentionPolicy", "/retentions/analyze", r#"{"namespace":"{namespace}","images_per_repo":5}"#, &[]),
    ("SetRetentionPolicy", "/retentions", r#"{"namespace":"{namespace}","images_per_repo":-1,"retain_untagged":true}"#, &[]),
    ("UpdateQuota", "/quotas", r#"{"storage_megabytes":1000}"#, &["account_limits"]),
    ("UpdatePlans", "/plans", r#"{"plan":"offered"}"#, &["account_terms"]),
    ("RestoreImage", "/trash/{namespace}%2Fapp%3A{trashed_tag}/restore", "", &[]),
    ("RestoreTags", "/trash/{namespace}%2Fapp%40{trashed_digest}/restoretags", "", &[]),
    ("DeleteImageTag", "/tags/{namespace}%2Fapp%3Av2", "", &[]),
    ("DeleteImage", "/images/{namespace}%2Fapp%3Av1", "", &[]),
    ("DeleteNamespace", "/namespaces/{spare}", "", &["namespaces"]),
];

/// Operations that change nothing that is the account's: what they would change is fixed, they answer with a list of what
/// was refused, or they only read.
pub(super) const HARMLESS: &[&str] = &[
    "AssignNamespace",
    "BulkDeleteImages",
    "ListImageDigests",
    "UpdateSettings",
];
