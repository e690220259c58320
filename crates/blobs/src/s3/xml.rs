//! As much XML as the store's answers need that the client does not read for us: texts of elements without attributes.

/// The text of the first element of this name.
pub(crate) fn text_of(xml: &str, name: &str) -> Option<String> {
    elements(xml, name).next().map(unescape)
}

/// What is inside of every element of this name; such an element never contains another of its name.
pub(crate) fn elements<'x>(xml: &'x str, name: &str) -> impl Iterator<Item = &'x str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = xml;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(&open)?;
        let (inside, next) = after.split_once(&close)?;
        rest = next;
        Some(inside)
    })
}

fn unescape(text: &str) -> String {
    text.trim()
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&apos;", "'")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_elements_are_found_in_their_order() {
        let xml = "<?xml version=\"1.0\"?><R xmlns=\"x\"><U><K>a&amp;lt;</K></U>\n<U><K> b </K><I>1</I></U></R>";
        let keys: Vec<_> = elements(xml, "U")
            .map(|upload| text_of(upload, "K"))
            .collect();
        assert_eq!(keys, [Some("a&lt;".to_owned()), Some("b".to_owned())]);
        assert_eq!(text_of(xml, "I").as_deref(), Some("1"));
        assert_eq!(text_of(xml, "Missing"), None);
        assert_eq!(text_of("<K>unfinished", "K"), None);
    }
}
