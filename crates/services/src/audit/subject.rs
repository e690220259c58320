//! What an event says of who did it and of what it was done to, in the words of lists and exports.

use model::caller::Origin;
use model::{Caller, Event};
use serde_json::Value;
use std::sync::Arc;

/// Who did something, from where, and with what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Initiator {
    pub(crate) caller: Arc<str>,
    pub(crate) credential: &'static str,
    pub(crate) address: Option<String>,
    pub(crate) agent: Option<Arc<str>>,
}

impl Initiator {
    pub(crate) fn of(caller: &Caller, origin: &Origin) -> Self {
        Self {
            caller: caller.display_name().into(),
            credential: caller.credential_word(),
            address: origin.address.map(|address| address.to_string()),
            agent: origin.agent.clone(),
        }
    }

    /// The registry itself.
    pub(crate) fn registry() -> Self {
        Self {
            caller: "registry".into(),
            credential: "none",
            address: None,
            agent: None,
        }
    }
}

/// What an event was done to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Subject {
    /// Its name.
    pub(crate) resource: Option<String>,
    /// The namespace that it is in, or is.
    pub(crate) namespace: Option<String>,
}

impl Subject {
    /// Reads it from an event: the field called like the noun of its kind, or the repository with tag or digest.
    pub(crate) fn of(kind: &str, payload: &str) -> Self {
        let Ok(payload) = serde_json::from_str::<Value>(payload) else {
            return Self::default();
        };
        let text = |field: &str| payload.get(field).and_then(Value::as_str);
        let first = |field: &str| payload.get(field)?.as_array()?.first()?.as_str();
        let repository = text("repository");
        let namespace = repository
            .and_then(|name| name.split('/').next())
            .or_else(|| text("namespace"));
        let noun = kind.split('.').next().unwrap_or_default();
        let resource = match repository {
            Some(repository) if noun != "repository" => {
                let tag = text("tag")
                    .or_else(|| first("tags").filter(|_| noun != "manifest" || !is_deleted(kind)));
                Some(match (tag, text("digest")) {
                    (Some(tag), _) => format!("{repository}:{tag}"),
                    (None, Some(digest)) => format!("{repository}@{digest}"),
                    (None, None) => repository.to_owned(),
                })
            }
            Some(repository) => Some(repository.to_owned()),
            None => text(noun)
                .or_else(|| text("token"))
                .or_else(|| text("user"))
                .or_else(|| text("group"))
                .or_else(|| text("robot"))
                .or_else(|| first("users"))
                .or_else(|| text("name"))
                .or(namespace)
                .map(str::to_owned),
        };
        Self {
            resource,
            namespace: namespace.map(str::to_owned),
        }
    }
}

fn is_deleted(kind: &str) -> bool {
    operation(kind) == "delete"
}

/// What was done, as one of few words.
pub(crate) fn operation(kind: &str) -> &'static str {
    match kind {
        "user.logged_in" | "login.refused" => return "login",
        "user.logged_out" => return "logout",
        "access.refused" => return "access",
        _ => {}
    }
    match kind.rsplit('.').next().unwrap_or_default() {
        "created" | "added" | "pushed" | "put" | "made" | "copied" => "create",
        "deleted" | "removed" | "revoked" | "purged" | "collected" | "destroyed" => "delete",
        "pulled" => "pull",
        "seen" => "read",
        _ => "update",
    }
}

/// What kind of thing it was done to.
pub(crate) fn resource_type(kind: &str) -> &str {
    match kind.split('.').next().unwrap_or_default() {
        "manifest" => "artifact",
        "namespace" => "project",
        "login" => "user",
        "access" => "request",
        noun => noun,
    }
}

/// Whether what was tried was done.
pub(crate) fn is_success(kind: &str) -> bool {
    !kind.ends_with(".refused") && kind != "job.failed"
}

/// The kinds that Harbor's older log knew: artifacts, tags, repositories and projects, made, deleted or pulled.
pub(crate) fn legacy_kinds() -> Vec<&'static str> {
    let kinds = Event::KINDS.iter().copied();
    kinds
        .filter(|kind| {
            matches!(
                resource_type(kind),
                "artifact" | "tag" | "repository" | "project"
            ) && matches!(operation(kind), "create" | "delete" | "pull")
        })
        .collect()
}

/// Operation and type of a kind, as Harbor writes them: `create_artifact`.
pub(crate) fn event_type(kind: &str) -> String {
    format!("{}_{}", operation(kind), resource_type(kind))
}

/// The same of every kind.
pub(crate) fn event_types() -> Vec<String> {
    let mut types: Vec<_> = Event::KINDS.iter().map(|kind| event_type(kind)).collect();
    types.sort_unstable();
    types.dedup();
    types
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(kind: &str, payload: &str) -> (Option<String>, Option<String>) {
        let subject = Subject::of(kind, payload);
        (subject.resource, subject.namespace)
    }

    fn some(resource: &str, namespace: &str) -> (Option<String>, Option<String>) {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        (text(resource), text(namespace))
    }

    #[test]
    fn a_subject_is_named_as_people_name_it() {
        for (kind, payload, resource, namespace) in [
            (
                "manifest.pushed",
                r#"{"repository":"team/app","digest":"sha256:aa","tags":["v1","v2"]}"#,
                "team/app:v1",
                "team",
            ),
            (
                "manifest.pushed",
                r#"{"repository":"team/app","digest":"sha256:aa","tags":[]}"#,
                "team/app@sha256:aa",
                "team",
            ),
            (
                "manifest.deleted",
                r#"{"repository":"team/app","digest":"sha256:aa","tags":["v1"]}"#,
                "team/app@sha256:aa",
                "team",
            ),
            (
                "tag.deleted",
                r#"{"repository":"team/app","digest":"sha256:aa","tag":"v1"}"#,
                "team/app:v1",
                "team",
            ),
            (
                "repository.deleted",
                r#"{"repository":"team/app"}"#,
                "team/app",
                "team",
            ),
            (
                "namespace.created",
                r#"{"namespace":"team"}"#,
                "team",
                "team",
            ),
            (
                "member.added",
                r#"{"namespace":"team","user":"alice"}"#,
                "alice",
                "team",
            ),
            ("user.created", r#"{"user":"alice"}"#, "alice", ""),
            (
                "login.refused",
                r#"{"users":["alice"],"count":2}"#,
                "alice",
                "",
            ),
            ("login.refused", r#"{"users":[],"count":2}"#, "", ""),
            ("garbage.collected", r#"{"blobs":1}"#, "", ""),
            ("tag.put", "no JSON", "", ""),
        ] {
            assert_eq!(subject(kind, payload), some(resource, namespace), "{kind}");
        }
    }

    #[test]
    fn kinds_have_harbors_words() {
        for (kind, expected) in [
            ("manifest.pushed", ("create", "artifact")),
            ("manifest.pulled", ("pull", "artifact")),
            ("tag.put", ("create", "tag")),
            ("namespace.updated", ("update", "project")),
            ("user.password_reset", ("update", "user")),
            ("user.logged_in", ("login", "user")),
            ("login.refused", ("login", "user")),
            ("member.removed", ("delete", "member")),
            ("access_token.revoked", ("delete", "access_token")),
        ] {
            assert_eq!((operation(kind), resource_type(kind)), expected, "{kind}");
        }
        let legacy = legacy_kinds();
        assert!(legacy.contains(&"manifest.pulled") && legacy.contains(&"namespace.deleted"));
        assert!(!legacy.contains(&"user.created") && !legacy.contains(&"namespace.updated"));
        let types = event_types();
        for expected in [
            "create_artifact",
            "pull_artifact",
            "login_user",
            "delete_project",
        ] {
            assert!(types.iter().any(|known| known == expected), "{expected}");
        }
    }
}
