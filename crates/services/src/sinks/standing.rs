//! How those stand who are told of what happens, webhooks, sinks and mail of the whole deployment: for its operators' metrics.

use super::Sinks;
use crate::{Error, Result};
use metadata::{FollowerKind, FollowerStanding};
use std::sync::atomic::{AtomicI64, Ordering};

/// How far they are counted: looking must not take longer the more of them wait.
const COUNTED_AT_MOST: i64 = 10_000;
const KINDS: [FollowerKind; 3] = [
    FollowerKind::Webhook,
    FollowerKind::Sink,
    FollowerKind::Mail,
];
/// What a follower is that has something to do: it has not come to it, its receiver failed last, or it was stopped.
pub(crate) const STATES: [&str; 3] = ["behind", "failing", "paused"];

/// What metrics show of followers.
#[derive(Default)]
pub struct FollowerCounts {
    counts: [[AtomicI64; STATES.len()]; KINDS.len()],
    ages_ms: [[AtomicI64; STATES.len()]; KINDS.len()],
}

impl FollowerCounts {
    fn note(&self, standings: &[FollowerStanding], now_ms: i64) {
        for (at, kind) in KINDS.into_iter().enumerate() {
            for (state, _) in STATES.iter().enumerate() {
                let is_meant = |one: &&FollowerStanding| one.kind == kind && state_of(one) == state;
                let meant = standings.iter().filter(is_meant);
                let oldest_ms = meant.clone().filter_map(|one| one.oldest_at_ms).min();
                let age_ms = oldest_ms.map_or(0, |oldest_ms| now_ms - oldest_ms);
                let count = i64::try_from(meant.count()).unwrap_or(i64::MAX);
                self.counts[at][state].store(count, Ordering::Relaxed);
                self.ages_ms[at][state].store(age_ms.max(0), Ordering::Relaxed);
            }
        }
    }

    /// Followers that have not told their receivers of everything, as of when this process looked last: kind, state, how
    /// many, up to 10,000 in all, and the age of the oldest event among them that was not told, in seconds.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &'static str, i64, i64)> {
        KINDS.into_iter().enumerate().flat_map(move |(at, kind)| {
            STATES.into_iter().enumerate().map(move |(state, word)| {
                let count = self.counts[at][state].load(Ordering::Relaxed);
                let age_ms = self.ages_ms[at][state].load(Ordering::Relaxed);
                (kind.as_str(), word, count, age_ms / 1000)
            })
        })
    }
}

/// Which of them.
pub(crate) fn state_of(one: &FollowerStanding) -> usize {
    if one.is_paused {
        2
    } else {
        usize::from(one.is_failing)
    }
}

impl Sinks {
    /// Looks how followers stand, webhooks' among them.
    pub async fn look_at_followers(&self) -> Result<()> {
        let looked = self
            .core
            .metadata
            .list(|reader| Ok::<_, Error>(reader.list_follower_standings(COUNTED_AT_MOST)?));
        self.followers.note(&looked.await?, self.core.now_ms());
        Ok(())
    }

    /// How they stood then.
    pub fn followers(&self) -> &FollowerCounts {
        &self.followers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn followers_are_counted_by_kind_and_state() {
        let one = |kind, is_paused, is_failing, oldest_at_ms| FollowerStanding {
            kind,
            is_paused,
            is_failing,
            oldest_at_ms,
        };
        let counts = FollowerCounts::default();
        let standings = [
            one(FollowerKind::Sink, false, false, Some(4_000)),
            one(FollowerKind::Sink, false, false, Some(1_000)),
            one(FollowerKind::Sink, false, true, None),
            one(FollowerKind::Webhook, true, true, Some(2_000)),
        ];
        counts.note(&standings, 9_000);
        let all: Vec<_> = counts.all().collect();
        assert_eq!(
            all,
            [
                ("webhook", "behind", 0, 0),
                ("webhook", "failing", 0, 0),
                ("webhook", "paused", 1, 7),
                ("sink", "behind", 2, 8),
                ("sink", "failing", 1, 0),
                ("sink", "paused", 0, 0),
                ("mail", "behind", 0, 0),
                ("mail", "failing", 0, 0),
                ("mail", "paused", 0, 0),
            ]
        );
        counts.note(&[], 9_000);
        assert!(
            counts
                .all()
                .all(|(_, _, count, age)| (count, age) == (0, 0))
        );
    }
}
