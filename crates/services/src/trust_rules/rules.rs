//! What a trust rule can be, and which tokens it believes.

use super::TrustRuleSpec;
use crate::{Error, Result};
use model::role::matches_pattern;
use outbound::HttpClient;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The names and patterns of one rule, and the length of each, in bytes.
const MAX_CLAIMS: usize = 20;
const MAX_PATTERNS: usize = 20;
const MAX_CLAIM_BYTES: usize = 128;
const MAX_PATTERN_BYTES: usize = 512;
const MAX_ISSUER_BYTES: usize = 512;
const MAX_AUDIENCE_BYTES: usize = 255;
const MAX_DESCRIPTION_CHARS: usize = 1024;
const MAX_NAME_BYTES: usize = 63;
/// A claim that is longer is like no pattern.
const MAX_VALUE_BYTES: usize = 1024;
const LIFETIMES: std::ops::RangeInclusive<i64> = 60..=LONGEST_WORKLOAD_TOKEN_MS / 1000;
/// No registry token of a workload lives longer.
pub(crate) const LONGEST_WORKLOAD_TOKEN_MS: i64 = 3600 * 1000;

/// Whether a token's claims are what a rule asks for: every claim that it names, each like one of its patterns.
pub(crate) fn fits(wanted: &BTreeMap<String, Vec<String>>, claims: &Map<String, Value>) -> bool {
    !wanted.is_empty()
        && wanted.iter().all(|(name, patterns)| {
            let value = match claims.get(name) {
                Some(Value::String(text)) => text.clone(),
                Some(value @ (Value::Bool(_) | Value::Number(_))) => value.to_string(),
                _ => return false,
            };
            value.len() <= MAX_VALUE_BYTES
                && patterns
                    .iter()
                    .any(|pattern| matches_pattern(pattern, &value))
        })
}

pub(crate) fn require_rule_name(name: &str) -> Result<()> {
    let is_group = |group: &str| {
        !group.is_empty()
            && group
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    if name.len() <= MAX_NAME_BYTES && name.split(['.', '_', '-']).all(is_group) {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "the name of a trust rule has 1 to {MAX_NAME_BYTES} small letters and digits, with single '.', '_' or '-' between them"
    )))
}

pub(super) fn require_texts(spec: &TrustRuleSpec) -> Result<()> {
    if spec.description.chars().count() > MAX_DESCRIPTION_CHARS {
        return Err(Error::Invalid(format!(
            "a description has {MAX_DESCRIPTION_CHARS} characters at most"
        )));
    }
    let audience = &spec.audience;
    let is_fine = (1..=MAX_AUDIENCE_BYTES).contains(&audience.len())
        && !audience
            .chars()
            .any(|letter| letter.is_control() || letter.is_whitespace());
    if is_fine {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "the audience has 1 to {MAX_AUDIENCE_BYTES} bytes without blanks; take the registry's own address"
    )))
}

/// An issuer is named by a URL without query and fragment (OpenID Connect Discovery 1.0, section 3).
pub(crate) fn require_issuer(client: &HttpClient, issuer: &str) -> Result<()> {
    let invalid = |why: &str| {
        Error::Invalid(format!(
            "the issuer cannot be used: {why}; write it as its tokens have it, such as https://gitlab.example.com"
        ))
    };
    if issuer.len() > MAX_ISSUER_BYTES || issuer.contains(['?', '#']) {
        return Err(invalid(
            "it is longer than 512 bytes, or has a query or a fragment",
        ));
    }
    if issuer
        .chars()
        .any(|letter| letter.is_control() || letter.is_whitespace())
    {
        return Err(invalid("it has blanks or control characters"));
    }
    client.check_url(issuer).map_err(|error| {
        invalid(match error {
            outbound::HttpFailed::Url(why) => why,
            _ => "the deployment does not allow requests to go there",
        })
    })
}

pub(super) fn require_claims(claims: &BTreeMap<String, Vec<String>>) -> Result<()> {
    let is_fine = |text: &str, longest: usize| {
        (1..=longest).contains(&text.len()) && !text.chars().any(char::is_control)
    };
    let are_fine = claims.len() <= MAX_CLAIMS
        && claims.iter().all(|(name, patterns)| {
            is_fine(name, MAX_CLAIM_BYTES)
                && (1..=MAX_PATTERNS).contains(&patterns.len())
                && patterns
                    .iter()
                    .all(|pattern| is_fine(pattern, MAX_PATTERN_BYTES))
        });
    if !are_fine {
        return Err(Error::Invalid(format!(
            "a trust rule has at most {MAX_CLAIMS} claims of {MAX_CLAIM_BYTES} bytes, each with 1 to {MAX_PATTERNS} patterns of \
             {MAX_PATTERN_BYTES} bytes"
        )));
    }
    // An issuer such as a public CI system gives tokens to everyone.
    let is_open = |patterns: &Vec<String>| {
        patterns
            .iter()
            .any(|pattern| pattern.bytes().all(|byte| byte == b'*'))
    };
    if claims.values().all(is_open) {
        return Err(Error::Invalid(
            "a trust rule has to say which workloads it is for: give a pattern for a claim that tells them apart, such as sub"
                .to_owned(),
        ));
    }
    Ok(())
}

/// How long registry tokens live, in seconds.
pub(super) fn lifetime(asked: Option<i64>, usual_ms: i64) -> Result<i64> {
    match asked {
        None => Ok((usual_ms / 1000).clamp(*LIFETIMES.start(), *LIFETIMES.end())),
        Some(secs) if LIFETIMES.contains(&secs) => Ok(secs),
        Some(_) => Err(Error::Invalid(
            "registry tokens of a trust rule live for 60 to 3600 seconds".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn wanted(claims: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        let own = |patterns: &[&str]| patterns.iter().map(|text| (*text).to_owned()).collect();
        claims
            .iter()
            .map(|(name, patterns)| ((*name).to_owned(), own(patterns)))
            .collect()
    }

    fn fits_json(claims: &[(&str, &[&str])], token: &Value) -> bool {
        fits(&wanted(claims), token.as_object().expect("an object"))
    }

    #[test]
    fn a_prefix_is_no_organisation_and_a_branch_no_fork() {
        let main: &[(&str, &[&str])] = &[("sub", &["repo:acme/*:ref:refs/heads/main"])];
        for (sub, is_fit) in [
            ("repo:acme/app:ref:refs/heads/main", true),
            ("repo:acme-evil/app:ref:refs/heads/main", false),
            ("repo:acme/app:ref:refs/heads/main2", false),
            ("repo:acme/app:ref:refs/heads/main/x", false),
            ("repo:acme/app:pull_request", false),
            ("repo:acme/a/b:ref:refs/heads/main", false),
            ("xrepo:acme/app:ref:refs/heads/main", false),
            ("repo:acme/app:ref:refs/heads/main\nx", false),
            ("repo:ACME/app:ref:refs/heads/main", false),
            ("", false),
        ] {
            assert_eq!(fits_json(main, &json!({ "sub": sub })), is_fit, "{sub}");
        }
        let whole: &[(&str, &[&str])] = &[("sub", &["repo:acme/**"])];
        assert!(fits_json(
            whole,
            &json!({ "sub": "repo:acme/app:ref:refs/heads/x/y" })
        ));
        assert!(!fits_json(whole, &json!({ "sub": "repo:acme-evil/app" })));
    }

    #[test]
    fn what_stands_for_something_else_elsewhere_is_a_letter_here() {
        for (pattern, other) in [
            ("a.c", "abc"),
            ("(a|b)", "a"),
            ("[ab]", "a"),
            ("a?", "ab"),
            ("\\*", "x"),
            ("^a$", "a"),
        ] {
            assert!(
                !fits_json(&[("c", &[pattern])], &json!({ "c": other })),
                "{pattern}"
            );
            assert!(
                pattern.contains('*') || fits_json(&[("c", &[pattern])], &json!({ "c": pattern }))
            );
        }
    }

    #[test]
    fn every_claim_counts_and_must_be_a_plain_value() {
        let both: &[(&str, &[&str])] = &[
            ("project_path", &["acme/app"]),
            ("ref_protected", &["true"]),
        ];
        assert!(fits_json(
            both,
            &json!({ "project_path": "acme/app", "ref_protected": "true" })
        ));
        assert!(fits_json(
            both,
            &json!({ "project_path": "acme/app", "ref_protected": true })
        ));
        for missing in [
            json!({ "project_path": "acme/app" }),
            json!({ "project_path": "acme/app", "ref_protected": "false" }),
            json!({ "project_path": ["acme/app"], "ref_protected": true }),
            json!({ "project_path": { "acme/app": 1 }, "ref_protected": true }),
            json!({ "project_path": null, "ref_protected": true }),
        ] {
            assert!(!fits_json(both, &missing), "{missing}");
        }
        assert!(fits_json(
            &[("run_id", &["1", "42"])],
            &json!({ "run_id": 42 })
        ));
        assert!(
            !fits_json(&[], &json!({ "sub": "anyone" })),
            "a rule without claims is for nobody"
        );
        let long = json!({ "sub": "a".repeat(MAX_VALUE_BYTES + 1) });
        assert!(!fits_json(&[("sub", &["a**"])], &long));
    }

    #[test]
    fn a_rule_for_everyone_is_refused() {
        for open in [
            wanted(&[]),
            wanted(&[("sub", &["**"])]),
            wanted(&[("sub", &["*"])]),
            wanted(&[("sub", &["repo:acme/**", "**"])]),
            wanted(&[("sub", &[])]),
            wanted(&[("", &["a"])]),
            wanted(&[("sub", &[""])]),
            wanted(&[("sub", &["a\nb"])]),
        ] {
            assert!(require_claims(&open).is_err(), "{open:?}");
        }
        assert!(require_claims(&wanted(&[("sub", &["repo:acme/**"]), ("ref", &["**"])])).is_ok());
    }

    #[test]
    fn tokens_live_for_a_minute_to_an_hour() {
        assert!(matches!(lifetime(None, 300_000), Ok(300)));
        assert!(matches!(lifetime(None, 86_400_000), Ok(3600)));
        for secs in [60, 3600] {
            assert!(matches!(lifetime(Some(secs), 300_000), Ok(given) if given == secs));
        }
        for secs in [59, 3601, 0, -1, i64::MAX] {
            assert!(lifetime(Some(secs), 300_000).is_err(), "{secs}");
        }
    }
}
