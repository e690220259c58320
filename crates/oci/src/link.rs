//! The `Link` header that leads to the next page of a listing.

use crate::Endpoint;

impl Endpoint {
    /// The value of a `Link` header to the page after the entry `last`: same listing, same page
    /// size, same filters. `None` for an endpoint that is not a listing.
    ///
    /// The target is relative (a path without host), because clients refuse to follow a link to
    /// another host and we may not know the name they know us by.
    pub fn next_link(&self, last: &str) -> Option<String> {
        let mut next = self.clone();
        match &mut next {
            Self::ListTags { last: marker, .. }
            | Self::Referrers { last: marker, .. }
            | Self::Catalog { last: marker, .. } => *marker = Some(last.to_owned()),
            _ => return None,
        }
        Some(format!("<{}>; rel=\"next\"", next.target()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(path: &str, query: &str, last: &str) -> Option<String> {
        Endpoint::parse("GET", path, Some(query))
            .unwrap()
            .next_link(last)
    }

    #[test]
    fn keeps_size_and_filters() {
        assert_eq!(
            link("/v2/a/b/tags/list", "last=v0&n=2", "v1").unwrap(),
            r#"</v2/a/b/tags/list?n=2&last=v1>; rel="next""#
        );
        assert_eq!(
            link("/v2/_catalog", "", "a/b").unwrap(),
            r#"</v2/_catalog?last=a/b>; rel="next""#
        );
        let digest = crate::Digest::sha256_of(b"");
        assert_eq!(
            link(
                &format!("/v2/a/referrers/{digest}"),
                "artifactType=application/x%2By&artifactType=b",
                "p"
            )
            .unwrap(),
            format!(
                r#"</v2/a/referrers/{digest}?artifactType=application/x%2By&artifactType=b&last=p>; rel="next""#
            )
        );
        assert_eq!(link("/v2/", "", "x"), None);
    }

    #[test]
    fn nothing_escapes_from_the_brackets() {
        let link = link(
            "/v2/a/tags/list",
            "",
            "x>; rel=\"evil\"\r\nSet-Cookie: a=b&n=0 é",
        )
        .unwrap();
        assert_eq!(
            link,
            r#"</v2/a/tags/list?last=x%3E%3B%20rel%3D%22evil%22%0D%0ASet-Cookie:%20a%3Db%26n%3D0%20%C3%A9>; rel="next""#
        );
    }
}
