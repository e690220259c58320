//! Paths of the management APIs, matched as they came: a name is one segment, whatever slashes are encoded in it. Each of the
//! APIs has a table of operations, and finds them here.

use http::Method;
use percent_encoding::percent_decode_str;

/// What stood in the places of a template, decoded.
#[derive(Debug, Default)]
pub(crate) struct PathParams(Vec<(&'static str, String)>);

impl PathParams {
    /// What stood in the place of that name; empty for a place that the template does not have.
    pub(crate) fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map_or("", |(_, value)| value)
    }
}

/// What stands in the places of `template` (as `/projects/{project_name}/members`) in a path, which is not decoded yet;
/// `None` when it is another path. A final slash counts for nothing: clients have it here and there. `decode` reads a place's
/// text, or says that it cannot be one.
pub(crate) fn match_path(
    template: &'static str,
    path: &str,
    decode: fn(&str) -> Option<String>,
) -> Option<PathParams> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut params = PathParams::default();
    let mut parts = path.split('/');
    for wanted in template.split('/') {
        let part = parts.next()?;
        match wanted
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
        {
            Some(name) => params.0.push((name, decode(part)?)),
            None if wanted == part => {}
            None => return None,
        }
    }
    parts.next().is_none().then_some(params)
}

/// Reads a name that is encoded. `None` for what is not UTF-8, or empty.
pub(crate) fn decode_once(part: &str) -> Option<String> {
    let text = percent_decode_str(part).decode_utf8().ok()?;
    (!text.is_empty() && !text.contains('\0')).then(|| text.into_owned())
}

/// Some of Harbor's clients encode a name once, some twice: a percent sign that is left after the first time is one of the
/// second.
pub(crate) fn decode_twice(part: &str) -> Option<String> {
    decode_once(&decode_once(part)?)
}

/// A row of a table of operations.
pub(crate) trait Route {
    /// Its method, and the template of its path.
    fn route(&self) -> (&'static str, &'static str);
}

/// What a method and a path come to.
pub(crate) enum Found<O: 'static> {
    Operation(&'static O, PathParams),
    /// The path is there, with these methods.
    OtherMethods(String),
    Nothing,
}

/// The first operation that a method and a path ask for. A HEAD for which there is none of its own is a GET without a body.
pub(crate) fn find<O: Route>(
    operations: &'static [O],
    method: &Method,
    path: &str,
    decode: fn(&str) -> Option<String>,
) -> Found<O> {
    let (mut read, mut others) = (None, Vec::new());
    for operation in operations {
        let (wanted, template) = operation.route();
        let Some(params) = match_path(template, path, decode) else {
            continue;
        };
        if wanted == method.as_str() {
            return Found::Operation(operation, params);
        }
        if wanted == "GET" && method == Method::HEAD {
            read.get_or_insert((operation, params));
        }
        others.push(wanted);
    }
    match read {
        Some((operation, params)) => Found::Operation(operation, params),
        None if others.is_empty() => Found::Nothing,
        None => Found::OtherMethods(others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPOSITORY: &str = "/projects/{project_name}/repositories/{repository_name}";

    fn repository(path: &str) -> Option<String> {
        Some(
            match_path(REPOSITORY, path, decode_twice)?
                .get("repository_name")
                .to_owned(),
        )
    }

    #[test]
    fn a_name_may_be_encoded_once_or_twice() {
        for name in ["a%2Fb", "a%252Fb", "a%252fb", "a%2fb"] {
            let path = format!("/projects/p/repositories/{name}");
            assert_eq!(repository(&path).as_deref(), Some("a/b"), "{name}");
        }
        assert_eq!(
            repository("/projects/p/repositories/a/").as_deref(),
            Some("a")
        );
    }

    #[test]
    fn a_name_that_is_decoded_once_may_hold_percent_signs() {
        let of = |path| {
            let params = match_path("/names/{name}", path, decode_once);
            params.map(|params| params.get("name").to_owned())
        };
        assert_eq!(of("/names/a%252Fb").as_deref(), Some("a%2Fb"));
        assert_eq!(of("/names/a%2Fb").as_deref(), Some("a/b"));
        assert_eq!(of("/names/a%00b"), None);
    }

    #[test]
    fn another_path_does_not_match() {
        for path in [
            "/projects/p/repositories",
            "/projects/p/repositories/",
            "/projects/p/repositories/a/b",
            "/projects//repositories/a",
            "/projects/p/repositories/%ff",
            "/projects/p/repositories/a%00b",
            "/Projects/p/repositories/a",
        ] {
            assert_eq!(repository(path), None, "{path}");
        }
    }
}
