//! What is kept of a receiver's answer, for people who may not see what the webhook was sent with.

use keys::SecretString;

/// What stands for a secret.
const HIDDEN: &str = "***";
/// The shortest part of a secret that is looked for by itself: shorter ones are words of every text.
const MIN_PART: usize = 4;

/// What a webhook is sent with.
pub(super) struct SentWith<'a> {
    pub(super) url: &'a SecretString,
    /// Whether the URL's path is a secret, too, as Slack's is.
    pub(super) is_path_secret: bool,
    pub(super) auth: Option<&'a SecretString>,
    pub(super) secret: Option<&'a SecretString>,
}

impl SentWith<'_> {
    /// Everything that an answer must not repeat, the longest first: receivers say what they were asked for, in whole or in
    /// part.
    fn secrets(&self) -> Vec<&str> {
        let mut secrets = vec![self.url.expose()];
        let without_fragment = self.url.expose().split('#').next().unwrap_or_default();
        let (place, query) = match without_fragment.split_once('?') {
            Some((place, query)) => (place, query),
            None => (without_fragment, ""),
        };
        secrets.push(query);
        for pair in query.split('&') {
            secrets.push(pair.split_once('=').map_or(pair, |(_, value)| value));
        }
        if self.is_path_secret
            && let Some((_, rest)) = place.split_once("://")
            && let Some((_, path)) = rest.split_once('/')
        {
            secrets.push(path);
            secrets.extend(path.split('/'));
        }
        for secret in [self.auth, self.secret].into_iter().flatten() {
            secrets.push(secret.expose());
            // Of `Bearer …`, an echo may have the rest alone.
            if let Some((_, rest)) = secret.expose().split_once(' ') {
                secrets.push(rest);
            }
        }
        let whole = [self.auth, self.secret].map(|secret| secret.map(SecretString::expose));
        secrets.retain(|part| {
            part.len() >= MIN_PART || (!part.is_empty() && whole.contains(&Some(*part)))
        });
        secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets
    }
}

/// An answer, or its first `limit` bytes, as text without control characters and without what was sent along in secret.
pub(super) fn readable(body: &[u8], limit: usize, sent: &SentWith<'_>) -> String {
    let text = String::from_utf8_lossy(body);
    let is_fine = |letter: &char| !letter.is_control() || matches!(letter, '\n' | '\t');
    let mut text: String = text.chars().filter(is_fine).collect();
    let secrets = sent.secrets();
    for secret in &secrets {
        text = text.replace(secret, HIDDEN);
    }
    if body.len() >= limit {
        // What is cut in the middle of a secret would show how it begins.
        let whole = text.trim_end_matches('\u{fffd}').len();
        text.truncate(whole);
        let begun = secrets.iter().map(|secret| begun_at_end(&text, secret));
        let begun = begun.max().unwrap_or_default();
        if begun > 0 {
            text.truncate(text.len() - begun);
            text.push_str(HIDDEN);
        }
    }
    text
}

/// How many bytes at the end of a text are the beginning of a secret.
fn begun_at_end(text: &str, secret: &str) -> usize {
    let starts = secret.char_indices().map(|(at, _)| at);
    let begun = starts.filter(|at| *at > 0 && text.ends_with(&secret[..*at]));
    begun.max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(body: &str, limit: usize, is_path_secret: bool) -> String {
        let url = "https://hooks.example.com/services/T0KEN?key=in-the-query&v=1";
        let (url, auth, secret) = (
            SecretString::from(url),
            SecretString::from("Bearer of-the-receiver"),
            SecretString::from("abc"),
        );
        let sent = SentWith {
            url: &url,
            is_path_secret,
            auth: Some(&auth),
            secret: Some(&secret),
        };
        let body = &body.as_bytes()[..body.len().min(limit)];
        readable(body, limit, &sent)
    }

    #[test]
    fn an_answer_repeats_no_secret() {
        for body in [
            "no such page: https://hooks.example.com/services/T0KEN?key=in-the-query&v=1",
            "GET /services/T0KEN?key=in-the-query&v=1: not found",
            "{\"args\":{\"key\":\"in-the-query\"}}",
            "authorization: Bearer of-the-receiver",
            "token of-the-receiver is unknown",
            "of-the-\u{1}receiver",
            "abc",
        ] {
            let kept = kept(body, 4096, false);
            assert!(kept.contains(HIDDEN), "{body}: {kept}");
            for secret in ["in-the-query", "of-the-receiver", "abc"] {
                assert!(!kept.contains(secret), "{body}: {kept}");
            }
        }
        assert!(kept("POST /services/T0KEN", 4096, false).contains("/services/T0KEN"));
        assert!(!kept("POST /services/T0KEN", 4096, true).contains("T0KEN"));
        assert!(!kept("no T0KEN", 4096, true).contains("T0KEN"));
    }

    #[test]
    fn an_answer_is_not_cut_in_the_middle_of_a_secret() {
        let body = "you sent Bearer of-the-receiver";
        for limit in 0..=body.len() {
            let kept = kept(body, limit, false);
            assert!(
                !kept.contains('B') && !kept.contains("of-"),
                "{limit}: {kept}"
            );
        }
        let short = "you sent Be";
        assert_eq!(kept(short, 4096, false), short, "it is whole");
    }
}
