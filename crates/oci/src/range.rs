//! The `Range` header of blob downloads (RFC 9110, section 14).

use std::ops::Range;

/// How much work one `Range` header may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeLimits {
    /// The most ranges in one header; with more, the header is ignored and the whole blob is sent.
    pub max_ranges: usize,
}

impl Default for RangeLimits {
    /// Clients of chunked layers send several hundred ranges at once, so: 1024.
    fn default() -> Self {
        Self { max_ranges: 1024 }
    }
}

/// What to send for a `Range` header. Every range is non-empty and lies within the content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RangeOutcome {
    /// Everything, as if there were no such header: 200.
    Whole,
    /// One part: 206 with `Content-Range`.
    Single(Range<u64>),
    /// Two parts or more, none overlapping another, in the order to send them: 206
    /// `multipart/byteranges`.
    Multi(Vec<Range<u64>>),
    /// Nothing that was asked for exists: 416 with `Content-Range: bytes */size`.
    Unsatisfiable,
}

/// Decides what a `Range` header asks of content of `size` bytes.
///
/// - Another unit, or text that does not follow the grammar, is ignored (`Whole`), as is a header
///   with more ranges than `limits` allow.
/// - A range whose end lies before its start makes the header invalid; RFC 9110 lets a server
///   reject it, and the conformance suite expects that (`Unsatisfiable`).
/// - Parts come in the order asked for, since clients of chunked layers match them by position. If
///   any overlap they are merged and sorted instead: an answer is never larger than the content.
/// - Empty content has no part to send: ranges from its start get the whole of it, others nothing.
pub fn parse_ranges(header: &str, size: u64, limits: RangeLimits) -> RangeOutcome {
    let Some((unit, set)) = header.split_once('=') else {
        return RangeOutcome::Whole;
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return RangeOutcome::Whole;
    }
    let (mut ranges, mut asked) = (Vec::new(), 0);
    for text in set.split(',').map(|text| text.trim_matches([' ', '\t'])) {
        // Lists may have empty elements (RFC 9110, section 5.6.1.2). They count as work all the same.
        asked += 1;
        if asked > limits.max_ranges {
            return RangeOutcome::Whole;
        }
        if text.is_empty() {
            continue;
        }
        match Spec::parse(text) {
            None => return RangeOutcome::Whole,
            Some(Spec::Between(start, end)) if end < start => return RangeOutcome::Unsatisfiable,
            Some(spec) => ranges.push(spec),
        }
    }
    if ranges.is_empty() {
        return RangeOutcome::Whole;
    }
    if size == 0 {
        let from_start = ranges.iter().any(|spec| match spec {
            Spec::From(start) | Spec::Between(start, _) => *start == 0,
            Spec::Suffix(length) => *length > 0,
        });
        return if from_start {
            RangeOutcome::Whole
        } else {
            RangeOutcome::Unsatisfiable
        };
    }
    let parts = ranges
        .into_iter()
        .filter_map(|spec| spec.within(size))
        .collect();
    let mut parts = without_overlap(parts);
    match parts.len() {
        0 => RangeOutcome::Unsatisfiable,
        1 => RangeOutcome::Single(parts.remove(0)),
        _ => RangeOutcome::Multi(parts),
    }
}

/// One element of the header, as written. Numbers too large to count are lowered to the largest.
enum Spec {
    /// `first-last`, both inclusive.
    Between(u64, u64),
    /// `first-`
    From(u64),
    /// `-length`
    Suffix(u64),
}

impl Spec {
    fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-')?;
        match (first, last) {
            ("", length) => Some(Self::Suffix(number(length)?)),
            (first, "") => Some(Self::From(number(first)?)),
            (first, last) => Some(Self::Between(number(first)?, number(last)?)),
        }
    }

    /// The bytes meant, of content that is not empty; `None` if there are none.
    fn within(self, size: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::Between(first, last) => first..last.saturating_add(1).min(size),
            Self::From(first) => first..size,
            Self::Suffix(length) => size.saturating_sub(length)..size,
        };
        (range.start < range.end).then_some(range)
    }
}

fn number(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

/// Leaves ranges alone if no two overlap, else merges those that overlap or touch, sorted.
fn without_overlap(ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    let mut sorted = ranges.clone();
    sorted.sort_unstable_by_key(|range| range.start);
    if sorted.is_sorted_by(|left, right| left.end <= right.start) {
        return ranges;
    }
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in sorted {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// The `Content-Range` of a part: `bytes first-last/size`. `range` is not empty.
pub fn content_range(range: &Range<u64>, size: u64) -> String {
    format!(
        "bytes {}-{}/{size}",
        range.start,
        range.end.saturating_sub(1)
    )
}

/// The `Content-Range` of a 416: `bytes */size`.
pub fn unsatisfied_content_range(size: u64) -> String {
    format!("bytes */{size}")
}

#[cfg(test)]
mod tests;
