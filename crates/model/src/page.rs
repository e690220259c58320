//! One page of a list that is read by keyset: each page starts after the last item of the one before.

/// Some items and, when there are more, the marker to ask the next page with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// `Some` exactly when there is at least one item after these.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Makes a page out of rows that were asked for with `limit + 1`: the one too many only tells that there are more.
    pub fn from_probe(mut items: Vec<T>, limit: usize, marker: impl Fn(&T) -> String) -> Self {
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next = if has_more {
            items.last().map(marker)
        } else {
            None
        };
        Self { items, next }
    }
}

#[cfg(test)]
mod tests {
    use super::Page;

    #[test]
    fn a_page_names_a_next_one_only_when_a_row_was_left_over() {
        let marker = |item: &u8| item.to_string();
        assert_eq!(
            Page::from_probe(vec![1, 2, 3], 2, marker).next.as_deref(),
            Some("2")
        );
        assert_eq!(Page::from_probe(vec![1, 2], 2, marker).next, None);
        assert_eq!(Page::from_probe(vec![1], 0, marker).items, Vec::<u8>::new());
    }
}
