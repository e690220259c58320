//! "Did you mean …?"

/// The candidate that `written` most likely stands for: at most a third of its letters differ.
pub(super) fn nearest<'c>(
    written: &str,
    candidates: impl Iterator<Item = &'c str>,
) -> Option<&'c str> {
    // Unknown keys come from outside: the comparison costs the product of both lengths.
    if written.len() > 200 {
        return None;
    }
    candidates
        .map(|candidate| (edit_distance(written, candidate), candidate))
        .filter(|(distance, candidate)| distance * 3 <= candidate.chars().count())
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many letters must be inserted, removed or replaced to get from `a` to `b` (Levenshtein).
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not_proposed() {
        let names = ["manifest_bytes", "blob_bytes", "tags_page"];
        assert_eq!(
            nearest("manifest_byte", names.into_iter()),
            Some("manifest_bytes")
        );
        assert_eq!(nearest("blobbytes", names.into_iter()), Some("blob_bytes"));
        assert_eq!(nearest("colour", names.into_iter()), None);
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "abc"), 3);
    }
}
